/** slips.h - the message of an error, with what may be meant. */
#ifndef EG_LUA_SLIPS_H
#define EG_LUA_SLIPS_H

#include "state.h"

/** The message at 1: with file and line, and what may be meant. */
void script_explain(lua_State *L);

#endif
