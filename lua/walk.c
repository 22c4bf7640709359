/* walk.c - iterators for `for … in`: lists, trees, index structures and registered walkers; and the
 * registered functions. */
#include "cursor.h"
#include "parts.h"
#include "reference.h"
#include "space.h"

enum walk_kind { WALK_LIST, WALK_HLIST, WALK_RB, WALK_XA, WALK_MAPLE, WALK_NAMED };

/** The state of a walk. */
struct walk {
    enum walk_kind kind;
    uint32_t moment;    /**< script.moment when it began */
    struct eg_obj type; /**< the type of an index's entries; kind 0: none was given */
    union {
        struct eg_list_walk list;
        struct eg_hlist_walk hlist;
        struct eg_rb_walk rb;
        struct eg_index_walk index;
        struct eg_walking named;
    };
};

/** Push an entry of an index structure: its index, the value as a cursor or integer, the last
 * index. */
static int push_entry(lua_State *L, const struct walk *w, const struct eg_entry *e)
{
    lua_pushinteger(L, (lua_Integer)e->index);
    if (w->type.kind && !(e->value & 1)) {
        struct eg_obj o = w->type;

        o.addr = e->value;
        script_push_cursor(L, o);
    } else {
        lua_pushinteger(L, (lua_Integer)e->value);
    }
    lua_pushinteger(L, (lua_Integer)e->last);
    return 3;
}

/** Push a cell that a function or walker gave; a boolean is an integer in C. */
static void push_cell(lua_State *L, const struct eg_cell *cell, bool is_boolean)
{
    struct eg_run *r = script_of(L)->run;

    switch (cell->tag) {
    case EG_CELL_INT:
    case EG_CELL_UINT:
        if (is_boolean)
            lua_pushboolean(L, cell->i != 0);
        else
            lua_pushinteger(L, cell->i);
        break;
    case EG_CELL_TEXT:
    case EG_CELL_BYTES:
        lua_pushlstring(L, cell->bytes.p, cell->bytes.len);
        break;
    case EG_CELL_OBJ:
        script_push_value(L, cell->obj);
        break;
    case EG_CELL_BAD:
        script_push_cursor(L, (struct eg_obj){ .view = eg_view_of(r),
                                               .space = eg_kernel(r),
                                               .bind = eg_binding_of(r),
                                               .why = (uint8_t)cell->why,
                                               .addr = cell->u });
        break;
    default:
        lua_pushnil(L);
    }
}

/** Push the next values of a walker. */
static int next_values(lua_State *L, struct eg_walking *w)
{
    const unsigned n = eg_walker_values(w->walker);
    struct eg_cell cells[EG_WALKER_VALUES];

    if (!eg_walk_next_values(w, cells)) {
        script_check_run(L);
        return 0;
    }
    for (unsigned i = 0; i < n; i++)
        push_cell(L, &cells[i], false);
    return (int)n;
}

static int next(lua_State *L)
{
    struct walk *w = lua_touserdata(L, lua_upvalueindex(1));
    struct eg_entry entry;
    struct eg_obj o;
    bool more = false;

    script_charge(L, 10);
    if (w->moment != script_of(L)->moment)
        return luaL_error(L, "this walk began at an earlier event, and the machine has run on");
    switch (w->kind) {
    case WALK_LIST:
        more = eg_list_next_(&w->list, &o);
        break;
    case WALK_HLIST:
        more = eg_hlist_next_(&w->hlist, &o);
        break;
    case WALK_RB:
        more = eg_rb_next_(&w->rb, &o);
        break;
    case WALK_NAMED:
        if (w->named.walker && w->named.walker->next_values)
            return next_values(L, &w->named);
        more = eg_walk_next(&w->named, &o);
        break;
    case WALK_XA:
        return eg_xa_next(&w->index, &entry) ? push_entry(L, w, &entry) : 0;
    case WALK_MAPLE:
        return eg_maple_next(&w->index, &entry) ? push_entry(L, w, &entry) : 0;
    }
    if (!more) {
        script_check_run(L);
        return 0;
    }
    script_push_value(L, o);
    return 1;
}

/** Push a new walk. */
static struct walk *new_walk(lua_State *L, enum walk_kind kind)
{
    struct walk *w = lua_newuserdatauv(L, sizeof *w, 0);

    memset(w, 0, sizeof *w);
    w->kind = kind;
    w->moment = script_of(L)->moment;
    return w;
}

/** Push the iterator: a closure over the walk and the strings at 2 and 3 that it borrows. */
static int iterate(lua_State *L)
{
    script_check_run(L);
    lua_insert(L, 1);
    lua_settop(L, 4);
    lua_pushcclosure(L, next, 4);
    return 1;
}

/** The names at 2 and 3 as a link. */
static struct eg_link link_of(lua_State *L)
{
    const struct eg_slot type = script_check_type(L, 2);
    const struct eg_link link = { luaL_checkstring(L, 2), luaL_checkstring(L, 3),
                                  script_check_member(L, type.type, 3) };

    return link;
}

/** eg.list(head, "task_struct", "tasks") */
static int list(lua_State *L)
{
    const struct eg_obj head = *script_check_cursor(L, 1);
    const struct eg_link link = link_of(L);

    new_walk(L, WALK_LIST)->list = eg_list_begin(head, &link);
    return iterate(L);
}

static int hlist(lua_State *L)
{
    const struct eg_obj head = *script_check_cursor(L, 1);
    const struct eg_link link = link_of(L);

    new_walk(L, WALK_HLIST)->hlist = eg_hlist_begin(head, &link);
    return iterate(L);
}

static int rbtree(lua_State *L)
{
    const struct eg_obj root = *script_check_cursor(L, 1);
    const struct eg_link link = link_of(L);

    new_walk(L, WALK_RB)->rb = eg_rb_begin(root, &link);
    return iterate(L);
}

/** The type of an index's entries, if argument 2 names one. */
static struct eg_obj entry_type(lua_State *L, struct eg_obj root)
{
    struct eg_slot slot;

    if (lua_isnoneornil(L, 2))
        return (struct eg_obj){ 0 };
    slot = script_check_type(L, 2);
    root.type = slot.type;
    root.kind = slot.kind;
    root.size = slot.size;
    root.shift = root.bits = 0;
    return root;
}

/** Walk the entries of the index structure at 1. */
static int index_walk(lua_State *L, enum walk_kind kind,
                      struct eg_index_walk (*begin)(struct eg_obj root))
{
    const struct eg_obj root = *script_check_cursor(L, 1), type = entry_type(L, root);
    struct walk *w = new_walk(L, kind);

    w->type = type;
    w->index = begin(root);
    return iterate(L);
}

/** `for index, entry, last in eg.xarray(root [, type])`; also of radix trees and idrs. */
static int xarray(lua_State *L)
{
    return index_walk(L, WALK_XA, eg_xa_begin);
}

static int maple(lua_State *L)
{
    return index_walk(L, WALK_MAPLE, eg_maple_begin);
}

static int next_bit(lua_State *L)
{
    const struct eg_obj *bitmap = script_check_cursor(L, lua_upvalueindex(1));
    const uint64_t limit = (uint64_t)lua_tointeger(L, lua_upvalueindex(2));
    const uint64_t bit =
        eg_next_bit(*bitmap, (uint64_t)lua_tointeger(L, lua_upvalueindex(3)), limit);

    script_charge(L, 10);
    if (bit >= limit)
        return 0;
    lua_pushinteger(L, (lua_Integer)bit + 1);
    lua_replace(L, lua_upvalueindex(3));
    lua_pushinteger(L, (lua_Integer)bit);
    return 1;
}

/** `for bit in eg.bits(bitmap, limit)` */
static int bits(lua_State *L)
{
    script_check_cursor(L, 1);
    luaL_checkinteger(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_bit, 3);
    return 1;
}

/** linux.percpu(variable, cpu): the element with this number, or nil. */
static int one_of(lua_State *L, const struct eg_walker *w, struct eg_obj arg)
{
    const lua_Integer number = luaL_checkinteger(L, 2);
    struct eg_obj o;
    bool found;

    script_charge(L, 10);
    if (arg.why) {
        script_push_cursor(L, arg);
        return 1;
    }
    found = number >= 0 && w->at(script_of(L)->run, arg, (uint64_t)number, &o);
    script_check_run(L);
    if (found)
        script_push_value(L, o);
    else
        lua_pushnil(L);
    return 1;
}

/** linux.tasks(k), linux.vmas(task.mm): call a registered walker, the record in the upvalue. */
static int named(lua_State *L)
{
    const struct eg_walker_reg *reg = lua_touserdata(L, lua_upvalueindex(1));
    struct script *s = script_of(L);
    struct eg_obj arg = { .view = eg_view_of(s->run),
                          .space = eg_kernel(s->run),
                          .bind = eg_binding_of(s->run),
                          .why = EG_NULL };
    struct eg_walking walking;

    if (reg->walker->arg)
        arg = *script_check_cursor(L, 1);
    else
        script_check_space(L, 1); // without it, `for task in linux.tasks do` would loop forever
    walking = eg_walk(s->run, reg->name, arg);
    if (walking.walker && walking.walker->at && !lua_isnoneornil(L, 2))
        return one_of(L, walking.walker, arg);
    new_walk(L, WALK_NAMED)->named = walking;
    return iterate(L);
}

/** linux.path(file.f_path): call a registered function, whose record is in the upvalue. */
static int call(lua_State *L)
{
    const struct eg_function *f = lua_touserdata(L, lua_upvalueindex(1));
    struct script *s = script_of(L);
    struct eg_obj args[EG_FUNCTION_ARGS] = { { 0 } };
    unsigned min, max, n;
    struct eg_cell cell;

    script_charge(L, 10);
    if (f->os && !(s->run->sys->os && !strcmp(s->run->sys->os->name, f->os)))
        return luaL_error(L, "this system is not %s", f->os);
    eg_function_args(f, &min, &max);
    n = EG_MIN((unsigned)lua_gettop(L), EG_MIN(max, (unsigned)countof(args)));
    while (n > min && lua_isnil(L, (int)n))
        n--;
    for (unsigned i = 0; i < n; i++)
        args[i] = *script_check_cursor(L, (int)i + 1);
    if (n < min)
        return luaL_error(L, "the arguments are (%s)", f->args);
    cell = eg_function_call(s->run, f, args, n);
    script_check_run(L);
    push_cell(L, &cell, !strcmp(eg_function_returns(f), "boolean"));
    return 1;
}

/** Push the global table of an operating system's functions; it is created if missing. */
static void push_os(lua_State *L, const char *os)
{
    os = eg_lua_table(os);
    if (lua_getglobal(L, os) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setglobal(L, os);
}

void script_add_walk(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "bits", bits },     { "hlist", hlist },   { "list", list }, { "maple", maple },
        { "rbtree", rbtree }, { "xarray", xarray }, { NULL, NULL },
    };
    const struct eg_walker_reg *reg;
    const struct eg_function_reg *fn;
    const struct eg_constants_reg *c;

    luaL_setfuncs(L, functions, 0);
    for (size_t i = 0; (reg = eg_walker_nth(i)); i++) {
        push_os(L, reg->walker->os);
        lua_pushlightuserdata(L, (void *)reg);
        lua_pushcclosure(L, named, 1);
        lua_setfield(L, -2, reg->name);
        lua_pop(L, 1);
    }
    for (size_t i = 0; (fn = eg_function_nth(i)); i++) {
        push_os(L, fn->function->os);
        lua_pushlightuserdata(L, (void *)fn->function);
        lua_pushcclosure(L, call, 1);
        lua_setfield(L, -2, fn->name);
        lua_pop(L, 1);
    }
    for (size_t i = 0; (c = eg_constants_nth(i)); i++) {
        push_os(L, c->constants->os);
        lua_newtable(L);
        for (const struct eg_constant *one = c->constants->list; one->name; one++) {
            lua_pushinteger(L, (lua_Integer)one->value);
            lua_setfield(L, -2, one->name);
        }
        lua_setfield(L, -2, c->name);
        lua_pop(L, 1);
    }
}
