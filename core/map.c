/* map.c - open addressing, linear probes, at most two thirds full. */
#include "map.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

// Random, another one for each process: whoever writes an image or a symbol file cannot choose keys
// that all fall on one place. The order of slots is never seen.
static uint64_t seed[2];
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
    if (getrandom(seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        struct timespec t = { 0 };

        // Not as good: the time, and where we were loaded.
        clock_gettime(CLOCK_MONOTONIC, &t);
        seed[0] = (uint64_t)t.tv_nsec * UINT64_C(0x9e3779b97f4a7c15);
        seed[1] = (uint64_t)(uintptr_t)&t ^ (uint64_t)t.tv_sec << 32;
    }
    seed[1] |= 1; // a factor that loses no bit
}

static uint64_t mix(uint64_t v)
{
    v = (v ^ seed[0]) * seed[1];
    return (v ^ v >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

uint32_t eg_map_hash(const void *p, size_t len)
{
    const uint8_t *b = p;
    uint64_t h, word;

    pthread_once(&seeded, make_seed);
    h = mix(len);
    for (; len >= sizeof word; b += sizeof word, len -= sizeof word) {
        memcpy(&word, b, sizeof word);
        h = mix(h ^ word);
    }
    word = 0;
    memcpy(&word, b, len);
    return (uint32_t)(mix(h ^ word) >> 32);
}

void eg_map_fini(struct eg_map *m)
{
    free(m->slots);
    *m = (struct eg_map){ 0 };
}

static size_t place(const struct eg_map *m, uint64_t key)
{
    // Keys are addresses with equal low bits, so use the high half of a product.
    size_t i = (size_t)(mix(key) >> 32) & (m->cap - 1);

    while (m->slots[i].key && m->slots[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static bool grow(struct eg_map *m)
{
    struct eg_map bigger = { .cap = m->cap ? m->cap * 2 : 16 };

    pthread_once(&seeded, make_seed); // before a key gets its place
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key)
            bigger.slots[place(&bigger, m->slots[i].key)] = m->slots[i];
    free(m->slots);
    m->slots = bigger.slots;
    m->cap = bigger.cap;
    return true;
}

int eg_map_add(struct eg_map *m, uint64_t key, uint64_t value)
{
    size_t i;

    if (!key) {
        if (m->has_zero)
            return 0;
        m->has_zero = true;
        m->zero_value = value;
        return 1;
    }
    if (m->cap && m->slots[i = place(m, key)].key)
        return 0;
    if ((m->n + 1) * 3 > m->cap * 2) {
        if (!grow(m))
            return -EG_ENOMEM;
    }
    m->slots[place(m, key)] = (struct eg_map_slot){ key, value };
    m->n++;
    return 1;
}

bool eg_map_get(const struct eg_map *m, uint64_t key, uint64_t *value)
{
    size_t i;

    if (!key ? !m->has_zero : !m->cap || !m->slots[i = place(m, key)].key)
        return false;
    *value = key ? m->slots[i].value : m->zero_value;
    return true;
}
