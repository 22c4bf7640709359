/* protect.c - pcall, xpcall and coroutines, which catch errors but not a limit of the script; and
 * setmetatable without finalizers. */
#include "parts.h"

/** Finish pcall and xpcall. @extra: the number of values below their results, which are dropped. */
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

/** Call the script's handler, in the upvalue. Lua calls handlers of a hook's error with hooks still
 * disabled, so after a limit was reached the script's handler must not run. */
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

/** Resume @co with the @n arguments on top of L. @return the number of results, or -1 with the
 * error on top. */
static int resume(lua_State *L, lua_State *co, int n)
{
    struct script *s = script_of(L);
    int results, status;

    script_charge(L, 100); // the hook of a coroutine starts counting anew
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

/** Refuses __gc: no hook runs inside a finalizer, so it would escape the limits. */
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
            return luaL_error(L, "__gc is not available to scripts");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

void script_add_protected(lua_State *L)
{
    static const luaL_Reg functions[] = { { "pcall", pcall_ },
                                          { "setmetatable", setmetatable_ },
                                          { "xpcall", xpcall_ },
                                          { NULL, NULL } };

    luaL_setfuncs(L, functions, 0);
}

void script_add_coroutines(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "create", co_create }, { "resume", co_resume }, { "wrap", co_wrap }, { NULL, NULL }
    };

    luaL_setfuncs(L, functions, 0);
}
