/** filter.h - where one of many short sequences of byte sets occurs, all of them in one pass: what
 * must be there before anything slower is tried. */
#ifndef SCAN_FILTER_H
#define SCAN_FILTER_H

#include "../../core/base.h"
#include "../../core/engram.h"

struct scan_set {
    uint64_t bits[4];
};
static inline bool scan_set_has(const struct scan_set *s, uint8_t byte)
{
    return s->bits[byte >> 6] >> (byte & 63) & 1;
}
static inline void scan_set_add(struct scan_set *s, uint8_t byte)
{
    s->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
}
static inline void scan_set_join(struct scan_set *s, const struct scan_set *more)
{
    for (unsigned i = 0; i < 4; i++)
        s->bits[i] |= more->bits[i];
}

/** Sets that follow each other. */
enum { SCAN_FACTOR_MAX = 8 };
struct scan_factor {
    struct scan_set at[SCAN_FACTOR_MAX];
    size_t n;
};
/** How rare it is, in bits: one in 2^n places of a usual memory. */
unsigned scan_rareness(const struct scan_set *sets, size_t n);
/** The rarest @n of @len sets that follow each other. @return where they begin. */
size_t scan_rarest(const struct scan_set *sets, size_t len, size_t n);

struct scan_filter;
/** @factors all of one length, not 0, borrowed. Lives until the run ends. */
struct scan_filter *scan_filter_new(struct eg_run *r, const struct scan_factor *factors, size_t n);
/** Each place in @bytes where a factor is, in order; at one place, in the factors' order. */
void scan_filter_each(const struct scan_filter *f, const uint8_t *bytes, size_t len,
                      void (*each)(void *context, size_t at, size_t factor), void *context);

#endif
