/* changes.c - two results of one plugin: rows kept, found again by their keys, compared. */
#include "changes.h"
#include "map.h"
#include "select.h"
#include <stdlib.h>

#define ROOM ((size_t)1 << 30)

/* ---- which columns ---- */

static bool is_listed(const char *const *names, const char *name)
{
    while (names && *names && strcmp(*names, name) != 0)
        names++;
    return names && *names;
}

/* What another boot gives out anew, beside addresses and times. */
static bool is_of_boot(const struct eg_column *c)
{
    static const char *const names[] = { "PID",       "TID",         "PPID",       "NSPID",
                                         "NS",        "COOKIE",      "MOUNT_ID",   "PARENT_ID",
                                         "LINK_NS",   "TRACER_TID",  "TRACEES",    "BPF_ID",
                                         "MAP_ID",    "LINK_ID",     "SERIAL",     "PROGRAMS",
                                         "FIELDS",    "LINKED_KEYS", "TARGET_PID", "LAST_PID",
                                         "LOGIN_PID", NULL };

    return c->kind == EG_COL_ADDR || c->kind == EG_COL_TIME || c->kind == EG_COL_DURATION ||
           is_listed(names, c->name);
}

/* Set @flags of the columns that @list names. */
static int mark(const struct eg_column *columns, const char *option, const char *list,
                const struct eg_comparison_options *o, uint8_t *flags, struct eg_error *e)
{
    while (list) {
        const size_t len = strcspn(list, ",");
        struct eg_error why;
        size_t at;

        if (!eg_column_find(columns, list, len, "the result", &at, &why))
            flags[at] = 1;
        else if (!len || !o->lenient)
            return eg_fail(e, why.code, "--%s: %s", option, why.text);
        list = list[len] ? list + len + 1 : NULL;
    }
    return 0;
}

static size_t count(const uint8_t *flags, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += flags[i];
    return sum;
}

/* The declared key, or the one that most plugins have by their columns. */
static void choose_key(struct eg_comparison *c, const struct eg_plugin *p)
{
    static const char *const usual[] = { "OFFSET", "PID", "TID", "FD", NULL };
    bool has_offset = false;

    for (size_t i = 0; i < c->n_columns; i++)
        has_offset |= !strcmp(c->columns[i].name, "OFFSET");
    for (size_t i = 0; i < c->n_columns; i++)
        c->key[i] = p->key       ? is_listed(p->key, c->columns[i].name)
                    : has_offset ? is_listed(usual, c->columns[i].name)
                                 : !is_listed(p->moves, c->columns[i].name);
}

int eg_comparison_init(struct eg_comparison *c, const struct eg_plugin *p,
                       const struct eg_column *columns, const struct eg_comparison_options *o,
                       struct eg_error *e)
{
    uint8_t *named;
    int rc;

    *c = (struct eg_comparison){ .columns = columns, .created = SIZE_MAX };
    while (columns[c->n_columns].name)
        c->n_columns++;
    c->key = calloc(c->n_columns + 1, 1);
    c->compared = calloc(c->n_columns + 1, 1);
    named = calloc(c->n_columns + 1, 1);
    rc = c->key && c->compared && named ? 0 : eg_fail(e, EG_ENOMEM, "out of memory");
    if (!rc && o->only)
        rc = mark(columns, "only", o->only, o, c->compared, e);
    if (!rc && o->ignore)
        rc = mark(columns, "ignore", o->ignore, o, named, e);
    if (!rc)
        choose_key(c, p);
    for (size_t i = 0; !rc && i < c->n_columns; i++) {
        const bool passing = o->other_boot && is_of_boot(&columns[i]);

        if (!o->only)
            c->compared[i] = o->all || !is_listed(p->moves, columns[i].name);
        c->compared[i] = c->compared[i] && !named[i] && !passing;
        c->key[i] = c->key[i] && !passing;
        if (!strcmp(columns[i].name, "CREATION_TIME"))
            c->created = i;
    }
    // Nothing tells the rows apart but what is compared: what changes is gone and born.
    if (!rc && !count(c->key, c->n_columns))
        memcpy(c->key, c->compared, c->n_columns);
    free(named);
    if (rc)
        eg_comparison_fini(c);
    return rc;
}

void eg_comparison_fini(struct eg_comparison *c)
{
    free(c->key);
    free(c->compared);
    *c = (struct eg_comparison){ 0 };
}

/* ---- rows ---- */

static bool has_bytes(const struct eg_value *v)
{
    return v->tag == EG_V_TEXT || v->tag == EG_V_BYTES;
}

static void keep(void *kept, unsigned depth, const struct eg_value *values, size_t n)
{
    struct eg_kept *k = kept;
    struct eg_kept_row *row;
    struct eg_value *copy;

    k->arena.limit = ROOM;
    copy = k->no_room ? NULL : eg_arena_array(&k->arena, struct eg_value, n + 1);
    if (copy && n)
        memcpy(copy, values, n * sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (has_bytes(&copy[i]) &&
            !(copy[i].bytes.p = (uint8_t *)eg_arena_strndup(
                  &k->arena, (const char *)values[i].bytes.p, values[i].bytes.len)))
            copy = NULL;
    row = copy ? eg_vec_push(&k->at) : NULL;
    if (row)
        *row = (struct eg_kept_row){ copy, depth };
    else
        k->no_room = true;
}

struct eg_sink eg_kept_sink(struct eg_kept *k)
{
    return (struct eg_sink){ keep, k };
}

void eg_kept_fini(struct eg_kept *k)
{
    eg_arena_fini(&k->arena);
    eg_vec_fini(&k->at);
    *k = (struct eg_kept){ 0 };
}

bool eg_value_same(const struct eg_value *a, const struct eg_value *b)
{
    if (has_bytes(a) && has_bytes(b))
        return a->bytes.len == b->bytes.len &&
               (!a->bytes.len || !memcmp(a->bytes.p, b->bytes.p, a->bytes.len));
    if ((a->tag == EG_V_INT || a->tag == EG_V_UINT) && (b->tag == EG_V_INT || b->tag == EG_V_UINT))
        return a->u == b->u && (a->tag == b->tag || a->i >= 0);
    return a->tag == b->tag;
}

/* ---- two results ---- */

struct entry {
    uint64_t hash;
    size_t row;
};
struct side {
    const struct eg_kept *kept;
    int64_t shift; // added to times of creation
    struct entry *order;
    size_t *partner; // of each row: the other's row + 1; 0: none yet
};
struct search {
    const struct eg_comparison *c;
    struct side a, b;
};

static struct eg_value shifted(const struct search *s, const struct side *of, size_t row, size_t i)
{
    struct eg_value v = of->kept->at.at[row].values[i];

    if (i == s->c->created && (v.tag == EG_V_INT || v.tag == EG_V_UINT))
        v = (struct eg_value){ .tag = EG_V_INT, .u = v.u + (uint64_t)of->shift };
    return v;
}

static uint64_t hash_of(const struct search *s, const struct side *of, size_t row, bool whole)
{
    uint64_t h = 0;

    for (size_t i = 0; i < s->c->n_columns; i++) {
        struct eg_value v = shifted(s, of, row, i);
        uint32_t one;

        if (!s->c->key[i] && !(whole && s->c->compared[i]))
            continue;
        one = has_bytes(&v)                             ? eg_map_hash(v.bytes.p, v.bytes.len)
              : v.tag == EG_V_INT || v.tag == EG_V_UINT ? eg_map_hash(&v.u, sizeof v.u)
                                                        : (uint32_t)v.tag;
        h = (h ^ one) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

static bool alike(const struct search *s, size_t a, size_t b, bool whole)
{
    for (size_t i = 0; i < s->c->n_columns; i++)
        if (s->c->key[i] || (whole && s->c->compared[i])) {
            const struct eg_value x = shifted(s, &s->a, a, i), y = shifted(s, &s->b, b, i);

            if (!eg_value_same(&x, &y))
                return false;
        }
    return true;
}

static int by_hash(const void *one, const void *other)
{
    const struct entry *a = one, *b = other;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* Rows without a partner, by their hashes. @return how many. */
static size_t arrange(const struct search *s, struct side *of, bool whole)
{
    size_t n = 0;

    for (size_t i = 0; i < of->kept->at.n; i++)
        if (!of->partner[i])
            of->order[n++] = (struct entry){ hash_of(s, of, i, whole), i };
    if (n)
        qsort(of->order, n, sizeof *of->order, by_hash);
    return n;
}

/* Pair rows that agree, in their order. Each row is looked at once. */
static void pair(struct search *s, bool whole)
{
    const size_t na = arrange(s, &s->a, whole), nb = arrange(s, &s->b, whole);
    size_t i = 0, k = 0;

    while (i < na && k < nb) {
        const struct entry *x = &s->a.order[i], *y = &s->b.order[k];

        if (x->hash == y->hash && alike(s, x->row, y->row, whole)) {
            s->a.partner[x->row] = y->row + 1;
            s->b.partner[y->row] = x->row + 1;
        }
        i += x->hash <= y->hash;
        k += y->hash <= x->hash;
    }
}

static bool is_bad(const struct eg_value *v)
{
    return v->tag == EG_V_BAD;
}

bool eg_change_in(const struct eg_comparison *c, const struct eg_change *change, size_t i)
{
    const struct eg_value *a, *b;

    if (change->kind != EG_CHANGED || !c->compared[i] || c->key[i])
        return false;
    a = &change->was->values[i];
    b = &change->is->values[i];
    return !is_bad(a) && !is_bad(b) && i != c->created && !eg_value_same(a, b);
}

/* A pair with the same key: changed, or not where it can be compared. */
static void judge(struct eg_changes *out, const struct eg_comparison *c, struct eg_change *change)
{
    bool differs = false;

    change->kind = EG_CHANGED;
    for (size_t i = 0; i < c->n_columns; i++) {
        differs |= eg_change_in(c, change, i);
        out->unreadable +=
            c->compared[i] && is_bad(&change->was->values[i]) != is_bad(&change->is->values[i]);
    }
    if (!differs)
        change->kind = EG_SAME;
}

static int gather(struct eg_changes *out, const struct search *s)
{
    struct eg_change *change;

    for (size_t i = 0; i < s->a.kept->at.n; i++) {
        if (s->a.partner[i])
            continue;
        if (!(change = eg_vec_push(&out->at)))
            return -EG_ENOMEM;
        *change = (struct eg_change){ EG_GONE, &s->a.kept->at.at[i], NULL };
    }
    for (size_t i = 0; i < s->b.kept->at.n; i++) {
        const size_t partner = s->b.partner[i];

        if (!(change = eg_vec_push(&out->at)))
            return -EG_ENOMEM;
        *change = (struct eg_change){ EG_BORN, NULL, &s->b.kept->at.at[i] };
        if (partner) {
            change->was = &s->a.kept->at.at[partner - 1];
            judge(out, s->c, change);
        }
    }
    return 0;
}

static bool room(struct side *of, const struct eg_kept *kept)
{
    of->kept = kept;
    of->order = calloc(kept->at.n + 1, sizeof *of->order);
    of->partner = calloc(kept->at.n + 1, sizeof *of->partner);
    return of->order && of->partner;
}

int eg_changes_find(struct eg_changes *out, const struct eg_comparison *c, const struct eg_kept *a,
                    const struct eg_kept *b)
{
    struct search s = { .c = c };
    int rc = -EG_ENOMEM;
    bool ok = room(&s.a, a);

    *out = (struct eg_changes){ 0 };
    ok = room(&s.b, b) && ok;
    if (a->clock && b->clock)
        s.a.shift = (int64_t)((uint64_t)b->clock - (uint64_t)a->clock);
    if (ok) {
        pair(&s, true);
        pair(&s, false);
        rc = gather(out, &s);
    }
    free(s.a.order);
    free(s.a.partner);
    free(s.b.order);
    free(s.b.partner);
    if (rc)
        eg_changes_fini(out);
    return rc;
}

void eg_changes_fini(struct eg_changes *c)
{
    eg_vec_fini(&c->at);
    *c = (struct eg_changes){ 0 };
}
