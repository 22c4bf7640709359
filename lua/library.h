/** library.h - the product's own scripts, made C text by embed.sh. */
#ifndef EG_LUA_LIBRARY_H
#define EG_LUA_LIBRARY_H

#include <stddef.h>

struct script_file {
    const char *name, *text;
    size_t len;
};
extern const struct script_file script_library[]; /**< ends with a NULL name */

#endif
