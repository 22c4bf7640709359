/* render_json.c - one object: provenance, then "results", each with its columns, rows and notes. */
#include "json.h"

struct json {
    size_t results, rows;
};

static void begin(void *state, FILE *f, const struct eg_provenance *p)
{
    (void)state;
    putc('{', f);
    eg_json_provenance(f, p);
    fputs(",\"results\":[", f);
}

static void head(void *state, FILE *f, const struct eg_result_head *h)
{
    struct json *s = state;

    fprintf(f, "%s\n{\"plugin\":", s->results++ ? "," : "");
    eg_json_string(f, h->plugin);
    fputs(",\"args\":", f);
    eg_json_strings(f, h->args);
    fputs(",\"columns\":[", f);
    for (size_t i = 0; i < h->n_columns; i++) {
        fprintf(f, "%s{\"name\":\"%s\",\"type\":\"%s\",\"help\":", i ? "," : "", h->columns[i].name,
                eg_column_kind_name(h->columns[i].kind));
        eg_json_string(f, h->columns[i].help);
        putc('}', f);
    }
    fputs("],\"rows\":[", f);
    s->rows = 0;
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    struct json *s = state;

    fprintf(f, "%s\n{", s->rows++ ? "," : "");
    eg_json_cells(f, h, depth, v);
    putc('}', f);
}

static void tail(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error)
{
    (void)state;
    putc(']', f);
    if (h->selected) {
        fputs(",\"selected\":", f);
        eg_json_selected(f, h->selected);
    }
    fputs(",\"notes\":", f);
    eg_json_strings(f, notes);
    fputs(",\"error\":", f);
    eg_json_string(f, error);
    putc('}', f);
}

static void end(void *state, FILE *f)
{
    (void)state;
    fputs("\n]}\n", f);
}

EG_RENDERER(json) = {
    .desc = "one JSON object: provenance, results, rows, notes",
    .suffix = "json",
    .state = sizeof(struct json),
    .begin = begin,
    .head = head,
    .row = row,
    .tail = tail,
    .end = end,
};
