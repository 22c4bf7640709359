/* camellia.c - keys of Camellia, from the subkeys of a program (RFC 3713, 2.2 and 2.3).
 *
 * The subkeys are the key, and one or two numbers made of it, rotated by what the table below has. So
 * most of them follow from the others: of 26 with 128 bits all but four, of 34 with 192 and 256
 * all but eight. The kernel has sums of them instead, which are not found. */
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

struct number {
    uint64_t high, low;
};

static struct number rotate(struct number n, unsigned by)
{
    if (by & 64)
        n = (struct number){ n.low, n.high };
    by %= 64;
    return by ? (struct number){ n.high << by | n.low >> (64 - by),
                                 n.low << by | n.high >> (64 - by) }
              : n;
}

/* Subkey @i; the words of each are in either order. */
static uint64_t subkey(const uint8_t *p, size_t i, bool low_first)
{
    const uint64_t first = eg_le32(p + 8 * i), second = eg_le32(p + 8 * i + 4);

    return low_first ? second << 32 | first : first << 32 | second;
}

static bool fits(const uint8_t *p, bool low_first, const struct pair *pairs, size_t n,
                 struct number *all)
{
    bool known[SOURCES] = { false };

    for (size_t i = 0; i < n; i++) {
        const struct pair *is = &pairs[i];
        const struct number seen = { subkey(p, 2 * i, low_first), subkey(p, 2 * i + 1, low_first) };

        if (!known[is->left]) {
            known[is->left] = true;
            all[is->left] = rotate(seen, 128 - is->left_by);
        }
        if (rotate(all[is->left], is->left_by).high != seen.high ||
            rotate(all[is->right], is->right_by).low != seen.low)
            return false;
    }
    return true;
}

/* Is it a number made at random? Rotated zeros are zeros. */
static bool is_plain(struct number n)
{
    const int ones = __builtin_popcountll(n.high) + __builtin_popcountll(n.low);

    return ones < 24 || ones > 104;
}

static void put(uint8_t *out, struct number n)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(n.high >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(n.low >> (56 - 8 * i));
    }
}

static bool read(const struct eg_cipher_place *place, struct eg_cipher_key *out)
{
    struct number all[SOURCES] = { 0 };

    out->proven = true;
    for (unsigned low_first = 0; low_first < 2; low_first++) {
        if (fits(place->p, low_first, small, countof(small), all) && !is_plain(all[A])) {
            out->len = 16;
            out->layout = "26 subkeys";
            put(out->key, all[L]);
            return true;
        }
        if (eg_within(0, 16 * countof(large), place->len) &&
            fits(place->p, low_first, large, countof(large), all) && !is_plain(all[A])) {
            out->len = all[R].low == ~all[R].high ? 24 : 32;
            out->layout = "34 subkeys";
            put(out->key, all[L]);
            put(out->key + 16, all[R]);
            return true;
        }
    }
    return false;
}

/* Words 16 to 19 are words 12 to 15, or 8 to 11, rotated by 15 bits. */
CIPHER_WIDE static void look(const uint8_t *restrict p, uint8_t *restrict passed)
{
    for (size_t i = 0; i < CIPHER_BLOCK; i++) {
        const uint32_t a = eg_cipher_word(p, i + 8), b = eg_cipher_word(p, i + 9),
                       c = eg_cipher_word(p, i + 10), d = eg_cipher_word(p, i + 11),
                       e = eg_cipher_word(p, i + 12), f = eg_cipher_word(p, i + 13),
                       g = eg_cipher_word(p, i + 14), h = eg_cipher_word(p, i + 15),
                       x = eg_cipher_word(p, i + 16), y = eg_cipher_word(p, i + 17);
        const bool large_key = ((x == (a << 15 | b >> 17)) & (y == (b << 15 | c >> 17))) |
                               ((y == (b << 15 | a >> 17)) & (x == (a << 15 | d >> 17))),
                   small_key = ((x == (e << 15 | f >> 17)) & (y == (f << 15 | g >> 17))) |
                               ((y == (f << 15 | e >> 17)) & (x == (e << 15 | h >> 17)));

        passed[i] = (large_key | small_key) & (x != y);
    }
}

const struct eg_cipher eg_camellia = { "Camellia", 16 * countof(small), look, read };
