/* paths.c - paths to offsets: the steps of each eg_at() and eg_get() are joined once, so that
 * reading through them is additions and loads. */
#include "paths.h"
#include <stdlib.h>

/** Join the steps of @ref. @return false: one is absent, does not start in the type where the last
 * one ends, or needs the slow path. */
static bool join(const struct eg_slot *slots, const struct eg_pathref *ref, struct eg_path_at *out)
{
    const struct eg_slot *s = NULL;

    for (uint32_t i = 0; i < ref->n; i++) {
        const struct eg_slot *from = s;

        s = &slots[ref->steps[i]->id];
        if (!s->kind)
            return false;
        if (!from)
            out->parent = s->parent;
        else if (s->parent != from->type)
            return false;
        else if (from->kind == EG_K_PTR)
            out->hops++;
        else if (from->kind != EG_K_STRUCT)
            return false;
        if (out->hops == countof(out->off))
            return false;
        out->off[out->hops] += s->off;
    }
    out->type = s->type;
    out->size = s->size;
    out->kind = s->kind;
    out->shift = s->shift;
    out->bits = s->bits;
    if (s->kind >= EG_K_UINT && s->kind <= EG_K_PTR && !s->bits && s->size <= 8)
        out->load = (uint8_t)s->size;
    return true;
}

struct eg_path_at *eg_paths_resolve(const struct eg_slot *slots, const struct eg_model *m)
{
    const bool host_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    const uint32_t n = eg_pathref_count();
    struct eg_path_at *paths = calloc(n, sizeof *paths);

    for (uint32_t id = 0; paths && id < n; id++) {
        const struct eg_pathref *ref = eg_pathref(id);

        if (!ref || m->ptr_size != 8 || m->big_endian != host_is_big ||
            !join(slots, ref, &paths[id]))
            paths[id] = (struct eg_path_at){ .parent = EG_NO_PARENT };
    }
    return paths;
}
