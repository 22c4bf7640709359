/* tokentext.c - see tokentext.h. */
#include "tokentext.h"
#include "../../core/base.h"
#include "base64.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

bool eg_is_word(uint8_t c)
{
    return is_alnum(c) || c == '_' || c == '-';
}

/* Chance gives many different characters, "xxxx…" and "YOUR_KEY" have few. */
static bool is_varied(const uint8_t *p, size_t n)
{
    uint64_t seen[4] = { 0 };
    unsigned different = 0;

    for (size_t i = 0; i < n; i++)
        seen[p[i] >> 6] |= UINT64_C(1) << (p[i] & 63);
    for (size_t i = 0; i < countof(seen); i++)
        different += (unsigned)__builtin_popcountll(seen[i]);
    return different >= EG_MIN(n, (size_t)64) / 4 + 3;
}

/* ---- tokens with a prefix ---- */

enum alphabet { ALNUM, WORD, DOTS, HEX }; // DOTS: words, and dots between them
static const struct prefixed {
    const char *prefix, *purpose;
    enum alphabet alphabet;
    uint16_t min, max; // characters behind the prefix
    bool sum;          // the last six are a checksum
} prefixes[] = {
    { "ghp_", "GitHub token", ALNUM, 36, 36, true },
    { "gho_", "GitHub OAuth token", ALNUM, 36, 36, true },
    { "ghu_", "GitHub user token", ALNUM, 36, 36, true },
    { "ghs_", "GitHub server token", ALNUM, 36, 36, true },
    { "ghr_", "GitHub refresh token", ALNUM, 76, 76, false },
    { "github_pat_", "GitHub token", WORD, 82, 82, false },
    { "npm_", "npm token", ALNUM, 36, 36, true },
    { "glpat-", "GitLab token", DOTS, 20, 64, false },
    { "xoxb-", "Slack bot token", WORD, 40, 255, false },
    { "xoxp-", "Slack user token", WORD, 40, 255, false },
    { "xoxa-", "Slack token", WORD, 40, 255, false },
    { "AIza", "Google API key", WORD, 35, 35, false },
    { "ya29.", "Google OAuth token", WORD, 64, 1024, false },
    { "sk_live_", "Stripe secret key", ALNUM, 24, 99, false },
    { "rk_live_", "Stripe restricted key", ALNUM, 24, 99, false },
    { "hvs.", "Vault token", WORD, 24, 256, false },
    { "dop_v1_", "DigitalOcean token", HEX, 64, 64, false },
};

static bool is_of(enum alphabet a, uint8_t c)
{
    switch (a) {
    case ALNUM:
        return is_alnum(c);
    case WORD:
        return eg_is_word(c);
    case DOTS:
        return eg_is_word(c) || c == '.';
    case HEX:
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return false;
}

/* The CRC-32 of what stands before, in base62. */
static bool sum_fits(const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    enum { SUM = 6 };
    unsigned long crc = crc32(0, p, (unsigned)(n - SUM));

    for (size_t i = n; i-- > n - SUM; crc /= 62)
        if (p[i] != (uint8_t)digits[crc % 62])
            return false;
    return true;
}

static bool with_prefix(const struct prefixed *f, const uint8_t *p, size_t n, struct eg_token *out)
{
    const size_t at = strlen(f->prefix);
    size_t len = 0;

    if (n < at || memcmp(p, f->prefix, at) != 0)
        return false;
    while (at + len < n && len <= f->max && is_of(f->alphabet, p[at + len]))
        len++;
    while (f->alphabet == DOTS && len && p[at + len - 1] == '.') // the end of a sentence
        len--;
    if (len < f->min || len > f->max || (at + len < n && eg_is_word(p[at + len])) ||
        !is_varied(p + at, len) || (f->sum && !sum_fits(p + at, len)))
        return false;
    *out = (struct eg_token){ .purpose = f->purpose,
                              .proof = f->sum ? "checksum" : NULL,
                              .len = at + len };
    return true;
}

/* ---- JSON Web Tokens ---- */

/* "name":"text" of an object. The first such text, wherever: what a claim has in it does not
 * matter, for nothing is decided by that. */
static bool member(const uint8_t *json, size_t n, const char *name, char *out, size_t size)
{
    const size_t len = strlen(name);
    const uint8_t *at = json, *end = json + n;
    size_t some = 0;

    *out = 0;
    while ((at = memchr(at, '"', (size_t)(end - at)))) {
        at++;
        if ((size_t)(end - at) <= len || memcmp(at, name, len) != 0 || at[len] != '"')
            continue;
        for (at += len + 1; at < end && (*at == ' ' || *at == ':'); at++)
            ;
        if (at == end || *at++ != '"')
            return false;
        for (; at < end && *at != '"' && some < size - 1; at++)
            out[some++] = *at >= ' ' && *at < 0x7f ? (char)*at : '?';
        out[some] = 0;
        return at < end && *at == '"';
    }
    return false;
}

/* An object of JSON, by its ends and by what no text of JSON has: control characters but blanks. */
static bool is_object(const uint8_t *p, size_t n)
{
    if (n < 2 || p[0] != '{' || p[n - 1] != '}')
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] < ' ' && p[i] != '\n' && p[i] != '\r' && p[i] != '\t')
            return false;
    return true;
}

/* RFC 7518, 3.1, and RFC 8037: bytes of the signature; 0: RSA's, which are those of its modulus. */
static bool signature_fits(const char *alg, size_t bytes)
{
    static const struct {
        const char *alg;
        uint16_t bytes;
    } of[] = {
        { "HS256", 32 },  { "HS384", 48 }, { "HS512", 64 },  { "ES256", 64 }, { "ES384", 96 },
        { "ES512", 132 }, { "EdDSA", 64 }, { "ES256K", 64 }, { "RS256", 0 },  { "RS384", 0 },
        { "RS512", 0 },   { "PS256", 0 },  { "PS384", 0 },   { "PS512", 0 },
    };

    for (size_t i = 0; i < countof(of); i++)
        if (!strcmp(of[i].alg, alg))
            return of[i].bytes ? bytes == of[i].bytes
                               : bytes >= 128 && bytes <= 2048 && bytes % 64 == 0;
    return false;
}

static bool web_token(const uint8_t *p, size_t n, struct eg_token *out)
{
    uint8_t bytes[3 * EG_TOKEN_MAX / 4];
    size_t part[3], at = 0, len;

    n = EG_MIN(n, (size_t)EG_TOKEN_MAX);
    for (size_t i = 0; i < 3; i++) {
        part[i] = eg_base64_run(p + at, n - at, true);
        at += part[i];
        if (!part[i] || (i < 2 && (at == n || p[at++] != '.')))
            return false;
    }
    if (at == EG_TOKEN_MAX)
        return false;
    *out = (struct eg_token){ .purpose = "JSON Web Token", .len = at };
    len = eg_base64_decode(p, part[0], bytes);
    if (!is_object(bytes, len) || !member(bytes, len, "alg", out->algorithm, sizeof out->algorithm))
        return false;
    len = eg_base64_decode(p + part[0] + 1, part[1], bytes);
    if (!is_object(bytes, len))
        return false;
    if (!member(bytes, len, "sub", out->name, sizeof out->name))
        member(bytes, len, "iss", out->name, sizeof out->name);
    for (size_t i = 0; i < len && i < sizeof out->claims - 1; i++)
        out->claims[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    out->proof = "header and claims decode, length of the signature";
    return signature_fits(out->algorithm,
                          eg_base64_decode(p + part[0] + part[1] + 2, part[2], bytes));
}

bool eg_token_read(const uint8_t *p, size_t n, struct eg_token *out)
{
    if (n >= 3 && !memcmp(p, "eyJ", 3))
        return web_token(p, n, out);
    for (size_t i = 0; i < countof(prefixes); i++)
        if (n && prefixes[i].prefix[0] == (char)*p && with_prefix(&prefixes[i], p, n, out))
            return true;
    return false;
}

/* ---- AWS ---- */

bool eg_aws_id(const uint8_t *p, size_t n)
{
    if (n < EG_AWS_ID || p[0] != 'A' || (p[1] != 'K' && p[1] != 'S') || p[2] != 'I' || p[3] != 'A')
        return false;
    for (size_t i = 4; i < EG_AWS_ID; i++)
        if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '2' && p[i] <= '7')))
            return false;
    return is_varied(p + 4, EG_AWS_ID - 4) && (n == EG_AWS_ID || !eg_is_word(p[EG_AWS_ID]));
}

/* A digest in hex has as many characters. */
static bool is_hex(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_of(HEX, p[i]) && !is_of(HEX, p[i] | 32))
            return false;
    return true;
}

const uint8_t *eg_aws_secret(const uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        const size_t len = eg_base64_run(p + at, n - at, false);

        if (len == EG_AWS_SECRET && (at + len == n || p[at + len] != '=') &&
            is_varied(p + at, len) && !is_hex(p + at, len))
            return p + at;
        at += len + 1;
    }
    return NULL;
}
