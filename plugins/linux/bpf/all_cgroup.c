/* all_cgroup.c - programs of control groups (kernel/bpf/cgroup.c). */
#include "../../../core/map.h"
#include "../sched/cgroup.h"
#include "all.h"
#include <string.h>

EG_SYMBOL_AS(default_root, "cgrp_dfl_root", "cgroup_root");
EG_FIELD_AS(root_group, cgroup_root, "cgrp");
EG_FIELD_AS(group_children, cgroup, "self.children");
EG_FIELD_AS(css_node, cgroup_subsys_state, "sibling");
EG_FIELD_AS(css_group, cgroup_subsys_state, "cgroup");
EG_FIELD_AS(group_progs, cgroup, "bpf.progs");
EG_FIELDS(bpf_prog_list, node, prog, link);
EG_FIELD_AS(group_flags, cgroup, "bpf.flags");
EG_FIELD_AS(group_effective, cgroup, "bpf.effective");
EG_FIELD_AS(group_self, cgroup, "self");
EG_FIELD_AS(group_parent, cgroup, "self.parent");
EG_FIELD_AS(array_items, bpf_prog_array, "items");
EG_FIELD_AS(item_prog, bpf_prog_array_item, "prog");
EG_TYPE(bpf_prog_array_item);
EG_FIELD_AS(list_link, bpf_cgroup_link, "link");
EG_FIELD_AS(aux_function, bpf_prog_aux, "attach_func_name");
EG_TYPE(bpf_prog);
EG_TYPE(cgroup);
EG_TYPE(cgroup_subsys_state);
EG_TYPE(hlist_head);

enum { GROUPS_MAX = 1 << 16, KINDS_MAX = 128, DEPTH_MAX = 64, EFFECTIVE_MAX = 512 };
enum { ITEMS_MAX = 64 };  // BPF_CGROUP_MAX_PROGS (include/linux/bpf-cgroup.h)
enum { ALLOW_MULTI = 2 }; // BPF_F_ALLOW_MULTI (include/uapi/linux/bpf.h)

/** The kernel's function that an LSM program of a group stands behind; NULL: it is none. */
static const char *lsm_function(struct eg_run *r, uint64_t prog)
{
    struct eg_obj p = eg_object(r, bpf_prog, prog);
    uint64_t type = 0;

    if (!eg_get(&type, p, bpf_prog_type_at) ||
        strcmp(linux_bpf_enum(r, "bpf_prog_type", "BPF_PROG_TYPE_", type), "lsm") != 0)
        return NULL;
    return eg_string(r, eg_at(p, bpf_prog_aux_at, aux_function), 128);
}

/** Since 5.17 the kinds are numbered by an enumeration of their own, in which functions of LSM get
 * numbers as they are used. */
static const char *type_name(struct eg_run *r, unsigned kind, const char *function)
{
    const char *own = linux_bpf_enum(r, "cgroup_bpf_attach_type", "", kind);

    if (function)
        return eg_strf(r, "lsm_cgroup %s", function);
    return own[0] >= '0' && own[0] <= '9' ? linux_bpf_enum(r, "bpf_attach_type", "BPF_", kind)
                                          : own;
}

static void item(struct linux_bpf *b, struct eg_obj group, struct eg_obj pl, unsigned kind)
{
    struct eg_obj link = eg_at(pl, bpf_prog_list.link, list_link);
    const char *path = linux_cgroup_path(b->r, group), *function;
    uint64_t prog = 0;

    if (!eg_get(&prog, pl, bpf_prog_list.prog) || !prog)
        eg_get(&prog, link, bpf_link_prog);
    function = lsm_function(b->r, prog);
    linux_bpf_attach(
        b, (struct linux_bpf_attach){
               .prog = prog,
               .link = link.why ? 0 : link.addr,
               .at = pl.addr,
               .kind = "cgroup",
               .where = eg_strf(b->r, "%s %s", type_name(b->r, kind, function), path ? path : "?"),
               .function = function });
}

static void group_programs(struct linux_bpf *b, struct eg_obj group)
{
    struct eg_obj lists = eg_at(group, group_progs), pl;

    for (unsigned i = 0; i < eg_count(lists) && i < KINDS_MAX; i++) {
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

/* ---- what works in a group against what it and those above it have ---- */

struct effective {
    struct linux_bpf *b;
    struct eg_obj group;
    unsigned kind;
    uint64_t have[EFFECTIVE_MAX];
    unsigned n;
    bool whole; /**< all lists could be read */
};

static void expect(struct effective *e, struct eg_obj pl)
{
    uint64_t prog = 0;

    if (!eg_get(&prog, pl, bpf_prog_list.prog) || !prog)
        eg_get(&prog, eg_at(pl, bpf_prog_list.link, list_link), bpf_link_prog);
    if (prog && e->n < EFFECTIVE_MAX)
        e->have[e->n++] = prog;
    else
        e->whole &= !prog;
}

/* Those of the group, then of each group above that lets several work (compute_effective_progs()
 * in kernel/bpf/cgroup.c). */
static void expected(struct effective *e)
{
    struct eg_obj group = e->group, pl;

    e->whole = true;
    for (unsigned depth = 0; depth < DEPTH_MAX && !group.why; depth++) {
        struct eg_obj head = eg_index(eg_at(group, group_progs), e->kind);
        uint64_t flags = 0, above = 0;

        if (!eg_load(&flags, eg_index(eg_at(group, group_flags), e->kind)))
            e->whole = false;
        if (!e->n || flags & ALLOW_MULTI) {
            if (head.type == eg_slot(e->b->r, eg_t_hlist_head.id)->type) {
                eg_each_hlist(pl, head, bpf_prog_list.node)
                    expect(e, pl);
            } else {
                eg_each_list(pl, head, bpf_prog_list.node)
                    expect(e, pl);
            }
        }
        if (!eg_get(&above, group, group_parent))
            e->whole = false;
        if (!above)
            return;
        group = eg_object(
            e->b->r, cgroup,
            eg_container(eg_object(e->b->r, cgroup_subsys_state, above), group_self).addr);
    }
}

static void works(struct effective *e, uint64_t prog, uint64_t at)
{
    struct eg_run *r = e->b->r;
    const char *path, *function = lsm_function(r, prog);

    for (unsigned i = 0; i < e->n; i++)
        if (e->have[i] == prog) {
            e->have[i] = 0;
            return;
        }
    path = linux_cgroup_path(r, e->group);
    linux_bpf_attach(
        e->b, (struct linux_bpf_attach){
                  .prog = prog,
                  .at = at,
                  .kind = "cgroup",
                  .where = eg_strf(r, "%s %s", type_name(r, e->kind, function), path ? path : "?"),
                  .hint = "works in the group, and no group has it in its list" });
}

static void idle(struct effective *e)
{
    const char *path = linux_cgroup_path(e->b->r, e->group);

    for (unsigned i = 0; i < e->n; i++)
        for (size_t k = 0; e->have[i] && k < e->b->n_attaches; k++) {
            struct linux_bpf_attach *a = &e->b->attaches[k];

            if (a->prog == e->have[i] && !a->hint && !strcmp(a->kind, "cgroup"))
                a->hint = eg_strf(e->b->r, "does not work in %s", path ? path : "?");
        }
}

static void compare(struct linux_bpf *b, struct eg_obj group)
{
    struct eg_obj arrays = eg_at(group, group_effective);
    const uint64_t size = eg_size(b->r, bpf_prog_array_item);

    for (unsigned i = 0; i < eg_count(arrays) && i < KINDS_MAX; i++) {
        struct effective e = { .b = b, .group = group, .kind = i };
        struct eg_obj first = eg_at(eg_deref(eg_index(arrays, i)), array_items);
        unsigned k = 0;

        if (first.why || !size)
            continue;
        expected(&e);
        for (; e.whole && k < EFFECTIVE_MAX; k++) {
            struct eg_obj each = eg_object(b->r, bpf_prog_array_item, first.addr + k * size);
            uint64_t prog = 0;

            if (!eg_get(&prog, each, item_prog))
                e.whole = false;
            if (!prog)
                break;
            works(&e, prog, each.addr);
        }
        if (e.whole && k < EFFECTIVE_MAX)
            idle(&e);
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
    for (size_t i = 0; i < n && !eg_stopped(b->r); i++)
        compare(b, eg_object(b->r, cgroup, todo[i]));
}
