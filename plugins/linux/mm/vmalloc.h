/** mm/vmalloc.h - memory that vmalloc gave out. */
#ifndef EG_LINUX_VMALLOC_H
#define EG_LINUX_VMALLOC_H

#include "../../../core/engram.h"

EG_FIELDS(vm_struct, addr, caller, pages, size);

struct linux_area {
    uint64_t first, last;
    uint64_t vm; /**< its vm_struct */
};
/** All areas by address, kept by the system. @return how many. */
size_t linux_areas(struct eg_run *r, const struct linux_area **out);

#endif
