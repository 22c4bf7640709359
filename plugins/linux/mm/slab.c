/* slab.c - caches of the slab allocator, and what of them is allocated. */
#include "slab.h"
#include "../../../core/run.h"
#include "../sched/cgroup.h"
#include "slab_table.h"
#include <string.h>

EG_FIELDS(kset, kobj);
EG_FIELDS(kobject, sd);
EG_FIELD_AS(node_children, kernfs_node, "dir.children");
EG_FIELD_AS(node_target, kernfs_node, "symlink.target_kn");
EG_SYMBOL(slab_caches, "list_head");
EG_SYMBOL(slab_kset, "kset *");

enum { NAME_MAX_BYTES = 128 };

bool linux_next_cache(struct eg_run *r, struct linux_cache_walk *w, struct eg_obj *cache)
{
    if (!w->begun) {
        w->list = eg_list_begin_(eg_sym(r, slab_caches), eg_f_kmem_cache.list.id);
        w->begun = true;
    }
    return eg_list_next_(&w->list, cache);
}

/* Caches of alike objects are merged (slab_unmergeable, find_mergeable): then /sys/kernel/slab has
 * a symbolic link of the name that was not taken (create_cache's sysfs_slab_alias). */
static struct eg_obj merged_into(struct eg_run *r, const char *name)
{
    enum { KERNFS_TYPE = 0xf, KERNFS_LINK = 4 }; // include/linux/kernfs.h
    struct eg_obj dir = eg_deref(eg_at(eg_sym(r, slab_kset), kset.kobj, kobject.sd)), entry, cache;
    uint64_t target;

    if (dir.why)
        return dir;
    eg_each_rb(entry, eg_at(dir, node_children), kernfs_node.rb) {
        const char *own = eg_string(r, eg_at(entry, kernfs_node.name), NAME_MAX_BYTES);

        if (!own || strcmp(own, name) ||
            (eg_get_or(0u, entry, kernfs_node.flags) & KERNFS_TYPE) != KERNFS_LINK ||
            !eg_get(&target, entry, node_target, kernfs_node.priv))
            continue;
        linux_each_cache(r, cache) if (eg_at(cache, kmem_cache.kobj).addr == target) return cache;
    }
    return eg_bad(dir, EG_ABSENT, 0);
}

struct eg_obj linux_cache_named(struct eg_run *r, const char *name)
{
    struct eg_obj cache, none = eg_sym(r, slab_caches);

    linux_each_cache(r, cache)
    {
        const char *own = eg_string(r, eg_at(cache, kmem_cache.name), NAME_MAX_BYTES);

        if (own && !strcmp(own, name))
            return cache;
    }
    cache = merged_into(r, name);
    return cache.why ? eg_bad(none, EG_ABSENT, 0) : cache;
}

/* ---- places ---- */

static struct linux_slab_place place(const struct linux_slabs *s, const struct linux_slab *slab,
                                     uint32_t i)
{
    const struct linux_slab_cache *c = &s->caches.at[slab->cache];

    return (struct linux_slab_place){ .object = slab->va + i * c->size + c->pad,
                                      .slab = slab->page,
                                      .free = linux_slab_is_free(s, slab, i),
                                      .known = slab->known };
}

size_t linux_slab_places(struct eg_run *r, struct eg_obj cache, struct linux_slab_place **out)
{
    const struct linux_slabs *s = linux_slabs(r);
    const uint32_t number = s && !cache.why ? linux_slab_cache_at(s, cache.addr) : UINT32_MAX;
    size_t n = 0;

    *out = NULL;
    if (number == UINT32_MAX)
        return 0;
    for (size_t i = 0; i < s->slabs.n; i++)
        n += s->slabs.at[i].cache == number ? s->slabs.at[i].objects : 0;
    *out = eg_tmp(r, n * sizeof **out);
    n = 0;
    for (size_t i = 0; i < s->slabs.n; i++)
        if (s->slabs.at[i].cache == number)
            for (uint32_t j = 0; j < s->slabs.at[i].objects; j++)
                (*out)[n++] = place(s, &s->slabs.at[i], j);
    return n;
}

bool linux_slab_place_of(struct eg_run *r, uint64_t va, struct linux_slab_place *out,
                         uint64_t *cache)
{
    const struct linux_slabs *s = linux_slabs(r);
    const struct linux_slab *slab = s ? linux_slab_holding(s, va) : NULL;
    const uint32_t i = slab ? linux_slab_index(s, slab, va) : UINT32_MAX;

    if (i == UINT32_MAX)
        return false;
    *out = place(s, slab, i);
    if (cache)
        *cache = s->caches.at[slab->cache].addr;
    return true;
}

int linux_slab_allocated(struct eg_run *r, uint64_t object)
{
    struct linux_slab_place p;

    return !linux_slab_place_of(r, object, &p, NULL) || !p.known ? -1 : !p.free;
}

/* ---- counts ---- */

EG_FIELD_AS(node_objects, kmem_cache_node, "total_objects.counter"); // with SLUB_DEBUG

static uint64_t kernels_count(struct eg_run *r, struct eg_obj cache)
{
    struct linux_slab_node node;
    uint64_t sum = 0, n;

    for (uint32_t i = 0; linux_slab_node(r, cache, i, &node); i++) {
        if (node.node.why == EG_NULL)
            continue;
        if (!eg_get(&n, node.node, node_objects) || !eg_add(sum, n, &sum))
            return UINT64_MAX;
    }
    return sum;
}

bool linux_slab_count(struct eg_run *r, struct eg_obj cache, struct linux_slab_counts *out)
{
    const struct linux_slabs *s = linux_slabs(r);
    const uint32_t number = s && !cache.why ? linux_slab_cache_at(s, cache.addr) : UINT32_MAX;

    if (number == UINT32_MAX)
        return false;
    *out = s->caches.at[number].counts;
    out->kernel = kernels_count(r, cache);
    return true;
}

/* ---- the same by name ---- */

static bool next_cache(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_cache(r, state, out);
}

EG_WALKER(caches) = {
    .os = "linux",
    .help = "the caches of the slab allocator, as in /proc/slabinfo",
    .elem = "kmem_cache",
    .needs = EG_NEEDS(kmem_cache.list, kmem_cache.name),
    .needs_symbols = EG_NEEDS_SYMBOLS(slab_caches),
    .state = sizeof(struct linux_cache_walk),
    .next = next_cache,
};

struct places {
    struct linux_slab_place *at;
    size_t n, i;
    bool begun;
};

static bool next_place(struct eg_run *r, struct eg_obj cache, void *state, struct eg_cell *out)
{
    struct places *w = state;

    if (!w->begun)
        w->n = linux_slab_places(r, cache, &w->at);
    w->begun = true;
    if (w->i == w->n)
        return false;
    out[0] = eg_uint(w->at[w->i].object);
    if (w->at[w->i].known)
        out[1] = eg_text(w->at[w->i].free ? "free" : "allocated");
    w->i++;
    return true;
}

EG_WALKER(slab_objects) = {
    .os = "linux",
    .help = "every place for an object in the slabs of a cache, by address, full slabs too; of one "
            "whose free lists are damaged the state is nil",
    .arg = "kmem_cache",
    .needs = EG_NEEDS(kmem_cache.list, kmem_cache.size),
    .state = sizeof(struct places),
    .next_values = next_place,
    .values = "address: integer, state: text",
};
