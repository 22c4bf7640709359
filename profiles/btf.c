/* btf.c - types from BTF: Documentation/bpf/btf.rst and include/uapi/linux/btf.h of 5.2 to 7.1.
 *
 *    header | type section: {name, info, size or type} and what the kind adds, ids from 1 | strings
 *
 *  Every kind keeps its id; those that are no types (functions, tags) become void, and const and
 * its like a typedef without a name, which the builder leads past. */
#include "btf.h"
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

enum { HEADER = 24, HEADER_LAYOUT = 32, RECORD = 12, BYTES_MAX = 1 << 30 };

/* What follows a record: bytes once, and for each of vlen. A section made for newer kernels (7.1)
 * says so itself in a layout section, also for kinds that we do not know. */
struct layout {
    uint8_t once, each;
};
static const struct layout known[KINDS] = {
    [INT] = { 4, 0 },        [PTR] = { 0, 0 },      [ARRAY] = { 12, 0 },   [STRUCT] = { 0, 12 },
    [UNION] = { 0, 12 },     [ENUM] = { 0, 8 },     [FWD] = { 0, 0 },      [TYPEDEF] = { 0, 0 },
    [VOLATILE] = { 0, 0 },   [CONST] = { 0, 0 },    [RESTRICT] = { 0, 0 }, [FUNC] = { 0, 0 },
    [FUNC_PROTO] = { 0, 8 }, [VAR] = { 4, 0 },      [DATASEC] = { 0, 12 }, [FLOAT] = { 0, 0 },
    [DECL_TAG] = { 4, 0 },   [TYPE_TAG] = { 0, 0 }, [ENUM64] = { 0, 12 },
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
        header_u32(p + 12, big_endian) < RECORD || header_u32(p + 12, big_endian) % 4 ||
        !header_u32(p + 20, big_endian))
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
    return s->strings[s->strings_len - 1] == 0;
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
    bool signed_enums; // its enums say whether they are signed (6.0): those that do not, are not
    bool odd_ints;     // some integers have an offset, or fewer bits than bytes
};

// @at (may be NULL) gets where each type is, with room for one in every RECORD bytes, and one more.
static bool count(const struct section *s, struct census *c, const uint8_t **at)
{
    struct record r;

    *c = (struct census){ 0 };
    for (const uint8_t *p = s->types; p < s->types_end;) {
        if (at)
            at[c->types] = p;
        if (!next_record(s, &p, &r))
            return false;
        c->types++;
        if (r.kind == STRUCT || r.kind == UNION || r.kind == FUNC_PROTO || r.kind == DATASEC) {
            c->members += r.vlen;
        } else if (r.kind == ENUM || r.kind == ENUM64) {
            c->enumerators += r.vlen;
            c->signed_enums |= r.kind == ENUM64 || r.info >> 31;
        } else if (r.kind == INT) {
            c->odd_ints |= (u32(s, r.more) & 0xffffff) != 8 * (uint64_t)r.size;
        }
    }
    return true;
}

bool eg_btf_valid(const uint8_t *p, size_t len, bool big_endian, uint32_t *n_types)
{
    struct section s;
    struct census c;
    struct record r;

    if (!open_section(&s, p, len, big_endian) || s.strings[0] != 0 || !count(&s, &c, NULL))
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

/* ---- into a profile ---- */

struct reader {
    struct section s;
    struct census c;
    struct eg_builder *b;
    const struct eg_profile *base; // NULL: names are offsets of our own strings
    uint32_t first;                // our first id
    const uint8_t **at;            // where our types are
};

static const uint8_t kinds[KINDS] = {
    [INT] = EG_T_INT,         [PTR] = EG_T_PTR,          [ARRAY] = EG_T_ARRAY,
    [STRUCT] = EG_T_STRUCT,   [UNION] = EG_T_UNION,      [ENUM] = EG_T_ENUM,
    [FWD] = EG_T_FWD,         [TYPEDEF] = EG_T_TYPEDEF,  [VOLATILE] = EG_T_TYPEDEF,
    [CONST] = EG_T_TYPEDEF,   [RESTRICT] = EG_T_TYPEDEF, [TYPE_TAG] = EG_T_TYPEDEF,
    [FUNC_PROTO] = EG_T_FUNC, [DATASEC] = EG_T_STRUCT,   [FLOAT] = EG_T_FLOAT,
    [ENUM64] = EG_T_ENUM,
};

// Ids and offsets of split BTF continue those of its base.
static const char *text(const struct reader *r, uint32_t at)
{
    if (r->base && at < r->base->n_strings)
        return r->base->strings + at;
    at -= r->base ? r->base->n_strings : 0;
    return at < r->s.strings_len ? r->s.strings + at : "";
}

static uint32_t name(struct reader *r, uint32_t at)
{
    const char *s;

    if (!r->base)
        return at; // finish checks it
    s = text(r, at);
    return eg_builder_name(r->b, s, strlen(s));
}

static bool record_of(const struct reader *r, uint32_t id, struct record *out)
{
    const uint8_t *p;

    if (id < r->first || id - r->first >= r->c.types)
        return false;
    p = r->at[id - r->first];
    return next_record(&r->s, &p, out);
}

// Before kind_flag (5.0, pahole 1.13) a bit-field's type was an integer that is narrower than its
// bytes, or begins inside them.
static void old_bit_field(const struct reader *r, struct eg_member *m)
{
    struct record t;
    uint32_t id = m->type, encoding;

    for (int i = 0; i < 32; i++) {
        if (!record_of(r, id, &t))
            return;
        if (t.kind == INT)
            break;
        if (t.kind != TYPEDEF && kinds[EG_MIN(t.kind, KINDS - 1)] != EG_T_TYPEDEF)
            return;
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

// A section of variables is a struct of them. @return its size.
static uint64_t read_variables(struct reader *r, const struct record *rec)
{
    struct eg_member *m = eg_builder_members(r->b, rec->vlen);
    uint64_t size = rec->size;

    for (uint32_t i = 0; m && i < rec->vlen; i++, m++) {
        const uint8_t *p = rec->more + (size_t)12 * i;
        const uint64_t off = u32(&r->s, p + 4);
        struct record var;

        *m = (struct eg_member){ .bit_off = 8 * off };
        if (record_of(r, u32(&r->s, p), &var) && var.kind == VAR) {
            m->name = name(r, var.name);
            m->type = var.size;
        }
        size = EG_MAX(size, off + u32(&r->s, p + 8));
    }
    return size;
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

static void read_type(struct reader *r, const struct record *rec, struct eg_type *t)
{
    *t = (struct eg_type){ .kind = rec->kind < KINDS ? kinds[rec->kind] : EG_T_VOID };
    switch (rec->kind) {
    case PTR:
    case TYPE_TAG:
    case CONST:
    case VOLATILE:
    case RESTRICT:
        t->ref = rec->size;
        return;
    case INT: {
        const uint32_t encoding = u32(&r->s, rec->more) >> 24;

        t->flags = encoding & (EG_TF_SIGNED | EG_TF_BOOL);
        if (rec->size == 1 && !strcmp(text(r, rec->name), "char"))
            t->flags |= EG_TF_CHAR; // the section's own mark is not set by pahole
        t->size = rec->size;
        break;
    }
    case FLOAT:
        t->size = rec->size;
        break;
    case TYPEDEF:
        t->ref = rec->size;
        break;
    case FWD:
        t->flags = rec->info >> 31 ? EG_TF_UNION : 0;
        break;
    case ARRAY:
        t->ref = u32(&r->s, rec->more);
        t->count = u32(&r->s, rec->more + 8);
        return;
    case STRUCT:
    case UNION:
        t->size = rec->size;
        t->first = eg_builder_member_count(r->b);
        t->count = rec->vlen;
        read_members(r, rec);
        break;
    case DATASEC:
        t->first = eg_builder_member_count(r->b);
        t->count = rec->vlen;
        t->size = read_variables(r, rec);
        break;
    case FUNC_PROTO:
        t->ref = rec->size;
        t->first = eg_builder_member_count(r->b);
        t->count = rec->vlen;
        read_parameters(r, rec);
        return;
    case ENUM:
    case ENUM64:
        t->size = rec->size;
        t->first = eg_builder_enumerator_count(r->b);
        t->count = rec->vlen;
        t->flags = read_enumerators(r, rec);
        break;
    default:
        return;
    }
    t->name = name(r, rec->name);
}

static void read_types(struct reader *r)
{
    struct eg_type *t = eg_builder_types(r->b, r->c.types);
    const uint8_t *at = r->s.types;
    struct record rec;

    // Only names come in between, which leave the types where they are.
    for (uint32_t i = 0; t && i < r->c.types && next_record(&r->s, &at, &rec); i++)
        read_type(r, &rec, &t[i]);
}

int eg_btf_read(struct eg_profile **out, const uint8_t *p, size_t len, struct eg_model model,
                const struct eg_profile *base, const char *module, const char *source,
                struct eg_error *e)
{
    struct reader r = { .base = base, .first = base ? base->n_types : 1 };
    size_t records;

    if (!open_section(&r.s, p, len, model.big_endian))
        return eg_fail(e, EG_EFORMAT, "%s: no BTF header, or its sections are cut short", source);
    records = (size_t)(r.s.types_end - r.s.types) / RECORD;
    r.at = malloc((records + 1) * sizeof *r.at);
    if (!r.at)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", source);
    if (!count(&r.s, &r.c, r.at)) {
        free(r.at);
        return eg_fail(e, EG_EFORMAT, "%s: damaged type section: type %" PRIu32 " cannot be",
                       source, r.first + r.c.types);
    }
    r.b = eg_builder_new(model, source);
    eg_builder_expect(r.b, r.c.types, r.c.members, 0);
    if (base)
        eg_builder_set_base(r.b, base, module);
    else
        eg_builder_strings(r.b, r.s.strings, r.s.strings_len);
    read_types(&r);
    free(r.at);
    return eg_builder_finish(r.b, out, NULL, e);
}
