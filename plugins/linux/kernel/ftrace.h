/** kernel/ftrace.h - what ftrace was asked to do (struct ftrace_ops), and what it does at each
 * function (struct dyn_ftrace). */
#ifndef EG_LINUX_FTRACE_H
#define EG_LINUX_FTRACE_H

#include "../../../core/engram.h"

EG_FIELDS(ftrace_ops, direct_call, flags, func, func_hash, list, next, subop_list, trampoline,
          trampoline_size);

/** Probes of sets of functions (kernel/trace/fprobe.c), which call a handler of their own. */
EG_FIELD_AS(fprobe_of, fprobe, "ops"); // until 6.13
EG_FIELDS(fprobe, entry_handler, exit_handler);
EG_FIELDS(fprobe_hlist, array, fp, hlist, size); // since 6.14
EG_SYMBOL(fprobe_table, "hlist_head[64]");

EG_FIELDS(dyn_ftrace, flags, ip);
EG_FIELDS(ftrace_page, index, next, records);
EG_SYMBOL(ftrace_pages_start, "ftrace_page *");

/** FTRACE_OPS_FL_… (include/linux/ftrace.h), the same in all kernels since 5.10. */
enum {
    LINUX_FTRACE_ENABLED = 1 << 0,
    LINUX_FTRACE_STUB = 1 << 5,
    LINUX_FTRACE_IPMODIFY = 1 << 12,
    LINUX_FTRACE_DIRECT = 1 << 17,
};
extern const struct eg_constant linux_ftrace_flags[];

/** Of an address that is called straight from a function: bit 0 says that it is jumped to, since
 * 6.19 (ftrace_is_jmp() in include/linux/ftrace.h). */
#define LINUX_FTRACE_CALLEE (~UINT64_C(1))
enum linux_ftrace_from {
    LINUX_FTRACE_LISTED,     /**< on ftrace_ops_list: ftrace calls it */
    LINUX_FTRACE_SUB,        /**< below one that is: of a function graph, since 6.10 */
    LINUX_FTRACE_TRAMPOLINE, /**< only on the list of those that have a trampoline */
};
struct linux_ftrace_ops {
    struct eg_obj at;
    uint64_t flags;
    uint8_t from;          /**< enum linux_ftrace_from */
    bool all;              /**< it hooks every function but those in its notrace_hash */
    size_t hooked, spared; /**< entries of its filter_hash, of its notrace_hash */
};
/** A function that is, or is not to be, hooked. */
struct linux_ftrace_site {
    uint64_t ip, direct; /**< @direct: the code that is called straight from there; 0: none */
    uint32_t ops;        /**< index in .ops */
};
struct linux_ftrace_sites {
    struct linux_ftrace_site *at; /**< sorted by ip */
    size_t n, cap;
};
struct linux_ftrace {
    struct linux_ftrace_ops *ops;
    size_t n_ops, cap;
    struct linux_ftrace_sites hooked, spared, direct; /**< @direct: of direct_functions */
    bool listed;                                      /**< ftrace_ops_list was read */
};
/** In the run's memory. */
EG_API void linux_ftrace(struct eg_run *r, struct linux_ftrace *out);
/** How many that are listed and enabled hook the function with this site. @ops: one of them. */
EG_API unsigned linux_ftrace_hooks(const struct linux_ftrace *f, uint64_t ip,
                                   const struct linux_ftrace_ops **ops);
/** The sites with this address: from the result on, while .ip is the same. */
EG_API size_t linux_ftrace_find(const struct linux_ftrace_sites *s, uint64_t ip);

#endif
