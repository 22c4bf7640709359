/* table_test.c - values as text: escapes, UTF-8, times, numbers. */
#include "check.h"
#include "table.h"
#include <stdlib.h>

static void escapes(void **state)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        { "plain", 5, "plain" },
        { "", 0, "" },
        { "a\\b\\\\", 5, "a\\b\\\\" }, // as it is
        { "dev-vda\\x2d1", 12, "dev-vda\\x2d1" },
        { "\\x1b \\xC3", 9, "\\x5cx1b \\x5cxC3" }, // reads as an escape
        { "\\x5c\\x7f", 8, "\\x5cx5c\\x5cx7f" },
        { "\\x1", 3, "\\x1" },
        { "\\\n", 2, "\\\\x0a" },
        { "\x1b[31m", 5, "\\x1b[31m" },
        { "a\0b", 3, "a\\x00b" },
        { "\n\t\x7f", 3, "\\x0a\\x09\\x7f" },
        { "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f" },
        { "\xc2\x9b", 2, "\\xc2\\x9b" },                   // C1: CSI
        { "\xe2\x80\x8b", 3, "\\xe2\\x80\\x8b" },          // a space without width
        { "\xe2\x80\x8d", 3, "\xe2\x80\x8d" },             // a joiner
        { "\xe2\x80\xae", 3, "\\xe2\\x80\\xae" },          // right-to-left override
        { "\xf0\x9f\x90\xa7", 4, "\xf0\x9f\x90\xa7" },     // a penguin
        { "\xff\xfe", 2, "\\xff\\xfe" },                   // never UTF-8
        { "\xc0\xaf", 2, "\\xc0\\xaf" },                   // overlong
        { "\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf" },          // overlong
        { "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },          // a surrogate
        { "\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80" }, // past U+10FFFF
        { "x\xc3", 2, "x\\xc3" },                          // cut short
        { "\xe2\x82x", 3, "\\xe2\\x82x" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char out[64];

        assert_int_equal(eg_escape(out, sizeof out, cases[i].in, cases[i].len),
                         strlen(cases[i].out));
        assert_string_equal(out, cases[i].out);
    }
}

static void escapes_cut(void **state)
{
    (void)state;
    for (size_t size = 0; size < 10; size++) {
        char out[16] = "untouched";

        assert_int_equal(eg_escape(out, size, "a\x01\xc3\xbc", 4), 7);
        assert_string_equal(out, size == 0  ? "untouched"
                                 : size < 2 ? ""
                                 : size < 6 ? "a"
                                 : size < 8 ? "a\\x01"
                                            : "a\\x01\xc3\xbc");
    }
}

static void times(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { -1, "1969-12-31T23:59:59.999999999Z" },
        { 1700000000123456789, "2023-11-14T22:13:20.123456789Z" },
        { 951782400000000000, "2000-02-29T00:00:00Z" },
        { 1709164800500000000, "2024-02-29T00:00:00.5Z" },
        { 4107542399000000000, "2100-02-28T23:59:59Z" },
        { 4107542400000000000, "2100-03-01T00:00:00Z" },
        { INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
        { INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
        { 1000, "1970-01-01T00:00:00.000001Z" },
    };
    char out[40];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        assert_string_equal(eg_time_text(NULL, cases[i].ns, out), cases[i].text);
}

#define INT_(v)                                                                                    \
    {                                                                                              \
        .tag = EG_V_INT, .i = v                                                                    \
    }
#define UINT_(v)                                                                                   \
    {                                                                                              \
        .tag = EG_V_UINT, .u = v                                                                   \
    }
#define TEXT_(s)                                                                                   \
    {                                                                                              \
        .tag = EG_V_TEXT, .bytes = {(const uint8_t *)s, sizeof s - 1 }                             \
    }

static void values(void **state)
{
    static const struct {
        enum eg_column_kind kind;
        struct eg_value v;
        const char *text;
    } cases[] = {
        { EG_COL_INT, INT_(-5), "-5" },
        { EG_COL_INT, UINT_(UINT64_MAX), "18446744073709551615" },
        { EG_COL_BIG, INT_(INT64_MIN), "-9223372036854775808" },
        { EG_COL_ADDR, UINT_(0xffff888000001000), "0xffff888000001000" },
        { EG_COL_ADDR, UINT_(0), "0x0" },
        { EG_COL_BOOL, UINT_(2), "true" },
        { EG_COL_BOOL, INT_(0), "false" },
        { EG_COL_FLAGS, UINT_(0x200), "0x200" },
        { EG_COL_FLAGS, TEXT_("rwx"), "rwx" },
        { EG_COL_TIME, INT_(0), "1970-01-01T00:00:00Z" },
        { EG_COL_DURATION, INT_(0), "0.000000" },
        { EG_COL_DURATION, UINT_(12345678999), "12.345678" },
        { EG_COL_DURATION, INT_(-1), "-0.000001" },
        { EG_COL_DURATION, INT_(-1500000000), "-1.500000" },
        { EG_COL_DURATION, INT_(INT64_MIN), "-9223372036.854776" },
        { EG_COL_DURATION, INT_(INT64_MAX), "9223372036.854775" },
        { EG_COL_TEXT, TEXT_("a\nb"), "a\\x0ab" },
        { EG_COL_TEXT, UINT_(7), "7" },
        { EG_COL_BYTES, TEXT_("\x01\xff"), "01ff" },
        { EG_COL_BYTES, { .tag = EG_V_BYTES, .bytes = { (const uint8_t *)"\0z", 2 } }, "007a" },
        { EG_COL_INT, { .tag = EG_V_NONE }, "" },
        { EG_COL_INT, { .tag = EG_V_BAD, .why = EG_NULL }, "-" },
    };
    struct eg_arena a = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_column c = { "X", cases[i].kind, "" };

        assert_string_equal(eg_value_text(&a, &c, &cases[i].v), cases[i].text);
    }
    eg_arena_fini(&a);
}

static void reasons(void **state)
{
    char out[96];

    (void)state;
    assert_string_equal(
        eg_bad_text(&(struct eg_value){ .why = EG_NOT_PRESENT, .u = 0xffff0000 }, out),
        "not mapped at 0xffff0000");
    assert_string_equal(eg_bad_text(&(struct eg_value){ .why = EG_NULL }, out), "null pointer");
    assert_string_equal(eg_bad_text(&(struct eg_value){ .why = EG_NO_MEMBER, .u = 1 }, out),
                        "no such member in this kernel");
    for (int why = 0; why <= EG_BAD_VALUE; why++)
        assert_true(strlen(eg_bad_text(
                        &(struct eg_value){ .why = (enum eg_why)why, .u = UINT64_MAX }, out)) < 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes), cmocka_unit_test(escapes_cut), cmocka_unit_test(times),
        cmocka_unit_test(values),  cmocka_unit_test(reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
