/* swap_space.c - a process's space over that of its page tables: what is a hole there because it is
 * swapped out is here a page, if it can be read. */
#include "swap.h"
#include <stdlib.h>

struct swap_space {
    struct eg_space as; // first: it is freed as this
    struct eg_space_ops ops;
    struct linux_swap *swap;
};

/* The page that the tables say is swapped. */
static bool find(const struct swap_space *s, struct eg_view *v, const struct eg_extent *x,
                 struct linux_swapped *out)
{
    struct eg_swap_slot slot;

    if (x->why != EG_SWAPPED || x->level ||
        x->last - x->start != (UINT64_C(1) << s->swap->zs.shift) - 1 ||
        !linux_swap_slot(s->swap, x->entry, &slot))
        return false;
    linux_swap_find(s->swap, v, slot, out);
    return out->place != LINUX_SWAP_LOST;
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct swap_space *s = as->priv;
    struct linux_swapped p;

    as->below->ops->extent(v, as->below, addr, out);
    if (out->why != EG_SWAPPED || !find(s, v, out, &p))
        return;
    out->why = EG_OK;
    out->flags |= EG_X_SWAPPED;
    switch (p.place) {
    case LINUX_SWAP_CACHE:
        out->below = s->swap->zs.phys;
        out->below_addr = p.pa;
        break;
    case LINUX_SWAP_FILE:
        out->below = s->swap->device[p.slot.type].file;
        out->below_addr = p.pa;
        break;
    case LINUX_SWAP_ZEROS:
        out->zero = true;
        break;
    default:
        out->made = true;
    }
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    const struct swap_space *s = as->priv;
    struct linux_swapped p;
    struct eg_extent x;
    const char *wrong;

    eg_extent_at(v, as->below, start, &x);
    if (x.start != start || len != (size_t)1 << s->swap->zs.shift || !find(s, v, &x, &p))
        return false;
    wrong = linux_swap_read(s->swap, v, &p, bytes);
    if (wrong)
        eg_note(v->run, "pages swapped to %s cannot be read: %s",
                s->swap->device[p.slot.type].path ? s->swap->device[p.slot.type].path : "a device",
                wrong);
    return !wrong;
}

static unsigned steps(struct eg_view *v, struct eg_space *as, uint64_t addr,
                      struct eg_table_step *out, unsigned max)
{
    return as->below->ops->steps(v, as->below, addr, out, max);
}

static void close_(struct eg_space *as)
{
    eg_space_close(as->below);
}

int linux_swap_space(struct eg_space **out, struct linux_swap *s, struct eg_space *tables)
{
    struct swap_space *new = calloc(1, sizeof *new);

    if (!new)
        return -EG_ENOMEM;
    new->swap = s;
    new->ops = (struct eg_space_ops){ tables->ops->name, extent, fill, steps, close_ };
    new->as =
        (struct eg_space){ .ops = &new->ops, .below = tables, .last = tables->last, .priv = new };
    *out = &new->as;
    return 0;
}

bool linux_swap_key(const struct eg_space *as, const struct eg_extent *x, uint64_t *key)
{
    enum { PAGE_MOST = 16 }; // log2 of the largest page
    const struct swap_space *s = as->priv;
    struct eg_swap_slot slot;

    if (as->ops->extent != extent || !(x->flags & EG_X_SWAPPED) ||
        !linux_swap_slot(s->swap, x->entry, &slot) || slot.offset >> LINUX_SLOT_BITS)
        return false;
    *key = ((uint64_t)slot.type << LINUX_SLOT_BITS | slot.offset) << PAGE_MOST;
    return true;
}
