/* bash - commands that were typed into shells and other programs, and what bash knows, by the
 * structures that their line editors and bash keep in memory. */
#include "../../core/base.h"
#include "../linux/mm/args.h"
#include "../linux/sched/task.h"
#include "../linux/user/history.h"
#include "../linux/user/shell.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(EXE, TEXT, "the program, whatever it is called", EG_MINOR)                                   \
    C(KIND, TEXT, "whose history: readline, libedit, zsh, busybox; or variable, function")         \
    C(INDEX, INT, "number in its list; none: in no list any more, and still in memory", EG_ASKED)  \
    C(COMMAND_TIME, TIME, "when the line was entered, by the clock of that moment", EG_ASKED)      \
    C(COMMAND, TEXT, "the line", EG_ASKED)                                                         \
    C(ADDRESS, ADDR, "where the entry is in the process's memory", EG_MINOR)                       \
    C(KEY, TEXT, "--env: the variable; --hash: the command", EG_ASKED)                             \
    C(VALUE, TEXT, "--env: its value; --hash: the file that is run", EG_ASKED)                     \
    C(ATTRIBUTES, TEXT, "--env: letters as of declare: x exported, r read-only, ...", EG_ASKED)    \
    C(HITS, INT, "--hash: how often the file was run by that name", EG_ASKED)
EG_COLUMNS(COLUMNS);

/** What is reused from one process to the next. */
struct work {
    struct linux_user u;
    struct linux_history history;
    struct linux_shell shell;
    struct linux_buffer name, value, key;
};

static struct eg_cell time_of(const struct linux_command *c)
{
    int64_t ns;

    if (!c->timed)
        return (struct eg_cell){ 0 };
    return __builtin_mul_overflow(c->time, INT64_C(1000000000), &ns)
               ? eg_missing(EG_BAD_VALUE, c->at)
               : eg_int(ns);
}

static void history(struct eg_run *r, struct eg_obj task, struct work *w)
{
    const size_t n = linux_history_find(&w->u, &w->history);
    size_t len;

    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        const struct linux_command *c = &w->history.found[i];
        const char *line = linux_history_line(&w->history, c, &w->value, &len);

        eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task), .EXE = linux_exe(r, task),
               .KIND = eg_text(c->kind),
               .INDEX = c->number ? eg_uint(c->number) : (struct eg_cell){ 0 },
               .COMMAND_TIME = time_of(c),
               .COMMAND = line ? eg_textn(line, len) : eg_missing(EG_BAD_VALUE, c->line),
               .ADDRESS = eg_uint(c->at));
    }
}

/** The letters that `declare -p` shows, in its order (builtins/setattr.def). */
static const char *letters(struct eg_run *r, const struct linux_shell_item *i)
{
    static const struct {
        uint32_t bit;
        char letter;
    } all[] = { { 0x4, 'a' },   { 0x40, 'A' },  { 0x8, 'f' },  { 0x10, 'i' },
                { 0x800, 'n' }, { 0x2, 'r' },   { 0x80, 't' }, { 0x1, 'x' },
                { 0x400, 'c' }, { 0x200, 'l' }, { 0x100, 'u' } };
    char text[countof(all) + 1];
    size_t n = 0;

    for (size_t k = 0; k < countof(all); k++)
        if (i->attributes & all[k].bit)
            text[n++] = all[k].letter;
    text[n] = 0;
    return eg_strf(r, "%s", text);
}

static struct eg_cell text_at(struct work *w, uint64_t at, struct linux_buffer *buf)
{
    const char *s;
    size_t len;

    if (!at)
        return (struct eg_cell){ 0 };
    s = linux_user_text(&w->u, at, LINUX_SHELL_TEXT_MAX, LINUX_TEXT_ANY, buf, &len);
    if (s)
        return eg_textn(s, len);
    return eg_bytes(eg_view_of(w->u.run), w->u.space, at, 1) ? eg_text("")
                                                             : eg_missing(EG_UNREADABLE, at);
}

/** NAME, NAME[3] or NAME[key]. */
static struct eg_cell key_of(struct eg_run *r, struct work *w, const struct linux_shell_item *i)
{
    const struct eg_cell name = text_at(w, i->name, &w->name);
    const struct eg_cell key = text_at(w, i->key, &w->key);

    if (i->kind != LINUX_SHELL_ELEMENT || name.tag != EG_CELL_TEXT)
        return name;
    if (!i->key)
        return eg_text(eg_strf(r, "%s[%lld]", (const char *)name.bytes.p, (long long)i->index));
    return key.tag == EG_CELL_TEXT ? eg_text(eg_strf(r, "%s[%s]", (const char *)name.bytes.p,
                                                     (const char *)key.bytes.p))
                                   : name;
}

static const char *kind_of(const struct linux_shell_item *i)
{
    if (i->kind == LINUX_SHELL_COMMAND)
        return "command";
    if (i->attributes & LINUX_SHELL_FUNCTION)
        return "function";
    return i->context ? "local" : "variable";
}

static void shell(struct eg_run *r, struct eg_obj task, struct work *w, bool env, bool hash)
{
    const size_t n = linux_shell_find(&w->u, &w->shell);

    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        const struct linux_shell_item *item = &w->shell.found[i];
        const bool command = item->kind == LINUX_SHELL_COMMAND;

        if (command ? hash : env)
            eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task), .EXE = linux_exe(r, task),
                   .KIND = eg_text(kind_of(item)), .ADDRESS = eg_uint(item->at),
                   .KEY = key_of(r, w, item), .VALUE = text_at(w, item->value, &w->value),
                   .ATTRIBUTES = command ? (struct eg_cell){ 0 } : eg_text(letters(r, item)),
                   .HITS = command ? eg_uint(item->hits) : (struct eg_cell){ 0 });
    }
}

static int run(struct eg_run *r)
{
    const bool env = eg_arg_flag(r, "env"), hash = eg_arg_flag(r, "hash");
    struct work w = { 0 };
    struct eg_obj task;

    linux_each_process(r, task) {
        if (!linux_pid_asked(r, task) || !linux_user_open(r, task, &w.u))
            continue;
        if (env || hash)
            shell(r, task, &w, env, hash);
        else
            history(r, task, &w);
        linux_user_notes(&w.u, task);
    }
    return 0;
}

EG_PLUGIN(bash) = {
    .os = "linux",
    .help = "List the commands typed into shells and other programs",
    .manual =
        "What line editors keep in a process's memory, found by its structure, whatever the "
        "program is called: readline's list (bash, python, gdb and others), libedit's, zsh's "
        "ring, busybox' array; libedit and busybox keep no times. Entries without INDEX are in "
        "no list any more, but whole: deleted with history -d or -c. The process can write all "
        "of it. --env shows variables, arrays and names of functions of bash as they are now, "
        "--hash where it found the commands that it ran: these two see bash alone. What a shell "
        "that has ended had in memory is not seen, nor fish, whose history is a file: strings "
        "finds texts of both. Compare with envars, which shows what a program was started with.",
    .aliases = EG_NAMES("linux.bash.Bash", "linux_bash"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(env, FLAG, "instead: variables and functions of bash, as they are"),
                    EG_ARG(hash, FLAG, "instead: where bash found the commands that it ran")),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
    .key = EG_NAMES("PID", "KIND", "ADDRESS", "KEY"),
    .moves = EG_NAMES("HITS"),
};
