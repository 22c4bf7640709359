/* workqueues - work that waits in queues or is being done, and whose code that is. */
#include "../../core/base.h"
#include "../linux/kernel/timers.h"
#include "../linux/kernel/work.h"
#include "../linux/sched/kthread.h"
#include <inttypes.h>

EG_FIELD_AS(inactive, pool_workqueue, "inactive_works|delayed_works"); // renamed in 5.15
EG_FIELDS(worker_pool, cpu, id, workers, worklist);
EG_FIELD_AS(worker_pid, task_struct, "pid");
EG_FIELD_AS(worker_comm, task_struct, "comm");
EG_SYMBOL(workqueues, "list_head");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct work_struct is", EG_MINOR)                                   \
    C(KIND, TEXT,                                                                                  \
      "\"pending\"; \"inactive\": its queue does no more at a time; \"running\"; "                 \
      "\"delayed\": a timer puts it into the queue")                                               \
    C(WORKQUEUE, TEXT, "the queue's name")                                                         \
    C(CPU, INT, "whose workers do it; unset: those of any")                                        \
    C(PID, INT, "of one that is running: the worker's")                                            \
    C(COMM, TEXT, "its name", EG_MINOR)                                                            \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { POOLS_MAX = 4096, WORKS_MAX = 1 << 18 };
/* WORK_STRUCT_… (include/linux/workqueue.h): bit 2, and the address above bit 8 or more. */
enum { WORK_PWQ = 1 << 2, WORK_PWQ_MASK = 0xff };

struct look {
    struct eg_run *r;
    uint64_t pools[POOLS_MAX];
    unsigned n_pools, n;
};

static void show(struct look *l, const char *kind, struct eg_obj work, const char *queue,
                 struct eg_cell cpu, struct eg_obj function, struct eg_obj task)
{
    struct linux_hook h;

    if (l->n++ >= WORKS_MAX)
        return;
    linux_hook(l->r, function, &h);
    eg_row(l->r, .OFFSET = eg_addr(work), .KIND = eg_text(kind), .WORKQUEUE = eg_text(queue),
           .CPU = cpu, .PID = task.why ? (struct eg_cell){ 0 } : eg_val(task, worker_pid),
           .COMM = task.why ? (struct eg_cell){ 0 } : eg_val(task, worker_comm),
           .FUNCTION = eg_cell_of(function), .SYMBOL = eg_text(h.code.symbol),
           .MODULE = eg_text(h.code.module), .HINTS = eg_text(h.code.hint));
}

static struct eg_cell cpu_of(struct eg_obj pool)
{
    int32_t cpu;

    return eg_get(&cpu, pool, worker_pool.cpu) && cpu < 0 ? (struct eg_cell){ 0 }
                                                          : eg_val(pool, worker_pool.cpu);
}

/* A work in a queue has the address of its pool_workqueue in its data; what is below is flags. */
static const char *queue_of(struct look *l, struct eg_obj work)
{
    struct linux_work w;
    uint64_t data;

    if (!eg_get(&data, work, work_struct.data) || !(data & WORK_PWQ))
        return NULL;
    linux_work(l->r, work,
               eg_deref(eg_at(eg_object(l->r, pool_workqueue, data & ~(uint64_t)WORK_PWQ_MASK),
                              pool_workqueue.wq)),
               &w);
    return w.queue;
}

static void works(struct look *l, const char *kind, struct eg_obj list, struct eg_cell cpu)
{
    struct eg_obj work;

    eg_each_list(work, list, work_struct.entry) {
        if (l->n > WORKS_MAX)
            return;
        show(l, kind, work, queue_of(l, work), cpu, eg_at(work, work_struct.func),
             eg_bad(work, EG_ABSENT, 0));
    }
}

static void pool(struct look *l, struct eg_obj at)
{
    struct eg_obj worker;
    struct linux_work w;
    uint64_t function;

    works(l, "pending", eg_at(at, worker_pool.worklist), cpu_of(at));
    eg_each_list(worker, eg_at(at, worker_pool.workers), worker.node) {
        works(l, "pending", eg_at(worker, worker.scheduled), cpu_of(at));
        if (!eg_get(&function, worker, worker.current_func) || !function)
            continue;
        linux_work(l->r, eg_deref(eg_at(worker, worker.current_work)),
                   eg_deref(eg_at(worker, worker.current_pwq, pool_workqueue.wq)), &w);
        show(l, "running", w.at, w.queue, cpu_of(at), eg_at(worker, worker.current_func),
             eg_deref(eg_at(worker, worker.task)));
    }
}

static void add_pool(struct look *l, struct eg_obj at)
{
    for (unsigned i = 0; i < l->n_pools; i++)
        if (l->pools[i] == at.addr)
            return;
    if (at.why || l->n_pools >= POOLS_MAX)
        return;
    l->pools[l->n_pools++] = at.addr;
    pool(l, at);
}

static void delayed(struct eg_run *r, void *state, const struct linux_timer *t)
{
    struct look *l = state;
    struct linux_work work;
    struct linux_hook h;

    if (t->running || !linux_hook(r, eg_at(t->at, timer_list.function), &h) ||
        !linux_hook_is(&h, "delayed_work_timer_fn") || !linux_work_of_timer(r, t->at, &h, &work))
        return;
    show(l, "delayed", work.at, work.queue, eg_uint(t->cpu), eg_at(work.at, work_struct.func),
         eg_bad(t->at, EG_ABSENT, 0));
}

static int run(struct eg_run *r)
{
    struct look *l = eg_tmp(r, sizeof *l);
    struct eg_obj queue, pwq;

    l->r = r;
    eg_each_list(queue, eg_sym(r, workqueues), workqueue_struct.list)
        eg_each_list(pwq, eg_at(queue, workqueue_struct.pwqs), pool_workqueue.pwqs_node) {
            if (l->n > WORKS_MAX)
                break;
            works(l, "inactive", eg_at(pwq, inactive),
                  cpu_of(eg_deref(eg_at(pwq, pool_workqueue.pool))));
            add_pool(l, eg_deref(eg_at(pwq, pool_workqueue.pool)));
        }
    linux_timers(r, delayed, l);
    if (l->n_pools >= POOLS_MAX)
        eg_note(r, "workqueues: only the first %d pools of workers are looked at", POOLS_MAX);
    if (l->n > WORKS_MAX)
        eg_note(r, "workqueues: only the first %d are shown", WORKS_MAX);
    return 0;
}

EG_PLUGIN(workqueues) = {
    .os = "linux",
    .help = "List work that waits in queues or is being done, and whose code it is",
    .manual =
        "Work of each pool of workers, of each queue that has too much of it, what workers do "
        "now, and what timers will put into a queue. HINTS has something where the function "
        "is code of no module that is listed, begins inside a function or is of a module "
        "that did not come with the kernel. It cannot see work that is not in a queue at "
        "this moment, nor the functions of queues of kthread_worker.",
    .aliases = EG_NAMES("workqueue"),
    .looks_for = EG_NAMES("code of nobody that waits to be called"),
    .columns = columns,
    .needs = EG_NEEDS(work_struct.func, worker_pool.worklist, workqueue_struct.pwqs),
    .needs_symbols = EG_NEEDS_SYMBOLS(workqueues),
    .run = run,
};
