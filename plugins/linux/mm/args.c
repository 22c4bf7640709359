/* args.c - a process's program, command line and environment (fs/proc/base.c). */
#include "args.h"
#include "../fs/file.h"
#include "../sched/kthread.h"
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

/** Strings that exec laid down on a process's stack: the arguments or the environment. */
struct area {
    struct eg_space *user;
    uint64_t start, end;
};

/** The area that two members of an mm_struct bound. @return false, with @missing its reason, when
 * it is not known. */
static bool area_of(struct eg_run *r, struct eg_obj mm, struct eg_obj start, struct eg_obj end,
                    struct area *out, struct eg_cell *missing)
{
    *missing = eg_cell_of(start);
    if (!eg_load(&out->start, start))
        return false;
    *missing = eg_cell_of(end);
    if (!eg_load(&out->end, end))
        return false;
    *missing = eg_missing(EG_TABLE_MISSING, mm.addr);
    out->user = linux_mm_space(r, mm);
    return out->start >= out->end || out->user;
}

char *linux_command_line(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf,
                         size_t *len, struct eg_cell *missing)
{
    struct eg_obj mm = eg_at(task, task_struct.mm);
    struct area a;
    size_t got, whole;
    bool title;
    char *s;

    if (!area_of(r, mm, eg_at(mm, mm_struct.arg_start), eg_at(mm, mm_struct.arg_end), &a, missing))
        return NULL;
    *len = 0;
    if (a.start >= a.end)
        return eg_strf(r, "%s", "");
    title = has_title(r, a.user, a.end);
    if (title)
        a.end = a.start + (UINT64_C(1) << linux_page_shift(r));
    s = linux_user_bytes(r, a.user, a.start, a.end, buf, &got, missing);
    if (!s)
        return NULL;
    whole = title ? strlen(s) : got;
    if (whole == got && got < a.end - a.start)
        linux_note_cut(r, task, "command line", missing);
    while (whole && !s[whole - 1])
        whole--;
    *len = whole;
    return s;
}

char *linux_environment(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf, size_t *len,
                        struct eg_cell *missing)
{
    struct eg_obj mm = eg_at(task, task_struct.mm);
    struct area a;
    char *s;

    if (!area_of(r, mm, eg_at(mm, mm_struct.env_start), eg_at(mm, mm_struct.env_end), &a, missing))
        return NULL;
    *len = 0;
    if (a.start >= a.end)
        return eg_strf(r, "%s", "");
    s = linux_user_bytes(r, a.user, a.start, a.end, buf, len, missing);
    if (!s || *len < a.end - a.start)
        linux_note_cut(r, task, "environment", missing);
    return s;
}

struct eg_cell linux_shown_args(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf)
{
    struct eg_cell missing;
    size_t len;
    char *s;

    if (linux_task_is_kthread(r, task)) {
        const struct eg_cell name = linux_task_name(r, task);

        return name.tag == EG_CELL_TEXT ? eg_text(eg_strf(r, "[%s]", (const char *)name.bytes.p))
                                        : name;
    }
    s = linux_command_line(r, task, buf, &len, &missing);
    if (!s)
        return missing;
    for (size_t i = 0; i < len; i++)
        if (!s[i])
            s[i] = ' ';
    return eg_textn(s, len);
}

/** One of the two as the value of a function. */
static struct eg_cell text_of(struct eg_run *r, struct eg_obj task,
                              char *(*read)(struct eg_run *, struct eg_obj, struct linux_buffer *,
                                            size_t *, struct eg_cell *))
{
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    size_t len;
    const char *s = read(r, task, &buf, &len, &missing);

    return s ? eg_textn(s, len) : missing;
}

static struct eg_cell command_line(struct eg_run *r, struct eg_obj task)
{
    return text_of(r, task, linux_command_line);
}

static struct eg_cell environment(struct eg_run *r, struct eg_obj task)
{
    return text_of(r, task, linux_environment);
}

EG_FUNCTION(args) = {
    .os = "linux",
    .help = "a task's command line, a \\0 between arguments",
    .args = "task",
    .returns = "text",
    .needs = EG_NEEDS(task_struct.mm, mm_struct.arg_start, mm_struct.arg_end),
    .cell = command_line,
};

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

struct envars {
    struct linux_buffer buf;
    struct linux_variable_walk walk;
};

static bool next_envar(struct eg_run *r, struct eg_obj task, void *state, struct eg_cell *out)
{
    struct envars *w = state;
    struct linux_variable v;

    w->walk.buf = &w->buf;
    if (task.why || !linux_next_variable(r, task, &w->walk, &v))
        return false;
    out[0] = eg_textn(v.key, v.key_len);
    if (v.value)
        out[1] = eg_textn(v.value, v.value_len);
    return true;
}

EG_WALKER(envars) = {
    .os = "linux",
    .help = "the environment variables that a task was started with; of a string without an equals "
            "sign, all of it and nil",
    .arg = "task",
    .needs = EG_NEEDS(task_struct.mm, mm_struct.env_start, mm_struct.env_end),
    .state = sizeof(struct envars),
    .next_values = next_envar,
    .values = "key: text, value: text",
};
