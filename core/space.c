/* space.c - a space made of segments of other spaces, and one of our own memory. */
#include "space.h"
#include <stdlib.h>

uint64_t eg_space_size(const struct eg_space *as)
{
    return as->last + 1;
}

void eg_space_close(struct eg_space *as)
{
    if (!as)
        return;
    if (as->ops->close)
        as->ops->close(as);
    free(as);
}

/* ---- our own memory ---- */

static void memory_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                          struct eg_extent *out)
{
    (void)v, (void)addr;
    *out = (struct eg_extent){ .start = 0, .last = as->last, .host = as->priv };
}

static const struct eg_space_ops memory_ops = { .name = "memory", .extent = memory_extent };

int eg_memory_open(struct eg_space **out, const void *bytes, size_t len, struct eg_error *e)
{
    struct eg_space *as;

    if (!len)
        return eg_fail(e, EG_EFORMAT, "no bytes");
    as = calloc(1, sizeof *as);
    if (!as)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    *as = (struct eg_space){ .ops = &memory_ops, .last = len - 1 };
    memcpy(&as->priv, &bytes, sizeof bytes); // only ever read
    *out = as;
    return 0;
}

/* ---- segments ---- */

struct segments {
    size_t n;
    struct eg_segment at[];
};

/** The first segment that ends at or after @addr; n when none does. */
static size_t find(const struct segments *s, uint64_t addr)
{
    return eg_lower_bound(s->n, i, s->at[i].last < addr);
}

static void segments_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                            struct eg_extent *out)
{
    const struct segments *s = as->priv;
    size_t i = find(s, addr);
    const struct eg_segment *g = &s->at[i];

    (void)v;
    if (i == s->n || g->start > addr) {
        out->start = i ? s->at[i - 1].last + 1 : 0;
        out->last = i < s->n ? g->start - 1 : UINT64_MAX;
        out->why = EG_ABSENT;
    } else if (addr - g->start < g->stored) {
        out->start = g->start;
        out->last = g->start + (g->stored - 1);
        out->below = g->below;
        out->below_addr = g->below_addr;
    } else {
        out->start = g->start + g->stored;
        out->last = g->last;
        out->why = g->tail;
        out->zero = !g->tail;
    }
}

static void segments_close(struct eg_space *as)
{
    free(as->priv);
}

static const struct eg_space_ops segments_ops = { .name = "segments",
                                                  .extent = segments_extent,
                                                  .close = segments_close };

struct ranked {
    struct eg_segment seg;
    size_t rank;
};

static int by_start(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->seg.start != y->seg.start)
        return x->seg.start < y->seg.start ? -1 : 1;
    return x->rank < y->rank ? -1 : 1;
}

/** The part [@at, @end], inclusive, of @g. */
static struct eg_segment part(struct eg_segment g, uint64_t at, uint64_t end)
{
    const uint64_t skip = at - g.start;

    g.below_addr += skip;
    g.stored -= EG_MIN(g.stored, skip);
    g.start = at;
    g.last = end;
    if (g.stored && g.stored - 1 > end - at)
        g.stored = end - at + 1;
    return g;
}

/* A heap of the segments that begin at or before the current address, with the first in file order
 * on top. */
static void heap_push(struct ranked **heap, size_t *n, struct ranked *r)
{
    size_t i = (*n)++;

    for (; i && heap[(i - 1) / 2]->rank > r->rank; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = r;
}

static void heap_pop(struct ranked **heap, size_t *n)
{
    struct ranked *r = heap[--*n];
    size_t i = 0, child;

    for (; (child = 2 * i + 1) < *n; i = child) {
        if (child + 1 < *n && heap[child + 1]->rank < heap[child]->rank)
            child++;
        if (heap[child]->rank >= r->rank)
            break;
        heap[i] = heap[child];
    }
    heap[i] = r;
}

/** Resolve overlaps: the first segment in file order wins. @r is sorted by start; @out has room for
 * 2n. @return how many segments began inside another. */
static size_t cut_overlaps(struct ranked *r, size_t n, struct ranked **heap, struct eg_segment *out,
                           size_t *n_out)
{
    size_t overlaps = 0, k = 0, active = 0, i = 0, last_rank = SIZE_MAX;
    uint64_t at = 0;

    for (;;) {
        uint64_t end;

        while (active && heap[0]->seg.last < at)
            heap_pop(heap, &active);
        if (!active) {
            if (i == n)
                break;
            at = r[i].seg.start;
        }
        while (i < n && r[i].seg.start <= at) {
            overlaps += active != 0;
            heap_push(heap, &active, &r[i++]);
        }
        end = heap[0]->seg.last;
        if (i < n && r[i].seg.start <= end)
            end = r[i].seg.start - 1;
        if (k && last_rank == heap[0]->rank && out[k - 1].last == at - 1)
            out[k - 1] = part(heap[0]->seg, out[k - 1].start, end);
        else
            out[k++] = part(heap[0]->seg, at, end);
        last_rank = heap[0]->rank;
        if (end == UINT64_MAX)
            break;
        at = end + 1;
    }
    *n_out = k;
    return overlaps;
}

/** Does @g end in addresses without stored bytes, or are all of its bytes lost? Segments of zeros,
 * or those left out on purpose, have no such tail. */
static bool has_tail(const struct eg_segment *g)
{
    return g->last >= g->start &&
           (g->stored ? g->stored - 1 < g->last - g->start : g->tail == EG_UNREADABLE);
}

int eg_segments_open(struct eg_space **out, const char *name, const struct eg_segment *segs,
                     size_t n, size_t *overlaps, struct eg_error *e)
{
    eg_cleanup(eg_free_) struct ranked *r = NULL;
    eg_cleanup(eg_free_) struct ranked **heap = NULL;
    struct segments *s;
    struct eg_space *as;
    size_t kept = 0, room = 0, cut;
    uint64_t bytes;

    for (size_t i = 0; i < n; i++)
        room += 1 + has_tail(&segs[i]);
    // An overlap may split a segment in two: room for twice as many.
    if (!eg_mul(room, 2 * sizeof(struct eg_segment), &bytes) || bytes > SIZE_MAX / 2)
        return eg_fail(e, EG_EFORMAT, "%s: %zu ranges are too many", name, n);
    r = calloc(room ? room : 1, sizeof *r);
    heap = calloc(room ? room : 1, sizeof *heap);
    s = malloc(sizeof *s + bytes);
    as = calloc(1, sizeof *as);
    if (!r || !heap || !s || !as) {
        free(s);
        free(as);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for %zu ranges", name, n);
    }
    for (size_t i = 0; i < n; i++) {
        const struct eg_segment *g = &segs[i];

        if (g->last < g->start)
            continue;
        // A tail ranks behind all bytes: a false size must not hide another segment's.
        if (has_tail(g))
            r[kept++] = (struct ranked){ part(*g, g->start + g->stored, g->last), n + i };
        if (g->stored || !has_tail(g))
            r[kept++] = (struct ranked){
                part(*g, g->start, has_tail(g) ? g->start + (g->stored - 1) : g->last), i
            };
    }
    if (!kept) {
        free(s);
        free(as);
        return eg_fail(e, EG_EFORMAT, "%s: holds no memory ranges", name);
    }
    qsort(r, kept, sizeof *r, by_start);
    cut = cut_overlaps(r, kept, heap, s->at, &s->n);
    if (overlaps)
        *overlaps = cut;
    *as = (struct eg_space){
        .ops = &segments_ops, .below = s->at[0].below, .last = s->at[s->n - 1].last, .priv = s
    };
    *out = as;
    return 0;
}
