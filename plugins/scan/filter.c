/* filter.c - one sequence by its rarest byte (memchr); several by the shifts of their pairs, as Wu
 * and Manber do ("A fast algorithm for multi-pattern searching", 1994). */
#include "filter.h"

enum {
    PAIRS = 4096, // hashes of two bytes; two zeros have 0
    ZEROS = 64,   // that are passed at once
};

struct scan_filter {
    const struct scan_factor *factors;
    size_t n, len;
    bool by_byte; // one factor: look for `byte`, which is its `place`
    uint8_t byte;
    size_t place;
    bool any[256];             // len 1: a byte of one of them
    uint8_t shift[PAIRS];      // how far the window may go on; 0: look closely
    uint32_t begin[PAIRS + 1]; // of the pair's factors in `of_pair`
    uint32_t *of_pair;
};

/* ---- what is rare ---- */

/** One byte of a usual memory in 2^n is this one, about: zeros, code and English are not rare. */
static unsigned byte_rareness(uint8_t b)
{
    static const char common[] = "etaoinsrdlc _", code[] = "H\x89\x8b\x0f\xe8\x24\x44\x83\x85\xc0";

    if (b == 0)
        return 1;
    if (b == 0xff || b == 1 || memchr(common, b, sizeof common - 1))
        return 6;
    if (memchr(code, b, sizeof code - 1) || (b >= 'a' && b <= 'z') || b < 0x10)
        return 7;
    return b < 0x80 && b >= 0x20 ? 9 : 10;
}

static unsigned set_rareness(const struct scan_set *s)
{
    unsigned count = 0, bits = 0;

    for (unsigned i = 0; i < 4; i++)
        count += (unsigned)__builtin_popcountll(s->bits[i]);
    if (count == 1)
        for (unsigned b = 0; b < 256; b++)
            if (scan_set_has(s, (uint8_t)b))
                return byte_rareness((uint8_t)b);
    if (scan_set_has(s, 0))
        return 0;
    while (count && count << (bits + 1) <= 256)
        bits++;
    return bits;
}

unsigned scan_rareness(const struct scan_set *sets, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += set_rareness(&sets[i]);
    return sum;
}

size_t scan_rarest(const struct scan_set *sets, size_t len, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i + n <= len; i++)
        if (scan_rareness(sets + i, n) > scan_rareness(sets + best, n))
            best = i;
    return best;
}

/* ---- making ---- */

static uint32_t pair(const uint8_t *p)
{
    const uint32_t x = p[0] | (uint32_t)p[1] << 8;

    return (x ^ x >> 6) & (PAIRS - 1);
}

/** Which pairs are in @a followed by @b. */
static void pairs_of(const struct scan_set *a, const struct scan_set *b, bool hit[PAIRS])
{
    memset(hit, 0, PAIRS * sizeof *hit);
    for (unsigned i = 0; i < 256; i++)
        for (unsigned k = 0; scan_set_has(a, (uint8_t)i) && k < 256; k++)
            if (scan_set_has(b, (uint8_t)k))
                hit[pair((const uint8_t[]){ (uint8_t)i, (uint8_t)k })] = true;
}

static void make_pairs(struct eg_run *r, struct scan_filter *f)
{
    const size_t last = f->len - 2; // the pair that ends a factor
    uint32_t next[PAIRS];
    bool hit[PAIRS];

    memset(f->shift, (int)(f->len - 1), sizeof f->shift);
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k <= last; k++) {
            pairs_of(&f->factors[i].at[k], &f->factors[i].at[k + 1], hit);
            for (size_t h = 0; h < PAIRS; h++)
                if (hit[h]) {
                    f->shift[h] = (uint8_t)EG_MIN((size_t)f->shift[h], last - k);
                    f->begin[h + 1] += k == last;
                }
        }
    for (size_t h = 0; h < PAIRS; h++)
        f->begin[h + 1] += f->begin[h];
    memcpy(next, f->begin, sizeof next);
    f->of_pair = eg_tmp(r, (f->begin[PAIRS] + (size_t)1) * sizeof *f->of_pair);
    for (size_t i = 0; i < f->n; i++) {
        pairs_of(&f->factors[i].at[last], &f->factors[i].at[last + 1], hit);
        for (size_t h = 0; h < PAIRS; h++)
            if (hit[h])
                f->of_pair[next[h]++] = (uint32_t)i;
    }
}

struct scan_filter *scan_filter_new(struct eg_run *r, const struct scan_factor *factors, size_t n)
{
    struct scan_filter *f = eg_tmp(r, sizeof *f);
    unsigned best = 0;

    f->factors = factors;
    f->n = n;
    f->len = n ? factors[0].n : 1;
    for (size_t i = 0; n == 1 && i < f->len; i++)
        for (unsigned b = 0; b < 256; b++) {
            struct scan_set only = { { 0 } };

            scan_set_add(&only, (uint8_t)b);
            if (memcmp(&only, &factors->at[i], sizeof only) == 0 &&
                byte_rareness((uint8_t)b) > best) {
                best = byte_rareness((uint8_t)b);
                f->by_byte = true;
                f->byte = (uint8_t)b;
                f->place = i;
            }
        }
    for (size_t i = 0; i < n; i++)
        for (unsigned b = 0; b < 256; b++)
            f->any[b] |= scan_set_has(&factors[i].at[0], (uint8_t)b);
    if (!f->by_byte && f->len > 1)
        make_pairs(r, f);
    return f;
}

/* ---- looking ---- */

typedef void each_fn(void *context, size_t at, size_t factor);

static bool is_at(const struct scan_filter *f, size_t i, const uint8_t *p)
{
    for (size_t k = 0; k < f->len; k++)
        if (!scan_set_has(&f->factors[i].at[k], p[k]))
            return false;
    return true;
}

static void each_by_byte(const struct scan_filter *f, const uint8_t *bytes, size_t len,
                         each_fn *each, void *context)
{
    const uint8_t *p = bytes + f->place, *const end = bytes + len - (f->len - 1 - f->place);

    for (; p < end && (p = memchr(p, f->byte, (size_t)(end - p))); p++)
        if (is_at(f, 0, p - f->place))
            each(context, (size_t)(p - bytes) - f->place, 0);
}

static bool are_zeros(const uint8_t *p)
{
    uint64_t any = 0;

    for (size_t i = 0; i < ZEROS; i += 8)
        any |= eg_le64(p + i);
    return !any;
}

static void each_by_pair(const struct scan_filter *f, const uint8_t *bytes, size_t len,
                         each_fn *each, void *context)
{
    for (size_t i = f->len - 2; i + 1 < len;) {
        const uint32_t h = pair(bytes + i);

        // Most of a memory is zeros. No window that holds two of them can be a factor.
        if (!h && f->shift[0] == f->len - 1 && i + ZEROS <= len && are_zeros(bytes + i)) {
            i += ZEROS + f->len - 3;
            continue;
        }
        if (f->shift[h]) {
            i += f->shift[h];
            continue;
        }
        for (uint32_t k = f->begin[h]; k < f->begin[h + 1]; k++)
            if (is_at(f, f->of_pair[k], bytes + i + 2 - f->len))
                each(context, i + 2 - f->len, f->of_pair[k]);
        i++;
    }
}

void scan_filter_each(const struct scan_filter *f, const uint8_t *bytes, size_t len, each_fn *each,
                      void *context)
{
    if (!f->n || len < f->len)
        return;
    if (f->by_byte)
        each_by_byte(f, bytes, len, each, context);
    else if (f->len > 1)
        each_by_pair(f, bytes, len, each, context);
    else
        for (size_t i = 0; i < len; i++)
            for (size_t k = 0; f->any[bytes[i]] && k < f->n; k++)
                if (is_at(f, k, bytes + i))
                    each(context, i, k);
}
