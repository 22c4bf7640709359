/* args.c - a process's program, command line and environment (fs/proc/base.c). */
#include "args.h"
#include "../fs/file.h"
#include "../sched/task.h"
#include <string.h>

struct eg_cell linux_exe(struct eg_run *r, struct eg_obj task)
{
    const struct eg_obj file = eg_deref(eg_at(task, task_struct.mm, mm_struct.exe_file));
    const char *path = file.why ? NULL : linux_file_path(r, file, LINUX_NOBODY);

    if (file.why)
        return eg_cell_of(file);
    return path ? eg_text(path) : eg_missing(EG_UNREADABLE, file.addr);
}

EG_FUNCTION(exe) = {
    .os = "linux",
    .help = "the path of the program that a task runs, as in /proc/PID/exe",
    .args = "task",
    .returns = "text",
    .needs = EG_NEEDS(task_struct.mm, mm_struct.exe_file),
    .cell = linux_exe,
};

/* A process that wrote over the last byte of its arguments has set a title, which may run on into
 * the environment: up to its first NUL, and over one page at most. */
static bool has_title(struct eg_run *r, struct eg_space *user, uint64_t arg_end)
{
    const uint8_t *last = eg_bytes(eg_view_of(r), user, arg_end - 1, 1);

    return last && *last;
}

char *linux_command_line(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf,
                         size_t *len, struct eg_cell *missing)
{
    struct eg_obj mm = eg_at(task, task_struct.mm), end_at = eg_at(mm, mm_struct.arg_end);
    struct eg_space *user = linux_mm_space(r, mm);
    uint64_t start, end;
    size_t got, whole;
    bool title;
    char *s;

    *missing = eg_cell_of(end_at);
    if (!eg_get(&start, mm, mm_struct.arg_start) || !eg_load(&end, end_at))
        return NULL;
    if (start >= end) {
        *len = 0;
        return eg_strf(r, "%s", "");
    }
    *missing = eg_missing(EG_TABLE_MISSING, mm.addr);
    if (!user)
        return NULL;
    title = has_title(r, user, end);
    if (title)
        end = start + (UINT64_C(1) << linux_page_shift(r));
    s = linux_user_bytes(r, user, start, end, buf, &got, missing);
    if (!s)
        return NULL;
    whole = title ? strlen(s) : got;
    if (whole == got && got < end - start)
        linux_note_cut(r, task, "command line", missing);
    while (whole && !s[whole - 1])
        whole--;
    *len = whole;
    return s;
}

static struct eg_cell command_line(struct eg_run *r, struct eg_obj task)
{
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    size_t len;
    const char *s = linux_command_line(r, task, &buf, &len, &missing);

    return s ? eg_textn(s, len) : missing;
}

EG_FUNCTION(args) = {
    .os = "linux",
    .help = "a task's command line, a \\0 between arguments",
    .args = "task",
    .returns = "text",
    .needs = EG_NEEDS(task_struct.mm, mm_struct.arg_start, mm_struct.arg_end),
    .cell = command_line,
};

char *linux_environment(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf, size_t *len,
                        struct eg_cell *missing)
{
    struct eg_obj mm = eg_at(task, task_struct.mm), end_at = eg_at(mm, mm_struct.env_end);
    struct eg_space *user = linux_mm_space(r, mm);
    uint64_t start, end;
    char *s;

    *missing = eg_cell_of(end_at);
    if (!eg_get(&start, mm, mm_struct.env_start) || !eg_load(&end, end_at))
        return NULL;
    *missing = eg_missing(EG_TABLE_MISSING, mm.addr);
    if (!user)
        return NULL;
    if (start >= end) {
        *len = 0;
        return eg_strf(r, "%s", "");
    }
    s = linux_user_bytes(r, user, start, end, buf, len, missing);
    if (!s || *len < end - start)
        linux_note_cut(r, task, "environment", missing);
    return s;
}

static struct eg_cell environment(struct eg_run *r, struct eg_obj task)
{
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    size_t len;
    const char *s = linux_environment(r, task, &buf, &len, &missing);

    return s ? eg_textn(s, len) : missing;
}

EG_FUNCTION(environ) = {
    .os = "linux",
    .help = "the environment that a task was started with: NAME=VALUE, a \\0 between two",
    .args = "task",
    .returns = "text",
    .needs = EG_NEEDS(task_struct.mm, mm_struct.env_start, mm_struct.env_end),
    .cell = environment,
};

bool linux_next_variable(struct eg_run *r, struct eg_obj task, struct linux_variable_walk *w,
                         struct linux_variable *out)
{
    struct eg_cell missing;
    const char *equals;
    uint64_t mm;
    size_t n = 0;

    if (!w->begun) {
        w->begun = true;
        if (eg_get(&mm, task, task_struct.mm) && !mm) // a kernel thread, or it has ended
            return false;
        w->text = linux_environment(r, task, w->buf, &w->len, &missing);
        if (!w->text && !linux_task_space(r, task))
            eg_note(r, "process %d: its mm_struct or page table cannot be read: no environment",
                    eg_get_or(-1, task, task_struct.pid));
    }
    while (w->text && w->at < w->len && !n && !eg_stopped(r)) {
        const char *at = w->text + w->at;

        n = strnlen(at, w->len - w->at);
        w->at += n + 1;
        equals = memchr(at, '=', n);
        *out = (struct linux_variable){ .key = at, .key_len = n };
        if (equals) {
            out->key_len = (size_t)(equals - at);
            out->value = equals + 1;
            out->value_len = n - out->key_len - 1;
        }
    }
    return n != 0;
}
