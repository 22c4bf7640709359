/* triage_test.c - rules of triage: the built-in ones against their examples; which rows a rule
 * takes, how findings are grouped and ordered, what is said of rules that cannot be checked, and
 * mistakes in rules. */
#include "../../../lua/library.h"
#include "mkfile.h"
#include "mklua.h"
#include <stdlib.h>
#include <unistd.h>

static const char rows[] = "row { N = 1, TEXT = 'bad', ADDR = 16 } row { N = 2, TEXT = 'bad' }"
                           "row { N = 2, TEXT = 'bad' } row { N = 3, TEXT = 'good' }"
                           "row { N = 4, TEXT = 'x\\27y' }";

/** The fields that every rule of this test has. */
#define RULE(id, rest)                                                                             \
    "rule { id = '" id "', title = 'T', severity = 'low', why = 'W', show = { 'N' }, " rest " }\n"

struct world {
    struct mk *k;
    char *folder, *file;
};

static void begin(struct world *w, const char *text)
{
    static const struct eg_os os = { .name = "linux" };
    static bool added;
    char *template = strdup("/tmp/triage-test-XXXXXX");
    struct eg_error e;

    if (!added)
        assert_int_equal(mk_lua_add("triagerows", rows, &e), 0);
    if (!added)
        assert_int_equal(mk_lua_add("triagefails", "row { N = 1 } error('broken')", &e), 0);
    if (!added)
        assert_int_equal(
            mk_lua_add("triagenotes", "eg.note('same') eg.note('triagenotes: own')", &e), 0);
    if (!added)
        assert_int_equal(
            mk_lua_add("triagenotes2", "eg.note('same') eg.note('triagenotes: own')", &e), 0);
    added = true;
    w->k = mk_lua_new(&mk_machines[0]);
    mk_system(w->k)->os = &os;
    w->folder = mkdtemp(template);
    assert_non_null(w->folder);
    assert_true(asprintf(&w->file, "%s/own.lua", w->folder) > 0);
    write_text(w->file, text);
}

static void end(struct world *w)
{
    mk_system(w->k)->os = NULL;
    unlink(w->file);
    rmdir(w->folder);
    free(w->folder);
    free(w->file);
    mk_free(w->k);
}

static void print(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    (void)depth;
    for (size_t i = 0; i < n; i++)
        if (v[i].tag == EG_V_TEXT)
            fprintf(context, "%.*s|", (int)v[i].bytes.len, (const char *)v[i].bytes.p);
        else if (v[i].tag == EG_V_NONE)
            fputs("|", context);
        else
            fprintf(context, "%lld|", (long long)v[i].i);
    fputs("\n", context);
}

/** Rows, notes and the error of a run with @text as the only rules that are asked for. */
static char *found(const char *text, const char *ids, const char *option, const char *value)
{
    struct eg_given_arg args[3] = { { "rule", ids } };
    struct eg_run_options o = { .quiet = true, .threads = 2, .args = args, .n_args = 2 };
    struct eg_run_result result;
    struct world w;
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);

    assert_non_null(f);
    begin(&w, text);
    args[1] = (struct eg_given_arg){ "rules", w.folder };
    if (option)
        args[o.n_args++] = (struct eg_given_arg){ option, value };
    eg_plugin_run(mk_system(w.k), eg_plugin_find("triage"), &o, (struct eg_sink){ print, f },
                  &result);
    for (size_t i = 0; i < result.n_notes; i++)
        fprintf(f, "note: %s\n", result.notes[i]);
    if (result.status)
        fprintf(f, "error: %s\n", result.error);
    fclose(f);
    eg_arena_fini(&result.arena);
    end(&w);
    return out;
}

static void assert_found(const char *text, const char *ids, const char *wanted)
{
    char *out = found(text, ids, NULL, NULL);

    assert_string_equal(out, wanted);
    free(out);
}

static void assert_says(const char *text, const char *ids, const char *wanted)
{
    char *out = found(text, ids, NULL, NULL);

    if (!strstr(out, wanted))
        fail_msg("'%s' is not in '%s'", wanted, out);
    free(out);
}

/** By a filter; by a function, which may say how serious a row is; over rows of several plugins. */
static void which_rows(void **state)
{
    (void)state;
    assert_found(RULE("filter", "plugin = 'triagerows', where = 'TEXT = bad and N > 1'"), "filter",
                 "low|filter|2|T|N=2 | N=2|W||triagerows||filter|\n");
    assert_found(RULE("whole", "plugin = 'triagerows', where = 'TEXT = none'"), "whole", "");
    assert_found(RULE("match", "plugin = 'triagerows', where = 'N < 3',"
                               "match = function(r) return r.ADDR and 'critical' or r.N == 5 end"),
                 "match", "critical|match|1|T|N=1|W||triagerows||match|\n");
    assert_found(RULE("find", "plugins = { triagerows = 'TEXT = good', triagefails = 'N = 7' },"
                              "find = function(all) return { { N = #all.triagerows } } end"),
                 "find", "note: not checked: find: triagefails: triagefails.lua:1: broken\n");
    assert_found(RULE("find", "plugins = { triagerows = 'TEXT = good' },"
                              "find = function(all) return { { N = #all.triagerows } } end"),
                 "find", "low|find|1|T|N=1|W||triagerows||find|\n");
    assert_found(RULE("find", "plugins = { triagerows = 'TEXT = good' },"
                              "find = function() return { { N = 1, SEVERITY = 'high' } } end"),
                 "find", "high|find|1|T|N=1|W||triagerows||find|\n");
    assert_found(RULE("find", "plugins = { triagerows = 'TEXT = good' },"
                              "find = function() return { { N = 1, SEVERITY = false } } end"),
                 "find", "");
    assert_found(RULE("find", "plugins = { triagerows = 'TEXT = good' },"
                              "find = function() return { { N = 1, SEVERITY = 'grave' } } end"),
                 "find",
                 "note: not checked: find: rule find: SEVERITY is 'grave', which is no severity\n");
}

/** Rows that agree in the key are one finding, and its id has the key. */
static void grouping(void **state)
{
    (void)state;
    assert_found("rule { id = 'each', title = '{N} is {TEXT}', severity = 'low', why = 'W',"
                 "plugin = 'triagerows', key = { 'N' }, show = { 'TEXT' }, more = 'x --n {N}',"
                 "where = 'N != 3', attack = 'T1', benign = 'B' }",
                 "each",
                 "low|each|1|1 is bad|TEXT=bad|W|B|x --n 1|T1|each:1|\n"
                 "low|each|2|2 is bad|TEXT=bad | TEXT=bad|W|B|x --n 2|T1|each:2|\n"
                 "low|each|1|4 is x\33y|TEXT=x\33y|W|B|x --n 4|T1|each:4|\n");
    // A bar of a cell is not one between rows.
    assert_found("rule { id = 'bar', title = 'T', severity = 'low', why = 'W', show = { 'TEXT' },"
                 "plugins = { triagerows = 'N = 1' }, find = function(rows)"
                 " return { { TEXT = 'a | b | | c' }, { TEXT = 'd |' } } end }",
                 "bar", "low|bar|2|T|TEXT=a \\| b \\| \\| c | TEXT=d \\||W||triagerows||bar|\n");
}

static void order_and_limits(void **state)
{
    static const char two[] =
        RULE("small",
             "plugin = 'triagerows', where = 'N = 2'") "rule { id = 'big', title = 'T', severity = "
                                                       "'high', why = 'W', show = { 'N' },"
                                                       "plugin = 'triagerows', where = 'N = 1' }";
    static const struct {
        const char *option, *value, *wanted;
    } cases[] = {
        { NULL, NULL,
          "high|big|1|T|N=1|W||triagerows||big|\nlow|small|2|T|N=2 | N=2|W||triagerows||small|\n" },
        { "severity", "high", "high|big|1|T|N=1|W||triagerows||big|\n" },
        { "evidence", "1",
          "high|big|1|T|N=1|W||triagerows||big|\n"
          "low|small|2|T|N=2 | and 1 more|W||triagerows||small|\n" },
        { "severity", "serious",
          "error: --severity 'serious': none of critical, high, medium, low, info\n" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char *out = found(two, "big,small", cases[i].option, cases[i].value);

        assert_string_equal(out, cases[i].wanted);
        free(out);
    }
}

/** What could not be looked at is never silence. */
static void not_checked(void **state)
{
    char *out;

    (void)state;
    assert_found(RULE("a", "plugin = 'nosuch'") RULE("b", "plugin = 'nosuch'"), "a,b",
                 "note: not checked: a, b: there is no plugin nosuch\n");
    assert_found(RULE("a", "plugin = 'triagefails'"), "a",
                 "note: not checked: a: triagefails: triagefails.lua:1: broken\n");
    assert_says(RULE("a", "plugin = 'triagerows', match = function(r) return r.NO end"), "a",
                "own.lua:1: triagerows has no column 'NO'");
    // What several plugins note is said once.
    assert_found(RULE("a", "plugin = 'triagenotes'") RULE("b", "plugin = 'triagenotes2'"), "a,b",
                 "note: triagenotes, triagenotes2: same\nnote: triagenotes: own\n"
                 "note: triagenotes2: triagenotes: own\n");
    out = found(RULE("a", "plugin = 'nosuch'") RULE("b", "plugin = 'triagerows', where = 'N = 9'"),
                "a,b", "all", NULL);
    assert_non_null(strstr(out, "low|a||T|not checked: there is no plugin nosuch|W"));
    assert_non_null(strstr(out, "low|b|0|T||W"));
    free(out);
}

static void mistakes(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        { "while true do end", "did not end within 100000000 steps" },
        { "rule {", "own.lua:1: unexpected symbol near <eof>" },
        { "\nrule { id = 'a' }", "own.lua:2: rule: title = \"…\" expected" },
        { RULE("a b", "plugin = 'triagerows'"), "rule: id 'a b': small letters" },
        { RULE("a", "plugin = 'triagerows', were = 'x'"),
          "no field 'were'; did you mean 'where'?" },
        { RULE("a", "plugin = 'triagerows', where = 'M = 1'"),
          "own.lua:1: rule: a: where: triagerows has no column 'M'" },
        { RULE("a", "plugin = 'triagerows', key = { 'M' }"), "rule: a: no column 'M'" },
        { RULE("a", "plugin = 'triagerows', args = { m = 1 }"), "has no option 'm'" },
        { RULE("a", "plugin = 'triagerows', more = 'x {M}'"), "more: {…} is none of" },
        { RULE("a", "plugin = 'triagerows', key = { 'TEXT' }, more = 'x {TEXT}'"),
          "more: {TEXT} is not a number" },
        { RULE("a", ""), "either plugin" },
        { RULE("a", "plugin = 'triagerows'") RULE("a", "plugin = 'triagerows'"),
          "own.lua:2: rule: the id 'a' is taken" },
        { RULE("a", "plugins = { triagerows = '', triagefails = '' }"), "needs find" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        assert_says(cases[i].text, "a", cases[i].wanted);
    assert_says(RULE("abc", "plugin = 'triagerows'"), "abd", "did you mean 'abc'?");
}

/** A function that never ends spoils no other rule; nor does one that returns rows without end. */
static void endless(void **state)
{
    struct eg_given_arg args[] = { { "rule", "a,b,c" }, { "rules", NULL } };
    struct eg_run_options o = { .quiet = true, .args = args, .n_args = 2, .script_steps = 1000000 };
    struct eg_run_result result;
    struct world w;
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);

    (void)state;
    begin(&w, RULE("a", "plugin = 'triagerows', match = function() while true do end end")
                  RULE("b", "plugin = 'triagerows', match = function(r) return r.N == 1 end")
                      RULE("c", "plugin = 'triagerows', find = function(rows) return setmetatable("
                                "{}, {}) end"));
    args[1].value = w.folder;
    eg_plugin_run(mk_system(w.k), eg_plugin_find("triage"), &o, (struct eg_sink){ print, f },
                  &result);
    fclose(f);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(out, "low|b|1|T|N=1|"));
    assert_int_equal(result.n_notes, 1);
    assert_non_null(strstr(result.notes[0], "not checked: a: "));
    eg_arena_fini(&result.arena);
    free(out);
    end(&w);
    assert_says(RULE("a", "plugin = 'triagerows', find = function(rows) local all = {} "
                          "for i = 1, 10001 do all[i] = { N = i } end return all end"),
                "a", "find returned more than 10000 rows");
}

/** A rule of the user's takes the place of a built-in one; of two plugins one runs once. */
static void replaced(void **state)
{
    (void)state;
    assert_found(RULE("hidden-task", "plugin = 'triagerows', where = 'N = 1'"), "hidden-task",
                 "low|hidden-task|1|T|N=1|W||triagerows||hidden-task|\n");
}

/** --test tells of examples that a rule does not agree with. */
static void own_examples(void **state)
{
    static const struct {
        const char *examples, *wanted;
    } cases[] = {
        { "hits = { { N = 1 } }, misses = { { N = 2 } }", "1 rules agree" },
        { "hits = { { N = 1 }, { N = 2 } }, misses = { { N = 2 } }", "hits 2 is not found" },
        { "hits = { { N = 1 } }, misses = { { N = 1 } }", "misses 1 is found" },
        { "hits = { { N = 1 } }", "it has no misses" },
        { "hits = { { triagerows = { { N = 2 }, { N = 1 } } } }, misses = { { N = 2 } }",
          "1 rules agree" },
        { "hits = { { M = 1 } }, misses = { { N = 1 } }", "no column 'M'" },
        { "hits = { { [true] = 1 } }, misses = { { N = 1 } }", "no column '?'" },
        { "hits = { { [{}] = 1 } }, misses = { { N = 1 } }", "no column '?'" },
        { "hits = { { 5 } }, misses = { { N = 1 } }", "no column '?'" },
        { "hits = { }, misses = { { N = 1 } }", "hits is empty" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char *text, *out;

        assert_true(asprintf(&text, RULE("a", "plugin = 'triagerows', where = 'N = 1', %s"),
                             cases[i].examples) > 0);
        out = found(text, "a", "test", NULL);
        if (!strstr(out, cases[i].wanted))
            fail_msg("'%s' is not in '%s'", cases[i].wanted, out);
        free(out);
        free(text);
    }
}

/** Each has a row that it takes, and one close to that which it does not. */
static void built_in(void **state)
{
    const struct eg_given_arg args[] = { { "test", NULL } };
    const struct eg_run_options o = { .quiet = true, .args = args, .n_args = 1 };
    struct eg_run_result result;
    struct eg_error e;
    struct world w;

    (void)state;
    assert_int_equal(eg_lua_add_own(&e), 0);
    begin(&w, "");
    mk_lua_run(w.k, "triage", &o, &result);
    for (size_t i = 0; result.status && i < result.n_notes; i++)
        print_message("%s\n", result.notes[i]);
    assert_int_equal(result.status, 0);
    eg_arena_fini(&result.arena);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_rows),   cmocka_unit_test(grouping),
        cmocka_unit_test(not_checked),  cmocka_unit_test(order_and_limits),
        cmocka_unit_test(mistakes),     cmocka_unit_test(replaced),
        cmocka_unit_test(own_examples), cmocka_unit_test(built_in),
        cmocka_unit_test(endless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
