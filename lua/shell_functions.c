/* shell_functions.c - functions that only the shell has: dt, hexdump, dis, what, and plugins as
 * functions. */
#include "../core/search.h"
#include "rows.h"
#include "shell_own.h"
#include <inttypes.h>

enum { BYTES = 256, BYTES_MAX = 1 << 24, INSTRUCTIONS = 16, INSTRUCTIONS_MAX = 1 << 20 };

/** End the line; the error itself was already reported. The run continues. */
static int failed(lua_State *L, struct eg_shell *s, const char *what)
{
    s->run->status = 0;
    return luaL_error(L, "%s: failed", what);
}

/** Read the arguments `[space,] place` and remove the space, so that the place is at 1. The default
 * space is the cursor's own, or the kernel's. */
static struct eg_space *space_and_place(lua_State *L, struct eg_shell *s, uint64_t *addr)
{
    struct eg_space *as = eg_kernel(s->run);
    const struct eg_obj *o = script_is_cursor(L, 1);

    luaL_checkany(L, 1);
    if (o) {
        as = o->space;
    } else if (lua_isuserdata(L, 1)) {
        as = script_check_space(L, 1);
        lua_remove(L, 1);
    }
    *addr = script_check_address(L, as, 1);
    return as;
}

static uint64_t count(lua_State *L, int at, uint64_t usual, uint64_t max)
{
    const lua_Integer n = luaL_optinteger(L, at, (lua_Integer)usual);

    luaL_argcheck(L, n > 0 && (uint64_t)n <= max, at, "out of range");
    return (uint64_t)n;
}

/* ---- dt ---- */

/** Look a type up; types of modules are loaded on the first miss. */
static struct eg_slot type_named(lua_State *L, struct eg_shell *s, int at)
{
    const struct eg_binding *b = eg_binding_of(s->run);
    const struct eg_os *os = s->sys->os;
    struct eg_slot slot;

    eg_types_parse(b->types, &b->model, luaL_checkstring(L, at), &slot);
    if (!slot.kind && os && os->module_types)
        os->module_types(s->sys, NULL, NULL);
    return script_check_type(L, at);
}

static int dt_object(lua_State *L, struct eg_shell *s, struct eg_obj o, int depth_at)
{
    const uint64_t depth = count(L, depth_at, UINT32_MAX, UINT32_MAX);
    char type[256];

    if (o.kind == EG_K_PTR && o.type)
        o = eg_deref(o);
    if (o.why)
        return luaL_error(L, "%s", (script_push_cursor(L, o), luaL_tolstring(L, -1, NULL)));
    eg_type_declare(o.bind->types, o.type, NULL, type, sizeof type);
    if (s->ops->object(s->context, s->run, o, type, type, (unsigned)depth))
        return failed(L, s, "dt");
    return 0;
}

/** dt("task_struct"), dt(task [, depth]), dt("task_struct", place [, depth]) */
static int dt(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    const struct eg_obj *o = script_is_cursor(L, 1), *at = script_is_cursor(L, 2);
    struct eg_space *as;
    struct eg_slot slot;

    if (o)
        return dt_object(L, s, *o, 2);
    slot = type_named(L, s, 1);
    if (lua_isnoneornil(L, 2)) {
        s->ops->type(s->context, slot.type);
        return 0;
    }
    as = at ? at->space : eg_kernel(s->run);
    return dt_object(L, s,
                     (struct eg_obj){ .view = eg_view_of(s->run),
                                      .space = as,
                                      .bind = eg_binding_of(s->run),
                                      .addr = script_check_address(L, as, 2),
                                      .type = slot.type,
                                      .size = slot.size,
                                      .kind = slot.kind },
                     3);
}

/* ---- bytes, code, owners ---- */

static int hexdump(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    const struct eg_obj *o = script_is_cursor(L, 1);
    const bool sized = o && !o->why && o->kind != EG_K_PTR && o->size;
    const uint64_t usual = sized ? EG_MIN(o->size, (uint32_t)BYTES_MAX) : BYTES;
    uint64_t at;
    struct eg_space *as = space_and_place(L, s, &at);

    if (s->ops->bytes(s->context, s->run, as, at, count(L, 2, usual, BYTES_MAX)))
        return failed(L, s, "hexdump");
    return 0;
}

static int dis(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    uint64_t at;
    struct eg_space *as = space_and_place(L, s, &at);

    if (s->ops->code(s->context, s->run, as, at, count(L, 2, INSTRUCTIONS, INSTRUCTIONS_MAX)))
        return failed(L, s, "dis");
    return 0;
}

static int run_plugin(lua_State *L, struct eg_shell *s, const struct eg_plugin_reg *p,
                      const struct eg_given_arg *args, size_t n)
{
    if (s->ops->plugin(s->context, p, args, n))
        return failed(L, s, p->name);
    return 0;
}

/** what(place): run the plugin whatis on a kernel or physical address. */
static int what(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    const struct eg_plugin_reg *p = eg_plugin_find("whatis");
    uint64_t at;
    struct eg_space *as = space_and_place(L, s, &at);
    const bool physical = as != eg_kernel(s->run);
    char text[24];
    const struct eg_given_arg args[] = { { "at", text }, { "physical", NULL } };

    if (physical && !eg_translate(eg_view_of(s->run), as, at, eg_physical(s->run), &at))
        return luaL_error(L, "this address is not mapped");
    snprintf(text, sizeof text, "%#" PRIx64, at);
    return p ? run_plugin(L, s, p, args, physical ? 2 : 1) : luaL_error(L, "no plugin whatis");
}

/* ---- plugins ---- */

enum { ARGS_MAX = 64 };

/** pslist{pid = 1}, regex{pattern = "…"}; the record is the second upvalue. */
static int plugin(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    struct eg_given_arg args[ARGS_MAX];
    size_t n;

    lua_settop(L, 1);
    lua_newtable(L);
    n = script_read_args(L, 1, 2, args, ARGS_MAX);
    return run_plugin(L, s, lua_touserdata(L, lua_upvalueindex(2)), args, n);
}

static int quit(lua_State *L)
{
    shell_of(L)->ended = true;
    script_leave(L, SCRIPT_STOPPED);
}

/* ---- all ---- */

static const struct shell_function functions[] = {
    { { "help", "name?: string|function", "", "list all functions and plugins, or describe one" },
      shell_help },
    { { "dt", "what: string|cursor, at?: place, depth?: integer", "",
        "dt(\"task_struct\") shows a type; dt(task) or dt(\"task_struct\", address) shows an "
        "object "
        "with its values; dt(task, 1) omits the members of nested structs" },
      dt },
    { { "hexdump", "as?: space, at: place, length?: integer", "",
        "show bytes; by default all bytes of a cursor, 256 elsewhere" },
      hexdump },
    { { "dis", "as?: space, at: place, n?: integer", "", "show instructions" }, dis },
    { { "what", "as?: space, at: place", "",
        "the owner of this place: process, file, slab cache, symbol, free page" },
      what },
    { { "ps", "options?: table", "", "the plugin pslist" }, plugin },
    { { "print", "...", "", "print values, with control characters escaped" }, shell_print_ },
    { { "quit", "", "", "end the shell, as Ctrl-D does" }, quit },
    { { NULL, NULL, NULL, NULL }, NULL },
};

/** Add a plugin as a global function, unless the name is taken. */
static void add_plugin(lua_State *L, struct eg_shell *s, const struct eg_plugin_reg *p,
                       const char *name)
{
    if (lua_getglobal(L, name) == LUA_TNIL) {
        lua_pushlightuserdata(L, s);
        lua_pushlightuserdata(L, (void *)p);
        lua_pushcclosure(L, plugin, 2);
        lua_setglobal(L, name);
    }
    lua_pop(L, 1);
}

void shell_add_functions(lua_State *L, struct eg_shell *s)
{
    const struct eg_plugin_reg *p = eg_plugin_find("pslist");

    s->functions = functions;
    for (size_t i = 0; functions[i].function; i++) {
        lua_pushlightuserdata(L, s);
        lua_pushlightuserdata(L, (void *)p);
        lua_pushcclosure(L, functions[i].function, 2);
        lua_setglobal(L, functions[i].is.name);
    }
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        add_plugin(L, s, p, p->name);
}
