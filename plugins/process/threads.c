/* threads - every thread of every process. */
#include "../linux/kernel/time.h"
#include "../linux/sched/kthread.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(task_policy_prio, task_struct, "prio");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    LINUX_COLUMN_PID(C)                                                                            \
    C(TID, INT, "thread id")                                                                       \
    LINUX_COLUMN_PPID(C)                                                                           \
    C(COMM, TEXT, "name of the thread; it can change it")                                          \
    C(NAME, TEXT, "of a kernel thread the whole name, as ps shows it")                             \
    C(STATE, TEXT, "letter of /proc/PID/stat")                                                     \
    C(EXIT_STATE, TEXT, "EXIT_ZOMBIE, EXIT_DEAD; TASK_RUNNING while it has not ended", EG_MINOR)   \
    C(CPU, INT, "that it runs on or last ran on")                                                  \
    C(ON_CPU, BOOL, "whether it was running when the image was taken")                             \
    C(PRIO, INT, "as the scheduler has it: 120 is nice 0, below 100 is real time", EG_MINOR)       \
    C(CREATION_TIME, TIME, "when it was created; moves with the wall clock")                       \
    C(STACK, ADDR, "lowest address of its kernel stack", EG_MINOR)
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct eg_obj leader, t;

    linux_each_process(r, leader) {
        if (!linux_pid_asked(r, leader))
            continue;
        linux_each_thread(r, leader, t)
            eg_row(r, .OFFSET = eg_addr(t), .PID = linux_pid(t), .TID = linux_tid(t),
                   .PPID = linux_ppid(t), .COMM = linux_comm(t), .NAME = linux_task_name(r, t),
                   .STATE = linux_task_state_cell(r, t), .EXIT_STATE = linux_task_exit_state(r, t),
                   .CPU = eg_val(t, task_cpu), .ON_CPU = eg_val(t, task_on_cpu),
                   .PRIO = eg_val(t, task_policy_prio),
                   .CREATION_TIME = linux_wall_of(r, LINUX_BOOTTIME, eg_at(t, task_started)),
                   .STACK = eg_val(t, task_struct.stack));
    }
    return 0;
}

EG_PLUGIN(threads) = {
    .os = "linux",
    .help = "List every thread of every process",
    .manual = "Goes along the kernel's task list and each process's list of threads; psxview tells "
              "what is on neither. pslist --threads has users and ids in pid namespaces.",
    .aliases = EG_NAMES("linux_threads"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.pid, task_struct.comm),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
    .key = EG_NAMES("PID", "TID", "CREATION_TIME"),
    .moves = EG_NAMES("STATE", "CPU", "ON_CPU", "PRIO"),
};
