/* cipher_twofish.c - keys of Twofish, from the tables and subkeys that are computed of them.
 *
 * Programs keep four tables of 256 words, each the S-box of one byte times a column of the MDS
 * matrix: these are easy to see. The key cannot be computed from them, but from the 40 subkeys
 * beside them. A pair of these is made of two words, h(2 i) of one half of the key and h(2 i + 1)
 * of the other; and behind the inverse of the matrix each byte of these is a chain of permutations
 * with a byte of the key between two of them. A chain has two to four bytes: its first half is
 * computed from the front, its second half from the back, for all values, and where both meet they
 * are known. ("Twofish: A 128-Bit Block Cipher", 1998, 4.3) */
#include "ciphers.h"
#include <stdlib.h>

enum {
    TABLES = 4096, // bytes
    SUBKEYS = 40,
    PAIRS = SUBKEYS / 2,
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
    uint8_t bytes[2][PAIRS][4]; // of both halves, behind the matrix
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

static uint32_t multiply(const uint8_t (*matrix)[4], const uint8_t *v)
{
    uint32_t out = 0;

    for (unsigned row = 0; row < 4; row++)
        for (unsigned k = 0; k < 4; k++)
            out ^= (uint32_t)times(matrix[row][k], v[k]) << 8 * row;
    return out;
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

/* The two words that a pair of subkeys is made of. */
static void take_apart(struct twofish *t, const uint8_t *subkeys)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        const uint32_t first = eg_le32(subkeys + 8 * i),
                       second = eg_rotate_left(eg_le32(subkeys + 8 * i + 4), 32 - 9),
                       b = second - first, a = first - b;
        const uint32_t words[] = { a, eg_rotate_left(b, 32 - 8) };

        for (unsigned half = 0; half < 2; half++) {
            uint8_t v[4];
            uint32_t w;

            for (unsigned k = 0; k < 4; k++)
                v[k] = (uint8_t)(words[half] >> 8 * k);
            w = multiply(mds_inverse, v);
            for (unsigned k = 0; k < 4; k++)
                t->bytes[half][i][k] = (uint8_t)(w >> 8 * k);
        }
    }
}

/* ---- the tables ---- */

/* In the first table the two upper bytes are the same: the matrix has the same number twice. */
CIPHER_WIDE static void look(const uint8_t *restrict p, uint8_t *restrict passed)
{
    for (size_t i = 0; i < CIPHER_BLOCK; i++) {
        uint32_t differ = 0, first = UINT32_MAX, second = UINT32_MAX;

        for (unsigned k = 0; k < 4; k++) {
            const uint32_t a = eg_cipher_word(p, i + k) >> 16,
                           b = eg_cipher_word(p, i + k + 4) >> 16;

            differ |= ((a ^ a >> 8) | (b ^ b >> 8)) & 255;
            first = EG_MIN(first, a);
            second = EG_MIN(second, b);
        }
        // one of the 256 words is 0: not in both halves
        passed[i] = (differ == 0) & ((first != 0) | (second != 0));
    }
}

static bool are_tables(const uint8_t *p)
{
    for (unsigned j = 0; j < 4; j++) {
        bool seen[256] = { false };

        for (unsigned i = 0; i < 256; i++) {
            const uint8_t *w = p + 1024 * j + 4 * i;
            uint8_t v[4] = { 0 };

            v[j] = j == 0 ? w[0] : j == 1 ? w[3] : j == 2 ? w[2] : w[1]; // where the matrix has a 1
            if (seen[v[j]] || multiply(mds, v) != eg_le32(w))
                return false;
            seen[v[j]] = true;
        }
    }
    return true;
}

static bool read_key(const uint8_t *subkeys, struct eg_cipher_key *out)
{
    struct twofish t;
    bool found = false;

    t.slots = malloc(SLOTS * sizeof *t.slots);
    if (!t.slots)
        return false;
    make_permutations(&t);
    take_apart(&t, subkeys);
    for (unsigned words = 2; words <= 4 && !found; words++) {
        found = find_key(&t, words, out->key);
        out->len = 8 * words;
    }
    free(t.slots);
    return found;
}

static bool seems(const struct eg_cipher_place *place)
{
    return are_tables(place->p);
}

static bool read(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    out->proven = true;
    if (!are_tables(place->p))
        return false;
    if (eg_within(TABLES, 4 * SUBKEYS, place->len) && read_key(place->p + TABLES, out)) {
        out->layout = "tables, subkeys";
        return true;
    }
    out->layout = "subkeys, tables";
    return place->at >= 4 * SUBKEYS && read_key(place->p - 4 * SUBKEYS, out);
}

const struct eg_cipher eg_twofish = { "Twofish", TABLES, look, seems, read };
