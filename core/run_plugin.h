/** run_plugin.h - the run of a plugin, from the check of its needs to its result. */
#ifndef EG_RUN_PLUGIN_H
#define EG_RUN_PLUGIN_H

#include "run.h"

/** Check the plugin's needs and options and open its run; rows go to @sink. @return NULL: it cannot
 * run, and *@out says why. @o must not be NULL. */
struct eg_run *eg_run_begin(struct eg_system *sys, const struct eg_plugin_reg *p,
                            const struct eg_run_options *o, struct eg_sink sink,
                            struct eg_run_result *out);
/** Put the run's result into *@out and close the run. @rc: what the plugin returned. */
void eg_run_end(struct eg_run *r, int rc, struct eg_run_result *out);

/** The options with which @r may start another plugin, on one thread and with the limits of @r. */
struct eg_run_options eg_run_nested(const struct eg_run *r);
/** What the other one had to note is noted by @r, behind the other's name if it does not begin with
 * it. */
void eg_run_pass_notes(struct eg_run *r, const char *name, const struct eg_run_result *of);

#endif
