/* lime.c - LiME version 1 (github.com/504ensicsLabs/LiME, doc/README.md; AVML writes it too without
 * compression): ranges, each behind a header of 32 bytes, all little-endian:
 *
 *   0 u32 magic "EMiL"   4 u32 version   8 u64 first address   16 u64 last address   24 8 zeros  */
#include "../core/image.h"
#include <inttypes.h>

enum {
    MAGIC = 0x4c694d45,
    HEADER = 32,
    RANGES_MAX = 1 << 20, // a machine has some dozens
};

static int probe(const struct eg_head *h)
{
    return h->len >= 8 && eg_le32(h->at) == MAGIC && eg_le32(h->at + 4) == 1 ? 95 : 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    EG_VEC(struct eg_segment) ranges = { 0 };
    const uint64_t size = eg_space_size(file);
    size_t overlaps = 0;
    uint64_t at = 0;
    int rc;

    (void)o;
    while (eg_within(at, HEADER, size)) {
        struct eg_segment *r;
        uint8_t h[HEADER];
        uint64_t first, last, bytes;

        if (!eg_read(img->view, file, at, h, sizeof h)) {
            eg_image_note(
                img, "LiME: the header at %#" PRIx64 " cannot be read: the rest is left out", at);
            break;
        }
        first = eg_le64(h + 8);
        last = eg_le64(h + 16);
        if (eg_le32(h) != MAGIC || eg_le32(h + 4) != 1 || first > last || last == UINT64_MAX) {
            eg_image_note(img,
                          "LiME: no range header at %#" PRIx64 " where one should be: the last "
                          "%" PRIu64 " MiB of the file are left out",
                          at, (size - at) >> 20);
            break;
        }
        if (ranges.n == RANGES_MAX) {
            eg_image_note(img, "LiME: more than %d ranges: the rest is left out", RANGES_MAX);
            break;
        }
        r = eg_vec_push(&ranges);
        if (!r) {
            eg_vec_fini(&ranges);
            return eg_fail(e, EG_ENOMEM, "%s: out of memory for its ranges", img->path);
        }
        at += HEADER;
        bytes = last - first + 1;
        *r = (struct eg_segment){ .start = first,
                                  .last = last,
                                  .below = file,
                                  .below_addr = at,
                                  .stored = EG_MIN(bytes, size - at),
                                  .tail = EG_UNREADABLE };
        if (r->stored < bytes) {
            eg_image_note(img,
                          "LiME: truncated: of the last range, %#" PRIx64 "-%#" PRIx64 ", %" PRIu64
                          " of %" PRIu64 " MiB are missing",
                          first, last, (bytes - r->stored) >> 20, bytes >> 20);
            at = size;
            break;
        }
        at += bytes;
    }
    if (at < size && size - at < HEADER)
        eg_image_note(img, "LiME: %" PRIu64 " bytes after the last range: truncated?", size - at);
    rc = ranges.n ? eg_segments_open(out, img->path, ranges.at, ranges.n, &overlaps, e)
                  : eg_fail(e, EG_EFORMAT, "%s: LiME: holds no range", img->path);
    eg_vec_fini(&ranges);
    if (!rc && overlaps)
        eg_image_note(img, "LiME: %zu ranges overlap: the first in the file counts", overlaps);
    return rc;
}

EG_FORMAT(lime) = {
    .desc = "LiME",
    .suffix = ".lime",
    .head = 8,
    .probe = probe,
    .open = open_,
};
