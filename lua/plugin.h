/** plugin.h - plugins in Lua: scripts of the product, and of the user's folders. */
#ifndef EG_LUA_PLUGIN_H
#define EG_LUA_PLUGIN_H

#include "../core/base.h"

struct script_file {
    const char *name, *text;
    size_t len;
    const char *folder;      /**< that require() looks in; NULL: none */
    const char *declaration; /**< the text without what runs; NULL: only the text has it */
};
/** Read the declarations of scripts that trust each other, in one state, and register them; the
 * array ends with a NULL name. */
int eg_lua_add_files(const struct script_file *files, struct eg_error *e);
/** Read a script's declaration and register its plugin. @text is borrowed for ever. Before any
 * system opens. */
int eg_lua_add(const char *file, const char *text, size_t len, struct eg_error *e);

#endif
