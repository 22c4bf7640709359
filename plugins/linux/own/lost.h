/** lost.h - what the kernel had in a range of physical memory: what is lost where the image does
 * not have its bytes. */
#ifndef EG_LINUX_LOST_H
#define EG_LINUX_LOST_H

#include "../../../core/engram.h"

/** Things that were in the range. None of them can be pages of zeros, but for a few tables. Pages
 * have EG_VIEW_PAGE bytes. */
struct linux_lost {
    uint64_t root;   /**< the kernel's top page table: 1, or 0 */
    uint64_t tables; /**< other page tables of the kernel */
    uint64_t code;   /**< pages of the kernel's code */
    uint64_t memmap; /**< pages of the array of struct page */
    uint64_t roots;  /**< top page tables of processes */
    uint64_t stacks; /**< kernel stacks of processes */
    uint64_t
        caches; /**< slab caches of small objects that had pages there; 64 at most are counted */
};
/** About @pages struct pages at most are asked for what they are, evenly over [@first, @last]. All
 * zero if it cannot be told, and when the run is stopped. */
void linux_lost_in(struct eg_run *r, uint64_t first, uint64_t last, uint64_t pages,
                   struct linux_lost *out);

#endif
