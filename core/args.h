/** args.h - what the user gave a plugin, checked before it runs and after. What plugins call is in
 * engram.h. */
#ifndef EG_ARGS_H
#define EG_ARGS_H

#include "run.h"

/** Are the given arguments that @p declares numbers and addresses where it wants them? */
int eg_args_check(struct eg_system *sys, const struct eg_plugin_reg *p,
                  const struct eg_run_options *o, struct eg_error *e);

enum eg_place { EG_PLACE_PHYSICAL, EG_PLACE_KERNEL, EG_PLACE_PROCESSES };
/** Where a search looks, by its arguments. --pid alone means processes. */
int eg_search_place(const struct eg_run_options *o, enum eg_place *out, struct eg_error *e);

/** A note for each value of a list (--pid 1,99999) that eg_arg_match() was never asked for. */
void eg_args_unmatched(struct eg_run *r);

#endif
