/* copied.c - a space of bytes that change and cannot be mapped: each read copies them anew. */
#include "space.h"
#include <stdatomic.h>
#include <stdlib.h>

enum { PIECE = 1 << 16 }; // what is copied at once where more than a page is wanted

struct copied {
    struct eg_copier copier;
    atomic_bool holes; // some byte could not be copied: single pages from then on
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct copied *c = as->priv;
    const uint64_t size = v->brief || atomic_load(&c->holes) ? EG_VIEW_PAGE : PIECE;

    out->start = addr & ~(size - 1);
    out->last = EG_MIN(out->start + (size - 1), as->last);
    out->made = out->fleeting = true;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    struct copied *c = as->priv;

    (void)v;
    if (c->copier.copy(c->copier.priv, start, bytes, len))
        return true;
    atomic_store(&c->holes, true);
    return false;
}

static void close_(struct eg_space *as)
{
    struct copied *c = as->priv;

    if (c->copier.close)
        c->copier.close(c->copier.priv);
    free(c);
}

static const struct eg_space_ops ops = {
    .name = "copied", .extent = extent, .fill = fill, .close = close_
};

bool eg_is_copied(const struct eg_space *as)
{
    return as->ops == &ops;
}

int eg_copied_open(struct eg_space **out, const char *name, uint64_t size,
                   const struct eg_copier *copier, struct eg_error *e)
{
    struct eg_space *as = calloc(1, sizeof *as);
    struct copied *c = calloc(1, sizeof *c);

    if (!as || !c || !size) {
        free(as);
        free(c);
        if (copier->close)
            copier->close(copier->priv);
        return size ? eg_fail(e, EG_ENOMEM, "%s: out of memory", name)
                    : eg_fail(e, EG_EFORMAT, "%s: is empty", name);
    }
    c->copier = *copier;
    *as = (struct eg_space){ .ops = &ops, .last = size - 1, .priv = c };
    *out = as;
    return 0;
}
