/** kernel/unwind.h - who called whom in the kernel: the frames of a thread, from where it stands to
 * where it entered the kernel.
 *
 *  On x86-64 by ORC (orc.h), the tables of the kernel and of its modules; where there are none, and
 * on AArch64 and RISC-V, by frame pointers. No word of a stack is a frame because it looks like the
 * address of code: where the way ends early, the frames end, and the walk says why. */
#ifndef EG_LINUX_UNWIND_H
#define EG_LINUX_UNWIND_H

#include "../sched/regs.h"

/** What says that a frame is one. ORDER linux_frame_by_name (unwind.c) */
enum linux_frame_by {
    LINUX_FRAME_SAVED = 1, /**< the first: what the scheduler saved */
    LINUX_FRAME_CPU,       /**< the first: the dump's record of the processor */
    LINUX_FRAME_ORC,
    LINUX_FRAME_FP,   /**< the chain of frame pointers, which the kernel's code keeps unbroken */
    LINUX_FRAME_REGS, /**< registers that an exception or interrupt saved */
    LINUX_FRAME_LINK, /**< the link register of code that was interrupted: it may be an old one */
};
enum { LINUX_STACKS_MAX = 12, LINUX_FRAMES_MAX = 4096 };

struct linux_frame {
    uint64_t pc;
    bool exact;        /**< it was interrupted there; else it is where a call will return to */
    uint64_t at;       /**< where on the stack pc was read; 0: in a register */
    uint64_t sp;       /**< the stack pointer in this frame; 0: not known */
    const char *stack; /**< "task", "irq", "NMI", … : the stack that sp is on */
    enum linux_frame_by by;
    bool traced; /**< on the stack is the address of a tracer's trampoline: pc is what the tracer
                      keeps for it */
};

struct linux_unwind_tables;
struct linux_unwind {
    struct eg_run *run;
    struct eg_obj task;
    const struct linux_unwind_tables *tables;
    struct linux_regs regs; /**< where it began */
    uint64_t pc, sp, fp, values[16], at;
    uint32_t known;
    bool exact, traced;
    enum linux_frame_by by;
    struct {
        const char *name;
        uint64_t first, last;
        bool left; /**< a stack is never entered again */
    } stacks[LINUX_STACKS_MAX];
    unsigned n_stacks, on, n;
    bool done;
    uint64_t link; /**< AArch64: the link register to show next; 0: none */
    /** Why the frames end before the kernel's entry, or there are none; NULL: they are complete. */
    const char *cut;
    enum eg_why why; /**< of the first frame; EG_OK: there is one */
};
/** @return false: there is no frame, and @w->why says why not (as linux_kernel_regs). */
EG_API bool linux_unwind_begin(struct eg_run *r, struct linux_unwind *w, struct eg_obj task);
EG_API bool linux_unwind_next(struct linux_unwind *w, struct linux_frame *out);
EG_API const char *linux_frame_by_name(enum linux_frame_by by);

/** The name of a place in the kernel's code as its own traces have it: the last symbol at or below,
 * and up to the next one. Also of BPF programs and of what ftrace makes. */
struct linux_code {
    const char *name, *module; /**< module: NULL: the kernel's own */
    uint64_t offset, size;     /**< of the function; size 0: not known */
};
/** @exact as in linux_frame: the name is the one at @pc; else at the call before. @return false:
 * nothing that is known. */
EG_API bool linux_code_at(struct eg_run *r, uint64_t pc, bool exact, struct linux_code *out);

/** The function in which a thread sleeps, as /proc/PID/wchan names it: the innermost that is not of
 * the scheduler. NULL: it runs, or it is not known. */
EG_API const char *linux_wchan(struct eg_run *r, struct eg_obj task);

/* ---- between unwind*.c ---- */

struct linux_orc;
/** The ORC entry of @pc. @return false: none. */
bool linux_unwind_orc(struct eg_run *r, const struct linux_unwind_tables *t, uint64_t pc,
                      struct linux_orc *out);
const struct linux_unwind_tables *linux_unwind_tables(struct eg_run *r);
bool linux_unwind_has_orc(const struct linux_unwind_tables *t);
/** One of the tables: the kernel's is the first, those of modules follow by address. */
struct linux_orc_table {
    uint64_t first, last; /**< the code that it is of */
    uint64_t ip, entries; /**< @n places, each counted from where it stands, and as many entries */
    uint32_t n;
};
struct linux_orc_format;
/** @return false: there are no more. */
bool linux_unwind_table(const struct linux_unwind_tables *t, size_t i, struct linux_orc_table *out,
                        struct linux_orc_format *format);
/** The kernel was built with ORC, so without frame pointers, and its tables are lost. */
bool linux_unwind_lacks_orc(const struct linux_unwind_tables *t);
/** Code that was made at run time: @name is what kallsyms calls it. */
struct linux_made_code {
    uint64_t first, last;
    char name[64];
    bool bpf;
    uint64_t like; /**< ftrace: its code is a copy of what is there; else 0 */
};
const struct linux_made_code *linux_unwind_made(const struct linux_unwind_tables *t, uint64_t pc);
/** Is *@pc, read at @at in a frame whose caller's frame pointer is @fp, the trampoline that a
 * tracer puts in the place of a return address? Then *@pc becomes the address that was there;
 * 0: not found. */
bool linux_unwind_traced(struct eg_run *r, struct eg_obj task, uint64_t at, uint64_t fp,
                         uint64_t *pc);
/** The kernel's ORC tables by the code that uses them: @n places at @ip, entries at @entries. */
bool linux_unwind_find_orc(struct eg_run *r, uint64_t *ip, uint64_t *entries, uint64_t *n);
/** The stacks of the CPU @cpu beside that of its thread. */
void linux_unwind_cpu_stacks(struct linux_unwind *w, int cpu);
void linux_unwind_add_stack(struct linux_unwind *w, const char *name, uint64_t first,
                            uint64_t size);

#endif
