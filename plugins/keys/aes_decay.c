/* aes_decay.c - where a decayed key schedule may be.
 *
 * Most words of a schedule are the XOR of two others (aes_find.c), and what decayed is so in part:
 * of the bits of w[i] ^ w[i - 1] ^ w[i - n] fewer are 1 than in other memory that has as many
 * ones. First these bits are counted, for all places at once. What passes is compared by what is
 * likely: of three bits, how often are none, one, two, three of them 1, in a schedule that decayed
 * so far as this memory has ones, and in three bits that have nothing to do with each other? */
#include "aes_decay.h"
#include <math.h>

enum {
    BLOCK = 1024, // words whose schedules are counted at once
    MORE = 80,    // words behind, that these need
    TRIPLES_MAX = 64,
    LEFT = 100,
    NEAR = AES_DECAY_NEAR / 4,
};

static const double LIKELY = 12; // natural logarithm, of what a place that is kept must reach
static const double PART = 0.35; // of what a schedule would have

/* Words i, i - a, i - b of a schedule, whose XOR is 0. */
struct triple {
    uint8_t at, back[2];
};
/* Of memory that has this part of its ones left: logarithms of how much likelier it is that none,
 * one, … of three bits are 1, if it is a schedule; and what the sum is then. */
struct weights {
    double of[4], expected;
};
struct limits {
    uint16_t least, most; // ones that a schedule may have
    uint16_t odd;         // sums that are odd
};

struct finder {
    const uint8_t *bytes;
    size_t len;
    const struct eg_aes_decay *decay;
    eg_aes_each_decayed *each;
    void *context;
    struct triple triples[3][TRIPLES_MAX];
    unsigned n_triples[3];
    struct weights weights[2][LEFT + 1]; // by the ground state
    struct limits limits[3][2];
};

static inline uint32_t count(uint32_t w)
{
    w -= w >> 1 & 0x55555555;
    w = (w & 0x33333333) + (w >> 2 & 0x33333333);
    w = (w + (w >> 4)) & 0x0f0f0f0f;
    w += w >> 8;
    return (w + (w >> 16)) & 63;
}

/* ---- how likely one place is ---- */

static unsigned triples_of(unsigned words, struct triple *out)
{
    unsigned n = 0;

    for (unsigned i = words; i < eg_aes_size(words) / 4; i++)
        for (unsigned step = 1; step <= 4 && step <= (words == 8 ? i % 4 : i % words); step *= 2)
            if (i >= step * words && n < TRIPLES_MAX)
                out[n++] =
                    (struct triple){ (uint8_t)i, { (uint8_t)step, (uint8_t)(step * words) } };
    return n;
}

/* @left of the bits that were not in the ground state are still there. With ground state 1 all is
 * turned round, and then the number of ones among three bits of a schedule was odd. */
static struct weights weigh(double left, unsigned ground)
{
    static const unsigned choose[4][4] = { { 1 }, { 1, 1 }, { 1, 2, 1 }, { 1, 3, 3, 1 } };
    const double p = left / 2, seldom = 0.0005;
    struct weights w = { .expected = 0 };

    for (unsigned seen = 0; seen < 4; seen++) {
        const double other = choose[3][seen] * pow(p, seen) * pow(1 - p, 3 - seen) + seldom;
        double is = seldom;

        for (unsigned was = seen; was < 4; was++)
            if (was % 2 == ground)
                is += choose[3][was] / 4.0 * choose[was][seen] * pow(left, seen) *
                      pow(1 - left, was - seen);
        w.of[seen] = log(is / other);
        w.expected += is * w.of[seen];
    }
    return w;
}

/* How many ones a key has is chance: so much less than seems may be left. */
static const double UNSURE[] = { 0, 0.05, 0.1 };

/* @return how much likelier a schedule is; 0: not enough. */
static double likely(const struct finder *f, size_t at, unsigned words, unsigned ground)
{
    const struct triple *triples = f->triples[words / 2 - 2];
    const unsigned n = f->n_triples[words / 2 - 2];
    const uint32_t flip = ground ? UINT32_MAX : 0;
    uint32_t w[AES_SCHEDULE_MAX / 4];
    unsigned ones = 0, seen[4] = { 0 };
    double left, best = 0;

    if (!eg_within(at, eg_aes_size(words), f->len))
        return 0;
    for (unsigned i = 0; i < eg_aes_size(words) / 4; i++) {
        w[i] = eg_le32(f->bytes + at + 4 * i) ^ flip;
        ones += count(w[i]);
    }
    left = ones / (4.0 * (double)eg_aes_size(words));
    if (left > 1.15 || left < 0.92 - f->decay->percent / 100.0)
        return 0;
    for (unsigned i = 0; i < n; i++) {
        const uint32_t a = w[triples[i].at], b = w[triples[i].at - triples[i].back[0]],
                       c = w[triples[i].at - triples[i].back[1]];
        const unsigned three = count(a & b & c), odd = count(a ^ b ^ c), some = count(a | b | c);

        seen[3] += three;
        seen[1] += odd - three;
        seen[2] += some - odd;
        seen[0] += 32 - some;
    }
    for (unsigned k = 0; k < countof(UNSURE); k++) {
        const double part = fmin(fmax(left - UNSURE[k], 0), 0.99);
        const struct weights *of = &f->weights[ground][(unsigned)(part * LEFT)];
        double sum = 0;

        for (unsigned i = 0; i < 4; i++)
            sum += seen[i] * of->of[i];
        if (sum > fmax(LIKELY, PART * 32 * n * of->expected))
            best = fmax(best, sum);
    }
    return best;
}

static double likely_at_all(const struct finder *f, size_t at, unsigned words)
{
    double best = 0;

    for (unsigned ground = 0; ground < 2; ground++)
        if (f->decay->ground < 0 || f->decay->ground == (int)ground)
            best = fmax(best, likely(f, at, words, ground));
    return best;
}

/* The same relations hold nearly a few words before and behind a schedule: which place is the
 * best? */
static void look_closely(const struct finder *f, size_t at, unsigned words)
{
    const double here = likely_at_all(f, at, words);

    if (here <= 0)
        return;
    for (size_t k = 1; k <= NEAR; k++)
        if ((at >= 4 * k && likely_at_all(f, at - 4 * k, words) >= here) ||
            likely_at_all(f, at + 4 * k, words) > here)
            return;
    f->each(f->context, at, words);
}

/* ---- all places ---- */

/* Of BLOCK places: which may be one. The loops are such that compilers make vectors of them. */
struct counts {
    uint8_t ones[BLOCK + MORE], odd[BLOCK + MORE], row[BLOCK + MORE];
    uint16_t two[BLOCK + MORE], four[BLOCK + MORE], eight[BLOCK + MORE];
    uint16_t all_ones[3][BLOCK];
    uint16_t all_odd[BLOCK];
    uint8_t passed[BLOCK];
};

#if defined __x86_64__ && defined __has_attribute
#if __has_attribute(target_clones) && !defined __clang__
#define WIDE __attribute__((target_clones("avx2", "default"), optimize("O3")))
#endif
#endif
#ifndef WIDE
#define WIDE
#endif

static inline uint32_t load(const uint8_t *p, size_t i)
{
    uint32_t w;

    memcpy(&w, p + 4 * i, 4);
    return w;
}

/* @p: BLOCK + MORE words can be read. */
WIDE static void count_ones(const uint8_t *restrict p, struct counts *restrict c)
{
    enum { N = BLOCK + MORE };

    for (size_t i = 0; i < N; i++)
        c->ones[i] = (uint8_t)count(load(p, i));
    for (size_t i = 0; i < N - 4; i++)
        c->row[i] = (uint8_t)(c->ones[i] + c->ones[i + 1]);
    for (size_t i = 0; i < N - 8; i++)
        c->two[i] = (uint16_t)(c->row[i] + c->row[i + 2]); // of 4 words
    for (size_t i = 0; i < N - 16; i++)
        c->four[i] = (uint16_t)(c->two[i] + c->two[i + 4]); // of 8
    for (size_t i = 0; i < N - 32; i++)
        c->eight[i] = (uint16_t)(c->four[i] + c->four[i + 8]); // of 16
    for (size_t i = 0; i < BLOCK; i++) {
        const uint16_t most = (uint16_t)(c->eight[i] + c->eight[i + 16] + c->four[i + 32]);

        c->all_ones[0][i] = (uint16_t)(most + c->two[i + 40]);
        c->all_ones[1][i] = (uint16_t)(most + c->four[i + 40] + c->two[i + 48]);
        c->all_ones[2][i] = (uint16_t)(most + c->eight[i + 40] + c->two[i + 56]);
    }
}

/* Bits of the sums that are 1, over whole rows of @words words. */
WIDE static void count_odd(const uint8_t *restrict p, struct counts *restrict c, unsigned words)
{
    enum { N = BLOCK + MORE };
    const uint8_t *restrict behind = p + 4 * words;

    for (size_t i = 0; i < N - 8; i++)
        c->odd[i] = (uint8_t)count(load(p, i) ^ load(behind, i) ^ load(behind - 4, i));
    for (size_t i = 0; i < N - 16; i++) // the first of a row, and of half a row of 8, is no sum
        c->row[i] = (uint8_t)(c->odd[i + 1] + c->odd[i + 2] + c->odd[i + 3]);
    if (words == 6)
        for (size_t i = 0; i < N - 16; i++)
            c->row[i] = (uint8_t)(c->row[i] + c->odd[i + 4] + c->odd[i + 5]);
    if (words == 8)
        for (size_t i = 0; i < N - 16; i++)
            c->row[i] = (uint8_t)(c->row[i] + c->odd[i + 5] + c->odd[i + 6] + c->odd[i + 7]);
}

WIDE static void add_rows(struct counts *restrict c, unsigned words)
{
    const uint8_t *restrict row = c->row;

    // rows 1 to 10 of 128 bits, 1 to 7 of 192, 1 to 6 of 256; row 0 is the key
    for (size_t i = 0; i < BLOCK; i++)
        c->all_odd[i] = (uint16_t)(row[i] + row[i + words] + row[i + 2 * words] +
                                   row[i + 3 * words] + row[i + 4 * words] + row[i + 5 * words]);
    if (words == 6)
        for (size_t i = 0; i < BLOCK; i++)
            c->all_odd[i] = (uint16_t)(c->all_odd[i] + row[i + 36]);
    if (words == 4)
        for (size_t i = 0; i < BLOCK; i++)
            c->all_odd[i] =
                (uint16_t)(c->all_odd[i] + row[i + 24] + row[i + 28] + row[i + 32] + row[i + 36]);
}

WIDE static void compare(struct counts *restrict c, const uint16_t *restrict ones,
                         const struct limits *limits)
{
    const uint16_t least = limits->least, most = limits->most, odd = limits->odd;

    for (size_t i = 0; i < BLOCK; i++)
        c->passed[i] |= (uint8_t)((ones[i] >= least) & (ones[i] <= most) & (c->all_odd[i] <= odd));
}

/* Of a schedule of @words words that decays to @ground. */
static struct limits limits_of(const struct eg_aes_decay *d, unsigned words, unsigned ground)
{
    static const unsigned sums[] = { 30, 35, 36 };
    const double bits = 8.0 * (double)eg_aes_size(words), n = 32.0 * sums[words / 2 - 2],
                 lost = d->percent / 100.0, left = 1 - lost,
                 odd = ground ? 1 - left * (left * left + 3 * lost * lost + 3) / 4
                              : 1.5 * lost * left,
                 spread = 3.5 * sqrt(bits) / 2, least = fmax(bits / 2 * left - spread, 1),
                 most = bits / 2 + spread;

    return (struct limits){
        (uint16_t)(ground ? bits - most : least),
        (uint16_t)(ground ? bits - least : most),
        (uint16_t)(n * odd + (lost < 0.4 ? 4 : 3) * sqrt(n) / 2),
    };
}

static void look_at(const struct finder *f, const uint8_t *p, size_t from, size_t places,
                    struct counts *c)
{
    count_ones(p, c);
    for (unsigned k = 0; k < 3; k++) {
        const unsigned words = 4 + 2 * k;

        count_odd(p, c, words);
        add_rows(c, words);
        memset(c->passed, 0, sizeof c->passed);
        for (unsigned ground = 0; ground < 2; ground++)
            if (f->decay->ground < 0 || f->decay->ground == (int)ground)
                compare(c, c->all_ones[k], &f->limits[k][ground]);
        for (size_t i = 0; i < places; i += 8) {
            uint64_t any;

            memcpy(&any, c->passed + i, 8);
            for (size_t j = i; any && j < EG_MIN(i + 8, places); j++)
                if (c->passed[j])
                    look_closely(f, from + 4 * j, words);
        }
    }
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return !*p && !memcmp(p, p + 1, n - 1);
}

void eg_aes_find_decayed(const uint8_t *bytes, size_t len, const struct eg_aes_decay *decay,
                         eg_aes_each_decayed *each, void *context)
{
    enum { SIZE = 4 * (BLOCK + MORE) };
    struct finder f = { bytes, len, decay, each, context, .n_triples = { 0 } };
    struct counts c;

    for (unsigned k = 0; k < 3; k++) {
        f.n_triples[k] = triples_of(4 + 2 * k, f.triples[k]);
        for (unsigned ground = 0; ground < 2; ground++)
            f.limits[k][ground] = limits_of(decay, 4 + 2 * k, ground);
    }
    for (unsigned ground = 0; ground < 2; ground++)
        for (unsigned i = 0; i <= LEFT; i++)
            f.weights[ground][i] = weigh((i + 0.5) / (LEFT + 1), ground);
    memset(&c, 0, sizeof c);
    for (size_t from = 0; from < len; from += 4 * (size_t)BLOCK) {
        const size_t n = EG_MIN(len - from, (size_t)SIZE);
        uint8_t copy[SIZE] = { 0 };

        if (is_zero(bytes + from, n))
            continue;
        if (n < SIZE)
            memcpy(copy, bytes + from, n);
        look_at(&f, n < SIZE ? copy : bytes + from, from, EG_MIN(n / 4, (size_t)BLOCK), &c);
    }
}
