/** lanes.h - bytes that are looked at side by side, for searches whose matches are rare.
 *
 *  A loop over LANES bytes says of each whether something may begin there; compilers make vectors
 * of it. Behind it, few bytes are left that are looked at one by one. */
#ifndef KEYS_LANES_H
#define KEYS_LANES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 256 };

/** Of a function with such a loop: made for wide vectors too, which are used where they are. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define LANES_WIDE __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define LANES_WIDE
#endif

/** The next of LANES bytes from @i on that is not 0; LANES: none. */
static inline size_t lanes_next(const uint8_t *m, size_t i)
{
    uint64_t any[4];

    for (; i % 32; i++)
        if (m[i])
            return i;
    for (; i < LANES; i += 32) {
        memcpy(any, m + i, sizeof any);
        if (any[0] | any[1] | any[2] | any[3])
            break;
    }
    for (; i < LANES; i++)
        if (m[i])
            return i;
    return LANES;
}
/** Each of them. */
#define lanes_each(i, m) for ((i) = lanes_next(m, 0); (i) < LANES; (i) = lanes_next(m, (i) + 1))

#endif
