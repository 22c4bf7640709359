/* digest.c - digests by libcrypto. */
#include "digest.h"
#include "config.h"
#include <stdlib.h>

const uint8_t eg_digest_size[EG_DIGESTS] = { 32, 20, 16 };

#ifdef HAVE_SHA256
#include <openssl/evp.h>

struct eg_digest {
    EVP_MD_CTX *of[EG_DIGESTS];
};

void eg_digest_close(struct eg_digest *d)
{
    for (int i = 0; d && i < EG_DIGESTS; i++)
        EVP_MD_CTX_free(d->of[i]);
    free(d);
}

struct eg_digest *eg_digest_open(unsigned kinds)
{
    struct eg_digest *d = calloc(1, sizeof *d);

    for (int i = 0; d && i < EG_DIGESTS; i++) {
        if (!(kinds >> i & 1) || (d->of[i] = EVP_MD_CTX_new()))
            continue;
        eg_digest_close(d);
        d = NULL;
    }
    return d;
}

bool eg_digest_begin(struct eg_digest *d)
{
    const EVP_MD *const kinds[] = { EVP_sha256(), EVP_sha1(), EVP_md5() };

    for (int i = 0; i < EG_DIGESTS; i++)
        if (d->of[i] && !EVP_DigestInit_ex(d->of[i], kinds[i], NULL))
            return false;
    return true;
}

bool eg_digest_add(struct eg_digest *d, const void *bytes, size_t len)
{
    for (int i = 0; i < EG_DIGESTS; i++)
        if (d->of[i] && !EVP_DigestUpdate(d->of[i], bytes, len))
            return false;
    return true;
}

bool eg_digest_end(struct eg_digest *d, struct eg_sums *out)
{
    uint8_t sum[EVP_MAX_MD_SIZE];

    for (int i = 0; i < EG_DIGESTS; i++) {
        if (d->of[i] && !EVP_DigestFinal_ex(d->of[i], sum, NULL))
            return false;
        if (d->of[i])
            memcpy(out->of[i], sum, eg_digest_size[i]);
    }
    return true;
}

#else

struct eg_digest *eg_digest_open(unsigned kinds)
{
    (void)kinds;
    return NULL;
}

void eg_digest_close(struct eg_digest *d)
{
    (void)d;
}

bool eg_digest_begin(struct eg_digest *d)
{
    return d != NULL;
}

bool eg_digest_add(struct eg_digest *d, const void *bytes, size_t len)
{
    (void)bytes, (void)len;
    return d != NULL;
}

bool eg_digest_end(struct eg_digest *d, struct eg_sums *out)
{
    (void)out;
    return d != NULL;
}

#endif
