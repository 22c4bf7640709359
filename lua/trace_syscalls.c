/* trace_syscalls.c - system calls of the guest, for scripts of a trace: on_syscall. They come from
 * QEMU's plugin alone (live/events_ring.h), with the registers that the kernel saved at its entry.
 *
 *  A call is told when it leaves, with what it was given when it entered; one that never leaves
 * (exit) when it enters. Where the door is not synchronous the guest has gone on since: what the
 * record has is right, and what a handler reads from memory may be of a later moment. */
#include "../live/events_ring.h"
#include "../live/ring_linux.h"
#include "../live/syscalls.h"
#include "trace_own.h"
#include <inttypes.h>
#include <stdlib.h>

enum { PENDING = 4096, HANDLERS_MAX = 64 };

/* A call that was entered. @seen.texts are in @text. */
struct pending {
    uint64_t task;
    struct syscall_seen seen;
    char text[RING_TEXTS][RING_TEXT_MAX + 4];
};
struct trace_syscalls {
    struct eg_run *run; /**< for as long as the trace: of the table of calls */
    struct syscalls *table;
    struct ring_linux os;
    struct {
        int function;
        bool all;
        uint64_t of[2][RING_CALLS / 64];
    } handlers[HANDLERS_MAX];
    unsigned n_handlers;
    struct pending *pending;         /**< PENDING of them, by the task's address */
    const struct syscall *call;      /**< the one that is told now; NULL: it has no name */
    const struct syscall_seen *seen; /**< NULL: none */
    struct syscall_seen now;
    bool has_value;
    char number_name[24];
};

/* ---- the table ---- */

static int open_table(struct eg_run *r, void *context)
{
    struct trace_syscalls *s = context;

    s->table = live_syscalls_open(r);
    return live_ring_linux(r, &s->os) ? 0 : -1;
}

static int need_table(struct eg_trace *t, struct eg_error *e)
{
    struct trace_syscalls *s = t->syscalls;
    int rc;

    if (s)
        return 0;
    s = t->syscalls = calloc(1, sizeof *s);
    if (!s)
        return eg_fail(e, EG_ENOMEM, "out of memory for system calls");
    rc = eg_run_open(&s->run, t->sys, &t->options, e);
    if (rc)
        return rc;
    rc = eg_run_do(s->run, open_table, s);
    return rc ? eg_fail(e, EG_EUNSUP, "%s", s->run->error) : 0;
}

/* ---- what a script asks for ---- */

static void want(lua_State *L, const struct trace_syscalls *s, const char *name,
                 uint64_t of[2][RING_CALLS / 64])
{
    bool found = false;

    for (unsigned kind = 0; kind < 2; kind++) {
        const int n = live_syscalls_number(s->table, kind, name);

        if (n >= 0)
            of[kind][n / 64] |= UINT64_C(1) << n % 64;
        found |= n >= 0;
    }
    if (!found)
        luaL_error(L, "on_syscall: no system call has the name '%s'", name);
}

/** on_syscall(handler), on_syscall("openat", handler), on_syscall({ "open", "openat" }, handler) */
static int on_syscall(lua_State *L)
{
    struct eg_trace *t = trace_of(L);
    const int handler = lua_gettop(L) > 1 ? 2 : 1;
    struct trace_syscalls *s;
    struct eg_error e;
    unsigned i;

    luaL_checktype(L, handler, LUA_TFUNCTION);
    if (t->begun)
        return luaL_error(L,
                          "on_syscall: all events are asked for before the machine runs: not in a "
                          "handler");
    if (!events_is_ring(t->from))
        return luaL_error(L,
                          "on_syscall: this door has no system calls: ring:FILE of QEMU's plugin "
                          "has them; on_call(\"do_sys_openat2\", …) catches one function");
    script_charge(L, 1000000);
    if (need_table(t, &e))
        return luaL_error(L, "on_syscall: %s", e.text);
    s = t->syscalls;
    if (s->n_handlers == HANDLERS_MAX)
        return luaL_error(L, "on_syscall: more than %d handlers", HANDLERS_MAX);
    i = s->n_handlers;
    s->handlers[i].all = handler == 1;
    memset(s->handlers[i].of, 0, sizeof s->handlers[i].of);
    if (handler == 2 && lua_istable(L, 1)) {
        for (lua_Integer k = 1; k <= (lua_Integer)lua_rawlen(L, 1); k++) {
            lua_rawgeti(L, 1, k);
            want(L, s, luaL_checkstring(L, -1), s->handlers[i].of);
            lua_pop(L, 1);
        }
    } else if (handler == 2) {
        want(L, s, luaL_checkstring(L, 1), s->handlers[i].of);
    }
    lua_pushvalue(L, handler);
    s->handlers[i].function = luaL_ref(L, LUA_REGISTRYINDEX);
    s->n_handlers++;
    return 0;
}

void trace_add_syscalls(lua_State *L, struct eg_trace *t)
{
    lua_pushlightuserdata(L, t);
    lua_pushcclosure(L, on_syscall, 1);
    lua_setglobal(L, "on_syscall");
}

bool trace_wants_syscalls(const struct eg_trace *t)
{
    return t->syscalls && t->syscalls->n_handlers;
}

/* ---- the door ---- */

static int find_gates(struct eg_run *r, void *context)
{
    struct {
        struct ring_gate *gates;
        unsigned n;
    } *found = context;

    found->n = live_ring_gates(r, found->gates);
    return 0;
}

/* Where the guest's memory is in the file that the image is, if it is one. Else only the plugin was
 * told of a file, which is RAM from its beginning on: AArch64's machines have other things before.
 */
static void tell_memory(struct eg_trace *t)
{
    const char *told = t->from->ops->file(t->from);
    struct eg_image *img = t->sys->image;
    struct ring_range ranges[RING_RANGES];
    struct eg_view *v = eg_view_of(t->syscalls->run);
    uint64_t from = 0;
    struct eg_extent x;
    unsigned n = 0;

    if (!img->on_disk || !img->n_files || (told && strcmp(told, img->path) != 0)) {
        if (eg_next_mapped(v, img->phys, 0, img->phys->last, &x) && x.start)
            events_ring_memory(
                t->from, "", &(struct ring_range){ x.start, img->phys->last - x.start + 1, 0 }, 1);
        return;
    }
    while (eg_next_mapped(v, img->phys, from, img->phys->last, &x)) {
        uint64_t at;

        if (!eg_translate(v, img->phys, x.start, img->files[0], &at))
            return;
        if (n && ranges[n - 1].start - ranges[n - 1].at == x.start - at)
            ranges[n - 1].len = x.last + 1 - ranges[n - 1].start;
        else if (n == RING_RANGES)
            return;
        else
            ranges[n++] = (struct ring_range){ x.start, x.last - x.start + 1, at };
        if (x.last >= img->phys->last)
            break;
        from = x.last + 1;
    }
    events_ring_memory(t->from, img->path, ranges, n);
}

int trace_ring_begin(struct eg_trace *t, struct eg_error *e)
{
    static const uint64_t none[2][RING_CALLS / 64];
    uint8_t texts[2][RING_CALLS] = { { 0 } };
    uint64_t calls[2][RING_CALLS / 64] = { { 0 } };
    struct trace_syscalls *s;
    struct ring_gate gates[RING_GATES];
    struct {
        struct ring_gate *gates;
        unsigned n;
    } found = { gates, 0 };
    int rc;

    if (!events_is_ring(t->from))
        return 0;
    rc = need_table(t, e);
    if (rc)
        return rc;
    s = t->syscalls;
    live_syscalls_texts(s->table, texts);
    tell_memory(t);
    events_ring_os(t->from, &s->os, (const uint8_t(*)[RING_CALLS])texts);
    if (!s->n_handlers) {
        events_ring_calls(t->from, none);
        return 0;
    }
    for (unsigned i = 0; i < s->n_handlers; i++)
        for (unsigned k = 0; k < 2 * RING_CALLS / 64; k++)
            (&calls[0][0])[k] |= s->handlers[i].all ? UINT64_MAX : (&s->handlers[i].of[0][0])[k];
    events_ring_calls(t->from, (const uint64_t(*)[RING_CALLS / 64]) calls);
    s->pending = calloc(PENDING, sizeof *s->pending);
    if (!s->pending || eg_run_do(s->run, find_gates, &found) || !found.n)
        return eg_fail(e, EG_EUNSUP, "where this kernel enters system calls is not known");
    for (unsigned i = 0; i < found.n && !rc; i++) {
        const struct event_point p = { .kind = gates[i].leaves ? EVENT_SYSRET : EVENT_SYSCALL,
                                       .address = gates[i].address,
                                       .len = gates[i].bits };

        rc = trace_catch(t, &p, (struct trace_point){ TRACE_SYSCALL, i, NULL }, e);
    }
    return rc;
}

void trace_ring_wait(struct eg_trace *t)
{
    enum { WAIT_MS = 3000, OWN_MEMORY_API = 4 };
    const struct ring_head *head;

    if (!events_is_ring(t->from))
        return;
    head = events_ring_head(t->from);
    if (!events_ring_ready(t->from, WAIT_MS))
        eg_note(
            t->run,
            "no processor of the guest has run for %d s, and the points are not yet in use: does "
            "it stand still?",
            WAIT_MS / 1000);
    else if (head->memory != 1 && head->api < OWN_MEMORY_API)
        eg_note(
            t->run,
            "the plugin cannot read the guest's memory%s: no tasks and no system calls are told. "
            "QEMU has to share it (memory-backend-file, share=on), and memory=FILE of the plugin, "
            "or --image FILE, has to name it",
            head->memory ? ", whose file cannot be mapped" : "");
}

void trace_syscalls_close(struct eg_trace *t)
{
    if (!t->syscalls)
        return;
    eg_run_close(t->syscalls->run);
    free(t->syscalls->pending);
    free(t->syscalls);
    t->syscalls = NULL;
}

/* ---- an event ---- */

static struct pending *place_of(const struct trace_syscalls *s, uint64_t task)
{
    return &s->pending[(task * UINT64_C(0x9e3779b97f4a7c15) >> 40) % PENDING];
}

static void remember(const struct trace_syscalls *s, const struct ring_record *n,
                     const struct syscall_seen *seen)
{
    struct pending *p = place_of(s, n->task);

    p->task = n->task;
    p->seen = *seen;
    for (unsigned i = 0; i < RING_TEXTS; i++) {
        const unsigned arg = n->text_arg[i];

        if (n->texts >> i & 1 && seen->texts[arg]) {
            snprintf(p->text[i], sizeof p->text[i], "%s", seen->texts[arg]);
            p->seen.texts[arg] = p->text[i];
        }
    }
}

static bool never_leaves(const struct syscall *c)
{
    return c && c->name &&
           (!strcmp(c->name, "exit") || !strcmp(c->name, "exit_group") ||
            !strcmp(c->name, "rt_sigreturn") || !strcmp(c->name, "sigreturn"));
}

static bool wanted_by(const struct trace_syscalls *s, unsigned i)
{
    const int64_t n = s->seen->number;

    return s->handlers[i].all ||
           (n >= 0 && n < RING_CALLS && s->handlers[i].of[s->seen->kind][n / 64] >> n % 64 & 1);
}

void trace_syscall_decode(struct eg_trace *t, const struct event *ev, bool *tell)
{
    struct trace_syscalls *s = t->syscalls;
    const struct ring_record *n = events_ring_record(t->from);
    struct syscall_seen *seen = &s->now;
    struct pending *p;

    *tell = false;
    s->seen = NULL;
    if (!s->pending || !live_syscall_of_record(t->run, &s->os, n, seen))
        return;
    s->call = seen->number >= 0 && seen->number < RING_CALLS
                  ? &s->table->of[seen->kind][seen->number]
                  : NULL;
    if (ev->kind == EVENT_SYSCALL && !never_leaves(s->call)) {
        remember(s, n, seen);
        return;
    }
    s->has_value = ev->kind == EVENT_SYSRET;
    p = place_of(s, n->task);
    if (s->has_value && p->task == n->task) {
        // A signal's handler that has ended has put back the registers of another moment.
        const int64_t value = seen->value;

        *seen = p->seen;
        seen->value = seen->kind ? (int32_t)value : value;
        s->call = seen->number >= 0 && seen->number < RING_CALLS
                      ? &s->table->of[seen->kind][seen->number]
                      : NULL;
        p->task = 0;
    } else if (s->has_value && seen->number < 0) {
        return; // a signal's handler that has ended
    }
    if (!s->call || !s->call->name)
        snprintf(s->number_name, sizeof s->number_name, "syscall_%" PRId64, seen->number);
    s->seen = seen;
    *tell = true;
}

/* The next handler from *@i on that wants the call which was decoded. */
bool trace_syscall_handler(const struct eg_trace *t, unsigned *i, int *function)
{
    const struct trace_syscalls *s = t->syscalls;

    for (; s->seen && *i < s->n_handlers; ++*i)
        if (wanted_by(s, *i)) {
            *function = s->handlers[(*i)++].function;
            return true;
        }
    return false;
}

/* ---- what a handler is told ---- */

static const char *name_of(const struct trace_syscalls *s)
{
    return s->call && s->call->name ? s->call->name : s->number_name;
}

/* call.args: values by number and by name, and all of them as text. */
static int args_text(lua_State *L)
{
    lua_getfield(L, 1, "text");
    return 1;
}

static void push_args(lua_State *L, struct eg_trace *t)
{
    static const struct syscall nothing = { .name = "" };
    const struct trace_syscalls *s = t->syscalls;
    const struct syscall *c = s->call ? s->call : &nothing;
    const unsigned n = c->source ? c->n : SYSCALL_ARGS;

    lua_createtable(L, (int)n, (int)n + 1);
    for (unsigned i = 0; i < n; i++) {
        const uint64_t v = s->seen->args[i];
        const struct syscall_arg *a = i < c->n ? &c->args[i] : NULL;

        if (s->seen->texts[i])
            lua_pushstring(L, s->seen->texts[i]);
        else if (a && a->bits == 32)
            lua_pushinteger(L, a->is_signed ? (lua_Integer)(int32_t)v : (lua_Integer)(uint32_t)v);
        else
            lua_pushinteger(L, (lua_Integer)v);
        if (a && a->name) {
            lua_pushvalue(L, -1);
            lua_setfield(L, -3, a->name);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushstring(L, live_syscall_args_text(t->run, c, s->seen));
    lua_setfield(L, -2, "text");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, args_text);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
}

bool trace_push_syscall_fact(lua_State *L, struct eg_trace *t, const char *name)
{
    const struct trace_syscalls *s = t->syscalls;
    const struct ring_record *n = events_ring_record(t->from);

    if (!strcmp(name, "name"))
        lua_pushstring(L, name_of(s));
    else if (!strcmp(name, "args"))
        push_args(L, t);
    else if (!strcmp(name, "nr"))
        lua_pushinteger(L, s->seen->number);
    else if (!strcmp(name, "bits"))
        lua_pushinteger(L, s->seen->kind ? 32 : 64);
    else if (!strcmp(name, "value") && s->has_value)
        lua_pushinteger(L, s->seen->value);
    else if (!strcmp(name, "value"))
        lua_pushnil(L);
    else if (!strcmp(name, "result") && s->has_value)
        lua_pushstring(L, live_syscall_value_text(t->run, s->seen->value));
    else if (!strcmp(name, "result"))
        lua_pushliteral(L, "");
    else if (!strcmp(name, "pid") && n->task)
        lua_pushinteger(L, n->tgid);
    else if (!strcmp(name, "tid") && n->task)
        lua_pushinteger(L, n->pid);
    else if (!strcmp(name, "comm") && n->task)
        lua_pushstring(L, n->comm);
    else
        return false;
    return true;
}
