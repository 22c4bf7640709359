/* table.c - a table of the command's own, through the same renderers as a plugin's. */
#include "table.h"
#include "report.h"
#include "version.h"
#include <stdio.h>
#include <stdlib.h>

int cli_table_begin(struct cli_table *t, struct cli *c, const char *name,
                    const struct eg_column *columns, bool tree, const struct eg_provenance *from)
{
    const struct eg_provenance ours = { .tool = cli_tool(), .n_results = 1 };

    *t = (struct cli_table){ .cli = c,
                             .head = { .plugin = name, .columns = columns, .tree = tree } };
    while (columns[t->head.n_columns].name)
        t->head.n_columns++;
    t->state = calloc(1, c->renderer->state + !c->renderer->state);
    if (!t->state)
        return cli_no_memory();
    c->renderer->begin(t->state, stdout, from ? from : &ours);
    c->renderer->head(t->state, stdout, &t->head);
    return CLI_OK;
}

void cli_table_row(struct cli_table *t, unsigned depth, const struct eg_value *values)
{
    t->cli->renderer->row(t->state, stdout, &t->head, depth, values);
    t->n_rows++;
}

int cli_table_end(struct cli_table *t, const char *const *notes, const char *error)
{
    t->cli->renderer->tail(t->state, stdout, &t->head, notes, error);
    t->cli->renderer->end(t->state, stdout);
    free(t->state);
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
