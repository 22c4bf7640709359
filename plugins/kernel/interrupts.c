/* interrupts - which interrupts there are and who handles them, as /proc/interrupts shows them
 * (kernel/irq/proc.c). */
#include "../../core/base.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/percpu.h"
#include "../linux/text.h"
#include <inttypes.h>

EG_FIELDS(irq_desc, action, kstat_irqs, name);
EG_FIELD_AS(desc_flow, irq_desc, "handle_irq");
EG_FIELD_AS(desc_irq, irq_desc, "irq_data.irq");
EG_FIELD_AS(desc_hwirq, irq_desc, "irq_data.hwirq");
EG_FIELD_AS(desc_chip, irq_desc, "irq_data.chip");
EG_FIELD_AS(desc_domain, irq_desc, "irq_data.domain");
EG_FIELD_AS(desc_affinity, irq_desc, "irq_common_data.affinity");
EG_FIELD_AS(desc_state, irq_desc, "irq_common_data.state_use_accessors");
EG_FIELDS(irq_chip, name);
EG_FIELDS(irqaction, handler, next, thread_fn, name);
EG_FIELD_AS(irqstat_count, irqstat, "cnt"); // since 6.10; a plain number before
EG_FIELD_AS(mask_bits, cpumask, "bits");
EG_FIELDS(irq_cpustat_t, __nmi_count, apic_timer_irqs, irq_spurious_count, apic_perf_irqs,
          apic_irq_work_irqs, icr_read_retry_count, x86_platform_ipis, irq_resched_count,
          irq_call_count, irq_tlb_count, irq_thermal_count, irq_threshold_count,
          irq_deferred_error_count, irq_hv_callback_count, irq_hv_reenlightenment_count,
          hyperv_stimer0_count, kvm_posted_intr_ipis, kvm_posted_intr_nested_ipis,
          kvm_posted_intr_wakeup_ipis, counts);
EG_SYMBOL(sparse_irqs, "maple_tree"); // since 6.5
EG_SYMBOL(irq_desc_tree, "xarray");   // before
EG_SYMBOL(irq_stat, "irq_cpustat_t");
EG_SYMBOL(mce_exception_count, "unsigned int");
EG_SYMBOL(mce_poll_count, "unsigned int");
EG_ENUMERATOR(IRQ_COUNT_NMI, NULL);
EG_ENUMERATOR(IRQ_COUNT_APIC_TIMER, NULL);
EG_ENUMERATOR(IRQ_COUNT_SPURIOUS, NULL);
EG_ENUMERATOR(IRQ_COUNT_APIC_PERF, NULL);
EG_ENUMERATOR(IRQ_COUNT_IRQ_WORK, NULL);
EG_ENUMERATOR(IRQ_COUNT_ICR_READ_RETRY, NULL);
EG_ENUMERATOR(IRQ_COUNT_X86_PLATFORM_IPI, NULL);
EG_ENUMERATOR(IRQ_COUNT_RESCHEDULE, NULL);
EG_ENUMERATOR(IRQ_COUNT_CALL_FUNCTION, NULL);
EG_ENUMERATOR(IRQ_COUNT_TLB, NULL);
EG_ENUMERATOR(IRQ_COUNT_THERMAL_APIC, NULL);
EG_ENUMERATOR(IRQ_COUNT_THRESHOLD_APIC, NULL);
EG_ENUMERATOR(IRQ_COUNT_DEFERRED_ERROR, NULL);
EG_ENUMERATOR(IRQ_COUNT_MCE_EXCEPTION, NULL);
EG_ENUMERATOR(IRQ_COUNT_MCE_POLL, NULL);
EG_ENUMERATOR(IRQ_COUNT_HYPERVISOR_CALLBACK, NULL);
EG_ENUMERATOR(IRQ_COUNT_HYPERV_REENLIGHTENMENT, NULL);
EG_ENUMERATOR(IRQ_COUNT_HYPERV_STIMER0, NULL);
EG_ENUMERATOR(IRQ_COUNT_POSTED_INTR, NULL);
EG_ENUMERATOR(IRQ_COUNT_POSTED_INTR_NESTED, NULL);
EG_ENUMERATOR(IRQ_COUNT_POSTED_INTR_WAKEUP, NULL);
EG_ENUMERATOR(IRQ_COUNT_PERF_GUEST_MEDIATED_PMI, NULL);
EG_FIELD_AS(mediated_pmi, irq_cpustat_t, "perf_guest_mediated_pmis");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct irq_desc is", EG_MINOR)                                      \
    C(IRQ, TEXT, "its number; of an interrupt without a descriptor its letters")                   \
    C(COUNT, INT, "how often it came, on all CPUs")                                                \
    C(CPU_COUNTS, TEXT, "how often on each CPU that is online")                                    \
    C(CHIP, TEXT, "the controller that it comes through")                                          \
    C(HWIRQ, INT, "its number there", EG_MINOR)                                                    \
    C(TRIGGER, TEXT, "what raises it, or how the kernel lets it run: edge, fasteoi")               \
    C(ACTION, TEXT, "who asked for it: a driver's or a device's name")                             \
    C(HANDLER, TEXT, "the function that is called")                                                \
    C(THREAD_HANDLER, TEXT, "the function that a thread of its own calls then", EG_MINOR)          \
    C(AFFINITY, TEXT, "the CPUs that it may come to", EG_MINOR)                                    \
    C(FUNCTION, ADDR, "where HANDLER is", EG_MINOR)                                                \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { CPUS_MAX = 8192, ACTIONS_MAX = 64, DESCS_MAX = 1 << 16 };

/* How often on each CPU; @at: a per-CPU number. */
static struct eg_cell counts(struct eg_run *r, struct eg_obj at, uint64_t *sum, struct eg_cell *all)
{
    struct linux_text text = { .r = r };
    unsigned cpu = ~0u, n = 0;

    *sum = 0;
    while (n++ < CPUS_MAX && linux_next_cpu(r, &cpu)) {
        struct eg_obj one = linux_percpu(r, at, cpu);
        uint64_t v;

        if (!eg_load(&v, one))
            return *all = eg_cell_of(one);
        *sum += v;
        linux_text_add(&text, "%s%" PRIu64, text.n ? " " : "", v);
    }
    *all = eg_uint(*sum);
    return eg_text(linux_text_of(&text));
}

/* Ranges of the CPUs in a mask: "0-3,5". A mask is in the struct, or with many CPUs behind a
 * pointer. */
static struct eg_cell cpus(struct eg_run *r, struct eg_obj mask)
{
    struct eg_obj bits;
    struct linux_text text = { .r = r };
    uint64_t from, to, first, limit = 0;
    unsigned cpu = ~0u;

    while (limit < CPUS_MAX && linux_next_cpu(r, &cpu)) // the mask has no more than there may be
        limit = cpu + 1;
    if (mask.kind == EG_K_ARRAY)
        mask = eg_index(mask, 0);
    bits = eg_at(mask, mask_bits);
    if (!eg_load(&first, eg_index(bits, 0)))
        return eg_cell_of(eg_index(bits, 0));
    for (from = eg_next_bit(bits, 0, limit); from < limit;
         from = eg_next_bit(bits, to + 1, limit)) {
        for (to = from; to + 1 < limit && eg_next_bit(bits, to + 1, limit) == to + 1; to++)
            ;
        linux_text_add(&text, "%s%" PRIu64, text.n ? "," : "", from);
        if (to > from)
            linux_text_add(&text, "-%" PRIu64, to);
    }
    return eg_text(linux_text_of(&text));
}

static struct eg_cell function(struct eg_run *r, struct eg_obj at)
{
    uint64_t va;
    const char *name;

    if (!eg_load(&va, at))
        return eg_cell_of(at);
    if (!va)
        return (struct eg_cell){ 0 };
    name = eg_name_of(r, va);
    return eg_text(name ? name : eg_strf(r, "%#" PRIx64, va));
}

/* What handles the flow of an interrupt, before those who asked for it, is the kernel's or a chip's
 * driver's; and each who asked for it has its own. */
static const char *hints(struct eg_run *r, struct eg_obj desc, struct eg_obj action, bool none)
{
    struct linux_hook flow, handler = { 0 }, thread = { 0 };
    const char *text;

    linux_hook(r, eg_at(desc, desc_flow), &flow);
    if (!none) {
        linux_hook(r, eg_at(action, irqaction.handler), &handler);
        linux_hook(r, eg_at(action, irqaction.thread_fn), &thread);
    }
    text = linux_hints_of(r, handler.code.hint, "thread", &thread);
    return linux_hints_of(r, text, "flow", &flow);
}

static struct eg_cell trigger(struct eg_run *r, struct eg_obj desc)
{
    enum { LEVEL = 1 << 13 }; // IRQD_LEVEL (include/linux/irq.h)
    const char *name = eg_string(r, eg_at(desc, irq_desc.name), 32);
    uint32_t state;

    if (name && *name) // x86 names the way that it is handled
        return eg_text(name);
    if (!eg_get(&state, desc, desc_state))
        return eg_val(desc, desc_state);
    return eg_text(state & LEVEL ? "level" : "edge");
}

static void show(struct eg_run *r, struct eg_obj desc)
{
    struct eg_obj stat = eg_deref(eg_at(desc, irq_desc.kstat_irqs)), action;
    struct eg_cell per, all, number = eg_val(desc, desc_irq), chip, mask, how;
    uint64_t sum, next = 0, domain = 0;
    uint32_t irq;

    if (eg_has(r, irqstat_count))
        stat = eg_at(stat, irqstat_count);
    per = counts(r, stat, &sum, &all);
    action = eg_at(desc, irq_desc.action);
    if (eg_load(&next, action) && !next && !sum && all.tag == EG_CELL_UINT &&
        !eg_arg_flag(r, "all"))
        return;
    if (eg_get(&irq, desc, desc_irq))
        number = eg_text(eg_strf(r, "%" PRIu32, irq));
    chip = eg_val(desc, desc_chip, irq_chip.name);
    mask = cpus(r, eg_at(desc, desc_affinity));
    how = trigger(r, desc);
    eg_get(&domain, desc, desc_domain);
    for (unsigned n = 0; n < ACTIONS_MAX; n++) {
        struct eg_obj a = eg_deref(action);
        const bool none = !next;

        eg_row(r, .OFFSET = eg_addr(desc), .IRQ = number, .COUNT = all, .CPU_COUNTS = per,
               .CHIP = chip, .HWIRQ = domain ? eg_val(desc, desc_hwirq) : (struct eg_cell){ 0 },
               .TRIGGER = how, .ACTION = none ? (struct eg_cell){ 0 } : eg_val(a, irqaction.name),
               .HANDLER = none ? (struct eg_cell){ 0 } : function(r, eg_at(a, irqaction.handler)),
               .THREAD_HANDLER =
                   none ? (struct eg_cell){ 0 } : function(r, eg_at(a, irqaction.thread_fn)),
               .AFFINITY = mask,
               .FUNCTION = none ? (struct eg_cell){ 0 } : eg_val(a, irqaction.handler),
               .HINTS = eg_text(hints(r, desc, a, none)));
        action = eg_at(a, irqaction.next);
        if (none || !eg_load(&next, action) || !next)
            return;
    }
    eg_note(r, "interrupt %" PRIu64 ": only the first %d of those who share it are shown",
            number.tag == EG_CELL_TEXT ? (uint64_t)irq : 0, ACTIONS_MAX);
}

/* ---- what x86 counts without a descriptor (arch/x86/kernel/irq.c) ---- */

#define STAT(label, member, constant, what)                                                        \
    {                                                                                              \
        label, what, &(eg_f_irq_cpustat_t.member), &eg_e_##constant                                \
    }
static const struct {
    const char *label, *what;
    const struct eg_field *member;   // until 6.x
    const struct eg_enumref *number; // in an array since 7.1
} stats[] = {
    STAT("NMI", __nmi_count, IRQ_COUNT_NMI, "Non-maskable interrupts"),
    STAT("LOC", apic_timer_irqs, IRQ_COUNT_APIC_TIMER, "Local timer interrupts"),
    STAT("SPU", irq_spurious_count, IRQ_COUNT_SPURIOUS, "Spurious interrupts"),
    STAT("PMI", apic_perf_irqs, IRQ_COUNT_APIC_PERF, "Performance monitoring interrupts"),
    STAT("IWI", apic_irq_work_irqs, IRQ_COUNT_IRQ_WORK, "IRQ work interrupts"),
    STAT("RTR", icr_read_retry_count, IRQ_COUNT_ICR_READ_RETRY, "APIC ICR read retries"),
    STAT("PLT", x86_platform_ipis, IRQ_COUNT_X86_PLATFORM_IPI, "Platform interrupts"),
    STAT("RES", irq_resched_count, IRQ_COUNT_RESCHEDULE, "Rescheduling interrupts"),
    STAT("CAL", irq_call_count, IRQ_COUNT_CALL_FUNCTION, "Function call interrupts"),
    STAT("TLB", irq_tlb_count, IRQ_COUNT_TLB, "TLB shootdowns"),
    STAT("TRM", irq_thermal_count, IRQ_COUNT_THERMAL_APIC, "Thermal event interrupts"),
    STAT("THR", irq_threshold_count, IRQ_COUNT_THRESHOLD_APIC, "Threshold APIC interrupts"),
    STAT("DFR", irq_deferred_error_count, IRQ_COUNT_DEFERRED_ERROR,
         "Deferred Error APIC interrupts"),
    STAT("HYP", irq_hv_callback_count, IRQ_COUNT_HYPERVISOR_CALLBACK,
         "Hypervisor callback interrupts"),
    STAT("HRE", irq_hv_reenlightenment_count, IRQ_COUNT_HYPERV_REENLIGHTENMENT,
         "Hyper-V reenlightenment interrupts"),
    STAT("HVS", hyperv_stimer0_count, IRQ_COUNT_HYPERV_STIMER0, "Hyper-V stimer0 interrupts"),
    STAT("PIN", kvm_posted_intr_ipis, IRQ_COUNT_POSTED_INTR, "Posted-interrupt notification event"),
    STAT("NPI", kvm_posted_intr_nested_ipis, IRQ_COUNT_POSTED_INTR_NESTED,
         "Nested posted-interrupt event"),
    STAT("PIW", kvm_posted_intr_wakeup_ipis, IRQ_COUNT_POSTED_INTR_WAKEUP,
         "Posted-interrupt wakeup event"),
    { "VPMI", "Perf Guest Mediated PMI", &eg_f_mediated_pmi,
      &eg_e_IRQ_COUNT_PERF_GUEST_MEDIATED_PMI },
};

static void show_counter(struct eg_run *r, const char *label, const char *what, struct eg_obj at)
{
    struct eg_cell per, all;
    uint64_t sum;

    per = counts(r, at, &sum, &all);
    eg_row(r, .IRQ = eg_text(label), .COUNT = all, .CPU_COUNTS = per, .ACTION = eg_text(what));
}

static void show_x86(struct eg_run *r)
{
    struct eg_obj stat = eg_sym(r, irq_stat), array;
    int64_t i;

    if (stat.why)
        return;
    array = eg_at(stat, irq_cpustat_t.counts);
    for (size_t k = 0; k < countof(stats); k++) {
        if (eg_slot(r, stats[k].member->id)->kind) {
            struct eg_obj at = stat;
            const struct eg_slot *s = eg_slot(r, stats[k].member->id);

            at.addr += s->off;
            at.type = s->type;
            at.size = s->size;
            at.kind = s->kind;
            show_counter(r, stats[k].label, stats[k].what, at);
        } else if (!array.why && eg_enum_(r, stats[k].number->id, &i) && i >= 0) {
            show_counter(r, stats[k].label, stats[k].what, eg_index(array, (uint64_t)i));
        }
    }
    if (!array.why) {
        if (eg_enum(r, IRQ_COUNT_MCE_EXCEPTION, &i) && i >= 0)
            show_counter(r, "MCE", "Machine check exceptions", eg_index(array, (uint64_t)i));
        if (eg_enum(r, IRQ_COUNT_MCE_POLL, &i) && i >= 0)
            show_counter(r, "MCP", "Machine check polls", eg_index(array, (uint64_t)i));
        return;
    }
    if (!eg_sym(r, mce_exception_count).why)
        show_counter(r, "MCE", "Machine check exceptions", eg_sym(r, mce_exception_count));
    if (!eg_sym(r, mce_poll_count).why)
        show_counter(r, "MCP", "Machine check polls", eg_sym(r, mce_poll_count));
}

static int run(struct eg_run *r)
{
    struct eg_obj tree = eg_sym(r, sparse_irqs);
    struct eg_entry entry;
    uint64_t n = 0;

    if (!tree.why) {
        eg_each_maple(entry, tree) {
            if (n++ < DESCS_MAX)
                show(r, eg_object(r, irq_desc, entry.value));
        }
    } else {
        tree = eg_sym(r, irq_desc_tree);
        if (tree.why)
            return eg_failed(r, "neither sparse_irqs nor irq_desc_tree is known: a System.map of "
                                "this kernel (--system-map) has them");
        eg_each_xa(entry, tree) {
            if (n++ < DESCS_MAX)
                show(r, eg_object(r, irq_desc, entry.value));
        }
    }
    if (n > DESCS_MAX)
        eg_note(r, "interrupts: only the first %d descriptors are shown", DESCS_MAX);
    show_x86(r);
    return 0;
}

EG_PLUGIN(interrupts) = {
    .os = "linux",
    .help = "List interrupts, how often they came, and the functions that handle them",
    .manual =
        "As /proc/interrupts, and who handles each: one row for each of those that share one. "
        "Those that nobody asked for and that never came are left out; --all shows them. A handler "
        "outside of the kernel and its modules has no name, only an address: HINTS says so, and "
        "where one is of a module that did not come with the kernel. What /proc/interrupts hides, "
        "the interrupts that CPUs send each other on arm64, is shown as \"IPI\".",
    .aliases = EG_NAMES("irq", "linux.interrupts.Interrupts"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also those that nobody asked for and that never came")),
    .needs = EG_NEEDS(irq_desc.action, desc_irq),
    .run = run,
    .key = EG_NAMES("IRQ"),
    .moves = EG_NAMES("COUNT", "CPU_COUNTS"),
};
