/* shell_show.c - prints values in the shell: each on one line, except nested tables. */
#include "../core/table.h"
#include "shell_own.h"
#include <inttypes.h>

/* Of one table; of one value with all tables in it, which may be in each other; levels. */
enum { ELEMENTS_MAX = 200, ALL_MAX = 2000, DEPTH_MAX = 4 };

static const char show_key_;

static void show(lua_State *L, struct eg_shell *s, int at, unsigned depth);

/** Print text with control characters escaped. */
static void say_text(lua_State *L, struct eg_shell *s, const char *text, size_t len)
{
    char small[256], *safe = small;
    size_t size = eg_escape(NULL, 0, text, len) + 1;

    script_charge(L, len / 16);
    if (size > sizeof small)
        safe = lua_newuserdatauv(L, size, 0);
    s->ops->print(s->context, safe, eg_escape(safe, size, text, len));
    if (safe != small)
        lua_pop(L, 1);
}

static void show_text(lua_State *L, struct eg_shell *s, int at)
{
    size_t len;
    const char *text = lua_tolstring(L, at, &len);

    say_text(L, s, text, len);
}

int shell_print_(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    const int n = lua_gettop(L);

    for (int i = 1; i <= n; i++) {
        size_t len, part;
        const char *text = (script_push_string(L, i), lua_tolstring(L, -1, &len));

        // Newlines and tabs are kept, so that a script can format its output.
        for (; len; text += part, len -= part) {
            for (part = 0; part < len && text[part] != '\n' && text[part] != '\t';)
                part++;
            if (part)
                say_text(L, s, text, part);
            else
                s->ops->print(s->context, text, part = 1);
        }
        lua_pop(L, 1);
        s->ops->print(s->context, i < n ? "\t" : "\n", 1);
    }
    if (!n)
        s->ops->print(s->context, "\n", 1);
    return 0;
}

/** Print in decimal, and large numbers in hexadecimal too. */
static void show_integer(struct eg_shell *s, lua_Integer i)
{
    if (i >= -0xffff && i <= 0xffff)
        shell_say(s, "%" PRId64, (int64_t)i);
    else
        shell_say(s, "%" PRId64 " (%#" PRIx64 ")", (int64_t)i, (uint64_t)i);
}

/** The key of an entry: name = or [1] =. */
static void show_key(lua_State *L, struct eg_shell *s, int at, unsigned depth)
{
    const char *name = lua_type(L, at) == LUA_TSTRING ? lua_tostring(L, at) : NULL;

    if (name && *name && (*name < '0' || *name > '9') &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
            lua_rawlen(L, at)) {
        show_text(L, s, at);
    } else {
        shell_say(s, "[");
        show(L, s, at, depth);
        shell_say(s, "]");
    }
    shell_say(s, " = ");
}

/** Print a table in the order of pairs(). */
static void show_table(lua_State *L, struct eg_shell *s, int at, unsigned depth)
{
    const char *between = depth ? ", " : ",\n  ";
    lua_Integer n = 0;

    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, at);
    lua_call(L, 1, 2);
    for (lua_pushnil(L);; lua_pop(L, 1)) {
        const int top = lua_gettop(L); // the iterator, the table, the key

        lua_pushvalue(L, top - 2);
        lua_pushvalue(L, top - 1);
        lua_pushvalue(L, top);
        lua_call(L, 2, 2);
        lua_remove(L, top);
        if (lua_isnil(L, top))
            break;
        if (n++ == ELEMENTS_MAX || s->shown++ >= ALL_MAX) {
            shell_say(s, "%s…", n > 1 ? between : "{ ");
            break;
        }
        shell_say(s, "%s", n > 1 ? between : depth ? "{ " : "{\n  ");
        if (!lua_isinteger(L, top) || lua_tointeger(L, top) != n)
            show_key(L, s, top, depth + 1);
        show(L, s, top + 1, depth + 1);
        script_charge(L, 100);
    }
    shell_say(s, n ? depth ? " }" : "\n}" : "{}");
}

static void show(lua_State *L, struct eg_shell *s, int at, unsigned depth)
{
    struct shell_entry e;
    const int top = lua_gettop(L);

    luaL_checkstack(L, 12, NULL);
    switch (lua_type(L, at)) {
    case LUA_TNUMBER:
        if (lua_isinteger(L, at)) {
            show_integer(s, lua_tointeger(L, at));
            return;
        }
        break;
    case LUA_TSTRING:
        shell_say(s, "\"");
        show_text(L, s, at);
        shell_say(s, "\"");
        return;
    case LUA_TFUNCTION:
        if (shell_entry_of(s, L, at, &e))
            shell_say_entry(s, &e);
        else
            shell_say(s, "a function");
        return;
    case LUA_TTABLE:
        if (luaL_getmetafield(L, at, "__tostring") != LUA_TNIL)
            break;
        if (depth >= DEPTH_MAX)
            shell_say(s, "{…}");
        else
            show_table(L, s, at, depth);
        lua_settop(L, top);
        return;
    default:
        break;
    }
    script_push_string(L, at);
    show_text(L, s, -1);
    lua_settop(L, top);
}

static int show_all(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    const int n = lua_gettop(L);

    for (int i = 1; i <= n; i++) {
        s->shown = 0;
        show(L, s, i, 0);
        shell_say(s, i < n ? "\t" : "\n");
    }
    return 0;
}

void shell_make_show(lua_State *L, struct eg_shell *s)
{
    lua_pushlightuserdata(L, s);
    lua_getglobal(L, "pairs");
    lua_pushcclosure(L, show_all, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &show_key_);
}

void shell_push_show(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &show_key_);
}
