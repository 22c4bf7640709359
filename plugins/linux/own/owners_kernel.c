/* owners_kernel.c - what is at an address of the kernel's: its image, modules, stacks, vmalloc,
 * per-CPU memory, struct pages. */
#include "../../../core/run.h"
#include "../kernel/unwind.h"
#include "../sched/task.h"
#include "../state.h"
#include "owners.h"
#include <stdio.h>
#include <stdlib.h>

EG_SYMBOL(__per_cpu_start, "void");
EG_SYMBOL(__per_cpu_end, "void");
EG_SYMBOL(pcpu_unit_size, "int");
EG_SYMBOL(pcpu_unit_map, "int *"); // of a CPU its unit

/* ---- stacks ---- */

static int by_place(const void *a, const void *b)
{
    const struct linux_stack *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static void add_stack(struct eg_run *r, struct linux_owner_tables *t, struct eg_obj task)
{
    struct linux_stack *new;
    const char *comm;
    uint64_t at;

    if (!eg_get(&at, task, task_struct.stack))
        return;
    new = eg_vec_push(&t->stacks);
    if (!new) {
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for kernel stacks");
        return;
    }
    *new = (struct linux_stack){ .at = at,
                                 .task = task.addr,
                                 .pid = eg_get_or((int64_t)-1, task, task_struct.pid) };
    comm = eg_string(r, eg_at(task, task_struct.comm), sizeof new->comm - 1);
    if (comm)
        memcpy(new->comm, comm, strlen(comm));
}

void linux_find_stacks(struct eg_run *r, struct linux_owner_tables *t)
{
    struct eg_obj leader, task;

    linux_each_process(r, leader)
        linux_each_thread(r, leader, task)
            add_stack(r, t, task);
    if (t->stacks.n)
        qsort(t->stacks.at, t->stacks.n, sizeof *t->stacks.at, by_place);
}

/* The task whose stack lies in [@first, @last], an area of vmalloc's. */
static const struct linux_stack *stack_in(const struct linux_owners *o, uint64_t first,
                                          uint64_t last)
{
    const struct linux_owner_tables *t = o->tables;
    const size_t at = eg_lower_bound(t->stacks.n, i, t->stacks.at[i].at < first);

    return at < t->stacks.n && t->stacks.at[at].at <= last ? &t->stacks.at[at] : NULL;
}

/* ---- addresses ---- */

/* "module!symbol": until the next one. */
static const char *made_name(struct linux_owners *o, const char *of, const char *name)
{
    snprintf(o->text, sizeof o->text, "%s%s%s", of, name ? "!" : "", name ? name : "");
    return o->text;
}

static const struct linux_area *area_at(const struct linux_owners *o, uint64_t va)
{
    const size_t at = eg_lower_bound(o->n_areas, i, o->areas[i].last < va);

    return at < o->n_areas && o->areas[at].first <= va ? &o->areas[at] : NULL;
}

static bool in_module(struct linux_owners *o, uint64_t va, struct eg_owner *out)
{
    const struct eg_system *sys = eg_system_of(o->r);

    for (size_t i = 0; i < sys->module_symbols.n; i++) {
        const struct eg_symbols *s = &sys->module_symbols.at[i];

        for (unsigned k = 0; k < s->n_ranges; k++)
            if (va >= s->ranges[k].first && va <= s->ranges[k].last) {
                out->kind = "module";
                out->name = s->module;
                out->offset = va - s->ranges[k].first;
                return true;
            }
    }
    return false;
}

/* Which function's frame @va is in: frames follow each other up the stack. What is below the first
 * one is left from calls that have returned. */
static const char *frame_at(struct linux_owners *o, const struct linux_stack *stack, uint64_t va,
                            uint64_t *off)
{
    struct linux_unwind w;
    struct linux_frame f;
    struct linux_code code;
    const char *name = NULL;
    unsigned n = 0;

    if (!linux_unwind_begin(o->r, &w, eg_object(o->r, task_struct, stack->task)))
        return NULL;
    for (; linux_unwind_next(&w, &f) && n < LINUX_FRAMES_MAX; n++) {
        if (strcmp(f.stack ? f.stack : "", "task") || !f.sp)
            continue;
        if (f.sp > va)
            return name ? name : "below the frames: unused";
        *off = va - f.sp;
        if (!linux_code_at(o->r, f.pc, f.exact, &code))
            code.name = "?";
        snprintf(o->text, sizeof o->text, "frame %u: %s", n, code.name);
        name = o->text;
    }
    return name;
}

/* Per-CPU memory beyond what was set up at boot: a unit for each CPU (mm/percpu-vm.c). */
static void in_chunk(struct linux_owners *o, const struct linux_area *area, uint64_t va,
                     struct eg_owner *out)
{
    struct eg_obj map = eg_sym(o->r, pcpu_unit_map);
    uint64_t unit, cpu;
    int32_t size, of;

    if (!eg_load(&size, eg_sym(o->r, pcpu_unit_size)) || size <= 0)
        return;
    unit = cpu = (va - area->first) / (uint32_t)size;
    for (uint64_t i = 0; i < linux_state(eg_system_of(o->r))->n_cpus; i++)
        if (eg_load(&of, eg_index(map, i)) && of >= 0 && (uint64_t)of == unit)
            cpu = i;
    out->kind = "per-CPU";
    out->offset = (va - area->first) % (uint32_t)size;
    snprintf(o->text, sizeof o->text, "cpu%llu", (unsigned long long)cpu);
    out->name = o->text;
}

static void in_area(struct linux_owners *o, const struct linux_area *area, uint64_t va,
                    struct eg_owner *out)
{
    const struct linux_stack *stack = stack_in(o, area->first, area->last);
    const char *name, *module;
    uint64_t caller, off;

    out->kind = "vmalloc";
    out->offset = va - area->first;
    if (stack) {
        out->kind = "kernel stack";
        out->pid = stack->pid;
        out->comm = stack->comm;
        out->name = frame_at(o, stack, va, &out->offset);
    } else if (eg_get(&caller, eg_object(o->r, vm_struct, area->vm), vm_struct.caller) && caller &&
               eg_system_symbol_at(eg_system_of(o->r), caller, &name, &off, &module)) {
        out->name = name;
        if (!strncmp(name, "pcpu_get_vm_areas", 17))
            in_chunk(o, area, va, out);
    }
}

bool linux_kernel_owner(struct linux_owners *o, uint64_t va, struct eg_owner *out)
{
    struct eg_system *sys = eg_system_of(o->r);
    const struct linux_state *s = linux_state(sys);
    const bool in_image = va >= s->image_start && va < s->image_end;
    const struct linux_memmap *m = o->memmap;
    const struct linux_area *area = area_at(o, va);
    const char *name, *module;
    uint64_t off;

    *out = (struct eg_owner){ .kind = "kernel mapping", .pid = -1, .addr = va };
    if (eg_system_symbol_at(sys, va, &name, &off, &module) &&
        (module || in_image || s->image_end <= s->image_start)) {
        out->kind = module ? "module" : "kernel";
        out->name = module ? made_name(o, module, name) : name;
        out->offset = off;
    } else if (in_image) {
        out->kind = "kernel";
        out->offset = va - s->image_start;
    } else if (in_module(o, va, out)) {
    } else if (area) {
        in_area(o, area, va, out);
    } else if (m->found && va >= m->base &&
               (va - m->base) / m->size <= eg_physical(o->r)->last >> m->shift) {
        out->kind = "struct page";
        out->offset = (va - m->base) % m->size;
    } else {
        return false;
    }
    return true;
}

/* ---- per-CPU memory ---- */

/* Symbols of per-CPU variables are offsets, or since 6.15 addresses in the image. */
static const char *variable_at(const struct eg_system *sys, uint64_t at, uint64_t *off)
{
    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *s = &sys->symbols.at[i];
        const struct eg_symbol *sym = eg_profile_symbol_at(s->profile, at - s->shift);

        if (sym) {
            *off = at - s->shift - sym->addr;
            return s->profile->strings + sym->name;
        }
    }
    return NULL;
}

bool linux_percpu_owner(struct linux_owners *o, uint64_t va, struct eg_owner *out)
{
    const struct eg_system *sys = eg_system_of(o->r);
    const struct linux_state *s = linux_state(sys);
    struct eg_obj start = eg_sym(o->r, __per_cpu_start), end = eg_sym(o->r, __per_cpu_end);
    uint32_t unit;

    if (!s->percpu_offset || !eg_load(&unit, eg_sym(o->r, pcpu_unit_size)))
        return false;
    for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
        // Without the symbol it is 0, or the offset is none that fits.
        const uint64_t at = va - s->percpu_offset[cpu], first = start.why ? 0 : start.addr;
        const char *name = NULL;
        char number[16];

        if (at < first || at - first >= unit)
            continue;
        *out = (struct eg_owner){ .kind = "per-CPU", .pid = -1, .addr = va, .offset = at - first };
        if (!end.why && at < end.addr)
            name = variable_at(sys, at, &out->offset);
        snprintf(number, sizeof number, "cpu%u", cpu);
        out->name = made_name(o, number, name);
        return true;
    }
    return false;
}
