/* kdf.c - derived keys: see kdf.h. */
#define OPENSSL_SUPPRESS_DEPRECATED // of a digest from its middle there is no other interface
#include "kdf.h"
#include "config.h"
#include <string.h>

enum { BLOCK = 128, TAG = 16 };

#ifdef HAVE_SHA256
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

bool eg_kdf_works(void)
{
    return true;
}

static void resume(SHA512_CTX *c, const uint64_t *state)
{
    SHA512_Init(c);
    for (size_t i = 0; i < 8; i++)
        c->h[i] = state[i];
    c->Nl = 8 * BLOCK;
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

/* What is left of an HMAC's key when the block with it was digested. */
static void digest_key(const uint8_t *key, size_t len, struct eg_hmac512 *out)
{
    uint8_t block[BLOCK];
    SHA512_CTX c;

    for (unsigned i = 0; i < 2; i++) {
        memset(block, i ? 0x5c : 0x36, sizeof block);
        for (size_t k = 0; k < len; k++)
            block[k] ^= key[k];
        SHA512_Init(&c);
        SHA512_Update(&c, block, sizeof block);
        for (size_t k = 0; k < 8; k++)
            (i ? out->outer : out->inner)[k] = c.h[k];
    }
    OPENSSL_cleanse(block, sizeof block);
}

bool eg_hkdf512_extract(const void *key, size_t len, struct eg_hmac512 *out)
{
    struct eg_hmac512 salt;
    uint8_t prk[KDF_SHA512];
    SHA512_CTX c;

    digest_key(NULL, 0, &salt);
    resume(&c, salt.inner);
    SHA512_Update(&c, key, len);
    SHA512_Final(prk, &c);
    resume(&c, salt.outer);
    SHA512_Update(&c, prk, sizeof prk);
    SHA512_Final(prk, &c);
    digest_key(prk, sizeof prk, out);
    OPENSSL_cleanse(prk, sizeof prk);
    return true;
}

bool eg_hmac256(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t *out)
{
    return key_len <= INT32_MAX && HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, NULL);
}

bool eg_kdf_digest(enum eg_kdf_digest which, const void *bytes, size_t len, uint8_t *out, size_t *n)
{
    const EVP_MD *md = which == KDF_MD5      ? EVP_md5()
                       : which == KDF_SHA256 ? EVP_sha256()
                                             : EVP_sha512();
    unsigned size = 0;

    if (EVP_Digest(bytes, len, out, &size, md, NULL) != 1)
        return false;
    *n = size;
    return true;
}

/* @tag: behind the @n bytes; NULL: of a mode that has none. */
static bool work(const EVP_CIPHER *cipher, bool encrypts, const uint8_t *key, const uint8_t *iv,
                 const uint8_t *in, size_t n, const uint8_t *tag, uint8_t *out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t mac[TAG], none[TAG];
    int len = 0;
    bool ok = c && n <= INT32_MAX && EVP_CipherInit_ex(c, cipher, NULL, key, iv, encrypts) == 1;

    if (tag)
        memcpy(mac, tag, sizeof mac);
    ok = ok && EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
         (!tag || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, mac) == 1) &&
         EVP_CipherUpdate(c, out, &len, in, (int)n) == 1 && (size_t)len == n &&
         EVP_CipherFinal_ex(c, none, &len) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool eg_aes128_ecb(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
    return work(EVP_aes_128_ecb(), true, key, NULL, in, n, NULL, out);
}

bool eg_aes256_cbc_open(const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t n,
                        uint8_t *out)
{
    return work(EVP_aes_256_cbc(), false, key, iv, in, n, NULL, out);
}

const char *eg_aead_open(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
    static const uint8_t nonce[12];

    if (work(EVP_chacha20_poly1305(), false, key, nonce, in, n, in + n, out))
        return "ChaCha20-Poly1305";
    return work(EVP_aes_256_gcm(), false, key, nonce, in, n, in + n, out) ? "AES-256-GCM" : NULL;
}
#else

bool eg_kdf_works(void)
{
    return false;
}

bool eg_hkdf512_expand(const struct eg_hmac512 *key, const void *info, size_t info_len,
                       uint8_t *out, size_t n)
{
    (void)key, (void)info, (void)info_len, (void)out, (void)n;
    return false;
}

bool eg_hkdf512_extract(const void *key, size_t len, struct eg_hmac512 *out)
{
    (void)key, (void)len, (void)out;
    return false;
}

bool eg_hmac256(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t *out)
{
    (void)key, (void)key_len, (void)bytes, (void)len, (void)out;
    return false;
}

bool eg_kdf_digest(enum eg_kdf_digest which, const void *bytes, size_t len, uint8_t *out, size_t *n)
{
    (void)which, (void)bytes, (void)len, (void)out, (void)n;
    return false;
}

bool eg_aes128_ecb(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
    (void)key, (void)in, (void)n, (void)out;
    return false;
}

bool eg_aes256_cbc_open(const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t n,
                        uint8_t *out)
{
    (void)key, (void)iv, (void)in, (void)n, (void)out;
    return false;
}

const char *eg_aead_open(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
    (void)key, (void)in, (void)n, (void)out;
    return NULL;
}
#endif
