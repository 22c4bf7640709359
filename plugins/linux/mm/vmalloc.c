/* vmalloc.c - memory that vmalloc gave out: a list, since 6.9 several (mm/vmalloc.c). */
#include "vmalloc.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include <stdlib.h>

EG_FIELDS(vmap_area, list, vm);
EG_FIELD_AS(busy_areas, vmap_node, "busy.head");
EG_SYMBOL(vmap_area_list, "list_head");
EG_SYMBOL(vmap_nodes, "vmap_node *");
EG_SYMBOL(nr_vmap_nodes, "int");

enum { AREAS_MAX = 1 << 20, NODES_MAX = 1 << 12 };

struct areas {
    EG_VEC(struct linux_area) list;
    bool failed; // out of memory
};

/* An area without a vm_struct (vm_map_ram, per-CPU blocks of it) has no owner to name. */
static void take_list(struct eg_obj head, struct areas *a)
{
    struct eg_obj area;

    eg_each_list(area, head, vmap_area.list) {
        struct eg_obj vm = eg_deref(eg_at(area, vmap_area.vm));
        struct linux_area *new;
        uint64_t first, size, last;

        if (!eg_get(&first, vm, vm_struct.addr) || !eg_get(&size, vm, vm_struct.size) || !size ||
            !eg_add(first, size - 1, &last) || a->list.n == AREAS_MAX)
            continue;
        new = eg_vec_push(&a->list);
        if (!new) {
            a->failed = true;
            return;
        }
        *new = (struct linux_area){ first, last, vm.addr };
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
    if (nodes.why)
        take_list(eg_sym(r, vmap_area_list), a);
    else if (eg_load(&n, eg_sym(r, nr_vmap_nodes)))
        for (uint32_t i = 0; i < n && i < NODES_MAX; i++)
            take_list(eg_at(eg_index(nodes, i), busy_areas), a);
    if (a->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the areas of vmalloc");
    if (a->list.n)
        qsort(a->list.at, a->list.n, sizeof *a->list.at, by_address);
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct areas *a = kept;

    eg_vec_fini(&a->list);
}

static const struct eg_cache areas = { .size = sizeof(struct areas), .make = find, .fini = forget };

size_t linux_areas(struct eg_run *r, const struct linux_area **out)
{
    const struct areas *a = eg_system_cache(eg_system_of(r), r, &areas);

    *out = a ? a->list.at : NULL;
    return a ? a->list.n : 0;
}
