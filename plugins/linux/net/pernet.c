/* pernet.c - data that modules keep for each network namespace. */
#include "pernet.h"

EG_FIELD_AS(pernet_gen, net, "gen");
EG_FIELD_AS(pernet_ptr, net_generic, "ptr");

/* The first indices are the array's own head. */
enum { FIRST_INDEX = 2, INDEX_MAX = 1024 };

static bool number(struct eg_run *r, uint64_t at, unsigned size, uint64_t *out)
{
    const uint8_t *p = eg_bytes(eg_view_of(r), eg_kernel(r), at, size);

    if (p)
        *out = eg_load_(p, size, eg_binding_of(r)->model.big_endian);
    return p;
}

uint64_t linux_pernet_at(struct eg_run *r, struct linux_pernet *p, struct eg_obj net)
{
    const unsigned word = eg_binding_of(r)->model.ptr_size;
    // The array has no length in the types: its elements are read by hand.
    struct eg_obj array = eg_at(net, pernet_gen, pernet_ptr);
    uint64_t at = 0, variable;

    if (array.why)
        return 0;
    if (!p->index && eg_lookup(r, p->symbol, &variable))
        p->named = number(r, variable, 4, &p->index);
    for (uint64_t i = FIRST_INDEX; !p->index && i < INDEX_MAX; i++) {
        if (!number(r, array.addr + i * word, word, &at))
            break;
        if (at && p->is(p->context, at))
            p->index = i;
    }
    return p->index >= FIRST_INDEX && p->index < INDEX_MAX &&
                   number(r, array.addr + p->index * word, word, &at)
               ? at
               : 0;
}
