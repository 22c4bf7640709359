/** kernel/vmlinux_frames.h - writing .debug_frame (DWARF 5, section 6.4) row by row. */
#ifndef EG_LINUX_VMLINUX_FRAMES_H
#define EG_LINUX_VMLINUX_FRAMES_H

#include "vmlinux_parts.h"

struct linux_rules {
    struct eg_dwarf_section *out;
    int factor;    /**< of offsets */
    unsigned code; /**< of addresses; 0: 1 */
    size_t start;  /**< of the entry that is being written */
    uint64_t from; /**< of the FDE */
    uint64_t at;   /**< where the row begins */
};
/** Begin a CIE. @signal: callers were interrupted. @link: the register with the return address.
 * @return where it is. The rules that functions begin with follow, then linux_rules_end(). */
size_t linux_rules_cie(struct linux_rules *c, bool is_signal, unsigned link);
void linux_rules_end(struct linux_rules *c);
void linux_rules_fde(struct linux_rules *c, size_t cie, uint64_t from);
/** @return false: it is of no code, and is not there. */
bool linux_rules_fde_end(struct linux_rules *c, uint64_t to);
void linux_rules_advance(struct linux_rules *c, uint64_t to); /**< the rules from @to on follow */

/** The CFA is @reg + @offset; the word that is there + @more. */
void linux_rules_cfa(struct linux_rules *c, unsigned reg, int64_t offset);
void linux_rules_cfa_deref(struct linux_rules *c, unsigned reg, int64_t offset, int64_t more);
/** The caller's @reg is at the CFA + @offset; at @base + @offset. */
void linux_rules_saved(struct linux_rules *c, unsigned reg, int64_t offset);
void linux_rules_saved_at(struct linux_rules *c, unsigned reg, unsigned base, int64_t offset);
/** The same of a word of which the bits @mask are set then. */
void linux_rules_saved_or(struct linux_rules *c, unsigned reg, int64_t offset, uint64_t mask);
void linux_rules_is_cfa(struct linux_rules *c, unsigned reg);
void linux_rules_same(struct linux_rules *c, unsigned reg);
void linux_rules_undefined(struct linux_rules *c, unsigned reg);

struct linux_orc;
/** The rules that a function begins with: as behind a call. */
extern const struct linux_orc linux_rules_called;
/** From the rules of the entry @was to those of @o. An entry without a type: there are none yet. */
void linux_rules_orc(struct linux_rules *c, const struct linux_orc *was, const struct linux_orc *o);

/** Of frame records, which the code that makes them tells. */
void linux_vmlinux_frames_arm64(struct linux_vmlinux *x);

#endif
