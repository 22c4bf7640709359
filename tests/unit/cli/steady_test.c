/* steady_test.c - a machine that moves while it is read: rows that come, go, change, are torn; a
 * walk that breaks; a plugin that writes files, one that fails. */
#include "../../../cli/steady.c"
#include "check.h"
#include "mkimage.h"
#include <stdio.h>

static const struct eg_column pairs_columns[] = {
    { "PID", EG_COL_INT, "" },
    { "COMM", EG_COL_TEXT, "" },
    { "COUNT", EG_COL_INT, "" },
    { NULL, EG_COL_INT, NULL },
};
struct row {
    struct eg_cell PID, COMM, COUNT;
};

/* What each read sees: "PID=COMM" with blanks between; "!" in front: its walk breaks; a COMM of "?"
 * cannot be read. */
static const char *const *reads;
static unsigned n_reads;

static int run_pairs(struct eg_run *r)
{
    const char *at = reads[n_reads];
    int pid, n;
    char comm[16];

    if (reads[n_reads + 1])
        n_reads++;
    if (*at == '!') {
        eg_note(r, "list broken");
        at++;
    }
    for (; sscanf(at, " %d=%15s%n", &pid, comm, &n) == 2; at += n)
        eg_row(r, .PID = eg_int(pid),
               .COMM = *comm == '?' ? eg_missing(EG_NULL, 0) : eg_text(eg_strf(r, "%s", comm)),
               .COUNT = eg_int((int64_t)n_reads * 7 + pid));
    return 0;
}

static int run_fails(struct eg_run *r)
{
    return eg_failed(r, "no such luck");
}

static const struct eg_plugin pairs = { .help = "x",
                                        .columns = pairs_columns,
                                        .run = run_pairs,
                                        .key = EG_NAMES("PID"),
                                        .moves = EG_NAMES("COUNT") };
static const struct eg_plugin fails = { .help = "x", .columns = pairs_columns, .run = run_fails };
static const struct eg_plugin_reg pairs_reg = { "pairs", __FILE__, &pairs },
                                  fails_reg = { "fails", __FILE__, &fails };

static char out[1024];

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct eg_arena a = { 0 };

    (void)context;
    (void)depth;
    assert_int_equal(n, 4);
    snprintf(out + strlen(out), sizeof out - strlen(out), "%s%d=%s%s%s", *out ? " " : "",
             (int)v[0].i, eg_value_text(&a, &pairs_columns[1], &v[1]), v[3].tag ? ":" : "",
             eg_value_text(&a, &moving, &v[3]));
    eg_arena_fini(&a);
}

static struct eg_run_result look(struct mk *k, const struct eg_plugin_reg *reg,
                                 const char *const *see)
{
    const struct eg_run_options o = { .threads = 1 };
    struct eg_run_result r;

    reads = see;
    n_reads = 0;
    *out = 0;
    cli_steady_run(mk_system(k), reg, &o, (struct eg_sink){ put_row, NULL }, &r);
    return r;
}

static void moves(void **state)
{
    static const struct {
        const char *reads[8], *rows;
        unsigned times;
        bool noted;
    } cases[] = {
        { { "1=init 2=sh", "1=init 2=sh", "9=never" }, "1=init 2=sh", 2, false },
        // Another name each time; the third agrees with the one that is shown.
        { { "1=init 2=sh", "1=init 2=nc", "1=init 2=nc" }, "1=init 2=nc", 3, false },
        { { "1=init 2=a", "1=init 2=b", "1=init 2=c" }, "1=init 2=b:COMM", 3, true },
        // Seen once: short-lived, or no process at all.
        { { "1=init", "1=init 3=torn", "1=init" }, "1=init 3=torn:seen once", 3, true },
        // Gone before the read that is shown, and born after it.
        { { "1=init 4=x", "1=init", "1=init 5=y" }, "1=init", 3, true },
        // The walk passed by what was there all the time.
        { { "1=init 2=sh", "1=init", "1=init 2=sh" }, "1=init 2=sh", 3, false },
        // A cell that could not be read agrees with none that could.
        { { "1=init 2=?", "1=init 2=sh", "1=init 2=?" }, "1=init 2=sh:COMM", 3, true },
        { { "1=init 2=sh", "1=init 2=?", "1=init 2=sh" }, "1=init 2=-:COMM", 3, true },
        // A walk that broke is made again.
        { { "!1=init", "1=init 2=sh", "1=init 2=sh" }, "1=init 2=sh", 3, false },
        { { "1=init 2=sh", "!1=init", "!1=init", "1=init 2=sh" }, "1=init 2=sh", 4, false },
    };
    struct mk *k = *state;

    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_run_result r = look(k, &pairs_reg, cases[i].reads);
        bool noted = false;

        for (size_t n = 0; n < r.n_notes; n++)
            noted |= strstr(r.notes[n], "the machine runs") != NULL;
        assert_string_equal(out, cases[i].rows);
        assert_int_equal(r.status, 0);
        assert_int_equal(noted, cases[i].noted);
        assert_true(n_reads >= cases[i].times - 1); // it stays at the last
        eg_arena_fini(&r.arena);
    }
}

/* A walk that breaks each time ends all the same, with what the last one had, and its note. */
static void always_broken(void **state)
{
    static const char *const broken[] = { "!1=init", "!1=init", "!1=init", NULL };
    struct eg_run_result r = look(*state, &pairs_reg, broken);

    assert_string_equal(out, "1=init");
    assert_int_equal(r.n_notes, 1);
    assert_string_equal(r.notes[0], "list broken");
    eg_arena_fini(&r.arena);
}

static void failure(void **state)
{
    static const char *const none[] = { NULL };
    struct eg_run_result r = look(*state, &fails_reg, none);

    assert_true(r.status < 0);
    assert_non_null(strstr(r.error, "no such luck"));
    assert_string_equal(out, "");
    eg_arena_fini(&r.arena);
}

static int setup(void **state)
{
    *state = mk_new(&mk_machines[0], 1 << 20, "struct thing { int number; };");
    return 0;
}

static int teardown(void **state)
{
    mk_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves),
        cmocka_unit_test(always_broken),
        cmocka_unit_test(failure),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
