/* pieces.c - see pieces.h. */
#include "pieces.h"
#include "../core/mapped.h"
#include "../core/tmpfile.h"
#include "pool.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    SKIPPABLE = 0x184d2a50,
    LARGE = 256 << 10,    // a view caches too few pieces of this size
    LEFT_MIN = 256 << 20, // bytes of the disk that others may need
};

/** Decompressed extents, at their place of the content. The bits are those of their first pages. */
struct kept {
    int fd;
    struct eg_mapped *map; // NULL: nothing is kept
    _Atomic uint8_t *made, *stored;
    atomic_bool full;
};

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
    struct kept kept;
};

static bool bit(const _Atomic uint8_t *bits, uint64_t i)
{
    return atomic_load(&bits[i / 8]) >> i % 8 & 1;
}

/** @return its value before. */
static bool set_bit(_Atomic uint8_t *bits, uint64_t i)
{
    return atomic_fetch_or(&bits[i / 8], (uint8_t)(1 << i % 8)) >> i % 8 & 1;
}

/* ---- what is kept ---- */

/** Keep large pieces, if there are any. Without a temporary file they are made again and again. */
static void open_kept(struct pieces *s, const char *tmp_dir)
{
    const uint64_t size = s->as.last + 1;
    struct kept *k = &s->kept;
    uint64_t largest = 0;

    k->fd = -1;
    for (size_t i = 0; i < s->n; i++)
        largest = EG_MAX(largest, s->at[i + 1].out - s->at[i].out);
    if (largest <= LARGE || size / PAGE / 8 >= SIZE_MAX)
        return;
    k->made = calloc((size_t)(size / PAGE / 8 + 1), 1);
    k->stored = calloc((size_t)(size / PAGE / 8 + 1), 1);
    k->fd = k->made && k->stored ? eg_tmpfile(tmp_dir) : -1;
    if (k->fd < 0 || ftruncate(k->fd, (off_t)size) != 0 ||
        eg_mapped_open(&k->map, k->fd, size, false, "a temporary file", NULL) != 0)
        k->map = NULL;
}

static void close_kept(struct kept *k)
{
    eg_mapped_close(k->map);
    if (k->fd >= 0)
        close(k->fd);
    free((void *)k->made);
    free((void *)k->stored);
}

/** Keep an extent that was made. */
static void keep(struct pieces *s, uint64_t start, const uint8_t *bytes, size_t len)
{
    struct kept *k = &s->kept;
    struct statvfs fs;
    uint64_t room;

    if (!k->map || len <= LARGE / 2 || atomic_load(&k->full) ||
        (!set_bit(k->made, start / PAGE) && !s->codec->slow))
        return;
    if (fstatvfs(k->fd, &fs) != 0 || !eg_mul(fs.f_bavail, fs.f_frsize, &room) ||
        room < LEFT_MIN + len || !eg_write_at(k->fd, bytes, len, start))
        atomic_store(&k->full, true);
    else
        set_bit(k->stored, start / PAGE);
}

/** The bytes of the extent at @start; NULL: not kept. */
static const uint8_t *kept_at(const struct pieces *s, uint64_t start)
{
    const struct kept *k = &s->kept;

    // After one page of it could not be read, none is.
    return k->map && bit(k->stored, start / PAGE) && !atomic_load(&k->map->faults)
               ? k->map->bytes + start
               : NULL;
}

/* ---- pieces ---- */

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
    if (bit(s->bad, i)) {
        note_bad(v, s, i);
        out->made = false;
        out->why = EG_UNREADABLE;
        return;
    }
    out->host = kept_at(s, out->start);
    out->made = !out->host;
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
    if (ok)
        keep(s, start, bytes, len);
    if (!ok && !v->starved) {
        const size_t i = piece_of(s, start);

        set_bit(s->bad, i);
        note_bad(v, s, i);
    }
    return ok;
}

static void close_(struct eg_space *as)
{
    struct pieces *s = as->priv;

    eg_pool_fini(&s->pool);
    s->codec->fini(s->context);
    close_kept(&s->kept);
    free((void *)s->bad);
}

int eg_pieces_open(struct eg_space **out, const char *name, struct eg_space *file,
                   const struct eg_codec *codec, void *context, const struct eg_piece *pieces,
                   size_t n, const uint8_t *zero, const struct eg_open_options *o,
                   struct eg_error *e)
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
    open_kept(s, o->tmp_dir);
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
