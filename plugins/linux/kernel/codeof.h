/** kernel/codeof.h - whose code an address is: a hook that leads to code of nobody is planted. */
#ifndef EG_LINUX_CODEOF_H
#define EG_LINUX_CODEOF_H

#include "../../../core/engram.h"

enum linux_code_kind {
    LINUX_CODE_NOBODY,   /**< memory of no module that is listed, nor of the kernel */
    LINUX_CODE_KERNEL,   /**< from _stext to _etext */
    LINUX_CODE_STARTUP,  /**< start-up code of the kernel, whose memory is given back after boot */
    LINUX_CODE_MODULE,   /**< code of a module that is listed */
    LINUX_CODE_BPF,      /**< made for BPF: programs, trampolines, dispatchers */
    LINUX_CODE_FTRACE,   /**< a trampoline of ftrace */
    LINUX_CODE_KPROBES,  /**< instructions that kprobes moved */
    LINUX_CODE_DATA,     /**< the kernel's or a module's memory that is not code */
    LINUX_CODE_PROGRAMS, /**< an address of programs, or none of the processor's */
    LINUX_CODE_UNKNOWN,  /**< the lists of BPF, ftrace, kprobes have no symbol in this kernel, and
                              it may be theirs */
};

/** All code of a system by address: kept by it, made at the first use. */
struct linux_codes;
EG_API const struct linux_codes *linux_codes(struct eg_run *r); /**< NULL: out of memory */
/** Whose code is at @addr, without texts: for tables with thousands of pointers. @who may be NULL:
 * "kernel", a module's name, "bpf", "ftrace", "kprobes", or NULL; it lives as long as the
 * system. */
EG_API enum linux_code_kind linux_whose_code(const struct linux_codes *codes, uint64_t addr,
                                             const char **who);
/** The next range that is code or data of somebody, by address: for (size_t i = 0;
 * linux_next_code(codes, &i, &range);) */
struct linux_code_range {
    uint64_t first, last; /**< both inclusive */
    enum linux_code_kind kind;
    const char *who, *name; /**< @name: of a BPF program; NULL: none */
    const char *taint;      /**< of a module's: what is odd about it; NULL: nothing */
};
EG_API bool linux_next_code(const struct linux_codes *codes, size_t *i,
                            const struct linux_code_range **out);

struct linux_codeof {
    enum linux_code_kind kind;
    /** "kernel", the name of a module that is listed, "bpf", "ftrace", "kprobes"; NULL: nobody's.
     */
    const char *module;
    const char *symbol; /**< "nft_do_chain_inet+0x10"; NULL: nothing has a name there */
    bool begins;        /**< it is the beginning of a function, or nothing has a name there */
    const char *hint;   /**< what is odd about a function that begins there; NULL: nothing */
};
/** @out's texts live as long as the run. */
EG_API void linux_codeof(struct eg_run *r, uint64_t addr, struct linux_codeof *out);

/** What is odd about a pointer to @code that lies at @at: as @code->hint; and constants of the
 * kernel's image never lead into a module, nor those of a module into one that it does not use.
 * NULL: nothing. */
EG_API const char *linux_pointer_hint(struct eg_run *r, uint64_t at,
                                      const struct linux_codeof *code);

#endif
