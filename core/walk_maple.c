/* walk_maple.c - maple trees (Linux 6.1 on; include/linux/maple_tree.h, lib/maple_tree.c).
 *
 *  Nodes are 256 bytes and aligned so; a pointer to one carries its type in bits 3 to 6, the root's
 * also bit 1. Slot i of a node covers the indexes behind pivot i-1 up to pivot i; a pivot of 0
 * after the first ends the node, as does the last slot. A node has a pointer to its parent and its
 * slot there, the root one to the tree, so no node is visited twice. */
#include "run.h"
#include "walk.h"

EG_FIELDS(maple_tree, ma_root);
EG_FIELDS(maple_node, parent, slot);
EG_FIELDS(maple_range_64, pivot, slot);
EG_FIELDS(maple_arange_64, pivot, slot);

enum { DENSE, LEAF_64, RANGE_64, ARANGE_64 };
enum { NODE_MIN = 4096, NODE_MASK = 255, SLOTS_MAX = 64 };

struct layout {
    const struct eg_slot *pivot, *slot; /* pivot: NULL where each slot is one index */
    unsigned word, n_pivots, n_slots;
};

static struct layout layout_of(const struct eg_index_walk *w, uint32_t type)
{
    const struct eg_slot *s = w->root.bind->slots;
    struct layout l = { NULL, &s[eg_f_maple_node.slot.id], w->root.bind->model.ptr_size, 0, 0 };

    if (type == LEAF_64 || type == RANGE_64) {
        l.pivot = &s[eg_f_maple_range_64.pivot.id];
        l.slot = &s[eg_f_maple_range_64.slot.id];
    } else if (type == ARANGE_64) {
        l.pivot = &s[eg_f_maple_arange_64.pivot.id];
        l.slot = &s[eg_f_maple_arange_64.slot.id];
    }
    l.n_pivots = l.pivot ? l.pivot->size / l.word : 0;
    l.n_slots = EG_MIN(l.slot->size / l.word, (unsigned)SLOTS_MAX);
    return l;
}

static void note(const struct eg_index_walk *w, uint64_t node, const char *what)
{
    eg_note(w->root.view->run, "maple tree at %#" PRIx64 ": node %#" PRIx64 ": %s", w->root.addr,
            node, what);
}

static bool word(const struct eg_index_walk *w, uint64_t node, uint64_t at, uint64_t *out)
{
    if (eg_walk_read(&w->root, node + at, out))
        return true;
    note(w, node, eg_why_text((enum eg_why)w->root.view->why));
    return false;
}

static void push(struct eg_index_walk *w, uint64_t e, uint64_t min, uint64_t max, uint32_t slot)
{
    const uint64_t node = e & ~(uint64_t)NODE_MASK;
    const uint32_t type = e >> 3 & 15;
    uint64_t back, wanted;

    if (!word(w, node, w->root.bind->slots[eg_f_maple_node.parent.id].off, &back))
        return;
    // The parent's type is in bits 1 and 2, the slot in bits 3 to 7; bit 0 marks the root's.
    wanted = w->depth ? w->at[w->depth - 1].node | (uint64_t)slot << 3 : w->root.addr | 1;
    if ((w->depth ? back & ~UINT64_C(6) : back) != wanted || type > ARANGE_64 ||
        w->depth == (int)countof(w->at)) {
        note(w, node, "is not what its place in the tree says; the branch is left out");
        return;
    }
    w->at[w->depth].node = node;
    w->at[w->depth].min = min;
    w->at[w->depth].max = max;
    w->at[w->depth].slot = 0;
    w->at[w->depth].type = type;
    w->depth++;
}

struct eg_index_walk eg_maple_begin(struct eg_obj tree)
{
    struct eg_index_walk w = { .root = tree.kind == EG_K_PTR ? eg_deref(tree) : tree };
    const struct eg_slot *s = tree.bind->slots;
    struct eg_obj root = eg_at(w.root, maple_tree.ma_root);
    uint64_t e;

    if (!root.why && (!s[eg_f_maple_node.slot.id].kind || !s[eg_f_maple_range_64.slot.id].kind ||
                      !s[eg_f_maple_arange_64.slot.id].kind))
        root = eg_bad(root, EG_NO_TYPE, root.addr);
    if (!eg_value(root, &e)) {
        if (root.view->why != EG_NULL && root.view->why != EG_WRONG_TYPE)
            eg_note(tree.view->run, "maple tree: not walked: %#" PRIx64 ": %s", root.view->why_addr,
                    eg_why_text((enum eg_why)root.view->why));
    } else if ((e & 3) == 2 && e > NODE_MIN) {
        push(&w, e, 0, tree.bind->model.long_size == 8 ? UINT64_MAX : UINT32_MAX, 0);
    } else if (e && (e & 3) != 2) {
        w.single.value = e;
        w.has_single = true;
    }
    return w;
}

/** The last index of slot @i of the current node. */
static bool slot_end(struct eg_index_walk *w, const struct layout *l, uint32_t i, uint64_t *out)
{
    const __typeof__(w->at[0]) *f = &w->at[w->depth - 1];

    if (!l->pivot)
        *out = f->min;
    else if (i >= l->n_pivots)
        *out = f->max;
    else if (!word(w, f->node, l->pivot->off + (uint64_t)i * l->word, out))
        return false;
    if (l->pivot && i && !*out)
        *out = f->max;
    if (*out >= f->min && *out <= f->max)
        return true;
    note(w, f->node, "its pivots are out of order; the rest of it is left out");
    return false;
}

bool eg_maple_next(struct eg_index_walk *w, struct eg_entry *out)
{
    if (w->has_single) {
        w->has_single = false;
        *out = w->single;
        return true;
    }
    while (w->depth && !eg_stopped(w->root.view->run)) {
        __typeof__(w->at[0]) *f = &w->at[w->depth - 1];
        const struct layout l = layout_of(w, f->type);
        const uint32_t slot = f->slot++;
        uint64_t first = f->min, last, e;

        if (slot >= l.n_slots || !slot_end(w, &l, slot, &last)) {
            w->depth--;
            continue;
        }
        f->min = last + 1;
        if (last == f->max)
            f->slot = l.n_slots;
        if (!word(w, f->node, l.slot->off + (uint64_t)slot * l.word, &e) || !e)
            continue;
        if (f->type >= RANGE_64) {
            push(w, e, first, last, slot);
        } else if ((e & 3) != 2 || e >= NODE_MIN) { // smaller values are marks of the kernel
            *out = (struct eg_entry){ first, last, e };
            return true;
        }
    }
    return false;
}
