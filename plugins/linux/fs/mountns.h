/** fs/mountns.h - every mount namespace, also those that no task is in. */
#ifndef EG_LINUX_MOUNTNS_H
#define EG_LINUX_MOUNTNS_H

#include "../../../core/engram.h"

enum linux_mount_ns_from {    // bits
    LINUX_MOUNT_NS_TASK = 1,  /**< a thread is in it */
    LINUX_MOUNT_NS_MOUNT = 2, /**< a mount of some file system is in it */
    LINUX_MOUNT_NS_FILE = 4,  /**< an open file, or a mount, of /proc/PID/ns/mnt keeps it */
    LINUX_MOUNT_NS_TREE = 8,  /**< the kernel's tree of mount namespaces, since 6.11 */
};
extern const struct eg_constant linux_mount_ns_from_names[];
struct linux_mount_ns {
    uint64_t ns;   /**< struct mnt_namespace */
    uint64_t task; /**< the first thread in it, of the process list; 0: none */
    unsigned from; /**< enum linux_mount_ns_from */
};
struct linux_mount_namespaces {
    const struct linux_mount_ns *at;
    size_t n;
};
/** Those of tasks first, in the order of the process list, then the others. Kept by the system;
 * NULL: the run was stopped, or failed. */
EG_API const struct linux_mount_namespaces *linux_mount_namespaces(struct eg_run *r);

#endif
