/** swapper.h - the first task, by its type. */
#ifndef EG_LINUX_SWAPPER_H
#define EG_LINUX_SWAPPER_H

#include "finder.h"

/** A task_struct that is the first task's: init_task, or a copy of it. */
struct linux_first_task {
    uint64_t pa, va; /**< where it is, and where its pointers to itself say that it is */
};
enum { LINUX_FIRST_TASKS_MAX = 16 };

/** Those in physical [@from, @to] at the lowest addresses, in order. @more: there were others; may
 * be NULL. @return how many. */
size_t linux_first_tasks(struct linux_finder *f, const struct linux_arch *arch,
                         const struct eg_types *ts, uint64_t from, uint64_t to,
                         struct linux_first_task out[LINUX_FIRST_TASKS_MAX], bool *more);

#endif
