/* trace_test.c - scripts of traces at events that a test plays: what handlers are told, rows,
 * errors, returns, and what must not outlive an event. */
#include "../../../core/arch.h"
#include "../../../live/events.h"
#include "../../../lua/trace.h"
#include "check.h"
#include "mklua.h"
#include <stdio.h>
#include <stdlib.h>

enum { CODE = 0x100, BACK = 0x4444 };

/* ---- events that are played ---- */

struct play {
    struct events events;
    struct mk *k;
    struct event queue[16];
    size_t n, next;
    struct event_point points[64];
    bool used[64];
    unsigned added, removed;
    bool closed, refuses;
};

static int add(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e)
{
    struct play *play = s->priv;

    if (play->refuses)
        return eg_fail(e, EG_EUSAGE, "no more");
    assert_false(play->used[id]);
    play->used[id] = true;
    play->points[id] = *p;
    play->added++;
    return 0;
}

static int remove_(struct events *s, uint32_t id, struct eg_error *e)
{
    struct play *play = s->priv;

    (void)e;
    assert_true(play->used[id]);
    play->used[id] = false;
    play->removed++;
    return 0;
}

static int next(struct events *s, struct event *out, int ms, struct eg_error *e)
{
    struct play *play = s->priv;

    (void)ms;
    if (play->next == play->n)
        return eg_fail(e, EG_ENOTFOUND, "the machine has ended");
    *out = play->queue[play->next++];
    // The point is that which has the event's address.
    for (uint32_t i = 0; i < countof(play->points); i++)
        if (play->used[i] && play->points[i].address == out->address &&
            play->points[i].kind == out->kind)
            out->point = i;
    return 1;
}

static uint64_t lost(struct events *s)
{
    (void)s;
    return 7;
}

static void close_(struct events *s)
{
    ((struct play *)s->priv)->closed = true;
}

static const struct events_ops ops = {
    .name = "play", .add = add, .remove = remove_, .next = next, .lost = lost, .close = close_
};

static struct event *play_event(struct play *p, enum event_kind kind, uint64_t address)
{
    struct event *ev = &p->queue[p->n++];

    *ev =
        (struct event){ .kind = kind, .address = address, .number = p->n - 1, .known = UINT64_MAX };
    ev->state.arch = eg_arch_find("x86_64");
    ev->state.n_regs = 18;
    return ev;
}

/* ---- a session ---- */

struct said {
    char rows[4096], notes[4096], errors[4096];
};

static void add_line(char *to, const char *text)
{
    strncat(to, text, 4095 - strlen(to));
    strncat(to, "\n", 4095 - strlen(to));
}
static void take_error(void *context, const char *text)
{
    add_line(((struct said *)context)->errors, text);
}
static void take_note(void *context, const char *text)
{
    add_line(((struct said *)context)->notes, text);
}
static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct said *s = context;
    char line[512] = "", cell[128];

    (void)depth;
    for (size_t i = 0; i < n; i++) {
        if (v[i].tag == EG_V_TEXT)
            snprintf(cell, sizeof cell, "%.*s", (int)v[i].bytes.len, (const char *)v[i].bytes.p);
        else if (v[i].tag == EG_V_INT || v[i].tag == EG_V_UINT)
            snprintf(cell, sizeof cell, "%lld", (long long)v[i].i);
        else
            snprintf(cell, sizeof cell, "%s", v[i].tag == EG_V_BAD ? "-" : "");
        strcat(strcat(line, i ? "|" : ""), cell);
    }
    add_line(s->rows, line);
}

static const struct eg_trace_ops trace_ops = { .error = take_error, .note = take_note };

/* @return what eg_trace_begin() did; the events are run, and all is closed. */
static int run(struct play *p, const char *script, struct said *said, struct eg_trace_counts *n,
               struct eg_error *e)
{
    const struct eg_trace_options o = {
        .name = "t.lua", .text = script, .len = strlen(script), .seconds = 1
    };
    struct eg_trace *t;
    int rc;

    *said = (struct said){ 0 };
    p->events = (struct events){ &ops, p, false };
    assert_int_equal(eg_trace_new(&t, &p->events, e), 0);
    rc = eg_trace_begin(t, mk_system(p->k), &o, &trace_ops, said, e);
    if (!rc) {
        eg_trace_sink(t, (struct eg_sink){ take_row, said });
        rc = eg_trace_start(t, e);
        while (!rc && !eg_trace_stopped(t)) {
            rc = eg_trace_step(t, 10, e);
            if (rc > 0)
                rc = 0;
        }
        if (rc == -EG_ENOTFOUND || eg_trace_stopped(t))
            rc = 0;
        eg_trace_end(t);
    }
    if (n)
        eg_trace_counts(t, n);
    eg_trace_close(t);
    eg_vec_fini(&mk_system(p->k)->image->cpus); // of events; nobody else frees them here
    assert_true(p->closed);
    return rc;
}

/* x86-64; two functions, of which the first begins with endbr64, and the other is a clone. */
static struct play machine(uint64_t *first, uint64_t *second, uint64_t *stack)
{
    static const char types[] = "struct list_head { struct list_head *next, *prev; };"
                                "struct item { struct list_head link; int n; };";
    static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
    struct play p = { .k = mk_new(&mk_machines[0], 1 << 20, types) };

    *first = mk_alloc(p.k, CODE);
    *second = mk_alloc(p.k, CODE);
    *stack = mk_alloc(p.k, CODE);
    mk_write(p.k, *first, endbr, sizeof endbr);
    mk_write_ptr(p.k, *stack, BACK);
    mk_symbol(p.k, "open_it", *first);
    mk_symbol(p.k, "shut_it.isra.0", *second);
    mk_symbol(p.k, "shut_it.isra.0.cold", *second + 16);
    mk_symbol(p.k, "value", *stack);
    return p;
}

static void calls(void **state)
{
    uint64_t first, second, stack;
    struct play p = machine(&first, &second, &stack);
    struct eg_trace_counts n;
    struct event *ev;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    ev = play_event(&p, EVENT_CALL, first + 4); // behind endbr64
    ev->state.regs[5] = 11;
    ev->state.regs[4] = 22;
    ev->state.regs[6] = stack;
    ev->cpu = 3;
    play_event(&p, EVENT_CALL, second)->state.regs[6] = stack;
    ev = play_event(&p, EVENT_RETURN, BACK);
    ev->state.regs[0] = 99;
    ev->state.regs[6] = stack + 8;
    play_event(&p, EVENT_WRITE, stack)->value = 5;
    p.queue[3].len = 8;
    if (run(&p,
            "on_call('no|open_it', function(k, call)\n"
            "  row { DETAIL = call.args[1] .. ' ' .. call.args[2] .. ' ' .. #call.args }\n"
            "end)\n"
            "on_return('shut_it', function(k, call)\n"
            "  row { EVENT = 'back', DETAIL = call.value .. ' ' .. tostring(call.args) }\n"
            "end)\n"
            "on_write('value', 8, function(k, w) row { DETAIL = w.value .. w.len } end)\n"
            "on_start(function() print('begins') end)\n"
            "on_end(function() print('ends') end)\n",
            &said, &n, &e))
        fail_msg("%s", e.text);
    // TIME is the host's
    assert_non_null(strstr(said.rows, "|3|-|-|open_it|11 22 6\n"));
    assert_non_null(strstr(said.rows, "|0|-|-|back|99 0, 0, 0, 0, 0, 0\n"));
    assert_non_null(strstr(said.rows, "|0|-|-|value|58\n"));
    assert_non_null(strstr(said.notes, "begins\n"));
    assert_non_null(strstr(said.notes, "ends\n"));
    assert_non_null(strstr(said.notes, "shut_it: the compiler made"));
    assert_string_equal(said.errors, "");
    assert_int_equal(n.events, 4);
    assert_int_equal(n.lost, 7);
    assert_int_equal(n.functions, 2);
    assert_int_equal(p.added, 4); // two functions, a place, a return
    assert_int_equal(p.removed, 1);
    mk_free(p.k);
}

/* The text is in what was said, or in the error of the beginning. */
static void mistake(const char *script, const char *text)
{
    uint64_t first, second, stack;
    struct play p = machine(&first, &second, &stack);
    struct eg_trace_counts n;
    struct said said;
    struct eg_error e = { 0 };

    for (int i = 0; i < 3; i++)
        play_event(&p, EVENT_CALL, first + 4)->state.regs[6] = stack;
    run(&p, script, &said, &n, &e);
    if (!strstr(e.text, text) && !strstr(said.errors, text))
        fail_msg("%s: %s%s", script, e.text, said.errors);
    if (*said.errors) { // it is said once, and the machine goes on
        assert_ptr_equal(strchr(said.errors, '\n'), said.errors + strlen(said.errors) - 1);
        assert_int_equal(n.events, 3);
    }
    mk_free(p.k);
}

static void mistakes(void **state)
{
    (void)state;
    mistake("x = 1", "asks for no event");
    mistake("on_call('open_itt', print)", "no function 'open_itt'");
    mistake("on_call('open_it')", "function expected");
    mistake("on_write('value', 0, print)", "1 to 1048576");
    mistake("columns = { {'A', 'colour', 'x'} } on_call('open_it', print)", "kind 'colour'");
    mistake("on_call('open_it', function(k, call)\n local x = call.args.path\nend)",
            "t.lua:2: open_it: its parameters are not known");
    mistake("on_call('open_it', function(k, call) return call.pidd end)", "did you mean 'pid'");
    mistake("on_call('open_it', function(k, call) return call.value end)", "use on_return");
    mistake("on_call('open_it', function(k, call) row { DETAILS = 1 } end)",
            "did you mean 'DETAIL'");
    mistake("on_call('open_it', function(k, call) on_call('open_it', print) end)",
            "not in a handler");
    mistake("on_call('open_it', function(k, call) call.pid = 1 end)", "cannot be modified");
    // What an event was is not there at the next.
    mistake("local old\non_call('open_it', function(k, call)\n"
            "  if old then return old.cpu end old = call\nend)",
            "this event is over");
    mistake("local old\non_call('open_it', function(k, call)\n"
            "  if old then return old[1] end old = call.args\nend)",
            "this event is over");
    mistake("local old\non_call('open_it', function(k, call)\n"
            "  if old then return old() end\n"
            "  old = eg.list(eg.object(k, 'list_head', 'value'), 'item', 'link')\nend)",
            "earlier event");
}

static void endless(void **state)
{
    uint64_t first, second, stack;
    struct play p = machine(&first, &second, &stack);
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    play_event(&p, EVENT_CALL, first + 4);
    play_event(&p, EVENT_CALL, first + 4);
    assert_int_equal(run(&p,
                         "local n = 0 on_call('open_it', function() n = n + 1\n"
                         "  if n == 1 then while true do end end\n row { DETAIL = 'on' } end)",
                         &said, NULL, &e),
                     0);
    assert_non_null(strstr(said.errors, "did not end within"));
    assert_non_null(strstr(said.rows, "|on\n"));
    mk_free(p.k);
}

static void stops(void **state)
{
    uint64_t first, second, stack;
    struct play p = machine(&first, &second, &stack);
    struct eg_trace_counts n;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        play_event(&p, EVENT_CALL, first + 4);
    assert_int_equal(run(&p,
                         "columns = { { 'A', 'int', 'x' } }\n"
                         "on_call('open_it', function() row { A = 5 } stop() end)",
                         &said, &n, &e),
                     0);
    assert_string_equal(said.rows, "5\n");
    assert_int_equal(n.events, 1);
    mk_free(p.k);
    p = machine(&first, &second, &stack);
    p.refuses = true;
    assert_int_equal(run(&p, "on_call('open_it', print)", &said, &n, &e), -EG_EUSAGE);
    mk_free(p.k);
}

/* A call that never returned, and whose stack another one uses. */
static void never_returns(void **state)
{
    uint64_t first, second, stack;
    struct play p = machine(&first, &second, &stack);
    struct eg_trace_counts n;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    play_event(&p, EVENT_CALL, second)->state.regs[6] = stack;
    play_event(&p, EVENT_CALL, second)->state.regs[6] = stack;
    play_event(&p, EVENT_CALL, second)->state.regs[6] = 0x10; // its stack cannot be read
    assert_int_equal(run(&p, "on_return('shut_it', print)", &said, &n, &e), 0);
    assert_int_equal(n.missed, 2);
    assert_int_equal(p.removed, 1);
    mk_free(p.k);
}

static void scripts(void **state)
{
    struct eg_trace_script s;
    size_t n = 0;

    (void)state;
    for (; eg_trace_script_nth(n, &s); n++) {
        assert_true(*s.name && *s.help);
        assert_int_equal(s.len, strlen(s.text));
    }
    assert_true(n >= 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls), cmocka_unit_test(mistakes),      cmocka_unit_test(endless),
        cmocka_unit_test(stops), cmocka_unit_test(never_returns), cmocka_unit_test(scripts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
