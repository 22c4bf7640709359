/* trace_test.c - scripts of traces at events that a test plays: what handlers are told, rows,
 * errors, returns, and what must not outlive an event. */
#include "mkimage.h"
#include "mkplay.h"
#include <stdlib.h>
#include <unistd.h>

enum { CODE = 0x100, BACK = 0x4444 };

struct machine {
    struct play p;
    struct mk *k;
    struct eg_candidate found;
    uint64_t first, second, stack;
};

static int run(struct machine *m, const char *script, struct said *said, struct eg_trace_counts *n,
               struct eg_error *e)
{
    return play_run(&m->p, mk_system(m->k), script, said, n, e);
}

/* Two functions; on x86-64 the first begins with endbr64. The other is a clone. */
static void begin(struct machine *m, const struct mk_machine *of)
{
    static const char types[] = "struct list_head { struct list_head *next, *prev; };"
                                "struct item { struct list_head link; int n; };"
                                "struct task_struct { int pid, tgid; char comm[16]; };";
    static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };

    *m = (struct machine){ .k = mk_new(of, 1 << 20, types), .p = { .arch = of->arch } };
    m->first = mk_alloc(m->k, CODE);
    m->second = mk_alloc(m->k, CODE);
    m->stack = mk_alloc(m->k, CODE);
    mk_symbol(m->k, "open_it", m->first);
    if (!strcmp(of->arch, "x86_64")) {
        mk_write(m->k, m->first, endbr, sizeof endbr);
        m->first += sizeof endbr;
    }
    mk_write_ptr(m->k, m->stack, BACK);
    mk_symbol(m->k, "shut_it.isra.0", m->second);
    mk_symbol(m->k, "shut_it.isra.0.cold", m->second + 16);
    mk_symbol(m->k, "value", m->stack);
    mk_symbol(m->k, "__entry_task", 0x10);
    mk_system(m->k)->chosen = &m->found;
    m->found.paging = (struct eg_paging){ .arch = mk_system(m->k)->arch, .levels = 4 };
}

static void calls(void **state)
{
    struct eg_trace_counts n;
    struct machine m;
    struct event *ev;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[0]);
    ev = play_event(&m.p, EVENT_CALL, m.first);
    ev->state.regs[5] = 11;
    ev->state.regs[4] = 22;
    ev->state.regs[6] = m.stack;
    ev->cpu = 3;
    play_event(&m.p, EVENT_CALL, m.second)->state.regs[6] = m.stack;
    ev = play_event(&m.p, EVENT_RETURN, BACK);
    ev->state.regs[0] = 99;
    ev->state.regs[6] = m.stack + 8;
    play_event(&m.p, EVENT_WRITE, m.stack)->value = 5;
    m.p.queue[3].len = 8;
    if (run(&m,
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
    assert_int_equal(m.p.added, 4); // two functions, a place, a return
    assert_int_equal(m.p.removed, 1);
    mk_free(m.k);
}

/* AArch64: eight registers; the link register has a signature, and the stack is as it was. */
static void calls_of_aarch64(void **state)
{
    const uint64_t signature = UINT64_C(0x12a5) << 48;
    uint64_t task;
    struct eg_trace_counts n;
    struct machine m;
    struct event *ev;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[2]);
    task = mk_object(m.k, "task_struct"); // by the processor's own variables
    mk_put(m.k, task, "task_struct.tgid", 42);
    mk_write_ptr(m.k, m.stack + 0x10, task);
    ev = play_event(&m.p, EVENT_CALL, m.first);
    ev->task = 0x7000; // the kernel was just entered: SP_EL0 is still the program's
    ev->state.gs_base = m.stack;
    for (uint64_t i = 0; i < 8; i++)
        ev->state.regs[i] = 10 + i;
    ev->state.regs[31] = m.stack;
    ev->state.regs[30] = ((m.second + 0x20) & UINT64_C(0xffffffffffff)) | signature;
    ev = play_event(&m.p, EVENT_RETURN, m.second + 0x20);
    ev->state.regs[0] = 99;
    ev->state.regs[31] = m.stack;
    if (run(&m,
            "on_return('open_it', function(k, call)\n"
            "  row { DETAIL = call.value .. ' ' .. tostring(call.args) .. ' ' .. call.caller }\n"
            "end)\n"
            "on_call('open_it', function(k, call) row { DETAIL = call.registers.x7 } end)\n",
            &said, &n, &e))
        fail_msg("%s%s", e.text, said.errors);
    assert_non_null(strstr(said.rows, "|0|42||open_it|17\n"));
    assert_non_null(
        strstr(said.rows, "|open_it|99 10, 11, 12, 13, 14, 15, 16, 17 shut_it.isra.0.cold+0x10\n"));
    assert_int_equal(n.missed, 0);
    assert_int_equal(m.p.n_used, 1);
    mk_free(m.k);
}

/* What is known of the machine is of the boot before. */
static void is_reset(void **state)
{
    struct machine m;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[0]);
    play_event(&m.p, EVENT_RESET, 0);
    play_event(&m.p, EVENT_CALL, m.first);
    assert_int_equal(run(&m,
                         "on_call('open_it', function() row { DETAIL = 'called' } end)\n"
                         "on_end(function() print('ends') end)\n",
                         &said, NULL, &e),
                     -EG_EIO);
    assert_non_null(strstr(e.text, "rebooted: "));
    assert_string_equal(said.rows, "");
    assert_string_equal(said.notes, "ends\n");
    mk_free(m.k);
}

/* The processor whose event it was has a state; what the others had then is over. */
static void states(void **state)
{
    struct machine m;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[2]);
    play_event(&m.p, EVENT_CALL, m.first)->cpu = 0;
    play_event(&m.p, EVENT_CALL, m.first)->cpu = 2;
    assert_int_equal(run(&m, "on_call('open_it', function() end)", &said, NULL, &e), 0);
    assert_int_equal(m.p.n_states, 1);
    mk_free(m.k);
}

/* The text is in what was said, or in the error of the beginning. */
static void mistake(const char *script, const char *text)
{
    struct eg_trace_counts n;
    struct machine m;
    struct said said;
    struct eg_error e = { 0 };

    begin(&m, &mk_machines[0]);
    for (int i = 0; i < 3; i++)
        play_event(&m.p, EVENT_CALL, m.first)->state.regs[6] = m.stack;
    run(&m, script, &said, &n, &e);
    if (!strstr(e.text, text) && !strstr(said.errors, text))
        fail_msg("%s: %s%s", script, e.text, said.errors);
    if (*said.errors) { // it is said once, and the machine goes on
        assert_ptr_equal(strchr(said.errors, '\n'), said.errors + strlen(said.errors) - 1);
        assert_int_equal(n.events, 3);
    }
    mk_free(m.k);
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

/* Before a machine is asked for anything. */
static void no_lua(void **state)
{
    char path[] = "/tmp/trace-test-XXXXXX", where[64];
    const int fd = mkstemp(path);
    struct eg_error e = { 0 };
    char *text = NULL;
    size_t len;

    (void)state;
    assert_true(fd >= 0 && write(fd, "#!/x\nlocal a = = 1\n", 19) == 19);
    close(fd);
    assert_int_equal(eg_trace_read(path, &text, &len, &e), -EG_EFORMAT);
    snprintf(where, sizeof where, "%s:2: ", path);
    assert_non_null(strstr(e.text, where));
    assert_null(text);
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(eg_trace_read(path, &text, &len, &e), 0);
    free(text);
    unlink(path);
}

static void endless(void **state)
{
    struct machine m;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[0]);
    play_event(&m.p, EVENT_CALL, m.first);
    play_event(&m.p, EVENT_CALL, m.first);
    assert_int_equal(run(&m,
                         "local n = 0 on_call('open_it', function() n = n + 1\n"
                         "  if n == 1 then while true do end end\n row { DETAIL = 'on' } end)",
                         &said, NULL, &e),
                     0);
    assert_non_null(strstr(said.errors, "did not end within"));
    assert_non_null(strstr(said.rows, "|on\n"));
    mk_free(m.k);
}

static void stops(void **state)
{
    struct eg_trace_counts n;
    struct machine m;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[0]);
    for (int i = 0; i < 3; i++)
        play_event(&m.p, EVENT_CALL, m.first);
    assert_int_equal(run(&m,
                         "columns = { { 'A', 'int', 'x' } }\n"
                         "on_call('open_it', function() row { A = 5 } stop() end)",
                         &said, &n, &e),
                     0);
    assert_string_equal(said.rows, "5\n");
    assert_int_equal(n.events, 1);
    mk_free(m.k);
    begin(&m, &mk_machines[0]);
    m.p.refuses = true;
    assert_int_equal(run(&m, "on_call('open_it', print)", &said, &n, &e), -EG_EUSAGE);
    mk_free(m.k);
}

/* A call that never returned, and whose stack another one uses. */
static void never_returns(void **state)
{
    struct eg_trace_counts n;
    struct machine m;
    struct said said;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m, &mk_machines[0]);
    play_event(&m.p, EVENT_CALL, m.second)->state.regs[6] = m.stack;
    play_event(&m.p, EVENT_CALL, m.second)->state.regs[6] = m.stack;
    play_event(&m.p, EVENT_CALL, m.second)->state.regs[6] = 0x10; // its stack cannot be read
    assert_int_equal(run(&m, "on_return('shut_it', print)", &said, &n, &e), 0);
    assert_int_equal(n.missed, 2);
    assert_int_equal(m.p.removed, 1);
    mk_free(m.k);
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
        cmocka_unit_test(calls),   cmocka_unit_test(calls_of_aarch64),
        cmocka_unit_test(states),  cmocka_unit_test(is_reset),
        cmocka_unit_test(no_lua),  cmocka_unit_test(mistakes),
        cmocka_unit_test(endless), cmocka_unit_test(stops),
        cmocka_unit_test(scripts), cmocka_unit_test(never_returns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
