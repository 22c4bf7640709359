/* kstack - what each thread does in the kernel: who called whom. */
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/signature.h"
#include "../linux/kernel/unwind.h"
#include "../linux/sched/rq.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(POSITION, INT, "number of the frame: 0 is where the thread stands, 1 its caller")            \
    C(ADDRESS, ADDR, "where it stands, or will return to")                                         \
    C(PLACE, TEXT, "function, offset in it and size of it, as in /proc/PID/stack")                 \
    C(MODULE, TEXT, "module that has the function; none: the kernel")                              \
    C(STACK_KIND, TEXT, "task, or a stack of its CPU: irq, entry, overflow, NMI, DB, DF, MCE, VC", \
      EG_MINOR)                                                                                    \
    C(FRAME, ADDR, "stack pointer in this frame", EG_MINOR)                                        \
    C(FOUND_BY, TEXT,                                                                              \
      "saved: by the scheduler; cpu: the dump's record of the processor; orc: the kernel's "       \
      "unwind data; frame pointer; registers: what an exception or interrupt saved; link "         \
      "register: may be an old one. traced: a tracer keeps the address")                           \
    C(ENDS_EARLY, TEXT, "why no more frames are known; none: they are complete")                   \
    C(ARGUMENTS, TEXT, "of a system call: what the program gave it", EG_MINOR)                     \
    C(PROTOTYPE, TEXT, "the function as C declares it, where the kernel's BTF has it", EG_MINOR)
EG_COLUMNS(COLUMNS);

struct count {
    unsigned cut, absent;
};

/* A thread in its frames: what its program gave the system call is the same in all of them. */
struct shown {
    struct eg_obj task;
    unsigned n;
    const char *call, *arguments; // of the system call; NULL: none
};

/* Is @function the one that takes the arguments of @call ("sys_read")? Each processor has a prefix
 * of its own for it (include/linux/syscalls.h, arch/.../include/asm/syscall_wrapper.h). */
static bool takes(const char *function, const char *call)
{
    static const char *const prefixes[] = { "__x64_", "__arm64_", "__riscv_", "__se_", "__do_" };

    for (size_t i = 0; i < countof(prefixes); i++)
        if (strncmp(function, prefixes[i], strlen(prefixes[i])) == 0 &&
            strcmp(function + strlen(prefixes[i]), call) == 0)
            return true;
    return false;
}

static void find_call(struct eg_run *r, struct shown *s)
{
    struct linux_regs user;
    struct linux_syscall call;
    enum eg_why why;

    if (linux_user_regs(r, s->task, &user, &why)) {
        s->arguments = linux_syscall_arguments(r, &user, &call);
        s->call = s->arguments ? call.name : NULL;
    }
}

static void show_frame(struct eg_run *r, struct shown *s, const struct linux_frame *f,
                       const char *cut)
{
    const struct eg_obj t = s->task;
    const char *by = linux_frame_by_name(f->by);
    struct linux_code code = { 0 };
    struct eg_cell place = eg_missing(EG_NO_SYMBOL, f->pc);

    if (linux_code_at(r, f->pc, f->exact, &code))
        place =
            eg_text(eg_strf(r, "%s+0x%" PRIx64 "/0x%" PRIx64, code.name, code.offset, code.size));
    eg_row(r, .PID = linux_pid(t), .TID = linux_tid(t), .COMM = linux_comm(t),
           .POSITION = eg_uint(s->n++), .ADDRESS = eg_uint(f->pc), .PLACE = place,
           .MODULE = eg_text(code.module), .STACK_KIND = eg_text(f->stack),
           .FRAME = f->sp ? eg_uint(f->sp) : (struct eg_cell){ 0 },
           .FOUND_BY = eg_text(f->traced ? eg_strf(r, "%s, traced", by) : by),
           .ENDS_EARLY = eg_text(cut),
           .ARGUMENTS =
               eg_text(s->call && code.name && takes(code.name, s->call) ? s->arguments : NULL),
           .PROTOTYPE = eg_text(code.name ? linux_prototype(r, code.name) : NULL));
}

static void show(struct eg_run *r, struct eg_obj t, struct count *count)
{
    struct linux_unwind w;
    struct linux_frame held, next;
    struct shown s = { .task = t };

    if (!linux_unwind_begin(r, &w, t)) {
        if (w.why == EG_NULL) // it ran in its program, or has ended
            return;
        count->absent += w.why == EG_ABSENT;
        eg_row(r, .PID = linux_pid(t), .TID = linux_tid(t), .COMM = linux_comm(t),
               .POSITION = eg_uint(0), .ADDRESS = eg_missing(w.why, t.addr),
               .PLACE = eg_missing(w.why, t.addr));
        return;
    }
    if (!linux_unwind_next(&w, &held))
        return;
    find_call(r, &s);
    while (linux_unwind_next(&w, &next)) {
        show_frame(r, &s, &held, NULL);
        held = next;
    }
    show_frame(r, &s, &held, w.cut);
    count->cut += w.cut != NULL;
}

static int run(struct eg_run *r)
{
    struct count count = { 0 };
    struct eg_obj leader, t, rq;

    if (eg_arg_flag(r, "cpus"))
        linux_each_percpu(r, eg_sym(r, runqueues), rq)
        {
            t = eg_deref(eg_at(rq, rq.curr));
            if (!t.why && linux_tid_asked(r, t))
                show(r, t, &count);
        }
    else
        linux_each_process(r, leader)
            if (linux_pid_asked(r, leader))
                linux_each_thread(r, leader, t)
                    if (linux_tid_asked(r, t))
                        show(r, t, &count);
    if (count.absent)
        eg_note(r,
                "%u threads were running, and the dump has no record of their processors' "
                "registers: where they were is not known",
                count.absent);
    if (count.cut)
        eg_note(r, "of %u threads the frames end early: see ENDS_EARLY", count.cut);
    return 0;
}

EG_PLUGIN(kstack) = {
    .os = "linux",
    .help = "Show the kernel's stack of each thread: which function called which",
    .manual =
        "The frames are unwound, not guessed: on x86-64 by ORC, the kernel's own unwind data, "
        "which it and each module have in memory; where a kernel has none, and on AArch64 and "
        "RISC-V, by frame pointers. Where the way ends, the frames end, and ENDS_EARLY says why. "
        "A thread that sleeps begins in __schedule, and /proc/PID/stack leaves out these first "
        "frames of the scheduler; all others are the same there. A thread that was running is "
        "unwound from the dump's record of its processor, if there is one (ELF cores of QEMU and "
        "of kdump, saved states), across the stacks of interrupts and exceptions. A thread that "
        "ran in its program, and one that has ended, has no frames. An intruder's code in the "
        "kernel shows as an address without a name, or between functions that do not call each "
        "other; compare with lsmod. ARGUMENTS has what a program gave a system call, from the "
        "registers that it had when it entered the kernel; arguments of other functions are not "
        "shown, for the registers that held them are used for other things by then.",
    .aliases = EG_NAMES("bt", "linux.pscallstack.PsCallStack", "pscallstack"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(tid, INT, "only these threads"),
                    EG_ARG(cpus, FLAG, "the threads that were running, by processor")),
    .needs = EG_NEEDS(task_struct.stack),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
};
