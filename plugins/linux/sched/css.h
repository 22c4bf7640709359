/** sched/css.h - control groups' lists of their tasks. */
#ifndef EG_LINUX_CSS_H
#define EG_LINUX_CSS_H

#include "../../../core/engram.h"

/** Call @take for each task on the list of a css_set: those of all control groups, which are found
 * from the root of the default hierarchy downwards. @return false: the root is not known. */
EG_API bool linux_each_cgroup_task(struct eg_run *r,
                                   void (*take)(void *context, struct eg_obj task), void *context);

#endif
