/* lookup.c - from a path to its file (fs/namei.c): every name on the way must be in memory. */
#include "lookup.h"
#include "../plugins/linux/fs/dentry.h"
#include "../plugins/linux/fs/inode.h"
#include "../plugins/linux/fs/mount.h"
#include "../plugins/linux/mm/xattr.h"
#include "../plugins/linux/sched/nsproxy.h"
#include "../plugins/linux/sched/task.h"
#include <string.h>

EG_FIELD_AS(lookup_root, fs_struct, "root");
EG_FIELD_AS(root_mnt, path, "mnt");
EG_FIELD_AS(root_dentry, path, "dentry");

enum { LINKS_MAX = 40, MOUNTS_MAX = 1 << 16, NAMES_MAX = 1 << 22, NAME_BYTES = 255 };
enum { KIND = 0170000, FOLDER = 0040000, LINK = 0120000 };

/* Where the walk stands. */
struct walk {
    struct eg_run *r;
    struct eg_obj ns; /* the mounts that can be crossed; bad: none */
    struct eg_obj root_mount, root_dentry;
    struct eg_obj mount, dentry;
    char rest[8192]; /* of the path */
};

static void to_root(struct walk *w)
{
    w->mount = w->root_mount;
    w->dentry = w->root_dentry;
}

/* Down to what is mounted here, the last one on top. */
static void cross(struct walk *w)
{
    struct eg_obj m;
    uint64_t parent, point;

    for (unsigned i = 0; i < 64; i++) {
        bool found = false;
        unsigned n = 0;

        linux_each_mount(w->r, w->ns, m) {
            if (n++ == MOUNTS_MAX)
                break;
            if (!eg_get(&point, m, mount.mnt_mountpoint) || point != w->dentry.addr ||
                !eg_get(&parent, m, mount.mnt_parent) || parent != w->mount.addr ||
                m.addr == w->mount.addr)
                continue;
            w->mount = m;
            w->dentry = eg_deref(eg_at(m, mount_root));
            found = !w->dentry.why;
            break;
        }
        if (!found)
            return;
    }
}

static void to_parent(struct walk *w)
{
    uint64_t top, parent;

    for (unsigned i = 0; i < 64; i++) {
        if (w->dentry.addr == w->root_dentry.addr && w->mount.addr == w->root_mount.addr)
            return;
        if (!eg_get(&top, w->mount, mount_root) || top != w->dentry.addr)
            break;
        if (!eg_get(&parent, w->mount, mount.mnt_parent) || parent == w->mount.addr)
            return;
        w->dentry = eg_deref(eg_at(w->mount, mount.mnt_mountpoint));
        w->mount = eg_deref(eg_at(w->mount, mount.mnt_parent));
    }
    w->dentry = eg_deref(eg_at(w->dentry, dentry.d_parent));
    cross(w);
}

static bool is_called(struct eg_obj dentry, const char *name, uint32_t len)
{
    uint8_t bytes[NAME_BYTES];
    uint32_t own;
    uint64_t at;

    return eg_get(&own, dentry, dentry_len) && own == len && eg_get(&at, dentry, dentry_name) &&
           eg_read(dentry.view, dentry.space, at, bytes, len) && !memcmp(bytes, name, len);
}

static bool fits(struct walk *w, struct eg_obj child, const char *name, uint32_t len)
{
    uint64_t parent;

    return eg_get(&parent, child, dentry.d_parent) && parent == w->dentry.addr &&
           is_called(child, name, len);
}

static bool to_child(struct walk *w, const char *name, uint32_t len)
{
    struct eg_obj child;
    bool found = false;
    uint64_t inode;
    unsigned n = 0;

    if (eg_has(w->r, dentry.d_children)) {
        eg_each_hlist(child, eg_at(w->dentry, dentry.d_children), dentry.d_sib)
            if ((found = fits(w, child, name, len)) || n++ == NAMES_MAX)
                break;
    } else {
        eg_each_list(child, eg_at(w->dentry, dentry.d_subdirs), dentry.d_child)
            if ((found = fits(w, child, name, len)) || n++ == NAMES_MAX)
                break;
    }
    // One without an inode says that there is no such file.
    if (!found || !eg_get(&inode, child, dentry.d_inode) || !inode)
        return false;
    w->dentry = child;
    cross(w);
    return true;
}

static uint32_t kind_of(struct walk *w)
{
    return eg_get_or(0u, w->dentry, dentry.d_inode, inode.i_mode) & KIND;
}

/* Put where a link leads before what is left of the path. */
static enum linux_lookup follow_link(struct walk *w, struct walk *before, const char *rest)
{
    const char *target = linux_link_target(w->r, eg_deref(eg_at(w->dentry, dentry.d_inode)));
    const size_t left = strlen(rest), len = target ? strlen(target) : 0;

    if (!target)
        return LINUX_NO_NAME;
    if (len + left + 2 > sizeof w->rest)
        return LINUX_TOO_LONG;
    memmove(w->rest + len + 1, rest, left + 1);
    memcpy(w->rest, target, len);
    w->rest[len] = '/';
    w->mount = before->mount;
    w->dentry = before->dentry;
    if (*target == '/')
        to_root(w);
    return LINUX_FOUND;
}

static bool begin(struct eg_run *r, struct eg_obj task, struct walk *w)
{
    struct eg_obj root, vfsmount;

    w->r = r;
    if (task.why)
        task = linux_init(r);
    root = eg_at(task, task_struct.fs, lookup_root);
    vfsmount = eg_deref(eg_at(root, root_mnt));
    w->ns = eg_deref(eg_at(task, task_struct.nsproxy, nsproxy.mnt_ns));
    w->root_dentry = eg_deref(eg_at(root, root_dentry));
    w->root_mount = eg_container(vfsmount, mount.mnt);
    to_root(w);
    return !w->dentry.why && !w->mount.why;
}

enum linux_lookup linux_lookup(struct eg_run *r, struct eg_obj task, const char *path, bool follow,
                               struct linux_found *out)
{
    struct walk *w = eg_tmp(r, sizeof *w), *before = eg_tmp(r, sizeof *before);
    unsigned links = 0;
    char *p = w->rest;

    if (strlen(path) >= sizeof w->rest / 2)
        return LINUX_TOO_LONG;
    if (!begin(r, task, w))
        return LINUX_NO_NAME;
    memcpy(w->rest, path, strlen(path) + 1);
    for (;;) {
        const char *name;
        size_t len;

        while (*p == '/')
            p++;
        if (!*p || eg_stopped(r))
            break;
        for (name = p; *p && *p != '/'; p++)
            ;
        len = (size_t)(p - name);
        if (len > NAME_BYTES)
            return LINUX_NO_NAME;
        if (kind_of(w) != FOLDER)
            return LINUX_NO_FOLDER;
        if (len == 1 && *name == '.')
            continue;
        if (len == 2 && !memcmp(name, "..", 2)) {
            to_parent(w);
            if (w->dentry.why || w->mount.why)
                return LINUX_NO_NAME;
            continue;
        }
        before->mount = w->mount;
        before->dentry = w->dentry;
        if (!to_child(w, name, (uint32_t)len))
            return LINUX_NO_NAME;
        if (kind_of(w) == LINK && (follow || p[strspn(p, "/")])) {
            const enum linux_lookup rc =
                links++ == LINKS_MAX ? LINUX_TOO_LONG : follow_link(w, before, p);

            if (rc != LINUX_FOUND)
                return rc;
            p = w->rest;
        }
    }
    *out = (struct linux_found){ w->mount, w->dentry, eg_deref(eg_at(w->dentry, dentry.d_inode)) };
    return out->inode.why ? LINUX_NO_NAME : LINUX_FOUND;
}
