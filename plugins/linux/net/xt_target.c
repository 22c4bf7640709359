/* xt_target.c - targets of iptables with their options (extensions/libxt_*.c of iptables). */
#include "../../../core/base.h"
#include "xt.h"

static void reject(struct linux_text *t, const struct linux_xt *x)
{
    static const char *const four[] = {
        "icmp-net-unreachable",
        "icmp-host-unreachable",
        "icmp-proto-unreachable",
        "icmp-port-unreachable",
        "echo-reply",
        "icmp-net-prohibited",
        "icmp-host-prohibited",
        "tcp-reset",
        "icmp-admin-prohibited",
    };
    static const char *const six[] = {
        "icmp6-no-route",
        "icmp6-adm-prohibited",
        "icmp6-not-neighbour",
        "icmp6-addr-unreachable",
        "icmp6-port-unreachable",
        "echo-reply",
        "tcp-reset",
        "icmp6-policy-fail",
        "icmp6-reject-route",
    };
    const uint32_t with = linux_xt_u32(x, 0);

    if (with < countof(four))
        linux_text_add(t, " --reject-with %s", x->family == 10 ? six[with] : four[with]);
    else
        linux_text_add(t, " --reject-with %u", with);
}

static void log_(struct linux_text *t, const struct linux_xt *x)
{
    static const char *const flags[] = {
        "--log-tcp-sequence", "--log-tcp-options", "--log-ip-options", "--log-uid", "",
        "--log-macdecode"
    };

    if (x->data[2]) {
        linux_text_add(t, " --log-prefix ");
        linux_xt_quoted(t, x->data + 2, 30);
    }
    if (x->data[0] != 4)
        linux_text_add(t, " --log-level %u", x->data[0]);
    for (unsigned i = 0; i < countof(flags); i++)
        if (x->data[1] >> i & 1 && *flags[i])
            linux_text_add(t, " %s", flags[i]);
}

/* The range of a translation: struct nf_nat_range{,2} of both families, or of IPv4 the older
 * nf_nat_ipv4_multi_range_compat (include/uapi/linux/netfilter/nf_nat.h). */
struct range {
    uint32_t flags;
    size_t min, max; /**< addresses */
    uint16_t min_port, max_port;
};
enum { MAP_IPS = 1, PORTS = 2, RANDOM = 4, PERSISTENT = 8, FULLY = 16, NETMAP = 64 };

static bool range_of(const struct linux_xt *x, struct range *out)
{
    const bool old = x->family != 10 && (!x->revision);

    if (x->size < (old ? 20u : 40u))
        return false;
    if (old)
        *out =
            (struct range){ linux_xt_u32(x, 4), 8, 12, linux_xt_be16(x, 16), linux_xt_be16(x, 18) };
    else
        *out =
            (struct range){ linux_xt_u32(x, 0), 4, 20, linux_xt_be16(x, 36), linux_xt_be16(x, 38) };
    return true;
}

static bool nat(struct linux_text *t, const struct linux_xt *x)
{
    const bool redirect = !strcmp(x->name, "REDIRECT"), masquerade = !strcmp(x->name, "MASQUERADE");
    const size_t len = x->family == 10 ? 16 : 4;
    struct range r;

    if (!range_of(x, &r))
        return false;
    if (redirect || masquerade) {
        if (r.flags & PORTS) {
            linux_text_add(t, " --to-ports %u", r.min_port);
            if (r.max_port != r.min_port)
                linux_text_add(t, "-%u", r.max_port);
        }
    } else {
        linux_text_add(t, " --%s ", !strcmp(x->name, "SNAT") ? "to-source" : "to-destination");
        if (r.flags & MAP_IPS) {
            const bool brackets = x->family == 10 && r.flags & PORTS;

            linux_text_add(t, "%s", brackets ? "[" : "");
            linux_xt_address(t, x, r.min);
            if (memcmp(x->data + r.min, x->data + r.max, len) != 0) {
                linux_text_add(t, "-");
                linux_xt_address(t, x, r.max);
            }
            linux_text_add(t, "%s", brackets ? "]" : "");
        }
        if (r.flags & PORTS) {
            linux_text_add(t, ":%u", r.min_port);
            if (r.max_port != r.min_port)
                linux_text_add(t, "-%u", r.max_port);
        }
    }
    linux_text_add(t, "%s%s%s", r.flags & RANDOM ? " --random" : "",
                   r.flags & FULLY ? " --random-fully" : "",
                   r.flags & PERSISTENT ? " --persistent" : "");
    return true;
}

static void mark(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, " --set-xmark %#x/%#x", linux_xt_u32(x, 0), linux_xt_u32(x, 4));
}

static void connmark(struct linux_text *t, const struct linux_xt *x)
{
    // Revision 2 has a shift before the mode.
    const uint8_t mode = x->revision >= 2 && x->size >= 15 ? x->data[14] : x->data[12];

    if (mode == 0)
        mark(t, x);
    else
        linux_text_add(t, " --%s-mark --nfmask %#x --ctmask %#x", mode == 1 ? "save" : "restore",
                       linux_xt_u32(x, 8), linux_xt_u32(x, 4));
}

static void classify(struct linux_text *t, const struct linux_xt *x)
{
    linux_text_add(t, " --set-class %04x:%04x", linux_xt_u32(x, 0) >> 16,
                   linux_xt_u32(x, 0) & 0xffff);
}

static void tcpmss(struct linux_text *t, const struct linux_xt *x)
{
    if (linux_xt_u16(x, 0) == 0xffff)
        linux_text_add(t, " --clamp-mss-to-pmtu");
    else
        linux_text_add(t, " --set-mss %u", linux_xt_u16(x, 0));
}

static void nflog(struct linux_text *t, const struct linux_xt *x)
{
    if (x->data[12]) {
        linux_text_add(t, " --nflog-prefix ");
        linux_xt_quoted(t, x->data + 12, 64);
    }
    if (linux_xt_u16(x, 4))
        linux_text_add(t, " --nflog-group %u", linux_xt_u16(x, 4));
    if (linux_xt_u16(x, 8) & 1)
        linux_text_add(t, " --nflog-size %u", linux_xt_u32(x, 0));
    if (linux_xt_u16(x, 6) > 1)
        linux_text_add(t, " --nflog-threshold %u", linux_xt_u16(x, 6));
}

static void nfqueue(struct linux_text *t, const struct linux_xt *x)
{
    const uint16_t n = linux_xt_u16(x, 0), total = x->revision ? linux_xt_u16(x, 2) : 1;

    if (total > 1)
        linux_text_add(t, " --queue-balance %u:%u", n, n + total - 1);
    else
        linux_text_add(t, " --queue-num %u", n);
    if (x->revision >= 2 && linux_xt_u16(x, 4) & 1)
        linux_text_add(t, " --queue-bypass");
}

static void ct(struct linux_text *t, const struct linux_xt *x)
{
    if (linux_xt_u16(x, 0) & LINUX_XT_NOTRACK_ALIAS)
        return;
    if (linux_xt_u16(x, 0) & 1)
        linux_text_add(t, " --notrack");
    if (x->data[12]) {
        linux_text_add(t, " --helper ");
        linux_xt_quoted(t, x->data + 12, 16);
    }
    if (linux_xt_u16(x, 2))
        linux_text_add(t, " --zone %u", linux_xt_u16(x, 2));
}

static void nothing(struct linux_text *t, const struct linux_xt *x)
{
    (void)t;
    (void)x;
}

bool linux_xt_target_options(struct linux_text *t, const struct linux_xt *x)
{
    static const struct {
        const char *name;
        uint16_t size;
        void (*show)(struct linux_text *t, const struct linux_xt *x);
    } known[] = {
        { "REJECT", 4, reject },      { "LOG", 32, log_ },         { "MARK", 8, mark },
        { "CONNMARK", 13, connmark }, { "CLASSIFY", 4, classify }, { "TCPMSS", 2, tcpmss },
        { "NFLOG", 76, nflog },       { "NFQUEUE", 2, nfqueue },   { "CT", 28, ct },
        { "TRACE", 0, nothing },      { "NOTRACK", 0, nothing },
    };

    if (!strcmp(x->name, "DNAT") || !strcmp(x->name, "SNAT") || !strcmp(x->name, "REDIRECT") ||
        !strcmp(x->name, "MASQUERADE"))
        return nat(t, x);
    for (size_t i = 0; i < countof(known); i++)
        if (!strcmp(known[i].name, x->name) && x->size >= known[i].size) {
            known[i].show(t, x);
            return true;
        }
    return false;
}
