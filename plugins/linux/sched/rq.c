/* sched/rq.c - run queues (kernel/sched/sched.h). */
#include "rq.h"
#include "../state.h"
#include "gather.h"
#include "task.h"

EG_FIELD_AS(rq_stop, rq, "stop");
EG_FIELD_AS(rq_fair_tasks, rq, "cfs_tasks"); // with SMP
EG_FIELD_AS(rq_rt_queue, rq, "rt.active.queue");
EG_FIELD_AS(rq_dl_root, rq, "dl.root");
EG_FIELD_AS(task_fair_node, task_struct, "se.group_node");
EG_FIELD_AS(task_rt_node, task_struct, "rt.run_list");
EG_FIELD_AS(task_dl_node, task_struct, "dl.rb_node");
EG_FIELD_AS(task_dl_server, task_struct, "dl.dl_server"); // 6.8

enum { PRIORITIES_MAX = 1024 };

/* One CPU's copy of the queue, as linux_percpu gives it. */
static struct eg_obj queue_of(struct eg_run *r, unsigned cpu)
{
    struct eg_obj rq = eg_sym(r, runqueues);

    if (!rq.why)
        rq.addr += linux_state(eg_system_of(r))->percpu_offset[cpu];
    return rq;
}

bool linux_each_queued(struct eg_run *r, void (*take)(void *context, struct eg_obj task),
                       void *context)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    bool known = false;

    for (unsigned cpu = 0; s->percpu_offset && cpu < s->n_cpus && !eg_stopped(r); cpu++) {
        struct eg_obj rq = queue_of(r, cpu), list, t;
        const struct eg_obj direct[] = { eg_deref(eg_at(rq, rq.curr)), eg_deref(eg_at(rq, rq.idle)),
                                         eg_deref(eg_at(rq, rq_stop)) };

        if (direct[0].why && direct[1].why) // no such CPU, or nothing of it can be read
            continue;
        known = true;
        for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
            if (!direct[i].why)
                take(context, direct[i]);
        if (eg_has(r, rq_fair_tasks))
            eg_each_list(t, eg_at(rq, rq_fair_tasks), task_fair_node)
                take(context, t);
        list = eg_at(rq, rq_rt_queue);
        for (uint64_t i = 0; !list.why && i < eg_count(list) && i < PRIORITIES_MAX; i++)
            eg_each_list(t, eg_index(list, i), task_rt_node)
                take(context, t);
        // A queue may have servers of deadlines in it, which are no tasks.
        if (eg_has(r, rq_dl_root))
            eg_each_rb(t, eg_at(rq, rq_dl_root), task_dl_node)
                if (!eg_get_or(0u, t, task_dl_server))
                    take(context, t);
    }
    return known;
}

static bool next_task(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_gather_next(r, state, linux_each_queued, out);
}

EG_WALKER(queued_tasks) = {
    .os = "linux",
    .help = "the tasks of all run queues: those that run or wait for a CPU, the idle and the stop "
            "tasks; one may come more than once",
    .elem = "task_struct",
    .needs = EG_NEEDS(rq.curr),
    .needs_symbols = EG_NEEDS_SYMBOLS(runqueues),
    .state = sizeof(struct linux_gather),
    .next = next_task,
};
