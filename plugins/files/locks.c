/* locks - locks and leases of files, as /proc/locks, and who waits for them. */
#include "../linux/fs/locks.h"
#include "../../core/base.h"
#include "../linux/fs/file.h"
#include "../linux/fs/inode.h"
#include "../linux/own/holders.h"
#include "../linux/sched/task.h"
#include <inttypes.h>

EG_TYPE(file);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct file_lock is", EG_MINOR)                                     \
    C(PID, INT, "process that took the lock, or waits for it; of OFDLCK who has the file")         \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(TYPE, TEXT, "POSIX (fcntl), OFDLCK, FLOCK, LEASE, DELEG")                                    \
    C(ACCESS, TEXT, "READ or WRITE; of a lease that is broken what it becomes: READ, UNLCK")       \
    C(STATE, TEXT, "held, waits (for the one above); of a lease ACTIVE, BREAKING, BREAKER")        \
    C(FIRST_BYTE, INT, "of POSIX and OFDLCK: the first byte of the file")                          \
    C(LAST_BYTE, INT, "the last one; none: to the end of the file, however long it becomes")       \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(INODE, INT, "inode number")                                                                  \
    C(OPENED_BY, TEXT, "processes that have the open file by which it was taken")                  \
    C(PATH, TEXT, "path of that file")
EG_COLUMNS(COLUMNS);

enum { HOLDERS_MAX = 32, LOCKS_MAX = 1 << 16 };

/** Processes that have this struct file; *@first: the first, *@of: who has this @pid. */
static const char *holders_of(struct eg_run *r, const struct linux_holder *h, size_t n,
                              uint64_t file, int64_t pid, const struct linux_holder **of)
{
    const char *text = "";
    int64_t last = -1;
    unsigned shown = 0;

    *of = NULL;
    for (size_t i = 0; i < n; i++) {
        if (h[i].pid >= 0 && (pid < 0 ? file && h[i].file == file : h[i].pid == pid) && !*of)
            *of = &h[i];
        if (!file || h[i].file != file || h[i].pid == last || h[i].pid < 0)
            continue;
        last = h[i].pid;
        if (shown++ < HOLDERS_MAX)
            text = eg_strf(r, "%s%s%" PRId64, text, *text ? "," : "", last);
    }
    return shown > HOLDERS_MAX ? eg_strf(r, "%s,…", text) : text;
}

static void list(struct eg_run *r, const struct linux_holder *h, size_t n, unsigned *left)
{
    struct eg_obj inode = eg_object(r, inode, h->inode);
    struct linux_lock k;

    linux_each_lock(r, inode, k)
    {
        const struct linux_holder *of;
        const char *holders, *path = NULL;
        uint64_t value = 0;
        int32_t pid;

        if (!*left || !--*left) {
            eg_note(r, "more locks than are looked at: the rest is left out");
            return;
        }
        pid = k.pid.tag == EG_CELL_OBJ && eg_load(&value, k.pid.obj) ? (int32_t)value : -1;
        holders = holders_of(r, h, n, k.file, pid, &of);
        if (pid < 0 && of)
            pid = (int32_t)of->pid;
        if (!eg_arg_match(r, "pid", pid))
            continue;
        if (k.file)
            path = linux_file_path(r, eg_object(r, file, k.file), LINUX_NOBODY);
        eg_row(r, .OFFSET = eg_addr(k.lock), .PID = pid < 0 ? (struct eg_cell){ 0 } : eg_int(pid),
               .COMM = of ? linux_comm(eg_object(r, task_struct, of->task)) : (struct eg_cell){ 0 },
               .TYPE = eg_text(k.type), .ACCESS = eg_text(k.access), .STATE = eg_text(k.state),
               .FIRST_BYTE = k.first, .LAST_BYTE = k.last,
               .MAJOR = linux_major_cell(eg_at(inode, inode.i_sb, super_block.s_dev)),
               .MINOR = linux_minor_cell(eg_at(inode, inode.i_sb, super_block.s_dev)),
               .INODE = eg_val(inode, inode.i_ino), .OPENED_BY = eg_text(holders),
               .PATH = eg_text(path));
    }
}

static int run(struct eg_run *r)
{
    const struct linux_holders *all = linux_holders(r);
    unsigned left = LOCKS_MAX;

    for (size_t i = 0, n; all && i < all->n && left && !eg_stopped(r); i += n) {
        const uint64_t inode = all->at[i].inode;

        for (n = 1; i + n < all->n && all->at[i + n].inode == inode; n++)
            ;
        if (inode)
            list(r, &all->at[i], n, &left);
    }
    return 0;
}

EG_PLUGIN(locks) = {
    .os = "linux",
    .help = "List locks and leases of files, and who waits for them",
    .manual = "As /proc/locks, with the file's path. Found by the inodes of all files that are "
              "open: a lock of a process that has ended is gone with its file. Who waits stands "
              "below what he waits for.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(inode.i_ino),
    .uses = EG_NAMES("tasks", "fds"),
    .run = run,
};
