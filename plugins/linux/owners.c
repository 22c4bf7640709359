/* owners.c - who uses a place in physical memory. */
#include "owners.h"

const struct eg_memory_ops linux_memory = {
    .regions = linux_regions,
};
