/** user/fpu.h - the floating-point and vector registers of a thread, as the kernel saved them when
 * it last took the processor from it. */
#ifndef EG_LINUX_FPU_H
#define EG_LINUX_FPU_H

#include "../../../core/engram.h"

enum {
    LINUX_FXSAVE = 512,       /**< x86: bytes of the legacy area, which begins an xsave area */
    LINUX_XSAVE_MOST = 16384, /**< bytes of a whole one, AMX included */
    LINUX_ARM64_FPSIMD = 528, /**< AArch64: v0 to v31, fpsr, fpcr (struct user_fpsimd_state) */
};
/** x86: in the format of XSAVE without compaction, as ptrace and core dumps have it; what is in its
 * initial state is written so. @out has LINUX_XSAVE_MOST bytes. @return how many it wrote: as much
 * as FXSAVE has where the processor has no more; 0: they cannot be read, @why. */
EG_API size_t linux_fpu_x86(struct eg_run *r, struct eg_obj task, uint8_t *out, enum eg_why *why);
/** AArch64. @out has LINUX_ARM64_FPSIMD bytes. */
EG_API bool linux_fpu_arm64(struct eg_run *r, struct eg_obj task, uint8_t *out, enum eg_why *why);
/** x86: the registers of the x87 as a 32-bit program's core dump has them (struct
 * user_i387_ia32_struct, 108 bytes), from an FXSAVE area. */
EG_API void linux_fpu_i387(const uint8_t *fxsave, uint8_t *out);

#endif
