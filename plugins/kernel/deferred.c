/* deferred - what the kernel does later: soft interrupts, tasklets, callbacks of RCU, irq_work,
 * calls to other CPUs, work of tasks. */
#include "../../core/base.h"
#include "../../core/profile.h"
#include "../../core/system.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/modtraces.h"
#include "../linux/kernel/percpu.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(softirq_action, action);
EG_FIELDS(tasklet_head, head);
EG_FIELDS(tasklet_struct, func, next); // func: a union with callback since 5.9
EG_FIELDS(callback_head, func, next);
EG_FIELD_AS(rcu_waiting, rcu_data, "cblist.head");
EG_FIELD_AS(rcu_bypassing, rcu_data, "nocb_bypass.head");
EG_FIELD_AS(list_first, llist_head, "first");
EG_FIELD_AS(work_next, irq_work, "node.llist.next|llnode.next"); // since 5.11, until 5.10
EG_FIELD_AS(work_func, irq_work, "func");
EG_FIELD_AS(work_link, irq_work, "node.llist|llnode");
EG_FIELD_AS(call_next, __call_single_data, "node.llist.next|llist.next"); // since 5.8, before
EG_FIELD_AS(call_flags, __call_single_data, "node.u_flags|flags");
EG_FIELD_AS(call_func, __call_single_data, "func");
EG_FIELD_AS(tasks_waiting, rcu_tasks, "cbs_head"); // until 5.16
EG_FIELD_AS(tasks_percpu, rcu_tasks, "rtpcpu");    // since 5.17
EG_FIELD_AS(tasks_of_cpu, rcu_tasks_percpu, "cblist.head");
EG_FIELD_AS(srcu_percpu, srcu_struct, "sda");
EG_FIELD_AS(srcu_waiting, srcu_data, "srcu_cblist.head");
EG_FIELD_AS(module_srcu, module, "srcu_struct_ptrs");
EG_FIELD_AS(module_n_srcu, module, "num_srcu_structs");
EG_FIELD_AS(task_works_first, task_struct, "task_works");
EG_FIELD_AS(restart_fn, task_struct, "restart_block.fn");
EG_SYMBOL(rcu_tasks, "rcu_tasks");
EG_SYMBOL(rcu_tasks_rude, "rcu_tasks");
EG_SYMBOL(rcu_tasks_trace, "rcu_tasks"); // until 6.19
EG_SYMBOL(call_single_queue, "llist_head");
EG_TYPE(__call_single_data);
EG_TYPE(srcu_data);
EG_SYMBOL(softirq_vec, "softirq_action[10]");
EG_SYMBOL(tasklet_vec, "tasklet_head");
EG_SYMBOL(tasklet_hi_vec, "tasklet_head");
EG_SYMBOL(rcu_data, "rcu_data");
EG_SYMBOL(raised_list, "llist_head");
EG_SYMBOL(lazy_list, "llist_head");
EG_TYPE(irq_work);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct is; of several the first", EG_MINOR)                         \
    C(KIND, TEXT,                                                                                  \
      "softirq, tasklet, rcu, irq_work, call (by another CPU), rcu_tasks, srcu, task_work, "       \
      "restart")                                                                                   \
    C(NAME, TEXT, "of a soft interrupt, of RCU of tasks, of an srcu_struct; of work of a task it") \
    C(CPU, INT, "the CPU that it waits on; unset: every one")                                      \
    C(COUNT, INT, "how often it waits there")                                                      \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { CHAIN_MAX = 1 << 20, KINDS_MAX = 512, KFREE_MAX = 4096 };

/* include/linux/interrupt.h; ORDER softirq_to_name (kernel/softirq.c) */
static const char *const softirqs[] = { "HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                        "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU" };

/* Functions of one chain, each once. */
struct group {
    uint64_t function, first, n;
};
struct groups {
    struct eg_run *r;
    const char *kind, *name;
    unsigned cpu, n;
    bool any_cpu;
    struct group at[KINDS_MAX];
};

static void row(struct eg_run *r, const char *kind, const char *name, uint64_t at,
                struct eg_cell cpu, uint64_t n, uint64_t function, const char *more)
{
    struct linux_hook h;

    linux_hook_at(r, function, &h);
    eg_row(r, .OFFSET = eg_uint(at), .KIND = eg_text(kind), .NAME = eg_text(name), .CPU = cpu,
           .COUNT = n ? eg_uint(n) : (struct eg_cell){ 0 }, .FUNCTION = eg_uint(function),
           .SYMBOL = eg_text(h.code.symbol), .MODULE = eg_text(h.code.module),
           .HINTS = eg_text(linux_hints(r, h.code.hint, more)));
}

static void show_softirqs(struct eg_run *r)
{
    struct eg_obj table = eg_sym(r, softirq_vec);
    uint64_t function;

    if (table.why)
        eg_note(r, "soft interrupts: softirq_vec is not known");
    for (uint64_t i = 0; i < eg_count(table); i++) {
        struct eg_obj at = eg_index(table, i);

        if (!eg_get(&function, at, softirq_action.action) || !function)
            continue;
        row(r, "softirq", i < countof(softirqs) ? softirqs[i] : NULL, at.addr,
            (struct eg_cell){ 0 }, 0, function,
            linux_whose_code(linux_codes(r), function, NULL) == LINUX_CODE_MODULE
                ? "a soft interrupt is a module's"
                : NULL);
    }
}

static void count(struct groups *g, uint64_t at, uint64_t function)
{
    unsigned i = 0;

    while (i < g->n && g->at[i].function != function)
        i++;
    if (i == KINDS_MAX)
        return;
    if (i == g->n)
        g->at[g->n++] = (struct group){ function, at, 0 };
    g->at[i].n++;
}

static void show_groups(struct groups *g)
{
    for (unsigned i = 0; i < g->n && !eg_stopped(g->r); i++)
        row(g->r, g->kind, g->name, g->at[i].first,
            g->any_cpu ? (struct eg_cell){ 0 } : eg_uint(g->cpu), g->at[i].n, g->at[i].function,
            NULL);
    if (g->n == KINDS_MAX)
        eg_note(g->r, "%s of CPU %u: only the first %d functions are shown", g->kind, g->cpu,
                KINDS_MAX);
}

/* A chain without links back: its length is limited, and a circle is left by another that goes
 * half as fast. @step: the next one, and what the one at @at calls. */
typedef bool step_fn(struct eg_run *r, uint64_t at, uint64_t *next, uint64_t *function);

static void chain(struct groups *g, uint64_t first, step_fn *step)
{
    uint64_t at = first, slow = first, next, function;

    for (unsigned n = 1; at && n <= CHAIN_MAX && !eg_stopped(g->r); n++) {
        if (!step(g->r, at, &next, &function)) {
            eg_note(g->r, "%s of CPU %u: what is at %#" PRIx64 " cannot be read", g->kind, g->cpu,
                    at);
            return;
        }
        count(g, at, function);
        at = next;
        if (n % 2 == 0 && !step(g->r, slow, &slow, &function))
            return;
        if (at == slow || n == CHAIN_MAX) {
            eg_note(g->r, "%s of CPU %u: they go in a circle, or are too many", g->kind, g->cpu);
            return;
        }
    }
}

static bool step_tasklet(struct eg_run *r, uint64_t at, uint64_t *next, uint64_t *function)
{
    struct eg_obj t = eg_object(r, tasklet_struct, at);

    return eg_get(next, t, tasklet_struct.next) && eg_get(function, t, tasklet_struct.func);
}

/* kfree_rcu() has a distance instead of a function (until 6.0). */
static bool step_rcu(struct eg_run *r, uint64_t at, uint64_t *next, uint64_t *function)
{
    struct eg_obj c = eg_object(r, callback_head, at);

    return eg_get(next, c, callback_head.next) && eg_get(function, c, callback_head.func);
}

static bool step_irq_work(struct eg_run *r, uint64_t at, uint64_t *next, uint64_t *function)
{
    struct eg_obj w = eg_object(r, irq_work, at - eg_offset(r, work_link));

    return eg_get(next, w, work_next) && eg_get(function, w, work_func);
}

/* kfree_rcu() has a distance; and what has no function, as a wake-up, calls none. */
static void drop_kfree(struct groups *g)
{
    unsigned n = 0;

    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i].function >= KFREE_MAX)
            g->at[n++] = g->at[i];
    g->n = n;
}

/* What another CPU asked for (kernel/smp.c). Wake-ups of tasks are in the queue too. */
static bool step_call(struct eg_run *r, uint64_t at, uint64_t *next, uint64_t *function)
{
    enum { TYPE = 0xf0, WAKE_UP = 0x30 }; // CSD_TYPE_TTWU, include/linux/smp_types.h
    struct eg_obj c = eg_object(r, __call_single_data, at - eg_offset(r, call_next));
    uint32_t flags = 0;

    *function = 0;
    eg_get(&flags, c, call_flags);
    return eg_get(next, c, call_next) &&
           ((flags & TYPE) == WAKE_UP || eg_get(function, c, call_func));
}

static void of_cpu(struct groups *g, unsigned cpu)
{
    struct eg_run *r = g->r;
    const struct {
        const char *kind;
        struct eg_obj first;
        step_fn *step;
        bool known;
    } chains[] = {
        { "tasklet", eg_at(linux_percpu(r, eg_sym(r, tasklet_hi_vec), cpu), tasklet_head.head),
          step_tasklet, true },
        { "tasklet", eg_at(linux_percpu(r, eg_sym(r, tasklet_vec), cpu), tasklet_head.head),
          step_tasklet, true },
        { "rcu", eg_at(linux_percpu(r, eg_sym(r, rcu_data), cpu), rcu_waiting), step_rcu, true },
        { "rcu", eg_at(linux_percpu(r, eg_sym(r, rcu_data), cpu), rcu_bypassing), step_rcu,
          eg_has(r, rcu_bypassing) },
        { "irq_work", eg_at(linux_percpu(r, eg_sym(r, raised_list), cpu), list_first),
          step_irq_work, true },
        { "irq_work", eg_at(linux_percpu(r, eg_sym(r, lazy_list), cpu), list_first), step_irq_work,
          true },
        { "call", eg_at(linux_percpu(r, eg_sym(r, call_single_queue), cpu), list_first), step_call,
          eg_has(r, call_func) },
    };

    g->cpu = cpu;
    for (size_t i = 0; i < countof(chains); i++) {
        uint64_t first;

        g->kind = chains[i].kind;
        g->n = 0;
        if (!chains[i].known)
            continue;
        if (!eg_load(&first, chains[i].first)) {
            eg_note(r, "what waits of the kind %s is not known on every CPU", g->kind);
            continue;
        }
        chain(g, first, chains[i].step);
        drop_kfree(g);
        show_groups(g);
    }
}

/* The chain that begins at a pointer: rows, if it can be read. */
static bool waiting(struct groups *g, const char *kind, const char *name, struct eg_obj pointer)
{
    uint64_t first;

    g->kind = kind;
    g->name = name;
    g->n = 0;
    if (!eg_load(&first, pointer))
        return false;
    chain(g, first, step_rcu);
    drop_kfree(g);
    show_groups(g);
    return true;
}

/* ---- RCU of tasks (kernel/rcu/tasks.h) ---- */

static void of_tasks_rcu(struct groups *g, const char *name, struct eg_obj tasks)
{
    struct eg_obj of_cpu = eg_deref(eg_at(tasks, tasks_percpu));

    g->any_cpu = of_cpu.why != EG_OK;
    if (tasks.why)
        return;
    if (g->any_cpu && !waiting(g, "rcu_tasks", name, eg_at(tasks, tasks_waiting)))
        eg_note(g->r, "%s: what waits is not known", name);
    for (g->cpu = ~0u; !g->any_cpu && linux_next_cpu(g->r, &g->cpu) && !eg_stopped(g->r);)
        waiting(g, "rcu_tasks", name, eg_at(linux_percpu(g->r, of_cpu, g->cpu), tasks_of_cpu));
}

/* ---- SRCU: each has its own callbacks (kernel/rcu/srcutree.c) ---- */

static void of_srcu(struct groups *g, const char *name, struct eg_obj of_cpu)
{
    g->any_cpu = false;
    for (g->cpu = ~0u; !of_cpu.why && linux_next_cpu(g->r, &g->cpu) && !eg_stopped(g->r);)
        waiting(g, "srcu", name, eg_at(linux_percpu(g->r, of_cpu, g->cpu), srcu_waiting));
}

/* Those of the kernel, by the per-CPU variables that DEFINE_SRCU() makes. */
static void kernel_srcu(struct groups *g)
{
    static const char end[] = "_srcu_data";
    const struct eg_system *sys = eg_system_of(g->r);

    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *from = &sys->symbols.at[i];
        const struct eg_profile *p = from->profile;

        for (uint32_t k = 0; k < p->n_symbols && !eg_stopped(g->r); k++) {
            const char *name = p->strings + p->symbols[k].name;
            const size_t n = strlen(name), m = sizeof end - 1;
            uint64_t at;

            if (n > m && !strcmp(name + n - m, end) && eg_lookup(g->r, name, &at))
                of_srcu(g, eg_strf(g->r, "%.*s", (int)(n - m), name),
                        eg_object(g->r, srcu_data, at));
        }
    }
}

static void module_srcu_structs(struct groups *g)
{
    enum { STRUCTS_MAX = 256 };
    const struct linux_mods *mods = linux_mods(g->r);

    for (size_t i = 0; mods && i < mods->n && !eg_stopped(g->r); i++) {
        struct eg_obj m = linux_mod_module(g->r, &mods->at[i]), all = eg_at(m, module_srcu);
        uint32_t n = 0;

        if (!mods->at[i].addr || !eg_get(&n, m, module_n_srcu))
            continue;
        for (uint32_t k = 0; k < n && k < STRUCTS_MAX; k++)
            of_srcu(g, mods->at[i].name, eg_deref(eg_at(eg_deref(eg_index(all, k)), srcu_percpu)));
    }
}

/* ---- tasks ---- */

/* task_work_add(): before a task returns to its program; and what a system call that a signal
 * interrupted goes on with, which is the kernel's own. */
static void of_task(struct groups *g, struct eg_obj task)
{
    struct eg_run *r = g->r;
    const char *comm = eg_string(r, eg_at(task, task_struct.comm), 16);
    const char *name = eg_strf(r, "%s (%lld)", comm ? comm : "?",
                               (long long)eg_get_or((int64_t)-1, task, task_struct.pid));
    struct linux_hook restart;

    waiting(g, "task_work", name, eg_at(task, task_works_first));
    if (linux_hook(r, eg_at(task, restart_fn), &restart) && restart.code.hint)
        row(r, "restart", name, eg_at(task, restart_fn).addr, (struct eg_cell){ 0 }, 0, restart.at,
            NULL);
}

static void tasks(struct groups *g)
{
    struct eg_obj leader, task;

    g->any_cpu = true;
    linux_each_process(g->r, leader)
        linux_each_thread(g->r, leader, task)
            of_task(g, task);
}

static int run(struct eg_run *r)
{
    struct groups *g = eg_tmp(r, sizeof *g);

    *g = (struct groups){ .r = r };
    show_softirqs(r);
    for (unsigned cpu = ~0u; linux_next_cpu(r, &cpu) && !eg_stopped(r);)
        of_cpu(g, cpu);
    of_tasks_rcu(g, "rcu_tasks", eg_sym(r, rcu_tasks));
    of_tasks_rcu(g, "rcu_tasks_rude", eg_sym(r, rcu_tasks_rude));
    of_tasks_rcu(g, "rcu_tasks_trace", eg_sym(r, rcu_tasks_trace));
    if (eg_has(r, srcu_waiting)) {
        kernel_srcu(g);
        module_srcu_structs(g);
    }
    tasks(g);
    return 0;
}

EG_PLUGIN(deferred) = {
    .os = "linux",
    .help = "List what the kernel does later: soft interrupts, tasklets, RCU, irq_work, task work",
    .manual =
        "What each soft interrupt calls, and what waits on each CPU to be called: tasklets, "
        "callbacks of RCU, of RCU of tasks and of SRCU (one row for each function, with how many), "
        "irq_work and calls that another CPU asked for; then what tasks do before they return to "
        "their programs, and, where that is odd, what they do when a system call goes on that was "
        "interrupted. HINTS has something where the function is code of no module that is listed, "
        "begins inside a function or is of a module that did not come with the kernel, and where a "
        "soft interrupt is not the kernel's own. It cannot see callbacks of an SRCU that was "
        "allocated (of a virtual machine, a block device), nor what waits on a CPU that is off. "
        "Timers are in ktimers, work in workqueues.",
    .looks_for = EG_NAMES("code of nobody that waits to be called"),
    .columns = columns,
    .needs = EG_NEEDS(callback_head.func, callback_head.next),
    .run = run,
};
