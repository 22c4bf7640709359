/** kernel/modtraces.h - every trace that the kernel keeps of a module: a module that hides takes
 * itself off some of them. */
#ifndef EG_LINUX_MODTRACES_H
#define EG_LINUX_MODTRACES_H

#include "../../../core/engram.h"

enum linux_mod_trace {
    LINUX_MOD_LIST = 1 << 0,    /**< the list of modules: /proc/modules */
    LINUX_MOD_SYSFS = 1 << 1,   /**< its folder in /sys/module */
    LINUX_MOD_TREE = 1 << 2,    /**< the tree by which the kernel finds a module by an address */
    LINUX_MOD_AREA = 1 << 3,    /**< an area of vmalloc that its code is in */
    LINUX_MOD_SYMBOLS = 1 << 4, /**< its own table of symbols */
    LINUX_MOD_BTF = 1 << 5,     /**< the list of modules with types for BPF */
    LINUX_MOD_FTRACE = 1 << 6,  /**< records of places in its code that ftrace can patch */
    LINUX_MOD_BUGS = 1 << 7,    /**< the list of modules with tables of BUG() and WARN() */
    LINUX_MOD_SCAN = 1 << 8,    /**< a struct module by its shape in the memory of modules */
};
enum { LINUX_MOD_TRACES = 9 };

/** A module, listed or not; or memory with code that no struct module claims. */
struct linux_mod {
    uint64_t addr;        /**< of the struct module; 0: none claims the memory */
    const char *name;     /**< NULL: none, or it cannot be read */
    uint32_t traces;      /**< which it has: enum linux_mod_trace */
    uint32_t kept;        /**< which the kernel keeps of such a module, and could be looked at */
    uint64_t first, last; /**< its code; 0, 0: none */
    const char *caller;   /**< memory that nobody claims: the function that asked for its area */
};
struct linux_mods {
    const struct linux_mod *at; /**< those of the list in its order, then others by address */
    size_t n;
    uint32_t kept; /**< traces that could be looked at on this system */
};
/** All of them, kept by the system, which has the texts too. NULL: out of memory, or stopped. */
EG_API const struct linux_mods *linux_mods(struct eg_run *r);
/** A cursor on the struct module; bad for memory that nobody claims. */
EG_API struct eg_obj linux_mod_module(struct eg_run *r, const struct linux_mod *m);
/** Whether a trace that the list of modules, or sysfs, should have is missing. */
EG_API bool linux_mod_hidden(const struct linux_mod *m);
/** What is odd about it, "; " between: NULL: nothing. */
EG_API const char *linux_mod_hints(struct eg_run *r, const struct linux_mod *m);
/** "list, sysfs, …": the names of @traces. */
EG_API const char *linux_mod_trace_names(struct eg_run *r, uint32_t traces);

#endif
