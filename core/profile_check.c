/* profile_check.c - what makes a profile safe to use: every index in range, every string ended, no
 * type that holds itself, bounded depth; then its order and its hash tables. */
#include "builder.h"
#include <stdlib.h>

// Marks of own types. 0..DEEPEST: done, that many by-value steps above a type that has none.
enum { DEEPEST = 64, FRESH = 253, OPEN = 254, ALIAS = 255 };

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

static bool is_alias(const struct eg_type *t)
{
    return t->kind == EG_T_TYPEDEF && !t->name;
}

// Past one step of const and the like, which have been shortened to one step themselves.
static void check_ref(struct check *c, uint32_t *ref)
{
    if (*ref >= c->total) {
        *ref = 0;
        c->dropped++;
    } else if (*ref < c->first) {
        const struct eg_type *t = &c->base->types[*ref];

        if (is_alias(t))
            *ref = t->ref;
    } else if (c->mark[*ref - c->first] == ALIAS) {
        *ref = c->types[*ref - c->first].ref;
    }
}

static uint64_t size_of(const struct check *c, uint32_t id)
{
    const struct eg_type *t = type_of(c, id);

    for (int i = 0; t->kind == EG_T_TYPEDEF && i < 2 * DEEPEST; i++)
        t = type_of(c, t->ref);
    return t->size;
}

// One type by itself. @return its mark.
static uint8_t check_shape(struct check *c, struct eg_type *t, uint64_t *members_left)
{
    const struct eg_profile *p = c->p;

    if (t->name >= p->n_strings) {
        t->name = 0;
        c->dropped++;
    }
    switch (t->kind) {
    case EG_T_INT:
    case EG_T_FLOAT:
        if (t->size > 16)
            drop(c, t);
        return 0;
    case EG_T_PTR:
        t->size = t->size == 4 || t->size == 8 ? t->size : p->model.ptr_size;
        return 0;
    case EG_T_FWD:
        t->size = 0;
        return 0;
    case EG_T_ENUM:
        if (t->size > 8 || !eg_within(t->first, t->count, p->n_enumerators))
            drop(c, t);
        return 0;
    case EG_T_ARRAY:
        return FRESH;
    case EG_T_TYPEDEF:
        t->size = 0;
        return t->name ? FRESH : ALIAS;
    case EG_T_STRUCT:
    case EG_T_UNION:
    case EG_T_FUNC:
        // Each member belongs to one type, so that all of them together are no more than there are.
        if (t->size > UINT32_MAX || !eg_within(t->first, t->count, p->n_members) ||
            t->count > *members_left) {
            drop(c, t);
            return 0;
        }
        *members_left -= t->count;
        if (t->kind != EG_T_FUNC)
            return FRESH;
        t->size = 0;
        return 0;
    default:
        if (t->kind != EG_T_VOID)
            c->dropped++;
        *t = (struct eg_type){ 0 };
        return 0;
    }
}

// const volatile … T becomes one step to T.
static void shorten_alias(struct check *c, struct eg_type *t)
{
    uint32_t ref = t->ref;

    for (int i = 0; i < DEEPEST; i++) {
        if (ref >= c->total)
            break;
        if (ref < c->first) {
            t->ref = is_alias(&c->base->types[ref]) ? c->base->types[ref].ref : ref;
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

static void check_member(struct check *c, const struct eg_type *parent, struct eg_member *m)
{
    if (m->name >= c->p->n_strings) {
        m->name = 0;
        c->dropped++;
    }
    check_ref(c, &m->type);
    if (parent->kind != EG_T_FUNC && (m->bit_off / 8 > parent->size || m->bit_size > 64)) {
        *m = (struct eg_member){ .name = m->name };
        c->dropped++;
    }
}

// The type that @t holds by value as its @i-th: false at the end.
static bool held(const struct check *c, const struct eg_type *t, uint32_t i, uint32_t **ref)
{
    if (t->kind == EG_T_STRUCT || t->kind == EG_T_UNION) {
        if (i >= t->count)
            return false;
        *ref = &c->members[t->first + i].type;
        return true;
    }
    *ref = &((struct eg_type *)t)->ref;
    return i == 0 && (t->kind == EG_T_ARRAY || t->kind == EG_T_TYPEDEF);
}

static void finish_type(struct check *c, struct eg_type *t)
{
    uint64_t size;

    if (t->kind != EG_T_ARRAY)
        return;
    if (eg_mul(size_of(c, t->ref), t->count, &size) && size <= UINT32_MAX)
        t->size = size;
    else
        drop(c, t);
}

// Depth first over what types hold by value, with a stack of its own. An edge that closes a circle,
// or leads too deep, becomes void.
static void check_held(struct check *c, uint32_t root)
{
    struct {
        uint32_t own, next;
        uint8_t height;
    } stack[DEEPEST];
    int depth = 1;

    stack[0].own = root;
    stack[0].next = stack[0].height = 0;
    c->mark[root] = OPEN;
    while (depth) {
        struct eg_type *t = &c->types[stack[depth - 1].own];
        uint32_t *ref;
        uint8_t mark;

        if (!held(c, t, stack[depth - 1].next, &ref)) {
            const uint8_t height = stack[--depth].height;

            finish_type(c, t);
            c->mark[stack[depth].own] = height;
            if (depth)
                stack[depth - 1].height = EG_MAX(stack[depth - 1].height, (uint8_t)(height + 1));
            continue;
        }
        if (t->kind == EG_T_STRUCT || t->kind == EG_T_UNION)
            check_member(c, t, &c->members[t->first + stack[depth - 1].next]);
        else
            check_ref(c, ref);
        stack[depth - 1].next++;
        if (*ref < c->first)
            continue;
        mark = c->mark[*ref - c->first];
        if (mark == OPEN || (mark == FRESH && depth == DEEPEST) ||
            (mark < FRESH && mark >= DEEPEST - 1)) {
            *ref = 0;
            c->dropped++;
        } else if (mark == FRESH) {
            stack[depth].own = *ref - c->first;
            stack[depth].next = stack[depth].height = 0;
            c->mark[*ref - c->first] = OPEN;
            depth++;
        } else {
            stack[depth - 1].height = EG_MAX(stack[depth - 1].height, (uint8_t)(mark + 1));
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
    uint64_t members_left = p->n_members;

    c.total = c.first + p->n_types;
    c.mark = malloc((size_t)p->n_types + 1);
    if (!c.mark)
        return false;
    for (uint32_t i = 0; i < p->n_types; i++)
        c.mark[i] = check_shape(&c, &c.types[i], &members_left);
    for (uint32_t i = 0; i < p->n_types; i++)
        if (c.mark[i] == ALIAS)
            shorten_alias(&c, &c.types[i]);
    for (uint32_t i = 0; i < p->n_types; i++) {
        struct eg_type *t = &c.types[i];

        if (c.mark[i] == FRESH) {
            check_held(&c, i);
        } else if (t->kind == EG_T_PTR) {
            check_ref(&c, &t->ref);
        } else if (t->kind == EG_T_FUNC) {
            check_ref(&c, &t->ref);
            for (uint32_t k = 0; k < t->count; k++)
                check_member(&c, t, &c.members[t->first + k]);
        }
    }
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

// At most half full, so that a miss is short; a power of two.
static uint32_t *new_table(size_t entries, uint32_t *size)
{
    size_t n = 16;

    while (n < entries * 2)
        n *= 2;
    *size = (uint32_t)n;
    return calloc(n, sizeof(uint32_t));
}

static void insert(uint32_t *table, uint32_t size, uint32_t hash, uint32_t value)
{
    uint32_t at = hash & (size - 1);

    while (table[at])
        at = (at + 1) & (size - 1);
    table[at] = value;
}

static bool in_hash(const struct eg_type *t)
{
    return t->name && 1u << t->kind & EG_NAMED;
}

static bool make_indexes(struct eg_profile *p)
{
    uint32_t *types, *symbols;
    size_t named = 0;

    for (uint32_t i = 0; i < p->n_types; i++)
        named += in_hash(&p->types[i]);
    p->type_hash = types = new_table(named, &p->n_type_hash);
    p->symbol_hash = symbols = new_table(p->n_symbols, &p->n_symbol_hash);
    if (!types || !symbols)
        return false;
    for (uint32_t i = 0; i < p->n_types; i++)
        if (in_hash(&p->types[i])) {
            const char *name = p->strings + p->types[i].name;

            insert(types, p->n_type_hash, eg_hash(name, strlen(name)), i + 1);
        }
    for (uint32_t i = 0; i < p->n_symbols; i++) {
        if (i + 16 < p->n_symbols)
            __builtin_prefetch(&symbols[p->symbols[i + 16].hash & (p->n_symbol_hash - 1)], 1);
        insert(symbols, p->n_symbol_hash, p->symbols[i].hash, i + 1);
    }
    return true;
}

// The arrays go from the builder to its profile.
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
        if (eg_profile_check(p, b->base, dropped) && make_indexes(p))
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
