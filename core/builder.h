/** builder.h - a profile in the making: shared by profile.c (pushes) and profile_check.c (finish).
 */
#ifndef EG_BUILDER_H
#define EG_BUILDER_H

#include "map.h"
#include "profile.h"
#include "vec.h"

/** Memory for an array of megabytes, from free() to realloc() like malloc's: on pages of 2 MiB
 * where the kernel has them, since the first touch of thousands of small ones costs more than the
 * work. */
void *eg_big_alloc(size_t len);

/** Slots of a name index that are looked at for one name, in making and in reading: a kernel has
 * some hundred symbols of one name at most. */
enum { EG_PROBES_MAX = 1 << 13 };

struct eg_builder {
    struct eg_profile *profile;    /**< what is known of it so far; its arrays come at the end */
    const struct eg_profile *base; /**< borrowed; NULL: stands alone */
    EG_VEC(struct eg_type) types;
    EG_VEC(struct eg_member) members;
    EG_VEC(struct eg_enumerator) enumerators;
    EG_VEC(struct eg_symbol) symbols;
    EG_VEC(char) strings;
    struct eg_map names; /**< where each name is in the strings, by its hash */
    int failed;          /**< enum eg_errno of the first failure: all pushes do nothing */
};

#endif
