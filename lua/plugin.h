/** plugin.h - plugins in Lua: scripts of the product, and of the user's folders. */
#ifndef EG_LUA_PLUGIN_H
#define EG_LUA_PLUGIN_H

#include "../core/base.h"

/** Read a script's declaration and register its plugin. @text is borrowed for ever. Before any
 * system opens. */
int eg_lua_add(const char *file, const char *text, size_t len, struct eg_error *e);
/** The product's own, which are in the library. */
int eg_lua_add_own(struct eg_error *e);
/** All *.lua of a folder, in the order of their names. The first that is wrong ends it; but with
 * @bad it is told of each such, and the others are loaded. */
int eg_lua_add_folder(const char *dir, void (*bad)(void *context, const struct eg_error *why),
                      void *context, struct eg_error *e);

#endif
