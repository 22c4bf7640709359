/* pages - how physical memory is used, from the kernel's notes of each page (struct page). */
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/fs/inode.h"
#include "../linux/kernel/iomem.h"
#include "../linux/mm/page.h"
#include "../linux/mm/zone.h"

#define COLUMNS(C)                                                                                 \
    C(USE, TEXT, "free, file, anonymous, slab, …; ram: all of it")                                 \
    C(ZONE, TEXT, "of free blocks and of ram: the zone", EG_ASKED)                                 \
    C(ORDER, INT, "of free blocks, and of compound pages: log2 of their pages", EG_ASKED)          \
    C(PAGES, INT, "how many there are", EG_ASKED)                                                  \
    C(SIZE, INT, "the same in bytes", EG_ASKED)                                                    \
    C(KERNEL_PAGES, INT, "how many the kernel has counted", EG_ASKED)                              \
    C(PHYSICAL, ADDR, "physical address of the page", EG_ASKED)                                    \
    C(PFN, INT, "number of the page", EG_ASKED)                                                    \
    C(PAGE_FLAGS, FLAGS, "flags, by this kernel's names", EG_ASKED)                                \
    C(REFCOUNT, INT, "references to the page, or to its compound page", EG_ASKED)                  \
    C(MAPCOUNT, INT, "page tables that map it", EG_ASKED)                                          \
    C(MAPPING, ADDR, "the address_space of its file, or the anon_vma", EG_ASKED)                   \
    C(INDEX, INT, "number of the page in its file, or in the mapping", EG_ASKED)                   \
    C(NAME, TEXT, "of a slab: its cache", EG_ASKED)
EG_COLUMNS(COLUMNS);

EG_FIELD_AS(super_magic, super_block, "s_magic");
EG_FIELD_AS(cache_flags, kmem_cache, "flags");
EG_ENUMERATOR(_SLAB_RECLAIM_ACCOUNT, NULL); // since 6.9

enum use {
    FREE,
    UNREFERENCED,
    ANONYMOUS,
    FILE_PAGES,
    SHARED,
    BLOCK_DEVICE,
    HUGE,
    RECLAIMABLE,
    SLAB,
    TYPED, // and those behind it: by the name of the type
    TYPES_END = TYPED + 9,
    RESERVED = TYPES_END,
    KERNEL,
    NO_PAGE,
    USES,
};
static const char *const names[USES] = {
    [FREE] = "free",
    [UNREFERENCED] = "unreferenced",
    [ANONYMOUS] = "anonymous",
    [FILE_PAGES] = "file",
    [SHARED] = "shared memory",
    [BLOCK_DEVICE] = "block device",
    [HUGE] = "huge page",
    [RECLAIMABLE] = "slab, reclaimable",
    [SLAB] = "slab",
    [RESERVED] = "reserved",
    [KERNEL] = "kernel",
    [NO_PAGE] = "no struct page",
};

struct survey {
    struct eg_run *r;
    const struct linux_memmap *m;
    uint64_t reclaim; // bits of kmem_cache.flags
    const char *types[9];
    uint64_t n[USES];
    struct linux_zone *zones;
    size_t n_zones;
    uint64_t (*blocks)[LINUX_ORDERS]; // by zone
    const char *flags[64];
    unsigned n_flags;
};

static enum use file_use(const struct linux_page *p, const struct linux_page_state *s)
{
    enum { S_IFMT = 0170000, S_IFBLK = 0060000 };
    const uint64_t hugetlbfs = 0x958458f6; // HUGETLBFS_MAGIC, include/uapi/linux/magic.h

    if (eg_get_or(UINT64_C(0), p->inode, inode.i_sb, super_magic) == hugetlbfs)
        return HUGE;
    if ((eg_get_or(0u, p->inode, inode.i_mode) & S_IFMT) == S_IFBLK)
        return BLOCK_DEVICE;
    return s->swap_backed ? SHARED : FILE_PAGES;
}

static enum use use_of(const struct survey *v, const struct linux_page *p,
                       const struct linux_page_state *s)
{
    switch (p->use) {
    case LINUX_PAGE_FREE:
        return FREE;
    case LINUX_PAGE_UNREFERENCED:
        return UNREFERENCED;
    case LINUX_PAGE_ANON:
        return ANONYMOUS;
    case LINUX_PAGE_FILE:
        return file_use(p, s);
    case LINUX_PAGE_SLAB:
        return eg_get_or(UINT64_C(0), eg_object(v->r, kmem_cache, p->cache), cache_flags) &
                       v->reclaim
                   ? RECLAIMABLE
                   : SLAB;
    case LINUX_PAGE_RESERVED:
        return RESERVED;
    case LINUX_PAGE_NONE:
        return NO_PAGE;
    case LINUX_PAGE_TYPED:
        for (unsigned i = 0; p->name && i < countof(v->types); i++)
            if (v->types[i] && !strcmp(v->types[i], p->name))
                return (enum use)(TYPED + i);
        return KERNEL;
    case LINUX_PAGE_UNKNOWN:
        return KERNEL;
    }
    return KERNEL;
}

static const char *name_of(const struct survey *v, enum use use)
{
    return use >= TYPED && use < TYPES_END ? v->types[use - TYPED] : names[use];
}

/* The pages that are alike, from page @pfn on: all of a free block, or of a compound page whose
 * last page says that it is one. */
static uint64_t alike(const struct survey *v, uint64_t pfn, const struct linux_page *p,
                      const struct linux_page_state *s)
{
    const unsigned order = p->use == LINUX_PAGE_FREE ? p->order : s->order;
    const uint64_t head = p->first >> v->m->shift;
    uint64_t last = head + (UINT64_C(1) << order) - 1;

    if (!order || pfn < head || pfn > last)
        return 1;
    if (p->use != LINUX_PAGE_FREE) {
        struct eg_obj page;
        uint64_t own, of;

        if (!linux_page_head(v->r, v->m, v->m->base + last * v->m->size, &own, &page, &of) ||
            of != head)
            return 1;
    }
    return last - pfn + 1;
}

static void count_block(struct survey *v, const struct linux_page *p)
{
    const uint64_t pfn = p->first >> v->m->shift;

    for (size_t i = 0; i < v->n_zones; i++)
        if (pfn >= v->zones[i].first && pfn <= v->zones[i].last && p->order < LINUX_ORDERS)
            v->blocks[i][p->order]++;
}

static void survey(struct survey *v, uint64_t first, uint64_t last, uint64_t *done, uint64_t total)
{
    const unsigned shift = v->m->shift;

    for (uint64_t pfn = first >> shift, n; pfn <= last >> shift && !eg_stopped(v->r); pfn += n) {
        struct linux_page p;
        struct linux_page_state s = { 0 };

        linux_page_at(v->r, v->m, pfn << shift, &p);
        if (p.use != LINUX_PAGE_FREE && p.use != LINUX_PAGE_NONE)
            linux_page_state(v->r, v->m, pfn, &s);
        if (p.use == LINUX_PAGE_FREE && p.first == pfn << shift)
            count_block(v, &p);
        n = EG_MIN(alike(v, pfn, &p, &s), (last >> shift) - pfn + 1);
        v->n[use_of(v, &p, &s)] += n;
        *done += n;
        eg_progress(v->r, *done, total);
    }
}

/* ---- rows of a summary ---- */

static struct eg_cell counted(const struct survey *v, enum use use)
{
    static const struct {
        enum use use;
        enum linux_count count;
    } same[] = {
        { FREE, LINUX_COUNT_FREE },    { ANONYMOUS, LINUX_COUNT_ANON },
        { SHARED, LINUX_COUNT_SHMEM }, { RECLAIMABLE, LINUX_COUNT_SLAB_RECLAIMABLE },
        { SLAB, LINUX_COUNT_SLAB },
    };
    uint64_t n, shared, swap = 0;

    for (size_t i = 0; i < countof(same); i++)
        if (same[i].use == use && linux_count(v->r, same[i].count, &n))
            return eg_uint(n);
    if (use == FILE_PAGES && linux_count(v->r, LINUX_COUNT_FILE, &n) &&
        linux_count(v->r, LINUX_COUNT_SHMEM, &shared)) {
        linux_count(v->r, LINUX_COUNT_SWAPCACHE, &swap);
        n -= EG_MIN(n, shared + swap + v->n[BLOCK_DEVICE]);
        return eg_uint(n);
    }
    if (use >= TYPED && use < TYPES_END && v->types[use - TYPED]) {
        if (!strcmp(v->types[use - TYPED], "page table") &&
            linux_count(v->r, LINUX_COUNT_TABLE, &n))
            return eg_uint(n);
        if (!strcmp(v->types[use - TYPED], "zsmalloc") &&
            linux_count(v->r, LINUX_COUNT_ZSPAGES, &n))
            return eg_uint(n);
    }
    return (struct eg_cell){ 0 };
}

static void emit_zone(const struct survey *v, size_t i)
{
    const struct linux_zone *z = &v->zones[i];
    const unsigned shift = v->m->shift;

    eg_row(v->r, .USE = eg_text("managed"), .ZONE = eg_text(z->name), .PAGES = eg_uint(z->managed),
           .SIZE = eg_uint(z->managed << shift));
    eg_row(v->r, .USE = eg_text("present"), .ZONE = eg_text(z->name), .PAGES = eg_uint(z->present),
           .SIZE = eg_uint(z->present << shift));
    for (unsigned order = 0; order < z->orders; order++)
        eg_row(v->r, .USE = eg_text("free blocks"), .ZONE = eg_text(z->name),
               .ORDER = eg_uint(order), .PAGES = eg_uint(v->blocks[i][order] << order),
               .SIZE = eg_uint(v->blocks[i][order] << order << shift),
               .KERNEL_PAGES = eg_uint(z->free[order] << order));
}

static int summary(struct survey *v)
{
    uint64_t total = 0, done = 0, all = 0;
    struct linux_ram *ram;
    const size_t n = linux_ram(v->r, &ram);

    if (!n)
        return eg_failed(v->r, "the kernel's map of memory (iomem_resource) cannot be read");
    for (size_t i = 0; i < n; i++)
        total += ((ram[i].last - ram[i].first) >> v->m->shift) + 1;
    for (size_t i = 0; i < n; i++)
        survey(v, ram[i].first, ram[i].last, &done, total);
    for (int i = 0; i < USES; i++)
        all += v->n[i];
    eg_row(v->r, .USE = eg_text("ram"), .PAGES = eg_uint(all), .SIZE = eg_uint(all << v->m->shift));
    for (int i = 0; i < USES; i++)
        if (v->n[i])
            eg_row(v->r, .USE = eg_text(name_of(v, (enum use)i)), .PAGES = eg_uint(v->n[i]),
                   .SIZE = eg_uint(v->n[i] << v->m->shift),
                   .KERNEL_PAGES = counted(v, (enum use)i));
    for (size_t i = 0; i < v->n_zones; i++)
        emit_zone(v, i);
    return 0;
}

/* ---- rows of pages ---- */

static const char *flags_text(const struct survey *v, uint64_t flags)
{
    const char *text = "";

    for (unsigned i = 0; i < v->n_flags; i++)
        if (flags >> i & 1)
            text = v->flags[i] ? eg_strf(v->r, "%s%s%s", text, *text ? "," : "", v->flags[i])
                               : eg_strf(v->r, "%s%sbit%u", text, *text ? "," : "", i);
    return text;
}

static bool emit_page(const struct survey *v, uint64_t pfn, uint64_t wanted)
{
    struct linux_page_state s;
    struct linux_page p;
    struct eg_cell none = { 0 };

    if (!linux_page_state(v->r, v->m, pfn, &s)) {
        if (!wanted)
            eg_row(v->r, .USE = eg_text(names[NO_PAGE]), .PHYSICAL = eg_uint(pfn << v->m->shift),
                   .PFN = eg_uint(pfn));
        return false;
    }
    if ((s.flags & wanted) != wanted)
        return true;
    linux_page_at(v->r, v->m, pfn << v->m->shift, &p);
    eg_row(v->r, .USE = eg_text(name_of(v, use_of(v, &p, &s))),
           .ORDER = eg_uint(p.use == LINUX_PAGE_FREE ? p.order : s.order),
           .PHYSICAL = eg_uint(pfn << v->m->shift), .PFN = eg_uint(pfn),
           .PAGE_FLAGS = v->n_flags ? eg_text(flags_text(v, s.flags)) : eg_missing(EG_NO_TYPE, 0),
           .REFCOUNT = eg_int(s.refcount), .MAPCOUNT = s.mapcount < 0 ? none : eg_int(s.mapcount),
           .MAPPING = s.mapping ? eg_uint(s.mapping & ~UINT64_C(3)) : none,
           .INDEX = s.mapping ? eg_uint(s.index) : none,
           .NAME = p.use == LINUX_PAGE_SLAB ? eg_text(linux_slab_name(v->r, &p)) : none);
    return true;
}

/* --flags dirty,lru: bits that must all be set. @return false: refused. */
static bool flags_asked(struct survey *v, uint64_t *wanted)
{
    const char *word;

    *wanted = 0;
    for (size_t i = 0; (word = eg_arg_text_nth(v->r, "flags", i)); i++)
        while (*word) {
            const size_t n = strcspn(word, ",");
            unsigned bit = 0;

            while (bit < v->n_flags && !(v->flags[bit] && strlen(v->flags[bit]) == n &&
                                         !strncmp(v->flags[bit], word, n)))
                bit++;
            if (bit == v->n_flags) {
                eg_refused(v->r, "--flags %.*s: this kernel's pages have no such flag", (int)n,
                           word);
                return false;
            }
            *wanted |= UINT64_C(1) << bit;
            word += n + (word[n] == ',');
        }
    return true;
}

/* An address is a physical one; one of the kernel's is that of a struct page, or of the memory. */
static bool page_at(const struct survey *v, uint64_t at, uint64_t *pfn)
{
    const struct linux_memmap *m = v->m;
    uint64_t pa = at;

    if (at >= m->base && (at - m->base) / m->size <= eg_physical(v->r)->last >> m->shift) {
        *pfn = (at - m->base) / m->size;
        return true;
    }
    if (at > eg_physical(v->r)->last &&
        !eg_translate(eg_view_of(v->r), eg_kernel(v->r), at, eg_physical(v->r), &pa))
        return false;
    *pfn = pa >> m->shift;
    return true;
}

static int list_asked(struct survey *v, uint64_t wanted)
{
    uint64_t at, last, pfn;

    for (size_t i = 0; eg_arg_range(v->r, "at", i, &at, &last); i++)
        for (bool more = true; more && !eg_stopped(v->r);) {
            if (page_at(v, at, &pfn))
                emit_page(v, pfn, wanted);
            else
                eg_row(v->r, .PHYSICAL = eg_missing(EG_NOT_PRESENT, at));
            more = at >> v->m->shift != last >> v->m->shift;
            at = ((at >> v->m->shift) + 1) << v->m->shift;
        }
    return 0;
}

static int list_all(struct survey *v, uint64_t wanted)
{
    struct linux_ram *ram;
    const size_t n = linux_ram(v->r, &ram);

    for (size_t i = 0; i < n; i++)
        for (uint64_t pfn = ram[i].first >> v->m->shift;
             pfn <= ram[i].last >> v->m->shift && !eg_stopped(v->r); pfn++)
            emit_page(v, pfn, wanted);
    return n ? 0 : eg_failed(v->r, "the kernel's map of memory (iomem_resource) cannot be read");
}

static int run(struct eg_run *r)
{
    struct survey v = { .r = r, .m = linux_memmap(r), .reclaim = 0x20000 };
    uint64_t wanted, at, last;
    int64_t bit;

    if (!v.m || !v.m->found)
        return eg_failed(r, "the kernel's array of struct page cannot be found");
    if (eg_enum(r, _SLAB_RECLAIM_ACCOUNT, &bit) && bit >= 0 && bit < 64)
        v.reclaim = UINT64_C(1) << bit;
    for (size_t i = 0; i < countof(v.types); i++)
        v.types[i] = v.m->types[i].mask ? v.m->types[i].name : NULL;
    v.n_flags = linux_page_flags(r, v.flags);
    v.n_zones = linux_zones(r, &v.zones);
    v.blocks = eg_tmp(r, (v.n_zones + 1) * sizeof *v.blocks);
    if (!flags_asked(&v, &wanted))
        return r->status;
    if (eg_arg_range(r, "at", 0, &at, &last))
        return list_asked(&v, wanted);
    return wanted || eg_arg_flag(r, "list") ? list_all(&v, wanted) : summary(&v);
}

EG_PLUGIN(pages) = {
    .os = "linux",
    .help = "Count the pages of memory by use, or list them with flags and counts",
    .manual =
        "A summary, unless --at, --flags or --list asks for pages. Each page of RAM is counted "
        "once, by what its struct page says and what can be verified; KERNEL_PAGES is what the "
        "kernel counted itself (/proc/meminfo, /proc/buddyinfo, /proc/zoneinfo), which lags "
        "behind by some pages of each CPU. 'unreferenced' pages are kept for the next request of "
        "a CPU, as a rule; 'kernel' are pages that the kernel holds and that say no more: page "
        "tables of older kernels, stacks, vmalloc, buffers of drivers, and large allocations of "
        "kmalloc, which the kernel counts as slab; of the anonymous ones the kernel counts those "
        "that are mapped. Names and numbers of flags are this kernel's own.",
    .aliases = EG_NAMES("kmem-p", "linux.pageinfo"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(summary, FLAG, "a summary, as without options"),
                    EG_ARG(at, ADDR, "these pages: physical addresses, or the kernel's"),
                    EG_ARG(flags, TEXT, "pages that have all these flags: dirty,lru"),
                    EG_ARG(list, FLAG, "all pages of RAM")),
    .run = run,
    .moves = EG_NAMES("REFCOUNT"),
};
