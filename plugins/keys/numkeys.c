/* numkeys.c - private keys among numbers. Cheap tests of the lowest words choose what is computed
 * in full. */
#include "numkeys.h"
#include "config.h"
#include "crypto.h"
#include "lanes.h"

/* ---- public keys ---- */

static const uint8_t rsa_name[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };

static void read_public(struct eg_key_bytes from, eg_public_each *each, void *context)
{
    struct eg_key_bytes all, algorithm, oid, bits, both, n, e;

    if (!eg_der_take(&from, DER_SEQUENCE, &all) || !eg_der_take(&all, DER_SEQUENCE, &algorithm) ||
        !eg_der_take(&algorithm, DER_OID, &oid) || !eg_der_take(&all, DER_BITS, &bits) ||
        bits.n < 2 || *bits.at++)
        return;
    bits.n--;
    if (oid.n == sizeof rsa_name && !memcmp(oid.at, rsa_name, sizeof rsa_name)) {
        if (eg_der_take(&bits, DER_SEQUENCE, &both) && eg_der_take(&both, DER_INTEGER, &n) &&
            eg_der_take(&both, DER_INTEGER, &e) && !both.n)
            each(context, n, e);
    } else if (*bits.at == 4) { // both coordinates in full
        each(context, (struct eg_key_bytes){ bits.at + 1, (bits.n - 1) / 2 },
             (struct eg_key_bytes){ 0 });
    }
}

/* The name of an algorithm, which is behind the sequence of all, the sequence with it, its tag and
 * length. */
static void try_public(const uint8_t *bytes, size_t len, size_t at, eg_public_each *each,
                       void *context)
{
    static const uint8_t ec_name[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
    const uint8_t *p = bytes + at;

    if (at < 6 || p[-2] != DER_OID || p[-4] != DER_SEQUENCE ||
        !((len - at >= sizeof rsa_name && !memcmp(p, rsa_name, sizeof rsa_name)) ||
          (len - at >= sizeof ec_name && !memcmp(p, ec_name, sizeof ec_name))))
        return;
    for (size_t n = 6; n <= 8 && n <= at; n++)
        if (bytes[at - n] == DER_SEQUENCE)
            read_public((struct eg_key_bytes){ p - n, len - at + n }, each, context);
}

LANES_WIDE static void may_be_name(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++)
        m[i] = (p[i] == 0x2a) & (p[i + 1] == 0x86) & (p[i + 2] == 0x48);
}

void eg_numkeys_public(const uint8_t *bytes, size_t len, eg_public_each *each, void *context)
{
    size_t at = 0, i;
    uint8_t m[LANES];

    for (; at + LANES + 2 <= len; at += LANES) {
        may_be_name(bytes + at, m);
        lanes_each(i, m) try_public(bytes, len, at + i, each, context);
    }
    for (; at < len; at++)
        if (bytes[at] == rsa_name[0])
            try_public(bytes, len, at, each, context);
}

#ifdef HAVE_SHA256
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

struct work {
    const struct eg_bignums *s;
    struct eg_numkeys_left *left;
    eg_numkey_each *each;
    void *context;
    BN_CTX *c;
};

static const struct eg_bignum *find(const struct work *w, const BIGNUM *n)
{
    uint8_t bytes[LIMBS_MAX + 8];
    const size_t len = ((size_t)BN_num_bytes(n) + 7) / 8 * 8;

    return len && len <= LIMBS_MAX && BN_bn2lebinpad(n, bytes, (int)len) > 0
               ? eg_bignums_find(w->s, bytes, len)
               : NULL;
}

static bool load(const struct eg_bignum *b, BIGNUM *out)
{
    return out && BN_lebin2bn(b->bytes, (int)b->len, out);
}

static void put(struct eg_key_buf *b, const BIGNUM *n)
{
    uint8_t bytes[1 + LIMBS_MAX] = { 0 };
    const bool fits = BN_num_bytes(n) <= LIMBS_MAX && !BN_is_negative(n);
    const bool sign = BN_is_zero(n) || BN_num_bits(n) % 8 == 0;

    b->full |= !fits;
    if (fits)
        eg_key_put_der(b, DER_INTEGER, bytes + !sign,
                       (size_t)sign + (size_t)BN_bn2bin(n, bytes + 1));
}

/* ---- RSA ---- */

struct rsa {
    BIGNUM *n, *e, *d, *p, *q;
    BIGNUM *p1, *q1, *lcm, *phi; // p - 1, q - 1, …
    BIGNUM *t;
};

static bool rsa_init(const struct work *w, struct rsa *k)
{
    BIGNUM **const all[] = { &k->n,  &k->e,  &k->d,   &k->p,   &k->q,
                             &k->p1, &k->q1, &k->lcm, &k->phi, &k->t };

    for (size_t i = 0; i < countof(all); i++)
        if (!(*all[i] = BN_CTX_get(w->c)))
            return false;
    return true;
}

/* Does a number of the process say that this is e? d, of either modulus that it may be of, and its
 * remainders. @d: where there is none, it is computed. */
static bool fits(const struct work *w, struct rsa *k)
{
    const BIGNUM *const moduli[] = { k->lcm, k->phi, k->p1, k->q1 };

    for (size_t i = 0; i < countof(moduli); i++)
        if (BN_mod_inverse(k->t, k->e, moduli[i], w->c) && find(w, k->t))
            return BN_mod_inverse(k->d, k->e, i == 1 ? k->phi : k->lcm, w->c);
    return false;
}

/* e is the inverse of d: a small one among those of the numbers that d may be. */
static bool invert(const struct work *w, struct rsa *k, size_t len)
{
    enum { TRIES = 64, E_BITS = 64 };
    const size_t first = eg_bignums_from(w->s, len, NULL, 0);

    for (size_t i = first; i < w->s->n && w->s->of[i].len == len && i < first + TRIES; i++)
        if (w->s->of[i].bytes[0] & 1 && load(&w->s->of[i], k->d) &&
            BN_mod_inverse(k->e, k->d, k->lcm, w->c) && BN_num_bits(k->e) <= E_BITS &&
            !BN_is_one(k->e))
            return true;
    return false;
}

static bool find_exponents(const struct work *w, struct rsa *k, size_t len, bool *assumed)
{
    static const BN_ULONG usual[] = { 65537, 3, 17, 5, 7, 35, 37, 257 };

    for (size_t i = 0; i < countof(usual); i++)
        if (BN_set_word(k->e, usual[i]) && fits(w, k))
            return true;
    if (invert(w, k, len) || invert(w, k, len - 8))
        return true;
    *assumed = true;
    return BN_set_word(k->e, usual[0]) && BN_mod_inverse(k->d, k->e, k->lcm, w->c);
}

/* The first prime of a file is the one that the coefficient, q's inverse, is of. */
static bool order_primes(const struct work *w, struct rsa *k)
{
    const BIGNUM *said;
    int order = BN_cmp(k->p, k->q);

    said = BN_mod_inverse(k->t, k->q, k->p, w->c);
    if (said && find(w, said))
        order = 1;
    else if ((said = BN_mod_inverse(k->t, k->p, k->q, w->c)) && find(w, said))
        order = -1;
    if (order < 0) {
        BN_swap(k->p, k->q);
        BN_swap(k->p1, k->q1);
    }
    return order != 0;
}

static bool put_rsa(const struct work *w, struct rsa *k, struct eg_key_buf *out)
{
    struct eg_key_buf b = { 0 };

    put(&b, BN_value_one());
    b.at[b.n - 1] = 0; // the version
    put(&b, k->n);
    put(&b, k->e);
    put(&b, k->d);
    put(&b, k->p);
    put(&b, k->q);
    if (!BN_mod(k->t, k->d, k->p1, w->c))
        return false;
    put(&b, k->t);
    if (!BN_mod(k->t, k->d, k->q1, w->c))
        return false;
    put(&b, k->t);
    if (!BN_mod_inverse(k->t, k->q, k->p, w->c))
        return false;
    put(&b, k->t);
    eg_key_put_der(out, DER_SEQUENCE, b.at, b.n);
    return !b.full && !out->full;
}

/* Fermat's test. A product that is in memory may be one of any two numbers. */
static bool is_prime(const struct work *w, struct rsa *k, const BIGNUM *p, const BIGNUM *p1)
{
    return BN_set_word(k->e, 2) && BN_mod_exp(k->t, k->e, p1, p, w->c) && BN_is_one(k->t);
}

/* What is computed of the primes of a large modulus takes so much longer than to compare. */
static bool spend(const struct work *w, size_t len)
{
    enum { KEY_COST = 4096, USUAL = 256 }; // of a key of RSA-2048, in comparisons
    const uint64_t times = EG_MAX(len / USUAL, (size_t)1), cost = KEY_COST * times * times;

    if (!w->left)
        return true;
    if (w->left->pairs < cost)
        w->left->pairs = 0;
    else
        w->left->pairs -= cost;
    return w->left->pairs > 0;
}

/* Are these the primes of the modulus? */
static bool load_rsa(const struct work *w, const struct eg_bignum *n, const struct eg_bignum *p,
                     const struct eg_bignum *q, struct rsa *out)
{
    struct rsa k;

    if (!rsa_init(w, &k))
        return false;
    *out = k;
    return load(n, k.n) && load(p, k.p) && load(q, k.q) && BN_mul(k.t, k.p, k.q, w->c) &&
           !BN_cmp(k.t, k.n) && spend(w, n->len) && BN_sub(k.p1, k.p, BN_value_one()) &&
           BN_sub(k.q1, k.q, BN_value_one()) && is_prime(w, &k, k.p, k.p1) &&
           is_prime(w, &k, k.q, k.q1) && BN_mul(k.phi, k.p1, k.q1, w->c) &&
           BN_gcd(k.t, k.p1, k.q1, w->c) && BN_div(k.lcm, NULL, k.phi, k.t, w->c);
}

static bool try_rsa(const struct work *w, const struct eg_bignum *n, const struct eg_bignum *p,
                    const struct eg_bignum *q)
{
    struct eg_numkey key = { .at = p->at, .also = q->at };
    struct rsa k;
    bool found;

    BN_CTX_start(w->c);
    found = load_rsa(w, n, p, q, &k);
    if (found && find_exponents(w, &k, n->len, &key.assumed) && order_primes(w, &k) &&
        put_rsa(w, &k, &key.der))
        w->each(w->context, &key);
    BN_CTX_end(w->c);
    ERR_clear_error();
    return found;
}

static bool factor(struct work *w, const struct eg_bignum *n)
{
    enum { COST = 64 }; // of a product, in comparisons
    const size_t half = (n->len / 2 + 7) / 8 * 8;
    const size_t first = eg_bignums_from(w->s, half, NULL, 0);

    for (size_t i = first; i < w->s->n && w->s->of[i].len == half; i++) {
        const struct eg_bignum *p = &w->s->of[i];
        uint64_t low;
        uint8_t prefix[8];

        if (!w->left->pairs)
            return false;
        w->left->pairs--;
        if (!(p->bytes[0] & 1))
            continue;
        // the lowest word of the other factor
        low = eg_le64(n->bytes) * eg_word_inverse(eg_le64(p->bytes));
        for (size_t k = 0; k < 8; k++)
            prefix[k] = (uint8_t)(low >> 8 * k);
        for (size_t j = eg_bignums_from(w->s, half, prefix, 8);
             j < w->s->n && w->s->of[j].len == half && eg_le64(w->s->of[j].bytes) == low; j++) {
            if (w->left->pairs < COST)
                return false;
            w->left->pairs -= COST;
            if (try_rsa(w, n, p, &w->s->of[j]))
                return true;
        }
    }
    return true;
}

bool eg_numkeys_rsa(const struct eg_bignum *n, uint64_t e, const struct eg_bignum *p,
                    const struct eg_bignum *q, bool product, struct eg_key_buf *der)
{
    const struct eg_bignums none = { 0 };
    const struct work w = { .s = &none, .c = BN_CTX_new() };
    struct rsa k;
    bool good = w.c != NULL;

    der->n = 0;
    der->full = false;
    if (good) {
        BN_CTX_start(w.c);
        good = load_rsa(&w, n, p, q, &k) && BN_set_word(k.e, e) &&
               BN_mod_inverse(k.d, k.e, product ? k.phi : k.lcm, w.c) && order_primes(&w, &k) &&
               put_rsa(&w, &k, der);
        BN_CTX_end(w.c);
    }
    BN_CTX_free(w.c);
    ERR_clear_error();
    return good;
}

/* A number of DER, the lowest byte first. */
static bool reverse(struct eg_key_bytes from, uint8_t bytes[LIMBS_MAX], struct eg_bignum *out)
{
    for (; from.n && !*from.at; from.n--)
        from.at++;
    if (from.n > LIMBS_MAX)
        return false;
    for (size_t i = 0; i < from.n; i++)
        bytes[i] = from.at[from.n - 1 - i];
    *out = (struct eg_bignum){ bytes, from.n, 0 };
    return true;
}

bool eg_numkeys_again(const uint8_t *pkcs8, size_t len, bool product, struct eg_key_buf *der)
{
    struct eg_key_bytes from = { pkcs8, len }, all, key, part, n, e, p, q;
    struct eg_bignum numbers[3];
    uint8_t bytes[3][LIMBS_MAX];
    uint64_t exponent = 0;

    if (!eg_der_take(&from, DER_SEQUENCE, &all) || !eg_der_take(&all, DER_INTEGER, &part) ||
        !eg_der_take(&all, DER_SEQUENCE, &part) || !eg_der_take(&all, DER_OCTETS, &key) ||
        !eg_der_take(&key, DER_SEQUENCE, &all) || !eg_der_take(&all, DER_INTEGER, &part) ||
        !eg_der_take(&all, DER_INTEGER, &n) || !eg_der_take(&all, DER_INTEGER, &e) ||
        !eg_der_take(&all, DER_INTEGER, &part) || !eg_der_take(&all, DER_INTEGER, &p) ||
        !eg_der_take(&all, DER_INTEGER, &q) || e.n > 8)
        return false;
    for (size_t i = 0; i < e.n; i++)
        exponent = exponent << 8 | e.at[i];
    return reverse(n, bytes[0], &numbers[0]) && reverse(p, bytes[1], &numbers[1]) &&
           reverse(q, bytes[2], &numbers[2]) &&
           eg_numkeys_rsa(&numbers[0], exponent, &numbers[1], &numbers[2], product, der);
}

/* ---- EC ---- */

static const struct curve {
    int nid;
    size_t words;  // of 64 bits
    uint64_t cost; // of a point, in those of P-256, for which libcrypto has code of its own
} curves[] = {
    { NID_X9_62_prime256v1, 4, 1 }, { NID_secp384r1, 6, 8 },       { NID_secp521r1, 9, 8 },
    { NID_secp256k1, 4, 8 },        { NID_brainpoolP256r1, 4, 8 }, { NID_brainpoolP384r1, 6, 16 },
    { NID_brainpoolP512r1, 8, 16 },
};

struct ec {
    EC_GROUP *group;
    EC_POINT *point;
    BIGNUM *scalar, *x, *y, *field, *t;
};

static bool ec_init(const struct work *w, const struct curve *c, struct ec *k)
{
    BIGNUM **const all[] = { &k->scalar, &k->x, &k->y, &k->field, &k->t };

    for (size_t i = 0; i < countof(all); i++)
        if (!(*all[i] = BN_CTX_get(w->c)))
            return false;
    k->group = EC_GROUP_new_by_curve_name(c->nid);
    k->point = k->group ? EC_POINT_new(k->group) : NULL;
    return k->point && EC_GROUP_get_curve(k->group, k->field, NULL, NULL, w->c);
}

/* Does the process have the first coordinate, as it is or as Montgomery's multiplication needs it:
 * times a power of the word? */
static bool has_point(const struct work *w, const struct curve *c, struct ec *k)
{
    return find(w, k->x) || (BN_lshift(k->t, k->x, 64 * (int)c->words) &&
                             BN_nnmod(k->t, k->t, k->field, w->c) && find(w, k->t));
}

/* The generator and its inverse are the points of 1 and of the order less 1, which every program
 * has. */
static bool is_generator(const struct work *w, struct ec *k)
{
    return !EC_POINT_get_affine_coordinates(k->group, EC_GROUP_get0_generator(k->group), k->t, NULL,
                                            w->c) ||
           !BN_cmp(k->t, k->x);
}

static bool put_ec(const struct curve *c, const struct ec *k, struct eg_key_buf *out)
{
    const int size = (BN_num_bits(EC_GROUP_get0_order(k->group)) + 7) / 8;
    const int half = (BN_num_bits(k->field) + 7) / 8;
    struct eg_key_buf b = { 0 }, bits = { 0 };
    uint8_t bytes[256] = { 0 }, *oid = NULL;
    const int n_oid = i2d_ASN1_OBJECT(OBJ_nid2obj(c->nid), &oid);

    put(&b, BN_value_one());
    b.full |= n_oid <= 0 || BN_bn2binpad(k->scalar, bytes, size) < 0;
    eg_key_put_der(&b, DER_OCTETS, bytes, (size_t)size);
    if (n_oid > 0)
        eg_key_put_der(&b, 0xa0, oid, (size_t)n_oid);
    OPENSSL_free(oid);
    bytes[0] = 0; // no bit is unused
    bytes[1] = 4; // both coordinates in full
    b.full |=
        BN_bn2binpad(k->x, bytes + 2, half) < 0 || BN_bn2binpad(k->y, bytes + 2 + half, half) < 0;
    eg_key_put_der(&bits, DER_BITS, bytes, 2 + 2 * (size_t)half);
    eg_key_put_der(&b, 0xa1, bits.at, bits.n);
    eg_key_put_der(out, DER_SEQUENCE, b.at, b.n);
    return !b.full && !out->full;
}

static void try_scalar(const struct work *w, const struct curve *c, struct ec *k,
                       const struct eg_bignum *b)
{
    struct eg_numkey key = { .at = b->at };

    if (load(b, k->scalar) && BN_cmp(k->scalar, EC_GROUP_get0_order(k->group)) < 0 &&
        EC_POINT_mul(k->group, k->point, k->scalar, NULL, NULL, w->c) &&
        EC_POINT_get_affine_coordinates(k->group, k->point, k->x, k->y, w->c) &&
        has_point(w, c, k) && !is_generator(w, k) && put_ec(c, k, &key.der))
        w->each(w->context, &key);
}

static bool search_curve(const struct work *w, const struct curve *c)
{
    const size_t len = 8 * c->words, first = eg_bignums_from(w->s, len, NULL, 0);
    struct ec k = { 0 };
    bool more = true;

    if (first == w->s->n || w->s->of[first].len != len)
        return true;
    BN_CTX_start(w->c);
    if (ec_init(w, c, &k))
        for (size_t i = first; more && i < w->s->n && w->s->of[i].len == len; i++) {
            if (!w->s->of[i].at) // a public key's
                continue;
            more = w->left->points >= c->cost;
            if (!more)
                break;
            w->left->points -= c->cost;
            try_scalar(w, c, &k, &w->s->of[i]);
        }
    EC_POINT_free(k.point);
    EC_GROUP_free(k.group);
    BN_CTX_end(w->c);
    ERR_clear_error();
    return more;
}

bool eg_numkeys(const struct eg_bignums *s, struct eg_numkeys_left *left, eg_numkey_each *each,
                void *context)
{
    struct work w = { s, left, each, context, BN_CTX_new() };
    bool more = w.c != NULL;

    for (size_t i = 0; more && i < s->n; i++)
        if (s->of[i].len >= 2 * LIMBS_MIN && s->of[i].bytes[0] & 1)
            more = factor(&w, &s->of[i]);
    for (size_t i = 0; w.c && i < countof(curves); i++)
        more &= search_curve(&w, &curves[i]);
    BN_CTX_free(w.c);
    return more;
}

#else

bool eg_numkeys(const struct eg_bignums *s, struct eg_numkeys_left *left, eg_numkey_each *each,
                void *context)
{
    (void)s, (void)left, (void)each, (void)context;
    return true;
}

bool eg_numkeys_rsa(const struct eg_bignum *n, uint64_t e, const struct eg_bignum *p,
                    const struct eg_bignum *q, bool product, struct eg_key_buf *der)
{
    (void)n, (void)e, (void)p, (void)q, (void)product, (void)der;
    return false;
}

bool eg_numkeys_again(const uint8_t *pkcs8, size_t len, bool product, struct eg_key_buf *der)
{
    (void)pkcs8, (void)len, (void)product, (void)der;
    return false;
}

#endif

/* ---- keys of bytes ---- */

static const struct raw {
    const char *curve;
    size_t len;
    uint8_t oid; // the last number of its name
} raws[] = {
    { "Ed25519", 32, 112 },
    { "X25519", 32, 110 },
    { "X448", 56, 111 },
    { "Ed448", 57, 113 },
};

static bool is_raw(const struct raw *a, const uint8_t *private, const uint8_t *around,
                   size_t n_around)
{
    uint8_t public[CRYPTO_PUBLIC_MAX];

    return eg_crypto_public(a->curve, private, a->len, public) == a->len &&
           memmem(around, n_around, public, a->len);
}

bool eg_numkeys_raw(const uint8_t *private, size_t len, const uint8_t *around, size_t n_around,
                    struct eg_key_buf *der)
{
    static const uint8_t zero;
    struct eg_key_buf b = { 0 }, octets = { 0 };

    for (size_t i = 0; i < countof(raws); i++) {
        const uint8_t algorithm[] = { DER_OID, 3, 0x2b, 0x65, raws[i].oid };

        if (raws[i].len != len || !is_raw(&raws[i], private, around, n_around))
            continue;
        eg_key_put_der(&b, DER_INTEGER, &zero, 1);
        eg_key_put_der(&b, DER_SEQUENCE, algorithm, sizeof algorithm);
        eg_key_put_der(&octets, DER_OCTETS, private, len);
        eg_key_put_der(&b, DER_OCTETS, octets.at, octets.n);
        der->n = 0;
        der->full = false;
        eg_key_put_der(der, DER_SEQUENCE, b.at, b.n);
        return true;
    }
    return false;
}
