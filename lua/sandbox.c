/* sandbox.c - a state that a stranger's script may run in: what it may call, and what it may use
 * up. */
#include "bind.h"
#include <lualib.h>
#include <stdlib.h>
#include <time.h>

enum { HOOK_EVERY = 1000, LARGE = 1 << 16, FRAMES_MAX = 16 };

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

struct script *script_of(lua_State *L)
{
    return *(struct script **)lua_getextraspace(L);
}

/* ---- limits ---- */

static void hook(lua_State *L, lua_Debug *at);

static void *allocate(void *context, void *p, size_t old, size_t new)
{
    struct script *s = context;
    void *to;

    old = p ? old : 0; // without a block it is the kind of object
    if (!new) {
        free(p);
        s->used -= old;
        return NULL;
    }
    if (new > old &&new - old > s->limits.memory - EG_MIN(s->used, s->limits.memory))
        return NULL;
    to = realloc(p, new);
    if (to)
        s->used += new - old;
    // Filling it takes time, which instructions do not show: look at the clock soon.
    if (to && new >= LARGE && s->running)
        lua_sethook(s->running, hook, LUA_MASKCOUNT, 1);
    return to;
}

static const char *end_text(const struct script *s, char out[160])
{
    switch (s->end) {
    case SCRIPT_NO_MEMORY:
        snprintf(out, 160, "the script needs more than its %zu MiB of memory",
                 s->limits.memory >> 20);
        break;
    case SCRIPT_NO_STEPS:
        snprintf(out, 160, "the script did not end within %llu million steps",
                 (unsigned long long)(s->limits.steps / 1000000));
        break;
    case SCRIPT_NO_TIME:
        snprintf(out, 160, "the script did not end within %u seconds", s->limits.seconds);
        break;
    default:
        snprintf(out, 160, "stopped");
    }
    return out;
}

/** Past a limit there is no way on: the hook comes back at every instruction from here. */
static void leave(lua_State *L, enum script_end end);

static void hook(lua_State *L, lua_Debug *at)
{
    (void)at;
    if (lua_gethookcount(L) != HOOK_EVERY && script_of(L)->end == SCRIPT_GOES_ON)
        lua_sethook(L, hook, LUA_MASKCOUNT, HOOK_EVERY);
    script_charge(L, HOOK_EVERY);
}

static void leave(lua_State *L, enum script_end end)
{
    struct script *s = script_of(L);
    char text[160];

    if (s->end == SCRIPT_GOES_ON)
        s->end = end;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    luaL_error(L, "%s", end_text(s, text));
}

void script_charge(lua_State *L, uint64_t n)
{
    struct script *s = script_of(L);

    s->steps += n;
    if (s->end != SCRIPT_GOES_ON)
        leave(L, s->end);
    if (s->steps > s->limits.steps)
        leave(L, SCRIPT_NO_STEPS);
    if (now_ns() > s->deadline)
        leave(L, SCRIPT_NO_TIME);
    if (s->run && eg_stopped(s->run))
        leave(L, SCRIPT_STOPPED);
}

/* ---- what can catch errors may not catch those ---- */

/** After a protected call: an end is passed on. */
static void pass_on(lua_State *L, int status)
{
    struct script *s = script_of(L);

    if (status == LUA_ERRMEM && s->end == SCRIPT_GOES_ON)
        leave(L, SCRIPT_NO_MEMORY);
    if (s->end != SCRIPT_GOES_ON)
        leave(L, s->end);
}

/** The end of pcall and xpcall; @extra values below their results are dropped. */
static int finish(lua_State *L, int status, lua_KContext extra)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        pass_on(L, status);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    pass_on(L, LUA_OK);
    return lua_gettop(L) - (int)extra;
}

static int pcall_(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish), 0);
}

static int xpcall_(lua_State *L)
{
    const int n = lua_gettop(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return finish(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, finish), 2);
}

/** Resume @co with @n arguments from L's top. @return the number of results or -1 with the error on
 * top. */
static int resume(lua_State *L, lua_State *co, int n)
{
    struct script *s = script_of(L);
    int results, status;

    if (!lua_checkstack(co, n))
        luaL_error(L, "too many arguments to resume");
    if (lua_status(co) == LUA_OK && lua_gettop(co) == 0)
        luaL_error(L, "cannot resume a dead coroutine");
    lua_xmove(L, co, n);
    s->running = co;
    status = lua_resume(co, L, n, &results);
    s->running = L;
    if (status == LUA_OK || status == LUA_YIELD) {
        pass_on(L, LUA_OK);
        if (!lua_checkstack(L, results + 1))
            luaL_error(L, "too many results to resume");
        lua_xmove(co, L, results);
        return results;
    }
    pass_on(L, status);
    lua_xmove(co, L, 1);
    return -1;
}

static int co_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    int n;

    luaL_argexpected(L, co, 1, "coroutine");
    if (lua_status(co) != LUA_YIELD && (lua_status(co) != LUA_OK || lua_gettop(co) == 0)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "cannot resume a dead coroutine");
        return 2;
    }
    n = resume(L, co, lua_gettop(L) - 1);
    lua_pushboolean(L, n >= 0);
    n = n < 0 ? 1 : n;
    lua_insert(L, -(n + 1));
    return n + 1;
}

static int co_wrapped(lua_State *L)
{
    const int n = resume(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L));

    return n < 0 ? lua_error(L) : n;
}

static int co_create(lua_State *L)
{
    lua_State *co;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int co_wrap(lua_State *L)
{
    co_create(L);
    lua_pushcclosure(L, co_wrapped, 1);
    return 1;
}

/* ---- functions that are safe only with a change ---- */

/** A finalizer would run where no hook reaches it. */
static int setmetatable_(lua_State *L)
{
    const int type = lua_type(L, 2);

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not for scripts: nothing here needs to be given back");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/** Source text only: bytecode is not checked by Lua, and can do anything. */
static int load_(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len), *name = luaL_optstring(L, 2, "=(load)");
    const bool has_env = !lua_isnone(L, 4);

    if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_env) {
        lua_pushvalue(L, 4);
        lua_setupvalue(L, -2, 1);
    }
    return 1;
}

/** A function of the table library, on plain tables: a metatable could make them loop without an
 * end where no hook is. Upvalues: the function, and 1 where its work is more than the table's
 * length. */
static int plain_table(lua_State *L)
{
    lua_Integer n;

    luaL_checktype(L, 1, LUA_TTABLE);
    n = (lua_Integer)lua_rawlen(L, 1);
    if (lua_getmetatable(L, 1))
        return luaL_error(L, "a table without a metatable is wanted");
    if (lua_toboolean(L, lua_upvalueindex(2)))
        n *= 64 - __builtin_clzll((unsigned long long)n | 1);
    script_charge(L, (uint64_t)n);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int table_move(lua_State *L)
{
    const int to = lua_istable(L, 5) ? 5 : 1;
    const lua_Integer from = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3),
                      at = luaL_checkinteger(L, 4);
    uint64_t n;

    luaL_checktype(L, 1, LUA_TTABLE);
    if (last < from) {
        lua_pushvalue(L, to);
        return 1;
    }
    n = (uint64_t)last - (uint64_t)from;
    luaL_argcheck(L, n < INT64_MAX && at <= LUA_MAXINTEGER - (lua_Integer)n, 3,
                  "too many elements");
    for (uint64_t k = 0; k <= n; k++) {
        const uint64_t i = to == 1 && at > from && at <= last ? n - k : k; // they overlap

        if (k % 1000 == 0)
            script_charge(L, 1000);
        lua_rawgeti(L, 1, from + (lua_Integer)i);
        lua_rawseti(L, to, at + (lua_Integer)i);
    }
    lua_pushvalue(L, to);
    return 1;
}

static int string_rep(lua_State *L)
{
    size_t len, sep;
    const lua_Integer n = luaL_checkinteger(L, 2);
    uint64_t bytes = 0;

    luaL_checklstring(L, 1, &len);
    luaL_optlstring(L, 3, "", &sep);
    if (n > 0) {
        if (!eg_mul(len + sep, (uint64_t)n, &bytes) || bytes > script_of(L)->limits.memory)
            leave(L, SCRIPT_NO_MEMORY);
        script_charge(L, bytes / 64);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* ---- pairs in one order: results are the same from run to run ---- */

struct key {
    int type, at; // where it is in the list of keys
    union {
        lua_Number n;
        lua_Integer i;
        struct {
            const char *p;
            size_t len;
        } s;
    };
    bool is_int;
};

static int compare_keys(const void *va, const void *vb)
{
    const struct key *a = va, *b = vb;

    if (a->type != b->type)
        return a->type - b->type;
    if (a->type == LUA_TNUMBER && a->is_int && b->is_int)
        return (a->i > b->i) - (a->i < b->i);
    if (a->type == LUA_TNUMBER) {
        const lua_Number x = a->is_int ? (lua_Number)a->i : a->n;
        const lua_Number y = b->is_int ? (lua_Number)b->i : b->n;

        return (x > y) - (x < y);
    }
    if (a->type == LUA_TSTRING) {
        const int c = memcmp(a->s.p, b->s.p, EG_MIN(a->s.len, b->s.len));

        return c ? c : (a->s.len > b->s.len) - (a->s.len < b->s.len);
    }
    return a->at - b->at;
}

static int next_pair(lua_State *L)
{
    const int keys = lua_upvalueindex(1);
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));

    for (;;) {
        lua_settop(L, 1);
        if (lua_rawgeti(L, keys, ++i) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) {
            lua_pushinteger(L, i);
            lua_replace(L, lua_upvalueindex(2));
            return 2;
        }
    }
}

static int pairs_(lua_State *L)
{
    struct key *sorted;
    int n = 0;

    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_newtable(L); // 2: keys as they come
    for (lua_pushnil(L); lua_next(L, 1);) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, 2, ++n);
    }
    script_charge(L, (uint64_t)n * 8);
    sorted = lua_newuserdatauv(L, sizeof *sorted * ((size_t)n + 1), 0); // 3
    for (int i = 0; i < n; i++) {
        struct key *k = &sorted[i];

        *k = (struct key){ .at = i + 1 };
        k->type = lua_rawgeti(L, 2, i + 1);
        k->is_int = lua_isinteger(L, -1);
        if (k->is_int)
            k->i = lua_tointeger(L, -1);
        else if (k->type == LUA_TNUMBER)
            k->n = lua_tonumber(L, -1);
        else if (k->type == LUA_TSTRING)
            k->s.p = lua_tolstring(L, -1, &k->s.len);
        else if (k->type == LUA_TBOOLEAN)
            k->at = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, compare_keys);
    lua_createtable(L, n, 0); // 4
    for (int i = 0; i < n; i++) {
        if (sorted[i].type == LUA_TBOOLEAN)
            lua_pushboolean(L, sorted[i].at);
        else
            lua_rawgeti(L, 2, sorted[i].at);
        lua_rawseti(L, 4, i + 1);
    }
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 2);
    lua_pushvalue(L, 1);
    return 2;
}

/* ---- the libraries ---- */

static const char *const safe_base[] = { "assert",   "error",    "getmetatable", "ipairs", "next",
                                         "rawequal", "rawget",   "rawlen",       "rawset", "select",
                                         "tonumber", "tostring", "type",         NULL };
static const char *const safe_string[] = { "byte",  "char",   "format",   "len",
                                           "lower", "pack",   "packsize", "reverse",
                                           "sub",   "unpack", "upper",    NULL };
static const char *const safe_table[] = { "concat", "insert", "pack", "remove", "unpack", NULL };
static const char *const safe_coroutine[] = { "isyieldable", "running", "status", "yield", NULL };
static const char *const safe_math[] = {
    "abs",  "acos",   "asin", "atan", "ceil",       "cos",       "deg",        "exp",  "floor",
    "fmod", "huge",   "log",  "max",  "maxinteger", "min",       "mininteger", "modf", "pi",
    "rad",  "random", "sin",  "sqrt", "tan",        "tointeger", "type",       "ult",  NULL
};
static const char *const safe_utf8[] = { "char", "charpattern", "codepoint", "codes",
                                         "len",  "offset",      NULL };

/** Copy what @names lists from the table at -2 to the one at -1. */
static void copy_names(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
}

/** Open a library of Lua's; a new table with its safe part is the global @name and on the stack,
 * above the whole library. */
static void open_part(lua_State *L, lua_CFunction open, const char *name, const char *const *names)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    lua_newtable(L);
    copy_names(L, names);
    lua_pushvalue(L, -1);
    lua_setglobal(L, name);
}

static void open_base(lua_State *L)
{
    static const luaL_Reg ours[] = { { "load", load_ },     { "pairs", pairs_ },
                                     { "pcall", pcall_ },   { "setmetatable", setmetatable_ },
                                     { "xpcall", xpcall_ }, { NULL, NULL } };

    // luaopen_base fills the globals: what it put there is taken out again.
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    lua_newtable(L);
    copy_names(L, safe_base);
    luaL_setfuncs(L, ours, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pop(L, 1);
}

static void open_table(lua_State *L)
{
    open_part(L, luaopen_table, "table", safe_table);
    for (const char *const *name = safe_table; *name; name++) {
        if (!strcmp(*name, "pack"))
            continue;
        lua_getfield(L, -1, *name);
        lua_pushboolean(L, 0);
        lua_pushcclosure(L, plain_table, 2);
        lua_setfield(L, -2, *name);
    }
    lua_getfield(L, -2, "sort");
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, plain_table, 2);
    lua_setfield(L, -2, "sort");
    lua_pushcfunction(L, table_move);
    lua_setfield(L, -2, "move");
    lua_pop(L, 2);
}

static void open_string(lua_State *L)
{
    open_part(L, luaopen_string, "string", safe_string);
    lua_getfield(L, -2, "rep");
    lua_pushcclosure(L, string_rep, 1);
    lua_setfield(L, -2, "rep");
    script_add_patterns(L);
    lua_pushliteral(L, ""); // ("text"):method() finds the safe part too
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "string");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 4);
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg co[] = {
        { "create", co_create }, { "resume", co_resume }, { "wrap", co_wrap }, { NULL, NULL }
    };

    open_base(L);
    open_table(L);
    open_string(L);
    open_part(L, luaopen_coroutine, "coroutine", safe_coroutine);
    luaL_setfuncs(L, co, 0);
    lua_pop(L, 2);
    open_part(L, luaopen_math, "math", safe_math);
    lua_getfield(L, -2, "randomseed"); // the same numbers in each run
    lua_pushinteger(L, 1);
    lua_call(L, 1, 0);
    lua_pop(L, 2);
    open_part(L, luaopen_utf8, "utf8", safe_utf8);
    lua_pop(L, 2);
}

/* ---- calls from outside ---- */

/** The message handler: where the script's own calls came from becomes notes. */
static int on_error(lua_State *L)
{
    struct script *s = script_of(L);
    const char *text = lua_tostring(L, 1);
    lua_Debug at;

    if (!text) { // error({}): no text of its own
        text = luaL_tolstring(L, 1, NULL);
        lua_replace(L, 1);
    }
    for (int level = 1, n = 0; s->run && n < FRAMES_MAX && lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sln", &at);
        if (at.currentline < 0)
            continue;
        if (n++) // the innermost is in the message
            eg_note(s->run, "called from %s:%d%s%s", at.short_src, at.currentline,
                    at.name ? ", in " : "", at.name ? at.name : "");
    }
    lua_settop(L, 1);
    return 1;
}

int script_call(struct script *s, int n, int results, struct eg_error *e)
{
    lua_State *L = s->L;
    const int handler = lua_gettop(L) - n;
    char text[160];
    int status, code = EG_EFORMAT;

    lua_pushcfunction(L, on_error);
    lua_insert(L, handler);
    status = lua_pcall(L, n, results, handler);
    lua_remove(L, handler);
    if (status == LUA_OK)
        return 0;
    if (status == LUA_ERRMEM && s->end == SCRIPT_GOES_ON)
        s->end = SCRIPT_NO_MEMORY;
    if (s->end == SCRIPT_NO_MEMORY)
        code = EG_ENOMEM;
    else if (s->end == SCRIPT_STOPPED)
        code = EG_ECANCEL;
    eg_fail(e, code, "%s",
            s->end != SCRIPT_GOES_ON && status == LUA_ERRMEM ? end_text(s, text)
                                                             : lua_tostring(L, -1));
    lua_pop(L, 1);
    return -code;
}

int script_run(struct script *s, const char *name, const char *text, size_t len, int results,
               struct eg_error *e)
{
    char chunk[512];

    snprintf(chunk, sizeof chunk, "@%s", name);
    if (luaL_loadbufferx(s->L, text, len, chunk, "t") != LUA_OK) {
        eg_fail(e, EG_EFORMAT, "%s", lua_tostring(s->L, -1));
        lua_pop(s->L, 1);
        return -EG_EFORMAT;
    }
    return script_call(s, 0, results, e);
}

/* ---- life ---- */

static int set_up(lua_State *L)
{
    struct script *s = script_of(L);

    open_libraries(L);
    if (!s->run)
        return 0;
    lua_newtable(L);
    script_add_cursor(L);
    script_add_walk(L);
    script_add_memory(L);
    script_add_rows(L);
    lua_setglobal(L, "eg");
    script_add_plugin(L);
    return 0;
}

struct script *script_open(struct eg_run *run, const struct script_limits *limits)
{
    struct script *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->run = run;
    s->limits = *limits;
    s->deadline = now_ns() + limits->seconds * UINT64_C(1000000000);
    s->L = lua_newstate(allocate, s);
    if (!s->L) {
        free(s);
        return NULL;
    }
    *(struct script **)lua_getextraspace(s->L) = s;
    s->running = s->L;
    lua_sethook(s->L, hook, LUA_MASKCOUNT, HOOK_EVERY);
    lua_pushcfunction(s->L, set_up);
    if (lua_pcall(s->L, 0, 0, 0) != LUA_OK) {
        script_close(s);
        return NULL;
    }
    return s;
}

void script_close(struct script *s)
{
    if (!s)
        return;
    if (s->end == SCRIPT_GOES_ON)
        s->end = SCRIPT_STOPPED; // no __close of the script runs now
    lua_sethook(s->L, hook, LUA_MASKCOUNT, 1);
    lua_close(s->L);
    free(s);
}
