/* unwind_tables.c - the unwind data of a kernel: found once, and kept by the system. */
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../state.h"
#include "module.h"
#include "orc.h"
#include "unwind.h"
#include <stdlib.h>

EG_FIELDS(orc_entry, end, signal);
EG_FIELD_AS(module_text_size, module, "core_layout.text_size"); // until 6.3
EG_FIELD_AS(module_memory_size, module_memory, "size");         // since 6.4; the first is the code
EG_FIELD_AS(module_num_orcs, module, "arch.num_orcs");
EG_FIELD_AS(module_orc_ip, module, "arch.orc_unwind_ip");
EG_FIELD_AS(module_orc, module, "arch.orc_unwind");
EG_SYMBOL(__start_orc_unwind_ip, "u8");
EG_SYMBOL(__stop_orc_unwind_ip, "u8");
EG_SYMBOL(__start_orc_unwind, "u8");
EG_SYMBOL(__stop_orc_unwind, "u8");
EG_SYMBOL(ftrace_caller, "u8");
EG_SYMBOL(ftrace_regs_caller, "u8");
EG_SYMBOL(ftrace_ops_trampoline_list, "list_head");
EG_FIELD_AS(ops_flags, ftrace_ops, "flags");
EG_FIELD_AS(ops_list, ftrace_ops, "list");
EG_FIELD_AS(ops_trampoline, ftrace_ops, "trampoline");
EG_SYMBOL(bpf_kallsyms, "list_head");
EG_FIELD_AS(bpf_first, bpf_ksym, "start");
EG_FIELD_AS(bpf_end, bpf_ksym, "end");
EG_FIELD_AS(bpf_name, bpf_ksym, "name");
EG_FIELD_AS(bpf_node, bpf_ksym, "lnode");
EG_FIELD_AS(ops_trampoline_size, ftrace_ops, "trampoline_size");
/* Trampolines that a tracer puts in the place of a return address, and the addresses that were
 * there: of the function graph tracer (kernel/trace/fgraph.c) and of kretprobes and fprobes, which
 * had lists of their own before rethooks (5.18; kernel/trace/rethook.c). */
EG_SYMBOL_AS(graph_trampoline, "return_to_handler", "u8");
EG_SYMBOL_AS(rethook_trampoline, "arch_rethook_trampoline", "u8");
EG_SYMBOL_AS(kretprobe_trampoline, "__kretprobe_trampoline|kretprobe_trampoline", "u8");
EG_FIELD_AS(task_ret_stack, task_struct, "ret_stack");
EG_FIELDS(ftrace_ret_stack, ret, func, retp);
EG_FIELD_AS(task_rethooks, task_struct, "rethooks.first");
EG_FIELDS(rethook_node, llist, ret_addr, frame);
EG_FIELD_AS(task_kretprobes, task_struct, "kretprobe_instances.first");
EG_FIELDS(kretprobe_instance, llist, ret_addr, fp);
EG_FIELD_AS(llist_next, llist_node, "next");
/* Stacks that a CPU has for itself. */
EG_SYMBOL(hardirq_stack_ptr, "void *");
EG_SYMBOL(pcpu_hot, "pcpu_hot"); // 6.2 to 6.14
EG_FIELD_AS(hot_irq_stack, pcpu_hot, "hardirq_stack_ptr");
EG_FIELD_AS(irq_stack_bytes, irq_stack, "stack");
EG_SYMBOL_AS(exception_stacks, "cea_exception_stacks", "cea_exception_stacks *");
EG_FIELDS(cea_exception_stacks, DF_stack, NMI_stack, DB_stack, MCE_stack, VC_stack, VC2_stack);
EG_FIELDS(cpu_entry_area, entry_stack_page, estacks);
EG_SYMBOL(irq_stack_ptr, "void *"); // arm64, riscv
EG_SYMBOL(overflow_stack, NULL);

enum {
    MODULES_MAX = 4096,
    MADE_MAX = 1 << 16,
    ENTRIES_MAX = 1 << 24,
    SAMPLE = 4096, // entries that tell how registers are numbered
};

struct linux_unwind_tables {
    struct linux_orc_format format;
    bool has_orc, lacks_orc; // the kernel was built with it, and it is not there
    struct linux_orc_table kernel;
    EG_VEC(struct linux_orc_table) modules; // by address
    EG_VEC(struct linux_made_code) made;    // by address
    bool no_room;
};

/* ---- finding ---- */

/* A table's n-th place: each word counts from where it stands. */
static bool place(struct eg_run *r, const struct linux_orc_table *t, uint64_t i, uint64_t *out)
{
    uint32_t word;

    if (!eg_read_u32(eg_view_of(r), eg_kernel(r), t->ip + 4 * i, false, &word))
        return false;
    *out = t->ip + 4 * i + (uint64_t)(int32_t)word;
    return true;
}

static bool by_symbols(struct eg_run *r, uint64_t *ip, uint64_t *entries, uint64_t *n)
{
    if (!eg_has_symbol(r, __start_orc_unwind_ip) || !eg_has_symbol(r, __stop_orc_unwind_ip) ||
        !eg_has_symbol(r, __start_orc_unwind) || !eg_has_symbol(r, __stop_orc_unwind))
        return false;
    *ip = eg_sym(r, __start_orc_unwind_ip).addr;
    *entries = eg_sym(r, __start_orc_unwind).addr;
    *n = (eg_sym(r, __stop_orc_unwind_ip).addr - *ip) / 4;
    // A damaged symbol table's bounds do not fit each other.
    if (!*n || *n > ENTRIES_MAX ||
        *n * LINUX_ORC_SIZE > eg_sym(r, __stop_orc_unwind).addr - *entries)
        *n = 0;
    return true;
}

static void find_kernel(struct eg_run *r, struct linux_unwind_tables *t)
{
    uint64_t ip, entries, n, some;
    uint8_t *sample;

    if (!eg_has_type(r, orc_entry)) // built with frame pointers
        return;
    t->lacks_orc = true;
    if (!by_symbols(r, &ip, &entries, &n) && !linux_unwind_find_orc(r, &ip, &entries, &n)) {
        eg_note(r, "the kernel's ORC tables are not found: no symbol names them");
        return;
    }
    if (!n || eg_size(r, orc_entry) != LINUX_ORC_SIZE) {
        eg_note(r, "the kernel's ORC tables are damaged, or of a form that is not known");
        return;
    }
    t->kernel = (struct linux_orc_table){ .ip = ip, .entries = entries, .n = (uint32_t)n };
    if (!place(r, &t->kernel, 0, &t->kernel.first) ||
        !place(r, &t->kernel, n - 1, &t->kernel.last) || t->kernel.last < t->kernel.first) {
        eg_note(r, "the kernel's ORC tables cannot be read");
        return;
    }
    t->format.has_end = eg_has(r, orc_entry.end);
    t->format.has_signal = eg_has(r, orc_entry.signal);
    some = n < SAMPLE ? n : SAMPLE;
    sample = eg_tmp(r, some * LINUX_ORC_SIZE);
    // Holes are zeros, which count for neither numbering.
    eg_read_some(eg_view_of(r), eg_kernel(r), entries + (n - some) / 2 * LINUX_ORC_SIZE, sample,
                 some * LINUX_ORC_SIZE, NULL);
    t->format.renumbered = linux_orc_renumbered(sample, some);
    t->has_orc = true;
    t->lacks_orc = false;
}

static int by_first(const void *a, const void *b)
{
    const struct linux_orc_table *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Where its code is, without what was dropped when it had started. */
static bool module_text(struct eg_run *r, struct eg_obj m, uint64_t *first, uint64_t *size)
{
    const struct eg_cell base = linux_module_base(r, m);
    uint32_t bytes;

    if (base.tag != EG_CELL_OBJ || !eg_load(first, base.obj))
        return false;
    if (eg_has(r, module.mem)
            ? !eg_get(&bytes, eg_index(eg_at(m, module.mem), 0), module_memory_size)
            : !eg_get(&bytes, m, module_text_size))
        return false;
    *size = bytes;
    return bytes != 0;
}

static void find_modules(struct eg_run *r, struct linux_unwind_tables *t)
{
    struct eg_obj m;

    linux_each_module(r, m) {
        struct linux_orc_table new = { 0 }, *kept;
        uint64_t size;

        if (!module_text(r, m, &new.first, &size) || !eg_add(new.first, size - 1, &new.last) ||
            !eg_get(&new.n, m, module_num_orcs) || !new.n || new.n > ENTRIES_MAX ||
            !eg_get(&new.ip, m, module_orc_ip) || !eg_get(&new.entries, m, module_orc) ||
            t->modules.n == MODULES_MAX)
            continue;
        kept = eg_vec_push(&t->modules);
        if (!kept) {
            t->no_room = true;
            return;
        }
        *kept = new;
    }
    if (t->modules.n)
        qsort(t->modules.at, t->modules.n, sizeof *t->modules.at, by_first);
}

static int by_place(const void *a, const void *b)
{
    const struct linux_made_code *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static void add_made(struct linux_unwind_tables *t, const struct linux_made_code *new)
{
    struct linux_made_code *kept;

    if (t->made.n == MADE_MAX || new->last < new->first)
        return;
    kept = eg_vec_push(&t->made);
    if (kept)
        *kept = *new;
    else
        t->no_room = true;
}

static void find_made(struct eg_run *r, struct linux_unwind_tables *t)
{
    enum { SAVE_REGS = 4 }; // FTRACE_OPS_FL_SAVE_REGS (include/linux/ftrace.h)
    struct eg_obj o;
    uint64_t end, size;

    if (eg_has_symbol(r, bpf_kallsyms))
        eg_each_list(o, eg_sym(r, bpf_kallsyms), bpf_node) {
            struct linux_made_code new = { .bpf = true };

            if (!eg_get(&new.first, o, bpf_first) || !eg_get(&end, o, bpf_end) || !end)
                continue;
            new.last = end - 1;
            eg_read_some(o.view, o.space, eg_at(o, bpf_name).addr, new.name, sizeof new.name - 1,
                         NULL);
            add_made(t, &new);
        }
    if (eg_has_symbol(r, ftrace_ops_trampoline_list))
        eg_each_list(o, eg_sym(r, ftrace_ops_trampoline_list), ops_list) {
            struct linux_made_code new = { .name = "ftrace_trampoline" };

            if (!eg_get(&new.first, o, ops_trampoline) || !eg_get(&size, o, ops_trampoline_size) ||
                !size || !eg_add(new.first, size - 1, &new.last))
                continue;
            new.like = eg_get_or((uint64_t)0, o, ops_flags) & SAVE_REGS
                           ? eg_sym(r, ftrace_regs_caller).addr
                           : eg_sym(r, ftrace_caller).addr;
            add_made(t, &new);
        }
    if (t->made.n)
        qsort(t->made.at, t->made.n, sizeof *t->made.at, by_place);
}

static bool find(struct eg_system *sys, struct eg_run *r, void *kept)
{
    enum { X86 = 62 };
    struct linux_unwind_tables *t = kept;

    if (sys->arch->elf_machine == X86)
        find_kernel(r, t);
    if (t->has_orc && eg_has(r, module.list))
        find_modules(r, t);
    find_made(r, t);
    if (t->no_room)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for unwind tables");
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct linux_unwind_tables *t = kept;

    eg_vec_fini(&t->modules);
    eg_vec_fini(&t->made);
}

static const struct eg_cache tables = { .size = sizeof(struct linux_unwind_tables),
                                        .make = find,
                                        .fini = forget };

const struct linux_unwind_tables *linux_unwind_tables(struct eg_run *r)
{
    return eg_system_cache(eg_system_of(r), r, &tables);
}

bool linux_unwind_has_orc(const struct linux_unwind_tables *t)
{
    return t->has_orc;
}

bool linux_unwind_table(const struct linux_unwind_tables *t, size_t i, struct linux_orc_table *out,
                        struct linux_orc_format *format)
{
    if (!t->has_orc || i > t->modules.n)
        return false;
    *out = i ? t->modules.at[i - 1] : t->kernel;
    *format = t->format;
    return true;
}

bool linux_unwind_lacks_orc(const struct linux_unwind_tables *t)
{
    return t->lacks_orc;
}

/* ---- looking up ---- */

/* The last entry at or below @pc. Of several for one place the last counts: those before it only
 * end a section. */
static bool entry_in(struct eg_run *r, const struct linux_orc_table *t,
                     const struct linux_orc_format *f, uint64_t pc, struct linux_orc *out)
{
    uint64_t from = 0, to = t->n, at;
    uint8_t entry[LINUX_ORC_SIZE];

    while (from < to) {
        const uint64_t i = from + (to - from) / 2;

        if (!place(r, t, i, &at))
            return false;
        if (at <= pc)
            from = i + 1;
        else
            to = i;
    }
    return from && place(r, t, from - 1, &at) && at <= pc &&
           eg_read(eg_view_of(r), eg_kernel(r), t->entries + (from - 1) * LINUX_ORC_SIZE, entry,
                   sizeof entry) &&
           linux_orc_decode(f, entry, out);
}

bool linux_unwind_orc(struct eg_run *r, const struct linux_unwind_tables *t, uint64_t pc,
                      struct linux_orc *out)
{
    size_t i;

    if (!t->has_orc)
        return false;
    if (pc >= t->kernel.first && pc <= t->kernel.last)
        return entry_in(r, &t->kernel, &t->format, pc, out);
    i = eg_lower_bound(t->modules.n, k, t->modules.at[k].last < pc);
    return i < t->modules.n && pc >= t->modules.at[i].first &&
           entry_in(r, &t->modules.at[i], &t->format, pc, out);
}

const struct linux_made_code *linux_unwind_made(const struct linux_unwind_tables *t, uint64_t pc)
{
    const size_t i = eg_lower_bound(t->made.n, k, t->made.at[k].last < pc);

    return i < t->made.n && pc >= t->made.at[i].first ? &t->made.at[i] : NULL;
}

/* ---- addresses that tracers keep ---- */

/* The stack of the graph tracer: in each release another kind of list of struct ftrace_ret_stack
 * in it, but each has the place on the stack that it changed. The later one counts. */
static uint64_t graph_address(struct eg_run *r, struct eg_obj task, uint64_t at)
{
    enum { BYTES = 4096 }; // SHADOW_STACK_SIZE; before 6.11 an array of about that size
    const uint64_t ret = eg_offset(r, ftrace_ret_stack.ret);
    const uint64_t retp = eg_offset(r, ftrace_ret_stack.retp);
    uint64_t base, word, found = 0;

    if (!eg_has(r, ftrace_ret_stack.retp) || !eg_get(&base, task, task_ret_stack) || !base)
        return 0;
    for (uint64_t i = retp; i + 8 <= BYTES; i += 8)
        if (eg_read_u64(eg_view_of(r), eg_kernel(r), base + i, false, &word) && word == at &&
            eg_read_u64(eg_view_of(r), eg_kernel(r), base + i - retp + ret, false, &word))
            found = word;
    return found;
}

static uint64_t listed(struct eg_run *r, struct eg_obj node, struct eg_field *link,
                       struct eg_field *frame, struct eg_field *address, uint64_t at, uint64_t fp)
{
    enum { NODES_MAX = 1024 };
    const struct eg_slot *l = eg_slot(r, link->id), *f = eg_slot(r, frame->id);
    const struct eg_slot *a = eg_slot(r, address->id);
    struct eg_view *v = eg_view_of(r);
    uint64_t here, word;

    if (!l->kind || !f->kind || !a->kind || !eg_load(&here, node))
        return 0;
    for (unsigned n = 0; here && n < NODES_MAX; n++) {
        if (!eg_read_u64(v, eg_kernel(r), here - l->off + f->off, false, &word))
            return 0;
        if (word == at || word == fp)
            return eg_read_u64(v, eg_kernel(r), here - l->off + a->off, false, &word) ? word : 0;
        if (!eg_read_u64(v, eg_kernel(r), here, false, &here))
            return 0;
    }
    return 0;
}

bool linux_unwind_traced(struct eg_run *r, struct eg_obj task, uint64_t at, uint64_t fp,
                         uint64_t *pc)
{
    if (eg_has_symbol(r, graph_trampoline) && *pc == eg_sym(r, graph_trampoline).addr)
        *pc = graph_address(r, task, at);
    else if (eg_has_symbol(r, rethook_trampoline) && *pc == eg_sym(r, rethook_trampoline).addr)
        *pc = listed(r, eg_at(task, task_rethooks), &eg_f_rethook_node.llist,
                     &eg_f_rethook_node.frame, &eg_f_rethook_node.ret_addr, at, fp);
    else if (eg_has_symbol(r, kretprobe_trampoline) && *pc == eg_sym(r, kretprobe_trampoline).addr)
        *pc = listed(r, eg_at(task, task_kretprobes), &eg_f_kretprobe_instance.llist,
                     &eg_f_kretprobe_instance.fp, &eg_f_kretprobe_instance.ret_addr, at, fp);
    else
        return false;
    return true;
}

/* ---- stacks of CPUs ---- */

static struct eg_obj of_cpu(struct eg_run *r, struct eg_obj variable, int cpu)
{
    const struct linux_state *s = linux_state(eg_system_of(r));

    if (!variable.why && s->percpu_offset && cpu >= 0 && (unsigned)cpu < s->n_cpus)
        variable.addr += s->percpu_offset[cpu];
    return variable;
}

static void exception_stack(struct linux_unwind *w, struct eg_obj stacks, const char *name,
                            const struct eg_field *member)
{
    const struct eg_slot *s = eg_slot(w->run, member->id);

    if (s->kind && s->size > 1)
        linux_unwind_add_stack(w, name, stacks.addr + s->off, s->size);
}

void linux_unwind_cpu_stacks(struct linux_unwind *w, int cpu)
{
    enum { PAGE = 4096, OVERFLOW_STACK = 4096 }; // OVERFLOW_STACK_SIZE of arm64 and riscv
    struct eg_run *r = w->run;
    const uint64_t size = eg_slot(r, eg_f_irq_stack_bytes.id)->size;
    struct eg_obj stacks = eg_deref(of_cpu(r, eg_sym(r, exception_stacks), cpu)), area;
    uint64_t irq = 0;

    // On x86 the pointer is to the end, since 5.8 to the last word.
    if (eg_load(&irq, of_cpu(r, eg_sym(r, hardirq_stack_ptr), cpu)) ||
        eg_get(&irq, of_cpu(r, eg_sym(r, pcpu_hot), cpu), hot_irq_stack)) {
        irq = eg_align_up(irq, PAGE);
        if (irq > size)
            linux_unwind_add_stack(w, "irq", irq - size, size);
    } else if (eg_load(&irq, of_cpu(r, eg_sym(r, irq_stack_ptr), cpu))) {
        linux_unwind_add_stack(w, "irq", irq, linux_kernel_stack_size(r));
    }
    if (!stacks.why) {
        exception_stack(w, stacks, "DF", &eg_f_cea_exception_stacks.DF_stack);
        exception_stack(w, stacks, "NMI", &eg_f_cea_exception_stacks.NMI_stack);
        exception_stack(w, stacks, "DB", &eg_f_cea_exception_stacks.DB_stack);
        exception_stack(w, stacks, "MCE", &eg_f_cea_exception_stacks.MCE_stack);
        exception_stack(w, stacks, "VC", &eg_f_cea_exception_stacks.VC_stack);
        exception_stack(w, stacks, "VC2", &eg_f_cea_exception_stacks.VC2_stack);
        area = eg_container(stacks, cpu_entry_area.estacks);
        area = eg_at(area, cpu_entry_area.entry_stack_page);
        if (!area.why)
            linux_unwind_add_stack(w, "entry", area.addr, area.size);
    }
    area = of_cpu(r, eg_sym(r, overflow_stack), cpu);
    if (eg_has_symbol(r, overflow_stack) && !area.why)
        linux_unwind_add_stack(w, "overflow", area.addr, OVERFLOW_STACK);
}
