/** bpf/jit_arm64.h - machine code that was made of a BPF program for AArch64. */
#ifndef EG_LINUX_BPF_JIT_ARM64_H
#define EG_LINUX_BPF_JIT_ARM64_H

#include "../../../core/engram.h"

/** Is a frame made within the first instructions of @n bytes? */
EG_API bool linux_bpf_arm64_begins(const uint8_t *p, uint32_t n);
/** The next call or jump of code at @at that leads to a known place: start with *@i 0. Calls
 * through a register are known where constants were put into it right before. @return false: there
 * is none. */
EG_API bool linux_bpf_arm64_call(const uint8_t *p, uint32_t n, uint64_t at, uint32_t *i,
                                 uint64_t *target);

#endif
