/* lsof - open files: who has them, what they are, who has the other end. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/system.h"
#include "../linux/fs/anon.h"
#include "../linux/fs/file.h"
#include "../linux/fs/flags.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/locks.h"
#include "../linux/fs/path.h"
#include "../linux/fs/superblock.h"
#include "../linux/net/sock.h"
#include "../linux/own/holders.h"
#include "../linux/own/unheld.h"
#include "../linux/own/unread.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(file_dentry, file, "__f_path.dentry|f_path.dentry"); // a union since 6.18
EG_FIELD_AS(file_flags, file, "f_flags");
EG_FIELD_AS(file_mode, file, "f_mode");
EG_FIELD_AS(file_pos, file, "f_pos");
EG_TYPE(file);
EG_FIELD_AS(task_cwd, task_struct, "fs");
EG_FIELD_AS(fs_pwd, fs_struct, "pwd");
EG_FIELD_AS(fs_root, fs_struct, "root");
EG_FIELD_AS(task_table, task_struct, "files");
EG_FIELD_AS(table_of, files_struct, "fdt");
EG_FIELD_AS(closed_on_exec, fdtable, "close_on_exec");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct file is; cwd and root have none", EG_MINOR)                  \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(KIND, TEXT,                                                                                  \
      "fd; cwd, root, exe; mapping (--mappings); only the kernel's: passed over a unix socket, "   \
      "ring (io_uring), loop, swap, acct; unheld (--scan): in use, but nobody known has it")       \
    C(FD, INT, "number of the open file; of loop and swap that of the device")                     \
    C(TYPE, TEXT, "REG, DIR, LNK, CHR, BLK, FIFO, SOCK; a_inode: a file of the kernel's own")      \
    C(PATH, TEXT, "path from init's root, or the kernel's word for what has none")                 \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(INODE, INT, "inode number", EG_MINOR)                                                        \
    C(FILE_MODE, TEXT, "kind and permissions, as ls shows them", EG_MINOR)                         \
    C(OPEN_FLAGS, FLAGS, "how it was opened", EG_MINOR)                                            \
    C(FILE_POS, INT, "where the next read or write begins", EG_MINOR)                              \
    C(SIZE, INT, "bytes of the file")                                                              \
    C(LINKS, INT, "names that the file still has", EG_MINOR)                                       \
    C(DETAIL, TEXT, "of a socket its ends; of other files what fdinfo says: count, targets, …",    \
      EG_LIST)                                                                                     \
    C(PEERS, TEXT,                                                                                 \
      "processes that have the other end of a pipe or a unix socket; of what was passed who can "  \
      "receive it")                                                                                \
    C(UNREAD, INT,                                                                                 \
      "bytes that were written into a pipe, or came into this socket, and were not read yet")      \
    C(LOCKS, TEXT, "locks and leases that this open file, or its process, has of the file",        \
      EG_MINOR)                                                                                    \
    C(UID, INT, "owner of the file", EG_MINOR)                                                     \
    C(GID, INT, "group of the file", EG_MINOR)                                                     \
    C(ATIME, TIME, "last access", EG_MINOR)                                                        \
    C(MTIME, TIME, "last change of the content", EG_MINOR)                                         \
    C(CTIME, TIME, "last change of the inode", EG_MINOR)                                           \
    C(BTIME, TIME, "when the file was made, where the file system keeps it", EG_MINOR)             \
    C(FILE, TEXT, "--data: the file in the folder of -o with what is unread", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { PEERS_MAX = 32, LOCKS_MAX = 64, FMODE_READ = 1, FMODE_WRITE = 2 };
enum { S_IFMT = 0170000, S_IFIFO = 0010000, S_IFSOCK = 0140000 };

struct listing {
    struct eg_run *r;
    const struct linux_holders *all;
    struct eg_map *written; /**< pipes and sockets whose bytes are in a file already */
    struct eg_map *named;   /**< number of an inode → whose file has it in its name */
    uint64_t room;          /**< bytes that all files may still have */
};
#define WRITTEN_MAX (UINT64_C(4) << 30)

static const char *const kinds[] = {
    [LINUX_HOLD_FD] = "fd",     [LINUX_HOLD_EXE] = "exe",         [LINUX_HOLD_CWD] = "cwd",
    [LINUX_HOLD_ROOT] = "root", [LINUX_HOLD_MAPPING] = "mapping", [LINUX_HOLD_PASSED] = "passed",
    [LINUX_HOLD_RING] = "ring", [LINUX_HOLD_LOOP] = "loop",       [LINUX_HOLD_SWAP] = "swap",
    [LINUX_HOLD_ACCT] = "acct", [LINUX_HOLD_NOBODY] = "unheld",
};

/* In the order in which lsof has them. */
static int rank(enum linux_hold how)
{
    static const int ranks[] = {
        [LINUX_HOLD_CWD] = 0,     [LINUX_HOLD_ROOT] = 1,    [LINUX_HOLD_EXE] = 2,
        [LINUX_HOLD_MAPPING] = 3, [LINUX_HOLD_FD] = 4,      [LINUX_HOLD_RING] = 5,
        [LINUX_HOLD_PASSED] = 6,  [LINUX_HOLD_LOOP] = 7,    [LINUX_HOLD_SWAP] = 8,
        [LINUX_HOLD_ACCT] = 9,    [LINUX_HOLD_NOBODY] = 10,
    };

    return ranks[how];
}

static int by_process(const void *a, const void *b)
{
    const struct linux_holder *x = *(const struct linux_holder *const *)a;
    const struct linux_holder *y = *(const struct linux_holder *const *)b;

    if (x->pid != y->pid)
        return (uint64_t)x->pid < (uint64_t)y->pid ? -1 : 1; // who is nobody's comes last
    if (rank(x->how) != rank(y->how))
        return rank(x->how) < rank(y->how) ? -1 : 1;
    if (x->task != y->task)
        return x->task < y->task ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file;
}

/* ---- who has the other end ---- */

/** "12,15": processes that hold @inode, by descriptors with one of the modes @mode, or in
 * flight. */
static struct eg_cell peers_of(struct listing *l, uint64_t inode, const struct linux_holder *self,
                               uint32_t mode)
{
    struct eg_run *r = l->r;
    size_t n, shown = 0;
    const struct linux_holder *h = linux_holders_of(l->all, inode, &n);
    int64_t seen[PEERS_MAX];
    const char *text = "";

    for (size_t i = 0; h && i < n; i++) {
        const struct linux_holder *p = &h[i];
        size_t k = 0;

        if (p->file == self->file ||
            (mode && !(eg_get_or(0u, eg_object(r, file, p->file), file_mode) & mode)))
            continue;
        while (k < shown && seen[k] != p->pid)
            k++;
        if (k < shown)
            continue;
        if (shown == PEERS_MAX)
            return eg_text(eg_strf(r, "%s,…", text));
        seen[shown++] = p->pid;
        text = eg_strf(r, "%s%s%s", text, *text ? "," : "",
                       p->pid < 0 ? kinds[p->how] : eg_strf(r, "%" PRId64, p->pid));
    }
    return eg_text(text);
}

/* ---- what is unread, into a file ---- */

struct writing {
    struct eg_run *r;
    FILE *f;
    const char *name;
    uint64_t lost, left;
    uint64_t hole; /**< zeros before what is written next, which need no room on the disk */
};

static void write_piece(void *context, const struct linux_piece *piece)
{
    struct writing *w = context;
    uint64_t at = piece->addr, len = EG_MIN(piece->len, w->left);
    uint8_t bytes[4096];

    w->left -= len;
    while (len && !eg_stopped(w->r)) {
        const size_t n = EG_MIN(len, sizeof bytes);

        if (!piece->space || !eg_read(eg_view_of(w->r), piece->space, at, bytes, n)) {
            w->lost += n;
            w->hole += n;
        } else {
            if (w->hole)
                fseeko(w->f, (off_t)w->hole, SEEK_CUR);
            w->hole = 0;
            fwrite(bytes, 1, n, w->f);
        }
        at += n;
        len -= n;
    }
}

/** The name of that file. Of a damaged image several have one number. */
static const char *name_of(struct listing *l, const char *kind, uint64_t ino, uint64_t at)
{
    uint64_t first = at;

    if (!eg_map_get(l->named, ino, &first))
        eg_run_map_add(l->r, l->named, ino, at);
    return first == at ? eg_strf(l->r, "%s-%" PRIu64 ".bin", kind, ino)
                       : eg_strf(l->r, "%s-%" PRIu64 "-%" PRIx64 ".bin", kind, ino, at);
}

/** The file for what is unread in the object at @at, once. @return false: it was written before, or
 * cannot be. */
static bool begin_file(struct listing *l, struct writing *w, uint64_t at)
{
    enum { FILE_MAX = 1 << 28 }; // more than a pipe or a queue may hold

    if (!l->room || !eg_run_map_add(l->r, l->written, at, 0))
        return false;
    w->r = l->r;
    w->left = EG_MIN(l->room, (uint64_t)FILE_MAX);
    l->room -= w->left;
    w->f = eg_output(l->r, w->name);
    return w->f;
}

static void end_file(struct listing *l, struct writing *w)
{
    if (w->hole) {
        fseeko(w->f, (off_t)w->hole - 1, SEEK_CUR);
        putc(0, w->f);
    }
    l->room += w->left;
    if (!l->room)
        eg_note(w->r, "--data: more than 4 GiB are not written");
    if (w->lost)
        eg_note(w->r, "%s: %" PRIu64 " bytes cannot be read: zeros", w->name, w->lost);
    if (!w->left)
        eg_note(w->r, "%s: cut where it is larger than such a queue can be", w->name);
    eg_output_done(w->r, w->f);
}

static struct eg_cell write_pipe(struct listing *l, struct eg_obj pipe, uint64_t ino)
{
    struct writing w = { .name = name_of(l, "pipe", ino, pipe.addr) };
    struct linux_piece piece;

    if (begin_file(l, &w, pipe.addr)) {
        linux_each_pipe_piece(l->r, pipe, piece)
        {
            if (!w.left)
                break;
            write_piece(&w, &piece);
        }
        end_file(l, &w);
    }
    return eg_text(w.name);
}

static struct eg_cell write_socket(struct listing *l, struct eg_obj sock, uint64_t ino)
{
    struct writing w = { .name = name_of(l, "socket", ino, sock.addr) };

    if (begin_file(l, &w, sock.addr)) {
        linux_sock_pieces(l->r, sock, write_piece, &w);
        end_file(l, &w);
    }
    return eg_text(w.name);
}

static void of_pipe(struct listing *l, const struct linux_holder *h, struct eg_obj file,
                    struct eg_obj inode, struct row *row)
{
    struct eg_obj pipe = eg_deref(eg_at(inode, inode_pipe));
    const uint32_t mode = eg_get_or(0u, file, file_mode) & (FMODE_READ | FMODE_WRITE);
    uint64_t bytes;

    if (mode) // nothing for a FIFO that is open as a path only
        row->PEERS = peers_of(l, h->inode, h,
                              mode == FMODE_READ    ? FMODE_WRITE
                              : mode == FMODE_WRITE ? FMODE_READ
                                                    : FMODE_READ | FMODE_WRITE);
    if (pipe.why == EG_NULL)
        return;
    if (!linux_pipe_unread(l->r, pipe, &bytes)) {
        row->UNREAD = eg_missing(EG_BAD_VALUE, pipe.addr);
        return;
    }
    row->UNREAD = eg_uint(bytes);
    if (bytes && eg_arg_flag(l->r, "data"))
        row->FILE = write_pipe(l, pipe, eg_get_or((uint64_t)0, inode, inode.i_ino));
}

/* ---- one row ---- */

static const char *type_of(uint32_t mode)
{
    static const char *const names[16] = { [1] = "FIFO", [2] = "CHR",  [4] = "DIR",  [6] = "BLK",
                                           [8] = "REG",  [10] = "LNK", [12] = "SOCK" };
    const char *name = names[mode >> 12 & 15];

    return name ? name : "a_inode";
}

/** "O_RDWR|O_APPEND|O_CLOEXEC". */
static struct eg_cell open_flags(struct eg_run *r, const struct linux_holder *h, struct eg_obj file,
                                 struct eg_obj task)
{
    const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
    enum { O_ACCESS = 3, O_PATH = 010000000 };
    const char *rest;
    uint32_t flags;
    bool closes = false;

    if (!eg_get(&flags, file, file_flags))
        return eg_val(file, file_flags);
    if (h->how == LINUX_HOLD_FD && h->number < UINT32_MAX)
        closes = eg_next_bit(eg_at(task, task_table, table_of, closed_on_exec), h->number,
                             h->number + 1) == h->number;
    rest = linux_open_flags(r, (flags & ~(uint32_t)O_ACCESS) | (closes ? LINUX_O_CLOEXEC : 0));
    if (flags & O_PATH)
        return eg_text(rest);
    return eg_text(eg_strf(r, "%s%s%s", access[flags & O_ACCESS], *rest ? "|" : "", rest));
}

/** Locks that were taken through this struct file; those of POSIX are the process's. */
static struct eg_cell locks_of(struct listing *l, const struct linux_holder *h, struct eg_obj inode,
                               struct eg_obj task)
{
    const uint64_t table = eg_get_or((uint64_t)0, task, task_table);
    struct linux_lock k;
    const char *text = NULL;
    unsigned n = 0;

    linux_each_lock(l->r, inode, k)
    {
        if (n++ == LOCKS_MAX) {
            text = eg_strf(l->r, "%s%s...", text ? text : "", text ? "; " : "");
            break;
        }
        if (h->file ? k.file != h->file : true)
            continue;
        if (!strcmp(k.type, "POSIX") && k.owner != table)
            continue;
        text = eg_strf(l->r, "%s%s%s %s%s", text ? text : "", text ? "; " : "", k.type,
                       k.access ? k.access : "?", !strcmp(k.state, "waits") ? " waits" : "");
    }
    return eg_text(text);
}

static void list(struct listing *l, const struct linux_holder *h)
{
    struct eg_run *r = l->r;
    struct eg_obj task = eg_object(r, task_struct, h->task); // 0: a bad cursor
    struct eg_obj file = eg_object(r, file, h->file);
    struct eg_obj inode = eg_object(r, inode, h->inode);
    const char *path;
    uint32_t mode = 0;
    uint64_t unread = 0;
    struct row row = { .KIND = eg_text(kinds[h->how]) };

    if (h->task) {
        row.PID = linux_pid(task);
        row.TID = linux_tid(task);
        row.COMM = linux_comm(task);
    }
    if (h->how == LINUX_HOLD_FD || h->how == LINUX_HOLD_LOOP || h->how == LINUX_HOLD_SWAP)
        row.FD = eg_uint(h->number);
    if (h->how == LINUX_HOLD_CWD || h->how == LINUX_HOLD_ROOT) {
        path = linux_path(r,
                          h->how == LINUX_HOLD_CWD ? eg_at(task, task_cwd, fs_pwd)
                                                   : eg_at(task, task_cwd, fs_root),
                          LINUX_NOBODY);
    } else {
        row.OFFSET = eg_addr(file);
        // Accounting opens a file by a mount of its own, which is nowhere (kernel/acct.c).
        path = h->how == LINUX_HOLD_ACCT ? linux_dentry_where(r, eg_deref(eg_at(file, file_dentry)))
                                         : linux_file_path(r, file, LINUX_NOBODY);
        row.OPEN_FLAGS = open_flags(r, h, file, task);
        row.FILE_POS = eg_val(file, file_pos);
    }
    row.PATH = path ? eg_text(path) : eg_missing(EG_UNREADABLE, h->file ? h->file : h->inode);
    row.INODE = eg_val(inode, inode.i_ino);
    if (eg_get(&mode, inode, inode.i_mode)) {
        row.TYPE = eg_text(type_of(mode));
        row.MAJOR = linux_major_cell(eg_at(inode, inode.i_sb, super_block.s_dev));
        row.MINOR = linux_minor_cell(eg_at(inode, inode.i_sb, super_block.s_dev));
        row.FILE_MODE = linux_inode_mode(r, inode);
        row.SIZE = eg_val(inode, inode.i_size);
        row.LINKS = eg_val(inode, inode.i_nlink);
        row.UID = eg_val(inode, inode_uid);
        row.GID = eg_val(inode, inode_gid);
        row.ATIME = linux_inode_time(r, inode, LINUX_ATIME);
        row.MTIME = linux_inode_time(r, inode, LINUX_MTIME);
        row.CTIME = linux_inode_time(r, inode, LINUX_CTIME);
        row.BTIME = linux_inode_time(r, inode, LINUX_BTIME);
        row.LOCKS = locks_of(l, h, inode, task);
    }
    if ((mode & S_IFMT) == S_IFIFO && h->file) {
        of_pipe(l, h, file, inode, &row);
    } else if ((mode & S_IFMT) == S_IFSOCK && h->file) {
        struct eg_obj sock = linux_file_sock(r, file), peer = linux_unix_peer(r, sock);

        row.DETAIL = eg_text(linux_sock_text(r, sock));
        if (!peer.why)
            row.PEERS = peers_of(l, linux_sock_inode(r, peer), h, 0);
        if (linux_sock_unread(r, sock, &unread))
            row.UNREAD = eg_uint(unread);
        if (unread && eg_arg_flag(r, "data"))
            row.FILE = write_socket(l, sock, eg_get_or((uint64_t)0, inode, inode.i_ino));
    } else if (h->file) {
        row.DETAIL = eg_text(linux_anon_text(r, file, path, LINUX_NOBODY));
    }
    if (h->how == LINUX_HOLD_PASSED) {
        struct eg_obj sock = eg_object(r, sock, h->number);
        const char *text = linux_sock_text(r, sock);

        row.DETAIL = eg_text(eg_strf(
            r, "waits in socket %" PRIu64 " %s",
            eg_get_or((uint64_t)0, eg_object(r, inode, linux_sock_inode(r, sock)), inode.i_ino),
            text ? text : ""));
        row.PEERS = peers_of(l, linux_sock_inode(r, sock), h, 0);
    }
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
}

static int run(struct eg_run *r)
{
    struct listing l = { .r = r,
                         .all = linux_holders(r),
                         .written = eg_run_map(r),
                         .named = eg_run_map(r),
                         .room = WRITTEN_MAX };
    const bool mappings = eg_arg_flag(r, "mappings");
    const struct linux_holder **order;
    uint64_t *unheld;
    size_t n = 0;

    if (!l.all)
        return 0;
    order = eg_tmp(r, (l.all->n + 1) * sizeof *order);
    for (size_t i = 0; i < l.all->n; i++)
        if ((mappings || l.all->at[i].how != LINUX_HOLD_MAPPING) &&
            (l.all->at[i].pid < 0 ? !eg_arg_limits(r, "pid")
                                  : eg_arg_match(r, "pid", l.all->at[i].pid)))
            order[n++] = &l.all->at[i];
    if (n)
        qsort(order, n, sizeof *order, by_process);
    for (size_t i = 0; i < n && !eg_stopped(r); i++)
        list(&l, order[i]);
    if (!eg_arg_flag(r, "scan") || eg_arg_limits(r, "pid"))
        return 0;
    n = linux_unheld_files(r, l.all, &unheld);
    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        struct eg_obj inode = linux_file_inode(r, eg_object(r, file, unheld[i]));
        const struct linux_holder h = { .file = unheld[i],
                                        .inode = inode.why ? 0 : inode.addr,
                                        .pid = -1,
                                        .how = LINUX_HOLD_NOBODY };

        list(&l, &h);
    }
    return 0;
}

EG_PLUGIN(lsof) = {
    .os = "linux",
    .help = "List open files: descriptors, folders, programs, and what only the kernel holds",
    .manual =
        "One row for each descriptor of each process, for its working and root folder and its "
        "program, with --mappings also for each file that it maps; threads that share a table are "
        "told once. Then, without a process, files that only the kernel holds: sent over a unix "
        "socket and not received, below loop devices, swap, accounting; files that are registered "
        "with io_uring have KIND ring. Tables are read of all tasks of the list and of the tables "
        "of process ids. A file that was closed is not here: compare `inodes` and `files`. With "
        "--data what is unread in pipes and sockets is written to files of -o, for one of "
        "datagrams "
        "behind each other. --scan also looks at each struct file of the slab allocator: one that "
        "is in use and none of the above has KIND unheld. The kernel holds some for its own "
        "purposes (the files below those of an overlay, segments of System V, a descriptor that "
        "is being closed); others may be those of a process that was hidden.",
    .aliases = EG_NAMES("linux.lsof.Lsof", "linux_lsof", "linux_kernel_opened_files", "lsfd"),
    .looks_for = EG_NAMES("open files"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(mappings, FLAG, "files that are mapped, too"),
                    EG_ARG(scan, FLAG, "files in use that nobody known has, too"),
                    EG_ARG(data, FLAG, "write what is unread in pipes and sockets to files of -o")),
    .needs = EG_NEEDS(file_mode, inode.i_mode),
    .uses = EG_NAMES("tasks", "fds"),
    .run = run,
    .key = EG_NAMES("PID", "TID", "KIND", "FD", "OFFSET"),
    .moves = EG_NAMES("FILE_POS", "SIZE", "UNREAD", "ATIME", "MTIME", "CTIME"),
};
