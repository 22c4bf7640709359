/** kernel/module.h - loaded modules. */
#ifndef EG_LINUX_MODULE_H
#define EG_LINUX_MODULE_H

#include "../../../core/engram.h"

EG_FIELDS(module, exit, gpl_syms, init, kp, list, mem, name, num_gpl_syms, num_kp, num_syms,
          source_list, state, syms, taints, target_list); // mem since 6.4
EG_FIELD_AS(core_base, module, "core_layout.base");       // until 6.3
EG_FIELDS(module_memory, base, size);                     // since 6.4
EG_FIELDS(module_use, source, source_list, target, target_list);

/** Loaded modules, the newest first as in /proc/modules. */
struct linux_module_walk {
    struct eg_list_walk list;
    unsigned n;
    bool begun;
};
EG_API bool linux_next_module(struct eg_run *r, struct linux_module_walk *w, struct eg_obj *module);
#define linux_each_module(r, m)                                                                    \
    for (struct linux_module_walk EG_CAT(w_, __LINE__) = { 0 };                                    \
         linux_next_module((r), &EG_CAT(w_, __LINE__), &(m));)

/** What /proc/modules says of a module: where its code begins, bytes of code and data, its taints'
 * letters, how often and by whom it is used ("a,b,[permanent]"), "Live" and the like. */
EG_API struct eg_cell linux_module_base(struct eg_run *r, struct eg_obj module);
EG_API struct eg_cell linux_module_size(struct eg_run *r, struct eg_obj module);
EG_API struct eg_cell linux_module_taints(struct eg_run *r, struct eg_obj module);
EG_API struct eg_cell linux_module_refs(struct eg_run *r, struct eg_obj module);
EG_API struct eg_cell linux_module_users(struct eg_run *r, struct eg_obj module);
/** The modules that it uses, and whether its signature was verified; unset: the kernel was built
 * without. */
EG_API struct eg_cell linux_module_uses(struct eg_run *r, struct eg_obj module);
EG_API struct eg_cell linux_module_signed(struct eg_run *r, struct eg_obj module);
EG_API struct eg_cell linux_module_state(struct eg_run *r, struct eg_obj module);
/** Does the module @user use the module @used, both by name? */
EG_API bool linux_uses_module(struct eg_run *r, const char *user, const char *used);
/** Its signature was not verified, and its taints do not say so as the kernel makes them: they were
 * cleared. */
bool linux_module_cleared(struct eg_obj module);

/** A part of a module's memory: of mem[] (enum mod_mem_type), until 6.3 of its two layouts. */
struct linux_module_part {
    const char *kind; /**< "code", "data", "constants", …, "start-up code", … */
    uint64_t first, size;
    bool code, constant;
    bool startup; /**< it is given back when the module has started */
};
/** The parts that it has, one call after the other: for (unsigned i = 0;
 * linux_next_module_part(r, module, &i, &part);) */
EG_API bool linux_next_module_part(struct eg_run *r, struct eg_obj module, unsigned *i,
                                   struct linux_module_part *out);

EG_FIELDS(kernel_param, name, mod, ops, perm, arg);

/** One parameter: its value, unset where only code of its own can read it; its type as
 * module_param() has it ("int", "array of charp"), or the function that reads it. */
EG_API struct eg_cell linux_param_value(struct eg_run *r, struct eg_obj kernel_param);
EG_API const char *linux_param_type(struct eg_run *r, struct eg_obj kernel_param);

/** The values of its parameters, as /sys/module/NAME/parameters has them: "a=1 b=Y c=?", where only
 * the module's own code can read c. */
EG_API struct eg_cell linux_params(struct eg_run *r, struct eg_obj module);

#endif
