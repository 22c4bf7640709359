/* mktypes.c - a small parser of C declarations, and the layout rules of the System V ABI. */
#include "mktypes.h"
#include "vec.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct named {
    char name[64];
    uint8_t kind; /* enum eg_type_kind of tags; EG_T_TYPEDEF, EG_T_INT */
    bool defined;
    uint32_t id;
};
struct parser {
    const char *s;
    struct eg_builder *b;
    struct eg_model model;
    const struct eg_profile *base;
    EG_VEC(struct named) names;
    EG_VEC(struct layout) layouts; /* by own id */
    uint32_t first_id;
};
struct layout {
    uint64_t size;
    uint32_t align;
};
struct member {
    uint32_t name, type, bits;
    uint64_t at;
};
struct body {
    EG_VEC(struct member) members;
    uint64_t pos, size; /* bits */
    uint32_t align;     /* bytes */
    bool is_union;
};

_Noreturn void mk_fail(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

/* ---- tokens ---- */

static void skip(struct parser *p)
{
    while (isspace((unsigned char)*p->s))
        p->s++;
}

static bool accept(struct parser *p, const char *token)
{
    size_t n = strlen(token);

    skip(p);
    if (strncmp(p->s, token, n) != 0 ||
        (isalnum((unsigned char)*token) && (isalnum((unsigned char)p->s[n]) || p->s[n] == '_')))
        return false;
    p->s += n;
    return true;
}

static void expect(struct parser *p, const char *token)
{
    if (!accept(p, token))
        mk_fail("types: '%s' wanted at '%.40s'", token, p->s);
}

static bool word(struct parser *p, char *out)
{
    size_t n = 0;

    skip(p);
    while (isalnum((unsigned char)p->s[n]) || p->s[n] == '_')
        n++;
    if (!n || isdigit((unsigned char)*p->s))
        return false;
    if (n >= 64)
        mk_fail("types: a long name at '%.40s'", p->s);
    memcpy(out, p->s, n);
    out[n] = 0;
    p->s += n;
    return true;
}

static long long number(struct parser *p)
{
    char *end;
    long long v;

    skip(p);
    v = strtoll(p->s, &end, 0);
    if (end == p->s)
        mk_fail("types: a number wanted at '%.40s'", p->s);
    p->s = end;
    return v;
}

/* ---- types ---- */

static uint32_t push(struct parser *p, struct eg_type t, struct layout l)
{
    uint32_t id = eg_builder_type(p->b, &t);
    struct layout *place;

    if (!id)
        mk_fail("types: out of memory");
    while (p->layouts.n <= id - p->first_id)
        if (!eg_vec_push(&p->layouts))
            mk_fail("types: out of memory");
    place = &p->layouts.at[id - p->first_id];
    *place = l;
    return id;
}

static struct layout layout_of(const struct parser *p, uint32_t id)
{
    if (id >= p->first_id)
        return p->layouts.at[id - p->first_id];
    return (struct layout){ p->base->types[id].size,
                            (uint32_t)EG_MIN(p->base->types[id].size, p->model.ptr_size) };
}

static struct named *find(struct parser *p, const char *name, uint8_t kind)
{
    for (size_t i = p->names.n; i-- > 0;)
        if (p->names.at[i].kind == kind && !strcmp(p->names.at[i].name, name))
            return &p->names.at[i];
    return NULL;
}

static struct named *enter(struct parser *p, const char *name, uint8_t kind, uint32_t id)
{
    struct named *n = eg_vec_push(&p->names);

    if (!n)
        mk_fail("types: out of memory");
    snprintf(n->name, sizeof n->name, "%s", name);
    n->kind = kind;
    n->id = id;
    return n;
}

static uint32_t name_of(struct parser *p, const char *name)
{
    return eg_builder_name(p->b, name, strlen(name));
}

static uint32_t integer(struct parser *p, const char *name, uint32_t size, uint8_t flags)
{
    const struct named *n = find(p, name, EG_T_INT);
    struct eg_type t = { .size = size, .kind = EG_T_INT, .flags = flags, .name = name_of(p, name) };

    return n ? n->id : enter(p, name, EG_T_INT, push(p, t, (struct layout){ size, size }))->id;
}

static uint32_t pointer(struct parser *p, uint32_t to)
{
    return push(p, (struct eg_type){ .kind = EG_T_PTR, .ref = to, .size = p->model.ptr_size },
                (struct layout){ p->model.ptr_size, p->model.ptr_size });
}

/** A name that stands for a type: a typedef of the text, the kernel's own short integers, or the
 * base's. */
static uint32_t type_name(struct parser *p, const char *name)
{
    static const struct {
        const char *name, *c;
        uint8_t size, flags;
    } known[] = {
        { "u8", "unsigned char", 1, 0 },           { "s8", "signed char", 1, EG_TF_SIGNED },
        { "u16", "short unsigned int", 2, 0 },     { "s16", "short int", 2, EG_TF_SIGNED },
        { "u32", "unsigned int", 4, 0 },           { "s32", "int", 4, EG_TF_SIGNED },
        { "u64", "long long unsigned int", 8, 0 }, { "s64", "long long int", 8, EG_TF_SIGNED },
        { "bool", "_Bool", 1, EG_TF_BOOL },        { "_Bool", "_Bool", 1, EG_TF_BOOL },
    };
    const struct named *n = find(p, name, EG_T_TYPEDEF);
    uint32_t iter = 0, id;

    if (n)
        return n->id;
    for (size_t i = 0; i < countof(known); i++)
        if (!strcmp(known[i].name, name)) {
            id = integer(p, known[i].c, known[i].size, known[i].flags);
            if (name[0] == '_')
                return id;
            id = push(p,
                      (struct eg_type){ .kind = EG_T_TYPEDEF, .ref = id, .name = name_of(p, name) },
                      layout_of(p, id));
            return enter(p, name, EG_T_TYPEDEF, id)->id;
        }
    if (!strcmp(name, "double"))
        return push(p, (struct eg_type){ .kind = EG_T_FLOAT, .size = 8, .name = name_of(p, name) },
                    (struct layout){ 8, 8 });
    id = p->base ? eg_profile_type(p->base, name, EG_NAMED, &iter) : 0;
    if (!id)
        mk_fail("types: '%s' is no type", name);
    return id;
}

static uint32_t integer_words(struct parser *p)
{
    bool is_unsigned = false, is_signed = false, is_char = false, is_short = false, any = false;
    unsigned longs = 0;
    const uint32_t word_size = p->model.long_size;

    for (bool more = true; more; any |= more) {
        more = true;
        if (accept(p, "unsigned"))
            is_unsigned = true;
        else if (accept(p, "signed"))
            is_signed = true;
        else if (accept(p, "char"))
            is_char = true;
        else if (accept(p, "short"))
            is_short = true;
        else if (accept(p, "long"))
            longs++;
        else
            more = accept(p, "int");
    }
    if (!any)
        return 0;
    if (is_char && !is_unsigned && !is_signed)
        return integer(p, "char", 1, EG_TF_SIGNED | EG_TF_CHAR);
    if (is_char)
        return is_unsigned ? integer(p, "unsigned char", 1, 0)
                           : integer(p, "signed char", 1, EG_TF_SIGNED);
    if (is_short)
        return is_unsigned ? integer(p, "short unsigned int", 2, 0)
                           : integer(p, "short int", 2, EG_TF_SIGNED);
    if (longs > 1)
        return is_unsigned ? integer(p, "long long unsigned int", 8, 0)
                           : integer(p, "long long int", 8, EG_TF_SIGNED);
    if (longs)
        return is_unsigned ? integer(p, "long unsigned int", word_size, 0)
                           : integer(p, "long int", word_size, EG_TF_SIGNED);
    return is_unsigned ? integer(p, "unsigned int", 4, 0) : integer(p, "int", 4, EG_TF_SIGNED);
}

static uint32_t specifier(struct parser *p);

/** "*name[3]", "(*name)(…)", or nothing: the type, and the name in @name ("" for none). */
static uint32_t declarator(struct parser *p, uint32_t type, char *name)
{
    uint64_t dims[4];
    unsigned n = 0;

    *name = 0;
    while (accept(p, "*"))
        type = pointer(p, type);
    if (accept(p, "(")) {
        expect(p, "*");
        word(p, name);
        expect(p, ")");
        expect(p, "(");
        for (int depth = 1; depth && *p->s; p->s++)
            depth += (*p->s == '(') - (*p->s == ')');
        return pointer(p, push(p, (struct eg_type){ .kind = EG_T_FUNC, .ref = type },
                               (struct layout){ 0, 1 }));
    }
    word(p, name);
    while (accept(p, "[")) {
        if (n == countof(dims))
            mk_fail("types: too many dimensions at '%.40s'", p->s);
        dims[n] = 0;
        if (!accept(p, "]")) {
            dims[n] = (uint64_t)number(p);
            expect(p, "]");
        }
        n++;
    }
    while (n--) {
        struct layout l = layout_of(p, type);

        l.size *= dims[n];
        type =
            push(p,
                 (struct eg_type){
                     .kind = EG_T_ARRAY, .ref = type, .size = l.size, .count = (uint32_t)dims[n] },
                 l);
    }
    return type;
}

static void place(struct parser *p, struct body *b, const char *name, uint32_t type, uint32_t bits)
{
    const struct layout l = layout_of(p, type);
    const uint64_t unit = 8 * l.size, align = 8 * (uint64_t)EG_MAX(l.align, 1u);
    struct member *m;

    if (b->is_union)
        b->pos = 0;
    if (!bits)
        b->pos = (b->pos + align - 1) / align * align;
    else if (b->pos % unit + bits > unit)
        b->pos = (b->pos + unit - 1) / unit * unit;
    m = eg_vec_push(&b->members);
    if (!m)
        mk_fail("types: out of memory");
    *m = (struct member){ *name ? name_of(p, name) : 0, type, bits, b->pos };
    b->pos += bits ? bits : unit;
    b->size = EG_MAX(b->size, b->pos);
    b->align = EG_MAX(b->align, l.align);
}

static void members(struct parser *p, struct body *b)
{
    while (!accept(p, "}")) {
        uint32_t type = specifier(p);
        char name[64];

        if (accept(p, ";")) { // an anonymous struct or union
            place(p, b, "", type, 0);
            continue;
        }
        do {
            uint32_t own = declarator(p, type, name);

            place(p, b, name, own, accept(p, ":") ? (uint32_t)number(p) : 0);
        } while (accept(p, ","));
        expect(p, ";");
    }
}

static uint32_t composite(struct parser *p, uint8_t kind)
{
    struct body b = { .align = 1, .is_union = kind == EG_T_UNION };
    char tag[64] = "";
    struct named *n = word(p, tag) ? find(p, tag, kind) : NULL;
    struct eg_type t = { .kind = EG_T_FWD,
                         .flags = b.is_union ? EG_TF_UNION : 0,
                         .name = *tag ? name_of(p, tag) : 0 };
    uint32_t id, iter = 0;

    if (!accept(p, "{")) {
        id = !n && p->base ? eg_profile_type(p->base, tag, 1u << kind, &iter) : 0;
        if (id)
            return id;
        return n ? n->id : enter(p, tag, kind, push(p, t, (struct layout){ 0, 1 }))->id;
    }
    id = n && !n->defined ? n->id : push(p, t, (struct layout){ 0, 1 });
    if (*tag)
        (n && !n->defined ? n : enter(p, tag, kind, id))->defined = true;
    members(p, &b);
    t.kind = kind;
    t.flags = 0;
    t.first = eg_builder_member_count(p->b);
    t.count = (uint32_t)b.members.n;
    t.size = eg_align_up((b.size + 7) / 8, b.align);
    for (size_t i = 0; i < b.members.n; i++)
        eg_builder_member(p->b, b.members.at[i].name, b.members.at[i].type, b.members.at[i].at,
                          b.members.at[i].bits);
    eg_vec_fini(&b.members);
    *eg_builder_edit(p->b, id) = t;
    p->layouts.at[id - p->first_id] = (struct layout){ t.size, b.align };
    return id;
}

static uint32_t enumeration(struct parser *p)
{
    struct eg_type t = { .kind = EG_T_ENUM, .size = 4 };
    char tag[64] = "", name[64];
    const struct named *n = word(p, tag) ? find(p, tag, EG_T_ENUM) : NULL;
    long long value = 0;
    uint32_t id;

    if (!accept(p, "{")) {
        if (!n)
            mk_fail("types: enum %s is not known", tag);
        return n->id;
    }
    t.name = *tag ? name_of(p, tag) : 0;
    t.first = eg_builder_enumerator_count(p->b);
    while (!accept(p, "}")) {
        if (!word(p, name))
            mk_fail("types: an enumerator wanted at '%.40s'", p->s);
        if (accept(p, "="))
            value = number(p);
        t.flags |= value < 0 ? EG_TF_SIGNED : 0;
        eg_builder_enumerator(p->b, name_of(p, name), value++);
        t.count++;
        accept(p, ",");
    }
    id = push(p, t, (struct layout){ 4, 4 });
    if (*tag)
        enter(p, tag, EG_T_ENUM, id)->defined = true;
    return id;
}

static uint32_t specifier(struct parser *p)
{
    char name[64];
    uint32_t id;

    while (accept(p, "const") || accept(p, "volatile"))
        ;
    if (accept(p, "struct"))
        return composite(p, EG_T_STRUCT);
    if (accept(p, "union"))
        return composite(p, EG_T_UNION);
    if (accept(p, "enum"))
        return enumeration(p);
    if (accept(p, "void"))
        return 0;
    id = integer_words(p);
    if (id)
        return id;
    if (!word(p, name))
        mk_fail("types: a type wanted at '%.40s'", p->s);
    return type_name(p, name);
}

static void declaration(struct parser *p)
{
    bool is_typedef = accept(p, "typedef");
    uint32_t type = specifier(p);
    char name[64];

    if (is_typedef) {
        type = declarator(p, type, name);
        enter(p, name, EG_T_TYPEDEF,
              push(p,
                   (struct eg_type){ .kind = EG_T_TYPEDEF, .ref = type, .name = name_of(p, name) },
                   layout_of(p, type)));
    } else if (*p->s != ';') { // a variable
        type = declarator(p, type, name);
        push(p, (struct eg_type){ .kind = EG_T_VAR, .ref = type, .name = name_of(p, name) },
             (struct layout){ 0, 1 });
    }
    expect(p, ";");
}

struct eg_profile *mk_types(const struct eg_model *model, const char *declarations,
                            const struct eg_profile *base, const char *module)
{
    struct parser p = { .s = declarations, .model = *model, .base = base };
    struct eg_profile *out;
    struct eg_error e;
    size_t dropped;

    p.b = eg_builder_new(*model, "declarations of a test");
    if (!p.b)
        mk_fail("types: out of memory");
    if (base)
        eg_builder_set_base(p.b, base, module);
    p.first_id = base ? base->n_types : 0;
    if (!base && !eg_vec_push(&p.layouts)) // void
        mk_fail("types: out of memory");
    for (skip(&p); *p.s; skip(&p))
        declaration(&p);
    eg_vec_fini(&p.names);
    eg_vec_fini(&p.layouts);
    if (eg_builder_finish(p.b, &out, &dropped, &e) < 0)
        mk_fail("types: %s", e.text);
    if (dropped)
        mk_fail("types: %zu records were dropped", dropped);
    return out;
}
