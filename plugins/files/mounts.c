/* mounts - the mounts of every mount namespace, as /proc/PID/mountinfo (fs/proc_namespace.c). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/fs/flags.h"
#include "../linux/fs/mount.h"
#include "../linux/fs/mountinfo.h"
#include "../linux/fs/mountns.h"
#include "../linux/fs/path.h"
#include "../linux/fs/superblock.h"
#include "../linux/sched/nsproxy.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(mnt_ns_root, mnt_namespace, "root");

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the mount namespace; empty: in none any more", EG_MINOR)           \
    C(MOUNT_ID, INT, "the mount's id")                                                             \
    C(PARENT_ID, INT, "id of the mount it is on", EG_MINOR)                                        \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(ROOT, TEXT, "what of the file system is mounted")                                            \
    C(MOUNT_POINT, TEXT, "where, seen from the root of the namespace's first process")             \
    C(MOUNT_OPTIONS, TEXT, "options of the mount")                                                 \
    C(FIELDS, TEXT, "propagation: shared:GROUP, master:GROUP, unbindable", EG_MINOR)               \
    C(FSTYPE, TEXT, "kind of file system")                                                         \
    C(MOUNT_SRC, TEXT, "what was mounted, as it was named then")                                   \
    C(SB_OPTIONS, TEXT, "options of the file system that all have; its own are not read",          \
      EG_MINOR)                                                                                    \
    C(FOUND_BY, TEXT, "what leads to the namespace: task, mount, file, tree; detached", EG_MINOR)
EG_COLUMNS(COLUMNS);

static void show(struct eg_run *r, struct eg_obj m, struct eg_cell ns, const char *where,
                 const char *by)
{
    eg_row(r, .NS = ns, .MOUNT_ID = eg_val(m, mount.mnt_id),
           .PARENT_ID = eg_val(m, mount.mnt_parent, mount.mnt_id), .MAJOR = linux_mount_major(r, m),
           .MINOR = linux_mount_minor(r, m), .ROOT = linux_mount_root(r, m),
           .MOUNT_POINT = where ? eg_text(where) : eg_missing(EG_UNREADABLE, m.addr),
           .MOUNT_OPTIONS = linux_mount_options(r, m), .FIELDS = linux_mount_propagation(r, m),
           .FSTYPE = linux_mount_type(r, m), .MOUNT_SRC = linux_mount_source(r, m),
           .SB_OPTIONS = linux_mount_sb_options(r, m), .FOUND_BY = eg_text(by));
}

/* Mounts below the root of a namespace that no task is in: each has the next one on its root, as a
 * task that enters would have it (fs/namespace.c, mntns_install). */
struct hidden {
    uint64_t at[16];
    size_t n;
};

static struct hidden below_root(struct eg_run *r, struct eg_obj ns)
{
    struct hidden h = { .n = 0 };
    uint64_t cur, parent, point, root;
    struct eg_obj m;

    if (!eg_get(&cur, ns, mnt_ns_root))
        return h;
    for (bool found = true; found && h.n < countof(h.at);) {
        root = eg_get_or((uint64_t)0, eg_object(r, mount, cur), mount_root);
        found = false;
        linux_each_mount(r, ns, m) {
            if (!eg_get(&parent, m, mount.mnt_parent) || parent != cur || m.addr == cur ||
                !eg_get(&point, m, mount.mnt_mountpoint) || point != root)
                continue;
            h.at[h.n++] = cur;
            cur = m.addr;
            found = true;
            break;
        }
    }
    return h;
}

static bool is_hidden(const struct hidden *h, uint64_t mount)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->at[i] == mount)
            return true;
    return false;
}

static void list(struct eg_run *r, const struct linux_mount_ns *n)
{
    const bool all = eg_arg_flag(r, "all");
    const char *by = eg_bits_text(r, linux_mount_ns_from_names, n->from, " ");
    struct eg_obj ns = eg_object(r, mnt_namespace, n->ns), m;
    struct eg_obj task = n->task ? eg_object(r, task_struct, n->task) : LINUX_NOBODY;
    const struct hidden hidden = n->task ? (struct hidden){ .n = 0 } : below_root(r, ns);

    linux_each_mount(r, ns, m) {
        bool reached = false;
        const char *where = linux_mount_point(r, m, task, &reached);

        // What is above or beside the root of the namespace is in no mountinfo: the first rootfs.
        if (!all && (n->task ? where && !reached : is_hidden(&hidden, m.addr)))
            continue;
        show(r, m, eg_val(ns, mnt_ns_inum), where, by);
    }
}

/* Mounts that were taken away (umount -l) while an open file, or a task in one of their folders,
 * uses them. The kernel's own are in no namespace either. */
static void list_detached(struct eg_run *r)
{
    struct eg_obj sb, m;
    uint64_t ns;

    linux_each_superblock(r, sb)
    {
        linux_each_sb_mount(r, sb, m)
        {
            bool reached;

            if (eg_load(&ns, eg_at(m, mount.mnt_ns)) && !ns &&
                eg_get_or(0u, m, mount_flags) & MNT_UMOUNT)
                show(r, m, (struct eg_cell){ 0 }, linux_mount_point(r, m, LINUX_NOBODY, &reached),
                     "detached");
        }
    }
}

/* The namespaces of the processes that were asked for. */
static struct eg_map *asked(struct eg_run *r)
{
    struct eg_map *seen = eg_run_map(r);
    struct eg_obj process, task;
    uint64_t at;

    linux_each_process(r, process) {
        if (!linux_pid_asked(r, process))
            continue;
        linux_each_thread(r, process, task)
            if (eg_get(&at, task, task_struct.nsproxy, nsproxy.mnt_ns) && at)
                eg_run_map_add(r, seen, at, 0);
    }
    return seen;
}

static int run(struct eg_run *r)
{
    const struct linux_mount_namespaces *all = linux_mount_namespaces(r);
    const bool limits = eg_arg_limits(r, "pid");
    struct eg_map *wanted = limits ? asked(r) : NULL;
    uint64_t unused;

    for (size_t i = 0; all && i < all->n; i++)
        if (!wanted || eg_map_get(wanted, all->at[i].ns, &unused))
            list(r, &all->at[i]);
    if (!limits && eg_has(r, mount.mnt_ns))
        list_detached(r);
    return 0;
}

EG_PLUGIN(mounts) = {
    .os = "linux",
    .help = "List the mounts of every mount namespace, also of those that no process is in",
    .manual =
        "As /proc/PID/mountinfo of the first thread in each namespace. Namespaces without a "
        "process "
        "are found by the lists of mounts that file systems keep, by files and mounts that keep a "
        "namespace (/proc/PID/ns/mnt), and since Linux 6.11 in the kernel's tree: FOUND_BY names "
        "each way, and one that lacks `mount` or `tree` deserves a look. `detached` mounts are in "
        "no namespace: they were unmounted lazily, and are still in use. With --all also what lies "
        "outside a namespace's root directory. The file systems themselves: superblocks.",
    .aliases = EG_NAMES("linux.mountinfo.MountInfo", "mountinfo", "mount", "findmnt"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only the namespaces of these processes"),
                    EG_ARG(all, FLAG, "also mounts outside the root of a namespace")),
    .needs = EG_NEEDS(nsproxy.mnt_ns, mount.mnt_id),
    .uses = EG_NAMES("tasks", "mounts"),
    .run = run,
    .key = EG_NAMES("NS", "MOUNT_ID"),
};
