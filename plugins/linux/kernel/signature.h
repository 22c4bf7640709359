/** kernel/signature.h - what functions of the kernel take: prototypes from BTF, and the arguments
 * of a system call as its program gave them. */
#ifndef EG_LINUX_SIGNATURE_H
#define EG_LINUX_SIGNATURE_H

#include "../sched/regs.h"

/** "int do_wait(struct wait_opts *wo)". NULL: the kernel's BTF has no function of this name, or
 * several that differ. */
EG_API const char *linux_prototype(struct eg_run *r, const char *function);
/** The same as a type: its EG_T_FUNC, whose members are the parameters. 0: as NULL above. */
EG_API uint32_t linux_prototype_type(struct eg_run *r, const char *function);

/** A system call by its number in 64-bit programs, from the descriptions that the kernel keeps for
 * its tracers (CONFIG_FTRACE_SYSCALLS). */
enum { LINUX_SYSCALL_ARGS = 6 };
struct linux_syscall {
    const char *name; /**< "sys_read" */
    unsigned n;
    const char *types[LINUX_SYSCALL_ARGS], *args[LINUX_SYSCALL_ARGS];
};
EG_API bool linux_syscall(struct eg_run *r, int64_t number, struct linux_syscall *out);
/** "fd=3, buf=0x7f…, count=4096": what @user, registers at the kernel's entry, has for the call's
 * arguments. NULL: they are in no system call of a 64-bit program, or it is not described. */
EG_API const char *linux_syscall_arguments(struct eg_run *r, const struct linux_regs *user,
                                           struct linux_syscall *call);

#endif
