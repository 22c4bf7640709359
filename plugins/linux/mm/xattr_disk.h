/** mm/xattr_disk.h - extended attributes as file systems keep them, for mm/xattr.c. */
#ifndef EG_LINUX_XATTR_DISK_H
#define EG_LINUX_XATTR_DISK_H

#include "xattr.h"

struct linux_xattr_list {
    struct eg_run *r;
    struct linux_xattr *at;
    size_t n, cap;
    bool whole;
};
/** A copy of the value is kept; @name is. Too many, or too long: left out. */
void linux_xattr_add(struct linux_xattr_list *l, const char *name, const void *value, size_t len);

void linux_xattrs_ext4(struct linux_xattr_list *l, struct eg_obj inode);
void linux_xattrs_xfs(struct linux_xattr_list *l, struct eg_obj inode);
/** A symbolic link that fits into xfs's inode; NULL: another one. */
const char *linux_link_xfs(struct eg_run *r, struct eg_obj inode, uint64_t size);

/** The attributes in the area of ext4's inode, or its block, for a test with bytes of its own:
 * entries begin at @at, values are counted from @base. @return false: they are damaged. */
bool linux_xattrs_ext4_area(struct linux_xattr_list *l, const uint8_t *bytes, size_t len, size_t at,
                            size_t base);
/** The same of xfs, whose attributes are in the inode. */
bool linux_xattrs_xfs_area(struct linux_xattr_list *l, const uint8_t *bytes, size_t len);

#endif
