/* x25519.c - Curve25519 by libcrypto. */
#include "x25519.h"
#include "config.h"
#include <stddef.h>

bool eg_x25519_is_clamped(const uint8_t *key)
{
    return !(key[0] & 7) && (key[X25519_SIZE - 1] & 0xc0) == 0x40;
}

#ifdef HAVE_SHA256
#include <openssl/err.h>
#include <openssl/evp.h>

bool eg_x25519_works(void)
{
    return true;
}

bool eg_x25519_public(const uint8_t *key, uint8_t *out)
{
    size_t n = X25519_SIZE;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, X25519_SIZE);
    const bool good = own && EVP_PKEY_get_raw_public_key(own, out, &n) && n == X25519_SIZE;

    EVP_PKEY_free(own);
    ERR_clear_error();
    return good;
}

bool eg_x25519_shared(const uint8_t *key, const uint8_t *other, uint8_t *out)
{
    size_t n = X25519_SIZE;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, X25519_SIZE);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, X25519_SIZE);
    EVP_PKEY_CTX *c = own && peer ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    const bool good = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1 &&
                      EVP_PKEY_derive(c, out, &n) == 1 && n == X25519_SIZE;

    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    ERR_clear_error();
    return good;
}

#else

bool eg_x25519_works(void)
{
    return false;
}

bool eg_x25519_public(const uint8_t *key, uint8_t *out)
{
    (void)key;
    (void)out;
    return false;
}

bool eg_x25519_shared(const uint8_t *key, const uint8_t *other, uint8_t *out)
{
    (void)key;
    (void)other;
    (void)out;
    return false;
}

#endif
