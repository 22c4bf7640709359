/** cache.h - data that is computed once for a system, when the first thread needs it, and kept
 * until the system is closed: a table of memory areas, the address of a variable without a
 * symbol. */
#ifndef EG_CACHE_H
#define EG_CACHE_H

#include "system.h"

struct eg_run;

/** A kind of such data: a static record, whose address identifies it. */
struct eg_cache {
    size_t size; /**< bytes of the data, which are zeroed before .make is called */
    /** Fill @kept. @r is a separate run, which is closed afterwards: @kept must not refer to its
     * memory or hold its cursors. Its notes are added to every run that uses the data. @return
     * false: the data is not kept (memory ran out, or the run was stopped), and the next caller
     * tries again. If @r fails, the data is not kept either, and the calling run fails with the
     * same error. .fini is called in both cases. */
    bool (*make)(struct eg_system *sys, struct eg_run *r, void *kept);
    void (*fini)(void *kept); /**< may be NULL */
    bool lasts; /**< true for as long as the kernel runs: eg_system_forget() keeps it */
};

/** @return the data, which must not be changed except under a lock of its own; NULL: it could not
 * be computed. @r may be NULL if .make does not use it. .make may request other kinds of data, but
 * not its own. */
void *eg_system_cache(struct eg_system *sys, struct eg_run *r, const struct eg_cache *what);

/** For a machine that runs: forget what was computed and may be another now. No run may be in the
 * middle of something. */
void eg_system_forget(struct eg_system *sys);

#endif
