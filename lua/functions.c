/* functions.c - functions of eg on cursors and types. */
#include "cursor.h"
#include "parts.h"
#include "space.h"
#include <inttypes.h>

static int eg_ok_(lua_State *L)
{
    const struct eg_obj *o = script_is_cursor(L, 1);

    lua_pushboolean(L, o ? !o->why : !lua_isnoneornil(L, 1));
    return 1;
}

static int eg_why_(lua_State *L)
{
    const struct eg_obj *o = script_is_cursor(L, 1);
    char text[96];

    if (o && o->why)
        lua_pushstring(L, script_why_text(*o, text));
    else
        lua_pushnil(L);
    return 1;
}

/** eg.value(x, default): x if it could be read, otherwise the default. */
static int eg_value_or(lua_State *L)
{
    const struct eg_obj *o = script_is_cursor(L, 1);

    luaL_checkany(L, 2);
    lua_settop(L, 2);
    if (!lua_isnil(L, 1) && !(o && o->why))
        lua_settop(L, 1);
    return 1;
}

static int eg_address(lua_State *L)
{
    uint64_t v;

    if (lua_isinteger(L, 1) || lua_type(L, 1) == LUA_TSTRING)
        lua_pushinteger(L, (lua_Integer)script_check_address(L, NULL, 1));
    else if (script_address_of(*script_check_cursor(L, 1), &v))
        lua_pushinteger(L, (lua_Integer)v);
    else
        lua_pushnil(L);
    return 1;
}

/** eg.address_of(c [, "a.b"]): the address where the value is stored; pointers are not followed. */
static int eg_address_of_(lua_State *L)
{
    struct eg_obj o = *script_check_cursor(L, 1);

    if (!lua_isnoneornil(L, 2))
        o = eg_path(o, luaL_checkstring(L, 2));
    if (o.why)
        script_push_cursor(L, o);
    else
        lua_pushinteger(L, (lua_Integer)o.addr);
    return 1;
}

/** eg.at(c, "a.b[3]"): always a cursor, even for an integer. */
static int eg_at_(lua_State *L)
{
    const struct eg_obj o = *script_check_cursor(L, 1);
    const char *path = luaL_checkstring(L, 2);

    script_push_cursor(L, eg_path(o, path));
    return 1;
}

static int eg_has_(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    const struct eg_obj *o = script_is_cursor(L, 1);
    struct eg_member_at m;
    uint32_t type;

    type = o ? o->type : script_check_type(L, 1).type;
    lua_pushboolean(L,
                    type && eg_type_find(eg_binding_of(script_of(L)->run)->types, type, name, &m));
    return 1;
}

static int eg_has_type_(lua_State *L)
{
    const struct eg_binding *b = eg_binding_of(script_of(L)->run);
    struct eg_slot slot;

    eg_types_parse(b->types, &b->model, luaL_checkstring(L, 1), &slot);
    lua_pushboolean(L, slot.kind);
    return 1;
}

static int eg_sizeof(lua_State *L)
{
    const struct eg_obj *o = script_is_cursor(L, 1);

    lua_pushinteger(L, o ? o->size : script_check_type(L, 1).size);
    return 1;
}

static int eg_offsetof(lua_State *L)
{
    const uint32_t type = script_check_type(L, 1).type;

    lua_pushinteger(L, (lua_Integer)script_check_member(L, type, 2).off);
    return 1;
}

static int eg_typeof(lua_State *L)
{
    const struct eg_obj o = *script_check_cursor(L, 1);
    char type[256];

    eg_type_declare(o.bind->types, o.type, NULL, type, sizeof type);
    if (o.kind == EG_K_PTR)
        lua_pushfstring(L, "%s *", o.type ? type : "void");
    else
        lua_pushstring(L, type);
    return 1;
}

static int eg_object_at(lua_State *L)
{
    struct eg_space *as = script_check_space(L, 1);

    luaL_checkstring(L, 2);
    script_push_value(L, script_object(L, as, script_check_address(L, as, 3), 2));
    return 1;
}

/** eg.cast(c, type): the same address with another type; for a pointer, its target. */
static int eg_cast_to(lua_State *L)
{
    const struct eg_obj o = *script_check_cursor(L, 1);
    uint64_t addr;

    if (o.why) {
        lua_settop(L, 1);
        return 1;
    }
    if (!script_address_of(o, &addr)) {
        script_push_cursor(L, eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr));
        return 1;
    }
    script_push_value(L, script_object(L, o.space, addr, 2));
    return 1;
}

/** eg.container(c, "task_struct", "tasks"): the struct that contains the member. */
static int eg_container_of(lua_State *L)
{
    struct eg_obj o = *script_check_cursor(L, 1), type;
    struct eg_slot member;
    uint64_t addr;

    if (o.why) {
        lua_settop(L, 1);
        return 1;
    }
    type = script_object(L, o.space, 1, 2);
    if (!script_find_member(L, &type, 3, &member))
        return script_no_member(L, &type, 3);
    if (!script_address_of(o, &addr))
        type = eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr);
    else if (!addr)
        type = eg_bad(type, EG_NULL, 0);
    else
        type.addr = addr - member.off;
    script_push_cursor(L, type);
    return 1;
}

static int eg_deref_(lua_State *L)
{
    script_push_value(L, eg_deref(*script_check_cursor(L, 1)));
    return 1;
}

/** eg.string(c [, max]): the text of a char array, or at the target of a char pointer. */
static int eg_string_(lua_State *L)
{
    const lua_Integer max = luaL_optinteger(L, 2, 4096);
    struct eg_obj o;
    uint64_t addr;

    if (lua_type(L, 1) == LUA_TSTRING) { // reading a char array gave a string already
        lua_settop(L, 1);
        return 1;
    }
    o = *script_check_cursor(L, 1);
    luaL_argcheck(L, max > 0 && max <= 1 << 20, 2, "1 to 1048576");
    if (o.why)
        lua_settop(L, 1);
    else if (!script_address_of(o, &addr) || !script_push_text(L, o.space, addr, (size_t)max))
        script_push_cursor(L, eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr));
    return 1;
}

/** The value of an enumerator by its name; nil if no enum has it. */
static int enumerator(lua_State *L)
{
    const struct eg_types *ts = eg_binding_of(script_of(L)->run)->types;
    const char *name = lua_tostring(L, 1);

    for (size_t k = 0; k < ts->n_layers; k++) {
        const struct eg_profile *p = ts->layers[k].profile;

        script_charge(L, p->n_enumerators / 16);
        for (uint32_t i = 0; i < p->n_enumerators; i++)
            if (!strcmp(p->strings + p->enumerators[i].name, name)) {
                lua_pushinteger(L, p->enumerators[i].value);
                return 1;
            }
    }
    lua_pushnil(L);
    return 1;
}

/** eg.enum(c): the name of the enumerator with this value, or nil; eg.enum("NAME"): its value. */
static int eg_enum_of(lua_State *L)
{
    const struct eg_obj *o = script_is_cursor(L, 1);
    const char *name = NULL;
    uint64_t v;

    if (lua_type(L, 1) == LUA_TSTRING)
        return enumerator(L);
    luaL_argcheck(L, o, 1, "cursor expected; eg.at(c, \"member\") gives one instead of a number");
    if (!o->why && eg_value(*o, &v))
        name = eg_type_enumerator(o->bind->types, o->type, (int64_t)v);
    lua_pushstring(L, name);
    return 1;
}

/** The name of a single bit in the table at 2; NULL if the table does not have it. */
static const char *flag_name(lua_State *L, uint64_t mask)
{
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isinteger(L, -1))
            luaL_error(L, "flags are a table of names and bits: {WRITE = 2, EXEC = 4}");
        if ((uint64_t)lua_tointeger(L, -1) == mask) {
            const char *name = lua_tostring(L, -2); // the table keeps it alive

            lua_pop(L, 2);
            return name;
        }
    }
    return NULL;
}

/** eg.flags(value, {WRITE = 2, EXEC = 4}): "WRITE|EXEC|0x40", the lowest bit first. */
static int eg_flags(lua_State *L)
{
    uint64_t value, other = 0;
    luaL_Buffer b;
    char text[32];

    luaL_checktype(L, 2, LUA_TTABLE);
    if (script_is_cursor(L, 1)) { // an unreadable value stays one
        lua_settop(L, 1);
        return 1;
    }
    value = (uint64_t)luaL_checkinteger(L, 1);
    luaL_buffinit(L, &b);
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t mask = value & UINT64_C(1) << bit;
        const char *name = mask ? flag_name(L, mask) : NULL;

        script_charge(L, 1);
        other |= name ? 0 : mask;
        if (!name)
            continue;
        if (luaL_bufflen(&b))
            luaL_addchar(&b, '|');
        luaL_addstring(&b, name);
    }
    if (other) {
        snprintf(text, sizeof text, "%s%#" PRIx64, luaL_bufflen(&b) ? "|" : "", other);
        luaL_addstring(&b, text);
    }
    luaL_pushresult(&b);
    return 1;
}

void script_add_functions(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "address", eg_address },
        { "address_of", eg_address_of_ },
        { "at", eg_at_ },
        { "cast", eg_cast_to },
        { "container", eg_container_of },
        { "deref", eg_deref_ },
        { "enum", eg_enum_of },
        { "flags", eg_flags },
        { "has", eg_has_ },
        { "has_type", eg_has_type_ },
        { "object", eg_object_at },
        { "offsetof", eg_offsetof },
        { "ok", eg_ok_ },
        { "sizeof", eg_sizeof },
        { "string", eg_string_ },
        { "type", eg_typeof },
        { "value", eg_value_or },
        { "why", eg_why_ },
        { NULL, NULL },
    };

    luaL_setfuncs(L, functions, 0);
}
