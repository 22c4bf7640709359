/** load.h - compiling source text: scripts, load(), require(). */
#ifndef EG_LUA_LOAD_H
#define EG_LUA_LOAD_H

#include "state.h"

/** Compile text like lua_load, charging for the work. */
int script_load(lua_State *L, const char *text, size_t len, const char *chunk);
/** Is it Lua at all? Nothing is run. @return -EG_EFORMAT: the error has the file and the line. */
int script_check(const char *name, const char *text, size_t len, struct eg_error *e);
int script_load_text(lua_State *L); /**< the global load */
/** Read a file of at most 1 MiB. @flags: further flags of open(). The caller frees *@out. @return 0
 * or -EG_E…. */
int script_read_file(const char *path, int flags, char **out, size_t *len, struct eg_error *e);

#endif
