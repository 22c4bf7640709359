/** mm/changed.h - where the memory of a process is not what the file says that it maps. */
#ifndef EG_LINUX_CHANGED_H
#define EG_LINUX_CHANGED_H

#include "../../../core/space.h"

/** A walk over [@at, @last] of @user, a process's own memory, beside @file from @offset on. Pages
 * that are one and the same are not looked at; what either does not have counts as unknown. */
struct linux_change_walk {
    struct eg_space *user, *file;
    uint64_t at, last, offset;  /**< @offset of @at */
    uint64_t compared, unknown; /**< bytes so far: in a page of the process's own, or missing */
    unsigned steps;             /**< of which there is a limit: page tables can be endless */
};
/** The next bytes that differ; what lies less than 16 equal bytes apart is one. */
struct linux_change {
    uint64_t first, last; /**< in the process */
    uint64_t offset;      /**< of @first in the file */
};
EG_API bool linux_next_change(struct eg_run *r, struct linux_change_walk *w,
                              struct linux_change *out);

#endif
