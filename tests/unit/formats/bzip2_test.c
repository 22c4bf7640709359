/* bzip2_test.c - bzip2 in every shape gives the same bytes; damage and truncation give holes and
 * notes. */
#include "config.h"
#include "mkpacked.h"
#ifdef HAVE_BZIP2
#include <bzlib.h>

static void bzip2_streams(size_t len, size_t step, int level)
{
    file.len = 0;
    for (size_t at = 0; at < len; at += step) {
        unsigned n = (unsigned)(FILE_MAX - file.len);

        assert_int_equal(BZ2_bzBuffToBuffCompress((char *)file.at + file.len, &n,
                                                  (char *)content + at,
                                                  (unsigned)EG_MIN(step, len - at), level, 0, 0),
                         BZ_OK);
        file.len += n;
    }
}

static void bzip2(void **state)
{
    struct eg_error e;

    (void)state;
    bzip2_streams(SIZE, SIZE, 9);
    opens("one stream", SIZE, false, 0);
    assert_int_equal(img->unpacked, SIZE);
    bzip2_streams(SIZE, 1500001, 1);
    opens("streams", SIZE, false, 0);
    assert_int_equal(img->unpacked, SIZE);
    bzip2_streams(70, 70, 5);
    opens("less than a page", 70, false, 0);
    assert_int_equal(img->unpacked, 70);

    bzip2_streams(SIZE, SIZE, 1);
    file.len -= file.len / 3;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("bzip2: truncated"));
    assert_true(img->phys->last > SIZE / 3);
    assert_int_equal(holes(0, img->phys->last + 1), 0);

    bzip2_streams(SIZE, SIZE, 1);
    file.at[file.len / 2] ^= 0x55;
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("sizes of damaged pieces are guessed"));
    assert_true(img->unpacked > 0); // `engram IMAGE` says so
    assert_int_equal(holes(0, SIZE / 4), 0);

    bzip2_streams(10, 10, 1);
    file.len = 12;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    bzip2_streams(10, 10, 1);
    file.at[12] ^= 1; // the block's checksum
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_content, teardown_content)

int main(void)
{
    const struct CMUnitTest tests[] = { T(bzip2) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
