/** arch.h - what core knows of a processor: one record per architecture, found by EG_ARCH in a
 * linker section.
 *
 *  To add an architecture: one file NAME.c in this folder with an extent() and an EG_ARCH record; see
 * core/README.md. */
#ifndef EG_ARCH_H
#define EG_ARCH_H

#include "../space.h"

/** How one address space is translated. Filled by whoever found the kernel, or from the command
 * line. */
struct eg_paging {
    const struct eg_arch *arch;
    uint64_t root;      /**< physical address of the top table */
    uint64_t user_root; /**< two_roots: that of the lower half; 0: nothing is there */
    uint8_t levels;     /**< number of tables on the way to a 4K (or granule) page */
    uint8_t va_bits;    /**< 0: what levels imply */
    uint8_t granule;    /**< log2 of the smallest page; 0: the architecture's usual */
    uint64_t enc_mask;  /**< memory-encryption bits to clear from entries (sme_mask) */
};

struct eg_arch {
    const char *name;      /**< "x86_64", "aarch64" */
    struct eg_model model; /**< of the kernel */
    uint8_t page_shift;    /**< of the usual smallest page */
    uint16_t elf_machine;  /**< EM_…, 0: none */
    uint64_t kernel_min;   /**< no kernel address is below; 0: cannot be told */
    bool two_roots; /**< each half has its own top table: a process's root is only its user_root */
    const char *const *registers; /**< names, NULL-terminated, in the order of eg_cpu.regs */
    /** An address without tag and signature, which the processor keeps in bits above those that it
     * translates. NULL: there are none. */
    uint64_t (*plain)(const struct eg_paging *p, uint64_t va);
    /** A virtual space over @phys. Memory from @a (may be NULL: malloc, freed by eg_space_close).
     */
    int (*open)(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                const struct eg_paging *p, struct eg_error *e);
};
struct eg_arch_reg {
    const char *name, *file;
    const struct eg_arch *arch;
};
#define EG_ARCH(n)                                                                                 \
    static const struct eg_arch eg_arch_##n;                                                       \
    static const struct eg_arch_reg eg_areg_##n = { #n, __FILE__, &eg_arch_##n };                  \
    EG_ENTRY(eg_archs, eg_arch_reg, a_##n) = &eg_areg_##n;                                         \
    static const struct eg_arch eg_arch_##n

const struct eg_arch *eg_arch_find(const char *name);
const struct eg_arch *eg_arch_of_elf(uint16_t machine, bool big_endian);
const struct eg_arch *eg_arch_nth(size_t i); /**< sorted by name; NULL past the end */

int eg_paging_open(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                   const struct eg_paging *p, struct eg_error *e);

#endif
