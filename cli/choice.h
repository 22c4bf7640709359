/** choice.h - what a result says of --filter, --sort, --columns and --limit (core/select.h). */
#ifndef EG_CLI_CHOICE_H
#define EG_CLI_CHOICE_H

#include "cli.h"

/** What a result's head says: @args, NULL-terminated, and these options; how it is shown. @return
 * false: out of memory. */
bool cli_choice_head(struct cli *c, const struct eg_select *s, const char *const *args,
                     struct eg_result_head *h);
/** Why rows are missing that might belong to it: a note; a failure. NULL: none are. (@s may be
 * NULL.) */
const char *cli_choice_note(struct eg_arena *a, const struct eg_select *s);
const char *cli_choice_error(const struct eg_select *s);
/** Say on standard error how many rows it shows, if the format has no place for that. */
void cli_choice_said(const struct cli *c, const char *name, const struct eg_select *s);
/** Options that choose rows were given where there are none. @return CLI_USAGE. */
int cli_choice_refuse(const struct cli *c, const char *what);
bool cli_choice_given(const struct cli *c);

#endif
