/** page.h - the kernel's own notes of each page of physical memory: struct page, struct folio,
 * struct slab. Whatever cannot be validated is unknown. */
#ifndef EG_LINUX_PAGE_H
#define EG_LINUX_PAGE_H

#include "../../../core/engram.h"

// Of a slab's page until 5.17 slab_cache and what is behind it; since then struct slab has them.
EG_FIELDS(page, page_type, mapping, private, slab_cache, freelist, inuse, objects);
EG_FIELD_AS(page_flags, page, "flags.f|flags"); // a struct since 6.18
EG_FIELD_AS(page_refcount, page, "_refcount.counter");
EG_FIELDS(slab, slab_cache, freelist, inuse, objects, slab_list);
EG_FIELDS(kmem_cache, name, list, size, object_size, red_left_pad, kobj, offset, random, cpu_slab,
          cpu_sheaves, node, per_node, sheaf_capacity);

enum linux_page_use {
    LINUX_PAGE_UNKNOWN = 0,
    LINUX_PAGE_NONE,         /**< no struct page: no memory that the kernel manages */
    LINUX_PAGE_FREE,         /**< in the buddy allocator */
    LINUX_PAGE_SLAB,         /**< objects of a cache */
    LINUX_PAGE_FILE,         /**< of a file: the page cache, shared memory */
    LINUX_PAGE_ANON,         /**< of processes, and of no file */
    LINUX_PAGE_RESERVED,     /**< taken at boot: the kernel's image, tables, the firmware */
    LINUX_PAGE_UNREFERENCED, /**< nobody's, and not in the buddy allocator: on its way there */
    LINUX_PAGE_TYPED,        /**< see @name */
};
struct linux_page {
    enum linux_page_use use;
    const char *name;    /**< TYPED: "page table", "zsmalloc", …; else NULL */
    struct eg_obj page;  /**< of the first page of the compound one, or the block */
    uint64_t first;      /**< physical address of that one */
    uint64_t cache;      /**< SLAB: its kmem_cache */
    uint64_t mapping;    /**< FILE: its address_space, which is its inode's */
    uint64_t index;      /**< FILE: of @first in the file, in pages */
    struct eg_obj inode; /**< FILE: a cursor on it */
    unsigned order;      /**< FREE: log2 of the block's pages */
};

/** What is alike for all pages. */
struct linux_memmap {
    bool found;
    uint64_t base;  /**< where the struct page of page 0 would be */
    uint64_t size;  /**< of one */
    unsigned shift; /**< log2 of the machine's page size */
    struct linux_page_type {
        uint32_t mask, value; /**< of page_type; mask 0: no such type here */
        const char *name;
    } types[9];
    unsigned slab_flag, reserved_flag; /**< bits of the flags; 64: none */
    unsigned dirty_flag, fresh_flag;   /**< PG_dirty, PG_uptodate; 63: none */
};
/** Kept by the system. Where the array cannot be found, a note says so and @found is false. NULL:
 * the run was stopped, or failed. */
EG_API const struct linux_memmap *linux_memmap(struct eg_run *r);
/** How many pages of processes a run may look at, all mappings together: far more than RAM has, for
 * many processes map the same, but what damaged page tables claim comes to an end. */
EG_API uint64_t linux_pages_budget(struct eg_run *r);
/** Where the kernel says that the struct page of page 0 would be, also where nothing there can be
 * read. */
bool linux_memmap_told(struct eg_run *r, uint64_t *base);
/** The use of the page at physical @pa. */
EG_API void linux_page_at(struct eg_run *r, const struct linux_memmap *m, uint64_t pa,
                          struct linux_page *out);

/** Of the struct page at @page: its page's number, and the first one of its folio with that one's
 * number. @return false: it is none. */
EG_API bool linux_page_head(struct eg_run *r, const struct linux_memmap *m, uint64_t page,
                            uint64_t *pfn, struct eg_obj *head, uint64_t *head_pfn);
/** What a folio's first page says of its place in a file, unchecked. */
bool linux_page_place(struct eg_obj head, uint64_t *mapping, uint64_t *index);

/** What the struct page of one page says, without a judgement: page_state.c. */
struct linux_page_state {
    uint64_t pfn, head; /**< numbers of the page, and of the first one of its compound page */
    uint64_t flags;     /**< of the first one, without zone and node: see linux_page_flags() */
    uint64_t mapping;   /**< of the first one, with its low bits */
    uint64_t index;     /**< of the page in its mapping */
    int64_t refcount;   /**< of the first one */
    int64_t mapcount;   /**< page tables that have this page; -1: it has a type instead */
    unsigned order;     /**< log2 of the pages of the compound page */
    uint32_t type; /**< page_type of the first one; it is a count unless its high bits say so */
    bool dirty, swap_backed;
};
EG_API bool linux_page_state(struct eg_run *r, const struct linux_memmap *m, uint64_t pfn,
                             struct linux_page_state *out);
/** The names of the flags' bits as this kernel numbers them, without "PG_"; NULL: a bit without
 * one. @return how many bits are flags; 0: not known. */
unsigned linux_page_flags(struct eg_run *r, const char *names[64]);

/** Of a SLAB page: the cache's name, and where in which object @pa is. @return false: in none, or
 * it cannot be told. */
const char *linux_slab_name(struct eg_run *r, const struct linux_page *p);
/** Bytes of one of its objects; UINT64_MAX: not known. */
uint64_t linux_slab_size(struct eg_run *r, const struct linux_page *p);
bool linux_slab_object(struct eg_run *r, const struct linux_memmap *m, const struct linux_page *p,
                       uint64_t pa, uint64_t *object, uint64_t *offset);

#endif
