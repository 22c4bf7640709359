/* flattened_test.c - the flattened stream is put in order: later records over earlier ones, zeros
 * where there is none; a stream that is cut or lies gives what can be had. */
#include "../../../core/image.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

enum { CONTENT = 60000, ROOM = 4 << 20 };

static uint8_t *stream, *got;
static size_t stream_len, file_len;
static struct eg_image *img;
static struct eg_view *view;

static int open_as(struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true, .threads = 1 };
    struct eg_space *as;

    eg_view_init(view, NULL);
    assert_int_equal(eg_memory_open(&as, stream, file_len, NULL), 0);
    return eg_image_open_space(&img, as, "test", &o, e);
}

static void open_ok(void)
{
    struct eg_error e;

    if (open_as(&e))
        fail_msg("%s", e.text);
}

static void close_image(void)
{
    eg_view_fini(view);
    eg_image_close(img);
}

static bool noted(const char *part)
{
    for (size_t i = 0; i < img->notes.n; i++)
        if (strstr(img->notes.at[i], part))
            return true;
    return false;
}

static void be64(uint64_t v)
{
    for (int i = 7; i >= 0; i--)
        stream[stream_len++] = (uint8_t)(v >> 8 * i);
}

static void flat_begin(void)
{
    memset(stream, 0, 4096);
    memcpy(stream, "makedumpfile", 12);
    stream_len = 16;
    be64(1);
    be64(1);
    stream_len = 4096;
}

static void record(uint64_t offset, const void *bytes, uint64_t n)
{
    be64(offset);
    be64(n);
    memcpy(stream + stream_len, bytes, n);
    stream_len += n;
}

static void flat_end(void)
{
    be64(UINT64_MAX);
    be64(UINT64_MAX);
    file_len = stream_len;
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
        record(9999, lime, 1000); // wrong bytes that the next ones go over
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
        close_image();

        file_len -= 16; // the end mark
        open_ok();
        assert_true(noted("no end mark"));
        close_image();
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
    file_len -= 16 + 100;
    open_ok();
    assert_true(noted("of the last record 100 of 8192"));
    assert_int_equal(eg_read_some(view, img->phys, 0, got, 8192, &why), 8092);
    assert_int_equal(why, EG_UNREADABLE);
    close_image();

    flat_begin();
    record(0, ram, sizeof ram);
    be64(5);
    be64(UINT64_C(1) << 63);
    flat_end();
    open_ok();
    assert_true(noted("no record at 0x3010"));
    close_image();

    flat_begin();
    flat_end();
    assert_int_equal(open_as(&e), -EG_EFORMAT);
    stream[23] = 2;
    assert_int_equal(open_as(&e), -EG_EUNSUP);
}

static int setup(void **state)
{
    (void)state;
    stream = malloc(ROOM);
    got = malloc(CONTENT);
    view = malloc(sizeof *view);
    return !stream || !got || !view;
}

static int teardown(void **state)
{
    (void)state;
    free(stream);
    free(got);
    free(view);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
