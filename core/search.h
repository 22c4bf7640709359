/** search.h - driving the plugins that search (scan.h), and what an operating system answers about
 * memory: which regions there are, and who uses a place. */
#ifndef EG_SEARCH_H
#define EG_SEARCH_H

#include "registry.h"
#include "scan.h"
#include "vec.h"

/** Where to look, in the order in which hits are given out. Spaces and names live until the run
 * ends. */
struct eg_regions {
    EG_VEC(struct eg_region) list;
};

/** One user of a place in physical memory; its texts live until the next one is given. */
struct eg_owner {
    const char
        *kind; /**< "process", "page cache", "slab", "symbol", "module", "page table", "free" … */
    int64_t pid;      /**< -1: nobody's */
    const char *comm; /**< that process's name; NULL */
    uint64_t addr;    /**< the place there (virtual); 0: has none */
    const char *name; /**< file, slab cache, symbol, module; NULL */
    uint64_t offset;  /**< in it */
};

/** What an operating system adds to a search. */
struct eg_memory_ops {
    /** What is mapped in the kernel, or in the processes that --pid of the run names, each page of
     * physical memory once, with a region of its own where two pages meet that other regions hold
     * (within @around bytes of the join). Stops when the run is stopped. @return 0 or eg_failed().
     */
    int (*regions)(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out);

    /** The memory of a task's process; NULL: it has none, or it cannot be read. */
    struct eg_space *(*process)(struct eg_run *r, struct eg_obj task);

    /** Get ready to say who uses a place: walks page tables, once a system. Lives until the run ends.
     * NULL: the run failed. */
    void *(*owners_open)(struct eg_run *r);
    /** The users of physical @addr, the nearest first. */
    void (*owners)(struct eg_run *r, void *owners, uint64_t addr,
                   void (*each)(void *context, const struct eg_owner *o), void *context);
};

/** As text: "pid 272 bash 0x55…: /usr/bin/bash+0x1000". In the run's memory. */
const char *eg_owner_text(struct eg_run *r, const struct eg_owner *o);

/** Run plugins that search, in one pass where they look at the same memory. Each result means what
 * eg_plugin_run()'s does, which is this for one. @sinks and @out have @n. */
void eg_search(struct eg_system *sys, const struct eg_plugin_reg *const *p, size_t n,
               const struct eg_run_options *o, const struct eg_sink *sinks,
               struct eg_run_result *out);

#endif
