/* dwarf_test.c - what the reader says of lib/shapes.h is what the compiler made of it, whatever the
 * version, compression and kind of the file; equal types of two units are one. */
#include "../../../core/reader.h"
#include "../../../profiles/dwarf.h"
#include "../../../profiles/dwarf_merge.h"
#include "../../../profiles/elf_file.h"
#include "check.h"
#include "shapes.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* By meson.build, from lib/shapes_{a,b,c}.c: in one file, in type units, in .dwo files and packages
 * of them. And what dwz made of the same on x86-64. Those that no tool here could make are left out
 * of the list. */
static const char *files[] = {
    "shapes_5.so",        "shapes_4.so",        "shapes_3.so",       "shapes_z.so",
    "shapes.ko",          "shapes_units_5.so",  "shapes_units_4.so", "shapes_units_5.ko",
    "shapes_units_4.ko",  "split-5/shapes.so",  "split-4/shapes.so", "split-ko/shapes.ko",
    "dwp-4/shapes.so",    "dwp-5/shapes.so",
#ifdef __x86_64__
    "dwz/5/shapes.debug", "dwz/4/shapes.debug",
#endif
};
static size_t n_files;

static struct eg_profile *profile;
static struct eg_types types;

static char *path_of(const char *file, char path[4096])
{
    const bool ours = !strncmp(file, "dwz/", 4);

    snprintf(path, 4096, "%s/%s%s", getenv(ours ? "SOURCE_ROOT" : "SHAPES_DIR"),
             ours ? "tests/lib/" : "", file);
    return path;
}

static void open_(const char *file)
{
    char path[4096];
    struct eg_error e;

    if (eg_profile_read(&profile, path_of(file, path), 2, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(eg_types_init(&types, profile, &e), 0);
}

static void close_(void)
{
    eg_types_fini(&types);
    eg_profile_free(profile);
}

static uint32_t only(const char *name, uint32_t kinds)
{
    uint64_t iter = 0;
    const uint32_t id = eg_types_named(&types, name, NULL, kinds, &iter);

    if (!id || eg_types_named(&types, name, NULL, kinds, &iter))
        fail_msg("%s: %s", name, id ? "several" : "not there");
    return id;
}

// Where the bits are that only this one sets.
static void bits_of(const struct shapes *s, uint64_t *off, uint32_t *size)
{
    const uint8_t *p = (const uint8_t *)s;
    const bool big = profile->model.big_endian;

    *off = UINT64_MAX;
    *size = 0;
    for (size_t i = 0; i < 8 * sizeof *s; i++)
        if (p[i / 8] >> (big ? 7 - i % 8 : i % 8) & 1) {
            *off = *off == UINT64_MAX ? i : *off;
            ++*size;
        }
}
#define BITS_OF(field, off, size)                                                                  \
    do {                                                                                           \
        const volatile int ones_ = -1;                                                             \
        struct shapes s_;                                                                          \
        memset(&s_, 0, sizeof s_);                                                                 \
        s_.field = (__typeof__(s_.field + 0))ones_;                                                \
        bits_of(&s_, (off), (size));                                                               \
    } while (0)

static void members(void **state)
{
#define AT(path, text)                                                                             \
    {                                                                                              \
#path, text, 8 * offsetof(struct shapes, path), sizeof(((struct shapes *)0)->path)         \
    }
    static const struct {
        const char *path, *text;
        uint64_t bit_off, size;
    } want[] = {
        AT(list, "struct node list"),
        AT(list.pprev, "struct node **pprev"),
        AT(restrict_me, "struct node *restrict_me"),
        AT(by, "compare by"),
        AT(run, "void (*run)(void)"),
        AT(colour, "enum colour colour"),
        AT(sign, "enum sign sign"),
        AT(byte, "unsigned char byte"),
        AT(letter, "char letter"),
        AT(yes, "_Bool yes"),
        AT(words, "word words[2][3]"),
        AT(nodes, "struct node nodes[4]"),
        AT(row, "int (*row)[5]"),
        AT(x, "int x"),
        AT(named.z, "uint16_t z"),
        AT(either.text, "char text[12]"),
        AT(tight.d, "uint64_t d"),
        AT(elsewhere, "struct declared *elsewhere"),
        AT(nowhere, "struct never *nowhere"),
        AT(ambiguous, "struct twice *ambiguous"),
        AT(real, "double real"),
        { "end", "char end[]", 8 * offsetof(struct shapes, end), 0 },
    };

    (void)state;
    for (size_t f = 0; f < n_files; f++) {
        uint32_t id;

        open_(files[f]);
        id = only("shapes", 1u << EG_T_STRUCT);
        assert_int_equal(eg_type_size(&types, id, &profile->model), sizeof(struct shapes));
        for (size_t i = 0; i < countof(want); i++) {
            struct eg_member_at m;
            char text[256];

            if (!eg_type_find(&types, id, want[i].path, &m))
                fail_msg("%s: no %s", files[f], want[i].path);
            eg_type_declare(&types, m.type, m.name, text, sizeof text);
            assert_string_equal(text, want[i].text);
            if (m.bit_off != want[i].bit_off || m.bit_size ||
                eg_type_size(&types, m.type, &profile->model) != want[i].size)
                fail_msg("%s: %s at %llu", files[f], want[i].path, (unsigned long long)m.bit_off);
        }
        close_();
    }
}

static void bit_fields(void **state)
{
    static const char *const names[] = { "one", "five", "rest", "far_bits", "below" };

    (void)state;
    for (size_t f = 0; f < n_files; f++) {
        uint64_t off[countof(names)];
        uint32_t size[countof(names)], id;

        open_(files[f]);
        id = only("shapes", 1u << EG_T_STRUCT);
        BITS_OF(one, &off[0], &size[0]);
        BITS_OF(five, &off[1], &size[1]);
        BITS_OF(rest, &off[2], &size[2]);
        BITS_OF(far_bits, &off[3], &size[3]);
        BITS_OF(below, &off[4], &size[4]);
        for (size_t i = 0; i < countof(names); i++) {
            struct eg_member_at m;

            assert_true(eg_type_find(&types, id, names[i], &m));
            assert_int_equal(m.bit_off, off[i]);
            assert_int_equal(m.bit_size, size[i]);
        }
        close_();
    }
}

static void enums(void **state)
{
    (void)state;
    for (size_t f = 0; f < n_files; f++) {
        uint32_t colour, sign, wide;

        open_(files[f]);
        colour = only("colour", 1u << EG_T_ENUM);
        sign = only("sign", 1u << EG_T_ENUM);
        wide = only("wide", 1u << EG_T_ENUM);
        assert_string_equal(eg_type_enumerator(&types, colour, 7), "GREEN");
        assert_string_equal(eg_type_enumerator(&types, colour, 0x7fffffff), "BLUE");
        assert_string_equal(eg_type_enumerator(&types, sign, -3), "MINUS");
        assert_string_equal(eg_type_enumerator(&types, wide, 0x123456789abcdef0), "WIDE");
        assert_int_equal(eg_type(&types, sign, NULL)->flags, EG_TF_SIGNED);
        assert_int_equal(eg_type(&types, colour, NULL)->flags, 0);
        close_();
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *name;
        uint8_t kind, flags;
        uint64_t size;
    } want[] = {
        { "int", EG_T_INT, EG_TF_SIGNED, 4 },
        { "unsigned int", EG_T_INT, 0, 4 },
        { "signed char", EG_T_INT, EG_TF_SIGNED, 1 },
        { "unsigned char", EG_T_INT, 0, 1 },
        { "char", EG_T_INT, EG_TF_CHAR | ((char)-1 < 0 ? EG_TF_SIGNED : 0), 1 },
        { "_Bool", EG_T_INT, EG_TF_BOOL, 1 },
        { "double", EG_T_FLOAT, 0, 8 },
        { "float", EG_T_FLOAT, 0, 4 },
    };

    (void)state;
    open_(files[0]);
    for (size_t i = 0; i < countof(want); i++) {
        const struct eg_type *t = eg_type(&types, only(want[i].name, EG_NAMED), NULL);

        if (t->kind != want[i].kind || t->flags != want[i].flags || t->size != want[i].size)
            fail_msg("%s: kind %d flags %d size %d", want[i].name, t->kind, t->flags, (int)t->size);
    }
    close_();
}

static int several_of(const char *name, uint32_t kinds)
{
    uint64_t iter = 0;
    int n = 0;

    while (eg_types_named(&types, name, NULL, kinds, &iter))
        n++;
    return n;
}

static int several(const char *name)
{
    return several_of(name, EG_TAGGED);
}

static const struct eg_type *target(uint32_t id, const char *member, uint32_t *of)
{
    struct eg_member_at m;

    assert_true(eg_type_find(&types, id, member, &m));
    *of = eg_type_ref(&types, m.type);
    return eg_type(&types, *of, NULL);
}

// Two units: what is equal is one, what is not is two, and a declaration is what the other defines.
static void merged(void **state)
{
    (void)state;
    for (size_t f = 0; f < n_files; f++) {
        uint32_t id, of;

        open_(files[f]);
        id = only("shapes", 1u << EG_T_STRUCT);
        only("node", 1u << EG_T_STRUCT);
        only("compare", 1u << EG_T_TYPEDEF);
        only("int", 1u << EG_T_INT);
        assert_int_equal(target(id, "elsewhere", &of)->kind, EG_T_STRUCT);
        assert_int_equal(of, only("declared", EG_TAGGED | 1u << EG_T_FWD));
        assert_int_equal(target(id, "nowhere", &of)->kind, EG_T_FWD);
        assert_int_equal(target(id, "ambiguous", &of)->size, 4); // the first unit's
        assert_int_equal(target(only("only_c", EG_TAGGED), "undecided", &of)->kind, EG_T_FWD);
        assert_int_equal(several("swapped"), 2);
        assert_int_equal(several("keeper"), 2); // what they hold differs
        assert_int_equal(several("twice"), 2);
        assert_int_equal(target(of = only("only_a", EG_TAGGED), "behind", &of)->size, 4);
        assert_int_equal(target(of = only("only_b", EG_TAGGED), "behind", &of)->size, 16);
        assert_int_equal(eg_type(&types, only("only_b", EG_TAGGED), NULL)->size, 24);
        close_();
    }
}

/** Types inside functions, of blocks too; of a function that was inlined twice once. */
static void local(void **state)
{
    static const struct {
        const char *name, *member;
        uint32_t kinds;
        uint64_t size;
    } want[] = {
        { "hidden", "in_a_body", 1u << EG_T_STRUCT, 4 },
        { "in_a_block", "of_block", 1u << EG_T_UNION, 8 },
        { "local_name", "of_name", 1u << EG_T_TYPEDEF, 2 },
        { "local_enum", NULL, 1u << EG_T_ENUM, 4 },
        { "of_inline", "twice", 1u << EG_T_STRUCT, 1 },
    };

    (void)state;
    for (size_t f = 0; f < n_files; f++) {
        open_(files[f]);
        for (size_t i = 0; i < countof(want); i++) {
            const uint32_t id = only(want[i].name, want[i].kinds);
            struct eg_member_at m;

            assert_int_equal(eg_type_size(&types, id, &profile->model), want[i].size);
            assert_true(!want[i].member || eg_type_find(&types, id, want[i].member, &m));
        }
        close_();
    }
}

static void same_for_any_number_of_threads(void **state)
{
    struct eg_profile *one, *many;
    struct eg_error e;
    char path[4096];

    (void)state;
    assert_int_equal(eg_dwarf_read(&one, path_of(files[0], path), 1, &e), 0);
    assert_int_equal(eg_dwarf_read(&many, path, 16, &e), 0);
    assert_int_equal(one->n_types, many->n_types);
    assert_memory_equal(one->types, many->types, one->n_types * sizeof *one->types);
    assert_int_equal(one->n_members, many->n_members);
    assert_memory_equal(one->members, many->members, one->n_members * sizeof *one->members);
    assert_int_equal(one->n_strings, many->n_strings);
    assert_memory_equal(one->strings, many->strings, one->n_strings);
    eg_profile_free(one);
    eg_profile_free(many);
}

static void identity(void **state)
{
    uint32_t iter = 0;
    const struct eg_symbol *s;

    (void)state;
    open_(files[0]);
    s = eg_profile_symbol(profile, "shapes_a", &iter);
    assert_non_null(s);
    assert_int_equal(s->size, sizeof(struct shapes));
    assert_int_equal(s->letter, 'B');
    iter = 0;
    s = eg_profile_symbol(profile, "in_a", &iter);
    assert_non_null(s);
    assert_int_equal(s->letter, 'T');
    assert_true(profile->dwarf_symbols);
    assert_null(profile->module);
    assert_string_equal(profile->build_id, "0123456789abcdef0123456789abcdef01234567");
    close_();
    open_("shapes.ko");
    assert_string_equal(profile->module, "shapes");
    assert_int_equal(profile->n_symbols, 0);
    close_();
}

/** The types of variables that have an address; of two types under one name, neither. */
static void variables(void **state)
{
    static const struct {
        const char *name, *text; // NULL: not known
    } want[] = {
        { "shapes_a", "struct shapes shapes_a" },
        { "declared", "struct declared declared" },
        { "declared_first", "char declared_first[5]" },
        { "only_in_a", "int only_in_a[2]" },
        { "in_both", "int in_both" },
        { "of_two_types", NULL },
        { "only_declared", NULL },
        { "of_thread", NULL },
        { "of_a_body", NULL },
        { "in_a", NULL }, // a function
    };

    (void)state;
    for (size_t f = 0; f < n_files; f++) {
        open_(files[f]);
        for (size_t i = 0; i < countof(want); i++) {
            const uint32_t type = eg_types_variable(&types, want[i].name);
            char text[256] = "";

            if (type)
                eg_type_declare(&types, type, want[i].name, text, sizeof text);
            if (strcmp(text, want[i].text ? want[i].text : "") != 0)
                fail_msg("%s: %s is '%s'", files[f], want[i].name, text);
        }
        assert_int_equal(several_of("in_both", 1u << EG_T_VAR), 1);
        close_();
    }
}

// Everything in the first module is in its kernel already; the second defines what that declares.
static void module_on_a_base(void **state)
{
    struct eg_profile *module;
    struct eg_error e;
    char path[4096];
    uint32_t of;

    (void)state;
    open_(files[0]);
    assert_int_equal(eg_dwarf_read_module(&module, path_of("shapes.ko", path), profile, 1, &e), 0);
    assert_int_equal(module->base_count, profile->n_types);
    assert_int_equal(module->n_types, 0);
    eg_profile_free(module);
    assert_int_equal(eg_dwarf_read_module(&module, path_of("shapes_mod.ko", path), profile, 1, &e),
                     0);
    assert_string_equal(module->module, "renamed");
    assert_int_equal(eg_types_add(&types, module, &e), 0);
    assert_int_equal(several("node"), 1);
    assert_int_equal(several("never"), 1);
    assert_int_equal(several("only_c"), 1); // the kernel's, which stays as it is
    assert_int_equal(target(only("never", EG_TAGGED), "more", &of)->size, 16);
    assert_int_equal(target(only("only_e", EG_TAGGED), "later", &of)->size, 16);
    eg_types_fini(&types);
    eg_profile_free(module);
    eg_profile_free(profile);
}

static void refusals(void **state)
{
    static const struct {
        const char *file;
        int code;
    } cases[] = {
        { "shapes_none.so", EG_ENOTFOUND },
        { "no such file", EG_EIO },
        { ".", EG_EIO },
        { "../build.ninja", EG_EFORMAT },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_profile *p = NULL;
        struct eg_error e = { 0 };
        char path[4096];

        assert_int_equal(eg_profile_read(&p, path_of(cases[i].file, path), 1, &e), -cases[i].code);
        assert_null(p);
        assert_int_not_equal(*e.text, 0);
    }
}

/** Keys are hashes, which a hostile file can make equal: the second type, which would replace the
 * first, has more members than there is room for. */
static void equal_keys(void **state)
{
    enum { MANY = 1000 };
    struct eg_raw_unit u = { 0 };
    struct eg_builder *b = eg_builder_new((struct eg_model){ 8, 8, false }, "keys");
    struct eg_profile *p;
    struct eg_merger m;
    struct eg_error e;

    (void)state;
    eg_merger_init(&m);
    for (uint32_t i = 0; i < 2; i++) {
        struct eg_raw_type *t = eg_vec_push(&u.types);

        *t = (struct eg_raw_type){ .at = 2 - i,
                                   .size = MANY,
                                   .count = i ? MANY : 1,
                                   .kind = EG_T_STRUCT,
                                   .known = (1 << EG_KEYS) - 1,
                                   .key = { 77, 77, 77 } };
    }
    assert_true(eg_vec_reserve(&u.members, MANY));
    for (int i = 0; i < MANY; i++)
        eg_vec_push(&u.members);
    assert_true(eg_merger_add(&m, &u, NULL));
    assert_true(eg_merger_push(&m, 1, b));
    assert_int_equal(eg_builder_finish(b, &p, NULL, &e), 0);
    assert_int_equal(p->n_types, 2);
    assert_int_equal(p->types[1].count, 1);
    eg_profile_free(p);
    eg_merger_fini(&m);
    eg_raw_unit_fini(&u);
}

struct bytes {
    uint8_t *p;
    size_t len;
};

static struct bytes bytes_of(const char *file)
{
    struct bytes b;
    char path[4096];
    struct eg_error e;

    if (eg_reader_slurp(&b.p, &b.len, path_of(file, path), 1 << 24, &e) < 0)
        fail_msg("%s", e.text);
    return b;
}

/** Read them as a file's. */
static int read_bytes(const struct bytes *b, struct eg_error *e)
{
    struct eg_profile *p = NULL;
    struct eg_elf f;
    int rc = eg_elf_open_bytes(&f, b->p, b->len, "bytes", e);

    if (rc == 0)
        rc = eg_dwarf_read_elf(&p, &f, NULL, 1, e);
    eg_elf_close(&f);
    eg_profile_free(p);
    return rc;
}

static Elf64_Shdr *section(const struct bytes *b, const char *name)
{
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)b->p;
    Elf64_Shdr *s = (Elf64_Shdr *)(b->p + h->e_shoff);
    const char *names = (const char *)b->p + s[h->e_shstrndx].sh_offset;

    for (int i = 0; i < h->e_shnum; i++)
        if (!strcmp(names + s[i].sh_name, name))
            return &s[i];
    fail_msg("no %s", name);
    return NULL;
}

/** Names and references lie behind relocations: one that is not known is not passed over. */
static void unknown_relocations(void **state)
{
    struct bytes b = bytes_of("shapes.ko");
    Elf64_Ehdr *h = (Elf64_Ehdr *)b.p;
    const uint16_t machine = h->e_machine;
    struct eg_error e;
    Elf64_Rela *r;

    (void)state;
    if (h->e_ident[EI_CLASS] != ELFCLASS64) {
        free(b.p);
        skip();
    }
    assert_int_equal(read_bytes(&b, &e), 0);
    h->e_machine = EM_IA_64;
    assert_int_equal(read_bytes(&b, &e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "ELF machine 50"));
    h->e_machine = machine;
    r = (Elf64_Rela *)(b.p + section(&b, ".rela.debug_info")->sh_offset);
    r[1].r_info = ELF64_R_INFO(ELF64_R_SYM(r[1].r_info), 0xfff);
    assert_int_equal(read_bytes(&b, &e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "type 4095"));
    r[1].r_info = ELF64_R_INFO(ELF64_R_SYM(r[1].r_info), 0); // R_…_NONE
    assert_int_equal(read_bytes(&b, &e), 0);
    free(b.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),
        cmocka_unit_test(bit_fields),
        cmocka_unit_test(enums),
        cmocka_unit_test(numbers),
        cmocka_unit_test(merged),
        cmocka_unit_test(local),
        cmocka_unit_test(same_for_any_number_of_threads),
        cmocka_unit_test(identity),
        cmocka_unit_test(variables),
        cmocka_unit_test(module_on_a_base),
        cmocka_unit_test(refusals),
        cmocka_unit_test(unknown_relocations),
        cmocka_unit_test(equal_keys),
    };

    for (size_t i = 0; i < countof(files); i++) {
        char path[4096];

        if (access(path_of(files[i], path), R_OK) == 0)
            files[n_files++] = files[i];
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
