/* linux_fs_test.c - file systems, their mounts, inodes and dentries, of the oldest layout and of
 * the newest; namespaces that no task is in. */
#include "../../../plugins/linux/fs/inodes.h"
#include "../../../plugins/linux/fs/superblock.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

EG_TYPE(inode);

/* What 5.10 and 7.2 have in common, and what each has. */
#define COMMON                                                                                     \
    MK_LIST_TYPES                                                                                  \
    "struct hlist_node { struct hlist_node *next, **pprev; };"                                     \
    "struct hlist_head { struct hlist_node *first; };"                                             \
    "struct hlist_bl_node { struct hlist_bl_node *next; struct hlist_bl_node **pprev; };"          \
    "struct hlist_bl_head { struct hlist_bl_node *first; };"                                       \
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"     \
    "struct rb_root { struct rb_node *rb_node; };"                                                 \
    "struct qstr { u32 hash, len; const unsigned char *name; };"                                   \
    "struct dentry_operations { void *d_dname; };"                                                 \
    "struct file_system_type { const char *name; };"                                               \
    "struct timespec64 { s64 tv_sec; long tv_nsec; };"                                             \
    "struct kuid { u32 val; };"                                                                    \
    "struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };"     \
    "struct proc_ns_operations { const char *name; };"                                             \
    "struct path { struct vfsmount *mnt; struct dentry *dentry; };"                                \
    "struct file_operations { int x; };"                                                           \
    "struct file { struct path f_path; u32 f_mode; struct inode *f_inode;"                         \
    "              struct file_operations *f_op; };"                                               \
    "struct fdtable { u32 max_fds; struct file **fd; unsigned long *open_fds; };"                  \
    "struct files_struct { struct fdtable *fdt; };"                                                \
    "struct fs_struct { struct path root, pwd; };"                                                 \
    "struct nsproxy { struct mnt_namespace *mnt_ns; };"                                            \
    "struct signal_struct { struct list_head thread_head; };"                                      \
    "struct task_struct { struct list_head tasks, thread_node; int pid, tgid; char comm[16];"      \
    "                     struct fs_struct *fs; struct nsproxy *nsproxy; void *mm;"                \
    "                     struct files_struct *files; struct signal_struct *signal; };"

#define INODE(times, more)                                                                         \
    "struct inode { u16 i_mode; struct kuid i_uid, i_gid; unsigned long i_ino; u32 i_nlink;"       \
    "               struct super_block *i_sb; s64 i_size; void *i_private; " times                 \
    "               struct hlist_node i_hash; struct list_head i_sb_list;"                         \
    "               struct hlist_head i_dentry; };"                                                \
    "struct ext4_inode_info { u64 before; struct inode vfs_inode; struct timespec64 i_crtime; "    \
    "};" more

static const char oldest[] = COMMON INODE(
    "struct timespec64 i_atime, i_mtime, i_ctime;",
    "") "struct super_block { struct list_head s_list; u32 s_dev; struct file_system_type *s_type;"
        "    unsigned long s_flags; struct dentry *s_root; struct list_head s_mounts, s_inodes;"
        "    struct hlist_bl_head s_roots; char s_id[32]; u8 s_uuid[16]; void *s_fs_info; };"
        "struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name;"
        "    struct inode *d_inode; struct dentry_operations *d_op; struct super_block *d_sb;"
        "    struct list_head d_child, d_subdirs; struct hlist_node d_alias; };"
        "struct ns_common { struct proc_ns_operations *ops; unsigned int inum; };"
        "struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount "
        "mnt;"
        "    struct list_head mnt_instance; const char *mnt_devname; struct list_head mnt_list;"
        "    struct mount *mnt_master; struct mnt_namespace *mnt_ns; int mnt_id, mnt_group_id; };"
        "struct mnt_namespace { struct ns_common ns; struct mount *root; struct list_head list;"
        "    unsigned int mounts; };";

static const char newest[] = COMMON INODE(
    "s64 i_atime_sec, i_mtime_sec, i_ctime_sec;"
    "u32 i_atime_nsec, i_mtime_nsec, i_ctime_nsec;",
    "") "struct super_block { struct list_head s_list; u32 s_dev; struct file_system_type *s_type;"
        "    unsigned long s_flags; struct dentry *s_root; struct mount *s_mounts;"
        "    struct list_head s_inodes; struct hlist_head s_roots; char s_id[32]; u8 s_uuid[16];"
        "    void *s_fs_info; };"
        "struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name;"
        "    struct inode *d_inode; struct dentry_operations *d_op; struct super_block *d_sb;"
        "    struct hlist_node d_sib; struct hlist_head d_children; struct hlist_node d_alias; };"
        "struct ns_tree_node { struct rb_node ns_node; struct list_head ns_list_entry; };"
        "struct ns_tree_root { struct rb_root ns_rb; struct list_head ns_list_head; };"
        "struct ns_common { struct proc_ns_operations *ops; unsigned int inum;"
        "    struct ns_tree_node ns_tree_node; };"
        "struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount "
        "mnt;"
        "    struct mount *mnt_next_for_sb, **mnt_pprev_for_sb; const char *mnt_devname;"
        "    struct list_head mnt_list; struct mount *mnt_master; struct mnt_namespace *mnt_ns;"
        "    int mnt_id, mnt_group_id; };"
        "struct mnt_namespace { struct ns_common ns; struct mount *root; struct list_head list;"
        "    unsigned int mounts; };";

enum { RAM = 1 << 20, BUCKETS = 8, INTERNAL = -22 };

/** "/" of a disk: /dir/file, which is also /link; /gone, of which only an open file knows; an
 * inode without a name that the hash table has; /none, which was looked for in vain. On /dir of
 * another namespace a tmpfs. Sockets of the kernel. */
struct world {
    struct mk *k;
    bool is_new;
    uint64_t sb[3], root, dir, file, link, gone, none, tmp_root;     // dentries
    uint64_t i_root, i_dir, i_file, i_gone, i_hashed, i_tmp, i_sock; // inodes
    uint64_t disk, tmp, kern, ns, kept;                              // mounts, namespaces
    uint64_t table, d_table, fds, fd[2], task, tree;
};

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

/** One more node at the head of a chain. */
static void chain(struct mk *k, uint64_t head, uint64_t node)
{
    const uint64_t size = mk_model(k)->ptr_size, first = mk_read_ptr(k, head);

    mk_write_ptr(k, node, first);
    mk_write_ptr(k, node + size, head);
    if (first)
        mk_write_ptr(k, first + size, node);
    mk_write_ptr(k, head, node);
}

static uint64_t make_inode(struct world *w, uint64_t sb, uint64_t ino, uint64_t mode,
                           uint64_t links)
{
    uint64_t around = mk_object(w->k, "ext4_inode_info");
    uint64_t i = mk_at(w->k, around, "ext4_inode_info.vfs_inode");
    uint64_t list = mk_at(w->k, i, "inode.i_sb_list");

    mk_list(w->k, list, NULL, 0);
    mk_put(w->k, i, "inode.i_sb", sb);
    mk_put(w->k, i, "inode.i_ino", ino);
    mk_put(w->k, i, "inode.i_mode", mode);
    mk_put(w->k, i, "inode.i_nlink", links);
    mk_put(w->k, i, "inode.i_size", 10 * ino);
    mk_put(w->k, around, "ext4_inode_info.i_crtime.tv_sec", ino);
    mk_put(w->k, i, w->is_new ? "inode.i_mtime_sec" : "inode.i_mtime.tv_sec", 100);
    mk_put(w->k, i, w->is_new ? "inode.i_mtime_nsec" : "inode.i_mtime.tv_nsec", 5);
    return i;
}

static uint64_t make_dentry(struct world *w, const char *name, uint64_t parent, uint64_t sb,
                            uint64_t inode)
{
    uint64_t d = mk_object(w->k, "dentry");

    mk_put(w->k, d, "dentry.d_name.len", strlen(name));
    mk_put(w->k, d, "dentry.d_name.name", text(w->k, name));
    mk_put(w->k, d, "dentry.d_parent", parent ? parent : d);
    mk_put(w->k, d, "dentry.d_sb", sb);
    mk_put(w->k, d, "dentry.d_inode", inode);
    if (inode)
        chain(w->k, mk_at(w->k, inode, "inode.i_dentry"), mk_at(w->k, d, "dentry.d_alias"));
    if (!w->is_new)
        mk_list(w->k, mk_at(w->k, d, "dentry.d_subdirs"), NULL, 0);
    if (parent)
        chain(w->k, w->d_table + mk_model(w->k)->ptr_size * (d / 64 % BUCKETS),
              mk_at(w->k, d, "dentry.d_hash"));
    return d;
}

static void put_children(struct world *w, uint64_t parent, const uint64_t *children, size_t n)
{
    uint64_t links[8];

    for (size_t i = n; i-- > 0;) {
        if (w->is_new)
            chain(w->k, mk_at(w->k, parent, "dentry.d_children"),
                  mk_at(w->k, children[i], "dentry.d_sib"));
        else
            links[i] = mk_at(w->k, children[i], "dentry.d_child");
    }
    if (!w->is_new)
        mk_list(w->k, mk_at(w->k, parent, "dentry.d_subdirs"), links, n);
}

static uint64_t make_sb(struct world *w, const char *type, const char *id, uint64_t dev)
{
    uint64_t sb = mk_object(w->k, "super_block"), t = mk_object(w->k, "file_system_type");

    mk_put(w->k, t, "file_system_type.name", text(w->k, type));
    mk_put(w->k, sb, "super_block.s_type", t);
    mk_put(w->k, sb, "super_block.s_dev", dev);
    mk_puts(w->k, sb, "super_block.s_id", id);
    return sb;
}

static uint64_t make_mount(struct world *w, int id, uint64_t sb, uint64_t root, uint64_t parent,
                           uint64_t point, uint64_t ns)
{
    uint64_t m = mk_object(w->k, "mount"), link;

    mk_put(w->k, m, "mount.mnt_id", (uint64_t)id);
    mk_put(w->k, m, "mount.mnt_parent", parent ? parent : m);
    mk_put(w->k, m, "mount.mnt_mountpoint", point ? point : root);
    mk_put(w->k, m, "mount.mnt.mnt_root", root);
    mk_put(w->k, m, "mount.mnt.mnt_sb", sb);
    mk_put(w->k, m, "mount.mnt_ns", ns);
    if (w->is_new) {
        mk_put(w->k, sb, "super_block.s_mounts", m);
        mk_put(w->k, m, "mount.mnt_pprev_for_sb", mk_at(w->k, sb, "super_block.s_mounts") | 1);
    } else {
        link = mk_at(w->k, m, "mount.mnt_instance");
        mk_list(w->k, mk_at(w->k, sb, "super_block.s_mounts"), &link, 1);
    }
    return m;
}

static uint64_t make_ns(struct world *w, uint64_t inum, uint64_t mount)
{
    uint64_t ns = mk_object(w->k, "mnt_namespace"), ops = mk_object(w->k, "proc_ns_operations");
    uint64_t link = mk_at(w->k, mount, "mount.mnt_list");

    mk_put(w->k, ops, "proc_ns_operations.name", text(w->k, "mnt"));
    mk_put(w->k, ns, "mnt_namespace.ns.ops", ops);
    mk_put(w->k, ns, "mnt_namespace.ns.inum", inum);
    mk_put(w->k, ns, "mnt_namespace.root", mount);
    mk_list(w->k, mk_at(w->k, ns, "mnt_namespace.list"), &link, 1);
    mk_put(w->k, mount, "mount.mnt_ns", ns);
    return ns;
}

static void make_task(struct world *w)
{
    struct mk *k = w->k;
    uint64_t init = mk_object(k, "task_struct"), link, signal = mk_object(k, "signal_struct");
    uint64_t proxy = mk_object(k, "nsproxy"), fs = mk_object(k, "fs_struct");
    uint64_t files = mk_object(k, "files_struct"), table = mk_object(k, "fdtable");
    const uint64_t size = mk_model(k)->ptr_size;

    w->task = mk_object(k, "task_struct");
    link = mk_at(k, w->task, "task_struct.tasks");
    mk_list(k, mk_at(k, init, "task_struct.tasks"), &link, 1);
    link = mk_at(k, w->task, "task_struct.thread_node");
    mk_list(k, mk_at(k, signal, "signal_struct.thread_head"), &link, 1);
    mk_put(k, w->task, "task_struct.pid", 1);
    mk_put(k, w->task, "task_struct.tgid", 1);
    mk_put(k, w->task, "task_struct.signal", signal);
    mk_put(k, w->task, "task_struct.nsproxy", proxy);
    mk_put(k, w->task, "task_struct.fs", fs);
    mk_put(k, w->task, "task_struct.files", files);
    mk_put(k, proxy, "nsproxy.mnt_ns", w->ns);
    mk_put(k, fs, "fs_struct.root.mnt", mk_at(k, w->disk, "mount.mnt"));
    mk_put(k, fs, "fs_struct.root.dentry", w->root);
    mk_put(k, fs, "fs_struct.pwd.dentry", w->dir);
    mk_put(k, files, "files_struct.fdt", table);
    w->fds = mk_alloc(k, 2 * size);
    mk_put(k, table, "fdtable.max_fds", 8 * size);
    mk_put(k, table, "fdtable.fd", mk_alloc(k, 8 * size * size));
    mk_put(k, table, "fdtable.open_fds", w->fds);
    mk_write_ptr(k, w->fds, 3);
    for (uint64_t i = 0; i < 2; i++) {
        w->fd[i] = mk_object(k, "file");
        mk_put(k, w->fd[i], "file.f_op", mk_object(k, "file_operations"));
        mk_put(k, w->fd[i], "file.f_inode", i ? w->i_sock : w->i_gone);
        mk_write_ptr(k, mk_read_ptr(k, mk_at(k, table, "fdtable.fd")) + i * size, w->fd[i]);
    }
    mk_symbol(k, "init_task", init);
}

static struct world make(const struct mk_machine *m, const char *types)
{
    struct world w = { .k = mk_new(m, RAM, types), .is_new = types == newest };
    struct mk *k = w.k;
    const uint64_t size = mk_model(k)->ptr_size;
    uint64_t ops = mk_object(k, "dentry_operations"), at, links[8], names[4];

    w.table = mk_alloc(k, BUCKETS * size);
    w.d_table = mk_alloc(k, BUCKETS * size);
    w.sb[0] = make_sb(&w, "ext4", "vda", 254 << 20);
    w.sb[1] = make_sb(&w, "tmpfs", "tmpfs", 30);
    w.sb[2] = make_sb(&w, "sockfs", "sockfs", 8);
    w.i_root = make_inode(&w, w.sb[0], 2, 040755, 3);
    w.i_dir = make_inode(&w, w.sb[0], 11, 041777, 2);
    w.i_file = make_inode(&w, w.sb[0], 12, 0104711, 2);
    w.i_gone = make_inode(&w, w.sb[0], 13, 0100600, 0);
    w.i_hashed = make_inode(&w, w.sb[0], 14, 0100644, 1);
    w.i_tmp = make_inode(&w, w.sb[1], 1, 041777, 2);
    w.i_sock = make_inode(&w, w.sb[2], 77, 0140777, 1);
    w.root = make_dentry(&w, "/", 0, w.sb[0], w.i_root);
    w.tmp_root = make_dentry(&w, "/", 0, w.sb[1], w.i_tmp);
    w.dir = make_dentry(&w, "dir", w.root, w.sb[0], w.i_dir);
    w.file = make_dentry(&w, "file", w.dir, w.sb[0], w.i_file);
    w.link = make_dentry(&w, "link", w.root, w.sb[0], w.i_file);
    w.none = make_dentry(&w, "none", w.root, w.sb[0], 0);
    w.gone = mk_object(k, "dentry");
    names[0] = w.dir, names[1] = w.link, names[2] = w.none;
    put_children(&w, w.root, names, 3);
    put_children(&w, w.dir, &w.file, 1);
    mk_put(k, w.sb[0], "super_block.s_root", w.root);
    mk_put(k, w.sb[1], "super_block.s_root", w.tmp_root);
    // A socket's name is made by its file system.
    mk_put(k, ops, "dentry_operations.d_dname", 0x1234);
    at = make_dentry(&w, "TCP", 0, w.sb[2], w.i_sock);
    mk_put(k, at, "dentry.d_op", ops);
    mk_put(k, w.sb[2], "super_block.s_root", make_dentry(&w, "/", 0, w.sb[2], 0));
    for (int i = 0; i < 3; i++)
        links[i] = mk_at(k, w.sb[i], "super_block.s_list");
    at = mk_alloc(k, 2 * size);
    mk_list(k, at, links, 3);
    mk_symbol(k, "super_blocks", at);
    links[0] = mk_at(k, w.i_root, "inode.i_sb_list");
    links[1] = mk_at(k, w.i_dir, "inode.i_sb_list");
    links[2] = mk_at(k, w.i_file, "inode.i_sb_list");
    mk_list(k, mk_at(k, w.sb[0], "super_block.s_inodes"), links, 3);
    links[0] = mk_at(k, w.i_tmp, "inode.i_sb_list");
    mk_list(k, mk_at(k, w.sb[1], "super_block.s_inodes"), links, 1);
    mk_list(k, mk_at(k, w.sb[2], "super_block.s_inodes"), links, 0);
    w.disk = make_mount(&w, 25, w.sb[0], w.root, 0, 0, 0);
    w.ns = make_ns(&w, 4026531841, w.disk);
    w.tmp = make_mount(&w, 40, w.sb[1], w.tmp_root, 0, 0, 0);
    w.kept = make_ns(&w, 4026532000, w.tmp);
    w.kern = make_mount(&w, 9, w.sb[2], 0, 0, 0, (uint64_t)INTERNAL);
    // Hash tables: of inodes by their number, of dentries any way.
    chain(k, w.table + size * 3, mk_at(k, w.i_hashed, "inode.i_hash"));
    chain(k, w.table + size * 3, mk_at(k, w.i_file, "inode.i_hash"));
    at = mk_alloc(k, size);
    mk_write_ptr(k, at, w.table);
    mk_symbol(k, "inode_hashtable", at);
    at = mk_alloc(k, 8);
    mk_write_u32(k, at, 3);
    mk_symbol(k, "i_hash_shift", at);
    at = mk_alloc(k, size);
    mk_write_ptr(k, at, w.d_table);
    mk_symbol(k, "dentry_hashtable", at);
    at = mk_alloc(k, 8);
    mk_write_u32(k, at, 32 - 3);
    mk_symbol(k, "d_hash_shift", at);
    if (w.is_new) {
        at = mk_object(k, "ns_tree_root");
        links[0] = mk_at(k, w.ns, "mnt_namespace.ns.ns_tree_node.ns_list_entry");
        links[1] = mk_at(k, w.kept, "mnt_namespace.ns.ns_tree_node.ns_list_entry");
        mk_list(k, mk_at(k, at, "ns_tree_root.ns_list_head"), links, 2);
        mk_symbol(k, "mnt_ns_tree", at);
    }
    make_task(&w);
    return w;
}

#define each_world(w, m)                                                                           \
    mk_each_machine(m) for (int new_ = 0; new_ < 2;                                                \
                            new_++) for (struct world w = make(m, new_ ? newest : oldest); w.k;    \
                                         mk_free(w.k), w.k = NULL)

static void inodes(void **state)
{
    (void)state;
    each_world(w, m)
    {
        const char *rows = mk_rows(w.k, "inodes", NULL);

        assert_non_null(strstr(rows, "|ext4|254|0|2|drwxr-xr-x|3|0|0|20|"));
        // Each hard link has a row.
        assert_non_null(strstr(rows, "|12|-rws--x--x|2|0|0|120|"));
        assert_non_null(strstr(rows, "|dentry list hash||/dir/file\n"));
        assert_non_null(strstr(rows, "|dentry list hash||/link\n"));
        assert_non_null(strstr(rows, "|hash|nameless unlisted|"));
        assert_non_null(strstr(rows, "|open|orphan nameless|"));
        assert_non_null(strstr(rows, "|open||socket:[77]"));
        assert_non_null(strstr(rows, "|11|drwxrwxrwt|2|0|0|110|"));
        assert_non_null(strstr(rows, "|dentry list open||/dir\n"));
        assert_null(strstr(rows, "none"));
        assert_int_equal(mk_row_notes(NULL), 0);
        assert_string_equal(
            mk_columns(mk_rows(w.k, "inodes", (const char *[]){ "orphans", NULL }), 5, 6),
            "13|-rw-------");
        assert_string_equal(
            mk_columns(mk_rows(w.k, "inodes", (const char *[]){ "type=SOCK", NULL }), 5, 5), "77");
        assert_string_equal(
            mk_columns(mk_rows(w.k, "inodes", (const char *[]){ "fstype=tmpfs", NULL }), 5, 5),
            "1");
    }
}

/** What is damaged costs what lies behind it, and no more; each ends. */
static void inodes_damaged(void **state)
{
    (void)state;
    each_world(w, m)
    {
        // A folder that is its own child's child; a child of another parent.
        mk_put(w.k, w.file, "dentry.d_parent", w.root);
        if (w.is_new)
            mk_write_ptr(w.k, mk_at(w.k, w.dir, "dentry.d_children"),
                         mk_at(w.k, w.dir, "dentry.d_sib"));
        // A chain of the hash table in a circle, an inode of another file system on the list.
        mk_write_ptr(w.k, mk_at(w.k, w.i_hashed, "inode.i_hash"),
                     mk_at(w.k, w.i_file, "inode.i_hash"));
        mk_put(w.k, w.i_dir, "inode.i_sb", w.sb[1]);
        assert_non_null(strstr(mk_rows(w.k, "inodes", NULL), "|14|-rw-r--r--|1|"));
        assert_int_equal(mk_row_notes("not of the file system"), 1);
    }
    each_world(w, m)
    {
        // Wild pointers, and a table that nobody can have.
        mk_put(w.k, w.dir, "dentry.d_inode", 0x10000);
        mk_put(w.k, w.root, "dentry.d_name.name", 0x10000);
        mk_put(w.k, w.sb[1], "super_block.s_root", 0x10000);
        mk_write_ptr(w.k, w.table + 3 * mk_model(w.k)->ptr_size, 0x10000);
        assert_non_null(strstr(mk_rows(w.k, "inodes", NULL), "|12|-rws--x--x|2|"));
        assert_int_equal(mk_row_notes("cannot be read"), 1);
    }
}

static void dentries(void **state)
{
    (void)state;
    each_world(w, m)
    {
        const char *rows;

        // One in the hash table that its folder has not, and one in no folder.
        mk_put(w.k, w.link, "dentry.d_parent", w.dir);
        rows = mk_columns(mk_rows(w.k, "dentries", NULL), 3, 7);
        assert_non_null(strstr(rows, "|tree hash||/dir/file"));
        assert_non_null(strstr(rows, "|hash|treeless|/dir/link"));
        assert_non_null(strstr(rows, "|tree hash|negative|/none"));
        assert_string_equal(mk_columns(mk_rows(w.k, "dentries",
                                               (const char *[]){ "negative", "fstype=ext4", NULL }),
                                       7, 7),
                            "/none");
        assert_int_equal(mk_row_notes(NULL), 0);
    }
    each_world(w, m)
    {
        // A mark that a reader of a folder left is no name; a chain in a circle ends.
        mk_put(w.k, w.none, "dentry.d_name.name",
               mk_read_ptr(w.k, mk_at(w.k, w.root, "dentry.d_name.name")));
        mk_put(w.k, w.none, "dentry.d_name.len", 1);
        mk_write_ptr(w.k, mk_at(w.k, w.file, "dentry.d_hash"), mk_at(w.k, w.file, "dentry.d_hash"));
        assert_string_equal(
            mk_columns(mk_rows(w.k, "dentries", (const char *[]){ "negative", NULL }), 2, 2),
            "sockfs");
        assert_int_equal(mk_row_notes("are broken"), 1);
    }
}

/** Trees that lead back to their root, a list of roots that leads to itself, two file systems that
 * name one root: each ends, and has its names once. */
static void dentry_circles(void **state)
{
    (void)state;
    each_world(w, m)
    {
        const uint64_t loose = make_dentry(&w, "/", 0, w.sb[0], 0);
        const uint64_t node = mk_at(w.k, loose, "dentry.d_hash");
        const char *rows, *one;

        mk_put(w.k, w.root, "dentry.d_parent", w.dir);
        put_children(&w, w.dir, &w.root, 1);
        mk_write_ptr(w.k, mk_at(w.k, w.sb[0], "super_block.s_roots"), node);
        mk_write_ptr(w.k, node, node);
        mk_put(w.k, w.sb[1], "super_block.s_root", w.root);
        rows = mk_columns(mk_rows(w.k, "dentries", NULL), 0, 0);
        for (size_t i = 0; i < 2; i++) {
            char want[32];

            snprintf(want, sizeof want, "0x%llx", (unsigned long long)(i ? loose : w.root));
            one = strstr(rows, want);
            assert_non_null(one);
            assert_null(strstr(one + 1, want));
        }
        assert_int_equal(mk_row_notes("are linked in a circle"), 1);
        assert_int_equal(mk_row_notes("is one of that at"), 1);
        assert_non_null(strstr(mk_rows(w.k, "inodes", NULL), "|12|-rws--x--x|2|"));
    }
}

static void superblocks(void **state)
{
    (void)state;
    each_world(w, m)
    {
        assert_string_equal(mk_columns(mk_rows(w.k, "superblocks", NULL), 1, 9),
                            "254|0|vda|ext4|/|4026531841|1|-|5\n"
                            "0|30|tmpfs|tmpfs|/|4026532000|1|-|1\n"
                            "0|8|sockfs|sockfs|||1|-|1");
        assert_int_equal(mk_row_notes(NULL), 0);
    }
    each_world(w, m)
    {
        // Mounts whose chain does not lead back.
        mk_put(w.k, w.disk, w.is_new ? "mount.mnt_pprev_for_sb" : "mount.mnt_instance.prev", 0x40);
        mk_rows(w.k, "superblocks", NULL);
        assert_int_not_equal(mk_row_notes(NULL), 0);
    }
}

static void namespaces(void **state)
{
    (void)state;
    each_world(w, m)
    {
        // One that no task is in, found by its mounts, and in the tree of 6.19.
        assert_string_equal(mk_columns(mk_rows(w.k, "mounts", NULL), 0, 1),
                            "4026531841|25\n4026532000|40");
        assert_string_equal(mk_columns(mk_rows(w.k, "mounts", NULL), 12, 12),
                            w.is_new ? "task mount tree\nmount tree" : "task mount\nmount");
        assert_int_equal(mk_row_notes(NULL), 0);
        assert_string_equal(
            mk_columns(mk_rows(w.k, "mounts", (const char *[]){ "pid=1", NULL }), 1, 1), "25");
    }
    each_world(w, m)
    {
        // Taken away while in use; the kernel's own, which are in no namespace either.
        mk_put(w.k, w.tmp, "mount.mnt_ns", 0);
        mk_put(w.k, w.tmp, "mount.mnt.mnt_flags", 0x8000000);
        mk_put(w.k, w.kern, "mount.mnt_ns", 0);
        assert_non_null(strstr(mk_rows(w.k, "mounts", NULL), "|40|40|0|30|"));
        assert_non_null(strstr(mk_rows(w.k, "mounts", NULL), "|rw|detached"));
        assert_null(strstr(mk_rows(w.k, "mounts", NULL), "|9|9|"));
    }
    each_world(w, m)
    {
        // Kept by an open file only: sockfs becomes nsfs.
        mk_put(w.k, mk_read_ptr(w.k, mk_at(w.k, w.sb[2], "super_block.s_type")),
               "file_system_type.name", text(w.k, "nsfs"));
        mk_put(w.k, w.i_sock, "inode.i_private", mk_at(w.k, w.kept, "mnt_namespace.ns"));
        mk_put(w.k, w.tmp, "mount.mnt_ns", 0);
        assert_string_equal(mk_columns(mk_rows(w.k, "mounts", NULL), 12, 12),
                            w.is_new ? "task mount tree\nfile tree" : "task mount\nfile");
    }
}

/** Times of a second and a part; the bit of multigrain time stamps; what cannot be. */
struct asked {
    uint64_t inode;
    struct eg_cell cell[4], mode;
};

static int ask(struct eg_run *r, void *context)
{
    struct asked *a = context;
    struct eg_obj inode = eg_object(r, inode, a->inode);

    for (int i = 0; i < 4; i++)
        a->cell[i] = linux_inode_time(r, inode, (enum linux_inode_time)i);
    return 0;
}

static void times(void **state)
{
    (void)state;
    each_world(w, m)
    {
        struct asked a = { .inode = w.i_file };

        mk_put(w.k, w.i_file, w.is_new ? "inode.i_ctime_sec" : "inode.i_ctime.tv_sec", 7);
        mk_put(w.k, w.i_file, w.is_new ? "inode.i_ctime_nsec" : "inode.i_ctime.tv_nsec",
               w.is_new ? 0x80000003 : 3);
        mk_put(w.k, w.i_file, w.is_new ? "inode.i_atime_nsec" : "inode.i_atime.tv_nsec",
               1000000000);
        assert_int_equal(eg_run_do(mk_run(w.k), ask, &a), 0);
        assert_int_equal(a.cell[LINUX_ATIME].tag, EG_CELL_BAD);
        assert_int_equal(a.cell[LINUX_MTIME].i, INT64_C(100000000005));
        assert_int_equal(a.cell[LINUX_CTIME].i, INT64_C(7000000003));
        assert_int_equal(a.cell[LINUX_BTIME].i, INT64_C(12000000000));
        a.inode = w.i_sock; // its file system keeps none
        mk_put(w.k, w.i_sock, w.is_new ? "inode.i_mtime_sec" : "inode.i_mtime.tv_sec", 0);
        mk_put(w.k, w.i_sock, w.is_new ? "inode.i_mtime_nsec" : "inode.i_mtime.tv_nsec", 0);
        assert_int_equal(eg_run_do(mk_run(w.k), ask, &a), 0);
        assert_int_equal(a.cell[LINUX_BTIME].tag, EG_CELL_UNSET);
        assert_int_equal(a.cell[LINUX_MTIME].tag, EG_CELL_INT); // somebody has set it to 1970
        assert_int_equal(a.cell[LINUX_MTIME].i, 0);
        mk_put(w.k, w.sb[2], "super_block.s_flags", 1u << 31); // not unless one can mount it
        assert_int_equal(eg_run_do(mk_run(w.k), ask, &a), 0);
        assert_int_equal(a.cell[LINUX_MTIME].tag, EG_CELL_UNSET);
        mk_put(w.k, w.i_file, w.is_new ? "inode.i_mtime_sec" : "inode.i_mtime.tv_sec",
               INT64_MAX / 2);
        a.inode = w.i_file;
        assert_int_equal(eg_run_do(mk_run(w.k), ask, &a), 0);
        assert_int_equal(a.cell[LINUX_MTIME].tag, EG_CELL_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inodes),         cmocka_unit_test(inodes_damaged),
        cmocka_unit_test(dentries),       cmocka_unit_test(superblocks),
        cmocka_unit_test(namespaces),     cmocka_unit_test(times),
        cmocka_unit_test(dentry_circles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
