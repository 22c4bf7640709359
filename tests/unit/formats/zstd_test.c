/* zstd_test.c - every shape of zstd file gives the same bytes; damage is a hole and a note; packing
 * gives the same file for any number of threads. */
#include "../../../core/parallel.h"
#include "../../../formats/write/pack.h"
#include "../../../formats/zstd_frames.h"
#include "mkpacked.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

/** Frames of @step bytes; without their sizes if not @sized. */
static void pack_frames(size_t len, size_t step, bool sized, bool checks)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();

    file.len = 0;
    ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, sized);
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, checks);
    for (size_t at = 0; at < len; at += step)
        file.len += ZSTD_compress2(c, file.at + file.len, FILE_MAX - file.len, content + at,
                                   EG_MIN(step, len - at));
    ZSTD_freeCCtx(c);
}

/** Behind frames of @step bytes: the table that zstd's contrib/seekable_format writes. */
static void add_table(size_t len, size_t step)
{
    uint32_t sizes[4096];
    uint32_t n = 0;

    for (size_t at = 0; at < file.len; at += sizes[n++])
        sizes[n] = (uint32_t)ZSTD_findFrameCompressedSize(file.at + at, file.len - at);
    put(EG_ZSTD_SEEK_FRAME, 4);
    put(12 * n + EG_ZSTD_SEEK_FOOTER, 4);
    for (uint32_t i = 0; i < n; i++) {
        const size_t size = EG_MIN(step, len - i * step);

        put(sizes[i], 4);
        put(size, 4);
        put(XXH64(content + i * step, size, 0), 4);
    }
    put(n, 4);
    file.at[file.len++] = EG_ZSTD_SEEK_CHECKS;
    put(EG_ZSTD_SEEK_MAGIC, 4);
}

static void shapes(void **state)
{
    static const struct {
        const char *what;
        size_t len, step;
        bool sized, table, in_place;
    } cases[] = {
        { "small frames, table", SIZE, 256 << 10, false, true, true },
        { "odd frames, table", SIZE, 100001, false, true, true },
        { "small frames", SIZE, 256 << 10, true, false, true },
        { "odd frames", SIZE - 5, 77777, true, false, true },
        { "tiny frames", 20000, 100, true, false, true },
        { "frames of the largest size", SIZE, EG_FILL_MAX, true, false, true },
        { "one byte more, so no longer by pages", SIZE, EG_FILL_MAX + 1, true, false, false },
        { "one frame", SIZE, SIZE, true, false, false },
        { "one frame, size unknown", SIZE, SIZE, false, false, false },
        { "small frames, sizes unknown", SIZE, 500001, false, false, false },
        { "large frames, table", SIZE, 5 << 20, true, true, false },
        { "less than a page", 100, 100, true, false, true },
    };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        pack_frames(cases[i].len, cases[i].step, cases[i].sized, true);
        if (cases[i].table)
            add_table(cases[i].len, cases[i].step);
        if (open_dump(&e) != 0)
            fail_msg("%s: %s", cases[i].what, e.text);
        if (in_place() != cases[i].in_place || img->phys->last != cases[i].len - 1 ||
            holes(0, cases[i].len) || strcmp(img->format, "raw physical memory on zstd"))
            fail_msg("%s: in place %d, size %lu, %s", cases[i].what, in_place(),
                     img->phys->last + 1, img->format);
    }
}

static void twice(void **state)
{
    struct eg_error e;
    size_t n;

    (void)state;
    pack_frames(SIZE, 200000, true, true);
    n = ZSTD_compress(file.at + file.len, FILE_MAX - file.len, file.at, file.len, 1);
    memmove(file.at, file.at + file.len, n);
    file.len = n;
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(holes(0, SIZE), 0);
    assert_string_equal(img->format, "raw physical memory on zstd on zstd");
}

static void damaged_frame(void **state)
{
    struct eg_error e;
    size_t lost;

    (void)state;
    // The table's checksum finds what the frames, without their own, do not.
    for (int own = 0; own < 2; own++) {
        pack_frames(SIZE, 256 << 10, true, own);
        if (!own)
            add_table(SIZE, 256 << 10);
        memset(file.at + file.len / 2, 0x55, 40);
        assert_int_equal(open_dump(&e), 0);
        lost = holes(0, SIZE);
        assert_true(lost && lost <= 512 << 10 && lost % (256 << 10) == 0);
    }
}

static void damaged_header(void **state)
{
    const size_t step = 256 << 10;
    struct eg_error e;
    size_t second;

    (void)state;
    pack_frames(SIZE, step, true, true);
    second = ZSTD_findFrameCompressedSize(file.at, file.len);
    memset(file.at + second + 9, 0xff, 3); // its first block's header, behind its own
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("is damaged; the next one is at"));
    assert_int_equal(holes(0, SIZE), step);
    assert_null(eg_bytes(view, img->phys, step, 1));
}

static void truncated(void **state)
{
    struct eg_error e;

    (void)state;
    pack_frames(SIZE, 256 << 10, true, true); // in place
    file.len = file.len / 2;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("truncated"));
    assert_true(holes(0, img->phys->last + 1) <= 256 << 10);

    for (int sized = 0; sized < 2; sized++) { // unpacked
        pack_frames(SIZE, SIZE, sized, true);
        file.len = file.len / 2;
        assert_int_equal(open_dump(&e), 0);
        assert_true(noted("truncated"));
        assert_int_equal(img->phys->last == SIZE - 1, sized);
        assert_int_equal(noted("cannot be unpacked"), sized);
        assert_true(img->phys->last > SIZE / 4);
        assert_int_equal(holes(0, SIZE / 4), 0);
        assert_int_equal(holes(SIZE - 1, SIZE), 1);
    }
}

static void wrong_checksum(void **state)
{
    struct eg_error e;

    (void)state;
    pack_frames(SIZE, SIZE, false, true);
    file.at[file.len - 1] ^= 1;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("the checksum of 1 pieces is wrong"));
    assert_int_equal(holes(0, SIZE), 0); // all of it is there, with a note
}

static void bad_table(void **state)
{
    struct eg_error e;

    (void)state;
    for (int k = 0; k < 3; k++) {
        pack_frames(SIZE, 256 << 10, true, true);
        add_table(SIZE, 256 << 10);
        if (k == 0)
            file.at[file.len - 9] ^= 1; // number of frames
        else if (k == 1)
            file.at[file.len - 5] |= 4; // a reserved flag
        else
            file.at[file.len - 9 - 12 * 3 + 3] = 0x7f; // frames longer than the file
        assert_int_equal(open_dump(&e), 0);
        assert_true(noted("seek table is damaged"));
        assert_int_equal(holes(0, SIZE), 0);
    }
}

static void nothing_in_it(void **state)
{
    static const uint8_t lie[] = {
        0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0
    }; // 2^60 bytes in an empty block
    struct eg_error e;

    (void)state;
    file.len = ZSTD_compress(file.at, 2 * SIZE, content, 0, 1);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    memcpy(file.at, lie, sizeof lie);
    file.len = sizeof lie;
    assert_true(open_dump(&e) < 0);
    memset(file.at, 0xff, 100);
    memcpy(file.at, lie, 4);
    file.len = 100;
    assert_true(open_dump(&e) < 0);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(2 * SIZE);

    assert_non_null(f);
    *len = fread(bytes, 1, 2 * SIZE, f);
    fclose(f);
    return bytes;
}

/** eg_pack of the file @in. */
static int pack_file(const char *in, const char *out, const struct eg_pack_options *o,
                     struct eg_error *e)
{
    struct eg_image *from = NULL;
    int rc = eg_image_open(&from, in, &(struct eg_open_options){ .quiet = true }, e);

    if (!rc)
        rc = eg_pack(from, out, o, e);
    eg_image_close(from);
    return rc;
}

static void pack(void **state)
{
    char dir[] = "/tmp/engram-test.XXXXXX", in[64], out[2][64];
    const size_t size = SIZE - 777;
    struct eg_error e;
    uint8_t *one, *many;
    size_t n, m;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(in, sizeof in, "%s/in", dir);
    for (int i = 0; i < 2; i++) {
        const struct eg_pack_options o = { .level = 3, .threads = i ? 7 : 1, .quiet = true };

        // The second time from a zstd file: its content is packed.
        if (i == 0)
            write_file(in, content, size);
        else {
            pack_frames(size, 1 << 20, false, false);
            write_file(in, file.at, file.len);
        }
        snprintf(out[i], sizeof out[i], "%s/out%d", dir, i);
        if (pack_file(in, out[i], &o, &e) != 0)
            fail_msg("%s", e.text);
        assert_int_equal(pack_file(in, out[i], &o, &e), -EG_EUSAGE); // it is there already
        assert_int_equal(pack_file(out[i], out[i], &(struct eg_pack_options){ .force = true }, &e),
                         -EG_EUSAGE);
    }
    one = read_file(out[0], &n);
    many = read_file(out[1], &m);
    assert_int_equal(n, m);
    assert_memory_equal(one, many, n);
    memcpy(file.at, one, file.len = n);
    free(one);
    free(many);
    assert_int_equal(open_dump(&e), 0);
    assert_true(in_place());
    assert_int_equal(img->phys->last, size - 1);
    assert_int_equal(holes(0, size), 0);
    // Any zstd can read it.
    assert_int_equal(ZSTD_decompress(file.at + n, SIZE, file.at, n), size);
    assert_memory_equal(file.at + n, content, size);

    assert_int_equal(
        pack_file(in, out[0], &(struct eg_pack_options){ .level = 1, .force = true }, &e), 0);
    assert_int_equal(pack_file(in, "/nonexistent/x", &(struct eg_pack_options){ 0 }, &e), -EG_EIO);
    assert_int_equal(
        pack_file(in, out[1], &(struct eg_pack_options){ .level = 99, .force = true }, &e),
        -EG_EUSAGE);
    eg_cancelled = 1;
    assert_int_equal(pack_file(in, out[1], &(struct eg_pack_options){ .force = true }, &e),
                     -EG_ECANCEL);
    eg_cancelled = 0;
    assert_int_equal(stat(out[1], &st), 0);
    assert_int_equal(st.st_size, m); // untouched
    unlink(in);
    unlink(out[0]);
    unlink(out[1]);
    assert_int_equal(rmdir(dir), 0); // nothing was left behind
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_content, teardown_content)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(shapes),         T(twice),     T(damaged_frame), T(damaged_header), T(truncated),
        T(wrong_checksum), T(bad_table), T(nothing_in_it), T(pack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
