/* gpgproof.c - what libcrypto says of a key of GnuPG's agent, and its keygrip. */
#include "config.h"
#include "crypto.h"
#include "gpgkey.h"
#include <stdio.h>
#include <stdlib.h>

#ifdef HAVE_SHA256
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

// Of ElGamal's modulus. GnuPG makes up to 4096; a proof with 16384 bits takes seconds.
enum { BITS_MIN = 512, BITS_MAX = 4096 };

static struct eg_key_bytes part(const struct eg_gpg_key *key, char name)
{
    return key->of[name - 'a'];
}

/* Without the zeros that a number may begin with. */
static struct eg_key_bytes number(const struct eg_gpg_key *key, char name)
{
    struct eg_key_bytes n = part(key, name);

    while (n.n && !*n.at)
        n.at++, n.n--;
    return n;
}

static bool is_curve(const struct eg_gpg_key *key, const char *a, const char *b)
{
    return !strcmp(key->curve, a) || !strcmp(key->curve, b);
}

static int nid_of(const struct eg_gpg_key *key)
{
    static const struct {
        const char *name;
        int nid;
    } curves[] = {
        { "NIST P-256", NID_X9_62_prime256v1 },
        { "nistp256", NID_X9_62_prime256v1 },
        { "NIST P-384", NID_secp384r1 },
        { "nistp384", NID_secp384r1 },
        { "NIST P-521", NID_secp521r1 },
        { "nistp521", NID_secp521r1 },
        { "brainpoolP256r1", NID_brainpoolP256r1 },
        { "brainpoolP384r1", NID_brainpoolP384r1 },
        { "brainpoolP512r1", NID_brainpoolP512r1 },
        { "secp256k1", NID_secp256k1 },
    };

    for (size_t i = 0; i < countof(curves); i++)
        if (!strcmp(key->curve, curves[i].name))
            return curves[i].nid;
    return NID_undef;
}

/* A point of Ed25519 or X25519 has 32 bytes, with 0x40 before them in OpenPGP's way. */
static bool compact_point(const struct eg_gpg_key *key, struct eg_key_bytes *out)
{
    *out = part(key, 'q');
    if (out->n == 33 && *out->at == 0x40)
        out->at++, out->n--;
    return out->n == 32;
}

/* ---- proofs ---- */

static bool read_ssh(const struct eg_sshkey *key, struct eg_privkey *out)
{
    struct eg_key_buf file = { 0 };

    eg_sshkey_file(key, "", &file);
    return !file.full && eg_privkey_read(KEY_OPENSSH, file.at, file.n, out) && out->proof;
}

static struct eg_key_bytes text(const char *s)
{
    return (struct eg_key_bytes){ (const uint8_t *)s, strlen(s) };
}

/* GnuPG has the inverse of the first factor, others that of the second: they change places. */
static bool prove_rsa(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    static const char names[] = "neduqp";
    struct eg_sshkey ssh = { .type = text("ssh-rsa"), .n_fields = 6 };

    for (size_t i = 0; i < 6; i++)
        ssh.fields[i] = part(key, names[i]); // with the zero that makes it positive
    return read_ssh(&ssh, out);
}

static bool prove_dsa(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    static const char names[] = "pqgyx";
    struct eg_sshkey ssh = { .type = text("ssh-dss"), .n_fields = 5 };

    for (size_t i = 0; i < 5; i++)
        ssh.fields[i] = part(key, names[i]);
    return read_ssh(&ssh, out);
}

/* @d: 32 bytes of a number that may have lost zeros before it, or got some. */
static bool scalar(const struct eg_gpg_key *key, uint8_t d[32])
{
    const struct eg_key_bytes n = number(key, 'd');

    memset(d, 0, 32);
    if (!n.n || n.n > 32)
        return false;
    memcpy(d + 32 - n.n, n.at, n.n);
    return true;
}

static bool prove_ed25519(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    struct eg_sshkey ssh = { .type = text("ssh-ed25519"), .n_fields = 2 };
    uint8_t both[64];

    if (!compact_point(key, &ssh.fields[0]) || !scalar(key, both))
        return false;
    memcpy(both + 32, ssh.fields[0].at, 32);
    ssh.fields[1] = (struct eg_key_bytes){ both, sizeof both };
    return read_ssh(&ssh, out);
}

/* The secret is a number with its highest byte first; RFC 7748 has the lowest first. In PKCS#8 no
 * public key stands beside it. */
static bool prove_x25519(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    static const uint8_t head[] = { 0x30, 0x2e, 2,    1,    0, 0x30, 5, 6,
                                    3,    0x2b, 0x65, 0x6e, 4, 34,   4, 32 };
    uint8_t d[32], der[sizeof head + 32], made[CRYPTO_PUBLIC_MAX];
    struct eg_key_bytes q;

    if (!compact_point(key, &q) || !scalar(key, d))
        return false;
    memcpy(der, head, sizeof head);
    for (size_t i = 0; i < 32; i++)
        der[sizeof head + i] = d[31 - i];
    if (eg_crypto_public("X25519", der + sizeof head, 32, made) != 32 ||
        memcmp(made, q.at, 32) != 0 || !eg_privkey_read(KEY_DER, der, sizeof der, out))
        return false;
    out->proof = "public key computed";
    return true;
}

/* RFC 5915, as eg_privkey_read() takes it. */
static bool prove_ec(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    static const uint8_t one = 1;
    const struct eg_key_bytes d = number(key, 'd'), q = part(key, 'q');
    struct eg_key_buf all = { 0 }, b = { 0 }, bits = { .n = 1 };
    uint8_t oid[32], *p = oid;
    ASN1_OBJECT *curve = OBJ_nid2obj(nid_of(key));
    const int len = curve && nid_of(key) != NID_undef ? i2d_ASN1_OBJECT(curve, NULL) : 0;

    if (len <= 0 || (size_t)len > sizeof oid || !d.n || !q.n)
        return false;
    i2d_ASN1_OBJECT(curve, &p);
    eg_key_put(&bits, q.at, q.n);
    eg_key_put_der(&b, DER_BITS, bits.at, bits.n);
    bits.n = 0;
    eg_key_put_der(&bits, DER_INTEGER, &one, 1);
    eg_key_put_der(&bits, DER_OCTETS, d.at, d.n);
    eg_key_put_der(&bits, 0xa0, oid, (size_t)len);
    eg_key_put_der(&bits, 0xa1, b.at, b.n);
    eg_key_put_der(&all, DER_SEQUENCE, bits.at, bits.n);
    return !all.full && !bits.full && !b.full && eg_privkey_read(KEY_DER, all.at, all.n, out) &&
           out->proof;
}

/* y = g^x. PKCS#8 does not know it: the secret number stands alone. */
static bool prove_elgamal(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    enum { P, G, Y, X, ALL };
    static const char names[] = "pgyx";
    BN_CTX *c = BN_CTX_new();
    BIGNUM *b[ALL] = { NULL }, *made = BN_new();
    const struct eg_key_bytes x = number(key, 'x');
    bool good = c && made && x.n && x.n <= sizeof out->der;

    memset(out, 0, sizeof *out);
    out->work = 20 + ((EG_MIN((uint64_t)number(key, 'p').n, UINT64_C(1) << 11) << 3) *
                          (number(key, 'p').n << 3) * EG_MIN(x.n << 3, (size_t)BITS_MAX) >>
                      22);
    for (size_t i = 0; i < ALL; i++) {
        const struct eg_key_bytes n = number(key, names[i]);

        b[i] = n.n <= BITS_MAX / 8 ? BN_bin2bn(n.at, (int)n.n, NULL) : NULL;
        good = good && b[i];
    }
    good = good && BN_num_bits(b[P]) >= BITS_MIN && BN_is_odd(b[P]) && BN_cmp(b[X], b[P]) < 0 &&
           !BN_is_zero(b[G]) && !BN_is_one(b[G]) && BN_mod_exp(made, b[G], b[X], b[P], c) &&
           BN_cmp(made, b[Y]) == 0;
    if (good) {
        memcpy(out->der, x.at, x.n);
        out->der_len = x.n;
        out->proof = "public key computed";
        snprintf(out->algorithm, sizeof out->algorithm, "ElGamal-%d", BN_num_bits(b[P]));
    }
    for (size_t i = 0; i < ALL; i++)
        BN_free(b[i]);
    BN_free(made);
    BN_CTX_free(c);
    return good;
}

bool eg_gpg_prove(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    out->work = 0;
    if (key->protected)
        return false;
    if (!strcmp(key->algorithm, "elg"))
        return prove_elgamal(key, out);
    if (!strcmp(key->algorithm, "rsa"))
        return prove_rsa(key, out);
    if (!strcmp(key->algorithm, "dsa"))
        return prove_dsa(key, out);
    if (strcmp(key->algorithm, "ecc") != 0)
        return false;
    if (is_curve(key, "Ed25519", "ed25519"))
        return prove_ed25519(key, out);
    if (is_curve(key, "Curve25519", "cv25519"))
        return prove_x25519(key, out);
    return prove_ec(key, out);
}

/* ---- keygrip: SHA-1 of the public parts, of curves with their parameters ---- */

static void put_part(EVP_MD_CTX *c, char name, struct eg_key_bytes bytes)
{
    char head[24];

    snprintf(head, sizeof head, "(1:%c%zu:", name, bytes.n);
    EVP_DigestUpdate(c, head, strlen(head));
    EVP_DigestUpdate(c, bytes.at, bytes.n);
    EVP_DigestUpdate(c, ")", 1);
}

static void put_hex(EVP_MD_CTX *c, char name, const char *hex)
{
    uint8_t bytes[80];
    size_t n = 0;

    for (; hex[2 * n] && n < sizeof bytes; n++) {
        const char two[] = { hex[2 * n], hex[2 * n + 1], 0 };

        bytes[n] = (uint8_t)strtoul(two, NULL, 16);
    }
    put_part(c, name, (struct eg_key_bytes){ bytes, n });
}

static bool put_number(EVP_MD_CTX *c, char name, const BIGNUM *n)
{
    uint8_t bytes[80];
    const bool good = n && (size_t)BN_num_bytes(n) <= sizeof bytes;

    if (good)
        put_part(c, name, (struct eg_key_bytes){ bytes, (size_t)BN_bn2bin(n, bytes) });
    return good;
}

static bool put_group(EVP_MD_CTX *c, int nid)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
    BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new();
    uint8_t point[160];
    size_t len;
    bool good = group && p && a && b && EC_GROUP_get_curve(group, p, a, b, NULL) &&
                put_number(c, 'p', p) && put_number(c, 'a', a) && put_number(c, 'b', b);

    len = good ? EC_POINT_point2oct(group, EC_GROUP_get0_generator(group),
                                    POINT_CONVERSION_UNCOMPRESSED, point, sizeof point, NULL)
               : 0;
    if (len)
        put_part(c, 'g', (struct eg_key_bytes){ point, len });
    good = len && put_number(c, 'n', EC_GROUP_get0_order(group));
    BN_free(p);
    BN_free(a);
    BN_free(b);
    EC_GROUP_free(group);
    return good;
}

/* Numbers of RFC 7748 and RFC 8032, as libgcrypt has them: without signs. */
#define P_25519 "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"
#define N_25519 "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"
static bool put_25519(EVP_MD_CTX *c, const struct eg_gpg_key *key, bool edwards)
{
    struct eg_key_bytes q;

    if (!compact_point(key, &q))
        return false;
    put_hex(c, 'p', P_25519);
    put_hex(c, 'a', edwards ? "01" : "01db41");
    put_hex(c, 'b',
            edwards ? "2dfc9311d490018c7338bf8688861767ff8ff5b2bebe27548a14b235eca6874a" : "01");
    put_hex(c, 'g',
            edwards ? "04216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a"
                      "6666666666666666666666666666666666666666666666666666666666666658"
                    : "040000000000000000000000000000000000000000000000000000000000000009"
                      "20ae19a1b8a086b4e01edd2c7748d14c923d4d7e6d7c61b229e9c5a27eced3d9");
    put_hex(c, 'n', N_25519);
    put_part(c, 'q', q);
    return true;
}

static bool put_public(EVP_MD_CTX *c, const struct eg_gpg_key *key)
{
    const bool elgamal = !strcmp(key->algorithm, "elg");

    if (!strcmp(key->algorithm, "rsa")) {
        EVP_DigestUpdate(c, part(key, 'n').at, part(key, 'n').n);
        return part(key, 'n').n > 0;
    }
    if (!strcmp(key->algorithm, "dsa") || elgamal) {
        for (const char *name = elgamal ? "pgy" : "pqgy"; *name; name++)
            put_part(c, *name, part(key, *name));
        return part(key, 'p').n > 0;
    }
    if (is_curve(key, "Ed25519", "ed25519") || is_curve(key, "Curve25519", "cv25519"))
        return put_25519(c, key, is_curve(key, "Ed25519", "ed25519"));
    if (strcmp(key->algorithm, "ecc") != 0 || nid_of(key) == NID_undef ||
        !put_group(c, nid_of(key)))
        return false;
    put_part(c, 'q', part(key, 'q'));
    return true;
}

bool eg_gpg_grip(const struct eg_gpg_key *key, char out[EG_KEYGRIP])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t sum[EVP_MAX_MD_SIZE];
    const bool good = c && EVP_DigestInit_ex(c, EVP_sha1(), NULL) && put_public(c, key) &&
                      EVP_DigestFinal_ex(c, sum, NULL);

    for (unsigned i = 0; good && i < 20; i++)
        snprintf(out + 2 * i, 3, "%02X", sum[i]);
    EVP_MD_CTX_free(c);
    ERR_clear_error();
    return good;
}
#else
bool eg_gpg_prove(const struct eg_gpg_key *key, struct eg_privkey *out)
{
    (void)key, (void)out;
    return false;
}

bool eg_gpg_grip(const struct eg_gpg_key *key, char out[EG_KEYGRIP])
{
    (void)key, (void)out;
    return false;
}
#endif
