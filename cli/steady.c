/* steady.c - rows of a machine that runs while it is read: each plugin reads twice; where the two
 * do not agree, or a walk broke, it reads again, a few times at most. */
#include "steady.h"
#include "../core/changes.h"
#include "../core/map.h"
#include "../core/process.h"
#include <inttypes.h>

enum { READS = 6, WHOLE_READS = 5 }; // at all; before what is there is compared

static const struct eg_column moving = {
    "MOVING", EG_COL_TEXT, "of a machine that runs: what of the row moved while it was read",
    EG_ASKED
};

const struct eg_column *cli_steady_columns(struct eg_arena *a, const struct eg_plugin_reg *reg,
                                           const struct eg_column *columns)
{
    struct eg_column *all;
    size_t n = 0;

    while (columns && columns[n].name)
        n++;
    if (!n || reg->plugin->scan || cli_steady_is(&columns[n - 1]))
        return columns;
    all = eg_arena_array(a, struct eg_column, n + 2);
    if (!all)
        return NULL;
    memcpy(all, columns, n * sizeof *all);
    all[n] = moving;
    return all;
}

bool cli_steady_is(const struct eg_column *c)
{
    return !strcmp(c->name, moving.name);
}

struct read {
    struct eg_kept rows;
    struct eg_run_result result;
};
/* A row of the read that is shown: what the others say of it. */
struct verdict {
    bool seen, agreed;
    size_t n;                        // columns that differ in the read that agrees best
    const struct eg_kept_row *other; // the row there
};
struct steady {
    const struct eg_plugin_reg *reg;
    const struct eg_column *columns;
    struct eg_comparison how;
    struct read reads[READS];
    size_t n, base; // reads that were made; the one that is shown
    struct verdict *verdicts;
    struct eg_map lost[READS]; // rows of other reads that the base lacks, by their address
    struct eg_arena texts;
};

static bool read_again(struct steady *s, struct eg_system *sys, const struct eg_run_options *o)
{
    struct read *r = &s->reads[s->n];

    if (s->n == READS)
        return false;
    eg_plugin_run(sys, s->reg, o, eg_kept_sink(&r->rows), &r->result);
    s->n++;
    return r->result.status != -EG_ECANCEL;
}

/* How little a read is to be trusted: by what its walkers had to say, or that it failed. */
static size_t badness(const struct read *r)
{
    return r->result.status || r->rows.no_room ? SIZE_MAX : r->result.n_notes;
}

/* The last of the best reads; *@n: how many are as good. */
static size_t best(const struct steady *s, size_t *n)
{
    size_t at = 0;

    *n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const size_t one = badness(&s->reads[i]), least = badness(&s->reads[at]);

        *n = i && one < least ? 1 : *n + (one == least);
        if (one <= least)
            at = i;
    }
    return at;
}

/* In how many columns two reads of a row differ. What cannot be read agrees only with itself. */
static size_t differences(const struct steady *s, const struct eg_kept_row *a,
                          const struct eg_kept_row *b)
{
    size_t n = 0;

    for (size_t i = 0; i < s->how.n_columns; i++)
        n += (s->how.compared[i] || s->how.key[i]) && !eg_value_same(&a->values[i], &b->values[i]);
    return n;
}

/* What read @k says of the rows of the base. @return false: out of memory. */
static bool ask(struct steady *s, size_t k)
{
    const struct eg_kept *base = &s->reads[s->base].rows;
    const bool as_good = badness(&s->reads[k]) <= badness(&s->reads[s->base]);
    struct eg_changes changes;

    if (eg_changes_find(&changes, &s->how, &s->reads[k].rows, base))
        return false;
    for (size_t i = 0; i < changes.at.n; i++) {
        const struct eg_change *c = &changes.at.at[i];
        struct verdict *v;
        size_t n;

        if (c->kind == EG_GONE && as_good && eg_map_add(&s->lost[k], (uintptr_t)c->was, 0) < 0)
            break;
        if (!c->was || !c->is)
            continue;
        v = &s->verdicts[c->is - base->at.at];
        n = differences(s, c->was, c->is);
        if (!v->seen || n < v->n)
            *v = (struct verdict){ true, !n, n, c->was };
    }
    eg_changes_fini(&changes);
    return true;
}

static bool ask_all(struct steady *s)
{
    bool ok;

    free(s->verdicts);
    for (size_t k = 0; k < READS; k++)
        eg_map_fini(&s->lost[k]);
    s->verdicts = calloc(s->reads[s->base].rows.at.n + 1, sizeof *s->verdicts);
    ok = s->verdicts != NULL;
    for (size_t k = 0; k < s->n && ok; k++)
        if (k != s->base && badness(&s->reads[k]) != SIZE_MAX)
            ok = ask(s, k);
    return ok;
}

static bool all_agree(const struct steady *s)
{
    bool agree = true;

    for (size_t i = 0; i < s->reads[s->base].rows.at.n; i++)
        agree &= s->verdicts[i].agreed;
    for (size_t k = 0; k < s->n; k++)
        agree &= !s->lost[k].n;
    return agree;
}

/* ---- what is shown ---- */

static const char *names(struct steady *s, const struct eg_kept_row *a, const struct eg_kept_row *b)
{
    const char *all = NULL;

    for (size_t i = 0; i < s->how.n_columns; i++)
        if ((s->how.compared[i] || s->how.key[i]) && !eg_value_same(&a->values[i], &b->values[i]))
            all = eg_arena_strf(&s->texts, "%s%s%s", all ? all : "", all ? ", " : "",
                                s->columns[i].name);
    return all ? all : "?";
}

static bool give(struct steady *s, struct eg_sink sink, const struct eg_kept_row *row,
                 const char *flag)
{
    const size_t n = s->how.n_columns;
    struct eg_value *v;

    eg_arena_reset(&s->texts);
    if (!(v = eg_arena_array(&s->texts, struct eg_value, n + 1)))
        return false;
    memcpy(v, row->values, n * sizeof *v);
    if (flag)
        v[n] =
            (struct eg_value){ .tag = EG_V_TEXT, .bytes = { (const uint8_t *)flag, strlen(flag) } };
    if (sink.row)
        sink.row(sink.context, row->depth, v, n + 1);
    return true;
}

/* Rows that the base lacks and two others agree in: its walk passed them by. *@n: those that only
 * one has, which came or went in between. @return false: out of memory. */
static bool give_lost(struct steady *s, struct eg_sink sink, uint64_t *n)
{
    const struct eg_kept *before = NULL;

    *n = 0;
    for (size_t k = 0; k < s->n; k++) {
        const struct eg_kept *rows = &s->reads[k].rows;
        struct eg_changes changes;
        uint64_t unused;

        if (k == s->base || badness(&s->reads[k]) == SIZE_MAX)
            continue;
        *n = EG_MAX(*n, (uint64_t)s->lost[k].n);
        if (before) {
            if (eg_changes_find(&changes, &s->how, before, rows))
                return false;
            for (size_t i = 0; i < changes.at.n; i++)
                if (changes.at.at[i].kind == EG_SAME &&
                    eg_map_get(&s->lost[k], (uintptr_t)changes.at.at[i].is, &unused) &&
                    !differences(s, changes.at.at[i].was, changes.at.at[i].is)) {
                    give(s, sink, changes.at.at[i].is, NULL);
                    s->reads[s->base].result.n_rows++;
                    *n -= *n != 0;
                }
            eg_changes_fini(&changes);
            break;
        }
        before = rows;
    }
    return true;
}

static void add_note(struct eg_run_result *r, uint64_t moved, uint64_t passed, size_t reads)
{
    char **notes = eg_arena_array(&r->arena, char *, r->n_notes + 2);
    char *note = eg_arena_strf(&r->arena,
                               "the machine runs: read %zu times; %" PRIu64
                               " rows moved, as MOVING says of each, and %" PRIu64
                               " that came or went meanwhile are left out",
                               reads, moved, passed);

    if (!notes || !note)
        return;
    if (r->n_notes)
        memcpy(notes, r->notes, r->n_notes * sizeof *notes);
    notes[r->n_notes++] = note;
    r->notes = notes;
}

static bool show(struct steady *s, struct eg_sink sink)
{
    struct read *base = &s->reads[s->base];
    uint64_t moved = 0, passed;

    for (size_t i = 0; i < base->rows.at.n; i++) {
        const struct eg_kept_row *row = &base->rows.at.at[i];
        const struct verdict *v = &s->verdicts[i];
        char flag[256];

        if (!v->agreed)
            snprintf(flag, sizeof flag, "%s", v->seen ? names(s, row, v->other) : "seen once");
        moved += !v->agreed;
        if (!give(s, sink, row, v->agreed ? NULL : flag))
            return false;
    }
    if (!give_lost(s, sink, &passed))
        return false;
    if (moved || passed)
        add_note(&base->result, moved, passed, s->n);
    return true;
}

static void show_once(struct steady *s, struct eg_sink sink)
{
    const struct eg_kept *rows = &s->reads[s->base].rows;

    for (size_t i = 0; i < rows->at.n; i++)
        give(s, sink, &rows->at.at[i], "read once");
}

/* The result of the read that is shown becomes the caller's; the others' are dropped. */
static void end(struct steady *s, struct eg_run_result *out, bool ok)
{
    *out = s->reads[s->base].result;
    s->reads[s->base].result = (struct eg_run_result){ 0 };
    ok &= !s->reads[s->base].rows.no_room;
    if (!ok && !out->status) {
        out->status = -EG_ENOMEM;
        out->error = eg_arena_strf(&out->arena, "out of memory for the rows");
    }
    for (size_t k = 0; k < s->n; k++) {
        eg_kept_fini(&s->reads[k].rows);
        eg_arena_fini(&s->reads[k].result.arena);
        eg_map_fini(&s->lost[k]);
    }
    free(s->verdicts);
    eg_arena_fini(&s->texts);
    eg_comparison_fini(&s->how);
}

void cli_steady_run(struct eg_system *sys, const struct eg_plugin_reg *reg,
                    const struct eg_run_options *o, struct eg_sink sink, struct eg_run_result *out)
{
    const struct eg_comparison_options how = { 0 };
    struct steady s = { .reg = reg };
    struct eg_arena a = { 0 };
    struct eg_error e;
    bool ok, goes_on;
    size_t as_good;

    s.columns = eg_plugin_columns(reg->plugin, o->args, o->n_args, &a);
    ok = s.columns && !eg_comparison_init(&s.how, reg->plugin, s.columns, &how, &e);
    goes_on = ok && read_again(&s, sys, o);
    if (!ok) {
        *out = (struct eg_run_result){ .status = -EG_ENOMEM, .error = "out of memory" };
        eg_arena_fini(&a);
        return;
    }
    if (s.reads[0].result.n_files || !goes_on || s.reads[0].result.status == -EG_EUSAGE) {
        show_once(&s, sink);
        end(&s, out, true);
        eg_arena_fini(&a);
        return;
    }
    do {
        goes_on = read_again(&s, sys, o);
        s.base = best(&s, &as_good);
    } while (goes_on && as_good < 2 && s.n < WHOLE_READS);
    ok = ask_all(&s);
    if (ok && goes_on && !all_agree(&s)) {
        read_again(&s, sys, o);
        ok = ask_all(&s);
    }
    ok = ok && show(&s, sink);
    end(&s, out, ok);
    eg_arena_fini(&a);
}
