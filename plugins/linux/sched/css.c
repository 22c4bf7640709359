/* sched/css.c - control groups' lists of their tasks (kernel/cgroup/cgroup.c). */
#include "css.h"
#include "../../../core/map.h"
#include "gather.h"
#include "task.h"

EG_FIELD_AS(root_cgroup, cgroup_root, "cgrp");
EG_FIELD_AS(group_children, cgroup, "self.children");
EG_FIELD_AS(group_sibling, cgroup, "self.sibling");
EG_FIELD_AS(group_links, cgroup, "cset_links");
EG_FIELD_AS(link_set, cgrp_cset_link, "cset");
EG_FIELD_AS(link_node, cgrp_cset_link, "cset_link");
EG_FIELD_AS(set_tasks, css_set, "tasks");
EG_FIELD_AS(set_moving, css_set, "mg_tasks");
EG_FIELD_AS(set_dying, css_set, "dying_tasks"); // 5.2
EG_FIELD_AS(task_cg_list, task_struct, "cg_list");
EG_SYMBOL(cgrp_dfl_root, "cgroup_root");
EG_SYMBOL(init_css_set, "css_set");

enum { GROUPS_MAX = 1 << 16 };

struct walk {
    struct eg_run *r;
    struct eg_map *sets;
    void (*take)(void *context, struct eg_obj task);
    void *context;
};

static void take_set(struct walk *w, struct eg_obj set)
{
    struct eg_obj t;

    if (set.why || !eg_run_map_add(w->r, w->sets, set.addr, 0))
        return;
    eg_each_list(t, eg_at(set, set_tasks), task_cg_list)
        w->take(w->context, t);
    eg_each_list(t, eg_at(set, set_moving), task_cg_list)
        w->take(w->context, t);
    if (eg_has(w->r, set_dying))
        eg_each_list(t, eg_at(set, set_dying), task_cg_list)
            w->take(w->context, t);
}

/* Each css_set is linked to one group of each hierarchy, so those of the default one have all. */
bool linux_each_cgroup_task(struct eg_run *r, void (*take)(void *context, struct eg_obj task),
                            void *context)
{
    struct walk w = { r, eg_run_map(r), take, context };
    struct eg_obj group = eg_at(eg_sym(r, cgrp_dfl_root), root_cgroup), link, child;
    struct eg_map *seen = eg_run_map(r);
    uint64_t *groups;
    size_t n = 0;

    if (group.why || !eg_has(r, group_children) || !eg_has(r, task_cg_list))
        return false;
    groups = eg_tmp(r, GROUPS_MAX * sizeof *groups);
    take_set(&w, eg_sym(r, init_css_set));
    eg_run_map_add(r, seen, group.addr, 0);
    groups[n++] = group.addr;
    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        group.addr = groups[i];
        eg_each_list(link, eg_at(group, group_links), link_node)
            take_set(&w, eg_deref(eg_at(link, link_set)));
        eg_each_list(child, eg_at(group, group_children), group_sibling) {
            if (n == GROUPS_MAX)
                eg_note(r, "there are more control groups than are looked at");
            else if (eg_run_map_add(r, seen, child.addr, 0))
                groups[n++] = child.addr;
        }
    }
    return true;
}

static bool next_task(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_gather_next(r, state, linux_each_cgroup_task, out);
}

EG_WALKER(cgroup_tasks) = {
    .os = "linux",
    .help = "the tasks on the lists of all control groups",
    .elem = "task_struct",
    .needs = EG_NEEDS(group_children, group_links, task_cg_list),
    .needs_symbols = EG_NEEDS_SYMBOLS(cgrp_dfl_root),
    .state = sizeof(struct linux_gather),
    .next = next_task,
};
