/** kernel/work.h - work that is put into queues (kernel/workqueue.c). */
#ifndef EG_LINUX_WORK_H
#define EG_LINUX_WORK_H

#include "hook.h"

EG_FIELDS(work_struct, data, entry, func); // include/linux/workqueue_types.h

struct linux_work {
    struct linux_hook function;
    struct eg_obj at;  /**< the struct work_struct, or kthread_work */
    const char *queue; /**< NULL: not known */
    const char *text;  /**< "work vmstat_update of mm_percpu_wq" */
};
/** @work: a struct work_struct; @queue: its struct workqueue_struct, may be bad. */
EG_API void linux_work(struct eg_run *r, struct eg_obj work, struct eg_obj queue,
                       struct linux_work *out);
/** What a timer with the function @h does is to put work into a queue. @return false: it does
 * not. */
EG_API bool linux_work_of_timer(struct eg_run *r, struct eg_obj timer, const struct linux_hook *h,
                                struct linux_work *out);

#endif
