/* kmodule_reloc_test.c - relocations of modules: what GNU as and ld make of the same. */
#include "../../../plugins/linux/mm/elf.h"
#include "../../../plugins/linux/own/kmodule.h"
#include "check.h"
#include <string.h>

#define NEAR UINT64_C(0x12340)
#define FAR  UINT64_C(0xffff800012345670)

static void words(void **state)
{
    static const struct {
        uint16_t machine, type;
        unsigned size;
        uint64_t at, value, before, after;
    } cases[] = {
        { ELF_AARCH64, 264, 4, 0x10000, FAR, 0xd2800000, 0xd28ace00 },
        { ELF_AARCH64, 266, 4, 0x10004, FAR, 0xf2a00000, 0xf2a24680 },
        { ELF_AARCH64, 268, 4, 0x10008, FAR, 0xf2c00000, 0xf2d00000 },
        { ELF_AARCH64, 269, 4, 0x1000c, FAR, 0xf2e00000, 0xf2ffffe0 },
        { ELF_AARCH64, 273, 4, 0x10010, NEAR, 0x58000001, 0x58011981 },
        { ELF_AARCH64, 274, 4, 0x10014, NEAR, 0x10000002, 0x10011962 },
        { ELF_AARCH64, 275, 4, 0x10018, NEAR, 0x90000003, 0xd0000003 },
        { ELF_AARCH64, 277, 4, 0x1001c, NEAR, 0x91000064, 0x910d0064 },
        { ELF_AARCH64, 278, 4, 0x10020, NEAR, 0x39400065, 0x394d0065 },
        { ELF_AARCH64, 279, 4, 0x10024, NEAR, 0x36180006, 0x361918e6 },
        { ELF_AARCH64, 280, 4, 0x10028, NEAR, 0x54000000, 0x540118c0 },
        { ELF_AARCH64, 282, 4, 0x1002c, NEAR, 0x14000000, 0x140008c5 },
        { ELF_AARCH64, 283, 4, 0x10030, NEAR, 0x94000000, 0x940008c4 },
        { ELF_AARCH64, 284, 4, 0x10034, NEAR, 0x79400067, 0x79468067 },
        { ELF_AARCH64, 285, 4, 0x10038, NEAR, 0xb9400068, 0xb9434068 },
        { ELF_AARCH64, 286, 4, 0x1003c, NEAR, 0xf9400069, 0xf941a069 },
        { ELF_AARCH64, 299, 4, 0x10040, NEAR, 0x3dc0006a, 0x3dc0d06a },
        { ELF_AARCH64, 257, 8, 0x10044, FAR, 0x0, 0xffff800012345670 },
        { ELF_AARCH64, 258, 4, 0x1004c, NEAR, 0x0, 0x12340 },
        { ELF_AARCH64, 261, 4, 0x10050, NEAR, 0x0, 0x22f0 },
        { ELF_AARCH64, 262, 2, 0x10054, NEAR, 0x0, 0x22ec },
        { ELF_AARCH64, 260, 8, 0x10058, FAR, 0x0, 0xffff800012335618 },
        { ELF_X86_64, 1, 8, 0x10010, FAR, 0, 0xffff800012345670 },
        { ELF_X86_64, 2, 4, 0x10010, NEAR, 0, 0x2330 },
        { ELF_X86_64, 4, 4, 0x10010, NEAR, 0, 0x2330 },
        { ELF_X86_64, 10, 4, 0x10010, NEAR, 0, 0x12340 },
        { ELF_X86_64, 11, 4, 0x10010, NEAR, 0, 0x12340 },
        { ELF_X86_64, 24, 8, 0x10010, NEAR, 0, 0x2330 },
        { ELF_X86_64, 9, 0, 0x10010, NEAR, 0, 0 }, // through a table of addresses
        { ELF_AARCH64, 311, 0, 0x10010, NEAR, 0, 0 },
        { ELF_AARCH64, 281, 0, 0x10010, NEAR, 0, 0 },
        { 243, 2, 0, 0x10010, NEAR, 0, 0 }, // of another processor
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t word = cases[i].before;

        assert_int_equal(linux_kmodule_relocate(cases[i].machine, cases[i].type, (uint8_t *)&word,
                                                sizeof word, cases[i].at, cases[i].value),
                         cases[i].size);
        if (word != cases[i].after)
            fail_msg("type %u: %#llx", cases[i].type, (unsigned long long)word);
        word = cases[i].before;
        if (cases[i].size) // no room
            assert_int_equal(linux_kmodule_relocate(cases[i].machine, cases[i].type,
                                                    (uint8_t *)&word, cases[i].size - 1,
                                                    cases[i].at, cases[i].value),
                             0);
        assert_true(word == cases[i].before);
    }
}

/* Calls of AArch64 reach 128 MiB. */
static void far_calls(void **state)
{
    const uint64_t at = UINT64_C(1) << 32, reach = UINT64_C(1) << 27;

    (void)state;
    assert_false(linux_kmodule_far(ELF_AARCH64, 283, at, at + reach - 4));
    assert_true(linux_kmodule_far(ELF_AARCH64, 283, at, at + reach));
    assert_false(linux_kmodule_far(ELF_AARCH64, 282, at, at - reach));
    assert_true(linux_kmodule_far(ELF_AARCH64, 282, at, at - reach - 4));
    assert_false(linux_kmodule_far(ELF_AARCH64, 275, at, at + reach));
    assert_false(linux_kmodule_far(ELF_X86_64, 4, at, at + reach));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(far_calls) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
