/* trace.c - a trace: a door to a machine that runs, a script, and one event after the other.
 *
 * One run and one Lua state last for all of it. Before each event all that was read is forgotten,
 * for the machine has run on; so are walks that a handler began (script.moment). */
#include "trace.h"
#include "../core/cache.h"
#include "../core/parallel.h"
#include "call.h"
#include "plugin.h"
#include "sandbox.h"
#include "space.h"
#include "trace_own.h"
#include <stdlib.h>
#include <time.h>

static const struct script_limits limits = {
    .memory = 256 << 20, .steps = UINT64_C(1000000000), .seconds = 30, .output = UINT64_C(4) << 30
};

static const struct eg_column usual_columns[] = {
    { "TIME", EG_COL_TIME, "when, by the clock of the machine that runs engram" },
    { "CPU", EG_COL_INT, "processor" },
    { "PID", EG_COL_INT, "process" },
    { "COMM", EG_COL_TEXT, "name of its thread" },
    { "EVENT", EG_COL_TEXT, "what happened" },
    { "DETAIL", EG_COL_TEXT, "with what" },
    { NULL, EG_COL_INT, NULL },
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- reaching it ---- */

int eg_trace_new(struct eg_trace **out, struct events *from, struct eg_error *e)
{
    struct eg_trace *t = calloc(1, sizeof *t);

    if (!t) {
        events_close(from);
        return eg_fail(e, EG_ENOMEM, "trace: out of memory");
    }
    t->from = from;
    t->wall = (int64_t)now_ns(CLOCK_REALTIME);
    *out = t;
    return 0;
}

int eg_trace_connect(struct eg_trace **out, const char *where, struct eg_error *e)
{
    struct events *from;
    int rc = events_open(&from, where, e);

    return rc ? rc : eg_trace_new(out, from, e);
}

/* The door's space is the door's: an image closes what it has. */
static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    eg_extent_over(v, as->below, addr, out);
}

int eg_trace_image(struct eg_trace *t, const char *name, struct eg_image **out, struct eg_error *e)
{
    static const struct eg_space_ops ops = { .name = "memory of the machine", .extent = extent };
    struct eg_image *img = NULL;
    struct eg_space *below;
    int rc = t->from->ops->memory ? t->from->ops->memory(t->from, &below, e)
                                  : eg_fail(e, EG_ENOTFOUND, "it gives no memory");

    if (rc)
        return rc;
    img = calloc(1, sizeof *img);
    if (img) {
        img->path = strdup(name);
        img->phys = calloc(1, sizeof *img->phys);
    }
    if (!img || !img->path || !img->phys) {
        eg_image_close(img);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    }
    *img->phys = (struct eg_space){ .ops = &ops, .below = below, .last = below->last };
    img->file_size = eg_space_size(below);
    snprintf(img->format, sizeof img->format, "a machine that runs (%s)", t->from->ops->name);
    rc = eg_trace_cpus(t, img, e);
    if (rc)
        eg_image_close(img);
    else
        *out = img;
    return rc;
}

const char *eg_trace_file(const struct eg_trace *t)
{
    const char *path = t->from->ops->file ? t->from->ops->file(t->from) : NULL;

    return path && *path == '/' ? path : NULL; // QEMU may be in another folder
}

int eg_trace_cpus(struct eg_trace *t, struct eg_image *img, struct eg_error *e)
{
    img->cpus.n = 0;
    return t->from->ops->cpus ? t->from->ops->cpus(t->from, img, e) : 0;
}

int eg_trace_let(struct eg_trace *t, int ms, struct eg_error *e)
{
    struct event ev;
    int rc = t->from->ops->next(t->from, &ev, ms, e);

    if (rc >= 0 && t->from->ops->stand)
        rc = t->from->ops->stand(t->from, e);
    return EG_MIN(rc, 0);
}

/* ---- the script ---- */

static int set_up(lua_State *L)
{
    struct eg_trace *t = lua_touserdata(L, 1);

    trace_add_call(L, t);
    trace_add_functions(L, t);
    trace_add_syscalls(L, t);
    trace_add_user(L, t);
    return 0;
}

/** After the script has run: its columns. */
static int take_columns(lua_State *L)
{
    struct eg_trace *t = lua_touserdata(L, 1);

    t->plugin.columns = usual_columns;
    if (lua_getglobal(L, "columns") != LUA_TNIL) {
        luaL_argexpected(L, lua_istable(L, -1), 1,
                         "columns = { {\"NAME\", \"kind\", \"help\"}, … }");
        t->plugin.columns = script_read_columns(L, &t->arena);
    }
    lua_pop(L, 1);
    trace_add_row(L, t);
    return 0;
}

static void tell_notes(struct eg_trace *t)
{
    for (size_t i = 0; i < t->run->notes.n && t->ops; i++)
        t->ops->note(t->context, t->run->notes.at[i].text);
    t->run->notes.n = t->run->n_lost_notes = 0;
}

/** Something that is done inside of the run, which a failed allocation leaves by longjmp. */
struct doing {
    struct eg_trace *trace;
    int (*fn)(struct eg_trace *t, void *context, struct eg_error *e);
    void *context;
    struct eg_error error;
    bool came_back;
};

static int inside(struct eg_run *r, void *context)
{
    struct doing *d = context;
    int rc;

    (void)r;
    rc = d->fn(d->trace, d->context, &d->error);
    d->came_back = true;
    return rc;
}

int trace_inside(struct eg_trace *t,
                 int (*fn)(struct eg_trace *t, void *context, struct eg_error *e), void *context,
                 struct eg_error *e)
{
    struct doing d = { .trace = t, .fn = fn, .context = context };
    int rc;

    script_renew(t->script);
    rc = eg_run_do(t->run, inside, &d);
    if (!d.came_back)
        return eg_fail(e, EG_ENOMEM, "%s", t->run->error);
    if (rc && !*d.error.text)
        eg_fail(&d.error, (enum eg_errno) - rc, "%s", t->run->error);
    t->run->status = 0;
    if (rc && e)
        *e = d.error;
    return rc;
}

static int load(struct eg_trace *t, void *options, struct eg_error *e)
{
    const struct eg_trace_options *o = options;
    lua_State *L = t->script->L;
    int rc;

    lua_pushcfunction(L, set_up);
    lua_pushlightuserdata(L, t);
    rc = script_call(t->script, 1, 0, e);
    if (!rc)
        rc = script_run(t->script, o->name, o->text, o->len, 0, e);
    if (rc)
        return rc;
    lua_pushcfunction(L, take_columns);
    lua_pushlightuserdata(L, t);
    rc = script_call(t->script, 1, 0, e);
    if (!rc && !t->targets.n && !t->writes.n && !t->starts.n && !trace_wants_syscalls(t) &&
        !trace_wants_user(t))
        rc =
            eg_fail(e, EG_EUSAGE, "%s: asks for no event: on_call, on_return or on_write", o->name);
    return rc;
}

/** What r->values and its columns would be in the run of a plugin. */
static int begin_rows(struct eg_trace *t, struct eg_error *e)
{
    size_t n = 0;

    while (t->plugin.columns[n].name)
        n++;
    t->run->values = calloc(n + 1, sizeof *t->run->values);
    if (!t->run->values)
        return eg_fail(e, EG_ENOMEM, "trace: out of memory");
    t->run->columns = t->plugin.columns;
    t->run->n_columns = t->run->processes.own = n;
    t->run->processes.pid = n;
    return 0;
}

/** All that was read is void. */
static void renew(struct eg_trace *t)
{
    tell_notes(t);
    eg_run_renew(t->run);
    eg_view_fini(t->sys->view);
    eg_system_forget(t->sys);
    t->script->moment++;
    t->run->n_rows = 0;
}

int eg_trace_begin(struct eg_trace *t, struct eg_system *sys, const struct eg_trace_options *o,
                   const struct eg_trace_ops *ops, void *context, struct eg_error *e)
{
    struct script_limits own = limits;
    int rc;

    t->sys = sys;
    t->ops = ops;
    t->context = context;
    t->arena.limit = 16 << 20;
    t->options = (struct eg_run_options){
        .quiet = true, .threads = 1, .out_dir = o->out_dir, .replace = o->replace
    };
    t->reg = (struct eg_plugin_reg){ "trace", o->name, &t->plugin };
    own.memory = o->memory ? o->memory : own.memory;
    own.seconds = o->seconds ? o->seconds : own.seconds;
    rc = eg_run_open(&t->run, sys, &t->options, e);
    if (rc)
        return rc;
    t->run->plugin = &t->reg;
    t->plugin.columns = usual_columns;
    t->script = script_open(t->run, &own);
    if (!t->script)
        return eg_fail(e, EG_ENOMEM, "trace: out of memory");
    t->script->plugin = &t->plugin;
    t->script->folder = o->folder;
    rc = trace_inside(t, load, (void *)(uintptr_t)o, e);
    tell_notes(t);
    if (!rc)
        rc = begin_rows(t, e);
    if (!rc)
        rc = trace_ring_begin(t, e);
    if (!rc)
        rc = trace_catch_all(t, e);
    if (!rc)
        trace_ring_wait(t);
    if (!rc && trace_wants_user(t)) {
        renew(t);
        rc = trace_user_begin(t, e);
    }
    tell_notes(t);
    t->begun = true;
    t->counts.functions = t->targets.n;
    t->counts.places = t->writes.n;
    t->counts.programs = trace_wants_user(t);
    t->counts.system_calls = trace_wants_syscalls(t);
    return rc;
}

const struct eg_column *eg_trace_columns(const struct eg_trace *t)
{
    return t->plugin.columns;
}

void eg_trace_sink(struct eg_trace *t, struct eg_sink sink)
{
    t->run->sink = sink;
}

/* ---- events ---- */

/** A handler's error is said once; the machine goes on. @return 0, or that the script must end. */
static int failed(struct eg_trace *t, const struct eg_error *e, int rc)
{
    t->counts.errors++;
    if (rc == -EG_ENOMEM || rc == -EG_ECANCEL)
        return rc;
    for (unsigned i = 0; i < t->n_said; i++)
        if (!strcmp(t->said[i], e->text))
            return 0;
    if (t->n_said < countof(t->said)) {
        const char *kept = eg_arena_strndup(&t->arena, e->text, strlen(e->text));

        if (kept)
            t->said[t->n_said++] = kept;
        t->ops->error(t->context, e->text);
    }
    return 0;
}

/** A function of the script, with the kernel and, at an event, what is told of it. */
static int call_handler(lua_State *L)
{
    struct eg_trace *t = lua_touserdata(L, 1);
    const int reference = (int)lua_tointeger(L, 2);
    const bool returned = lua_toboolean(L, 3);

    lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
    script_push_space(L, eg_kernel(t->run));
    if (t->now)
        trace_push_call(L, t, returned);
    lua_call(L, t->now ? 2 : 1, 0);
    return 0;
}

struct handler {
    int reference;
    bool returned;
};

static int in_handler(struct eg_trace *t, void *context, struct eg_error *e)
{
    const struct handler *h = context;
    lua_State *L = t->script->L;

    lua_pushcfunction(L, call_handler);
    lua_pushlightuserdata(L, t);
    lua_pushinteger(L, h->reference);
    lua_pushboolean(L, h->returned);
    return script_call(t->script, 3, 0, e);
}

int trace_handler(struct eg_trace *t, int reference, bool returned, struct eg_error *e)
{
    struct handler h = { reference, returned };
    struct eg_error why = { 0 };
    int rc = trace_inside(t, in_handler, &h, &why);

    if (rc && (rc = failed(t, &why, rc)) && e)
        *e = why;
    return rc;
}

static int look(struct eg_trace *t, void *entered, struct eg_error *e)
{
    (void)e;
    t->task = tracee_task(t->run, t->now);
    if (entered)
        tracee_enter(t->run, t->now, t->target->wants_stack, entered);
    return 0;
}

static int called(struct eg_trace *t, uint32_t index, struct eg_error *e)
{
    const struct trace_target *at = &t->targets.at[index];
    struct tracee_call entered;
    int rc;

    t->target = at;
    rc = trace_inside(t, look, &entered, e);
    t->call = &entered;
    for (unsigned i = 0; i < at->n_calls && !rc; i++)
        rc = trace_handler(t, at->calls[i], false, e);
    if (!rc && at->n_returns)
        trace_follow(t, &(struct trace_pending){ .target = index, .call = entered });
    t->call = NULL;
    return rc;
}

static int returned(struct eg_trace *t, uint32_t id, struct eg_error *e)
{
    struct trace_pending *p = t->points.at[id].pending;
    struct tracee_call entered = p->call;
    const struct trace_target *at;
    int rc;

    if (p->user)
        return trace_user_returned(t, id, e);
    at = &t->targets.at[p->target];
    rc = trace_inside(t, look, NULL, e);

    // The stack pointer says whose frame it is; the task must be the same.
    if (!rc && p->task && !t->task.why && t->task.addr != p->task)
        t->counts.missed++;
    else
        for (unsigned i = 0; i < at->n_returns && !rc; i++) {
            t->target = at;
            t->call = &entered;
            rc = trace_handler(t, at->returns[i], true, e);
        }
    t->call = NULL;
    trace_drop(t, id);
    return rc;
}

static int decode(struct eg_trace *t, void *tell, struct eg_error *e)
{
    (void)e;
    t->task = tracee_task(t->run, t->now);
    trace_syscall_decode(t, t->now, tell);
    return 0;
}

static int system_call(struct eg_trace *t, struct eg_error *e)
{
    bool tell = false;
    int rc = trace_inside(t, decode, &tell, e), function;

    t->in_syscall = true;
    for (unsigned i = 0; tell && !rc && trace_syscall_handler(t, &i, &function);)
        rc = trace_handler(t, function, true, e);
    t->in_syscall = false;
    return rc;
}

static int handle(struct eg_trace *t, const struct event *ev, struct eg_error *e)
{
    const struct trace_point *p = ev->point < t->points.n ? &t->points.at[ev->point] : NULL;
    int rc = 0;

    if (!p || p->is == TRACE_FREE)
        return 0;
    renew(t);
    tracee_put_state(t->sys->image, ev);
    t->counts.events += p->is != TRACE_HOOK;
    t->now = ev;
    t->task = (struct eg_obj){ .why = EG_NULL };
    switch (p->is) {
    case TRACE_TARGET:
        rc = called(t, p->index, e);
        break;
    case TRACE_WRITE:
        t->write = &t->writes.at[p->index];
        rc = trace_inside(t, look, NULL, e);
        if (!rc)
            rc = trace_handler(t, t->write->handler, false, e);
        break;
    case TRACE_SYSCALL:
        rc = system_call(t, e);
        break;
    case TRACE_USER:
        rc = trace_user_called(t, p->index, e);
        break;
    case TRACE_HOOK:
        rc = trace_user_hook(t, p->index, e);
        break;
    default:
        rc = returned(t, ev->point, e);
    }
    t->now = NULL;
    t->target = NULL;
    t->write = NULL;
    tell_notes(t);
    return rc;
}

int eg_trace_start(struct eg_trace *t, struct eg_error *e)
{
    int rc = 0;

    for (size_t i = 0; i < t->starts.n && !rc; i++)
        rc = trace_handler(t, t->starts.at[i], false, e);
    tell_notes(t);
    return rc;
}

int eg_trace_step(struct eg_trace *t, int ms, struct eg_error *e)
{
    struct event ev;
    uint64_t begun;
    int rc = t->from->ops->next(t->from, &ev, ms, e);

    if (rc < 0)
        t->no_more = true;
    if (rc <= 0)
        return rc;
    if (ev.kind == EVENT_RESET)
        return eg_fail(
            e, EG_EIO,
            "rebooted: the machine was reset, and what is watched is of the boot before");
    begun = now_ns(CLOCK_MONOTONIC);
    rc = handle(t, &ev, e);
    t->counts.ns += now_ns(CLOCK_MONOTONIC) - begun;
    return rc ? rc : 1;
}

bool eg_trace_stopped(const struct eg_trace *t)
{
    return t->stop;
}

void eg_trace_counts(struct eg_trace *t, struct eg_trace_counts *out)
{
    *out = t->counts;
    out->emulated = t->from->emulated;
    out->stood = t->from && t->from->ops->stood ? t->from->ops->stood(t->from) : 0;
    out->lost = t->from && t->from->ops->lost ? t->from->ops->lost(t->from) : 0;
}

/* ---- the end ---- */

void eg_trace_end(struct eg_trace *t)
{
    const int cancelled = eg_cancelled;
    struct eg_error e;

    if (t->run && t->script && t->run->values) {
        if (!t->no_more && t->from->ops->stand && t->from->ops->stand(t->from, &e))
            t->no_more = true;
        renew(t);
        eg_cancelled = 0; // Ctrl-C ends the trace, not what the script has to say then
        for (size_t i = 0; i < t->ends.n && !trace_handler(t, t->ends.at[i], false, &e); i++)
            ;
        eg_cancelled = cancelled;
        tell_notes(t);
    }
    script_close(t->script);
    t->script = NULL;
    if (t->run) {
        free(t->run->values);
        eg_run_close(t->run);
    }
    t->run = NULL;
}

void eg_trace_close(struct eg_trace *t)
{
    if (!t)
        return;
    if (t->run)
        eg_trace_end(t);
    trace_drop_all(t);
    trace_syscalls_close(t);
    trace_user_close(t);
    events_close(t->from);
    eg_vec_fini(&t->targets);
    eg_vec_fini(&t->writes);
    eg_vec_fini(&t->starts);
    eg_vec_fini(&t->ends);
    eg_arena_fini(&t->arena);
    free(t);
}
