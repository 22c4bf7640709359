/* sandbox.c - creates a state in which an untrusted script may run, with all functions that it can
 * call. */
#include "sandbox.h"
#include "parts.h"

/** plugin{…} in a run returns its table: plugin.c read the declaration earlier. */
static int plugin(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    return 1;
}

static int set_up(lua_State *L)
{
    struct script *s = script_of(L);

    script_add_libraries(L);
    script_add_require(L);
    if (s->run) {
        lua_newtable(L);
        script_add_cursor(L);
        script_add_symbols(L);
        script_add_functions(L);
        script_add_walk(L);
        script_add_memory(L);
        script_add_rows(L);
        lua_setglobal(L, "eg");
        lua_register(L, "plugin", plugin);
    }
    script_add_slips(L);
    return 0;
}

struct script *script_open(struct eg_run *run, const struct script_limits *limits)
{
    struct script *s = script_new(run, limits);

    if (!s)
        return NULL;
    lua_pushcfunction(s->L, set_up);
    if (lua_pcall(s->L, 0, 0, 0) != LUA_OK) {
        script_close(s);
        return NULL;
    }
    return s;
}
