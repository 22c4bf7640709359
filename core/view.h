/** view.h - reading a foreign memory through a view: bytes, strings, and why a place has none. Part
 * of engram.h.
 *
 *  All reads take a view: one run on one thread. A pointer into a space is valid until the next
 * read through it. */
#ifndef EG_VIEW_H
#define EG_VIEW_H

#include "macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EG_API __attribute__((__visibility__("default")))
/** Inlined always: a cursor that is passed through memory costs ten times what its step does. */
#define EG_HOT static inline __attribute__((__always_inline__))

/** `EG_ENTRY(section, type, name) = pointer`: a pointer that the linker collects. `used` and
 * `retain`, or lld's garbage collection drops it. The order in a section means nothing: core sorts
 * by name. */
#define EG_ENTRY(section, type, name)                                                              \
    static const struct type *const EG_CAT(eg_reg_, name)                                          \
        __attribute__((__section__(#section), __used__, __retain__))

struct eg_run;
struct eg_space;
struct eg_system;
struct eg_binding;
struct eg_image;

/* ---- why a place has no value ---- */

/** 0 is readable; the first group are holes of a space, the second are a cursor's own. ORDER eg_why
 * (core/obj.c) */
enum eg_why {
    EG_OK = 0,
    EG_ABSENT,        /**< physical memory that is not in the image */
    EG_EXCLUDED,      /**< left out by the dump's level */
    EG_UNREADABLE,    /**< the image file failed or ended underneath us */
    EG_NOT_PRESENT,   /**< no mapping */
    EG_NOT_CANONICAL, /**< no address of this machine */
    EG_TABLE_MISSING, /**< a page table on the way is not in the image */
    EG_SWAPPED,       /**< in swap; the extent holds the entry */
    EG_MIGRATING,     /**< a migration, device or marker entry */
    EG_POISONED,      /**< hardware-poisoned */
    EG_NULL,          /**< a null pointer on the path */
    EG_NO_MEMBER,     /**< this kernel's type has no such member */
    EG_NO_SYMBOL,     /**< no symbol by that name */
    EG_NO_TYPE,       /**< the type is unknown */
    EG_WRONG_TYPE,    /**< the author's error: the run fails */
    EG_NOT_SCALAR,    /**< a struct where a number was wanted */
    EG_BAD_VALUE,     /**< read, but impossible (a check failed) */
};
EG_API const char *eg_why_text(enum eg_why why);

/* ---- views and raw reads ---- */

/** A view's own granule; it says nothing of the guest's page size. */
enum { EG_VIEW_SHIFT = 12, EG_VIEW_PAGE = 1 << EG_VIEW_SHIFT, EG_TLB_SLOTS = 4096 };

struct eg_tlbe {
    const struct eg_space *space;
    uint64_t page;  /**< address >> EG_VIEW_SHIFT */
    uintptr_t bias; /**< added to an address in that page: where the byte is in our memory */
};

/** One run on one thread: all reads take one. A pointer into a space is valid until the next read
 * through the view. */
struct eg_view {
    struct eg_run *run;          /**< NULL in core's own work */
    struct eg_fill_cache *fills; /**< pages that had to be made; NULL until the first */
    uint8_t why;                 /**< of the last read that failed: enum eg_why */
    uint64_t why_addr;           /**< and where */
    uint8_t bounce[32];          /**< a scalar that straddles two pages */
    bool brief;   /**< one page is wanted: translators need not join its neighbours */
    bool starved; /**< memory ran out for bytes that had to be made: a hole may be none */
    struct {      /**< the last table a translator came to: its next page costs no walk */
        const struct eg_space *space;
        const uint8_t *host;  /**< the table */
        uint64_t first, last; /**< the addresses that it decides */
        uint64_t table;       /**< where it is in the space below */
        uint8_t level;        /**< of the table; 0 the last */
        uint16_t above;       /**< flags that the levels above allow */
    } walked;
    struct eg_tlbe tlb[EG_TLB_SLOTS];
};

EG_API const uint8_t *eg_bytes_slow(struct eg_view *v, struct eg_space *as, uint64_t addr,
                                    size_t len);

/** Are the @len bytes (1..32) at @addr in one page that the TLB holds? The entry is chosen by the
 * first byte's page and compared with the last byte's, so bytes that straddle two pages miss: an
 * entry chosen by one page never holds the next. */
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
        __builtin_unreachable(); // saves the caller's test for NULL
    return p;
}

/** All or nothing. */
EG_API bool eg_read(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf, size_t len);

/** Zero-fills what cannot be read. @return bytes that were read; @first_why (may be NULL) is why
 * the first hole is one. */
EG_API size_t eg_read_some(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf,
                           size_t len, enum eg_why *first_why);

/** A C string of at most @max bytes, without its end mark if that is not met. @return NULL when the
 * first byte is unreadable; cut short at a hole. Lives until the run ends. */
EG_API char *eg_cstr(struct eg_run *r, struct eg_space *as, uint64_t addr, size_t max);

#endif
