/** vec.h - a growing array of any type: `EG_VEC(struct thing) v = { 0 };`.
 *
 *  eg_vec_push(&v) adds a zeroed element and returns it, or NULL out of memory. Pointers to
 * elements are valid until the next push. */
#ifndef EG_VEC_H
#define EG_VEC_H

#include "base.h"
#include <stdlib.h>

#define EG_VEC(type)                                                                               \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t n, cap;                                                                             \
    }

#define eg_vec_push(v)                                                                             \
    (eg_vec_reserve(v, (v)->n + 1)                                                                 \
         ? (__typeof__((v)->at))memset(&(v)->at[(v)->n++], 0, sizeof *(v)->at)                     \
         : NULL)
/** Make room for @count elements in total. @return false: out of memory, and nothing has
 * changed. */
#define eg_vec_reserve(v, count)                                                                   \
    __extension__({                                                                                \
        void *eg_room_ = eg_vec_grow_((v)->at, &(v)->cap, (count), sizeof *(v)->at);               \
                                                                                                   \
        if (eg_room_)                                                                              \
            (v)->at = eg_room_;                                                                    \
        eg_room_ != NULL;                                                                          \
    })
#define eg_vec_fini(v) (free((v)->at), (v)->at = NULL, (v)->n = (v)->cap = 0)

/** @return @at, or where it was moved to; NULL out of memory. */
void *eg_vec_grow_(void *at, size_t *cap, size_t want, size_t size);

#endif
