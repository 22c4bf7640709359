/* serpent.c - the key schedule of Serpent: see serpent.h. */
#include "serpent.h"
#include "ciphers.h"

enum { BEFORE = 8, FIRST = 12 };

static const uint32_t phi = 0x9e3779b9;

/* Group i of four words goes through box 3 - i, bit by bit: bit j of the first word is the lowest
 * of an index. */
static const uint8_t boxes[8][16] = {
    { 3, 8, 15, 1, 10, 6, 5, 11, 14, 13, 4, 2, 7, 0, 9, 12 },
    { 15, 12, 2, 7, 9, 0, 5, 10, 1, 11, 14, 8, 6, 13, 3, 4 },
    { 8, 6, 7, 9, 3, 12, 10, 15, 13, 1, 14, 4, 0, 11, 5, 2 },
    { 0, 15, 11, 8, 12, 9, 6, 3, 13, 1, 2, 4, 10, 7, 5, 14 },
    { 1, 15, 8, 3, 12, 0, 11, 6, 2, 5, 4, 10, 9, 14, 7, 13 },
    { 15, 5, 2, 11, 4, 10, 9, 12, 0, 3, 14, 8, 13, 6, 7, 1 },
    { 7, 2, 12, 5, 8, 4, 6, 11, 14, 9, 1, 15, 13, 3, 10, 0 },
    { 1, 13, 15, 0, 14, 8, 2, 11, 7, 4, 12, 10, 9, 3, 5, 6 },
};

static void through(unsigned group, bool back, const uint32_t *in, uint32_t *out)
{
    const uint8_t *box = boxes[(3 - group) % 8];
    uint8_t inverse[16];

    for (unsigned i = 0; i < 16; i++)
        inverse[box[i]] = (uint8_t)i;
    memset(out, 0, 4 * sizeof *out);
    for (unsigned bit = 0; bit < 32; bit++) {
        unsigned i = 0, v;

        for (unsigned k = 0; k < 4; k++)
            i |= (in[k] >> bit & 1) << k;
        v = back ? inverse[i] : box[i];
        for (unsigned k = 0; k < 4; k++)
            out[k] |= (uint32_t)(v >> k & 1) << bit;
    }
}

/* @w: words before, at -8 … -1. */
static uint32_t step(const uint32_t *w, uint32_t i)
{
    return eg_rotate_left(w[-8] ^ w[-5] ^ w[-3] ^ w[-1] ^ phi ^ i, 11);
}

static void expand(const uint32_t *first, uint32_t *words)
{
    uint32_t w[BEFORE + SERPENT_WORDS];

    memcpy(w, first, BEFORE * sizeof *w);
    for (uint32_t i = 0; i < SERPENT_WORDS; i++)
        w[BEFORE + i] = step(w + BEFORE + i, i);
    for (unsigned i = 0; i < SERPENT_WORDS / 4; i++)
        through(i, false, w + BEFORE + 4 * i, words + 4 * i);
}

void eg_serpent_expand(const uint8_t *key, size_t size, uint32_t words[SERPENT_WORDS])
{
    uint8_t all[SERPENT_KEY] = { 0 };
    uint32_t first[BEFORE];

    memcpy(all, key, EG_MIN(size, sizeof all));
    if (size < sizeof all)
        all[size] = 1;
    for (unsigned i = 0; i < BEFORE; i++)
        first[i] = eg_le32(all + 4 * i);
    expand(first, words);
}

size_t eg_serpent_key(const uint32_t words[SERPENT_WORDS], uint8_t key[SERPENT_KEY])
{
    uint32_t w[BEFORE + FIRST], again[SERPENT_WORDS];
    size_t n = SERPENT_KEY;

    for (unsigned i = 0; i < FIRST / 4; i++)
        through(i, true, words + 4 * i, w + BEFORE + 4 * i);
    for (uint32_t i = BEFORE; i < FIRST; i++) // most of what is none ends here
        if (step(w + BEFORE + i, i) != w[BEFORE + i])
            return 0;
    for (uint32_t i = BEFORE; i-- > 0;)
        w[i] = eg_rotate_left(w[i + 8], 21) ^ w[i + 3] ^ w[i + 5] ^ w[i + 7] ^ phi ^ i;
    expand(w, again);
    if (memcmp(again, words, sizeof again) != 0)
        return 0;
    for (unsigned i = 0; i < SERPENT_KEY; i++)
        key[i] = (uint8_t)(w[i / 4] >> (8 * (i % 4)));
    while (n && !key[n - 1])
        n--;
    // one bit, behind a key of a length that the kernel's users have
    return n == 17 && key[16] == 1 ? 16 : n == 25 && key[24] == 1 ? 24 : SERPENT_KEY;
}
