/* unpack_test.c - the compressors of zram: streams that the kernel wrote, ones made by hand for
 * each instruction, by libraries, and damaged ones. */
#include "../../../plugins/linux/mm/unpack.h"
#include "check.h"
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif

enum { PAGE = 4096 };

static int unpack(const char *name, const void *p, size_t n, uint8_t *out, size_t len)
{
    // In memory of their own, so that a sanitizer sees a byte too far.
    uint8_t *packed = malloc(n ? n : 1), *page = malloc(len);
    int got;

    memcpy(packed, p, n);
    got = (int)linux_unpack(name, NULL, packed, n, page, len);
    memcpy(out, page, len);
    free(packed);
    free(page);
    return got;
}

/* Page 1 of the actor "hog", as zram of Linux 6.1 wrote it: version 1, a literal run, two runs of
 * zeros, twenty zeros, the end. */
static const uint8_t kernel_rle[] = {
    0x11, 0x01, 0x0e, 'p', 'a', 'g', 'e',  ' ',  '1',  ' ',  'o',  'f',  ' ',  't',
    'h',  'e',  ' ',  'h', 'o', 'g', 0x1f, 0xfc, 0xff, 0xff, 0x1c, 0xfc, 0xff, 0xfa,
    0x00, 0x02, 0,    0,   0,   0,   0,    0,    0,    0,    0,    0,    0,    0,
    0,    0,    0,    0,   0,   0,   0,    0,    0x11, 0x00, 0x00,
};

static void runs_of_zeros(void **state)
{
    uint8_t page[PAGE], want[PAGE] = "page 1 of the hog";
    uint8_t bad[sizeof kernel_rle];

    (void)state;
    assert_int_equal(unpack("lzo-rle", kernel_rle, sizeof kernel_rle, page, PAGE), LINUX_UNPACKED);
    assert_memory_equal(page, want, PAGE);
    // The kernel's decompressor of lzo reads both.
    assert_int_equal(unpack("lzo", kernel_rle, sizeof kernel_rle, page, PAGE), LINUX_UNPACKED);
    // Cut anywhere; too long or too short a page; another version.
    for (size_t n = 0; n < sizeof kernel_rle; n++)
        assert_int_equal(unpack("lzo-rle", kernel_rle, n, page, PAGE), LINUX_UNPACK_DAMAGED);
    assert_int_equal(unpack("lzo-rle", kernel_rle, sizeof kernel_rle, page, PAGE - 1),
                     LINUX_UNPACK_DAMAGED);
    memcpy(bad, kernel_rle, sizeof bad);
    bad[1] = 0; // then the runs are matches far before the beginning
    assert_int_equal(unpack("lzo-rle", bad, sizeof bad, page, PAGE), LINUX_UNPACK_DAMAGED);
}

static void lzo_instructions(void **state)
{
    static const struct {
        const char *what;
        uint8_t packed[24];
        size_t n;
        const char *want; // NULL: damaged
    } cases[] = {
        { "literals at the beginning", { 17 + 5, 'a', 'b', 'c', 'd', 'e', 17, 0, 0 }, 9, "abcde" },
        { "few literals there, then a match of two",
          { 17 + 3, 'a', 'b', 'c', 2 << 2, 0, 17, 0, 0 },
          9,
          "abcab" },
        { "a match of three, far behind many literals",
          { 17 + 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 17, 0, 0 },
          11,
          NULL },
        { "three bytes, and one literal behind",
          { 17 + 4, 'a', 'b', 'c', 'd', 0x40 | 3 << 2 | 1, 0, 'X', 17, 0, 0 },
          11,
          "abcdabcX" },
        { "a long one that overlaps itself",
          { 17 + 4, 'a', 'b', 'c', 'd', 32 | 4, 0, 0, 17, 0, 0 },
          11,
          "abcddddddd" },
        { "a match before the beginning",
          { 17 + 4, 'a', 'b', 'c', 'd', 32 | 4, 4 << 2, 0, 17, 0, 0 },
          11,
          NULL },
        { "no end", { 17 + 4, 'a', 'b', 'c', 'd' }, 5, NULL },
        { "a length of zeros only", { 17 + 4, 'a', 'b', 'c', 'd', 32, 0, 0, 0, 0 }, 10, NULL },
        { "a far match before the beginning",
          { 17 + 4, 'a', 'b', 'c', 'd', 16 | 3, 4, 0, 17, 0, 0 },
          11,
          NULL },
    };
    uint8_t out[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t len = cases[i].want ? strlen(cases[i].want) : 10;

        if (unpack("lzo", cases[i].packed, cases[i].n, out, len) !=
            (cases[i].want ? LINUX_UNPACKED : LINUX_UNPACK_DAMAGED))
            fail_msg("%s", cases[i].what);
        if (cases[i].want)
            assert_memory_equal(out, cases[i].want, len);
    }
}

/* Pages of several sorts: of one byte, words, noise, noise and words. */
static void content(unsigned sort, uint8_t *page)
{
    uint32_t noise = 1;

    for (size_t i = 0; i < PAGE; i++) {
        noise = noise * 1664525 + 1013904223;
        page[i] = sort == 0   ? 'x'
                  : sort == 1 ? (uint8_t)("the quick brown fox "[(i + (noise >> 29)) % 20])
                  : sort == 2 ? (uint8_t)(noise >> 24)
                  : sort == 3 && i % 1000 < 400 ? (uint8_t)(noise >> 24)
                                                : (uint8_t)(i / 64 % 7);
    }
}
enum { SORTS = 5 };

static size_t pack(const char *name, const uint8_t *page, uint8_t *out, size_t room)
{
    if (!strcmp(name, "zstd"))
        return ZSTD_compress(out, room, page, PAGE, 3);
    if (!strcmp(name, "deflate")) {
        z_stream z = { .next_in = (Bytef *)(uintptr_t)page,
                       .avail_in = PAGE,
                       .next_out = out,
                       .avail_out = (uInt)room };

        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -11, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        deflateEnd(&z);
        return room - z.avail_out;
    }
#ifdef HAVE_LZ4
    if (!strcmp(name, "lz4"))
        return (size_t)LZ4_compress_default((const char *)page, (char *)out, PAGE, (int)room);
#endif
#ifdef HAVE_LZO
    if (!strcmp(name, "lzo")) {
        static uint8_t work[LZO1X_1_MEM_COMPRESS];
        lzo_uint n = room;

        assert_int_equal(lzo1x_1_compress(page, PAGE, out, &n, work), LZO_E_OK);
        return n;
    }
#endif
    return 0;
}

static void from_libraries(void **state)
{
    static const char *const names[] = {
        "zstd",
        "deflate",
#ifdef HAVE_LZ4
        "lz4",
#endif
#ifdef HAVE_LZO
        "lzo",
#endif
    };
    uint8_t page[PAGE], packed[3 * PAGE], out[PAGE];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (unsigned sort = 0; sort < SORTS; sort++) {
            size_t n;
            int got;

            content(sort, page);
            n = pack(names[i], page, packed, sizeof packed);
            assert_true(n);
            assert_true(linux_unpacks(names[i]));
            assert_int_equal(unpack(names[i], packed, n, out, PAGE), LINUX_UNPACKED);
            assert_memory_equal(out, page, PAGE);
            assert_int_equal(unpack(names[i], packed, n, out, PAGE - 1), LINUX_UNPACK_DAMAGED);
            assert_int_equal(unpack(names[i], packed, 0, out, PAGE), LINUX_UNPACK_DAMAGED);
            assert_int_equal(unpack(names[i], packed, n / 2, out, PAGE), LINUX_UNPACK_DAMAGED);
            // With any byte changed: damaged, or a page of other bytes.
            for (size_t k = 0; k < n; k += 1 + n / 64) {
                packed[k] ^= 0x5a;
                got = unpack(names[i], packed, n, out, PAGE);
                assert_true(got == LINUX_UNPACKED || got == LINUX_UNPACK_DAMAGED);
                packed[k] ^= 0x5a;
            }
        }
}

/* ---- 842 ---- */

struct stream {
    uint8_t bytes[3 * PAGE];
    size_t at; // bits
};

static void bits(struct stream *s, unsigned n, uint64_t v)
{
    for (; n; n--, s->at++)
        if (v >> (n - 1) & 1)
            s->bytes[s->at / 8] |= (uint8_t)(0x80 >> s->at % 8);
}

static void text(struct stream *s, const char *t)
{
    for (; *t; t++)
        bits(s, 8, (uint8_t)*t);
}

static void templates(void **state)
{
    struct stream s = { .at = 0 };
    uint8_t out[64] = { 0 };
    size_t n;

    (void)state;
    bits(&s, 5, 0x00); // eight bytes
    text(&s, "abcdefgh");
    bits(&s, 5, 0x01); // four, two, and the third pair of before
    text(&s, "ijklmn");
    bits(&s, 8, 2);
    bits(&s, 5, 0x18); // two fours of before
    bits(&s, 9, 1);
    bits(&s, 9, 2);
    bits(&s, 5, 0x19); // the second eight
    bits(&s, 8, 1);
    bits(&s, 5, 0x1b); // the last eight, twice again
    bits(&s, 6, 1);
    bits(&s, 5, 0x1c); // eight zeros
    bits(&s, 5, 0x1d); // three bytes
    bits(&s, 3, 3);
    text(&s, "xyz");
    bits(&s, 5, 0x1e);
    n = (s.at + 7) / 8;
    assert_int_equal(unpack("842", s.bytes, n, out, 59), LINUX_UNPACKED);
    assert_memory_equal(out, "abcdefghijklmnefefghijklijklmnefijklmnefijklmnef\0\0\0\0\0\0\0\0xyz",
                        59);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(unpack("842", s.bytes, i, out, 59), LINUX_UNPACK_DAMAGED);
    assert_int_equal(unpack("842", s.bytes, n, out, 58), LINUX_UNPACK_DAMAGED);
    assert_int_equal(unpack("842", s.bytes, n, out, 60), LINUX_UNPACK_DAMAGED);
}

/* The last 512 bytes are the ring of pairs: what is named by a place ahead of where it is filled
 * now is from the round before. */
static void ring(void **state)
{
    static uint8_t out[PAGE];
    struct stream *s = calloc(1, sizeof *s);
    uint64_t group = 0;

    (void)state;
    for (; group < 66; group++) { // 528 bytes: 16 of the second round
        bits(s, 5, 0x00);
        bits(s, 32, (uint32_t)group);
        bits(s, 32, 0xf0000000u | (uint32_t)group);
    }
    bits(s, 5, 0x0b); // pair, four bytes, pair
    bits(s, 8, 7);    // bytes 14 and 15 of this round: the end of group 65
    text(s, "data");
    bits(s, 8, 8); // bytes 16 and 17: still group 2 of the round before
    bits(s, 5, 0x1e);
    assert_int_equal(unpack("842", s->bytes, (s->at + 7) / 8, out, 67 * 8), LINUX_UNPACKED);
    assert_memory_equal(out + 66 * 8,
                        "\0\x41"
                        "data\0\0",
                        8);
    free(s);
}

/* What a place of the rings holds, as the kernel's compressor keeps them (lib/842/842_compress.c,
 * update_hashtables): the last two, four or eight bytes that were written there. */
struct rings {
    uint8_t at[3][512][8];
    bool is[3][512];
};

/** A place of the ring of @n bytes that holds these, from @from on; -1: none. */
static int place_of(const struct rings *r, unsigned n, const uint8_t *p, unsigned from)
{
    const unsigned k = n / 4, places = n == 4 ? 512 : 256;

    for (unsigned i = 0; i < places; i++) {
        const unsigned at = (from + i) % places;

        if (r->is[k][at] && !memcmp(r->at[k][at], p, n))
            return (int)at;
    }
    return -1;
}

/** Eight bytes by a template whose copies are all there; of these another one each time. */
static void add_group(struct stream *s, const struct rings *r, const uint8_t *p, unsigned turn)
{
    static const char *const templates[] = {
        "d8",       "d4d2i2",   "d4i2d2",   "d4i2i2",   "d4i4",     "d2i2d4",   "d2i2d2i2",
        "d2i2i2d2", "d2i2i2i2", "d2i2i4",   "i2d2d4",   "i2d4i2",   "i2d2i2d2", "i2d2i2i2",
        "i2d2i4",   "i2i2d4",   "i2i2d2i2", "i2i2i2d2", "i2i2i2i2", "i2i2i4",   "i4d4",
        "i4d2i2",   "i4i2d2",   "i4i2i2",   "i4i4",     "i8",
    };
    const unsigned all = sizeof templates / sizeof *templates;

    for (unsigned i = 0; i < all; i++) {
        const unsigned op = (turn * 7 + i) % all;
        const char *t = templates[op];
        unsigned at = 0;

        for (; *t; at += (unsigned)(t[1] - '0'), t += 2)
            if (*t == 'i' && place_of(r, (unsigned)(t[1] - '0'), p + at, 0) < 0)
                break;
        if (*t)
            continue;
        bits(s, 5, op);
        for (t = templates[op], at = 0; *t; t += 2) {
            const unsigned n = (unsigned)(t[1] - '0');

            if (*t == 'i')
                bits(s, n == 4 ? 9 : 8, (uint64_t)place_of(r, n, p + at, turn * 31));
            else
                for (unsigned b = 0; b < n; b++)
                    bits(s, 8, p[at + b]);
            at += n;
        }
        return;
    }
}

static void all_templates(void **state)
{
    static struct rings r;
    static uint8_t page[PAGE], out[PAGE];
    struct stream *s = calloc(1, sizeof *s);
    uint32_t noise = 1;

    (void)state;
    memset(&r, 0, sizeof r);
    // Few different pairs, so that most have been there before.
    for (size_t i = 0; i < PAGE; i += 2) {
        noise = noise * 1664525 + 1013904223;
        page[i] = (uint8_t)(noise >> 29);
        page[i + 1] = (uint8_t)(noise >> 23 & 7);
        if (i % 64 >= 32 && i >= 2048)
            memcpy(page + i, page + i - 1000, 2);
    }
    for (size_t at = 0; at < PAGE; at += 8) {
        add_group(s, &r, page + at, (unsigned)(at / 8));
        for (unsigned k = 0; k < 3; k++) {
            const unsigned n = 2u << k, places = n == 4 ? 512 : 256;

            for (size_t i = 0; i < 8; i += n) {
                memcpy(r.at[n / 4][(at + i) / n % places], page + at + i, n);
                r.is[n / 4][(at + i) / n % places] = true;
            }
        }
    }
    bits(s, 5, 0x1e);
    bits(s, 32, 0x12345678); // the checksum, which is not looked at
    assert_int_equal(unpack("842", s->bytes, (s->at + 7) / 8, out, PAGE), LINUX_UNPACKED);
    assert_memory_equal(out, page, PAGE);
    free(s);
}

static void damaged_templates(void **state)
{
    static const struct {
        const char *what;
        unsigned op, n;
        uint64_t args;
    } cases[] = {
        { "repeats nothing", 0x1b, 6, 0 },  { "names what was not written", 0x19, 8, 0 },
        { "no such template", 0x1a, 0, 0 }, { "no such template", 0x1f, 0, 0 },
        { "no bytes", 0x1d, 3, 0 },
    };
    uint8_t out[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream s = { .at = 0 };

        bits(&s, 5, cases[i].op);
        bits(&s, cases[i].n, cases[i].args);
        bits(&s, 5, 0x1e);
        if (unpack("842", s.bytes, sizeof s.bytes, out, 8) != LINUX_UNPACK_DAMAGED)
            fail_msg("%s", cases[i].what);
    }
}

static void names(void **state)
{
    uint8_t out[16];

    (void)state;
    assert_false(linux_unpacks("lzma"));
    assert_false(linux_unpacks(""));
    assert_false(linux_unpacks(NULL));
    assert_int_equal(unpack("lzma", "x", 1, out, 16), LINUX_UNPACK_UNKNOWN);
}

/* A dictionary that zram was given: without it nothing fits. */
static void dictionary(void **state)
{
    uint8_t page[PAGE], words[PAGE], packed[2 * PAGE], out[PAGE];
    struct linux_dictionary d = { words, PAGE };
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t n;

    (void)state;
    content(2, page);
    content(2, words); // another buffer: an overlap with its input makes zstd forget it
    n = ZSTD_compress_usingDict(c, packed, sizeof packed, page, PAGE, words, PAGE, 3);
    ZSTD_freeCCtx(c);
    assert_in_range(n, 1, 2000); // noise, but for the dictionary
    assert_int_equal(linux_unpack("zstd", &d, packed, n, out, PAGE), LINUX_UNPACKED);
    assert_memory_equal(out, page, PAGE);
    assert_int_equal(linux_unpack("zstd", NULL, packed, n, out, PAGE), LINUX_UNPACK_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_zeros),
        cmocka_unit_test(lzo_instructions),
        cmocka_unit_test(from_libraries),
        cmocka_unit_test(templates),
        cmocka_unit_test(ring),
        cmocka_unit_test(all_templates),
        cmocka_unit_test(damaged_templates),
        cmocka_unit_test(names),
        cmocka_unit_test(dictionary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
