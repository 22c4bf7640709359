/** sched/rq.h - run queues: the tasks that run, or wait for a CPU. */
#ifndef EG_LINUX_RQ_H
#define EG_LINUX_RQ_H

#include "../../../core/engram.h"

EG_FIELDS(rq, curr, idle);
EG_SYMBOL(runqueues, "rq"); // one for each CPU: linux_percpu

/** Call @take for each task of the run queues of all CPUs that are online: the one that runs, the
 * idle and the stop task, and those that are queued. A task may come more than once.
 * @return false: where they are is not known. */
EG_API bool linux_each_queued(struct eg_run *r, void (*take)(void *context, struct eg_obj task),
                              void *context);

#endif
