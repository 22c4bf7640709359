/** finder.h - one search for Linux kernels: what its phases share, and what they may spend.
 *
 *    traces, tables, swapper   what may be a kernel        → offer()
 *    base, ranges              raw memory: at which addresses are its pieces?
 *    load, ksymtab             its image, symbols, types
 *    locate, derived           its shift and page tables; symbols that no table lists
 *    verify                    the checks
 *    open                      the chosen one becomes the system
 *
 *  Each phase calls only those below it; find.c calls them all. */
#ifndef EG_LINUX_FINDER_H
#define EG_LINUX_FINDER_H

#include "../../../core/parallel.h"
#include "candidate.h"

/** What an image could make a search do again and again. ORDER linux_work (finder.c) */
enum linux_work {
    LINUX_CANDIDATES, /**< of one trace, completed and checked */
    LINUX_PAGES,      /**< that look like VMCOREINFO */
    LINUX_MAPS,       /**< places that look like the boot loader's map of memory */
    LINUX_EXTENTS,    /**< of page tables, in which a kernel image is looked for */
    LINUX_BASES,      /**< addresses at which raw memory might begin */
    LINUX_RECORDS,    /**< of BTF, by which headers are ranked */
    LINUX_HEADERS,    /**< of BTF without types, kept for the struct btf among them */
    LINUX_KALLSYMS,   /**< as eg_kallsyms_scan() counts */
    LINUX_ROOTS,      /**< pages tried as a top table */
    LINUX_ELEMENTS,   /**< of lists */
    LINUX_WORDS,      /**< that might lead to a name or to themselves */
    LINUX_TARGETS,    /**< addresses in code, each tested as that of a variable */
    LINUX_WORKS
};

struct linux_folders;

struct linux_finder {
    struct eg_system *sys;
    const struct eg_os *os;
    struct eg_view *v;
    struct eg_space *phys;
    struct linux_given *given;     /**< by the user; NULL: nothing */
    struct linux_folders *folders; /**< what is in the profile folders; NULL: not listed yet */
    /** Takes a trace's candidate, and what it holds, over. */
    void (*offer)(struct linux_finder *f, struct linux_candidate *c);
    const uint64_t *btf; /**< where headers of BTF without types are, while tables are tried */
    size_t n_btf;
    bool done;       /**< a candidate passed everything, and nobody asked for more */
    bool again;      /**< the memory was moved: what was found before lies elsewhere */
    uint64_t base;   /**< where it begins since then, if in one piece; 0: it was not moved */
    uint64_t resume; /**< physical: the page to begin with after that; 0: none */
    int64_t left[LINUX_WORKS];
    bool spent[LINUX_WORKS];
};

/** Each trace begins with full budgets. */
void linux_budgets(struct linux_finder *f);
/** Spend @n; from any thread. @return false: there is no more, and a note will say so. */
bool linux_spend(struct linux_finder *f, enum linux_work what, int64_t n);
void linux_note_spent(struct linux_finder *f);

#endif
