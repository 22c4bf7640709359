/** sched/pid.h - struct pid: a task's ids, one for each pid namespace it is seen in. */
#ifndef EG_LINUX_PID_H
#define EG_LINUX_PID_H

#include "../../../core/engram.h"

/** The ids of a task, those of the outermost namespace first. @return how many, at most @max; 0:
 * not all can be read. */
EG_API unsigned linux_task_pids(struct eg_run *r, struct eg_obj task, int32_t *out, unsigned max);
/** The same as text: "4711,1". */
EG_API struct eg_cell linux_task_nspid(struct eg_run *r, struct eg_obj task);
/** The inode number of the innermost pid namespace; 0: it cannot be read. */
EG_API uint64_t linux_task_pid_ns(struct eg_run *r, struct eg_obj task);

#endif
