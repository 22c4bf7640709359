/* render_timesketch.c - JSON lines that Timesketch imports: an object for each time of a row, with
 * the row's cells and the members that Timesketch wants: message, datetime, timestamp_desc. It
 * takes no line without these, so that provenance has no place; the command prints notes on
 * standard error. */
#include "json.h"
#include "times.h"

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    struct eg_arena *a = state;
    const char *text = eg_times_text(a, h, v);

    for (size_t i = 0; i < h->n_columns; i++) {
        if (!eg_is_time(h, i, v))
            continue;
        putc('{', f);
        eg_json_cells(f, h, depth, v);
        // Last: of a name that is there twice, the last one counts.
        fputs(",\"data_type\":\"engram:", f);
        fprintf(f, "%s\",\"message\":", eg_times_source(a, h, v));
        eg_json_string(f, text ? text : "(out of memory)");
        fputs(",\"datetime\":", f);
        eg_json_string(f, eg_value_text(a, &h->columns[i], &v[i]));
        fputs(",\"timestamp_desc\":", f);
        eg_json_string(f, eg_times_kind(a, h, v, i));
        fputs("}\n", f);
    }
    eg_arena_reset(a);
}

EG_RENDERER(timesketch) = {
    .desc = "times only, as JSON lines for Timesketch",
    .suffix = "timesketch.jsonl",
    .state = sizeof(struct eg_arena),
    .begin = eg_no_begin,
    .head = eg_no_head,
    .row = row,
    .tail = eg_free_row,
    .end = eg_no_end,
};
