/** base.c - the physical address of the first byte of a raw image. Page tables contain physical
 * addresses, so the kernel's page tables map the kernel image where it is only if the address of
 * the first byte is right. Each possible address is tried. */
#include "base.h"

/* For Linux, RAM of AArch64 begins at a multiple of 2 MB (Documentation/arch/arm64/booting.rst). */
enum { STEP = 2 << 20 };

/** Do the page tables of @p, read from @phys, map symbols of the kernel image to their physical
 * addresses? */
static bool holds(struct linux_finder *f, struct eg_space *phys, const struct linux_candidate *c,
                  const struct eg_paging *p, uint64_t delta)
{
    static const char *const names[] = { "_stext", "init_uts_ns", "swapper_pg_dir", "init_task",
                                         "linux_banner" };
    struct eg_space *as;
    unsigned known = 0, right = 0;
    uint64_t va, pa;

    if (eg_paging_open(&as, NULL, phys, p, NULL) < 0)
        return false;
    for (size_t i = 0; i < countof(names) && right == known; i++)
        if (linux_sym(c, names[i], &va)) {
            known++;
            right += eg_translate(f->v, as, va, phys, &pa) && pa == va - delta;
        }
    linux_space_close(f->v, as);
    return known >= 2 && right == known;
}

bool linux_holds(struct linux_finder *f, const struct linux_candidate *c)
{
    return holds(f, f->phys, c, &c->paging, c->delta);
}

/** The same if memory consists of range @r of the file. */
static bool holds_in(struct linux_finder *f, const struct linux_candidate *c,
                     const struct eg_paging *p, uint64_t delta, const struct eg_image_range *r)
{
    struct eg_space *moved;
    bool right;

    if (eg_image_ranges_open(&moved, "moved", f->phys, r, 1, NULL) < 0)
        return false;
    right = holds(f, moved, c, p, delta);
    linux_space_close(f->v, moved);
    return right;
}

static struct eg_image_range all_at(const struct linux_finder *f, uint64_t base)
{
    return (struct eg_image_range){ 0, base, eg_space_size(f->phys) };
}

static bool move(struct linux_finder *f, const struct eg_image_range *r, size_t n)
{
    struct eg_image *img = f->sys->image;

    if (eg_image_move(img, r, n, NULL) < 0)
        return false;
    f->phys = img->phys;
    f->base = n == 1 ? r->start : 0;
    f->done = f->again = true;
    return true;
}

/** Try each address of the first byte for which the page table at physical @table is in the
 * file, and move the image to the first for which @p passes holds(). @by_file: @p's root and the
 * candidate's delta are offsets in the file, not physical addresses. */
static bool search(struct linux_finder *f, const struct linux_candidate *c,
                   const struct eg_paging *p, bool by_file, uint64_t table)
{
    for (uint64_t base = table / STEP * STEP;
         base && table - base <= f->phys->last && !eg_cancelled && linux_spend(f, LINUX_BASES, 1);
         base -= STEP) {
        const struct eg_image_range all = all_at(f, base);
        struct eg_paging moved = *p;

        moved.root += by_file ? base : 0;
        if (holds_in(f, c, &moved, c->delta - (by_file ? base : 0), &all))
            return move(f, &all, 1);
    }
    return false;
}

bool linux_move_to(struct linux_finder *f, const struct linux_candidate *c)
{
    return search(f, c, &c->paging, false, c->paging.root);
}

bool linux_move_up(struct linux_finder *f, const struct linux_candidate *c, uint64_t at)
{
    enum { PAGE = 4096 };

    for (uint64_t base = -at & (PAGE - 1);
         base <= c->arch->low_holes && !eg_cancelled && linux_spend(f, LINUX_BASES, 1);
         base += PAGE) {
        const struct eg_image_range all = all_at(f, base);

        if (base && holds_in(f, c, &c->paging, c->delta, &all))
            return move(f, &all, 1);
    }
    return false;
}

/** Does the linear map, which is the lowest part of the kernel's address space, map the middle
 * of each range of RAM to its address? The page tables of the linear map lie in several of the
 * ranges. */
static bool linear_holds(struct linux_finder *f, struct eg_space *phys,
                         const struct linux_candidate *c, const struct linux_ranges *r)
{
    const uint64_t kernel_half = UINT64_C(1) << 63;
    struct eg_space *as;
    struct eg_extent x;
    bool right;

    if (eg_paging_open(&as, NULL, phys, &c->paging, NULL) < 0)
        return false;
    right = eg_next_mapped(f->v, as, kernel_half, UINT64_MAX, &x) && x.below == phys;
    for (size_t i = 0; i < r->n_ram && right; i++) {
        const uint64_t middle = r->ram[i].first + (r->ram[i].last - r->ram[i].first) / 2;
        uint64_t pa;

        right = eg_translate(f->v, as, x.start - x.below_addr + middle, phys, &pa) && pa == middle;
    }
    linux_space_close(f->v, as);
    return right;
}

/** Is there anything but padding in the file between the end of the first range and the start of
 * the next? In a file that includes its holes these addresses are not RAM. */
static bool holds_in_gap(struct linux_finder *f, const struct linux_ranges *r)
{
    enum { SAMPLES = 1024, PAGE = 4096 };
    const uint64_t from = r->at[0].start + r->at[0].len;
    const uint64_t end = EG_MIN(r->n > 1 ? r->at[1].start : from, eg_space_size(f->phys));
    const uint64_t step =
        from < end ? EG_MAX((end - from) / SAMPLES / PAGE, (uint64_t)1) * PAGE : 1;

    for (uint64_t at = from; at < end && end - at >= PAGE; at += step) {
        const uint8_t *p = eg_bytes(f->v, f->phys, at, PAGE);

        if (p && ((*p != 0 && *p != 0xff) || memcmp(p, p + 1, PAGE - 1) != 0))
            return true;
    }
    return false;
}

bool linux_move_to_ranges(struct linux_finder *f, const struct linux_candidate *c,
                          const struct linux_ranges *r)
{
    struct eg_space *moved;
    bool right;

    if (!linux_spend(f, LINUX_BASES, 1) ||
        eg_image_ranges_open(&moved, "moved", f->phys, r->at, r->n, NULL) < 0)
        return false;
    right = holds(f, moved, c, &c->paging, c->delta) && linear_holds(f, moved, c, r);
    linux_space_close(f->v, moved);
    // If all page tables lie below the first hole, they are valid both with and without the
    // ranges.
    if (right && linux_holds(f, c) && linear_holds(f, f->phys, c, r))
        right = holds_in_gap(f, r);
    return right && move(f, r->at, r->n);
}

/** The physical address of the second-level table for @va, from the top-level table at @p's
 * root. */
static bool second_table(struct linux_finder *f, const struct eg_paging *p, uint64_t va,
                         uint64_t *pa)
{
    struct eg_table_step s[2];
    struct eg_space *as;
    bool found;

    if (eg_paging_open(&as, NULL, f->phys, p, NULL) < 0)
        return false;
    found = as->ops->steps(f->v, as, va, s, countof(s)) == countof(s);
    if (found)
        *pa = s[1].addr;
    linux_space_close(f->v, as);
    return found;
}

bool linux_move_by_symbols(struct linux_finder *f, const struct linux_candidate *c)
{
    uint64_t at, va, pa;

    for (const char *const *name = c->arch->roots; *name; name++) {
        struct eg_paging p = c->paging;

        if (!linux_sym(c, *name, &at) || !linux_sym(c, "_stext", &va))
            continue;
        p.root = at - c->delta;
        for (size_t i = 0; linux_mode(c->arch, i, &p); i++)
            if (second_table(f, &p, va, &pa) && search(f, c, &p, true, pa))
                return true;
    }
    return false;
}
