/* types.c - several profiles together: global ids, members, slots. */
#include "profile.h"
#include <stdlib.h>

enum {
    STEPS = 256,        // longest chain of typedefs, in a module and its base together
    LOOKED_AT = 1 << 20 // most members examined by one search through anonymous structs
};

static const struct eg_type none; // void

/* ---- layers ---- */

static uint32_t own_base(const struct eg_profile *p)
{
    return p->base_count > 1 ? p->base_count : 0;
}

int eg_types_init(struct eg_types *ts, const struct eg_profile *base, struct eg_error *e)
{
    *ts = (struct eg_types){ 0 };
    return eg_types_add(ts, base, e);
}

int eg_types_add(struct eg_types *ts, const struct eg_profile *module, struct eg_error *e)
{
    const uint32_t first = ts->n_layers ? ts->layers[ts->n_layers - 1].end : 0;
    struct eg_layer *layers;

    if (own_base(module) && (!ts->n_layers || own_base(module) != ts->layers[0].end))
        return eg_fail(e, EG_EUSAGE, "types of %s: made on top of another kernel's",
                       module->module ? module->module : "a module");
    if (ts->n_layers == EG_LAYERS_MAX || module->n_types > UINT32_MAX - first)
        return eg_fail(e, EG_EUSAGE, "types: more than %d modules, or too many types",
                       EG_LAYERS_MAX);
    layers = realloc(ts->layers, (ts->n_layers + 1) * sizeof *layers);
    if (!layers)
        return eg_fail(e, EG_ENOMEM, "types: out of memory");
    ts->layers = layers;
    ts->layers[ts->n_layers++] = (struct eg_layer){ module, first, first + module->n_types };
    return 0;
}

void eg_types_fini(struct eg_types *ts)
{
    free(ts->layers);
    *ts = (struct eg_types){ 0 };
}

static const struct eg_layer *layer_of(const struct eg_types *ts, uint32_t id)
{
    const size_t n = ts->n_layers;

    if (!n || id >= ts->layers[n - 1].end)
        return NULL;
    if (id < ts->layers[0].end)
        return &ts->layers[0];
    // Layers without types share their first id with the next.
    return &ts->layers[eg_lower_bound(n, i, ts->layers[i].first <= id) - 1];
}

const struct eg_type *eg_type(const struct eg_types *ts, uint32_t id,
                              const struct eg_profile **profile)
{
    const struct eg_layer *l = layer_of(ts, id);

    if (profile)
        *profile = l ? l->profile : NULL;
    return l ? &l->profile->types[id - l->first] : &none;
}

// The global id for an id in a record of @l.
static uint32_t global(const struct eg_layer *l, uint32_t id)
{
    const uint32_t base = own_base(l->profile);

    return !id || id < base ? id : l->first + (id - base);
}

const char *eg_type_name(const struct eg_types *ts, uint32_t id)
{
    const struct eg_profile *p;
    const struct eg_type *t = eg_type(ts, id, &p);

    return p ? p->strings + t->name : "";
}

uint32_t eg_type_ref(const struct eg_types *ts, uint32_t id)
{
    const struct eg_layer *l = layer_of(ts, id);

    return l ? global(l, l->profile->types[id - l->first].ref) : 0;
}

uint32_t eg_type_strip(const struct eg_types *ts, uint32_t id)
{
    for (int i = 0; i < STEPS && eg_type(ts, id, NULL)->kind == EG_T_TYPEDEF; i++)
        id = eg_type_ref(ts, id);
    return id;
}

uint64_t eg_type_size(const struct eg_types *ts, uint32_t id, const struct eg_model *m)
{
    (void)m; // pointers too have their own
    return eg_type(ts, eg_type_strip(ts, id), NULL)->size;
}

uint32_t eg_types_named(const struct eg_types *ts, const char *name, const char *module,
                        uint32_t kinds, uint64_t *iter)
{
    // Two passes over the layers: that of the module, then the others. The upper half of the
    // iterator is the layer, the lower half the position in its hash.
    uint64_t turn = *iter >> 32;
    uint32_t at = (uint32_t)*iter;

    for (; turn < 2 * ts->n_layers; turn++, at = 0) {
        const struct eg_layer *l = &ts->layers[turn % ts->n_layers];
        const bool own = module && l->profile->module && !strcmp(module, l->profile->module);
        uint32_t id;

        if (own != (turn < ts->n_layers))
            continue;
        id = eg_profile_type(l->profile, name, kinds, &at);
        if (id) {
            *iter = turn << 32 | at;
            return global(l, id);
        }
    }
    *iter = turn << 32;
    return 0;
}

uint32_t eg_types_variable(const struct eg_types *ts, const char *name)
{
    const uint32_t kinds = 1u << EG_T_VAR;
    uint64_t iter = 0;
    uint32_t id = eg_types_named(ts, name, NULL, kinds, &iter), other;
    const uint32_t type = eg_type_ref(ts, id);

    while (id && (other = eg_types_named(ts, name, NULL, kinds, &iter)))
        if (eg_type_ref(ts, other) != type)
            return 0;
    return id ? type : 0;
}

/* ---- members ---- */

static bool has_members(const struct eg_type *t)
{
    return t->kind == EG_T_STRUCT || t->kind == EG_T_UNION;
}

bool eg_type_member(const struct eg_types *ts, uint32_t id, uint32_t i, struct eg_member_at *out)
{
    const struct eg_layer *l = layer_of(ts, id);
    const struct eg_type *t = l ? &l->profile->types[id - l->first] : &none;
    const struct eg_member *m;

    if ((!has_members(t) && t->kind != EG_T_FUNC) || i >= t->count)
        return false;
    m = &l->profile->members[t->first + i];
    *out = (struct eg_member_at){ .name = l->profile->strings + m->name,
                                  .type = global(l, m->type),
                                  .bit_size = m->bit_size,
                                  .bit_off = m->bit_off };
    return true;
}

// Find one name, also inside anonymous structs. @left bounds the search, because a hostile profile
// may contain the same struct many times at every level.
static bool find_one(const struct eg_types *ts, uint32_t id, const char *name, size_t len,
                     unsigned depth, uint32_t *left, struct eg_member_at *out)
{
    struct eg_member_at m, inner;

    id = eg_type_strip(ts, id);
    for (uint32_t i = 0; eg_type_member(ts, id, i, &m); i++) {
        if (!*left)
            return false;
        --*left;
        if (!strncmp(m.name, name, len) && !m.name[len]) {
            *out = m;
            return true;
        }
    }
    for (uint32_t i = 0; depth && *left && eg_type_member(ts, id, i, &m); i++)
        if (!*m.name && has_members(eg_type(ts, eg_type_strip(ts, m.type), NULL)) &&
            find_one(ts, m.type, name, len, depth - 1, left, &inner)) {
            *out = inner;
            out->bit_off += m.bit_off;
            return true;
        }
    return false;
}

bool eg_type_find(const struct eg_types *ts, uint32_t id, const char *path,
                  struct eg_member_at *out)
{
    struct eg_member_at found = { .type = id }, m;
    uint32_t left = LOOKED_AT;

    do {
        const size_t len = strcspn(path, ".");

        id = eg_type_strip(ts, found.type);
        if (!len || !has_members(eg_type(ts, id, NULL)) ||
            !find_one(ts, id, path, len, 64, &left, &m))
            return false;
        m.bit_off += found.bit_off;
        found = m;
        path += len;
    } while (*path++);
    *out = found;
    return true;
}

// Profiles store a 4-byte -1 in different ways, so only the bits that the enum has are compared.
const char *eg_type_enumerator(const struct eg_types *ts, uint32_t id, int64_t value)
{
    const struct eg_profile *p;
    const struct eg_type *t = eg_type(ts, eg_type_strip(ts, id), &p);
    const unsigned unused = t->size && t->size < 8 ? 64 - 8 * (unsigned)t->size : 0;

    for (uint32_t i = 0; t->kind == EG_T_ENUM && i < t->count; i++)
        if ((uint64_t)(p->enumerators[t->first + i].value ^ value) << unused == 0)
            return p->strings + p->enumerators[t->first + i].name;
    return NULL;
}

/* ---- slots ---- */

static bool same_members(const struct eg_types *ts, uint32_t a, uint32_t b)
{
    struct eg_member_at x, y;

    for (uint32_t i = 0; eg_type_member(ts, a, i, &x); i++)
        if (!eg_type_member(ts, b, i, &y) || x.bit_off != y.bit_off || strcmp(x.name, y.name) != 0)
            return false;
    return true;
}

/* Where the types of a module were not joined with the kernel's and with each other, it has the
 * same ones several times. @return the first of all that are alike: the kernel's, if it has one. */
static uint32_t first_alike(const struct eg_types *ts, uint32_t id, const struct eg_type *t)
{
    const char *name = eg_type_name(ts, id);
    uint64_t iter = 0;
    uint32_t other;

    if (!ts->n_layers || id < ts->layers[0].end || !has_members(t) || !*name)
        return id;
    while ((other = eg_types_named(ts, name, NULL, 1u << t->kind, &iter)) && other != id) {
        const struct eg_type *o = eg_type(ts, other, NULL);

        if (o->size == t->size && o->count == t->count && same_members(ts, id, other))
            return other;
    }
    return id;
}

uint32_t eg_type_target(const struct eg_types *ts, uint32_t id)
{
    const struct eg_type *t, *full;
    uint32_t kinds, first, other;
    const char *name;
    uint64_t iter = 0;

    id = eg_type_strip(ts, id);
    t = eg_type(ts, id, NULL);
    if (t->kind != EG_T_FWD)
        return first_alike(ts, id, t);
    kinds = 1u << (t->flags & EG_TF_UNION ? EG_T_UNION : EG_T_STRUCT);
    name = eg_type_name(ts, id);
    first = eg_types_named(ts, name, NULL, kinds, &iter);
    full = eg_type(ts, first, NULL);
    while ((other = eg_types_named(ts, name, NULL, kinds, &iter))) {
        t = eg_type(ts, other, NULL);
        if (t->size != full->size || t->count != full->count)
            return id; // ambiguous
    }
    return first ? first : id;
}

uint32_t eg_type_derived(const struct eg_types *ts, enum eg_type_kind kind, uint32_t ref,
                         uint32_t count)
{
    for (const struct eg_layer *l = ts->layers; l < ts->layers + ts->n_layers; l++)
        for (uint32_t i = 0; i < l->profile->n_types; i++) {
            const struct eg_type *t = &l->profile->types[i];

            if (t->kind == kind && (kind != EG_T_ARRAY || t->count == count) &&
                eg_type_strip(ts, global(l, t->ref)) == eg_type_strip(ts, ref))
                return l->first + i;
        }
    return 0;
}

/** Is this the size of an integer that a C compiler makes? Damaged or hostile types say 3. */
static bool integer_size(uint64_t size)
{
    return size == 1 || size == 2 || size == 4 || size == 8 || size == 16;
}

void eg_types_slot(const struct eg_types *ts, const struct eg_model *m, uint32_t id,
                   struct eg_slot *out)
{
    const uint32_t own = eg_type_target(ts, id);
    const struct eg_type *t = eg_type(ts, own, NULL);

    if ((t->kind == EG_T_INT || t->kind == EG_T_ENUM) && !integer_size(t->size)) {
        *out = (struct eg_slot){ .why = EG_BAD_VALUE };
        return;
    }
    *out = (struct eg_slot){ .type = own, .size = (uint32_t)t->size };
    switch (t->kind) {
    case EG_T_STRUCT:
    case EG_T_UNION:
    case EG_T_FWD:
        out->kind = EG_K_STRUCT;
        break;
    case EG_T_INT:
        out->kind = t->flags & EG_TF_SIGNED && !(t->flags & (EG_TF_CHAR | EG_TF_BOOL)) ? EG_K_SINT
                                                                                       : EG_K_UINT;
        break;
    case EG_T_ENUM:
        out->kind = EG_K_ENUM;
        break;
    case EG_T_FLOAT:
        out->kind = EG_K_FLOAT;
        break;
    case EG_T_PTR:
        if (t->size != m->ptr_size) { // __ptr32 and the like: a number that is not followed
            out->kind = EG_K_UINT;
            break;
        }
        out->kind = EG_K_PTR;
        out->type = eg_type_target(ts, eg_type_ref(ts, own));
        break;
    case EG_T_ARRAY: {
        const struct eg_type *of;

        out->type = eg_type_target(ts, eg_type_ref(ts, own));
        of = eg_type(ts, out->type, NULL);
        out->kind = of->kind == EG_T_INT && of->flags & EG_TF_CHAR && of->size == 1 ? EG_K_CHARS
                                                                                    : EG_K_ARRAY;
        break;
    }
    case EG_T_FUNC:
        out->kind = EG_K_FUNC;
        break;
    default:
        out->kind = EG_K_VOID;
    }
}

void eg_types_member_slot(const struct eg_types *ts, const struct eg_model *m, uint32_t parent,
                          const struct eg_member_at *mem, struct eg_slot *out)
{
    uint64_t off = mem->bit_off / 8;
    uint32_t load;

    eg_types_slot(ts, m, mem->type, out);
    if (!out->kind)
        return;
    if (mem->bit_size) {
        // Like the compiler, load the aligned unit of the declared type; if a field of a packed
        // struct crosses it, load the fewest bytes that hold the field.
        const uint64_t end = mem->bit_off + mem->bit_size;

        load = out->size;
        if (load == 1 || load == 2 || load == 4 || load == 8)
            off -= off % load;
        else
            load = 0;
        if (8 * (off + load) < end) {
            off = mem->bit_off / 8;
            for (load = 1; load < 8 && 8 * (off + load) < end;)
                load *= 2;
        }
        if (8 * (off + load) < end || mem->bit_size > 64 || mem->bit_size > 8 * out->size ||
            (out->kind != EG_K_UINT && out->kind != EG_K_SINT && out->kind != EG_K_ENUM)) {
            *out = (struct eg_slot){ .why = EG_BAD_VALUE };
            return;
        }
        out->size = load;
        out->bits = (uint8_t)mem->bit_size;
        out->shift = (uint8_t)(m->big_endian ? 8 * (off + load) - end : mem->bit_off - 8 * off);
    }
    out->off = off;
    out->parent = eg_type_target(ts, parent);
}
