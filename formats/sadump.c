/* sadump.c - dumps that the firmware of some servers writes to a partition or to a set of disks,
 * and backups of these. Nobody has published the format; this is what makedumpfile (sadump_mod.h,
 * sadump_info.c), crash and libkdumpfile (sadump.c) know. In blocks, usually of 4096 bytes, with
 * little-endian numbers:
 *
 *   [media header, in a backup] | partition header | [header of the set, on its first disk] |
 *   dump header | CPUs | bitmap of RAM | bitmap of written pages | the pages' bytes
 *
 * The highest bit of a byte of a bitmap is its first page. Further disks of a set have a partition
 * header and the pages that follow. */
#include "../core/arch.h"
#include "pagemap.h"
#include "siblings.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    BLOCK = 4096, // the usual one
    BLOCK_MAX = 1 << 18,
    HEADERS_MAX = 64, // blocks in front of the dump header
    // struct sadump_part_header
    PART = 168, // bytes before its magic numbers
    PART_IDS = 88,
    PART_IDS_LEN = 32, // of the machine and of the set
    PART_DISK = 152,
    PART_USED = 160,
    DISKS_MAX = 16,
    // struct sadump_media_header
    MEDIA_NUMBER = 48,
    // struct sadump_header
    HEADER = 120,
    // the sub-header: its CPUs' bytes, an APIC's state for each CPU, then the CPUs
    APIC = 16,
    CPU = 1024,
    CPUS_MAX = 1 << 13,
    JOIN_WORDS = 64, // of a bitmap: written pages that are joined into one extent
};

static const char signature[8] = "sadump\0";

/** One disk of a set, or the only file. */
struct disk {
    struct eg_space *file; // NULL: not found
    const char *name;
    uint64_t data, len; // where pages begin in it, and their bytes
};

struct sadump {
    struct eg_space as;
    struct eg_pagemap map;
    struct eg_space *data; // the bytes of all pages, one after the other
    uint64_t header;       // where the dump header is
    uint64_t pages;        // where the pages' bytes begin behind it
    uint64_t claimed;      // page frames according to the header
    bool set, media;
    uint8_t part[PART]; // the partition header; zeros: it is damaged
    struct disk disks[DISKS_MAX];
    size_t n_disks;
};

/* ---- headers ---- */

static bool is_part(const uint8_t *p)
{
    return !memcmp(p, signature, 8) && eg_le32(p + PART_DISK) <= DISKS_MAX;
}

/** A dump header begins with the same 8 bytes as a partition header, whose label is zeros. */
static bool is_header(const uint8_t *p)
{
    const uint32_t block = eg_le32(p + 40);

    return !memcmp(p, signature, 8) && block >= BLOCK && block <= BLOCK_MAX &&
           !(block & (block - 1)) && eg_le32(p + 52) && eg_le32(p + 56);
}

static int probe(const struct eg_head *h)
{
    static const size_t at[] = { 0, BLOCK, 2 * BLOCK };

    for (size_t i = 0; i < countof(at); i++)
        if (eg_within(at[i], PART, h->len) && (is_part(h->at + at[i]) || is_header(h->at + at[i])))
            return 95;
    return 0;
}

/** Find the dump header. Those in front of it are only needed to join a set. */
static bool find_header(struct sadump *s, struct eg_view *v, struct eg_space *file, uint8_t *h)
{
    const uint64_t size = eg_space_size(file);

    for (uint64_t at = BLOCK; at <= BLOCK * HEADERS_MAX && eg_within(at, HEADER, size); at += BLOCK)
        if (eg_read(v, file, at, h, HEADER) && is_header(h)) {
            s->header = at;
            return true;
        }
    return false;
}

/** The partition header is at the beginning, in a backup one block later. */
static void find_part(struct sadump *s, struct eg_view *v, struct eg_space *file)
{
    for (uint64_t at = 0; at <= BLOCK; at += BLOCK) {
        uint8_t p[PART];

        if (eg_within(at, PART, eg_space_size(file)) && eg_read(v, file, at, p, sizeof p) &&
            is_part(p) && !is_header(p)) {
            memcpy(s->part, p, sizeof p);
            s->media = at;
            s->set = !at && eg_le32(p + PART_DISK);
            return;
        }
    }
}

static void read_header(struct sadump *s, struct eg_image *img, struct eg_space *file,
                        const uint8_t *h)
{
    const uint64_t block = eg_le32(h + 40);
    const uint64_t ram = eg_le32(h + 52) * block, written = eg_le32(h + 56) * block;

    s->claimed = eg_le32(h + 8) ? eg_le64(h + 88) : eg_le32(h + 60);
    s->map = (struct eg_pagemap){ .file = file,
                                  .ram = s->header + block * (1 + (uint64_t)eg_le32(h + 48)),
                                  .pages = 8 * EG_MIN(ram, written),
                                  .block = (uint32_t)block,
                                  .two = true,
                                  .high_first = true };
    s->map.written = s->map.ram + ram;
    s->pages = s->map.written + written;
    if (eg_le32(h + 36))
        eg_image_note(img,
                      "sadump: its header says that it is compressed (%" PRIu32
                      "), which nobody has described: its pages may be wrong",
                      eg_le32(h + 36));
}

/** The CPUs' page tables and registers. */
static void read_cpus(struct eg_image *img, struct eg_space *file, uint64_t at, const uint8_t *h)
{
    const uint64_t end = at + (uint64_t)eg_le32(h + 48) * eg_le32(h + 40);
    const uint32_t n = eg_le32(h + 80);
    uint32_t bytes, narrow = 0;

    if (!n || n > CPUS_MAX || end == at || !eg_read_u32(img->view, file, at, false, &bytes) ||
        bytes / n < CPU)
        return;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t place = at + 4 + (uint64_t)APIC * n + (uint64_t)(bytes / n) * i;
        struct eg_cpu cpu = { .arch = eg_arch_of_record(EG_CPU_SMRAM) }, *slot;
        uint8_t p[CPU];

        if (!eg_within(place, CPU, end) || !eg_read(img->view, file, place, p, CPU))
            break;
        if (!eg_cpu_read(&cpu, EG_CPU_SMRAM, false, p, CPU)) {
            narrow += eg_le64(p + CPU - 8) >> 31 & 1; // paging, but not in 64-bit mode
            continue;
        }
        slot = eg_vec_push(&img->cpus);
        if (!slot) {
            eg_view_starved(img->view);
            return;
        }
        *slot = cpu;
    }
    img->elf_machine = img->cpus.n ? 62 : narrow ? 3 : 0; // EM_X86_64, EM_386
}

/* ---- the disks of a set ---- */

static bool of_set(const uint8_t *head, const void *context)
{
    const struct sadump *s = context;

    return is_part(head) && eg_le32(head + PART_DISK) &&
           !memcmp(head + PART_IDS, s->part + PART_IDS, PART_IDS_LEN);
}

/** The file as a disk of the set; of two with the same number, the first. */
static void add_disk(struct sadump *s, struct eg_image *img, struct eg_space *file,
                     const char *name)
{
    uint8_t p[PART];
    uint32_t n;

    if (!eg_read(img->view, file, 0, p, sizeof p) || !of_set(p, s)) // it may have changed
        return;
    n = eg_le32(p + PART_DISK) - 1;
    if (s->disks[n].file) {
        eg_image_note(img, "sadump: %s is disk %" PRIu32 " of the set, too: it is left out", name,
                      n + 1);
        return;
    }
    s->disks[n] = (struct disk){ .file = file, .name = name, .len = eg_le64(p + PART_USED) };
    s->n_disks = EG_MAX(s->n_disks, n + 1);
}

/** Find the disks of the set in the folder. */
static bool find_disks(struct sadump *s, struct eg_image *img, struct eg_space *file)
{
    struct eg_siblings names = { 0 };
    const bool ok = eg_siblings(&names, img, PART, of_set, s);

    add_disk(s, img, file, eg_own_name(img));
    for (size_t i = 0; ok && i < names.n; i++) {
        struct eg_space *other;

        if (eg_image_beside(&other, img, names.at[i], NULL) == 0)
            add_disk(s, img, other, names.at[i]);
    }
    eg_vec_fini(&names);
    return ok;
}

/** How many bytes of pages each disk has, of @total. */
static void measure(struct sadump *s, struct eg_image *img, uint64_t total)
{
    uint64_t count;
    uint8_t b[8];

    // struct sadump_disk_set_header: its blocks, then the number of disks
    if (s->set && eg_within(s->map.block, 8, s->header) &&
        eg_read(img->view, s->disks[0].file, s->map.block, b, sizeof b)) {
        count = eg_le32(b + 4);
        if (count <= DISKS_MAX)
            s->n_disks = EG_MAX(s->n_disks, count);
    }
    for (size_t i = 0; i < s->n_disks; i++) {
        struct disk *d = &s->disks[i];
        const uint64_t size = d->file ? eg_space_size(d->file) : 0;

        d->data = i ? s->map.block : s->pages;
        if (!d->file)
            continue;
        if (!s->set) {
            d->len = total;
        } else if (d->len < d->data || d->len % s->map.block) {
            eg_image_note(img,
                          "sadump: the header of %s says that %" PRIu64
                          " bytes of it are used: it is taken to be used up to its end",
                          d->name, d->len);
            d->len = size > d->data ? (size - d->data) / s->map.block * s->map.block : 0;
        } else {
            d->len -= d->data;
        }
    }
}

/** The segment of @len bytes of pages from @at on, which are on @d. */
static struct eg_segment segment(const struct disk *d, uint64_t at, uint64_t len)
{
    const uint64_t size = eg_space_size(d->file);

    return (struct eg_segment){ .start = at,
                                .last = at + len - 1,
                                .below = d->file,
                                .below_addr = d->data,
                                .stored = EG_MIN(len, size - EG_MIN(size, d->data)),
                                .tail = EG_UNREADABLE };
}

/** Make one space of the pages' bytes on all disks. Where disks are missing, what is before is
 * placed from the beginning, and what is behind them from the end. */
static int join(struct sadump *s, struct eg_image *img, struct eg_error *e)
{
    uint64_t at = 0, end = s->map.n_written * s->map.block, lost = 0;
    struct eg_segment segs[DISKS_MAX + 1];
    size_t n = 0, i = 0, k = s->n_disks;

    for (; i < k && s->disks[i].file && at < end; i++) { // the last has what is left
        const uint64_t len = i + 1 == k ? end - at : EG_MIN(s->disks[i].len, end - at);

        if (len)
            segs[n++] = segment(&s->disks[i], at, len);
        at += len;
    }
    for (; k > i && s->disks[k - 1].file && end > at; k--) {
        const uint64_t len = EG_MIN(s->disks[k - 1].len, end - at);

        end -= len;
        if (len)
            segs[n++] = segment(&s->disks[k - 1], end, len);
    }
    for (size_t m = 0; m < n; m++)
        lost += segs[m].last - segs[m].start + 1 - segs[m].stored;
    if (at < end)
        segs[n++] = (struct eg_segment){ at, end - 1, s->map.file, 0, 0, EG_UNREADABLE };
    for (; i < k; i++)
        if (!s->disks[i].file)
            eg_image_note(img,
                          "sadump: disk %zu of the set is not in the folder: %" PRIu64
                          " KiB of pages are on it and on others that are missing",
                          i + 1, (end - at) >> 10);
    if (lost)
        eg_image_note(img, "sadump: truncated: of the pages' bytes %" PRIu64 " KiB are missing%s",
                      (lost + 1023) >> 10,
                      s->media ? ", unless they are on a further medium of the backup" : "");
    return eg_segments_open(&s->data, img->path, segs, n, NULL, e);
}

/* ---- memory ---- */

/** The written page frames around @pfn, whose bytes are one after the other. */
static void written(struct eg_view *v, const struct sadump *s, uint64_t pfn, uint64_t w,
                    struct eg_extent *out)
{
    const uint64_t low = pfn & ~UINT64_C(63), pages = s->map.pages;
    uint64_t from = pfn, to = pfn + 1, rank;

    if (!eg_pagemap_rank(v, &s->map, pfn, &rank))
        return;
    while (from > low && w >> (from - 1) % 64 & 1)
        from--;
    for (unsigned i = 0; to < pages && (v->brief ? to % 64 : i < JOIN_WORDS); to++) {
        if (!(to % 64) && (++i, !eg_pagemap_word(v, &s->map, to, &w)))
            break;
        if (!(w >> to % 64 & 1))
            break;
    }
    *out = (struct eg_extent){ .start = from * s->map.block,
                               .last = to * s->map.block - 1,
                               .below = s->data,
                               .below_addr = (rank - (pfn - from)) * s->map.block };
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct sadump *s = as->priv;
    const uint64_t block = s->map.block, pfn = addr / block;
    uint64_t w;

    *out = (struct eg_extent){ .start = pfn * block,
                               .last = pfn * block + (block - 1),
                               .why = EG_UNREADABLE };
    if (!eg_pagemap_word(v, &s->map, pfn & ~UINT64_C(63), &w))
        return;
    if (w >> pfn % 64 & 1)
        written(v, s, pfn, w, out);
    else
        eg_pagemap_hole(v, &s->map, pfn, out);
}

static void close_(struct eg_space *as)
{
    struct sadump *s = as->priv;

    eg_space_close(s->data);
    eg_pagemap_fini(&s->map);
}

static const struct eg_space_ops ops = { .name = "sadump", .extent = extent, .close = close_ };

/* ---- opening ---- */

static int open_bitmaps(struct sadump *s, struct eg_image *img, struct eg_error *e)
{
    const uint64_t pages = s->map.pages;
    uint64_t within;

    if (!eg_pagemap_open(&s->map, img->view))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its index", img->path);
    if (!s->map.n_written)
        return eg_fail(e, EG_EFORMAT, "%s: sadump: no page was written, or its bitmaps are lost",
                       img->path);
    if (s->map.pages < EG_MIN(pages, s->claimed))
        eg_image_note(img,
                      "sadump: its bitmaps hold %" PRIu64 " of %" PRIu64
                      " pages: truncated, or its header is wrong",
                      s->map.pages, s->claimed);
    if (s->claimed < s->map.pages &&
        (!eg_pagemap_rank(img->view, &s->map, s->claimed, &within) || within < s->map.n_written))
        eg_image_note(img,
                      "sadump: its header says that memory has %" PRIu64
                      " pages, but its bitmap has some behind them: they are read, too",
                      s->claimed);
    if (s->map.n_ram > s->map.n_written)
        eg_image_note(img, "sadump: %" PRIu64 " pages (%" PRIu64 " MiB) were excluded",
                      s->map.n_ram - s->map.n_written,
                      (s->map.n_ram - s->map.n_written) * s->map.block >> 20);
    return 0;
}

/** As many pages as bits? Else pages are at wrong addresses. */
static void check_size(const struct sadump *s, struct eg_image *img)
{
    const uint64_t total = s->map.n_written * s->map.block;
    uint64_t have = 0;

    if (!eg_le64(s->part)) {
        eg_image_note(img, "sadump: its partition header is damaged%s",
                      img->on_disk ? ": if it is the first disk of a set, the others are missing"
                                   : "");
        return;
    }
    for (size_t i = 0; i < s->n_disks; i++) {
        if (!s->disks[i].file)
            return;
        have +=
            s->set ? s->disks[i].len : EG_MAX(eg_le64(s->part + PART_USED), s->pages) - s->pages;
    }
    // What the header copied into a backup counts is not known.
    if (have != total && !s->media)
        eg_image_note(img,
                      "sadump: its bitmap has %" PRIu64 " pages, its headers %" PRIu64
                      ": one is damaged, and pages may be at wrong addresses",
                      s->map.n_written, have / s->map.block);
}

static int open_sadump(struct sadump *s, struct eg_image *img, struct eg_space *file,
                       struct eg_error *e)
{
    struct eg_space *first = file;
    uint8_t h[HEADER];
    int rc;

    find_part(s, img->view, file);
    if (s->set && !find_disks(s, img, file))
        return eg_fail(e, EG_ENOMEM, "%s: sadump: out of memory for the disks of its set",
                       img->path);
    if (s->set)
        first = s->disks[0].file;
    if (!first)
        return eg_fail(e, EG_ENOTFOUND,
                       "%s: sadump: is disk %" PRIu32
                       " of a set, whose first disk must be in the same folder",
                       img->path, eg_le32(s->part + PART_DISK));
    if (!find_header(s, img->view, first, h)) {
        uint8_t number = 1;

        if (s->media)
            eg_read(img->view, file, MEDIA_NUMBER, &number, 1);
        return eg_fail(e, EG_EFORMAT,
                       number > 1 ? "%s: sadump: has no dump header: is medium %d of a backup, and "
                                    "only the first is read"
                                  : "%s: sadump: its dump header is damaged or cut off",
                       img->path, number);
    }
    if (!s->set) {
        s->disks[0] = (struct disk){ .file = file, .name = eg_own_name(img) };
        s->n_disks = 1;
    }
    read_header(s, img, first, h);
    rc = open_bitmaps(s, img, e);
    if (rc)
        return rc;
    measure(s, img, s->map.n_written * s->map.block);
    check_size(s, img);
    rc = join(s, img, e);
    if (!rc)
        read_cpus(img, first, s->header + s->map.block, h);
    return rc;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct sadump *s = calloc(1, sizeof *s);
    int rc;

    (void)o;
    if (!s)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    s->as = (struct eg_space){ .ops = &ops, .below = file, .priv = s };
    rc = open_sadump(s, img, file, e);
    if (rc) {
        eg_space_close(&s->as);
        return rc;
    }
    s->as.last = s->map.pages * s->map.block - 1;
    *out = &s->as;
    return 0;
}

EG_FORMAT(sadump) = {
    .desc = "sadump",
    .head = 2 * BLOCK + PART,
    .probe = probe,
    .open = open_,
};
