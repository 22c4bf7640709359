/** summary.h - engram IMAGE. */
#ifndef EG_CLI_SUMMARY_H
#define EG_CLI_SUMMARY_H

#include "cli.h"

int cli_summary(struct cli *c);

#endif
