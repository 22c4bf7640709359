/* deferred - what the kernel does later: soft interrupts, tasklets, callbacks of RCU, irq_work. */
#include "../../core/base.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/percpu.h"
#include <inttypes.h>

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
EG_SYMBOL(softirq_vec, "softirq_action[10]");
EG_SYMBOL(tasklet_vec, "tasklet_head");
EG_SYMBOL(tasklet_hi_vec, "tasklet_head");
EG_SYMBOL(rcu_data, "rcu_data");
EG_SYMBOL(raised_list, "llist_head");
EG_SYMBOL(lazy_list, "llist_head");
EG_TYPE(irq_work);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct is; of several the first", EG_MINOR)                         \
    C(KIND, TEXT, "\"softirq\", \"tasklet\", \"rcu\", \"irq_work\"")                               \
    C(NAME, TEXT, "of a soft interrupt")                                                           \
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
    const char *kind;
    unsigned cpu, n;
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
        row(g->r, g->kind, NULL, g->at[i].first, eg_uint(g->cpu), g->at[i].n, g->at[i].function,
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

static void drop_kfree(struct groups *g)
{
    unsigned n = 0;

    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i].function >= KFREE_MAX)
            g->at[n++] = g->at[i];
    g->n = n;
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

static int run(struct eg_run *r)
{
    struct groups *g = eg_tmp(r, sizeof *g);

    g->r = r;
    show_softirqs(r);
    for (unsigned cpu = ~0u; linux_next_cpu(r, &cpu) && !eg_stopped(r);)
        of_cpu(g, cpu);
    return 0;
}

EG_PLUGIN(deferred) = {
    .os = "linux",
    .help = "List what the kernel does later: soft interrupts, tasklets, RCU callbacks, irq_work",
    .manual =
        "What each soft interrupt calls, and what waits on each CPU to be called: tasklets, "
        "callbacks of RCU (one row for each function, with how many) and irq_work. HINTS has "
        "something where the function is code of no module that is listed, begins inside a "
        "function or is of a module that did not come with the kernel, and where a soft interrupt "
        "is not the kernel's own. It cannot see callbacks of SRCU and of tasks' own RCU, nor what "
        "waits on a CPU that is off. Timers are in ktimers, work in workqueues.",
    .looks_for = EG_NAMES("code of nobody that waits to be called"),
    .columns = columns,
    .needs = EG_NEEDS(callback_head.func, callback_head.next),
    .run = run,
};
