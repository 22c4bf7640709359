/** sched/cgroup.h - control groups of tasks, and what their paths tell: containers, pods, systemd
 * units. */
#ifndef EG_LINUX_CGROUP_H
#define EG_LINUX_CGROUP_H

#include "task.h"

EG_FIELDS(kernfs_node, flags, name, priv, rb);

/** The groups of a task, one in each hierarchy: `linux_each_cgroup(r, task, c)`. */
struct linux_cgroup_walk {
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_cgroup(struct eg_run *r, struct eg_obj task, struct linux_cgroup_walk *w,
                              struct eg_obj *cgroup);
#define linux_each_cgroup(r, task, c)                                                              \
    for (struct linux_cgroup_walk EG_CAT(w_, __LINE__) = { 0 };                                    \
         linux_next_cgroup((r), (task), &EG_CAT(w_, __LINE__), &(c));)

/** A group's path from the root of its hierarchy: "/system.slice/cron.service"; NULL: it cannot be
 * read. In the run's memory. */
EG_API const char *linux_cgroup_path(struct eg_run *r, struct eg_obj cgroup);

/** What a path of a group tells by the shapes that runtimes and systemd give to it. Anybody who may
 * make groups can make such names. A text that is not there is "". */
struct linux_group_names {
    char container[80], pod[40], unit[256];
    const char *runtime; /**< NULL: no container */
};
EG_API void linux_group_names(const char *path, struct linux_group_names *out);

#endif
