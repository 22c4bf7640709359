/* events.c - events of the rows of plugins as tables of the plugins' own columns, and rules that
 * some of them raise. */
#include "events.h"
#include "../core/map.h"
#include "../core/process.h"
#include "choice.h"
#include "habits.h"
#include "report.h"
#include "steady.h"
#include <errno.h>
#include <stdio.h>

static const struct eg_column front[] = {
    { "SEEN_TIME", EG_COL_TIME, "when it was seen" },
    { "EVENT", EG_COL_TEXT, "born, gone, changed; of the machine rebooted, unreadable, readable" },
};
static const struct eg_column behind[] = {
    { "CHANGES", EG_COL_TEXT, "what changed: COLUMN OLD -> NEW" },
    { "CAUSE", EG_COL_TEXT, "why, where that is known", EG_ASKED },
    { "ALERT", EG_COL_TEXT, "rules that it raises, each with its severity", EG_ASKED },
    { "IN_IMAGE", EG_COL_TEXT, "the image in which it is so", EG_ASKED },
};
enum { FRONT = 2, CHANGES = 0, CAUSE, ALERT, IN_IMAGE, BEHIND };
enum { CELL_MAX = 200, RULES_MAX = 1000 };

/* ---- which plugins ---- */

static void put_row(void *followed, unsigned depth, const struct eg_value *v, size_t n)
{
    struct cli_followed *f = followed;

    (void)depth;
    (void)n;
    cli_events_head(f);
    f->all->cli->renderer->row(f->state, stdout, &f->head, 0, v);
}

static bool make_columns(struct cli_followed *f, struct cli *c)
{
    size_t n = 0;

    while (f->of_plugin && f->of_plugin[f->n].name)
        f->n++;
    f->columns = eg_arena_array(&c->arena, struct eg_column, FRONT + f->n + BEHIND + 1);
    f->values = eg_arena_array(&c->arena, struct eg_value, FRONT + f->n + BEHIND + 1);
    if (!f->columns || !f->values)
        return false;
    for (size_t i = 0; i < FRONT; i++)
        f->columns[n++] = front[i];
    for (size_t i = 0; i < f->n; i++)
        f->columns[n++] = f->of_plugin[i];
    for (size_t i = 0; i < BEHIND; i++)
        f->columns[n++] = behind[i];
    f->head = (struct eg_result_head){ .plugin = f->reg ? f->reg->name : "machine",
                                       .columns = f->columns,
                                       .n_columns = n };
    return true;
}

static const char *taken_name(const struct eg_column *of_plugin)
{
    for (; of_plugin->name; of_plugin++) {
        for (size_t i = 0; i < FRONT; i++)
            if (!strcmp(of_plugin->name, front[i].name))
                return of_plugin->name;
        for (size_t i = 0; i < BEHIND; i++)
            if (!strcmp(of_plugin->name, behind[i].name))
                return of_plugin->name;
    }
    return NULL;
}

int cli_follow(struct cli_events *ev, const struct eg_plugin_reg *reg)
{
    struct cli *c = ev->cli;
    struct cli_followed *f, **place;
    const char *taken;
    struct eg_error e;

    for (size_t i = 0; i < ev->at.n; i++)
        if (ev->at.at[i]->reg == reg)
            return CLI_OK;
    f = eg_arena_new(&c->arena, struct cli_followed);
    if (!f || !(place = eg_vec_push(&ev->at)))
        return cli_no_memory();
    *place = f;
    f->all = ev;
    f->reg = reg;
    if (reg) {
        f->of_plugin = eg_plugin_columns(reg->plugin, c->args.at, c->args.n, &c->arena);
        if (f->of_plugin && ev->moving)
            f->of_plugin = cli_steady_columns(&c->arena, reg, f->of_plugin);
        if (!f->of_plugin)
            return cli_no_memory();
        if ((taken = taken_name(f->of_plugin)))
            return cli_fail(CLI_USAGE, "%s: its column %s has the name of one of events", reg->name,
                            taken);
    }
    if (!make_columns(f, c))
        return cli_no_memory();
    if (reg && eg_select_open(&f->select, &c->select, reg->name, f->columns, false, &e))
        return cli_fail(CLI_USAGE, "%s", e.text);
    if (!cli_choice_head(c, f->select, NULL, &f->head))
        return cli_no_memory();
    if (ev->stream)
        f->head.selected = NULL;
    f->sink = eg_select_sink(f->select, (struct eg_sink){ put_row, f });
    return CLI_OK;
}

int cli_follow_words(struct cli_events *ev, const char *list)
{
    char *names = eg_arena_strndup(&ev->cli->arena, list, strlen(list)), *save;
    int status = CLI_OK;

    if (!names)
        return cli_no_memory();
    for (char *one = strtok_r(names, ",", &save); one && !status;
         one = strtok_r(NULL, ",", &save)) {
        const struct eg_plugin_reg *reg = eg_plugin_find(one);

        if (!reg)
            status = cli_unknown_plugin(one);
        else if (reg->plugin->scan)
            status = cli_fail(CLI_USAGE,
                              "%s: searches memory, and what it finds comes and goes with what "
                              "nobody uses any more: it cannot be followed",
                              reg->name);
        else
            status = cli_follow(ev, reg);
    }
    return status;
}

int cli_compare(const struct cli_followed *f, bool other_boot, struct eg_comparison *out,
                struct eg_error *e)
{
    const struct cli *c = f->all->cli;
    const struct eg_comparison_options o = { .ignore = cli_arg(c, "ignore"),
                                             .only = cli_arg(c, "only"),
                                             .all = cli_arg(c, "all-changes") != NULL,
                                             .other_boot = other_boot,
                                             .lenient = f->all->at.n > 1 };
    const int rc = eg_comparison_init(out, f->reg->plugin, f->of_plugin, &o, e);

    if (!rc && cli_steady_is(&f->of_plugin[f->n - 1]))
        out->key[f->n - 1] = out->compared[f->n - 1] = 0;
    return rc;
}

/* ---- rules ---- */

/* "ID SEVERITY PLUGINS EXPRESSION", with blanks between them. */
static const char *word(char **at)
{
    char *start = *at + strspn(*at, " \t");
    char *end = start + strcspn(start, " \t");

    *at = *end ? end + 1 : end;
    *end = 0;
    return start;
}

static int read_rule(struct cli_events *ev, char *line, const char *path, unsigned number)
{
    static const char *const severities[] = { "critical", "high", "medium", "low", "info" };
    struct cli_rule rule, *place;
    char *at = eg_arena_strndup(&ev->cli->arena, line, strlen(line));
    bool known = false;

    if (!at)
        return cli_no_memory();
    rule.id = word(&at);
    rule.severity = word(&at);
    rule.plugins = word(&at);
    rule.where = at + strspn(at, " \t");
    for (size_t i = 0; i < countof(severities); i++)
        known |= !strcmp(rule.severity, severities[i]);
    if (!known || !*rule.plugins || !*rule.where)
        return cli_fail(CLI_USAGE,
                        "--rules %s, line %u: 'ID SEVERITY PLUGIN EXPRESSION' is expected, with "
                        "critical, high, medium, low or info for SEVERITY",
                        path, number);
    place = ev->rules.n < RULES_MAX ? eg_vec_push(&ev->rules) : NULL;
    if (!place)
        return cli_fail(CLI_USAGE, "--rules %s: more than %d rules", path, RULES_MAX);
    *place = rule;
    return CLI_OK;
}

int cli_rules_read(struct cli_events *ev, const char *path)
{
    int status = CLI_OK;
    unsigned number = 0;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    FILE *f;

    if (!path)
        return CLI_OK;
    if (!(f = fopen(path, "re")))
        return cli_fail(CLI_USAGE, "--rules %s: %s", path, strerror(errno));
    while (!status && (n = getline(&line, &size, f)) >= 0) {
        number++;
        while (n && strchr(" \t\r\n", line[n - 1]))
            line[--n] = 0;
        if (line[strspn(line, " \t")] && line[strspn(line, " \t")] != '#')
            status = read_rule(ev, line, path, number);
    }
    if (!status && ferror(f))
        status = cli_fail(CLI_USAGE, "--rules %s: %s", path, strerror(errno));
    free(line);
    fclose(f);
    return status;
}

static bool is_for(const struct cli_rule *rule, const struct cli_followed *f)
{
    const size_t len = strlen(f->head.plugin);

    if (!strcmp(rule->plugins, "*"))
        return true;
    for (const char *p = rule->plugins; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strcspn(p, ",") == len && !strncmp(p, f->head.plugin, len))
            return true;
    return false;
}

/* The texts of expressions' mistakes begin with the option that most are of. */
static const char *without_option(const char *text)
{
    return strncmp(text, "--filter: ", 10) ? text : text + 10;
}

static int fit_rule(struct cli_events *ev, const struct cli_rule *rule)
{
    bool fits = false, meant = false;
    struct eg_error e;

    for (size_t i = 0; i < ev->at.n; i++) {
        struct cli_followed *f = ev->at.at[i];
        struct cli_rule_filter one = { .rule = rule }, *place;

        if (!is_for(rule, f))
            continue;
        meant = true;
        if (eg_filter_open(&one.filter, rule->where, f->head.plugin, f->columns,
                           ev->cli->select.zone, &e))
            continue;
        if (!(place = eg_vec_push(&f->rules))) {
            eg_filter_close(one.filter);
            return cli_no_memory();
        }
        *place = one;
        fits = true;
    }
    if (!meant) // one file may have the rules of several watches
        cli_warn(ev->cli, "--rules: %s: left out, %s is not followed", rule->id, rule->plugins);
    return fits || !meant
               ? CLI_OK
               : cli_fail(CLI_USAGE, "--rules: %s: %s", rule->id, without_option(e.text));
}

int cli_events_check(struct cli_events *ev, const char *until)
{
    struct eg_error e;
    int status = CLI_OK;
    bool fits = !until;

    for (size_t i = 0; i < ev->rules.n && !status; i++)
        status = fit_rule(ev, &ev->rules.at[i]);
    for (size_t i = 0; i < ev->at.n && until; i++)
        fits |= !eg_filter_open(&ev->at.at[i]->until, until, ev->at.at[i]->head.plugin,
                                ev->at.at[i]->columns, ev->cli->select.zone, &e);
    if (!status && !fits)
        status = cli_fail(CLI_USAGE, "--until: %s", without_option(e.text));
    return status;
}

/* ---- one event ---- */

static struct eg_value text_value(const char *s)
{
    return s ? (struct eg_value){ .tag = EG_V_TEXT, .bytes = { (const uint8_t *)s, strlen(s) } }
             : (struct eg_value){ .tag = EG_V_NONE };
}

static const char *cell(struct cli_followed *f, size_t i, const struct eg_value *v)
{
    const char *s =
        v->tag == EG_V_NONE ? "none" : eg_value_plain_text(&f->texts, &f->of_plugin[i], v);

    if (s && !*s)
        return "''";
    return s && strlen(s) > CELL_MAX ? eg_arena_strf(&f->texts, "%.*s…", CELL_MAX, s) : s;
}

/* "COMM sh -> nc; PPID 12 -> 1" */
static const char *changes(struct cli_followed *f, const struct eg_comparison *c,
                           const struct eg_change *change)
{
    const char *all = NULL;

    for (size_t i = 0; i < f->n; i++)
        if (eg_change_in(c, change, i)) {
            const char *was = cell(f, i, &change->was->values[i]);
            const char *is = cell(f, i, &change->is->values[i]);

            all = eg_arena_strf(&f->texts, "%s%s%s %s -> %s", all ? all : "", all ? "; " : "",
                                f->of_plugin[i].name, was ? was : "?", is ? is : "?");
        }
    return all;
}

static const char *alerts(struct cli_followed *f)
{
    const char *all = NULL;
    uint64_t unknown = 0;

    for (size_t i = 0; i < f->rules.n; i++)
        if (eg_filter_match(f->rules.at[i].filter, f->values, &unknown)) {
            const struct cli_rule *rule = f->rules.at[i].rule;

            all = eg_arena_strf(&f->texts, "%s%s%s (%s)", all ? all : "", all ? ", " : "", rule->id,
                                rule->severity);
        }
    f->all->n_alerts += all != NULL;
    return all;
}

void cli_event(struct cli_followed *f, const char *what, int64_t time,
               const struct eg_comparison *c, const struct eg_change *change, const char *cause,
               const char *image)
{
    const struct eg_kept_row *row = change ? (change->is ? change->is : change->was) : NULL;
    struct eg_value *after = f->values + FRONT + f->n;
    uint64_t unknown = 0;

    eg_arena_reset(&f->texts);
    f->values[0] = time ? (struct eg_value){ .tag = EG_V_INT, .i = time } : text_value(NULL);
    f->values[1] = text_value(what);
    for (size_t i = 0; i < f->n; i++)
        f->values[FRONT + i] = row ? row->values[i] : text_value(NULL);
    after[CHANGES] =
        text_value(change && change->kind == EG_CHANGED ? changes(f, c, change) : NULL);
    after[CAUSE] = text_value(cause);
    after[IN_IMAGE] = text_value(image);
    after[ALERT] = text_value(NULL);
    after[ALERT] = text_value(alerts(f));
    f->all->n++;
    if (f->until && eg_filter_match(f->until, f->values, &unknown))
        f->all->ended = true;
    f->sink.row(f->sink.context, 0, f->values, f->head.n_columns);
}

/* ---- all events of one comparison ---- */

static size_t column_of(const struct cli_followed *f, const char *name)
{
    size_t i = 0;

    while (i < f->n && strcmp(f->of_plugin[i].name, name) != 0)
        i++;
    return i;
}

/* The column whose numbers are given to one task after the other; n: it has none. */
static size_t reused(const struct cli_followed *f, const struct eg_comparison *c)
{
    const size_t tid = column_of(f, "TID"), pid = column_of(f, "PID");

    if (c->created == SIZE_MAX || !c->key[c->created])
        return f->n;
    return tid < f->n && c->key[tid] ? tid : pid;
}

/* Which numbers @kind of rows have. */
static void note_numbers(const struct eg_changes *changes, int kind, size_t column,
                         struct eg_map *m)
{
    for (size_t i = 0; i < changes->at.n; i++) {
        const struct eg_change *change = &changes->at.at[i];

        if ((int)change->kind == kind)
            eg_map_add(m, (kind == EG_BORN ? change->is : change->was)->values[column].u, 1);
    }
}

size_t cli_events_of(struct cli_followed *f, int64_t time, const struct eg_comparison *c,
                     const struct eg_changes *changes, const char *image)
{
    static const char *const names[] = {
        [EG_BORN] = "born", [EG_GONE] = "gone", [EG_CHANGED] = "changed"
    };
    const size_t number = reused(f, c);
    struct eg_map born = { 0 }, gone = { 0 };
    size_t n = 0;

    if (number < f->n) {
        note_numbers(changes, EG_BORN, number, &born);
        note_numbers(changes, EG_GONE, number, &gone);
    }
    for (size_t i = 0; i < changes->at.n; i++) {
        const struct eg_change *change = &changes->at.at[i];
        const char *cause = NULL;
        uint64_t one;

        if (change->kind == EG_SAME)
            continue;
        if (change->kind == EG_BORN && number < f->n &&
            eg_map_get(&gone, change->is->values[number].u, &one))
            cause = "its number was another's before";
        if (change->kind == EG_GONE && number < f->n &&
            eg_map_get(&born, change->was->values[number].u, &one))
            cause = "its number was given to another";
        cli_event(f, names[change->kind], time, c, change, cause, image);
        n++;
    }
    eg_map_fini(&born);
    eg_map_fini(&gone);
    return n;
}

/* ---- the table ---- */

void cli_events_head(struct cli_followed *f)
{
    if (!f->begun)
        f->all->cli->renderer->head(f->state, stdout, &f->head);
    f->begun = true;
}

void cli_events_tail(struct cli_followed *f, const char *const *notes, const char *error)
{
    static const char *const none[] = { NULL };

    if (f->begun)
        f->all->cli->renderer->tail(f->state, stdout, &f->head, notes ? notes : none, error);
    f->begun = false;
}

void cli_events_fini(struct cli_events *ev)
{
    for (size_t i = 0; i < ev->at.n; i++) {
        struct cli_followed *f = ev->at.at[i];

        for (size_t k = 0; k < f->rules.n; k++)
            eg_filter_close(f->rules.at[k].filter);
        eg_vec_fini(&f->rules);
        eg_filter_close(f->until);
        eg_select_close(f->select);
        eg_arena_fini(&f->texts);
    }
    eg_vec_fini(&ev->at);
    eg_vec_fini(&ev->rules);
}
