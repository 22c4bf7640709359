/* mms.c - address spaces of processes, and the pages that are mapped in one. */
#include "../../../core/run.h"
#include "../state.h"
#include "owners.h"
#include <stdlib.h>

EG_FIELDS(task_struct, tasks, pid, comm, mm);
EG_FIELDS(mm_struct, task_size);
EG_FIELDS(vm_area_struct, vm_start, vm_end);
EG_SYMBOL(init_task, "task_struct");

enum { MMS_MAX = 1 << 20 };

/* A process whose leader has ended lives on in its other threads. */
static struct eg_obj mm_of(struct eg_run *r, struct eg_obj leader)
{
    struct eg_obj mm = eg_deref(eg_at(leader, task_struct.mm)), t;

    if (mm.why != EG_NULL)
        return mm;
    linux_each_thread(r, leader, t) {
        mm = eg_deref(eg_at(t, task_struct.mm));
        if (mm.why != EG_NULL)
            break;
    }
    return mm;
}

static int by_pid(const void *a, const void *b)
{
    const struct linux_mm *x = a, *y = b;

    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return x->mm.addr < y->mm.addr ? -1 : x->mm.addr > y->mm.addr;
}

static void free_mms(void *mms)
{
    struct {
        struct linux_mm *at;
        size_t n, cap;
    } *v = mms;

    eg_vec_fini(v);
}

static uint64_t last_of(struct eg_run *r, struct eg_obj mm)
{
    const uint64_t kernel = eg_system_of(r)->arch->kernel_min;
    const uint64_t size = eg_get_or(UINT64_C(0), mm, mm_struct.task_size);

    return kernel ? EG_MIN(size - 1, kernel - 1) : size - 1;
}

size_t linux_mms(struct eg_run *r, bool given, struct linux_mm **out)
{
    struct eg_map *seen = linux_map(r);
    struct eg_obj task;
    size_t n = 0;
    struct {
        struct linux_mm *at;
        size_t n, cap;
    } *v = eg_tmp(r, sizeof *v);

    eg_run_defer(r, free_mms, v);
    linux_each_process(r, task) {
        const int64_t pid = eg_get_or((int64_t)-1, task, task_struct.pid);
        struct linux_mm m = { .pid = pid }, *new;

        if (v->n == MMS_MAX || (given && !eg_arg_match(r, "pid", pid)))
            continue;
        m.mm = mm_of(r, task);
        if (m.mm.why == EG_NULL)
            continue;
        m.space = m.mm.why ? NULL : linux_mm_space(r, m.mm);
        if (!m.space) {
            eg_note(r, "process %lld: its page tables cannot be found", (long long)pid);
            continue;
        }
        m.last = last_of(r, m.mm);
        m.comm = eg_string(r, eg_at(task, task_struct.comm), 16);
        new = eg_vec_push(v);
        if (!new) {
            eg_run_fail(r, EG_ENOMEM, "%s", "memory: none for processes");
            return 0;
        }
        *new = m;
    }
    if (v->n)
        qsort(v->at, v->n, sizeof *v->at, by_pid);
    for (size_t i = 0; i < v->n; i++)
        if (linux_map_add(r, seen, v->at[i].mm.addr, i))
            v->at[n++] = v->at[i];
    *out = v->at;
    return n;
}

void linux_mm_spans(struct eg_run *r, struct linux_mm *mm)
{
    struct linux_vma_walk w = { .mm = mm->mm };
    struct eg_obj vma;
    size_t cap = 0;

    if (mm->spans)
        return;
    for (mm->n_spans = 0; linux_next_vma(r, &w, &vma);) {
        uint64_t start, end;

        if (mm->n_spans == cap) {
            struct linux_span *more = eg_tmp(r, (cap ? 2 * cap : 64) * sizeof *more);

            if (cap)
                memcpy(more, mm->spans, cap * sizeof *more);
            mm->spans = more;
            cap = cap ? 2 * cap : 64;
        }
        if (eg_get(&start, vma, vm_area_struct.vm_start) &&
            eg_get(&end, vma, vm_area_struct.vm_end) && !((start | end) & (PAGE - 1)))
            mm->spans[mm->n_spans++] = (struct linux_span){ start, end - 1, vma.addr, NULL };
    }
    if (!mm->spans)
        mm->spans = eg_tmp(r, sizeof *mm->spans);
}

struct linux_span *linux_mm_span_at(const struct linux_mm *mm, uint64_t va)
{
    const size_t at = eg_lower_bound(mm->n_spans, i, mm->spans[i].last < va);

    return at < mm->n_spans && mm->spans[at].start <= va ? &mm->spans[at] : NULL;
}

/* Is this table one that was met elsewhere? Then @x's answer reaches to its end. */
static bool seen_before(struct eg_run *r, const struct linux_page_walk *w, struct eg_extent *x)
{
    const struct eg_view *v = eg_view_of(r);
    uint64_t first = x->start;

    if (v->walked.space != w->space || x->start < v->walked.first || x->last > v->walked.last)
        return false;
    if (linux_map_add(r, w->tables, v->walked.table, v->walked.first) ||
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
                                     .entry = x.entry_addr };
        if (x.below == eg_physical(r))
            out->pa = x.below_addr + (out->va - x.start);
        w->done = x.last >= w->last;
        w->at = x.last + 1;
        if (!again && (w->holes || out->pa != UINT64_MAX))
            return true;
    }
    w->done = true;
    return false;
}

const char *linux_span_name(struct eg_run *r, const struct linux_mm *mm, struct linux_span *s)
{
    struct eg_cell name;

    if (!s->name) {
        name = linux_vma_name(r, mm->mm, eg_object(r, vm_area_struct, s->vma));
        s->name = name.tag == EG_CELL_TEXT ? name.bytes.p : "";
    }
    return *s->name ? s->name : NULL;
}

uint64_t linux_image_pages(struct eg_run *r)
{
    uint64_t bytes = 0;
    struct eg_extent x;

    for (uint64_t at = 0; eg_next_mapped(eg_view_of(r), eg_physical(r), at, UINT64_MAX, &x);
         at = x.last + 1) {
        bytes += x.last - EG_MAX(at, x.start);
        if (x.last == UINT64_MAX)
            break;
    }
    return bytes / PAGE + 1;
}

bool linux_direct_map(struct eg_run *r, uint64_t *delta)
{
    struct eg_obj task = linux_init(r);
    uint64_t pa;

    // Tasks come from the slab allocator, whose memory has no other address: but for the first.
    if (task.why || task.addr == eg_sym(r, init_task).addr ||
        !eg_translate(eg_view_of(r), eg_kernel(r), task.addr, eg_physical(r), &pa))
        return false;
    *delta = task.addr - pa;
    return true;
}
