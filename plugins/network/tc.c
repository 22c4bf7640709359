/* tc - traffic control of interfaces: queueing disciplines, classes, filters with their actions and
 * BPF programs, as tc lists them (net/sched/sch_api.c, cls_api.c; tcx: kernel/bpf/tcx.c). */
#include "../linux/net/tc.h"
#include "../../core/run.h"
#include "../linux/kernel/percpu.h"
#include "../linux/net/bpfprog.h"
#include "../linux/net/ip.h"
#include "../linux/net/net.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(dev_qdisc, net_device, "qdisc");
EG_FIELD_AS(dev_qdisc_hash, net_device, "qdisc_hash");
EG_FIELD_AS(dev_ingress_queue, net_device, "ingress_queue");
EG_FIELD_AS(queue_sleeping, netdev_queue, "qdisc_sleeping");
EG_FIELD_AS(dev_tcx_in, net_device, "tcx_ingress"); // since 6.6
EG_FIELD_AS(dev_tcx_out, net_device, "tcx_egress");
EG_FIELDS(Qdisc, ops, hash, handle, parent, bstats, cpu_bstats, privdata);
EG_FIELD_AS(q_backlog, Qdisc, "qstats.backlog");
EG_FIELD_AS(q_drops, Qdisc, "qstats.drops");
EG_FIELD_AS(q_flags, Qdisc, "flags");
EG_FIELD_AS(q_id, Qdisc_ops, "id");
EG_FIELD_AS(stats_bytes, gnet_stats_basic_sync,
            "bytes.v.a.a.counter|bytes.v.a.counter|bytes.v.counter|bytes.v");
EG_FIELD_AS(stats_packets, gnet_stats_basic_sync,
            "packets.v.a.a.counter|packets.v.a.counter|packets.v.counter|packets.v");
EG_FIELD_AS(old_bytes, gnet_stats_basic_packed, "bytes"); // until 5.15
EG_FIELD_AS(old_packets, gnet_stats_basic_packed, "packets");
EG_FIELD_AS(cpu_sync, gnet_stats_basic_cpu, "bstats");
EG_FIELD_AS(block_chains, tcf_block, "chain_list");
EG_FIELD_AS(chain_node, tcf_chain, "list");
EG_FIELD_AS(chain_index, tcf_chain, "index");
EG_FIELD_AS(chain_first, tcf_chain, "filter_chain");
EG_FIELDS(tcf_proto, next, root, data, prio, protocol, ops);
EG_FIELD_AS(proto_kind, tcf_proto_ops, "kind");
EG_FIELDS(tcf_exts, nr_actions, actions);
EG_FIELDS(tc_action, ops, tcfa_action, tcfa_bstats, cpu_bstats);
EG_FIELD_AS(action_kind, tc_action_ops, "kind");
EG_FIELD_AS_OF("cls_bpf", bpf_list, cls_bpf_head, "plist");
EG_FIELD_AS_OF("cls_bpf", bpf_link, cls_bpf_prog, "link");
EG_FIELD_AS_OF("cls_bpf", bpf_filter, cls_bpf_prog, "filter");
EG_FIELD_AS_OF("cls_bpf", bpf_direct, cls_bpf_prog, "exts_integrated");
EG_FIELD_AS_OF("cls_bpf", bpf_exts, cls_bpf_prog, "exts");
EG_FIELD_AS_OF("cls_bpf", bpf_handle, cls_bpf_prog, "handle");
EG_FIELD_AS_OF("cls_bpf", bpf_name, cls_bpf_prog, "bpf_name");
EG_FIELD_AS_OF("cls_matchall", mall_exts, cls_mall_head, "exts");
EG_FIELD_AS_OF("cls_matchall", mall_handle, cls_mall_head, "handle");
EG_FIELD_AS_OF("sch_ingress", clsact_in, clsact_sched_data, "ingress_block");
EG_FIELD_AS_OF("sch_ingress", clsact_out, clsact_sched_data, "egress_block");
EG_FIELD_AS_OF("sch_ingress", ingress_block, ingress_sched_data, "block");
EG_FIELD_AS_OF("sch_htb", htb_block, htb_sched, "block");
EG_FIELD_AS_OF("sch_htb", htb_classes, htb_sched, "clhash.hash");
EG_FIELD_AS_OF("sch_htb", htb_size, htb_sched, "clhash.hashsize");
EG_FIELD_AS_OF("sch_htb", htb_node, htb_class, "common.hnode");
EG_FIELD_AS_OF("sch_htb", htb_id, htb_class, "common.classid");
EG_FIELD_AS_OF("sch_htb", htb_parent, htb_class, "parent");
EG_FIELD_AS_OF("sch_htb", htb_rate, htb_class, "rate.rate_bytes_ps");
EG_FIELD_AS_OF("sch_htb", htb_ceil, htb_class, "ceil.rate_bytes_ps");
EG_FIELD_AS_OF("sch_htb", htb_prio, htb_class, "prio");
EG_FIELD_AS_OF("sch_htb", htb_quantum, htb_class, "quantum");
EG_FIELD_AS_OF("sch_htb", htb_level, htb_class, "level");
EG_FIELD_AS_OF("sch_htb", htb_leaf, htb_class, "leaf.q|un.leaf.q");
EG_FIELD_AS_OF("sch_htb", htb_stats, htb_class, "bstats");
EG_FIELD_AS_OF("sch_prio", prio_block, prio_sched_data, "block");
EG_FIELD_AS_OF("sch_prio", prio_bands, prio_sched_data, "bands");
EG_FIELD_AS_OF("sch_prio", prio_queues, prio_sched_data, "queues");
EG_FIELD_AS(mprog_items, bpf_mprog_entry, "fp_items");
EG_FIELD_AS(mprog_parent, bpf_mprog_entry, "parent");
EG_FIELD_AS(fp_prog, bpf_mprog_fp, "prog");
EG_FIELD_AS(bundle_items, bpf_mprog_bundle, "cp_items");
EG_FIELD_AS(cp_link, bpf_mprog_cp, "link");
EG_FIELD_AS(any_link_id, bpf_link, "id");
EG_TYPE(tcf_block);
EG_TYPE(hlist_head);
EG_TYPE(list_head);
EG_FIELD_AS(any_list, list_head, "next");
EG_TYPE_("cls_matchall", cls_mall_head);
EG_TYPE_("sch_htb", htb_sched);
EG_TYPE_("sch_prio", prio_sched_data);

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(INTERFACE, TEXT, "whose packets")                                                            \
    C(KIND, TEXT, "\"qdisc\", \"class\", \"filter\", \"action\", \"tcx\"")                         \
    C(NAME, TEXT, "\"htb\", \"clsact\", \"bpf\", \"mirred\"")                                      \
    C(TC_HANDLE, TEXT, "\"1:\", \"1:10\"; of a filter its number")                                 \
    C(TC_PARENT, TEXT, "what it hangs on: \"root\", \"ingress\", \"egress\", \"1:10\"")            \
    C(PREFERENCE, INT, "of a filter: the lowest is asked first", EG_MINOR)                         \
    C(PROTO, TEXT, "of a filter: which packets it is for")                                         \
    C(BPF_ID, INT, "number of the BPF program")                                                    \
    C(BPF_NAME, TEXT, "its name")                                                                  \
    C(TAG, TEXT, "hash of its instructions", EG_MINOR)                                             \
    C(LINK_ID, INT, "of tcx: the BPF link that holds the program", EG_ASKED)                       \
    C(DETAIL, TEXT, "what its kind has of its own")                                                \
    C(PACKETS, INT, "that went through")                                                           \
    C(PACKET_BYTES, INT, "and their bytes", EG_MINOR)                                              \
    C(DROPS, INT, "packets that were dropped")                                                     \
    C(BACKLOG, INT, "bytes that wait", EG_MINOR)                                                   \
    C(OFFSET, ADDR, "address of the Qdisc, class, filter, tc_action or bpf_prog", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { FILTERS_MAX = 1 << 16, QDISCS_MAX = 1 << 14, ACTIONS_MAX = 32, PROGRAMS_MAX = 64 };
enum { INVISIBLE = 0x80 }; // TCQ_F_INVISIBLE: made by another, and not listed

struct walk {
    struct eg_run *r;
    struct eg_obj net, dev;
    uint64_t seen[1024]; /**< Qdiscs of the interface that were shown */
    unsigned n_seen, filters;
    bool noted;
};

static void too_many(struct walk *w, const char *what)
{
    const char *name = eg_string(w->r, eg_at(w->dev, net_device.name), 16);

    if (!w->noted)
        eg_note(w->r, "%s: not all %s are shown", name ? name : "an interface", what);
    w->noted = true;
}

/** One more filter or class of the interface, unless there were too many. */
static bool another(struct walk *w)
{
    if (w->filters++ < FILTERS_MAX)
        return true;
    too_many(w, "filters and classes");
    return false;
}

static const char *parent_text(struct eg_run *r, uint32_t h)
{
    return h == UINT32_MAX    ? "root"
           : h == 0xfffffff1u ? "ingress" // TC_H_INGRESS, also TC_H_CLSACT
                              : linux_tc_handle(r, h);
}

static struct eg_cell protocol_text(struct eg_run *r, struct eg_obj proto)
{
    uint32_t p;

    if (!linux_be(proto, &p))
        return eg_cell_of(proto);
    return eg_text(p == 3        ? "all"
                   : p == 0x0800 ? "ip"
                   : p == 0x86dd ? "ipv6"
                   : p == 0x0806 ? "arp"
                   : p == 0x8100 ? "802.1Q"
                                 : eg_strf(r, "%#06x", (unsigned)p));
}

/* ---- actions ---- */

static const char *control(int32_t action)
{
    switch (action) {
    case -1:
        return "continue by default";
    case 0:
        return "pass";
    case 1:
        return "reclassify";
    case 2:
        return "drop";
    case 3:
        return "pipe";
    case 4:
    case 5:
        return "stolen";
    case 7:
        return "redirect";
    case 8:
        return "trap";
    default:
        return action >> 28 == 1 ? "jump" : action >> 28 == 2 ? "goto chain" : "unknown";
    }
}

/* Of a discipline, class or action; @pointer: a pointer to what each CPU counted for itself. */
static bool counts(struct walk *w, struct eg_obj own, struct eg_obj pointer, uint64_t *packets,
                   uint64_t *bytes)
{
    struct eg_obj cpus = eg_deref(pointer), each;
    uint64_t a = 0, b = 0;
    bool any = false;

    *packets = *bytes = 0;
    if (eg_has(w->r, stats_bytes))
        any = eg_get(bytes, own, stats_bytes) && eg_get(packets, own, stats_packets);
    else
        any = eg_get(bytes, own, old_bytes) && eg_get(packets, own, old_packets);
    if (cpus.why)
        return any;
    linux_each_percpu(w->r, cpus, each)
    {
        struct eg_obj s = eg_has(w->r, stats_bytes) ? each : eg_at(each, cpu_sync);

        if (eg_has(w->r, stats_bytes) ? eg_get(&b, s, stats_bytes) && eg_get(&a, s, stats_packets)
                                      : eg_get(&b, s, old_bytes) && eg_get(&a, s, old_packets)) {
            *bytes += b;
            *packets += a;
        }
    }
    return any;
}

static void actions(struct walk *w, struct eg_obj exts, const char *parent)
{
    struct eg_obj array = eg_at(exts, tcf_exts.actions);
    int32_t n;
    uint64_t at;

    if (exts.why || !eg_get(&n, exts, tcf_exts.nr_actions) || n < 0 || n > ACTIONS_MAX)
        return;
    for (int32_t i = 0; i < n; i++) {
        struct eg_obj slot = eg_index(array, (uint64_t)i), action = eg_deref(slot);
        const char *kind = eg_string(w->r, eg_at(action, tc_action.ops, action_kind), 16), *text;
        uint64_t packets, bytes;
        int32_t what = 0;
        bool counted;

        if (!eg_load(&at, slot) || !at)
            break;
        eg_get(&what, action, tc_action.tcfa_action);
        text = linux_tc_action(w->r, kind ? kind : "?", action.addr);
        if (!text)
            text = " its parameters are not known";
        counted = counts(w, eg_at(action, tc_action.tcfa_bstats),
                         eg_at(action, tc_action.cpu_bstats), &packets, &bytes);
        eg_row(w->r, .NS = eg_val(w->net, net_inum), .INTERFACE = eg_val(w->dev, net_device.name),
               .KIND = eg_text("action"), .NAME = eg_text(kind ? kind : "?"),
               .TC_PARENT = eg_text(parent),
               .DETAIL = eg_text(eg_strf(w->r, "%s%s%s", *text ? text + 1 : "", *text ? ", " : "",
                                         control(what))),
               .PACKETS = counted ? eg_uint(packets) : (struct eg_cell){ 0 },
               .PACKET_BYTES = counted ? eg_uint(bytes) : (struct eg_cell){ 0 },
               .OFFSET = eg_addr(action));
    }
}

/* ---- filters ---- */

struct filter {
    const char *parent, *kind;
    struct eg_obj proto;
    uint64_t chain;
};

static void filter_row(struct walk *w, const struct filter *f, uint64_t at, struct eg_cell handle,
                       const char *detail, const struct linux_bpfprog *p)
{
    uint32_t prio;
    const char *chain = f->chain ? eg_strf(w->r, "chain %" PRIu64, f->chain) : NULL;

    if (chain)
        detail = detail ? eg_strf(w->r, "%s %s", chain, detail) : chain;
    eg_row(w->r, .NS = eg_val(w->net, net_inum), .INTERFACE = eg_val(w->dev, net_device.name),
           .KIND = eg_text("filter"), .NAME = eg_text(f->kind), .TC_HANDLE = handle,
           .TC_PARENT = eg_text(f->parent),
           .PREFERENCE = eg_get(&prio, f->proto, tcf_proto.prio) ? eg_uint(prio >> 16)
                                                                 : eg_val(f->proto, tcf_proto.prio),
           .PROTO = protocol_text(w->r, eg_at(f->proto, tcf_proto.protocol)), .BPF_ID = p->id,
           .BPF_NAME = p->name, .TAG = p->tag, .DETAIL = eg_text(detail), .OFFSET = eg_uint(at));
}

static struct eg_cell hex_handle(struct eg_run *r, struct eg_obj o)
{
    uint32_t v;

    return eg_load(&v, o) ? eg_text(eg_strf(r, "%#x", v)) : eg_cell_of(o);
}

static uint64_t number_at(struct eg_run *r, uint64_t at, unsigned size)
{
    uint64_t n;

    return eg_uint_at(r, at, size, &n) ? n : 0;
}

static uint64_t pointer_at(struct eg_run *r, uint64_t at)
{
    return number_at(r, at, eg_binding_of(r)->model.ptr_size);
}

/* A member of a module's type; of kernels whose modules have none (before 5.11) where it is in
 * Linux 5.10. */
#define OFFSET_OF(r, field, old) (eg_has((r), field) ? eg_offset((r), field) : (uint64_t)(old))

static void bpf_filters(struct walk *w, const struct filter *f, uint64_t root)
{
    struct eg_link link = { "cls_bpf_prog", "link", *eg_slot(w->r, eg_f_any_list.id) };
    struct eg_list_walk list;
    struct eg_obj each;

    link.slot.off = OFFSET_OF(w->r, bpf_link, 8);
    list = eg_list_begin(eg_object(w->r, list_head, root + OFFSET_OF(w->r, bpf_list, 0)), &link);
    while (eg_list_next_(&list, &each) && another(w)) {
        const uint64_t at = each.addr;
        const uint64_t named = pointer_at(w->r, at + OFFSET_OF(w->r, bpf_name, 0x68));
        const char *name = named ? eg_cstr(w->r, eg_kernel(w->r), named, 64) : NULL;
        const bool direct = number_at(w->r, at + OFFSET_OF(w->r, bpf_direct, 0x28), 1);
        const uint64_t handle = number_at(w->r, at + OFFSET_OF(w->r, bpf_handle, 0x58), 4);
        struct linux_bpfprog p;

        linux_bpfprog(w->r, pointer_at(w->r, at + OFFSET_OF(w->r, bpf_filter, 0)), &p);
        filter_row(w, f, at, eg_text(eg_strf(w->r, "%#x", (unsigned)handle)),
                   eg_strf(w->r, "%s%s%s", name ? name : "", name && direct ? " " : "",
                           direct ? "direct-action" : ""),
                   &p);
        actions(w, eg_object(w->r, tcf_exts, at + OFFSET_OF(w->r, bpf_exts, 0x38)), f->parent);
    }
}

struct rules {
    struct walk *w;
    const struct filter *f;
};

static bool rule(void *context, const struct linux_tc_rule *one)
{
    const struct linux_bpfprog none = { .text = NULL };
    const struct rules *c = context;

    if (!another(c->w))
        return false;
    filter_row(c->w, c->f, one->at, eg_text(one->handle), *one->text ? one->text : NULL, &none);
    if (!one->exts.why)
        actions(c->w, eg_cast(one->exts, tcf_exts), c->f->parent);
    return true;
}

static void filters_of(struct walk *w, const struct filter *f)
{
    const struct linux_bpfprog none = { .text = NULL };
    struct rules rules = { w, f };
    uint64_t root = 0, data = 0;
    struct eg_obj o;

    eg_get(&root, f->proto, tcf_proto.root);
    eg_get(&data, f->proto, tcf_proto.data);
    if (!strcmp(f->kind, "bpf")) {
        bpf_filters(w, f, root);
    } else if (!strcmp(f->kind, "matchall") && eg_has(w->r, mall_exts)) {
        o = eg_object(w->r, cls_mall_head, root);
        filter_row(w, f, root, hex_handle(w->r, eg_at(o, mall_handle)), NULL, &none);
        actions(w, eg_at(o, mall_exts), f->parent);
    } else if (!linux_tc_rules(w->r, f->kind, root, data, rule, &rules)) {
        filter_row(w, f, root, (struct eg_cell){ 0 }, "its rules are not shown", &none);
    }
}

static void block(struct walk *w, uint64_t at, const char *parent)
{
    struct eg_obj b = eg_object(w->r, tcf_block, at), chain;

    if (!at)
        return;
    eg_each_list(chain, eg_at(b, block_chains), chain_node) {
        struct filter f = { .parent = parent };
        uint64_t seen = 0;

        eg_get(&f.chain, chain, chain_index);
        f.proto = eg_deref(eg_at(chain, chain_first));
        while (!f.proto.why && f.proto.addr != seen && another(w)) {
            const char *kind = eg_string(w->r, eg_at(f.proto, tcf_proto.ops, proto_kind), 16);

            f.kind = kind ? kind : "?";
            filters_of(w, &f);
            seen = f.proto.addr;
            f.proto = eg_deref(eg_at(f.proto, tcf_proto.next));
        }
    }
}

/* ---- classes ---- */

static void htb(struct walk *w, struct eg_obj priv)
{
    struct eg_obj heads = eg_deref(eg_at(priv, htb_classes)), c;
    uint32_t size = 0, class, prio, quantum, leaf;
    uint64_t rate, ceil, up, packets, bytes;
    bool counted;

    eg_get(&size, priv, htb_size);
    for (uint32_t i = 0; i < size && i < QDISCS_MAX && !heads.why; i++)
        eg_each_hlist(
            c, eg_object(w->r, hlist_head, heads.addr + (uint64_t)i * eg_size(w->r, hlist_head)),
            htb_node) {
            struct linux_text t = { .r = w->r };
            struct eg_obj parent = eg_deref(eg_at(c, htb_parent));

            if (!another(w) || !eg_get(&class, c, htb_id))
                return;
            // Rates are kept in bytes a second.
            if (eg_get(&rate, c, htb_rate)) {
                linux_text_add(&t, "rate ");
                linux_tc_rate(&t, rate);
            }
            if (eg_get(&ceil, c, htb_ceil)) {
                linux_text_add(&t, " ceil ");
                linux_tc_rate(&t, ceil);
            }
            if (eg_get(&prio, c, htb_prio))
                linux_text_add(&t, " prio %u", prio);
            if (!eg_get_or((int64_t)0, c, htb_level)) { // others have classes below them
                if (eg_get(&quantum, c, htb_quantum))
                    linux_text_add(&t, " quantum %u", quantum);
                if (eg_get(&leaf, c, htb_leaf, Qdisc.handle) && leaf)
                    linux_text_add(&t, " leaf %s", linux_tc_handle(w->r, leaf));
            }
            up = 0;
            eg_get(&up, parent, htb_id);
            counted =
                counts(w, eg_at(c, htb_stats), (struct eg_obj){ .why = EG_NULL }, &packets, &bytes);
            eg_row(w->r, .NS = eg_val(w->net, net_inum),
                   .INTERFACE = eg_val(w->dev, net_device.name), .KIND = eg_text("class"),
                   .NAME = eg_text("htb"), .TC_HANDLE = eg_text(linux_tc_handle(w->r, class)),
                   .TC_PARENT = eg_text(up ? linux_tc_handle(w->r, (uint32_t)up) : "root"),
                   .DETAIL = eg_text(linux_text_of(&t)),
                   .PACKETS = counted ? eg_uint(packets) : (struct eg_cell){ 0 },
                   .PACKET_BYTES = counted ? eg_uint(bytes) : (struct eg_cell){ 0 },
                   .OFFSET = eg_addr(c));
        }
}

/* Bands of prio: classes by their number, with the discipline that each leads to. */
static void bands(struct walk *w, struct eg_obj priv, uint32_t handle)
{
    struct eg_obj queues = eg_at(priv, prio_queues);
    int64_t n = 0;

    eg_get(&n, priv, prio_bands);
    for (int64_t i = 0; i < n && (uint64_t)i < eg_count(queues); i++) {
        struct eg_obj leaf = eg_deref(eg_index(queues, (uint64_t)i));
        const char *name = eg_string(w->r, eg_at(leaf, Qdisc.ops, q_id), 16);
        uint32_t own = 0;

        eg_get(&own, leaf, Qdisc.handle);
        eg_row(w->r, .NS = eg_val(w->net, net_inum), .INTERFACE = eg_val(w->dev, net_device.name),
               .KIND = eg_text("class"), .NAME = eg_text("prio"),
               .TC_HANDLE = eg_text(linux_tc_handle(w->r, handle | (uint32_t)(i + 1))),
               .TC_PARENT = eg_text(linux_tc_handle(w->r, handle)),
               .DETAIL = eg_text(own ? eg_strf(w->r, "leaf %s", linux_tc_handle(w->r, own))
                                     : eg_strf(w->r, "queue %s", name ? name : "?")),
               .OFFSET = leaf.why ? (struct eg_cell){ 0 } : eg_addr(leaf));
    }
}

/* ---- queueing disciplines ---- */

static void inside(struct walk *w, struct eg_obj q, const char *id, const char *handle)
{
    const uint64_t priv = eg_at(q, Qdisc.privdata).addr;

    if (!strcmp(id, "clsact")) {
        // struct clsact_sched_data begins with its two blocks.
        block(w, pointer_at(w->r, priv + OFFSET_OF(w->r, clsact_in, 0)), "ingress");
        block(w, pointer_at(w->r, priv + OFFSET_OF(w->r, clsact_out, 8)), "egress");
    } else if (!strcmp(id, "ingress")) {
        block(w, pointer_at(w->r, priv + OFFSET_OF(w->r, ingress_block, 0)), "ingress");
    } else if (!strcmp(id, "htb") && eg_has(w->r, htb_classes)) {
        htb(w, eg_object(w->r, htb_sched, priv));
        block(w, pointer_at(w->r, priv + eg_offset(w->r, htb_block)), handle);
    } else if (!strcmp(id, "prio") && eg_has(w->r, prio_block)) {
        bands(w, eg_object(w->r, prio_sched_data, priv), eg_get_or(0u, q, Qdisc.handle));
        block(w, pointer_at(w->r, priv + eg_offset(w->r, prio_block)), handle);
    } else if (!strcmp(id, "hfsc") || !strcmp(id, "drr") || !strcmp(id, "qfq")) {
        eg_note(w->r, "%s %s of an interface: its classes and filters are not shown", id, handle);
    }
}

static void qdisc(struct walk *w, struct eg_obj q, const char *place)
{
    const char *id, *handle, *options;
    uint32_t number = 0, parent = 0;
    uint64_t packets, bytes;
    bool counted;

    if (q.why)
        return;
    for (unsigned i = 0; i < w->n_seen; i++)
        if (w->seen[i] == q.addr)
            return;
    if (w->n_seen == sizeof w->seen / sizeof *w->seen) {
        too_many(w, "queueing disciplines");
        return;
    }
    w->seen[w->n_seen++] = q.addr;
    id = eg_string(w->r, eg_at(q, Qdisc.ops, q_id), 16);
    // What every interface begins with is no discipline.
    if (!id || !*id || !strcmp(id, "noop") || eg_get_or(0u, q, q_flags) & INVISIBLE)
        return;
    eg_get(&number, q, Qdisc.handle);
    eg_get(&parent, q, Qdisc.parent);
    handle = linux_tc_handle(w->r, number);
    options = linux_tc_qdisc(w->r, id, q, eg_at(q, Qdisc.privdata).addr);
    counted = counts(w, eg_at(q, Qdisc.bstats), eg_at(q, Qdisc.cpu_bstats), &packets, &bytes);
    eg_row(w->r, .NS = eg_val(w->net, net_inum), .INTERFACE = eg_val(w->dev, net_device.name),
           .KIND = eg_text("qdisc"), .NAME = eg_text(id), .TC_HANDLE = eg_text(handle),
           .TC_PARENT = eg_text(place ? place : parent_text(w->r, parent)),
           .DETAIL = eg_text(!options   ? "its options are not known"
                             : *options ? options + 1
                                        : NULL),
           .PACKETS = counted ? eg_uint(packets) : (struct eg_cell){ 0 },
           .PACKET_BYTES = counted ? eg_uint(bytes) : (struct eg_cell){ 0 },
           .DROPS = eg_val(q, q_drops), .BACKLOG = eg_val(q, q_backlog), .OFFSET = eg_addr(q));
    inside(w, q, id, handle);
}

/* ---- tcx: programs without a discipline ---- */

static void tcx(struct walk *w, struct eg_obj pointer, const char *where)
{
    struct eg_obj entry = eg_deref(pointer), items, links;

    if (entry.why)
        return;
    items = eg_at(entry, mprog_items);
    links = eg_at(entry, mprog_parent, bundle_items);
    for (uint64_t i = 0; i < PROGRAMS_MAX && i < eg_count(items); i++) {
        struct eg_obj link;
        struct linux_bpfprog p;
        uint64_t prog = 0;

        if (!eg_get(&prog, eg_index(items, i), fp_prog) || !prog)
            break;
        linux_bpfprog(w->r, prog, &p);
        link = eg_deref(eg_at(eg_index(links, i), cp_link));
        eg_row(w->r, .NS = eg_val(w->net, net_inum), .INTERFACE = eg_val(w->dev, net_device.name),
               .KIND = eg_text("tcx"), .NAME = eg_text("bpf"), .TC_PARENT = eg_text(where),
               .BPF_ID = p.id, .BPF_NAME = p.name, .TAG = p.tag,
               .LINK_ID = link.why == EG_NULL ? (struct eg_cell){ 0 } : eg_val(link, any_link_id),
               .OFFSET = eg_uint(prog));
    }
}

static void device(struct walk *w)
{
    struct eg_obj hash = eg_at(w->dev, dev_qdisc_hash), q;

    w->n_seen = w->filters = 0;
    w->noted = false;
    qdisc(w, eg_deref(eg_at(w->dev, dev_qdisc)), "root");
    for (uint64_t i = 0; i < eg_count(hash); i++)
        eg_each_hlist(q, eg_index(hash, i), Qdisc.hash)
            qdisc(w, q, NULL);
    qdisc(w, eg_deref(eg_at(w->dev, dev_ingress_queue, queue_sleeping)), "ingress");
    if (eg_has(w->r, dev_tcx_in)) {
        tcx(w, eg_at(w->dev, dev_tcx_in), "ingress");
        tcx(w, eg_at(w->dev, dev_tcx_out), "egress");
    }
}

static int run(struct eg_run *r)
{
    struct walk *w = eg_tmp(r, sizeof *w);

    w->r = r;
    linux_each_net(r, w->net)
    {
        unsigned n = 0;

        eg_each_list(w->dev, eg_at(w->net, net.dev_base_head), net_device.dev_list) {
            if (n++ > QDISCS_MAX)
                break;
            device(w);
        }
    }
    return 0;
}

EG_PLUGIN(tc) = {
    .os = "linux",
    .help = "List queueing disciplines, classes, filters and their BPF programs of interfaces",
    .manual =
        "Of every network namespace, as tc lists them; programs of tcx (since Linux 6.6), which "
        "hang on no discipline, too. A filter that runs a BPF program sees each packet, and can "
        "change, redirect or drop it. Classes are those of htb and prio; filters those of bpf, "
        "matchall, flower, u32, basic and fw. What is not known of others is said in DETAIL or a "
        "note. Options are as tc prints them, in DETAIL. Kernels before 5.11 have no types of "
        "modules: there it is the kinds only. xdp lists what sees packets before these.",
    .columns = columns,
    .needs = EG_NEEDS(dev_qdisc, Qdisc.ops, q_id),
    .uses = EG_NAMES("nets"),
    .run = run,
    .moves = EG_NAMES("BACKLOG", "DROPS"),
};
