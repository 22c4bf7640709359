/* procfs_kernel.c - what /proc says of the machine, and of groups and mounts of a process. */
#include "../plugins/linux/fs/mount.h"
#include "../plugins/linux/fs/mountinfo.h"
#include "../plugins/linux/fs/path.h"
#include "../plugins/linux/kernel/module.h"
#include "../plugins/linux/sched/cgroup.h"
#include "../plugins/linux/sched/flags.h"
#include "../plugins/linux/sched/nsproxy.h"
#include "procfs_own.h"

EG_SYMBOL(linux_banner, "char");
EG_SYMBOL(saved_command_line, "char *");
EG_FIELDS(cgroup, root);
EG_FIELD_AS(cgroup_css_flags, cgroup, "self.flags");
EG_FIELDS(cgroup_root, hierarchy_id, name);
EG_FIELD_AS(set_default, css_set, "dfl_cgrp");
EG_FIELD_AS(set_states, css_set, "subsys");
EG_FIELD_AS(state_group, cgroup_subsys_state, "cgroup");
EG_FIELD_AS(state_kind, cgroup_subsys_state, "ss");
EG_FIELD_AS(kind_name, cgroup_subsys, "legacy_name");

enum { LINE_MOST = 4096, SUBSYSTEMS = 64, GROUPS = 64, CSS_ONLINE = 2 };

/* ---- the machine ---- */

bool procfs_version(struct procfs_out *o, const struct procfs_task *t)
{
    const struct eg_obj banner = eg_sym(o->r, linux_banner);
    const char *text = banner.why ? NULL : eg_cstr(o->r, eg_kernel(o->r), banner.addr, LINE_MOST);

    (void)t;
    if (text)
        procfs_add(o, "%s", text); // it ends its line itself
    return text != NULL;
}

bool procfs_kernel_cmdline(struct procfs_out *o, const struct procfs_task *t)
{
    const char *text = eg_string(o->r, eg_sym(o->r, saved_command_line), LINE_MOST);

    (void)t;
    if (text)
        procfs_add(o, "%s\n", text);
    return text != NULL;
}

/* A cell's text or number. */
static const char *text_of(struct eg_run *r, struct eg_cell c)
{
    uint64_t v;

    switch (c.tag) {
    case EG_CELL_TEXT:
        return eg_strf(r, "%.*s", (int)c.bytes.len, (const char *)c.bytes.p);
    case EG_CELL_INT:
    case EG_CELL_UINT:
        return eg_strf(r, "%llu", (unsigned long long)c.u);
    case EG_CELL_OBJ:
        return c.obj.kind == EG_K_CHARS || c.obj.kind == EG_K_PTR ? eg_string(r, c.obj, LINE_MOST)
               : eg_load(&v, c.obj) ? eg_strf(r, "%llu", (unsigned long long)v)
                                    : NULL;
    default:
        return NULL;
    }
}

static const char *or_dash(const char *s)
{
    return s && *s ? s : "-";
}

bool procfs_modules(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj m;

    (void)t;
    linux_each_module(o->r, m) {
        const char *users = text_of(o->r, linux_module_users(o->r, m));
        const char *taints = text_of(o->r, linux_module_taints(o->r, m));
        const struct eg_cell base = linux_module_base(o->r, m);
        uint64_t at = base.tag == EG_CELL_UINT ? base.u : 0;

        if (base.tag == EG_CELL_OBJ)
            eg_load(&at, base.obj);
        procfs_add(o, "%s %s %s ", or_dash(eg_string(o->r, eg_at(m, module.name), 64)),
                   or_dash(text_of(o->r, linux_module_size(o->r, m))),
                   or_dash(text_of(o->r, linux_module_refs(o->r, m))));
        procfs_add(o, users && *users ? "%s," : "-", users);
        procfs_add(o, " %s 0x%016llx", or_dash(text_of(o->r, linux_module_state(o->r, m))),
                   (unsigned long long)at);
        procfs_add(o, taints && *taints ? " (%s)\n" : "\n", taints);
    }
    return true;
}

/* ---- control groups ---- */

/* What a hierarchy of version 1 controls, and its own name. */
static const char *controllers(struct eg_run *r, struct eg_obj set, uint64_t root)
{
    struct eg_obj all = eg_at(set, set_states);
    const uint64_t n = EG_MIN(eg_count(all), (uint64_t)SUBSYSTEMS);
    const char *text = "", *name;
    uint64_t of;

    for (uint64_t i = 0; i < n; i++) {
        struct eg_obj state = eg_index(all, i);

        if (!eg_get(&of, state, state_group, cgroup.root) || of != root)
            continue;
        name = eg_string(r, eg_at(state, state_kind, kind_name), 64);
        text = eg_strf(r, "%s%s%s", text, *text ? "," : "", name ? name : "?");
    }
    name = eg_string(r, eg_at(eg_object(r, cgroup_root, root), cgroup_root.name), 64);
    if (name && *name)
        text = eg_strf(r, "%s%sname=%s", text, *text ? "," : "", name);
    return text;
}

bool procfs_cgroup(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj set = eg_deref(eg_at(t->task, task_struct.cgroups)), groups[GROUPS], g;
    uint64_t unified = 0, root = 0;
    unsigned n = 0;

    if (set.why)
        return false;
    eg_get(&unified, set, set_default, cgroup.root);
    linux_each_cgroup(o->r, t->task, g) if (n < GROUPS) groups[n++] = g;
    for (unsigned i = n; i-- > 0;) // the newest hierarchy is the first
        for (unsigned j = 0; j < i; j++)
            if (eg_get_or(-1, groups[j], cgroup.root, cgroup_root.hierarchy_id) <
                eg_get_or(-1, groups[j + 1], cgroup.root, cgroup_root.hierarchy_id)) {
                g = groups[j];
                groups[j] = groups[j + 1];
                groups[j + 1] = g;
            }
    for (unsigned i = 0; i < n; i++) {
        const char *path = linux_cgroup_path(o->r, groups[i]);
        const bool is_v2 = eg_get(&root, groups[i], cgroup.root) && root == unified;

        if (!path)
            continue;
        // One that ends has left the groups of version 1 (proc_cgroup_show).
        if (!is_v2 && linux_task_has(t->task, PF_EXITING))
            path = "/";
        procfs_add(o, "%d:%s:", eg_get_or(0, groups[i], cgroup.root, cgroup_root.hierarchy_id),
                   is_v2 ? "" : controllers(o->r, set, root));
        procfs_escaped(o, path, "\n");
        procfs_add(o, "%s\n",
                   is_v2 && !(eg_get_or(CSS_ONLINE, groups[i], cgroup_css_flags) & CSS_ONLINE)
                       ? " (deleted)"
                       : "");
    }
    return true;
}

/* ---- mounts ---- */

bool procfs_mountinfo(struct procfs_out *o, const struct procfs_task *t)
{
    static const char special[] = " \t\n\\";
    struct eg_obj ns = eg_deref(eg_at(t->task, task_struct.nsproxy, nsproxy.mnt_ns)), m;

    if (ns.why)
        return false;
    linux_each_mount(o->r, ns, m) {
        const char *root = text_of(o->r, linux_mount_root(o->r, m)), *where, *spread;
        bool reached = false;

        where = linux_mount_point(o->r, m, t->task, &reached);
        if (!where || !reached) // outside of its root directory
            continue;
        procfs_add(o, "%d %d %s:%s ", eg_get_or(0, m, mount.mnt_id),
                   eg_get_or(0, m, mount.mnt_parent, mount.mnt_id),
                   or_dash(text_of(o->r, linux_mount_major(o->r, m))),
                   or_dash(text_of(o->r, linux_mount_minor(o->r, m))));
        procfs_escaped(o, or_dash(root), special);
        procfs_add(o, " ");
        procfs_escaped(o, where, special);
        spread = text_of(o->r, linux_mount_propagation(o->r, m));
        procfs_add(o, " %s%s%s - ", or_dash(text_of(o->r, linux_mount_options(o->r, m))),
                   spread && *spread ? " " : "", spread ? spread : "");
        procfs_escaped(o, or_dash(text_of(o->r, linux_mount_type(o->r, m))), special);
        procfs_add(o, " ");
        procfs_escaped(o, or_dash(text_of(o->r, linux_mount_source(o->r, m))), special);
        procfs_add(o, " %s\n", or_dash(text_of(o->r, linux_mount_sb_options(o->r, m))));
    }
    return true;
}
