/** rows.h - what a run's script is called with. */
#ifndef EG_LUA_ROWS_H
#define EG_LUA_ROWS_H

#include "state.h"

void script_push_row(lua_State *L);  /**< the function row() of this script's plugin */
void script_push_args(lua_State *L); /**< the table of the run's arguments */
/** The table at @at, or nil, as options of a plugin: {pid = 1}, {pid = {1, 2}}, {threads = true}.
 * The table at @kept keeps their texts. @return how many; raises when there are more than @max. */
size_t script_read_args(lua_State *L, int at, int kept, struct eg_given_arg *out, size_t max);

#endif
