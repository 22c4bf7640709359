/* virtualbox_core_test.c - cores of VirtualBox's machines: what is special in its notes. */
#include "../../../core/image.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { PAGE = 4096 };

static struct file {
    uint8_t at[4 * PAGE];
    size_t len;
} file;

static void append(const void *p, size_t n)
{
    memcpy(file.at + file.len, p, n);
    file.len += n;
}

static void put(uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file.at[file.len++] = (uint8_t)(i < 8 ? v >> 8 * i : 0);
}

/** VirtualBox's notes: the name's length is without its zero, all is padded to 8. */
static void core(void **state)
{
    struct eg_space *as;
    struct eg_image *img;
    struct eg_view *view = malloc(sizeof *view);
    struct eg_error e;
    const uint8_t *p;

    (void)state;
    eg_view_init(view, NULL);
    memset(&file, 0, sizeof file);
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
    for (unsigned i = 0; i < PAGE; i++)
        put(7, 1);
    assert_int_equal(eg_memory_open(&as, file.at, file.len, NULL), 0);
    if (eg_image_open_space(&img, as, "test.elf", NULL, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(img->cpus.n, 2);
    assert_true(img->cpus.at[0].root == 0x3000 && img->cpus.at[0].control == 312);
    assert_true(img->cpus.at[1].root == 0); // it was not in paged mode
    p = eg_bytes(view, img->phys, 0x5fff, 1);
    assert_true(p && *p == 7);
    assert_null(eg_bytes(view, img->phys, 0xf0000000, 1)); // of a device
    eg_view_fini(view);
    free(view);
    eg_image_close(img);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(core) };

    return cmocka_run_group_tests_name("virtualbox_core", tests, NULL, NULL);
}
