/** digest.h - SHA-256, SHA-1 and MD5 of bytes that come piece by piece (libcrypto). A build without
 * libcrypto has none: eg_digest_open() then says so. */
#ifndef EG_DIGEST_H
#define EG_DIGEST_H

#include "base.h"

enum { EG_SHA256, EG_SHA1, EG_MD5, EG_DIGESTS }; /* bits by 1 << of these say which */
struct eg_sums {
    uint8_t of[EG_DIGESTS][32]; /**< 32, 20 and 16 bytes */
};
extern const uint8_t eg_digest_size[EG_DIGESTS];

struct eg_digest;
/** @kinds: which ones. NULL: this build has none, or out of memory. */
struct eg_digest *eg_digest_open(unsigned kinds);
void eg_digest_close(struct eg_digest *d); /**< NULL-safe */

bool eg_digest_begin(struct eg_digest *d);
bool eg_digest_add(struct eg_digest *d, const void *bytes, size_t len);
bool eg_digest_end(struct eg_digest *d, struct eg_sums *out);

#endif
