/* zone.c - zones of physical memory (include/linux/mmzone.h), and vm_zone_stat, vm_node_stat
 * (mm/vmstat.c). */
#include "zone.h"
#include "../../../core/run.h"

EG_FIELDS(pglist_data, node_zones, node_id);
EG_FIELDS(zone, name, zone_start_pfn, spanned_pages, present_pages, free_area);
EG_FIELD_AS(zone_managed, zone, "managed_pages.counter|managed_pages"); // atomic since 5.0
EG_FIELDS(free_area, nr_free);
EG_SYMBOL(node_data, "pglist_data *"); // with NUMA: an array
EG_SYMBOL(nr_node_ids, "unsigned int");
EG_SYMBOL(contig_page_data, "pglist_data"); // without
EG_SYMBOL(vm_zone_stat, "void");            // arrays of long
EG_SYMBOL(vm_node_stat, "void");
EG_ENUMERATOR(NR_FREE_PAGES, "zone_stat_item");
EG_ENUMERATOR(NR_ZSPAGES, "zone_stat_item");
EG_ENUMERATOR(NR_ANON_MAPPED, "node_stat_item");
EG_ENUMERATOR(NR_FILE_PAGES, "node_stat_item");
EG_ENUMERATOR(NR_FILE_DIRTY, "node_stat_item");
EG_ENUMERATOR(NR_SWAPCACHE, "node_stat_item"); // 5.12
EG_ENUMERATOR(NR_SHMEM, "node_stat_item");
EG_ENUMERATOR(NR_SLAB_RECLAIMABLE_B, "node_stat_item"); // 5.9; pages all the same
EG_ENUMERATOR(NR_SLAB_UNRECLAIMABLE_B, "node_stat_item");
EG_ENUMERATOR(NR_PAGETABLE, NULL); // of a zone until 5.10

enum { NODES_MAX = 1024, ZONES_MAX = 64, ITEMS_MAX = 1023 };

static void add_zone(struct eg_run *r, struct eg_obj zone, unsigned node, struct linux_zone *all,
                     size_t *n)
{
    struct linux_zone z = { 0 };
    struct eg_obj areas = eg_at(zone, zone.free_area);
    uint64_t pages;

    if (*n == ZONES_MAX || !eg_get(&z.first, zone, zone.zone_start_pfn) ||
        !eg_get(&pages, zone, zone.spanned_pages) || !pages ||
        !eg_add(z.first, pages - 1, &z.last) || !eg_get(&z.present, zone, zone.present_pages) ||
        !z.present)
        return;
    z.managed = eg_get_or(UINT64_C(0), zone, zone_managed);
    z.name = eg_string(r, eg_at(zone, zone.name), 32);
    z.name = eg_strf(r, node ? "%s of node %u" : "%s", z.name ? z.name : "?", node);
    z.orders = (unsigned)EG_MIN(eg_count(areas), (uint64_t)LINUX_ORDERS);
    for (unsigned i = 0; i < z.orders; i++)
        z.free[i] = eg_get_or(UINT64_C(0), eg_index(areas, i), free_area.nr_free);
    all[(*n)++] = z;
}

static void add_node(struct eg_run *r, struct eg_obj node, struct linux_zone *all, size_t *n)
{
    struct eg_obj zones = eg_at(node, pglist_data.node_zones);
    const unsigned id = eg_get_or(0u, node, pglist_data.node_id);

    for (uint64_t i = 0; i < eg_count(zones); i++)
        add_zone(r, eg_index(zones, i), id, all, n);
}

size_t linux_zones(struct eg_run *r, struct linux_zone **out)
{
    struct eg_obj node = eg_sym(r, node_data), first = node;
    uint32_t ids = 1;
    size_t n = 0;

    *out = eg_tmp(r, ZONES_MAX * sizeof **out);
    if (node.why) {
        add_node(r, eg_sym(r, contig_page_data), *out, &n);
        return n;
    }
    eg_load(&ids, eg_sym(r, nr_node_ids));
    for (uint32_t i = 0; i < ids && i < NODES_MAX; i++) {
        node.addr = first.addr + (uint64_t)i * eg_binding_of(r)->model.ptr_size;
        add_node(r, eg_deref(node), *out, &n);
    }
    return n;
}

bool linux_count(struct eg_run *r, enum linux_count which, uint64_t *pages)
{
    static const struct {
        const struct eg_enumref *item;
        bool of_zone;
    } counts[] = {
        [LINUX_COUNT_FREE] = { &eg_e_NR_FREE_PAGES, true },
        [LINUX_COUNT_ANON] = { &eg_e_NR_ANON_MAPPED, false },
        [LINUX_COUNT_FILE] = { &eg_e_NR_FILE_PAGES, false },
        [LINUX_COUNT_SWAPCACHE] = { &eg_e_NR_SWAPCACHE, false },
        [LINUX_COUNT_SHMEM] = { &eg_e_NR_SHMEM, false },
        [LINUX_COUNT_SLAB_RECLAIMABLE] = { &eg_e_NR_SLAB_RECLAIMABLE_B, false },
        [LINUX_COUNT_SLAB] = { &eg_e_NR_SLAB_UNRECLAIMABLE_B, false },
        [LINUX_COUNT_TABLE] = { &eg_e_NR_PAGETABLE, false },
        [LINUX_COUNT_ZSPAGES] = { &eg_e_NR_ZSPAGES, true },
        [LINUX_COUNT_DIRTY] = { &eg_e_NR_FILE_DIRTY, false },
    };
    bool of_zone = counts[which].of_zone;
    const struct eg_model *model = &eg_binding_of(r)->model;
    int64_t item, free_item, last_zone;
    struct eg_obj counters;
    const uint8_t *bytes;

    if (!eg_enum_(r, counts[which].item->id, &item) || item < 0 || item > ITEMS_MAX)
        return false;
    // Page tables are counted by zones or by nodes: which, says how many items a zone has.
    if (which == LINUX_COUNT_TABLE && eg_enum(r, NR_FREE_PAGES, &free_item) &&
        eg_enum(r, NR_ZSPAGES, &last_zone))
        of_zone = item > free_item && item < last_zone;
    counters = of_zone ? eg_sym(r, vm_zone_stat) : eg_sym(r, vm_node_stat);
    bytes = counters.why
                ? NULL
                : eg_bytes(eg_view_of(r), eg_kernel(r),
                           counters.addr + (uint64_t)item * model->long_size, model->long_size);
    if (bytes)
        *pages = eg_load_(bytes, model->long_size, model->big_endian);
    return bytes != NULL;
}
