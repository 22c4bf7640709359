/* resolve.c - resolves handles to slots: each name is looked up once per system, so that a step of
 * a cursor is only an addition. */
#include "map.h"
#include "paths.h"
#include <inttypes.h>
#include <stdlib.h>

struct resolver {
    struct eg_system *sys;
    const struct eg_types *types;
    const struct eg_model *model;
    EG_VEC(struct chosen) chosen;
    struct eg_map by_name; /* hash of a type name to index in chosen */
    bool no_room;
};
struct chosen {
    const char *type, *module;
    uint32_t id; /* 0: no such struct */
};

/** Copy the next part of "a|b|c" at *@at, without the bar. @return false at the end, or when it is
 * too long. */
static bool alternative(const char **at, char *out, size_t size)
{
    size_t n = strcspn(*at, "|");

    if (!n || n >= size)
        return false;
    memcpy(out, *at, n);
    out[n] = 0;
    *at += n + ((*at)[n] == '|');
    return true;
}

static bool field_of(const struct resolver *s, uint32_t type, const char *names,
                     struct eg_slot *out)
{
    struct eg_member_at m;
    char path[256];

    while (alternative(&names, path, sizeof path))
        if (eg_type_find(s->types, type, path, &m)) {
            eg_types_member_slot(s->types, s->model, type, &m, out);
            return true;
        }
    return false;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/** Of the members that handles want of structs with this name: how many does struct @id have? */
static unsigned wanted_members(const struct resolver *s, const char *type, const char *module,
                               uint32_t id)
{
    const struct eg_handle *h;
    struct eg_slot slot;
    unsigned n = 0;

    for (uint32_t i = 1; (h = eg_handle(i)); i++)
        n += h->kind == EG_H_FIELD && !strcmp(h->type, type) && same_text(h->module, module) &&
             field_of(s, id, h->name, &slot);
    return n;
}

/** Can a handle of @module mean this type? It must be of the kernel or of that module. */
static bool in_reach(const struct eg_profile *p, const char *module)
{
    return !p->module || (module && !strcmp(p->module, module));
}

/** The struct that handles mean by a name. If several are defined (struct node, console, irq_info
 * in Linux 5.10 to 7.2), it is the one with most of the wanted members; among equals one of the
 * module, then the first. */
static uint32_t find_struct(const struct resolver *s, const char *type, const char *module)
{
    const uint32_t kinds = 1u << EG_T_STRUCT | 1u << EG_T_UNION | 1u << EG_T_TYPEDEF;
    uint32_t id, best = 0;
    unsigned most = 0;
    uint64_t iter = 0;

    while ((id = eg_types_named(s->types, type, module, kinds, &iter))) {
        const uint32_t own = eg_type_strip(s->types, id);
        const struct eg_profile *p;
        unsigned n = 0;

        if (eg_type(s->types, own, &p)->kind != EG_T_STRUCT &&
            eg_type(s->types, own, &p)->kind != EG_T_UNION)
            continue;
        eg_type(s->types, id, &p);
        if (own == best || !in_reach(p, module))
            continue;
        if (best) {
            if (!most)
                most = wanted_members(s, type, module, best) + 1;
            n = wanted_members(s, type, module, own) + 1;
        }
        if (!best || n > most) {
            best = own;
            most = n;
        }
    }
    return best;
}

static uint32_t chosen_struct(struct resolver *s, const char *type, const char *module)
{
    const uint32_t hash = eg_hash(type, strlen(type));
    struct chosen *c;
    uint32_t nth;
    uint64_t i;

    for (nth = 0; eg_map_get(&s->by_name, eg_map_key(hash, nth), &i); nth++) {
        c = &s->chosen.at[i];
        if (!strcmp(c->type, type) && same_text(c->module, module))
            return c->id;
    }
    c = eg_vec_push(&s->chosen);
    if (!c || eg_map_add(&s->by_name, eg_map_key(hash, nth), s->chosen.n - 1) < 0) {
        s->no_room = true;
        return 0;
    }
    *c = (struct chosen){ type, module, find_struct(s, type, module) };
    return c->id;
}

enum { NAMES_MAX = 4096, ANONYMOUS_MAX = 16 };

struct names {
    const char *at[NAMES_MAX + 1]; // ends with NULL
    size_t n;
    unsigned looked_at; // members, including anonymous ones
};

/** The names of a struct's members, including those of anonymous structs. */
static void member_names(const struct eg_types *ts, uint32_t type, unsigned depth,
                         struct names *out)
{
    struct eg_member_at m;

    type = eg_type_strip(ts, type);
    for (uint32_t i = 0; out->looked_at < NAMES_MAX && eg_type_member(ts, type, i, &m); i++) {
        out->looked_at++;
        if (*m.name)
            out->at[out->n++] = m.name;
        else if (depth < ANONYMOUS_MAX)
            member_names(ts, m.type, depth + 1, out);
    }
}

/** A missing member may belong to another release or be misspelt: if the struct has a member with a
 * similar name, add a note. Plugins of this tree are tested, so they are not checked. */
static void note_slip(const struct resolver *s, const struct eg_handle *h, uint32_t type)
{
    const char *near, *at = h->name, *file = strrchr(h->from, '/');
    struct names *names = calloc(1, sizeof *names);
    struct eg_member_at m;
    char name[256];

    if (names)
        member_names(s->types, type, 0, names);
    while (names && alternative(&at, name, sizeof name)) {
        name[strcspn(name, ".")] = 0;
        near = eg_type_find(s->types, type, name, &m) ? NULL : eg_nearest(name, names->at);
        if (near)
            eg_system_note(s->sys,
                           "%s: struct %s of this kernel has no member '%s': is '%s' meant?",
                           file ? file + 1 : h->from, h->type, name, near);
    }
    free(names);
}

static struct eg_slot resolve_field(struct resolver *s, const struct eg_handle *h)
{
    struct eg_slot slot = { .why = EG_NO_TYPE };
    uint32_t type = chosen_struct(s, h->type, h->module);

    if (!type || field_of(s, type, h->name, &slot))
        return slot;
    if (h->from)
        note_slip(s, h, type);
    return (struct eg_slot){ .why = EG_NO_MEMBER };
}

static struct eg_slot resolve_type(struct resolver *s, const struct eg_handle *h)
{
    struct eg_slot slot = { .why = EG_NO_TYPE };
    uint32_t type = chosen_struct(s, h->type, h->module);

    if (type)
        eg_types_slot(s->types, s->model, type, &slot);
    return slot;
}

/* ---- variables ---- */

/** Limit a slot to @room bytes: an array is cut to the elements that fit. @return false: none fits,
 * or it is not an array. */
static bool fit(const struct eg_system *sys, struct eg_slot *slot, uint64_t room)
{
    struct eg_slot element;

    if (slot->kind == EG_K_CHARS) {
        slot->size = (uint32_t)room;
        return room > 0;
    }
    eg_types_slot(&sys->types, &sys->bind.model, slot->type, &element);
    if (slot->kind != EG_K_ARRAY || !element.size || room < element.size)
        return false;
    slot->size = (uint32_t)(room - room % element.size);
    return true;
}

struct eg_slot eg_variable_slot(const struct eg_system *sys, const char *name, const char *declared,
                                const struct eg_symbol_extent *extent, char note[EG_VARIABLE_NOTE])
{
    const struct eg_model *model = &sys->bind.model;
    const uint32_t own = eg_types_variable(&sys->types, name);
    const uint64_t by_type = own ? eg_type_size(&sys->types, own, model) : 0;
    // Where a damaged profile contradicts its symbols, the smaller size is the safe one.
    uint64_t room =
        by_type && extent->size ? EG_MIN(by_type, extent->size) : EG_MAX(by_type, extent->size);
    struct eg_slot slot = { .why = EG_NO_TYPE };
    char text[256] = "in the profile";
    uint32_t size;

    *note = 0;
    if (declared)
        while (!slot.kind && alternative(&declared, text, sizeof text))
            eg_types_parse(&sys->types, model, text, &slot);
    else if (own)
        eg_types_slot(&sys->types, model, own, &slot);
    // For a struct or number the next symbol does not limit the size: jiffies is inside jiffies_64.
    if (!room && (slot.kind == EG_K_ARRAY || slot.kind == EG_K_CHARS))
        room = extent->room;
    if (!slot.kind || !room || slot.size <= room)
        return slot;
    size = slot.size;
    if (!fit(sys, &slot, room))
        slot = (struct eg_slot){ .why = EG_WRONG_TYPE };
    snprintf(note, EG_VARIABLE_NOTE,
             "symbol %s: the type %s has %" PRIu32 " bytes, but the variable at most %" PRIu64
             ": %s",
             name, text, size, room, slot.kind ? "only what fits is read" : "it is not read");
    return slot;
}

bool eg_system_variable(const struct eg_system *sys, const char *name, const char *declared,
                        struct eg_slot *out, char note[EG_VARIABLE_NOTE])
{
    struct eg_symbol_extent extent;
    uint64_t addr;

    *note = 0;
    *out = (struct eg_slot){ .why = EG_NO_SYMBOL };
    // Only symbols of the kernel itself: those of modules are read on the first look-up by name.
    if (!eg_system_own_symbol(sys, name, &addr, &extent))
        return false;
    *out = eg_variable_slot(sys, name, declared, &extent, note);
    out->off = addr;
    return out->kind;
}

static struct eg_slot resolve_symbol(const struct resolver *s, const struct eg_handle *h)
{
    struct eg_slot slot = { .why = EG_NO_SYMBOL };
    const char *names = h->name;
    char name[256], note[EG_VARIABLE_NOTE];

    while (slot.why == EG_NO_SYMBOL && alternative(&names, name, sizeof name)) {
        eg_system_variable(s->sys, name, h->type, &slot, note);
        if (*note)
            eg_system_note(s->sys, "%s", note);
    }
    return slot;
}

/** The first of the alternatives that the enum @id has. */
static bool enumerator_of(const struct resolver *s, uint32_t id, const char *names,
                          struct eg_slot *out)
{
    const struct eg_profile *p;
    const struct eg_type *t = eg_type(s->types, id, &p);
    char name[128];

    while (alternative(&names, name, sizeof name))
        for (uint32_t i = 0; i < t->count; i++) {
            const struct eg_enumerator *en = &p->enumerators[t->first + i];

            if (!strcmp(p->strings + en->name, name)) {
                eg_types_slot(s->types, s->model, id, out);
                out->off = (uint64_t)en->value;
                return true;
            }
        }
    return false;
}

static struct eg_slot resolve_enum(const struct resolver *s, const struct eg_handle *h)
{
    struct eg_slot slot = { .why = EG_NO_TYPE };
    uint64_t iter = 0;
    uint32_t id;

    while ((id = eg_types_named(s->types, h->type, NULL, 1u << EG_T_ENUM, &iter))) {
        if (enumerator_of(s, id, h->name, &slot))
            return slot;
        slot.why = EG_NO_MEMBER;
    }
    return slot;
}

/** The enum of the kernel that has enumerator @i. */
static uint32_t enum_around(const struct eg_profile *p, uint32_t i)
{
    for (uint32_t t = 0; t < p->n_types; t++)
        if (p->types[t].kind == EG_T_ENUM && i - p->types[t].first < p->types[t].count)
            return t; // the base keeps its own ids
    return 0;
}

/** An enumerator of any enum of the kernel, including anonymous ones. */
static struct eg_slot resolve_loose(const struct resolver *s, const struct eg_handle *h)
{
    const struct eg_profile *p = s->types->n_layers ? s->types->layers[0].profile : NULL;
    struct eg_slot slot = { .why = EG_NO_MEMBER };
    const char *names = h->name;
    char name[128];

    while (p && alternative(&names, name, sizeof name))
        for (uint32_t i = 0; i < p->n_enumerators; i++)
            if (!strcmp(p->strings + p->enumerators[i].name, name)) {
                eg_types_slot(s->types, s->model, enum_around(p, i), &slot);
                slot.off = (uint64_t)p->enumerators[i].value;
                return slot;
            }
    return slot;
}

static struct eg_slot resolve_one(struct resolver *s, const struct eg_handle *h)
{
    switch (h->kind) {
    case EG_H_FIELD:
        return resolve_field(s, h);
    case EG_H_TYPE:
        return resolve_type(s, h);
    case EG_H_SYMBOL:
        return resolve_symbol(s, h);
    default:
        return h->type ? resolve_enum(s, h) : resolve_loose(s, h);
    }
}

/** Add the types of all modules that handles name, each once. */
static int add_module_types(struct eg_system *sys, struct eg_error *e)
{
    EG_VEC(const char *) asked = { 0 };
    const struct eg_handle *h;
    int rc = 0;

    for (uint32_t id = 1; (h = eg_handle(id)) && rc == 0; id++) {
        const char **place;
        struct eg_error why;
        size_t i = 0;

        while (h->module && i < asked.n && strcmp(asked.at[i], h->module) != 0)
            i++;
        if (!h->module || i < asked.n)
            continue;
        if (!(place = eg_vec_push(&asked))) {
            rc = eg_fail(e, EG_ENOMEM, "types: out of memory");
            break;
        }
        *place = h->module;
        rc = sys->os->module_types(sys, h->module, &why);
        if (rc == -EG_ENOMEM || rc == -EG_ECANCEL) {
            eg_fail(e, -rc, "%s", why.text);
        } else if (rc < 0) { // if it is not loaded, its slots are absent
            if (rc != -EG_ENOTFOUND)
                eg_system_note(sys, "%s", why.text);
            rc = 0;
        }
    }
    eg_vec_fini(&asked);
    return rc;
}

int eg_system_resolve(struct eg_system *sys, struct eg_error *e)
{
    struct resolver s = { .sys = sys, .types = &sys->types, .model = &sys->bind.model };
    const uint32_t n = eg_handle_count();
    const int rc = sys->os && sys->os->module_types ? add_module_types(sys, e) : 0;
    struct eg_slot *slots = rc < 0 ? NULL : calloc(n, sizeof *slots);
    struct eg_path_at *paths;
    bool ok = slots != NULL;

    if (rc < 0)
        return rc;
    for (uint32_t id = 1; ok && id < n; id++)
        slots[id] = resolve_one(&s, eg_handle(id));
    for (uint32_t id = 0; ok && id < n; id++)
        if (!slots[id].kind)
            slots[id].parent = EG_NO_PARENT;
    eg_vec_fini(&s.chosen);
    eg_map_fini(&s.by_name);
    ok = ok && !s.no_room;
    paths = ok ? eg_paths_resolve(slots, s.model) : NULL;
    if (!paths) {
        free(slots);
        return eg_fail(e, EG_ENOMEM, "types: out of memory");
    }
    free(sys->bind.slots);
    free(sys->bind.paths);
    sys->bind.slots = slots;
    sys->bind.paths = paths;
    return 0;
}
