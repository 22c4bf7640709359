/* render_pretty.c - the table of Volatility's renderer "pretty": cells are aligned to the right,
 * with bars between them; a row begins with a star for each level of a tree. The column widths are
 * computed from the first rows, which are held back; the rows after these are written at once. */
#include "table.h"
#include <stdlib.h>

enum { HELD = 1 << 14, DEPTH_DRAWN = 64 };

/* Owns memory only between head() and tail(). */
struct pretty {
    size_t results, n_results;
    struct eg_arena held;
    size_t n_held, *widths; /* [0]: of the stars; [1 + i]: of column i */
    bool streaming;
    struct held {
        unsigned depth;
        char **cells;
    } * rows;
};

static void begin(void *state, FILE *f, const struct eg_provenance *p)
{
    struct pretty *s = state;

    (void)f;
    s->n_results = p->n_results;
}

static void head(void *state, FILE *f, const struct eg_result_head *h)
{
    struct pretty *s = state;

    if (s->results)
        putc('\n', f);
    if (s->results++ || s->n_results > 1)
        fprintf(f, "== %s ==\n", h->plugin);
    s->held = (struct eg_arena){ 0 };
    s->widths = eg_arena_array(&s->held, size_t, h->n_columns + 1);
    s->rows = eg_arena_array(&s->held, struct held, HELD);
    s->n_held = 0;
    s->streaming = false;
}

/** The number of code points: cells are valid UTF-8 without control characters. */
static size_t width_of(const char *cell)
{
    size_t n = 0;

    for (; *cell; cell++)
        n += (*cell & 0xc0) != 0x80;
    return n;
}

static unsigned stars(unsigned depth)
{
    return EG_MIN(depth, (unsigned)DEPTH_DRAWN - 1) + 1;
}

static void widen(size_t *width, const char *cell)
{
    *width = EG_MAX(*width, width_of(cell));
}

static void put_cell(FILE *f, size_t width, const char *cell)
{
    const size_t w = width_of(cell);

    fprintf(f, " | %*s%s", (int)(width > w ? width - w : 0), "", cell);
}

static void put_row(const struct pretty *s, FILE *f, size_t n_columns, const struct held *row)
{
    unsigned n = stars(row->depth);

    for (unsigned i = 0; i < n; i++)
        putc('*', f);
    fprintf(f, "%*s", (int)(s->widths[0] > n ? s->widths[0] - n : 0), "");
    for (size_t i = 0; i < n_columns; i++)
        put_cell(f, s->widths[1 + i], row->cells[i]);
    putc('\n', f);
}

/** Compute the widths from the held rows, and write the column names and these rows. */
static void flush(struct pretty *s, FILE *f, const struct eg_result_head *h)
{
    if (s->streaming || !s->widths || !s->rows)
        return;
    for (size_t i = 0; i < h->n_columns; i++)
        widen(&s->widths[1 + i], h->columns[i].name);
    for (size_t k = 0; k < s->n_held; k++) {
        s->widths[0] = EG_MAX(s->widths[0], stars(s->rows[k].depth));
        for (size_t i = 0; i < h->n_columns; i++)
            widen(&s->widths[1 + i], s->rows[k].cells[i]);
    }
    fprintf(f, "%*s", (int)s->widths[0], "");
    for (size_t i = 0; i < h->n_columns; i++)
        put_cell(f, s->widths[1 + i], h->columns[i].name);
    putc('\n', f);
    for (size_t k = 0; k < s->n_held; k++)
        put_row(s, f, h->n_columns, &s->rows[k]);
    s->n_held = 0;
    s->streaming = true;
}

static bool make_row(struct held *row, struct eg_arena *a, const struct eg_result_head *h,
                     unsigned depth, const struct eg_value *v)
{
    row->depth = depth;
    row->cells = eg_arena_array(a, char *, h->n_columns);
    for (size_t i = 0; row->cells && i < h->n_columns; i++)
        if (!(row->cells[i] = eg_cell_text(a, h, i, &v[i])))
            return false;
    return row->cells != NULL;
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    struct pretty *s = state;
    struct eg_arena own = { 0 };
    struct held now;
    bool ok = s->widths && s->rows;

    if (ok && !s->streaming) {
        ok = make_row(&s->rows[s->n_held], &s->held, h, depth, v);
        if (ok && ++s->n_held == HELD)
            flush(s, f, h);
    } else if (ok && (ok = make_row(&now, &own, h, depth, v))) {
        put_row(s, f, h->n_columns, &now);
    }
    if (!ok)
        fputs("(out of memory)\n", f);
    eg_arena_fini(&own);
}

static void line(FILE *f, const char *what, const char *text)
{
    size_t n = strlen(text), size = 4 * n + 1;
    char *safe = malloc(size);

    if (safe)
        eg_escape(safe, size, text, n);
    fprintf(f, "%s: %s\n", what, safe ? safe : "(out of memory)");
    free(safe);
}

static void tail(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error)
{
    struct pretty *s = state;

    flush(s, f, h);
    for (; notes && *notes; notes++)
        line(f, "note", *notes);
    if (error)
        line(f, "error", error);
    eg_arena_fini(&s->held);
    s->widths = NULL;
    s->rows = NULL;
}

EG_RENDERER(pretty) = {
    .desc = "a table with bars, stars for the levels of a tree, as Volatility's",
    .state = sizeof(struct pretty),
    .begin = begin,
    .head = head,
    .row = row,
    .tail = tail,
    .end = eg_no_end,
};
