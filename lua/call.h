/** call.h - protected calls into a script: its errors become eg_error, with file and line. */
#ifndef EG_LUA_CALL_H
#define EG_LUA_CALL_H

#include "state.h"

/** Compile @text and call it; messages name it @name. Its @results stay on the stack. @return 0, or
 * -EG_E… with message, file and line in @e; the script's stack of calls becomes notes of the
 * run. */
int script_run(struct script *s, const char *name, const char *text, size_t len, int results,
               struct eg_error *e);
/** Call the function below its @n arguments on the stack. Errors as above. */
int script_call(struct script *s, int n, int results, struct eg_error *e);

#endif
