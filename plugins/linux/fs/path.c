/* path.c - names of files as the kernel gives them (fs/d_path.c). */
#include "path.h"
#include "../sched/task.h"
#include "dentry.h"
#include "file.h"
#include "inode.h"
#include "mount.h"
#include <string.h>

EG_FIELDS(fs_struct, root);
EG_FIELDS(path, mnt, dentry);
EG_FIELDS(dentry_operations, d_dname);
EG_FIELDS(ns_common, ops);
EG_FIELDS(proc_ns_operations, name);
EG_FIELD_AS(file_path, file, "__f_path|f_path"); // a union since 6.18
EG_FIELDS(file, f_mode, f_inode);
EG_FIELDS(backing_file, file, user_path); // overlayfs and the like, since 6.8

/* A path is written from its end. */
struct trail {
    size_t at;
    bool cut;
    char text[4096];
};

/* No initializer, which would zero all of the text. */
static void begin(struct trail *t)
{
    t->at = sizeof t->text;
    t->cut = false;
}

static void prepend(struct trail *t, const char *s, size_t len)
{
    if (t->cut || len > t->at) {
        t->cut = true;
        return;
    }
    t->at -= len;
    __builtin_memcpy(t->text + t->at, s, len);
}

static void prepend_name(struct trail *t, struct eg_obj dentry)
{
    uint64_t name;
    uint32_t len;

    if (!eg_get(&name, dentry, dentry_name) || !eg_get(&len, dentry, dentry_len) || len >= t->at ||
        !eg_read(dentry.view, dentry.space, name, t->text + t->at - len, len)) {
        t->cut = true;
        return;
    }
    t->at -= len;
    prepend(t, "/", 1);
}

static const char *finish(struct eg_run *r, const struct trail *t, uint64_t dentry)
{
    size_t len;

    if (t->cut)
        eg_note(r, "the path of the dentry at %#llx could not be followed to its root: cut",
                (unsigned long long)dentry);
    if (t->cut && t->at == sizeof t->text)
        return NULL;
    len = strnlen(t->text + t->at, sizeof t->text - t->at);
    return memcpy(eg_tmp(r, len + 1), t->text + t->at, len);
}

static bool is_root(struct eg_obj dentry)
{
    return eg_get_or((uint64_t)0, dentry, dentry.d_parent) == dentry.addr;
}

/* Up to the root, or to where no mount is above. @return the root was met. */
static bool climb(struct trail *t, struct eg_obj mount, struct eg_obj dentry, uint64_t root_mnt,
                  uint64_t root_dentry)
{
    uint64_t top, parent;

    // Each step writes a byte or goes to a parent mount, which mounts do not repeat for long.
    for (unsigned mounts = 0; !t->cut && mounts < sizeof t->text;) {
        struct eg_obj vfsmount = eg_at(mount, mount.mnt);

        if (dentry.addr == root_dentry && vfsmount.addr == root_mnt)
            return true;
        if (!eg_get(&top, vfsmount, vfsmount.mnt_root))
            break;
        if (dentry.addr == top) {
            if (!eg_get(&parent, mount, mount.mnt_parent))
                break;
            if (parent == mount.addr)
                return false;
            dentry = eg_deref(eg_at(mount, mount.mnt_mountpoint));
            mount = eg_deref(eg_at(mount, mount.mnt_parent));
            mounts++;
        } else if (is_root(dentry)) {
            return false;
        } else {
            prepend_name(t, dentry);
            dentry = eg_deref(eg_at(dentry, dentry.d_parent));
        }
        if (dentry.why || mount.why)
            break;
    }
    t->cut = true;
    return false;
}

static struct eg_obj root_of(struct eg_run *r, struct eg_obj task)
{
    return eg_at(task.why ? linux_init(r) : task, task_struct.fs, fs_struct.root);
}

const char *linux_ns_name(struct eg_run *r, struct eg_obj dentry)
{
    struct eg_obj ns = eg_cast(eg_at(dentry, dentry.d_inode, inode.i_private), ns_common);

    return eg_string(r, eg_at(ns, ns_common.ops, proc_ns_operations.name), 64);
}

/* What the file system's own d_dname makes of a file that has no place in a tree. */
static const char *made_name(struct eg_run *r, struct eg_obj dentry, struct trail *t)
{
    char fs[16] = "";
    uint64_t type, ino;
    struct eg_obj inode = eg_at(dentry, dentry.d_inode);
    const char *name;
    int len;

    if (eg_get(&type, dentry, dentry.d_sb, super_block.s_type, file_system_type.name))
        eg_read_some(dentry.view, dentry.space, type, fs, sizeof fs - 1, NULL);
    if (__builtin_strcmp(fs, "pidfs") == 0)
        return eg_strf(r, "anon_inode:[pidfd]");
    if (eg_get(&ino, inode, inode.i_ino)) {
        if (__builtin_strcmp(fs, "sockfs") == 0)
            return eg_strf(r, "socket:[%llu]", (unsigned long long)ino);
        if (__builtin_strcmp(fs, "pipefs") == 0)
            return eg_strf(r, "pipe:[%llu]", (unsigned long long)ino);
        if (__builtin_strcmp(fs, "nsfs") == 0 && (name = linux_ns_name(r, dentry)))
            return eg_strf(r, "%s:[%llu]", name, (unsigned long long)ino);
    }
    prepend_name(t, dentry);
    if (t->cut)
        return NULL;
    name = t->text + t->at;
    len = (int)(sizeof t->text - t->at);
    if (__builtin_strcmp(fs, "anon_inodefs") == 0)
        return eg_strf(r, "anon_inode:%.*s", len - 1, name + 1);
    if (__builtin_strcmp(fs, "dmabuf") == 0)
        return eg_strf(r, "/dmabuf:%.*s", len - 1, name + 1);
    return eg_strf(r, "%.*s (deleted)", len, name);
}

const char *linux_path(struct eg_run *r, struct eg_obj path, struct eg_obj task)
{
    struct trail t;
    struct eg_obj dentry = eg_deref(eg_at(path, path.dentry));
    struct eg_obj vfsmount = eg_deref(eg_at(path, path.mnt));
    struct eg_obj root = root_of(r, task);
    uint64_t top, dname, pprev;

    begin(&t);
    if (dentry.why || vfsmount.why || !eg_get(&top, vfsmount, vfsmount.mnt_root) ||
        !eg_get(&pprev, dentry, dentry_pprev))
        return NULL;
    if (eg_get(&dname, dentry, dentry.d_op, dentry_operations.d_dname) && dname &&
        (!is_root(dentry) || dentry.addr != top))
        return made_name(r, dentry, &t);
    if (!pprev && !is_root(dentry))
        prepend(&t, " (deleted)", 10);
    top = t.at;
    climb(&t, eg_container(vfsmount, mount.mnt), dentry, eg_get_or((uint64_t)0, root, path.mnt),
          eg_get_or((uint64_t)0, root, path.dentry));
    if (t.at == top && !t.cut)
        prepend(&t, "/", 1);
    return finish(r, &t, dentry.addr);
}

/* overlayfs and the like keep the path that the user sees behind the file that they opened. */
static struct eg_obj user_path(struct eg_run *r, struct eg_obj file)
{
    enum { FMODE_BACKING = 3 << 24 }; // bit 25, since 6.14 bit 24: the path itself must speak
    uint64_t sb, own;

    if (file.kind == EG_K_PTR)
        file = eg_deref(file);
    if (eg_has(r, backing_file.user_path) && eg_get_or(0u, file, file.f_mode) & FMODE_BACKING) {
        struct eg_obj path = eg_at(eg_container(file, backing_file.file), backing_file.user_path);

        if (eg_get(&sb, path, path.mnt, vfsmount.mnt_sb) &&
            eg_get(&own, path, path.dentry, dentry.d_sb) && sb && sb == own)
            return path;
    }
    return eg_bad(file, EG_NO_MEMBER, 0);
}

const char *linux_file_path(struct eg_run *r, struct eg_obj file, struct eg_obj task)
{
    struct eg_obj path = user_path(r, file);

    return linux_path(r, path.why ? eg_at(file, file_path) : path, task);
}

struct eg_obj linux_file_inode(struct eg_run *r, struct eg_obj file)
{
    struct eg_obj path = user_path(r, file);

    return eg_deref(path.why ? eg_at(file, file.f_inode)
                             : eg_at(path, path.dentry, dentry.d_inode));
}

/* Until 6.8 the file of the layer below has the path of the overlay (fs/open.c,
 * open_with_fake_path). */
bool linux_file_is(struct eg_run *r, struct eg_obj file, uint64_t inode)
{
    uint64_t own;

    return inode && (linux_file_inode(r, file).addr == inode ||
                     (eg_load(&own, eg_at(eg_at(file, file_path), path.dentry, dentry.d_inode)) &&
                      own == inode));
}

const char *linux_file_gone(struct eg_run *r, struct eg_obj file)
{
    const char *text = linux_file_path(r, file, LINUX_NOBODY);
    struct eg_obj path = user_path(r, file), dentry;
    const size_t len = text ? __builtin_strlen(text) : 0;
    uint64_t pprev;

    // A file that is in a folder may be called "x (deleted)".
    if (len < 10 || __builtin_strcmp(text + len - 10, " (deleted)") != 0)
        return NULL;
    dentry = eg_deref(eg_at(path.why ? eg_at(file, file_path) : path, path.dentry));
    if (!eg_get(&pprev, dentry, dentry_pprev) || pprev)
        return NULL;
    if (!is_root(dentry))
        return "removed";
    if (__builtin_strncmp(text, "/memfd:", 7) == 0)
        return "memfd";
    if (__builtin_strncmp(text, "/SYSV", 5) == 0)
        return "System V";
    return __builtin_strncmp(text, "/anon_hugepage", 14) == 0 ? "huge pages" : "shared memory";
}

const char *linux_dentry_made(struct eg_run *r, struct eg_obj dentry)
{
    struct trail t;
    uint64_t dname, root;
    const char *name;

    begin(&t);
    if (!eg_get(&dname, dentry, dentry.d_op, dentry_operations.d_dname) || !dname ||
        !eg_get(&root, dentry, dentry.d_sb, super_block.s_root) || root == dentry.addr)
        return NULL;
    // Files of block devices have an empty name (block/bdev.c, since 6.9).
    name = made_name(r, dentry, &t);
    return name && __builtin_strcmp(name, "/ (deleted)") != 0 ? name : NULL;
}

const char *linux_dentry_path_from(struct eg_run *r, struct eg_obj dentry,
                                   const char *(*place)(const void *context, uint64_t dentry),
                                   const void *context)
{
    struct trail t;
    const uint64_t first = dentry.addr;
    const char *from = NULL;
    uint64_t pprev;
    size_t last;

    begin(&t);
    if (!eg_get(&pprev, dentry, dentry_pprev))
        return NULL;
    if (!pprev && !is_root(dentry))
        prepend(&t, " (deleted)", 10);
    last = t.at;
    while (!dentry.why && !t.cut && !(from = place(context, dentry.addr)) && !is_root(dentry)) {
        prepend_name(&t, dentry);
        dentry = eg_deref(eg_at(dentry, dentry.d_parent));
    }
    t.cut |= dentry.why != 0;
    if (from && !t.cut && (t.at == last || __builtin_strcmp(from, "/") != 0))
        prepend(&t, from, __builtin_strlen(from));
    if (t.at == last && !t.cut)
        prepend(&t, "/", 1);
    return finish(r, &t, first);
}

const char *linux_dentry_path(struct eg_run *r, struct eg_obj dentry)
{
    struct trail t;
    uint64_t pprev, first;

    begin(&t);
    if (dentry.kind == EG_K_PTR)
        dentry = eg_deref(dentry);
    first = dentry.addr;
    if (!eg_get(&pprev, dentry, dentry_pprev))
        return NULL;
    if (!pprev && !is_root(dentry))
        prepend(&t, "//deleted", 9);
    while (!dentry.why && !t.cut && !is_root(dentry)) {
        prepend_name(&t, dentry);
        dentry = eg_deref(eg_at(dentry, dentry.d_parent));
    }
    t.cut |= dentry.why != 0;
    if (t.at == sizeof t.text && !t.cut)
        prepend(&t, "/", 1);
    return finish(r, &t, first);
}

const char *linux_mount_point(struct eg_run *r, struct eg_obj mount, struct eg_obj task,
                              bool *reached)
{
    struct trail t;
    struct eg_obj top = eg_deref(eg_at(eg_at(mount, mount.mnt), vfsmount.mnt_root));
    struct eg_obj root = root_of(r, task);

    begin(&t);
    if (top.why)
        return NULL;
    *reached = climb(&t, mount, top, eg_get_or((uint64_t)0, root, path.mnt),
                     eg_get_or((uint64_t)0, root, path.dentry));
    if (t.at == sizeof t.text && !t.cut)
        prepend(&t, "/", 1);
    return finish(r, &t, top.addr);
}

/* ---- the same by name ---- */

EG_FUNCTION(path) = {
    .os = "linux",
    .help = "the path that a struct path stands for, seen from a task's root (else from init's)",
    .args = "path [, task]",
    .text_from = linux_path,
};

EG_FUNCTION(file_path) = {
    .os = "linux",
    .help = "the path of a struct file: \"/usr/bin/x (deleted)\", \"socket:[12]\"",
    .args = "file [, task]",
    .text_from = linux_file_path,
};

EG_FUNCTION(dentry_path) = {
    .os = "linux",
    .help = "a dentry's path in its own file system",
    .args = "dentry",
    .text = linux_dentry_path,
};

EG_FUNCTION(file_inode) = {
    .os = "linux",
    .help = "the inode of a struct file that its user sees",
    .args = "file",
    .returns = "inode",
    .cursor = linux_file_inode,
};

static struct eg_cell file_gone(struct eg_run *r, struct eg_obj file)
{
    return eg_text(linux_file_gone(r, file));
}

EG_FUNCTION(file_gone) = {
    .os = "linux",
    .help = "why a struct file is in no folder: removed, memfd, …; nil when it is in one",
    .args = "file",
    .returns = "text",
    .cell = file_gone,
};
