/* fanotify - what inotify and fanotify watch, and for whom. */
#include "../../core/base.h"
#include "../linux/fs/fdtable.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/mount.h"
#include "../linux/fs/notify.h"
#include "../linux/own/holders.h"
#include "../linux/sched/task.h"
#include <string.h>

EG_TYPE(file);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct fsnotify_mark is", EG_MINOR)                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(FD, INT, "number of the open file that gets the events")                                     \
    C(KIND, TEXT, "inotify, fanotify")                                                             \
    C(WATCHES, TEXT, "file, mount, file system, mount namespace; nothing: it has no marks")        \
    C(WD, INT, "inotify's number of it")                                                           \
    C(EVENTS, TEXT, "what is told")                                                                \
    C(IGNORED_EVENTS, TEXT, "fanotify: what is not told of it")                                    \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(INODE, INT, "inode number of a file or folder")                                              \
    C(PATH, TEXT, "where it is")
EG_COLUMNS(COLUMNS);

enum { MARKS_MAX = 1 << 20 };
#define INOTIFY_ASKED 0x84000fffu // the other bits of the mask the kernel sets (fs/notify/inotify)

static void list(struct eg_run *r, const struct linux_holder *h, bool inotify, unsigned *left)
{
    static const char *const watched[] = { NULL, "file", "mount", "file system",
                                           "mount namespace" };
    struct eg_obj task = eg_object(r, task_struct, h->task);
    struct linux_mark m;
    struct row who = { .KIND = eg_text(inotify ? "inotify" : "fanotify") };
    unsigned n = 0;

    if (h->task) {
        who.PID = linux_pid(task);
        who.TID = linux_tid(task);
        who.COMM = linux_comm(task);
    }
    if (h->how == LINUX_HOLD_FD)
        who.FD = eg_uint(h->number);
    linux_each_mark(r, linux_file_group(r, eg_object(r, file, h->file)), m)
    {
        struct row row = who;
        struct eg_obj sb = { .why = EG_NULL };
        const char *path = linux_mark_path(r, &m);

        n++;
        if (!*left || !--*left) {
            eg_note(r, "more marks than are looked at: the rest is left out");
            return;
        }
        row.OFFSET = eg_addr(m.mark);
        row.WATCHES = eg_text(watched[m.what]);
        row.EVENTS = eg_text(linux_watch_text(r, inotify ? m.mask & INOTIFY_ASKED : m.mask));
        row.IGNORED_EVENTS = eg_text(linux_watch_text(r, m.ignored));
        row.PATH = eg_text(path);
        if (inotify)
            row.WD = linux_mark_wd(r, &m);
        if (m.what == LINUX_WATCHED_INODE) {
            struct eg_obj inode = eg_object(r, inode, m.object);

            row.INODE = eg_val(inode, inode.i_ino);
            sb = eg_deref(eg_at(inode, inode.i_sb));
        } else if (m.what == LINUX_WATCHED_MOUNT) {
            sb = eg_deref(eg_at(eg_object(r, mount, m.object), mount_sb));
        } else if (m.what == LINUX_WATCHED_SUPERBLOCK) {
            sb = eg_object(r, super_block, m.object);
        }
        if (!sb.why) {
            row.MAJOR = linux_major_cell(eg_at(sb, super_block.s_dev));
            row.MINOR = linux_minor_cell(eg_at(sb, super_block.s_dev));
        }
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
    }
    if (!n)
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&who,
                 sizeof who / sizeof(struct eg_cell));
}

static int run(struct eg_run *r)
{
    const struct linux_holders *all = linux_holders(r);
    struct linux_anon_kind kinds[] = { { .path = "anon_inode:inotify" },
                                       { .path = "anon_inode:[fanotify]" } };
    unsigned left = MARKS_MAX;

    for (size_t i = 0; all && i < all->n && left && !eg_stopped(r); i++) {
        const struct linux_holder *h = &all->at[i];

        if (!h->file || (h->how != LINUX_HOLD_FD && h->how != LINUX_HOLD_PASSED) ||
            (h->pid < 0 ? eg_arg_limits(r, "pid") : !eg_arg_match(r, "pid", h->pid)))
            continue;
        for (unsigned k = 0; k < 2; k++)
            if (linux_file_of_kind(r, eg_object(r, file, h->file), &kinds[k])) {
                list(r, h, k == 0, &left);
                break;
            }
    }
    return 0;
}

EG_PLUGIN(fanotify) = {
    .os = "linux",
    .help = "List what inotify and fanotify watch, and for whom",
    .manual = "One row for each mark of each open file of inotify or fanotify: security software "
              "watches whole mounts and file systems, malware its own files. Marks of the kernel's "
              "audit and of dnotify are not here.",
    .aliases = EG_NAMES("inotify"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(inode.i_ino),
    .uses = EG_NAMES("tasks", "fds"),
    .run = run,
};
