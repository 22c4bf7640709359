/* all_cgroup.c - programs of control groups (kernel/bpf/cgroup.c). */
#include "../../../core/map.h"
#include "../sched/cgroup.h"
#include "all.h"

EG_SYMBOL_AS(default_root, "cgrp_dfl_root", "cgroup_root");
EG_FIELD_AS(root_group, cgroup_root, "cgrp");
EG_FIELD_AS(group_children, cgroup, "self.children");
EG_FIELD_AS(css_node, cgroup_subsys_state, "sibling");
EG_FIELD_AS(css_group, cgroup_subsys_state, "cgroup");
EG_FIELD_AS(group_progs, cgroup, "bpf.progs");
EG_FIELDS(bpf_prog_list, node, prog, link);
EG_FIELD_AS(list_link, bpf_cgroup_link, "link");
EG_TYPE(cgroup);
EG_TYPE(hlist_head);

enum { GROUPS_MAX = 1 << 16, ITEMS_MAX = 64 }; // BPF_CGROUP_MAX_PROGS (include/linux/bpf-cgroup.h)

static void item(struct linux_bpf *b, struct eg_obj group, struct eg_obj pl, unsigned kind)
{
    struct eg_obj link = eg_at(pl, bpf_prog_list.link, list_link);
    const char *path = linux_cgroup_path(b->r, group), *type;
    uint64_t prog = 0;
    // Since 5.17 the kinds are numbered by an enumeration of their own.
    const char *own = linux_bpf_enum(b->r, "cgroup_bpf_attach_type", "", kind);

    type = own[0] >= '0' && own[0] <= '9' ? linux_bpf_enum(b->r, "bpf_attach_type", "BPF_", kind)
                                          : own;
    if (!eg_get(&prog, pl, bpf_prog_list.prog) || !prog)
        eg_get(&prog, link, bpf_link_prog);
    linux_bpf_attach(
        b, (struct linux_bpf_attach){ .prog = prog,
                                      .link = link.why ? 0 : link.addr,
                                      .at = pl.addr,
                                      .kind = "cgroup",
                                      .where = eg_strf(b->r, "%s %s", type, path ? path : "?") });
}

static void group_programs(struct linux_bpf *b, struct eg_obj group)
{
    struct eg_obj lists = eg_at(group, group_progs), pl;

    for (unsigned i = 0; i < eg_count(lists) && i < 128; i++) {
        struct eg_obj head = eg_index(lists, i);
        unsigned n = 0;

        if (head.type == eg_slot(b->r, eg_t_hlist_head.id)->type) { // since 6.0
            eg_each_hlist(pl, head, bpf_prog_list.node)
                if (n++ < ITEMS_MAX)
                    item(b, group, pl, i);
        } else {
            eg_each_list(pl, head, bpf_prog_list.node)
                if (n++ < ITEMS_MAX)
                    item(b, group, pl, i);
        }
    }
}

void linux_bpf_cgroups(struct linux_bpf *b)
{
    struct eg_map *seen = eg_run_map(b->r);
    uint64_t *todo = NULL;
    size_t n = 0, cap = 0, at = 0;
    struct eg_obj root, css;

    if (!eg_has_symbol(b->r, default_root) || !eg_has(b->r, group_progs))
        return;
    root = eg_at(eg_sym(b->r, default_root), root_group);
    if (root.why)
        return;
    todo = eg_grow(b->r, todo, n, &cap, sizeof *todo);
    todo[n++] = root.addr;
    while (at < n && !eg_stopped(b->r)) {
        struct eg_obj group = eg_object(b->r, cgroup, todo[at++]);

        group_programs(b, group);
        eg_each_list(css, eg_at(group, group_children), css_node) {
            uint64_t child = 0;

            if (n < GROUPS_MAX && eg_get(&child, css, css_group) && child &&
                eg_run_map_add(b->r, seen, child, 1)) {
                todo = eg_grow(b->r, todo, n, &cap, sizeof *todo);
                todo[n++] = child;
            }
        }
    }
}
