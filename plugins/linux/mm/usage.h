/** mm/usage.h - how much memory a mapping has, as /proc/PID/smaps counts it. */
#ifndef EG_LINUX_USAGE_H
#define EG_LINUX_USAGE_H

#include "page.h"

/** In bytes. */
struct linux_usage {
    uint64_t rss, swap;
    uint64_t anon_huge, shmem_huge, file_huge; /**< mapped by an entry of a higher table */
    uint64_t hugetlb;                          /**< reserved huge pages: not part of rss */
    /** These need struct pages, as do the three of huge pages: @known. */
    uint64_t pss; /**< in 1/4096 of a byte */
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty, anonymous, locked;
    uint64_t unknown; /**< of @rss: pages whose struct page cannot be read */
    bool known;
};
/** Count the pages of @vma, a mapping of @space. *@budget: as many may be looked at, and it becomes
 * less (linux_pages_budget). @return false: its bounds cannot be read, or the walk was cut
 * short. */
EG_API bool linux_vma_usage(struct eg_run *r, struct eg_space *space, struct eg_obj vma,
                            uint64_t *budget, struct linux_usage *out);

#endif
