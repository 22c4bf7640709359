/* twofish.c - the round keys of Twofish, and the way back to their key.
 *
 *  A pair of round keys is made of two words, h(2 i) of one half of the key and h(2 i + 1) of the
 * other; and before the matrix MDS each byte of these is a chain of permutations with a byte of the
 * key between two of them. A chain has two to four bytes: its first half is computed from the
 * front, its second half from the back, for all values, and where both meet they are known.
 * ("Twofish: A 128-Bit Block Cipher", 1998, 4.3) */
#include "twofish.h"
#include "ciphers.h"
#include <stdlib.h>

enum {
    PAIRS = TWOFISH_WORDS / 2,
    SAMPLES = 4, // values that a chain is told by
    SLOTS = 1 << 17,
};
static const uint32_t NOTHING = UINT32_MAX;

/* The permutations q0 and q1, made of four of 4 bits each. */
static const uint8_t nibbles[2][4][16] = {
    { { 8, 1, 7, 13, 6, 15, 3, 2, 0, 11, 5, 9, 14, 12, 10, 4 },
      { 14, 12, 11, 8, 1, 2, 3, 5, 15, 4, 10, 6, 7, 0, 9, 13 },
      { 11, 10, 5, 14, 6, 13, 9, 0, 12, 8, 15, 3, 2, 4, 7, 1 },
      { 13, 7, 15, 4, 1, 2, 6, 14, 9, 11, 3, 0, 8, 5, 12, 10 } },
    { { 2, 8, 11, 13, 15, 7, 6, 14, 3, 1, 9, 4, 0, 10, 12, 5 },
      { 1, 14, 2, 11, 4, 12, 3, 7, 6, 13, 10, 5, 15, 9, 0, 8 },
      { 4, 12, 7, 5, 1, 6, 9, 10, 0, 14, 13, 8, 2, 11, 3, 15 },
      { 11, 9, 5, 1, 12, 3, 13, 14, 6, 4, 7, 15, 2, 0, 8, 10 } },
};

/* Which permutation a byte goes through, the last one first. */
static const uint8_t order[4][5] = {
    { 1, 0, 0, 1, 1 },
    { 0, 0, 1, 1, 0 },
    { 1, 1, 0, 0, 0 },
    { 0, 1, 1, 0, 1 },
};

static const uint8_t mds[4][4] = { { 0x01, 0xef, 0x5b, 0x5b },
                                   { 0x5b, 0xef, 0xef, 0x01 },
                                   { 0xef, 0x5b, 0x01, 0xef },
                                   { 0xef, 0x01, 0xef, 0x5b } };
static const uint8_t mds_inverse[4][4] = { { 0xbb, 0xc4, 0xed, 0x89 },
                                           { 0x1b, 0xed, 0xbf, 0x7b },
                                           { 0xf2, 0x89, 0x7b, 0x89 },
                                           { 0x32, 0xbb, 0x1b, 0xf2 } };

struct slot {
    uint32_t values, keys;
};

struct twofish {
    uint8_t q[2][256], back[2][256];
    uint8_t bytes[2][PAIRS][4]; // of both halves, before the matrix
    struct slot *slots;
};

static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned sum = 0, v = a;

    for (; b; b >>= 1) {
        sum ^= b & 1 ? v : 0;
        v = v << 1 ^ (v & 128 ? 0x169 : 0);
    }
    return (uint8_t)sum;
}

static uint32_t multiply(const uint8_t (*matrix)[4], uint32_t bytes)
{
    uint32_t out = 0;

    for (unsigned row = 0; row < 4; row++)
        for (unsigned k = 0; k < 4; k++)
            out ^= (uint32_t)times(matrix[row][k], (uint8_t)(bytes >> 8 * k)) << 8 * row;
    return out;
}

uint32_t eg_twofish_mixed(uint32_t bytes)
{
    return multiply(mds, bytes);
}

static void make_permutations(struct twofish *t)
{
    for (unsigned n = 0; n < 2; n++)
        for (unsigned x = 0; x < 256; x++) {
            unsigned a = x >> 4, b = x & 15;

            for (unsigned k = 0; k < 4; k += 2) {
                const unsigned turned = (b >> 1 | b << 3) & 15, was = a;

                a = nibbles[n][k][a ^ b];
                b = nibbles[n][k + 1][was ^ turned ^ (8 * was & 15)];
            }
            t->q[n][x] = (uint8_t)(b << 4 | a);
        }
    for (unsigned n = 0; n < 2; n++)
        for (unsigned x = 0; x < 256; x++)
            t->back[n][t->q[n][x]] = (uint8_t)x;
}

/* ---- the key, of @words pairs of words ---- */

/* What byte @j of h() is behind all permutations: the key's bytes are at @key, 8 apart. */
static uint8_t chain(const struct twofish *t, unsigned j, unsigned words, const uint8_t *key,
                     uint8_t x)
{
    for (unsigned k = words; k-- > 0;)
        x = t->q[order[j][k + 1]][x] ^ key[8 * k];
    return t->q[order[j][0]][x];
}

static uint32_t hash(uint32_t v)
{
    return (v * 0x9e3779b1u) >> 15;
}

/* Do all samples fit? */
static bool fits(const struct twofish *t, unsigned half, unsigned j, unsigned words,
                 const uint8_t *key)
{
    for (unsigned i = 0; i < PAIRS; i++)
        if (chain(t, j, words, key, (uint8_t)(2 * i + half)) != t->bytes[half][i][j])
            return false;
    return true;
}

/* From the front: the one or two bytes that are used first. */
static void from_front(const struct twofish *t, unsigned half, unsigned j, unsigned words)
{
    const unsigned n = words - words / 2; // 1, 2, 2
    const unsigned first = n == 2 ? 1 << 16 : 1 << 8;

    for (unsigned i = 0; i < SLOTS; i++)
        t->slots[i].keys = NOTHING;
    for (unsigned keys = 0; keys < first; keys++) {
        uint32_t values = 0, at;

        for (unsigned s = 0; s < SAMPLES; s++) {
            uint8_t x = t->q[order[j][words]][2 * s + half] ^ (uint8_t)keys;

            if (n == 2)
                x = t->q[order[j][words - 1]][x] ^ (uint8_t)(keys >> 8);
            values |= (uint32_t)x << 8 * s;
        }
        at = hash(values);
        while (t->slots[at].keys != NOTHING)
            at = (at + 1) % SLOTS;
        t->slots[at] = (struct slot){ values, keys };
    }
}

/* From the back: the one or two bytes that are used last; where both meet, all are known. */
static bool from_back(const struct twofish *t, unsigned half, unsigned j, unsigned words,
                      uint8_t *key)
{
    const unsigned n = words / 2; // 1, 1, 2
    const unsigned last = n == 2 ? 1 << 16 : 1 << 8;

    for (unsigned keys = 0; keys < last; keys++) {
        uint32_t values = 0;

        for (unsigned s = 0; s < SAMPLES; s++) {
            uint8_t x = t->back[order[j][0]][t->bytes[half][s][j]] ^ (uint8_t)keys;

            x = t->back[order[j][1]][x];
            if (n == 2)
                x = t->back[order[j][2]][x ^ (uint8_t)(keys >> 8)];
            values |= (uint32_t)x << 8 * s;
        }
        for (uint32_t at = hash(values); t->slots[at].keys != NOTHING; at = (at + 1) % SLOTS) {
            if (t->slots[at].values != values)
                continue;
            key[0] = (uint8_t)keys;
            if (n == 2)
                key[8] = (uint8_t)(keys >> 8);
            key[8 * (words - 1)] = (uint8_t)t->slots[at].keys;
            if (words - n == 2)
                key[8 * (words - 2)] = (uint8_t)(t->slots[at].keys >> 8);
            if (fits(t, half, j, words, key))
                return true;
        }
    }
    return false;
}

static bool find_key(const struct twofish *t, unsigned words, uint8_t *key)
{
    for (unsigned half = 0; half < 2; half++)
        for (unsigned j = 0; j < 4; j++) {
            from_front(t, half, j, words);
            if (!from_back(t, half, j, words, key + 4 * half + j))
                return false;
        }
    return true;
}

/* The two words that a pair of round keys is made of. What a byte of them goes through is a
 * permutation: of 20 numbers come 20.
 * @return false: they do not. */
static bool take_apart(struct twofish *t, const uint32_t *words)
{
    bool seen[2][4][256] = { { { false } } };

    for (unsigned i = 0; i < PAIRS; i++) {
        const uint32_t second = eg_rotate_left(words[2 * i + 1], 32 - 9), b = second - words[2 * i];
        const uint32_t made[] = { words[2 * i] - b, eg_rotate_left(b, 32 - 8) };

        for (unsigned half = 0; half < 2; half++) {
            const uint32_t w = multiply(mds_inverse, made[half]);

            for (unsigned j = 0; j < 4; j++) {
                const uint8_t byte = (uint8_t)(w >> 8 * j);

                if (seen[half][j][byte])
                    return false;
                seen[half][j][byte] = true;
                t->bytes[half][i][j] = byte;
            }
        }
    }
    return true;
}

size_t eg_twofish_key(const uint32_t words[TWOFISH_WORDS], uint8_t key[TWOFISH_KEY])
{
    struct twofish t;
    size_t size = 0;

    if (!take_apart(&t, words))
        return 0;
    t.slots = malloc(SLOTS * sizeof *t.slots);
    if (!t.slots)
        return 0;
    make_permutations(&t);
    for (unsigned n = 2; n <= 4 && !size; n++)
        size = find_key(&t, n, key) ? 8 * n : 0;
    free(t.slots);
    return size;
}

void eg_twofish_expand(const uint8_t *key, size_t size, uint32_t words[TWOFISH_WORDS])
{
    struct twofish t;

    make_permutations(&t);
    for (uint32_t i = 0; i < TWOFISH_WORDS; i++) {
        uint32_t h = 0;

        for (unsigned j = 0; j < 4; j++)
            h |= (uint32_t)chain(&t, j, (unsigned)(size / 8), key + 4 * (i % 2) + j, (uint8_t)i)
                 << 8 * j;
        words[i] = multiply(mds, h);
    }
    for (unsigned i = 0; i < TWOFISH_WORDS; i += 2) {
        const uint32_t a = words[i], b = eg_rotate_left(words[i + 1], 8);

        words[i] = a + b;
        words[i + 1] = eg_rotate_left(a + 2 * b, 9);
    }
}
