/* kept_test.c - what was unpacked is used again (--cache), if it is intact; the oldest is
 * removed. */
#include "mkpacked.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

static char home[64];

static int setup_home(void **state)
{
    setup_content(state);
    strcpy(home, "/tmp/kept_test.XXXXXX");
    assert_non_null(mkdtemp(home));
    return setenv("XDG_CACHE_HOME", home, 1);
}

static const char *path_of(const char *name)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/engram/%s", home, name);
    return path;
}

/** The number of entries; @name is the last one's. */
static unsigned entries(char name[256])
{
    DIR *folder = opendir(path_of(""));
    struct dirent *d;
    unsigned n = 0;

    while (folder && (d = readdir(folder)))
        if (strstr(d->d_name, ".unpacked")) {
            snprintf(name, 256, "%s", d->d_name);
            n++;
        }
    if (folder)
        closedir(folder);
    return n;
}

static int teardown_home(void **state)
{
    char name[256];

    teardown_content(state);
    while (entries(name))
        unlink(path_of(name));
    unlink(path_of("secret"));
    rmdir(path_of(""));
    return rmdir(home);
}

/** One frame: it has to be unpacked. */
static void pack(size_t len)
{
    file.len = ZSTD_compress(file.at, FILE_MAX, content, len, 1);
    assert_false(ZSTD_isError(file.len));
}

/** Open it. @return was it unpacked? */
static bool unpacks(uint64_t cache, size_t len)
{
    const struct eg_open_options o = { .quiet = true, .threads = 2, .cache = cache };
    struct eg_error e;

    if (open_with(&o, &e))
        fail_msg("%s", e.text);
    check_all("kept", len);
    return img->unpacked;
}

static void again(void **state)
{
    const uint64_t much = UINT64_C(1) << 40;
    char name[256], other[256];

    (void)state;
    pack(SIZE);
    assert_true(unpacks(0, SIZE)); // not asked for
    assert_int_equal(entries(name), 0);
    assert_true(unpacks(much, SIZE));
    assert_int_equal(entries(name), 1);
    assert_false(unpacks(much, SIZE));
    assert_true(unpacks(0, SIZE));
    content[5000] ^= 1; // other content is another entry
    pack(SIZE);
    assert_true(unpacks(much, SIZE));
    assert_int_equal(entries(other), 2);
    assert_false(unpacks(much, SIZE));
}

static void damaged(void **state)
{
    const uint64_t much = UINT64_C(1) << 40;
    char name[256];
    struct stat st;

    (void)state;
    pack(SIZE);
    assert_true(unpacks(much, SIZE));
    assert_int_equal(entries(name), 1);
    for (int i = 0; i < 5; i++) {
        const int fd = open(path_of(name), O_RDWR);
        const uint64_t ones = UINT64_MAX;

        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        if (i == 0) // the content, the segments, their number, its size, the end
            assert_int_equal(pwrite(fd, &ones, 1, 150000), 1);
        else if (i == 4)
            assert_int_equal(ftruncate(fd, st.st_size - 1000), 0);
        else
            assert_int_equal(pwrite(fd, &ones, 8,
                                    st.st_size - (i == 1   ? 40
                                                  : i == 2 ? 32
                                                           : 24)),
                             8);
        close(fd);
        assert_true(unpacks(much, SIZE));
        assert_false(unpacks(much, SIZE));
        assert_int_equal(entries(name), 1);
    }
    assert_int_equal(chmod(path_of(name), 0666), 0); // others may have written to it
    assert_true(unpacks(much, SIZE));
    assert_int_equal(chmod(path_of(""), 0777), 0);
    assert_true(unpacks(much, SIZE));
    assert_true(noted("--cache: nothing can be kept"));
    assert_int_equal(chmod(path_of(""), 0700), 0);

    assert_int_equal(truncate(path_of("secret"), 1), 0); // it is made anew
    assert_true(unpacks(much, SIZE));
    assert_false(noted("--cache: nothing can be kept"));
    assert_false(unpacks(much, SIZE));

    // What could not all be unpacked is not kept.
    content[5] ^= 1;
    pack(SIZE);
    file.len -= 100;
    {
        const struct eg_open_options o = { .quiet = true, .threads = 2, .cache = much };

        assert_int_equal(open_with(&o, NULL), 0);
        assert_int_equal(entries(name), 2);
    }
}

static void oldest(void **state)
{
    char first[256], name[256];
    struct stat st;

    (void)state;
    pack(SIZE);
    assert_true(unpacks(UINT64_C(1) << 40, SIZE));
    assert_int_equal(entries(first), 1);
    assert_int_equal(stat(path_of(first), &st), 0);
    content[5000] ^= 1;
    pack(SIZE);
    assert_true(unpacks((uint64_t)st.st_blocks * 512 * 3 / 2, SIZE)); // there is room for one
    assert_int_equal(entries(name), 1);
    assert_string_not_equal(first, name);
    content[5000] ^= 2;
    pack(SIZE);
    assert_true(unpacks(1, SIZE)); // and now for none
    assert_int_equal(entries(name), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_home, teardown_home)

int main(void)
{
    const struct CMUnitTest tests[] = { T(again), T(damaged), T(oldest) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
