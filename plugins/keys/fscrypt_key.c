/* fscrypt_key.c - which keys follow from which: see fscrypt.h. */
#include "../../core/base.h"
#include "crypto.h"
#include "fscrypt.h"
#include <string.h>

enum { STATE = 64, APART_MAX = 256, WORD = 8 };
enum { V1 = 0, V2 = 2 }; // fscrypt_policy.version
enum { DIRECT = 4, INO_LBLK_64 = 8, INO_LBLK_32 = 16 };
enum { FOR_IDENTIFIER = 1, FOR_FILE = 2, FOR_MODE = 3, FOR_INO_64 = 4, FOR_INO_32 = 6 };

bool eg_fscrypt_policy(const uint8_t *bytes, size_t len, struct eg_fscrypt_policy *out)
{
    const size_t at = len && bytes[0] == V1 ? 4 : 8, n = at == 4 ? 8 : FSCRYPT_SPEC_MAX;

    if (len < at + n || (bytes[0] != V1 && bytes[0] != V2))
        return false;
    *out = (struct eg_fscrypt_policy){ bytes[0], bytes[1], bytes[2], bytes[3], { 0 } };
    memcpy(out->spec, bytes + at, n);
    return true;
}

/* The purpose, then what makes the key one of its own. */
static bool expand(const struct eg_hmac512 *hmac, uint8_t purpose, const uint8_t *own, size_t n,
                   uint8_t *out, size_t size)
{
    uint8_t info[8 + 1 + 1 + FSCRYPT_UUID] = "fscrypt";

    info[8] = purpose;
    if (n)
        memcpy(info + 9, own, n);
    return eg_hkdf512_expand(hmac, info, 9 + n, out, size);
}

static bool identifies(const struct eg_fscrypt_master *m, const struct eg_hmac512 *hmac)
{
    uint8_t id[FSCRYPT_SPEC_MAX];

    return expand(hmac, FOR_IDENTIFIER, NULL, 0, id, sizeof id) && !memcmp(id, m->spec, sizeof id);
}

/* No word of a state is zero, but for one in 2^61. */
static bool read_state(const uint8_t *bytes, bool big, uint64_t *out)
{
    for (size_t i = 0; i < STATE / WORD; i++)
        if (!(out[i] = eg_load_(bytes + WORD * i, WORD, big)))
            return false;
    return true;
}

int64_t eg_fscrypt_find(struct eg_fscrypt_master *m, const uint8_t *bytes, size_t len, bool big,
                        uint32_t *tries)
{
    struct eg_hmac512 hmac;

    // How far they lie apart depends on the implementation: what it exports as its state.
    for (size_t at = 0; at + 2 * STATE <= len; at += WORD) {
        if (!read_state(bytes + at, big, hmac.inner))
            continue;
        for (size_t to = at + STATE; to + STATE <= len && to - at <= APART_MAX; to += WORD) {
            if (!read_state(bytes + to, big, hmac.outer))
                continue;
            if (!*tries)
                return -1;
            --*tries;
            if (identifies(m, &hmac)) {
                m->hmac = hmac;
                m->has_hmac = true;
                return (int64_t)at;
            }
        }
    }
    return -1;
}

bool eg_fscrypt_check(struct eg_fscrypt_master *m)
{
    m->has_hmac = m->type == FSCRYPT_IDENTIFIER && m->size &&
                  eg_hkdf512_extract(m->raw, m->size, &m->hmac) && identifies(m, &m->hmac);
    return m->has_hmac;
}

bool eg_fscrypt_identify(struct eg_fscrypt_master *m)
{
    m->has_hmac = m->type == FSCRYPT_IDENTIFIER && m->size &&
                  eg_hkdf512_extract(m->raw, m->size, &m->hmac) &&
                  expand(&m->hmac, FOR_IDENTIFIER, NULL, 0, m->spec, sizeof m->spec);
    return m->has_hmac;
}

bool eg_fscrypt_derive(const struct eg_fscrypt_master *m, const struct eg_fscrypt_policy *p,
                       const uint8_t *nonce, const uint8_t *uuid, uint8_t mode, size_t size,
                       uint8_t *out)
{
    uint8_t own[1 + FSCRYPT_UUID] = { mode };

    if (p->version == V1) {
        if (m->size < size || size % FSCRYPT_NONCE)
            return false;
        if (p->flags & DIRECT)
            memcpy(out, m->raw, size);
        return p->flags & DIRECT ||
               eg_crypto_cipher("aes-128-ecb", true, nonce, NULL, m->raw, size, out);
    }
    if (!m->has_hmac)
        return false;
    memcpy(own + 1, uuid, FSCRYPT_UUID);
    if (p->flags & DIRECT)
        return expand(&m->hmac, FOR_MODE, own, 1, out, size);
    if (p->flags & INO_LBLK_64)
        return expand(&m->hmac, FOR_INO_64, own, sizeof own, out, size);
    if (p->flags & INO_LBLK_32)
        return expand(&m->hmac, FOR_INO_32, own, sizeof own, out, size);
    return expand(&m->hmac, FOR_FILE, nonce, FSCRYPT_NONCE, out, size);
}

static bool has(const struct eg_tfm_keys *made, const uint8_t *key, size_t size)
{
    for (size_t i = 0; i < made->n; i++)
        if (made->at[i].size == size && !memcmp(made->at[i].key, key, size))
            return true;
    return false;
}

bool eg_fscrypt_scheduled(const struct eg_tfm_keys *made, const uint8_t *key, size_t size)
{
    if (size <= AES_KEY_MAX)
        return has(made, key, size);
    return size == 2 * AES_KEY_MAX && has(made, key, AES_KEY_MAX) &&
           has(made, key + AES_KEY_MAX, AES_KEY_MAX);
}

static const struct eg_tfm_key *only(const struct eg_tfm_keys *made, enum eg_tfm_role role,
                                     size_t size)
{
    const struct eg_tfm_key *one = NULL;

    for (size_t i = 0; i < made->n; i++)
        if (made->at[i].size == size && made->at[i].role == role) {
            if (one)
                return NULL;
            one = &made->at[i];
        }
    return one;
}

bool eg_fscrypt_from_schedule(const struct eg_tfm_keys *made, size_t size, uint8_t *out)
{
    const struct eg_tfm_key *data, *tweak;

    if (size <= AES_KEY_MAX) {
        data = made->n == 1 ? only(made, TFM_ANY, size) : NULL;
        if (data)
            memcpy(out, data->key, size);
        return data != NULL;
    }
    data = only(made, TFM_DATA, AES_KEY_MAX);
    tweak = only(made, TFM_TWEAK, AES_KEY_MAX);
    if (size != 2 * AES_KEY_MAX || !data || !tweak)
        return false;
    memcpy(out, data->key, AES_KEY_MAX);
    memcpy(out + AES_KEY_MAX, tweak->key, AES_KEY_MAX);
    return true;
}
