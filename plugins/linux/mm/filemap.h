/** mm/filemap.h - the bytes of a file as memory holds them (the page cache, mm/filemap.c). */
#ifndef EG_LINUX_FILEMAP_H
#define EG_LINUX_FILEMAP_H

#include "../../../core/space.h"
#include "page.h"

/** The file of @inode (a cursor on the struct) as an address space, whose addresses are offsets in
 * the file: a page that is cached lies in physical memory, folios of any size and entries with
 * siblings included; one that is not is a hole (EG_NOT_CACHED; of shared memory that was swapped
 * out EG_SWAPPED, if swap (swap.h) cannot give it). What is behind the file's size is
 * EG_NOT_PRESENT. Kept by the system. NULL: the inode cannot be read. */
EG_API struct eg_space *linux_file_space(struct eg_run *r, struct eg_obj inode);
/** What memory holds of a file, entry by entry of its tree, in order: a folio, a page, or the mark
 * of what was swapped out. Nothing is allocated.
 *
 *     if (linux_cached_begin(r, inode, &w))
 *         while (linux_cached_next(&w, &c))
 */
struct linux_cached {
    uint64_t first, last; /**< indexes in the file, in pages */
    uint64_t at;          /**< number of the page of @first; EG_SWAPPED: its swp_entry_t */
    uint64_t folio;       /**< where the struct page of the folio's first page is */
    uint64_t entry;       /**< as it stands in the tree */
    uint64_t flags;       /**< of the folio */
    enum eg_why why;      /**< EG_OK; EG_SWAPPED; EG_BAD_VALUE: a page that is not the file's */
    bool dirty;
    bool fresh; /**< PG_uptodate: its bytes are the file's; else it is on its way from the disk, or
                     only parts of it were written */
};
struct linux_cached_walk {
    uint64_t size;  /**< of the file, in bytes */
    bool zeros;     /**< a file system of memory: what has no page is zeros */
    uint64_t n_bad; /**< entries so far with EG_BAD_VALUE */
    bool beyond;    /**< the caller's: give what is behind the file's size too */

    struct eg_run *r; /* for filemap.c */
    const struct linux_memmap *m;
    uint64_t mapping, last, given;
    unsigned huge; /* hugetlbfs: log2 of the pages in a huge one; else 0 */
    bool shared, begun;
    struct eg_index_walk tree;
};
/** @return false: the inode, or the kernel's array of struct page, cannot be read. */
EG_API bool linux_cached_begin(struct eg_run *r, struct eg_obj inode, struct linux_cached_walk *w);
EG_API bool linux_cached_next(struct linux_cached_walk *w, struct linux_cached *out);

/** Is it of a file system whose files are in memory only (tmpfs, hugetlbfs, …)? What has no page is
 * zeros there. */
EG_API bool linux_file_in_memory(struct eg_run *r, struct eg_obj inode);
/** Bytes of a file (i_size). */
EG_API bool linux_file_size(struct eg_obj inode, uint64_t *size);
/** The inode whose pages a struct file maps: with overlayfs that of the layer below. */
EG_API struct eg_obj linux_file_data(struct eg_run *r, struct eg_obj file);

/** A process's memory as linux_mm_space() has it, and where its page tables have nothing yet of a
 * mapped file what the page cache holds of it: the same bytes, which the process would have found
 * there (mm/backed.c). What is neither is EG_NOT_CACHED; what no program can read, devices and
 * what is behind the end of a file, stays EG_NOT_PRESENT. Kept by the system. */
EG_API struct eg_space *linux_mm_backed_space(struct eg_run *r, struct eg_obj mm);

#endif
