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

size_t eg_times_column(const struct eg_result_head *h, const char *name)
{
    size_t i = 0;

    while (i < h->n_columns &&
           (h->columns[i].kind == EG_COL_TIME || strcmp(h->columns[i].name, name) != 0))
        i++;
    return i;
}

/* The text of that column in a row that merges what others tell: one with SOURCE, KIND and TIME. */
static const char *told(struct eg_arena *a, const struct eg_result_head *h,
                        const struct eg_value *v, const char *name)
{
    const size_t kind = eg_times_column(h, "KIND"), source = eg_times_column(h, "SOURCE");
    const size_t i = eg_times_column(h, name);

    return kind < h->n_columns && source < h->n_columns && v[kind].tag == EG_V_TEXT &&
                   v[source].tag == EG_V_TEXT && i < h->n_columns
               ? eg_value_text(a, &h->columns[i], &v[i])
               : NULL;
}

const char *eg_times_kind(struct eg_arena *a, const struct eg_result_head *h,
                          const struct eg_value *v, size_t i)
{
    const char *kind = strcmp(h->columns[i].name, "TIME") ? NULL : told(a, h, v, "KIND");

    return kind ? kind : h->columns[i].name;
}

const char *eg_times_source(struct eg_arena *a, const struct eg_result_head *h,
                            const struct eg_value *v)
{
    const char *source = told(a, h, v, "SOURCE");

    return source ? source : h->plugin;
}

char *eg_times_text(struct eg_arena *a, const struct eg_result_head *h, const struct eg_value *v)
{
    const bool merged = told(a, h, v, "KIND");
    char *all = eg_arena_strndup(a, "", 0);

    for (size_t i = 0; all && i < h->n_columns; i++) {
        const char *name = h->columns[i].name, *text;

        if (eg_is_time(h, i, v) || v[i].tag == EG_V_NONE || v[i].tag == EG_V_BAD ||
            (merged && (!strcmp(name, "KIND") || !strcmp(name, "SOURCE"))))
            continue;
        text = eg_value_text(a, &h->columns[i], &v[i]);
        if (merged && !strcmp(name, "TEXT"))
            all = text ? eg_arena_strf(a, "%s%s%s", all, *all ? " " : "", text) : NULL;
        else
            all = text ? eg_arena_strf(a, "%s%s%s=%s", all, *all ? " " : "", name, text) : NULL;
    }
    return all;
}
