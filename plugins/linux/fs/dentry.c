/* dentry.c - the dentries of a file system, from its root down: d_subdirs and d_child until 6.7,
 * d_children and d_sib since (include/linux/dcache.h). */
#include "dentry.h"
#include "../../../core/map.h"
#include "inode.h"

EG_FIELDS(hlist_bl_head, first);
EG_FIELD_AS(hlist_head_first, hlist_head, "first");
EG_FIELD_AS(list_head_next, list_head, "next");
EG_FIELD_AS(hash_next, dentry, "d_hash.next");

enum { START, CHILDREN, LOOSE, END };

bool linux_dentry_is_cursor(struct eg_obj dentry)
{
    uint64_t name, inode;
    char first;

    // d_alloc_cursor() makes one with the name that only roots have.
    return eg_get(&inode, dentry, dentry.d_inode) && !inode &&
           eg_get_or(0u, dentry, dentry_len) == 1 && eg_get(&name, dentry, dentry_name) &&
           eg_read(dentry.view, dentry.space, name, &first, 1) && first == '/' &&
           eg_get_or(dentry.addr, dentry, dentry.d_parent) != dentry.addr;
}

static bool has_children(struct eg_run *r, struct eg_obj dentry)
{
    struct eg_obj list = eg_at(dentry, dentry.d_subdirs);
    uint64_t first;

    if (eg_has(r, dentry.d_children))
        return eg_get_or((uint64_t)0, eg_at(dentry, dentry.d_children), hlist_head_first) != 0;
    return eg_get(&first, list, list_head_next) && first && first != list.addr;
}

static void push(struct eg_run *r, struct linux_dentry_walk *w, struct eg_obj dentry)
{
    if (!has_children(r, dentry))
        return;
    w->todo = eg_grow(r, w->todo, w->n, &w->cap, sizeof *w->todo);
    w->todo[w->n++] = dentry.addr;
}

static void begin_children(struct eg_run *r, struct linux_dentry_walk *w)
{
    struct eg_obj parent = eg_object(r, dentry, w->todo[--w->n]);

    w->parent = parent.addr;
    if (eg_has(r, dentry.d_children))
        w->hlist = eg_hlist_begin_(eg_at(parent, dentry.d_children), eg_f_dentry.d_sib.id);
    else
        w->list = eg_list_begin_(eg_at(parent, dentry.d_subdirs), eg_f_dentry.d_child.id);
}

/** Those that an export of the file system made, whose directory is not known (sb->s_roots): linked
 * by d_hash; bit 0 of the first pointer is a lock until 7.0. */
static bool next_loose(struct eg_run *r, struct linux_dentry_walk *w, struct eg_obj *dentry)
{
    uint64_t parent;

    while (w->loose && !eg_stopped(r)) {
        *dentry = eg_object(r, dentry, w->loose - eg_offset(r, dentry_hash));
        if (!eg_run_map_add(r, w->seen, dentry->addr, 0)) {
            eg_note(r,
                    "the dentries that belong to no tree of the file system at %#llx are linked "
                    "in a circle",
                    (unsigned long long)w->sb.addr);
            break;
        }
        if (!eg_get(&w->loose, *dentry, hash_next))
            w->loose = 0;
        if (eg_get(&parent, *dentry, dentry.d_parent) && parent == dentry->addr &&
            parent != w->root)
            return true;
    }
    return false;
}

static void begin_loose(struct eg_run *r, struct linux_dentry_walk *w)
{
    struct eg_obj roots = eg_cast(eg_at(w->sb, super_block.s_roots), hlist_bl_head);

    w->state = LOOSE;
    if (!eg_get(&w->loose, roots, hlist_bl_head.first))
        w->loose = 0;
    w->loose &= ~(uint64_t)1;
    if (!w->loose)
        return;
    w->seen = eg_run_map(r); // the root, whose tree was given, is none of them
    eg_run_map_add(r, w->seen, eg_get_or((uint64_t)0, w->sb, super_block.s_root), 0);
}

static bool next_child(struct eg_run *r, struct linux_dentry_walk *w, struct eg_obj *dentry)
{
    uint64_t parent;

    while (eg_has(r, dentry.d_children) ? eg_hlist_next_(&w->hlist, dentry)
                                        : eg_list_next_(&w->list, dentry))
        if (eg_get(&parent, *dentry, dentry.d_parent) && parent == w->parent &&
            dentry->addr != w->parent && dentry->addr != w->root)
            return true;
    return false;
}

/* @return false: the file system has none, or another one's, whose tree is given there. */
static bool take_root(struct eg_run *r, struct linux_dentry_walk *w, struct eg_obj *dentry)
{
    uint64_t sb;

    *dentry = eg_deref(eg_at(w->sb, super_block.s_root));
    if (dentry->why)
        return false;
    if (eg_get(&sb, *dentry, dentry.d_sb) && sb != w->sb.addr) {
        eg_note(r, "the root of the super_block at %#llx is one of that at %#llx: left out",
                (unsigned long long)w->sb.addr, (unsigned long long)sb);
        return false;
    }
    w->root = dentry->addr;
    return true;
}

bool linux_next_dentry(struct eg_run *r, struct linux_dentry_walk *w, struct eg_obj *dentry)
{
    if (w->state == START) {
        w->state = CHILDREN;
        if (take_root(r, w, dentry)) {
            push(r, w, *dentry);
            return true;
        }
    }
    while (w->state != END && !eg_stopped(r)) {
        if (w->parent && next_child(r, w, dentry)) {
            push(r, w, *dentry);
            return true;
        }
        w->parent = 0;
        if (w->n) {
            begin_children(r, w);
            continue;
        }
        if (w->state == CHILDREN)
            begin_loose(r, w);
        if (next_loose(r, w, dentry)) {
            push(r, w, *dentry);
            return true;
        }
        w->state = END;
    }
    return false;
}

static bool next(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_dentry_walk *w = state;

    if (w->state == START)
        w->sb = arg;
    return linux_next_dentry(r, w, out);
}

EG_WALKER(dentries) = {
    .os = "linux",
    .help = "dentries of a file system, also those of names that were looked for in vain",
    .arg = "super_block",
    .elem = "dentry",
    .needs = EG_NEEDS(super_block.s_root, dentry.d_parent),
    .state = sizeof(struct linux_dentry_walk),
    .next = next,
};
