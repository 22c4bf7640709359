/** mm/slab.h - caches of the slab allocator (SLUB), and their objects. */
#ifndef EG_LINUX_SLAB_H
#define EG_LINUX_SLAB_H

#include "page.h"

/** All caches, as in /proc/slabinfo: `linux_each_cache(r, c)`. */
struct linux_cache_walk {
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_cache(struct eg_run *r, struct linux_cache_walk *w, struct eg_obj *cache);
#define linux_each_cache(r, c)                                                                     \
    for (struct linux_cache_walk EG_CAT(w_, __LINE__) = { 0 };                                     \
         linux_next_cache((r), &EG_CAT(w_, __LINE__), &(c));)
/** The cache of this name; a cache that was merged into it by alias counts. A bad cursor: none. */
EG_API struct eg_obj linux_cache_named(struct eg_run *r, const char *name);

/** A place for an object in a slab of a cache. */
struct linux_slab_place {
    uint64_t object; /**< virtual address where the object begins (behind a red zone) */
    uint64_t slab;   /**< its struct slab (struct page before 5.17) */
    bool free;       /**< on a free list or in a sheaf */
    bool known;      /**< false: the free lists of its slab are damaged, and @free was not found
                          out */
};
/** Every place of every slab of @cache, also full slabs that no list holds: found through the
 * kernel's struct pages, once for all caches and kept by the system. By address.
 * @return how many, in the run's memory. */
EG_API size_t linux_slab_places(struct eg_run *r, struct eg_obj cache,
                                struct linux_slab_place **out);
/** The place that holds virtual address @va, of any cache. @cache: its kmem_cache; may be NULL.
 * @return false: in no slab, or between objects. */
EG_API bool linux_slab_place_of(struct eg_run *r, uint64_t va, struct linux_slab_place *out,
                                uint64_t *cache);
/** Is the object at virtual address @object, of any cache, allocated? 1, 0; -1: not known. */
EG_API int linux_slab_allocated(struct eg_run *r, uint64_t object);

/** How many there are of a cache. */
struct linux_slab_counts {
    uint64_t slabs, objects;
    uint64_t allocated;  /**< not on a free list, nor in a sheaf */
    uint64_t active;     /**< as /proc/slabinfo counts: all but what is free in the slabs on the
                              nodes' lists of partial ones */
    uint64_t unknown;    /**< of slabs whose free lists are damaged */
    uint64_t kernel;     /**< objects, by the kernel's own count; UINT64_MAX: it has none */
    uint32_t per_slab;   /**< objects of a slab of the usual size */
    uint32_t slab_pages; /**< and its pages */
};
EG_API bool linux_slab_count(struct eg_run *r, struct eg_obj cache, struct linux_slab_counts *out);

#endif
