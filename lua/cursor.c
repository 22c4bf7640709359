/* cursor.c - typed places as a script sees them. `.name` is always a member of the kernel's type;
 * what can be done with a cursor are functions of eg. Integers and text come out as Lua's own; what
 * cannot be read is a cursor that stays bad. */
#include "bind.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char cursor_key, space_key, names_key;

static struct eg_types *types_of(const struct eg_obj *o)
{
    return o->bind->types;
}

void script_push_cursor(lua_State *L, struct eg_obj o)
{
    struct eg_obj *p = lua_newuserdatauv(L, sizeof *p, 0);

    *p = o;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cursor_key);
    lua_setmetatable(L, -2);
}

static bool has_metatable(lua_State *L, int at, const char *key)
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
    return has_metatable(L, at, &cursor_key) ? lua_touserdata(L, at) : NULL;
}

struct eg_obj *script_check_cursor(lua_State *L, int at)
{
    struct eg_obj *o = script_is_cursor(L, at);

    luaL_argexpected(L, o, at, "cursor");
    return o;
}

/* ---- values ---- */

/** Text of an array of char, up to its NUL. */
static bool push_chars(lua_State *L, const struct eg_obj *o)
{
    const size_t max = EG_MIN(o->size, (uint32_t)(1 << 16));
    luaL_Buffer b;
    char *to;

    if (o->size <= 32) { // comm and the like
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

/** The address that a cursor stands for: of a pointer what it points to, else its own place. */
static bool address_of(struct eg_obj o, uint64_t *out)
{
    if (o.why)
        return false;
    if (o.kind == EG_K_PTR)
        return eg_value(o, out);
    *out = o.addr;
    return true;
}

static const char *why_text(struct eg_obj o, char out[96])
{
    const struct eg_value v = { .tag = EG_V_BAD, .why = (enum eg_why)o.why, .u = o.addr };

    return eg_bad_text(&v, out);
}

/** The cursor, which must be good, for what needs a place. */
static struct eg_obj check_good(lua_State *L, int at)
{
    const struct eg_obj o = *script_check_cursor(L, at);
    char text[96];

    if (o.why)
        luaL_argerror(L, at, why_text(o, text));
    return o;
}

uint64_t script_check_address(lua_State *L, int at)
{
    uint64_t v;

    if (lua_isinteger(L, at))
        return (uint64_t)lua_tointeger(L, at);
    if (!script_is_cursor(L, at))
        luaL_typeerror(L, at, "address (an integer or a cursor)");
    if (!address_of(check_good(L, at), &v))
        luaL_argerror(L, at, "the pointer cannot be read");
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

/** Keep Lua's copy of the string at @at for good: its address is a key. */
static void anchor(lua_State *L, int at)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_pushvalue(L, at);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/** Short strings only are one copy each (Lua 5.4, LUAI_MAXSHORTLEN). */
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

/** @return false: no such member. */
static bool find_member(lua_State *L, const struct eg_obj *o, int at, struct eg_slot *out)
{
    const char *name = lua_tostring(L, at);
    struct eg_member_at m;

    if (!name || !o->type || !eg_type_find(types_of(o), o->type, name, &m))
        return false;
    eg_types_member_slot(types_of(o), &o->bind->model, o->type, &m, out);
    return true;
}

static int no_member(lua_State *L, const struct eg_obj *o, int at)
{
    const char *name = luaL_checkstring(L, at), *type = eg_type_name(types_of(o), o->type), *near;

    if (!o->type || !*type)
        type = "this type";
    near = nearest_member(L, types_of(o), o->type, name);
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
        luaL_error(L, "no type '%s' is known in this image", name);
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
    if (!find_member(L, &o, at, &slot))
        no_member(L, &o, at);
    return slot;
}

/* ---- steps ---- */

static struct eg_obj place(struct eg_obj o, const struct eg_slot *s)
{
    o.type = s->type;
    o.size = s->size;
    o.kind = s->kind;
    o.shift = s->shift;
    o.bits = s->bits;
    return o;
}

/** What eg_step_() does, by a slot of our own. */
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
    return place(o, s);
}

/** cursor.name, cursor[i]. Reached by the virtual machine only: the first argument is a cursor. */
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
        return luaL_error(L, "a cursor is indexed by a member's name or an integer");
    name = lua_tostring(L, 2);
    s = script_of(L);
    c = cached(s, o->type, name);
    if (c->name != name || c->parent != o->type) {
        struct eg_slot slot;

        if ((o->kind != EG_K_STRUCT && o->kind != EG_K_PTR) || !find_member(L, o, 2, &slot))
            return no_member(L, o, 2);
        if (!is_one_copy(L, 2)) {
            script_push_value(L, step(*o, &slot));
            return 1;
        }
        anchor(L, 2);
        *c = (struct script_slot){ name, o->type, slot };
    } else if (o->kind != EG_K_STRUCT && o->kind != EG_K_PTR) {
        return no_member(L, o, 2);
    }
    script_push_value(L, step(*o, &c->slot));
    return 1;
}

static int newindex(lua_State *L)
{
    return luaL_error(L, "an image is never written to");
}

/* ---- cursors as Lua values ---- */

static int tostring_(lua_State *L)
{
    const struct eg_obj o = *script_check_cursor(L, 1);
    char type[256], text[96];
    uint64_t v;

    if (o.why) {
        lua_pushfstring(L, "<%s>", why_text(o, text));
        return 1;
    }
    eg_type_declare(types_of(&o), o.type, NULL, type, sizeof type);
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
    lua_pushinteger(L, (lua_Integer)eg_count(*script_check_cursor(L, 1)));
    return 1;
}

/** Of two that both stand for an address. */
static bool both(lua_State *L, uint64_t *a, uint64_t *b)
{
    const struct eg_obj *x = script_is_cursor(L, 1), *y = script_is_cursor(L, 2);

    return x && y && address_of(*x, a) && address_of(*y, b) && x->space == y->space;
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
                              "a value that could not be read (%s) cannot be compared: eg.ok(x) "
                              "tells, eg.value(x, default) puts another in its place",
                              why_text(*o, text));
    }
    return luaL_error(L, "these cannot be compared: %s and %s", script_push_string(L, 1),
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

/** What is computed with an unreadable value is as unreadable: it is pushed. */
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
    return luaL_error(L, "%s is no number; eg.address(c) is where a cursor is",
                      script_push_string(L, script_is_cursor(L, 1) ? 1 : 2));
}

/** A typical slip: `for x in head do`. */
static int call(lua_State *L)
{
    return luaL_error(L,
                      "%s cannot be called or walked; eg.list(head, \"task_struct\", \"tasks\"), "
                      "linux.tasks(k) and the like give what `for … in` wants",
                      script_push_string(L, 1));
}

/** Pointer arithmetic: p + n is the n-th element behind p. */
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
        const int64_t diff = (int64_t)(script_check_address(L, 1) - script_check_address(L, 2));
        const struct eg_obj first = o.kind == EG_K_PTR ? eg_deref(o) : o;

        luaL_argcheck(L, first.size, 1, "has no size");
        lua_pushinteger(L, diff / (int64_t)first.size);
    } else {
        script_push_cursor(L, eg_index(o, -(uint64_t)luaL_checkinteger(L, 2)));
    }
    return 1;
}

/* ---- functions ---- */

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
        lua_pushstring(L, why_text(*o, text));
    else
        lua_pushnil(L);
    return 1;
}

/** eg.value(x, default): what x is, where it could be read. */
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

    if (lua_isinteger(L, 1))
        lua_settop(L, 1);
    else if (address_of(*script_check_cursor(L, 1), &v))
        lua_pushinteger(L, (lua_Integer)v);
    else
        lua_pushnil(L);
    return 1;
}

/** eg.at(c, "a.b[3]"): always a cursor, even of an integer. */
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

    eg_type_declare(types_of(&o), o.type, NULL, type, sizeof type);
    if (o.kind == EG_K_PTR)
        lua_pushfstring(L, "%s *", o.type ? type : "void");
    else
        lua_pushstring(L, type);
    return 1;
}

/** A place of the type at @type_at in @as. */
static struct eg_obj object(lua_State *L, struct eg_space *as, uint64_t addr, int type_at)
{
    struct script *s = script_of(L);
    const struct eg_slot slot = script_check_type(L, type_at);
    const struct eg_obj o = {
        .view = eg_view_of(s->run), .space = as, .bind = eg_binding_of(s->run), .addr = addr
    };

    return addr ? place(o, &slot) : eg_bad(place(o, &slot), EG_NULL, 0);
}

static int eg_object_at(lua_State *L)
{
    struct eg_space *as = script_check_space(L, 1);

    luaL_checkstring(L, 2);
    script_push_value(L, object(L, as, script_check_address(L, 3), 2));
    return 1;
}

/** eg.cast(c, type): the same place as another type; of a pointer, what it points to. */
static int eg_cast_to(lua_State *L)
{
    const struct eg_obj o = *script_check_cursor(L, 1);
    uint64_t addr;

    if (o.why) {
        lua_settop(L, 1);
        return 1;
    }
    if (!address_of(o, &addr)) {
        script_push_cursor(L, eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr));
        return 1;
    }
    script_push_value(L, object(L, o.space, addr, 2));
    return 1;
}

/** eg.container(c, "task_struct", "tasks"): the struct around a member. */
static int eg_container_of(lua_State *L)
{
    struct eg_obj o = *script_check_cursor(L, 1), type;
    struct eg_slot member;
    uint64_t addr;

    if (o.why) {
        lua_settop(L, 1);
        return 1;
    }
    type = object(L, o.space, 1, 2);
    if (!find_member(L, &type, 3, &member))
        return no_member(L, &type, 3);
    if (!address_of(o, &addr))
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

/** The text at @addr, up to a NUL, @max bytes or a hole, is pushed. @return false: not one byte can
 * be read. */
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

/** eg.string(c [, max]): text of a char array, or of what a char pointer points to. */
static int eg_string_(lua_State *L)
{
    const lua_Integer max = luaL_optinteger(L, 2, 4096);
    struct eg_obj o;
    uint64_t addr;

    if (lua_type(L, 1) == LUA_TSTRING) { // a member that is a char array has come out as that
        lua_settop(L, 1);
        return 1;
    }
    o = *script_check_cursor(L, 1);
    luaL_argcheck(L, max > 0 && max <= 1 << 20, 2, "1 to 1048576");
    if (o.why)
        lua_settop(L, 1);
    else if (!address_of(o, &addr) || !script_push_text(L, o.space, addr, (size_t)max))
        script_push_cursor(L, eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr));
    return 1;
}

/** eg.enum(c): the enumerator's name; nil: it has none. */
static int eg_enum_of(lua_State *L)
{
    const struct eg_obj *o = script_is_cursor(L, 1);
    const char *name = NULL;
    uint64_t v;

    luaL_argcheck(L, o, 1,
                  "a cursor is wanted: members come out as numbers, eg.at(c, \"member\") does not");
    if (!o->why && eg_value(*o, &v))
        name = eg_type_enumerator(types_of(o), o->type, (int64_t)v);
    lua_pushstring(L, name);
    return 1;
}

struct eg_cell script_to_cell(lua_State *L, int at, const struct eg_column *column)
{
    const enum eg_column_kind kind = column->kind;
    const struct eg_obj *o;
    struct eg_cell cell = { 0 };
    lua_Integer whole = 0;
    size_t len;
    uint64_t v;

    switch (lua_type(L, at)) {
    case LUA_TNIL:
        return cell;
    case LUA_TBOOLEAN:
        return eg_int(lua_toboolean(L, at));
    case LUA_TNUMBER:
        if (!lua_isinteger(L, at) && !lua_numbertointeger(floor(lua_tonumber(L, at)), &whole))
            luaL_error(L, "row: %s: %f is no integer of 64 bits", column->name,
                       lua_tonumber(L, at));
        if (!lua_isinteger(L, at))
            return eg_int(whole);
        return kind == EG_COL_ADDR ? eg_uint((uint64_t)lua_tointeger(L, at))
                                   : eg_int(lua_tointeger(L, at));
    case LUA_TSTRING:
        cell.bytes.p = lua_tolstring(L, at, &len);
        cell.bytes.len = len;
        cell.tag = kind == EG_COL_BYTES ? EG_CELL_BYTES : EG_CELL_TEXT;
        return cell;
    default:
        o = script_is_cursor(L, at);
        if (!o)
            luaL_error(L,
                       "row: %s: a cell is an integer, a text, a truth value or a cursor, not a %s",
                       column->name, luaL_typename(L, at));
        if (!o->why && kind == EG_COL_ADDR && address_of(*o, &v))
            return eg_uint(v);
        if (!o->why && (o->kind == EG_K_PTR || o->kind == EG_K_STRUCT ||
                        (o->kind == EG_K_ARRAY && kind != EG_COL_BYTES)))
            luaL_error(L,
                       "row: %s: %s is no value of this kind of column: a member of it is meant, "
                       "or eg.address(c), eg.string(c), tostring(c)",
                       column->name, luaL_tolstring(L, at, NULL));
        return eg_cell_of(*o);
    }
}

/* ---- spaces, and the kernel's symbols ---- */

struct space {
    struct eg_space *as;
    bool symbols; /**< k: k.name is a symbol */
};

void script_push_space(lua_State *L, struct eg_space *as)
{
    struct space *p = lua_newuserdatauv(L, sizeof *p, 0);

    *p = (struct space){ as, as == eg_kernel(script_of(L)->run) };
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
    const bool is = has_metatable(L, at, &space_key);

    luaL_argexpected(L, is, at, "space");
    return ((struct space *)lua_touserdata(L, at))->as;
}

/** The handle of a plugin in C that has already said which type the symbol is of. */
static uint32_t declared_symbol(const struct eg_binding *b, const char *name)
{
    const uint32_t n = eg_handle_count();

    for (uint32_t id = 1; id < n; id++) {
        const struct eg_handle *h = eg_handle(id);

        if (h && h->kind == EG_H_SYMBOL && b->slots[id].kind && !strcmp(h->name, name))
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
    uint64_t addr;

    script_check_space(L, 1);
    if (id) {
        script_push_value(L, eg_sym_(s->run, id));
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
        return luaL_error(L, "what type symbol '%s' has is not known: eg.symbol(k, '%s', 'TYPE')",
                          name, name);
    script_push_value(L, object(L, eg_kernel(s->run), addr, 3));
    return 1;
}

static int space_index(lua_State *L)
{
    const struct space *p = lua_touserdata(L, 1);

    if (!p->symbols)
        return luaL_error(L, "only the kernel's space has symbols");
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
    script_check_space(L, 1);
    lua_pushstring(L, eg_name_of(script_of(L)->run, script_check_address(L, 2)));
    return 1;
}

void script_add_cursor(lua_State *L)
{
    static const luaL_Reg cursor[] = {
        { "__index", index_ },    { "__newindex", newindex }, { "__tostring", tostring_ },
        { "__concat", concat },   { "__len", length },        { "__eq", equal },
        { "__lt", less },         { "__le", less_or_equal },  { "__add", add },
        { "__sub", subtract },    { "__mul", arithmetic },    { "__div", arithmetic },
        { "__idiv", arithmetic }, { "__mod", arithmetic },    { "__pow", arithmetic },
        { "__unm", arithmetic },  { "__band", arithmetic },   { "__bor", arithmetic },
        { "__bxor", arithmetic }, { "__bnot", arithmetic },   { "__shl", arithmetic },
        { "__shr", arithmetic },  { "__call", call },         { NULL, NULL },
    };
    static const luaL_Reg space[] = { { "__index", space_index },
                                      { "__tostring", space_tostring },
                                      { "__newindex", newindex },
                                      { NULL, NULL } };
    static const luaL_Reg functions[] = {
        { "address", eg_address },  { "at", eg_at_ },
        { "cast", eg_cast_to },     { "container", eg_container_of },
        { "deref", eg_deref_ },     { "enum", eg_enum_of },
        { "has", eg_has_ },         { "has_type", eg_has_type_ },
        { "lookup", eg_lookup_ },   { "name", eg_name },
        { "object", eg_object_at }, { "offsetof", eg_offsetof },
        { "ok", eg_ok_ },           { "sizeof", eg_sizeof },
        { "string", eg_string_ },   { "symbol", eg_symbol_ },
        { "type", eg_typeof },      { "value", eg_value_or },
        { "why", eg_why_ },         { NULL, NULL },
    };

    luaL_setfuncs(L, functions, 0);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    for (int i = 0; i < 2; i++) {
        lua_newtable(L);
        luaL_setfuncs(L, i ? space : cursor, 0);
        lua_pushstring(L, i ? "space" : "cursor");
        lua_setfield(L, -2, "__metatable");
        lua_pushstring(L, i ? "space" : "cursor");
        lua_setfield(L, -2, "__name");
        lua_rawsetp(L, LUA_REGISTRYINDEX, i ? &space_key : &cursor_key);
    }
}
