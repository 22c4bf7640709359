/** mm/vdso.h - the code that the kernel maps into every process, as the kernel has it. */
#ifndef EG_LINUX_VDSO_H
#define EG_LINUX_VDSO_H

#include "../../../core/engram.h"

/** The space, and in it the address *@at, where the kernel has what is at @off in @vma, the mapping
 * "[vdso]" of @mm. NULL: it is not known. */
EG_API struct eg_space *linux_vdso_place(struct eg_run *r, struct eg_obj mm, struct eg_obj vma,
                                         uint64_t off, uint64_t *at);

#endif
