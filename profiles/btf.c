/* btf.c - types from BTF: Documentation/bpf/btf.rst and include/uapi/linux/btf.h of 5.2 to 7.1.
 *
 *    header | type section: {name, info, size or type} and data of the kind, ids from 1 | strings
 *
 *  Every record keeps its id. Records that are not types (functions, tags) become void; const and
 * the like become a typedef without a name, which the builder skips. */
#include "btf.h"
#include "../core/vec.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    INT = 1,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    VOLATILE,
    CONST,
    RESTRICT,
    FUNC,
    FUNC_PROTO,
    VAR,
    DATASEC,
    FLOAT,    // 5.13
    DECL_TAG, // 5.16
    TYPE_TAG, // 5.17
    ENUM64,   // 6.0
    KINDS
};

enum { HEADER = 24, HEADER_LAYOUT = 32, RECORD = 12, BYTES_MAX = 1 << 28 };

/* For each kind of record: how many bytes follow it, once and for each of its vlen elements; the
 * kind of our type; and which of its fields the record has. A table instead of branches, because
 * kinds come in any order and branches would be mispredicted. BTF of 7.1 and later has the lengths
 * in a layout section, also those of kinds that we do not know. */
enum { NAME = 1, SIZE = 2, REF = 4, MEMBERS = 8, ENUMERATORS = 16, MORE = 32 };
static const struct kind {
    uint8_t once, each;
    uint8_t kind;
    uint8_t has;
} known[KINDS] = {
    [INT] = { 4, 0, EG_T_INT, NAME | SIZE | MORE },
    [PTR] = { 0, 0, EG_T_PTR, REF },
    [ARRAY] = { 12, 0, EG_T_ARRAY, MORE },
    [STRUCT] = { 0, 12, EG_T_STRUCT, NAME | SIZE | MEMBERS | MORE },
    [UNION] = { 0, 12, EG_T_UNION, NAME | SIZE | MEMBERS | MORE },
    [ENUM] = { 0, 8, EG_T_ENUM, NAME | SIZE | ENUMERATORS | MORE },
    [FWD] = { 0, 0, EG_T_FWD, NAME | MORE },
    [TYPEDEF] = { 0, 0, EG_T_TYPEDEF, NAME | REF },
    [VOLATILE] = { 0, 0, EG_T_TYPEDEF, REF },
    [CONST] = { 0, 0, EG_T_TYPEDEF, REF },
    [RESTRICT] = { 0, 0, EG_T_TYPEDEF, REF },
    [FUNC] = { 0, 0, EG_T_VOID, NAME | REF }, // nothing refers to it: its name and prototype stay
    [FUNC_PROTO] = { 0, 8, EG_T_FUNC, REF | MEMBERS | MORE },
    [VAR] = { 4, 0, EG_T_VAR, NAME | REF },
    [DATASEC] = { 0, 12, EG_T_STRUCT, NAME | SIZE | MEMBERS | MORE },
    [FLOAT] = { 0, 0, EG_T_FLOAT, NAME | SIZE },
    [DECL_TAG] = { 4, 0, EG_T_VOID, 0 },
    [TYPE_TAG] = { 0, 0, EG_T_TYPEDEF, REF },
    [ENUM64] = { 0, 12, EG_T_ENUM, NAME | SIZE | ENUMERATORS | MORE },
};

struct section {
    const uint8_t *types, *types_end;
    const char *strings;
    uint32_t strings_len;
    const uint8_t *layouts; // NULL: none
    uint32_t n_layouts;
    bool big;
};

static uint32_t u32(const struct section *s, const uint8_t *p)
{
    return s->big ? eg_be32(p) : eg_le32(p);
}

static uint32_t header_u32(const uint8_t *p, bool big)
{
    return big ? eg_be32(p) : eg_le32(p);
}

static uint64_t end_of(const uint8_t *p, bool big)
{
    return (uint64_t)header_u32(p, big) + header_u32(p + 4, big);
}

bool eg_btf_header(const uint8_t *p, size_t len, bool big_endian, uint64_t *total)
{
    uint64_t header, end;

    if (len < HEADER || (big_endian ? eg_be16(p) : eg_le16(p)) != 0xeb9f || p[2] != 1 || p[3] != 0)
        return false;
    header = header_u32(p + 4, big_endian);
    if (header < HEADER || header > 4096 || header_u32(p + 8, big_endian) % 4 ||
        header_u32(p + 12, big_endian) % 4)
        return false;
    end = EG_MAX(end_of(p + 8, big_endian), end_of(p + 16, big_endian));
    if (header >= HEADER_LAYOUT && len >= HEADER_LAYOUT)
        end = EG_MAX(end, end_of(p + 24, big_endian));
    if (end > BYTES_MAX)
        return false;
    *total = header + end;
    return true;
}

static bool open_section(struct section *s, const uint8_t *p, size_t len, bool big)
{
    uint64_t total;
    uint32_t header;

    if (!eg_btf_header(p, len, big, &total) || total > len)
        return false;
    *s = (struct section){ .big = big };
    header = u32(s, p + 4);
    s->types = p + header + u32(s, p + 8);
    s->types_end = s->types + u32(s, p + 12);
    s->strings = (const char *)p + header + u32(s, p + 16);
    s->strings_len = u32(s, p + 20);
    if (header >= HEADER_LAYOUT) {
        s->layouts = p + header + u32(s, p + 24);
        s->n_layouts = u32(s, p + 28) / 4;
    }
    return !s->strings_len || s->strings[s->strings_len - 1] == 0;
}

// One record of the type section.
struct record {
    uint32_t name, info, size; // size, or the type that it leads to
    uint32_t vlen;
    uint8_t kind;
    const uint8_t *more;
};

static bool next_record(const struct section *s, const uint8_t **at, struct record *r)
{
    const size_t left = (size_t)(s->types_end - *at);
    uint64_t once, each;

    if (left < RECORD)
        return false;
    r->name = u32(s, *at);
    r->info = u32(s, *at + 4);
    r->size = u32(s, *at + 8);
    r->vlen = r->info & 0xffffff; // 16 bits up to 7.0, the others zero
    r->kind = r->info >> 24 & 0x7f;
    r->more = *at + RECORD;
    if (r->kind && r->kind < KINDS) {
        once = known[r->kind].once;
        each = known[r->kind].each;
    } else if (r->kind && r->kind < s->n_layouts) {
        once = s->layouts[4 * r->kind];
        each = s->layouts[4 * r->kind + 1];
    } else {
        return false;
    }
    once += each * r->vlen;
    if (once > left - RECORD)
        return false;
    *at += RECORD + once;
    return true;
}

// What the type section holds, to make room for it once.
struct census {
    uint32_t types, members, enumerators;
    bool signed_enums; // enums have a flag for signed (6.0)
    bool odd_ints;     // some integers have a bit offset, or fewer bits than their bytes
};

static bool count(const struct section *s, struct census *c)
{
    struct record r;

    *c = (struct census){ 0 };
    for (const uint8_t *p = s->types; p < s->types_end;) {
        uint8_t has;

        if (!next_record(s, &p, &r))
            return false;
        has = r.kind < KINDS ? known[r.kind].has : 0;
        c->types++;
        c->members += has & MEMBERS ? r.vlen : 0;
        c->enumerators += has & ENUMERATORS ? r.vlen : 0;
        if (r.kind == INT)
            c->odd_ints |= (u32(s, r.more) & 0xffffff) != 8 * (uint64_t)r.size;
        if (has & ENUMERATORS)
            c->signed_enums |= r.kind == ENUM64 || r.info >> 31;
    }
    return true;
}

bool eg_btf_valid(const uint8_t *p, size_t len, bool big_endian, uint32_t *n_types)
{
    struct section s;
    struct census c;
    struct record r;

    if (!open_section(&s, p, len, big_endian) || !s.strings_len || s.strings[0] != 0 ||
        !count(&s, &c) || !c.types)
        return false;
    for (const uint8_t *at = s.types; at < s.types_end;) {
        uint32_t each;

        if (!next_record(&s, &at, &r) || r.name >= s.strings_len)
            return false;
        each = r.kind < KINDS && r.kind != DATASEC ? known[r.kind].each : 0;
        for (uint32_t i = 0; each && i < r.vlen; i++)
            if (u32(&s, r.more + (size_t)i * each) >= s.strings_len)
                return false;
    }
    *n_types = c.types;
    return true;
}

uint32_t eg_btf_records(const uint8_t *p, size_t len, bool big_endian, uint32_t max)
{
    struct section s = { .big = big_endian };
    uint64_t total, from, end;
    struct record r;
    uint32_t n = 0;

    if (!eg_btf_header(p, len, big_endian, &total))
        return 0;
    from = (uint64_t)u32(&s, p + 4) + u32(&s, p + 8);
    end = from + u32(&s, p + 12);
    s.types = p + from;
    for (uint64_t at = from; n < max && at + RECORD <= EG_MIN(end, (uint64_t)len); n++) {
        const uint8_t *next = p + at;

        s.types_end = p + end; // only the record itself is read, not what follows it
        if ((u32(&s, p + at + 4) >> 24 & 0x7f) >= KINDS && u32(&s, p + 4) >= HEADER_LAYOUT)
            return n; // the layout section describes it, and may be elsewhere
        if (!next_record(&s, &next, &r) || r.name >= u32(&s, p + 20))
            return 0;
        at = (uint64_t)(next - p);
    }
    return n;
}

/* ---- into a profile ---- */

// A DATASEC, until all types are there.
struct variables {
    uint32_t own; // index of its type
    struct record record;
};

struct reader {
    struct section s;
    struct census c;
    struct eg_builder *b;
    const struct eg_profile *base; // NULL: names are offsets of our own strings
    uint32_t first;                // our first id
    struct eg_type *types;         // from then on
    const uint8_t **at;            // where their records are; only if there are odd integers
    EG_VEC(struct variables) sections;
    bool no_memory;
    bool qualified; // references lead to const and the like
    bool torn;      // a name begins in the middle of another one: the base is another kernel's
};

// Ids and offsets of split BTF continue those of its base.
static const char *text(struct reader *r, uint32_t at)
{
    const uint32_t base_len = r->base ? r->base->btf_strings : 0;
    const char *strings = r->s.strings;
    uint32_t len = r->s.strings_len;

    if (at < base_len) {
        strings = r->base->strings;
        len = base_len;
    } else {
        at -= base_len;
    }
    r->torn = r->torn || at >= len || (at && strings[at - 1]);
    return at < len ? strings + at : "";
}

static uint32_t name(struct reader *r, uint32_t at)
{
    const char *s;

    if (!r->base)
        return at; // finish checks it
    s = text(r, at);
    return eg_builder_name(r->b, s, strlen(s));
}

// Before kind_flag (5.0, pahole 1.13) a bit-field's type was an integer that is narrower than its
// bytes, or begins inside them.
static void old_bit_field(const struct reader *r, struct eg_member *m)
{
    struct record t;
    uint32_t id = m->type, encoding;

    for (int i = 0; i < 32; i++) {
        const uint8_t *p;

        if (id < r->first || id - r->first >= r->c.types)
            return;
        p = r->at[id - r->first];
        if (!next_record(&r->s, &p, &t) || t.kind >= KINDS || known[t.kind].kind != EG_T_TYPEDEF)
            break;
        id = t.size;
    }
    if (t.kind != INT)
        return;
    encoding = u32(&r->s, t.more);
    if ((encoding & 0xffffff) == 8 * (uint64_t)t.size)
        return;
    m->bit_off += encoding >> 16 & 0xff;
    m->bit_size = encoding & 0xff;
}

static void read_members(struct reader *r, const struct record *rec)
{
    struct eg_member *m = eg_builder_members(r->b, rec->vlen);
    const bool kind_flag = rec->info >> 31;

    for (uint32_t i = 0; m && i < rec->vlen; i++, m++) {
        const uint8_t *p = rec->more + (size_t)12 * i;
        const uint32_t off = u32(&r->s, p + 8);

        *m = (struct eg_member){ .bit_off = kind_flag ? off & 0xffffff : off,
                                 .name = name(r, u32(&r->s, p)),
                                 .type = u32(&r->s, p + 4),
                                 .bit_size = kind_flag ? off >> 24 : 0 };
        if (r->c.odd_ints && !kind_flag)
            old_bit_field(r, m);
    }
}

static void read_parameters(struct reader *r, const struct record *rec)
{
    struct eg_member *m = eg_builder_members(r->b, rec->vlen);

    for (uint32_t i = 0; m && i < rec->vlen; i++, m++)
        *m = (struct eg_member){ .name = name(r, u32(&r->s, rec->more + (size_t)8 * i)),
                                 .type = u32(&r->s, rec->more + (size_t)8 * i + 4) };
}

// A section of variables is a struct of them.
static void read_variables(struct reader *r, struct eg_type *t, const struct record *rec)
{
    struct eg_member *m;

    t->first = eg_builder_member_count(r->b);
    t->count = rec->vlen;
    m = eg_builder_members(r->b, rec->vlen);
    for (uint32_t i = 0; m && i < rec->vlen; i++, m++) {
        const uint8_t *p = rec->more + (size_t)12 * i;
        const uint32_t id = u32(&r->s, p);
        const uint64_t off = u32(&r->s, p + 4);

        *m = (struct eg_member){ .bit_off = 8 * off };
        if (id >= r->first && id - r->first < r->c.types &&
            r->types[id - r->first].kind == EG_T_VAR) {
            m->name = r->types[id - r->first].name;
            m->type = r->types[id - r->first].ref;
        }
        t->size = EG_MAX(t->size, off + u32(&r->s, p + 8));
    }
}

// Before 6.0 no enum said that it is signed.
static uint8_t read_enumerators(struct reader *r, const struct record *rec)
{
    const uint32_t each = known[rec->kind].each;
    const bool kind_flag = rec->info >> 31, extend = kind_flag || !r->c.signed_enums;
    bool negative = kind_flag;

    for (uint32_t i = 0; i < rec->vlen; i++) {
        const uint8_t *p = rec->more + (size_t)each * i;
        const uint32_t low = u32(&r->s, p + 4);
        int64_t value = extend ? (int32_t)low : (int64_t)low;

        if (rec->kind == ENUM64)
            value = (int64_t)(low | (uint64_t)u32(&r->s, p + 8) << 32);
        else
            negative |= value < 0;
        eg_builder_enumerator(r->b, name(r, u32(&r->s, p)), value);
    }
    return negative ? EG_TF_SIGNED : 0;
}

// What a kind has of its own.
static void read_more(struct reader *r, const struct record *rec, struct eg_type *t)
{
    struct variables *v;
    uint32_t encoding;

    switch (rec->kind) {
    case INT:
        encoding = u32(&r->s, rec->more) >> 24;
        t->flags = encoding & (EG_TF_SIGNED | EG_TF_BOOL);
        if (rec->size == 1 && !strcmp(text(r, rec->name), "char"))
            t->flags |= EG_TF_CHAR; // the section's own mark is not set by pahole
        break;
    case FWD:
        t->flags = rec->info >> 31 ? EG_TF_UNION : 0;
        break;
    case ARRAY:
        t->ref = u32(&r->s, rec->more);
        t->count = u32(&r->s, rec->more + 8);
        break;
    case STRUCT:
    case UNION:
        t->first = eg_builder_member_count(r->b);
        t->count = rec->vlen;
        read_members(r, rec);
        break;
    case FUNC_PROTO:
        t->first = eg_builder_member_count(r->b);
        t->count = rec->vlen;
        read_parameters(r, rec);
        break;
    case DATASEC: // when all types are there
        v = eg_vec_push(&r->sections);
        if (v)
            *v = (struct variables){ (uint32_t)(t - r->types), *rec };
        r->no_memory |= !v;
        break;
    default: // ENUM, ENUM64
        t->first = eg_builder_enumerator_count(r->b);
        t->count = rec->vlen;
        t->flags = read_enumerators(r, rec);
    }
}

static void read_type(struct reader *r, const struct record *rec, struct eg_type *t)
{
    const struct kind none = { 0 }, *k = rec->kind < KINDS ? &known[rec->kind] : &none;

    *t = (struct eg_type){ .kind = k->kind,
                           .name = k->has & NAME ? name(r, rec->name) : 0,
                           .size = k->has & SIZE ? rec->size : 0,
                           .ref = k->has & REF ? rec->size : 0 };
    if (k->has & MORE)
        read_more(r, rec, t);
    else if (r->qualified)
        t->flags = rec->kind == CONST      ? EG_TF_CONST
                   : rec->kind == VOLATILE ? EG_TF_VOLATILE
                   : rec->kind == RESTRICT ? EG_TF_RESTRICT
                                           : 0;
}

static void read_types(struct reader *r)
{
    const uint8_t *at = r->s.types;
    struct record rec;

    // Only names are pushed in between, so pointers to types stay valid.
    r->types = eg_builder_types(r->b, r->c.types);
    for (uint32_t i = 0; r->types && i < r->c.types && next_record(&r->s, &at, &rec); i++)
        read_type(r, &rec, &r->types[i]);
    for (size_t i = 0; r->types && i < r->sections.n; i++)
        read_variables(r, &r->types[r->sections.at[i].own], &r->sections.at[i].record);
    eg_vec_fini(&r->sections);
}

static bool locate(struct reader *r)
{
    const uint8_t *at = r->s.types;
    struct record rec;

    r->at = malloc(r->c.types * sizeof *r->at);
    for (uint32_t i = 0; r->at && i < r->c.types; i++) {
        r->at[i] = at;
        next_record(&r->s, &at, &rec);
    }
    return r->at;
}

static int read_(struct eg_profile **out, const uint8_t *p, size_t len, struct eg_model model,
                 const struct eg_profile *base, const char *module, const char *source,
                 bool qualified, struct eg_error *e)
{
    struct reader r = { .base = base, .first = base ? base->n_types : 1, .qualified = qualified };
    int rc;

    // A module may have no type, or no name, of its own.
    if (!open_section(&r.s, p, len, model.big_endian) ||
        (!base && (!r.s.strings_len || r.s.types == r.s.types_end)))
        return eg_fail(e, EG_EFORMAT, "%s: no BTF header, or its sections are cut short", source);
    // A kernel's strings begin with the empty one; a module's follow those of its kernel.
    if (!base && r.s.strings[0])
        return eg_fail(e, EG_EUSAGE, "%s: a module's BTF needs its kernel's: give that too",
                       source);
    if (!count(&r.s, &r.c))
        return eg_fail(e, EG_EFORMAT, "%s: damaged type section: type %" PRIu32 " is invalid",
                       source, r.first + r.c.types);
    if (r.c.odd_ints && !locate(&r))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", source);
    r.b = eg_builder_new(model, source);
    if (qualified)
        eg_builder_qualified(r.b);
    eg_builder_expect(r.b, r.c.types, r.c.members, 0);
    if (base)
        eg_builder_set_base(r.b, base, module);
    else
        eg_builder_strings(r.b, r.s.strings, r.s.strings_len);
    read_types(&r);
    free(r.at);
    if (r.no_memory) {
        eg_builder_free(r.b);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", source);
    }
    if (base && r.torn) { // nothing else in split BTF shows that the kernel is another one
        eg_builder_free(r.b);
        return eg_fail(e, EG_EFORMAT, "%s: made on top of the BTF of another kernel than %s",
                       source, base->source);
    }
    rc = eg_builder_finish(r.b, out, NULL, e);
    if (rc == 0 && !base)
        (*out)->btf_strings = r.s.strings_len;
    return rc;
}

int eg_btf_read(struct eg_profile **out, const uint8_t *p, size_t len, struct eg_model model,
                const struct eg_profile *base, const char *module, const char *source,
                struct eg_error *e)
{
    return read_(out, p, len, model, base, module, source, false, e);
}

int eg_btf_read_qualified(struct eg_profile **out, const uint8_t *p, size_t len,
                          struct eg_model model, const struct eg_profile *base, const char *module,
                          const char *source, struct eg_error *e)
{
    return read_(out, p, len, model, base, module, source, true, e);
}
