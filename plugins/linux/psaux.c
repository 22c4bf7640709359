/* psaux - processes with their command lines, by the kernel's own rule (fs/proc/base.c). */
#include "linux.h"

EG_FIELDS(task_struct, tasks, pid, real_parent, comm, mm);
EG_FIELDS(mm_struct, arg_start, arg_end);
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(PID, INT, "process id")                                                                      \
    C(PPID, INT, "process id of the real parent")                                                  \
    C(COMM, TEXT, "name; the task can change it")                                                  \
    C(ARGS, TEXT, "command line, as the process left it; a kernel thread's name in brackets")
EG_COLUMNS(COLUMNS);

/* A process that wrote over the last byte of its arguments has set a title, which may run on into
 * the environment: up to its first NUL, and over one page at most. */
static bool has_title(struct eg_run *r, struct eg_space *user, uint64_t arg_end)
{
    const uint8_t *last = eg_bytes(eg_view_of(r), user, arg_end - 1, 1);

    return last && *last;
}

static struct eg_cell read_args(struct eg_run *r, struct eg_obj task, struct eg_space *user,
                                uint64_t start, uint64_t end, struct linux_buffer *buf)
{
    const bool title = has_title(r, user, end);
    struct eg_cell missing;
    size_t len, whole;
    char *s;

    if (title)
        end = start + (UINT64_C(1) << linux_page_shift(r));
    s = linux_user_bytes(r, user, start, end, buf, &len, &missing);
    if (!s)
        return missing;
    whole = title ? __builtin_strlen(s) : len;
    if (whole == len && len < end - start)
        linux_note_cut(r, task, "command line", &missing);
    while (whole && !s[whole - 1])
        whole--;
    for (size_t i = 0; i < whole; i++)
        if (!s[i])
            s[i] = ' ';
    return eg_textn(s, whole);
}

static struct eg_cell args(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf)
{
    struct eg_obj mm = eg_at(task, task_struct.mm);
    struct eg_obj end_at = eg_at(mm, mm_struct.arg_end);
    struct eg_space *user;
    uint64_t start, end;

    if (linux_task_is_kthread(r, task)) {
        const char *comm = eg_string(r, eg_at(task, task_struct.comm), 64);

        return comm ? eg_text(eg_strf(r, "[%s]", comm)) : eg_val(task, task_struct.comm);
    }
    if (!eg_get(&start, mm, mm_struct.arg_start) || !eg_load(&end, end_at))
        return eg_cell_of(end_at);
    if (start >= end)
        return eg_text("");
    user = linux_mm_space(r, mm);
    return user ? read_args(r, task, user, start, end, buf) : eg_missing(EG_TABLE_MISSING, mm.addr);
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
