/* changes_test.c - rows found again by their keys: born, gone, changed; equal keys; cells that
 * cannot be read; another boot; and keys that the registry refuses. */
#include "changes.h"
#include "check.h"
#include "registry.h"
#include <stdio.h>

static const struct eg_column columns[] = {
    { "OFFSET", EG_COL_ADDR, "" },        { "PID", EG_COL_INT, "" },   { "COMM", EG_COL_TEXT, "" },
    { "CREATION_TIME", EG_COL_TIME, "" }, { "COUNT", EG_COL_INT, "" }, { NULL, EG_COL_INT, NULL },
};
enum { OFFSET, PID, COMM, CREATION_TIME, COUNT, N };

static int run_nothing(struct eg_run *r)
{
    (void)r;
    return 0;
}
static const struct eg_plugin by_task = { .help = "x",
                                          .columns = columns,
                                          .run = run_nothing,
                                          .key = EG_NAMES("PID", "CREATION_TIME"),
                                          .moves = EG_NAMES("COUNT") };
static const struct eg_plugin wrong = {
    .help = "x", .columns = columns, .run = run_nothing, .key = EG_NAMES("PID", "NAME")
};
static const struct eg_plugin by_default = { .help = "x", .columns = columns, .run = run_nothing };

/* "PID COMM TIME COUNT OFFSET"; a COMM of "?" cannot be read. What the row borrows is gone when the
 * next one comes. */
static void add(struct eg_kept *k, int64_t pid, const char *comm, int64_t time, uint64_t count,
                uint64_t offset)
{
    const struct eg_sink sink = eg_kept_sink(k);
    char text[16];
    struct eg_value v[N] = {
        [OFFSET] = { .tag = EG_V_UINT, .u = offset },
        [PID] = { .tag = EG_V_INT, .i = pid },
        [COMM] = { .tag = EG_V_TEXT, .bytes = { (const uint8_t *)text, strlen(comm) } },
        [CREATION_TIME] = { .tag = EG_V_INT, .i = time },
        [COUNT] = { .tag = EG_V_UINT, .u = count },
    };

    snprintf(text, sizeof text, "%s", comm);
    if (*comm == '?')
        v[COMM] = (struct eg_value){ .tag = EG_V_BAD, .why = EG_NULL };
    sink.row(sink.context, 0, v, N);
    memset(text, 'X', sizeof text);
}

/* What differs as text: "+7" born, "-7" gone, "7:COMM,COUNT" changed, in their order. */
static const char *differ(const struct eg_plugin *p, const struct eg_comparison_options *o,
                          const struct eg_kept *a, const struct eg_kept *b, uint64_t *unreadable)
{
    static char out[512];
    const struct eg_comparison_options none = { 0 };
    struct eg_comparison how;
    struct eg_changes changes;
    struct eg_error e;
    size_t n = 0;

    assert_int_equal(eg_comparison_init(&how, p, columns, o ? o : &none, &e), 0);
    assert_int_equal(eg_changes_find(&changes, &how, a, b), 0);
    *out = 0;
    for (size_t i = 0; i < changes.at.n; i++) {
        const struct eg_change *c = &changes.at.at[i];
        const struct eg_kept_row *row = c->is ? c->is : c->was;
        bool any = false;

        if (c->kind == EG_SAME)
            continue;
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s%d", n ? " " : "",
                              c->kind == EG_BORN   ? "+"
                              : c->kind == EG_GONE ? "-"
                                                   : "",
                              (int)row->values[PID].i);
        for (size_t k = 0; k < N; k++)
            if (eg_change_in(&how, c, k)) {
                n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", any ? "," : ":",
                                      columns[k].name);
                any = true;
            }
    }
    if (unreadable)
        *unreadable = changes.unreadable;
    eg_changes_fini(&changes);
    eg_comparison_fini(&how);
    return out;
}

static void born_gone_changed(void **state)
{
    struct eg_kept a = { 0 }, b = { 0 };

    (void)state;
    add(&a, 1, "init", 10, 5, 0x100);
    add(&a, 2, "sh", 20, 5, 0x200);
    add(&a, 3, "gone", 30, 5, 0x300);
    add(&b, 4, "new", 40, 5, 0x300);
    add(&b, 2, "nc", 20, 6, 0x200);
    add(&b, 1, "init", 10, 900, 0x100);
    assert_string_equal(differ(&by_task, NULL, &a, &b, NULL), "-3 +4 2:COMM");
    assert_string_equal(differ(&by_task, NULL, &b, &a, NULL), "-4 2:COMM +3");
    assert_string_equal(differ(&by_task, NULL, &a, &a, NULL), "");
    assert_string_equal(
        differ(&by_task, &(struct eg_comparison_options){ .all = true }, &a, &b, NULL),
        "-3 +4 2:COMM,COUNT 1:COUNT");
    assert_string_equal(
        differ(&by_task, &(struct eg_comparison_options){ .ignore = "comm,offset" }, &a, &b, NULL),
        "-3 +4");
    assert_string_equal(
        differ(&by_task, &(struct eg_comparison_options){ .only = "COUNT" }, &a, &b, NULL),
        "-3 +4 2:COUNT 1:COUNT");
    eg_kept_fini(&a);
    eg_kept_fini(&b);
}

/* A number that is given out again is another process, even when all else is the same. */
static void number_again(void **state)
{
    struct eg_kept a = { 0 }, b = { 0 };

    (void)state;
    add(&a, 7, "sh", 10, 0, 0x100);
    add(&b, 7, "sh", 11, 0, 0x100);
    assert_string_equal(differ(&by_task, NULL, &a, &b, NULL), "-7 +7");
    // The wall clock was set: all times of creation move with it.
    a.clock = 1000;
    b.clock = 1001;
    assert_string_equal(differ(&by_task, NULL, &a, &b, NULL), "");
    b.clock = 1002;
    assert_string_equal(differ(&by_task, NULL, &a, &b, NULL), "-7 +7");
    eg_kept_fini(&a);
    eg_kept_fini(&b);
}

/* Rows of one key: those that are equal cancel out, the others are paired in order. */
static void equal_keys(void **state)
{
    struct eg_kept a = { 0 }, b = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        add(&a, 5, "same", 1, 0, 0x100);
    add(&a, 5, "old", 1, 0, 0x100);
    for (int i = 0; i < 2; i++)
        add(&b, 5, "same", 1, 0, 0x100);
    assert_string_equal(differ(&by_task, NULL, &a, &b, NULL), "-5 -5");
    add(&b, 5, "new", 1, 0, 0x100);
    assert_string_equal(differ(&by_task, NULL, &a, &b, NULL), "-5 5:COMM");
    eg_kept_fini(&a);
    eg_kept_fini(&b);
}

static void unreadable(void **state)
{
    struct eg_kept a = { 0 }, b = { 0 };
    uint64_t n = 0;

    (void)state;
    add(&a, 1, "init", 10, 0, 0x100);
    add(&a, 2, "?", 10, 0, 0x200);
    add(&b, 1, "?", 10, 0, 0x101);
    add(&b, 2, "?", 10, 0, 0x200);
    assert_string_equal(differ(&by_task, NULL, &a, &b, &n), "1:OFFSET");
    assert_int_equal(n, 1);
    eg_kept_fini(&a);
    eg_kept_fini(&b);
}

/* Without .key: the object and the process. With another boot: what a boot does not give out. */
static void other_keys(void **state)
{
    const struct eg_comparison_options boot = { .other_boot = true };
    struct eg_kept a = { 0 }, b = { 0 };

    (void)state;
    add(&a, 1, "init", 10, 0, 0x100);
    add(&a, 2, "cron", 10, 0, 0x200);
    add(&b, 1, "init", 999, 0, 0x100);
    add(&b, 2, "cron", 10, 0, 0x300);
    // A time of creation is no change of its own: it moves with the wall clock.
    assert_string_equal(differ(&by_default, NULL, &a, &b, NULL), "-2 +2");
    assert_string_equal(differ(&by_default, &boot, &a, &b, NULL), "");
    assert_string_equal(differ(&by_task, &boot, &a, &b, NULL), "");
    add(&b, 77, "nc", 5, 0, 0x400);
    assert_string_equal(differ(&by_task, &boot, &a, &b, NULL), "+77");
    eg_kept_fini(&a);
    eg_kept_fini(&b);
}

static void wrong_names(void **state)
{
    struct eg_comparison how;
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_comparison_init(&how, &by_task, columns,
                                        &(struct eg_comparison_options){ .ignore = "COM" }, &e),
                     -EG_ENOTFOUND);
    assert_non_null(strstr(e.text, "--ignore: the result has no column 'COM'; did you mean COMM?"));
    assert_true(eg_comparison_init(&how, &by_task, columns,
                                   &(struct eg_comparison_options){ .only = "PID,," }, &e) < 0);
    assert_int_equal(
        eg_comparison_init(&how, &by_task, columns,
                           &(struct eg_comparison_options){ .ignore = "COM,PID", .lenient = true },
                           &e),
        0);
    assert_false(how.compared[PID]);
    eg_comparison_fini(&how);
}

static void refused_keys(void **state)
{
    static const struct eg_plugin_reg right_reg = { "right", "x.c", &by_task },
                                      wrong_reg = { "wrong", "x.c", &wrong };
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_record_check(EG_R_PLUGINS, &right_reg, &e), 0);
    assert_int_equal(eg_record_check(EG_R_PLUGINS, &wrong_reg, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, ".key and .moves name columns of its own"));
}

/* Many rows of one key, all different, as a damaged image may have: each is looked at once. */
static void many(void **state)
{
    enum { ROWS = 20000 };
    struct eg_kept a = { 0 }, b = { 0 };
    struct eg_comparison how;
    struct eg_changes changes;
    size_t changed = 0;
    struct eg_error e;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        char name[16];

        snprintf(name, sizeof name, "a%d", i);
        add(&a, 1, name, 1, 0, 0);
        *name = 'b';
        add(&b, 1, name, 1, 0, 0);
    }
    assert_int_equal(
        eg_comparison_init(&how, &by_task, columns, &(struct eg_comparison_options){ 0 }, &e), 0);
    assert_int_equal(eg_changes_find(&changes, &how, &a, &b), 0);
    assert_int_equal(changes.at.n, ROWS);
    for (size_t i = 0; i < changes.at.n; i++)
        changed += changes.at.at[i].kind == EG_CHANGED;
    assert_int_equal(changed, ROWS);
    eg_changes_fini(&changes);
    eg_comparison_fini(&how);
    eg_kept_fini(&a);
    eg_kept_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(born_gone_changed), cmocka_unit_test(number_again),
        cmocka_unit_test(equal_keys),        cmocka_unit_test(unreadable),
        cmocka_unit_test(other_keys),        cmocka_unit_test(wrong_names),
        cmocka_unit_test(refused_keys),      cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
