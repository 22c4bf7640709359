/* cipher_twofish.c - keys of Twofish, from the tables and subkeys that are computed of them.
 *
 * Programs keep four tables of 256 words, each the S-box of one byte times a column of the MDS
 * matrix: these are easy to see. The key cannot be computed from them, but from the 40 subkeys
 * beside them. */
#include "ciphers.h"
#include "twofish.h"

enum { TABLES = 4096, SUBKEYS = 4 * TWOFISH_WORDS }; // bytes

/* In the first table the two upper bytes are the same: the matrix has the same number twice. That
 * is so of the eight words behind a group too. */
CIPHER_WIDE static void look_twofish(const uint8_t *restrict p, size_t n, uint8_t *restrict passed)
{
    for (size_t from = 0; from < n; from += CIPHER_GROUP) {
        uint32_t next = 0;

        for (size_t k = 0; k < 8; k++) {
            const uint32_t w = eg_cipher_word(p, from + CIPHER_GROUP + k);

            next |= (w ^ w >> 8) >> 16 & 255;
        }
        memset(passed + from, 0, CIPHER_GROUP);
        for (size_t i = from; !next && i < from + CIPHER_GROUP; i++) {
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
}

static bool are_tables(const uint8_t *p)
{
    for (unsigned j = 0; j < 4; j++) {
        bool seen[256] = { false };

        for (unsigned i = 0; i < 256; i++) {
            const uint8_t *w = p + 1024 * j + 4 * i;
            const uint8_t v = w[(4 - j) % 4]; // where the matrix has a 1

            if (seen[v] || eg_twofish_mixed((uint32_t)v << 8 * j) != eg_le32(w))
                return false;
            seen[v] = true;
        }
    }
    return true;
}

static size_t key_of(const uint8_t *subkeys, uint8_t *key)
{
    uint32_t words[TWOFISH_WORDS];

    for (size_t i = 0; i < TWOFISH_WORDS; i++)
        words[i] = eg_cipher_word(subkeys, i);
    return eg_twofish_key(words, key);
}

static bool seems(const struct eg_cipher_place *place)
{
    return are_tables(place->p);
}

static bool read_twofish(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    out->proven = true;
    if (!are_tables(place->p))
        return false;
    out->layout = "tables, subkeys";
    out->len = eg_within(TABLES, SUBKEYS, place->len) ? key_of(place->p + TABLES, out->key) : 0;
    if (!out->len && place->at >= SUBKEYS) {
        out->layout = "subkeys, tables";
        out->len = key_of(place->p - SUBKEYS, out->key);
    }
    return out->len;
}

const struct eg_cipher eg_twofish = { "Twofish", TABLES, look_twofish, CIPHER_RANDOM,
                                      1,         seems,  read_twofish };
