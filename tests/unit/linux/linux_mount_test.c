/* linux_mount_test.c - paths as the kernel gives them, and the mounts of a namespace. */
#include "../../../plugins/linux/fs/dentry.h"
#include "../../../plugins/linux/fs/file.h"
#include "../../../plugins/linux/fs/mount.h"
#include "../../../plugins/linux/fs/path.h"
#include "../../../plugins/linux/sched/task.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

static const char types[] = MK_LIST_TYPES
    "struct hlist_bl_node { void *next; void *pprev; };"
    "struct qstr { u32 hash, len; const unsigned char *name; };"
    "struct dentry_operations { void *d_dname; };"
    "struct file_system_type { const char *name; };"
    "struct super_block { u32 s_dev; struct file_system_type *s_type; unsigned long s_flags;"
    "                     const char *s_subtype; void *s_user_ns, *s_fs_info; };"
    "struct inode { unsigned long i_ino; struct super_block *i_sb; void *i_private; };"
    "struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name;"
    "                struct inode *d_inode; struct dentry_operations *d_op;"
    "                struct super_block *d_sb; };"
    "struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };"
    "struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt;"
    "               const char *mnt_devname; struct list_head mnt_list; struct mount *mnt_master;"
    "               int mnt_id, mnt_group_id; };"
    "struct proc_ns_operations { const char *name; };"
    "struct ns_common { struct proc_ns_operations *ops; unsigned int inum; };"
    "struct mnt_namespace { struct ns_common ns; struct list_head list; unsigned int mounts; };"
    "struct path { struct vfsmount *mnt; struct dentry *dentry; };"
    "struct file { struct path f_path; u32 f_mode; struct inode *f_inode; };"
    "struct backing_file { struct file file; struct path user_path; };"
    "struct fs_struct { struct path root; };"
    "struct nsproxy { struct mnt_namespace *mnt_ns; };"
    "struct signal_struct { struct list_head thread_head; };"
    "struct task_struct { struct list_head tasks, thread_node; int pid; char comm[16];"
    "                     struct fs_struct *fs; struct nsproxy *nsproxy;"
    "                     struct signal_struct *signal; };";

EG_TYPE(file);

enum { RAM = 1 << 20, HASHED = 0x1000 };

/** "/" of a disk, with /a/b; on /a/b a tmpfs with /c. The first rootfs is under all. */
struct world {
    struct mk *k;
    uint64_t task, fs, ns, type, sb[2], rootfs, disk, tmp; // mounts
    uint64_t top, a, b, tmp_top, c;                        // dentries
};

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

static uint64_t make_dentry(struct world *w, const char *name, uint64_t parent, uint64_t sb)
{
    uint64_t d = mk_object(w->k, "dentry");

    mk_put(w->k, d, "dentry.d_name.len", strlen(name));
    mk_put(w->k, d, "dentry.d_name.name", text(w->k, name));
    mk_put(w->k, d, "dentry.d_parent", parent ? parent : d);
    mk_put(w->k, d, "dentry.d_hash.pprev", HASHED);
    mk_put(w->k, d, "dentry.d_sb", sb);
    return d;
}

static uint64_t make_mount(struct world *w, int id, uint64_t parent, uint64_t point, uint64_t root,
                           uint64_t sb, const char *device)
{
    uint64_t m = mk_object(w->k, "mount");

    mk_put(w->k, m, "mount.mnt_id", (uint64_t)id);
    mk_put(w->k, m, "mount.mnt_parent", parent ? parent : m);
    mk_put(w->k, m, "mount.mnt_mountpoint", point);
    mk_put(w->k, m, "mount.mnt.mnt_root", root);
    mk_put(w->k, m, "mount.mnt.mnt_sb", sb);
    mk_put(w->k, m, "mount.mnt_devname", device ? text(w->k, device) : 0);
    return m;
}

static void set_path(struct world *w, uint64_t path, uint64_t mount, uint64_t dentry)
{
    mk_put(w->k, path, "path.mnt", mk_at(w->k, mount, "mount.mnt"));
    mk_put(w->k, path, "path.dentry", dentry);
}

static struct world make_of(const struct mk_machine *m, const char *declarations)
{
    struct world w = { .k = mk_new(m, RAM, declarations) };
    uint64_t init = mk_object(w.k, "task_struct"), links[3], nsproxy = mk_object(w.k, "nsproxy");
    uint64_t old, signal;

    w.type = mk_object(w.k, "file_system_type");
    mk_put(w.k, w.type, "file_system_type.name", text(w.k, "ext4"));
    for (uint64_t i = 0; i < 2; i++) {
        w.sb[i] = mk_object(w.k, "super_block");
        mk_put(w.k, w.sb[i], "super_block.s_dev", (254 + i) << 20 | i);
        mk_put(w.k, w.sb[i], "super_block.s_type", w.type);
    }
    old = make_dentry(&w, "/", 0, w.sb[1]);
    w.top = make_dentry(&w, "/", 0, w.sb[0]);
    w.a = make_dentry(&w, "a", w.top, w.sb[0]);
    w.b = make_dentry(&w, "b", w.a, w.sb[0]);
    w.tmp_top = make_dentry(&w, "/", 0, w.sb[1]);
    w.c = make_dentry(&w, "c d", w.tmp_top, w.sb[1]);
    w.rootfs = make_mount(&w, 1, 0, old, old, w.sb[1], "rootfs");
    w.disk = make_mount(&w, 25, w.rootfs, old, w.top, w.sb[0], "/dev/vda");
    w.tmp = make_mount(&w, 30, w.disk, w.b, w.tmp_top, w.sb[1], NULL);
    w.ns = mk_object(w.k, "mnt_namespace");
    mk_put(w.k, w.ns, "mnt_namespace.ns.inum", 4026531832);
    links[0] = mk_at(w.k, w.rootfs, "mount.mnt_list");
    links[1] = mk_at(w.k, w.disk, "mount.mnt_list");
    links[2] = mk_at(w.k, w.tmp, "mount.mnt_list");
    mk_list(w.k, mk_at(w.k, w.ns, "mnt_namespace.list"), links, 3);
    w.task = mk_object(w.k, "task_struct");
    links[0] = mk_at(w.k, w.task, "task_struct.tasks");
    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), links, 1);
    w.fs = mk_object(w.k, "fs_struct");
    set_path(&w, mk_at(w.k, w.fs, "fs_struct.root"), w.disk, w.top);
    signal = mk_object(w.k, "signal_struct");
    links[0] = mk_at(w.k, w.task, "task_struct.thread_node");
    mk_list(w.k, mk_at(w.k, signal, "signal_struct.thread_head"), links, 1);
    mk_put(w.k, w.task, "task_struct.signal", signal);
    mk_put(w.k, nsproxy, "nsproxy.mnt_ns", w.ns);
    mk_put(w.k, w.task, "task_struct.pid", 1);
    mk_put(w.k, w.task, "task_struct.fs", w.fs);
    mk_put(w.k, w.task, "task_struct.nsproxy", nsproxy);
    mk_symbol(w.k, "init_task", init);
    return w;
}

static struct world make(const struct mk_machine *m)
{
    return make_of(m, types);
}

/* ---- paths ---- */

struct asked {
    uint64_t file;
    const char *path;
};

static int ask(struct eg_run *r, void *context)
{
    struct asked *a = context;

    a->path = linux_file_path(r, eg_object(r, file, a->file), LINUX_NOBODY);
    return 0;
}

static void expect_path(struct world *w, uint64_t file, const char *path)
{
    struct asked a = { file, NULL };

    assert_int_equal(eg_run_do(mk_run(w->k), ask, &a), 0);
    if (!path)
        assert_null(a.path);
    else
        assert_string_equal(a.path, path);
}

static void paths(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t file = mk_object(w.k, "backing_file"), path = mk_at(w.k, file, "file.f_path");
        uint64_t user = mk_at(w.k, file, "backing_file.user_path");

        set_path(&w, path, w.tmp, w.c);
        expect_path(&w, file, "/a/b/c d");
        set_path(&w, path, w.disk, w.top);
        expect_path(&w, file, "/");
        set_path(&w, path, w.tmp, w.tmp_top);
        expect_path(&w, file, "/a/b");
        mk_put(w.k, w.c, "dentry.d_hash.pprev", 0);
        set_path(&w, path, w.tmp, w.c);
        expect_path(&w, file, "/a/b/c d (deleted)");
        mk_put(w.k, w.c, "dentry.d_hash.pprev", HASHED);
        // Outside of the root, up to the mount under which there is none.
        set_path(&w, mk_at(w.k, w.fs, "fs_struct.root"), w.disk, w.a);
        set_path(&w, path, w.disk, w.b);
        expect_path(&w, file, "/b");
        set_path(&w, mk_at(w.k, w.fs, "fs_struct.root"), w.tmp, w.c);
        expect_path(&w, file, "/a/b");
        // A path of the file's user beside its own: only if the two halves of it fit.
        mk_put(w.k, file, "file.f_mode", 1 << 24);
        set_path(&w, user, w.tmp, w.a);
        expect_path(&w, file, "/a/b");
        set_path(&w, user, w.disk, w.a);
        expect_path(&w, file, "/a");
        mk_put(w.k, file, "file.f_mode", 1);
        expect_path(&w, file, "/a/b");
        mk_free(w.k);
    }
}

static void paths_made(void **state)
{
    static const struct {
        const char *fs, *name, *path;
    } cases[] = {
        { "sockfs", "UDP", "socket:[77]" },
        { "pipefs", "", "pipe:[77]" },
        { "nsfs", "mnt:[1]", "net:[77]" },
        { "anon_inodefs", "[eventpoll]", "anon_inode:[eventpoll]" },
        { "pidfs", "x", "anon_inode:[pidfd]" },
        { "dmabuf", "n", "/dmabuf:n" },
        { "tmpfs", "memfd:x y", "/memfd:x y (deleted)" },
        { "hugetlbfs", "SYSV00000000", "/SYSV00000000 (deleted)" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t file = mk_object(w.k, "file"), ops = mk_object(w.k, "dentry_operations");
        uint64_t inode = mk_object(w.k, "inode"), ns = mk_object(w.k, "ns_common");
        uint64_t ns_ops = mk_object(w.k, "proc_ns_operations");

        mk_put(w.k, ns, "ns_common.ops", ns_ops);
        mk_put(w.k, ns_ops, "proc_ns_operations.name", text(w.k, "net"));
        mk_put(w.k, inode, "inode.i_ino", 77);
        mk_put(w.k, inode, "inode.i_private", ns);
        mk_put(w.k, ops, "dentry_operations.d_dname", 0x1234);
        for (size_t i = 0; i < countof(cases); i++) {
            uint64_t d = make_dentry(&w, cases[i].name, 0, w.sb[1]);

            mk_put(w.k, d, "dentry.d_op", ops);
            mk_put(w.k, d, "dentry.d_inode", inode);
            mk_put(w.k, w.type, "file_system_type.name", text(w.k, cases[i].fs));
            set_path(&w, mk_at(w.k, file, "file.f_path"), w.tmp, d);
            expect_path(&w, file, cases[i].path);
        }
        mk_free(w.k);
    }
}

/** Each is cut where it breaks, says so, and ends. */
static void paths_damaged(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t file = mk_object(w.k, "file"), path = mk_at(w.k, file, "file.f_path");
        struct asked a = { file, NULL };
        struct eg_run *r;

        set_path(&w, path, w.tmp, w.c);
        mk_put(w.k, w.a, "dentry.d_parent", 0x10000);
        expect_path(&w, file, "/a/b/c d");
        r = mk_run(w.k);
        assert_int_equal(eg_run_do(r, ask, &a), 0);
        assert_int_equal(mk_notes(r, "cut"), 1);
        mk_put(w.k, w.b, "dentry.d_name.name", 0x10000);
        expect_path(&w, file, "/c d");
        mk_put(w.k, w.b, "dentry.d_name.len", 0x7fffffff);
        expect_path(&w, file, "/c d");
        mk_put(w.k, path, "path.dentry", 0x10000);
        expect_path(&w, file, NULL);
        // Directories in a circle, then mounts in one.
        set_path(&w, path, w.disk, w.a);
        mk_put(w.k, w.a, "dentry.d_parent", w.c);
        mk_put(w.k, w.c, "dentry.d_parent", w.a);
        eg_run_do(mk_run(w.k), ask, &a);
        assert_true(strlen(a.path) <= 4096);
        set_path(&w, path, w.disk, w.top);
        mk_put(w.k, w.fs, "fs_struct.root.mnt", 0);
        mk_put(w.k, w.disk, "mount.mnt_parent", w.tmp);
        mk_put(w.k, w.disk, "mount.mnt_mountpoint", w.tmp_top);
        mk_put(w.k, w.tmp, "mount.mnt_mountpoint", w.top);
        expect_path(&w, file, NULL);
        mk_free(w.k);
    }
}

/* ---- mounts ---- */

static void mounts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        mk_put(w.k, w.disk, "mount.mnt.mnt_flags", 0x1000 | 0x20 | 1);
        mk_put(w.k, w.disk, "mount.mnt_group_id", 3);
        mk_put(w.k, w.tmp, "mount.mnt.mnt_flags", 0x2000 | 0x40 | 8);
        mk_put(w.k, w.tmp, "mount.mnt_master", w.disk);
        mk_put(w.k, w.sb[1], "super_block.s_flags", 1 | 16 | 1 << 25);
        mk_put(w.k, w.sb[1], "super_block.s_subtype", text(w.k, "sub"));
        assert_string_equal(
            mk_rows(w.k, "mounts", NULL),
            "4026531832|25|1|254|0|/|/|rw,nosuid,relatime|shared:3|ext4|/dev/vda|rw|task\n"
            "4026531832|30|25|255|1|/|/a/b|ro,noatime|master:3 unbindable|ext4.sub|"
            "none|ro,sync,lazytime|task");
        assert_non_null(strstr(mk_rows(w.k, "mounts", (const char *[]){ "all", NULL }),
                               "4026531832|1|1|255|1|/|/|"));
        // A part of a file system, a namespace, a reader's place in the list.
        mk_put(w.k, w.tmp, "mount.mnt.mnt_root", w.c);
        assert_non_null(strstr(mk_rows(w.k, "mounts", NULL), "|30|25|255|1|/c d|/a/b|"));
        mk_put(w.k, w.tmp, "mount.mnt.mnt_flags", 0x10000000);
        assert_null(strstr(mk_rows(w.k, "mounts", NULL), "|30|"));
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(w.k);
    }
}

/** btrfs names its newest disk itself: in a string of its own kind, since 6.16 in a plain one. */
static void source_of_btrfs(void **state)
{
    static const char *const names[] = {
        "struct rcu_string { void *rcu[2]; char str[32]; };"
        "struct btrfs_device { int devid; struct rcu_string *name; };",
        "struct btrfs_device { int devid; const char *name; };",
    };
    static const char disks[] =
        "struct btrfs_fs_devices { int n; struct btrfs_device *latest_dev; };"
        "struct btrfs_fs_info { int n; struct btrfs_fs_devices *fs_devices; };";

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(names); i++)
    {
        char declarations[sizeof types + 400];
        struct world w;
        uint64_t info, devices, device, name;

        snprintf(declarations, sizeof declarations, "%s%s%s", types, names[i], disks);
        w = make_of(m, declarations);
        info = mk_object(w.k, "btrfs_fs_info");
        devices = mk_object(w.k, "btrfs_fs_devices");
        device = mk_object(w.k, "btrfs_device");
        name = i ? text(w.k, "/dev/vdb") : mk_object(w.k, "rcu_string");
        if (!i)
            mk_write(w.k, mk_at(w.k, name, "rcu_string.str"), "/dev/vdb", 9);
        mk_put(w.k, info, "btrfs_fs_info.fs_devices", devices);
        mk_put(w.k, devices, "btrfs_fs_devices.latest_dev", device);
        mk_put(w.k, device, "btrfs_device.name", name);
        mk_put(w.k, w.sb[0], "super_block.s_fs_info", info);
        // Of another file system that is no name of its disk.
        assert_non_null(strstr(mk_rows(w.k, "mounts", NULL), "|ext4|/dev/vda|"));
        mk_put(w.k, w.type, "file_system_type.name", text(w.k, "btrfs"));
        assert_non_null(strstr(mk_rows(w.k, "mounts", NULL), "|/|/|rw||btrfs|/dev/vdb|"));
        // One that cannot be read leaves the name that the mount has.
        mk_put(w.k, device, "btrfs_device.name", 0x10000);
        assert_non_null(strstr(mk_rows(w.k, "mounts", NULL), "|/|/|rw||btrfs|/dev/vda|"));
        mk_free(w.k);
    }
}

/** Options and propagation one by one; where the last are kept since 6.17; who maps ids. */
static void options(void **state)
{
    static const struct {
        const char *member;
        uint64_t bit;
        int column;
        const char *text;
    } cases[] = {
        { "mount.mnt.mnt_flags", 1, 7, "rw,nosuid" },
        { "mount.mnt.mnt_flags", 2, 7, "rw,nodev" },
        { "mount.mnt.mnt_flags", 4, 7, "rw,noexec" },
        { "mount.mnt.mnt_flags", 8, 7, "rw,noatime" },
        { "mount.mnt.mnt_flags", 16, 7, "rw,nodiratime" },
        { "mount.mnt.mnt_flags", 32, 7, "rw,relatime" },
        { "mount.mnt.mnt_flags", 64, 7, "ro" },
        { "mount.mnt.mnt_flags", 128, 7, "rw,nosymfollow" },
        { "mount.mnt.mnt_flags", 256, 7, "rw" },
        { "mount.mnt.mnt_flags", 0x1000, 8, "shared:7" },
        { "mount.mnt.mnt_flags", 0x2000, 8, "unbindable" },
        { "mount.mnt.mnt_flags", 0x4000, 8, "" },
        { "super_block.s_flags", 1, 11, "ro" },
        { "super_block.s_flags", 16, 11, "rw,sync" },
        { "super_block.s_flags", 64, 11, "rw,mand" },
        { "super_block.s_flags", 128, 11, "rw,dirsync" },
        { "super_block.s_flags", 1 << 25, 11, "rw,lazytime" },
        { "super_block.s_flags", 2, 11, "rw" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        mk_put(w.k, w.disk, "mount.mnt_group_id", 7);
        for (size_t i = 0; i < countof(cases); i++) {
            uint64_t at = cases[i].member[0] == 'm' ? w.disk : w.sb[0];
            char line[64];

            mk_put(w.k, at, cases[i].member, cases[i].bit);
            snprintf(line, sizeof line, "%s",
                     mk_columns(mk_rows(w.k, "mounts", NULL), cases[i].column, cases[i].column));
            *strchr(line, '\n') = 0;
            assert_string_equal(line, cases[i].text);
            mk_put(w.k, at, cases[i].member, 0);
        }
        mk_free(w.k);
    }
}

/** Types with another text in one place. */
static struct world make_edited(const struct mk_machine *m, const char *from, const char *to)
{
    const char *at = strstr(types, from);
    char text[sizeof types + 100];

    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - types), types, to, at + strlen(from));
    return make_of(m, text);
}

static void idmapped(void **state)
{
    static const struct {
        const char *from, *to, *member;
        int mapped; // which of: nop_mnt_idmap, the file system's own, init_user_ns, another
    } cases[] = {
        { "int mnt_flags; }", "int mnt_flags; struct mnt_idmap *mnt_idmap; }", "mnt_idmap", 0xe },
        { "int mnt_flags; }", "int mnt_flags; void *mnt_userns; }", "mnt_userns", 0x9 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make_edited(m, cases[i].from, cases[i].to);
        const uint64_t places[] = { 0x4000, 0x5000, 0x6000, 0x7000 };
        char member[32];

        mk_symbol(w.k, "nop_mnt_idmap", places[0]);
        mk_symbol(w.k, "init_user_ns", places[2]);
        mk_put(w.k, w.sb[0], "super_block.s_user_ns", places[1]);
        mk_put(w.k, w.sb[1], "super_block.s_user_ns", places[1]);
        snprintf(member, sizeof member, "mount.mnt.%s", cases[i].member);
        mk_put(w.k, w.tmp, member, places[i ? 1 : 0]);
        for (unsigned p = 0; p < countof(places); p++) {
            mk_put(w.k, w.disk, member, places[p]);
            assert_string_equal(mk_columns(mk_rows(w.k, "mounts", NULL), 7, 7),
                                cases[i].mapped >> p & 1 ? "rw,idmapped\nrw" : "rw\nrw");
        }
        mk_free(w.k);
    }
}

/** Since 6.17 propagation has a word of its own; the old bits mean nothing then. */
static void propagation(void **state)
{
    static const struct {
        uint64_t flags, own;
        const char *text;
    } cases[] = {
        { 0x3000, 0, "\n" },
        { 0, 1, "shared:7\n" },
        { 0, 2, "unbindable\n" },
        { 0, 4, "\n" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_edited(m, "int mnt_id,", "int mnt_t_flags, mnt_id,");

        mk_put(w.k, w.disk, "mount.mnt_group_id", 7);
        for (size_t i = 0; i < countof(cases); i++) {
            mk_put(w.k, w.disk, "mount.mnt.mnt_flags", cases[i].flags);
            mk_put(w.k, w.disk, "mount.mnt_t_flags", cases[i].own);
            assert_string_equal(mk_columns(mk_rows(w.k, "mounts", NULL), 8, 8), cases[i].text);
        }
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),           cmocka_unit_test(paths_made),
        cmocka_unit_test(paths_damaged),   cmocka_unit_test(mounts),
        cmocka_unit_test(source_of_btrfs), cmocka_unit_test(options),
        cmocka_unit_test(idmapped),        cmocka_unit_test(propagation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
