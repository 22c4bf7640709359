/** system.h - an operating system found in an image: architecture, kernel space, types, symbols.
 *
 *  An image can hold several kernels (a crash kernel, an earlier boot). Each is a candidate with a
 * score from checks. eg_system_open takes the best one, or the one that the user chose. The system
 * is read-only afterwards, so that runs on several threads can share it. */
#ifndef EG_SYSTEM_H
#define EG_SYSTEM_H

#include "arch.h"
#include "image.h"
#include "profile.h"
#include <pthread.h>

/** A check that a real kernel passes. */
struct eg_check {
    char name[40];
    int8_t points; /**< score when passed; 0 or less: failed */
    bool passed;
    bool skipped; /**< it could not be made: the detail says why; then it is not passed either */
    char detail[160]; /**< what was read, or why it failed */
};
enum { EG_CHECKS_MAX = 16 };

/** A place where a kernel may be, with its evidence and checks. */
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
    bool opens; /**< passed all checks that are needed to use it; only such a candidate is chosen */
    struct eg_check checks[EG_CHECKS_MAX];
    size_t n_checks;
    uint64_t clock; /**< its wall clock, seconds since 1970; 0: not read */
    unsigned order; /**< the order in which it was found */
    void *priv;     /**< private to the OS layer, in the image's arena or owned by the finder */
};

/** What the user specified instead of the defaults. 0 and NULL: not specified. */
struct eg_find_options {
    const char *profile;    /**< .egp or ISF: --profile */
    const char *vmlinux;    /**< --vmlinux */
    const char *system_map; /**< --system-map */
    const char *const *profile_dirs;
    size_t n_profile_dirs;
    const char *const *swap_files; /**< --swap, each [PATH=]FILE */
    size_t n_swap_files;
    uint64_t dtb, kaslr;
    bool has_dtb, has_kaslr;
    unsigned kernel; /**< --kernel N, 1-based; 0: the best */
    bool exhaustive; /**< find all candidates, even when the first passes every check (`engram
                          IMAGE`) */
    unsigned threads;
    bool quiet;
};

enum { EG_RANGES_MAX = 8 };

/** Symbols from one source. The first in the list that has a name wins. */
struct eg_symbols {
    const struct eg_profile *profile; /**< only its symbols are used */
    uint64_t shift;                   /**< added to each address */
    const char *what;                 /**< "kallsyms", "module ext4" (then [ext4] is printed) */
    const char *module;
    struct eg_range {
        uint64_t first, last; /**< both inclusive */
    } ranges[EG_RANGES_MAX];  /**< an address is named only by a symbol in the same range */
    unsigned n_ranges;
    uint32_t lost; /**< at least so many of its symbols could not be read */
};

struct eg_system {
    struct eg_image *image;
    const struct eg_arch *arch;
    struct eg_candidate *chosen;
    EG_VEC(struct eg_candidate) candidates; /**< best first */
    unsigned n_candidates;                  /**< that were ever added; the next one's order */
    struct eg_space *kernel;
    struct eg_binding bind;
    struct eg_types types;
    EG_VEC(struct eg_symbols) symbols;        /**< fixed once open */
    EG_VEC(struct eg_symbols) module_symbols; /**< made once, see eg_os.module_symbols */
    bool has_module_symbols;                  /**< accessed atomically */
    bool no_room_for_symbols;                 /**< out of memory: module_symbols is incomplete */
    EG_VEC(struct eg_profile *) profiles;     /**< owned */
    EG_VEC(char *) notes;
    const struct eg_os *os;   /**< NULL: none found */
    void *os_priv;            /**< private to the OS layer */
    struct eg_cached *cached; /**< the last made first; guarded by @lock */
    struct eg_arena arena;
    struct eg_view *view; /**< for reads while opening; runs have their own */
    pthread_mutex_t lock; /**< guards what the OS layer adds later */
    struct eg_find_options options;
};

struct eg_memory_ops;
struct eg_process;
struct eg_run;

/** What is made once, on first use (cache.h). */
struct eg_cached {
    struct eg_cached *next;
    void (*free)(struct eg_cached *c);
};

/** An operating system that can be recognised: one declaration in one file. */
struct eg_os {
    const char *name; /**< "linux" */
    /** Add candidates with their checks. @sys has image and view. */
    int (*find)(struct eg_system *sys, struct eg_error *e);
    /** Set sys->kernel, types, symbols and os_priv for sys->chosen. */
    int (*open)(struct eg_system *sys, struct eg_error *e);
    /** Free os_priv and what candidates own. Also called when no system was opened. */
    void (*close)(struct eg_system *sys);
    /** Add the types of a module as a layer. Called when the system opens, for modules named by
     * handles (EG_FIELDS_OF). With @module NULL (all modules) it can also be called later, while no
     * run is active. @return -EG_ENOTFOUND: the image does not have them. */
    int (*module_types)(struct eg_system *sys, const char *module, struct eg_error *e);
    /** Fill sys->module_symbols. Called once, with the lock held, at the first look-up that the
     * kernel's symbols do not answer. */
    void (*module_symbols)(struct eg_system *sys);
    const struct eg_memory_ops *memory; /**< its part in searches (search.h); NULL: none */
    /** Its processes by pid (process.h), kept by the system. NULL: the run failed or was stopped;
     * the function NULL: it has none. */
    const struct eg_process *(*processes)(struct eg_run *r, size_t *n);
    /** What of such a process's structures contradicts itself, in the run's memory; NULL: nothing
     * that is looked at. The function NULL: it looks at nothing. */
    const char *(*process_health)(struct eg_run *r, const struct eg_process *p);
    /** Why a plugin may have found nothing of the process or thread @id, which @option, "pid" or
     * "tid", names: in the run's memory; NULL: nothing is known of it, or nothing explains it. The
     * function NULL: it knows none. */
    const char *(*why_nothing)(struct eg_run *r, const char *option, int64_t id);
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

/** @return 0 with *@out even when no system was found: then os is NULL, the notes say what failed,
 * and spaces can be used. The system borrows the image, which must stay open. */
int eg_system_open(struct eg_system **out, struct eg_image *img, const struct eg_find_options *o,
                   struct eg_error *e);
void eg_system_close(struct eg_system *sys);
void eg_system_note(struct eg_system *sys, const char *format, ...) EG_PRINTF(2, 3);

struct eg_candidate *eg_candidate_new(struct eg_system *sys, const struct eg_os *os);
/** Record a check. Its points are always added to max_score, and to the score if it passed. @return
 * @passed. */
bool eg_candidate_check(struct eg_candidate *c, const char *name, int points, bool passed,
                        const char *format, ...) EG_PRINTF(5, 6);
/** A check that cannot be made: it changes no score. */
void eg_candidate_skip(struct eg_candidate *c, const char *name, const char *format, ...)
    EG_PRINTF(3, 4);

/** Is @a better than @b? Compared in this order: it opens and the other does not; it fails fewer
 * checks; its clock is later (of two boots); it passes more; it was found first. */
bool eg_candidate_better(const struct eg_candidate *a, const struct eg_candidate *b);

/** Add a profile and take ownership of it: its types become the base, or the layer of a module; its
 * symbols are added to the end of the list. */
int eg_system_add_profile(struct eg_system *sys, struct eg_profile *p, uint64_t shift,
                          struct eg_error *e);
/** Add the types of the modules that handles name (EG_FIELDS_OF), then resolve every handle. Part
 * of opening: no run may be active. */
int eg_system_resolve(struct eg_system *sys, struct eg_error *e);

/** The size of a symbol's variable, in bytes. */
struct eg_symbol_extent {
    uint64_t size; /**< from its source; 0: not known */
    uint64_t room; /**< distance to the next symbol, which may be inside the variable; 0: not
                        known */
};
/** A symbol of the kernel itself, not of a module, by name, in the order of the sources. @extent
 * may be NULL. */
bool eg_system_own_symbol(const struct eg_system *sys, const char *name, uint64_t *addr,
                          struct eg_symbol_extent *extent);
enum { EG_VARIABLE_NOTE = 640 };
/** The type of the variable @name: the first that exists of @declared ("a|b"), or of NULL the type
 * in the profile. So that nothing is read from the variables behind it, an array is cut to the size
 * that the variable has by its type in the profile and by @extent; another type that is larger
 * gives an absent slot (EG_WRONG_TYPE). @note says so; else it is "". */
struct eg_slot eg_variable_slot(const struct eg_system *sys, const char *name, const char *declared,
                                const struct eg_symbol_extent *extent, char note[EG_VARIABLE_NOTE]);
/** The same of a symbol of the kernel itself, whose address becomes the slot's offset. For a
 * per-CPU variable the CPU's offset is not yet added. @return whether the slot is present. */
bool eg_system_variable(const struct eg_system *sys, const char *name, const char *declared,
                        struct eg_slot *out, char note[EG_VARIABLE_NOTE]);
/** A symbol's address by name, in the order of the sources, then of modules; and the symbol at an
 * address. */
bool eg_system_symbol(struct eg_system *sys, const char *name, uint64_t *addr);
bool eg_system_symbol_at(struct eg_system *sys, uint64_t addr, const char **name, uint64_t *off,
                         const char **module);

#endif
