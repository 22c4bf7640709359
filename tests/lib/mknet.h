/** mknet.h - network namespaces, interfaces and what hangs on them, on a synthetic machine. */
#ifndef MK_NET_H
#define MK_NET_H

#include "mkguest.h"
#include <stdio.h>
#include <stdlib.h>

/* A compiler need not take more than 4095 bytes of text at once. */
static const char device_types[] =
    "struct hlist { struct hlist_head *at; };"
    "struct rtnl_link_ops { const char *kind; };"
    "struct Qdisc_ops { char id[16]; };"
    "struct Qdisc { struct Qdisc_ops *ops; };"
    "struct in_addr { u32 s_addr; };"
    "struct in6_addr { u8 a[16]; };"
    "struct in_ifaddr { struct in_ifaddr *ifa_next; u32 ifa_local, ifa_address, ifa_flags;"
    "  u8 ifa_scope, ifa_prefixlen; };"
    "struct in_device { struct in_ifaddr *ifa_list; };"
    "struct inet6_ifaddr { struct in6_addr addr, peer_addr; u32 prefix_len, flags; u16 scope;"
    "  struct list_head if_list; };"
    "struct inet6_dev { struct list_head addr_list; };"
    "struct netdev_hw_addr { struct list_head list; u8 addr[32]; };"
    "struct netdev_hw_addr_list { struct list_head list; };"
    "struct possible_net { struct net *net; };"
    "struct net_device { char name[16]; unsigned long state; unsigned int flags, mtu, promiscuity;"
    "  int ifindex; unsigned short gflags, type; u8 operstate, addr_len; u8 *dev_addr;"
    "  unsigned int tx_queue_len; struct Qdisc *qdisc; struct rtnl_link_ops *rtnl_link_ops;"
    "  struct in_device *ip_ptr; struct inet6_dev *ip6_ptr; struct list_head dev_list;"
    "  struct hlist_node index_hlist; struct possible_net nd_net;"
    "  struct { struct list_head upper, lower; } adj_list; struct netdev_hw_addr_list uc, mc; };"
    "struct netdev_adjacent { struct net_device *dev; u8 master; struct list_head list; };"
    "struct net_bridge_port { struct net_device *dev; };"
    "struct net_bridge_fdb_key { u8 addr[6]; u16 vlan_id; };"
    "struct net_bridge_fdb_entry { struct net_bridge_port *dst; struct net_bridge_fdb_key key;"
    "  struct hlist_node fdb_node; unsigned long flags, updated, used; };"
    "struct net_bridge { struct hlist_head fdb_list; struct net_device *dev; u8 bridge_id[8];"
    "  int stp_enabled; };"
    "struct vlan_dev_priv { u16 vlan_proto, vlan_id; };"
    "struct sockaddr_in6 { u16 sin6_family, sin6_port; u32 sin6_flowinfo; u8 sin6_addr[16];"
    "  u32 sin6_scope_id; };"
    "struct noise_static_identity { u8 static_public[32]; };"
    "struct noise_handshake { u8 remote_static[32]; };"
    "struct endpoint { struct sockaddr_in6 addr6; };"
    "struct wg_device { struct net *creating_net; struct noise_static_identity static_identity;"
    "  struct list_head peer_list; unsigned int num_peers; u32 fwmark; u16 incoming_port; };"
    "struct wg_peer { struct list_head peer_list, allowedips_list; struct endpoint endpoint;"
    "  struct noise_handshake handshake; u64 rx_bytes, tx_bytes; u16 "
    "persistent_keepalive_interval;"
    "  struct timespec64 walltime_last_handshake; };"
    "struct allowedips_node { struct wg_peer *peer; u8 cidr, bitlen; u8 bits[16];"
    "  struct list_head peer_list; };";
static const char route_types[] =
    "struct key_vector { u32 key; u8 pos, bits, slen; union { struct hlist_head leaf;"
    "  struct key_vector *tnode[1]; }; };"
    "struct trie { struct key_vector kv[1]; };"
    "struct fib_table { struct hlist_node tb_hlist; u32 tb_id; unsigned long *tb_data; };"
    "struct fib_nh_common { struct net_device *nhc_dev; int nhc_oif; u8 nhc_scope, nhc_family,"
    "  nhc_gw_family, nhc_flags; union { u32 ipv4; struct in6_addr ipv6; } nhc_gw;"
    "  int nhc_weight; };"
    "struct fib_nh { struct fib_nh_common nh_common; };"
    "struct fib6_nh { struct fib_nh_common nh_common; };"
    "struct nh_info { u8 family, reject_nh; struct fib_nh_common fib_nhc; };"
    "struct nh_grp_entry { struct nexthop *nh; u8 weight; };"
    "struct nh_group { u16 num_nh; struct nh_grp_entry nh_entries, other; };"
    "struct nexthop { struct rb_node rb_node; u32 id; u8 protocol, is_group; union {"
    "  struct nh_info *nh_info; struct nh_group *nh_grp; }; };"
    "struct fib_info { unsigned int fib_flags; u8 fib_protocol, fib_scope; u32 fib_prefsrc,"
    "  fib_priority; int fib_nhs; struct nexthop *nh; struct fib_nh fib_nh, second; };"
    "struct fib_alias { struct hlist_node fa_list; struct fib_info *fa_info; u8 fa_tos, fa_type,"
    "  fa_slen; u32 tb_id; };"
    "struct rt6key { struct in6_addr addr; int plen; };"
    "struct fib6_info { struct fib6_table *fib6_table; struct fib6_info *fib6_next;"
    "  unsigned int fib6_nsiblings; unsigned long expires; struct rt6key fib6_dst, fib6_src,"
    "  fib6_prefsrc; u32 fib6_flags, fib6_metric; u8 fib6_protocol, fib6_type;"
    "  struct nexthop *nh; struct fib6_nh fib6_nh; };"
    "struct fib6_node { struct fib6_node *parent, *left, *right, *subtree; struct fib6_info *leaf; "
    "};"
    "struct fib6_table { struct hlist_node tb6_hlist; u32 tb6_id; struct fib6_node tb6_root; };"
    "struct fib_rule { struct list_head list; int iifindex; u32 mark, mark_mask, flags, table;"
    "  u8 action, proto; u32 target, pref; int suppress_ifgroup, suppress_prefixlen;"
    "  char iifname[16], oifname[16]; };"
    "struct fib_rules_ops { int family; struct list_head list, rules_list; };"
    "struct fib4_rule { struct fib_rule common; u8 dst_len, src_len; u32 src, dst; };"
    "struct netns_ipv4 { struct fib_rules_ops *rules_ops; struct hlist_head *fib_table_hash; };"
    "struct netns_ipv6 { struct fib_rules_ops *fib6_rules_ops; struct hlist_head *fib_table_hash;"
    "  struct fib6_info *fib6_null_entry; };"
    "struct netns_nexthop { struct rb_root rb_root; };";
static const char old_neighbour[] = // until 6.12
    "struct neigh_hash_table { struct neighbour **hash_buckets; unsigned int hash_shift; };"
    "struct neighbour { struct neighbour *next; ";
static const char new_neighbour[] = // since 6.13
    "struct neigh_hash_table { struct hlist_head *hash_heads; unsigned int hash_shift; };"
    "struct neighbour { struct hlist_node hash; ";
static const char neighbour_types[] =
    "struct neigh_table *tbl; struct net_device *dev; unsigned long updated, confirmed, used;"
    "  u8 nud_state; u32 flags; u8 ha[32]; u8 primary_key[16]; };"
    "struct pneigh_entry { struct pneigh_entry *next; struct possible_net net;"
    "  struct net_device *dev; u8 flags; u32 key[4]; };"
    "struct neigh_table { int family; unsigned int key_len; struct neigh_hash_table *nht;"
    "  struct pneigh_entry **phash_buckets; };"
    "union xfrm_address { u32 a4; struct in6_addr in6; };"
    "struct xfrm_id { union xfrm_address daddr; u32 spi; u8 proto; };"
    "struct xfrm_selector { union xfrm_address daddr, saddr; u16 dport, dport_mask, sport,"
    "  sport_mask, family; u8 prefixlen_d, prefixlen_s, proto; int ifindex; };"
    "struct xfrm_tmpl { struct xfrm_id id; union xfrm_address saddr; u16 encap_family; u32 reqid;"
    "  u8 mode; };"
    "struct xfrm_lifetime_cfg { u64 soft_byte_limit, hard_byte_limit, soft_packet_limit,"
    "  hard_packet_limit, soft_add_expires_seconds, hard_add_expires_seconds,"
    "  soft_use_expires_seconds, hard_use_expires_seconds; };"
    "struct xfrm_lifetime_cur { u64 bytes, packets, add_time, use_time; };"
    "struct xfrm_mark { u32 v, m; };"
    "struct xfrm_algo { char alg_name[64]; unsigned int alg_key_len; u8 alg_key[32]; };"
    "struct xfrm_walk { struct list_head all; u8 state, dead; };"
    "struct xfrm_encap_tmpl { u16 encap_type, encap_sport, encap_dport; };"
    "struct xfrm_policy { u32 priority, index; struct xfrm_mark mark; struct xfrm_selector "
    "selector;"
    "  struct xfrm_lifetime_cfg lft; struct xfrm_lifetime_cur curlft; struct xfrm_walk walk;"
    "  u8 action, xfrm_nr; u16 family; struct xfrm_tmpl xfrm_vec[6]; };"
    "struct xfrm_state { struct xfrm_id id; struct xfrm_selector sel; struct xfrm_mark mark;"
    "  struct xfrm_walk km; struct { u32 reqid; u8 mode; u16 family; union xfrm_address saddr; } "
    "props;"
    "  struct xfrm_lifetime_cfg lft; struct xfrm_lifetime_cur curlft; struct xfrm_algo *aalg,"
    "  *ealg, *calg, *aead; struct xfrm_encap_tmpl *encap; };"
    "struct netns_xfrm { struct list_head state_all, policy_all; };"
    "struct net { struct ns_common ns; struct list_head list, dev_base_head, rules_ops;"
    "  struct hlist_head *dev_index_head; struct netns_ipv4 ipv4; struct netns_ipv6 ipv6;"
    "  struct netns_nexthop nexthop; struct netns_xfrm xfrm; };";

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t net, list, index; /**< namespace; net_namespace_list; dev_index_head */
    unsigned ptr;
};

static inline uint64_t head_of(struct world *w, uint64_t object, const char *member)
{
    uint64_t at = mk_at(w->k, object, member);

    mk_write_ptr(w->k, at, at);
    mk_write_ptr(w->k, at + w->ptr, at);
    return at;
}

static inline void push_hlist(struct world *w, uint64_t head, uint64_t node)
{
    const uint64_t first = mk_read_ptr(w->k, head);

    mk_write_ptr(w->k, node, first);
    mk_write_ptr(w->k, node + w->ptr, head);
    if (first)
        mk_write_ptr(w->k, first + w->ptr, node);
    mk_write_ptr(w->k, head, node);
}

static inline uint64_t make_net(struct world *w, unsigned number)
{
    uint64_t net = mk_object(w->k, "net");

    mk_put(w->k, net, "net.ns.inum", number);
    mk_list_append(w->k, w->list, mk_at(w->k, net, "net.list"));
    head_of(w, net, "net.dev_base_head");
    head_of(w, net, "net.rules_ops");
    head_of(w, net, "net.xfrm.policy_all");
    head_of(w, net, "net.xfrm.state_all");
    mk_put(w->k, net, "net.dev_index_head", mk_alloc(w->k, (uint64_t)256 * w->ptr));
    mk_put(w->k, net, "net.ipv4.fib_table_hash", mk_alloc(w->k, (uint64_t)256 * w->ptr));
    mk_put(w->k, net, "net.ipv6.fib_table_hash", mk_alloc(w->k, (uint64_t)256 * w->ptr));
    return net;
}

/** @more: edits of the types, as those of mk_guest; may be NULL. */
static inline struct world make_world_of(const struct mk_machine *m, bool new_neighbours,
                                         const char *const *more)
{
    const char *edits[24] = { "struct net { struct ns_common ns; };", "",
                              "struct css_set *cgroups; };" };
    struct world w = { .ptr = 0 };
    char *text;

    if (asprintf(&text, "struct css_set *cgroups; };%s%s%s%s", device_types, route_types,
                 new_neighbours ? new_neighbour : old_neighbour, neighbour_types) < 0)
        mk_fail("no memory");
    edits[3] = text;
    for (size_t i = 4; more && *more && i + 1 < sizeof edits / sizeof *edits; i++)
        edits[i] = *more++;
    w.g = mk_guest(m, edits);
    free(text);
    w.k = w.g.k;
    w.ptr = mk_model(w.k)->ptr_size;
    w.list = mk_alloc(w.k, 2 * w.ptr);
    mk_symbol(w.k, "net_namespace_list", w.list);
    mk_guest_task(&w.g, 1, "init", 0);
    w.net = make_net(&w, 11);
    return w;
}

static inline struct world make_world(const struct mk_machine *m, bool new_neighbours)
{
    return make_world_of(m, new_neighbours, NULL);
}

/** An interface with room for its driver's data behind it. */
static inline uint64_t make_dev(struct world *w, uint64_t net, unsigned index, const char *name,
                                const char *kind)
{
    const uint64_t size = 4096;
    uint64_t dev = mk_alloc_aligned(w->k, size, 32), ops = mk_object(w->k, "rtnl_link_ops");
    uint64_t qdisc = mk_object(w->k, "Qdisc"), qops = mk_object(w->k, "Qdisc_ops");

    mk_puts(w->k, dev, "net_device.name", name);
    mk_put(w->k, dev, "net_device.ifindex", index);
    mk_put(w->k, dev, "net_device.nd_net.net", net);
    mk_put(w->k, dev, "net_device.qdisc", qdisc);
    mk_put(w->k, qdisc, "Qdisc.ops", qops);
    mk_puts(w->k, qops, "Qdisc_ops.id", "noqueue");
    head_of(w, dev, "net_device.adj_list.upper");
    head_of(w, dev, "net_device.adj_list.lower");
    head_of(w, dev, "net_device.uc.list");
    head_of(w, dev, "net_device.mc.list");
    if (kind) {
        mk_put(w->k, ops, "rtnl_link_ops.kind", mk_text(w->k, kind));
        mk_put(w->k, dev, "net_device.rtnl_link_ops", ops);
    }
    return dev;
}

static inline void add_dev(struct world *w, uint64_t net, uint64_t dev, unsigned index)
{
    mk_list_append(w->k, mk_at(w->k, net, "net.dev_base_head"),
                   mk_at(w->k, dev, "net_device.dev_list"));
    push_hlist(w, mk_of(&w->g, net, "net.dev_index_head") + (uint64_t)index * w->ptr,
               mk_at(w->k, dev, "net_device.index_hlist"));
}

/** Where the driver's data begins: behind the struct, aligned to 32 bytes. */
static inline uint64_t priv(struct world *w, uint64_t dev)
{
    return dev + ((mk_at(w->k, 0, "net_device.mc") + 2 * w->ptr + 31) & ~(uint64_t)31);
}

static inline const char *columns(struct world *w, const char *plugin, const char *args, int from,
                                  int to)
{
    return mk_columns(mk_guest_rows(&w->g, plugin, args), from, to);
}

#endif
