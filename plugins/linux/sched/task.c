/* task.c - processes, threads, and what one line of /proc/PID/status says of a task. */
#include "../linux.h"

EG_FIELDS(task_struct, tasks, thread_node, signal, pid, comm, flags, exit_state, thread_pid, pids);
EG_FIELD_AS(task_state, task_struct, "__state|state"); // renamed in 5.14
EG_FIELDS(signal_struct, thread_head);
EG_FIELDS(pid, level, numbers);
EG_FIELDS(upid, nr);
EG_FIELDS(pid_link, pid); // task_struct.pids[], until 4.19
EG_SYMBOL(init_task, "task_struct");

/* A list's link was read to get here; a struct whose own words cannot be read is no task. */
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

unsigned linux_task_pids(struct eg_run *r, struct eg_obj task, int32_t *out, unsigned max)
{
    struct eg_obj pid = eg_has(r, task_struct.thread_pid)
                            ? eg_at(task, task_struct.thread_pid)
                            : eg_at(eg_index(eg_at(task, task_struct.pids), 0), pid_link.pid);
    struct eg_obj numbers = eg_at(pid, pid.numbers);
    uint32_t level;
    unsigned n;

    if (numbers.why || !eg_get(&level, pid, pid.level))
        return 0;
    // numbers[] is declared with one element, or with none.
    for (n = 0; n < max && n <= level; n++)
        if (!eg_get(&out[n], eg_object(r, upid, numbers.addr + n * eg_size(r, upid)), upid.nr))
            return 0;
    return n;
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
        shown = 2; // uninterruptible, as the kernel says it
    while (shown >> index)
        index++;
    return "RSDTtXZPI"[index];
}

bool linux_task_is_kthread(struct eg_run *r, struct eg_obj task)
{
    enum { PF_KTHREAD = 0x00200000 };

    (void)r;
    return eg_get_or(0u, task, task_struct.flags) & PF_KTHREAD;
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

static bool next_task(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_process(r, state, out);
}

EG_WALKER(tasks) = {
    .os = "linux",
    .help = "thread group leaders, in the order of the kernel's list; not swapper/0",
    .elem = "task_struct",
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
    .state = sizeof(struct linux_thread_walk),
    .next = next_thread,
};
