/** kernel/iomem.h - the kernel's map of physical addresses, as /proc/iomem (kernel/resource.c). */
#ifndef EG_LINUX_IOMEM_H
#define EG_LINUX_IOMEM_H

#include "../../../core/engram.h"

EG_FIELDS(resource, start, end, name, parent, sibling, child);
EG_SYMBOL(iomem_resource, "resource");

/** All ranges, each before those inside of it. What is damaged is left out, and a note says so. */
struct linux_resource_walk {
    struct eg_obj at;
    unsigned depth; /**< of the one that was given last; 0: at the top */
    bool begun;
    bool broken; /**< something was left out */
};
bool linux_next_resource(struct eg_run *r, struct linux_resource_walk *w, struct eg_obj *resource);

/** Memory that the kernel calls "System RAM" (of any kind): whole pages, by address, joined where
 * two touch. In the run's memory. @return how many; 0: not all of the map can be read. */
struct linux_ram {
    uint64_t first, last; /**< physical, both inclusive */
};
size_t linux_ram(struct eg_run *r, struct linux_ram **out);
/** Where the last page of memory ends, by another variable (max_pfn, mm/memblock.c), for when the
 * map cannot be read. @return false: not known. */
bool linux_ram_end(struct eg_run *r, uint64_t *end);
/** Of it, what is kept for a crash kernel ("Crash kernel"): dumps may leave it out. */
size_t linux_ram_kept(struct eg_run *r, struct linux_ram **out);

#endif
