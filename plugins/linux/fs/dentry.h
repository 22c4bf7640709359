/** fs/dentry.h - names in a file system's tree. */
#ifndef EG_LINUX_DENTRY_H
#define EG_LINUX_DENTRY_H

#include "../../../core/engram.h"

EG_FIELDS(dentry, d_child, d_children, d_flags, d_inode, d_op, d_parent, d_sb, d_sib, d_subdirs);
EG_FIELD_AS(dentry_alias, dentry, "d_u.d_alias|d_alias"); // without the union's name since 7.3
EG_FIELD_AS(dentry_len, dentry, "__d_name.len|d_name.len");
EG_FIELD_AS(dentry_name, dentry, "__d_name.name|d_name.name"); // a union since 6.17
EG_FIELD_AS(dentry_hash, dentry, "d_hash");
EG_FIELD_AS(dentry_pprev, dentry, "d_hash.pprev");

/** A dentry's path from its file system's root; "//deleted" follows one that is in no directory.
 * NULL when it cannot be read. */
EG_API const char *linux_dentry_path(struct eg_run *r, struct eg_obj dentry);
/** The kind of namespace that a dentry of nsfs stands for: "net"; NULL when it cannot be read. */
EG_API const char *linux_ns_name(struct eg_run *r, struct eg_obj dentry);
/** What a file system without folders calls a file: "socket:[12]", "/memfd:name (deleted)"; NULL:
 * this one has folders, or it cannot be read. */
EG_API const char *linux_dentry_made(struct eg_run *r, struct eg_obj dentry);
/** The path from the nearest dentry above (or @dentry itself) for which @place gives a text, which
 * it begins with; from the file system's root when there is none. " (deleted)" follows one that is
 * in no directory. */
EG_API const char *linux_dentry_path_from(struct eg_run *r, struct eg_obj dentry,
                                          const char *(*place)(const void *context,
                                                               uint64_t dentry),
                                          const void *context);

/** All dentries of a file system: its root, every child before the children of the next, then what
 * belongs to no tree. Negative ones too (d_inode is null): names that were looked for in vain.
 * Each names as its parent the one that it was found in, and the root is nobody's child, so that no
 * damage makes this a circle. */
struct linux_dentry_walk {
    struct eg_obj sb;
    uint64_t *todo; /**< directories that were not looked into yet; in the run's memory */
    size_t n, cap;
    uint64_t root;   /**< of the tree */
    uint64_t parent; /**< whose children are given now */
    struct eg_list_walk list;
    struct eg_hlist_walk hlist;
    uint64_t loose;      /**< node of the next one that belongs to no tree */
    struct eg_map *seen; /**< of those: what was given */
    unsigned state;
};
EG_API bool linux_next_dentry(struct eg_run *r, struct linux_dentry_walk *w, struct eg_obj *dentry);
#define linux_each_dentry(r, sb_, d)                                                               \
    for (struct linux_dentry_walk EG_CAT(w_, __LINE__) = { .sb = (sb_) };                          \
         linux_next_dentry((r), &EG_CAT(w_, __LINE__), &(d));)
/** Is it one that a reader of a directory of memory left as a mark of its place (fs/libfs.c)? */
EG_API bool linux_dentry_is_cursor(struct eg_obj dentry);

#endif
