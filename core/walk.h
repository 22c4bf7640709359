/** walk.h - what the walkers share: the cursor of elements, and reads of pointers. */
#ifndef EG_WALK_H
#define EG_WALK_H

#include "registry.h"
#include <inttypes.h>

/** Begin a walk. @return the cursor of its elements (structs that contain the member @link, at
 * offset *@off) without an address. @head is a struct of @words pointers, or a pointer to one; *@at
 * is its address. If @head is not that, the result is bad, with a note that begins with @what
 * unless the path to @head only met a null pointer. */
struct eg_obj eg_walk_begin(const char *what, struct eg_obj head, unsigned words,
                            const struct eg_link *link, uint64_t *at, uint64_t *off);
/** The link of a handle. */
struct eg_link eg_walk_link(struct eg_obj head, uint32_t id);

/** The pointer stored at @addr. */
static inline bool eg_walk_read(const struct eg_obj *o, uint64_t addr, uint64_t *out)
{
    const unsigned size = o->bind->model.ptr_size;
    const uint8_t *p = eg_bytes(o->view, o->space, addr, size);

    if (!p)
        return false;
    *out = eg_load_(p, size, o->bind->model.big_endian);
    return true;
}

/** @addr + @by, modulo the width of a pointer. */
static inline uint64_t eg_walk_add(const struct eg_obj *o, uint64_t addr, uint64_t by)
{
    return o->bind->model.ptr_size == 8 ? addr + by : (uint32_t)(addr + by);
}

#endif
