/** search_pass.h - one pass over memory for all plugins that search: the plugins, the pieces into
 * which memory is divided, and the hits in them.
 *
 *  A pass works in rounds, each of some pieces, which all threads search. The calling thread first
 * passes the hits of the round before to the plugins. So the memory for hits is bounded, and the
 * order of the rows is that of the pieces, which does not depend on the number of threads. */
#ifndef EG_SEARCH_PASS_H
#define EG_SEARCH_PASS_H

#include "run.h"
#include "search.h"
#include <stdatomic.h>

/** The hits of one plugin in one piece, in order. */
struct eg_hits {
    EG_VEC(struct eg_hit) list;
    EG_VEC(struct eg_hits_of) parts; /**< which of them are in which region */
    size_t limit;                    /**< the most hits that are kept */
    bool full;                  /**< the limit was reached, or memory ran out: some hits are lost */
    uint64_t first, last, join; /**< of the window that is being searched */
};
struct eg_hits_of {
    const struct eg_region *region;
    size_t end; /**< index behind its last hit in the list */
};

/** A plugin that takes part in the pass. */
struct eg_searcher {
    const struct eg_scan *scan;
    struct eg_run *run; /**< NULL: it could not be opened */
    void *state;
    bool begun;       /**< scan->begin was called, so scan->end must be */
    void **workers;   /**< its state for each thread; NULL: it needs none */
    atomic_bool over; /**< it has failed: it searches no more */
};

struct eg_pass {
    struct eg_run *run; /**< of the pass itself; owns the regions and owners */
    struct eg_searcher *at;
    size_t n;
    const struct eg_run_options *options;
    size_t before, behind; /**< the most bytes around a window that a plugin needs */
    struct eg_regions regions;
    const struct eg_memory_ops *memory;
    bool with_owners;
    void *owners;      /**< result of owners_open(); NULL: not called yet */
    EG_VEC(char) text; /**< the owners of one hit */
};

/** Search all regions and pass the hits to the plugins. If that fails, their runs fail. */
void eg_pass_scan(struct eg_pass *s);
/** Fail the runs of all plugins of the pass. */
void eg_pass_fail(struct eg_pass *s, enum eg_errno code, const char *text);
/** Have all plugins failed, or has the user stopped the search? Callable from any thread. */
bool eg_pass_over(const struct eg_pass *s);

#endif
