/* psaux - processes with their command lines, by the kernel's own rule (fs/proc/base.c). */
#include "../linux/kernel/time.h"
#include "../linux/mm/args.h"
#include "../linux/sched/cred.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(EUID, INT, "effective user")                                                                 \
    C(CREATION_TIME, TIME, "when it was created; moves with the wall clock")                       \
    C(ARGS, TEXT, "command line, as the process left it; a kernel thread's name in brackets")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct linux_buffer buf = { 0 };
    struct eg_obj task;

    linux_each_process(r, task)
        if (linux_pid_asked(r, task))
            eg_row(r, .PID = linux_pid(task), .PPID = linux_ppid(task), .COMM = linux_comm(task),
                   .EUID = eg_val(task, task_struct.real_cred, cred_euid),
                   .CREATION_TIME = linux_wall_of(r, LINUX_BOOTTIME, eg_at(task, task_started)),
                   .ARGS = linux_shown_args(r, task, &buf));
    return 0;
}

EG_PLUGIN(psaux) = {
    .os = "linux",
    .help = "List processes with user, start time and command line",
    .manual = "The text lies in the process's own memory: it can write there what it likes.",
    .aliases = EG_NAMES("linux.psaux.PsAux"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .uses = EG_NAMES("tasks", "args"),
    .run = run,
    .key = EG_NAMES("PID", "CREATION_TIME"),
};
