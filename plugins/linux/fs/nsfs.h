/** fs/nsfs.h - namespaces of any kind that need no task: open files and mounts keep them, and since
 * 6.18 the kernel has a tree of each kind. */
#ifndef EG_LINUX_NSFS_H
#define EG_LINUX_NSFS_H

#include "../../../core/engram.h"

/** Those of one kind ("mnt", "ipc", "net"; as in /proc/PID/ns) that an open file or a mount of nsfs
 * stands for: @take gets the address of each one's struct ns_common, of some several times. */
EG_API void linux_kept_ns(struct eg_run *r, const char *kind,
                          void (*take)(void *context, uint64_t common), void *context);
/** The same for those in the kernel's tree that the variable @tree ("ipc_ns_tree") is. */
EG_API void linux_tree_of_ns(struct eg_run *r, const char *tree,
                             void (*take)(void *context, uint64_t common), void *context);

#endif
