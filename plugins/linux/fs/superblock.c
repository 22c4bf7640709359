/* superblock.c - all file systems, and where each one is mounted. */
#include "superblock.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../sched/nsproxy.h"
#include "../sched/task.h"
#include "dentry.h"
#include "inode.h"
#include "mount.h"
#include "path.h"
#include <stdlib.h>

EG_SYMBOL(super_blocks, "list_head");

enum { MOUNTS_MAX = 1 << 20 };

bool linux_next_superblock(struct eg_run *r, struct linux_superblock_walk *w, struct eg_obj *sb)
{
    if (!eg_has_symbol(r, super_blocks) || !eg_has(r, super_block.s_list))
        return false;
    if (!w->begun) {
        w->begun = true;
        w->list = eg_list_begin_(eg_sym(r, super_blocks), eg_f_super_block.s_list.id);
    }
    return eg_list_next_(&w->list, sb);
}

/** Since 6.18 the first mount, which leads to the next: each names the pointer to it, whose bit 0
 * is a flag (fs/mount.h, WRITE_HOLD). */
static bool next_in_chain(struct eg_run *r, struct linux_sb_mount_walk *w, struct eg_obj *mount)
{
    uint64_t back;

    if (!w->next || w->n++ == MOUNTS_MAX || eg_stopped(r))
        return false;
    *mount = eg_object(r, mount, w->next);
    if (!eg_get(&back, *mount, mount.mnt_pprev_for_sb) || (back & ~(uint64_t)1) != w->from ||
        !eg_get(&w->next, *mount, mount.mnt_next_for_sb)) {
        eg_note(r, "the mounts of the file system at %#llx: the chain broke after %u",
                (unsigned long long)w->sb.addr, w->n - 1);
        return false;
    }
    w->from = eg_at(*mount, mount.mnt_next_for_sb).addr;
    return true;
}

bool linux_next_sb_mount(struct eg_run *r, struct linux_sb_mount_walk *w, struct eg_obj *mount)
{
    struct eg_obj first = eg_at(w->sb, super_block.s_mounts);
    const bool chain = eg_has(r, mount.mnt_next_for_sb);

    if (!w->begun) {
        w->begun = true;
        w->none = first.why || (!chain && !eg_has(r, mount.mnt_instance));
        if (w->none)
            return false;
        w->from = first.addr;
        if (chain && !eg_load(&w->next, first))
            w->next = 0;
        else if (!chain)
            w->list = eg_list_begin_(first, eg_f_mount.mnt_instance.id);
    }
    return !w->none && (chain ? next_in_chain(r, w, mount) : eg_list_next_(&w->list, mount));
}

struct eg_obj linux_mount_ns(struct eg_run *r, struct eg_obj mount)
{
    struct eg_obj ns = eg_at(mount, mount.mnt_ns);
    uint64_t at;

    (void)r;
    // Mounts of the kernel's own have an error number there (fs/mount.h, MNT_NS_INTERNAL).
    if (!eg_load(&at, ns) || !at || at >= (uint64_t)-4095)
        return eg_bad(ns, EG_NULL, 0);
    return eg_deref(ns);
}

/* ---- where they are mounted ---- */

struct place {
    uint64_t root; /**< the dentry that is there */
    uint32_t ns;   /**< number of its mount namespace */
    char *text;
};
struct places {
    EG_VEC(struct place) list;
    struct eg_map first; /**< super block → its first place; those of one lie behind each other */
    struct eg_map of;    /**< dentry → place */
    struct eg_map below; /**< dentries on which something is mounted */
    bool failed;
};

/** A mount that may be chosen; the least of all is. */
struct choice {
    struct eg_obj mount;
    bool other, part; /**< in another namespace than init's; of a directory of the file system */
    uint32_t ns, id;
};

static int by_choice(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;

    if (x->other != y->other)
        return x->other - y->other;
    if (x->part != y->part)
        return x->part - y->part;
    if (x->ns != y->ns)
        return x->ns < y->ns ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void add_place(struct places *p, uint64_t sb, uint64_t root, uint32_t ns, const char *text)
{
    struct place *new = eg_vec_push(&p->list);

    if (!new || !(new->text = strdup(text)) || eg_map_add(&p->first, sb, p->list.n - 1) < 0 ||
        eg_map_add(&p->of, root, p->list.n - 1) < 0)
        p->failed = true;
    else
        new->root = root, new->ns = ns;
}

static void find_places_of(struct eg_run *r, struct eg_obj sb, uint64_t init_ns, struct places *p)
{
    struct choice *all = NULL;
    size_t n = 0, cap = 0;
    struct eg_obj m;
    const uint64_t top = eg_get_or((uint64_t)0, sb, super_block.s_root);
    uint64_t point;

    linux_each_sb_mount(r, sb, m)
    {
        struct eg_obj ns = linux_mount_ns(r, m);

        if (ns.addr == init_ns && eg_get(&point, m, mount.mnt_mountpoint) && point)
            p->failed |= eg_map_add(&p->below, point, 0) < 0;
        if (ns.why || linux_dentry_made(r, eg_deref(eg_at(m, mount_root)))) // a namespace
            continue;
        all = eg_grow(r, all, n, &cap, sizeof *all);
        all[n++] = (struct choice){
            m,
            ns.addr != init_ns,
            eg_get_or((uint64_t)0, m, mount_root) != top,
            eg_get_or(0u, ns, mnt_ns_inum),
            eg_get_or(0u, m, mount.mnt_id),
        };
    }
    if (n)
        qsort(all, n, sizeof *all, by_choice);
    // The first whole one; all parts of the first namespace that has some where there is no whole.
    for (size_t i = 0, found = 0; i < n && !p->failed && !eg_stopped(r); i++) {
        bool reached = false;
        const char *text;

        if (found && (!all[i].part || all[i].ns != all[found - 1].ns))
            break;
        text = linux_mount_point(r, all[i].mount, LINUX_NOBODY, &reached);
        if (text && !all[i].other && !reached) // the first rootfs is below all
            break;
        if (!text)
            continue;
        add_place(p, sb.addr, eg_get_or((uint64_t)0, all[i].mount, mount_root), all[i].ns, text);
        if (!all[i].part)
            break;
        found = i + 1;
    }
}

static bool find_places(struct eg_system *sys, struct eg_run *r, void *kept)
{
    const uint64_t init_ns =
        eg_get_or((uint64_t)0, linux_init(r), task_struct.nsproxy, nsproxy.mnt_ns);
    struct places *p = kept;
    struct eg_obj sb;

    (void)sys;
    linux_each_superblock(r, sb)
    {
        find_places_of(r, sb, init_ns, p);
    }
    if (p->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for where file systems are mounted");
    return !eg_stopped(r);
}

static void forget_places(void *kept)
{
    struct places *p = kept;

    for (size_t i = 0; i < p->list.n; i++)
        free(p->list.at[i].text);
    eg_vec_fini(&p->list);
    eg_map_fini(&p->first);
    eg_map_fini(&p->of);
    eg_map_fini(&p->below);
}

static const struct eg_cache places = { .size = sizeof(struct places),
                                        .make = find_places,
                                        .fini = forget_places };

const char *linux_superblock_where(struct eg_run *r, struct eg_obj sb)
{
    const struct places *p = eg_system_cache(eg_system_of(r), r, &places);
    uint64_t i;

    if (sb.kind == EG_K_PTR)
        sb = eg_deref(sb);
    return p && eg_map_get(&p->first, sb.addr, &i) ? p->list.at[i].text : NULL;
}

struct eg_cell linux_superblock_ns(struct eg_run *r, struct eg_obj sb)
{
    const struct places *p = eg_system_cache(eg_system_of(r), r, &places);
    uint64_t i;

    return p && eg_map_get(&p->first, sb.addr, &i) ? eg_uint(p->list.at[i].ns)
                                                   : (struct eg_cell){ 0 };
}

static const char *place_of(const void *context, uint64_t dentry)
{
    const struct places *p = context;
    uint64_t i;

    return p && eg_map_get(&p->of, dentry, &i) ? p->list.at[i].text : NULL;
}

const char *linux_dentry_where(struct eg_run *r, struct eg_obj dentry)
{
    const char *made = linux_dentry_made(r, dentry);

    if (made || !eg_get_or(1u, dentry, dentry_len)) // an empty name is none
        return made;
    return linux_dentry_path_from(r, dentry, place_of,
                                  eg_system_cache(eg_system_of(r), r, &places));
}

bool linux_dentry_covered(struct eg_run *r, struct eg_obj dentry)
{
    const struct places *p = eg_system_cache(eg_system_of(r), r, &places);
    uint64_t parent, unused;

    // The first root of all lies on itself (fs/namespace.c, vfs_create_mount).
    return p && eg_map_get(&p->below, dentry.addr, &unused) &&
           eg_get(&parent, dentry, dentry.d_parent) && parent != dentry.addr;
}

struct eg_cell linux_superblock_type(struct eg_run *r, struct eg_obj sb)
{
    struct eg_obj name = eg_at(sb, super_block.s_type, file_system_type.name);
    const char *type = eg_string(r, name, 64);
    const char *sub = eg_string(r, eg_at(sb, super_block.s_subtype), 64);

    if (!type)
        return eg_cell_of(name);
    return eg_text(sub && *sub ? eg_strf(r, "%s.%s", type, sub) : type);
}

/* ---- the same by name ---- */

static bool next_superblock(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_superblock(r, state, out);
}

EG_WALKER(superblocks) = {
    .os = "linux",
    .help = "file systems: mounted ones, and the kernel's own",
    .elem = "super_block",
    .needs = EG_NEEDS(super_block.s_list),
    .needs_symbols = EG_NEEDS_SYMBOLS(super_blocks),
    .state = sizeof(struct linux_superblock_walk),
    .next = next_superblock,
};

static bool next_sb_mount(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_sb_mount_walk *w = state;

    if (!w->begun)
        w->sb = arg;
    return linux_next_sb_mount(r, w, out);
}

EG_WALKER(superblock_mounts) = {
    .os = "linux",
    .help = "mounts of a file system, in any mount namespace or in none",
    .arg = "super_block",
    .elem = "mount",
    .needs = EG_NEEDS(super_block.s_mounts, mount.mnt_ns),
    .state = sizeof(struct linux_sb_mount_walk),
    .next = next_sb_mount,
};

static struct eg_cell where(struct eg_run *r, struct eg_obj sb)
{
    return eg_text(linux_superblock_where(r, sb));
}

EG_FUNCTION(superblock_where) = {
    .os = "linux",
    .help =
        "where a file system is mounted, seen from the first mount namespace, else from another",
    .args = "sb",
    .returns = "text",
    .cell = where,
};

EG_FUNCTION(superblock_type) = {
    .os = "linux",
    .help = "the type of a file system: \"ext4\", \"fuse.sshfs\"",
    .args = "sb",
    .returns = "text",
    .cell = linux_superblock_type,
};

EG_FUNCTION(dentry_where) = {
    .os = "linux",
    .help =
        "a dentry's path from where its file system is mounted; \" (deleted)\" follows one that is "
        "in no directory",
    .args = "dentry",
    .text = linux_dentry_where,
};
