/* sched/pid.c - a task's ids in its pid namespaces. */
#include "pid.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "task.h"

EG_FIELDS(pid, level, numbers, tasks);
EG_FIELDS(upid, nr, ns, pid_chain);   // pid_chain until 4.15
EG_FIELDS(pid_link, pid, node);       // task_struct.pids[], until 4.19
EG_FIELDS(pid_namespace, idr, level); // idr since 4.15
EG_FIELD_AS(pid_ns_inum, pid_namespace, "ns.inum");
EG_FIELD_AS(task_pid_links, task_struct, "pid_links");
EG_FIELD_AS(first_of, hlist_head, "first");
EG_SYMBOL(init_pid_ns, "pid_namespace");
EG_SYMBOL(pid_hash, "hlist_head *");
EG_SYMBOL(pidhash_shift, "unsigned int");

enum { LEVELS_MAX = 32 }; // MAX_PID_NS_LEVEL

struct eg_obj linux_task_pid(struct eg_run *r, struct eg_obj task)
{
    return eg_has(r, task_struct.thread_pid)
               ? eg_at(task, task_struct.thread_pid)
               : eg_at(eg_index(eg_at(task, task_struct.pids), 0), pid_link.pid);
}

/* ---- the process of a thread ---- */

static bool map_threads(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct eg_obj leader, t;
    uint32_t tid, pid;

    (void)sys;
    if (!eg_has(r, task_struct.tgid)) // a kernel whose types are not known
        return true;
    linux_each_process(r, leader)
        linux_each_thread(r, leader, t)
            if (eg_get(&tid, t, task_struct.pid) && eg_get(&pid, t, task_struct.tgid) &&
                eg_map_add(kept, tid, pid) < 0)
                return false;
    return true;
}

static void fini_threads(void *kept)
{
    eg_map_fini(kept);
}

static const struct eg_cache threads = { sizeof(struct eg_map), map_threads, fini_threads };

bool linux_process_of(struct eg_run *r, uint32_t tid, int64_t *pid)
{
    const struct eg_map *map = eg_system_cache(eg_system_of(r), r, &threads);
    uint64_t value;

    if (!map || !eg_map_get(map, tid, &value))
        return false;
    *pid = (int64_t)value;
    return true;
}

/* ---- ids ---- */

unsigned linux_task_pids(struct eg_run *r, struct eg_obj task, int32_t *out, unsigned max)
{
    struct eg_obj pid = linux_task_pid(r, task), numbers = eg_at(pid, pid.numbers);
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
        struct eg_obj pid = eg_deref(linux_task_pid(r, task));

        return eg_missing(pid.why ? (enum eg_why)pid.why : EG_UNREADABLE, pid.addr);
    }
    text = eg_strf(r, "%d", pids[0]);
    for (unsigned i = 1; i < n; i++)
        text = eg_strf(r, "%s,%d", text, pids[i]);
    return eg_text(text);
}

uint64_t linux_task_pid_ns(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj pid = linux_task_pid(r, task), numbers = eg_at(pid, pid.numbers);
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

/* ---- the tables of the namespaces ---- */

enum { SPACES_MAX = 1 << 14, BUCKETS_MAX = 1 << 20 };

/* Element @i of numbers[], which is declared with one element, or with none. */
static struct eg_obj number(struct eg_run *r, struct eg_obj pid, uint32_t i)
{
    struct eg_obj numbers = eg_at(pid, pid.numbers);

    return numbers.why ? numbers : eg_object(r, upid, numbers.addr + i * eg_size(r, upid));
}

/* tasks[PIDTYPE_PID] has one task, linked by its pid_links[0], until 4.19 by pids[0].node. */
static struct eg_obj task_of(struct eg_run *r, struct eg_obj pid)
{
    struct eg_obj head = eg_index(eg_at(pid, pid.tasks), 0);
    uint64_t node, off = eg_offset(r, task_pid_links);

    if (head.why || !eg_get(&node, head, first_of))
        return eg_bad(pid, EG_UNREADABLE, pid.addr);
    if (!node)
        return eg_bad(pid, EG_NULL, head.addr);
    if (!eg_has(r, task_pid_links))
        off = eg_offset(r, task_struct.pids) + eg_offset(r, pid_link.node);
    return eg_object(r, task_struct, node - off);
}

static void add_space(struct eg_run *r, struct linux_pid_walk *w, uint64_t ns)
{
    if (ns && w->n < SPACES_MAX && eg_run_map_add(r, w->seen, ns, 0))
        w->spaces[w->n++] = ns;
}

/* A struct pid is in the tables of its namespace and of all above it. */
static bool take(struct eg_run *r, struct linux_pid_walk *w, struct eg_obj pid, uint64_t ns,
                 struct linux_pid_entry *out)
{
    uint32_t level;
    uint64_t own;

    if (!eg_get(&level, pid, pid.level) || level >= LEVELS_MAX)
        return false;
    for (uint32_t i = 0; i <= level; i++)
        if (eg_get(&own, number(r, pid, i), upid.ns))
            add_space(r, w, own);
    *out = (struct linux_pid_entry){ .pid = pid, .ns = eg_object(r, pid_namespace, ns) };
    out->task = task_of(r, pid);
    return true;
}

static bool next_of_idr(struct eg_run *r, struct linux_pid_walk *w, struct linux_pid_entry *out)
{
    struct eg_entry e;

    for (;;) {
        while (w->state == 2 && eg_xa_next(&w->ids, &e))
            if (take(r, w, eg_object(r, pid, e.value), w->spaces[w->at], out)) {
                out->nr = (int32_t)e.index;
                return true;
            }
        if (w->state == 2)
            w->at++;
        if (w->at == w->n || eg_stopped(r))
            return false;
        w->ids =
            eg_xa_begin(eg_at(eg_object(r, pid_namespace, w->spaces[w->at]), pid_namespace.idr));
        w->state = 2;
    }
}

/* One hash of all namespaces, whose nodes are those of numbers[] (kernel/pid.c until 4.14). */
static bool next_of_hash(struct eg_run *r, struct linux_pid_walk *w, struct linux_pid_entry *out)
{
    struct eg_obj node, ns;
    uint64_t space;
    uint32_t level;

    for (;;) {
        while (w->state == 2 && eg_hlist_next_(&w->chain, &node)) {
            ns = eg_deref(eg_at(node, upid.ns));
            if (!eg_get(&level, ns, pid_namespace.level) || level >= LEVELS_MAX ||
                !eg_get(&out->nr, node, upid.nr))
                continue;
            space = ns.addr;
            const int32_t nr = out->nr;

            if (!take(r, w,
                      eg_object(r, pid,
                                node.addr - eg_offset(r, pid.numbers) - level * eg_size(r, upid)),
                      space, out))
                continue;
            out->nr = nr;
            return true;
        }
        if (w->bucket == w->buckets || eg_stopped(r))
            return false;
        w->chain =
            eg_hlist_begin_(eg_index(eg_sym(r, pid_hash), w->bucket++), eg_f_upid.pid_chain.id);
        w->state = 2;
    }
}

bool linux_next_pid(struct eg_run *r, struct linux_pid_walk *w, struct linux_pid_entry *out)
{
    if (!w->state) {
        uint32_t shift = 0;

        w->seen = eg_run_map(r);
        w->spaces = eg_tmp(r, SPACES_MAX * sizeof *w->spaces);
        if (eg_load(&shift, eg_sym(r, pidhash_shift)) && shift < 32)
            w->buckets = EG_MIN(UINT32_C(1) << shift, (uint32_t)BUCKETS_MAX);
        add_space(r, w, eg_sym(r, init_pid_ns).addr);
        w->state = 1;
    }
    return eg_has(r, pid_namespace.idr) ? next_of_idr(r, w, out) : next_of_hash(r, w, out);
}

static bool next_pid(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    struct linux_pid_entry e;

    (void)arg;
    if (!linux_next_pid(r, state, &e))
        return false;
    *out = e.pid;
    return true;
}

EG_WALKER(pids) = {
    .os = "linux",
    .help = "the struct pids in the tables of all pid namespaces: one that is in several of them "
            "comes once for each",
    .elem = "pid",
    .needs = EG_NEEDS(pid.level, pid.numbers, pid.tasks, upid.ns),
    .state = sizeof(struct linux_pid_walk),
    .next = next_pid,
};
