/* load.c - compiles source text, charging for the work; load(), and require() from the plugin's own
 * folder. */
#include "load.h"
#include "parts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE_MAX_OF_A_SCRIPT = 1 << 20, PIECE = 1024 };

int script_read_file(const char *path, int flags, char **out, size_t *len, struct eg_error *e)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags); // do not block on a pipe
    FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
    struct stat st;
    char *text = NULL;
    int rc = 0;

    if (!f || fstat(fd, &st) != 0)
        rc = eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > SIZE_MAX_OF_A_SCRIPT)
        rc = eg_fail(e, EG_EUSAGE, "%s: not a regular file, or larger than 1 MiB", path);
    else if (!(text = malloc((size_t)st.st_size + 1)))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    else if (fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        rc = eg_fail(e, EG_EIO, "%s: cannot be read", path);
    if (f)
        fclose(f);
    else if (fd >= 0)
        close(fd);
    if (rc) {
        free(text);
        return rc;
    }
    *out = text;
    *len = (size_t)st.st_size;
    return 0;
}

/* ---- compiling ---- */

struct text {
    const char *p;
    size_t left;
};

static const char *next_piece(lua_State *L, void *context, size_t *len)
{
    struct text *t = context;
    const char *p = t->p;

    *len = EG_MIN(t->left, (size_t)PIECE);
    script_charge(L, PIECE); // compile time may be quadratic
    t->p += *len;
    t->left -= *len;
    return *len ? p : NULL;
}

/** Skip a byte order mark and a `#!…` line before the source. */
static void skip_head(const char **text, size_t *len)
{
    const char *end = *text;

    if (*len >= 3 && !memcmp(*text, "\xef\xbb\xbf", 3))
        end += 3;
    if (end < *text + *len && *end == '#')
        while (end < *text + *len && *end != '\n')
            end++;
    *len -= (size_t)(end - *text);
    *text = end;
}

int script_load(lua_State *L, const char *text, size_t len, const char *chunk)
{
    struct text t = { text, len };

    skip_head(&t.p, &t.left);
    // Source text only: Lua does not verify bytecode, which could corrupt memory.
    return lua_load(L, next_piece, &t, chunk, "t");
}

int script_check(const char *name, const char *text, size_t len, struct eg_error *e)
{
    lua_State *L = luaL_newstate();
    char chunk[512];
    int rc = 0;

    if (!L)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    snprintf(chunk, sizeof chunk, "@%s", name);
    skip_head(&text, &len);
    if (luaL_loadbufferx(L, text, len, chunk, "t") != LUA_OK)
        rc = eg_fail(e, EG_EFORMAT, "%s", lua_tostring(L, -1));
    lua_close(L);
    return rc;
}

int script_load_text(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len), *name = luaL_optstring(L, 2, "=(load)");
    const bool has_env = !lua_isnone(L, 4);
    const int status = script_load(L, text, len, name);

    script_pass_on(L, status);
    if (status != LUA_OK) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_env) {
        lua_pushvalue(L, 4);
        lua_setupvalue(L, -2, 1);
    }
    return 1;
}

/* ---- require ---- */

/** require("name"): the value that NAME.lua in the plugin's own folder returns; it runs once.
 * Upvalue: the values by name, false while the file is running and after an error in it. */
static int require(lua_State *L)
{
    struct script *s = script_of(L);
    const char *name = luaL_checkstring(L, 1), *path;
    struct eg_error e;
    size_t len;
    int status;

    lua_settop(L, 1);
    if (lua_getfield(L, lua_upvalueindex(1), name) != LUA_TNIL) {
        if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
            return luaL_error(L, "require: %s.lua requires itself, or failed before", name);
        return 1;
    }
    if (!s->folder)
        return luaL_error(L, "require: this script has no folder");
    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_-")])
        return luaL_error(L, "require: name of a file in the plugin's folder expected, without "
                             ".lua");
    path = lua_pushfstring(L, "@%s/%s.lua", s->folder, name);
    free(s->text); // of a require() that an error interrupted
    s->text = NULL;
    if (script_read_file(path + 1, O_NOFOLLOW, &s->text, &len, &e))
        return luaL_error(L, "require: %s", e.text);
    status = script_load(L, s->text, len, path);
    free(s->text);
    s->text = NULL;
    if (status != LUA_OK)
        return lua_error(L);
    lua_pushboolean(L, 0);
    lua_setfield(L, lua_upvalueindex(1), name);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (!lua_toboolean(L, -1)) { // the file returned nothing
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(1), name);
    return 1;
}

void script_add_require(lua_State *L)
{
    lua_newtable(L);
    lua_pushcclosure(L, require, 1);
    lua_setglobal(L, "require");
}
