/* lzop.c - a file inside lzop (lzop 1.04, src/lzop.c and conf.h), which libvirt uses for save
 * files. Its blocks have at most some megabytes and state their sizes, so they are read in place.
 * All numbers are big-endian. */
#include "config.h"
#include "pieces.h"
#ifdef HAVE_LZO
#include "../core/parallel.h"
#include <inttypes.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <zlib.h>
#endif

enum { MAGIC = 9 };

static int probe(const struct eg_head *h)
{
    return h->len >= MAGIC && !memcmp(h->at, "\x89LZO\0\r\n\x1a\n", MAGIC) ? 95 : 0;
}

#ifdef HAVE_LZO

enum {
    NEWER = 0x0940, // this and later versions have longer headers
    ADLER_CONTENT = 1,
    ADLER_PACKED = 2,
    EXTRA = 0x40,
    CRC_CONTENT = 0x100,
    CRC_PACKED = 0x200,
    FILTER = 0x800,
    METHODS = 3, // LZO1X-1, -1(15), -999: one decompressor
    BLOCKS_MAX = 1 << 24,
};

struct lzop {
    struct eg_space *file;
    EG_VEC(struct eg_piece) blocks; // in: the place of the header
    uint64_t end;
    uint32_t flags;
};

/** A block's header. */
struct block {
    uint32_t content, packed;
    uint32_t sum; // of the content
    uint64_t at;  // of the packed bytes
};

static bool be32(struct eg_view *v, const struct lzop *z, uint64_t *at, uint32_t *out)
{
    if (!eg_within(*at, 4, z->end) || !eg_read_u32(v, z->file, *at, true, out))
        return false;
    *at += 4;
    return true;
}

/** @return false: cut off, or not a block. content 0: the end of the blocks. */
static bool read_block(struct eg_view *v, const struct lzop *z, uint64_t at, struct block *b)
{
    static const uint32_t content[] = { ADLER_CONTENT, CRC_CONTENT };
    static const uint32_t packed[] = { ADLER_PACKED, CRC_PACKED };
    uint32_t sum;

    *b = (struct block){ 0 };
    if (!be32(v, z, &at, &b->content))
        return false;
    b->at = at;
    if (!b->content)
        return true;
    if (!be32(v, z, &at, &b->packed) || !b->packed || b->packed > b->content ||
        b->content > EG_FILL_MAX)
        return false;
    for (size_t i = 0; i < countof(content); i++)
        if (z->flags & content[i] && !be32(v, z, &at, &b->sum))
            return false;
    for (size_t i = 0; i < countof(packed); i++)
        if (z->flags & packed[i] && b->packed < b->content && !be32(v, z, &at, &sum))
            return false;
    b->at = at;
    return eg_within(at, b->packed, z->end);
}

static bool make(struct eg_view *v, void *context, void *state, size_t i, uint64_t skip, void *to,
                 size_t len)
{
    const struct lzop *z = context;
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    lzo_uint got = len;
    const uint8_t *p;
    struct block b;

    (void)state;
    (void)skip; // a block is made whole
    if (!read_block(v, z, z->blocks.at[i].in, &b) || b.content != len)
        return false;
    p = eg_pieces_input(v, z->file, b.at, b.packed, &copy);
    if (!p)
        return false;
    if (b.packed == b.content)
        memcpy(to, p, len);
    else if (lzo1x_decompress_safe(p, b.packed, to, &got, NULL) != LZO_E_OK || got != len)
        return false;
    if (z->flags & CRC_CONTENT)
        return crc32(0, to, (uInt)len) == b.sum;
    return !(z->flags & ADLER_CONTENT) || adler32(1, to, (uInt)len) == b.sum;
}

static void fini(void *context)
{
    struct lzop *z = context;

    eg_vec_fini(&z->blocks);
    free(z);
}

static const struct eg_codec codec = { .name = "lzop", .make = make, .fini = fini };

/** Read the header of the file, and set *@at to its end. */
static bool header(struct eg_view *v, struct lzop *z, uint64_t *at)
{
    uint8_t h[9]; // u16 version, library's, needed; u8 method, level
    uint32_t extra;
    uint64_t skip;
    bool newer;

    if (!eg_within(MAGIC, sizeof h, z->end) || !eg_read(v, z->file, MAGIC, h, sizeof h))
        return false;
    newer = eg_be16(h) >= NEWER;
    if (!h[newer ? 6 : 4] || h[newer ? 6 : 4] > METHODS)
        return false;
    *at = MAGIC + (newer ? 8 : 5);
    if (!be32(v, z, at, &z->flags))
        return false;
    // filter, mode, time
    skip = (z->flags & FILTER ? 4 : 0) + 4 + (newer ? 8 : 4);
    if (!eg_within(*at, skip + 1, z->end) || !eg_read(v, z->file, *at + skip, h, 1))
        return false;
    *at += skip + 1 + h[0] + 4; // name, checksum
    if (z->flags & EXTRA)
        return be32(v, z, at, &extra) && eg_add(*at, (uint64_t)extra + 4, at);
    return true;
}

static int index_(struct lzop *z, struct eg_image *img, bool quiet, struct eg_error *e)
{
    struct eg_progress_line *progress;
    uint64_t at, out = 0;
    struct block b = { .content = 1 };
    bool whole = true;

    if (!header(img->view, z, &at))
        return eg_fail(e, EG_EFORMAT, "%s: lzop: its header is damaged or cut off", img->path);
    progress = eg_progress_begin("indexing", z->end, "B", quiet);
    while (b.content && !eg_cancelled) {
        struct eg_piece *p;

        if (!read_block(img->view, z, at, &b)) {
            eg_image_note(img,
                          "lzop: the block at %#" PRIx64 " is damaged or cut off: what follows "
                          "is left out",
                          at);
            b.content = 0;
            whole = false;
        }
        p = z->blocks.n <= BLOCKS_MAX ? eg_vec_push(&z->blocks) : NULL;
        if (!p) {
            eg_progress_end(progress);
            return eg_fail(e, EG_ENOMEM, "%s: lzop: out of memory for its blocks, or more than %d",
                           img->path, BLOCKS_MAX);
        }
        *p = (struct eg_piece){ at, out };
        out += b.content;
        eg_progress_add(progress, b.at + b.packed - EG_MIN(at, b.at));
        at = b.at + b.packed;
    }
    eg_progress_end(progress);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (out && whole && at < z->end)
        eg_image_note(img,
                      "lzop: the %" PRIu64 " bytes after the end of the first file are left out",
                      z->end - at);
    return out ? 0 : eg_fail(e, EG_EFORMAT, "%s: lzop: is empty", img->path);
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct lzop *z = calloc(1, sizeof *z);
    int rc;

    if (!z)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    z->file = file;
    z->end = eg_space_size(file);
    rc = index_(z, img, o->quiet, e);
    if (!rc)
        rc = eg_pieces_open(out, img->path, file, &codec, z, z->blocks.at, z->blocks.n - 1, NULL, o,
                            e);
    if (rc)
        fini(z);
    return rc;
}

#else

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)file, (void)o;
    return eg_fail(e, EG_EUNSUP, "%s: lzop: this engram was built without liblzo2: unpack it",
                   img->path);
}

#endif

EG_FORMAT(lzop) = {
    .desc = "lzop",
    .suffix = ".lzo",
    .container = true,
    .head = MAGIC,
    .probe = probe,
    .open = open_,
};
