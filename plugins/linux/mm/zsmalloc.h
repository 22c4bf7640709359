/** mm/zsmalloc.h - objects of the allocator that zram and zswap keep compressed pages in
 * (mm/zsmalloc.c): they are packed into chains of single pages, and can lie across two. */
#ifndef EG_LINUX_ZSMALLOC_H
#define EG_LINUX_ZSMALLOC_H

#include "place.h"
#include <stdatomic.h>

struct linux_zsmalloc {
    struct linux_reader mem;
    struct eg_space *phys;
    uint64_t memmap, page_size_of; /**< where the struct page of page 0 would be; bytes of one */
    unsigned shift;                /**< log2 of the machine's page size */
    struct linux_place of_page, next, size_class, class, magic, size, objects, pages;
    atomic_uint form; /**< of handles: the one that fitted last */
};
/** @return false: struct page cannot be found, without which no object can be read. */
bool linux_zsmalloc_init(struct eg_run *r, struct linux_zsmalloc *z);

/** Read the @len bytes of the object with this @handle, of the zs_pool at @pool. @return NULL, or
 * what is wrong. */
const char *linux_zsmalloc_read(struct linux_zsmalloc *z, struct eg_view *v, uint64_t pool,
                                uint64_t handle, size_t len, uint8_t *out);

#endif
