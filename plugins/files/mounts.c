/* mounts - the mounts of every mount namespace, as /proc/PID/mountinfo (fs/proc_namespace.c). */
#include "../../core/map.h"
#include "../linux/fs/dentry.h"
#include "../linux/fs/flags.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/mount.h"
#include "../linux/fs/path.h"
#include "../linux/sched/nsproxy.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(mount_idmap, mount, "mnt.mnt_idmap");   // since 6.2
EG_FIELD_AS(mount_userns, mount, "mnt.mnt_userns"); // 5.12 to 6.1
EG_SYMBOL(init_user_ns, "user_namespace");
EG_SYMBOL(nop_mnt_idmap, "mnt_idmap");

#define COLUMNS(C)                                                                                 \
    C(MNT_NS_ID, INT, "inode number of the mount namespace")                                       \
    C(MOUNT_ID, INT, "the mount's id")                                                             \
    C(PARENT_ID, INT, "id of the mount it is on")                                                  \
    C(MAJOR_MINOR, TEXT, "device of the file system")                                              \
    C(ROOT, TEXT, "what of the file system is mounted")                                            \
    C(MOUNT_POINT, TEXT, "where, seen from the root of the namespace's first process")             \
    C(MOUNT_OPTIONS, TEXT, "options of the mount")                                                 \
    C(FIELDS, TEXT, "propagation: shared:GROUP, master:GROUP, unbindable")                         \
    C(FSTYPE, TEXT, "kind of file system")                                                         \
    C(MOUNT_SRC, TEXT, "what was mounted, as it was named then")                                   \
    C(SB_OPTIONS, TEXT, "options of the file system that all have; its own are not read")
EG_COLUMNS(COLUMNS);

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

static struct eg_cell mount_options_cell(struct eg_run *r, struct eg_obj m)
{
    uint64_t flags;
    const char *text;

    if (!eg_get(&flags, m, mount_flags))
        return eg_val(m, mount_flags);
    text = options(r, flags, MNT_READONLY, linux_mount_options);
    return eg_text(is_idmapped(r, m) ? eg_strf(r, "%s,idmapped", text) : text);
}

static struct eg_cell sb_options_cell(struct eg_run *r, struct eg_obj m)
{
    uint64_t flags;

    if (!eg_get(&flags, m, mount_sb, super_block.s_flags))
        return eg_val(m, mount_sb, super_block.s_flags);
    return eg_text(options(r, flags, SB_RDONLY, linux_sb_options));
}

static struct eg_cell fields_cell(struct eg_run *r, struct eg_obj m)
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

static struct eg_cell device_cell(struct eg_run *r, struct eg_obj m)
{
    uint32_t dev;

    if (!eg_get(&dev, m, mount_sb, super_block.s_dev))
        return eg_val(m, mount_sb, super_block.s_dev);
    return eg_text(eg_strf(r, "%u:%u", linux_major(dev), linux_minor(dev)));
}

static struct eg_cell type_cell(struct eg_run *r, struct eg_obj m)
{
    struct eg_obj sb = eg_at(m, mount_sb);
    struct eg_obj name = eg_at(sb, super_block.s_type, file_system_type.name);
    const char *type = eg_string(r, name, 64);
    const char *sub = eg_string(r, eg_at(sb, super_block.s_subtype), 64);

    if (!type)
        return eg_cell_of(name);
    return eg_text(sub && *sub ? eg_strf(r, "%s.%s", type, sub) : type);
}

static struct eg_cell root_cell(struct eg_run *r, struct eg_obj m)
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

static struct eg_cell source_cell(struct eg_run *r, struct eg_obj m)
{
    uint64_t p;
    const char *name;

    if (eg_get(&p, m, mount.mnt_devname) && !p)
        return eg_text("none");
    name = eg_string(r, eg_at(m, mount.mnt_devname), 4096);
    return name ? eg_text(name) : eg_val(m, mount.mnt_devname);
}

static void list(struct eg_run *r, struct eg_obj task, struct eg_obj ns)
{
    const bool all = eg_arg_flag(r, "all");
    struct eg_obj m;

    linux_each_mount(r, ns, m) {
        bool reached = false;
        const char *where = linux_mount_point(r, m, task, &reached);

        // What is above or beside the root of the namespace is in no mountinfo: the first rootfs.
        if (where && !reached && !all)
            continue;
        eg_row(r, .MNT_NS_ID = eg_val(ns, mnt_ns_inum), .MOUNT_ID = eg_val(m, mount.mnt_id),
               .PARENT_ID = eg_val(m, mount.mnt_parent, mount.mnt_id),
               .MAJOR_MINOR = device_cell(r, m), .ROOT = root_cell(r, m),
               .MOUNT_POINT = where ? eg_text(where) : eg_missing(EG_UNREADABLE, m.addr),
               .MOUNT_OPTIONS = mount_options_cell(r, m), .FIELDS = fields_cell(r, m),
               .FSTYPE = type_cell(r, m), .MOUNT_SRC = source_cell(r, m),
               .SB_OPTIONS = sb_options_cell(r, m));
    }
}

static int run(struct eg_run *r)
{
    struct eg_map *seen = eg_run_map(r);
    struct eg_obj task;
    uint64_t at;

    linux_each_process(r, task) {
        struct eg_obj ns = eg_at(task, task_struct.nsproxy, nsproxy.mnt_ns);

        if (!linux_pid_asked(r, task))
            continue;
        if (eg_load(&at, ns) && at && eg_run_map_add(r, seen, at, 0))
            list(r, task, eg_deref(ns));
        else if (!eg_load(&at, ns) && ns.why != EG_NULL) // it has ended
            eg_note(r, "the process at %#llx: its mount namespace cannot be read",
                    (unsigned long long)task.addr);
    }
    return 0;
}

EG_PLUGIN(mounts) = {
    .os = "linux",
    .help = "List the mounts of every mount namespace that a process is in",
    .manual = "As /proc/PID/mountinfo of the first process in each namespace. With --all also what "
              "lies outside that process's root directory.",
    .aliases = EG_NAMES("linux.mountinfo.MountInfo", "mountinfo", "mount"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only the namespaces of these processes"),
                    EG_ARG(all, FLAG, "also mounts outside the process's root")),
    .needs = EG_NEEDS(nsproxy.mnt_ns, mount.mnt_id),
    .uses = EG_NAMES("tasks", "mounts"),
    .run = run,
};
