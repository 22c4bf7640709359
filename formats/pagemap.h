/** pagemap.h - which page frames are RAM and which of them were written, in the two bitmaps of a
 * kdump or sadump; and the number of a written page among all written ones. */
#ifndef EG_PAGEMAP_H
#define EG_PAGEMAP_H

#include "../core/space.h"

/** Up to @high_first, the caller sets it before eg_pagemap_open(). */
struct eg_pagemap {
    struct eg_space *file; /**< borrowed */
    uint64_t ram, written; /**< where the bitmaps are in the file */
    uint64_t pages;        /**< page frames that they cover */
    uint32_t block;        /**< bytes of a page */
    bool two;              /**< there is a bitmap of RAM, too */
    bool high_first;       /**< the highest bit of a byte is its first page, not the lowest */
    unsigned shift;        /**< log2 of page frames to a rank */
    uint64_t *ranks;       /**< written pages before so many page frames; owned */
    uint64_t n_ram, n_written;
};

/** Count the pages. Where the file ends early, @pages becomes what is there; 0: nothing. @return
 * false: out of memory. */
bool eg_pagemap_open(struct eg_pagemap *m, struct eg_view *v);
void eg_pagemap_fini(struct eg_pagemap *m);

/** 64 bits of the bitmap of written pages, the lowest for page frame @pfn, a multiple of 64. */
bool eg_pagemap_word(struct eg_view *v, const struct eg_pagemap *m, uint64_t pfn, uint64_t *out);
/** Written pages before @pfn, which is at most @pages. */
bool eg_pagemap_rank(struct eg_view *v, const struct eg_pagemap *m, uint64_t pfn, uint64_t *out);
/** The hole at @pfn, which was not written: as far as all pages are RAM (excluded), or all are
 * not. */
void eg_pagemap_hole(struct eg_view *v, const struct eg_pagemap *m, uint64_t pfn,
                     struct eg_extent *out);

#endif
