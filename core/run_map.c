/* run_map.c - maps that are freed when their run is closed. */
#include "map.h"
#include "run.h"

static void fini(void *map)
{
    eg_map_fini(map);
}

struct eg_map *eg_run_map(struct eg_run *r)
{
    struct eg_map *map = eg_tmp(r, sizeof *map);

    eg_run_defer(r, fini, map);
    return map;
}

bool eg_run_map_add(struct eg_run *r, struct eg_map *map, uint64_t key, uint64_t value)
{
    const int added = eg_map_add(map, key, value);

    if (added < 0)
        eg_run_fail(r, EG_ENOMEM, "out of memory for a map");
    return added > 0;
}
