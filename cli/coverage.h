/** coverage.h - what the plugins that there are look for, and what nothing looks for. */
#ifndef EG_CLI_COVERAGE_H
#define EG_CLI_COVERAGE_H

#include "cli.h"

/** Kinds of things that an examiner may expect to be looked for, each with a plugin that does; and
 * those for which no plugin is registered: "hidden processes, changed system calls". NULL: none, or
 * out of memory. In @a. */
const char *cli_looked_for(struct eg_arena *a);
const char *cli_not_looked_for(struct eg_arena *a);

/** Say both behind the results of `all`, so that nobody takes what they do not show for a finding. No
 * note: it is the same for every image, and --strict does not fail for it. */
void cli_say_coverage(struct cli *c);

#endif
