/* summary.c - engram IMAGE: what this is, how that was found, every check, and what to run next. */
#include "cli.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL = 25 };

/* One line; nothing of the image's text reaches the terminal unescaped. */
static void line(const char *label, const char *format, ...) EG_PRINTF(2, 3);
static void line(const char *label, const char *format, ...)
{
    char text[2048], safe[8192];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    eg_escape(safe, sizeof safe, text, EG_MIN((size_t)n, sizeof text - 1));
    printf("%-*s %s\n", LABEL, label, safe);
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

/* Runs of memory that the image holds. A file with more is told by "at least". */
static void memory(const struct opened *o)
{
    enum { RUNS_MAX = 1 << 20 };
    struct eg_space *phys = o->image->phys;
    struct eg_extent x;
    uint64_t from = 0, bytes = 0, first = 0, last = 0, n = 0, extents = 0;
    char size[32];

    for (; extents < RUNS_MAX && eg_next_mapped(o->sys->view, phys, from, phys->last, &x);
         extents++) {
        const uint64_t start = EG_MAX(from, x.start);

        if (!extents)
            first = start;
        n += !extents || start != last + 1;
        last = x.last;
        bytes += x.last - start + 1;
        if (x.last >= phys->last)
            break;
        from = x.last + 1;
    }
    if (!n)
        line("memory", "none: the image holds no byte of physical memory");
    else
        line("memory", "%s%s in %" PRIu64 " range%s, %#" PRIx64 " to %#" PRIx64,
             extents == RUNS_MAX ? "at least " : "", size_text(size, bytes), n, n == 1 ? "" : "s",
             first, last);
}

static void checks(const struct eg_candidate *c)
{
    line("checks", "%d of %d points", c->score, c->max_score);
    for (size_t i = 0; i < c->n_checks; i++) {
        const struct eg_check *k = &c->checks[i];

        line("", "%s %+3d  %s%s%s", k->passed ? "passed" : "FAILED", k->passed ? k->points : 0,
             k->name, k->detail[0] ? ": " : "", k->detail);
    }
}

static void others(const struct eg_system *sys)
{
    for (size_t i = 0; i < sys->candidates.n; i++) {
        const struct eg_candidate *c = &sys->candidates.at[i];

        if (c == sys->chosen)
            continue;
        line("also there", "%s (%s), %d of %d points: --kernel %zu",
             c->release[0] ? c->release : "a kernel", c->trace, c->score, c->max_score, i + 1);
        for (size_t k = 0; k < c->n_checks; k++)
            if (!c->checks[k].passed)
                line("", "FAILED     %s%s%s", c->checks[k].name, c->checks[k].detail[0] ? ": " : "",
                     c->checks[k].detail);
    }
}

static void sources(const struct eg_system *sys)
{
    if (sys->types.n_layers) {
        const struct eg_profile *p = sys->types.layers[0].profile;

        line("types", "%" PRIu32 " of %s%s", p->n_types, p->source ? p->source : "a profile",
             sys->types.n_layers > 1 ? ", and of modules" : "");
    } else {
        line("types", "none: what needs none still works; --profile FILE gives them");
    }
    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *s = &sys->symbols.at[i];

        if (!s->module)
            line(i ? "" : "symbols", "%" PRIu32 " of %s", s->profile->n_symbols, s->what);
    }
}

/* Rows of the plugin `info`: its first column is the label. */
static void info_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    const struct eg_plugin *p = context;
    struct eg_arena a = { 0 };
    const char *label = n > 1 ? eg_value_text(&a, &p->columns[0], &v[0]) : NULL;
    const char *value = n > 1 ? eg_value_text(&a, &p->columns[1], &v[1]) : NULL;

    (void)depth;
    if (label && value)
        printf("%-*s %s\n", LABEL, label, value); // eg_value_text has escaped both
    eg_arena_fini(&a);
}

static int info(const struct cli *c, const struct opened *o)
{
    const struct eg_plugin_reg *reg = eg_plugin_find("info");
    const struct eg_run_options options = { .threads = c->jobs, .quiet = c->quiet };
    struct eg_run_result r = { 0 };
    int status = CLI_OK;

    if (!reg)
        return CLI_OK;
    eg_plugin_run(o->sys, reg, &options,
                  (struct eg_sink){ info_row, (void *)(uintptr_t)reg->plugin }, &r);
    for (size_t i = 0; i < r.n_notes; i++)
        line("note", "%s", r.notes[i]);
    if (r.status)
        status = cli_fail(CLI_FAILED, "info: %s", r.error);
    else if (c->strict && r.n_notes)
        status = CLI_FAILED;
    eg_arena_fini(&r.arena);
    return status;
}

static int tell(const struct cli *c, const struct opened *o)
{
    const struct eg_system *sys = o->sys;
    char size[32];
    int status = CLI_OK;

    line("image", "%s, %s", o->image->path, size_text(size, o->image->file_size));
    if (!sys->os) // else `info` says it
        line("format", "%s", o->image->format);
    if (o->from.sha256)
        line("sha256", "%s", o->from.sha256);
    memory(o);
    if (sys->os) {
        status = info(c, o);
        sources(sys);
        checks(sys->chosen);
    }
    others(sys);
    for (size_t i = 0; i < o->n_notes; i++)
        line("note", "%s", o->notes[i]);
    if (!sys->os)
        return cli_no_system(o, false);
    line("next", "engram %s pslist; engram plugins %s; engram %s all -r json", o->image->path,
         o->image->path, o->image->path);
    return c->strict && o->n_notes ? CLI_FAILED : status;
}

int cli_summary(struct cli *c)
{
    const char **word;
    struct opened o;
    int status;

    c->find.exhaustive = true;
    if (strcmp(c->render, "text")) { // for programs: the rows of `info`, with provenance
        if (!(word = eg_vec_push(&c->words)))
            return cli_fail(CLI_FAILED, "out of memory");
        *word = "info";
        return cli_run(c);
    }
    if (c->args.n)
        return cli_fail(CLI_USAGE, "--%s: an option of a plugin, and none is named",
                        c->args.at[0].name);
    status = cli_open(c, &o);
    if (!status)
        status = tell(c, &o);
    cli_close(&o);
    return status;
}
