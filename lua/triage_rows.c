/* triage_rows.c - what rules make of rows: kept while the plugins run, judged and grouped after. */
#include "call.h"
#include "cursor.h"
#include "rows.h"
#include "triage.h"
#include <stdatomic.h>

enum {
    KEPT_MAX = 1000,    /* rows that a rule without a function keeps */
    READ_MAX = 200000,  /* rows that one with a function reads */
    FOUND_MAX = 10000,  /* rows that find() returns */
    FINDINGS_MAX = 100, /* of one rule; further rows are counted in the last */
    CELL_MAX = 256,     /* bytes of one cell in a text */
    TEXT_MAX = 1024,
};
static const size_t memory_max = (size_t)256 << 20; /* of all rows together */

/* ---- kept ---- */

static bool has_bytes(const struct eg_value *v)
{
    return v->tag == EG_V_TEXT || v->tag == EG_V_BYTES;
}

static const struct eg_value *copy_of(struct eg_arena *a, const struct eg_value *v, size_t n)
{
    struct eg_value *copy = eg_arena_array(a, struct eg_value, n + 1);

    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = v[i];
        if (!has_bytes(&v[i]))
            continue;
        copy[i].bytes.p =
            (const uint8_t *)eg_arena_strndup(a, (const char *)v[i].bytes.p, v[i].bytes.len);
        if (!copy[i].bytes.p)
            return NULL;
    }
    return copy;
}

/* Memory that hostile rows could fill without end is counted for all rules together. */
static bool has_room(struct triage_input *in)
{
    const size_t now = in->arena.used + in->rows.cap * sizeof *in->rows.at;
    const size_t more = now - EG_MIN(now, in->counted);

    in->counted = EG_MAX(in->counted, now);
    return atomic_fetch_add(&in->all->used, more) + more <= memory_max;
}

static void keep(struct triage_input *in, const struct eg_value *v, size_t n)
{
    const bool read = in->rule->match != LUA_NOREF || in->rule->find != LUA_NOREF;
    const struct eg_value **place, *copy;

    if (!read && in->rows.n >= KEPT_MAX)
        return; // counted, and never shown
    copy = in->rows.n < READ_MAX && has_room(in) ? copy_of(&in->arena, v, n) : NULL;
    place = copy ? (const struct eg_value **)eg_vec_push(&in->rows) : NULL;
    if (place)
        *place = copy;
    else
        in->cut = true;
}

void triage_take(void *source, unsigned depth, const struct eg_value *v, size_t n)
{
    struct triage_source *s = source;

    (void)depth;
    for (size_t i = 0; i < s->readers.n && n == s->n_columns; i++) {
        struct triage_input *in = s->readers.at[i];

        if (!in->rule->wanted || (in->filter && !eg_filter_match(in->filter, v, &in->unknown)))
            continue;
        in->count++;
        keep(in, v, n);
    }
}

/* ---- findings ---- */

static bool same_cell(const struct eg_value *a, const struct eg_value *b)
{
    if (a->tag != b->tag)
        return false;
    if (has_bytes(a))
        return a->bytes.len == b->bytes.len && !memcmp(a->bytes.p, b->bytes.p, a->bytes.len);
    return a->tag == EG_V_NONE || a->u == b->u;
}

static bool same_key(const struct triage_rule *r, const struct eg_value *a,
                     const struct eg_value *b)
{
    for (size_t i = 0; i < r->n_cells; i++)
        if (r->cells[i].key && !same_cell(&a[i], &b[i]))
            return false;
    return true;
}

/** The finding for a row of @r with these cells. @first: where the rule's findings begin. */
static struct triage_finding *finding_of(struct triage *t, const struct triage_rule *r,
                                         size_t first, const struct eg_value *cells)
{
    struct triage_finding *f, **place;

    for (size_t i = first; i < t->findings.n; i++)
        if (same_key(r, t->findings.at[i]->rows.at[0], cells))
            return t->findings.at[i];
    if (t->findings.n - first >= FINDINGS_MAX)
        return t->findings.at[t->findings.n - 1];
    f = eg_arena_new(&t->run->arena, struct triage_finding);
    place = f ? eg_vec_push(&t->findings) : NULL;
    if (!place)
        eg_run_leave(t->run);
    f->rule = r;
    return *place = f;
}

static void add_hit(struct triage *t, const struct triage_rule *r, size_t first,
                    const struct eg_value *cells, enum triage_severity severity)
{
    struct triage_finding *f = finding_of(t, r, first, cells);
    const struct eg_value **place;

    f->count++;
    f->severity = EG_MAX(f->severity, severity);
    if (f->rows.n > t->evidence)
        return;
    if (!(place = (const struct eg_value **)eg_vec_push(&f->rows)))
        eg_run_leave(t->run);
    *place = cells;
}

/** The rule's cells of a row of its first plugin. */
static const struct eg_value *cells_of(struct triage *t, const struct triage_rule *r,
                                       const struct eg_value *row)
{
    struct eg_value *cells = eg_tmp(t->run, (r->n_cells + 1) * sizeof *cells);

    for (size_t i = 0; i < r->n_cells; i++)
        cells[i] = row[r->cells[i].at];
    return cells;
}

/* ---- functions of rules ---- */

/** Convert the Lua value at @at to a cell; texts are copied. */
static void to_value(lua_State *L, struct eg_arena *a, int at, struct eg_value *v)
{
    size_t len;
    const char *s;

    *v = (struct eg_value){ 0 };
    if (lua_isinteger(L, at)) {
        v->tag = EG_V_INT;
        v->i = lua_tointeger(L, at);
    } else if (lua_isboolean(L, at)) {
        v->tag = EG_V_INT;
        v->i = lua_toboolean(L, at);
    } else if (lua_type(L, at) == LUA_TSTRING) {
        s = lua_tolstring(L, at, &len);
        v->bytes.p = (const uint8_t *)eg_arena_strndup(a, s, len);
        v->bytes.len = v->bytes.p ? len : 0;
        v->tag = v->bytes.p ? EG_V_TEXT : EG_V_NONE;
    }
}

/** A row at @at as cells of @columns. */
static void to_values(lua_State *L, struct eg_arena *a, int at, const struct eg_column *columns,
                      struct eg_value *out)
{
    for (size_t i = 0; columns[i].name; i++) {
        lua_pushstring(L, columns[i].name);
        lua_rawget(L, at);
        to_value(L, a, lua_gettop(L), &out[i]);
        if (out[i].tag == EG_V_TEXT && columns[i].kind == EG_COL_BYTES)
            out[i].tag = EG_V_BYTES;
        if (out[i].tag == EG_V_INT && columns[i].kind == EG_COL_ADDR)
            out[i].tag = EG_V_UINT;
        lua_pop(L, 1);
    }
}

struct judging {
    struct triage *t;
    const struct triage_rule *rule;
    size_t first;
};

/** true, or the name of a severity, on top of the stack, where @what put it. 0: no. */
static enum triage_severity verdict(lua_State *L, const struct triage_rule *r, const char *what)
{
    enum triage_severity s;

    if (lua_type(L, -1) != LUA_TSTRING)
        return lua_toboolean(L, -1) ? r->severity : (enum triage_severity)0;
    s = triage_severity_of(lua_tostring(L, -1));
    if (!s)
        luaL_error(L, "rule %s: %s '%s', which is no severity", r->id, what, lua_tostring(L, -1));
    return s;
}

/** match(row) for each row. */
static int call_match(lua_State *L)
{
    struct judging *j = lua_touserdata(L, 1);
    const struct triage_input *in = &j->rule->inputs[0];

    script_push_row_meta(L, in->source->reg, in->source->columns);
    for (size_t i = 0; i < in->rows.n; i++) {
        enum triage_severity s;

        lua_rawgeti(L, LUA_REGISTRYINDEX, j->rule->match);
        script_push_cells(L, in->source->columns, in->rows.at[i], in->source->n_columns);
        lua_pushvalue(L, 2);
        lua_setmetatable(L, -2);
        lua_call(L, 1, 1);
        s = verdict(L, j->rule, "match returned");
        lua_pop(L, 1);
        if (s)
            add_hit(j->t, j->rule, j->first, cells_of(j->t, j->rule, in->rows.at[i]), s);
    }
    return 0;
}

/** find({ PLUGIN = rows, … }): the rows that are findings, which it may have made itself. */
static int call_find(lua_State *L)
{
    struct judging *j = lua_touserdata(L, 1);
    const struct triage_rule *r = j->rule;

    lua_rawgeti(L, LUA_REGISTRYINDEX, r->find);
    lua_newtable(L);
    for (size_t k = 0; k < r->n_inputs; k++) {
        const struct triage_input *in = &r->inputs[k];

        lua_newtable(L);
        script_push_row_meta(L, in->source->reg, in->source->columns);
        for (size_t i = 0; i < in->rows.n; i++) {
            script_push_cells(L, in->source->columns, in->rows.at[i], in->source->n_columns);
            lua_pushvalue(L, -2);
            lua_setmetatable(L, -2);
            lua_rawseti(L, -3, (lua_Integer)i + 1);
        }
        lua_pop(L, 1);
        lua_setfield(L, -2, in->source->name);
    }
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1))
        return 0;
    luaL_argexpected(L, lua_istable(L, -1), lua_gettop(L), "table");
    for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TTABLE; i++, lua_pop(L, 1)) {
        struct eg_value *cells;
        enum triage_severity severity;

        if (i > FOUND_MAX)
            return luaL_error(L, "rule %s: find returned more than %d rows", r->id, FOUND_MAX);
        cells = eg_tmp(j->t->run, (r->n_cells + 1) * sizeof *cells);
        for (size_t c = 0; c < r->n_cells; c++) {
            const struct eg_column one[] = { *r->cells[c].column, { 0 } };

            to_values(L, &j->t->run->arena, 3, one, &cells[c]);
        }
        lua_pushliteral(L, "SEVERITY");
        severity = lua_rawget(L, 3) == LUA_TNIL ? r->severity : verdict(L, r, "SEVERITY is");
        lua_pop(L, 1);
        if (severity)
            add_hit(j->t, r, j->first, cells, severity);
    }
    return 0;
}

/** Each rule has its own time and steps: one that never ends spoils no other. */
static void renew(struct triage *t)
{
    const uint64_t deadline = t->run->options->deadline;

    script_renew(t->script);
    if (deadline)
        t->script->deadline = EG_MIN(t->script->deadline, deadline);
}

void triage_judge(struct triage *t, struct triage_rule *rule)
{
    struct judging j = { t, rule, t->findings.n };
    const struct triage_input *in = &rule->inputs[0];
    const bool calls = rule->match != LUA_NOREF || rule->find != LUA_NOREF;
    struct eg_error e;

    if (calls) {
        renew(t);
        lua_pushcfunction(t->script->L, rule->find != LUA_NOREF ? call_find : call_match);
        lua_pushlightuserdata(t->script->L, &j);
        if (script_call(t->script, 1, 0, &e))
            rule->failed = eg_strf(t->run, "%s", e.text);
        return;
    }
    for (size_t i = 0; i < in->rows.n; i++)
        add_hit(t, rule, j.first, cells_of(t, rule, in->rows.at[i]), rule->severity);
    if (in->count > in->rows.n && t->findings.n > j.first)
        t->findings.at[t->findings.n - 1]->count += in->count - in->rows.n;
}

/* ---- texts ---- */

const char *triage_text(struct triage *t, const struct triage_finding *f, const char *text)
{
    const struct triage_rule *r = f->rule;
    char out[TEXT_MAX];
    size_t n = 0;

    while (*text && n < sizeof out - 1) {
        const size_t len = *text == '{' ? strcspn(text + 1, "}") : 0;
        const char *cell = NULL;

        for (size_t i = 0; len && i < r->n_cells && !cell; i++)
            if (strlen(r->cells[i].column->name) == len &&
                !strncmp(r->cells[i].column->name, text + 1, len))
                cell = eg_value_plain_text(&t->run->arena, r->cells[i].column, &f->rows.at[0][i]);
        if (!cell) {
            out[n++] = *text++;
            continue;
        }
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s", CELL_MAX, *cell ? cell : "?");
        n = EG_MIN(n, sizeof out - 1);
        text += len + 1 + (text[len + 1] == '}');
    }
    out[n] = 0;
    return eg_strf(t->run, "%s", out);
}

/* ---- examples ---- */

/** Give the example at 1 to the rule: a row, or of several plugins { name = rows }. */
static int give(lua_State *L)
{
    struct triage_rule *r = lua_touserdata(L, 2);

    for (size_t k = 0; k < r->n_inputs; k++) {
        struct triage_input *in = &r->inputs[k];
        struct triage_source *s = in->source;
        struct eg_value *v = lua_newuserdatauv(L, (s->n_columns + 1) * sizeof *v, 0);
        lua_Integer n = 1;

        if (lua_getfield(L, 1, s->name) != LUA_TTABLE && r->n_inputs > 1)
            continue;
        if (!lua_istable(L, -1)) { // one row
            lua_createtable(L, 1, 0);
            lua_pushvalue(L, 1);
            lua_rawseti(L, -2, 1);
        }
        for (; lua_rawgeti(L, -1, n) == LUA_TTABLE; n++, lua_pop(L, 1)) {
            for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
                // Not of a number: to become a text would confuse lua_next().
                const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
                size_t i = 0;

                while (i < s->n_columns && strcmp(s->columns[i].name, name) != 0)
                    i++;
                if (i == s->n_columns)
                    luaL_error(L, "no column '%s' in the rows of %s", name, s->name);
            }
            to_values(L, &in->arena, lua_gettop(L), s->columns, v);
            if (!in->filter || eg_filter_match(in->filter, v, &in->unknown)) {
                in->count++;
                keep(in, v, s->n_columns);
            }
        }
        lua_settop(L, 2);
    }
    return 0;
}

static void empty(struct triage_rule *r)
{
    for (size_t k = 0; k < r->n_inputs; k++) {
        r->inputs[k].rows.n = 0;
        r->inputs[k].count = 0;
    }
}

/** @return NULL, or what is wrong with one of the examples in the table of @reference. */
static const char *try_all(struct triage *t, struct triage_rule *r, int examples, bool wanted)
{
    lua_State *L = t->script->L;
    const char *list = wanted ? "hits" : "misses";
    lua_Integer n = 1;
    const char *wrong = NULL;
    struct eg_error e;
    const int top = lua_gettop(L);

    if (examples == LUA_NOREF)
        return eg_strf(t->run, "it has no %s = { … }", list);
    lua_rawgeti(L, LUA_REGISTRYINDEX, examples);
    for (; !wrong && lua_rawgeti(L, -1, n) == LUA_TTABLE; n++, lua_pop(L, 1)) {
        const size_t before = t->findings.n;

        empty(r);
        lua_pushcfunction(L, give);
        lua_pushvalue(L, -2);
        lua_pushlightuserdata(L, r);
        renew(t);
        if (script_call(t->script, 2, 0, &e))
            wrong = eg_strf(t->run, "%s %d: %s", list, (int)n, e.text);
        if (!wrong)
            triage_judge(t, r);
        if (!wrong && r->failed)
            wrong = eg_strf(t->run, "%s %d: %s", list, (int)n, r->failed);
        if (!wrong && (t->findings.n > before) != wanted)
            wrong = eg_strf(t->run, wanted ? "%s %d is not found" : "%s %d is found", list, (int)n);
        for (; t->findings.n > before; t->findings.n--)
            eg_vec_fini(&t->findings.at[t->findings.n - 1]->rows);
    }
    lua_settop(L, top);
    empty(r);
    return wrong || n > 1 ? wrong : eg_strf(t->run, "%s is empty", list);
}

const char *triage_try(struct triage *t, struct triage_rule *rule)
{
    const char *wrong;

    for (size_t k = 0; k < rule->n_inputs; k++)
        if (!rule->inputs[k].source->columns)
            return eg_strf(t->run, "there is no plugin %s", rule->inputs[k].source->name);
    wrong = try_all(t, rule, rule->hits, true);
    return wrong ? wrong : try_all(t, rule, rule->misses, false);
}
