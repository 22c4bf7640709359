/** regions.h - what there is to search in the kernel's memory, or in that of processes. */
#ifndef EG_LINUX_REGIONS_H
#define EG_LINUX_REGIONS_H

#include "../../../core/search.h"

/** Regions for eg_memory_ops.regions (core/search.h). */
int linux_regions(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out);

#endif
