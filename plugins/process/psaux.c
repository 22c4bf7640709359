/* psaux - processes with their command lines, by the kernel's own rule (fs/proc/base.c). */
#include "../linux/linux.h"

EG_FIELDS(task_struct, tasks, pid, real_parent, comm, mm);
EG_FIELDS(mm_struct, arg_start, arg_end);
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(PID, INT, "process id")                                                                      \
    C(PPID, INT, "process id of the real parent")                                                  \
    C(COMM, TEXT, "name; the task can change it")                                                  \
    C(ARGS, TEXT, "command line, as the process left it; a kernel thread's name in brackets")
EG_COLUMNS(COLUMNS);

static struct eg_cell args(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf)
{
    struct eg_cell missing;
    size_t len;
    char *s;

    if (linux_task_is_kthread(r, task)) {
        const char *comm = eg_string(r, eg_at(task, task_struct.comm), 64);

        return comm ? eg_text(eg_strf(r, "[%s]", comm)) : eg_val(task, task_struct.comm);
    }
    s = linux_command_line(r, task, buf, &len, &missing);
    if (!s)
        return missing;
    for (size_t i = 0; i < len; i++)
        if (!s[i])
            s[i] = ' ';
    return eg_textn(s, len);
}

static int run(struct eg_run *r)
{
    struct linux_buffer buf = { 0 };
    struct eg_obj task;

    linux_each_process(r, task)
        if (eg_arg_match(r, "pid", eg_get_or((int64_t)-1, task, task_struct.pid)))
            eg_row(r, .PID = eg_val(task, task_struct.pid),
                   .PPID = eg_val(task, task_struct.real_parent, task_struct.pid),
                   .COMM = eg_val(task, task_struct.comm), .ARGS = args(r, task, &buf));
    return 0;
}

EG_PLUGIN(psaux) = {
    .os = "linux",
    .help = "List processes with their command lines",
    .manual = "The text lies in the process's own memory: it can write there what it likes.",
    .aliases = EG_NAMES("linux.psaux.PsAux"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.tasks, task_struct.mm, mm_struct.arg_start, mm_struct.arg_end),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .run = run,
};
