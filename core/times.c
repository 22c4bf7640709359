/* times.c - what render_body.c and render_timesketch.c share. */
#include "times.h"

bool eg_wants_times(const char *renderer)
{
    return !strcmp(renderer, "body") || !strcmp(renderer, "timesketch");
}

bool eg_has_times(const struct eg_column *columns)
{
    while (columns->name && columns->kind != EG_COL_TIME)
        columns++;
    return columns->name;
}

char *eg_times_text(struct eg_arena *a, const struct eg_result_head *h, const struct eg_value *v)
{
    char *all = eg_arena_strndup(a, "", 0);

    for (size_t i = 0; all && i < h->n_columns; i++) {
        const char *text;

        if (eg_is_time(h, i, v) || v[i].tag == EG_V_NONE || v[i].tag == EG_V_BAD)
            continue;
        text = eg_value_text(a, &h->columns[i], &v[i]);
        all = text ? eg_arena_strf(a, "%s%s%s=%s", all, *all ? " " : "", h->columns[i].name, text)
                   : NULL;
    }
    return all;
}
