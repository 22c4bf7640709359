/* bzip2.c - a file inside bzip2, one stream or many (there is no specification: bzip2 1.0.8,
 * compress.c and decompress.c). Blocks are independent, but the file does not state where they
 * begin and how large their content is. So they are found by their magic number and unpacked to a
 * temporary file on all cores: a block takes some 50 ms to decompress, too long for reads of single
 * pages. */
#include "config.h"
#include "unpack.h"
#ifdef HAVE_BZIP2
#include "../core/parallel.h"
#include "sparse.h"
#include <bzlib.h>
#include <inttypes.h>
#include <stdlib.h>
#endif

static int probe(const struct eg_head *h)
{
    static const uint8_t block[] = { 0x31, 0x41, 0x59, 0x26, 0x53, 0x59 };

    if (h->len < 4 || memcmp(h->at, "BZh", 3) || h->at[3] < '1' || h->at[3] > '9')
        return 0;
    return h->len >= 10 && !memcmp(h->at + 4, block, sizeof block) ? 95 : 60;
}

#ifdef HAVE_BZIP2

enum {
    PACKED_MAX = 5 << 18, // bytes of a block: 900,000, and some more for incompressible data
    FRAME = 4 + 10 + 2,   // and the stream header and end that are put around it
    SCAN = 4 << 20,
    MAGIC_BITS = 48,
    CRC_BITS = 32,
    BLOCKS_MAX = 1 << 22,
};
// 900,000 bytes after run-length encoding, in which 5 bytes stand for up to 259.
#define CONTENT_MAX (UINT64_C(46) << 20)
#define BLOCK       UINT64_C(0x314159265359) // the digits of pi
#define END         UINT64_C(0x177245385090) // and of its square root
#define MASK        ((UINT64_C(1) << MAGIC_BITS) - 1)

/** The position of a magic number, in bits. */
struct mark {
    uint64_t bit;
    bool end; // of the stream
};

struct block {
    uint64_t from, to; // in bits of the file
};

struct bzip2 {
    struct eg_space *file;
    EG_VEC(struct block) blocks;
};

/* ---- one block ---- */

struct decoder {
    const struct bzip2 *z;
    struct eg_view view;
    bz_stream s;
    bool open;
    uint8_t packed[PACKED_MAX + FRAME];
};

static void *start(const void *context, bool alone)
{
    struct decoder *d = calloc(1, sizeof *d);

    (void)alone;
    if (d) {
        d->z = context;
        eg_view_init(&d->view, NULL);
    }
    return d;
}

static void stop(void *state)
{
    struct decoder *d = state;

    if (d->open)
        BZ2_bzDecompressEnd(&d->s);
    eg_view_fini(&d->view);
    free(d);
}

static void put_bits(uint8_t *p, uint64_t bit, uint64_t value, unsigned n)
{
    while (n--) {
        if (value >> n & 1)
            p[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        bit++;
    }
}

/** Make a stream that holds only block @b. @return false: not a block, or unreadable. */
static bool put_frame(struct decoder *d, const struct block *b)
{
    static const uint8_t head[] = { 'B', 'Z', 'h', '9' };
    const uint64_t bits = b->to - b->from, at = b->from / 8;
    const unsigned shift = b->from % 8;
    const size_t n = (size_t)((b->to + 7) / 8 - at);
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    uint8_t *to = d->packed + sizeof head;
    const uint8_t *p;

    if (bits < MAGIC_BITS + CRC_BITS || bits / 8 >= PACKED_MAX)
        return false;
    p = eg_pieces_input(&d->view, d->z->file, at, n, &copy);
    if (!p)
        return false;
    memcpy(d->packed, head, sizeof head);
    for (size_t i = 0; i < bits / 8 + 1; i++) {
        const unsigned here = i < n ? p[i] : 0, next = i + 1 < n ? p[i + 1] : 0;

        to[i] = (uint8_t)((here << 8 | next) >> (8 - shift));
    }
    to[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
    memset(to + bits / 8 + 1, 0, FRAME - sizeof head - 1);
    put_bits(to, bits, END, MAGIC_BITS);
    // The stream's checksum is that of its only block.
    put_bits(to, bits + MAGIC_BITS, eg_be32(to + MAGIC_BITS / 8), CRC_BITS);
    d->s.next_in = (char *)d->packed;
    d->s.avail_in = (unsigned)(sizeof head + (bits + MAGIC_BITS + CRC_BITS + 7) / 8);
    return true;
}

static bool reset(void *state, size_t i)
{
    struct decoder *d = state;

    if (d->open)
        BZ2_bzDecompressEnd(&d->s);
    memset(&d->s, 0, sizeof d->s);
    d->open = BZ2_bzDecompressInit(&d->s, 0, 0) == BZ_OK;
    if (d->open && !put_frame(d, &d->z->blocks.at[i]))
        d->s.avail_in = 0; // damaged
    return d->open && !d->view.starved;
}

/** reset() has given the decompressor the whole block, shifted to begin at a byte: @in is not
 * read. */
static enum eg_unpack_step step(void *state, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, size_t *want)
{
    struct decoder *d = state;
    int rc;

    (void)in, (void)in_len;
    *want = PACKED_MAX;
    d->s.next_out = (char *)out;
    d->s.avail_out = (unsigned)*out_len;
    do {
        const unsigned left = d->s.avail_in, room = d->s.avail_out;

        rc = BZ2_bzDecompress(&d->s);
        if (rc == BZ_OK && left == d->s.avail_in && room == d->s.avail_out)
            rc = BZ_DATA_ERROR;
    } while (rc == BZ_OK && d->s.avail_out);
    *out_len -= d->s.avail_out;
    if (rc == BZ_OK)
        return EG_UNPACK_MORE;
    return rc == BZ_STREAM_END  ? EG_UNPACK_END
           : rc == BZ_MEM_ERROR ? EG_UNPACK_STARVED
                                : EG_UNPACK_SPOILT;
}

static const struct eg_unpacker unpacker = {
    .name = "bzip2", .start = start, .stop = stop, .reset = reset, .step = step
};

/* ---- finding the blocks ---- */

struct scan {
    const struct bzip2 *z;
    uint64_t size;
    // Indexed by the 16 bits before the last byte read: bit k is set if a magic number may end with
    // all but the lowest k bits of that byte.
    uint8_t *ends;
    struct part {
        EG_VEC(struct mark) marks;
    } * parts;
    struct worker {
        struct eg_view view;
        struct decoder *d;
        bool open;
    } * workers;
    struct eg_progress_line *progress;
    struct result { // of a block, when it is decompressed
        uint64_t size;
        bool zero, whole;
    } * results;
};

/** Find the magic numbers that begin in part @i of the file. */
static int scan_part(void *context, size_t i, unsigned worker)
{
    struct scan *s = context;
    const uint64_t first = (uint64_t)i * SCAN, end = EG_MIN(first + SCAN, s->size);
    struct worker *me = &s->workers[worker];
    uint64_t w = 0;

    if (!me->open)
        eg_view_init(&me->view, NULL);
    me->open = true;
    for (uint64_t at = first; at < EG_MIN(end + 6, s->size);) {
        size_t n = (size_t)(EG_MIN(end + 6, s->size) - at);
        const uint8_t *p = eg_map_some(&me->view, s->z->file, at, &n);

        if (!p || eg_cancelled)
            return 0;
        for (size_t k = 0; k < n; k++) {
            unsigned shifts;

            w = w << 8 | p[k];
            for (shifts = s->ends[w >> 8 & 0xffff]; shifts; shifts &= shifts - 1) {
                const unsigned shift = (unsigned)__builtin_ctz(shifts);
                const uint64_t magic = w >> shift & MASK, stop_ = 8 * (at + k + 1) - shift;
                struct mark *m;

                if ((magic != BLOCK && magic != END) || stop_ < 8 * first + MAGIC_BITS ||
                    stop_ >= 8 * end + MAGIC_BITS)
                    continue;
                m = s->parts[i].marks.n < BLOCKS_MAX ? eg_vec_push(&s->parts[i].marks) : NULL;
                if (!m)
                    return 1;
                *m = (struct mark){ stop_ - MAGIC_BITS, magic == END };
            }
        }
        at += n;
        if (!w)
            at = eg_skip_zeros(&me->view, s->z->file, at, EG_MIN(end + 6, s->size));
    }
    return 0;
}

/** Make blocks of the magic numbers in all parts. @return false: out of memory. */
static bool join_marks(struct bzip2 *z, struct eg_image *img, const struct scan *s, size_t n)
{
    // Behind the last block of a stream: its mark, a checksum, padding to a byte, and the header of
    // the next stream.
    enum { BETWEEN = MAGIC_BITS + 32 + 7 + 32 };
    const struct mark *open = NULL, *end = NULL;
    uint64_t odd = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s->parts[i].marks.n; k++) {
            const struct mark *m = &s->parts[i].marks.at[k];
            struct block *b;

            if (open) {
                b = z->blocks.n < BLOCKS_MAX ? eg_vec_push(&z->blocks) : NULL;
                if (!b)
                    return false;
                *b = (struct block){ open->bit, m->bit };
            }
            odd += end && m->bit > end->bit + BETWEEN;
            end = m->end ? m : NULL;
            open = m->end ? NULL : m;
        }
    odd += end && 8 * s->size > end->bit + BETWEEN;
    if (odd)
        eg_image_note(img,
                      "bzip2: in %" PRIu64
                      " places behind a stream there is something else: damaged? "
                      "What follows may be at wrong addresses",
                      odd);
    if (open)
        eg_image_note(img, "bzip2: truncated: the block at %#" PRIx64 " has no end", open->bit / 8);
    return true;
}

static void make_table(uint8_t *ends)
{
    memset(ends, 0, 1 << 16);
    for (unsigned shift = 0; shift < 8; shift++) {
        ends[BLOCK >> (8 - shift) & 0xffff] |= (uint8_t)(1 << shift);
        ends[END >> (8 - shift) & 0xffff] |= (uint8_t)(1 << shift);
    }
}

static int find_blocks(struct bzip2 *z, struct eg_image *img, const struct eg_open_options *o,
                       struct eg_error *e)
{
    const unsigned threads = eg_threads(o->threads);
    struct scan s = { .z = z, .size = eg_space_size(z->file) };
    const size_t n = (size_t)(s.size / SCAN + 1);
    bool ok;

    s.ends = malloc(1 << 16);
    s.parts = calloc(n, sizeof *s.parts);
    s.workers = calloc(threads, sizeof *s.workers);
    ok = s.ends && s.parts && s.workers;
    if (ok) {
        make_table(s.ends);
        s.progress = eg_progress_begin("looking for blocks", s.size, "B", o->quiet);
        ok = !eg_parallel(threads, n, scan_part, &s) && join_marks(z, img, &s, n);
        eg_progress_end(s.progress);
    }
    for (unsigned i = 0; s.workers && i < threads; i++)
        if (s.workers[i].open)
            eg_view_fini(&s.workers[i].view);
    for (size_t i = 0; s.parts && i < n; i++)
        eg_vec_fini(&s.parts[i].marks);
    free(s.ends);
    free(s.parts);
    free(s.workers);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (!ok)
        return eg_fail(e, EG_ENOMEM, "%s: bzip2: out of memory for its blocks, or more than %d",
                       img->path, BLOCKS_MAX);
    if (!z->blocks.n)
        return eg_fail(e, EG_EFORMAT, "%s: bzip2: contains no complete block", img->path);
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct bzip2 z = { .file = file };
    EG_VEC(struct eg_piece) pieces = { 0 };
    int rc = find_blocks(&z, img, o, e);
    const size_t n = z.blocks.n;

    if (!rc && !eg_vec_reserve(&pieces, n + 1))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory for its blocks", img->path);
    if (!rc) {
        for (size_t i = 0; i < n; i++)
            pieces.at[i] = (struct eg_piece){ z.blocks.at[i].from / 8, i * CONTENT_MAX };
        pieces.at[n] = (struct eg_piece){ (z.blocks.at[n - 1].to + 7) / 8, n * CONTENT_MAX };
        rc = eg_unpack(out, img, file, &unpacker, &z, pieces.at, n, false, o, e);
    }
    eg_vec_fini(&z.blocks);
    eg_vec_fini(&pieces);
    return rc;
}

#else

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)file, (void)o;
    return eg_fail(e, EG_EUNSUP, "%s: bzip2: this engram was built without libbz2: unpack it",
                   img->path);
}

#endif

EG_FORMAT(bzip2) = {
    .desc = "bzip2",
    .suffix = ".bz2",
    .container = true,
    .head = 10,
    .probe = probe,
    .open = open_,
};
