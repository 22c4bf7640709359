/* aes_recover.c - the key of a schedule that has wrong bits.
 *
 * Bytes of the schedule are guessed, one after the other, in an order in which each guess says as
 * many other bytes as possible: four guessed bytes of one row say six more, the next four of the
 * row behind say twenty-six (Tsow, "An improved recovery algorithm for decayed AES key schedule
 * images", 2009, has the idea of such an order). What a guess says must be explained by decay:
 * where a bit is not in the ground state it is right, and of the others no more were flipped than
 * is likely. The order is made for each place, so that it begins where most is known. The search
 * is repeated with wider bounds of what is likely, each time with more work. */
#include "aes_decay.h"
#include <math.h>

enum {
    BYTES = AES_SCHEDULE_MAX,
    GUESSES = AES_KEY_MAX,
    RELATIONS = 3 * BYTES,
    OF_BYTE = 12, // relations that one byte is in
    STEPS = RELATIONS + BYTES,
    STARTS = 24,
    PASSES = 3,
    SURE = -48,       // a chance above 2^SURE is none
    FEW = 40,         // bytes in which few flips away from the ground state are
    OTHERS = 1 << 22, // steps that look for other schedules than the first that is found
    AWAY = 1000,      // one bit in so many flips away from it
};

static const double ENOUGH = 0.9; // so sure must a key be

/* x[out] = x[a] ^ x[b] ^ constant, or with the S-box of x[b]. */
struct relation {
    uint8_t out, a, b, constant;
    bool substituted;
};
struct step {
    struct relation is;
    uint8_t target; // which of the three; of a check that of `out`
    bool check;     // all three were known
    uint16_t decayed_max, away_max;
};
struct guess {
    uint8_t at;
    uint16_t first, end; // steps
    uint16_t n_values, decayed_max, away_max;
    uint8_t values[256]; // the likely ones first
};

struct recovery {
    unsigned words, n;        // bytes
    uint8_t seen[BYTES];      // 1: not in the ground state
    uint8_t flip;             // 0xff: the ground state is 1
    double decay;             // the part that flipped, from how many bits are in the ground state
    double worth[BYTES];      // bits that are known of a byte
    uint8_t cost[BYTES][256]; // low half: bits that decayed if the byte was this; high half: flips
                              // away from the ground state
    struct relation relations[RELATIONS];
    unsigned n_relations;
    uint16_t of[BYTES][OF_BYTE];
    uint8_t n_of[BYTES];
    struct guess guesses[GUESSES];
    unsigned n_guesses;
    struct step steps[STEPS];
    unsigned n_steps;
    uint8_t inverse[256];
};

/* ---- relations ---- */

static void relate(struct recovery *r, unsigned out, unsigned a, unsigned b, bool substituted,
                   unsigned constant)
{
    const unsigned at[] = { out, a, b };

    if (r->n_relations == RELATIONS)
        return;
    for (unsigned i = 0; i < 3; i++)
        if (r->n_of[at[i]] < OF_BYTE)
            r->of[at[i]][r->n_of[at[i]]++] = (uint16_t)r->n_relations;
    r->relations[r->n_relations++] =
        (struct relation){ (uint8_t)out, (uint8_t)a, (uint8_t)b, (uint8_t)constant, substituted };
}

/* Besides those of the standard their squares: from w[i] = w[i - n] ^ w[i - 1] follows
 * w[i] = w[i - 2n] ^ w[i - 2], where both words before are such sums too. */
static void relate_all(struct recovery *r)
{
    const unsigned n = r->words;

    for (unsigned i = n; i < r->n / 4; i++) {
        const unsigned column = n == 8 ? i % 4 : i % n;
        const bool middle = i % n != 0 && column == 0;

        for (unsigned k = 0; k < 4; k++) {
            const unsigned out = 4 * i + k, a = out - 4 * n;

            if (column)
                relate(r, out, a, out - 4, false, 0);
            else
                relate(r, out, a, middle ? out - 4 : 4 * (i - 1) + (k + 1) % 4, true,
                       middle || k ? 0 : eg_aes_constant(i / n));
            if (column >= 2 && i >= 2 * n)
                relate(r, out, out - 8 * n, out - 8, false, 0);
            if (column >= 4 && i >= 4 * n)
                relate(r, out, out - 16 * n, out - 16, false, 0);
        }
    }
}

/* ---- the order of guesses ---- */

struct closure {
    bool known[BYTES], used[RELATIONS];
    uint8_t queue[BYTES];
};

/* What follows from byte @at. @return what it is all worth. @r's steps get what was done, if
 * @keep. */
static double follow(struct recovery *r, struct closure *c, unsigned at, bool keep)
{
    unsigned n = 1;
    double worth = r->worth[at];

    c->known[at] = true;
    c->queue[0] = (uint8_t)at;
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < r->n_of[c->queue[i]]; k++) {
            const unsigned id = r->of[c->queue[i]][k];
            const struct relation *is = &r->relations[id];
            const unsigned known = c->known[is->out] + c->known[is->a] + c->known[is->b];
            const uint8_t target = !c->known[is->a] ? is->a : !c->known[is->b] ? is->b : is->out;

            if (c->used[id] || known < 2)
                continue;
            c->used[id] = true;
            if (known == 2) {
                c->known[target] = true;
                c->queue[n++] = target;
                worth += r->worth[target];
            }
            if (keep && r->n_steps < STEPS)
                r->steps[r->n_steps++] = (struct step){ *is, target, known == 3, 0, 0 };
        }
    return worth;
}

/* The guesses that begin at @at, each the one that says most. @return an estimate of how many
 * partial keys must be looked at. With @keep, r->guesses and r->steps are these. */
static double order(struct recovery *r, unsigned at, bool keep)
{
    struct closure c = { 0 }, next;
    double open = 0, sum = 0;

    r->n_guesses = r->n_steps = 0;
    for (unsigned g = 0; g < r->words * 4; g++) {
        double best = -1;

        for (unsigned i = 0; g && i < r->n; i++) {
            double worth;

            if (c.known[i])
                continue;
            next = c;
            worth = follow(r, &next, i, false);
            if (worth > best)
                best = worth, at = i;
        }
        if (g && best < 0)
            break;
        if (keep)
            r->guesses[g] = (struct guess){ .at = (uint8_t)at, .first = (uint16_t)r->n_steps };
        open += 8 - follow(r, &c, at, keep);
        sum += exp2(fmin(open, 500));
        if (keep) {
            r->guesses[g].end = (uint16_t)r->n_steps;
            r->n_guesses = g + 1;
        } else if (open < -16) {
            break;
        }
    }
    return sum;
}

static void choose_order(struct recovery *r)
{
    bool tried[BYTES] = { false };
    double best = HUGE_VAL;
    unsigned from = 0;

    for (unsigned n = 0; n < STARTS; n++) {
        unsigned at = 0;
        double sum;

        for (unsigned i = 0; i < r->n; i++)
            if (tried[at] || (!tried[i] && r->worth[i] > r->worth[at]))
                at = i;
        tried[at] = true;
        sum = order(r, at, false);
        if (sum < best)
            best = sum, from = at;
    }
    order(r, from, true);
}

/* ---- what is likely ---- */

static double entropy(double p)
{
    return p <= 0 || p >= 1 ? 0 : -p * log2(p) - (1 - p) * log2(1 - p);
}

/* Of the bits in the ground state, the part that was not there before, if this part of all that
 * could flip did. */
static double flipped(double decay)
{
    return decay / (1 + decay);
}

static void weigh(struct recovery *r)
{
    const double unsure = 1 - entropy(flipped(r->decay));

    for (unsigned i = 0; i < r->n; i++) {
        const unsigned ones = (unsigned)__builtin_popcount(r->seen[i]);

        r->worth[i] = ones + (8 - ones) * unsure;
        for (unsigned v = 0; v < 256; v++) {
            const unsigned was = v ^ r->flip;

            r->cost[i][v] = (uint8_t)(__builtin_popcount(was & ~r->seen[i] & 255) |
                                      __builtin_popcount(r->seen[i] & ~was) << 4);
        }
    }
}

struct bounds {
    double width; // in standard deviations
    double part;  // of the bits in the ground state, how many flipped
    bool reverse;
    unsigned pass, bytes, ground;
};

static void bound(const struct recovery *r, struct bounds *b, unsigned at, uint16_t *decayed,
                  uint16_t *away)
{
    const double p = b->part;
    double expected;

    b->bytes++;
    b->ground += 8u - (unsigned)__builtin_popcount(r->seen[at]);
    *decayed = (uint16_t)(p * b->ground + b->width * sqrt(p * (1 - p) * b->ground) + 1);
    expected = 8.0 * b->bytes / AWAY;
    *away = (uint16_t)(!b->reverse       ? 0
                       : b->bytes <= FEW ? b->pass
                                         : b->pass + expected + 3 * sqrt(expected));
}

static void bound_all(struct recovery *r, bool reverse, unsigned pass)
{
    static const double widths[PASSES] = { 1.5, 3, 5 };
    struct bounds b = { .width = widths[pass], .reverse = reverse, .pass = pass };

    // how many flipped is estimated: the schedule need not have had as many ones as zeros
    b.part = flipped(fmin(r->decay + 0.03 * pass, 0.95));

    for (unsigned g = 0; g < r->n_guesses; g++) {
        struct guess *q = &r->guesses[g];

        bound(r, &b, q->at, &q->decayed_max, &q->away_max);
        q->n_values = 0;
        for (unsigned away = 0; away <= q->away_max; away++)
            for (unsigned decayed = 0; decayed <= 8; decayed++)
                for (unsigned v = 0; v < 256; v++)
                    if (r->cost[q->at][v] == (decayed | away << 4))
                        q->values[q->n_values++] = (uint8_t)v;
        for (unsigned i = q->first; i < q->end; i++)
            if (!r->steps[i].check)
                bound(r, &b, r->steps[i].target, &r->steps[i].decayed_max, &r->steps[i].away_max);
    }
}

/* ---- the search ---- */

static uint32_t cost_of(const struct recovery *r, unsigned at, uint8_t value)
{
    const uint32_t c = r->cost[at][value];

    return (c & 15) | c >> 4 << 16;
}

static bool within(uint32_t cost, unsigned decayed_max, unsigned away_max)
{
    return (cost & 0xffff) <= decayed_max && cost >> 16 <= away_max;
}

/* All that a guess says. @return false: it is not likely. */
static bool consequences(const struct recovery *r, const struct guess *g, uint8_t *x,
                         uint32_t *cost, uint64_t *work)
{
    for (const struct step *s = r->steps + g->first; s < r->steps + g->end; s++) {
        const struct relation *is = &s->is;
        uint8_t v;

        --*work;
        if (s->target == is->b && !s->check) {
            v = x[is->out] ^ x[is->a] ^ is->constant;
            v = is->substituted ? r->inverse[v] : v;
        } else {
            v = (is->substituted ? eg_aes_sbox[x[is->b]] : x[is->b]) ^ is->constant ^
                x[s->target == is->out ? is->a : is->out];
        }
        if (s->check) {
            if (x[s->target] != v)
                return false;
            continue;
        }
        x[s->target] = v;
        *cost += cost_of(r, s->target, v);
        if (!within(*cost, s->decayed_max, s->away_max))
            return false;
    }
    return true;
}

/* What was found: the likeliest, and how likely all are together, in relation to it. */
struct found {
    bool any;
    uint8_t x[BYTES];
    double best, sum; // best: base-2 logarithm
};

static void keep(const struct recovery *r, struct found *f, const uint8_t *x, uint32_t cost)
{
    const double likely = (cost & 0xffff) * log2(r->decay) - (cost >> 16) * log2(AWAY);

    if (!f->any || likely > f->best) {
        f->sum = f->any ? f->sum * exp2(f->best - likely) : 0;
        f->best = likely;
        memcpy(f->x, x, r->n);
    }
    f->sum += exp2(likely - f->best);
    f->any = true;
}

/* All schedules that are likely. Two that differ in few bytes stand side by side in the search:
 * when one is found, a little more work shows the others. */
static void search(const struct recovery *r, struct found *f, uint64_t *work)
{
    uint16_t next[GUESSES] = { 0 };
    uint32_t costs[GUESSES + 1] = { 0 };
    uint8_t x[BYTES];
    unsigned level = 0;
    uint64_t stop = STEPS;

    while (*work > stop) {
        const struct guess *g = &r->guesses[level];
        uint32_t cost = costs[level];

        if (next[level] == g->n_values) {
            if (!level)
                return;
            level--;
            continue;
        }
        x[g->at] = g->values[next[level]++];
        --*work;
        cost += cost_of(r, g->at, x[g->at]);
        if (!within(cost, g->decayed_max, g->away_max) || !consequences(r, g, x, &cost, work))
            continue;
        if (level + 1 < r->n_guesses) {
            costs[++level] = cost;
            next[level] = 0;
            continue;
        }
        if (!f->any && *work > OTHERS)
            stop = *work - OTHERS;
        keep(r, f, x, cost);
    }
}

/* ---- how sure it is ---- */

static double log2_choose(double n, double k)
{
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2);
}

/* log2 of the probability that of @n bits, each as likely 0 as 1, at most @k are 1. */
static double log2_tail(unsigned n, unsigned k)
{
    double sum = 0;
    const double top = log2_choose(n, k);

    if (2 * k >= n)
        return 0;
    for (unsigned i = 0; i <= k; i++)
        sum += exp2(log2_choose(n, i) - top);
    return fmin(0, top + log2(sum) - n);
}

static bool judge(const struct recovery *r, const struct found *f, struct eg_aes_recovered *out)
{
    uint8_t all[AES_SCHEDULE_MAX];
    unsigned ones = 0, decayed = 0, away = 0;

    memcpy(out->key, f->x, r->words * 4);
    eg_aes_expand(out->key, r->words, all);
    for (unsigned i = 0; i < r->n; i++) {
        ones += (unsigned)__builtin_popcount(r->seen[i]);
        decayed += r->cost[i][all[i]] & 15;
        away += r->cost[i][all[i]] >> 4;
    }
    out->wrong = decayed + away;
    out->reverse = away;
    out->ground = r->flip != 0;
    out->chance = 32.0 * r->words + log2_tail(ones, away) + log2_tail(8 * r->n - ones, decayed);
    out->sure = 1 / f->sum;
    return out->chance <= SURE && out->sure >= ENOUGH;
}

static bool recover(struct recovery *r, const uint8_t *bytes, const struct eg_aes_decay *d,
                    uint64_t *work, struct eg_aes_recovered *out)
{
    unsigned ones = 0;

    for (unsigned i = 0; i < r->n; i++) {
        const unsigned at = out->swapped ? (i & ~3u) + 3 - i % 4 : i;

        r->seen[i] = bytes[at] ^ r->flip;
        ones += (unsigned)__builtin_popcount(r->seen[i]);
    }
    r->decay = 1 - ones / (4.0 * r->n);
    if (r->decay < -0.25 || 100 * r->decay > d->percent + 10)
        return false;
    r->decay = fmin(fmax(r->decay, 0.02), 0.9);
    weigh(r);
    choose_order(r);
    for (unsigned pass = 0; pass < PASSES; pass++) {
        const uint64_t share = *work / (PASSES - pass + 1);
        uint64_t left = pass + 1 < PASSES ? share : *work;
        const uint64_t had = left;
        struct found f = { 0 };

        bound_all(r, d->reverse, pass);
        search(r, &f, &left);
        *work -= had - left;
        if (f.any)
            return judge(r, &f, out);
    }
    return false;
}

bool eg_aes_recover(const uint8_t *bytes, unsigned words, const struct eg_aes_decay *decay,
                    uint64_t *work, struct eg_aes_recovered *out)
{
    static const struct eg_aes_recovered none;
    struct recovery r = { .words = words, .n = (unsigned)eg_aes_size(words) };
    const uint64_t all = *work;
    uint64_t left = 0, spent = 0;
    bool found = false;

    relate_all(&r);
    for (unsigned v = 0; v < 256; v++)
        r.inverse[eg_aes_sbox[v]] = (uint8_t)v;
    for (unsigned way = 0; way < 4 && !found; way++) {
        const uint64_t had = left + all / 4; // what one way leaves is the next one's

        left = had;
        *out = none;
        out->swapped = way / 2;
        r.flip = way % 2 ? 0xff : 0;
        if (decay->ground < 0 || decay->ground == (int)(way % 2))
            found = recover(&r, bytes, decay, &left, out);
        spent += had - left;
    }
    *work = all - spent;
    return found;
}
