/** table.h - one table of the command's own, through the same renderers as a plugin's. */
#ifndef EG_CLI_TABLE_H
#define EG_CLI_TABLE_H

#include "cli.h"

struct cli_table {
    struct cli *cli;
    struct eg_result_head head;
    struct eg_select *select; /**< NULL: all rows */
    struct eg_sink sink;
    void *state;
    size_t n_rows;
};
/** @from may be NULL. @return 0; -EG_EUSAGE: what --filter and the like say does not fit it. */
int cli_table_begin(struct cli_table *t, struct cli *c, const char *name,
                    const struct eg_column *columns, bool tree, const struct eg_provenance *from,
                    struct eg_error *e);
void cli_table_row(struct cli_table *t, unsigned depth, const struct eg_value *values);
/** @return an exit status: CLI_FAILED for an @error (may be NULL), or for notes with --strict. */
int cli_table_end(struct cli_table *t, const char *const *notes, const char *error);

struct eg_value cli_text(const char *s); /**< NULL: not computed */
struct eg_value cli_uint(uint64_t u);
struct eg_value cli_missing(enum eg_why why, uint64_t addr);

#endif
