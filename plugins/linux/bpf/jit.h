/** bpf/jit.h - machine code that was made of a BPF program: is it what its instructions give? */
#ifndef EG_LINUX_BPF_JIT_H
#define EG_LINUX_BPF_JIT_H

#include "code.h"

enum { LINUX_BPF_JIT_MAX = 1 << 20 }; /**< bytes of machine code that are looked at */

struct linux_bpf_jit;
/** Made once for a run. *@why: why machine code is not looked into; NULL: it is. */
struct linux_bpf_jit *linux_bpf_jit(struct eg_run *r, const char **why);
/** What is odd about the machine code of a program and of its functions: its symbol is of another
 * place, it does not begin as the kernel's JIT begins it, it calls what its instructions do not.
 * NULL: nothing. */
const char *linux_bpf_jit_hint(struct linux_bpf_jit *j, const struct linux_bpf_code *code);

/** Machine code as text, instruction by instruction: start with *@at 0. @return false: the end. */
struct linux_bpf_jit_line {
    uint64_t addr;
    const uint8_t *bytes;
    size_t len;
    const char *text;
};
bool linux_bpf_jit_next(struct linux_bpf_jit *j, struct eg_obj prog, uint32_t *at,
                        struct linux_bpf_jit_line *out);

#endif
