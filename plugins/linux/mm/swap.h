/** mm/swap.h - swapped pages: which device and slot a page table entry names, where that page is
 * now, and its bytes, as far as they are in memory or in a file that the user gave (--swap). */
#ifndef EG_LINUX_SWAP_H
#define EG_LINUX_SWAP_H

#include "../../../core/arch.h"
#include "zswap.h"

enum { LINUX_SLOT_BITS = 30 }; /**< of the number of a slot: 4 TiB of small pages */

EG_FIELDS(swap_info_struct, bdev, cluster_info, flags, max, pages, prio, swap_file, type, zeromap);

/** A swap device or file, as the kernel has it. */
struct linux_swap_device {
    uint64_t info;           /**< its swap_info_struct; 0: there is none with this number */
    uint64_t slots;          /**< number of slots, with the first, which is the header */
    char *path;              /**< NULL: it cannot be read */
    bool block;              /**< a block device, not a file */
    const char *wrong;       /**< why its zram cannot be read; NULL: it can, or it is none */
    struct linux_zram *zram; /**< NULL: it is none */
    struct eg_space *file;   /**< what the user gave with --swap; NULL: nothing */
    const char *file_name;
    uint64_t clusters, zeros; /**< swap table; bitmap of slots that are zeros */
    uint64_t cache, n_cache;  /**< swap cache before 6.18: address spaces of 64 MiB */
};

/** Swap of a system. Kept by the system; any thread may ask. */
struct linux_swap {
    struct linux_swap_device device[LINUX_SWAP_DEVICES];
    unsigned n;    /**< numbers in use are below */
    unsigned form; /**< of page table entries */
    const struct eg_arch *arch;
    struct linux_zsmalloc zs; /**< with what reads the kernel's memory */
    bool has_zsmalloc, has_zswap;
    struct linux_zswap zswap;
    struct linux_xarrays xarrays;
    bool has_xarrays;
    struct linux_place private, table;
    uint64_t mapping_pages, mapping_size; /**< address_space: where its xarray is; bytes */
    uint64_t cluster_size, cluster_zeros;
    enum {
        LINUX_ZEROS_UNMARKED, /**< or in a bitmap of the device */
        LINUX_ZEROS_IN_CLUSTER,
        LINUX_ZEROS_BY_POINTER, /**< in a bitmap that the cluster points to */
        LINUX_ZEROS_IN_TABLE,
    } zeros;
};
struct linux_swap *linux_swap(struct eg_run *r);

enum linux_swap_place {
    LINUX_SWAP_LOST = 0, /**< not in memory: .missing says why, or where it is */
    LINUX_SWAP_CACHE,    /**< a page of physical memory, on its way out or in */
    LINUX_SWAP_ZEROS,    /**< the kernel noted that it is all zeros */
    LINUX_SWAP_ZSWAP,
    LINUX_SWAP_ZRAM,
    LINUX_SWAP_FILE, /**< in the file of --swap */
};
struct linux_swapped {
    enum linux_swap_place place;
    struct eg_swap_slot slot;
    uint64_t pa; /**< CACHE; of FILE the offset in it */
    struct linux_zswap_page zswap;
    struct linux_zram_page zram;
    const char *missing;
};
/** Where the page is now. */
void linux_swap_find(const struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot,
                     struct linux_swapped *out);
/** Make its bytes, a page of the machine. @return NULL, or what is wrong. */
const char *linux_swap_read(struct linux_swap *s, struct eg_view *v, const struct linux_swapped *p,
                            uint8_t *page);
/** The answer for a swapped page in a space whose .fill calls linux_swap_fill(): @out, with start
 * and last of that page, is filled as far as it can be read. @return false: it stays a hole. */
bool linux_swap_extent(const struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot,
                       struct eg_extent *out);
bool linux_swap_fill(struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot, void *bytes,
                     size_t len);
/** The slot that an entry of a page table names, and a value entry of shared memory's page cache.
 */
bool linux_swap_slot(const struct linux_swap *s, uint64_t entry, struct eg_swap_slot *out);
struct eg_swap_slot linux_swap_slot_of_value(uint64_t value);

/** "swapped out: /dev/zram0 slot 17: zram, lzo-rle, 812 bytes", in the run's memory: of the hole or
 * swapped page @x of a process's space; NULL: it is neither. */
EG_API const char *linux_swap_text(struct eg_run *r, const struct eg_extent *x);

/** The same; else the reason of the hole. */
EG_API const char *linux_why_text(struct eg_run *r, const struct eg_extent *x);
/** The reason why @addr of a process's space is a hole. */
EG_API const char *linux_why_at(struct eg_run *r, struct eg_space *space, uint64_t addr,
                                enum eg_why why);

/** A process's space, in which swapped pages are there as far as they can be read. @tables: the
 * space of its page tables, which becomes its own. */
int linux_swap_space(struct eg_space **out, struct linux_swap *s, struct eg_space *tables);
/** Numbers for the bytes of a swapped page of such a space, from *@key on, the same wherever it is
 * mapped, below 2^63. @return false: it is not one. */
bool linux_swap_key(const struct eg_space *as, const struct eg_extent *x, uint64_t *key);

/** The file in a word "[PATH=]FILE" of --swap, and the length of the PATH (0: none). */
const char *linux_swap_given(const char *word, size_t *path);

/** The header of a swap area (include/linux/swap.h). */
struct linux_swap_header {
    uint64_t page, slots; /**< bytes of a page; slots with the header's own */
    uint8_t uuid[16];
    char label[17];
};
bool linux_swap_header(struct eg_view *v, struct eg_space *file, struct linux_swap_header *out);

#endif
