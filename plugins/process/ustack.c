/* ustack - the calls that threads are in inside of their programs. */
#include "../linux/mm/vma.h"
#include "../linux/sched/flags.h"
#include "../linux/sched/regs.h"
#include "../linux/sched/task.h"
#include "../linux/user/unwind.h"
#include <inttypes.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    C(TID, INT, "thread id")                                                                       \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(POSITION, INT, "number of the frame: 0 is where the thread stands, 1 its caller")            \
    C(ADDRESS, ADDR, "where it stands, or will return to")                                         \
    C(PLACE, TEXT, "function, offset in it and size of it, where its file has symbols")            \
    C(PATH, TEXT, "the file that has the code, or the kernel's word for it")                       \
    C(FRAME, ADDR, "stack pointer in this frame", EG_MINOR)                                        \
    C(FOUND_BY, TEXT,                                                                              \
      "registers: the thread's own; cfi: the call frame information of its caller's file; "        \
      "signal: registers that the kernel saved for a signal handler; frame pointer: where there "  \
      "is no such information")                                                                    \
    C(ENDS_EARLY, TEXT, "why no more frames are known; none: they are complete")
EG_COLUMNS(COLUMNS);

struct all {
    struct linux_whole whole;
    struct linux_user_unwinder unwinder;
    uint64_t n_cut; // stacks that are not complete
};

static const char *const found_by[] = { NULL, "registers", "cfi", "signal", "frame pointer" };

static const char *function(struct eg_run *r, struct all *all, const struct linux_user_frame *f)
{
    struct linux_user_symbol s;

    if (!linux_user_symbol(&all->unwinder, f, &s))
        return NULL;
    if (!s.size)
        return eg_strf(r, "%s+%#" PRIx64, s.name, s.offset);
    return eg_strf(r, "%s+%#" PRIx64 "/%#" PRIx64, s.name, s.offset, s.size);
}

static void emit(struct eg_run *r, struct eg_obj task, struct all *all,
                 const struct linux_user_frame *f, const char *end)
{
    eg_row(r, .PID = linux_pid(task), .TID = linux_tid(task), .COMM = linux_comm(task),
           .POSITION = eg_uint(f->number), .ADDRESS = eg_uint(f->pc),
           .PLACE = eg_text(function(r, all, f)),
           .PATH = f->mapping ? linux_vma_name(r, all->whole.mm, f->mapping->vma) : eg_text(""),
           .FRAME = eg_uint(f->sp), .FOUND_BY = eg_text(found_by[f->how]),
           .ENDS_EARLY = eg_text(end));
}

static const char *end_of(struct eg_run *r, const struct linux_user_unwinding *w)
{
    if (!w->why || !w->why_at)
        return w->why;
    return eg_strf(r, "%s (%#" PRIx64 "%s%s)", w->why, w->why_at, w->why_not ? ": " : "",
                   w->why_not ? eg_why_text(w->why_not) : "");
}

static void thread(struct eg_run *r, struct eg_obj task, struct all *all)
{
    struct linux_user_unwinding w;
    struct linux_user_frame last;
    struct linux_regs regs;
    enum eg_why why = EG_OK;

    if (!linux_user_regs(r, task, &regs, &why)) {
        eg_row(r, .PID = linux_pid(task), .TID = linux_tid(task), .COMM = linux_comm(task),
               .ADDRESS = eg_missing(why, task.addr),
               .ENDS_EARLY = eg_text("its registers are not known"));
        all->n_cut++;
        return;
    }
    w = linux_user_unwind(&all->unwinder, &regs);
    if (!linux_next_user_frame(&w)) {
        eg_note(r, "%s", w.why);
        return;
    }
    for (;;) {
        last = w.frame;
        if (!linux_next_user_frame(&w)) // only now is it known to be the last
            break;
        emit(r, task, all, &last, NULL);
    }
    all->n_cut += w.why != NULL;
    emit(r, task, all, &last, end_of(r, &w));
}

static int run(struct eg_run *r)
{
    struct all *all = eg_tmp(r, sizeof *all);
    struct eg_obj leader, task;

    linux_each_process(r, leader) {
        bool opened = false;

        if (!linux_pid_asked(r, leader) || linux_task_is_kthread(r, leader))
            continue;
        linux_each_thread(r, leader, task) {
            // The leader may have ended before its threads.
            struct eg_obj mm = eg_deref(eg_at(task, task_struct.mm));

            // Those of io_uring are the kernel's, in the process's memory.
            if (mm.why || linux_task_has(task, PF_IO_WORKER) || !linux_tid_asked(r, task))
                continue;
            if (!opened && !linux_whole_open(r, mm, &all->whole)) {
                eg_note(r, "process %d: its page tables cannot be found",
                        eg_get_or(-1, leader, task_struct.tgid));
                break;
            }
            if (!opened)
                linux_user_unwinder_open(r, &all->whole, &all->unwinder);
            opened = true;
            thread(r, task, all);
        }
    }
    if (all->n_cut)
        eg_note(r, "stacks that are not complete: %" PRIu64 " (ENDS_EARLY says why)", all->n_cut);
    return 0;
}

EG_PLUGIN(ustack) = {
    .os = "linux",
    .help = "Show the calls that threads are in inside of their programs",
    .manual =
        "Unwinds each thread's user stack from the registers that the kernel saved when it was "
        "entered, by the call frame information (.eh_frame) that programs, libraries and the "
        "vdso have in memory; parts of it that were never mapped come from the page cache. A "
        "frame that a signal interrupted is marked. Where code has no such information (made at "
        "run time, hand-written) the frame pointer is followed, if it leads to a place behind a "
        "call, and FOUND_BY says so. Names are of .symtab, .gnu_debugdata and .dynsym; of a "
        "stripped program most functions have none. Calls that a compiler turned into jumps left "
        "no frame. A thread that was running on a CPU has the registers of the dump's record of "
        "that CPU, or none. Compare with kstack, the same thread inside of the kernel, and with "
        "gdb on the file that procdump writes.",
    .aliases = EG_NAMES("linux_process_stack", "pstack", "process_stack"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(tid, INT, "only these threads")),
    .needs = EG_NEEDS(task_struct.mm, task_struct.stack),
    .uses = EG_NAMES("tasks", "threads", "vmas"),
    .run = run,
};
