/* slabs - caches of the slab allocator and their objects. */
#include "../linux/mm/slab.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the kmem_cache is; with --objects, the object")                         \
    C(CACHE, TEXT, "name of the cache")                                                            \
    C(ACTIVE, INT, "objects in use as /proc/slabinfo counts: with what CPUs hold ready", EG_ASKED) \
    C(OBJECTS, INT, "places for objects", EG_ASKED)                                                \
    C(ALLOCATED, INT, "objects that are on no free list and in no sheaf", EG_ASKED)                \
    C(OBJECT_SIZE, INT, "bytes of an object")                                                      \
    C(SIZE, INT, "bytes that an object takes")                                                     \
    C(PER_SLAB, INT, "objects of a slab", EG_ASKED)                                                \
    C(SLAB_PAGES, INT, "pages of a slab", EG_ASKED)                                                \
    C(SLABS, INT, "slabs", EG_ASKED)                                                               \
    C(FREE, BOOL, "with --objects: on a free list or in a sheaf", EG_ASKED)
EG_COLUMNS(COLUMNS);

static void list_cache(struct eg_run *r, struct eg_obj cache, uint64_t *short_of, uint64_t *unknown)
{
    struct linux_slab_counts n;

    if (!linux_slab_count(r, cache, &n)) {
        const struct eg_cell none = eg_missing(EG_BAD_VALUE, cache.addr);

        eg_row(r, .OFFSET = eg_addr(cache), .CACHE = eg_val(cache, kmem_cache.name), .ACTIVE = none,
               .OBJECTS = none, .ALLOCATED = none,
               .OBJECT_SIZE = eg_val(cache, kmem_cache.object_size),
               .SIZE = eg_val(cache, kmem_cache.size), .PER_SLAB = none, .SLAB_PAGES = none,
               .SLABS = none);
        return;
    }
    eg_row(r, .OFFSET = eg_addr(cache), .CACHE = eg_val(cache, kmem_cache.name),
           .ACTIVE = eg_uint(n.active), .OBJECTS = eg_uint(n.objects),
           .ALLOCATED = eg_uint(n.allocated), .OBJECT_SIZE = eg_val(cache, kmem_cache.object_size),
           .SIZE = eg_val(cache, kmem_cache.size), .PER_SLAB = eg_uint(n.per_slab),
           .SLAB_PAGES = eg_uint(n.slab_pages), .SLABS = eg_uint(n.slabs));
    if (n.kernel != UINT64_MAX && n.kernel > n.objects)
        *short_of += n.kernel - n.objects;
    *unknown += n.unknown;
}

static int list_objects(struct eg_run *r, const char *name)
{
    struct eg_obj cache = linux_cache_named(r, name);
    struct linux_slab_place *places;
    size_t n;

    if (cache.why) {
        eg_note(r, "--objects %s: no cache has this name; slabs without it lists them", name);
        return 0;
    }
    n = linux_slab_places(r, cache, &places);
    for (size_t i = 0; i < n; i++)
        eg_row(r, .OFFSET = eg_uint(places[i].object), .CACHE = eg_val(cache, kmem_cache.name),
               .OBJECT_SIZE = eg_val(cache, kmem_cache.object_size),
               .SIZE = eg_val(cache, kmem_cache.size),
               .FREE = places[i].known ? eg_int(places[i].free)
                                       : eg_missing(EG_BAD_VALUE, places[i].slab));
    return 0;
}

static int run(struct eg_run *r)
{
    uint64_t short_of = 0, unknown = 0;
    struct eg_obj cache;
    const char *name;

    if (eg_arg_text(r, "objects")) {
        for (size_t i = 0; (name = eg_arg_text_nth(r, "objects", i)); i++) {
            const int failed = list_objects(r, name);

            if (failed)
                return failed;
        }
        return 0;
    }
    linux_each_cache(r, cache) list_cache(r, cache, &short_of, &unknown);
    if (short_of)
        eg_note(r,
                "the kernel counts %llu objects more than were found: their struct pages are "
                "not in the image, or changed while it was taken",
                (unsigned long long)short_of);
    if (unknown)
        eg_note(r,
                "%llu objects are in slabs whose free lists are damaged: they are not counted as "
                "allocated",
                (unsigned long long)unknown);
    return 0;
}

EG_PLUGIN(slabs) = {
    .os = "linux",
    .help = "List caches of the slab allocator, and with --objects what is in one",
    .manual =
        "ACTIVE and OBJECTS are what /proc/slabinfo says. The kernel counts as active what a CPU "
        "holds ready for itself: its free list, its partial slabs, its sheaves. ALLOCATED leaves "
        "these out. Slabs are found through the kernel's struct pages, so full ones are there "
        "too. Objects that wait in a sheaf for a grace period of RCU, and those of sheaves that a "
        "caller filled in advance, count as allocated. Of caches that the kernel merged one name "
        "is shown; --objects knows the others too. Memory that is free was allocated once: what "
        "it holds is old.",
    .aliases = EG_NAMES("linux_slabinfo", "slabinfo"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(objects, TEXT, "the objects of this cache")),
    .needs = EG_NEEDS(kmem_cache.size, kmem_cache.object_size),
    .uses = EG_NAMES("caches"),
    .run = run,
    .moves = EG_NAMES("ACTIVE", "ALLOCATED", "SLABS"),
};
