/* scan_plugins_test.c - strings, regex and bytes on memory that the test writes, against what is
 * plain to see, and against slower ways to the same. */
#include "check.h"
#include "mkscan.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = (4 << 20) + 100 }; // two pieces and a bit

static uint8_t *bytes;
#define ARGS(...) ((const struct eg_given_arg[]){ __VA_ARGS__, { NULL, NULL } })

static const char *run(const char *name, const struct eg_given_arg *args, unsigned threads)
{
    return mk_scan(name, bytes, SIZE, args, threads, 1);
}

static void put(size_t at, const char *text, size_t len)
{
    memcpy(bytes + at, text, len);
}
#define PUT(at, text) put(at, text, sizeof text - 1)

static int clear(void **state)
{
    (void)state;
    memset(bytes, 1, SIZE);
    return 0;
}

/* ---- strings ---- */

static void strings(void **state)
{
    (void)state;
    PUT(0x10, "abc");
    PUT(0x20, "abcd\0tab\there\n");
    PUT(0x1ffffe, "over the edge");
    PUT(0x40, "f\xc3\xbcr dich"); // UTF-8
    PUT(0x60, "fin\xc3");         // cut in a character: three are not enough
    PUT(0x70, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xf0\x9f\x98\x80"); // four characters
    PUT(0x90, "\xe2\x80\xae"
              "evil\xc2\x80"); // what turns a line round, and a control: no text
    PUT(0xa1, "w\0i\0d\0e\0"); // UTF-16LE at an odd address
    PUT(0x3ffffd, "\1n\0a\0r\0r\0o\0w\0");
    PUT(0xc0, "\0b\0i\0g\0g\1");
    PUT(SIZE - 4, "last");
    assert_string_equal(run("strings", ARGS({ "quiet", NULL }), 3),
                        "20|abcd\n25|tab\\x09here\n40|für dich\n70|€€€😀\n93|evil\na1|wide\n"
                        "1ffffe|over the edge\n3ffffe|narrow\n400060|last\n");
    assert_int_equal(mk_scan_result.status, 0);
    assert_string_equal(run("strings", ARGS({ "encoding", "ascii" }), 1),
                        "20|abcd\n25|tab\\x09here\n43|r dich\n93|evil\n1ffffe|over the edge\n"
                        "400060|last\n");
    assert_string_equal(run("strings", ARGS({ "encoding", "utf16be" }, { "min", "3" }), 1),
                        "a2|ide\nc0|bigg\n3fffff|arrow\n");
    assert_string_equal(run("strings", ARGS({ "match", "^o.*E$" }), 1), "");
    assert_string_equal(run("strings", ARGS({ "match", "^(o.*e|w.d|f.r )" }), 2),
                        "40|für dich\na1|wide\n1ffffe|over the edge\n");
    assert_string_equal(run("strings", ARGS({ "min", "100" }), 2), "");
    assert_string_equal(run("strings", ARGS({ "min", "0" }), 2), "");
    assert_non_null(strstr(mk_scan_result.error, "--min"));
    run("strings", ARGS({ "encoding", "utf8,latin" }), 2);
    assert_non_null(strstr(mk_scan_result.error, "'latin'"));
    run("strings", ARGS({ "match", "a(" }), 2);
    assert_non_null(strstr(mk_scan_result.error, "'a('"));
}

/** Long ones are whole up to the limit, also over the edges of pieces; then cut, with a note. */
static void long_strings(void **state)
{
    const char *rows, *end;

    (void)state;
    memset(bytes + 0x1fff00, 'x', 200000);
    memset(bytes + 0x300000, 'y', 300000);
    rows = run("strings", ARGS({ "encoding", "utf8" }), 2);
    end = strchr(rows, '\n');
    assert_non_null(end);
    assert_int_equal(end - rows, strlen("1fff00|") + 200000);
    assert_int_equal(strlen(end + 1), strlen("300000|") + (256 << 10) + 1);
    assert_non_null(strstr(mk_scan_result.notes[0], "256 KiB"));
}

/* ---- regex ---- */

/** Text of few letters, so that there is much to find and to miss. */
static void babble(unsigned seed)
{
    static const char *const words[] = { "a",   "b",   "ab",     "foo", "bar", "Foo", "0",
                                         "1",   "42",  ".",      "@",   "-",   "\n",  " ",
                                         "x.y", "aaa", "foobar", "\t",  "_" };

    for (size_t i = 0; i < SIZE;) {
        const char *w = words[(seed >> 16) % countof(words)];

        for (; *w && i < SIZE; w++)
            bytes[i++] = (uint8_t)*w;
        seed = seed * 1103515245 + 12345;
        if (seed >> 28 == 0) // mostly nothing
            i += seed % 30000;
    }
}

/** What a pattern's parts tell where to look gives the same as looking everywhere. */
static void prefilters(void **state)
{
    static const char *const patterns[] = {
        "foobar",
        "foo|bar",
        "[0-9]{1,3}\\.[0-9]{1,3}",
        "[a-z]+@[a-z]+\\.[a-z]{2,}",
        "a+b+0?@",
        "(foo|ba)+@",
        "x\\.y$",
        "^foo",
        "\\bfoo\\b",
        "(?:a|b){2,4}42",
        "[^a]foo[^b]",
        "a*@a*",
        "foo.*bar",
        "foo.*?bar",
        "[ab]{3}",
        "\\d\\d",
        "\\w+@\\w+",
        "(?i)FOO",
        "foo(?=bar)",
        "(?<=foo)bar",
        "[[:digit:]]+@",
        "(a)\\1",
        "\\x66oo",
        "a{2}b{0,2}@",
        "foo\\s+bar",
        "[]a]+@",
        "a|b@|42@",
        "(a|(b|0))@",
        "-{1,}",
        "aaa?a?a?",
        "4(2)?@",
        "\\Qfoo.\\E",
        ".@.",
        "a.c|@@",
        "@\\n[ab]{2}|(?:-{1,3})*\\n*ba",
    };

    size_t found = 0;

    (void)state;
    for (unsigned seed = 1; seed < 3; seed++) {
        babble(seed);
        for (size_t i = 0; i < countof(patterns); i++) {
            const char *rows;
            char *quick = strdup(run("regex", ARGS({ "pattern", patterns[i] }), 4));

            assert_int_equal(mk_scan_result.status, 0);
            rows = run("regex", ARGS({ "pattern", patterns[i] }, { "utf", NULL }), 1);
            if (strcmp(quick, rows) != 0)
                fail_msg("%s: %zu bytes of rows, and %zu", patterns[i], strlen(quick),
                         strlen(rows));
            found += mk_scan_result.n_rows != 0;
            free(quick);
        }
    }
    assert_true(found > countof(patterns));
}

/** Many patterns at once find what each finds alone. */
static void many(void **state)
{
    size_t sum = 0, rows = 0;

    (void)state;
    babble(7);
    for (size_t i = 0; i < 4; i++) {
        run("regex", ARGS({ "pattern", ((const char *[]){ "foobar", "Foo", "@", "[ab]*42" })[i] }),
            2);
        sum += mk_scan_result.n_rows;
    }
    rows = (run("regex",
                ARGS({ "pattern", "foobar" }, { "pattern", "Foo" }, { "pattern", "@" },
                     { "pattern", "[ab]*42" }),
                2),
            mk_scan_result.n_rows);
    assert_int_equal(rows, sum);
    assert_true(rows > 100);
}

static void matches(void **state)
{
    char path[] = "/tmp/engram-test-XXXXXX";
    const int fd = mkstemp(path);

    (void)state;
    PUT(0x1fffff, "needle");
    PUT(0x100, "NeEdle\xff\n");
    PUT(0x300, "a.b*");
    assert_string_equal(run("regex", ARGS({ "pattern", "needle" }), 2), "1fffff|needle\n");
    assert_string_equal(run("regex", ARGS({ "pattern", "needle" }, { "ignore-case", NULL }), 2),
                        "100|NeEdle\n1fffff|needle\n");
    assert_string_equal(run("regex", ARGS({ "pattern", "dle.$" }), 2), "103|dle\\xff\n");
    assert_string_equal(run("regex", ARGS({ "pattern", "a.b*" }, { "literal", NULL }), 2),
                        "300|a.b*\n");
    assert_string_equal(run("regex", ARGS({ "pattern", "(needle)?" }), 2), "1fffff|needle\n");
    assert_true(write(fd, "needle\r\n\na\\.b\n", 13) == 13);
    assert_string_equal(run("regex", ARGS({ "patterns", path }), 2), "300|a.b\n1fffff|needle\n");
    close(fd);
    unlink(path);
    run("regex", ARGS({ "patterns", path }), 2);
    assert_non_null(strstr(mk_scan_result.error, path));
    run("regex", ARGS({ "pattern", "[a" }), 2);
    assert_non_null(strstr(mk_scan_result.error, "'[a'"));
    run("regex", ARGS({ "utf", NULL }), 2);
    assert_non_null(strstr(mk_scan_result.error, "--pattern P"));
}

/** A pattern that would take for ever ends, and says so; a match has an end. */
static void bounds(void **state)
{
    (void)state;
    memset(bytes + 0x1000, 'a', 3000);
    PUT(0x1000 + 3000, "bx");
    assert_string_equal(run("regex", ARGS({ "pattern", "(a+a+)+b$" }), 4), "");
    assert_int_equal(mk_scan_result.status, 0);
    assert_non_null(mk_scan_result.notes[0]);
    assert_non_null(strstr(mk_scan_result.notes[0], "too many steps"));
    memset(bytes + 0x100000, 'c', 100000);
    assert_int_equal(strcspn(run("regex", ARGS({ "pattern", "c+" }), 2), "\n"),
                     strlen("100000|") + 65536);
}

/* ---- bytes ---- */

static void values(void **state)
{
    (void)state;
    PUT(0x1fffff, "\xde\xad\xbe\xef");
    PUT(0x2001, "\xef\xbe\xad\xde");
    PUT(0x3000, "\x10\x20\x00\x00\x00\x88\xff\xff");
    PUT(0x3010, "\x1f\x20\x00\x00\x00\x88\xff\xff");
    PUT(0x3021, "\x10\x20\x00\x00\x00\x88\xff\xff"); // not aligned
    PUT(0x4000, "\xfe\xff\xff\xff");
    PUT(SIZE - 2, "\xaa\xbb");
    assert_string_equal(run("bytes", ARGS({ "hex", "dead??ef" }), 2),
                        "1fffff|deadbeef010101010101010101010101\n");
    assert_string_equal(run("bytes", ARGS({ "hex", "a? BB" }), 2), "400062|aabb\n");
    assert_memory_equal(run("bytes", ARGS({ "int", "0xdeadbeef" }), 2), "2001|", 5);
    assert_int_equal(mk_scan_result.n_rows, 1);
    assert_memory_equal(run("bytes", ARGS({ "int", "3735928559" }, { "big", NULL }), 2), "1fffff|",
                        7);
    assert_memory_equal(run("bytes", ARGS({ "int", "-2" }, { "align", "16" }), 2), "4000|feff", 9);
    assert_int_equal(mk_scan_result.n_rows, 1);
    PUT(0x5002, "\xca\xfe"); // not aligned
    PUT(0x5010, "\xca\xfe");
    assert_memory_equal(run("bytes", ARGS({ "hex", "cafe" }, { "align", "16" }), 2), "5010|cafe",
                        9);
    assert_int_equal(mk_scan_result.n_rows, 1);
    run("bytes", ARGS({ "pointer", "0xffff880000002010" }), 2);
    assert_int_equal(mk_scan_result.n_rows, 1);
    run("bytes", ARGS({ "pointer", "ffff880000002010,+16" }), 2);
    assert_int_equal(mk_scan_result.n_rows, 2);
    run("bytes", ARGS({ "pointer", "ffff880000002010,+16" }, { "align", "1" }), 2);
    assert_int_equal(mk_scan_result.n_rows, 3);
}

static void refused(void **state)
{
    static const struct {
        struct eg_given_arg args[3];
        const char *error;
    } cases[] = {
        { { { "big", NULL } }, "what to look for" },
        { { { "hex", "4" } }, "two digits" },
        { { { "hex", "4x" } }, "two digits" },
        { { { "hex", "????" } }, "no byte of it is known" },
        { { { "hex", "" } }, "no byte of it is known" },
        { { { "int", "0x100" }, { "size", "1" } }, "more than 1 bytes" },
        { { { "int", "1" }, { "size", "3" } }, "--size 3" },
        { { { "int", "1" }, { "align", "0" } }, "--align 0" },
        { { { "pointer", "nobody" } }, "no symbol of this name" },
        { { { "pointer", "0x10+" } }, "not an address" },
        { { { "pointer", "0xffffffffffffffff,+2" } }, "past the last address" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        run("bytes", cases[i].args, 1);
        assert_int_not_equal(mk_scan_result.status, 0);
        if (!strstr(mk_scan_result.error, cases[i].error))
            assert_string_equal(mk_scan_result.error, cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(strings, clear), cmocka_unit_test_setup(long_strings, clear),
        cmocka_unit_test(prefilters),           cmocka_unit_test(many),
        cmocka_unit_test_setup(matches, clear), cmocka_unit_test_setup(bounds, clear),
        cmocka_unit_test_setup(values, clear),  cmocka_unit_test(refused),
    };
    int failed;

    bytes = malloc(SIZE);
    failed = bytes ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    mk_scan_end();
    free(bytes);
    return failed;
}
