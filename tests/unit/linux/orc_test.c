/* orc_test.c - entries of ORC in each of the kernel's forms, and one step by each sort of entry,
 * with one that is close to it and cannot be. */
#include "../../../plugins/linux/kernel/orc.h"
#include "base.h"
#include "check.h"

/* ---- entries ---- */

static void entries(void **state)
{
    static const struct linux_orc_format v5_10 = { .has_end = true },
                                         v6_3 = { .has_end = true, .has_signal = true },
                                         v6_4 = { .has_signal = true },
                                         v7_1 = { .has_signal = true, .renumbered = true };
    static const struct {
        const struct linux_orc_format *format;
        uint8_t entry[LINUX_ORC_SIZE];
        bool ok;
        struct linux_orc want;
    } cases[] = {
        { &v5_10,
          { 16, 0, 0xf0, 0xff, 0x15, 0 },
          true,
          { 16, -16, LINUX_ORC_SP, LINUX_ORC_PREV_SP, LINUX_ORC_CALL, false } },
        { &v5_10,
          { 0, 0, 0, 0, 0x05, 1 },
          true,
          { 0, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_FULL_REGS, true } },
        { &v5_10,
          { 0, 0, 0, 0, 0x09, 2 },
          true,
          { 0, 0, LINUX_ORC_SP_INDIRECT, LINUX_ORC_UNDEFINED, LINUX_ORC_IRET_REGS, true } },
        { &v5_10, { 0, 0, 0, 0, 0, 4 }, true, { .type = LINUX_ORC_END } },
        { &v5_10, { 0, 0, 0, 0, 0, 0 }, true, { .type = LINUX_ORC_NONE } },
        { &v5_10, { 0, 0, 0, 0, 0x0a, 0 }, false, { 0 } },
        { &v6_3,
          { 8, 0, 0, 0, 0x05, 4 },
          true,
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, true } },
        { &v6_3, { 0, 0, 0, 0, 0, 8 }, true, { .type = LINUX_ORC_END } },
        { &v6_3,
          { 0, 0, 0, 0, 0x05, 1 },
          true,
          { 0, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_FULL_REGS, false } },
        { &v6_4,
          { 8, 0, 0, 0, 0x05, 2 },
          true,
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false } },
        { &v6_4,
          { 8, 0, 0, 0, 0x05, 11 },
          true,
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_FULL_REGS, true } },
        { &v6_4, { 0, 0, 0, 0, 0, 1 }, true, { .type = LINUX_ORC_END } },
        { &v6_4, { 8, 0, 0, 0, 0x05, 5 }, false, { 0 } },
        { &v7_1,
          { 8, 0, 0, 0, 0x83, 2 },
          true,
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_PREV_SP, LINUX_ORC_CALL, false } },
        { &v7_1,
          { 8, 0, 0, 0, 0x05, 2 },
          true,
          { 8, 0, LINUX_ORC_DI, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false } },
        { &v7_1, { 8, 0, 0, 0, 0xb3, 2 }, false, { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct linux_orc o;

        assert_int_equal(linux_orc_decode(cases[i].format, cases[i].entry, &o), cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(o.sp_offset, cases[i].want.sp_offset);
        assert_int_equal(o.bp_offset, cases[i].want.bp_offset);
        assert_int_equal(o.sp_reg, cases[i].want.sp_reg);
        assert_int_equal(o.bp_reg, cases[i].want.bp_reg);
        assert_int_equal(o.type, cases[i].want.type);
        assert_int_equal(o.signal, cases[i].want.signal);
    }
}

static void numbering(void **state)
{
    static const uint8_t old[] = { 8, 0, 0, 0, 0x15, 2, 8, 0, 0, 0, 0x13, 2, 8, 0, 0, 0, 0x05, 2 };
    static const uint8_t new[] = { 8, 0, 0, 0, 0x83, 2, 8, 0, 0, 0, 0x85, 2, 8, 0, 0, 0, 0x03, 2 };

    (void)state;
    assert_false(linux_orc_renumbered(old, 3));
    assert_true(linux_orc_renumbered(new, 3));
    assert_false(linux_orc_renumbered(old, 0));
}

/* ---- steps ---- */

enum { WORDS = 32 };
#define STACK UINT64_C(0xffffc90000010000)

static bool read(void *context, uint64_t addr, uint64_t *out)
{
    const uint64_t *words = context, i = (addr - STACK) / 8;

    if (addr % 8 || addr < STACK || i >= WORDS)
        return false;
    *out = words[i];
    return true;
}

static void steps(void **state)
{
    /* The word at 8 * i is 0x1000 + i, except where it is a pointer. */
    static const struct {
        const char *what;
        struct linux_orc o;
        uint32_t known;
        enum linux_orc_result result;
        uint64_t ip, sp, bp;
        bool exact;
    } cases[] = {
        { "a call, by the stack pointer",
          { 24, -16, LINUX_ORC_SP, LINUX_ORC_PREV_SP, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_STEPPED,
          0x1003,
          STACK + 32,
          0x1002,
          false },
        { "a call, by the frame pointer",
          { 16, -16, LINUX_ORC_BP, LINUX_ORC_BP, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_STEPPED,
          0x1005,
          STACK + 48,
          0x1002,
          false },
        { "the frame pointer is the caller's still",
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_STEPPED,
          0x1001,
          STACK + 16,
          STACK + 32,
          false },
        { "a call before the stack",
          { -8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_BAD_STACK,
          0,
          0,
          0,
          false },
        { "a call behind the stack",
          { 32000, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_BAD_STACK,
          0,
          0,
          0,
          false },
        { "no place of a word",
          { 12, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_BAD_STACK,
          0,
          0,
          0,
          false },
        { "through a word of the stack",
          { 16, 0, LINUX_ORC_SP_INDIRECT, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_STEPPED,
          0x1009,
          STACK + 80,
          STACK + 32,
          false },
        { "through a word of the frame",
          { -24, 0, LINUX_ORC_BP_INDIRECT, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_STEPPED,
          0x1007,
          STACK + 64,
          STACK + 32,
          false },
        { "by a register that is known",
          { 0, 0, LINUX_ORC_R10, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          1 << 10,
          LINUX_ORC_STEPPED,
          0x1006,
          STACK + 56,
          STACK + 32,
          false },
        { "by one that is not",
          { 0, 0, LINUX_ORC_R10, LINUX_ORC_UNDEFINED, LINUX_ORC_CALL, false },
          1 << 13,
          LINUX_ORC_NO_REG,
          0,
          0,
          0,
          false },
        { "registers of an interrupt",
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_FULL_REGS, true },
          0,
          LINUX_ORC_STEPPED,
          0x1012,
          STACK + 200,
          0x1006,
          true },
        { "registers of a program",
          { 16, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_FULL_REGS, true },
          0,
          LINUX_ORC_TO_USER,
          0x1013,
          0x1016,
          0,
          true },
        { "what the processor pushed",
          { 128 + 8, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_IRET_REGS, true },
          1 << 7,
          LINUX_ORC_STEPPED,
          0x1012,
          STACK + 200,
          77,
          true },
        { "registers that are cut off",
          { 120, 0, LINUX_ORC_SP, LINUX_ORC_UNDEFINED, LINUX_ORC_FULL_REGS, true },
          0,
          LINUX_ORC_BAD_STACK,
          0,
          0,
          0,
          false },
        { "nothing called it", { .type = LINUX_ORC_END }, 0, LINUX_ORC_LAST, 0, 0, 0, false },
        { "nothing is known",
          { .type = LINUX_ORC_NONE, .sp_reg = LINUX_ORC_SP },
          0,
          LINUX_ORC_NO_DATA,
          0,
          0,
          0,
          false },
        { "a call from nowhere", { .type = LINUX_ORC_CALL }, 0, LINUX_ORC_NO_DATA, 0, 0, 0, false },
        { "a frame pointer from nowhere",
          { 8, 0, LINUX_ORC_SP, LINUX_ORC_R10, LINUX_ORC_CALL, false },
          0,
          LINUX_ORC_NO_DATA,
          0,
          0,
          0,
          false },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct linux_orc_state s = {
            .ip = 1, .sp = STACK + 8, .bp = STACK + 32, .known = cases[i].known
        };
        uint64_t words[WORDS];

        for (size_t k = 0; k < WORDS; k++)
            words[k] = 0x1000 + k;
        words[1] = cases[i].o.type == LINUX_ORC_CALL && cases[i].o.sp_reg == LINUX_ORC_SP_INDIRECT
                       ? STACK + 64
                       : 0x1001;
        if (cases[i].o.sp_reg == LINUX_ORC_BP_INDIRECT)
            words[1] = STACK + 64;
        s.regs[10] = STACK + 56;
        s.regs[7] = 77;
        // of the pt_regs at STACK + 16: ip in word 18, cs in 19, sp in 21
        words[19] = cases[i].result == LINUX_ORC_TO_USER ? 0x1013 : 0x10;
        words[20] = cases[i].result == LINUX_ORC_TO_USER ? 0x33 : 0x1014;
        words[21] = STACK + 200;
        if (linux_orc_step(&cases[i].o, &s, read, words) != cases[i].result)
            fail_msg("%s", cases[i].what);
        if (cases[i].result != LINUX_ORC_STEPPED && cases[i].result != LINUX_ORC_TO_USER) {
            assert_int_equal(s.sp, STACK + 8); // unchanged
            continue;
        }
        if (s.ip != cases[i].ip || s.exact != cases[i].exact)
            fail_msg("%s: ip %#llx", cases[i].what, (unsigned long long)s.ip);
        if (cases[i].result == LINUX_ORC_STEPPED && (s.sp != cases[i].sp || s.bp != cases[i].bp))
            fail_msg("%s: sp %#llx bp %#llx", cases[i].what, (unsigned long long)s.sp,
                     (unsigned long long)s.bp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(entries), cmocka_unit_test(numbering),
                                        cmocka_unit_test(steps) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
