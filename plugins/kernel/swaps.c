/* swaps - swap devices and files as /proc/swaps has them, and what of their pages can be read:
 * those in zram, and in zswap. */
#include "../linux/mm/mm.h"
#include "../linux/mm/swap.h"

EG_FIELD_AS(swaps_used, swap_info_struct, "inuse_pages.counter|inuse_pages"); // 6.11
EG_SYMBOL(swap_info, "unsigned long");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "its swap_info_struct")                                                        \
    C(PATH, TEXT, "the device or file")                                                            \
    C(TYPE, TEXT, "partition or file")                                                             \
    C(SIZE, INT, "bytes that can be swapped to it")                                                \
    C(USED, INT, "bytes in use")                                                                   \
    C(PRIORITY, INT, "the highest is used first")                                                  \
    C(READ_FROM, TEXT,                                                                             \
      "where its pages are read from: zram, or the file of --swap; - from nowhere")                \
    C(COMPRESSORS, TEXT, "zram: what compresses, then what recompresses")                          \
    C(STORED, INT, "zram: bytes of the pages that it keeps")                                       \
    C(COMPRESSED, INT, "zram: bytes that they have compressed")                                    \
    C(MEMORY, INT, "zram: bytes of memory that this takes")                                        \
    C(SAME_FILLED, INT, "zram: pages that one value fills", EG_MINOR)                              \
    C(INCOMPRESSIBLE, INT, "zram: pages that are kept as they are", EG_MINOR)                      \
    C(WRITTEN_BACK, INT, "zram: pages that it wrote to its backing device", EG_MINOR)              \
    C(IN_ZSWAP, INT, "pages that zswap keeps instead", EG_MINOR)
EG_COLUMNS(COLUMNS);

/* Times the page size; not computed where it cannot be read. */
static struct eg_cell bytes(uint64_t pages, unsigned shift)
{
    uint64_t n;

    return pages != UINT64_MAX && eg_mul(pages, UINT64_C(1) << shift, &n) ? eg_uint(n)
                                                                          : (struct eg_cell){ 0 };
}

static struct eg_cell count(uint64_t n)
{
    return n == UINT64_MAX ? (struct eg_cell){ 0 } : eg_uint(n);
}

static const char *compressors(struct eg_run *r, const struct linux_zram *z)
{
    const char *all = "";

    for (unsigned i = 0; i < LINUX_ZRAM_COMPRESSORS; i++)
        if (*z->by[i].name)
            all = eg_strf(r, "%s%s%s%s", all, *all ? "," : "", z->by[i].name,
                          linux_unpacks(z->by[i].name) ? "" : " (cannot be unpacked)");
    return all;
}

static void emit(struct eg_run *r, struct linux_swap *s, unsigned type)
{
    const uint64_t slots = (UINT64_C(1) << LINUX_SLOT_BITS) - 1; // a mark is above since 6.12
    const struct linux_swap_device *d = &s->device[type];
    struct eg_obj info = eg_object(r, swap_info_struct, d->info);
    struct eg_cell none = { 0 }, size = eg_val(info, swap_info_struct.pages), used = size;
    struct linux_zram_stats z = { 0 };
    uint64_t pages;

    if (eg_get(&pages, info, swap_info_struct.pages))
        size = bytes(pages, s->zs.shift);
    used = eg_val(info, swaps_used);
    if (eg_get(&pages, info, swaps_used))
        used = bytes(pages & slots, s->zs.shift);
    if (d->zram)
        linux_zram_count(r, d->zram, &z);
    eg_row(r, .OFFSET = eg_uint(d->info),
           .PATH = d->path ? eg_text(d->path) : eg_missing(EG_UNREADABLE, d->info),
           .TYPE = eg_text(d->block ? "partition" : "file"), .SIZE = size, .USED = used,
           .PRIORITY = eg_val(info, swap_info_struct.prio),
           .READ_FROM = d->zram    ? eg_text("zram")
                        : d->file  ? eg_text(d->file_name)
                        : d->wrong ? eg_missing(EG_BAD_VALUE, d->info)
                                   : none,
           .COMPRESSORS = d->zram ? eg_text(compressors(r, d->zram)) : none,
           .STORED = d->zram ? bytes(z.stored, s->zs.shift) : none,
           .COMPRESSED = d->zram ? count(z.compressed) : none,
           .MEMORY = d->zram ? bytes(z.used, s->zs.shift) : none,
           .SAME_FILLED = d->zram ? count(z.same) : none,
           .INCOMPRESSIBLE = d->zram ? count(z.huge) : none,
           .WRITTEN_BACK = d->zram ? count(z.written) : none,
           .IN_ZSWAP = s->has_zswap ? eg_uint(linux_zswap_count(&s->zswap, &s->zs.mem,
                                                                eg_view_of(r), type, d->slots))
                                    : none);
    if (d->wrong)
        eg_note(r, "%s: %s", d->path ? d->path : "a swap device", d->wrong);
}

static int run(struct eg_run *r)
{
    struct linux_swap *s = linux_swap(r);

    for (unsigned i = 0; s && i < s->n && !eg_stopped(r); i++)
        if (s->device[i].info)
            emit(r, s, i);
    return 0;
}

EG_PLUGIN(swaps) = {
    .os = "linux",
    .help = "List swap devices and files, what is in them, and what of it can be read",
    .manual =
        "As /proc/swaps, with sizes in bytes. Every plugin that reads the memory of a process "
        "reads swapped pages with it: those in the swap cache, in zswap and in zram are in the "
        "image, and those of a partition or file are where --swap FILE gives a copy of it. What "
        "zram wrote to its backing device is not read. `engram vtop IMAGE ADDR --pid N` says of "
        "one page where it is. The swap file must be a copy of the same moment: in a later one "
        "the places may have other pages.",
    .aliases = EG_NAMES("swap", "linux.swaps"),
    .columns = columns,
    .needs_symbols = EG_NEEDS_SYMBOLS(swap_info),
    .run = run,
    .moves = EG_NAMES("USED", "STORED", "COMPRESSED", "MEMORY", "SAME_FILLED", "INCOMPRESSIBLE",
                      "WRITTEN_BACK", "IN_ZSWAP"),
};
