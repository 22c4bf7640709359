/** plugin.h - plugins in Lua: built-in scripts, and those of the user's folders. */
#ifndef EG_LUA_PLUGIN_H
#define EG_LUA_PLUGIN_H

#include "../core/base.h"
#include "../core/engram.h"

struct script_file {
    const char *name, *text;
    size_t len;
    const char *folder;      /**< the folder of require(); NULL: none */
    const char *declaration; /**< the declaration alone, without run; NULL: read it from the text */
};
/** Read the declarations of scripts in one shared state and register the plugins; the last entry
 * has a NULL name. Only for scripts that trust each other. */
int eg_lua_add_files(const struct script_file *files, struct eg_error *e);
/** Read a script's declaration and register its plugin. Call it before any system opens. @text must
 * stay valid until the process ends. */
int eg_lua_add(const char *file, const char *text, size_t len, struct eg_error *e);

struct lua_State;
struct eg_arena;
/** Columns as plugin{…} declares them, of the table on top of the stack; in @a. Raises. */
const struct eg_column *script_read_columns(struct lua_State *L, struct eg_arena *a);

#endif
