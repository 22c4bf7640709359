/* krb5_open.c - see krb5_open.h. */
#include "krb5_open.h"
#include "crypto.h"
#include "krb5_derive.h"
#include <string.h>

enum {
    BLOCK = 16,
    SUM = 12, // bytes of the HMAC-SHA-1 that are kept
    TICKET_USAGE = 2,
};

/* CBC with a first block of zeros whose last two blocks are exchanged and the last one cut
 * (RFC 3962, 5). @n is more than a block. */
static bool decrypt(const uint8_t *key, size_t len, const uint8_t *in, size_t n, uint8_t *out)
{
    static const uint8_t zeros[BLOCK];
    const size_t last = (n - 1) / BLOCK * BLOCK, rest = n - last; // of what is cut
    const uint8_t *before = zeros;
    uint8_t plain[BLOCK], whole[BLOCK];

    for (size_t at = 0; at + BLOCK < last; at += BLOCK) {
        if (!eg_krb5_block(key, len, false, in + at, plain))
            return false;
        for (size_t i = 0; i < BLOCK; i++)
            out[at + i] = plain[i] ^ before[i];
        before = in + at;
    }
    if (!eg_krb5_block(key, len, false, in + last - BLOCK, plain))
        return false;
    memcpy(whole, plain, BLOCK);
    memcpy(whole, in + last, rest);
    for (size_t i = 0; i < rest; i++)
        out[last + i] = plain[i] ^ in[last + i];
    if (!eg_krb5_block(key, len, false, whole, plain))
        return false;
    for (size_t i = 0; i < BLOCK; i++)
        out[last - BLOCK + i] = plain[i] ^ before[i];
    return true;
}

static bool sum_fits(const uint8_t *key, size_t len, const uint8_t *plain, size_t n,
                     const uint8_t *sum)
{
    uint8_t out[CRYPTO_DIGEST_MAX];

    return eg_crypto_hmac("sha1", key, len, plain, n, out) >= SUM && !memcmp(out, sum, SUM);
}

/* ---- the ticket ---- */

enum { APPLICATION_TICKET = 0x61, APPLICATION_PART = 0x63, CONTEXT = 0xa0 };

/* Its encrypted part, of encryption type @type. */
static bool cipher_of(struct eg_key_bytes ticket, uint16_t type, struct eg_key_bytes *out)
{
    struct eg_key_bytes in, seq, field, value;

    if (!eg_der_take(&ticket, APPLICATION_TICKET, &in) || !eg_der_take(&in, DER_SEQUENCE, &seq))
        return false;
    for (uint8_t i = 0; i < 3; i++)
        if (!eg_der_take(&seq, CONTEXT + i, &field))
            return false;
    if (!eg_der_take(&seq, CONTEXT + 3, &field) || !eg_der_take(&field, DER_SEQUENCE, &in) ||
        !eg_der_take(&in, CONTEXT, &field) || !eg_der_take(&field, DER_INTEGER, &value) ||
        value.n != 1 || value.at[0] != type)
        return false;
    eg_der_take(&in, CONTEXT + 1, &field); // the key's version, which may be absent
    return eg_der_take(&in, CONTEXT + 2, &field) && eg_der_take(&field, DER_OCTETS, out);
}

/* EncTicketPart: flags, and then the session key. */
static bool session_of(struct eg_key_bytes plain, struct eg_key_bytes *out)
{
    struct eg_key_bytes in, seq, field, key;

    return eg_der_take(&plain, APPLICATION_PART, &in) && eg_der_take(&in, DER_SEQUENCE, &seq) &&
           eg_der_take(&seq, CONTEXT, &field) && eg_der_take(&seq, CONTEXT + 1, &field) &&
           eg_der_take(&field, DER_SEQUENCE, &key) && eg_der_take(&key, CONTEXT, &field) &&
           eg_der_take(&key, CONTEXT + 1, &field) && eg_der_take(&field, DER_OCTETS, out);
}

bool eg_krb5_open(uint16_t type, const uint8_t *key, size_t len, struct eg_key_bytes ticket,
                  uint8_t session[EG_KRB5_KEY_MAX], size_t *session_len)
{
    enum { AES128 = 17, AES256 = 18 };
    uint8_t for_sum[EG_KRB5_KEY_MAX], for_cipher[EG_KRB5_KEY_MAX], plain[EG_KRB5_TICKET_MAX];
    struct eg_key_bytes cipher, found;
    size_t n;

    if (!((type == AES128 && len == 16) || (type == AES256 && len == 32)) ||
        !cipher_of(ticket, type, &cipher) || cipher.n > sizeof plain || cipher.n <= 2 * BLOCK + SUM)
        return false;
    n = cipher.n - SUM;
    if (!eg_krb5_derive(type, key, len, TICKET_USAGE, KRB5_INTEGRITY, for_sum) ||
        !eg_krb5_derive(type, key, len, TICKET_USAGE, KRB5_CIPHER, for_cipher) ||
        !decrypt(for_cipher, len, cipher.at, n, plain) ||
        !sum_fits(for_sum, len, plain, n, cipher.at + n))
        return false;
    // a block of random bytes is before it
    if (!session_of((struct eg_key_bytes){ plain + BLOCK, n - BLOCK }, &found) ||
        found.n > EG_KRB5_KEY_MAX)
        return false;
    memcpy(session, found.at, found.n);
    *session_len = found.n;
    return true;
}
