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
    bool has_zero; /**< key 0 marks an empty slot, so its value is stored here */
    uint64_t zero_value;
};

/** A hash of bytes for eg_map_key, another one in each process, so that a hostile file cannot give
 * many texts the same. (eg_hash is the same everywhere, since it is stored.) */
uint32_t eg_map_hash(const void *p, size_t len);
/** For keys that are texts or structs: the @nth key of what has this @hash. Several can have the
 * same hash, so the caller tries each in turn and compares: for (uint32_t i = 0; eg_map_get(&m,
 * eg_map_key(hash, i), &value); i++) A new one takes the first free key. */
static inline uint64_t eg_map_key(uint32_t hash, uint32_t nth)
{
    return hash | (uint64_t)nth << 32;
}

/** A zeroed struct is an empty map. */
void eg_map_fini(struct eg_map *m);

/** @return 1 when @key is new, 0 when it was already there (its value is then unchanged),
 * -EG_ENOMEM. */
int eg_map_add(struct eg_map *m, uint64_t key, uint64_t value);
bool eg_map_get(const struct eg_map *m, uint64_t key, uint64_t *value);

struct eg_run;
/** An empty map that lives until the run ends: what was seen before. */
struct eg_map *eg_run_map(struct eg_run *r);
/** Is @key new in @map? Then it is there from now on. Out of memory: no, and the run fails. */
bool eg_run_map_add(struct eg_run *r, struct eg_map *map, uint64_t key, uint64_t value);

#endif
