/** sched/kthread.h - kernel threads: what one runs, and its name as /proc has it. */
#ifndef EG_LINUX_KTHREAD_H
#define EG_LINUX_KTHREAD_H

#include "../../../core/engram.h"

EG_FIELDS(worker, current_func, current_pwq, current_work, desc, node, pool, rescue_wq, scheduled,
          task);                                // kernel/workqueue_internal.h
EG_FIELDS(pool_workqueue, pool, pwqs_node, wq); // kernel/workqueue.c
EG_FIELDS(workqueue_struct, list, name, pwqs);

/** The function that a kernel thread was made for; bad where it is none, or its kernel does not
 * keep it (before 5.8). */
EG_API struct eg_obj linux_kthread_function(struct eg_run *r, struct eg_obj task);
/** The struct worker of a thread that works through work queues; bad: it is none. */
EG_API struct eg_obj linux_worker(struct eg_run *r, struct eg_obj task);
/** The work queue of what a worker does, or did last; NULL: not known. */
EG_API const char *linux_worker_queue(struct eg_run *r, struct eg_obj worker);
/** The function that a worker is in. Bad: in none. */
EG_API struct eg_obj linux_worker_function(struct eg_run *r, struct eg_obj worker);
/** The name as /proc/PID/comm, stat and ps have it: of a kernel thread the whole one, which comm
 * cuts at 15 bytes, of a worker with its work queue: "kworker/0:1-events", with + while it works.
 */
EG_API struct eg_cell linux_task_name(struct eg_run *r, struct eg_obj task);

#endif
