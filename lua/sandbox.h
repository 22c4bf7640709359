/** sandbox.h - a state in which an untrusted script may run. */
#ifndef EG_LUA_SANDBOX_H
#define EG_LUA_SANDBOX_H

#include "state.h"

/** Open a state with the safe part of Lua's libraries and, if @run is not NULL, with eg and the
 * tables of operating systems. @return NULL if out of memory. */
struct script *script_open(struct eg_run *run, const struct script_limits *limits);

#endif
