/** user/unwind.h - the calls that a thread is in inside of its program: from its registers through
 * call frame information (cfi.h), frames that the kernel made for signals, and frame pointers where
 * code has nothing else. */
#ifndef EG_LINUX_UNWIND_H
#define EG_LINUX_UNWIND_H

#include "../mm/elf.h"
#include "../sched/regs.h"
#include "cfi.h"
#include "whole.h"

/** A program, a library or the vdso in a process. */
struct linux_user_object {
    struct linux_elf elf;
    struct linux_cfi cfi;           /**< header 0: it has none */
    struct linux_mapping *head;     /**< the mapping with its ELF header */
    struct linux_user_names *names; /**< its symbols; NULL: not looked for yet */
    struct linux_user_object *next;
};

enum linux_user_frame_how {
    LINUX_USER_FRAME_REGISTERS = 1, /**< the innermost: its registers are the thread's */
    LINUX_USER_FRAME_CFI,
    LINUX_USER_FRAME_SIGNAL,  /**< interrupted by a signal: the kernel saved its registers */
    LINUX_USER_FRAME_POINTER, /**< the frame pointer, since there was no CFI */
};
struct linux_user_frame {
    unsigned number; /**< 0 the innermost */
    uint64_t pc, sp;
    enum linux_user_frame_how how;
    bool exact;                       /**< @pc is not a return address: it is in the function */
    struct linux_mapping *mapping;    /**< NULL: none has @pc */
    struct linux_user_object *object; /**< NULL: no ELF file */
};

/** How programs of one ABI use registers: numbers of DWARF. */
struct linux_user_abi;

/** Unwinding in one process at a time. A zeroed struct is empty. */
struct linux_user_unwinder {
    struct eg_run *r;
    struct linux_whole *whole;
    const struct linux_user_abi *abi; /**< of the last thread; NULL: not known here */
    struct linux_user_object
        *objects[64]; /**< of this process, by place in a hash of their addresses */
    unsigned n_objects;
    struct eg_map *names; /**< of the run: what was read of a file → its linux_user_names */
};
/** Begin with the process whose memory @whole is. */
EG_API void linux_user_unwinder_open(struct eg_run *r, struct linux_whole *whole,
                                     struct linux_user_unwinder *u);

/** The object that a mapping is a part of; NULL: none. */
struct linux_user_object *linux_user_object_at(struct linux_user_unwinder *u,
                                               struct linux_mapping *m);
/** Look for call frame information in one that says not where it is. */
void linux_user_object_index(struct linux_user_unwinder *u, struct linux_user_object *o);

struct linux_user_unwinding {
    struct linux_user_unwinder *u;
    struct linux_cfi_registers regs;
    struct linux_user_frame frame; /**< the last one given */
    const char *why;     /**< NULL: the outermost frame was reached; else why it goes no further */
    uint64_t why_at;     /**< the place that could not be read, or is no code; 0: none */
    enum eg_why why_not; /**< why it could not be read; EG_OK: that is not why */
    uint64_t above;      /**< behind the last pair of frame pointer and return address */
    bool begun;
};
EG_API struct linux_user_unwinding linux_user_unwind(struct linux_user_unwinder *u,
                                                     const struct linux_regs *regs);
/** @return false: there is no further frame. */
EG_API bool linux_next_user_frame(struct linux_user_unwinding *w);

/** The function that a frame is in, by the symbols of its file. @return false: none is known. */
struct linux_user_symbol {
    const char *name;
    uint64_t offset, size; /**< how far behind its beginning; 0: how large is not said */
};
EG_API bool linux_user_symbol(struct linux_user_unwinder *u, const struct linux_user_frame *f,
                              struct linux_user_symbol *out);

#endif
