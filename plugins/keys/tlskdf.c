/* tlskdf.c - HKDF and PRF of TLS by libcrypto's HMAC. */
#include "tlskdf.h"
#include "crypto.h"

bool eg_tls_digest(size_t hash, const void *bytes, size_t len, uint8_t *out)
{
    return eg_crypto_digest(hash == 48 ? "sha384" : "sha256", bytes, len, out) == hash;
}

static bool hmac(size_t hash, const uint8_t *key, size_t key_len, const uint8_t *text, size_t len,
                 uint8_t *out)
{
    return eg_crypto_hmac(hash == 48 ? "sha384" : "sha256", key, key_len, text, len, out) == hash;
}

bool eg_tls_opens(size_t key_len, bool chacha, const uint8_t *key, const uint8_t *nonce,
                  const uint8_t *head, size_t head_len, const uint8_t *text, size_t len)
{
    enum { TEXT_MAX = 1 << 15 };
    const char *cipher = chacha          ? "chacha20-poly1305"
                         : key_len == 16 ? "aes-128-gcm"
                         : key_len == 32 ? "aes-256-gcm"
                                         : NULL;

    return cipher && len >= CRYPTO_TAG && len <= TEXT_MAX &&
           eg_crypto_open(cipher, key, nonce, head, head_len, text, len - CRYPTO_TAG, NULL);
}

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

    return eg_tls_digest(hash, zeros, 0, empty) &&
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
