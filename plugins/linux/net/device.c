/* device.c - network interfaces. */
#include "device.h"
#include "../../../core/base.h"
#include "ip.h"

enum { ADDRESS_MAX = 32 }; // MAX_ADDR_LEN (include/linux/netdevice.h)

bool linux_netdev_priv(struct eg_run *r, struct eg_obj dev, uint64_t *at)
{
    uint64_t size = eg_size(r, net_device);

    if (dev.kind == EG_K_PTR)
        dev = eg_deref(dev);
    if (dev.why || !size)
        return false;
    // A flexible array at the end since 6.11; before, behind the struct, aligned to NETDEV_ALIGN.
    if (eg_has(r, net_device.priv))
        return eg_add(dev.addr, eg_offset(r, net_device.priv), at);
    return eg_add(dev.addr, (size + 31) & ~UINT64_C(31), at);
}

const char *linux_mac_text(struct eg_run *r, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = bytes;
    char *text;

    if (!n)
        return NULL;
    text = eg_tmp(r, 3 * n);
    for (size_t i = 0; i < n; i++) {
        text[3 * i] = digits[b[i] >> 4];
        text[3 * i + 1] = digits[b[i] & 15];
        text[3 * i + 2] = i + 1 < n ? ':' : '\0';
    }
    return text;
}

struct eg_cell linux_mac(struct eg_run *r, struct eg_obj o, size_t n)
{
    uint8_t bytes[ADDRESS_MAX];

    if (o.kind == EG_K_PTR)
        o = eg_deref(o);
    if (o.why)
        return eg_cell_of(o);
    if (n > sizeof bytes)
        return eg_missing(EG_BAD_VALUE, o.addr);
    if (!eg_read(o.view, o.space, o.addr, bytes, n))
        return eg_missing(EG_UNREADABLE, o.addr);
    return eg_text(linux_mac_text(r, bytes, n));
}

/** Types of interfaces whose address is the IP address of an end of a tunnel
 * (include/uapi/linux/if_arp.h). */
static bool is_ip_tunnel(uint16_t type, unsigned len)
{
    enum { TUNNEL = 768, TUNNEL6 = 769, SIT = 776, IPGRE = 778, IP6GRE = 823 };

    return (len == 4 && (type == TUNNEL || type == SIT || type == IPGRE)) ||
           (len == 16 && (type == TUNNEL6 || type == IP6GRE));
}

struct eg_cell linux_netdev_address(struct eg_run *r, struct eg_obj dev)
{
    struct eg_obj at = eg_at(dev, net_device.dev_addr);
    uint8_t len, bytes[ADDRESS_MAX];

    if (!eg_get(&len, dev, net_device.addr_len))
        return eg_val(dev, net_device.addr_len);
    if (!len)
        return (struct eg_cell){ 0 };
    if (!is_ip_tunnel(eg_get_or((uint16_t)0, dev, net_device.type), len))
        return linux_mac(r, at, len);
    at = eg_deref(at);
    if (at.why)
        return eg_cell_of(at);
    if (!eg_read(at.view, at.space, at.addr, bytes, len))
        return eg_missing(EG_UNREADABLE, at.addr);
    return eg_text(linux_ip_text(r, bytes, len));
}

static struct eg_cell priv(struct eg_run *r, struct eg_obj dev)
{
    uint64_t at;

    return linux_netdev_priv(r, dev, &at) ? eg_uint(at) : eg_missing(EG_NO_TYPE, dev.addr);
}

EG_FUNCTION(netdev_priv) = {
    .os = "linux",
    .help = "the address of what an interface's driver keeps of it: "
            "eg.object(k, \"veth_priv\", linux.netdev_priv(dev))",
    .args = "dev",
    .returns = "integer",
    .cell = priv,
};

EG_FUNCTION(netdev_address) = {
    .os = "linux",
    .help = "the link-layer address of an interface: \"52:54:00:12:34:56\"; of a tunnel over IP "
            "that of its end; nil: it has none",
    .args = "dev",
    .returns = "text",
    .needs = EG_NEEDS(net_device.addr_len, net_device.dev_addr),
    .cell = linux_netdev_address,
};

static struct eg_cell mac(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    uint64_t len;

    (void)n;
    return eg_load(&len, args[1]) ? linux_mac(r, args[0], len) : eg_cell_of(args[1]);
}

EG_FUNCTION(mac) = {
    .os = "linux",
    .help = "bytes in hex with colons: linux.mac(eg.at(neighbour, \"ha\"), eg.at(dev, "
            "\"addr_len\"))",
    .args = "bytes, length",
    .returns = "text",
    .call = mac,
};
