/* trace_script.c - what the script of a trace can ask for: on_call, on_return, on_write, on_start,
 * on_end, stop, and row() with what every event has filled in. */
#include "cursor.h"
#include "rows.h"
#include "space.h"
#include "trace_own.h"
#include <stdlib.h>

enum { NAME_MAX_ = 128, ALTERNATIVES_MAX = 16 };

struct eg_trace *trace_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int reference(lua_State *L, int at)
{
    luaL_checktype(L, at, LUA_TFUNCTION);
    lua_pushvalue(L, at);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static const char *keep(lua_State *L, struct eg_trace *t, const char *text)
{
    const char *copy = eg_arena_strndup(&t->arena, text, strlen(text));

    if (!copy)
        luaL_error(L, "out of memory for names");
    return copy;
}

static void check_time(lua_State *L, const struct eg_trace *t, const char *what)
{
    if (t->begun)
        luaL_error(L, "%s: all events are asked for before the machine runs: not in a handler",
                   what);
}

/* ---- functions ---- */

static struct trace_target *target_at(lua_State *L, struct eg_trace *t, uint64_t address,
                                      const char *name)
{
    struct trace_target *new;

    for (size_t i = 0; i < t->targets.n; i++)
        if (t->targets.at[i].address == address)
            return &t->targets.at[i];
    new = eg_vec_push(&t->targets);
    if (!new)
        luaL_error(L, "out of memory for functions");
    *new = (struct trace_target){ .name = keep(L, t, name), .address = address };
    return new;
}

/** Functions named in the text at 1, "a|b": the first that exists. */
static void find(lua_State *L, struct eg_trace *t, const char *names, bool returns, int handler)
{
    struct tracee_function found[TRACEE_ADDRESSES_MAX];
    char name[NAME_MAX_];
    size_t n = 0;

    for (unsigned i = 0; i < ALTERNATIVES_MAX && !n && *names; i++) {
        const size_t len = strcspn(names, "|");

        luaL_argcheck(L, len && len < sizeof name, 1, "names of functions are shorter");
        memcpy(name, names, len);
        name[len] = 0;
        names += len + (names[len] == '|');
        script_charge(L, 100000); // all symbols may be looked at
        n = tracee_functions(t->run, name, found, countof(found));
    }
    if (!n) {
        luaL_error(
            L,
            "%s: this kernel has no function '%s': `engram IMAGE kallsyms --filter 'SYMBOL ~ "
            "…'` lists those that it has; 'a|b' takes the first that exists, and "
            "eg.lookup(k, name) says whether one does",
            returns ? "on_return" : "on_call", lua_tostring(L, 1));
    }
    for (size_t i = 0; i < n; i++) {
        struct trace_target *at = target_at(L, t, found[i].address, name);
        unsigned *count = returns ? &at->n_returns : &at->n_calls;

        at->prototype = found[i].clone ? 0 : tracee_prototype(t->run, name);
        at->wants_stack = at->prototype != 0;
        if (*count == TRACE_HANDLERS_MAX)
            luaL_error(L, "%s: more than %d handlers", name, TRACE_HANDLERS_MAX);
        (returns ? at->returns : at->calls)[(*count)++] = handler;
        if (found[i].clone && !i)
            eg_note(t->run,
                    "%s: the compiler made a function of it with other parameters: "
                    "call.args are its registers",
                    name);
    }
}

static int on_function(lua_State *L, bool returns)
{
    struct eg_trace *t = trace_of(L);
    int handler;

    check_time(L, t, returns ? "on_return" : "on_call");
    if (!lua_istable(L, 1)) {
        luaL_checkstring(L, 1);
        handler = reference(L, 2);
        find(L, t, lua_tostring(L, 1), returns, handler);
        return 0;
    }
    handler = reference(L, 2);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 1); i++) {
        if (lua_rawgeti(L, 1, i) != LUA_TSTRING)
            return luaL_argerror(L, 1, "a list of names expected");
        lua_pushvalue(L, 1);
        lua_pushvalue(L, -2);
        lua_replace(L, 1); // for messages
        find(L, t, lua_tostring(L, 1), returns, handler);
        lua_replace(L, 1);
        lua_settop(L, 2);
    }
    return 0;
}

static int on_call(lua_State *L)
{
    return on_function(L, false);
}

static int on_return(lua_State *L)
{
    return on_function(L, true);
}

/* ---- memory ---- */

/** on_write(place, len, handler) */
static int on_write(lua_State *L)
{
    struct eg_trace *t = trace_of(L);
    const uint64_t address = script_check_address(L, eg_kernel(t->run), 1);
    const lua_Integer len = luaL_checkinteger(L, 2);
    const int handler = reference(L, 3);
    struct trace_write *w;
    const char *name;

    check_time(L, t, "on_write");
    luaL_argcheck(L, address, 1, "no memory is at 0");
    luaL_argcheck(L, len > 0 && len <= 1 << 20, 2, "1 to 1048576 bytes expected");
    name = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : eg_name_of(t->run, address);
    w = eg_vec_push(&t->writes);
    if (!w)
        return luaL_error(L, "out of memory for what is watched");
    *w =
        (struct trace_write){ keep(L, t, name ? name : "memory"), address, (uint32_t)len, handler };
    return 0;
}

/* ---- the trace itself ---- */

static int on_start(lua_State *L)
{
    struct eg_trace *t = trace_of(L);
    const int handler = reference(L, 1);
    int *place = eg_vec_push(&t->starts);

    if (!place)
        return luaL_error(L, "out of memory");
    *place = handler;
    return 0;
}

static int on_end(lua_State *L)
{
    struct eg_trace *t = trace_of(L);
    const int handler = reference(L, 1);
    int *place = eg_vec_push(&t->ends);

    if (!place)
        return luaL_error(L, "out of memory");
    *place = handler;
    return 0;
}

static int stop(lua_State *L)
{
    trace_of(L)->stop = true;
    return 0;
}

void trace_add_functions(lua_State *L, struct eg_trace *t)
{
    static const luaL_Reg functions[] = {
        { "on_call", on_call },   { "on_return", on_return }, { "on_write", on_write },
        { "on_start", on_start }, { "on_end", on_end },       { "stop", stop },
        { NULL, NULL },
    };

    for (const luaL_Reg *f = functions; f->name; f++) {
        lua_pushlightuserdata(L, t);
        lua_pushcclosure(L, f->func, 1);
        lua_setglobal(L, f->name);
    }
    script_push_space(L, eg_kernel(t->run));
    lua_setglobal(L, "k");
}

/* ---- rows ---- */

/** Columns with these names are filled in when the script does not. */
static const struct {
    const char *column, *fact;
} filled[] = {
    { "TIME", "time" },       { "CPU", "cpu" },
    { "PID", "pid" },         { "TID", "tid" },
    { "COMM", "comm" },       { "EVENT", "name" },
    { "PLACE", "place" },     { "CONTAINER", "container" },
    { "ADDRESS", "address" },
};

static bool has_column(const struct eg_trace *t, const char *name)
{
    for (const struct eg_column *c = t->plugin.columns; c->name; c++)
        if (!strcmp(c->name, name))
            return true;
    return false;
}

/** row{…}. Upvalues: the trace, the row() of plugins. */
static int row(lua_State *L)
{
    struct eg_trace *t = trace_of(L);

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    for (size_t i = 0; t->now && i < countof(filled); i++) {
        if (!has_column(t, filled[i].column))
            continue;
        lua_pushstring(L, filled[i].column);
        if (lua_rawget(L, 1) == LUA_TNIL && trace_push_fact(L, t, filled[i].fact, false)) {
            lua_setfield(L, 1, filled[i].column);
        }
        lua_settop(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, 1, 0);
    return 0;
}

void trace_add_row(lua_State *L, struct eg_trace *t)
{
    lua_pushlightuserdata(L, t);
    script_push_row(L);
    lua_pushcclosure(L, row, 2);
    lua_setglobal(L, "row");
}
