/* hmac.c - the inner state of HMAC. libcrypto's newer interface does not show a state: this is its
 * older one. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hmac.h"
#include "config.h"

#ifdef HAVE_SHA256
#include <openssl/sha.h>

static bool begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

size_t eg_hmac_inner(const char *name, const uint8_t *key, size_t len, uint8_t out[EG_HMAC_STATE])
{
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;
    } c;
    uint8_t block[SHA512_CBLOCK] = { 0 };
    const bool is_512 = begins(name, "hmac-sha2-512");

    if (len > (is_512 ? SHA512_CBLOCK : SHA256_CBLOCK))
        return 0;
    memcpy(block, key, len);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    if (is_512) {
        SHA512_Init(&c.sha512);
        SHA512_Transform(&c.sha512, block);
        memcpy(out, c.sha512.h, 64);
        return 64;
    }
    if (begins(name, "hmac-sha2-256")) {
        SHA256_Init(&c.sha256);
        SHA256_Transform(&c.sha256, block);
        memcpy(out, c.sha256.h, 32);
        return 32;
    }
    if (!begins(name, "hmac-sha1"))
        return 0;
    SHA1_Init(&c.sha1);
    SHA1_Transform(&c.sha1, block);
    memcpy(out, &c.sha1.h0, 4);
    memcpy(out + 4, &c.sha1.h1, 4);
    memcpy(out + 8, &c.sha1.h2, 4);
    memcpy(out + 12, &c.sha1.h3, 4);
    memcpy(out + 16, &c.sha1.h4, 4);
    return 20;
}
#else
size_t eg_hmac_inner(const char *name, const uint8_t *key, size_t len, uint8_t out[EG_HMAC_STATE])
{
    (void)name, (void)key, (void)len, (void)out;
    return 0;
}
#endif
