/* pieces.c - see pieces.h. */
#include "pieces.h"
#include "pool.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PAGE = 4096, SKIPPABLE = 0x184d2a50 };

struct pieces {
    struct eg_space as;
    struct eg_space_ops ops; // with the name of the codec
    const struct eg_codec *codec;
    void *context;
    const struct eg_piece *at;
    size_t n;
    const uint8_t *zero;
    _Atomic uint8_t *bad; // one bit per piece: it was tried and is damaged
    struct eg_pool pool;  // of the codec's states, where it has any
};

/** The last piece that begins at or before @addr of the content. */
static size_t piece_of(const struct pieces *s, uint64_t addr)
{
    const size_t after = eg_lower_bound(s->n, i, s->at[i].out <= addr);

    return after ? after - 1 : 0;
}

static bool is_zero(const struct pieces *s, size_t i)
{
    return s->zero && s->zero[i / 8] >> i % 8 & 1;
}

static void note_bad(struct eg_view *v, const struct pieces *s, size_t i)
{
    eg_note(v->run,
            "%s: %#" PRIx64 "-%#" PRIx64 " of the content cannot be read: piece %zu of the file, "
            "or the next, is damaged",
            s->codec->name, s->at[i].out, s->at[i + 1].out - 1, i);
}

/** An extent is all pages whose first byte is in one piece, so that pieces need not end at page
 * boundaries. For a large piece it is as many pages as fill() may make at once. */
static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct pieces *s = as->priv;
    const size_t i = piece_of(s, addr & ~(uint64_t)(PAGE - 1));
    const struct eg_piece *p = &s->at[i];
    const uint64_t grid = addr & ~(uint64_t)(EG_FILL_MAX - 1);

    *out = (struct eg_extent){ .start = eg_align_up(p->out, PAGE),
                               .last = EG_MIN(eg_align_up(p[1].out, PAGE) - 1, as->last),
                               .made = true };
    if (is_zero(s, i) && (i + 1 == s->n || p[1].out > (addr | (PAGE - 1)))) {
        out->last = EG_MIN((p[1].out & ~(uint64_t)(PAGE - 1)) - 1, out->last);
        if (i + 1 == s->n)
            out->last = as->last;
        out->made = false;
        out->zero = true;
        return;
    }
    if (out->last - out->start >= EG_FILL_MAX) {
        out->start = EG_MAX(out->start, grid);
        out->last = EG_MIN(out->last, grid + (EG_FILL_MAX - 1));
    }
    if (atomic_load(&s->bad[i / 8]) >> i % 8 & 1) {
        note_bad(v, s, i);
        out->made = false;
        out->why = EG_UNREADABLE;
    }
}

/** Bytes [@from, @to) of the content, all in piece @i. */
static bool make(struct eg_view *v, const struct pieces *s, void *state, size_t i, uint64_t from,
                 uint64_t to, uint8_t *bytes)
{
    const struct eg_piece *p = &s->at[i];
    const uint64_t size = p[1].out - p->out;
    uint8_t *whole;
    bool ok;

    if (is_zero(s, i)) {
        memset(bytes, 0, to - from);
        return true;
    }
    if (size > EG_FILL_MAX || to - from == size)
        return s->codec->make(v, s->context, state, i, from - p->out, bytes, to - from);
    whole = malloc(size);
    if (!whole)
        eg_view_starved(v);
    ok = whole && s->codec->make(v, s->context, state, i, 0, whole, size);
    if (ok)
        memcpy(bytes, whole + (from - p->out), to - from);
    free(whole);
    return ok;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    struct pieces *s = as->priv;
    const uint64_t end = start + len;
    void *state = s->codec->start ? eg_pool_take(&s->pool) : NULL;
    bool ok = state || !s->codec->start;

    if (!ok)
        eg_view_starved(v);
    for (size_t i = piece_of(s, start); ok && s->at[i].out < end; i++) {
        const uint64_t from = EG_MAX(s->at[i].out, start), to = EG_MIN(s->at[i + 1].out, end);

        if (from < to)
            ok = make(v, s, state, i, from, to, (uint8_t *)bytes + (from - start));
    }
    if (state)
        eg_pool_give(&s->pool, state);
    if (!ok && !v->starved) {
        const size_t i = piece_of(s, start);

        atomic_fetch_or(&s->bad[i / 8], (uint8_t)(1 << i % 8));
        note_bad(v, s, i);
    }
    return ok;
}

static void close_(struct eg_space *as)
{
    struct pieces *s = as->priv;

    eg_pool_fini(&s->pool);
    s->codec->fini(s->context);
    free((void *)s->bad);
}

int eg_pieces_open(struct eg_space **out, const char *name, struct eg_space *file,
                   const struct eg_codec *codec, void *context, const struct eg_piece *pieces,
                   size_t n, const uint8_t *zero, struct eg_error *e)
{
    struct pieces *s = calloc(1, sizeof *s);

    if (s)
        s->bad = calloc(n / 8 + 1, 1);
    if (!s || !s->bad) {
        free(s);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    }
    s->ops = (struct eg_space_ops){
        .name = codec->name, .extent = extent, .fill = fill, .close = close_
    };
    s->as =
        (struct eg_space){ .ops = &s->ops, .below = file, .last = pieces[n].out - 1, .priv = s };
    s->codec = codec;
    s->context = context;
    s->at = pieces;
    s->n = n;
    s->zero = zero;
    s->pool = (struct eg_pool){ .start = codec->start, .stop = codec->stop, .context = context };
    eg_pool_init(&s->pool);
    *out = &s->as;
    return 0;
}

const uint8_t *eg_pieces_input(struct eg_view *v, struct eg_space *file, uint64_t at, size_t len,
                               uint8_t **copy)
{
    size_t n = len;
    const uint8_t *p = len ? eg_map_some(v, file, at, &n) : NULL;

    if (!p || n == len)
        return p;
    *copy = malloc(len); // in several pieces of our memory
    if (!*copy)
        eg_view_starved(v);
    return *copy && eg_read(v, file, at, *copy, len) ? *copy : NULL;
}

size_t eg_pieces_skippable(const struct eg_head *h)
{
    uint64_t at = 0;

    while (eg_within(at, 8, h->len) && (eg_le32(h->at + at) & ~UINT32_C(15)) == SKIPPABLE)
        at += 8 + (uint64_t)eg_le32(h->at + at + 4);
    return (size_t)EG_MIN(at, h->len);
}

bool eg_pieces_small(const struct eg_piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pieces[i + 1].out - pieces[i].out > EG_FILL_MAX)
            return false;
    return true;
}
