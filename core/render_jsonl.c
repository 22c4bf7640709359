/* render_jsonl.c - one JSON object a line: the provenance first, then each row with its plugin,
 * then the result's notes and error as lines of their own: {"plugin":…,"note":…}. Where rows were
 * chosen, a line with the arguments comes before them, and one with their numbers behind. */
#include "json.h"

static void begin(void *state, FILE *f, const struct eg_provenance *p)
{
    (void)state;
    putc('{', f);
    eg_json_provenance(f, p);
    fputs("}\n", f);
}

static void plugin(FILE *f, const struct eg_result_head *h)
{
    fputs("{\"plugin\":", f);
    eg_json_string(f, h->plugin);
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    (void)state;
    plugin(f, h);
    if (h->n_columns)
        putc(',', f);
    eg_json_cells(f, h, depth, v);
    fputs("}\n", f);
}

static void line(FILE *f, const struct eg_result_head *h, const char *name, const char *text)
{
    plugin(f, h);
    fprintf(f, ",\"%s\":", name);
    eg_json_string(f, text);
    fputs("}\n", f);
}

static void tail(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error)
{
    (void)state;
    if (h->selected) {
        plugin(f, h);
        fputs(",\"selected\":", f);
        eg_json_selected(f, h->selected);
        fputs("}\n", f);
    }
    for (; notes && *notes; notes++)
        line(f, h, "note", *notes);
    if (error)
        line(f, h, "error", error);
}

static void head(void *state, FILE *f, const struct eg_result_head *h)
{
    (void)state;
    if (!h->selected)
        return;
    plugin(f, h);
    fputs(",\"args\":", f);
    eg_json_strings(f, h->args);
    fputs("}\n", f);
}

EG_RENDERER(jsonl) = {
    .desc = "one JSON object a line: provenance, rows with their plugin, notes",
    .suffix = "jsonl",
    .begin = begin,
    .head = head,
    .row = row,
    .tail = tail,
    .end = eg_no_end,
};
