/** reference.h - descriptions of the functions that a script can call. help() of the shell, the
 * annotations for editors and docs/lua-reference.md are generated from them.
 *
 *  Types are in the notation of LuaLS, so that annotations can use a signature unchanged. Our own
 * types: `cursor`, a typed place; `space`, an address space (k is the kernel's); `value`, an
 * integer, number, string or cursor that reading a member gives; `place`, an address, a cursor (a
 * pointer stands for its target) or text: "init_task+0x10". Parameter names have a meaning for
 * completion: `type` is the name of a type, `member` a member of the type before it, `symbol` a
 * symbol, `plugin` a plugin. */
#ifndef EG_LUA_REFERENCE_H
#define EG_LUA_REFERENCE_H

#include <stddef.h>

struct eg_reference {
    const char *name;      /**< without its table: "list" */
    const char *signature; /**< the parameters: "head: cursor, type: string, member: string" */
    const char *returns;   /**< "cursor"; "" if it returns nothing */
    const char *text;      /**< one line, without a full stop */
};

/** The global table of an operating system's functions; NULL: of those for any system. */
static inline const char *eg_lua_table(const char *os)
{
    return os ? os : "eg_common";
}

/** The functions of the table eg, group by group. @return NULL past the end. */
const struct eg_reference *eg_reference_nth(size_t i);

/** A group of functions, and their source file. */
struct eg_reference_group {
    const char *title, *file;
};
const struct eg_reference_group *eg_reference_group(size_t i); /**< the same @i */

#endif
