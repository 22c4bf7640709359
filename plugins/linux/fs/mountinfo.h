/** fs/mountinfo.h - what /proc/PID/mountinfo says of a mount (fs/proc_namespace.c), a cursor on a
 * struct mount as linux_each_mount() gives it. */
#ifndef EG_LINUX_MOUNTINFO_H
#define EG_LINUX_MOUNTINFO_H

#include "../../../core/engram.h"

/** The device of its file system: the number of its driver, and its number there. */
EG_API struct eg_cell linux_mount_major(struct eg_run *r, struct eg_obj mount);
EG_API struct eg_cell linux_mount_minor(struct eg_run *r, struct eg_obj mount);
/** The directory of the file system that is mounted: "/home"; of a namespace "net:[4026532000]". */
EG_API struct eg_cell linux_mount_root(struct eg_run *r, struct eg_obj mount);
/** Options of the mount: "rw,nosuid,relatime". */
EG_API struct eg_cell linux_mount_options(struct eg_run *r, struct eg_obj mount);
/** How mounts below it spread to others: "shared:3", "master:3 unbindable", "". */
EG_API struct eg_cell linux_mount_propagation(struct eg_run *r, struct eg_obj mount);
/** The type of the file system: "ext4", "fuse.sshfs". */
EG_API struct eg_cell linux_mount_type(struct eg_run *r, struct eg_obj mount);
/** What was mounted, as the caller of mount(2) named it: "/dev/vda1", "none". */
EG_API struct eg_cell linux_mount_source(struct eg_run *r, struct eg_obj mount);
/** Options of the file system that all kinds of them have: "rw,sync". */
EG_API struct eg_cell linux_mount_sb_options(struct eg_run *r, struct eg_obj mount);

#endif
