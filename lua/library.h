/** library.h - where plugins in Lua come from: the product's own are in the library, the user's in
 * folders. */
#ifndef EG_LUA_LIBRARY_H
#define EG_LUA_LIBRARY_H

#include "plugin.h"

/** The product's own, which are in the library. */
int eg_lua_add_own(struct eg_error *e);
/** All *.lua of a folder, in the order of their names. The first that is wrong ends it; but with
 * @bad it is told of each such, and the others are loaded. */
int eg_lua_add_folder(const char *dir, void (*bad)(void *context, const struct eg_error *why),
                      void *context, struct eg_error *e);

/** The product's own, made C text by embed.sh; ends with a NULL name. */
extern const struct script_file script_library[];

#endif
