/* regs - the registers of threads: where each stands in the kernel, and what its program had. */
#include "../linux/sched/regs.h"
#include "../../core/system.h"
#include "../linux/kernel/percpu.h"
#include "../linux/sched/rq.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <stdio.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(CPU, INT, "that it runs on, or last ran on")                                                 \
    C(MODE, TEXT, "user: registers of its program; kernel: where it stands in the kernel")         \
    C(SAVED_BY, TEXT,                                                                              \
      "switch: the scheduler, what a call preserves; new: it has never run; entry: the kernel, "   \
      "when it was entered; cpu: it was running, and the dump has a record of the processor")      \
    C(PC, ADDR, "program counter")                                                                 \
    C(SP, ADDR, "stack pointer")                                                                   \
    C(SYMBOL, TEXT, "function of the kernel at the program counter")                               \
    C(TLS, ADDR, "thread pointer of the program: FS base, TPIDR_EL0, tp", EG_MINOR)                \
    C(SYSCALL, INT, "number of the system call that it is in; -1: in none", EG_MINOR)              \
    C(REGISTERS, TEXT, "all registers that are known", EG_LIST)
EG_COLUMNS(COLUMNS);

static const char *source_name(enum linux_regs_source s)
{
    static const char *const names[] = { "", "switch", "new", "cpu", "entry" };

    return names[s];
}

static const char *registers(struct eg_run *r, const struct linux_regs *regs)
{
    enum { WORD = 32 }; // " pstate=0x0123456789abcdef" and its NUL
    const char *const *names = eg_system_of(r)->arch->registers;
    char *out = eg_tmp(r, countof(regs->value) * WORD), *end = out;

    for (unsigned i = 0; i < countof(regs->value) && names[i]; i++)
        if (regs->known >> i & 1)
            end += snprintf(end, WORD, "%s%s=%#" PRIx64, end == out ? "" : " ", names[i],
                            regs->value[i]);
    return out;
}

static void show(struct eg_run *r, struct eg_obj t, bool user)
{
    struct linux_regs regs;
    enum eg_why why;
    const bool ok =
        user ? linux_user_regs(r, t, &regs, &why) : linux_kernel_regs(r, t, &regs, &why);
    const struct eg_cell none = eg_missing(ok ? EG_OK : why, t.addr);

    if (!ok && why == EG_NULL) // there are none, as of a program in a thread of the kernel
        return;
    eg_row(r, .PID = linux_pid(t), .TID = linux_tid(t), .COMM = linux_comm(t),
           .CPU = regs.cpu >= 0 ? eg_int(regs.cpu) : (struct eg_cell){ 0 },
           .MODE = eg_text(user ? regs.compat ? "user, 32-bit" : "user" : "kernel"),
           .SAVED_BY = ok ? eg_text(source_name(regs.source)) : none,
           .PC = ok ? eg_uint(regs.pc) : none, .SP = ok ? eg_uint(regs.sp) : none,
           .SYMBOL = ok && !user ? eg_text(eg_name_of(r, regs.pc)) : (struct eg_cell){ 0 },
           .TLS = regs.has_tls ? eg_uint(regs.tls) : (struct eg_cell){ 0 },
           .SYSCALL = regs.has_syscall ? eg_int(regs.syscall) : (struct eg_cell){ 0 },
           .REGISTERS = ok ? eg_text(registers(r, &regs)) : none);
}

static void show_cpus(struct eg_run *r)
{
    const struct eg_image *img = eg_system_of(r)->image;
    struct eg_obj rq;

    if (!img->cpus.n)
        eg_note(r, "the dump has no record of the processors' registers: those of the threads "
                   "that were running are in none of its memory");
    linux_each_percpu(r, eg_sym(r, runqueues), rq)
    {
        struct eg_obj t = eg_deref(eg_at(rq, rq.curr));
        struct linux_regs regs;
        enum eg_why why;

        if (linux_tid_asked(r, t))
            show(r, t, !linux_kernel_regs(r, t, &regs, &why) && why == EG_NULL);
    }
}

static int run(struct eg_run *r)
{
    struct eg_obj leader, t;

    if (eg_arg_flag(r, "cpus")) {
        show_cpus(r);
        return 0;
    }
    linux_each_process(r, leader) {
        if (!linux_pid_asked(r, leader))
            continue;
        linux_each_thread(r, leader, t) {
            if (!linux_tid_asked(r, t))
                continue;
            show(r, t, false);
            show(r, t, true);
        }
    }
    return 0;
}

EG_PLUGIN(regs) = {
    .os = "linux",
    .help = "List the registers of threads: in their programs, and in the kernel",
    .manual =
        "A thread that sleeps in the kernel has two rows: its program's registers as they were "
        "when the kernel was entered, and the few that the scheduler kept when it switched to "
        "another thread. A thread of the kernel has the second alone, a thread that ran in its "
        "program the first alone. Registers of threads that were running at the moment of the "
        "dump are not in memory: they are shown where the dump has a record of the processors "
        "(ELF cores of QEMU and of kdump, migration streams, saved states), else PC says why "
        "not. A debugger or a rootkit in the kernel can change what was saved; --cpus lists the "
        "processors.",
    .aliases = EG_NAMES("linux_info_regs", "info_regs"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(tid, INT, "only these threads"),
                    EG_ARG(cpus, FLAG, "the threads that were running, by processor")),
    .needs = EG_NEEDS(task_struct.stack),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
};
