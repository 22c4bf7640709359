/* trace_user_test.c - functions of programs in traces, at events that a test plays: where they are
 * in which process, whose calls are told, and which points come and go. */
#include "../../../core/arch.h"
#include "../../../live/events.h"
#include "../../../lua/trace.h"
#include "check.h"
#include "mkcache.h"
#include "mkelf.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 0x1000, CODE = 0x7000, STACK = 0x8000, BACK = 0x7123, WORK = 0x900, HIDDEN = 0x980 };

struct play {
    struct events events;
    struct event queue[24];
    size_t n, next;
    struct event_point points[64];
    bool used[64];
    size_t n_used, room;
    size_t seen[24]; /* n_used before each event */
};

static int add(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e)
{
    struct play *play = s->priv;

    if (play->n_used == play->room)
        return eg_fail(e, EG_EUSAGE, "room for %zu points", play->room);
    assert_false(play->used[id]);
    assert_true(p->waits);
    play->used[id] = true;
    play->points[id] = *p;
    play->n_used++;
    return 0;
}

static int remove_(struct events *s, uint32_t id, struct eg_error *e)
{
    struct play *play = s->priv;

    (void)e;
    assert_true(play->used[id]);
    play->used[id] = false;
    play->n_used--;
    return 0;
}

static int next(struct events *s, struct event *out, int ms, struct eg_error *e)
{
    struct play *play = s->priv;

    (void)ms;
    play->seen[play->next] = play->n_used;
    if (play->next == play->n)
        return eg_fail(e, EG_ENOTFOUND, "the machine has ended");
    *out = play->queue[play->next++];
    out->point = EVENT_POINTS_MAX;
    for (uint32_t i = 0; i < countof(play->points); i++)
        if (play->used[i] && play->points[i].address == out->address &&
            play->points[i].kind == out->kind)
            out->point = i;
    return 1;
}

static void close_(struct events *s)
{
    (void)s;
}

static const struct events_ops ops = {
    .name = "play", .add = add, .remove = remove_, .next = next, .close = close_
};

static struct event *play_event(struct play *p, enum event_kind kind, uint64_t address,
                                uint64_t task, uint64_t first)
{
    struct event *ev = &p->queue[p->n++];

    *ev = (struct event){ .kind = kind, .address = address, .task = task, .known = UINT64_MAX };
    ev->state.arch = eg_arch_find("x86_64");
    ev->state.n_regs = 18;
    ev->state.regs[5] = first;                                                // rdi
    ev->state.regs[6] = kind == EVENT_RETURN ? STACK + 0x108 : STACK + 0x100; // rsp
    return ev;
}

static char rows[4096], notes[4096];

static void take_text(void *context, const char *text)
{
    (void)context;
    strncat(notes, text, sizeof notes - 1 - strlen(notes));
}
static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    (void)context;
    (void)depth;
    for (size_t i = 0; i < n; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "%.*s\n",
                 v[i].tag == EG_V_TEXT ? (int)v[i].bytes.len : 0,
                 v[i].tag == EG_V_TEXT ? (const char *)v[i].bytes.p : "");
}

/* A machine with a library, its process, a process without it, and three functions of the kernel.
 */
struct machine {
    struct mk_cache w;
    uint64_t file, task[3], mm[3], maps, forks, ends;
};

static void begin(struct machine *m)
{
    static struct mk_elf elf = { .wide = true, .machine = 62, .gnu = true };
    static const char *const hooks[] = { "uprobe_mmap", "wake_up_new_task", "exit_mmap", NULL };
    const uint64_t back = BACK;
    uint64_t dentry, page;
    uint8_t *ram;
    size_t len;

    mk_cache_functions(hooks);
    mk_each_machine(x86) if (x86->arch && !strcmp(x86->arch, "x86_64"))
    {
        mk_cache_begin(&m->w, x86, "ext4");
        break;
    }
    mk_elf_make(&elf);
    dentry = mk_cache_file(&m->w, 0, "libwork.so", MK_REG, MK_ELF_FILE);
    page = mk_cache_folio(&m->w, dentry, 0, 2, "ab", MK_FRESH);
    ram = mk_ram(m->w.k, &len);
    memcpy(ram + page * PAGE, elf.at, MK_ELF_FILE);
    m->file = mk_guest_file(&m->w.g, dentry);
    for (int i = 0; i < 3; i++) {
        m->task[i] = mk_guest_task(&m->w.g, 7 + i, "prog", 0);
        m->mm[i] = MK_MM(&m->w.g, m->task[i], "prog\0", "A=1\0");
        if (i != 1) {
            mk_guest_vma(&m->w.g, m->mm[i], CODE / PAGE, 1, 5, m->file);
            // a processor that is there has the page in its tables
            mk_guest_write(&m->w.g, m->mm[i], CODE + WORK, elf.at + WORK, 16);
        }
        mk_guest_vma(&m->w.g, m->mm[i], STACK / PAGE, 1, 3, 0);
        mk_guest_write(&m->w.g, m->mm[i], STACK + 0x100, &back, sizeof back);
        mk_guest_write(&m->w.g, m->mm[i], STACK + 0x200, "a text", 7);
    }
    m->maps = m->w.functions[0];
    m->forks = m->w.functions[1];
    m->ends = m->w.functions[2];
    mk_guest_rows(&m->w.g, "pslist", NULL); // all is written
}

static int run(struct machine *m, struct play *p, const char *script, struct eg_trace_counts *n,
               struct eg_error *e)
{
    static const struct eg_trace_ops trace_ops = { .error = take_text, .note = take_text };
    const struct eg_trace_options o = {
        .name = "t.lua", .text = script, .len = strlen(script), .seconds = 5
    };
    struct eg_trace *t;
    int rc;

    *rows = *notes = 0;
    p->events = (struct events){ &ops, p, false };
    assert_int_equal(eg_trace_new(&t, &p->events, e), 0);
    rc = eg_trace_begin(t, mk_system(m->w.k), &o, &trace_ops, NULL, e);
    if (!rc) {
        eg_trace_sink(t, (struct eg_sink){ take_row, NULL });
        while ((rc = eg_trace_step(t, 10, e)) > 0)
            ;
        rc = rc == -EG_ENOTFOUND ? 0 : rc;
        eg_trace_end(t);
    }
    eg_trace_counts(t, n);
    eg_trace_close(t);
    eg_vec_fini(&mk_system(m->w.k)->image->cpus); // of events; nobody else frees them here
    return rc;
}

static const char script[] =
    "columns = { {'WHAT', 'text', 'x'} }\n"
    "on_user_call({ 'libwork.so!work', '*!hidden', 'libwork.so!choose' }, function(k, call)\n"
    "  row { WHAT = call.name .. ' ' .. call.pid .. ' ' .. call.file .. ' ' ..\n"
    "        tostring(call.text(1)) .. ' ' .. tostring(call.caller) .. ' ' .. call.place }\n"
    "end)\n"
    "on_user_return('libwork.so!work', function(k, call)\n"
    "  row { WHAT = 'back ' .. call.pid .. ' ' .. call.value .. ' ' .. call.args[1] }\n"
    "end)\n";

/* What is there when it begins; whose call it is; the return of the same process alone. */
static void calls(void **state)
{
    struct machine m = { 0 };
    struct play p = { .room = 64 };
    struct eg_trace_counts n;
    struct eg_error e = { 0 };

    (void)state;
    begin(&m);
    play_event(&p, EVENT_CALL, CODE + WORK, m.task[0], STACK + 0x200);
    play_event(&p, EVENT_CALL, CODE + HIDDEN, m.task[2], 0);
    play_event(&p, EVENT_CALL, CODE + WORK, m.task[1], 0); // which has no such file there
    play_event(&p, EVENT_RETURN, BACK, m.task[2], 0)->state.regs[0] = 5; // another stack
    play_event(&p, EVENT_RETURN, BACK, m.task[0], 0)->state.regs[0] = 6;
    if (run(&m, &p, script, &n, &e))
        fail_msg("%s", e.text);
    assert_string_equal(rows,
                        "libwork.so!work 7 /libwork.so a text libwork.so+0x123 libwork.so+0x900\n"
                        "libwork.so!hidden 9 /libwork.so nil libwork.so+0x123 libwork.so+0x980\n"
                        "back 7 6 33280\n");
    // An indirect function's symbol is of what chooses it.
    assert_non_null(strstr(notes, "libwork.so!choose: no process maps"));
    assert_null(strstr(notes, "hidden: no"));
    assert_int_equal(p.seen[0], 5); // three of the kernel, two addresses for both processes
    assert_int_equal(p.seen[1], 6);
    assert_int_equal(p.seen[5], 5);
    assert_int_equal(n.user_places, 2);
    assert_int_equal(n.missed, 0);
    mk_cache_end(&m.w);
}

/* Processes that end, are forked, and map it later. */
static void comes_and_goes(void **state)
{
    struct machine m = { 0 };
    struct play p = { .room = 64 };
    struct eg_trace_counts n;
    struct eg_error e = { 0 };
    uint64_t vma;

    (void)state;
    begin(&m);
    vma = mk_of(&m.w.g, m.mm[0], "mm_struct.mmap");
    play_event(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
    play_event(&p, EVENT_CALL, m.ends, m.task[0], m.mm[0]);    // its call never returns
    play_event(&p, EVENT_CALL, m.forks, m.task[2], m.task[1]); // as if it had been a copy
    play_event(&p, EVENT_CALL, m.ends, m.task[2], m.mm[2]);    // the child has it still
    play_event(&p, EVENT_CALL, m.ends, m.task[1], m.mm[1]);
    play_event(&p, EVENT_CALL, m.maps, m.task[0], vma);
    play_event(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
    if (run(&m, &p, script, &n, &e))
        fail_msg("%s", e.text);
    assert_int_equal(p.seen[1], 6);
    assert_int_equal(p.seen[2], 5);
    assert_int_equal(p.seen[4], 5);
    assert_int_equal(p.seen[5], 3);
    assert_int_equal(p.seen[6], 5);
    assert_int_equal(p.seen[7], 6);
    assert_int_equal(n.missed, 1);
    assert_int_equal(n.events, 2); // those of the kernel are not the script's
    mk_cache_end(&m.w);
}

static void mistakes(void **state)
{
    static const struct {
        const char *script, *text;
        size_t room;
    } cases[] = {
        { "on_user_call('open', print)", "\"FILE!FUNCTION\" expected", 64 },
        { "on_user_call('!open', print)", "\"FILE!FUNCTION\" expected", 64 },
        { "on_user_call('a!b')", "function expected", 64 },
        { "on_user_call('*!work', function(k, call) return call.value end)", "on_return", 64 },
        { "on_user_call('*!work', function(k, call) call.stack() end)", "of the kernel", 64 },
        { "on_user_call('*!work', function(k, call) call.text(7) end)", "1 to 6", 64 },
        { "on_user_call('*!work', function() on_user_call('a!b', print) end)", "not in a handler",
          64 },
        { "on_user_call({ '*!work', '*!hidden' }, print)", "not every process", 4 },
        { "on_user_call('*!work', print)", "room for 2", 2 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine m = { 0 };
        struct play p = { .room = cases[i].room };
        struct eg_trace_counts n;
        struct eg_error e = { 0 };

        begin(&m);
        play_event(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
        run(&m, &p, cases[i].script, &n, &e);
        if (!strstr(e.text, cases[i].text) && !strstr(notes, cases[i].text))
            fail_msg("%s: %s%s", cases[i].script, e.text, notes);
        mk_cache_end(&m.w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(comes_and_goes),
        cmocka_unit_test(mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
