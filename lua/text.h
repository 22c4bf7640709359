/** text.h - values as text that is the same from run to run: without addresses of ours. */
#ifndef EG_LUA_TEXT_H
#define EG_LUA_TEXT_H

#include "state.h"

/** As luaL_tolstring, but without addresses, which differ from run to run. */
const char *script_push_string(lua_State *L, int at);
/** Tables, functions and the like are numbered as they are asked for. @give: a new number to what
 * has none, which otherwise is 0. */
lua_Integer script_number_of(lua_State *L, int at, bool give);
int script_format(lua_State *L); /**< string.format; the library's in the upvalue */
/** A table, in the registry under @key, of values that it does not keep. */
void script_new_weak(lua_State *L, const char *key);

#endif
