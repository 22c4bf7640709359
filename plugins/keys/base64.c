/* base64.c - see base64.h. */
#include "base64.h"
#include "../../core/base.h"
#include "crypto.h"
#include <string.h>

static int value64(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

size_t eg_base64_run(const uint8_t *p, size_t n, bool url)
{
    size_t i = 0;

    while (i < n && value64(p[i]) >= 0 &&
           !(url ? p[i] == '+' || p[i] == '/' : p[i] == '-' || p[i] == '_'))
        i++;
    return i;
}

size_t eg_base64_decode(const uint8_t *p, size_t n, uint8_t *out)
{
    uint32_t bits = 0, have = 0;
    size_t len = 0;

    if (n % 4 == 1)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const int v = value64(p[i]);

        if (v < 0)
            return 0;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (uint8_t)(bits >> have);
        }
    }
    return bits & ((1u << have) - 1) ? 0 : len;
}

/* ---- base58check ---- */

static int value58(uint8_t c)
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

size_t eg_base58_run(const uint8_t *p, size_t n)
{
    size_t i = 0;

    while (i < n && value58(p[i]) >= 0)
        i++;
    return i;
}

size_t eg_base58_check(const uint8_t *p, size_t n, uint8_t out[EG_BASE58_MAX])
{
    uint8_t number[EG_BASE58_MAX] = { 0 }, sum[32]; // number: least significant byte first
    size_t len = 0, zeros = 0;

    if (n > EG_BASE58_MAX)
        return 0;
    while (zeros < n && p[zeros] == '1')
        zeros++;
    for (size_t i = zeros; i < n; i++) {
        int carry = value58(p[i]);

        if (carry < 0)
            return 0;
        for (size_t k = 0; k < len || carry; k++) {
            carry += 58 * number[k];
            number[k] = (uint8_t)carry;
            carry >>= 8;
            len = EG_MAX(len, k + 1);
        }
    }
    if (len + zeros < 5 || len + zeros > EG_BASE58_MAX)
        return 0;
    memset(out, 0, zeros);
    for (size_t i = 0; i < len; i++)
        out[zeros + i] = number[len - 1 - i];
    len += zeros - 4;
    if (!eg_crypto_digest("sha256", out, len, sum) ||
        !eg_crypto_digest("sha256", sum, sizeof sum, sum) || memcmp(sum, out + len, 4) != 0)
        return 0;
    return len;
}

/* ---- bech32 ---- */

static uint32_t polymod(uint32_t c, uint32_t value)
{
    static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3 };
    const uint32_t top = c >> 25;

    c = (c & 0x1ffffff) << 5 ^ value;
    for (size_t i = 0; i < countof(generator); i++)
        if (top >> i & 1)
            c ^= generator[i];
    return c;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

bool eg_bech32_check(const uint8_t *p, size_t n)
{
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint32_t c = 1;
    size_t one = n; // the last "1" is behind the name

    while (one && p[one - 1] != '1')
        one--;
    if (one < 2 || n < one + 6)
        return false;
    for (size_t i = 0; i + 1 < one; i++)
        c = polymod(c, lower(p[i]) >> 5);
    c = polymod(c, 0);
    for (size_t i = 0; i + 1 < one; i++)
        c = polymod(c, lower(p[i]) & 31);
    for (size_t i = one; i < n; i++) {
        const char *at = p[i] ? strchr(digits, lower(p[i])) : NULL;

        if (!at)
            return false;
        c = polymod(c, (uint32_t)(at - digits));
    }
    return c == 1;
}
