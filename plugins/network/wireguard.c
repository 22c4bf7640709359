/* wireguard - the peers of WireGuard interfaces, as `wg show all dump` without its keys. */
#include "../../core/base.h"
#include "../linux/net/wg.h"

EG_FIELD_AS_OF("wireguard", wg_creating, wg_device, "creating_net");
EG_FIELD_AS_OF("wireguard", wg_received, wg_peer, "rx_bytes");
EG_FIELD_AS_OF("wireguard", wg_sent, wg_peer, "tx_bytes");
EG_FIELD_AS_OF("wireguard", wg_handshake_s, wg_peer, "walltime_last_handshake.tv_sec");
EG_FIELD_AS_OF("wireguard", wg_handshake_ns, wg_peer, "walltime_last_handshake.tv_nsec");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "address of the wg_peer; of an interface without peers of its wg_device",      \
      EG_MINOR)                                                                                    \
    C(NS, INT, "inode number of the network namespace that the interface is in")                   \
    C(SOCKET_NS, INT, "that in which its UDP port is, where the interface was made", EG_MINOR)     \
    C(INTERFACE, TEXT, "name of the interface")                                                    \
    C(SOURCE_PORT, INT, "UDP port of the interface", EG_MINOR)                                     \
    C(OWN_KEY, TEXT, "public key of the interface", EG_MINOR)                                      \
    C(PEER_KEY, TEXT, "public key of the peer")                                                    \
    C(DESTINATION_ADDR, TEXT, "where the peer was last heard from, or is said to be", EG_WHOLE)    \
    C(DESTINATION_PORT, INT, "its UDP port")                                                       \
    C(ALLOWED_IPS, TEXT, "networks that are sent to this peer and taken from it")                  \
    C(HANDSHAKE, TIME, "when it last agreed on keys")                                              \
    C(RECEIVED, INT, "bytes from the peer", EG_MINOR)                                              \
    C(SENT, INT, "bytes to the peer", EG_MINOR)                                                    \
    C(KEEPALIVE, INT, "seconds between packets that keep the way open", EG_MINOR)                  \
    C(FWMARK, INT, "mark of its packets", EG_MINOR)
EG_COLUMNS(COLUMNS);

static struct eg_cell key_text(struct eg_run *r, struct eg_obj o)
{
    uint8_t k[LINUX_WG_KEY];

    if (o.why)
        return eg_cell_of(o);
    if (!eg_read(o.view, o.space, o.addr, k, LINUX_WG_KEY))
        return eg_missing(EG_UNREADABLE, o.addr);
    return eg_text(linux_wg_key(r, k));
}

static struct eg_cell handshake(struct eg_obj peer)
{
    int64_t s, ns = 0;

    if (!eg_get(&s, peer, wg_handshake_s))
        return eg_val(peer, wg_handshake_s);
    eg_get(&ns, peer, wg_handshake_ns);
    if (!s && !ns)
        return (struct eg_cell){ 0 }; // never
    if (s < 0 || s > INT64_MAX / 1000000000 - 1 || ns < 0 || ns > 999999999)
        return eg_missing(EG_BAD_VALUE, peer.addr);
    return eg_int(s * 1000000000 + ns);
}

static void list(struct eg_run *r, struct eg_obj net, struct eg_obj dev)
{
    struct eg_obj wg = linux_netdev_priv_as(r, dev, wg_device), peer;
    uint64_t mark = 0, peers = 0, n = 0, keepalive;
    struct row row = {
        .OFFSET = eg_addr(wg),
        .NS = eg_val(net, net_inum),
        .SOCKET_NS = eg_val(wg, wg_creating, net_inum),
        .INTERFACE = eg_val(dev, net_device.name),
        .SOURCE_PORT = eg_val(wg, wg_device.incoming_port),
        .OWN_KEY = key_text(r, eg_at(wg, wg_own_key)),
    };

    if (eg_get(&mark, wg, wg_device.fwmark) && mark)
        row.FWMARK = eg_uint(mark);
    eg_get(&peers, wg, wg_device.num_peers);
    eg_each_list(peer, eg_at(wg, wg_device.peer_list), wg_peer.peer_list) {
        uint16_t port;
        const char *ip = linux_sockaddr_ip(r, eg_at(peer, wg_peer.endpoint), &port);

        n++;
        row.OFFSET = eg_addr(peer);
        row.PEER_KEY = key_text(r, eg_at(peer, wg_peer_key));
        row.DESTINATION_ADDR = eg_text(ip);
        row.DESTINATION_PORT = ip ? eg_uint(port) : (struct eg_cell){ 0 };
        row.ALLOWED_IPS = eg_text(linux_wg_allowed(r, peer, ","));
        row.HANDSHAKE = handshake(peer);
        row.RECEIVED = eg_val(peer, wg_received);
        row.SENT = eg_val(peer, wg_sent);
        row.KEEPALIVE = eg_get(&keepalive, peer, wg_peer.persistent_keepalive_interval) && keepalive
                            ? eg_uint(keepalive)
                            : (struct eg_cell){ 0 };
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
    }
    if (n != peers)
        eg_note(r, "interface %s counts %llu peers, its list has %llu",
                eg_string(r, eg_at(dev, net_device.name), 16), (unsigned long long)peers,
                (unsigned long long)n);
    if (!n)
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
}

static int run(struct eg_run *r)
{
    struct eg_obj net, dev;
    int64_t inum;

    linux_each_wg(r, net, dev)
    {
        if (eg_get(&inum, net, net_inum) && !eg_arg_match(r, "ns", inum))
            continue;
        if (!eg_has(r, wg_peer.endpoint)) {
            eg_note(r, "there is a WireGuard interface, but the types of its module are not "
                       "known (kernels have them in memory since 5.11)");
            return 0;
        }
        list(r, net, dev);
    }
    return 0;
}

EG_PLUGIN(wireguard) = {
    .os = "linux",
    .help = "List the peers of WireGuard interfaces",
    .manual = "As `wg show all`: public keys, where each peer is, which networks it may use, when "
              "it last agreed on keys. `keys` has the private and the session keys. Peers that "
              "were removed are not found. An interface can "
              "have been moved to another namespace than that of its UDP port: SOCKET_NS.",
    .aliases = EG_NAMES("wg"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(ns, INT, "only these network namespaces")),
    .needs = EG_NEEDS(net.dev_base_head, net_device.dev_list, net_device.rtnl_link_ops),
    .uses = EG_NAMES("nets"),
    .run = run,
    .moves = EG_NAMES("RECEIVED", "SENT"),
};
