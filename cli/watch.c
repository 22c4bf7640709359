/* watch.c - engram watch: the same plugins over and over on a machine that runs, or on a file that
 * others replace; what happened in between is told at once. */
#include "../core/address.h"
#include "../core/parallel.h"
#include "../core/registry.h"
#include "boot.h"
#include "choice.h"
#include "events.h"
#include "open.h"
#include "report.h"
#include "steady.h"
#include "verb.h"
#include "version.h"
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NSEC = 1000000000 };

struct watch {
    struct cli *cli;
    struct cli_events events;
    struct cli_followed *machine;
    struct eg_kept *before; /* of each plugin */
    bool *has, *failed;     /* of each: there is one; the last look failed */
    struct cli_boot boot;
    bool has_boot, unreadable, people;
    uint64_t every, rounds, count;
    int status;
};

/* ---- one round ---- */

static int64_t wall_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * NSEC + t.tv_nsec;
}

static void tell(struct watch *w, const char *what, const char *cause)
{
    if (!strcmp(w->cli->render, "csv")) // which has one table
        cli_fail(0, "%s: %s", what, cause);
    else
        cli_event(w->machine, what, wall_clock(), NULL, NULL, cause, NULL);
    if (w->people)
        cli_events_tail(w->machine, NULL, NULL);
}

/* The rows of one plugin now, and what happened since the last round. */
static void look(struct watch *w, struct eg_system *sys, size_t i, bool live)
{
    const struct cli *c = w->cli;
    struct cli_followed *f = w->events.at.at[i];
    const struct eg_run_options o = {
        .args = c->args.at,
        .n_args = c->args.n,
        .threads = 1,
        .seconds = (unsigned)c->script_seconds,
        .script_memory = c->script_memory,
        .quiet = true,
    };
    struct eg_kept now = { .clock = w->boot.clock };
    struct eg_run_result result;
    struct eg_comparison how;
    struct eg_changes changes;
    struct eg_error e;
    const char *failed = NULL;
    const bool again = w->failed[i];

    if (live)
        cli_steady_run(sys, f->reg, &o, eg_kept_sink(&now), &result);
    else
        eg_plugin_run(sys, f->reg, &o, eg_kept_sink(&now), &result);
    if (result.status == -EG_EUSAGE || (result.status && !w->has[i] && w->rounds == 1))
        w->status = cli_fail(result.status == -EG_EUSAGE ? CLI_USAGE : CLI_FAILED, "%s: %s",
                             f->reg->name, result.error);
    else if (result.status && result.status != -EG_ECANCEL)
        failed = result.error ? result.error : "it failed";
    else if (now.no_room)
        failed = "more than 1 GiB of rows, or no memory for them";
    w->failed[i] = failed != NULL;
    if (failed && !again)
        tell(w, "unreadable", eg_arena_strf(&f->texts, "%s: %s", f->reg->name, failed));
    if (result.status || failed || eg_cancelled) {
        eg_kept_fini(&now);
        eg_arena_fini(&result.arena);
        return;
    }
    if (w->has[i] && !cli_compare(f, false, &how, &e)) {
        if (!eg_changes_find(&changes, &how, &w->before[i], &now)) {
            cli_events_of(f, wall_clock(), &how, &changes, NULL);
            eg_changes_fini(&changes);
        }
        eg_comparison_fini(&how);
    }
    if (w->people)
        cli_events_tail(f, (const char *const *)result.notes, NULL);
    eg_kept_fini(&w->before[i]);
    w->before[i] = now;
    w->has[i] = true;
    eg_arena_fini(&result.arena);
}

static void forget(struct watch *w)
{
    for (size_t i = 0; i < w->events.at.n; i++) {
        eg_kept_fini(&w->before[i]);
        w->has[i] = false;
    }
}

/* Another boot is one event, not the birth of all that it has. */
static void see_boot(struct watch *w, struct eg_system *sys)
{
    struct eg_arena a = { 0 };
    struct cli_boot now;

    cli_boot_of(&now, sys);
    if (w->has_boot && !cli_boot_same(&w->boot, &now)) {
        const char *text = cli_boot_text(&a, &w->boot, &now);

        forget(w);
        tell(w, "rebooted", text ? text : "another boot");
        eg_arena_fini(&a);
    }
    w->boot = now;
    w->has_boot = true;
}

static void look_at_all(struct watch *w, struct cli_opened *o)
{
    see_boot(w, o->sys);
    for (size_t i = 0; i < w->events.at.n && !w->status && !eg_cancelled && !w->events.ended; i++)
        if (w->events.at.at[i]->reg)
            look(w, o->sys, i, w->events.moving);
    fflush(stdout);
}

/* As cli_open, but what fails is an event. */
static const char *open_again(struct watch *w, struct cli_opened *o, struct eg_error *e)
{
    *o = (struct cli_opened){ 0 };
    if (eg_image_open(&o->image, w->cli->image, &w->cli->open, e) ||
        eg_system_open(&o->sys, o->image, &w->cli->find, e))
        return e->text;
    return o->sys->os ? NULL : "no kernel was found in it";
}

static void again(struct watch *w)
{
    struct cli_opened o;
    struct eg_error e;
    const char *why = open_again(w, &o, &e);

    w->rounds++;
    if (why && !w->unreadable && !eg_cancelled)
        tell(w, "unreadable", why);
    if (!why && w->unreadable)
        tell(w, "readable", "again");
    w->unreadable = why != NULL;
    if (!why)
        look_at_all(w, &o);
    fflush(stdout);
    cli_close(&o);
}

/* ---- between rounds ---- */

static uint64_t steady_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

/* Until @until. A Ctrl-C between the look at eg_cancelled and the wait would be slept over: it is
 * let in by the wait alone. */
static void wait_until(uint64_t until)
{
    sigset_t interrupt, before;
    uint64_t now;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    while (!eg_cancelled && (now = steady_clock()) < until) {
        const uint64_t left = until - now;
        const struct timespec t = { (time_t)(left / NSEC), (long)(left % NSEC) };

        ppoll(NULL, 0, &t, &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static bool goes_on(const struct watch *w)
{
    return !w->status && !eg_cancelled && !w->events.ended && !ferror(stdout) &&
           (!w->count || w->rounds < w->count);
}

static void go_round(struct watch *w)
{
    uint64_t next = steady_clock();

    while (goes_on(w)) {
        next = EG_MAX(next + w->every, steady_clock()); // a round that takes longer makes no haste
        wait_until(next);
        if (goes_on(w))
            again(w);
    }
}

/* ---- begin and end ---- */

/* "1s", "500ms", "2m", "1h"; a number is of seconds. */
static bool read_period(const char *text, uint64_t *out)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = { { "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "m", 60e9 }, { "h", 3600e9 } };
    const size_t digits = strspn(text, "0123456789.");
    char *end;
    double v;

    if (!digits || digits > 12)
        return false;
    v = strtod(text, &end);
    for (size_t i = 0; i < countof(units); i++)
        if (end == text + digits && !strcmp(end, units[i].unit) && v * units[i].ns < 1e17) {
            *out = (uint64_t)(v * units[i].ns);
            return true;
        }
    return false;
}

static int read_options(struct watch *w)
{
    const struct cli *c = w->cli;
    const char *every = cli_arg(c, "every"), *count = cli_arg(c, "count");

    w->every = NSEC;
    if (every && (!read_period(every, &w->every) || !w->every))
        return cli_fail(CLI_USAGE, "--every %s: not a time such as 1s, 500ms, 2m", every);
    if (count && (!eg_number_parse(count, &w->count) || !w->count))
        return cli_fail(CLI_USAGE, "--count %s: not a number of rounds", count);
    if (strcmp(c->render, "text") != 0 && strcmp(c->render, "pretty") != 0 &&
        strcmp(c->render, "jsonl") != 0 && strcmp(c->render, "csv") != 0)
        return cli_fail(CLI_USAGE,
                        "-r %s: what has no end is written as text, pretty, jsonl or csv",
                        c->render);
    if (c->select.sort || c->select.limited)
        return cli_fail(CLI_USAGE, "--%s: chooses from all rows, and here more come",
                        c->select.sort ? "sort" : "limit");
    if (c->out)
        return cli_fail(CLI_USAGE, "-o: events go to standard output, as they come");
    w->people = !c->renderer->suffix;
    return CLI_OK;
}

static int follow(struct watch *w, bool live)
{
    struct cli *c = w->cli;
    int status = CLI_OK;
    struct eg_comparison how;
    struct eg_error e;

    w->events.moving = live;
    for (size_t i = 0; i < c->words.n && !status; i++)
        status = cli_follow_words(&w->events, c->words.at[i]);
    if (!status && !w->events.at.n)
        status = cli_fail(CLI_USAGE, "'%s': names no plugin", c->words.at[0]);
    if (!status && !strcmp(c->render, "csv") && w->events.at.n > 1)
        status = cli_fail(CLI_USAGE, "-r csv: one plugin at a time");
    for (size_t i = 0; i < w->events.at.n && !status; i++) {
        if (cli_compare(w->events.at.at[i], false, &how, &e))
            status = cli_fail(CLI_USAGE, "%s: %s", w->events.at.at[i]->reg->name, e.text);
        else
            eg_comparison_fini(&how);
    }
    if (!status)
        status = cli_follow(&w->events, NULL);
    if (status)
        return status;
    w->machine = w->events.at.at[w->events.at.n - 1];
    w->before = eg_arena_array(&c->arena, struct eg_kept, w->events.at.n);
    w->has = eg_arena_array(&c->arena, bool, w->events.at.n);
    w->failed = eg_arena_array(&c->arena, bool, w->events.at.n);
    return w->before && w->has && w->failed ? CLI_OK : cli_no_memory();
}

static int begin(struct watch *w, struct cli_opened *o)
{
    const struct eg_renderer *r = w->cli->renderer;
    void *state = calloc(1, r->state + !r->state);

    if (!state)
        return cli_no_memory();
    o->from.n_results = w->events.at.n - 1;
    r->begin(state, stdout, &o->from);
    for (size_t i = 0; i < w->events.at.n; i++) {
        struct cli_followed *f = w->events.at.at[i];

        if (!(f->state = eg_arena_alloc(&w->cli->arena, r->state + 1)))
            return free(state), cli_no_memory();
        memcpy(f->state, state, r->state);
    }
    free(state);
    return CLI_OK;
}

/* A stream has no numbers behind it of what --filter left out. */
static void end(struct watch *w)
{
    for (size_t i = 0; i < w->events.at.n; i++) {
        struct cli_followed *f = w->events.at.at[i];

        eg_select_finish(f->select);
        if (f->state)
            cli_events_tail(f, NULL, NULL);
        if (w->before)
            eg_kept_fini(&w->before[i]);
    }
    if (w->machine)
        cli_warn(w->cli,
                 "%" PRIu64 " rounds, %" PRIu64 " events, %" PRIu64 " of them with an alert",
                 w->rounds, w->events.n, w->events.n_alerts);
}

static int run_verb(struct cli *c)
{
    struct watch w = { .cli = c, .events = { .cli = c, .stream = true } };
    struct cli_opened o = { 0 };
    int status = read_options(&w);

    if (!status)
        status = cli_rules_read(&w.events, cli_arg(c, "rules"));
    if (!status)
        status = cli_open(c, &o);
    if (!status && !o.sys->os)
        status = cli_no_system(c, &o, true);
    if (!status)
        status = follow(&w, cli_moves(&o));
    if (!status)
        status = cli_events_check(&w.events, cli_arg(c, "until"));
    if (!status)
        status = begin(&w, &o);
    if (!status) {
        cli_image_notes(c, &o, true);
        w.rounds = 1;
        look_at_all(&w, &o);
        fflush(stdout); // whoever reads the first line knows that it has been looked at
        cli_close(&o);
        go_round(&w);
        status = w.status;
        end(&w);
    }
    cli_close(&o);
    cli_events_fini(&w.events);
    return status || !c->strict || !w.events.n_alerts ? status : CLI_FAILED;
}

static const struct eg_arg args[] = {
    EG_ARG(every, TEXT, "TIME: how often it looks: 1s, 500ms, 2m; 1s otherwise"),
    EG_ARG(count, TEXT, "N: look so many times; without it until Ctrl-C"),
    EG_ARG(until, TEXT, "EXPR: end after an event for which it is true, as in --filter"),
    EG_ARG(rules, FILE, "a file of rules, which raise an alert: column ALERT"),
    CLI_EVENT_ARGS,
    { NULL, EG_ARG_FLAG, NULL },
};

CLI_VERB(watch) = {
    .name = "watch",
    .usage = "IMAGE PLUGIN[,PLUGIN]",
    .help = "follow a machine that runs: what was born, is gone, has changed, as it happens",
    .args = args,
    .min = 1,
    .max = UINT_MAX,
    .image = CLI_WANTS_IMAGE,
    .order = 66,
    .words = { "PLUGINS" },
    .plugins = true,
    .table = true,
    .run = run_verb,
};
