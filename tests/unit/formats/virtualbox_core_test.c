/* virtualbox_core_test.c - cores of VirtualBox's machines: what is special in its notes. */
#include "mkdump.h"

enum { PAGE = 4096 };

/** VirtualBox's notes: the length of the name excludes its NUL, and all is padded to 8. */
static void core(void **state)
{
    (void)state;
    append("\x7f\x45LF\2\1\1\0\0\0\0\0\0\0\0\0", 16);
    put(4 | 62 << 16, 4);
    put(1, 4);
    put(0, 8);
    put(64, 8);
    put(0, 8);
    put(0, 4);
    put(64 | 56 << 16, 4);
    put(3, 8);
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t offset[] = { 232, 0x2000, 0 }, size[] = { 44 + 2 * 564, PAGE, 0 },
                              mem[] = { 0, PAGE, PAGE }, address[] = { 0, 0x5000, 0xf0000000 };

        put(i ? 1 : 4, 8);
        put(offset[i], 8);
        put(0, 8);
        put(address[i], 8);
        put(size[i], 8);
        put(mem[i], 8);
        put(0, 8);
    }
    put(6, 4);
    put(24, 4);
    put(0xb00, 4);
    append("VBCORE\0", 8);
    put(0xc01ac0de, 4);
    put(0x10006, 20);
    for (uint64_t cpu = 0; cpu < 2; cpu++) {
        put(5, 4);
        put(544, 4);
        put(0xb01, 4);
        append("VBCPU\0\0", 8);
        for (uint64_t i = 0; i < 544; i += 8)
            put(i == 288 ? (cpu ? 0x10 : 0x80050033) : i == 304 ? 0x3000 : i, 8);
    }
    assert_true(file.len <= 0x2000);
    file.len = 0x2000;
    fill(7, PAGE);
    open_ok();
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(img->cpus.n, 2);
    assert_true(img->cpus.at[0].root == 0x3000 && img->cpus.at[0].control == 312);
    assert_true(img->cpus.at[1].root == 0); // it had no paging
    assert_int_equal(peek(0x5fff), 7);
    assert_true(peek(0xf0000000) < 0); // of a device
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(core, setup, teardown) };

    return cmocka_run_group_tests_name("virtualbox_core", tests, NULL, NULL);
}
