/* dwarf_merge.c - keys of types, and merging the types of many units. */
#include "dwarf_merge.h"
#include <stdlib.h>

// No compiler makes a longer chain.
enum { DEEPEST = 256 };
// Keys of void and of circles. No type in a merger has them, so references to them become void.
enum { KEY_VOID = 1, KEY_CIRCLE = 2 };

struct eg_merged {
    uint64_t key;
    uint64_t name_key; // of a tag with a name: EG_KEY_NAME; else 0
    uint64_t place, ref, size;
    const char *name;
    struct merged_member {
        const char *name;
        uint64_t ref; // exact key
        uint64_t bit_off;
        uint32_t bit_size;
    } * members;
    uint32_t count; // as eg_type's
    uint32_t id;    // in the profile that came first; 0: not of it
    uint8_t kind, flags, tag;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
    const size_t len = s ? strlen(s) : 0;
    uint64_t word;
    size_t at = 0;

    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, s + at, sizeof word);
        h = mix(h, word);
    }
    word = 0;
    if (len > at)
        memcpy(&word, s + at, len - at);
    return mix(mix(h, word), len);
}

static bool is_tag(uint8_t kind)
{
    return kind == EG_T_STRUCT || kind == EG_T_UNION || kind == EG_T_ENUM;
}

static bool has_members(uint8_t kind)
{
    return is_tag(kind) || kind == EG_T_FUNC;
}

void eg_raw_unit_clear(struct eg_raw_unit *u)
{
    u->types.n = u->members.n = u->sorted = 0;
    eg_map_fini(&u->extra);
}

void eg_raw_unit_fini(struct eg_raw_unit *u)
{
    eg_raw_unit_clear(u);
    eg_vec_fini(&u->types);
    eg_vec_fini(&u->members);
}

/* ---- keys ---- */

static bool find(struct eg_raw_unit *u, uint64_t place, size_t *out)
{
    const size_t known = eg_lower_bound(u->sorted, k, u->types.at[k].at < place);
    uint64_t i;

    if (known < u->sorted && u->types.at[known].at == place) {
        *out = known;
        return true;
    }
    if (!eg_map_get(&u->extra, place, &i)) {
        i = u->types.n;
        if (!u->load || !u->load(u, place) || u->types.n == i)
            return false;
        for (size_t k = i; k < u->types.n; k++) // it, and what is inside it
            if (eg_map_add(&u->extra, u->types.at[k].at, k) < 0)
                return false;
    }
    *out = (size_t)i;
    return true;
}

static bool key_of(struct eg_raw_unit *u, uint64_t place, enum eg_key how, int depth,
                   uint64_t *out);

static bool add_members(struct eg_raw_unit *u, size_t i, enum eg_key how, int depth, uint64_t *h)
{
    const uint32_t first = u->types.at[i].first, count = u->types.at[i].count;
    const bool values = u->types.at[i].kind == EG_T_ENUM;

    for (uint32_t k = 0; k < count; k++) {
        const struct eg_raw_member *m = &u->members.at[first + k];
        uint64_t key = 0;

        *h = mix(mix_text(*h, m->name), m->bit_off);
        if (m->bit_size)
            *h = mix(*h, m->bit_size);
        if (!values && !key_of(u, m->ref, how, depth + 1, &key))
            return false;
        *h = mix(*h, key);
    }
    return true;
}

// The part of a key that is from other types. @how is never NAME for a tag with a name.
static bool add_content(struct eg_raw_unit *u, size_t i, enum eg_key how, int depth, uint64_t *h)
{
    const struct eg_raw_type t = u->types.at[i];
    uint64_t ref;

    switch (t.kind) {
    case EG_T_STRUCT:
    case EG_T_UNION:
    case EG_T_ENUM:
        return add_members(u, i, EG_KEY_VALUE, depth, h);
    case EG_T_PTR:
    case EG_T_FUNC:
        how = how == EG_KEY_EXACT ? EG_KEY_EXACT : EG_KEY_NAME;
        break;
    case EG_T_ARRAY:
        *h = mix(*h, t.count);
        break;
    case EG_T_TYPEDEF:
    case EG_T_VAR:
        break;
    default:
        return true;
    }
    if (!key_of(u, t.ref, how, depth + 1, &ref))
        return false;
    *h = mix(*h, ref);
    return t.kind != EG_T_FUNC || add_members(u, i, how, depth, h);
}

static bool type_key(struct eg_raw_unit *u, size_t i, enum eg_key how, int depth, uint64_t *out)
{
    struct eg_raw_type *t = &u->types.at[i];
    uint64_t h;

    if (t->known & 1 << how) {
        *out = t->key[how];
        return true;
    }
    if (t->open & 1 << how || depth > DEEPEST) {
        *out = KEY_CIRCLE;
        return true;
    }
    t->open |= (uint8_t)(1 << how);
    if (t->kind == EG_T_VOID) {
        if (!key_of(u, t->ref, how, depth + 1, &h))
            return false;
    } else if (t->tag && (how == EG_KEY_NAME || t->kind == EG_T_FWD) && t->name) {
        h = mix(mix_text(how == EG_KEY_EXACT ? EG_T_FWD : 0, t->name), t->tag);
        h = mix(h, how == EG_KEY_EXACT ? t->size : 0);
    } else {
        h = mix(mix_text(mix(t->kind, t->flags), t->name), t->size);
        if (!add_content(u, i, how, depth, &h))
            return false;
    }
    t = &u->types.at[i]; // more may have been loaded
    t->open &= (uint8_t) ~(1 << how);
    t->known |= (uint8_t)(1 << how);
    t->key[how] = *out = h;
    return true;
}

static bool key_of(struct eg_raw_unit *u, uint64_t place, enum eg_key how, int depth, uint64_t *out)
{
    size_t i;

    if (!place) {
        *out = KEY_VOID;
        return true;
    }
    if (!find(u, place, &i))
        return false;
    *out = KEY_VOID;
    return u->types.at[i].kind == EG_T_VAR || // not a type
           type_key(u, i, how, depth, out);
}

bool eg_raw_keys(struct eg_raw_unit *u, size_t i, uint64_t keys[EG_KEYS])
{
    for (int how = 0; how < EG_KEYS; how++)
        if (!type_key(u, i, (enum eg_key)how, 0, &keys[how]))
            return false;
    return true;
}

/* ---- merging ---- */

void eg_merger_init(struct eg_merger *m)
{
    *m = (struct eg_merger){ 0 };
    for (size_t i = 0; i < EG_MERGER_SHARDS; i++)
        pthread_mutex_init(&m->shards[i].lock, NULL);
}

void eg_merger_fini(struct eg_merger *m)
{
    for (size_t i = 0; i < EG_MERGER_SHARDS; i++) {
        pthread_mutex_destroy(&m->shards[i].lock);
        eg_map_fini(&m->shards[i].index);
        eg_vec_fini(&m->shards[i].all);
        eg_arena_fini(&m->shards[i].arena);
    }
}

// Everything of it that needs the unit, with members in @members; before the lock is taken.
static bool describe(struct eg_raw_unit *u, size_t i, struct eg_merged *out,
                     struct merged_member *members)
{
    const struct eg_raw_type t = u->types.at[i];

    *out = (struct eg_merged){ .key = t.key[EG_KEY_EXACT],
                               .place = t.at,
                               .size = t.size,
                               .name = t.name,
                               .members = members,
                               .count = t.count,
                               .kind = t.kind,
                               .flags = t.flags,
                               .tag = t.tag };
    if (t.tag && t.name && !type_key(u, i, EG_KEY_NAME, 0, &out->name_key))
        return false;
    if (!key_of(u, t.ref, EG_KEY_EXACT, 0, &out->ref))
        return false;
    for (uint32_t k = 0; has_members(t.kind) && k < t.count; k++) {
        const struct eg_raw_member m = u->members.at[t.first + k];

        members[k] = (struct merged_member){ m.name, KEY_VOID, m.bit_off, m.bit_size };
        if (t.kind != EG_T_ENUM && !key_of(u, m.ref, EG_KEY_EXACT, 0, &members[k].ref))
            return false;
    }
    return true;
}

static bool insert(struct eg_merger *m, struct eg_merged *t, size_t n_members)
{
    struct eg_merger_shard *s = &m->shards[t->key % EG_MERGER_SHARDS];
    const struct merged_member *members = t->members;
    struct eg_merged *to = NULL;
    uint64_t i;

    pthread_mutex_lock(&s->lock);
    if (eg_map_get(&s->index, t->key, &i)) {
        to = &s->all.at[i];
        // A hostile file can give two types one key. There is room for as many members as the first
        // one has.
        if (!to->id && t->place < to->place && t->kind == to->kind && t->count == to->count) {
            t->members = to->members;
            *to = *t;
        } else {
            n_members = 0;
        }
    } else if (eg_map_add(&s->index, t->key, s->all.n) == 1 && (to = eg_vec_push(&s->all))) {
        t->members = eg_arena_alloc(&s->arena, n_members * sizeof *members);
        *to = *t;
        if (n_members && !t->members)
            to = NULL;
    }
    if (to && n_members)
        memcpy(to->members, members, n_members * sizeof *members);
    pthread_mutex_unlock(&s->lock);
    return to;
}

bool eg_merger_add(struct eg_merger *m, struct eg_raw_unit *u, struct eg_merger_seen *seen)
{
    struct {
        EG_VEC(struct merged_member) v;
    } members = { 0 };
    bool good = true;

    for (size_t i = 0; i < u->types.n && good; i++) { // grows on the way
        const struct eg_raw_type t = u->types.at[i];
        const size_t n_members = has_members(t.kind) ? t.count : 0;
        struct eg_merged merged;
        uint64_t key, *before = NULL;

        if (t.kind == EG_T_VOID || t.kind == EG_RAW_KNOWN)
            continue;
        good = type_key(u, i, EG_KEY_EXACT, 0, &key);
        if (good && seen && i < u->sorted) {
            before = &seen->keys[key >> 32 & (EG_MERGER_SEEN - 1)];
            if (*before == key)
                continue;
        }
        good = good && eg_vec_reserve(&members.v, n_members) &&
               describe(u, i, &merged, members.v.at) && insert(m, &merged, n_members);
        if (good && before)
            *before = key;
    }
    eg_vec_fini(&members.v);
    return good;
}

// The members and enumerators of @t, as many as there is room for: each has one owner.
static bool seed_members(struct eg_raw_unit *u, const struct eg_profile *p, const struct eg_type *t)
{
    if (u->members.cap - u->members.n < t->count)
        return false;
    for (uint32_t k = 0; k < t->count; k++) {
        struct eg_raw_member *to = &u->members.at[u->members.n++];
        const struct eg_member *m = &p->members[t->first + k];

        if (t->kind == EG_T_ENUM) {
            const struct eg_enumerator *e = &p->enumerators[t->first + k];

            *to = (struct eg_raw_member){ .name = p->strings + e->name,
                                          .bit_off = (uint64_t)e->value };
        } else {
            // DWARF does not name parameters.
            *to = (struct eg_raw_member){ .ref = m->type,
                                          .bit_off = m->bit_off,
                                          .bit_size = m->bit_size };
            to->name = m->name && t->kind != EG_T_FUNC ? p->strings + m->name : NULL;
        }
    }
    return true;
}

bool eg_merger_seed(struct eg_merger *m, const struct eg_profile *base)
{
    struct eg_raw_unit u = { 0 };
    bool good = eg_vec_reserve(&u.types, base->n_types) &&
                eg_vec_reserve(&u.members, (size_t)base->n_members + base->n_enumerators);

    for (uint32_t i = 1; i < base->n_types && good; i++) {
        const struct eg_type *t = &base->types[i];
        struct eg_raw_type *to = &u.types.at[u.types.n++];

        *to = (struct eg_raw_type){ .at = i,
                                    .size = t->kind == EG_T_ARRAY ? 0 : t->size,
                                    .ref = t->ref,
                                    .name = t->name ? base->strings + t->name : NULL,
                                    .first = (uint32_t)u.members.n,
                                    .count = t->count,
                                    .kind = t->kind,
                                    .flags = t->flags,
                                    .tag = is_tag(t->kind) ? t->kind : 0 };
        if (t->kind == EG_T_FWD || (t->kind == EG_T_ENUM && !t->count)) {
            to->tag = t->kind == EG_T_ENUM     ? EG_T_ENUM
                      : t->flags & EG_TF_UNION ? EG_T_UNION
                                               : EG_T_STRUCT;
            to->kind = EG_T_FWD;
            to->size = 1; // not the same as others': those may get a definition
        }
        good = !has_members(t->kind) || seed_members(&u, base, t);
    }
    u.sorted = u.types.n;
    good = good && eg_merger_add(m, &u, NULL);
    for (size_t s = 0; s < EG_MERGER_SHARDS; s++)
        for (size_t i = 0; i < m->shards[s].all.n; i++)
            m->shards[s].all.at[i].id = (uint32_t)m->shards[s].all.at[i].place;
    eg_raw_unit_fini(&u);
    return good;
}

/* ---- pushing ---- */

struct push {
    struct eg_merged **all; // in order of place
    size_t n;
    struct eg_map index;    // exact key to number in all
    struct eg_map same;     // key with declarations resolved, to index in all
    struct eg_map names;    // name key of a definition to number in all
    struct eg_map several;  // name keys that more than one definition has
    struct eg_map declared; // name key of what the first profile has but a declaration of
    uint32_t *canon;        // index in all of the type that represents it, + 1; 0: not known yet
    uint32_t *ids;
};

static int by_place(const void *a, const void *b)
{
    const struct eg_merged *x = *(struct eg_merged *const *)a, *y = *(struct eg_merged *const *)b;

    if (!x->id != !y->id)
        return x->id ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

/** The type that represents a key; @p->n: void. A declaration is represented by its only
 * definition; types that refer to equal types are equal. */
static bool canonical(struct push *p, uint64_t key, int depth, size_t *out);

static bool settle(struct push *p, size_t i, int depth, size_t *out)
{
    const struct eg_merged *t = p->all[i];
    uint64_t h = mix(mix_text(mix(t->kind, t->flags), t->name), t->size), found;
    size_t ref;

    *out = i;
    if (t->kind == EG_T_FWD) {
        if (!t->id && t->name &&
            ((eg_map_get(&p->names, t->name_key, &found) &&
              !eg_map_get(&p->several, t->name_key, &(uint64_t){ 0 })) ||
             eg_map_get(&p->declared, t->name_key, &found)))
            *out = (size_t)found;
        return true;
    }
    if (depth > DEEPEST || (t->kind != EG_T_PTR && t->kind != EG_T_ARRAY &&
                            t->kind != EG_T_TYPEDEF && t->kind != EG_T_FUNC && t->kind != EG_T_VAR))
        return true;
    if (!canonical(p, t->ref, depth + 1, &ref))
        return false;
    h = mix(mix(h, t->count), ref);
    for (uint32_t k = 0; t->kind == EG_T_FUNC && k < t->count; k++) {
        if (!canonical(p, t->members[k].ref, depth + 1, &ref))
            return false;
        h = mix(mix_text(h, t->members[k].name), ref);
    }
    switch (eg_map_add(&p->same, h, i)) {
    case 0:
        *out = eg_map_get(&p->same, h, &found) ? (size_t)found : i;
        return true;
    default:
        return false;
    case 1:
        return true;
    }
}

static bool canonical(struct push *p, uint64_t key, int depth, size_t *out)
{
    uint64_t i;

    *out = p->n;
    if (!eg_map_get(&p->index, key, &i))
        return true;
    if (!p->canon[i]) {
        p->canon[i] = (uint32_t)i + 1; // for circles
        if (!settle(p, (size_t)i, depth, out))
            return false;
        p->canon[i] = (uint32_t)*out + 1;
    }
    *out = p->canon[i] - 1;
    return true;
}

static bool gather(struct push *p, struct eg_merger *m)
{
    for (size_t s = 0; s < EG_MERGER_SHARDS; s++)
        p->n += m->shards[s].all.n;
    p->all = calloc(p->n + 1, sizeof *p->all);
    p->canon = calloc(p->n + 1, sizeof *p->canon);
    p->ids = calloc(p->n + 1, sizeof *p->ids);
    if (!p->all || !p->canon || !p->ids || p->n >= UINT32_MAX)
        return false;
    p->n = 0;
    for (size_t s = 0; s < EG_MERGER_SHARDS; s++)
        for (size_t i = 0; i < m->shards[s].all.n; i++)
            p->all[p->n++] = &m->shards[s].all.at[i];
    qsort(p->all, p->n, sizeof *p->all, by_place);
    for (size_t i = 0; i < p->n; i++) {
        const struct eg_merged *t = p->all[i];
        int added;

        if (eg_map_add(&p->index, t->key, i) < 0)
            return false;
        if (t->kind == EG_T_FWD && t->id && eg_map_add(&p->declared, t->name_key, i) < 0)
            return false;
        if (!is_tag(t->kind) || !t->name)
            continue;
        added = eg_map_add(&p->names, t->name_key, i);
        if (added < 0 || (!added && eg_map_add(&p->several, t->name_key, 0) < 0))
            return false;
    }
    return true;
}

static uint32_t id_of(struct push *p, uint64_t key)
{
    size_t i;

    return canonical(p, key, 0, &i) && i < p->n ? p->ids[i] : 0;
}

static void push_type(struct push *p, struct eg_builder *b, const struct eg_merged *t)
{
    struct eg_type to = { .size = t->size,
                          .name = t->name ? eg_builder_name(b, t->name, strlen(t->name)) : 0,
                          .ref = id_of(p, t->ref),
                          .count = t->count,
                          .kind = t->kind,
                          .flags = t->flags };

    if (t->kind == EG_T_FWD && t->tag == EG_T_ENUM) // as BTF has it: no enumerators
        to.kind = EG_T_ENUM;
    to.first = to.kind == EG_T_ENUM ? eg_builder_enumerator_count(b) : eg_builder_member_count(b);
    eg_builder_type(b, &to);
    for (uint32_t k = 0; k < (has_members(t->kind) ? t->count : 0); k++) {
        const struct merged_member *m = &t->members[k];
        const uint32_t name = m->name ? eg_builder_name(b, m->name, strlen(m->name)) : 0;

        if (t->kind == EG_T_ENUM)
            eg_builder_enumerator(b, name, (int64_t)m->bit_off);
        else
            eg_builder_member(b, name, id_of(p, m->ref), m->bit_off, m->bit_size);
    }
}

bool eg_merger_push(struct eg_merger *m, uint32_t first_id, struct eg_builder *b)
{
    struct push p = { 0 };
    bool good = gather(&p, m);
    size_t i, is;

    for (i = 0; i < p.n && good; i++) {
        good = canonical(&p, p.all[i]->key, 0, &is);
        if (p.all[i]->id)
            p.ids[i] = p.all[i]->id;
        else if (is == i)
            p.ids[i] = first_id++;
    }
    for (i = 0; i < p.n && good; i++)
        if (!p.all[i]->id && p.ids[i])
            push_type(&p, b, p.all[i]);
    free(p.all);
    free(p.canon);
    free(p.ids);
    eg_map_fini(&p.index);
    eg_map_fini(&p.same);
    eg_map_fini(&p.names);
    eg_map_fini(&p.several);
    eg_map_fini(&p.declared);
    return good;
}
