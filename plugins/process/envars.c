/* envars - the environment that processes were started with. */
#include "../linux/linux.h"
#include <string.h>

EG_FIELDS(task_struct, tasks, pid, real_parent, comm, mm);
EG_FIELDS(mm_struct, env_start, env_end);
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(PID, INT, "process id")                                                                      \
    C(PPID, INT, "process id of the real parent")                                                  \
    C(COMM, TEXT, "name; the task can change it")                                                  \
    C(KEY, TEXT, "variable, or the whole string where it has no equals sign")                      \
    C(VALUE, TEXT, "what stands behind the equals sign")
EG_COLUMNS(COLUMNS);

static void emit(struct eg_run *r, struct eg_obj task, struct eg_cell key, struct eg_cell value)
{
    eg_row(r, .PID = eg_val(task, task_struct.pid),
           .PPID = eg_val(task, task_struct.real_parent, task_struct.pid),
           .COMM = eg_val(task, task_struct.comm), .KEY = key, .VALUE = value);
}

static void list(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf)
{
    struct eg_obj mm = eg_at(task, task_struct.mm);
    struct eg_space *user;
    uint64_t start, end;
    struct eg_cell missing;
    size_t len, n;
    char *s;

    if (eg_load(&start, mm) && !start) // a kernel thread, or it has ended
        return;
    user = linux_mm_space(r, mm);
    if (!user || !eg_get(&start, mm, mm_struct.env_start) || !eg_get(&end, mm, mm_struct.env_end)) {
        eg_note(r, "process %d: its mm_struct or page table cannot be read: no environment",
                eg_get_or(-1, task, task_struct.pid));
        return;
    }
    if (start >= end)
        return;
    s = linux_user_bytes(r, user, start, end, buf, &len, &missing);
    if (!s || len < end - start)
        linux_note_cut(r, task, "environment", &missing);
    if (!s)
        return;
    for (size_t at = 0; at < len && !eg_stopped(r); at += n + 1) {
        const char *equals;

        n = strnlen(s + at, len - at);
        equals = memchr(s + at, '=', n);
        if (equals)
            emit(r, task, eg_textn(s + at, (size_t)(equals - s) - at),
                 eg_textn(equals + 1, (size_t)(s + at + n - equals) - 1));
        else if (n) // the process wrote over its environment: a title, as a rule
            emit(r, task, eg_textn(s + at, n), (struct eg_cell){ 0 });
    }
}

static int run(struct eg_run *r)
{
    struct linux_buffer buf = { 0 };
    struct eg_obj task;

    linux_each_process(r, task)
        if (eg_arg_match(r, "pid", eg_get_or((int64_t)-1, task, task_struct.pid)))
            list(r, task, &buf);
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
    .needs = EG_NEEDS(task_struct.tasks, task_struct.mm, mm_struct.env_start, mm_struct.env_end),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .run = run,
};
