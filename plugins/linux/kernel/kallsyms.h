/** kernel/kallsyms.h - every symbol that the kernel has a name for, as /proc/kallsyms gives them
 * (kernel/kallsyms.c). */
#ifndef EG_LINUX_KALLSYMS_H
#define EG_LINUX_KALLSYMS_H

#include "../../../core/engram.h"

struct linux_ksym {
    uint64_t addr;           /**< of a per-CPU variable it may be an offset */
    char letter;             /**< as nm prints it; '?': not known */
    struct eg_cell exported; /**< global; of a module's: other modules may use it */
    struct eg_cell size;     /**< where the kernel does not say, up to the next symbol */
    struct eg_cell name;
    const char *subsystem; /**< "core", "module", "ftrace", "bpf", "kprobes" */
    const char *module;    /**< "kernel", a module's name, "bpf", "__builtin__ftrace", … */
};
/** @symbol is valid until it returns, its texts until the run ends. */
typedef void linux_ksym_fn(struct eg_run *r, void *state, const struct linux_ksym *symbol);

/** The kernel's own: of its table; where it has none, of all sources that name its symbols. */
EG_API void linux_ksyms_core(struct eg_run *r, linux_ksym_fn *each, void *state);
/** Those of loaded modules; @only: of the module with this name; NULL: of all. */
EG_API void linux_ksyms_modules(struct eg_run *r, const char *only, linux_ksym_fn *each,
                                void *state);
/** Those in no table: start-up functions that a trace still names, and code that ftrace, BPF and
 * kprobes made at run time. */
EG_API void linux_ksyms_made(struct eg_run *r, linux_ksym_fn *each, void *state);
/** The lists of these that the kernel's symbols lack, as text in the run's memory; NULL: none. */
EG_API const char *linux_ksyms_lacks(struct eg_run *r);
/** Does the kernel's table list variables, and not only functions (CONFIG_KALLSYMS_ALL)? */
EG_API bool linux_ksyms_variables(struct eg_run *r);

/** The struct list_head with this name that is the head of a list: other variables may have the
 * same name ("formats"). @return false: no variable has the name. */
EG_API bool linux_list_named(struct eg_run *r, const char *name, uint64_t *addr);

#endif
