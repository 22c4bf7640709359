/** tracee_user.h - functions of programs and libraries: where the code of ELF files is mapped in a
 * process, and where in a file its functions begin. */
#ifndef EG_LIVE_TRACEE_USER_H
#define EG_LIVE_TRACEE_USER_H

#include "../core/run.h"
#include "events.h"
#include "tracee.h"

/** Code of a file in a process's memory. */
struct tracee_code {
    uint64_t first, last; /**< inclusive */
    uint64_t offset;      /**< of @first in the file */
    struct eg_obj inode;  /**< whose page cache has the bytes */
    struct eg_obj file;   /**< struct file */
};
/** What a mapping (vm_area_struct) has of a file. @return false: no file, or no code. */
bool tracee_code_of(struct eg_run *r, struct eg_obj vma, struct tracee_code *out);
/** The code at @address of the process with the mm_struct at @mm; false: there is none. */
bool tracee_code_at(struct eg_run *r, uint64_t mm, uint64_t address, struct tracee_code *out);
/** All of it. */
void tracee_each_code(struct eg_run *r, uint64_t mm,
                      void (*take)(void *context, const struct tracee_code *code), void *context);
/** The mm_struct of every process that has one; those of one may come more than once. */
void tracee_each_mm(struct eg_run *r, void (*take)(void *context, uint64_t mm), void *context);
/** Of a task, of a mapping: the address of its mm_struct; 0: none, or it cannot be read. */
uint64_t tracee_mm_of_task(struct eg_run *r, struct eg_obj task);
uint64_t tracee_mm_of_vma(struct eg_obj vma);
struct eg_obj tracee_vma(struct eg_run *r, uint64_t address);
struct eg_obj tracee_task_at(struct eg_run *r, uint64_t address);

/** The path of the file, in the run's memory; NULL: it cannot be read. */
const char *tracee_code_path(struct eg_run *r, const struct tracee_code *code);
/** What tells a file from another whose inode was at the same address before. */
uint64_t tracee_code_mark(const struct tracee_code *code);
/** The functions that the file's tables of symbols have, as far as the page cache has these: names
 * (in the run's memory) and where they begin in the file. Not those that are chosen when the
 * program starts (STT_GNU_IFUNC): their symbol is of what chooses. @return how many; 0: none, or no
 * ELF file of 64 bits for this processor. */
size_t tracee_code_functions(struct eg_run *r, const struct tracee_code *code,
                             void (*take)(void *context, const char *name, uint64_t offset),
                             void *context);

/** As tracee_enter(), of a function of a program. */
void tracee_enter_user(struct eg_run *r, const struct event *ev, struct eg_obj task,
                       struct tracee_call *out);
/** Does the processor execute the first instruction of the function that it stands at, in the
 * memory of that mm_struct? Where the page of the code, or of the stack that it stores to, is not
 * there or is still shared with another process, it is about to fault, and will come back. */
bool tracee_executes(struct eg_run *r, uint64_t mm, const struct event *ev);
/** The memory of the task's program, and what the page cache has of its files; NULL: none. */
struct eg_space *tracee_user_space(struct eg_run *r, struct eg_obj task);
/** "libc.so.6+0x2a1ca": the file and the place in it; in the run's memory; NULL: none is there. */
const char *tracee_user_place(struct eg_run *r, struct eg_obj task, uint64_t address);

#endif
