/** arch.h - the description of a processor: one record for each, declared with EG_ARCH in a linker
 * section.
 *
 *  README.md in this folder says how to add one. What is specific to Linux on it is in
 * plugins/linux/find/. */
#ifndef EG_ARCH_H
#define EG_ARCH_H

#include "cpu.h"
#include "space.h"

/** How one address space is translated. Filled by the code that found the kernel, or from the
 * command line. */
struct eg_paging {
    const struct eg_arch *arch;
    uint64_t root;      /**< physical address of the top table */
    uint64_t user_root; /**< two_roots: that of the lower half; 0: the half is empty */
    uint8_t levels;     /**< number of table levels for a page of the smallest size */
    uint8_t va_bits;    /**< bits of a virtual address; 0: as implied by levels */
    uint8_t granule;    /**< log2 of the smallest page; 0: the usual one of the processor */
    uint64_t enc_mask;  /**< memory-encryption bits to clear from entries (sme_mask) */
};

/** The layout of a record that a dump format has for a CPU (enum eg_cpu_format): offsets in bytes;
 * 0: it does not have the value. */
struct eg_cpu_record {
    enum eg_cpu_format format;
    uint16_t len;         /**< bytes; a shorter record is not of this kind */
    uint16_t words;       /**< offset of the registers, words as wide as a pointer */
    const uint8_t *order; /**< register i is word order[i]; NULL: word i */
    uint8_t n;            /**< number of registers that it has, the first ones; 0: all */
    uint16_t root, control;
    uint16_t gs[2];   /**< the active GS base, and the one that swapgs exchanges it with */
    uint16_t enabled; /**< a word: without enabled_bits set in it the CPU does not translate
                           addresses yet */
    uint64_t enabled_bits;
    /** x86: where the state is, of EG_X86_STATES; NULL: it has none of it. */
    const struct eg_cpu_place {
        uint16_t at;
        uint8_t size; /**< 0: it does not have this */
    } * x86;
    /** Instead of all these, for records without a fixed layout. @return false: not a CPU. */
    bool (*read)(struct eg_cpu *cpu, const uint8_t *p, size_t len);
};

/** A machine type of QEMU, recognised by the name of its memory block, or else by the prefix of its
 * own name. */
struct eg_qemu_board {
    const char *ram, *machine;
    uint64_t base; /**< physical address of the memory */
    bool pc;       /**< memory is in two parts, below and above 4 GiB */
};

/** A page of a swap device: the device's number, and the page's on it. */
struct eg_swap_slot {
    uint32_t type;
    uint64_t offset;
};

struct eg_arch {
    const char *name;      /**< "x86_64", "aarch64" */
    struct eg_model model; /**< of the kernel */

    /* Page tables. A record without .open only serves to read files of the processor. */
    uint8_t page_shift;  /**< log2 of the usual smallest page */
    uint64_t kernel_min; /**< the lowest kernel address; 0: not known */
    bool two_roots; /**< each half has its own top table; that of a process is only its user_root */
    /** The address without its tag and signature, which are in the bits that the processor does not
     * translate. NULL: the processor has none. */
    uint64_t (*plain)(const struct eg_paging *p, uint64_t va);
    /** The place in swap that the entry of a swapped page names, if Linux's form number @form (from
     * 0; its forms differ between releases, the newest is first) is meant. @return false: there are
     * not so many forms. NULL: not known. */
    bool (*swap)(uint64_t entry, unsigned form, struct eg_swap_slot *out);
    /** Make a virtual space over @phys. Memory comes from @a (NULL: malloc, freed by
     * eg_space_close). */
    int (*open)(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                const struct eg_paging *p, struct eg_error *e);

    /* ELF files: EM_… and the types of absolute relocations; 0: none. */
    uint16_t elf_machine;
    uint16_t elf_abs64, elf_abs32;

    /* Dumps. */
    const char *uname;            /**< prefix of utsname.machine, ? is any letter; NULL: the name */
    const char *const *registers; /**< names, NULL-terminated, in the order of eg_cpu.regs */
    const struct eg_cpu_record *cpu_records; /**< ends with format 0; NULL: none */
    const struct eg_qemu_board *boards;      /**< ends with ram NULL; NULL: none */
    /** Virtual addresses that dump-guest-memory -p uses for the memory of processes although they
     * look like kernel addresses, inclusive; 0, 0: none. */
    uint64_t qemu_user_first, qemu_user_last;

    /* Code. */
    uint8_t code_unit; /**< instructions are aligned to this many bytes */
    struct {
        uint32_t arch, mode; /**< cs_arch and cs_mode of capstone.h */
    } capstone;
    /** Write to @out the distinct addresses that the code at @va computes. @return how many. NULL:
     * not supported. */
    size_t (*targets)(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max);
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

/** Is a page that is not present on a swap device, poisoned, or migrating? Decided by the type and
 * offset in Linux's entry (include/linux/swap.h).
 *
 *  The highest types are not swap devices. How many there are, and so where each begins, depends on
 * the configuration and release: device memory takes 0, 2 (< 5.14), 4 or 3 (>= 6.15), migration 2
 * (< 5.19) or 3, hwpoison 0 or 1, markers 1 (>= 5.19). So type 23 is the lowest special one in any
 * kernel, and if it is special, it is hwpoison; in 24..30 poison, migration and device entries
 * cannot be told apart without the configuration, and migration is by far the most common. 31 is a
 * marker if the offset is small (PTE_MARKER_POISONED is bit 1, since 6.6), else a device page. */
static inline uint8_t eg_swap_kind(unsigned type, uint64_t offset)
{
    if (type < 23)
        return EG_SWAPPED;
    return type == 23 || (type == 31 && offset < 8 && offset & 2) ? EG_POISONED : EG_MIGRATING;
}

const struct eg_arch *eg_arch_nth(size_t i); /**< sorted by name; NULL past the end */
const struct eg_arch *eg_arch_of_elf(uint16_t machine, bool big_endian);
const struct eg_arch *eg_arch_of_uname(const char *machine, size_t len);
/** The only processor that has records of this format; NULL: several or none have. */
const struct eg_arch *eg_arch_of_record(enum eg_cpu_format format);
/** The bytes that an absolute relocation of this type writes; 0: not a known absolute
 * relocation. */
unsigned eg_arch_relocation(uint16_t machine, uint32_t type);
/** Can a relocation of this type be ignored because it changes no type in debug data? These are: no
 * relocation, the place of a thread-local variable, and a length of code that RISC-V computes from
 * two symbols. */
bool eg_arch_relocation_spared(uint16_t machine, uint32_t type);

/** The addresses that some code uses, each once. */
struct eg_targets {
    uint64_t *at;
    size_t n, max;
};
static inline void eg_targets_add(struct eg_targets *t, uint64_t target)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i] == target)
            return;
    if (t->n < t->max)
        t->at[t->n++] = target;
}

/* aarch64_code.c, x86_64_code.c */
size_t eg_aarch64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max);
size_t eg_x86_64_targets(const uint8_t *code, size_t len, uint64_t va, uint64_t *out, size_t max);

int eg_paging_open(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                   const struct eg_paging *p, struct eg_error *e);

#endif
