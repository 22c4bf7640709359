/** lanes.h - bytes that are looked at side by side, for searches whose matches are rare. */
#ifndef KEYS_LANES_H
#define KEYS_LANES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 32 };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

/* Of a function with such a loop: made for wide vectors too, which are used where they are. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define LANES_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define LANES_WIDE
#endif
#define LANES_INLINE static inline __attribute__((always_inline))

/* Neither passes a vector: how that is done depends on the processor that is compiled for. */
typedef lanes lanes_in_bytes __attribute__((aligned(1), may_alias));
#define lanes_at(p)  (*(const lanes_in_bytes *)(const void *)(p))
#define lanes_any(m) lanes_any_((const lanes[]){ m })

LANES_INLINE bool lanes_any_(const lanes *m)
{
    uint64_t any[LANES / 8];

    memcpy(any, m, sizeof any);
    return (any[0] | any[1] | any[2] | any[3]) != 0;
}

#endif
