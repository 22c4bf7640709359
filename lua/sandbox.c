/* sandbox.c - a state that a stranger's script may run in: what it may call, and what it may use
 * up. */
#include "bind.h"
#include <lualib.h>
#include <stdlib.h>
#include <time.h>

enum {
    HOOK_EVERY = 1000,
    LARGE = 1 << 16,
    LONG = 1 << 20, // of a string: one instruction may look at all of it
    FRAMES_MAX = 16,
};

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

    if (!p) { // then it is the kind of object
        if (old == LUA_TSTRING)
            s->longest = EG_MAX(s->longest, new);
        old = 0;
    }
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

/** So that what runs between two looks at the clock is never long. */
static int hook_every(const struct script *s)
{
    return s->longest < LONG ? HOOK_EVERY
                             : EG_MAX(1, (int)(HOOK_EVERY * (size_t)LONG / s->longest));
}

/** Past a limit there is no way on: the hook comes back at every instruction from here. */
void script_leave(lua_State *L, enum script_end end)
{
    struct script *s = script_of(L);
    char text[160];

    if (s->end == SCRIPT_GOES_ON)
        s->end = end;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    luaL_error(L, "%s", end_text(s, text));
    abort(); // it does not return
}

static enum script_end end_of(const struct script *s)
{
    if (s->end != SCRIPT_GOES_ON)
        return s->end;
    if (s->steps > s->limits.steps)
        return SCRIPT_NO_STEPS;
    if (now_ns() > s->deadline)
        return SCRIPT_NO_TIME;
    return s->run && eg_stopped(s->run) ? SCRIPT_STOPPED : SCRIPT_GOES_ON;
}

bool script_is_over(const struct script *s)
{
    return end_of(s) != SCRIPT_GOES_ON;
}

static void check(lua_State *L)
{
    struct script *s = script_of(L);
    const enum script_end end = end_of(s);

    s->owed = 0;
    if (end != SCRIPT_GOES_ON)
        script_leave(L, end);
}

static void hook(lua_State *L, lua_Debug *at)
{
    struct script *s = script_of(L);
    const int every = hook_every(s);

    (void)at;
    s->steps += (uint64_t)lua_gethookcount(L);
    if (lua_gethookcount(L) != every && s->end == SCRIPT_GOES_ON)
        lua_sethook(L, hook, LUA_MASKCOUNT, every);
    check(L);
}

void script_charge(lua_State *L, uint64_t n)
{
    struct script *s = script_of(L);

    s->steps += n;
    s->owed += n;
    if (s->owed >= HOOK_EVERY || s->end != SCRIPT_GOES_ON)
        check(L);
}

void script_check_run(lua_State *L)
{
    struct eg_run *r = script_of(L)->run;
    const int status = r->status;

    if (!status)
        return;
    if (status != -EG_EFORMAT && status != -EG_EUSAGE)
        script_leave(L, SCRIPT_STOPPED);
    r->status = 0;
    luaL_error(L, "%s", script_words_of(r->error));
}

/* ---- what can catch errors may not catch those ---- */

void script_pass_on(lua_State *L, int status)
{
    struct script *s = script_of(L);

    if (status == LUA_ERRMEM && s->end == SCRIPT_GOES_ON)
        script_leave(L, SCRIPT_NO_MEMORY);
    if (s->end != SCRIPT_GOES_ON)
        script_leave(L, s->end);
}

/** The end of pcall and xpcall; @extra values below their results are dropped. */
static int finish(lua_State *L, int status, lua_KContext extra)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        script_pass_on(L, status);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    script_pass_on(L, LUA_OK);
    return lua_gettop(L) - (int)extra;
}

static int pcall_(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish), 0);
}

/** The script's handler is in the upvalue. An error from a hook is handled before hooks are on
 * again: past a limit nothing of the script's may run there. */
static int handle(lua_State *L)
{
    lua_settop(L, 1);
    if (script_of(L)->end != SCRIPT_GOES_ON)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int xpcall_(lua_State *L)
{
    const int n = lua_gettop(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
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

    script_charge(L, 100); // its hook counts from the start
    if (!lua_checkstack(co, n))
        luaL_error(L, "too many arguments to resume");
    if (lua_status(co) == LUA_OK && lua_gettop(co) == 0)
        luaL_error(L, "cannot resume a dead coroutine");
    lua_xmove(L, co, n);
    s->running = co;
    status = lua_resume(co, L, n, &results);
    s->running = L;
    if (status == LUA_OK || status == LUA_YIELD) {
        script_pass_on(L, LUA_OK);
        if (!lua_checkstack(L, results + 1))
            luaL_error(L, "too many results to resume");
        lua_xmove(co, L, results);
        return results;
    }
    script_pass_on(L, status);
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

static int string_rep(lua_State *L)
{
    size_t len, sep;
    const lua_Integer n = luaL_checkinteger(L, 2);
    uint64_t bytes = 0;

    luaL_checklstring(L, 1, &len);
    luaL_optlstring(L, 3, "", &sep);
    if (n > 0 && (!eg_mul(len + sep, (uint64_t)n, &bytes) || bytes > script_of(L)->limits.memory))
        script_leave(L, SCRIPT_NO_MEMORY);
    if (!bytes) { // nothing, a billion times, takes its time too
        lua_pushliteral(L, "");
        return 1;
    }
    script_charge(L, bytes / 64);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* ---- the libraries ---- */

static const char *const safe_base[] = { "assert",   "error",    "getmetatable", "ipairs",
                                         "rawequal", "rawget",   "rawlen",       "rawset",
                                         "select",   "tonumber", "type",         NULL };
static const char *const safe_string[] = { "byte",    "char", "len",    "lower", "pack", "packsize",
                                           "reverse", "sub",  "unpack", "upper", NULL };
static const char *const safe_table[] = { "pack", NULL };
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
    static const luaL_Reg ours[] = { { "load", script_load_text },
                                     { "pcall", pcall_ },
                                     { "setmetatable", setmetatable_ },
                                     { "xpcall", xpcall_ },
                                     { NULL, NULL } };

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
    script_add_tables(L);
    lua_pop(L, 2);
}

static void open_string(lua_State *L)
{
    open_part(L, luaopen_string, "string", safe_string);
    lua_getfield(L, -2, "rep");
    lua_pushcclosure(L, string_rep, 1);
    lua_setfield(L, -2, "rep");
    lua_getfield(L, -2, "format");
    lua_pushcclosure(L, script_format, 1);
    lua_setfield(L, -2, "format");
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
    script_add_order(L);
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
        script_push_string(L, 1);
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
    script_explain(L);
    lua_settop(L, 1);
    return 1;
}

/** The message on top, which is taken, as an error of ours. */
static int failed(struct script *s, int status, struct eg_error *e)
{
    lua_State *L = s->L;
    const char *said;
    char text[160];
    int code = EG_EFORMAT;

    if (status == LUA_ERRMEM && s->end == SCRIPT_GOES_ON)
        s->end = SCRIPT_NO_MEMORY;
    if (s->end == SCRIPT_NO_MEMORY)
        code = EG_ENOMEM;
    else if (s->end == SCRIPT_STOPPED)
        code = EG_ECANCEL;
    said = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without a text";
    if (s->end != SCRIPT_GOES_ON && status != LUA_ERRRUN)
        said = end_text(s, text);
    eg_fail(e, code, "%s", said);
    lua_pop(L, 1);
    return -code;
}

int script_call(struct script *s, int n, int results, struct eg_error *e)
{
    const int handler = lua_gettop(s->L) - n;
    int status;

    lua_pushcfunction(s->L, on_error);
    lua_insert(s->L, handler);
    status = lua_pcall(s->L, n, results, handler);
    lua_remove(s->L, handler);
    return status == LUA_OK ? 0 : failed(s, status, e);
}

int script_run(struct script *s, const char *name, const char *text, size_t len, int results,
               struct eg_error *e)
{
    char chunk[512];
    int status;

    snprintf(chunk, sizeof chunk, "@%s", name);
    status = script_load(s->L, text, len, chunk);
    return status == LUA_OK ? script_call(s, 0, results, e) : failed(s, status, e);
}

/* ---- life ---- */

static int set_up(lua_State *L)
{
    struct script *s = script_of(L);

    open_libraries(L);
    script_add_require(L);
    if (s->run) {
        lua_newtable(L);
        script_add_cursor(L);
        script_add_functions(L);
        script_add_walk(L);
        script_add_memory(L);
        script_add_rows(L);
        lua_setglobal(L, "eg");
        script_add_plugin(L);
    }
    script_add_slips(L);
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

void script_renew(struct script *s)
{
    if (s->end == SCRIPT_NO_MEMORY)
        lua_gc(s->L, LUA_GCCOLLECT);
    s->end = SCRIPT_GOES_ON;
    s->steps = s->owed = 0;
    s->deadline = now_ns() + s->limits.seconds * UINT64_C(1000000000);
    s->running = s->L;
    lua_sethook(s->L, hook, LUA_MASKCOUNT, HOOK_EVERY);
}

void script_close(struct script *s)
{
    if (!s)
        return;
    if (s->end == SCRIPT_GOES_ON)
        s->end = SCRIPT_STOPPED; // no __close of the script runs now
    lua_sethook(s->L, hook, LUA_MASKCOUNT, 1);
    lua_close(s->L);
    free(s->text);
    free(s);
}
