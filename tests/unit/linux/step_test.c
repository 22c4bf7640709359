/* step_test.c - how long instructions are, and where they lead. */
#include "../../../plugins/linux/kernel/step.h"
#include "check.h"
#include <string.h>

static const struct eg_arch *arch_named(const char *name)
{
    for (size_t i = 0; eg_arch_nth(i); i++)
        if (!strcmp(eg_arch_nth(i)->name, name))
            return eg_arch_nth(i);
    return NULL;
}

static void steps(void **state)
{
    static const struct {
        const char *arch, *bytes;
        unsigned size; // 0: no instruction
        enum eg_flow flow;
        uint64_t target; // of code at 0x1000; 0: none
    } cases[] = {
        { "x86_64", "\x90", 1, EG_FLOW_NEXT, 0 },
        { "x86_64", "\x48\x89\xe5", 3, EG_FLOW_NEXT, 0 },
        { "x86_64", "\x48\x8b\x05\1\2\3\4", 7, EG_FLOW_NEXT, 0 },        // [rip + 0x4030201]
        { "x86_64", "\x8b\x04\x25\1\2\3\4", 7, EG_FLOW_NEXT, 0 },        // [0x4030201]
        { "x86_64", "\x8b\x44\x24\x08", 4, EG_FLOW_NEXT, 0 },            // [rsp + 8]
        { "x86_64", "\x8b\x84\x24\1\2\3\4", 7, EG_FLOW_NEXT, 0 },        // [rsp + 0x4030201]
        { "x86_64", "\x66\xc7\x45\0\1\2", 6, EG_FLOW_NEXT, 0 },          // imm16
        { "x86_64", "\xc7\x45\0\1\2\3\4", 7, EG_FLOW_NEXT, 0 },          // imm32
        { "x86_64", "\x48\xb8\1\2\3\4\5\6\7\x08", 10, EG_FLOW_NEXT, 0 }, // movabs
        { "x86_64", "\xb8\1\2\3\4", 5, EG_FLOW_NEXT, 0 },                // mov eax
        { "x86_64", "\x66\x48\xb8\1\2\3\4\5\6\7\x08", 11, EG_FLOW_NEXT, 0 },
        { "x86_64", "\xf6\xc3\xcc", 3, EG_FLOW_NEXT, 0 },     // test bl, imm8
        { "x86_64", "\xf6\xdb", 2, EG_FLOW_NEXT, 0 },         // neg bl
        { "x86_64", "\xf7\xc3\1\2\3\4", 6, EG_FLOW_NEXT, 0 }, // test ebx, imm32
        { "x86_64", "\xf3\x0f\x1e\xfa", 4, EG_FLOW_NEXT, 0 }, // endbr64
        { "x86_64", "\x0f\x1f\x44\0\0", 5, EG_FLOW_NEXT, 0 },
        { "x86_64", "\x65\x48\x8b\x04\x25\1\2\3\4", 9, EG_FLOW_NEXT, 0 }, // gs:
        { "x86_64", "\x0f\xba\xe0\x05", 4, EG_FLOW_NEXT, 0 },             // bt eax, 5
        { "x86_64", "\x66\x0f\x3a\x0f\xc1\x08", 6, EG_FLOW_NEXT, 0 },     // palignr
        { "x86_64", "\x66\x0f\x38\0\xc1", 5, EG_FLOW_NEXT, 0 },           // pshufb
        { "x86_64", "\xc5\xf8\x77", 3, EG_FLOW_NEXT, 0 },                 // vzeroupper
        { "x86_64", "\xc4\xe3\x7d\x46\xc1\x20", 6, EG_FLOW_NEXT, 0 },     // vperm2i128
        { "x86_64", "\xc4\xe2\x7d\x18\x05\1\2\3\4", 9, EG_FLOW_NEXT, 0 },
        { "x86_64", "\x62\xf1\xfd\x48\x6f\x05\1\2\3\4", 10, EG_FLOW_NEXT, 0 }, // vmovdqa64
        { "x86_64", "\xc8\x10\0\0", 4, EG_FLOW_NEXT, 0 },                      // enter
        { "x86_64", "\xe8\x10\0\0\0", 5, EG_FLOW_CALL, 0x1015 },
        { "x86_64", "\x2e\xe8\x10\0\0\0", 6, EG_FLOW_CALL, 0x1016 },
        { "x86_64", "\xe9\xf0\xff\xff\xff", 5, EG_FLOW_JUMP, 0xff5 },
        { "x86_64", "\xeb\xfe", 2, EG_FLOW_JUMP, 0x1000 },
        { "x86_64", "\x74\x10", 2, EG_FLOW_BRANCH, 0x1012 },
        { "x86_64", "\xe3\x10", 2, EG_FLOW_BRANCH, 0x1012 },
        { "x86_64", "\x0f\x85\x10\0\0\0", 6, EG_FLOW_BRANCH, 0x1016 },
        { "x86_64", "\xff\xd0", 2, EG_FLOW_CALL, 0 },
        { "x86_64", "\xff\x25\1\2\3\4", 6, EG_FLOW_JUMP, 0 },
        { "x86_64", "\xff\xc0", 2, EG_FLOW_NEXT, 0 }, // inc eax
        { "x86_64", "\xc3", 1, EG_FLOW_RETURN, 0 },
        { "x86_64", "\xc2\x08\0", 3, EG_FLOW_RETURN, 0 },
        { "x86_64", "\x48\xcf", 2, EG_FLOW_RETURN, 0 }, // iretq
        { "x86_64", "\xcc", 1, EG_FLOW_TRAP, 0 },
        { "x86_64", "\x0f\x0b", 2, EG_FLOW_TRAP, 0 },
        { "x86_64", "\x67\x48\x0f\xb9\x3a", 5, EG_FLOW_TRAP, 0 },
        { "x86_64", "\x06\0\0\0\0\0\0\0\0\0\0\0\0\0", 0, EG_FLOW_NEXT, 0 }, // push es: 32-bit code
        { "x86_64", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 0, EG_FLOW_NEXT,
          0 },
        { "aarch64", "\x04\0\0\x14", 4, EG_FLOW_JUMP, 0x1010 },
        { "aarch64", "\xff\xff\xff\x97", 4, EG_FLOW_CALL, 0xffc },
        { "aarch64", "\x40\0\0\x54", 4, EG_FLOW_BRANCH, 0x1008 },
        { "aarch64", "\x40\0\0\xb4", 4, EG_FLOW_BRANCH, 0x1008 }, // cbz
        { "aarch64", "\x40\0\0\x36", 4, EG_FLOW_BRANCH, 0x1008 }, // tbz
        { "aarch64", "\x20\0\x1f\xd6", 4, EG_FLOW_JUMP, 0 },
        { "aarch64", "\x20\0\x3f\xd6", 4, EG_FLOW_CALL, 0 },
        { "aarch64", "\xc0\x03\x5f\xd6", 4, EG_FLOW_RETURN, 0 },
        { "aarch64", "\x80\0\x20\xd4", 4, EG_FLOW_TRAP, 0 },
        { "aarch64", "\x1f\x20\x03\xd5", 4, EG_FLOW_NEXT, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct eg_arch *arch = arch_named(cases[i].arch);
        uint8_t bytes[32] = { 0 };
        struct linux_step s;
        bool ok;

        memcpy(bytes, cases[i].bytes, cases[i].size ? cases[i].size : 15);
        ok = linux_step_at(arch, bytes, sizeof bytes, 0x1000, &s);
        assert_int_equal(ok, cases[i].size != 0);
        if (!ok)
            continue;
        assert_int_equal(s.size, cases[i].size);
        assert_int_equal(s.flow, cases[i].flow);
        assert_int_equal(s.target, cases[i].target);
        assert_false(linux_step_at(arch, bytes, s.size - 1u, 0x1000, &s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(steps) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
