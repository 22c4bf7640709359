/* page.c - struct page: where it is, and what it says of a page. */
#include "page.h"
#include "../../../core/cache.h"
#include "../../../core/space.h"
#include "../fs/inode.h"
#include "../sched/task.h"
#include "mm.h"
#include "vmalloc.h"

EG_FIELD_AS(page_head, page, "compound_head|compound_info"); // 7.1
EG_FIELD_AS(page_index, page, "index|__folio_index");        // 6.16
EG_FIELDS(list_head, next, prev);
EG_FIELDS(anon_vma, root);
EG_SYMBOL(vmemmap_base, "unsigned long");
EG_SYMBOL(vmemmap, "page");   // VMCOREINFO's
EG_ENUMERATOR(PG_slab, NULL); // a flag until 6.9
EG_ENUMERATOR(PG_reserved, NULL);
EG_ENUMERATOR(PG_dirty, NULL);
EG_ENUMERATOR(PG_uptodate, NULL);
EG_ENUMERATOR(PG_buddy, NULL);   // 6.11 only
EG_ENUMERATOR(PGTY_buddy, NULL); // 6.12
EG_ENUMERATOR(PGTY_offline, NULL);
EG_ENUMERATOR(PGTY_table, NULL);
EG_ENUMERATOR(PGTY_guard, NULL);
EG_ENUMERATOR(PGTY_hugetlb, NULL);
EG_ENUMERATOR(PGTY_slab, NULL);
EG_ENUMERATOR(PGTY_zsmalloc, NULL);
EG_ENUMERATOR(PGTY_unaccepted, NULL);
EG_ENUMERATOR(PGTY_large_kmalloc, NULL);

enum { BUDDY, SLAB, OTHERS, ORDER_MAX = 20 };

static struct eg_obj page_object(struct eg_run *r, const struct linux_memmap *m, uint64_t pfn)
{
    return eg_object(r, page, m->base + pfn * m->size);
}

/* page_type (include/linux/page-flags.h): since 6.12 the type is the highest byte; before, types
 * are bits that are cleared, below a base that tells them from counts. */
static void find_types(struct eg_run *r, struct linux_memmap *m)
{
    const uint32_t old_base = 0xf0000000, old_buddy = 0x80, old_slab = 0x1000; // 4.18, 6.10
    static const struct {
        const struct eg_enumref *e;
        const char *name;
    } named[] = {
        [BUDDY] = { &eg_e_PGTY_buddy, "free" },  [SLAB] = { &eg_e_PGTY_slab, "slab" },
        { &eg_e_PGTY_offline, "offline" },       { &eg_e_PGTY_table, "page table" },
        { &eg_e_PGTY_guard, "guard page" },      { &eg_e_PGTY_hugetlb, "hugetlb" },
        { &eg_e_PGTY_zsmalloc, "zsmalloc" },     { &eg_e_PGTY_unaccepted, "unaccepted" },
        { &eg_e_PGTY_large_kmalloc, "kmalloc" },
    };
    struct linux_page_type *t = m->types;
    int64_t v;

    for (size_t i = 0; i < countof(named); i++)
        if (eg_enum_(r, named[i].e->id, &v))
            t[i] = (struct linux_page_type){ 0xff000000, (uint32_t)v << 24, named[i].name };
    m->slab_flag = m->reserved_flag = 64;
    m->dirty_flag = eg_enum(r, PG_dirty, &v) && v >= 0 && v < 63 ? (unsigned)v : 63;
    m->fresh_flag = eg_enum(r, PG_uptodate, &v) && v >= 0 && v < 63 ? (unsigned)v : 63;
    if (eg_enum(r, PG_reserved, &v) && v >= 0 && v < 64)
        m->reserved_flag = (unsigned)v;
    if (eg_enum(r, PG_slab, &v) && v >= 0 && v < 64)
        m->slab_flag = (unsigned)v;
    else if (eg_enum(r, PG_slab, &v))
        t[SLAB] = (struct linux_page_type){ (uint32_t)v | 1u << 31, 1u << 31, "slab" };
    else if (!t[SLAB].mask)
        t[SLAB] = (struct linux_page_type){ old_base | old_slab, old_base, "slab" };
    if (eg_enum(r, PG_buddy, &v))
        t[BUDDY] = (struct linux_page_type){ (uint32_t)v | 1u << 31, 1u << 31, "free" };
    else if (!t[BUDDY].mask)
        t[BUDDY] = (struct linux_page_type){ old_base | old_buddy, old_base, "free" };
}

static bool is_type(const struct linux_memmap *m, int type, uint32_t page_type)
{
    const struct linux_page_type *t = &m->types[type];

    return t->mask && (page_type & t->mask) == t->value;
}

/* The first page of a compound one: a tail says where (bit 0), as a pointer, or since 7.1 as a mask
 * of its own address (include/linux/page-flags.h, compound_head). */
static struct eg_obj head_of(struct eg_run *r, const struct linux_memmap *m, struct eg_obj page,
                             uint64_t *pfn)
{
    uint64_t word, head, off;

    if (!eg_get(&word, page, page_head) || !(word & 1))
        return page;
    head = word & ~UINT64_C(1);
    if (-head <= m->size << ORDER_MAX && !(-head & (-head - 1)))
        head &= page.addr;
    off = page.addr - head;
    if (head >= page.addr || off % m->size || off / m->size >= UINT64_C(1) << ORDER_MAX)
        return eg_bad(page, EG_BAD_VALUE, word);
    *pfn -= off / m->size;
    return page_object(r, m, *pfn);
}

bool linux_page_head(struct eg_run *r, const struct linux_memmap *m, uint64_t page, uint64_t *pfn,
                     struct eg_obj *head, uint64_t *head_pfn)
{
    const uint64_t off = page - m->base;

    if (!m->found || page < m->base || off % m->size || off / m->size >> (64 - m->shift))
        return false;
    *pfn = *head_pfn = off / m->size;
    *head = head_of(r, m, eg_object(r, page, page), head_pfn);
    return !head->why;
}

bool linux_page_place(struct eg_obj head, uint64_t *mapping, uint64_t *index)
{
    return eg_get(mapping, head, page.mapping) && eg_get(index, head, page_index);
}

/* ---- each use, validated ---- */

/* A block is marked on its first page only, which its size divides. */
static bool is_free(struct eg_run *r, const struct linux_memmap *m, uint64_t pfn,
                    struct linux_page *out)
{
    for (unsigned order = 0; order <= ORDER_MAX; order++) {
        const uint64_t first = pfn >> order << order;
        struct eg_obj page = page_object(r, m, first);
        uint64_t size;
        uint32_t type;

        if ((order && first == pfn >> (order - 1) << (order - 1)) ||
            !eg_get(&type, page, page.page_type) || !is_type(m, BUDDY, type) ||
            !eg_get(&size, page, page.private) || size > ORDER_MAX || pfn >> size << size != first)
            continue;
        out->use = LINUX_PAGE_FREE;
        out->page = page;
        out->first = first << m->shift;
        out->order = (unsigned)size;
        return true;
    }
    return false;
}

/* A cache is on the list of caches. */
static bool is_slab(struct eg_obj page, struct linux_page *out)
{
    struct eg_obj slab = eg_cast(page, slab), cache = eg_at(slab, slab.slab_cache), list;
    uint64_t back;

    if (slab.why)
        cache = eg_at(page, page.slab_cache);
    cache = eg_deref(cache);
    list = eg_at(cache, kmem_cache.list);
    if (!eg_get(&back, list, list_head.next, list_head.prev) || back != list.addr)
        return false;
    out->use = LINUX_PAGE_SLAB;
    out->cache = cache.addr;
    return true;
}

/* Its inode must say that this is its mapping (of a device special file it is the device's). */
static bool is_file(struct eg_run *r, struct eg_obj page, uint64_t mapping, struct linux_page *out)
{
    struct eg_obj inode = eg_deref(eg_at(eg_object(r, address_space, mapping), address_space.host));
    uint64_t own;

    if (!mapping || !eg_get(&own, inode, inode.i_mapping) || own != mapping ||
        !eg_get(&out->index, page, page_index))
        return false;
    out->use = LINUX_PAGE_FILE;
    out->mapping = mapping;
    out->inode = inode;
    return true;
}

static bool is_anonymous(struct eg_run *r, uint64_t mapping, struct linux_page *out)
{
    enum { ANON = 1, KSM = 3 };
    uint64_t root, top;

    if ((mapping & KSM) != ANON ||
        !eg_get(&root, eg_object(r, anon_vma, mapping & ~(uint64_t)KSM), anon_vma.root) ||
        !eg_get(&top, eg_object(r, anon_vma, root), anon_vma.root) || top != root)
        return false;
    out->use = LINUX_PAGE_ANON;
    return true;
}

void linux_page_at(struct eg_run *r, const struct linux_memmap *m, uint64_t pa,
                   struct linux_page *out)
{
    uint64_t pfn = pa >> m->shift, flags, mapping;
    uint32_t type;

    *out = (struct linux_page){ .page = LINUX_NOBODY };
    if (!m->found)
        return;
    out->page = head_of(r, m, page_object(r, m, pfn), &pfn);
    out->first = pfn << m->shift;
    if (!eg_get(&flags, out->page, page_flags) || !eg_get(&type, out->page, page.page_type) ||
        !eg_get(&mapping, out->page, page.mapping)) {
        out->use = out->page.why == EG_BAD_VALUE ? LINUX_PAGE_UNKNOWN : LINUX_PAGE_NONE;
        return;
    }
    if (m->slab_flag < 64 ? flags >> m->slab_flag & 1 : is_type(m, SLAB, type)) {
        is_slab(out->page, out);
        return;
    }
    if (is_free(r, m, pa >> m->shift, out))
        return;
    for (size_t i = OTHERS; i < countof(m->types); i++)
        if (is_type(m, (int)i, type))
            out->name = m->types[i].name;
    if (is_file(r, out->page, mapping, out) || is_anonymous(r, mapping, out))
        return;
    if (m->reserved_flag < 64 && flags >> m->reserved_flag & 1)
        out->use = LINUX_PAGE_RESERVED;
    else if (out->name)
        out->use = LINUX_PAGE_TYPED;
    else if (eg_get_or(1, out->page, page_refcount) == 0)
        out->use = LINUX_PAGE_UNREFERENCED;
}

/* ---- slabs ---- */

const char *linux_slab_name(struct eg_run *r, const struct linux_page *p)
{
    return eg_string(r, eg_at(eg_object(r, kmem_cache, p->cache), kmem_cache.name), 80);
}

uint64_t linux_slab_size(struct eg_run *r, const struct linux_page *p)
{
    return eg_get_or(UINT64_MAX, eg_object(r, kmem_cache, p->cache), kmem_cache.size);
}

/* SLUB (mm/slub.c): as many objects as fit, from the first byte; before each a red zone, if any. */
bool linux_slab_object(struct eg_run *r, const struct linux_memmap *m, const struct linux_page *p,
                       uint64_t pa, uint64_t *object, uint64_t *offset)
{
    struct eg_obj cache = eg_object(r, kmem_cache, p->cache);
    struct eg_obj slab = eg_cast(p->page, slab), objects = eg_at(slab, slab.objects);
    const uint64_t pad = eg_get_or(UINT64_C(0), cache, kmem_cache.red_left_pad);
    const uint64_t in = pa - p->first;
    uint64_t size, n;

    if (slab.why)
        objects = eg_at(p->page, page.objects);
    if (!eg_get(&size, cache, kmem_cache.size) || !eg_load(&n, objects) || !size ||
        in / size >= n || in % size < pad)
        return false;
    // KFENCE puts single objects anywhere in a page that only looks like a slab.
    if (n == 1 && size <= (UINT64_C(1) << m->shift) / 2)
        return false;
    *object = p->first + in / size * size + pad;
    *offset = pa - *object;
    return true;
}

/* ---- where the array is ---- */

/* Does the page of process 1's task say that it holds objects of a cache? */
static bool fits(struct eg_run *r, struct linux_memmap *m, uint64_t base)
{
    struct eg_obj task = linux_init(r);
    struct linux_page p;
    uint64_t pa;

    m->base = base;
    m->found = true;
    if (!eg_translate(eg_view_of(r), eg_kernel(r), task.addr, eg_physical(r), &pa))
        return m->found = false;
    linux_page_at(r, m, pa, &p);
    return m->found = p.use == LINUX_PAGE_SLAB;
}

/* An area of vmalloc knows its pages, and the page tables say where they are. */
static bool fits_area(struct eg_run *r, struct linux_memmap *m, const struct linux_area *area)
{
    struct eg_obj pages = eg_at(eg_object(r, vm_struct, area->vm), vm_struct.pages);
    uint64_t page, pa;

    return eg_load(&page, eg_cast(eg_index(pages, 0), page)) && page &&
           eg_translate(eg_view_of(r), eg_kernel(r), area->first, eg_physical(r), &pa) &&
           fits(r, m, page - (pa >> m->shift) * m->size);
}

bool linux_memmap_told(struct eg_run *r, uint64_t *base)
{
    struct eg_obj array = eg_sym(r, vmemmap);

    if (eg_load(base, eg_sym(r, vmemmap_base)))
        return *base;
    *base = array.addr;
    return !array.why;
}

static bool find(struct eg_system *sys, struct eg_run *r, void *kept)
{
    enum { TRIES = 64 };
    struct linux_memmap *m = kept;
    const struct linux_area *areas;
    size_t n;
    uint64_t base;

    (void)sys;
    m->size = eg_size(r, page);
    m->shift = linux_page_shift(r);
    find_types(r, m);
    if (!m->size || (eg_load(&base, eg_sym(r, vmemmap_base)) && fits(r, m, base)) ||
        (!eg_sym(r, vmemmap).why && fits(r, m, eg_sym(r, vmemmap).addr)))
        return true;
    n = linux_areas(r, &areas);
    for (size_t i = 0; i < n && i < TRIES; i++)
        if (fits_area(r, m, &areas[i]))
            return true;
    eg_note(r, "the kernel's array of struct page cannot be found: what pages are used for is "
               "known from page tables only");
    return !eg_stopped(r);
}

static const struct eg_cache memmap = { .size = sizeof(struct linux_memmap), .make = find };

const struct linux_memmap *linux_memmap(struct eg_run *r)
{
    return eg_system_cache(eg_system_of(r), r, &memmap);
}

static struct eg_cell page_address(struct eg_run *r, struct eg_obj page)
{
    const struct linux_memmap *m = linux_memmap(r);
    uint64_t at = page.addr;

    if (page.kind == EG_K_PTR && !eg_load(&at, page))
        return eg_cell_of(page);
    return m && m->found && m->size && at >= m->base && (at - m->base) / m->size < UINT64_C(1) << 40
               ? eg_uint((at - m->base) / m->size << m->shift)
               : eg_missing(EG_BAD_VALUE, at);
}

EG_FUNCTION(page_address) = {
    .os = "linux",
    .help = "where in physical memory the page of a struct page is",
    .args = "page",
    .returns = "integer",
    .cell = page_address,
};
