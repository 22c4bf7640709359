/* order.c - pairs and next in sorted key order. Lua's own order differs from run to run. */
#include "cursor.h"
#include "parts.h"
#include "text.h"
#include <math.h>
#include <stdlib.h>

static const char orders_key;

struct key {
    int type, at; // at: index in the list of keys
    bool is_int;
    union {
        lua_Number n;
        lua_Integer i;
        struct {
            const char *p;
            size_t len;
        } s;
    };
};

/** Compare exactly. A float key never equals an integer key, because Lua converts such floats. */
static int compare_mixed(lua_Integer i, lua_Number n)
{
    lua_Integer whole;

    if (lua_numbertointeger(floor(n), &whole))
        return i <= whole ? -1 : 1;
    return n > 0 ? -1 : 1;
}

static int compare_keys(const void *va, const void *vb)
{
    const struct key *a = va, *b = vb;
    int c;

    if (a->type != b->type)
        return a->type - b->type;
    switch (a->type) {
    case LUA_TNUMBER:
        if (a->is_int && b->is_int)
            return (a->i > b->i) - (a->i < b->i);
        if (a->is_int != b->is_int)
            return a->is_int ? compare_mixed(a->i, b->n) : -compare_mixed(b->i, a->n);
        return (a->n > b->n) - (a->n < b->n);
    case LUA_TSTRING:
        c = memcmp(a->s.p, b->s.p, EG_MIN(a->s.len, b->s.len));
        return c ? c : (a->s.len > b->s.len) - (a->s.len < b->s.len);
    case LUA_TBOOLEAN:
        return (a->i > b->i) - (a->i < b->i);
    }
    if (a->i != b->i)
        return (uint64_t)a->i > (uint64_t)b->i ? 1 : -1;
    return a->at - b->at;
}

/** The key on top of the stack; @at: its index in the list of keys. */
static struct key key_of(lua_State *L, int at)
{
    struct key k = { .type = lua_type(L, -1), .at = at, .is_int = lua_isinteger(L, -1) };
    const struct eg_obj *o;

    switch (k.type) {
    case LUA_TNUMBER:
        if (k.is_int)
            k.i = lua_tointeger(L, -1);
        else
            k.n = lua_tonumber(L, -1);
        break;
    case LUA_TSTRING:
        k.s.p = lua_tolstring(L, -1, &k.s.len);
        break;
    case LUA_TBOOLEAN:
        k.i = lua_toboolean(L, -1);
        break;
    default:
        o = script_is_cursor(L, -1);
        k.i = o ? (lua_Integer)o->addr : script_number_of(L, lua_absindex(L, -1), false);
    }
    return k;
}

/** Push a sorted list of the keys of the table at 1. */
static void push_keys(lua_State *L)
{
    struct key *sorted;
    int n = 0, keys;

    lua_newtable(L); // unsorted
    keys = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 1);) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, keys, ++n);
    }
    script_charge(L, (uint64_t)n * 8);
    sorted = lua_newuserdatauv(L, sizeof *sorted * ((size_t)n + 1), 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, keys, i + 1);
        sorted[i] = key_of(L, i + 1);
        lua_pop(L, 1);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, compare_keys);
    lua_createtable(L, n, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, keys, sorted[i].at);
        lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, keys);
    lua_settop(L, keys);
}

/** Push the first key after index @i of the list at @keys that the table at 1 still has, and its
 * value. @return its index, or 0 with nothing pushed. */
static lua_Integer push_next(lua_State *L, int keys, lua_Integer i)
{
    for (;;) {
        if (lua_rawgeti(L, keys, ++i) == LUA_TNIL)
            break;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL)
            return i;
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return 0;
}

static int next_pair(lua_State *L)
{
    lua_Integer i;

    luaL_checktype(L, 1, LUA_TTABLE); // a script may call the iterator itself
    lua_settop(L, 1);
    i = push_next(L, lua_upvalueindex(1), lua_tointeger(L, lua_upvalueindex(2)));
    if (!i) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}

static int pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    push_keys(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 2);
    lua_pushvalue(L, 1);
    return 2;
}

/** Put the least key of the table at 1 and its value at 3 and 4; nil at 3 if the table is empty. */
static void push_first(lua_State *L)
{
    struct key least = { 0 };
    int n = 0;

    lua_settop(L, 2);
    lua_pushnil(L); // 3: the least
    for (lua_pushnil(L); lua_next(L, 1);) {
        struct key k;

        lua_pop(L, 1);
        k = key_of(L, ++n);
        if (n > 1 && compare_keys(&k, &least) > 0)
            continue;
        least = k;
        lua_copy(L, -1, 3);
    }
    script_charge(L, (uint64_t)n);
    if (!n)
        return;
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
}

/** The index of the key at 2 in the list at 4. A key that is not in the list gets the index of the
 * key before it. */
static lua_Integer place_of(lua_State *L)
{
    const lua_Integer n = (lua_Integer)lua_rawlen(L, 4);
    lua_Integer i = 0;
    struct key key;

    script_charge(L, (uint64_t)n);
    for (i = 1; i <= n; i++) {
        lua_settop(L, 4);
        lua_rawgeti(L, 4, i);
        if (lua_rawequal(L, -1, 2))
            return i;
    }
    lua_pushvalue(L, 2);
    key = key_of(L, 0);
    for (i = 1; i <= n; i++) {
        struct key other;

        lua_settop(L, 4);
        lua_rawgeti(L, 4, i);
        other = key_of(L, 0);
        if (compare_keys(&key, &other) < 0)
            break;
    }
    return i - 1;
}

/** next(t, key): a weak table in the registry keeps the sorted keys from one call to the next. */
static int next(lua_State *L)
{
    lua_Integer i;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &orders_key); // 3
    lua_pushvalue(L, 1);
    if (lua_isnil(L, 2)) {
        lua_pushnil(L);
        lua_rawset(L, 3);
        push_first(L);
        if (lua_type(L, 3) <= LUA_TSTRING || script_is_cursor(L, 3)) // 3: a key, or nothing
            return lua_gettop(L) - 2;
        lua_settop(
            L,
            2); // keys without a sort order of their own need the list now, before they are removed
        lua_rawgetp(L, LUA_REGISTRYINDEX, &orders_key);
        lua_pushnil(L);
    } else {
        lua_rawget(L, 3);
    }
    if (!lua_istable(L, 4)) {
        lua_settop(L, 3);
        push_keys(L);
        lua_pushvalue(L, 1);
        lua_pushvalue(L, 4);
        lua_rawset(L, 3);
    }
    lua_getfield(L, 4, "at");
    i = lua_tointeger(L, -1);
    lua_rawgeti(L, 4, i);
    if (!lua_isnil(L, 2) && (!i || !lua_rawequal(L, -1, 2)))
        i = place_of(L);
    lua_settop(L, 4);
    i = push_next(L, 4, i);
    if (!i) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, i);
    lua_setfield(L, 4, "at");
    return 2;
}

void script_add_order(lua_State *L)
{
    script_new_weak(L, &orders_key);
    lua_register(L, "next", next);
    lua_register(L, "pairs", pairs);
}
