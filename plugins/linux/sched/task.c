/* sched/task.c - processes, threads, and what /proc/PID/status says of a task. */
#include "task.h"
#include "flags.h"
#include "signal.h"

EG_SYMBOL(init_task, "task_struct");

/* A list's link was read to get here; what else of it cannot be read at all is no task. */
static bool is_task(struct eg_run *r, struct eg_obj t)
{
    uint64_t pid;
    uint8_t first;

    if (eg_get(&pid, t, task_struct.pid) ||
        eg_load(&first, eg_index(eg_at(t, task_struct.comm), 0)))
        return true;
    eg_note(r, "the task at %#llx cannot be read: left out", (unsigned long long)t.addr);
    return false;
}

bool linux_next_process(struct eg_run *r, struct linux_task_walk *w, struct eg_obj *task)
{
    if (!w->begun) {
        w->list = eg_list_begin_(eg_at(eg_sym(r, init_task), task_struct.tasks),
                                 eg_f_task_struct.tasks.id);
        w->begun = true;
    }
    while (eg_list_next_(&w->list, task))
        if (is_task(r, *task))
            return true;
    return false;
}

bool linux_next_thread(struct eg_run *r, struct linux_thread_walk *w, struct eg_obj *task)
{
    if (!w->begun) {
        w->begun = true;
        w->list = eg_list_begin_(eg_at(w->leader, task_struct.signal, signal_struct.thread_head),
                                 eg_f_task_struct.thread_node.id);
        *task = w->leader;
        return !w->leader.why;
    }
    while (eg_list_next_(&w->list, task))
        if (task->addr != w->leader.addr && is_task(r, *task))
            return true;
    return false;
}

struct eg_obj linux_parent(struct eg_run *r, struct eg_obj task)
{
    (void)r;
    return eg_deref(eg_at(task, task_struct.real_parent, task_struct.group_leader));
}

/* Bits and letters of include/linux/sched.h and fs/proc/array.c since 4.14 (8ef9925b02c2). */
char linux_task_state(struct eg_run *r, struct eg_obj task)
{
    enum { REPORT = 0x7f, REPORT_IDLE = 0x80, IDLE = 0x402, RTLOCK_WAIT = 0x1000, FROZEN = 0x8000 };
    uint32_t state, exit_state, shown;
    int index = 0;

    (void)r;
    if (!eg_get(&state, task, task_state) || !eg_get(&exit_state, task, task_struct.exit_state))
        return '?';
    shown = (state | exit_state) & REPORT;
    if ((state & IDLE) == IDLE)
        shown = REPORT_IDLE;
    if (state & (RTLOCK_WAIT | FROZEN))
        shown = 2; // the kernel shows these as uninterruptible
    while (shown >> index)
        index++;
    return "RSDTtXZPI"[index];
}

struct eg_cell linux_task_state_cell(struct eg_run *r, struct eg_obj task)
{
    const char letter = linux_task_state(r, task);

    return letter == '?' ? eg_missing(EG_UNREADABLE, task.addr) : eg_text(eg_strf(r, "%c", letter));
}

struct eg_cell linux_task_exit_state(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj state = eg_at(task, task_struct.exit_state);
    const char *name;
    uint32_t value;

    (void)r;
    if (!eg_load(&value, state))
        return eg_cell_of(state);
    name = eg_constant_name(linux_exit_states, value);
    return name ? eg_text(name) : eg_missing(EG_BAD_VALUE, state.addr);
}

bool linux_task_has(struct eg_obj task, uint32_t flag)
{
    return eg_get_or(0u, task, task_struct.flags) & flag;
}

bool linux_task_is_kthread(struct eg_run *r, struct eg_obj task)
{
    (void)r;
    return linux_task_has(task, PF_KTHREAD);
}

bool linux_task_started(struct eg_obj task, int64_t *ns)
{
    return eg_get(ns, task, task_started);
}

struct eg_obj linux_init(struct eg_run *r)
{
    struct linux_task_walk w = { 0 };
    struct eg_obj t;
    int32_t pid;

    while (linux_next_process(r, &w, &t))
        if (eg_get(&pid, t, task_struct.pid) && pid == 1)
            return t;
    return eg_sym(r, init_task);
}

/* ---- the same by name ---- */

static bool next_task(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_process(r, state, out);
}

EG_WALKER(tasks) = {
    .os = "linux",
    .help =
        "processes: the leaders of thread groups in the order of the kernel's list; not swapper/0",
    .elem = "task_struct",
    .needs = EG_NEEDS(task_struct.tasks),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .state = sizeof(struct linux_task_walk),
    .next = next_task,
};

static bool next_thread(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_thread_walk *w = state;

    w->leader = arg;
    return linux_next_thread(r, w, out);
}

EG_WALKER(threads) = {
    .os = "linux",
    .help = "all threads of a process, the leader first",
    .arg = "task_struct",
    .elem = "task_struct",
    .needs = EG_NEEDS(task_struct.signal, signal_struct.thread_head, task_struct.thread_node),
    .state = sizeof(struct linux_thread_walk),
    .next = next_thread,
};

struct child_walk {
    struct eg_list_walk list;
    bool begun;
};

static bool next_child(struct eg_run *r, struct eg_obj task, void *state, struct eg_obj *out)
{
    struct child_walk *w = state;

    (void)r;
    if (!w->begun)
        w->list = eg_list_begin_(eg_at(task, task_struct.children), eg_f_task_struct.sibling.id);
    w->begun = true;
    return eg_list_next_(&w->list, out);
}

EG_WALKER(children) = {
    .os = "linux",
    .help = "the processes that a thread is the parent of, by its own list of them",
    .arg = "task_struct",
    .elem = "task_struct",
    .needs = EG_NEEDS(task_struct.children, task_struct.sibling),
    .state = sizeof(struct child_walk),
    .next = next_child,
};

EG_FUNCTION(state) = {
    .os = "linux",
    .help = "a task's state as in /proc/PID/stat: R S D T t X Z P I",
    .args = "task",
    .returns = "text",
    .cell = linux_task_state_cell,
};

EG_FUNCTION(is_kthread) = {
    .os = "linux",
    .help = "whether a task is a kernel thread",
    .args = "task",
    .needs = EG_NEEDS(task_struct.flags),
    .is = linux_task_is_kthread,
};

static struct eg_cell ppid(struct eg_run *r, struct eg_obj task)
{
    (void)r;
    return linux_ppid(task);
}

EG_FUNCTION(ppid) = {
    .os = "linux",
    .help = "the process id of a task's real parent, whichever of its threads that is",
    .args = "task",
    .returns = "integer",
    .cell = ppid,
};

EG_FUNCTION(parent) = {
    .os = "linux",
    .help = "the process that is a task's real parent: its leader",
    .args = "task",
    .returns = "task_struct",
    .cursor = linux_parent,
};
