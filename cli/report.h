/** report.h - lines for the user, on standard error: one line each (what, where, what to try),
 * without control characters. */
#ifndef EG_CLI_REPORT_H
#define EG_CLI_REPORT_H

#include "cli.h"

int cli_fail(int status, const char *format, ...) EG_PRINTF(2, 3);           /**< @return @status */
void cli_warn(const struct cli *c, const char *format, ...) EG_PRINTF(2, 3); /**< not with -q */
int cli_no_memory(void); /**< @return CLI_FAILED */

/** A failure of the library while it opened or wrote a file. @return the exit status: a wrong
 * option and Ctrl-C have their own. */
int cli_cannot(const struct eg_error *e);

/** Print a result's notes and its error (may be NULL) if the user cannot see them in the output:
 * the format has no place for them, it goes elsewhere, or (@shown false) nothing was written.
 * @return its exit status. */
int cli_result(const struct cli *c, const char *name, const char *const *notes, const char *error,
               bool shown);

#endif
