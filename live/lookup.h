/** lookup.h - from a path to its file, by the names that memory holds (fs/namei.c): the way
 * back from linux_path(). */
#ifndef EG_LIVE_LOOKUP_H
#define EG_LIVE_LOOKUP_H

#include "../core/engram.h"

struct linux_found {
    struct eg_obj mount, dentry, inode; /**< cursors on the structs */
};
enum linux_lookup {
    LINUX_FOUND,
    LINUX_NO_NAME,   /**< memory has no such name: the machine may have one */
    LINUX_NO_FOLDER, /**< a name on the way is no folder */
    LINUX_TOO_LONG,  /**< too many links on the way, or their text is too long */
};
/** Look for @path from the root of @task (of init when it is bad), in its mount namespace. @follow:
 * the last name too, where it is a symbolic link; the others always. */
EG_API enum linux_lookup linux_lookup(struct eg_run *r, struct eg_obj task, const char *path,
                                      bool follow, struct linux_found *out);

#endif
