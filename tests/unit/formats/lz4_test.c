/* lz4_test.c - lz4 in every shape gives the same bytes; damage, truncation and wrong sizes give
 * holes and notes. */
#include "config.h"
#include "mkpacked.h"
#ifdef HAVE_LZ4
#include <lz4.h>
#include <lz4frame.h>
#include <xxhash.h>

static void lz4_frames(size_t len, size_t step, const LZ4F_preferences_t *how, bool sized)
{
    file.len = 0;
    for (size_t at = 0; at < len; at += step) {
        LZ4F_preferences_t p = *how;
        size_t n = EG_MIN(step, len - at);

        p.frameInfo.contentSize = sized ? n : 0;
        n = LZ4F_compressFrame(file.at + file.len, FILE_MAX - file.len, content + at, n, &p);
        assert_false(LZ4F_isError(n));
        file.len += n;
    }
}

static void lz4_legacy(size_t len)
{
    file.len = 0;
    put(0x184c2102, 4);
    for (size_t at = 0; at < len; at += 8 << 20) {
        const int n = LZ4_compress_default((char *)content + at, (char *)file.at + file.len + 4,
                                           (int)EG_MIN((size_t)8 << 20, len - at),
                                           (int)(FILE_MAX - file.len - 4));

        put((uint64_t)n, 4);
        file.len += (size_t)n;
    }
}

/** Put a skippable frame before all others; zstd has the same. */
static void skippable(void)
{
    const size_t len = file.len;

    memmove(file.at + 12, file.at, len);
    file.len = 0;
    put(0x184d2a5a, 4);
    put(4, 4);
    put(0x184d2204, 4);
    file.len = 12 + len;
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

        // In place only checksums of blocks are checked; where there are none, a note says so.
        lz4_frames(cases[i].len, cases[i].step, &p, cases[i].sized);
        opens(cases[i].what, cases[i].len, cases[i].in_place,
              cases[i].in_place && !cases[i].checks);
        skippable();
        opens(cases[i].what, cases[i].len, cases[i].in_place,
              cases[i].in_place && !cases[i].checks);
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
    file.at[file.len / 3] ^= 0x55;
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(img->phys->last, SIZE - 1);
    assert_int_equal(holes(0, SIZE), 256 << 10);

    lz4_frames(SIZE, SIZE, &p, true);
    file.len /= 2;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("damaged or cut off"));
    assert_true(img->phys->last > SIZE / 4);
    assert_int_equal(holes(0, img->phys->last + 1), 0);

    p.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    p.frameInfo.blockMode = LZ4F_blockLinked;
    lz4_frames(SIZE, SIZE, &p, true);
    file.len /= 2;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("damaged or cut off"));
    assert_int_equal(holes(0, SIZE / 4), 0);
    lz4_frames(SIZE, SIZE, &p, false);
    file.at[file.len - 1] ^= 1;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("the checksum of 1 pieces is wrong"));
    assert_int_equal(holes(0, SIZE), 0);

    // A size of nearly 2^64, whose checksum is right, in a file that is cut off.
    p = (LZ4F_preferences_t){ .frameInfo = { .blockSizeID = LZ4F_max256KB,
                                             .blockMode = LZ4F_blockIndependent } };
    lz4_frames(SIZE, SIZE, &p, true);
    put_at(6, UINT64_MAX, 8);
    file.at[14] = (uint8_t)(XXH32(file.at + 4, 10, 0) >> 8);
    file.len /= 2;
    open_ok();
    assert_true(img->phys->last > SIZE / 4);
    assert_int_equal(holes(0, img->phys->last + 1), 0);

    // A size of 2^60, and one that is too small.
    p = (LZ4F_preferences_t){ .frameInfo = { .blockMode = LZ4F_blockIndependent } };
    for (int k = 0; k < 2; k++) {
        lz4_frames(SIZE, SIZE, &p, true);
        file.at[k ? 6 : 13] = k ? 1 : 0x10;
        file.at[14] = 0; // the header's checksum is wrong then
        assert_true(open_dump(&e) < 0);
    }
    lz4_frames(100, 100, &p, false);
    file.len = 9;
    assert_true(open_dump(&e) < 0);
}

/** Behind a damaged header the next block, or the next frame, is read. */
static void lz4_resumed(void **state)
{
    const LZ4F_preferences_t p = { .frameInfo = { .blockSizeID = LZ4F_max256KB,
                                                  .blockMode = LZ4F_blockIndependent } };
    size_t at = 7;

    (void)state;
    lz4_frames(SIZE, SIZE, &p, false);
    for (int i = 0; i < 5; i++)
        at += 4 + (eg_le32(file.at + at) & INT32_MAX);
    for (int i = 0; i < 3; i++) { // the size of the sixth block: too large, 0, and too small
        lz4_frames(SIZE, SIZE, &p, false);
        put_at(at, i == 0 ? INT32_MAX : i == 1 ? 0 : 77, 4);
        open_ok();
        assert_int_equal(img->phys->last, SIZE - 1);
        assert_true(noted("lz4: the block at"));
        assert_int_equal(holes(0, SIZE), 256 << 10);
    }
    lz4_frames(SIZE, 2 << 20, &p, true);
    for (at = 15; eg_le32(file.at + at); at += 4 + (eg_le32(file.at + at) & INT32_MAX))
        ;
    memset(file.at + at + 4, 0, 100); // the header of the second frame, and its first block
    open_ok();
    assert_true(noted("lz4: the block at"));
    assert_int_equal(img->phys->last, SIZE - 1);
    assert_int_equal(holes(0, SIZE), 256 << 10);
    lz4_legacy(SIZE);
    put_at(4, UINT32_MAX, 4); // of two blocks of 8 MiB the first
    open_ok();
    assert_int_equal(img->phys->last, SIZE - 1);
    assert_int_equal(holes(0, SIZE), 8 << 20);
}

/** Is the first block kept when it has been read by three threads? */
static bool kept(const char *tmp_dir)
{
    const struct eg_open_options o = { .quiet = true, .threads = 1, .tmp_dir = tmp_dir };
    struct eg_extent x;
    struct eg_error e;

    assert_int_equal(open_with(&o, &e), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(peek(5000), content[5000]);
        eg_view_fini(view); // each has a view of its own
        eg_view_init(view, NULL);
    }
    eg_extent_at(view, img->files[img->n_files - 1], 5000, &x);
    assert_true(x.made != (x.host != NULL));
    assert_int_equal(holes(0, SIZE), 0);
    return x.host;
}

/** Large blocks are not decompressed again and again; small ones need no temporary file. */
static void lz4_kept(void **state)
{
    LZ4F_preferences_t p = { .frameInfo = { .blockSizeID = LZ4F_max4MB,
                                            .blockMode = LZ4F_blockIndependent } };

    (void)state;
    lz4_frames(SIZE, SIZE, &p, true);
    assert_true(kept("/tmp"));
    assert_false(kept("/dev/null"));
    p.frameInfo.blockSizeID = LZ4F_max64KB;
    lz4_frames(SIZE, SIZE, &p, true);
    assert_false(kept("/tmp"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_content, teardown_content)

int main(void)
{
    const struct CMUnitTest tests[] = { T(lz4), T(lz4_damaged), T(lz4_resumed), T(lz4_kept) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
