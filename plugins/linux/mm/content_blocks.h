/** mm/content_blocks.h - of a folio that is not all of it up to date: which of its blocks are. */
#ifndef EG_LINUX_CONTENT_BLOCKS_H
#define EG_LINUX_CONTENT_BLOCKS_H

#include "filemap.h"

enum { LINUX_BLOCKS_MAX = 8192 };
struct linux_blocks {
    uint64_t first; /**< byte in the file where the folio begins */
    uint64_t size;  /**< bytes of a block */
    unsigned n;     /**< blocks of the folio */
    uint64_t fresh[LINUX_BLOCKS_MAX / 64];
};
/** @inode: the one that @e is of. @return false: it cannot be told. */
bool linux_blocks_of(struct eg_run *r, struct eg_obj inode, const struct linux_cached *e,
                     struct linux_blocks *out);
static inline bool linux_block_is_fresh(const struct linux_blocks *b, unsigned i)
{
    return b->fresh[i / 64] >> i % 64 & 1;
}

#endif
