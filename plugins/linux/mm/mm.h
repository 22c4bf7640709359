/** mm/mm.h - a process's memory: its address space, and what exec laid down in it. */
#ifndef EG_LINUX_MM_H
#define EG_LINUX_MM_H

#include "../../../core/engram.h"

EG_FIELDS(mm_struct, arg_end, arg_start, brk, env_end, env_start, exe_file, map_count, mm_mt, mm_rb,
          mmap, pgd, start_brk, start_stack, task_size);

/** A process's user memory (through task->mm): NULL for kernel threads and where mm cannot be read.
 * Kept by the system. Swapped pages are there like others, as far as they can be read (swap.h). */
EG_API struct eg_space *linux_task_space(struct eg_run *r, struct eg_obj task);
/** The same of an mm_struct. */
EG_API struct eg_space *linux_mm_space(struct eg_run *r, struct eg_obj mm);
/** Only what the page tables of an mm_struct map, without swapped pages: the caller closes it.
 * NULL: they cannot be read. */
struct eg_space *linux_mm_tables(struct eg_run *r, struct eg_obj mm);
/** The same by the physical address of the top table, and that of an mm_struct. @return 0 or
 * -EG_E…; false. */
int linux_tables_open(const struct eg_system *sys, uint64_t root, struct eg_space **out);
bool linux_tables_root(struct eg_run *r, struct eg_obj mm, uint64_t *out);

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
