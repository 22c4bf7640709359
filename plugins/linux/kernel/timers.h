/** kernel/timers.h - timers that run: those of jiffies, and high-resolution ones. */
#ifndef EG_LINUX_TIMERS_H
#define EG_LINUX_TIMERS_H

#include "../../../core/engram.h"

EG_FIELDS(timer_list, entry, expires, flags, function); // include/linux/timer_types.h
EG_FIELD_AS(hrtimer_function, hrtimer, "function");     // include/linux/hrtimer_types.h
EG_FIELD_AS(hrtimer_soft, hrtimer, "is_soft");
EG_FIELD_AS(hrtimer_hard, hrtimer, "is_hard");
EG_FIELD_AS(hrtimer_when, hrtimer, "node.expires");

/** CLOCK_…, of an hrtimer. */
enum linux_clock_id {
    LINUX_CLOCK_REALTIME = 0,
    LINUX_CLOCK_MONOTONIC = 1,
    LINUX_CLOCK_BOOTTIME = 7
};

struct linux_timer {
    struct eg_obj at; /**< struct timer_list or hrtimer */
    unsigned cpu;
    uint32_t clock; /**< of an hrtimer: CLOCK_… */
    bool running;   /**< its function was being called */
};
typedef void linux_timer_fn(struct eg_run *r, void *state, const struct linux_timer *timer);
/** Each timer of each CPU that waits, or whose function runs. A note says where they are not
 * known. */
EG_API void linux_timers(struct eg_run *r, linux_timer_fn *each, void *state);
EG_API void linux_hrtimers(struct eg_run *r, linux_timer_fn *each, void *state);

#endif
