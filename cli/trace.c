/* trace.c - engram trace: a script's functions are called at events of a machine that runs, and its
 * rows come out as they are made. */
#include "../lua/trace.h"
#include "../core/parallel.h"
#include "open.h"
#include "report.h"
#include "table.h"
#include "verb.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { STEP_MS = 200, TRIES = 20, MOMENT_MS = 30, MEASURED = 10 };

struct trace {
    struct cli *cli;
    struct eg_trace *own;
    struct cli_opened o;
    struct cli_table table;
    struct eg_select *until; /* NULL: not given */
    struct eg_sink until_sink;
    uint64_t rows, count, begun;
    double seconds;
    bool met, failed, table_begun;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- rows ---- */

static void met_until(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    (void)depth, (void)v, (void)n;
    ((struct trace *)context)->met = true;
}

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct trace *t = context;

    if (t->count && t->rows >= t->count)
        return;
    cli_table_row(&t->table, depth, v);
    fflush(stdout); // who reads it wants it now
    t->rows++;
    if (t->until)
        t->until_sink.row(t->until_sink.context, depth, v, n);
}

static void say_error(void *context, const char *text)
{
    struct trace *t = context;

    t->failed = true;
    cli_fail(0, "%s", text);
}

static void say_note(void *context, const char *text)
{
    (void)context;
    cli_fail(0, "note: %s", text);
}

/* ---- the script ---- */

static int list_scripts(struct cli *c)
{
    static const struct eg_column columns[] = {
        { "NAME", EG_COL_TEXT, "what --script takes" },
        { "HELP", EG_COL_TEXT, "what it shows", EG_WHOLE },
        { NULL, EG_COL_INT, NULL },
    };
    struct eg_trace_script s;
    struct cli_table table;
    struct eg_error e;

    if (cli_table_begin(&table, c, "trace", columns, false, NULL, &e))
        return cli_fail(CLI_USAGE, "%s", e.text);
    for (size_t i = 0; eg_trace_script_nth(i, &s); i++)
        cli_table_row(&table, 0, (struct eg_value[]){ cli_text(s.name), cli_text(s.help) });
    return cli_table_end(&table, NULL, NULL);
}

static bool own_script(const char *name, struct eg_trace_script *out)
{
    for (size_t i = 0; eg_trace_script_nth(i, out); i++)
        if (!strcmp(out->name, name))
            return true;
    return false;
}

/* A name of the product's scripts, or a file. *@text: to be freed. */
static int read_script(struct trace *t, struct eg_trace_options *o, char **text)
{
    const char *name = cli_arg(t->cli, "script"), *slash;
    struct eg_trace_script own;
    struct eg_error e;

    if (!name)
        return cli_fail(CLI_USAGE,
                        "--script FILE.lua or NAME: what to do at which event; `engram trace "
                        "--list` names those that are here");
    slash = strrchr(name, '/');
    if (!slash && own_script(name, &own)) {
        *o = (struct eg_trace_options){ .name = eg_arena_strf(&t->cli->arena, "%s.lua", own.name),
                                        .text = own.text,
                                        .len = own.len };
        return o->name ? CLI_OK : cli_no_memory();
    }
    if (eg_trace_read(name, text, &o->len, &e))
        return e.code == EG_EFORMAT
                   ? cli_fail(CLI_CANNOT_OPEN, "%s", e.text)
                   : cli_fail(CLI_USAGE, "--script %s%s", e.text,
                              slash || strchr(name, '.')
                                  ? ""
                                  : ", and no script of that name: `engram trace --list`");
    o->name = name;
    o->text = *text;
    o->folder = slash ? eg_arena_strndup(&t->cli->arena, name, (size_t)(slash - name)) : ".";
    return o->folder ? CLI_OK : cli_no_memory();
}

/* ---- the machine ---- */

/* A processor in a program may have page tables without the kernel: another moment is tried. */
static int open_system(struct trace *t, const char *where)
{
    struct cli *c = t->cli;
    const char *image = cli_arg(c, "image");
    struct eg_error e;
    int status = CLI_OK;

    if (!image && (image = eg_trace_file(t->own)))
        c->open.format = "raw";
    if (image) {
        c->image = image;
        c->open.live = true;
        if ((status = cli_open(c, &t->o)))
            return status;
        return t->o.sys->os ? CLI_OK : cli_no_system(c, &t->o, true);
    }
    for (unsigned i = 0; i < TRIES; i++) {
        cli_close(&t->o);
        if (eg_trace_image(t->own, where, &t->o.image, &e))
            return cli_fail(
                CLI_CANNOT_OPEN,
                "%s: %s: --image says where its memory is: qmp:SOCKET, or the file that "
                "QEMU shares",
                where, e.text);
        if ((status = cli_open_system(c, &t->o)))
            return status;
        if (t->o.sys->os || eg_cancelled)
            break;
        if (eg_trace_let(t->own, MOMENT_MS, &e) < 0)
            return cli_fail(CLI_CANNOT_OPEN, "%s: %s", where, e.text);
    }
    return t->o.sys->os ? CLI_OK : cli_no_system(c, &t->o, true);
}

static double number(const char *text, bool *ok)
{
    char *end;
    const double v = strtod(text, &end);

    *ok = *text && !*end && v > 0 && v < 1e9;
    return v;
}

static int read_limits(struct trace *t)
{
    const char *count = cli_arg(t->cli, "count"), *seconds = cli_arg(t->cli, "seconds");
    bool ok = true;

    if (count)
        t->count = (uint64_t)number(count, &ok);
    if (!ok || (count && !t->count))
        return cli_fail(CLI_USAGE, "--count %s: a number of rows is wanted", count);
    if (seconds)
        t->seconds = number(seconds, &ok);
    return ok ? CLI_OK
              : cli_fail(CLI_USAGE, "--seconds %s: a number of seconds is wanted", seconds);
}

static int begin_table(struct trace *t)
{
    const char *until = cli_arg(t->cli, "until");
    const struct eg_column *columns = eg_trace_columns(t->own);
    const struct eg_select_options o = { .filter = until };
    struct eg_error e;

    if (until && eg_select_open(&t->until, &o, "trace", columns, false, &e) < 0)
        return cli_fail(CLI_USAGE, "--until: %s", e.text);
    if (t->until)
        t->until_sink = eg_select_sink(t->until, (struct eg_sink){ met_until, t });
    if (cli_table_begin(&t->table, t->cli, "trace", columns, false, &t->o.from, &e))
        return cli_fail(CLI_USAGE, "%s", e.text);
    t->table_begun = true;
    eg_trace_sink(t->own, (struct eg_sink){ put_row, t });
    fflush(stdout);
    return CLI_OK;
}

/* ---- events ---- */

/* What the first events cost: said once, when it is known. */
static void say_rate(const struct trace *t)
{
    struct eg_trace_counts n;
    double each;

    eg_trace_counts(t->own, &n);
    if (!n.stood || !n.events)
        return;
    each = (double)n.stood / (double)n.events / 1e6;
    cli_warn(t->cli,
             "the machine stands %.1f ms for an event, %.1f of them for the script: at most %.0f "
             "events a second",
             each, (double)n.ns / (double)n.events / 1e6, 1000 / each);
}

static void say_begin(const struct trace *t, const char *where)
{
    struct eg_trace_counts n;
    char programs[80] = "";

    eg_trace_counts(t->own, &n);
    if (n.programs)
        snprintf(programs, sizeof programs, "functions of programs (at %zu address%s now), ",
                 n.user_places, n.user_places == 1 ? "" : "es");
    cli_warn(t->cli, "%s: %s%s%zu function%s and %zu place%s are watched%s", where,
             n.system_calls ? "system calls, " : "", programs, n.functions,
             n.functions == 1 ? "" : "s", n.places, n.places == 1 ? "" : "s",
             n.emulated && (n.functions || n.programs)
                 ? "; the machine is emulated, and each function that is "
                   "reached costs it 20 to 40 ms (a write that is watched 0.5)"
                 : "");
}

static int follow(struct trace *t)
{
    const uint64_t end = t->seconds > 0 ? t->begun + (uint64_t)(t->seconds * 1e9) : UINT64_MAX;
    uint64_t events = 0;
    struct eg_error e;
    bool said = false;

    while (!eg_cancelled && !t->met && !eg_trace_stopped(t->own) &&
           !(t->count && t->rows >= t->count)) {
        const uint64_t now = now_ns();
        int rc;

        if (now >= end)
            break;
        rc = eg_trace_step(t->own, (int)EG_MIN((end - now) / 1000000 + 1, (uint64_t)STEP_MS), &e);
        if (rc == -EG_ENOTFOUND) {
            cli_warn(t->cli, "%s", e.text);
            break;
        }
        if (rc < 0)
            return cli_fail(CLI_FAILED, "%s", e.text);
        events += (uint64_t)rc;
        if (!said && events == MEASURED) {
            say_rate(t);
            said = true;
        }
    }
    return CLI_OK;
}

static void say_end(const struct trace *t)
{
    struct eg_trace_counts n;

    eg_trace_counts(t->own, &n);
    cli_warn(t->cli, "%" PRIu64 " events in %.1f s", n.events, (double)(now_ns() - t->begun) / 1e9);
    if (n.lost)
        cli_fail(0,
                 "note: %" PRIu64 " events were lost: the machine was faster than what reads them",
                 n.lost);
    if (n.missed)
        cli_fail(0, "note: of %" PRIu64 " calls the return was not seen", n.missed);
    if (n.errors)
        cli_fail(0, "note: %" PRIu64 " times a handler ended with an error", n.errors);
}

static int trace(struct trace *t, const char *where)
{
    static const struct eg_trace_ops ops = { .error = say_error, .note = say_note };
    struct eg_trace_options o = { .out_dir = t->cli->out, .replace = t->cli->force };
    char *text = NULL;
    struct eg_error e;
    int status = read_limits(t);

    if (!status)
        status = read_script(t, &o, &text);
    o.out_dir = t->cli->out;
    o.replace = t->cli->force;
    o.memory = (size_t)t->cli->script_memory;
    o.seconds = (unsigned)t->cli->script_seconds;
    if (!status && eg_trace_connect(&t->own, where, &e))
        status = cli_cannot(&e);
    if (!status)
        status = open_system(t, where);
    if (!status && eg_trace_begin(t->own, t->o.sys, &o, &ops, t, &e))
        status = cli_fail(e.code == EG_EUSAGE ? CLI_USAGE : CLI_FAILED, "%s", e.text);
    if (!status)
        status = begin_table(t);
    if (!status) {
        say_begin(t, where);
        t->begun = now_ns();
        if (eg_trace_start(t->own, &e))
            status = cli_fail(CLI_FAILED, "%s", e.text);
    }
    if (!status) {
        status = follow(t);
        eg_trace_end(t->own);
        say_end(t);
    }
    free(text);
    return status;
}

static const struct eg_arg args[] = {
    EG_ARG(script, TEXT,
           "SCRIPT: FILE.lua (`engram help scripts`), or one of --list: what to do at which event"),
    EG_ARG(image, TEXT,
           "IMAGE: where the machine's memory is: qmp:SOCKET, or the file that QEMU shares; "
           "otherwise it is read through the debugger's port"),
    EG_ARG(count, TEXT, "N: end after so many rows"),
    EG_ARG(seconds, TEXT, "SECONDS: end after so many"),
    EG_ARG(until, TEXT, "EXPR: end behind the first row for which it is true, as in --filter"),
    EG_ARG(list, FLAG, "list the scripts that are here"),
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    struct trace t = { .cli = c };
    int status;

    if (cli_arg(c, "list"))
        return list_scripts(c);
    if (!c->words.n)
        return cli_fail(
            CLI_USAGE, "which machine? `engram trace gdb:HOST:PORT --script NAME`, or ring:FILE of "
                       "QEMU's plugin");
    status = trace(&t, c->words.at[0]);
    if (t.table_begun) {
        const int shown = cli_table_end(&t.table, NULL, NULL);

        status = status ? status : shown;
    }
    eg_select_close(t.until);
    if (t.own)
        eg_trace_end(t.own);
    cli_close(&t.o);
    eg_trace_close(t.own);
    return status ? status : t.failed ? CLI_FAILED : CLI_OK;
}

CLI_VERB(trace) = {
    .name = "trace",
    .usage = "gdb:HOST:PORT|ring:FILE --script FILE.lua",
    .help = "events of a running machine: a script's functions are called at them",
    .args = args,
    .max = 1,
    .image = CLI_NO_IMAGE,
    .order = 95,
    .words = { "gdb:|ring:" },
    .table = true,
    .run = run_verb,
};
