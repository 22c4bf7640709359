/* luks.c - headers of LUKS: see luks.h. */
#include "luks.h"
#include "config.h"
#include <stdlib.h>

enum {
    LUKS1_SIZE = 592,
    LUKS2_BINARY = 4096, // behind it is the JSON
    LUKS2_CHECKSUM = 448,
    LUKS2_CHECKSUM_LEN = 64,
    LUKS1_DIGEST = 20,
    LUKS1_SALT = 32,
};
static const uint8_t magic_first[6] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
static const uint8_t magic_second[6] = { 'S', 'K', 'U', 'L', 0xba, 0xbe };

/* Text in a field that it may fill. */
static bool take_text(char *to, size_t size, const uint8_t *from, size_t len)
{
    size_t n = 0;

    while (n < len && from[n])
        n++;
    if (n >= size)
        return false;
    for (size_t i = 0; i < n; i++)
        if (from[i] < ' ' || from[i] > '~')
            return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

static const char *read_first(const uint8_t *p, struct eg_luks *out)
{
    struct eg_luks_digest *d = &out->digest[0];

    if (!take_text(d->hash, sizeof d->hash, p + 72, 32) || !d->hash[0] ||
        !take_text(out->uuid, sizeof out->uuid, p + 168, 40))
        return "its LUKS1 header is damaged";
    out->version = 1;
    out->checked = true;
    out->key_size = eg_be32(p + 108);
    memcpy(d->digest, p + 112, LUKS1_DIGEST);
    d->digest_len = LUKS1_DIGEST;
    memcpy(d->salt, p + 132, LUKS1_SALT);
    d->salt_len = LUKS1_SALT;
    d->iterations = eg_be32(p + 164);
    out->n = 1;
    return NULL;
}

#ifdef HAVE_SHA256
#include <openssl/crypto.h>
#include <openssl/evp.h>

static bool is_checked(uint8_t *p, size_t len)
{
    uint8_t sum[EVP_MAX_MD_SIZE], said[LUKS2_CHECKSUM_LEN];
    char name[33];
    unsigned n = 0;
    EVP_MD *md;
    bool ok;

    if (!take_text(name, sizeof name, p + 72, 32) || !name[0] ||
        !(md = EVP_MD_fetch(NULL, name, NULL)))
        return false;
    memcpy(said, p + LUKS2_CHECKSUM, sizeof said);
    memset(p + LUKS2_CHECKSUM, 0, sizeof said);
    ok = EVP_Digest(p, len, sum, &n, md, NULL) && n <= sizeof said && !memcmp(sum, said, n);
    memcpy(p + LUKS2_CHECKSUM, said, sizeof said);
    EVP_MD_free(md);
    return ok;
}

enum eg_luks_answer eg_luks_is_key(const struct eg_luks *l, const void *key, size_t len,
                                   uint64_t *work)
{
    enum eg_luks_answer answer = LUKS_NO;
    uint8_t out[sizeof l->digest[0].digest];

    if (l->key_size && l->key_size != len)
        return LUKS_NO;
    for (size_t i = 0; i < l->n; i++) {
        const struct eg_luks_digest *d = &l->digest[i];
        EVP_MD *md;

        if (!d->iterations || d->iterations > LUKS_ITERATIONS_MAX || d->iterations > *work) {
            answer = LUKS_TOO_LONG;
            continue;
        }
        if (!(md = EVP_MD_fetch(NULL, d->hash, NULL))) {
            answer = LUKS_NO_HASH;
            continue;
        }
        *work -= d->iterations;
        if (len <= INT32_MAX &&
            PKCS5_PBKDF2_HMAC(key, (int)len, d->salt, (int)d->salt_len, (int)d->iterations, md,
                              (int)d->digest_len, out) &&
            !CRYPTO_memcmp(out, d->digest, d->digest_len))
            answer = LUKS_YES;
        EVP_MD_free(md);
        if (answer == LUKS_YES)
            break;
    }
    return answer;
}

#else

static bool is_checked(uint8_t *p, size_t len)
{
    (void)p, (void)len;
    return false;
}

enum eg_luks_answer eg_luks_is_key(const struct eg_luks *l, const void *key, size_t len,
                                   uint64_t *work)
{
    (void)l, (void)key, (void)len, (void)work;
    return LUKS_NO_HASH;
}

#endif

/* One copy of LUKS2. */
static const char *read_copy(eg_luks_bytes *bytes, void *context, uint64_t at, struct eg_luks *out)
{
    uint8_t head[LUKS2_BINARY], *all;
    const char *why = NULL, *text;
    uint64_t size, json;

    if (!bytes(context, at, head, sizeof head))
        return "its header is not in memory";
    size = eg_be64(head + 8);
    if (memcmp(head, at ? magic_second : magic_first, 6) != 0 || eg_be16(head + 6) != 2 ||
        eg_be64(head + 256) != at || size <= LUKS2_BINARY || size > LUKS_HEADER_MAX || size % 4096)
        return "its LUKS2 header is damaged";
    if (!take_text(out->uuid, sizeof out->uuid, head + 168, 40))
        return "its LUKS2 header is damaged";
    out->version = 2;
    out->second = at != 0;
    all = malloc(size);
    if (!all)
        return "out of memory";
    memcpy(all, head, sizeof head);
    text = (const char *)all + LUKS2_BINARY;
    // What no memory has behind the end of the text is no loss, but for the checksum.
    for (json = LUKS2_BINARY; json < size; json += LUKS2_BINARY)
        if (!bytes(context, at + json, all + json, LUKS2_BINARY))
            break;
    out->checked = json == size && is_checked(all, size);
    if (!memchr(text, 0, json - LUKS2_BINARY))
        why = json == size ? "its LUKS2 header is damaged" : "its header is not all in memory";
    else if (!eg_luks_json(text, strlen(text), out))
        why = eg_luks_has_json() ? "its LUKS2 header has no digest of the key"
                                 : "this build reads no LUKS2 headers: it was made without yajl";
    free(all);
    return why;
}

const char *eg_luks_read(eg_luks_bytes *bytes, void *context, struct eg_luks *out)
{
    uint8_t head[LUKS1_SIZE];
    struct eg_luks other;
    const char *why;
    bool first;

    memset(out, 0, sizeof *out);
    first = bytes(context, 0, head, sizeof head);
    if (first && memcmp(head, magic_first, 6) != 0)
        first = false; // its beginning was written over, or it is none
    if (first && eg_be16(head + 6) == 1)
        return read_first(head, out);
    why = first ? read_copy(bytes, context, 0, out) : "no LUKS header is there";
    if (!why && out->checked)
        return NULL;
    // The second copy lies behind the first, which has one of these sizes.
    for (uint64_t at = 0x4000; at <= LUKS_HEADER_MAX; at *= 2) {
        memset(&other, 0, sizeof other);
        if (!bytes(context, at, head, 6) || memcmp(head, magic_second, 6) != 0 ||
            read_copy(bytes, context, at, &other) || (!why && !other.checked))
            continue;
        *out = other;
        return NULL;
    }
    if (why)
        memset(out, 0, sizeof *out);
    return why;
}
