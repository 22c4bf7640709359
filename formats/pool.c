/* pool.c - see pool.h. */
#include "pool.h"
#include <stddef.h>
#include <string.h>

void eg_pool_init(struct eg_pool *p)
{
    p->n_idle = p->n_made = 0;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->given, NULL);
}

void eg_pool_fini(struct eg_pool *p)
{
    while (p->n_idle)
        p->stop(p->idle[--p->n_idle]);
    pthread_cond_destroy(&p->given);
    pthread_mutex_destroy(&p->lock);
}

/** Take idle decoder @i out. Locked. */
static void *take_idle(struct eg_pool *p, unsigned i)
{
    void *d = p->idle[i];

    memmove(&p->idle[i], &p->idle[i + 1], (--p->n_idle - i) * sizeof p->idle[0]);
    return d;
}

/** Start one more. Locked, but not while it is started. */
static void *start(struct eg_pool *p)
{
    void *d;

    p->n_made++;
    pthread_mutex_unlock(&p->lock);
    d = p->start(p->context);
    pthread_mutex_lock(&p->lock);
    if (!d)
        p->n_made--;
    return d;
}

void *eg_pool_take(struct eg_pool *p)
{
    void *d = NULL;

    pthread_mutex_lock(&p->lock);
    while (!d) {
        if (p->n_idle) {
            d = take_idle(p, p->n_idle - 1);
        } else if (!p->max || p->n_made < p->max) {
            d = start(p);
            if (!d && (!p->max || !p->n_made))
                break;
            if (!d)
                p->max = p->n_made; // the existing ones must suffice
        } else {
            pthread_cond_wait(&p->given, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return d;
}

void *eg_pool_take_ranked(struct eg_pool *p, uint64_t (*rank)(const void *key, const void *decoder),
                          const void *key)
{
    unsigned best = EG_POOL_IDLE_MAX;
    uint64_t most = 0;
    void *d;

    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->n_idle; i++) {
        const uint64_t r = rank(key, p->idle[i]);

        if (r > most) {
            most = r;
            best = i;
        }
    }
    if (best == EG_POOL_IDLE_MAX && p->n_idle == EG_POOL_IDLE_MAX)
        best = 0;
    d = best < EG_POOL_IDLE_MAX ? take_idle(p, best) : start(p);
    pthread_mutex_unlock(&p->lock);
    return d;
}

void eg_pool_give(struct eg_pool *p, void *decoder)
{
    pthread_mutex_lock(&p->lock);
    if (p->n_idle < EG_POOL_IDLE_MAX) {
        p->idle[p->n_idle++] = decoder;
        decoder = NULL;
        pthread_cond_signal(&p->given);
    }
    pthread_mutex_unlock(&p->lock);
    eg_pool_drop(p, decoder);
}

void eg_pool_drop(struct eg_pool *p, void *decoder)
{
    if (!decoder)
        return;
    p->stop(decoder);
    pthread_mutex_lock(&p->lock);
    p->n_made--;
    pthread_cond_signal(&p->given);
    pthread_mutex_unlock(&p->lock);
}
