/* symbols.c - the kernel's symbols: k.name, eg.symbol, eg.lookup, eg.name. */
#include "cursor.h"
#include "parts.h"
#include "space.h"

/** The handle of a C plugin that declares the symbol with its type; 0 if there is none. */
static uint32_t declared_symbol(const struct eg_binding *b, const char *name)
{
    const uint32_t n = eg_handle_count();

    for (uint32_t id = 1; id < n; id++) {
        const struct eg_handle *h = eg_handle(id);

        if (h && h->kind == EG_H_SYMBOL && b->slots[id].kind && !strcmp(h->name, name) &&
            !(h->type && !strcmp(h->type, SCRIPT_ANY_TYPE)))
            return id;
    }
    return 0;
}

/** eg.symbol(k, name [, type]) */
static int eg_symbol_(lua_State *L)
{
    struct script *s = script_of(L);
    const char *name = luaL_checkstring(L, 2);
    const uint32_t id = lua_isnoneornil(L, 3) ? declared_symbol(eg_binding_of(s->run), name) : 0;
    struct eg_obj variable;
    uint64_t addr;

    script_check_space(L, 1);
    if (id) {
        script_push_value(L, eg_sym_(s->run, id));
        return 1;
    }
    variable =
        lua_isnoneornil(L, 3) ? eg_variable(s->run, name) : (struct eg_obj){ .why = EG_NO_TYPE };
    if (!variable.why) {
        script_push_value(L, variable);
        return 1;
    }
    if (!eg_lookup(s->run, name, &addr)) {
        script_push_cursor(L, (struct eg_obj){ .view = eg_view_of(s->run),
                                               .space = eg_kernel(s->run),
                                               .bind = eg_binding_of(s->run),
                                               .why = EG_NO_SYMBOL });
        return 1;
    }
    if (lua_isnoneornil(L, 3))
        return luaL_error(
            L, "the type of symbol '%s' is not known; give it: eg.symbol(k, '%s', 'TYPE')", name,
            name);
    script_push_value(L, script_object(L, eg_kernel(s->run), addr, 3));
    return 1;
}

static int space_index(lua_State *L)
{
    if (script_check_space(L, 1) != eg_kernel(script_of(L)->run))
        return luaL_error(L, "only the kernel's space (k) has symbols");
    lua_settop(L, 2);
    return eg_symbol_(L);
}

/** eg.lookup(k, name): a symbol's address; eg.name(k, address): "symbol+0x10 [module]". */
static int eg_lookup_(lua_State *L)
{
    uint64_t addr;

    script_check_space(L, 1);
    if (eg_lookup(script_of(L)->run, luaL_checkstring(L, 2), &addr))
        lua_pushinteger(L, (lua_Integer)addr);
    else
        lua_pushnil(L);
    return 1;
}

static int eg_name(lua_State *L)
{
    const struct eg_space *as = script_check_space(L, 1);

    lua_pushstring(L, eg_name_of(script_of(L)->run, script_check_address(L, as, 2)));
    return 1;
}

void script_add_symbols(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "lookup", eg_lookup_ }, { "name", eg_name }, { "symbol", eg_symbol_ }, { NULL, NULL }
    };

    luaL_setfuncs(L, functions, 0);
    script_add_space(L, space_index);
}
