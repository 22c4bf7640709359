/* mms.c - the address spaces of processes, and their mappings. */
#include "mms.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../mm/mm.h"
#include "../mm/vma.h"
#include "../sched/task.h"
#include <stdlib.h>

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
    return x->mm < y->mm ? -1 : x->mm > y->mm;
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
    struct eg_map *seen = eg_run_map(r);
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
        struct eg_obj mm;

        if (given && !eg_arg_match(r, "pid", pid))
            continue;
        if (v->n == LINUX_MMS_MAX) {
            eg_note(r, "more than %d processes: the memory of the others is left out",
                    LINUX_MMS_MAX);
            break;
        }
        mm = mm_of(r, task);
        if (mm.why == EG_NULL)
            continue;
        m.space = mm.why ? NULL : linux_mm_space(r, mm);
        if (!m.space) {
            eg_note(r, "process %lld: its page tables cannot be found", (long long)pid);
            continue;
        }
        m.mm = mm.addr;
        m.last = last_of(r, mm);
        m.comm = eg_string(r, eg_at(task, task_struct.comm), 16);
        new = eg_vec_push(v);
        if (!new) {
            eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for processes");
            return 0;
        }
        *new = m;
    }
    if (v->n)
        qsort(v->at, v->n, sizeof *v->at, by_pid);
    for (size_t i = 0; i < v->n; i++)
        if (eg_run_map_add(r, seen, v->at[i].mm, i))
            v->at[n++] = v->at[i];
    *out = v->at;
    return n;
}

void linux_mm_spans(struct eg_run *r, struct linux_mm *mm)
{
    struct linux_vma_walk w = { .mm = eg_object(r, mm_struct, mm->mm) };
    struct eg_obj vma;
    size_t cap = 0;

    if (mm->spans)
        return;
    for (mm->n_spans = 0; linux_next_vma(r, &w, &vma);) {
        uint64_t start, end;

        mm->spans = eg_grow(r, mm->spans, mm->n_spans, &cap, sizeof *mm->spans);
        if (eg_get(&start, vma, vm_area_struct.vm_start) &&
            eg_get(&end, vma, vm_area_struct.vm_end) && !((start | end) & (EG_VIEW_PAGE - 1)))
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

const char *linux_span_name(struct eg_run *r, const struct linux_mm *mm, struct linux_span *s)
{
    struct eg_cell name;

    if (!s->name) {
        name = linux_vma_name(r, eg_object(r, mm_struct, mm->mm),
                              eg_object(r, vm_area_struct, s->vma));
        s->name = name.tag == EG_CELL_TEXT ? name.bytes.p : "";
    }
    return *s->name ? s->name : NULL;
}
