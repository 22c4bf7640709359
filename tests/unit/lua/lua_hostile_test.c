/* lua_hostile_test.c - scripts that want to do harm (tests/lua/hostile): each is ended, with
 * the right words, while a good one beside them gives its rows as ever.
 *
 *  A script's first line says what is in its error: `--! memory`, or `--! ok`. Each has so many
 * steps, whatever the machine's speed, and no limit of time; but the few whose single steps are
 * long, and whose error speaks of a second, have that, and no limit of steps. */
#include "../../../lua/plugin.h"
#include "check.h"
#include "mklua.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOSTILE_MAX = 200, THREADS = 8, STEPS = 2200000 };

struct hostile {
    char name[64], wanted[64];
};
static struct suite {
    struct hostile at[HOSTILE_MAX];
    size_t n;
    atomic_size_t next;
    atomic_int bad, going;
    struct mk *k;
} suite;

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "rb");

    if (!f || getdelim(&text, &room, EOF, f) < 0)
        mk_fail("%s: cannot be read", path);
    fclose(f);
    return text;
}

static int is_script(const struct dirent *d)
{
    return strstr(d->d_name, ".lua") != NULL;
}

static int load(void **state)
{
    struct dirent **found;
    char dir[3000], path[4096];
    struct eg_error e;
    int n;

    (void)state;
    snprintf(dir, sizeof dir, "%s/tests/lua/hostile", getenv("SOURCE_ROOT"));
    n = scandir(dir, &found, is_script, alphasort);
    if (n < 1 || n > HOSTILE_MAX)
        mk_fail("%s: %d scripts", dir, n);
    for (int i = 0; i < n; i++) {
        struct hostile *h = &suite.at[suite.n++];
        char *text;

        snprintf(path, sizeof path, "%s/%s", dir, found[i]->d_name);
        text = read_text(path);
        snprintf(h->name, sizeof h->name, "%.*s", (int)strcspn(found[i]->d_name, "."),
                 found[i]->d_name);
        if (sscanf(text, "--! %63[^\n]", h->wanted) != 1 || mk_lua_add(h->name, text, &e))
            mk_fail("%s: %s", path, e.text);
        free(text);
        free(found[i]);
    }
    free(found);
    if (mk_lua_add("good",
                   "for i in eg.list(k.head.list, 'item', 'link') do\n"
                   "  row { N = i.n, TEXT = ('%s!'):format(i.name) }\nend",
                   &e))
        mk_fail("%s", e.text);
    suite.k = mk_lua_new(&mk_machines[0]);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    mk_free(suite.k);
    unlink("large"); // of output_too_large.lua
    unlink("1");     // of iterators_called_by_hand.lua
    unlink("x");
    return 0;
}

static void complain(const struct hostile *h, const char *what, const char *said)
{
    print_error("%s: %s: %s\n", h->name, what, said ? said : "");
    suite.bad++;
}

static void try(const struct hostile *h)
{
    const bool by_time = strstr(h->wanted, "second");
    const struct eg_run_options o = { .seconds = by_time ? 1 : 0,
                                      .script_steps = by_time ? 0 : STEPS,
                                      .script_memory = 8 << 20,
                                      .script_output = 1 << 20,
                                      .quiet = true,
                                      .threads = 1,
                                      .out_dir = "." };
    struct eg_run_result result;

    mk_lua_run(suite.k, h->name, &o, &result);
    if (!strcmp(h->wanted, "ok") && result.status)
        complain(h, "failed", result.error);
    if (strcmp(h->wanted, "ok") != 0 && !(result.status && strstr(result.error, h->wanted)))
        complain(h, "not the error that it has to be", result.error);
    eg_arena_fini(&result.arena);
}

static void *work(void *unused)
{
    size_t i;

    while ((i = suite.next++) < suite.n)
        try(&suite.at[i]);
    suite.going--;
    return unused;
}

/** All of them, some at once, and the good one over and over. */
static void hostile(void **state)
{
    pthread_t threads[THREADS];
    size_t runs = 0;

    (void)state;
    suite.going = THREADS;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    while (suite.going) {
        char *texts = mk_lua_texts(suite.k, "good");

        assert_string_equal(texts, "item-1!\nitem-2!\nitem-3!\nitem-4!\nitem-5!\n");
        free(texts);
        runs++;
        usleep(10000);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(runs > 10);
    assert_int_equal(suite.bad, 0);
    assert_int_equal(access("evil", F_OK), -1);
    assert_int_equal(access("../evil", F_OK), -1);
}

/* ---- declarations ---- */

#define COLUMNS "columns = { { 'A', 'int', 'a' } }, run = function() end "

/** What is wrong is said, and nothing is registered. */
static void declarations(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        { "", "does not `return plugin" },
        { "return", "does not `return plugin" },
        { "return 1", "does not `return plugin" },
        { "return {}", "does not `return plugin" },
        { "while true do end", "did not end" },
        { "while true do pcall(function() while true do end end) end", "did not end" },
        { "local s = 'x' while true do s = s .. s end", "memory" },
        { "return setmetatable({}, { __index = function() while true do end end })",
          "does not `return plugin" },
        { "\33Lua", "" },
        { "\33LuaT\0\31", "" },
        { "((((((((((((((((((((((((((((((((((((", "" },
        { "x = = 1", "near" },
        { "return plugin()", "table expected" },
        { "return plugin('x')", "table expected" },
        { "return plugin{}", "name" },
        { "return plugin{ name = 'bad', help = 1, " COLUMNS "}", "help" },
        { "return plugin{ name = 'bad', helq = 'x', help = 'x', " COLUMNS "}", "did you mean" },
        { "return plugin{ name = 'a/b', help = 'x', " COLUMNS "}", "letters" },
        { "return plugin{ name = '\\27[31m', help = 'x', " COLUMNS "}", "control" },
        { "return plugin{ name = 'bad', help = 'x\\27[31m', " COLUMNS "}", "control" },
        { "return plugin{ name = ('x'):rep(1 << 20), help = 'x', " COLUMNS "}", "" },
        { "return plugin{ name = 'bad', help = ('x'):rep(1 << 20), " COLUMNS "}", "1 MiB" },
        { "return plugin{ name = {}, help = 'x', " COLUMNS "}", "name" },
        { "return plugin{ name = 'bad', help = 'x', columns = {} }", "columns" },
        { "return plugin{ name = 'bad', help = 'x', columns = { 1 } }", "columns" },
        { "return plugin{ name = 'bad', help = 'x', columns = { { 'A', 'x', 'a' } } }", "kind" },
        { "return plugin{ name = 'bad', help = 'x', columns = { { 'A', 'int' } } }", "columns" },
        { "local c = {} for i = 1, 1e6 do c[i] = i end "
          "return plugin{ name = 'bad', help = 'x', columns = c }",
          "" },
        { "local c = {} for i = 1, 101 do c[i] = { 'C' .. i, 'int', 'x' } end "
          "return plugin{ name = 'bad', help = 'x', columns = c }",
          "more than 100" },
        { "local c = {} c[1], c[2] = c, c return plugin{ name = 'bad', help = 'x', columns = c }",
          "columns" },
        { "local p = { name = 'bad', help = 'x', " COLUMNS "} p.args = { p } return plugin(p)",
          "args" },
        { "return plugin{ name = 'bad', help = 'x', needs = { 'x' }, " COLUMNS "}", "needs" },
        { "return plugin{ name = 'bad', help = 'x', needs = { '.' }, " COLUMNS "}", "needs" },
        { "return plugin{ name = 'bad', help = 'x', needs = { {} }, " COLUMNS "}", "" },
        { "return plugin{ name = 'bad', help = 'x', aliases = { 1 }, aliases = 'x', " COLUMNS "}",
          "aliases" },
        { "return plugin{ name = 'bad', help = 'x', columns = { { 'A', 'int', 'a' } } }", "run" },
        { "return plugin{ name = 'good', help = 'x', " COLUMNS "}", "good" },
        { "return plugin{ name = 'bad', help = 'x', args = { { 'n', 'text', 'x' } }, " COLUMNS "}",
          "n" },
        { "local t = { name = 'bad', help = ('x'):rep(1 << 18), " COLUMNS "} "
          "while true do pcall(plugin, t) end",
          "did not end" },
        { "pcall(plugin, {}) return plugin{ name = 'bad', help = 'x', " COLUMNS "}",
          "only one plugin" },
        { "return plugin(setmetatable({}, { __index = function() while true do end end }))",
          "did not end" },
        { "return require('x')", "has no folder" },
        { "return eg.rows('pslist')", "eg" },
    };
    char long_text[100000];
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const size_t len = strlen(cases[i].text);

        if (!eg_lua_add("bad.lua", cases[i].text, len, &e) || !strstr(e.text, cases[i].wanted))
            fail_msg("%s: %s", cases[i].text, e.text);
        assert_null(eg_plugin_find("bad"));
    }
    memset(long_text, '{', sizeof long_text);
    assert_int_not_equal(eg_lua_add("bad.lua", long_text, sizeof long_text, &e), 0);
    memset(long_text, 0, sizeof long_text);
    assert_int_not_equal(eg_lua_add("bad.lua", long_text, sizeof long_text, &e), 0);
}

/** Another answer in the run than in the declaration. */
static void two_faces(void **state)
{
    static const char *const faces[] = {
        "if pcall(eg.ok, 1) then return 1 end return plugin{ name = 'face0', help = 'x', " COLUMNS
        "}",
        "if pcall(eg.ok, 1) then return { run = 5 } end return plugin{ name = 'face1', help = "
        "'x', " COLUMNS "}",
        "if pcall(eg.ok, 1) then return setmetatable({}, { __index = function() while true do end "
        "end }) end "
        "return plugin{ name = 'face2', help = 'x', " COLUMNS "}",
        "if pcall(eg.ok, 1) then return plugin{ columns = {}, run = function(k, a, row) row { A = "
        "1 } row { B = "
        "1 } end } end return plugin{ name = 'face3', help = 'x', " COLUMNS "}",
    };
    const struct eg_run_options o = { .seconds = 1, .quiet = true };
    struct eg_run_result result;
    struct eg_error e;
    char name[8] = "face0";

    (void)state;
    for (size_t i = 0; i < countof(faces); i++, name[4]++)
        if (eg_lua_add("faces.lua", faces[i], strlen(faces[i]), &e))
            fail_msg("%s: %s", faces[i], e.text);
    strcpy(name, "face0");
    for (size_t i = 0; i < countof(faces); i++, name[4]++) {
        mk_lua_run(suite.k, name, &o, &result);
        assert_int_not_equal(result.status, 0);
        eg_arena_fini(&result.arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(declarations),
        cmocka_unit_test(two_faces),
        cmocka_unit_test(hostile),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
