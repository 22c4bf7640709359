/* ovpn.c - see ovpn.h. Layouts and labels: OpenVPN's crypto.h, ssl.c, crypto_epoch.c, tls_crypt.c;
 * the exporter: RFC 8446, 7.5, and RFC 5705, 4. */
#include "ovpn.h"
#include "base64.h"
#include "crypto.h"
#include "tlskdf.h"

static const char label[] = "EXPORTER-OpenVPN-datakeys";

bool eg_ovpn_export13(size_t hash, const uint8_t *exporter, uint8_t out[OVPN_KEYS])
{
    uint8_t empty[TLS_HASH_MAX], secret[TLS_HASH_MAX];

    return eg_tls_digest(hash, "", 0, empty) &&
           eg_tls_expand(hash, exporter, label, empty, hash, secret, hash) &&
           eg_tls_expand(hash, secret, "exporter", empty, hash, out, OVPN_KEYS);
}

bool eg_ovpn_export12(size_t hash, const uint8_t *master, const uint8_t *client,
                      const uint8_t *server, uint8_t out[OVPN_KEYS])
{
    enum { RANDOM = 32 };
    uint8_t seed[2 * RANDOM];

    memcpy(seed, client, RANDOM);
    memcpy(seed + RANDOM, server, RANDOM);
    return eg_tls_prf(hash, master, label, seed, sizeof seed, out, OVPN_KEYS);
}

/* HKDF-Expand with SHA-256, whose first block is enough; the label's prefix is OpenVPN's own. */
bool eg_ovpn_epoch(const uint8_t secret[OVPN_EPOCH], const char *what, uint8_t *out, size_t len)
{
    enum { LABEL_MAX = 32 };
    static const char prefix[] = "ovpn ";
    const size_t what_len = strlen(what), label_len = sizeof prefix - 1 + what_len;
    uint8_t info[4 + sizeof prefix + LABEL_MAX], *p = info, block[CRYPTO_DIGEST_MAX];

    if (what_len > LABEL_MAX || len > 32)
        return false;
    *p++ = 0;
    *p++ = (uint8_t)len;
    *p++ = (uint8_t)label_len;
    memcpy(p, prefix, sizeof prefix - 1);
    memcpy(p + sizeof prefix - 1, what, what_len);
    p += label_len;
    *p++ = 0; // no context
    *p++ = 1; // the first block
    if (!eg_crypto_hmac("sha256", secret, OVPN_EPOCH, info, (size_t)(p - info), block))
        return false;
    memcpy(out, block, len);
    return true;
}

/* ---- files ---- */

static const struct {
    const char *begin, *end;
} forms[OVPN_SORTS] = {
    [OVPN_STATIC] = { "-----BEGIN OpenVPN Static key V1-----",
                      "-----END OpenVPN Static key V1-----" },
    [OVPN_V2_SERVER] = { "-----BEGIN OpenVPN tls-crypt-v2 server key-----",
                         "-----END OpenVPN tls-crypt-v2 server key-----" },
    [OVPN_V2_CLIENT] = { "-----BEGIN OpenVPN tls-crypt-v2 client key-----",
                         "-----END OpenVPN tls-crypt-v2 client key-----" },
};

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Digits in pairs, white space between. */
static bool read_hex(const uint8_t *p, size_t len, struct eg_ovpn_file *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const int d = digit(p[i]);

        if (is_space(p[i]))
            continue;
        if (d < 0 || n == 2 * OVPN_KEYS)
            return false;
        out->key[n / 2] = (uint8_t)(n % 2 ? out->key[n / 2] | d : d << 4);
        n++;
    }
    out->len = n / 2;
    return n == 2 * OVPN_KEYS;
}

static bool read_base64(const uint8_t *p, size_t len, struct eg_ovpn_file *out)
{
    uint8_t text[OVPN_KEY_MAX * 4 / 3];
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (is_space(p[i]))
            continue;
        if (n == sizeof text)
            return false;
        text[n++] = p[i];
    }
    while (n && text[n - 1] == '=') // at most two, whatever is there
        n--;
    out->len = eg_base64_decode(text, n, out->key);
    return out->len > 0;
}

/* A key that one end alone has is followed by one that the other end has encrypted, and its length
 * by that. */
static bool is_client(const struct eg_ovpn_file *f)
{
    enum { WRAPPED_MIN = 32 + OVPN_KEYS + 2 };

    return f->len >= OVPN_KEYS + WRAPPED_MIN &&
           (size_t)(f->key[f->len - 2] << 8 | f->key[f->len - 1]) == f->len - OVPN_KEYS;
}

bool eg_ovpn_file(const uint8_t *p, size_t len, struct eg_ovpn_file *out)
{
    len = EG_MIN(len, (size_t)OVPN_FILE_MAX);
    for (int i = 0; i < OVPN_SORTS; i++) {
        const size_t begin = strlen(forms[i].begin), end = strlen(forms[i].end);
        const uint8_t *last;

        if (len < begin || memcmp(p, forms[i].begin, begin) != 0)
            continue;
        last = memmem(p + begin, len - begin, forms[i].end, end);
        if (!last)
            return false;
        out->sort = (enum eg_ovpn_sort)i;
        out->text = (size_t)(last - p) + end;
        p += begin;
        if (i == OVPN_STATIC)
            return read_hex(p, (size_t)(last - p), out);
        return read_base64(p, (size_t)(last - p), out) &&
               (i == OVPN_V2_CLIENT ? is_client(out) : out->len == OVPN_KEY);
    }
    return false;
}
