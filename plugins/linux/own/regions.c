/* regions.c - what there is to search: the kernel's memory or that of processes, each page once,
 * and what lies across two pages that follow each other in one mapping, once. */
#include "regions.h"
#include "../../../core/run.h"
#include "../state.h"
#include "mms.h"
#include "pages.h"
#include <stdlib.h>

/* Pages that were given out. Memory is taken for what is met, 512 pages at a time. */
struct chunk {
    uint64_t seen[8];
    uint64_t joined[8]; // to the next page, too
};
struct taken {
    struct eg_run *r;
    struct eg_map chunk_of; // page number / 512 → index
    EG_VEC(struct chunk) chunks;
    struct eg_map pairs;    // of pages that follow each other in a mapping, not in memory
    uint64_t page, chunk;   // the last chunk: all pages of it that are met come together
    struct eg_extent there; // the last extent of the image
    struct eg_regions *out;
    uint64_t around;
    struct eg_region of;        // what all regions of the space at hand have alike
    uint64_t last, last_id;     // the page before: its last address and number
    bool last_new, joins;       // is what lies across pages wanted?
    uint64_t run;               // where what is contiguous began
    uint64_t left, each, total; // pages that may still be looked at: of this space, of all
    uint64_t steps;             // of all walks
    size_t first_join;          // regions from here on may hold joins of this run
};

static void free_taken(void *taken)
{
    struct taken *t = taken;

    eg_map_fini(&t->chunk_of);
    eg_map_fini(&t->pairs);
    eg_vec_fini(&t->chunks);
}

static void no_memory(struct taken *t)
{
    eg_run_fail(t->r, EG_ENOMEM, "%s", "out of memory for the pages that were found");
}

/* A number for a page, from 0, such that two of them make a key. */
static bool id_of(struct taken *t, uint64_t pa, uint64_t *id)
{
    const uint64_t page = pa >> PAGE_SHIFT;

    if (!t->chunks.n || t->page != page >> 9) {
        if (!eg_map_get(&t->chunk_of, page >> 9, &t->chunk)) {
            t->chunk = t->chunks.n;
            if (t->chunk >> 23 || !eg_vec_push(&t->chunks) ||
                eg_map_add(&t->chunk_of, page >> 9, t->chunk) < 0)
                return no_memory(t), false;
        }
        t->page = page >> 9;
    }
    *id = t->chunk << 9 | (page & 511);
    return true;
}

static bool set(uint64_t bits[8], uint64_t i)
{
    const uint64_t bit = UINT64_C(1) << (i & 63);
    const bool new = !(bits[i >> 6 & 7] & bit);

    bits[i >> 6 & 7] |= bit;
    return new;
}

/* Swapped pages are counted behind all of physical memory. */
#define SWAPPED (UINT64_C(1) << 63)

static bool in_image(struct taken *t, uint64_t pa)
{
    if (pa & SWAPPED)
        return true;
    if (pa < t->there.start || pa > t->there.last)
        eg_extent_at(eg_view_of(t->r), eg_physical(t->r), pa, &t->there);
    return !t->there.why;
}

static void add(struct taken *t, uint64_t first, uint64_t last, uint64_t join)
{
    struct eg_region *new = eg_vec_push(&t->out->list);

    if (!new) {
        no_memory(t);
        return;
    }
    *new = t->of;
    new->first = first;
    new->last = last;
    new->join = join;
}

/* What was contiguous ends: so do the joins' surroundings. */
static void end_run(struct taken *t)
{
    for (size_t i = t->first_join; i < t->out->list.n; i++)
        t->out->list.at[i].last = EG_MIN(t->out->list.at[i].last, t->last);
    t->first_join = t->out->list.n;
}

static void join(struct taken *t, uint64_t va)
{
    const uint64_t before = EG_MIN(va - t->run, t->around);
    const uint64_t behind = EG_MIN(UINT64_MAX - va, t->around - 1);

    add(t, va - before, va + behind, va);
}

static bool new_pair(struct taken *t, uint64_t a, uint64_t b)
{
    int added;

    if (b == a + 1)
        return set(t->chunks.at[a >> 9].joined, a);
    added = eg_map_add(&t->pairs, a << 32 | b, 0);
    if (added < 0)
        no_memory(t);
    return added > 0;
}

/* A space begins. One that maps more than any machine does takes nothing from the others. */
static void begin_space(struct taken *t, struct eg_region of)
{
    t->of = of;
    t->left = EG_MIN(t->each, t->total);
    t->total -= t->left;
    end_run(t);
    t->run = UINT64_MAX;
}

static void end_space(struct taken *t)
{
    end_run(t);
    t->run = UINT64_MAX;
    t->total += t->left;
}

/* What follows is of another mapping. */
static void break_here(struct taken *t)
{
    end_run(t);
    t->run = UINT64_MAX;
}

static void take_page(struct taken *t, uint64_t va, uint64_t pa)
{
    const bool follows = t->run != UINT64_MAX && va == t->last + 1;
    bool new, across;
    uint64_t id;

    if (!id_of(t, pa, &id))
        return;
    new = set(t->chunks.at[id >> 9].seen, id);
    if (!follows) {
        end_run(t);
        t->run = va;
    }
    across = follows && new_pair(t, t->last_id, id) && t->joins && t->around;
    if (follows && new && t->last_new) {
        t->out->list.at[t->out->list.n - 1].last = va + PAGE - 1;
    } else {
        if (across)
            join(t, va);
        if (new)
            add(t, va, va + PAGE - 1, 0);
    }
    t->last = va + PAGE - 1;
    t->last_id = id;
    t->last_new = new;
}

static void take(struct taken *t, uint64_t va, uint64_t last, uint64_t pa)
{
    while (t->left && !eg_stopped(t->r)) {
        uint64_t n = PAGE;

        if (in_image(t, pa)) {
            take_page(t, va, pa);
            if (!--t->left)
                eg_note(t->r,
                        "tables that map the same pages again and again: what they map from "
                        "%#llx on is left out",
                        (unsigned long long)va);
        } else {
            break_here(t);
            if (t->there.last - pa >= last - va)
                return;
            n = ((t->there.last - pa) / PAGE + 1) * PAGE;
        }
        if (last - va < n)
            return;
        va += n;
        pa += n;
    }
}

static void take_process(struct taken *t, struct linux_mm *mm)
{
    struct linux_page_walk w = {
        .space = mm->space, .last = mm->last, .steps = &t->steps, .swapped = true
    };
    struct linux_pages p;
    size_t next = 0;

    linux_mm_spans(t->r, mm);
    begin_space(t, (struct eg_region){ .space = mm->space, .pid = mm->pid, .comm = mm->comm });
    while (t->left && linux_next_pages(t->r, &w, &p)) {
        const uint64_t pa = p.key == UINT64_MAX ? p.pa : SWAPPED | p.key;

        // A run goes on from one mapping to the next where both are of one file.
        while (next < mm->n_spans && mm->spans[next].last < p.va)
            next++;
        for (uint64_t va = p.va, last = va - 1; last != p.last; va = last + 1) {
            last = p.last;
            if (next < mm->n_spans && va < mm->spans[next].start)
                last = EG_MIN(last, mm->spans[next].start - 1);
            else if (next < mm->n_spans)
                last = EG_MIN(last, mm->spans[next].last);
            if (next < mm->n_spans && va == mm->spans[next].start)
                break_here(t);
            take(t, va, last, pa + (va - p.va));
            if (next < mm->n_spans && last == mm->spans[next].last) {
                break_here(t);
                next++;
            }
        }
    }
    end_space(t);
}

/* The image first, then what is not the map of all memory, then that: where a page has several
 * addresses, the one that says most is taken. */
enum { IMAGE, ELSEWHERE, DIRECT, PASSES };

static void take_kernel(struct taken *t)
{
    const struct eg_system *sys = eg_system_of(t->r);
    const struct linux_state *s = linux_state(sys);
    const bool has_image = s->image_end > s->image_start;
    uint64_t delta = 0;
    const bool has_direct = linux_direct_map(t->r, &delta);

    for (int pass = has_image ? IMAGE : ELSEWHERE; pass < PASSES; pass++) {
        struct linux_page_walk w = { .space = sys->kernel,
                                     .at = sys->arch->kernel_min,
                                     .last = UINT64_MAX };
        struct linux_pages p;

        w.tables = eg_run_map(t->r);
        w.steps = &t->steps;
        if (pass == IMAGE) {
            w.at = s->image_start;
            w.last = s->image_end - 1;
        }
        // Neighbours in the map of all memory have nothing to do with each other.
        t->joins = pass != DIRECT;
        begin_space(t, (struct eg_region){ .space = sys->kernel, .pid = -1 });
        while (t->left && linux_next_pages(t->r, &w, &p))
            if (pass == IMAGE || linux_is_direct(&p, has_direct, delta) == (pass == DIRECT))
                take(t, p.va, p.last, p.pa);
            else
                break_here(t);
        end_space(t);
    }
}

static int by_address(const void *a, const void *b)
{
    const struct eg_region *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->join < y->join ? -1 : x->join > y->join;
}

int linux_regions(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out)
{
    enum { EACH = 4, TIMES = 16, FEW = 1 << 20 }; // no machine maps all of its pages so often
    struct taken *t = eg_tmp(r, sizeof *t);
    struct linux_mm *mms;
    size_t n;

    *t = (struct taken){ .r = r,
                         .out = out,
                         .around = around,
                         .joins = true,
                         .there = { .start = 1 },
                         .run = UINT64_MAX };
    t->each = linux_image_pages(r) * EACH + FEW;
    t->total = t->each * TIMES;
    t->first_join = out->list.n;
    eg_run_defer(r, free_taken, t);
    if (of_kernel) {
        n = out->list.n;
        take_kernel(t);
        if (out->list.n > n)
            qsort(out->list.at + n, out->list.n - n, sizeof *out->list.at, by_address);
    } else {
        n = linux_mms(r, true, &mms);
        for (size_t i = 0; i < n && !eg_stopped(r); i++)
            take_process(t, &mms[i]);
    }
    free_taken(t);
    return r->status;
}
