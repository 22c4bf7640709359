/** bpf/code.h - the instructions of a BPF program as memory has them: as text, what they call, and
 * the hash of the program (include/uapi/linux/bpf.h, kernel/bpf/core.c). */
#ifndef EG_LINUX_BPF_CODE_H
#define EG_LINUX_BPF_CODE_H

#include "../../../core/engram.h"

/** struct bpf_insn, in this computer's byte order. */
struct linux_bpf_insn {
    uint8_t code, dst, src;
    int16_t off;
    int32_t imm;
};
enum { LINUX_BPF_CALLBACK = 4 };        /**< BPF_PSEUDO_FUNC: .src of a function's address */
enum { LINUX_BPF_INSNS_MAX = 1 << 20 }; /**< BPF_COMPLEXITY_LIMIT_INSNS: none is longer */

struct linux_bpf_code {
    struct eg_run *r;
    struct eg_obj prog;
    struct linux_bpf_insn *at;
    uint32_t n;    /**< of them that can be read */
    uint32_t says; /**< how many the program says that it has */
    uint64_t base; /**< __bpf_call_base, from which calls count; 0: not known */
    uint64_t *maps;
    uint32_t n_maps;
};
/** The instructions of the struct bpf_prog @prog: those that the verifier left, which may have been
 * rewritten. */
void linux_bpf_code(struct eg_run *r, struct eg_obj prog, struct linux_bpf_code *out);

/** What a call leads to. */
enum linux_bpf_callee {
    LINUX_BPF_NO_CALL,
    LINUX_BPF_HELPER,    /**< @target: a function of the kernel */
    LINUX_BPF_KFUNC,     /**< the same; 0: only its name is known */
    LINUX_BPF_FUNCTION,  /**< a function of the program itself */
    LINUX_BPF_TAIL_CALL, /**< another program */
};
struct linux_bpf_call {
    enum linux_bpf_callee kind;
    uint64_t target;
    const char *name; /**< NULL: the target has no name */
};
struct linux_bpf_call linux_bpf_call(const struct linux_bpf_code *c, uint32_t i);

/** Instruction @i as text: "r0 = *(u32 *)(r1 + 4)", "call bpf_probe_write_user". *@wide: it takes
 * two places. */
const char *linux_bpf_insn_text(const struct linux_bpf_code *c, uint32_t i, bool *wide);
/** The line of source that instruction @i begins, "x = y; // file.c:12"; NULL: none does. */
const char *linux_bpf_source(const struct linux_bpf_code *c, uint32_t i);

/** The helpers and functions of the kernel that it calls, each once: "bpf_map_lookup_elem, …". */
const char *linux_bpf_helpers(const struct linux_bpf_code *c);
/** What of them changes memory of processes, answers of functions, or kills: NULL, none. */
const char *linux_bpf_misuse(const struct linux_bpf_code *c);

/** The first error, -1 to -4095, that it puts into the register of its answer; 0: none. */
int32_t linux_bpf_refusal(const struct linux_bpf_code *c);
/** What it compares with that is no common number: "0x31d4 (54321), 0x1ab51ab5", of two bytes also
 * as a packet has them. *@magic: one is larger. NULL: nothing. */
const char *linux_bpf_compares(const struct linux_bpf_code *c, bool *magic);

/** The tag of these instructions as the kernel made it of what was loaded, in hex: the first eight
 * bytes of SHA-1, since 6.18 of SHA-256. The kernel makes it before the verifier changes the
 * program, so that another one than the program's says nothing by itself; the same one says that
 * these are the instructions that were loaded. NULL: it cannot be made. */
const char *linux_bpf_tag(const struct linux_bpf_code *c);

#endif
