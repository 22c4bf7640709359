/** coverage.h - what the registered plugins look for, and what none of them looks for. */
#ifndef EG_CLI_COVERAGE_H
#define EG_CLI_COVERAGE_H

#include "cli.h"

/** What plugins look for, each with their names: "hidden processes (psscan, psxview)". The text is
 * in @a; NULL: nothing, or out of memory. */
const char *cli_looked_for(struct eg_arena *a);
/** What an examiner may expect to be looked for and no plugin looks for. As above. */
const char *cli_not_looked_for(struct eg_arena *a);

/** Say both behind the results of `all`, so that nobody takes what they do not show for a finding.
 * These are no notes: they are the same for every image, and --strict does not fail for them. */
void cli_say_coverage(struct cli *c);

#endif
