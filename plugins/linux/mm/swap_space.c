/* swap_space.c - a process's space over that of its page tables: what is a hole there because it is
 * swapped out is here a page, if it can be read. */
#include "swap.h"
#include <stdlib.h>

struct swap_space {
    struct eg_space as; // first: it is freed as this
    struct eg_space_ops ops;
    struct linux_swap *swap;
};

/* The slot of a page that the tables say is swapped. */
static bool slot_of(const struct swap_space *s, const struct eg_extent *x, struct eg_swap_slot *out)
{
    return x->why == EG_SWAPPED && !x->level &&
           x->last - x->start == (UINT64_C(1) << s->swap->zs.shift) - 1 &&
           linux_swap_slot(s->swap, x->entry, out);
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct swap_space *s = as->priv;
    struct eg_swap_slot slot;

    as->below->ops->extent(v, as->below, addr, out);
    if (out->why == EG_SWAPPED && slot_of(s, out, &slot))
        linux_swap_extent(s->swap, v, slot, out);
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    const struct swap_space *s = as->priv;
    struct eg_swap_slot slot;
    struct eg_extent x;

    eg_extent_at(v, as->below, start, &x);
    return x.start == start && slot_of(s, &x, &slot) &&
           linux_swap_fill(s->swap, v, slot, bytes, len);
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
