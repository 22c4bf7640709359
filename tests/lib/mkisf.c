/* mkisf.c - ISF from a profile. */
#include "mkisf.h"
#include "mktypes.h"
#include <inttypes.h>
#include <stdlib.h>

static const char *name_of(const struct eg_profile *p, uint32_t id, char made[32])
{
    if (p->types[id].name)
        return p->strings + p->types[id].name;
    snprintf(made, 32, "unnamed_%08" PRIx32, id);
    return made;
}

static uint32_t strip(const struct eg_profile *p, uint32_t id)
{
    while (p->types[id].kind == EG_T_TYPEDEF)
        id = p->types[id].ref;
    return id;
}

static void type(FILE *f, const struct eg_profile *p, uint32_t id)
{
    const struct eg_type *t = &p->types[id = strip(p, id)];
    char made[32];

    switch (t->kind) {
    case EG_T_PTR:
        fputs("{\"kind\":\"pointer\",\"subtype\":", f);
        type(f, p, t->ref);
        break;
    case EG_T_ARRAY:
        fprintf(f, "{\"count\":%" PRIu32 ",\"kind\":\"array\",\"subtype\":", t->count);
        type(f, p, t->ref);
        break;
    case EG_T_FUNC:
        fputs("{\"kind\":\"function\"", f);
        break;
    case EG_T_STRUCT:
    case EG_T_UNION:
    case EG_T_ENUM:
    case EG_T_FWD:
        fprintf(f, "{\"kind\":\"%s\",\"name\":\"%s\"",
                t->kind == EG_T_ENUM                                ? "enum"
                : t->kind == EG_T_UNION || (t->flags & EG_TF_UNION) ? "union"
                                                                    : "struct",
                name_of(p, id, made));
        break;
    default:
        fprintf(f, "{\"kind\":\"base\",\"name\":\"%s\"",
                t->kind == EG_T_VOID ? "void" : p->strings + t->name);
    }
    fputs("}", f);
}

static int by_name(const void *a, const void *b, void *strings)
{
    const struct eg_member *m = a, *n = b;
    int order = strcmp((const char *)strings + m->name, (const char *)strings + n->name);

    return order ? order : (m->bit_off > n->bit_off) - (m->bit_off < n->bit_off);
}

static void member(FILE *f, const struct eg_profile *p, const struct eg_member *m)
{
    const uint64_t size = p->types[strip(p, m->type)].size;
    // The storage unit that holds the bits, as a compiler aligns it.
    uint64_t at = m->bit_size && size ? m->bit_off / 8 / size * size : m->bit_off / 8;

    if (m->name)
        fprintf(f, "\"%s\":{", p->strings + m->name);
    else
        fprintf(f, "\"unnamed_field_%" PRIx64 "\":{\"anonymous\":true,", m->bit_off);
    if (m->bit_size && m->bit_off + m->bit_size > 8 * (at + size))
        at = m->bit_off / 8; // packed
    fprintf(f, "\"offset\":%" PRIu64 ",\"type\":", at);
    if (m->bit_size) {
        const uint64_t from =
            p->model.big_endian ? 8 * (at + size) - m->bit_off - m->bit_size : m->bit_off - 8 * at;

        fprintf(f,
                "{\"bit_length\":%" PRIu32 ",\"bit_position\":%" PRIu64
                ",\"kind\":\"bitfield\",\"type\":",
                m->bit_size, from);
        type(f, p, m->type);
        fputs("}", f);
    } else {
        type(f, p, m->type);
    }
    fputs("}", f);
}

static void user_type(FILE *f, const struct eg_profile *p, uint32_t id)
{
    const struct eg_type *t = &p->types[id];
    struct eg_member *members = calloc(t->count + 1, sizeof *members);

    if (!members)
        mk_fail("out of memory");
    for (uint32_t i = 0; i < t->count; i++)
        members[i] = p->members[t->first + i];
    qsort_r(members, t->count, sizeof *members, by_name, (void *)p->strings);
    fputs("\"fields\":{", f);
    for (uint32_t i = 0; i < t->count; i++) {
        fputs(i ? "," : "", f);
        member(f, p, &members[i]);
    }
    fprintf(f, "},\"kind\":\"%s\",\"size\":%" PRIu64 "}",
            t->kind == EG_T_UNION ? "union" : "struct", t->size);
    free(members);
}

static void enumerators(FILE *f, const struct eg_profile *p, const struct eg_type *t)
{
    fprintf(f, "\"base\":\"unsigned int\",\"constants\":{");
    for (uint32_t i = 0; i < t->count; i++) {
        const struct eg_enumerator *e = &p->enumerators[t->first + i];

        fprintf(f, "%s\"%s\":%" PRId64, i ? "," : "", p->strings + e->name, e->value);
    }
    fprintf(f, "},\"size\":%" PRIu64 "}", t->size);
}

static void base_type(FILE *f, const struct eg_profile *p, const struct eg_type *t)
{
    const bool text = t->size == 1 && strstr(p->strings + t->name, "char");

    fprintf(f, "\"endian\":\"%s\",\"kind\":\"%s\",\"signed\":%s,\"size\":%" PRIu64 "}",
            p->model.big_endian ? "big" : "little",
            t->kind == EG_T_FLOAT   ? "float"
            : t->flags & EG_TF_BOOL ? "bool"
            : text                  ? "char"
                                    : "int",
            t->flags & EG_TF_SIGNED ? "true" : "false", t->size);
}

static void section(FILE *f, const struct eg_profile *p, const char *title, uint32_t kinds)
{
    const char *between = "";
    char made[32];

    fprintf(f, ",\n\"%s\":{", title);
    if (kinds & 1u << EG_T_INT) {
        fprintf(f,
                "\"pointer\":{\"endian\":\"%s\",\"kind\":\"int\",\"signed\":false,\"size\":%u},"
                "\n\"void\":{\"endian\":\"little\",\"kind\":\"void\",\"signed\":false,\"size\":0}",
                p->model.big_endian ? "big" : "little", p->model.ptr_size);
        between = ",";
    }
    for (uint32_t id = 1; id < p->n_types; id++) {
        const struct eg_type *t = &p->types[id];

        if (!(1u << t->kind & kinds))
            continue;
        fprintf(f, "%s\n\"%s\":{", between, name_of(p, id, made));
        between = ",";
        if (t->kind == EG_T_ENUM)
            enumerators(f, p, t);
        else if (t->kind == EG_T_STRUCT || t->kind == EG_T_UNION)
            user_type(f, p, id);
        else
            base_type(f, p, t);
    }
    fputs("}", f);
}

void mk_isf(FILE *f, const struct eg_profile *p)
{
    fputs("{\"metadata\":{\"linux\":{},\"producer\":{\"name\":\"mkisf\",\"version\":\"0\"},"
          "\"format\":\"6.2.0\"}",
          f);
    section(f, p, "base_types", 1u << EG_T_INT | 1u << EG_T_FLOAT);
    section(f, p, "enums", 1u << EG_T_ENUM);
    fputs(",\n\"symbols\":{\"\":{}", f);
    for (uint32_t i = 0; i < p->n_symbols; i++)
        fprintf(
            f, ",\n\"%s\":{\"address\":%" PRIu64 ",\"type\":{\"kind\":\"base\",\"name\":\"void\"}}",
            p->strings + p->symbols[i].name, p->symbols[i].addr);
    fputs("}", f);
    section(f, p, "user_types", 1u << EG_T_STRUCT | 1u << EG_T_UNION);
    fputs("}\n", f);
}
