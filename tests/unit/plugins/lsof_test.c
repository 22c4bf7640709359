/* lsof_test.c - open files: who has them, once each; what each kind says of itself; pipes and their
 * other end; locks, as kernels keep them before and since 6.9; what inotify watches. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_TYPES                                                                                 \
    "struct css_set *cgroups; struct files_struct *files; void *io_uring; };"                      \
    "struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *open_fds,"            \
    "  *close_on_exec; };"                                                                         \
    "struct files_struct { struct fdtable *fdt; };"                                                \
    "struct pipe_buffer { struct page *page; unsigned int offset, len; };"                         \
    "struct eventfd_ctx { u64 count; unsigned int flags; int id; };"                               \
    "struct epoll_filefd { struct file *file; int fd; };"                                          \
    "struct epoll_event { u32 events; u64 data; };"                                                \
    "struct eventpoll { struct rb_root rbr; };"                                                    \
    "struct epitem { struct rb_node rbn; struct epoll_filefd ffd; struct epoll_event event; };"    \
    "struct fsnotify_group { struct list_head marks_list; };"                                      \
    "struct fsnotify_mark_connector { unsigned short type; void *obj; };"                          \
    "struct fsnotify_mark { u32 mask; struct list_head g_list;"                                    \
    "  struct fsnotify_mark_connector *connector; u32 ignore_mask; };"                             \
    "struct inotify_inode_mark { struct fsnotify_mark fsn_mark; int wd; };"                        \
    "struct shmem_inode_info { unsigned int seals; struct inode vfs_inode; };"                     \
    "struct file_lock_context { struct list_head flc_flock, flc_posix, flc_lease; };"
#define OLD_LOCK                                                                                   \
    "struct file_lock { struct list_head fl_list, fl_blocked_requests, fl_blocked_member;"         \
    "  void *fl_owner; u32 fl_flags; u8 fl_type; int fl_pid; struct file *fl_file;"                \
    "  s64 fl_start, fl_end; };"
#define NEW_LOCK                                                                                   \
    "struct file_lock_core { struct list_head flc_list, flc_blocked_requests, flc_blocked_member;" \
    "  void *flc_owner; u32 flc_flags; u8 flc_type; int flc_pid; struct file *flc_file; };"        \
    "struct file_lock { struct file_lock_core c; s64 fl_start, fl_end; };"
#define NEW_PIPE                                                                                   \
    "struct pipe_inode_info { unsigned int head, tail, ring_size; struct pipe_buffer *bufs; };"
#define OLD_PIPE                                                                                   \
    "struct pipe_inode_info { unsigned int nrbufs, curbuf, buffers; struct pipe_buffer *bufs; };"

#define EDITS(more)                                                                                \
    {                                                                                              \
        "struct css_set *cgroups; };", FILE_TYPES more,                                            \
            "struct file { struct path f_path; u32 f_mode; struct inode *f_inode; };",             \
            "struct file { struct path f_path; u32 f_mode, f_flags; s64 f_pos; void *f_op,"        \
            "  *private_data; struct inode *f_inode; struct address_space *f_mapping; };",         \
            "unsigned long i_ino;",                                                                \
            "unsigned long i_ino; struct pipe_inode_info *i_pipe; void *i_fsnotify_marks;"         \
            "  struct file_lock_context *i_flctx; struct hlist_head i_dentry;",                    \
            "struct dentry *mnt_mountpoint; struct vfsmount mnt; ",                                \
            "struct dentry *mnt_mountpoint; struct vfsmount mnt; void *mnt_fsnotify_marks; ",      \
            "struct fs_struct { struct path root; };",                                             \
            "struct fs_struct { struct path root, pwd; };", NULL                                   \
    }
static const char *const since_69[] = EDITS(NEW_LOCK NEW_PIPE);
static const char *const until_68[] = EDITS(OLD_LOCK OLD_PIPE);

enum { READ = 1, WRITE = 2, FIFO = 0010644, REGULAR = 0100644 };

static uint64_t ptr_of(struct mk_guest *g)
{
    return mk_model(g->k)->ptr_size;
}

/** An empty table for eight open files. */
static uint64_t make_table(struct mk_guest *g, uint64_t task)
{
    uint64_t files = mk_object(g->k, "files_struct"), table = mk_object(g->k, "fdtable");

    mk_put(g->k, files, "files_struct.fdt", table);
    mk_put(g->k, table, "fdtable.max_fds", 8);
    mk_put(g->k, table, "fdtable.fd", mk_alloc(g->k, 64));
    mk_put(g->k, table, "fdtable.open_fds", mk_alloc(g->k, 8));
    mk_put(g->k, table, "fdtable.close_on_exec", mk_alloc(g->k, 8));
    if (task)
        mk_put(g->k, task, "task_struct.files", files);
    return files;
}

static void set_bit(struct mk_guest *g, uint64_t table, const char *bits, int n)
{
    uint64_t at = mk_of(g, table, bits);

    mk_write_ptr(g->k, at, mk_read_ptr(g->k, at) | UINT64_C(1) << n);
}

static void put_fd(struct mk_guest *g, uint64_t files, int fd, uint64_t file)
{
    uint64_t table = mk_of(g, files, "files_struct.fdt");

    mk_write_ptr(g->k, mk_of(g, table, "fdtable.fd") + (uint64_t)fd * ptr_of(g), file);
    set_bit(g, table, "fdtable.open_fds", fd);
}

static uint64_t make_open(struct mk_guest *g, const char *name, uint64_t mode, uint64_t flags)
{
    uint64_t file = mk_guest_file(g, mk_guest_dentry(g, g->top, name));

    mk_put(g->k, file, "file.f_op", 0x4444);
    mk_put(g->k, file, "file.f_mode", READ | WRITE);
    mk_put(g->k, file, "file.f_flags", flags);
    mk_put(g->k, mk_of(g, file, "file.f_inode"), "inode.i_mode", mode);
    return file;
}

/** A file of the kernel's own: "[eventfd]". */
static uint64_t make_anon(struct mk_guest *g, const char *name, uint64_t data)
{
    uint64_t d = mk_guest_dentry(g, 0, name), file = mk_guest_file(g, d);
    uint64_t ops = mk_object(g->k, "dentry_operations"), sb = mk_object(g->k, "super_block");
    uint64_t type = mk_object(g->k, "file_system_type");

    mk_put(g->k, type, "file_system_type.name", mk_text(g->k, "anon_inodefs"));
    mk_put(g->k, sb, "super_block.s_type", type);
    mk_put(g->k, d, "dentry.d_sb", sb);
    mk_put(g->k, ops, "dentry_operations.d_dname", 0x1234);
    mk_put(g->k, d, "dentry.d_op", ops);
    mk_put(g->k, file, "file.private_data", data);
    mk_put(g->k, file, "file.f_op", 0x5000 + 16 * strlen(name)); // another for each kind
    return file;
}

static uint64_t add_thread(struct mk_guest *g, uint64_t leader, int tid)
{
    uint64_t t = mk_object(g->k, "task_struct"), signal = mk_of(g, leader, "task_struct.signal");

    mk_put(g->k, t, "task_struct.pid", (uint64_t)tid);
    mk_put(g->k, t, "task_struct.tgid", 5);
    mk_puts(g->k, t, "task_struct.comm", "thread");
    mk_put(g->k, t, "task_struct.group_leader", leader);
    mk_put(g->k, t, "task_struct.signal", signal);
    mk_put(g->k, t, "task_struct.fs", g->fs);
    mk_list_append(g->k, mk_at(g->k, signal, "signal_struct.thread_head"),
                   mk_at(g->k, t, "task_struct.thread_node"));
    return t;
}

/* Rows of descriptors only: columns from PID on. */
static const char *rows_of(struct mk_guest *g, const char *args, int from, int to)
{
    static char out[1 << 16];
    const char *rows = mk_guest_rows(g, "lsof", args);
    size_t n = 0;

    out[0] = '\0';
    while (*rows) {
        const size_t len = strcspn(rows, "\n");
        char line[4096];

        snprintf(line, sizeof line, "%.*s", (int)len, rows);
        if (!strstr(line, "|cwd|") && !strstr(line, "|root|"))
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n ? "\n" : "", line);
        rows += len + (rows[len] == '\n');
    }
    return mk_columns(out, from, to);
}

/* Columns of lsof. */
enum { PID = 1, COMM = 3, KIND = 4, FD = 5, PATH = 7, OPEN_FLAGS = 12, DETAIL = 16, LOCKS = 19 };

static void tables(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, since_69);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), thread;
        uint64_t files = make_table(&g, t), gone;

        put_fd(&g, files, 0, make_open(&g, "plain", REGULAR, 02002));
        put_fd(&g, files, 3, gone = make_open(&g, "gone", REGULAR, 0));
        set_bit(&g, mk_of(&g, files, "files_struct.fdt"), "fdtable.close_on_exec", 3);
        mk_guest_unlink(&g, mk_of(&g, gone, "file.f_path.dentry"));
        thread = add_thread(&g, t, 6);
        mk_put(g.k, thread, "task_struct.files", files);
        assert_string_equal(rows_of(&g, NULL, PID, PATH),
                            "5|5|prog|fd|0|REG|/plain\n5|5|prog|fd|3|REG|/gone (deleted)");
        assert_string_equal(rows_of(&g, NULL, OPEN_FLAGS, OPEN_FLAGS + 1),
                            "O_RDWR|O_APPEND\nO_RDONLY|O_CLOEXEC");
        assert_int_equal(mk_row_notes(NULL), mk_row_notes("super_block")); // it has none
        mk_free(g.k);
    }
}

/* A thread with a table of its own; another process that shares the first one's; a file that cannot
 * be read. */
static void tables_of_others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, since_69);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), other = mk_guest_task(&g, 9, "other", 0);
        uint64_t files = make_table(&g, t), own = make_table(&g, 0), mm, library;

        put_fd(&g, files, 0, make_open(&g, "plain", REGULAR, 0));
        put_fd(&g, own, 7, make_open(&g, "mine", REGULAR, 0));
        put_fd(&g, own, 2, 0x10); // no file
        mk_put(g.k, add_thread(&g, t, 6), "task_struct.files", own);
        mk_put(g.k, other, "task_struct.files", files);
        library = make_open(&g, "lib", REGULAR, 0);
        mm = MK_MM(&g, other, "o\0", "");
        mk_put(g.k, mm, "mm_struct.exe_file", make_open(&g, "exe", REGULAR, 0));
        mk_guest_vma(&g, mm, 10, 2, 5, library);
        mk_guest_vma(&g, mm, 12, 2, 3, 0);
        mk_guest_vma(&g, mm, 14, 2, 1, library);
        assert_string_equal(rows_of(&g, NULL, PID, PATH),
                            "5|5|prog|fd|0|REG|/plain\n5|6|thread|fd|2||-\n"
                            "5|6|thread|fd|7|REG|/mine\n9|9|other|exe||REG|/exe\n"
                            "9|9|other|fd|0|REG|/plain");
        assert_string_equal(rows_of(&g, "mappings pid=9", KIND, PATH),
                            "exe||REG|/exe\nmapping||REG|/lib\nfd|0|REG|/plain");
        assert_string_equal(rows_of(&g, "pid=1", KIND, PATH), "");
        mk_free(g.k);
    }
}

/** Bytes in a pipe whose ring has two places. */
static uint64_t make_pipe(struct mk_guest *g, bool old, unsigned first, unsigned n)
{
    uint64_t pipe = mk_object(g->k, "pipe_inode_info"), bufs = mk_alloc(g->k, 64);
    const uint64_t size = mk_at(g->k, 0, "pipe_buffer.len") + 4;
    const uint64_t step = (size + ptr_of(g) - 1) / ptr_of(g) * ptr_of(g);

    for (unsigned i = 0; i < 2; i++)
        mk_put(g->k, bufs + i * step, "pipe_buffer.len", 100 + i);
    mk_put(g->k, pipe, "pipe_inode_info.bufs", bufs);
    if (old) {
        mk_put(g->k, pipe, "pipe_inode_info.buffers", 2);
        mk_put(g->k, pipe, "pipe_inode_info.curbuf", first & 1);
        mk_put(g->k, pipe, "pipe_inode_info.nrbufs", n);
    } else {
        mk_put(g->k, pipe, "pipe_inode_info.ring_size", 2);
        mk_put(g->k, pipe, "pipe_inode_info.tail", first);
        mk_put(g->k, pipe, "pipe_inode_info.head", (uint32_t)(first + n));
    }
    return pipe;
}

static void pipes(void **state)
{
    static const struct {
        unsigned first, n;
        const char *unread;
    } cases[] = {
        { 0, 0, "0" },   { 0, 1, "100" },          { 1, 1, "101" },
        { 7, 2, "201" }, { UINT32_MAX, 2, "201" }, // the count turns over
        { 0, 3, "-" },                             // more than there is room for
    };

    (void)state;
    for (int old = 0; old < 2; old++)
        mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
        {
            struct mk_guest g = mk_guest(m, old ? until_68 : since_69);
            uint64_t a = make_table(&g, mk_guest_task(&g, 5, "reads", 0));
            uint64_t b = make_table(&g, mk_guest_task(&g, 9, "writes", 0));
            uint64_t reads = make_open(&g, "fifo", FIFO, 0), writes;
            uint64_t inode = mk_of(&g, reads, "file.f_inode");
            char want[200];

            mk_put(g.k, inode, "inode.i_pipe", make_pipe(&g, old, cases[i].first, cases[i].n));
            writes = mk_guest_file(&g, mk_of(&g, reads, "file.f_path.dentry"));
            mk_put(g.k, reads, "file.f_mode", READ);
            mk_put(g.k, writes, "file.f_op", 0x4444);
            mk_put(g.k, writes, "file.f_mode", WRITE);
            put_fd(&g, a, 0, reads);
            put_fd(&g, b, 1, writes);
            snprintf(want, sizeof want, "9|%s|\n5|%s|", cases[i].unread, cases[i].unread);
            assert_string_equal(rows_of(&g, NULL, DETAIL + 1, LOCKS), want);
            mk_free(g.k);
        }
}

/* Two pipes of one number, as a damaged image has them: each has a file of its own. */
static void pipe_files(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, since_69);
        const uint64_t table = make_table(&g, mk_guest_task(&g, 5, "prog", 0));
        char folder[] = "/tmp/lsof_test.XXXXXX", text[64];
        const char *rows;

        for (unsigned i = 0; i < 2; i++) {
            const uint64_t file = make_open(&g, i ? "b" : "a", FIFO, 0);
            const uint64_t inode = mk_of(&g, file, "file.f_inode");

            mk_put(g.k, inode, "inode.i_pipe", make_pipe(&g, false, 0, 1));
            mk_put(g.k, inode, "inode.i_ino", 77);
            mk_put(g.k, file, "file.f_mode", READ);
            put_fd(&g, table, i, file);
        }
        assert_non_null(mkdtemp(folder));
        mk_out_dir = folder;
        rows = mk_guest_rows(&g, "lsof", "data");
        mk_out_dir = NULL;
        assert_non_null(strstr(rows, "|pipe-77.bin"));
        assert_non_null(strstr(rows, "|pipe-77-"));
        snprintf(text, sizeof text, "rm -r %s", folder);
        assert_int_equal(system(text), 0);
        mk_free(g.k);
    }
}

/* Pipes that claim a gigabyte each, of which memory has nothing: zeros that take no room on the
 * disk, and of all of them not without end. */
static void false_sizes(void **state)
{
    enum { PIPES = 17, FIT = 16 }; // of 256 MiB each, 4 GiB
    struct mk_guest g = mk_guest(&mk_machines[0], since_69);
    char folder[] = "/tmp/lsof_test.XXXXXX", text[64];
    uint64_t files[PIPES];
    struct stat st;
    struct mk_guest *p = &g;

    (void)state;
    for (unsigned i = 0; i < PIPES; i++) {
        const uint64_t table = make_table(p, mk_guest_task(p, 5 + i, "prog", 0));
        const uint64_t pipe = make_pipe(p, false, 0, 2),
                       bufs = mk_of(p, pipe, "pipe_inode_info.bufs");
        uint64_t inode;

        mk_put(g.k, bufs, "pipe_buffer.len", 1 << 30);
        files[i] = make_open(p, "a", FIFO, 0);
        inode = mk_of(p, files[i], "file.f_inode");
        mk_put(g.k, inode, "inode.i_pipe", pipe);
        mk_put(g.k, inode, "inode.i_ino", 100 + i);
        mk_put(g.k, files[i], "file.f_mode", READ);
        put_fd(p, table, 0, files[i]);
    }
    assert_non_null(mkdtemp(folder));
    mk_out_dir = folder;
    mk_guest_rows(p, "lsof", "data");
    mk_out_dir = NULL;
    assert_int_equal(mk_row_notes("268435456 bytes cannot be read: zeros"), FIT);
    assert_int_equal(mk_row_notes("more than 4 GiB are not written"), 1);
    snprintf(text, sizeof text, "%s/pipe-100.bin", folder);
    assert_int_equal(stat(text, &st), 0);
    assert_int_equal(st.st_size, 1 << 28);
    assert_true(st.st_blocks * 512 < 1 << 20);
    snprintf(text, sizeof text, "rm -r %s", folder);
    assert_int_equal(system(text), 0);
    mk_free(g.k);
}

static void says(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, since_69);
        uint64_t files = make_table(&g, mk_guest_task(&g, 5, "prog", 0));
        uint64_t event = mk_object(g.k, "eventfd_ctx"), poll = mk_object(g.k, "eventpoll");
        uint64_t item = mk_object(g.k, "epitem"), group = mk_object(g.k, "fsnotify_group");
        uint64_t mark = mk_object(g.k, "inotify_inode_mark"), watched, connector;
        uint64_t node = mk_at(g.k, mark, "inotify_inode_mark.fsn_mark.g_list"), inode, dentry;

        mk_put(g.k, event, "eventfd_ctx.count", UINT64_C(0x100000007));
        mk_put(g.k, event, "eventfd_ctx.id", 4);
        put_fd(&g, files, 0, make_anon(&g, "[eventfd]", event));
        mk_put(g.k, poll, "eventpoll.rbr.rb_node", item);
        mk_put(g.k, item, "epitem.ffd.fd", 3);
        mk_put(g.k, item, "epitem.ffd.file", watched = make_open(&g, "watched", REGULAR, 0));
        mk_put(g.k, item, "epitem.event.events", 0x80000001);
        put_fd(&g, files, 1, make_anon(&g, "[eventpoll]", poll));
        put_fd(&g, files, 2, make_anon(&g, "[eventpoll]", mk_object(g.k, "eventpoll")));
        // What is watched has the mark's connector, which leads back to it.
        dentry = mk_of(&g, watched, "file.f_path.dentry");
        inode = mk_of(&g, dentry, "dentry.d_inode");
        connector = mk_object(g.k, "fsnotify_mark_connector");
        mk_put(g.k, connector, "fsnotify_mark_connector.obj", inode);
        mk_put(g.k, inode, "inode.i_fsnotify_marks", connector);
        mk_put(g.k, mark, "inotify_inode_mark.fsn_mark.connector", connector);
        mk_put(g.k, mark, "inotify_inode_mark.fsn_mark.mask", 0x08002002);
        mk_put(g.k, mark, "inotify_inode_mark.wd", 6);
        mk_list(g.k, mk_at(g.k, group, "fsnotify_group.marks_list"), &node, 1);
        put_fd(&g, files, 3, make_anon(&g, "inotify", group));
        put_fd(&g, files, 4, make_anon(&g, "[eventfd]", 0x10)); // unreadable
        put_fd(&g, files, 5, make_anon(&g, "[unheard of]", 0));
        assert_string_equal(rows_of(&g, NULL, DETAIL, DETAIL + 1),
                            "count 4294967303, id 4|\nfd 3 IN|ET /watched\nnothing is watched|\n"
                            "wd 6 ? MODIFY|\n|\n|");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "fanotify", NULL), 1, 9),
                            "5|5|prog|3|inotify|file|6|MODIFY|");
        // A connector that does not lead back is no proof.
        mk_put(g.k, inode, "inode.i_fsnotify_marks", 0x7777);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "fanotify", NULL), 1, 9),
                            "5|5|prog|3|inotify||6|MODIFY|");
        // A mount is watched by its vfsmount.
        mk_put(g.k, inode, "inode.i_fsnotify_marks", 0);
        mk_put(g.k, connector, "fsnotify_mark_connector.obj", mk_at(g.k, g.mount, "mount.mnt"));
        mk_put(g.k, g.mount, "mount.mnt_fsnotify_marks", connector);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "fanotify", NULL), 5, 6), "inotify|mount");
        // Until 6.9 it leads to the pointer that the inode has to it.
        mk_put(g.k, inode, "inode.i_fsnotify_marks", connector);
        mk_put(g.k, connector, "fsnotify_mark_connector.obj",
               mk_at(g.k, inode, "inode.i_fsnotify_marks"));
        assert_string_equal(mk_columns(mk_guest_rows(&g, "fanotify", NULL), 5, 8),
                            "inotify|file|6|MODIFY");
        assert_string_equal(rows_of(&g, NULL, FD + 1, PATH),
                            "a_inode|anon_inode:[eventfd]\na_inode|anon_inode:[eventpoll]\n"
                            "a_inode|anon_inode:[eventpoll]\na_inode|anon_inode:inotify\n"
                            "a_inode|anon_inode:[eventfd]\na_inode|anon_inode:[unheard of]");
        mk_free(g.k);
    }
}

/* Seals of a memfd, and not of another file of tmpfs. */
static void seals(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, since_69);
        uint64_t files = make_table(&g, mk_guest_task(&g, 5, "prog", 0));
        uint64_t info = mk_object(g.k, "shmem_inode_info"), file;
        uint64_t inode = mk_at(g.k, info, "shmem_inode_info.vfs_inode");

        file = make_anon(&g, "memfd:x", 0);
        mk_put(g.k,
               mk_of(&g, mk_of(&g, mk_of(&g, file, "file.f_path.dentry"), "dentry.d_sb"),
                     "super_block.s_type"),
               "file_system_type.name", mk_text(g.k, "tmpfs"));
        mk_put(g.k, inode, "inode.i_sb",
               mk_of(&g, mk_of(&g, file, "file.f_path.dentry"), "dentry.d_sb"));
        mk_put(g.k, inode, "inode.i_mode", REGULAR);
        mk_put(g.k, file, "file.f_inode", inode);
        put_fd(&g, files, 0, file);
        assert_string_equal(rows_of(&g, NULL, PATH, PATH), "/memfd:x (deleted)");
        mk_put(g.k, info, "shmem_inode_info.seals", 0x2a);
        assert_string_equal(rows_of(&g, NULL, DETAIL, DETAIL + 2), "seals SHRINK|WRITE|EXEC");
        mk_put(g.k, info, "shmem_inode_info.seals", 0);
        assert_string_equal(rows_of(&g, NULL, DETAIL, DETAIL), "no seals");
        mk_free(g.k);
    }
}

/* Open files that are in no folder any more. */
static void deleted(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, since_69);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), files = make_table(&g, t), gone;

        put_fd(&g, files, 0, make_open(&g, "plain", REGULAR, 0));
        put_fd(&g, files, 3, gone = make_open(&g, "gone", REGULAR, 0));
        mk_guest_unlink(&g, mk_of(&g, gone, "file.f_path.dentry"));
        mk_put(g.k, add_thread(&g, t, 6), "task_struct.files", files);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "deleted", NULL), 0, 4),
                            "5|prog|fd|3|removed");
        assert_string_equal(mk_guest_rows(&g, "deleted", "exe"), "");
        mk_free(g.k);
    }
}

/** A lock on the list @head, with members by the names of that kernel. */
static uint64_t make_lock(struct mk_guest *g, bool old, uint64_t head, uint64_t flags,
                          uint64_t type, uint64_t file, uint64_t owner)
{
    uint64_t l = mk_object(g->k, "file_lock");

    mk_put(g->k, l, old ? "file_lock.fl_flags" : "file_lock.c.flc_flags", flags);
    mk_put(g->k, l, old ? "file_lock.fl_type" : "file_lock.c.flc_type", type);
    mk_put(g->k, l, old ? "file_lock.fl_file" : "file_lock.c.flc_file", file);
    mk_put(g->k, l, old ? "file_lock.fl_owner" : "file_lock.c.flc_owner", owner);
    mk_put(g->k, l, old ? "file_lock.fl_pid" : "file_lock.c.flc_pid", 5);
    mk_list(
        g->k,
        mk_at(g->k, l, old ? "file_lock.fl_blocked_requests" : "file_lock.c.flc_blocked_requests"),
        NULL, 0);
    mk_list_append(g->k, head, mk_at(g->k, l, old ? "file_lock.fl_list" : "file_lock.c.flc_list"));
    return l;
}

static void locks(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++)
        mk_each_machine(m)
        {
            struct mk_guest g = mk_guest(m, old ? until_68 : since_69);
            uint64_t t = mk_guest_task(&g, 5, "locks", 0), files = make_table(&g, t);
            uint64_t file = make_open(&g, "locked", REGULAR, 2), same, waits, held;
            uint64_t inode = mk_of(&g, file, "file.f_inode");
            uint64_t context = mk_object(g.k, "file_lock_context");
            static const char *const lists[] = { "file_lock_context.flc_flock",
                                                 "file_lock_context.flc_posix",
                                                 "file_lock_context.flc_lease" };

            for (int i = 0; i < 3; i++)
                mk_list(g.k, mk_at(g.k, context, lists[i]), NULL, 0);
            mk_put(g.k, inode, "inode.i_flctx", context);
            same = mk_guest_file(&g, mk_of(&g, file, "file.f_path.dentry"));
            mk_put(g.k, same, "file.f_op", 0x4444);
            put_fd(&g, files, 3, file);
            put_fd(&g, files, 4, same);
            make_lock(&g, old, mk_at(g.k, context, lists[0]), 2, 1, file, file);
            held = make_lock(&g, old, mk_at(g.k, context, lists[1]), 1, 0, file, files);
            make_lock(&g, old, mk_at(g.k, context, lists[1]), 1, 0, file, 0x7777); // another's
            make_lock(&g, old, mk_at(g.k, context, lists[1]), 1 | 1024, 0, same, same);
            make_lock(&g, old, mk_at(g.k, context, lists[2]), 32, 1, same, same);
            // Who waits stands in the list of what he waits for.
            waits = mk_object(g.k, "file_lock");
            mk_put(g.k, waits, old ? "file_lock.fl_flags" : "file_lock.c.flc_flags", 1);
            mk_put(g.k, waits, old ? "file_lock.fl_pid" : "file_lock.c.flc_pid", 5);
            mk_put(g.k, waits, old ? "file_lock.fl_type" : "file_lock.c.flc_type", 1);
            mk_put(g.k, waits, old ? "file_lock.fl_file" : "file_lock.c.flc_file", file);
            mk_put(g.k, waits, old ? "file_lock.fl_owner" : "file_lock.c.flc_owner", files);
            mk_list_append(
                g.k,
                mk_at(g.k, held,
                      old ? "file_lock.fl_blocked_requests" : "file_lock.c.flc_blocked_requests"),
                mk_at(g.k, waits,
                      old ? "file_lock.fl_blocked_member" : "file_lock.c.flc_blocked_member"));
            assert_string_equal(mk_columns(mk_guest_rows(&g, "locks", NULL), 1, 7),
                                "5|locks|POSIX|READ|held|0|0\n5|locks|POSIX|WRITE|waits|0|0\n"
                                "5|locks|POSIX|READ|held|0|0\n5|locks|OFDLCK|READ|held|0|0\n"
                                "5|locks|FLOCK|WRITE|held||\n5|locks|LEASE|WRITE|ACTIVE||");
            assert_string_equal(mk_guest_rows(&g, "locks", "pid=6"), "");
            assert_string_equal(rows_of(&g, NULL, LOCKS, LOCKS),
                                "POSIX READ; POSIX WRITE waits; FLOCK WRITE\n"
                                "OFDLCK READ; LEASE WRITE");
            assert_int_equal(mk_row_notes(NULL), mk_row_notes("super_block"));
            mk_free(g.k);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables), cmocka_unit_test(tables_of_others),
        cmocka_unit_test(pipes),  cmocka_unit_test(pipe_files),
        cmocka_unit_test(says),   cmocka_unit_test(false_sizes),
        cmocka_unit_test(locks),  cmocka_unit_test(deleted),
        cmocka_unit_test(seals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
