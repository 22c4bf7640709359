/** mm/zone.h - the zones of physical memory, and the kernel's own counts of how pages are used. */
#ifndef EG_LINUX_ZONE_H
#define EG_LINUX_ZONE_H

#include "../../../core/engram.h"

enum { LINUX_ORDERS = 24 };

/** A zone that has pages: numbers of pages. */
struct linux_zone {
    const char *name;            /**< "DMA32", with several nodes "DMA32 of node 1" */
    uint64_t first, last;        /**< both inclusive */
    uint64_t present, managed;   /**< with memory; given to the page allocator */
    uint64_t free[LINUX_ORDERS]; /**< free blocks of 2^order pages, as the allocator counts */
    unsigned orders;
};
/** In the run's memory. @return how many; 0: they cannot be found. */
size_t linux_zones(struct eg_run *r, struct linux_zone **out);

/** One of the kernel's counts (/proc/vmstat), summed over zones or nodes, as it was written back
 * last: "free", "slab, reclaimable"... @return false: this kernel has none of this name. */
enum linux_count {
    LINUX_COUNT_FREE,
    LINUX_COUNT_ANON, /**< that are mapped */
    LINUX_COUNT_FILE, /**< with shared memory and the swap cache */
    LINUX_COUNT_SWAPCACHE,
    LINUX_COUNT_SHMEM,
    LINUX_COUNT_SLAB_RECLAIMABLE,
    LINUX_COUNT_SLAB, /**< not reclaimable */
    LINUX_COUNT_TABLE,
    LINUX_COUNT_ZSPAGES,
    LINUX_COUNT_DIRTY,
};
bool linux_count(struct eg_run *r, enum linux_count which, uint64_t *pages);

#endif
