/** annotations.h - all that a script can call, the walkers and functions of operating systems too:
 * as a list, and as type annotations for editors. */
#ifndef EG_LUA_ANNOTATIONS_H
#define EG_LUA_ANNOTATIONS_H

#include "../core/arena.h"
#include "reference.h"
#include <stdio.h>

/** The @i-th function of all tables. Its texts are made in @a. @return false: past the end, or out
 * of memory. */
bool eg_lua_function_nth(struct eg_arena *a, size_t i, const char **table,
                         struct eg_reference *out);

/** Its group and the source file that it is in. */
struct eg_reference_group eg_lua_function_group(size_t i);

/** What is behind the first of a signature's parameters: the next one, or "". */
const char *eg_lua_next_part(const char *signature);

/** A file for the Lua language server (LuaLS). */
void eg_lua_annotations(FILE *f);

#endif
