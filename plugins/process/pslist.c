/* pslist - processes, in the order of the kernel's own task list. */
#include "../linux/kernel/time.h"
#include "../linux/sched/cred.h"
#include "../linux/sched/pid.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(UID, INT, "real user")                                                                       \
    C(GID, INT, "real group", EG_MINOR)                                                            \
    C(EUID, INT, "effective user")                                                                 \
    C(EGID, INT, "effective group", EG_MINOR)                                                      \
    C(STATE, TEXT, "letter of /proc/PID/stat")                                                     \
    C(CREATION_TIME, TIME, "when it was created; moves with the wall clock")                       \
    C(NSPID, TEXT, "its id in each pid namespace, the outermost first", EG_MINOR)                  \
    C(EXIT_STATE, TEXT, "EXIT_ZOMBIE, EXIT_DEAD; TASK_RUNNING while it has not ended", EG_MINOR)
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    const bool threads = eg_arg_flag(r, "threads");
    struct eg_obj leader, t;

    linux_each_process(r, leader) {
        if (!linux_pid_asked(r, leader))
            continue;
        linux_each_thread(r, leader, t) {
            eg_row(r, .OFFSET = eg_addr(t), .PID = linux_pid(t), .TID = linux_tid(t),
                   .PPID = linux_ppid(t), .COMM = linux_comm(t),
                   .UID = eg_val(t, task_struct.real_cred, cred_uid),
                   .GID = eg_val(t, task_struct.real_cred, cred_gid),
                   .EUID = eg_val(t, task_struct.real_cred, cred_euid),
                   .EGID = eg_val(t, task_struct.real_cred, cred_egid),
                   .STATE = linux_task_state_cell(r, t),
                   .CREATION_TIME = linux_wall_of(r, LINUX_BOOTTIME, eg_at(t, task_started)),
                   .NSPID = linux_task_nspid(r, t), .EXIT_STATE = linux_task_exit_state(r, t));
            if (!threads)
                break;
        }
    }
    return 0;
}

EG_PLUGIN(pslist) = {
    .os = "linux",
    .help = "List processes by walking init_task.tasks",
    .manual =
        "Sees what is on the kernel's task list. A task that was taken off that list is missing "
        "here. Ids are those of the initial namespaces.",
    .aliases = EG_NAMES("linux.pslist.PsList", "ps"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(threads, FLAG, "every thread, not only the leaders")),
    .needs = EG_NEEDS(task_struct.pid, task_struct.comm),
    .uses = EG_NAMES("tasks"),
    .run = run,
    .key = EG_NAMES("PID", "TID", "CREATION_TIME"),
    .moves = EG_NAMES("STATE"),
};
