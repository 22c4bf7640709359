/* xz.c - a file inside xz (tukaani.org, xz-file-format.txt): one stream or several, with padding.
 * The indexes at the streams' ends say where blocks are. Small ones are read in place, large ones
 * (plain `xz` writes one block for all) unpacked to a temporary file. */
#include "config.h"
#include "unpack.h"
#ifdef HAVE_XZ
#include "../core/parallel.h"
#include "sparse.h"
#include <inttypes.h>
#include <lzma.h>
#include <stdlib.h>
#endif

static int probe(const struct eg_head *h)
{
    static const uint8_t magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

    return h->len >= sizeof magic && !memcmp(h->at, magic, sizeof magic) ? 95 : 0;
}

#ifdef HAVE_XZ

enum {
    INDEX_MAX = 64 << 20,  // bytes of one index in the file
    STREAMS_MAX = 1 << 20, // blocks too, in each
    BLOCKS_MAX = 1 << 24,
};
#define INDEX_MEMORY (UINT64_C(256) << 20)
#define LONE_MEMORY                                                                                \
    (UINT64_C(5) << 30) // a dictionary may have 4 GiB; what it does not use is not allocated
#define EACH_MEMORY (UINT64_C(1700) << 20)

struct xz {
    struct eg_space *file;
    lzma_index *index; // of all streams; NULL: not valid, so the file is one piece
    bool unchecked;    // some checksums are of a kind that liblzma does not know
    EG_VEC(struct eg_piece) pieces;
};

struct decoder {
    lzma_stream s;
    const struct xz *x;
    uint64_t memory;
    uint64_t packed, size; // bytes of the block that are still to come
};

/* ---- a block ---- */

static void *new_decoder(const struct xz *x, uint64_t memory)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d) {
        d->s = (lzma_stream)LZMA_STREAM_INIT;
        d->x = x;
        d->memory = memory;
    }
    return d;
}

static void *start(const void *context)
{
    return new_decoder(context, EACH_MEMORY);
}

static void *unpack_start(const void *context, bool alone)
{
    return new_decoder(context, alone ? LONE_MEMORY : EACH_MEMORY);
}

static void stop(void *state)
{
    struct decoder *d = state;

    lzma_end(&d->s);
    free(d);
}

/** A block is decoded as a stream with the same check and no end, so that its checksum is
 * verified. */
static bool reset(void *state, size_t i)
{
    struct decoder *d = state;
    const struct xz *x = d->x;
    uint8_t header[LZMA_STREAM_HEADER_SIZE];
    lzma_index_iter it;

    if (!x->index) {
        d->packed = d->size = UINT64_MAX;
        return lzma_stream_decoder(&d->s, d->memory, LZMA_CONCATENATED) == LZMA_OK;
    }
    lzma_index_iter_init(&it, x->index);
    if (lzma_index_iter_locate(&it, x->pieces.at[i].out) ||
        lzma_stream_header_encode(it.stream.flags, header) != LZMA_OK ||
        lzma_stream_decoder(&d->s, d->memory, 0) != LZMA_OK)
        return false;
    d->packed = it.block.total_size;
    d->size = it.block.uncompressed_size;
    d->s.next_in = header;
    d->s.avail_in = sizeof header;
    d->s.avail_out = 0;
    return lzma_code(&d->s, LZMA_RUN) == LZMA_OK && !d->s.avail_in;
}

static enum eg_unpack_step step(void *state, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, size_t *want)
{
    struct decoder *d = state;
    lzma_ret rc;

    *in_len = (size_t)EG_MIN(*in_len, d->packed);
    *out_len = (size_t)EG_MIN(*out_len, d->size);
    d->s.next_in = in;
    d->s.avail_in = *in_len;
    d->s.next_out = out;
    d->s.avail_out = *out_len;
    rc = lzma_code(&d->s, LZMA_RUN);
    *in_len -= d->s.avail_in;
    *out_len -= d->s.avail_out;
    d->packed -= *in_len;
    d->size -= *out_len;
    *want = EG_FILL_MAX;
    if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return EG_UNPACK_STARVED;
    if (rc != LZMA_OK && rc != LZMA_BUF_ERROR)
        return d->size ? EG_UNPACK_DAMAGED : EG_UNPACK_DOUBTFUL;
    return d->packed ? EG_UNPACK_MORE : d->size ? EG_UNPACK_DAMAGED : EG_UNPACK_END;
}

static const struct eg_unpacker unpacker = {
    .name = "xz", .start = unpack_start, .stop = stop, .reset = reset, .step = step
};

static bool make(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len)
{
    const struct xz *x = context;
    struct decoder *d = state;
    enum eg_unpack_step rc = EG_UNPACK_MORE;
    uint64_t in = x->pieces.at[i].in;
    size_t done = 0;

    (void)skip;
    if (!reset(d, i)) {
        eg_view_starved(v);
        return false;
    }
    while (rc == EG_UNPACK_MORE) {
        size_t n = (size_t)EG_MIN(d->packed, (uint64_t)EG_FILL_MAX), made = len - done, want;
        const uint8_t *p = eg_map_some(v, x->file, in, &n);

        if (!p)
            return false;
        rc = step(d, p, &n, (uint8_t *)to + done, &made, &want);
        if (!n && !made)
            break;
        in += n;
        done += made;
    }
    if (rc == EG_UNPACK_STARVED)
        eg_view_starved(v);
    return rc == EG_UNPACK_END && done == len;
}

static void fini(void *context)
{
    struct xz *x = context;

    lzma_index_end(x->index, NULL);
    eg_vec_fini(&x->pieces);
    free(x);
}

static const struct eg_codec codec = {
    .name = "xz", .slow = true, .start = start, .stop = stop, .make = make, .fini = fini
};

/* ---- the index ---- */

/** The index of the stream that ends at *@end, which @padding zeros follow; *@end is moved to its
 * beginning. The end of a stream says all that its header does. NULL: none, or not valid. */
static lzma_index *stream(struct xz *x, struct eg_image *img, uint64_t *end, uint64_t padding)
{
    struct eg_space *file = x->file;
    struct eg_view *v = img->view;
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    uint8_t buf[LZMA_STREAM_HEADER_SIZE];
    lzma_stream_flags footer, header;
    lzma_index *index = NULL;
    uint64_t memory = INDEX_MEMORY, at, begin;
    const uint8_t *p;
    size_t used = 0, n;
    lzma_ret rc;

    if (*end < 2 * sizeof buf || !eg_read(v, file, *end - sizeof buf, buf, sizeof buf) ||
        lzma_stream_footer_decode(&footer, buf) != LZMA_OK ||
        footer.backward_size > EG_MIN((uint64_t)INDEX_MAX, *end - 2 * sizeof buf))
        return NULL;
    n = (size_t)footer.backward_size;
    at = *end - sizeof buf - n;
    p = eg_pieces_input(v, file, at, n, &copy);
    rc = p ? lzma_index_buffer_decode(&index, &memory, NULL, p, &used, n) : LZMA_DATA_ERROR;
    if (rc == LZMA_MEM_ERROR)
        eg_view_starved(v);
    if (rc != LZMA_OK)
        return NULL;
    if (used == n && lzma_index_total_size(index) <= at - sizeof buf &&
        lzma_index_stream_flags(index, &footer) == LZMA_OK &&
        lzma_index_stream_padding(index, padding) == LZMA_OK) {
        begin = at - lzma_index_total_size(index) - sizeof buf;
        if (!eg_read(v, file, begin, buf, sizeof buf) ||
            lzma_stream_header_decode(&header, buf) != LZMA_OK ||
            lzma_stream_flags_compare(&header, &footer) != LZMA_OK)
            eg_image_note(img, "xz: the header of the stream at %#" PRIx64 " is damaged", begin);
        *end = begin;
        x->unchecked |= !lzma_check_is_supported(footer.check);
        return index;
    }
    lzma_index_end(index, NULL);
    return NULL;
}

/** All streams, from the last to the first. NULL: one of them is damaged. */
static lzma_index *streams(struct xz *x, struct eg_image *img)
{
    enum { USUAL_PADDING = 512 }; // a stream that was zeroed looks like padding
    lzma_index *all = NULL, *one;
    struct eg_space *file = x->file;
    uint64_t end = eg_space_size(file);

    for (int i = 0; end && i < STREAMS_MAX; i++) {
        uint64_t padding = 0, zeros;
        uint32_t word;

        while (end >= 4 && eg_read_u32(img->view, file, end - 4, false, &word) && !word &&
               !eg_cancelled) {
            const uint64_t begin = eg_align_up(eg_zeros_before(img->view, file, end), 4);

            padding += end - EG_MIN(begin, end - 4);
            end = EG_MIN(begin, end - 4);
        }
        zeros = end;
        one = stream(x, img, &end, padding);
        if (one && padding > USUAL_PADDING)
            eg_image_note(img,
                          "xz: %" PRIu64 " zeros at %#" PRIx64 ": a lost stream? What follows may "
                          "be at wrong addresses",
                          padding, zeros);
        if (!one || (all && lzma_index_cat(one, all, NULL) != LZMA_OK)) {
            lzma_index_end(one, NULL);
            end = UINT64_MAX;
            break;
        }
        all = one;
    }
    if (!end)
        return all;
    lzma_index_end(all, NULL);
    return NULL;
}

static bool add(struct xz *x, uint64_t in, uint64_t out)
{
    struct eg_piece *p = x->pieces.n < BLOCKS_MAX ? eg_vec_push(&x->pieces) : NULL;

    if (p)
        *p = (struct eg_piece){ in, out };
    return p;
}

static int read_index(struct xz *x, struct eg_image *img, struct eg_error *e)
{
    const uint64_t size = eg_space_size(x->file);
    lzma_index_iter it;
    bool ok = true;

    x->index = streams(x, img);
    if (!x->index) {
        eg_image_note(img, "xz: no valid index at the end: truncated or damaged");
        ok = add(x, 0, 0) && add(x, size, UINT64_C(1) << EG_UNPACK_UNBOUNDED);
    } else {
        lzma_index_iter_init(&it, x->index);
        while (ok && !lzma_index_iter_next(&it, LZMA_INDEX_ITER_NONEMPTY_BLOCK))
            ok = add(x, it.block.compressed_file_offset, it.block.uncompressed_file_offset);
        if (x->unchecked)
            eg_image_note(img, "xz: its checksums are of a kind that this liblzma does not know: "
                               "damage would not be noticed");
        if (ok && !x->pieces.n)
            return eg_fail(e, EG_EFORMAT, "%s: xz: is empty", img->path);
        ok = ok && add(x, size, lzma_index_uncompressed_size(x->index));
    }
    return ok ? 0
              : eg_fail(e, EG_ENOMEM, "%s: xz: out of memory for its blocks, or more than %d",
                        img->path, BLOCKS_MAX);
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct xz *x = calloc(1, sizeof *x);
    size_t n;
    int rc;

    if (!x)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    x->file = file;
    rc = read_index(x, img, e);
    n = x->pieces.n - 1;
    if (!rc && eg_pieces_small(x->pieces.at, n)) {
        rc = eg_pieces_open(out, img->path, file, &codec, x, x->pieces.at, n, NULL, o, e);
        if (!rc)
            return 0;
    } else if (!rc) {
        rc = eg_unpack(out, img, file, &unpacker, x, x->pieces.at, n, x->index, o, e);
    }
    fini(x);
    return rc;
}

#else

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)file, (void)o;
    return eg_fail(e, EG_EUNSUP, "%s: xz: this engram was built without liblzma: unpack it",
                   img->path);
}

#endif

EG_FORMAT(xz) = {
    .desc = "xz",
    .suffix = ".xz",
    .container = true,
    .head = 6,
    .probe = probe,
    .open = open_,
};
