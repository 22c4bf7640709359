/** kernel/orc.h - one step of unwinding by ORC, the unwind data that objtool writes into x86-64
 * kernels and modules: for each range of code one entry, which says how to find the caller's stack
 * pointer, frame pointer and address (arch/x86/include/asm/orc_types.h, kernel/unwind_orc.c).
 *
 *  Everything here works on values and on a function that reads the stack, so that it can be fuzzed
 * without a kernel. */
#ifndef EG_LINUX_ORC_H
#define EG_LINUX_ORC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What an entry counts from. The kernel's own numbers of these changed in 7.1. */
enum linux_orc_reg {
    LINUX_ORC_UNDEFINED = 0,
    LINUX_ORC_PREV_SP, /**< of the frame pointer: the caller's stack pointer */
    LINUX_ORC_AX,
    LINUX_ORC_DX,
    LINUX_ORC_DI,
    LINUX_ORC_BP,
    LINUX_ORC_SP,
    LINUX_ORC_R10,
    LINUX_ORC_R13,
    LINUX_ORC_BP_INDIRECT,
    LINUX_ORC_SP_INDIRECT,
    LINUX_ORC_REGS, /**< how many */
};
enum linux_orc_type {
    LINUX_ORC_NONE = 0, /**< code of which objtool knew nothing */
    LINUX_ORC_END,      /**< nothing called this code */
    LINUX_ORC_CALL,
    LINUX_ORC_FULL_REGS, /**< there is a pt_regs */
    LINUX_ORC_IRET_REGS, /**< there is what the processor pushes: ip, cs, flags, sp, ss */
};
enum { LINUX_ORC_SIZE = 6 }; /**< bytes of an entry */

/** Which of the layouts a kernel has: told from its own type and its own entries. */
struct linux_orc_format {
    bool has_end;    /**< until 6.3: a bit `end`, and types that begin with CALL */
    bool has_signal; /**< since 6.3: a bit `signal`; before, frames of registers are signals */
    bool renumbered; /**< since 7.1: other numbers of registers */
};
struct linux_orc {
    int16_t sp_offset, bp_offset;
    uint8_t sp_reg, bp_reg; /**< enum linux_orc_reg */
    uint8_t type;           /**< enum linux_orc_type */
    bool signal;            /**< the caller was interrupted, and did not call */
};
/** @return false: no such entry can be. */
bool linux_orc_decode(const struct linux_orc_format *f, const uint8_t *entry,
                      struct linux_orc *out);
/** Is the numbering the one since 7.1? Told by which number entries count the stack pointer from
 * most often: it is SP in one of the two and hardly ever used in the other. @entries: @n of them,
 * @stride bytes apart. */
bool linux_orc_renumbered(const uint8_t *entries, size_t n);

/** The state of a processor between two frames. */
struct linux_orc_state {
    uint64_t ip, sp, bp;
    uint64_t regs[16];  /**< ax bx cx dx si di sp bp r8..r15: the order of eg_arch.registers */
    uint32_t known;     /**< bit i: regs[i] is that of this frame */
    bool exact;         /**< ip was interrupted: it is no return address */
    uint64_t at;        /**< where ip was read on the stack; 0: nowhere */
    uint64_t from_regs; /**< address of the pt_regs or the iret frame; 0: of neither */
};
enum linux_orc_result {
    LINUX_ORC_STEPPED,
    LINUX_ORC_TO_USER, /**< the kernel was entered from a program: there are no more frames */
    LINUX_ORC_LAST,    /**< nothing called this code */
    LINUX_ORC_NO_DATA,
    LINUX_ORC_BAD_STACK, /**< a place that it names is on no stack, or cannot be read */
    LINUX_ORC_NO_REG,    /**< a register that it counts from is not known in this frame */
};
/** Read 8 bytes of a stack. @return false: @addr is on no stack that belongs here. */
typedef bool linux_orc_read(void *context, uint64_t addr, uint64_t *out);
/** To the caller. @s is changed only if the result is STEPPED or TO_USER. */
enum linux_orc_result linux_orc_step(const struct linux_orc *o, struct linux_orc_state *s,
                                     linux_orc_read *read, void *context);

#endif
