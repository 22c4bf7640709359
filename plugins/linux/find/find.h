/** find.h - inside the finder: a candidate for a Linux kernel, from its first trace to a
 *  candidate with checks.
 *
 *  A trace (find_traces.c) says one or two things of a kernel: where its image is mapped, or where
 * a table lies. linux_try() makes the rest of it (find_load.c), checks it (checks.c) and keeps it
 * as a candidate. What differs between processors is in struct linux_arch (find_arch.c). */
#ifndef EG_LINUX_FIND_H
#define EG_LINUX_FIND_H

#include "../../../core/parallel.h"
#include "../../../core/registry.h"
#include "../../../profiles/btf.h"
#include "../../../profiles/kallsyms.h"
#include "../../../profiles/vmcoreinfo.h"
#include "../state.h"

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

struct linux_finder;
struct linux_candidate {
    const struct linux_arch *arch;
    const struct linux_given *given; /**< NULL: nothing */
    char trace[160];
    struct eg_vmcoreinfo text; /**< in the system's arena; text NULL: none */
    bool has_delta, has_root;
    uint64_t delta;                     /**< va - pa of the kernel image */
    struct eg_paging paging;            /**< valid if has_root */
    uint64_t init_task;                 /**< virtual, where the trace was it; 0 */
    uint64_t start, end;                /**< the image, virtual, end exclusive; 0, 0: not known */
    uint64_t ro_from, ro_to;            /**< physical, inclusive: where its tables are looked for */
    uint64_t btf, btf_len;              /**< physical; 0: not found */
    struct eg_space *space;             /**< over paging; NULL until the root is known */
    struct eg_profile *symbols, *types; /**< owned; NULL: none */
    struct eg_profile *exports;         /**< the same; at physical addresses */
    struct eg_profile *derived;         /**< the same; of no table: see derived.c */
    struct eg_types ts;                 /**< of types, or of what the user gave */
    bool captures;     /**< it was started to save the memory of a kernel that crashed */
    char notes_id[48]; /**< build id in the image's notes; "" */
    struct eg_error no_symbols, no_types;
    bool symbols_are_physical; /**< they are told by their place, and the delta is not known */
    uint64_t shift;            /**< added to symbols' addresses */
};

/** What a processor's kernel looks like from outside. To add one: a record in find_arch.c. */
struct linux_arch {
    const char *name; /**< of its eg_arch */
    bool big_endian;
    uint64_t image_min, image_max; /**< a kernel image lies here, inclusive */
    bool image_alone;              /**< and nothing else does */
    struct {
        uint8_t levels, va_bits, granule; /**< as in eg_paging */
    } modes[12];                          /**< ways of translation to try; 0 levels end them */
    const char *const *roots;             /**< symbols of the kernel's top table */
    uint64_t user_half; /**< bit of a root that picks the half for user mode, isolated tables */
    uint64_t low_roots; /**< top tables are looked for below this physical address */
    /** Shift, root and levels from VMCOREINFO. False: not of this processor. */
    bool (*vmcoreinfo)(const struct eg_vmcoreinfo *t, struct linux_candidate *g);
    /** Where the linear map of all memory has @pa, by the kernel's own variables. */
    bool (*linear)(struct linux_finder *f, const struct linux_candidate *g, uint64_t pa,
                   uint64_t *va);
    /** The distinct addresses that code at @va uses, into @out. NULL: its code is not read. */
    size_t (*targets)(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max);
    bool moves; /**< its memory begins anywhere: raw bytes of it lack an address */
};
static inline bool linux_in_image(const struct linux_arch *a, uint64_t va)
{
    return va >= a->image_min && va <= a->image_max;
}
const struct linux_arch *linux_arch_nth(size_t i);
const struct linux_arch *linux_arch_of(const char *name);
/** The @i-th way of translation into @p; false: past the last. */
bool linux_mode(const struct linux_arch *arch, size_t i, struct eg_paging *p);

struct linux_finder {
    struct eg_system *sys;
    const struct eg_os *os;
    struct eg_view *v;
    struct eg_space *phys;
    struct linux_given *given;     /**< by the user; NULL: nothing */
    struct linux_folders *folders; /**< what is in the profile folders; NULL: not listed yet */
    const uint64_t *btf;           /**< where headers of a kernel's BTF are, while they are tried */
    size_t n_btf;
    unsigned tries;
    bool done;      /**< a candidate passed everything, and nobody asked for more */
    bool again;     /**< the memory was moved: what was found before lies elsewhere */
    uint64_t base;  /**< where it begins since then; 0: it was not */
    unsigned roots; /**< tables by which that was looked for */
};

/* ---- find.c ---- */

/** Make @g whole, check it, keep it as a candidate (or as one more trace of one that is the same).
 *  Takes over what it holds. */
void linux_try(struct linux_finder *f, struct linux_candidate *g);
void linux_candidate_fini(struct eg_view *v, struct linux_candidate *g);
/** All candidates so far: they are of addresses that are none any more. */
void linux_forget(struct linux_finder *f);

/* ---- windows.c: physical memory piece by piece, on all cores ---- */

struct linux_window {
    uint64_t from, last;
};
struct linux_windows {
    struct linux_finder *finder;
    EG_VEC(struct linux_window) list;
    struct eg_view **views; /**< two per worker: the bytes last while the other one reads */
    unsigned n_views;
    size_t next; /**< the first that has not been scanned */
};
/** All that the image holds of [@from, @last] and that is not zero by construction. */
bool linux_windows_init(struct linux_windows *w, struct linux_finder *f, uint64_t from,
                        uint64_t last);
void linux_windows_fini(struct linux_windows *w);
/** Called for contiguous bytes, from several threads in no order; reads through @v leave them
 * valid.
 */
typedef void (*linux_window_fn)(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p,
                                size_t len);
/** Scan the next gigabyte or so. @return false: nothing was left to scan. */
bool linux_windows_scan(struct linux_windows *w, const char *what, linux_window_fn fn,
                        void *context);

/** Each place in @p that begins like a BTF header does: magic, version 1, no flags. */
typedef void (*linux_place_fn)(void *context, struct eg_view *v, uint64_t pa);
void linux_each_btf(struct eg_view *v, bool big, uint64_t pa, const uint8_t *p, size_t len,
                    linux_place_fn fn, void *context);

/* ---- find_traces.c ---- */

/** A copy that lives as long as the system. */
struct eg_vmcoreinfo linux_keep_text(struct linux_finder *f, struct eg_vmcoreinfo t);
void linux_trace_container(
    struct linux_finder *f); /**< VMCOREINFO and CPUs of the format's notes */
void linux_trace_low_roots(struct linux_finder *f); /**< the boot trampoline's page tables */
void linux_trace_pages(struct linux_finder *f);     /**< VMCOREINFO pages in memory */
void linux_trace_swapper(struct linux_finder *f);   /**< init_task, by types that the user gave */
void linux_trace_tables(struct linux_finder *f);    /**< kallsyms and BTF by their shape */

/* ---- find_base.c ---- */

/** Raw memory may begin at any physical address: find the one at which @g's page tables, of which
 *  root and shift are known (@g is of the true addresses), hold together, and move the image there.
 *  @return false: they do nowhere. */
bool linux_move_to(struct linux_finder *f, const struct linux_candidate *g);
/** The same of a kernel of which only symbols and places in the file are known. */
bool linux_move_by_symbols(struct linux_finder *f, const struct linux_candidate *g);

/* ---- find_load.c ---- */

/** Where @paging maps a kernel image: its start, end, shift and read-only part into @g. */
bool linux_image_of(struct linux_finder *f, const struct eg_paging *paging,
                    struct linux_candidate *g);
/** Symbols and types of the image at @g: both at once, on two threads. */
void linux_load(struct linux_finder *f, struct linux_candidate *g);
/** g->ts anew: what the user gave wins over what the image holds. */
void linux_use_types(struct linux_candidate *g);

/* ---- find_locate.c ---- */

/** Where a symbol is in physical memory, which may be known before any shift is. */
bool linux_sym_pa(const struct linux_candidate *g, const char *name, uint64_t *pa);
/** The shift and the root, if they are not known yet, from what has been loaded. */
void linux_locate(struct linux_finder *f, struct linux_candidate *g);
/** The bytes of [@pa, @pa + @len): borrowed from the image where it holds them in one piece, else a
 *  copy in *@owned for the caller to free. NULL: unreadable. */
const uint8_t *linux_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t len,
                           void **owned);

/* ---- ksymtab.c ---- */

/** The exported symbols of a kernel whose read-only data lies in physical [@from, @last], at
 * physical addresses. The caller frees; NULL: no table. */
struct eg_profile *linux_exports(struct eg_view *v, struct eg_space *phys, uint64_t from,
                                 uint64_t last, const struct eg_model *m);

/* ---- derived.c, adrp.c ---- */

/** Variables that no table names, found by what leads to them. @g has its space. The caller frees;
 * NULL: none. */
struct eg_profile *linux_derive(struct linux_finder *f, const struct linux_candidate *g);
size_t linux_arm64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max);

/* ---- given.c ---- */

/** The system owns @p now. @return false: out of memory, and it is freed. */
bool linux_own(struct eg_system *sys, struct eg_profile *p);

/** What --profile, --vmlinux and --system-map name. @return 0 with NULL when they name nothing. */
int linux_given_read(struct eg_system *sys, struct linux_given **out, struct eg_error *e);
/** The same of one file. */
int linux_given_file(struct eg_system *sys, const char *path, struct linux_given **out,
                     struct eg_error *e);
/** What to add to @p's symbols for this candidate: link-time addresses were moved by KASLR. */
bool linux_given_shift(const struct linux_candidate *g, const struct eg_profile *p,
                       uint64_t *shift);
/** Note where the members that matter most lie elsewhere in @a than in @b: another kernel's
 * profile. */
void linux_compare_types(struct eg_system *sys, const struct eg_types *a, const struct eg_types *b);

/* ---- folders.c ---- */

/** What the profile folders have for this kernel: an .egp of its build; where it lacks types of its
 * own, an ELF file of its build or an ISF of its banner; where it lacks symbols, a System.map of
 * its release. NULL: nothing. */
const struct linux_given *linux_given_find(struct linux_finder *f, const struct linux_candidate *g);
void linux_folders_free(struct linux_finder *f);

/* ---- checks.c ---- */
void linux_check(struct linux_finder *f, struct linux_candidate *g, struct eg_candidate *c);
/** Walk a circular list_head at @head in @as: forwards, each prev where it came from; where that
 *  breaks, from the other end too. @return nodes, or -1 - nodes when it did not close. @each may be
 *  NULL. */
typedef void (*linux_node_fn)(void *context, uint64_t node);
int64_t linux_list(struct eg_view *v, struct eg_space *as, const struct eg_model *m, uint64_t head,
                   uint32_t max, linux_node_fn each, void *context);
bool linux_ptr(struct eg_view *v, struct eg_space *as, const struct eg_model *m, uint64_t at,
               uint64_t *out);
bool linux_notes_build_id(struct eg_view *v, const struct linux_candidate *g, char *hex,
                          size_t size);
bool linux_sym(const struct linux_candidate *g, const char *name, uint64_t *va);
/** Where a member is in its type. */
bool linux_member(const struct eg_types *ts, const char *type, const char *path, uint64_t *off,
                  uint64_t *size);

#endif
