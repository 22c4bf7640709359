/* mountinfo.c - what /proc/PID/mountinfo says of a mount (fs/proc_namespace.c). */
#include "mountinfo.h"
#include "dentry.h"
#include "flags.h"
#include "inode.h"
#include "mount.h"
#include "path.h"

EG_FIELD_AS(mount_idmap, mount, "mnt.mnt_idmap");   // since 6.2
EG_FIELD_AS(mount_userns, mount, "mnt.mnt_userns"); // 5.12 to 6.1
EG_FIELD_AS_OF("btrfs", btrfs_disks, btrfs_fs_info, "fs_devices");
EG_FIELDS_OF("btrfs", btrfs_fs_devices, latest_dev);
EG_FIELDS_OF("btrfs", btrfs_device, name);
EG_FIELDS_OF("btrfs", rcu_string, str); // around that name until 6.16
EG_TYPE_("btrfs", btrfs_fs_info);
EG_SYMBOL(init_user_ns, "user_namespace");
EG_SYMBOL(nop_mnt_idmap, "mnt_idmap");

static bool is_idmapped(struct eg_run *r, struct eg_obj m)
{
    uint64_t map, own;

    if (eg_get(&map, m, mount_idmap))
        return !eg_sym(r, nop_mnt_idmap).why && map != eg_sym(r, nop_mnt_idmap).addr;
    return eg_get(&map, m, mount_userns) && eg_get(&own, m, mount_sb, super_block.s_user_ns) &&
           map != own && map != eg_sym(r, init_user_ns).addr;
}

/* "ro" or "rw", then what else is set, as mountinfo has it. */
static const char *options(struct eg_run *r, uint64_t flags, uint64_t readonly,
                           const struct eg_constant *shown)
{
    const char *text = flags & readonly ? "ro" : "rw";

    for (; shown->name; shown++)
        if (flags & shown->value)
            text = eg_strf(r, "%s,%s", text, shown->name);
    return text;
}

struct eg_cell linux_mount_options(struct eg_run *r, struct eg_obj m)
{
    uint64_t flags;
    const char *text;

    if (!eg_get(&flags, m, mount_flags))
        return eg_val(m, mount_flags);
    text = options(r, flags, MNT_READONLY, linux_mount_option_names);
    return eg_text(is_idmapped(r, m) ? eg_strf(r, "%s,idmapped", text) : text);
}

struct eg_cell linux_mount_sb_options(struct eg_run *r, struct eg_obj m)
{
    uint64_t flags;

    if (!eg_get(&flags, m, mount_sb, super_block.s_flags))
        return eg_val(m, mount_sb, super_block.s_flags);
    return eg_text(options(r, flags, SB_RDONLY, linux_sb_option_names));
}

struct eg_cell linux_mount_propagation(struct eg_run *r, struct eg_obj m)
{
    // Moved to a word of their own in 6.17.
    bool own = eg_has(r, mount.mnt_t_flags);
    struct eg_obj at = own ? eg_at(m, mount.mnt_t_flags) : eg_at(m, mount_flags);
    const char *text = "", *gap = "";
    uint64_t flags, master;
    int32_t group;

    if (!eg_load(&flags, at))
        return eg_cell_of(at);
    if (flags & (own ? T_SHARED : MNT_SHARED)) {
        if (!eg_get(&group, m, mount.mnt_group_id))
            return eg_val(m, mount.mnt_group_id);
        text = eg_strf(r, "shared:%d", group);
        gap = " ";
    }
    if (eg_get(&master, m, mount.mnt_master) && master) {
        if (!eg_get(&group, m, mount.mnt_master, mount.mnt_group_id))
            return eg_val(m, mount.mnt_master, mount.mnt_group_id);
        text = eg_strf(r, "%s%smaster:%d", text, gap, group);
        gap = " ";
    }
    if (flags & (own ? T_UNBINDABLE : MNT_UNBINDABLE))
        text = eg_strf(r, "%s%sunbindable", text, gap);
    return eg_text(text);
}

struct eg_cell linux_mount_major(struct eg_run *r, struct eg_obj m)
{
    (void)r;
    return linux_major_cell(eg_at(m, mount_sb, super_block.s_dev));
}

struct eg_cell linux_mount_minor(struct eg_run *r, struct eg_obj m)
{
    (void)r;
    return linux_minor_cell(eg_at(m, mount_sb, super_block.s_dev));
}

struct eg_cell linux_mount_type(struct eg_run *r, struct eg_obj m)
{
    struct eg_obj sb = eg_at(m, mount_sb);
    struct eg_obj name = eg_at(sb, super_block.s_type, file_system_type.name);
    const char *type = eg_string(r, name, 64);
    const char *sub = eg_string(r, eg_at(sb, super_block.s_subtype), 64);

    if (!type)
        return eg_cell_of(name);
    return eg_text(sub && *sub ? eg_strf(r, "%s.%s", type, sub) : type);
}

struct eg_cell linux_mount_root(struct eg_run *r, struct eg_obj m)
{
    struct eg_obj dentry = eg_deref(eg_at(m, mount_root));
    const char *type =
        eg_string(r, eg_at(m, mount_sb, super_block.s_type, file_system_type.name), 64);
    const char *path;
    uint64_t ino;

    // A namespace kept by a bind mount (ip netns) shows what it is.
    if (type && __builtin_strcmp(type, "nsfs") == 0 &&
        eg_get(&ino, dentry, dentry.d_inode, inode.i_ino) && (path = linux_ns_name(r, dentry)))
        return eg_text(eg_strf(r, "%s:[%llu]", path, (unsigned long long)ino));
    path = linux_dentry_path(r, dentry);
    return path ? eg_text(path)
                : eg_missing((enum eg_why)(dentry.why ? dentry.why : EG_UNREADABLE), dentry.addr);
}

/** btrfs answers for itself (fs/btrfs/super.c, btrfs_show_devname), and since 6.8 the mount has
 * "none" for it. NULL: it is another file system, or does not tell. */
static const char *btrfs_source(struct eg_run *r, struct eg_obj m)
{
    struct eg_obj sb = eg_at(m, mount_sb), disks, name;
    const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 8);

    if (!type || __builtin_strcmp(type, "btrfs") != 0)
        return NULL;
    disks = eg_at(eg_cast(eg_at(sb, super_block.s_fs_info), btrfs_fs_info), btrfs_disks);
    name = eg_at(disks, btrfs_fs_devices.latest_dev, btrfs_device.name);
    return eg_string(r, eg_has(r, rcu_string.str) ? eg_at(name, rcu_string.str) : name, 4096);
}

struct eg_cell linux_mount_source(struct eg_run *r, struct eg_obj m)
{
    const char *name = btrfs_source(r, m);
    uint64_t p;

    if (name)
        return eg_text(name);
    if (eg_get(&p, m, mount.mnt_devname) && !p)
        return eg_text("none");
    name = eg_string(r, eg_at(m, mount.mnt_devname), 4096);
    return name ? eg_text(name) : eg_val(m, mount.mnt_devname);
}

/* ---- the same by name ---- */

#define MOUNT_FUNCTION(n, kind, what)                                                              \
    EG_FUNCTION(mount_##n) = {                                                                     \
        .os = "linux",                                                                             \
        .help = what,                                                                              \
        .args = "mount",                                                                           \
        .returns = kind,                                                                           \
        .cell = linux_mount_##n,                                                                   \
    }
MOUNT_FUNCTION(major, "integer", "the device of a mount's file system: the number of its driver");
MOUNT_FUNCTION(minor, "integer", "the device of a mount's file system: its number at its driver");
MOUNT_FUNCTION(root, "text", "the directory of its file system that a mount shows: \"/\"");
MOUNT_FUNCTION(options, "text", "options of a mount: \"rw,nosuid,relatime\"");
MOUNT_FUNCTION(propagation, "text",
               "how mounts below a mount spread: \"shared:3\", \"master:3 unbindable\"");
MOUNT_FUNCTION(type, "text", "the type of a mount's file system: \"ext4\", \"fuse.sshfs\"");
MOUNT_FUNCTION(source, "text",
               "what was mounted, as the caller of mount(2) named it: \"/dev/vda1\"");
MOUNT_FUNCTION(sb_options, "text", "options of a mount's file system that all kinds of them have");

static const char *mount_point(struct eg_run *r, struct eg_obj mount, struct eg_obj task)
{
    bool reached;

    return linux_mount_point(r, mount, task, &reached);
}

EG_FUNCTION(mount_point) = {
    .os = "linux",
    .help = "the path of a mount, seen from a task's root (else from init's)",
    .args = "mount [, task]",
    .text_from = mount_point,
};
