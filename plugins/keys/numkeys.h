/** numkeys.h - private keys among the numbers that a process has: primes whose product is a modulus
 * among them, scalars whose public point is there too. libcrypto computes; a build without it finds
 * none. */
#ifndef KEYS_NUMKEYS_H
#define KEYS_NUMKEYS_H

#include "encode.h"
#include "limbs.h"

struct eg_numkey {
    struct eg_key_buf der; /**< PKCS#1, SEC1 or PKCS#8 */
    uint64_t at;           /**< a prime, the scalar */
    uint64_t also;         /**< the other prime; 0: none */
    bool assumed;          /**< of RSA: nothing says e, it is taken to be 65537 */
};
typedef void eg_numkey_each(void *context, const struct eg_numkey *key);

/** How much is computed at most, of all processes: memory can be made of numbers. */
struct eg_numkeys_left {
    uint64_t pairs;  /**< of RSA: of a modulus and a prime */
    uint64_t points; /**< of elliptic curves: of P-256, others count more */
};
#define EG_NUMKEYS_LEFT                                                                            \
    {                                                                                              \
        UINT64_C(1) << 24, UINT64_C(1) << 14                                                       \
    }
/** Call @each for the keys in @s, which is sorted, each once. @return false: @left was used up. */
EG_API bool eg_numkeys(const struct eg_bignums *s, struct eg_numkeys_left *left,
                       eg_numkey_each *each, void *context);

/** Is one of Ed25519, X25519 (32 bytes), X448 (56) or Ed448 (57) in @private, whose public key
 * stands somewhere in @around? Then @der is the key as PKCS#8. */
EG_API bool eg_numkeys_raw(const uint8_t *private, size_t len, const uint8_t *around,
                           size_t n_around, struct eg_key_buf *der);

/** The key of a modulus, its public exponent and both primes, as PKCS#1. The private exponent is
 * modulo the product of the primes less 1 (@product), as in older files, or modulo their least
 * common multiple. @return false: they are not its primes. */
EG_API bool eg_numkeys_rsa(const struct eg_bignum *n, uint64_t e, const struct eg_bignum *p,
                           const struct eg_bignum *q, bool product, struct eg_key_buf *der);
/** The same of a key in PKCS#8: false for what is not RSA's. */
EG_API bool eg_numkeys_again(const uint8_t *pkcs8, size_t len, bool product,
                             struct eg_key_buf *der);

/** Call @each for the public keys (SubjectPublicKeyInfo) that are whole in these bytes: the modulus
 * and exponent of RSA; the first coordinate of EC, and nothing. */
typedef void eg_public_each(void *context, struct eg_key_bytes n, struct eg_key_bytes e);
EG_API void eg_numkeys_public(const uint8_t *bytes, size_t len, eg_public_each *each,
                              void *context);

/** The x with @odd x = 1 mod 2^64, by Newton's iteration: each step doubles the bits that fit. */
static inline uint64_t eg_word_inverse(uint64_t odd)
{
    uint64_t x = odd; // 3 bits

    for (int i = 0; i < 5; i++)
        x *= 2 - odd * x;
    return x;
}

#endif
