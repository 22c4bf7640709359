/* events_gdb_test.c - the debugger's side of QEMU's port against a stub that a test plays: points,
 * steps, watched memory, returns, what is told of registers; and what happens when the debugger is
 * killed. */
#include "../../../core/arch.h"
#include "../../../core/space.h"
#include "../../../live/events.h"
#include "../../../live/gdbstub.h"
#include "../../../live/told.h"
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the stub ---- */

enum { FUNCTION = 0x5000, RETURN = 0x6000, WATCHED = 0x7000, STACK = 0x8800 };

struct stub {
    int fd;
    pthread_t thread;
    const char *const *stops; /**< one for each vCont;c */
    uint64_t rip, rsp;        /**< at a stop */
    bool early;               /**< as 7.2: a stop without being asked */
    bool kvm, arm;
    uint64_t root;   /**< cr3, TTBR1_EL1 */
    unsigned faults; /**< so many steps end in the handler of an exception */
    char log[8192];  /**< requests, a line each */
};

static const char xml_head[] =
    "<target><architecture>i386:x86-64</architecture><xi:include href=\"core.xml\"/></target>";
/* Another order than that of struct eg_cpu, 4 bytes in the middle, and a register in a comment. */
static const char xml[] =
    "<feature><reg name=\"rip\" bitsize=\"64\"/><reg name='eflags' bitsize='32'/>"
    "<!-- <reg name=\"ss_base\" bitsize=\"64\"/> -->"
    "<reg name=\"rdi\" type=\"x\" bitsize=\"64\" regnum=\"2\"/>"
    "<reg name=\"rsp\" bitsize=\"64\"/><reg name=\"cs\" bitsize=\"32\"/>"
    "<reg name=\"gs_base\" bitsize=\"64\"/><reg name=\"k_gs_base\" bitsize=\"64\"/>"
    "<reg name=\"cr3\" bitsize=\"64\"/></feature>";

static const char arm_head[] =
    "<target><architecture>aarch64</architecture><xi:include href=\"core.xml\"/></target>";
static const char arm_xml[] =
    "<feature><reg name=\"x0\" bitsize=\"64\"/><reg name=\"sp\" bitsize=\"64\"/>"
    "<reg name=\"pc\" bitsize=\"64\"/><reg name=\"cpsr\" bitsize=\"32\"/>"
    "<reg name=\"TTBR1_EL1\" bitsize=\"64\" regnum=\"90\"/>"
    "<reg name=\"TPIDR_EL1\" bitsize=\"64\" regnum=\"91\"/>"
    "<reg name=\"TPIDR_EL2\" bitsize=\"64\" regnum=\"92\"/>"
    "<reg name=\"SP_EL0\" bitsize=\"64\" regnum=\"93\"/></feature>";

static void say(struct stub *s, const char *text)
{
    char packet[8192];
    uint8_t sum = 0;
    int n;

    for (const char *p = text; *p; p++)
        sum += (uint8_t)*p;
    n = snprintf(packet, sizeof packet, "+$%s#%02x", text, sum);
    if (write(s->fd, packet, (size_t)n) != n)
        abort();
}

static void hex64(char *out, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        sprintf(out + strlen(out), "%02x", (unsigned)(v >> 8 * i & 0xff));
}

static void answer(struct stub *s, const char *p)
{
    char text[4096] = "";
    unsigned long long at, len;

    strncat(s->log, p, sizeof s->log - strlen(s->log) - 2);
    strcat(s->log, "\n");
    if (!strncmp(p, "qSupported", 10))
        say(s, "PacketSize=1000;qXfer:features:read+;vContSupported+");
    else if (!strcmp(p, "?"))
        say(s, "T05thread:01;");
    else if (!strcmp(p, "vCont?"))
        say(s, "vCont;c;C;s;S");
    else if (!strcmp(p, "qqemu.PhyMemMode"))
        say(s, "0");
    else if (!strncmp(p, "qXfer:features:read:target.xml", 30))
        snprintf(text, sizeof text, "l%s", s->arm ? arm_head : xml_head), say(s, text);
    else if (!strncmp(p, "qXfer:features:read:core.xml:0,", 31)) // in two pieces
        snprintf(text, sizeof text, "m%.100s", s->arm ? arm_xml : xml), say(s, text);
    else if (!strncmp(p, "qXfer:features:read:core.xml:64,", 32))
        snprintf(text, sizeof text, "l%s", (s->arm ? arm_xml : xml) + 100), say(s, text);
    else if (!strncmp(p, "qRcmd,696e666f206b766d", 22)) { // info kvm
        strcpy(text, "O");
        for (const char *c = s->kvm ? "kvm support: enabled\n" : "kvm support: disabled\n"; *c; c++)
            sprintf(text + strlen(text), "%02x", (unsigned char)*c);
        say(s, text);
        say(s, "OK");
    } else if (!strncmp(p, "qRcmd,", 6)) { // info mtree -f
        const char *tree =
            "FlatView #0\n Root memory region: system\n"
            "  0000000000000000-0000000000003fff (prio 0, ram): mem0\n"
            "  0000000000004000-0000000000004fff (prio 0, rom): pc.bios\n"
            "  0000000000008000-0000000000009fff (prio 0, ram): mem0 @0000000000004000\n"
            "  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram\n";

        strcpy(text, "O");
        for (const char *c = tree; *c; c++)
            sprintf(text + strlen(text), "%02x", (unsigned char)*c);
        say(s, text);
        say(s, "OK");
    } else if (!strcmp(p, "g") && s->arm) {
        hex64(text, 0x1111, 8);
        hex64(text, s->rsp, 8);
        hex64(text, s->rip, 8);
        hex64(text, 5, 4); // EL1
        say(s, text);
    } else if (*p == 'p') {
        hex64(text, !strcmp(p, "p5a") ? s->root : strtoull(p + 1, NULL, 16) << 40, 8);
        say(s, text);
    } else if (!strcmp(p, "g")) {
        hex64(text, s->rip, 8);
        hex64(text, 0x246, 4);
        hex64(text, 0x1111, 8);
        hex64(text, s->rsp, 8);
        hex64(text, 0x10, 4);
        hex64(text, UINT64_C(0xffff888000000000), 8);
        hex64(text, 0x7777, 8);
        hex64(text, s->root, 8);
        say(s, text);
    } else if (sscanf(p, "m%llx,%llx", &at, &len) == 2) { // each byte is its page's number
        for (unsigned i = 0; i < len && i < 2047; i++)
            sprintf(text + 2 * i, "%02x", (unsigned)((at + i) >> 12 & 0xff));
        if (len <= 2047)
            say(s, text);
        else { // longer than text
            char *all = calloc(1, 2 * len + 1);

            for (unsigned i = 0; i < len; i++)
                sprintf(all + 2 * i, "%02x", (unsigned)((at + i) >> 12 & 0xff));
            say(s, all);
            free(all);
        }
    } else if (!strcmp(p, "vCont;c")) {
        if (*s->stops) {
            if (strchr(*s->stops, '@'))
                sscanf(strchr(*s->stops, '@'), "@%lx,%lx,%lx", &s->rip, &s->rsp, &s->root);
            snprintf(text, sizeof text, "%.*s", (int)strcspn(*s->stops, "@"), *s->stops);
            s->stops++;
            say(s, text);
        }
    } else if (!strncmp(p, "vCont;s", 7)) {
        s->rip = s->faults ? 0x8000 : s->rip + 4;
        s->faults -= s->faults > 0;
        say(s, "T05thread:01;");
    } else if (!strncmp(p, "Z1,bad", 6) || !strncmp(p, "Z0,bad", 6) || !strncmp(p, "Z2,bad", 6)) {
        say(s, "E22");
    } else if (!strcmp(p, "qfThreadInfo")) {
        say(s, "m01,02");
    } else if (!strcmp(p, "qsThreadInfo")) {
        say(s, "l");
    } else {
        say(s, "OK");
    }
}

static void *serve(void *stub)
{
    struct stub *s = stub;
    struct rsp_in in = { .keeps_runs = true };
    char bytes[4096];
    ssize_t n;

    if (s->early)
        say(s, "T02thread:01;");
    while ((n = read(s->fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n;) {
            enum rsp_what what;

            i += (ssize_t)rsp_take(&in, bytes + i, (size_t)(n - i), &what);
            if (what == RSP_PACKET)
                answer(s, (const char *)in.data.at);
            else if (what == RSP_INTERRUPT)
                say(s, "T02thread:01;");
        }
    rsp_in_fini(&in);
    close(s->fd);
    return NULL;
}

static int begin(struct stub *s)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    s->fd = ends[0];
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return ends[1];
}

static struct events *open_(struct stub *s)
{
    struct events *ev;
    struct eg_error e = { 0 };

    if (!s->root)
        s->root = 0x1234001;
    if (events_gdb_open_fd(&ev, begin(s), &e))
        fail_msg("%s", e.text);
    return ev;
}

static void end(struct stub *s, struct events *ev)
{
    events_close(ev);
    pthread_join(s->thread, NULL);
    assert_non_null(strstr(s->log, "\nD\n"));
}

/* ---- cases ---- */

static void calls_and_returns(void **state)
{
    static const char *const stops[] = {
        "T05thread:02;@5000,8800",
        "T05thread:02;@6000,1000", // another task's return: not wanted
        "T05thread:02;@6000,8808",
        NULL,
    };
    (void)state;
    for (int kvm = 0; kvm < 2; kvm++) {
        struct stub s = { .stops = stops, .early = !kvm, .kvm = kvm };
        struct events *ev = open_(&s);
        const struct event_point call = { .kind = EVENT_CALL, .address = FUNCTION }, back = {
            .kind = EVENT_RETURN, .address = RETURN, .sp = STACK + 8
        };
        struct event out;
        struct eg_error e;

        assert_int_equal(ev->ops->add(ev, &call, 3, &e), 0);
        assert_int_equal(ev->ops->next(ev, &out, 60000, &e), 1);
        assert_int_equal(out.kind, EVENT_CALL);
        assert_int_equal(out.point, 3);
        assert_int_equal(out.cpu, 1);
        assert_int_equal(out.state.regs[16], FUNCTION); // rip, rdi, rsp in the order of eg_arch
        assert_int_equal(out.state.regs[5], 0x1111);
        assert_int_equal(out.state.regs[6], STACK);
        assert_int_equal(out.state.root, 0x1234000);
        assert_int_equal(out.state.gs_base, UINT64_C(0xffff888000000000));
        assert_int_equal(out.known, 1u << 16 | 1u << 5 | 1u << 6 | 1u << 17);
        assert_int_equal(ev->ops->add(ev, &back, 4, &e), 0);
        assert_int_equal(ev->ops->next(ev, &out, 60000, &e), 1);
        assert_int_equal(out.kind, EVENT_RETURN);
        assert_int_equal(out.point, 4);
        assert_int_equal(out.number, 1);
        assert_int_equal(ev->ops->remove(ev, 4, &e), 0);
        assert_int_equal(ev->ops->next(ev, &out, 50, &e), 0);
        end(&s, ev);
        // It steps over what it stands at; on KVM without the breakpoint.
        assert_int_equal(!!strstr(s.log, "Z1,5000,1\n"), 1);
        assert_int_equal(!!strstr(s.log, "vCont;s:2\n"), 1);
        assert_int_equal(!!strstr(s.log, "z1,5000,1\nz1,6000,1\nvCont;s:2\nZ1,5000,1"), kvm);
        assert_int_equal(!!strstr(s.log, "z1,6000,1"), 1);
    }
}

static void written(void **state)
{
    static const char *const stops[] = { "T05thread:01;watch:7000;@1234,0", NULL };
    struct stub s = { .stops = stops };
    struct events *ev = open_(&s);
    const struct event_point p = { .kind = EVENT_WRITE, .address = WATCHED, .len = 4 };
    const struct event_point bad = { .kind = EVENT_WRITE, .address = 0xbad, .len = 3 };
    struct event out;
    struct eg_error e;

    (void)state;
    assert_int_equal(ev->ops->add(ev, &p, 0, &e), 0);
    assert_int_equal(ev->ops->add(ev, &bad, 1, &e), -EG_EUSAGE);
    assert_int_equal(ev->ops->next(ev, &out, 60000, &e), 1);
    assert_int_equal(out.kind, EVENT_WRITE);
    assert_int_equal(out.address, WATCHED);
    assert_int_equal(out.len, 4);
    assert_int_equal(out.value, 0x07070707);
    end(&s, ev);
    assert_null(strstr(s.log, "vCont;s"));
    assert_non_null(strstr(s.log, "Z2,7000,4"));
}

/* AArch64 stops before a store: the value is what a step behind it finds, unless that faulted. */
static void written_on_aarch64(void **state)
{
    static const char *const stops[] = { "T05thread:01;watch:7000;@1234,8800",
                                         "T05thread:02;watch:7000;@1234,8800", NULL };
    struct stub s = { .stops = stops, .arm = true, .faults = 1, .root = 0x5000 };
    struct events *ev = open_(&s);
    const struct event_point p = { .kind = EVENT_WRITE, .address = WATCHED, .len = 4 },
                             call = { .kind = EVENT_CALL, .address = 0x1238 };
    struct event out;
    struct eg_error e;

    (void)state;
    assert_int_equal(ev->ops->add(ev, &p, 0, &e), 0);
    assert_int_equal(ev->ops->add(ev, &call, 1, &e), 0);
    assert_int_equal(ev->ops->next(ev, &out, 5000, &e), 1);
    assert_int_equal(out.kind, EVENT_WRITE);
    assert_int_equal(out.cpu, 1); // the first store faulted
    assert_int_equal(out.number, 0);
    assert_int_equal(out.value, 0x07070707);
    assert_int_equal(out.state.regs[32], 0x1238);
    assert_int_equal(out.state.root, 0x5000);
    assert_int_equal(out.state.gs_base, UINT64_C(91) << 40);
    assert_int_equal(out.task, UINT64_C(93) << 40);
    assert_int_equal(ev->ops->next(ev, &out, 50, &e), 0);
    end(&s, ev);
    assert_non_null(strstr(s.log, "z2,7000,4\nvCont;s:1\nZ2,7000,4\n"));
    assert_non_null(strstr(s.log, "z2,7000,4\nvCont;s:2\nZ2,7000,4\n"));
    // The function behind the store is not passed: it has not been seen yet.
    assert_non_null(strstr(s.log, "m7000,4\nvCont;c\n"));
}

/* A processor stands where it begins, without page tables; a program may have code there too. */
static void is_reset(void **state)
{
    static const char *const x86[] = { "T05thread:01;@fff0,0,1234001", "T05thread:01;@fff0,0,0",
                                       NULL };
    static const char *const arm[] = { "T05thread:01;@40000000,0,5000",
                                       "T05thread:01;@40000000,0,0", NULL };

    (void)state;
    for (int i = 0; i < 3; i++) { // the last: on KVM
        struct stub s = { .stops = i == 1 ? arm : x86, .arm = i == 1, .kvm = i == 2 };
        struct events *ev = open_(&s);
        struct event out;
        struct eg_error e;

        assert_int_equal(ev->ops->next(ev, &out, i < 2 ? 5000 : 50, &e), i < 2);
        if (i < 2) {
            assert_int_equal(out.kind, EVENT_RESET);
            assert_int_equal(out.point, EVENT_POINTS_MAX);
            assert_null(*s.stops);
        }
        end(&s, ev);
        assert_int_equal(!!strstr(s.log, "Z1,fffffff0,1\n"), i == 0);
        assert_int_equal(!!strstr(s.log, "Z1,0,4\nZ1,40000000,4\n"), i == 1);
    }
}

static void *greet(void *fd)
{
    static const char text[] = "{\"QMP\": {\"version\": {}}}\r\n";

    if (write(*(int *)fd, text, sizeof text - 1) < 0)
        abort();
    return NULL;
}

static void is_a_monitor(void **state)
{
    struct events *ev;
    struct eg_error e;
    pthread_t t;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(pthread_create(&t, NULL, greet, ends), 0);
    assert_int_equal(events_gdb_open_fd(&ev, ends[1], &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "monitor (QMP)"));
    pthread_join(t, NULL);
    close(ends[0]);
}

static void ended(void **state)
{
    static const char *const stops[] = { "W00", NULL };
    struct stub s = { .stops = stops };
    struct events *ev = open_(&s);
    struct event out;
    struct eg_error e;

    (void)state;
    assert_int_equal(ev->ops->next(ev, &out, 60000, &e), -EG_ENOTFOUND);
    events_close(ev);
    pthread_join(s.thread, NULL);
}

static void memory(void **state)
{
    static const char *const stops[] = { NULL };
    struct stub s = { .stops = stops };
    struct events *ev = open_(&s);
    struct eg_view *v = malloc(sizeof *v);
    uint8_t bytes[0x2100];
    struct eg_space *as;
    struct event out;
    enum eg_why why;
    struct eg_error e;

    (void)state;
    assert_non_null(v);
    eg_view_init(v, NULL);
    assert_int_equal(ev->ops->memory(ev, &as, &e), 0);
    assert_int_equal(as->last, 0x9fff);
    assert_true(eg_read(v, as, 0x1f80, bytes, 0x2080));
    assert_int_equal(bytes[0x7f], 1);
    assert_int_equal(bytes[0x80], 2);
    assert_int_equal(bytes[0x207f], 3);
    assert_false(eg_read(v, as, 0x4000, bytes, 1));
    assert_int_equal(eg_read_some(v, as, 0x7f00, bytes, 0x200, &why), 0x100);
    assert_int_equal(why, EG_ABSENT);
    // While it runs nothing of it can be read.
    assert_int_equal(ev->ops->next(ev, &out, 20, &e), 0);
    eg_view_fini(v);
    assert_false(eg_read(v, as, 0x1000, bytes, 1));
    assert_int_equal(ev->ops->stand(ev, &e), 0);
    assert_true(eg_read(v, as, 0x1000, bytes, 1));
    eg_view_fini(v);
    free(v);
    end(&s, ev);
}

/* A debugger that is killed: the stub hears D all the same. */
static void killed(void **state)
{
    static const char *const stops[] = { NULL };
    struct stub s = { .stops = stops };
    const int fd = begin(&s);
    const pid_t child = fork();
    int status;

    (void)state;
    if (!child) {
        struct events *ev;
        struct event out;
        struct eg_error e;
        const struct event_point p = { .kind = EVENT_CALL, .address = FUNCTION };

        close(s.fd);
        if (events_gdb_open_fd(&ev, fd, &e) || ev->ops->add(ev, &p, 0, &e) ||
            ev->ops->next(ev, &out, 50, &e))
            _exit(1);
        raise(SIGKILL);
    }
    close(fd);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    pthread_join(s.thread, NULL); // the guardian closed its end
    assert_non_null(strstr(s.log, "Z1,5000,1\nvCont;c\n"));
    assert_non_null(strstr(s.log, "\nD\n"));
}

static void registers_of_aarch64(void **state)
{
    static const char core[] =
        "<feature><reg name=\"x0\" bitsize=\"64\"/><reg name=\"sp\" bitsize=\"64\"/>"
        "<reg name=\"pc\" bitsize=\"64\"/><reg name=\"cpsr\" bitsize=\"32\"/>"
        "<reg name=\"SP_EL0\" bitsize=\"64\" regnum=\"90\"/></feature>";
    struct gdbstub_layout l = { 0 };
    char files[4][64];
    uint32_t number = 0;
    uint8_t bytes[28] = { [0] = 1, [8] = 2, [16] = 3, [24] = 5 };
    struct eg_cpu cpu;
    struct eg_error e;
    uint64_t known;
    size_t n = 0;

    (void)state;
    assert_int_equal(gdbstub_read_xml(&l, core, sizeof core - 1, &number, files, &n, 4, &e), 0);
    gdbstub_layout_end(&l, "aarch64");
    gdbstub_take_registers(&l, bytes, sizeof bytes, &cpu, &known);
    assert_int_equal(cpu.regs[0], 1);
    assert_int_equal(cpu.regs[31], 2);
    assert_int_equal(cpu.regs[32], 3);
    assert_int_equal(cpu.regs[33], 5);
    assert_int_equal(known, 1 | UINT64_C(7) << 31);
    assert_int_equal(l.all.at[l.sp_el0].number, 90);
    eg_vec_fini(&l.all);
    // Damaged ones are errors, not registers.
    assert_int_equal(gdbstub_read_xml(&l, "<reg name='x'>", 14, &number, files, &n, 4, &e),
                     -EG_EFORMAT);
    assert_int_equal(
        gdbstub_read_xml(&l, "<reg name='x' bitsize='-8'>", 27, &number, files, &n, 4, &e),
        -EG_EFORMAT);
    eg_vec_fini(&l.all);
}

/** A step that was none, or went into an interrupt: the call is met again, and is the same. */
static void put_off(void **state)
{
    const uint64_t at_call = UINT64_C(0xffffffff81005000), elsewhere = at_call + 0x7000;
    const struct instant call = { at_call, 0x9000 };
    const struct {
        struct instant now;
        bool again;
    } cases[] = {
        { { at_call, 0x9000 }, true },      // nothing was done
        { { elsewhere, 0x8fd0 }, true },    // an interrupt: a frame on the stack
        { { elsewhere, 0x1000 }, true },    // on a stack of its own
        { { at_call + 4, 0x9000 }, false }, // endbr64
        { { at_call + 1, 0x8ff8 }, false }, // push
        { { at_call + 7, 0x8f00 }, false }, // sub
        { { elsewhere, 0x8ff8 }, false },   // call
        { { elsewhere, 0x9008 }, false },   // ret
        { { elsewhere, 0x9000 }, false },   // jmp
    };
    struct told t = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        events_told_step(&t, call, cases[i].now, true);
        assert_int_equal(events_told_take(&t, (struct instant){ at_call, 0x8000 }), false);
        assert_int_equal(events_told_take(&t, call), cases[i].again);
        assert_false(events_told_take(&t, call)); // once
    }
    events_told_step(&t, call, (struct instant){ elsewhere, 0x8fd0 }, false);
    assert_false(events_told_take(&t, call));
    events_told_step(&t, call, call, false);
    assert_true(events_told_take(&t, call));
    events_told_step(&t, (struct instant){ 0x5000, 0x9000 }, (struct instant){ elsewhere, 0x100 },
                     true);
    assert_false(events_told_take(&t, (struct instant){ 0x5000, 0x9000 })); // of a program
    for (uint64_t i = 0; i <= TOLD_MAX; i++) // more than there is room for: the first is forgotten
        events_told_step(&t, (struct instant){ at_call, 0x100 * (i + 1) }, (struct instant){ 1, 1 },
                         true);
    assert_false(events_told_take(&t, (struct instant){ at_call, 0x100 }));
    assert_true(events_told_take(&t, (struct instant){ at_call, 0x200 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_off),  cmocka_unit_test(calls_and_returns),
        cmocka_unit_test(written),  cmocka_unit_test(written_on_aarch64),
        cmocka_unit_test(is_reset), cmocka_unit_test(is_a_monitor),
        cmocka_unit_test(ended),    cmocka_unit_test(memory),
        cmocka_unit_test(killed),   cmocka_unit_test(registers_of_aarch64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
