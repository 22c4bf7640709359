/** sha256.h - the digest of an image, for the provenance of a result. */
#ifndef EG_SHA256_H
#define EG_SHA256_H

#include "../core/arena.h"

/** In hex, in @a; NULL with @e filled. Shows progress. */
const char *sha256_of_file(struct eg_arena *a, const char *path, bool quiet, struct eg_error *e);
/** ", SHA-256 …" of a file that was written, in @a; "" where there is none, as of a device. */
const char *sha256_said(struct eg_arena *a, const char *path, bool quiet);

#endif
