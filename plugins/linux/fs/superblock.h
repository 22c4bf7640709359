/** fs/superblock.h - file systems that are mounted, or kept by the kernel (fs/super.c). */
#ifndef EG_LINUX_SUPERBLOCK_H
#define EG_LINUX_SUPERBLOCK_H

#include "../../../core/engram.h"

/** Every super_block of the list super_blocks: `linux_each_superblock(r, sb)`. */
struct linux_superblock_walk {
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_superblock(struct eg_run *r, struct linux_superblock_walk *w,
                                  struct eg_obj *sb);
#define linux_each_superblock(r, sb)                                                               \
    for (struct linux_superblock_walk EG_CAT(w_, __LINE__) = { 0 };                                \
         linux_next_superblock((r), &EG_CAT(w_, __LINE__), &(sb));)
/** Where a file system's root is, seen from the first mount namespace if it is mounted there, else
 * from another one; NULL: nowhere. The text belongs to the run. */
EG_API const char *linux_superblock_where(struct eg_run *r, struct eg_obj sb);

#endif
