/* jit_arm64_test.c - machine code of BPF programs on AArch64: how it begins, what it calls. */
#include "../../../core/base.h"
#include "../../../plugins/linux/bpf/jit_arm64.h"
#include "check.h"
#include <string.h>

enum { AT = 0x100000, WORDS = 8 };

static void bytes(const uint32_t *words, uint8_t out[4 * WORDS])
{
    for (unsigned i = 0; i < 4 * WORDS; i++)
        out[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
}

static void beginnings(void **state)
{
    static const struct {
        uint32_t code[WORDS];
        bool begins;
    } cases[] = {
        { { 0xaa1e03e9, 0xd503201f, 0xa9bf7bfd, 0x910003fd }, true },
        { { 0xd503245f, 0xa9bf7bfd, 0x910003fd }, true }, // bti c
        { { 0xaa1e03e9, 0xd503201f, 0xaa0203fd }, true }, // of an exception
        { { 0xaa1e03e9, 0xd503201f, 0xa9bf7bfd, 0xd503201f }, false },
        { { 0x14000100 }, false },
    };
    uint8_t code[4 * WORDS];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        bytes(cases[i].code, code);
        assert_true(linux_bpf_arm64_begins(code, sizeof code) == cases[i].begins);
    }
    bytes(cases[0].code, code);
    assert_false(linux_bpf_arm64_begins(code, 12)); // cut off
}

static void calls(void **state)
{
    static const struct {
        uint32_t code[WORDS];
        uint64_t target; // 0: not known
    } cases[] = {
        { { 0x94000004 }, AT + 16 },
        { { 0xd503201f, 0x17ffffff }, AT }, // b back
        // movn x10, #0x3c1b; movk x10, #0xae84, lsl #16; movk x10, #0xc4db, lsl #32; blr x10
        { { 0x9287836a, 0xf2b5d08a, 0xf2d89b6a, 0xd63f0140 }, UINT64_C(0xffffc4dbae84c3e4) },
        { { 0xd280020a, 0xf2a0004a, 0xd63f0140 }, 0x20010 },       // movz, movk
        { { 0x9287836a, 0xf2b5d08a, 0xf2d89b6b, 0xd63f0140 }, 0 }, // another register
        { { 0x9287836a, 0xd503201f, 0xd63f0140 }, 0 },
        { { 0xd63f0140 }, 0 },
        { { 0xf2a0004a, 0xd63f0140 }, 0 }, // no beginning
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        uint8_t code[4 * WORDS];
        uint64_t target = 0;
        uint32_t at = 0;

        bytes(cases[i].code, code);
        if (!linux_bpf_arm64_call(code, sizeof code, AT, &at, &target))
            target = 0;
        if (target != cases[i].target)
            fail_msg("case %zu: %#llx", i, (unsigned long long)target);
        assert_false(linux_bpf_arm64_call(code, sizeof code, AT, &at, &target));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(beginnings), cmocka_unit_test(calls) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
