/** kernel/step.h - how long an instruction is, and where the processor goes on behind it: for code
 * of a whole kernel, of which no text is wanted. core/disasm.h writes instructions as text. */
#ifndef EG_LINUX_STEP_H
#define EG_LINUX_STEP_H

#include "../../../core/disasm.h"

struct linux_step {
    uint8_t size;
    uint8_t flow;    /**< enum eg_flow */
    uint8_t width;   /**< direct: bytes of the displacement, which are the last; 0 of AArch64 */
    bool direct;     /**< a call, jump or branch whose target is in the instruction */
    uint64_t target; /**< that target; 0: not direct */
};
/** Can linux_step_at() do it for this processor: x86-64 and AArch64? */
EG_API bool linux_steps(const struct eg_arch *arch);
/** The instruction at @bytes, of which @len can be read, at @at. @return false: none, or cut
 * off. */
EG_API bool linux_step_at(const struct eg_arch *arch, const uint8_t *bytes, size_t len, uint64_t at,
                          struct linux_step *out);

#endif
