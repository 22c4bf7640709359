/* quality_probe.c - runs of zeros without reading all of a space: single pages, and what is around
 * one. */
#include "parallel.h"
#include "quality_pass.h"

enum {
    PAGE = EG_VIEW_PAGE,
    PROBES = 1024,
    RANGES_MAX = 1 << 16,
    EDGE_PAGES = 1 << 18, // read between probes: few bytes of a file can claim 2^50 of zeros
    SURE_PAGES = 1 << 12, // a run of zeros that is read at the beginning of a part
};

bool eg_zeros_around(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_part *out)
{
    uint64_t last;

    addr &= ~(uint64_t)(PAGE - 1);
    *out = (struct eg_part){ .first = addr, .last = addr + (PAGE - 1) };
    if (!eg_is_zero_page(v, as, addr))
        return false;
    while (out->first && !eg_cancelled && eg_is_zero_page(v, as, out->first - PAGE))
        out->first -= PAGE;
    while (out->last < as->last && !eg_cancelled) {
        if (eg_reads_zero(v, as, out->last + 1, &last) && last - out->last >= PAGE)
            out->last += (last - out->last) & ~(uint64_t)(PAGE - 1);
        else if (eg_is_zero_page(v, as, out->last + 1))
            out->last += PAGE;
        else
            break;
    }
    return true;
}

struct probe {
    uint64_t at;
    bool begins; // a range: nothing is known of what is before it
    bool zero;
};
struct probing {
    struct eg_space *as;
    struct eg_view **views;
    EG_VEC(struct probe) at;
    uint64_t budget; // of EDGE_PAGES
};

static int probe(void *context, size_t piece, unsigned worker)
{
    struct probing *p = context;

    p->at.at[piece].zero = eg_is_zero_page(p->views[worker], p->as, p->at.at[piece].at);
    return eg_cancelled;
}

/** Whole pages of a contiguous range: the first, the last, and each @step between. */
static bool add_probes(struct probing *p, uint64_t first, uint64_t last, uint64_t step)
{
    const uint64_t end = (last + 1) & ~(uint64_t)(PAGE - 1);

    first = eg_align_up(first, PAGE);
    for (uint64_t at = first; at < end;) {
        struct probe *new = eg_vec_push(&p->at);

        if (!new)
            return false;
        *new = (struct probe){ .at = at, .begins = at == first };
        if (at == end - PAGE)
            break;
        at = EG_MIN(eg_align_up(at + 1, step), end - PAGE);
    }
    return true;
}

/** @step 0: only count the bytes. */
static bool each_range(struct probing *p, struct eg_view *v, struct eg_parts *out, uint64_t step)
{
    uint64_t from = 0, first = 0, last = 0;
    struct eg_extent x;
    size_t n = 0;

    for (; n < RANGES_MAX && eg_next_mapped(v, p->as, from, p->as->last, &x); from = x.last + 1) {
        const uint64_t start = EG_MAX(from, x.start);

        if (!step)
            out->bytes += x.last - start + 1;
        if (n && start == last + 1) {
            last = x.last;
        } else {
            if (step && n && !add_probes(p, first, last, step))
                return false;
            n++;
            first = start;
            last = x.last;
        }
        if (x.last >= p->as->last)
            break;
    }
    out->from = n == RANGES_MAX ? from : 0;
    return !step || !n || add_probes(p, first, last, step);
}

static bool is_zero_at(struct probing *p, uint64_t at)
{
    if (!p->budget || eg_cancelled)
        return false;
    p->budget--;
    return eg_is_zero_page(p->views[0], p->as, at);
}

/** Probes can meet free pages before the zeros of a cut begin: is there anything else between? */
static void begin_of(struct probing *p, struct eg_part *z)
{
    uint64_t sure = 0;

    for (uint64_t at = z->first; at < z->last && sure < SURE_PAGES && p->budget; at += PAGE) {
        sure++;
        if (!is_zero_at(p, at)) {
            z->first = at + PAGE;
            sure = 0;
        }
    }
}

/** Zeros from probe @i to probe @k: up to where, before and behind? */
static struct eg_part edges(struct probing *p, size_t i, size_t k)
{
    struct eg_part z = { .first = p->at.at[i].at, .last = p->at.at[k].at + (PAGE - 1) };
    const bool next = k + 1 < p->at.n && !p->at.at[k + 1].begins;

    while (!p->at.at[i].begins && z.first - PAGE > p->at.at[i - 1].at &&
           is_zero_at(p, z.first - PAGE))
        z.first -= PAGE;
    while (next && z.last + 1 < p->at.at[k + 1].at && is_zero_at(p, z.last + 1))
        z.last += PAGE;
    begin_of(p, &z);
    return z;
}

static bool probe_all(struct probing *p, struct eg_parts *out, unsigned threads)
{
    uint64_t step;

    each_range(p, p->views[0], out, 0);
    step = EG_MAX(out->bytes / PROBES & ~(uint64_t)(PAGE - 1), (uint64_t)EG_PART_PAGES * PAGE);
    while (step & (step - 1))
        step &= step - 1;
    if (!each_range(p, p->views[0], out, step))
        return false;
    eg_parallel(threads, p->at.n, probe, p);
    for (size_t i = 0, k; i < p->at.n; i = k + 1) {
        struct eg_part z;

        k = i;
        if (!p->at.at[i].zero)
            continue;
        while (k + 1 < p->at.n && p->at.at[k + 1].zero && !p->at.at[k + 1].begins)
            k++;
        z = edges(p, i, k);
        if (z.last - z.first >= (uint64_t)EG_PART_PAGES * PAGE - 1 &&
            !eg_quality_add(out, z.first, z.last, 0))
            return false;
    }
    return true;
}

int eg_quality_probe(struct eg_parts *out, struct eg_space *as, unsigned threads,
                     struct eg_error *e)
{
    struct eg_quality_pass views = { .as = as };
    struct probing p = { .as = as, .budget = EDGE_PAGES };
    bool ok = eg_quality_views_open(&views, threads);

    *out = (struct eg_parts){ 0 };
    p.views = views.views;
    ok = ok && probe_all(&p, out, threads);
    eg_vec_fini(&p.at);
    eg_quality_views_close(&views);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    return ok ? 0 : eg_fail(e, EG_ENOMEM, "out of memory for the quality of the image");
}
