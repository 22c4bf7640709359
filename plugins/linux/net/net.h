/** net/net.h - network namespaces (include/net/net_namespace.h). */
#ifndef EG_LINUX_NET_H
#define EG_LINUX_NET_H

#include "../../../core/engram.h"

EG_FIELDS(net, list, dev_index_head, dev_base_head);
EG_FIELD_AS(net_inum, net, "ns.inum");
EG_FIELDS(net_device, addr_len, dev_addr, dev_list, ifindex, index_hlist, name, priv, rtnl_link_ops,
          type);

/** Every network namespace, also one that no task is in: `linux_each_net(r, net)` gives cursors on
 * struct net, the first one's first. From net_namespace_list. */
struct linux_net_walk {
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_next_net(struct eg_run *r, struct linux_net_walk *w, struct eg_obj *net);
#define linux_each_net(r, net)                                                                     \
    for (struct linux_net_walk EG_CAT(w_, __LINE__) = { 0 };                                       \
         linux_next_net((r), &EG_CAT(w_, __LINE__), &(net));)
/** The name of an interface by its number in a namespace: "eth0"; NULL: none, or unreadable. */
EG_API const char *linux_ifname(struct eg_run *r, struct eg_obj net, int64_t ifindex);

#endif
