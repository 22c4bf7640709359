/** map.h - a hash map from 64-bit keys to 64-bit values; also the set of visited addresses of a
 * damaged walk. */
#ifndef EG_MAP_H
#define EG_MAP_H

#include "base.h"

struct eg_map_slot {
    uint64_t key, value;
};
struct eg_map {
    struct eg_map_slot *slots;
    size_t n, cap; /**< cap is 0 or a power of two */
    bool has_zero; /**< key 0 marks an empty slot, so it lives apart */
    uint64_t zero_value;
};

/** A zeroed struct is an empty map. */
void eg_map_fini(struct eg_map *m);

/** @return 1 when @key is new, 0 when it was there (its value is then unchanged), -EG_ENOMEM. */
int eg_map_add(struct eg_map *m, uint64_t key, uint64_t value);
bool eg_map_get(const struct eg_map *m, uint64_t key, uint64_t *value);

#endif
