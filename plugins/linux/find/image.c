/** image.c - where page tables map the kernel image. */
#include "load.h"

enum { IMAGE_MIN = 4 << 20, IMAGE_MAX = 256 << 20, IMAGE_PIECES = 1 << 16 };

/** The first executable mapping of at least IMAGE_MIN contiguous bytes. */
static bool code_of(struct linux_finder *f, struct eg_space *as, const struct linux_arch *arch,
                    struct eg_extent *x)
{
    struct eg_extent code = { 0 };
    uint64_t from = arch->image_min;

    for (unsigned n = 0; n < IMAGE_PIECES && linux_spend(f, LINUX_EXTENTS, 1) &&
                         eg_next_mapped(f->v, as, from, arch->image_max, x);
         n++) {
        if (x->below == f->phys && x->flags & EG_X_EXEC) {
            if (x->start != code.last + 1 ||
                x->start - x->below_addr != code.start - code.below_addr)
                code = *x;
            code.last = x->last;
            if (code.last - code.start >= IMAGE_MIN) {
                *x = code;
                return true;
            }
        }
        if (x->last >= arch->image_max)
            return false;
        from = x->last + 1;
    }
    return false;
}

/** The first mapping of the image. On processors that map other things in the same range: from a
 * mapping inside the image backwards, while both virtual and physical addresses are contiguous. */
static bool first_piece(struct linux_finder *f, struct eg_space *as,
                        const struct linux_candidate *c, struct eg_extent *x)
{
    const struct linux_arch *arch = c->arch;
    struct eg_extent before;
    uint64_t at, delta;

    if (arch->image_alone) {
        for (at = arch->image_min;
             linux_spend(f, LINUX_EXTENTS, 1) && eg_next_mapped(f->v, as, at, arch->image_max, x);
             at = x->last + 1)
            if (x->below == f->phys || x->last >= arch->image_max)
                return x->below == f->phys;
        return false;
    }
    if (linux_sym(c, "_stext", &at) && linux_in_image(arch, at))
        eg_extent_at(f->v, as, at, x);
    else if (!code_of(f, as, arch, x))
        return false;
    delta = x->start - x->below_addr;
    for (unsigned n = 0;
         n < IMAGE_PIECES && x->below == f->phys && linux_spend(f, LINUX_EXTENTS, 1); n++) {
        eg_extent_at(f->v, as, x->start - 1, &before);
        if (before.below != f->phys || before.start - before.below_addr != delta)
            return true;
        *x = before;
    }
    return false;
}

bool linux_image_of(struct linux_finder *f, const struct eg_paging *paging,
                    struct linux_candidate *c)
{
    const struct linux_arch *arch = c->arch;
    struct eg_space *as;
    struct eg_extent x;
    uint64_t from, to = arch->image_max, ro_first = 0, ro_last = 0;
    uint64_t start = 0, last = 0, delta = 0;
    unsigned pieces = 0;
    bool found;

    if (eg_paging_open(&as, NULL, f->phys, paging, NULL) < 0)
        return false;
    found = first_piece(f, as, c, &x);
    if (found) {
        start = x.start;
        delta = x.start - x.below_addr;
        to = start + EG_MIN(to - start, (uint64_t)IMAGE_MAX);
    }
    for (from = start; found && from <= to && pieces++ < IMAGE_PIECES &&
                       linux_spend(f, LINUX_EXTENTS, 1) && eg_next_mapped(f->v, as, from, to, &x);
         from = x.last + 1) {
        if (x.below == f->phys && x.start - x.below_addr == delta) {
            last = x.last;
            if (!(x.flags & (EG_X_WRITE | EG_X_EXEC))) {
                if (!ro_last)
                    ro_first = x.below_addr;
                ro_last = x.last - delta;
            }
        }
        if (x.last == UINT64_MAX)
            break;
    }
    linux_space_close(f->v, as);
    if (c->has_delta && c->delta != delta)
        return false;
    if (!found || last - start < IMAGE_MIN || !eg_within(start - delta, 1, f->phys->last))
        return false;
    c->start = start;
    c->end = last + 1;
    c->delta = delta;
    c->has_delta = true;
    c->ro_from = ro_last ? ro_first : start - delta;
    c->ro_to = ro_last ? ro_last : last - delta;
    return true;
}
