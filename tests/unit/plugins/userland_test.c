/* userland_test.c - bash: each kind of history, what bash knows, and what only looks like it. */
#include "check.h"
#include "mkshell.h"
#include <stdio.h>

/* ---- readline ---- */

static const char *rows(struct mk_user *u)
{
    return mk_columns(mk_guest_rows(&u->g, "bash", NULL), 3, 6);
}

static void readline(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        uint64_t e[5], list;

        e[0] = entry(&u, "first", "#1700000001");
        e[1] = entry(&u, " second;\tlast\x1b", "#1700000002");
        e[2] = entry(&u, "no time", NULL);
        e[3] = entry(&u, "of 1970", "#12");
        list = MK_WORDS(&u, e[0], e[1], e[2], e[3]);
        // Where no variable points to it: the longest that ends with NULL, not a copy of its
        // beginning.
        mk_user_variable(&u, 5, MK_WORDS(&u, e[0], e[1], 1));
        assert_string_equal(mk_guest_rows(&u.g, "bash", "pid=8"), "");
        assert_string_equal(mk_columns(mk_guest_rows(&u.g, "bash", NULL), 0, 3),
                            "7|prog|/prog|readline\n7|prog|/prog|readline\n"
                            "7|prog|/prog|readline\n7|prog|/prog|readline");
        assert_string_equal(rows(&u),
                            "readline|1|2023-11-14T22:13:21Z|first\n"
                            "readline|2|2023-11-14T22:13:22Z| second;\\x09last\\x1b\n"
                            "readline|3||no time\nreadline|4|1970-01-01T00:00:12Z|of 1970");
        // What is before the place that a variable points to was dropped from the list.
        mk_user_variable(&u, 0, list);
        mk_user_variable(&u, 1, list + u.ptr);
        assert_string_equal(rows(&u),
                            "readline|1|2023-11-14T22:13:22Z| second;\\x09last\\x1b\n"
                            "readline|2||no time\nreadline|3|1970-01-01T00:00:12Z|of 1970\n"
                            "readline||2023-11-14T22:13:21Z|first");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(u.g.k);
    }
}

/** Where no comment character is set, as in python, it is NUL. */
static void readline_of_others(void **state)
{
    static const struct {
        const char *stamp;
        const char *row;
    } cases[] = { { "\0001700000000", "readline|1|2023-11-14T22:13:20Z|import os" },
                  { "\000999999999", "readline|1|2001-09-09T01:46:39Z|import os" },
                  { "\00099999999", "" },
                  { "\000170000000x", "" },
                  { "!1700000000", "" } };

    (void)state;
    mk_each_user(m, p) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t stamp = mk_user_room(&u, 16);

        mk_guest_write(&u.g, u.mm, stamp, cases[i].stamp, strlen(cases[i].stamp + 1) + 2);
        MK_WORDS(&u, MK_WORDS(&u, mk_user_text(&u, "import os"), stamp, 0));
        assert_string_equal(rows(&u), cases[i].row);
        mk_free(u.g.k);
    }
}

/** Words that point to a time, and are no entry; entries of no list. */
static void readline_alike(void **state)
{
    static const struct {
        const char *line, *stamp, *row;
    } cases[] = {
        { "deleted", "#1700000000", "readline||2023-11-14T22:13:20Z|deleted" },
        { "deleted", "#170000000x", "" },
        { "deleted", "#", "" },
        { "deleted", "1700000000", "" },
        { "deleted", "#1700000000000", "" },
        { "deleted", "#170000000", "" }, // 1975, and no list
        { "a \x01 b", "#1700000000", "" },
        { "", "#1700000000", "" },
    };

    (void)state;
    mk_each_user(m, p) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_user u = mk_user(m, p);

        entry(&u, cases[i].line, cases[i].stamp);
        assert_string_equal(rows(&u), cases[i].row);
        mk_free(u.g.k);
    }
    mk_each_machine(m)
    {
        struct mk_user u = mk_user(m, 0);
        const uint64_t stamp = mk_user_text(&u, "#1700000000"), line = mk_user_text(&u, "line");
        const uint64_t e = MK_WORDS(&u, line, stamp, 0),
                       vma = mk_of(&u.g, mk_of(&u.g, u.mm, "mm_struct.mmap"),
                                   "vm_area_struct.vm_next");

        MK_WORDS(&u, e);
        MK_WORDS(&u, mk_user_text(&u, "of a call"), stamp); // on the stack
        MK_WORDS(&u, 0x7777000, stamp, 0);                  // its line is nowhere
        MK_WORDS(&u, line + 0x100000000000, stamp, 0);
        assert_string_equal(rows(&u), "readline|1|2023-11-14T22:13:20Z|line");
        for (unsigned flags = 0; flags < 4; flags++) {
            static const uint64_t vm[] = { 3, 1, 3 | 0x80, 5 }; // private; read-only; shared; code

            mk_put(u.g.k, vma, "vm_area_struct.vm_flags", vm[flags]);
            assert_string_equal(rows(&u), flags ? "" : "readline|1|2023-11-14T22:13:20Z|line");
        }
        mk_free(u.g.k);
    }
}

/** Lists without an end, and entries that are each other's. */
static void readline_hostile(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t stamp = mk_user_text(&u, "#1700000000"), e = mk_user_room(&u, 3 * u.ptr);
        const uint64_t fill = u.heap + 2 * u.g.page;

        mk_user_word(&u, e, 0, stamp); // its line is its time
        mk_user_word(&u, e, 1, stamp);
        mk_user_word(&u, e, 2, 1);
        for (uint64_t i = 0; i < 4096 / u.ptr; i++) // up to a page's end, or somewhere
            mk_user_word(&u, fill + u.g.page - 4096, i, e);
        assert_non_null(strstr(rows(&u), "readline|1|2023-11-14T22:13:20Z|#1700000000"));
        mk_free(u.g.k);
    }
}

/* ---- zsh ---- */

static void zsh(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        uint64_t at[4];

        at[0] = histent(&u, "no time", 0, 11);
        at[1] = histent(&u, "second", 1700000002, 12);
        at[2] = histent(&u, "umlaut \x83\xe3\xbc", 1700000003, 13);
        at[3] = histent(&u, NULL, 0, 14); // the line that is being typed
        ring(&u, at, 4);
        assert_string_equal(rows(&u), "zsh|11||no time\nzsh|12|2023-11-14T22:13:22Z|second\n"
                                      "zsh|13|2023-11-14T22:13:23Z|umlaut \xc3\xbc");
        mk_user_word(&u, at[1], 7, 1700000000); // it ended before it began
        mk_user_word(&u, at[2], 7, 1700000000);
        assert_string_equal(rows(&u), "");
        mk_user_word(&u, at[1], 7, 0); // it runs still
        assert_string_equal(mk_columns(rows(&u), 1, 1), "11\n12\n13");
        mk_user_word(&u, at[1], 3, at[3]); // not its neighbour
        assert_string_equal(rows(&u), "");
        mk_user_word(&u, at[1], 3, at[0]);
        mk_user_word(&u, at[2], 3, at[2]);
        assert_string_equal(rows(&u), "");
        mk_free(u.g.k);
    }
}

/* ---- busybox ---- */

static void busybox(void **state)
{
    static const char *const lines[] = { "cd /srv", "ls; wc -l", "uname" };

    (void)state;
    mk_each_user(m, p) for (int saves = 0; saves < 2; saves++)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t at = line_input(&u, saves, lines, 3), ints = at + 8 + 2 * u.ptr;
        static const struct {
            int offset; // from the flags, or less 100 from the integers
            uint32_t good, bad;
        } damage[] = { { 0, 7, 6 },    { 0, 7, 0x1000 }, { 4, UINT32_MAX, 77 }, { 4, 5000, 5001 },
                       { 100, 3, 21 }, { 104, 3, 4 },    { 108, 20, 1 << 20 } };

        assert_string_equal(rows(&u), "busybox|1||cd /srv\nbusybox|2||ls; wc -l\nbusybox|3||uname");
        for (size_t i = 0; i < countof(damage); i++) {
            const uint64_t field = damage[i].offset < 100 ? at + (uint64_t)damage[i].offset
                                                          : ints + (uint64_t)damage[i].offset - 100;

            mk_user_int(&u, field, 4, damage[i].bad);
            assert_string_equal(rows(&u), "");
            mk_user_int(&u, field, 4, damage[i].good);
            assert_int_equal(strlen(mk_columns(rows(&u), 1, 1)), 5);
        }
        // A line that lies in code of the program.
        mk_put(u.g.k, mk_of(&u.g, u.mm, "mm_struct.mmap"), "vm_area_struct.vm_flags", 5);
        mk_user_word(&u, ints + (saves ? 16 + u.ptr : u.ptr == 4 ? 12 : 16), 0, 1000 * u.g.page);
        assert_string_equal(rows(&u), "");
        mk_free(u.g.k);
    }
}

/* ---- libedit ---- */

static void libedit_list(void **state)
{
    static const char *const lines[] = { "select 1;", "\\d", "begin;" };

    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t head = libedit(&u, lines, 3, 5), ints = head + 6 * u.ptr;
        const uint64_t newest = (ints + 16 + 15) & ~UINT64_C(15);
        static const struct {
            int offset; // from the integers
            uint32_t good, bad;
        } damage[] = { { 0, INT32_MAX, 2 },  { 4, 3, 2 }, { 4, 3, 4 },
                       { 4, 3, 0x80000003 }, { 8, 7, 2 }, { 12, 0, 2 } };

        assert_string_equal(rows(&u), "libedit|5||select 1;\nlibedit|6||\\d\nlibedit|7||begin;");
        for (size_t i = 0; i < countof(damage); i++) {
            mk_user_int(&u, ints + (uint64_t)damage[i].offset, 4, damage[i].bad);
            assert_string_equal(rows(&u), "");
            mk_user_int(&u, ints + (uint64_t)damage[i].offset, 4, damage[i].good);
        }
        mk_user_int(&u, newest, 4, 1); // its number is below that of an older one
        assert_string_equal(rows(&u), "");
        mk_user_int(&u, newest, 4, 7);
        mk_user_int(&u, head, 4, 1); // no head
        assert_string_equal(rows(&u), "");
        mk_user_int(&u, head, 4, 0);
        assert_string_equal(mk_columns(rows(&u), 1, 1), "5\n6\n7");
        mk_user_word(&u, head, 3, head); // its newest entry is another one
        assert_string_equal(rows(&u), "");
        mk_free(u.g.k);
    }
}

/* ---- what bash knows ---- */

static const char *shell(struct mk_user *u, const char *what)
{
    const char *all = mk_guest_rows(&u->g, "bash", what);
    static char out[2000];
    size_t n = 0;

    out[0] = 0;
    for (const char *line = all; *line;) { // KIND, then KEY to the end
        const char *end = strchrnul(line, '\n'), *kind = line, *key = line;

        for (int i = 0; i < 8; i++) {
            if (i < 3)
                kind = strchr(kind, '|') + 1;
            key = strchr(key, '|') + 1;
        }
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s|%.*s", n ? "\n" : "",
                              (int)(strchr(kind, '|') - kind), kind, (int)(end - key), key);
        line = *end ? end + 1 : end;
    }
    return out;
}

static void variables(void **state)
{
    (void)state;
    mk_each_user(m, p) for (int typed = 0; typed < 2; typed++)
    {
        struct mk_user u = mk_user(m, p);
        const struct pair assoc[] = { { mk_user_text(&u, "key"), mk_user_text(&u, "of it") } };
        const struct pair hash[] = { { mk_user_text(&u, "ls"),
                                       MK_WORDS(&u, mk_user_text(&u, "/bin/ls"), 0) } };
        uint64_t map, first, second, in;
        struct pair pairs[6] = { { 0 } };

        map = table(&u, assoc, 1);
        table(&u, hash, 1);
        pairs[0].data = variable(&u, "PATH", mk_user_text(&u, "/bin"), 1, 0);
        pairs[1].data = variable(&u, "list", array(&u, typed), 4, 0);
        pairs[2].data = variable(&u, "map", map, 0x42, 0);
        pairs[3].data = variable(&u, "func", u.data, 8, 0);
        pairs[4].data = variable(&u, "empty", mk_user_text(&u, ""), 0, 2);
        pairs[5].data = variable(&u, "unset", 0, 0x1001, 0);
        for (int i = 0; i < 6; i++) {
            static const char *const names[] = { "PATH", "list", "map", "func", "empty", "unset" };

            pairs[i].key = mk_user_text(&u, names[i]);
        }
        first = table(&u, pairs, 6);
        assert_string_equal(shell(&u, "env"),
                            "local|empty|||\nvariable|PATH|/bin|x|\n"
                            "variable|unset||x|\nvariable|list[0]|one|a|\n"
                            "variable|list[9]|nine|a|\nvariable|map[key]|of it|Ar|\n"
                            "function|func||f|");
        assert_string_equal(shell(&u, "hash"), "command|ls|/bin/ls||5");
        // Another count, another bucket, another name: it is no table of variables.
        in = first + u.ptr + 4;
        mk_user_int(&u, in, 4, 7);
        assert_string_equal(shell(&u, "env"), "");
        mk_user_int(&u, in, 4, 6);
        mk_user_int(&u, in - 4, 4, 2);
        assert_string_equal(shell(&u, "env"), "");
        mk_user_int(&u, in - 4, 4, 4);
        pairs[1].hash = 1; // this one is in another bucket than its hash says
        mk_user_int(&u, in, 4, 0);
        table(&u, pairs, 6);
        assert_string_equal(shell(&u, "env"), "");
        pairs[1].hash = 4;
        second = table(&u, pairs, 6);
        assert_non_null(strstr(shell(&u, "env"), "variable|PATH|/bin|x|"));
        mk_user_int(&u, second + u.ptr + 4, 4, 0);
        mk_user_int(&u, in, 4, 6);
        mk_user_word(&u, pairs[3].data, 0, pairs[0].key);
        assert_string_equal(shell(&u, "env"), "");
        mk_user_word(&u, pairs[3].data, 0, pairs[3].key);
        mk_user_word(&u, pairs[3].data, 3, 0x31); // the next chunk's size: this is an alias
        assert_string_equal(shell(&u, "env"), "");
        mk_free(u.g.k);
    }
}

/** A chain that comes back to itself, and counts of 2^31. */
static void tables_hostile(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t at = mk_user_room(&u, u.ptr + 8), bucket = mk_user_room(&u, 3 * u.ptr + 8);
        static const uint32_t sizes[][2] = {
            { 2, 1 << 18 }, { 1 << 20, 1 }, { 0x80000000, 0x7fffffff }, { 2, 0 }, { 3, 1 }
        };

        mk_user_word(&u, bucket, 0, bucket);
        mk_user_word(&u, bucket, 1, mk_user_text(&u, "key"));
        mk_user_word(&u, bucket, 2, bucket);
        mk_user_int(&u, bucket + 3 * u.ptr, 8, 0);
        mk_user_word(&u, at, 0, MK_WORDS(&u, bucket, 0));
        for (size_t i = 0; i < countof(sizes); i++) {
            mk_user_int(&u, at + u.ptr, 4, sizes[i][0]);
            mk_user_int(&u, at + u.ptr + 4, 4, sizes[i][1]);
            assert_string_equal(shell(&u, "env hash"), "");
        }
        mk_free(u.g.k);
    }
}

/* ---- the environment of now ---- */

/** What exec laid on the stack: argc, argv, and the array of "A=1", "B=2", whose place is given. */
static uint64_t lay_stack(struct mk_user *u)
{
    const uint64_t page = 1000 * u->g.page, stack = page + 512, env = page + 5;

    mk_user_word(u, stack, 0, 1);
    mk_user_word(u, stack, 1, page);
    mk_user_word(u, stack, 2, 0);
    mk_user_word(u, stack, 3, env);
    mk_user_word(u, stack, 4, env + 4);
    mk_user_word(u, stack, 5, 0);
    mk_put(u->g.k, u->mm, "mm_struct.start_stack", stack);
    return stack + 3 * u->ptr;
}

static const char *now(struct mk_user *u)
{
    return mk_columns(mk_guest_rows(&u->g, "envars", "now"), 3, 6);
}

static void environment(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t first = lay_stack(&u), a = mk_user_text(&u, "A=1");
        uint64_t more;

        assert_string_equal(now(&u), "");
        assert_int_equal(mk_row_notes("process 7: its environment of now is not found"), 1);
        mk_user_variable(&u, 2, first);
        assert_string_equal(now(&u), "A|1||\nB|2||");
        assert_string_equal(mk_columns(mk_guest_rows(&u.g, "envars", NULL), 3, 6), "A|1||\nB|2||");
        // In place: one has another value, one is gone.
        mk_user_word(&u, first, 0, mk_user_text(&u, "B=3"));
        mk_user_word(&u, first, 1, 0);
        assert_string_equal(now(&u), "B|3|changed|2\nA||removed|1");
        // An array of its own, and others that more variables point to and that are none.
        more = MK_WORDS(&u, a, mk_user_text(&u, "C_1.x="), mk_user_text(&u, "BASH_FUNC_f%%=() {"));
        mk_user_variable(&u, 3, more);
        for (uint64_t i = 0; i < 4; i++) {
            static const char *const none[] = { "1=2", "=x", "text", "a b=c" };
            const uint64_t other = MK_WORDS(&u, a, mk_user_text(&u, none[i]));

            mk_user_variable(&u, 10 + 2 * i, other);
            mk_user_variable(&u, 11 + 2 * i, other);
        }
        assert_string_equal(now(&u), "A|1||\nC_1.x||added|\nBASH_FUNC_f%%|() {|added|\n"
                                     "B||removed|2");
        // One without an end, up to where memory ends.
        for (uint64_t i = 0; i < 512 / u.ptr; i++)
            mk_user_word(&u, u.heap + MK_USER_PAGES * u.g.page - 512, i, a);
        mk_user_variable(&u, 4, u.heap + MK_USER_PAGES * u.g.page - 512);
        mk_user_variable(&u, 5, u.heap + MK_USER_PAGES * u.g.page - 512);
        assert_string_equal(mk_columns(now(&u), 0, 0), "A\nC_1.x\nBASH_FUNC_f%%\nB");
        mk_free(u.g.k);
    }
}

/** What cannot be read was not removed for that: a text, or the page with the array, which reads as
 * zeros when it was given to another program while the image was taken. */
static void environment_lost(void **state)
{
    static const char text[] = "prog\0A=1\0B=2";

    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t first = lay_stack(&u), args = 1000 * u.g.page + 1024;

        mk_user_variable(&u, 2, first);
        mk_user_word(&u, first, 1, 0x77777000);
        assert_string_equal(now(&u), "A|1||\nB|-|-|2");
        assert_int_equal(mk_row_notes("process 7: not all of its environment of now"), 1);
        // An empty one is there.
        mk_user_word(&u, first, 1, mk_user_text(&u, ""));
        assert_string_equal(now(&u), "A|1||\nB||removed|2");
        // Arguments lie behind the array, as exec has it.
        mk_guest_write(&u.g, u.mm, args, text, sizeof text);
        mk_put(u.g.k, u.mm, "mm_struct.arg_start", args);
        mk_put(u.g.k, u.mm, "mm_struct.arg_end", args + 5);
        mk_put(u.g.k, u.mm, "mm_struct.env_start", args + 5);
        mk_put(u.g.k, u.mm, "mm_struct.env_end", args + sizeof text);
        mk_user_word(&u, first - 3 * u.ptr, 1, args);
        mk_user_word(&u, first, 0, 0);
        assert_string_equal(now(&u), "A||removed|1\nB||removed|2");
        assert_int_equal(mk_row_notes("not all of its environment"), 0);
        mk_user_word(&u, first - 3 * u.ptr, 0, 0);
        mk_user_word(&u, first - 3 * u.ptr, 1, 0);
        mk_user_variable(&u, 2, first - u.ptr); // behind no arguments
        assert_string_equal(now(&u), "A|-|-|1\nB|-|-|2");
        assert_int_equal(mk_row_notes("not all of its environment"), 1);
        mk_free(u.g.k);
    }
}

/** Of bash what it would give to a command. */
static void environment_of_bash(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        struct pair pairs[4] = { { 0 } };
        static const char *const names[] = { "B", "own", "func", "unset" };
        static const uint32_t attributes[] = { 1, 0, 9, 0x1001 };

        mk_user_variable(&u, 2, lay_stack(&u));
        for (int i = 0; i < 4; i++) {
            pairs[i].key = mk_user_text(&u, names[i]);
            pairs[i].data = variable(&u, names[i], mk_user_text(&u, "x"), attributes[i], 0);
        }
        table(&u, pairs, 4);
        assert_string_equal(now(&u), "B|x|changed|2\nA||removed|1");
        mk_user_word(&u, pairs[0].data, 1, 0x77777000);
        assert_string_equal(now(&u), "B|-|-|2\nA||removed|1");
        mk_free(u.g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readline),
        cmocka_unit_test(readline_of_others),
        cmocka_unit_test(readline_alike),
        cmocka_unit_test(readline_hostile),
        cmocka_unit_test(zsh),
        cmocka_unit_test(busybox),
        cmocka_unit_test(libedit_list),
        cmocka_unit_test(variables),
        cmocka_unit_test(tables_hostile),
        cmocka_unit_test(environment),
        cmocka_unit_test(environment_lost),
        cmocka_unit_test(environment_of_bash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
