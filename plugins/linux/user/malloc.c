/* malloc.c - the arenas (glibc's malloc/malloc.c, struct malloc_state):
 *
 *     int mutex, flags;
 *     int have_fastchunks;            since 2.27
 *     mchunkptr fastbinsY[10];        11 on i386; none since 2.43
 *     mchunkptr top, last_remainder;
 *     mchunkptr bins[254];            127 lists: head->fd, head->bk
 *     unsigned binmap[4];
 *     struct malloc_state *next;      a ring, of which the main arena is in libc's variables
 *     next_free, attached_threads, system_mem, max_system_mem
 *
 *  The head of a list is a chunk of which only fd and bk are there: an empty list has the address
 * two words before itself in both. */
#include "malloc.h"
#include "../../../core/base.h"

enum {
    STEPS_MAX = 1 << 24,
    BINS = 127,
    ENOUGH = 32,      // empty lists by which an arena is told: small programs have over a hundred
    BEFORE_MAX = 160, // bytes before the bins
    GROUPS_MAX = 64,
    LINES = 16, // bytes of the binmap
};

const char *linux_chunk_state_text(enum linux_chunk_state state)
{
    static const char *const names[] = { "in use", "tcache", "fastbin", "unsorted", "small",
                                         "large",  "free",   "top",     "mmapped" };

    return names[state];
}

bool linux_malloc_header(struct linux_malloc *m, uint64_t at, uint64_t end, uint64_t *size,
                         unsigned *flags)
{
    const unsigned ptr = m->u->ptr;
    uint64_t w;

    if (!linux_user_word(m->u, at + ptr, &w))
        return false;
    *flags = w & 7;
    *size = w & ~UINT64_C(7);
    return *size >= 4 * ptr && *size % m->align == 0 && at < end && *size <= end - at;
}

/** Where words are that begin an empty list. */
static void find_pairs(struct linux_malloc *m, bool data_only)
{
    const unsigned ptr = m->u->ptr;
    struct linux_user_piece p = { 0 };
    uint64_t before = 0, next = 0; // the last word of the piece before, and where it ends

    while (linux_user_next(m->u, data_only, &p)) {
        for (size_t i = 0; i < p.len; i += ptr) {
            const uint64_t w = linux_user_load(m->u, p.bytes + i), at = p.at + i - ptr;

            if (w && w == at - 2 * ptr && before == w && (i || next == p.at))
                linux_addresses_add(m->u, &m->pairs, at);
            before = w;
        }
        next = p.at + p.len;
    }
}

static bool self(struct linux_malloc *m, uint64_t bin, uint64_t *fd, uint64_t *bk)
{
    return linux_user_word(m->u, bin, fd) && linux_user_word(m->u, bin + m->u->ptr, bk) &&
           *fd == bin - 2 * m->u->ptr && *bk == *fd;
}

/** Each list is empty, or its first chunk points back to it. */
static bool are_bins(struct linux_malloc *m, uint64_t bins)
{
    const unsigned ptr = m->u->ptr;
    unsigned good = 0;

    for (unsigned i = 0; i < BINS; i++) {
        const uint64_t bin = bins + 2 * i * ptr;
        uint64_t fd, bk, back;

        if (self(m, bin, &fd, &bk) ||
            (linux_user_range(m->u, fd) && linux_user_range(m->u, bk) &&
             linux_user_word(m->u, fd + 3 * ptr, &back) && back == bin - 2 * ptr))
            good++;
    }
    return good + 7 >= BINS; // a live dump may have torn some
}

static uint64_t next_of(struct linux_malloc *m, uint64_t arena, uint64_t bins_at)
{
    uint64_t next;

    return linux_user_word(m->u, arena + bins_at + 2 * BINS * m->u->ptr + LINES, &next) ? next : 0;
}

/** Does the ring of arenas close? Then these are the arenas. */
static bool ring(struct linux_malloc *m, uint64_t bins, uint64_t bins_at)
{
    const unsigned ptr = m->u->ptr;
    const uint64_t first = bins - bins_at;
    uint64_t at = first;

    m->n_arenas = 0;
    do {
        struct linux_arena *a = &m->arenas[m->n_arenas];

        if (m->n_arenas == LINUX_ARENAS_MAX || at % ptr || !linux_user_range(m->u, at) ||
            !linux_user_word(m->u, at + bins_at - 2 * ptr, &a->top))
            return false;
        a->at = at;
        a->bins = at + bins_at;
        m->n_arenas++;
        at = next_of(m, at, bins_at);
    } while (at && at != first);
    m->bins_at = bins_at;
    return at == first;
}

/** The arena whose empty lists lie from @low to @high. */
static bool open_group(struct linux_malloc *m, uint64_t low, uint64_t high)
{
    const unsigned ptr = m->u->ptr, list = 2 * ptr;

    // The first lists may hold chunks: then the bins begin before.
    for (uint64_t bins = low;
         bins + BINS * list > high && bins + BINS * list >= low + ENOUGH * list; bins -= list) {
        if (!are_bins(m, bins))
            continue;
        for (uint64_t before = 2 * ptr + 8; before <= BEFORE_MAX; before += 4)
            if ((bins - before) % ptr == 0 && ring(m, bins, before))
                return true;
    }
    return false;
}

/** From the lists that were found, in order, those that lie together. */
static bool open_arenas(struct linux_malloc *m)
{
    const struct linux_addresses *p = &m->pairs;
    const uint64_t reach = 2 * BINS * m->u->ptr;
    size_t groups = 0;

    for (size_t i = 0, j; i < p->n && groups < GROUPS_MAX; i = j) {
        for (j = i + 1; j < p->n && p->at[j] - p->at[i] < reach; j++)
            ;
        if (j - i < ENOUGH)
            continue;
        groups++;
        if (open_group(m, p->at[i], p->at[j - 1]))
            return true;
    }
    return false;
}

bool linux_malloc_open(struct linux_user *u, struct linux_malloc *m)
{
    bool found = false;

    m->u = u;
    m->n_arenas = m->n_regions = m->n_free = 0;
    m->region = m->range = 0;
    m->at = m->broken = 0;
    m->align = 16;
    m->steps = STEPS_MAX;
    m->left = u->most / (4 * u->ptr);             // as many as could be there
    for (int all = 0; all < 2 && !found; all++) { // the second time: a program that was unpacked
        m->pairs.n = 0;
        find_pairs(m, !all);
        found = open_arenas(m);
    }
    if (!found)
        return false;
    linux_malloc_find_regions(m);
    linux_malloc_find_free(m);
    return true;
}
