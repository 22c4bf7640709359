/** own/unheld.h - open files that the slab allocator has, and no known holder. */
#ifndef EG_LINUX_UNHELD_H
#define EG_LINUX_UNHELD_H

#include "holders.h"

/** Every struct file in use that none of @known has, in the caches that files come from (`filp`,
 * and `bfilp` of files below an overlay), by address.
 * @return how many, in the run's memory. */
EG_API size_t linux_unheld_files(struct eg_run *r, const struct linux_holders *known,
                                 uint64_t **out);

#endif
