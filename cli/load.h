/** load.h - plugins of folders. */
#ifndef EG_CLI_LOAD_H
#define EG_CLI_LOAD_H

#include "cli.h"

/** --plugin-dir: one folder, or several with semicolons between them. This alone loads native code.
 * @return an exit status. */
int cli_load_folders(struct cli *c, const char *folders);
/** The user's own scripts, once: they are there without being asked for, so what is wrong with one
 * is a warning. A plugin of --plugin-dir that came before has its name before one of here. */
void cli_load_own(struct cli *c);

#endif
