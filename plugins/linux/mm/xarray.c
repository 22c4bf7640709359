/* xarray.c - down an xarray. An internal entry ends in the bits 10: above 4096 it is a node, below
 * a sibling: the number of the slot that has the entry. */
#include "xarray.h"

EG_FIELD_AS(xarray_shift, xa_node, "shift");
EG_FIELD_AS(xarray_slots, xa_node, "slots");
EG_FIELD_AS(xarray_head, xarray, "xa_head");
EG_TYPE(xarray);

enum { NODE_MIN = 4096, SLOTS_MAX = 64 };

bool linux_xarrays_init(struct eg_run *r, struct linux_xarrays *x)
{
    const struct eg_slot *slots = eg_slot(r, eg_f_xarray_slots.id);

    *x = (struct linux_xarrays){ .shift = linux_place(r, xarray_shift, 0),
                                 .slots = slots->off,
                                 .n = EG_MIN(slots->size / 8, SLOTS_MAX),
                                 .head = eg_offset(r, xarray_head),
                                 .size = eg_size(r, xarray) };
    while (x->n >> (x->bits + 1))
        x->bits++;
    return slots->kind && x->shift.size && x->n == 1u << x->bits && x->bits && x->size;
}

static bool is_internal(uint64_t e)
{
    return (e & 3) == 2;
}

uint64_t linux_xarray_at(const struct linux_xarrays *x, const struct linux_reader *m,
                         struct eg_view *v, uint64_t array, uint64_t index)
{
    unsigned above = 64; // the shift of the node above: it becomes smaller with each
    uint64_t e, shift;

    if (!array || !linux_word(m, v, array + x->head, &e))
        return 0;
    if (!is_internal(e))
        return index ? 0 : e;
    while (is_internal(e) && e > NODE_MIN) {
        const uint64_t node = e & ~UINT64_C(3);
        const bool top = above == 64;

        if (!linux_place_get(m, v, node, x->shift, &shift) || shift >= above ||
            (top && shift + x->bits < 64 && index >> shift >> x->bits))
            return 0;
        above = (unsigned)shift;
        if (!linux_word(m, v, node + x->slots + 8 * (index >> shift & (x->n - 1)), &e))
            return 0;
        if (is_internal(e) && e >> 2 < x->n &&
            !linux_word(m, v, node + x->slots + 8 * (e >> 2), &e))
            return 0;
    }
    return is_internal(e) ? 0 : e;
}
