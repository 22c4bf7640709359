/** annotations.h - all functions that a script can call, including the walkers and functions of
 * operating systems: as a list, and as type annotations for editors. */
#ifndef EG_LUA_ANNOTATIONS_H
#define EG_LUA_ANNOTATIONS_H

#include "../core/arena.h"
#include "reference.h"
#include <stdio.h>

/** The @i-th function of all tables. Its texts are allocated in @a. @return false past the end, or
 * if out of memory. */
bool eg_lua_function_nth(struct eg_arena *a, size_t i, const char **table,
                         struct eg_reference *out);

/** The group and the source file of the @i-th function. */
struct eg_reference_group eg_lua_function_group(size_t i);

/** The part of @signature after its first parameter; "" if there is no further one. */
const char *eg_lua_next_part(const char *signature);

/** A file for the Lua language server (LuaLS). */
void eg_lua_annotations(FILE *f);

#endif
