/** pages.h - the pages that are mapped in an address space. */
#ifndef EG_LINUX_PAGES_H
#define EG_LINUX_PAGES_H

#include "../../../core/engram.h"
#include "../../../core/map.h"

/** Pages are counted in the view's granule, whatever the machine's own size is. */
enum { PAGE = EG_VIEW_PAGE, PAGE_SHIFT = EG_VIEW_SHIFT };

/** Runs of pages of @space that are mapped in [at, last], by address; each is of one table and
 * contiguous in physical memory. */
struct linux_page_walk {
    struct eg_space *space;
    uint64_t at, last;
    struct eg_map *tables; /**< not NULL: what a table holds that was met before is left out */
    bool holes;            /**< give these too: pa is then UINT64_MAX */
    bool swapped;          /**< give swapped pages that can be read too, each by itself */
    uint64_t own;          /**< steps so far: tables in circles come to an end */
    uint64_t *steps;       /**< of all walks that belong together */
    bool done;
};
struct linux_pages {
    uint64_t va, last; /**< both inclusive */
    uint64_t pa;       /**< of va */
    uint64_t key;   /**< of a swapped page that is not in physical memory (pa is then UINT64_MAX):
                            the same wherever it is mapped; else UINT64_MAX */
    uint64_t entry; /**< where the deciding entry is */
};
bool linux_next_pages(struct eg_run *r, struct linux_page_walk *w, struct linux_pages *out);

/** How many pages the image holds, about. */
uint64_t linux_image_pages(struct eg_run *r);

/** virtual - physical address of the kernel's map of all memory; false: not known. */
bool linux_direct_map(struct eg_run *r, uint64_t *delta);
/** Does the direct map hold it? */
static inline bool linux_is_direct(const struct linux_pages *p, bool known, uint64_t delta)
{
    return known && p->va - p->pa == delta;
}

#endif
