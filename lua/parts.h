/** parts.h - registers the functions that a script can call, one part per file. sandbox.c combines
 * them; libraries.c combines the parts of Lua's own libraries. */
#ifndef EG_LUA_PARTS_H
#define EG_LUA_PARTS_H

#include "state.h"

void script_add_libraries(lua_State *L); /**< a new table of globals, and Lua's libraries */
void script_add_require(lua_State *L);   /**< the global require */
void script_add_slips(lua_State *L);     /**< hints for eg, linux, pairs, ipairs: call it last */

/* Add to the table eg on top of the stack; script_add_cursor comes first. */
void script_add_cursor(lua_State *L);
void script_add_symbols(lua_State *L); /**< and k.name */
void script_add_functions(lua_State *L);
void script_add_walk(lua_State *L); /**< and the operating systems' tables */
void script_add_memory(lua_State *L);
void script_add_rows(lua_State *L);

/* Parts of Lua's libraries. */
void script_add_protected(lua_State *L);  /**< pcall, xpcall, setmetatable into the table on top */
void script_add_coroutines(lua_State *L); /**< create, resume, wrap into the table on top */
void script_add_text(lua_State *L);       /**< the global tostring */
void script_add_order(lua_State *L);      /**< the globals next, pairs */
/** Add functions to the new table library on top of the stack, from the complete one below it. */
void script_add_tables(lua_State *L);
/** Add find, match, gmatch and gsub, whose steps are charged, to the table string on top. */
void script_add_patterns(lua_State *L);

#endif
