/* module_test.c - what a shared object declares: refused when it is incomplete or its name is taken;
 * its formats and readers are used like any other, and what is wrong with them becomes no crash. */
#include "mkdump.h"
#include "mkimage.h"
#include <stdio.h>
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
                                  other_os = { .os = "mine", .next = next_none };
    static const struct eg_function no_args = { .is = is_none }, no_form = { .args = "" },
                                    two_forms = { .args = "", .is = is_none, .text = text_none },
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
        { EG_R_WALKERS, { "tasks", "m.c", &walker }, "a walker of this name is already there" },
        { EG_R_WALKERS, { "tasks", "m.c", &other_os }, "taken" }, // linux.tasks is another one
        { EG_R_FUNCTIONS, { "mine", "m.c", &no_args }, "a function has .args" },
        { EG_R_FUNCTIONS, { "mine", "m.c", &no_form }, "one of them" },
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

/** No two of this program have the same name either. */
static void built_in_names(void **state)
{
    (void)state;
    for (size_t i = 1; eg_format_nth(i); i++)
        assert_true(strcmp(eg_format_nth(i - 1)->name, eg_format_nth(i)->name) < 0);
    for (size_t i = 1; eg_reader_nth(i); i++)
        assert_true(strcmp(eg_reader_nth(i - 1)->name, eg_reader_nth(i)->name) < 0);
    for (size_t i = 1; eg_function_nth(i); i++)
        assert_true(strcmp(eg_function_nth(i - 1)->name, eg_function_nth(i)->name) < 0);
    for (size_t i = 1; eg_constants_nth(i); i++)
        assert_true(strcmp(eg_constants_nth(i - 1)->name, eg_constants_nth(i)->name) < 0);
}

/* ---- formats that are wrong: the second word of the file says how ---- */

enum { SIZE = 64 << 10, MADE = 4096 };

static void wrong_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                         struct eg_extent *out)
{
    static const uint8_t host[16] = "host";
    struct eg_space *below = as->below;

    (void)v;
    *out = (struct eg_extent){ .start = addr & ~UINT64_C(4095), .last = addr | 4095 };
    if (addr < MADE)
        out->why = EG_ABSENT; // one page that is right
    else
        switch ((uintptr_t)as->priv) {
        case 'a':
            out->last = SIZE; // one past the end
            out->zero = true;
            break;
        case 'b':
            break; // no answer
        case 'c':
            out->host = host;
            out->why = EG_ABSENT;
            break;
        case 'd':
            out->below = below;
            out->below_addr = UINT64_MAX - 100;
            break;
        case 'e':
            out->below = as; // for ever
            out->below_addr = out->start;
            break;
        case 'f':
            out->start = addr + 1;
            out->zero = true;
            break;
        default:
            out->made = true;
        }
}
static bool wrong_fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes,
                       size_t len)
{
    (void)v, (void)start;
    memset(bytes, 7, len + ((uintptr_t)as->priv == 'g'));
    return true;
}
static const struct eg_space_ops wrong_ops = { .name = "wrong",
                                               .extent = wrong_extent,
                                               .fill = wrong_fill },
                                 no_fill = { .name = "wrong", .extent = wrong_extent },
                                 no_extent = { .name = "wrong", .fill = wrong_fill };

static int wrong_probe(const struct eg_head *h)
{
    return h->len == 8 && !memcmp(h->at, "WRONG", 5) ? 1000 : -5; // counts as 100, and as 0
}
static int wrong_open(struct eg_space **out, struct eg_image *image, struct eg_space *as,
                      const struct eg_open_options *o, struct eg_error *e)
{
    uint8_t how[8] = { 0 };
    struct eg_space *made;

    (void)o, (void)e;
    eg_read(image->view, as, 0, how, sizeof how);
    switch (how[5]) {
    case '0':
        return 0; // no space
    case '1':
        return 7; // fails by no rule
    case '2':
        return -EG_EIO; // says nothing
    case '3':
        *out = as; // which the image owns
        return 0;
    }
    if (how[5] == '4' || how[5] == '5') { // cannot be closed either
        static struct eg_space broken;

        broken.ops = how[5] == '4' ? NULL : &no_extent;
        *out = &broken;
        return 0;
    }
    made = calloc(1, sizeof *made);
    assert_non_null(made);
    *made = (struct eg_space){ how[5] == 'h' ? &no_fill : &wrong_ops, as, SIZE - 1, NULL };
    made->priv = (void *)(uintptr_t)how[5];
    *out = made;
    return 0;
}
EG_FORMAT(wrong) = {
    .desc = "wrong",
    .head = 8,
    .probe = wrong_probe,
    .open = wrong_open,
};

static void register_own(void)
{
    mk_free(mk_new(&mk_machines[0], 1 << 20, "struct a { int b; };"));
}

static void wrong_opens(void **state)
{
    static const char *const wants[] = {
        "test: wrong: its format (", // 0
        "test: wrong: cannot be opened, and its format (",
        "test: wrong: cannot be opened, and its format (",
        ".open gives no space of its own",
        ".open gives no space of its own",
        ".open gives no space of its own",
    };

    (void)state;
    register_own();
    for (unsigned i = 0; i < countof(wants); i++) {
        struct eg_error e = { 0 };

        clear();
        append("WRONG", 5);
        put('0' + i, 3);
        assert_true(open_dump(&e) < 0);
        if (!strstr(e.text, wants[i]) || !strstr(e.text, "module_test.c"))
            fail_msg("%u: %s", i, e.text);
    }
}

/** Memory of which a format says what cannot be is unreadable, and searches of it end. */
static void wrong_extents(void **state)
{
    (void)state;
    register_own();
    for (const char *how = "abcdefgh"; *how; how++) {
        struct eg_extent x;

        clear();
        append("WRONG", 5);
        put((uint8_t)*how, 3);
        open_ok();
        assert_string_equal(img->format, "wrong");
        assert_int_equal(peek(0), -EG_ABSENT);
        assert_int_equal(peek(MADE), -EG_UNREADABLE);
        assert_int_equal(peek(SIZE - 1), -EG_UNREADABLE);
        assert_int_equal(peek(SIZE), -EG_ABSENT);
        if (*how < 'e') { // not those that only reading finds out
            assert_false(eg_next_mapped(view, img->phys, 0, UINT64_MAX, &x));
            assert_int_equal(view->why, EG_OK);
        }
    }
}

/** Whoever reads the result is told. */
static void wrong_is_noted(void **state)
{
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct a { int b; };");
    struct eg_run *r = mk_run(k);
    uint8_t byte;

    (void)state;
    for (const char *how = "ag"; *how; how++) {
        clear();
        append("WRONG", 5);
        put((uint8_t)*how, 3);
        open_ok();
        assert_false(eg_read(eg_view_of(r), img->phys, MADE, &byte, 1));
        eg_view_forget(eg_view_of(r), img->phys);
    }
    assert_int_equal(mk_notes(r, "wrong: the format is faulty: what it says of the memory at "
                                 "0x1000 cannot be"),
                     1);
    assert_int_equal(mk_notes(r, "wrong: the format is faulty: asked for 4096 bytes at 0x1000, it "
                                 "wrote more"),
                     1);
    mk_free(k);
}

/** The highest score is 100, whatever a probe says: two that say so are told to the user. */
static int sure(const struct eg_head *h)
{
    return h->len == 8 && !memcmp(h->at, "WRONG6", 6) ? 100 : 0;
}
EG_FORMAT(wrong_too) = { .desc = "wrong too", .head = 8, .probe = sure, .open = open_none };

static void scores(void **state)
{
    struct eg_error e = { 0 };

    (void)state;
    register_own();
    clear();
    append("WRONG6\0", 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_string_equal(e.text, "test: could be wrong or wrong_too: name one with --format");
    assert_int_equal(open_as("wrong", &e), 0);
}

/* ---- a reader that is wrong ---- */

static int wrong_reader_probe(const uint8_t *head, size_t len, const char *path)
{
    (void)path;
    return len > 5 && !memcmp(head, "WRONG", 5) ? 300 : 0;
}
static int wrong_read(struct eg_profile **out, const char *path, unsigned threads,
                      struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *text = NULL;
    size_t len;

    (void)out, (void)threads;
    assert_int_equal(eg_reader_slurp(&text, &len, path, 100, e), 0);
    e->text[0] = 0;
    return text[5] == '0' ? 0 : text[5] == '1' ? 5 : -EG_EIO;
}
EG_READER(wrong) = { .desc = "wrong", .probe = wrong_reader_probe, .read = wrong_read };

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void wrong_readers(void **state)
{
    char path[] = "/tmp/engram-module-XXXXXX";
    struct eg_profile *p = NULL;
    struct eg_error e;

    (void)state;
    register_own();
    close(mkstemp(path));
    write_file(path, "WRONG0");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, ": wrong: its reader ("));
    assert_non_null(strstr(e.text, "is faulty: .read gives no profile"));
    write_file(path, "WRONG1");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    write_file(path, "WRONG2");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EIO);
    assert_null(p);
    write_file(path, "none of all");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "BTF, Engram profile, ELF file with DWARF or BTF"));
    assert_non_null(strstr(e.text, ", System.map, "));
    assert_non_null(strstr(e.text, ", wrong"));
    unlink(path);
}

/* ---- the example of docs/module-guide.md ---- */

static void load_toy(void)
{
    static bool loaded;
    char dir[] = "/tmp/engram-test-XXXXXX", path[64];
    struct eg_error e;
    size_t n;

    if (loaded)
        return;
    assert_non_null(getenv("TOY"));
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/toy.so", dir);
    assert_int_equal(symlink(getenv("TOY"), path), 0);
    if (eg_registry_load(dir, &n, &e))
        fail_msg("%s", e.text);
    assert_int_equal(n, 1);
    unlink(path);
    rmdir(dir);
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
    assert_non_null(strstr(e.text, "qemu, raw, toy, "));
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
    write_file(path, "toysyms\nffff0000 first\nffff0010 second");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), 0);
    assert_int_equal(p->n_symbols, 2);
    found = eg_profile_symbol(p, "second", &iter);
    assert_true(found && found->addr == 0xffff0010);
    eg_profile_free(p);
    write_file(path, "toysyms\nffff0000 first\nno address\n");
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
        cmocka_unit_test(built_in_names),
        cmocka_unit_test(wrong_opens),
        cmocka_unit_test(wrong_extents),
        cmocka_unit_test(wrong_is_noted),
        cmocka_unit_test(scores),
        cmocka_unit_test(wrong_readers),
        cmocka_unit_test(toy),
        cmocka_unit_test(toy_is_one_of_all),
        cmocka_unit_test(toy_symbols),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
