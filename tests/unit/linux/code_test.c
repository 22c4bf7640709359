/* code_test.c - jumps that hooks put at the beginning of functions, and breakpoints. */
#include "../../../plugins/linux/own/code.h"
#include "check.h"
#include <string.h>

static const struct eg_arch *arch_named(const char *name)
{
    for (size_t i = 0; eg_arch_nth(i); i++)
        if (!strcmp(eg_arch_nth(i)->name, name))
            return eg_arch_nth(i);
    return NULL;
}

/* The last of each processor look like one, and are none. */
static void stubs(void **state)
{
    static const struct {
        const char *arch, *bytes;
        size_t len;
        const char *what;
        uint64_t target;
        bool far;
    } cases[] = {
        { "x86_64", "\xe9\x10\0\0\0", 5, "jmp", 0x1015, false },
        { "x86_64", "\xe9\xf0\xff\xff\xff", 5, "jmp", 0xff5, false },
        { "x86_64", "\xf3\x0f\x1e\xfa\xe9\x10\0\0\0", 9, "jmp", 0x1019, false },
        { "x86_64", "\xff\x25\0\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11", 14,
          "jmp through the next word", 0x1122334455667788, true },
        { "x86_64", "\xff\x25\x10\0\0\0", 6, "jmp through a word", 0x1016, false },
        { "x86_64", "\x48\xb8\x88\x77\x66\x55\x44\x33\x22\x11\xff\xe0", 12, "movabs, jmp",
          0x1122334455667788, true },
        { "x86_64", "\x49\xbb\x88\x77\x66\x55\x44\x33\x22\x11\x41\xff\xe3", 13, "movabs, jmp",
          0x1122334455667788, true },
        { "x86_64", "\x48\xb8\x88\x77\x66\x55\x44\x33\x22\x11\x50\xc3", 12, "movabs, push, ret",
          0x1122334455667788, true },
        { "x86_64", "\x68\x88\x77\x66\x55\xc7\x44\x24\x04\x44\x33\x22\x11\xc3", 14,
          "push, mov, ret", 0x1122334455667788, true },
        { "x86_64", "\x68\x88\x77\x66\x55\xc3", 6, "push, ret", 0x55667788, true },
        { "x86_64", "\x48\xb8\x88\x77\x66\x55\x44\x33\x22\x11\xff\xe1", 12, NULL, 0, false },
        { "x86_64", "\x49\xbb\x88\x77\x66\x55\x44\x33\x22\x11\x41\x53\xc3", 13, "movabs, push, ret",
          0x1122334455667788, true },
        { "x86_64", "\xe8\x10\0\0\0", 5, "call", 0x1015, false },
        { "x86_64", "\xeb\xfe", 2, "jmp", 0x1000, false },
        { "x86_64", "\x49\xbb\x88\x77\x66\x55\x44\x33\x22\x11\xff\xe3\x90", 13, NULL, 0, false },
        { "x86_64", "\xe9\x10\0\0", 4, NULL, 0, false },
        { "x86_64", "\x55\x48\x89\xe5", 4, NULL, 0, false },
        { "aarch64", "\x50\0\0\x58\0\x02\x1f\xd6\x88\x77\x66\x55\x44\x33\x22\x11", 16, "ldr, br",
          0x1122334455667788, true },
        { "aarch64", "\x5f\x24\x03\xd5\x04\0\0\x14", 8, "b", 0x1014, false },
        { "aarch64", "\xff\xff\xff\x17", 4, "b", 0xffc, false },
        { "aarch64", "\x04\0\0\x94", 4, "bl", 0x1010, false },
        { "aarch64", "\x90\0\0\x58\0\x02\x1f\xd6", 8, "ldr, br", 0x1010, true },
        { "aarch64", "\x10\0\0\xb0\0\x02\x1f\xd6", 8, "adrp, br", 0x2000, false },
        { "aarch64", "\x10\0\0\x90\x10\x42\0\x91\0\x02\x1f\xd6", 12, "adrp, add, br", 0x1010,
          false },
        { "aarch64", "\x10\0\0\x90\x11\x42\0\x91\0\x02\x1f\xd6", 12, NULL, 0, false },
        { "aarch64", "\x50\0\0\x58\x20\x02\x1f\xd6\x88\x77\x66\x55\x44\x33\x22\x11", 16, NULL, 0,
          false },
        { "aarch64", "\xfd\x7b\xbf\xa9", 4, NULL, 0, false },
        { "riscv64", "\xe9\x10\0\0\0", 5, NULL, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct linux_stub s = linux_stub_at(
            arch_named(cases[i].arch), (const uint8_t *)cases[i].bytes, cases[i].len, 0x1000);

        if (!cases[i].what) {
            assert_null(s.what);
            continue;
        }
        assert_string_equal(s.what, cases[i].what);
        assert_int_equal(s.target, cases[i].target);
        assert_int_equal(s.far, cases[i].far);
    }
}

static void breakpoints(void **state)
{
    const struct eg_arch *x86 = arch_named("x86_64"), *arm = arch_named("aarch64");

    (void)state;
    assert_int_equal(linux_breakpoint_at(x86, (const uint8_t *)"\xcc\x55", 2), 1);
    assert_int_equal(linux_breakpoint_at(x86, (const uint8_t *)"\xcd\x55", 2), 0);
    assert_int_equal(linux_breakpoint_at(arm, (const uint8_t *)"\xa0\0\x20\xd4", 4), 4);
    assert_int_equal(linux_breakpoint_at(arm, (const uint8_t *)"\xa0\0\x20\xd4", 3), 0);
    assert_int_equal(linux_breakpoint_at(arm, (const uint8_t *)"\xa1\0\0\xd4", 4), 0); // svc
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stubs),
        cmocka_unit_test(breakpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
