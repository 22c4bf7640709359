/** kernel/assoc.h - associative arrays (include/linux/assoc_array_priv.h): keyrings. */
#ifndef EG_LINUX_ASSOC_H
#define EG_LINUX_ASSOC_H

#include "../../../core/engram.h"

/** What an array (a cursor on a struct assoc_array) leads to: gives the objects' addresses with
 * the owner's marks in their lowest two bits taken off. Each node must point back to where the walk
 * came from; a branch that does not is left out, with a note. */
struct linux_assoc_walk {
    struct eg_obj array;
    uint32_t *left; /**< nodes and objects that all walks together may still take; at 0 they end */
    uint64_t node;  /**< as pointers to it are: with its marks */
    uint64_t slot;  /**< of it, the next one */
    bool begun;
};
EG_API bool linux_next_assoc(struct eg_run *r, struct linux_assoc_walk *w, uint64_t *object);

#endif
