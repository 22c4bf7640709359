/* nft_chain.c - chains: where packets come to them, and with which priority
 * (include/uapi/linux/netfilter.h, netfilter_ipv4.h; std_prios of nftables' src/rule.c). */
#include "nft_own.h"
#include "xt.h"
#include <stdlib.h>

EG_FIELD_AS(hook_pf, nf_hook_ops, "pf");
EG_FIELD_AS(hook_hooknum, nf_hook_ops, "hooknum");
EG_FIELD_AS(hook_priority, nf_hook_ops, "priority");
EG_FIELD_AS(hook_dev_name, net_device, "name");
EG_FIELD_AS(hook_dev, nf_hook_ops, "dev");
EG_TYPE(nf_hook_ops);

enum { INET = 1, IPV4 = 2, ARP = 3, NETDEV = 5, BRIDGE = 7, IPV6 = 10, DEVICES_MAX = 256 };

const char *linux_nf_family(uint8_t family)
{
    switch (family) {
    case 0:
        return "unspec";
    case INET:
        return "inet";
    case IPV4:
        return "ip";
    case ARP:
        return "arp";
    case NETDEV:
        return "netdev";
    case BRIDGE:
        return "bridge";
    case IPV6:
        return "ip6";
    case 12:
        return "decnet";
    default:
        return "unknown";
    }
}

const char *linux_nf_hook(uint8_t family, uint32_t hook)
{
    static const char *const inet[] = { "prerouting", "input",       "forward",
                                        "output",     "postrouting", "ingress" };
    static const char *const arp[] = { "input", "output", "forward" };
    static const char *const dev[] = { "ingress", "egress" };

    switch (family) {
    case INET:
    case IPV4:
    case IPV6:
    case BRIDGE:
        return hook < countof(inet) ? inet[hook] : NULL;
    case ARP:
        return hook < countof(arp) ? arp[hook] : NULL;
    case NETDEV:
        return hook < countof(dev) ? dev[hook] : NULL;
    default:
        return NULL;
    }
}

static const char *priority_text(struct eg_run *r, uint8_t family, const char *hook,
                                 int32_t priority)
{
    static const struct {
        const char *name;
        int32_t value;
        const char *hook; /**< only there; NULL: everywhere */
        bool bridge;
    } names[] = {
        { "raw", -300, NULL, false },
        { "mangle", -150, NULL, false },
        { "dstnat", -100, "prerouting", false },
        { "filter", 0, NULL, false },
        { "security", 50, NULL, false },
        { "srcnat", 100, "postrouting", false },
        { "dstnat", -300, "prerouting", true },
        { "filter", -200, NULL, true },
        { "out", 100, "output", true },
        { "srcnat", 300, "postrouting", true },
    };

    for (size_t i = 0; i < countof(names); i++) {
        const int64_t off = (int64_t)priority - names[i].value;

        if (names[i].bridge != (family == BRIDGE) || off < -10 || off > 10 ||
            (names[i].hook && (!hook || strcmp(hook, names[i].hook) != 0)) ||
            ((family == NETDEV || family == ARP) && names[i].value != 0))
            continue;
        return off ? eg_strf(r, "%s %c %d", names[i].name, off < 0 ? '-' : '+',
                             (int)(off < 0 ? -off : off))
                   : names[i].name;
    }
    return eg_strf(r, "%d", priority);
}

static const char *device_name(struct linux_nft *n, uint64_t ops)
{
    struct eg_obj name = eg_at(eg_object(n->r, nf_hook_ops, ops), hook_dev, hook_dev_name);

    return name.why ? NULL : eg_string(n->r, name, 16);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The devices of a chain or flow table, "device "a"" or "devices = { a, b }". */
static const char *devices(struct linux_nft *n, uint64_t head, const char *one, size_t *count)
{
    struct linux_nft_walk w = { 0 };
    struct linux_text t = { .r = n->r };
    const char **names = eg_tmp(n->r, DEVICES_MAX * sizeof *names);
    uint64_t hook;

    *count = 0;
    while (*count < DEVICES_MAX && nft_next(n, &w, head, NFT_HOOK_LIST, &hook)) {
        const char *name =
            nft_has(n, NFT_HOOK_IFNAME)
                ? eg_cstr(n->r, eg_kernel(n->r), nft_at(n, hook, NFT_HOOK_IFNAME), 16)
                : device_name(n, nft_at(n, hook, NFT_HOOK_OPS));

        names[(*count)++] = name ? name : "?";
    }
    if (!*count)
        return NULL;
    qsort(names, *count, sizeof *names, by_text); // as nft does
    for (size_t i = 0; i < *count; i++)
        linux_text_add(&t, "%s%s", i ? ", " : "", names[i]);
    return *count == 1 && one ? eg_strf(n->r, "%s \"%s\"", one, names[0])
                              : eg_strf(n->r, "devices = { %s }", linux_text_of(&t));
}

static void base_chain(struct linux_nft *n, uint8_t family, struct linux_nft_chain *c)
{
    const uint64_t base = c->at - n->slots[NFT_BASE_CHAIN].off;
    struct eg_obj ops = eg_object(n->r, nf_hook_ops, nft_at(n, base, NFT_BASE_OPS));
    size_t count;
    uint32_t hook = UINT32_MAX;
    uint64_t policy;

    c->base = true;
    c->type = nft_string(n, nft_get(n, base, NFT_BASE_TYPE), NFT_CHAIN_TYPE_NAME);
    if (nft_num(n, base, NFT_BASE_POLICY, &policy))
        c->policy = policy & 0xff ? "accept" : "drop";
    if (eg_get(&hook, ops, hook_hooknum))
        c->hook = linux_nf_hook(family, hook);
    if (eg_get(&c->priority_number, ops, hook_priority))
        c->priority = priority_text(n->r, family, c->hook, c->priority_number);
    if (family == NETDEV || (family == INET && hook == 5))
        c->devices = devices(n, nft_at(n, base, NFT_BASE_HOOKS), "device", &count);
}

bool linux_nft_next_chain(struct linux_nft *n, struct linux_nft_walk *w,
                          const struct linux_nft_table *table, struct linux_nft_chain *out)
{
    uint64_t at;

    while (nft_next(n, w, nft_at(n, table->at, NFT_TABLE_CHAINS), NFT_CHAIN_LIST, &at)) {
        const char *name = nft_string(n, at, NFT_CHAIN_NAME);

        if (!nft_active(n, at, NFT_CHAIN_GENMASK))
            continue;
        *out = (struct linux_nft_chain){
            .at = at,
            .name = name ? name : "?",
            .handle = nft_get(n, at, NFT_CHAIN_HANDLE),
            .comment = nft_comment(n, at, NFT_CHAIN_UDLEN, NFT_CHAIN_UDATA),
        };
        if (nft_get(n, at, NFT_CHAIN_FLAGS) & 1) // NFT_CHAIN_BASE
            base_chain(n, table->family, out);
        return true;
    }
    return false;
}

const char *linux_nft_chain_text(struct linux_nft *n, uint64_t chain)
{
    const uint64_t table = nft_get(n, chain, NFT_CHAIN_TABLE);
    const char *name = nft_string(n, chain, NFT_CHAIN_NAME);
    const char *of = nft_string(n, table, NFT_TABLE_NAME);

    return name && of
               ? eg_strf(n->r, "table %s %s chain %s",
                         linux_nf_family((uint8_t)nft_get(n, table, NFT_TABLE_FAMILY)), of, name)
               : NULL;
}

/* ---- named objects and flow tables ---- */

const char *nft_object_kind(uint32_t type)
{
    static const char *const kinds[] = { "unspec",  "counter",        "quota",   "ct helper",
                                         "limit",   "ct count",       "tunnel",  "ct timeout",
                                         "secmark", "ct expectation", "synproxy" };

    return type < countof(kinds) ? kinds[type] : "object";
}

static const char *protocol(uint64_t l4)
{
    return l4 == 6 ? "tcp" : l4 == 17 ? "udp" : l4 == 136 ? "udplite" : l4 == 132 ? "sctp" : "?";
}

static void helper_lines(struct linux_nft *n, uint64_t data, const char **lines)
{
    uint64_t four = nft_get(n, data, NFT_HELPER_4), six = nft_get(n, data, NFT_HELPER_6);
    const uint64_t at = four ? four : six;
    uint64_t name = linux_nf_helper_name(n->r, at);

    lines[0] = eg_strf(n->r, "type \"%s\" protocol %s",
                       name ? eg_cstr(n->r, eg_kernel(n->r), name, 16) : "?",
                       protocol(nft_get(n, data, NFT_HELPER_L4)));
    lines[1] = eg_strf(n->r, "l3proto %s", four && six ? "inet" : six ? "ip6" : "ip");
}

static void expect_lines(struct linux_nft *n, uint64_t data, const char **lines)
{
    struct linux_text t = { .r = n->r };
    const uint64_t port = nft_get(n, data, NFT_EXPECT_PORT);
    const uint64_t l3 = nft_get(n, data, NFT_EXPECT_L3);

    nft_duration(&t, nft_get(n, data, NFT_EXPECT_TIMEOUT));
    lines[0] = eg_strf(n->r, "protocol %s", protocol(nft_get(n, data, NFT_EXPECT_L4)));
    lines[1] = eg_strf(n->r, "dport %u", (unsigned)(port >> 8 | (port & 0xff) << 8));
    lines[2] = eg_strf(n->r, "timeout %s", linux_text_of(&t));
    lines[3] = eg_strf(n->r, "size %" PRIu64, nft_get(n, data, NFT_EXPECT_SIZE));
    lines[4] = eg_strf(n->r, "l3proto %s", linux_nf_family((uint8_t)l3));
}

/* What a connection may be silent in each state, in jiffies: nft shows what is not its own default
 * (enum tcp_conntrack, udp_conntrack: include/linux/netfilter/nf_conntrack_common.h, _tcp.h). */
static void timeout_lines(struct linux_nft *n, uint64_t data, const char **lines)
{
    static const struct state {
        uint8_t l4, index;
        uint16_t days, seconds; /* by default */
        const char *name;
    } states[] = {
        { 6, 1, 0, 120, "syn_sent" },  { 6, 2, 0, 60, "syn_recv" },   { 6, 3, 5, 0, "established" },
        { 6, 4, 0, 120, "fin_wait" },  { 6, 5, 0, 60, "close_wait" }, { 6, 6, 0, 30, "last_ack" },
        { 6, 7, 0, 120, "time_wait" }, { 6, 8, 0, 10, "close" },      { 6, 9, 0, 120, "syn_sent2" },
        { 6, 12, 0, 300, "retrans" },  { 6, 13, 0, 300, "unack" },    { 17, 0, 0, 30, "unreplied" },
        { 17, 1, 0, 120, "replied" },
    };
    const uint64_t at = nft_get(n, data, NFT_CTT_TIMEOUT), l4 = nft_get(n, data, NFT_CTT_L4);
    const bool big = eg_binding_of(n->r)->model.big_endian;
    struct linux_text t = { .r = n->r };

    lines[0] = eg_strf(n->r, "protocol %s", protocol(l4));
    lines[1] =
        eg_strf(n->r, "l3proto %s", linux_nf_family((uint8_t)nft_get(n, at, NFT_TIMEOUT_L3)));
    for (size_t i = 0; at && n->jiffy && i < countof(states); i++) {
        const struct state *s = &states[i];
        const uint64_t usual = (s->days * 86400u + s->seconds) * UINT64_C(1000);
        uint8_t bytes[4];
        uint64_t ms;

        if (s->l4 != l4)
            continue;
        if (!nft_read(n, nft_at(n, at, NFT_TIMEOUT_DATA) + 4u * s->index, bytes, sizeof bytes)) {
            linux_text_add(&t, "%s%s : ?", t.n ? ", " : "", s->name);
            continue;
        }
        ms = eg_load_(bytes, sizeof bytes, big) * (uint64_t)n->jiffy / 1000000;
        if (ms == usual)
            continue;
        linux_text_add(&t, "%s%s : ", t.n ? ", " : "", s->name);
        nft_duration(&t, ms);
    }
    if (t.n)
        lines[2] = eg_strf(n->r, "policy = { %s }", linux_text_of(&t));
}

bool linux_nft_next_object(struct linux_nft *n, struct linux_nft_walk *w,
                           const struct linux_nft_table *table, struct linux_nft_object *out)
{
    static const char *const stateful[] = { "", "counter", "quota", "", "limit", "connlimit" };
    uint64_t at;

    while (nft_next(n, w, nft_at(n, table->at, NFT_TABLE_OBJECTS), NFT_OBJ_LIST, &at)) {
        const uint64_t ops = nft_get(n, at, NFT_OBJ_OPS), data = nft_at(n, at, NFT_OBJ_DATA);
        const uint32_t type =
            (uint32_t)nft_get(n, nft_get(n, ops, NFT_OBJOPS_TYPE), NFT_OBJTYPE_TYPE);
        const char *name = nft_string(n, at, NFT_OBJ_NAME), **lines, *comment;
        struct linux_text t = { .r = n->r };
        size_t used = 0;

        if (!nft_active(n, at, NFT_OBJ_GENMASK))
            continue;
        lines = eg_tmp(n->r, 8 * sizeof *lines);
        comment = nft_comment(n, at, NFT_OBJ_UDLEN, NFT_OBJ_UDATA);
        if (comment)
            lines[used++] = eg_strf(n->r, "comment \"%s\"", comment);
        if (type < countof(stateful) && *stateful[type] &&
            nft_expr_stateful(n, &t, stateful[type], nft_object_variant(n, ops), data))
            lines[used++] = linux_text_of(&t);
        else if (type == 3)
            helper_lines(n, data, lines + used);
        else if (type == 7)
            timeout_lines(n, data, lines + used);
        else if (type == 9)
            expect_lines(n, data, lines + used);
        *out = (struct linux_nft_object){ .at = at,
                                          .name = name ? name : "?",
                                          .handle = nft_get(n, at, NFT_OBJ_HANDLE),
                                          .kind = nft_object_kind(type),
                                          .lines = lines };
        return true;
    }
    return false;
}

bool linux_nft_next_flowtable(struct linux_nft *n, struct linux_nft_walk *w,
                              const struct linux_nft_table *table, struct linux_nft_object *out)
{
    uint64_t at;

    while (nft_next(n, w, nft_at(n, table->at, NFT_TABLE_FLOWTABLES), NFT_FT_LIST, &at)) {
        const char *name = nft_string(n, at, NFT_FT_NAME), **lines;
        size_t count;

        if (!nft_active(n, at, NFT_FT_GENMASK))
            continue;
        lines = eg_tmp(n->r, 4 * sizeof *lines);
        lines[0] = nft_has(n, NFT_FT_PRIORITY)
                       ? eg_strf(n->r, "hook ingress priority %s",
                                 priority_text(n->r, NETDEV, "ingress",
                                               (int32_t)nft_get(n, at, NFT_FT_PRIORITY)))
                       : "hook ingress";
        lines[1] = devices(n, nft_at(n, at, NFT_FT_HOOKS), NULL, &count);
        *out = (struct linux_nft_object){ .at = at,
                                          .name = name ? name : "?",
                                          .handle = nft_get(n, at, NFT_FT_HANDLE),
                                          .kind = "flowtable",
                                          .lines = lines };
        return true;
    }
    return false;
}
