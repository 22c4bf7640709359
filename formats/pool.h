/** pool.h - decoders that are used again: a decompressor's state is costly to make, and serves one
 * thread at a time. */
#ifndef EG_POOL_H
#define EG_POOL_H

#include <pthread.h>
#include <stdint.h>

enum { EG_POOL_IDLE_MAX = 64 };

struct eg_pool {
    void *(*start)(const void *context); /**< a new decoder; NULL: it cannot be had */
    void (*stop)(void *decoder);
    const void *context;
    unsigned max; /**< decoders there may be at once, then a thread waits for one; 0: no limit */

    pthread_mutex_t lock; /**< guards what follows */
    pthread_cond_t given;
    void *idle[EG_POOL_IDLE_MAX]; /**< the longest unused first */
    unsigned n_idle, n_made;
};

/** The four members above are the caller's to set first. fini stops the decoders, which have all
 * been given back. */
void eg_pool_init(struct eg_pool *p);
void eg_pool_fini(struct eg_pool *p);

/** A decoder for this thread until it is given back. @return NULL: none could be started. */
void *eg_pool_take(struct eg_pool *p);
/** For decoders that stand at a place: the idle one for which @rank(@key, decoder) is highest, and
 * above 0. Where there is none: a new one or, when no more may be idle, the longest unused. */
void *eg_pool_take_ranked(struct eg_pool *p, uint64_t (*rank)(const void *key, const void *decoder),
                          const void *key);
void eg_pool_give(struct eg_pool *p, void *decoder);
/** Instead of eg_pool_give: it is damaged, and is stopped. NULL-safe. */
void eg_pool_drop(struct eg_pool *p, void *decoder);

#endif
