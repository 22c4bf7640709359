/* kthreads - kernel threads: what each was made for, and what it works at. */
#include "../linux/kernel/hook.h"
#include "../linux/sched/kthread.h"
#include "../linux/sched/task.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    C(NAME, TEXT, "whole name, as ps shows it")                                                    \
    C(FUNCTION, ADDR, "that it was made to run; not kept before 5.8")                              \
    C(MODULE, TEXT, "that the function is in; kernel: in none")                                    \
    C(SYMBOL, TEXT, "the function's name")                                                         \
    C(WORKQUEUE, TEXT, "of a worker: of what it does or did last")                                 \
    C(WORK, TEXT, "of a worker: the function that it is in now")                                   \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

/** Split "schedule+0x10 [mod]", as eg_name_of gives it. */
static void split(struct eg_run *r, const char *name, struct eg_cell *symbol,
                  struct eg_cell *module)
{
    const char *bracket = name ? strrchr(name, '[') : NULL;
    const char *end = bracket ? strchr(bracket, ']') : NULL;

    if (!name)
        return;
    *symbol = eg_text(name);
    *module = eg_text("kernel");
    if (!bracket || !end || bracket == name || bracket[-1] != ' ')
        return;
    *symbol = eg_text(eg_strf(r, "%.*s", (int)(bracket - 1 - name), name));
    *module = eg_text(eg_strf(r, "%.*s", (int)(end - bracket - 1), bracket + 1));
}

static void emit(struct eg_run *r, struct eg_obj t)
{
    struct eg_obj function = linux_kthread_function(r, t), worker = linux_worker(r, t);
    struct eg_obj work = linux_worker_function(r, worker);
    struct eg_cell symbol = { 0 }, module = { 0 };
    struct linux_hook made = { 0 }, in = { 0 };
    uint64_t at, doing = 0;

    if (eg_load(&at, function)) {
        split(r, eg_name_of(r, at), &symbol, &module);
        if (symbol.tag == EG_CELL_UNSET)
            symbol = module = eg_missing(EG_NO_SYMBOL, at);
        linux_hook_at(r, at, &made);
    }
    if (!worker.why && !work.why)
        eg_load(&doing, work);
    linux_hook_at(r, doing, &in);
    eg_row(r, .OFFSET = eg_addr(t), .PID = linux_pid(t), .TID = linux_tid(t),
           .NAME = linux_task_name(r, t), .FUNCTION = eg_cell_of(function), .MODULE = module,
           .SYMBOL = symbol,
           .WORKQUEUE = eg_text(worker.why ? NULL : linux_worker_queue(r, worker)),
           .WORK = eg_text(doing ? eg_name_of(r, doing) : NULL),
           .HINTS = eg_text(linux_hints_of(r, made.code.hint, "work", &in)));
}

static int run(struct eg_run *r)
{
    struct eg_obj leader, t;

    linux_each_process(r, leader)
        if (linux_task_is_kthread(r, leader) && linux_pid_asked(r, leader))
            linux_each_thread(r, leader, t)
                if (linux_task_is_kthread(r, t))
                    emit(r, t);
    return 0;
}

EG_PLUGIN(kthreads) = {
    .os = "linux",
    .help = "List kernel threads with what they were made to run and work at",
    .manual =
        "FUNCTION is what kthread_create was given: for every worker, worker_thread. WORKQUEUE "
        "of a worker is the queue that it works for, or worked for last; WORK the function that "
        "it is in at this moment. A function in no module and outside of the kernel has no "
        "SYMBOL: for example that of a thread whose module is hidden. HINTS says so, and where a "
        "function is of a module that did not come with the kernel. Sees what is on the "
        "kernel's task list: psxview tells what is not. Processes with a kernel thread's name: "
        "spoofed, orphans.",
    .aliases = EG_NAMES("linux.kthreads.Kthreads"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these threads")),
    .needs = EG_NEEDS(task_struct.comm, task_struct.flags),
    .uses = EG_NAMES("tasks", "threads", "task_name"),
    .run = run,
    .moves = EG_NAMES("NAME", "WORKQUEUE", "WORK"),
};
