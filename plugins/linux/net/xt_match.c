/* xt_match.c - matches of iptables with their options (extensions/libxt_*.c of iptables). */
#include "../../../core/base.h"
#include "ip.h"
#include "xt.h"
#include <inttypes.h>

static void ports(struct linux_text *t, const struct linux_xt *x, size_t at, const char *option,
                  bool invert)
{
    const uint16_t from = linux_xt_u16(x, at), to = linux_xt_u16(x, at + 2);

    if (!from && to == 0xffff && !invert)
        return;
    linux_text_add(t, "%s %s %u", invert ? " !" : "", option, from);
    if (from != to)
        linux_text_add(t, ":%u", to);
}

static void flag_names(struct linux_text *t, uint8_t flags)
{
    static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };
    bool any = false;

    if ((flags & 0x3f) == 0x3f) {
        linux_text_add(t, "FIN,SYN,RST,PSH,ACK,URG");
        return;
    }
    for (size_t i = 0; i < countof(names); i++)
        if (flags >> i & 1) {
            linux_text_add(t, "%s%s", any ? "," : "", names[i]);
            any = true;
        }
    if (!any)
        linux_text_add(t, "NONE");
}

static void tcp(struct linux_text *t, const struct linux_xt *x)
{
    const uint8_t invert = x->data[11];

    ports(t, x, 0, "--sport", invert & 1);
    ports(t, x, 4, "--dport", invert & 2);
    if (x->data[8])
        linux_text_add(t, "%s --tcp-option %u", invert & 8 ? " !" : "", x->data[8]);
    if (x->data[9]) {
        linux_text_add(t, "%s --tcp-flags ", invert & 4 ? " !" : "");
        flag_names(t, x->data[9]);
        linux_text_add(t, " ");
        flag_names(t, x->data[10]);
    }
}

static void udp(struct linux_text *t, const struct linux_xt *x)
{
    ports(t, x, 0, "--sport", x->data[8] & 1);
    ports(t, x, 4, "--dport", x->data[8] & 2);
}

static void icmp(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, "%s --%s ", x->data[3] & 1 ? " !" : "",
                   x->family == 10 ? "icmpv6-type" : "icmp-type");
    if (x->data[0] == 255 && x->family != 10)
        linux_text_add(t, "any");
    else if (!x->data[1] && x->data[2] == 255)
        linux_text_add(t, "%u", x->data[0]);
    else
        linux_text_add(t, "%u/%u", x->data[0], x->data[1]);
}

/* In the order in which iptables prints them. */
struct state {
    uint32_t bit;
    const char *name;
};
static const struct state states[] = {
    { 1, "INVALID" }, { 8, "NEW" }, { 4, "RELATED" }, { 2, "ESTABLISHED" }, { 64, "UNTRACKED" },
};
static const struct state ct_states[] = {
    { 1, "INVALID" },     { 8, "NEW" },   { 4, "RELATED" }, { 2, "ESTABLISHED" },
    { 256, "UNTRACKED" }, { 64, "SNAT" }, { 128, "DNAT" },
};
static const struct state statuses[] = {
    { 1, "EXPECTED" },
    { 2, "SEEN_REPLY" },
    { 4, "ASSURED" },
    { 8, "CONFIRMED" },
};

static void state_names(struct linux_text *t, const struct state *list, size_t n, uint32_t bits)
{
    bool any = false;

    for (size_t i = 0; i < n; i++)
        if (bits & list[i].bit) {
            linux_text_add(t, "%s%s", any ? "," : "", list[i].name);
            any = true;
        }
    if (!any)
        linux_text_add(t, "NONE");
}

/* struct xt_conntrack_mtinfo2 and 3: revision 3 has the upper ends of port ranges behind. */
static void conntrack(struct linux_text *t, const struct linux_xt *x)
{
    static const struct {
        uint16_t flag;
        const char *option;
        uint8_t at;
    } addresses[] = { { 4, "--ctorigsrc", 0 },
                      { 8, "--ctorigdst", 32 },
                      { 16, "--ctreplsrc", 64 },
                      { 32, "--ctrepldst", 96 } },
      port[] = { { 256, "--ctorigsrcport", 138 },
                 { 512, "--ctorigdstport", 140 },
                 { 1024, "--ctreplsrcport", 142 },
                 { 2048, "--ctrepldstport", 144 } };
    const uint16_t flags = linux_xt_u16(x, 146), invert = linux_xt_u16(x, 148);
    const size_t len = x->family == 10 ? 16 : 4;

    if (flags & 1) {
        linux_text_add(t, "%s --%s ", invert & 1 ? " !" : "",
                       flags & LINUX_XT_STATE_ALIAS ? "state" : "ctstate");
        state_names(t, ct_states, countof(ct_states), linux_xt_u16(x, 150));
    }
    if (flags & 2)
        linux_text_add(t, "%s --ctproto %u", invert & 2 ? " !" : "", linux_xt_u16(x, 136));
    for (size_t i = 0; i < countof(addresses); i++)
        if (flags & addresses[i].flag) {
            unsigned bits = 0;

            while (bits < len * 8 &&
                   (x->data[addresses[i].at + 16u + bits / 8] >> (7 - bits % 8) & 1))
                bits++;
            linux_text_add(t, "%s %s ", invert & addresses[i].flag ? " !" : "",
                           addresses[i].option);
            linux_xt_address(t, x, addresses[i].at);
            if (bits < len * 8)
                linux_text_add(t, "/%u", bits);
        }
    for (size_t i = 0; i < countof(port); i++)
        if (flags & port[i].flag) {
            // Host order in revision 3, whose ends are behind.
            const size_t high = 154 + 2 * i;
            const uint16_t from =
                x->revision < 3 ? linux_xt_be16(x, port[i].at) : linux_xt_u16(x, port[i].at);

            linux_text_add(t, "%s %s %u", invert & port[i].flag ? " !" : "", port[i].option, from);
            if (x->revision >= 3 && linux_xt_u16(x, high) != from)
                linux_text_add(t, ":%u", linux_xt_u16(x, high));
        }
    if (flags & 64) {
        linux_text_add(t, "%s --ctstatus ", invert & 64 ? " !" : "");
        state_names(t, statuses, countof(statuses), linux_xt_u16(x, 152));
    }
    if (flags & 128)
        linux_text_add(t, "%s --ctexpire %u:%u", invert & 128 ? " !" : "", linux_xt_u32(x, 128),
                       linux_xt_u32(x, 132));
    if (flags & 4096)
        linux_text_add(t, " --ctdir %s", invert & 4096 ? "REPLY" : "ORIGINAL");
}

static void limit(struct linux_text *t, const struct linux_xt *x)
{
    enum { SCALE = 10000 };
    static const struct {
        const char *name;
        uint32_t mult;
    } rates[] = { { "day", SCALE * 24u * 3600u },
                  { "hour", SCALE * 3600u },
                  { "min", SCALE * 60u },
                  { "sec", SCALE } };
    const uint32_t period = linux_xt_u32(x, 0), burst = linux_xt_u32(x, 4);
    size_t i = 1;

    if (!period) {
        linux_text_add(t, " --limit ?");
        return;
    }
    while (i < countof(rates) && period <= rates[i].mult &&
           rates[i].mult / period >= rates[i].mult % period)
        i++;
    linux_text_add(t, " --limit %u/%s", rates[i - 1].mult / period, rates[i - 1].name);
    if (burst != 5)
        linux_text_add(t, " --limit-burst %u", burst);
}

static void mark(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, "%s --mark %#x", x->data[8] ? " !" : "", linux_xt_u32(x, 0));
    if (linux_xt_u32(x, 4) != UINT32_MAX)
        linux_text_add(t, "/%#x", linux_xt_u32(x, 4));
}

static void multiport(struct linux_text *t, const struct linux_xt *x)
{
    static const char *const options[] = { "--sports", "--dports", "--ports" };
    const uint8_t n = EG_MIN(x->data[1], 15);

    linux_text_add(t, "%s %s ", x->revision && x->data[47] ? " !" : "",
                   options[x->data[0] < countof(options) ? x->data[0] : 2]);
    for (uint8_t i = 0; i < n; i++) {
        const bool range = x->revision && x->data[32 + i] && i + 1 < n;

        linux_text_add(t, "%s%u", i ? "," : "", linux_xt_u16(x, 2 + 2u * i));
        if (range)
            linux_text_add(t, ":%u", linux_xt_u16(x, 2 + 2u * ++i));
    }
}

static void type_names(struct linux_text *t, uint16_t bits)
{
    static const char *const names[] = { "UNSPEC",   "UNICAST",   "LOCAL",     "BROADCAST",
                                         "ANYCAST",  "MULTICAST", "BLACKHOLE", "UNREACHABLE",
                                         "PROHIBIT", "THROW",     "NAT",       "XRESOLVE" };
    bool any = false;

    for (size_t i = 0; i < countof(names); i++)
        if (bits >> i & 1) {
            linux_text_add(t, "%s%s", any ? "," : "", names[i]);
            any = true;
        }
}

static void addrtype(struct linux_text *t, const struct linux_xt *x)
{
    const uint32_t flags = linux_xt_u32(x, 4);

    if (linux_xt_u16(x, 0)) {
        linux_text_add(t, "%s --src-type ", flags & 1 ? " !" : "");
        type_names(t, linux_xt_u16(x, 0));
    }
    if (linux_xt_u16(x, 2)) {
        linux_text_add(t, "%s --dst-type ", flags & 2 ? " !" : "");
        type_names(t, linux_xt_u16(x, 2));
    }
    linux_text_add(t, "%s%s", flags & 4 ? " --limit-iface-in" : "",
                   flags & 8 ? " --limit-iface-out" : "");
}

static void span(struct linux_text *t, const struct linux_xt *x, size_t at, const char *option,
                 bool invert)
{
    const uint32_t from = linux_xt_u32(x, at), to = linux_xt_u32(x, at + 4);

    linux_text_add(t, "%s %s %u", invert ? " !" : "", option, from);
    if (from != to)
        linux_text_add(t, "-%u", to);
}

static void owner(struct linux_text *t, const struct linux_xt *x)
{
    const uint8_t has = x->data[16], invert = x->data[17];

    if (has & 4)
        linux_text_add(t, "%s --socket-exists", invert & 4 ? " !" : "");
    if (has & 1)
        span(t, x, 0, "--uid-owner", invert & 1);
    if (has & 2)
        span(t, x, 8, "--gid-owner", invert & 2);
}

static void iprange(struct linux_text *t, const struct linux_xt *x)
{
    for (unsigned i = 0; i < 2; i++)
        if (x->data[64] >> i & 1) {
            linux_text_add(t, "%s --%s-range ", x->data[64] >> (4 + i) & 1 ? " !" : "",
                           i ? "dst" : "src");
            linux_xt_address(t, x, 32u * i);
            linux_text_add(t, "-");
            linux_xt_address(t, x, 32u * i + 16);
        }
}

static void string(struct linux_text *t, const struct linux_xt *x)
{
    const uint8_t len = EG_MIN(x->data[148], 128), flags = x->data[149];
    bool text = true;

    for (uint8_t i = 0; i < len; i++)
        text = text && x->data[20 + i] >= ' ' && x->data[20 + i] < 127 && x->data[20 + i] != '|';
    linux_text_add(t, "%s %s ", flags & 1 ? " !" : "", text ? "--string" : "--hex-string");
    if (text) {
        linux_text_add(t, "\"");
        linux_text_bytes(t, x->data + 20, len);
    } else {
        linux_text_add(t, "\"|");
        for (uint8_t i = 0; i < len; i++)
            linux_text_add(t, "%02x", x->data[20 + i]);
        linux_text_add(t, "|");
    }
    linux_text_add(t, "\" --algo %.16s", (const char *)x->data + 4);
    if (linux_xt_u16(x, 0))
        linux_text_add(t, " --from %u", linux_xt_u16(x, 0));
    if (linux_xt_u16(x, 2) != 0xffff && linux_xt_u16(x, 2))
        linux_text_add(t, " --to %u", linux_xt_u16(x, 2));
    linux_text_add(t, "%s", flags & 2 ? " --icase" : "");
}

static void recent(struct linux_text *t, const struct linux_xt *x)
{
    static const char *const verbs[] = { "--rcheck", "--set", "--update", "--remove" };
    const uint8_t what = x->data[8];

    linux_text_add(t, "%s", x->data[9] ? " !" : "");
    for (unsigned i = 0; i < countof(verbs); i++)
        if (what >> i & 1)
            linux_text_add(t, " %s", verbs[i]);
    if (linux_xt_u32(x, 0))
        linux_text_add(t, " --seconds %u", linux_xt_u32(x, 0));
    if (linux_xt_u32(x, 4))
        linux_text_add(t, " --hitcount %u", linux_xt_u32(x, 4));
    linux_text_add(t, "%s --name %.200s", what & 16 ? " --rttl" : "", (const char *)x->data + 10);
    if (x->revision) {
        linux_text_add(t, " --mask ");
        linux_xt_address(t, x, 212);
    }
    linux_text_add(t, x->data[210] ? " --rdest" : " --rsource");
}

static void comment(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, " --comment ");
    linux_xt_quoted(t, x->data, 256);
}

static void state(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, " --state ");
    state_names(t, states, countof(states), linux_xt_u32(x, 0));
}

static void mac(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, "%s --mac-source ", linux_xt_u32(x, 8) ? " !" : "");
    for (unsigned i = 0; i < 6; i++)
        linux_text_add(t, "%s%02x", i ? ":" : "", x->data[i]);
}

static void length(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, "%s --length %u", x->data[4] ? " !" : "", linux_xt_u16(x, 0));
    if (linux_xt_u16(x, 0) != linux_xt_u16(x, 2))
        linux_text_add(t, ":%u", linux_xt_u16(x, 2));
}

static void ttl(struct linux_text *t, const struct linux_xt *x)
{
    static const char *const modes[] = { "--ttl-eq", "! --ttl-eq", "--ttl-lt", "--ttl-gt" };

    linux_text_add(t, " %s %u", modes[x->data[0] & 3], x->data[1]);
}

static void pkttype(struct linux_text *t, const struct linux_xt *x)
{
    static const char *const types[] = { "unicast", "broadcast", "multicast" };
    const uint32_t type = linux_xt_u32(x, 0);

    linux_text_add(t, "%s --pkt-type ", linux_xt_u32(x, 4) ? " !" : "");
    if (type < countof(types))
        linux_text_add(t, "%s", types[type]);
    else
        linux_text_add(t, "%u", type);
}

static void helper(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, "%s --helper ", linux_xt_u32(x, 0) ? " !" : "");
    linux_xt_quoted(t, x->data + 4, 30);
}

static void statistic(struct linux_text *t, const struct linux_xt *x)
{
    const char *not = linux_xt_u16(x, 2) & 1 ? " !" : "";

    if (linux_xt_u16(x, 0) == 0)
        linux_text_add(t, " --mode random%s --probability %.11f", not,
                       (double)linux_xt_u32(x, 4) / 0x80000000u);
    else
        linux_text_add(t, " --mode nth%s --every %" PRIu64 " --packet %u", not,
                       (uint64_t)linux_xt_u32(x, 4) + 1, linux_xt_u32(x, 8));
}

bool linux_xt_match_options(struct linux_text *t, const struct linux_xt *x)
{
    static const struct {
        const char *name;
        uint16_t size;
        void (*show)(struct linux_text *t, const struct linux_xt *x);
    } known[] = {
        { "tcp", 12, tcp },
        { "udp", 10, udp },
        { "udplite", 10, udp },
        { "icmp", 4, icmp },
        { "icmp6", 4, icmp },
        { "state", 4, state },
        { "conntrack", 154, conntrack },
        { "comment", 1, comment },
        { "limit", 8, limit },
        { "mark", 9, mark },
        { "connmark", 9, mark },
        { "multiport", 32, multiport },
        { "addrtype", 8, addrtype },
        { "mac", 12, mac },
        { "owner", 18, owner },
        { "iprange", 65, iprange },
        { "string", 150, string },
        { "recent", 211, recent },
        { "length", 5, length },
        { "ttl", 2, ttl },
        { "pkttype", 8, pkttype },
        { "helper", 34, helper },
        { "statistic", 12, statistic },
    };

    for (size_t i = 0; i < countof(known); i++)
        if (!strcmp(known[i].name, x->name) && x->size >= known[i].size) {
            known[i].show(t, x);
            return true;
        }
    return false;
}
