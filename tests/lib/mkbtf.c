/* mkbtf.c - BTF from a profile (kernel Documentation/bpf/btf.rst). */
#include "mksource.h"
#include "mktypes.h"
#include "vec.h"

void mk_append(struct mk_bytes *b, const void *bytes, size_t n)
{
    if (!eg_vec_reserve(b, b->n + n))
        mk_fail("out of memory");
    if (n)
        memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

void mk_push(struct mk_bytes *b, const struct eg_profile *p, uint64_t v, unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[p->model.big_endian ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
    mk_append(b, bytes, size);
}

enum {
    INT = 1,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    FUNC_PROTO = 13,
    FLOAT = 16,
    ENUM64 = 19
};

static void record(struct mk_bytes *b, const struct eg_profile *p, uint32_t name, unsigned kind,
                   uint32_t vlen, bool flag, uint64_t size_or_type)
{
    if (vlen > 0xffff)
        mk_fail("BTF has no room for %u members", vlen);
    mk_push(b, p, name, 4);
    mk_push(b, p, vlen | kind << 24 | (uint32_t)flag << 31, 4);
    mk_push(b, p, size_or_type, 4);
}

static bool has_bits(const struct eg_profile *p, const struct eg_type *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (p->members[t->first + i].bit_size)
            return true;
    return false;
}

static void members(struct mk_bytes *b, const struct eg_profile *p, const struct eg_type *t,
                    bool bits)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct eg_member *m = &p->members[t->first + i];

        mk_push(b, p, m->name, 4);
        mk_push(b, p, m->type, 4);
        mk_push(b, p, m->bit_off | (bits ? m->bit_size << 24 : 0), 4);
    }
}

static void enumerators(struct mk_bytes *b, const struct eg_profile *p, const struct eg_type *t)
{
    bool wide = false;

    for (uint32_t i = 0; i < t->count; i++) {
        const int64_t v = p->enumerators[t->first + i].value;

        wide = wide || (t->flags & EG_TF_SIGNED ? v != (int32_t)v : v != (uint32_t)v);
    }
    record(b, p, t->name, wide ? ENUM64 : ENUM, t->count, t->flags & EG_TF_SIGNED, t->size);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct eg_enumerator *e = &p->enumerators[t->first + i];

        mk_push(b, p, e->name, 4);
        mk_push(b, p, (uint64_t)e->value, 4);
        if (wide)
            mk_push(b, p, (uint64_t)e->value >> 32, 4);
    }
}

static void type(struct mk_bytes *b, const struct eg_profile *p, const struct eg_type *t)
{
    const bool bits = (t->kind == EG_T_STRUCT || t->kind == EG_T_UNION) && has_bits(p, t);

    switch (t->kind) {
    case EG_T_INT:
        record(b, p, t->name, INT, 0, false, t->size);
        // The mark of a character, 2, is none that pahole sets.
        mk_push(b, p, (uint64_t)(t->flags & (EG_TF_SIGNED | EG_TF_BOOL)) << 24 | 8 * t->size, 4);
        break;
    case EG_T_FLOAT:
        record(b, p, t->name, FLOAT, 0, false, t->size);
        break;
    case EG_T_PTR:
        record(b, p, 0, PTR, 0, false, t->ref);
        break;
    case EG_T_ARRAY:
        record(b, p, 0, ARRAY, 0, false, 0);
        mk_push(b, p, t->ref, 4);
        mk_push(b, p, t->ref, 4); // the index's type: any
        mk_push(b, p, t->count, 4);
        break;
    case EG_T_STRUCT:
    case EG_T_UNION:
        record(b, p, t->name, t->kind == EG_T_STRUCT ? STRUCT : UNION, t->count, bits, t->size);
        members(b, p, t, bits);
        break;
    case EG_T_ENUM:
        enumerators(b, p, t);
        break;
    case EG_T_TYPEDEF:
        record(b, p, t->name, TYPEDEF, 0, false, t->ref);
        break;
    case EG_T_FUNC:
        record(b, p, 0, FUNC_PROTO, t->count, false, t->ref);
        for (uint32_t i = 0; i < t->count; i++) {
            mk_push(b, p, p->members[t->first + i].name, 4);
            mk_push(b, p, p->members[t->first + i].type, 4);
        }
        break;
    default:
        record(b, p, t->name, FWD, 0, t->flags & EG_TF_UNION, 0);
    }
}

struct mk_bytes mk_btf(const struct eg_profile *p)
{
    struct mk_bytes types = { 0 }, b = { 0 };

    for (uint32_t id = 1; id < p->n_types; id++)
        type(&types, p, &p->types[id]);
    mk_push(&b, p, 0xeb9f, 2);
    mk_push(&b, p, 1, 1);
    mk_push(&b, p, 0, 1);
    mk_push(&b, p, 24, 4);
    mk_push(&b, p, 0, 4);
    mk_push(&b, p, types.n, 4);
    mk_push(&b, p, types.n, 4);
    mk_push(&b, p, p->n_strings, 4);
    mk_append(&b, types.at, types.n);
    mk_append(&b, p->strings, p->n_strings);
    eg_vec_fini(&types);
    return b;
}
