/** space.h - address spaces as Lua values: k (the kernel), eg.physical(k), eg.process(task). */
#ifndef EG_LUA_SPACE_H
#define EG_LUA_SPACE_H

#include "state.h"

/** The type of symbols in needs_symbols, which only have to exist; eg.symbol ignores it. */
#define SCRIPT_ANY_TYPE "u8|char|void *"

struct eg_space *script_check_space(lua_State *L, int at);
void script_push_space(lua_State *L, struct eg_space *as);
/** Push the text at @addr, up to a NUL, @max bytes or a hole. @return false, with nothing pushed,
 * if no byte can be read. */
bool script_push_text(lua_State *L, struct eg_space *as, uint64_t addr, size_t max);
/** Call once per state. @index implements k.name. */
void script_add_space(lua_State *L, lua_CFunction index);

#endif
