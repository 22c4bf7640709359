/** sandbox.h - a state that a stranger's script may run in. */
#ifndef EG_LUA_SANDBOX_H
#define EG_LUA_SANDBOX_H

#include "state.h"

/** Open a state with the safe part of Lua's libraries and, where there is a run, eg and the
 * operating systems' tables. @return NULL: out of memory. */
struct script *script_open(struct eg_run *run, const struct script_limits *limits);

#endif
