/* cursor.c - cursors (typed places in the image) as Lua values. `.name` is always a member of the
 * kernel's type; operations on cursors are functions of eg. Integers and text become Lua values. An
 * unreadable value is a bad cursor, and so is everything reached from it. */
#include "cursor.h"
#include "../core/address.h"
#include "parts.h"
#include "text.h"
#include <inttypes.h>
#include <stdlib.h>

static const char cursor_key, names_key;

void script_push_cursor(lua_State *L, struct eg_obj o)
{
    struct eg_obj *p = lua_newuserdatauv(L, sizeof *p, 0);

    *p = o;
    if (!p->bind) // a bad cursor that C code made
        p->bind = eg_binding_of(script_of(L)->run);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cursor_key);
    lua_setmetatable(L, -2);
}

bool script_has_metatable(lua_State *L, int at, const char *key)
{
    bool is;

    if (lua_type(L, at) != LUA_TUSERDATA || !lua_getmetatable(L, at))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is;
}

struct eg_obj *script_is_cursor(lua_State *L, int at)
{
    return script_has_metatable(L, at, &cursor_key) ? lua_touserdata(L, at) : NULL;
}

struct eg_obj *script_check_cursor(lua_State *L, int at)
{
    struct eg_obj *o = script_is_cursor(L, at);

    luaL_argexpected(L, o, at, "cursor");
    return o;
}

/* ---- values ---- */

/** Push the text of a char array, up to its NUL. @return false if it cannot be read. */
static bool push_chars(lua_State *L, const struct eg_obj *o)
{
    const size_t max = EG_MIN(o->size, (uint32_t)(1 << 16));
    luaL_Buffer b;
    char *to;

    if (o->size <= 32) { // short arrays such as comm: avoid the buffer
        const uint8_t *p = eg_bytes(o->view, o->space, o->addr, o->size);

        if (p)
            lua_pushlstring(L, (const char *)p, strnlen((const char *)p, o->size));
        return p;
    }
    to = luaL_buffinitsize(L, &b, max);
    if (!eg_read(o->view, o->space, o->addr, to, max)) {
        luaL_pushresultsize(&b, 0);
        lua_pop(L, 1);
        return false;
    }
    luaL_pushresultsize(&b, strnlen(to, max));
    return true;
}

static double float_of(uint64_t bits, uint32_t size)
{
    const uint32_t low = (uint32_t)bits;
    double d = 0;
    float f;

    if (size == 4) {
        memcpy(&f, &low, 4);
        d = f;
    } else if (size == 8) {
        memcpy(&d, &bits, 8);
    }
    return d;
}

void script_push_value(lua_State *L, struct eg_obj o)
{
    uint64_t v;

    if (o.why) {
        script_push_cursor(L, o);
        return;
    }
    switch (o.kind) {
    case EG_K_UINT:
    case EG_K_SINT:
    case EG_K_ENUM:
        if (eg_value(o, &v))
            lua_pushinteger(L, (lua_Integer)v);
        else
            script_push_cursor(L, eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr));
        return;
    case EG_K_CHARS:
        if (!push_chars(L, &o))
            script_push_cursor(L, eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr));
        return;
    case EG_K_FLOAT: {
        const uint8_t *p = o.size <= 8 ? eg_bytes(o.view, o.space, o.addr, o.size) : NULL;

        if (p)
            lua_pushnumber(L, float_of(eg_load_(p, o.size, o.bind->model.big_endian), o.size));
        else
            script_push_cursor(L, eg_bad(o, EG_NOT_SCALAR, o.addr));
        return;
    }
    default:
        script_push_cursor(L, o);
    }
}

/** The address that a cursor stands for: a pointer's target, otherwise where the value is
 * stored. */
bool script_address_of(struct eg_obj o, uint64_t *out)
{
    if (o.why)
        return false;
    if (o.kind == EG_K_PTR)
        return eg_value(o, out);
    *out = o.addr;
    return true;
}

const char *script_why_text(struct eg_obj o, char out[96])
{
    const struct eg_value v = { .tag = EG_V_BAD, .why = (enum eg_why)o.why, .u = o.addr };

    return eg_bad_text(&v, out);
}

/** The cursor at @at; raises an error if it is bad. */
static struct eg_obj check_good(lua_State *L, int at)
{
    const struct eg_obj o = *script_check_cursor(L, at);
    char text[96];

    if (o.why)
        luaL_argerror(L, at, script_why_text(o, text));
    return o;
}

static bool find_symbol(void *run, const char *name, uint64_t *out)
{
    return eg_lookup(run, name, out);
}

/** The address that the text at @at names. */
static uint64_t address_in_text(lua_State *L, const struct eg_space *as, int at)
{
    struct eg_run *r = script_of(L)->run;
    const struct eg_names names = { find_symbol, r };
    struct eg_error e;
    size_t len;
    const char *text = lua_tolstring(L, at, &len);
    uint64_t v;

    luaL_argcheck(L, strlen(text) == len, at, "address contains a zero byte");
    if (eg_address_parse(text, as == eg_physical(r) ? NULL : &names, &v, &e))
        luaL_argerror(L, at, lua_pushstring(L, e.text));
    return v;
}

uint64_t script_check_address(lua_State *L, const struct eg_space *as, int at)
{
    uint64_t v;

    if (lua_isinteger(L, at))
        return (uint64_t)lua_tointeger(L, at);
    if (lua_type(L, at) == LUA_TSTRING)
        return address_in_text(L, as, at);
    if (!script_is_cursor(L, at))
        luaL_typeerror(L, at, "address (an integer, a cursor or text)");
    if (!script_address_of(check_good(L, at), &v))
        luaL_argerror(L, at, "pointer cannot be read");
    return v;
}

/* ---- names ---- */

static struct script_slot *cached(struct script *s, uint32_t parent, const char *name)
{
    const size_t h =
        ((uintptr_t)name >> 4 ^ (uintptr_t)name >> 13 ^ parent * UINT32_C(0x9e3779b1)) %
        SCRIPT_SLOTS;

    return &s->slots[h];
}

/** Keep the string at @at alive until the state closes: its address is a cache key. */
static void anchor(lua_State *L, int at)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_pushvalue(L, at);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/** Lua interns short strings only (5.4, LUAI_MAXSHORTLEN). */
static bool is_one_copy(lua_State *L, int at)
{
    return lua_rawlen(L, at) <= 40;
}

static const char *nearest_member(lua_State *L, const struct eg_types *ts, uint32_t type,
                                  const char *name)
{
    const char **names = NULL, *near = NULL;
    struct eg_member_at m;
    uint32_t n = 0;

    while (eg_type_member(ts, type, n, &m))
        n++;
    names = lua_newuserdatauv(L, (n + 1) * sizeof *names, 0);
    for (uint32_t i = 0; i < n && eg_type_member(ts, type, i, &m); i++)
        names[i] = m.name ? m.name : "";
    names[n] = NULL;
    near = eg_nearest(name, names);
    return near && *near ? near : NULL;
}

/** @return false if there is no such member. */
bool script_find_member(lua_State *L, const struct eg_obj *o, int at, struct eg_slot *out)
{
    const char *name = lua_tostring(L, at);
    struct eg_member_at m;

    if (!name || !o->type || !eg_type_find(o->bind->types, o->type, name, &m))
        return false;
    eg_types_member_slot(o->bind->types, &o->bind->model, o->type, &m, out);
    return true;
}

int script_no_member(lua_State *L, const struct eg_obj *o, int at)
{
    const char *name = luaL_checkstring(L, at), *type = eg_type_name(o->bind->types, o->type),
               *near;

    if (!o->type || !*type)
        type = "this type";
    near = nearest_member(L, o->bind->types, o->type, name);
    return near ? luaL_error(L, "%s has no member '%s'; did you mean '%s'?", type, name, near)
                : luaL_error(L, "%s has no member '%s'", type, name);
}

struct eg_slot script_check_type(lua_State *L, int at)
{
    const char *name = luaL_checkstring(L, at);
    struct script *s = script_of(L);
    const struct eg_binding *b = eg_binding_of(s->run);
    struct script_slot *c = cached(s, UINT32_MAX, name);
    struct eg_slot slot;

    if (c->name == name && c->parent == UINT32_MAX)
        return c->slot;
    eg_types_parse(b->types, &b->model, name, &slot);
    if (!slot.kind)
        luaL_error(L, "this image has no type '%s'", name);
    if (is_one_copy(L, at)) {
        anchor(L, at);
        *c = (struct script_slot){ name, UINT32_MAX, slot };
    }
    return slot;
}

struct eg_slot script_check_member(lua_State *L, uint32_t type, int at)
{
    const struct eg_obj o = { .bind = eg_binding_of(script_of(L)->run), .type = type };
    struct eg_slot slot;

    luaL_checkstring(L, at);
    if (!script_find_member(L, &o, at, &slot))
        script_no_member(L, &o, at);
    return slot;
}

/* ---- steps ---- */

struct eg_obj script_place(struct eg_obj o, const struct eg_slot *s)
{
    o.type = s->type;
    o.size = s->size;
    o.kind = s->kind;
    o.shift = s->shift;
    o.bits = s->bits;
    return o;
}

struct eg_obj script_object(lua_State *L, struct eg_space *as, uint64_t addr, int type_at)
{
    struct script *s = script_of(L);
    const struct eg_slot slot = script_check_type(L, type_at);
    const struct eg_obj o = {
        .view = eg_view_of(s->run), .space = as, .bind = eg_binding_of(s->run), .addr = addr
    };

    return addr ? script_place(o, &slot) : eg_bad(script_place(o, &slot), EG_NULL, 0);
}

/** One step of eg_at(): follow a pointer if @o is one, then go to the member. */
static struct eg_obj step(struct eg_obj o, const struct eg_slot *s)
{
    if (o.kind == EG_K_PTR) {
        uint64_t to;

        if (!eg_value(o, &to))
            return eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr);
        if (!to)
            return eg_bad(o, EG_NULL, 0);
        o.addr = to;
    }
    o.addr += s->off;
    return script_place(o, s);
}

/** cursor.name, cursor[i]. Only the virtual machine calls this, so the first argument is a
 * cursor. */
static int index_(lua_State *L)
{
    const struct eg_obj *o = lua_touserdata(L, 1);
    struct script *s;
    struct script_slot *c;
    const char *name;

    if (o->why) {
        lua_settop(L, 1);
        return 1;
    }
    if (lua_isinteger(L, 2)) {
        const lua_Integer i = lua_tointeger(L, 2);

        script_push_value(L, eg_index(*o, (uint64_t)i));
        return 1;
    }
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "a cursor index must be a member name or an integer");
    name = lua_tostring(L, 2);
    s = script_of(L);
    c = cached(s, o->type, name);
    if (c->name != name || c->parent != o->type) {
        struct eg_slot slot;

        if ((o->kind != EG_K_STRUCT && o->kind != EG_K_PTR) || !script_find_member(L, o, 2, &slot))
            return script_no_member(L, o, 2);
        if (!is_one_copy(L, 2)) {
            script_push_value(L, step(*o, &slot));
            return 1;
        }
        anchor(L, 2);
        *c = (struct script_slot){ name, o->type, slot };
    } else if (o->kind != EG_K_STRUCT && o->kind != EG_K_PTR) {
        return script_no_member(L, o, 2);
    }
    script_push_value(L, step(*o, &c->slot));
    return 1;
}

int script_read_only(lua_State *L)
{
    return luaL_error(L, "an image cannot be modified");
}

/* ---- cursors as Lua values ---- */

static int tostring_(lua_State *L)
{
    const struct eg_obj o = *script_check_cursor(L, 1);
    char type[256], text[96];
    uint64_t v;

    if (o.why) {
        lua_pushfstring(L, "<%s>", script_why_text(o, text));
        return 1;
    }
    eg_type_declare(o.bind->types, o.type, NULL, type, sizeof type);
    if (o.kind == EG_K_PTR && eg_value(o, &v)) {
        snprintf(text, sizeof text, "%#" PRIx64, v);
        lua_pushfstring(L, "(%s *) %s", o.type ? type : "void", v ? text : "NULL");
    } else {
        snprintf(text, sizeof text, "%#" PRIx64, o.addr);
        lua_pushfstring(L, "%s at %s", o.type ? type : "bytes", text);
    }
    return 1;
}

static int concat(lua_State *L)
{
    script_push_string(L, 1);
    script_push_string(L, 2);
    lua_concat(L, 2);
    return 1;
}

static int length(lua_State *L)
{
    const struct eg_obj *o = script_check_cursor(L, 1);

    if (!o->why && o->kind != EG_K_ARRAY && o->kind != EG_K_CHARS)
        return luaL_error(L, "# needs an array, not %s", script_push_string(L, 1));
    if (o->why)
        lua_settop(L, 1);
    else
        lua_pushinteger(L, (lua_Integer)eg_count(*o));
    return 1;
}

/** The addresses of both operands. @return false unless both are cursors with addresses in one
 * space. */
static bool both(lua_State *L, uint64_t *a, uint64_t *b)
{
    const struct eg_obj *x = script_is_cursor(L, 1), *y = script_is_cursor(L, 2);

    return x && y && script_address_of(*x, a) && script_address_of(*y, b) && x->space == y->space;
}

static int equal(lua_State *L)
{
    uint64_t a, b;

    lua_pushboolean(L, both(L, &a, &b) && a == b);
    return 1;
}

static int incomparable(lua_State *L)
{
    char text[96];

    for (int i = 1; i <= 2; i++) {
        const struct eg_obj *o = script_is_cursor(L, i);

        if (o && o->why)
            return luaL_error(L,
                              "cannot compare an unreadable value (%s): test it with eg.ok(x), or "
                              "name a default with eg.value(x, default)",
                              script_why_text(*o, text));
    }
    return luaL_error(L, "cannot compare %s and %s", script_push_string(L, 1),
                      script_push_string(L, 2));
}

static int less(lua_State *L)
{
    uint64_t a, b;

    if (!both(L, &a, &b))
        return incomparable(L);
    lua_pushboolean(L, a < b);
    return 1;
}

static int less_or_equal(lua_State *L)
{
    uint64_t a, b;

    if (!both(L, &a, &b))
        return incomparable(L);
    lua_pushboolean(L, a <= b);
    return 1;
}

/** If an operand is unreadable, push it as the result. */
static bool spoiled(lua_State *L)
{
    for (int i = 1; i <= 2; i++) {
        const struct eg_obj *o = script_is_cursor(L, i);

        if (o && o->why) {
            lua_pushvalue(L, i);
            return true;
        }
    }
    return false;
}

static int arithmetic(lua_State *L)
{
    if (spoiled(L))
        return 1;
    return luaL_error(L, "%s is not a number; eg.address(c) gives the address of a cursor",
                      script_push_string(L, script_is_cursor(L, 1) ? 1 : 2));
}

/** Calling a cursor; a frequent mistake is `for x in head do`. */
static int call(lua_State *L)
{
    return luaL_error(L,
                      "%s is not a function or iterator; use eg.list(head, \"task_struct\", "
                      "\"tasks\"), linux.tasks(k) or another walker in `for … in`",
                      script_push_string(L, 1));
}

/** Pointer arithmetic: p + n points n elements after p. */
static int add(lua_State *L)
{
    const int cursor = script_is_cursor(L, 1) ? 1 : 2;

    if (spoiled(L))
        return 1;
    script_push_cursor(
        L, eg_index(*script_check_cursor(L, cursor), (uint64_t)luaL_checkinteger(L, 3 - cursor)));
    return 1;
}

static int subtract(lua_State *L)
{
    struct eg_obj o;

    if (spoiled(L))
        return 1;
    o = *script_check_cursor(L, 1);
    if (script_is_cursor(L, 2)) {
        const int64_t diff =
            (int64_t)(script_check_address(L, o.space, 1) - script_check_address(L, o.space, 2));
        const struct eg_obj first = o.kind == EG_K_PTR ? eg_deref(o) : o;

        luaL_argcheck(L, first.size, 1, "its type has no size");
        lua_pushinteger(L, diff / (int64_t)first.size);
    } else {
        script_push_cursor(L, eg_index(o, -(uint64_t)luaL_checkinteger(L, 2)));
    }
    return 1;
}

void script_add_metatable(lua_State *L, const luaL_Reg *functions, const char *name,
                          const char *key)
{
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void script_add_cursor(lua_State *L)
{
    static const luaL_Reg cursor[] = {
        { "__index", index_ },
        { "__newindex", script_read_only },
        { "__tostring", tostring_ },
        { "__concat", concat },
        { "__len", length },
        { "__eq", equal },
        { "__lt", less },
        { "__le", less_or_equal },
        { "__add", add },
        { "__sub", subtract },
        { "__mul", arithmetic },
        { "__div", arithmetic },
        { "__idiv", arithmetic },
        { "__mod", arithmetic },
        { "__pow", arithmetic },
        { "__unm", arithmetic },
        { "__band", arithmetic },
        { "__bor", arithmetic },
        { "__bxor", arithmetic },
        { "__bnot", arithmetic },
        { "__shl", arithmetic },
        { "__shr", arithmetic },
        { "__call", call },
        { NULL, NULL },
    };

    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    script_add_metatable(L, cursor, "cursor", &cursor_key);
}
