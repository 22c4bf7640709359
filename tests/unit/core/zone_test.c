/* zone_test.c - times as text, in time zones, there and back. */
#include "check.h"
#include "zone.h"
#include <stdlib.h>

#define DAY INT64_C(86400000000000)

static void zones(void **state)
{
    static const struct {
        const char *zone, *text;
    } cases[] = {
        { "UTC", "2024-07-01T12:00:00.5Z" },         { "z", "2024-07-01T12:00:00.5Z" },
        { "+02:00", "2024-07-01T14:00:00.5+02:00" }, { "-0330", "2024-07-01T08:30:00.5-03:30" },
        { "+2", "2024-07-01T14:00:00.5+02:00" },     { "+00:00", "2024-07-01T12:00:00.5Z" },
    };
    static const char *const bad[] = {
        "",         "Berlin!", "../../etc/passwd", "/etc/localtime", "+19", "+02:60", "+02:0",
        "+2:00:00", "+",       "Nowhere/At_All"
    };
    const int64_t ns = INT64_C(1719835200500000000), NOON = DAY / 2 + 12345678901;
    struct eg_zone z;
    struct eg_error e;
    char out[40];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        assert_int_equal(eg_zone_parse(cases[i].zone, &z, &e), 0);
        assert_string_equal(eg_time_text(&z, ns, out), cases[i].text);
    }
    for (size_t i = 0; i < countof(bad); i++)
        if (eg_zone_parse(bad[i], &z, &e) != -EG_EUSAGE)
            fail_msg("%s is a time zone", bad[i]);
    // A zone of the C library's, summer and winter, there and back.
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    assert_int_equal(eg_zone_parse("local", &z, &e), 0);
    assert_string_equal(eg_time_text(&z, ns, out), "2024-07-01T14:00:00.5+02:00");
    assert_string_equal(eg_time_text(&z, ns - 183 * DAY, out), "2023-12-31T13:00:00.5+01:00");
    for (int64_t t = -3 * 365; t < 60 * 365; t += 29) {
        int64_t first, last;

        eg_time_text(&z, t * DAY + NOON, out);
        assert_true(eg_time_parse(out, NULL, &first, &last)); // with its offset
        assert_int_equal(first, t * DAY + NOON);
        assert_int_equal(last, first);
        *strpbrk(out + 19, "+-") = 0;
        assert_true(eg_time_parse(out, &z, &first, &last)); // and in the zone
        assert_int_equal(first, t * DAY + NOON);
    }
    unsetenv("TZ");
}

static void times(void **state)
{
    static const struct {
        const char *text;
        int64_t first, last;
    } good[] = {
        { "1970-01-01", 0, DAY - 1 },
        { "1970-01-01T00:01", 60000000000, 119999999999 },
        { "1970-01-01T00:00:01Z", 1000000000, 1999999999 },
        { "1970-01-01 00:00:00.25", 250000000, 259999999 },
        { "1970-01-01T00:00:00.000000001", 1, 1 },
        { "1969-12-31", -DAY, -1 },
        { "2000-02-29", 11016 * DAY, 11017 * DAY - 1 },
        { "2262-04-11T23:47:16.854775807Z", INT64_MAX, INT64_MAX },
    };
    static const char *const bad[] = {
        "",
        "2024",
        "2024-13-01",
        "2024-02-30",
        "2023-02-29",
        "2024-1-1",
        "2024-01-01T",
        "2024-01-01T24:00",
        "2024-01-01T10",
        "2024-01-01T10:60",
        "2024-01-01T10:00:61",
        "0000-01-01",
        "2024-01-01x",
        "2024-01-01T10:00+",
        "2024-01-01T10:00:00.",
        "9999-01-01",
        "2262-04-11",
        "1500-01-01",
        "2262-04-11T23:47:16.854775808Z",
    };

    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        int64_t first, last;

        if (!eg_time_parse(good[i].text, NULL, &first, &last))
            fail_msg("%s is no time", good[i].text);
        assert_int_equal(first, good[i].first);
        assert_int_equal(last, good[i].last);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        int64_t first, last;

        if (eg_time_parse(bad[i], NULL, &first, &last))
            fail_msg("%s is a time", bad[i]);
    }
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t first, last;
    } good[] = {
        { "0", 0, 999 },
        { "12", 12000000000, 12000000999 },
        { "+1.5", 1500000000, 1500000999 },
        { "-0.5", -500000000, -499999001 },
        { "0.000001", 1000, 1999 },
        { "0.0000001", 100, 100 },
        { "12.345678901", 12345678901, 12345678901 },
        { "9223372036.854775807", INT64_MAX, INT64_MAX },
        { "-9223372036.854775808", INT64_MIN, INT64_MIN },
    };
    static const char *const bad[] = {
        "",
        "-",
        ".5",
        "1.",
        "1.0000000001",
        "--1",
        "1e3",
        "0x10",
        "1s",
        " 1",
        "9223372036.854776",
        "9223372037",
        "99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        int64_t first, last, again, behind;
        char out[24];

        if (!eg_duration_parse(good[i].text, &first, &last))
            fail_msg("%s is no duration", good[i].text);
        assert_int_equal(first, good[i].first);
        assert_int_equal(last, good[i].last);
        // What is written stands for what it was made of.
        if (eg_duration_parse(eg_duration_text(first, out), &again, &behind))
            assert_true(again <= first && first <= behind);
        else
            assert_true(first == INT64_MAX || first == INT64_MIN); // the last digit does not fit
    }
    for (size_t i = 0; i < countof(bad); i++) {
        int64_t first, last;

        if (eg_duration_parse(bad[i], &first, &last))
            fail_msg("%s is a duration", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones),
        cmocka_unit_test(times),
        cmocka_unit_test(durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
