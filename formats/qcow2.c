/* qcow2.c - the memory that QEMU's `savevm` (virsh snapshot-create) put into a disk image: a
 * migration stream behind the end of the disk, in the tables of a snapshot (QEMU,
 * docs/interop/qcow2.txt; block/qcow2-snapshot.c). All numbers are big-endian. */
#include "../core/image.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    HEADER = 104,
    ENTRY = 40, // of a snapshot, without its variable parts
    SNAPSHOTS_MAX = 65536,
    BAD_MAX = 64,      // damaged ones that are tried
    JOIN_MAX = 256,    // clusters in a row that are joined into one extent
    EXTERNAL_DATA = 4, // incompatible features
    EXTENDED_L2 = 16,
};
#define OFFSET     UINT64_C(0x00fffffffffffe00)
#define COMPRESSED (UINT64_C(1) << 62)

struct qcow2 {
    struct eg_space as;
    struct eg_space *file;
    uint64_t size;                     // of the file
    uint64_t base;                     // where the memory begins behind the disk
    uint64_t l1;                       // where the snapshot's table is
    uint32_t l1_size;                  // its entries
    uint8_t bits, l2_bits, entry_size; // of a cluster; entries of a cluster of them, log2; bytes
};

/** The newest snapshot that has memory. */
struct snapshot {
    uint64_t l1, state, disk;
    uint32_t l1_size;
    size_t n; // how many there are
    char name[64];
};

static int probe(const struct eg_head *h)
{
    return h->len >= 8 && !memcmp(h->at, "QFI\xfb", 4) && eg_be32(h->at + 4) >= 2 &&
                   eg_be32(h->at + 4) <= 3
               ? 95
               : 0;
}

static bool be64(struct eg_view *v, const struct qcow2 *q, uint64_t at, uint64_t *out)
{
    return eg_within(at, 8, q->size) && eg_read_u64(v, q->file, at, true, out);
}

/** The entry of the cluster at @at behind the disk; 0: there is none. *@span: the bytes around it
 * for which the answer is the same, a cluster or all that an entry of the first table covers. */
static bool entry(struct eg_view *v, const struct qcow2 *q, uint64_t at, uint64_t *out,
                  uint64_t *span)
{
    const uint64_t i = (q->base + at) >> (q->bits + q->l2_bits);
    const uint64_t k = (q->base + at) >> q->bits & ((UINT64_C(1) << q->l2_bits) - 1);
    uint64_t l2;

    *span = UINT64_C(1) << (q->bits + q->l2_bits);
    if (i >= q->l1_size || !be64(v, q, q->l1 + 8 * i, &l2))
        return false;
    *out = 0;
    if (!(l2 & OFFSET))
        return true;
    *span = UINT64_C(1) << q->bits;
    return be64(v, q, (l2 & OFFSET) + k * q->entry_size, out);
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct qcow2 *q = as->priv;
    const uint64_t cluster = UINT64_C(1) << q->bits;
    uint64_t e = 0, next, span;
    const bool known = entry(v, q, addr, &e, &span) && !(e & COMPRESSED);

    out->start = addr & ~(span - 1);
    out->last = out->start + (span - 1);
    if (!known) {
        out->why = EG_UNREADABLE;
        if ((q->base + addr) >> (q->bits + q->l2_bits) >= q->l1_size) // behind all tables
            out->last = as->last;
    } else if (e & 1 || !(e & OFFSET)) {
        out->zero = true;
    } else {
        out->below = q->file;
        out->below_addr = e & OFFSET;
        for (unsigned n = 1; n < JOIN_MAX && out->last < as->last; n++) {
            if (!entry(v, q, out->last + 1, &next, &span) || next & (COMPRESSED | 1) ||
                (next & OFFSET) != (e & OFFSET) + n * cluster)
                break;
            out->last += cluster;
        }
        if (!eg_within(out->below_addr, 1, q->size))
            *out = (struct eg_extent){ .start = out->start,
                                       .last = out->start + (cluster - 1),
                                       .why = EG_UNREADABLE };
    }
    out->last = EG_MIN(out->last, as->last);
}

static const struct eg_space_ops ops = { .name = "qcow2", .extent = extent };

/** Does the memory begin as a migration stream? */
static bool stream(struct eg_view *v, struct eg_space *as)
{
    const uint8_t *p = as->last >= 3 ? eg_bytes(v, as, 0, 4) : NULL;

    return p && !memcmp(p, "QEVM", 4);
}

/** Let @q be the memory of @s. @return false: it is not a stream, or its numbers cannot be true. */
static bool use(struct qcow2 *q, struct eg_view *v, const struct snapshot *s)
{
    q->l1 = s->l1;
    // A table that claims more entries than the file has would make billions of small holes.
    q->l1_size = s->l1 < q->size ? (uint32_t)EG_MIN(s->l1_size, (q->size - s->l1) / 8) : 0;
    // The memory begins behind the disk, at the next whole entry of the first table.
    q->base = eg_align_up(s->disk, UINT64_C(1) << (q->bits + q->l2_bits));
    if (!s->state || s->state > UINT64_C(1) << 60 || q->base < s->disk || q->base >> 62)
        return false;
    q->as.last = s->state - 1;
    eg_view_forget(v, &q->as);
    return stream(v, &q->as);
}

/** Find the last snapshot with memory in the table. Its entries have different sizes: behind a
 * damaged one nothing is found. *@bad: those whose memory is not what it should be. */
static void find_snapshot(struct eg_image *img, struct qcow2 *q, const uint8_t *h,
                          struct snapshot *s, size_t *bad)
{
    const uint32_t n = EG_MIN(eg_be32(h + 60), (uint32_t)SNAPSHOTS_MAX);
    uint64_t at = eg_be64(h + 64);

    for (uint32_t i = 0; i < n && *bad < BAD_MAX; i++) {
        struct snapshot next = { .n = s->n + 1 };
        uint8_t p[ENTRY + 16] = { 0 };
        uint64_t extra, names, name;
        size_t len;

        if (!eg_within(at, ENTRY, q->size) || !eg_read(img->view, q->file, at, p, ENTRY)) {
            eg_image_note(img,
                          "qcow2: the table of snapshots is damaged or cut off behind %" PRIu32
                          " of %" PRIu32 " entries",
                          i, eg_be32(h + 60));
            return;
        }
        extra = eg_be32(p + 36);
        names = (uint64_t)eg_be16(p + 12) + eg_be16(p + 14);
        if (extra >= 16 && eg_within(at + ENTRY, 16, q->size))
            eg_read(img->view, q->file, at + ENTRY, p + ENTRY, 16);
        next.state = extra >= 16 ? eg_be64(p + ENTRY) : eg_be32(p + 32);
        next.l1 = eg_be64(p);
        next.l1_size = eg_be32(p + 8);
        next.disk = extra >= 16 ? eg_be64(p + ENTRY + 8) : eg_be64(h + 24);
        name = at + ENTRY + extra + eg_be16(p + 12);
        len = EG_MIN(eg_be16(p + 14), sizeof next.name - 1);
        if (eg_within(name, len, q->size))
            eg_read_some(img->view, q->file, name, next.name, len, NULL);
        if (next.state && use(q, img->view, &next))
            *s = next;
        else
            *bad += next.state != 0;
        at = eg_align_up(at + ENTRY + extra + names, 8);
    }
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct qcow2 *q = calloc(1, sizeof *q);
    struct snapshot s = { 0 };
    uint8_t h[HEADER] = { 0 };
    uint64_t features;
    uint32_t bits;
    size_t bad = 0;
    bool readable;

    (void)o;
    if (!q)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    q->file = file;
    q->size = eg_space_size(file);
    q->as = (struct eg_space){ .ops = &ops, .below = file, .priv = q };
    eg_read_some(img->view, file, 0, h, EG_MIN(sizeof h, q->size), NULL);
    bits = eg_be32(h + 20);
    features = eg_be32(h + 4) >= 3 ? eg_be64(h + 72) : 0;
    readable = !eg_be32(h + 32) && !(features & EXTERNAL_DATA);
    if (bits >= 9 && bits <= 21 && readable) {
        q->bits = (uint8_t)bits;
        q->entry_size = features & EXTENDED_L2 ? 16 : 8;
        q->l2_bits = q->bits - (features & EXTENDED_L2 ? 4 : 3);
        find_snapshot(img, q, h, &s, &bad);
    }
    if (!s.n) {
        eg_view_forget(img->view, &q->as);
        free(q);
        if (!readable)
            return eg_fail(e, EG_EUNSUP, "%s: qcow2: encrypted, or its data is in another file",
                           img->path);
        return eg_fail(
            e, EG_EFORMAT,
            bad ? "%s: qcow2: the memory of its snapshots is not a migration stream: the "
                  "table of snapshots or their own tables are damaged"
                : "%s: qcow2: a disk without memory: it has no snapshot of a running "
                  "machine (`savevm`)",
            img->path);
    }
    if (bad)
        eg_image_note(img,
                      "qcow2: of %zu more snapshots the memory is not a migration stream: their "
                      "entries or tables are damaged; %s is read",
                      bad, s.name);
    if (s.n > 1)
        eg_image_note(img, "qcow2: %zu snapshots with memory: the last one, %s, is read", s.n,
                      s.name);
    use(q, img->view, &s);
    *out = &q->as;
    return 0;
}

EG_FORMAT(qcow2) = {
    .desc = "qcow2 snapshot",
    .suffix = ".qcow2",
    .container = true,
    .head = 8,
    .probe = probe,
    .open = open_,
};
