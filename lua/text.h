/** text.h - values as text that is the same in each run: without addresses of this process. */
#ifndef EG_LUA_TEXT_H
#define EG_LUA_TEXT_H

#include "state.h"

/** Like luaL_tolstring, but without addresses, which differ from run to run. */
const char *script_push_string(lua_State *L, int at);
/** The number of a table, function or the like. @give: assign the next number if it has none;
 * otherwise the result is 0. */
lua_Integer script_number_of(lua_State *L, int at, bool give);
int script_format(lua_State *L); /**< string.format; the original in the upvalue */
/** Create a table with weak keys in the registry under @key. */
void script_new_weak(lua_State *L, const char *key);

#endif
