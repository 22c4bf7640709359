/** steady.h - rows of a machine that runs while it is read. A plugin reads it twice or more; what
 * was the same each time is as it is, and what was not is flagged in the column MOVING. */
#ifndef EG_CLI_STEADY_H
#define EG_CLI_STEADY_H

#include "../core/registry.h"

/** @columns of the plugin, and MOVING if it has rows that are read twice: in @a. @return NULL: out
 * of memory, or @columns is NULL. */
const struct eg_column *cli_steady_columns(struct eg_arena *a, const struct eg_plugin_reg *reg,
                                           const struct eg_column *columns);
bool cli_steady_is(const struct eg_column *c);

/** As eg_plugin_run, of a plugin that does not search, with MOVING behind its cells: empty; "seen
 * once"; "read once", where the plugin wrote files, which it does once; or the columns whose values
 * no two reads agree in. Columns that the plugin declares to move (.moves) are not looked at. The
 * rows are those of one read, and those that two others have and this one lost. */
void cli_steady_run(struct eg_system *sys, const struct eg_plugin_reg *reg,
                    const struct eg_run_options *o, struct eg_sink sink, struct eg_run_result *out);

#endif
