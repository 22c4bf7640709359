/** net/pernet.h - data that modules keep for each network namespace
 * (include/net/netns/generic.h). */
#ifndef EG_LINUX_PERNET_H
#define EG_LINUX_PERNET_H

#include "../../../core/engram.h"

/** Where one kind of such data is. */
struct linux_pernet {
    const char
        *symbol; /**< the variable with its index; its module may keep no names of variables */
    /** Is the data at @at of this kind? For kernels without the name; data that cannot be told
     * from other kinds, as while it is empty, is not. */
    bool (*is)(void *context, uint64_t at);
    void *context;
    uint64_t index; /**< 0: not known yet */
    bool named;     /**< the index is that of the variable */
};
/** The data of @net; 0: it cannot be found, or without the name is empty in all namespaces so
 * far. */
uint64_t linux_pernet_at(struct eg_run *r, struct linux_pernet *p, struct eg_obj net);

#endif
