/* trace_user.c - functions of programs and libraries, for scripts of a trace: on_user_call,
 * on_user_return.
 *
 *  A function is a place in a file. Each process that maps the file has it at an address, and one
 * point of the door is at each address, whichever processes have it there (those that were forked
 * have the same ones): whose call it was is seen at the event, by what that process has mapped
 * there. Three functions of the kernel say when processes begin to map a file, are forked and end;
 * they wait for an answer at every door, so that no call comes before its point. */
#include "trace_user.h"
#include "../core/arch.h"
#include "../live/events_ring.h"
#include "cursor.h"
#include "space.h"
#include <stdlib.h>

enum {
    SAME_MAX = 8, /**< functions that are asked for at one place in a file */
    TEXT_MAX = 4096,
    NAME_MAX_ = 256,
};

/** What the kernel does to the memory of processes: index of a TRACE_HOOK. */
enum { MAPS, FORKS, ENDS, HOOKS };
static const char *const hooks[HOOKS][2] = {
    [MAPS] = { "uprobe_mmap", "perf_event_mmap" }, // of files; of anything
    [FORKS] = { "wake_up_new_task", NULL },
    [ENDS] = { "exit_mmap", NULL },
};

/* ---- beginning ---- */

bool trace_wants_user(const struct eg_trace *t)
{
    return t->user && t->user->n_requests;
}

static int catch_hooks(struct eg_trace *t, void *context, struct eg_error *e)
{
    int rc = 0;

    (void)context;
    for (uint32_t h = 0; h < HOOKS && !rc; h++) {
        struct event_point p = { .kind = EVENT_CALL, .waits = true };
        struct tracee_function at;
        size_t n = 0;

        for (unsigned i = 0; i < countof(hooks[h]) && !n && hooks[h][i]; i++)
            n = tracee_functions(t->run, hooks[h][i], &at, 1);
        if (!n)
            return eg_fail(e, EG_EUNSUP,
                           "on_user_call: this kernel has no function '%s', which says what "
                           "processes do",
                           hooks[h][0]);
        p.address = at.address;
        rc = trace_catch(t, &p, (struct trace_point){ TRACE_HOOK, h, NULL }, e);
    }
    return rc;
}

int trace_user_hooks(struct eg_trace *t, struct eg_error *e)
{
    return trace_wants_user(t) ? trace_inside(t, catch_hooks, NULL, e) : 0;
}

static int look_at_all(struct eg_trace *t, void *context, struct eg_error *e)
{
    const int rc = trace_user_all(t, e);

    (void)context;
    for (unsigned i = 0; i < t->user->n_requests && !rc; i++)
        if (!t->user->requests[i].met)
            eg_note(t->run, "%s!%s: no process maps a file that has it, as yet",
                    t->user->requests[i].file, t->user->requests[i].name);
    return rc;
}

int trace_user_begin(struct eg_trace *t, struct eg_error *e)
{
    enum { WAIT_MS = 200 }; // a processor may be held by an event
    int rc = trace_wants_user(t) ? trace_inside(t, look_at_all, NULL, e) : 0;

    if (!rc && trace_wants_user(t) && events_is_ring(t->from))
        (void)events_ring_ready(t->from, WAIT_MS);
    return rc;
}

/* ---- events ---- */

static uint64_t argument(struct eg_trace *t, unsigned i)
{
    const struct tracee_call call = { .state = t->now->state };
    struct tracee_value v;

    tracee_argument(t->run, &call, t->task, 0, i, &v);
    return v.kind == TRACEE_NUMBER ? v.number : 0;
}

static int hooked(struct eg_trace *t, void *context, struct eg_error *e)
{
    const uint64_t first = argument(t, 0);
    struct tracee_code code;
    struct eg_obj vma;

    switch (*(const uint32_t *)context) {
    case MAPS:
        vma = tracee_vma(t->run, first);
        return tracee_code_of(t->run, vma, &code)
                   ? trace_user_maps(t, tracee_mm_of_vma(vma), &code, e)
                   : 0;
    case FORKS:
        trace_user_forked(t, tracee_mm_of_task(t->run, tracee_task(t->run, t->now)),
                          tracee_mm_of_task(t->run, tracee_task_at(t->run, first)));
        return 0;
    default:
        trace_user_ended(t, first);
        return 0;
    }
}

int trace_user_hook(struct eg_trace *t, uint32_t which, struct eg_error *e)
{
    return trace_inside(t, hooked, &which, e);
}

/** Which functions the event is the call of. */
struct met {
    uint64_t address, mm;
    uint32_t file, functions[SAME_MAX];
    unsigned n;
    struct tracee_call *entered;
};

static int look(struct eg_trace *t, void *context, struct eg_error *e)
{
    struct met *m = context;
    struct tracee_code code;
    struct user_file *f;

    (void)e;
    t->task = tracee_task(t->run, t->now);
    m->mm = tracee_mm_of_task(t->run, t->task);
    // An event of a point whose number has another one now.
    if (t->now->address != m->address || !tracee_code_at(t->run, m->mm, m->address, &code) ||
        !tracee_executes(t->run, m->mm, t->now) || !(f = trace_user_file(t, &code)))
        return 0;
    m->file = (uint32_t)(f - t->user->files.at);
    for (uint32_t i = 0; i < f->functions.n && m->n < SAME_MAX; i++)
        if (f->functions.at[i].offset == m->address - code.first + code.offset)
            m->functions[m->n++] = i;
    if (m->n)
        tracee_enter_user(t->run, t->now, t->task, m->entered);
    return 0;
}

int trace_user_called(struct eg_trace *t, uint32_t place, struct eg_error *e)
{
    struct tracee_call entered;
    struct met m = { .address = t->user->places.at[place].address, .entered = &entered };
    int rc = trace_inside(t, look, &m, e);
    const struct user_file *f = rc || !m.n ? NULL : &t->user->files.at[m.file];

    if (!f)
        return rc;
    t->call = &entered;
    t->in_file = f->path;
    for (unsigned k = 0; k < m.n && !rc; k++) {
        struct user_function *fn = &f->functions.at[m.functions[k]];
        const struct user_request *q = &t->user->requests[fn->request];

        fn->target.address = m.address;
        t->target = &fn->target;
        for (unsigned i = 0; i < q->n_calls && !rc; i++)
            rc = trace_handler(t, q->calls[i], false, e);
        if (!rc && q->n_returns)
            trace_follow(t, &(struct trace_pending){ .user = true,
                                                     .file = m.file,
                                                     .target = m.functions[k],
                                                     .mm = m.mm,
                                                     .call = entered });
    }
    t->call = NULL;
    t->in_file = NULL;
    return rc;
}

static int look_back(struct eg_trace *t, void *context, struct eg_error *e)
{
    (void)context;
    (void)e;
    t->task = tracee_task(t->run, t->now);
    return 0;
}

int trace_user_returned(struct eg_trace *t, uint32_t id, struct eg_error *e)
{
    const struct trace_pending *p = t->points.at[id].pending;
    const struct user_file *f = &t->user->files.at[p->file];
    struct user_function *fn = &f->functions.at[p->target];
    const struct user_request *q = &t->user->requests[fn->request];
    struct tracee_call entered = p->call;
    int rc = trace_inside(t, look_back, NULL, e);

    // Another process can have the same code and the same stack: one that was forked.
    if (rc || (p->task && !t->task.why && t->task.addr != p->task))
        return rc;
    t->target = &fn->target;
    t->in_file = f->path;
    t->call = &entered;
    for (unsigned i = 0; i < q->n_returns && !rc; i++)
        rc = trace_handler(t, q->returns[i], true, e);
    t->call = NULL;
    t->in_file = NULL;
    trace_drop(t, id);
    return rc;
}

/* ---- what a script asks for, and is told ---- */

static struct user_request *request_for(lua_State *L, struct eg_trace *t, const char *what)
{
    struct trace_user *u = t->user;
    const char *bang = strchr(what, '!');
    struct user_request *new;
    char file[NAME_MAX_];

    luaL_argcheck(L, bang && bang != what && bang[1] && bang - what < (ptrdiff_t)sizeof file, 1,
                  "\"FILE!FUNCTION\" expected, as in \"libc.so.6!open\"; \"*!open\" for any file");
    memcpy(file, what, (size_t)(bang - what));
    file[bang - what] = 0;
    for (unsigned i = 0; i < u->n_requests; i++)
        if (!strcmp(u->requests[i].file, file) && !strcmp(u->requests[i].name, bang + 1))
            return &u->requests[i];
    if (u->n_requests == USER_REQUESTS_MAX)
        luaL_error(L, "more than %d functions of programs", USER_REQUESTS_MAX);
    new = &u->requests[u->n_requests];
    *new = (struct user_request){ .file = eg_arena_strndup(&t->arena, file, strlen(file)),
                                  .name = eg_arena_strndup(&t->arena, bang + 1, strlen(bang + 1)) };
    if (!new->file || !new->name)
        luaL_error(L, "out of memory for names");
    u->n_requests++;
    return new;
}

static void add_handler(lua_State *L, struct eg_trace *t, const char *what, bool returns,
                        int handler)
{
    struct user_request *q = request_for(L, t, what);
    unsigned *n = returns ? &q->n_returns : &q->n_calls;

    if (*n == USER_HANDLERS_MAX)
        luaL_error(L, "%s: more than %d handlers", what, USER_HANDLERS_MAX);
    (returns ? q->returns : q->calls)[(*n)++] = handler;
}

static int on_user(lua_State *L, bool returns)
{
    const char *what = returns ? "on_user_return" : "on_user_call";
    struct eg_trace *t = trace_of(L);
    int handler;

    if (t->begun)
        return luaL_error(
            L, "%s: all events are asked for before the machine runs: not in a handler", what);
    if (strcmp(t->sys->arch->name, "x86_64") != 0 && strcmp(t->sys->arch->name, "aarch64") != 0)
        return luaL_error(L, "%s: of x86-64 and AArch64 guests only", what);
    if (events_is_ring(t->from) && !events_ring_head(t->from)->n_regs)
        return luaL_error(L,
                          "%s: QEMU 7.2 shows its plugins no registers; QEMU 9.0 and newer do, and "
                          "the debugger's port (gdb:…) of any",
                          what);
    if (!t->user && !(t->user = calloc(1, sizeof *t->user)))
        return luaL_error(L, "out of memory for functions");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    handler = luaL_ref(L, LUA_REGISTRYINDEX);
    if (!lua_istable(L, 1)) {
        add_handler(L, t, luaL_checkstring(L, 1), returns, handler);
        return 0;
    }
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 1); i++) {
        if (lua_rawgeti(L, 1, i) != LUA_TSTRING)
            return luaL_argerror(L, 1, "a list of names expected");
        add_handler(L, t, lua_tostring(L, -1), returns, handler);
        lua_pop(L, 1);
    }
    return 0;
}

static int on_user_call(lua_State *L)
{
    return on_user(L, false);
}

static int on_user_return(lua_State *L)
{
    return on_user(L, true);
}

void trace_add_user(lua_State *L, struct eg_trace *t)
{
    lua_pushlightuserdata(L, t);
    lua_pushcclosure(L, on_user_call, 1);
    lua_setglobal(L, "on_user_call");
    lua_pushlightuserdata(L, t);
    lua_pushcclosure(L, on_user_return, 1);
    lua_setglobal(L, "on_user_return");
}

/** call.text(i): the text that argument i points to; nil: it cannot be read. */
static int text(lua_State *L)
{
    struct eg_trace *t = trace_of(L);
    const lua_Integer i = luaL_checkinteger(L, 1);
    struct tracee_value v;
    struct eg_space *space;

    luaL_argcheck(L, t->now && t->call && t->in_file, 1, "no call of a program's function is now");
    if (i < 1 || i > tracee_registers(&t->call->state))
        luaL_error(L, "call.text: arguments 1 to %d are known",
                   (int)tracee_registers(&t->call->state));
    tracee_argument(t->run, t->call, t->task, 0, (unsigned)i - 1, &v);
    space = tracee_user_space(t->run, t->task);
    if (!space || !v.number || !script_push_text(L, space, v.number, TEXT_MAX))
        lua_pushnil(L);
    script_check_run(L);
    return 1;
}

static int no_stack(lua_State *L)
{
    return luaL_error(L, "call.stack() is of the kernel; call.caller is known here");
}

static void push_place(lua_State *L, struct eg_trace *t, uint64_t address)
{
    const char *place = tracee_user_place(t->run, t->task, address);

    if (place)
        lua_pushstring(L, place);
    else
        lua_pushnil(L);
}

bool trace_push_user_fact(lua_State *L, struct eg_trace *t, const char *name)
{
    if (!strcmp(name, "file")) {
        lua_pushstring(L, t->in_file);
    } else if (!strcmp(name, "text")) {
        lua_pushlightuserdata(L, t);
        lua_pushcclosure(L, text, 1);
    } else if (!strcmp(name, "caller")) {
        push_place(L, t, t->call->returns_to);
    } else if (!strcmp(name, "place")) {
        push_place(L, t, t->target->address);
    } else if (!strcmp(name, "stack")) {
        lua_pushcfunction(L, no_stack);
    } else {
        return false;
    }
    return true;
}

void trace_user_close(struct eg_trace *t)
{
    struct trace_user *u = t->user;

    if (!u)
        return;
    for (size_t i = 0; i < u->files.n; i++)
        eg_vec_fini(&u->files.at[i].functions);
    for (size_t i = 0; i < u->processes.n; i++)
        eg_vec_fini(&u->processes.at[i].places);
    eg_vec_fini(&u->files);
    eg_vec_fini(&u->places);
    eg_vec_fini(&u->processes);
    free(u);
    t->user = NULL;
}
