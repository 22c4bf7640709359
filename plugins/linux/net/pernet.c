/* pernet.c - data that modules keep for each network namespace. */
#include "pernet.h"
#include "../../../core/run.h"

EG_FIELD_AS(pernet_gen, net, "gen");
EG_FIELD_AS(pernet_ptr, net_generic, "ptr");

/* The first indices are the array's own head. */
enum { FIRST_INDEX = 2, INDEX_MAX = 1024 };

uint64_t linux_pernet_at(struct eg_run *r, struct linux_pernet *p, struct eg_obj net)
{
    const unsigned word = eg_binding_of(r)->model.ptr_size;
    // The array has no length in the types: its elements are read by hand.
    struct eg_obj array = eg_at(net, pernet_gen, pernet_ptr);
    uint64_t at = 0, variable;

    if (array.why)
        return 0;
    if (!p->index && eg_lookup(r, p->symbol, &variable))
        p->named = eg_uint_at(r, variable, 4, &p->index);
    for (uint64_t i = FIRST_INDEX; !p->index && i < INDEX_MAX; i++) {
        if (!eg_uint_at(r, array.addr + i * word, word, &at))
            break;
        if (at && p->is(p->context, at))
            p->index = i;
    }
    return p->index >= FIRST_INDEX && p->index < INDEX_MAX &&
                   eg_uint_at(r, array.addr + p->index * word, word, &at)
               ? at
               : 0;
}
