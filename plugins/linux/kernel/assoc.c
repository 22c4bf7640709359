/* assoc.c - the kernel's associative arrays: nodes of 16 slots, and shortcuts over levels at which
 * all keys are the same (Documentation/core-api/assoc_array.rst). */
#include "assoc.h"
#include <inttypes.h>

EG_FIELDS(assoc_array, root);
EG_FIELDS(assoc_array_node, back_pointer, parent_slot, slots);
EG_FIELDS(assoc_array_shortcut, back_pointer, next_node, parent_slot);

enum { META = 1, SHORTCUT = 2, MARKS = 3 }; // ASSOC_ARRAY_PTR_*

static struct eg_obj node_at(struct eg_run *r, uint64_t pointer)
{
    return eg_object(r, assoc_array_node, pointer & ~(uint64_t)MARKS);
}

static struct eg_obj shortcut_at(struct eg_run *r, uint64_t pointer)
{
    return eg_object(r, assoc_array_shortcut, pointer & ~(uint64_t)MARKS);
}

/* Go down to the node that @pointer of slot @slot of @above leads to; @above 0: it is the root. */
static bool enter(struct eg_run *r, struct linux_assoc_walk *w, uint64_t pointer, uint64_t above,
                  uint64_t slot)
{
    const uint64_t first = pointer;
    uint64_t back = 0, of = slot;

    if (pointer & SHORTCUT) {
        struct eg_obj s = shortcut_at(r, pointer);

        if (!eg_get(&back, s, assoc_array_shortcut.back_pointer) || back != above ||
            !eg_get(&of, s, assoc_array_shortcut.parent_slot) || (above && of != slot))
            goto lost;
        above = pointer;
        of = slot; // of a node below a shortcut nothing reads it
        if (!eg_get(&pointer, s, assoc_array_shortcut.next_node))
            goto lost;
    } else if (above && !eg_get(&of, node_at(r, pointer), assoc_array_node.parent_slot)) {
        goto lost;
    }
    if ((pointer & MARKS) == META && of == slot &&
        eg_get(&back, node_at(r, pointer), assoc_array_node.back_pointer) && back == above) {
        w->node = pointer;
        w->slot = 0;
        return true;
    }
lost:
    eg_note(r, "assoc_array at %#" PRIx64 ": the branch at %#" PRIx64 " is lost", w->array.addr,
            first & ~(uint64_t)MARKS);
    return false;
}

/* Go up, to the slot behind the one that leads to this node. Its pointers were read on the way
 * down. */
static void leave(struct eg_run *r, struct linux_assoc_walk *w)
{
    struct eg_obj node = node_at(r, w->node);
    uint64_t above = 0, slot = 0;

    eg_get(&above, node, assoc_array_node.back_pointer);
    eg_get(&slot, node, assoc_array_node.parent_slot);
    if (above & SHORTCUT) {
        struct eg_obj s = shortcut_at(r, above);

        eg_get(&above, s, assoc_array_shortcut.back_pointer);
        eg_get(&slot, s, assoc_array_shortcut.parent_slot);
    }
    w->node = above;
    w->slot = slot + 1;
}

bool linux_next_assoc(struct eg_run *r, struct linux_assoc_walk *w, uint64_t *object)
{
    uint64_t pointer = 0;

    if (!w->begun) {
        w->begun = true;
        if (!eg_get(&pointer, w->array, assoc_array.root))
            eg_note(r, "assoc_array at %#" PRIx64 ": its root cannot be read", w->array.addr);
        if (pointer)
            enter(r, w, pointer, 0, 0);
    }
    while (w->node && *w->left && !eg_stopped(r)) {
        struct eg_obj slots = eg_at(node_at(r, w->node), assoc_array_node.slots);
        const uint64_t slot = w->slot;

        if (slot >= eg_count(slots)) {
            leave(r, w);
            continue;
        }
        w->slot++;
        if (!eg_load(&pointer, eg_index(slots, slot))) {
            eg_note(r, "assoc_array at %#" PRIx64 ": a part cannot be read", w->array.addr);
            leave(r, w);
            continue;
        }
        if (!pointer)
            continue;
        --*w->left;
        if (!(pointer & META)) {
            *object = pointer & ~(uint64_t)MARKS;
            return true;
        }
        enter(r, w, pointer, w->node, slot);
    }
    return false;
}
