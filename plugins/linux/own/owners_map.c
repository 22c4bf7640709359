/* owners_map.c - where a page is mapped: the page tables of all spaces, as one sorted array.
 *
 * Pages that follow each other both in memory and in a mapping become blocks, cut as the buddy
 * allocator does: a block's size is a power of two that divides its first page's number. So the
 * block that holds a page is found by one binary search for each size. */
#include "../../../core/run.h"
#include "owners.h"
#include "pages.h"
#include <stdlib.h>

/* A key, from the highest bits: 5 of log2 of the size, 40 of the page number, 19 of the space. */
enum { MM_BITS = 19, PAGE_BITS = 40, ORDER_MAX = 30, BLOCKS_MAX = 1 << 25, BLOCKS_FEW = 1 << 20 };
_Static_assert(LINUX_MMS_MAX < 1 << MM_BITS, "the kernel's index is behind the last process's");

static uint64_t key_of(unsigned order, uint64_t page, uint64_t mm)
{
    return (uint64_t)order << (PAGE_BITS + MM_BITS) | page << MM_BITS | mm;
}

/* The tables while they are made. */
struct making {
    struct eg_run *r;
    struct linux_owner_tables *t;
    uint64_t each;  // how many blocks one space may have
    uint64_t limit; // how many there may be with those of the space at hand
    uint64_t steps; // of all walks of page tables
    bool full;
};

static bool add_block(struct making *m, unsigned order, uint64_t page, size_t mm, uint64_t va)
{
    struct linux_page_users *u = &m->t->users;
    struct linux_block *new;

    if (u->blocks.n == m->limit) {
        m->full = true;
        return false;
    }
    new = eg_vec_push(&u->blocks);
    if (!new) {
        eg_run_fail(m->r, EG_ENOMEM, "%s", "out of memory for the users of pages");
        return false;
    }
    *new = (struct linux_block){ key_of(order, page, mm), va };
    u->orders |= UINT64_C(1) << order;
    return true;
}

static void add_pages(struct making *m, const struct linux_pages *p, size_t mm)
{
    uint64_t page = p->pa >> PAGE_SHIFT, n = (p->last - p->va) / PAGE + 1, va = p->va;

    while (n && page >> PAGE_BITS == 0) {
        unsigned order = page ? (unsigned)__builtin_ctzll(page) : ORDER_MAX;

        order = EG_MIN(order, 63 - (unsigned)__builtin_clzll(n));
        order = EG_MIN(order, (unsigned)ORDER_MAX);
        if (!add_block(m, order, page, mm, va))
            break;
        page += UINT64_C(1) << order;
        va += (uint64_t)PAGE << order;
        n -= UINT64_C(1) << order;
    }
}

/* The tables on the way to @p: the last one is new, so others may be. */
static void add_tables(struct making *m, struct eg_space *space, const struct linux_pages *p,
                       size_t mm)
{
    struct eg_table_step steps[8];
    const unsigned n =
        space->ops->steps ? space->ops->steps(eg_view_of(m->r), space, p->va, steps, 8) : 0;

    for (unsigned i = 0; i < n; i++)
        if (eg_map_add(&m->t->users.tables, steps[i].addr >> PAGE_SHIFT, mm) < 0)
            eg_run_fail(m->r, EG_ENOMEM, "%s", "out of memory for page tables");
}

static void map_space(struct making *m, struct eg_space *space, uint64_t first, uint64_t last,
                      size_t mm, struct eg_map *tables)
{
    const struct linux_owner_tables *t = m->t;
    const bool process = mm < t->mms.n;
    struct linux_page_walk w = { .space = space,
                                 .at = first,
                                 .last = last,
                                 .tables = tables,
                                 .holes = true,
                                 .steps = &m->steps };
    uint64_t table = UINT64_MAX;
    struct linux_pages p;

    // A space that maps more than any machine does leaves the room of the others alone.
    m->limit = EG_MIN(t->users.blocks.n + m->each, (uint64_t)BLOCKS_MAX);
    m->full = false;
    while (!m->full && linux_next_pages(m->r, &w, &p)) {
        if (p.entry >> PAGE_SHIFT != table)
            add_tables(m, space, &p, mm);
        table = p.entry >> PAGE_SHIFT;
        if (p.pa != UINT64_MAX && (process || !linux_is_direct(&p, t->has_delta, t->delta)))
            add_pages(m, &p, mm);
    }
    if (m->full)
        eg_note(m->r, "%s %lld: more than %llu pages are mapped: some owners are missing",
                process ? "process" : "kernel", process ? (long long)t->mms.at[mm].pid : 0LL,
                (unsigned long long)m->each);
}

static int by_key(const void *a, const void *b)
{
    const struct linux_block *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->va < y->va ? -1 : x->va > y->va;
}

void linux_find_users(struct eg_run *r, struct linux_owner_tables *t)
{
    const struct eg_system *sys = eg_system_of(r);
    struct making m = { .r = r, .t = t, .each = 8 * linux_image_pages(r) + BLOCKS_FEW };

    // Tables of the kernel first: each process has some of them too.
    map_space(&m, sys->kernel, sys->arch->kernel_min, UINT64_MAX, t->mms.n, eg_run_map(r));
    for (size_t i = 0; i < t->mms.n && !eg_stopped(r); i++)
        map_space(&m, t->mms.at[i].space, 0, t->mms.at[i].last, i, NULL);
    if (t->users.blocks.n)
        qsort(t->users.blocks.at, t->users.blocks.n, sizeof *t->users.blocks.at, by_key);
}

static size_t first_at(const struct linux_page_users *u, uint64_t key)
{
    return eg_lower_bound(u->blocks.n, i, u->blocks.at[i].key < key);
}

static int by_mm(const void *a, const void *b)
{
    const struct linux_user *x = a, *y = b;

    if (x->mm != y->mm)
        return x->mm < y->mm ? -1 : 1;
    return x->va < y->va ? -1 : x->va > y->va;
}

void linux_users_of(struct linux_owners *o, uint64_t pa)
{
    const struct linux_page_users *u = &o->tables->users;
    struct linux_users *out = &o->users;

    out->list.n = 0;
    for (unsigned order = 0; order <= ORDER_MAX && pa >> PAGE_SHIFT >> PAGE_BITS == 0; order++) {
        const uint64_t first = pa >> PAGE_SHIFT >> order << order;
        const uint64_t key = key_of(order, first, 0);

        if (!(u->orders >> order & 1))
            continue;
        for (size_t i = first_at(u, key);
             i < u->blocks.n && u->blocks.at[i].key >> MM_BITS == key >> MM_BITS; i++) {
            struct linux_user *new = eg_vec_push(&out->list);

            if (!new) {
                eg_run_fail(o->r, EG_ENOMEM, "%s", "out of memory for owners");
                return;
            }
            new->mm = (size_t)(u->blocks.at[i].key & ((1 << MM_BITS) - 1));
            new->va = u->blocks.at[i].va + (pa - (first << PAGE_SHIFT));
        }
    }
    if (out->list.n)
        qsort(out->list.at, out->list.n, sizeof *out->list.at, by_mm);
}
