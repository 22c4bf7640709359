/* crypto.c - digests, ciphers and curves of libcrypto. */
#include "crypto.h"
#include "../../core/base.h"
#include "config.h"
#include <string.h>

void eg_crypto_note(struct eg_run *r)
{
    if (!eg_crypto_works())
        eg_note(r, "this build has no libcrypto: keys that take computing are not proven, or not "
                   "found");
}

#ifdef HAVE_SHA256
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

bool eg_crypto_works(void)
{
    return true;
}

/* What libcrypto says of an error is kept until somebody asks. */
static bool done(bool good)
{
    if (!good)
        ERR_clear_error();
    return good;
}

static const EVP_MD *hash_of(const char *name)
{
    static const struct {
        const char *name;
        const EVP_MD *(*hash)(void);
    } hashes[] = { { "md5", EVP_md5 },
                   { "sha1", EVP_sha1 },
                   { "sha256", EVP_sha256 },
                   { "sha384", EVP_sha384 },
                   { "sha512", EVP_sha512 } };

    for (size_t i = 0; i < countof(hashes); i++)
        if (!strcmp(hashes[i].name, name))
            return hashes[i].hash();
    return NULL;
}

size_t eg_crypto_digest(const char *hash, const void *bytes, size_t len, uint8_t *out)
{
    const EVP_MD *md = hash_of(hash);
    unsigned n = 0;

    return done(md && EVP_Digest(bytes, len, out, &n, md, NULL) == 1) ? n : 0;
}

size_t eg_crypto_hmac(const char *hash, const void *key, size_t key_len, const void *bytes,
                      size_t len, uint8_t *out)
{
    const EVP_MD *md = hash_of(hash);
    unsigned n = 0;

    return done(md && key_len <= INT32_MAX && HMAC(md, key, (int)key_len, bytes, len, out, &n)) ? n
                                                                                                : 0;
}

bool eg_crypto_cipher(const char *cipher, bool encrypts, const uint8_t *key, const uint8_t *iv,
                      const uint8_t *in, size_t n, uint8_t *out)
{
    const EVP_CIPHER *by = EVP_get_cipherbyname(cipher);
    EVP_CIPHER_CTX *c = by && n <= INT32_MAX ? EVP_CIPHER_CTX_new() : NULL;
    uint8_t none[EVP_MAX_BLOCK_LENGTH];
    int len = 0;
    const bool good = c && EVP_CipherInit_ex(c, by, NULL, key, iv, encrypts) == 1 &&
                      EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
                      EVP_CipherUpdate(c, out, &len, in, (int)n) == 1 && (size_t)len == n &&
                      EVP_CipherFinal_ex(c, none, &len) == 1;

    EVP_CIPHER_CTX_free(c);
    return done(good);
}

bool eg_crypto_open(const char *cipher, const uint8_t *key, const uint8_t *nonce,
                    const uint8_t *head, size_t head_len, const uint8_t *in, size_t n, uint8_t *out)
{
    const EVP_CIPHER *by = EVP_get_cipherbyname(cipher);
    EVP_CIPHER_CTX *c = by ? EVP_CIPHER_CTX_new() : NULL;
    uint8_t tag[CRYPTO_TAG], piece[1 << 10];
    int len;
    bool good = c && EVP_DecryptInit_ex(c, by, NULL, key, nonce) == 1;

    if (good) {
        memcpy(tag, in + n, sizeof tag);
        good = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
               (!head_len || EVP_DecryptUpdate(c, NULL, &len, head, (int)head_len) == 1);
    }
    for (size_t at = 0; good && at < n; at += sizeof piece)
        good = EVP_DecryptUpdate(c, out ? out + at : piece, &len, in + at,
                                 (int)EG_MIN(n - at, sizeof piece)) == 1;
    good = good && EVP_DecryptFinal_ex(c, piece, &len) == 1;
    EVP_CIPHER_CTX_free(c);
    return done(good);
}

size_t eg_crypto_public(const char *curve, const uint8_t *private, size_t len,
                        uint8_t out[CRYPTO_PUBLIC_MAX])
{
    static const struct {
        const char *name;
        int type;
    } curves[] = { { "X25519", EVP_PKEY_X25519 },
                   { "Ed25519", EVP_PKEY_ED25519 },
                   { "X448", EVP_PKEY_X448 },
                   { "Ed448", EVP_PKEY_ED448 } };
    size_t n = CRYPTO_PUBLIC_MAX, i = 0;
    EVP_PKEY *key;
    bool good;

    while (i < countof(curves) && strcmp(curves[i].name, curve) != 0)
        i++;
    if (i == countof(curves))
        return 0;
    key = EVP_PKEY_new_raw_private_key(curves[i].type, NULL, private, len);
    good = key && EVP_PKEY_get_raw_public_key(key, out, &n) == 1;
    EVP_PKEY_free(key);
    return done(good) ? n : 0;
}

bool eg_crypto_shared(const uint8_t *private, const uint8_t *public, uint8_t out[X25519_SIZE])
{
    size_t n = X25519_SIZE;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, X25519_SIZE);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public, X25519_SIZE);
    EVP_PKEY_CTX *c = own && peer ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    const bool good = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1 &&
                      EVP_PKEY_derive(c, out, &n) == 1 && n == X25519_SIZE;

    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    return done(good);
}

#else

bool eg_crypto_works(void)
{
    return false;
}

size_t eg_crypto_digest(const char *hash, const void *bytes, size_t len, uint8_t *out)
{
    (void)hash, (void)bytes, (void)len, (void)out;
    return 0;
}

size_t eg_crypto_hmac(const char *hash, const void *key, size_t key_len, const void *bytes,
                      size_t len, uint8_t *out)
{
    (void)hash, (void)key, (void)key_len, (void)bytes, (void)len, (void)out;
    return 0;
}

bool eg_crypto_cipher(const char *cipher, bool encrypts, const uint8_t *key, const uint8_t *iv,
                      const uint8_t *in, size_t n, uint8_t *out)
{
    (void)cipher, (void)encrypts, (void)key, (void)iv, (void)in, (void)n, (void)out;
    return false;
}

bool eg_crypto_open(const char *cipher, const uint8_t *key, const uint8_t *nonce,
                    const uint8_t *head, size_t head_len, const uint8_t *in, size_t n, uint8_t *out)
{
    (void)cipher, (void)key, (void)nonce, (void)head, (void)head_len, (void)in, (void)n, (void)out;
    return false;
}

size_t eg_crypto_public(const char *curve, const uint8_t *private, size_t len,
                        uint8_t out[CRYPTO_PUBLIC_MAX])
{
    (void)curve, (void)private, (void)len, (void)out;
    return 0;
}

bool eg_crypto_shared(const uint8_t *private, const uint8_t *public, uint8_t out[X25519_SIZE])
{
    (void)private, (void)public, (void)out;
    return false;
}

#endif
