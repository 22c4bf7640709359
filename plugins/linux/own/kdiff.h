/** own/kdiff.h - code of the kernel, or of a module, against its file: what differs, and which
 * differences are the kernel's own doing. */
#ifndef EG_LINUX_KDIFF_H
#define EG_LINUX_KDIFF_H

#include "../../../core/disasm.h"
#include "../kernel/patched.h"
#include "kfile.h"
#include "ktext.h"

enum linux_kdiff_kind {
    LINUX_KDIFF_ADDRESS,     /**< an absolute address, moved by KASLR */
    LINUX_KDIFF_ALTERNATIVE, /**< instructions chosen for this processor */
    LINUX_KDIFF_PARAVIRT,    /**< calls of what the hypervisor does */
    LINUX_KDIFF_RETPOLINE,
    LINUX_KDIFF_RETURN,
    LINUX_KDIFF_CALL,    /**< calls whose depth is counted */
    LINUX_KDIFF_LOCK,    /**< without other processors */
    LINUX_KDIFF_ENDBR,   /**< functions that nothing calls through a pointer */
    LINUX_KDIFF_RUNTIME, /**< constants that are known after boot */
    LINUX_KDIFF_LIVE,    /**< ftrace, jump labels, static calls, kprobes: by their live records */
    LINUX_KDIFF_KINDS
};
extern const char *const linux_kdiff_names[LINUX_KDIFF_KINDS];

struct linux_kdiff {
    uint64_t at; /**< of the instruction */
    uint8_t expected[EG_INSTRUCTION_MAX];
    uint8_t len; /**< of the instruction in memory */
    bool module; /**< the file is a module's */
};
struct linux_kdiffs {
    struct linux_kdiff *at; /**< by address */
    size_t n, cap;
    uint64_t compared;                     /**< bytes */
    uint64_t explained[LINUX_KDIFF_KINDS]; /**< places that differ */
    bool cut;                              /**< there are more */
};
/** Add to @out how the code of @p differs from @f. All of it lives as long as the run.
 * @return false: the file has no code for these addresses. */
EG_API bool linux_kdiff(struct eg_run *r, const struct linux_ktext_part *p,
                        const struct linux_kfile *f, struct linux_kdiffs *out);

#endif
