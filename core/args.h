/** args.h - checks of the options that the user gave for a plugin, before and after its run. The
 * functions by which plugins read them are in engram.h. */
#ifndef EG_ARGS_H
#define EG_ARGS_H

#include "run.h"

/** Check the values of the options that @p declares: numbers, addresses. @return 0 or
 * -EG_EUSAGE. */
int eg_args_check(struct eg_system *sys, const struct eg_plugin_reg *p,
                  const struct eg_run_options *o, struct eg_error *e);

enum eg_place { EG_PLACE_PHYSICAL, EG_PLACE_KERNEL, EG_PLACE_PROCESSES };
/** Which memory a search examines, by its options --in and --pid; --pid, --name and the like
 * alone mean processes. */
int eg_search_place(const struct eg_run_options *o, enum eg_place *out, struct eg_error *e);

/** There is a row of the process @pid. */
void eg_args_shown(struct eg_run *r, int64_t pid);
/** Add a note for each value of a list (--pid 1,99999) with which eg_arg_match() was never called,
 * and for each process of --pid that has no row where the operating system knows why. */
void eg_args_unmatched(struct eg_run *r);

#endif
