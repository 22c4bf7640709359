/** rows.h - the arguments of a script's run function. */
#ifndef EG_LUA_ROWS_H
#define EG_LUA_ROWS_H

#include "state.h"

void script_push_row(lua_State *L);  /**< the function row() of this script's plugin */
void script_push_args(lua_State *L); /**< the table of the run's arguments */
/** Convert the table at @at, or nil, to options of a plugin: {pid = 1}, {pid = {1, 2}}, {threads =
 * true}. The table at @kept keeps the strings alive. @return the number of options; raises an error
 * if there are more than @max. */
size_t script_read_args(lua_State *L, int at, int kept, struct eg_given_arg *out, size_t max);
/** Push a row of another plugin: a table of its cells by column. */
void script_push_cells(lua_State *L, const struct eg_column *columns, const struct eg_value *v,
                       size_t n);
/** Push the metatable of such rows: it raises an error for a column that @reg does not have. Both
 * must live as long as the script. */
void script_push_row_meta(lua_State *L, const struct eg_plugin_reg *reg,
                          const struct eg_column *columns);

#endif
