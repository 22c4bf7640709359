/* trace_call.c - what a handler is told of an event: `call`, `call.args`, `write`. Values are read
 * when the script asks for them, and only while the machine stands at that event. */
#include "../core/profile.h"
#include "cursor.h"
#include "space.h"
#include "text.h"
#include "trace_own.h"
#include <inttypes.h>

static const char call_key, args_key;

enum { TEXT_MAX = 4096, FRAMES_MAX = 64 };

/** A call, or its arguments, as a Lua value. The values that were asked for are in its table. */
struct told {
    uint32_t moment;
    bool returned;
};

static struct eg_trace *check(lua_State *L, int at, const char *key, bool *returned)
{
    const struct told *told = script_has_metatable(L, at, key) ? lua_touserdata(L, at) : NULL;
    struct eg_trace *t = trace_of(L);

    luaL_argexpected(L, told, at, key == &call_key ? "call" : "arguments of a call");
    if (!t->now || told->moment != script_of(L)->moment)
        luaL_error(L,
                   "this event is over and the machine has run on: read what is needed while its "
                   "function runs");
    *returned = told->returned;
    return t;
}

static void push_told(lua_State *L, bool returned, const char *key)
{
    struct told *told = lua_newuserdatauv(L, sizeof *told, 1);

    *told = (struct told){ script_of(L)->moment, returned };
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_setmetatable(L, -2);
}

/* ---- values ---- */

static void push_value(lua_State *L, const struct tracee_value *v)
{
    struct eg_obj bad;

    switch (v->kind) {
    case TRACEE_NUMBER:
        lua_pushinteger(L, (lua_Integer)v->number);
        return;
    case TRACEE_PLACE:
        script_push_cursor(L, v->at);
        return;
    case TRACEE_TEXT:
        if (script_push_text(L, v->space, v->number, TEXT_MAX))
            return;
        bad = v->at;
        script_push_cursor(L, eg_bad(bad, (enum eg_why)bad.view->why, bad.view->why_addr));
        return;
    default:
        lua_pushnil(L);
    }
}

static unsigned n_arguments(struct eg_trace *t)
{
    const struct eg_types *ts = &t->sys->types;

    return t->target->prototype ? eg_type(ts, t->target->prototype, NULL)->count
                                : tracee_registers(&t->call->state);
}

static bool argument_name(struct eg_trace *t, unsigned i, const char **out)
{
    struct eg_member_at m;

    if (!t->target->prototype || !eg_type_member(&t->sys->types, t->target->prototype, i, &m))
        return false;
    *out = m.name ? m.name : "";
    return true;
}

/** The number of the argument that the key at 2 names; raises with the nearest name. */
static unsigned argument_of(lua_State *L, struct eg_trace *t)
{
    const char *names[TRACEE_ARGS_MAX + 1], *name, *wanted, *near;
    unsigned n = 0;

    if (lua_isinteger(L, 2)) {
        const lua_Integer i = lua_tointeger(L, 2);

        if (i < 1 || i > n_arguments(t))
            luaL_error(L, "%s has arguments 1 to %d", t->target->name, (int)n_arguments(t));
        return (unsigned)i - 1;
    }
    wanted = luaL_checkstring(L, 2);
    for (unsigned i = 0; i < TRACEE_ARGS_MAX && argument_name(t, i, &name); i++) {
        if (!strcmp(name, wanted))
            return i;
        names[n++] = name;
    }
    names[n] = NULL;
    if (!t->target->prototype)
        luaL_error(L, "%s: its parameters are not known: args[1], args[2], … are the registers",
                   t->target->name);
    near = eg_nearest(wanted, names);
    luaL_error(L, near ? "%s has no argument '%s'; did you mean '%s'?" : "%s has no argument '%s'",
               t->target->name, wanted, near);
    return 0;
}

static int args_index(lua_State *L)
{
    bool returned;
    struct eg_trace *t = check(L, 1, &args_key, &returned);
    struct tracee_value v;

    tracee_argument(t->run, t->call, t->task, t->target->prototype, argument_of(L, t), &v);
    script_check_run(L);
    push_value(L, &v);
    return 1;
}

static int args_length(lua_State *L)
{
    bool returned;

    lua_pushinteger(L, n_arguments(check(L, 1, &args_key, &returned)));
    return 1;
}

/** "filename=/bin/sh, flags=0, new=0xffff…": what all are. */
static int args_text(lua_State *L)
{
    bool returned;
    struct eg_trace *t = check(L, 1, &args_key, &returned);
    const unsigned n = EG_MIN(n_arguments(t), (unsigned)TRACEE_ARGS_MAX);

    lua_pushliteral(L, "");
    for (unsigned i = 0; i < n; i++) {
        struct tracee_value v;
        const char *name;
        char text[64];

        tracee_argument(t->run, t->call, t->task, t->target->prototype, i, &v);
        if (!argument_name(t, i, &name))
            name = "";
        lua_pushfstring(L, "%s%s%s", i ? ", " : "", name, *name ? "=" : "");
        if (v.kind == TRACEE_PLACE && v.at.why == EG_NULL)
            lua_pushliteral(L, "0");
        else if (v.kind == TRACEE_PLACE)
            lua_pushlstring(L, text, (size_t)snprintf(text, sizeof text, "%#" PRIx64, v.at.addr));
        else if (v.kind == TRACEE_NUMBER && v.number >> 20 && ~v.number >> 20)
            lua_pushlstring(L, text, (size_t)snprintf(text, sizeof text, "%#" PRIx64, v.number));
        else
            push_value(L, &v);
        if (lua_type(L, -1) == LUA_TUSERDATA) { // text that cannot be read
            script_push_string(L, -1);
            lua_remove(L, -2);
        } else if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushliteral(L, "?");
        }
        lua_concat(L, 3);
    }
    return 1;
}

/* ---- the event ---- */

static void push_registers(lua_State *L, const struct event *ev)
{
    const struct eg_arch *arch = ev->state.arch;

    lua_newtable(L);
    for (unsigned i = 0; arch && i < ev->state.n_regs; i++) {
        uint64_t v;
        const char *name = tracee_register_name(&ev->state, i);

        if (!name || !(ev->known >> i & 1) || !tracee_register(&ev->state, name, &v))
            continue;
        lua_pushinteger(L, (lua_Integer)v);
        lua_setfield(L, -2, name);
    }
}

/** call.stack(): who called, the innermost first. */
static int stack(lua_State *L)
{
    struct eg_trace *t = trace_of(L);
    struct tracee_frames *w = NULL;
    const char *frame;

    luaL_argcheck(L, t->now, 1, "no event is now");
    lua_newtable(L);
    for (lua_Integer i = 1; i <= FRAMES_MAX && (frame = tracee_next_frame(t->run, t->task, &w));
         i++) {
        script_charge(L, 1000);
        lua_pushstring(L, frame);
        lua_rawseti(L, -2, i);
    }
    script_check_run(L);
    return 1;
}

static void push_text(lua_State *L, const char *text)
{
    if (text)
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
}

static void push_member(lua_State *L, struct eg_trace *t, const char *member)
{
    script_push_value(L, eg_path(t->task, member));
}

static void push_place(lua_State *L, struct eg_trace *t, uint64_t address)
{
    push_text(L, eg_name_of(t->run, address));
}

static bool push_of_write(lua_State *L, struct eg_trace *t, const char *name)
{
    if (!strcmp(name, "address"))
        lua_pushinteger(L, (lua_Integer)t->now->address);
    else if (!strcmp(name, "len"))
        lua_pushinteger(L, t->write->len);
    else if (!strcmp(name, "value") && t->now->len)
        lua_pushinteger(L, (lua_Integer)t->now->value);
    else if (!strcmp(name, "value"))
        lua_pushnil(L);
    else
        return false;
    return true;
}

static bool push_of_call(lua_State *L, struct eg_trace *t, const char *name, bool returned)
{
    struct tracee_value v;

    if (!strcmp(name, "args")) {
        push_told(L, returned, &args_key);
    } else if (!strcmp(name, "value") && returned) {
        tracee_result(t->run, &t->now->state, t->task, t->target->prototype, &v);
        push_value(L, &v);
    } else if (!strcmp(name, "caller")) {
        push_place(L, t, t->call->returns_to);
    } else if (!strcmp(name, "address")) {
        lua_pushinteger(L, (lua_Integer)t->target->address);
    } else {
        return false;
    }
    return true;
}

bool trace_push_fact(lua_State *L, struct eg_trace *t, const char *name, bool returned)
{
    uint64_t pc;

    if (t->in_syscall && trace_push_syscall_fact(L, t, name))
        return true;
    if (t->in_file && trace_push_user_fact(L, t, name))
        return true;
    if (!strcmp(name, "task"))
        script_push_cursor(L, t->task);
    else if (!strcmp(name, "pid"))
        push_member(L, t, "tgid");
    else if (!strcmp(name, "tid"))
        push_member(L, t, "pid");
    else if (!strcmp(name, "comm"))
        push_member(L, t, "comm");
    else if (!strcmp(name, "container"))
        push_text(L, tracee_container(t->run, t->task));
    else if (!strcmp(name, "cpu"))
        lua_pushinteger(L, tracee_cpu(t->run, t->now));
    else if (!strcmp(name, "time"))
        lua_pushinteger(L, t->wall + (lua_Integer)t->now->time);
    else if (!strcmp(name, "number"))
        lua_pushinteger(L, (lua_Integer)t->now->number);
    else if (!strcmp(name, "name"))
        lua_pushstring(L, t->write ? t->write->name : t->target->name);
    else if (!strcmp(name, "registers"))
        push_registers(L, t->now);
    else if (!strcmp(name, "place"))
        push_place(L, t,
                   tracee_register(&t->now->state, "rip", &pc) ||
                           tracee_register(&t->now->state, "pc", &pc)
                       ? pc
                       : 0);
    else if (!strcmp(name, "stack")) {
        lua_pushlightuserdata(L, t);
        lua_pushcclosure(L, stack, 1);
    } else if (t->in_syscall) {
        return false;
    } else {
        return t->write ? push_of_write(L, t, name) : push_of_call(L, t, name, returned);
    }
    return true;
}

static int no_fact(lua_State *L, const struct eg_trace *t, const char *name, bool returned)
{
    static const char *const common[] = { "task",  "pid",    "tid",  "comm",      "container",
                                          "cpu",   "time",   "name", "registers", "place",
                                          "stack", "number", NULL };
    const char *near = eg_nearest(name, common);

    if (!strcmp(name, "value") && !t->write && !returned)
        return luaL_error(L, "call.value: a call has none before it returns: use on_return");
    return near ? luaL_error(L, "an event has no '%s'; did you mean '%s'?", name, near)
                : luaL_error(L, "an event has no '%s'", name);
}

static int call_index(lua_State *L)
{
    bool returned;
    struct eg_trace *t = check(L, 1, &call_key, &returned);
    const char *name = luaL_checkstring(L, 2);

    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 3) != LUA_TNIL)
        return 1;
    lua_settop(L, 3);
    if (!trace_push_fact(L, t, name, returned))
        return no_fact(L, t, name, returned);
    script_check_run(L);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 3);
    return 1;
}

void trace_push_call(lua_State *L, struct eg_trace *t, bool returned)
{
    (void)t;
    push_told(L, returned, &call_key);
}

/** A metatable whose functions have the trace as their upvalue. */
static void add_metatable(lua_State *L, struct eg_trace *t, const luaL_Reg *functions,
                          const char *name, const char *key)
{
    lua_newtable(L);
    lua_pushlightuserdata(L, t);
    luaL_setfuncs(L, functions, 1);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void trace_add_call(lua_State *L, struct eg_trace *t)
{
    static const luaL_Reg of_call[] = { { "__index", call_index },
                                        { "__newindex", script_read_only },
                                        { NULL, NULL } };
    static const luaL_Reg of_args[] = { { "__index", args_index },
                                        { "__len", args_length },
                                        { "__tostring", args_text },
                                        { "__newindex", script_read_only },
                                        { NULL, NULL } };

    add_metatable(L, t, of_call, "call", &call_key);
    add_metatable(L, t, of_args, "arguments", &args_key);
}
