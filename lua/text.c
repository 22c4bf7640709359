/* text.c - values as text. Tables, functions and the like get a number instead of an address. */
#include "text.h"
#include "parts.h"

static const char names_key;

lua_Integer script_number_of(lua_State *L, int at, bool give)
{
    lua_Integer n;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_pushvalue(L, at);
    if (lua_rawget(L, -2) == LUA_TNIL && give) {
        lua_pushvalue(L, at);
        lua_pushinteger(L, ++script_of(L)->n_named);
        lua_rawset(L, -4);
        lua_pop(L, 1);
        lua_pushinteger(L, script_of(L)->n_named);
    }
    n = lua_tointeger(L, -1);
    lua_pop(L, 2);
    return n;
}

const char *script_push_string(lua_State *L, int at)
{
    int type;

    at = lua_absindex(L, at);
    if (lua_type(L, at) <= LUA_TSTRING)
        return luaL_tolstring(L, at, NULL);
    luaL_checkstack(L, 6, NULL);
    if (luaL_callmeta(L, at, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
        return lua_tostring(L, -1);
    }
    type = luaL_getmetafield(L, at, "__name");
    lua_pushfstring(L, "%s: %I", type == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, at),
                    (LUAI_UACINT)script_number_of(L, at, true));
    if (type != LUA_TNIL)
        lua_remove(L, -2);
    return lua_tostring(L, -1);
}

static int tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    script_push_string(L, 1);
    return 1;
}

/** string.format: %s uses our tostring, and %p is refused because it prints an address. */
int script_format(lua_State *L)
{
    const char *f = luaL_checkstring(L, 1), *const end = f + lua_rawlen(L, 1);
    const int n = lua_gettop(L);

    for (int at = 1; (f = memchr(f, '%', (size_t)(end - f))); f++) {
        f++;
        if (*f == '%')
            continue;
        f += strspn(f, "-+#0 .123456789");
        at++;
        if (*f == 'p')
            return luaL_error(L, "'%%p' is not available: addresses differ from run to run");
        if (*f == 's' && at <= n) {
            script_push_string(L, at);
            lua_replace(L, at);
        }
        if (f >= end)
            break;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, 1);
    return 1;
}

void script_new_weak(lua_State *L, const char *key)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void script_add_text(lua_State *L)
{
    script_new_weak(L, &names_key);
    lua_register(L, "tostring", tostring);
}
