/** mm/mm.h - a process's memory: its address space, and what exec laid down in it. */
#ifndef EG_LINUX_MM_H
#define EG_LINUX_MM_H

#include "../../../core/engram.h"

EG_FIELDS(mm_struct, arg_end, arg_start, brk, env_end, env_start, exe_file, map_count, mm_mt, mm_rb,
          mmap, pgd, start_brk, start_stack, task_size);

/** A process's user memory (through task->mm): NULL for kernel threads and where mm cannot be read.
 * Kept by the system. */
EG_API struct eg_space *linux_task_space(struct eg_run *r, struct eg_obj task);
/** The same of an mm_struct. */
EG_API struct eg_space *linux_mm_space(struct eg_run *r, struct eg_obj mm);

/** Memory that is used again and again. */
struct linux_buffer {
    char *at;
    size_t cap;
};
/** The bytes of [@start, @end) of user memory and a NUL: *@len of them, as far as they can be read.
 * @missing: the cell of what cannot. In @buf, until its next use; NULL when no byte can. */
EG_API char *linux_user_bytes(struct eg_run *r, struct eg_space *user, uint64_t start, uint64_t end,
                              struct linux_buffer *buf, size_t *len, struct eg_cell *missing);
/** The note for text that linux_user_bytes could not give whole. */
EG_API void linux_note_cut(struct eg_run *r, struct eg_obj task, const char *what,
                           const struct eg_cell *missing);

/** log2 of the kernel's page size. */
EG_API unsigned linux_page_shift(struct eg_run *r);

#endif
