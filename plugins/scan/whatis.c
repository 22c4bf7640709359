/* whatis - who uses a place in memory. */
#include "../../core/run.h"
#include "../../core/search.h"
#include "../linux/mm/mm.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(AT, ADDR, "the address that was asked for")                                                  \
    C(PHYSICAL, ADDR, "where that is in physical memory")                                          \
    C(KIND, TEXT,                                                                                  \
      "process, page cache, slab, kernel, kernel stack, per-CPU, sk_buff data, pipe, …")           \
    C(PID, INT, "of a process: its id")                                                            \
    C(COMM, TEXT, "its name")                                                                      \
    C(ADDRESS, ADDR, "the place there: in the process, or in the kernel (of a slab: the object)")  \
    C(NAME, TEXT, "the mapping's, file's, cache's, symbol's")                                      \
    C(NAME_OFFSET, ADDR, "in it")
EG_COLUMNS(COLUMNS);

struct question {
    struct eg_run *r;
    uint64_t at, pa;
};

static void emit(void *context, const struct eg_owner *o)
{
    const struct question *q = context;
    const struct eg_cell none = { 0 };

    eg_row(q->r, .AT = eg_uint(q->at), .PHYSICAL = eg_uint(q->pa), .KIND = eg_text(o->kind),
           .PID = o->pid < 0 ? none : eg_int(o->pid), .COMM = eg_text(o->comm),
           .ADDRESS = o->addr ? eg_uint(o->addr) : none, .NAME = eg_text(o->name),
           .NAME_OFFSET = eg_uint(o->offset));
}

/* The space that the addresses are of; NULL: the run failed. */
static struct eg_space *space_asked(struct eg_run *r)
{
    struct eg_space *space = NULL;
    struct eg_obj leader, task;
    int64_t pid;

    if (eg_arg_flag(r, "physical"))
        return eg_physical(r);
    if (!eg_arg_int(r, "pid", &pid))
        return eg_kernel(r);
    linux_each_process(r, leader) {
        if (eg_get_or((int64_t)-1, leader, task_struct.pid) != pid)
            continue;
        linux_each_thread(r, leader, task) // the leader may have ended
            space = space ? space : linux_task_space(r, task);
    }
    if (!space)
        eg_refused(r, "--pid %lld: no process with memory of its own has this id", (long long)pid);
    return space;
}

/* @return whether the address is one of a process, and the question does not say of which. */
static bool ask(struct eg_run *r, const struct eg_memory_ops *ops, void *owners,
                struct eg_space *space, uint64_t at)
{
    struct question q = { r, at, 0 };
    struct eg_view *v = eg_view_of(r);

    if (eg_translate(v, space, at, eg_physical(r), &q.pa)) {
        ops->owners(r, owners, q.pa, emit, &q);
        return false;
    }
    eg_row(r, .AT = eg_uint(at), .PHYSICAL = eg_missing((enum eg_why)v->why, at));
    return space == eg_kernel(r) && linux_init(r).addr >> 63 && !(at >> 63);
}

static int run(struct eg_run *r)
{
    const struct eg_memory_ops *ops = eg_system_of(r)->os->memory;
    struct eg_space *space = space_asked(r);
    uint64_t at, last;
    void *owners;
    bool is_user = false;

    if (!eg_arg_range(r, "at", 0, &at, &last))
        return eg_refused(r, "--at ADDRESS[,ADDRESS] says what to look for");
    owners = space ? ops->owners_open(r) : NULL;
    for (size_t i = 0; owners && eg_arg_range(r, "at", i, &at, &last) && !eg_stopped(r); i++) {
        is_user |= ask(r, ops, owners, space, at);
        while ((last ^ at) >> EG_VIEW_SHIFT && !eg_stopped(r)) {
            at = (at | (EG_VIEW_PAGE - 1)) + 1;
            is_user |= ask(r, ops, owners, space, at);
        }
    }
    if (is_user)
        eg_note(r, "an address below 0x8000000000000000 is one in a process: --pid says in which; "
                   "or a physical one: --physical");
    return r->status;
}

EG_PLUGIN(whatis) = {
    .os = "linux",
    .help = "Say who uses a place in memory: process, file, slab, symbol, page table, free page",
    .manual =
        "All users of the page (of a kernel stack the frame, of packets and pipes what they hold "
        "there): every process that maps it, with the mapping's name, and what the "
        "kernel says of it. Each step is checked: what does not fit is 'unknown', not guessed. "
        "'free' is a page of the buddy allocator, 'unreferenced' one that nobody holds (as a rule "
        "it is kept for the next request of one CPU); an object of a slab may be free too. "
        "Processes "
        "that are not on the task list, and file systems that process 1 does not see, have no name "
        "here.",
    .aliases = EG_NAMES("kmem"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(at, ADDR, "what to look for; of a range each page"),
                    EG_ARG(physical, FLAG, "they are physical addresses"),
                    EG_ARG(pid, INT, "they are this process's")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks"),
    .asks = true,
    .run = run,
};
