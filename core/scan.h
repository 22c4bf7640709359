/** scan.h - plugins that search memory: all that were asked for see each window of it once, on all
 * cores; what they find comes out in the order of addresses, the same for any number of threads.
 *
 *  Such a plugin declares `.scan` instead of `.run`. Where it looks is the user's choice
 * (EG_SCAN_ARGS): core cuts it into windows, looks at each page that several processes share once,
 * and at what lies across two pages of one mapping too. */
#ifndef EG_SCAN_H
#define EG_SCAN_H

#include "engram.h"

/** Addresses to look at, of one space. */
struct eg_region {
    struct eg_space *space;
    uint64_t first, last; /**< both inclusive */
    uint64_t join;    /**< 0; else only what begins before it and ends behind it is new here: its
                         pages are in other regions too */
    int64_t pid;      /**< whose; -1: nobody's */
    const char *comm; /**< that process's name; NULL */
};

/** A piece of a region, with what lies around it as far as the scanner asked for. */
struct eg_window {
    const struct eg_region *region;
    struct eg_view *view; /**< the worker's; reads through it leave @bytes valid */
    const uint8_t *bytes; /**< @len of them; bytes[0] is at @addr of the region's space */
    size_t len;
    uint64_t addr;
    size_t from, to; /**< a hit belongs here if it begins in bytes[from, to) */
};

struct eg_hit {
    uint64_t addr; /**< of its region's space */
    uint32_t len;
    uint32_t tag; /**< the scanner's own: which pattern, what encoding */
};
struct eg_hits;
/** Out of memory is remembered, and fails the run. */
EG_API void eg_hit_add(struct eg_hits *hits, uint64_t addr, uint32_t len, uint32_t tag);

struct eg_scan {
    size_t before, behind; /**< bytes it wants to see around a window, at most 1 MiB each */
    /** On the run's thread, once: look at the arguments, compile. *@state (from eg_tmp; may be
     * left NULL) is read-only afterwards; what must be freed, frees `end`.
     * @return 0 or eg_failed(). */
    int (*begin)(struct eg_run *r, void **state);
    void (*end)(void *state); /**< once, whatever happened after begin; may be NULL */
    /** What one thread needs of its own; both NULL: nothing. A worker of NULL fails the run. */
    void *(*worker)(void *state);
    void (*worker_end)(void *worker);
    /** On any thread, in no order: add what begins in [from, to). A hit across a join must also end
     * behind it: core drops the others. */
    void (*look)(void *state, void *worker, const struct eg_window *w, struct eg_hits *out);
    /** On the run's thread, in order: make a row of it (or none). */
    void (*hit)(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h);
    /** On the run's thread, after the last hit, for rows that more than one hit decides; may be
     * NULL. Regions live until then. Not called when the run failed or was stopped.
     * @return 0 or eg_failed(). */
    int (*done)(struct eg_run *r, void *state);
};

/** The arguments that every such plugin has: EG_ARGS(EG_SCAN_ARGS, EG_ARG(…)). */
#define EG_SCAN_ARGS                                                                               \
    EG_ARG(in, TEXT, "where: physical (the default), kernel, processes"),                          \
        EG_ARG(pid, INT, "in these processes only"),                                               \
        EG_ARG(owners, FLAG, "who uses the memory of each hit: process, file, slab, symbol, …")

/** The columns that every such plugin begins with, and their cells:
 * `eg_row(r, EG_HIT_CELLS(r, region, h), .TEXT = …)`. PID and COMM are computed in processes only,
 * OWNERS with --owners only. */
#define EG_HIT_COLUMNS(C)                                                                          \
    C(ADDRESS, ADDR, "where it begins")                                                            \
    C(PHYSICAL, ADDR, "the same in physical memory")                                               \
    C(PID, INT, "of the first process that maps it")                                               \
    C(COMM, TEXT, "that process's name")                                                           \
    C(OWNERS, TEXT, "who uses this memory")
#define EG_HIT_CELLS(r, region_, h)                                                                \
    .ADDRESS = eg_uint((h)->addr), .PHYSICAL = eg_hit_physical((r), (region_), (h)),               \
    .PID = (region_)->pid < 0 ? (struct eg_cell){ 0 } : eg_int((region_)->pid),                    \
    .COMM = eg_text((region_)->comm), .OWNERS = eg_hit_owners((r), (region_), (h))
EG_API struct eg_cell eg_hit_physical(struct eg_run *r, const struct eg_region *region,
                                      const struct eg_hit *h);
EG_API struct eg_cell eg_hit_owners(struct eg_run *r, const struct eg_region *region,
                                    const struct eg_hit *h);

#endif
