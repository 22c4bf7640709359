/** cache.h - what is made once for a system, on its first use by any thread, and kept until the
 * system closes: a table of areas, the place of a variable that no symbol names. */
#ifndef EG_CACHE_H
#define EG_CACHE_H

#include "system.h"

struct eg_run;

/** One such thing: a static record, whose address names it. */
struct eg_cache {
    size_t size; /**< bytes of it, zeroed before .make */
    /** Fill @kept. @r is a run of its own, which is closed afterwards: nothing of its memory, and
     * no cursor of it, may be kept. Its notes are given to every run that asks. @return false: it
     * is not kept (memory ran out, or the run was stopped), and the next who asks tries again. The
     * same when @r fails; then the run that asked fails as @r did. .fini is called in both cases.
     */
    bool (*make)(struct eg_system *sys, struct eg_run *r, void *kept);
    void (*fini)(void *kept); /**< may be NULL */
};

/** @return the thing, read-only from then on but for what it locks itself; NULL: it could not be
 * made. @r may be NULL where .make does not need it. .make may ask for other things, never for its
 * own. */
void *eg_system_cache(struct eg_system *sys, struct eg_run *r, const struct eg_cache *what);

#endif
