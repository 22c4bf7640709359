/* spool_test.c - writers that end in any order come out in theirs; large ones by way of a file. */
#include "../../../cli/spool.c"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WRITERS = 5 };

/* Writer i writes sizes[i] bytes of 'a' + i; they are closed in the given order. */
static void check(const size_t *sizes, const size_t *order)
{
    FILE *out = tmpfile(), *f[WRITERS];
    struct cli_spools *s = cli_spools_open(out, WRITERS, "/tmp");

    assert_non_null(s);
    for (size_t i = 0; i < WRITERS; i++)
        assert_non_null(f[i] = cli_spool(s, i));
    for (size_t k = 0; k < WRITERS; k++) {
        const size_t i = order[k];

        for (size_t n = 0; n < sizes[i]; n++)
            putc('a' + (int)i, f[i]);
        fclose(f[i]);
    }
    assert_int_equal(cli_spools_close(s), 0);
    rewind(out);
    for (size_t i = 0; i < WRITERS; i++)
        for (size_t n = 0; n < sizes[i]; n++)
            if (getc(out) != 'a' + (int)i)
                fail_msg("writer %zu, byte %zu", i, n);
    assert_int_equal(getc(out), EOF);
    fclose(out);
}

static void in_order(void **state)
{
    static const size_t sizes[][WRITERS] = {
        { 1, 2, 3, 4, 5 },
        { 0, 0, 0, 0, 0 },
        { 70000, 0, 200000, 1, 65536 },
        { 10, IN_MEMORY + 1, 3 * IN_MEMORY, 0, IN_MEMORY },
    };
    static const size_t orders[][WRITERS] = {
        { 0, 1, 2, 3, 4 },
        { 4, 3, 2, 1, 0 },
        { 2, 0, 4, 1, 3 },
    };

    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        for (size_t k = 0; k < countof(orders); k++)
            check(sizes[i], orders[k]);
}

static void no_room(void **state)
{
    FILE *out = tmpfile(), *first, *second;
    struct cli_spools *s = cli_spools_open(out, 2, "/nonexistent/folder");

    (void)state;
    first = cli_spool(s, 0);
    second = cli_spool(s, 1);
    for (size_t n = 0; n < 2 * IN_MEMORY; n++)
        putc('x', second);
    fclose(second);
    fclose(first);
    assert_int_equal(cli_spools_close(s), ENOENT);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_order), cmocka_unit_test(no_room) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
