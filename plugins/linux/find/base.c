/** base.c - raw memory of a processor whose RAM begins anywhere: at which physical address was its
 *  first byte? The kernel's page tables hold true addresses: only at the right one do they lead to
 *  where the kernel says that it is. */
#include "base.h"

/* RAM of AArch64 begins, for Linux, at multiples of 2 MB (Documentation/arch/arm64/booting.rst). */
enum { STEP = 2 << 20 };

/** Do the tables of @p map the image's own places, in @phys? */
static bool holds(struct linux_finder *f, struct eg_space *phys, const struct linux_candidate *g,
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
        if (linux_sym(g, names[i], &va)) {
            known++;
            right += eg_translate(f->v, as, va, phys, &pa) && pa == va - delta;
        }
    eg_view_forget(f->v, as);
    eg_space_close(as);
    return known >= 2 && right == known;
}

bool linux_holds(struct linux_finder *f, const struct linux_candidate *g)
{
    return holds(f, f->phys, g, &g->paging, g->delta);
}

/** The same with the first byte of memory at @base. */
static bool holds_at(struct linux_finder *f, const struct linux_candidate *g,
                     const struct eg_paging *p, uint64_t delta, uint64_t base)
{
    struct eg_segment all = { .start = base, .below = f->phys, .stored = eg_space_size(f->phys) };
    struct eg_space *moved;
    bool right;

    if (!eg_add(base, all.stored - 1, &all.last) ||
        eg_segments_open(&moved, "moved", &all, 1, NULL, NULL) < 0)
        return false;
    right = holds(f, moved, g, p, delta);
    eg_view_forget(f->v, moved);
    eg_space_close(moved);
    return right;
}

static bool move(struct linux_finder *f, uint64_t base)
{
    struct eg_image *img = f->sys->image;

    if (eg_image_move(img, base, NULL) < 0)
        return false;
    f->phys = img->phys;
    f->base = base;
    f->done = f->again = true;
    return true;
}

/** The base for which the table at @table, its true address, lies in the file and @p holds;
 * @by_file: @p's root and the candidate's shift are of places in the file. */
static bool search(struct linux_finder *f, const struct linux_candidate *g,
                   const struct eg_paging *p, bool by_file, uint64_t table)
{
    for (uint64_t base = table / STEP * STEP;
         base && table - base <= f->phys->last && !eg_cancelled && linux_spend(f, LINUX_BASES, 1);
         base -= STEP) {
        struct eg_paging moved = *p;

        moved.root += by_file ? base : 0;
        if (holds_at(f, g, &moved, g->delta - (by_file ? base : 0), base))
            return move(f, base);
    }
    return false;
}

bool linux_move_to(struct linux_finder *f, const struct linux_candidate *g)
{
    return search(f, g, &g->paging, false, g->paging.root);
}

bool linux_move_up(struct linux_finder *f, const struct linux_candidate *g, uint64_t at)
{
    enum { PAGE = 4096 };

    for (uint64_t base = -at & (PAGE - 1);
         base <= g->arch->low_holes && !eg_cancelled && linux_spend(f, LINUX_BASES, 1);
         base += PAGE)
        if (base && holds_at(f, g, &g->paging, g->delta, base))
            return move(f, base);
    return false;
}

/** Where the top table at @root, in the file, says that the next one is: its true address. */
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
    eg_space_close(as);
    return found;
}

bool linux_move_by_symbols(struct linux_finder *f, const struct linux_candidate *g)
{
    uint64_t at, va, pa;

    for (const char *const *name = g->arch->roots; *name; name++) {
        struct eg_paging p = g->paging;

        if (!linux_sym(g, *name, &at) || !linux_sym(g, "_stext", &va))
            continue;
        p.root = at - g->delta;
        for (size_t i = 0; linux_mode(g->arch, i, &p); i++)
            if (second_table(f, &p, va, &pa) && search(f, g, &p, true, pa))
                return true;
    }
    return false;
}
