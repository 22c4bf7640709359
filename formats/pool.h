/** pool.h - a pool of decoders. The state of a decompressor is costly to make, and only one thread
 * at a time can use it. */
#ifndef EG_POOL_H
#define EG_POOL_H

#include <pthread.h>
#include <stdint.h>

enum { EG_POOL_IDLE_MAX = 64 };

struct eg_pool {
    void *(*start)(const void *context); /**< makes a decoder; NULL: it could not */
    void (*stop)(void *decoder);
    const void *context;
    unsigned max; /**< most decoders at the same time: threads wait for a free one; 0: no limit */

    pthread_mutex_t lock; /**< guards the members below */
    pthread_cond_t given;
    void *idle[EG_POOL_IDLE_MAX]; /**< the longest unused first */
    unsigned n_idle, n_made;
};

/** The caller sets start, stop, context and max first. fini stops all decoders, which must have
 * been given back. */
void eg_pool_init(struct eg_pool *p);
void eg_pool_fini(struct eg_pool *p);

/** Take a decoder, until it is given back. @return NULL: none could be started. */
void *eg_pool_take(struct eg_pool *p);
/** For decoders that have a position: take the idle one with the highest @rank(@key, decoder) above
 * 0. If there is none, take a new one or, if the pool is full, the one that was idle the
 * longest. */
void *eg_pool_take_ranked(struct eg_pool *p, uint64_t (*rank)(const void *key, const void *decoder),
                          const void *key);
void eg_pool_give(struct eg_pool *p, void *decoder);
/** Instead of eg_pool_give, for a decoder in an invalid state: stop it. NULL-safe. */
void eg_pool_drop(struct eg_pool *p, void *decoder);

#endif
