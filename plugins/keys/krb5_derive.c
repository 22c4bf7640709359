/* krb5_derive.c - see krb5_derive.h. */
#include "krb5_derive.h"
#include "crypto.h"
#include <string.h>

enum { AES128_SHA1 = 17, AES256_SHA1 = 18, AES128_SHA256 = 19, AES256_SHA384 = 20 };
enum { BLOCK = 16, CONSTANT = 5 }; // the constant: the usage and a letter of its own

bool eg_krb5_block(const uint8_t *key, size_t len, bool encrypt, const uint8_t in[BLOCK],
                   uint8_t out[BLOCK])
{
    return eg_crypto_cipher(len == 16 ? "aes-128-ecb" : "aes-256-ecb", encrypt, key, NULL, in,
                            BLOCK, out);
}

/* n-fold (RFC 3961, 5.1): the constant again and again, each time turned 13 bits to the right, and
 * its pieces of a block added, with the carry going round. */
static void fold(const uint8_t in[CONSTANT], uint8_t out[BLOCK])
{
    enum { IN_BITS = 8 * CONSTANT, ALL = BLOCK * CONSTANT };
    uint8_t all[ALL] = { 0 };
    unsigned carry;

    for (unsigned bit = 0; bit < 8 * ALL; bit++) {
        const unsigned turn = bit / IN_BITS * 13 % IN_BITS;
        const unsigned from = (bit % IN_BITS + IN_BITS - turn) % IN_BITS;

        if (in[from / 8] >> (7 - from % 8) & 1)
            all[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    memset(out, 0, BLOCK);
    for (unsigned piece = 0; piece < CONSTANT; piece++) {
        carry = 0;
        for (unsigned i = BLOCK; i-- > 0; carry >>= 8) {
            carry += out[i] + all[BLOCK * piece + i];
            out[i] = (uint8_t)carry;
        }
        for (unsigned i = BLOCK; carry && i-- > 0; carry >>= 8) {
            carry += out[i];
            out[i] = (uint8_t)carry;
        }
    }
}

/* RFC 3961, 5.1: what encrypting the constant gives, and that once more. */
static bool by_encryption(const uint8_t *key, size_t len, const uint8_t constant[CONSTANT],
                          uint8_t *out)
{
    uint8_t in[BLOCK];

    fold(constant, in);
    for (size_t at = 0; at < len; at += BLOCK) {
        if (!eg_krb5_block(key, len, true, in, out + at))
            return false;
        memcpy(in, out + at, BLOCK);
    }
    return true;
}

/* RFC 8009, 3. @n: bytes of the derived key. */
static bool by_hmac(const char *hash, const uint8_t *key, size_t len,
                    const uint8_t constant[CONSTANT], size_t n, uint8_t *out)
{
    uint8_t message[4 + CONSTANT + 1 + 4] = { 0, 0, 0, 1 }, sum[CRYPTO_DIGEST_MAX];

    memcpy(message + 4, constant, CONSTANT);
    message[sizeof message - 2] = (uint8_t)(n * 8 >> 8);
    message[sizeof message - 1] = (uint8_t)(n * 8);
    if (eg_crypto_hmac(hash, key, len, message, sizeof message, sum) < n)
        return false;
    memcpy(out, sum, n);
    return true;
}

bool eg_krb5_derives(uint32_t type)
{
    return eg_crypto_works() && type >= AES128_SHA1 && type <= AES256_SHA384;
}

size_t eg_krb5_derive(uint32_t type, const uint8_t *key, size_t len, uint32_t usage,
                      enum eg_krb5_for what, uint8_t out[EG_KRB5_DERIVED_MAX])
{
    const uint8_t constant[CONSTANT] = { (uint8_t)(usage >> 24), (uint8_t)(usage >> 16),
                                         (uint8_t)(usage >> 8), (uint8_t)usage, (uint8_t)what };
    const bool is_long = type == AES256_SHA1 || type == AES256_SHA384;
    size_t n = len;
    bool ok;

    if (!eg_krb5_derives(type) || len != (is_long ? 32 : 16))
        return 0;
    if (type == AES256_SHA384 && what != KRB5_CIPHER)
        n = 24; // which of a key is for HMAC-SHA-384
    if (type == AES128_SHA256 || type == AES256_SHA384)
        ok = by_hmac(is_long ? "sha384" : "sha256", key, len, constant, n, out);
    else
        ok = by_encryption(key, len, constant, out);
    return ok ? n : 0;
}
