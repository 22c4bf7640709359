/** builder.h - a profile that is being built: shared by profile.c (pushes) and profile_check.c
 * (finish). */
#ifndef EG_BUILDER_H
#define EG_BUILDER_H

#include "map.h"
#include "profile.h"
#include "vec.h"

/** Memory for a large array, for use with free() and realloc() like that of malloc. It uses pages
 * of 2 MiB where possible, because page faults on thousands of small ones would cost more time than
 * the work. */
void *eg_big_alloc(size_t len);

/** The most slots of a name index that are probed for one name, when it is built and when it is
 * read. A kernel has at most some hundred symbols of the same name. */
enum { EG_PROBES_MAX = 1 << 13 };

struct eg_builder {
    struct eg_profile *profile;    /**< the result; its arrays are set by finish */
    const struct eg_profile *base; /**< borrowed; NULL: none */
    EG_VEC(struct eg_type) types;
    EG_VEC(struct eg_member) members;
    EG_VEC(struct eg_enumerator) enumerators;
    EG_VEC(struct eg_symbol) symbols;
    EG_VEC(char) strings;
    struct eg_map names; /**< hash of a name to its offset in strings */
    int failed;          /**< enum eg_errno of the first failure; from then on all pushes do
                              nothing */
};

#endif
