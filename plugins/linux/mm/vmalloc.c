/* vmalloc.c - memory that vmalloc gave out: a list, since 6.9 several (mm/vmalloc.c). */
#include "../own/owners.h"
#include <stdlib.h>

EG_FIELDS(vmap_area, list, vm);
EG_FIELD_AS(busy_areas, vmap_node, "busy.head");
EG_FIELDS(vm_struct, addr, size);
EG_SYMBOL(vmap_area_list, "list_head");
EG_SYMBOL(vmap_nodes, "vmap_node *");
EG_SYMBOL(nr_vmap_nodes, "int");

enum { AREAS_MAX = 1 << 20, NODES_MAX = 1 << 12 };

struct areas {
    struct linux_area *at;
    size_t n, cap;
};

/* An area without a vm_struct (vm_map_ram, per-CPU blocks of it) has no owner to name. */
static void take_list(struct eg_run *r, struct eg_obj head, struct areas *a)
{
    struct eg_obj area;

    eg_each_list(area, head, vmap_area.list) {
        struct eg_obj vm = eg_deref(eg_at(area, vmap_area.vm));
        uint64_t first, size, last;

        if (!eg_get(&first, vm, vm_struct.addr) || !eg_get(&size, vm, vm_struct.size) || !size ||
            !eg_add(first, size - 1, &last) || a->n == AREAS_MAX)
            continue;
        if (a->n == a->cap) {
            struct linux_area *more = eg_tmp(r, (a->cap = 2 * a->cap + 256) * sizeof *more);

            if (a->n)
                memcpy(more, a->at, a->n * sizeof *more);
            a->at = more;
        }
        a->at[a->n++] = (struct linux_area){ first, last, vm.addr };
    }
}

static int by_address(const void *a, const void *b)
{
    const struct linux_area *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

size_t linux_areas(struct eg_run *r, struct linux_area **out)
{
    struct eg_obj nodes = eg_sym(r, vmap_nodes);
    struct areas a = { 0 };
    uint32_t n = 0;

    if (nodes.why)
        take_list(r, eg_sym(r, vmap_area_list), &a);
    else if (eg_load(&n, eg_sym(r, nr_vmap_nodes)))
        for (uint32_t i = 0; i < n && i < NODES_MAX; i++)
            take_list(r, eg_at(eg_index(nodes, i), busy_areas), &a);
    if (a.n)
        qsort(a.at, a.n, sizeof *a.at, by_address);
    *out = a.at;
    return a.n;
}
