/* tasks.c - every trace of a task. */
#include "tasks.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../mm/slab.h"
#include "../sched/cred.h"
#include "../sched/css.h"
#include "../sched/pid.h"
#include "../sched/rq.h"
#include "../sched/task.h"
#include "pages.h"
#include <string.h>

EG_FIELD_AS(tasks_next, task_struct, "tasks.next");
EG_FIELD_AS(tasks_prev, task_struct, "tasks.prev");
EG_FIELD_AS(task_class, task_struct, "sched_class");
EG_FIELD_AS(thread_list, signal_struct, "thread_head");
EG_FIELD_AS(cred_usage, cred, "usage.counter|usage");
EG_SYMBOL(init_task, "task_struct");

enum {
    TASKS_MAX = 1 << 20,
    CLASSES_MAX = 16,
    CLASS_SPAN = 1 << 16, // all classes lie together
    PID_MAX = 1 << 22,    // PID_MAX_LIMIT
    COMM_BYTES = 16,
    STACK_MAGIC = 0x57AC6E9D, // STACK_END_MAGIC, include/uapi/linux/magic.h
};

const struct eg_constant linux_task_marks[] = {
    { "class", LINUX_MARK_CLASS }, { "comm", LINUX_MARK_COMM },
    { "ids", LINUX_MARK_IDS },     { "leader", LINUX_MARK_LEADER },
    { "cred", LINUX_MARK_CRED },   { "stack", LINUX_MARK_STACK },
    { "pid", LINUX_MARK_PID },     { "signal", LINUX_MARK_SIGNAL },
    { "slab", LINUX_MARK_SLAB },   { NULL, 0 },
};

/** While they are collected. */
struct collect {
    struct eg_run *r;
    struct linux_tasks *t;
    uint16_t source; // of what take() is called with
    uint64_t cache;  // the cache of tasks; 0: not known
    uint64_t align;  // of its objects
    uint64_t delta;  // virtual - physical; @has_delta
    bool has_delta;
    uint64_t init, init_pa;
    uint64_t classes[CLASSES_MAX];
    unsigned n_classes;
};

static struct linux_task_trace *trace(struct collect *c, uint64_t va, uint16_t source)
{
    struct linux_task_trace *new;
    uint64_t i;

    if (eg_map_get(&c->t->by_va, va, &i)) {
        c->t->at.at[i].sources |= source;
        return &c->t->at.at[i];
    }
    if (c->t->at.n == TASKS_MAX)
        eg_note(c->r, "there are more tasks than are looked at");
    if (c->t->at.n == TASKS_MAX || c->t->failed)
        return NULL;
    new = eg_vec_push(&c->t->at);
    if (!new || eg_map_add(&c->t->by_va, va, c->t->at.n - 1) < 0) {
        c->t->failed = true;
        return NULL;
    }
    *new = (struct linux_task_trace){ .va = va, .pa = UINT64_MAX, .sources = source };
    return new;
}

static struct eg_obj task_at(struct collect *c, uint64_t va)
{
    return eg_object(c->r, task_struct, va);
}

static void take(void *context, struct eg_obj task)
{
    struct collect *c = context;

    if (!task.why && task.addr)
        trace(c, task.addr, c->source);
}

/* ---- what it looks like ---- */

static void add_class(struct collect *c, uint64_t class)
{
    for (unsigned i = 0; i < c->n_classes; i++)
        if (c->classes[i] == class)
            return;
    if (class && c->n_classes < CLASSES_MAX)
        c->classes[c->n_classes++] = class;
}

/* By their symbols, which an image may lack, and as the tasks on the list have them; idle tasks are
 * not on it, but init_task is one. */
static void find_classes(struct collect *c)
{
    static const char *const names[] = {
        "fair_sched_class", "rt_sched_class",   "dl_sched_class",
        "idle_sched_class", "stop_sched_class", "ext_sched_class"
    };
    uint64_t class;

    for (size_t i = 0; i < countof(names); i++)
        if (eg_lookup(c->r, names[i], &class))
            add_class(c, class);
    for (size_t i = 0; i < c->t->at.n; i++)
        if (((c->t->at.at[i].sources & (LINUX_BY_LIST | LINUX_BY_BACK)) ==
                 (LINUX_BY_LIST | LINUX_BY_BACK) ||
             c->t->at.at[i].va == c->init) &&
            eg_get(&class, task_at(c, c->t->at.at[i].va), task_class) &&
            (!c->n_classes || class - c->classes[0] + CLASS_SPAN <= 2 * CLASS_SPAN))
            add_class(c, class);
}

/* Its name may be another, or that of a cache that it was merged with: the one of process 1. */
static void find_cache(struct collect *c)
{
    struct eg_obj init = linux_init(c->r);
    struct linux_slab_place p;
    uint64_t size;

    if (init.addr == c->init || !linux_slab_place_of(c->r, init.addr, &p, &c->cache) ||
        p.object != init.addr) {
        c->cache = 0;
        return;
    }
    size = eg_get_or(UINT64_C(1), eg_object(c->r, kmem_cache, c->cache), kmem_cache.size);
    c->align = size & -size;
}

static bool is_class(const struct collect *c, uint64_t class)
{
    for (unsigned i = 0; i < c->n_classes; i++)
        if (c->classes[i] == class)
            return true;
    return false;
}

static bool has_name(struct collect *c, struct eg_obj task)
{
    struct eg_obj comm = eg_at(task, task_struct.comm);
    size_t i;

    for (i = 0; i < COMM_BYTES; i++) {
        const uint8_t *p =
            comm.why ? NULL : eg_bytes(eg_view_of(c->r), comm.space, comm.addr + i, 1);

        if (!p || (*p && (*p < 0x20 || *p == 0x7f)))
            return false;
        if (!*p)
            break;
    }
    return i && i < COMM_BYTES;
}

static bool has_cred(struct collect *c, struct eg_obj task)
{
    struct eg_obj cred = eg_deref(eg_at(task, task_struct.real_cred));
    struct linux_slab_place place;
    uint64_t ns;
    int32_t usage;

    if (cred.why || !eg_get(&usage, cred, cred_usage) || usage <= 0 ||
        !eg_get(&ns, cred, cred_user_ns) || !ns)
        return false;
    return !linux_slab_place_of(c->r, cred.addr, &place, NULL) || place.object == cred.addr;
}

static bool has_pid(struct collect *c, struct eg_obj task, int32_t pid)
{
    int32_t nr;

    return linux_task_pids(c->r, task, &nr, 1) && nr == pid;
}

static uint16_t marks_of(struct collect *c, struct linux_task_trace *t)
{
    struct eg_obj task = task_at(c, t->va);
    struct eg_obj leader = eg_deref(eg_at(task, task_struct.group_leader));
    uint16_t marks = 0;
    uint64_t class, stack;
    int32_t threads;

    t->pid = t->tgid = -1;
    eg_get(&t->pid, task, task_struct.pid);
    eg_get(&t->tgid, task, task_struct.tgid);
    if (eg_get(&class, task, task_class) && is_class(c, class))
        marks |= LINUX_MARK_CLASS;
    if (has_name(c, task))
        marks |= LINUX_MARK_COMM;
    if (t->pid >= 0 && t->tgid >= 0 && t->pid <= PID_MAX && t->tgid <= PID_MAX)
        marks |= LINUX_MARK_IDS;
    if (!leader.why && eg_get_or(-1, leader, task_struct.pid) == t->tgid &&
        (t->pid == t->tgid) == (leader.addr == t->va))
        marks |= LINUX_MARK_LEADER;
    if (has_cred(c, task))
        marks |= LINUX_MARK_CRED;
    if (eg_get(&stack, task, task_struct.stack) && stack) {
        const uint8_t *p = eg_bytes(eg_view_of(c->r), task.space, stack, 4);

        if (p && eg_load_(p, 4, task.bind->model.big_endian) == STACK_MAGIC)
            marks |= LINUX_MARK_STACK;
    }
    if (t->pid > 0 && has_pid(c, task, t->pid))
        marks |= LINUX_MARK_PID;
    if (eg_get(&threads, task, task_struct.signal, signal_threads) && threads > 0 &&
        threads <= PID_MAX)
        marks |= LINUX_MARK_SIGNAL;
    return marks;
}

static void place(struct collect *c, struct linux_task_trace *t)
{
    struct linux_slab_place p;
    uint64_t cache;

    if (t->va == c->init) {
        t->place = LINUX_TASK_STATIC;
        t->pa = c->init_pa;
        return;
    }
    if (!eg_translate(eg_view_of(c->r), eg_kernel(c->r), t->va, eg_physical(c->r), &t->pa))
        t->pa = UINT64_MAX;
    if (!c->cache)
        t->place = LINUX_TASK_UNKNOWN;
    else if (!linux_slab_place_of(c->r, t->va, &p, &cache) || cache != c->cache ||
             p.object != t->va)
        t->place = LINUX_TASK_OUTSIDE;
    else
        t->place = !p.known ? LINUX_TASK_UNKNOWN : p.free ? LINUX_TASK_FREE : LINUX_TASK_ALLOCATED;
}

/* Marks, and how many of those that it can have. */
static void judge(struct collect *c, struct linux_task_trace *t)
{
    unsigned can = LINUX_MARK_CLASS | LINUX_MARK_COMM | LINUX_MARK_IDS | LINUX_MARK_LEADER |
                   LINUX_MARK_CRED | LINUX_MARK_STACK | LINUX_MARK_SIGNAL;

    place(c, t);
    t->marks = marks_of(c, t);
    if (t->place == LINUX_TASK_ALLOCATED || t->place == LINUX_TASK_FREE ||
        (t->place == LINUX_TASK_UNKNOWN && c->cache))
        t->marks |= LINUX_MARK_SLAB;
    if (c->cache && t->place != LINUX_TASK_STATIC)
        can |= LINUX_MARK_SLAB;
    if (t->pid)
        can |= LINUX_MARK_PID;
    t->confidence = (uint8_t)(100 * __builtin_popcount(t->marks & can) / __builtin_popcount(can));
}

/* What is in no slab of tasks has to look like one in more: it lies as one does, has ids of its own
 * (idle tasks are never given back), and its name is plain. */
static bool is_plain(struct collect *c, const struct linux_task_trace *t)
{
    const char *comm = eg_string(c->r, eg_at(task_at(c, t->va), task_struct.comm), COMM_BYTES);
    uint64_t leader;

    for (size_t i = 0; comm && comm[i]; i++)
        if ((unsigned char)comm[i] >= 0x7f)
            return false;
    if (!comm || t->pid <= 0 || t->tgid <= 0 || t->va & (c->align - 1))
        return false;
    if (t->pid != t->tgid)
        return t->marks & (LINUX_MARK_LEADER | LINUX_MARK_CRED | LINUX_MARK_STACK | LINUX_MARK_PID);
    // A copy, in a dump that is being written, has its leader where the task itself is.
    return eg_get(&leader, task_at(c, t->va), task_struct.group_leader) && leader == t->va;
}

/* A name and ids, and where the scheduler or two others also say so. */
static bool is_like(uint16_t marks)
{
    const uint16_t others = marks & ~(LINUX_MARK_COMM | LINUX_MARK_IDS | LINUX_MARK_CLASS);

    return marks & LINUX_MARK_COMM && marks & LINUX_MARK_IDS &&
           (marks & LINUX_MARK_CLASS || __builtin_popcount(others) >= 2);
}

static bool looks_like(struct collect *c, const struct linux_task_trace *t)
{
    return is_like(t->marks) &&
           (t->place == LINUX_TASK_STATIC || t->marks & LINUX_MARK_SLAB || is_plain(c, t));
}

/* ---- the kernel's lists and tables ---- */

/* Along one kind of link alone, for what the other kind says is compared with it. */
static bool along(struct collect *c, uint16_t source, bool back)
{
    const uint64_t off = eg_offset(c->r, task_struct.tasks), head = c->init + off;
    struct eg_map *seen = eg_run_map(c->r);
    uint64_t node = c->init + off;

    for (size_t n = 0; n < TASKS_MAX && !eg_stopped(c->r); n++) {
        struct eg_obj task = task_at(c, node - off);

        if (back ? !eg_get(&node, task, tasks_prev) : !eg_get(&node, task, tasks_next))
            return false;
        if (node == head)
            return true;
        if (!eg_get(&(uint64_t){ 0 }, task_at(c, node - off), tasks_next) ||
            !eg_run_map_add(c->r, seen, node, 0))
            return false;
        trace(c, node - off, source);
    }
    return false;
}

/* Threads and children of all that is found, which finds more. */
static void relatives(struct collect *c)
{
    struct eg_map *signals = eg_run_map(c->r);
    struct eg_obj other;
    uint64_t signal;

    for (size_t i = 0; i < c->t->at.n && !c->t->failed && !eg_stopped(c->r); i++) {
        struct linux_task_trace seen = { .va = c->t->at.at[i].va };
        struct eg_obj task = task_at(c, seen.va);

        judge(c, &seen);
        if (!is_like(seen.marks)) // a list led to memory that is a task's no more, or not yet
            continue;
        if (eg_get(&signal, task, task_struct.signal) && signal &&
            eg_run_map_add(c->r, signals, signal, 0))
            eg_each_list(other, eg_at(task, task_struct.signal, thread_list),
                         task_struct.thread_node)
                trace(c, other.addr, LINUX_BY_THREADS);
        eg_each_list(other, eg_at(task, task_struct.children), task_struct.sibling)
            trace(c, other.addr, LINUX_BY_CHILDREN);
    }
}

static void by_kernel(struct collect *c)
{
    struct linux_pid_entry e;
    uint16_t *available = &c->t->available;
    bool forward, back;

    trace(c, c->init, 0);
    forward = along(c, LINUX_BY_LIST, false);
    back = along(c, LINUX_BY_BACK, true);
    c->t->whole = forward && back;
    *available |= LINUX_BY_LIST | LINUX_BY_BACK;
    find_classes(c);
    find_cache(c);
    linux_each_pid(c->r, e) if (!e.task.why)
    {
        trace(c, e.task.addr, LINUX_BY_PIDS);
        *available |= LINUX_BY_PIDS;
    }
    c->source = LINUX_BY_CGROUPS;
    // Before the first control group was mounted, none is on a list.
    if (linux_each_cgroup_task(c->r, take, c))
        for (size_t i = 0; i < c->t->at.n; i++)
            *available |= c->t->at.at[i].sources & LINUX_BY_CGROUPS;
    c->source = LINUX_BY_QUEUES;
    if (linux_each_queued(c->r, take, c))
        *available |= LINUX_BY_QUEUES;
    relatives(c);
    if (eg_has(c->r, thread_list))
        *available |= LINUX_BY_THREADS;
    if (eg_has(c->r, task_struct.children))
        *available |= LINUX_BY_CHILDREN;
}

/* ---- slabs and memory ---- */

static void by_slab(struct collect *c)
{
    struct linux_slab_place *places;
    size_t n;

    if (!c->cache)
        return;
    n = linux_slab_places(c->r, eg_object(c->r, kmem_cache, c->cache), &places);
    c->t->available |= n ? LINUX_BY_SLAB : 0;
    for (size_t i = 0; i < n && !eg_stopped(c->r); i++) {
        struct linux_task_trace seen = { .va = places[i].object };
        const bool allocated = places[i].known && !places[i].free;

        judge(c, &seen);
        if (eg_map_get(&c->t->by_va, seen.va, &(uint64_t){ 0 }) || looks_like(c, &seen))
            trace(c, seen.va, allocated ? LINUX_BY_SLAB : 0);
    }
}

static void by_scan(struct collect *c)
{
    struct linux_task_anchor a = { .class_off = eg_offset(c->r, task_class),
                                   .leader_off = eg_offset(c->r, task_struct.group_leader),
                                   .has_leader = eg_has(c->r, task_struct.group_leader),
                                   .delta = c->delta };
    struct linux_task_hits hits = { 0 };

    if (!c->has_delta)
        return;
    for (unsigned i = 0; i < c->n_classes; i++) {
        a.class_first = i ? EG_MIN(a.class_first, c->classes[i]) : c->classes[i];
        a.class_last = EG_MAX(a.class_last, c->classes[i]);
    }
    if (!linux_task_scan(c->r, &a, &hits))
        c->t->failed = !eg_stopped(c->r);
    if (hits.cut)
        eg_note(c->r, "more memory looks like tasks than there is room for: not all was searched");
    for (size_t i = 0; i < hits.at.n && !c->t->failed && !eg_stopped(c->r); i++) {
        const uint64_t pa = hits.at.at[i];
        struct linux_task_trace seen = { .va = pa == c->init_pa ? c->init : pa + c->delta };

        judge(c, &seen);
        if (seen.pa == pa && looks_like(c, &seen))
            trace(c, seen.va, LINUX_BY_SCAN);
    }
    eg_vec_fini(&hits.at);
    c->t->available |= LINUX_BY_SCAN;
}

/* ---- what fork is making ---- */

/* dup_task_struct() of kernel/fork.c copies the parent whole, with its ids, links and state. Only
 * later does sched_fork() set TASK_NEW, and copy_process() give the child ids of its own. Until
 * then it is on no list, and has its parent's struct pid, which no other task has, not even a
 * thread of the same process. */
static bool is_copy(struct collect *c, uint64_t va, uint64_t parent)
{
    const struct eg_obj child = task_at(c, va), original = task_at(c, parent);
    const struct eg_obj pid = eg_deref(linux_task_pid(c->r, child));
    int64_t started[2];
    uint64_t a, b;

    if (pid.why || pid.addr != eg_deref(linux_task_pid(c->r, original)).addr)
        return false;
    if (!eg_get(&a, child, task_struct.signal) || !a || !eg_get(&b, original, task_struct.signal) ||
        a != b)
        return false;
    if (!eg_get(&a, child, task_struct.group_leader) || a == va ||
        !eg_get(&b, original, task_struct.group_leader) || a != b)
        return false;
    return linux_task_started(child, &started[0]) && linux_task_started(original, &started[1]) &&
           started[0] == started[1];
}

/* @t is sorted by ids: a copy stands beside what it is a copy of. */
static void find_new(struct collect *c)
{
    enum { NEW = 0x800 }; // TASK_NEW of include/linux/sched.h, since 4.8
    struct linux_task_trace *all = c->t->at.at;
    uint64_t known = 0; // of those with the same ids the first one that a list has

    for (size_t first = 0, i = 0; i < c->t->at.n; i++) {
        uint32_t state = 0;

        if (!i || all[i].pid != all[first].pid || all[i].tgid != all[first].tgid) {
            first = i;
            known = 0;
            for (size_t k = i;
                 k < c->t->at.n && all[k].pid == all[i].pid && all[k].tgid == all[i].tgid && !known;
                 k++)
                known = all[k].sources & LINUX_BY_KERNEL ? all[k].va : 0;
        }
        if (all[i].sources & LINUX_BY_KERNEL || all[i].place == LINUX_TASK_STATIC ||
            all[i].place == LINUX_TASK_FREE || all[i].place == LINUX_TASK_OUTSIDE)
            continue;
        eg_get(&state, task_at(c, all[i].va), task_state);
        all[i].is_new = state & NEW || (known && is_copy(c, all[i].va, known));
    }
}

/* ---- all of it ---- */

static int by_ids(const void *a, const void *b)
{
    const struct linux_task_trace *x = a, *y = b;

    if (x->tgid != y->tgid)
        return x->tgid < y->tgid ? -1 : 1;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return x->va < y->va ? -1 : x->va > y->va;
}

static void finish(struct collect *c)
{
    struct linux_tasks *t = c->t;
    int64_t started;

    for (size_t i = 0; i < t->at.n; i++) {
        judge(c, &t->at.at[i]);
        if (t->at.at[i].sources & LINUX_BY_LIST &&
            linux_task_started(task_at(c, t->at.at[i].va), &started))
            t->newest = EG_MAX(t->newest, started);
    }
    if (t->at.n)
        qsort(t->at.at, t->at.n, sizeof *t->at.at, by_ids);
    find_new(c);
    eg_map_fini(&t->by_va);
    for (size_t i = 0; i < t->at.n; i++)
        if (eg_map_add(&t->by_va, t->at.at[i].va, i) < 0)
            t->failed = true;
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct eg_obj init = eg_sym(r, init_task);
    struct collect c = { .r = r, .t = kept, .init = init.addr, .init_pa = UINT64_MAX, .align = 1 };

    (void)sys;
    if (init.why)
        return true;
    if (!eg_translate(eg_view_of(r), eg_kernel(r), init.addr, eg_physical(r), &c.init_pa))
        c.init_pa = UINT64_MAX;
    c.has_delta = linux_direct_map(r, &c.delta);
    by_kernel(&c);
    by_slab(&c);
    by_scan(&c);
    finish(&c);
    if (c.t->failed)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the traces of tasks");
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct linux_tasks *t = kept;

    eg_vec_fini(&t->at);
    eg_map_fini(&t->by_va);
}

static const struct eg_cache all_tasks = { .size = sizeof(struct linux_tasks),
                                           .make = make,
                                           .fini = forget };

const struct linux_tasks *linux_tasks(struct eg_run *r)
{
    return eg_system_cache(eg_system_of(r), r, &all_tasks);
}
