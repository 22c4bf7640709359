/** fs/mount.h - mounts and their namespaces. */
#ifndef EG_LINUX_MOUNT_H
#define EG_LINUX_MOUNT_H

#include "../../../core/engram.h"

EG_FIELDS(mount, mnt, mnt_devname, mnt_group_id, mnt_id, mnt_instance, mnt_list, mnt_master,
          mnt_mountpoint, mnt_next_for_sb, mnt_node, mnt_ns, mnt_parent, mnt_pprev_for_sb,
          mnt_t_flags); // mnt_t_flags since 6.17, mnt_next_for_sb instead of mnt_instance 6.18
EG_FIELD_AS(mount_flags, mount, "mnt.mnt_flags");
EG_FIELD_AS(mount_root, mount, "mnt.mnt_root");
EG_FIELD_AS(mount_sb, mount, "mnt.mnt_sb");
EG_FIELDS(vfsmount, mnt_root, mnt_sb);
EG_FIELDS(mnt_namespace, list, mounts);
EG_FIELD_AS(mnt_ns_inum, mnt_namespace, "ns.inum");

/** Mounts of a mount namespace (cursors on struct mount): from a red-black tree, or a list. */
struct linux_mount_walk {
    struct eg_obj ns;
    struct eg_rb_walk rb;
    struct eg_list_walk list;
    int state;
};
EG_API bool linux_next_mount(struct eg_run *r, struct linux_mount_walk *w, struct eg_obj *mount);
#define linux_each_mount(r, ns_, m)                                                                \
    for (struct linux_mount_walk EG_CAT(w_, __LINE__) = { .ns = (ns_) };                           \
         linux_next_mount((r), &EG_CAT(w_, __LINE__), &(m));)

#endif
