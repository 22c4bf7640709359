/** user/cfi.h - call frame information (DWARF, .eh_frame): where each place in a program has the
 * registers of its caller. A pure function of a space's bytes, all of which may be hostile: what a
 * table says is checked, and work has a limit. */
#ifndef EG_LINUX_CFI_H
#define EG_LINUX_CFI_H

#include "../../../core/space.h"

/** DWARF's numbers of registers that are followed: x86-64 has 17 with the return address, i386 9,
 * AArch64 x0 to x30, sp, pc, and at 34 whether the return address is signed. */
enum { LINUX_CFI_REGISTERS = 35, LINUX_CFI_SIGN_STATE = 34 };

/** How to find a register of the caller. CFA: the canonical frame address, which is the caller's
 * stack pointer where it made the call. */
enum linux_cfi_how {
    LINUX_CFI_UNSPECIFIED = 0, /**< no rule: the same, where the ABI preserves it */
    LINUX_CFI_UNDEFINED,       /**< lost; of the return address: there is no caller */
    LINUX_CFI_SAME,
    LINUX_CFI_AT,            /**< in memory at CFA + value */
    LINUX_CFI_IS,            /**< CFA + value itself; of the CFA: register + value */
    LINUX_CFI_REGISTER,      /**< in another register */
    LINUX_CFI_AT_EXPRESSION, /**< in memory at what an expression computes */
    LINUX_CFI_IS_EXPRESSION, /**< what it computes */
};
struct linux_cfi_rule {
    uint8_t how; /**< enum linux_cfi_how */
    uint8_t reg;
    uint16_t len;   /**< bytes of an expression */
    uint64_t value; /**< an offset (signed), or where the expression is in the space */
};
struct linux_cfi_row {
    uint64_t first, end; /**< the code that this table entry is about: [first, end) */
    struct linux_cfi_rule cfa, of[LINUX_CFI_REGISTERS];
    uint8_t ra; /**< the register that has the return address */
    bool
        is_signal; /**< the kernel made this frame: its caller was interrupted and called nothing */
    bool is_signed; /**< AArch64: the return address bears a signature */
};

/** One entry of a table, as distances from the object's first byte. */
struct linux_cfi_place {
    uint64_t first, end; /**< the code that it is about */
    uint64_t at;
};
/** The tables of one program or library in memory. */
struct linux_cfi {
    struct eg_space *space;
    uint64_t header, header_len; /**< .eh_frame_hdr (PT_GNU_EH_FRAME), and how far it reaches; 0:
                                      it has none */
    const struct linux_cfi_place *index; /**< then this is searched, by @first; may be NULL */
    size_t n_index;
    uint64_t first, last; /**< the object's memory, inclusive: no table is outside */
    uint8_t word;         /**< bytes of an address: 4 or 8 */
    bool big_endian;
    bool is_aarch64;
    uint32_t walked; /**< entries that were read one by one where there is no table to search */
};

/** Of a program without a header (gcc links static ones so): look for .eh_frame in its memory from
 * @from to @to, by the shape of its entries, and write at most @max places to @out, sorted. What
 * cannot be read is passed over. @return how many there are; @out may be NULL if @max is 0. */
size_t linux_cfi_index(struct eg_view *v, const struct linux_cfi *t, uint64_t from, uint64_t to,
                       struct linux_cfi_place *out, size_t max);

/** The row for the code at @pc. @return NULL, or why there is none, in words. */
const char *linux_cfi_find(struct eg_view *v, struct linux_cfi *t, uint64_t pc,
                           struct linux_cfi_row *out);

/** Registers as far as they are known. */
struct linux_cfi_registers {
    uint64_t value[LINUX_CFI_REGISTERS];
    uint64_t known; /**< bit i: value[i] */
};
/** The value of a DWARF expression of @len bytes at @at: what is on top of its stack at the end.
 * @cfa: pushed first where the rule wants it; may be NULL. */
bool linux_cfi_evaluate(struct eg_view *v, const struct linux_cfi *t, uint64_t at, uint32_t len,
                        const struct linux_cfi_registers *regs, const uint64_t *cfa, uint64_t *out);
/** Apply @row to @in: the registers of the caller, in *@out those that are known. @return NULL, or
 * why not. *@cfa: the caller's stack pointer. */
const char *linux_cfi_apply(struct eg_view *v, const struct linux_cfi *t,
                            const struct linux_cfi_row *row, const struct linux_cfi_registers *in,
                            struct linux_cfi_registers *out, uint64_t *cfa);

/** Bytes one after the other, up to an end; what cannot be read gives zeros and @bad. */
struct linux_cfi_bytes {
    struct eg_view *v;
    struct eg_space *space;
    uint64_t at, end; /**< the first address behind */
    bool big_endian, bad;
};
uint64_t linux_cfi_fixed(struct linux_cfi_bytes *b, unsigned size);
uint64_t linux_cfi_uleb(struct linux_cfi_bytes *b);
int64_t linux_cfi_sleb(struct linux_cfi_bytes *b);

#endif
