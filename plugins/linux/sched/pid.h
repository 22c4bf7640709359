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

/** The struct pid of a task; null where the task has ended and it was taken away. */
EG_API struct eg_obj linux_task_pid(struct eg_run *r, struct eg_obj task);

/** The process whose thread has this id now: ids are used again. False: there is none. */
EG_API bool linux_process_of(struct eg_run *r, uint32_t tid, int64_t *pid);

/** The ids of every pid namespace, from the namespaces' own tables: `linux_each_pid(r, e)`. */
struct linux_pid_entry {
    struct eg_obj pid, ns; /**< struct pid, pid_namespace */
    int32_t nr;            /**< the id, in that namespace */
    struct eg_obj task;    /**< the task whose id it is; bad: it is a group's or session's only */
};
struct linux_pid_walk {
    struct eg_index_walk ids;
    uint64_t *spaces; /**< addresses of the namespaces that were met */
    struct eg_map *seen;
    uint32_t n, at, bucket, buckets;
    struct eg_hlist_walk chain;
    uint8_t state;
};
EG_API bool linux_next_pid(struct eg_run *r, struct linux_pid_walk *w, struct linux_pid_entry *out);
#define linux_each_pid(r, e)                                                                       \
    for (struct linux_pid_walk EG_CAT(w_, __LINE__) = { 0 };                                       \
         linux_next_pid((r), &EG_CAT(w_, __LINE__), &(e));)

#endif
