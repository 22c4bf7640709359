/* dentries - the names in memory, also those that were looked for in vain (fs/dcache.c). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../linux/fs/dentry.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"

EG_TYPE(hlist_bl_head);
EG_FIELD_AS(dentry_hash_next, dentry, "d_hash.next");
EG_SYMBOL(dentry_hashtable, "hlist_bl_head *");
EG_SYMBOL(d_hash_shift, "unsigned int");

enum { PIECE = 4096, SHIFT_MAX = 30, CHAIN_MAX = 1 << 20 };

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the dentry is", EG_MINOR)                                               \
    C(SUPERBLOCK, ADDR, "its file system: OFFSET of superblocks", EG_MINOR)                        \
    C(FSTYPE, TEXT, "kind of file system")                                                         \
    C(INODE, INT, "inode number; empty: there was no such file")                                   \
    C(INODE_ADDRESS, ADDR, "its inode", EG_MINOR)                                                  \
    C(FOUND_BY, TEXT, "what leads to it: tree, hash", EG_MINOR)                                    \
    C(HINTS, TEXT, "negative, deleted, covered, treeless", EG_MINOR)                               \
    C(PATH, TEXT, "the name, from where its file system is mounted")
EG_COLUMNS(COLUMNS);

struct table {
    EG_VEC(uint64_t) all;  // dentries of the hash table, in its order
    struct eg_map in, met; // the same; those that a tree led to
    bool known, failed;
};

/* A chain of the hash table: each names the pointer to it; bit 0 of the first is a lock. */
static bool take_chain(struct eg_run *r, struct table *t, uint64_t first, uint64_t from)
{
    uint64_t node = first & ~(uint64_t)1, back, next;

    for (uint32_t n = 0; node && n < CHAIN_MAX; n++) {
        struct eg_obj d = eg_object(r, dentry, node - eg_offset(r, dentry_hash));
        uint64_t *new;
        int rc;

        if (!eg_get(&back, d, dentry_pprev) || back != from || !eg_get(&next, d, dentry_hash_next))
            return false;
        rc = eg_map_add(&t->in, d.addr, 0);
        new = rc > 0 ? eg_vec_push(&t->all) : NULL;
        t->failed |= rc < 0 || (rc > 0 && !new);
        if (!new)
            return false;
        *new = d.addr;
        from = eg_at(d, dentry_hash_next).addr;
        node = next;
    }
    return !node;
}

static void forget(void *table)
{
    struct table *t = table;

    eg_vec_fini(&t->all);
    eg_map_fini(&t->in);
    eg_map_fini(&t->met);
}

/* The kernel keeps 32 minus the logarithm of the number of chains (dcache_init). */
static void take_hash(struct eg_run *r, struct table *t)
{
    const unsigned size = eg_binding_of(r)->model.ptr_size;
    uint64_t buckets, at, to, len, broken = 0;
    uint8_t piece[PIECE];
    uint32_t shift;

    if (!eg_load(&buckets, eg_sym(r, dentry_hashtable)) ||
        !eg_load(&shift, eg_sym(r, d_hash_shift)) || shift > 32 || 32 - shift > SHIFT_MAX ||
        !eg_has(r, dentry_hash_next) || !eg_add(buckets, (uint64_t)size << (32 - shift), &to))
        return;
    t->known = true;
    for (at = buckets; at < to && !eg_stopped(r); at += len) {
        len = EG_MIN(to - at, PIECE - at % PIECE);
        eg_read_some(eg_view_of(r), eg_kernel(r), at, piece, (size_t)len, NULL);
        for (size_t i = 0; i < len; i += size)
            broken += !take_chain(
                r, t, eg_load_(piece + i, size, eg_binding_of(r)->model.big_endian), at + i);
    }
    if (broken)
        eg_note(r,
                "%llu chains of the hash table of dentries are broken: what is behind is not here",
                (unsigned long long)broken);
}

static bool sb_wanted(struct eg_run *r, struct eg_obj sb)
{
    const char *want = eg_arg_text(r, "fstype"), *name;
    uint64_t first, last;

    if (want && (!(name = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 64)) ||
                 strcmp(name, want) != 0))
        return false;
    for (size_t i = 0; eg_arg_range(r, "superblock", i, &first, &last); i++)
        if (sb.addr >= first && sb.addr <= last)
            return true;
    return !eg_arg_addr(r, "superblock", &first);
}

static void show(struct eg_run *r, struct eg_obj d, struct eg_cell type, const char *by,
                 const char *hint)
{
    struct eg_obj inode = eg_at(d, dentry.d_inode);
    uint64_t at, pprev;
    const char *path, *hints;

    if (!eg_load(&at, inode))
        at = 1; // what cannot be read is not negative
    if ((at && eg_arg_flag(r, "negative")) || (!at && linux_dentry_is_cursor(d)))
        return;
    path = linux_dentry_where(r, d);
    hints = at ? "" : "negative";
    if (eg_get(&pprev, d, dentry_pprev) && !pprev &&
        eg_get_or(d.addr, d, dentry.d_parent) != d.addr)
        hints = *hints ? "negative deleted" : "deleted";
    else if (linux_dentry_covered(r, d))
        hints = "covered";
    if (*hint)
        hints = eg_strf(r, "%s%s%s", hints, *hints ? " " : "", hint);
    eg_row(r, .OFFSET = eg_addr(d), .SUPERBLOCK = eg_val(d, dentry.d_sb), .FSTYPE = type,
           .INODE = at ? eg_val(d, dentry.d_inode, inode.i_ino) : (struct eg_cell){ 0 },
           .INODE_ADDRESS = at ? eg_cell_of(inode) : (struct eg_cell){ 0 }, .FOUND_BY = eg_text(by),
           .HINTS = eg_text(hints),
           .PATH = path ? eg_text(path) : eg_missing(EG_UNREADABLE, d.addr));
}

static void show_trees(struct eg_run *r, struct table *t)
{
    struct eg_obj sb, d;
    uint64_t seen;

    linux_each_superblock(r, sb)
    {
        const struct eg_cell type = linux_superblock_type(r, sb);
        const bool wanted = sb_wanted(r, sb);

        linux_each_dentry(r, sb, d)
        {
            const bool hashed = eg_map_get(&t->in, d.addr, &seen);

            if (hashed)
                t->failed |= eg_map_add(&t->met, d.addr, 0) < 0;
            if (wanted)
                show(r, d, type, hashed ? "tree hash" : "tree", "");
        }
    }
}

/* What the hash table has, and no tree leads to. */
static void show_treeless(struct eg_run *r, const struct table *t)
{
    uint64_t unused;

    for (size_t i = 0; i < t->all.n && !eg_stopped(r); i++) {
        struct eg_obj d = eg_object(r, dentry, t->all.at[i]);
        struct eg_obj sb = eg_deref(eg_at(d, dentry.d_sb));

        if (!eg_map_get(&t->met, d.addr, &unused) && sb_wanted(r, sb))
            show(r, d, linux_superblock_type(r, sb), "hash", "treeless");
    }
}

static int run(struct eg_run *r)
{
    struct table *t = eg_tmp(r, sizeof *t);

    eg_run_defer(r, forget, t);
    take_hash(r, t);
    if (!t->known)
        eg_note(r, "the hash table of dentries is not known in this kernel: only trees are walked");
    show_trees(r, t);
    show_treeless(r, t);
    if (t->failed)
        return eg_failed(r, "out of memory for the dentries");
    return 0;
}

EG_PLUGIN(dentries) = {
    .os = "linux",
    .help = "List the names of files in memory, also of files that were looked for and not there",
    .manual =
        "Every dentry of every file system, from its root down, and those that only the hash table "
        "of dentries has (`treeless`). A `negative` one is a name that a program asked for and "
        "that "
        "was not there: configuration, libraries, or a tool that was removed. `deleted`: it is in "
        "no "
        "folder any more; `covered`: another file system is mounted on it. The kernel drops names "
        "that it needs the memory of, the longest unused "
        "first, so that a name that is not here may still have been used. inodes lists the files.",
    .aliases = EG_NAMES("linux_dentry_cache", "dentry_cache"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(negative, FLAG, "only names that were looked for in vain"),
                    EG_ARG(fstype, TEXT, "only of file systems of this type"),
                    EG_ARG(superblock, ADDR, "only of the file systems at these addresses")),
    .needs = EG_NEEDS(super_block.s_root, dentry.d_parent),
    .uses = EG_NAMES("superblocks", "dentries"),
    .run = run,
};
