/** kernel/percpu.h - per-CPU variables and the CPUs that have them.
 *
 *  To read one: EG_SYMBOL(runqueues, "rq"), then linux_percpu(r, eg_sym(r, runqueues), cpu) is the
 * copy of that CPU; the plain eg_sym() is the template in the kernel's image, which no CPU uses. */
#ifndef EG_LINUX_PERCPU_H
#define EG_LINUX_PERCPU_H

#include "../../../core/engram.h"

/** @cpu's copy of a variable. */
EG_API struct eg_obj linux_percpu(struct eg_run *r, struct eg_obj variable, unsigned cpu);
/** The CPUs that are online, in order: where the kernel's mask of them is not known, all that it
 * has made room for. */
EG_API bool linux_next_cpu(struct eg_run *r, unsigned *cpu); /**< start with *cpu = ~0u */
/** For each CPU that is online, its copy @it of @variable. */
#define linux_each_percpu(r, variable, it)                                                         \
    for (unsigned EG_CAT(c_, __LINE__) = ~0u;                                                      \
         linux_next_cpu((r), &EG_CAT(c_, __LINE__)) &&                                             \
         ((it) = linux_percpu((r), (variable), EG_CAT(c_, __LINE__)), true);)
/** Are they known at all? The mask can be read and names one. */
EG_API unsigned linux_cpus_online(struct eg_run *r); /**< 0: not known */

#endif
