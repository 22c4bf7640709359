/* choice.c - results of which only some rows or columns are shown say so. */
#include "choice.h"
#include "report.h"
#include <inttypes.h>

enum { CHOICES = 4 };

/* "filter=PID = 1" and the like. @return how many. */
static size_t choices(struct cli *c, const char **out)
{
    const struct eg_select_options *o = &c->select;
    size_t n = 0;

    if (o->filter)
        out[n++] = eg_arena_strf(&c->arena, "filter=%s", o->filter);
    if (o->sort)
        out[n++] = eg_arena_strf(&c->arena, "sort=%s", o->sort);
    if (o->columns)
        out[n++] = eg_arena_strf(&c->arena, "columns=%s", o->columns);
    if (o->limited)
        out[n++] = eg_arena_strf(&c->arena, "limit=%" PRIu64, o->limit);
    for (size_t i = 0; i < n; i++)
        if (!out[i])
            return SIZE_MAX;
    return n;
}

bool cli_choice_head(struct cli *c, const struct eg_select *s, const char *const *args,
                     struct eg_result_head *h)
{
    const char **all, *own[CHOICES];
    const size_t n_own = s ? choices(c, own) : 0;
    size_t n = 0;

    h->zone = c->select.zone;
    h->wide = c->wide;
    h->args = args;
    if (!s)
        return true;
    while (args && args[n])
        n++;
    all = n_own <= CHOICES ? eg_arena_array(&c->arena, const char *, n + n_own + 1) : NULL;
    if (!all)
        return false;
    if (n)
        memcpy(all, args, n * sizeof *all);
    memcpy(all + n, own, n_own * sizeof *all);
    h->args = all;
    h->selected = eg_select_result(s);
    eg_select_head(s, h);
    return true;
}

const char *cli_choice_note(struct eg_arena *a, const struct eg_select *s)
{
    const uint64_t n = s ? eg_select_result(s)->unknown : 0;

    return n ? eg_arena_strf(a,
                             "--filter: not known for %" PRIu64
                             " cells, where the regular expression takes too many steps",
                             n)
             : NULL;
}

const char *cli_choice_error(const struct eg_select *s)
{
    return s && eg_select_result(s)->no_room ? "--sort: rows are missing, there are more than fit "
                                               "1 GiB: choose fewer with --filter or --limit"
                                             : NULL;
}

void cli_choice_said(const struct cli *c, const char *name, const struct eg_select *s)
{
    char text[160];

    if (s && strncmp(c->render, "json", 4) != 0 && eg_select_summary(s, text))
        cli_fail(0, "%s: %s", name, text);
}

bool cli_choice_given(const struct cli *c)
{
    return c->select.filter || c->select.sort || c->select.columns || c->select.limited;
}

int cli_choice_refuse(const struct cli *c, const char *what)
{
    return cli_fail(CLI_USAGE, "--%s: chooses from the rows of a table, and %s prints none",
                    c->select.filter    ? "filter"
                    : c->select.sort    ? "sort"
                    : c->select.columns ? "columns"
                                        : "limit",
                    what);
}
