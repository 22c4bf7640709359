/* envars - the environment that processes were started with, or that they have now. */
#include "../../core/map.h"
#include "../linux/mm/args.h"
#include "../linux/sched/task.h"
#include "../linux/user/environ.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(KEY, TEXT, "variable, or the whole string where it has no equals sign")                      \
    C(VALUE, TEXT, "what stands behind the equals sign")                                           \
    C(CHANGE, TEXT, "--now: added, changed or removed since it was started", EG_ASKED)             \
    C(OLD_VALUE, TEXT, "--now: of what was changed or is not there, the value at the start",       \
      EG_ASKED)
EG_COLUMNS(COLUMNS);

/** The variables at the start, by name. */
struct before {
    struct linux_variable *all;
    bool *seen;
    size_t n, cap;
    struct eg_map *names; // hash of the name → number
};

static uint64_t find(struct before *b, const char *key, size_t len)
{
    const uint32_t hash = eg_map_hash(key, len);
    uint64_t i;

    for (uint32_t n = 0; eg_map_get(b->names, eg_map_key(hash, n), &i); n++)
        if (b->all[i].key_len == len && !memcmp(b->all[i].key, key, len))
            return i;
    return UINT64_MAX;
}

static void keep(struct eg_run *r, struct before *b, struct linux_variable v)
{
    const uint32_t hash = eg_map_hash(v.key, v.key_len);
    uint64_t i;
    uint32_t nth = 0;

    b->all = eg_grow(r, b->all, b->n, &b->cap, sizeof *b->all);
    // Of two of a name, getenv() gives the first.
    if (find(b, v.key, v.key_len) != UINT64_MAX)
        return;
    while (eg_map_get(b->names, eg_map_key(hash, nth), &i))
        nth++;
    eg_run_map_add(r, b->names, eg_map_key(hash, nth), b->n);
    b->all[b->n++] = v;
}

static struct eg_cell value_of(const struct linux_variable *v)
{
    return v->value ? eg_textn(v->value, v->value_len) : (struct eg_cell){ 0 };
}

/** What is reused from one process to the next. */
struct work {
    struct linux_user u;
    struct linux_environ now;
    struct linux_buffer start, name, value;
};

static const char *change(const struct linux_variable *old, const char *value, size_t len)
{
    if (!old)
        return "added";
    if (!old->value != !value)
        return "changed";
    return !value || (old->value_len == len && !memcmp(old->value, value, len)) ? "" : "changed";
}

/** One that it has now; @return its number in @b, or UINT64_MAX. */
static void row_now(struct eg_run *r, struct eg_obj task, struct work *w, struct before *b,
                    const struct linux_setting *s)
{
    struct eg_cell missing;
    size_t key_len = 0, len = 0;
    const char *key = linux_user_bytes(r, w->u.space, s->name, s->name + s->name_len, &w->name,
                                       &key_len, &missing);
    const char *value = NULL, *what;
    const struct linux_variable *old;
    uint64_t i;
    bool lost = false;

    if (s->value) {
        value =
            linux_user_text(&w->u, s->value, LINUX_SETTING_MAX, LINUX_TEXT_ANY, &w->value, &len);
        lost = !value && !eg_bytes(eg_view_of(r), w->u.space, s->value, 1);
        value = value ? value : "";
    }
    if (!key)
        return;
    i = find(b, key, key_len);
    old = i == UINT64_MAX ? NULL : &b->all[i];
    if (old)
        b->seen[i] = true;
    what = change(old, value, len);
    missing = eg_missing(EG_ABSENT, s->value);
    eg_row(r, .PID = linux_pid(task), .PPID = linux_ppid(task), .COMM = linux_comm(task),
           .KEY = eg_textn(key, key_len),
           .VALUE = lost    ? missing
                    : value ? eg_textn(value, len)
                            : (struct eg_cell){ 0 },
           .CHANGE = lost ? missing : eg_text(what),
           .OLD_VALUE = old && *what ? value_of(old) : (struct eg_cell){ 0 });
}

static void now(struct eg_run *r, struct eg_obj task, struct work *w)
{
    struct before b = { .names = eg_run_map(r) };
    struct eg_cell gone;
    struct linux_variable v;

    if (!linux_user_open(r, task, &w->u))
        return;
    linux_each_variable(r, task, &w->start, v) keep(r, &b, v);
    b.seen = eg_tmp(r, b.n + 1);
    linux_environ_find(&w->u, &w->now);
    gone = eg_missing(EG_ABSENT, w->now.array);
    if (w->now.from == LINUX_ENVIRON_NONE)
        eg_note(r, "process %d: its environment of now is not found",
                eg_get_or(-1, task, task_struct.tgid));
    for (size_t i = 0; i < w->now.n && !eg_stopped(r); i++)
        row_now(r, task, w, &b, &w->now.found[i]);
    if (w->now.lost)
        eg_note(r,
                "process %d: not all of its environment of now can be read: what was removed is "
                "not known",
                eg_get_or(-1, task, task_struct.tgid));
    for (size_t i = 0; w->now.from != LINUX_ENVIRON_NONE && i < b.n; i++)
        if (!b.seen[i])
            eg_row(r, .PID = linux_pid(task), .PPID = linux_ppid(task), .COMM = linux_comm(task),
                   .KEY = eg_textn(b.all[i].key, b.all[i].key_len),
                   .VALUE = w->now.lost ? gone : (struct eg_cell){ 0 },
                   .CHANGE = w->now.lost ? gone : eg_text("removed"),
                   .OLD_VALUE = value_of(&b.all[i]));
    linux_user_notes(&w->u, task);
}

static int run(struct eg_run *r)
{
    const bool is_now = eg_arg_flag(r, "now");
    struct work w = { 0 };
    struct linux_variable v;
    struct eg_obj task;

    linux_each_process(r, task) {
        if (!linux_pid_asked(r, task))
            continue;
        if (is_now)
            now(r, task, &w);
        else
            linux_each_variable(r, task, &w.start, v) eg_row(
                r, .PID = linux_pid(task), .PPID = linux_ppid(task), .COMM = linux_comm(task),
                .KEY = eg_textn(v.key, v.key_len), .VALUE = value_of(&v));
    }
    return 0;
}

EG_PLUGIN(envars) = {
    .os = "linux",
    .help = "List the environment variables of processes",
    .manual =
        "The block that the kernel laid down at exec, as it is now. What a program sets later is "
        "elsewhere in its memory: --now follows the C library's environ, and of bash takes the "
        "exported variables, as a command that it starts would get them. Programs that keep an "
        "environment of another kind (Go, other shells) do not show what they changed. Where some "
        "of the environment cannot be read, CHANGE of what was not found is not known. Compare "
        "with environ_diff, and bash --env.",
    .aliases = EG_NAMES("linux.envars.Envars"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(now, FLAG, "as it is now: what the program set and removed itself")),
    .uses = EG_NAMES("tasks", "environ"),
    .run = run,
    .key = EG_NAMES("PID", "KEY"),
};
