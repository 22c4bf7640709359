/* ike.c - see ike.h. By libcrypto: without it nothing opens. */
#include "ike.h"
#include "config.h"
#include "tlskdf.h"

enum { AT_LENGTH = 24, AT_PAYLOAD = 28, ENCRYPTED = 46, BLOCK = 16, CHAIN_MAX = 64 };

static size_t be16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

size_t eg_ike_message(const uint8_t *p, size_t room)
{
    enum { SMALLEST = IKE_HEAD + 8 + 1 + 8, FIRST = 33, LAST = 54, AUTH = 35, RESUME = 43 };
    size_t len;

    if (room < IKE_HEAD || p[16] != ENCRYPTED || p[17] != 0x20 || p[18] < AUTH || p[18] > RESUME ||
        (p[19] & ~0x38) || p[AT_LENGTH] || p[AT_LENGTH + 1])
        return 0;
    len = be16(p + AT_LENGTH + 2);
    // the payload within: what is in it first, no flags, its length
    if ((p[AT_PAYLOAD] && (p[AT_PAYLOAD] < FIRST || p[AT_PAYLOAD] > LAST)) || p[AT_PAYLOAD + 1] ||
        len < SMALLEST || len > IKE_MESSAGE_MAX || be16(p + AT_PAYLOAD + 2) != len - AT_PAYLOAD)
        return 0;
    return len;
}

bool eg_ike_gcm(const uint8_t *p, size_t len, const uint8_t *key, size_t key_len,
                const uint8_t salt[IKE_SALT])
{
    enum { IV = 8, TAG = 16 };
    uint8_t nonce[IKE_SALT + IV];

    if (len < IKE_HEAD + IV + TAG + 1)
        return false;
    memcpy(nonce, salt, IKE_SALT);
    memcpy(nonce + IKE_SALT, p + IKE_HEAD, IV);
    return eg_tls_opens(key_len, false, key, nonce, p, IKE_HEAD, p + IKE_HEAD + IV,
                        len - IKE_HEAD - IV);
}

/* Payloads follow each other, then padding and its length. */
static int payloads(const uint8_t *p, size_t n, uint8_t next)
{
    const size_t padding = (size_t)p[n - 1] + 1;
    int count = 0;
    size_t at = 0;

    if (padding > n)
        return -1;
    for (; next && count < CHAIN_MAX; count++) {
        size_t len;

        if (n - padding - at < 4)
            return -1;
        len = be16(p + at + 2);
        if (len < 4 || len > n - padding - at)
            return -1;
        next = p[at];
        at += len;
    }
    return at == n - padding ? count : -1;
}

#ifdef HAVE_SHA256
#include <openssl/evp.h>
#include <openssl/hmac.h>

size_t eg_ike_mac(const uint8_t *p, size_t len, const uint8_t *key, size_t key_len)
{
    const EVP_MD *digest = key_len == 20   ? EVP_sha1()
                           : key_len == 32 ? EVP_sha256()
                           : key_len == 48 ? EVP_sha384()
                           : key_len == 64 ? EVP_sha512()
                                           : NULL;
    const size_t n = key_len == 20 ? 12 : key_len / 2;
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned sum_len;

    return digest && len > IKE_HEAD + n &&
                   HMAC(digest, key, (int)key_len, p, len - n, sum, &sum_len) &&
                   !memcmp(sum, p + len - n, n)
               ? n
               : 0;
}

bool eg_ike_subkey(const uint8_t *key, size_t key_len, uint8_t out[16])
{
    static const uint8_t zeros[BLOCK];
    const EVP_CIPHER *cipher = key_len == 16   ? EVP_aes_128_ecb()
                               : key_len == 32 ? EVP_aes_256_ecb()
                                               : NULL;
    EVP_CIPHER_CTX *c = cipher ? EVP_CIPHER_CTX_new() : NULL;
    uint8_t block[2 * BLOCK];
    int n = 0;
    const bool good = c && EVP_EncryptInit_ex(c, cipher, NULL, key, NULL) &&
                      EVP_EncryptUpdate(c, block, &n, zeros, BLOCK) && n == BLOCK;

    if (good)
        memcpy(out, block, BLOCK);
    EVP_CIPHER_CTX_free(c);
    return good;
}

int eg_ike_cbc(const uint8_t *p, size_t len, size_t mac, const uint8_t *key, size_t key_len)
{
    const EVP_CIPHER *cipher = key_len == 16   ? EVP_aes_128_cbc()
                               : key_len == 24 ? EVP_aes_192_cbc()
                               : key_len == 32 ? EVP_aes_256_cbc()
                                               : NULL;
    const size_t text = IKE_HEAD + BLOCK;
    uint8_t out[IKE_MESSAGE_MAX + BLOCK];
    EVP_CIPHER_CTX *c;
    int n = 0, count = -1;

    if (!cipher || len > IKE_MESSAGE_MAX || len < text + BLOCK + mac || (len - text - mac) % BLOCK)
        return -1;
    c = EVP_CIPHER_CTX_new();
    if (c && EVP_DecryptInit_ex(c, cipher, NULL, key, p + IKE_HEAD) &&
        EVP_CIPHER_CTX_set_padding(c, 0) &&
        EVP_DecryptUpdate(c, out, &n, p + text, (int)(len - text - mac)) && n > 0)
        count = payloads(out, (size_t)n, p[AT_PAYLOAD]);
    EVP_CIPHER_CTX_free(c);
    return count;
}

#else

size_t eg_ike_mac(const uint8_t *p, size_t len, const uint8_t *key, size_t key_len)
{
    (void)p, (void)len, (void)key, (void)key_len;
    return 0;
}

bool eg_ike_subkey(const uint8_t *key, size_t key_len, uint8_t out[16])
{
    (void)key, (void)key_len, (void)out;
    return false;
}

int eg_ike_cbc(const uint8_t *p, size_t len, size_t mac, const uint8_t *key, size_t key_len)
{
    (void)p, (void)len, (void)mac, (void)key, (void)key_len, (void)payloads;
    return -1;
}

#endif
