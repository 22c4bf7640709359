/** own/code.h - what bytes of code are: a jump that a hook puts at a function's beginning, a
 * breakpoint, the header of a program; and instructions as text. */
#ifndef EG_LINUX_CODE_H
#define EG_LINUX_CODE_H

#include "../../../core/arch.h"
#include "../../../core/engram.h"

struct linux_stub {
    const char *what; /**< "movabs, jmp"; NULL: no such jump */
    uint64_t target;  /**< where it leads; not @known: where the word is that says it, 0: nowhere */
    bool known;       /**< the target is in the bytes */
    bool far;         /**< one that compilers do not write: with the whole address in it */
};
/** A jump away, or a call, at the beginning of @bytes, which lie at @at. */
EG_API struct linux_stub linux_stub_at(const struct eg_arch *arch, const uint8_t *bytes, size_t len,
                                       uint64_t at);
/** "begins with a jump out of the kernel, to 0x…": of the kernel's function at @function, that its
 * first instruction leads to code that is neither the kernel's nor made by it. NULL: it does
 * not. */
EG_API const char *linux_leaves_kernel(struct eg_run *r, uint64_t function);
/** Bytes of the breakpoint instruction there; 0: none. */
EG_API size_t linux_breakpoint_at(const struct eg_arch *arch, const uint8_t *bytes, size_t len);
/** At most @most instructions, with "; " between them; NULL where this build or processor has none.
 * In the run's memory. @narrow: of a 32-bit program. */
EG_API const char *linux_code_text(struct eg_run *r, bool narrow, const uint8_t *bytes, size_t len,
                                   uint64_t at, unsigned most);

#endif
