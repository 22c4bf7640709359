/** sha256.h - FIPS 180-4, for the provenance of a result. */
#ifndef EG_SHA256_H
#define EG_SHA256_H

#include "../core/arena.h"

struct sha256 {
    uint32_t state[8];
    uint64_t length; /**< bytes so far */
    uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t len);
void sha256_end(struct sha256 *s, uint8_t out[32]);

/** In hex, in @a; NULL with @e filled. Shows progress. */
const char *sha256_of_file(struct eg_arena *a, const char *path, bool quiet, struct eg_error *e);

#endif
