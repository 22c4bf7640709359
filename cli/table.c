/* table.c - a table of the command's own, through the same renderers as a plugin's. */
#include "table.h"
#include "../core/times.h"
#include "choice.h"
#include "report.h"
#include "version.h"
#include <stdio.h>
#include <stdlib.h>

static void put_row(void *context, unsigned depth, const struct eg_value *values, size_t n)
{
    struct cli_table *t = context;

    (void)n;
    t->cli->renderer->row(t->state, stdout, &t->head, depth, values);
}

int cli_table_begin(struct cli_table *t, struct cli *c, const char *name,
                    const struct eg_column *columns, bool tree, const struct eg_provenance *from,
                    struct eg_error *e)
{
    const struct eg_provenance ours = { .tool = cli_tool(), .n_results = 1 };
    int rc;

    *t = (struct cli_table){ .cli = c,
                             .head = { .plugin = name, .columns = columns, .tree = tree } };
    while (columns[t->head.n_columns].name)
        t->head.n_columns++;
    if (eg_wants_times(c->render) && !eg_has_times(columns))
        return eg_fail(e, EG_EUSAGE, "it has no column of times, which -r %s writes", c->render);
    if ((rc = eg_select_open(&t->select, &c->select, name, columns, tree, e)) < 0)
        return rc;
    t->state = calloc(1, c->renderer->state + !c->renderer->state);
    if (!t->state || !cli_choice_head(c, t->select, NULL, &t->head)) {
        eg_select_close(t->select);
        free(t->state);
        *t = (struct cli_table){ 0 };
        return eg_fail(e, EG_ENOMEM, "out of memory");
    }
    t->sink = eg_select_sink(t->select, (struct eg_sink){ put_row, t });
    c->renderer->begin(t->state, stdout, from ? from : &ours);
    c->renderer->head(t->state, stdout, &t->head);
    return 0;
}

void cli_table_row(struct cli_table *t, unsigned depth, const struct eg_value *values)
{
    t->sink.row(t->sink.context, depth, values, t->head.n_columns);
    t->n_rows++;
}

/* @notes and one more, in the command's arena. */
static const char *const *with_note(struct cli *c, const char *const *notes, const char *note)
{
    const char **all;
    size_t n = 0;

    while (notes && notes[n])
        n++;
    all = note ? eg_arena_array(&c->arena, const char *, n + 2) : NULL;
    if (!all)
        return notes;
    if (n)
        memcpy(all, notes, n * sizeof *all);
    all[n] = note;
    return all;
}

int cli_table_end(struct cli_table *t, const char *const *notes, const char *error)
{
    eg_select_finish(t->select);
    notes = with_note(t->cli, notes, cli_choice_note(&t->cli->arena, t->select));
    error = error ? error : cli_choice_error(t->select);
    t->cli->renderer->tail(t->state, stdout, &t->head, notes, error);
    t->cli->renderer->end(t->state, stdout);
    free(t->state);
    cli_choice_said(t->cli, t->head.plugin, t->select);
    eg_select_close(t->select);
    return cli_result(t->cli, t->head.plugin, notes, error, true);
}

struct eg_value cli_text(const char *s)
{
    return s ? (struct eg_value){ .tag = EG_V_TEXT, .bytes = { (const uint8_t *)s, strlen(s) } }
             : (struct eg_value){ .tag = EG_V_NONE };
}

struct eg_value cli_uint(uint64_t u)
{
    return (struct eg_value){ .tag = EG_V_UINT, .u = u };
}

struct eg_value cli_missing(enum eg_why why, uint64_t addr)
{
    return (struct eg_value){ .tag = EG_V_BAD, .why = why, .u = addr };
}
