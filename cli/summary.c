/* summary.c - engram IMAGE: what this is, how that was found, every check, and what to run next. */
#include "summary.h"
#include "../core/parallel.h"
#include "coverage.h"
#include "open.h"
#include "report.h"
#include "table.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL = 25 };

static const struct eg_column columns[] = {
    { "KEY", EG_COL_TEXT, "what is said; several rows may say more of the same" },
    { "VALUE", EG_COL_TEXT, "what there is to say" },
    { NULL, EG_COL_INT, NULL },
};

/* Lines for people, rows for programs. */
struct verdict {
    struct cli *cli;
    struct cli_opened o;
    struct cli_table table; /* unless as_text */
    bool as_text;
    const char *key; /* of the line before: not said twice */
};

static void put(struct verdict *v, const char *key, const char *safe)
{
    printf("%-*s %s\n", LABEL, v->key && !strcmp(v->key, key) ? "" : key, safe);
    v->key = key;
}

/* One line; nothing of the image's text reaches the terminal unescaped. */
static void line(struct verdict *v, const char *key, const char *format, ...) EG_PRINTF(3, 4);
static void line(struct verdict *v, const char *key, const char *format, ...)
{
    char text[2048], safe[8192];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    if (!v->as_text) {
        cli_table_row(&v->table, 0, (struct eg_value[]){ cli_text(key), cli_text(text) });
        return;
    }
    eg_escape(safe, sizeof safe, text, EG_MIN((size_t)n, sizeof text - 1));
    put(v, key, safe);
}

static const char *size_text(char out[32], uint64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double v = (double)bytes;
    size_t i = 0;

    for (; v >= 1024 && i + 1 < countof(units); i++)
        v /= 1024;
    snprintf(out, 32, i ? "%.1f %s" : "%.0f %s", v, units[i]);
    return out;
}

/* Runs of memory that the image holds; how many bytes that is says `info`. */
static void memory(struct verdict *v)
{
    enum { RUNS_MAX = 1 << 20 };
    struct eg_space *phys = v->o.image->phys;
    struct eg_extent x;
    uint64_t from = 0, first = 0, last = 0, n = 0, extents = 0;
    bool partial;

    for (; extents < RUNS_MAX && eg_next_mapped(v->o.sys->view, phys, from, phys->last, &x);
         extents++) {
        const uint64_t start = EG_MAX(from, x.start);

        if (!extents)
            first = start;
        n += !extents || start != last + 1;
        last = x.last;
        if (x.last >= phys->last)
            break;
        from = x.last + 1;
    }
    partial = extents == RUNS_MAX || eg_cancelled;
    if (!n && !partial)
        line(v, "memory", "none: the image holds no byte of physical memory");
    else if (n)
        line(v, "memory", "%s%" PRIu64 " range%s, %#" PRIx64 " to %#" PRIx64,
             partial ? "at least " : "", n, n == 1 ? "" : "s", first, last);
}

static void checks(struct verdict *v, const struct eg_candidate *c)
{
    size_t skipped = 0;

    for (size_t i = 0; i < c->n_checks; i++)
        skipped += c->checks[i].skipped;
    line(v, "opening",
         "%d of %d points that this is a kernel which can be read; whether it was changed is not "
         "looked at",
         c->score, c->max_score);
    if (skipped)
        line(v, "opening", "%zu of %zu checks could not be made", skipped, c->n_checks);
    for (size_t i = 0; i < c->n_checks; i++) {
        const struct eg_check *k = &c->checks[i];

        if (k->skipped)
            line(v, "opening", "not made   %s: %s", k->name, k->detail);
        else
            line(v, "opening", "%s %+3d  %s%s%s", k->passed ? "fits  " : "FAILED",
                 k->passed ? k->points : 0, k->name, k->detail[0] ? ": " : "", k->detail);
    }
}

static void others(struct verdict *v)
{
    const struct eg_system *sys = v->o.sys;
    const char *label = sys->chosen ? "also there" : "candidate";

    for (size_t i = 0; i < sys->candidates.n; i++) {
        const struct eg_candidate *c = &sys->candidates.at[i];

        if (c == sys->chosen)
            continue;
        line(v, label, "%s (%s), %d of %d points: --kernel %zu",
             c->release[0] ? c->release : "a kernel", c->trace, c->score, c->max_score, i + 1);
        for (size_t k = 0; k < c->n_checks; k++)
            if (!c->checks[k].passed && !c->checks[k].skipped)
                line(v, label, "FAILED     %s%s%s", c->checks[k].name,
                     c->checks[k].detail[0] ? ": " : "", c->checks[k].detail);
    }
}

static void sources(struct verdict *v)
{
    const struct eg_system *sys = v->o.sys;
    const struct eg_profile *p = sys->types.n_layers ? sys->types.layers[0].profile : NULL;

    if (p && p->n_types > 1) { // id 0 is void
        line(v, "types", "%" PRIu32 " of %s%s", p->n_types, p->source ? p->source : "a profile",
             sys->types.n_layers > 1 ? ", and of modules" : "");
    }
    if (!p || p->n_types <= 1 || p->partial) {
        line(v, "types", "%s: what needs none still works; --profile FILE or -s FOLDER gives them",
             p && p->partial ? "no others" : "none");
    }
    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *s = &sys->symbols.at[i];

        if (!s->module)
            line(v, "symbols", "%" PRIu32 " of %s", s->profile->n_symbols, s->what);
    }
}

/* Rows of the plugin `info`: its first column is the key. */
static void info_row(void *context, unsigned depth, const struct eg_value *cells, size_t n)
{
    struct verdict *v = context;
    const char *key, *value;

    (void)depth;
    if (n < 2)
        return;
    if (!v->as_text) {
        cli_table_row(&v->table, 0, cells);
        return;
    }
    key = eg_value_text(&v->cli->arena, &columns[0], &cells[0]); // which escape
    value = eg_value_text(&v->cli->arena, &columns[1], &cells[1]);
    if (key && value)
        put(v, key, value);
}

/* What only the operating system's own plugin knows. */
static int info(struct verdict *v)
{
    const struct eg_plugin_reg *reg = eg_plugin_find("info");
    const struct eg_run_options options = { .threads = (unsigned)v->cli->jobs,
                                            .quiet = v->cli->quiet };
    struct eg_run_result r = { 0 };
    int status = CLI_OK;

    if (!reg)
        return CLI_OK;
    eg_plugin_run(v->o.sys, reg, &options, (struct eg_sink){ info_row, v }, &r);
    for (size_t i = 0; i < r.n_notes; i++)
        line(v, "note", "%s", r.notes[i]);
    if (r.status)
        status = cli_fail(CLI_FAILED, "info: %s", r.error);
    else if (v->cli->strict && r.n_notes)
        status = CLI_FAILED;
    eg_arena_fini(&r.arena);
    return status;
}

/* One row for all of memory, and rows for what is wrong, which notes say in words. */
struct quality_rows {
    struct verdict *v;
    bool begun;
};

static void quality_row(void *context, unsigned depth, const struct eg_value *cells, size_t n)
{
    struct quality_rows *q = context;
    struct eg_arena *a = &q->v->cli->arena;
    const struct eg_plugin *p = eg_plugin_find("quality")->plugin;
    char size[32];

    (void)depth;
    if (!q->begun && n == 6)
        line(q->v, eg_value_text(a, &p->columns[4], &cells[4]), "%s %s",
             size_text(size, cells[2].u), eg_value_text(a, &p->columns[5], &cells[5]));
    q->begun = true;
}

/* Is all of the machine's memory there? As far as can be told without reading all of it. */
static int quality(struct verdict *v)
{
    const struct eg_plugin_reg *reg = eg_plugin_find("quality");
    const struct eg_given_arg quick = { "quick", NULL };
    const struct eg_run_options options = {
        .args = &quick, .n_args = 1, .threads = (unsigned)v->cli->jobs, .quiet = v->cli->quiet
    };
    struct quality_rows rows = { v, false };
    struct eg_run_result r = { 0 };
    int status = CLI_OK;

    if (!reg)
        return CLI_OK;
    eg_plugin_run(v->o.sys, reg, &options, (struct eg_sink){ quality_row, &rows }, &r);
    for (size_t i = 0; i < r.n_notes; i++)
        line(v, "quality", "%s", r.notes[i]);
    if (r.status)
        status = cli_fail(CLI_FAILED, "quality: %s", r.error);
    else if (!r.n_notes && v->o.sys->os)
        line(v, "quality",
             "probed, nothing found that is cut off or lost; `engram %s quality` reads all of it",
             v->cli->image_words);
    else if (!r.n_notes)
        line(v, "quality", "no zeros up to its end; without a kernel no more can be told");
    else if (v->cli->strict)
        status = CLI_FAILED;
    eg_arena_fini(&r.arena);
    return status;
}

/** What does not fit, of what is looked at quickly. */
struct health_rows {
    struct verdict *v;
    bool any;
};

static void health_row(void *context, unsigned depth, const struct eg_value *cells, size_t n)
{
    struct health_rows *h = context;
    struct eg_arena *a = &h->v->cli->arena;
    const struct eg_column *c = eg_plugin_find("health")->plugin->columns;
    const char *key, *health;

    (void)depth;
    if (n < 4)
        return;
    key = eg_value_text(a, &c[0], &cells[0]);
    health = eg_value_text(a, &c[3], &cells[3]);
    if (!key || !health || !strcmp(key, "all") || !strcmp(health, "good") ||
        !strcmp(health, "unknown"))
        return;
    h->any = true;
    line(h->v, "health", "%s: %s: %s; expected is %s", health, key,
         eg_value_text(a, &c[1], &cells[1]), eg_value_text(a, &c[2], &cells[2]));
}

/* Is it of one moment? Few milliseconds: what takes longer is the plugin's own. */
static void health(struct verdict *v)
{
    const struct eg_plugin_reg *reg = eg_plugin_find("health");
    const struct eg_given_arg quick = { "quick", NULL };
    const struct eg_run_options options = {
        .args = &quick, .n_args = 1, .threads = (unsigned)v->cli->jobs, .quiet = v->cli->quiet
    };
    struct health_rows rows = { v, false };
    struct eg_run_result r = { 0 };

    if (!reg || eg_plugin_lacks(v->o.sys, reg->plugin, &v->cli->arena))
        return;
    eg_plugin_run(v->o.sys, reg, &options, (struct eg_sink){ health_row, &rows }, &r);
    if (!r.status && !rows.any)
        line(v, "health",
             "lists, threads and times agree with each other; `engram %s health` looks further",
             v->cli->image_words);
    eg_arena_fini(&r.arena);
}

/** Does the system have what the plugin needs? */
static bool can_run(struct verdict *v, const char *plugin)
{
    const struct eg_plugin_reg *reg = eg_plugin_find(plugin);

    return reg && !eg_plugin_lacks(v->o.sys, reg->plugin, &v->cli->arena);
}

static int tell(struct verdict *v)
{
    const struct cli_opened *o = &v->o;
    char size[32];
    const char *unseen;
    int status = CLI_OK, complete;

    line(v, "image", "%s, %s", o->image->path, size_text(size, o->image->file_size));
    if (!o->sys->os) // else `info` says it
        line(v, "format", "%s", o->image->format);
    if (o->image->unpacked)
        line(v, "unpacked",
             "%s to a temporary file, by each command: --cache SIZE keeps it, or `engram pack` "
             "makes a file that is read in place",
             size_text(size, o->image->unpacked));
    if (o->from.sha256)
        line(v, "sha256", "%s", o->from.sha256);
    memory(v);
    complete = quality(v);
    if (o->sys->os) {
        health(v);
        status = info(v);
        sources(v);
        checks(v, o->sys->chosen);
        if ((unseen = cli_not_looked_for(&v->cli->arena)))
            line(v, "nothing looks for", "%s", unseen);
    }
    others(v);
    for (size_t i = 0; i < o->n_notes; i++)
        line(v, "note", "%s", o->notes[i]);
    if (!o->sys->os)
        return cli_no_system(v->cli, o, false);
    if (can_run(v, "pslist"))
        line(v, "next", "engram %s pslist", v->cli->image_words);
    line(v, "next", "engram plugins %s", v->cli->image_words);
    line(v, "next", "engram -r json %s all", v->cli->image_words);
    return v->cli->strict && o->n_notes ? CLI_FAILED : status ? status : complete;
}

int cli_summary(struct cli *c)
{
    struct verdict v = { .cli = c, .as_text = !strcmp(c->render, "text") };
    struct eg_error e;
    int status;

    if (c->args.n)
        return cli_fail(CLI_USAGE, "--%s: an option of a plugin, and none is named",
                        c->args.at[0].name);
    c->find.exhaustive = true;
    status = cli_open(c, &v.o);
    if (!status && !v.as_text &&
        cli_table_begin(&v.table, c, "summary", columns, false, &v.o.from, &e))
        status = cli_cannot(&e);
    if (!status)
        status = tell(&v);
    if (v.table.state)
        cli_table_end(&v.table, NULL, NULL);
    cli_close(&v.o);
    return status;
}
