/** load.h - texts made functions: whole scripts, load(), require(). */
#ifndef EG_LUA_LOAD_H
#define EG_LUA_LOAD_H

#include "state.h"

/** Compile text, in steps that are charged, as lua_load does. */
int script_load(lua_State *L, const char *text, size_t len, const char *chunk);
int script_load_text(lua_State *L); /**< the global load */
/** The text of a file; @flags: more of open()'s. To be freed. */
int script_read_file(const char *path, int flags, char **out, size_t *len, struct eg_error *e);

#endif
