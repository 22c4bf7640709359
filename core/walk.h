/** walk.h - what the walkers share: the elements' cursor, one pointer read, the words of notes. */
#ifndef EG_WALK_H
#define EG_WALK_H

#include "registry.h"
#include <inttypes.h>

/** The cursor of a walk's elements, structs around the member @link, without an address; *@off is
 * where that member is in them. @head must be good and a struct of @words pointers, or a pointer to
 * one: then *@at is its address. Bad, with a note from @what where it matters, when it is not. */
struct eg_obj eg_walk_begin(const char *what, struct eg_obj head, unsigned words,
                            const struct eg_link *link, uint64_t *at, uint64_t *off);
/** A handle's. */
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

/** @addr moved by @by, in pointers' width. */
static inline uint64_t eg_walk_add(const struct eg_obj *o, uint64_t addr, uint64_t by)
{
    return o->bind->model.ptr_size == 8 ? addr + by : (uint32_t)(addr + by);
}

#endif
