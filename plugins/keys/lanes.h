/** lanes.h - bytes that are looked at side by side, for searches whose matches are rare. */
#ifndef KEYS_LANES_H
#define KEYS_LANES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

static inline lanes lanes_at(const uint8_t *p)
{
    lanes v;

    memcpy(&v, p, sizeof v);
    return v;
}
static inline bool lanes_any(lanes m)
{
    uint64_t any[LANES / 8];

    memcpy(any, &m, sizeof any);
    return (any[0] | any[1]) != 0;
}

#endif
