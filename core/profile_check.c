/* profile_check.c - makes a profile safe to use: every index is in range, every string is
 * terminated, no type contains itself, depth is bounded; then it is sorted and gets its hash
 * tables. */
#include "builder.h"
#include <stdlib.h>

// Marks of a profile's types. A small one means: done, and so many levels above a type that
// contains no other by value.
enum { DEEPEST = 64, VARIABLE = 252, FRESH = 253, OPEN = 254, ALIAS = 255 };

struct check {
    struct eg_profile *p;
    const struct eg_profile *base; // NULL: stands alone
    struct eg_type *types;
    struct eg_member *members;
    uint8_t *mark; // by own index
    uint32_t first, total;
    size_t dropped;
};

static void drop(struct check *c, struct eg_type *t)
{
    *t = (struct eg_type){ 0 };
    c->dropped++;
}

static const struct eg_type *type_of(const struct check *c, uint32_t id)
{
    return id < c->first ? &c->base->types[id] : &c->types[id - c->first];
}

// What references skip: const and the like.
static bool is_alias(const struct eg_profile *p, const struct eg_type *t)
{
    return t->kind == EG_T_TYPEDEF && !t->name && !p->qualified;
}

static bool has_members(const struct eg_type *t)
{
    return t->kind == EG_T_STRUCT || t->kind == EG_T_UNION;
}

// Tables instead of branches, because kinds come in any order and branches would be mispredicted.
enum { NOTHING, MEMBERS, ENUMERATORS };
static const struct rule {
    uint64_t size_max; // 0: it has none of its own
    uint8_t mark;
    uint8_t of; // what first and count are of
} rules[EG_T_VAR + 1] = {
    [EG_T_INT] = { .size_max = 16 },
    [EG_T_FLOAT] = { .size_max = 16 },
    [EG_T_PTR] = { .size_max = 8 },
    [EG_T_ARRAY] = { .mark = FRESH },
    [EG_T_STRUCT] = { UINT32_MAX, FRESH, MEMBERS },
    [EG_T_UNION] = { UINT32_MAX, FRESH, MEMBERS },
    [EG_T_ENUM] = { 8, 0, ENUMERATORS },
    [EG_T_TYPEDEF] = { .mark = FRESH },
    [EG_T_FUNC] = { 0, 0, MEMBERS },
    [EG_T_VAR] = { .mark = VARIABLE },
};

// Check each type by itself, and mark it.
static void check_shapes(struct check *c)
{
    const struct eg_profile *p = c->p;
    const uint64_t limits[] = { UINT64_MAX, p->n_members, p->n_enumerators };
    uint64_t members_left = p->n_members;

    for (uint32_t i = 0; i < p->n_types; i++) {
        struct eg_type *t = &c->types[i];
        const struct rule *r = &rules[t->kind <= EG_T_VAR ? t->kind : EG_T_VOID];
        const uint64_t end = (uint64_t)t->first + t->count;
        uint32_t members = r->of == MEMBERS ? t->count : 0;

        // An enum without values is only declared, whatever size the source made up for it.
        t->size = r->size_max && (t->kind != EG_T_ENUM || t->count) ? t->size : 0;
        // Each member belongs to one type, so that all loops together visit no more members than
        // exist.
        if ((t->name >= p->n_strings) | (t->kind > EG_T_VAR) | (t->size > r->size_max) |
            (end > limits[r->of]) | (members > members_left)) {
            drop(c, t);
            r = &rules[EG_T_VOID];
            members = 0;
        }
        members_left -= members;
        c->mark[i] = is_alias(p, t) ? ALIAS : r->mark;
    }
}

// Shorten a chain such as const volatile T to one step to T.
static void shorten_alias(struct check *c, struct eg_type *t)
{
    uint32_t ref = t->ref;

    for (int i = 0; i < DEEPEST; i++) {
        if (ref >= c->total)
            break;
        if (ref < c->first) {
            t->ref = is_alias(c->base, &c->base->types[ref]) ? c->base->types[ref].ref : ref;
            return;
        }
        if (c->mark[ref - c->first] != ALIAS) {
            t->ref = ref;
            return;
        }
        ref = c->types[ref - c->first].ref;
    }
    t->ref = 0;
    c->dropped++;
}

// Check that a reference is in range and leads to a type, and follow const and the like, which are
// already one step.
static void check_ref(struct check *c, uint32_t *ref)
{
    if (*ref >= c->first && *ref < c->total && c->mark[*ref - c->first] == ALIAS)
        *ref = c->types[*ref - c->first].ref;
    if (*ref < c->first && is_alias(c->base, &c->base->types[*ref]))
        *ref = c->base->types[*ref].ref;
    if (*ref >= c->total || (*ref < c->first ? c->base->types[*ref].kind == EG_T_VAR
                                             : c->mark[*ref - c->first] == VARIABLE)) {
        *ref = 0;
        c->dropped++;
    }
}

static void check_refs(struct check *c)
{
    const struct eg_profile *p = c->p;

    for (uint32_t i = 0; i < p->n_types; i++) {
        struct eg_type *t = &c->types[i];

        if (c->mark[i] == ALIAS)
            continue;
        check_ref(c, &t->ref);
        if (t->kind == EG_T_PTR && t->size != 4 && t->size != 8)
            t->size = p->model.ptr_size;
    }
    for (uint32_t i = 0; i < p->n_members; i++) {
        struct eg_member *m = &c->members[i];

        check_ref(c, &m->type);
        if (m->name >= p->n_strings || m->bit_size > 64) {
            *m = (struct eg_member){ 0 };
            c->dropped++;
        }
    }
}

/* ---- types that contain others by value ---- */

static uint64_t size_of(const struct check *c, uint32_t id)
{
    const struct eg_type *t = type_of(c, id);

    for (int i = 0; t->kind == EG_T_TYPEDEF && i < 2 * DEEPEST; i++)
        t = type_of(c, t->ref);
    return t->size;
}

static void size_array(struct check *c, struct eg_type *t)
{
    uint64_t size;

    if (eg_mul(size_of(c, t->ref), t->count, &size) && size <= UINT32_MAX)
        t->size = size;
    else
        drop(c, t);
}

struct step {
    uint32_t own, next; // a type, and the index of its next member
    uint8_t height;     // of what it holds
};

// Does it end behind its struct?
static bool is_past(const struct check *c, const struct eg_type *t, const struct eg_member *m)
{
    const uint64_t bits = 8 * t->size;

    return m->bit_off > bits ||
           (m->bit_size ? m->bit_size : 8 * size_of(c, m->type)) > bits - m->bit_off;
}

// Such members are left out: no offset would be right for them.
static void leave_out_past(struct check *c)
{
    for (uint32_t i = 0; i < c->p->n_types; i++) {
        struct eg_type *t = &c->types[i];
        struct eg_member *all;
        uint32_t n = 0;

        if (!has_members(t) || !t->count) // there may be no member at all
            continue;
        all = c->members + t->first;
        for (uint32_t k = 0; k < t->count; k++)
            if (!is_past(c, t, &all[k]))
                all[n++] = all[k];
        c->dropped += t->count - n;
        t->count = n;
    }
}

// The next type that @s contains and that is not done or has a height above 0. NULL at the end.
static uint32_t *next_held(struct check *c, struct step *s)
{
    struct eg_type *t = &c->types[s->own];

    if (!has_members(t))
        return s->next++ || t->ref < c->first ? NULL : &t->ref;
    while (s->next < t->count) {
        struct eg_member *m = &c->members[t->first + s->next++];

        if (m->type >= c->first && c->mark[m->type - c->first])
            return &m->type;
    }
    return NULL;
}

// Depth-first search with an explicit stack. A reference that closes a cycle or is too deep becomes
// void.
static void check_held(struct check *c, uint32_t root)
{
    struct step stack[DEEPEST];
    int depth = 1;

    stack[0] = (struct step){ .own = root };
    c->mark[root] = OPEN;
    while (depth) {
        struct step *s = &stack[depth - 1];
        uint32_t *ref = next_held(c, s), own;
        uint8_t mark;

        if (!ref) {
            if (c->types[s->own].kind == EG_T_ARRAY)
                size_array(c, &c->types[s->own]);
            c->mark[s->own] = s->height;
            if (--depth)
                s[-1].height = EG_MAX(s[-1].height, (uint8_t)(s->height + 1));
            continue;
        }
        own = *ref - c->first;
        mark = c->mark[own];
        if (mark == FRESH && depth < DEEPEST) {
            c->mark[own] = OPEN;
            stack[depth++] = (struct step){ .own = own };
        } else if (mark >= DEEPEST - 1) {
            *ref = 0;
            c->dropped++;
        } else {
            s->height = EG_MAX(s->height, (uint8_t)(mark + 1));
        }
    }
}

bool eg_profile_check(struct eg_profile *p, const struct eg_profile *base, size_t *dropped)
{
    struct check c = { .p = p,
                       .base = p->base_count > 1 ? base : NULL,
                       .types = (struct eg_type *)p->types,
                       .members = (struct eg_member *)p->members,
                       .first = p->base_count > 1 ? p->base_count : 0 };

    c.total = c.first + p->n_types;
    c.mark = malloc((size_t)p->n_types + 1);
    if (!c.mark)
        return false;
    check_shapes(&c);
    for (uint32_t i = 0; i < p->n_types; i++)
        if (c.mark[i] == ALIAS)
            shorten_alias(&c, &c.types[i]);
    check_refs(&c);
    for (uint32_t i = 0; i < p->n_types; i++)
        if (c.mark[i] == FRESH)
            check_held(&c, i);
    leave_out_past(&c);
    for (uint32_t i = 0; i < p->n_enumerators; i++)
        if (p->enumerators[i].name >= p->n_strings) {
            ((struct eg_enumerator *)p->enumerators)[i].name = 0;
            c.dropped++;
        }
    for (uint32_t i = 0; i < p->n_symbols; i++)
        if (p->symbols[i].name >= p->n_strings) {
            ((struct eg_symbol *)p->symbols)[i].name = 0;
            c.dropped++;
        }
    free(c.mark);
    p->n_left_out += (uint32_t)EG_MIN(c.dropped, (size_t)(UINT32_MAX - p->n_left_out));
    if (dropped)
        *dropped = c.dropped;
    return true;
}

/* ---- order and indexes ---- */

static int by_address(const void *a, const void *b)
{
    const struct eg_symbol *x = a, *y = b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    return (x->letter > y->letter) - (x->letter < y->letter);
}

static void sort_symbols(struct eg_symbol *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (s[i].addr < s[i - 1].addr) {
            qsort(s, n, sizeof *s, by_address);
            return;
        }
}

// A power of two, at most half full so that misses are short.
static uint32_t *new_table(size_t entries, uint32_t *size)
{
    size_t n = 16;
    uint32_t *table;

    while (n < entries * 2)
        n *= 2;
    *size = (uint32_t)n;
    table = eg_big_alloc(n * sizeof *table);
    return table ? memset(table, 0, n * sizeof *table) : NULL;
}

// A record that finds no free slot within EG_PROBES_MAX is not indexed: a hostile source could
// otherwise use one name for all records and make this quadratic.
static bool insert(uint32_t *table, uint32_t size, uint32_t hash, uint32_t value)
{
    uint32_t at = hash & (size - 1), probes = 0;

    while (table[at] && ++probes < EG_PROBES_MAX)
        at = (at + 1) & (size - 1);
    if (table[at])
        return false;
    table[at] = value;
    return true;
}

static bool in_hash(const struct eg_type *t)
{
    return t->name && 1u << t->kind & EG_INDEXED;
}

static bool index_types(struct eg_profile *p)
{
    uint32_t *table, *named = malloc(((size_t)p->n_types + 1) * sizeof *named);
    size_t n = 0;

    if (!named)
        return false;
    for (uint32_t i = 0; i < p->n_types; i++) {
        named[n] = i;
        n += in_hash(&p->types[i]);
    }
    p->type_hash = table = new_table(n, &p->n_type_hash);
    for (size_t i = 0; table && i < n; i++) {
        const char *name = p->strings + p->types[named[i]].name;

        insert(table, p->n_type_hash, eg_hash(name, strlen(name)), named[i] + 1);
    }
    free(named);
    return table;
}

static bool index_symbols(struct eg_profile *p)
{
    uint32_t *table = new_table(p->n_symbols, &p->n_symbol_hash);
    // Modules of riscv64 have a million labels of one name: where one found no place, none will.
    uint32_t full[16];

    for (uint32_t i = 0; i < countof(full); i++)
        full[i] = i + 1; // no hash that belongs there
    p->symbol_hash = table;
    for (uint32_t i = 0; table && i < p->n_symbols; i++) {
        const uint32_t hash = p->symbols[i].hash;

        if (i + 16 < p->n_symbols)
            __builtin_prefetch(&table[p->symbols[i + 16].hash & (p->n_symbol_hash - 1)], 1);
        if (full[hash % countof(full)] != hash && !insert(table, p->n_symbol_hash, hash, i + 1))
            full[hash % countof(full)] = hash;
    }
    return table;
}

// Move the arrays from the builder to its profile.
static void hand_over(struct eg_builder *b)
{
    struct eg_profile *p = b->profile;

    p->types = b->types.at;
    p->n_types = (uint32_t)b->types.n;
    p->members = b->members.at;
    p->n_members = (uint32_t)b->members.n;
    p->enumerators = b->enumerators.at;
    p->n_enumerators = (uint32_t)b->enumerators.n;
    p->symbols = b->symbols.at;
    p->n_symbols = (uint32_t)b->symbols.n;
    p->strings = b->strings.at;
    p->n_strings = (uint32_t)b->strings.n;
    b->types.at = NULL;
    b->members.at = NULL;
    b->enumerators.at = NULL;
    b->symbols.at = NULL;
    b->strings.at = NULL;
}

int eg_builder_finish(struct eg_builder *b, struct eg_profile **out, size_t *dropped,
                      struct eg_error *e)
{
    struct eg_profile *p = b ? b->profile : NULL;
    int failed;

    eg_builder_types(b, 0); // void, when no type was pushed
    if (b && !b->failed && (!b->strings.n || b->strings.at[b->strings.n - 1]) &&
        !eg_vec_push(&b->strings)) // a NUL
        b->failed = EG_ENOMEM;
    failed = b ? b->failed : EG_ENOMEM;
    if (!failed) {
        b->strings.at[0] = 0; // name 0 is no name, whatever the source's section says
        sort_symbols(b->symbols.at, b->symbols.n);
        hand_over(b);
        if (eg_profile_check(p, b->base, dropped) && index_types(p) && index_symbols(p))
            b->profile = NULL;
        else
            failed = EG_ENOMEM;
    }
    if (failed)
        eg_fail(e, failed, "%s: %s", p && p->source ? p->source : "types",
                failed == EG_ENOMEM ? "out of memory" : "more than 2^30 records");
    eg_builder_free(b);
    if (failed)
        return -failed;
    *out = p;
    return 0;
}
