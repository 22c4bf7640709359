/* sock_names.c - numbers of sockets as words (include/linux/socket.h, include/linux/net.h,
 * include/uapi/linux/in.h, netlink.h and if_ether.h, include/net/bluetooth/bluetooth.h). */
#include "sock_names.h"
#include "sock.h"

const struct eg_constant linux_sock_families[] = {
    { "AF_UNSPEC", 0 },      { "AF_UNIX", 1 },      { "AF_INET", 2 },      { "AF_AX25", 3 },
    { "AF_IPX", 4 },         { "AF_APPLETALK", 5 }, { "AF_NETROM", 6 },    { "AF_BRIDGE", 7 },
    { "AF_ATMPVC", 8 },      { "AF_X25", 9 },       { "AF_INET6", 10 },    { "AF_ROSE", 11 },
    { "AF_DECnet", 12 },     { "AF_NETBEUI", 13 },  { "AF_SECURITY", 14 }, { "AF_KEY", 15 },
    { "AF_NETLINK", 16 },    { "AF_PACKET", 17 },   { "AF_ASH", 18 },      { "AF_ECONET", 19 },
    { "AF_ATMSVC", 20 },     { "AF_RDS", 21 },      { "AF_SNA", 22 },      { "AF_IRDA", 23 },
    { "AF_PPPOX", 24 },      { "AF_WANPIPE", 25 },  { "AF_LLC", 26 },      { "AF_IB", 27 },
    { "AF_MPLS", 28 },       { "AF_CAN", 29 },      { "AF_TIPC", 30 },     { "AF_BLUETOOTH", 31 },
    { "AF_IUCV", 32 },       { "AF_RXRPC", 33 },    { "AF_ISDN", 34 },     { "AF_PHONET", 35 },
    { "AF_IEEE802154", 36 }, { "AF_CAIF", 37 },     { "AF_ALG", 38 },      { "AF_NFC", 39 },
    { "AF_VSOCK", 40 },      { "AF_KCM", 41 },      { "AF_QIPCRTR", 42 },  { "AF_SMC", 43 },
    { "AF_XDP", 44 },        { "AF_MCTP", 45 },     { NULL, 0 },
};

const struct eg_constant linux_sock_types[] = {
    { "STREAM", 1 },    { "DGRAM", 2 }, { "RAW", 3 },     { "RDM", 4 },
    { "SEQPACKET", 5 }, { "DCCP", 6 },  { "PACKET", 10 }, { NULL, 0 },
};

const struct eg_constant linux_ip_protocols[] = {
    { "IP", 0 },     { "ICMP", 1 },      { "IGMP", 2 },   { "IPIP", 4 },       { "TCP", 6 },
    { "EGP", 8 },    { "PUP", 12 },      { "UDP", 17 },   { "IDP", 22 },       { "TP", 29 },
    { "DCCP", 33 },  { "IPV6", 41 },     { "RSVP", 46 },  { "GRE", 47 },       { "ESP", 50 },
    { "AH", 51 },    { "ICMPV6", 58 },   { "OSPF", 89 },  { "MTP", 92 },       { "BEETPH", 94 },
    { "ENCAP", 98 }, { "PIM", 103 },     { "COMP", 108 }, { "VRRP", 112 },     { "L2TP", 115 },
    { "SCTP", 132 }, { "UDPLITE", 136 }, { "MPLS", 137 }, { "ETHERNET", 143 }, { "RAW", 255 },
    { "SMC", 256 },  { "MPTCP", 262 },   { NULL, 0 },
};

const struct eg_constant linux_netlink_protocols[] = {
    { "NETLINK_ROUTE", 0 },
    { "NETLINK_UNUSED", 1 },
    { "NETLINK_USERSOCK", 2 },
    { "NETLINK_FIREWALL", 3 },
    { "NETLINK_SOCK_DIAG", 4 },
    { "NETLINK_NFLOG", 5 },
    { "NETLINK_XFRM", 6 },
    { "NETLINK_SELINUX", 7 },
    { "NETLINK_ISCSI", 8 },
    { "NETLINK_AUDIT", 9 },
    { "NETLINK_FIB_LOOKUP", 10 },
    { "NETLINK_CONNECTOR", 11 },
    { "NETLINK_NETFILTER", 12 },
    { "NETLINK_IP6_FW", 13 },
    { "NETLINK_DNRTMSG", 14 },
    { "NETLINK_KOBJECT_UEVENT", 15 },
    { "NETLINK_GENERIC", 16 },
    { "NETLINK_SCSITRANSPORT", 18 },
    { "NETLINK_ECRYPTFS", 19 },
    { "NETLINK_RDMA", 20 },
    { "NETLINK_CRYPTO", 21 },
    { "NETLINK_SMC", 22 },
    { NULL, 0 },
};

const struct eg_constant linux_ether_protocols[] = {
    { "NONE", 0 },          { "802.3", 0x0001 }, { "ALL", 0x0003 },        { "802.2", 0x0004 },
    { "SNAP", 0x0005 },     { "CAN", 0x000c },   { "IP", 0x0800 },         { "ARP", 0x0806 },
    { "BATMAN", 0x4305 },   { "RARP", 0x8035 },  { "802.1Q", 0x8100 },     { "IPV6", 0x86dd },
    { "SLOW", 0x8809 },     { "MPLS", 0x8847 },  { "PPPOE_DISC", 0x8863 }, { "PPPOE", 0x8864 },
    { "EAPOL", 0x888e },    { "AOE", 0x88a2 },   { "802.1AD", 0x88a8 },    { "LLDP", 0x88cc },
    { "MACSEC", 0x88e5 },   { "1588", 0x88f7 },  { "PRP", 0x88fb },        { "FCOE", 0x8906 },
    { "LOOPBACK", 0x9000 }, { NULL, 0 },
};

const struct eg_constant linux_bluetooth_protocols[] = {
    { "L2CAP", 0 }, { "HCI", 1 },  { "SCO", 2 },   { "RFCOMM", 3 }, { "BNEP", 4 },
    { "CMTP", 5 },  { "HIDP", 6 }, { "AVDTP", 7 }, { "ISO", 8 },    { NULL, 0 },
};

static const char *const tcp_states[] = {
    NULL,    "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "SYN_RECV",  "BOUND_INACTIVE",
};
static const char *const bluetooth_states[] = {
    NULL,      "CONNECTED", "OPEN",   "BOUND",      "LISTEN",
    "CONNECT", "CONNECT2",  "CONFIG", "DISCONNECT", "CLOSED",
};

static bool has_states_of_tcp(uint32_t family, uint32_t protocol)
{
    return family == LINUX_AF_VSOCK || family == LINUX_AF_UNIX || family == LINUX_AF_TIPC ||
           ((family == LINUX_AF_INET || family == LINUX_AF_INET6) &&
            (protocol == LINUX_IPPROTO_TCP || protocol == LINUX_IPPROTO_MPTCP ||
             protocol == LINUX_IPPROTO_DCCP || protocol == LINUX_IPPROTO_SCTP));
}

const char *linux_sock_state_name(uint32_t family, uint32_t protocol, uint32_t state)
{
    const bool inet = family == LINUX_AF_INET || family == LINUX_AF_INET6;

    if (family == LINUX_AF_BLUETOOTH)
        return state < sizeof bluetooth_states / sizeof *bluetooth_states ? bluetooth_states[state]
                                                                          : NULL;
    // af_netlink.c has a state 0 of its own, which a socket gets when it lets go of its peer.
    if (family == LINUX_AF_NETLINK && state == 0)
        return "UNCONNECTED";
    // All others begin in TCP_CLOSE (sock_init_data), which for those without connections, and for
    // families that hand out connected pairs, only says that it has no peer.
    if (state == 7 && (!inet || !has_states_of_tcp(family, protocol)))
        return "UNCONNECTED";
    if (state == 1 || state == LINUX_TCP_LISTEN || has_states_of_tcp(family, protocol))
        return state < sizeof tcp_states / sizeof *tcp_states ? tcp_states[state] : NULL;
    return NULL;
}
