/* call.c - calls of a script from outside, and what is told of its errors. */
#include "call.h"
#include "load.h"
#include "slips.h"
#include "text.h"

enum { FRAMES_MAX = 16 };

/** The message handler: where the script's own calls came from becomes notes. */
static int on_error(lua_State *L)
{
    struct script *s = script_of(L);
    const char *text = lua_tostring(L, 1);
    lua_Debug at;

    if (!text) { // error({}): no text of its own
        script_push_string(L, 1);
        lua_replace(L, 1);
    }
    for (int level = 1, n = 0; s->run && n < FRAMES_MAX && lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sln", &at);
        if (at.currentline < 0)
            continue;
        if (n++) // the innermost is in the message
            eg_note(s->run, "called from %s:%d%s%s", at.short_src, at.currentline,
                    at.name ? ", in " : "", at.name ? at.name : "");
    }
    script_explain(L);
    lua_settop(L, 1);
    return 1;
}

/** The message on top, which is taken, as an error of ours. */
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
    said = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without a text";
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
