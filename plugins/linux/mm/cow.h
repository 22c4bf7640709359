/** mm/cow.h - pages of a mapping that are no longer its file's: copies that a process got when
 * it wrote to them, or that somebody wrote for it. */
#ifndef EG_LINUX_COW_H
#define EG_LINUX_COW_H

#include "page.h"

/** The file of a mapping, and its bytes in the page cache. */
struct linux_mapped_file {
    struct eg_obj file, inode; /**< a struct file; the inode whose pages are mapped */
    struct eg_space *space;    /**< NULL: it cannot be read */
    uint64_t size;             /**< of the file; 0: not known */
    uint64_t offset;           /**< of the mapping's first byte in it */
};
/** @return false: @vma maps no file. */
EG_API bool linux_vma_file(struct eg_run *r, struct eg_obj vma, struct linux_mapped_file *out);

/** The copies in [start, last] of @space, by address: `while (linux_next_cow(r, &w, &va, &why))`.
 * A page that is swapped out is one too: no page of a file ever is. */
struct linux_cow_walk {
    struct eg_space *space;
    uint64_t at, last;
    const struct linux_mapped_file *file; /**< NULL: what is anonymous is a copy */
    uint64_t start;                       /**< of the mapping */
    uint64_t *budget;                     /**< of pages to look at: linux_pages_budget() */
};
/** @why: EG_OK, or why the page's own bytes cannot be read. */
EG_API bool linux_next_cow(struct eg_run *r, struct linux_cow_walk *w, uint64_t *va,
                           enum eg_why *why);

#endif
