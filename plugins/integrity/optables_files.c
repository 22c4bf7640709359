/* optables_files.c - tables of file systems, inodes, open files and /proc. */
#include "../linux/fs/dentry.h"
#include "../linux/fs/file.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/superblock.h"
#include "../linux/net/net.h"
#include "../linux/own/holders.h"
#include "optables.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(proc_vfs_inode, proc_inode, "vfs_inode");
EG_FIELD_AS(socket_vfs_inode, socket_alloc, "vfs_inode");
EG_FIELD_AS(knode_attr, kernfs_node, "attr");
EG_FIELD_AS(knode_id, kernfs_node, "id");
EG_FIELD_AS(knode_flags, kernfs_node, "flags");
EG_FIELD_AS(inode_fop, inode, "i_fop");
EG_FIELD_AS(inode_iop, inode, "i_op");
EG_FIELD_AS(file_private_data, file, "private_data");
EG_FIELD_AS(file_fop, file, "f_op");
EG_FIELDS(seq_file, op, file);
EG_FIELD_AS(sb_xattr, super_block, "s_xattr");
EG_FIELD_AS(fstype_owner, file_system_type, "owner");
EG_FIELD_AS(module_name, module, "name");
EG_FIELDS(proc_dir_entry, subdir, subdir_node, parent, name, mode, proc_dir_ops);
EG_FIELD_AS(pde_ops, proc_dir_entry, "proc_ops|proc_fops"); // renamed in 5.6
EG_FIELD_AS(net_proc, net, "proc_net");
EG_SYMBOL(proc_root, "proc_dir_entry");
EG_TYPE(file);
EG_TYPE(kernfs_node);

enum { KERNFS_FILE = 2, KERNFS_KINDS = 15 }; // include/linux/kernfs.h
enum { S_IFMT_ = 0170000, S_IFDIR_ = 0040000, ENTRIES_MAX = 1 << 16, XATTRS_MAX = 64 };

struct types {
    struct optables *o;
    struct optables_type *inode, *proc_inode, *socket, *kernfs, *dentry, *file, *seq_file, *sb,
        *fstype, *xattr, *seq_ops, *pde, *proc_ops, *file_ops;
};

/* ---- who has it ---- */

const char *optables_say_inode(struct eg_run *r, uint64_t at)
{
    struct eg_obj inode = eg_object(r, inode, at);
    const char *path = NULL;

    linux_each_name(r, inode, path) break;
    return path ? path : eg_strf(r, "inode %#" PRIx64, at);
}

static const char *say_sb(struct eg_run *r, uint64_t at)
{
    struct eg_obj sb = eg_object(r, super_block, at);
    const char *where = linux_superblock_where(r, sb);

    return where ? where : eg_strf(r, "super block %#" PRIx64, at);
}

static const char *say_fstype(struct eg_run *r, uint64_t at)
{
    const char *name =
        eg_string(r, eg_at(eg_object(r, file_system_type, at), file_system_type.name), 64);

    return name ? eg_strf(r, "file system %s", name) : NULL;
}

static const char *say_file(struct eg_run *r, uint64_t at)
{
    const struct linux_holders *all = linux_holders(r);
    struct eg_obj file = eg_object(r, file, at);
    const char *path = linux_file_path(r, file, (struct eg_obj){ .why = EG_NULL });
    size_t n = 0;
    const struct linux_holder *h =
        all ? linux_holders_of(all, linux_file_inode(r, file).addr, &n) : NULL;

    for (size_t i = 0; h && i < n; i++)
        if (h[i].file == at && h[i].pid >= 0)
            return eg_strf(r, "%s of process %" PRId64, path ? path : "a file", h[i].pid);
    return path ? path : eg_strf(r, "file %#" PRIx64, at);
}

static const char *say_pde(struct eg_run *r, uint64_t at)
{
    enum { DEPTH_MAX = 32 };
    const char *path = "";

    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        struct eg_obj pde = eg_object(r, proc_dir_entry, at);
        const char *name = eg_string(r, eg_at(pde, proc_dir_entry.name), 256);
        uint64_t parent;

        if (!name || !eg_get(&parent, pde, proc_dir_entry.parent) || !parent || parent == at)
            break;
        path = eg_strf(r, "/%s%s", name, path);
        at = parent;
    }
    return eg_strf(r, "/proc%s", path);
}

/* ---- file systems and their inodes ---- */

static const char *owner_of(struct eg_run *r, struct eg_obj type)
{
    uint64_t owner;

    return eg_get(&owner, type, fstype_owner) && owner
               ? eg_string(r, eg_at(type, fstype_owner, module_name), 64)
               : NULL;
}

static void file_system(struct types *t, struct eg_obj sb)
{
    struct optables *o = t->o;
    struct eg_obj handlers = eg_deref(eg_at(sb, sb_xattr));
    struct eg_obj type = eg_deref(eg_at(sb, super_block.s_type));
    const struct optables_user user = { say_sb, sb.addr, owner_of(o->r, type) };

    const unsigned word = eg_binding_of(o->r)->model.ptr_size;

    optables_object(o, t->sb, sb.addr, user);
    for (unsigned i = 0; i < XATTRS_MAX && !handlers.why; i++) { // ends with a null pointer
        uint64_t at;

        if (!eg_pointer_at(o->r, handlers.addr + i * word, &at) || !at)
            break;
        optables_table(o, t->xattr, at, user);
    }
}

/* Modules add files to these with tables of their own. */
static bool is_shared(const char *type)
{
    static const char *const names[] = { "debugfs", "tracefs", "securityfs", "configfs",
                                         "anon_inodefs" };

    for (size_t i = 0; i < countof(names); i++)
        if (!strcmp(type, names[i]))
            return true;
    return false;
}

/* A file's table is of its file system's module, or of the kernel. */
static void foreign(struct types *t, struct eg_obj inode, const char *fs, const char *owner,
                    struct eg_obj at)
{
    struct optables *o = t->o;
    const char *who;
    uint64_t table, key;
    size_t i;

    if (!eg_load(&table, at) || !table)
        return;
    key = table ^ (uintptr_t)fs * UINT64_C(0x9e3779b97f4a7c15);
    if (!eg_run_map_add(o->r, o->pairs, key, 0))
        return;
    if (linux_whose_code(o->codes, table, &who) != LINUX_CODE_DATA || !strcmp(who, "kernel") ||
        (owner && optables_related(o->r, owner, who)) || (!owner && is_shared(fs)))
        return;
    i = optables_table(o,
                       at.addr == eg_at(inode, inode_fop).addr
                           ? t->file_ops
                           : optables_type(o, "inode_operations"),
                       table, (struct optables_user){ optables_say_inode, inode.addr, owner });
    if (i != SIZE_MAX && !o->at[i].hint) {
        o->at[i].hint = eg_strf(o->r, "a table of the module %s serves files of %s", who, fs);
        o->at[i].user = (struct optables_user){ optables_say_inode, inode.addr, owner };
    }
}

static void one_inode(struct types *t, struct eg_obj inode, const char *fs, const char *owner,
                      bool kernfs)
{
    struct optables *o = t->o;
    const struct optables_user user = { optables_say_inode, inode.addr, owner };
    struct eg_obj alias;
    uint64_t at, id, ino;
    uint16_t mode, flags;
    unsigned n = 0;

    if (!strcmp(fs, "proc") && t->proc_inode)
        optables_object(o, t->proc_inode, inode.addr - eg_offset(o->r, proc_vfs_inode), user);
    else if (!strcmp(fs, "sockfs") && t->socket)
        optables_object(o, t->socket, inode.addr - eg_offset(o->r, socket_vfs_inode), user);
    else
        optables_object(o, t->inode, inode.addr, user);
    eg_each_hlist(alias, eg_at(inode, inode.i_dentry), dentry_alias) {
        optables_object(o, t->dentry, alias.addr, user);
        if (n++ > 64)
            break;
    }
    if (eg_get(&mode, inode, inode.i_mode) &&
        ((mode & S_IFMT_) == 0100000 || (mode & S_IFMT_) == S_IFDIR_)) {
        foreign(t, inode, fs, owner, eg_at(inode, inode_fop));
        foreign(t, inode, fs, owner, eg_at(inode, inode_iop));
    }
    if (!kernfs || !eg_get(&at, inode, inode.i_private) || !at)
        return;
    struct eg_obj node = eg_object(o->r, kernfs_node, at);

    if (eg_get(&id, node, knode_id) && eg_get(&ino, inode, inode.i_ino) && id == ino &&
        eg_get(&flags, node, knode_flags) && (flags & KERNFS_KINDS) == KERNFS_FILE)
        optables_object(o, t->kernfs, at + eg_offset(o->r, knode_attr), user);
}

static void inodes(struct types *t)
{
    struct optables *o = t->o;
    const struct linux_inodes *all = linux_inodes(o->r);
    const char *fs = "", *owner = NULL;
    bool kernfs = false;
    uint64_t sb = 0;

    for (size_t i = 0; all && i < all->n && !eg_stopped(o->r); i++) {
        if (all->at[i].sb != sb || !i) {
            struct eg_obj type =
                eg_deref(eg_at(eg_object(o->r, super_block, all->at[i].sb), super_block.s_type));
            const char *name = eg_string(o->r, eg_at(type, file_system_type.name), 64);

            sb = all->at[i].sb;
            fs = name ? name : "";
            owner = owner_of(o->r, type);
            kernfs = !strcmp(fs, "sysfs") || !strcmp(fs, "cgroup") || !strcmp(fs, "cgroup2");
        }
        one_inode(t, eg_object(o->r, inode, all->at[i].inode), fs, owner, kernfs);
    }
}

/* ---- open files ---- */

static void one_file(struct types *t, uint64_t at)
{
    struct optables *o = t->o;
    struct eg_obj file = eg_object(o->r, file, at);
    const struct optables_user user = { say_file, at, NULL };
    uint64_t private, back;

    optables_object(o, t->file, at, user);
    if (!t->seq_file || !eg_get(&private, file, file_private_data) || !private || private % 8)
        return;
    // A seq_file says of which file it is (since 4.6), and nothing else there does.
    struct eg_obj seq = eg_cast(eg_at(file, file_private_data), seq_file);

    if (eg_get(&back, seq, seq_file.file) && back == at)
        optables_object(o, t->seq_file, private, user);
}

static void files(struct types *t)
{
    const struct linux_holders *all = linux_holders(t->o->r);
    struct eg_map *seen = eg_run_map(t->o->r);

    for (size_t i = 0; all && i < all->n && !eg_stopped(t->o->r); i++)
        if (all->at[i].file && eg_run_map_add(t->o->r, seen, all->at[i].file, 0))
            one_file(t, all->at[i].file);
}

/* ---- /proc ---- */

struct entries {
    uint64_t *at;
    size_t n, cap;
};

static void entry(struct types *t, struct entries *todo, struct eg_map *seen, uint64_t at)
{
    if (!at || !eg_run_map_add(t->o->r, seen, at, 0))
        return;
    todo->at = eg_grow(t->o->r, todo->at, todo->n, &todo->cap, sizeof *todo->at);
    todo->at[todo->n++] = at;
}

/* Its operations are of one of two types, by what it is (fs/proc/generic.c); until 5.5 of one. */
static void one_pde(struct types *t, struct eg_obj pde)
{
    const struct optables_user user = { say_pde, pde.addr, NULL };
    uint64_t ops;
    uint16_t mode;

    optables_object(t->o, t->pde, pde.addr, user);
    if (eg_get(&ops, pde, pde_ops) && ops && eg_get(&mode, pde, proc_dir_entry.mode))
        optables_table(t->o,
                       t->proc_ops && (mode & S_IFMT_) != S_IFDIR_ ? t->proc_ops : t->file_ops, ops,
                       user);
}

static void proc(struct types *t)
{
    struct eg_run *r = t->o->r;
    struct entries todo = { 0 };
    struct eg_map *seen = eg_run_map(r);
    struct eg_obj net;

    if (eg_has_symbol(r, proc_root))
        entry(t, &todo, seen, eg_sym(r, proc_root).addr);
    else
        eg_note(r, "proc_root is not known: entries of /proc that nobody uses are not looked at");
    linux_each_net(r, net) entry(t, &todo, seen, eg_get_or((uint64_t)0, net, net_proc));
    for (size_t i = 0; i < todo.n && !eg_stopped(r); i++) { // it grows
        struct eg_obj pde = eg_object(r, proc_dir_entry, todo.at[i]), child;

        if (i == ENTRIES_MAX) {
            eg_note(r, "only the first %d entries of /proc are looked at", ENTRIES_MAX);
            break;
        }
        one_pde(t, pde);
        eg_each_rb(child, eg_at(pde, proc_dir_entry.subdir), proc_dir_entry.subdir_node)
            entry(t, &todo, seen, child.addr);
    }
}

void optables_files(struct optables *o)
{
    struct types t = {
        .o = o,
        .inode = optables_type(o, "inode"),
        .proc_inode = optables_type(o, "proc_inode"),
        .socket = optables_type(o, "socket_alloc"),
        .kernfs = optables_type(o, "kernfs_elem_attr"),
        .dentry = optables_type(o, "dentry"),
        .file = optables_type(o, "file"),
        .seq_file = optables_type(o, "seq_file"),
        .sb = optables_type(o, "super_block"),
        .fstype = optables_type(o, "file_system_type"),
        .xattr = optables_type(o, "xattr_handler"),
        .pde = optables_type(o, "proc_dir_entry"),
        .proc_ops = optables_type(o, "proc_ops"),
        .file_ops = optables_type(o, "file_operations"),
    };
    struct eg_obj sb;

    linux_each_superblock(o->r, sb)
    {
        file_system(&t, sb);
        optables_object(o, t.fstype, eg_get_or((uint64_t)0, sb, super_block.s_type),
                        (struct optables_user){
                            say_fstype, eg_get_or((uint64_t)0, sb, super_block.s_type), NULL });
    }
    inodes(&t);
    files(&t);
    proc(&t);
}
