/* sched/nothing.c - why nothing was found of a process or thread that the user asked for. */
#include "flags.h"
#include "processes.h"
#include "task.h"
#include <string.h>

static const char *name(struct eg_run *r, struct eg_obj task)
{
    const char *comm = eg_string(r, eg_at(task, task_struct.comm), 16);

    return comm && *comm ? comm : "its name cannot be read";
}

static bool has_ended(struct eg_run *r, struct eg_obj leader)
{
    struct eg_obj t;
    uint64_t mm;

    linux_each_thread(r, leader, t) // the leader may have ended before its threads
        if (!eg_get(&mm, t, task_struct.mm) || mm)
            return false;
    return true;
}

static const char *of_process(struct eg_run *r, struct eg_obj leader)
{
    if (linux_task_is_kthread(r, leader))
        return eg_strf(r, "a kernel thread (%s): it runs no program and has no memory of its own",
                       name(r, leader));
    return has_ended(r, leader)
               ? eg_strf(r, "this process (%s) has ended: its memory is gone", name(r, leader))
               : NULL;
}

static const char *of_thread(struct eg_run *r, struct eg_obj leader, struct eg_obj t,
                             const char *option)
{
    const long long pid = eg_get_or(-1LL, leader, task_struct.tgid);
    uint64_t mm;

    if (!strcmp(option, "pid"))
        return eg_strf(r, "a thread of process %lld (%s), not a process", pid, name(r, leader));
    if (!linux_pid_asked(r, leader))
        return eg_strf(r, "a thread of process %lld (%s), which was not asked for", pid,
                       name(r, leader));
    if (linux_task_is_kthread(r, leader))
        return of_process(r, leader);
    if (linux_task_has(t, PF_IO_WORKER))
        return eg_strf(r, "a thread of io_uring in process %lld (%s): it runs in the kernel only",
                       pid, name(r, leader));
    return eg_get(&mm, t, task_struct.mm) && !mm
               ? eg_strf(r, "this thread of process %lld (%s) has ended", pid, name(r, leader))
               : NULL;
}

const char *linux_why_nothing(struct eg_run *r, const char *option, int64_t id)
{
    const bool is_pid = !strcmp(option, "pid");
    struct eg_obj leader, t;

    linux_each_process(r, leader) {
        if (is_pid && eg_get_or((int64_t)-1, leader, task_struct.tgid) == id)
            return of_process(r, leader);
        linux_each_thread(r, leader, t)
            if (eg_get_or((int64_t)-1, t, task_struct.pid) == id &&
                (!is_pid || t.addr != leader.addr))
                return of_thread(r, leader, t, option);
    }
    return NULL;
}
