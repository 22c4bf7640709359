/** search.h - runs the plugins that search (scan.h), and the functions by which an operating system
 * says which regions of memory there are and who uses a place in memory. */
#ifndef EG_SEARCH_H
#define EG_SEARCH_H

#include "registry.h"
#include "scan.h"
#include "vec.h"

/** The regions to search. Hits are reported in their order. The spaces and names live until the run
 * ends. */
struct eg_regions {
    EG_VEC(struct eg_region) list;
};

/** An owner of a place in physical memory. Its texts are valid only during the callback. */
struct eg_owner {
    const char
        *kind; /**< "process", "page cache", "slab", "symbol", "module", "page table", "free" … */
    int64_t pid;      /**< -1: not a process's */
    const char *comm; /**< the name of that process; NULL */
    uint64_t addr;    /**< the virtual address of the place; 0: none */
    const char *name; /**< of the file, slab cache, symbol or module; NULL */
    uint64_t offset;  /**< of the place in that file, symbol … */
};

/** The functions that an operating system provides for searches. */
struct eg_memory_ops {
    /** List the memory that is mapped in the kernel, or in the processes that the option --pid
     * names. Each page of physical memory is in one region only. Where two pages that are already
     * in other regions follow each other, an extra region covers @around bytes on both sides of
     * their border, for matches that cross it. Ends when the run is stopped. @return 0 or
     * eg_failed(). */
    int (*regions)(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out);

    /** The address space of a task's process; NULL: it has none, or it cannot be read. */
    struct eg_space *(*process)(struct eg_run *r, struct eg_obj task);

    /** Prepare for .owners by walking all page tables, once per system. The result lives until the
     * run ends. @return NULL: the run failed. */
    void *(*owners_open)(struct eg_run *r);
    /** Call @each for all owners of the physical address @addr, the most specific first. */
    void (*owners)(struct eg_run *r, void *owners, uint64_t addr,
                   void (*each)(void *context, const struct eg_owner *o), void *context);
};

/** An owner as text, in the memory of the run: "pid 272 bash 0x55…: /usr/bin/bash+0x1000". */
const char *eg_owner_text(struct eg_run *r, const struct eg_owner *o);

/** Run @n plugins that search, in one pass over the memory. @sinks and @out have @n elements; each
 * result means the same as that of eg_plugin_run(). */
void eg_search(struct eg_system *sys, const struct eg_plugin_reg *const *p, size_t n,
               const struct eg_run_options *o, const struct eg_sink *sinks,
               struct eg_run_result *out);

#endif
