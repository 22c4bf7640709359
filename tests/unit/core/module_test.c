/* module_test.c - what a shared object declares: refused when it is incomplete or its name is
 * taken; its formats and readers are used like any other. */
#include "mkdump.h"
#include "mkfile.h"
#include "mkimage.h"
#include <unistd.h>

/* ---- what is refused ---- */

static int probe_none(const struct eg_head *h)
{
    (void)h;
    return 0;
}
static int open_none(struct eg_space **out, struct eg_image *image, struct eg_space *as,
                     const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)image, (void)as, (void)o;
    return eg_fail(e, EG_EFORMAT, "not opened");
}
static int read_none(struct eg_profile **out, const char *path, unsigned threads,
                     struct eg_error *e)
{
    (void)out, (void)path, (void)threads;
    return eg_fail(e, EG_EFORMAT, "not read");
}
static int probe_nothing(const uint8_t *head, size_t len, const char *path)
{
    (void)head, (void)len, (void)path;
    return 0;
}
static int run_none(struct eg_run *r)
{
    (void)r;
    return 0;
}
static bool values_none(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out)
{
    (void)r, (void)arg, (void)state, (void)out;
    return false;
}
static bool at_none(struct eg_run *r, struct eg_obj arg, uint64_t number, struct eg_obj *out)
{
    (void)r, (void)arg, (void)number, (void)out;
    return false;
}
static bool next_none(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)r, (void)arg, (void)state, (void)out;
    return false;
}
static bool is_none(struct eg_run *r, struct eg_obj o)
{
    (void)r, (void)o;
    return false;
}
static const char *text_none(struct eg_run *r, struct eg_obj o)
{
    (void)r, (void)o;
    return NULL;
}

/** Add one record as a module that has nothing else; then the text of the failure. */
static const char *refusal(enum eg_record_kind kind, const void *record)
{
    static struct eg_error e;
    const void *const list[] = { record };
    struct eg_module m = { .abi = EG_ABI };
    const void *from = list, *end = list + 1;

    switch (kind) {
    case EG_R_PLUGINS:
        m.plugins = from, m.plugins_end = end;
        break;
    case EG_R_WALKERS:
        m.walkers = from, m.walkers_end = end;
        break;
    case EG_R_FUNCTIONS:
        m.functions = from, m.functions_end = end;
        break;
    case EG_R_CONSTANTS:
        m.constants = from, m.constants_end = end;
        break;
    case EG_R_FORMATS:
        m.formats = from, m.formats_end = end;
        break;
    default:
        m.readers = from, m.readers_end = end;
    }
    e.text[0] = 0;
    return eg_registry_add(&m, &e) < 0 ? e.text : "taken";
}

static void formats(void **state)
{
    static const struct {
        const char *name, *want;
        struct eg_format f;
    } cases[] = {
        { "mine",
          "mine (mine.c): a format has .desc, .probe and .open",
          { .probe = probe_none, .open = open_none } },
        { "mine", "a format has .desc", { .desc = "", .probe = probe_none, .open = open_none } },
        { "mine", "a format has .desc", { .desc = "mine", .open = open_none } },
        { "mine", "a format has .desc", { .desc = "mine", .probe = probe_none } },
        { "mine",
          ".head is at most 65536 bytes",
          { .desc = "mine", .probe = probe_none, .open = open_none, .head = 65537 } },
        { "mine",
          ".suffix begins with a dot",
          { .desc = "mine", .probe = probe_none, .open = open_none, .suffix = "lime" } },
        { "mine",
          "mine: its suffix .LIME is that of the format lime, from formats/lime.c",
          { .desc = "mine", .probe = probe_none, .open = open_none, .suffix = ".LIME" } },
        { "lime",
          "lime: a format of this name is already there, from formats/lime.c",
          { .desc = "mine", .probe = probe_none, .open = open_none } },
        { "mine_64k",
          "taken",
          { .desc = "mine", .probe = probe_none, .open = open_none, .head = 65536 } },
        { "mine_64k",
          "already there, from mine.c",
          { .desc = "mine", .probe = probe_none, .open = open_none } },
    };
    static struct eg_format_reg regs[countof(cases)];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const char *got;

        regs[i] = (struct eg_format_reg){ cases[i].name, "mine.c", &cases[i].f };
        got = refusal(EG_R_FORMATS, &regs[i]);
        if (!strstr(got, cases[i].want))
            fail_msg("%zu: %s", i, got);
    }
    assert_non_null(eg_record_find(eg_format_records(), "mine_64k"));
    assert_null(eg_record_find(eg_format_records(), "mine"));
}

static void others(void **state)
{
    static const struct eg_column no_columns[] = { { NULL, EG_COL_INT, NULL } };
    static const struct eg_arg bad_args[] = { { "x", 9, "h" }, { NULL, EG_ARG_FLAG, NULL } };
    static const struct eg_constant none[] = { { NULL, 0 } };
    static const struct eg_reader no_read = { .desc = "r", .probe = probe_nothing },
                                  no_probe = { .desc = "r", .read = read_none },
                                  no_desc = { .probe = probe_nothing, .read = read_none },
                                  reader = { "r", probe_nothing, read_none };
    static const struct eg_plugin no_help = { .columns = no_columns, .run = run_none },
                                  bare = { .help = "h", .run = run_none },
                                  no_run = { .help = "h", .columns = no_columns },
                                  bad_arg = { .help = "h",
                                              .columns = no_columns,
                                              .run = run_none,
                                              .args = bad_args },
                                  plugin = { .help = "h", .columns = no_columns, .run = run_none };
    static const struct eg_walker no_next = { .os = "linux" },
                                  walker = { .os = "linux", .next = next_none },
                                  other_os = { .os = "mine", .next = next_none },
                                  five_values = { .next_values = values_none,
                                                  .values = "a: text, b: text, c: text, d: text, "
                                                            "e: text" },
                                  no_values = { .next_values = values_none },
                                  no_number = { .arg = "a", .next = next_none, .at = at_none };
    static const struct eg_function no_args = { .is = is_none }, no_form = { .args = "a" },
                                    five = { .args = "a, b, c [, d, e]", .is = is_none },
                                    none_for_is = { .args = "[a]", .is = is_none },
                                    two_forms = { .args = "a", .is = is_none, .text = text_none },
                                    function = { .os = "linux", .args = "a", .is = is_none };
    static const struct eg_constants no_list = { .os = "linux" },
                                     constants = { .os = "linux", .list = none };
    static const struct {
        enum eg_record_kind kind;
        struct {
            const char *name, *file;
            const void *what;
        } record;
        const char *want;
    } cases[] = {
        { EG_R_READERS, { "mine", "m.c", &no_read }, "a reader has .desc, .probe and .read" },
        { EG_R_READERS, { "mine", "m.c", &no_probe }, "a reader has" },
        { EG_R_READERS, { "mine", "m.c", &no_desc }, "a reader has" },
        { EG_R_READERS, { "elf", "m.c", &reader }, "a reader of this name is already there" },
        { EG_R_READERS, { "mine", "m.c", &reader }, "taken" },
        { EG_R_PLUGINS, { "mine", "m.c", &no_help }, "a plugin has .help and .columns" },
        { EG_R_PLUGINS, { "mine", "m.c", &bare }, "a plugin has .help and .columns" },
        { EG_R_PLUGINS, { "mine", "m.c", &no_run }, "a plugin has .run or .scan" },
        { EG_R_PLUGINS, { "mine", "m.c", &bad_arg }, "an option has a kind" },
        { EG_R_PLUGINS, { "pslist", "m.c", &plugin }, "a plugin of this name is already there" },
        { EG_R_WALKERS, { "mine", "m.c", &no_next }, "a walker has .next" },
        { EG_R_WALKERS, { "mine", "m.c", &five_values }, "in .values, four at most" },
        { EG_R_WALKERS, { "mine", "m.c", &no_values }, "in .values, four at most" },
        { EG_R_WALKERS, { "mine", "m.c", &no_number }, "has .arg, .number and .at_help" },
        { EG_R_WALKERS, { "tasks", "m.c", &walker }, "a walker of this name is already there" },
        { EG_R_WALKERS, { "tasks", "m.c", &other_os }, "taken" }, // linux.tasks is another one
        { EG_R_FUNCTIONS, { "mine", "m.c", &no_args }, "a function has .args" },
        { EG_R_FUNCTIONS, { "mine", "m.c", &no_form }, "one of them" },
        { EG_R_FUNCTIONS, { "mine", "m.c", &five }, "four arguments at most" },
        { EG_R_FUNCTIONS, { "mine", "m.c", &none_for_is }, "only a function with .call" },
        { EG_R_FUNCTIONS, { "mine", "m.c", &two_forms }, "one of them" },
        { EG_R_FUNCTIONS, { "exe", "m.c", &function }, "a function of this name is already" },
        { EG_R_CONSTANTS, { "mine", "m.c", &no_list }, "constants have a .list" },
        { EG_R_CONSTANTS, { "task_flags", "m.c", &constants }, "a list of constants of this name" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const char *got = refusal(cases[i].kind, &cases[i].record);

        if (!strstr(got, cases[i].want))
            fail_msg("%zu: %s", i, got);
    }
}

/** Two of one name in the same module. A module that is refused adds nothing. */
static void twice(void **state)
{
    static const struct eg_format f = { .desc = "f", .probe = probe_none, .open = open_none };
    static const struct eg_format_reg one = { "one", "1.c", &f }, two = { "two", "2.c", &f },
                                      again = { "two", "3.c", &f };
    static const struct eg_format_reg *const list[] = { &one, &two, &again };
    const struct eg_module m = { .abi = EG_ABI, .formats = list, .formats_end = list + 3 };
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_registry_add(&m, &e), -EG_EUSAGE);
    assert_string_equal(e.text, "two: a format of this name is already there, from 2.c");
    assert_null(eg_record_find(eg_format_records(), "one"));
}

/** What this program declares is complete, and no two have the same name. */
static void built_in(void **state)
{
    struct eg_error e;

    (void)state;
    for (size_t i = 0; eg_plugin_nth(i); i++)
        assert_int_equal(eg_record_check(EG_R_PLUGINS, eg_plugin_nth(i), &e), 0);
    for (size_t i = 0; eg_walker_nth(i); i++)
        assert_int_equal(eg_record_check(EG_R_WALKERS, eg_walker_nth(i), &e), 0);
    for (size_t i = 0; eg_function_nth(i); i++)
        assert_int_equal(eg_record_check(EG_R_FUNCTIONS, eg_function_nth(i), &e), 0);
    for (size_t i = 0; eg_constants_nth(i); i++)
        assert_int_equal(eg_record_check(EG_R_CONSTANTS, eg_constants_nth(i), &e), 0);
    for (size_t i = 0; eg_format_nth(i); i++)
        assert_int_equal(eg_record_check(EG_R_FORMATS, eg_format_nth(i), &e), 0);
    for (size_t i = 0; eg_reader_nth(i); i++)
        assert_int_equal(eg_record_check(EG_R_READERS, eg_reader_nth(i), &e), 0);
    for (size_t i = 1; eg_format_nth(i); i++)
        assert_true(strcmp(eg_format_nth(i - 1)->name, eg_format_nth(i)->name) < 0);
    for (size_t i = 1; eg_reader_nth(i); i++)
        assert_true(strcmp(eg_reader_nth(i - 1)->name, eg_reader_nth(i)->name) < 0);
    for (size_t i = 1; eg_function_nth(i); i++)
        assert_true(strcmp(eg_function_nth(i - 1)->name, eg_function_nth(i)->name) < 0);
    for (size_t i = 1; eg_constants_nth(i); i++)
        assert_true(strcmp(eg_constants_nth(i - 1)->name, eg_constants_nth(i)->name) < 0);
}

/** Load the shared object that this variable of the environment names. */
static int load(const char *variable, struct eg_error *e)
{
    char dir[] = "/tmp/engram-test-XXXXXX", path[64];
    size_t n;
    int rc;

    assert_non_null(getenv(variable));
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/module.so", dir);
    assert_int_equal(symlink(getenv(variable), path), 0);
    rc = eg_registry_load(dir, &n, e);
    assert_true(rc < 0 || n == 1);
    unlink(path);
    rmdir(dir);
    return rc;
}

static void shared_objects(void **state)
{
    const struct eg_module foreign = { .abi = "another" };
    struct eg_error e;
    size_t n;

    (void)state;
    assert_int_equal(eg_registry_add(&foreign, &e), -EG_EUNSUP);
    assert_int_equal(eg_registry_load("/nonexistent", &n, &e), -EG_EIO);
    assert_null(eg_plugin_find("outside"));
    assert_int_equal(load("OUTSIDE", &e), 0);
    assert_non_null(eg_plugin_find("outside"));
    assert_int_equal(load("OUTSIDE", &e), -EG_EUSAGE); // twice
    assert_non_null(strstr(e.text, "already there"));
}

/* ---- the example of docs/module-guide.md ---- */

static void load_toy(void)
{
    static bool loaded;
    struct eg_error e;

    if (!loaded && load("TOY", &e))
        fail_msg("%s", e.text);
    loaded = true;
}

static void range(uint64_t first, uint64_t len, uint64_t at)
{
    put(first, 8);
    put(len, 8);
    put(at, 8);
}

static void make_toy(void)
{
    clear();
    append("TOYDUMP1", 8);
    put(3, 8);
    range(0x1000, 0x1000, 0x1000);
    range(0x10000, 0x2000, 0x2000);
    range(0x11000, 0x2000, 0x3000);
    file.len = 0x1000;
    fill('a', 0x1000);
    fill('b', 0x1000);
    fill('c', 0x2000);
}

static void toy(void **state)
{
    struct eg_error e;

    (void)state;
    load_toy();
    make_toy();
    open_ok();
    assert_string_equal(img->format, "toy dump");
    assert_int_equal(peek(0), -EG_ABSENT);
    assert_int_equal(peek(0x1000), 'a');
    assert_int_equal(peek(0x2000), -EG_ABSENT);
    assert_int_equal(peek(0x10fff), 'b');
    assert_int_equal(peek(0x11000), 'c');
    assert_int_equal(peek(0x12fff), 'c');
    assert_true(noted("toy: 1 ranges overlap"));
    assert_int_equal(open_cut(0x3800, &e), 0);
    assert_int_equal(peek(0x117ff), 'c');
    assert_int_equal(peek(0x11800), -EG_UNREADABLE);
    assert_true(noted("toy: the last 6144 bytes of range 2 are not in the file"));
    assert_int_equal(open_cut(12, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "toy: the header is cut off"));
    assert_int_equal(open_cut(16 + 24 * 2 + 5, &e), 0);
    assert_true(noted("toy: the file ends after 2 of 3 ranges"));
    put_at(8, 1 << 20, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "1048576 ranges are more than 1024"));
    put_at(8, 1, 8);
    put_at(24, UINT64_MAX, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "toy: it holds no memory"));
}

/** Inside of a container, by its name, and against a name that is not there. */
static void toy_is_one_of_all(void **state)
{
    struct eg_error e;

    (void)state;
    load_toy();
    make_toy();
    make_sparse(0x5000);
    open_ok();
    assert_string_equal(img->format, "toy dump on flattened");
    assert_int_equal(peek(0x1000), 'a');
    make_toy();
    assert_int_equal(open_as("toy", &e), 0);
    assert_int_equal(open_as("toys", &e), -EG_EUSAGE);
    assert_non_null(strstr(e.text, "qemu, raw, sadump, toy, "));
}

static void toy_symbols(void **state)
{
    char path[] = "/tmp/engram-module-XXXXXX";
    const struct eg_symbol *found;
    struct eg_profile *p = NULL;
    struct eg_error e;
    uint32_t iter = 0;

    (void)state;
    load_toy();
    close(mkstemp(path));
    write_text(path, "toysyms\nffff0000 first\nffff0010 second");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), 0);
    assert_int_equal(p->n_symbols, 2);
    found = eg_profile_symbol(p, "second", &iter);
    assert_true(found && found->addr == 0xffff0010);
    eg_profile_free(p);
    write_text(path, "toysyms\nffff0000 first\nno address\n");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "no \"address name\" at byte 23"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(others),
        cmocka_unit_test(twice),
        cmocka_unit_test(built_in),
        cmocka_unit_test(shared_objects),
        cmocka_unit_test(toy),
        cmocka_unit_test(toy_is_one_of_all),
        cmocka_unit_test(toy_symbols),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
