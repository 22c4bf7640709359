/* kdump.c - dumps as makedumpfile, QEMU's dump-guest-memory -z/-l/-s and the old diskdump write
 * them. Two bitmaps say of each page frame whether it is RAM and whether it was written; the n-th
 * written page has the n-th descriptor. See kdump.h for the layout. */
#include "kdump.h"
#include "pagemap.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    GROUP_BYTES = 1 << 14, // pages decompressed together are in one such aligned run: few, for
                           // random reads
    SOME_DESCS = 1024,     // descriptors that are read to find where the data begins and ends
};

struct kdump {
    struct eg_space as;
    struct eg_kdump_header h;
    struct eg_space *file; // the bitmaps are in it
    struct eg_kdump_part *parts;
    size_t n_parts;
    struct eg_kdump_codecs *codecs;
    struct eg_pagemap map;
    unsigned group;    // pages of one
    atomic_bool wrong; // a page is damaged: from now on pages are decompressed one by one
};

enum kind { LOST, STORED, ZERO, PACKED };
struct desc {
    enum kind kind;
    uint64_t at;
    uint32_t size, flags;
};

static int probe(const struct eg_head *h)
{
    return h->len >= 8 && (!memcmp(h->at, "KDUMP   ", 8) || !memcmp(h->at, "DISKDUMP", 8)) ? 95 : 0;
}

/** The part that has @pfn, or the first after it; n_parts: there is none. */
static size_t part_at(const struct kdump *k, uint64_t pfn)
{
    size_t i = 0;

    while (i < k->n_parts && k->parts[i].to <= pfn)
        i++;
    return i;
}

/** The descriptor in @p of the @rank-th written page. */
static struct desc descriptor(struct eg_view *v, const struct kdump *k,
                              const struct eg_kdump_part *p, uint64_t rank)
{
    const uint64_t at = p->descs + EG_KDUMP_DESC * (rank - p->before);
    const bool big = k->h.big;
    struct desc d = { .kind = LOST };
    const uint8_t *b =
        eg_within(at, EG_KDUMP_DESC, p->size) ? eg_bytes(v, p->file, at, EG_KDUMP_DESC) : NULL;

    if (!b)
        return d;
    d.at = big ? eg_be64(b) : eg_le64(b);
    d.size = big ? eg_be32(b + 8) : eg_le32(b + 8);
    d.flags = (big ? eg_be32(b + 12) : eg_le32(b + 12)) & EG_KDUMP_PACKED;
    // A dump that was not completed has zeros for what is missing.
    if (d.at < p->descs || !d.size || d.size > k->h.block || !eg_within(d.at, d.size, p->size))
        return d;
    if (d.flags)
        d.kind = eg_kdump_lacks(d.flags) ? LOST : PACKED;
    else if (d.size == k->h.block)
        d.kind = d.at == p->zeros ? ZERO : STORED;
    return d;
}

static bool joins(const struct kdump *k, const struct desc *a, const struct desc *b)
{
    return a->kind == b->kind && (a->kind != STORED || b->at == a->at + k->h.block);
}

/** The extent of @pfn, a written page, within its group. Compressed pages and those between them
 * are made together, but not with pages that are missing. */
static void written(struct eg_view *v, const struct kdump *k, const struct eg_kdump_part *p,
                    uint64_t pfn, struct eg_extent *out)
{
    const uint64_t group = pfn & ~(uint64_t)(k->group - 1);
    const uint64_t low = EG_MAX(group, p->from), high = EG_MIN(group + k->group, p->to);
    const uint64_t block = k->h.block;
    uint64_t w, rank, from = pfn, to = pfn + 1;
    struct desc d, next;

    out->start = pfn * block;
    out->last = out->start + (block - 1);
    out->why = EG_UNREADABLE;
    if (!eg_pagemap_word(v, &k->map, pfn & ~UINT64_C(63), &w) ||
        !eg_pagemap_rank(v, &k->map, pfn, &rank))
        return;
    d = descriptor(v, k, p, rank);
    if (d.kind == PACKED && !atomic_load_explicit(&k->wrong, memory_order_relaxed)) {
        while (from > low && w >> (from - 1) % 64 & 1 &&
               descriptor(v, k, p, rank - (pfn - from) - 1).kind != LOST)
            from--;
        while (to < high && w >> to % 64 & 1 && descriptor(v, k, p, rank + (to - pfn)).kind != LOST)
            to++;
    } else if (d.kind != PACKED) {
        const struct desc first = d;

        for (; to < high && w >> to % 64 & 1; to++, d = next) {
            next = descriptor(v, k, p, rank + (to - pfn));
            if (!joins(k, &d, &next))
                break;
        }
        d = first;
    }
    out->start = from * block;
    out->last = to * block - 1;
    out->why = d.kind == LOST ? EG_UNREADABLE : EG_OK;
    out->zero = d.kind == ZERO;
    out->made = d.kind == PACKED;
    if (d.kind == STORED) {
        out->below = p->file;
        out->below_addr = d.at;
    }
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct kdump *k = as->priv;
    const uint64_t pfn = addr / k->h.block;
    const size_t i = part_at(k, pfn);
    uint64_t w;

    *out = (struct eg_extent){ .start = pfn * k->h.block,
                               .last = pfn * k->h.block + (k->h.block - 1),
                               .why = EG_UNREADABLE };
    if (!eg_pagemap_word(v, &k->map, pfn & ~UINT64_C(63), &w))
        return;
    if (!(w >> pfn % 64 & 1))
        eg_pagemap_hole(v, &k->map, pfn, out);
    else if (i < k->n_parts && k->parts[i].from <= pfn)
        written(v, k, &k->parts[i], pfn, out);
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    struct kdump *k = as->priv;
    const uint32_t block = k->h.block;
    const uint64_t pfn = start / block;
    const struct eg_kdump_part *p = &k->parts[part_at(k, pfn)];
    uint64_t rank;
    bool ok = eg_pagemap_rank(v, &k->map, pfn, &rank);

    for (size_t done = 0; ok && done < len; done += block, rank++) {
        const struct desc d = descriptor(v, k, p, rank);
        uint8_t *to = (uint8_t *)bytes + done;

        if (d.kind == PACKED)
            ok = eg_kdump_unpack(v, k->codecs, d.flags, p->file, d.at, d.size, to, block);
        else
            ok = d.kind != LOST && eg_read(v, p->file, d.at, to, block);
    }
    if (!ok && !v->starved) {
        atomic_store_explicit(&k->wrong, true, memory_order_relaxed);
        eg_note(v->run, "kdump: some pages are damaged and cannot be unpacked: they are holes");
    }
    return ok;
}

static void close_(struct eg_space *as)
{
    struct kdump *k = as->priv;

    eg_kdump_codecs_free(k->codecs);
    free(k->parts);
    eg_pagemap_fini(&k->map);
}

static const struct eg_space_ops ops = {
    .name = "kdump", .extent = extent, .fill = fill, .close = close_
};

static uint64_t mib(const struct kdump *k, uint64_t pages)
{
    return pages * k->h.block >> 20;
}

/** Ranks and totals; fewer pages when the bitmaps end early. */
static int read_bitmaps(struct kdump *k, struct eg_image *img, struct eg_error *e)
{
    struct eg_kdump_header *h = &k->h;

    k->map = (struct eg_pagemap){ .file = k->file,
                                  .ram = h->ram,
                                  .written = h->written,
                                  .pages = h->pages,
                                  .block = h->block,
                                  .two = h->two };
    if (!eg_pagemap_open(&k->map, img->view))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its index", img->path);
    h->pages = k->map.pages;
    if (h->pages < h->claimed)
        eg_image_note(img,
                      "kdump: its bitmaps hold %" PRIu64 " of %" PRIu64
                      " pages: truncated, or its header is wrong",
                      h->pages, h->claimed);
    if (!h->pages)
        return eg_fail(e, EG_EFORMAT, "%s: kdump: ends before its bitmaps", img->path);
    h->from = EG_MIN(h->from, h->pages);
    h->to = EG_MIN(h->to, h->pages);
    return 0;
}

/** Where the data of the pages of @p begins, from its first descriptors: not after the zero page,
 * which is written first and shared by many descriptors. 0: not known. */
static uint64_t first_data(const struct kdump *k, struct eg_view *v, const struct eg_kdump_part *p,
                           uint64_t n)
{
    uint64_t first = UINT64_MAX, at;

    for (uint64_t i = 0; i < n && i < SOME_DESCS; i++)
        if (eg_within(p->descs + EG_KDUMP_DESC * i, EG_KDUMP_DESC, p->size) &&
            eg_read_u64(v, p->file, p->descs + EG_KDUMP_DESC * i, k->h.big, &at) && at)
            first = EG_MIN(first, at);
    return first == UINT64_MAX ? 0 : first;
}

/** Check that there are as many descriptors as bits: the data follows the descriptors, unless it
 * was never written. */
static bool agrees(struct eg_view *v, const struct eg_kdump_part *p, uint64_t n, uint64_t first)
{
    const uint64_t end = p->descs + EG_KDUMP_DESC * n;
    static const uint8_t nothing[EG_KDUMP_DESC];
    uint8_t more[EG_KDUMP_DESC];

    return !first || first == end ||
           (first > end &&
            (!eg_read(v, p->file, end, more, sizeof more) || !memcmp(more, nothing, sizeof more)));
}

static bool place_parts(struct kdump *k, struct eg_image *img)
{
    struct eg_view *v = img->view;

    for (size_t i = 0; i < k->n_parts; i++) {
        struct eg_kdump_part *p = &k->parts[i];
        uint64_t after, first, w;
        uint32_t n = 0;

        if (p->from == p->to)
            continue;
        if (!eg_pagemap_rank(v, &k->map, p->from, &p->before) ||
            !eg_pagemap_rank(v, &k->map, p->to, &after))
            return false;
        first = first_data(k, v, p, after - p->before);
        while (first && n < k->h.block && eg_read_u64(v, p->file, first + n, false, &w) && !w)
            n += 8;
        p->zeros = n == k->h.block ? first : 0;
        if (!agrees(v, p, after - p->before, first))
            eg_image_note(img,
                          "kdump: the bitmap and the descriptors of %s do not agree: one is "
                          "damaged, and pages may be at wrong addresses",
                          p->name);
    }
    return true;
}

static void note_excluded(const struct kdump *k, struct eg_image *img)
{
    static const char *const what[] = { "zero", "cache", "private cache", "user", "free" };
    const uint64_t n = k->map.n_ram > k->map.n_written ? k->map.n_ram - k->map.n_written : 0;
    char names[64] = "";

    if (!n)
        return;
    for (size_t i = 0; k->h.level > 0 && i < countof(what); i++)
        if (k->h.level >> i & 1) {
            if (*names)
                strcat(names, ", ");
            strcat(names, what[i]);
        }
    if (*names)
        eg_image_note(img,
                      "kdump: %" PRIu64 " pages (%" PRIu64
                      " MiB) were excluded by the dump level %" PRId32 " (%s pages)%s",
                      n, mib(k, n), k->h.level, names,
                      k->h.status & EG_KDUMP_NO_VMEMMAP ? ", and unused page structs" : "");
    else
        eg_image_note(img, "kdump: %" PRIu64 " pages (%" PRIu64 " MiB) were excluded", n,
                      mib(k, n));
}

/** Note what is missing in a part. */
static void note_truncated(const struct kdump *k, struct eg_image *img,
                           const struct eg_kdump_part *p)
{
    uint64_t after, n, end = 0, there;

    if (p->from == p->to || !eg_pagemap_rank(img->view, &k->map, p->to, &after))
        return;
    n = after - p->before;
    there = p->size > p->descs ? EG_MIN((p->size - p->descs) / EG_KDUMP_DESC, n) : 0;
    for (uint64_t i = there; i > 0 && there - i < SOME_DESCS;
         i--) { // the last may share the zero page
        const uint64_t at = p->descs + EG_KDUMP_DESC * (i - 1);
        uint64_t data;
        uint32_t size;

        if (eg_read_u64(img->view, p->file, at, k->h.big, &data) &&
            eg_read_u32(img->view, p->file, at + 8, k->h.big, &size) &&
            data < UINT64_MAX - UINT32_MAX)
            end = EG_MAX(end, data + size);
    }
    if (there < n)
        eg_image_note(img,
                      "kdump: truncated: %s ends before its pages: %" PRIu64 " of %" PRIu64
                      " descriptors are missing",
                      p->name, n - there, n);
    else if (end > p->size)
        eg_image_note(
            img, "kdump: truncated: of the pages' data in %s the last %" PRIu64 " KiB are missing",
            p->name, ((end - p->size) >> 10) + 1);
}

/** Note which files of a split set exist, and what is missing. */
static void note_parts(const struct kdump *k, struct eg_image *img)
{
    uint64_t next = 0;

    if (!k->h.split)
        return;
    for (size_t i = 0; i <= k->n_parts; i++) {
        const uint64_t from = i < k->n_parts ? k->parts[i].from : k->h.pages;
        const uint64_t block = k->h.block;

        if (from > next)
            eg_image_note(img,
                          "kdump: of the split set the part %#" PRIx64 "-%#" PRIx64
                          " is not in the folder",
                          next * block, from * block - 1);
        if (i == k->n_parts)
            break;
        if (k->parts[i].to > from)
            eg_image_note(img, "kdump: of a split set: %s has %#" PRIx64 "-%#" PRIx64,
                          k->parts[i].name, from * block, k->parts[i].to * block - 1);
        next = EG_MAX(next, k->parts[i].to);
    }
}

static void note_codecs(const struct kdump *k, struct eg_image *img)
{
    const char *lib = eg_kdump_lacks(k->h.status);

    if (lib && !k->h.diskdump)
        eg_image_note(img,
                      "kdump: this build lacks lib%s, which its pages are packed with: they are "
                      "unreadable",
                      lib);
    if (k->h.status & EG_KDUMP_INCOMPLETE && !k->h.diskdump)
        eg_image_note(img, "kdump: writing it ended early, as its header says: the pages that are "
                           "missing are unreadable");
}

static int open_kdump(struct kdump *k, struct eg_image *img, const struct eg_open_options *o,
                      struct eg_error *e)
{
    int rc = eg_kdump_header(&k->h, img->view, k->file, img->path, e);
    const char *lib = rc || k->h.diskdump || o->format ? NULL : eg_kdump_lacks(k->h.status);

    if (rc)
        return rc;
    if (lib)
        return eg_fail(e, EG_EUNSUP,
                       "%s: kdump: its pages are packed with lib%s, which this build lacks "
                       "(--format kdump opens it without them)",
                       img->path, lib);
    k->group = EG_MAX(GROUP_BYTES / k->h.block, 1u);
    rc = read_bitmaps(k, img, e);
    if (!rc)
        rc = eg_kdump_parts(&k->parts, &k->n_parts, img, k->file, &k->h, e);
    if (rc)
        return rc;
    if (!place_parts(k, img))
        return eg_fail(e, EG_EIO, "%s: kdump: its bitmaps cannot be read", img->path);
    k->codecs = eg_kdump_codecs_new();
    if (!k->codecs)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    note_excluded(k, img);
    note_parts(k, img);
    note_codecs(k, img);
    for (size_t i = 0; i < k->n_parts; i++)
        note_truncated(k, img, &k->parts[i]);
    eg_kdump_hints(img, k->file, &k->h);
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct kdump *k = calloc(1, sizeof *k);
    int rc;

    if (!k)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    k->file = file;
    k->as = (struct eg_space){ .ops = &ops, .below = file, .priv = k };
    rc = open_kdump(k, img, o, e);
    if (rc) {
        eg_space_close(&k->as);
        return rc;
    }
    k->as.last = k->h.pages * k->h.block - 1;
    *out = &k->as;
    return 0;
}

EG_FORMAT(kdump) = {
    .desc = "kdump",
    .suffix = ".kdump",
    .head = 8,
    .probe = probe,
    .open = open_,
};
