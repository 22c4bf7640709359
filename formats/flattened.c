/* flattened.c - makedumpfile's flattened stream (its IMPLEMENTATION; QEMU's dump/dump.c writes it,
 * too): a file as records, in the order in which its pieces were written. A later record overwrites
 * an earlier one; bytes in no record are zeros. All numbers are 64 bits wide and big-endian.
 *
 *   header: "makedumpfile" in 16 bytes, type 1, version 1; 4096 bytes in all
 *   record: offset, length, bytes; the last has offset -1
 *
 * The index has two levels. The bytes of all records, one after another, are the payload, a space
 * of its own with a mark at every 8th record. Records that continue each other are one range of the
 * payload. */
#include "../core/image.h"
#include "../core/parallel.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    START = 4096,
    RECORD = 16,
    STEP = 8,            // records from one mark to the next
    MARKS_MAX = 1 << 21, // 32 MiB
    RANGES_MAX = 1 << 20,
    CHAIN = 16, // records that must follow one another to be credible
    SEARCH_MAX = 1 << 30,
};

struct mark {
    uint64_t in, out; // a record's place in the file, and of its bytes in the payload
};
struct payload {
    struct eg_space as;
    struct eg_space *file;
    EG_VEC(struct mark) marks;
};
struct flattened {
    struct eg_space as;
    struct eg_space *payload, *ranges;
    bool lost; // records, so that what is in none may be anything
};
struct reader {
    struct payload *payload;
    EG_VEC(struct eg_segment) ranges;
    uint64_t end;      // of the file that the records make
    uint64_t searched; // bytes, for records behind damaged ones
    uint64_t empty;    // records of zeros: no writer makes them
    bool lost;
};

static int probe(const struct eg_head *h)
{
    return h->len >= 16 && !memcmp(h->at, "makedumpfile\0\0\0\0", 16) ? 95 : 0;
}

/* ---- the payload ---- */

/** Find the record with byte @addr of the payload, record by record from the mark before it. */
static void payload_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                           struct eg_extent *out)
{
    const struct payload *p = as->priv;
    const size_t after = eg_lower_bound(p->marks.n, i, p->marks.at[i].out <= addr);
    const size_t mark = after ? after - 1 : 0;
    uint64_t in, at, len;

    in = p->marks.at[mark].in;
    at = p->marks.at[mark].out;
    *out = (struct eg_extent){ .start = addr, .last = addr, .why = EG_UNREADABLE };
    for (int i = 0; i < STEP; i++, in += RECORD + len, at += len) {
        if (!eg_read_u64(v, p->file, in + 8, true, &len) || len > INT64_MAX - at - RECORD)
            return;
        if (addr - at < len) {
            *out = (struct eg_extent){
                .start = at, .last = at + (len - 1), .below = p->file, .below_addr = in + RECORD
            };
            if (after < p->marks.n) // a damaged length ends where the next mark begins
                out->last = EG_MIN(out->last, p->marks.at[after].out - 1);
            return;
        }
    }
}

static void payload_close(struct eg_space *as)
{
    struct payload *p = as->priv;

    eg_vec_fini(&p->marks);
}

static const struct eg_space_ops payload_ops = { .name = "records",
                                                 .extent = payload_extent,
                                                 .close = payload_close };

/* ---- the file ---- */

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct flattened *f = as->priv;

    eg_extent_at(v, f->ranges, addr, out);
    if (out->why == EG_ABSENT) {
        out->why = f->lost ? EG_UNREADABLE : EG_OK;
        out->zero = !f->lost;
    }
}

static void close_(struct eg_space *as)
{
    struct flattened *f = as->priv;

    eg_space_close(f->ranges);
    eg_space_close(f->payload);
}

static const struct eg_space_ops ops = { .name = "flattened", .extent = extent, .close = close_ };

static bool add_mark(struct payload *p, uint64_t in, uint64_t out)
{
    struct mark *m = eg_vec_push(&p->marks);

    if (m)
        *m = (struct mark){ in, out };
    return m;
}

/** Add a record of @len bytes for @offset, of which @stored are in the file. */
static bool add_range(struct reader *r, uint64_t offset, uint64_t out, uint64_t len,
                      uint64_t stored)
{
    struct eg_segment *g = r->ranges.n ? &r->ranges.at[r->ranges.n - 1] : NULL;

    if (g && g->last + 1 == offset) {
        g->last += len;
        g->stored += stored;
    } else {
        g = eg_vec_push(&r->ranges);
        if (!g)
            return false;
        *g = (struct eg_segment){ .start = offset,
                                  .last = offset + (len - 1),
                                  .below = &r->payload->as,
                                  .below_addr = out,
                                  .stored = stored,
                                  .tail = EG_UNREADABLE };
    }
    r->end = EG_MAX(r->end, offset + len);
    return true;
}

/** Is a record at @at that is whole, and may be one? */
static bool is_record(struct eg_view *v, struct eg_space *file, uint64_t at, uint64_t *len)
{
    uint64_t offset;

    return eg_within(at, RECORD, eg_space_size(file)) && eg_read_u64(v, file, at, true, &offset) &&
           eg_read_u64(v, file, at + 8, true, len) && *len && offset <= INT64_MAX &&
           *len <= INT64_MAX - offset && eg_within(at + RECORD, *len, eg_space_size(file));
}

/** Is the end of the file at @at, or the end mark before it? A mark of which only one half is right
 * is none for read_records either: else the two would ask each other for ever. */
static bool is_end(struct eg_view *v, struct eg_space *file, uint64_t at)
{
    uint64_t mark, second;

    return at == eg_space_size(file) ||
           (at == eg_space_size(file) - RECORD && eg_read_u64(v, file, at, true, &mark) &&
            mark == UINT64_MAX && eg_read_u64(v, file, at + 8, true, &second) &&
            second == UINT64_MAX);
}

/** Find the first of some records that follow one another, at or after @at. @return the size of the
 * file: there is none. */
static uint64_t next_record(struct reader *r, struct eg_view *v, uint64_t at)
{
    struct eg_space *file = r->payload->file;

    while (r->searched < SEARCH_MAX && !eg_cancelled) {
        size_t n = SEARCH_MAX;
        const uint8_t *p = at < eg_space_size(file) ? eg_map_some(v, file, at, &n) : NULL;
        size_t i = 0;

        if (!p)
            break;
        // Most places are ruled out by the upper bytes of the two numbers.
        for (; i + RECORD <= n; i++)
            if ((!eg_be16(p + i) && !eg_be16(p + i + 8) && eg_be64(p + i + 8)) ||
                eg_be64(p + i) == UINT64_MAX)
                break;
        if (i + RECORD <= n || n < RECORD) {
            uint64_t next = at + i, len;
            int links = 0;

            while (links < CHAIN && !is_end(v, file, next) && is_record(v, file, next, &len)) {
                next += RECORD + len;
                links++;
            }
            if (links == CHAIN || is_end(v, file, next))
                return at + i;
            r->searched += (uint64_t)(links + 1) * RECORD;
        }
        i = EG_MAX(i, (size_t)1);
        r->searched += i;
        at += i;
    }
    return eg_space_size(file);
}

/** Behind the record at @last nothing credible is at *@at: find what follows, and cut @last to it.
 * @return false: nothing. */
static bool resync(struct reader *r, struct eg_image *img, uint64_t last, uint64_t *at,
                   uint64_t *out)
{
    const uint64_t size = eg_space_size(r->payload->file), begin = *at;

    r->lost = true;
    *at = next_record(r, img->view, last ? last + RECORD : begin);
    if (*at >= size) {
        eg_image_note(img,
                      "flattened: no record at %#" PRIx64 " where one should be: the last %" PRIu64
                      " bytes of the file are left out",
                      begin, size - EG_MIN(begin, size));
        return false;
    }
    eg_image_note(img,
                  "flattened: no record at %#" PRIx64
                  " where one should be: the next one is at %#" PRIx64
                  ": what is between them is lost",
                  begin, *at);
    if (*at < begin) { // the length of the last record is too large
        struct eg_segment *g = &r->ranges.at[r->ranges.n - 1];
        const uint64_t cut = begin - *at;

        g->last -= EG_MIN(cut, g->last - g->start);
        g->stored -= EG_MIN(cut, g->stored);
        *out -= EG_MIN(cut, *out);
    }
    return true;
}

static int read_records(struct reader *r, struct eg_image *img, struct eg_progress_line *progress,
                        struct eg_error *e)
{
    struct eg_space *file = r->payload->file;
    const uint64_t size = eg_space_size(file);
    uint64_t at = START, out = 0, last = 0, offset, len;

    for (unsigned marked = 0;; marked = (marked + 1) % STEP) {
        uint64_t stored;
        bool cut = false;

        if (eg_cancelled)
            return eg_fail(e, EG_ECANCEL, "%s: stopped", img->path);
        if (!eg_within(at, RECORD, size) || !eg_read_u64(img->view, file, at, true, &offset) ||
            !eg_read_u64(img->view, file, at + 8, true, &len)) {
            eg_image_note(img, "flattened: truncated: has no end mark");
            return 0;
        }
        if (offset == UINT64_MAX && len == UINT64_MAX &&
            next_record(r, img->view, at + RECORD) == size) // else it is a damaged header
            return 0;
        if (offset > INT64_MAX || len > INT64_MAX - offset) {
            if (!resync(r, img, last, &at, &out))
                return 0;
            last = 0;
            marked = STEP - 1; // the next record gets a mark
            continue;
        }
        if (r->payload->marks.n == MARKS_MAX || r->ranges.n == RANGES_MAX) {
            eg_image_note(img,
                          "flattened: too many records: the last %" PRIu64 " MiB are left out: "
                          "convert it with `makedumpfile -R`",
                          (size - at) >> 20);
            return 0;
        }
        r->empty += !len && !offset;
        stored = EG_MIN(len, size - at - RECORD);
        if (stored < len) { // the last one, or its length is damaged
            const uint64_t next = next_record(r, img->view, at + RECORD);

            if (next < size) {
                eg_image_note(img,
                              "flattened: the record at %#" PRIx64 " claims %" PRIu64
                              " bytes: those up to the next one at %#" PRIx64 " are used",
                              at, len, next);
                r->lost = cut = true;
                stored = len = next - at - RECORD;
            }
        }
        if ((!marked && !add_mark(r->payload, at, out)) ||
            (len && !add_range(r, offset, out, len, stored)))
            return eg_fail(e, EG_ENOMEM, "%s: out of memory for its records", img->path);
        if (stored < len) {
            eg_image_note(img,
                          "flattened: truncated: of the last record %" PRIu64 " of %" PRIu64
                          " bytes are missing",
                          len - stored, len);
            return 0;
        }
        if (cut) // its length in the file is wrong: the next record gets a mark, too
            marked = STEP - 1;
        last = at;
        at += RECORD + len;
        out += len;
        eg_progress_add(progress, RECORD + len);
    }
}

/** A later record overwrites an earlier one, but in eg_segments_open the first segment wins: so the
 * order is reversed. */
static int open_ranges(struct eg_space **out, struct reader *r, const char *name,
                       struct eg_error *e)
{
    for (size_t i = 0, j = r->ranges.n - 1; i < j; i++, j--) {
        const struct eg_segment s = r->ranges.at[i];

        r->ranges.at[i] = r->ranges.at[j];
        r->ranges.at[j] = s;
    }
    return eg_segments_open(out, name, r->ranges.at, r->ranges.n, NULL, e);
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct flattened *f = calloc(1, sizeof *f);
    struct payload *p = calloc(1, sizeof *p);
    struct reader r = { .payload = p };
    struct eg_progress_line *progress;
    uint64_t type, version;
    int rc;

    if (!f || !p) {
        free(f);
        free(p);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    }
    f->as = (struct eg_space){ .ops = &ops, .below = file, .priv = f };
    f->payload = &p->as;
    p->as = (struct eg_space){ .ops = &payload_ops, .below = file, .last = INT64_MAX, .priv = p };
    p->file = file;
    progress = eg_progress_begin("reading records", eg_space_size(file), "B", o->quiet);
    if (!eg_read_u64(img->view, file, 16, true, &type) ||
        !eg_read_u64(img->view, file, 24, true, &version) || type != 1 || version != 1)
        rc = eg_fail(e, EG_EUNSUP, "%s: flattened: its type or version is not 1", img->path);
    else
        rc = read_records(&r, img, progress, e);
    eg_progress_end(progress);
    if (!rc && !r.end)
        rc = eg_fail(e, EG_EFORMAT, "%s: flattened: contains no record", img->path);
    if (!rc)
        rc = open_ranges(&f->ranges, &r, img->path, e);
    eg_vec_fini(&r.ranges);
    if (rc) {
        eg_space_close(&f->as);
        return rc;
    }
    f->as.last = f->ranges->last;
    f->lost = r.lost;
    if (r.empty)
        eg_image_note(img, "flattened: %" PRIu64 " records are zeros: damaged?", r.empty);
    *out = &f->as;
    return 0;
}

EG_FORMAT(flattened) = {
    .desc = "flattened",
    .container = true,
    .head = 16,
    .probe = probe,
    .open = open_,
};
