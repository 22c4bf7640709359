/** owners.h - who uses a place in physical memory: what page tables, struct pages and slabs say. */
#ifndef EG_LINUX_OWNERS_H
#define EG_LINUX_OWNERS_H

#include "../../../core/map.h"
#include "../../../core/search.h"
#include "../mm/page.h"
#include "../mm/vmalloc.h"
#include "mms.h"

/** Who maps which page: made of the page tables of all processes and the kernel, once. */
struct linux_block {
    uint64_t key; /**< log2 of its pages, number of the first one, which that divides, whose */
    uint64_t va;
};
struct linux_user {
    size_t mm; /**< index; past the last one: the kernel */
    uint64_t va;
};
struct linux_map_of_pages {
    EG_VEC(struct linux_block) blocks; /**< by key */
    uint64_t orders;                   /**< that there are */
    struct eg_map tables;              /**< page number of a page table → whose */
    EG_VEC(struct linux_user) users;   /**< of the last linux_users() */
    uint64_t each, limit;              /**< how many blocks one space may have; all so far */
    bool full;
};
struct linux_owners;
void linux_map_pages(struct linux_owners *o);
void linux_map_fini(void *map);
/** Who maps the page of @pa, into users, by whose it is. */
void linux_users(struct linux_owners *o, uint64_t pa);

struct linux_stack {
    uint64_t at;
    int64_t pid;
    char comm[16];
};

/** What one run knows of owners. */
struct linux_owners {
    struct eg_run *r;
    struct linux_mm *mms;
    size_t n_mms;
    const struct linux_area *areas;
    size_t n_areas;
    const struct linux_memmap *memmap;
    struct linux_map_of_pages map;
    char text[256];             /**< a name that is made for one owner */
    struct eg_map *names;       /**< of inodes and caches, by address */
    struct eg_map *mounts;      /**< super_block → mount */
    struct linux_stack *stacks; /**< of all threads, by address */
    size_t n_stacks;
    uint64_t steps; /**< of its walks */
    uint64_t delta; /**< of the direct map */
    bool has_delta;
};

/** The path of an inode: in the tree of process 1, or "tmpfs:/…" where that has no mount of it. */
const char *linux_inode_name(struct linux_owners *o, struct eg_obj inode);
void linux_find_mounts(struct linux_owners *o);

/** What of the kernel is at @va; false: nothing that is known. */
bool linux_kernel_owner(struct linux_owners *o, uint64_t va, struct eg_owner *out);
/** Whose per-CPU memory @va is in, of that which was taken at boot. */
bool linux_percpu_owner(struct linux_owners *o, uint64_t va, struct eg_owner *out);
void linux_find_stacks(struct linux_owners *o);

extern const struct eg_memory_ops linux_memory;

#endif
