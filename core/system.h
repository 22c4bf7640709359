/** system.h - an operating system found in an image: architecture, kernel space, types, symbols.
 *
 *  An image holds one or several (a crash kernel, an earlier boot): candidates, each scored by
 * checks. eg_system_open takes the best, or the one that the user names. All is read-only
 * afterwards, so that runs on several threads share it. */
#ifndef EG_SYSTEM_H
#define EG_SYSTEM_H

#include "image.h"
#include "profile.h"
#include <pthread.h>

/** One thing a true kernel passes. */
struct eg_check {
    char name[40];
    int8_t points; /**< given when passed; 0 and less: failed */
    bool passed;
    char detail[160]; /**< what was read, or what went wrong */
};
enum { EG_CHECKS_MAX = 16 };

/** A guess at where a kernel is, and what speaks for it. */
struct eg_candidate {
    const struct eg_os *os;
    struct eg_paging paging;
    uint64_t kernel_pa_delta; /**< physical = virtual - this, for addresses of the kernel image, mod
                                 2^64 */
    uint64_t kaslr;           /**< run-time minus link-time address, mod 2^64; valid if has_kaslr */
    bool has_kaslr;
    char trace[320];  /**< "VMCOREINFO page at 0x11e2000", "BTF at 0x… and its struct btf" */
    char release[80]; /**< "6.1.0-56-cloud-amd64"; "" */
    char build_id[48];
    int score, max_score;
    bool opens; /**< all that it takes to work with it has passed; only such a one is chosen */
    struct eg_check checks[EG_CHECKS_MAX];
    size_t n_checks;
    uint64_t clock; /**< its wall clock, seconds since 1970; 0: not read */
    unsigned order; /**< in which it was found */
    void *priv;     /**< the OS's own, in the image's arena or the finder's */
};

/** What the user said instead of leaving it to us. Zeros: not said. */
struct eg_find_options {
    const char *profile;    /**< .egp or ISF: --profile */
    const char *vmlinux;    /**< --vmlinux */
    const char *system_map; /**< --system-map */
    const char *const *profile_dirs;
    size_t n_profile_dirs;
    uint64_t dtb, kaslr;
    bool has_dtb, has_kaslr;
    unsigned kernel; /**< --kernel N, 1-based; 0: the best */
    bool exhaustive; /**< look for all candidates, also when the first passes every check (`engram
                        IMAGE`) */
    unsigned threads;
    bool quiet;
};

enum { EG_RANGES_MAX = 8 };

/** Symbols from one source; the first in the list that knows a name wins. */
struct eg_symbols {
    const struct eg_profile *profile; /**< only its symbols are used */
    uint64_t shift;                   /**< added to each address */
    const char *what;                 /**< "kallsyms", "module ext4" (then [ext4] is printed) */
    const char *module;
    struct eg_range {
        uint64_t first, last; /**< both inclusive */
    } ranges[EG_RANGES_MAX];  /**< it names an address only by a symbol in the same one */
    unsigned n_ranges;
    uint32_t lost; /**< symbols that it lacks, at least: they could not be read */
};

struct eg_system {
    struct eg_image *image;
    const struct eg_arch *arch;
    struct eg_candidate *chosen;
    EG_VEC(struct eg_candidate) candidates; /**< best first */
    unsigned n_candidates;                  /**< that were ever made: their order */
    struct eg_space *kernel;
    struct eg_binding bind;
    struct eg_types types;
    EG_VEC(struct eg_symbols) symbols;        /**< fixed once open */
    EG_VEC(struct eg_symbols) module_symbols; /**< made once, see eg_os.module_symbols */
    bool has_module_symbols;                  /**< read and written atomically */
    bool no_room_for_symbols;                 /**< memory ran out: module_symbols lacks some */
    EG_VEC(struct eg_profile *) profiles;     /**< owned */
    EG_VEC(char *) notes;
    const struct eg_os *os;   /**< NULL: none found */
    void *os_priv;            /**< the OS layer's state */
    struct eg_cached *cached; /**< the last made first; guarded by @lock */
    struct eg_arena arena;
    struct eg_view *view; /**< for opening; not for runs */
    pthread_mutex_t lock; /**< guards what the OS adds lazily */
    struct eg_find_options options;
};

struct eg_memory_ops;

/** What is made once, on first use (cache.h). */
struct eg_cached {
    struct eg_cached *next;
    void (*free)(struct eg_cached *c);
};

/** An operating system we can recognise: one declaration, one file. */
struct eg_os {
    const char *name; /**< "linux" */
    /** Push candidates with their checks done. @sys has image and view. */
    int (*find)(struct eg_system *sys, struct eg_error *e);
    /** Make sys->kernel, types, symbols and os_priv of sys->chosen. */
    int (*open)(struct eg_system *sys, struct eg_error *e);
    /** Give back os_priv and what the candidates hold. Also called when nothing was opened. */
    void (*close)(struct eg_system *sys);
    /** Add the types of a module, which handles of EG_FIELDS_OF name, as a layer. Called when the
     * system opens; @module NULL (of every module): also later, while nothing runs.
     * @return -EG_ENOTFOUND: the image does not have them. */
    int (*module_types)(struct eg_system *sys, const char *module, struct eg_error *e);
    /** Symbols of modules: fills sys->module_symbols. Called once, on the first look-up that the
     * kernel's own do not answer; locked. */
    void (*module_symbols)(struct eg_system *sys);
    const struct eg_memory_ops *memory; /**< what it adds to searches (search.h); NULL: nothing */
};
struct eg_os_reg {
    const char *name, *file;
    const struct eg_os *os;
};
#define EG_OS(n)                                                                                   \
    static const struct eg_os eg_os_##n;                                                           \
    static const struct eg_os_reg eg_oreg_##n = { #n, __FILE__, &eg_os_##n };                      \
    EG_ENTRY(eg_oses, eg_os_reg, os_##n) = &eg_oreg_##n;                                           \
    static const struct eg_os eg_os_##n

/** @return 0 with *@out even when no system was found (os is NULL, the notes say what failed):
 * spaces still work. The system borrows the image, which must stay open. */
int eg_system_open(struct eg_system **out, struct eg_image *img, const struct eg_find_options *o,
                   struct eg_error *e);
void eg_system_close(struct eg_system *sys);
void eg_system_note(struct eg_system *sys, const char *format, ...) EG_PRINTF(2, 3);

struct eg_candidate *eg_candidate_new(struct eg_system *sys, const struct eg_os *os);
/** Record a check; @return @passed. Its points count only when it passed; max_score always. */
bool eg_candidate_check(struct eg_candidate *c, const char *name, int points, bool passed,
                        const char *format, ...) EG_PRINTF(5, 6);

/** Is @a the better guess? It opens and the other does not; it fails less; its clock is later (of
 * two boots); it passes more; it was found first. */
bool eg_candidate_better(const struct eg_candidate *a, const struct eg_candidate *b);

/** Take a profile over: its types become the base, or a module's layer; its symbols join at the end
 * of the list. */
int eg_system_add_profile(struct eg_system *sys, struct eg_profile *p, uint64_t shift,
                          struct eg_error *e);
/** Add the types of the modules that handles name (EG_FIELDS_OF), then resolve every handle against
 * the types and symbols. Part of opening: while nothing runs. */
int eg_system_resolve(struct eg_system *sys, struct eg_error *e);

/** How many bytes a symbol's variable has. */
struct eg_symbol_extent {
    uint64_t size; /**< as its source says; 0: not known */
    uint64_t room; /**< up to the next symbol, which may stand inside of it; 0: not known */
};
/** A symbol of the kernel's own, by name, in the order of the sources. @extent may be NULL. */
bool eg_system_own_symbol(const struct eg_system *sys, const char *name, uint64_t *addr,
                          struct eg_symbol_extent *extent);
/** A variable of the kernel's: its address as the slot's offset, and its type. Of a per-CPU variable
 * it is the address before a CPU's offset is added. @return false: no such symbol, or no source has
 * its type. */
bool eg_system_variable(const struct eg_system *sys, const char *name, struct eg_slot *out);
/** By name, in the order of the sources, then of modules; and back. */
bool eg_system_symbol(struct eg_system *sys, const char *name, uint64_t *addr);
bool eg_system_symbol_at(struct eg_system *sys, uint64_t addr, const char **name, uint64_t *off,
                         const char **module);

#endif
