/** kdf.h - HKDF with SHA-512 (RFC 5869), by which the kernel derives keys from another: to prove
 * that they belong together. A build without libcrypto derives nothing: each function is false. */
#ifndef KEYS_KDF_H
#define KEYS_KDF_H

#include "../../core/base.h"
#include "../../core/engram.h"

enum { KDF_SHA512 = 64 };

/** An HMAC-SHA512 whose key is known by what the kernel keeps of it: the states of both digests
 * behind the block with the key (RFC 2104, 4). */
struct eg_hmac512 {
    uint64_t inner[8], outer[8];
};
/** HKDF-Expand (RFC 5869, 2.3) with that key. @n: at most 255 * 64. */
EG_API bool eg_hkdf512_expand(const struct eg_hmac512 *key, const void *info, size_t info_len,
                              uint8_t *out, size_t n);
/** HKDF-Extract without a salt: what eg_hkdf512_expand() needs. */
EG_API bool eg_hkdf512_extract(const void *key, size_t len, struct eg_hmac512 *out);

#endif
