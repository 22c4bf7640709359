/* zsmalloc.c - from a handle to the bytes.
 *
 *  A handle is the address of a word: page frame, index of the object in its chain of pages, and
 * bits for locks. How many bits each has depends on the processor and the release (OBJ_TAG_BITS is
 * 1, in 6.2 2, from 6.10 on 0; MAX_POSSIBLE_PHYSMEM_BITS). It needs not be known: the object begins
 * with its handle (that of a whole page is in its struct page), so only one reading fits. */
#include "zsmalloc.h"
#include "page.h"

EG_FIELD_AS(zs_page_private, page, "private");
EG_FIELD_AS(zs_page_index, page, "index|__folio_index");
EG_FIELD_AS_OF("zsmalloc", zs_desc_next, zpdesc, "next");
EG_FIELD_AS_OF("zsmalloc", zs_desc_zspage, zpdesc, "zspage");
EG_FIELDS_OF("zsmalloc", zs_pool, size_class);
EG_FIELDS_OF("zsmalloc", size_class, size, objs_per_zspage, pages_per_zspage);
EG_FIELD_AS_OF("zsmalloc", zs_class, zspage, "class");
EG_FIELD_AS_OF("zsmalloc", zs_magic, zspage, "magic");

enum { MAGIC = 0x58, TAGS = 7, CHAIN_MAX = 16, CLASSES = 4096 };

bool linux_zsmalloc_init(struct eg_run *r, struct linux_zsmalloc *z)
{
    const struct linux_memmap *m = linux_memmap(r);

    z->mem = (struct linux_reader){ eg_kernel(r), eg_binding_of(r)->model.big_endian };
    z->phys = eg_physical(r);
    if (!m || !m->found || !m->size)
        return false;
    z->memmap = m->base;
    z->page_size_of = m->size;
    z->shift = m->shift;
    // Since 6.14 its pages have a type of their own, which lies over struct page.
    z->of_page = linux_place(r, zs_desc_zspage, 0);
    if (!z->of_page.size)
        z->of_page = linux_place(r, zs_page_private, 0);
    // Until 5.16 it is page->freelist, which is at the same place.
    z->next = linux_place(r, zs_desc_next, 0);
    if (!z->next.size)
        z->next = linux_place(r, zs_page_index, 0);
    // The layouts of Linux 5.10, for kernels whose modules have no types.
    z->size_class = linux_place(r, zs_pool.size_class, 8, 8);
    z->size = linux_place(r, size_class.size, 72, 4);
    z->objects = linux_place(r, size_class.objs_per_zspage, 76, 4);
    z->pages = linux_place(r, size_class.pages_per_zspage, 80, 4);
    z->class = linux_place(r, zs_class, 0, 4, 2, 9);
    z->magic = linux_place(r, zs_magic, 0, 4, 14, 8);
    return z->of_page.size && z->next.size;
}

/* A page of a pool, and the object that is asked for. */
struct object {
    uint64_t page, pa, size, off;
    bool huge; // a page of its own, without a header
};

static bool page_at(const struct linux_zsmalloc *z, uint64_t pfn, uint64_t *page, uint64_t *pa)
{
    uint64_t off;

    *pa = pfn << z->shift;
    return *pa >> z->shift == pfn && eg_mul(pfn, z->page_size_of, &off) &&
           eg_add(z->memmap, off, page);
}

/* What is read must be told apart from other memory: the magic number, a class of the pool, its
 * numbers, and at last the handle. */
static bool fits(const struct linux_zsmalloc *z, struct eg_view *v, uint64_t pool, uint64_t handle,
                 uint64_t pfn, uint64_t index, struct object *o)
{
    const uint64_t page = UINT64_C(1) << z->shift;
    uint64_t zspage, magic, class, at, objects, pages, head;

    if (!page_at(z, pfn, &o->page, &o->pa) ||
        !linux_place_get(&z->mem, v, o->page, z->of_page, &zspage) ||
        !linux_place_get(&z->mem, v, zspage, z->magic, &magic) || magic != MAGIC ||
        !linux_place_get(&z->mem, v, zspage, z->class, &class) || class >= CLASSES ||
        !linux_word(&z->mem, v, pool + z->size_class.off + 8 * class, &at) ||
        !linux_place_get(&z->mem, v, at, z->size, &o->size) ||
        !linux_place_get(&z->mem, v, at, z->objects, &objects) ||
        !linux_place_get(&z->mem, v, at, z->pages, &pages))
        return false;
    if (!o->size || o->size % 8 || o->size > page || !pages || pages > CHAIN_MAX || !objects ||
        objects > pages * page / o->size || index >= objects)
        return false;
    o->off = o->size * index % page;
    o->huge = pages == 1 && objects == 1;
    if (o->huge ? !linux_place_get(&z->mem, v, o->page, z->next, &head)
                : !eg_read_u64(v, z->phys, o->pa + o->off, z->mem.big, &head))
        return false;
    return ((head ^ handle) & ~(uint64_t)TAGS) == 0;
}

/* Bits of a physical address that processors have at most, and tags. */
static bool read_form(const struct linux_zsmalloc *z, uint64_t word, unsigned form, uint64_t *pfn,
                      uint64_t *index)
{
    static const uint8_t bits[] = { 52, 48, 56, 46, 44, 64 }, tags[] = { 1, 0, 2 };
    unsigned low;

    if (form >= countof(bits) * countof(tags))
        return false;
    low = 64 + z->shift - bits[form / countof(tags)];
    *pfn = word >> low;
    *index = (word & ((UINT64_C(1) << low) - 1)) >> tags[form % countof(tags)];
    return true;
}

static bool find(struct linux_zsmalloc *z, struct eg_view *v, uint64_t pool, uint64_t handle,
                 struct object *o)
{
    const unsigned last = atomic_load_explicit(&z->form, memory_order_relaxed);
    uint64_t word, pfn, index;

    if (handle & TAGS || !linux_word(&z->mem, v, handle, &word))
        return false;
    if (read_form(z, word, last, &pfn, &index) && fits(z, v, pool, handle, pfn, index, o))
        return true;
    for (unsigned form = 0; read_form(z, word, form, &pfn, &index); form++)
        if (form != last && fits(z, v, pool, handle, pfn, index, o)) {
            atomic_store_explicit(&z->form, form, memory_order_relaxed);
            return true;
        }
    return false;
}

const char *linux_zsmalloc_read(struct linux_zsmalloc *z, struct eg_view *v, uint64_t pool,
                                uint64_t handle, size_t len, uint8_t *out)
{
    static const char gone[] = "a page of its compressed data cannot be read";
    const uint64_t page = UINT64_C(1) << z->shift;
    uint64_t next, room, off;
    struct object o;

    if (!z->memmap || !find(z, v, pool, handle, &o))
        return "the handle of its compressed data leads to no object of zsmalloc";
    off = o.huge ? 0 : o.off + 8;
    if (len > o.size - (o.huge ? 0 : 8))
        return "its compressed data is longer than the object that holds it";
    room = off < page ? EG_MIN(page - off, (uint64_t)len) : 0;
    if (room && !eg_read(v, z->phys, o.pa + off, out, (size_t)room))
        return gone;
    if (room == len)
        return NULL;
    if (!linux_place_get(&z->mem, v, o.page, z->next, &next) || next < z->memmap ||
        (next - z->memmap) % z->page_size_of ||
        !page_at(z, (next - z->memmap) / z->page_size_of, &o.page, &o.pa) ||
        !eg_read(v, z->phys, o.pa + (off < page ? 0 : off - page), out + room, len - (size_t)room))
        return gone;
    return NULL;
}
