/* flattened_test.c - a flattened stream is put in order: later records over earlier ones, zeros
 * where there is none; a stream that is cut or lies gives what can be had. */
#include "mkdump.h"

enum { CONTENT = 60000 };

static uint8_t got[CONTENT];

static void flat_begin(void)
{
    clear();
    file.big = true;
    append("makedumpfile\0\0\0", 16);
    put(1, 8);
    put(1, 8);
    file.len = 4096;
}

static void record(uint64_t offset, const void *bytes, uint64_t n)
{
    put(offset, 8);
    put(n, 8);
    append(bytes, n);
}

static void flat_end(void)
{
    put(UINT64_MAX, 8);
    put(UINT64_MAX, 8);
}

/** A LiME file with noise in it, in pieces of any size and not in order. */
static void in_order(void **state)
{
    static uint8_t lime[CONTENT];
    uint32_t x = 1;

    (void)state;
    memcpy(lime, "EMiL\1\0\0\0", 8);
    lime[17] = (CONTENT - 33) >> 8; // the last address
    lime[16] = (CONTENT - 33) & 255;
    for (size_t i = 32; i < CONTENT; i++) {
        x = x * 1103515245 + 12345;
        lime[i] = i >= 4000 && i < 4096 ? 0 : (uint8_t)(x >> 24);
    }
    for (size_t step = 7; step < CONTENT; step *= 13) {
        flat_begin();
        record(0, "never seen: what comes later counts", 30);
        for (size_t at = 20000; at < CONTENT; at += step) {
            record(at, lime + at, EG_MIN(step, CONTENT - at));
            record(3, "", 0);
        }
        record(4096, lime + 4096, 10000);
        record(9999, lime, 1000); // wrong bytes, which the next records overwrite
        record(9000, lime + 9000, 3000);
        record(14000, lime + 14000, 7000);
        record(0, lime, 4000); // what no record has is zeros
        flat_end();
        open_ok();
        assert_string_equal(img->format, "LiME on flattened");
        assert_int_equal(eg_read_some(view, img->phys, 0, got, CONTENT - 32, NULL), CONTENT - 32);
        assert_memory_equal(got, lime + 32, CONTENT - 32);
        for (size_t at = 0; at < CONTENT - 32 - 8; at += 1009) { // from any side
            const uint8_t *p = eg_bytes(view, img->phys, CONTENT - 40 - at, 8);

            assert_non_null(p);
            assert_memory_equal(p, lime + CONTENT - 8 - at, 8);
        }
        assert_int_equal(img->notes.n, 0);

        file.len -= 16; // the end mark
        open_ok();
        assert_true(noted("no end mark"));
    }
}

static void damaged(void **state)
{
    struct eg_error e;
    enum eg_why why;
    uint8_t ram[8192];

    (void)state;
    memset(ram, 7, sizeof ram);
    flat_begin();
    record(0, ram, sizeof ram);
    flat_end();
    file.len -= 16 + 100;
    open_ok();
    assert_true(noted("of the last record 100 of 8192"));
    assert_int_equal(eg_read_some(view, img->phys, 0, got, 8192, &why), 8092);
    assert_int_equal(why, EG_UNREADABLE);

    flat_begin();
    record(0, ram, sizeof ram);
    put(5, 8);
    put(UINT64_C(1) << 63, 8);
    flat_end();
    open_ok();
    assert_true(noted("no record at 0x3010"));

    flat_begin();
    flat_end();
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    file.at[23] = 2;
    assert_int_equal(open_dump(&e), -EG_EUNSUP);
}

/** A mark at the end of which one half is damaged is found once, not again and again. */
static void damaged_end(void **state)
{
    static const struct {
        uint64_t first, second;
    } marks[] = { { UINT64_MAX, UINT64_MAX - 127 },
                  { UINT64_MAX, 0 },
                  { UINT64_MAX, 4096 },
                  { UINT64_MAX - 1, UINT64_MAX } };
    uint8_t ram[8192];

    (void)state;
    memset(ram, 7, sizeof ram);
    for (size_t i = 0; i < countof(marks); i++) {
        flat_begin();
        record(0, ram, sizeof ram);
        put(marks[i].first, 8);
        put(marks[i].second, 8);
        open_ok();
        assert_int_equal(eg_read_some(view, img->phys, 0, got, 8192, NULL), 8192);
        assert_int_equal(img->notes.n, 1);
        assert_true(noted("no record at 0x3010"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
