/** run_plugin.h - a plugin's run, from its needs to its result. */
#ifndef EG_RUN_PLUGIN_H
#define EG_RUN_PLUGIN_H

#include "run.h"

/** A plugin's run, once its needs and arguments are checked; rows go to @sink. @return NULL when
 * *@out says why not. @o is not NULL here. */
struct eg_run *eg_run_begin(struct eg_system *sys, const struct eg_plugin_reg *p,
                            const struct eg_run_options *o, struct eg_sink sink,
                            struct eg_run_result *out);
/** Make its result and close it. @rc: what its work returned. */
void eg_run_end(struct eg_run *r, int rc, struct eg_run_result *out);

#endif
