/* malloc_walk.c - where the chunks are: the main arena's between the start of the heap (brk) and
 * its top; another one's in heaps of their own (glibc's malloc/arena.c), aligned to a power of two:
 *
 *     heap_info { malloc_state *ar_ptr; heap_info *prev; size_t size, mprotect_size; … }
 *
 *  The arena itself lies in its first heap, and chunks behind it. A chunk is
 *
 *     size_t prev_size;   of a free chunk before it
 *     size_t size;        with three flags
 *     what malloc() returns: of a free chunk fd, bk
 */
#include "../../../core/space.h"
#include "../mm/mm.h"
#include "malloc.h"
#include <stdlib.h>

enum {
    HEAP_MAX_LOW = 20,
    HEAP_MAX_HIGH = 32,
    HEAPS_MAX = 1 << 14,
    BEFORE_MAX = 1 << 16,
    TRIED_MAX = 64
};

static void add_region(struct linux_malloc *m, uint64_t first, uint64_t end, size_t arena)
{
    if (first >= end || m->n_regions == LINUX_REGIONS_MAX)
        return;
    m->regions = eg_grow(m->u->run, m->regions, m->n_regions, &m->cap_regions, sizeof *m->regions);
    m->regions[m->n_regions++] = (struct linux_malloc_region){ first, end, (uint32_t)arena };
}

/** The end of @at's chunk, which is no fence. */
static uint64_t behind(struct linux_malloc *m, uint64_t at, uint64_t end)
{
    uint64_t size;
    unsigned flags;

    return linux_malloc_header(m, at, end, &size, &flags) ? at + size : 0;
}

/** Does a chain of chunks from @at lead to @end, or to a fence shortly before it? */
static bool leads_to(struct linux_malloc *m, uint64_t at, uint64_t end)
{
    uint64_t next;

    for (; at < end && !eg_stopped(m->u->run); at = next) {
        next = m->steps && m->steps-- ? behind(m, at, end) : 0;
        if (!next)
            return end - at <= 8 * m->u->ptr; // two headers that end a heap
    }
    return at == end;
}

/** The first place from @at on from which chunks lead to @end. The first that a program asks for is
 * its thread's cache; what lies before it is not malloc's: a static program's variables of threads
 * (csu/libc-tls.c). */
static uint64_t first_chunk(struct linux_malloc *m, uint64_t at, uint64_t end)
{
    const uint64_t header = 2 * m->u->ptr;
    const uint64_t from = ((at + header + m->align - 1) & ~(uint64_t)(m->align - 1)) - header;
    uint64_t found = 0, size;
    unsigned tried = 0, flags;

    for (uint64_t to = from; to < end && to - from < BEFORE_MAX && tried < TRIED_MAX;
         to += m->align) {
        const bool header_is = linux_malloc_header(m, to, end, &size, &flags) && (flags & 1);
        const bool cache = header_is && linux_malloc_cache_size(m, size);

        if (cache && to == from) // whether or not something behind it is damaged
            return to;
        if (!header_is || (found && !cache) || !leads_to(m, to, end)) {
            tried += header_is;
            continue;
        }
        if (cache)
            return to;
        found = to;
    }
    return found ? found : from;
}

static uint64_t word(struct linux_malloc *m, uint64_t at)
{
    uint64_t w;

    return linux_user_word(m->u, at, &w) ? w : 0;
}

/** The heap_info of the heap of @arena that holds @at; 0: none. */
static uint64_t heap_of(struct linux_malloc *m, const struct linux_arena *arena, uint64_t at)
{
    for (unsigned shift = HEAP_MAX_LOW; shift <= HEAP_MAX_HIGH; shift++) {
        const uint64_t heap = at & ~((UINT64_C(1) << shift) - 1);

        if (heap && word(m, heap) == arena->at)
            return heap;
    }
    return 0;
}

static void main_regions(struct linux_malloc *m, size_t i)
{
    const uint64_t top = m->arenas[i].top;
    const struct linux_user_range *range = linux_user_range(m->u, top);
    uint64_t start;

    if (eg_get(&start, m->u->mm, mm_struct.start_brk) && start && start <= top &&
        linux_user_range(m->u, start)) {
        const uint64_t first = first_chunk(m, start, top);

        if (range && range->start > start && !leads_to(m, first, top))
            add_region(m, first_chunk(m, range->start, top), top, i); // brk did not grow any more
        else
            add_region(m, first, top, i);
    } else if (range) {
        add_region(m, first_chunk(m, range->start, top), top, i);
    }
}

/** Older heaps are full: they end in two headers without memory. */
static void heap_regions(struct linux_malloc *m, size_t i)
{
    const struct linux_arena *a = &m->arenas[i];
    const unsigned ptr = m->u->ptr;
    const uint64_t info = a->at - heap_of(m, a, a->at);
    uint64_t heap = heap_of(m, a, a->top), end = a->top;

    for (unsigned n = 0; heap && n < HEAPS_MAX && word(m, heap) == a->at; n++) {
        uint64_t from = heap + info;

        if (n)
            end = heap + word(m, heap + 2 * ptr);
        if (heap + info == a->at) // next to the arena: behind next, next_free
            from = a->bins + 2 * 127 * ptr + 16 + 2 * ptr;
        if (end > heap && linux_user_range(m->u, end - 1))
            add_region(m, first_chunk(m, from, end), end, i);
        heap = word(m, heap + ptr);
    }
}

/* i386 before glibc 2.26 and other 32-bit processors align to 8 bytes: the heap then begins with
 * the first chunk. */
static void find_alignment(struct linux_malloc *m)
{
    for (size_t i = 0; i < m->n_arenas; i++) {
        const uint64_t top = m->arenas[i].top;
        uint64_t start;

        if (!m->arenas[i].main || !eg_get(&start, m->u->mm, mm_struct.start_brk) ||
            leads_to(m, first_chunk(m, start, top), top))
            continue;
        m->align = 8;
        if (!leads_to(m, (start + 7) & ~UINT64_C(7), top))
            m->align = 16;
    }
}

void linux_malloc_find_regions(struct linux_malloc *m)
{
    for (size_t i = 0; i < m->n_arenas; i++) {
        struct linux_arena *a = &m->arenas[i];

        a->main = !heap_of(m, a, a->at);
    }
    if (m->u->ptr == 4)
        find_alignment(m);
    for (size_t i = 0; i < m->n_arenas; i++)
        if (m->arenas[i].main)
            main_regions(m, i);
        else
            heap_regions(m, i);
}

static int by_address(const void *key, const void *item)
{
    const uint64_t at = *(const uint64_t *)key;
    const struct linux_free_chunk *c = item;

    return (at > c->at) - (at < c->at);
}

static enum linux_chunk_state state_of(struct linux_malloc *m, uint64_t at, uint64_t next,
                                       uint64_t end)
{
    const struct linux_free_chunk *c =
        m->n_free ? bsearch(&at, m->free, m->n_free, sizeof *m->free, by_address) : NULL;
    uint64_t size;
    unsigned flags;

    if (c)
        return c->state;
    // A damaged header says nothing of the chunk before it. The top has one too.
    if (linux_malloc_header(m, next, next < end ? end : UINT64_MAX, &size, &flags) && !(flags & 1))
        return LINUX_CHUNK_UNLISTED;
    return LINUX_CHUNK_USED;
}

/** Behind a header that is damaged: the next chunk that a list knows. */
static uint64_t again_from(struct linux_malloc *m, uint64_t at, uint64_t end)
{
    size_t lo = 0, hi = m->n_free;

    if (!m->broken)
        m->broken = at;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (m->free[mid].at <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->n_free && m->free[lo].at < end ? m->free[lo].at : end;
}

/** Page tables can lead in circles: then there are chunks without end. */
static bool goes_on(struct linux_malloc *m)
{
    if (m->left)
        m->left--;
    else
        m->u->endless = true;
    return m->left && !eg_stopped(m->u->run);
}

static bool next_in_region(struct linux_malloc *m, struct linux_chunk *c)
{
    const struct linux_malloc_region *r = &m->regions[m->region];
    const struct linux_arena *a = &m->arenas[r->arena];

    if (m->at < r->first)
        m->at = r->first;
    while (m->at < r->end && goes_on(m)) {
        *c = (struct linux_chunk){ .at = m->at, .arena = a->at };
        if (linux_malloc_header(m, m->at, r->end, &c->size, &c->flags)) {
            m->at += c->size;
            c->state = state_of(m, c->at, m->at, r->end);
            return true;
        }
        if (r->end != a->top && r->end - m->at <= 8 * m->u->ptr)
            break; // the fence at the end of a heap
        m->at = again_from(m, m->at, r->end);
    }
    if (m->at <= r->end && r->end == a->top) {
        m->at = r->end + 1;
        *c = (struct linux_chunk){ .at = a->top, .arena = a->at, .state = LINUX_CHUNK_TOP };
        return linux_malloc_header(m, a->top, UINT64_MAX, &c->size, &c->flags);
    }
    return false;
}

static bool in_region(struct linux_malloc *m, const struct linux_user_range *range)
{
    for (size_t i = 0; i < m->n_regions; i++)
        if (m->regions[i].first < range->end && m->regions[i].end > range->start)
            return true;
    return false;
}

static bool is_whole(struct linux_malloc *m, uint64_t size, uint64_t page, uint64_t *whole)
{
    *whole = size % page ? size + 2 * m->u->ptr : size;
    return *whole % page == 0;
}

/* A chunk of its own is at the beginning of a mapping, or behind another one of which the kernel
 * has made one mapping with it: at a page's beginning, with that flag alone, and of whole pages,
 * less two words since 2.43. */
static bool next_mmapped(struct linux_malloc *m, struct linux_chunk *c)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(m->u->run);
    struct eg_extent x;

    for (; m->range < m->u->n && !eg_stopped(m->u->run); m->range++) {
        const struct linux_user_range *r = &m->u->ranges[m->range];
        const bool skip = r->data || in_region(m, r);

        if (m->at < r->start)
            m->at = r->start;
        while (!skip && m->at < r->end && goes_on(m)) {
            const uint64_t at = m->at;
            uint64_t before, size, whole;

            if (!eg_next_mapped(eg_view_of(m->u->run), m->u->space, at, r->end - 1, &x))
                break;
            if (x.start > at) {
                m->at = (x.start + page - 1) & ~(page - 1);
                continue;
            }
            m->at = at + page;
            if (linux_user_word(m->u, at, &before) && !before &&
                linux_user_word(m->u, at + m->u->ptr, &size) && (size & 7) == 2 && size > 7 &&
                size - 2 <= r->end - at && is_whole(m, size - 2, page, &whole) &&
                whole <= r->end - at) {
                *c = (struct linux_chunk){
                    .at = at, .size = size - 2, .flags = 2, .state = LINUX_CHUNK_MMAPPED
                };
                m->at = at + whole;
                return true;
            }
        }
    }
    return false;
}

bool linux_malloc_next(struct linux_malloc *m, struct linux_chunk *c)
{
    for (; m->region < m->n_regions; m->region++, m->at = 0)
        if (next_in_region(m, c))
            return true;
    return next_mmapped(m, c);
}
