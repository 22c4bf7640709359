/** limbs.h - numbers of many words (limbs), as libraries keep them in memory: where one may lie,
 * and a set of those that a process has.
 *
 *  What points to a number is small: an address, how many words are used, how many there is room
 * for. Much else looks so; that the words are random is asked when they are read, and what the
 * numbers are of each other proves the rest. */
#ifndef KEYS_LIMBS_H
#define KEYS_LIMBS_H

#include "../../core/base.h"
#include "../../core/engram.h"

enum {
    LIMBS_MIN = 32,   /**< bytes: a scalar of 256 bits, a prime of RSA-512 */
    LIMBS_MAX = 1024, /**< a modulus of RSA-8192 */
    LIMBS_LAYOUTS = 7,
};
struct eg_limbs {
    uint64_t at;    /**< of its lowest word */
    uint32_t bytes; /**< in use */
};
/** The numbers that a structure may have whose pointer to its words is at @bytes + @at, of which
 * @len can be read; each library has one of its own. @ptr: bytes of a pointer, 4 or 8, and of
 * a word. Little-endian. @return how many of @out are set. */
EG_API size_t eg_limbs_at(const uint8_t *bytes, size_t len, size_t at, unsigned ptr,
                          struct eg_limbs out[LIMBS_LAYOUTS]);

/** Are these bytes as random as those of a key? Text, pointers, counters and small numbers are
 * not; of random bytes less than one of 10^5 is refused. */
EG_API bool eg_bytes_random(const uint8_t *p, size_t len);

/** A number: its words, the lowest first, in multiples of 8 bytes; the highest is not 0. */
struct eg_bignum {
    const uint8_t *bytes;
    size_t len;
    uint64_t at; /**< where one of its copies is; 0: it stood in a certificate or public key */
};
enum { BIGNUMS_MAX = 1 << 14 };
struct eg_bignums {
    struct eg_bignum *of;
    size_t n;
    uint8_t *bytes;
    size_t used;
    bool full; /**< there were more than it keeps */
};
EG_API void eg_bignums_init(struct eg_bignums *s, struct eg_run *r);
EG_API void eg_bignums_empty(struct eg_bignums *s);
/** Add a number, if it is random and of a size from LIMBS_MIN to LIMBS_MAX. */
EG_API void eg_bignums_add(struct eg_bignums *s, uint64_t at, const uint8_t *bytes, size_t len);
/** The same of one whose highest byte is first. */
EG_API void eg_bignums_add_be(struct eg_bignums *s, uint64_t at, const uint8_t *bytes, size_t len);
/** Order it, by length and then by bytes; those that are equal become one. Before the next two. */
EG_API void eg_bignums_sort(struct eg_bignums *s);
/** The first that is not less than the @len bytes of which the first @n are @prefix; s->n: none. */
EG_API size_t eg_bignums_from(const struct eg_bignums *s, size_t len, const void *prefix, size_t n);
EG_API const struct eg_bignum *eg_bignums_find(const struct eg_bignums *s, const uint8_t *bytes,
                                               size_t len);

#endif
