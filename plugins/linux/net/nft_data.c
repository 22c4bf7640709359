/* nft_data.c - values of nf_tables as nft prints them (its src/datatype.c, meta.c, ct.c). */
#include "ip.h"
#include "net.h"
#include "nft_own.h"
#include <time.h>

struct name {
    uint32_t value;
    const char *name;
};

/* ORDER nft_type */
static const struct {
    const char *name;
    uint8_t size;
    bool host;
} types[] = {
    { "invalid", 0, false },     { "verdict", 4, true },       { "nf_proto", 1, true },
    { "bitmask", 0, true },      { "integer", 0, false },      { "string", 0, true },
    { "ll_addr", 0, false },     { "ipv4_addr", 4, false },    { "ipv6_addr", 16, false },
    { "ether_addr", 6, false },  { "ether_type", 2, false },   { "arp_op", 2, false },
    { "inet_proto", 1, false },  { "inet_service", 2, false }, { "icmp_type", 1, false },
    { "tcp_flag", 1, false },    { "dccp_pkttype", 1, false }, { "mh_type", 1, false },
    { "time", 8, true },         { "mark", 4, true },          { "iface_index", 4, true },
    { "iface_type", 2, true },   { "realm", 4, true },         { "classid", 4, true },
    { "uid", 4, true },          { "gid", 4, true },           { "ct_state", 4, true },
    { "ct_dir", 1, true },       { "ct_status", 4, true },     { "icmpv6_type", 1, false },
    { "ct_label", 16, true },    { "pkt_type", 1, true },      { "icmp_code", 1, false },
    { "icmpv6_code", 1, false }, { "icmpx_code", 1, false },   { "devgroup", 4, true },
    { "dscp", 1, false },        { "ecn", 1, false },          { "fib_addrtype", 4, true },
    { "boolean", 1, true },      { "ct_event", 4, true },      { "ifname", 16, true },
    { "igmp_type", 1, false },   { "time", 8, true },          { "hour", 4, true },
    { "day", 1, true },          { "cgroupsv2", 8, true },
};
_Static_assert(countof(types) == T_TYPES, "a type without a name");

const char *nft_type_name(uint32_t type)
{
    return type < T_TYPES ? types[type].name : "unknown";
}

unsigned nft_type_size(uint32_t type)
{
    return type < T_TYPES ? types[type].size : 0;
}

bool nft_type_is_host(uint32_t type)
{
    return type == T_HOST_INTEGER || (type < T_TYPES && types[type].host);
}

bool nft_type_is_bits(uint32_t type)
{
    return type == T_CT_STATE || type == T_CT_STATUS || type == T_TCP_FLAG || type == T_CT_LABEL ||
           type == T_CT_EVENTBIT;
}

/* ---- names ---- */

static const struct name protocols[] = {
    // /etc/protocols
    { 1, "icmp" },       { 2, "igmp" },      { 4, "ipencap" }, { 6, "tcp" },      { 17, "udp" },
    { 33, "dccp" },      { 41, "ipv6" },     { 47, "gre" },    { 50, "esp" },     { 51, "ah" },
    { 58, "ipv6-icmp" }, { 89, "ospf" },     { 103, "pim" },   { 108, "ipcomp" }, { 112, "vrrp" },
    { 132, "sctp" },     { 136, "udplite" }, { 115, "l2tp" },  { 0, NULL },
};
static const struct name ethertypes[] = {
    { 0x0800, "ip" },    { 0x0806, "arp" },    { 0x86dd, "ip6" },
    { 0x8100, "8021q" }, { 0x88a8, "8021ad" }, { 0, NULL },
};
static const struct name icmp_types[] = {
    { 0, "echo-reply" },           { 3, "destination-unreachable" },
    { 4, "source-quench" },        { 5, "redirect" },
    { 8, "echo-request" },         { 9, "router-advertisement" },
    { 10, "router-solicitation" }, { 11, "time-exceeded" },
    { 12, "parameter-problem" },   { 13, "timestamp-request" },
    { 14, "timestamp-reply" },     { 15, "info-request" },
    { 16, "info-reply" },          { 17, "address-mask-request" },
    { 18, "address-mask-reply" },  { 0, NULL },
};
static const struct name icmp6_types[] = {
    { 1, "destination-unreachable" },
    { 2, "packet-too-big" },
    { 3, "time-exceeded" },
    { 4, "parameter-problem" },
    { 128, "echo-request" },
    { 129, "echo-reply" },
    { 130, "mld-listener-query" },
    { 131, "mld-listener-report" },
    { 132, "mld-listener-done" },
    { 133, "nd-router-solicit" },
    { 134, "nd-router-advert" },
    { 135, "nd-neighbor-solicit" },
    { 136, "nd-neighbor-advert" },
    { 137, "nd-redirect" },
    { 138, "router-renumbering" },
    { 141, "ind-neighbor-solicit" },
    { 142, "ind-neighbor-advert" },
    { 143, "mld2-listener-report" },
    { 0, NULL },
};
static const struct name icmp_codes[] = {
    { 0, "net-unreachable" },  { 1, "host-unreachable" },  { 2, "prot-unreachable" },
    { 3, "port-unreachable" }, { 4, "frag-needed" },       { 9, "net-prohibited" },
    { 10, "host-prohibited" }, { 13, "admin-prohibited" }, { 0, NULL },
};
static const struct name icmp6_codes[] = {
    { 0, "no-route" },
    { 1, "admin-prohibited" },
    { 3, "addr-unreachable" },
    { 4, "port-unreachable" },
    { 5, "policy-fail" },
    { 6, "reject-route" },
    { 0, NULL },
};
static const struct name icmpx_codes[] = {
    { 0, "no-route" },
    { 1, "port-unreachable" },
    { 2, "host-unreachable" },
    { 3, "admin-prohibited" },
    { 0, NULL },
};
static const struct name tcp_flags[] = {
    { 1, "fin" },    { 2, "syn" },    { 4, "rst" },    { 8, "psh" }, { 0x10, "ack" },
    { 0x20, "urg" }, { 0x40, "ecn" }, { 0x80, "cwr" }, { 0, NULL },
};
static const struct name ct_states[] = {
    { 1, "invalid" }, { 2, "established" },  { 4, "related" },
    { 8, "new" },     { 0x40, "untracked" }, { 0, NULL },
};
static const struct name ct_statuses[] = {
    { 1, "expected" }, { 2, "seen-reply" }, { 4, "assured" },   { 8, "confirmed" },
    { 0x10, "snat" },  { 0x20, "dnat" },    { 0x200, "dying" }, { 0, NULL },
};
static const struct name ct_events[] = {
    { 1, "new" },      { 2, "related" },    { 4, "destroy" },  { 8, "reply" },
    { 16, "assured" }, { 32, "protoinfo" }, { 64, "helper" },  { 128, "mark" },
    { 256, "seqadj" }, { 512, "secmark" },  { 1024, "label" }, { 0, NULL },
};
static const struct name directions[] = { { 0, "original" }, { 1, "reply" }, { 0, NULL } };
static const struct name packets[] = {
    { 0, "host" }, { 1, "broadcast" }, { 2, "multicast" }, { 3, "other" }, { 0, NULL },
};
static const struct name fib_types[] = {
    { 0, "unspec" },   { 1, "unicast" },   { 2, "local" },     { 3, "broadcast" },
    { 4, "anycast" },  { 5, "multicast" }, { 6, "blackhole" }, { 7, "unreachable" },
    { 8, "prohibit" }, { 0, NULL },
};
static const struct name arp_operations[] = {
    { 1, "request" },   { 2, "reply" },   { 3, "rrequest" }, { 4, "rreply" },
    { 8, "inrequest" }, { 9, "inreply" }, { 10, "nak" },     { 0, NULL },
};
static const struct name dscps[] = {
    { 0x00, "cs0" },  { 0x08, "cs1" },  { 0x10, "cs2" },  { 0x18, "cs3" },  { 0x20, "cs4" },
    { 0x28, "cs5" },  { 0x30, "cs6" },  { 0x38, "cs7" },  { 0x0a, "af11" }, { 0x0c, "af12" },
    { 0x0e, "af13" }, { 0x12, "af21" }, { 0x14, "af22" }, { 0x16, "af23" }, { 0x1a, "af31" },
    { 0x1c, "af32" }, { 0x1e, "af33" }, { 0x22, "af41" }, { 0x24, "af42" }, { 0x26, "af43" },
    { 0x2e, "ef" },   { 0, NULL },
};
static const struct name ecns[] = {
    { 0, "not-ect" }, { 1, "ect1" }, { 2, "ect0" }, { 3, "ce" }, { 0, NULL },
};
static const struct name nfprotos[] = { { 2, "ipv4" }, { 10, "ipv6" }, { 0, NULL } };
static const struct name igmp_types[] = {
    { 0x11, "membership-query" },     { 0x12, "membership-report-v1" },
    { 0x16, "membership-report-v2" }, { 0x22, "membership-report-v3" },
    { 0x17, "leave-group" },          { 0, NULL },
};
static const struct name days[] = {
    { 0, "\"Sunday\"" },   { 1, "\"Monday\"" }, { 2, "\"Tuesday\"" },  { 3, "\"Wednesday\"" },
    { 4, "\"Thursday\"" }, { 5, "\"Friday\"" }, { 6, "\"Saturday\"" }, { 0, NULL },
};
static const struct name hardware[] = {
    { 1, "ether" },      { 512, "ppp" }, { 768, "ipip" },  { 769, "ipip6" },
    { 772, "loopback" }, { 776, "sit" }, { 778, "ipgre" }, { 0, NULL },
};
static const struct name dccp_types[] = {
    { 0, "request" }, { 1, "response" }, { 2, "data" },  { 3, "ack" },
    { 4, "dataack" }, { 5, "closereq" }, { 6, "close" }, { 7, "reset" },
    { 8, "sync" },    { 9, "syncack" },  { 0, NULL },
};

static const struct name *names_of(uint32_t type)
{
    switch (type) {
    case T_NFPROTO:
        return nfprotos;
    case T_ETHERTYPE:
        return ethertypes;
    case T_ARPOP:
        return arp_operations;
    case T_INET_PROTOCOL:
        return protocols;
    case T_ICMP_TYPE:
        return icmp_types;
    case T_ICMP6_TYPE:
        return icmp6_types;
    case T_TCP_FLAG:
        return tcp_flags;
    case T_CT_STATE:
        return ct_states;
    case T_CT_DIR:
        return directions;
    case T_CT_STATUS:
        return ct_statuses;
    case T_CT_EVENTBIT:
        return ct_events;
    case T_PKTTYPE:
        return packets;
    case T_ICMP_CODE:
        return icmp_codes;
    case T_ICMPV6_CODE:
        return icmp6_codes;
    case T_ICMPX_CODE:
        return icmpx_codes;
    case T_DSCP:
        return dscps;
    case T_ECN:
        return ecns;
    case T_FIB_ADDR:
        return fib_types;
    case T_IGMP_TYPE:
        return igmp_types;
    case T_TIME_DAY:
        return days;
    case T_ARPHRD:
        return hardware;
    case T_DCCP_PKTTYPE:
        return dccp_types;
    default:
        return NULL;
    }
}

static const char *name_of(const struct name *list, uint64_t value)
{
    for (; list && list->name; list++)
        if (list->value == value)
            return list->name;
    return NULL;
}

void nft_bit_names(struct linux_text *t, uint32_t type, uint64_t bits, const char *gap)
{
    const struct name *list = names_of(type);
    bool any = false;

    for (; list && list->name; list++)
        if (bits & list->value) {
            linux_text_add(t, "%s%s", any ? gap : "", list->name);
            bits &= ~(uint64_t)list->value;
            any = true;
        }
    if (bits || !any)
        linux_text_add(t, "%s0x%" PRIx64, any ? gap : "", bits);
}

/* ---- values ---- */

void nft_duration(struct linux_text *t, uint64_t ms)
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };

    if (!ms)
        linux_text_add(t, "0s");
    for (size_t i = 0; i < countof(units); i++)
        if (ms >= units[i].ms) {
            linux_text_add(t, "%" PRIu64 "%s", ms / units[i].ms, units[i].unit);
            ms %= units[i].ms;
        }
}

static uint64_t number(const uint8_t *bytes, size_t len, bool big)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len && i < 8; i++)
        v = v << 8 | bytes[big ? i : EG_MIN(len, 8) - 1 - i];
    return v;
}

static void quoted(struct linux_text *t, const uint8_t *bytes, size_t len)
{
    const size_t n = strnlen((const char *)bytes, len);

    linux_text_add(t, "\"");
    linux_text_bytes(t, bytes, n);
    linux_text_add(t, n == len && len && len < 16 ? "*\"" : "\"");
}

static void labels(struct linux_text *t, const uint8_t *bytes, size_t len)
{
    bool any = false;

    for (size_t i = 0; i < len * 8; i++)
        if (bytes[i / 8] >> i % 8 & 1) {
            linux_text_add(t, "%s%zu", any ? "," : "", i);
            any = true;
        }
    if (!any)
        linux_text_add(t, "0x0");
}

static void hex(struct linux_text *t, const uint8_t *bytes, size_t len, bool big)
{
    linux_text_add(t, "0x");
    for (size_t i = 0; i < len; i++)
        linux_text_add(t, "%02x", bytes[big ? i : len - 1 - i]);
}

/* Nanoseconds since 1970; in UTC, for the guest's zone is not in the rule. */
static void date(struct linux_text *t, uint64_t ns)
{
    const time_t s = (time_t)(ns / 1000000000);
    struct tm tm;
    char text[64];

    if (gmtime_r(&s, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm))
        linux_text_add(t, "\"%s\"", text);
    else
        linux_text_add(t, "%" PRIu64, ns);
}

static void numeric(struct linux_nft *n, struct linux_text *t, uint32_t type, uint64_t v,
                    size_t len)
{
    const char *name = name_of(names_of(type), v);

    if (nft_type_is_bits(type))
        nft_bit_names(t, type, v, ",");
    else if (name)
        linux_text_add(t, "%s", name);
    else if (type == T_MARK)
        linux_text_add(t, "0x%08" PRIx64, v);
    else if (type == T_ETHERTYPE)
        linux_text_add(t, "0x%04" PRIx64, v);
    else if (type == T_DSCP)
        linux_text_add(t, "0x%02" PRIx64, v);
    else if (type == T_BITMASK)
        linux_text_add(t, "0x%" PRIx64, v);
    else if (type == T_IFINDEX && (name = linux_ifname(n->r, n->net, (int64_t)v)))
        linux_text_add(t, "\"%s\"", name);
    else if (type == T_TIME)
        nft_duration(t, v);
    else if (type == T_TIME_HOUR && v < 86400)
        linux_text_add(t, "\"%02u:%02u\"", (unsigned)(v / 3600), (unsigned)(v / 60 % 60));
    else if (type == T_TIME_DATE)
        date(t, v);
    else if (type == T_CLASSID)
        linux_text_add(t, "%" PRIx64 ":%" PRIx64, v >> 16, v & 0xffff);
    else if (type == T_DEVGROUP && !v)
        linux_text_add(t, "\"default\"");
    else if (len <= 8)
        linux_text_add(t, "%" PRIu64, v);
}

void nft_value(struct linux_nft *n, struct linux_text *t, uint32_t type, const uint8_t *bytes,
               size_t len, bool big)
{
    const char *text;

    if ((type == T_IPADDR && len == 4) || (type == T_IP6ADDR && len == 16)) {
        text = linux_ip_text(n->r, bytes, len);
        linux_text_add(t, "%s", text ? text : "?");
    } else if (type == T_ETHERADDR || type == T_LLADDR) {
        for (size_t i = 0; i < len; i++)
            linux_text_add(t, "%s%02x", i ? ":" : "", bytes[i]);
    } else if (type == T_IFNAME || type == T_STRING) {
        quoted(t, bytes, len);
    } else if (type == T_CT_LABEL) {
        labels(t, bytes, len);
    } else if (type == T_INVALID || len > 8) {
        hex(t, bytes, len, big || type == T_INVALID);
    } else {
        numeric(n, t, type, number(bytes, len, big || !nft_type_is_host(type)), len);
    }
}

bool nft_prefix(const uint8_t *mask, size_t len, unsigned *bits)
{
    unsigned n = 0;

    while (n < len * 8 && (mask[n / 8] >> (7 - n % 8) & 1))
        n++;
    for (unsigned i = n; i < len * 8; i++)
        if (mask[i / 8] >> (7 - i % 8) & 1)
            return false;
    *bits = n;
    return true;
}

void nft_range(struct linux_nft *n, struct linux_text *t, uint32_t type, const uint8_t *from,
               const uint8_t *to, size_t len, bool big)
{
    uint8_t mask[NFT_KEY_MAX];
    unsigned bits;
    bool prefix = type == T_IPADDR || type == T_IP6ADDR;

    if (len > sizeof mask)
        return;
    if (!memcmp(from, to, len)) {
        nft_value(n, t, type, from, len, big);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        mask[i] = (uint8_t) ~(from[i] ^ to[i]);
        // The bits behind a prefix are all clear in the first, all set in the last address.
        prefix = prefix && (uint8_t)(from[i] & ~mask[i]) == 0 && (to[i] | mask[i]) == 0xff;
    }
    nft_value(n, t, type, from, len, big);
    if (prefix && nft_prefix(mask, len, &bits)) {
        linux_text_add(t, "/%u", bits);
        return;
    }
    linux_text_add(t, "-");
    nft_value(n, t, type, to, len, big);
}
