/* kstack - what each thread does in the kernel: who called whom. */
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/unwind.h"
#include "../linux/sched/task.h"
#include <inttypes.h>

EG_FIELD_AS(rq_curr, rq, "curr");
EG_SYMBOL(runqueues, "rq");

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
    C(ENDS_EARLY, TEXT, "why no more frames are known; none: they are complete")
EG_COLUMNS(COLUMNS);

struct count {
    unsigned cut, absent;
};

static struct eg_cell function_of(struct eg_run *r, const struct linux_frame *f,
                                  const char **module)
{
    struct linux_code code;

    *module = NULL;
    if (!linux_code_at(r, f->pc, f->exact, &code))
        return eg_missing(EG_NO_SYMBOL, f->pc);
    *module = code.module;
    return eg_text(eg_strf(r, "%s+0x%" PRIx64 "/0x%" PRIx64, code.name, code.offset, code.size));
}

static void show_frame(struct eg_run *r, struct eg_obj t, unsigned position,
                       const struct linux_frame *f, const char *cut)
{
    const char *module;
    const struct eg_cell function = function_of(r, f, &module);
    const char *by = linux_frame_by_name(f->by);

    eg_row(r, .PID = linux_pid(t), .TID = linux_tid(t), .COMM = linux_comm(t),
           .POSITION = eg_uint(position), .ADDRESS = eg_uint(f->pc), .PLACE = function,
           .MODULE = eg_text(module), .STACK_KIND = eg_text(f->stack),
           .FRAME = f->sp ? eg_uint(f->sp) : (struct eg_cell){ 0 },
           .FOUND_BY = eg_text(f->traced ? eg_strf(r, "%s, traced", by) : by),
           .ENDS_EARLY = eg_text(cut));
}

static void show(struct eg_run *r, struct eg_obj t, struct count *count)
{
    struct linux_unwind w;
    struct linux_frame held, next;
    unsigned n = 0;

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
    while (linux_unwind_next(&w, &next)) {
        show_frame(r, t, n++, &held, NULL);
        held = next;
    }
    show_frame(r, t, n, &held, w.cut);
    count->cut += w.cut != NULL;
}

static bool asked(struct eg_run *r, struct eg_obj t)
{
    return linux_pid_asked(r, t) &&
           eg_arg_match(r, "tid", eg_get_or((int64_t)-1, t, task_struct.pid));
}

static int run(struct eg_run *r)
{
    struct count count = { 0 };
    struct eg_obj leader, t, rq;

    if (eg_arg_flag(r, "cpus"))
        linux_each_percpu(r, eg_sym(r, runqueues), rq)
        {
            t = eg_deref(eg_at(rq, rq_curr));
            if (!t.why && asked(r, t))
                show(r, t, &count);
        }
    else
        linux_each_process(r, leader)
            if (linux_pid_asked(r, leader))
                linux_each_thread(r, leader, t)
                    if (asked(r, t))
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
        "which "
        "it and each module have in memory; where a kernel has none, and on AArch64 and RISC-V, by "
        "frame pointers. Where the way ends, the frames end, and ENDS_EARLY says why. A thread "
        "that "
        "sleeps begins in __schedule, and /proc/PID/stack leaves out these first frames of the "
        "scheduler; all others are the same there. A thread that was running is unwound from the "
        "dump's record of its processor, if there is one (ELF cores of QEMU and of kdump, saved "
        "states), across the stacks of interrupts and exceptions. A thread that ran in its "
        "program, "
        "and one that has ended, has no frames. An intruder's code in the kernel shows as an "
        "address without a name, or between functions that do not call each other; compare with "
        "lsmod. Arguments of functions are not shown: where they were is not known any more.",
    .aliases = EG_NAMES("bt", "linux.pscallstack.PsCallStack", "pscallstack"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(tid, INT, "only these threads"),
                    EG_ARG(cpus, FLAG, "the threads that were running, by processor")),
    .needs = EG_NEEDS(task_struct.stack),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
};
