/* wallet.c - see wallet.h. */
#include "wallet.h"
#include "../../core/base.h"
#include "base64.h"
#include "crypto.h"
#include <string.h>

/* ---- base58check ---- */

enum { WIF = 51, WIF_COMPRESSED = 52, XPRV = 111 };

size_t eg_wif_form(const uint8_t *p, size_t n)
{
    size_t len;

    // What follows from the first byte, 0x80, in front of any 32 bytes.
    if (n < 2 || !(p[0] == '5'   ? p[1] >= 'H' && p[1] <= 'K' && p[1] != 'I'
                   : p[0] == 'K' ? p[1] >= 'w' && p[1] <= 'z'
                                 : p[0] == 'L' && p[1] >= '1' && p[1] <= '5'))
        return 0;
    len = eg_base58_run(p, EG_MIN(n, (size_t)WIF_COMPRESSED + 1));
    return len == (p[0] == '5' ? WIF : WIF_COMPRESSED) ? len : 0;
}

size_t eg_xprv_form(const uint8_t *p, size_t n)
{
    // BIP 49 and BIP 84 have prefixes of their own.
    if (n < XPRV || memcmp(p + 1, "prv", 3) != 0 || !strchr("xyzt", p[0]) ||
        eg_base58_run(p, EG_MIN(n, (size_t)XPRV + 1)) != XPRV)
        return 0;
    return XPRV;
}

bool eg_base58_key(const uint8_t *p, size_t n, const char **what)
{
    enum { SIZE = 78, KEY_AT = 45 }; // BIP 32: version, depth, parent, number, chain code, key
    uint8_t b[EG_BASE58_MAX];
    const size_t len = eg_base58_check(p, n, b);

    if ((len == 33 || (len == 34 && b[33] == 1)) && b[0] == 0x80)
        *what = len == 33 ? "Bitcoin private key" : "Bitcoin private key, compressed";
    else if (len == SIZE && b[KEY_AT] == 0 && !eg_all_zero(b + KEY_AT + 1, 32))
        *what = "extended private key (BIP 32)";
    else
        return false;
    return true;
}

/* ---- age ---- */

size_t eg_age_form(const uint8_t *p, size_t n)
{
    static const char prefix[] = "AGE-SECRET-KEY-1";
    enum { FIRST = sizeof prefix - 1, LEN = FIRST + 52 + 6 }; // 32 bytes, checksum

    if (n < LEN || memcmp(p, prefix, FIRST) != 0 || !eg_bech32_check(p, LEN))
        return 0;
    for (size_t i = FIRST; i < LEN; i++)
        if (p[i] >= 'a' && p[i] <= 'z') // not both cases in one text
            return 0;
    return LEN;
}

/* ---- BIP 39 ---- */

enum { WORDS = 2048, LONGEST = 8, SHORTEST = 3, BITS = 11 };
static const char words[WORDS][LONGEST + 1] = {
#include "bip39.inc"
};

/* Without a NUL, which a word of eight letters would have behind it. */
static int compare(const uint8_t *p, size_t n, const char *word)
{
    const int c = strncmp((const char *)p, word, n);

    return c ? c : word[n] ? -1 : 0;
}

int eg_bip39_word(const uint8_t *p, size_t n)
{
    size_t i;

    if (n < SHORTEST || n > LONGEST)
        return -1;
    i = eg_lower_bound(WORDS, k, compare(p, n, words[k]) > 0);
    return i < WORDS && !compare(p, n, words[i]) ? (int)i : -1;
}

static size_t word_len(const uint8_t *p, size_t n)
{
    size_t len = 0;

    while (len < n && len <= LONGEST && p[len] >= 'a' && p[len] <= 'z')
        len++;
    return len;
}

static bool is_count(size_t n)
{
    return n >= 12 && n <= 24 && n % 3 == 0;
}

/* Lists of the words themselves have each behind the one before. */
static bool is_list(size_t follows, size_t n)
{
    return follows > n / 3;
}

size_t eg_bip39_form(const uint8_t *p, size_t n, size_t *at)
{
    size_t count = 0, begin = 0, end = 0, follows = 0;
    int last = -2;

    for (size_t i = 0; i <= n;) {
        const size_t len = word_len(p + i, n - i);
        const int number = eg_bip39_word(p + i, len);

        if (number >= 0) {
            if (!count)
                begin = i;
            count++;
            follows += number == last + 1;
            last = number;
            end = i + len;
        }
        // a row ends where no blank follows a word, or no word a blank
        if (count && (number < 0 || i + len >= n || p[i + len] != ' ')) {
            if (is_count(count) && !is_list(follows, count)) {
                *at = begin;
                return end - begin;
            }
            count = follows = 0;
            last = -2;
        }
        i += len ? len : 1;
        while (len && i < n && p[i] >= 'a' && p[i] <= 'z') // the rest of a longer word
            i++;
        if (len && i < n && p[i] == ' ')
            i++;
    }
    return 0;
}

bool eg_bip39_check(const uint8_t *p, size_t n)
{
    uint8_t bits[EG_BIP39_MAX] = { 0 }, sum[32];
    size_t count = 0, size, check;

    for (size_t i = 0; i < n; count++) {
        const size_t len = word_len(p + i, n - i);
        const int number = eg_bip39_word(p + i, len);

        if (number < 0 || count == 24)
            return false;
        for (unsigned b = 0; b < BITS; b++)
            if (number >> (BITS - 1 - b) & 1)
                bits[(count * BITS + b) / 8] |= (uint8_t)(0x80 >> (count * BITS + b) % 8);
        i += len + 1;
    }
    if (!is_count(count))
        return false;
    check = count / 3;
    size = (count * BITS - check) / 8;
    return eg_crypto_digest("sha256", bits, size, sum) && !((bits[size] ^ sum[0]) >> (8 - check));
}
