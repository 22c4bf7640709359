/** fs/inodes.h - every inode that memory holds, by all ways that lead to one. */
#ifndef EG_LINUX_INODES_H
#define EG_LINUX_INODES_H

#include "../../../core/engram.h"

enum linux_inode_from {     // bits
    LINUX_INODE_DENTRY = 1, /**< a name in the tree of its file system */
    LINUX_INODE_LIST = 2,   /**< super_block.s_inodes */
    LINUX_INODE_HASH = 4,   /**< inode_hashtable */
    LINUX_INODE_OPEN = 8,   /**< an open file, a mapping, a task's directory, a mount's root */
};
extern const struct eg_constant linux_inode_from_names[];
struct linux_inode {
    uint64_t inode, sb; /**< addresses of the structs */
    uint64_t ino;       /**< its number */
    unsigned from;      /**< enum linux_inode_from */
};
/** Sorted by super block, then inode number, each inode once. Kept by the system; NULL: the run was
 * stopped, or failed. */
struct linux_inodes {
    const struct linux_inode *at;
    size_t n;
    bool hashed; /**< this kernel names its inode_hashtable, and it was looked into */
};
EG_API const struct linux_inodes *linux_inodes(struct eg_run *r);

/** The names that memory holds of an inode, each hard link: `linux_each_name(r, inode, path)` gives
 * paths as linux_dentry_where() has them. None: it has no dentry. */
struct linux_name_walk {
    struct eg_obj inode, dentry; /**< of the last name */
    struct eg_hlist_walk list;
    bool begun;
};
EG_API bool linux_next_name(struct eg_run *r, struct linux_name_walk *w, const char **path);
#define linux_each_name(r, inode_, path)                                                           \
    for (struct linux_name_walk EG_CAT(w_, __LINE__) = { .inode = (inode_) };                      \
         linux_next_name((r), &EG_CAT(w_, __LINE__), &(path));)

/** Times of an inode; a file system that keeps no time of birth has none. */
enum linux_inode_time { LINUX_ATIME, LINUX_MTIME, LINUX_CTIME, LINUX_BTIME };
EG_API struct eg_cell linux_inode_time(struct eg_run *r, struct eg_obj inode,
                                       enum linux_inode_time which);
/** Bytes, as stat() has them: xfs keeps those of folders and symbolic links in an inode of its
 * own. */
EG_API struct eg_cell linux_inode_size(struct eg_run *r, struct eg_obj inode);
/** "-rwsr-xr-x", as ls shows it. */
EG_API struct eg_cell linux_inode_mode(struct eg_run *r, struct eg_obj inode);

#endif
