/* avml.c - AVML's compressed dumps, "LiME version 2" (github.com/microsoft/avml, src/image.rs).
 * Each range is a header (ranges.h) with magic "AVML" and version 2, a snappy stream
 * (google/snappy, framing_format.txt), and the length of that stream (u64). AVML splits ranges into
 * blocks of 16 MiB and leaves out those that are all zeros. The stream's chunks of at most 64 KiB
 * are indexed by their headers, and read in place. */
#include "config.h"
#include "pieces.h"
#include "ranges.h"
#include <inttypes.h>
#include <stdlib.h>
#ifdef HAVE_SNAPPY
#include "../core/parallel.h"
#include <snappy-c.h>
#endif

static const struct eg_range_kind kind = { 0x4c4d5641, 2 };

static int probe(const struct eg_head *h)
{
    return h->len >= 8 && eg_le32(h->at) == kind.magic && eg_le32(h->at + 4) == kind.version ? 95
                                                                                             : 0;
}

#ifdef HAVE_SNAPPY

enum {
    PAGE = 4096,
    BLOCK = 1 << 24,  // of memory, which AVML writes or leaves out as a whole
    CHUNK = 1 << 16,  // of content
    CHUNK_HEADER = 4, // u8 type, u24 length of what follows
    CRC = 4,
    TRAILER = 8,
    CHUNKS_MAX = 1 << 24,
    COMPRESSED = 0,
    PLAIN = 1,
    SKIPPABLE = 0x80, // and all types above, which include the stream identifier 0xff
};

struct avml {
    struct eg_space *file;
    EG_VEC(struct eg_piece) pieces;
    EG_VEC(uint8_t) zero; // a bit per piece: padding, which aligns content to pages as in memory
    EG_VEC(struct eg_segment) ranges; // below_addr: of the content
    uint64_t out;
    uint64_t chunks;      // examined: those behind a damaged one may be examined again
    uint32_t crc[8][256]; // CRC-32C of eight bytes at a time
};

static void make_crc(struct avml *a)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? UINT32_C(0x82f63b78) : 0);
        a->crc[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            a->crc[t][i] = a->crc[t - 1][i] >> 8 ^ a->crc[0][a->crc[t - 1][i] & 255];
}

/** The checksum as stored in the stream: rotated, plus a constant. */
static uint32_t masked_crc(const struct avml *a, const uint8_t *p, size_t n)
{
    uint32_t c = UINT32_MAX;

    for (; n >= 8; n -= 8, p += 8) {
        const uint32_t lo = eg_le32(p) ^ c, hi = eg_le32(p + 4);

        c = a->crc[7][lo & 255] ^ a->crc[6][lo >> 8 & 255] ^ a->crc[5][lo >> 16 & 255] ^
            a->crc[4][lo >> 24] ^ a->crc[3][hi & 255] ^ a->crc[2][hi >> 8 & 255] ^
            a->crc[1][hi >> 16 & 255] ^ a->crc[0][hi >> 24];
    }
    while (n--)
        c = c >> 8 ^ a->crc[0][(c ^ *p++) & 255];
    c = ~c;
    return (c >> 15 | c << 17) + UINT32_C(0xa282ead8);
}

/* ---- a chunk ---- */

static bool make(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len)
{
    const struct avml *a = context;
    const uint64_t at = a->pieces.at[i].in;
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    const uint8_t *p = eg_bytes(v, a->file, at, CHUNK_HEADER);
    const uint32_t head = p ? eg_le32(p) : 0;
    size_t n = head >> 8, made = len;

    (void)state, (void)skip;
    p = n > CRC ? eg_pieces_input(v, a->file, at + CHUNK_HEADER, n, &copy) : NULL;
    if (!p)
        return false;
    n -= CRC;
    if ((head & 255) == COMPRESSED) {
        if (snappy_uncompress((const char *)p + CRC, n, to, &made) != SNAPPY_OK || made != len)
            return false;
    } else {
        if (n != len)
            return false;
        memcpy(to, p + CRC, len);
    }
    return masked_crc(a, to, len) == eg_le32(p);
}

static void fini(void *context)
{
    struct avml *a = context;

    eg_vec_fini(&a->pieces);
    eg_vec_fini(&a->zero);
    eg_vec_fini(&a->ranges);
    free(a);
}

static const struct eg_codec codec = { .name = "AVML", .make = make, .fini = fini };

/* ---- the index ---- */

static bool add_piece(struct avml *a, uint64_t in, uint64_t size, bool zero)
{
    const size_t i = a->pieces.n;
    struct eg_piece *p = eg_vec_push(&a->pieces);

    if (!p || (i % 8 == 0 && !eg_vec_push(&a->zero)))
        return false;
    *p = (struct eg_piece){ in, a->out };
    a->zero.at[i / 8] |= (uint8_t)(zero << i % 8);
    a->out += size;
    return true;
}

/** Find the next credible header at or after @at, with a stream behind it. */
static uint64_t search(struct eg_view *v, struct eg_space *file, uint64_t at, uint64_t after)
{
    static const uint8_t begin[] = { 0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y' };
    uint8_t b[sizeof begin];

    while ((at = eg_range_search(v, file, at, &kind, after)) < eg_space_size(file) &&
           !(eg_read(v, file, at + EG_RANGE_HEADER, b, sizeof b) && !memcmp(b, begin, sizeof b)))
        at++;
    return at;
}

/** Bytes of content of the chunk whose first @n bytes are @p; 0: it has none, or is invalid. */
static size_t chunk_size(const uint8_t *p, size_t n)
{
    const size_t len = eg_le32(p) >> 8;
    size_t size = 0;

    if (len <= CRC)
        return 0;
    if (p[0] == PLAIN)
        return len - CRC <= CHUNK ? len - CRC : 0;
    for (size_t i = CHUNK_HEADER + CRC, shift = 0; i < n && shift < 21; i++, shift += 7) {
        size |= (size_t)(p[i] & 127) << shift;
        if (!(p[i] & 128))
            return size <= CHUNK ? size : 0;
    }
    return 0;
}

/** Index the stream of a range of @bytes at *@at, and move *@at to its end. *@stored: the bytes of
 * content in it. @return 0; 1: damaged or truncated at *@at; or -EG_E…. */
static int add_range(struct avml *a, struct eg_image *img, uint64_t *at, uint64_t bytes,
                     uint64_t *stored, struct eg_error *e)
{
    const uint64_t size = eg_space_size(a->file), begin = *at;

    *stored = 0;
    for (;;) {
        uint8_t h[16] = { 0 };
        const size_t n = (size_t)EG_MIN(sizeof h, size - *at);
        const bool read = n >= TRAILER && eg_read(img->view, a->file, *at, h, n);
        uint64_t len, content;

        if (!read)
            return 1;
        if (a->chunks++ >= CHUNKS_MAX)
            return eg_fail(e, EG_EFORMAT, "%s: AVML: more than %d chunks", img->path, CHUNKS_MAX);
        if (*stored == bytes || eg_le64(h) == *at - begin) { // AVML drops an incomplete last page
            *at += TRAILER;
            return eg_le64(h) == *at - TRAILER - begin ? 0 : 1;
        }
        len = CHUNK_HEADER + (uint64_t)(eg_le32(h) >> 8);
        if (!eg_within(*at, len, size))
            return 1;
        if (h[0] == COMPRESSED || h[0] == PLAIN) {
            content = chunk_size(h, n);
            if (!content || content > bytes - *stored)
                return 1;
            if (!add_piece(a, *at, content, false))
                return eg_fail(e, EG_ENOMEM, "%s: out of memory for its chunks", img->path);
            *stored += content;
        } else if (h[0] < SKIPPABLE) {
            return 1;
        }
        *at += len;
    }
}

/** A gap of whole blocks after a whole block was left out because it is all zeros. If ranges are
 * not in ascending order, nothing is assumed. */
static bool add_gaps(struct avml *a)
{
    const size_t n = a->ranges.n;

    for (size_t i = 1; i < n; i++)
        if (a->ranges.at[i].start <= a->ranges.at[i - 1].last)
            return true;
    for (size_t i = 1; i < n; i++) {
        const struct eg_segment *r = &a->ranges.at[i - 1];
        const struct eg_segment gap = { .start = r->last + 1,
                                        .last = r[1].start - 1,
                                        .tail = EG_EXCLUDED };
        struct eg_segment *slot;

        if (r->last - r->start != BLOCK - 1 || gap.start > gap.last ||
            (gap.last - gap.start + 1) % BLOCK)
            continue;
        slot = eg_vec_push(&a->ranges);
        if (!slot)
            return false;
        *slot = gap;
    }
    return true;
}

/** Read the header at *@at or, if it is damaged, the next credible one, and move *@at to it.
 * @damaged: from here on, the stream of a range could not be followed. */
static bool next_header(const struct avml *a, struct eg_image *img, uint64_t *at, uint64_t damaged,
                        uint64_t after, struct eg_range_header *h)
{
    const uint64_t begin = *at, size = eg_space_size(a->file);

    if (eg_range_header(img->view, a->file, begin, &kind, h))
        return true;
    *at = search(img->view, a->file, damaged ? damaged : begin, after);
    eg_image_note(img,
                  "AVML: no range at %#" PRIx64 " where one should be: %" PRIu64
                  " KiB of the file are left out",
                  begin, *at < begin ? 0 : (*at - begin + 1023) >> 10);
    return *at < size && eg_range_header(img->view, a->file, *at, &kind, h);
}

static int read_ranges(struct avml *a, struct eg_image *img, struct eg_progress_line *progress,
                       struct eg_error *e)
{
    const uint64_t size = eg_space_size(a->file);
    uint64_t at = 0, shown = 0, after = 0, damaged = 0;
    struct eg_range_header h;

    while (at < size && next_header(a, img, &at, damaged, after, &h)) {
        uint64_t stored, below;
        struct eg_segment *range;
        int rc;

        if (eg_cancelled)
            return eg_fail(e, EG_ECANCEL, "stopped");
        below = eg_align_up(a->out, PAGE) + h.first % PAGE;
        if (below > a->out && !add_piece(a, at, below - a->out, true))
            return eg_fail(e, EG_ENOMEM, "%s: out of memory for its chunks", img->path);
        at += EG_RANGE_HEADER;
        damaged = at;
        rc = add_range(a, img, &at, h.last - h.first + 1, &stored, e);
        if (rc < 0)
            return rc;
        damaged = rc ? damaged : 0;
        range = eg_vec_push(&a->ranges);
        if (!range)
            return eg_fail(e, EG_ENOMEM, "%s: out of memory for its ranges", img->path);
        *range = (struct eg_segment){ h.first, h.last, NULL, below, stored, EG_UNREADABLE };
        after = EG_MAX(after, h.first);
        if (stored < h.last - h.first + 1)
            eg_image_note(img,
                          "AVML: the range %#" PRIx64 "-%#" PRIx64 " is %s: %" PRIu64
                          " KiB of it are missing",
                          h.first, h.last, rc ? "damaged or cut off" : "shorter than it says",
                          (h.last - h.first - stored + 1024) >> 10);
        if (at > shown) {
            eg_progress_add(progress, at - shown);
            shown = at;
        }
    }
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct avml *a = calloc(1, sizeof *a);
    struct eg_progress_line *progress;
    struct eg_space *content;
    size_t overlaps = 0;
    int rc;

    if (!a)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    a->file = file;
    make_crc(a);
    progress = eg_progress_begin("indexing", eg_space_size(file), "B", o->quiet);
    rc = read_ranges(a, img, progress, e);
    eg_progress_end(progress);
    if (!rc && !add_piece(a, eg_space_size(file), 0, false))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory for its chunks", img->path);
    if (!rc && !add_gaps(a))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory for its ranges", img->path);
    if (!rc && !a->out)
        rc = eg_fail(e, EG_EFORMAT, "%s: AVML: is empty, or damaged at its beginning", img->path);
    if (!rc && img->n_files == countof(img->files))
        rc = eg_fail(e, EG_EFORMAT, "%s: is packed too many times", img->path);
    if (!rc)
        rc = eg_pieces_open(&content, img->path, file, &codec, a, a->pieces.at, a->pieces.n - 1,
                            a->zero.at, o, e);
    if (rc) {
        fini(a);
        return rc;
    }
    img->files[img->n_files++] = content; // now owned by the image
    for (size_t i = 0; i < a->ranges.n; i++)
        a->ranges.at[i].below = content;
    rc = eg_segments_open(out, img->path, a->ranges.at, a->ranges.n, &overlaps, e);
    if (!rc && overlaps)
        eg_image_note(img, "AVML: %zu ranges overlap: the first in the file is used", overlaps);
    return rc;
}

static bool damaged(struct eg_view *v, struct eg_space *file)
{
    return search(v, file, eg_range_first(v, file, &kind), 0) < eg_space_size(file);
}

#else

static bool damaged(struct eg_view *v, struct eg_space *file)
{
    return eg_range_first(v, file, &kind) < eg_space_size(file);
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)file, (void)o;
    return eg_fail(e, EG_EUNSUP,
                   "%s: AVML: this engram was built without libsnappy: convert it with "
                   "`avml-convert`",
                   img->path);
}

#endif

EG_FORMAT(avml) = {
    .desc = "AVML",
    .suffix = ".lime.compressed",
    .head = 8,
    .probe = probe,
    .open = open_,
    .damaged = damaged,
};
