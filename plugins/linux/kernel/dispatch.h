/** kernel/dispatch.h - which function the code of a switch calls for a number: the kernel's
 * x64_sys_call and its like (arch/x86/entry/syscall_64.c, since 6.9 and in stable releases).
 *
 *  The code is followed for one number after the other, instruction by instruction, with nothing
 * known but the number. So it does not matter how a compiler arranged the comparisons, nor which
 * of them were changed. x86-64 only. */
#ifndef EG_LINUX_DISPATCH_H
#define EG_LINUX_DISPATCH_H

#include "../../../core/engram.h"

struct linux_switch {
    uint64_t at;
    const uint8_t *code; /**< in the run's memory */
    size_t size;
};
/** The function @name(something, number). @return false: the kernel has none, or its code cannot be
 * read. */
EG_API bool linux_switch_open(struct eg_run *r, const char *name, struct linux_switch *out);

struct linux_case {
    uint64_t target; /**< what is called */
    uint64_t from;   /**< the instruction that calls it, or where the way was lost */
    const char *why; /**< that it is not known; NULL: it is */
};
EG_API struct linux_case linux_switch_case(struct eg_run *r, const struct linux_switch *s,
                                           uint32_t number);

#endif
