/** mm/vmalloc.h - memory that vmalloc gave out. */
#ifndef EG_LINUX_VMALLOC_H
#define EG_LINUX_VMALLOC_H

#include "../../../core/engram.h"

EG_FIELDS(vm_struct, addr, caller, flags, nr_pages, pages, phys_addr, size);

struct linux_area {
    uint64_t first, last;
    uint64_t vm;   /**< its vm_struct; 0: it has none */
    bool unpurged; /**< was given back, but is still mapped on some CPU */
};
/** All areas by address, kept by the system. @return how many. */
size_t linux_areas(struct eg_run *r, const struct linux_area **out);
/** The one of them that @addr is in; NULL: none. */
const struct linux_area *linux_area_at(struct eg_run *r, uint64_t addr);
/** The areas that have no vm_struct: of vm_map_ram(), and unpurged ones. */
size_t linux_areas_unowned(struct eg_run *r, const struct linux_area **out);

#endif
