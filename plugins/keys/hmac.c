/* hmac.c - the states of HMAC's hashes. libcrypto tells a hash's state by its older
 * interface alone. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hmac.h"
#include "../../core/base.h"
#include "config.h"
#include <string.h>

#ifdef HAVE_SHA256
#include <openssl/md5.h>
#include <openssl/sha.h>

enum { BLOCK_MAX = 128 };

/* A hash behind one block, in words of @width bytes. */
struct state {
    uint64_t words[8];
    size_t n, width;
};

static bool md5(const uint8_t *block, struct state *s)
{
    MD5_CTX c;
    const bool good = MD5_Init(&c) && MD5_Update(&c, block, 64);

    *s = (struct state){ { c.A, c.B, c.C, c.D }, 4, 4 };
    return good;
}

static bool sha1(const uint8_t *block, struct state *s)
{
    SHA_CTX c;
    const bool good = SHA1_Init(&c) && SHA1_Update(&c, block, 64);

    *s = (struct state){ { c.h0, c.h1, c.h2, c.h3, c.h4 }, 5, 4 };
    return good;
}

static bool sha256(const uint8_t *block, struct state *s)
{
    SHA256_CTX c;
    const bool good = SHA256_Init(&c) && SHA256_Update(&c, block, 64);

    *s = (struct state){ .n = 8, .width = 4 };
    for (size_t i = 0; i < 8; i++)
        s->words[i] = c.h[i];
    return good;
}

static bool wide(SHA512_CTX *c, const uint8_t *block, struct state *s)
{
    const bool good = SHA512_Update(c, block, 128);

    *s = (struct state){ .n = 8, .width = 8 };
    for (size_t i = 0; i < 8; i++)
        s->words[i] = c->h[i];
    return good;
}

static bool sha384(const uint8_t *block, struct state *s)
{
    SHA512_CTX c;

    return SHA384_Init(&c) && wide(&c, block, s);
}

static bool sha512(const uint8_t *block, struct state *s)
{
    SHA512_CTX c;

    return SHA512_Init(&c) && wide(&c, block, s);
}

static const struct {
    const char *name;
    bool (*state)(const uint8_t *block, struct state *s);
    unsigned char *(*whole)(const unsigned char *bytes, size_t len, unsigned char *out);
    size_t block;
} hashes[] = {
    { "md5", md5, MD5, 64 },           { "sha1", sha1, SHA1, 64 },
    { "sha256", sha256, SHA256, 64 },  { "sha384", sha384, SHA384, 128 },
    { "sha512", sha512, SHA512, 128 },
};

static size_t put(const struct state *s, bool big, uint8_t *out)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t b = 0; b < s->width; b++)
            out[i * s->width + b] = (uint8_t)(s->words[i] >> 8 * (big ? s->width - 1 - b : b));
    return s->n * s->width;
}

bool eg_hmac_states(const char *hash, const uint8_t *key, size_t len, bool big,
                    struct eg_hmac_states *out)
{
    uint8_t block[BLOCK_MAX] = { 0 };
    struct state s;
    size_t h = 0;

    while (h < countof(hashes) && strcmp(hashes[h].name, hash) != 0)
        h++;
    if (h == countof(hashes) || (len > hashes[h].block && !hashes[h].whole(key, len, block)))
        return false;
    if (len <= hashes[h].block)
        memcpy(block, key, len);
    for (size_t i = 0; i < hashes[h].block; i++)
        block[i] ^= 0x36;
    if (!hashes[h].state(block, &s))
        return false;
    put(&s, big, out->inner);
    for (size_t i = 0; i < hashes[h].block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    if (!hashes[h].state(block, &s))
        return false;
    out->n = put(&s, big, out->outer);
    return true;
}

#else

bool eg_hmac_states(const char *hash, const uint8_t *key, size_t len, bool big,
                    struct eg_hmac_states *out)
{
    (void)hash;
    (void)key;
    (void)len;
    (void)big;
    (void)out;
    return false;
}

#endif
