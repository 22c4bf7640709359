/** mm/kept.h - what is made for an address when it is first asked for, and kept with the system:
 * what memory holds of each file, and of the files of each process. */
#ifndef EG_LINUX_KEPT_H
#define EG_LINUX_KEPT_H

#include "../../../core/cache.h"
#include "../../../core/map.h"
#include <pthread.h>

struct linux_kept {
    pthread_mutex_t lock; /**< guards the rest */
    struct eg_map of;     /**< address → what malloc() gave for it */
};
/** An eg_cache with one of these. */
#define LINUX_KEPT                                                                                 \
    {                                                                                              \
        .size = sizeof(struct linux_kept), .make = linux_kept_begin, .fini = linux_kept_end        \
    }
bool linux_kept_begin(struct eg_system *sys, struct eg_run *r, void *kept);
void linux_kept_end(void *kept);

/** NULL: it was not made yet. */
void *linux_kept_find(struct linux_kept *k, uint64_t addr);
/** Keep @made, of malloc(), or free it: another thread may have made the same meanwhile, and the
 * first one counts. @return the one that is kept; NULL: out of memory. */
void *linux_kept_add(struct linux_kept *k, uint64_t addr, void *made);

#endif
