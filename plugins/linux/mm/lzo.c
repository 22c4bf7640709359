/* lzo.c - unpacks LZO1X, and its variant with runs of zeros, lzo-rle, that only the kernel has
 * (since 5.1; Documentation/staging/lzo.rst).
 *
 *  A stream is instructions. Each copies earlier bytes (a match) and then up to three bytes of the
 * stream (literals); how many of these there were decides what a small instruction means. */
#include "unpack.h"
#include <string.h>

struct stream {
    const uint8_t *p, *end;  // what is left of the packed bytes
    uint8_t *out, *at, *max; // the unpacked ones
};

static bool byte(struct stream *s, unsigned *out)
{
    if (s->p == s->end)
        return false;
    *out = *s->p++;
    return true;
}

static bool pair(struct stream *s, unsigned *out)
{
    if (s->end - s->p < 2)
        return false;
    *out = s->p[0] | (unsigned)s->p[1] << 8;
    s->p += 2;
    return true;
}

/* A length whose bits in the instruction are 0 goes on in bytes: each 0 counts 255, the first other
 * byte ends it. */
static bool length(struct stream *s, size_t bits, size_t base, size_t *out)
{
    unsigned b = 0;

    *out = bits;
    if (bits)
        return true;
    *out = base;
    while (byte(s, &b) && !b) {
        *out += 255;
        if (*out > (size_t)(s->max - s->out))
            return false;
    }
    *out += b;
    return b;
}

static bool literals(struct stream *s, size_t n)
{
    if (n > (size_t)(s->end - s->p) || n > (size_t)(s->max - s->at))
        return false;
    memcpy(s->at, s->p, n);
    s->p += n;
    s->at += n;
    return true;
}

/* What is copied may overlap what it makes: then it repeats. */
static bool match(struct stream *s, size_t distance, size_t n)
{
    if (distance > (size_t)(s->at - s->out) || n > (size_t)(s->max - s->at))
        return false;
    for (const uint8_t *from = s->at - distance; n; n--)
        *s->at++ = *from++;
    return true;
}

static bool zeros(struct stream *s, size_t n)
{
    if (n > (size_t)(s->max - s->at))
        return false;
    memset(s->at, 0, n);
    s->at += n;
    return true;
}

enum step { GOES_ON, ENDS, DAMAGED };

/* Instructions 16 to 31: a match that is far away, the end, or (lzo-rle) a run of zeros. */
static enum step far_match(struct stream *s, unsigned op, bool runs, unsigned *next)
{
    enum { FAR = 1 << 14, ALL = 0xfffc, RUN_MIN = 4 };
    const size_t high = (op & 8) << 11;
    unsigned low, more;
    size_t n;

    // A run has a byte behind the pair instead of a longer length.
    if (runs && high && s->end - s->p >= 3 && ((s->p[0] | s->p[1] << 8) & ALL) == ALL) {
        if (!pair(s, &low) || !byte(s, &more) || !zeros(s, ((op & 7) | more << 3) + RUN_MIN))
            return DAMAGED;
        *next = low & 3;
        return GOES_ON;
    }
    if (!length(s, op & 7, 7, &n) || !pair(s, &low))
        return DAMAGED;
    *next = low & 3;
    if (!high && low < 4)
        return ENDS;
    return match(s, FAR + high + (low >> 2), n + 2) ? GOES_ON : DAMAGED;
}

/* @state: how many literals were behind the last match; 4: many, without a match. */
static enum step step(struct stream *s, unsigned *state, bool runs)
{
    unsigned op, more, next = 0;
    size_t n, distance;

    if (!byte(s, &op))
        return DAMAGED;
    if (op < 16 && *state == 0) {
        if (!length(s, op, 15, &n) || !literals(s, n + 3))
            return DAMAGED;
        *state = 4;
        return GOES_ON;
    }
    if (op >= 16 && op < 32) {
        const enum step far = far_match(s, op, runs, &next);

        if (far != GOES_ON)
            return far;
    } else {
        if (op >= 32 && op < 64) {
            if (!length(s, op & 31, 31, &n) || !pair(s, &more))
                return DAMAGED;
            n += 2;
            distance = (more >> 2) + 1;
            next = more & 3;
        } else {
            if (!byte(s, &more))
                return DAMAGED;
            next = op & 3;
            if (op >= 64) {
                n = (op >> 5) + 1;
                distance = (more << 3) + (op >> 2 & 7) + 1;
            } else {
                n = *state == 4 ? 3 : 2;
                distance = (more << 2) + (op >> 2) + (*state == 4 ? 2049 : 1);
            }
        }
        if (!match(s, distance, n))
            return DAMAGED;
    }
    *state = next;
    return literals(s, next) ? GOES_ON : DAMAGED;
}

ptrdiff_t linux_unlzo(const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    enum { MARK = 17, SHORTEST = 5 };
    struct stream s = { .p = p, .end = p + n, .out = out, .at = out, .max = out + len };
    enum step now = GOES_ON;
    unsigned state = 0, first;
    bool runs = false;

    if (n >= SHORTEST && p[0] == MARK) {
        runs = p[1] != 0;
        s.p += 2;
    }
    // The first instruction can be one of literals only.
    if (s.p<s.end && * s.p> MARK) {
        byte(&s, &first);
        first -= MARK;
        state = first < 4 ? first : 4;
        if (!literals(&s, first))
            return -1;
    }
    while (now == GOES_ON)
        now = step(&s, &state, runs);
    return now == ENDS ? s.at - out : -1;
}
