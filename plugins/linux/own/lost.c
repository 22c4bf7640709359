/* lost.c - what a range of physical memory was in use for. */
#include "lost.h"
#include "../../../core/base.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../../../core/system.h"
#include "../../../core/vec.h"
#include "../mm/mm.h"
#include "../mm/page.h"
#include "../sched/task.h"
#include "pages.h"

/* ---- memory that the kernel and the roots of processes use, made once ---- */

enum kind { ROOT, TABLE, CODE, MEMMAP, PROCESS_ROOT, STACK, KINDS };

/** [first, last] of physical memory holds @pages pages of this kind, or the table that maps
 * them. */
struct use {
    uint64_t first, last, pages;
    enum kind kind;
};
struct uses {
    EG_VEC(struct use) list;
    bool starved;
};

static void add(struct uses *u, enum kind kind, uint64_t first, uint64_t last, uint64_t pages)
{
    enum { USES_MAX = 1 << 20 };
    struct use *new = u->list.n < USES_MAX ? eg_vec_push(&u->list) : NULL;

    if (new)
        *new = (struct use){ first, last, pages, kind };
    else
        u->starved |= u->list.n < USES_MAX;
}

static uint64_t pages_of(uint64_t first, uint64_t last)
{
    return ((last - first) >> PAGE_SHIFT) + 1;
}

static void add_page(struct uses *u, enum kind kind, uint64_t pa)
{
    pa &= ~(uint64_t)(PAGE - 1);
    add(u, kind, pa, pa + (PAGE - 1), 1);
}

/* Those of the direct map, with its holes: where a table is zeros, an entry of it decided that
 * there is a hole. Elsewhere a table can be empty: the kernel makes those of vmalloc before it
 * needs them (preallocate_vmalloc_pages() in arch/x86/mm/init_64.c), and keeps them. */
static void find_tables(struct eg_run *r, struct uses *u)
{
    const uint64_t root = eg_system_of(r)->chosen->paging.root;
    uint64_t steps = 0, before = UINT64_MAX, delta;
    struct linux_page_walk w = { .space = eg_kernel(r), .holes = true, .steps = &steps };
    struct linux_pages p;

    add_page(u, ROOT, root);
    if (!linux_direct_map(r, &delta))
        return;
    w.at = delta;
    if (!eg_add(delta, eg_physical(r)->last, &w.last))
        w.last = UINT64_MAX;
    while (linux_next_pages(r, &w, &p)) {
        const uint64_t table = p.entry & ~(uint64_t)(PAGE - 1);

        if (p.entry && table != before && table != root)
            add_page(u, TABLE, table);
        before = table;
    }
}

/* The kernel's memory at [first, last], all of which it uses: where it is, or the table that would
 * say so. */
static void find_kernel(struct eg_run *r, struct uses *u, enum kind kind, uint64_t first,
                        uint64_t last)
{
    uint64_t steps = 0;
    struct linux_page_walk w = {
        .space = eg_kernel(r), .at = first, .last = last, .holes = true, .steps = &steps
    };
    struct linux_pages p;

    while (linux_next_pages(r, &w, &p))
        if (p.pa != UINT64_MAX)
            add(u, kind, p.pa, p.pa + (p.last - p.va), 0);
        else if (p.entry)
            add(u, kind, p.entry, p.entry, pages_of(p.va, p.last));
}

static void find_task(struct eg_run *r, struct uses *u, struct eg_obj task)
{
    uint64_t at, pa;

    if (eg_get(&at, task, task_struct.mm, mm_struct.pgd) && at &&
        eg_translate(eg_view_of(r), eg_kernel(r), at, eg_physical(r), &pa))
        add_page(u, PROCESS_ROOT, pa);
    // Its first word is a magic number (include/uapi/linux/magic.h, STACK_END_MAGIC).
    if (eg_get(&at, task, task_struct.stack) && at &&
        eg_translate(eg_view_of(r), eg_kernel(r), at, eg_physical(r), &pa))
        add_page(u, STACK, pa);
}

static bool find(struct eg_system *sys, struct eg_run *r, void *kept)
{
    const struct linux_memmap *m = linux_memmap(r);
    uint64_t first, last, base, bytes;
    struct uses *u = kept;
    struct eg_obj task;

    (void)sys;
    find_tables(r, u);
    if (eg_lookup(r, "_stext", &first) && eg_lookup(r, "_etext", &last) && first < last)
        find_kernel(r, u, CODE, first, last - 1);
    if (m && m->size && linux_memmap_told(r, &base) &&
        eg_mul((eg_physical(r)->last >> m->shift) + 1, m->size, &bytes) &&
        eg_add(base, bytes - 1, &last))
        find_kernel(r, u, MEMMAP, base, last);
    if (eg_has(r, task_struct.tasks) && eg_lookup(r, "init_task", &first))
        linux_each_process(r, task)
            find_task(r, u, task);
    if (u->starved)
        eg_run_fail(r, EG_ENOMEM, "out of memory for what memory is used for");
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct uses *u = kept;

    eg_vec_fini(&u->list);
}

static const struct eg_cache uses = { .size = sizeof(struct uses), .make = find, .fini = forget };

/* ---- of a range ---- */

struct asked {
    struct eg_run *r;
    uint64_t first, last;
    struct linux_lost *out;
};

static void add_uses(const struct asked *a, const struct uses *u)
{
    uint64_t n[KINDS] = { 0 };

    for (size_t i = 0; i < u->list.n; i++) {
        const struct use *x = &u->list.at[i];
        const uint64_t first = EG_MAX(x->first, a->first), last = EG_MIN(x->last, a->last);

        if (first <= last)
            n[x->kind] += x->pages ? x->pages : pages_of(first, last);
    }
    *a->out = (struct linux_lost){ .root = n[ROOT],
                                   .tables = n[TABLE],
                                   .code = n[CODE],
                                   .memmap = n[MEMMAP],
                                   .roots = n[PROCESS_ROOT],
                                   .stacks = n[STACK] };
}

/* A page of large objects can be zeros: it is one of them, or a part of one. */
enum { CACHES_MAX = 64, SMALL = 1024 };

static void add_cache(const struct asked *a, uint64_t caches[CACHES_MAX],
                      const struct linux_page *p)
{
    for (uint64_t i = 0; i < a->out->caches; i++)
        if (caches[i] == p->cache)
            return;
    if (a->out->caches < CACHES_MAX && linux_slab_size(a->r, p) <= SMALL)
        caches[a->out->caches++] = p->cache;
}

static void ask_pages(const struct asked *a, uint64_t max)
{
    const struct linux_memmap *m = linux_memmap(a->r);
    const uint64_t step = (pages_of(a->first, a->last) / EG_MAX(max, 1) + 1) << PAGE_SHIFT;
    uint64_t caches[CACHES_MAX];

    for (uint64_t pa = a->first; m && m->found && pa <= a->last && !eg_stopped(a->r);) {
        uint64_t next = pa + step;
        struct linux_page p;

        linux_page_at(a->r, m, pa, &p);
        if (p.use == LINUX_PAGE_FREE) // and so is the rest of the block
            next = EG_MAX(next, p.first + (UINT64_C(1) << (p.order + m->shift)));
        if (p.use == LINUX_PAGE_SLAB)
            add_cache(a, caches, &p);
        if (next <= pa)
            break;
        pa = next;
    }
}

void linux_lost_in(struct eg_run *r, uint64_t first, uint64_t last, uint64_t pages,
                   struct linux_lost *out)
{
    const struct uses *u = eg_system_cache(eg_system_of(r), r, &uses);
    const struct asked a = { r, first, last, out };

    *out = (struct linux_lost){ 0 };
    if (!u)
        return;
    add_uses(&a, u);
    ask_pages(&a, pages);
}
