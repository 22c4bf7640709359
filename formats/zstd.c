/* zstd.c - a file inside zstd. Where its frames are small and their sizes known (a seekable file,
 * or small frames one after another), it is read in place: a run of pages is made from its frame
 * when it is wanted. Else it is unpacked once, to a temporary file. */
#include "../core/parallel.h"
#include "zstd_frames.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

enum {
    PAGE = 4096,
    IDLE_MAX = 64,
    PACKED_MAX = EG_FILL_MAX + (EG_FILL_MAX >> 7), // no encoder makes more of one frame
};

struct zstd {
    struct eg_space as;
    struct eg_space *file;
    struct eg_zstd_index index;
    _Atomic uint8_t *bad; // a bit per frame that was tried and is damaged
    pthread_mutex_t lock; // of the decompressors at rest
    ZSTD_DCtx *idle[IDLE_MAX];
    unsigned n_idle;
};

static int probe(const struct eg_head *h)
{
    const uint32_t magic = h->len >= 4 ? eg_le32(h->at) : 0;

    if (magic == (uint32_t)EG_ZSTD_MAGIC)
        return 95;
    return (magic & ~UINT32_C(15)) == EG_ZSTD_SKIPPABLE ? 60 : 0; // lz4 has these too
}

/** The last frame that begins at or before @addr of the content. */
static size_t frame_of(const struct zstd *z, uint64_t addr)
{
    size_t lo = 0, hi = eg_zstd_count(&z->index);

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (z->index.frames.at[mid].out <= addr)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static void note_bad(struct eg_view *v, const struct zstd *z, size_t i)
{
    const struct eg_zstd_frame *f = &z->index.frames.at[i];

    eg_note(v->run,
            "zstd: %#" PRIx64 "-%#" PRIx64 " of the content cannot be read: the frame at %#" PRIx64
            " of the file, or the next, is damaged",
            f->out, f[1].out - 1, f->in);
}

/** A run is all pages whose first byte is in one frame: so frames need not end where pages do. */
static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct zstd *z = as->priv;
    const size_t i = frame_of(z, addr & ~(uint64_t)(PAGE - 1));
    const struct eg_zstd_frame *f = &z->index.frames.at[i];

    *out = (struct eg_extent){ .start = eg_align_up(f->out, PAGE),
                               .last = EG_MIN(eg_align_up(f[1].out, PAGE) - 1, as->last),
                               .made = true };
    if (atomic_load(&z->bad[i / 8]) >> i % 8 & 1) {
        note_bad(v, z, i);
        out->made = false;
        out->why = EG_UNREADABLE;
    }
}

static ZSTD_DCtx *borrow(struct zstd *z)
{
    ZSTD_DCtx *d = NULL;

    pthread_mutex_lock(&z->lock);
    if (z->n_idle)
        d = z->idle[--z->n_idle];
    pthread_mutex_unlock(&z->lock);
    return d ? d : ZSTD_createDCtx();
}

static void give_back(struct zstd *z, ZSTD_DCtx *d)
{
    pthread_mutex_lock(&z->lock);
    if (z->n_idle < IDLE_MAX) {
        z->idle[z->n_idle++] = d;
        d = NULL;
    }
    pthread_mutex_unlock(&z->lock);
    ZSTD_freeDCtx(d);
}

/** Decompress frame @i, whose content is @len bytes. */
static bool decompress(struct eg_view *v, struct zstd *z, ZSTD_DCtx *d, size_t i, void *to,
                       size_t len)
{
    const struct eg_zstd_frame *f = &z->index.frames.at[i];
    const size_t want = (size_t)EG_MIN(f[1].in - f->in, (uint64_t)PACKED_MAX);
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    size_t n = want, packed;
    const uint8_t *p = want ? eg_map_some(v, z->file, f->in, &n) : NULL;
    uint32_t check;

    if (p && n < want) { // in several pieces of our memory
        copy = malloc(want);
        if (!copy)
            eg_view_starved(v);
        p = copy && eg_read(v, z->file, f->in, copy, want) ? copy : NULL;
    }
    if (!p)
        return false;
    packed = ZSTD_findFrameCompressedSize(p, want); // without skippable frames behind it
    if (ZSTD_isError(packed) || ZSTD_decompressDCtx(d, to, len, p, packed) != len)
        return false;
    return !z->index.checks || (eg_read_u32(v, z->file, z->index.checks + 12 * i, false, &check) &&
                                check == (uint32_t)XXH64(to, len, 0));
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    struct zstd *z = as->priv;
    const uint64_t end = start + len;
    ZSTD_DCtx *d = borrow(z);
    bool ok = d;

    if (!d)
        eg_view_starved(v);
    for (size_t i = frame_of(z, start); ok && z->index.frames.at[i].out < end; i++) {
        const struct eg_zstd_frame *f = &z->index.frames.at[i];
        const uint64_t from = EG_MAX(f->out, start), to = EG_MIN(f[1].out, end);
        const size_t size = (size_t)(f[1].out - f->out);

        if (!size)
            continue;
        if (from == f->out && to == f[1].out) {
            ok = decompress(v, z, d, i, (char *)bytes + (from - start), size);
        } else {
            uint8_t *whole = malloc(size);

            if (!whole)
                eg_view_starved(v);
            ok = whole && decompress(v, z, d, i, whole, size);
            if (ok)
                memcpy((char *)bytes + (from - start), whole + (from - f->out), to - from);
            free(whole);
        }
    }
    if (d)
        give_back(z, d);
    if (!ok && !v->starved) {
        const size_t i = frame_of(z, start);

        atomic_fetch_or(&z->bad[i / 8], (uint8_t)(1 << i % 8));
        note_bad(v, z, i);
    }
    return ok;
}

static void close_(struct eg_space *as)
{
    struct zstd *z = as->priv;

    while (z->n_idle)
        ZSTD_freeDCtx(z->idle[--z->n_idle]);
    pthread_mutex_destroy(&z->lock);
    eg_zstd_index_fini(&z->index);
    free((void *)z->bad);
}

static const struct eg_space_ops ops = {
    .name = "zstd", .extent = extent, .fill = fill, .close = close_
};

static bool in_place(const struct eg_zstd_index *x)
{
    if (!x->exact)
        return false;
    for (size_t i = 0; i < eg_zstd_count(x); i++) {
        const struct eg_zstd_frame *f = &x->frames.at[i];

        if (f[1].out - f->out > EG_FILL_MAX ||
            eg_align_up(f[1].out, PAGE) - eg_align_up(f->out, PAGE) > EG_FILL_MAX)
            return false;
    }
    return true;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_zstd_index index;
    struct zstd *z;
    int rc = eg_zstd_index(&index, img, file, o->quiet, e);

    if (rc)
        return rc;
    if (!in_place(&index)) {
        rc = eg_zstd_unpack(out, img, file, &index, o, e);
        eg_zstd_index_fini(&index);
        return rc;
    }
    z = calloc(1, sizeof *z);
    if (z)
        z->bad = calloc(eg_zstd_count(&index) / 8 + 1, 1);
    if (!z || !z->bad) {
        free(z);
        eg_zstd_index_fini(&index);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    }
    z->as = (struct eg_space){
        .ops = &ops, .below = file, .last = index.frames.at[index.frames.n - 1].out - 1, .priv = z
    };
    z->file = file;
    z->index = index;
    pthread_mutex_init(&z->lock, NULL);
    *out = &z->as;
    return 0;
}

EG_FORMAT(zstd) = {
    .desc = "zstd",
    .suffix = ".zst",
    .container = true,
    .head = 4,
    .probe = probe,
    .open = open_,
};
