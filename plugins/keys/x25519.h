/** x25519.h - what is computed from a private key of Curve25519 (RFC 7748), with libcrypto. */
#ifndef KEYS_X25519_H
#define KEYS_X25519_H

#include <stdbool.h>
#include <stdint.h>

enum { X25519_SIZE = 32 };

/** Has this build libcrypto? Without it nothing is computed: all of the others are false. */
bool eg_x25519_works(void);
/** Is @key in the form that programs keep private keys in: a multiple of 8, its highest bit at
 * 254? */
bool eg_x25519_is_clamped(const uint8_t *key);
/** The public key of @key. */
bool eg_x25519_public(const uint8_t *key, uint8_t *out);
/** The secret that the owner of @key shares with that of @other, a public key. */
bool eg_x25519_shared(const uint8_t *key, const uint8_t *other, uint8_t *out);

#endif
