/* isf.c - reads ISF documents: each JSON event adds to a builder. The schema is volatility3's
 * schemas/schema-6.2.0.json; dwarf2json writes such files. */
#include "isf.h"
#include "../core/map.h"
#include "../core/vec.h"
#include <inttypes.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

enum { DEEPEST = 64, CHUNK = 1 << 16 };

// The place in the document at which an event occurs.
enum where { TOP, DOCUMENT, METADATA, SECTION, ITEM, FIELDS, FIELD, TYPE, CONSTANTS, SKIP };

// The words of the schema: keys, and the values of "kind" and "endian".
// clang-format off
#define WORDS(W)                                                                                   \
    W(base_types) W(user_types) W(enums) W(symbols) W(metadata) W(windows) W(mac)                  \
    W(size) W(kind) W(signed) W(endian) W(fields) W(constants) W(address) W(type) W(constant_data) \
    W(subtype) W(name) W(count) W(offset) W(anonymous) W(bit_position) W(bit_length)               \
    W(base) W(struct) W(union) W(class) W(enum) W(pointer) W(array) W(function) W(bitfield)        \
    W(int) W(char) W(bool) W(float) W(void) W(big)
// clang-format on
#define ID(w)   W_##w,
#define TEXT(w) #w,
enum word { W_other, WORDS(ID) };
static const char *const words[] = { "", WORDS(TEXT) };

// Base types, structs and unions, and enums have three separate name spaces.
enum world { OF_BASES, OF_TAGS, OF_ENUMS };

// A pointer that is as large as a base type, which may come later.
struct own_size {
    uint32_t pointer, base;
};

struct isf {
    struct eg_builder *b;
    struct eg_model *model;
    bool other_model;
    const char *source;
    struct eg_error *e;
    struct eg_map named;   // world << 32 | name to id
    struct eg_map derived; // pointers and arrays to id
    EG_VEC(struct own_size) own_sizes;
    const char *system; // that it is of, where that is not Linux
    uint32_t function;  // the one function type; 0: not yet
    uint8_t where[DEEPEST];
    int depth;
    enum word section, key;
    uint32_t name; // the last key that is a name
    bool unnamed;  // it is a made-up one
    char text[16]; // the start of an item's name
    struct item {
        uint64_t size, address;
        uint32_t name, first; // first: constant
        uint32_t type;        // of a symbol; 0: not known
        enum word kind;
        bool unnamed, is_signed, big, has_address, negative;
    } item; // of a section
    EG_VEC(struct eg_member) fields;
    struct field {
        uint64_t offset, bit_position, bit_length;
        uint32_t name, type;
        bool bad;
    } field;
    struct frame {
        uint64_t count;
        uint32_t name, sub, base; // base: a name; 0: as all pointers
        enum word kind;
        bool unnamed, is_void;
    } frames[DEEPEST]; // of types inside types, by depth
};

/* ---- types ---- */

static uint32_t push(struct isf *x, struct eg_type t)
{
    return eg_builder_type(x->b, &t);
}

/** The id of a name, which is a declaration until it is defined. */
static uint32_t named(struct isf *x, enum world world, uint32_t name, bool unnamed, bool is_union)
{
    const uint64_t key = (uint64_t)(world + 1) << 32 | name;
    struct eg_type t = { .kind = EG_T_FWD, .name = unnamed ? 0 : name };
    uint64_t id;

    if (eg_map_get(&x->named, key, &id))
        return (uint32_t)id;
    if (world == OF_BASES)
        t.kind = EG_T_INT;
    else if (world == OF_ENUMS)
        t.kind = EG_T_ENUM;
    else if (is_union)
        t.flags = EG_TF_UNION;
    id = push(x, t);
    return eg_map_add(&x->named, key, id) < 0 ? 0 : (uint32_t)id;
}

static uint32_t derived(struct isf *x, uint8_t kind, uint32_t of, uint32_t count)
{
    // The key of a pointer has a count that no array has.
    const uint64_t key = (uint64_t)(kind == EG_T_PTR ? UINT32_MAX : count) << 32 | of;
    uint64_t id;

    if (eg_map_get(&x->derived, key, &id))
        return (uint32_t)id;
    id = push(x, (struct eg_type){ .kind = kind, .ref = of, .count = count });
    return eg_map_add(&x->derived, key, id) < 0 ? 0 : (uint32_t)id;
}

static uint32_t pointer(struct isf *x, const struct frame *f)
{
    struct own_size *own = f->base ? eg_vec_push(&x->own_sizes) : NULL;
    uint32_t id;

    if (!f->base)
        return derived(x, EG_T_PTR, f->sub, 0);
    id = push(x, (struct eg_type){ .kind = EG_T_PTR, .ref = f->sub });
    if (own)
        *own = (struct own_size){ id, named(x, OF_BASES, f->base, false, false) };
    return own ? id : 0;
}

static void size_pointers(struct isf *x)
{
    for (size_t i = 0; i < x->own_sizes.n; i++) {
        struct eg_type *t = eg_builder_edit(x->b, x->own_sizes.at[i].pointer);
        const struct eg_type *base = eg_builder_edit(x->b, x->own_sizes.at[i].base);

        if (t && base)
            t->size = base->size;
    }
}

static uint32_t type_of(struct isf *x, const struct frame *f)
{
    switch (f->kind) {
    case W_base:
        return named(x, OF_BASES, f->name, false, false);
    case W_struct:
    case W_class:
    case W_union:
        return named(x, OF_TAGS, f->name, f->unnamed, f->kind == W_union);
    case W_enum:
        return named(x, OF_ENUMS, f->name, f->unnamed, false);
    case W_pointer:
        return pointer(x, f);
    case W_array:
        return derived(x, EG_T_ARRAY, f->sub, f->count < UINT32_MAX ? (uint32_t)f->count : 0);
    case W_function:
        if (!x->function)
            x->function = push(x, (struct eg_type){ .kind = EG_T_FUNC });
        return x->function;
    case W_bitfield:
        return f->sub;
    default:
        return 0;
    }
}

/* ---- what a section's items become ---- */

static void define(struct isf *x, uint32_t id, struct eg_type t)
{
    struct eg_type *to = eg_builder_edit(x->b, id);

    if (to)
        *to = t;
}

static bool base_type(struct isf *x, uint32_t id)
{
    const struct item *i = &x->item;
    struct eg_type t = { .size = i->size, .name = i->name, .kind = EG_T_INT };

    if (!strcmp(x->text, "pointer") && (i->size == 4 || i->size == 8) &&
        (i->size != x->model->ptr_size || i->big != x->model->big_endian)) {
        *x->model = (struct eg_model){ (uint8_t)i->size, (uint8_t)i->size, i->big };
        x->other_model = true;
        return false;
    }
    if (i->kind == W_void)
        t = (struct eg_type){ .kind = EG_T_TYPEDEF }; // without a name: stands for void
    else if (i->kind == W_float)
        t.kind = EG_T_FLOAT;
    else if (i->kind == W_bool)
        t.flags = EG_TF_BOOL;
    else if (i->is_signed)
        t.flags = EG_TF_SIGNED;
    if (!strcmp(x->text, "char"))
        t.flags |= EG_TF_CHAR;
    define(x, id, t);
    return true;
}

static int by_place(const void *a, const void *b)
{
    const struct eg_member *m = a, *n = b;

    if (m->bit_off != n->bit_off)
        return m->bit_off < n->bit_off ? -1 : 1;
    return (m->pad > n->pad) - (m->pad < n->pad);
}

static void user_type(struct isf *x, uint32_t id)
{
    const struct item *i = &x->item;
    struct eg_type t = { .size = i->size,
                         .name = i->unnamed ? 0 : i->name,
                         .first = eg_builder_member_count(x->b),
                         .count = (uint32_t)x->fields.n,
                         .kind = i->kind == W_union ? EG_T_UNION : EG_T_STRUCT };

    if (x->fields.n)
        qsort(x->fields.at, x->fields.n, sizeof *x->fields.at, by_place);
    for (size_t k = 0; k < x->fields.n; k++) {
        const struct eg_member *m = &x->fields.at[k];

        eg_builder_member(x->b, m->name, m->type, m->bit_off, m->bit_size);
    }
    define(x, id, t);
}

static bool end_item(struct isf *x)
{
    const struct item *i = &x->item;
    uint32_t id;

    switch (x->section) {
    case W_base_types:
        return base_type(x, named(x, OF_BASES, i->name, false, false));
    case W_user_types:
        user_type(x, named(x, OF_TAGS, i->name, i->unnamed, i->kind == W_union));
        return true;
    case W_enums:
        id = named(x, OF_ENUMS, i->name, i->unnamed, false);
        define(x, id,
               (struct eg_type){ .size = i->size,
                                 .name = i->unnamed ? 0 : i->name,
                                 .first = i->first,
                                 .count = eg_builder_enumerator_count(x->b) - i->first,
                                 .kind = EG_T_ENUM,
                                 .flags = i->negative ? EG_TF_SIGNED : 0 });
        return true;
    default:
        if (i->has_address && i->address) // 0: dwarf2json has found none
            eg_builder_symbol(x->b, i->name, i->address, 0, '?');
        if (i->type) // of functions it says "void"
            push(x, (struct eg_type){ .kind = EG_T_VAR, .name = i->name, .ref = i->type });
        return true;
    }
}

static bool end_field(struct isf *x)
{
    const struct field *f = &x->field;
    struct eg_member *m;
    uint64_t bits;

    // dwarf2json up to 0.8 writes wrong positions for DWARF 5's bit-fields: these are left out.
    if (f->bad || f->bit_position > 64 || f->bit_length > 64 || !eg_mul(f->offset, 8, &bits))
        return true;
    if (!(m = eg_vec_push(&x->fields)))
        return false;
    *m = (struct eg_member){ .bit_off = bits + f->bit_position,
                             .name = f->name,
                             .type = f->type,
                             .bit_size = (uint32_t)f->bit_length,
                             .pad = (uint32_t)x->fields.n };
    // The position is that of the lowest bit; on big-endian machines ours counts from the highest.
    if (f->bit_length && x->model->big_endian) {
        const struct eg_type *t = eg_builder_edit(x->b, f->type);
        const uint64_t storage = t ? 8 * t->size : 0;

        m->bit_off = bits + storage - f->bit_position - f->bit_length;
    }
    return true;
}

/* ---- events ---- */

static enum word word_of(const unsigned char *s, size_t len)
{
    for (size_t i = 1; i < countof(words); i++)
        if (strlen(words[i]) == len && !memcmp(words[i], s, len))
            return (enum word)i;
    return W_other;
}

static uint8_t now(const struct isf *x)
{
    return x->depth ? x->where[x->depth - 1] : TOP;
}

static int enter(struct isf *x, uint8_t where)
{
    if (x->depth == DEEPEST) {
        eg_fail(x->e, EG_EFORMAT, "%s: nested deeper than any symbol file", x->source);
        return 0;
    }
    x->where[x->depth++] = where;
    return 1;
}

static int enter_type(struct isf *x)
{
    if (x->depth < DEEPEST)
        x->frames[x->depth] = (struct frame){ 0 };
    return enter(x, TYPE);
}

// A map begins, as the value of the last key.
static int start_map(void *context)
{
    struct isf *x = context;

    switch (now(x)) {
    case TOP:
        return enter(x, DOCUMENT);
    case DOCUMENT:
        x->section = x->key;
        if (x->key == W_metadata)
            return enter(x, METADATA);
        return enter(x, x->key == W_base_types || x->key == W_user_types || x->key == W_enums ||
                                x->key == W_symbols
                            ? SECTION
                            : SKIP);
    case METADATA: // each system has a map of its own
        if (x->key == W_windows || x->key == W_mac)
            x->system = x->key == W_mac ? "macOS" : "Windows";
        return enter(x, SKIP);
    case SECTION:
        x->item = (struct item){ .name = x->name,
                                 .first = eg_builder_enumerator_count(x->b),
                                 .unnamed = x->unnamed };
        x->fields.n = 0;
        return enter(x, ITEM);
    case ITEM:
        if (x->section == W_symbols && x->key == W_type)
            return enter_type(x);
        return enter(x, x->section == W_user_types && x->key == W_fields ? FIELDS
                        : x->section == W_enums && x->key == W_constants ? CONSTANTS
                                                                         : SKIP);
    case FIELDS:
        x->field = (struct field){ .name = x->unnamed ? 0 : x->name };
        return enter(x, FIELD);
    case FIELD:
    case TYPE:
        return x->key == W_type || x->key == W_subtype ? enter_type(x) : enter(x, SKIP);
    default:
        return enter(x, SKIP);
    }
}

static int start_array(void *context)
{
    return enter(context, SKIP);
}

static int end(void *context)
{
    struct isf *x = context;
    const uint8_t where = now(x);
    bool good = true;
    uint32_t id;

    if (where == TOP)
        return 0;
    x->depth--;
    if (where == ITEM) {
        good = end_item(x);
    } else if (where == FIELD) {
        good = end_field(x);
    } else if (where == TYPE) {
        id = type_of(x, &x->frames[x->depth]);
        if (now(x) == TYPE)
            x->frames[x->depth - 1].sub = id;
        else if (now(x) == ITEM)
            x->item.type = x->frames[x->depth].is_void ? 0 : id;
        else
            x->field.type = id;
    }
    return good;
}

static int map_key(void *context, const unsigned char *s, size_t len)
{
    struct isf *x = context;

    switch (now(x)) {
    case SECTION:
    case FIELDS:
    case CONSTANTS:
        x->name = eg_builder_name(x->b, (const char *)s, len);
        x->unnamed = len >= 8 && !memcmp(s, "unnamed_", 8);
        if (now(x) == SECTION) {
            memset(x->text, 0, sizeof x->text);
            memcpy(x->text, s, EG_MIN(len, sizeof x->text - 1));
        }
        return 1;
    case SKIP:
        return 1;
    default:
        x->key = word_of(s, len);
        return 1;
    }
}

// The data of linux_banner: a line of text in base64.
static void set_banner(struct isf *x, const unsigned char *s, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[512];
    size_t n = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < len && n < sizeof text - 1; i++) {
        const char *digit = s[i] ? strchr(digits, s[i]) : NULL;

        if (!digit)
            break;
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (i % 4)
            text[n++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    text[n] = 0;
    text[strcspn(text, "\n")] = 0;
    eg_builder_set_banner(x->b, text);
}

static int string(void *context, const unsigned char *s, size_t len)
{
    struct isf *x = context;
    struct frame *f = &x->frames[x->depth ? x->depth - 1 : 0];
    const uint8_t where = now(x);

    if (where == ITEM && x->key == W_kind) {
        x->item.kind = word_of(s, len);
    } else if (where == ITEM && x->key == W_endian) {
        x->item.big = word_of(s, len) == W_big;
    } else if (where == TYPE && x->key == W_kind) {
        f->kind = word_of(s, len);
    } else if (where == TYPE && x->key == W_name) {
        f->name = eg_builder_name(x->b, (const char *)s, len);
        f->unnamed = len >= 8 && !memcmp(s, "unnamed_", 8);
        f->is_void = len == 4 && !memcmp(s, "void", 4);
    } else if (where == TYPE && x->key == W_base) {
        f->base =
            len == 7 && !memcmp(s, "pointer", 7) ? 0 : eg_builder_name(x->b, (const char *)s, len);
    } else if (where == ITEM && x->key == W_constant_data && x->section == W_symbols &&
               !strcmp(x->text, "linux_banner")) {
        set_banner(x, s, len);
    }
    return 1;
}

static int boolean(void *context, int is)
{
    struct isf *x = context;

    if (now(x) == ITEM && x->key == W_signed)
        x->item.is_signed = is;
    else if (now(x) == FIELD && x->key == W_anonymous && is)
        x->field.name = 0;
    return 1;
}

static int number(void *context, const char *s, size_t len)
{
    struct isf *x = context;
    struct frame *f = &x->frames[x->depth ? x->depth - 1 : 0];
    const bool negative = len && *s == '-';
    char text[32];
    uint64_t v;

    if (len >= sizeof text)
        return 1;
    memcpy(text, s, len);
    text[len] = 0;
    v = strtoull(text, NULL, 10); // of a negative number: its two's complement
    switch (now(x)) {
    case ITEM:
        if (x->key == W_size)
            x->item.size = negative ? 0 : v;
        x->item.has_address = x->item.has_address || x->key == W_address;
        if (x->key == W_address)
            x->item.address = v;
        break;
    case FIELD:
        if (x->key == W_offset)
            x->field.offset = v;
        x->field.bad = x->field.bad || (x->key == W_offset && negative);
        break;
    case TYPE:
        if (x->key == W_count)
            f->count = negative ? 0 : v;
        if (x->key == W_bit_position)
            x->field.bit_position = v;
        if (x->key == W_bit_length)
            x->field.bit_length = v;
        break;
    case CONSTANTS:
        x->item.negative = x->item.negative || negative;
        eg_builder_enumerator(x->b, x->name, (int64_t)v);
        break;
    }
    return 1;
}

static int feed(struct isf *x, yajl_handle json, const struct eg_isf_source *from)
{
    eg_cleanup(eg_free_) uint8_t *chunk = malloc(CHUNK);
    yajl_status status = yajl_status_ok;
    unsigned char *why;
    long n = 0;

    if (!chunk)
        return eg_fail(x->e, EG_ENOMEM, "%s: out of memory", x->source);
    while (status == yajl_status_ok && (n = from->read(from->context, chunk, CHUNK, x->e)) > 0)
        status = yajl_parse(json, chunk, (size_t)n);
    if (n < 0)
        return (int)n;
    if (status == yajl_status_ok) {
        status = yajl_complete_parse(json);
        if (status == yajl_status_error)
            return eg_fail(x->e, EG_EFORMAT, "%s: cut off: the document does not end", x->source);
    }
    if (status == yajl_status_ok || x->other_model)
        return 0;
    if (status == yajl_status_client_canceled)
        return x->e && x->e->code ? -x->e->code
                                  : eg_fail(x->e, EG_EFORMAT, "%s: out of memory", x->source);
    why = yajl_get_error(json, 0, NULL, 0);
    eg_fail(x->e, EG_EFORMAT, "%s: %.100s", x->source, why ? (char *)why : "out of memory");
    yajl_free_error(json, why);
    return -EG_EFORMAT;
}

int eg_isf_read(struct eg_profile **out, const struct eg_isf_source *from, struct eg_model *model,
                struct eg_error *e)
{
    static const yajl_callbacks callbacks = { .yajl_boolean = boolean,
                                              .yajl_number = number,
                                              .yajl_string = string,
                                              .yajl_start_map = start_map,
                                              .yajl_map_key = map_key,
                                              .yajl_end_map = end,
                                              .yajl_start_array = start_array,
                                              .yajl_end_array = end };
    struct isf *x = calloc(1, sizeof *x);
    yajl_handle json = x ? yajl_alloc(&callbacks, NULL, x) : NULL;
    struct eg_error why = { 0 };
    bool empty;
    int rc;

    if (!json) {
        free(x);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", from->name);
    }
    x->b = eg_builder_new(*model, from->name);
    x->model = model;
    x->source = from->name;
    x->e = &why;
    eg_builder_link_time(x->b);
    rc = feed(x, json, from);
    empty = !x->named.n;
    if (rc < 0)
        eg_fail(e, why.code, "%s", why.text);
    else if (x->other_model)
        rc = 1;
    else if (x->system)
        rc = eg_fail(e, EG_EUNSUP, "%s: symbols of %s, but only those of Linux are supported",
                     from->name, x->system);
    else if (empty)
        rc = eg_fail(e, EG_EFORMAT, "%s: JSON without types: not a symbol file", from->name);
    if (rc == 0)
        size_pointers(x);
    if (rc == 0)
        rc = eg_builder_finish(x->b, out, NULL, e);
    else
        eg_builder_free(x->b);
    yajl_free(json);
    eg_map_fini(&x->named);
    eg_map_fini(&x->derived);
    eg_vec_fini(&x->fields);
    eg_vec_fini(&x->own_sizes);
    free(x);
    return rc;
}
