/** owners.h - what searches need of Linux: the address spaces of processes, the pages that are
 * mapped in a space, and who uses a place in physical memory. */
#ifndef EG_LINUX_OWNERS_H
#define EG_LINUX_OWNERS_H

#include "../../core/search.h"
#include "linux.h"

/** Pages are counted in the view's granule, whatever the machine's own size is. */
enum { PAGE = EG_VIEW_PAGE, PAGE_SHIFT = EG_VIEW_SHIFT };

/** A mapping of a process: [start, last]. */
struct linux_span {
    uint64_t start, last;
    uint64_t vma; /**< its vm_area_struct */
};

/** An address space, and the first process (by its id) that uses it. */
struct linux_mm {
    struct eg_obj mm;
    struct eg_space *space;
    uint64_t last; /**< of the addresses that are the process's */
    int64_t pid;
    const char *comm;
    struct linux_span *spans; /**< of linux_mm_spans(); NULL: not asked for */
    size_t n_spans;
};
/** All of them by process id, each once; @given: of those processes only that --pid names.
 * @return how many, in the run's memory. */
size_t linux_mms(struct eg_run *r, bool given, struct linux_mm **out);
/** Walk its mappings, once. */
void linux_mm_spans(struct eg_run *r, struct linux_mm *mm);
/** The mapping that holds @va; NULL: none, as far as is known. */
const struct linux_span *linux_mm_span_at(const struct linux_mm *mm, uint64_t va);

/** Runs of pages of @space that are mapped in [at, last], by address; each is of one table and
 * contiguous in physical memory. */
struct linux_page_walk {
    struct eg_space *space;
    uint64_t at, last;
    struct eg_map *tables; /**< not NULL: what a table holds that was met before is left out */
    uint64_t steps;        /**< so far: a walk that goes in circles ends */
    bool done;
};
struct linux_pages {
    uint64_t va, last; /**< both inclusive */
    uint64_t pa;       /**< of va */
    uint64_t entry;    /**< where the deciding entry is */
};
bool linux_next_pages(struct eg_run *r, struct linux_page_walk *w, struct linux_pages *out);

/** virtual - physical address of the kernel's map of all memory; false: not known. */
bool linux_direct_map(struct eg_run *r, uint64_t *delta);
/** Does the direct map hold it? */
static inline bool linux_is_direct(const struct linux_pages *p, bool known, uint64_t delta)
{
    return known && p->va - p->pa == delta;
}

int linux_regions(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out);
extern const struct eg_memory_ops linux_memory;

#endif
