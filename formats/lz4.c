/* lz4.c - a file inside lz4 frames (lz4, doc/lz4_Frame_format.md), the legacy ones of kernels too.
 * Where blocks do not need those before them, they are read in place; else frames are unpacked to a
 * temporary file. */
#include "config.h"
#include "unpack.h"
#ifdef HAVE_LZ4
#include "../core/parallel.h"
#include <inttypes.h>
#include <lz4.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <xxhash.h>
#endif

enum {
    MAGIC = 0x184d2204,
    LEGACY = 0x184c2102,
};

static int probe(const struct eg_head *h)
{
    const size_t at = eg_pieces_skippable(h);
    const uint32_t magic = eg_within(at, 5, h->len) ? eg_le32(h->at + at) : 0;

    return (magic == MAGIC && h->at[at + 4] >> 6 == 1) || magic == LEGACY ? 95 : 0;
}

#ifdef HAVE_LZ4

enum {
    SKIPPABLE = 0x184d2a50,
    LEGACY_BLOCK = 8 << 20,
    FRAMES_MAX = 1 << 20,
    BLOCKS_MAX = 1 << 24,
    IS_LINKED = 1, // of struct frame
    IS_LEGACY = 2,
    HAS_CHECKS = 4,
    HAS_SIZE = 8,
    HAS_CHECK = 16, // of its whole content
};

/* Flags in a block's place in the file, and a mask of the place. */
#define CHECKED (UINT64_C(1) << 63) // a checksum follows the block
#define LARGE   (UINT64_C(1) << 62) // of a legacy frame: it is always compressed
#define PLACE   (LARGE - 1)

struct lz4 {
    struct eg_space *file;
    EG_VEC(struct eg_piece) blocks; // out: of blocks of the largest size, until all sizes are known
    EG_VEC(struct eg_piece) frames; // for unpacking; out is an upper bound
    uint64_t end, out;
    bool linked, exact; // blocks need those before them; all frames state their sizes
};

struct frame {
    unsigned flags;
    uint32_t max;  // content of a block
    uint64_t size; // of the content, if known
    uint64_t blocks;
    bool whole;
};

/* ---- blocks in place ---- */

/** The content of a block of at most @room; 0: damaged. */
static size_t unblock(struct eg_view *v, const struct lz4 *z, uint64_t in, void *to, size_t room)
{
    const uint64_t at = in & PLACE;
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    uint32_t size, check;
    const uint8_t *p;
    size_t n;
    int made;

    if (!eg_read_u32(v, z->file, at, false, &size))
        return 0;
    n = in & LARGE ? size : size & INT32_MAX;
    p = n <= INT32_MAX ? eg_pieces_input(v, z->file, at + 4, n, &copy) : NULL;
    if (!p)
        return 0;
    if (!(in & LARGE) && size >> 31) {
        if (n > room)
            return 0;
        memcpy(to, p, n);
        made = (int)n;
    } else {
        made = LZ4_decompress_safe((const char *)p, to, (int)n, (int)room);
    }
    if (in & CHECKED) {
        // Computed before the read, which may invalidate p.
        const uint32_t sum = XXH32(p, n, 0);

        if (!eg_read_u32(v, z->file, at + 4 + n, false, &check) || check != sum)
            return 0;
    }
    return made > 0 ? (size_t)made : 0;
}

static bool make(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len)
{
    const struct lz4 *z = context;
    const struct eg_piece *b = &z->blocks.at[i];
    const size_t size = (size_t)(b[1].out - b->out);
    uint8_t *whole;
    bool ok;

    (void)state;
    if (size == len)
        return unblock(v, z, b->in, to, len) == len;
    whole = malloc(size); // a part of a legacy frame's block
    if (!whole)
        eg_view_starved(v);
    ok = whole && unblock(v, z, b->in, whole, size) == size;
    if (ok)
        memcpy(to, whole + skip, len);
    free(whole);
    return ok;
}

static void fini(void *context)
{
    struct lz4 *z = context;

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

/* ---- the index ---- */

/** The header behind the magic number. @return false: damaged, cut off, or with a dictionary. */
static bool header(struct eg_view *v, const struct lz4 *z, uint64_t *at, struct frame *f)
{
    uint8_t h[15] = { 0 }; // flags, block size, u64 size, u32 dictionary, checksum of these
    const size_t n = (size_t)EG_MIN(sizeof h, z->end - *at);
    size_t len = 2;

    if (n < 3 || !eg_read(v, z->file, *at, h, n) || h[0] >> 6 != 1 || h[0] & 3 || h[1] & 0x8f ||
        h[1] >> 4 < 4)
        return false;
    f->flags =
        (h[0] & 32 ? 0 : IS_LINKED) | (h[0] & 16 ? HAS_CHECKS : 0) | (h[0] & 4 ? HAS_CHECK : 0);
    f->max = UINT32_C(1) << (8 + 2 * (h[1] >> 4));
    if (h[0] & 8) {
        f->flags |= HAS_SIZE;
        f->size = eg_le64(h + len);
        len += 8;
    }
    *at += len + 1;
    return len < n && h[len] == (XXH32(h, len, 0) >> 8 & 255);
}

static bool add_block(struct lz4 *z, uint64_t in, uint64_t size)
{
    struct eg_piece *b = z->blocks.n < BLOCKS_MAX ? eg_vec_push(&z->blocks) : NULL;

    if (!b)
        return false;
    *b = (struct eg_piece){ in, z->out };
    z->out += size;
    return true;
}

/** The blocks of a frame from *@at on. @return false: out of memory. */
static bool blocks(struct eg_view *v, struct lz4 *z, uint64_t *at, struct frame *f)
{
    const uint64_t sum = f->flags & HAS_CHECK ? 4 : 0;
    const uint64_t check = f->flags & HAS_CHECKS ? 4 : 0;
    const bool legacy = f->flags & IS_LEGACY;

    for (;;) {
        uint32_t size;
        uint64_t n, next = *at + 4;

        if (legacy && *at == z->end)
            return f->whole = true;
        if (!eg_within(*at, 4, z->end) || !eg_read_u32(v, z->file, *at, false, &size))
            return true;
        if (legacy && (size & ~UINT32_C(15)) != SKIPPABLE && size != MAGIC && size != LEGACY) {
            n = size;
            if (n > (uint64_t)LZ4_COMPRESSBOUND(LEGACY_BLOCK))
                return true;
        } else if (legacy) { // the next frame
            return f->whole = true;
        } else {
            n = size & INT32_MAX;
            if (!size) {
                f->whole = eg_within(next, sum, z->end);
                *at = f->whole ? next + sum : *at;
                return true;
            }
            if (n > f->max)
                return true;
        }
        if (!n || !eg_add(next, n + check, &next) || next > z->end)
            return true;
        if (!add_block(z, *at | (check ? CHECKED : 0) | (legacy ? LARGE : 0), f->max))
            return false;
        f->blocks++;
        *at = next;
        if (eg_cancelled)
            return true;
    }
}

/** Index a frame at *@at, and move *@at to its end. @return 1: nothing more can be read. */
static int frame(struct lz4 *z, struct eg_image *img, uint64_t *at, struct eg_error *e)
{
    const uint64_t begin = *at, out = z->out;
    struct frame f = { 0 };
    struct eg_piece *p;
    uint32_t magic, size;

    if (!eg_within(begin, 8, z->end) || !eg_read_u32(img->view, z->file, begin, false, &magic) ||
        !eg_read_u32(img->view, z->file, begin + 4, false, &size))
        return 1;
    if ((magic & ~UINT32_C(15)) == SKIPPABLE) {
        *at += 8 + (uint64_t)size;
        return *at > z->end;
    }
    *at += 4;
    if (magic == LEGACY)
        f = (struct frame){ .flags = IS_LEGACY, .max = LEGACY_BLOCK };
    else if (magic != MAGIC || !header(img->view, z, at, &f))
        return *at = begin, 1;
    if (!blocks(img->view, z, at, &f))
        return eg_fail(e, EG_ENOMEM, "%s: lz4: out of memory for its blocks, or more than %d",
                       img->path, BLOCKS_MAX);
    if (!f.whole)
        eg_image_note(img, "lz4: the frame at %#" PRIx64 " is damaged or cut off at %#" PRIx64,
                      begin, *at);
    // The size in the header is used only if it agrees with the number of blocks.
    if (f.flags & HAS_SIZE && f.whole && f.blocks && f.size <= f.blocks * f.max &&
        f.size > (f.blocks - 1) * f.max)
        z->out = out + f.size;
    else if (f.blocks)
        z->exact = false;
    z->linked |= f.flags & IS_LINKED && f.blocks > 1;
    if (!f.blocks)
        return !f.whole;
    p = z->frames.n < FRAMES_MAX ? eg_vec_push(&z->frames) : NULL;
    if (!p)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", img->path);
    *p = (struct eg_piece){ begin, out };
    return !f.whole;
}

/* ---- sizes that are not stored ---- */

struct sizes {
    struct lz4 *z;
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
        w->buf = malloc(LEGACY_BLOCK);
        if (!w->buf)
            return 1;
    }
    s->size[i] = (uint32_t)unblock(&w->view, s->z, b->in, w->buf, (size_t)(b[1].out - b->out));
    eg_progress_add(s->progress, (b[1].in & PLACE) - (b->in & PLACE));
    return w->view.starved;
}

/** Decompress each block to learn its size. A damaged one is assumed to have the largest. */
static int find_sizes(struct lz4 *z, struct eg_image *img, const struct eg_open_options *o,
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

static int index_(struct lz4 *z, struct eg_image *img, struct eg_error *e)
{
    struct eg_piece *p;
    uint64_t at = 0;
    int rc = 0;

    z->exact = true;
    while (!rc && at < z->end && !eg_cancelled)
        rc = frame(z, img, &at, e);
    if (rc < 0)
        return rc;
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (!z->out)
        return eg_fail(e, EG_EFORMAT, "%s: lz4: is empty, or its first frame is damaged",
                       img->path);
    if (rc && at < z->end)
        eg_image_note(
            img, "lz4: no frame at %#" PRIx64 ": the last %" PRIu64 " KiB of the file are left out",
            at, (z->end - at + 1023) >> 10);
    if (!add_block(z, z->end, 0) || !(p = eg_vec_push(&z->frames)))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", img->path);
    *p = (struct eg_piece){ z->end, z->out };
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct lz4 *z = calloc(1, sizeof *z);
    int rc;

    if (!z)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    z->file = file;
    z->end = eg_space_size(file);
    rc = index_(z, img, e);
    if (!rc && z->linked) {
        rc = eg_unpack(out, img, file, &unpacker, NULL, z->frames.at, z->frames.n - 1, z->exact, o,
                       e);
        fini(z);
        return rc;
    }
    if (!rc && !z->exact)
        rc = find_sizes(z, img, o, e);
    if (!rc)
        rc =
            eg_pieces_open(out, img->path, file, &codec, z, z->blocks.at, z->blocks.n - 1, NULL, e);
    if (rc)
        fini(z);
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
