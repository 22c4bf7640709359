/* numbers_test.c - private keys that a process has only as numbers: in the structures of each
 * library, and what is close to a key and is none. */
#include "../../../plugins/keys/forms.h"
#include "../../../plugins/keys/numkeys.h"
#include "../../../plugins/keys/privkey.h"
#include "check.h"
#include "mkuser.h"
#include <stdio.h>
#include <stdlib.h>

#define FACTORS "n = p q, e d = 1, CRT"

/* ---- numbers of keys ---- */

struct number {
    uint8_t bytes[512]; // the lowest first
    size_t len;         // a multiple of 8
};
enum { N, E, D, P, Q, DP, DQ, QI, RSA };
static struct number rsa[RSA];
static struct number scalar, point_x;
static uint8_t seed[64]; // of Ed25519, and its public key behind

static size_t corpus(const char *name, uint8_t *out, size_t size)
{
    char path[512];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/privkey/%s", getenv("SOURCE_ROOT"), name);
    f = fopen(path, "rb");
    assert_non_null(f);
    fgetc(f); // its form
    n = fread(out, 1, size, f);
    fclose(f);
    return n;
}

static struct number reversed(struct eg_key_bytes be)
{
    struct number n = { 0 };

    for (; be.n && !*be.at; be.n--)
        be.at++;
    n.len = (be.n + 7) / 8 * 8;
    assert_true(n.len <= sizeof n.bytes);
    for (size_t i = 0; i < be.n; i++)
        n.bytes[i] = be.at[be.n - 1 - i];
    return n;
}

static int setup(void **state)
{
    static uint8_t bytes[4096];
    struct eg_key_bytes from = { bytes, corpus("der-pkcs1", bytes, sizeof bytes) }, part, all;
    struct eg_openssh o;
    size_t n;

    (void)state;
    assert_true(eg_der_take(&from, DER_SEQUENCE, &all) && eg_der_take(&all, DER_INTEGER, &part));
    for (size_t i = 0; i < RSA; i++) {
        assert_true(eg_der_take(&all, DER_INTEGER, &part));
        rsa[i] = reversed(part);
    }
    from = (struct eg_key_bytes){ bytes, corpus("der-sec1", bytes, sizeof bytes) };
    assert_true(eg_der_take(&from, DER_SEQUENCE, &all) && eg_der_take(&all, DER_INTEGER, &part) &&
                eg_der_take(&all, DER_OCTETS, &part));
    scalar = reversed(part);
    assert_true(eg_der_take(&all, 0xa0, &part) && eg_der_take(&all, 0xa1, &from) &&
                eg_der_take(&from, DER_BITS, &part));
    point_x = reversed((struct eg_key_bytes){ part.at + 2, 48 });
    n = corpus("openssh-ed25519", bytes, sizeof bytes);
    assert_true(eg_openssh_read(bytes, n, &o) && o.fields[1].n == sizeof seed);
    memcpy(seed, o.fields[1].at, sizeof seed);
    return 0;
}

/* ---- structures of libraries ---- */

enum layout { BIGNUM, BIGNUM_FIXED, MPZ, MPI, GO, NSS, MBED2, MBED3, LAYOUTS };

static uint64_t put_bytes(struct mk_user *u, const void *bytes, size_t len)
{
    const uint64_t at = mk_user_room(u, len);

    mk_guest_write(&u->g, u->mm, at, bytes, len);
    return at;
}

/* @ints: of 32 bits each, the pointer among them as 'p' and words as 'w'. */
static void put_structure(struct mk_user *u, const char *members, const uint32_t *values,
                          uint64_t pointer)
{
    const uint64_t at = mk_user_room(u, 64);
    uint64_t off = 0;

    for (; *members; members++, values++) {
        const unsigned size = *members == 'i' ? 4 : u->ptr;

        off = (off + size - 1) / size * size;
        mk_user_int(u, at + off, size, *members == 'p' ? pointer : *values);
        off += size;
    }
}

static void put_number(struct mk_user *u, enum layout layout, const struct number *n)
{
    static const char *const members[LAYOUTS] = { "piiii", "piiii", "iip", "iiiip",
                                                  "pww",   "iiip",  "iwp", "pi" };
    const uint64_t at = put_bytes(u, n->bytes, n->len);
    const uint32_t w = (uint32_t)n->len / u->ptr;
    const uint32_t values[LAYOUTS][5] = {
        { 0, w, w + 2, 0, 1 }, { 0, w, w, 0, 0x1000d }, { w + 1, w }, { w, w, 0, 4 },
        { 0, w, w + 4 },       { 0, w + 1, w },         { 1, w },     { 0, w << 16 | 1 },
    };

    put_structure(u, members[layout], values[layout], at);
}

static const char *found(struct mk_user *u)
{
    static char out[8200];
    char rows[8192], which[4096];

    snprintf(rows, sizeof rows, "%s", mk_guest_rows(&u->g, "keys", NULL));
    snprintf(which, sizeof which, "%s", mk_columns(rows, 3, 3));
    // and how it was proven
    snprintf(out, sizeof out, "%s: %s", which, mk_columns(rows, 9, 10));
    return out;
}
#define NOTHING ": "

#define mk_each_little(u)                                                                          \
    mk_each_user(m_, p_) for (struct mk_user u = mk_user(m_, p_); u.g.k;                           \
                              mk_free(u.g.k), u.g.k = NULL) if (!mk_model(u.g.k)->big_endian)

static void rsa_of_libraries(void **state)
{
    (void)state;
    for (enum layout l = 0; l < LAYOUTS; l++)
        mk_each_little(u)
        {
            static const int some[] = { N, D, P, Q };

            for (size_t i = 0; i < countof(some); i++)
                put_number(&u, l, &rsa[some[i]]);
            assert_string_equal(found(&u), "RSA-1024: " FACTORS "|da9a875d185cb0f5");
        }
}

/* The structures lie on their own, in any order; what else is there does not matter. */
static void among_others(void **state)
{
    static const int order[] = { QI, Q, DP, N, P, DQ, E, D };

    (void)state;
    mk_each_little(u)
    {
        struct number other = rsa[N];

        for (int i = 0; i < 20; i++) {
            other.bytes[3 + i] ^= 0x55;
            put_number(&u, (enum layout)(i % LAYOUTS), &other);
        }
        for (size_t i = 0; i < countof(order); i++)
            put_number(&u, BIGNUM, &rsa[order[i]]);
        put_number(&u, MPZ, &rsa[P]); // twice
        assert_string_equal(found(&u), "RSA-1024: " FACTORS "|da9a875d185cb0f5");
    }
}

/* The public key, in DER. */
static size_t public_key(uint8_t out[512])
{
    static const uint8_t algorithm[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0 };
    static struct eg_key_buf key, bits, info;
    uint8_t be[129] = { 0 };

    key.n = info.n = 0;
    bits.n = 1;
    for (size_t i = 0; i < 128; i++)
        be[128 - i] = rsa[N].bytes[i];
    eg_key_put_der(&key, DER_INTEGER, be, 129);
    eg_key_put_der(&key, DER_INTEGER, "\1\0\1", 3);
    eg_key_put_der(&bits, DER_SEQUENCE, key.at, key.n);
    eg_key_put_der(&info, DER_SEQUENCE, algorithm, sizeof algorithm);
    eg_key_put_der(&info, DER_BITS, bits.at, bits.n);
    key.n = 0;
    eg_key_put_der(&key, DER_SEQUENCE, info.at, info.n);
    memcpy(out, key.at, key.n);
    return key.n;
}

static void modulus_of_a_public_key(void **state)
{
    (void)state;
    mk_each_little(u)
    {
        uint8_t key[512];

        put_number(&u, BIGNUM, &rsa[P]);
        put_number(&u, BIGNUM, &rsa[Q]);
        put_number(&u, BIGNUM, &rsa[DQ]);
        assert_string_equal(found(&u), NOTHING);
        put_bytes(&u, key, public_key(key));
        // d modulo the least common multiple, or modulo the product: nothing says which
        assert_memory_equal(found(&u), "RSA-1024: " FACTORS "|", 32);
    }
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return !*p && !memcmp(p, p + 1, n - 1);
}

/* Memory of nobody. */
static void left_over(void **state)
{
    (void)state;
    mk_each_little(u)
    {
        uint8_t key[512];
        size_t len;
        uint8_t *last = mk_ram(u.g.k, &len); // three pages that nobody has

        for (last += len / 8192 * 4096; !is_zero(last, 3 * 4096); last += 4096)
            assert_true(last < mk_ram(u.g.k, &len) + len - 4 * 4096);
        memcpy(last + 16, rsa[P].bytes, 64);
        memcpy(last + 2048, rsa[Q].bytes, 64);
        assert_string_equal(found(&u), NOTHING); // nobody has the public key
        len = public_key(key);
        memcpy(last + 4099, key, len);
        assert_memory_equal(found(&u), "RSA-1024: " FACTORS "|", 32);
        memcpy(last + 1024, rsa[D].bytes, 128);
        assert_string_equal(found(&u), "RSA-1024: " FACTORS "|da9a875d185cb0f5");
        last[2056] ^= 1; // not its lowest word
        assert_string_equal(found(&u), NOTHING);
        last[2056] ^= 1;
        last[16] ^= 2;
        assert_string_equal(found(&u), NOTHING);
        last[16] ^= 2;
        memmove(last + 2048 - 4, last + 2048, 64); // not at a multiple of 8
        assert_string_equal(found(&u), NOTHING);
        memset(last + 2044, 0, 72);
        memcpy(last + 2 * 4096, rsa[Q].bytes, 64); // in another page
        assert_string_equal(found(&u), NOTHING);
    }
}

/* What is close to a key. */
static void no_rsa(void **state)
{
    static const uint32_t negative[] = { 0, 8, 8, 1, 1 }, more[] = { 0, 8, 7, 0, 1 },
                          flags[] = { 0, 8, 8, 0, 0x20 };
    static const uint32_t *const values[] = { negative, more, flags };

    (void)state;
    mk_each_little(u)
    {
        struct number q = rsa[Q];

        put_number(&u, BIGNUM, &rsa[N]);
        put_number(&u, BIGNUM, &rsa[D]);
        put_number(&u, BIGNUM, &rsa[P]);
        assert_string_equal(found(&u), NOTHING); // one prime
        q.bytes[8] ^= 2;
        put_number(&u, BIGNUM, &q);
        assert_string_equal(found(&u), NOTHING); // a word of the other one is changed
        q.bytes[8] ^= 2;
        q.bytes[0] ^= 2;
        put_number(&u, BIGNUM, &q);
        assert_string_equal(found(&u), NOTHING);
        if (u.ptr == 8)
            for (size_t i = 0; i < countof(values); i++) {
                // not a BIGNUM; "piiii" is not any other structure either
                put_structure(&u, "piiii", values[i], put_bytes(&u, rsa[Q].bytes, rsa[Q].len));
                assert_string_equal(found(&u), NOTHING);
            }
        put_structure(&u, "piiii", (const uint32_t[]){ 0, 8, 8, 0, 1 }, 0x12345678);
        put_structure(&u, "piiii", (const uint32_t[]){ 0, 1u << 30, 1u << 30, 0, 1 }, u.heap);
        assert_string_equal(found(&u), NOTHING); // memory that is not there, or not so much
        put_number(&u, BIGNUM, &rsa[Q]);
        assert_string_equal(found(&u), "RSA-1024: " FACTORS "|da9a875d185cb0f5");
    }
}

static void exponent_unknown(void **state)
{
    (void)state;
    mk_each_little(u)
    {
        put_number(&u, MPI, &rsa[N]);
        put_number(&u, MPI, &rsa[P]);
        put_number(&u, MPI, &rsa[Q]);
        assert_memory_equal(found(&u), "RSA-1024: n = p q|", 18);
        assert_non_null(strstr(mk_guest_rows(&u.g, "keys", NULL), "e is taken to be 65537"));
    }
}

static void ec_of_libraries(void **state)
{
    (void)state;
    mk_each_little(u)
    {
        struct number other = scalar;

        put_number(&u, BIGNUM, &scalar);
        assert_string_equal(found(&u), NOTHING); // its point is not there
        other.bytes[0] ^= 1;
        put_number(&u, BIGNUM, &point_x);
        assert_string_equal(found(&u), "EC P-384: public key computed|567fd8992266a4ed");
    }
    mk_each_little(u)
    {
        struct number other = scalar;

        other.bytes[0] ^= 1;
        put_number(&u, GO, &other);
        put_number(&u, GO, &point_x);
        assert_string_equal(found(&u), NOTHING);
    }
}

/* ---- keys of bytes ---- */

static void ed25519(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++)
        mk_each_little(u)
        {
            const uint64_t private = put_bytes(&u, seed, 64);
            const uint64_t public = put_bytes(&u, seed + 32, 32);
            const uint64_t at = mk_user_room(&u, 160) + 16;

            if (which < 2) { // libcrypto: 60 bytes before the pointer, and 64
                mk_guest_write(&u.g, u.mm, at + 4 - 4 * (uint64_t)which, seed + 32, 32);
                mk_user_int(&u, at + 64, u.ptr, private);
                mk_user_int(&u, at + 64 + u.ptr, u.ptr, which ? 0 : 32);
            } else if (which == 2) { // GnuTLS: public and private
                mk_user_word(&u, at, 0, public);
                mk_user_word(&u, at, 1, 32);
                mk_user_word(&u, at, 2, private);
                mk_user_word(&u, at, 3, 32);
            } else { // Go
                for (uint64_t i = 0; i < 3; i++)
                    mk_user_word(&u, at, i, i ? 64 : private);
            }
            assert_memory_equal(found(&u), "Ed25519: public key computed|", 29);
            mk_user_int(&u, private, 1, seed[0] ^ 1u);
            assert_string_equal(found(&u), NOTHING);
        }
}

/* ---- numbers alone ---- */

static struct eg_bignum room[BIGNUMS_MAX];
static uint8_t room_bytes[BIGNUMS_MAX * 256];
static struct eg_bignums set = { .of = room, .bytes = room_bytes };
static struct eg_numkey got;
static unsigned n_got;

static void keep(void *context, const struct eg_numkey *key)
{
    (void)context;
    got = *key;
    n_got++;
}

static void put(const struct number *n, uint64_t at)
{
    eg_bignums_add(&set, at, n->bytes, n->len);
}

static bool run(struct eg_numkeys_left left)
{
    n_got = 0;
    eg_bignums_sort(&set);
    return eg_numkeys(&set, &left, keep, NULL);
}

/* What is computed has an end. */
static void bounds(void **state)
{
    struct number other = rsa[P];

    (void)state;
    eg_bignums_empty(&set);
    put(&rsa[N], 1);
    put(&rsa[P], 2);
    put(&rsa[Q], 3);
    put(&scalar, 4);
    put(&scalar, 9); // a copy
    put(&point_x, 5);
    assert_true(run((struct eg_numkeys_left)EG_NUMKEYS_LEFT));
    assert_int_equal(n_got, 2);
    assert_false(run((struct eg_numkeys_left){ 0, 100 }));
    assert_int_equal(n_got, 1);
    assert_int_equal(got.at, 4);
    assert_false(run((struct eg_numkeys_left){ 5, 100 })); // for tests, for no product
    assert_int_equal(n_got, 1);
    assert_false(run((struct eg_numkeys_left){ 10000, 0 }));
    assert_int_equal(n_got, 1);
    assert_true(got.assumed);
    for (unsigned i = 0; i < 2 * BIGNUMS_MAX; i++) {
        memcpy(other.bytes + 8, &i, sizeof i);
        put(&other, i);
    }
    assert_true(set.full);
    assert_int_equal(set.n, BIGNUMS_MAX);
}

/* A product of two numbers that are no primes is no key, though all three are there. */
static void composites(void **state)
{
    struct number a = rsa[N], b = rsa[N], product = { .len = 256 };
    uint32_t sum[257] = { 0 };

    (void)state;
    b.bytes[64] ^= 4;
    for (size_t i = 0; i < 128; i++) {
        for (size_t j = 0; j < 128; j++)
            sum[i + j] += (uint32_t)a.bytes[i] * b.bytes[j];
        for (size_t j = 0; j < 256; j++) {
            sum[j + 1] += sum[j] >> 8;
            sum[j] &= 0xff;
        }
    }
    for (size_t i = 0; i < 256; i++)
        product.bytes[i] = (uint8_t)sum[i];
    eg_bignums_empty(&set);
    put(&a, 1);
    put(&b, 2);
    put(&product, 3);
    assert_true(run((struct eg_numkeys_left)EG_NUMKEYS_LEFT));
    assert_int_equal(set.n, 3);
    assert_int_equal(n_got, 0);
    assert_false(run((struct eg_numkeys_left){ 1000, 0 })); // it takes as long as a key
}

/* The point of the order less one has the first coordinate of the generator, which all have. */
static void order_less_one(void **state)
{
    static const uint8_t order[32] = { // P-256's, less one
                                       0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                       0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x50
    };
    static const uint8_t generator[32] = { 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
                                           0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
                                           0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
                                           0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96 };
    struct number n = reversed((struct eg_key_bytes){ order, 32 });

    (void)state;
    eg_bignums_empty(&set);
    eg_bignums_add_be(&set, 2, generator, 32);
    // as it is, it is not random enough to be looked at
    set.of[set.n++] = (struct eg_bignum){ n.bytes, n.len, 1 };
    assert_true(run((struct eg_numkeys_left)EG_NUMKEYS_LEFT));
    assert_int_equal(n_got, 0);
}

/* libcrypto's points are times 2^384 modulo the field's prime. */
static void montgomery(void **state)
{
    // 2^384 mod p = 2^128 + 2^96 - 2^32 + 1
    static const uint32_t r[] = { 1, 0xffffffff, 0xffffffff, 0, 1 };
    // p, the lowest word first
    static const uint32_t p[] = { 0xffffffff, 0,          0,          0xffffffff,
                                  0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff,
                                  0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff };
    uint32_t x[12], sum[13] = { 0 };
    struct number product = { .len = 48 };

    (void)state;
    memcpy(x, point_x.bytes, sizeof x);
    // x times r by doubling, each step modulo p
    for (int bit = 159; bit >= 0; bit--)
        for (unsigned step = 0; step < 1 + (r[bit / 32] >> bit % 32 & 1); step++) {
            uint64_t carry = 0;
            bool less = false;

            for (int i = 0; i < 12; i++) {
                carry += (uint64_t)sum[i] + (step ? x[i] : sum[i]);
                sum[i] = (uint32_t)carry;
                carry >>= 32;
            }
            sum[12] = (uint32_t)carry;
            for (int i = 11; !sum[12] && i >= 0; i--)
                if (sum[i] != p[i]) {
                    less = sum[i] < p[i];
                    break;
                }
            for (int64_t i = 0, borrow = 0; !less && i < 12; i++) {
                const int64_t d = (int64_t)sum[i] - p[i] - borrow;

                sum[i] = (uint32_t)d;
                borrow = d < 0;
            }
        }
    memcpy(product.bytes, sum, 48);
    eg_bignums_empty(&set);
    put(&scalar, 1);
    put(&product, 2);
    assert_true(run((struct eg_numkeys_left)EG_NUMKEYS_LEFT));
    assert_int_equal(n_got, 1);
    assert_int_equal(got.at, 1);
}

static void randomness(void **state)
{
    uint8_t b[64];

    (void)state;
    assert_true(eg_bytes_random(rsa[P].bytes, rsa[P].len));
    assert_false(eg_bytes_random(rsa[P].bytes, 0));
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)('a' + i % 26);
    assert_false(eg_bytes_random(b, sizeof b)); // a text
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = i % 8 < 6 ? (uint8_t)(0x83 * i) : 0;
    assert_false(eg_bytes_random(b, sizeof b)); // pointers
    memset(b, 0xa5, sizeof b);
    assert_false(eg_bytes_random(b, sizeof b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa_of_libraries),
        cmocka_unit_test(among_others),
        cmocka_unit_test(modulus_of_a_public_key),
        cmocka_unit_test(left_over),
        cmocka_unit_test(no_rsa),
        cmocka_unit_test(exponent_unknown),
        cmocka_unit_test(ec_of_libraries),
        cmocka_unit_test(ed25519),
        cmocka_unit_test(bounds),
        cmocka_unit_test(composites),
        cmocka_unit_test(order_less_one),
        cmocka_unit_test(montgomery),
        cmocka_unit_test(randomness),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
