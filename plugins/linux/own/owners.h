/** owners.h - what searches need of Linux: the address spaces of processes, the pages that are
 * mapped in a space, and who uses a place in physical memory. */
#ifndef EG_LINUX_OWNERS_H
#define EG_LINUX_OWNERS_H

#include "../../../core/search.h"
#include "../linux.h"
#include "../mm/page.h"

/** Pages are counted in the view's granule, whatever the machine's own size is. */
enum { PAGE = EG_VIEW_PAGE, PAGE_SHIFT = EG_VIEW_SHIFT };

/** A mapping of a process: [start, last]. */
struct linux_span {
    uint64_t start, last;
    uint64_t vma;     /**< its vm_area_struct */
    const char *name; /**< of linux_span_name(); NULL: not asked for */
};

/** An address space, and the first process (by its id) that uses it. */
struct linux_mm {
    struct eg_obj mm;
    struct eg_space *space;
    uint64_t last; /**< of the addresses that are the process's */
    int64_t pid;
    const char *comm;
    struct linux_span *spans; /**< of linux_mm_spans(); NULL: not asked for */
    size_t n_spans;
};
/** All of them by process id, each once; @given: of those processes only that --pid names.
 * @return how many, in the run's memory. */
size_t linux_mms(struct eg_run *r, bool given, struct linux_mm **out);
/** Walk its mappings, once. */
void linux_mm_spans(struct eg_run *r, struct linux_mm *mm);
/** The mapping that holds @va; NULL: none, as far as is known. */
struct linux_span *linux_mm_span_at(const struct linux_mm *mm, uint64_t va);

/** Runs of pages of @space that are mapped in [at, last], by address; each is of one table and
 * contiguous in physical memory. */
struct linux_page_walk {
    struct eg_space *space;
    uint64_t at, last;
    struct eg_map *tables; /**< not NULL: what a table holds that was met before is left out */
    bool holes;            /**< give these too: pa is then UINT64_MAX */
    uint64_t own;          /**< steps so far: tables in circles come to an end */
    uint64_t *steps;       /**< of all walks that belong together */
    bool done;
};
struct linux_pages {
    uint64_t va, last; /**< both inclusive */
    uint64_t pa;       /**< of va */
    uint64_t entry;    /**< where the deciding entry is */
};
bool linux_next_pages(struct eg_run *r, struct linux_page_walk *w, struct linux_pages *out);

/** As /proc/PID/maps names it; NULL: it has none. */
const char *linux_span_name(struct eg_run *r, const struct linux_mm *mm, struct linux_span *s);

/** How many pages the image holds, about. */
uint64_t linux_image_pages(struct eg_run *r);

/** virtual - physical address of the kernel's map of all memory; false: not known. */
bool linux_direct_map(struct eg_run *r, uint64_t *delta);
/** Does the direct map hold it? */
static inline bool linux_is_direct(const struct linux_pages *p, bool known, uint64_t delta)
{
    return known && p->va - p->pa == delta;
}

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
    struct linux_area *areas;
    size_t n_areas;
    struct linux_memmap memmap;
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

int linux_regions(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *out);
extern const struct eg_memory_ops linux_memory;

#endif
