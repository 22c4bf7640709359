/** slips.h - hints for frequent mistakes. */
#ifndef EG_LUA_SLIPS_H
#define EG_LUA_SLIPS_H

#include "state.h"

/** Add file, line and a hint to the message at index 1. */
void script_explain(lua_State *L);

#endif
