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

/** Every mount of a file system (cursors on struct mount), in any namespace, or in none: those of
 * the kernel itself, and those that were taken away while in use. */
struct linux_sb_mount_walk {
    struct eg_obj sb;
    struct eg_list_walk list;
    uint64_t next, from;
    uint32_t n;
    bool begun, none;
};
EG_API bool linux_next_sb_mount(struct eg_run *r, struct linux_sb_mount_walk *w,
                                struct eg_obj *mount);
#define linux_each_sb_mount(r, sb_, m)                                                             \
    for (struct linux_sb_mount_walk EG_CAT(w_, __LINE__) = { .sb = (sb_) };                        \
         linux_next_sb_mount((r), &EG_CAT(w_, __LINE__), &(m));)
/** The mount namespace that a mount is in; bad: in none. */
EG_API struct eg_obj linux_mount_ns(struct eg_run *r, struct eg_obj mount);

/** Where a file system is, seen from the first mount namespace if it is mounted there, else from
 * another one: its root, and only where that is mounted nowhere one of its directories (a subvolume
 * of btrfs). NULL: nowhere. The text lives as long as the system. */
EG_API const char *linux_superblock_where(struct eg_run *r, struct eg_obj sb);
/** The inode number of that mount namespace; unset: it is nowhere. */
EG_API struct eg_cell linux_superblock_ns(struct eg_run *r, struct eg_obj sb);
/** The path of a dentry from where its file system is mounted, as above; else from the file
 * system's root. " (deleted)" follows one that is in no directory; a file that never has one is
 * "socket:[12]", "/memfd:name (deleted)". NULL: it cannot be read. */
EG_API const char *linux_dentry_where(struct eg_run *r, struct eg_obj dentry);
/** Is something mounted on it, in the first mount namespace? Then its path leads to that. */
EG_API bool linux_dentry_covered(struct eg_run *r, struct eg_obj dentry);
/** The type: "ext4", "fuse.sshfs". */
EG_API struct eg_cell linux_superblock_type(struct eg_run *r, struct eg_obj sb);

#endif
