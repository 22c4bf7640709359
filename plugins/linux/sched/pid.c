/* sched/pid.c - a task's ids in its pid namespaces. */
#include "pid.h"
#include "task.h"

EG_FIELDS(pid, level, numbers);
EG_FIELDS(upid, nr, ns);
EG_FIELD_AS(pid_ns_inum, pid_namespace, "ns.inum");
EG_FIELDS(pid_link, pid); // task_struct.pids[], until 4.19

enum { LEVELS_MAX = 32 }; // MAX_PID_NS_LEVEL

/* Null where the task has ended and its struct pid was taken away. */
static struct eg_obj pid_of(struct eg_run *r, struct eg_obj task)
{
    return eg_has(r, task_struct.thread_pid)
               ? eg_at(task, task_struct.thread_pid)
               : eg_at(eg_index(eg_at(task, task_struct.pids), 0), pid_link.pid);
}

unsigned linux_task_pids(struct eg_run *r, struct eg_obj task, int32_t *out, unsigned max)
{
    struct eg_obj pid = pid_of(r, task), numbers = eg_at(pid, pid.numbers);
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

struct eg_cell linux_task_nspid(struct eg_run *r, struct eg_obj task)
{
    int32_t pids[LEVELS_MAX];
    const unsigned n = linux_task_pids(r, task, pids, LEVELS_MAX);
    const char *text;

    if (!n) {
        struct eg_obj pid = eg_deref(pid_of(r, task));

        return eg_missing(pid.why ? (enum eg_why)pid.why : EG_UNREADABLE, pid.addr);
    }
    text = eg_strf(r, "%d", pids[0]);
    for (unsigned i = 1; i < n; i++)
        text = eg_strf(r, "%s,%d", text, pids[i]);
    return eg_text(text);
}

uint64_t linux_task_pid_ns(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj pid = pid_of(r, task), numbers = eg_at(pid, pid.numbers);
    uint32_t level;

    if (numbers.why || !eg_get(&level, pid, pid.level) || level >= LEVELS_MAX)
        return 0;
    return eg_get_or((uint64_t)0, eg_object(r, upid, numbers.addr + level * eg_size(r, upid)),
                     upid.ns, pid_ns_inum);
}

EG_FUNCTION(nspid) = {
    .os = "linux",
    .help = "a task's id in each pid namespace that it is seen in, the outermost first: \"4711,1\"",
    .args = "task",
    .returns = "text",
    .cell = linux_task_nspid,
};
