/* nft_proto.c - fields of packet headers, as nft names them (its src/proto.c). */
#include "nft_own.h"

static const struct nft_field fields[] = {
    { P_ETHER, T_ETHERADDR, "ether daddr", 0, 48, 0 },
    { P_ETHER, T_ETHERADDR, "ether saddr", 48, 48, 0 },
    { P_ETHER, T_ETHERTYPE, "ether type", 96, 16, 0 },
    { P_VLAN, T_INTEGER, "vlan pcp", 112, 3, 5 },
    { P_VLAN, T_INTEGER, "vlan dei", 115, 1, 4 },
    { P_VLAN, T_INTEGER, "vlan id", 116, 12, 0 },
    { P_VLAN, T_ETHERTYPE, "vlan type", 128, 16, 0 },
    { P_IP, T_INTEGER, "ip version", 0, 4, 4 },
    { P_IP, T_INTEGER, "ip hdrlength", 4, 4, 0 },
    { P_IP, T_DSCP, "ip dscp", 8, 6, 2 },
    { P_IP, T_ECN, "ip ecn", 14, 2, 0 },
    { P_IP, T_INTEGER, "ip length", 16, 16, 0 },
    { P_IP, T_INTEGER, "ip id", 32, 16, 0 },
    { P_IP, T_INTEGER, "ip frag-off", 48, 16, 0 },
    { P_IP, T_INTEGER, "ip ttl", 64, 8, 0 },
    { P_IP, T_INET_PROTOCOL, "ip protocol", 72, 8, 0 },
    { P_IP, T_INTEGER, "ip checksum", 80, 16, 0 },
    { P_IP, T_IPADDR, "ip saddr", 96, 32, 0 },
    { P_IP, T_IPADDR, "ip daddr", 128, 32, 0 },
    { P_IP6, T_INTEGER, "ip6 version", 0, 4, 4 },
    { P_IP6, T_DSCP, "ip6 dscp", 4, 6, 6 },
    { P_IP6, T_ECN, "ip6 ecn", 10, 2, 4 },
    { P_IP6, T_INTEGER, "ip6 flowlabel", 12, 20, 0 },
    { P_IP6, T_INTEGER, "ip6 length", 32, 16, 0 },
    { P_IP6, T_INET_PROTOCOL, "ip6 nexthdr", 48, 8, 0 },
    { P_IP6, T_INTEGER, "ip6 hoplimit", 56, 8, 0 },
    { P_IP6, T_IP6ADDR, "ip6 saddr", 64, 128, 0 },
    { P_IP6, T_IP6ADDR, "ip6 daddr", 192, 128, 0 },
    { P_ARP, T_INTEGER, "arp htype", 0, 16, 0 },
    { P_ARP, T_ETHERTYPE, "arp ptype", 16, 16, 0 },
    { P_ARP, T_INTEGER, "arp hlen", 32, 8, 0 },
    { P_ARP, T_INTEGER, "arp plen", 40, 8, 0 },
    { P_ARP, T_ARPOP, "arp operation", 48, 16, 0 },
    { P_ARP, T_ETHERADDR, "arp saddr ether", 64, 48, 0 },
    { P_ARP, T_IPADDR, "arp saddr ip", 112, 32, 0 },
    { P_ARP, T_ETHERADDR, "arp daddr ether", 144, 48, 0 },
    { P_ARP, T_IPADDR, "arp daddr ip", 192, 32, 0 },
    { P_TCP, T_INET_SERVICE, "tcp sport", 0, 16, 0 },
    { P_TCP, T_INET_SERVICE, "tcp dport", 16, 16, 0 },
    { P_TCP, T_INTEGER, "tcp sequence", 32, 32, 0 },
    { P_TCP, T_INTEGER, "tcp ackseq", 64, 32, 0 },
    { P_TCP, T_INTEGER, "tcp doff", 96, 4, 4 },
    { P_TCP, T_INTEGER, "tcp reserved", 100, 4, 0 },
    { P_TCP, T_TCP_FLAG, "tcp flags", 104, 8, 0 },
    { P_TCP, T_INTEGER, "tcp window", 112, 16, 0 },
    { P_TCP, T_INTEGER, "tcp checksum", 128, 16, 0 },
    { P_TCP, T_INTEGER, "tcp urgptr", 144, 16, 0 },
    { P_UDP, T_INET_SERVICE, "udp sport", 0, 16, 0 },
    { P_UDP, T_INET_SERVICE, "udp dport", 16, 16, 0 },
    { P_UDP, T_INTEGER, "udp length", 32, 16, 0 },
    { P_UDP, T_INTEGER, "udp checksum", 48, 16, 0 },
    { P_UDPLITE, T_INET_SERVICE, "udplite sport", 0, 16, 0 },
    { P_UDPLITE, T_INET_SERVICE, "udplite dport", 16, 16, 0 },
    { P_UDPLITE, T_INTEGER, "udplite csumcov", 32, 16, 0 },
    { P_UDPLITE, T_INTEGER, "udplite checksum", 48, 16, 0 },
    { P_SCTP, T_INET_SERVICE, "sctp sport", 0, 16, 0 },
    { P_SCTP, T_INET_SERVICE, "sctp dport", 16, 16, 0 },
    { P_SCTP, T_INTEGER, "sctp vtag", 32, 32, 0 },
    { P_SCTP, T_INTEGER, "sctp checksum", 64, 32, 0 },
    { P_DCCP, T_INET_SERVICE, "dccp sport", 0, 16, 0 },
    { P_DCCP, T_INET_SERVICE, "dccp dport", 16, 16, 0 },
    { P_DCCP, T_DCCP_PKTTYPE, "dccp type", 67, 4, 1 },
    { P_ICMP, T_ICMP_TYPE, "icmp type", 0, 8, 0 },
    { P_ICMP, T_ICMP_CODE, "icmp code", 8, 8, 0 },
    { P_ICMP, T_INTEGER, "icmp checksum", 16, 16, 0 },
    { P_ICMP, T_INTEGER, "icmp id", 32, 16, 0 },
    { P_ICMP, T_INTEGER, "icmp sequence", 48, 16, 0 },
    { P_ICMP, T_INTEGER, "icmp gateway", 32, 32, 0 },
    { P_ICMP6, T_ICMP6_TYPE, "icmpv6 type", 0, 8, 0 },
    { P_ICMP6, T_ICMPV6_CODE, "icmpv6 code", 8, 8, 0 },
    { P_ICMP6, T_INTEGER, "icmpv6 checksum", 16, 16, 0 },
    { P_ICMP6, T_INTEGER, "icmpv6 id", 32, 16, 0 },
    { P_ICMP6, T_INTEGER, "icmpv6 sequence", 48, 16, 0 },
    { P_ICMP6, T_INTEGER, "icmpv6 mtu", 32, 32, 0 },
    { P_ICMP6, T_IP6ADDR, "icmpv6 taddr", 64, 128, 0 },
    { P_IGMP, T_IGMP_TYPE, "igmp type", 0, 8, 0 },
    { P_IGMP, T_INTEGER, "igmp mrt", 8, 8, 0 },
    { P_IGMP, T_INTEGER, "igmp checksum", 16, 16, 0 },
    { P_IGMP, T_IPADDR, "igmp group", 32, 32, 0 },
    { P_ESP, T_INTEGER, "esp spi", 0, 32, 0 },
    { P_ESP, T_INTEGER, "esp sequence", 32, 32, 0 },
    { P_AH, T_INET_PROTOCOL, "ah nexthdr", 0, 8, 0 },
    { P_AH, T_INTEGER, "ah hdrlength", 8, 8, 0 },
    { P_AH, T_INTEGER, "ah reserved", 16, 16, 0 },
    { P_AH, T_INTEGER, "ah spi", 32, 32, 0 },
    { P_AH, T_INTEGER, "ah sequence", 64, 32, 0 },
    { P_COMP, T_INET_PROTOCOL, "comp nexthdr", 0, 8, 0 },
    { P_COMP, T_INTEGER, "comp flags", 8, 8, 0 },
    { P_COMP, T_INTEGER, "comp cpi", 16, 16, 0 },
    { P_TH, T_INET_SERVICE, "th sport", 0, 16, 0 },
    { P_TH, T_INET_SERVICE, "th dport", 16, 16, 0 },
};

const struct nft_field *nft_field_at(enum nft_proto p, unsigned bit, unsigned bits)
{
    for (size_t i = 0; i < countof(fields); i++)
        if (fields[i].proto == p && fields[i].at == bit && fields[i].bits == bits)
            return &fields[i];
    return NULL;
}

const struct nft_field *nft_field_around(enum nft_proto p, unsigned bit, unsigned bits)
{
    for (size_t i = 0; i < countof(fields); i++)
        if (fields[i].proto == p && fields[i].at == bit && fields[i].bits > bits &&
            (fields[i].type == T_IPADDR || fields[i].type == T_IP6ADDR))
            return &fields[i];
    return NULL;
}

const char *nft_proto_name(enum nft_proto p)
{
    static const char *const names[] = { "unknown", "ether", "vlan",    "ip",   "ip6",  "arp",
                                         "tcp",     "udp",   "udplite", "sctp", "dccp", "icmp",
                                         "icmpv6",  "igmp",  "esp",     "ah",   "comp", "th" };

    return p < countof(names) ? names[p] : "unknown";
}

enum nft_proto nft_proto_by_ethertype(uint16_t type)
{
    switch (type) {
    case 0x0800:
        return P_IP;
    case 0x86dd:
        return P_IP6;
    case 0x0806:
        return P_ARP;
    case 0x8100:
    case 0x88a8:
        return P_VLAN;
    default:
        return P_NONE;
    }
}

enum nft_proto nft_proto_by_number(uint8_t protocol)
{
    switch (protocol) {
    case 1:
        return P_ICMP;
    case 2:
        return P_IGMP;
    case 6:
        return P_TCP;
    case 17:
        return P_UDP;
    case 33:
        return P_DCCP;
    case 50:
        return P_ESP;
    case 51:
        return P_AH;
    case 58:
        return P_ICMP6;
    case 108:
        return P_COMP;
    case 132:
        return P_SCTP;
    case 136:
        return P_UDPLITE;
    default:
        return P_NONE;
    }
}
