/* shell.c - runs the lines of the shell. One run and one Lua state last from line to line; when the
 * run fails, both are replaced. */
#include "call.h"
#include "load.h"
#include "sandbox.h"
#include "shell_own.h"
#include <stdlib.h>

#define RETURN "return "
enum { ROOM = 16 << 20 };

static const struct script_limits limits = { .memory = 512 << 20,
                                             .steps = UINT64_C(200000000000),
                                             .seconds = 600,
                                             .output = UINT64_C(4) << 30 };

/* ---- life ---- */

static int set_up(lua_State *L)
{
    struct eg_shell *s = lua_touserdata(L, 1);

    script_push_space(L, eg_kernel(s->run));
    lua_setglobal(L, "k");
    shell_make_show(L, s);
    shell_add_functions(L, s);
    return 0;
}

static int begin(struct eg_shell *s, struct eg_error *e)
{
    int rc = eg_run_open(&s->run, s->sys, &s->options, e);

    if (rc)
        return rc;
    s->script = script_open(s->run, &limits);
    if (!s->script)
        return eg_fail(e, EG_ENOMEM, "shell: out of memory");
    lua_pushcfunction(s->script->L, set_up);
    lua_pushlightuserdata(s->script->L, s);
    return script_call(s->script, 1, 0, e);
}

static void end(struct eg_shell *s)
{
    script_close(s->script);
    eg_run_close(s->run);
    s->script = NULL;
    s->run = NULL;
}

int eg_shell_open(struct eg_shell **out, struct eg_system *sys, const struct eg_run_options *o,
                  const struct eg_shell_ops *ops, void *context, struct eg_error *e)
{
    struct eg_shell *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return eg_fail(e, EG_ENOMEM, "shell: out of memory");
    *s = (struct eg_shell){ .sys = sys, .options = *o, .ops = ops, .context = context };
    rc = begin(s, e);
    if (rc)
        eg_shell_close(s);
    else {
        shell_list_entries(s);
        *out = s;
    }
    return rc;
}

void eg_shell_close(struct eg_shell *s)
{
    if (!s)
        return;
    end(s);
    eg_vec_fini(&s->entries);
    eg_arena_fini(&s->arena);
    free(s);
}

/* ---- one line ---- */

struct line {
    struct eg_shell *shell;
    const char *name, *text;
    size_t len;
    char *expression; /**< RETURN and the text; NULL: do not print values */
    bool came_back;   /**< false if a longjmp skipped the end */
    enum eg_shell_answer answer;
    struct eg_error error;
};

/** Does the message on top say that the text ended too early? */
static bool is_incomplete(lua_State *L)
{
    static const char eof[] = "<eof>";
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);

    return text && len >= sizeof eof - 1 && !strcmp(text + len - (sizeof eof - 1), eof);
}

/** Push the text as a function: compiled as an expression or, if that fails, as statements. */
static int compile(lua_State *L, struct line *l)
{
    char chunk[512];
    int status = LUA_ERRSYNTAX;

    snprintf(chunk, sizeof chunk, "@%s", l->name);
    if (l->expression) {
        status = script_load(L, l->expression, strlen(RETURN) + l->len, chunk);
        if (status != LUA_OK)
            lua_pop(L, 1);
    }
    if (status != LUA_OK)
        status = script_load(L, l->text, l->len, chunk);
    if (status == LUA_OK)
        return 0;
    if (status == LUA_ERRSYNTAX && l->expression && is_incomplete(L)) {
        l->answer = EG_SHELL_MORE;
        return -EG_EFORMAT;
    }
    return eg_fail(&l->error, status == LUA_ERRMEM ? EG_ENOMEM : EG_EFORMAT, "%s",
                   lua_tostring(L, -1));
}

static int do_line(struct eg_run *r, void *context)
{
    struct line *l = context;
    struct script *s = l->shell->script;
    int rc;

    (void)r;
    script_renew(s);
    l->answer = EG_SHELL_FAILED;
    rc = compile(s->L, l);
    if (!rc)
        rc = script_call(s, 0, LUA_MULTRET, &l->error);
    if (!rc && l->expression && lua_gettop(s->L)) {
        shell_push_show(s->L);
        lua_insert(s->L, 1);
        rc = script_call(s, lua_gettop(s->L) - 1, 0, &l->error);
    }
    lua_settop(s->L, 0);
    if (!rc)
        l->answer = EG_SHELL_OK;
    l->came_back = true;
    return 0;
}

static void tell_notes(struct eg_shell *s)
{
    for (size_t i = 0; i < s->run->notes.n; i++)
        s->ops->note(s->context, s->run->notes.at[i].text);
    s->run->notes.n = s->run->n_lost_notes = 0;
}

static int take_room(lua_State *L)
{
    lua_newuserdatauv(L, ROOM, 0);
    return 0;
}

/** After a line used up the memory: is there enough for the next one, or do variables keep it in
 * use? */
static bool has_room(struct script *s)
{
    bool has;

    script_renew(s);
    lua_pushcfunction(s->L, take_room);
    has = lua_pcall(s->L, 0, 0, 0) == LUA_OK;
    lua_settop(s->L, 0);
    return has;
}

/** Replace a run that cannot continue: memory is full, or an allocation failed inside C. */
static enum eg_shell_answer start_again(struct eg_shell *s, const char *why)
{
    struct eg_error e;

    s->ops->error(s->context, why);
    tell_notes(s);
    end(s);
    if (begin(s, &e)) {
        s->ops->error(s->context, e.text);
        return EG_SHELL_QUIT;
    }
    s->ops->error(s->context, "the shell was restarted: its variables are lost");
    return EG_SHELL_FAILED;
}

enum eg_shell_answer eg_shell_do(struct eg_shell *s, const char *name, const char *text, size_t len,
                                 bool typed)
{
    struct line l = { .shell = s, .name = name, .text = text, .len = len };

    if (typed && (l.expression = malloc(strlen(RETURN) + len + 1))) {
        memcpy(l.expression, RETURN, strlen(RETURN));
        memcpy(l.expression + strlen(RETURN), text, len);
    }
    if (typed && !l.expression) {
        s->ops->error(s->context, "out of memory");
        return EG_SHELL_FAILED;
    }
    eg_run_do(s->run, do_line, &l);
    free(l.expression);
    if (!l.came_back)
        return start_again(s, s->run->error);
    // Errors that did not abort the run affect this line only.
    s->run->status = 0;
    if (s->ended)
        l.answer = EG_SHELL_QUIT;
    else if (s->script->end == SCRIPT_NO_MEMORY && !has_room(s->script))
        return start_again(s, l.error.text);
    else if (l.answer == EG_SHELL_FAILED)
        s->ops->error(s->context, l.error.text);
    tell_notes(s);
    return l.answer;
}
