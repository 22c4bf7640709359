/* xz_test.c - xz in every shape gives the same bytes; damage and truncation give holes and
 * notes. */
#include "config.h"
#include "mkpacked.h"
#ifdef HAVE_XZ
#include <lzma.h>

/** A stream of blocks of @block bytes. */
static void xz_stream(size_t from, size_t len, size_t block, lzma_check check)
{
    lzma_filter filters[2] = { { .id = LZMA_FILTER_LZMA2 }, { .id = LZMA_VLI_UNKNOWN } };
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_options_lzma options;

    lzma_lzma_preset(&options, 0);
    filters[0].options = &options;
    assert_int_equal(lzma_stream_encoder(&s, filters, check), LZMA_OK);
    s.next_out = file.at + file.len;
    s.avail_out = FILE_MAX - file.len;
    for (size_t at = 0; at < len; at += block) {
        s.next_in = content + from + at;
        s.avail_in = EG_MIN(block, len - at);
        assert_int_equal(lzma_code(&s, LZMA_FULL_FLUSH), LZMA_STREAM_END);
    }
    assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
    file.len += s.total_out;
    lzma_end(&s);
}

static void xz(void **state)
{
    static const struct {
        const char *what;
        size_t len, stream, block, padding;
        lzma_check check;
        bool in_place;
    } cases[] = {
        { "one block", SIZE, SIZE, SIZE, 0, LZMA_CHECK_CRC64, false },
        { "blocks", SIZE, SIZE, 500009, 0, LZMA_CHECK_CRC32, true },
        { "blocks of the largest size", SIZE, SIZE, EG_FILL_MAX, 0, LZMA_CHECK_SHA256, true },
        { "large blocks", SIZE, SIZE, EG_FILL_MAX + 1, 0, LZMA_CHECK_NONE, false },
        { "streams", SIZE, 2000001, 1 << 20, 0, LZMA_CHECK_CRC64, true },
        { "streams with padding", SIZE, 5000001, SIZE, 12, LZMA_CHECK_CRC64, false },
        { "less than a page", 99, 99, 99, 4, LZMA_CHECK_CRC64, true },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        file.len = 0;
        for (size_t at = 0; at < cases[i].len; at += cases[i].stream) {
            xz_stream(at, EG_MIN(cases[i].stream, cases[i].len - at), cases[i].block,
                      cases[i].check);
            fill(0, (size_t)cases[i].padding);
        }
        opens(cases[i].what, cases[i].len, cases[i].in_place, 0);
    }
}

static void xz_damaged(void **state)
{
    struct eg_error e;

    (void)state;
    for (int k = 0; k < 2; k++) { // without an index all is unpacked
        file.len = 0;
        xz_stream(0, SIZE, k ? SIZE : 1 << 20, LZMA_CHECK_CRC64);
        file.len -= file.len / 3;
        assert_int_equal(open_dump(&e), 0);
        assert_true(noted("xz: no valid index"));
        assert_true(noted("xz: truncated or damaged"));
        assert_true(img->phys->last > SIZE / 3);
        assert_int_equal(holes(0, img->phys->last + 1), 0);
    }
    file.len = 0;
    xz_stream(0, SIZE, 1 << 20, LZMA_CHECK_CRC64);
    file.at[file.len / 2] ^= 0x55;
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(holes(0, SIZE), 1 << 20);
    file.len = 0;
    xz_stream(0, SIZE, 5 << 20, LZMA_CHECK_CRC64);
    file.at[file.len / 5] ^= 0x55;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("xz:"));
    assert_int_equal(img->phys->last, SIZE - 1);
    file.len = 0;
    xz_stream(0, SIZE / 2, 1 << 20, LZMA_CHECK_CRC64);
    {
        const size_t second = file.len;

        xz_stream(SIZE / 2, SIZE / 2, 1 << 20, LZMA_CHECK_CRC64);
        memset(file.at + second, 0xff, 8); // its header: all is in its end, too
    }
    open_ok();
    assert_true(noted("xz: the header of the stream at"));
    assert_int_equal(holes(0, SIZE), 0);
    file.len = 0;
    xz_stream(0, 0, 1, LZMA_CHECK_CRC64);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
}

/** Checksums of a kind that nobody has defined yet: the content is read, and a note says it. */
static void xz_unchecked(void **state)
{
    static const struct {
        lzma_check known; // of the same size
        uint8_t unknown;
    } cases[] = { { LZMA_CHECK_CRC32, 2 }, { LZMA_CHECK_CRC64, 5 }, { LZMA_CHECK_SHA256, 11 } };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < 2 * countof(cases); i++) {
        const bool known = i % 2;
        uint8_t *foot;

        file.len = 0;
        xz_stream(0, 99, 99, cases[i / 2].known);
        foot = file.at + file.len - LZMA_STREAM_HEADER_SIZE;
        if (!known) {
            file.at[7] = foot[9] = cases[i / 2].unknown;
            put_at(8, lzma_crc32(file.at + 6, 2, 0), 4);
            put_at(file.len - LZMA_STREAM_HEADER_SIZE, lzma_crc32(foot + 4, 6, 0), 4);
        }
        assert_int_equal(open_dump(&e), 0);
        assert_int_equal(noted("damage would not be noticed"), !known);
        assert_int_equal(holes(0, 99), 0);
    }
}

/** Large blocks, the first with a dictionary of 4 GiB: more than one of several may use. */
static void xz_starved(void **state)
{
    struct eg_error e;
    uint8_t *block;
    size_t n;

    (void)state;
    xz_stream(0, SIZE, 5 << 20, LZMA_CHECK_CRC64);
    block = file.at + LZMA_STREAM_HEADER_SIZE;
    n = 4 * (size_t)(*block + 1) - 4; // of its header, without the checksum
    assert_int_equal(block[2], 0x21); // LZMA2
    block[4] = 40;
    put_at((size_t)(block + n - file.at), lzma_crc32(block, n, 0), 4);
    assert_int_equal(open_dump(&e), -EG_ENOMEM);
    assert_null(strstr(e.text, "--tmp"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_content, teardown_content)

int main(void)
{
    const struct CMUnitTest tests[] = { T(xz), T(xz_damaged), T(xz_unchecked), T(xz_starved) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
