/** view.h - reads of the analysed machine's memory through a view: bytes, strings, and reasons for
 * missing ones. Part of engram.h.
 *
 *  Every read takes a view, which belongs to one thread of one run. A returned pointer is valid
 * until the next read through the same view. */
#ifndef EG_VIEW_H
#define EG_VIEW_H

#include "macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EG_API __attribute__((__visibility__("default")))
/** Always inlined: to pass a cursor through memory costs ten times as much as a step. */
#define EG_HOT static inline __attribute__((__always_inline__))

/** `EG_ENTRY(section, type, name) = pointer`: a pointer that the linker collects in @section.
 * Without `used` and `retain` lld's garbage collection would drop it. The order within a section is
 * arbitrary: core sorts by name. */
#define EG_ENTRY(section, type, name)                                                              \
    static const struct type *const EG_CAT(eg_reg_, name)                                          \
        __attribute__((__section__(#section), __used__, __retain__))

struct eg_run;
struct eg_space;
struct eg_system;
struct eg_binding;
struct eg_image;

/* ---- reasons why a place has no value ---- */

/** 0 is readable. The reasons up to EG_NOT_CACHED are those of holes in spaces, the others those of
 * cursors. ORDER eg_why (core/obj.c) */
enum eg_why {
    EG_OK = 0,
    EG_ABSENT,        /**< physical memory that is not in the image */
    EG_EXCLUDED,      /**< left out on purpose by the program that wrote the dump */
    EG_UNREADABLE,    /**< the image file cannot be read there, or is truncated */
    EG_NOT_PRESENT,   /**< the page tables do not map it */
    EG_NOT_CANONICAL, /**< not a valid address of this processor */
    EG_TABLE_MISSING, /**< a page table needed for it is not in the image */
    EG_SWAPPED,       /**< swapped out; the extent has the page table entry */
    EG_MIGRATING,     /**< the page table has a migration, device or marker entry */
    EG_POISONED,      /**< hardware-poisoned */
    EG_NOT_CACHED,    /**< of a file: the page cache does not have it */
    EG_NULL,          /**< the path meets a null pointer */
    EG_NO_MEMBER,     /**< this kernel's type has no such member */
    EG_NO_SYMBOL,     /**< no symbol by that name */
    EG_NO_TYPE,       /**< the type is unknown */
    EG_WRONG_TYPE,    /**< an error of the plugin's author: the run fails */
    EG_NOT_SCALAR,    /**< it is a struct, not a number */
    EG_BAD_VALUE,     /**< readable, but cannot be true (a check failed) */
};
EG_API const char *eg_why_text(enum eg_why why);

/* ---- views and raw reads ---- */

/** The page size of a view's cache, whatever that of the guest is. */
enum {
    EG_VIEW_SHIFT = 12,
    EG_VIEW_PAGE = 1 << EG_VIEW_SHIFT,
    EG_TLB_SLOTS = 4096,
    EG_TLB_FEW = 128
};

struct eg_tlbe {
    const struct eg_space *space;
    uint64_t page;  /**< address >> EG_VIEW_SHIFT */
    uintptr_t bias; /**< added to an address in that page, gives the byte's place in our memory */
};

/** The state by which one thread of one run reads. */
struct eg_view {
    struct eg_run *run;          /**< NULL outside of runs */
    struct eg_fill_cache *fills; /**< decompressed pages; NULL until the first */
    uint8_t why;                 /**< reason of the last failed read: enum eg_why */
    uint64_t why_addr;           /**< and its address */
    uint8_t bounce[32];          /**< a scalar that crosses a page boundary */
    bool brief;     /**< only one page is wanted: translators need not join adjacent ones */
    bool starved;   /**< out of memory in fill(): EG_UNREADABLE may be wrong */
    uint32_t since; /**< memory of a running machine: since when pointers and copies are used again;
                         0: none was read */
    struct {        /**< the last page table that a translator used: for the next page it needs no
                       walk */
        const struct eg_space *space;
        const uint8_t *host;  /**< the table */
        uint64_t first, last; /**< the addresses that it maps, inclusive */
        uint64_t table;       /**< where it is in the space below */
        uint8_t level;        /**< of the table; 0: the last level */
        uint16_t above;       /**< permissions that the upper levels allow */
    } walked;
    unsigned n_filled;           /**< entries of the TLB that were filled since it was empty */
    uint16_t filled[EG_TLB_FEW]; /**< the first of them: few are emptied one by one */
    struct eg_tlbe tlb[EG_TLB_SLOTS];
};

EG_API const uint8_t *eg_bytes_slow(struct eg_view *v, struct eg_space *as, uint64_t addr,
                                    size_t len);

/** Are the @len bytes (1..32) at @addr in one page of the TLB? The first byte's page selects the
 * entry, and the last byte's page is compared with it, so bytes that cross a page boundary miss:
 * the entry of one page never holds the next. */
EG_HOT bool eg_tlb_hit_(const struct eg_view *v, const struct eg_space *as, uint64_t addr,
                        size_t len, const uint8_t **out)
{
    const struct eg_tlbe *e =
        &v->tlb[(addr >> EG_VIEW_SHIFT ^ (uintptr_t)as >> 6) & (EG_TLB_SLOTS - 1)];

    if (__builtin_expect(e->page != (addr + len - 1) >> EG_VIEW_SHIFT || e->space != as, 0))
        return false;
    *out = (const uint8_t *)(e->bias + (uintptr_t)addr);
    return true;
}

/** @return @len bytes (1..32) at @addr, contiguous, valid until the next read; NULL with v->why and
 * v->why_addr set. */
EG_HOT const uint8_t *eg_bytes(struct eg_view *v, struct eg_space *as, uint64_t addr, size_t len)
{
    const uint8_t *p;

    if (!eg_tlb_hit_(v, as, addr, len, &p))
        return eg_bytes_slow(v, as, addr, len);
    if (!p)
        __builtin_unreachable(); // so that callers need not test for NULL
    return p;
}

/** Read all @len bytes. @return false when any of them cannot be read. */
EG_API bool eg_read(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf, size_t len);

/** Read what can be read and fill the rest with zeros. @return the number of bytes read; @first_why
 * (may be NULL) is the reason of the first hole, v->why_addr its address. */
EG_API size_t eg_read_some(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf,
                           size_t len, enum eg_why *first_why);

/** A C string, cut after @max bytes or at a hole. @return NULL when the first byte is unreadable.
 * It lives until the run ends. */
EG_API char *eg_cstr(struct eg_run *r, struct eg_space *as, uint64_t addr, size_t max);

#endif
