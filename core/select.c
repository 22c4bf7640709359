/* select.c - rows between a plugin and a renderer: filtered, sorted, with the columns asked for. */
#include "select.h"
#include "vec.h"
#include <stdlib.h>

enum { SLACK = 4096 };
#define ROOM ((size_t)1 << 30) // bytes of rows that wait to be sorted

struct key {
    size_t column;
    bool down;
};
/* A row that waits for the end. */
struct kept {
    const struct eg_select *s;
    const struct eg_value *values;
    uint64_t at; // in the order in which they came
};
/* A row of a tree that may turn out to be above a match. */
struct level {
    EG_VEC(struct eg_value) values;
    EG_VEC(uint8_t) bytes;
    bool passed;
};

struct eg_select {
    const struct eg_column *columns; // the plugin's
    size_t n_columns;
    bool tree;
    struct eg_filter *filter;
    EG_VEC(struct key) keys;
    EG_VEC(size_t) chosen;   // of --columns
    struct eg_column *shown; // what the renderer sees
    struct eg_value *out;    // one row as it sees it
    uint64_t limit;
    struct eg_sink to;
    EG_VEC(struct kept) kept;
    EG_VEC(struct level) path; // the row at each depth down to the last one
    struct eg_arena rows;
    struct eg_selected result;
};

/* ---- what was asked ---- */

/* The next word of "A,-B": *@list moves on. False at the end; *@len 0: it is empty. */
static bool next_name(const char **list, const char **name, size_t *len)
{
    if (!*list)
        return false;
    *name = *list;
    *len = strcspn(*list, ",");
    *list = (*list)[*len] ? *list + *len + 1 : NULL;
    return true;
}

static int named(const struct eg_select *s, const char *option, const char *plugin,
                 const char *name, size_t len, size_t *out, struct eg_error *e)
{
    struct eg_error why;

    if (!len)
        return eg_fail(e, EG_EUSAGE,
                       "--%s: names of columns are expected, with commas between them", option);
    if (eg_column_find(s->columns, name, len, plugin, out, &why) < 0)
        return eg_fail(e, why.code, "--%s: %s", option, why.text);
    return 0;
}

static int read_sort(struct eg_select *s, const char *list, const char *plugin, struct eg_error *e)
{
    const char *name;
    size_t len, column;
    int rc;

    while (next_name(&list, &name, &len)) {
        const bool down = len && *name == '-';
        struct key *k;

        if ((rc = named(s, "sort", plugin, name + down, len - down, &column, e)) < 0)
            return rc;
        if (!(k = eg_vec_push(&s->keys)))
            return eg_fail(e, EG_ENOMEM, "out of memory");
        *k = (struct key){ column, down };
    }
    return 0;
}

static int read_columns(struct eg_select *s, const char *list, const char *plugin,
                        struct eg_error *e)
{
    const char *name;
    size_t len, column, *place;
    int rc;

    while (next_name(&list, &name, &len)) {
        if ((rc = named(s, "columns", plugin, name, len, &column, e)) < 0)
            return rc;
        for (size_t i = 0; i < s->chosen.n; i++)
            if (s->chosen.at[i] == column)
                return eg_fail(e, EG_EUSAGE, "--columns: %s is there twice",
                               s->columns[column].name);
        if (!(place = eg_vec_push(&s->chosen)))
            return eg_fail(e, EG_ENOMEM, "out of memory");
        *place = column;
    }
    s->shown = calloc(s->chosen.n + 1, sizeof *s->shown);
    s->out = calloc(s->chosen.n + 1, sizeof *s->out);
    if (!s->shown || !s->out)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    for (size_t i = 0; i < s->chosen.n; i++) {
        s->shown[i] = s->columns[s->chosen.at[i]];
        s->shown[i].shown &= EG_LIST | EG_WHOLE | EG_LINES; // asked for
    }
    return 0;
}

int eg_select_open(struct eg_select **out, const struct eg_select_options *o, const char *plugin,
                   const struct eg_column *columns, bool tree, struct eg_error *e)
{
    struct eg_select *s;
    int rc = 0;

    *out = NULL;
    if (!o->filter && !o->sort && !o->columns && !o->limited)
        return 0;
    if (!(s = calloc(1, sizeof *s)))
        return eg_fail(e, EG_ENOMEM, "out of memory");
    s->columns = columns;
    s->tree = tree;
    s->limit = o->limited ? o->limit : UINT64_MAX;
    s->rows.limit = ROOM;
    while (columns[s->n_columns].name)
        s->n_columns++;
    if (o->filter)
        rc = eg_filter_open(&s->filter, o->filter, plugin, columns, o->zone, e);
    if (!rc && o->sort)
        rc = read_sort(s, o->sort, plugin, e);
    if (!rc && o->columns)
        rc = read_columns(s, o->columns, plugin, e);
    if (rc)
        eg_select_close(s);
    else
        *out = s;
    return rc;
}

void eg_select_close(struct eg_select *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->path.n; i++) {
        eg_vec_fini(&s->path.at[i].values);
        eg_vec_fini(&s->path.at[i].bytes);
    }
    eg_vec_fini(&s->path);
    eg_vec_fini(&s->kept);
    eg_vec_fini(&s->keys);
    eg_vec_fini(&s->chosen);
    eg_arena_fini(&s->rows);
    eg_filter_close(s->filter);
    free(s->shown);
    free(s->out);
    free(s);
}

void eg_select_head(const struct eg_select *s, struct eg_result_head *h)
{
    if (!s)
        return;
    if (s->shown) {
        h->columns = s->shown;
        h->n_columns = s->chosen.n;
    }
    h->tree = h->tree && !s->keys.n; // in another order there is none
}

/* ---- rows that are held ---- */

static bool has_bytes(const struct eg_value *v)
{
    return v->tag == EG_V_TEXT || v->tag == EG_V_BYTES;
}

static size_t bytes_of(const struct eg_select *s, const struct eg_value *v)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_columns; i++)
        n += has_bytes(&v[i]) ? v[i].bytes.len : 0;
    return n;
}

/* @values and @bytes have room for it. */
static void copy_row(const struct eg_select *s, struct eg_value *values, uint8_t *bytes,
                     const struct eg_value *from)
{
    for (size_t i = 0; i < s->n_columns; i++) {
        values[i] = from[i];
        if (!has_bytes(&from[i]))
            continue;
        if (from[i].bytes.len)
            memcpy(bytes, from[i].bytes.p, from[i].bytes.len);
        values[i].bytes.p = bytes;
        bytes += from[i].bytes.len;
    }
}

static const struct eg_value *keep_copy(const struct eg_select *s, struct eg_arena *a,
                                        const struct eg_value *from)
{
    struct eg_value *values = eg_arena_array(a, struct eg_value, s->n_columns + 1);
    uint8_t *bytes = eg_arena_alloc(a, bytes_of(s, from));

    if (!values || !bytes)
        return NULL;
    copy_row(s, values, bytes, from);
    return values;
}

/* ---- order ---- */

static int compare_cells(enum eg_column_kind kind, const struct eg_value *a,
                         const struct eg_value *b)
{
    const bool whole = kind == EG_COL_ADDR || kind == EG_COL_FLAGS; // never below zero
    bool below_a, below_b;
    int c;

    if (has_bytes(a) != has_bytes(b))
        return has_bytes(a) - has_bytes(b);
    if (has_bytes(a)) {
        const size_t n = EG_MIN(a->bytes.len, b->bytes.len);

        c = n ? memcmp(a->bytes.p, b->bytes.p, n) : 0;
        return c ? c : (a->bytes.len > b->bytes.len) - (a->bytes.len < b->bytes.len);
    }
    if (kind == EG_COL_TIME || kind == EG_COL_DURATION)
        return (a->i > b->i) - (a->i < b->i);
    below_a = !whole && a->tag == EG_V_INT && a->i < 0;
    below_b = !whole && b->tag == EG_V_INT && b->i < 0;
    return below_a != below_b ? below_b - below_a : (a->u > b->u) - (a->u < b->u);
}

static bool is_missing(const struct eg_value *v)
{
    return v->tag == EG_V_NONE || v->tag == EG_V_BAD;
}

/* What is missing is last, whatever the direction; equal rows stay as they came. */
static int compare_rows(const void *left, const void *right)
{
    const struct kept *a = left, *b = right;
    const struct eg_select *s = a->s;

    for (size_t i = 0; i < s->keys.n; i++) {
        const struct key *k = &s->keys.at[i];
        const struct eg_value *x = &a->values[k->column], *y = &b->values[k->column];
        int c;

        if (is_missing(x) || is_missing(y)) {
            if (is_missing(x) != is_missing(y))
                return is_missing(x) - is_missing(y);
            continue;
        }
        c = compare_cells(s->columns[k->column].kind, x, y);
        if (c)
            return (c < 0) == k->down ? 1 : -1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static void sort(struct eg_select *s)
{
    if (s->kept.n)
        qsort(s->kept.at, s->kept.n, sizeof *s->kept.at, compare_rows);
}

/* With a limit, those that it leaves out are let go of now and then. */
static bool shrink(struct eg_select *s)
{
    struct eg_arena rows = { .limit = ROOM };

    if (s->limit > SIZE_MAX / 4 || s->kept.n < 2 * s->limit + SLACK)
        return true;
    sort(s);
    s->kept.n = (size_t)s->limit;
    for (size_t i = 0; i < s->kept.n; i++)
        if (!(s->kept.at[i].values = keep_copy(s, &rows, s->kept.at[i].values))) {
            s->kept.n = i;
            eg_arena_fini(&s->rows);
            s->rows = rows;
            return false;
        }
    eg_arena_fini(&s->rows);
    s->rows = rows;
    return true;
}

static void keep(struct eg_select *s, const struct eg_value *v)
{
    const struct eg_value *copy = shrink(s) ? keep_copy(s, &s->rows, v) : NULL;
    struct kept *k = copy ? eg_vec_push(&s->kept) : NULL;

    if (k)
        *k = (struct kept){ s, copy, s->result.matched };
    else
        s->result.no_room = true;
}

/* ---- passing on ---- */

static void pass(struct eg_select *s, unsigned depth, const struct eg_value *v)
{
    for (size_t i = 0; i < s->chosen.n; i++)
        s->out[i] = v[s->chosen.at[i]];
    if (s->chosen.n)
        s->to.row(s->to.context, depth, s->out, s->chosen.n);
    else
        s->to.row(s->to.context, depth, v, s->n_columns);
}

/* Remember the row: it may be above a match. */
static void enter(struct eg_select *s, unsigned depth, const struct eg_value *v, bool passed)
{
    const size_t at = EG_MIN((size_t)depth, s->path.n);
    struct level *l;

    while (s->path.n > at + 1) {
        l = &s->path.at[--s->path.n];
        eg_vec_fini(&l->values);
        eg_vec_fini(&l->bytes);
    }
    l = at < s->path.n ? &s->path.at[at] : eg_vec_push(&s->path);
    if (!l || !eg_vec_reserve(&l->values, s->n_columns + 1) ||
        !eg_vec_reserve(&l->bytes, bytes_of(s, v) + 1)) {
        s->result.no_room = true;
        return;
    }
    copy_row(s, l->values.at, l->bytes.at, v);
    l->passed = passed;
}

static void pass_ancestors(struct eg_select *s, unsigned depth)
{
    for (size_t i = 0; i < s->path.n && i < depth; i++) {
        struct level *l = &s->path.at[i];

        if (l->passed || !l->values.at)
            continue;
        pass(s, (unsigned)i, l->values.at);
        l->passed = true;
        s->result.above++;
    }
}

static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct eg_select *s = context;
    const bool matches = !s->filter || eg_filter_match(s->filter, v, &s->result.unknown);
    const bool show = matches && (s->keys.n || s->result.shown < s->limit);

    (void)n;
    s->result.rows++;
    s->result.matched += matches;
    if (show && s->keys.n) {
        keep(s, v);
        return;
    }
    if (show && s->tree)
        pass_ancestors(s, depth);
    if (show) {
        pass(s, depth, v);
        s->result.shown++;
    }
    if (s->tree && s->filter && !s->keys.n)
        enter(s, depth, v, show);
}

struct eg_sink eg_select_sink(struct eg_select *s, struct eg_sink to)
{
    if (!s)
        return to;
    s->to = to;
    return (struct eg_sink){ take_row, s };
}

void eg_select_finish(struct eg_select *s)
{
    if (!s || !s->keys.n)
        return;
    sort(s);
    for (size_t i = 0; i < s->kept.n && i < s->limit; i++, s->result.shown++)
        pass(s, 0, s->kept.at[i].values);
    s->kept.n = 0;
}

/* ---- what was left out ---- */

const struct eg_selected *eg_select_result(const struct eg_select *s)
{
    return &s->result;
}

const char *eg_select_summary(const struct eg_select *s, char *out)
{
    const struct eg_selected *r = &s->result;
    const unsigned long long rows = r->rows, matched = r->matched, shown = r->shown;
    int n;

    if (!s->filter && shown == rows)
        return NULL;
    if (!s->filter)
        n = snprintf(out, 160, "the first %llu of %llu rows are shown", shown, rows);
    else if (shown == matched)
        n = snprintf(out, 160, "%llu of %llu rows match", matched, rows);
    else
        n = snprintf(out, 160, "%llu of %llu rows match, the first %llu are shown", matched, rows,
                     shown);
    if (r->above)
        snprintf(out + n, 160 - (size_t)n, "; also shown: %llu ancestors",
                 (unsigned long long)r->above);
    return out;
}
