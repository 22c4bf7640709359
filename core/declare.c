/* declare.c - types in C syntax: prints declarations, parses type expressions. */
#include "profile.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- out ---- */

enum {
    CHAIN = 64, // depth of pointers, arrays and functions around a base type
    NEST = 4,   // depth of parameters that are pointers to functions with parameters
    LONGEST = 1 << 16
};

// Like snprintf over several calls.
struct text {
    char *out;
    size_t size, len;
};

static void put(struct text *t, const char *s)
{
    for (; *s && t->len < LONGEST; s++, t->len++)
        if (t->len + 1 < t->size)
            t->out[t->len] = *s;
}

static void put_declaration(struct text *t, const struct eg_types *ts, uint32_t id,
                            const char *name, int nest);

static void put_parameters(struct text *t, const struct eg_types *ts, uint32_t id, int nest)
{
    struct eg_member_at m;

    put(t, "(");
    if (!nest)
        put(t, "...");
    else if (!eg_type_member(ts, id, 0, &m))
        put(t, "void");
    for (uint32_t i = 0; nest && t->len < LONGEST && eg_type_member(ts, id, i, &m); i++) {
        put(t, i ? ", " : "");
        if (!m.type && !*m.name)
            put(t, "..."); // as BTF writes it
        else
            put_declaration(t, ts, m.type, "", nest - 1);
    }
    put(t, ")");
}

static void put_base(struct text *t, const struct eg_types *ts, uint32_t id)
{
    const struct eg_type *type = eg_type(ts, id, NULL);
    const char *name = eg_type_name(ts, id);

    switch (type->kind) {
    case EG_T_STRUCT:
        put(t, "struct ");
        break;
    case EG_T_UNION:
        put(t, "union ");
        break;
    case EG_T_ENUM:
        put(t, "enum ");
        break;
    case EG_T_FWD:
        put(t, type->flags & EG_TF_UNION ? "union " : "struct ");
        break;
    case EG_T_VOID:
        name = "void";
        break;
    }
    put(t, *name ? name : "{...}");
}

// From the base outwards: the pointers left of the name, then the arrays and functions right of it.
static void put_declaration(struct text *t, const struct eg_types *ts, uint32_t id,
                            const char *name, int nest)
{
    uint8_t kind[CHAIN + 1];
    uint32_t chain[CHAIN];
    bool begun = false;
    int n = 0;

    for (; n < CHAIN; n++) {
        kind[n] = eg_type(ts, id, NULL)->kind;
        if (kind[n] != EG_T_PTR && kind[n] != EG_T_ARRAY && kind[n] != EG_T_FUNC)
            break;
        chain[n] = id;
        id = eg_type_ref(ts, id);
    }
    kind[n] = EG_T_VOID; // what ends the chain
    put_base(t, ts, id);
    for (int i = n; i-- > 0;) {
        if (kind[i] != EG_T_PTR)
            continue;
        put(t, begun ? "" : " ");
        put(t, kind[i + 1] == EG_T_ARRAY || kind[i + 1] == EG_T_FUNC ? "(*" : "*");
        begun = true;
    }
    put(t, *name && !begun ? " " : "");
    put(t, name);
    for (int i = 0; i < n; i++) {
        char count[16] = "[]";

        if (kind[i] == EG_T_PTR)
            continue;
        if (i && kind[i - 1] == EG_T_PTR)
            put(t, ")");
        if (kind[i] == EG_T_FUNC) {
            put_parameters(t, ts, chain[i], nest);
            continue;
        }
        if (eg_type(ts, chain[i], NULL)->count)
            snprintf(count, sizeof count, "[%u]", eg_type(ts, chain[i], NULL)->count);
        put(t, count);
    }
}

size_t eg_type_declare(const struct eg_types *ts, uint32_t id, const char *name, char *out,
                       size_t size)
{
    struct text t = { out, size, 0 };

    put_declaration(&t, ts, id, name ? name : "", NEST);
    if (size)
        out[EG_MIN(t.len, size - 1)] = 0;
    return t.len;
}

/* ---- in ---- */

// By the number of each word in "long unsigned int": the names in debug data of gcc and of clang.
enum { LONG = 1, SHORT = 4, CHAR = 8, SIGNED = 16, UNSIGNED = 32, INT = 64 };
static const struct {
    uint8_t words;
    uint8_t size; // bytes; 0: a long
    const char *gcc, *clang;
} integers[] = {
    { CHAR, 1, "char", "char" },
    { CHAR | SIGNED, 1, "signed char", "signed char" },
    { CHAR | UNSIGNED, 1, "unsigned char", "unsigned char" },
    { SHORT, 2, "short int", "short" },
    { SHORT | UNSIGNED, 2, "short unsigned int", "unsigned short" },
    { 0, 4, "int", "int" },
    { UNSIGNED, 4, "unsigned int", "unsigned int" },
    { LONG, 0, "long int", "long" },
    { LONG | UNSIGNED, 0, "long unsigned int", "unsigned long" },
    { LONG + LONG, 8, "long long int", "long long" },
    { LONG + LONG + UNSIGNED, 8, "long long unsigned int", "unsigned long long" },
};
// For profiles without them.
static const struct {
    char name[8];
    uint8_t size, kind;
} typedefs[] = {
    { "u8", 1, EG_K_UINT },    { "u16", 2, EG_K_UINT }, { "u32", 4, EG_K_UINT },
    { "u64", 8, EG_K_UINT },   { "s8", 1, EG_K_SINT },  { "s16", 2, EG_K_SINT },
    { "s32", 4, EG_K_SINT },   { "s64", 8, EG_K_SINT }, { "bool", 1, EG_K_UINT },
    { "_Bool", 1, EG_K_UINT },
};

struct parser {
    const struct eg_types *ts;
    const struct eg_model *m;
    const char *p;
};
// The part before pointers and dimensions.
struct base {
    uint32_t id; // 0: void, or an integer that is not in the profile
    bool is_char;
    struct eg_slot slot; // where there is no id
};

static size_t next_word(struct parser *x, const char **word)
{
    size_t n = 0;

    x->p += strspn(x->p, " \t");
    *word = x->p;
    while ((*word)[n] == '_' || ((*word)[n] >= '0' && (*word)[n] <= '9') ||
           (((*word)[n] | 0x20) >= 'a' && ((*word)[n] | 0x20) <= 'z'))
        n++;
    x->p += n;
    x->p += strspn(x->p, " \t");
    return n;
}

static uint32_t named(const struct parser *x, const char *name, uint32_t kinds)
{
    uint64_t iter = 0;

    return eg_types_named(x->ts, name, NULL, kinds, &iter);
}

// Find an integer type by its words, in the profile or from the model.
static bool integer(const struct parser *x, unsigned words, struct base *out)
{
    words &= ~INT;
    if (!(words & CHAR))
        words &= ~SIGNED;
    for (size_t i = 0; i < countof(integers); i++) {
        if (integers[i].words != words)
            continue;
        out->id = named(x, integers[i].gcc, 1u << EG_T_INT);
        if (!out->id)
            out->id = named(x, integers[i].clang, 1u << EG_T_INT);
        out->slot.size = integers[i].size ? integers[i].size : x->m->long_size;
        out->slot.kind = words & UNSIGNED || words == CHAR ? EG_K_UINT : EG_K_SINT;
        out->is_char = words == CHAR;
        return true;
    }
    return false;
}

// For a name alone: definitions before mere declarations.
static bool plain_name(const struct parser *x, const char *name, struct base *out)
{
    out->id = named(x, name, EG_TAGGED);
    if (!out->id)
        out->id = named(x, name, 1u << EG_T_TYPEDEF | 1u << EG_T_INT | 1u << EG_T_FLOAT);
    if (!out->id)
        out->id = named(x, name, 1u << EG_T_FWD);
    for (size_t i = 0; !out->id && i < countof(typedefs); i++)
        if (!strcmp(name, typedefs[i].name)) {
            out->slot.size = typedefs[i].size;
            out->slot.kind = typedefs[i].kind;
            return true;
        }
    return out->id || !strcmp(name, "void");
}

// Parse the words before pointers and dimensions.
static bool parse_base(struct parser *x, struct base *out)
{
    static const struct {
        char text[9];
        uint8_t integer, kind; // a word of an integer; what a tag must be
    } keywords[] = {
        { "long", LONG, 0 },        { "short", SHORT, 0 },       { "char", CHAR, 0 },
        { "signed", SIGNED, 0 },    { "unsigned", UNSIGNED, 0 }, { "int", INT, 0 },
        { "const", 0, 0 },          { "volatile", 0, 0 },        { "struct", 0, EG_T_STRUCT },
        { "union", 0, EG_T_UNION }, { "enum", 0, EG_T_ENUM },
    };
    unsigned words = 0, longs = 0;
    uint8_t tag = 0;
    char name[256] = "";
    const char *word;
    size_t n;

    while ((n = next_word(x, &word))) {
        size_t k = 0;

        while (k < countof(keywords) &&
               (strlen(keywords[k].text) != n || memcmp(keywords[k].text, word, n) != 0))
            k++;
        if (k < countof(keywords)) {
            longs += keywords[k].integer == LONG;
            words |= keywords[k].integer;
            tag = keywords[k].kind ? keywords[k].kind : tag;
        } else if (*name || n >= sizeof name) {
            return false;
        } else {
            memcpy(name, word, n);
        }
    }
    *out = (struct base){ .slot.kind = EG_K_VOID };
    if (words)
        return !*name && !tag && longs <= 2 && integer(x, words + (longs == 2), out);
    if (!*name)
        return false;
    if (!tag)
        return plain_name(x, name, out);
    out->id = named(x, name, 1u << tag);
    if (!out->id)
        out->id = named(x, name, 1u << EG_T_FWD);
    return out->id;
}

static bool number(struct parser *x, uint32_t *out)
{
    char *end;
    unsigned long long n;

    if (*x->p < '0' || *x->p > '9')
        return false;
    n = strtoull(x->p, &end, 0);
    x->p = end + strspn(end, " \t");
    *out = (uint32_t)n;
    return n <= UINT32_MAX;
}

static bool parse(struct parser *x, struct eg_slot *out)
{
    uint32_t dimension[8];
    int pointers = 0, dimensions = 0;
    struct base b;

    if (!parse_base(x, &b))
        return false;
    for (; *x->p == '*'; pointers++)
        x->p += 1 + strspn(x->p + 1, " \t");
    while (*x->p == '[') {
        x->p += 1 + strspn(x->p + 1, " \t");
        if (dimensions == countof(dimension) || !number(x, &dimension[dimensions++]) ||
            *x->p != ']')
            return false;
        x->p += 1 + strspn(x->p + 1, " \t");
    }
    if (*x->p)
        return false;
    if (b.id) {
        eg_types_slot(x->ts, x->m, b.id, &b.slot);
        b.is_char =
            b.slot.kind == EG_K_UINT && eg_type(x->ts, b.slot.type, NULL)->flags & EG_TF_CHAR;
    }
    // Each step but the last must exist as a type in the program; the last is described by the
    // slot.
    for (; pointers; pointers--) {
        b.slot = (struct eg_slot){ .kind = EG_K_PTR,
                                   .type = eg_type_target(x->ts, b.id),
                                   .size = x->m->ptr_size };
        b.is_char = false;
        b.id = pointers + dimensions > 1 ? eg_type_derived(x->ts, EG_T_PTR, b.id, 0) : 0;
        if (!b.id && pointers + dimensions > 1)
            return false;
    }
    for (; dimensions; dimensions--) {
        const uint32_t n = dimension[dimensions - 1];
        uint64_t size;

        if ((!b.id && !b.is_char) || !eg_mul(b.slot.size, n, &size) || size > UINT32_MAX)
            return false;
        b.slot = (struct eg_slot){ .kind = b.is_char ? EG_K_CHARS : EG_K_ARRAY,
                                   .type = eg_type_target(x->ts, b.id),
                                   .size = (uint32_t)size };
        b.is_char = false;
        b.id = dimensions > 1 ? eg_type_derived(x->ts, EG_T_ARRAY, b.id, n) : 0;
    }
    *out = b.slot;
    return true;
}

void eg_types_parse(const struct eg_types *ts, const struct eg_model *m, const char *text,
                    struct eg_slot *out)
{
    struct parser x = { ts, m, text };

    if (!parse(&x, out))
        *out = (struct eg_slot){ .why = EG_NO_TYPE };
}
