/* kept.c - what is made for an address once. */
#include "kept.h"
#include <stdlib.h>

bool linux_kept_begin(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct linux_kept *k = kept;

    (void)sys, (void)r;
    pthread_mutex_init(&k->lock, NULL);
    return true;
}

void linux_kept_end(void *kept)
{
    struct linux_kept *k = kept;

    for (size_t i = 0; i < k->of.cap; i++)
        if (k->of.slots[i].key)
            free((void *)(uintptr_t)k->of.slots[i].value);
    eg_map_fini(&k->of);
    pthread_mutex_destroy(&k->lock);
}

void *linux_kept_find(struct linux_kept *k, uint64_t addr)
{
    uint64_t made = 0;

    pthread_mutex_lock(&k->lock);
    eg_map_get(&k->of, addr, &made);
    pthread_mutex_unlock(&k->lock);
    return (void *)(uintptr_t)made;
}

void *linux_kept_add(struct linux_kept *k, uint64_t addr, void *made)
{
    uint64_t first = 0;
    int rc;

    pthread_mutex_lock(&k->lock);
    rc = eg_map_add(&k->of, addr, (uintptr_t)made);
    eg_map_get(&k->of, addr, &first);
    pthread_mutex_unlock(&k->lock);
    if (rc != 1)
        free(made);
    return (void *)(uintptr_t)first;
}
