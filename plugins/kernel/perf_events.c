/* perf_events - events that perf counts or samples, of tasks and of CPUs. */
#include "../linux/kernel/hook.h"
#include "../linux/kernel/percpu.h"
#include "../linux/net/bpfprog.h"
#include "../linux/own/traceevent.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(perf_event, event_entry, overflow_handler, owner, pmu, prog, state,
          tp_event); // include/linux/perf_event.h
EG_FIELD_AS(event_cpu, perf_event, "cpu");
EG_FIELD_AS(event_type, perf_event, "attr.type");
EG_FIELD_AS(event_config, perf_event, "attr.config");
EG_FIELD_AS(context_events, perf_event_context, "event_list");
EG_FIELD_AS(task_context, task_struct, "perf_event_ctxp"); // an array of two until 6.1
EG_FIELD_AS(pmu_name, pmu, "name");
EG_FIELD_AS(pmu_link, pmu, "entry");
EG_FIELD_AS(pmu_context, pmu, "pmu_cpu_context"); // until 6.1
EG_FIELD_AS(cpu_events, perf_cpu_context, "ctx");
EG_SYMBOL(pmus, "list_head");
EG_SYMBOL_AS(cpu_context, "perf_cpu_context", "perf_cpu_context"); // since 6.2

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct perf_event is", EG_MINOR)                                    \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(CPU, INT, "that it is bound to")                                                             \
    C(KIND, TEXT,                                                                                  \
      "hardware, software, tracepoint, cache, raw, breakpoint; or the name of its pmu")            \
    C(CONFIG, ADDR, "which of them, by number")                                                    \
    C(STATE, TEXT, "active, inactive: it waits to be counted; off, error, exit, dead")             \
    C(OWNER_PID, INT, "the process that opened it; unset: the kernel, or one that is gone")        \
    C(FUNCTION, ADDR, "what is called for a sample", EG_MINOR)                                     \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(DETAIL, TEXT, "event of tracefs, BPF programs")                                              \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { EVENTS_MAX = 1 << 17, CONTEXTS_MAX = 64 };

/* enum perf_type_id, include/uapi/linux/perf_event.h */
static const struct eg_constant types[] = { { "hardware", 0 },   { "software", 1 },
                                            { "tracepoint", 2 }, { "cache", 3 },
                                            { "raw", 4 },        { "breakpoint", 5 },
                                            { NULL, 0 } };

static const char *state_of(int32_t state)
{
    static const char *const below[] = { "off", "error", "exit", "revoked", "dead" };

    // enum perf_event_state: off is -1; revoked (since 6.15) moved dead to -5.
    if (state >= 0)
        return state ? "active" : "inactive";
    return state >= -5 ? below[-1 - state] : NULL;
}

struct look {
    struct eg_run *r;
    unsigned n;
};

static const char *detail(struct eg_run *r, struct eg_obj event)
{
    struct linux_bpfprog program;
    const char *text = linux_trace_event(r, eg_deref(eg_at(event, perf_event.tp_event)));
    uint64_t at;

    if (!eg_has(r, perf_event.prog) || !eg_get(&at, event, perf_event.prog) || !at)
        return text;
    linux_bpfprog(r, at, &program);
    if (!text || !program.text)
        return text ? text : program.text;
    // A tracepoint's programs are the event's too.
    return strstr(text, program.text) ? text : eg_strf(r, "%s, %s", text, program.text);
}

static void show(struct look *l, struct eg_obj event, struct eg_obj task)
{
    struct eg_obj owner = eg_deref(eg_at(event, perf_event.owner));
    const char *kind = NULL;
    struct linux_hook h;
    uint32_t type;
    int32_t state = 0, cpu = -1;
    const uint64_t none = UINT64_MAX >> (64 - 8 * eg_binding_of(l->r)->model.ptr_size);
    uint64_t opened = 0;

    if (l->n++ >= EVENTS_MAX)
        return;
    linux_hook(l->r, eg_at(event, perf_event.overflow_handler), &h);
    if (eg_get(&type, event, event_type))
        kind = eg_constant_name(types, type);
    if (!kind)
        kind = eg_string(l->r, eg_at(event, perf_event.pmu, pmu_name), 64);
    eg_get(&cpu, event, event_cpu);
    eg_get(&opened, event, perf_event.owner);
    eg_row(l->r, .OFFSET = eg_addr(event),
           .PID = task.why ? (struct eg_cell){ 0 } : linux_pid(task),
           .TID = task.why ? (struct eg_cell){ 0 } : linux_tid(task),
           .COMM = task.why ? (struct eg_cell){ 0 } : eg_val(task, task_struct.comm),
           .CPU = cpu < 0 ? (struct eg_cell){ 0 } : eg_int(cpu), .KIND = eg_text(kind),
           .CONFIG = eg_val(event, event_config),
           .STATE = eg_get(&state, event, perf_event.state) ? eg_text(state_of(state))
                                                            : eg_val(event, perf_event.state),
           // TASK_TOMBSTONE: the kernel's own
           .OWNER_PID = !opened || opened == none ? (struct eg_cell){ 0 } : linux_pid(owner),
           .FUNCTION = eg_val(event, perf_event.overflow_handler), .SYMBOL = eg_text(h.code.symbol),
           .MODULE = eg_text(h.code.module), .DETAIL = eg_text(detail(l->r, event)),
           .HINTS = eg_text(h.code.hint));
}

static void context(struct look *l, struct eg_obj ctx, struct eg_obj task)
{
    struct eg_obj event;

    if (ctx.why)
        return;
    eg_each_list(event, eg_at(ctx, context_events), perf_event.event_entry) {
        if (l->n > EVENTS_MAX)
            return;
        show(l, event, task);
    }
}

static void of_tasks(struct look *l)
{
    struct eg_obj leader, task;

    linux_each_process(l->r, leader) {
        if (!linux_pid_asked(l->r, leader))
            continue;
        linux_each_thread(l->r, leader, task) {
            struct eg_obj ctx = eg_at(task, task_context);

            if (ctx.kind != EG_K_ARRAY)
                context(l, eg_deref(ctx), task);
            for (uint64_t i = 0; i < eg_count(ctx); i++)
                context(l, eg_deref(eg_index(ctx, i)), task);
        }
    }
}

/* Until 6.1 each pmu has a context for each CPU, which several share. */
static void of_pmus(struct look *l)
{
    const struct eg_obj none = eg_bad(eg_sym(l->r, pmus), EG_ABSENT, 0);
    uint64_t seen[CONTEXTS_MAX], at;
    struct eg_obj pmu;
    unsigned n = 0;

    eg_each_list(pmu, eg_sym(l->r, pmus), pmu_link) {
        unsigned i = 0;

        if (!eg_get(&at, pmu, pmu_context) || !at)
            continue;
        while (i < n && seen[i] != at)
            i++;
        if (i < n || n == CONTEXTS_MAX)
            continue;
        seen[n++] = at;
        for (unsigned cpu = ~0u; linux_next_cpu(l->r, &cpu);)
            context(l,
                    eg_at(linux_percpu(l->r, eg_deref(eg_at(pmu, pmu_context)), cpu), cpu_events),
                    none);
    }
}

static int run(struct eg_run *r)
{
    struct look l = { .r = r };
    struct eg_obj variable = eg_sym(r, cpu_context), one;

    of_tasks(&l);
    if (eg_arg_limits(r, "pid"))
        return 0;
    if (eg_has(r, pmu_context) ? eg_sym(r, pmus).why : variable.why) {
        eg_note(r, "events of whole CPUs are not known: a System.map of this kernel "
                   "(--system-map) has pmus, perf_cpu_context");
    } else if (eg_has(r, pmu_context)) {
        of_pmus(&l);
    } else {
        linux_each_percpu(r, variable, one)
            context(&l, eg_at(one, cpu_events), eg_bad(one, EG_ABSENT, 0));
    }
    if (l.n > EVENTS_MAX)
        eg_note(r, "perf_events: only the first %d are shown", EVENTS_MAX);
    return 0;
}

EG_PLUGIN(perf_events) = {
    .os = "linux",
    .help = "List events that perf counts or samples, of tasks and of whole CPUs",
    .manual = "Events of each thread, and those of CPUs, which belong to no thread: BPF programs "
              "that are attached to probes and tracepoints have one too. HINTS has something "
              "where the function that gets the samples is code of no module that is listed, "
              "begins inside a function or is of a module that did not come with the kernel. It "
              "cannot see events of a task that is not on the kernel's list, nor on a CPU that is "
              "off.",
    .aliases = EG_NAMES("linux.perf_events.PerfEvents", "linux.tracing.perf_events.PerfEvents"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(perf_event.event_entry, context_events, task_context),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
};
