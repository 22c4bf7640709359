/* avml_test.c - AVML's compressed dumps: ranges of any size, gaps of zeros, cut and damaged
 * streams.
 */
#include "../../../core/image.h"
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants these first */
#include <cmocka.h>

#ifdef HAVE_SNAPPY
#include <snappy-c.h>

enum { ROOM = 64 << 20, CHUNK = 1 << 16, BLOCK = 16 << 20 };

static uint8_t *file;
static size_t len;
static struct eg_image *img;
static struct eg_view *view;

static int setup(void **state)
{
    (void)state;
    file = malloc(ROOM);
    view = malloc(sizeof *view);
    eg_view_init(view, NULL);
    len = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    eg_view_fini(view);
    eg_image_close(img);
    img = NULL;
    free(view);
    free(file);
    return 0;
}

static void put(uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[len++] = (uint8_t)(v >> 8 * i);
}

/** What memory holds at @addr. */
static uint8_t byte_at(uint64_t addr)
{
    return (uint8_t)(addr >> 12 ^ addr / 3 ^ (addr & 0x8000 ? addr * 7919 >> 3 : 0));
}

/** CRC-32C, bit by bit, as the framing masks it. */
static uint32_t masked(const uint8_t *p, size_t n)
{
    uint32_t c = UINT32_MAX;

    while (n--) {
        c ^= *p++;
        for (int i = 0; i < 8; i++)
            c = c >> 1 ^ (c & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    c = ~c;
    return (c >> 15 | c << 17) + UINT32_C(0xa282ead8);
}

static void chunk(uint64_t addr, size_t n, bool plain)
{
    static uint8_t bytes[CHUNK], to[CHUNK * 2];
    size_t packed = sizeof to;

    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(addr + i);
    assert_int_equal(snappy_compress((char *)bytes, n, (char *)to, &packed), SNAPPY_OK);
    put((plain ? 1 : 0) | (uint64_t)((plain ? n : packed) + 4) << 8, 4);
    put(masked(bytes, n), 4);
    memcpy(file + len, plain ? bytes : to, plain ? n : packed);
    len += plain ? n : packed;
}

static void header(uint64_t first, uint64_t last)
{
    put(0x4c4d5641, 4);
    put(2, 4);
    put(first, 8);
    put(last, 8);
    put(0, 8);
}

/** @stored bytes of a range. */
static void range(uint64_t first, uint64_t last, uint64_t stored)
{
    size_t begin;

    header(first, last);
    begin = len;
    put(0x6ff, 4);
    memcpy(file + len, "sNaPpY", 6);
    len += 6;
    for (uint64_t at = 0; at < stored; at += CHUNK) {
        chunk(first + at, (size_t)EG_MIN((uint64_t)CHUNK, stored - at), at / CHUNK % 3 == 1);
        if (at == CHUNK) { // padding, which AVML does not write
            put(0xfe | 5 << 8, 4);
            put(0, 5);
        }
    }
    put(len - begin, 8);
}

static int open_(struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true };
    struct eg_space *as;

    assert_int_equal(eg_memory_open(&as, file, len, NULL), 0);
    return eg_image_open_space(&img, as, "test", &o, e);
}

static void open_ok(size_t notes)
{
    struct eg_error e = { 0 };

    if (open_(&e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(img->format, "AVML");
    if (img->notes.n != notes)
        fail_msg("%zu notes: %s", img->notes.n, img->notes.n ? img->notes.at[0] : "");
}

static int peek(uint64_t addr)
{
    const uint8_t *p = eg_bytes(view, img->phys, addr, 1);

    return p ? *p : -view->why;
}

/** Is all of [@from, @to] there, and right? */
static void check(uint64_t from, uint64_t to)
{
    static uint8_t buf[CHUNK + 13];

    for (uint64_t at = from; at <= to; at += sizeof buf) {
        const size_t n = (size_t)EG_MIN((uint64_t)sizeof buf, to - at + 1);

        if (!eg_read(view, img->phys, at, buf, n))
            fail_msg("a hole near %#lx", at);
        for (size_t i = 0; i < n; i++)
            if (buf[i] != byte_at(at + i))
                fail_msg("a wrong byte at %#lx", at + i);
    }
}

static bool noted(const char *part)
{
    for (size_t i = 0; i < img->notes.n; i++)
        if (strstr(img->notes.at[i], part))
            return true;
    return false;
}

static void ranges(void **state)
{
    (void)state;
    range(0x1000, 0x9fbfe,
          0x9ebff); // AVML takes the last address of /proc/iomem for the one behind
    range(0x100000, 0x2fffff, 0x200000);
    range(0x300123, 0x345677, 0x45555); // of no whole pages
    range(0x345678, 0x345678, 1);
    open_ok(0);
    assert_int_equal(peek(0xfff), -EG_ABSENT);
    check(0x1000, 0x9fbfe);
    assert_int_equal(peek(0x9fbff), -EG_ABSENT);
    check(0x100000, 0x2fffff);
    assert_int_equal(peek(0x300122), -EG_ABSENT);
    check(0x300123, 0x345678);
    assert_int_equal(peek(0x345679), -EG_ABSENT);
}

static void zeros_left_out(void **state)
{
    (void)state;
    range(0x100000, 0x100000 + BLOCK - 1, BLOCK);
    range(0x100000 + 3 * (uint64_t)BLOCK, 0x101000 + 3 * (uint64_t)BLOCK, 0x1001);
    range(0x100000000, 0x100000fff, 0x1000); // this gap says nothing
    open_ok(0);
    check(0x100000, 0x100000 + BLOCK - 1);
    assert_int_equal(peek(0x100000 + BLOCK), -EG_EXCLUDED);
    assert_int_equal(peek(0xfffff + 3 * (uint64_t)BLOCK), -EG_EXCLUDED);
    check(0x100000 + 3 * (uint64_t)BLOCK, 0x101000 + 3 * (uint64_t)BLOCK);
    assert_int_equal(peek(0x8000000), -EG_ABSENT);
    check(0x100000000, 0x100000fff);
}

static void cut(void **state)
{
    (void)state;
    range(0x1000, 0x80fff, 0x80000);
    range(0x100000, 0x1fffff, 0x100000);
    len -= 200000;
    open_ok(2);
    assert_true(noted("is damaged or cut off"));
    check(0x1000, 0x80fff);
    check(0x100000, 0x11ffff);
    assert_int_equal(peek(0x1fffff), -EG_UNREADABLE);
    assert_int_equal(peek(0x200000), -EG_ABSENT);
}

static void shorter(void **state)
{
    (void)state;
    range(0x1000, 0x80fff, 0x80000 - 0x1000); // AVML leaves what is no whole page
    range(0x100000, 0x1fffff, 0x100000);
    open_ok(1);
    assert_true(noted("is shorter than it says"));
    check(0x1000, 0x7ffff);
    assert_int_equal(peek(0x80000), -EG_UNREADABLE);
    check(0x100000, 0x1fffff);
}

static void damaged(void **state)
{
    struct eg_error e;

    (void)state;
    range(0x1000, 0x80fff, 0x80000);
    file[32 + 10 + 4] ^= 1; // a checksum
    open_ok(0);
    assert_int_equal(peek(0x1000), -EG_UNREADABLE);
    check(0x11000, 0x80fff);
    eg_view_fini(view);
    eg_image_close(img);

    file[32 + 10 + 4] ^= 1;
    file[32 + 10 + 8] = 0xff; // the content's size
    file[32 + 10 + 9] = 0xff;
    img = NULL;
    assert_int_equal(open_(&e), -EG_EFORMAT);

    len = 0;
    header(0x1000, UINT64_C(1) << 60); // a range of 2^60, and nothing in it
    put(0x6ff, 4);
    memcpy(file + len, "sNaPpY", 6);
    len += 6;
    assert_int_equal(open_(&e), -EG_EFORMAT);
    chunk(0x1000, CHUNK, false);
    put(0x02, 8); // a chunk that must not be skipped
    open_ok(2);
    check(0x1000, 0x10fff);
    assert_int_equal(peek(0x11000), -EG_UNREADABLE);
    assert_int_equal(peek(UINT64_C(1) << 60), -EG_UNREADABLE);
    eg_view_fini(view);
    eg_image_close(img);

    len = 0;
    header(5, 4);
    img = NULL;
    assert_int_equal(open_(&e), -EG_EFORMAT);
    len = 8;
    assert_int_equal(open_(&e), -EG_EFORMAT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { T(ranges), T(zeros_left_out), T(cut), T(shorter),
                                        T(damaged) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
