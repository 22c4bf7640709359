/** kernel/time.h - the kernel's clocks as they stood. Times are ns; wall times since 1970 UTC. */
#ifndef EG_LINUX_TIME_H
#define EG_LINUX_TIME_H

#include "../../../core/engram.h"

/** When the machine was started: wall clock minus CLOCK_BOOTTIME. */
EG_API bool linux_boot_time(struct eg_run *r, int64_t *ns);
/** The clocks at the kernel's last tick: when the image was taken. */
EG_API bool linux_now(struct eg_run *r, int64_t *wall_ns, int64_t *boottime_ns);

/** How long a jiffy is. */
EG_API bool linux_jiffy(struct eg_run *r, int64_t *ns);
/** The count of ticks as it stood, and how many ns one is. @return false: not known. */
EG_API bool linux_jiffies(struct eg_run *r, uint64_t *now, int64_t *ns);

/** What a time in the kernel's memory counts. */
enum linux_clock {
    LINUX_BOOTTIME,  /**< ns since boot, sleep included: start_boottime */
    LINUX_MONOTONIC, /**< ns since boot, without sleep: ktime_get(), timers' expiry */
    LINUX_JIFFIES,   /**< ticks, as timer_list.expires */
};
/** The wall time of what a cursor holds; of a cursor that cannot be read, its reason. */
EG_API struct eg_cell linux_wall_of(struct eg_run *r, enum linux_clock clock, struct eg_obj o);

#endif
