/* avml_test.c - AVML's compressed dumps: ranges of any size, gaps of zeros, truncated and damaged
 * streams. */
#include "config.h"
#include "mkdump.h"
#include <stdio.h>

#ifdef HAVE_SNAPPY
#include <snappy-c.h>

enum { CHUNK = 1 << 16, BLOCK = 16 << 20 };

/** What memory holds at @addr. */
static uint8_t byte_at(uint64_t addr)
{
    return (uint8_t)(addr >> 12 ^ addr / 3 ^ (addr & 0x8000 ? addr * 7919 >> 3 : 0));
}

/** CRC-32C, bit by bit, masked as in the framing format. */
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
    memcpy(file.at + file.len, plain ? bytes : to, plain ? n : packed);
    file.len += plain ? n : packed;
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
    begin = file.len;
    put(0x6ff, 4);
    memcpy(file.at + file.len, "sNaPpY", 6);
    file.len += 6;
    for (uint64_t at = 0; at < stored; at += CHUNK) {
        chunk(first + at, (size_t)EG_MIN((uint64_t)CHUNK, stored - at), at / CHUNK % 3 == 1);
        if (at == CHUNK) { // padding, which AVML does not write
            put(0xfe | 5 << 8, 4);
            put(0, 5);
        }
    }
    put(file.len - begin, 8);
}

static void open_noting(size_t notes)
{
    open_ok();
    assert_string_equal(img->format, "AVML");
    if (img->notes.n != notes)
        fail_msg("%zu notes: %s", img->notes.n, img->notes.n ? img->notes.at[0] : "");
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

static void ranges(void **state)
{
    (void)state;
    range(0x1000, 0x9fbfe,
          0x9ebff); // AVML treats the last address in /proc/iomem as exclusive
    range(0x100000, 0x2fffff, 0x200000);
    range(0x300123, 0x345677, 0x45555); // not aligned to pages
    range(0x345678, 0x345678, 1);
    open_noting(0);
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
    range(0x100000000, 0x100000fff, 0x1000); // not a gap of whole blocks
    open_noting(0);
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
    file.len -= 200000;
    open_noting(2);
    assert_true(noted("is damaged or cut off"));
    check(0x1000, 0x80fff);
    check(0x100000, 0x11ffff);
    assert_int_equal(peek(0x1fffff), -EG_UNREADABLE);
    assert_int_equal(peek(0x200000), -EG_ABSENT);
}

static void shorter(void **state)
{
    (void)state;
    range(0x1000, 0x80fff, 0x80000 - 0x1000); // AVML drops an incomplete last page
    range(0x100000, 0x1fffff, 0x100000);
    open_noting(1);
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
    file.at[32 + 10 + 4] ^= 1; // a checksum
    open_noting(0);
    assert_int_equal(peek(0x1000), -EG_UNREADABLE);
    check(0x11000, 0x80fff);

    file.at[32 + 10 + 4] ^= 1;
    file.at[32 + 10 + 8] = 0xff; // the content's size
    file.at[32 + 10 + 9] = 0xff;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);

    file.len = 0;
    header(0x1000, UINT64_C(1) << 60); // a range of 2^60 bytes without content
    put(0x6ff, 4);
    memcpy(file.at + file.len, "sNaPpY", 6);
    file.len += 6;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    chunk(0x1000, CHUNK, false);
    put(0x02, 8); // a chunk that must not be skipped
    open_noting(2);
    check(0x1000, 0x10fff);
    assert_int_equal(peek(0x11000), -EG_UNREADABLE);
    assert_int_equal(peek(UINT64_C(1) << 60), -EG_UNREADABLE);

    file.len = 0;
    header(5, 4);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    file.len = 8;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
}

/** Streams that all lead through the same chunks to a damaged one: these are not examined again and
 * again without end. */
static void shared_chunks(void **state)
{
    enum { RANGES = 4200, CHUNKS = 4096, RANGE = 32 + 10 + 4 };
    struct eg_error e;

    (void)state;
    for (uint64_t i = 1; i <= RANGES; i++) {
        header(0x1000 * i, 0x1000 * i + 0xfff);
        put(0x6ff, 4);
        memcpy(file.at + file.len, "sNaPpY", 6);
        file.len += 6;
        put(0xfe | (RANGES - i) * RANGE << 8, 4);
    }
    for (int i = 0; i < CHUNKS; i++)
        put(0xfe, 4);
    put(2, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "chunks"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { T(ranges),  T(zeros_left_out), T(cut),
                                        T(shorter), T(damaged),        T(shared_chunks) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
