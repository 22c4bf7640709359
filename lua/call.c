/* call.c - protected calls into a script, and its errors as eg_error. */
#include "call.h"
#include "load.h"
#include "slips.h"
#include "text.h"

enum { FRAMES_MAX = 16 };

/** The message handler: turns the script's stack of calls into notes. */
static int on_error(lua_State *L)
{
    struct script *s = script_of(L);
    const char *text = lua_tostring(L, 1);
    lua_Debug at;

    if (!text) { // error({}): not a string
        script_push_string(L, 1);
        lua_replace(L, 1);
    }
    for (int level = 1, n = 0;
         s->run && !s->run->status && n < FRAMES_MAX && lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sln", &at);
        if (at.currentline < 0)
            continue;
        if (n++) // the message has the innermost
            eg_note(s->run, "called from %s:%d%s%s", at.short_src, at.currentline,
                    at.name ? ", in " : "", at.name ? at.name : "");
    }
    script_explain(L);
    lua_settop(L, 1);
    return 1;
}

/** Pop the message on top of the stack into @e. @return the negative error code. */
static int failed(struct script *s, int status, struct eg_error *e)
{
    lua_State *L = s->L;
    const char *said;
    char text[160];
    int code = EG_EFORMAT;

    if (status == LUA_ERRMEM && s->end == SCRIPT_GOES_ON)
        s->end = SCRIPT_NO_MEMORY;
    if (s->end == SCRIPT_NO_MEMORY)
        code = EG_ENOMEM;
    else if (s->end == SCRIPT_STOPPED)
        code = EG_ECANCEL;
    said = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "error without a message";
    if (s->end != SCRIPT_GOES_ON && status != LUA_ERRRUN)
        said = script_end_text(s, text);
    eg_fail(e, code, "%s", said);
    lua_pop(L, 1);
    return -code;
}

int script_call(struct script *s, int n, int results, struct eg_error *e)
{
    const int handler = lua_gettop(s->L) - n;
    int status;

    lua_pushcfunction(s->L, on_error);
    lua_insert(s->L, handler);
    status = lua_pcall(s->L, n, results, handler);
    lua_remove(s->L, handler);
    return status == LUA_OK ? 0 : failed(s, status, e);
}

int script_run(struct script *s, const char *name, const char *text, size_t len, int results,
               struct eg_error *e)
{
    char chunk[512];
    int status;

    snprintf(chunk, sizeof chunk, "@%s", name);
    status = script_load(s->L, text, len, chunk);
    return status == LUA_OK ? script_call(s, 0, results, e) : failed(s, status, e);
}
