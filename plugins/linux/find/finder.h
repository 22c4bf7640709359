/** finder.h - one search for Linux kernels: what its phases share, and its limits.
 *
 *    traces, tables, swapper   evidence of a kernel        → offer()
 *    base, ranges              raw memory: the physical addresses of the file's bytes
 *    load, image, ksymtab      the kernel's image, symbols and types
 *    locate, derived           delta and page tables; symbols that no table lists
 *    verify                    the checks
 *    open                      the chosen candidate becomes the system
 *
 *  A phase calls only phases below it. find.c calls them all. */
#ifndef EG_LINUX_FINDER_H
#define EG_LINUX_FINDER_H

#include "../../../core/parallel.h"
#include "candidate.h"

/** Work that an image could make a search repeat without end. ORDER linux_work (finder.c) */
enum linux_work {
    LINUX_CANDIDATES, /**< candidates of one trace that are completed and checked */
    LINUX_PAGES,      /**< pages that look like VMCOREINFO */
    LINUX_MAPS,       /**< places that look like the boot loader's map of memory */
    LINUX_EXTENTS,    /**< extents of page tables that are searched for a kernel image */
    LINUX_BASES,      /**< addresses tried as that of the first byte of raw memory */
    LINUX_RECORDS,    /**< BTF records that are decoded to rank headers */
    LINUX_HEADERS,    /**< BTF headers without types that are kept: one may be in a struct btf */
    LINUX_KALLSYMS,   /**< budget of eg_kallsyms_scan() */
    LINUX_ROOTS,      /**< pages tried as a top-level page table */
    LINUX_ELEMENTS,   /**< list elements */
    LINUX_WORDS,      /**< words that may refer to a name or to their own task */
    LINUX_DATA,       /**< bytes of a kernel's data that are tested as a variable */
    LINUX_TARGETS,    /**< addresses used by code that are tested as that of a variable */
    LINUX_WORKS
};

struct linux_folders;

struct linux_finder {
    struct eg_system *sys;
    const struct eg_os *os;
    struct eg_view *v;
    struct eg_space *phys;
    struct linux_given *given;     /**< named by the user; NULL: nothing */
    struct linux_folders *folders; /**< files of the profile folders; NULL: not listed yet */
    /** Complete and check @c. Takes ownership of what @c holds. */
    void (*offer)(struct linux_finder *f, struct linux_candidate *c);
    const uint64_t *btf; /**< addresses of BTF headers without types, from tables.c */
    size_t n_btf;
    bool saw_pages;  /**< VMCOREINFO was looked for in every page */
    bool done;       /**< a candidate passed all checks, and the user did not ask for others */
    bool again;      /**< the image was moved: all addresses found before are invalid */
    uint64_t base;   /**< address of its first byte since; 0: not moved, or in ranges */
    uint64_t resume; /**< address of the page to try first after a move; 0: none */
    int64_t left[LINUX_WORKS];
    bool spent[LINUX_WORKS];
};

/** Give each kind of work its full limit. Called before each trace. */
void linux_budgets(struct linux_finder *f);
/** Spend @n; may be called from any thread. @return false: the limit is reached, which
 * linux_note_spent() will note. */
bool linux_spend(struct linux_finder *f, enum linux_work what, int64_t n);
void linux_note_spent(struct linux_finder *f);

#endif
