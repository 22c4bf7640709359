/* map.c - a map for one run. */
#include "../../core/run.h"
#include "linux.h"

static void fini(void *map)
{
    eg_map_fini(map);
}

struct eg_map *linux_map(struct eg_run *r)
{
    struct eg_map *map = eg_tmp(r, sizeof *map);

    eg_run_defer(r, fini, map);
    return map;
}
