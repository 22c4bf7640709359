/* qemu_pages.c - physical memory over the blocks of a migration stream: pages as they are in the
 * file, filled with one byte, packed with zlib, or changes of what was sent before (XBZRLE, QEMU's
 * docs/xbzrle.txt). */
#include "qemu.h"
#include <stdlib.h>
#include <zlib.h>

enum {
    UNIT = 4096,    // alignment of `made` extents
    RUN_MAX = 4096, // equal pages that are joined into one extent
};

/** The range that has @addr, or the first after it; q->ranges.n: none. */
static size_t range_of(const struct eg_qemu *q, uint64_t addr)
{
    size_t i = 0; // there are only a few

    while (i < q->ranges.n && q->ranges.at[i].last < addr)
        i++;
    return i;
}

static uint64_t entry_of(const struct eg_qemu_block *b, uint64_t page)
{
    return page < b->n_pages ? b->pages[page] : (uint64_t)EG_QEMU_NONE;
}

/** May adjacent pages with these entries be one extent? */
static bool alike(uint64_t a, uint64_t b)
{
    return (!eg_qemu_kind(a) && !eg_qemu_kind(b)) || (a == EG_QEMU_BYTE && b == EG_QEMU_BYTE);
}

/** A block with a bitmap: what is not in it is zero. */
static void mapped_extent(struct eg_view *v, const struct eg_qemu *q, const struct eg_qemu_block *b,
                          uint64_t page, uint64_t end, struct eg_extent *out)
{
    uint64_t n = 0;
    bool set = false;

    for (uint64_t word = 0, i = page; i < end && n < RUN_MAX; i++, n++) {
        if (n == 0 || i % 64 == 0) {
            const uint64_t at = b->bitmap + i / 64 * 8;
            const uint8_t *p = eg_within(at, 8, q->size) ? eg_bytes(v, q->file, at, 8) : NULL;

            if (!p)
                break;
            word = eg_le64(p);
        }
        if (n == 0)
            set = word >> i % 64 & 1;
        else if (set != (word >> i % 64 & 1))
            break;
    }
    if (set) { // only what is in the file
        const uint64_t there = b->data < q->size ? (q->size - b->data) >> q->page_shift : 0;

        n = page < there ? EG_MIN(n, there - page) : 0;
    }
    out->last = out->start + (EG_MAX(n, (uint64_t)1) << q->page_shift) - 1;
    if (!n) {
        out->why = EG_UNREADABLE;
    } else if (set) {
        out->below = q->file;
        out->below_addr = b->data + (page << q->page_shift);
    } else {
        out->zero = true;
    }
}

static void block_extent(const struct eg_qemu *q, const struct eg_qemu_block *b, uint64_t page,
                         uint64_t end, struct eg_extent *out)
{
    const uint64_t entry = entry_of(b, page);
    uint64_t n = 1;

    while (page + n < end && n < RUN_MAX && alike(entry, entry_of(b, page + n)))
        n++;
    out->last = out->start + (n << q->page_shift) - 1;
    if (page >= b->n_pages) // the file cannot hold more
        out->last = UINT64_MAX;
    if (eg_qemu_kind(entry) == EG_QEMU_NONE) {
        out->why = q->cut ? EG_UNREADABLE : EG_ABSENT;
    } else if (entry == EG_QEMU_BYTE) {
        out->zero = true;
    } else if (eg_qemu_kind(entry) == EG_QEMU_PAGE) {
        out->below = q->file;
        out->below_addr = eg_qemu_value(entry);
    } else {
        out->start &= ~(uint64_t)(UNIT - 1); // pages smaller than that are made together
        out->last = out->start + EG_MAX((uint64_t)UNIT, UINT64_C(1) << q->page_shift) - 1;
        out->made = true;
    }
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct eg_qemu *q = as->priv;
    const size_t i = range_of(q, addr);
    const struct eg_qemu_range *r = &q->ranges.at[i];
    const uint64_t mask = (UINT64_C(1) << q->page_shift) - 1;
    const struct eg_qemu_block *b;
    uint64_t at, end;

    if (i == q->ranges.n || addr < r->first) {
        *out = (struct eg_extent){ .start = i ? q->ranges.at[i - 1].last + 1 : 0,
                                   .last = i < q->ranges.n ? r->first - 1 : UINT64_MAX,
                                   .why = EG_ABSENT };
        return;
    }
    b = &q->blocks.at[r->block];
    at = r->offset + (addr - r->first);
    end = (r->offset + (r->last - r->first) + 1 + mask) >> q->page_shift;
    *out = (struct eg_extent){ .start = addr - (at & mask) };
    if (b->elsewhere) {
        out->last = r->last;
        out->why = EG_ABSENT;
    } else if (b->mapped) {
        mapped_extent(v, q, b, at >> q->page_shift, end, out);
    } else {
        block_extent(q, b, at >> q->page_shift, end, out);
    }
    out->last = EG_MIN(out->last, r->last);
}

static bool unpack(struct eg_view *v, const struct eg_qemu *q, uint64_t at, uint8_t *to, size_t n)
{
    const uint8_t *p = eg_bytes(v, q->file, at, 4);
    const size_t packed = p ? eg_be32(p) : 0;
    uint8_t *copy = packed ? malloc(packed) : NULL;
    uLongf got = n;
    bool ok;

    if (packed && !copy)
        eg_view_starved(v);
    ok = copy && eg_read(v, q->file, at + 4, copy, packed) &&
         uncompress(to, &got, copy, packed) == Z_OK && got == n;
    free(copy);
    return ok;
}

/** A number of at most two bytes, 7 bits in each (migration/xbzrle.c). */
static bool number(const uint8_t **p, const uint8_t *end, size_t *out)
{
    if (*p < end && !(**p & 0x80)) {
        *out = *(*p)++;
        return true;
    }
    if (end - *p < 2 || (*p)[1] & 0x80)
        return false;
    *out = ((*p)[0] & 0x7f) | (size_t)(*p)[1] << 7;
    *p += 2;
    return true;
}

/** A list of runs: number of unchanged bytes, number of new bytes, the new bytes. */
static bool apply(struct eg_view *v, const struct eg_qemu *q, uint64_t at, uint8_t *to, size_t n)
{
    const uint8_t *p = eg_bytes(v, q->file, at, 2), *end;
    const size_t len = p ? eg_be16(p) : 0;
    uint8_t *copy = malloc(len ? len : 1);
    size_t i = 0, run;
    bool ok;

    if (!copy)
        eg_view_starved(v);
    ok = copy && p && eg_read(v, q->file, at + 2, copy, len);
    p = copy;
    end = copy + len;
    while (ok && p < end) {
        ok = number(&p, end, &run) && run <= n - i;
        if (!ok || p == end)
            break;
        i += run;
        ok = number(&p, end, &run) && run <= n - i && run <= (size_t)(end - p);
        if (ok) {
            memcpy(to + i, p, run);
            p += run;
            i += run;
        }
    }
    free(copy);
    return ok;
}

static bool make(struct eg_view *v, const struct eg_qemu *q, uint64_t entry, uint8_t *to, size_t n)
{
    uint64_t *changes = NULL;
    size_t count = 0;
    bool ok = true;

    // Start with the page that was sent whole, then apply all changes; they are linked backwards.
    for (uint64_t x = entry; eg_qemu_kind(x) == EG_QEMU_DELTA;
         x = q->deltas.at[eg_qemu_value(x)].before)
        count++;
    if (count && !(changes = malloc(count * sizeof *changes))) {
        eg_view_starved(v);
        return false;
    }
    for (size_t i = count; i--; entry = q->deltas.at[eg_qemu_value(entry)].before)
        changes[i] = q->deltas.at[eg_qemu_value(entry)].at;
    switch (eg_qemu_kind(entry)) {
    case EG_QEMU_BYTE:
        memset(to, (int)eg_qemu_value(entry), n);
        break;
    case EG_QEMU_PAGE:
        ok = eg_read(v, q->file, eg_qemu_value(entry), to, n);
        break;
    case EG_QEMU_ZLIB:
        ok = unpack(v, q, eg_qemu_value(entry), to, n);
        break;
    default:
        ok = false;
    }
    for (size_t i = 0; ok && i < count; i++)
        ok = apply(v, q, changes[i], to, n);
    free(changes);
    return ok;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *to, size_t len)
{
    const struct eg_qemu *q = as->priv;
    const size_t i = range_of(q, start), page = (size_t)1 << q->page_shift;
    const struct eg_qemu_range *r = &q->ranges.at[i];

    if (i == q->ranges.n || start < r->first || len - 1 > r->last - start)
        return false;
    for (size_t at = 0; at < len; at += page) {
        const uint64_t n = (r->offset + (start + at - r->first)) >> q->page_shift;

        if (!make(v, q, entry_of(&q->blocks.at[r->block], n), (uint8_t *)to + at,
                  EG_MIN(page, len - at)))
            return false;
    }
    return true;
}

static void close_(struct eg_space *as)
{
    struct eg_qemu *q = as->priv;

    for (size_t i = 0; i < q->blocks.n; i++)
        free(q->blocks.at[i].pages);
    eg_vec_fini(&q->blocks);
    eg_vec_fini(&q->deltas);
    eg_vec_fini(&q->ranges);
}

const struct eg_space_ops eg_qemu_ops = {
    .name = "QEMU", .extent = extent, .fill = fill, .close = close_
};
