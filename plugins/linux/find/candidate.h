/** candidate.h - a candidate for a Linux kernel, from its trace to its checks; symbols from all
 * sources known so far, members of its types, and reading. */
#ifndef EG_LINUX_CANDIDATE_H
#define EG_LINUX_CANDIDATE_H

#include "../../../core/registry.h"
#include "arch.h"

/** Types and symbols from files that the user named or that are in a profile folder. Owned by
 * the system. */
struct linux_given {
    const struct eg_profile *types;      /**< of the kernel; NULL: symbols only */
    const struct eg_profile *symbols[4]; /**< also `types`, if it has symbols */
    size_t n_symbols;
    struct eg_profile **modules;
    size_t n_modules;
    const struct eg_find_options *options;
};

/** A phase writes its own members, and others only to complete what an earlier phase left out; it
 * reads those of all phases before it. The checks read all and write none. */
struct linux_candidate {
    /* The trace: traces.c, tables.c, swapper.c. */
    const struct linux_arch *arch;
    char trace[160]; /**< the evidence by which it was found, for the user */
    /** By the user, else, from linux_locate() on, from the profile folders; NULL: none. */
    const struct linux_given *given;

    /* Where the kernel is. The trace says some of it; linux_load() reads the image's range, and
     * linux_locate() finds the rest. */
    bool has_delta, has_root;
    uint64_t delta;          /**< virtual minus physical address of the kernel image */
    struct eg_paging paging; /**< valid if has_root, but for the processor */
    uint64_t init_task;      /**< virtual address, if found by its type; else 0 */
    uint64_t start, end;     /**< virtual range of the image, end exclusive; 0, 0: unknown */
    uint64_t ro_from, ro_to; /**< physical range in which its tables are searched for, inclusive */
    uint64_t btf;            /**< physical address of its BTF; 0: not found */
    /** text NULL: none. Borrowed while the candidate is tried, then in the system's arena. */
    struct eg_vmcoreinfo text;

    /* What the image contains: linux_load(). Profiles are owned; NULL: none. */
    struct eg_profile *symbols, *types;
    struct eg_profile *exports; /**< at physical addresses */
    struct eg_error no_symbols, no_types;
    bool symbols_are_physical; /**< place-relative kallsyms, read before delta was known */
    struct eg_types ts;        /**< of the given types, else of `types` */

    /* What can be read through its page tables: linux_locate(). */
    struct eg_space *space;     /**< its virtual memory; NULL until the root is known */
    uint64_t shift;             /**< added to the addresses of `symbols` */
    char notes_id[48];          /**< build id in the kernel's notes; "" */
    struct eg_profile *derived; /**< owned; symbols that no table lists, see derived.c */
    bool captures;              /**< a crash kernel, started to save another kernel's memory */
};

void linux_candidate_fini(struct eg_view *v, struct linux_candidate *c);
/** Set c->ts: given types take precedence over those of the image. */
void linux_use_types(struct linux_candidate *c);

/* ---- by name ---- */

/** The virtual address of a symbol. */
bool linux_sym(const struct linux_candidate *c, const char *name, uint64_t *va);
/** The same of the given symbols alone. */
bool linux_given_sym(const struct linux_candidate *c, const char *name, uint64_t *va);
/** The physical address of a symbol. It may be known before the delta is. */
bool linux_sym_pa(const struct linux_candidate *c, const char *name, uint64_t *pa);
/** What to add to @p's addresses: 0 for run-time addresses, the KASLR shift for link-time ones.
 * @return false: not known. */
bool linux_given_shift(const struct linux_candidate *c, const struct eg_profile *p,
                       uint64_t *shift);
/** Offset and (@size may be NULL) size of a member. */
bool linux_member(const struct eg_types *ts, const char *type, const char *path, uint64_t *off,
                  uint64_t *size);
/** The build id in the kernel's own notes, in hexadecimal: by their symbols, else by search. */
bool linux_notes_build_id(struct eg_view *v, const struct linux_candidate *c, char *hex,
                          size_t size);

/* ---- reading ---- */

bool linux_ptr(struct eg_view *v, struct eg_space *as, const struct eg_model *m, uint64_t at,
               uint64_t *out);
/** The bytes of [@at, @at + @len): borrowed from the image if they are contiguous there, else a
 * copy in *@owned, which the caller frees. NULL: unreadable. */
const uint8_t *linux_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t len,
                           void **owned);
/** The readable parts of [@at, @last], each contiguous in our memory. */
struct linux_pieces {
    struct eg_view *v;
    struct eg_space *as;
    uint64_t at, last;
    bool done; /**< no part is left */
};
/** The next part: its address, length and bytes, which are valid until the next read through the
 * view. NULL: there is none. */
const uint8_t *linux_next_piece(struct linux_pieces *i, uint64_t *at, size_t *len);
/** Close a space that was read through @v; NULL-safe. */
void linux_space_close(struct eg_view *v, struct eg_space *as);
/** What linux_list() needs of @c: its model and types. Valid while @c is. */
struct eg_binding linux_binding(const struct linux_candidate *c);
/** Walk the list whose list_head is at @head; @off is the offset of the list_head in an element.
 * eg_list_next_() gives the address of each element. */
struct eg_list_walk linux_list(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                               uint64_t head, uint64_t off);

#endif
