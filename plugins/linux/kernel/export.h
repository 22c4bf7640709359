/** kernel/export.h - symbols that a module exports to other modules (include/linux/export.h). */
#ifndef EG_LINUX_EXPORT_H
#define EG_LINUX_EXPORT_H

#include "../../../core/engram.h"

/** The exports of a module (cursors on struct kernel_symbol): those for all modules, then those for
 * modules under the GPL only. */
struct linux_export_walk {
    struct eg_obj module;
    uint32_t i;
    /** Of the last one: */
    uint64_t address;
    const char *name;
    bool gpl; /**< for modules under the GPL only */
    /** Some could not be read, and were left out. */
    bool lost;
};
EG_API bool linux_next_export(struct eg_run *r, struct linux_export_walk *w, struct eg_obj *symbol);

/** The address that it exports, and under which name; NULL: it cannot be read. */
EG_API struct eg_cell linux_export_address(struct eg_run *r, struct eg_obj symbol);
EG_API const char *linux_export_name(struct eg_run *r, struct eg_obj symbol);

/** The address of a variable or function of a module, also of a kernel that keeps no names of
 * modules' variables: what is exported is found by its export.
 * */
EG_API bool linux_exported(struct eg_run *r, const char *module, const char *name, uint64_t *addr);

#endif
