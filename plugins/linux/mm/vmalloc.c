/* vmalloc.c - memory that vmalloc gave out: a list, since 6.9 several (mm/vmalloc.c). */
#include "vmalloc.h"
#include "../../../core/base.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include <stdlib.h>

EG_FIELDS(vmap_area, list, purge_list, va_end, va_start, vm);
EG_FIELDS(llist_head, first);
EG_FIELDS(llist_node, next);
EG_FIELD_AS(busy_areas, vmap_node, "busy.head");
EG_FIELD_AS(lazy_areas, vmap_node, "lazy.head");
EG_SYMBOL(purge_vmap_area_list, "list_head"); // 5.14 to 6.8
EG_SYMBOL(vmap_purge_list, "llist_head");     // before
EG_SYMBOL(vmap_area_list, "list_head");
EG_SYMBOL(vmap_nodes, "vmap_node *");
EG_SYMBOL(nr_vmap_nodes, "int");

enum { AREAS_MAX = 1 << 20, NODES_MAX = 1 << 12 };

struct areas {
    EG_VEC(struct linux_area) list, unowned;
    bool failed; // out of memory
};

static void take_unowned(struct eg_obj area, bool unpurged, struct areas *a)
{
    struct linux_area *new;
    uint64_t first, end;

    if (!eg_get(&first, area, vmap_area.va_start) || !eg_get(&end, area, vmap_area.va_end) ||
        first >= end || a->unowned.n == AREAS_MAX)
        return;
    new = eg_vec_push(&a->unowned);
    a->failed |= !new;
    if (new)
        *new = (struct linux_area){ first, end - 1, 0, unpurged };
}

static void take_list(struct eg_obj head, struct areas *a)
{
    struct eg_obj area;

    eg_each_list(area, head, vmap_area.list) {
        struct eg_obj vm = eg_deref(eg_at(area, vmap_area.vm));
        struct linux_area *new;
        uint64_t first, size, last;

        if (vm.why == EG_NULL)
            take_unowned(area, false, a);
        if (!eg_get(&first, vm, vm_struct.addr) || !eg_get(&size, vm, vm_struct.size) || !size ||
            !eg_add(first, size - 1, &last) || a->list.n == AREAS_MAX)
            continue;
        new = eg_vec_push(&a->list);
        a->failed |= !new;
        if (a->failed)
            return;
        *new = (struct linux_area){ first, last, vm.addr, false };
    }
}

/* Areas that were given back stay until all CPUs have forgotten their translations (mm/vmalloc.c,
 * __purge_vmap_area_lazy). */
static void take_lazy_list(struct eg_obj head, struct areas *a)
{
    struct eg_obj area;

    eg_each_list(area, head, vmap_area.list)
        take_unowned(area, true, a);
}

static void take_lazy_chain(struct eg_run *r, struct areas *a)
{
    uint64_t node;

    if (!eg_get(&node, eg_sym(r, vmap_purge_list), llist_head.first))
        return;
    for (uint32_t n = 0; node && n < AREAS_MAX && !a->failed; n++) {
        struct eg_obj link = eg_object(r, llist_node, node);

        take_unowned(eg_container(link, vmap_area.purge_list), true, a);
        if (!eg_get(&node, link, llist_node.next))
            return;
    }
}

static int by_address(const void *a, const void *b)
{
    const struct linux_area *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static bool find(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct eg_obj nodes = eg_sym(r, vmap_nodes);
    struct areas *a = kept;
    uint32_t n = 0;

    (void)sys;
    if (nodes.why) {
        take_list(eg_sym(r, vmap_area_list), a);
        if (eg_has_symbol(r, purge_vmap_area_list))
            take_lazy_list(eg_sym(r, purge_vmap_area_list), a);
        else
            take_lazy_chain(r, a);
    } else if (eg_load(&n, eg_sym(r, nr_vmap_nodes))) {
        for (uint32_t i = 0; i < n && i < NODES_MAX; i++) {
            take_list(eg_at(eg_index(nodes, i), busy_areas), a);
            take_lazy_list(eg_at(eg_index(nodes, i), lazy_areas), a);
        }
    }
    if (a->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the areas of vmalloc");
    if (a->list.n)
        qsort(a->list.at, a->list.n, sizeof *a->list.at, by_address);
    if (a->unowned.n)
        qsort(a->unowned.at, a->unowned.n, sizeof *a->unowned.at, by_address);
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct areas *a = kept;

    eg_vec_fini(&a->list);
    eg_vec_fini(&a->unowned);
}

static const struct eg_cache areas = { .size = sizeof(struct areas), .make = find, .fini = forget };

size_t linux_areas(struct eg_run *r, const struct linux_area **out)
{
    const struct areas *a = eg_system_cache(eg_system_of(r), r, &areas);

    *out = a ? a->list.at : NULL;
    return a ? a->list.n : 0;
}

const struct linux_area *linux_area_at(struct eg_run *r, uint64_t addr)
{
    const struct linux_area *all;
    const size_t n = linux_areas(r, &all), i = eg_lower_bound(n, k, all[k].last < addr);

    return i < n && all[i].first <= addr ? &all[i] : NULL;
}

size_t linux_areas_unowned(struct eg_run *r, const struct linux_area **out)
{
    const struct areas *a = eg_system_cache(eg_system_of(r), r, &areas);

    *out = a ? a->unowned.at : NULL;
    return a ? a->unowned.n : 0;
}
