/* triage.c - runs the plugins that rules read, once each and side by side, and shows what the rules
 * find, most serious first. */
#include "triage.h"
#include "../core/below.h"
#include "../core/parallel.h"
#include "../core/registry.h"
#include "../core/run_plugin.h"
#include "../core/zone.h"
#include "sandbox.h"
#include <stdlib.h>

#define COLUMNS(C)                                                                                 \
    C(SEVERITY, TEXT, "critical, high, medium, low, info")                                         \
    C(RULE, TEXT, "id of the rule that found it")                                                  \
    C(COUNT, INT, "rows that it was found in; 0 with --all: the rule found nothing")               \
    C(FINDING, TEXT, "what was found")                                                             \
    C(EVIDENCE, TEXT, "the first --evidence of the rows, with | between them, and \\| in them",    \
      EG_BELOW)                                                                                    \
    C(WHY, TEXT, "why it deserves a look", EG_BELOW)                                               \
    C(BENIGN, TEXT, "harmless causes that are known", EG_BELOW)                                    \
    C(MORE, TEXT, "the plugin and options that show more", EG_BELOW)                               \
    C(ATTACK, TEXT, "technique of MITRE ATT&CK", EG_BELOW)                                         \
    C(FINDING_ID, TEXT,                                                                            \
      "the rule, and what tells this finding from its others: the same in each "                   \
      "run",                                                                                       \
      EG_BELOW)
EG_COLUMNS(COLUMNS);

enum { NESTED_MAX = 3, EVIDENCE = 5, EVIDENCE_MAX = 100, LINE_MAX_ = 1024, CELL_MAX = 160 };

static void fini(void *arg)
{
    triage_fini(arg);
}

static void close_script(void *script)
{
    script_close(script);
}

/* ---- which rules ---- */

/** Is @id one of the words of "a,b"? */
static bool is_named(const char *list, const char *id)
{
    const size_t len = strlen(id);

    for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
        if (strcspn(list, ",") == len && !strncmp(list, id, len))
            return true;
    return false;
}

static int choose_named(struct triage *t, const char *list)
{
    for (const char *word = list; word; word = strchr(word, ',') ? strchr(word, ',') + 1 : NULL) {
        const int len = (int)strcspn(word, ",");
        const char **names = eg_tmp(t->run, (t->rules.n + 1) * sizeof *names), *near;
        const char *id = eg_strf(t->run, "%.*s", len, word);
        bool known = false;

        for (size_t i = 0; i < t->rules.n; i++) {
            names[i] = t->rules.at[i]->id;
            known = known || !strcmp(names[i], id);
        }
        near = known ? NULL : eg_nearest(id, names);
        if (near)
            return eg_refused(t->run, "--rule: no rule '%s'; did you mean '%s'?", id, near);
        if (!known)
            return eg_refused(t->run, "--rule: no rule '%s': --list shows them", id);
    }
    for (size_t i = 0; i < t->rules.n; i++)
        t->rules.at[i]->wanted = is_named(list, t->rules.at[i]->id);
    return 0;
}

/** A rule with a function may say that a row is more serious: only the filter's can be left out. */
static void choose(struct triage *t, enum triage_severity least)
{
    for (size_t i = 0; i < t->rules.n; i++) {
        struct triage_rule *r = t->rules.at[i];

        if (r->match == LUA_NOREF && r->severity < least)
            r->wanted = false;
        for (size_t k = 0; r->wanted && k < r->n_inputs; k++)
            r->inputs[k].source->wanted = true;
    }
}

/* ---- the plugins ---- */

/* Searches take longest: they are begun first. */
static int by_cost(const void *a, const void *b)
{
    const struct triage_source *x = *(struct triage_source *const *)a,
                               *y = *(struct triage_source *const *)b;
    const bool search_x = x->reg && x->reg->plugin->scan, search_y = y->reg && y->reg->plugin->scan;

    return search_x != search_y ? search_y - search_x : strcmp(x->name, y->name);
}

static int run_source(void *context, size_t piece, unsigned worker)
{
    struct triage *t = context;
    struct triage_source *s = t->sources.at[piece];
    struct eg_run_options o = eg_run_nested(t->run);

    (void)worker;
    o.args = s->args;
    o.n_args = s->n_args;
    if (s->wanted && s->reg && !s->lacks)
        eg_plugin_run(t->run->sys, s->reg, &o, (struct eg_sink){ triage_take, s }, &s->result);
    return 0;
}

/** What a plugin noted, without its own name before it. */
struct said {
    const char *text, *name;
    size_t order;
    bool repeated; /* of another plugin before it */
};

static int by_text(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    const int order = strcmp(x->text, y->text);

    return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

static int by_order(const void *a, const void *b)
{
    const struct said *x = a, *y = b;

    return x->order < y->order ? -1 : x->order > y->order;
}

/** One note for all plugins that say the same. */
static void say_notes(struct triage *t)
{
    struct said *all;
    size_t n = 0, first = 0;

    for (size_t i = 0; i < t->sources.n; i++)
        n += t->sources.at[i]->result.n_notes;
    all = eg_tmp(t->run, n * sizeof *all + 1);
    n = 0;
    for (size_t i = 0; i < t->sources.n; i++) {
        const struct triage_source *s = t->sources.at[i];
        const size_t len = strlen(s->name);

        for (size_t k = 0; k < s->result.n_notes; k++, n++) {
            const char *text = s->result.notes[k];

            if (!strncmp(text, s->name, len) && !strncmp(text + len, ": ", 2))
                text += len + 2;
            all[n] = (struct said){ text, s->name, n, false };
        }
    }
    if (n)
        qsort(all, n, sizeof *all, by_text);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(all[i].text, all[first].text) != 0) {
            first = i;
            continue;
        }
        all[i].repeated = true;
        if (strcmp(all[i].name, all[i - 1].name) != 0)
            all[first].name = eg_strf(t->run, "%s, %s", all[first].name, all[i].name);
    }
    if (n)
        qsort(all, n, sizeof *all, by_order);
    for (size_t i = 0; i < n; i++)
        if (!all[i].repeated)
            eg_note(t->run, "%s: %s", all[i].name, all[i].text);
}

static void run_sources(struct triage *t)
{
    struct eg_run *r = t->run;

    if (!t->sources.n)
        return;
    qsort(t->sources.at, t->sources.n, sizeof *t->sources.at, by_cost);
    for (size_t i = 0; i < t->sources.n; i++) {
        struct triage_source *s = t->sources.at[i];
        const char *lacks;

        if (!s->wanted)
            continue;
        lacks = s->reg ? eg_plugin_lacks(r->sys, s->reg->plugin, &r->arena) : NULL;
        if (!s->reg)
            s->lacks = eg_strf(r, "there is no plugin %s", s->name);
        else if (lacks)
            s->lacks = eg_strf(r, "%s: the image lacks %s", s->name, lacks);
    }
    eg_parallel(r->options->threads, t->sources.n, run_source, t);
    say_notes(t);
    for (size_t i = 0; i < t->sources.n; i++) {
        struct triage_source *s = t->sources.at[i];
        const struct eg_run_result *one = &s->result;

        if (one->status && !s->lacks)
            s->lacks = eg_strf(r, "%s: %s", s->name, one->error ? one->error : "it failed");
    }
}

/* ---- what could not be checked ---- */

static const char *unchecked(const struct triage_rule *r)
{
    for (size_t i = 0; i < r->n_inputs; i++)
        if (r->inputs[i].source->lacks)
            return r->inputs[i].source->lacks;
    return r->failed;
}

/** One note for all rules with the same reason. */
static void say_unchecked(struct triage *t)
{
    for (size_t i = 0; i < t->rules.n; i++) {
        const struct triage_rule *r = t->rules.at[i];
        const char *why = r->wanted ? unchecked(r) : NULL, *ids = r->id;
        bool said = !why;

        for (size_t k = 0; k < i && !said; k++)
            said = t->rules.at[k]->wanted && unchecked(t->rules.at[k]) == why;
        for (size_t k = i + 1; k < t->rules.n && !said; k++)
            if (t->rules.at[k]->wanted && unchecked(t->rules.at[k]) == why)
                ids = eg_strf(t->run, "%s, %s", ids, t->rules.at[k]->id);
        if (!said)
            eg_note(t->run, "not checked: %s: %s", ids, why);
    }
    for (size_t i = 0; i < t->inputs.n; i++) {
        const struct triage_input *in = t->inputs.at[i];

        if (in->cut)
            eg_note(t->run, "not all checked: %s: too many rows of %s", in->rule->id,
                    in->source->name);
        if (in->unknown)
            eg_note(t->run,
                    "not all checked: %s: its regular expression took too long on %llu rows"
                    " of %s",
                    in->rule->id, (unsigned long long)in->unknown, in->source->name);
    }
}

/* ---- rows ---- */

static void add_text(char *out, size_t size, size_t *n, const char *text)
{
    const int more = snprintf(out + *n, size - *n, "%s", text);

    *n = EG_MIN(*n + (more > 0 ? (size_t)more : 0), size - 1);
}

/** A bar in a cell is "\\|": one by itself ends a row. */
static const char *escaped(struct triage *t, const char *text)
{
    const char *out = "";

    for (const char *bar; (bar = strstr(text, " |")); text = bar + 2)
        out = eg_strf(t->run, "%s%.*s \\|", out, (int)(bar - text), text);
    return *out ? eg_strf(t->run, "%s%s", out, text) : text;
}

/** "PID=568 COMM=lab-rwx" */
static const char *row_text(struct triage *t, const struct triage_rule *r,
                            const struct eg_value *cells)
{
    char out[LINE_MAX_];
    size_t n = 0;

    out[0] = 0;
    for (size_t i = 0; i < r->n_cells; i++) {
        const struct triage_cell *c = &r->cells[i];
        const char *text;

        if (!c->shown || cells[i].tag == EG_V_NONE)
            continue;
        text = eg_value_plain_text(&t->run->arena, c->column, &cells[i]);
        if (!text || !*text)
            continue;
        add_text(out, sizeof out, &n,
                 eg_strf(t->run, "%s%s=%.*s%s", n ? " " : "", c->column->name, CELL_MAX, text,
                         strlen(text) > CELL_MAX ? "…" : ""));
    }
    return eg_strf(t->run, "%s", escaped(t, out));
}

static const char *evidence(struct triage *t, const struct triage_finding *f)
{
    const char *text = "";
    const size_t n = EG_MIN(f->rows.n, t->evidence);

    for (size_t i = 0; i < n; i++)
        text = eg_strf(t->run, "%s%s%s", text, i ? " | " : "", row_text(t, f->rule, f->rows.at[i]));
    if (f->count > n)
        text = eg_strf(t->run, "%s%sand %llu more", text, n ? " | " : "",
                       (unsigned long long)(f->count - n));
    return text;
}

static const char *id_of(struct triage *t, const struct triage_finding *f)
{
    const struct triage_rule *r = f->rule;
    const char *id = r->id;

    for (size_t i = 0; i < r->n_cells; i++)
        if (r->cells[i].key) {
            const char *text =
                eg_value_plain_text(&t->run->arena, r->cells[i].column, &f->rows.at[0][i]);

            id = eg_strf(t->run, "%s:%.*s", id, CELL_MAX, text ? text : "");
        }
    return id;
}

static void emit(struct triage *t, const struct triage_finding *f)
{
    const struct triage_rule *r = f->rule;

    eg_row(t->run, .SEVERITY = eg_text(triage_severity_name(f->severity)), .RULE = eg_text(r->id),
           .COUNT = eg_uint(f->count), .FINDING = eg_text(triage_text(t, f, r->title)),
           .FINDING_ID = eg_text(id_of(t, f)), .EVIDENCE = eg_text(evidence(t, f)),
           .WHY = eg_text(r->why), .BENIGN = eg_text(r->benign),
           .MORE = eg_text(triage_text(t, f, r->more)), .ATTACK = eg_text(r->attack));
}

/** --all: of the rules that are asked for those that found nothing, or were not checked. */
static void emit_others(struct triage *t)
{
    for (size_t i = 0; i < t->rules.n; i++) {
        const struct triage_rule *r = t->rules.at[i];
        const char *why = unchecked(r);
        bool found = !r->wanted;

        for (size_t k = 0; k < t->findings.n && !found; k++)
            found = t->findings.at[k]->rule == r;
        if (found)
            continue;
        eg_row(t->run, .SEVERITY = eg_text(triage_severity_name(r->severity)),
               .RULE = eg_text(r->id), .COUNT = why ? (struct eg_cell){ 0 } : eg_uint(0),
               .FINDING = eg_text(r->title), .FINDING_ID = eg_text(r->id),
               .EVIDENCE = eg_text(why ? eg_strf(t->run, "not checked: %s", why) : ""),
               .WHY = eg_text(r->why), .BENIGN = eg_text(r->benign), .MORE = eg_text(r->more),
               .ATTACK = eg_text(r->attack));
    }
}

/** --list: the rules themselves. */
static int list(struct triage *t)
{
    for (int s = TRIAGE_CRITICAL; s >= TRIAGE_INFO; s--)
        for (size_t i = 0; i < t->rules.n; i++) {
            const struct triage_rule *r = t->rules.at[i];
            const char *names = r->inputs[0].source->name;

            if ((int)r->severity != s || !r->wanted)
                continue;
            for (size_t k = 1; k < r->n_inputs; k++)
                names = eg_strf(t->run, "%s, %s", names, r->inputs[k].source->name);
            eg_row(t->run, .SEVERITY = eg_text(triage_severity_name(r->severity)),
                   .RULE = eg_text(r->id), .FINDING = eg_text(r->title),
                   .EVIDENCE = eg_text(eg_strf(t->run, "rows of %s", names)),
                   .WHY = eg_text(r->why), .BENIGN = eg_text(r->benign), .MORE = eg_text(r->more),
                   .ATTACK = eg_text(r->attack));
        }
    return 0;
}

static void show(struct triage *t, enum triage_severity least)
{
    size_t hidden = 0;

    for (int s = TRIAGE_CRITICAL; s >= TRIAGE_INFO; s--)
        for (size_t i = 0; i < t->findings.n && !eg_stopped(t->run); i++) {
            const struct triage_finding *f = t->findings.at[i];

            if ((int)f->severity != s)
                continue;
            if (f->severity >= least)
                emit(t, f);
            else
                hidden++;
        }
    if (hidden && !eg_arg_text(t->run, "severity"))
        eg_note(t->run, "not shown: %zu of severity info; --severity info shows all", hidden);
}

/* ---- the run ---- */

/** --test: hold the rules against their own examples. */
static int test(struct triage *t)
{
    size_t n = 0, bad = 0;

    for (size_t i = 0; i < t->rules.n; i++) {
        struct triage_rule *r = t->rules.at[i];
        const char *wrong;

        if (!r->wanted)
            continue;
        n++;
        wrong = triage_try(t, r);
        bad += wrong != NULL;
        if (wrong)
            eg_note(t->run, "%srule %s: %s", r->where, r->id, wrong);
    }
    if (bad)
        return eg_failed(t->run, "%zu of %zu rules fail their own examples", bad, n);
    eg_note(t->run, "%zu rules agree with their own examples", n);
    return 0;
}

static int open_all(struct eg_run *r, struct triage *t)
{
    const uint64_t reading = 100000000; // steps of all rules: they only say what they are
    struct script_limits limits = { .memory = 512 << 20, // and of the function of each
                                    .steps = UINT64_C(20000000000),
                                    .seconds = 60 };
    struct eg_error e;
    int rc;

    if (r->options->script_memory)
        limits.memory = r->options->script_memory;
    if (r->options->script_steps)
        limits.steps = r->options->script_steps;
    if (r->options->seconds)
        limits.seconds = r->options->seconds;
    t->script = script_open(r, &limits);
    if (!t->script)
        return eg_run_fail(r, EG_ENOMEM, "out of memory for the rules");
    eg_run_defer(r, close_script, t->script);
    eg_run_defer(r, fini, t);
    t->script->limits.steps = EG_MIN(limits.steps, reading);
    rc = triage_load(t, eg_arg_text(r, "rules"), &e);
    t->script->limits.steps = limits.steps;
    if (rc)
        return eg_run_fail(r, rc == -EG_EFORMAT ? EG_EUSAGE : (enum eg_errno) - rc, "%s", e.text);
    return 0;
}

static int run(struct eg_run *r)
{
    struct triage *t = eg_tmp(r, sizeof *t);
    const char *word = eg_arg_text(r, "severity"), *named = eg_arg_text(r, "rule");
    const enum triage_severity least = word ? triage_severity_of(word) : TRIAGE_LOW;
    int64_t n = EVIDENCE;

    *t = (struct triage){ .run = r };
    if (r->options->depth >= NESTED_MAX)
        return eg_failed(r, "plugins are nested more than %d deep", NESTED_MAX);
    if (!least)
        return eg_refused(r, "--severity '%s': none of critical, high, medium, low, info", word);
    if (eg_arg_int(r, "evidence", &n) && (n < 0 || n > EVIDENCE_MAX))
        return eg_refused(r, "--evidence: 0 to %d rows", EVIDENCE_MAX);
    t->evidence = (size_t)n;
    if (open_all(r, t) || (named && choose_named(t, named)))
        return r->status;
    if (eg_arg_flag(r, "test"))
        return test(t);
    if (eg_arg_flag(r, "list"))
        return list(t);
    choose(t, word && !eg_arg_flag(r, "all") ? least : TRIAGE_INFO);
    run_sources(t);
    for (size_t i = 0; i < t->rules.n && !eg_stopped(r); i++)
        if (t->rules.at[i]->wanted && !unchecked(t->rules.at[i]))
            triage_judge(t, t->rules.at[i]);
    say_unchecked(t);
    show(t, least);
    if (eg_arg_flag(r, "all"))
        emit_others(t);
    return 0;
}

EG_PLUGIN(triage) = {
    .os = "linux",
    .help = "Run what finds trouble, and show findings, most serious first",
    .manual =
        "Rules say which rows of which plugins deserve a look, how serious that is, why, what "
        "harmless causes there are, and which command shows more. Each plugin runs once, on all "
        "threads. A finding is a reason to look, no proof; and a machine without findings is not "
        "proven clean: a rule sees what its plugin sees, whose help says what that is not. Rules "
        "whose plugin cannot run here are named as not checked, and --all shows every rule. "
        "--rules takes a folder of rules of your own, whose ids may be those of built-in rules, "
        "which they replace; --test holds rules against the examples in them. FINDING_ID is made "
        "of the rule's id and names, numbers of processes and the like, so that findings of two "
        "images can be compared. docs/triage.md says how to write a rule.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(severity, TEXT, "only findings at least so serious; low when not given"),
                    EG_ARG(rules, FILE, "a folder of further rules"),
                    EG_ARG(rule, TEXT, "only these rules: ID,ID"),
                    EG_ARG(evidence, INT, "rows of a finding that are shown; 5 when not given"),
                    EG_ARG(all, FLAG, "also the rules that found nothing, or were not checked"),
                    EG_ARG(list, FLAG, "the rules, without a look at the image"),
                    EG_ARG(test, FLAG, "hold the rules against their own examples")),
    .run = run,
    .asks = true,
};
