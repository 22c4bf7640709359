/* wireguard - the peers of WireGuard interfaces, as `wg show all dump` without its keys. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/net/ip.h"
#include "../linux/net/kind.h"
#include "../linux/net/net.h"
#include "../linux/text.h"
#include <string.h>

EG_FIELDS_OF("wireguard", wg_device, fwmark, incoming_port, num_peers, peer_list);
EG_FIELD_AS_OF("wireguard", wg_own_key, wg_device, "static_identity.static_public");
EG_FIELD_AS_OF("wireguard", wg_creating, wg_device, "creating_net");
EG_FIELDS_OF("wireguard", wg_peer, allowedips_list, endpoint, peer_list,
             persistent_keepalive_interval, rx_bytes, tx_bytes);
EG_FIELD_AS_OF("wireguard", wg_peer_key, wg_peer, "handshake.remote_static");
EG_FIELD_AS_OF("wireguard", wg_handshake_s, wg_peer, "walltime_last_handshake.tv_sec");
EG_FIELD_AS_OF("wireguard", wg_handshake_ns, wg_peer, "walltime_last_handshake.tv_nsec");
EG_FIELDS_OF("wireguard", allowedips_node, bitlen, bits, cidr, peer, peer_list);

enum { KEY = 32, ALLOWED_MAX = 4096 };

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

/** A key in base64, as wg(8) prints it. */
static struct eg_cell key_text(struct eg_run *r, struct eg_obj o)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t k[KEY + 1] = { 0 };
    char *out = eg_tmp(r, 45);

    if (o.why)
        return eg_cell_of(o);
    if (!eg_read(o.view, o.space, o.addr, k, KEY))
        return eg_missing(EG_UNREADABLE, o.addr);
    for (size_t i = 0; i < 11; i++) { // the last group has two bytes, and the zero above
        const uint32_t three =
            (uint32_t)k[3 * i] << 16 | (uint32_t)k[3 * i + 1] << 8 | k[3 * i + 2];

        for (unsigned j = 0; j < 4; j++)
            out[4 * i + j] = digits[three >> (18 - 6 * j) & 63];
    }
    out[43] = '=';
    return eg_text(out);
}

/** The networks of a peer: "10.0.0.2/32,fd99::2/128". The bits of IPv4 are one integer, those of
 * IPv6 two, in the order of the processor (swap_endian of drivers/net/wireguard/allowedips.c). */
static struct eg_cell allowed(struct eg_run *r, struct eg_obj peer)
{
    const bool big = eg_binding_of(r)->model.big_endian;
    struct linux_text text = { .r = r };
    struct eg_obj node;
    unsigned n = 0;

    eg_each_list(node, eg_at(peer, wg_peer.allowedips_list), allowedips_node.peer_list) {
        struct eg_obj bits = eg_at(node, allowedips_node.bits);
        uint8_t raw[16], ip[16];
        uint64_t len, cidr, owner;
        size_t width;

        if (!eg_get(&owner, node, allowedips_node.peer) || owner != peer.addr ||
            !eg_get(&len, node, allowedips_node.bitlen) || (len != 32 && len != 128) ||
            !eg_get(&cidr, node, allowedips_node.cidr) || cidr > len || bits.why ||
            !eg_read(bits.view, bits.space, bits.addr, raw, len / 8)) {
            eg_note(r, "an allowed network at %#llx cannot be read", (unsigned long long)node.addr);
            continue;
        }
        if (n++ == ALLOWED_MAX) {
            eg_note(r, "a peer has more than %u allowed networks: the others are left out",
                    ALLOWED_MAX);
            break;
        }
        width = len == 32 ? 4 : 8;
        for (size_t i = 0; i < len / 8; i++)
            ip[i] = raw[big ? i : i / width * width + (width - 1 - i % width)];
        linux_text_add(&text, "%s%s/%u", text.n ? "," : "", linux_ip_text(r, ip, len / 8),
                       (unsigned)cidr);
    }
    return text.n ? eg_text(linux_text_of(&text)) : (struct eg_cell){ 0 };
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
        row.ALLOWED_IPS = allowed(r, peer);
        row.HANDSHAKE = handshake(peer);
        row.RECEIVED = eg_val(peer, wg_peer.rx_bytes);
        row.SENT = eg_val(peer, wg_peer.tx_bytes);
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

    linux_each_net(r, net)
    {
        if (eg_get(&inum, net, net_inum) && !eg_arg_match(r, "ns", inum))
            continue;
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            const char *kind = linux_netdev_kind(r, dev);

            if (!kind || strcmp(kind, "wireguard") != 0)
                continue;
            if (!eg_has(r, wg_peer.endpoint)) {
                eg_note(r, "there is a WireGuard interface, but the types of its module are not "
                           "known (kernels have them in memory since 5.11)");
                return 0;
            }
            list(r, net, dev);
        }
    }
    return 0;
}

EG_PLUGIN(wireguard) = {
    .os = "linux",
    .help = "List the peers of WireGuard interfaces",
    .manual = "As `wg show all`: public keys, where each peer is, which networks it may use, when "
              "it last agreed on keys. Private and session keys are not shown, and peers "
              "that were removed are not found. An interface can "
              "have been moved to another namespace than that of its UDP port: SOCKET_NS.",
    .aliases = EG_NAMES("wg"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(ns, INT, "only these network namespaces")),
    .needs = EG_NEEDS(net.dev_base_head, net_device.dev_list, net_device.rtnl_link_ops),
    .uses = EG_NAMES("nets"),
    .run = run,
};
