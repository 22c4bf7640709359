/** help.h - engram help, and --help. */
#ifndef EG_CLI_HELP_H
#define EG_CLI_HELP_H

#include "cli.h"

/** About the verb or the first word; about all without one. @return an exit status */
int cli_help(struct cli *c);

#endif
