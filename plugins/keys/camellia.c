/* camellia.c - keys of Camellia, from the subkeys of a program (RFC 3713, 2.2 and 2.3).
 *
 * The subkeys are the key, and one or two numbers made of it, rotated by what the table below has.
 * So most of them follow from the others: of 26 with 128 bits all but four, of 34 with 192 and 256
 * all but eight. The kernel moves the XOR with a subkey to the end of the round before: of most
 * subkeys it has sums of the one before and the one behind; but those of FL and of its inverse are
 * there, and say what the numbers are, from which the sums follow. */
#include "ciphers.h"

enum source { L, R, A, B, SOURCES };

/* Two subkeys: both halves of one number, or the left one and the right half of another. */
struct pair {
    uint8_t left, left_by, right, right_by;
};

static const struct pair small[] = {
    { L, 0, L, 0 },   { A, 0, A, 0 },     { L, 15, L, 15 },   { A, 15, A, 15 }, { A, 30, A, 30 },
    { L, 45, L, 45 }, { A, 45, L, 60 },   { A, 60, A, 60 },   { L, 77, L, 77 }, { L, 94, L, 94 },
    { A, 94, A, 94 }, { L, 111, L, 111 }, { A, 111, A, 111 },
};
static const struct pair large[] = {
    { L, 0, L, 0 },     { B, 0, B, 0 },     { R, 15, R, 15 }, { A, 15, A, 15 }, { R, 30, R, 30 },
    { B, 30, B, 30 },   { L, 45, L, 45 },   { A, 45, A, 45 }, { L, 60, L, 60 }, { R, 60, R, 60 },
    { B, 60, B, 60 },   { L, 77, L, 77 },   { A, 77, A, 77 }, { R, 94, R, 94 }, { A, 94, A, 94 },
    { L, 111, L, 111 }, { B, 111, B, 111 },
};

/* Subkey @i; the words of each are in either order. */
static uint64_t subkey(const uint8_t *p, size_t i, bool low_first)
{
    const uint64_t first = eg_le32(p + 8 * i), second = eg_le32(p + 8 * i + 4);

    return low_first ? second << 32 | first : first << 32 | second;
}

static bool fits(const uint8_t *p, bool low_first, const struct pair *pairs, size_t n,
                 struct eg_wide *all)
{
    bool known[SOURCES] = { false };

    for (size_t i = 0; i < n; i++) {
        const struct pair *is = &pairs[i];
        const struct eg_wide seen = { subkey(p, 2 * i, low_first),
                                      subkey(p, 2 * i + 1, low_first) };

        if (!known[is->left]) {
            known[is->left] = true;
            all[is->left] = eg_wide_left(seen, 128 - is->left_by);
        }
        if (eg_wide_left(all[is->left], is->left_by).high != seen.high ||
            eg_wide_left(all[is->right], is->right_by).low != seen.low)
            return false;
    }
    return true;
}

/* Is it a number made at random? Rotated zeros are zeros. */
static bool is_plain(struct eg_wide n)
{
    const int ones = __builtin_popcountll(n.high) + __builtin_popcountll(n.low);

    return ones < 24 || ones > 104;
}

static void put(uint8_t *out, struct eg_wide n)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(n.high >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(n.low >> (56 - 8 * i));
    }
}

/* The places of FL's subkeys; between two such places are six of rounds. */
enum { FL = 8 };

static uint64_t expected(const struct pair *pairs, const struct eg_wide *all, size_t i)
{
    const struct pair *is = &pairs[i / 2];

    return i % 2 ? eg_wide_left(all[is->right], is->right_by).low
                 : eg_wide_left(all[is->left], is->left_by).high;
}

/* As the kernel has them. What else is in its numbers beside the subkeys is the same in both parts
 * of a sum. */
static bool fits_sums(const uint8_t *p, bool low_first, const struct pair *pairs, size_t n,
                      struct eg_wide *all)
{
    for (size_t i = FL; i + 2 < 2 * n; i += FL) {
        const struct eg_wide seen = { subkey(p, i, low_first), subkey(p, i + 1, low_first) };
        const struct pair *is = &pairs[i / 2];

        all[is->left] = eg_wide_left(seen, 128 - is->left_by);
    }
    if (pairs == large) { // what the second pair is, from two sums
        all[B].high = subkey(p, 3, low_first) ^ expected(pairs, all, 4);
        all[B].low = subkey(p, 4, low_first) ^ expected(pairs, all, 5);
    }
    for (size_t i = 3; i + 3 < 2 * n; i++) {
        if (i % FL < 3 || i % FL > 6) // beside FL's
            continue;
        if (subkey(p, i, low_first) != (expected(pairs, all, i - 1) ^ expected(pairs, all, i + 1)))
            return false;
    }
    return true;
}

static bool read_camellia(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    struct eg_wide all[SOURCES] = { 0 };

    out->proven = true;
    for (unsigned way = 0; way < 4; way++) {
        bool (*const fit)(const uint8_t *, bool, const struct pair *, size_t, struct eg_wide *) =
            way / 2 ? fits_sums : fits;

        if (fit(place->p, way % 2, small, countof(small), all) && !is_plain(all[A])) {
            out->len = 16;
            out->layout = way / 2 ? "26 subkeys, as the kernel has them" : "26 subkeys";
            put(out->key, all[L]);
            return true;
        }
        if (eg_within(0, 16 * countof(large), place->len) &&
            fit(place->p, way % 2, large, countof(large), all) && !is_plain(all[A])) {
            out->len = all[R].low == ~all[R].high ? 24 : 32;
            out->layout = way / 2 ? "34 subkeys, as the kernel has them" : "34 subkeys";
            put(out->key, all[L]);
            put(out->key + 16, all[R]);
            return true;
        }
    }
    return false;
}

/* The sum of the third and fifth subkey, and what these are rotated from: FL's. */
static inline bool look_sum(const uint8_t *restrict p, size_t i)
{
    const uint32_t left = eg_cipher_word(p, i + 10), right = eg_cipher_word(p, i + 11),
                   sum = left ^ eg_cipher_word(p, i + 16) >> 15 ^ eg_cipher_word(p, i + 19) << 17,
                   turned =
                       right ^ eg_cipher_word(p, i + 17) >> 15 ^ eg_cipher_word(p, i + 18) << 17,
                   a = eg_cipher_word(p, i + 34), b = eg_cipher_word(p, i + 35),
                   c = eg_cipher_word(p, i + 50), d = eg_cipher_word(p, i + 51);

    return (left != 0) & (right != 0) &
           ((sum == (a << 2 | b >> 30)) | (sum == (c << 2 | d >> 30)) |
            (turned == (b << 2 | a >> 30)) | (turned == (d << 2 | c >> 30)));
}

/* Words 16 to 19 are words 12 to 15, or 8 to 11, rotated by 15 bits. */
CIPHER_WIDE static void look_camellia(const uint8_t *restrict p, size_t n, uint8_t *restrict passed)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = eg_cipher_word(p, i + 8), b = eg_cipher_word(p, i + 9),
                       c = eg_cipher_word(p, i + 10), d = eg_cipher_word(p, i + 11),
                       e = eg_cipher_word(p, i + 12), f = eg_cipher_word(p, i + 13),
                       g = eg_cipher_word(p, i + 14), h = eg_cipher_word(p, i + 15),
                       x = eg_cipher_word(p, i + 16), y = eg_cipher_word(p, i + 17);
        const bool large_key = ((x == (a << 15 | b >> 17)) & (y == (b << 15 | c >> 17))) |
                               ((y == (b << 15 | a >> 17)) & (x == (a << 15 | d >> 17))),
                   small_key = ((x == (e << 15 | f >> 17)) & (y == (f << 15 | g >> 17))) |
                               ((y == (f << 15 | e >> 17)) & (x == (e << 15 | h >> 17)));
        const bool sums = look_sum(p, i);

        passed[i] = ((large_key | small_key) & (x != y)) | sums;
    }
}

const struct eg_cipher eg_camellia = {
    "Camellia", 16 * countof(small), look_camellia, CIPHER_FILLED, 2, NULL, read_camellia
};
