/* trace_user_test.c - functions of programs in traces, at events that a test plays: where they are
 * in which process, whose calls are told, and which points come and go. */
#include "mkcache.h"
#include "mkelf.h"
#include "mkplay.h"

enum { PAGE = 0x1000, CODE = 0x7000, STACK = 0x8000, BACK = 0x7123, WORK = 0x900, HIDDEN = 0x980 };

/* Of a call or a return in a program, at the stack that all have. */
static struct event *play_call(struct play *p, enum event_kind kind, uint64_t address,
                               uint64_t task, uint64_t first)
{
    const bool arm = !strcmp(p->arch, "aarch64");
    struct event *ev = play_event(p, kind, address);

    ev->task = task;
    ev->state.regs[arm ? 0 : 5] = first;
    ev->state.regs[arm ? 31 : 6] = STACK + (kind == EVENT_RETURN && !arm ? 0x108 : 0x100);
    ev->state.regs[30] = arm ? BACK : 0;
    return ev;
}

/* A machine with a library, its process, a process without it, and three functions of the kernel.
 */
struct machine {
    struct mk_cache w;
    uint64_t file, task[3], mm[3], maps, forks, ends;
};

static const struct {
    const char *arch;
    uint16_t machine;
    uint8_t push[4]; /**< push %rbp; stp x29, x30, [sp, #-16]! */
} archs[] = { { "x86_64", 62, { 0x55 } }, { "aarch64", 183, { 0xfd, 0x7b, 0xbf, 0xa9 } } };

/* @pushes: the function begins with an instruction that stores to the stack. */
static void begin(struct machine *m, struct play *p, size_t which, bool pushes)
{
    static struct mk_elf elf;
    static const char *const hooks[] = { "uprobe_mmap", "wake_up_new_task", "exit_mmap", NULL };
    const uint64_t back = BACK;
    uint64_t dentry, page;
    uint8_t *ram;
    size_t len;

    *m = (struct machine){ 0 };
    *p = (struct play){ .arch = archs[which].arch, .all_wait = true };
    elf = (struct mk_elf){ .wide = true, .machine = archs[which].machine, .gnu = true };
    mk_cache_functions(hooks);
    mk_each_machine(of) if (of->arch && !strcmp(of->arch, p->arch))
    {
        mk_cache_begin(&m->w, of, "ext4");
        break;
    }
    mk_elf_make(&elf);
    if (pushes)
        memcpy(elf.at + WORK, archs[which].push, sizeof archs[which].push);
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

static int run(struct machine *m, struct play *p, const char *script, struct said *said,
               struct eg_trace_counts *n, struct eg_error *e)
{
    return play_run(p, mk_system(m->w.k), script, said, n, e);
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
    (void)state;
    for (size_t a = 0; a < countof(archs); a++) {
        struct eg_trace_counts n;
        struct machine m;
        struct said said;
        struct play p;
        struct eg_error e = { 0 };

        begin(&m, &p, a, false);
        play_call(&p, EVENT_CALL, CODE + WORK, m.task[0], STACK + 0x200);
        play_call(&p, EVENT_CALL, CODE + HIDDEN, m.task[2], 0);
        play_call(&p, EVENT_CALL, CODE + WORK, m.task[1], 0); // which has no such file there
        play_call(&p, EVENT_RETURN, BACK, m.task[2], 0)->state.regs[0] = 5; // another stack
        play_call(&p, EVENT_RETURN, BACK, m.task[0], 0)->state.regs[0] = 6;
        if (run(&m, &p, script, &said, &n, &e))
            fail_msg("%s", e.text);
        assert_string_equal(
            said.rows, "libwork.so!work 7 /libwork.so a text libwork.so+0x123 libwork.so+0x900\n"
                       "libwork.so!hidden 9 /libwork.so nil libwork.so+0x123 libwork.so+0x980\n"
                       "back 7 6 33280\n");
        // An indirect function's symbol is of what chooses it.
        assert_non_null(strstr(said.notes, "libwork.so!choose: no process maps"));
        assert_null(strstr(said.notes, "hidden: no"));
        assert_int_equal(p.seen[0], 5); // three of the kernel, two addresses for both processes
        assert_int_equal(p.seen[1], 6);
        assert_int_equal(p.seen[5], 5);
        assert_int_equal(n.user_places, 2);
        assert_int_equal(n.missed, 0);
        mk_cache_end(&m.w);
    }
}

/* The first instruction faults, for its page of the stack is not there: it will come again. */
static void faults(void **state)
{
    (void)state;
    for (size_t a = 0; a < countof(archs); a++) {
        struct eg_trace_counts n;
        struct machine m;
        struct said said;
        struct event *ev;
        struct play p;
        struct eg_error e = { 0 };

        begin(&m, &p, a, true);
        ev = play_call(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
        ev->state.regs[a ? 31 : 6] = STACK + 0x4000;
        play_call(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
        if (run(&m, &p,
                "columns = { {'WHAT', 'text', 'x'} }\n"
                "on_user_call('*!work', function(k, call) row { WHAT = call.name } end)\n",
                &said, &n, &e))
            fail_msg("%s", e.text);
        assert_string_equal(said.rows, "libwork.so!work\n");
        mk_cache_end(&m.w);
    }
}

/* Processes that end, are forked, and map it later. */
static void comes_and_goes(void **state)
{
    struct eg_trace_counts n;
    struct machine m;
    struct said said;
    struct play p;
    struct eg_error e = { 0 };
    uint64_t vma;

    (void)state;
    begin(&m, &p, 0, false);
    vma = mk_of(&m.w.g, m.mm[0], "mm_struct.mmap");
    play_call(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
    play_call(&p, EVENT_CALL, m.ends, m.task[0], m.mm[0]);    // its call never returns
    play_call(&p, EVENT_CALL, m.forks, m.task[2], m.task[1]); // as if it had been a copy
    play_call(&p, EVENT_CALL, m.ends, m.task[2], m.mm[2]);    // the child has it still
    play_call(&p, EVENT_CALL, m.ends, m.task[1], m.mm[1]);
    play_call(&p, EVENT_CALL, m.maps, m.task[0], vma);
    play_call(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
    if (run(&m, &p, script, &said, &n, &e))
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
        struct eg_trace_counts n;
        struct machine m;
        struct said said;
        struct play p;
        struct eg_error e = { 0 };

        begin(&m, &p, 0, false);
        p.room = cases[i].room;
        play_call(&p, EVENT_CALL, CODE + WORK, m.task[0], 0);
        run(&m, &p, cases[i].script, &said, &n, &e);
        if (!strstr(e.text, cases[i].text) && !strstr(said.notes, cases[i].text) &&
            !strstr(said.errors, cases[i].text))
            fail_msg("%s: %s%s%s", cases[i].script, e.text, said.notes, said.errors);
        mk_cache_end(&m.w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(faults),
        cmocka_unit_test(comes_and_goes),
        cmocka_unit_test(mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
