/** mkfilter.h - a small Linux with one network namespace, for what filters packets. */
#ifndef MK_FILTER_H
#define MK_FILTER_H

#include "mkguest.h"
#include <string.h>

static const char *const types[] = {
    "struct net { struct ns_common ns; };",
    "struct bpf_prog_aux { u32 id; char name[16]; };"
    "struct bpf_prog { u8 tag[8]; struct bpf_prog_aux *aux; };"
    "struct bpf_link { u32 id; struct bpf_prog *prog; }; struct bpf_xdp_link { struct bpf_link "
    "link; };"
    "struct bpf_xdp_entity { struct bpf_prog *prog; struct bpf_xdp_link *link; };"
    "struct net_device { char name[16]; int ifindex; struct list_head dev_list;"
    "  struct nf_hook_entries *nf_hooks_ingress; struct bpf_prog *xdp_prog;"
    "  struct bpf_xdp_entity xdp_state[3]; };"
    "struct nf_hook_entry { void *hook; void *priv; };"
    "struct nf_hook_entries { u16 num_hook_entries; struct nf_hook_entry hooks[0]; };"
    "struct nf_hook_ops { void *hook; struct net_device *dev; void *priv; u8 pf; u32 hooknum;"
    "  int priority; };"
    "struct netns_nf { struct nf_hook_entries *hooks_ipv4[5]; struct nf_hook_entries "
    "*hooks_ipv6[5];"
    "};"
    "struct netns_nftables { u8 gencursor; };"
    "struct netns_xt { struct list_head tables[13]; };"
    "struct net_generic { void *ptr[0]; };"
    "struct net { struct ns_common ns; struct list_head list, dev_base_head; struct netns_nf nf;"
    "  struct netns_nftables nft; struct netns_xt xt; struct net_generic *gen; };"
    "struct inet_addr { u32 all[4]; };"
    "union man_proto { u16 all; };"
    "struct nf_conntrack_man { struct inet_addr u3; union man_proto u; u16 l3num; };"
    "struct tuple_dst { struct inet_addr u3; union man_proto u; u8 protonum, dir; };"
    "struct nf_conntrack_tuple { struct nf_conntrack_man src; struct tuple_dst dst; };"
    "struct hlist_nulls_node { struct hlist_nulls_node *next, **pprev; };"
    "struct nf_conntrack_tuple_hash { struct hlist_nulls_node hnnode;"
    "  struct nf_conntrack_tuple tuple; };"
    "struct ct_zone { u16 id; }; struct possible_net { struct net *net; };"
    "struct ct_tcp { u8 state; }; union ct_proto { struct ct_tcp tcp; };"
    "struct nf_conn { u32 timeout; struct ct_zone zone; struct nf_conntrack_tuple_hash "
    "tuplehash[2];"
    "  unsigned long status; struct possible_net ct_net; u32 mark; struct nf_ct_ext *ext;"
    "  union ct_proto proto; struct nf_conn *master; };"
    "enum nf_ct_ext_id { NF_CT_EXT_HELPER, NF_CT_EXT_NAT, NF_CT_EXT_ACCT };"
    "struct nf_ct_ext { u8 offset[4]; u8 len; };"
    "struct hlist_nulls_head { struct hlist_nulls_node *first; };"
    "struct ecache { u32 lock; struct hlist_nulls_head dying_list; };"
    "struct nf_conntrack_net { u32 count; struct ecache ecache; };"
    "struct nf_conntrack_helper { struct hlist_node hnode; char name[16]; };"
    "struct nf_conntrack_expect { struct hlist_node lnode, hnode; struct nf_conntrack_tuple tuple;"
    "  struct possible_net net; u32 flags; struct nf_conn *master;"
    "  struct nf_conntrack_helper *helper; };",
    NULL,
};

struct guest {
    struct mk_guest g;
    struct mk *k;
    uint64_t net;
    unsigned ptr;
};

static struct guest guest(const struct mk_machine *m)
{
    struct guest s = { .g = mk_guest(m, types) };
    uint64_t list;

    s.k = s.g.k;
    s.ptr = mk_model(s.k)->ptr_size;
    s.net = mk_object(s.k, "net");
    mk_put(s.k, s.net, "net.ns.inum", 7);
    list = mk_object(s.k, "list_head");
    mk_list_append(s.k, list, mk_at(s.k, s.net, "net.list"));
    mk_list(s.k, mk_at(s.k, s.net, "net.dev_base_head"), NULL, 0);
    mk_symbol(s.k, "net_namespace_list", list);
    return s;
}

static uint64_t code(struct guest *s, const char *name)
{
    const uint64_t at = mk_alloc(s->k, 64);

    mk_symbol_sized(s->k, name, at, 64);
    return at;
}

#endif
