/** cursor.h - typed places of the image as values of a script. */
#ifndef EG_LUA_CURSOR_H
#define EG_LUA_CURSOR_H

#include "state.h"

/** The value that a script sees: an integer, a string, or a cursor. */
void script_push_value(lua_State *L, struct eg_obj o);
/** Always a cursor, even of an integer. */
void script_push_cursor(lua_State *L, struct eg_obj o);
struct eg_obj *script_is_cursor(lua_State *L, int at);    /**< NULL: it is none */
struct eg_obj *script_check_cursor(lua_State *L, int at); /**< raises */
/** An address in @as: an integer, what a pointer points to, where an object is, or text as
 * core/address.h defines it. Symbols are not allowed in physical memory. */
uint64_t script_check_address(lua_State *L, const struct eg_space *as, int at);
/** A type by the name that a script gives: "task_struct", "struct list_head *", "u8[16]". Raises.
 */
struct eg_slot script_check_type(lua_State *L, int at);
/** The member @name of struct @type; raises with the nearest name. */
struct eg_slot script_check_member(lua_State *L, uint32_t type, int name_at);
/** Is the value at @at a userdata with the metatable that was registered for @key? */
bool script_has_metatable(lua_State *L, int at, const char *key);
/** Register a metatable, which scripts see as the text @name. */
void script_add_metatable(lua_State *L, const luaL_Reg *functions, const char *name,
                          const char *key);
int script_read_only(lua_State *L); /**< __newindex of all that is the image's */
/** The address that a cursor stands for: of a pointer what it points to, else its own place. */
bool script_address_of(struct eg_obj o, uint64_t *out);
/** The same place as a slot describes it. */
struct eg_obj script_place(struct eg_obj o, const struct eg_slot *s);
/** The place at @addr in @as, of the type whose name is at @type_at; NULL's is bad. */
struct eg_obj script_object(lua_State *L, struct eg_space *as, uint64_t addr, int type_at);
const char *script_why_text(struct eg_obj o, char out[96]);
/** The member at @at of @o's type. @return false: none of this name; script_no_member() raises
 * with the nearest. */
bool script_find_member(lua_State *L, const struct eg_obj *o, int at, struct eg_slot *out);
int script_no_member(lua_State *L, const struct eg_obj *o, int at);

#endif
