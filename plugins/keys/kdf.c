/* kdf.c - derived keys: see kdf.h. */
#define OPENSSL_SUPPRESS_DEPRECATED // of a digest from its middle there is no other interface
#include "kdf.h"
#include "config.h"
#include "crypto.h"
#include "hmac.h"
#include <string.h>

#ifdef HAVE_SHA256
#include <openssl/sha.h>

static void resume(SHA512_CTX *c, const uint64_t *state)
{
    SHA512_Init(c);
    for (size_t i = 0; i < 8; i++)
        c->h[i] = state[i];
    c->Nl = 8 * SHA512_CBLOCK;
}

bool eg_hkdf512_expand(const struct eg_hmac512 *key, const void *info, size_t info_len,
                       uint8_t *out, size_t n)
{
    uint8_t block[KDF_SHA512], counter = 1;
    SHA512_CTX c;

    if (n > 255 * KDF_SHA512)
        return false;
    for (size_t done = 0; done < n; done += EG_MIN(n - done, sizeof block), counter++) {
        resume(&c, key->inner);
        if (done)
            SHA512_Update(&c, block, sizeof block);
        SHA512_Update(&c, info, info_len);
        SHA512_Update(&c, &counter, 1);
        SHA512_Final(block, &c);
        resume(&c, key->outer);
        SHA512_Update(&c, block, sizeof block);
        SHA512_Final(block, &c);
        memcpy(out + done, block, EG_MIN(n - done, sizeof block));
    }
    return true;
}

#else

bool eg_hkdf512_expand(const struct eg_hmac512 *key, const void *info, size_t info_len,
                       uint8_t *out, size_t n)
{
    (void)key, (void)info, (void)info_len, (void)out, (void)n;
    return false;
}

#endif

bool eg_hkdf512_extract(const void *key, size_t len, struct eg_hmac512 *out)
{
    static const uint8_t salt[KDF_SHA512];
    uint8_t prk[KDF_SHA512];
    struct eg_hmac_states s;

    if (!eg_crypto_hmac("sha512", salt, sizeof salt, key, len, prk) ||
        !eg_hmac_states("sha512", prk, sizeof prk, true, &s))
        return false;
    for (size_t i = 0; i < 8; i++) {
        out->inner[i] = eg_be64(s.inner + 8 * i);
        out->outer[i] = eg_be64(s.outer + 8 * i);
    }
    return true;
}
