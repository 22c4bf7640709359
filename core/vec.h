/** vec.h - a growing array of any type: `EG_VEC(struct thing) v = { 0 };`.
 *
 *  eg_vec_push(&v) is a zeroed new element, or NULL when memory is out; pointers into it last until
 * the next push. */
#ifndef EG_VEC_H
#define EG_VEC_H

#include "base.h"

#define EG_VEC(type)                                                                               \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t n, cap;                                                                             \
    }

#define eg_vec_push(v)                                                                             \
    (eg_vec_grow_((void **)&(v)->at, &(v)->cap, (v)->n + 1, sizeof *(v)->at)                       \
         ? (__typeof__((v)->at))memset(&(v)->at[(v)->n++], 0, sizeof *(v)->at)                     \
         : NULL)
#define eg_vec_reserve(v, count)                                                                   \
    eg_vec_grow_((void **)&(v)->at, &(v)->cap, (count), sizeof *(v)->at)
#define eg_vec_fini(v) (eg_vec_free_((void **)&(v)->at), (v)->n = (v)->cap = 0)

bool eg_vec_grow_(void **at, size_t *cap, size_t want, size_t size);
void eg_vec_free_(void **at);

#endif
