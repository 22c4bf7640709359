/* zstd.c - a file inside zstd. If its frames are small and their sizes known (a seekable file, or
 * small frames one after another), it is read in place: a frame is decompressed when it is read.
 * Else the file is unpacked once to a temporary file. */
#include "unpack.h"
#include "zstd_frames.h"
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    PACKED_MAX = EG_FILL_MAX + (EG_FILL_MAX >> 7), // no encoder makes more of one frame
};

struct zstd {
    struct eg_space *file;
    struct eg_zstd_index index;
};

static int probe(const struct eg_head *h)
{
    const size_t at = eg_pieces_skippable(h);

    if (eg_within(at, 4, h->len))
        return eg_le32(h->at + at) == (uint32_t)EG_ZSTD_MAGIC ? 95 : 0;
    return at ? 60 : 0; // lz4 has skippable frames, too
}

static void *start(const void *context)
{
    (void)context;
    return ZSTD_createDCtx();
}

static void stop(void *state)
{
    ZSTD_freeDCtx(state);
}

static bool make(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len)
{
    const struct zstd *z = context;
    const struct eg_piece *f = &z->index.frames.at[i];
    const size_t want = (size_t)EG_MIN(f[1].in - f->in, (uint64_t)PACKED_MAX);
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    const uint8_t *p = eg_pieces_input(v, z->file, f->in, want, &copy);
    uint32_t check;
    size_t packed;

    (void)skip;
    if (!p)
        return false;
    packed = ZSTD_findFrameCompressedSize(p, want); // without skippable frames after it
    if (ZSTD_isError(packed) || ZSTD_decompressDCtx(state, to, len, p, packed) != len)
        return false;
    return !z->index.checks || (eg_read_u32(v, z->file, z->index.checks + 12 * i, false, &check) &&
                                check == (uint32_t)XXH64(to, len, 0));
}

static void fini(void *context)
{
    struct zstd *z = context;

    eg_zstd_index_fini(&z->index);
    free(z);
}

static const struct eg_codec codec = {
    .name = "zstd", .start = start, .stop = stop, .make = make, .fini = fini
};

static void *unpack_start(const void *context, bool alone)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();

    (void)context;
    // A file of `zstd --long=31` is one frame. If there are many, each may use 128 MiB.
    if (d && alone)
        ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax,
                               ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
    return d;
}

static bool unpack_reset(void *state, size_t i)
{
    (void)i;
    return !ZSTD_isError(ZSTD_DCtx_reset(state, ZSTD_reset_session_only));
}

static enum eg_unpack_step unpack_step(void *state, const uint8_t *in, size_t *in_len, uint8_t *out,
                                       size_t *out_len, size_t *want)
{
    ZSTD_inBuffer src = { in, *in_len, 0 };
    ZSTD_outBuffer dst = { out, *out_len, 0 };
    const size_t rc = ZSTD_decompressStream(state, &dst, &src);

    *in_len = src.pos;
    *out_len = dst.pos;
    if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
        return EG_UNPACK_STARVED;
    if (ZSTD_isError(rc))
        return ZSTD_getErrorCode(rc) == ZSTD_error_checksum_wrong ? EG_UNPACK_DOUBTFUL
                                                                  : EG_UNPACK_DAMAGED;
    *want = rc;
    return rc ? EG_UNPACK_MORE : EG_UNPACK_END;
}

static const struct eg_unpacker unpacker = {
    .name = "zstd", .start = unpack_start, .stop = stop, .reset = unpack_reset, .step = unpack_step
};

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct zstd *z = calloc(1, sizeof *z);
    int rc;

    if (!z)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    z->file = file;
    rc = eg_zstd_index(&z->index, img, file, o->quiet, e);
    if (rc) {
        free(z);
        return rc;
    }
    if (z->index.exact && eg_pieces_small(z->index.frames.at, eg_zstd_count(&z->index))) {
        rc = eg_pieces_open(out, img->path, file, &codec, z, z->index.frames.at,
                            eg_zstd_count(&z->index), NULL, o, e);
        if (!rc)
            return 0;
    } else {
        rc = eg_unpack(out, img, file, &unpacker, NULL, z->index.frames.at,
                       eg_zstd_count(&z->index), z->index.exact, o, e);
    }
    fini(z);
    return rc;
}

EG_FORMAT(zstd) = {
    .desc = "zstd",
    .suffix = ".zst",
    .container = true,
    .head = 1 << 16,
    .probe = probe,
    .open = open_,
};
