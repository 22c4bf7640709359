/** user/whole.h - a process's memory as its program would read it. Page tables have only what was
 * touched: the rest of a mapped file is in the page cache (linux_mm_backed_space()), that of the
 * vdso in the kernel, and untouched memory of no file is zeros. */
#ifndef EG_LINUX_WHOLE_H
#define EG_LINUX_WHOLE_H

#include "../../../core/space.h"

struct linux_mapping {
    uint64_t first, last; /**< inclusive */
    uint64_t offset;      /**< in bytes: where it begins in its file */
    uint64_t flags;       /**< vm_flags */
    uint64_t file;        /**< struct file; 0: none */
    struct eg_obj inode;  /**< of the file, whose page cache has its bytes */
    struct eg_obj vma;
    bool searched;            /**< @backing was looked for */
    struct eg_space *backing; /**< of the vdso: what has its bytes; NULL: not known */
    uint64_t backing_at;      /**< where @first is in it */
};
/** Of one process at a time. A zeroed struct is empty. */
struct linux_whole {
    struct eg_space *space; /**< what to read */
    struct linux_mapping *at;
    size_t n, cap;
    struct eg_run *r;
    struct eg_obj mm;
    struct eg_space *pages; /**< linux_mm_backed_space() */
    struct eg_space own;
};
/** Open that of @mm instead of the one before; what @w has is in the run's memory, and used again.
 * @return false: its page tables cannot be found. */
EG_API bool linux_whole_open(struct eg_run *r, struct eg_obj mm, struct linux_whole *w);
/** The mapping that has @addr, or NULL. */
EG_API struct linux_mapping *linux_mapping_at(struct linux_whole *w, uint64_t addr);
/** Is it memory of no file that a program wrote or reads as zeros (no device, no special page)? */
EG_API bool linux_mapping_anonymous(const struct linux_mapping *m);

#endif
