/* rows.c - input and output of a script: rows, notes, files; arguments, rows of other plugins. */
#include "rows.h"
#include "../core/run_plugin.h"
#include "cursor.h"
#include "parts.h"
#include "space.h"
#include "text.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

/* ---- row{…} ---- */

static int no_column(lua_State *L, const struct script *s, const char *name)
{
    const char *near = eg_nearest(name, s->columns);

    return near ? luaL_error(L, "row: no column '%s'; did you mean '%s'?", name, near)
                : luaL_error(L, "row: no column '%s'", name);
}

/** Convert the value at @at to a cell. It stays on the stack, because the cell points into it. */
static struct eg_cell cell_of(lua_State *L, int at, const struct eg_column *column)
{
    const enum eg_column_kind kind = column->kind;
    const struct eg_obj *o;
    struct eg_cell cell = { 0 };
    lua_Integer whole = 0;
    size_t len;
    uint64_t v;

    switch (lua_type(L, at)) {
    case LUA_TNIL:
        return cell;
    case LUA_TBOOLEAN:
        return eg_int(lua_toboolean(L, at));
    case LUA_TNUMBER:
        if (!lua_isinteger(L, at) && !lua_numbertointeger(floor(lua_tonumber(L, at)), &whole))
            luaL_error(L, "row: %s: %f does not fit in 64 bits", column->name, lua_tonumber(L, at));
        if (!lua_isinteger(L, at))
            return eg_int(whole);
        return kind == EG_COL_ADDR ? eg_uint((uint64_t)lua_tointeger(L, at))
                                   : eg_int(lua_tointeger(L, at));
    case LUA_TSTRING:
        cell.bytes.p = lua_tolstring(L, at, &len);
        cell.bytes.len = len;
        cell.tag = kind == EG_COL_BYTES ? EG_CELL_BYTES : EG_CELL_TEXT;
        return cell;
    default:
        o = script_is_cursor(L, at);
        if (!o)
            luaL_error(L, "row: %s: integer, string, boolean or cursor expected, got a %s",
                       column->name, luaL_typename(L, at));
        if (!o->why && kind == EG_COL_ADDR && script_address_of(*o, &v))
            return eg_uint(v);
        if (!o->why && (o->kind == EG_K_PTR || o->kind == EG_K_STRUCT ||
                        (o->kind == EG_K_ARRAY && kind != EG_COL_BYTES)))
            luaL_error(L,
                       "row: %s: %s does not fit this kind of column; use one of its members, "
                       "eg.address(c), eg.string(c) or tostring(c)",
                       column->name, luaL_tolstring(L, at, NULL));
        return eg_cell_of(*o);
    }
}

/** row(cells [, depth]) */
static int row(lua_State *L)
{
    struct script *s = script_of(L);
    lua_Integer depth;

    luaL_checktype(L, 1, LUA_TTABLE);
    depth = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, depth >= 0 && depth <= 10000, 2, "depth of 0 to 10000 expected");
    luaL_argcheck(L, !depth || s->plugin->tree, 2, "a depth needs tree = true in the declaration");
    memset(s->cells, 0, s->n_columns * sizeof *s->cells);
    lua_settop(L, 1);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
        size_t i = 0;

        if (!name)
            return luaL_error(L, "row: the keys of a row must be column names");
        while (i < s->n_columns &&
               s->columns[i] != name) // Lua interns short strings: compare pointers
            i++;
        if (i == s->n_columns)
            return no_column(L, s, name);
        s->cells[i] = cell_of(L, 3, &s->plugin->columns[i]);
    }
    eg_emit_(s->run, (unsigned)depth, s->cells, s->n_columns); // texts are held by the table
    if (eg_stopped(s->run))
        script_leave(L, SCRIPT_STOPPED);
    return 0;
}

void script_push_row(lua_State *L)
{
    struct script *s = script_of(L);
    const struct eg_column *c = s->plugin->columns;

    for (s->n_columns = 0; c && c[s->n_columns].name;)
        s->n_columns++;
    // Held by the function, which lives as long as the script.
    s->cells = lua_newuserdatauv(L, (s->n_columns + 1) * sizeof *s->cells, 0);
    s->columns = lua_newuserdatauv(L, (s->n_columns + 1) * sizeof *s->columns, 0);
    lua_newtable(L);
    for (size_t i = 0; i < s->n_columns; i++) {
        s->columns[i] = lua_pushstring(L, c[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    s->columns[s->n_columns] = NULL;
    lua_pushcclosure(L, row, 3);
}

/* ---- arguments ---- */

/** Reading an argument that was not given: nil, or an error if it is not declared. */
static int no_argument(lua_State *L)
{
    const struct eg_arg *a = script_of(L)->plugin->args;
    const char *name = lua_tostring(L, 2), *names[128], *near;
    size_t n = 0;

    for (; name && a && a[n].name && n < countof(names) - 1; n++) {
        if (!strcmp(a[n].name, name))
            return 0;
        names[n] = a[n].name;
    }
    names[n] = NULL;
    near = name ? eg_nearest(name, names) : NULL;
    return near ? luaL_error(L, "no argument '%s' is declared; did you mean '%s'?", name, near)
                : luaL_error(L, "no argument '%s' is declared", name ? name : "?");
}

/** args.pid: an integer; args.all: true; absent: nil. */
void script_push_args(lua_State *L)
{
    struct script *s = script_of(L);
    const struct eg_arg *a = s->plugin->args;

    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, no_argument);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    for (; a && a->name; a++) {
        int64_t i;
        uint64_t addr;

        switch (a->kind) {
        case EG_ARG_FLAG:
            if (eg_arg_flag(s->run, a->name)) {
                lua_pushboolean(L, 1);
                lua_setfield(L, -2, a->name);
            }
            break;
        case EG_ARG_INT:
            if (eg_arg_int(s->run, a->name, &i)) {
                lua_pushinteger(L, i);
                lua_setfield(L, -2, a->name);
            }
            break;
        case EG_ARG_ADDR:
            if (eg_arg_addr(s->run, a->name, &addr)) {
                lua_pushinteger(L, (lua_Integer)addr);
                lua_setfield(L, -2, a->name);
            }
            break;
        case EG_ARG_TEXT:
        case EG_ARG_FILE:
            if (eg_arg_text(s->run, a->name)) {
                lua_pushstring(L, eg_arg_text(s->run, a->name));
                lua_setfield(L, -2, a->name);
            }
        }
    }
}

/** eg.matches("pid", task.pid): true when --pid was not given, or lists this value. */
static int matches(lua_State *L)
{
    struct script *s = script_of(L);
    const char *name = luaL_checkstring(L, 1);
    const struct eg_arg *a = s->plugin ? s->plugin->args : NULL;

    while (a && a->name && strcmp(a->name, name) != 0)
        a++;
    luaL_argcheck(L, a && a->name && a->kind == EG_ARG_INT, 1, "no int argument with this name");
    if (lua_isinteger(L, 2))
        lua_pushboolean(L, eg_arg_match(s->run, name, lua_tointeger(L, 2)));
    else
        lua_pushboolean(L, !eg_arg_limits(s->run, name)); // an unreadable value matches no list
    return 1;
}

/* ---- notes, files ---- */

static int note(lua_State *L)
{
    luaL_checkany(L, 1);
    eg_note(script_of(L)->run, "%s", script_push_string(L, 1));
    return 0;
}

/** eg.refuse(text): the arguments cannot be right. */
static int refuse(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);

    eg_refused(script_of(L)->run, "%s", text);
    return luaL_error(L, "%s", text);
}

/** print() adds a note: rows are the only output of a plugin. */
static int print(lua_State *L)
{
    const int n = lua_gettop(L);
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addlstring(&b, " ", 1);
        script_push_string(L, i);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    eg_note(script_of(L)->run, "%s", lua_tostring(L, -1));
    return 0;
}

/** eg.output(name, bytes): a file in the folder of -o. */
static int output(lua_State *L)
{
    struct script *s = script_of(L);
    const char *name = luaL_checkstring(L, 1), *bytes;
    size_t len;
    void *f;

    bytes = luaL_checklstring(L, 2, &len);
    for (size_t i = 0; name[i]; i++)
        luaL_argcheck(L, !iscntrl((unsigned char)name[i]), 1,
                      "file name contains a control character");
    script_charge(L, 1000 + len / 16);
    if (len > s->limits.output - EG_MIN(s->written, s->limits.output))
        script_leave(L, SCRIPT_NO_OUTPUT);
    s->written += len;
    f = eg_output(s->run, name);
    if (f)
        fwrite(bytes, 1, len, f);
    if (f)
        eg_output_done(s->run, f);
    script_check_run(L);
    return 0;
}

/* ---- rows of other plugins ---- */

struct collecting {
    lua_State *L;
    const struct eg_column *columns;
    struct eg_run_options *options;
    lua_Integer n;
};

static void push_cell(lua_State *L, const struct eg_column *c, const struct eg_value *v)
{
    (void)c;
    switch (v->tag) {
    case EG_V_INT:
        lua_pushinteger(L, v->i);
        break;
    case EG_V_UINT:
        lua_pushinteger(L, (lua_Integer)v->u);
        break;
    case EG_V_TEXT:
    case EG_V_BYTES:
        lua_pushlstring(L, (const char *)v->bytes.p, v->bytes.len);
        break;
    case EG_V_BAD:
        script_push_cursor(L, (struct eg_obj){ .view = eg_view_of(script_of(L)->run),
                                               .space = eg_kernel(script_of(L)->run),
                                               .bind = eg_binding_of(script_of(L)->run),
                                               .why = (uint8_t)v->why,
                                               .addr = v->u });
        break;
    default:
        lua_pushnil(L);
    }
}

void script_push_cells(lua_State *L, const struct eg_column *columns, const struct eg_value *v,
                       size_t n)
{
    lua_createtable(L, 0, (int)n);
    for (size_t i = 0; i < n; i++) {
        push_cell(L, &columns[i], &v[i]);
        lua_setfield(L, -2, columns[i].name);
    }
}

/** Called with lua_pcall, because memory may run out. */
static int add_row(lua_State *L)
{
    const struct collecting *c = lua_touserdata(L, 2);
    const struct eg_value *v = lua_touserdata(L, 3);
    const size_t n = (size_t)lua_tointeger(L, 4);

    script_push_cells(L, c->columns, v, n);
    lua_pushvalue(L, 5);
    lua_setmetatable(L, -2);
    lua_rawseti(L, 1, c->n);
    return 0;
}

static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct collecting *c = context;
    lua_State *L = c->L;

    (void)depth;
    if (c->n < 0)
        return;
    c->n++;
    lua_pushcfunction(L, add_row);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, c);
    lua_pushlightuserdata(L, (void *)v);
    lua_pushinteger(L, (lua_Integer)n);
    lua_pushvalue(L, -7); // the metatable of rows, below the list
    if (lua_pcall(L, 5, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        c->n = -1;
        c->options->deadline = 1; // stop the other plugin
    }
}

enum { ARGS_MAX = 32, NESTED_MAX = 4 };

/** Insert an option with the value on top of the stack, which is popped. Options are sorted by
 * name. */
static void add_arg(lua_State *L, const char *name, int kept, struct eg_given_arg *out, size_t n)
{
    const char *value = lua_isboolean(L, -1) ? NULL : script_push_string(L, -1);
    size_t i = n;

    if (value)
        lua_rawseti(L, kept, (lua_Integer)lua_rawlen(L, kept) + 1);
    lua_pop(L, 1);
    for (; i && strcmp(out[i - 1].name, name) > 0; i--)
        out[i] = out[i - 1];
    out[i] = (struct eg_given_arg){ name, value };
}

size_t script_read_args(lua_State *L, int at, int kept, struct eg_given_arg *out, size_t max)
{
    size_t n = 0;

    if (lua_isnoneornil(L, at))
        return 0;
    luaL_checktype(L, at, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        const bool is_list = lua_istable(L, -1);
        const lua_Integer values = is_list ? (lua_Integer)lua_rawlen(L, -1) : 1;

        if (!name || (lua_Unsigned)values > max - n)
            luaL_error(L, "table of at most %d options expected: {name = value}", (int)max);
        if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
            continue;
        lua_pushvalue(L, -2);
        lua_rawseti(L, kept, (lua_Integer)lua_rawlen(L, kept) + 1);
        for (lua_Integer i = 1; i <= values; i++) {
            if (is_list)
                lua_rawgeti(L, -1, i);
            else
                lua_pushvalue(L, -1);
            add_arg(L, name, kept, out, n++);
        }
    }
    return n;
}

static int no_plugin(lua_State *L)
{
    const struct eg_plugin_reg *p;
    const char **names = lua_newuserdatauv(L, 4096 * sizeof *names, 0), *near;
    size_t n = 0;

    for (; n < 4095 && (p = eg_plugin_nth(n)); n++)
        names[n] = p->name;
    names[n] = NULL;
    near = eg_nearest(lua_tostring(L, 1), names);
    return near ? luaL_error(L, "no plugin '%s'; did you mean '%s'?", lua_tostring(L, 1), near)
                : luaL_error(L, "no plugin '%s'", lua_tostring(L, 1));
}

/** Raise an error for an option that the plugin does not have. */
static void check_args(lua_State *L, const struct eg_plugin_reg *reg,
                       const struct eg_given_arg *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!eg_plugin_arg(reg->plugin, args[i].name))
            luaL_error(L, "%s has no option '%s'", reg->name, args[i].name);
    }
}

/** Reading a missing key of a row: nil for a column without a value, otherwise an error. */
static int no_such_column(lua_State *L)
{
    const struct eg_plugin_reg *reg = lua_touserdata(L, lua_upvalueindex(1));
    const struct eg_column *c = lua_touserdata(L, lua_upvalueindex(2));
    const char *name = lua_tostring(L, 2), *names[256], *near;
    size_t n = 0;

    for (; name && c[n].name && n < countof(names) - 1; n++) {
        if (!strcmp(c[n].name, name))
            return 0;
        names[n] = c[n].name;
    }
    names[n] = NULL;
    near = name ? eg_nearest(name, names) : NULL;
    return near ? luaL_error(L, "%s has no column '%s'; did you mean '%s'?", reg->name, name, near)
                : luaL_error(L, "%s has no column '%s'", reg->name, name ? name : "?");
}

void script_push_row_meta(lua_State *L, const struct eg_plugin_reg *reg,
                          const struct eg_column *columns)
{
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, (void *)reg);
    lua_pushlightuserdata(L, (void *)columns);
    lua_pushcclosure(L, no_such_column, 2);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "row");
    lua_setfield(L, -2, "__metatable");
}

static int free_result(lua_State *L)
{
    struct eg_run_result *result = lua_touserdata(L, 1);

    eg_arena_fini(&result->arena);
    return 0;
}

/** Push a result that the garbage collector frees, because an error may skip code after this. */
static struct eg_run_result *new_result(lua_State *L)
{
    struct eg_run_result *result = lua_newuserdatauv(L, sizeof *result, 0);

    *result = (struct eg_run_result){ 0 };
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_result);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return result;
}

/** eg.rows("pslist" [, {pid = 1}]): a table of rows, each a table by column. */
static int rows(lua_State *L)
{
    struct script *s = script_of(L);
    const struct eg_plugin_reg *reg = eg_plugin_find(luaL_checkstring(L, 1));
    struct eg_given_arg args[ARGS_MAX];
    struct eg_run_options o = eg_run_nested(s->run);
    struct collecting c = { .L = L, .options = &o };
    struct eg_run_result *result;
    uint64_t used = 0;

    if (!reg)
        return no_plugin(L);
    if (s->run->options->depth >= NESTED_MAX)
        return luaL_error(L, "plugins are nested more than %d deep", NESTED_MAX);
    script_charge(L, 1000);
    lua_settop(L, 2);
    lua_newtable(L);
    o.args = args;
    o.n_args = script_read_args(L, 2, 3, args, ARGS_MAX);
    check_args(L, reg, args, o.n_args);
    // The other plugin gets what remains of our limits.
    o.deadline = s->deadline;
    o.script_memory = EG_MAX(s->limits.memory - EG_MIN(s->used, s->limits.memory), (size_t)1 << 20);
    o.script_steps = EG_MAX(s->limits.steps - EG_MIN(s->steps, s->limits.steps), UINT64_C(1));
    o.script_output = EG_MAX(s->limits.output - EG_MIN(s->written, s->limits.output), UINT64_C(1));
    o.script_used = &used;
    result = new_result(L);
    c.columns = eg_plugin_columns(reg->plugin, args, o.n_args, &s->run->arena);
    if (!c.columns)
        script_leave(L, SCRIPT_NO_MEMORY);
    script_push_row_meta(L, reg, c.columns);
    lua_newtable(L);
    eg_plugin_run(s->run->sys, reg, &o, (struct eg_sink){ take_row, &c }, result);
    if (c.n < 0)
        script_leave(L, SCRIPT_NO_MEMORY);
    script_charge(L, 1000 + used);
    eg_run_pass_notes(s->run, reg->name, result);
    if (result->status)
        return luaL_error(L, "%s: %s", reg->name, result->error);
    return 1;
}

static int progress(lua_State *L)
{
    eg_progress(script_of(L)->run, (uint64_t)luaL_checkinteger(L, 1),
                (uint64_t)luaL_checkinteger(L, 2));
    return 0;
}

void script_add_rows(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "matches", matches }, { "note", note }, { "output", output }, { "progress", progress },
        { "refuse", refuse },   { "rows", rows }, { NULL, NULL },
    };

    luaL_setfuncs(L, functions, 0);
    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
}
