/** kdf.h - how the kernel derives one key from another, by libcrypto: to prove that keys belong
 * together. A build without libcrypto derives nothing: each function is then false. */
#ifndef KEYS_KDF_H
#define KEYS_KDF_H

#include "../../core/base.h"
#include "../../core/engram.h"

enum { KDF_SHA512 = 64 };

/** Can this build derive anything? */
EG_API bool eg_kdf_works(void);

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

/** HMAC-SHA256, 32 bytes. */
EG_API bool eg_hmac256(const void *key, size_t key_len, const void *bytes, size_t len,
                       uint8_t *out);

enum eg_kdf_digest { KDF_MD5, KDF_SHA256, KDF_SHA512_OF };
/** The digest of bytes; *@n: its length. */
EG_API bool eg_kdf_digest(enum eg_kdf_digest which, const void *bytes, size_t len, uint8_t *out,
                          size_t *n);

/** AES-128-ECB, without padding: @n is a multiple of 16. */
EG_API bool eg_aes128_ecb(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out);
/** AES-256-CBC, without padding: @n is a multiple of 16. */
EG_API bool eg_aes256_cbc_open(const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t n,
                               uint8_t *out);
/** Open @n bytes and the 16 bytes of their tag behind them, with a key of 32 bytes and a nonce of
 * 12 zeros, by ChaCha20-Poly1305 or AES-256-GCM. NULL: the tag is neither's; else the name of the
 * cipher. */
EG_API const char *eg_aead_open(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out);

#endif
