/* sched/kthread.c - kernel threads (kernel/kthread.c), and those of work queues
 * (kernel/workqueue.c). */
#include "kthread.h"
#include "flags.h"
#include "task.h"
#include <string.h>

EG_FIELDS(kthread, threadfn, data, full_name); // threadfn: 5.8; full_name: 5.17
// Where the struct kthread is: 5.17 (e32cf5dfbe22); before, in a member of user threads.
EG_FIELD_AS(task_kthread, task_struct, "worker_private|set_child_tid");

enum { NAME_BYTES = 64 }; // fs/proc/array.c, proc_task_name

static struct eg_obj kthread_of(struct eg_run *r, struct eg_obj task)
{
    if (!linux_task_is_kthread(r, task))
        return eg_bad(task, EG_ABSENT, task.addr);
    return eg_deref(eg_cast(eg_at(task, task_kthread), kthread));
}

struct eg_obj linux_kthread_function(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj function = eg_at(kthread_of(r, task), kthread.threadfn);
    uint64_t at;

    // kthreadd itself was made without.
    return eg_load(&at, function) && !at ? eg_bad(function, EG_NULL, function.addr) : function;
}

/* Its data is its struct worker, which knows it back. */
struct eg_obj linux_worker(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj w;
    uint64_t back;

    if (!linux_task_has(task, PF_WQ_WORKER))
        return eg_bad(task, EG_ABSENT, task.addr);
    w = eg_deref(eg_cast(eg_at(kthread_of(r, task), kthread.data), worker));
    if (!w.why && (!eg_get(&back, w, worker.task) || back != task.addr))
        return eg_bad(w, EG_BAD_VALUE, w.addr);
    return w;
}

static const char *text_of(struct eg_run *r, struct eg_obj text)
{
    const char *s = eg_string(r, text, NAME_BYTES);

    return s && *s ? s : NULL;
}

const char *linux_worker_queue(struct eg_run *r, struct eg_obj worker)
{
    const char *name =
        text_of(r, eg_at(worker, worker.current_pwq, pool_workqueue.wq, workqueue_struct.name));

    if (!name)
        name = text_of(r, eg_at(worker, worker.rescue_wq, workqueue_struct.name));
    // A function can describe its work itself (set_worker_desc): writeback does.
    return name ? name : text_of(r, eg_at(worker, worker.desc));
}

struct eg_obj linux_worker_function(struct eg_run *r, struct eg_obj worker)
{
    struct eg_obj function = eg_at(worker, worker.current_func);
    uint64_t to;

    (void)r;
    return eg_load(&to, function) && !to ? eg_bad(function, EG_NULL, function.addr) : function;
}

/* wq_worker_comm: the queue of what was last worked for stays in desc. */
static const char *worker_name(struct eg_run *r, struct eg_obj worker, const char *comm)
{
    static const char rescuer[] = "kworker/R-"; // 6.8
    const char *queue = text_of(r, eg_at(worker, worker.rescue_wq, workqueue_struct.name));
    const char *desc = text_of(r, eg_at(worker, worker.desc));
    uint64_t work;

    if (queue && !strncmp(comm, rescuer, sizeof rescuer - 1))
        comm = eg_strf(r, "%s%s", rescuer, queue);
    if (!desc || !eg_get_or(UINT64_C(0), worker, worker.pool) ||
        !eg_get(&work, worker, worker.current_work))
        return comm;
    return eg_strf(r, "%s%c%s", comm, work ? '+' : '-', desc);
}

struct eg_cell linux_task_name(struct eg_run *r, struct eg_obj task)
{
    const char *comm = eg_string(r, eg_at(task, task_struct.comm), NAME_BYTES), *full;
    struct eg_obj worker;

    if (!comm || !linux_task_is_kthread(r, task))
        return linux_comm(task);
    worker = linux_worker(r, task);
    if (!worker.why)
        return eg_text(worker_name(r, worker, comm));
    full = linux_task_has(task, PF_WQ_WORKER)
               ? NULL
               : text_of(r, eg_at(kthread_of(r, task), kthread.full_name));
    return eg_text(full ? full : comm);
}

EG_FUNCTION(task_name) = {
    .os = "linux",
    .help = "a task's name as ps shows it: of a kernel thread the whole one, with its work queue",
    .args = "task",
    .returns = "text",
    .needs = EG_NEEDS(task_struct.comm, task_struct.flags),
    .cell = linux_task_name,
};
