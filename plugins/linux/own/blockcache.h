/** own/blockcache.h - what memory has of a block device: the pages of the device itself, and of a
 * loop device those of the file that it lies on. */
#ifndef EG_LINUX_BLOCKCACHE_H
#define EG_LINUX_BLOCKCACHE_H

#include "../fs/block.h"

/** The inode whose page cache is the device's. Bad: nobody opened it. */
EG_API struct eg_obj linux_block_inode(struct eg_run *r, const struct linux_blockdev *b);
/** Of a loop device: the inode of its file, and the byte of that where the device begins.
 * @return false: it is none, or lies on nothing. */
EG_API bool linux_block_loop(struct eg_run *r, const struct linux_blockdev *b, struct eg_obj *inode,
                             uint64_t *offset);

#endif
