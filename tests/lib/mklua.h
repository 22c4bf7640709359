/** mklua.h - what tests of the scripts' binding share: a small machine with a list of items, and
 * plugins made of a body in Lua. */
#ifndef MK_LUA_H
#define MK_LUA_H

#include "mkimage.h"

enum { MK_LUA_ITEMS = 5 };

/** k.head is a struct head; on its list are items with n = 1 to MK_LUA_ITEMS. */
struct mk *mk_lua_new(const struct mk_machine *m);
/** A plugin of every kind of column (N, BIG, ADDR, TEXT, BYTES, TIME, FLAGS, BOOL) and an argument
 * n, whose run is @body, in the lines that it has there. @text as eg_lua_add keeps it. */
int mk_lua_add(const char *name, const char *body, struct eg_error *e);
/** Run it. @return rows; eg_arena_fini(&out->arena) when done. */
size_t mk_lua_run(struct mk *k, const char *name, const struct eg_run_options *o,
                  struct eg_run_result *out);
/** The same, without limits of its own: what its TEXT cells are, a line each. Freed by the caller.
 * It must not fail. */
char *mk_lua_texts(struct mk *k, const char *name);

#endif
