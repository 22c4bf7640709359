/** hmac.h - what HMAC's two hashes have begun with (RFC 2104): a program that uses a key
 * again keeps their states behind one block each, not the key. With libcrypto. */
#ifndef KEYS_HMAC_H
#define KEYS_HMAC_H

#include "../../core/engram.h"

enum { HMAC_STATE_MAX = 64 };
struct eg_hmac_states {
    uint8_t inner[HMAC_STATE_MAX], outer[HMAC_STATE_MAX];
    size_t n; /**< bytes of each */
};
/** Of the hash "md5", "sha1", "sha256", "sha384" or "sha512"; words as a machine with @big has
 * them. @return false: another hash, or a build without libcrypto. */
EG_API bool eg_hmac_states(const char *hash, const uint8_t *key, size_t len, bool big,
                           struct eg_hmac_states *out);

#endif
