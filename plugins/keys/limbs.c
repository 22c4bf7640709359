/* limbs.c - numbers of many words, by the structures of libraries that point to them. */
#include "limbs.h"
#include <stdlib.h>

enum {
    ROOM_MAX = 4096, // words: nobody keeps more room for such a number
    BYTES_MAX = BIGNUMS_MAX * 256,
};

struct place {
    const uint8_t *at; // of the pointer
    size_t before, behind;
    unsigned ptr;
};

static uint64_t word(const struct place *p, ptrdiff_t off)
{
    return p->ptr == 8 ? eg_le64(p->at + off) : eg_le32(p->at + off);
}

static uint32_t u32(const struct place *p, ptrdiff_t off)
{
    return eg_le32(p->at + off);
}

static void keep(const struct place *p, uint64_t used, uint64_t room, struct eg_limbs *out,
                 size_t *n)
{
    if (used > room || room > ROOM_MAX || used * p->ptr < LIMBS_MIN || used * p->ptr > LIMBS_MAX)
        return;
    for (size_t i = 0; i < *n; i++)
        if (out[i].bytes == used * p->ptr)
            return;
    out[*n] = (struct eg_limbs){ word(p, 0), (uint32_t)used * p->ptr };
    ++*n;
}

/* Of a pointer that is followed by what it points to:
 * libcrypto: BIGNUM { BN_ULONG *d; int top, dmax, neg, flags; }
 * Go: []Word { pointer, len, cap }, which big.Int and bigmod.Nat have
 * mbed TLS 3: { mbedtls_mpi_uint *p; signed short s; unsigned short n; } */
static void followed(const struct place *p, struct eg_limbs *out, size_t *n)
{
    enum { FLAGS = 0x1801f }; // the lowest ones, BN_FLG_FREE, BN_FLG_FIXED_TOP
    const ptrdiff_t w = p->ptr;

    if (p->behind >= (size_t)w + 16 && !u32(p, w + 8) && !(u32(p, w + 12) & ~(uint32_t)FLAGS))
        keep(p, u32(p, w), u32(p, w + 4), out, n);
    if (p->behind >= 3 * (size_t)w)
        keep(p, word(p, w), word(p, 2 * w), out, n);
    if (p->behind >= (size_t)w + 4 && (u32(p, w) & 0xffff) == 1)
        keep(p, u32(p, w) >> 16, u32(p, w) >> 16, out, n);
}

/* And of one that comes last:
 * GMP, nettle, GnuTLS: mpz_t { int alloc, size; limbs; }
 * libgcrypt: { int alloced, nlimbs, sign; unsigned flags; limbs; }
 * NSS: mp_int { mp_sign sign; mp_size alloc, used; digits; }
 * mbed TLS 2: { int s; size_t n; limbs; } */
static void preceded(const struct place *p, struct eg_limbs *out, size_t *n)
{
    const ptrdiff_t w = p->ptr;

    if (p->before >= 8)
        keep(p, u32(p, -4), u32(p, -8), out, n);
    if (p->before >= 16 && !u32(p, -8) && u32(p, -4) < 0x1000)
        keep(p, u32(p, -12), u32(p, -16), out, n);
    if (p->before >= 2 * (size_t)w && u32(p, -2 * w) == 1)
        keep(p, word(p, -w), word(p, -w), out, n);
    // a structure of 32-bit integers, whose end is filled up to the next pointer
    if (p->before >= 8 + (size_t)w && !u32(p, -8 - w))
        keep(p, u32(p, -w), u32(p, -4 - w), out, n);
}

size_t eg_limbs_at(const uint8_t *bytes, size_t len, size_t at, unsigned ptr,
                   struct eg_limbs out[LIMBS_LAYOUTS])
{
    const struct place p = { bytes + at, at, at <= len ? len - at : 0, ptr };
    size_t n = 0;

    if (p.behind < ptr || !word(&p, 0) || word(&p, 0) % ptr)
        return 0;
    followed(&p, out, &n);
    preceded(&p, out, &n);
    return n;
}

bool eg_bytes_random(const uint8_t *p, size_t len)
{
    size_t high = 0, zero = 0, same = 0;

    for (size_t i = 0; i < len; i++) {
        high += p[i] >> 7;
        zero += !p[i];
        same += i && p[i] == p[i - 1];
    }
    // the highest word of a number of 521 bits has 9
    return len && 8 * high >= len && 8 * (len - high) >= len && 8 * zero <= len && 6 * same <= len;
}

/* ---- the set ---- */

void eg_bignums_init(struct eg_bignums *s, struct eg_run *r)
{
    *s = (struct eg_bignums){ .of = eg_tmp(r, BIGNUMS_MAX * sizeof *s->of),
                              .bytes = eg_tmp(r, BYTES_MAX) };
}

void eg_bignums_empty(struct eg_bignums *s)
{
    s->n = s->used = 0;
    s->full = false;
}

/* The room of a number of @len bytes, all zero; NULL: none. */
static uint8_t *room(struct eg_bignums *s, size_t len, size_t *size)
{
    *size = (len + 7) / 8 * 8;
    if (len < LIMBS_MIN - 8 || len > LIMBS_MAX)
        return NULL;
    if (s->n == BIGNUMS_MAX || *size > BYTES_MAX - s->used) {
        s->full = true;
        return NULL;
    }
    memset(s->bytes + s->used, 0, *size);
    return s->bytes + s->used;
}

static void take(struct eg_bignums *s, uint64_t at, const uint8_t *bytes, size_t size)
{
    while (size && !eg_le64(bytes + size - 8))
        size -= 8;
    if (size < LIMBS_MIN || !eg_bytes_random(bytes, size))
        return;
    s->of[s->n++] = (struct eg_bignum){ bytes, size, at };
    s->used += size;
}

void eg_bignums_add(struct eg_bignums *s, uint64_t at, const uint8_t *bytes, size_t len)
{
    size_t size;
    uint8_t *to = room(s, len, &size);

    if (!to)
        return;
    memcpy(to, bytes, len);
    take(s, at, to, size);
}

void eg_bignums_add_be(struct eg_bignums *s, uint64_t at, const uint8_t *bytes, size_t len)
{
    size_t size;
    uint8_t *to;

    for (; len && !*bytes; len--)
        bytes++;
    to = room(s, len, &size);
    if (!to)
        return;
    for (size_t i = 0; i < len; i++)
        to[i] = bytes[len - 1 - i];
    take(s, at, to, size);
}

static int compare(const void *a_, const void *b_)
{
    const struct eg_bignum *a = a_, *b = b_;

    return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(a->bytes, b->bytes, a->len);
}

/* A copy in memory goes before what a certificate says, and of those the first. */
static int compare_all(const void *a_, const void *b_)
{
    const struct eg_bignum *a = a_, *b = b_;
    const int order = compare(a, b);

    return order ? order : (a->at - 1 > b->at - 1) - (a->at - 1 < b->at - 1);
}

void eg_bignums_sort(struct eg_bignums *s)
{
    size_t n = 0;

    qsort(s->of, s->n, sizeof *s->of, compare_all);
    for (size_t i = 0; i < s->n; i++)
        if (!n || compare(&s->of[n - 1], &s->of[i]) != 0)
            s->of[n++] = s->of[i];
    s->n = n;
}

size_t eg_bignums_from(const struct eg_bignums *s, size_t len, const void *prefix, size_t n)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const struct eg_bignum *b = &s->of[mid];

        if (b->len < len || (b->len == len && n && memcmp(b->bytes, prefix, n) < 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct eg_bignum *eg_bignums_find(const struct eg_bignums *s, const uint8_t *bytes,
                                        size_t len)
{
    const size_t i = eg_bignums_from(s, len, bytes, len);

    return i < s->n && s->of[i].len == len && !memcmp(s->of[i].bytes, bytes, len) ? &s->of[i]
                                                                                  : NULL;
}
