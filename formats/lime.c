/* lime.c - LiME version 1 (github.com/504ensicsLabs/LiME, doc/README.md; AVML writes it too without
 * compression): ranges, each behind a header (ranges.h) and all of it in the file. */
#include "ranges.h"
#include "sparse.h"
#include <inttypes.h>

enum { RANGES_MAX = 1 << 20 }; // a machine has some dozens

static const struct eg_range_kind kind = { 0x4c694d45, 1 };

struct lime {
    struct eg_image *img;
    struct eg_space *file;
    uint64_t size; // of the file
    EG_VEC(struct eg_segment) ranges;
    uint64_t after; // the last address so far
    uint64_t zeros; // bytes of ranges that were not stored
};

static int probe(const struct eg_head *h)
{
    return h->len >= 8 && eg_le32(h->at) == kind.magic && eg_le32(h->at + 4) == kind.version ? 95
                                                                                             : 0;
}

/** Is a header, or the end of the file, at @at? */
static bool ends(const struct lime *l, uint64_t at)
{
    struct eg_range_header next;

    return at == l->size || eg_range_header(l->img->view, l->file, at, &kind, &next);
}

/** Would a range of @bytes at @at end where the file ends, or where another header is? */
static bool fits(const struct lime *l, uint64_t at, uint64_t bytes)
{
    uint64_t end;

    return eg_add(at, bytes, &end) && ends(l, end);
}

/** AVML of March 2025 to March 2026 wrote nothing behind the header of a block that is all zeros:
 * the next header follows at once. */
static bool not_stored(const struct lime *l, uint64_t at, const struct eg_range_header *h)
{
    struct eg_range_header next;

    return eg_range_credible(l->img->view, l->file, at, &kind, h->last, &next) &&
           !fits(l, at, h->last - h->first + 1);
}

/** Do ranges follow one another from the header at @at on: up to the end of the file, or three of
 * them? Memory may hold a copy of a header, but then without what belongs behind it. */
static bool is_chain(const struct lime *l, uint64_t at, uint64_t after)
{
    struct eg_range_header h;

    for (int i = 0; i < 3 && at != l->size; i++) {
        if (!eg_range_credible(l->img->view, l->file, at, &kind, after, &h))
            return false;
        after = h.last;
        at += EG_RANGE_HEADER;
        if (!not_stored(l, at, &h) && !eg_add(at, h.last - h.first + 1, &at))
            return false;
    }
    return at == l->size || ends(l, at);
}

/** A range at @at whose end is no header: find the header that follows it, within what it claims.
 * @return the bytes up to it; 0: there is none. */
static uint64_t real_size(const struct lime *l, uint64_t at, const struct eg_range_header *h)
{
    static const uint8_t magic[] = { 'E', 'M', 'i', 'L' };
    const uint64_t far = UINT64_C(1) << 32; // the longest search: RAM below the hole, and some
    const uint64_t end = at + EG_MIN(EG_MIN(h->last - h->first + 1, l->size - at), far);

    for (uint64_t next = at; next < end; next++) {
        next = eg_find_bytes(l->img->view, l->file, next, end, magic, sizeof magic);
        if (next < end && is_chain(l, next, h->first))
            return next - at;
    }
    return 0;
}

/** Read the header at *@at or, if it is damaged, the next credible one, and move *@at to it. */
static bool next_header(struct lime *l, uint64_t *at, struct eg_range_header *h)
{
    const uint64_t begin = *at;
    struct eg_view *v = l->img->view;
    uint8_t b[EG_RANGE_HEADER];

    if (eg_range_header(v, l->file, begin, &kind, h))
        return true;
    if (eg_read(v, l->file, begin, b, sizeof b)) { // perhaps only its magic number is damaged
        *h = (struct eg_range_header){ eg_le64(b + 8), eg_le64(b + 16) };
        if (l->ranges.n && eg_le32(b + 4) == kind.version && !eg_le64(b + 24) &&
            h->first > l->after && h->first <= h->last && h->last != UINT64_MAX &&
            fits(l, begin + EG_RANGE_HEADER, h->last - h->first + 1)) {
            eg_image_note(l->img,
                          "LiME: the range header at %#" PRIx64
                          " has no magic number, but its range fits: it is used",
                          begin);
            return true;
        }
    }
    *at = eg_range_search(v, l->file, begin, &kind, l->after);
    if (*at < l->size)
        eg_image_note(l->img,
                      "LiME: no range header at %#" PRIx64 " where one should be: %" PRIu64
                      " bytes up to the next one at %#" PRIx64 " are left out",
                      begin, *at - begin, *at);
    else
        eg_image_note(l->img,
                      "LiME: no range header at %#" PRIx64 " where one should be: the last %" PRIu64
                      " bytes of the file are left out",
                      begin, l->size - begin);
    return *at < l->size && eg_range_header(v, l->file, *at, &kind, h);
}

static int read_ranges(struct lime *l, struct eg_error *e)
{
    struct eg_range_header h;
    uint64_t at = 0;

    while (eg_within(at, EG_RANGE_HEADER, l->size) && next_header(l, &at, &h)) {
        uint64_t bytes = h.last - h.first + 1, real = 0;
        struct eg_segment *r;
        bool absent;

        if (l->ranges.n == RANGES_MAX) {
            eg_image_note(l->img, "LiME: more than %d ranges: the rest is left out", RANGES_MAX);
            return 0;
        }
        r = eg_vec_push(&l->ranges);
        if (!r)
            return eg_fail(e, EG_ENOMEM, "%s: out of memory for its ranges", l->img->path);
        at += EG_RANGE_HEADER;
        absent = not_stored(l, at, &h);
        if (!absent && !fits(l, at, bytes))
            real = real_size(l, at, &h);
        if (real) {
            eg_image_note(l->img,
                          "LiME: the range %#" PRIx64 "-%#" PRIx64
                          " cannot be right: the next header follows after %" PRIu64
                          " bytes, which are taken as memory from %#" PRIx64 " on",
                          h.first, h.last, real, h.first);
            bytes = real;
            h.last = h.first + (real - 1);
        }
        *r = (struct eg_segment){ .start = h.first,
                                  .last = h.last,
                                  .below = l->file,
                                  .below_addr = at,
                                  .stored = absent ? 0 : EG_MIN(bytes, l->size - at),
                                  .tail = absent ? EG_OK : EG_UNREADABLE };
        l->after = EG_MAX(l->after, h.last);
        if (absent) {
            l->zeros += bytes;
            continue;
        }
        if (r->stored < bytes) {
            eg_image_note(l->img,
                          "LiME: truncated: of the last range, %#" PRIx64 "-%#" PRIx64 ", %" PRIu64
                          " of %" PRIu64 " MiB are missing",
                          h.first, h.last, (bytes - r->stored) >> 20, bytes >> 20);
            return 0;
        }
        at += bytes;
    }
    if (at < l->size && l->size - at < EG_RANGE_HEADER)
        eg_image_note(l->img, "LiME: %" PRIu64 " bytes after the last range: truncated?",
                      l->size - at);
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct lime l = { .img = img, .file = file, .size = eg_space_size(file) };
    size_t overlaps = 0;
    int rc = read_ranges(&l, e);

    (void)o;
    if (!rc)
        rc = l.ranges.n ? eg_segments_open(out, img->path, l.ranges.at, l.ranges.n, &overlaps, e)
                        : eg_fail(e, EG_EFORMAT, "%s: LiME: contains no range", img->path);
    eg_vec_fini(&l.ranges);
    if (!rc && overlaps)
        eg_image_note(img, "LiME: %zu ranges overlap: the first in the file is used", overlaps);
    if (!rc && l.zeros)
        eg_image_note(img,
                      "LiME: %" PRIu64 " MiB have a header but no bytes: AVML left out blocks that "
                      "are all zeros",
                      l.zeros >> 20);
    return rc;
}

static bool damaged(struct eg_view *v, struct eg_space *file)
{
    struct eg_image img = { .view = v };
    const struct lime l = { .img = &img, .file = file, .size = eg_space_size(file) };
    const uint64_t at = eg_range_first(v, file, &kind);

    return at < l.size && is_chain(&l, at, 0);
}

EG_FORMAT(lime) = {
    .desc = "LiME",
    .suffix = ".lime",
    .head = 8,
    .probe = probe,
    .open = open_,
    .damaged = damaged,
};
