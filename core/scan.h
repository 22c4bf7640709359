/** scan.h - plugins that search memory: one pass on all cores shows each window of memory to all
 * plugins of the command. Their hits are reported in the order of addresses, whatever the number of
 * threads.
 *
 *  Such a plugin declares `.scan` instead of `.run`. The user chooses the memory to search
 * (EG_SCAN_ARGS). Core divides it into windows. A page that several processes share is searched
 * once; matches that cross from one page of a mapping to the next are found too. */
#ifndef EG_SCAN_H
#define EG_SCAN_H

#include "engram.h"

/** A range of addresses of one space that is to be searched. */
struct eg_region {
    struct eg_space *space;
    uint64_t first, last; /**< both inclusive */
    uint64_t join;    /**< 0; else only what begins before it and ends behind it is new here: its
                         pages are in other regions too */
    int64_t pid;      /**< its process; -1: none */
    const char *comm; /**< the name of that process; NULL */
};

/** A part of a region, with as many bytes before and behind it as the scanner asked for. */
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
/** Add a hit. If memory runs out, the run fails later. */
EG_API void eg_hit_add(struct eg_hits *hits, uint64_t addr, uint32_t len, uint32_t tag);

struct eg_scan {
    size_t before, behind; /**< bytes that it needs around a window, at most 1 MiB each */
    /** Called once, on the run's thread, before the search: check the options, prepare. *@state
     * (from eg_tmp(); may stay NULL) must not change afterwards. What is not in the run's memory
     * is freed by .end. @return 0 or eg_failed(). */
    int (*begin)(struct eg_run *r, void **state);
    void (*end)(void *state); /**< called once if .begin was called; may be NULL */
    /** Make and free the state of one thread; both NULL: it needs none. If .worker returns NULL,
     * the run fails. */
    void *(*worker)(void *state);
    void (*worker_end)(void *worker);
    /** Called on any thread, in any order: add the hits that begin in bytes[from, to). In a region
     * with a join, core ignores hits that do not cross it. */
    void (*look)(void *state, void *worker, const struct eg_window *w, struct eg_hits *out);
    /** Called on the run's thread for each hit, in order: emit a row for it, or none. */
    void (*hit)(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h);
    /** Called on the run's thread after the last hit, for rows that depend on several hits; may be
     * NULL. Regions live until then. Not called if the run failed or was stopped.
     * @return 0 or eg_failed(). */
    int (*done)(struct eg_run *r, void *state);
};

/** The options that every such plugin has: EG_ARGS(EG_SCAN_ARGS, EG_ARG(…)). */
#define EG_SCAN_ARGS                                                                               \
    EG_ARG(in, TEXT, "where: physical (the default), kernel, processes"),                          \
        EG_ARG(pid, INT, "in these processes only"),                                               \
        EG_ARG(owners, FLAG, "who uses the memory of each hit: process, file, slab, symbol, …")

/** The columns that every such plugin begins with, and their cells:
 * `eg_row(r, EG_HIT_CELLS(r, region, h), .TEXT = …)`. ADDRESS is computed where it
 * is a virtual one, PID and COMM in processes, OWNERS with --owners. */
#define EG_HIT_COLUMNS(C)                                                                          \
    C(ADDRESS, ADDR, "where it begins, of the kernel or a process; none in physical memory")       \
    C(PHYSICAL, ADDR, "physical address of where it begins")                                       \
    C(PID, INT, "of the first process that maps it")                                               \
    C(COMM, TEXT, "that process's name")                                                           \
    C(OWNERS, TEXT, "who uses this memory")
#define EG_HIT_CELLS(r, region_, h)                                                                \
    .ADDRESS = eg_hit_address((r), (region_), (h)),                                                \
    .PHYSICAL = eg_hit_physical((r), (region_), (h)),                                              \
    .PID = (region_)->pid < 0 ? (struct eg_cell){ 0 } : eg_int((region_)->pid),                    \
    .COMM = eg_text((region_)->comm), .OWNERS = eg_hit_owners((r), (region_), (h))
EG_API struct eg_cell eg_hit_address(struct eg_run *r, const struct eg_region *region,
                                     const struct eg_hit *h);
EG_API struct eg_cell eg_hit_physical(struct eg_run *r, const struct eg_region *region,
                                      const struct eg_hit *h);
EG_API struct eg_cell eg_hit_owners(struct eg_run *r, const struct eg_region *region,
                                    const struct eg_hit *h);

#endif
