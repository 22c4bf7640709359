/* kind.c - what drivers of virtual interfaces keep of them. */
#include "kind.h"
#include "ip.h"
#include <string.h>

EG_FIELDS(rtnl_link_ops, kind);
EG_FIELDS_OF("8021q", vlan_dev_priv, vlan_id, vlan_proto);
EG_FIELDS_OF("macvlan", macvlan_dev, mode);
EG_FIELDS_OF("tun", tun_struct, flags, numqueues);
EG_FIELD_AS_OF("tun", tun_owner, tun_struct, "owner.val");
EG_FIELD_AS_OF("tun", tun_group, tun_struct, "group.val");
EG_FIELDS_OF("wireguard", wg_device, incoming_port, num_peers);
EG_FIELDS_OF("bonding", bonding, curr_active_slave);
EG_FIELD_AS_OF("bonding", bond_mode, bonding, "params.mode");
EG_FIELD_AS_OF("bonding", bond_slave_dev, slave, "dev");
EG_FIELDS_OF("bridge", net_bridge, bridge_id, stp_enabled);
EG_FIELD_AS_OF("vxlan", vxlan_vni, vxlan_dev, "cfg.vni");
EG_FIELD_AS_OF("vxlan", vxlan_port, vxlan_dev, "cfg.dst_port");
EG_FIELD_AS_OF("vxlan", vxlan_remote, vxlan_dev, "cfg.remote_ip");
EG_FIELD_AS_OF("vxlan", vxlan_source, vxlan_dev, "cfg.saddr");
EG_FIELDS_OF("vxlan", vxlan_dev, dev);
EG_FIELDS_OF("vrf", net_vrf, tb_id);
EG_TYPE(ip_tunnel);
EG_FIELD_AS(tunnel_source, ip_tunnel, "parms.iph.saddr");
EG_FIELD_AS(tunnel_remote, ip_tunnel, "parms.iph.daddr");
EG_FIELD_AS(tunnel_ttl, ip_tunnel, "parms.iph.ttl");
EG_FIELD_AS(tunnel_ikey, ip_tunnel, "parms.i_key");
EG_FIELD_AS(tunnel_okey, ip_tunnel, "parms.o_key");
EG_TYPE(ip6_tnl);
EG_FIELD_AS(tunnel6_source, ip6_tnl, "parms.laddr");
EG_FIELD_AS(tunnel6_remote, ip6_tnl, "parms.raddr");

const char *linux_netdev_kind(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj kind = eg_at(dev, net_device.rtnl_link_ops, rtnl_link_ops.kind);

    return kind.why ? NULL : eg_string(r, kind, 32);
}

struct eg_obj linux_netdev_priv_as_(struct eg_run *r, struct eg_obj dev, uint32_t type)
{
    uint64_t at;

    if (!linux_netdev_priv(r, dev, &at))
        return eg_bad(dev, dev.why ? dev.why : EG_NO_TYPE, dev.addr);
    return eg_object_(r, eg_kernel(r), type, at);
}

/** A pointer at the beginning of a driver's data. */
static uint64_t first_pointer(struct eg_run *r, struct eg_obj dev)
{
    const struct eg_model *model = &eg_binding_of(r)->model;
    const uint8_t *p;
    uint64_t at;

    if (!linux_netdev_priv(r, dev, &at))
        return 0;
    p = eg_bytes(eg_view_of(r), eg_kernel(r), at, model->ptr_size);
    return p ? eg_load_(p, model->ptr_size, model->big_endian) : 0;
}

struct eg_obj linux_veth_peer(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj peer;

    // struct veth_priv begins with it (drivers/net/veth.c, since 2.6.24), so no types are needed.
    if (dev.kind == EG_K_PTR)
        dev = eg_deref(dev);
    peer = eg_object(r, net_device, first_pointer(r, dev));
    if (!peer.why && first_pointer(r, peer) != dev.addr)
        return eg_bad(peer, EG_BAD_VALUE, peer.addr);
    return peer;
}

const char *linux_sockaddr_ip(struct eg_run *r, struct eg_obj sockaddr, uint16_t *port)
{
    enum { INET = 2, INET6 = 10 };
    static const uint8_t any[16];
    uint8_t b[28]; // sizeof(struct sockaddr_in6)
    uint64_t family;
    const uint8_t *ip;
    size_t len;

    if (port)
        *port = 0;
    if (sockaddr.why || !eg_read(sockaddr.view, sockaddr.space, sockaddr.addr, b, sizeof b))
        return NULL;
    family = eg_load_(b, 2, sockaddr.bind->model.big_endian);
    if (family != INET && family != INET6)
        return NULL;
    ip = family == INET ? b + 4 : b + 8;
    len = family == INET ? 4 : 16;
    if (port)
        *port = (uint16_t)(b[2] << 8 | b[3]);
    return memcmp(ip, any, len) == 0 ? NULL : linux_ip_text(r, ip, len);
}

static const char *vlan(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj p = linux_netdev_priv_as(r, dev, vlan_dev_priv);
    uint32_t proto = 0;
    uint64_t id;

    linux_be(eg_at(p, vlan_dev_priv.vlan_proto), &proto);
    if (!eg_get(&id, p, vlan_dev_priv.vlan_id))
        return NULL;
    return eg_strf(r, "id %u%s", (unsigned)id,
                   proto == 0x8100   ? " 802.1Q"
                   : proto == 0x88a8 ? " 802.1ad"
                                     : "");
}

static const char *macvlan(struct eg_run *r, struct eg_obj dev)
{
    static const struct eg_constant modes[] = { { "private", 1 }, { "vepa", 2 },
                                                { "bridge", 4 },  { "passthru", 8 },
                                                { "source", 16 }, { NULL, 0 } };
    struct eg_obj p = linux_netdev_priv_as(r, dev, macvlan_dev);
    const char *name;
    uint64_t mode;

    if (!eg_get(&mode, p, macvlan_dev.mode))
        return NULL;
    name = eg_constant_name(modes, mode);
    return name ? eg_strf(r, "mode %s", name) : eg_strf(r, "mode %u", (unsigned)mode);
}

static const char *tun(struct eg_run *r, struct eg_obj dev)
{
    enum { TAP = 2, PERSIST = 0x800, NOBODY = -1 }; // include/uapi/linux/if_tun.h
    struct eg_obj p = linux_netdev_priv_as(r, dev, tun_struct);
    const uint32_t owner = eg_get_or((uint32_t)NOBODY, p, tun_owner);
    const uint32_t group = eg_get_or((uint32_t)NOBODY, p, tun_group);
    uint64_t flags, queues;

    if (!eg_get(&flags, p, tun_struct.flags) || !eg_get(&queues, p, tun_struct.numqueues))
        return NULL;
    return eg_strf(r, "%s%s%s%s%s", flags & TAP ? "tap" : "tun",
                   owner != (uint32_t)NOBODY ? eg_strf(r, " owner %u", owner) : "",
                   group != (uint32_t)NOBODY ? eg_strf(r, " group %u", group) : "",
                   flags & PERSIST ? " persist" : "",
                   queues ? eg_strf(r, " open %u", (unsigned)queues) : "");
}

static const char *wireguard(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj p = linux_netdev_priv_as(r, dev, wg_device);
    uint64_t port, peers;

    if (!eg_get(&port, p, wg_device.incoming_port) || !eg_get(&peers, p, wg_device.num_peers))
        return NULL;
    return eg_strf(r, "port %u peers %u", (unsigned)port, (unsigned)peers);
}

static const char *bond(struct eg_run *r, struct eg_obj dev)
{
    static const struct eg_constant modes[] = {
        { "balance-rr", 0 }, { "active-backup", 1 }, { "balance-xor", 2 }, { "broadcast", 3 },
        { "802.3ad", 4 },    { "balance-tlb", 5 },   { "balance-alb", 6 }, { NULL, 0 },
    };
    struct eg_obj p = linux_netdev_priv_as(r, dev, bonding);
    struct eg_obj active = eg_at(p, bonding.curr_active_slave, bond_slave_dev, net_device.name);
    const char *mode, *name = active.why ? NULL : eg_string(r, active, 16);
    uint64_t number;

    if (!eg_get(&number, p, bond_mode))
        return NULL;
    mode = eg_constant_name(modes, number);
    return eg_strf(r, "mode %s%s%s", mode ? mode : eg_strf(r, "%u", (unsigned)number),
                   name ? " active " : "", name ? name : "");
}

static const char *bridge(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj p = linux_netdev_priv_as(r, dev, net_bridge);
    struct eg_obj id = eg_at(p, net_bridge.bridge_id);
    uint8_t b[8];

    if (id.why || !eg_read(id.view, id.space, id.addr, b, sizeof b))
        return NULL;
    return eg_strf(r, "id %02x%02x.%s%s", b[0], b[1], linux_mac_text(r, b + 2, 6),
                   eg_get_or(0, p, net_bridge.stp_enabled) ? " stp" : "");
}

static const char *vxlan(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj p = linux_netdev_priv_as(r, dev, vxlan_dev);
    const char *remote = linux_sockaddr_ip(r, eg_at(p, vxlan_remote), NULL);
    const char *source = linux_sockaddr_ip(r, eg_at(p, vxlan_source), NULL), *text;
    uint32_t vni, port;

    if (!linux_be(eg_at(p, vxlan_vni), &vni))
        return NULL;
    text = eg_strf(r, "id %u%s%s%s%s", vni, remote ? " remote " : "", remote ? remote : "",
                   source ? " local " : "", source ? source : "");
    return linux_be(eg_at(p, vxlan_port), &port) ? eg_strf(r, "%s port %u", text, port) : text;
}

static const char *vrf(struct eg_run *r, struct eg_obj dev)
{
    uint64_t id;

    return eg_get(&id, linux_netdev_priv_as(r, dev, net_vrf), net_vrf.tb_id)
               ? eg_strf(r, "table %u", (unsigned)id)
               : NULL;
}

static const char *ends(struct eg_run *r, struct eg_obj source, struct eg_obj remote)
{
    struct eg_cell here = linux_ip(r, source), there = linux_ip(r, remote);

    if (here.tag != EG_CELL_TEXT || there.tag != EG_CELL_TEXT)
        return NULL;
    return eg_strf(r, "remote %s local %s", (const char *)there.bytes.p,
                   (const char *)here.bytes.p);
}

static const char *tunnel(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj p = linux_netdev_priv_as(r, dev, ip_tunnel);
    const char *text = ends(r, eg_at(p, tunnel_source), eg_at(p, tunnel_remote));
    const unsigned ttl = eg_get_or(0u, p, tunnel_ttl);
    uint32_t in = 0, out = 0;

    linux_be(eg_at(p, tunnel_ikey), &in);
    linux_be(eg_at(p, tunnel_okey), &out);
    if (text && ttl)
        text = eg_strf(r, "%s ttl %u", text, ttl);
    if (text && in)
        text = eg_strf(r, "%s ikey %u", text, in);
    if (text && out)
        text = eg_strf(r, "%s okey %u", text, out);
    return text;
}

static const char *tunnel6(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj p = linux_netdev_priv_as(r, dev, ip6_tnl);

    return ends(r, eg_at(p, tunnel6_source), eg_at(p, tunnel6_remote));
}

const char *linux_netdev_detail(struct eg_run *r, struct eg_obj dev)
{
    static const struct {
        const char *kind;
        const char *(*detail)(struct eg_run *r, struct eg_obj dev);
    } kinds[] = {
        { "bond", bond },       { "bridge", bridge },
        { "erspan", tunnel },   { "gre", tunnel },
        { "gretap", tunnel },   { "ip6erspan", tunnel6 },
        { "ip6gre", tunnel6 },  { "ip6gretap", tunnel6 },
        { "ip6tnl", tunnel6 },  { "ipip", tunnel },
        { "macvlan", macvlan }, { "macvtap", macvlan },
        { "sit", tunnel },      { "tun", tun },
        { "vlan", vlan },       { "vrf", vrf },
        { "vti", tunnel },      { "vti6", tunnel6 },
        { "vxlan", vxlan },     { "wireguard", wireguard },
    };
    const char *kind = linux_netdev_kind(r, dev);

    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].detail(r, dev);
    return NULL;
}

static struct eg_cell detail(struct eg_run *r, struct eg_obj dev)
{
    return eg_text(linux_netdev_detail(r, dev));
}

EG_FUNCTION(netdev_detail) = {
    .os = "linux",
    .help = "what the kind of a virtual interface has of its own: \"id 7 802.1Q\"; nil: nothing "
            "is known",
    .args = "dev",
    .returns = "text",
    .cell = detail,
};

EG_FUNCTION(veth_peer) = {
    .os = "linux",
    .help = "the other end of a veth",
    .args = "dev",
    .returns = "net_device",
    .cursor = linux_veth_peer,
};
