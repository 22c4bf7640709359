/* shell.c - engram shell: lines of Lua on one image (lua/shell.h), what they show through the same
 * renderers as all else. */
#include "../core/parallel.h"
#include "../core/show.h"
#include "help.h"
#include "line.h"
#include "report.h"
#include "rows.h"
#include "run.h"
#include "verb.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { SCRIPT_MAX = 1 << 24 };

struct shell {
    struct cli *cli;
    struct cli_opened o;
    struct eg_shell *own;
    bool failed; /* some line did */
};

/* ---- what the library's shell asks for ---- */

static void print(void *context, const char *text, size_t len)
{
    (void)context;
    fwrite(text, 1, len, stdout);
}

static void say_error(void *context, const char *text)
{
    struct shell *s = context;

    s->failed = true;
    cli_fail(0, "%s", text);
}

static void say_note(void *context, const char *text)
{
    (void)context;
    cli_fail(0, "note: %s", text);
}

/* The command line of one call: its options instead of the shell's. */
static struct cli call_of(const struct shell *s, const char *verb)
{
    struct cli c = *s->cli;

    c.verb = verb ? cli_verb(verb) : NULL;
    memset(&c.words, 0, sizeof c.words);
    memset(&c.args, 0, sizeof c.args);
    memset(&c.arena, 0, sizeof c.arena);
    return c;
}

static int run_plugin(void *context, const struct eg_plugin_reg *p, const struct eg_given_arg *args,
                      size_t n)
{
    struct shell *s = context;
    struct cli c = call_of(s, NULL);
    int status = 0;

    for (size_t i = 0; i < n && !status; i++) {
        struct eg_given_arg *arg = eg_vec_push(&c.args);

        if (arg)
            *arg = args[i];
        else
            status = cli_no_memory();
    }
    if (!status)
        status = cli_run_one(&c, &s->o, p);
    eg_vec_fini(&c.args);
    eg_arena_fini(&c.arena);
    return status;
}

static int help(void *context, const char *name)
{
    struct cli c = call_of(context, "help");
    const char **word = eg_vec_push(&c.words);
    int status = word ? (*word = name, cli_help(&c)) : CLI_FAILED;

    eg_vec_fini(&c.words);
    return status;
}

static void show_type(void *context, uint32_t type)
{
    const struct shell *s = context;

    eg_show_type(stdout, &s->o.sys->types, &s->o.sys->bind.model, type, false);
}

/* What a verb shows by hand, in the shell's own run. */
struct by_hand {
    struct cli cli;
    struct cli_hand hand;
};

static struct cli_hand *begin(struct by_hand *b, const struct shell *s, const char *verb,
                              struct eg_run *r, struct eg_space *as)
{
    b->cli = call_of(s, NULL);
    b->hand = (struct cli_hand){
        .cli = &b->cli, .name = verb, .o = s->o, .run = r, .space = as, .pid = -1
    };
    return &b->hand;
}

static int end(struct by_hand *b, int code)
{
    struct eg_run *r = b->hand.run;
    int status = cli_hand_end(&b->hand, code);

    r->notes.n = r->n_lost_notes = 0; // the table has them
    return status;
}

static int show_object(void *context, struct eg_run *r, struct eg_obj o, const char *name,
                       const char *type, unsigned depth)
{
    struct by_hand b;

    return end(&b, cli_dt_rows(begin(&b, context, "dt", r, o.space), o, name, type, depth));
}

static int show_bytes(void *context, struct eg_run *r, struct eg_space *as, uint64_t at,
                      uint64_t len)
{
    struct by_hand b;
    uint64_t last;

    if (!eg_add(at, len - 1, &last))
        last = UINT64_MAX;
    return end(&b, cli_hexdump_rows(begin(&b, context, "hexdump", r, as), at, last));
}

static int show_code(void *context, struct eg_run *r, struct eg_space *as, uint64_t at, uint64_t n)
{
    struct by_hand b;

    return end(&b, cli_dis_rows(begin(&b, context, "dis", r, as), at, n));
}

static const struct eg_shell_ops ops = {
    .print = print,
    .error = say_error,
    .note = say_note,
    .plugin = run_plugin,
    .help = help,
    .type = show_type,
    .object = show_object,
    .bytes = show_bytes,
    .code = show_code,
};

/* ---- scripts ---- */

static enum eg_shell_answer do_text(struct shell *s, const char *name, const char *text, size_t len,
                                    bool typed)
{
    enum eg_shell_answer answer = eg_shell_do(s->own, name, text, len, typed);

    fflush(stdout);
    return answer;
}

static int do_file(struct shell *s, const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? malloc(SCRIPT_MAX + 1) : NULL;
    size_t n = text ? fread(text, 1, SCRIPT_MAX + 1, f) : 0;
    int status = CLI_OK;

    if (!f || ferror(f))
        status = cli_fail(CLI_USAGE, "%s: %s", path, strerror(errno));
    else if (!text)
        status = cli_fail(CLI_FAILED, "%s: out of memory", path);
    else if (n > SCRIPT_MAX)
        status = cli_fail(CLI_USAGE, "%s: longer than a script may be, 16 MiB", path);
    else
        do_text(s, path, text, n, false);
    if (f)
        fclose(f);
    free(text);
    return status;
}

/* All -e, up to one that fails. @return false: there is none. */
static bool do_given(struct shell *s)
{
    const struct cli *c = s->cli;
    bool any = false;

    for (size_t i = 0; i < c->args.n && !s->failed; i++) {
        const struct eg_given_arg *a = &c->args.at[i];

        if (strcmp(a->name, "e"))
            continue;
        any = true;
        switch (do_text(s, "-e", a->value, strlen(a->value), true)) {
        case EG_SHELL_MORE:
            say_error(s, "-e: the code is not complete");
            break;
        case EG_SHELL_QUIT:
            return true;
        default:
            break;
        }
    }
    return any;
}

/* ---- lines ---- */

/* A line of it: Ctrl-C ends what runs, or drops what is being typed. */
static void interrupted(int sig)
{
    (void)sig;
    eg_cancelled = 1;
}

static void greet(const struct shell *s)
{
    if (!s->cli->quiet)
        printf("%s: %s\nhelp() says what there is, Tab completes, Ctrl-D ends.\n", s->o.image->path,
               s->o.from.kernel ? s->o.from.kernel : "a kernel");
}

/* Lines up to one that completes the text of those before. @return false: the end. */
static bool do_lines(struct shell *s, struct cli_lines *lines)
{
    EG_VEC(char) text = { 0 };
    enum eg_shell_answer answer = EG_SHELL_MORE;
    bool first = true, ended = false;

    while (answer == EG_SHELL_MORE && !ended) {
        const char *line;
        size_t len;

        if (cli_lines_are_typed(lines))
            eg_cancelled = 0;
        ended = eg_cancelled; // nobody types: that was meant for all of it
        if (ended)
            continue;
        switch (cli_line_read(lines, !first, &line, &len)) {
        case CLI_LINE_STOPPED:
            putchar('\n');
            answer = EG_SHELL_OK;
            continue;
        case CLI_LINE_END:
            ended = true;
            if (cli_lines_are_typed(lines))
                putchar('\n');
            if (!first)
                say_error(s, "input: ended in the middle of a statement");
            continue;
        case CLI_LINE:
            break;
        }
        if (text.n + len > SCRIPT_MAX || !eg_vec_reserve(&text, text.n + len)) {
            say_error(s, "input: too long");
            break;
        }
        memcpy(text.at + text.n, line, len);
        text.n += len;
        first = false;
        answer = do_text(s, "input", text.at, text.n, true);
    }
    eg_vec_fini(&text);
    return !ended && answer != EG_SHELL_QUIT;
}

static int converse(struct shell *s)
{
    const struct sigaction on_interrupt = { .sa_handler = interrupted };
    const char *history = cli_arg(s->cli, "history");
    struct cli_lines *lines = cli_lines_open(s->own, history);
    bool typed;

    if (!lines)
        return cli_no_memory();
    typed = cli_lines_are_typed(lines);
    if (typed) {
        sigaction(SIGINT, &on_interrupt, NULL);
        greet(s);
    }
    while (do_lines(s, lines))
        ;
    if (!cli_lines_close(lines))
        return cli_fail(CLI_FAILED, "--history %s: %s", history, strerror(errno));
    return s->failed && !typed ? CLI_FAILED : CLI_OK;
}

static const struct eg_arg args[] = {
    EG_ARG(e, TEXT, "CODE: run this instead of asking for lines; may be given several times"),
    EG_ARG(history, FILE, "it keeps the lines for the next time; otherwise none does"),
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    const struct eg_run_options options = {
        .out_dir = c->out, .replace = c->force, .threads = (unsigned)c->jobs, .quiet = c->quiet
    };
    struct shell s = { .cli = c };
    struct eg_error e;
    int status = cli_open(c, &s.o);

    if (!status && !s.o.sys->os)
        status = cli_no_system(c, &s.o, true);
    if (!status)
        cli_image_notes(c, &s.o, false);
    if (!status && eg_shell_open(&s.own, s.o.sys, &options, &ops, &s, &e))
        status = cli_fail(CLI_FAILED, "%s", e.text);
    if (!status && !do_given(&s))
        status = c->words.n ? do_file(&s, c->words.at[0]) : converse(&s);
    else if (!status && c->words.n)
        status = cli_fail(CLI_USAGE, "-e or a file: not both");
    if (!status && s.failed && (c->words.n || cli_arg(c, "e")))
        status = CLI_FAILED;
    eg_shell_close(s.own);
    cli_close(&s.o);
    return status;
}

CLI_VERB(shell) = {
    .name = "shell",
    .usage = "IMAGE [FILE.lua]",
    .help = "look around in Lua, line by line, with plugins as functions; or run a file",
    .args = args,
    .max = 1,
    .image = CLI_WANTS_IMAGE,
    .order = 90,
    .words = { "FILE" },
    .run = run_verb,
};
