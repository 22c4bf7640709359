/** mm/zswap.h - pages on their way to swap that the kernel keeps compressed (mm/zswap.c). */
#ifndef EG_LINUX_ZSWAP_H
#define EG_LINUX_ZSWAP_H

#include "xarray.h"
#include "zram.h"

enum { LINUX_SWAP_DEVICES = 32 };

struct linux_zswap {
    /** By device: its tree, or its array of trees; how many these are, 0 where it is one tree. */
    uint64_t trees[LINUX_SWAP_DEVICES], pieces[LINUX_SWAP_DEVICES];
    bool is_xarray; /**< a tree is an xarray (since 6.10), else a red-black tree */
    struct linux_xarrays xarrays;
    uint64_t tree_size, root; /**< bytes of a tree; where its root is in it */
    uint64_t node, left, right;
    struct linux_place offset, slot, length, pool, index, handle; /**< of an entry */
    uint64_t pools; /**< an xarray of them, where entries have an index of it; 0: they do not */
    struct linux_place zs_pool, zpool, driver, type, allocator; /**< of pools */
    uint64_t name;
    bool has_name;
    uint64_t header; /**< bytes before the data in a pool that can evict (until 6.5) */
    struct linux_place middle, first_num; /**< of z3fold's header */
    uint64_t z3fold_header;
};
/** @return false: this kernel has no zswap. */
bool linux_zswap_open(struct eg_run *r, unsigned devices, struct linux_zswap *out);

struct linux_zswap_page {
    uint64_t entry;  /**< its struct zswap_entry; 0: zswap does not have the page */
    uint64_t pool;   /**< of the allocator */
    uint64_t handle; /**< of its data; SAME: the word that fills it */
    uint64_t slot;   /**< its swp_entry_t */
    uint32_t length;
    bool same;
    char compressor[LINUX_COMPRESSOR_NAME], allocator[16];
    const char *missing; /**< why its bytes are not there; NULL: they are */
};
void linux_zswap_find(const struct linux_zswap *z, const struct linux_reader *m, struct eg_view *v,
                      uint32_t type, uint64_t offset, struct linux_zswap_page *out);
/** How many of the slots of a device zswap has. */
uint64_t linux_zswap_count(const struct linux_zswap *z, const struct linux_reader *m,
                           struct eg_view *v, uint32_t type, uint64_t slots);
/** Make the page's bytes. @return NULL, or what is wrong. */
const char *linux_zswap_read(const struct linux_zswap *z, struct linux_zsmalloc *zs,
                             struct eg_view *v, const struct linux_zswap_page *p, uint8_t *page);

#endif
