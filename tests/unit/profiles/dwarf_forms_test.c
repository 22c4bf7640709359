/* dwarf_forms_test.c - debug data that gcc and clang of today do not make, byte by byte: what is
 * said of it, and that nothing else of the file is lost by it. */
#include "../../../core/show.h"
#include "../../../profiles/dwarf.h"
#include "../../../profiles/elf_file.h"
#include "check.h"
#include "mksource.h"
#include "vec.h"
#include <stdio.h>
#include <stdlib.h>

// Abbreviations: code, tag, children, pairs of attribute and form.
enum {
    UNIT = 1,
    INTEGER,
    STRUCT,
    MEMBER,
    OLD_BITS,  // in a unit of storage as large as the type
    LONE_BITS, // of no type
    POINTER,
    DECLARED_ENUM,
    TYPEDEF,
    CONST,
    EMPTY_ENUM,
    BY_SIGNATURE,
};
static const uint8_t abbreviations[] = {
    UNIT,
    0x11,
    1,
    0x13,
    0x0b,
    0,
    0, // language
    INTEGER,
    0x24,
    0,
    0x03,
    0x08,
    0x0b,
    0x0b,
    0x3e,
    0x0b,
    0,
    0,
    STRUCT,
    0x13,
    1,
    0x03,
    0x08,
    0x0b,
    0x0b,
    0,
    0,
    MEMBER,
    0x0d,
    0,
    0x03,
    0x08,
    0x49,
    0x13,
    0x38,
    0x0b,
    0,
    0,
    OLD_BITS,
    0x0d,
    0,
    0x03,
    0x08,
    0x49,
    0x13,
    0x0d,
    0x0b,
    0x0c,
    0x0b,
    0x38,
    0x0b,
    0,
    0,
    LONE_BITS,
    0x0d,
    0,
    0x03,
    0x08,
    0x0d,
    0x0b,
    0x0c,
    0x0b,
    0x38,
    0x0b,
    0,
    0,
    POINTER,
    0x0f,
    0,
    0x49,
    0x13,
    0x0b,
    0x0b,
    0,
    0,
    DECLARED_ENUM,
    0x04,
    0,
    0x03,
    0x08,
    0x3c,
    0x19,
    0,
    0,
    TYPEDEF,
    0x16,
    0,
    0x03,
    0x08,
    0x49,
    0x13,
    0,
    0,
    CONST,
    0x26,
    0,
    0x49,
    0x13,
    0,
    0,
    EMPTY_ENUM,
    0x04,
    0,
    0x03,
    0x08,
    0x0b,
    0x0b,
    0,
    0,
    BY_SIGNATURE,
    0x16,
    0,
    0x03,
    0x08,
    0x49,
    0x20,
    0,
    0,
    0,
};

static struct eg_profile machine = { .model = { 8, 8, false } };
static struct mk_bytes info;

static uint32_t here(uint8_t abbreviation, const char *name)
{
    const uint32_t at = (uint32_t)info.n;

    mk_push(&info, &machine, abbreviation, 1);
    if (name)
        mk_append(&info, name, strlen(name) + 1);
    return at;
}

static void byte(uint8_t v)
{
    mk_push(&info, &machine, v, 1);
}

static void ref(uint32_t to)
{
    mk_push(&info, &machine, to, 4);
}

static void member(const char *name, uint32_t type, uint8_t at)
{
    here(MEMBER, name);
    ref(type);
    byte(at);
}

static void old_bits(const char *name, uint32_t type, uint8_t bits, uint8_t from)
{
    here(OLD_BITS, name);
    ref(type);
    byte(bits);
    byte(from);
    byte(4);
}

static uint32_t of(uint8_t abbreviation, const char *name, uint32_t type)
{
    const uint32_t at = here(abbreviation, name);

    ref(type);
    return at;
}

static uint32_t begin(void)
{
    uint32_t number;

    info.n = 0;
    mk_push(&info, &machine, 0, 4);
    mk_push(&info, &machine, 4, 2); // DWARF 4
    mk_push(&info, &machine, 0, 4);
    byte(8);
    here(UNIT, NULL);
    byte(12); // C99
    number = here(INTEGER, "int");
    byte(4);
    byte(5);
    return number;
}

/** The profile of what was written. */
static int finish(struct eg_profile **out, struct eg_error *e)
{
    struct mk_bytes abbrev = { 0 }, file;
    struct eg_elf f;
    int rc;

    byte(0);
    for (int i = 0; i < 4; i++)
        info.at[i] = (uint8_t)((info.n - 4) >> 8 * i);
    mk_append(&abbrev, abbreviations, sizeof abbreviations);
    file = mk_elf(&machine, &info, &abbrev, NULL);
    rc = eg_elf_open_bytes(&f, file.at, file.n, "bytes", e);
    if (rc == 0)
        rc = eg_dwarf_read_elf(out, &f, NULL, 1, e);
    eg_elf_close(&f);
    eg_vec_fini(&abbrev);
    eg_vec_fini(&file);
    return rc;
}

// One space for several.
static void squeeze(char *text)
{
    char *to = text;

    for (const char *p = text; *p; p++)
        if (*p != ' ' || to == text || to[-1] != ' ')
            *to++ = *p;
    *to = 0;
}

/** Are these lines shown of the types? @left_out: records. */
static void shows(const char *const *names, const char *const *lines, size_t n, uint32_t left_out)
{
    struct eg_profile *p = NULL;
    struct eg_types ts;
    struct eg_error e;
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (finish(&p, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(eg_types_init(&ts, p, &e), 0);
    for (; *names; names++) {
        uint64_t iter = 0;
        const uint32_t id = eg_types_named(&ts, *names, NULL, EG_NAMED, &iter);

        if (!id)
            fail_msg("%s: not there", *names);
        eg_show_type(f, &ts, &p->model, id, false);
    }
    fclose(f);
    squeeze(text);
    for (size_t i = 0; i < n; i++)
        if (!strstr(text, lines[i]))
            fail_msg("no '%s' in:\n%s", lines[i], text);
    assert_int_equal(p->n_left_out, left_out);
    free(text);
    eg_types_fini(&ts);
    eg_profile_free(p);
}
#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SHOWS(names, left_out, ...)                                                                \
    shows(names, (const char *const[]){ __VA_ARGS__ },                                             \
          countof(((const char *const[]){ __VA_ARGS__ })), left_out)

/** DWARF 2 and 3: the unit of storage is the type where nothing else is said. */
static void bit_fields_without_size(void **state)
{
    const uint32_t number = begin(), word = of(TYPEDEF, "word", number);
    const uint32_t constant = of(CONST, NULL, word);

    (void)state;
    here(STRUCT, "bits");
    byte(16);
    member("before", number, 0);
    old_bits("plain", number, 3, 29);   // the lowest three bits
    old_bits("named", word, 5, 24);     // the next five
    old_bits("const_", constant, 8, 0); // the highest eight
    here(LONE_BITS, "lost");            // of no type: no place
    byte(1);
    byte(0);
    byte(4);
    member("after", number, 8);
    byte(0);
    SHOWS(NAMES("bits"), 1, "before;", "plain : 3;", "/* 4: 0 ", "named : 5;", "/* 4: 3 ",
          "const_ : 8;", "/* 7: 0 ", "after;", "members: 5");
}

static void pointers_of_their_own_size(void **state)
{
    const uint32_t number = begin(), narrow = of(POINTER, NULL, number);
    uint32_t wide, odd;

    (void)state;
    byte(4);
    wide = of(POINTER, NULL, number);
    byte(8);
    odd = of(POINTER, NULL, number);
    byte(3); // no machine's
    here(STRUCT, "holder");
    byte(24);
    member("narrow", narrow, 0);
    member("next_to_it", number, 4);
    member("wide", wide, 8);
    member("odd", odd, 16);
    byte(0);
    SHOWS(NAMES("holder"), 0, "int *narrow; /* 0 4 */", "next_to_it; /* 4 4 */",
          "int *wide; /* 8 8 */", "int *odd; /* 16 8 */");
}

/** An enum without values is not known to have a size. */
static void enums_only_declared(void **state)
{
    const uint32_t number = begin();
    uint32_t at, again;

    (void)state;
    at = here(DECLARED_ENUM, "later");
    again = of(POINTER, NULL, at);
    byte(8);
    here(EMPTY_ENUM, "empty");
    byte(4);
    of(TYPEDEF, "later_t", at);
    here(STRUCT, "user");
    byte(16);
    member("number", number, 0);
    member("at", again, 8);
    byte(0);
    SHOWS(NAMES("later", "empty", "user", "later_t"), 0, "enum later; /* values not known */",
          "enum empty; /* values not known */", "typedef enum later later_t;",
          "enum later *at; /* 8 8 */");
}

static void members_past_their_struct(void **state)
{
    const uint32_t number = begin();

    (void)state;
    here(STRUCT, "behind"); // begins behind it
    byte(8);
    member("a", number, 0);
    member("b", number, 48);
    byte(0);
    here(STRUCT, "at_end"); // at its end, and not empty
    byte(8);
    member("c", number, 0);
    member("d", number, 8);
    byte(0);
    here(STRUCT, "across"); // begins inside
    byte(8);
    member("e", number, 4);
    member("f", number, 6);
    byte(0);
    SHOWS(NAMES("behind", "at_end", "across"), 3, "a; /* 0 4 */", "c; /* 0 4 */", "e; /* 4 4 */",
          "/* size: 8, members: 1");
}

/** A type unit that is not there: its types would be missing without a word. */
static void missing_type_unit(void **state)
{
    struct eg_profile *p = NULL;
    struct eg_error e;

    (void)state;
    begin();
    here(BY_SIGNATURE, "elsewhere");
    mk_push(&info, &machine, UINT64_C(0x1122334455667788), 8);
    assert_int_equal(finish(&p, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "type unit with the signature 1122334455667788"));
}

static int free_info(void **state)
{
    (void)state;
    eg_vec_fini(&info);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_fields_without_size), cmocka_unit_test(pointers_of_their_own_size),
        cmocka_unit_test(enums_only_declared),     cmocka_unit_test(members_past_their_struct),
        cmocka_unit_test(missing_type_unit),
    };

    return cmocka_run_group_tests(tests, NULL, free_info);
}
