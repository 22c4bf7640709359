/* all_net.c - programs that packets and sockets meet (net/core/dev.c, net/core/filter.c,
 * net/sched/cls_bpf.c, kernel/bpf/tcx.c, kernel/bpf/net_namespace.c). */
#include "../net/kind.h"
#include "../net/net.h"
#include "../net/pernet.h"
#include "../net/sock.h"
#include "../net/tables.h"
#include "all.h"
#include <string.h>

EG_FIELD_AS(dev_xdp, net_device, "xdp_state");
EG_FIELD_AS(xdp_prog, bpf_xdp_entity, "prog");
EG_FIELD_AS(xdp_link, bpf_xdp_entity, "link");
EG_FIELD_AS(xdp_link_link, bpf_xdp_link, "link");
EG_FIELD_AS(dev_xdp_generic, net_device, "xdp_prog");
EG_FIELD_AS(dev_in, net_device, "tcx_ingress"); // since 6.6
EG_FIELD_AS(dev_out, net_device, "tcx_egress");
EG_FIELD_AS(dev_miniq_in, net_device, "miniq_ingress"); // until 6.5
EG_FIELD_AS(dev_miniq_out, net_device, "miniq_egress");
EG_FIELD_AS(mprog_items, bpf_mprog_entry, "fp_items");
EG_FIELD_AS(mprog_parent, bpf_mprog_entry, "parent");
EG_FIELD_AS(fp_prog, bpf_mprog_fp, "prog");
EG_FIELD_AS(cp_items, bpf_mprog_bundle, "cp_items");
EG_FIELD_AS(cp_link, bpf_mprog_cp, "link");
EG_FIELD_AS(entry_bundle, tcx_entry, "bundle");
EG_FIELD_AS(entry_miniq, tcx_entry, "miniq");
EG_FIELD_AS(miniq_filters, mini_Qdisc, "filter_list");
EG_FIELD_AS(proto_next, tcf_proto, "next");
EG_FIELD_AS(proto_root, tcf_proto, "root");
EG_FIELD_AS(proto_kind, tcf_proto, "ops");
EG_FIELD_AS(ops_kind, tcf_proto_ops, "kind");
EG_FIELD_AS_OF("cls_bpf", cls_list, cls_bpf_head, "plist");
EG_FIELD_AS_OF("cls_bpf", cls_node, cls_bpf_prog, "link");
EG_FIELD_AS_OF("cls_bpf", cls_filter, cls_bpf_prog, "filter");
EG_FIELD_AS(net_progs, net, "bpf.progs");
EG_FIELD_AS(net_links, net, "bpf.links");
EG_FIELD_AS(net_runs, net, "bpf.run_array");
EG_FIELD_AS(netns_link_node, bpf_netns_link, "node");
EG_FIELD_AS(netns_link, bpf_netns_link, "link");
EG_FIELD_AS(runs_items, bpf_prog_array, "items");
EG_FIELD_AS(runs_prog, bpf_prog_array_item, "prog");
EG_TYPE(bpf_prog_array_item);
EG_FIELD_AS(sock_filter_at, sock, "sk_filter");
EG_FIELD_AS(filter_prog, sk_filter, "prog");
EG_FIELD_AS(sock_reuse, sock, "sk_reuseport_cb");
EG_FIELD_AS(reuse_prog, sock_reuseport, "prog");
EG_SYMBOL(act_base, "list_head");
EG_FIELD_AS(act_node, tc_action_ops, "head");
EG_FIELD_AS(act_kind, tc_action_ops, "kind");
EG_FIELD_AS(act_net_id, tc_action_ops, "net_id");
EG_FIELD_AS(action_table, tc_action_net, "idrinfo");
EG_FIELD_AS(table_numbers, tcf_idrinfo, "action_idr");
EG_FIELD_AS_OF("act_bpf", bpf_action, tcf_bpf, "common");
EG_FIELD_AS_OF("act_bpf", action_filter, tcf_bpf, "filter");
EG_FIELD_AS(netkit_active, netkit, "active");
EG_FIELD_AS(netkit_bundle, netkit, "bundle");
EG_TYPE(netkit);
EG_TYPE(tc_action);
EG_TYPE(tc_action_net);
EG_TYPE(bpf_prog);
EG_TYPE(list_head);
EG_TYPE_("cls_bpf", cls_bpf_head);
EG_FIELD_AS(any_next, list_head, "next");

enum { DEVICES_MAX = 1 << 16, FILTERS_MAX = 4096, SOCKS_MAX = 1 << 18, KINDS_MAX = 1024 };

struct device {
    struct linux_bpf *b;
    struct eg_obj dev;
    const char *name;
};

static void add(const struct device *d, const char *kind, const char *where, uint64_t prog,
                uint64_t link, uint64_t at)
{
    linux_bpf_attach(d->b,
                     (struct linux_bpf_attach){
                         .prog = prog,
                         .link = link,
                         .at = at,
                         .kind = kind,
                         .where = where ? eg_strf(d->b->r, "%s %s", d->name, where) : d->name });
}

static void xdp(const struct device *d)
{
    static const char *const modes[] = { "generic", "driver", "offload" };
    struct eg_obj state = eg_at(d->dev, dev_xdp);
    uint64_t called = 0;

    for (uint64_t i = 0; i < 3 && i < eg_count(state); i++) {
        struct eg_obj e = eg_index(state, i), link = eg_deref(eg_at(e, xdp_link));
        uint64_t prog = 0, held = 0;

        if (!link.why) {
            link = eg_at(link, xdp_link_link);
            held = link.addr;
            eg_get(&prog, link, bpf_link_prog);
        } else {
            eg_get(&prog, e, xdp_prog);
        }
        if (prog)
            add(d, "xdp", modes[i], prog, held, d->dev.addr + i);
        if (i == 0 && eg_get(&called, d->dev, dev_xdp_generic) && called && called != prog)
            add(d, "xdp", modes[i], called, 0, d->dev.addr);
    }
}

/* A classifier of the kind bpf: a list of programs. The types are the module's; of kernels whose
 * modules have none (before 5.11) the members are where Linux 5.10 has them. */
static void classifier(const struct device *d, uint64_t root, const char *where)
{
    struct eg_run *r = d->b->r;
    struct eg_link link = { "cls_bpf_prog", "link", *eg_slot(r, eg_f_any_next.id) };
    const uint64_t list_at = eg_has(r, cls_list) ? eg_offset(r, cls_list) : 0,
                   filter_at = eg_has(r, cls_filter) ? eg_offset(r, cls_filter) : 0;
    struct eg_list_walk list;
    struct eg_obj each;
    unsigned n = 0;

    link.slot.off = eg_has(r, cls_node) ? eg_offset(r, cls_node) : 8;
    list = eg_list_begin(eg_object(r, list_head, root + list_at), &link);
    while (n++ < FILTERS_MAX && eg_list_next_(&list, &each)) {
        const unsigned size = eg_binding_of(r)->model.ptr_size;
        const uint8_t *p = eg_bytes(each.view, eg_kernel(r), each.addr + filter_at, size);

        if (p)
            add(d, "tc", where, eg_load_(p, size, eg_binding_of(r)->model.big_endian), 0,
                each.addr);
    }
}

static void miniq(const struct device *d, struct eg_obj q, const char *where)
{
    struct eg_obj proto = eg_deref(eg_at(q, miniq_filters));

    for (unsigned n = 0; !proto.why && n < FILTERS_MAX; n++) {
        const char *kind = eg_string(d->b->r, eg_at(proto, proto_kind, ops_kind), 16);
        uint64_t root = 0;

        if (kind && !strcmp(kind, "bpf") && eg_get(&root, proto, proto_root) && root)
            classifier(d, root, where);
        proto = eg_deref(eg_at(proto, proto_next));
    }
}

/* A program is in an entry of its own, and its link beside it (include/linux/bpf_mprog.h). */
static void tcx(const struct device *d, struct eg_obj entry, const char *where)
{
    struct eg_obj bundle = eg_deref(eg_at(entry, mprog_parent)), items = eg_at(entry, mprog_items);

    if (entry.why)
        return;
    for (uint64_t i = 0; i < eg_count(items); i++) {
        uint64_t prog = 0, link = 0;

        if (!eg_get(&prog, eg_index(items, i), fp_prog) || !prog)
            break;
        eg_get(&link, eg_index(eg_at(bundle, cp_items), i), cp_link);
        add(d, "tcx", where, prog, link, eg_index(items, i).addr);
    }
    miniq(d, eg_deref(eg_at(eg_container(bundle, entry_bundle), entry_miniq)), where);
}

/* The two ends of a pair have their programs in the driver's data (drivers/net/netkit.c, since
 * 6.7): those of the end's own bundle. */
static void netkit(const struct device *d)
{
    const char *kind = linux_netdev_kind(d->b->r, d->dev);
    struct eg_obj nk, items, bundle;

    if (!kind || strcmp(kind, "netkit") != 0)
        return;
    nk = linux_netdev_priv_as(d->b->r, d->dev, netkit);
    items = eg_at(eg_deref(eg_at(nk, netkit_active)), mprog_items);
    bundle = eg_at(nk, netkit_bundle);
    for (uint64_t i = 0; !items.why && i < eg_count(items); i++) {
        uint64_t prog = 0, link = 0;

        if (!eg_get(&prog, eg_index(items, i), fp_prog) || !prog)
            break;
        eg_get(&link, eg_index(eg_at(bundle, cp_items), i), cp_link);
        add(d, "netkit", NULL, prog, link, eg_index(items, i).addr);
    }
}

static void devices(struct linux_bpf *b, struct eg_obj net)
{
    struct device d = { .b = b };
    unsigned n = 0;

    eg_each_list(d.dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
        if (n++ > DEVICES_MAX)
            return;
        d.name = eg_string(b->r, eg_at(d.dev, net_device.name), 16);
        if (!d.name)
            d.name = "?";
        xdp(&d);
        netkit(&d);
        if (eg_has(b->r, dev_in)) {
            tcx(&d, eg_deref(eg_at(d.dev, dev_in)), "ingress");
            tcx(&d, eg_deref(eg_at(d.dev, dev_out)), "egress");
        } else if (eg_has(b->r, dev_miniq_in)) {
            miniq(&d, eg_deref(eg_at(d.dev, dev_miniq_in)), "ingress");
            miniq(&d, eg_deref(eg_at(d.dev, dev_miniq_out)), "egress");
        }
    }
}

/* Actions of the kind bpf, which filters of any kind refer to: a table for each namespace has all
 * of them. */
static void actions(struct linux_bpf *b, struct eg_obj net, struct linux_pernet *where)
{
    const uint64_t table = linux_pernet_at(b->r, where, net);
    struct eg_entry e;
    unsigned n = 0;

    if (!table)
        return;
    eg_each_xa(e, eg_at(eg_object(b->r, tc_action_net, table), action_table, table_numbers)) {
        struct eg_obj action = eg_container(eg_object(b->r, tc_action, e.value), bpf_action);
        uint64_t prog = 0;

        if (n++ > FILTERS_MAX || !eg_get(&prog, action, action_filter))
            return;
        linux_bpf_attach(
            b, (struct linux_bpf_attach){ .prog = prog,
                                          .at = action.addr,
                                          .kind = "tc action",
                                          .where = eg_strf(b->r, "index %u", (unsigned)e.index) });
    }
}

/** The number of the table is one of the kind of action (since 6.1). */
static struct linux_pernet action_tables(struct linux_bpf *b)
{
    struct linux_pernet where = { .symbol = "bpf_net_id" };
    struct eg_obj ops;
    uint32_t index = 0;
    unsigned n = 0;

    if (!eg_has_symbol(b->r, act_base))
        return where;
    eg_each_list(ops, eg_sym(b->r, act_base), act_node) {
        const char *kind = eg_string(b->r, eg_at(ops, act_kind), 16);

        if (n++ > KINDS_MAX)
            break;
        if (kind && !strcmp(kind, "bpf") && eg_get(&index, ops, act_net_id))
            where.index = index;
    }
    return where;
}

static void in_namespace(struct linux_bpf *b, struct eg_obj net, uint64_t kind, uint64_t prog,
                         uint64_t link, uint64_t at)
{
    static const char *const kinds[] = { "flow_dissector", "sk_lookup" };

    linux_bpf_attach(
        b, (struct linux_bpf_attach){
               .prog = prog,
               .link = link,
               .at = at,
               .kind = kind < 2 ? kinds[kind] : "netns",
               .where = eg_strf(b->r, "net:[%u]", eg_get_or(UINT32_C(0), net, net_inum)) });
}

/* Programs of links stand in the list of links; those without one in progs; run_array has all that
 * are called (kernel/bpf/net_namespace.c). */
static void of_namespace(struct linux_bpf *b, struct eg_obj net)
{
    struct eg_obj progs = eg_at(net, net_progs), o;
    const uint64_t size = eg_size(b->r, bpf_prog_array_item);
    uint64_t prog = 0;

    for (uint64_t i = 0; i < eg_count(progs); i++) {
        struct eg_obj runs = eg_at(eg_deref(eg_index(eg_at(net, net_runs), i)), runs_items);
        const size_t before = b->n_attaches;
        unsigned n = 0;

        eg_each_list(o, eg_index(eg_at(net, net_links), i), netns_link_node) {
            struct eg_obj link = eg_at(o, netns_link);

            if (n++ < FILTERS_MAX && eg_get(&prog, link, bpf_link_prog) && prog)
                in_namespace(b, net, i, prog, link.addr, eg_at(o, netns_link_node).addr);
        }
        if (eg_load(&prog, eg_index(progs, i)) && prog)
            in_namespace(b, net, i, prog, 0, net.addr + i);
        for (unsigned k = 0; !runs.why && size && k < FILTERS_MAX; k++) {
            struct eg_obj item = eg_object(b->r, bpf_prog_array_item, runs.addr + k * size);
            size_t have = before;

            if (!eg_get(&prog, item, runs_prog) || !prog)
                break;
            while (have < b->n_attaches && b->attaches[have].prog != prog)
                have++;
            if (have == b->n_attaches)
                in_namespace(b, net, i, prog, 0, item.addr);
        }
    }
}

static void namespaces(struct linux_bpf *b)
{
    struct linux_pernet where = action_tables(b);
    struct eg_obj net;

    linux_each_net(b->r, net)
    {
        of_namespace(b, net);
        devices(b, net);
        if (eg_has(b->r, bpf_action) && where.index)
            actions(b, net, &where);
    }
}

/* Classic filters are programs too, without a number: those are said with their socket. */
static void sock_prog(struct linux_bpf *b, uint64_t sock, uint64_t prog, const char *kind)
{
    uint32_t id = 0;

    if (linux_bpf_find(&b->progs, prog) ||
        (eg_get(&id, eg_object(b->r, bpf_prog, prog), bpf_prog_aux_at, bpf_aux_id) && id))
        linux_bpf_attach(b, (struct linux_bpf_attach){ .prog = prog, .at = sock, .kind = kind });
}

void linux_bpf_socket(struct linux_bpf *b, struct eg_obj sock)
{
    uint64_t prog = 0;

    if (eg_get(&prog, sock, sock_filter_at, filter_prog) && prog)
        sock_prog(b, sock.addr, prog, "socket");
    if (eg_get(&prog, sock, sock_reuse, reuse_prog) && prog)
        sock_prog(b, sock.addr, prog, "reuseport");
}

/* Of connections requests and TIME_WAIT are smaller; those in use are open files too. */
static void sockets(struct linux_bpf *b)
{
    const struct linux_table_socks *all = linux_table_socks(b->r);

    for (size_t i = 0; all && i < all->n && i < SOCKS_MAX && !eg_stopped(b->r); i++)
        if (!(all->at[i].tables & LINUX_TABLE_EHASH))
            linux_bpf_socket(b, eg_object(b->r, sock, all->at[i].sock));
}

void linux_bpf_network(struct linux_bpf *b)
{
    namespaces(b);
    sockets(b);
}
