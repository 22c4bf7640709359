/* version.c - engram --version. */
#include "version.h"
#include "../core/engram.h"
#include "commit.h"
#include "config.h"
#include <stdio.h>

const char *cli_tool(void)
{
    return "engram " EG_VERSION " (" EG_COMMIT ")";
}

void cli_version(void)
{
    printf("%s, plugin interface " EG_ABI "\nbuilt with: " EG_BUILT_WITH "\n", cli_tool());
}
