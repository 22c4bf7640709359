/* twofish.c - the round keys of Twofish: see twofish.h.
 *
 *  Round keys come in pairs of A = h(2i, even words of the key) and B = h(2i + 1, odd words): both
 * follow from them. h takes its number through fixed permutations with bytes of the key between
 * them, in four columns that only then are mixed by a matrix. That is turned back by its inverse,
 * and of each column 20 numbers and results are known: too many for chance. */
#include "twofish.h"

enum { COLUMNS = 4, STAGES_MAX = 4, PAIRS = TWOFISH_WORDS / 2, POLYNOMIAL = 0x169 };

/* Which permutation a column passes, the last stage first; then, outermost, one more. */
static const uint8_t order[COLUMNS][STAGES_MAX + 1] = {
    // of the stages of the key's words 0, 1, 2, 3, each before its byte is added; the outermost
    { 0, 0, 1, 1, 1 },
    { 0, 1, 1, 0, 0 },
    { 1, 0, 0, 0, 1 },
    { 1, 1, 0, 1, 0 },
};
static const uint8_t nibbles[2][4][16] = {
    {
        { 8, 1, 7, 13, 6, 15, 3, 2, 0, 11, 5, 9, 14, 12, 10, 4 },
        { 14, 12, 11, 8, 1, 2, 3, 5, 15, 4, 10, 6, 7, 0, 9, 13 },
        { 11, 10, 5, 14, 6, 13, 9, 0, 12, 8, 15, 3, 2, 4, 7, 1 },
        { 13, 7, 15, 4, 1, 2, 6, 14, 9, 11, 3, 0, 8, 5, 12, 10 },
    },
    {
        { 2, 8, 11, 13, 15, 7, 6, 14, 3, 1, 9, 4, 0, 10, 12, 5 },
        { 1, 14, 2, 11, 4, 12, 3, 7, 6, 13, 10, 5, 15, 9, 0, 8 },
        { 4, 12, 7, 5, 1, 6, 9, 10, 0, 14, 13, 8, 2, 11, 3, 15 },
        { 11, 9, 5, 1, 12, 3, 13, 14, 6, 4, 7, 15, 2, 0, 8, 10 },
    },
};
static const uint8_t matrix[COLUMNS][COLUMNS] = {
    { 0x01, 0xef, 0x5b, 0x5b },
    { 0x5b, 0xef, 0xef, 0x01 },
    { 0xef, 0x5b, 0x01, 0xef },
    { 0xef, 0x01, 0xef, 0x5b },
};

struct tables {
    uint8_t q[2][256], back[2][256];
    uint8_t inverse[COLUMNS][COLUMNS]; // of the matrix
};

static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned x = a, out = 0;

    for (; b; b >>= 1, x = x << 1 ^ (x & 0x80 ? POLYNOMIAL : 0))
        out ^= b & 1 ? x : 0;
    return (uint8_t)out;
}

static uint8_t permuted(const uint8_t t[4][16], unsigned x)
{
    unsigned a = x >> 4, b = x & 15, c;

    for (unsigned i = 0; i < 4; i += 2) {
        c = a ^ b;
        b = (a ^ (b >> 1 | b << 3) ^ a << 3) & 15;
        a = t[i][c];
        b = t[i + 1][b];
    }
    return (uint8_t)(b << 4 | a);
}

/* Gauss and Jordan; addition is XOR. */
static void invert(uint8_t out[COLUMNS][COLUMNS])
{
    uint8_t m[COLUMNS][2 * COLUMNS] = { { 0 } };

    for (unsigned i = 0; i < COLUMNS; i++) {
        memcpy(m[i], matrix[i], COLUMNS);
        m[i][COLUMNS + i] = 1;
    }
    for (unsigned i = 0; i < COLUMNS; i++) {
        unsigned by = 1, row = i;

        while (row < COLUMNS - 1 && !m[row][i])
            row++;
        for (unsigned k = 0; row != i && k < 2 * COLUMNS; k++)
            m[i][k] ^= m[row][k];
        while (by < 255 && times((uint8_t)by, m[i][i]) != 1)
            by++;
        for (unsigned k = 0; k < 2 * COLUMNS; k++)
            m[i][k] = times((uint8_t)by, m[i][k]);
        for (row = 0; row < COLUMNS; row++) {
            const uint8_t f = m[row][i];

            for (unsigned k = 0; row != i && k < 2 * COLUMNS; k++)
                m[row][k] ^= times(f, m[i][k]);
        }
    }
    for (unsigned i = 0; i < COLUMNS; i++)
        memcpy(out[i], m[i] + COLUMNS, COLUMNS);
}

static void make(struct tables *t)
{
    for (unsigned q = 0; q < 2; q++)
        for (unsigned x = 0; x < 256; x++) {
            t->q[q][x] = permuted(nibbles[q], x);
            t->back[q][t->q[q][x]] = (uint8_t)x;
        }
    invert(t->inverse);
}

static uint32_t mixed(const uint8_t *m, uint32_t word)
{
    uint32_t out = 0;

    for (unsigned i = 0; i < COLUMNS; i++) {
        uint8_t sum = 0;

        for (unsigned k = 0; k < COLUMNS; k++)
            sum ^= times(m[COLUMNS * i + k], (uint8_t)(word >> (8 * k)));
        out |= (uint32_t)sum << (8 * i);
    }
    return out;
}

static uint32_t left(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

/* A column of h, before it is mixed; @bytes: of the key, @n of them. */
static uint8_t column(const struct tables *t, unsigned c, const uint8_t *bytes, unsigned n,
                      uint8_t x)
{
    for (unsigned i = n; i-- > 0;)
        x = t->q[order[c][i]][x] ^ bytes[i];
    return t->q[order[c][STAGES_MAX]][x];
}

static void expand(const struct tables *t, const uint8_t *key, unsigned n, uint32_t *words)
{
    for (uint32_t i = 0; i < TWOFISH_WORDS; i++) {
        uint32_t h = 0;

        for (unsigned c = 0; c < COLUMNS; c++) {
            uint8_t bytes[STAGES_MAX];

            for (unsigned k = 0; k < n; k++)
                bytes[k] = key[8 * k + 4 * (i % 2) + c];
            h |= (uint32_t)column(t, c, bytes, n, (uint8_t)i) << (8 * c);
        }
        words[i] = mixed(matrix[0], h);
    }
    for (unsigned i = 0; i < TWOFISH_WORDS; i += 2) {
        const uint32_t a = words[i], b = left(words[i + 1], 8);

        words[i] = a + b;
        words[i + 1] = left(a + 2 * b, 9);
    }
}

void eg_twofish_expand(const uint8_t *key, size_t size, uint32_t words[TWOFISH_WORDS])
{
    struct tables t;

    make(&t);
    expand(&t, key, (unsigned)EG_MIN(size / 8, (size_t)STAGES_MAX), words);
}

/* What the last byte of the key is added to, of the number 2 k or 2 k + 1. */
struct seen {
    uint8_t at[PAIRS];
    uint8_t first; // the least number: 0 or 1
};

/* The bytes 0 and 1 of a column, where those behind them are known: @x is what they made. */
static bool inner(const struct tables *t, unsigned c, const struct seen *s, const uint8_t *x,
                  uint8_t *bytes)
{
    const uint8_t *q1 = t->q[order[c][1]], *q0 = t->q[order[c][0]];
    unsigned i;

    for (unsigned b = 0; b < 256; b++) {
        const uint8_t v = q0[q1[x[0]] ^ b] ^ s->at[0];

        for (i = 1; i < PAIRS && (q0[q1[x[i]] ^ b] ^ s->at[i]) == v; i++)
            ;
        if (i < PAIRS)
            continue;
        bytes[1] = (uint8_t)b;
        bytes[0] = v;
        return true;
    }
    return false;
}

/* All bytes of a column, of @n. */
static bool search(const struct tables *t, unsigned c, const struct seen *s, unsigned n,
                   uint8_t *bytes)
{
    const unsigned high = n > 3 ? 256 : 1, low = n > 2 ? 256 : 1;
    uint8_t x[PAIRS], y[PAIRS];

    for (unsigned b3 = 0; b3 < high; b3++) {
        for (unsigned i = 0; i < PAIRS; i++) {
            y[i] = (uint8_t)(2 * i + s->first);
            if (n > 3)
                y[i] = t->q[order[c][3]][y[i]] ^ (uint8_t)b3;
            if (n > 2)
                y[i] = t->q[order[c][2]][y[i]];
        }
        for (unsigned b2 = 0; b2 < low; b2++) {
            for (unsigned i = 0; i < PAIRS; i++)
                x[i] = y[i] ^ (uint8_t)b2;
            if (!inner(t, c, s, x, bytes))
                continue;
            bytes[2] = (uint8_t)b2;
            bytes[3] = (uint8_t)b3;
            return true;
        }
    }
    return false;
}

size_t eg_twofish_key(const uint32_t words[TWOFISH_WORDS], uint8_t key[TWOFISH_KEY])
{
    uint32_t h[TWOFISH_WORDS];
    struct tables t;
    unsigned n = 2;

    make(&t);
    for (unsigned i = 0; i < TWOFISH_WORDS; i += 2) {
        const uint32_t b = left(words[i + 1], 32 - 9) - words[i];

        h[i] = mixed(t.inverse[0], words[i] - b);
        h[i + 1] = mixed(t.inverse[0], left(b, 32 - 8));
    }
    for (unsigned part = 0; part < 2 * COLUMNS; part++) {
        const unsigned c = part % COLUMNS, odd = part / COLUMNS;
        struct seen s = { .first = (uint8_t)odd };
        uint8_t bytes[STAGES_MAX];

        for (unsigned i = 0; i < PAIRS; i++)
            s.at[i] = t.back[order[c][STAGES_MAX]][(uint8_t)(h[2 * i + odd] >> (8 * c))];
        // how long the key is, the first column says
        while (!search(&t, c, &s, n, bytes))
            if (part || ++n > STAGES_MAX)
                return 0;
        for (unsigned k = 0; k < n; k++)
            key[8 * k + 4 * odd + c] = bytes[k];
    }
    // all words were turned back, and each column of all of them is what these bytes make
    return 8 * n;
}
