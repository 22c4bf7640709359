/** crypto.h - what several files compute by libcrypto. A build without it computes nothing: each
 * function is then false or 0, so that nothing is proven. */
#ifndef KEYS_CRYPTO_H
#define KEYS_CRYPTO_H

#include "../../core/engram.h"

enum { CRYPTO_DIGEST_MAX = 64, CRYPTO_TAG = 16, CRYPTO_PUBLIC_MAX = 64, X25519_SIZE = 32 };

/** Has this build libcrypto? */
EG_API bool eg_crypto_works(void);
/** If not, a note that says so; once, whoever needs it. */
void eg_crypto_note(struct eg_run *r);

/** Of the hash "md5", "sha1", "sha256", "sha384" or "sha512". @return the length. */
EG_API size_t eg_crypto_digest(const char *hash, const void *bytes, size_t len, uint8_t *out);
EG_API size_t eg_crypto_hmac(const char *hash, const void *key, size_t key_len, const void *bytes,
                             size_t len, uint8_t *out);

/** @cipher: libcrypto's name, such as "aes-256-cbc", with its key and vector; without padding:
 * modes of blocks take whole ones. */
EG_API bool eg_crypto_cipher(const char *cipher, bool encrypts, const uint8_t *key,
                             const uint8_t *iv, const uint8_t *in, size_t n, uint8_t *out);
/** Open @n bytes and the 16 bytes of their tag behind them, by "aes-128-gcm", "aes-256-gcm" or
 * "chacha20-poly1305" with a nonce of 12 bytes. @head: what the tag is also of. @out NULL: only
 * tell whether the tag fits. */
EG_API bool eg_crypto_open(const char *cipher, const uint8_t *key, const uint8_t *nonce,
                           const uint8_t *head, size_t head_len, const uint8_t *in, size_t n,
                           uint8_t *out);

/** The public key of a private one of @len bytes. @curve: "X25519", "Ed25519", "X448", "Ed448".
 * @return its length; 0: a private key is not so long, or there is no such curve. */
EG_API size_t eg_crypto_public(const char *curve, const uint8_t *private, size_t len,
                               uint8_t out[CRYPTO_PUBLIC_MAX]);
/** The secret that the owner of a private key of X25519 shares with that of @public. */
bool eg_crypto_shared(const uint8_t *private, const uint8_t *public, uint8_t out[X25519_SIZE]);

#endif
