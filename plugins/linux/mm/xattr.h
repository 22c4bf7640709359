/** mm/xattr.h - extended attributes of a file, and where a symbolic link leads, as far as memory
 * has them. */
#ifndef EG_LINUX_XATTR_H
#define EG_LINUX_XATTR_H

#include "../../../core/engram.h"

struct linux_xattr {
    const char *name; /**< "user.comment" */
    const uint8_t *value;
    size_t len;
};
/** Those of tmpfs and the like are in memory; of ext4 what stands behind the inode, and its block
 * of attributes, if the page cache has those blocks of the disk; of xfs what fits into the inode.
 * Access control lists are what the kernel keeps of them. @return how many, sorted by name, in the
 * run's memory; *@whole: no others can exist. */
EG_API size_t linux_xattrs(struct eg_run *r, struct eg_obj inode, struct linux_xattr **out,
                           bool *whole);
/** Where a symbolic link leads; NULL: it is none, or memory does not have it. */
EG_API const char *linux_link_target(struct eg_run *r, struct eg_obj inode);

#endif
