/** gdb_hooks.h - what a debugger gets of plugins: `monitor PLUGIN …` and `info os PLUGIN`. */
#ifndef EG_CLI_GDB_HOOKS_H
#define EG_CLI_GDB_HOOKS_H

#include "../core/registry.h"
#include "../live/gdb/gdb.h"

/** The context of these hooks. */
struct cli_gdb_context {
    struct eg_system *sys;
    unsigned threads; /**< as --jobs */
};
extern const struct gdb_hooks cli_gdb_hooks;

#endif
