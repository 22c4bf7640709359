/* psxview - which lists and tables of the kernel have a task, and whether it is hidden. */
#include "../linux/kernel/time.h"
#include "../linux/own/tasks.h"
#include "../linux/sched/flags.h"
#include "../linux/sched/pid.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(list_next, task_struct, "tasks.next");
EG_FIELD_AS(list_prev, task_struct, "tasks.prev");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    LINUX_COLUMN_PID(C)                                                                            \
    C(TID, INT, "thread id")                                                                       \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(LIST, BOOL, "the task list, forwards")                                                       \
    C(LIST_BACK, BOOL, "the task list, backwards", EG_MINOR)                                       \
    C(THREAD_LIST, BOOL, "its process's list of threads", EG_MINOR)                                \
    C(PID_TABLE, BOOL, "the table of ids of a pid namespace")                                      \
    C(CHILDREN, BOOL, "its parent's list of children", EG_MINOR)                                   \
    C(CGROUP_LIST, BOOL, "the list of a control group", EG_MINOR)                                  \
    C(RUN_QUEUE, BOOL, "a run queue; only what runs, or waits for a CPU, is on one", EG_MINOR)     \
    C(SLAB, BOOL, "an allocated object of the cache of tasks", EG_MINOR)                           \
    C(SCAN, BOOL, "physical memory that looks like a task")                                        \
    C(VERDICT, TEXT, "normal, hidden, uncertain")                                                  \
    C(REASON, TEXT, "why it is hidden or uncertain, or why what is missing is normal")
EG_COLUMNS(COLUMNS);

enum verdict { NORMAL, UNCERTAIN, HIDDEN };
static const char *const verdicts[] = { "normal", "uncertain", "hidden" };

struct view {
    struct eg_run *r;
    const struct linux_tasks *all;
    struct eg_obj task;
    const struct linux_task_trace *t;
    int64_t now; // when the kernel's clock was copied, ns since boot; has_now
    bool has_now;
    bool moved; // the image shows more than one moment
    bool taken; // its own link of the list says that it was taken off
    enum verdict verdict;
    const char *reason;
};

static void say(struct view *v, enum verdict verdict, const char *reason)
{
    v->reason = v->reason ? eg_strf(v->r, "%s; %s", v->reason, reason) : reason;
    if (verdict > v->verdict)
        v->verdict = verdict;
}

static bool lacks(const struct view *v, uint16_t source)
{
    return v->all->available & source && !(v->t->sources & source);
}

/* A task can give itself no start, but who changes memory can: no image takes a day. */
static bool is_near(int64_t now, int64_t started)
{
    const int64_t day = 24 * 3600 * INT64_C(1000000000);

    return started < 0 || now < 0 || started - now < day;
}

/* Was it started after the kernel's clock was copied, or just before? Then what was copied earlier
 * does not know it yet. */
static bool started_late(const struct view *v)
{
    const int64_t before = v->moved ? 200000000 : 0; // the list is copied near the clock
    int64_t started;

    return v->has_now && linux_task_started(v->task, &started) && started > v->now - before &&
           is_near(v->now, started);
}

/* ---- off the task list ---- */

enum link { LINKED, ALONE, POISONED, PASSED_BY, UNREAD };

/** What the task's own link of the list says, and its neighbours'. */
static enum link link_of(const struct view *v)
{
    const uint64_t off = eg_offset(v->r, task_struct.tasks), own = v->t->va + off;
    uint64_t next, prev, back, forth;
    struct eg_obj after, before;

    if (!eg_get(&next, v->task, list_next) || !eg_get(&prev, v->task, list_prev))
        return UNREAD;
    if (next == own && prev == own)
        return ALONE;
    after = eg_object(v->r, task_struct, next - off);
    before = eg_object(v->r, task_struct, prev - off);
    if (!eg_get(&back, after, list_prev) || !eg_get(&forth, before, list_next))
        return POISONED;
    return back == own && forth == own ? LINKED : PASSED_BY;
}

static void off_list(struct view *v)
{
    switch (link_of(v)) {
    case ALONE:
        v->taken = true;
        say(v, HIDDEN, "taken off the task list: its link leads to itself");
        return;
    case POISONED:
        v->taken = true;
        say(v, HIDDEN, "taken off the task list: its link leads nowhere, and it has not ended");
        return;
    case LINKED:
        if (!v->all->whole) {
            say(v, UNCERTAIN, "the task list is broken: its neighbours lead to it");
            return;
        }
        say(v, HIDDEN, "not on the task list, but in a chain beside it");
        return;
    case PASSED_BY:
        if (v->moved || !v->all->whole) {
            say(v, UNCERTAIN, "not on the task list, which changed while the image was taken");
            return;
        }
        say(v, HIDDEN, "taken off the task list: its neighbours pass it by");
        return;
    case UNREAD:
        say(v, UNCERTAIN, "its link of the task list cannot be read");
        return;
    }
}

/* ---- the verdict ---- */

static bool is_leader(const struct view *v)
{
    return v->t->pid == v->t->tgid;
}

static void missing(struct view *v)
{
    const enum verdict verdict = v->moved ? UNCERTAIN : HIDDEN;

    if (is_leader(v)) {
        if (lacks(v, LINUX_BY_LIST) && lacks(v, LINUX_BY_BACK))
            off_list(v);
        else if (v->all->whole && (lacks(v, LINUX_BY_LIST) || lacks(v, LINUX_BY_BACK)))
            say(v, verdict, "on the task list in one direction only");
        if (lacks(v, LINUX_BY_CHILDREN))
            say(v, verdict, "not among its parent's children");
    }
    if (lacks(v, LINUX_BY_PIDS))
        say(v, verdict, "its id is in no table of ids: /proc does not show it");
    if (lacks(v, LINUX_BY_THREADS))
        say(v, verdict, "not on its process's list of threads");
    if (lacks(v, LINUX_BY_CGROUPS) && !linux_task_has(v->task, PF_EXITING)) // it leaves them first
        say(v, verdict, "on no control group's list");
    if (v->t->place == LINUX_TASK_FREE)
        say(v, UNCERTAIN, "its place in the slab is free");
    else if (v->t->place == LINUX_TASK_OUTSIDE && v->all->available & LINUX_BY_SLAB)
        say(v, UNCERTAIN, "in no slab of tasks");
    if (lacks(v, LINUX_BY_SCAN))
        say(v, UNCERTAIN, "its memory does not look like a task's, or is not in the image");
}

/* A task that runs has its credentials, its struct pid and its signal_struct, in memory that is
 * allocated. */
static bool is_complete(const struct view *v)
{
    const uint16_t parts = LINUX_MARK_CRED | LINUX_MARK_PID | LINUX_MARK_SIGNAL;

    return (v->t->marks & parts) == parts && v->t->place != LINUX_TASK_FREE &&
           (v->t->place != LINUX_TASK_OUTSIDE || !(v->all->available & LINUX_BY_SLAB));
}

static void judge(struct view *v)
{
    enum { NEW = 0x800 }; // TASK_NEW: fork has not finished
    uint32_t exit_state = 0, state = 0;
    const bool idle =
        v->t->place == LINUX_TASK_STATIC ||
        (!v->t->pid && (v->all->available & LINUX_BY_QUEUES ? v->t->sources & LINUX_BY_QUEUES
                                                            : linux_task_has(v->task, PF_IDLE)));

    eg_get(&exit_state, v->task, task_struct.exit_state);
    eg_get(&state, v->task, task_state);
    if (idle) {
        say(v, NORMAL, "idle task of a CPU, which is on no list");
    } else if (exit_state && !(v->t->sources & LINUX_BY_PIDS)) {
        say(v, NORMAL, "has ended; its memory is not given back yet");
    } else if (exit_state) {
        say(v, NORMAL, "has ended; its parent has not asked for its exit status");
    } else {
        missing(v);
        if (v->verdict == NORMAL)
            return;
        if (!v->taken && (state & NEW || started_late(v))) {
            v->verdict = NORMAL;
            v->reason = "was being created while the image was taken";
        } else if (!v->taken && v->t->is_new) {
            v->verdict = NORMAL;
            v->reason = "was being created while the image was taken: still a copy of its parent";
        } else if (v->moved && !is_complete(v)) {
            v->verdict = NORMAL;
            v->reason = "was born, or ended, while the image was taken: parts of it are not there";
        }
    }
}

#define CELL(bit)                                                                                  \
    (v->all->available & (bit) && !(only_leaders & (bit) && !is_leader(v))                         \
         ? eg_int((v->t->sources & (bit)) != 0)                                                    \
         : (struct eg_cell){ 0 })

static void emit(const struct view *v)
{
    const uint16_t only_leaders = LINUX_BY_LIST | LINUX_BY_BACK | LINUX_BY_CHILDREN;

    eg_row(v->r, .OFFSET = eg_uint(v->t->va), .PID = linux_pid(v->task), .TID = linux_tid(v->task),
           .PPID = linux_ppid(v->task), .COMM = linux_comm(v->task), .LIST = CELL(LINUX_BY_LIST),
           .LIST_BACK = CELL(LINUX_BY_BACK), .THREAD_LIST = CELL(LINUX_BY_THREADS),
           .PID_TABLE = CELL(LINUX_BY_PIDS), .CHILDREN = CELL(LINUX_BY_CHILDREN),
           .CGROUP_LIST = CELL(LINUX_BY_CGROUPS), .RUN_QUEUE = CELL(LINUX_BY_QUEUES),
           .SLAB = v->t->place == LINUX_TASK_UNKNOWN && v->all->available & LINUX_BY_SLAB
                       ? eg_missing(EG_BAD_VALUE, v->t->va)
                       : CELL(LINUX_BY_SLAB),
           .SCAN = CELL(LINUX_BY_SCAN), .VERDICT = eg_text(verdicts[v->verdict]),
           .REASON = eg_text(v->reason));
}

/* Does the image show more than one moment? A task that was started after the kernel's clock was
 * copied says so, and a list that leads to memory which is a task's no more. */
static void find_moment(struct view *v)
{
    enum { TICK = 10000000 }; // how far the clock is behind, at 100 Hz
    int64_t wall, started;

    v->has_now = linux_now(v->r, &wall, &v->now);
    v->moved = !v->all->whole;
    for (size_t i = 0; i < v->all->at.n && !v->moved; i++) {
        const struct linux_task_trace *t = &v->all->at.at[i];

        v->moved = t->sources & LINUX_BY_KERNEL &&
                   (t->place == LINUX_TASK_FREE || t->place == LINUX_TASK_OUTSIDE);
        if (v->has_now && t->sources & LINUX_BY_KERNEL &&
            linux_task_started(eg_object(v->r, task_struct, t->va), &started))
            v->moved |= started > v->now + TICK && is_near(v->now, started);
    }
}

static int run(struct eg_run *r)
{
    const bool threads = eg_arg_flag(r, "threads");
    struct view v = { .r = r, .all = linux_tasks(r) };
    size_t hidden = 0, uncertain = 0;

    if (!v.all)
        return 0;
    find_moment(&v);
    for (size_t i = 0; i < v.all->at.n && !eg_stopped(r); i++) {
        v.t = &v.all->at.at[i];
        v.task = eg_object(r, task_struct, v.t->va);
        v.verdict = NORMAL;
        v.reason = NULL;
        v.taken = false;
        if (!(v.t->sources & LINUX_BY_KERNEL) &&
            (v.t->place == LINUX_TASK_FREE || v.t->place == LINUX_TASK_OUTSIDE))
            continue; // psscan has these
        judge(&v);
        hidden += v.verdict == HIDDEN;
        uncertain += v.verdict == UNCERTAIN;
        if ((threads || is_leader(&v) || v.verdict != NORMAL) && linux_pid_asked(r, v.task))
            emit(&v);
    }
    if (hidden)
        eg_note(r, "%zu hidden: tasks that the kernel's lists and tables do not agree on", hidden);
    if (uncertain)
        eg_note(r, "%zu uncertain: %s", uncertain,
                v.moved ? "the image shows more than one moment, or its lists are damaged"
                        : "see REASON");
    return 0;
}

EG_PLUGIN(psxview) = {
    .os = "linux",
    .help = "Compare where the kernel and its memory have each task, and say who is hidden",
    .manual =
        "One column for each source. A cell is empty where the source does not apply: only the "
        "leaders of processes are on the task list and among the children of a parent. Normal "
        "are: idle tasks, which are on no list; tasks that have ended; what fork has not finished, "
        "at first a copy of its parent with that one's id; RUN_QUEUE no for all that sleep. "
        "Hidden is a living task that a list or table lacks. Uncertain: the same in an "
        "image that shows more than one moment (a task was started after the kernel's clock was "
        "copied, a list is broken), where a task can be in one table and not in another because "
        "it was started or ended meanwhile; or its memory is not in the image. In such an image "
        "a task is still called hidden where its own links say that it was removed from the "
        "list. LIST and LIST_BACK go along the links of one direction alone; pslist joins both. "
        "Rows are processes, and threads with something to say. What psscan finds in free memory "
        "is only there.",
    .aliases = EG_NAMES("linux_psxview"),
    .looks_for = EG_NAMES("hidden processes"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(threads, FLAG, "every thread, not only those with something to say")),
    .needs = EG_NEEDS(task_struct.pid, task_struct.tgid, task_struct.comm),
    .uses = EG_NAMES("tasks", "pids"),
    .run = run,
    .moves = EG_NAMES("RUN_QUEUE"),
};
