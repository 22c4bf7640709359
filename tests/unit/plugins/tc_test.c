/* tc_test.c - traffic control: options of disciplines, rules of filters, parameters of actions;
 * tcx; damage. */
#include "check.h"
#include "mkguest.h"
#include <string.h>

static const char *const types[] = {
    "struct net { struct ns_common ns; };",
    "struct Qdisc_ops { char id[16]; };"
    "struct bstats { u64 bytes, packets; };"
    "struct gnet_stats_basic_packed { u64 bytes, packets; };"
    "struct qstats { u32 backlog, drops; };"
    "struct Qdisc { struct Qdisc_ops *ops; unsigned int flags; u32 limit; struct hlist_node hash;"
    "  u32 handle, parent; struct gnet_stats_basic_packed bstats; void *cpu_bstats;"
    "  struct qstats qstats; long privdata[0]; };"
    "struct netdev_queue { struct Qdisc *qdisc_sleeping; };"
    "struct bpf_prog_aux { u32 id; char name[16]; };"
    "struct bpf_prog { u8 tag[8]; struct bpf_prog_aux *aux; };"
    "struct bpf_link { u32 id; struct bpf_prog *prog; };"
    "struct bpf_mprog_fp { struct bpf_prog *prog; };"
    "struct bpf_mprog_cp { struct bpf_link *link; };"
    "struct bpf_mprog_bundle { u32 count; struct bpf_mprog_cp cp_items[64]; };"
    "struct bpf_mprog_entry { struct bpf_mprog_fp fp_items[64]; struct bpf_mprog_bundle *parent; };"
    "struct net_device { char name[16]; int ifindex; struct list_head dev_list; struct Qdisc "
    "*qdisc;"
    "  struct netdev_queue *ingress_queue; struct bpf_mprog_entry *tcx_ingress, *tcx_egress; };"
    "struct net { struct ns_common ns; struct list_head list, dev_base_head; };",
    "struct netdev_queue { struct Qdisc *qdisc_sleeping; };", // each replaces the one before it
    "struct netdev_queue { struct Qdisc *qdisc_sleeping; };"
    "struct psched_ratecfg { u64 rate_bytes_ps; };"
    "struct tbf_sched_data { u32 limit; s64 buffer; struct psched_ratecfg rate, peak; };"
    "struct ingress_sched_data { struct tcf_block *block; };"
    "struct tcf_block { struct list_head chain_list; };"
    "struct tcf_chain { struct list_head list; u32 index; struct tcf_proto *filter_chain; };"
    "struct tcf_proto_ops { char kind[16]; };"
    "struct tcf_proto { struct tcf_proto *next; void *root, *data; u32 prio; u16 protocol;"
    "  struct tcf_proto_ops *ops; };"
    "struct tc_action_ops { char kind[16]; };"
    "struct tc_action { struct tc_action_ops *ops; int tcfa_action; u32 tcfa_index;"
    "  struct gnet_stats_basic_packed tcfa_bstats; void *cpu_bstats; };"
    "struct tcf_exts { int nr_actions; struct tc_action **actions; };"
    "struct tcf_result { unsigned long class; u32 classid; };"
    "struct tcf_police_params { u32 tcfp_mtu; s64 tcfp_burst; struct psched_ratecfg rate; };"
    "struct tcf_police { struct tc_action common; struct tcf_police_params *params; };"
    "struct tcf_skbedit_params { u32 flags, priority, mark; };"
    "struct tcf_skbedit { struct tc_action common; struct tcf_skbedit_params *params; };"
    "struct tcf_nat { struct tc_action common; u32 old_addr, new_addr, mask, flags; };"
    "struct tcf_pedit { struct tc_action common; u8 tcfp_nkeys; void *tcfp_keys, *tcfp_keys_ex; };",
    "struct tcf_result { unsigned long class; u32 classid; };",
    "struct tcf_result { unsigned long class; u32 classid; };"
    "struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };"
    "struct idr { struct xarray idr_rt; };"
    "struct tc_u32_sel { u8 flags, offshift, nkeys, pad; u32 more[3]; u32 keys[0]; };"
    "struct tc_u_knode { struct tc_u_knode *next; u32 handle; struct tcf_exts exts;"
    "  struct tcf_result res; struct tc_u_hnode *ht_down; u32 val, mask; struct tc_u32_sel sel; };"
    "struct tc_u_hnode { struct tc_u_hnode *next; u32 handle, prio, divisor;"
    "  struct tc_u_knode *ht[0]; };"
    "struct tc_u_common { struct tc_u_hnode *hlist; };"
    "struct fl_eth { u8 dst[6], src[6]; }; struct fl_basic { u16 n_proto; u8 ip_proto, pad; };"
    "struct fl_ip4 { u8 src[4], dst[4]; }; struct fl_ports { u8 src[2], dst[2]; };"
    "struct fl_range { struct fl_ports tp_min, tp_max; }; struct fl_arp { u8 op[4]; };"
    "struct fl_flow_key { struct fl_eth eth; struct fl_basic basic; struct fl_ip4 ipv4;"
    "  struct fl_ports tp; struct fl_range tp_range; struct fl_arp arp; };"
    "struct fl_flow_mask { struct fl_flow_key key; };"
    "struct cls_fl_filter { struct fl_flow_mask *mask; struct tcf_exts exts; struct tcf_result res;"
    "  struct fl_flow_key key; u32 handle; };"
    "struct cls_fl_head { struct idr handle_idr; };"
    "struct tcf_ematch_ops { int kind; };"
    "struct tcf_ematch { struct tcf_ematch_ops *ops; unsigned long data; u32 datalen; u16 matchid,"
    "  flags; };"
    "struct ematch_hdr { u16 nmatches, progid; };"
    "struct tcf_ematch_tree { struct ematch_hdr hdr; struct tcf_ematch *matches; };"
    "struct meta_hdr { u16 kind; u8 shift, op; };"
    "struct meta_value { struct meta_hdr hdr; unsigned long val; u32 len; };"
    "struct meta_match { struct meta_value lvalue, rvalue; };"
    "struct basic_head { struct list_head flist; };"
    "struct basic_filter { u32 handle; struct tcf_exts exts; struct tcf_ematch_tree ematches;"
    "  struct tcf_result res; struct list_head link; };"
    "struct fw_filter { struct fw_filter *next; u32 id; struct tcf_exts exts; struct tcf_result "
    "res;"
    "};"
    "struct fw_head { u32 mask; struct fw_filter *ht[256]; };",
    NULL,
};

struct tc {
    struct mk_guest g;
    struct mk *k;
    unsigned ptr;
    uint64_t dev, block, last; /**< the last filter of the block */
};

static uint64_t qdisc(struct tc *s, const char *id, uint32_t handle)
{
    const uint64_t at = mk_alloc(s->k, 512), ops = mk_object(s->k, "Qdisc_ops");

    mk_puts(s->k, ops, "Qdisc_ops.id", id);
    mk_put(s->k, at, "Qdisc.ops", ops);
    mk_put(s->k, at, "Qdisc.handle", handle);
    mk_put(s->k, at, "Qdisc.parent", UINT32_MAX);
    return at;
}

static struct tc machine(const struct mk_machine *m)
{
    struct tc s = { .g = mk_guest(m, types) };
    uint64_t net, list, queue, q, chain;

    s.k = s.g.k, s.ptr = mk_model(s.k)->ptr_size;
    net = mk_object(s.k, "net"), list = mk_object(s.k, "list_head");
    mk_list_append(s.k, list, mk_at(s.k, net, "net.list"));
    mk_symbol(s.k, "net_namespace_list", list);
    s.dev = mk_object(s.k, "net_device");
    mk_puts(s.k, s.dev, "net_device.name", "e0");
    mk_list(s.k, mk_at(s.k, net, "net.dev_base_head"), NULL, 0);
    mk_list_append(s.k, mk_at(s.k, net, "net.dev_base_head"),
                   mk_at(s.k, s.dev, "net_device.dev_list"));
    queue = mk_object(s.k, "netdev_queue");
    mk_put(s.k, s.dev, "net_device.ingress_queue", queue);
    q = qdisc(&s, "ingress", 0xffff0000);
    mk_put(s.k, queue, "netdev_queue.qdisc_sleeping", q);
    s.block = mk_object(s.k, "tcf_block"), chain = mk_object(s.k, "tcf_chain");
    mk_write_ptr(s.k, mk_at(s.k, q, "Qdisc.privdata"), s.block);
    mk_list(s.k, mk_at(s.k, s.block, "tcf_block.chain_list"), NULL, 0);
    mk_list_append(s.k, mk_at(s.k, s.block, "tcf_block.chain_list"),
                   mk_at(s.k, chain, "tcf_chain.list"));
    s.last = mk_at(s.k, chain, "tcf_chain.filter_chain");
    return s;
}

static uint64_t filter(struct tc *s, const char *kind, unsigned prio, uint64_t root, uint64_t data)
{
    const uint64_t at = mk_object(s->k, "tcf_proto"), ops = mk_object(s->k, "tcf_proto_ops");

    mk_puts(s->k, ops, "tcf_proto_ops.kind", kind);
    mk_put(s->k, at, "tcf_proto.ops", ops);
    mk_put(s->k, at, "tcf_proto.root", root);
    mk_put(s->k, at, "tcf_proto.data", data);
    mk_put(s->k, at, "tcf_proto.prio", prio << 16);
    mk_write(s->k, mk_at(s->k, at, "tcf_proto.protocol"), "\0\3", 2);
    mk_write_ptr(s->k, s->last, at);
    s->last = mk_at(s->k, at, "tcf_proto.next");
    return at;
}

/* Actions of a rule: @exts is its tcf_exts. */
static void acts(struct tc *s, uint64_t exts, const uint64_t *actions, unsigned n)
{
    const uint64_t at = mk_alloc(s->k, 8 * 8);

    for (unsigned i = 0; i < n; i++)
        mk_write_ptr(s->k, at + i * s->ptr, actions[i]);
    mk_put(s->k, exts, "tcf_exts.nr_actions", n);
    mk_put(s->k, exts, "tcf_exts.actions", at);
}

static uint64_t action(struct tc *s, const char *kind, const char *type, int what)
{
    const uint64_t at = mk_object(s->k, type), ops = mk_object(s->k, "tc_action_ops");

    mk_puts(s->k, ops, "tc_action_ops.kind", kind);
    mk_put(s->k, at, "tc_action.ops", ops);
    mk_put(s->k, at, "tc_action.tcfa_action", (uint64_t)what);
    return at;
}

static void be32(struct tc *s, uint64_t at, uint32_t v)
{
    const uint8_t b[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

    mk_write(s->k, at, b, sizeof b);
}

static uint64_t u32_node(struct tc *s, uint32_t handle, unsigned keys)
{
    const uint64_t at = mk_alloc(s->k, 1024), key = mk_at(s->k, at, "tc_u_knode.sel.keys");

    mk_put(s->k, at, "tc_u_knode.handle", handle);
    mk_put(s->k, at, "tc_u_knode.sel.nkeys", keys);
    be32(s, key, 0xffff), be32(s, key + 4, 0x1f36);
    mk_write_u32(s->k, key + 8, 20);
    return at;
}

static const char *details(struct tc *s)
{
    return mk_columns(mk_guest_rows(&s->g, "tc", NULL), 2, 12);
}

static void disciplines(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct tc s = machine(m);
        uint64_t q = qdisc(&s, "tbf", 0x80010000), priv;

        priv = mk_at(s.k, q, "Qdisc.privdata");
        mk_put(s.k, s.dev, "net_device.qdisc", q);
        mk_put(s.k, priv, "tbf_sched_data.limit", 5000);
        mk_put(s.k, priv, "tbf_sched_data.rate.rate_bytes_ps", 12500000);
        mk_put(s.k, priv, "tbf_sched_data.buffer", 327680);
        assert_non_null(
            strstr(details(&s), "tbf|8001:|root|||||||rate 100Mbit burst 4096b limit 5000b"));
        // One with a limit only; one that is not known here.
        q = qdisc(&s, "bfifo", 0x10000);
        mk_put(s.k, s.dev, "net_device.qdisc", q);
        mk_put(s.k, q, "Qdisc.limit", 77);
        assert_non_null(strstr(details(&s), "bfifo|1:|root|||||||limit 77b"));
        mk_put(s.k, s.dev, "net_device.qdisc", qdisc(&s, "mystery", 0x10000));
        assert_non_null(strstr(details(&s), "mystery|1:|root|||||||its options are not known"));
        mk_free(s.k);
    }
}

static void u32_filters(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct tc s = machine(m);
        const uint64_t table = mk_alloc(s.k, 256), other = mk_alloc(s.k, 256);
        const uint64_t all = mk_object(s.k, "tc_u_common");
        const uint64_t police = action(&s, "police", "tcf_police", 2);
        const uint64_t params = mk_object(s.k, "tcf_police_params");
        const uint64_t edit = action(&s, "skbedit", "tcf_skbedit", 3);
        const uint64_t edits = mk_object(s.k, "tcf_skbedit_params");
        uint64_t node = u32_node(&s, 0x80000800, 1), two[] = { police, edit };

        mk_put(s.k, all, "tc_u_common.hlist", table);
        mk_put(s.k, table, "tc_u_hnode.next", other);
        mk_put(s.k, table, "tc_u_hnode.handle", 0x80000000);
        mk_put(s.k, table, "tc_u_hnode.prio", 5u << 16);
        mk_put(s.k, other, "tc_u_hnode.handle", 0x80100000);
        mk_put(s.k, other, "tc_u_hnode.prio", 6u << 16); // of another filter
        mk_write_ptr(s.k, mk_at(s.k, table, "tc_u_hnode.ht"), node);
        mk_put(s.k, node, "tc_u_knode.res.classid", 0x10010);
        mk_put(s.k, node, "tc_u_knode.ht_down", other);
        mk_put(s.k, params, "tcf_police_params.rate.rate_bytes_ps", 125000);
        mk_put(s.k, params, "tcf_police_params.tcfp_burst", 81920000);
        mk_put(s.k, params, "tcf_police_params.tcfp_mtu", 2040);
        mk_put(s.k, police, "tcf_police.params", params);
        mk_put(s.k, edits, "tcf_skbedit_params.flags", 4);
        mk_put(s.k, edits, "tcf_skbedit_params.mark", 7);
        mk_put(s.k, edits, "tcf_skbedit_params.priority", 9); // not asked for
        mk_put(s.k, edit, "tcf_skbedit.params", edits);
        acts(&s, mk_at(s.k, node, "tc_u_knode.exts"), two, 2);
        filter(&s, "u32", 5, table, all);
        assert_string_equal(details(&s),
                            "qdisc|ingress|ffff:|ingress|||||||\n"
                            "filter|u32|800:|ingress|5|all|||||ht divisor 1\n"
                            "filter|u32|800::800|ingress|5|all|||||"
                            "key ht 800 bkt 0 flowid 1:10 link 801: match 00001f36/0000ffff at 20\n"
                            "action|police||ingress|||||||rate 1Mbit burst 10240b mtu 2040, drop\n"
                            "action|skbedit||ingress|||||||mark 7, pipe");
        // Keys that are not there, a node that leads to itself, tables in a circle.
        mk_put(s.k, node, "tc_u_knode.next", node);
        mk_put(s.k, other, "tc_u_hnode.next", other);
        mk_put(s.k, table, "tc_u_hnode.divisor", UINT32_MAX);
        mk_put(s.k, node, "tc_u_knode.sel.nkeys", 255);
        assert_non_null(strstr(details(&s), "800::800"));
        assert_int_equal(mk_row_notes("more buckets than can be"), 1);
        mk_put(s.k, police, "tcf_police.params", 0x10);
        assert_non_null(strstr(details(&s), "action|police||ingress|||||||mtu ?, drop"));
        mk_free(s.k);
    }
}

static void flower_filters(void **state)
{
    static const uint8_t mac[] = { 0x52, 0x54, 0, 1, 2, 3 },
                         ones[] = { 255, 255, 255, 255, 255, 255 };
    static const uint8_t ip[] = { 192, 0, 2, 0 }, port[] = { 1, 187 }, high[] = { 2, 0 };
    (void)state;
    mk_each_machine(m)
    {
        struct tc s = machine(m);
        const uint64_t head = mk_object(s.k, "cls_fl_head");
        const uint64_t rule = mk_object(s.k, "cls_fl_filter"),
                       mask = mk_object(s.k, "fl_flow_mask");
        const uint64_t nat = action(&s, "nat", "tcf_nat", 0);
        const uint64_t pedit = action(&s, "pedit", "tcf_pedit", 3), keys = mk_alloc(s.k, 24);
        const uint64_t odd = action(&s, "odd", "tc_action", 0);
        uint64_t three[] = { nat, pedit, odd };

        mk_put(s.k, head, "cls_fl_head.handle_idr.idr_rt.xa_head", rule);
        mk_put(s.k, rule, "cls_fl_filter.mask", mask);
        mk_put(s.k, rule, "cls_fl_filter.handle", 1);
#define BOTH(path, value, bits, n)                                                                 \
    mk_write(s.k, mk_at(s.k, rule, "cls_fl_filter.key." path), value, n);                          \
    mk_write(s.k, mk_at(s.k, mask, "fl_flow_mask.key." path), bits, n)
        BOTH("eth.src", mac, ones, 6);
        BOTH("basic.ip_proto", "\6", ones, 1);
        BOTH("ipv4.src", ip, "\xff\xff\xff\0", 4);
        BOTH("tp.dst", port, ones, 2);
        BOTH("tp_range.tp_min.src", port, ones, 2);
        BOTH("tp_range.tp_max.src", high, ones, 2);
        BOTH("arp.op", "\0\1\0\0", ones, 2);
        // A value without its mask is not asked for.
        mk_write(s.k, mk_at(s.k, rule, "cls_fl_filter.key.eth.dst"), mac, 6);
        mk_write(s.k, mk_at(s.k, nat, "tcf_nat.old_addr"), ip, 4);
        mk_write(s.k, mk_at(s.k, nat, "tcf_nat.new_addr"), ip, 4);
        mk_write(s.k, mk_at(s.k, nat, "tcf_nat.mask"), "\xff\xff\xff\0", 4);
        mk_put(s.k, nat, "tcf_nat.flags", 1);
        mk_put(s.k, pedit, "tcf_pedit.tcfp_nkeys", 1);
        mk_put(s.k, pedit, "tcf_pedit.tcfp_keys", keys);
        be32(&s, keys, 0xffff0000), be32(&s, keys + 4, 0x50);
        mk_write_u32(s.k, keys + 8, 20);
        acts(&s, mk_at(s.k, rule, "cls_fl_filter.exts"), three, 3);
        filter(&s, "flower", 2, head, 0);
        assert_string_equal(
            details(&s),
            "qdisc|ingress|ffff:|ingress|||||||\n"
            "filter|flower|0x1|ingress|2|all|||||src_mac 52:54:00:01:02:03 ip_proto tcp "
            "src_ip 192.0.2.0/24 dst_port 443 arp 00010000/ffff0000 src_port 443-512\n"
            "action|nat||ingress|||||||egress 192.0.2.0/24 192.0.2.0, pass\n"
            "action|pedit||ingress|||||||keys 1 at 20 val 00000050 mask ffff0000, pipe\n"
            "action|odd||ingress|||||||its parameters are not known, pass");
        // Keys that cannot be read.
        mk_put(s.k, rule, "cls_fl_filter.mask", 0x10);
        mk_put(s.k, pedit, "tcf_pedit.tcfp_keys", 0x10);
        assert_non_null(strstr(details(&s), "keys 1 ?, pipe"));
        mk_free(s.k);
    }
}

static void other_filters(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct tc s = machine(m);
        const uint64_t basic = mk_object(s.k, "basic_head"), rule = mk_object(s.k, "basic_filter");
        const uint64_t ops = mk_object(s.k, "tcf_ematch_ops"), em = mk_object(s.k, "tcf_ematch");
        const uint64_t meta = mk_object(s.k, "meta_match");
        const uint64_t fw = mk_object(s.k, "fw_head"), mark = mk_object(s.k, "fw_filter");

        mk_list(s.k, mk_at(s.k, basic, "basic_head.flist"), NULL, 0);
        mk_list_append(s.k, mk_at(s.k, basic, "basic_head.flist"),
                       mk_at(s.k, rule, "basic_filter.link"));
        mk_put(s.k, rule, "basic_filter.handle", 1);
        mk_put(s.k, rule, "basic_filter.res.classid", 0x10020);
        mk_put(s.k, rule, "basic_filter.ematches.hdr.nmatches", 1);
        mk_put(s.k, rule, "basic_filter.ematches.matches", em);
        mk_put(s.k, ops, "tcf_ematch_ops.kind", 4);
        mk_put(s.k, em, "tcf_ematch.ops", ops);
        mk_put(s.k, em, "tcf_ematch.data", meta);
        mk_put(s.k, meta, "meta_match.lvalue.hdr.kind", 0x1006);
        mk_put(s.k, meta, "meta_match.lvalue.hdr.op", 1);
        mk_put(s.k, meta, "meta_match.rvalue.val", 6);
        filter(&s, "basic", 1, basic, 0);
        mk_put(s.k, fw, "fw_head.mask", 0xff);
        mk_write_ptr(s.k, mk_at(s.k, fw, "fw_head.ht") + 7 * s.ptr, mark);
        mk_put(s.k, mark, "fw_filter.id", 7);
        mk_put(s.k, mark, "fw_filter.res.classid", 0x10030);
        filter(&s, "fw", 2, fw, 0);
        filter(&s, "route", 3, fw, 0);
        assert_string_equal(details(&s),
                            "qdisc|ingress|ffff:|ingress|||||||\n"
                            "filter|basic|0x1|ingress|1|all|||||flowid 1:20 meta(priority gt 6)\n"
                            "filter|fw|0x7|ingress|2|all|||||classid 1:30 mask 0xff\n"
                            "filter|route||ingress|3|all|||||its rules are not shown");
        // A match of another kind, with its bytes; a ring of marks.
        mk_put(s.k, ops, "tcf_ematch_ops.kind", 1);
        mk_put(s.k, em, "tcf_ematch.datalen", 2);
        mk_put(s.k, em, "tcf_ematch.flags", 4);
        mk_put(s.k, mark, "fw_filter.next", mark);
        mk_write(s.k, meta, "\1\2", 2);
        assert_non_null(strstr(details(&s), "flowid 1:20 not cmp(0102)"));
        mk_free(s.k);
    }
}

static void tcx(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct tc s = machine(m);
        const uint64_t entry = mk_object(s.k, "bpf_mprog_entry");
        const uint64_t bundle = mk_object(s.k, "bpf_mprog_bundle"),
                       link = mk_object(s.k, "bpf_link");
        const uint64_t prog = mk_object(s.k, "bpf_prog"), aux = mk_object(s.k, "bpf_prog_aux");

        mk_put(s.k, prog, "bpf_prog.aux", aux);
        mk_put(s.k, aux, "bpf_prog_aux.id", 12);
        mk_puts(s.k, aux, "bpf_prog_aux.name", "watch");
        mk_put(s.k, link, "bpf_link.id", 3);
        mk_put(s.k, entry, "bpf_mprog_entry.parent", bundle);
        mk_write_ptr(s.k, entry, prog);
        mk_write_ptr(s.k, entry + s.ptr, prog);
        mk_write_ptr(s.k, mk_at(s.k, bundle, "bpf_mprog_bundle.cp_items"), link);
        mk_put(s.k, s.dev, "net_device.tcx_egress", entry);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "tc", NULL), 2, 11),
                            "qdisc|ingress|ffff:|ingress||||||\n"
                            "tcx|bpf||egress|||12|watch|0000000000000000|3\n"
                            "tcx|bpf||egress|||12|watch|0000000000000000|");
        mk_put(s.k, s.dev, "net_device.tcx_ingress", 0x10);
        mk_guest_rows(&s.g, "tc", NULL);
        mk_free(s.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disciplines),
        cmocka_unit_test(u32_filters),
        cmocka_unit_test(flower_filters),
        cmocka_unit_test(other_filters),
        cmocka_unit_test(tcx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
