/* mounts - the mounts of every mount namespace, as /proc/PID/mountinfo (fs/proc_namespace.c). */
#include "../../core/map.h"
#include "../linux/fs/mount.h"
#include "../linux/fs/mountinfo.h"
#include "../linux/fs/path.h"
#include "../linux/sched/nsproxy.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the mount namespace", EG_MINOR)                                    \
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
    C(SB_OPTIONS, TEXT, "options of the file system that all have; its own are not read", EG_MINOR)
EG_COLUMNS(COLUMNS);

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
        eg_row(r, .NS = eg_val(ns, mnt_ns_inum), .MOUNT_ID = eg_val(m, mount.mnt_id),
               .PARENT_ID = eg_val(m, mount.mnt_parent, mount.mnt_id),
               .MAJOR = linux_mount_major(r, m), .MINOR = linux_mount_minor(r, m),
               .ROOT = linux_mount_root(r, m),
               .MOUNT_POINT = where ? eg_text(where) : eg_missing(EG_UNREADABLE, m.addr),
               .MOUNT_OPTIONS = linux_mount_options(r, m), .FIELDS = linux_mount_propagation(r, m),
               .FSTYPE = linux_mount_type(r, m), .MOUNT_SRC = linux_mount_source(r, m),
               .SB_OPTIONS = linux_mount_sb_options(r, m));
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
