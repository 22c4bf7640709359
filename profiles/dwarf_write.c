/* dwarf_write.c - a unit of .debug_info for each layer of types (DWARF 5, sections 7.5 to 7.6).
 *
 *  Entries are written in the order of the types' ids. A reference is the id until all are written;
 * then it is replaced by where that type's entry is. Names are those of the profiles: their strings
 * become .debug_str as they are. */
#include "dwarf_write.h"
#include "../core/builder.h"
#include "../core/vec.h"
#include "dwarf_shapes.h"
#include <inttypes.h>

enum {
    ATE_BOOL = 2,
    ATE_FLOAT = 4,
    ATE_SIGNED = 5,
    ATE_SIGNED_CHAR = 6,
    ATE_UNSIGNED = 7,
    ATE_UNSIGNED_CHAR = 8,
    LANG_C99 = 0x0c,
    OP_ADDR = 0x03,
    UNIT_COMPILE = 1,
};

/* ---- bytes ---- */

struct writer {
    struct eg_dwarf_sections *out;
    const struct eg_types *ts;
    bool big;
    uint8_t word; // bytes of an address
    bool failed;
    const struct eg_layer *layer;
    uint32_t base;         // smaller ids of this layer are the kernel's
    uint32_t strings;      // where this layer's names begin in .debug_str
    uint32_t *offset;      // by global id: its entry; 0: none
    uint32_t *str_base;    // by layer
    EG_VEC(uint32_t) refs; // places of references
};

static void put(struct writer *w, unsigned size, uint64_t v)
{
    eg_dwarf_put(&w->out->info, size, v);
}

static void udata(struct writer *w, uint64_t v)
{
    eg_dwarf_put_u(&w->out->info, v);
}

// @return where it is in .debug_str.
static uint32_t text(struct writer *w, const char *s)
{
    const size_t at = w->out->str.n;

    eg_dwarf_put_bytes(&w->out->str, s, strlen(s) + 1);
    return (uint32_t)at;
}

static bool failed(struct writer *w)
{
    return w->failed |= w->out->info.failed || w->out->str.failed || w->out->abbrev.failed ||
                        w->out->aranges.failed;
}

/* ---- references ---- */

static uint32_t global(const struct writer *w, uint32_t id)
{
    return !id || id < w->base ? id : w->layer->first + (id - w->base);
}

// A section of variables is no type of the program.
static bool is_section(const struct eg_profile *p, const struct eg_type *t)
{
    return t->kind == EG_T_STRUCT && p->strings[t->name] == '.';
}

// The type that an entry stands for; 0: void, or left out. Past tags, of which DWARF knows none.
static uint32_t resolve(const struct writer *w, uint32_t id)
{
    enum { STEPS = 256 };
    const struct eg_profile *p;
    uint32_t array = 0;

    for (int i = 0; i < STEPS; i++) {
        const struct eg_type *t = eg_type(w->ts, id, &p);

        if (t->kind == EG_T_TYPEDEF && !t->name && !t->flags) {
            id = eg_type_ref(w->ts, id);
        } else if (t->kind == EG_T_ARRAY) { // it is there if its element is
            array = array ? array : id;
            id = eg_type_ref(w->ts, id);
        } else if (t->kind == EG_T_VOID || t->kind == EG_T_VAR || is_section(p, t)) {
            return 0;
        } else {
            return array ? array : id;
        }
    }
    return 0;
}

// @id: a global one that resolve() gave.
static void put_ref(struct writer *w, uint32_t id)
{
    uint32_t *at = eg_vec_push(&w->refs);

    if (at)
        *at = (uint32_t)w->out->info.n;
    else
        w->failed = true;
    put(w, 4, id);
}

// An entry of @shape; without a target of the shape that follows it.
static uint32_t shape_of_ref(struct writer *w, enum shape shape, uint32_t id)
{
    const uint32_t target = resolve(w, id);

    udata(w, target ? shape : shape + 1u);
    return target;
}

static void put_name(struct writer *w, uint32_t name)
{
    put(w, 4, w->strings + name);
}

/* ---- types ---- */

static void base_type(struct writer *w, const struct eg_type *t)
{
    const bool is_signed = t->flags & EG_TF_SIGNED;
    const char *name = w->layer->profile->strings + t->name;
    const bool is_char = t->size == 1 && (t->flags & EG_TF_CHAR || strstr(name, "char"));
    uint8_t encoding = is_signed ? ATE_SIGNED : ATE_UNSIGNED;

    if (t->kind == EG_T_FLOAT)
        encoding = ATE_FLOAT;
    else if (t->flags & EG_TF_BOOL)
        encoding = ATE_BOOL;
    else if (is_char)
        encoding = is_signed ? ATE_SIGNED_CHAR : ATE_UNSIGNED_CHAR;
    put(w, 1, BASE);
    put_name(w, t->name);
    put(w, 1, t->size);
    put(w, 1, encoding);
}

static void members(struct writer *w, const struct eg_type *t)
{
    const struct eg_member *m = w->layer->profile->members + t->first;

    for (uint32_t i = 0; i < t->count && !failed(w); i++, m++) {
        const uint32_t target = resolve(w, global(w, m->type));
        const bool bits = m->bit_size || m->bit_off % 8;

        if (!target) {
            w->out->left_out++;
            continue;
        }
        put(w, 1, (bits ? BITS : MEMBER) + !m->name);
        put_ref(w, target);
        if (bits)
            put(w, 1, m->bit_size);
        udata(w, bits ? m->bit_off : m->bit_off / 8);
        if (m->name)
            put_name(w, m->name);
    }
    put(w, 1, 0);
}

static void record(struct writer *w, const struct eg_type *t)
{
    put(w, 1, (t->kind == EG_T_UNION ? UNION : STRUCT) + !t->name);
    udata(w, t->size);
    if (t->name)
        put_name(w, t->name);
    members(w, t);
}

static void enumeration(struct writer *w, const struct eg_type *t)
{
    const struct eg_enumerator *e = w->layer->profile->enumerators + t->first;
    const bool is_signed = t->flags & EG_TF_SIGNED;

    if (!t->count) {
        put(w, 1, ENUM_FWD);
        put_name(w, t->name);
        return;
    }
    put(w, 1, ENUM + !t->name);
    put(w, 1, t->size);
    put(w, 1, is_signed ? ATE_SIGNED : ATE_UNSIGNED);
    if (t->name)
        put_name(w, t->name);
    for (uint32_t i = 0; i < t->count && !failed(w); i++, e++) {
        put(w, 1, ENUMERATOR + is_signed);
        put_name(w, e->name);
        if (is_signed)
            eg_dwarf_put_s(&w->out->info, e->value);
        else
            udata(w, (uint64_t)e->value);
    }
    put(w, 1, 0);
}

static void array(struct writer *w, const struct eg_type *t, uint32_t element)
{
    put(w, 1, ARRAY);
    put_ref(w, element);
    put(w, 1, t->count ? RANGE : RANGE_OPEN);
    if (t->count)
        udata(w, t->count);
    put(w, 1, 0);
}

// Of a type, or with names those of a function. Without a type it is the "..." of C.
static void parameters(struct writer *w, const struct eg_layer *l, const struct eg_type *t,
                       bool named)
{
    const struct eg_layer *const own = w->layer;
    const uint32_t base = w->base, strings = w->strings;
    const struct eg_member *m = l->profile->members + t->first;

    w->layer = l;
    w->base = l->profile->base_count > 1 ? l->profile->base_count : 0;
    w->strings = w->str_base[l - w->ts->layers];
    for (uint32_t i = 0; i < t->count && !failed(w); i++, m++) {
        const uint32_t target = resolve(w, global(w, m->type));

        if (!target) {
            put(w, 1, UNSPECIFIED);
            continue;
        }
        put(w, 1, named && m->name ? PARAMETER_NAMED : PARAMETER);
        put_ref(w, target);
        if (named && m->name)
            put_name(w, m->name);
    }
    put(w, 1, 0);
    w->layer = own;
    w->base = base;
    w->strings = strings;
}

static void with_target(struct writer *w, enum shape shape, uint32_t name, uint32_t id)
{
    const uint32_t target = shape_of_ref(w, shape, id);

    if (name)
        put_name(w, name);
    if (target)
        put_ref(w, target);
}

static void type(struct writer *w, const struct eg_type *t)
{
    const uint32_t ref = global(w, t->ref);
    uint32_t target;

    switch (t->kind) {
    case EG_T_INT:
    case EG_T_FLOAT:
        base_type(w, t);
        break;
    case EG_T_PTR:
        target = shape_of_ref(w, POINTER, ref);
        put(w, 1, t->size);
        if (target)
            put_ref(w, target);
        break;
    case EG_T_STRUCT:
    case EG_T_UNION:
        record(w, t);
        break;
    case EG_T_ENUM:
        enumeration(w, t);
        break;
    case EG_T_ARRAY:
        array(w, t, resolve(w, ref));
        break;
    case EG_T_FWD:
        put(w, 1, t->flags & EG_TF_UNION ? UNION_FWD : STRUCT_FWD);
        put_name(w, t->name);
        break;
    case EG_T_TYPEDEF:
        with_target(w,
                    t->name                     ? TYPEDEF
                    : t->flags & EG_TF_CONST    ? CONST
                    : t->flags & EG_TF_VOLATILE ? VOLATILE
                                                : RESTRICT,
                    t->name, ref);
        break;
    default: // EG_T_FUNC
        target = shape_of_ref(w, SUBROUTINE, ref);
        if (target)
            put_ref(w, target);
        parameters(w, w->layer, t, false);
    }
    w->out->types++;
}

static void types(struct writer *w)
{
    const struct eg_layer *l = w->layer;

    for (uint32_t id = EG_MAX(l->first, 1u); id < l->end && !failed(w); id++) {
        const struct eg_type *t = &l->profile->types[id - l->first];

        if (t->kind == EG_T_VOID || t->kind == EG_T_VAR)
            continue;
        if (resolve(w, id) != id) { // a tag, a section of variables, an array of nothing
            w->out->left_out += t->kind == EG_T_ARRAY;
            continue;
        }
        w->offset[id] = (uint32_t)w->out->info.n;
        type(w, t);
    }
}

/* ---- functions and variables ---- */

static const struct eg_layer *layer_of(const struct writer *w, uint32_t id)
{
    const struct eg_layer *l = w->ts->layers;
    const size_t n = w->ts->n_layers, i = eg_lower_bound(n, k, l[k].first <= id);

    return &l[i ? i - 1 : 0];
}

static void put_object_name(struct writer *w, const struct eg_dwarf_object *o)
{
    const struct eg_layer *l = layer_of(w, o->record);

    put(w, 4,
        o->record ? w->str_base[l - w->ts->layers] + eg_type(w->ts, o->record, NULL)->name
                  : text(w, o->name));
}

static void function(struct writer *w, const struct eg_dwarf_object *o)
{
    const struct eg_type *t = eg_type(w->ts, o->type, NULL);
    uint32_t target;

    if (t->kind != EG_T_FUNC)
        return;
    target = shape_of_ref(w, FUNCTION, eg_type_ref(w->ts, o->type));
    put_object_name(w, o);
    put(w, 1, o->global);
    put(w, w->word, o->addr);
    put(w, 4, o->size);
    if (target)
        put_ref(w, target);
    parameters(w, layer_of(w, o->type), t, true);
    w->out->functions++;
}

// What a variable is that no record of the types describes. @return where its entry is.
static uint32_t derived(struct writer *w, const struct eg_dwarf_object *o, uint32_t target)
{
    const struct eg_type t = { .count = o->count };
    const uint32_t at = (uint32_t)w->out->info.n;

    if (o->of == EG_T_ARRAY) {
        array(w, &t, target);
    } else {
        put(w, 1, target ? POINTER : POINTER_VOID);
        put(w, 1, w->word);
        if (target)
            put_ref(w, target);
    }
    return at;
}

static void variable(struct writer *w, const struct eg_dwarf_object *o)
{
    const uint32_t target = resolve(w, o->type);
    uint32_t type_at = 0;

    if (!target && o->of != EG_T_PTR)
        return;
    if (o->of)
        type_at = derived(w, o, target);
    put(w, 1, VARIABLE);
    put_object_name(w, o);
    put(w, 1, o->global);
    if (o->of) // from the start of the section, as REF_ADDR and in the first unit REF4 count
        put(w, 4, type_at);
    else
        put_ref(w, target);
    put(w, 1, 1u + w->word);
    put(w, 1, OP_ADDR);
    put(w, w->word, o->addr);
    w->out->variables++;
}

/* ---- units ---- */

// Addresses of the unit, so that debuggers find it without reading it.
static void arange(struct writer *w, const struct eg_dwarf_unit *u, uint32_t info)
{
    struct eg_dwarf_section *s = &w->out->aranges;
    const size_t start = s->n;

    eg_dwarf_put(s, 4, 0);
    eg_dwarf_put(s, 2, 2);
    eg_dwarf_put(s, 4, info);
    eg_dwarf_put(s, 1, w->word);
    eg_dwarf_put(s, 1, 0);
    while ((s->n - start) % (2u * w->word) && !failed(w))
        eg_dwarf_put(s, 1, 0);
    eg_dwarf_put(s, w->word, u->low);
    eg_dwarf_put(s, w->word, u->high - u->low);
    eg_dwarf_put(s, w->word, 0);
    eg_dwarf_put(s, w->word, 0);
    eg_dwarf_set(s, start, 4, s->n - start - 4);
}

static void unit(struct writer *w, size_t i, const struct eg_dwarf_unit *u, uint32_t abbrev,
                 uint32_t producer)
{
    const uint32_t start = (uint32_t)w->out->info.n;
    const bool code = u->low < u->high;

    w->layer = &w->ts->layers[i];
    w->base = w->layer->profile->base_count > 1 ? w->layer->profile->base_count : 0;
    w->strings = w->str_base[i];
    put(w, 4, 0);
    put(w, 2, 5);
    put(w, 1, UNIT_COMPILE);
    put(w, 1, w->word);
    put(w, 4, abbrev);
    put(w, 1, code ? UNIT_CODE : UNIT);
    put(w, 4, producer);
    put(w, 1, LANG_C99);
    put(w, 4, text(w, u->name));
    if (code) {
        put(w, w->word, u->low);
        put(w, 8, u->high - u->low);
    }
    types(w);
    for (size_t k = 0; k < u->n && !failed(w); k++)
        if (u->objects[k].function)
            function(w, &u->objects[k]);
        else
            variable(w, &u->objects[k]);
    put(w, 1, 0);
    eg_dwarf_set(&w->out->info, start, 4, w->out->info.n - start - 4);
    if (code)
        arange(w, u, start);
}

// Ids become places of entries. The first unit begins at 0, so that references in it are alike.
static void settle(struct writer *w)
{
    for (size_t i = 0; i < w->refs.n && !failed(w); i++) {
        const uint8_t *p = w->out->info.at + w->refs.at[i];

        eg_dwarf_set(&w->out->info, w->refs.at[i], 4, w->offset[w->big ? eg_be32(p) : eg_le32(p)]);
    }
}

static void names(struct writer *w)
{
    for (size_t i = 0; i < w->ts->n_layers; i++) {
        const struct eg_profile *p = w->ts->layers[i].profile;

        w->str_base[i] = (uint32_t)w->out->str.n;
        eg_dwarf_put_bytes(&w->out->str, p->strings, p->n_strings);
    }
}

int eg_dwarf_write(struct eg_dwarf_sections *out, const struct eg_types *ts,
                   const struct eg_dwarf_unit *units, struct eg_error *e)
{
    const struct eg_model *m = &ts->layers[0].profile->model;
    const uint32_t n = ts->layers[ts->n_layers - 1].end;
    struct writer w = {
        .out = out, .ts = ts, .big = m->big_endian, .word = m->ptr_size == 4 ? 4 : 8
    };
    uint32_t modules, producer;
    uint64_t most = 0;

    *out = (struct eg_dwarf_sections){
        .info.big = w.big, .abbrev.big = w.big, .str.big = w.big, .aranges.big = w.big
    };
    w.offset = calloc((size_t)n + 1, sizeof *w.offset);
    w.str_base = calloc(ts->n_layers, sizeof *w.str_base);
    w.failed = !w.offset || !w.str_base;
    if (!w.failed)
        names(&w);
    producer = text(&w, "engram");
    eg_dwarf_put_shapes(&out->abbrev, false);
    modules = (uint32_t)out->abbrev.n;
    if (ts->n_layers > 1) // their references leave their units
        eg_dwarf_put_shapes(&out->abbrev, true);
    for (size_t i = 0; i < ts->n_layers && !failed(&w) && most < UINT32_MAX; i++) {
        unit(&w, i, &units[i], i ? modules : 0, producer);
        most = EG_MAX(out->info.n, out->str.n);
    }
    if (most < UINT32_MAX)
        settle(&w);
    free(w.offset);
    free(w.str_base);
    eg_vec_fini(&w.refs);
    if (!failed(&w) && most < UINT32_MAX)
        return 0;
    eg_dwarf_sections_fini(out);
    return w.failed ? eg_fail(e, EG_ENOMEM, "types: out of memory")
                    : eg_fail(e, EG_EUNSUP, "types: more than 4 GiB of DWARF");
}

void eg_dwarf_sections_fini(struct eg_dwarf_sections *s)
{
    eg_dwarf_section_fini(&s->info);
    eg_dwarf_section_fini(&s->abbrev);
    eg_dwarf_section_fini(&s->str);
    eg_dwarf_section_fini(&s->aranges);
    *s = (struct eg_dwarf_sections){ 0 };
}
