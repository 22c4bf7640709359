/* libraries.c - the parts of Lua's libraries that a script may use: nothing that reaches outside
 * the sandbox. */
#include "load.h"
#include "parts.h"
#include "text.h"
#include <lualib.h>

static int string_rep(lua_State *L)
{
    size_t len, sep;
    const lua_Integer n = luaL_checkinteger(L, 2);
    uint64_t bytes = 0;

    luaL_checklstring(L, 1, &len);
    luaL_optlstring(L, 3, "", &sep);
    if (n > 0 && (!eg_mul(len + sep, (uint64_t)n, &bytes) || bytes > script_of(L)->limits.memory))
        script_leave(L, SCRIPT_NO_MEMORY);
    if (!bytes) { // repeating an empty string a billion times would take long
        lua_pushliteral(L, "");
        return 1;
    }
    script_charge(L, bytes / 64);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

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

/** Open a Lua library. A new table with its safe part becomes the global @name and stays on the
 * stack above the complete library. */
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
    // luaopen_base fills the globals: replace them by a new table.
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    lua_newtable(L);
    copy_names(L, safe_base);
    script_add_protected(L);
    lua_pushcfunction(L, script_load_text);
    lua_setfield(L, -2, "load");
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
    lua_pushliteral(L, ""); // ("text"):method() uses the safe part too
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "string");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 4);
}

void script_add_libraries(lua_State *L)
{
    open_base(L);
    script_add_text(L);
    script_add_order(L);
    open_table(L);
    open_string(L);
    open_part(L, luaopen_coroutine, "coroutine", safe_coroutine);
    script_add_coroutines(L);
    lua_pop(L, 2);
    open_part(L, luaopen_math, "math", safe_math);
    lua_getfield(L, -2, "randomseed"); // fixed seed: the same numbers in each run
    lua_pushinteger(L, 1);
    lua_call(L, 1, 0);
    lua_pop(L, 2);
    open_part(L, luaopen_utf8, "utf8", safe_utf8);
    lua_pop(L, 2);
}
