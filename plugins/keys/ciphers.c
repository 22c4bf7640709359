/* ciphers.c - keys of ChaCha20, Serpent and SM4, from what is computed of them. */
#include "ciphers.h"
#include "serpent.h"

/* ---- ChaCha20: RFC 8439, 2.3: a constant, the key, a counter, a nonce ---- */

static const char CONSTANT[] = "expand 32-byte k";

CIPHER_WIDE static void look_chacha(const uint8_t *restrict p, size_t n, uint8_t *restrict passed)
{
    for (size_t i = 0; i < n; i++)
        passed[i] = eg_cipher_word(p, i) == 0x61707865 && eg_cipher_word(p, i + 1) == 0x3320646e;
}

/* Code, tables and texts have the constant too, with something else behind it. A key is made at
 * random: of 32 bytes 30 differ, give or take 2, half of the bits are 1, give or take 8, and a
 * third of the bytes are letters, give or take 3. One key in a hundred thousand is not like
 * that. */
static bool is_random(const uint8_t *key)
{
    bool seen[256] = { false };
    unsigned different = 0, ones = 0, letters = 0;

    for (size_t i = 0; i < 32; i++) {
        different += !seen[key[i]];
        seen[key[i]] = true;
        ones += (unsigned)__builtin_popcount(key[i]);
        letters += key[i] >= ' ' && key[i] < 127;
    }
    return different >= 25 && ones >= 92 && ones <= 164 && letters <= 23;
}

/* A counter of blocks begins at 0 or 1. */
enum { BLOCKS_MAX = 1 << 26 };

static bool read_chacha(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    if (memcmp(place->p, CONSTANT, 16) != 0 || eg_le32(place->p + 48) > BLOCKS_MAX ||
        !is_random(place->p + 16))
        return false;
    out->len = 32;
    memcpy(out->key, place->p + 16, 32);
    out->layout = "state: constant, key, counter, nonce";
    return true;
}

const struct eg_cipher eg_chacha20 = {
    "ChaCha20", 64, look_chacha, CIPHER_ANY, 0, NULL, read_chacha
};

/* ---- Serpent: 132 words, each group of four behind an S-box ---- */

enum { PHI_BITS = 11 };
static const uint32_t PHI = 0x9e3779b9;

/* A Boolean function of four words, as the sum of those products that @terms has a bit for: bit 5
 * is a c, the product of the words whose bits 5 has. */
static inline uint32_t sum_of_products(unsigned terms, uint32_t a, uint32_t b, uint32_t c,
                                       uint32_t d)
{
    const uint32_t ab = a & b, cd = c & d;
    const uint32_t of[16] = { UINT32_MAX, a,     b,     ab,     c,  a & c,  b & c,  ab & c,
                              d,          a & d, b & d, ab & d, cd, a & cd, b & cd, ab & cd };
    uint32_t sum = 0;

    for (unsigned i = 0; i < 16; i++)
        sum ^= terms >> i & 1 ? of[i] : 0;
    return sum;
}

/* Of the words before the S-boxes, word 8 follows from words 0, 3, 5 and 7. The first group is
 * behind S-box 3, the second behind 2, the third behind 1; what is computed are sums of outputs of
 * their inverses: words 0 and 3, 5 and 7, and word 8. */
CIPHER_WIDE static void look_serpent(const uint8_t *restrict p, size_t n, uint8_t *restrict passed)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t first =
                           sum_of_products(0x5de4, eg_cipher_word(p, i), eg_cipher_word(p, i + 1),
                                           eg_cipher_word(p, i + 2), eg_cipher_word(p, i + 3)),
                       second = sum_of_products(0x1bd5, eg_cipher_word(p, i + 4),
                                                eg_cipher_word(p, i + 5), eg_cipher_word(p, i + 6),
                                                eg_cipher_word(p, i + 7)),
                       third = sum_of_products(0x648f, eg_cipher_word(p, i + 8),
                                               eg_cipher_word(p, i + 9), eg_cipher_word(p, i + 10),
                                               eg_cipher_word(p, i + 11));

        passed[i] = third == eg_rotate_left(first ^ second ^ PHI ^ 8, PHI_BITS);
    }
}

static bool read_serpent(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    uint32_t words[SERPENT_WORDS];

    for (size_t i = 0; i < SERPENT_WORDS; i++)
        words[i] = eg_cipher_word(place->p, i);
    out->len = eg_serpent_key(words, out->key);
    out->layout = "33 round keys";
    out->proven = true;
    return out->len;
}

const struct eg_cipher eg_serpent = { "Serpent", 4 * SERPENT_WORDS, look_serpent, CIPHER_RANDOM, 1,
                                      NULL,      read_serpent };

/* ---- SM4: 32 words, each from the four before it (GB/T 32907-2016, 7.3) ---- */

enum { SM4_ROUNDS = 32 };

static const uint8_t sm4_box[256] = {
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
};

/* The constant of round @i: its bytes are multiples of 7. */
static uint32_t sm4_constant(unsigned i)
{
    uint32_t w = 0;

    for (unsigned k = 0; k < 4; k++)
        w = w << 8 | (28 * i + 7 * k) % 256;
    return w;
}

static uint32_t sm4_mix(uint32_t w)
{
    const uint8_t *s = sm4_box;

    w = s[w & 255] | (uint32_t)s[w >> 8 & 255] << 8 | (uint32_t)s[w >> 16 & 255] << 16 |
        (uint32_t)s[w >> 24] << 24;
    return w ^ eg_rotate_left(w, 13) ^ eg_rotate_left(w, 23);
}

/* What the S-box gave: the inverse of the sum of a word and itself rotated by 13 and 23 bits. The
 * 32nd power of that sum is the word; so the inverse is the 31st. */
static inline uint32_t sm4_unmix(uint32_t w)
{
    w ^= eg_rotate_left(w, 13) ^ eg_rotate_left(w, 23);
    w ^= eg_rotate_left(w, 26) ^ eg_rotate_left(w, 14);
    w ^= eg_rotate_left(w, 20) ^ eg_rotate_left(w, 28);
    return w ^ eg_rotate_left(w, 8) ^ eg_rotate_left(w, 24);
}

/* What goes into the S-box and what comes out of it, in vectors; the S-box of one byte, from a
 * table; then the others. */
CIPHER_WIDE static void look_sm4(const uint8_t *restrict p, size_t n, uint8_t *restrict passed)
{
    const uint32_t constant = sm4_constant(4);

    for (size_t from = 0; from < n; from += CIPHER_GROUP) {
        uint32_t in[CIPHER_GROUP], out[CIPHER_GROUP];

        for (size_t k = 0; k < CIPHER_GROUP; k++) {
            const size_t i = from + k;

            in[k] = eg_cipher_word(p, i + 1) ^ eg_cipher_word(p, i + 2) ^ eg_cipher_word(p, i + 3) ^
                    constant;
            out[k] = sm4_unmix(eg_cipher_word(p, i) ^ eg_cipher_word(p, i + 4));
        }
        for (size_t k = 0; k < CIPHER_GROUP; k++)
            passed[from + k] =
                sm4_box[in[k] & 255] == (out[k] & 255) &&
                (eg_cipher_word(p, from + k) ^ eg_cipher_word(p, from + k + 4)) == sm4_mix(in[k]);
    }
}

static bool read_sm4(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    static const uint32_t system[] = { 0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc };
    uint32_t k[4 + SM4_ROUNDS];

    for (unsigned i = 0; i < SM4_ROUNDS; i++)
        k[4 + i] = eg_le32(place->p + 4 * i);
    for (unsigned i = 4; i-- > 0;)
        k[i] = k[i + 4] ^ sm4_mix(k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ sm4_constant(i));
    for (unsigned i = 4; i < SM4_ROUNDS; i++)
        if (k[i + 4] != (k[i] ^ sm4_mix(k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ sm4_constant(i))))
            return false;
    for (unsigned i = 0; i < 16; i++)
        out->key[i] = (uint8_t)((k[i / 4] ^ system[i / 4]) >> (24 - 8 * (i % 4)));
    out->len = 16;
    out->layout = "32 round keys";
    out->proven = true;
    return true;
}

const struct eg_cipher eg_sm4 = {
    "SM4", 4 * SM4_ROUNDS, look_sm4, CIPHER_RANDOM, 1, NULL, read_sm4
};

/* ---- all of them ---- */

const struct eg_cipher *const eg_ciphers[CIPHERS] = {
    &eg_chacha20, &eg_serpent, &eg_sm4, &eg_twofish, &eg_camellia, &eg_aria,
};

typedef uint8_t half_group __attribute__((vector_size(2 * CIPHER_GROUP)));

/* The sum of numbers, each at most 2. */
static inline unsigned sum_of(const half_group *v)
{
    uint64_t w[sizeof *v / 8];

    memcpy(w, v, sizeof w);
    return (unsigned)((w[0] + w[1] + w[2] + w[3]) * UINT64_C(0x0101010101010101) >> 56);
}

CIPHER_WIDE static void classify(const uint8_t *restrict p, size_t n, uint8_t *restrict has)
{
    enum { BYTES = 4 * CIPHER_GROUP, FEW = 8 };

    for (size_t i = 0; i < n; i++) {
        half_group a, b;
        half_group plain_ones, high_ones;
        unsigned plain, high;

        memcpy(&a, p + BYTES * i, sizeof a);
        memcpy(&b, p + BYTES * i + sizeof a, sizeof b);
        plain_ones =
            ((half_group)((a == 0) | (a == 255)) & 1) + ((half_group)((b == 0) | (b == 255)) & 1);
        high_ones = (a >> 7) + (b >> 7);
        plain = sum_of(&plain_ones);
        high = sum_of(&high_ones);
        has[i] = plain > BYTES - FEW                               ? CIPHER_ANY
                 : plain > FEW || high < FEW || high > BYTES - FEW ? CIPHER_FILLED
                                                                   : CIPHER_RANDOM;
    }
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return !*p && !memcmp(p, p + 1, n - 1);
}

struct finding {
    const uint8_t *bytes;
    size_t len;
    eg_cipher_each *each;
    void *context;
};

static void try(const struct finding *f, unsigned c, size_t at)
{
    const struct eg_cipher *cipher = eg_ciphers[c];
    const struct eg_cipher_place place = { f->bytes + at, at, f->len - EG_MIN(at, f->len) };
    struct eg_cipher_key key = { .len = 0 };

    if (eg_within(at, cipher->size, f->len) &&
        (cipher->seems ? cipher->seems(&place) : cipher->read(&place, &key)))
        f->each(f->context, at, c);
}

/* @n words from @p on, which are @at bytes from the first one. */
static void look_at(const struct finding *f, unsigned c, const uint8_t *p, size_t n, size_t at)
{
    uint8_t passed[CIPHER_BLOCK];
    uint64_t any[CIPHER_GROUP / 8];

    eg_ciphers[c]->look(p, n, passed);
    for (size_t i = 0; i < n; i += sizeof any) {
        memcpy(any, passed + i, sizeof any);
        for (size_t k = i; any[0] | any[1] && k < i + sizeof any; k++)
            if (passed[k])
                try(f, c, at + 4 * k);
    }
}

void eg_ciphers_find(const uint8_t *bytes, size_t len, eg_cipher_each *each, void *context)
{
    eg_ciphers_find_in(bytes, len, 0, len, each, context);
}

void eg_ciphers_find_in(const uint8_t *bytes, size_t len, size_t first, size_t stop,
                        eg_cipher_each *each, void *context)
{
    enum { SIZE = 4 * (CIPHER_BLOCK + CIPHER_MORE), GROUPS = CIPHER_BLOCK / CIPHER_GROUP };
    const struct finding f = { bytes, len, each, context };
    uint8_t copy[SIZE], has[GROUPS + CIPHER_MORE / CIPHER_GROUP];

    for (size_t from = first; from < EG_MIN(stop, len); from += 4 * (size_t)CIPHER_BLOCK) {
        const size_t n = EG_MIN(len - from, (size_t)SIZE);
        const uint8_t *p = bytes + from;

        if (is_zero(p, n))
            continue;
        if (n < SIZE) {
            memset(copy, 0, sizeof copy);
            p = memcpy(copy, p, n);
        }
        classify(p, sizeof has, has);
        for (unsigned c = 0; c < CIPHERS; c++) {
            const uint8_t *of = has + eg_ciphers[c]->group;

            for (size_t g = 0, end; g < GROUPS; g = end + 1) {
                for (end = g; end < GROUPS && of[end] >= (uint8_t)eg_ciphers[c]->has;)
                    end++;
                if (end > g)
                    look_at(&f, c, p + 4 * CIPHER_GROUP * g, CIPHER_GROUP * (end - g),
                            from + 4 * CIPHER_GROUP * g);
            }
        }
    }
}
