/** search_pass.h - the inside of a search: who takes part, the pieces that memory is cut into, and
 * what was found in them.
 *
 *  A pass goes in rounds. All threads look at the pieces of one round, while the caller's thread
 * first gives out what the round before has found; so memory is bounded, and the order of the rows
 * is that of the pieces, which depend on nothing but the memory. */
#ifndef EG_SEARCH_PASS_H
#define EG_SEARCH_PASS_H

#include "run.h"
#include "search.h"
#include <stdatomic.h>

/** What one scanner found in one piece, in order. */
struct eg_hits {
    EG_VEC(struct eg_hit) list;
    EG_VEC(struct eg_hits_of) parts; /**< region after region */
    size_t limit;                    /**< no more hits than this */
    bool full;                       /**< past the limit, or out of memory: some are lost */
    uint64_t first, last, join;      /**< of the window that is looked at */
};
struct eg_hits_of {
    const struct eg_region *region;
    size_t end; /**< of its hits in the list */
};

/** A plugin that takes part. */
struct eg_searcher {
    const struct eg_scan *scan;
    struct eg_run *run; /**< NULL: could not begin */
    void *state;
    bool begun;       /**< `end` has to be called */
    void **workers;   /**< one for each thread; NULL: it needs none */
    atomic_bool over; /**< failed: looks no more */
};

struct eg_pass {
    struct eg_run *run; /**< of the pass itself: regions and owners live in it */
    struct eg_searcher *at;
    size_t n;
    const struct eg_run_options *options;
    size_t before, behind; /**< the most that one of them wants */
    struct eg_regions regions;
    const struct eg_memory_ops *memory;
    bool with_owners;
    void *owners;      /**< NULL: not asked for yet */
    EG_VEC(char) text; /**< the owners of the last hit that was asked for */
};

/** Look at all regions and give out the hits. A failure is that of the runs it concerns. */
void eg_pass_scan(struct eg_pass *s);
/** All that take part fail alike. */
void eg_pass_fail(struct eg_pass *s, enum eg_errno code, const char *text);
/** Nobody is left, or the user stopped it. From any thread. */
bool eg_pass_over(const struct eg_pass *s);

#endif
