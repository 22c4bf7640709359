/* privkey.c - private keys proven by libcrypto. Each form is turned into DER, which libcrypto
 * reads; what it read is then computed anew: the factors of RSA, the public key of the others. */
#include "privkey.h"
#include "config.h"
#include "encode.h"
#include "privkey_own.h"
#include <stdio.h>

#ifdef HAVE_SHA256
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum {
    BITS_MIN = 512, // of RSA's and DSA's modulus
    BITS_MAX = EG_KEY_BITS_MAX,
    ORDER_MAX = EG_DSA_ORDER_MAX,
};

/* What libcrypto read, in numbers. */
struct numbers {
    EVP_PKEY *key;
    int type;
    uint8_t *own, *spki;       // the encodings that the rest points into
    struct eg_key_bytes at[9]; // RSA: version, n, e, d, p, q, …; DSA: version, p, q, g, y, x
    size_t n;
    int curve;
    struct eg_key_bytes point; // EC's public key
    uint8_t raw[64];           // that of Ed25519 and the like
    size_t raw_len;
};

static void numbers_fini(struct numbers *k)
{
    EVP_PKEY_free(k->key);
    OPENSSL_free(k->own);
    OPENSSL_free(k->spki);
    ERR_clear_error();
}

static bool read_integers(struct numbers *k)
{
    const int len = i2d_PrivateKey(k->key, &k->own);
    struct eg_key_bytes from = { k->own, len > 0 ? (size_t)len : 0 }, all;

    if (len <= 0 || !eg_der_take(&from, DER_SEQUENCE, &all))
        return false;
    while (k->n < countof(k->at) && eg_der_take(&all, DER_INTEGER, &k->at[k->n]))
        k->n++;
    return !all.n;
}

static bool read_point(struct numbers *k)
{
    const int len = i2d_PUBKEY(k->key, &k->spki);
    struct eg_key_bytes from = { k->spki, len > 0 ? (size_t)len : 0 }, all, algorithm, oid;
    ASN1_OBJECT *curve;
    const uint8_t *p;

    if (len <= 0 || !eg_der_take(&from, DER_SEQUENCE, &all) ||
        !eg_der_take(&all, DER_SEQUENCE, &algorithm) || !eg_der_take(&algorithm, DER_OID, &oid))
        return false;
    p = algorithm.at;
    if (!eg_der_take(&algorithm, DER_OID, &oid) || // parameters in numbers are nobody's
        !eg_der_take(&all, DER_BITS, &k->point) || k->point.n < 2 ||
        !(curve = d2i_ASN1_OBJECT(NULL, &p, (long)(oid.at + oid.n - p))))
        return false;
    k->curve = OBJ_obj2nid(curve);
    ASN1_OBJECT_free(curve);
    k->point.at++; // the number of bits that are not used
    k->point.n--;
    return true;
}

static bool read_numbers(struct eg_key_bytes der, struct numbers *k)
{
    const uint8_t *p = der.at;

    if (!eg_key_der_bounded(der) || !(k->key = d2i_AutoPrivateKey(NULL, &p, (long)der.n)))
        return false;
    k->type = EVP_PKEY_base_id(k->key);
    switch (k->type) {
    case EVP_PKEY_RSA:
        return read_integers(k) && k->n == 9;
    case EVP_PKEY_DSA:
        return read_integers(k) && k->n == 6;
    case EVP_PKEY_EC:
        return read_point(k);
    case EVP_PKEY_ED25519:
    case EVP_PKEY_X25519:
    case EVP_PKEY_ED448:
    case EVP_PKEY_X448:
        k->raw_len = sizeof k->raw;
        return EVP_PKEY_get_raw_public_key(k->key, k->raw, &k->raw_len);
    default:
        return false;
    }
}

/* ---- proofs ---- */

static bool numbers_of(const struct numbers *k, BN_CTX *c, BIGNUM **out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(out[i] = BN_CTX_get(c)) ||
            !BN_bin2bn(k->at[i + 1].at, (int)k->at[i + 1].n, out[i])) // [0] is the version
            return false;
    return BN_num_bits(out[0]) >= BITS_MIN && BN_num_bits(out[0]) <= BITS_MAX;
}

/* Is @crt d modulo (prime - 1), and e its inverse there? */
static bool fits_prime(BN_CTX *c, const BIGNUM *e, const BIGNUM *d, const BIGNUM *prime,
                       const BIGNUM *crt)
{
    BIGNUM *less = BN_CTX_get(c), *t = BN_CTX_get(c);

    return t && BN_sub(less, prime, BN_value_one()) && BN_mod(t, d, less, c) &&
           BN_cmp(t, crt) == 0 && BN_mod_mul(t, e, d, less, c) && BN_is_one(t);
}

static bool rsa_fits(const struct numbers *k, BN_CTX *c)
{
    enum { N, E, D, P, Q, DP, DQ, QI, ALL };
    BIGNUM *b[ALL], *t;

    return numbers_of(k, c, b, ALL) && (t = BN_CTX_get(c)) && !BN_is_one(b[E]) &&
           BN_mul(t, b[P], b[Q], c) && BN_cmp(t, b[N]) == 0 &&
           fits_prime(c, b[E], b[D], b[P], b[DP]) && fits_prime(c, b[E], b[D], b[Q], b[DQ]) &&
           BN_mod_mul(t, b[Q], b[QI], b[P], c) && BN_is_one(t);
}

static bool dsa_fits(const struct numbers *k, BN_CTX *c)
{
    enum { P, Q, G, Y, X, ALL };
    BIGNUM *b[ALL], *t;

    return numbers_of(k, c, b, ALL) && (t = BN_CTX_get(c)) && BN_is_odd(b[P]) &&
           BN_num_bits(b[Q]) <= ORDER_MAX && !BN_is_zero(b[G]) && !BN_is_one(b[G]) &&
           BN_cmp(b[X], b[Q]) < 0 && !BN_is_zero(b[X]) && BN_mod_exp(t, b[G], b[X], b[P], c) &&
           BN_cmp(t, b[Y]) == 0;
}

static bool computed(const struct numbers *k, bool (*fits)(const struct numbers *, BN_CTX *))
{
    BN_CTX *c = BN_CTX_new();
    bool good;

    if (!c)
        return false;
    BN_CTX_start(c);
    good = fits(k, c);
    BN_CTX_end(c);
    BN_CTX_free(c);
    return good;
}

static bool ec_fits(const struct numbers *k)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->key, NULL);
    const bool good = c && EVP_PKEY_check(c) == 1;

    EVP_PKEY_CTX_free(c);
    return good;
}

/* About how many microseconds its proof takes. */
static uint64_t work_of(const struct numbers *k)
{
    const uint64_t bits = k->n > 1 ? EG_MIN(k->at[1].n, (size_t)KEY_MAX) * 8 : 0;

    switch (k->type) {
    case EVP_PKEY_RSA:
        return bits * bits >> 17;
    case EVP_PKEY_DSA:
        return bits * bits >> 13;
    case EVP_PKEY_EC:
        return k->curve == NID_X9_62_prime256v1 ? 500 : 5000;
    default:
        return 200;
    }
}

/* @said: the bytes where a public key would be, beside the private one. */
static bool prove(const struct numbers *k, struct eg_key_bytes said, const char **proof)
{
    const struct eg_key_bytes public =
        k->type == EVP_PKEY_EC ? k->point : (struct eg_key_bytes){ k->raw, k->raw_len };

    if (k->type == EVP_PKEY_RSA) {
        *proof = "n = p q, e d = 1, CRT";
        return computed(k, rsa_fits);
    }
    *proof = "public key computed";
    if (k->type == EVP_PKEY_DSA)
        return computed(k, dsa_fits);
    if (k->type == EVP_PKEY_EC && !ec_fits(k))
        return false;
    if (!memmem(said.at, said.n, public.at, public.n))
        *proof = NULL;
    return true;
}

/* ---- what is said of a key ---- */

static const struct {
    int nid;
    const char *ssh, *type, *text;
    uint8_t oid[8];
    uint8_t oid_len;
} curves[] = {
    { NID_X9_62_prime256v1,
      "nistp256",
      "ecdsa-sha2-nistp256",
      "EC P-256",
      { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 },
      8 },
    { NID_secp384r1, "nistp384", "ecdsa-sha2-nistp384", "EC P-384", { 0x2b, 0x81, 4, 0, 34 }, 5 },
    { NID_secp521r1, "nistp521", "ecdsa-sha2-nistp521", "EC P-521", { 0x2b, 0x81, 4, 0, 35 }, 5 },
};

/* The public key as SSH sends it; nothing where it has none. */
static void ssh_public(const struct numbers *k, struct eg_key_buf *b)
{
    if (k->type == EVP_PKEY_RSA) {
        eg_key_put_ssh(b, "ssh-rsa", 7);
        eg_key_put_ssh(b, k->at[2].at, k->at[2].n);
        eg_key_put_ssh(b, k->at[1].at, k->at[1].n);
    } else if (k->type == EVP_PKEY_DSA) {
        eg_key_put_ssh(b, "ssh-dss", 7);
        for (size_t i = 1; i < 5; i++)
            eg_key_put_ssh(b, k->at[i].at, k->at[i].n);
    } else if (k->type == EVP_PKEY_ED25519) {
        eg_key_put_ssh(b, "ssh-ed25519", 11);
        eg_key_put_ssh(b, k->raw, k->raw_len);
    }
    for (size_t i = 0; k->type == EVP_PKEY_EC && i < countof(curves); i++)
        if (curves[i].nid == k->curve) {
            eg_key_put_ssh(b, curves[i].type, strlen(curves[i].type));
            eg_key_put_ssh(b, curves[i].ssh, strlen(curves[i].ssh));
            eg_key_put_ssh(b, k->point.at, k->point.n);
        }
}

static unsigned bits_of(struct eg_key_bytes number)
{
    while (number.n && !*number.at)
        number.at++, number.n--;
    return number.n ? (unsigned)number.n * 8 - (unsigned)(__builtin_clz(*number.at) - 24) : 0;
}

static void name_algorithm(const struct numbers *k, char *out, size_t size)
{
    const char *curve = OBJ_nid2sn(k->curve);

    switch (k->type) {
    case EVP_PKEY_RSA:
        snprintf(out, size, "RSA-%u", bits_of(k->at[1]));
        break;
    case EVP_PKEY_DSA:
        snprintf(out, size, "DSA-%u", bits_of(k->at[1]));
        break;
    case EVP_PKEY_EC:
        for (size_t i = 0; i < countof(curves); i++)
            if (curves[i].nid == k->curve)
                curve = curves[i].text + 3;
        snprintf(out, size, "EC %s", curve ? curve : "");
        break;
    default:
        snprintf(out, size, "%s",
                 k->type == EVP_PKEY_ED25519  ? "Ed25519"
                 : k->type == EVP_PKEY_X25519 ? "X25519"
                 : k->type == EVP_PKEY_ED448  ? "Ed448"
                                              : "X448");
    }
}

/* The same of a public key that stands beside an encrypted one. */
static void name_ssh_algorithm(struct eg_key_bytes blob, char *out, size_t size)
{
    struct eg_key_bytes type, e, n;

    if (!eg_ssh_take(&blob, &type))
        return;
    if (eg_ssh_is(type, "ssh-rsa") && eg_ssh_take(&blob, &e) && eg_ssh_take(&blob, &n))
        snprintf(out, size, "RSA-%u", bits_of(n));
    else if (eg_ssh_is(type, "ssh-dss") && eg_ssh_take(&blob, &n))
        snprintf(out, size, "DSA-%u", bits_of(n));
    else if (eg_ssh_is(type, "ssh-ed25519"))
        snprintf(out, size, "Ed25519");
    for (size_t i = 0; i < countof(curves); i++)
        if (eg_ssh_is(type, curves[i].type))
            snprintf(out, size, "%s", curves[i].text);
}

static void copy_pem(BIO *bio, struct eg_privkey *out)
{
    char *text;
    const long len = BIO_get_mem_data(bio, &text);

    if (len <= 0 || (size_t)len >= sizeof out->pem)
        return;
    memcpy(out->pem, text, (size_t)len);
    out->pem[len] = 0;
}

/* As PKCS#8, in both encodings. */
static bool keep_key(EVP_PKEY *key, struct eg_privkey *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    uint8_t *der = NULL;
    const int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
    const bool good = len > 0 && (size_t)len <= sizeof out->der;
    BIO *bio = good ? BIO_new(BIO_s_mem()) : NULL;

    if (good) {
        memcpy(out->der, der, (size_t)len);
        out->der_len = (size_t)len;
    }
    if (bio && PEM_write_bio(bio, "PRIVATE KEY", "", der, len) > 0)
        copy_pem(bio, out);
    BIO_free(bio);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    return good;
}

static void keep_encrypted(const char *name, const char *header, struct eg_key_bytes data,
                           struct eg_privkey *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    out->encrypted = true;
    if (bio && PEM_write_bio(bio, name, header, data.at, (long)data.n) > 0)
        copy_pem(bio, out);
    BIO_free(bio);
}

/* ---- the forms ---- */

static bool read_der(struct eg_key_bytes der, struct eg_privkey *out)
{
    struct numbers k = { 0 };
    struct eg_key_buf public = { 0 }, plain = { 0 };
    bool good = read_numbers(eg_pkcs8_plain(der, &plain), &k);

    out->work += work_of(&k);
    good = good && prove(&k, der, &out->proof) && keep_key(k.key, out);
    if (good) {
        ssh_public(&k, &public);
        eg_ssh_fingerprint((struct eg_key_bytes){ public.at, public.n }, out->public);
        name_algorithm(&k, out->algorithm, sizeof out->algorithm);
    }
    numbers_fini(&k);
    return good;
}

static const char *der_form(struct eg_key_bytes der)
{
    struct eg_key_bytes all, part;

    if (!eg_der_take(&der, DER_SEQUENCE, &all) || !eg_der_take(&all, DER_INTEGER, &part))
        return "";
    if (eg_der_take(&all, DER_SEQUENCE, &part))
        return "PKCS#8";
    if (eg_der_take(&all, DER_OCTETS, &part))
        return "SEC1";
    for (unsigned n = 1; eg_der_take(&all, DER_INTEGER, &part); n++)
        if (n == 6)
            return "PKCS#1";
    return "DSA";
}

static void put_remainder(struct eg_key_buf *b, BN_CTX *c, struct eg_key_bytes number,
                          struct eg_key_bytes prime)
{
    BIGNUM *d = BN_CTX_get(c), *p = BN_CTX_get(c), *out = BN_CTX_get(c);
    uint8_t bytes[BITS_MAX / 8 + 1] = { 0 };

    if (!out || !BN_bin2bn(number.at, (int)number.n, d) || !BN_bin2bn(prime.at, (int)prime.n, p) ||
        !BN_sub_word(p, 1) || !BN_mod(out, d, p, c) || BN_num_bits(out) > BITS_MAX)
        b->full = true;
    else
        eg_key_put_der(b, DER_INTEGER, bytes, 1 + (size_t)BN_bn2bin(out, bytes + 1));
}

/* RFC 8017, A.1.2: OpenSSH has n, e, d, 1/q, p, q. */
static void put_rsa(struct eg_key_buf *b, const struct eg_key_bytes *f)
{
    static const uint8_t order[] = { 0, 1, 2, 4, 5 };
    BN_CTX *c = BN_CTX_new();

    b->full |= !c;
    for (size_t i = 0; i < countof(order); i++)
        eg_key_put_der(b, DER_INTEGER, f[order[i]].at, f[order[i]].n);
    if (c) {
        BN_CTX_start(c);
        put_remainder(b, c, f[2], f[4]);
        put_remainder(b, c, f[2], f[5]);
        BN_CTX_end(c);
        BN_CTX_free(c);
    }
    eg_key_put_der(b, DER_INTEGER, f[3].at, f[3].n);
}

/* RFC 5915. */
static void put_ec(struct eg_key_buf *b, const struct eg_openssh *o)
{
    struct eg_key_buf oid = { 0 }, point = { .n = 1 }; // no bit of it is not used

    eg_key_put_der(b, DER_OCTETS, o->fields[2].at, o->fields[2].n);
    for (size_t i = 0; i < countof(curves); i++)
        if (eg_ssh_is(o->type, curves[i].type))
            eg_key_put_der(&oid, DER_OID, curves[i].oid, curves[i].oid_len);
    eg_key_put_der(b, 0xa0, oid.at, oid.n);
    oid.n = 0;
    eg_key_put(&point, o->fields[1].at, o->fields[1].n);
    eg_key_put_der(&oid, DER_BITS, point.at, point.n);
    eg_key_put_der(b, 0xa1, oid.at, oid.n);
    b->full |= point.full | oid.full;
}

static bool openssh_der(const struct eg_openssh *o, struct eg_key_buf *out)
{
    static const uint8_t zero, one = 1;
    static const uint8_t ed25519[] = { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32 };
    const struct eg_key_bytes *f = o->fields;
    struct eg_key_buf b = { 0 };

    eg_key_put_der(&b, DER_INTEGER, o->n_fields == 3 ? &one : &zero, 1);
    switch (o->n_fields) {
    case 6:
        put_rsa(&b, f);
        break;
    case 5:
        for (size_t i = 0; i < 5; i++)
            eg_key_put_der(&b, DER_INTEGER, f[i].at, f[i].n);
        break;
    case 3:
        put_ec(&b, o);
        break;
    default: // the public key; the private and again the public one
        if (f[0].n != 32 || f[1].n != 64 || memcmp(f[0].at, f[1].at + 32, 32) != 0)
            return false;
        eg_key_put(&b, ed25519, sizeof ed25519);
        eg_key_put(&b, f[1].at, 32);
    }
    eg_key_put_der(out, DER_SEQUENCE, b.at, b.n);
    return !b.full && !out->full;
}

/* Is the public key the one that stands beside it in the clear? */
static bool is_public(const struct numbers *k, struct eg_key_bytes clear)
{
    struct eg_key_buf public = { 0 };

    ssh_public(k, &public);
    return public.n && public.n == clear.n && !memcmp(public.at, clear.at, clear.n);
}

bool eg_privkey_openssh(const struct eg_openssh *o, struct eg_privkey *out)
{
    struct numbers k = { 0 };
    struct eg_key_buf der = { 0 };
    const bool good =
        openssh_der(o, &der) && read_numbers((struct eg_key_bytes){ der.at, der.n }, &k) &&
        is_public(&k, o->public) && prove(&k, o->public, &out->proof) && keep_key(k.key, out);

    out->work += work_of(&k);
    if (good) {
        name_algorithm(&k, out->algorithm, sizeof out->algorithm);
        memcpy(out->comment, o->comment.at, EG_MIN(o->comment.n, sizeof out->comment - 1));
    }
    numbers_fini(&k);
    return good;
}

void eg_privkey_public(struct eg_key_bytes blob, struct eg_privkey *out)
{
    eg_ssh_fingerprint(blob, out->public);
    name_ssh_algorithm(blob, out->algorithm, sizeof out->algorithm);
}

static bool read_openssh(struct eg_key_bytes bytes, struct eg_privkey *out)
{
    struct eg_openssh o;

    if (!eg_openssh_read(bytes.at, bytes.n, &o))
        return false;
    eg_privkey_public(o.public, out);
    if (!o.encrypted)
        return eg_privkey_openssh(&o, out);
    keep_encrypted("OPENSSH PRIVATE KEY", "", (struct eg_key_bytes){ bytes.at, o.size }, out);
    return true;
}

static bool read_block(const char *name, const char *header, struct eg_key_bytes data,
                       struct eg_privkey *out)
{
    const bool pkcs8 = !strcmp(name, "ENCRYPTED PRIVATE KEY");
    const char *form = !strncmp(name, "RSA", 3)   ? "PKCS#1"
                       : !strncmp(name, "EC ", 3) ? "SEC1"
                                                  : "DSA";

    if (!strcmp(name, "OPENSSH PRIVATE KEY")) {
        snprintf(out->form, sizeof out->form, "PEM OpenSSH");
        return read_openssh(data, out);
    }
    if (pkcs8 ? !eg_pkcs8_encrypted(data) : !strstr(header, "ENCRYPTED")) {
        snprintf(out->form, sizeof out->form, "PEM %s", der_form(data));
        return !pkcs8 && read_der(data, out);
    }
    snprintf(out->form, sizeof out->form, "PEM %s", pkcs8 ? "PKCS#8" : form);
    keep_encrypted(name, header, data, out);
    return true;
}

static bool read_pem(struct eg_key_bytes text, struct eg_privkey *out)
{
    BIO *bio = BIO_new_mem_buf(text.at, (int)text.n);
    char *name = NULL, *header = NULL;
    uint8_t *data = NULL;
    long len = 0;
    const bool good = bio && PEM_read_bio(bio, &name, &header, &data, &len) && len > 0 &&
                      read_block(name, header, (struct eg_key_bytes){ data, (size_t)len }, out);

    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    ERR_clear_error();
    return good;
}

bool eg_privkey_read(enum eg_key_form form, const uint8_t *p, size_t len, struct eg_privkey *out)
{
    const struct eg_key_bytes bytes = { p, len };

    memset(out, 0, sizeof *out);
    out->work = 20 + len / 64;
    if (len > KEY_MAX)
        return false;
    if (form == KEY_PEM)
        return read_pem(bytes, out);
    if (form == KEY_DER) {
        const bool hidden = eg_pkcs8_encrypted(bytes);

        snprintf(out->form, sizeof out->form, "DER %s", hidden ? "PKCS#8" : der_form(bytes));
        if (!hidden)
            return read_der(bytes, out);
        keep_encrypted("ENCRYPTED PRIVATE KEY", "", bytes, out);
        return true;
    }
    if (form == KEY_PUTTY || form == KEY_PGP)
        return eg_privkey_form(form, bytes, out);
    snprintf(out->form, sizeof out->form, "OpenSSH");
    return read_openssh(bytes, out);
}

#else

bool eg_privkey_read(enum eg_key_form form, const uint8_t *p, size_t len, struct eg_privkey *out)
{
    (void)form, (void)p, (void)len, (void)out;
    return false;
}

bool eg_privkey_openssh(const struct eg_openssh *o, struct eg_privkey *out)
{
    (void)o, (void)out;
    return false;
}

void eg_privkey_public(struct eg_key_bytes blob, struct eg_privkey *out)
{
    (void)blob, (void)out;
}

void eg_ssh_fingerprint(struct eg_key_bytes blob, char out[EG_FINGERPRINT_MAX])
{
    (void)blob, *out = 0;
}

#endif
