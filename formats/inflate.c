/* inflate.c - see inflate.h. A run is inflated from the nearest place before it: an access point,
 * or the end of another run, so that sequential reads inflate everything only once. */
#include "inflate.h"
#include "../core/parallel.h"
#include "inflate_index.h"
#include "pool.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RUN = EG_INFLATE_RUN };

struct inflate {
    struct eg_space as;
    struct eg_inflate_index index;
    struct eg_pool pool;  // of struct eg_inflater
    _Atomic uint8_t *bad; // one bit per run: it was tried and is damaged
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
    const size_t after = eg_lower_bound(x->points.n, i, x->points.at[i].out <= addr);

    return &x->points.at[after ? after - 1 : 0];
}

/** Bytes of content that a reader must skip from @point to @addr. */
struct stretch {
    uint64_t point, addr;
};

static uint64_t rank(const void *key, const void *decoder)
{
    const struct stretch *s = key;
    const struct eg_inflater *r = decoder;

    return r->out >= s->point && r->out <= s->addr ? r->out - s->point + 1 : 0;
}

static void *start(const void *context)
{
    struct eg_inflater *r = calloc(1, sizeof *r);

    (void)context;
    if (r)
        r->out = UINT64_MAX; // it has no position yet
    return r;
}

static void stop(void *decoder)
{
    eg_inflater_fini(decoder);
    free(decoder);
}

/** A reader at or before @addr: an idle one that is nearer than any access point, else one moved to
 * the access point. NULL: out of memory. */
static struct eg_inflater *reader_at(struct inflate *s, uint64_t addr)
{
    const struct eg_inflate_point *p = point_of(&s->index, addr);
    const struct stretch key = { p->out, addr };
    struct eg_inflater *r = eg_pool_take_ranked(&s->pool, rank, &key);

    if (!r || rank(&key, r) || eg_inflate_seek(r, &s->index, p))
        return r;
    eg_pool_drop(&s->pool, r);
    return NULL;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t at, void *bytes, size_t len)
{
    struct inflate *s = as->priv;
    struct eg_inflater *r = reader_at(s, at);
    enum eg_inflated state = EG_INFLATED_STARVED;
    bool ok = false;

    if (r) {
        size_t skip = (size_t)(at - r->out), n = len;

        state = eg_inflate_some(r, &s->index, v, NULL, &skip, false);
        if (state == EG_INFLATED_MORE && r->out == at)
            state = eg_inflate_some(r, &s->index, v, bytes, &n, false);
        ok = r->out == at + len && state == EG_INFLATED_MORE;
    }
    if (ok) {
        eg_pool_give(&s->pool, r);
        return true;
    }
    if (state == EG_INFLATED_STARVED)
        eg_view_starved(v);
    eg_pool_drop(&s->pool, r);
    if (!v->starved && !eg_cancelled) {
        atomic_fetch_or(&s->bad[at / RUN / 8], (uint8_t)(1 << at / RUN % 8));
        note_bad(v, s, at);
    }
    return false;
}

static void close_(struct eg_space *as)
{
    struct inflate *s = as->priv;

    eg_pool_fini(&s->pool);
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
    s->pool = (struct eg_pool){ .start = start, .stop = stop };
    eg_pool_init(&s->pool);
    *out = &s->as;
    return 0;
}
