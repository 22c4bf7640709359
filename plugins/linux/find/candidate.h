/** candidate.h - what may be a Linux kernel, from its first trace to its checks, and reading by its
 *  names: symbols from every source that is known so far, members of its types. */
#ifndef EG_LINUX_CANDIDATE_H
#define EG_LINUX_CANDIDATE_H

#include "../../../core/registry.h"
#include "arch.h"

/** Types and symbols that the user named, or that a profile folder holds. All owned by the system.
 */
struct linux_given {
    const struct eg_profile *types;      /**< of the kernel; NULL: symbols only */
    const struct eg_profile *symbols[4]; /**< types too, if it has symbols */
    size_t n_symbols;
    struct eg_profile **modules;
    size_t n_modules;
    const struct eg_find_options *options;
};

struct linux_candidate {
    const struct linux_arch *arch;
    const struct linux_given *given; /**< NULL: nothing */
    char trace[160];                 /**< by what it was found */
    /** NULL: none. Borrowed from the trace; in the system's arena once the candidate is kept. */
    struct eg_vmcoreinfo text;
    bool has_delta, has_root;
    uint64_t delta;                     /**< virtual - physical address of the kernel image */
    struct eg_paging paging;            /**< valid if has_root */
    uint64_t init_task;                 /**< virtual, where the trace was it; 0 */
    uint64_t start, end;                /**< the image, virtual, end exclusive; 0, 0: not known */
    uint64_t ro_from, ro_to;            /**< physical, inclusive: where its tables are looked for */
    uint64_t btf;                       /**< physical; 0: not found */
    struct eg_space *space;             /**< over paging; NULL until the root is known */
    struct eg_profile *symbols, *types; /**< owned; NULL: none */
    struct eg_profile *exports;         /**< the same; at physical addresses */
    struct eg_profile *derived;         /**< the same; symbols of no table: see derived.c */
    struct eg_types ts;                 /**< of types, or of what the user gave */
    bool captures;     /**< it was started to save the memory of a kernel that crashed */
    char notes_id[48]; /**< build id in the image's notes; "" */
    struct eg_error no_symbols, no_types;
    bool symbols_are_physical; /**< until the shift is known: kallsyms relative to its own place */
    uint64_t shift;            /**< added to symbols' addresses */
};

void linux_candidate_fini(struct eg_view *v, struct linux_candidate *c);
/** c->ts anew: what the user gave comes before what the image holds. */
void linux_use_types(struct linux_candidate *c);

/* ---- by name ---- */

/** A symbol's virtual address. */
bool linux_sym(const struct linux_candidate *c, const char *name, uint64_t *va);
/** Its physical address, which may be known before the shift is. */
bool linux_sym_pa(const struct linux_candidate *c, const char *name, uint64_t *pa);
/** What to add to @p's symbols for this candidate: KASLR moved link-time addresses. */
bool linux_given_shift(const struct linux_candidate *c, const struct eg_profile *p,
                       uint64_t *shift);
/** Where a member is in its type. */
bool linux_member(const struct eg_types *ts, const char *type, const char *path, uint64_t *off,
                  uint64_t *size);
/** The build id in the kernel's own notes. */
bool linux_notes_build_id(struct eg_view *v, const struct linux_candidate *c, char *hex,
                          size_t size);

/* ---- reading ---- */

bool linux_ptr(struct eg_view *v, struct eg_space *as, const struct eg_model *m, uint64_t at,
               uint64_t *out);
/** The bytes of [@at, @at + @len): borrowed from the image where it holds them in one piece, else a
 *  copy in *@owned for the caller to free. NULL: unreadable. */
const uint8_t *linux_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t len,
                           void **owned);
/** The parts of [@at, @last] that can be read, each contiguous in our memory. */
struct linux_pieces {
    struct eg_view *v;
    struct eg_space *as;
    uint64_t at, last;
    bool done; /**< nothing is left */
};
/** The next part: where it is, its bytes (until the next read through the view) and how many.
 * NULL: there is none. */
const uint8_t *linux_next_piece(struct linux_pieces *i, uint64_t *at, size_t *len);
/** Close a space that was read through @v; NULL-safe. */
void linux_space_close(struct eg_view *v, struct eg_space *as);
/** The core's walk of the list whose list_head is at @head, and in its elements at @off: each
 * eg_list_next_() gives an element's address. @b: its model and types, which need no handles. */
struct eg_list_walk linux_list(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                               uint64_t head, uint64_t off);

#endif
