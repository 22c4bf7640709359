/* pidhashtable - tasks by the tables of ids that pid namespaces have. */
#include "../linux/sched/pid.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(ns_inum, pid_namespace, "ns.inum");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    LINUX_COLUMN_PID(C)                                                                            \
    C(TID, INT, "thread id")                                                                       \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(NS, INT, "pid namespace, whose table this is")                                               \
    C(ID, INT, "the task's id in that namespace")                                                  \
    C(EXIT_STATE, TEXT, "EXIT_ZOMBIE, EXIT_DEAD; TASK_RUNNING while it has not ended", EG_MINOR)
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct linux_pid_entry e;

    linux_each_pid(r, e) if (!e.task.why && linux_pid_asked(r, e.task))
        eg_row(r, .OFFSET = eg_addr(e.task), .PID = linux_pid(e.task), .TID = linux_tid(e.task),
               .PPID = linux_ppid(e.task), .COMM = linux_comm(e.task), .NS = eg_val(e.ns, ns_inum),
               .ID = eg_int(e.nr), .EXIT_STATE = linux_task_exit_state(r, e.task));
    return 0;
}

EG_PLUGIN(pidhashtable) = {
    .os = "linux",
    .help = "List tasks by the tables of ids that pid namespaces have",
    .manual =
        "/proc lists processes by these tables, so what is missing here is missing in ps. A task "
        "has a row for each namespace that it is seen in: first those of the initial one. Ids that "
        "are only of a process group or a session whose leader has ended are left out. Compare "
        "with pslist, or see psxview, which does.",
    .aliases = EG_NAMES("linux.pidhashtable.PIDHashTable"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.pid, task_struct.comm),
    .uses = EG_NAMES("pids"),
    .run = run,
};
