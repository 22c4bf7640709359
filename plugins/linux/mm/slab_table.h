/** mm/slab_table.h - all slabs of a system with the state of each object; for slab.c. */
#ifndef EG_LINUX_SLAB_TABLE_H
#define EG_LINUX_SLAB_TABLE_H

#include "../../../core/vec.h"
#include "slab.h"

struct linux_slab_cache {
    uint64_t addr;      /**< its kmem_cache */
    uint64_t size, pad; /**< bytes from object to object; of the red zone before each */
    uint64_t offset;    /**< of the free pointer in an object */
    uint64_t random;    /**< what free pointers are hardened with; 0: they are plain */
    uint32_t most;      /**< objects that a slab can have */
    uint32_t usual;     /**< and has */
    uint32_t order;     /**< log2 of the pages of a usual one */
    struct linux_slab_counts counts; /**< all but what the kernel counts itself */
};
struct linux_slab {
    uint64_t va;    /**< of its first byte */
    uint64_t page;  /**< its struct slab or page */
    uint64_t bits;  /**< number of its first bit in @free */
    uint32_t cache; /**< number of its cache */
    uint32_t objects, inuse;
    bool known;   /**< its free lists are whole */
    bool partial; /**< on a node's list */
};
struct linux_slabs {
    EG_VEC(struct linux_slab_cache) caches; /**< by address */
    EG_VEC(struct linux_slab) slabs;        /**< by va and, which is the same, by page */
    uint8_t *free;                          /**< a bit for each object */
    uint64_t n_bits;
    bool failed; /**< out of memory */
};
/** Kept by the system. NULL: the run was stopped, or failed. */
const struct linux_slabs *linux_slabs(struct eg_run *r);

/** The number of the cache at @addr; UINT32_MAX: it has none. */
uint32_t linux_slab_cache_at(const struct linux_slabs *s, uint64_t addr);
/** The slab that holds @va; NULL: none. */
struct linux_slab *linux_slab_holding(const struct linux_slabs *s, uint64_t va);
/** The number of the object that holds @va; UINT32_MAX: between objects. */
uint32_t linux_slab_index(const struct linux_slabs *s, const struct linux_slab *slab, uint64_t va);
static inline bool linux_slab_is_free(const struct linux_slabs *s, const struct linux_slab *slab,
                                      uint32_t i)
{
    const uint64_t bit = slab->bits + i;

    return s->free[bit / 8] >> bit % 8 & 1;
}

/** The objects of a node: its list of partial slabs, its barn of sheaves. Both may be bad. */
struct linux_slab_node {
    struct eg_obj node, barn;
};
/** The nodes of a cache: `for (i = 0; linux_slab_node(r, cache, i, &node); i++)`. */
bool linux_slab_node(struct eg_run *r, struct eg_obj cache, uint32_t i,
                     struct linux_slab_node *out);

#endif
