/* triage_rules.c - reads rules: the declaration `rule { … }`, checked against the plugins that it
 * names. */
#include "call.h"
#include "load.h"
#include "rows.h"
#include "triage.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

enum { INPUTS_MAX = 16, TEXTS_MAX = 4 << 20, RULES_MAX = 2000 };

static const char *const severities[] = { [TRIAGE_INFO] = "info",
                                          [TRIAGE_LOW] = "low",
                                          [TRIAGE_MEDIUM] = "medium",
                                          [TRIAGE_HIGH] = "high",
                                          [TRIAGE_CRITICAL] = "critical" };

enum triage_severity triage_severity_of(const char *word)
{
    for (size_t i = TRIAGE_INFO; word && i < countof(severities); i++)
        if (!strcmp(severities[i], word))
            return (enum triage_severity)i;
    return (enum triage_severity)0;
}

const char *triage_severity_name(enum triage_severity s)
{
    return severities[s];
}

/* ---- the declaration: its table is at 1, and errors are raised ---- */

static const char *keep(lua_State *L, struct triage *t, int at)
{
    size_t len;
    const char *s = lua_tolstring(L, at, &len);
    char *copy = eg_arena_strndup(&t->arena, s, len);

    if (!copy)
        luaL_error(L, "rules: more than %d MiB of text", TEXTS_MAX >> 20);
    return copy;
}

static const char *text_field(lua_State *L, struct triage *t, const char *name, bool wanted)
{
    const char *s = NULL;

    if (lua_getfield(L, 1, name) == LUA_TSTRING)
        s = keep(L, t, -1);
    else if (wanted || !lua_isnil(L, -1))
        luaL_error(L, "rule: %s = \"…\" expected", name);
    lua_pop(L, 1);
    return s;
}

static void check_fields(lua_State *L)
{
    static const char *const known[] = { "id",   "title",  "severity", "plugin", "plugins",
                                         "args", "where",  "match",    "find",   "key",
                                         "show", "why",    "benign",   "attack", "more",
                                         "hits", "misses", NULL };

    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?", *near;
        size_t i = 0;

        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        near = known[i] ? NULL : eg_nearest(name, known);
        if (!known[i])
            luaL_error(L, near ? "rule: no field '%s'; did you mean '%s'?" : "rule: no field '%s'",
                       name, near);
    }
}

static bool is_id(const char *s)
{
    const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n && !s[n] && n <= 60;
}

/* ---- sources ---- */

static bool same_args(const struct triage_source *s, const struct eg_given_arg *args, size_t n)
{
    if (s->n_args != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(s->args[i].name, args[i].name) != 0 || !s->args[i].value != !args[i].value ||
            (args[i].value && strcmp(s->args[i].value, args[i].value) != 0))
            return false;
    return true;
}

static void check_args(lua_State *L, const struct eg_plugin_reg *reg,
                       const struct eg_given_arg *args, size_t n)
{
    for (size_t i = 0; reg && i < n; i++)
        if (!eg_plugin_arg(reg->plugin, args[i].name))
            luaL_error(L, "rule: args: %s has no option '%s'", reg->name, args[i].name);
}

/** The source of this name with the options at @at, or nil. */
static struct triage_source *source(lua_State *L, struct triage *t, const char *name, int at)
{
    const struct eg_plugin_reg *reg = eg_plugin_find(name);
    struct eg_given_arg args[TRIAGE_ARGS], *kept;
    struct triage_source *s, **place;
    size_t n;

    lua_newtable(L);
    n = script_read_args(L, at, lua_gettop(L), args, TRIAGE_ARGS);
    check_args(L, reg, args, n);
    for (size_t i = 0; i < t->sources.n; i++) {
        s = t->sources.at[i];
        if ((reg ? s->reg == reg : !strcmp(s->name, name)) && same_args(s, args, n)) {
            lua_pop(L, 1);
            return s;
        }
    }
    s = eg_arena_new(&t->arena, struct triage_source);
    kept = eg_arena_array(&t->arena, struct eg_given_arg, n + 1);
    place = s && kept ? eg_vec_push(&t->sources) : NULL;
    if (!place)
        luaL_error(L, "out of memory");
    *place = s;
    for (size_t i = 0; i < n; i++) {
        kept[i].name = eg_arena_strndup(&t->arena, args[i].name, strlen(args[i].name));
        kept[i].value = args[i].value
                            ? eg_arena_strndup(&t->arena, args[i].value, strlen(args[i].value))
                            : NULL;
    }
    *s = (struct triage_source){
        .name = reg ? reg->name : name, .reg = reg, .args = kept, .n_args = n
    };
    if (reg)
        s->columns = eg_plugin_columns(reg->plugin, kept, n, &t->arena);
    while (s->columns && s->columns[s->n_columns].name)
        s->n_columns++;
    lua_pop(L, 1);
    return s;
}

static void add_input(lua_State *L, struct triage *t, struct triage_rule *r, const char *name,
                      int args, const char *where)
{
    struct triage_input *in = &r->inputs[r->n_inputs], **place;
    struct eg_error e;

    if (r->n_inputs == INPUTS_MAX)
        luaL_error(L, "rule: more than %d plugins", INPUTS_MAX);
    *in = (struct triage_input){ .all = t, .rule = r, .source = source(L, t, name, args) };
    if (!(place = eg_vec_push(&t->inputs)))
        luaL_error(L, "out of memory");
    *place = in;
    r->n_inputs++;
    if (!in->source->columns)
        return;
    if (where &&
        eg_filter_open(&in->filter, where, in->source->name, in->source->columns, NULL, &e) < 0) {
        // its text begins with the option of the command
        const char *text = strncmp(e.text, "--filter: ", 10) ? e.text : e.text + 10;

        luaL_error(L, "rule: %s: where: %s", r->id, text);
    }
    if (!(place = eg_vec_push(&in->source->readers)))
        luaL_error(L, "out of memory");
    *place = in;
}

/** The name behind @last in the table at @at, in the order of the alphabet: Lua's own order is
 * another in each run. NULL: there is none. The table keeps it. */
static const char *next_name(lua_State *L, int at, const char *last)
{
    const char *next = NULL;

    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        const char *name;

        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "rule: plugins = { name = \"filter\", … } expected");
        name = lua_tostring(L, -2);
        if ((!last || strcmp(name, last) > 0) && (!next || strcmp(name, next) < 0))
            next = name;
    }
    return next;
}

/** plugins = { NAME = FILTER, … }; "" lets every row pass. args = { NAME = { … } }. */
static void read_inputs(lua_State *L, struct triage *t, struct triage_rule *r)
{
    const char *plugin = text_field(L, t, "plugin", false);
    const char *where = text_field(L, t, "where", false);
    const int args = (lua_getfield(L, 1, "args"), lua_gettop(L));
    const bool several = lua_getfield(L, 1, "plugins") == LUA_TTABLE;

    if (!plugin == !several)
        luaL_error(L, "rule: either plugin = \"…\" or plugins = { name = filter, … } expected");
    r->inputs = eg_arena_array(&t->arena, struct triage_input, INPUTS_MAX);
    if (!r->inputs)
        luaL_error(L, "out of memory");
    if (plugin)
        add_input(L, t, r, plugin, args, where);
    if (several && where)
        luaL_error(L, "rule: with plugins = { … } each has its own filter there");
    for (const char *name = NULL; several && (name = next_name(L, args + 1, name));) {
        lua_getfield(L, args + 1, name);
        where = *lua_tostring(L, -1) ? keep(L, t, lua_gettop(L)) : NULL;
        if (lua_istable(L, args))
            lua_getfield(L, args, name);
        else
            lua_pushnil(L);
        add_input(L, t, r, eg_arena_strndup(&t->arena, name, strlen(name)), lua_gettop(L), where);
        lua_pop(L, 2);
    }
    lua_settop(L, 1);
}

/* ---- columns ---- */

static const struct eg_column *column(const struct triage_rule *r, const char *name, size_t *at)
{
    for (size_t i = 0; i < r->n_inputs; i++) {
        const struct triage_source *s = r->inputs[i].source;

        for (*at = 0; *at < s->n_columns; ++*at)
            if (!strcmp(s->columns[*at].name, name))
                return &s->columns[*at];
    }
    return NULL;
}

static bool all_known(const struct triage_rule *r)
{
    for (size_t i = 0; i < r->n_inputs; i++)
        if (!r->inputs[i].source->columns)
            return false;
    return true;
}

static void add_cell(lua_State *L, struct triage_rule *r, const char *name, bool key)
{
    size_t at = 0;
    const struct eg_column *c = column(r, name, &at);
    struct triage_cell *cell = r->cells;

    if (!c)
        luaL_error(L, "rule: %s: no column '%s' in the rows of %s", r->id, name,
                   r->inputs[0].source->name);
    while (cell < r->cells + r->n_cells && cell->column != c)
        cell++;
    if (cell == r->cells + TRIAGE_CELLS)
        luaL_error(L, "rule: %s: more than %d columns", r->id, TRIAGE_CELLS);
    if (cell == r->cells + r->n_cells)
        *cell = (struct triage_cell){ .column = c, .at = at }, r->n_cells++;
    cell->key = cell->key || key;
    cell->shown = cell->shown || !key;
}

static void read_cells(lua_State *L, struct triage_rule *r, const char *field, bool wanted)
{
    const int type = lua_getfield(L, 1, field);
    const size_t n = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;

    if ((type != LUA_TTABLE && type != LUA_TNIL) || (wanted && !n))
        luaL_error(L, "rule: %s = { \"COLUMN\", … } expected", field);
    for (size_t i = 1; i <= n && all_known(r); i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i) != LUA_TSTRING)
            luaL_error(L, "rule: %s = { \"COLUMN\", … } expected", field);
        add_cell(L, r, lua_tostring(L, -1), !strcmp(field, "key"));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static bool is_number(const struct eg_column *c)
{
    return c->kind == EG_COL_INT || c->kind == EG_COL_ADDR;
}

/** Each {COLUMN} of a text is one that is shown; of a command it is a number, for what an image
 * says is not to be typed into a shell. */
static void check_places(lua_State *L, const struct triage_rule *r, const char *field,
                         const char *text, bool command)
{
    for (const char *open = text; all_known(r) && open && (open = strchr(open, '{')); open++) {
        const size_t len = strcspn(open + 1, "}");
        const struct triage_cell *c = r->cells;

        while (c < r->cells + r->n_cells &&
               (strlen(c->column->name) != len || strncmp(c->column->name, open + 1, len) != 0))
            c++;
        if (c == r->cells + r->n_cells)
            luaL_error(L, "rule: %s: %s: {…} is none of the columns in key and show", r->id, field);
        if (command && !is_number(c->column))
            luaL_error(L, "rule: %s: %s: {%s} is not a number", r->id, field, c->column->name);
    }
}

/* ---- one rule ---- */

static int reference(lua_State *L, const char *field, int type)
{
    const int found = lua_getfield(L, 1, field);

    if (found != type && found != LUA_TNIL)
        luaL_error(L,
                   type == LUA_TFUNCTION ? "rule: %s = function(…) … end expected"
                                         : "rule: %s = { … } expected",
                   field);
    if (found == type)
        return luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
    return LUA_NOREF;
}

static const char *command_of(struct triage *t, const struct triage_rule *r)
{
    const struct triage_source *s = r->inputs[0].source;
    const char *text = s->name;

    for (size_t i = 0; i < s->n_args && text; i++)
        text = s->args[i].value
                   ? eg_arena_strf(&t->arena, "%s --%s %s", text, s->args[i].name, s->args[i].value)
                   : eg_arena_strf(&t->arena, "%s --%s", text, s->args[i].name);
    return text;
}

/** The place in rules for one with this id. A rule of an analyst takes that of a built-in one. */
static struct triage_rule **place_of(lua_State *L, struct triage *t, const struct triage_rule *r)
{
    struct triage_rule **place;

    for (size_t i = 0; i < t->rules.n; i++) {
        place = &t->rules.at[i];
        if (strcmp((*place)->id, r->id) != 0)
            continue;
        if (r->built_in || !(*place)->built_in)
            luaL_error(L, "rule: the id '%s' is taken: %s", r->id, (*place)->where);
        (*place)->wanted = false;
        return place;
    }
    place = t->rules.n < RULES_MAX ? eg_vec_push(&t->rules) : NULL;
    if (!place)
        luaL_error(L, "more than %d rules", RULES_MAX);
    return place;
}

/** rule { … } */
static int rule(lua_State *L)
{
    struct triage *t = lua_touserdata(L, lua_upvalueindex(1));
    struct triage_rule *r = eg_arena_new(&t->arena, struct triage_rule);
    const char *severity;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    check_fields(L);
    if (!r)
        return luaL_error(L, "out of memory");
    luaL_where(L, 1);
    r->where = keep(L, t, -1);
    lua_pop(L, 1);
    r->built_in = t->loading_own;
    r->id = text_field(L, t, "id", true);
    if (!is_id(r->id))
        luaL_error(L, "rule: id '%s': small letters, digits and - expected", r->id);
    r->title = text_field(L, t, "title", true);
    severity = text_field(L, t, "severity", true);
    r->severity = triage_severity_of(severity);
    if (!r->severity)
        luaL_error(L, "rule: %s: severity '%s' is none of critical, high, medium, low, info", r->id,
                   severity);
    r->why = text_field(L, t, "why", true);
    r->benign = text_field(L, t, "benign", false);
    r->attack = text_field(L, t, "attack", false);
    read_inputs(L, t, r);
    read_cells(L, r, "show", true);
    read_cells(L, r, "key", false);
    check_places(L, r, "title", r->title, false);
    r->more = text_field(L, t, "more", false);
    check_places(L, r, "more", r->more, true);
    r->more = r->more ? r->more : command_of(t, r);
    r->match = reference(L, "match", LUA_TFUNCTION);
    r->find = reference(L, "find", LUA_TFUNCTION);
    if (r->match != LUA_NOREF && r->find != LUA_NOREF)
        luaL_error(L, "rule: %s: match or find, not both", r->id);
    if (r->n_inputs != 1 && r->find == LUA_NOREF)
        luaL_error(L, "rule: %s: plugins = { … } needs find = function(rows) … end", r->id);
    r->hits = reference(L, "hits", LUA_TTABLE);
    r->misses = reference(L, "misses", LUA_TTABLE);
    r->wanted = true;
    *place_of(L, t, r) = r;
    return 0;
}

/** columns("NAME"): a set of the plugin's columns; nil: this build has no such plugin. */
static int columns(lua_State *L)
{
    const struct eg_plugin_reg *reg = eg_plugin_find(luaL_checkstring(L, 1));
    const struct eg_column *c = reg ? reg->plugin->columns : NULL;

    if (!c)
        return 0;
    lua_newtable(L);
    for (; c->name; c++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, c->name);
    }
    return 1;
}

/* ---- files ---- */

static int declare(lua_State *L)
{
    lua_register(L, "columns", columns);
    lua_pushcclosure(L, rule, 1);
    lua_setglobal(L, "rule");
    return 0;
}

static int is_script(const struct dirent *d)
{
    const size_t n = strlen(d->d_name);

    return n > 4 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 4, ".lua");
}

static int load_file(struct triage *t, const char *path, struct eg_error *e)
{
    char *text;
    size_t len;
    int rc = script_read_file(path, 0, &text, &len, e);

    if (rc)
        return rc;
    rc = script_run(t->script, path, text, len, 0, e);
    free(text);
    return rc;
}

static int load_folder(struct triage *t, const char *dir, struct eg_error *e)
{
    const size_t before = t->rules.n;
    struct dirent **found;
    int n = scandir(dir, &found, is_script, alphasort), rc = 0;

    if (n < 0)
        return eg_fail(e, EG_EUSAGE, "--rules %s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[4096];

        if (!rc &&
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, found[i]->d_name) >= sizeof path)
            rc = eg_fail(e, EG_EUSAGE, "--rules %s: the path is too long", dir);
        if (!rc)
            rc = load_file(t, path, e);
        free(found[i]);
    }
    free(found);
    if (!rc && !n && t->rules.n == before)
        rc = eg_fail(e, EG_EUSAGE, "--rules %s: no file NAME.lua is in it", dir);
    return rc;
}

int triage_load(struct triage *t, const char *dir, struct eg_error *e)
{
    int rc;

    t->arena.limit = TEXTS_MAX;
    lua_pushcfunction(t->script->L, declare);
    lua_pushlightuserdata(t->script->L, t);
    rc = script_call(t->script, 1, 0, e);
    t->loading_own = true;
    for (const struct script_file *f = rule_library; !rc && f->name; f++)
        rc = script_run(t->script, f->name, f->text, f->len, 0, e);
    t->loading_own = false;
    if (!rc && dir)
        rc = load_folder(t, dir, e);
    return rc;
}

void triage_fini(struct triage *t)
{
    for (size_t i = 0; i < t->sources.n; i++) {
        eg_vec_fini(&t->sources.at[i]->readers);
        eg_arena_fini(&t->sources.at[i]->result.arena);
    }
    for (size_t i = 0; i < t->inputs.n; i++) {
        struct triage_input *in = t->inputs.at[i];

        eg_filter_close(in->filter);
        eg_vec_fini(&in->rows);
        eg_arena_fini(&in->arena);
    }
    for (size_t i = 0; i < t->findings.n; i++)
        eg_vec_fini(&t->findings.at[i]->rows);
    eg_vec_fini(&t->findings);
    eg_vec_fini(&t->inputs);
    eg_vec_fini(&t->rules);
    eg_vec_fini(&t->sources);
    eg_arena_fini(&t->arena);
}
