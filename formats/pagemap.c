/* pagemap.c - see pagemap.h. */
#include "pagemap.h"
#include <stdlib.h>

enum {
    RANK_SHIFT = 9,      // page frames to a rank, at least
    RANKS_MAX = 1 << 20, // 8 MiB of them
    HOLE_WORDS = 4096,   // a hole is returned in pieces of at most 2^18 page frames
    PIECE = 4096,        // of a bitmap, at a time
};
#define PAGES_MAX (UINT64_C(1) << 36)

/** The bits of each byte in the other order, where the file has them so. */
static uint64_t in_order(const struct eg_pagemap *m, uint64_t w)
{
    if (!m->high_first)
        return w;
    w = (w & UINT64_C(0x5555555555555555)) << 1 | (w >> 1 & UINT64_C(0x5555555555555555));
    w = (w & UINT64_C(0x3333333333333333)) << 2 | (w >> 2 & UINT64_C(0x3333333333333333));
    return (w & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4 | (w >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
}

/** 64 bits of the bitmap at @map, from page frame @pfn, a multiple of 64. */
static bool word(struct eg_view *v, const struct eg_pagemap *m, uint64_t map, uint64_t pfn,
                 uint64_t *out)
{
    uint8_t tail[8] = { 0 };

    if (!eg_read_u64(v, m->file, map + pfn / 8, false, out)) {
        // An empty part of a split set may end with the last byte that has a bit.
        if (m->pages - pfn >= 64 ||
            !eg_read(v, m->file, map + pfn / 8, tail, (size_t)(m->pages - pfn + 7) / 8))
            return false;
        *out = eg_le64(tail);
    }
    *out = in_order(m, *out);
    return true;
}

bool eg_pagemap_word(struct eg_view *v, const struct eg_pagemap *m, uint64_t pfn, uint64_t *out)
{
    return word(v, m, m->written, pfn, out);
}

bool eg_pagemap_rank(struct eg_view *v, const struct eg_pagemap *m, uint64_t pfn, uint64_t *out)
{
    uint64_t at = pfn >> m->shift << m->shift, n = m->ranks[pfn >> m->shift], w;

    for (; at < pfn; at += 64) {
        if (!word(v, m, m->written, at, &w))
            return false;
        if (pfn - at < 64)
            w &= (UINT64_C(1) << (pfn - at)) - 1;
        n += (uint64_t)__builtin_popcountll(w);
    }
    *out = n;
    return true;
}

void eg_pagemap_hole(struct eg_view *v, const struct eg_pagemap *m, uint64_t pfn,
                     struct eg_extent *out)
{
    uint64_t at = pfn & ~UINT64_C(63), w, ram = 0, other = 0;
    bool excluded = false;

    for (unsigned i = 0; i < (v->brief ? 1 : HOLE_WORDS) && at < m->pages && !other; i++) {
        if (!word(v, m, m->written, at, &w) || (m->two && !word(v, m, m->ram, at, &ram)))
            break;
        if (!i)
            excluded = ram >> pfn % 64 & 1;
        other = w | (excluded ? ~ram : ram);
        if (!i)
            other &= ~UINT64_C(0) << pfn % 64;
        at += other ? (unsigned)__builtin_ctzll(other) : 64;
    }
    at = EG_MIN(EG_MAX(at, pfn + 1), m->pages);
    out->start = pfn * m->block;
    out->last = at * m->block - 1;
    out->why = excluded ? EG_EXCLUDED : EG_ABSENT;
}

/** Count the bits of the bitmap at @map, of all page frames; @ranks are those before each so many,
 * NULL: not wanted. @return page frames that were counted: fewer where the file ends. */
static uint64_t count(struct eg_view *v, const struct eg_pagemap *m, uint64_t map, uint64_t *ranks,
                      uint64_t *total)
{
    const uint64_t pages = m->pages, step = UINT64_C(1) << m->shift;
    uint64_t pfn = 0, n = 0;

    while (pfn < pages) {
        const uint64_t at = map + pfn / 8;
        const size_t len = (size_t)EG_MIN((pages - pfn + 7) / 8, (uint64_t)PIECE);
        uint64_t bits[PIECE / 8] = { 0 };
        struct eg_extent x;

        eg_extent_at(v, m->file, at, &x);
        if (x.zero && x.last - at >= PIECE) { // holes of a sparse file need no counting
            const uint64_t most = EG_MIN(x.last - at, (pages - pfn) / 8 + PIECE); // of any file
            const uint64_t end = pfn + (most + 1) / PIECE * PIECE * 8;

            for (uint64_t i = eg_align_up(pfn, step); ranks && i < EG_MIN(end, pages); i += step)
                ranks[i >> m->shift] = n;
            pfn = end;
            continue;
        }
        if (!eg_read(v, m->file, at, bits, len))
            break;
        for (size_t i = 0; i < countof(bits) && pfn < pages; i++, pfn += 64) {
            uint64_t w = in_order(m, eg_le64(&bits[i]));

            if (ranks && !(pfn & (step - 1)))
                ranks[pfn >> m->shift] = n;
            if (pages - pfn < 64)
                w &= (UINT64_C(1) << (pages - pfn)) - 1;
            n += (uint64_t)__builtin_popcountll(w);
        }
    }
    pfn = EG_MIN(pfn, pages);
    if (ranks && !(pfn & (step - 1))) // eg_pagemap_rank() is asked for the end, too
        ranks[pfn >> m->shift] = n;
    *total = n;
    return pfn;
}

bool eg_pagemap_open(struct eg_pagemap *m, struct eg_view *v)
{
    m->pages = EG_MIN(m->pages, PAGES_MAX);
    for (m->shift = RANK_SHIFT; m->pages >> m->shift >= RANKS_MAX;)
        m->shift++;
    m->ranks = calloc((m->pages >> m->shift) + 1, sizeof *m->ranks);
    if (!m->ranks)
        return false;
    m->pages = count(v, m, m->written, m->ranks, &m->n_written);
    m->n_ram = m->n_written;
    if (m->two)
        count(v, m, m->ram, NULL, &m->n_ram);
    return true;
}

void eg_pagemap_fini(struct eg_pagemap *m)
{
    free(m->ranks);
    m->ranks = NULL;
}
