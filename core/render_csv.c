/* render_csv.c - comma-separated values (RFC 4180, but lines end in LF): a line of column names,
 * then the rows. A bad value is "-", one that was not computed is empty. Text is as eg_escape()
 * writes it; what a spreadsheet would take for a formula gets an apostrophe in front. The format
 * cannot hold notes: the command prints them on standard error. */
#include "table.h"

static void field(FILE *f, const char *text, bool guard)
{
    bool quoted = strpbrk(text, ",\"") != NULL;

    if (quoted)
        putc('"', f);
    if (guard && *text && strchr("=+-@", *text))
        putc('\'', f);
    if (!quoted) {
        fputs(text, f);
        return;
    }
    for (; *text; text++) {
        if (*text == '"')
            putc('"', f);
        putc(*text, f);
    }
    putc('"', f);
}

static void head(void *state, FILE *f, const struct eg_result_head *h)
{
    (void)state;
    fputs(h->tree ? "depth" : "", f);
    for (size_t i = 0; i < h->n_columns; i++) {
        fputs(i || h->tree ? "," : "", f);
        field(f, h->columns[i].name, true);
    }
    putc('\n', f);
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    struct eg_arena *a = state;

    if (h->tree)
        fprintf(f, "%u", depth);
    for (size_t i = 0; i < h->n_columns; i++) {
        const char *text = eg_cell_text(a, h, i, &v[i]);

        fputs(i || h->tree ? "," : "", f);
        field(f, text ? text : "(out of memory)", v[i].tag == EG_V_TEXT);
    }
    putc('\n', f);
    eg_arena_reset(a);
}

EG_RENDERER(csv) = {
    .desc = "comma-separated values, one result a file",
    .suffix = "csv",
    .state = sizeof(struct eg_arena),
    .begin = eg_no_begin,
    .head = head,
    .row = row,
    .tail = eg_free_row,
    .end = eg_no_end,
};
