/* lz4_index.c - see lz4_index.h. */
#include "lz4_index.h"
#include "config.h"
#ifdef HAVE_LZ4
#include "../core/parallel.h"
#include "sparse.h"
#include <inttypes.h>
#include <lz4.h>
#include <stdlib.h>
#include <xxhash.h>

enum {
    SKIPPABLE = 0x184d2a50,
    FRAMES_MAX = 1 << 20,
    BLOCKS_MAX = 1 << 24,
    IS_LINKED = 1, // of struct frame
    IS_LEGACY = 2,
    HAS_CHECKS = 4,
    HAS_SIZE = 8,
    HAS_CHECK = 16,       // of its whole content
    LOST_MAX = 1 << 30,   // bytes of a frame that was lost
    TASTE = 4096,         // bytes that are decompressed first
    TRIALS_MAX = 1 << 30, // bytes of blocks that are tried to find those behind damage
};

struct frame {
    unsigned flags;
    uint32_t max;  // content of a block
    uint64_t size; // of the content, if known
    uint64_t blocks;
    bool whole;
};

size_t eg_lz4_unblock(struct eg_view *v, const struct eg_lz4 *z, uint64_t in, void *to, size_t room)
{
    const uint64_t at = in & EG_LZ4_PLACE;
    eg_cleanup(eg_free_) uint8_t *copy = NULL;
    uint32_t size, check;
    const uint8_t *p;
    size_t n;
    int made;

    if (!eg_read_u32(v, z->file, at, false, &size))
        return 0;
    n = in & EG_LZ4_LARGE ? size : size & INT32_MAX;
    p = n <= INT32_MAX ? eg_pieces_input(v, z->file, at + 4, n, &copy) : NULL;
    if (!p)
        return 0;
    if (!(in & EG_LZ4_LARGE) && size >> 31) {
        if (n > room)
            return 0;
        memcpy(to, p, n);
        made = (int)n;
    } else {
        made = LZ4_decompress_safe((const char *)p, to, (int)n, (int)room);
    }
    if (in & EG_LZ4_CHECKED) {
        // Computed before the read, which may invalidate p.
        const uint32_t sum = XXH32(p, n, 0);

        if (!eg_read_u32(v, z->file, at + 4 + n, false, &check) || check != sum)
            return 0;
    }
    return made > 0 ? (size_t)made : 0;
}

/** The header behind the magic number. @return false: damaged, cut off, or with a dictionary. */
static bool header(struct eg_view *v, const struct eg_lz4 *z, uint64_t *at, struct frame *f)
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

static bool add_block(struct eg_lz4 *z, uint64_t in, uint64_t size)
{
    struct eg_piece *b = z->blocks.n < BLOCKS_MAX ? eg_vec_push(&z->blocks) : NULL;

    if (!b)
        return false;
    *b = (struct eg_piece){ in, z->out };
    z->out += size;
    return true;
}

/* ---- damage ---- */

/** Does a frame end at @at: with the end of the file, or another frame? */
static bool frame_ends(struct eg_view *v, const struct eg_lz4 *z, uint64_t at)
{
    uint32_t magic = 0;

    return at == z->end ||
           (eg_within(at, 4, z->end) && eg_read_u32(v, z->file, at, false, &magic) &&
            (magic == EG_LZ4_MAGIC || magic == EG_LZ4_LEGACY ||
             (magic & ~UINT32_C(15)) == SKIPPABLE));
}

/** Is the size of a block at @at 0, and does the frame end there? */
static bool last_mark(struct eg_view *v, const struct eg_lz4 *z, uint64_t at, const struct frame *f)
{
    uint32_t size = 1;

    return eg_within(at, 4, z->end) && eg_read_u32(v, z->file, at, false, &size) && !size &&
           frame_ends(v, z, at + 4 + (f->flags & HAS_CHECK ? 4 : 0));
}

/** Can the first bytes of a block of @n bytes at @at be decompressed? Most of what is no block
 * fails here. */
static bool begins_well(struct eg_view *v, const struct eg_lz4 *z, uint64_t at, size_t n, void *buf,
                        size_t room)
{
    uint8_t *copy = NULL;
    const uint8_t *p = eg_pieces_input(v, z->file, at, EG_MIN(n, (size_t)TASTE), &copy);
    const int made =
        p ? LZ4_decompress_safe_partial((const char *)p, buf, (int)EG_MIN(n, (size_t)TASTE),
                                        TASTE / 2, (int)room)
          : -1;

    free(copy);
    return made > 0;
}

/** Is there a block at @at? It must make as much content as a block can, or be the last one. @buf
 * has f->max bytes. */
static bool is_block(struct eg_view *v, struct eg_lz4 *z, uint64_t at, const struct frame *f,
                     void *buf)
{
    const uint64_t check = f->flags & HAS_CHECKS ? 4 : 0;
    const bool legacy = f->flags & IS_LEGACY;
    uint64_t n, end;
    uint32_t size;
    size_t made;
    bool last;

    if (!eg_within(at, 4, z->end) || !eg_read_u32(v, z->file, at, false, &size))
        return false;
    n = legacy ? size : size & INT32_MAX;
    end = at + 4 + n + check;
    if (!n || n > (uint64_t)LZ4_COMPRESSBOUND(f->max) || end > z->end || z->trials > TRIALS_MAX)
        return false;
    last = legacy ? frame_ends(v, z, end) : last_mark(v, z, end, f);
    if (!last && !legacy && size >> 31 && n != f->max && !check)
        return false;
    z->trials += TASTE;
    if ((legacy || !(size >> 31)) && !begins_well(v, z, at + 4, (size_t)n, buf, f->max))
        return false;
    z->trials += n;
    made = eg_lz4_unblock(v, z, at | (check ? EG_LZ4_CHECKED : 0) | (legacy ? EG_LZ4_LARGE : 0),
                          buf, f->max);
    return made == f->max || (made && last);
}

/** The first block in [@at, @end). @return @end: there is none. */
static uint64_t find_block(struct eg_view *v, struct eg_lz4 *z, uint64_t at, uint64_t end,
                           const struct frame *f)
{
    eg_cleanup(eg_free_) uint8_t *buf = malloc(f->max);
    uint8_t window[4096];

    if (!buf)
        eg_view_starved(v);
    for (; buf && at < end && end - at >= 4; at += sizeof window - 3) {
        const size_t n = (size_t)EG_MIN(sizeof window, end - at);

        eg_read_some(v, z->file, at, window, n, NULL);
        for (size_t i = 0; i + 4 <= n; i++) {
            const uint32_t size = eg_le32(window + i);
            const uint32_t packed = f->flags & IS_LEGACY ? size : size & INT32_MAX;

            if (packed && packed <= (uint32_t)LZ4_COMPRESSBOUND(f->max) &&
                is_block(v, z, at + i, f, buf))
                return at + i;
        }
    }
    return end;
}

/** The next frame from @at on: its header has the right checksum, and it begins with a block.
 * @return @end: there is none. */
static uint64_t find_frame(struct eg_view *v, struct eg_lz4 *z, uint64_t at, uint64_t end)
{
    static const uint8_t magic[] = { 0x04, 0x22, 0x4d, 0x18 };

    for (; (at = eg_find_bytes(v, z->file, at, end, magic, sizeof magic)) < end; at++) {
        eg_cleanup(eg_free_) uint8_t *buf = NULL;
        struct frame f = { 0 };
        uint64_t behind = at + 4;

        if (!header(v, z, &behind, &f))
            continue;
        buf = malloc(f.max);
        if (!buf)
            eg_view_starved(v);
        if (buf && is_block(v, z, behind, &f, buf))
            break;
    }
    return at;
}

/** The header of a block at *@at is damaged, or that of the one before, which led there. Move *@at
 * to the next block of the frame, and @add one that cannot be read for a lost one. @return false:
 * there is none. */
static bool resume(struct eg_view *v, struct eg_lz4 *z, uint64_t *at, struct frame *f, bool *add)
{
    const struct eg_piece *before = f->blocks ? &z->blocks.at[z->blocks.n - 1] : NULL;
    const uint64_t from = before ? (before->in & EG_LZ4_PLACE) + 5 : *at + 1;
    const uint64_t far = *at + 2 * (8 + (uint64_t)LZ4_COMPRESSBOUND(f->max));
    const uint64_t end = find_frame(v, z, from, EG_MIN(far, z->end));
    const uint64_t next = f->flags & IS_LINKED ? end : find_block(v, z, from, end, f);
    eg_cleanup(eg_free_) uint8_t *buf = NULL;

    if (next >= end) {
        *at = EG_MIN(*at, end); // a false size led past the next frame
        return false;
    }
    buf = malloc(f->max);
    *add = next > *at && (!before || (buf && is_block(v, z, before->in & EG_LZ4_PLACE, f, buf)));
    *at = next;
    return true;
}

/* ---- frames ---- */

/** The blocks of a frame from *@at on. @return false: out of memory. */
static bool blocks(struct eg_image *img, struct eg_lz4 *z, uint64_t *at, struct frame *f)
{
    const uint64_t sum = f->flags & HAS_CHECK ? 4 : 0;
    const uint64_t check = f->flags & HAS_CHECKS ? 4 : 0;
    const bool legacy = f->flags & IS_LEGACY;
    const uint64_t most = legacy ? (uint64_t)LZ4_COMPRESSBOUND(EG_LZ4_LEGACY_BLOCK) : f->max;
    struct eg_view *v = img->view;

    while (!eg_cancelled) {
        const uint64_t begin = *at;
        uint32_t size;
        uint64_t n, next = begin + 4;
        bool lost = false;

        if (legacy && begin == z->end)
            return f->whole = true;
        if (!eg_within(begin, 4, z->end) || !eg_read_u32(v, z->file, begin, false, &size))
            return true;
        if (legacy &&
            ((size & ~UINT32_C(15)) == SKIPPABLE || size == EG_LZ4_MAGIC || size == EG_LZ4_LEGACY))
            return f->whole = true; // the next frame
        n = legacy ? size : size & INT32_MAX;
        if (!size && !legacy && (last_mark(v, z, begin, f) || !resume(v, z, at, f, &lost))) {
            f->whole = *at == begin && eg_within(next, sum, z->end);
            *at = f->whole ? next + sum : *at;
            return true;
        }
        if (!n || n > most || !eg_add(next, n + check, &next) || next > z->end) {
            if (*at == begin && !resume(v, z, at, f, &lost))
                return true;
            eg_image_note(img,
                          "lz4: the block at %#" PRIx64
                          " or the one before it is damaged: the next one is at %#" PRIx64,
                          begin, *at);
            if (lost && !add_block(z, begin, f->max)) // which cannot be decompressed
                return false;
            f->blocks += lost;
            continue;
        }
        if (!add_block(z, begin | (check ? EG_LZ4_CHECKED : 0) | (legacy ? EG_LZ4_LARGE : 0),
                       f->max))
            return false;
        f->blocks++;
        *at = next;
    }
    return true;
}

/** The header of the frame at @begin is damaged: is it a frame with the header of the one
 * before? */
static bool like_last(struct eg_image *img, const struct eg_lz4 *z, uint64_t *at, struct frame *f,
                      uint64_t begin)
{
    uint32_t size;
    uint64_t n;

    *f = (struct frame){ .flags = z->last.flags & ~HAS_SIZE, .max = z->last.max };
    *at = begin + z->last.header;
    if (!z->last.header || f->flags & (IS_LEGACY | IS_LINKED) || !eg_within(*at, 4, z->end) ||
        !eg_read_u32(img->view, z->file, *at, false, &size))
        return false;
    n = size & INT32_MAX;
    if (!n || n > f->max)
        return false;
    eg_image_note(img,
                  "lz4: the header of the frame at %#" PRIx64
                  " is damaged: it is taken to be as that of the frame before",
                  begin);
    return true;
}

/** Add @len bytes of content that cannot be read, in place of what is damaged at @at. @return
 * false: out of memory. */
static bool add_lost(struct eg_lz4 *z, uint64_t at, uint64_t len)
{
    while (len) {
        const uint64_t n = EG_MIN(len, (uint64_t)z->last.max);

        if (!add_block(z, at, n))
            return false;
        len -= n;
    }
    return true;
}

/** From @at to @next is no frame: add what as many frames would hold as need that space. @return
 * false: out of memory. */
static bool add_lost_frames(struct eg_lz4 *z, uint64_t at, uint64_t next)
{
    const uint64_t n = z->last.most ? (next - at + z->last.most / 2) / z->last.most : 0;
    struct eg_piece *p;

    if (!z->last.content || z->last.content > LOST_MAX)
        return true;
    p = z->frames.n < FRAMES_MAX ? eg_vec_push(&z->frames) : NULL;
    if (!p)
        return false;
    *p = (struct eg_piece){ at, z->out };
    return add_lost(z, at, EG_MIN(EG_MAX(n, 1u), LOST_MAX / z->last.content) * z->last.content);
}

/** The content of a damaged frame, from @out on, is as long as its header says, or else as that of
 * the last frame. @return false: out of memory. */
static bool as_long_as(struct eg_lz4 *z, struct frame *f, uint64_t at, uint64_t out)
{
    const uint64_t want = f->flags & HAS_SIZE ? f->size : z->last.content;
    uint64_t lost;

    z->last.max = f->max;
    while (want && f->blocks > 1 && z->out - out >= f->max &&
           z->out - out - f->max >= want) { // false sizes led to them
        z->blocks.n--;
        z->out -= f->max;
        f->blocks--;
    }
    if (!want || want == z->out - out)
        return true;
    if (want < z->out - out) {
        z->out = out + want;
        return true;
    }
    lost = want - (z->out - out);
    if (lost > LOST_MAX || lost / 255 > z->end - at)
        return true;
    f->blocks++;
    return add_lost(z, at, lost);
}

/** Index a frame at *@at, and move *@at to its end. @return 1: nothing more can be read. */
static int frame(struct eg_lz4 *z, struct eg_image *img, uint64_t *at, struct eg_error *e)
{
    const uint64_t begin = *at, out = z->out;
    struct frame f = { 0 };
    struct eg_piece *p;
    uint32_t magic, size;

    if (!eg_within(begin, 8, z->end) || !eg_read_u32(img->view, z->file, begin, false, &magic) ||
        !eg_read_u32(img->view, z->file, begin + 4, false, &size))
        return 1;
    if ((magic & ~UINT32_C(15)) == SKIPPABLE && eg_within(begin + 8, size, z->end)) {
        *at += 8 + (uint64_t)size;
        return 0;
    }
    *at += 4;
    if (magic == EG_LZ4_LEGACY)
        f = (struct frame){ .flags = IS_LEGACY, .max = EG_LZ4_LEGACY_BLOCK };
    else if ((magic != EG_LZ4_MAGIC || !header(img->view, z, at, &f)) &&
             !like_last(img, z, at, &f, begin))
        return *at = begin, 1;
    z->last.header = *at - begin;
    z->unchecked |= (f.flags & (HAS_CHECK | HAS_CHECKS)) == HAS_CHECK;
    if (!blocks(img, z, at, &f))
        return eg_fail(e, EG_ENOMEM, "%s: lz4: out of memory for its blocks, or more than %d",
                       img->path, BLOCKS_MAX);
    if (!f.whole)
        eg_image_note(img, "lz4: the frame at %#" PRIx64 " is damaged or cut off at %#" PRIx64,
                      begin, *at);
    z->sized = !f.whole && (f.blocks || f.flags & HAS_SIZE);
    if (z->sized && !as_long_as(z, &f, *at, out))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", img->path);
    // The size in the header is used only if it agrees with the number of blocks.
    if (f.flags & HAS_SIZE && f.whole && f.blocks && f.size <= f.blocks * f.max &&
        f.size > (f.blocks - 1) * f.max)
        z->out = out + f.size;
    else if (f.blocks)
        z->exact = false;
    z->linked |= f.flags & IS_LINKED && f.blocks > 1;
    if (f.whole && f.blocks) {
        z->last.flags = f.flags;
        z->last.max = f.max;
        z->last.most = EG_MAX(z->last.most, *at - begin);
        z->last.content = z->out - out;
    }
    if (!f.blocks)
        return !f.whole;
    p = z->frames.n < FRAMES_MAX ? eg_vec_push(&z->frames) : NULL;
    if (!p)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", img->path);
    *p = (struct eg_piece){ begin, out };
    return !f.whole;
}

int eg_lz4_index(struct eg_lz4 *z, struct eg_image *img, struct eg_error *e)
{
    struct eg_piece *p;
    uint64_t at = 0;
    int rc = 0;

    z->exact = true;
    while (!rc && at < z->end && !eg_cancelled) {
        const uint64_t begin = at;

        rc = frame(z, img, &at, e);
        if (rc == 1) {
            const uint64_t next = find_frame(img->view, z, at + (at == begin), z->end);

            if (next == z->end)
                break;
            eg_image_note(img,
                          "lz4: %" PRIu64 " KiB at %#" PRIx64
                          " are in no frame: how much content they had is a guess from the frames "
                          "before, and what follows may be at wrong addresses",
                          (next - at + 1023) >> 10, at);
            rc = z->sized || add_lost_frames(z, at, next)
                     ? 0
                     : eg_fail(e, EG_ENOMEM, "%s: out of memory for its frames", img->path);
            at = next;
        }
    }
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

#endif
