/** tlskdf.h - how the secrets of TLS follow from each other: HKDF-Expand-Label and the key schedule
 * of TLS 1.3 (RFC 8446, 7.1), the PRF of TLS 1.2 (RFC 5246, 5). By libcrypto: a build without it
 * computes nothing, so nothing is proven.
 *
 *  @hash is the length of the digest: 32 is SHA-256, 48 SHA-384. All return false for others. */
#ifndef KEYS_TLSKDF_H
#define KEYS_TLSKDF_H

#include "../../core/base.h"
#include "../../core/view.h"

enum { TLS_HASH_MAX = 48, TLS_EXPAND_MAX = 256 };

/** HKDF-Expand-Label(@secret, @label, @context, @len); @secret has @hash bytes, @label at most 32,
 * @context at most TLS_HASH_MAX, @len is at most TLS_EXPAND_MAX. */
EG_API bool eg_tls_expand(size_t hash, const uint8_t *secret, const char *label,
                          const uint8_t *context, size_t context_len, uint8_t *out, size_t len);
/** The secret behind @secret in the key schedule, when no other input comes in: that of the
 * application data behind that of the handshake. */
EG_API bool eg_tls_next(size_t hash, const uint8_t *secret, uint8_t *out);
/** PRF(@master of 48 bytes, @label, @seed); @seed_len at most 64, @len at most TLS_EXPAND_MAX. */
EG_API bool eg_tls_prf(size_t hash, const uint8_t *master, const char *label, const uint8_t *seed,
                       size_t seed_len, uint8_t *out, size_t len);
EG_API bool eg_tls_digest(size_t hash, const void *bytes, size_t len, uint8_t *out);
/** Is this a text with its tag of 16 bytes behind it, under AES-GCM with a key of @key_len bytes
 * (16 or 32), or with @chacha under ChaCha20-Poly1305? @nonce: 12 bytes; @len: at most 2^15. */
EG_API bool eg_tls_opens(size_t key_len, bool chacha, const uint8_t *key, const uint8_t *nonce,
                         const uint8_t *head, size_t head_len, const uint8_t *text, size_t len);

#endif
