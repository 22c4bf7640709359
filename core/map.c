/* map.c - open addressing, linear probes, at most two thirds full. */
#include "map.h"
#include <stdlib.h>

void eg_map_fini(struct eg_map *m)
{
    free(m->slots);
    *m = (struct eg_map){ 0 };
}

static size_t place(const struct eg_map *m, uint64_t key)
{
    // Keys are addresses with equal low bits, so use the high half of a product.
    size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->cap - 1);

    while (m->slots[i].key && m->slots[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static bool grow(struct eg_map *m)
{
    struct eg_map bigger = { .cap = m->cap ? m->cap * 2 : 16 };

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
