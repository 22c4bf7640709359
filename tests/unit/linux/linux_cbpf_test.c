/* linux_cbpf_test.c - classic BPF as text, and what filters of system calls answer. */
#include "../../../plugins/linux/sched/cbpf.h"
#include "../../../plugins/linux/sched/syscalls.h"
#include "check.h"
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void text(void **state)
{
    static const struct {
        struct linux_cbpf insn;
        bool seccomp;
        const char *text;
    } cases[] = {
        { { 0x20, 0, 0, 0 }, true, "ld nr" },
        { { 0x20, 0, 0, 4 }, true, "ld arch" },
        { { 0x20, 0, 0, 20 }, true, "ld arg0.high" },
        { { 0x20, 0, 0, 60 }, true, "ld arg5.high" },
        { { 0x20, 0, 0, 64 }, true, "ld [64]" },
        { { 0x20, 0, 0, 2 }, true, "ld [2]" },
        { { 0x20, 0, 0, 4 }, false, "ld [4]" },
        { { 0x28, 0, 0, 12 }, false, "ldh [12]" },
        { { 0x30, 0, 0, 23 }, false, "ldb [23]" },
        { { 0x40, 0, 0, 1 }, false, "ld [x + 1]" },
        { { 0x00, 0, 0, 16 }, false, "ld #0x10" },
        { { 0x60, 0, 0, 3 }, false, "ld M[3]" },
        { { 0x80, 0, 0, 0 }, false, "ld len" },
        { { 0xb1, 0, 0, 14 }, false, "ldx 4*([14]&0xf)" },
        { { 0x61, 0, 0, 3 }, false, "ldx M[3]" },
        { { 0x02, 0, 0, 3 }, false, "st M[3]" },
        { { 0x03, 0, 0, 3 }, false, "stx M[3]" },
        { { 0x54, 0, 0, 0xff }, false, "and #0xff" },
        { { 0x0c, 0, 0, 0 }, false, "add x" },
        { { 0x84, 0, 0, 0 }, false, "neg" },
        { { 0xf4, 0, 0, 0 }, false, "unknown 0xf4" },
        { { 0x05, 0, 0, 7 }, false, "ja 15" },
        { { 0x15, 1, 2, 59 }, false, "jeq #0x3b jt 9 jf 10" },
        { { 0x25, 0, 1, 1 }, false, "jgt #0x1 jt 8 jf 9" },
        { { 0x3d, 0, 1, 0 }, false, "jge x jt 8 jf 9" },
        { { 0x45, 0, 1, 6 }, false, "jset #0x6 jt 8 jf 9" },
        { { 0x55, 0, 1, 6 }, false, "unknown 0x55" },
        { { 0x06, 0, 0, 0x7fff0000 }, true, "ret ALLOW" },
        { { 0x06, 0, 0, 0x00050001 }, true, "ret ERRNO(1)" },
        { { 0x06, 0, 0, 0x80000000 }, true, "ret KILL_PROCESS" },
        { { 0x06, 0, 0, 0 }, true, "ret KILL_THREAD" },
        { { 0x06, 0, 0, 0x12340000 }, true, "ret unknown 0x12340000" },
        { { 0x06, 0, 0, 65535 }, false, "ret #0xffff" },
        { { 0x16, 0, 0, 0 }, false, "ret a" },
        { { 0x07, 0, 0, 0 }, false, "tax" },
        { { 0x87, 0, 0, 0 }, false, "txa" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct linux_cbpf program[8] = { { 0 } };
        char out[64];

        program[7] = cases[i].insn;
        linux_cbpf_text(program, 7, cases[i].seccomp, out, sizeof out);
        assert_string_equal(out, cases[i].text);
    }
}

#define ALLOW 0x7fff0000
#define DENY  0x00050001
#define KILL  0x80000000

/** The answers to call 5, as text in the order found, "+" behind those that are not all. */
static const char *answers(const struct linux_cbpf *program, size_t n)
{
    static char out[256];
    uint32_t found[LINUX_CBPF_ANSWERS];
    uint64_t left = UINT64_MAX;
    bool whole;
    size_t count = linux_cbpf_answers(program, n, LINUX_AUDIT_X86_64, 5, found, LINUX_CBPF_ANSWERS,
                                      &left, &whole);

    *out = 0;
    for (size_t i = 0; i < count; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%x", i ? " " : "", found[i]);
    if (!whole)
        strcat(out, "+");
    return out;
}

static void runs(void **state)
{
    static const struct {
        struct linux_cbpf program[8];
        size_t n;
        const char *answers;
    } cases[] = {
        { { { 6, 0, 0, ALLOW } }, 1, "7fff0000" },
        // the number, known
        { { { 0x20, 0, 0, 0 }, { 0x15, 0, 1, 5 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "50001" },
        { { { 0x20, 0, 0, 0 }, { 0x15, 0, 1, 6 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "7fff0000" },
        { { { 0x20, 0, 0, 0 }, { 0x25, 0, 1, 4 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "50001" },
        { { { 0x20, 0, 0, 0 }, { 0x25, 0, 1, 5 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "7fff0000" },
        { { { 0x20, 0, 0, 0 }, { 0x35, 0, 1, 5 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "50001" },
        { { { 0x20, 0, 0, 0 }, { 0x45, 0, 1, 4 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "50001" },
        { { { 0x20, 0, 0, 0 }, { 0x45, 0, 1, 2 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "7fff0000" },
        // the processor, known
        { { { 0x20, 0, 0, 4 }, { 0x15, 1, 0, 0xc000003e }, { 6, 0, 0, KILL }, { 6, 0, 0, ALLOW } },
          4,
          "7fff0000" },
        // an argument, not known: both
        { { { 0x20, 0, 0, 16 }, { 0x15, 0, 1, 5 }, { 6, 0, 0, DENY }, { 6, 0, 0, ALLOW } },
          4,
          "50001 7fff0000" },
        // arithmetic: 5 + 2 = 7, kept and brought back
        { { { 0x20, 0, 0, 0 },
            { 0x04, 0, 0, 2 },
            { 0x02, 0, 0, 1 },
            { 0x00, 0, 0, 9 },
            { 0x60, 0, 0, 1 },
            { 0x15, 0, 1, 7 },
            { 6, 0, 0, DENY },
            { 6, 0, 0, ALLOW } },
          8,
          "50001" },
        // by x
        { { { 0x20, 0, 0, 0 },
            { 0x07, 0, 0, 0 },
            { 0x1d, 0, 1, 0 },
            { 6, 0, 0, DENY },
            { 6, 0, 0, ALLOW } },
          5,
          "50001" },
        { { { 0x20, 0, 0, 0 }, { 0x16, 0, 0, 0 } }, 2, "5" },           // returns what it computed
        { { { 0x20, 0, 0, 16 }, { 0x16, 0, 0, 0 } }, 2, "+" },          // which is not known
        { { { 0x20, 0, 0, 0 } }, 1, "+" },                              // runs out
        { { { 0x05, 0, 0, 0xffffffff }, { 6, 0, 0, ALLOW } }, 2, "+" }, // leads away
        { { { 0x20, 0, 0, 0 }, { 0x34, 0, 0, 0 }, { 0x16, 0, 0, 0 } }, 3, "0" }, // by 0
        { { { 0x55, 0, 0, 0 }, { 6, 0, 0, ALLOW } }, 2, "7fff0000" }, // no such jump: not known
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(answers(cases[i].program, cases[i].n), cases[i].answers);
    assert_string_equal(answers(cases[0].program, 0), "+");
}

/* More ways than can be taken end, and say so. */
static void many_ways(void **state)
{
    static struct linux_cbpf program[LINUX_CBPF_MAX];

    (void)state;
    for (size_t i = 0; i < LINUX_CBPF_MAX; i += 2) {
        program[i] = (struct linux_cbpf){ 0x20, 0, 0, 16 };
        program[i + 1] = (struct linux_cbpf){ 0x15, 0, 1, (uint32_t)i };
    }
    assert_string_equal(answers(program, LINUX_CBPF_MAX), "+");
    for (uint32_t i = 0; i < 10; i++) { // more answers than are kept
        program[3 * i] = (struct linux_cbpf){ 0x20, 0, 0, 16 };
        program[3 * i + 1] = (struct linux_cbpf){ 0x15, 0, 1, i };
        program[3 * i + 2] = (struct linux_cbpf){ 6, 0, 0, DENY + i };
    }
    program[30] = (struct linux_cbpf){ 6, 0, 0, ALLOW };
    assert_string_equal(answers(program, 31), "50001 50002 50003 50004 50005 50006 50007 50008+");
}

/** A walk that ends for want of steps says that there is more, also where it ends with a way. */
static void few_steps(void **state)
{
    static const struct linux_cbpf program[] = {
        { 0x20, 0, 0, 16 }, { 0x15, 0, 1, 1 }, { 6, 0, 0, ALLOW }, { 6, 0, 0, DENY }
    };
    uint32_t found[LINUX_CBPF_ANSWERS];
    bool whole;

    (void)state;
    for (uint64_t steps = 0; steps <= 5; steps++) {
        uint64_t left = steps;
        const size_t n = linux_cbpf_answers(program, 4, LINUX_AUDIT_X86_64, 5, found,
                                            LINUX_CBPF_ANSWERS, &left, &whole);

        assert_int_equal(n, steps < 3 ? 0 : steps < 4 ? 1 : 2);
        assert_int_equal(whole, n == 2);
        assert_int_equal(left, steps < 4 ? 0 : steps - 4);
    }
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_X86_64, 59), "execve");
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_AARCH64, 221), "execve");
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_RISCV64, 63), "read");
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_ARM, 423), "sched_rr_get_interval_time64");
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_ARM, 437), "openat2");
    assert_null(linux_syscall_name(LINUX_AUDIT_ARM, 7));
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_X86_64, 435), "clone3");
    assert_string_equal(linux_syscall_name(LINUX_AUDIT_AARCH64, 470), "listns");
    assert_null(linux_syscall_name(LINUX_AUDIT_X86_64, 400));
    assert_null(linux_syscall_name(LINUX_AUDIT_AARCH64, 250));
    assert_null(linux_syscall_name(LINUX_AUDIT_X86_64, 471));
    assert_null(linux_syscall_name(LINUX_AUDIT_X86_64, UINT32_MAX));
    assert_null(linux_syscall_name(0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),      cmocka_unit_test(runs),  cmocka_unit_test(many_ways),
        cmocka_unit_test(few_steps), cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
