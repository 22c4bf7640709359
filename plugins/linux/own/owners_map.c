/* owners_map.c - from a page to those who map it: all page tables, turned around. Pages that lie in
 * a row are one entry, cut into blocks whose size divides their place: so is any page found by one
 * search for each size. */
#include "../../../core/run.h"
#include "owners.h"
#include "pages.h"
#include <stdlib.h>

/* A key: 5 bits of size, 40 of page number, 19 of whose. */
enum { MM_BITS = 19, PAGE_BITS = 40, ORDER_MAX = 30, BLOCKS_MAX = 1 << 25, BLOCKS_FEW = 1 << 20 };

static uint64_t key_of(unsigned order, uint64_t page, uint64_t mm)
{
    return (uint64_t)order << (PAGE_BITS + MM_BITS) | page << MM_BITS | mm;
}

static bool add_block(struct linux_owners *o, unsigned order, uint64_t page, size_t mm, uint64_t va)
{
    struct linux_block *new;

    if (o->map.blocks.n == o->map.limit) {
        o->map.full = true;
        return false;
    }
    new = eg_vec_push(&o->map.blocks);
    if (!new) {
        eg_run_fail(o->r, EG_ENOMEM, "%s", "memory: none for what maps which page");
        return false;
    }
    *new = (struct linux_block){ key_of(order, page, mm), va };
    o->map.orders |= UINT64_C(1) << order;
    return true;
}

static void add_pages(struct linux_owners *o, const struct linux_pages *p, size_t mm)
{
    uint64_t page = p->pa >> PAGE_SHIFT, n = (p->last - p->va) / PAGE + 1, va = p->va;

    while (n && page >> PAGE_BITS == 0) {
        unsigned order = page ? (unsigned)__builtin_ctzll(page) : ORDER_MAX;

        order = EG_MIN(order, 63 - (unsigned)__builtin_clzll(n));
        order = EG_MIN(order, (unsigned)ORDER_MAX);
        if (!add_block(o, order, page, mm, va))
            break;
        page += UINT64_C(1) << order;
        va += (uint64_t)PAGE << order;
        n -= UINT64_C(1) << order;
    }
}

/* The tables on the way to @p: the last one is new, so others may be. */
static void add_tables(struct linux_owners *o, struct eg_space *space, const struct linux_pages *p,
                       size_t mm)
{
    struct eg_table_step steps[8];
    const unsigned n =
        space->ops->steps ? space->ops->steps(eg_view_of(o->r), space, p->va, steps, 8) : 0;

    for (unsigned i = 0; i < n; i++)
        if (eg_map_add(&o->map.tables, steps[i].addr >> PAGE_SHIFT, mm) < 0)
            eg_run_fail(o->r, EG_ENOMEM, "%s", "memory: none for page tables");
}

static void map_space(struct linux_owners *o, struct eg_space *space, uint64_t first, uint64_t last,
                      size_t mm, struct eg_map *tables)
{
    struct linux_page_walk w = { .space = space,
                                 .at = first,
                                 .last = last,
                                 .tables = tables,
                                 .holes = true,
                                 .steps = &o->steps };
    uint64_t table = UINT64_MAX;
    struct linux_pages p;

    // Whoever maps more than any machine does takes nothing from the others.
    o->map.limit = EG_MIN(o->map.blocks.n + o->map.each, (uint64_t)BLOCKS_MAX);
    o->map.full = false;
    while (!o->map.full && linux_next_pages(o->r, &w, &p)) {
        if (p.entry >> PAGE_SHIFT != table)
            add_tables(o, space, &p, mm);
        table = p.entry >> PAGE_SHIFT;
        if (p.pa != UINT64_MAX && (mm < o->n_mms || !linux_is_direct(&p, o->has_delta, o->delta)))
            add_pages(o, &p, mm);
    }
    if (o->map.full)
        eg_note(o->r, "%s %lld: more than %llu pages are mapped: some owners are missing",
                mm < o->n_mms ? "process" : "kernel",
                mm < o->n_mms ? (long long)o->mms[mm].pid : 0LL, (unsigned long long)o->map.each);
}

static int by_key(const void *a, const void *b)
{
    const struct linux_block *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->va < y->va ? -1 : x->va > y->va;
}

void linux_map_pages(struct linux_owners *o)
{
    const struct eg_system *sys = eg_system_of(o->r);

    o->map.each = 8 * linux_image_pages(o->r) + BLOCKS_FEW;
    // Tables of the kernel first: each process has some of them too.
    map_space(o, sys->kernel, sys->arch->kernel_min, UINT64_MAX, o->n_mms, eg_run_map(o->r));
    for (size_t i = 0; i < o->n_mms && !eg_stopped(o->r); i++)
        map_space(o, o->mms[i].space, 0, o->mms[i].last, i, NULL);
    if (o->map.blocks.n)
        qsort(o->map.blocks.at, o->map.blocks.n, sizeof *o->map.blocks.at, by_key);
}

void linux_map_fini(void *map)
{
    struct linux_map_of_pages *m = map;

    eg_vec_fini(&m->blocks);
    eg_vec_fini(&m->users);
    eg_map_fini(&m->tables);
}

static size_t first_at(const struct linux_map_of_pages *m, uint64_t key)
{
    return eg_lower_bound(m->blocks.n, i, m->blocks.at[i].key < key);
}

static int by_mm(const void *a, const void *b)
{
    const struct linux_user *x = a, *y = b;

    if (x->mm != y->mm)
        return x->mm < y->mm ? -1 : 1;
    return x->va < y->va ? -1 : x->va > y->va;
}

void linux_users(struct linux_owners *o, uint64_t pa)
{
    struct linux_map_of_pages *m = &o->map;

    m->users.n = 0;
    for (unsigned order = 0; order <= ORDER_MAX && pa >> PAGE_SHIFT >> PAGE_BITS == 0; order++) {
        const uint64_t first = pa >> PAGE_SHIFT >> order << order;
        const uint64_t key = key_of(order, first, 0);

        if (!(m->orders >> order & 1))
            continue;
        for (size_t i = first_at(m, key);
             i < m->blocks.n && m->blocks.at[i].key >> MM_BITS == key >> MM_BITS; i++) {
            struct linux_user *new = eg_vec_push(&m->users);

            if (!new) {
                eg_run_fail(o->r, EG_ENOMEM, "%s", "memory: none for owners");
                return;
            }
            new->mm = (size_t)(m->blocks.at[i].key & ((1 << MM_BITS) - 1));
            new->va = m->blocks.at[i].va + (pa - (first << PAGE_SHIFT));
        }
    }
    if (m->users.n)
        qsort(m->users.at, m->users.n, sizeof *m->users.at, by_mm);
}
