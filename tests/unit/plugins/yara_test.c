/* yara_test.c - rules: where they are read from, what they find, how conditions are judged. */
#include "check.h"
#include "mklinux.h"
#include "search.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yara.h>

/** Memory of its own: what is searched by physical address. */
struct world {
    struct eg_image *img;
    struct eg_system *sys;
    uint8_t *ram;
    char dir[64], out[4096];
    struct eg_run_result result;
};
enum { RAM = 5 << 20, EDGE = 2 << 20 }; // core looks at 2 MiB at a time

/** @size bytes at @base; what is below is not in the image. */
static void setup_world_at(struct world *w, size_t size, int64_t base)
{
    const struct eg_open_options o = { .format = "raw", .quiet = true, .offset = base };
    struct eg_space *file;

    w->ram = calloc(1, size);
    memset(w->ram, '.', size);
    assert_int_equal(eg_registry_init(NULL), 0);
    assert_int_equal(eg_memory_open(&file, w->ram, size, NULL), 0);
    assert_int_equal(eg_image_open_space(&w->img, file, "ram", &o, NULL), 0);
    assert_int_equal(
        eg_system_open(&w->sys, w->img, &(struct eg_find_options){ .quiet = true }, NULL), 0);
    snprintf(w->dir, sizeof w->dir, "/tmp/yara-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
}

static void setup_world(struct world *w)
{
    setup_world_at(w, RAM, 0);
}

static void teardown_world(struct world *w)
{
    char command[128];

    eg_arena_fini(&w->result.arena);
    eg_system_close(w->sys);
    eg_image_close(w->img);
    free(w->ram);
    snprintf(command, sizeof command, "rm -r %s", w->dir);
    assert_int_equal(system(command), 0);
}

static void put(struct world *w, size_t at, const char *text)
{
    memcpy(w->ram + at, text, strlen(text));
}

static const char *file(struct world *w, const char *name, const char *text)
{
    static char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void take(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct world *w = context;
    const struct eg_column *c = eg_plugin_find("yara")->plugin->columns;
    const size_t at = v[0].tag == EG_V_NONE; // ADDRESS, or in physical memory PHYSICAL
    struct eg_arena a = { 0 };
    size_t len = strlen(w->out);

    (void)depth;
    for (size_t i = 0; i < n; i++)
        if (i == at || (i > 4 && i != 6 && i < n - 1)) // not process, owners; the namespace
            len += (size_t)snprintf(w->out + len, sizeof w->out - len, "%s%s", i > at ? " " : "",
                                    eg_value_text(&a, &c[i], &v[i]));
    snprintf(w->out + len, sizeof w->out - len, "\n");
    eg_arena_fini(&a);
}

/** "ADDRESS RULE TAGS COMPONENT LENGTH" a line; or the error. */
static const char *found_with(struct world *w, const char *rules, const char *arg,
                              const char *value)
{
    const struct eg_given_arg args[] = { { "rules", rules }, { arg, value } };
    const struct eg_run_options o = { .args = args, .n_args = value ? 2 : 1, .quiet = true };

    *w->out = 0;
    eg_arena_fini(&w->result.arena);
    eg_plugin_run(w->sys, eg_plugin_find("yara"), &o, (struct eg_sink){ take, w }, &w->result);
    return w->result.status ? w->result.error : w->out;
}

static const char *found(struct world *w, const char *rules, const char *define)
{
    return found_with(w, rules, "define", define);
}

static void strings(void **state)
{
    struct world w = { 0 };

    (void)state;
    setup_world(&w);
    put(&w, 100, "needle");
    put(&w, EDGE - 3, "needle"); // two pieces have a part each
    put(&w, EDGE + 50, "NEEDLE");
    put(&w, RAM - 6, "needle");
    assert_string_equal(
        found(&w, file(&w, "a.yar", "rule r : t u { strings: $n = \"needle\" condition: $n }"),
              NULL),
        "0x64 r t,u $n 6\n0x1ffffd r t,u $n 6\n0x4ffffa r t,u $n 6\n");
    // Four, and not three: what is at the edge counts once.
    assert_string_equal(found(&w,
                              file(&w, "a.yar",
                                   "rule r { strings: $n = \"needle\" nocase condition: #n == 4 "
                                   "and @n[2] == 0x1ffffd and $n at 100 and $n in "
                                   "(0x4ffffa..filesize) }"),
                              NULL),
                        "0x64 r  $n 6\n0x1ffffd r  $n 6\n0x200032 r  $n 6\n0x4ffffa r  $n 6\n");
    // A whole word, judged by what is before and behind it in another piece.
    put(&w, EDGE - 1, "x");
    put(&w, EDGE, "word y");
    assert_string_equal(
        found(&w, file(&w, "a.yar", "rule r { strings: $n = \"word\" fullword condition: $n }"),
              NULL),
        "");
    put(&w, EDGE - 1, " ");
    assert_string_equal(
        found(&w, file(&w, "a.yar", "rule r { strings: $n = \"word\" fullword condition: $n }"),
              NULL),
        "0x200000 r  $n 4\n");
    teardown_world(&w);
}

/** Conditions are about all of memory, not about the pieces that threads look at. */
static void conditions(void **state)
{
    struct world w = { 0 };

    (void)state;
    setup_world(&w);
    put(&w, 10, "first");
    put(&w, RAM - 100, "second");
    assert_string_equal(found(&w,
                              file(&w, "a.yar",
                                   "rule both { strings: $a = \"first\" $b = \"second\" "
                                   "condition: all of them }\n"
                                   "rule one { strings: $a = \"first\" $b = \"second\" "
                                   "condition: $a and not $b }\n"
                                   "rule reads { strings: $a = \"first\" "
                                   "condition: uint8(@a + 4) == 0x74 }\n"
                                   "rule bare { condition: filesize == 5MB }\n"
                                   "rule wrong { condition: filesize < 5MB }\n"
                                   "private rule secret { strings: $a = \"first\" condition: $a }\n"
                                   "rule uses { strings: $b = \"second\" private "
                                   "condition: secret and $b }\n"),
                              NULL),
                        "0x0 bare   0\n0x0 uses   0\n"
                        "0xa both  $a 5\n0xa reads  $a 5\n0x4fff9c both  $b 6\n");
    teardown_world(&w);
}

static bool noted(const struct world *w, const char *text)
{
    for (size_t i = 0; i < w->result.n_notes; i++)
        if (strstr(w->result.notes[i], text))
            return true;
    return false;
}

/** Conditions that look at memory where no string is: a small one is seen whole; of a large one the
 * beginning, and a note says so where modules look. */
static void conditions_that_read(void **state)
{
    static const struct {
        const char *rule;
        bool far, module; // it looks behind the beginning; by a module
    } cases[] = {
        { "rule r { condition: uint8(1000) == 0x2e }", false, false },
        { "rule r { condition: uint32be(0x300000) == 0x2e2e2e2e }", true, false },
        { "import \"math\" rule r { condition: math.mean(0x300000, 64) == 46.0 }", true, true },
        { "import \"math\" rule r { condition: math.entropy(0x2ffff0, 4096) < 0.1 }", true, true },
        { "import \"elf\" rule r { condition: elf.type == elf.ET_REL }", false, true },
    };
    static const uint8_t elf[64] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 1, [18] = 62 };

    (void)state;
    for (int large = 0; large < 2; large++) {
        struct world w = { 0 };

        setup_world_at(&w, large ? 20 << 20 : RAM, 0);
        memcpy(w.ram, elf, sizeof elf);
        for (size_t i = 0; i < countof(cases); i++) {
            const char *rows = found(&w, file(&w, "a.yar", cases[i].rule), NULL);

            if (strcmp(rows, large && cases[i].far ? "" : "0x0 r   0\n") != 0)
                fail_msg("%s, %d: %s", cases[i].rule, large, rows);
            assert_int_equal(noted(&w, "see only the beginning"), large && cases[i].module);
        }
        teardown_world(&w);
    }
}

/** What is at address 0 is not in the image: conditions are judged nevertheless. */
static void nothing_at_zero(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct world w = { 0 };

        setup_world_at(&w, large ? 20 << 20 : RAM, 4 << 20);
        assert_string_equal(found(&w, file(&w, "a.yar", "rule r { condition: true }"), NULL),
                            "0x0 r   0\n");
        assert_string_equal(
            found(&w, file(&w, "a.yar", "rule r { condition: not defined uint8(0) }"), NULL),
            "0x0 r   0\n");
        assert_string_equal(found(&w,
                                  file(&w, "a.yar",
                                       "import \"math\" rule r { condition: "
                                       "not defined math.mean(0, 16) }"),
                                  NULL),
                            "0x0 r   0\n");
        teardown_world(&w);
    }
}

static struct eg_space *processes[2];

static int regions(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out)
{
    (void)of_kernel, (void)around;
    for (size_t i = 0; i < countof(processes); i++) {
        struct eg_region *to = eg_vec_push(&out->list);

        if (!to)
            return eg_failed(r, "no memory");
        *to = (struct eg_region){ .space = processes[i], .last = processes[i]->last, .pid = 1 };
    }
    return 0;
}

/** A condition is judged for each process, with the matches in that process only. */
static void two_processes(void **state)
{
    static const struct eg_memory_ops memory = { .regions = regions };
    static const struct eg_os os = { .name = "testos", .memory = &memory };
    static const char *const texts[] = { "...first...", "...second..." };
    struct world w = { 0 };

    (void)state;
    setup_world(&w);
    for (size_t i = 0; i < countof(processes); i++)
        assert_int_equal(eg_memory_open(&processes[i], texts[i], strlen(texts[i]), NULL), 0);
    w.sys->os = &os;
    assert_string_equal(found_with(&w,
                                   file(&w, "a.yar",
                                        "rule both { strings: $a = \"first\" $b = \"second\" "
                                        "condition: all of them }\n"
                                        "rule one { strings: $a = \"first\" $b = \"second\" "
                                        "condition: $a and not $b }\n"
                                        "rule each { strings: $a = \"first\" $b = \"second\" "
                                        "condition: any of them }\n"),
                                   "in", "processes"),
                        "0x3 one  $a 5\n0x3 each  $a 5\n0x3 each  $b 6\n");
    w.sys->os = NULL;
    for (size_t i = 0; i < countof(processes); i++)
        eg_space_close(processes[i]);
    teardown_world(&w);
}

static void sources(void **state)
{
    const char rule[] = "rule %s { strings: $n = \"needle\" condition: $n and number == 7 }";
    struct world w = { 0 };
    YR_COMPILER *c;
    YR_RULES *rules;
    char text[256], path[128];

    (void)state;
    setup_world(&w);
    put(&w, 100, "needle");
    // A folder: by name, one namespace a file, so a name may come again.
    snprintf(text, sizeof text, rule, "r");
    snprintf(path, sizeof path, "%s/deep", w.dir);
    assert_int_equal(mkdir(path, 0777), 0);
    file(&w, "b.yar", text);
    file(&w, "deep/c.YARA", text);
    file(&w, "ignored.txt", "no rule");
    assert_string_equal(found(&w, w.dir, "number=7"), "0x64 r  $n 6\n0x64 r  $n 6\n");
    assert_string_equal(found(&w, w.dir, "number=8"), "");
    assert_non_null(strstr(found(&w, w.dir, NULL), "/b.yar:1: undefined identifier \"number\""));
    assert_non_null(strstr(found(&w, w.dir, NULL), "--define number=VALUE"));
    assert_non_null(strstr(found(&w, w.dir, "number"), "it is NAME=VALUE"));
    // A file that needs no variable runs without the others.
    file(&w, "a.yar", "rule free { strings: $n = \"needle\" condition: $n }");
    assert_string_equal(found(&w, w.dir, NULL), "0x64 free  $n 6\n");
#if defined(__x86_64__) // where this division is a trap, and libyara divides while it compiles
    file(&w, "trap.yar", "rule t { condition: (-9223372036854775807 - 1) \\ -1 == 1 }");
    assert_string_equal(found(&w, w.dir, NULL), "0x64 free  $n 6\n");
    snprintf(path, sizeof path, "%s/trap.yar", w.dir);
    assert_non_null(strstr(found(&w, path, NULL), "/trap.yar: it ends libyara: Floating point"));
    assert_int_equal(unlink(path), 0);
#endif
    snprintf(path, sizeof path, "%s/a.yar", w.dir);
    assert_int_equal(unlink(path), 0);
    // Compiled, and beside it one that is not.
    assert_int_equal(yr_initialize(), 0);
    assert_int_equal(yr_compiler_create(&c), 0);
    assert_int_equal(yr_compiler_define_integer_variable(c, "number", 0), 0);
    assert_int_equal(yr_compiler_add_string(c, text, NULL), 0);
    assert_int_equal(yr_compiler_get_rules(c, &rules), 0);
    snprintf(path, sizeof path, "%s/d.yarc", w.dir);
    assert_int_equal(yr_rules_save(rules, path), 0);
    yr_rules_destroy(rules);
    yr_compiler_destroy(c);
    yr_finalize();
    assert_string_equal(found(&w, path, "number=0x7"), "0x64 r  $n 6\n");
    assert_string_equal(found(&w, path, NULL), "");
    assert_non_null(strstr(found(&w, path, "other=7"), "know no such variable"));
    // Mistakes are told with their place.
    assert_non_null(
        strstr(found(&w, file(&w, "e.yar", "rule a\n{ condition: }\n\nrule b { }"), NULL),
               "/e.yar:2: syntax error"));
    assert_non_null(strstr(found(&w, file(&w, "e.yar", "YARA and then nothing"), NULL),
                           "compiled by another version of YARA"));
    assert_non_null(strstr(found(&w, "/nowhere/at/all", NULL), "/nowhere/at/all: No such file"));
    assert_non_null(strstr(found(&w, file(&w, "e.yar", "// nothing"), NULL), "no rule"));
    teardown_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(conditions),
        cmocka_unit_test(conditions_that_read),
        cmocka_unit_test(nothing_at_zero),
        cmocka_unit_test(two_processes),
        cmocka_unit_test(sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
