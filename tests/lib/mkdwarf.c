/* mkdwarf.c - an ELF file with one unit of DWARF 5, from a profile. */
#include "../../profiles/dwarf_write.h"
#include "mksource.h"
#include "mktypes.h"
#include "vec.h"
#include <elf.h>
#include <stdlib.h>

// Tags, attributes and forms by their numbers (DWARF 5, 7.5).
enum {
    ARRAY_TYPE = 0x01,
    ENUMERATION_TYPE = 0x04,
    FORMAL_PARAMETER = 0x05,
    MEMBER = 0x0d,
    POINTER_TYPE = 0x0f,
    COMPILE_UNIT = 0x11,
    STRUCTURE_TYPE = 0x13,
    SUBROUTINE_TYPE = 0x15,
    TYPEDEF = 0x16,
    UNION_TYPE = 0x17,
    UNSPECIFIED_PARAMETERS = 0x18,
    SUBRANGE_TYPE = 0x21,
    BASE_TYPE = 0x24,
    ENUMERATOR = 0x28,
    VARIABLE = 0x34,
};
enum {
    ADDRESS = 0x02, // DW_AT_location
    NAME = 0x03,
    BYTE_SIZE = 0x0b,
    BIT_SIZE = 0x0d,
    LANGUAGE = 0x13,
    CONST_VALUE = 0x1c,
    COUNT = 0x37,
    LOCATION = 0x38,
    DECLARATION = 0x3c,
    ENCODING = 0x3e,
    TYPE = 0x49,
    BIT_OFFSET = 0x6b,
};
enum {
    DATA2 = 0x05,
    DATA4 = 0x06,
    DATA8 = 0x07,
    STRING = 0x08,
    DATA1 = 0x0b,
    SDATA = 0x0d,
    REF4 = 0x13,
    EXPRLOC = 0x18,
    PRESENT = 0x19
};

// One abbreviation for each shape of entry; its code is its place, from 1.
enum shape {
    UNIT = 1,
    INTEGER,
    POINTER,
    POINTER_TO_VOID,
    ARRAY,
    SUBRANGE,
    STRUCT,
    UNION,
    FIELD,
    BIT_FIELD,
    ENUM,
    VALUE,
    NAMED,
    NAMED_VOID,
    FUNCTION,
    FUNCTION_OF_VOID,
    PARAMETER,
    REST,
    STRUCT_DECLARED,
    UNION_DECLARED,
    OBJECT,
};
static const struct {
    uint8_t tag, children, attributes[9]; // pairs of attribute and form
} shapes[] = {
    { COMPILE_UNIT, 1, { LANGUAGE, DATA2 } },
    { BASE_TYPE, 0, { NAME, STRING, BYTE_SIZE, DATA1, ENCODING, DATA1 } },
    { POINTER_TYPE, 0, { TYPE, REF4 } },
    { POINTER_TYPE, 0, { 0 } },
    { ARRAY_TYPE, 1, { TYPE, REF4 } },
    { SUBRANGE_TYPE, 0, { COUNT, DATA4 } },
    { STRUCTURE_TYPE, 1, { NAME, STRING, BYTE_SIZE, DATA4 } },
    { UNION_TYPE, 1, { NAME, STRING, BYTE_SIZE, DATA4 } },
    { MEMBER, 0, { NAME, STRING, TYPE, REF4, LOCATION, DATA4 } },
    { MEMBER, 0, { NAME, STRING, TYPE, REF4, BIT_SIZE, DATA1, BIT_OFFSET, DATA4 } },
    { ENUMERATION_TYPE, 1, { NAME, STRING, BYTE_SIZE, DATA1 } },
    { ENUMERATOR, 0, { NAME, STRING, CONST_VALUE, SDATA } },
    { TYPEDEF, 0, { NAME, STRING, TYPE, REF4 } },
    { TYPEDEF, 0, { NAME, STRING } },
    { SUBROUTINE_TYPE, 1, { TYPE, REF4 } },
    { SUBROUTINE_TYPE, 1, { 0 } },
    { FORMAL_PARAMETER, 0, { TYPE, REF4 } },
    { UNSPECIFIED_PARAMETERS, 0, { 0 } },
    { STRUCTURE_TYPE, 0, { NAME, STRING, DECLARATION, PRESENT } },
    { UNION_TYPE, 0, { NAME, STRING, DECLARATION, PRESENT } },
    { VARIABLE, 0, { NAME, STRING, TYPE, REF4, ADDRESS, EXPRLOC } },
};

struct writer {
    const struct eg_profile *p;
    struct mk_bytes info;
    uint32_t *at; // of each type
    struct {
        struct {
            uint32_t at, id;
        } * at;
        size_t n, cap;
    } references;
};

static void put(struct writer *w, uint64_t v, unsigned size)
{
    mk_push(&w->info, w->p, v, size);
}

static void name(struct writer *w, uint32_t n)
{
    mk_append(&w->info, w->p->strings + n, strlen(w->p->strings + n) + 1);
}

static void reference(struct writer *w, uint32_t id)
{
    if (!eg_vec_push(&w->references))
        mk_fail("out of memory");
    w->references.at[w->references.n - 1].at = (uint32_t)w->info.n;
    w->references.at[w->references.n - 1].id = id;
    put(w, 0, 4);
}

static void sleb(struct writer *w, int64_t v)
{
    bool more = true;

    while (more) {
        uint8_t byte = v & 127;

        v >>= 7;
        more = v != (byte & 64 ? -1 : 0);
        put(w, byte | (more ? 128u : 0), 1);
    }
}

static void members(struct writer *w, const struct eg_type *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct eg_member *m = &w->p->members[t->first + i];

        put(w, m->bit_size ? BIT_FIELD : FIELD, 1);
        name(w, m->name);
        reference(w, m->type);
        if (m->bit_size)
            put(w, m->bit_size, 1);
        put(w, m->bit_size ? m->bit_off : m->bit_off / 8, 4);
    }
    put(w, 0, 1);
}

static unsigned encoding(const struct eg_type *t)
{
    if (t->kind == EG_T_FLOAT)
        return 4;
    if (t->flags & EG_TF_BOOL)
        return 2;
    if (t->size == 1)
        return t->flags & EG_TF_SIGNED ? 6 : 8;
    return t->flags & EG_TF_SIGNED ? 5 : 7;
}

// At address 0: readers of types only look whether there is one.
static void variable(struct writer *w, const char *text, uint32_t of)
{
    put(w, OBJECT, 1);
    mk_append(&w->info, text, strlen(text) + 1);
    reference(w, of);
    put(w, 1 + w->p->model.ptr_size, 1);
    put(w, 3, 1); // DW_OP_addr
    put(w, 0, w->p->model.ptr_size);
}

static void type(struct writer *w, const struct eg_type *t)
{
    switch (t->kind) {
    case EG_T_INT:
    case EG_T_FLOAT:
        put(w, INTEGER, 1);
        name(w, t->name);
        put(w, t->size, 1);
        put(w, encoding(t), 1);
        break;
    case EG_T_PTR:
        put(w, t->ref ? POINTER : POINTER_TO_VOID, 1);
        if (t->ref)
            reference(w, t->ref);
        break;
    case EG_T_ARRAY:
        put(w, ARRAY, 1);
        reference(w, t->ref);
        put(w, SUBRANGE, 1);
        put(w, t->count, 4);
        put(w, 0, 1);
        break;
    case EG_T_STRUCT:
    case EG_T_UNION:
        put(w, t->kind == EG_T_STRUCT ? STRUCT : UNION, 1);
        name(w, t->name);
        put(w, t->size, 4);
        members(w, t);
        break;
    case EG_T_ENUM:
        put(w, ENUM, 1);
        name(w, t->name);
        put(w, t->size, 1);
        for (uint32_t i = 0; i < t->count; i++) {
            put(w, VALUE, 1);
            name(w, w->p->enumerators[t->first + i].name);
            sleb(w, w->p->enumerators[t->first + i].value);
        }
        put(w, 0, 1);
        break;
    case EG_T_TYPEDEF:
        put(w, t->ref ? NAMED : NAMED_VOID, 1);
        name(w, t->name);
        if (t->ref)
            reference(w, t->ref);
        break;
    case EG_T_FUNC:
        put(w, t->ref ? FUNCTION : FUNCTION_OF_VOID, 1);
        if (t->ref)
            reference(w, t->ref);
        for (uint32_t i = 0; i < t->count; i++) {
            const uint32_t of = w->p->members[t->first + i].type;

            put(w, of ? PARAMETER : REST, 1);
            if (of)
                reference(w, of);
        }
        put(w, 0, 1);
        break;
    case EG_T_VAR:
        variable(w, w->p->strings + t->name, t->ref);
        break;
    default:
        put(w, t->flags & EG_TF_UNION ? UNION_DECLARED : STRUCT_DECLARED, 1);
        name(w, t->name);
    }
}

// A number that stands already.
static void patch(struct writer *w, uint32_t at, uint64_t v)
{
    struct mk_bytes b = { 0 };

    mk_push(&b, w->p, v, 4);
    memcpy(w->info.at + at, b.at, 4);
    eg_vec_fini(&b);
}

static struct mk_bytes abbreviations(void)
{
    struct mk_bytes b = { 0 };

    for (size_t i = 0; i < countof(shapes); i++) {
        const uint8_t head[] = { (uint8_t)(i + 1), shapes[i].tag, shapes[i].children };

        mk_append(&b, head, sizeof head);
        mk_append(&b, shapes[i].attributes, strlen((const char *)shapes[i].attributes));
        mk_append(&b, "\0", 2);
    }
    mk_append(&b, "", 1);
    return b;
}

static void section(struct mk_bytes *b, const struct eg_profile *p, uint32_t name_at, uint32_t kind,
                    uint64_t at, uint64_t size)
{
    const unsigned word = p->model.ptr_size;

    mk_push(b, p, name_at, 4);
    mk_push(b, p, kind, 4);
    mk_push(b, p, 0, word);
    mk_push(b, p, 0, word);
    mk_push(b, p, at, word);
    mk_push(b, p, size, word);
    mk_push(b, p, 0, 4);
    mk_push(b, p, 0, 4);
    mk_push(b, p, 1, word);
    mk_push(b, p, 0, word);
}

struct mk_bytes mk_elf(const struct eg_profile *p, const struct mk_bytes *info,
                       const struct mk_bytes *abbrev, const struct mk_bytes *str)
{
    static const char names[] = "\0.debug_info\0.debug_abbrev\0.shstrtab\0.debug_str";
    const struct mk_bytes none = { 0 }, *const strings = str ? str : &none;
    const unsigned word = p->model.ptr_size;
    const uint8_t ident[EI_NIDENT] = { 0x7f,
                                       'E',
                                       'L',
                                       'F',
                                       word == 8 ? ELFCLASS64 : ELFCLASS32,
                                       p->model.big_endian ? ELFDATA2MSB : ELFDATA2LSB,
                                       EV_CURRENT };
    const uint64_t head = word == 8 ? 64 : 52, of_abbrev = head + info->n,
                   of_str = of_abbrev + abbrev->n, of_names = of_str + strings->n,
                   of_sections = eg_align_up(of_names + sizeof names, 8);
    struct mk_bytes b = { 0 };

    mk_append(&b, ident, sizeof ident);
    mk_push(&b, p, ET_EXEC, 2);
    mk_push(&b, p, EM_NONE, 2);
    mk_push(&b, p, EV_CURRENT, 4);
    mk_push(&b, p, 0, word);
    mk_push(&b, p, 0, word);
    mk_push(&b, p, of_sections, word);
    mk_push(&b, p, 0, 4);
    mk_push(&b, p, head, 2);
    mk_push(&b, p, 0, 2);
    mk_push(&b, p, 0, 2);
    mk_push(&b, p, word == 8 ? 64 : 40, 2);
    mk_push(&b, p, 5, 2);
    mk_push(&b, p, 3, 2);
    mk_append(&b, info->at, info->n);
    mk_append(&b, abbrev->at, abbrev->n);
    if (str)
        mk_append(&b, str->at, str->n);
    mk_append(&b, names, sizeof names);
    while (b.n < of_sections)
        mk_append(&b, "", 1);
    section(&b, p, 0, SHT_NULL, 0, 0);
    section(&b, p, 1, SHT_PROGBITS, head, info->n);
    section(&b, p, 13, SHT_PROGBITS, of_abbrev, abbrev->n);
    section(&b, p, 27, SHT_STRTAB, of_names, sizeof names);
    section(&b, p, 37, SHT_PROGBITS, of_str, strings->n);
    return b;
}

struct mk_bytes mk_written(const struct eg_profile *p)
{
    const struct eg_dwarf_unit unit = { .name = "unit" };
    struct eg_dwarf_sections s;
    struct eg_types ts;
    struct mk_bytes b;

    if (eg_types_init(&ts, p, NULL) < 0 || eg_dwarf_write(&s, &ts, &unit, NULL) < 0)
        mk_fail("out of memory");
    b = mk_elf(p, &(struct mk_bytes){ .at = s.info.at, .n = s.info.n },
               &(struct mk_bytes){ .at = s.abbrev.at, .n = s.abbrev.n },
               &(struct mk_bytes){ .at = s.str.at, .n = s.str.n });
    eg_dwarf_sections_fini(&s);
    eg_types_fini(&ts);
    return b;
}

struct mk_bytes mk_dwarf(const struct eg_profile *p, const struct mk_variable *more)
{
    struct writer w = { .p = p, .at = calloc(p->n_types + 1, sizeof(uint32_t)) };
    struct mk_bytes abbrev = abbreviations(), b;

    if (!w.at)
        mk_fail("out of memory");
    put(&w, 0, 4); // length
    put(&w, 5, 2);
    put(&w, 1, 1); // DW_UT_compile
    put(&w, p->model.ptr_size, 1);
    put(&w, 0, 4);
    put(&w, UNIT, 1);
    put(&w, 0x1d, 2); // C11
    for (uint32_t id = 1; id < p->n_types; id++) {
        w.at[id] = (uint32_t)w.info.n;
        type(&w, &p->types[id]);
    }
    for (; more && more->name; more++)
        variable(&w, more->name, more->type);
    put(&w, 0, 1);
    patch(&w, 0, w.info.n - 4);
    for (size_t i = 0; i < w.references.n; i++)
        patch(&w, w.references.at[i].at, w.at[w.references.at[i].id]);
    b = mk_elf(p, &w.info, &abbrev, NULL);
    eg_vec_fini(&w.info);
    eg_vec_fini(&w.references);
    eg_vec_fini(&abbrev);
    free(w.at);
    return b;
}
