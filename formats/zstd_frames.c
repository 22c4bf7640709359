/* zstd_frames.c - see zstd_frames.h. */
#include "zstd_frames.h"
#include "../core/parallel.h"
#include "sparse.h"
#include <inttypes.h>

enum {
    BLOCK_MAX = 128 << 10,
    FRAMES_MAX = 1 << 24,
    TRIES_MAX = 256, // most places where the next frame is searched for after damaged ones
    NOTES_MAX = 4,
};

/** A frame, as its headers describe it. */
struct frame {
    enum { WHOLE, CUT, BAD } state;
    bool skippable, known;
    uint64_t next;  // where it ends
    uint64_t size;  // of its content, if known
    uint64_t bound; // or at most
};

static bool le(struct eg_view *v, struct eg_space *file, uint64_t at, size_t n, uint64_t *out)
{
    const uint8_t *p = eg_bytes(v, file, at, n);

    *out = 0;
    for (size_t i = 0; p && i < n; i++)
        *out |= (uint64_t)p[i] << 8 * i;
    return p;
}

/** Read the header at *@at, after the magic number, and move *@at to its end. @f gets the size of
 * the content, *@tail the length of the checksum. */
static bool header(struct eg_view *v, struct eg_space *file, uint64_t *at, uint64_t end,
                   struct frame *f, unsigned *tail)
{
    static const uint8_t dict_len[] = { 0, 1, 2, 4 }, size_len[] = { 0, 2, 4, 8 };
    uint64_t flags;
    unsigned skip, n;

    f->state = CUT;
    if (!eg_within(*at, 1, end) || !le(v, file, *at, 1, &flags))
        return false;
    skip = 1 + !(flags & 32) + dict_len[flags & 3]; // bit 5: one segment, no window byte
    n = flags >> 6 ? size_len[flags >> 6] : flags >> 5 & 1;
    *tail = flags & 4 ? 4 : 0;
    if (flags & 8) { // reserved
        f->state = BAD;
        return false;
    }
    if (!eg_within(*at, skip + n, end) || (n && !le(v, file, *at + skip, n, &f->size)))
        return false;
    f->size += n == 2 ? 256 : 0;
    f->known = n;
    *at += skip + n;
    return true;
}

static struct frame frame_at(struct eg_view *v, struct eg_space *file, uint64_t at, uint64_t end)
{
    struct frame f = { .state = CUT, .next = end };
    uint64_t magic, block;
    unsigned tail;

    if (!eg_within(at, 4, end) || !le(v, file, at, 4, &magic))
        return f;
    if ((magic & ~UINT64_C(15)) == EG_ZSTD_SKIPPABLE) {
        f.skippable = true;
        if (eg_within(at, 8, end) && le(v, file, at + 4, 4, &block) &&
            eg_within(at + 8, block, end)) {
            f.state = WHOLE;
            f.next = at + 8 + block;
        }
        return f;
    }
    f.state = BAD;
    at += 4;
    if (magic != (uint32_t)EG_ZSTD_MAGIC || !header(v, file, &at, end, &f, &tail))
        return f;
    do {
        uint64_t size;

        if (!eg_within(at, 3, end))
            return f.state = CUT, f;
        f.state = BAD;
        if (!le(v, file, at, 3, &block))
            return f;
        size = block >> 3;
        if (size > BLOCK_MAX || (block >> 1 & 3) == 3)
            return f;
        f.bound += (block >> 1 & 3) == 2 ? BLOCK_MAX : size;
        size = (block >> 1 & 3) == 1 ? 1 : size; // one byte, repeated
        at += 3;
        if (!eg_within(at, size, end))
            return f.state = CUT, f;
        at += size;
    } while (!(block & 1));
    if (!eg_within(at, tail, end))
        return f.state = CUT, f;
    f.state = f.known && f.size > f.bound ? BAD : WHOLE;
    f.next = at + tail;
    return f;
}

/** The next whole frame after a damaged one; @end: none. */
static uint64_t resync(struct eg_view *v, struct eg_space *file, uint64_t at, uint64_t end,
                       int *tries)
{
    static const uint8_t magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

    for (; *tries < TRIES_MAX; ++*tries, at++) {
        at = eg_find_bytes(v, file, at, end, magic, sizeof magic);
        if (at == end || frame_at(v, file, at, end).state == WHOLE)
            return at;
    }
    return end;
}

static int add(struct eg_zstd_index *x, uint64_t in, uint64_t out, const char *name,
               struct eg_error *e)
{
    struct eg_piece *f;

    if (x->frames.n > FRAMES_MAX)
        return eg_fail(e, EG_EFORMAT, "%s: zstd: more than %d frames: unpack it first", name,
                       FRAMES_MAX);
    f = eg_vec_push(&x->frames);
    if (!f)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", name);
    *f = (struct eg_piece){ in, out };
    return 0;
}

static int walk(struct eg_zstd_index *x, struct eg_image *img, struct eg_space *file,
                struct eg_progress_line *progress, struct eg_error *e)
{
    const uint64_t end = eg_space_size(file);
    uint64_t at = 0, out = 0, damaged = 0, usual = 0;
    int rc, tries = 0;

    x->exact = true;
    while (at < end) {
        struct frame f = frame_at(img->view, file, at, end);
        bool guessed = false;
        uint64_t size;

        if (eg_cancelled)
            return eg_fail(e, EG_ECANCEL, "stopped");
        if (f.state == BAD && !f.skippable) {
            f.next = resync(img->view, file, at + 4, end, &tries);
            if (!f.known && f.next < end) { // its header is lost: frames are of one size
                const struct frame next = frame_at(img->view, file, f.next, end);

                f.size = usual || !next.known ? usual : next.size;
                f.known = guessed = f.size;
            }
        }
        size = f.known && f.size <= UINT64_MAX / 2 ? f.size : f.bound;
        if (f.state == WHOLE && f.known && size)
            usual = size;
        if (f.state == CUT)
            eg_image_note(img, "zstd: truncated: the frame at %#" PRIx64 " is cut off", at);
        else if (f.state == BAD && damaged++ < NOTES_MAX)
            eg_image_note(img,
                          "zstd: the frame at %#" PRIx64 " is damaged; the next one is at "
                          "%#" PRIx64 " of %#" PRIx64 " bytes%s",
                          at, f.next, end,
                          guessed ? "; its size is taken to be that of another" : "");
        if (!f.skippable && size) {
            if ((rc = add(x, at, out, img->path, e)))
                return rc;
            x->exact &= f.known;
            if (!eg_add(out, size, &out) || out > UINT64_MAX / 2)
                return eg_fail(e, EG_EFORMAT, "%s: zstd: its frames claim 2^63 bytes", img->path);
        }
        eg_progress_add(progress, f.next - at);
        at = f.next;
    }
    if (damaged > NOTES_MAX)
        eg_image_note(img, "zstd: %" PRIu64 " more frames are damaged", damaged - NOTES_MAX);
    return add(x, end, out, img->path, e);
}

/** @return 1: there is no valid table. */
static int read_table(struct eg_zstd_index *x, struct eg_image *img, struct eg_space *file,
                      struct eg_error *e)
{
    const uint64_t size = eg_space_size(file);
    struct eg_view *v = img->view;
    uint64_t n, flags, magic, entry, table, frame, in = 0, out = 0;
    int rc;

    if (size < 8 + EG_ZSTD_SEEK_FOOTER || !le(v, file, size - 4, 4, &magic) ||
        magic != (uint32_t)EG_ZSTD_SEEK_MAGIC || !le(v, file, size - 5, 1, &flags) ||
        !le(v, file, size - 9, 4, &n))
        return 1;
    entry = flags & EG_ZSTD_SEEK_CHECKS ? 12 : 8;
    if (flags & 0x7c || n > FRAMES_MAX || n * entry > size - 8 - EG_ZSTD_SEEK_FOOTER)
        goto bad;
    table = size - EG_ZSTD_SEEK_FOOTER - n * entry;
    if (!le(v, file, table - 8, 4, &magic) || magic != EG_ZSTD_SEEK_FRAME ||
        !le(v, file, table - 4, 4, &frame) || frame != n * entry + EG_ZSTD_SEEK_FOOTER)
        goto bad;
    if (!eg_vec_reserve(&x->frames, (size_t)n + 1))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", img->path);
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *p = eg_bytes(v, file, table + i * entry, 8);

        if (!p)
            goto bad;
        if ((rc = add(x, in, out, img->path, e)))
            return rc;
        in += eg_le32(p);
        out += eg_le32(p + 4);
    }
    if (in > table - 8)
        goto bad;
    x->seekable = x->exact = true;
    x->checks = entry == 12 ? table + 8 : 0;
    return add(x, in, out, img->path, e);
bad:
    eg_image_note(img, "zstd: the seek table is damaged: frames are found one by one");
    x->frames.n = 0;
    return 1;
}

int eg_zstd_index(struct eg_zstd_index *out, struct eg_image *img, struct eg_space *file,
                  bool quiet, struct eg_error *e)
{
    struct eg_zstd_index x = { 0 };
    int rc = read_table(&x, img, file, e);

    if (rc > 0) {
        struct eg_progress_line *p =
            eg_progress_begin("looking for zstd frames", eg_space_size(file), "B", quiet);

        rc = walk(&x, img, file, p, e);
        eg_progress_end(p);
    }
    if (!rc && x.frames.at[x.frames.n - 1].out == 0)
        rc = eg_fail(e, EG_EFORMAT, "%s: zstd: is empty, or its first frame is damaged", img->path);
    if (rc) {
        eg_zstd_index_fini(&x);
        return rc;
    }
    *out = x;
    return 0;
}

void eg_zstd_index_fini(struct eg_zstd_index *x)
{
    eg_vec_fini(&x->frames);
}
