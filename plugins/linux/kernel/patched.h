/** kernel/patched.h - every place in the code of the kernel and of its modules that the kernel
 * itself patches while it runs, by its own records, and what may stand there. */
#ifndef EG_LINUX_PATCHED_H
#define EG_LINUX_PATCHED_H

#include "../../../core/system.h"

enum linux_patch_kind {
    LINUX_PATCH_FTRACE,     /**< a call of ftrace, or a nop: struct dyn_ftrace */
    LINUX_PATCH_JUMP,       /**< a jump label: a jump, or a nop: struct jump_entry */
    LINUX_PATCH_CALL,       /**< a static call: struct static_call_site */
    LINUX_PATCH_TRAMPOLINE, /**< the function __SCT__NAME that jumps to a static call's function */
    LINUX_PATCH_KPROBE,     /**< a breakpoint, or the jump of an optimized probe: struct kprobe */
};
extern const struct eg_constant linux_patch_kinds[]; /**< "ftrace", "jump label", … */
struct linux_patch {
    uint64_t at;     /**< of the instruction */
    uint64_t record; /**< of the kernel's record; TRAMPOLINE: 0 */
    uint64_t key;    /**< JUMP: struct static_key; CALL, TRAMPOLINE: struct static_call_key */
    uint64_t to;     /**< JUMP: where the jump leads; CALL, TRAMPOLINE: key's function, 0: none */
    uint64_t flags;  /**< FTRACE: dyn_ftrace.flags */
    uint8_t kind;    /**< enum linux_patch_kind */
    bool on;         /**< JUMP: a jump has to stand there; CALL: a jump, not a call */
    bool known;      /**< JUMP, CALL, TRAMPOLINE: the key could be read */
};

enum { LINUX_PATCH_BYTES = 8 }; /**< of an instruction that is patched, at most */

/** Sorted by address. Kept by the system. */
struct linux_patches {
    const struct linux_patch *at;
    size_t n;
    unsigned found; /**< bits, 1 << enum linux_patch_kind: this kernel's records were found */
    unsigned none;  /**< bits of the same: it was built without them */
};
EG_API const struct linux_patches *linux_patches(struct eg_run *r); /**< NULL: out of memory */
/** The index of the first one at or behind @addr; p->n: none. */
EG_API size_t linux_patch_from(const struct linux_patches *p, uint64_t addr);

/** What is odd about the code @bytes of @p, of which @len can be read: text without end, NULL:
 * nothing. */
EG_API const char *linux_patch_hint(struct eg_run *r, const struct linux_patch *p,
                                    const uint8_t *bytes, size_t len);
/** A return, or the jump to a thunk of the kernel that returns. */
EG_API bool linux_returns(struct eg_run *r, const uint8_t *bytes, size_t len, uint64_t at);
/** Are the @len bytes nothing but instructions that do nothing? */
EG_API bool linux_nops(const struct eg_arch *arch, const uint8_t *bytes, size_t len);

#endif
