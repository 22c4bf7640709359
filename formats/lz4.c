/* lz4.c - a file inside lz4 frames (lz4, doc/lz4_Frame_format.md), the legacy ones of kernels too.
 * Where blocks do not need those before them, they are read in place; else frames are unpacked to a
 * temporary file. */
#include "config.h"
#include "lz4_index.h"
#include "unpack.h"
#ifdef HAVE_LZ4
#include "../core/parallel.h"
#include <lz4frame.h>
#include <stdlib.h>
#endif

static int probe(const struct eg_head *h)
{
    const size_t at = eg_pieces_skippable(h);
    const uint32_t magic = eg_within(at, 5, h->len) ? eg_le32(h->at + at) : 0;

    return (magic == EG_LZ4_MAGIC && h->at[at + 4] >> 6 == 1) || magic == EG_LZ4_LEGACY ? 95 : 0;
}

#ifdef HAVE_LZ4

/* ---- blocks in place ---- */

static bool make(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len)
{
    const struct eg_lz4 *z = context;
    const struct eg_piece *b = &z->blocks.at[i];
    const size_t size = (size_t)(b[1].out - b->out);
    uint8_t *whole;
    bool ok;

    (void)state;
    if (size == len)
        return eg_lz4_unblock(v, z, b->in, to, len) == len;
    whole = malloc(size); // a part of a legacy frame's block
    if (!whole)
        eg_view_starved(v);
    ok = whole && eg_lz4_unblock(v, z, b->in, whole, size) == size;
    if (ok)
        memcpy(to, whole + skip, len);
    free(whole);
    return ok;
}

static void fini(void *context)
{
    struct eg_lz4 *z = context;

    eg_vec_fini(&z->blocks);
    eg_vec_fini(&z->frames);
    free(z);
}

static const struct eg_codec codec = { .name = "lz4", .make = make, .fini = fini };

/* ---- frames to a file ---- */

static void *unpack_start(const void *context, bool alone)
{
    LZ4F_dctx *d = NULL;

    (void)context, (void)alone;
    return LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)) ? NULL : d;
}

static void unpack_stop(void *state)
{
    LZ4F_freeDecompressionContext(state);
}

static bool unpack_reset(void *state, size_t i)
{
    (void)i;
    LZ4F_resetDecompressionContext(state);
    return true;
}

static enum eg_unpack_step unpack_step(void *state, const uint8_t *in, size_t *in_len, uint8_t *out,
                                       size_t *out_len, size_t *want)
{
    const size_t rc = LZ4F_decompress(state, out, out_len, in, in_len, NULL);

    if (LZ4F_isError(rc)) {
        *in_len = *out_len = 0;
        if (!strcmp(LZ4F_getErrorName(rc), "ERROR_allocation_failed"))
            return EG_UNPACK_STARVED;
        return strcmp(LZ4F_getErrorName(rc), "ERROR_contentChecksum_invalid") ? EG_UNPACK_DAMAGED
                                                                              : EG_UNPACK_DOUBTFUL;
    }
    // It asks for a block and what follows. Given both, it would fail at a wrong checksum before
    // the block's content is returned.
    *want = rc > 8 ? rc - 8 : EG_MIN(rc, (size_t)4);
    return rc ? EG_UNPACK_MORE : EG_UNPACK_END;
}

static const struct eg_unpacker unpacker = { .name = "lz4",
                                             .start = unpack_start,
                                             .stop = unpack_stop,
                                             .reset = unpack_reset,
                                             .step = unpack_step };

/* ---- sizes that are not stored ---- */

struct sizes {
    struct eg_lz4 *z;
    struct worker {
        struct eg_view view;
        uint8_t *buf;
    } * workers;
    uint32_t *size; // of each block
    struct eg_progress_line *progress;
};

static int block_size(void *context, size_t i, unsigned worker)
{
    struct sizes *s = context;
    struct worker *w = &s->workers[worker];
    const struct eg_piece *b = &s->z->blocks.at[i];

    if (eg_cancelled)
        return 1;
    if (!w->buf) {
        eg_view_init(&w->view, NULL);
        w->buf = malloc(EG_LZ4_LEGACY_BLOCK);
        if (!w->buf)
            return 1;
    }
    s->size[i] =
        (uint32_t)eg_lz4_unblock(&w->view, s->z, b->in, w->buf, (size_t)(b[1].out - b->out));
    eg_progress_add(s->progress, (b[1].in & EG_LZ4_PLACE) - (b->in & EG_LZ4_PLACE));
    return w->view.starved;
}

/** Decompress each block to learn its size. A damaged one is assumed to have the largest. */
static int find_sizes(struct eg_lz4 *z, struct eg_image *img, const struct eg_open_options *o,
                      struct eg_error *e)
{
    const unsigned threads = eg_threads(o->threads);
    const size_t n = z->blocks.n - 1;
    struct sizes s = { .z = z };
    bool starved = true;

    s.workers = calloc(threads, sizeof *s.workers);
    s.size = calloc(n, sizeof *s.size);
    if (s.workers && s.size) {
        s.progress = eg_progress_begin("indexing", z->end, "B", o->quiet);
        starved = eg_parallel(threads, n, block_size, &s);
        eg_progress_end(s.progress);
    }
    for (unsigned i = 0; s.workers && i < threads; i++)
        if (s.workers[i].buf) {
            eg_view_fini(&s.workers[i].view);
            free(s.workers[i].buf);
        }
    if (!starved) {
        uint64_t out = 0;

        for (size_t i = 0; i < n; i++) {
            struct eg_piece *b = &z->blocks.at[i];
            const uint64_t most = b[1].out - b->out;

            b->out = out;
            out += s.size[i] ? s.size[i] : most;
        }
        z->blocks.at[n].out = out;
    }
    free(s.workers);
    free(s.size);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    return starved ? eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path) : 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_lz4 *z = calloc(1, sizeof *z);
    int rc;

    if (!z)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    z->file = file;
    z->end = eg_space_size(file);
    rc = eg_lz4_index(z, img, e);
    if (!rc && z->linked) {
        rc = eg_unpack(out, img, file, &unpacker, NULL, z->frames.at, z->frames.n - 1, z->exact, o,
                       e);
        fini(z);
        return rc;
    }
    if (!rc && !z->exact)
        rc = find_sizes(z, img, o, e);
    if (!rc)
        rc = eg_pieces_open(out, img->path, file, &codec, z, z->blocks.at, z->blocks.n - 1, NULL, o,
                            e);
    if (rc)
        fini(z);
    else if (z->unchecked)
        eg_image_note(img, "lz4: its checksums are of whole frames, which are not checked where "
                           "blocks are read in place: damage of content may not be noticed; "
                           "`lz4 -t` checks them");
    return rc;
}

#else

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)file, (void)o;
    return eg_fail(e, EG_EUNSUP, "%s: lz4: this engram was built without liblz4: unpack it",
                   img->path);
}

#endif

EG_FORMAT(lz4) = {
    .desc = "lz4",
    .suffix = ".lz4",
    .container = true,
    .head = 1 << 16,
    .probe = probe,
    .open = open_,
};
