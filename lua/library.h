/** library.h - the product's own scripts, made C text by embed.sh. */
#ifndef EG_LUA_LIBRARY_H
#define EG_LUA_LIBRARY_H

#include "../core/base.h"

struct script_file {
    const char *name, *text;
    size_t len;
    const char *folder;      /**< that require() looks in; NULL: none */
    const char *declaration; /**< the text without what runs; NULL: only the text has it */
};
extern const struct script_file script_library[]; /**< ends with a NULL name */

/** Read the declarations of scripts that trust each other, in one state, and register them.
 * (plugin.c) */
int eg_lua_add_files(const struct script_file *files, struct eg_error *e);

#endif
