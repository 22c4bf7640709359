/* gdb_test.c - a debugger's packets on a small guest, and what is answered, letter by letter. */
#include "../../../live/gdb/gdb.h"
#include "mkgdb.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
    struct mk_gdb d;
    struct gdb *g;
};

static void monitor(void *context, const char *line, struct eg_arena *a, char **out)
{
    (void)context;
    *out = eg_arena_strf(a, "you said '%s'\n", line);
}
static const struct gdb_hooks hooks = { .monitor = monitor };
static const uint32_t pids[] = { 700 };
static const struct gdb_options with_700 = { .pids = pids, .n_pids = 1 };

static struct world open_it(const struct gdb_options *o)
{
    struct world w = { .d = mk_gdb() };

    w.g = gdb_open(w.d.r, o, &hooks, NULL);
    assert_non_null(w.g);
    return w;
}

static void close_it(struct world *w)
{
    gdb_close(w->g);
    mk_gdb_free(&w->d);
}

/* The data of all packets of the answer, with a bar between; escapes are undone. */
static const char *say(struct world *w, const char *packet, size_t len)
{
    static char all[RSP_PACKET_MAX + 64];
    struct rsp_in in = { .keeps_runs = true };
    char *copy = malloc(len + 1);
    size_t n = 0, at = 0;

    assert_non_null(copy);
    memcpy(copy, packet, len);
    copy[len] = 0;
    w->g->out.at.n = 0;
    gdb_answer(w->g, copy, len);
    free(copy);
    assert_false(w->g->out.failed);
    while (at < w->g->out.at.n) {
        enum rsp_what what;

        at += rsp_take(&in, w->g->out.at.at + at, w->g->out.at.n - at, &what);
        assert_int_equal(what, RSP_PACKET);
        if (n)
            all[n++] = '|';
        memcpy(all + n, in.data.at, in.data.n);
        n += in.data.n;
    }
    rsp_in_fini(&in);
    all[n] = 0;
    return all;
}

static void check(struct world *w, const char *packet, const char *want)
{
    const char *got = say(w, packet, strlen(packet));

    if (strcmp(got, want) != 0)
        fail_msg("%s: '%s', not '%s'", packet, got, want);
}

static void has(struct world *w, const char *packet, const char *want)
{
    const char *got = say(w, packet, strlen(packet));

    if (!strstr(got, want))
        fail_msg("%s: '%s' has no '%s'", packet, got, want);
}

#define GDB_13 "qSupported:multiprocess+;swbreak+;vContSupported+;xmlRegisters=i386"

static void begins(void **state)
{
    struct world w = open_it(NULL);
    const char *offer;
    size_t end;

    (void)state;
    offer = say(&w, GDB_13, strlen(GDB_13));
    assert_memory_equal(offer, "PacketSize=20000;", 17);
    assert_non_null(strstr(offer, "multiprocess+;"));
    assert_non_null(strstr(offer, "qXfer:threads:read+;"));
    assert_null(strstr(offer, "error-message+"));
    end = strlen(offer);
    assert_true(end < 1000);
    check(&w, "vMustReplyEmpty", "");
    check(&w, "qNothingThatIsKnown", "");
    check(&w, "", "");
    check(&w, "!", "OK");
    assert_false(w.g->no_acks);
    check(&w, "QStartNoAckMode", "OK");
    assert_true(w.g->no_acks);
    check(&w, "?", "T05thread:p2.1;core:0;");
    check(&w, "qC", "QCp2.1");
    check(&w, "qAttached:2", "1");
    check(&w, "qTStatus", "");
    check(&w, "qSymbol::", "OK");
    check(&w, "qfThreadInfo", "mp2.1,p2.2,p2.2bc,p2.2bd");
    check(&w, "qsThreadInfo", "l");
    close_it(&w);
}

static void threads(void **state)
{
    struct world w = open_it(NULL);

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    check(&w, "Hgp2.2bd", "OK");
    check(&w, "qC", "QCp2.2bd");
    check(&w, "Hgp2.3", "E01");
    check(&w, "Hgp3.1", "E01");
    check(&w, "Hgp2bc.2bc", "E01"); // not attached
    check(&w, "Hgp2bc.2bcx", "E01");
    check(&w, "Hgpx.2", "E01");
    check(&w, "qC", "QCp2.2bd");
    check(&w, "Hgp0.0", "OK");
    check(&w, "Hgp-1.-1", "OK");
    check(&w, "Hc-1", "OK");
    check(&w, "qC", "QCp2.2bd");
    check(&w, "Tp2.2", "OK");
    check(&w, "Tp2.3", "E01");
    check(&w, "Tp2bc.2bc", "E01");
    check(&w, "T", "E01");
    check(&w, "qXfer:threads:read::0,10000",
          "l<?xml version=\"1.0\"?>\n<threads>\n"
          "<thread id=\"p2.1\" core=\"0\" name=\"init\">sleeping, CPU 0, in read()</thread>\n"
          "<thread id=\"p2.2\" core=\"1\" name=\"kthreadd\">sleeping, CPU 1</thread>\n"
          "<thread id=\"p2.2bc\" core=\"2\" name=\"two\">sleeping, CPU 2, in read()</thread>\n"
          "<thread id=\"p2.2bd\" core=\"3\" name=\"a&lt;&amp;&quot;\\x1b\\}\">"
          "sleeping, CPU 3, in read(), thread of 700</thread>\n</threads>\n");
    check(&w, "qXfer:threads:read::2,5", "mxml v");
    check(&w, "qXfer:threads:read::10000,5", "l");
    check(&w, "qXfer:threads:read::ffffffffffffffff,ffffffffffffffff", "l");
    check(&w, "qXfer:threads:read::0", "E01");
    check(&w, "qXfer:threads:write::0:ab", "E01");
    check(&w, "qXfer:nothing:read::0,5", "");
    check(&w, "qThreadExtraInfo,p2.2",
          "6b74687265616464"
          "3a20"
          "736c656570696e672c204350552031");
    check(&w, "qThreadExtraInfo,p2.9", "E01");
    close_it(&w);
}

/* A process becomes an inferior, is seen as its program sees it, and goes. */
static void processes(void **state)
{
    struct world w = open_it(NULL);

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    check(&w, "vAttach;2bc", "T05thread:p2bc.2bc;core:2;");
    check(&w, "qC", "QCp2bc.2bc");
    check(&w, "qfThreadInfo", "mp2.1,p2.2,p2.2bc,p2.2bd,p2bc.2bc,p2bc.2bd");
    check(&w, "vAttach;2bd", "E01"); // a thread
    check(&w, "vAttach;9", "E01");
    check(&w, "vAttach;", "E01");
    check(&w, "vAttach;ffffffffff", "E01");
    check(&w, "Hgp2bc.1", "E01"); // of another process
    check(&w, "Hgp2bc.2bd", "OK");
    check(&w, "m401000,4", "00010203");
    check(&w, "m401ffe,8", "feff"); // up to the hole
    check(&w, "m402000,1", "E0e");
    check(&w, "D;2bc", "OK");
    check(&w, "Hgp2bc.2bd", "E01");
    check(&w, "g", "E01");
    check(&w, "D;2bc", "E01");
    check(&w, "D;2", "OK");
    check(&w, "?", "W00");
    check(&w, "qfThreadInfo", "l");
    check(&w, "vAttach;2", "T05thread:p2.2;core:1;");
    check(&w, "vKill;2", "OK");
    assert_false(w.g->done);
    check(&w, "k", "");
    assert_true(w.g->done);
    close_it(&w);
}

/* The leader has ended, another thread goes on: that one has the memory, and is the first. */
static void leader_ended(void **state)
{
    struct world w = open_it(NULL);
    const uint64_t leader = w.d.task[2];

    (void)state;
    gdb_close(w.g);
    mk_put(w.d.g.k, leader, "task_struct.mm", 0);
    mk_put(w.d.g.k, leader, "task_struct.stack", 0);
    w.g = gdb_open(w.d.r, NULL, NULL, NULL);
    assert_non_null(w.g);
    say(&w, GDB_13, strlen(GDB_13));
    check(&w, "vAttach;2bc", "T05thread:p2bc.2bd;core:3;");
    check(&w, "m401000,4", "00010203");
    close_it(&w);
}

static void from_the_beginning(void **state)
{
    struct world w = open_it(&with_700);

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    check(&w, "?", "T05thread:p2.1;core:0;");
    check(&w, "qfThreadInfo", "mp2.1,p2.2,p2.2bc,p2.2bd,p2bc.2bc,p2bc.2bd");
    close_it(&w);
}

static void hex64(char *out, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        sprintf(out + 2 * i, "%02x", (unsigned)(v >> 8 * i & 0xff));
}

/* Numbers as in the description: rax is 0, rbx 1, rsp 7, rip 16, cs 18, xmm0 40, orig_rax 57,
 * fs_base 58, ymm0h 60. */
static void registers(void **state)
{
    struct world w = open_it(&with_700);
    char want[32];
    size_t len;

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    has(&w, "qXfer:features:read:target.xml:0,10000", "<architecture>i386:x86-64</architecture>");
    check(&w, "qXfer:features:read:other.xml:0,10000", "E01");
    check(&w, "Hgp2.2bc", "OK");
    hex64(want, w.d.code + 0x12);
    check(&w, "p10", want);
    hex64(want, w.d.sp[2]);
    check(&w, "p7", want);
    check(&w, "p1", "0b0b000000000000");
    check(&w, "p0", "xxxxxxxxxxxxxxxx");
    check(&w, "p12", "xxxxxxxx");
    check(&w, "p28", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    len = strlen(say(&w, "g", 1));
    check(&w, "Hgp2bc.2bc", "OK");
    check(&w, "p10", "2010400000000000");
    check(&w, "p0", "daffffffffffffff");
    check(&w, "p12", "33000000");
    check(&w, "p39", "0000000000000000"); // orig_rax: read()
    check(&w, "p3a",
          "401700000"
          "07f0000");
    check(&w, "p4c", "E01");
    check(&w, "pfffffffffffffff", "E01");
    check(&w, "p", "E01");
    assert_int_equal(strlen(say(&w, "g", 1)), len - 16 * 32); // as of a processor without AVX
    has(&w, "qXfer:features:read:target.xml:0,10000", "org.gnu.gdb.i386.avx");
    assert_int_equal(strlen(say(&w, "g", 1)), len);
    has(&w, "g", "daffffffffffffff");
    close_it(&w);
}

static void memory(void **state)
{
    struct world w = open_it(NULL);
    char packet[64], want[64];

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    snprintf(packet, sizeof packet, "m%llx,4", (unsigned long long)w.d.code);
    check(&w, packet, "f0f1f2f3");
    *packet = 'x';
    check(&w, packet, "b\xf0\xf1\xf2\xf3");
    snprintf(packet, sizeof packet, "x%llx,4", (unsigned long long)w.d.code + 0x33);
    check(&w, packet, "b#$%&");    // escaped on the way
    check(&w, "m401000,4", "E0e"); // of which process?
    check(&w, "Hgp2.2bc", "OK");
    check(&w, "m401000,4", "00010203"); // that of the thread that is chosen
    check(&w, "Hgp2.2", "OK");
    check(&w, "m401000,4", "E0e");
    check(&w, "mffffffffffffffff,ffffffffffffffff", "E0e");
    check(&w, "m401000", "E01");
    check(&w, "m,4", "E01");
    check(&w, "m401000,4,4", "E01");
    check(&w, "m401000,0", "");
    snprintf(packet, sizeof packet, "m%llx,ffffffff", (unsigned long long)w.d.code);
    assert_true(strlen(say(&w, packet, strlen(packet))) <= RSP_PACKET_MAX);
    check(&w, "qqemu.PhyMemMode", "0");
    check(&w, "Qqemu.PhyMemMode:1", "OK");
    check(&w, "qqemu.PhyMemMode", "1");
    snprintf(packet, sizeof packet, "m%llx,4", (unsigned long long)mk_physical(w.d.g.k, w.d.code));
    check(&w, packet, "f0f1f2f3");
    check(&w, "Qqemu.PhyMemMode:0", "OK");
    snprintf(want, sizeof want, "TextSeg=%llx", (unsigned long long)w.d.code);
    check(&w, "qOffsets", want);
    check(&w, "vAttach;2bc", "T05thread:p2bc.2bc;core:2;");
    check(&w, "qOffsets", "");
    check(&w, "qMemoryRegionInfo:401234", "start:401000;size:1000;permissions:rx;");
    check(&w, "qMemoryRegionInfo:402000", "start:402000;size:1000;");
    check(&w, "qMemoryRegionInfo:", "E01");
    close_it(&w);
}

static void refusals(void **state)
{
    static const char *const packets[] = { "M401000,1:00", "X401000,1:0", "G00",
                                           "P0=00",        "Z0,401000,1", "Z1,401000,1" };
    static const char *const runs[] = { "vCont;c", "vCont;s:p2.1", "c", "s", "C05", "vRun;", "i" };
    struct world w = open_it(NULL);

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    for (size_t i = 0; i < countof(packets); i++)
        has(&w, packets[i], "E.this is an image of a machine: ");
    for (size_t i = 0; i < countof(runs); i++)
        check(&w, runs[i], "E.this is an image of a machine: nothing in it can run");
    check(&w, "vCont?", "vCont;c;C;s;S");
    check(&w, "z0,401000,1", "OK");
    check(&w, "qSupported:error-message+", say(&w, "qSupported:error-message+", 25));
    check(&w, "M401000,1:00", "E.this is an image of a machine: its memory is only read");
    check(&w, "vAttach;9", "E.no process 9; `monitor pslist` lists them");
    has(&w, "m0,1", "E.0: not mapped");
    close_it(&w);
}

static void monitored(void **state)
{
    struct world w = open_it(NULL);

    (void)state;
    check(&w, "qRcmd,6869",
          "O796f7520736169642027686927"
          "0a|OK");
    check(&w, "qRcmd,",
          "O796f752073616964202727"
          "0a|OK");
    check(&w, "qRcmd,6", "E01");
    check(&w, "qRcmd,6x", "E01");
    close_it(&w);
}

/* lldb, to whom one connection is one process. */
static void lldb(void **state)
{
    struct world w = open_it(&with_700);

    (void)state;
    has(&w, "qSupported:xmlRegisters=i386,arm,mips,arc", "PacketSize");
    check(&w, "QThreadSuffixSupported", "OK");
    check(&w, "QListThreadsInStopReply", "OK");
    check(&w, "QEnableErrorStrings", "OK");
    check(&w, "qHostInfo",
          "triple:7838365f36342d756e6b6e6f776e2d6c696e75782d676e75;endian:little;ptrsize:8;");
    check(&w, "qProcessInfo",
          "pid:2bc;parent-pid:1;real-uid:0;effective-uid:0;"
          "triple:7838365f36342d756e6b6e6f776e2d6c696e75782d676e75;endian:little;ptrsize:8;");
    check(&w, "qOffsets", "");
    check(&w, "?", "T05thread:2bc;hexname:74776f;threads:2bc,2bd;reason:signal;");
    check(&w, "qfThreadInfo", "m2bc,2bd");
    check(&w, "p10;thread:2bd;", "3010400000000000");
    check(&w, "p28;thread:2bd;",
          "E01;"
          "6e6f74206b6e6f776e");
    check(&w, "p0;thread:2bd;", "daffffffffffffff");
    has(&w, "vCont;c", "0a|T05thread:2bc;");
    check(&w, "p10;thread:1;",
          "E01;6e6f2073756368207468726561"
          "64");
    check(&w, "x0,0", "");
    check(&w, "qThreadStopInfo2bd", "T00thread:2bd;hexname:613c26225c7831625c7d;reason:none;");
    check(&w, "qThreadStopInfo2bc", "T05thread:2bc;hexname:74776f;reason:none;");
    check(&w, "jThreadsInfo",
          "[{\"tid\":700,\"reason\":\"signal\",\"name\":\"two\"},"
          "{\"tid\":701,\"reason\":\"none\",\"name\":\"a<&\\u0022\\u005cx1b\\u005c}\"}]");
    has(&w, "M401000,1:00", "E01;");
    check(&w, "vAttach;1", "T05thread:1;hexname:696e6974;threads:1;reason:signal;");
    close_it(&w);
}

/* All memory that a client may use is used: it loses its session, and no half answer is sent. */
static void starved(void **state)
{
    struct world w = open_it(NULL);

    (void)state;
    say(&w, GDB_13, strlen(GDB_13));
    w.d.r->arena.limit = w.d.r->arena.used + 1;
    check(&w, "qXfer:threads:read::0,10000", "");
    assert_true(w.g->done);
    close_it(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins),
        cmocka_unit_test(threads),
        cmocka_unit_test(processes),
        cmocka_unit_test(leader_ended),
        cmocka_unit_test(from_the_beginning),
        cmocka_unit_test(registers),
        cmocka_unit_test(memory),
        cmocka_unit_test(refusals),
        cmocka_unit_test(monitored),
        cmocka_unit_test(lldb),
        cmocka_unit_test(starved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
