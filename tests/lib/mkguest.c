/* mkguest.c - a small Linux, object by object. */
#include "mkguest.h"
#include "../../lua/library.h"
#include <stdio.h>
#include <stdlib.h>

/* A compiler need not take more than 4095 bytes of text at once. */
static const char file_types[] = MK_LIST_TYPES
    "struct hlist_head { struct hlist_node *first; };"
    "struct hlist_node { struct hlist_node *next, **pprev; };"
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"
    "struct rb_root { struct rb_node *rb_node; };"
    "struct xarray { unsigned int xa_flags; void *xa_head; };"
    "struct page { unsigned long flags; void *mapping; unsigned long index, private; };"
    "struct file_system_type { const char *name; };"
    "struct super_block { u32 s_dev; struct file_system_type *s_type; };"
    "struct address_space { struct inode *host; struct xarray i_pages; };"
    "struct inode { unsigned short i_mode; struct super_block *i_sb; struct address_space "
    "*i_mapping;"
    "  unsigned long i_ino; unsigned int i_nlink; unsigned int i_flags; s64 i_size; void "
    "*i_private;"
    "  struct address_space i_data; };"
    "struct qstr { u32 hash, len; const unsigned char *name; };"
    "struct hlist_bl_node { void *next, *pprev; };"
    "struct dentry_operations { void *d_dname; };"
    "struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name;"
    "  struct inode *d_inode; struct dentry_operations *d_op; struct super_block *d_sb;"
    "  struct list_head d_child, d_subdirs; };"
    "struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };"
    "struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; "
    "};"
    "struct path { struct vfsmount *mnt; struct dentry *dentry; };"
    "struct file { struct path f_path; u32 f_mode; struct inode *f_inode; };"
    "struct fs_struct { struct path root; };"
    "struct vm_operations_struct { void *name; };"
    "struct vm_area_struct { unsigned long vm_start, vm_end; struct mm_struct *vm_mm;"
    "  unsigned long vm_flags, vm_pgoff; struct file *vm_file; struct vm_operations_struct *vm_ops;"
    "  struct vm_area_struct *vm_next; struct rb_node vm_rb; };"
    "struct mm_struct { struct vm_area_struct *mmap; struct rb_root mm_rb; int map_count;"
    "  unsigned long start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end;"
    "  struct file *exe_file; void *pgd; };";
static const char machine_types[] =
    "struct tk_read_base { u32 shift; u64 xtime_nsec; };"
    "struct timekeeper { struct tk_read_base tkr_mono; u64 xtime_sec;"
    "  struct timespec64 wall_to_monotonic; s64 offs_real, offs_boot; };"
    "typedef struct { long counter; } atomic_long_t;"
    "struct dev_printk_info { char subsystem[16]; char device[48]; };"
    "struct printk_info { u64 seq, ts_nsec; u16 text_len; u8 facility; u8 flags:5; u8 level:3;"
    "  u32 caller_id; struct dev_printk_info dev_info; };"
    "struct prb_data_blk_lpos { unsigned long begin, next; };"
    "struct prb_desc { atomic_long_t state_var; struct prb_data_blk_lpos text_blk_lpos; };"
    "struct prb_data_ring { unsigned int size_bits; char *data; };"
    "struct prb_desc_ring { unsigned int count_bits; struct prb_desc *descs;"
    "  struct printk_info *infos; atomic_long_t head_id, tail_id; };"
    "struct printk_ringbuffer { struct prb_desc_ring desc_ring;"
    "  struct prb_data_ring text_data_ring; };";
static const char task_types[] =
    "typedef struct { unsigned int val; } kuid_t;"
    "typedef struct { u64 val; } kernel_cap_t;"
    "struct ns_common { void *ops; unsigned int inum; };"
    "struct user_namespace { struct ns_common ns; };"
    "struct new_utsname { char sysname[65], nodename[65], machine[65]; };"
    "struct uts_namespace { struct ns_common ns; struct new_utsname name; };"
    "struct ipc_namespace { struct ns_common ns; };"
    "struct mnt_namespace { struct ns_common ns; };"
    "struct pid_namespace { struct ns_common ns; };"
    "struct net { struct ns_common ns; };"
    "struct cgroup_namespace { struct ns_common ns; };"
    "struct timespec64 { s64 tv_sec; long tv_nsec; };"
    "struct timens_offsets { struct timespec64 monotonic, boottime; };"
    "struct time_namespace { struct ns_common ns; struct timens_offsets offsets; };"
    "struct nsproxy { struct uts_namespace *uts_ns; struct ipc_namespace *ipc_ns;"
    "  struct mnt_namespace *mnt_ns; struct pid_namespace *pid_ns_for_children;"
    "  struct net *net_ns; struct time_namespace *time_ns, *time_ns_for_children;"
    "  struct cgroup_namespace *cgroup_ns; };"
    "struct upid { int nr; struct pid_namespace *ns; };"
    "struct pid { unsigned int level; struct upid numbers[1]; };"
    "struct cred { kuid_t uid, gid, suid, sgid, euid, egid, fsuid, fsgid;"
    "  kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;"
    "  struct user_namespace *user_ns; };"
    "struct signal_struct { struct list_head thread_head; };"
    "struct kernfs_node { struct kernfs_node *parent; const char *name; };"
    "struct cgroup_subsys { const char *legacy_name; };"
    "struct cgroup_subsys_state { struct cgroup *cgroup; struct cgroup_subsys *ss;"
    "  unsigned int flags; };"
    "struct cgroup { struct cgroup_subsys_state self; struct kernfs_node *kn;"
    "  struct cgroup_root *root; };"
    "struct cgroup_root { int hierarchy_id; char name[64]; };"
    "struct css_set { struct cgroup_subsys_state *subsys[3]; struct cgroup *dfl_cgrp;"
    "  struct list_head cgrp_links; };"
    "struct cgrp_cset_link { struct cgroup *cgrp; struct css_set *cset;"
    "  struct list_head cset_link, cgrp_link; };"
    "struct task_struct { unsigned int __state, flags; struct list_head tasks; struct mm_struct "
    "*mm;"
    "  int exit_state, pid, tgid; struct task_struct *real_parent, *group_leader;"
    "  struct list_head thread_node; struct pid *thread_pid; unsigned long atomic_flags;"
    "  u64 start_boottime; struct cred *real_cred, *cred; char comm[16]; struct fs_struct *fs;"
    "  struct nsproxy *nsproxy; struct signal_struct *signal; struct css_set *cgroups; };";

enum { RAM = 8 << 20, HASHED = 0x1000 };

/** The declarations with each edit made; freed by the caller. */
static char *edited(const char *const *edits)
{
    char *text;

    if (asprintf(&text, "%s%s%s", file_types, task_types, machine_types) < 0)
        mk_fail("mkguest: out of memory");
    for (; edits && edits[0]; edits += 2) {
        const char *at = strstr(text, edits[0]);
        char *next;

        if (!at)
            mk_fail("mkguest: the types have no '%s'", edits[0]);
        if (asprintf(&next, "%.*s%s%s", (int)(at - text), text, edits[1], at + strlen(edits[0])) <
            0)
            mk_fail("mkguest: out of memory");
        free(text);
        text = next;
    }
    return text;
}

uint64_t mk_text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

void mk_list_append(struct mk *k, uint64_t head, uint64_t node)
{
    const unsigned ptr = mk_model(k)->ptr_size;
    uint64_t last = mk_read_ptr(k, head) ? mk_read_ptr(k, head + ptr) : head;

    mk_write_ptr(k, last, node);
    mk_write_ptr(k, node + ptr, last);
    mk_write_ptr(k, node, head);
    mk_write_ptr(k, head + ptr, node);
}

uint64_t mk_of(struct mk_guest *g, uint64_t object, const char *member)
{
    return mk_read_ptr(g->k, mk_at(g->k, object, member));
}

struct mk_guest mk_guest(const struct mk_machine *m, const char *const *edits)
{
    static const char *const spaces[] = { "uts_ns", "ipc_ns",  "mnt_ns",    "pid_ns_for_children",
                                          "net_ns", "time_ns", "cgroup_ns", NULL };
    static bool scripts;
    struct mk_guest g = { .m = m };
    struct eg_error e;
    char *text = edited(edits), member[64];

    if (!scripts && eg_lua_add_own(&e) < 0)
        mk_fail("mkguest: %s", e.text);
    scripts = true;
    g.k = mk_new(m, RAM, text);
    free(text);
    g.page = mk_page_size(g.k);
    g.type = mk_object(g.k, "file_system_type");
    mk_put(g.k, g.type, "file_system_type.name", mk_text(g.k, "ext4"));
    g.sb = mk_object(g.k, "super_block");
    mk_put(g.k, g.sb, "super_block.s_type", g.type);
    g.top = mk_guest_dentry(&g, 0, "/");
    g.mount = mk_object(g.k, "mount");
    mk_put(g.k, g.mount, "mount.mnt_parent", g.mount);
    mk_put(g.k, g.mount, "mount.mnt_mountpoint", g.top);
    mk_put(g.k, g.mount, "mount.mnt.mnt_root", g.top);
    mk_put(g.k, g.mount, "mount.mnt.mnt_sb", g.sb);
    g.fs = mk_object(g.k, "fs_struct");
    mk_put(g.k, g.fs, "fs_struct.root.mnt", mk_at(g.k, g.mount, "mount.mnt"));
    mk_put(g.k, g.fs, "fs_struct.root.dentry", g.top);
    g.user_ns = mk_object(g.k, "user_namespace");
    mk_put(g.k, g.user_ns, "user_namespace.ns.inum", 100);
    g.proxy = mk_object(g.k, "nsproxy");
    for (unsigned i = 0; spaces[i]; i++) {
        uint64_t ns = mk_object(g.k, "time_namespace"); // the largest: all begin with ns_common

        mk_put(g.k, ns, "time_namespace.ns.inum", 101 + i);
        snprintf(member, sizeof member, "nsproxy.%s", spaces[i]);
        mk_put(g.k, g.proxy, member, ns);
    }
    mk_put(g.k, g.proxy, "nsproxy.time_ns_for_children", mk_of(&g, g.proxy, "nsproxy.time_ns"));
    g.swapper = mk_object(g.k, "task_struct");
    mk_puts(g.k, g.swapper, "task_struct.comm", "swapper/0");
    mk_put(g.k, g.swapper, "task_struct.group_leader", g.swapper);
    mk_list(g.k, mk_at(g.k, g.swapper, "task_struct.tasks"), NULL, 0);
    mk_symbol(g.k, "init_task", g.swapper);
    return g;
}

uint64_t mk_guest_task(struct mk_guest *g, int pid, const char *comm, uint64_t parent)
{
    struct mk *k = g->k;
    uint64_t t = mk_object(k, "task_struct"), cred = mk_object(k, "cred");
    uint64_t id = mk_object(k, "pid"), signal = mk_object(k, "signal_struct");
    const uint64_t ns = mk_of(g, g->proxy, "nsproxy.pid_ns_for_children");

    mk_put(k, cred, "cred.user_ns", g->user_ns);
    mk_write_u32(k, mk_at(k, id, "pid.numbers"), (uint32_t)pid);
    mk_write_ptr(k, mk_at(k, id, "pid.numbers") + mk_at(k, 0, "upid.ns"), ns);
    mk_list_append(k, mk_at(k, signal, "signal_struct.thread_head"),
                   mk_at(k, t, "task_struct.thread_node"));
    mk_puts(k, t, "task_struct.comm", comm);
    mk_put(k, t, "task_struct.pid", (uint64_t)pid);
    mk_put(k, t, "task_struct.tgid", (uint64_t)pid);
    mk_put(k, t, "task_struct.real_parent", parent ? parent : g->swapper);
    mk_put(k, t, "task_struct.group_leader", t);
    mk_put(k, t, "task_struct.thread_pid", id);
    mk_put(k, t, "task_struct.real_cred", cred);
    mk_put(k, t, "task_struct.cred", cred);
    mk_put(k, t, "task_struct.fs", g->fs);
    mk_put(k, t, "task_struct.nsproxy", g->proxy);
    mk_put(k, t, "task_struct.signal", signal);
    mk_list_append(k, mk_at(k, g->swapper, "task_struct.tasks"), mk_at(k, t, "task_struct.tasks"));
    return t;
}

/* ---- memory ---- */

void mk_guest_write(struct mk_guest *g, uint64_t mm, uint64_t va, const void *bytes, size_t len)
{
    const uint64_t in = va % g->page;
    size_t i = 0;

    while (i < g->n_pages && (g->pages[i].mm != mm || g->pages[i].va != va - in))
        i++;
    if (i == countof(g->pages) || in + len > g->page)
        mk_fail("mkguest: more user memory than it has room for");
    if (i == g->n_pages) {
        g->pages[g->n_pages++].mm = mm;
        g->pages[i].va = va - in;
        g->pages[i].at = mk_alloc_aligned(g->k, g->page, g->page);
    }
    mk_write(g->k, g->pages[i].at + in, bytes, len);
}

/** Page tables are written when the system is there: symbols come first. */
static void map_pages(struct mk_guest *g)
{
    for (; g->n_mapped < g->n_pages; g->n_mapped++)
        mk_user_map(g->k, g->m, mk_of(g, g->pages[g->n_mapped].mm, "mm_struct.pgd"),
                    g->pages[g->n_mapped].va, g->pages[g->n_mapped].at);
}

const char *mk_guest_rows(struct mk_guest *g, const char *plugin, const char *args)
{
    char copy[128], *save = NULL;
    const char *list[9] = { 0 };

    snprintf(copy, sizeof copy, "%s", args ? args : "");
    for (size_t i = 0; i < 8 && (list[i] = strtok_r(i ? NULL : copy, " ", &save)); i++)
        ;
    map_pages(g);
    return mk_rows(g->k, plugin, list);
}

uint64_t mk_guest_mm(struct mk_guest *g, uint64_t task, const char *args, size_t n_args,
                     const char *env, size_t n_env)
{
    uint64_t mm = mk_object(g->k, "mm_struct"), at = 1000 * g->page;

    mk_put(g->k, mm, "mm_struct.pgd", mk_user_root(g->k, g->m));
    mk_put(g->k, task, "task_struct.mm", mm);
    mk_guest_write(g, mm, at, args, n_args);
    mk_guest_write(g, mm, at + n_args, env, n_env);
    mk_put(g->k, mm, "mm_struct.arg_start", at);
    mk_put(g->k, mm, "mm_struct.arg_end", at += n_args);
    mk_put(g->k, mm, "mm_struct.env_start", at);
    mk_put(g->k, mm, "mm_struct.env_end", at + n_env);
    return mm;
}

uint64_t mk_guest_vma(struct mk_guest *g, uint64_t mm, uint64_t first, uint64_t pages,
                      uint64_t flags, uint64_t file)
{
    uint64_t vma = mk_object(g->k, "vm_area_struct"), last = mk_of(g, mm, "mm_struct.mmap"), n = 1;

    mk_put(g->k, vma, "vm_area_struct.vm_start", first * g->page);
    mk_put(g->k, vma, "vm_area_struct.vm_end", (first + pages) * g->page);
    mk_put(g->k, vma, "vm_area_struct.vm_mm", mm);
    mk_put(g->k, vma, "vm_area_struct.vm_flags", flags);
    mk_put(g->k, vma, "vm_area_struct.vm_file", file);
    if (!last)
        mk_put(g->k, mm, "mm_struct.mmap", vma);
    for (; last; n++) {
        uint64_t next = mk_of(g, last, "vm_area_struct.vm_next");

        if (!next)
            mk_put(g->k, last, "vm_area_struct.vm_next", vma);
        last = next;
    }
    mk_put(g->k, mm, "mm_struct.map_count", n);
    return vma;
}

/* ---- files ---- */

uint64_t mk_guest_dentry(struct mk_guest *g, uint64_t parent, const char *name)
{
    uint64_t d = mk_object(g->k, "dentry"), inode = mk_object(g->k, "inode");
    uint64_t mapping = mk_at(g->k, inode, "inode.i_data");

    mk_put(g->k, inode, "inode.i_ino", 1000 + g->inode++);
    mk_put(g->k, inode, "inode.i_nlink", 1);
    mk_put(g->k, inode, "inode.i_sb", g->sb);
    mk_put(g->k, inode, "inode.i_mapping", mapping);
    mk_put(g->k, mapping, "address_space.host", inode);
    mk_put(g->k, d, "dentry.d_name.len", strlen(name));
    mk_put(g->k, d, "dentry.d_name.name", mk_text(g->k, name));
    mk_put(g->k, d, "dentry.d_parent", parent ? parent : d);
    mk_put(g->k, d, "dentry.d_hash.pprev", HASHED);
    mk_put(g->k, d, "dentry.d_inode", inode);
    mk_put(g->k, d, "dentry.d_sb", g->sb);
    mk_list(g->k, mk_at(g->k, d, "dentry.d_subdirs"), NULL, 0);
    if (parent)
        mk_list_append(g->k, mk_at(g->k, parent, "dentry.d_subdirs"),
                       mk_at(g->k, d, "dentry.d_child"));
    return d;
}

uint64_t mk_guest_file(struct mk_guest *g, uint64_t dentry)
{
    uint64_t file = mk_object(g->k, "file");

    mk_put(g->k, file, "file.f_path.mnt", mk_at(g->k, g->mount, "mount.mnt"));
    mk_put(g->k, file, "file.f_path.dentry", dentry);
    mk_put(g->k, file, "file.f_inode", mk_of(g, dentry, "dentry.d_inode"));
    return file;
}

void mk_guest_unlink(struct mk_guest *g, uint64_t dentry)
{
    mk_put(g->k, dentry, "dentry.d_hash.pprev", 0);
}
