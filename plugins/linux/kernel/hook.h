/** kernel/hook.h - functions that something of the kernel calls, and what they were hung on. */
#ifndef EG_LINUX_HOOK_H
#define EG_LINUX_HOOK_H

#include "../text.h"
#include "codeof.h"

/** What a pointer to a function leads to. */
struct linux_hook {
    uint64_t at; /**< 0: it is null, or cannot be read */
    struct linux_codeof code;
};
/** @pointer: a cursor on the pointer itself. @return false: null, or it cannot be read. */
EG_API bool linux_hook(struct eg_run *r, struct eg_obj pointer, struct linux_hook *out);
EG_API bool linux_hook_at(struct eg_run *r, uint64_t function, struct linux_hook *out);
/** Is it this function of the kernel's own? */
EG_API bool linux_hook_is(const struct linux_hook *h, const char *name);

/** @hints, and "ROLE: what is odd about the function"; as @hints where nothing is. */
EG_API const char *linux_hints_of(struct eg_run *r, const char *hints, const char *role,
                                  const struct linux_hook *h);

/** The name of what is hooked at @at: "do_exit+0x4", "nf_hook [nf]"; not @exact: a place among the
 * first instructions of a function has its name. */
EG_API const char *linux_hooked(struct eg_run *r, uint64_t at, bool exact);

#endif
