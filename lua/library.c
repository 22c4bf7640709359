/* library.c - where scripts are found: in the library, and in folders. */
#include "library.h"
#include "bind.h"
#include "plugin.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE_MAX_OF_A_SCRIPT = 1 << 20, PIECE = 1024 };

int eg_lua_add_own(struct eg_error *e)
{
    return script_library[0].name ? eg_lua_add_files(script_library, e) : 0;
}

static int is_script(const struct dirent *d)
{
    const size_t n = strlen(d->d_name);

    return n > 4 && !strcmp(d->d_name + n - 4, ".lua");
}

/** The text of a file; @flags: more of open()'s. To be freed. */
static int read_file(const char *path, int flags, char **out, size_t *len, struct eg_error *e)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags); // a pipe would wait
    FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
    struct stat st;
    char *text = NULL;
    int rc = 0;

    if (!f || fstat(fd, &st) != 0)
        rc = eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > SIZE_MAX_OF_A_SCRIPT)
        rc = eg_fail(e, EG_EUSAGE, "%s: is no file of at most 1 MiB", path);
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

static int add_file(const char *dir, const char *path, struct eg_error *e)
{
    struct script_file files[] = { { .name = path, .folder = dir }, { 0 } };
    char *text;
    int rc = read_file(path, 0, &text, &files->len, e);

    if (rc)
        return rc;
    files->text = text;
    rc = eg_lua_add_files(files, e);
    if (rc)
        free(text);
    return EG_MIN(rc, 0);
}

int eg_lua_add_folder(const char *dir, void (*bad)(void *context, const struct eg_error *why),
                      void *context, struct eg_error *e)
{
    struct dirent **found;
    int n = scandir(dir, &found, is_script, alphasort), rc = 0;

    if (n < 0)
        return eg_fail(e, EG_EIO, "%s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[4096];

        if (!rc &&
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, found[i]->d_name) >= sizeof path)
            rc = eg_fail(e, EG_EUSAGE, "%s/%s: the path is too long", dir, found[i]->d_name);
        if (!rc)
            rc = add_file(dir, path, e);
        if (rc && bad) {
            bad(context, e);
            rc = 0;
        }
        free(found[i]);
    }
    free(found);
    return rc;
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
    script_charge(L, PIECE); // a compiler's work may grow with the square of a text
    t->p += *len;
    t->left -= *len;
    return *len ? p : NULL;
}

int script_load(lua_State *L, const char *text, size_t len, const char *chunk)
{
    struct text t = { text, len };

    script_skip_head(&t.p, &t.left);
    // Source text only: bytecode is not checked by Lua, and can do anything.
    return lua_load(L, next_piece, &t, chunk, "t");
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

/** require("name"): what NAME.lua of the plugin's own folder returns, run once. Upvalue: those that
 * were; false while one is on its way. */
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
            return luaL_error(L, "require: %s.lua wants itself", name);
        return 1;
    }
    if (!s->folder)
        return luaL_error(L, "require: this script is in no folder of its own");
    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_-")])
        return luaL_error(L, "require: the name of a file in the plugin's own folder is wanted, "
                             "without .lua");
    path = lua_pushfstring(L, "@%s/%s.lua", s->folder, name);
    free(s->text); // of one that was left in the middle
    s->text = NULL;
    if (read_file(path + 1, O_NOFOLLOW, &s->text, &len, &e))
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
    if (!lua_toboolean(L, -1)) { // nothing was returned
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
