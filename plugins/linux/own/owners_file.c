/* owners_file.c - which file is it? From an inode to a path. */
#include "../../../core/run.h"
#include "../fs/dentry.h"
#include "../fs/inode.h"
#include "../fs/mount.h"
#include "../fs/path.h"
#include "../sched/nsproxy.h"
#include "../sched/task.h"
#include "owners.h"

EG_FIELDS(hlist_head, first);
EG_FIELDS(hlist_node, next);

/* Of each file system the first mount that shows all of it. */
void linux_find_mounts(struct eg_run *r, struct linux_owner_tables *t)
{
    struct eg_obj ns = eg_at(linux_init(r), task_struct.nsproxy, nsproxy.mnt_ns), m;

    linux_each_mount(r, ns, m) {
        uint64_t sb, top, root;

        if (eg_get(&sb, m, mount.mnt, vfsmount.mnt_sb) &&
            eg_get(&top, m, mount.mnt, vfsmount.mnt_root) &&
            eg_get(&root, m, mount.mnt, vfsmount.mnt_sb, super_block.s_root) && root == top &&
            eg_map_add(&t->mounts, sb, m.addr) < 0)
            eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for mounts");
    }
}

static struct eg_obj dentry_of(struct linux_owners *o, struct eg_obj inode)
{
    enum { ALIASES = 64 };
    uint64_t node, own;

    if (!eg_get(&node, inode, inode.i_dentry, hlist_head.first))
        return eg_bad(inode, EG_UNREADABLE, inode.addr);
    for (int i = 0; i < ALIASES && node; i++) {
        struct eg_obj dentry = eg_container(eg_object(o->r, hlist_node, node), dentry_alias);

        if (eg_get(&own, dentry, dentry.d_inode) && own == inode.addr)
            return dentry;
        if (!eg_get(&node, eg_object(o->r, hlist_node, node), hlist_node.next))
            break;
    }
    return eg_bad(inode, EG_NULL, 0);
}

static const char *with_mount(struct linux_owners *o, uint64_t sb, const char *type,
                              const char *path)
{
    static const char mark[] = "//deleted"; // as linux_dentry_path has it
    const size_t len = strlen(path), cut = len - EG_MIN(len, sizeof mark - 1);
    const bool deleted = !strcmp(path + cut, mark);
    const int keep = (int)(deleted ? cut : len);
    const char *gone = deleted ? " (deleted)" : "", *at = NULL;
    bool reached = false;
    uint64_t mount;

    if (eg_map_get(&o->tables->mounts, sb, &mount))
        at = linux_mount_point(o->r, eg_object(o->r, mount, mount), LINUX_NOBODY, &reached);
    if (!at || !reached)
        return eg_strf(o->r, "%s:%.*s%s", type, keep, path, gone);
    return eg_strf(o->r, "%s%.*s%s", at[1] ? at : "", keep, path, gone);
}

static const char *name_of(struct linux_owners *o, struct eg_obj inode)
{
    enum { S_IFMT = 0170000, S_IFBLK = 0060000 };
    struct eg_obj sb = eg_deref(eg_at(inode, inode.i_sb));
    const char *type = eg_string(o->r, eg_at(sb, super_block.s_type, file_system_type.name), 32);
    struct eg_obj dentry;
    const char *path;
    uint64_t ino, parent;
    uint32_t dev;

    if (!type)
        return NULL;
    if ((eg_get_or(0u, inode, inode.i_mode) & S_IFMT) == S_IFBLK &&
        eg_get(&dev, inode, inode.i_rdev))
        return eg_strf(o->r, "block device %u:%u", linux_major(dev), linux_minor(dev));
    dentry = dentry_of(o, inode);
    if (eg_get(&parent, dentry, dentry.d_parent) && parent == dentry.addr &&
        eg_get_or(UINT64_C(0), sb, super_block.s_root) != parent) { // simple_dname, fs/d_path.c
        path = eg_string(o->r, eg_at(dentry, dentry_name), 255);
        return path ? eg_strf(o->r, "/%s (deleted)", path) : NULL;
    }
    path = linux_dentry_path(o->r, dentry);
    if (path)
        return with_mount(o, sb.addr, type, path);
    if (!eg_get(&ino, inode, inode.i_ino))
        return NULL;
    return with_mount(o, sb.addr, type,
                      eg_strf(o->r, "/inode %llu without a name", (unsigned long long)ino));
}

const char *linux_inode_name(struct linux_owners *o, struct eg_obj inode)
{
    uint64_t kept;
    const char *name;

    if (eg_map_get(o->names, inode.addr, &kept))
        return (const char *)(uintptr_t)kept;
    name = name_of(o, inode);
    eg_run_map_add(o->r, o->names, inode.addr, (uintptr_t)name);
    return name;
}
