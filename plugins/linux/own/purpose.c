/* purpose.c - what an area of vmalloc is for: by what lies in it (kernel stacks, modules, BPF
 * programs), by the device it maps, or by the function that asked for it. */
#include "purpose.h"
#include "../../../core/run.h"
#include "../kernel/iomem.h"
#include "../kernel/module.h"
#include "../kernel/percpu.h"
#include "../sched/rq.h"
#include "../sched/task.h"
#include <stdlib.h>

EG_FIELD_AS(part_base, module_memory, "base");
EG_FIELD_AS(init_base, module, "init_layout.base");
EG_FIELDS(bpf_prog, aux);
EG_FIELDS(bpf_prog_aux, prog, name, id);

enum { VM_IOREMAP = 1, AREAS_MODULES_MAX = 1 << 16 };

struct stack {
    uint64_t at;
    struct eg_obj task;
};
struct part { // of a module
    uint64_t base;
    const char *module, *what;
};
struct linux_purposes {
    struct eg_run *r;
    EG_VEC(struct stack) stacks;
    EG_VEC(struct part) parts;
    struct eg_obj *resources; // by the walk's order
    size_t n_resources;
};

static void forget(void *purposes)
{
    struct linux_purposes *p = purposes;

    eg_vec_fini(&p->stacks);
    eg_vec_fini(&p->parts);
}

static int by_stack(const void *a, const void *b)
{
    const struct stack *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_base(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

static void starved(struct linux_purposes *p)
{
    eg_run_fail(p->r, EG_ENOMEM, "%s", "out of memory for what areas of vmalloc are for");
}

static bool add_stack(struct linux_purposes *p, struct eg_obj task)
{
    struct stack *new;
    uint64_t at;

    if (!eg_get(&at, task, task_struct.stack) || !at)
        return true;
    new = eg_vec_push(&p->stacks);
    if (new)
        *new = (struct stack){ at, task };
    else
        starved(p);
    return new != NULL;
}

/* Those of the list, and the idle tasks, which are on none. */
static void find_stacks(struct linux_purposes *p)
{
    struct eg_obj leader, task, queue;

    linux_each_process(p->r, leader)
        linux_each_thread(p->r, leader, task)
            if (!add_stack(p, task))
                return;
    linux_each_percpu(p->r, eg_sym(p->r, runqueues), queue)
        add_stack(p, eg_deref(eg_at(queue, rq.idle)));
    if (p->stacks.n)
        qsort(p->stacks.at, p->stacks.n, sizeof *p->stacks.at, by_stack);
}

static void add_part(struct linux_purposes *p, struct eg_obj base, const char *module,
                     const char *what)
{
    struct part *new;
    uint64_t at;

    if (!eg_load(&at, base) || !at || p->parts.n == AREAS_MODULES_MAX)
        return;
    new = eg_vec_push(&p->parts);
    if (new)
        *new = (struct part){ at, module, what };
    else
        starved(p);
}

/* enum mod_mem_type, include/linux/module.h, since 6.4. */
static void find_modules(struct linux_purposes *p)
{
    static const char *const types[] = { "code",      "data",      "constants", "constants",
                                         "init code", "init data", "init data" };
    struct eg_obj m;

    if (!eg_has(p->r, module.list) || !eg_has(p->r, module.name))
        return;
    linux_each_module(p->r, m) {
        const char *name = eg_string(p->r, eg_at(m, module.name), 64);
        struct eg_obj mem = eg_at(m, module.mem);

        for (uint64_t i = 0; i < eg_count(mem) && i < countof(types); i++)
            add_part(p, eg_at(eg_index(mem, i), part_base), name, types[i]);
        if (!eg_has(p->r, module.mem)) {
            add_part(p, eg_at(m, core_base), name, "code and data");
            add_part(p, eg_at(m, init_base), name, "init code");
        }
    }
    if (p->parts.n)
        qsort(p->parts.at, p->parts.n, sizeof *p->parts.at, by_base);
}

static void find_resources(struct linux_purposes *p)
{
    enum { MOST = 1 << 14 };
    struct linux_resource_walk w = { 0 };
    struct eg_obj o;

    if (!eg_has_symbol(p->r, iomem_resource) || !eg_has(p->r, resource.child))
        return;
    p->resources = eg_tmp(p->r, MOST * sizeof *p->resources);
    while (p->n_resources < MOST && linux_next_resource(p->r, &w, &o))
        p->resources[p->n_resources++] = o;
}

struct linux_purposes *linux_purposes(struct eg_run *r)
{
    struct linux_purposes *p = eg_tmp(r, sizeof *p);

    p->r = r;
    eg_run_defer(r, forget, p);
    find_stacks(p);
    find_modules(p);
    find_resources(p);
    return p;
}

/* ---- one area ---- */

/* Since 6.14 the code of several modules may lie in one area (mm/execmem.c). */
static bool of_modules(struct linux_purposes *p, const struct linux_area *area,
                       struct linux_purpose *out)
{
    size_t first = eg_lower_bound(p->parts.n, i, p->parts.at[i].base < area->first), n = 0;

    for (size_t i = first; i < p->parts.n && p->parts.at[i].base <= area->last; i++)
        n++;
    if (!n)
        return false;
    out->module = p->parts.at[first].module;
    out->text = n == 1 ? eg_strf(p->r, "module: %s", p->parts.at[first].what)
                       : eg_strf(p->r, "modules: code of %zu", n);
    if (n > 1)
        out->module = NULL;
    return true;
}

/* struct bpf_prog is the beginning of its area, and its aux points back (include/linux/bpf.h). */
static bool of_program(struct linux_purposes *p, uint64_t first, struct linux_purpose *out)
{
    struct eg_obj prog = eg_object(p->r, bpf_prog, first), aux = eg_at(prog, bpf_prog.aux);
    const char *name;
    uint64_t back;
    uint32_t id;

    if (!eg_get(&back, aux, bpf_prog_aux.prog) || back != first)
        return false;
    name = eg_string(p->r, eg_at(aux, bpf_prog_aux.name), 32);
    id = eg_get_or(0u, aux, bpf_prog_aux.id); // 0: the kernel's own, of a socket filter
    out->text = eg_strf(p->r, id ? "BPF program %u%s%s" : "BPF program", id,
                        name && *name ? ": " : "", name ? name : "");
    return true;
}

/* The smallest range of the map of physical addresses that holds it. */
static bool of_device(struct linux_purposes *p, uint64_t pa, struct linux_purpose *out)
{
    uint64_t least = UINT64_MAX, start, end;
    const char *name = NULL;

    for (size_t i = 0; i < p->n_resources; i++) {
        struct eg_obj o = p->resources[i];

        if (eg_get(&start, o, resource.start) && eg_get(&end, o, resource.end) && pa >= start &&
            pa <= end && end - start <= least) {
            least = end - start;
            name = eg_string(p->r, eg_at(o, resource.name), 80);
        }
    }
    if (name)
        out->text = eg_strf(p->r, "device memory: %s", name);
    return name != NULL;
}

/* What functions ask for; beginnings of names, for compilers append ".part.0" and the like. */
static const struct {
    const char *function, *what;
} callers[] = {
    { "kernel_clone", "kernel stack" },
    { "_do_fork", "kernel stack" },
    { "copy_process", "kernel stack" },
    { "dup_task_struct", "kernel stack" },
    { "create_io_thread", "kernel stack" },
    { "fork_idle", "kernel stack" },
    { "irq_init_percpu_irqstack", "stack for interrupts" },
    { "init_irq_stacks", "stack for interrupts" },
    { "pcpu_", "per-CPU memory" },
    { "load_module", "module" },
    { "module_alloc", "module" },
    { "move_module", "module" },
    { "bpf_prog_pack_alloc", "code of BPF programs" },
    { "bpf_jit_binary", "code of a BPF program" },
    { "bpf_jit_alloc_exec", "code of a BPF trampoline" },
    { "bpf_dispatcher", "BPF dispatcher" },
    { "bpf_prog_alloc", "BPF program" },
    { "ringbuf_map_alloc", "BPF ring buffer" },
    { "bpf_map_area_alloc", "BPF map" },
    { "arch_ftrace_update_trampoline", "ftrace trampoline" },
    { "create_trampoline", "ftrace trampoline" },
    { "execmem_alloc", "code" },
    { "__do_sys_swapon", "map of swap slots" },
    { "swap_cgroup_swapon", "groups of swap slots" },
    { "disksize_store", "table of a zram device" },
    { "zcomp_", "work memory of a compressor" },
    { "lz4_", "work memory of a compressor" },
    { "lzo_", "work memory of a compressor" },
    { "zstd_", "work memory of a compressor" },
    { "dm_table_create", "table of a mapped device" },
    { "gen_pool_add", "bitmap of a pool" },
    { "n_tty_open", "line buffer of a terminal" },
    { "alloc_large_system_hash", "hash table" },
    { "xt_alloc_table_info", "table of iptables" },
    { "rethook_alloc", "return probe" },
    { "acpi_os_map", "ACPI table" },
};

void linux_purpose_of(struct linux_purposes *p, const struct linux_area *area,
                      struct linux_purpose *out)
{
    struct eg_obj vm = eg_object(p->r, vm_struct, area->vm);
    const size_t at = eg_lower_bound(p->stacks.n, i, p->stacks.at[i].at < area->first);
    const char *name, *module = NULL;
    uint64_t caller, off, pa;

    *out = (struct linux_purpose){ .task = LINUX_NOBODY };
    if (area->unpurged || !area->vm)
        return;
    if (at < p->stacks.n && p->stacks.at[at].at <= area->last) {
        out->task = p->stacks.at[at].task;
        out->text = "kernel stack";
        return;
    }
    if (of_modules(p, area, out) || of_program(p, area->first, out))
        return;
    if (!eg_get(&caller, vm, vm_struct.caller) || !caller ||
        !eg_system_symbol_at(eg_system_of(p->r), caller, &name, &off, &module))
        name = "";
    out->module = module;
    if (eg_get_or(UINT64_C(0), vm, vm_struct.flags) & VM_IOREMAP &&
        eg_get(&pa, vm, vm_struct.phys_addr) && of_device(p, pa, out))
        return;
    for (size_t i = 0; i < countof(callers) && !out->text; i++)
        if (!strncmp(name, callers[i].function, strlen(callers[i].function)))
            out->text = callers[i].what;
    if (out->text && !strcmp(out->text, "kernel stack"))
        out->text = "kernel stack of no listed thread"; // kept for the next one, as a rule
}
