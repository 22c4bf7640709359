/* x509.c - certificates: where one begins and ends, and what libcrypto says of it. */
#include "x509.h"
#include "config.h"
#include <stdio.h>

static size_t pem_size(const uint8_t *p, size_t len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const uint8_t *stop;

    if (len < sizeof begin || memcmp(p, begin, sizeof begin - 1) != 0)
        return 0;
    stop = memmem(p + sizeof begin - 1, len - (sizeof begin - 1), "-----", 5);
    return stop && (size_t)(p + len - stop) >= sizeof end - 1 && !memcmp(stop, end, sizeof end - 1)
               ? (size_t)(stop - p) + sizeof end - 1
               : 0;
}

/* What is signed begins with a version, which only the first lacks, a number and an algorithm. */
static bool is_signed_part(struct eg_key_bytes from)
{
    static const uint8_t version[] = { 0xa0, 3, DER_INTEGER, 1 };
    struct eg_key_bytes part;

    if (from.n > sizeof version && !memcmp(from.at, version, sizeof version)) {
        from.at += sizeof version + 1;
        from.n -= sizeof version + 1;
    }
    // serial numbers have 20 bytes at most (RFC 5280, 4.1.2.2), and some a zero before them
    return eg_der_take(&from, DER_INTEGER, &part) && part.n && part.n <= 21 &&
           eg_der_take(&from, DER_SEQUENCE, &part) && eg_der_take(&from, DER_SEQUENCE, &part) &&
           eg_der_take(&from, DER_SEQUENCE, &part);
}

static size_t der_size(const uint8_t *p, size_t len)
{
    struct eg_key_bytes from = { p, len }, all, part;
    size_t size;

    if (!eg_der_take(&from, DER_SEQUENCE, &all))
        return 0;
    size = len - from.n;
    return eg_der_take(&all, DER_SEQUENCE, &part) && is_signed_part(part) &&
                   eg_der_take(&all, DER_SEQUENCE, &part) && eg_der_take(&all, DER_BITS, &part) &&
                   !all.n
               ? size
               : 0;
}

size_t eg_certificate_size(enum eg_certificate_form form, const uint8_t *p, size_t len)
{
    len = EG_MIN(len, (size_t)KEY_MAX);
    return form == CERTIFICATE_PEM ? pem_size(p, len) : der_size(p, len);
}

#ifdef HAVE_SHA256
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

static void copy_text(BIO *bio, char *out, size_t size)
{
    char *text;
    const long len = BIO_get_mem_data(bio, &text);
    const size_t n = len > 0 ? EG_MIN((size_t)len, size - 1) : 0;

    if (n)
        memcpy(out, text, n);
    out[n] = 0;
    (void)BIO_reset(bio);
}

static void copy_name(BIO *bio, const X509_NAME *name, char *out, size_t size)
{
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    copy_text(bio, out, size);
}

/* The names of hosts, addresses and people that it is for: "DNS:a, IP Address:b". */
static void copy_names(BIO *bio, X509 *x, char *out, size_t size)
{
    enum { MOST = 64 };
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    const int n = names ? sk_GENERAL_NAME_num(names) : 0;

    for (int i = 0; i < n && i < MOST; i++) {
        if (i)
            BIO_puts(bio, ", ");
        GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
    }
    copy_text(bio, out, size);
    GENERAL_NAMES_free(names);
}

static void copy_serial(const X509 *x, char *out, size_t size)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;

    snprintf(out, size, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(n);
}

static bool read_time(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = timegm(&tm);
    return true;
}

static bool spki_sum(EVP_PKEY *key, uint8_t out[32])
{
    uint8_t *der = NULL;
    const int len = key ? i2d_PUBKEY(key, &der) : 0;
    const bool good = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return good;
}

/* The name of EC's curve, behind that of the algorithm; NULL: it has none. */
static const char *curve_of(EVP_PKEY *key)
{
    uint8_t *der = NULL;
    const int len = i2d_PUBKEY(key, &der);
    struct eg_key_bytes from = { der, len > 0 ? (size_t)len : 0 }, all, algorithm, part;
    ASN1_OBJECT *curve = NULL;
    int nid = NID_undef;

    if (eg_der_take(&from, DER_SEQUENCE, &all) && eg_der_take(&all, DER_SEQUENCE, &algorithm) &&
        eg_der_take(&algorithm, DER_OID, &part)) {
        const uint8_t *p = algorithm.at;

        if (eg_der_take(&algorithm, DER_OID, &part))
            curve = d2i_ASN1_OBJECT(NULL, &p, (long)(part.at + part.n - p));
    }
    if (curve)
        nid = OBJ_obj2nid(curve);
    ASN1_OBJECT_free(curve);
    OPENSSL_free(der);
    return EC_curve_nid2nist(nid) ? EC_curve_nid2nist(nid)
           : nid == NID_undef     ? NULL
                                  : OBJ_nid2sn(nid);
}

static void name_key(EVP_PKEY *key, char *out, size_t size)
{
    const int type = EVP_PKEY_base_id(key), bits = EVP_PKEY_bits(key);
    const char *curve = type == EVP_PKEY_EC ? curve_of(key) : NULL;

    if (type == EVP_PKEY_RSA || type == EVP_PKEY_DSA)
        snprintf(out, size, "%s-%d", type == EVP_PKEY_RSA ? "RSA" : "DSA", bits);
    else if (type == EVP_PKEY_EC)
        snprintf(out, size, "EC %s", curve ? curve : "");
    else
        snprintf(out, size, "%s",
                 type == EVP_PKEY_ED25519 ? "Ed25519"
                 : type == EVP_PKEY_ED448 ? "Ed448"
                                          : OBJ_nid2sn(type));
}

static bool describe(X509 *x, struct eg_certificate *out)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    BIO *bio = BIO_new(BIO_s_mem());
    bool good = bio && key && X509_digest(x, EVP_sha256(), out->sum, NULL) &&
                spki_sum(key, out->key) && read_time(X509_get0_notBefore(x), &out->from) &&
                read_time(X509_get0_notAfter(x), &out->to);

    if (good) {
        copy_name(bio, X509_get_subject_name(x), out->subject, sizeof out->subject);
        copy_name(bio, X509_get_issuer_name(x), out->issuer, sizeof out->issuer);
        copy_names(bio, x, out->names, sizeof out->names);
        copy_serial(x, out->serial, sizeof out->serial);
        name_key(key, out->algorithm, sizeof out->algorithm);
        out->authority = X509_check_ca(x) == 1;
        out->own = !X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) &&
                   X509_verify(x, key) == 1;
        good = PEM_write_bio_X509(bio, x);
        copy_text(bio, out->pem, sizeof out->pem);
    }
    BIO_free(bio);
    return good;
}

bool eg_certificate_read(enum eg_certificate_form form, const uint8_t *p, size_t len,
                         struct eg_certificate *out)
{
    const uint8_t *at = p;
    BIO *bio = form == CERTIFICATE_PEM && len <= KEY_MAX ? BIO_new_mem_buf(p, (int)len) : NULL;
    X509 *x = NULL;
    bool good;

    memset(out, 0, sizeof *out);
    if (len <= KEY_MAX)
        x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : d2i_X509(NULL, &at, (long)len);
    good = x && (bio || at == p + len) && describe(x, out);
    X509_free(x);
    BIO_free(bio);
    ERR_clear_error();
    return good;
}

bool eg_certificate_key(const uint8_t *der, size_t len, uint8_t out[32])
{
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &der, (long)len);
    const bool good = spki_sum(key, out);

    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}

#else

bool eg_certificate_read(enum eg_certificate_form form, const uint8_t *p, size_t len,
                         struct eg_certificate *out)
{
    (void)form, (void)p, (void)len, (void)out;
    return false;
}

bool eg_certificate_key(const uint8_t *der, size_t len, uint8_t out[32])
{
    (void)der, (void)len, (void)out;
    return false;
}

#endif
