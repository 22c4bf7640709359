/* walk_index.c - xarrays, radix trees and idrs.
 *
 *  Since Linux 4.20 they are all xarrays (include/linux/xarray.h): an entry with the low bits 10 is
 * internal: a node above 4096, else a sibling (its slot number), a retry or a zero entry. Before,
 * radix trees (include/linux/radix-tree.h) mark nodes with 01, and a sibling is a marked pointer to
 * a slot. A child's shift is smaller than its parent's, and it has a pointer to its parent and its
 * slot there, so no node is visited twice. */
#include "run.h"
#include "walk.h"

EG_FIELD_AS(walk_xa_head, xarray, "xa_head");
EG_FIELD_AS(walk_rnode, radix_tree_root, "rnode");
EG_FIELD_AS(walk_idr_head, idr, "idr_rt.xa_head|idr_rt.rnode");
EG_FIELD_AS(walk_idr_base, idr, "idr_base");
EG_FIELDS(xa_node, shift, offset, parent, slots, array);
EG_FIELDS(radix_tree_node, shift, offset, parent, slots, root);

enum { NODE_MIN = 4096, SLOTS_MAX = 64 };

struct layout {
    const struct eg_slot *shift, *offset, *parent, *slots, *owner;
    unsigned ptr, n; /* slots of a node */
    bool old;
};

static struct layout layout_of(const struct eg_index_walk *w)
{
    const struct eg_slot *s = w->root.bind->slots;
    const bool old = !s[eg_f_xa_node.slots.id].kind;
    struct layout l = { &s[old ? eg_f_radix_tree_node.shift.id : eg_f_xa_node.shift.id],
                        &s[old ? eg_f_radix_tree_node.offset.id : eg_f_xa_node.offset.id],
                        &s[old ? eg_f_radix_tree_node.parent.id : eg_f_xa_node.parent.id],
                        &s[old ? eg_f_radix_tree_node.slots.id : eg_f_xa_node.slots.id],
                        &s[old ? eg_f_radix_tree_node.root.id : eg_f_xa_node.array.id],
                        w->root.bind->model.ptr_size,
                        0,
                        old };

    l.n = EG_MIN(l.slots->size / l.ptr, (unsigned)SLOTS_MAX);
    return l;
}

static bool is_usable(const struct layout *l)
{
    return l->slots->kind && l->n && l->shift->size == 1 && l->parent->size == l->ptr &&
           (!l->offset->kind || l->offset->size == 1);
}

static bool is_node(const struct layout *l, uint64_t e)
{
    return l->old ? (e & 3) == 1 : (e & 3) == 2 && e > NODE_MIN;
}

static void note(const struct eg_index_walk *w, uint64_t node, const char *what)
{
    eg_note(w->root.view->run, "xarray at %#" PRIx64 ": node %#" PRIx64 ": %s", w->root.addr, node,
            what);
}

/** A member of a node: shift and offset are bytes, parent is a pointer. */
static bool member(const struct eg_index_walk *w, uint64_t node, const struct eg_slot *s,
                   uint64_t *out)
{
    const uint8_t *p = eg_bytes(w->root.view, w->root.space, node + s->off, s->size);

    if (!p) {
        note(w, node, eg_why_text((enum eg_why)w->root.view->why));
        return false;
    }
    *out = eg_load_(p, s->size, w->root.bind->model.big_endian);
    return true;
}

/* A tree that grows gets a new top, whose slot 0 the old one is. In an image of several moments
 * the old top may have been copied before that and what leads to it after, or the other way round.
 * Then it does not know its parent, but it knows the tree that it is of. */
static bool was_top(const struct eg_index_walk *w, const struct layout *l, uint64_t node,
                    uint64_t slot, uint64_t offset)
{
    uint64_t owner;

    if (slot || offset || l->owner->size != l->ptr || !member(w, node, l->owner, &owner) ||
        owner != w->root.addr)
        return false;
    note(w, node, "was the top of the tree at another moment; walked all the same");
    return true;
}

/** Go down to the node of entry @e, which is in slot @slot of the current node (or in the root). */
static void push(struct eg_index_walk *w, const struct layout *l, uint64_t e, uint64_t min,
                 uint32_t slot)
{
    const unsigned bits = 8u * w->root.bind->model.long_size;
    const uint64_t node = e & ~UINT64_C(3), up = w->depth ? w->at[w->depth - 1].node : 0;
    uint64_t shift, offset = slot, parent;

    // The offset of a top node has no meaning.
    if (w->depth == (int)countof(w->at) || !member(w, node, l->shift, &shift) ||
        !member(w, node, l->parent, &parent) ||
        (w->depth && l->offset->kind && !member(w, node, l->offset, &offset)))
        return;
    if (shift >= bits || offset != slot ||
        (w->depth && (uint64_t)l->n << shift != UINT64_C(1) << w->at[w->depth - 1].shift) ||
        (parent != up && !((!parent || !up) && was_top(w, l, node, slot, offset)))) {
        note(w, node, "is not what its place in the tree says; the branch is left out");
        return;
    }
    w->at[w->depth].node = node;
    w->at[w->depth].min = min;
    w->at[w->depth].slot = 0;
    w->at[w->depth].shift = (uint32_t)shift;
    w->depth++;
}

static struct eg_obj head_of(struct eg_index_walk *w, struct eg_obj root)
{
    const struct eg_slot *s = root.bind->slots;
    uint64_t base = 0;

    if (root.why || root.kind != EG_K_STRUCT)
        return root.why ? root : eg_bad(root, EG_WRONG_TYPE, root.addr);
    if (s[eg_f_walk_xa_head.id].kind && s[eg_f_walk_xa_head.id].parent == root.type)
        return eg_at(root, walk_xa_head);
    if (s[eg_f_walk_rnode.id].kind && s[eg_f_walk_rnode.id].parent == root.type)
        return eg_at(root, walk_rnode);
    if (!s[eg_f_walk_idr_head.id].kind || s[eg_f_walk_idr_head.id].parent != root.type)
        return eg_bad(root, EG_WRONG_TYPE, root.addr);
    if (eg_get(&base, root, walk_idr_base))
        w->base = base;
    return eg_at(root, walk_idr_head);
}

struct eg_index_walk eg_xa_begin(struct eg_obj root)
{
    struct eg_index_walk w = { .root = root.kind == EG_K_PTR ? eg_deref(root) : root };
    struct eg_obj head = head_of(&w, w.root);
    struct layout l = layout_of(&w);
    uint64_t e;

    if (head.why == EG_WRONG_TYPE && root.view->run)
        eg_failed(root.view->run, "xarray: begun on a struct %s",
                  eg_type_name(root.bind->types, w.root.type));
    if (!head.why && !is_usable(&l))
        head = eg_bad(head, EG_NO_TYPE, head.addr);
    if (!eg_value(head, &e)) {
        enum eg_why why = (enum eg_why)head.view->why;

        if (why != EG_NULL && why != EG_WRONG_TYPE)
            eg_note(root.view->run, "xarray: not walked: %#" PRIx64 ": %s", head.view->why_addr,
                    eg_why_text(why));
    } else if (is_node(&l, e)) {
        push(&w, &l, e, 0, 0);
    } else if (e && (l.old || (e & 3) != 2)) {
        w.single = (struct eg_entry){ w.base, w.base, e };
        w.has_single = true;
    }
    return w;
}

/** Is @e a sibling entry: does its slot belong to the entry in slot @first of the same node? */
static bool is_sibling(const struct layout *l, uint64_t node, uint64_t e, uint32_t first)
{
    return l->old ? (e & ~UINT64_C(3)) == node + l->slots->off + (uint64_t)first * l->ptr &&
                        (e & 3) == 1
                  : e == ((uint64_t)first << 2 | 2);
}

/** The entry of a slot; 0, with a note, when it cannot be read. */
static uint64_t entry_at(const struct eg_index_walk *w, const struct layout *l, uint64_t node,
                         uint32_t slot)
{
    uint64_t e;

    if (eg_walk_read(&w->root, node + l->slots->off + (uint64_t)slot * l->ptr, &e))
        return e;
    note(w, node, eg_why_text((enum eg_why)w->root.view->why));
    return 0;
}

bool eg_xa_next(struct eg_index_walk *w, struct eg_entry *out)
{
    const struct layout l = layout_of(w);
    const unsigned bits = 8u * w->root.bind->model.long_size;
    const uint64_t top = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

    if (w->has_single) {
        w->has_single = false;
        *out = w->single;
        return true;
    }
    while (w->depth && !eg_stopped(w->root.view->run)) {
        __typeof__(w->at[0]) *f = &w->at[w->depth - 1];
        const uint32_t slot = f->slot++;
        uint64_t e, first;

        if (slot >= l.n || slot > (top - f->min) >> f->shift) {
            w->depth--;
            continue;
        }
        first = f->min + ((uint64_t)slot << f->shift);
        e = entry_at(w, &l, f->node, slot);
        if (is_node(&l, e) && !(l.old && e - f->node < l.slots->off + (uint64_t)l.n * l.ptr)) {
            if (f->shift)
                push(w, &l, e, first, slot);
            else
                note(w, f->node, "a leaf holds a node");
            continue;
        }
        if (!e || (!l.old && (e & 3) == 2) || is_node(&l, e))
            continue;
        while (f->slot < l.n && is_sibling(&l, f->node, entry_at(w, &l, f->node, f->slot), slot))
            f->slot++;
        out->index = first + w->base;
        out->last = first + (((uint64_t)(f->slot - slot) << f->shift) - 1);
        out->last = (out->last < first || out->last > top ? top : out->last) + w->base;
        out->value = e;
        return true;
    }
    return false;
}
