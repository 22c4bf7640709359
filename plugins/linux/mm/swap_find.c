/* swap_find.c - where a swapped page is: in the order in which the kernel looks (mm/memory.c,
 * do_swap_page; mm/page_io.c, swap_read_folio): the swap cache, the notes of pages of zeros, zswap,
 * the device. */
#include "swap.h"
#include <inttypes.h>
#include <stdlib.h>

enum { SHIFT_64MB = 14, FOLIO_MAX = 1 << 11, CLUSTER = 512, TYPE_SHIFT = 58 };

bool linux_swap_slot(const struct linux_swap *s, uint64_t entry, struct eg_swap_slot *out)
{
    return s->arch->swap && s->arch->swap(entry, s->form, out);
}

/* Type and offset in a swp_entry_t (include/linux/swapops.h). */
struct eg_swap_slot linux_swap_slot_of_value(uint64_t value)
{
    return (struct eg_swap_slot){ (uint32_t)(value >> TYPE_SHIFT),
                                  value & ((UINT64_C(1) << TYPE_SHIFT) - 1) };
}

/* Is the page with this number, or a later one of its folio, the page of this slot? Its first page
 * says which slot it has. */
static bool is_cached(const struct linux_swap *s, struct eg_view *v, uint64_t pfn,
                      struct eg_swap_slot slot, uint64_t *pa)
{
    struct eg_swap_slot first;
    uint64_t off, page, value;

    if (!eg_mul(pfn, s->zs.page_size_of, &off) || !eg_add(s->zs.memmap, off, &page) ||
        !linux_place_get(&s->zs.mem, v, page, s->private, &value))
        return false;
    first = linux_swap_slot_of_value(value);
    if (first.type != slot.type || slot.offset - first.offset >= FOLIO_MAX)
        return false;
    pfn += slot.offset - first.offset;
    *pa = pfn << s->zs.shift;
    return *pa >> s->zs.shift == pfn;
}

static bool page_of(const struct linux_swap *s, uint64_t page, uint64_t *pfn)
{
    if (!s->zs.memmap || page < s->zs.memmap || (page - s->zs.memmap) % s->zs.page_size_of)
        return false;
    *pfn = (page - s->zs.memmap) / s->zs.page_size_of;
    return true;
}

/* Before 6.18: xarrays of address spaces, each for 64 MiB of a device. Since 6.12 the index counts
 * from the beginning of its 64 MiB. */
static bool in_cache(const struct linux_swap *s, struct eg_view *v,
                     const struct linux_swap_device *d, struct eg_swap_slot slot, uint64_t *pa)
{
    const uint64_t in = slot.offset & ((1 << SHIFT_64MB) - 1);
    uint64_t at, page, pfn;

    if (!s->has_xarrays || slot.offset >> SHIFT_64MB >= d->n_cache)
        return false;
    at = d->cache + (slot.offset >> SHIFT_64MB) * s->mapping_size + s->mapping_pages;
    page = linux_xarray_at(&s->xarrays, &s->zs.mem, v, at, slot.offset);
    if (!page && in != slot.offset)
        page = linux_xarray_at(&s->xarrays, &s->zs.mem, v, at, in);
    return page && !(page & 1) && page_of(s, page, &pfn) && is_cached(s, v, pfn, slot, pa);
}

/* Is the bit set in the bitmap at @at? */
static bool is_marked(const struct linux_swap *s, struct eg_view *v, uint64_t at, uint64_t bit)
{
    uint64_t word;

    return at && linux_word(&s->zs.mem, v, at + bit / 64 * 8, &word) && word >> bit % 64 & 1;
}

/* Since 6.18 a table of each cluster (mm/swap_table.h): a shadow (bit 0), a folio's address, or
 * since 7.1 its page frame from bit 2 on, with 10 below it. Its highest five bits are then a count,
 * the lowest of them, where there is no bitmap of them, that the page is zeros. */
static bool in_table(const struct linux_swap *s, struct eg_view *v,
                     const struct linux_swap_device *d, struct eg_swap_slot slot, uint64_t *pa,
                     bool *zeros)
{
    const uint64_t flags = 5, zero_bit = 64 - flags;
    uint64_t at, table, e, pfn;

    if (!d->clusters || !s->table.size || !eg_mul(slot.offset / CLUSTER, s->cluster_size, &at) ||
        !eg_add(d->clusters, at, &at) || !linux_place_get(&s->zs.mem, v, at, s->table, &table) ||
        !table || !linux_word(&s->zs.mem, v, table + 8 * (slot.offset % CLUSTER), &e) || !e)
        return false;
    at += s->cluster_zeros;
    if (s->zeros == LINUX_ZEROS_IN_TABLE)
        *zeros = e >> zero_bit & 1;
    else if (s->zeros == LINUX_ZEROS_IN_CLUSTER ||
             (s->zeros == LINUX_ZEROS_BY_POINTER && linux_word(&s->zs.mem, v, at, &at)))
        *zeros = is_marked(s, v, at, slot.offset % CLUSTER);
    if ((e & 3) == 2)
        return is_cached(s, v, (e & ((UINT64_C(1) << zero_bit) - 1)) >> 2, slot, pa);
    return !(e & 7) && page_of(s, e, &pfn) && is_cached(s, v, pfn, slot, pa);
}

void linux_swap_find(const struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot,
                     struct linux_swapped *out)
{
    const struct linux_swap_device *d = &s->device[slot.type % LINUX_SWAP_DEVICES];
    bool zeros = false;
    struct eg_extent x;

    *out = (struct linux_swapped){ .slot = slot, .missing = "no such swap device" };
    if (slot.type >= s->n || !d->info)
        return;
    out->missing = "no such slot";
    if (!slot.offset || slot.offset >= d->slots)
        return;
    out->missing = NULL;
    if (in_table(s, v, d, slot, &out->pa, &zeros) || in_cache(s, v, d, slot, &out->pa)) {
        out->place = LINUX_SWAP_CACHE;
        return;
    }
    if (zeros || is_marked(s, v, d->zeros, slot.offset)) {
        out->place = LINUX_SWAP_ZEROS;
        return;
    }
    if (s->has_zswap) {
        linux_zswap_find(&s->zswap, &s->zs.mem, v, slot.type, slot.offset, &out->zswap);
        if (out->zswap.entry) {
            out->place = out->zswap.missing ? LINUX_SWAP_LOST : LINUX_SWAP_ZSWAP;
            out->missing = out->zswap.missing;
            return;
        }
    }
    if (d->zram) {
        linux_zram_find(d->zram, &s->zs, v, slot.offset, &out->zram);
        out->place = out->zram.missing ? LINUX_SWAP_LOST : LINUX_SWAP_ZRAM;
        out->missing = out->zram.missing;
    } else if (d->file) {
        if (!eg_mul(slot.offset, UINT64_C(1) << s->zs.shift, &out->pa))
            return;
        eg_extent_at(v, d->file, out->pa, &x);
        out->place = x.why ? LINUX_SWAP_LOST : LINUX_SWAP_FILE;
        out->missing = x.why ? "the file of --swap ends before it" : NULL;
    } else if (d->wrong) {
        out->missing = d->wrong;
    }
}

const char *linux_swap_read(struct linux_swap *s, struct eg_view *v, const struct linux_swapped *p,
                            uint8_t *page)
{
    const size_t len = (size_t)1 << s->zs.shift;
    const struct linux_swap_device *d = &s->device[p->slot.type % LINUX_SWAP_DEVICES];

    switch (p->place) {
    case LINUX_SWAP_CACHE:
        return eg_read(v, s->zs.phys, p->pa, page, len) ? NULL : "its page cannot be read";
    case LINUX_SWAP_ZEROS:
        memset(page, 0, len);
        return NULL;
    case LINUX_SWAP_ZSWAP:
        return linux_zswap_read(&s->zswap, &s->zs, v, &p->zswap, page);
    case LINUX_SWAP_ZRAM:
        return linux_zram_read(d->zram, &s->zs, v, &p->zram, page);
    case LINUX_SWAP_FILE:
        return eg_read(v, d->file, p->pa, page, len) ? NULL : "the file of --swap cannot be read";
    default:
        return p->missing ? p->missing : "only its device has it: --swap FILE gives a copy";
    }
}

bool linux_swap_extent(const struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot,
                       struct eg_extent *out)
{
    struct linux_swapped p;

    linux_swap_find(s, v, slot, &p);
    if (p.place == LINUX_SWAP_LOST)
        return false;
    out->why = EG_OK;
    out->flags |= EG_X_SWAPPED;
    switch (p.place) {
    case LINUX_SWAP_CACHE:
        out->below = s->zs.phys;
        out->below_addr = p.pa;
        break;
    case LINUX_SWAP_FILE:
        out->below = s->device[slot.type].file;
        out->below_addr = p.pa;
        break;
    case LINUX_SWAP_ZEROS:
        out->zero = true;
        break;
    default:
        out->made = true;
    }
    return true;
}

bool linux_swap_fill(struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot, void *bytes,
                     size_t len)
{
    struct linux_swapped p;
    const char *wrong;

    if (len != (size_t)1 << s->zs.shift)
        return false;
    linux_swap_find(s, v, slot, &p);
    wrong = linux_swap_read(s, v, &p, bytes);
    if (wrong && slot.type < s->n)
        eg_note(v->run, "pages swapped to %s cannot be read: %s",
                s->device[slot.type].path ? s->device[slot.type].path : "a device", wrong);
    return !wrong;
}

/* ---- in words ---- */

static const char *place_text(struct eg_run *r, const struct linux_swap *s,
                              const struct linux_swapped *p)
{
    const struct linux_swap_device *d = &s->device[p->slot.type % LINUX_SWAP_DEVICES];

    switch (p->place) {
    case LINUX_SWAP_CACHE:
        return eg_strf(r, ": in the swap cache, at physical %#" PRIx64, p->pa);
    case LINUX_SWAP_ZEROS:
        return ": all zeros, as the kernel noted";
    case LINUX_SWAP_ZSWAP:
        return p->zswap.same ? ": zswap, of one value"
                             : eg_strf(r, ": zswap, %s, %s, %" PRIu32 " bytes", p->zswap.compressor,
                                       p->zswap.allocator, p->zswap.length);
    case LINUX_SWAP_ZRAM:
        return p->zram.same  ? ": zram, of one value"
               : p->zram.raw ? ": zram, not compressed"
                             : eg_strf(r, ": zram, %s, %" PRIu32 " bytes",
                                       d->zram->by[p->zram.by].name, p->zram.size);
    case LINUX_SWAP_FILE:
        return eg_strf(r, ": in %s at %#" PRIx64, d->file_name, p->pa);
    default:
        return p->missing ? eg_strf(r, ": %s", p->missing) : "";
    }
}

const char *linux_swap_text(struct eg_run *r, const struct eg_extent *x)
{
    struct linux_swap *s;
    struct linux_swapped p;
    struct eg_swap_slot slot;
    const char *wrong = NULL;
    uint8_t *page;

    if ((x->why != EG_SWAPPED && !(x->flags & EG_X_SWAPPED)) || !(s = linux_swap(r)) ||
        !linux_swap_slot(s, x->entry, &slot))
        return NULL;
    linux_swap_find(s, eg_view_of(r), slot, &p);
    page = eg_tmp(r, (size_t)1 << s->zs.shift);
    if (p.place == LINUX_SWAP_ZSWAP || p.place == LINUX_SWAP_ZRAM)
        wrong = linux_swap_read(s, eg_view_of(r), &p, page);
    if (slot.type >= s->n || !s->device[slot.type].info)
        return eg_strf(r, "swapped out: device %" PRIu32 ", which there is not, slot %" PRIu64,
                       slot.type, slot.offset);
    return eg_strf(r, "swapped out: %s slot %" PRIu64 "%s%s%s",
                   s->device[slot.type].path ? s->device[slot.type].path : "a device", slot.offset,
                   place_text(r, s, &p), wrong ? ": " : "", wrong ? wrong : "");
}

const char *linux_why_text(struct eg_run *r, const struct eg_extent *x)
{
    const char *swapped = linux_swap_text(r, x);

    return swapped ? swapped : eg_why_text((enum eg_why)x->why);
}

const char *linux_why_at(struct eg_run *r, struct eg_space *space, uint64_t addr, enum eg_why why)
{
    struct eg_extent x;

    eg_extent_at(eg_view_of(r), space, addr, &x);
    // Of a page that could not be unpacked the extent has no reason.
    return x.why == why || x.flags & EG_X_SWAPPED ? linux_why_text(r, &x) : eg_why_text(why);
}
