/* sched/processes.c - the table of processes with what tells where each belongs. */
#include "processes.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "cgroup.h"
#include "cred.h"
#include "nsproxy.h"
#include "pid.h"
#include "task.h"
#include "uts.h"
#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(ns_uts, nsproxy, "uts_ns");

/** What the groups of a process tell; processes with the same css_set share it. */
struct groups {
    const char *container, *runtime, *pod, *unit;
    enum eg_why why;
    uint64_t why_addr;
};

struct table {
    EG_VEC(struct eg_process) at;
    EG_VEC(struct groups) groups;
    struct eg_map sets; // css_set → index in groups
    struct eg_arena texts;
};

static const char *keep(struct eg_run *r, struct table *t, const char *text)
{
    char *kept = text && *text ? eg_arena_strndup(&t->texts, text, strlen(text)) : NULL;

    if (text && *text && !kept)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the table of processes");
    return kept;
}

static void read_groups(struct eg_run *r, struct table *t, struct eg_obj task, struct groups *g)
{
    struct eg_obj group;
    bool any = false;

    linux_each_cgroup(r, task, group)
    {
        const char *path = linux_cgroup_path(r, group);
        struct linux_group_names names;

        if (!path)
            continue;
        any = true;
        linux_group_names(path, &names);
        // Version 1 has several hierarchies; a runtime need not use them all.
        if (!g->runtime && names.runtime) {
            g->runtime = names.runtime;
            g->container = keep(r, t, names.container);
        }
        if (!g->pod)
            g->pod = keep(r, t, names.pod);
        if (!g->unit)
            g->unit = keep(r, t, names.unit);
    }
    if (!any) {
        g->why = EG_UNREADABLE;
        g->why_addr = eg_get_or((uint64_t)0, task, task_struct.cgroups);
    }
}

static struct groups groups_of(struct eg_run *r, struct table *t, struct eg_obj task)
{
    struct groups g = { 0 }, *new;
    uint64_t set, i;

    if (!eg_has(r, task_struct.cgroups))
        return g; // a kernel without control groups
    if (!eg_get(&set, task, task_struct.cgroups)) {
        g.why = EG_UNREADABLE;
        g.why_addr = task.addr;
        return g;
    }
    if (eg_map_get(&t->sets, set, &i))
        return t->groups.at[i];
    read_groups(r, t, task, &g);
    if (!(new = eg_vec_push(&t->groups)) || eg_map_add(&t->sets, set, t->groups.n - 1) < 0)
        eg_run_fail(r, EG_ENOMEM, "out of memory for the table of processes");
    else
        *new = g;
    return g;
}

/** A process in a pid and a mount namespace of its own whose group tells nothing is in something
 * like a container: its host name is all that it is called. */
static void by_namespaces(struct eg_run *r, struct table *t, struct eg_obj task, struct eg_obj init,
                          uint64_t init_ns, struct eg_process *p)
{
    uint64_t own, initial;

    if (p->runtime || p->why || !init_ns || !p->pid_ns || p->pid_ns == init_ns ||
        !eg_get(&own, task, task_struct.nsproxy, nsproxy.mnt_ns) ||
        !eg_get(&initial, init, task_struct.nsproxy, nsproxy.mnt_ns) || own == initial)
        return;
    p->runtime = "namespaces";
    if (eg_get(&own, task, task_struct.nsproxy, ns_uts) &&
        eg_get(&initial, init, task_struct.nsproxy, ns_uts) && own != initial)
        p->container =
            keep(r, t, eg_string(r, eg_at(task, task_struct.nsproxy, ns_uts, uts_nodename), 65));
}

static int by_pid(const void *a, const void *b)
{
    const struct eg_process *x = a, *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

static void add(struct eg_run *r, struct table *t, struct eg_obj task, struct eg_obj init,
                uint64_t init_ns)
{
    const struct groups g = groups_of(r, t, task);
    struct eg_process *p = eg_vec_push(&t->at);
    struct eg_cell ids = linux_task_nspid(r, task);

    if (!p) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for the table of processes");
        return;
    }
    *p = (struct eg_process){
        .object = task.addr,
        .pid = eg_get_or((int64_t)-1, task, task_struct.tgid),
        .parent = eg_get_or((int64_t)-1, task, task_struct.real_parent, task_struct.tgid),
        .uid = eg_get_or((int64_t)-1, task, task_struct.real_cred, cred_uid),
        .euid = eg_get_or((int64_t)-1, task, task_struct.real_cred, cred_euid),
        .name = keep(r, t, eg_string(r, eg_at(task, task_struct.comm), 16)),
        .container = g.container,
        .runtime = g.runtime,
        .pod = g.pod,
        .unit = g.unit,
        .ids = ids.tag == EG_CELL_TEXT ? keep(r, t, ids.bytes.p) : NULL,
        .pid_ns = linux_task_pid_ns(r, task),
        .why = g.why,
        .why_addr = g.why_addr,
    };
    by_namespaces(r, t, task, init, init_ns, p);
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    const struct eg_obj init = linux_init(r);
    const uint64_t init_ns = linux_task_pid_ns(r, init);
    struct table *t = kept;
    struct eg_obj task;

    (void)sys;
    linux_each_process(r, task)
        add(r, t, task, init, init_ns);
    if (t->at.n)
        qsort(t->at.at, t->at.n, sizeof *t->at.at, by_pid);
    eg_map_fini(&t->sets);
    eg_vec_fini(&t->groups);
    return !eg_stopped(r);
}

static void fini(void *kept)
{
    struct table *t = kept;

    eg_vec_fini(&t->at);
    eg_vec_fini(&t->groups);
    eg_map_fini(&t->sets);
    eg_arena_fini(&t->texts);
}

static const struct eg_cache table = { .size = sizeof(struct table), .make = make, .fini = fini };

const struct eg_process *linux_processes(struct eg_run *r, size_t *n)
{
    const struct table *t = eg_system_cache(eg_system_of(r), r, &table);
    static const struct eg_process none[1];

    *n = t ? t->at.n : 0;
    return t && t->at.n ? t->at.at : none;
}
