/* jwk.c - see jwk.h. A key of EC and RSA is put into DER, and privkey.h computes what its parts
 * say of each other. */
#include "jwk.h"
#include "base64.h"
#include "crypto.h"
#include "encode.h"
#include "privkey.h"
#include <stdlib.h>
#include <string.h>

/* ---- JSON ---- */

/* The text of a member of a flat object; .at NULL: it has none. */
static struct eg_key_bytes text_of(const uint8_t *p, size_t n, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 1; i + len + 4 < n; i++) {
        size_t k = i + len + 1, from;

        if (p[i] != '"' || memcmp(p + i + 1, name, len) != 0 || p[k] != '"' ||
            (p[i - 1] != '{' && p[i - 1] != ',' && p[i - 1] > ' '))
            continue;
        for (k++; k < n && (p[k] <= ' ' || p[k] == ':'); k++)
            ;
        if (k == n || p[k] != '"')
            continue;
        for (from = ++k; k < n && p[k] != '"' && p[k] >= ' '; k++)
            ;
        if (k < n && p[k] == '"')
            return (struct eg_key_bytes){ p + from, k - from };
    }
    return (struct eg_key_bytes){ 0 };
}

static bool is(struct eg_key_bytes b, const char *text)
{
    return b.at && b.n == strlen(text) && !memcmp(b.at, text, b.n);
}

static void copy(struct eg_key_bytes b, char *out, size_t size)
{
    size_t n = 0;

    for (; b.at && n < b.n && n < size - 1; n++)
        out[n] = b.at[n] < 0x7f ? (char)b.at[n] : '?';
    out[n] = 0;
}

size_t eg_jwk_form(const uint8_t *p, size_t n, size_t at, size_t *begin)
{
    static const char kty[] = "\"kty\"";
    size_t from = at, to = at;

    if (n < sizeof kty - 1 || at > n - (sizeof kty - 1) || memcmp(p + at, kty, sizeof kty - 1) != 0)
        return 0;
    // Back to where the object begins, which has only one of these members.
    while (from && p[from] != '{' && p[from] != '}' && p[from] && at - from < EG_JWK_MAX / 2 &&
           (from == at || memcmp(p + from, kty, sizeof kty - 1) != 0))
        from--;
    if (p[from] != '{')
        return 0;
    while (to < n && p[to] != '}' && p[to] != '{' && p[to] && to - at < EG_JWK_MAX / 2)
        to++;
    if (to == n || p[to] != '}')
        return 0;
    *begin = from;
    to++;
    if (!text_of(p + from, to - from, "kty").at ||
        (!text_of(p + from, to - from, "d").n && !text_of(p + from, to - from, "k").n))
        return 0;
    return to - from;
}

/* ---- numbers ---- */

struct number {
    uint8_t bytes[EG_JWK_MAX];
    size_t n;
};

static bool number_of(const uint8_t *p, size_t n, const char *name, struct number *out)
{
    const struct eg_key_bytes b = text_of(p, n, name);

    if (!b.n || b.n > EG_JWK_MAX || eg_base64_run(b.at, b.n, true) != b.n)
        return false;
    out->n = eg_base64_decode(b.at, b.n, out->bytes);
    return out->n > 0;
}

/* An integer of DER is signed: a zero stands before a first bit that is set. */
static void put_integer(struct eg_key_buf *b, const struct number *v)
{
    uint8_t bytes[KEY_MAX / 8];
    size_t from = 0;

    while (from + 1 < v->n && !v->bytes[from])
        from++;
    if (v->n - from >= sizeof bytes) {
        b->full = true;
        return;
    }
    bytes[0] = 0;
    memcpy(bytes + 1, v->bytes + from, v->n - from);
    if (bytes[1] & 0x80)
        eg_key_put_der(b, DER_INTEGER, bytes, v->n - from + 1);
    else
        eg_key_put_der(b, DER_INTEGER, bytes + 1, v->n - from);
}

static bool prove_der(const struct eg_key_buf *inner, struct eg_jwk *out)
{
    struct {
        struct eg_key_buf der;
        struct eg_privkey key;
    } *w = calloc(1, sizeof *w);
    bool proven;

    if (!w)
        return false;
    eg_key_put_der(&w->der, DER_SEQUENCE, inner->at, inner->n);
    proven = !inner->full && !w->der.full &&
             eg_privkey_read(KEY_DER, w->der.at, w->der.n, &w->key) && w->key.proof;
    if (proven)
        out->proof = w->key.proof;
    free(w);
    return proven;
}

static bool prove_rsa(const uint8_t *p, size_t n, struct eg_jwk *out)
{
    static const char *const names[] = { "n", "e", "d", "p", "q", "dp", "dq", "qi" };
    struct eg_key_buf b = { 0 };
    struct number v = { { 0 }, 1 };

    put_integer(&b, &v); // the version
    for (size_t i = 0; i < countof(names); i++) {
        if (!number_of(p, n, names[i], &v))
            return i > 2; // RFC 7518, 6.3.2: the factors need not be there
        put_integer(&b, &v);
    }
    return prove_der(&b, out);
}

static bool prove_ec(const uint8_t *p, size_t n, struct eg_jwk *out)
{
    static const struct {
        const char *name;
        uint8_t bytes, oid_len, oid[8];
    } curves[] = {
        { "P-256", 32, 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } },
        { "P-384", 48, 5, { 0x2b, 0x81, 0x04, 0x00, 0x22 } },
        { "P-521", 66, 5, { 0x2b, 0x81, 0x04, 0x00, 0x23 } },
        { "secp256k1", 32, 5, { 0x2b, 0x81, 0x04, 0x00, 0x0a } },
    };
    struct eg_key_buf b = { 0 }, field = { 0 };
    struct number d, x, y;
    size_t i = 0;

    while (i < countof(curves) && strcmp(curves[i].name, out->curve) != 0)
        i++;
    if (!number_of(p, n, "d", &d) || !number_of(p, n, "x", &x) || !number_of(p, n, "y", &y))
        return false;
    if (i == countof(curves))
        return true;
    if (d.n != curves[i].bytes || x.n != d.n || y.n != d.n)
        return false;
    eg_key_put_der(&b, DER_INTEGER, "\1", 1);
    eg_key_put_der(&b, DER_OCTETS, d.bytes, d.n);
    eg_key_put_der(&field, DER_OID, curves[i].oid, curves[i].oid_len);
    eg_key_put_der(&b, 0xa0, field.at, field.n);
    field.n = 0;
    eg_key_put(&field, "\0\4", 2); // no unused bits; a point in both coordinates
    eg_key_put(&field, x.bytes, x.n);
    eg_key_put(&field, y.bytes, y.n);
    memcpy(d.bytes, field.at, field.n);
    d.n = field.n;
    field.n = 0;
    eg_key_put_der(&field, DER_BITS, d.bytes, d.n);
    eg_key_put_der(&b, 0xa1, field.at, field.n);
    return prove_der(&b, out);
}

static bool prove_okp(const uint8_t *p, size_t n, struct eg_jwk *out)
{
    static const char *const curves[] = { "Ed25519", "X25519", "Ed448", "X448" };
    uint8_t public[CRYPTO_PUBLIC_MAX];
    struct number d, x;
    size_t i = 0;

    if (!number_of(p, n, "d", &d) || !number_of(p, n, "x", &x))
        return false;
    while (i < countof(curves) && strcmp(curves[i], out->curve) != 0)
        i++;
    if (i == countof(curves) || !eg_crypto_works())
        return true;
    if (eg_crypto_public(out->curve, d.bytes, d.n, public) != x.n ||
        memcmp(public, x.bytes, x.n) != 0)
        return false;
    out->proof = "public key computed";
    return true;
}

bool eg_jwk_read(const uint8_t *p, size_t n, struct eg_jwk *out)
{
    const struct eg_key_bytes type = text_of(p, n, "kty");
    struct number k;

    *out = (struct eg_jwk){ 0 };
    if (n > EG_JWK_MAX)
        return false;
    copy(type, out->type, sizeof out->type);
    copy(text_of(p, n, "crv"), out->curve, sizeof out->curve);
    copy(text_of(p, n, "kid"), out->name, sizeof out->name);
    if (is(type, "RSA"))
        return eg_crypto_works() ? prove_rsa(p, n, out) : true;
    if (is(type, "EC"))
        return eg_crypto_works() ? prove_ec(p, n, out) : true;
    if (is(type, "OKP"))
        return prove_okp(p, n, out);
    return is(type, "oct") && number_of(p, n, "k", &k) && k.n >= 16;
}

/* ---- PEM in base64 ---- */

size_t eg_pem64_form(const uint8_t *p, size_t n)
{
    static const char begin[] = "LS0tLS1CRUdJTi"; // "-----BEGIN", with a bit of what follows
    size_t len;

    if (n < sizeof begin - 1 || memcmp(p, begin, sizeof begin - 1) != 0)
        return 0;
    len = eg_base64_run(p, EG_MIN(n, (size_t)KEY_MAX * 4 / 3), false);
    return len > 80 && len < (size_t)KEY_MAX * 4 / 3 ? len : 0;
}
