/** cpu.h - the state of the analysed machine's processors, as far as a dump has it.
 *
 *  A dump format pushes what it knows to eg_image.cpus: above all the roots of page tables, by
 * which the kernel is found sooner. */
#ifndef EG_CPU_H
#define EG_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eg_arch;
/** A processor by its name ("x86_64", "aarch64", "riscv64"). @return NULL: not known. */
const struct eg_arch *eg_arch_find(const char *name);

/** x86: what the kernel told the processor: its descriptor tables, the task state segment, and
 * registers that say where it is entered. Few formats have all of them. */
enum eg_x86_state {
    EG_X86_IDT,
    EG_X86_IDT_LIMIT,
    EG_X86_GDT,
    EG_X86_GDT_LIMIT,
    EG_X86_TSS,
    EG_X86_SYSENTER, /**< SYSENTER_EIP */
    EG_X86_EFER,
    EG_X86_STAR,
    EG_X86_LSTAR,
    EG_X86_CSTAR,
    EG_X86_FMASK,
    EG_X86_STATES
};

/** The state of a CPU at the moment of the dump, as far as the file has it. */
struct eg_cpu {
    const struct eg_arch *arch;
    uint64_t root;     /**< physical address of the top table; 0: not known */
    uint64_t control;  /**< x86: CR4 */
    uint64_t gs_base;  /**< where the kernel's variables of this CPU are: x86's GS base, AArch64's
                          TPIDR_EL1 or _EL2; 0: not known */
    uint32_t pid;      /**< PRSTATUS: the task on it; 0: not known */
    uint64_t regs[40]; /**< in the order of the architecture's names */
    uint8_t n_regs;
    uint64_t vectors; /**< AArch64: VBAR_EL1; 0: not known */
    uint64_t x86[EG_X86_STATES];
    uint16_t x86_known; /**< bit i: x86[i] was in the file */
};

/** The records that dump formats have for a CPU. */
enum eg_cpu_format {
    EG_CPU_PRSTATUS = 1,     /**< ELF note NT_PRSTATUS of a 64-bit or 32-bit kernel */
    EG_CPU_QEMU_NOTE,        /**< ELF note "QEMU" of dump-guest-memory */
    EG_CPU_QEMU_STREAM,      /**< section "cpu" of a migration stream */
    EG_CPU_SMRAM,            /**< x86: 1024 bytes that a CPU saves in system-management mode */
    EG_CPU_VIRTUALBOX_NOTE,  /**< ELF note "VBCPU" */
    EG_CPU_VIRTUALBOX_STATE, /**< CPU of a saved state's unit "cpum" */
    EG_CPU_VMWARE,           /**< tag "gpregs" of a saved state */
    EG_CPU_XEN,              /**< struct vcpu_guest_context */
};

/** Read the record at @p into @cpu, whose arch is set. @return false: it could not be read, and
 * @cpu is unchanged. */
bool eg_cpu_read(struct eg_cpu *cpu, enum eg_cpu_format format, bool big_endian, const uint8_t *p,
                 size_t len);

#endif
