/* ramviews - who says what is RAM: what hides memory from a tool that acquires it changes one view
 * and forgets the others. */
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/vec.h"
#include "../linux/kernel/iomem.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/page.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <stdlib.h>

EG_FIELDS(e820_table, nr_entries, entries); // arch/x86/include/asm/e820/types.h
EG_FIELDS(e820_entry, addr, size, type);
EG_FIELDS(firmware_map_entry, start, end, type, list); // drivers/firmware/memmap.c
EG_FIELDS(memblock_type, cnt, regions);                // include/linux/memblock.h
EG_FIELDS(memblock_region, base, size);
EG_FIELD_AS(memblock_memory, memblock, "memory");
EG_SYMBOL(e820_table, "e820_table *");
EG_SYMBOL(map_entries, "list_head");
EG_SYMBOL(memblock, "memblock");

#define COLUMNS(C)                                                                                 \
    C(START, ADDR, "physical address of the first byte")                                           \
    C(END, ADDR, "and of the first byte behind it")                                                \
    C(SIZE, INT, "bytes")                                                                          \
    C(IOMEM, TEXT, "what /proc/iomem calls it, which tools that acquire memory go by")             \
    C(E820, TEXT, "what the BIOS or EFI said, as the kernel keeps it (x86)")                       \
    C(FIRMWARE, TEXT, "the same as /sys/firmware/memmap has it")                                   \
    C(MEMBLOCK, TEXT, "RAM: the kernel's first allocator has it")                                  \
    C(PAGES_USE, TEXT, "RAM: the kernel gave out its pages, or has them to give")                  \
    C(IMAGE, TEXT, "whether the image has it: all, part, none")                                    \
    C(HINTS, TEXT, "what contradicts what")
EG_COLUMNS(COLUMNS);

enum {
    HOLES_MAX = 16,     /* more, or more than a sixteenth of RAM, was not taken out but left out */
    VIEWS_MAX = 4096,   /* ranges of one view */
    PAGES_MAX = 1024,   /* struct pages that are asked of a range */
    EXTENTS_MAX = 4096, /* parts of the image that are looked at for a range */
    WORTH = 4096,       /* bytes; less is the rest of a page */
};
enum view { IOMEM, E820, FIRMWARE, MEMBLOCK, VIEWS };

struct part {
    uint64_t first, last;
    const char *text;
};
struct ramviews {
    struct eg_run *r;
    EG_VEC(struct part) of[VIEWS];
    EG_VEC(uint64_t) edges;
    bool known[VIEWS];
    const struct linux_memmap *memmap;
    EG_VEC(struct part) holes; /* of RAM that the image lacks, and goes on behind them */
};

static void fini(void *arg)
{
    struct ramviews *w = arg;

    for (size_t i = 0; i < VIEWS; i++)
        eg_vec_fini(&w->of[i]);
    eg_vec_fini(&w->edges);
    eg_vec_fini(&w->holes);
}

static void edges_of(struct ramviews *w, uint64_t first, uint64_t last)
{
    uint64_t *edge = eg_vec_push(&w->edges);

    if (edge)
        *edge = first;
    edge = last == UINT64_MAX ? NULL : eg_vec_push(&w->edges);
    if (edge)
        *edge = last + 1;
}

static void add(struct ramviews *w, enum view view, uint64_t first, uint64_t last, const char *text)
{
    struct part *part;

    w->known[view] = true;
    if (last < first || w->of[view].n == VIEWS_MAX)
        return;
    part = eg_vec_push(&w->of[view]);
    if (part)
        *part = (struct part){ first, last, text };
    edges_of(w, first, last);
}

/* ---- the views ---- */

static void read_iomem(struct ramviews *w)
{
    struct linux_resource_walk walk = { 0 };
    struct eg_obj o;
    uint64_t first, last;

    // RAM stands at the top; parts of it are the kernel's own.
    while (linux_next_resource(w->r, &walk, &o)) {
        const char *name = eg_string(w->r, eg_at(o, resource.name), 64);

        if (!walk.depth && eg_get(&first, o, resource.start) && eg_get(&last, o, resource.end))
            add(w, IOMEM, first, last, name ? name : "?");
    }
}

/* enum e820_type, arch/x86/include/asm/e820/types.h. */
static const char *type_text(uint32_t type)
{
    switch (type) {
    case 1:
    case 128: // E820_TYPE_RESERVED_KERN, until 6.14
        return "RAM";
    case 2:
        return "reserved";
    case 3:
        return "ACPI";
    case 4:
        return "ACPI NVS";
    case 5:
        return "unusable";
    case 7:
    case 12:
        return "persistent";
    default:
        return "other";
    }
}

static void read_e820(struct ramviews *w)
{
    struct eg_obj table = eg_deref(eg_sym(w->r, e820_table)), entry;
    uint32_t n = 0, type;
    uint64_t addr, size;

    if (!eg_get(&n, table, e820_table.nr_entries))
        return;
    for (uint32_t i = 0; i < n && i < eg_count(eg_at(table, e820_table.entries)); i++) {
        entry = eg_index(eg_at(table, e820_table.entries), i);
        if (eg_get(&addr, entry, e820_entry.addr) && eg_get(&size, entry, e820_entry.size) &&
            eg_get(&type, entry, e820_entry.type) && size)
            add(w, E820, addr, addr + (size - 1), type_text(type));
    }
}

static void read_firmware(struct ramviews *w)
{
    const struct eg_obj list = eg_sym(w->r, map_entries);
    struct eg_obj entry;
    uint64_t first, last;

    if (list.why) // machines without such firmware have none
        return;
    eg_each_list(entry, list, firmware_map_entry.list) {
        const char *type = eg_string(w->r, eg_at(entry, firmware_map_entry.type), 64);

        if (type && eg_get(&first, entry, firmware_map_entry.start) &&
            eg_get(&last, entry, firmware_map_entry.end))
            add(w, FIRMWARE, first, last, type);
    }
}

/* Many kernels give memblock's own memory back after boot (CONFIG_ARCH_KEEP_MEMBLOCK): then it
 * lies among start-up data, and says nothing any more. */
static void read_memblock(struct ramviews *w)
{
    struct eg_obj memblock = eg_sym(w->r, memblock), memory = eg_at(memblock, memblock_memory);
    uint64_t n = 0, base, size, begin = 0, end = 0;
    struct eg_obj first;

    eg_lookup(w->r, "__init_begin", &begin);
    eg_lookup(w->r, "__init_end", &end);
    if (memory.why || (memblock.addr >= begin && memblock.addr < end) ||
        !eg_get(&n, memory, memblock_type.cnt))
        return;
    first = eg_at(memory, memblock_type.regions);
    for (uint64_t i = 0; i < n && i < VIEWS_MAX; i++) {
        struct eg_obj region = eg_index(first, i);

        if (eg_get(&base, region, memblock_region.base) &&
            eg_get(&size, region, memblock_region.size) && size)
            add(w, MEMBLOCK, base, base + (size - 1), "RAM");
    }
}

/* Of a crash kernel's memory no dump that it makes has anything. */
static bool is_kept(struct eg_run *r, uint64_t first, uint64_t last)
{
    struct linux_ram *kept;
    const size_t n = linux_ram_kept(r, &kept);

    for (size_t i = 0; i < n; i++)
        if (first <= kept[i].last && last >= kept[i].first)
            return true;
    return false;
}

/* RAM that is in no range of the image, while it goes on behind that: who takes memory leaves none
 * out, unless the image is of some pages only. */
static void find_holes(struct ramviews *w)
{
    struct eg_space *physical = eg_physical(w->r);
    uint64_t total = 0, missing = 0;
    struct linux_ram *ram;
    const size_t n = linux_ram(w->r, &ram);
    struct eg_extent x, behind;

    for (size_t i = 0; i < n && w->holes.n <= HOLES_MAX && !eg_stopped(w->r); i++) {
        total += ram[i].last - ram[i].first + 1;
        for (uint64_t at = ram[i].first; w->holes.n <= HOLES_MAX && !eg_stopped(w->r);
             at = x.last + 1) {
            eg_extent_at(eg_view_of(w->r), physical, at, &x);
            x.last = EG_MIN(x.last, ram[i].last);
            if (x.why == EG_ABSENT && x.last - at + 1 >= WORTH && !is_kept(w->r, at, x.last) &&
                eg_next_mapped(eg_view_of(w->r), physical, x.last, physical->last, &behind)) {
                struct part *hole = eg_vec_push(&w->holes);

                if (hole)
                    *hole = (struct part){ at, x.last, NULL };
                missing += x.last - at + 1;
            }
            if (x.last >= ram[i].last)
                break;
        }
    }
    if (w->holes.n > HOLES_MAX || missing > total / 16) {
        eg_note(w->r,
                "the image lacks more than a little of RAM: it is not said where: see quality");
        w->holes.n = 0;
    }
    for (size_t i = 0; i < w->holes.n; i++)
        edges_of(w, w->holes.at[i].first, w->holes.at[i].last);
}

static bool is_hole(const struct ramviews *w, uint64_t first)
{
    for (size_t i = 0; i < w->holes.n; i++)
        if (first >= w->holes.at[i].first && first <= w->holes.at[i].last)
            return true;
    return false;
}

static const char *said(const struct ramviews *w, enum view view, uint64_t first)
{
    for (size_t i = 0; i < w->of[view].n; i++)
        if (first >= w->of[view].at[i].first && first <= w->of[view].at[i].last)
            return w->of[view].at[i].text;
    return NULL;
}

/* Are pages of it memory that the kernel gives out? */
static const char *pages(struct ramviews *w, uint64_t first, uint64_t last)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(w->r);
    uint64_t at, step, n;

    if (!w->memmap || !w->memmap->found || !eg_add(first, page - 1, &at))
        return NULL;
    at &= ~(page - 1);
    n = last > at ? (last - at + 1) / page : 0;
    step = (n / PAGES_MAX + 1) * page;
    for (uint64_t i = 0; i < PAGES_MAX && i < n && !eg_stopped(w->r); i++, at += step) {
        struct linux_page p;

        linux_page_at(w->r, w->memmap, at, &p);
        if (p.use == LINUX_PAGE_FREE || p.use == LINUX_PAGE_SLAB || p.use == LINUX_PAGE_FILE ||
            p.use == LINUX_PAGE_ANON || p.use == LINUX_PAGE_TYPED)
            return "RAM";
    }
    return "";
}

static const char *in_image(struct ramviews *w, uint64_t first, uint64_t last)
{
    struct eg_space *physical = eg_physical(w->r);
    bool some = false, lacks = false;
    struct eg_extent x;

    for (unsigned n = 0; n < EXTENTS_MAX && !(some && lacks); n++) {
        eg_extent_at(eg_view_of(w->r), physical, first, &x);
        some = some || !x.why;
        lacks = lacks || x.why;
        if (x.last >= last)
            break;
        first = x.last + 1;
    }
    return some ? lacks ? "part" : "all" : "none";
}

/* ---- rows ---- */

static bool is_ram(const char *text)
{
    return text && (strstr(text, "RAM") || !strncmp(text, "System RAM", 10));
}

static void judge(struct ramviews *w, uint64_t first, uint64_t last)
{
    const char *text[VIEWS], *kernel, *image, *hints = NULL;
    bool any = false, ram;

    for (size_t i = 0; i < VIEWS; i++) {
        text[i] = said(w, (enum view)i, first);
        any = any || text[i];
    }
    if (!any || last - first + 1 < WORTH)
        return;
    ram = is_ram(text[IOMEM]) || is_ram(text[E820]) || is_ram(text[FIRMWARE]) || text[MEMBLOCK];
    kernel = ram || !text[IOMEM] || !strncasecmp(text[IOMEM], "reserved", 8) ? pages(w, first, last)
                                                                             : NULL;
    image = in_image(w, first, last);
    if (w->known[IOMEM] && !is_ram(text[IOMEM])) {
        if (is_ram(text[E820]))
            hints = linux_hints(w->r, hints, "RAM by e820, but not in iomem");
        if (text[MEMBLOCK])
            hints = linux_hints(w->r, hints, "RAM by memblock, but not in iomem");
        if (kernel && *kernel)
            hints = linux_hints(w->r, hints,
                                "the kernel uses it as RAM, but iomem does not call it RAM");
    }
    if (is_ram(text[IOMEM]) && text[E820] && !is_ram(text[E820]))
        hints = linux_hints(w->r, hints, "RAM in iomem, but not by e820");
    if (is_hole(w, first))
        hints = linux_hints(w->r, hints, "RAM that the image lacks, and it goes on behind that");
    eg_row(w->r, .START = eg_uint(first), .END = eg_uint(last + 1),
           .SIZE = eg_uint(last - first + 1), .IOMEM = eg_text(text[IOMEM]),
           .E820 = eg_text(text[E820]), .FIRMWARE = eg_text(text[FIRMWARE]),
           .MEMBLOCK = eg_text(text[MEMBLOCK]), .PAGES_USE = eg_text(kernel),
           .IMAGE = eg_text(image), .HINTS = eg_text(hints));
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static int run(struct eg_run *r)
{
    struct ramviews *w = eg_tmp(r, sizeof *w);

    *w = (struct ramviews){ .r = r };
    eg_run_defer(r, fini, w);
    w->memmap = linux_memmap(r);
    read_iomem(w);
    read_e820(w);
    read_firmware(w);
    read_memblock(w);
    find_holes(w);
    if (w->edges.n)
        qsort(w->edges.at, w->edges.n, sizeof *w->edges.at, by_value);
    for (size_t i = 0; i + 1 < w->edges.n && !eg_stopped(r); i++)
        if (w->edges.at[i] != w->edges.at[i + 1])
            judge(w, w->edges.at[i], w->edges.at[i + 1] - 1);
    return 0;
}

EG_PLUGIN(ramviews) = {
    .os = "linux",
    .help = "Compare who says what is RAM: the map of addresses, firmware, page tables, the image",
    .manual =
        "Tools that acquire memory from inside go by /proc/iomem: a range that is called Reserved "
        "there is not read. Here each range of physical memory is shown as the kernel's views "
        "have it: iomem, e820 (x86), /sys/firmware/memmap, memblock (where the kernel keeps it), "
        "struct pages, and whether the image has it. HINTS names contradictions, and RAM that is "
        "cut out of the image. Not seen are views that were all changed alike, and what an image "
        "lacks at its end or in many places: `quality` shows that, `kernelmap` code that it lacks, "
        "`engram diff-dump` what a dump from inside lacks against one from outside. ACPI's tables "
        "are not read: what they call RAM has holes that are none. memblock is given back after "
        "boot by "
        "most x86 kernels; the command line's mem= and memmap= change e820 and iomem alike.",
    .columns = columns,
    .uses = EG_NAMES("resources"),
    .looks_for = EG_NAMES("tampering with the acquisition"),
    .run = run,
};
