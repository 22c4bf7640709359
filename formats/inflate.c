/* inflate.c - see inflate.h. A run is inflated from the nearest place before it: an access point,
 * or the end of another run, so that sequential reads inflate everything only once. */
#include "inflate.h"
#include "../core/parallel.h"
#include "inflate_index.h"
#include "pool.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RUN = EG_INFLATE_RUN, PAGE = 4096, MEMBER_MAX = 1 << 16 };

struct inflate {
    struct eg_space as;
    struct eg_inflate_index index;
    struct eg_pool pool;  // of struct eg_inflater
    _Atomic uint8_t *bad; // one bit per run: it was tried and is damaged
};

static void note_bad(struct eg_view *v, const struct inflate *s, uint64_t start)
{
    start -= start % RUN;
    eg_note(v->run,
            "%s: of %#" PRIx64 "-%#" PRIx64 " of the content some or all cannot be read: a member "
            "there or before is damaged",
            s->index.name, start, start + RUN - 1);
}

static bool is_bad(const struct inflate *s, uint64_t addr)
{
    return atomic_load(&s->bad[addr / RUN / 8]) >> addr / RUN % 8 & 1;
}

/** Reduce @x, which is around @addr, to what lies between two gaps, or make it a gap. Gaps are
 * whole pages, as what is decompressed must be. */
static void cut_gaps(const struct eg_inflate_index *x, uint64_t addr, struct eg_extent *out)
{
    const size_t i = eg_lower_bound(x->gaps.n, k, eg_align_up(x->gaps.at[k].to, PAGE) <= addr);

    if (i > 0)
        out->start = EG_MAX(out->start, eg_align_up(x->gaps.at[i - 1].to, PAGE));
    if (i < x->gaps.n) {
        const uint64_t from = x->gaps.at[i].from & ~(uint64_t)(PAGE - 1);

        if (from <= addr)
            *out = (struct eg_extent){ .start = EG_MAX(out->start, from),
                                       .last = EG_MIN(out->last,
                                                      eg_align_up(x->gaps.at[i].to, PAGE) - 1),
                                       .why = EG_UNREADABLE };
        else
            out->last = EG_MIN(out->last, from - 1);
    }
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct inflate *s = as->priv;
    const uint64_t run = addr / RUN;

    *out =
        (struct eg_extent){ .start = run * RUN, .last = EG_MIN(run * RUN + (RUN - 1), as->last) };
    out->zero = s->index.zero[run / 8] >> run % 8 & 1;
    out->made = !out->zero;
    if (is_bad(s, addr) && s->index.unread) { // members are decompressed one by one
        out->start = addr & ~(uint64_t)(PAGE - 1);
        out->last = EG_MIN(out->start + (PAGE - 1), as->last);
    } else if (is_bad(s, addr)) {
        note_bad(v, s, out->start);
        out->made = false;
        out->why = EG_UNREADABLE;
    }
    cut_gaps(&s->index, addr, out);
}

static const struct eg_inflate_point *point_of(const struct eg_inflate_index *x, uint64_t addr)
{
    const size_t after = eg_lower_bound(x->points.n, i, x->points.at[i].out <= addr);

    return &x->points.at[after ? after - 1 : 0];
}

/** Content that a reader must skip from a point to @addr. */
struct stretch {
    uint64_t in, point, addr;
};

static uint64_t rank(const void *key, const void *decoder)
{
    const struct stretch *s = key;
    const struct eg_inflater *r = decoder;

    return r->in >= s->in && r->out >= s->point && r->out <= s->addr ? r->out - s->point + 1 : 0;
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
    const struct stretch key = { p->in, p->out, addr };
    struct eg_inflater *r = eg_pool_take_ranked(&s->pool, rank, &key);

    if (!r || rank(&key, r) || eg_inflate_seek(r, &s->index, p))
        return r;
    eg_pool_drop(&s->pool, r);
    return NULL;
}

/** Decompress the BGZF member at @in and check it. */
static bool member(struct eg_view *v, const struct inflate *s, uint64_t in, uint64_t content,
                   uint8_t *to)
{
    struct eg_inflater r = { .in = in };
    size_t n = (size_t)content, more = 1;
    bool ok = eg_inflate_some(&r, &s->index, v, to, &n, false) == EG_INFLATED_MORE;

    // It must end there, and its checksum is behind it.
    ok = ok && eg_inflate_some(&r, &s->index, v, NULL, &more, false) != EG_INFLATED_CHECK &&
         (!r.inside || r.member.in != in);
    eg_inflater_fini(&r);
    return ok;
}

/** Make bytes of a run in which a BGZF member is damaged: of the others. */
static bool from_members(struct eg_view *v, const struct inflate *s, uint64_t at, uint8_t *to,
                         size_t len)
{
    const struct eg_inflate_point *p = point_of(&s->index, at);
    uint64_t in = p->in, out = p->out, packed, content;
    eg_cleanup(eg_free_) uint8_t *buf = malloc(MEMBER_MAX);

    if (!buf)
        eg_view_starved(v);
    while (buf && out < at + len) {
        if (p->window || !eg_inflate_bgzf(&s->index, v, in, &packed, &content))
            return false;
        if (out + content > at) {
            const uint64_t from = EG_MAX(at, out), to_ = EG_MIN(at + len, out + content);

            if (!member(v, s, in, content, buf))
                return false;
            memcpy(to + (from - at), buf + (from - out), (size_t)(to_ - from));
        }
        in += packed;
        out += content;
        if (p + 1 < s->index.points.at + s->index.points.n && in >= p[1].in) { // it knows better
            p++;
            in = p->in;
            out = p->out;
        }
    }
    return buf;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t at, void *bytes, size_t len)
{
    struct inflate *s = as->priv;
    struct eg_inflater *r;
    enum eg_inflated state = EG_INFLATED_STARVED;
    bool ok = false;

    if (is_bad(s, at)) {
        ok = from_members(v, s, at, bytes, len);
        if (!ok && !v->starved)
            note_bad(v, s, at);
        return ok;
    }
    r = reader_at(s, at);
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
