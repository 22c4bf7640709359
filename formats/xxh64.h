/** xxh64.h - the XXH64 hash of xxhash's doc/xxhash_spec.md, seed 0: what checksums of zstd's seek
 * tables are made of. */
#ifndef EG_XXH64_H
#define EG_XXH64_H

#include "../core/base.h"

uint64_t eg_xxh64(const void *bytes, size_t len);

#endif
