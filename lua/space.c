/* space.c - address spaces as Lua values, and reading text from them. */
#include "space.h"
#include "cursor.h"

static const char space_key;

void script_push_space(lua_State *L, struct eg_space *as)
{
    struct eg_space **p = lua_newuserdatauv(L, sizeof *p, 0);

    *p = as;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &space_key);
    lua_setmetatable(L, -2);
}

static int space_tostring(lua_State *L)
{
    const struct eg_space *as = script_check_space(L, 1);

    lua_pushstring(L, as == eg_kernel(script_of(L)->run)     ? "the kernel's memory"
                      : as == eg_physical(script_of(L)->run) ? "physical memory"
                                                             : "a process's memory");
    return 1;
}

struct eg_space *script_check_space(lua_State *L, int at)
{
    const bool is = script_has_metatable(L, at, &space_key);

    luaL_argexpected(L, is, at, "space");
    return *(struct eg_space **)lua_touserdata(L, at);
}

bool script_push_text(lua_State *L, struct eg_space *as, uint64_t addr, size_t max)
{
    struct eg_view *v = eg_view_of(script_of(L)->run);
    luaL_Buffer b;
    size_t done = 0;

    luaL_buffinit(L, &b);
    while (done < max) {
        char part[256];
        const size_t want = EG_MIN(sizeof part - (addr + done) % sizeof part, max - done);
        const size_t got = eg_read_some(v, as, addr + done, part, want, NULL);
        const size_t len = strnlen(part, got);

        luaL_addlstring(&b, part, len);
        done += len;
        if (len < want)
            break;
    }
    luaL_pushresult(&b);
    script_charge(L, done / 16);
    if (done || eg_bytes(v, as, addr, 1))
        return true;
    lua_pop(L, 1);
    return false;
}

void script_add_space(lua_State *L, lua_CFunction index)
{
    const luaL_Reg functions[] = { { "__index", index },
                                   { "__tostring", space_tostring },
                                   { "__newindex", script_read_only },
                                   { NULL, NULL } };

    script_add_metatable(L, functions, "space", &space_key);
}
