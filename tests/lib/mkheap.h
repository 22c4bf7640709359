/** mkheap.h - a heap of glibc's malloc on a synthetic machine, as its releases lay it down. */
#ifndef MK_HEAP_H
#define MK_HEAP_H

#include "mkuser.h"

/** Bytes before the bins, by release; of the cache of a thread. */
static const struct mk_layout {
    const char *release;
    unsigned before[2]; // with pointers of 4 and 8 bytes
    bool fast, safe;    // fast bins; links xored with their place
    unsigned count, lists;
    bool room; // counts say what is left
} mk_layouts[] = {
    { "2.26", { 60, 104 }, true, false, 1, 64, false },
    { "2.31", { 64, 112 }, true, false, 2, 64, false },
    { "2.36", { 64, 112 }, true, true, 2, 64, false },
    { "2.43", { 16, 24 }, false, true, 2, 76, true },
};
enum { BINS = 127 }; // lists of an arena

struct mk_heap {
    struct mk_user u;
    const struct mk_layout *l;
    uint64_t main, bins, first, at; // at: the next chunk
    unsigned before, ptr;
};

static inline void arena(struct mk_heap *h, uint64_t at, uint64_t next)
{
    const uint64_t bins = at + h->before;

    for (uint64_t i = 0; i < bins - at; i += 4)
        mk_user_int(&h->u, at + i, 4, 0);
    for (uint64_t i = 0; i < 2 * BINS; i++)
        mk_user_word(&h->u, bins, i, bins + (i & ~UINT64_C(1)) * h->ptr - 2 * h->ptr);
    for (uint64_t i = 0; i < 16; i += 4)
        mk_user_int(&h->u, bins + 2 * BINS * h->ptr + i, 4, 0);
    for (uint64_t i = 0; i < 5; i++)
        mk_user_word(&h->u, bins + 2 * BINS * h->ptr + 16, i, i ? 0 : next);
}

static inline uint64_t chunk(struct mk_heap *h, uint64_t size, unsigned flags)
{
    const uint64_t at = h->at;

    mk_user_word(&h->u, at, 0, 0);
    mk_user_word(&h->u, at, 1, size | flags);
    h->at += size;
    return at;
}

static inline uint64_t cache_size(const struct mk_heap *h)
{
    return (h->l->lists * (h->l->count + h->ptr) + h->ptr + 15) & ~UINT64_C(15);
}

/** The cache's list @i: of chunk @at, which is the first of @n. */
static inline void cached(struct mk_heap *h, unsigned i, uint64_t at, unsigned n)
{
    const uint64_t mem = h->first + 2 * h->ptr;

    mk_user_int(&h->u, mem + i * h->l->count, h->l->count, h->l->room ? 16 - n : n);
    mk_user_word(&h->u, mem + h->l->lists * h->l->count, i, at ? at + 2 * h->ptr : 0);
}

static inline void link_to(struct mk_heap *h, uint64_t place, uint64_t to)
{
    mk_user_word(&h->u, place, 0, h->l->safe ? to ^ place >> 12 : to);
}

static inline void top(struct mk_heap *h, uint64_t arena_at, uint64_t size)
{
    mk_user_word(&h->u, arena_at + h->before - 2 * h->ptr, 0, chunk(h, size, 1));
}

/** An arena, and a heap that begins with a thread's cache. */
static inline struct mk_heap mk_heap(const struct mk_machine *m, unsigned p,
                                     const struct mk_layout *l)
{
    struct mk_heap h = { .u = mk_user(m, p), .l = l };

    h.ptr = h.u.ptr;
    h.before = l->before[h.ptr == 8];
    h.main = h.u.data + 256;
    h.bins = h.main + h.before;
    arena(&h, h.main, h.main);
    mk_put(h.u.g.k, h.u.mm, "mm_struct.start_brk", h.u.heap);
    h.at = h.u.heap + 16 - 2 * h.ptr;
    h.first = chunk(&h, cache_size(&h), 1);
    for (uint64_t i = 0; i < cache_size(&h) - h.ptr; i += 4)
        mk_user_int(&h.u, h.first + 2 * h.ptr + i, 4, 0);
    if (l->room)
        for (unsigned i = 0; i < l->lists; i++)
            mk_user_int(&h.u, h.first + 2 * h.ptr + 2 * i, 2, 16);
    return h;
}

#endif
