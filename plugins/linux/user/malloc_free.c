/* malloc_free.c - the lists of free chunks: bins and fast bins of each arena, and the caches of
 * threads (tcache, since 2.26), which are chunks themselves:
 *
 *     tcache_perthread_struct { COUNT counts[N]; tcache_entry *entries[N]; }
 *         COUNT is char until 2.29, uint16_t since; N is 64, since 2.42 76, and counts say what
 *         room is left
 *
 *  Since 2.32 a link of fast bins and caches is xored with its own address, shifted by 12. */
#include "../../../core/base.h"
#include "../../../core/map.h"
#include "malloc.h"
#include <stdlib.h>

enum {
    BINS = 127,
    LIST_MAX = 1 << 20,
    CACHED_MAX = 1 << 16, // glibc.malloc.tcache_count
    FAST_64 = 10,
    FAST_32 = 11,
};

struct lists {
    struct linux_malloc *m;
    struct eg_map *seen; // chunks that are in a list
};

static bool add(struct lists *l, uint64_t at, enum linux_chunk_state state)
{
    struct linux_malloc *m = l->m;

    if (m->n_free == LIST_MAX) {
        m->u->full = true;
        return false;
    }
    if (!eg_run_map_add(m->u->run, l->seen, at, 0))
        return false;
    m->free = eg_grow(m->u->run, m->free, m->n_free, &m->cap_free, sizeof *m->free);
    m->free[m->n_free++] = (struct linux_free_chunk){ at, state };
    return true;
}

/** A ring of chunks through fd; each one's bk is the one before. */
static void bin(struct lists *l, uint64_t head, enum linux_chunk_state state)
{
    const unsigned ptr = l->m->u->ptr;
    uint64_t at, before = head, back;

    if (!linux_user_word(l->m->u, head + 2 * ptr, &at))
        return;
    while (at != head && linux_user_word(l->m->u, at + 3 * ptr, &back) && back == before &&
           add(l, at, state)) {
        before = at;
        if (!linux_user_word(l->m->u, at + 2 * ptr, &at))
            return;
    }
}

/** One list that is linked one way: of chunks of one size. */
struct chain {
    uint64_t first;      /**< what the links point to: a chunk, or its memory */
    uint64_t into_chunk; /**< bytes from there back to the chunk */
    uint64_t size;       /**< of each chunk; 0: any */
    unsigned link;       /**< bytes from there to the link */
    uint64_t max;
};

static uint64_t next_in(struct linux_malloc *m, const struct chain *c, uint64_t at, bool safe)
{
    uint64_t w;

    if (!linux_user_word(m->u, at + c->link, &w))
        return UINT64_MAX;
    return safe ? w ^ (at + c->link) >> 12 : w;
}

/** How many chunks it has if its links are (not) xored; -1: it does not end as a list does. */
static int64_t length(struct linux_malloc *m, const struct chain *c, bool safe)
{
    const unsigned ptr = m->u->ptr;
    uint64_t at = c->first, size;
    int64_t n = 0;
    unsigned flags;

    for (; at; at = next_in(m, c, at, safe), n++)
        if ((uint64_t)n >= c->max || at % (2 * ptr) || !linux_user_range(m->u, at) ||
            !linux_malloc_header(m, at - c->into_chunk, UINT64_MAX, &size, &flags) ||
            (c->size && size != c->size))
            return -1;
    return n;
}

static void add_chain(struct lists *l, const struct chain *c, bool safe,
                      enum linux_chunk_state state)
{
    for (uint64_t at = c->first; at && at != UINT64_MAX; at = next_in(l->m, c, at, safe))
        if (!add(l, at - c->into_chunk, state))
            return;
}

static void fast_bins(struct lists *l, const struct linux_arena *a)
{
    struct linux_malloc *m = l->m;
    const unsigned ptr = m->u->ptr, n = ptr == 8 ? FAST_64 : FAST_32;

    if (m->bins_at < 8 + 2 * ptr + n * ptr)
        return; // a release without them
    for (unsigned i = 0; i < n; i++) {
        struct chain c = { .link = 2 * ptr, .max = LIST_MAX };

        if (!linux_user_word(m->u, a->bins - (2 + n - i) * ptr, &c.first) || !c.first)
            continue;
        c.size = (uint64_t)(i + 2) * 2 * ptr;
        if (length(m, &c, true) > 0)
            add_chain(l, &c, true, LINUX_CHUNK_FAST);
        else if (length(m, &c, false) > 0)
            add_chain(l, &c, false, LINUX_CHUNK_FAST);
    }
}

/* ---- caches of threads ---- */

struct layout {
    unsigned count, n; /**< bytes of a count, how many lists */
    bool room;         /**< the counts are of room that is left */
};
static const struct layout layouts[] = { { 2, 76, true }, { 2, 64, false }, { 1, 64, false } };

static uint64_t payload(const struct layout *k, unsigned ptr)
{
    return (uint64_t)k->n * (k->count + ptr);
}

/** Do chunks of this size hold such a cache? */
static bool fits(const struct linux_malloc *m, const struct layout *k, uint64_t size)
{
    const unsigned ptr = m->u->ptr;
    const uint64_t want = payload(k, ptr) + ptr;
    const uint64_t whole = (want + m->align - 1) & ~(uint64_t)(m->align - 1);

    // A chunk that was cut for it is larger where the rest would have been too small for a chunk.
    return size == whole || size == whole + m->align;
}

bool linux_malloc_cache_size(const struct linux_malloc *m, uint64_t size)
{
    for (size_t i = 0; i < countof(layouts); i++)
        if (fits(m, &layouts[i], size))
            return true;
    return false;
}

/** The @i-th list of the cache at @at. @return how many it has; -1: this is no cache. */
static int64_t cached(struct linux_malloc *m, const struct layout *k, uint64_t at, unsigned i,
                      struct chain *c, bool *safe)
{
    const unsigned ptr = m->u->ptr;
    const uint8_t *p = eg_bytes(eg_view_of(m->u->run), m->u->space, at + i * k->count, k->count);
    const uint64_t count = p ? eg_load_(p, k->count, m->u->big) : UINT64_MAX;
    int64_t n;

    *c = (struct chain){ .into_chunk = 2 * ptr, .max = CACHED_MAX };
    if (count > CACHED_MAX ||
        !linux_user_word(m->u, at + k->n * k->count + (uint64_t)i * ptr, &c->first) ||
        (!k->room && !c->first != !count))
        return -1;
    if (!c->first)
        return 0;
    if (i < 64)
        c->size = 4 * ptr + (uint64_t)i * m->align;
    *safe = true;
    n = length(m, c, true);
    if (n > 0 && (k->room || (uint64_t)n == count))
        return n;
    *safe = false;
    n = length(m, c, false);
    return n > 0 && !k->room && (uint64_t)n == count ? n : -1;
}

static bool cache(struct lists *l, const struct layout *k, uint64_t at)
{
    struct chain c;
    bool safe;

    for (unsigned i = 0; i < k->n; i++)
        if (cached(l->m, k, at, i, &c, &safe) < 0)
            return false;
    for (unsigned i = 0; i < k->n; i++)
        if (cached(l->m, k, at, i, &c, &safe) > 0)
            add_chain(l, &c, safe, LINUX_CHUNK_TCACHE);
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct linux_free_chunk *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

static void sort(struct linux_malloc *m)
{
    if (m->n_free)
        qsort(m->free, m->n_free, sizeof *m->free, by_address);
}

/** Every chunk that has the size of a cache and what a cache has. */
static void caches(struct lists *l)
{
    struct linux_malloc *m = l->m, walk = *m;
    const unsigned ptr = m->u->ptr;
    struct linux_chunk c;

    walk.range = m->u->n; // not those that are mappings
    while (linux_malloc_next(&walk, &c))
        for (size_t i = 0; i < countof(layouts) && c.state == LINUX_CHUNK_USED; i++)
            if (fits(m, &layouts[i], c.size) && cache(l, &layouts[i], c.at + 2 * ptr))
                break;
}

void linux_malloc_find_free(struct linux_malloc *m)
{
    struct lists l = { .m = m, .seen = eg_run_map(m->u->run) };
    const unsigned ptr = m->u->ptr;

    for (size_t i = 0; i < m->n_arenas; i++) {
        const struct linux_arena *a = &m->arenas[i];

        for (unsigned k = 0; k < BINS; k++)
            bin(&l, a->bins + 2 * ptr * k - 2 * ptr,
                k == 0   ? LINUX_CHUNK_UNSORTED
                : k < 63 ? LINUX_CHUNK_SMALL
                         : LINUX_CHUNK_LARGE);
        fast_bins(&l, a);
    }
    sort(m);
    caches(&l);
    sort(m);
}
