/** net/wg.h - devices of WireGuard and their peers (drivers/net/wireguard). Their types are those
 * of a module, which a kernel has in memory since 5.11. */
#ifndef EG_LINUX_WG_H
#define EG_LINUX_WG_H

#include "kind.h"

EG_FIELDS_OF("wireguard", wg_device, fwmark, incoming_port, num_peers, peer_list);
EG_FIELD_AS_OF("wireguard", wg_own_key, wg_device, "static_identity.static_public");
EG_FIELDS_OF("wireguard", wg_peer, endpoint, peer_list, persistent_keepalive_interval);
EG_FIELD_AS_OF("wireguard", wg_peer_key, wg_peer, "handshake.remote_static");

enum { LINUX_WG_KEY = 32 };

/** Every interface of WireGuard, by namespaces: `linux_each_wg(r, net, dev)` gives cursors on
 * struct net and struct net_device. */
struct linux_wg_walk {
    struct linux_net_walk nets;
    struct eg_list_walk devices;
    struct eg_obj net;
    bool inside;
};
EG_API bool linux_next_wg(struct eg_run *r, struct linux_wg_walk *w, struct eg_obj *net,
                          struct eg_obj *dev);
#define linux_each_wg(r, net, dev)                                                                 \
    for (struct linux_wg_walk EG_CAT(w_, __LINE__) = { 0 };                                        \
         linux_next_wg((r), &EG_CAT(w_, __LINE__), &(net), &(dev));)
/** LINUX_WG_KEY bytes in base64, as wg(8) prints a key. In the run's memory. */
EG_API const char *linux_wg_key(struct eg_run *r, const uint8_t *key);
/** The networks of a peer, with @gap between: "10.0.0.2/32,fd99::2/128"; NULL: none. */
EG_API const char *linux_wg_allowed(struct eg_run *r, struct eg_obj peer, const char *gap);

#endif
