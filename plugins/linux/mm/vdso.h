/** mm/vdso.h - the code that the kernel maps into every process, as the kernel has it. */
#ifndef EG_LINUX_VDSO_H
#define EG_LINUX_VDSO_H

#include "../../../core/engram.h"

/** EG_VIEW_PAGE bytes of it, at @off in @vma, the mapping "[vdso]" of @mm. @return false: it is not
 * known where the kernel has them. */
EG_API bool linux_vdso_page(struct eg_run *r, struct eg_obj mm, struct eg_obj vma, uint64_t off,
                            uint8_t *out);

#endif
