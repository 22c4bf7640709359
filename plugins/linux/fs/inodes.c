/* inodes.c - all inodes: from dentries, lists of file systems, the hash table, and what is open. */
#include "inodes.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../sched/task.h"
#include "dentry.h"
#include "fdtable.h"
#include "file.h"
#include "inode.h"
#include "mount.h"
#include "superblock.h"
#include <stdlib.h>

EG_FIELD_AS(mm_exe, mm_struct, "exe_file");
EG_FIELD_AS(vma_file, vm_area_struct, "vm_file");
EG_FIELD_AS(fs_pwd, fs_struct, "pwd.dentry");
EG_FIELD_AS(fs_root_dentry, fs_struct, "root.dentry");
EG_TYPE(hlist_head);
EG_SYMBOL(inode_hashtable, "hlist_head *");
EG_SYMBOL(i_hash_shift, "unsigned int");

enum { HASH_SHIFT_MAX = 30, PIECE = 4096 };

const struct eg_constant linux_inode_from_names[] = {
    { "dentry", LINUX_INODE_DENTRY },
    { "list", LINUX_INODE_LIST },
    { "hash", LINUX_INODE_HASH },
    { "open", LINUX_INODE_OPEN },
    { NULL, 0 },
};

struct kept {
    struct linux_inodes out;
    EG_VEC(struct linux_inode) all;
    struct eg_map of; /**< address → its number in all */
};
struct gather {
    struct eg_run *r;
    struct kept *k;
    size_t max;              /**< as many as memory has room for */
    uint64_t unread, strays; /**< not readable; of another file system than who names them */
    bool failed, full;
};

/** @sb: the file system that it must be of; 0: not known. */
static void take(struct gather *g, struct eg_obj inode, uint64_t sb, unsigned from)
{
    struct linux_inode *new;
    uint64_t i, own, ino;

    if (inode.why) {
        g->unread += inode.why != EG_NULL;
        return;
    }
    if (eg_map_get(&g->k->of, inode.addr, &i)) {
        g->k->all.at[i].from |= from;
        return;
    }
    if (!eg_get(&own, inode, inode.i_sb) || !eg_get(&ino, inode, inode.i_ino)) {
        g->unread++;
        return;
    }
    if (!own || (sb && own != sb)) {
        g->strays++;
        return;
    }
    g->full |= g->k->all.n >= g->max;
    if (g->full)
        return;
    new = eg_vec_push(&g->k->all);
    if (!new || eg_map_add(&g->k->of, inode.addr, g->k->all.n - 1) < 0) {
        g->failed = true;
        return;
    }
    *new = (struct linux_inode){ .inode = inode.addr, .sb = own, .ino = ino, .from = from };
}

static void take_lists(struct gather *g)
{
    struct eg_obj sb, inode, dentry, mount;

    linux_each_superblock(g->r, sb)
    {
        if (eg_has(g->r, inode.i_sb_list))
            eg_each_list(inode, eg_at(sb, super_block.s_inodes), inode.i_sb_list)
                take(g, inode, sb.addr, LINUX_INODE_LIST);
        linux_each_sb_mount(g->r, sb, mount) // one file of nsfs, a root that no name leads to
            take(g, eg_deref(eg_at(mount, mount_root, dentry.d_inode)), sb.addr, LINUX_INODE_OPEN);
        linux_each_dentry(g->r, sb, dentry)
            take(g, eg_deref(eg_at(dentry, dentry.d_inode)), sb.addr, LINUX_INODE_DENTRY);
    }
}

static void take_bucket(struct gather *g, struct eg_obj head)
{
    struct eg_obj inode;

    eg_each_hlist(inode, head, inode.i_hash)
        take(g, inode, 0, LINUX_INODE_HASH);
}

static void take_hash(struct gather *g)
{
    struct eg_obj table = eg_sym(g->r, inode_hashtable);
    const unsigned size = eg_binding_of(g->r)->model.ptr_size;
    uint64_t buckets, at, to, len;
    uint8_t piece[PIECE];
    uint32_t shift;

    if (!eg_load(&buckets, table) || !eg_load(&shift, eg_sym(g->r, i_hash_shift)) ||
        shift > HASH_SHIFT_MAX || !eg_has(g->r, inode.i_hash) ||
        !eg_add(buckets, (uint64_t)size << shift, &to))
        return;
    g->k->out.hashed = true;
    for (at = buckets; at < to && !eg_stopped(g->r); at += len) {
        enum eg_why why = EG_OK;

        len = EG_MIN(to - at, PIECE - at % PIECE);
        eg_read_some(eg_view_of(g->r), eg_kernel(g->r), at, piece, (size_t)len, &why);
        g->unread += why != EG_OK;
        for (size_t i = 0; i < len; i += size)
            if (!eg_all_zero(piece + i, size))
                take_bucket(g, eg_index(table, (at + i - buckets) / size));
    }
}

/** What tasks hold. Sockets, pipes and the like are in no list and no hash table. */
static void take_open_of(struct gather *g, struct eg_obj task, struct eg_map *seen)
{
    struct eg_run *r = g->r;
    struct eg_obj file, mm = eg_deref(eg_at(task, task_struct.mm)), vma;
    struct eg_walking vmas;
    uint64_t at, fd;

    if (eg_get(&at, task, task_files) && at && eg_run_map_add(r, seen, at, 0))
        linux_each_fd(r, task, fd, file)
        {
            take(g, linux_file_inode(r, file), 0, LINUX_INODE_OPEN);
        }
    if (eg_get(&at, task, task_struct.fs) && at && eg_run_map_add(r, seen, at, 0)) {
        take(g, eg_deref(eg_at(task, task_struct.fs, fs_pwd, dentry.d_inode)), 0, LINUX_INODE_OPEN);
        take(g, eg_deref(eg_at(task, task_struct.fs, fs_root_dentry, dentry.d_inode)), 0,
             LINUX_INODE_OPEN);
    }
    if (mm.why || !eg_run_map_add(r, seen, mm.addr, 0))
        return;
    file = eg_deref(eg_at(mm, mm_exe));
    if (!file.why)
        take(g, linux_file_inode(r, file), 0, LINUX_INODE_OPEN);
    // By its name: the folder mm needs this one.
    vmas = eg_walk(r, "vmas", mm);
    while (eg_walk_next(&vmas, &vma)) {
        file = eg_deref(eg_at(vma, vma_file));
        if (!file.why && eg_run_map_add(r, seen, file.addr, 0))
            take(g, linux_file_inode(r, file), 0, LINUX_INODE_OPEN);
    }
}

static void take_open(struct gather *g)
{
    struct eg_map *seen = eg_run_map(g->r);
    struct eg_obj process, task;

    linux_each_process(g->r, process)
        linux_each_thread(g->r, process, task)
            take_open_of(g, task, seen);
}

static int by_number(const void *a, const void *b)
{
    const struct linux_inode *x = a, *y = b;

    if (x->sb != y->sb)
        return x->sb < y->sb ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static bool gather(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct gather g = { .r = r, .k = kept };

    (void)sys;
    g.max = eg_stored_bytes(eg_view_of(r), eg_physical(r)) / EG_MAX(eg_size(r, inode), 64) + 64;
    take_lists(&g);
    take_hash(&g);
    take_open(&g);
    if (g.failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the inodes");
    if (g.unread)
        eg_note(r, "%llu inodes, or parts of their hash table, cannot be read",
                (unsigned long long)g.unread);
    if (g.strays)
        eg_note(r, "%llu inodes are not of the file system that leads to them: left out",
                (unsigned long long)g.strays);
    if (g.full)
        eg_note(r, "more inodes than memory has room for: those behind %llu are left out",
                (unsigned long long)g.max);
    eg_map_fini(&g.k->of);
    if (g.k->all.n)
        qsort(g.k->all.at, g.k->all.n, sizeof *g.k->all.at, by_number);
    g.k->out.at = g.k->all.at;
    g.k->out.n = g.k->all.n;
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct kept *k = kept;

    eg_vec_fini(&k->all);
    eg_map_fini(&k->of);
}

static const struct eg_cache inodes = { .size = sizeof(struct kept),
                                        .make = gather,
                                        .fini = forget };

const struct linux_inodes *linux_inodes(struct eg_run *r)
{
    const struct kept *k = eg_system_cache(eg_system_of(r), r, &inodes);

    return k ? &k->out : NULL;
}

/* ---- names ---- */

bool linux_next_name(struct eg_run *r, struct linux_name_walk *w, const char **path)
{
    uint64_t own;

    if (!w->begun) {
        if (w->inode.kind == EG_K_PTR)
            w->inode = eg_deref(w->inode);
        w->list = eg_hlist_begin_(eg_at(w->inode, inode.i_dentry), eg_f_dentry_alias.id);
        w->begun = true;
    }
    while (eg_hlist_next_(&w->list, &w->dentry))
        if (eg_get(&own, w->dentry, dentry.d_inode) && own == w->inode.addr &&
            (*path = linux_dentry_where(r, w->dentry)))
            return true;
    return false;
}

/* ---- the same by name ---- */

struct inode_walk {
    const struct linux_inodes *all;
    size_t i;
};

static bool next_inode(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    struct inode_walk *w = state;

    (void)arg;
    if (!w->all && !(w->all = linux_inodes(r)))
        return false;
    if (w->i == w->all->n)
        return false;
    out[0] = eg_cell_of(eg_object(r, inode, w->all->at[w->i].inode));
    out[1] = eg_uint(w->all->at[w->i++].from);
    return true;
}

EG_WALKER(inodes) = {
    .os = "linux",
    .help = "every inode in memory once, and the ways that lead to it (linux.inode_from)",
    .values = "inode: inode, from: integer",
    .needs = EG_NEEDS(inode.i_sb, inode.i_ino),
    .state = sizeof(struct inode_walk),
    .next_values = next_inode,
};

static bool next_name(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    struct linux_name_walk *w = state;
    const char *path;

    if (!w->begun)
        w->inode = arg;
    if (!linux_next_name(r, w, &path))
        return false;
    out[0] = eg_text(path);
    return true;
}

EG_WALKER(names) = {
    .os = "linux",
    .help = "the paths that memory holds of an inode: one for each hard link",
    .arg = "inode",
    .values = "path: text",
    .needs = EG_NEEDS(inode.i_dentry, dentry_alias),
    .state = sizeof(struct linux_name_walk),
    .next_values = next_name,
};

EG_CONSTANTS(inode_from) = {
    .os = "linux",
    .help = "ways that lead to an inode",
    .list = linux_inode_from_names,
};
