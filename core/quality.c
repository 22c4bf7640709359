/* quality.c - one pass over a space for runs of zeros and of repeated bytes.
 *
 *  Windows of the space are read on all cores. Each keeps its long runs, and the hashes of its
 * pages: of all of them, or in a large space of those that end in zeros, which are the same pages
 * in a copy. Two pages with one hash are a pair with a distance; many pairs that follow each other
 * with the same distance are a copy, if a comparison byte by byte agrees. */
#include "parallel.h"
#include "quality_pass.h"
#include <stdlib.h>

enum {
    PAGE = EG_VIEW_PAGE,
    WINDOW = 4 << 20,  // bytes; of more than 256 GiB, larger ones
    WINDOWS = 1 << 16, // unless the space is in small ranges
    WINDOWS_MAX = 1 << 18,
    ANCHORS_MAX = 1 << 20, // about
    ANCHORS_MORE = 16,     // that a window may have beyond its share
    PARTS_MAX = 4096,
};

/** Never 0. */
static uint64_t hash_page(const uint8_t *p)
{
    uint64_t h[4] = { 1, 2, 3, 4 }, all;

    for (size_t i = 0; i < PAGE; i += 32)
        for (size_t k = 0; k < 4; k++) {
            uint64_t word;

            memcpy(&word, p + i + 8 * k, 8);
            h[k] = (h[k] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
            h[k] ^= h[k] >> 29;
        }
    all = h[0] ^ h[1] * 3 ^ h[2] * 5 ^ h[3] * 7;
    all = (all ^ all >> 32) * UINT64_C(0xd6e8feb86659fd93);
    all ^= all >> 32;
    return all ? all : 1;
}

bool eg_reads_zero(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t *last)
{
    enum { LAYERS_MAX = 16 };
    uint64_t addr = at, after = UINT64_MAX;

    for (int layer = 0; layer < LAYERS_MAX; layer++) {
        struct eg_extent x;

        eg_extent_at(v, as, addr, &x);
        after = EG_MIN(after, x.last - addr);
        *last = at + after;
        if (!x.below)
            return x.zero;
        addr = x.below_addr + (addr - x.start);
        as = x.below;
    }
    return false;
}

/* ---- windows ---- */

static void end_run(struct eg_quality_window *w, bool at_edge)
{
    const struct eg_quality_run *run = &w->now;
    struct eg_quality_run *new;

    // One at an edge may go on in the next window.
    if (run->last && (at_edge || run->first == w->first ||
                      run->last - run->first >= (uint64_t)EG_PART_PAGES * PAGE - 1)) {
        if ((new = eg_vec_push(&w->runs)))
            *new = *run;
        else
            w->starved = true;
    }
    w->now = (struct eg_quality_run){ 0 };
}

static void add_run(struct eg_quality_window *w, uint64_t first, uint64_t last, uint64_t hash)
{
    if (w->now.last && w->now.last + 1 == first && w->now.hash == hash) {
        w->now.last = last;
        return;
    }
    end_run(w, false);
    w->now = (struct eg_quality_run){ first, last, hash };
}

static void add_page(struct eg_quality_pass *s, struct eg_quality_window *w, uint64_t at,
                     const uint8_t *p)
{
    const uint64_t mask = (UINT64_C(1) << s->shift) - 1;
    const size_t max = (size_t)(s->window / PAGE >> s->shift) + ANCHORS_MORE;
    struct eg_anchor *a;
    uint64_t hash;

    w->bytes += PAGE;
    if (eg_all_zero(p, PAGE)) {
        w->zeros += PAGE;
        add_run(w, at, at + (PAGE - 1), 0);
        return;
    }
    hash = hash_page(p);
    if (!(hash & mask) && w->anchors.n < max && !(w->now.last && w->now.hash == hash)) {
        if ((a = eg_vec_push(&w->anchors)))
            *a = (struct eg_anchor){ hash, at };
        else
            w->starved = true;
    }
    add_run(w, at, at + (PAGE - 1), hash);
}

/** Look at the page at @at, or at the pages from there on. @return the last address of them. */
static uint64_t look_at(struct eg_quality_pass *s, struct eg_quality_window *w, struct eg_view *v,
                        uint64_t at)
{
    const uint64_t in_page = PAGE - 1;
    uint8_t page[PAGE];
    struct eg_extent x;
    const uint8_t *p;
    uint64_t last;
    size_t len;

    if (!(at & in_page) && eg_reads_zero(v, s->as, at, &last) && last - at >= in_page) {
        len = (size_t)((EG_MIN(w->last, last) - at + 1) & ~in_page);
        w->bytes += len;
        w->zeros += len;
        add_run(w, at, at + len - 1, 0);
        return at + len - 1;
    }
    len = (size_t)(w->last - at) + 1;
    if (!(at & in_page) && (p = eg_map_some(v, s->as, at, &len)) && len >= PAGE) {
        for (len &= ~(size_t)in_page, last = at + len - 1; at <= last; at += PAGE, p += PAGE)
            add_page(s, w, at, p);
        return last;
    }
    if (!(at & in_page) && eg_read(v, s->as, at, page, PAGE)) { // in several pieces
        add_page(s, w, at, page);
        return at + in_page;
    }
    // Not whole, or a hole.
    eg_extent_at(v, s->as, at, &x);
    return x.why ? x.last : at | in_page;
}

static int look(void *context, size_t piece, unsigned worker)
{
    struct eg_quality_pass *s = context;
    struct eg_quality_window *w = &s->windows.at[piece];
    struct eg_view *v = s->views[worker];

    for (uint64_t at = w->first; at <= w->last && !eg_cancelled;) {
        const uint64_t last = look_at(s, w, v, at);

        if (last >= w->last)
            break;
        at = last + 1;
    }
    end_run(w, w->now.last >= w->last);
    eg_progress_add(s->progress, w->last - w->first + 1);
    return w->starved || v->starved || eg_cancelled;
}

/** Windows of what is mapped of [@first, @last], aligned; up to where a file with the same bytes at
 * many addresses has told more than it holds. */
static bool divide(struct eg_quality_pass *s, uint64_t first, uint64_t last)
{
    const uint64_t stored = eg_stored_bytes(s->views[0], s->as);
    uint64_t told = 0;
    struct eg_extent x;

    for (uint64_t at = first; at <= last && eg_next_mapped(s->views[0], s->as, at, last, &x);
         at = x.last + 1) {
        const uint64_t end = EG_MIN(x.last, last);

        if (!x.zero) {
            if (told >= stored) {
                s->out->from = EG_MAX(at, x.start);
                return true;
            }
            if (!eg_add(told, end - EG_MAX(at, x.start), &told) || !eg_add(told, 1, &told))
                told = UINT64_MAX;
        }
        for (uint64_t from = EG_MAX(at, x.start);;) {
            const uint64_t to = EG_MIN(end, from | (s->window - 1));
            struct eg_quality_window *w = s->windows.n ? &s->windows.at[s->windows.n - 1] : NULL;

            if (w && (w->first | (s->window - 1)) >= from) {
                w->last = to;
            } else if (s->windows.n == WINDOWS_MAX) {
                s->out->from = from;
                return true;
            } else if ((w = eg_vec_push(&s->windows))) {
                w->first = from;
                w->last = to;
            } else {
                return false;
            }
            if (to == end)
                break;
            from = to + 1;
        }
        if (end == last)
            break;
    }
    return true;
}

/* ---- results ---- */

bool eg_quality_add(struct eg_parts *out, uint64_t first, uint64_t last, uint64_t distance)
{
    struct eg_part *p;

    if (out->list.n == PARTS_MAX) {
        out->more++;
        return true;
    }
    if (!(p = eg_vec_push(&out->list)))
        return false;
    *p = (struct eg_part){ first, last, distance };
    return true;
}

/** Only now is it known how long runs are that windows cut. */
static bool add_runs(struct eg_quality_pass *s)
{
    struct eg_quality_run now = { 0 };
    bool ok = true;

    for (size_t i = 0; i <= s->windows.n && ok; i++) {
        const struct eg_quality_window *w = i < s->windows.n ? &s->windows.at[i] : NULL;

        for (size_t k = 0; ok && k < (w ? w->runs.n : 1); k++) {
            const struct eg_quality_run *next = w ? &w->runs.at[k] : NULL;

            if (next && now.last && now.last + 1 == next->first && now.hash == next->hash) {
                now.last = next->last;
                continue;
            }
            now.first += now.hash ? PAGE : 0; // what is repeated is no part of it
            if (now.last > now.first && now.last - now.first >= (uint64_t)EG_PART_PAGES * PAGE - 1)
                ok = eg_quality_add(s->out, now.first, now.last, now.hash ? PAGE : 0);
            now = next ? *next : (struct eg_quality_run){ 0 };
        }
    }
    return ok;
}

/* ---- the pass ---- */

static int by_first(const void *a, const void *b)
{
    const struct eg_part *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->distance < y->distance ? -1 : x->distance > y->distance;
}

bool eg_quality_views_open(struct eg_quality_pass *s, unsigned threads)
{
    s->n_views = EG_MAX(eg_threads(threads), 2u);
    s->views = calloc(s->n_views, sizeof(struct eg_view *));
    for (unsigned i = 0; s->views && i < s->n_views; i++) {
        if (!(s->views[i] = malloc(sizeof **s->views)))
            return false;
        eg_view_init(s->views[i], NULL);
    }
    return s->views;
}

void eg_quality_views_close(struct eg_quality_pass *s)
{
    for (unsigned i = 0; s->views && i < s->n_views && s->views[i]; i++) {
        eg_view_fini(s->views[i]);
        free(s->views[i]);
    }
    free(s->views);
}

static bool scan_all(struct eg_quality_pass *s, uint64_t first, uint64_t last, unsigned threads,
                     bool quiet)
{
    uint64_t most = 0;
    bool ok;

    if (!eg_quality_views_open(s, threads))
        return false;
    for (s->window = WINDOW; (last - first) / s->window >= WINDOWS &&
                             eg_mapped_bytes(s->views[0], s->as) / s->window >= WINDOWS;)
        s->window *= 2;
    if (!divide(s, first, last))
        return false;
    for (size_t i = 0; i < s->windows.n; i++)
        most += s->windows.at[i].last - s->windows.at[i].first + 1;
    while (most / PAGE >> s->shift > ANCHORS_MAX)
        s->shift++;
    s->progress = eg_progress_begin("quality", most, "B", quiet);
    ok = !eg_parallel(threads, s->windows.n, look, s);
    eg_progress_end(s->progress);
    for (size_t i = 0; i < s->windows.n; i++) {
        s->out->bytes += s->windows.at[i].bytes;
        s->out->zeros += s->windows.at[i].zeros;
    }
    ok = ok && add_runs(s) && eg_quality_copies(s);
    return ok;
}

int eg_quality_scan(struct eg_parts *out, struct eg_space *as, uint64_t first, uint64_t last,
                    unsigned threads, bool quiet, struct eg_error *e)
{
    struct eg_quality_pass s = { .out = out, .as = as };
    bool ok;

    *out = (struct eg_parts){ 0 };
    ok = scan_all(&s, first, EG_MIN(last, as->last), threads, quiet);
    for (size_t i = 0; i < s.windows.n; i++) {
        eg_vec_fini(&s.windows.at[i].runs);
        eg_vec_fini(&s.windows.at[i].anchors);
    }
    eg_vec_fini(&s.windows);
    eg_quality_views_close(&s);
    if (out->list.n)
        qsort(out->list.at, out->list.n, sizeof *out->list.at, by_first);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    return ok ? 0 : eg_fail(e, EG_ENOMEM, "out of memory for the quality of the image");
}

void eg_parts_fini(struct eg_parts *p)
{
    eg_vec_fini(&p->list);
}
