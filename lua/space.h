/** space.h - address spaces as values of a script: k (the kernel), eg.physical(k),
 * eg.process(task). */
#ifndef EG_LUA_SPACE_H
#define EG_LUA_SPACE_H

#include "state.h"

/** The type of a symbol that a script only needs to be there: eg.symbol takes no type from it. */
#define SCRIPT_ANY_TYPE "u8|char|void *"

struct eg_space *script_check_space(lua_State *L, int at);
void script_push_space(lua_State *L, struct eg_space *as);
/** The text at @addr, up to a NUL, @max bytes or a hole, is pushed. @return false: nothing can be
 * read, nothing is pushed. */
bool script_push_text(lua_State *L, struct eg_space *as, uint64_t addr, size_t max);
/** Once per state; @index is what k.name does. */
void script_add_space(lua_State *L, lua_CFunction index);

#endif
