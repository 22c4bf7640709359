/** version.h - which build of the command this is. */
#ifndef EG_CLI_VERSION_H
#define EG_CLI_VERSION_H

const char *cli_tool(void); /**< "engram 0.1.0 (commit)" */
void cli_version(void);     /**< engram --version */

#endif
