/* lua_patterns_test.c - our patterns are Lua's: tests/lua/patterns.lua compares the two. */
#include "../../../lua/patterns.c"
#include "check.h"
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASES = 100000 };

void script_charge(lua_State *L, uint64_t n)
{
    (void)L, (void)n;
}

static void same(void **state)
{
    lua_State *L = luaL_newstate();
    char path[4096];

    (void)state;
    luaL_openlibs(L);
    snprintf(path, sizeof path, "%s/tests/lua/patterns.lua", getenv("SOURCE_ROOT"));
    assert_int_equal(luaL_loadfile(L, path), LUA_OK);
    lua_newtable(L);
    script_add_patterns(L);
    lua_pushinteger(L, CASES);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(same) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
