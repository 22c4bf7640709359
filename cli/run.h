/** run.h - running plugins on an image. */
#ifndef EG_CLI_RUN_H
#define EG_CLI_RUN_H

#include "open.h"

int cli_run(struct cli *c); /**< engram IMAGE PLUGIN… */
/** One plugin with c->args on what is open: its result and its notes, not the image's. */
int cli_run_one(struct cli *c, const struct cli_opened *o, const struct eg_plugin_reg *reg);

#endif
