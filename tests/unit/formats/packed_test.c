/* packed_test.c - gzip, zlib, xz, bzip2 and lz4 in every shape give the same bytes; damage, cuts
 * and lies are holes and notes. */
#include "../../../core/image.h"
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>
#endif
#ifdef HAVE_XZ
#include <lzma.h>
#endif
/* cmocka wants these first */
#include <cmocka.h>

enum { SIZE = 11 << 20, ROOM = 3 * SIZE };

static uint8_t *content, *packed;
static size_t packed_len;
static struct eg_image *img;
static struct eg_view *view;

/** Zeros, noise and text, in stretches that are no multiple of a page; some MiB of zeros. */
static int setup(void **state)
{
    uint32_t x = 1;

    (void)state;
    content = malloc(SIZE);
    packed = malloc(ROOM);
    view = malloc(sizeof *view);
    packed_len = 0;
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1103515245 + 12345;
        content[i] = i % 300007 < 100000 || (i > 4 << 20 && i < 7 << 20) ? 0
                     : i % 300007 < 130000                               ? (uint8_t)(x >> 24)
                                                                         : (uint8_t)(i / 37 % 61);
    }
    content[0] = 'x';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(content);
    free(packed);
    free(view);
    return 0;
}

static int open_packed(struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true, .threads = 3 };
    struct eg_space *as;

    eg_view_init(view, NULL);
    assert_int_equal(eg_memory_open(&as, packed, packed_len, NULL), 0);
    return eg_image_open_space(&img, as, "test", &o, e);
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

/** Bytes of [@from, @to) that cannot be read; what can be must be right. */
static size_t holes(size_t from, size_t to)
{
    static uint8_t buf[10000];
    size_t lost = 0;

    for (size_t at = from, n; at < to; at += n) {
        n = EG_MIN(sizeof buf, to - at);
        if (eg_read(view, img->phys, at, buf, n)) {
            if (memcmp(buf, content + at, n))
                fail_msg("wrong bytes near %#zx", at);
        } else {
            for (size_t i = 0; i < n; i++) {
                const uint8_t *p = eg_bytes(view, img->phys, at + i, 1);

                lost += !p;
                if (p && *p != content[at + i])
                    fail_msg("wrong byte at %#zx", at + i);
            }
        }
    }
    return lost;
}

/** All of @len bytes, from both ends and in leaps. */
static void check_all(const char *what, size_t len)
{
    if (img->phys->last != len - 1)
        fail_msg("%s: %lu bytes instead of %zu", what, img->phys->last + 1, len);
    for (size_t at = 0; at < len; at += 777777)
        if (holes(at, EG_MIN(at + 5000, len)))
            fail_msg("%s: a hole near %#zx", what, at);
    for (size_t at = len - len % 500000; at; at -= 500000)
        if (holes(at - 3, EG_MIN(at + 2, len)))
            fail_msg("%s: a hole near %#zx", what, at);
    if (holes(0, len))
        fail_msg("%s: holes", what);
}

static bool in_place(void)
{
    struct eg_extent x;

    eg_extent_at(view, img->files[img->n_files - 1], 0, &x);
    return x.made;
}

static void put(uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        packed[packed_len++] = (uint8_t)(i < 8 ? v >> 8 * i : 0);
}

/** Open, compare with @len bytes of content, close. */
static void opens(const char *what, size_t len, bool place, size_t notes)
{
    struct eg_error e = { 0 };

    notes += len % 4096 != 0; // raw memory comes in pages
    if (open_packed(&e) != 0)
        fail_msg("%s: %s", what, e.text);
    check_all(what, len);
    if (in_place() != place || img->notes.n != notes)
        fail_msg("%s: in place %d, %zu notes: %s", what, in_place(), img->notes.n,
                 img->notes.n ? img->notes.at[0] : "");
    close_image();
}

/* ---- gzip and zlib ---- */

static void deflate_part(size_t from, size_t len, int level, int bits)
{
    z_stream z = { .next_in = content + from,
                   .avail_in = (uInt)len,
                   .next_out = packed + packed_len,
                   .avail_out = (uInt)(ROOM - packed_len) };

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed_len += z.total_out;
    deflateEnd(&z);
}

static void members(size_t len, size_t step, int level)
{
    packed_len = 0;
    for (size_t at = 0; at < len; at += step)
        deflate_part(at, EG_MIN(step, len - at), level, 31);
}

/** A member that says its own size: the SAM specification, 4.1. */
static void bgzf(size_t from, size_t len)
{
    const size_t at = packed_len;
    size_t size;

    put(0x04088b1f, 4);
    put(0, 4);
    put(0xff00, 2);
    put(6, 2);
    put('B' | 'C' << 8, 2);
    put(2, 2);
    put(0, 2);
    deflate_part(from, len, 1, -15);
    put(crc32(0, content + from, (uInt)len), 4);
    put(len, 4);
    size = packed_len - at - 1;
    packed[at + 16] = (uint8_t)size;
    packed[at + 17] = (uint8_t)(size >> 8);
}

static void bgzf_all(size_t len)
{
    packed_len = 0;
    for (size_t at = 0; at < len; at += 0xff00)
        bgzf(at, EG_MIN((size_t)0xff00, len - at));
    bgzf(0, 0); // the end mark
}

static void gzip(void **state)
{
    static const struct {
        const char *what;
        size_t len, step;
        int level;
    } cases[] = {
        { "one member", SIZE, SIZE, 6 },     { "fast", SIZE, SIZE, 1 },
        { "stored", SIZE, SIZE, 0 },         { "best", SIZE - 4097, SIZE, 9 },
        { "members", SIZE, 1000001, 1 },     { "small members", 2000003, 5003, 1 },
        { "less than a page", 100, 100, 6 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        members(cases[i].len, cases[i].step, cases[i].level);
        opens(cases[i].what, cases[i].len, true, 0);
    }
    bgzf_all(SIZE);
    opens("BGZF", SIZE, true, 0);
    members(SIZE, SIZE, 1);
    memset(packed + packed_len, 0, 5000); // a tape's padding
    packed_len += 5000;
    opens("padding", SIZE, true, 0);
    packed_len = 0;
    deflate_part(0, SIZE, 6, 11);
    opens("zlib", SIZE, true, 0);
    bgzf_all(1 << 20);
    deflate_part(1 << 20, SIZE - (1 << 20), 1, 31);
    opens("BGZF, then a member of the usual kind", SIZE, true, 0);
}

static void gzip_damaged(void **state)
{
    struct eg_error e;

    (void)state;
    members(SIZE, SIZE, 1);
    packed_len /= 2;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("gzip: truncated"));
    assert_true(img->phys->last > SIZE / 4);
    assert_int_equal(holes(0, img->phys->last + 1), 0);
    close_image();

    members(SIZE, SIZE, 1);
    memset(packed + packed_len / 2, 0xff, 100);
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("gzip: damaged") || noted("checksum"));
    close_image();

    members(SIZE, 1 << 20, 1);
    packed[packed_len - 8] ^= 1; // the last member's checksum
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("the checksum of 1 members is wrong"));
    assert_int_equal(holes(0, SIZE), 0); // all of it is there, and said to be doubtful
    close_image();

    members(SIZE, 1 << 20, 1);
    packed[packed_len - 1] ^= 0x10; // its length
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("the checksum of 1 members is wrong"));
    close_image();

    members(SIZE, SIZE, 1);
    put(0x1234567, 4);
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("the last 4 bytes of the file belong to something else"));
    assert_int_equal(holes(0, SIZE), 0);
    close_image();

    bgzf_all(SIZE);
    memset(packed + packed_len / 3, 0x77, 40);
    assert_int_equal(open_packed(&e), 0);
    assert_int_equal(img->phys->last, SIZE - 1);
    {
        const size_t lost = holes(0, SIZE);

        assert_true(lost && lost <= 2 << 20);
    }
    close_image();

    members(100, 100, 1);
    packed_len = 10;
    assert_int_equal(open_packed(&e), -EG_EFORMAT);
    members(100, 100, 1);
    memset(packed + 10, 0xff, 20);
    assert_int_equal(open_packed(&e), -EG_EFORMAT);
    eg_view_fini(view);
}

/** Memory that begins as a zlib stream does is none. */
static void no_zlib(void **state)
{
    (void)state;
    memset(packed, 0xee, packed_len = 1 << 16);
    packed[0] = 0x78;
    packed[1] = 0x9c;
    memcpy(content, packed, packed_len);
    assert_int_equal(open_packed(NULL), 0);
    assert_string_equal(img->format, "raw physical memory");
    close_image();
}

/* ---- xz ---- */

#ifdef HAVE_XZ

/** A stream of blocks of @block bytes. */
static void xz_stream(size_t from, size_t len, size_t block, lzma_check check)
{
    lzma_filter filters[2] = { { .id = LZMA_FILTER_LZMA2 }, { .id = LZMA_VLI_UNKNOWN } };
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_options_lzma options;

    lzma_lzma_preset(&options, 0);
    filters[0].options = &options;
    assert_int_equal(lzma_stream_encoder(&s, filters, check), LZMA_OK);
    s.next_out = packed + packed_len;
    s.avail_out = ROOM - packed_len;
    for (size_t at = 0; at < len; at += block) {
        s.next_in = content + from + at;
        s.avail_in = EG_MIN(block, len - at);
        assert_int_equal(lzma_code(&s, LZMA_FULL_FLUSH), LZMA_STREAM_END);
    }
    assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
    packed_len += s.total_out;
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
        packed_len = 0;
        for (size_t at = 0; at < cases[i].len; at += cases[i].stream) {
            xz_stream(at, EG_MIN(cases[i].stream, cases[i].len - at), cases[i].block,
                      cases[i].check);
            put(0, cases[i].padding);
        }
        opens(cases[i].what, cases[i].len, cases[i].in_place, 0);
    }
}

static void xz_damaged(void **state)
{
    struct eg_error e;

    (void)state;
    for (int k = 0; k < 2; k++) { // without an index all is unpacked
        packed_len = 0;
        xz_stream(0, SIZE, k ? SIZE : 1 << 20, LZMA_CHECK_CRC64);
        packed_len -= packed_len / 3;
        assert_int_equal(open_packed(&e), 0);
        assert_true(noted("xz: no sound index"));
        assert_true(noted("xz: truncated or damaged"));
        assert_true(img->phys->last > SIZE / 3);
        assert_int_equal(holes(0, img->phys->last + 1), 0);
        close_image();
    }
    packed_len = 0;
    xz_stream(0, SIZE, 1 << 20, LZMA_CHECK_CRC64);
    packed[packed_len / 2] ^= 0x55;
    assert_int_equal(open_packed(&e), 0);
    assert_int_equal(holes(0, SIZE), 1 << 20);
    close_image();
    packed_len = 0;
    xz_stream(0, SIZE, 5 << 20, LZMA_CHECK_CRC64);
    packed[packed_len / 5] ^= 0x55;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("xz:"));
    assert_int_equal(img->phys->last, SIZE - 1);
    close_image();
    packed_len = 0;
    xz_stream(0, 0, 1, LZMA_CHECK_CRC64);
    assert_int_equal(open_packed(&e), -EG_EFORMAT);
    eg_view_fini(view);
}

#endif

/* ---- bzip2 ---- */

#ifdef HAVE_BZIP2

static void bzip2_streams(size_t len, size_t step, int level)
{
    packed_len = 0;
    for (size_t at = 0; at < len; at += step) {
        unsigned n = (unsigned)(ROOM - packed_len);

        assert_int_equal(BZ2_bzBuffToBuffCompress((char *)packed + packed_len, &n,
                                                  (char *)content + at,
                                                  (unsigned)EG_MIN(step, len - at), level, 0, 0),
                         BZ_OK);
        packed_len += n;
    }
}

static void bzip2(void **state)
{
    struct eg_error e;

    (void)state;
    bzip2_streams(SIZE, SIZE, 9);
    opens("one stream", SIZE, false, 0);
    bzip2_streams(SIZE, 1500001, 1);
    opens("streams", SIZE, false, 0);
    bzip2_streams(70, 70, 5);
    opens("less than a page", 70, false, 0);

    bzip2_streams(SIZE, SIZE, 1);
    packed_len -= packed_len / 3;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("bzip2: truncated"));
    assert_true(img->phys->last > SIZE / 3);
    assert_int_equal(holes(0, img->phys->last + 1), 0);
    close_image();

    bzip2_streams(SIZE, SIZE, 1);
    packed[packed_len / 2] ^= 0x55;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("sizes of damaged pieces are guessed"));
    assert_int_equal(holes(0, SIZE / 4), 0);
    close_image();

    bzip2_streams(10, 10, 1);
    packed_len = 12;
    assert_int_equal(open_packed(&e), -EG_EFORMAT);
    bzip2_streams(10, 10, 1);
    packed[12] ^= 1; // the block's checksum
    assert_int_equal(open_packed(&e), -EG_EFORMAT);
    eg_view_fini(view);
}

#endif

/* ---- lz4 ---- */

#ifdef HAVE_LZ4

static void lz4_frames(size_t len, size_t step, const LZ4F_preferences_t *how, bool sized)
{
    packed_len = 0;
    for (size_t at = 0; at < len; at += step) {
        LZ4F_preferences_t p = *how;
        size_t n = EG_MIN(step, len - at);

        p.frameInfo.contentSize = sized ? n : 0;
        n = LZ4F_compressFrame(packed + packed_len, ROOM - packed_len, content + at, n, &p);
        assert_false(LZ4F_isError(n));
        packed_len += n;
    }
}

static void lz4_legacy(size_t len)
{
    packed_len = 0;
    put(0x184c2102, 4);
    for (size_t at = 0; at < len; at += 8 << 20) {
        const int n = LZ4_compress_default((char *)content + at, (char *)packed + packed_len + 4,
                                           (int)EG_MIN((size_t)8 << 20, len - at),
                                           (int)(ROOM - packed_len - 4));

        put((uint64_t)n, 4);
        packed_len += (size_t)n;
    }
}

/** A frame before all others that says nothing. zstd has the same. */
static void skippable(void)
{
    const size_t len = packed_len;

    memmove(packed + 12, packed, len);
    packed_len = 0;
    put(0x184d2a5a, 4);
    put(4, 4);
    put(0x184d2204, 4);
    packed_len = 12 + len;
}

static void lz4(void **state)
{
    static const struct {
        const char *what;
        size_t len, step;
        int block, mode, checks;
        bool sized, in_place;
    } cases[] = {
        { "64 KiB", SIZE, SIZE, LZ4F_max64KB, LZ4F_blockIndependent, 1, false, true },
        { "256 KiB, sized", SIZE - 7, SIZE, LZ4F_max256KB, LZ4F_blockIndependent, 0, true, true },
        { "4 MiB", SIZE, SIZE, LZ4F_max4MB, LZ4F_blockIndependent, 0, false, true },
        { "frames", SIZE, 3000001, LZ4F_max1MB, LZ4F_blockIndependent, 1, true, true },
        { "linked", SIZE, SIZE, LZ4F_max64KB, LZ4F_blockLinked, 0, false, false },
        { "linked frames", SIZE, 2000001, LZ4F_max256KB, LZ4F_blockLinked, 1, true, false },
        { "linked frames of unknown size", SIZE, 2000001, LZ4F_max256KB, LZ4F_blockLinked, 1, false,
          false },
        { "less than a page", 55, 55, LZ4F_max64KB, LZ4F_blockLinked, 0, false, true },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const LZ4F_preferences_t p = {
            .frameInfo = { .blockSizeID = (LZ4F_blockSizeID_t)cases[i].block,
                           .blockMode = (LZ4F_blockMode_t)cases[i].mode,
                           .contentChecksumFlag = LZ4F_contentChecksumEnabled,
                           .blockChecksumFlag = (LZ4F_blockChecksum_t)cases[i].checks }
        };

        lz4_frames(cases[i].len, cases[i].step, &p, cases[i].sized);
        opens(cases[i].what, cases[i].len, cases[i].in_place, 0);
        skippable();
        opens(cases[i].what, cases[i].len, cases[i].in_place, 0);
    }
    lz4_legacy(SIZE);
    opens("legacy", SIZE, true, 0);
}

static void lz4_damaged(void **state)
{
    LZ4F_preferences_t p = { .frameInfo = { .blockSizeID = LZ4F_max256KB,
                                            .blockMode = LZ4F_blockIndependent,
                                            .blockChecksumFlag = LZ4F_blockChecksumEnabled } };
    struct eg_error e;

    (void)state;
    lz4_frames(SIZE, SIZE, &p, true);
    packed[packed_len / 3] ^= 0x55;
    assert_int_equal(open_packed(&e), 0);
    assert_int_equal(img->phys->last, SIZE - 1);
    assert_int_equal(holes(0, SIZE), 256 << 10);
    close_image();

    lz4_frames(SIZE, SIZE, &p, true);
    packed_len /= 2;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("damaged or cut off"));
    assert_true(img->phys->last > SIZE / 4);
    assert_int_equal(holes(0, img->phys->last + 1), 0);
    close_image();

    p.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    p.frameInfo.blockMode = LZ4F_blockLinked;
    lz4_frames(SIZE, SIZE, &p, true);
    packed_len /= 2;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("damaged or cut off"));
    assert_int_equal(holes(0, SIZE / 4), 0);
    close_image();
    lz4_frames(SIZE, SIZE, &p, false);
    packed[packed_len - 1] ^= 1;
    assert_int_equal(open_packed(&e), 0);
    assert_true(noted("the checksum of 1 pieces is wrong"));
    assert_int_equal(holes(0, SIZE), 0);
    close_image();

    // A size of 2^60, and one that is too small: the blocks know better.
    p = (LZ4F_preferences_t){ .frameInfo = { .blockMode = LZ4F_blockIndependent } };
    for (int k = 0; k < 2; k++) {
        lz4_frames(SIZE, SIZE, &p, true);
        packed[k ? 6 : 13] = k ? 1 : 0x10;
        packed[14] = 0; // the header's checksum is wrong then
        assert_true(open_packed(&e) < 0);
        eg_view_fini(view);
    }
    lz4_frames(100, 100, &p, false);
    packed_len = 9;
    assert_true(open_packed(&e) < 0);
    eg_view_fini(view);
}

#endif

/** A file inside a file inside a file. */
static void stacked(void **state)
{
    uint8_t *inner = malloc(ROOM);
    size_t len;

    (void)state;
    members(2000000, 2000000, 1);
    for (int i = 0; i < 2; i++) {
        uint8_t *swap = content;

        memcpy(inner, packed, len = packed_len);
        content = inner;
        members(len, len, 1);
        content = swap;
    }
    opens("gzip on gzip on gzip", 2000000, true, 0);
    free(inner);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(gzip),    T(gzip_damaged), T(no_zlib),
#ifdef HAVE_XZ
        T(xz),      T(xz_damaged),
#endif
#ifdef HAVE_BZIP2
        T(bzip2),
#endif
#ifdef HAVE_LZ4
        T(lz4),     T(lz4_damaged),
#endif
        T(stacked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
