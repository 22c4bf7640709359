/** table.h - one table of the command's own, through the same renderers as a plugin's. */
#ifndef EG_CLI_TABLE_H
#define EG_CLI_TABLE_H

#include "cli.h"

struct cli_table {
    struct cli *cli;
    struct eg_result_head head;
    void *state;
    size_t n_rows;
};
/** @from may be NULL. */
int cli_table_begin(struct cli_table *t, struct cli *c, const char *name,
                    const struct eg_column *columns, bool tree, const struct eg_provenance *from);
void cli_table_row(struct cli_table *t, unsigned depth, const struct eg_value *values);
/** @return an exit status: CLI_FAILED for an @error (may be NULL), or for notes with --strict. */
int cli_table_end(struct cli_table *t, const char *const *notes, const char *error);

struct eg_value cli_text(const char *s); /**< NULL: not computed */
struct eg_value cli_uint(uint64_t u);
struct eg_value cli_missing(enum eg_why why, uint64_t addr);

#endif
