/* tables.c - Lua's table library with charged work. Tables with __len, __index or __newindex are
 * refused: such metamethods could make a C function loop forever, and the hook that enforces limits
 * does not run inside C. */
#include "parts.h"

static void check_plain(lua_State *L, int at)
{
    static const char *const events[] = { "__len", "__index", "__newindex" };

    luaL_checktype(L, at, LUA_TTABLE);
    for (size_t i = 0; i < countof(events); i++)
        if (luaL_getmetafield(L, at, events[i]) != LUA_TNIL)
            luaL_error(L, "table without %s expected", events[i]);
}

/** Call the original function, in the upvalue. @work: the estimated number of steps. */
static int call(lua_State *L, uint64_t work)
{
    script_charge(L, work);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/** The number of elements from the position in argument @at to the end. */
static uint64_t behind(lua_State *L, int at)
{
    const uint64_t n = lua_rawlen(L, 1), place = (uint64_t)luaL_checkinteger(L, at);

    return place <= n ? n - place + 1 : 1;
}

static int insert(lua_State *L)
{
    check_plain(L, 1);
    return call(L, lua_gettop(L) > 2 ? behind(L, 2) : 1);
}

static int remove_(lua_State *L)
{
    check_plain(L, 1);
    return call(L, lua_gettop(L) > 1 ? behind(L, 2) : 1);
}

static int concat(lua_State *L)
{
    check_plain(L, 1);
    return call(L, lua_rawlen(L, 1));
}

static int unpack(lua_State *L)
{
    lua_Integer from, to;

    check_plain(L, 1);
    from = luaL_optinteger(L, 2, 1);
    to = luaL_optinteger(L, 3, (lua_Integer)lua_rawlen(L, 1));
    return call(L, from <= to ? EG_MIN((uint64_t)to - (uint64_t)from, UINT64_C(1000000)) : 1);
}

static int move(lua_State *L)
{
    const int to = lua_isnoneornil(L, 5) ? 1 : 5;
    const lua_Integer from = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3),
                      at = luaL_checkinteger(L, 4);
    uint64_t n;
    bool overlap;

    check_plain(L, 1);
    check_plain(L, to);
    lua_settop(L, 5);
    if (last >= from) {
        n = (uint64_t)last - (uint64_t)from;
        luaL_argcheck(L, n < INT64_MAX, 3, "too many elements to move");
        luaL_argcheck(L, at <= LUA_MAXINTEGER - (lua_Integer)n, 4, "destination wrap around");
        overlap = lua_rawequal(L, 1, to) && at > from && at <= last;
        for (uint64_t k = 0; k <= n; k++) {
            const lua_Integer i = (lua_Integer)(overlap ? n - k : k);

            if (k % 1000 == 0)
                script_charge(L, 1000);
            lua_rawgeti(L, 1, from + i);
            lua_rawseti(L, to, at + i);
        }
    }
    lua_pushvalue(L, to);
    return 1;
}

/* ---- sort ---- */

/* Merge sort, which keeps the order of equal elements. Lua's own algorithm is not used: it reads
 * the clock to choose pivots, so that results could differ from run to run. */

enum { SORTED = 1, COMPARE = 2, SCRATCH = 3, LEFT = 5, RIGHT = 6 };

/** Does the value at RIGHT sort before the value at LEFT? */
static bool right_first(lua_State *L)
{
    uint64_t work = 4;
    bool is;

    if (lua_type(L, LEFT) == LUA_TSTRING && lua_type(L, RIGHT) == LUA_TSTRING)
        work += EG_MIN(lua_rawlen(L, LEFT), lua_rawlen(L, RIGHT)) / 64;
    script_charge(L, work);
    if (lua_isnil(L, COMPARE))
        return lua_compare(L, RIGHT, LEFT, LUA_OPLT);
    lua_pushvalue(L, COMPARE);
    lua_pushvalue(L, RIGHT);
    lua_pushvalue(L, LEFT);
    lua_call(L, 2, 1);
    is = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is;
}

/** Merge [@a, @b) and [@b, @end) of the table at @from into the one at @to. */
static void merge(lua_State *L, int from, int to, lua_Integer a, lua_Integer b, lua_Integer end)
{
    const lua_Integer middle = b;

    for (lua_Integer i = a; i < end; i++) {
        bool right = a == middle;

        if (!right && b < end) {
            lua_rawgeti(L, from, a);
            lua_rawgeti(L, from, b);
            right = right_first(L);
            lua_settop(L, LEFT - 1);
        }
        lua_rawgeti(L, from, right ? b++ : a++);
        lua_rawseti(L, to, i);
    }
}

static void copy(lua_State *L, int from, int to, lua_Integer n)
{
    script_charge(L, (uint64_t)n);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, to, i);
    }
}

static int sort(lua_State *L)
{
    int from = SCRATCH, to = SCRATCH + 1;
    lua_Integer n;

    check_plain(L, SORTED);
    n = (lua_Integer)lua_rawlen(L, SORTED);
    luaL_argcheck(L, n < INT32_MAX, 1, "array too big");
    if (!lua_isnoneornil(L, COMPARE))
        luaL_checktype(L, COMPARE, LUA_TFUNCTION);
    lua_settop(L, COMPARE);
    lua_createtable(L, (int)n, 0);
    lua_createtable(L, (int)n, 0);
    copy(L, SORTED, from, n); // a comparison may change the table
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer a = 1; a <= n; a += 2 * width)
            merge(L, from, to, a, EG_MIN(a + width, n + 1), EG_MIN(a + 2 * width, n + 1));
        from = to;
        to = from == SCRATCH ? SCRATCH + 1 : SCRATCH;
    }
    copy(L, from, SORTED, n);
    return 0;
}

void script_add_tables(lua_State *L)
{
    static const luaL_Reg bounded[] = { { "concat", concat },
                                        { "insert", insert },
                                        { "remove", remove_ },
                                        { "unpack", unpack },
                                        { NULL, NULL } };
    static const luaL_Reg own[] = { { "move", move }, { "sort", sort }, { NULL, NULL } };

    for (const luaL_Reg *f = bounded; f->name; f++) {
        lua_getfield(L, -2, f->name);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
    luaL_setfuncs(L, own, 0);
}
