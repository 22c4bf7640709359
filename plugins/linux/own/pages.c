/* pages.c - walking page tables that may be damaged, shared, or in circles. */
#include "pages.h"
#include "../../../core/run.h"
#include "../mm/swap.h"
#include "../sched/task.h"

/* Is this table one that was met elsewhere? Then @x's answer reaches to its end. */
static bool seen_before(struct eg_run *r, const struct linux_page_walk *w, struct eg_extent *x)
{
    const struct eg_view *v = eg_view_of(r);
    uint64_t first = x->start;

    // Of a process it is the space below that walks (mm/swap.h).
    if ((v->walked.space != w->space && v->walked.space != w->space->below) ||
        x->start < v->walked.first || x->last > v->walked.last)
        return false;
    if (eg_run_map_add(r, w->tables, v->walked.table, v->walked.first) ||
        !eg_map_get(w->tables, v->walked.table, &first) || first == v->walked.first)
        return false;
    x->last = v->walked.last;
    return true;
}

bool linux_next_pages(struct eg_run *r, struct linux_page_walk *w, struct linux_pages *out)
{
    enum { OWN_MAX = 1 << 24, STEPS_MAX = 1 << 26 };
    struct eg_extent x;

    while (!w->done && w->at <= w->last && !eg_stopped(r)) {
        bool again;

        if (w->holes)
            eg_extent_at(eg_view_of(r), w->space, w->at, &x);
        else if (!eg_next_mapped(eg_view_of(r), w->space, w->at, w->last, &x))
            break;
        if (++w->own > OWN_MAX || ++*w->steps > STEPS_MAX) {
            eg_note(r, "page tables that go on and on: left at %#llx", (unsigned long long)x.start);
            break;
        }
        again = w->tables && seen_before(r, w, &x);
        *out = (struct linux_pages){ .va = EG_MAX(x.start, w->at),
                                     .last = EG_MIN(x.last, w->last),
                                     .pa = UINT64_MAX,
                                     .key = UINT64_MAX,
                                     .entry = x.entry_addr };
        if (x.below == eg_physical(r))
            out->pa = x.below_addr + (out->va - x.start);
        else if (w->swapped && !x.zero && linux_swap_key(w->space, &x, &out->key))
            out->key += out->va - x.start;
        w->done = x.last >= w->last;
        w->at = x.last + 1;
        if (!again && (w->holes || out->pa != UINT64_MAX || out->key != UINT64_MAX))
            return true;
    }
    w->done = true;
    return false;
}

uint64_t linux_image_pages(struct eg_run *r)
{
    return eg_mapped_bytes(eg_view_of(r), eg_physical(r)) / PAGE + 1;
}

bool linux_direct_map(struct eg_run *r, uint64_t *delta)
{
    struct eg_obj task = linux_init(r);
    uint64_t pa;

    // Tasks come from the slab allocator, whose memory has no other address: but for the first.
    if (eg_get_or(0, task, task_struct.pid) != 1 ||
        !eg_translate(eg_view_of(r), eg_kernel(r), task.addr, eg_physical(r), &pa))
        return false;
    *delta = task.addr - pa;
    return true;
}
