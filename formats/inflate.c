/* inflate.c - see inflate.h. A run is inflated from the place before it that costs least: a point
 * of the index, or where another run ended: so reading on end inflates everything once. */
#include "inflate.h"
#include "../core/parallel.h"
#include "inflate_index.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { IDLE_MAX = 32, RUN = EG_INFLATE_RUN };

struct inflate {
    struct eg_space as;
    struct eg_inflate_index index;
    pthread_mutex_t lock;               // of the readers at rest
    struct eg_inflater *idle[IDLE_MAX]; // the longest unused first
    unsigned n_idle;
    _Atomic uint8_t *bad; // a bit per run that was tried and is damaged
};

static void note_bad(struct eg_view *v, const struct inflate *s, uint64_t start)
{
    eg_note(v->run,
            "%s: %#" PRIx64 "-%#" PRIx64 " of the content cannot be read: a member there or before "
            "is damaged",
            s->index.name, start, start + RUN - 1);
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct inflate *s = as->priv;
    const uint64_t run = addr / RUN;

    *out =
        (struct eg_extent){ .start = run * RUN, .last = EG_MIN(run * RUN + (RUN - 1), as->last) };
    out->zero = s->index.zero[run / 8] >> run % 8 & 1;
    out->made = !out->zero;
    if (atomic_load(&s->bad[run / 8]) >> run % 8 & 1) {
        note_bad(v, s, out->start);
        out->made = false;
        out->why = EG_UNREADABLE;
    }
}

static const struct eg_inflate_point *point_of(const struct eg_inflate_index *x, uint64_t addr)
{
    size_t lo = 0, hi = x->points.n;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (x->points.at[mid].out <= addr)
            lo = mid;
        else
            hi = mid;
    }
    return &x->points.at[lo];
}

/** A reader at or before @addr: one at rest that is nearer than any point, else one that is sent to
 * the point. NULL: out of memory. */
static struct eg_inflater *borrow(struct inflate *s, uint64_t addr)
{
    const struct eg_inflate_point *p = point_of(&s->index, addr);
    struct eg_inflater *r = NULL;
    unsigned best = IDLE_MAX;

    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_idle; i++)
        if (s->idle[i]->out <= addr && s->idle[i]->out >= p->out &&
            (best == IDLE_MAX || s->idle[i]->out > s->idle[best]->out))
            best = i;
    if (best < IDLE_MAX)
        p = NULL;
    else if (s->n_idle == IDLE_MAX)
        best = 0;
    if (best < IDLE_MAX) {
        r = s->idle[best];
        memmove(&s->idle[best], &s->idle[best + 1], (--s->n_idle - best) * sizeof s->idle[0]);
    }
    pthread_mutex_unlock(&s->lock);
    if (!r)
        r = calloc(1, sizeof *r);
    if (r && p && !eg_inflate_seek(r, &s->index, p)) {
        eg_inflater_fini(r);
        free(r);
        r = NULL;
    }
    return r;
}

static void give_back(struct inflate *s, struct eg_inflater *r)
{
    pthread_mutex_lock(&s->lock);
    if (s->n_idle < IDLE_MAX) {
        s->idle[s->n_idle++] = r;
        r = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (r)
        eg_inflater_fini(r);
    free(r);
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    struct inflate *s = as->priv;
    struct eg_inflater *r = borrow(s, start);
    enum eg_inflated state = EG_INFLATED_STARVED;
    bool ok = false;

    if (r) {
        size_t skip = (size_t)(start - r->out), n = len;

        state = eg_inflate_some(r, &s->index, v, NULL, &skip, false);
        if (state == EG_INFLATED_MORE && r->out == start)
            state = eg_inflate_some(r, &s->index, v, bytes, &n, false);
        ok = r->out == start + len && state == EG_INFLATED_MORE;
    }
    if (ok) {
        give_back(s, r);
        return true;
    }
    if (state == EG_INFLATED_STARVED)
        eg_view_starved(v);
    if (r)
        eg_inflater_fini(r);
    free(r);
    if (!v->starved && !eg_cancelled) {
        atomic_fetch_or(&s->bad[start / RUN / 8], (uint8_t)(1 << start / RUN % 8));
        note_bad(v, s, start);
    }
    return false;
}

static void close_(struct eg_space *as)
{
    struct inflate *s = as->priv;

    while (s->n_idle) {
        eg_inflater_fini(s->idle[--s->n_idle]);
        free(s->idle[s->n_idle]);
    }
    pthread_mutex_destroy(&s->lock);
    eg_inflate_index_fini(&s->index);
    free((void *)s->bad);
}

static const struct eg_space_ops ops = {
    .name = "inflate", .extent = extent, .fill = fill, .close = close_
};

int eg_inflate_open(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                    enum eg_inflate_kind kind, const char *name, const struct eg_open_options *o,
                    struct eg_error *e)
{
    struct inflate *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    s->index = (struct eg_inflate_index){ .name = name, .file = file, .kind = kind };
    rc = eg_inflate_index(&s->index, img, o->quiet, e);
    if (!rc) {
        s->bad = calloc(s->index.size / RUN / 8 + 1, 1);
        if (!s->bad)
            rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    }
    if (rc) {
        eg_inflate_index_fini(&s->index);
        free(s);
        return rc;
    }
    s->as = (struct eg_space){ .ops = &ops, .below = file, .last = s->index.size - 1, .priv = s };
    pthread_mutex_init(&s->lock, NULL);
    *out = &s->as;
    return 0;
}
