/* fdb - forwarding databases: behind which port of a bridge, or at which end of a VXLAN, a
 * link-layer address is; as `bridge fdb`. */
#include "../../core/base.h"
#include "../linux/kernel/time.h"
#include "../linux/net/ip.h"
#include "../linux/net/kind.h"
#include "../linux/net/net.h"
#include <string.h>

EG_FIELDS_OF("bridge", net_bridge, fdb_list);
EG_FIELDS_OF("bridge", net_bridge_fdb_entry, dst, fdb_node, flags, updated, used);
EG_FIELD_AS_OF("bridge", br_fdb_mac, net_bridge_fdb_entry, "key.addr|addr");
EG_FIELD_AS_OF("bridge", br_fdb_vlan, net_bridge_fdb_entry, "key.vlan_id|vlan_id");
EG_FIELDS_OF("bridge", net_bridge_port, dev);
EG_FIELDS_OF("vxlan", vxlan_dev, fdb_head, fdb_list);
EG_FIELDS_OF("vxlan", vxlan_fdb, fdb_node, flags, hlist, remotes, state, updated, used);
EG_FIELD_AS_OF("vxlan", vxlan_fdb_mac, vxlan_fdb, "key.eth_addr|eth_addr"); // key since 6.15
EG_FIELDS_OF("vxlan", vxlan_rdst, list, remote_ip, remote_port, remote_vni);
EG_FIELD_AS(dev_uc, net_device, "uc.list");
EG_FIELD_AS(dev_mc, net_device, "mc.list");
EG_FIELDS(netdev_hw_addr, addr, list);

enum { FDB_BUCKETS = 256, MAC = 6, ETHER = 1 };

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "address of the kernel's entry", EG_MINOR)                                     \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(INTERFACE, TEXT, "the port that the address is behind, or the interface that it is of")      \
    C(MAC, TEXT, "link-layer address")                                                             \
    C(VLAN, INT, "number of the VLAN that the entry is for")                                       \
    C(MASTER, TEXT, "the bridge whose entry it is")                                                \
    C(STATE, TEXT, "permanent: the machine's own; static: given by hand; learned")                 \
    C(FLAGS, FLAGS, "self: of the interface, not of a bridge; extern_learn, sticky, offload")      \
    C(DESTINATION_ADDR, TEXT, "of a VXLAN: the other end that has this address", EG_WHOLE)         \
    C(DESTINATION_PORT, INT, "its UDP port, where that is not the usual one", EG_MINOR)            \
    C(VNI, INT, "number of the VXLAN there, where that is another", EG_MINOR)                      \
    C(UPDATED, TIME, "when it was last learned or changed", EG_MINOR)                              \
    C(LAST_USED, TIME, "when a packet was last sent there", EG_MINOR)
EG_COLUMNS(COLUMNS);

static void list_bridge(struct eg_run *r, struct eg_obj net, struct eg_obj dev)
{
    // Numbers of bits (net/bridge/br_private.h, since 5.5).
    static const struct eg_constant names[] = {
        { "sticky", 1 << 2 },  { "extern_learn", 1 << 4 },
        { "offload", 1 << 5 }, { "locked", 1 << 8 },
        { NULL, 0 },
    };
    enum { LOCAL = 1, STATIC = 2, SHOWN = 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 };
    struct eg_obj bridge = linux_netdev_priv_as(r, dev, net_bridge), e;

    eg_each_hlist(e, eg_at(bridge, net_bridge.fdb_list), net_bridge_fdb_entry.fdb_node) {
        struct eg_obj port = eg_at(e, net_bridge_fdb_entry.dst, net_bridge_port.dev);
        uint64_t bits, vlan = 0;

        eg_get(&vlan, e, br_fdb_vlan);
        eg_row(r, .OFFSET = eg_addr(e), .NS = eg_val(net, net_inum),
               .INTERFACE = port.why == EG_NULL ? eg_val(dev, net_device.name) // the bridge's own
                                                : eg_val(port, net_device.name),
               .MAC = linux_mac(r, eg_at(e, br_fdb_mac), MAC),
               .VLAN = vlan ? eg_uint(vlan) : (struct eg_cell){ 0 },
               .MASTER = eg_val(dev, net_device.name),
               .STATE = !eg_get(&bits, e, net_bridge_fdb_entry.flags)
                            ? eg_val(e, net_bridge_fdb_entry.flags)
                            : eg_text(bits & LOCAL    ? "permanent"
                                      : bits & STATIC ? "static"
                                                      : "learned"),
               .FLAGS = eg_get(&bits, e, net_bridge_fdb_entry.flags) && bits & SHOWN
                            ? eg_text(eg_bits_text(r, names, bits & SHOWN, ","))
                            : (struct eg_cell){ 0 },
               .UPDATED = linux_wall_of(r, LINUX_JIFFIES, eg_at(e, net_bridge_fdb_entry.updated)),
               .LAST_USED = linux_wall_of(r, LINUX_JIFFIES, eg_at(e, net_bridge_fdb_entry.used)));
    }
}

/** A number in network order; 0 says that it is the interface's own. */
static struct eg_cell unless_usual(struct eg_obj o)
{
    uint32_t value;

    if (!linux_be(o, &value))
        return eg_cell_of(o);
    return value ? eg_uint(value) : (struct eg_cell){ 0 };
}

static void vxlan_entry(struct eg_run *r, struct eg_obj net, struct eg_obj dev, struct eg_obj e)
{
    enum { NOARP = 64, PERMANENT = 128 }; // NUD_… (include/uapi/linux/neighbour.h)
    static const struct eg_constant flags[] = {
        { "self", 2 },    { "extern_learn", 16 }, { "offload", 32 },
        { "sticky", 64 }, { "router", 128 },      { NULL, 0 },
    };
    const uint64_t bits = eg_get_or((uint64_t)0, e, vxlan_fdb.flags);
    struct eg_obj remote;
    uint64_t state;
    bool any = false;
    const char *name = !eg_get(&state, e, vxlan_fdb.state) ? NULL
                       : state & PERMANENT                 ? "permanent"
                       : state & NOARP                     ? "static"
                                                           : "learned";
    struct row row = {
        .OFFSET = eg_addr(e),
        .NS = eg_val(net, net_inum),
        .INTERFACE = eg_val(dev, net_device.name),
        .MAC = linux_mac(r, eg_at(e, vxlan_fdb_mac), MAC),
        .STATE = name ? eg_text(name) : eg_val(e, vxlan_fdb.state),
        .FLAGS = eg_text(eg_bits_text(r, flags, bits | 2, ",")),
        .UPDATED = linux_wall_of(r, LINUX_JIFFIES, eg_at(e, vxlan_fdb.updated)),
        .LAST_USED = linux_wall_of(r, LINUX_JIFFIES, eg_at(e, vxlan_fdb.used)),
    };

    eg_each_list(remote, eg_at(e, vxlan_fdb.remotes), vxlan_rdst.list) {
        struct eg_obj port = eg_at(remote, vxlan_rdst.remote_port);
        struct eg_obj vni = eg_at(remote, vxlan_rdst.remote_vni);

        any = true;
        row.DESTINATION_ADDR =
            eg_text(linux_sockaddr_ip(r, eg_at(remote, vxlan_rdst.remote_ip), NULL));
        row.DESTINATION_PORT = unless_usual(port);
        row.VNI = unless_usual(vni);
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
    }
    if (!any) // by a next hop object
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
}

static void list_vxlan(struct eg_run *r, struct eg_obj net, struct eg_obj dev)
{
    struct eg_obj vxlan = linux_netdev_priv_as(r, dev, vxlan_dev), e;

    if (eg_has(r, vxlan_dev.fdb_list)) { // since 6.15, with a hash table that resizes
        eg_each_hlist(e, eg_at(vxlan, vxlan_dev.fdb_list), vxlan_fdb.fdb_node)
            vxlan_entry(r, net, dev, e);
        return;
    }
    for (unsigned i = 0; i < FDB_BUCKETS && !vxlan.why; i++)
        eg_each_hlist(e, eg_index(eg_at(vxlan, vxlan_dev.fdb_head), i), vxlan_fdb.hlist)
            vxlan_entry(r, net, dev, e);
}

static void list_own(struct eg_run *r, struct eg_obj net, struct eg_obj dev, struct eg_obj list)
{
    struct eg_obj e;

    eg_each_list(e, list, netdev_hw_addr.list)
        eg_row(r, .OFFSET = eg_addr(e), .NS = eg_val(net, net_inum),
               .INTERFACE = eg_val(dev, net_device.name),
               .MAC = linux_mac(r, eg_at(e, netdev_hw_addr.addr), MAC),
               .STATE = eg_text("permanent"), .FLAGS = eg_text("self"));
}

static int run(struct eg_run *r)
{
    const bool bridges = eg_has(r, net_bridge.fdb_list), vxlans = eg_has(r, vxlan_fdb.remotes);
    struct eg_obj net, dev;
    bool blind = false;
    int64_t inum;

    linux_each_net(r, net)
    {
        if (eg_get(&inum, net, net_inum) && !eg_arg_match(r, "ns", inum))
            continue;
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            const char *kind = linux_netdev_kind(r, dev);

            if (kind && strcmp(kind, "bridge") == 0)
                bridges ? list_bridge(r, net, dev) : (void)(blind = true);
            if (kind && strcmp(kind, "vxlan") == 0)
                vxlans ? list_vxlan(r, net, dev) : (void)(blind = true);
            // What the interface itself takes: the kernel shows it of Ethernet only.
            if (eg_get_or(0, dev, net_device.type) == ETHER) {
                list_own(r, net, dev, eg_at(dev, dev_uc));
                list_own(r, net, dev, eg_at(dev, dev_mc));
            }
        }
    }
    if (blind)
        eg_note(r, "there are bridges or VXLANs, but the types of their module are not known");
    return 0;
}

EG_PLUGIN(fdb) = {
    .os = "linux",
    .help = "List the forwarding databases of bridges and VXLANs, and the addresses that "
            "interfaces take",
    .manual = "As `bridge fdb`: behind which port of a bridge a link-layer address was seen, which "
              "other end of a VXLAN has it, and (FLAGS self) which addresses beside its own an "
              "interface takes, as macvlans and multicast groups make it do. The groups of IP "
              "multicast are among these as link-layer addresses.",
    .aliases = EG_NAMES("bridge", "brctl"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(ns, INT, "only these network namespaces")),
    .needs = EG_NEEDS(net.dev_base_head, net_device.dev_list),
    .uses = EG_NAMES("nets"),
    .run = run,
    .key = EG_NAMES("NS", "INTERFACE", "MAC", "VLAN"),
    .moves = EG_NAMES("UPDATED", "LAST_USED"),
};
