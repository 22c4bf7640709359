/** owners.h - who uses a place in physical memory: what page tables, struct pages and slabs say. */
#ifndef EG_LINUX_OWNERS_H
#define EG_LINUX_OWNERS_H

#include "../../../core/arena.h"
#include "../../../core/map.h"
#include "../../../core/search.h"
#include "../mm/page.h"
#include "../mm/vmalloc.h"
#include "mms.h"

/* ---- made once for a system: linux_owner_tables(), read-only afterwards ---- */

/** Pages that follow each other in one mapping. Their number is a power of two, which divides the
 * number of the first one. */
struct linux_block {
    uint64_t key; /**< log2 of how many, number of the first one, who maps them */
    uint64_t va;
};
/** Which page is mapped where: from the page tables of the kernel and all processes. */
struct linux_page_users {
    EG_VEC(struct linux_block) blocks; /**< by key */
    uint64_t orders;                   /**< a bit for each log2 of a size that there is */
    struct eg_map tables; /**< page number of a page table → who translates with it */
};

/** The kernel stack of a thread. */
struct linux_stack {
    uint64_t at, task;
    int64_t pid;
    char comm[16];
};

/** Data on its way, in physical memory: [first, last]. */
struct linux_buffer_place {
    uint64_t first, last;
    const char *kind;
    uint64_t object; /**< the sk_buff, or the pipe's inode */
    uint64_t detail; /**< of a packet: where its data begins in it */
};

struct linux_owner_tables {
    EG_VEC(struct linux_mm) mms; /**< without their mappings */
    struct eg_arena texts;       /**< of them */
    struct linux_page_users users;
    struct eg_map mounts;                      /**< super_block → a mount that shows all of it */
    EG_VEC(struct linux_stack) stacks;         /**< of all threads, by address */
    EG_VEC(struct linux_buffer_place) buffers; /**< by first */
    uint64_t delta; /**< virtual minus physical address in the direct map */
    bool has_delta;
};
/** Each fills its part; out of memory: the run fails. */
void linux_find_users(struct eg_run *r, struct linux_owner_tables *t);
void linux_find_mounts(struct eg_run *r, struct linux_owner_tables *t);
void linux_find_stacks(struct eg_run *r, struct linux_owner_tables *t);
void linux_find_buffers(struct eg_run *r, struct linux_owner_tables *t);

/* ---- of one run ---- */

/** Where a page is mapped. */
struct linux_user {
    size_t mm; /**< index in mms; past the last one: the kernel */
    uint64_t va;
};
struct linux_users {
    EG_VEC(struct linux_user) list; /**< of the last page asked for, by mm and va */
};
struct linux_owners {
    struct eg_run *r;
    const struct linux_owner_tables *tables;
    struct linux_mm *mms; /**< those of the tables; their mappings are found when asked for */
    size_t n_mms;
    const struct linux_area *areas;
    size_t n_areas;
    const struct linux_memmap *memmap;
    struct linux_users users;
    char text[256];       /**< the name of the last owner, where it had to be composed */
    struct eg_map *names; /**< of inodes and slab caches, by their address */
};

/** Find where the page of @pa is mapped: o->users. */
void linux_users_of(struct linux_owners *o, uint64_t pa);
/** The path of an inode: in the tree of process 1, or "tmpfs:/…" if it is not mounted there. */
const char *linux_inode_name(struct linux_owners *o, struct eg_obj inode);
/** What of the kernel is at @va; false: nothing that is known. */
bool linux_kernel_owner(struct linux_owners *o, uint64_t va, struct eg_owner *out);
/** The packets and pipes whose data is at @pa. */
void linux_give_buffers(struct linux_owners *o, uint64_t pa,
                        void (*give)(void *context, const struct eg_owner *owner), void *context);
/** Whose per-CPU memory @va is in, of that which was allocated at boot. */
bool linux_percpu_owner(struct linux_owners *o, uint64_t va, struct eg_owner *out);

extern const struct eg_memory_ops linux_memory;

#endif
