/** fs/dentry.h - names in a file system's tree. */
#ifndef EG_LINUX_DENTRY_H
#define EG_LINUX_DENTRY_H

#include "../../../core/engram.h"

EG_FIELDS(dentry, d_inode, d_op, d_parent, d_sb);
EG_FIELD_AS(dentry_alias, dentry, "d_u.d_alias|d_alias"); // without the union's name since 7.3
EG_FIELD_AS(dentry_len, dentry, "__d_name.len|d_name.len");
EG_FIELD_AS(dentry_name, dentry, "__d_name.name|d_name.name"); // a union since 6.17
EG_FIELD_AS(dentry_pprev, dentry, "d_hash.pprev");

/** A dentry's path from its file system's root; "//deleted" follows one that is in no directory.
 * NULL when it cannot be read. */
EG_API const char *linux_dentry_path(struct eg_run *r, struct eg_obj dentry);
/** The kind of namespace that a dentry of nsfs stands for: "net"; NULL when it cannot be read. */
EG_API const char *linux_ns_name(struct eg_run *r, struct eg_obj dentry);

#endif
