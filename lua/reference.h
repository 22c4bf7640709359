/** reference.h - what each function that a script can call is for: help() of the shell, the
 * annotations for editors and the documents are made of this one list.
 *
 *  Types are LuaLS's notation, so that a signature can stand in an annotation as it is. Ours:
 * `cursor`, a typed place; `space`, memory with addresses (k is the kernel's); `value`, what a
 * cursor's member comes out as: integer, number, string or cursor; `place`, an integer or a cursor,
 * of a pointer what it points to. A parameter's name says what it holds: `type` is the name of a
 * type, `member` of a member of the type before it, `symbol` of a symbol, `plugin` of a plugin. */
#ifndef EG_LUA_REFERENCE_H
#define EG_LUA_REFERENCE_H

#include <stddef.h>

struct eg_reference {
    const char *name;      /**< without the table: "list" */
    const char *signature; /**< the parameters: "head: cursor, type: string, member: string" */
    const char *returns;   /**< "cursor"; "" nothing */
    const char *text;      /**< one line, without a full stop */
};

/** The functions of the table eg, group by group. @return NULL past the end. */
const struct eg_reference *eg_reference_nth(size_t i);

/** What the functions around it have in common, and the source file that they are in. */
struct eg_reference_group {
    const char *title, *file;
};
const struct eg_reference_group *eg_reference_group(size_t i); /**< the same @i */

#endif
