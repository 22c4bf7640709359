/* crypthash.c - the forms of crypt(5), of htpasswd and of LDAP.
 *
 *  Each hash is written six bits a character. Its last character has fewer than six bits of it, so
 * that only some characters can stand there: what was cut, or made up, seldom fits. */
#include "crypthash.h"
#include "../../core/base.h"
#include <string.h>

/* ORDER alphabets: of crypt(3), and of bcrypt, whose bits also go the other way. */
static const char crypt64[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char bcrypt64[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static int digit(const char *alphabet, char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

/* How many characters of the alphabet @p begins with, at most @max. */
static size_t run(const char *p, size_t n, size_t max)
{
    size_t i = 0;

    while (i < n && i < max && digit(crypt64, p[i]) >= 0)
        i++;
    return i;
}

/* A form with a prefix, "$6$": perhaps parameters, a salt, "$" and the hash. */
static const struct form {
    const char *prefix, *algorithm;
    uint16_t hashcat;
    uint8_t cost, params; /* params: 1: "rounds=N$", 2: "X$", 3: 11 characters, 4: "N$" */
    uint8_t salt_min, salt_max;
    uint8_t hash, last; /* characters; the last one is one of the first @last of the alphabet */
} forms[] = {
    { "$1$", "md5crypt", 500, 1, 0, 0, 8, 22, 4 },
    { "$apr1$", "apr1", 1600, 1, 0, 0, 8, 22, 4 },
    { "$5$", "sha256crypt", 7400, 4, 1, 0, 16, 43, 16 },
    { "$6$", "sha512crypt", 1800, 4, 1, 0, 16, 86, 4 },
    { "$y$", "yescrypt", 0, 100, 2, 1, 86, 43, 16 },
    { "$gy$", "gost-yescrypt", 0, 100, 2, 1, 86, 43, 16 },
    { "$7$", "scrypt", 0, 100, 3, 1, 86, 43, 16 },
    { "$sha1$", "sha1crypt", 15100, 100, 4, 1, 64, 28, 64 },
};

/* "rounds=5000$": @return its length; 0: it is not there. */
static size_t rounds(const char *p, size_t n, uint64_t *count)
{
    static const char word[] = "rounds=";
    size_t i = sizeof word - 1;

    *count = 0;
    if (n <= i || memcmp(p, word, i) != 0)
        return 0;
    for (; i < n && p[i] >= '0' && p[i] <= '9' && *count < 1000000000; i++)
        *count = 10 * *count + (uint64_t)(p[i] - '0');
    return *count >= 1000 && i < n && p[i] == '$' ? i + 1 : 0;
}

/* Digits, or parameters, and "$". */
static size_t upto(const char *p, size_t n, size_t min, size_t max, bool digits)
{
    const size_t len = run(p, n, max);

    for (size_t i = 0; digits && i < len; i++)
        if (p[i] < '0' || p[i] > '9')
            return 0;
    return len >= min && len < n && p[len] == '$' ? len + 1 : 0;
}

enum { NEVER = 1u << 30 }; // the cost of what no trial is worth

/* yescrypt: how, log2 of N, r. "j9T" is what passwd(1) makes: 16 MiB. More would be slow, for who
 * wrote the hash decides. */
static unsigned yescrypt_cost(const char *p, size_t n)
{
    return n == 3 && p[0] == 'j' && digit(crypt64, p[1]) <= 11 && digit(crypt64, p[2]) <= 31
               ? 100
               : NEVER;
}

/* scrypt: log2 of N, r, p. */
static unsigned scrypt_cost(const char *p)
{
    return digit(crypt64, p[0]) <= 14 && !memcmp(p + 1, "U..../....", 10) ? 300 : NEVER;
}

static bool params(const struct form *f, const char *p, size_t n, size_t *at,
                   struct eg_crypt_hash *out)
{
    uint64_t count;
    size_t len = 0;

    switch (f->params) {
    case 1:
        *at += rounds(p + *at, n - *at, &count);
        if (count)
            out->cost = (unsigned)(EG_MIN(count, UINT64_C(999999999)) / 1000);
        return true;
    case 2:
        len = upto(p + *at, n - *at, 2, 24, false);
        if (len)
            out->cost = yescrypt_cost(p + *at, len - 1);
        break;
    case 3:
        len = run(p + *at, n - *at, 11) == 11 ? 11 : 0;
        if (len)
            out->cost = scrypt_cost(p + *at);
        break;
    case 4:
        len = upto(p + *at, n - *at, 1, 10, true);
        out->cost = len <= 7 ? 1000 : NEVER; // below a million rounds
        break;
    default:
        return true;
    }
    *at += len;
    return len > 0;
}

/* Is the end of it here, at @at? */
static bool ends(const char *p, size_t n, size_t at)
{
    return at == n || (digit(crypt64, p[at]) < 0 && p[at] != '$');
}

static bool with_prefix(const struct form *f, const char *p, size_t n, struct eg_crypt_hash *out)
{
    size_t at = strlen(f->prefix), salt;

    if (n < at || memcmp(p, f->prefix, at) != 0)
        return false;
    *out = (struct eg_crypt_hash){ f->algorithm, f->hashcat, f->cost, 0 };
    if (!params(f, p, n, &at, out))
        return false;
    salt = run(p + at, n - at, f->salt_max);
    at += salt;
    if (salt < f->salt_min || at == n || p[at++] != '$' ||
        run(p + at, n - at, f->hash) != f->hash || digit(crypt64, p[at + f->hash - 1]) >= f->last)
        return false;
    out->len = at + f->hash;
    return ends(p, n, out->len);
}

/* "$2b$12$", 22 characters of salt, 31 of hash: 16 and 23 bytes. */
static bool bcrypt(const char *p, size_t n, struct eg_crypt_hash *out)
{
    enum { SALT = 7, HASH = SALT + 22, LEN = HASH + 31 };
    unsigned log;

    if (n < LEN || memcmp(p, "$2", 2) != 0 || !strchr("abxy", p[2]) || p[3] != '$' || p[4] < '0' ||
        p[4] > '3' || p[5] < '0' || p[5] > '9' || p[6] != '$')
        return false;
    log = (unsigned)(10 * (p[4] - '0') + (p[5] - '0'));
    if (log < 4 || log > 31 || run(p + SALT, n - SALT, LEN - SALT) != LEN - SALT ||
        digit(bcrypt64, p[HASH - 1]) % 16 || digit(bcrypt64, p[LEN - 1]) % 4)
        return false;
    *out = (struct eg_crypt_hash){ "bcrypt", 3200, log < 20 ? (1u << log) / 16 : 1u << 16, LEN };
    return ends(p, n, LEN);
}

/* Two characters of salt and 64 bits; or "_", a count, a salt and 64 bits. */
static bool des(const char *p, size_t n, struct eg_crypt_hash *out)
{
    const bool extended = n && *p == '_';
    const size_t len = extended ? 20 : 13;

    if (run(p + extended, n - extended, len - extended) != len - extended ||
        digit(crypt64, p[len - 1]) % 4)
        return false;
    // the count has its lowest bits first
    *out = (struct eg_crypt_hash){ extended ? "bsdicrypt" : "descrypt", extended ? 12400 : 1500,
                                   extended && memcmp(p + 3, "..", 2) != 0 ? NEVER : 10, len,
                                   extended ? 0 : 8 };
    return ends(p, n, len);
}

/* "{SHA}" and 20 bytes in base64; "{SSHA}" and a salt of 4 to 16 bytes behind them. */
static bool ldap(const char *p, size_t n, struct eg_crypt_hash *out)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const bool salted = n > 6 && !memcmp(p, "{SSHA}", 6);
    const size_t from = salted ? 6 : 5;
    size_t len = 0, end;

    if (!salted && (n < 5 || memcmp(p, "{SHA}", 5) != 0))
        return false;
    while (from + len < n && digit(base64, p[from + len]) >= 0 && len < 64)
        len++;
    for (end = from + len; end < n && p[end] == '=' && end < from + len + 2; end++)
        ;
    if ((end - from) % 4 || (salted ? len < 32 || len > 48 : len != 27))
        return false;
    *out = (struct eg_crypt_hash){ salted ? "salted SHA-1" : "SHA-1", salted ? 111 : 101, 1, end };
    return true;
}

bool eg_crypt_hash(const char *p, size_t n, bool bare, struct eg_crypt_hash *out)
{
    n = EG_MIN(n, (size_t)EG_CRYPT_MAX);
    for (size_t i = 0; i < countof(forms); i++)
        if (with_prefix(&forms[i], p, n, out))
            return true;
    return bcrypt(p, n, out) || (bare && (ldap(p, n, out) || des(p, n, out)));
}
