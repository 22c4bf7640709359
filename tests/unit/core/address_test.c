/* address_test.c - numbers, addresses, ranges and lists as people write them. */
#include "address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool find(void *context, const char *name, uint64_t *out)
{
    (void)context;
    *out = !strcmp(name, "init_task") ? 0x1000 : !strcmp(name, "_end.0") ? 0x2000 : 0;
    return *out != 0;
}
static const struct eg_names names = { find, NULL };

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "010", true, 10 }, // never octal
        { "0x10", true, 16 },
        { "0XfF", true, 255 },
        { "4K", true, 4096 },
        { "0x10K", true, 16384 },
        { "2T", true, UINT64_C(2) << 40 },
        { "18446744073709551615", true, UINT64_MAX },
        { "18446744073709551616", false, 0 },
        { "0xffffffffffffffff", true, UINT64_MAX },
        { "0x10000000000000000", false, 0 },
        { "16777216T", false, 0 },
        { "", false, 0 },
        { "0x", false, 0 },
        { "x", false, 0 },
        { "-1", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1KK", false, 0 },
        { "10z", false, 0 },
        { "1k", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t v = 77;

        if (eg_number_parse(cases[i].text, &v) != cases[i].good ||
            v != (cases[i].good ? cases[i].value : 77))
            fail_msg("%s: %#llx", cases[i].text, (unsigned long long)v);
    }
}

static void addresses(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        { "4096", true, 4096 },
        { "010", true, 10 },
        { "0x1000", true, 0x1000 },
        { "0x1000+0x10", true, 0x1010 },
        { "init_task", true, 0x1000 },
        { "init_task+0x10", true, 0x1010 },
        { "init_task+16", true, 0x1010 },
        { "init_task-0x10", true, 0xff0 },
        { "init_task+0x10-8", true, 0x1008 },
        { "_end.0-1K", true, 0x1c00 },
        { "ffffffff81000000", true, UINT64_C(0xffffffff81000000) },
        { "1234567812345678", true, UINT64_C(0x1234567812345678) },
        { "ffffffff81000000+1", true, UINT64_C(0xffffffff81000001) },
        { "ffffffff8100000", false, 0 }, // fifteen: a symbol, and there is none
        { "init_task-0x1001", false, 0 },
        { "0xffffffffffffffff+1", false, 0 },
        { "no_such", false, 0 },
        { "", false, 0 },
        { "+1", false, 0 },
        { "0x", false, 0 },
        { "0x10z", false, 0 },
        { "init_task+", false, 0 },
        { "init_task+x", false, 0 },
        { "0x1000-0x2000", false, 0 }, // ranges and lists are not one address
        { "init_task,init_task", false, 0 },
        { "init_task,+1", false, 0 },
    };
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_error e = { 0 };

        v = 77;
        if ((eg_address_parse(cases[i].text, &names, &v, &e) == 0) != cases[i].good ||
            v != (cases[i].good ? cases[i].value : 77) || (!cases[i].good && !*e.text))
            fail_msg("%s: %#llx %s", cases[i].text, (unsigned long long)v, e.text);
    }
    assert_int_equal(eg_address_parse("init_task", NULL, &v, NULL), -EG_EUSAGE);
    assert_int_equal(eg_address_parse("0x10", NULL, &v, NULL), 0);
}

/* "first-last first-last …", a bar behind each that was written as a range; "!" where it fails. */
static const char *all_of(const char *text)
{
    static char out[400];
    struct eg_addresses a;
    size_t n = 0;
    int rc;

    *out = 0;
    while ((rc = eg_address_next(&text, &names, &a, NULL)) > 0)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%llx-%llx%s", n ? " " : "",
                              (unsigned long long)a.first, (unsigned long long)a.last,
                              a.range ? "|" : "");
    if (rc < 0)
        snprintf(out + n, sizeof out - n, "!");
    return out;
}

static void lists(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { "0x10", "10-10" },
        { "0x10,0x20", "10-10 20-20" },
        { "0x10-0x20", "10-1f|" },
        { "0x10,+0x10", "10-1f|" },
        { "init_task-_end.0", "1000-1fff|" },
        { "init_task-4,0x1", "ffc-ffc 1-1" },
        { "init_task+8-init_task+16", "1008-100f|" },
        { "init_task,+4K,7,0x8-0x9,init_task", "1000-1fff| 7-7 8-8| 1000-1000" },
        { "0xffffffffffffffff,+1", "ffffffffffffffff-ffffffffffffffff|" },
        { "0xffffffffffffffff,+2", "!" },
        { "0x20-0x10", "!" },
        { "0x10-0x10", "!" },
        { "0x10,+0", "!" },
        { "0x10,+", "!" },
        { "0x10-", "!" },
        { "0x10,", "!" },
        { ",0x10", "!" },
        { "0x10,,0x20", "10-10!" },
        { "0x10,no_such", "10-10!" },
        { "0x10-0x20-0x30", "!" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        if (strcmp(all_of(cases[i].text), cases[i].want))
            fail_msg("%s: %s, not %s", cases[i].text, all_of(cases[i].text), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(addresses),
        cmocka_unit_test(lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
