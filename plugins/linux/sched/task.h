/** sched/task.h - tasks: processes, their threads, and what /proc/PID/status says of one.
 *
 *  The members below are the ones that any file may read. A file that wants another declares it
 * under a handle of its own (EG_FIELD_AS), or adds it here when it is the second. */
#ifndef EG_LINUX_TASK_H
#define EG_LINUX_TASK_H

#include "../../../core/engram.h"

EG_FIELDS(task_struct, cgroups, children, comm, exit_state, flags, fs, group_leader, mm, nsproxy,
          pid, pids, real_cred, real_parent, sibling, signal, stack, tasks, tgid, thread_node,
          thread_pid);
EG_FIELD_AS(signal_threads, signal_struct, "nr_threads");
EG_FIELD_AS(task_cpu, task_struct, "thread_info.cpu|cpu");                // moved in 5.16
EG_FIELD_AS(task_on_cpu, task_struct, "on_cpu");                          // with SMP
EG_FIELD_AS(task_started, task_struct, "start_boottime|real_start_time"); // renamed in 5.5
EG_FIELD_AS(task_state, task_struct, "__state|state");                    // renamed in 5.14

/** Processes (the leaders of thread groups) in the order of init_task.tasks, without init_task,
 * which is swapper/0. */
struct linux_task_walk {
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_process(struct eg_run *r, struct linux_task_walk *w, struct eg_obj *task);
#define linux_each_process(r, t)                                                                   \
    for (struct linux_task_walk EG_CAT(w_, __LINE__) = { 0 };                                      \
         linux_next_process((r), &EG_CAT(w_, __LINE__), &(t));)

/** All threads of a process, the leader first. */
struct linux_thread_walk {
    struct eg_obj leader;
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_thread(struct eg_run *r, struct linux_thread_walk *w, struct eg_obj *task);
#define linux_each_thread(r, leader_, t)                                                           \
    for (struct linux_thread_walk EG_CAT(w_, __LINE__) = { .leader = (leader_) };                  \
         linux_next_thread((r), &EG_CAT(w_, __LINE__), &(t));)

/** Columns that mean the same in every plugin that has them: LINUX_COLUMN_PID(C) in its list, and
 * linux_pid(task) in its row. */
#define LINUX_COLUMN_PID(C)  C(PID, INT, "process id")
#define LINUX_COLUMN_TID(C)  C(TID, INT, "thread id", EG_MINOR)
#define LINUX_COLUMN_PPID(C) C(PPID, INT, "process id of the real parent")
#define LINUX_COLUMN_COMM(C) C(COMM, TEXT, "name; the task can change it")

static inline struct eg_cell linux_pid(struct eg_obj task)
{
    return eg_val(task, task_struct.tgid);
}
static inline struct eg_cell linux_tid(struct eg_obj task)
{
    return eg_val(task, task_struct.pid);
}
/** The real parent may be any thread of its process: it is that process's id. */
static inline struct eg_cell linux_ppid(struct eg_obj task)
{
    return eg_val(task, task_struct.real_parent, task_struct.tgid);
}
static inline struct eg_cell linux_comm(struct eg_obj task)
{
    return eg_val(task, task_struct.comm);
}
/** The process of the real parent: its thread group's leader. */
EG_API struct eg_obj linux_parent(struct eg_run *r, struct eg_obj task);
/** Does --pid name this process, or is there no --pid? */
static inline bool linux_pid_asked(struct eg_run *r, struct eg_obj task)
{
    return eg_arg_match(r, "pid", eg_get_or((int64_t)-1, task, task_struct.tgid));
}
/** The same of a thread, by --pid and --tid. */
static inline bool linux_tid_asked(struct eg_run *r, struct eg_obj task)
{
    return linux_pid_asked(r, task) &&
           eg_arg_match(r, "tid", eg_get_or((int64_t)-1, task, task_struct.pid));
}

/** One letter as in /proc/PID/stat: R S D T t X Z P I; '?': it cannot be read. */
EG_API char linux_task_state(struct eg_run *r, struct eg_obj task);
EG_API struct eg_cell linux_task_state_cell(struct eg_run *r, struct eg_obj task);
/** "EXIT_ZOMBIE", "EXIT_DEAD", "EXIT_TRACE"; "TASK_RUNNING" while it has not ended. */
EG_API struct eg_cell linux_task_exit_state(struct eg_run *r, struct eg_obj task);
/** Does it have this bit (PF_KTHREAD, sched/flags.h)? False where its flags cannot be read. */
EG_API bool linux_task_has(struct eg_obj task, uint32_t flag);
EG_API bool linux_task_is_kthread(struct eg_run *r, struct eg_obj task);
/** When it was created, in ns since boot; false: it cannot be read. */
EG_API bool linux_task_started(struct eg_obj task, int64_t *ns);

/** Process 1, whose root is the system's; swapper/0 when there is none. */
EG_API struct eg_obj linux_init(struct eg_run *r);
/** The task to name where there is none: a bad cursor. */
#define LINUX_NOBODY ((struct eg_obj){ .why = EG_NULL })

#endif
