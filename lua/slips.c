/* slips.c - hints for frequent mistakes: unknown functions, calls before an image is open, pairs()
 * on values that are not tables. */
#include "slips.h"
#include "cursor.h"
#include "parts.h"

static int no_function(lua_State *L)
{
    const char *table = lua_tostring(L, lua_upvalueindex(1)), *name = lua_tostring(L, 2), *near;
    const char **names;
    size_t n = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        n++;
    names = lua_newuserdatauv(L, (n + 1) * sizeof *names, 0);
    n = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            names[n++] = lua_tostring(L, -2);
    names[n] = NULL;
    near = name ? eg_nearest(name, names) : NULL;
    return near ? luaL_error(L, "%s has no function '%s'; did you mean '%s'?", table, name, near)
                : luaL_error(L, "%s has no function '%s': `engram help lua` lists them", table,
                             name ? name : "?");
}

static int called_early(lua_State *L)
{
    return luaL_error(L, "%s.%s: no image is open yet; call it in run",
                      lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, lua_upvalueindex(2)));
}

/** Before an image is open, a script may still store a function in a local variable. */
static int early_function(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushstring(L, luaL_checkstring(L, 2));
    lua_pushcclosure(L, called_early, 2);
    return 1;
}

/** Set a metatable on the global table @name that explains missing functions. Without a run, create
 * a table whose functions raise an error. */
static void guard(lua_State *L, const char *name)
{
    const bool run = script_of(L)->run;

    if (run)
        lua_getglobal(L, name);
    else
        lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, name);
    lua_pushcclosure(L, run ? no_function : early_function, 1);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setglobal(L, name);
}

/** pairs and ipairs, for tables only. Upvalues: the function, its name. */
static int over_table(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(2));

    if (script_is_cursor(L, 1))
        return luaL_error(
            L, "%s: a cursor is not a table; the elements of an array are c[0] to c[#c - 1]", name);
    if (lua_isfunction(L, 1))
        return luaL_error(L, "%s: not needed for an iterator: `for x in linux.tasks(k) do`", name);
    luaL_argexpected(L, lua_istable(L, 1), 1, "table");
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 3);
    return 3;
}

/** print() while declarations are read: there is no result yet. */
static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

void script_add_slips(lua_State *L)
{
    static const char *const loops[] = { "pairs", "ipairs", NULL };
    const struct eg_walker_reg *w;
    const char *os = NULL;

    guard(L, "eg");
    for (size_t i = 0; (w = eg_walker_nth(i)); i++)
        if (w->walker->os && !(os && !strcmp(os, w->walker->os)))
            guard(L, os = w->walker->os);
    if (!script_of(L)->run) {
        lua_pushcfunction(L, nothing);
        lua_setglobal(L, "print");
    }
    for (const char *const *name = loops; *name; name++) {
        lua_getglobal(L, *name);
        lua_pushstring(L, *name);
        lua_pushcclosure(L, over_table, 2);
        lua_setglobal(L, *name);
    }
}

/** Does the global table @table have a function with this name? */
static bool is_in(lua_State *L, const char *table, const char *name)
{
    const int top = lua_gettop(L);
    bool found = false;

    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushstring(L, table);
    if (lua_rawget(L, -2) == LUA_TTABLE) {
        lua_pushstring(L, name);
        found = lua_rawget(L, -2) != LUA_TNIL;
    }
    lua_settop(L, top);
    return found;
}

/** A hint for an error message about a global that is nil; "" if there is none. */
static const char *hint(lua_State *L, const char *text)
{
    static const char *const missing[] = { "io",     "os",       "debug",          "package",
                                           "dofile", "loadfile", "collectgarbage", NULL };
    const char *at = strstr(text, "(global '");
    char name[41] = "";

    if (at)
        sscanf(at + sizeof "(global '" - 1, "%40[A-Za-z0-9_]", name);
    for (const char *const *m = missing; *m; m++)
        if (!strcmp(*m, name))
            return "; it is not available in the sandbox";
    if (*name && is_in(L, "eg", name))
        return lua_pushfstring(L, "; did you mean eg.%s?", name);
    if (*name && is_in(L, "linux", name))
        return lua_pushfstring(L, "; did you mean linux.%s?", name);
    return "";
}

void script_explain(lua_State *L)
{
    const char *text = lua_tostring(L, 1), *more;
    lua_Debug at;

    if (script_of(L)->end != SCRIPT_GOES_ON)
        return;
    luaL_checkstack(L, 10, NULL);
    more = hint(L, text);
    for (int level = 1; strstr(text, " to '?' (") && lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "n", &at); // a library function that our wrapper of the same name called
        if (at.name)
            text = luaL_gsub(L, text, "'?'", lua_pushfstring(L, "'%s'", at.name));
    }
    for (int level = 1; !strstr(text, ".lua:") && lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sl", &at);
        if (at.currentline < 0)
            continue;
        if (strncmp(text, at.short_src, strlen(at.short_src)) !=
            0) // a line typed in the shell already has it
            text = lua_pushfstring(L, "%s:%d: %s", at.short_src, at.currentline, text);
        break;
    }
    lua_pushfstring(L, "%s%s", text, more);
    lua_replace(L, 1);
}
