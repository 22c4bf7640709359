/* psscan - task_structs in all of physical memory: of living tasks, and what is left of others. */
#include "../linux/kernel/time.h"
#include "../linux/own/tasks.h"
#include "../linux/sched/kthread.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    C(PHYSICAL, ADDR, "physical address of its first byte")                                        \
    LINUX_COLUMN_PID(C)                                                                            \
    C(TID, INT, "thread id")                                                                       \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(EXIT_STATE, TEXT, "EXIT_ZOMBIE, EXIT_DEAD; TASK_RUNNING while it had not ended")             \
    C(LIFE, TEXT, "living, new, zombie, dead, freed, leftover; see the manual")                    \
    C(LINKED, BOOL, "whether a list or table of the kernel leads to it")                           \
    C(CONFIDENCE, INT, "percent of the marks of a task that it has")                               \
    C(MARKS, FLAGS, "those that it has")                                                           \
    C(CREATION_TIME, TIME, "when it was created; moves with the wall clock")
EG_COLUMNS(COLUMNS);

static struct eg_cell life(struct eg_obj task, const struct linux_task_trace *t)
{
    const uint16_t alive = LINUX_MARK_CRED | LINUX_MARK_SIGNAL;
    enum { ZOMBIE = 0x20 };
    uint32_t exit_state = 0;

    if (!(t->marks & LINUX_MARK_COMM) && !(t->marks & LINUX_MARK_CLASS))
        return eg_missing(EG_BAD_VALUE, t->va); // a list led to it, and it is no task
    if (t->place == LINUX_TASK_FREE)
        return eg_text("freed");
    if (t->place == LINUX_TASK_OUTSIDE &&
        (!(t->sources & LINUX_BY_KERNEL) || (t->marks & alive) != alive))
        return eg_text("leftover");
    if (eg_get(&exit_state, task, task_struct.exit_state) && exit_state)
        return eg_text(exit_state & ZOMBIE ? "zombie" : "dead");
    return eg_text(t->is_new ? "new" : "living");
}

static int run(struct eg_run *r)
{
    const struct linux_tasks *all = linux_tasks(r);

    for (size_t i = 0; all && i < all->at.n; i++) {
        const struct linux_task_trace *t = &all->at.at[i];
        struct eg_obj task = eg_object(r, task_struct, t->va);
        const bool linked = t->sources & LINUX_BY_KERNEL || t->place == LINUX_TASK_STATIC;
        // Only run queues have idle tasks.
        const bool unknown = !linked && !t->pid && !(all->available & LINUX_BY_QUEUES);

        if (!linux_pid_asked(r, task))
            continue;
        eg_row(r, .OFFSET = eg_uint(t->va),
               .PHYSICAL = t->pa == UINT64_MAX ? eg_missing(EG_ABSENT, t->va) : eg_uint(t->pa),
               .PID = linux_pid(task), .TID = linux_tid(task), .PPID = linux_ppid(task),
               .COMM = linux_comm(task), .EXIT_STATE = linux_task_exit_state(r, task),
               .LIFE = life(task, t), .LINKED = unknown ? (struct eg_cell){ 0 } : eg_int(linked),
               .CONFIDENCE = eg_int(t->confidence),
               .MARKS = eg_text(eg_bits_text(r, linux_task_marks, t->marks, " ")),
               .CREATION_TIME = linux_wall_of(r, LINUX_BOOTTIME, eg_at(task, task_started)));
    }
    if (all && !(all->available & LINUX_BY_SLAB))
        eg_note(r, "the slabs of tasks were not found: whether a task is freed is not known");
    return 0;
}

EG_PLUGIN(psscan) = {
    .os = "linux",
    .help = "Search physical memory for tasks: living, hidden, ended ones",
    .manual =
        "Goes over all of physical memory once, and over the slabs of the cache of tasks, full "
        "ones too. A task is recognised by marks that do not depend on each other: its scheduling "
        "class, its name (comm), its ids, its group's leader, its credentials, the end of its "
        "stack, its struct pid, its signal_struct, its place in a slab. A name, ids and one or two "
        "others are needed; CONFIDENCE is how many it has, of those that it can have. Of one that "
        "has ended the last ones lead nowhere any more.\n\n"
        "LIFE: living; new: fork has not finished it, at first a copy of its parent, with that "
        "one's id and name; zombie: ended, its parent has not asked; dead: ended, and some part of "
        "the "
        "kernel still holds it; freed: what is left of one in a free place of a slab (on a free "
        "list or in a sheaf), whose parent's id may be another's by now; leftover: in memory that "
        "is no slab of tasks any more. Copies of a task elsewhere, as a dump that is being written "
        "has, are left out. A task that is living and not LINKED, by no list or table, "
        "is hidden or was changed while the image was taken: psxview has the reasons. What was "
        "overwritten is not found, nor is what the kernel's map of all memory does not have. The "
        "idle tasks of all CPUs (swapper) have id 0.",
    .aliases = EG_NAMES("linux.psscan.PsScan"),
    .looks_for = EG_NAMES("hidden processes"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.pid, task_struct.tgid, task_struct.comm),
    .uses = EG_NAMES("tasks", "pids"),
    .run = run,
    .moves = EG_NAMES("MARKS", "CONFIDENCE"),
};
