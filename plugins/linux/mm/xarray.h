/** mm/xarray.h - one entry of an xarray (include/linux/xarray.h), by its index, read without a run.
 */
#ifndef EG_LINUX_XARRAY_H
#define EG_LINUX_XARRAY_H

#include "place.h"

struct linux_xarrays {
    struct linux_place shift; /**< of a node */
    uint64_t slots;           /**< where they are in it */
    unsigned n, bits;         /**< how many, and log2 of that */
    uint64_t head, size;      /**< of an xarray */
};
/** @return false: this kernel has none. */
bool linux_xarrays_init(struct eg_run *r, struct linux_xarrays *x);
/** The entry at @index of the xarray at @array; 0: none, or it cannot be read. */
uint64_t linux_xarray_at(const struct linux_xarrays *x, const struct linux_reader *m,
                         struct eg_view *v, uint64_t array, uint64_t index);

#endif
