/** call.h - calls of a script from outside: its errors are ours, with file and line. */
#ifndef EG_LUA_CALL_H
#define EG_LUA_CALL_H

#include "state.h"

/** Compile and call text that is named @name in messages; its results are left on the stack.
 * @return 0, or -EG_E… with the message, file and line in @e; the stack of calls in the script's
 * own files becomes notes of the run. */
int script_run(struct script *s, const char *name, const char *text, size_t len, int results,
               struct eg_error *e);
/** Call what is below its @n arguments on the stack. The same errors. */
int script_call(struct script *s, int n, int results, struct eg_error *e);

#endif
