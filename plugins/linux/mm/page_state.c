/* page_state.c - what one struct page says: flags, counts, order (include/linux/mm_types.h,
 * include/linux/page-flags.h). */
#include "../../../core/profile.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "mm.h"
#include "page.h"

EG_FIELD_AS(page_mapcount, page, "_mapcount.counter");
EG_FIELD_AS(page_whole_mapcount, page, "compound_mapcount.counter"); // of the second page, < 6.2
EG_FIELD_AS(page_order, page, "compound_order");                     // of the second page, < 6.3
EG_FIELD_AS(folio_order, folio, "_folio_order");                     // < 6.6
EG_FIELD_AS(folio_flags1, folio, "_flags_1.f|_flags_1");             // its lowest byte since 6.6
EG_FIELD_AS(folio_whole_mapcount, folio, "_entire_mapcount.counter");
EG_TYPE(folio);
EG_ENUMERATOR(PG_head, NULL);
EG_ENUMERATOR(PG_dirty, NULL);
EG_ENUMERATOR(PG_swapbacked, NULL);
EG_ENUMERATOR(PG_double_map, NULL); // of the second page, < 6.2
EG_ENUMERATOR(__NR_PAGEFLAGS, NULL);

enum { ANON = 1, ORDER_MAX = 20 };

static bool flag(struct eg_run *r, const struct eg_enumref *e, uint64_t flags)
{
    int64_t bit;

    return eg_enum_(r, e->id, &bit) && bit >= 0 && bit < 64 && flags >> bit & 1;
}

static unsigned order_of(struct eg_run *r, const struct linux_memmap *m, struct eg_obj head)
{
    struct eg_obj second = eg_object(r, page, head.addr + m->size), folio = eg_cast(head, folio);
    uint64_t order = 0;

    if (eg_has(r, page_order))
        eg_get(&order, second, page_order);
    else if (eg_has(r, folio_order))
        eg_get(&order, folio, folio_order);
    else
        eg_get(&order, folio, folio_flags1);
    order &= 0xff;
    return order <= ORDER_MAX ? (unsigned)order : 0;
}

/* How many page tables have the whole compound page at once. Until 6.2 a small page's own count has
 * it too if the page is a file's, or if PG_double_map says so (mm/util.c, __page_mapcount). */
static int64_t whole_mapcount(struct eg_run *r, const struct linux_memmap *m, struct eg_obj head,
                              uint64_t mapping)
{
    struct eg_obj second = eg_object(r, page, head.addr + m->size);
    int32_t n = -1;
    uint64_t flags;

    if (eg_has(r, folio_whole_mapcount)) {
        eg_get(&n, eg_cast(head, folio), folio_whole_mapcount);
    } else if (mapping & ANON && eg_get(&n, second, page_whole_mapcount)) {
        if (eg_get(&flags, second, page_flags) && flag(r, &eg_e_PG_double_map, flags))
            n--;
    }
    return n < -1 ? 0 : (int64_t)n + 1;
}

bool linux_page_state(struct eg_run *r, const struct linux_memmap *m, uint64_t pfn,
                      struct linux_page_state *out)
{
    struct eg_obj page = eg_object(r, page, m->base + pfn * m->size), head = page;
    int64_t bits = 64;
    int32_t count;
    uint64_t all, own;

    *out = (struct linux_page_state){ .pfn = pfn, .head = pfn };
    if (!linux_page_head(r, m, page.addr, &own, &head, &out->head) ||
        !eg_get(&all, head, page_flags) || !linux_page_place(head, &out->mapping, &out->index) ||
        !eg_get(&out->type, head, page.page_type) || !eg_get(&out->refcount, head, page_refcount) ||
        !eg_get(&count, page, page_mapcount))
        return false;
    if (!eg_enum(r, __NR_PAGEFLAGS, &bits) || bits < 1 || bits > 63)
        bits = 22; // no kernel since 4.x has fewer
    out->flags = all & ((UINT64_C(1) << bits) - 1);
    out->dirty = flag(r, &eg_e_PG_dirty, all);
    out->swap_backed = flag(r, &eg_e_PG_swapbacked, all);
    out->index += pfn - out->head;
    out->mapcount = count < -1 ? -1 : (int64_t)count + 1; // far below: it is a page_type
    if (flag(r, &eg_e_PG_head, all)) {
        out->order = order_of(r, m, head);
        if (out->mapcount >= 0)
            out->mapcount += whole_mapcount(r, m, head, out->mapping);
    }
    return true;
}

unsigned linux_page_flags(struct eg_run *r, const char *names[64])
{
    const struct eg_types *types = eg_binding_of(r)->types;
    uint64_t iter = 0;
    const uint32_t id = eg_types_named(types, "pageflags", NULL, 1u << EG_T_ENUM, &iter);
    int64_t end = 0;

    memset(names, 0, 64 * sizeof *names);
    if (!id || !eg_enum(r, __NR_PAGEFLAGS, &end))
        return 0;
    end = EG_MAX(EG_MIN(end, INT64_C(64)), INT64_C(0));
    for (unsigned i = 0; i < end; i++) {
        const char *name = eg_type_enumerator(types, id, i);

        if (name)
            names[i] = name + (strncmp(name, "PG_", 3) ? 0 : 3);
    }
    return (unsigned)end;
}

uint64_t linux_pages_budget(struct eg_run *r)
{
    const uint64_t pages = eg_physical(r)->last >> linux_page_shift(r);

    return 64 * EG_MIN(pages, UINT64_C(1) << 40) + (1 << 22);
}
