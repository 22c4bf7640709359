/* envars - the environment that processes were started with. */
#include "../linux/mm/args.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(KEY, TEXT, "variable, or the whole string where it has no equals sign")                      \
    C(VALUE, TEXT, "what stands behind the equals sign")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct linux_buffer buf = { 0 };
    struct linux_variable v;
    struct eg_obj task;

    linux_each_process(r, task) {
        if (!linux_pid_asked(r, task))
            continue;
        linux_each_variable(r, task, &buf, v)
            eg_row(r, .PID = linux_pid(task), .PPID = linux_ppid(task), .COMM = linux_comm(task),
                   .KEY = eg_textn(v.key, v.key_len),
                   .VALUE = v.value ? eg_textn(v.value, v.value_len) : (struct eg_cell){ 0 });
    }
    return 0;
}

EG_PLUGIN(envars) = {
    .os = "linux",
    .help = "List the environment variables of processes",
    .manual =
        "The block that the kernel laid down at exec, as it is now. What a program sets later "
        "is on its heap, and not here.",
    .aliases = EG_NAMES("linux.envars.Envars"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .uses = EG_NAMES("tasks", "environ"),
    .run = run,
};
