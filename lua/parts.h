/** parts.h - the functions that a script can call, one part from each file: sandbox.c puts them
 * together, and libraries.c those that are Lua's own. */
#ifndef EG_LUA_PARTS_H
#define EG_LUA_PARTS_H

#include "state.h"

void script_add_libraries(lua_State *L); /**< a new table of globals, and Lua's libraries */
void script_add_require(lua_State *L);   /**< the global require */
void script_add_slips(lua_State *L);     /**< guards of eg, linux, pairs, ipairs: last of all */

/* Into the table eg on the stack's top; that of cursors first. */
void script_add_cursor(lua_State *L);
void script_add_symbols(lua_State *L); /**< and what k.name does */
void script_add_functions(lua_State *L);
void script_add_walk(lua_State *L); /**< and the operating systems' tables */
void script_add_memory(lua_State *L);
void script_add_rows(lua_State *L);

/* Parts of Lua's libraries. */
void script_add_protected(lua_State *L);  /**< pcall, xpcall, setmetatable into the table on top */
void script_add_coroutines(lua_State *L); /**< create, resume, wrap into the table on top */
void script_add_text(lua_State *L);       /**< the global tostring */
void script_add_order(lua_State *L);      /**< the globals next, pairs */
/** Functions of the table library into the new one on top, from the whole one below it. */
void script_add_tables(lua_State *L);
/** find, match, gmatch and gsub, with a bound on their steps, into the table string on top. */
void script_add_patterns(lua_State *L);

#endif
