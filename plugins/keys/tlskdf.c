/* tlskdf.c - HKDF and PRF of TLS by libcrypto's HMAC. */
#include "tlskdf.h"
#include "config.h"

#ifdef HAVE_SHA256
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *digest(size_t hash)
{
    return hash == 32 ? EVP_sha256() : hash == 48 ? EVP_sha384() : NULL;
}

bool eg_tls_can(void)
{
    return true;
}

static bool hmac(size_t hash, const uint8_t *key, size_t key_len, const uint8_t *text, size_t len,
                 uint8_t *out)
{
    unsigned n = 0;

    return HMAC(digest(hash), key, (int)key_len, text, len, out, &n) && n == hash;
}

bool eg_tls_digest(size_t hash, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                   uint8_t *out)
{
    EVP_MD_CTX *c = digest(hash) ? EVP_MD_CTX_new() : NULL;
    const bool good = c && EVP_DigestInit_ex(c, digest(hash), NULL) &&
                      EVP_DigestUpdate(c, a, a_len) && EVP_DigestUpdate(c, b, b_len) &&
                      EVP_DigestFinal_ex(c, out, NULL);

    EVP_MD_CTX_free(c);
    return good;
}

bool eg_tls_opens(size_t key_len, bool chacha, const uint8_t *key, const uint8_t *nonce,
                  const uint8_t *head, size_t head_len, const uint8_t *text, size_t len)
{
    enum { TAG = 16, TEXT_MAX = 1 << 15 };
    const EVP_CIPHER *cipher = chacha          ? EVP_chacha20_poly1305()
                               : key_len == 16 ? EVP_aes_128_gcm()
                               : key_len == 32 ? EVP_aes_256_gcm()
                                               : NULL;
    EVP_CIPHER_CTX *c = cipher && len >= TAG && len <= TEXT_MAX ? EVP_CIPHER_CTX_new() : NULL;
    uint8_t tag[TAG], out[1 << 10];
    bool good = c && EVP_DecryptInit_ex(c, cipher, NULL, key, nonce);
    int n;

    if (good) {
        memcpy(tag, text + len - TAG, TAG);
        good = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
               EVP_DecryptUpdate(c, NULL, &n, head, (int)head_len);
    }
    for (size_t at = 0; good && at < len - TAG; at += sizeof out)
        good = EVP_DecryptUpdate(c, out, &n, text + at, (int)EG_MIN(len - TAG - at, sizeof out));
    good = good && EVP_DecryptFinal_ex(c, out, &n) > 0;
    EVP_CIPHER_CTX_free(c);
    return good;
}

#else

bool eg_tls_opens(size_t key_len, bool chacha, const uint8_t *key, const uint8_t *nonce,
                  const uint8_t *head, size_t head_len, const uint8_t *text, size_t len)
{
    (void)key_len, (void)chacha, (void)key, (void)nonce, (void)head, (void)head_len, (void)text;
    (void)len;
    return false;
}

bool eg_tls_can(void)
{
    return false;
}

static bool hmac(size_t hash, const uint8_t *key, size_t key_len, const uint8_t *text, size_t len,
                 uint8_t *out)
{
    (void)hash, (void)key, (void)key_len, (void)text, (void)len, (void)out;
    return false;
}

bool eg_tls_digest(size_t hash, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                   uint8_t *out)
{
    (void)hash, (void)a, (void)a_len, (void)b, (void)b_len, (void)out;
    return false;
}

#endif

enum { LABEL_MAX = 32, SEED_MAX = 64, MASTER = 48 };

bool eg_tls_expand(size_t hash, const uint8_t *secret, const char *label, const uint8_t *context,
                   size_t context_len, uint8_t *out, size_t len)
{
    const size_t label_len = strlen(label);
    // T(n-1), HkdfLabel, n; the label begins with "tls13 ".
    uint8_t block[TLS_HASH_MAX + 2 + 1 + 6 + LABEL_MAX + 1 + TLS_HASH_MAX + 1], *p = block + hash;
    uint8_t *info = block + hash, t[TLS_HASH_MAX];
    size_t info_len;

    if ((hash != 32 && hash != 48) || label_len > LABEL_MAX || context_len > TLS_HASH_MAX ||
        len > TLS_EXPAND_MAX)
        return false;
    *p++ = (uint8_t)(len >> 8);
    *p++ = (uint8_t)len;
    *p++ = (uint8_t)(6 + label_len);
    memcpy(p, "tls13 ", 6);
    p += 6;
    memcpy(p, label, label_len);
    p += label_len;
    *p++ = (uint8_t)context_len;
    if (context_len)
        memcpy(p, context, context_len);
    p += context_len;
    info_len = (size_t)(p - info);
    for (uint8_t i = 1; len; i++) {
        const size_t n = EG_MIN(len, hash), before = i > 1 ? hash : 0;

        *p = i;
        if (!hmac(hash, secret, hash, info - before, before + info_len + 1, t))
            return false;
        memcpy(out, t, n);
        memcpy(block, t, hash);
        out += n;
        len -= n;
    }
    return true;
}

bool eg_tls_next(size_t hash, const uint8_t *secret, uint8_t *out)
{
    static const uint8_t zeros[TLS_HASH_MAX];
    uint8_t empty[TLS_HASH_MAX], salt[TLS_HASH_MAX];

    return eg_tls_digest(hash, zeros, 0, zeros, 0, empty) &&
           eg_tls_expand(hash, secret, "derived", empty, hash, salt, hash) &&
           hmac(hash, salt, hash, zeros, hash, out);
}

bool eg_tls_prf(size_t hash, const uint8_t *master, const char *label, const uint8_t *seed,
                size_t seed_len, uint8_t *out, size_t len)
{
    const size_t label_len = strlen(label);
    uint8_t block[TLS_HASH_MAX + LABEL_MAX + SEED_MAX], t[TLS_HASH_MAX], *text = block + hash;

    if ((hash != 32 && hash != 48) || label_len > LABEL_MAX || seed_len > SEED_MAX ||
        len > TLS_EXPAND_MAX)
        return false;
    memcpy(text, label, label_len);
    memcpy(text + label_len, seed, seed_len);
    // A(1) = HMAC(seed), A(i) = HMAC(A(i-1)); the bytes are HMAC(A(i), seed).
    if (!hmac(hash, master, MASTER, text, label_len + seed_len, block))
        return false;
    while (len) {
        const size_t n = EG_MIN(len, hash);

        if (!hmac(hash, master, MASTER, block, hash + label_len + seed_len, t))
            return false;
        memcpy(out, t, n);
        out += n;
        len -= n;
        if (len && !hmac(hash, master, MASTER, block, hash, t))
            return false;
        memcpy(block, t, hash);
    }
    return true;
}
