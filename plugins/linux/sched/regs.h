/** sched/regs.h - the registers of a thread: where it stands in the kernel, and what its program
 * had when it entered the kernel. */
#ifndef EG_LINUX_REGS_H
#define EG_LINUX_REGS_H

#include "../../../core/arch.h"
#include "../../../core/engram.h"

/** Where registers were read. */
enum linux_regs_source {
    LINUX_REGS_SWITCH = 1, /**< where the scheduler left it: only what a call preserves */
    LINUX_REGS_NEW,        /**< it has never run: what it will begin with */
    LINUX_REGS_CPU,        /**< it was running: the dump's record of its CPU */
    LINUX_REGS_ENTRY,      /**< pt_regs, which the kernel saved when it was entered */
};
struct linux_regs {
    enum linux_regs_source source;
    uint64_t value[40];  /**< in the order of eg_arch.registers */
    uint64_t known;      /**< bit i: value[i] was read */
    uint64_t pc, sp, fp; /**< the same by role; pc and sp are always known */
    uint64_t at;         /**< ENTRY: address of the pt_regs; SWITCH and NEW: what thread.sp says */
    bool user;           /**< the processor ran a program, not the kernel */
    bool compat;         /**< user: it ran a 32-bit program */
    uint64_t tls; /**< of the program: FS base, TPIDR_EL0; see @has_tls. The kernel saves it when
                       it switches: of a running program it is the one from then */
    bool has_tls;
    bool has_syscall; /**< ENTRY: @syscall says in which system call it is; -1: in none */
    int64_t syscall;
    struct { /**< x86, ENTRY and CPU of a program; zero where not known */
        uint64_t cs, ss, gs_base;
        uint16_t ds, es, fs, gs;
    } x86;
    int cpu; /**< that it runs on, or last ran on; -1: not known */
};

/** Where @task stands in the kernel. @return false: it runs in its program, or on a CPU of which
 * the dump has no record, or the place cannot be read: *@why says which (EG_ABSENT: no record;
 * EG_NULL: it runs in its program, or has ended and has no stack). */
EG_API bool linux_kernel_regs(struct eg_run *r, struct eg_obj task, struct linux_regs *out,
                              enum eg_why *why);
/** What the program of @task had when it entered the kernel, or has if it runs. @return false: a
 * kernel thread or one without a stack (EG_NULL), or unreadable. */
EG_API bool linux_user_regs(struct eg_run *r, struct eg_obj task, struct linux_regs *out,
                            enum eg_why *why);
/** The kernel's stack of @task: [*@first, *@last]. */
EG_API bool linux_kernel_stack(struct eg_run *r, struct eg_obj task, uint64_t *first,
                               uint64_t *last);
/** Bytes of such a stack (THREAD_SIZE); 0: not known. */
EG_API uint64_t linux_kernel_stack_size(struct eg_run *r);
/** Registers from the pt_regs at @at, wherever that is. */
EG_API bool linux_pt_regs(struct eg_run *r, uint64_t at, struct linux_regs *out);
/** Is @task on a CPU now? */
EG_API bool linux_task_runs(struct eg_run *r, struct eg_obj task);

#endif
