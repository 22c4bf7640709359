/* run_test.c - running plugins: arguments, rows, notes, limits, files, failure. */
#include "check.h"
#include "mkimage.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char types[] = "enum kind { PLAIN, ODD = 3 };"
                            "enum signs { MINUS = -2, PLUS = 2 };"
                            "struct thing { int number; unsigned char byte; char name[8];"
                            "  char *text; u8 raw[3]; struct thing *next; enum kind kind;"
                            "  enum kind other; enum signs sign; u32 low : 3; u32 high : 7;"
                            "  void *none; struct { int a; } part; double real; };";

EG_FIELDS(thing, number, byte, name, text, raw, next, kind, other, sign, low, high, none, part,
          real);
EG_SYMBOL(first, "thing");

#define COLUMNS(C)                                                                                 \
    C(AT, ADDR, "")                                                                                \
    C(NUMBER, INT, "")                                                                             \
    C(BYTE, INT, "")                                                                               \
    C(NAME, TEXT, "")                                                                              \
    C(TEXT, TEXT, "")                                                                              \
    C(RAW, BYTES, "")                                                                              \
    C(KIND, TEXT, "")                                                                              \
    C(OTHER, TEXT, "")                                                                             \
    C(SIGN, INT, "")                                                                               \
    C(HIGH, INT, "")                                                                               \
    C(PART, ADDR, "")                                                                              \
    C(NONE, TEXT, "")                                                                              \
    C(LAST, INT, "")                                                                               \
    C(REAL, INT, "")                                                                               \
    C(UNSET, INT, "")
EG_COLUMNS(COLUMNS);

/* EG_PLUGIN allows one in a file; here are many. */
#define PLUGIN(n)                                                                                  \
    static const struct eg_plugin eg_plugin_##n;                                                   \
    static const struct eg_plugin_reg eg_preg_##n = { #n, __FILE__, &eg_plugin_##n };              \
    EG_ENTRY(eg_plugins, eg_plugin_reg, p_##n) = &eg_preg_##n;                                     \
    static const struct eg_plugin eg_plugin_##n

enum { RAM = 1 << 20 };

static char out[1 << 16]; /* what the sink was given, as text */

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    const struct eg_plugin *p = context;
    struct eg_arena a = { 0 };
    char why[96];

    for (size_t i = 0; i < n; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? "|" : (depth ? " " : ""),
                 v[i].tag == EG_V_BAD ? eg_bad_text(&v[i], why)
                                      : eg_value_text(&a, &p->columns[i], &v[i]));
    strcat(out, "\n");
    eg_arena_fini(&a);
}

static struct eg_run_result run(struct mk *k, const char *name, const struct eg_run_options *o)
{
    const struct eg_plugin_reg *p = eg_plugin_find(name);
    struct eg_run_result r;

    assert_non_null(p);
    out[0] = 0;
    eg_plugin_run(mk_system(k), p, o, (struct eg_sink){ put_row, (void *)(uintptr_t)p->plugin },
                  &r);
    return r;
}

/* ---- rows ---- */

static int rows(struct eg_run *r)
{
    struct eg_obj t = eg_sym(r, first);

    eg_row(r, .AT = eg_addr(t), .NUMBER = eg_val(t, thing.number), .BYTE = eg_val(t, thing.byte),
           .NAME = eg_val(t, thing.name), .TEXT = eg_val(t, thing.text),
           .RAW = eg_val(t, thing.raw), .KIND = eg_val(t, thing.kind),
           .OTHER = eg_val(t, thing.other), .SIGN = eg_val(t, thing.sign),
           .HIGH = eg_val(t, thing.high), .PART = eg_val(t, thing.part),
           .NONE = eg_val(t, thing.text), .LAST = eg_val(t, thing.next, thing.number),
           .REAL = eg_val(t, thing.real));
    eg_row(r, .NAME = eg_text("mine"), .TEXT = eg_textn("a\0b", 3), .NUMBER = eg_int(-1),
           .AT = eg_missing(EG_SWAPPED, 16), .RAW = eg_blob("\1\2", 2), .OTHER = eg_text(NULL),
           .LAST = eg_uint(UINT64_MAX), .PART = eg_val(t, thing.none));
    return 0;
}
PLUGIN(test_rows) = { .help = "Emit rows", .columns = columns, .run = rows };

static struct mk *make(const struct mk_machine *m)
{
    struct mk *k = mk_new(m, RAM, types);
    uint64_t thing, text;

    mk_straddle(k, 8);
    thing = mk_object(k, "thing");
    mk_straddle(k, 3);
    text = mk_alloc_aligned(k, 16, 1);
    mk_write(k, text, "straddling", 11);
    mk_put(k, thing, "thing.number", (uint64_t)-7);
    mk_put(k, thing, "thing.byte", 200);
    mk_puts(k, thing, "thing.name", "eight***"); // no NUL
    mk_put(k, thing, "thing.text", text);
    mk_write(k, mk_at(k, thing, "thing.raw"), "\x01\x80\xff", 3);
    mk_put(k, thing, "thing.next", 0x10000);
    mk_put(k, thing, "thing.kind", 3);
    mk_put(k, thing, "thing.other", 99);
    mk_put(k, thing, "thing.sign", (uint64_t)-2);
    mk_put(k, thing, "thing.low", 7);
    mk_put(k, thing, "thing.high", 77);
    mk_symbol(k, "first", thing);
    return k;
}

static void values(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = make(m);
        struct eg_run_result r = run(k, "test_rows", NULL);
        uint64_t t;
        char expected[1024];

        assert_true(eg_system_symbol(mk_system(k), "first", &t));
        snprintf(expected, sizeof expected,
                 "0x%llx|-7|200|eight***|straddling|0180ff|ODD|99|-2|77|0x%llx|straddling|"
                 "not mapped at 0x10000|not a number at 0x%llx|\n"
                 "swapped out at 0x10|-1||mine|a\\x00b|0102|||||0x0||18446744073709551615||\n",
                 (unsigned long long)t, (unsigned long long)mk_at(k, t, "thing.part"),
                 (unsigned long long)mk_at(k, t, "thing.real"));
        assert_string_equal(out, expected);
        assert_int_equal(r.status, 0);
        assert_int_equal(r.n_rows, 2);
        assert_null(r.notes[0]);
        eg_arena_fini(&r.arena);
        mk_free(k);
    }
}

/** A text on an unreadable page is bad; one that runs into it is cut. */
static void cut_texts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = make(m);
        struct eg_run_result r;
        uint64_t t, text;

        assert_true(eg_system_symbol(mk_system(k), "first", &t));
        text = mk_read_ptr(k, mk_at(k, t, "thing.text"));
        mk_unmap(k, text + 8);
        r = run(k, "test_rows", NULL);
        assert_non_null(strstr(out, "|eight***|str|"));
        eg_arena_fini(&r.arena);
        mk_write(k, text + 2, "", 1);
        mk_put(k, t, "thing.text", text + 2); // empty, at the end of what there is
        r = run(k, "test_rows", NULL);
        assert_non_null(strstr(out, "|eight***||"));
        eg_arena_fini(&r.arena);
        mk_put(k, t, "thing.text", text + 8);
        r = run(k, "test_rows", NULL);
        assert_non_null(strstr(out, "|eight***|not mapped at 0x"));
        eg_arena_fini(&r.arena);
        mk_put(k, t, "thing.text", 0);
        r = run(k, "test_rows", NULL);
        assert_non_null(strstr(out, "|eight***|null pointer|"));
        eg_arena_fini(&r.arena);
        mk_free(k);
    }
}

/* ---- arguments ---- */

#define ARG_COLUMNS(C) C(TEXT, TEXT, "")
struct arg_row {
    ARG_COLUMNS(EG_COL_CELL_)
};
static const struct eg_column arg_columns[] = { ARG_COLUMNS(EG_COL_DESC_){ NULL, EG_COL_INT,
                                                                           NULL } };

static void say(struct eg_run *r, const char *text)
{
    const struct arg_row row = { .TEXT = eg_text(text) };

    eg_emit_(r, 0, &row.TEXT, 1);
}

static int arguments(struct eg_run *r)
{
    int64_t first = 0;
    uint64_t at = 0;

    say(r, eg_arg_flag(r, "flag") ? "flag" : "no flag");
    say(r, eg_arg_int(r, "pid", &first) ? eg_strf(r, "%d", (int)first) : "no pid");
    for (int64_t i = -1; i < 40; i++)
        if (eg_arg_match(r, "pid", i))
            say(r, eg_strf(r, "match %d", (int)i));
    if (eg_arg_addr(r, "place", &at))
        say(r, eg_strf(r, "at %#llx", (unsigned long long)at));
    say(r, eg_arg_text(r, "name"));
    return 0;
}
PLUGIN(test_args) = {
    .help = "Say what was given",
    .columns = arg_columns,
    .args = EG_ARGS(EG_ARG(pid, INT, ""), EG_ARG(place, ADDR, ""), EG_ARG(name, TEXT, ""),
                    EG_ARG(flag, FLAG, "")),
    .run = arguments,
};

static int undeclared(struct eg_run *r)
{
    return eg_arg_flag(r, "nobody") ? 0 : 0;
}
PLUGIN(test_undeclared) = { .help = "Ask for more", .columns = arg_columns, .run = undeclared };

static void given(void **state)
{
    static const struct {
        struct eg_given_arg args[3];
        size_t n;
        const char *out, *error;
    } cases[] = {
        { { { "pid", "3,0x10" }, { "pid", "-1" }, { "flag", NULL } },
          3,
          "flag\n3\nmatch -1\nmatch 3\nmatch 16\n\n",
          NULL },
        { { { "pid", "010" }, { "name", "x" } }, 2, "no flag\n10\nmatch 10\nx\n", NULL },
        { { { "pid", "7" }, { "place", "0xffff888000000000" } },
          2,
          "no flag\n7\nmatch 7\nat 0xffff888000000000\n\n",
          NULL },
        { { { "pid", "7" }, { "place", "sixteen" } }, 2, "no flag\n7\nmatch 7\nat 0x10\n\n", NULL },
        { { { "other", "7" }, { "pid", "1" } }, 2, "no flag\n1\nmatch 1\n\n", NULL },
        { { { "pid", "x" } }, 1, "", "--pid 'x'" },
        { { { "pid", "1,,2" } }, 1, "", "--pid '1,,2'" },
        { { { "pid", "1," } }, 1, "", "--pid '1,'" },
        { { { "pid", "" } }, 1, "", "--pid ''" },
        { { { "pid", "99999999999999999999" } }, 1, "", "--pid" },
        { { { "pid", NULL } }, 1, "", "needs a value" },
        { { { "flag", "1" } }, 1, "", "takes no value" },
        { { { "place", "no_such" } }, 1, "", "no symbol of this name" },
    };
    struct mk *k = make(&mk_machines[0]);

    (void)state;
    mk_symbol(k, "sixteen", 16);
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_run_options o = { .args = cases[i].args, .n_args = cases[i].n };
        struct eg_run_result r = run(k, "test_args", &o);

        assert_string_equal(out, cases[i].out);
        assert_int_equal(r.status, cases[i].error ? -EG_EUSAGE : 0);
        if (cases[i].error && !strstr(r.error, cases[i].error))
            assert_string_equal(r.error, cases[i].error);
        eg_arena_fini(&r.arena);
    }
    mk_free(k);
}

/* ---- what goes wrong ---- */

static int fails(struct eg_run *r)
{
    say(r, "before");
    eg_note(r, "a note");
    eg_note(r, "another");
    eg_note(r, "a note");
    eg_failed(r, "the first reason");
    say(r, "after");
    return eg_failed(r, "the second reason");
}
PLUGIN(test_fails) = { .help = "Fail", .columns = arg_columns, .run = fails };

static void closed(void *arg)
{
    ++*(int *)arg;
}
static int n_closed;

static int greedy(struct eg_run *r)
{
    eg_run_defer(r, closed, &n_closed);
    while (eg_tmp(r, 1 << 20))
        ;
    return 0;
}
PLUGIN(test_greedy) = { .help = "Take all", .columns = arg_columns, .run = greedy };

static int grows(struct eg_run *r)
{
    uint64_t *at = NULL, sum = 0;
    size_t cap = 0, n = 0, moves = 0;
    const uint64_t *before;

    for (; n < 1000; n++) {
        before = at;
        at = eg_grow(r, at, n, &cap, sizeof *at);
        moves += at != before;
        at[n] = n;
    }
    for (size_t i = 0; i < n; i++)
        sum += at[i] == i;
    say(r, sum == n && cap >= n && moves < 10 ? "kept" : "lost");
    while ((at = eg_grow(r, at, n++, &cap, sizeof *at)))
        ;
    return 0;
}
PLUGIN(test_grows) = { .help = "Grow an array", .columns = arg_columns, .run = grows };

static int huge(struct eg_run *r)
{
    size_t cap = 0;

    eg_grow(r, NULL, 0, &cap, SIZE_MAX / 32 + 2); // times 32 it is 32 again
    say(r, "got it");
    return 0;
}
PLUGIN(test_huge) = { .help = "Grow too far", .columns = arg_columns, .run = huge };

static int noisy(struct eg_run *r)
{
    for (int i = 0; i < 100000; i++)
        eg_note(r, "note %d", i);
    return 0;
}
PLUGIN(test_noisy) = { .help = "Leave notes", .columns = arg_columns, .run = noisy };

static int wrong_step(struct eg_run *r)
{
    struct eg_obj t = eg_at(eg_sym(r, first), thing.part);
    uint32_t v = eg_get_or(0u, t, thing.number);

    say(r, v ? "a number" : "none");
    return 0;
}
PLUGIN(test_wrong) = { .help = "Step wrongly", .columns = arg_columns, .run = wrong_step };

static int silent(struct eg_run *r)
{
    (void)r;
    return -3;
}
PLUGIN(test_silent) = { .help = "Fail silently", .columns = arg_columns, .run = silent };
PLUGIN(test_other) = { .os = "beos", .help = "Read BeOS", .columns = columns, .run = rows };

static int many_cells(struct eg_run *r)
{
    const struct eg_cell cells[2] = { eg_int(1), eg_int(2) };

    eg_emit_(r, 0, cells, 2);
    return 0;
}
PLUGIN(test_cells) = { .help = "Emit too much", .columns = arg_columns, .run = many_cells };

static int deep(struct eg_run *r)
{
    const struct eg_cell cell = eg_int(1);

    eg_emit_(r, 1, &cell, 1);
    return 0;
}
PLUGIN(test_deep) = { .help = "Emit a child", .columns = arg_columns, .run = deep };

static void failures(void **state)
{
    static const struct {
        const char *plugin;
        int status;
        const char *error, *out;
        size_t notes;
    } cases[] = {
        { "test_fails", -EG_EFORMAT, "the first reason", "before\n", 2 },
        { "test_greedy", -EG_ENOMEM, "this run has reached its limit of 8 MiB", "", 0 },
        { "test_grows", -EG_ENOMEM, "this run has reached its limit of 8 MiB", "kept\n", 0 },
        { "test_huge", -EG_ENOMEM, "out of memory, with", "", 0 },
        { "test_noisy", 0, "", "", 1001 },
        { "test_wrong", -EG_EFORMAT, "run_test.c:", "", 0 },
        { "test_silent", -EG_EFORMAT, "failed with code -3", "", 0 },
        { "test_other", -EG_EUNSUP, "it needs a beos kernel", "", 0 },
        { "test_cells", -EG_EFORMAT, "a row of 2 cells", "", 0 },
        { "test_deep", -EG_EFORMAT, "depth 1, but declares 1 columns and no tree", "", 0 },
        { "test_undeclared", -EG_EFORMAT, "--nobody, which it does not declare", "", 0 },
    };
    const struct eg_run_options o = { .memory_limit = 8 << 20 };
    struct mk *k = make(&mk_machines[0]);

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_run_result r = run(k, cases[i].plugin, &o);

        assert_int_equal(r.status, cases[i].status);
        if (r.status && !strstr(r.error, cases[i].error))
            assert_string_equal(r.error, cases[i].error);
        assert_string_equal(out, cases[i].out);
        assert_int_equal(r.n_notes, cases[i].notes);
        for (size_t n = 0; n < r.n_notes; n++)
            assert_non_null(r.notes[n]);
        assert_null(r.notes[r.n_notes]);
        eg_arena_fini(&r.arena);
    }
    assert_int_equal(n_closed, 1);
    mk_free(k);
}

static void cancelled(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    struct eg_run_result r;

    (void)state;
    eg_cancelled = 1;
    r = run(k, "test_rows", NULL);
    eg_cancelled = 0;
    assert_int_equal(r.status, -EG_ECANCEL);
    assert_string_equal(out, "");
    eg_arena_fini(&r.arena);
    mk_free(k);
}

/* ---- files ---- */

static int writes(struct eg_run *r)
{
    const char *name = eg_arg_text(r, "name");
    FILE *f, *g;

    if (!(f = eg_output(r, name)) || !(g = eg_output(r, "second")))
        return -1;
    fputs("first", f);
    fputs("second", g);
    return eg_output_done(r, f) && !eg_output_done(r, f) ? 0 : eg_failed(r, "not closed");
}
PLUGIN(test_writes) = {
    .help = "Write files",
    .columns = arg_columns,
    .args = EG_ARGS(EG_ARG(name, TEXT, "")),
    .run = writes,
};

static void files(void **state)
{
    char base[] = "/tmp/engram-test-XXXXXX", dir[64], path[128], text[16] = "";
    struct mk *k = make(&mk_machines[0]);
    static const char *const bad[] = { "", ".", "..", "a/b", "../x", "/x", "link" };
    struct eg_given_arg arg = { "name", "first" };
    struct eg_run_options o = { .args = &arg, .n_args = 1 };
    struct eg_run_result r = run(k, "test_writes", &o);
    FILE *f;

    (void)state;
    assert_int_equal(r.status, -EG_EUSAGE); // no -o
    eg_arena_fini(&r.arena);

    assert_non_null(mkdtemp(base));
    snprintf(dir, sizeof dir, "%s/out", base);
    o.out_dir = dir;
    r = run(k, "test_writes", &o);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.n_files, 2);
    assert_string_equal(r.files[0], "first");
    assert_string_equal(r.files[1], "second");
    eg_arena_fini(&r.arena);
    snprintf(path, sizeof path, "%s/second", dir);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    assert_string_equal(text, "second");
    fclose(f);

    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink("../elsewhere", path), 0); // never through a link
    for (size_t i = 0; i < countof(bad); i++) {
        arg.value = bad[i];
        r = run(k, "test_writes", &o);
        assert_true(r.status < 0);
        eg_arena_fini(&r.arena);
    }
    snprintf(path, sizeof path, "%s/elsewhere", base);
    assert_int_equal(access(path, F_OK), -1);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, (const char *[]){ "first", "second", "link" }[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(rmdir(base), 0);
    mk_free(k);
}

/* ---- walkers by name ---- */

static bool next_byte(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *obj)
{
    unsigned *i = state;

    (void)r;
    *obj = eg_index(eg_at(arg, thing.raw), (*i)++);
    return *i <= 3;
}
EG_WALKER(test_bytes) = {
    .help = "Bytes of a thing",
    .arg = "thing",
    .elem = "u8",
    .state = sizeof(unsigned),
    .next = next_byte,
};

static int walks(struct eg_run *r)
{
    struct eg_obj b;
    int value = 0;

    for (struct eg_walking w = eg_walk(r, "test_bytes", eg_sym(r, first)); eg_walk_next(&w, &b);)
        say(r, eg_strf(r, "%d", eg_load(&value, b) ? value : 0));
    for (struct eg_walking w = eg_walk(r, "no_such", eg_sym(r, first)); eg_walk_next(&w, &b);)
        say(r, "more");
    return 0;
}
PLUGIN(test_walks) = { .help = "Walk", .columns = arg_columns, .run = walks };

static void walkers(void **state)
{
    struct mk *k = make(&mk_machines[0]);
    struct eg_run_result r = run(k, "test_walks", NULL);

    (void)state;
    assert_string_equal(out, "1\n128\n255\n");
    assert_int_equal(r.status, -EG_EFORMAT);
    assert_non_null(strstr(r.error, "no walker 'no_such'"));
    eg_arena_fini(&r.arena);
    mk_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),   cmocka_unit_test(cut_texts), cmocka_unit_test(given),
        cmocka_unit_test(failures), cmocka_unit_test(cancelled), cmocka_unit_test(files),
        cmocka_unit_test(walkers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
