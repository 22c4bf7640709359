/** user/corefile.h - an ELF core file of a process (fs/binfmt_elf.c), as gdb opens it: the memory
 * of its mappings, and notes on each of its threads. Memory that the image does not have is not in
 * the file, rather than zero. */
#ifndef EG_LINUX_COREFILE_H
#define EG_LINUX_COREFILE_H

#include "../sched/regs.h"
#include "whole.h"
#include <stdio.h>

/** Memory of one kind: one program header of the file. */
struct linux_core_part {
    uint64_t first, last; /**< inclusive */
    enum linux_core_kind {
        LINUX_CORE_STORED = 1, /**< in the file */
        LINUX_CORE_UNTOUCHED,  /**< never written to, so zeros; so much of it that it is left out */
        LINUX_CORE_MISSING,    /**< not in the image, @why */
    } kind;
    enum eg_why why;
    uint32_t flags; /**< PF_… */
};
struct linux_core {
    struct eg_run *r;
    struct eg_obj leader, mm;
    struct linux_whole whole;
    struct linux_core_part *parts; /**< in the run's memory, used again */
    size_t n_parts, cap_parts;
    unsigned steps;                /* of looking for them */
    bool compat;                   /**< of a 32-bit program */
    uint64_t n_threads, n_without; /**< threads; those whose registers are not known */
    uint64_t stored, missing;      /**< bytes of memory */
    uint64_t size;                 /**< of the file */
    uint64_t ram;                  /**< bytes of memory in the image, counted once */
    const char *cut;               /**< why not all memory was looked at; NULL: it was */
    FILE *f;
};
/** Can core files be made of this image's processes? */
bool linux_core_supported(struct eg_run *r);
/** Find out what is to be written of the process of @leader. A zeroed struct is used again for one
 * after the other. @return false: it has no memory, or its page tables cannot be found. */
bool linux_core_open(struct eg_run *r, struct eg_obj leader, struct linux_core *c);
/** Write it. @return false: writing failed. */
bool linux_core_write(struct linux_core *c, FILE *f);

/** The notes: core_notes.c. */
bool linux_core_notes(struct linux_core *c);

#endif
