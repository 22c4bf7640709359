/* optables_network.c - tables of sockets, interfaces and protocols. */
#include "../linux/net/device.h"
#include "../linux/net/sock.h"
#include "../linux/net/tables.h"
#include "optables.h"
#include <inttypes.h>

EG_FIELD_AS(dev_ptype_all, net_device, "ptype_all");
EG_FIELD_AS(dev_ptype_specific, net_device, "ptype_specific");
EG_FIELD_AS(net_ptype_all, net, "ptype_all"); // since 6.17
EG_FIELD_AS(net_ptype_specific, net, "ptype_specific");
EG_FIELD_AS(ptype_list, packet_type, "list");

#define ANY UINT32_MAX
enum { DEVICES_MAX = 1 << 16, PTYPES_MAX = 1 << 14 };

static const char *say_sock(struct eg_run *r, uint64_t at)
{
    const char *text = linux_sock_text(r, eg_object(r, sock, at));

    return text ? text : eg_strf(r, "socket %#" PRIx64, at);
}

static const char *say_device(struct eg_run *r, uint64_t at)
{
    const char *name = eg_string(r, eg_at(eg_object(r, net_device, at), net_device.name), 16);

    return name ? eg_strf(r, "interface %s", name) : NULL;
}

/* What a socket of its family is, with functions of its own; the first that fits. */
static struct optables_type *type_of(struct optables *o, const struct linux_sock *is)
{
    static const struct {
        uint32_t family, type, protocol;
        const char *name;
    } types[] = {
        { LINUX_AF_INET, LINUX_SOCK_STREAM, LINUX_IPPROTO_TCP, "inet_connection_sock" },
        { LINUX_AF_INET6, LINUX_SOCK_STREAM, LINUX_IPPROTO_TCP, "inet_connection_sock" },
        { LINUX_AF_INET, LINUX_SOCK_DGRAM, LINUX_IPPROTO_UDP, "udp_sock" },
        { LINUX_AF_INET6, LINUX_SOCK_DGRAM, LINUX_IPPROTO_UDP, "udp_sock" },
        { LINUX_AF_NETLINK, ANY, ANY, "netlink_sock" },
        { LINUX_AF_PACKET, ANY, ANY, "packet_sock" },
        { LINUX_AF_UNIX, ANY, ANY, "unix_sock" },
    };
    struct optables_type *type = NULL;

    for (size_t i = 0; i < countof(types) && !type; i++)
        if (types[i].family == is->family_number &&
            (types[i].type == ANY || types[i].type == is->type_number) &&
            (types[i].protocol == ANY || types[i].protocol == is->protocol_number))
            type = optables_type(o, types[i].name);
    return type ? type : optables_type(o, "sock");
}

static void sockets(struct optables *o)
{
    const struct linux_table_socks *all = linux_table_socks(o->r);
    struct optables_type *socket = optables_type(o, "socket");

    for (size_t i = 0; all && i < all->n && !eg_stopped(o->r); i++) {
        struct eg_obj s = eg_object(o->r, sock, all->at[i].sock);
        const struct optables_user user = { say_sock, s.addr, NULL };
        struct linux_sock is;
        uint64_t at;

        if (!linux_sock_read(o->r, s, &is) || is.size != LINUX_SOCK_FULL)
            continue;
        optables_object(o, type_of(o, &is), s.addr, user);
        if (eg_get(&at, s, sock.sk_socket))
            optables_object(o, socket, at, user);
    }
}

static void packet_types(struct optables *o, struct eg_obj list, const char *text)
{
    struct optables_type *type = optables_type(o, "packet_type");
    struct eg_obj one;
    unsigned n = 0;

    if (list.why || !type)
        return;
    eg_each_list(one, list, ptype_list) {
        optables_object(o, type, one.addr, optables_named(text));
        if (n++ == PTYPES_MAX)
            return;
    }
}

static void devices(struct optables *o, struct eg_obj net)
{
    struct optables_type *type = optables_type(o, "net_device");
    struct eg_obj dev;
    unsigned n = 0;

    eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
        if (n++ > DEVICES_MAX)
            return;
        optables_object(o, type, dev.addr, (struct optables_user){ say_device, dev.addr, NULL });
        if (eg_has(o->r, dev_ptype_all))
            packet_types(o, eg_at(dev, dev_ptype_all), "packets of an interface");
        if (eg_has(o->r, dev_ptype_specific))
            packet_types(o, eg_at(dev, dev_ptype_specific), "packets of an interface");
    }
}

void optables_network(struct optables *o)
{
    struct optables_type *type = optables_type(o, "net");
    struct eg_obj net;

    linux_each_net(o->r, net)
    {
        optables_object(o, type, net.addr, optables_named("a network namespace"));
        devices(o, net);
        if (eg_has(o->r, net_ptype_all))
            packet_types(o, eg_at(net, net_ptype_all), "packets of a network namespace");
        if (eg_has(o->r, net_ptype_specific))
            packet_types(o, eg_at(net, net_ptype_specific), "packets of a network namespace");
    }
    sockets(o);
}
