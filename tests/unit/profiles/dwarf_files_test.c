/* dwarf_files_test.c - files that a file names for its types: of dwz, .dwo, .dwp. Where they are
 * found, and what is said when they are missing, of another build or damaged. What is in them:
 * dwarf_test.c. */
#include "../../../core/reader.h"
#include "check.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/dwarf_files_test.XXXXXX";

// A path in the test's folder. The folders above it are made.
static const char *in(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *at = path + strlen(dir) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = 0;
        mkdir(path, 0700);
    }
    return path;
}

static const char *made(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", getenv("SHAPES_DIR"), name);
    return path;
}

static uint8_t *slurp(const char *path, size_t *len)
{
    struct eg_error e;
    uint8_t *p;

    if (eg_reader_slurp(&p, len, path, 1 << 24, &e) < 0)
        fail_msg("%s", e.text);
    return p;
}

static void write_(const char *path, const uint8_t *p, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_true(f && fwrite(p, 1, len, f) == len);
    fclose(f);
}

static void copy(const char *from, const char *to)
{
    size_t len;
    uint8_t *p = slurp(from, &len);

    write_(in(to), p, len);
    free(p);
}

static int remove_all(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s/*  %s/.[a-z]*", dir, dir);
    return system(command);
}

// Does the file have its types, whose number is @n?
static int read_(const char *name, struct eg_error *e)
{
    struct eg_profile *p = NULL;
    uint32_t iter = 0;
    int rc;

    *e = (struct eg_error){ 0 };
    rc = eg_profile_read(&p, in(name), 2, e);
    if (rc == 0)
        assert_int_not_equal(eg_profile_type(p, "only_b", 1u << EG_T_STRUCT, &iter), 0);
    eg_profile_free(p);
    return rc;
}

static void found(const char *name)
{
    struct eg_error e;

    if (read_(name, &e) < 0)
        fail_msg("%s", e.text);
}

static void missing(const char *name, const char *const *said, size_t n)
{
    struct eg_error e;

    assert_int_equal(read_(name, &e), -EG_ENOTFOUND);
    for (size_t i = 0; i < n; i++)
        if (!strstr(e.text, said[i]))
            fail_msg("%s: does not say %s", e.text, said[i]);
}
#define MISSING(name, ...)                                                                         \
    missing(name, (const char *const[]){ __VA_ARGS__ }, countof(((const char *[]){ __VA_ARGS__ })))

/* ---- .dwo ---- */

static const char *const split[] = { "split-4", "split-5" };
static const char *const dwo[] = { "shapes_a.dwo", "shapes_b.dwo", "shapes_c.dwo" };

static void copy_split(const char *from, const char *to, const char *const *names, size_t n)
{
    char at[256], as[256];

    for (size_t i = 0; i < n; i++) {
        snprintf(at, sizeof at, "%s/%s", from, names[i]);
        snprintf(as, sizeof as, "%s%s", to, names[i]);
        copy(made(at), as);
    }
}

static void beside_and_above(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(split); i++) {
        copy_split(split[i], "a/b/", (const char *[]){ "shapes.so" }, 1);
        copy_split(split[i], "a/b/", dwo, 3);
        found("a/b/shapes.so");
        unlink(in("a/b/shapes_b.dwo"));
        MISSING("a/b/shapes.so", "1 of its 3 units", "shapes_b.dwo");
        copy_split(split[i], "a/", &dwo[1], 1); // as for a module in a build folder
        found("a/b/shapes.so");
        remove_all(NULL);
    }
}

static void none(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(split); i++) {
        copy_split(split[i], "", (const char *[]){ "shapes.so" }, 1);
        MISSING("shapes.so", "3 of its 3 units", "shapes_a.dwo", ".dwp");
        remove_all(NULL);
    }
}

/** Every file has an id: one that is not the unit's is as good as none. */
static void another_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(split); i++) {
        copy_split(split[i], "", (const char *[]){ "shapes.so" }, 1);
        copy_split(split[i], "", dwo, 3);
        copy(made(i ? "split-5/shapes_c.dwo" : "split-4/shapes_c.dwo"), "shapes_b.dwo");
        MISSING("shapes.so", "1 of its 3 units", "shapes_b.dwo");
        remove_all(NULL);
    }
}

/** A .dwo or .dwp itself. */
static void the_wrong_one(void **state)
{
    static const char *const files[] = { "split-4/shapes_a.dwo", "split-5/shapes_a.dwo",
                                         "dwp-4/shapes.so.dwp", "dwp-5/shapes.so.dwp" };

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct eg_error e;

        if (access(made(files[i]), R_OK) != 0)
            continue;
        copy(made(files[i]), "alone");
        assert_int_equal(read_("alone", &e), -EG_EUSAGE);
        assert_non_null(strstr(e.text, "belong to another file"));
    }
}

static void not_a_file(void **state)
{
    (void)state;
    copy_split(split[1], "", (const char *[]){ "shapes.so" }, 1);
    copy_split(split[1], "", dwo, 2);
    assert_int_equal(mkfifo(in("shapes_c.dwo"), 0600), 0); // opening it would wait
    MISSING("shapes.so", "1 of its 3 units", "shapes_c.dwo");
    unlink(in("shapes_c.dwo"));
    write_(in("shapes_c.dwo"), (const uint8_t *)"text", 4);
    MISSING("shapes.so", "1 of its 3 units", "shapes_c.dwo");
}

/* ---- .dwp ---- */

static size_t section(const uint8_t *p, const char *name)
{
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)p;
    const Elf64_Shdr *s = (const Elf64_Shdr *)(p + h->e_shoff);
    const char *names = (const char *)p + s[h->e_shstrndx].sh_offset;

    for (int i = 0; i < h->e_shnum; i++)
        if (!strcmp(names + s[i].sh_name, name))
            return s[i].sh_offset;
    fail_msg("no %s", name);
    return 0;
}

static void package(void **state)
{
    static const char *const kinds[] = { "dwp-4", "dwp-5" };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++) {
        char from[64], to[64];
        uint8_t *p;
        struct eg_error e;
        size_t len;

        snprintf(from, sizeof from, "%s/shapes.so.dwp", kinds[i]);
        if (access(made(from), R_OK) != 0) // no tool that makes one
            continue;
        copy(made(from), "shapes.dwp"); // of shapes.debug, not of shapes.so
        snprintf(from, sizeof from, "%s/shapes.so", kinds[i]);
        copy(made(from), "shapes.so.debug");
        copy(made(from), "shapes.so");
        MISSING("shapes.so", "3 of its 3 units");
        MISSING("shapes.so.debug", "3 of its 3 units");
        rename(in("shapes.so.debug"), strcat(strcpy(to, dir), "/shapes.debug"));
        found("shapes.debug");
        rename(in("shapes.dwp"), strcat(strcpy(to, dir), "/shapes.so.dwp"));
        found("shapes.so");
        p = slurp(in("shapes.so.dwp"), &len);
        if (p[EI_CLASS] == ELFCLASS64) {
            uint8_t *const index = p + section(p, ".debug_cu_index");

            index[8] = index[9] = 0xff; // units
            write_(in("shapes.so.dwp"), p, len);
            assert_int_equal(read_("shapes.so", &e), -EG_EFORMAT);
            assert_non_null(strstr(e.text, "index"));
        }
        free(p);
        remove_all(NULL);
    }
}

/* ---- the file of dwz ---- */

#define ID_4 "fe9edc07c069c91507e1fddc6d8a2e086eede2f3"
#define ID_5 "8e04521dc0eeb77972d3cce728316f0fa4787b81"

static const char *bundled(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/tests/lib/dwz/%s", getenv("SOURCE_ROOT"), name);
    return path;
}

// Where debuggers look: beside, in .dwz and by build id in .build-id, of the folders above too.
static void common_types(void **state)
{
    static const struct {
        const char *file, *common, *by_id;
    } cases[] = {
        { "4/shapes.debug", "4/common.debug", ID_4 },
        { "5/shapes.debug", "5/common.debug", ID_5 },
    };
    static const char *const places[] = { "a/b/common.debug", "a/b/.dwz/common.debug",
                                          "a/common.debug", "a/.dwz/common.debug", NULL };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        for (size_t k = 0; k < countof(places); k++) {
            char at[128];

            copy(bundled(cases[i].file), "a/b/shapes.debug");
            MISSING("a/b/shapes.debug", "common.debug", cases[i].by_id, "was not found");
            snprintf(at, sizeof at, "a/.build-id/%.2s/%s.debug", cases[i].by_id,
                     cases[i].by_id + 2);
            copy(bundled(cases[i].common), places[k] ? places[k] : at);
            found("a/b/shapes.debug");
            remove_all(NULL);
        }
    copy(bundled(cases[0].file), "shapes.debug");
    copy(bundled(cases[1].common), "common.debug");
    MISSING("shapes.debug", "common.debug", ID_4, "another");
}

/* ---- a small file that says that it is a large one ---- */

enum { MANY = 8000, UNIT_MAX = 64 };
enum { COMPILE = 1, SKELETON = 4, SPLIT = 5 }; // DW_UT_…

struct bytes {
    uint8_t *p;
    size_t len;
};

static uint8_t *put(uint8_t *p, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        *p++ = (uint8_t)(value >> 8 * i);
    return p;
}

// 1: a unit in C without anything. 2: a skeleton, with the name of its .dwo.
static const uint8_t abbrev[] = { 1, 0x11, 0, 0, 0, 2, 0x4a, 0, 0x76, 8, 0, 0, 0 };

/** MANY units of DWARF 5, with ids from @id on; of skeletons @name. */
static struct bytes units(uint8_t kind, uint64_t id, const char *name)
{
    uint8_t *const all = malloc((size_t)MANY * UNIT_MAX), *p = all;

    assert_non_null(all);
    for (uint64_t i = 0; i < MANY; i++) {
        uint8_t *const start = p;

        p = put(put(put(put(p + 4, 5, 2), kind, 1), 8, 1), 0, 4);
        p = put(kind == COMPILE ? p : put(p, id + i, 8), name ? 2 : 1, 1);
        if (name)
            p = (uint8_t *)stpcpy((char *)p, name) + 1;
        put(start, (uint64_t)(p - start) - 4, 4);
    }
    return (struct bytes){ all, (size_t)(p - all) };
}

/** MANY rows, each of which is all of the two sections. */
static struct bytes rows(uint64_t info)
{
    uint8_t *const all = malloc((size_t)MANY * UNIT_MAX), *p = all;

    assert_non_null(all);
    p = put(put(put(put(p, 5, 4), 2, 4), MANY, 4), MANY, 4);
    for (uint64_t i = 0; i < MANY; i++)
        p = put(p, i + 1, 8);
    for (uint64_t i = 0; i < MANY; i++)
        p = put(p, i + 1, 4);
    p = put(put(p, 1, 4), 3, 4); // .debug_info, .debug_abbrev
    memset(p, 0, (size_t)8 * MANY);
    p += (size_t)8 * MANY;
    for (uint64_t i = 0; i < MANY; i++)
        p = put(put(p, info, 4), sizeof abbrev, 4);
    return (struct bytes){ all, (size_t)(p - all) };
}

struct part {
    const char *name;
    struct bytes bytes;
};

/** An ELF file of these sections and what they need. @again: so many more headers of the first. */
static void write_elf(const char *path, const struct part *parts, size_t n, size_t again)
{
    uint8_t *const a = (uint8_t *)(uintptr_t)abbrev;
    const struct part all[] = { parts[0],
                                { ".debug_abbrev", { a, sizeof abbrev } },
                                { ".debug_abbrev.dwo", { a, sizeof abbrev } },
                                n > 1 ? parts[1] : (struct part){ "", { NULL, 0 } } };
    const size_t most = 4096 + 64 * (again + 8) + all[0].bytes.len + all[3].bytes.len;
    uint8_t *const file = calloc(1, most), *p = file + 64;
    Elf64_Shdr *const heads = calloc(again + 8, sizeof *heads);
    char names[128] = "";
    size_t at = 1, head = 1;
    Elf64_Ehdr *const h = (Elf64_Ehdr *)file;

    assert_true(file && heads);
    for (size_t i = 0; i < countof(all); i++) {
        heads[head] = (Elf64_Shdr){ .sh_name = (Elf64_Word)at,
                                    .sh_type = SHT_PROGBITS,
                                    .sh_offset = (Elf64_Off)(p - file),
                                    .sh_size = all[i].bytes.len,
                                    .sh_addralign = 1 };
        at += (size_t)(stpcpy(names + at, all[i].name) - (names + at)) + 1;
        if (all[i].bytes.len)
            p = (uint8_t *)memcpy(p, all[i].bytes.p, all[i].bytes.len) + all[i].bytes.len;
        head++;
    }
    for (size_t i = 0; i < again; i++)
        heads[head++] = heads[1];
    heads[head] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = (Elf64_Off)(p - file), .sh_size = at, .sh_addralign = 1
    };
    p = file + (((size_t)(p - file) + at + 7) & ~(size_t)7);
    memcpy(file + heads[head].sh_offset, names, at);
    *h = (Elf64_Ehdr){ .e_ident = ELFMAG "\2\1\1",
                       .e_type = ET_DYN,
                       .e_machine = EM_X86_64,
                       .e_version = 1,
                       .e_shoff = (Elf64_Off)(p - file),
                       .e_ehsize = sizeof *h,
                       .e_shentsize = sizeof *heads,
                       .e_shnum = (Elf64_Half)(head + 1),
                       .e_shstrndx = (Elf64_Half)head };
    memcpy(p, heads, (head + 1) * sizeof *heads);
    write_(in(path), file, (size_t)(p - file) + (head + 1) * sizeof *heads);
    free(file);
    free(heads);
}

/** The numbers multiply: minutes and gigabytes, if nothing bounds them. */
static void many(void **state)
{
    struct bytes plain = units(COMPILE, 0, NULL), split_units = units(SPLIT, 1, NULL), index,
                 own = units(SKELETON, 1, "own"), away = units(SKELETON, 1, "away"),
                 // one file under many names is one
        others = units(SKELETON, 1 + (UINT64_C(1) << 32), "./././own");
    struct eg_error e;

    (void)state;
    index = rows(split_units.len);
    // Each skeleton names the file that has all units: itself.
    write_elf("own", (struct part[]){ { ".debug_info", own }, { ".debug_info.dwo", split_units } },
              2, 0);
    assert_int_equal(read_("own", &e), -EG_ENOTFOUND); // of their types, there are none
    assert_non_null(strstr(e.text, "no types"));
    write_elf("others", (struct part[]){ { ".debug_info", others } }, 1, 0);
    MISSING("others", "8000 of its 8000 units");
    // Headers of sections, and rows of a package, that mean the same bytes.
    write_elf("headers", (struct part[]){ { ".debug_info", plain } }, 1, MANY);
    assert_int_equal(read_("headers", &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "overlap"));
    write_elf("away", (struct part[]){ { ".debug_info", away } }, 1, 0);
    for (int types = 0; types < 2; types++) {
        write_elf("away.dwp",
                  (struct part[]){ { ".debug_info.dwo", split_units },
                                   { types ? ".debug_tu_index" : ".debug_cu_index", index } },
                  2, 0);
        assert_int_equal(read_("away", &e), -EG_EFORMAT);
        assert_non_null(strstr(e.text, "overlap"));
    }
    free(plain.p);
    free(split_units.p);
    free(index.p);
    free(own.p);
    free(away.p);
    free(others.p);
}

/** Sections of relocations that mean the same bytes, for one section: the same. */
static void many_relocations(void **state)
{
    static const struct {
        Elf64_Word type;
        size_t n;
    } cases[] = { { SHT_RELA, MANY }, { SHT_REL, MANY }, { SHT_RELA, 2 } };
    struct bytes plain = units(COMPILE, 0, NULL);

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_error e;
        size_t len;
        uint8_t *file;

        write_elf("module.ko", (struct part[]){ { ".debug_info", plain } }, 1, cases[i].n);
        file = slurp(in("module.ko"), &len);
        for (size_t k = 0; k < cases[i].n; k++) {
            Elf64_Shdr *const s = (Elf64_Shdr *)(file + ((Elf64_Ehdr *)file)->e_shoff) + 5 + k;

            s->sh_type = cases[i].type;
            s->sh_info = 1;
        }
        ((Elf64_Ehdr *)file)->e_type = ET_REL;
        write_(in("module.ko"), file, len);
        free(file);
        assert_int_equal(read_("module.ko", &e), -EG_EFORMAT);
        if (!strstr(e.text, "relocations overlap"))
            fail_msg("%s", e.text);
    }
    free(plain.p);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    remove_all(state);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(beside_and_above, remove_all),
        cmocka_unit_test_teardown(none, remove_all),
        cmocka_unit_test_teardown(another_build, remove_all),
        cmocka_unit_test_teardown(the_wrong_one, remove_all),
        cmocka_unit_test_teardown(not_a_file, remove_all),
        cmocka_unit_test_teardown(package, remove_all),
        cmocka_unit_test_teardown(common_types, remove_all),
        cmocka_unit_test_teardown(many, remove_all),
        cmocka_unit_test_teardown(many_relocations, remove_all),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
