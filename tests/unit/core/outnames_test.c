/* outnames_test.c - names from an image become names of files: below their folder, unique, the same
 * each time. outtree_test.c writes under such names. */
#include "../../../core/outnames.h"
#include "check.h"
#include <stdio.h>
#include <string.h>

static void single(void **state)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        { "/etc/passwd", "top/etc/passwd" },
        { "etc//passwd", "top/etc/passwd" },
        { "../../../etc/shadow", "top/%2E%2E/%2E%2E/%2E%2E/etc/shadow" },
        { "/a/./b", "top/a/%2E/b" },
        { "/a/...", "top/a/..." },
        { "/..x", "top/..x" },
        { "/a\nb\x1b[2J", "top/a%0Ab%1B[2J" },
        { "/100%", "top/100%25" },
        { "/\xc3\xa9", "top/\xc3\xa9" }, // a letter
        { "/\xc3", "top/%C3" },          // no UTF-8
        { "/a\xe2\x80\xae"
          "b",
          "top/a%E2%80%AEb" }, // text turns round
        { "/\xc2\x9b"
          "1m",
          "top/%C2%9B1m" }, // a control character
        { "", "top/unnamed" },
        { "/", "top/unnamed" },
        { "/a/", "top/a" },
        { "/-rf", "top/-rf" },
        { "C:\\x", "top/C:\\x" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_outnames n = { 0 };

        assert_string_equal(eg_outnames_place(&n, "top", cases[i].path), cases[i].want);
        eg_outnames_fini(&n);
    }
}

/* Each after the others before it. */
static void together(void **state)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        { "/a", "top/a" },
        { "/a", "top/a~2" },     // two files of one name
        { "/A", "top/A~3" },     // which some disks do not tell apart
        { "/a/b", "top/a~4/b" }, // a folder where a file is
        { "/a/c", "top/a~4/c" }, // which is the same one then
        { "/d/e", "top/d/e" },
        { "/d", "top/d~2" },     // a file where a folder is
        { "/D/e", "top/D~3/e" }, // another folder
        { "/D/E", "top/D~3/E~2" },
        { "/x~2", "top/x~2" },
        { "/x", "top/x" },
        { "/x", "top/x~3" },
        { "/%2E%2E", "top/%252E%252E" },
        { "/..", "top/%2E%2E" },
    };
    struct eg_outnames n = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        assert_string_equal(eg_outnames_place(&n, "top", cases[i].path), cases[i].want);
    assert_string_equal(eg_outnames_find(&n, "top", "/D"), "top/D~3");
    assert_string_equal(eg_outnames_find(&n, "top", "a"), "top/a~4");
    assert_null(eg_outnames_find(&n, "top", "/x"));
    assert_null(eg_outnames_find(&n, "top", "/D/e"));
    assert_null(eg_outnames_find(&n, "other", "/D"));
    assert_string_equal(eg_outnames_place(&n, "other", "/a"), "other/a");
    eg_outnames_fini(&n);
}

static void too_long(void **state)
{
    struct eg_outnames n = { 0 };
    char path[9000], one[600];
    const char *a, *b;

    (void)state;
    memset(one, 'n', sizeof one);
    one[0] = '/';
    one[300] = 0;
    a = eg_outnames_place(&n, "top", one);
    one[299] = 'm';
    b = eg_outnames_place(&n, "top", one);
    assert_true(strlen(a) <= 4 + 255 && strlen(b) <= 4 + 255);
    assert_string_not_equal(a, b);
    one[256] = 0; // a name of 255 bytes, which a disk can have; and another one
    a = eg_outnames_place(&n, "top", one);
    assert_string_equal(a + 3, one);
    b = eg_outnames_place(&n, "top", one);
    assert_int_equal(strlen(b), 4 + 240 + 2);
    assert_string_equal(b + 4 + 240, "~2");
    memcpy(one + 240, "\xe2\x82\xac", 3); // no character is cut in two
    b = eg_outnames_place(&n, "top", one);
    b = eg_outnames_place(&n, "top", one);
    assert_string_equal(b + 4 + 239, "~2");
    one[1] = '\n'; // as many bytes of a name that is longer then
    memset(one + 1, '\n', 250);
    assert_true(strlen(eg_outnames_place(&n, "top", one)) <= 4 + 255);

    path[0] = 0;
    for (int i = 0; i < 400; i++)
        strcat(path, "/d");
    strcat(path, "/../leaf");
    assert_string_equal(eg_outnames_place(&n, "top", path), "top/too-long/leaf");
    assert_string_equal(eg_outnames_place(&n, "top", path), "top/too-long/leaf~2");
    strcat(path, "/");
    assert_string_equal(eg_outnames_place(&n, "top", path), "top/too-long/unnamed");
    strcat(path, "..");
    assert_string_equal(eg_outnames_place(&n, "top", path), "top/too-long/%2E%2E");
    eg_outnames_fini(&n);
}

/* A folder full of one name ends. */
static void many(void **state)
{
    struct eg_outnames n = { 0 };
    const char *last = NULL;

    (void)state;
    for (int i = 0; i < 20000; i++)
        last = eg_outnames_place(&n, "top", "/x");
    assert_non_null(strstr(last, "top/x~"));
    assert_true(strlen(last) < 20);
    eg_outnames_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single),
        cmocka_unit_test(together),
        cmocka_unit_test(too_long),
        cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
