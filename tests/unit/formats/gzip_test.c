/* gzip_test.c - gzip in every shape, BGZF and zlib give the same bytes; damage and truncation give
 * holes and notes. */
#include "mkpacked.h"
#include <zlib.h>

static void deflate_part(size_t from, size_t len, int level, int bits)
{
    z_stream z = { .next_in = content + from,
                   .avail_in = (uInt)len,
                   .next_out = file.at + file.len,
                   .avail_out = (uInt)(FILE_MAX - file.len) };

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    file.len += z.total_out;
    deflateEnd(&z);
}

static void members(size_t len, size_t step, int level)
{
    file.len = 0;
    for (size_t at = 0; at < len; at += step)
        deflate_part(at, EG_MIN(step, len - at), level, 31);
}

/** A member that says its own size: the SAM specification, 4.1. */
static void bgzf(size_t from, size_t len)
{
    const size_t at = file.len;
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
    size = file.len - at - 1;
    file.at[at + 16] = (uint8_t)size;
    file.at[at + 17] = (uint8_t)(size >> 8);
}

static void bgzf_all(size_t len)
{
    file.len = 0;
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
    memset(file.at + file.len, 0, 5000); // as on tapes
    file.len += 5000;
    opens("padding", SIZE, true, 0);
    file.len = 0;
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
    file.len /= 2;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("gzip: truncated"));
    assert_true(img->phys->last > SIZE / 4);
    assert_int_equal(holes(0, img->phys->last + 1), 0);

    members(SIZE, SIZE, 1);
    memset(file.at + file.len / 2, 0xff, 100);
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("gzip: damaged") || noted("checksum"));

    members(SIZE, 1 << 20, 1);
    file.at[file.len - 8] ^= 1; // the last member's checksum
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("the checksum of 1 members is wrong"));
    assert_int_equal(holes(0, SIZE), 0); // all of it is there, with a note

    members(SIZE, 1 << 20, 1);
    file.at[file.len - 1] ^= 0x10; // its length
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("the checksum of 1 members is wrong"));

    members(SIZE, SIZE, 1);
    put(0x1234567, 4);
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("the last 4 bytes of the file belong to something else"));
    assert_int_equal(holes(0, SIZE), 0);

    bgzf_all(SIZE);
    memset(file.at + file.len / 3, 0x77, 40);
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(img->phys->last, SIZE - 1);
    {
        const size_t lost = holes(0, SIZE);

        assert_true(lost && lost <= 0xff00 + 2 * 4096); // one member
    }

    members(100, 100, 1);
    file.len = 10;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    members(100, 100, 1);
    memset(file.at + 10, 0xff, 20);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
}

/** Members of 1 MiB, and where they begin. */
static void write_members(size_t *begins)
{
    file.len = 0;
    for (size_t at = 0; at < SIZE; at += 1 << 20) {
        begins[at >> 20] = file.len;
        deflate_part(at, 1 << 20, 1, 31);
    }
}

/** What is behind a damaged member is read, where it belongs. */
static void gzip_resumed(void **state)
{
    const size_t three = 3 << 20, four = 4 << 20;
    uint8_t *buf = malloc(1 << 20), *swap = content;
    size_t begins[SIZE >> 20];

    (void)state;
    assert_non_null(buf);
    for (int i = 0; i < 3; i++) {
        write_members(begins);
        if (i == 0) // its header
            memset(file.at + begins[3], 0xff, 10);
        else if (i == 1) // the beginning of its data
            memset(file.at + begins[3] + 10, 0xff, 100);
        else // its end: what is decompressed is more than it should be
            memset(file.at + begins[4] - 12, 0, 4);
        open_ok();
        assert_int_equal(img->phys->last, SIZE - 1);
        assert_true(noted("up to the next member at") || noted("checksum of 1 members"));
        assert_int_equal(holes(0, three) + holes(four, SIZE), 0);
        assert_true(i == 2 || holes(three, four));
    }
    // The first member, and the last: without a further one, what is missing is not known.
    write_members(begins);
    memset(file.at + 10, 0xff, 100);
    memset(file.at + begins[11] + 10, 0xff, 100);
    open_ok();
    assert_int_equal(holes(1 << 20, 11 << 20), 0);
    assert_true(noted("damaged at") && noted("what follows 11 MiB of content is missing"));

    // A file in gzip inside the content is no further member.
    members(200000, 200000, 1);
    memset(buf, 1, 1 << 20);
    memcpy(buf + 300000, file.at, file.len);
    content = buf;
    members(1 << 20, 1 << 20, 0);
    content = swap;
    file.at[10 + 5 + 65535 + 2] ^= 0x55; // the length of the second stored block
    open_ok();
    assert_true(noted("gzip: damaged") && noted("is missing"));
    assert_true(img->phys->last < 70000);
    free(buf);
}

/** Memory that begins like a zlib stream is raw memory. */
static void no_zlib(void **state)
{
    (void)state;
    memset(file.at, 0xee, file.len = 1 << 16);
    file.at[0] = 0x78;
    file.at[1] = 0x9c;
    memcpy(content, file.at, file.len);
    assert_int_equal(open_dump(NULL), 0);
    assert_string_equal(img->format, "raw physical memory");
}

/** A file inside a file inside a file. */
static void stacked(void **state)
{
    uint8_t *inner = malloc(FILE_MAX);
    size_t len;

    (void)state;
    members(2000000, 2000000, 1);
    for (int i = 0; i < 2; i++) {
        uint8_t *swap = content;

        memcpy(inner, file.at, len = file.len);
        content = inner;
        members(len, len, 1);
        content = swap;
    }
    opens("gzip on gzip on gzip", 2000000, true, 0);
    free(inner);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_content, teardown_content)

int main(void)
{
    const struct CMUnitTest tests[] = { T(gzip), T(gzip_damaged), T(gzip_resumed), T(no_zlib),
                                        T(stacked) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
