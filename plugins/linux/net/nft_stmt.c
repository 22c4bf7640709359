/* nft_stmt.c - what a rule does: verdicts, counters, limits, logs, nat, reject and the like
 * (net/netfilter/nft_*.c; the words of src/statement.c of nftables). */
#include "../kernel/percpu.h"
#include "nft_own.h"

EG_TYPE(list_head);

void nft_verdict(struct linux_nft *n, struct linux_text *t, uint32_t code, uint64_t chain)
{
    const char *name;

    switch ((int32_t)code) {
    case 0:
        linux_text_add(t, "drop");
        return;
    case 1:
        linux_text_add(t, "accept");
        return;
    case 3:
        linux_text_add(t, "queue");
        return;
    case -1:
        linux_text_add(t, "continue");
        return;
    case -2:
        linux_text_add(t, "break");
        return;
    case -5:
        linux_text_add(t, "return");
        return;
    case -3:
    case -4:
        name = nft_string(n, chain, NFT_CHAIN_NAME);
        linux_text_add(t, "%s %s", (int32_t)code == -3 ? "jump" : "goto", name ? name : "?");
        return;
    default:
        // A verdict of netfilter with data in its upper half: a queue, or an error to return.
        if ((code & 0xff) == 3)
            linux_text_add(t, "queue to %u", code >> 16);
        else if ((code & 0xff) == 0)
            linux_text_add(t, "drop");
        else
            linux_text_add(t, "verdict %#x", code);
    }
}

/* ---- with a state ---- */

static void counter(struct linux_nft *n, struct linux_text *t, uint64_t priv)
{
    uint64_t packets = 0, bytes = 0, at, v;
    struct eg_obj each;
    bool any = false;

    if (nft_num(n, priv, NFT_COUNTER_AT, &at) && at)
        linux_each_percpu(n->r, eg_object(n->r, list_head, at),
                          each) if (!each.why && nft_num(n, each.addr, NFT_COUNTER_PACKETS, &v))
        {
            packets += v;
            bytes += nft_get(n, each.addr, NFT_COUNTER_BYTES);
            any = true;
        }
    if (any)
        linux_text_add(t, "packets %" PRIu64 " bytes %" PRIu64, packets, bytes);
    else
        linux_text_add(t, "packets ? bytes ?");
}

static void rate(struct linux_text *t, uint64_t value)
{
    static const char *const units[] = { "bytes", "kbytes", "mbytes", "gbytes" };
    unsigned i = 0;

    for (; value && value % 1024 == 0 && i + 1 < countof(units); i++)
        value /= 1024;
    linux_text_add(t, "%" PRIu64 " %s", value, units[i]);
}

static void limit(struct linux_nft *n, struct linux_text *t, const char *variant, uint64_t priv)
{
    const uint64_t per = nft_get(n, priv, NFT_LIMIT_NSECS) / 1000000000;
    const uint64_t value = nft_get(n, priv, NFT_LIMIT_RATE);
    const uint64_t burst = nft_get(n, priv, NFT_LIMIT_BURST);
    const char *unit = per == 1        ? "second"
                       : per == 60     ? "minute"
                       : per == 3600   ? "hour"
                       : per == 86400  ? "day"
                       : per == 604800 ? "week"
                                       : NULL;

    linux_text_add(t, "rate %s", nft_get(n, priv, NFT_LIMIT_INV) & 1 ? "over " : "");
    if (strstr(variant, "bytes"))
        rate(t, value);
    else
        linux_text_add(t, "%" PRIu64, value);
    if (unit)
        linux_text_add(t, "/%s", unit);
    else
        linux_text_add(t, "/%" PRIu64 "s", per);
    if (strstr(variant, "bytes") && burst) {
        linux_text_add(t, " burst ");
        rate(t, burst);
    } else if (burst) {
        linux_text_add(t, " burst %" PRIu64 " packets", burst);
    }
}

static void quota(struct linux_nft *n, struct linux_text *t, uint64_t priv)
{
    uint64_t used = nft_get(n, priv, NFT_QUOTA_CONSUMED);

    // A pointer since 5.18.
    if (n->slots[NFT_QUOTA_CONSUMED].kind == EG_K_PTR && used && !nft_pointer(n, used, &used)) {
        linux_text_add(t, "?");
        return;
    }
    linux_text_add(t, "%s", nft_get(n, priv, NFT_QUOTA_FLAGS) & 1 ? "over " : "");
    rate(t, nft_get(n, priv, NFT_QUOTA_QUOTA));
    if (used) {
        linux_text_add(t, " used ");
        rate(t, used);
    }
}

static void last(struct linux_nft *n, struct linux_text *t, uint64_t priv)
{
    const uint64_t at = nft_get(n, priv, NFT_LAST_LAST);
    const uint64_t when = nft_get(n, at, NFT_LAST_JIFFIES);

    linux_text_add(t, "used ");
    if (!nft_get(n, at, NFT_LAST_SET) || !n->jiffies || n->jiffies < when)
        linux_text_add(t, "never");
    else
        nft_duration(t, (n->jiffies - when) * (uint64_t)n->jiffy / 1000000);
}

bool nft_expr_stateful(struct linux_nft *n, struct linux_text *t, const char *name,
                       const char *variant, uint64_t priv)
{
    if (!strcmp(name, "counter")) {
        counter(n, t, priv);
    } else if (!strcmp(name, "limit")) {
        limit(n, t, variant, priv);
    } else if (!strcmp(name, "quota")) {
        quota(n, t, priv);
    } else if (!strcmp(name, "last")) {
        last(n, t, priv);
    } else if (!strcmp(name, "connlimit")) {
        if (nft_has(n, NFT_CONN_LIMIT))
            linux_text_add(t, "%s%" PRIu64, nft_get(n, priv, NFT_CONN_INV) ? "over " : "",
                           nft_get(n, priv, NFT_CONN_LIMIT));
        else
            linux_text_add(t, "?");
    } else {
        return false;
    }
    return true;
}

/* ---- without ---- */

static void log_(struct nft_rule_state *s, uint64_t priv)
{
    static const char *const levels[] = { "emerg",  "alert", "crit",  "err",  "warn",
                                          "notice", "info",  "debug", "audit" };
    static const struct {
        uint8_t bits;
        const char *name;
    } flags[] = { { 1, "tcp sequence" },
                  { 2, "tcp options" },
                  { 4, "ip options" },
                  { 8, "skuid" },
                  { 0x20, "ether" } };
    struct linux_nft *n = s->n;
    struct linux_text *t = &s->text;
    const char *prefix = nft_string(n, priv, NFT_LOG_PREFIX);
    uint8_t u[12];

    linux_text_add(t, "log");
    if (prefix && *prefix)
        linux_text_add(t, " prefix \"%s\"", prefix);
    if (!nft_bytes(n, priv, NFT_LOG_U, u, sizeof u)) {
        s->lost = "a log statement";
        return;
    }
    if (nft_get(n, priv, NFT_LOG_TYPE) == 1) { // NF_LOG_TYPE_ULOG
        linux_text_add(t, " group %u", (unsigned)eg_load_(u + 4, 2, false));
        if (eg_load_(u, 4, false))
            linux_text_add(t, " snaplen %u", (unsigned)eg_load_(u, 4, false));
        if (eg_load_(u + 6, 2, false) > 1)
            linux_text_add(t, " queue-threshold %u", (unsigned)eg_load_(u + 6, 2, false));
        return;
    }
    if (u[0] != 4)
        linux_text_add(t, " level %s", u[0] < countof(levels) ? levels[u[0]] : "?");
    if ((u[1] & 0x2f) == 0x2f) {
        linux_text_add(t, " flags all");
        return;
    }
    if ((u[1] & 3) == 3)
        linux_text_add(t, " flags tcp sequence,options");
    for (size_t i = 0; i < countof(flags); i++)
        if (u[1] & flags[i].bits && !(flags[i].bits & 3 && (u[1] & 3) == 3))
            linux_text_add(t, " flags %s", flags[i].name);
}

static void reject(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t type = nft_get(n, priv, NFT_REJECT_TYPE);
    const uint8_t code = (uint8_t)nft_get(n, priv, NFT_REJECT_CODE);
    const bool six = s->family == 10 || s->proto[BASE_NH] == P_IP6;

    linux_text_add(&s->text, "reject");
    if (type == 1) {
        linux_text_add(&s->text, " with tcp reset");
    } else if (type == 2 && code != 1) {
        linux_text_add(&s->text, " with icmpx ");
        nft_value(n, &s->text, T_ICMPX_CODE, &code, 1, true);
    } else if (type == 0 && (code != (six ? 4 : 3) || s->family == 1)) {
        linux_text_add(&s->text, six ? " with icmpv6 " : " with icmp ");
        nft_value(n, &s->text, six ? T_ICMPV6_CODE : T_ICMP_CODE, &code, 1, true);
    } else if (type > 2) {
        s->lost = "a reject statement";
    }
}

static void nat_flags(struct linux_text *t, uint64_t flags)
{
    const char *gap = " ";

    if (flags & 4) {
        linux_text_add(t, "%srandom", gap);
        gap = ",";
    }
    if (flags & 16) {
        linux_text_add(t, "%sfully-random", gap);
        gap = ",";
    }
    if (flags & 8)
        linux_text_add(t, "%spersistent", gap);
}

/* An address and a port, each of which may be a range. */
static void where(struct nft_rule_state *s, uint32_t type, uint64_t addr, uint64_t addr_max,
                  uint64_t port, uint64_t port_max)
{
    struct linux_text *t = &s->text;
    const struct nft_reg *v = nft_reg(s, addr);
    const bool brackets = v && v->kind == REG_CONST && type == T_IP6ADDR && nft_reg(s, port);

    if (v) {
        linux_text_add(t, "%s%s", brackets ? "[" : "", nft_reg_text(s, addr, 1, type));
        if (nft_reg(s, addr_max) && addr_max != addr)
            linux_text_add(t, "-%s", nft_reg_text(s, addr_max, 1, type));
        linux_text_add(t, "%s", brackets ? "]" : "");
    }
    // A port that has no register of its own comes with the address, from a map of both.
    if (nft_reg(s, port)) {
        linux_text_add(t, ":%s", nft_reg_text(s, port, 1, T_INET_SERVICE));
        if (nft_reg(s, port_max) && port_max != port)
            linux_text_add(t, "-%s", nft_reg_text(s, port_max, 1, T_INET_SERVICE));
    }
}

static void nat(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t family = nft_get(n, priv, NFT_NAT_FAMILY),
                   flags = nft_get(n, priv, NFT_NAT_FLAGS);
    const uint64_t addr = nft_get(n, priv, NFT_NAT_ADDR_MIN);

    linux_text_add(&s->text, "%s%s%s to ", nft_get(n, priv, NFT_NAT_TYPE) ? "dnat" : "snat",
                   s->family == 1 && addr ? family == 10 ? " ip6" : " ip" : "",
                   flags & 64 ? " prefix" : "");
    where(s, family == 10 ? T_IP6ADDR : T_IPADDR, addr, nft_get(n, priv, NFT_NAT_ADDR_MAX),
          nft_get(n, priv, NFT_NAT_PROTO_MIN), nft_get(n, priv, NFT_NAT_PROTO_MAX));
    nat_flags(&s->text, flags);
}

static void to_port(struct nft_rule_state *s, const char *what, uint64_t min, uint64_t max,
                    uint64_t flags)
{
    linux_text_add(&s->text, "%s", what);
    if (nft_reg(s, min)) {
        linux_text_add(&s->text, " to ");
        where(s, T_IPADDR, 0, 0, min, max);
    }
    nat_flags(&s->text, flags);
}

static void queue(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t flags = nft_get(n, priv, NFT_QUEUE_FLAGS),
                   sreg = nft_get(n, priv, NFT_QUEUE_SREG);
    const uint64_t num = nft_get(n, priv, NFT_QUEUE_NUM), total = nft_get(n, priv, NFT_QUEUE_TOTAL);

    linux_text_add(&s->text, "queue");
    if (flags & 3)
        linux_text_add(&s->text, " flags %s%s%s", flags & 1 ? "bypass" : "",
                       (flags & 3) == 3 ? "," : "", flags & 2 ? "fanout" : "");
    if (sreg)
        linux_text_add(&s->text, " to %s", nft_reg_text(s, sreg, 1, T_INTEGER));
    else if (total > 1)
        linux_text_add(&s->text, " to %" PRIu64 "-%" PRIu64, num, num + total - 1);
    else
        linux_text_add(&s->text, " to %" PRIu64, num);
}

static void payload_set(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t sreg = nft_get(n, priv, NFT_PAYSET_SREG);
    const unsigned len = (unsigned)nft_get(n, priv, NFT_PAYSET_LEN);
    struct nft_reg *v = nft_reg(s, sreg), place;
    const char *what;

    place = (struct nft_reg){ .kind = REG_PAYLOAD,
                              .len = (uint8_t)len,
                              .base = (uint8_t)nft_get(n, priv, NFT_PAYSET_BASE),
                              .offset = (uint16_t)nft_get(n, priv, NFT_PAYSET_OFFSET),
                              .big = true };
    if (!len || len > 16) {
        s->lost = "a payload statement";
        return;
    }
    if (v && v->kind == REG_PAYLOAD && v->masked && v->base == place.base &&
        v->offset == place.offset) { // a part of a word: the rest of it is kept
        place.masked = true;
        for (unsigned i = 0; i < len; i++)
            place.mask[i] = (uint8_t)~v->mask[i];
        what = nft_place_text(s, &place, len, v->xor);
        linux_text_add(&s->text, "%s", what);
        return;
    }
    what = nft_place_text(s, &place, len, NULL);
    linux_text_add(&s->text, "%s set %s", what,
                   nft_reg_text(s, sreg, len, nft_place_type(s, &place, len)));
}

static void set_key(struct nft_rule_state *s, const char *name, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const bool meta = !strcmp(name, "meta");
    unsigned len;
    uint32_t type = meta ? nft_meta_key(&s->text, nft_get(n, priv, NFT_META_KEY), &len)
                         : nft_ct_key(&s->text, nft_get(n, priv, NFT_CT_KEY),
                                      nft_get(n, priv, NFT_CT_DIR), &len);

    linux_text_add(&s->text, " set %s",
                   nft_reg_text(s, nft_get(n, priv, meta ? NFT_META_REG : NFT_CT_REG), 1, type));
}

static void object(struct nft_rule_state *s, uint64_t at, const char *ref)
{
    struct linux_nft *n = s->n;
    const uint64_t type =
        nft_get(n, nft_get(n, nft_get(n, at, NFT_OBJ_OPS), NFT_OBJOPS_TYPE), NFT_OBJTYPE_TYPE);
    const char *kind = nft_object_kind((uint32_t)type);
    const bool set = !strncmp(kind, "ct ", 3);
    const char *name = ref ? ref : nft_string(n, at, NFT_OBJ_NAME);

    if (!strcmp(kind, "secmark"))
        kind = "meta secmark";
    linux_text_add(&s->text, ref ? "%s %s %s" : "%s %s \"%s\"", kind,
                   set || !strcmp(kind, "meta secmark") ? "set" : "name", name ? name : "?");
}

static void objref(struct nft_rule_state *s, const char *variant, uint64_t priv)
{
    struct linux_nft *n = s->n;
    uint64_t at = 0, set;
    const char *ref, *kind;

    if (!strstr(variant, "map")) {
        if (nft_pointer(n, priv, &at) && at)
            object(s, at, NULL);
        else
            s->lost = "a reference to an object";
        return;
    }
    set = nft_get(n, priv, NFT_OBJMAP_SET);
    kind = nft_object_kind((uint32_t)nft_get(n, set, NFT_SET_OBJTYPE));
    ref = nft_set_ref(n, set);
    linux_text_add(&s->text, "%s %s %s map %s", kind, !strncmp(kind, "ct ", 3) ? "set" : "name",
                   nft_reg_text(s, nft_get(n, priv, NFT_OBJMAP_SREG),
                                (unsigned)nft_get(n, set, NFT_SET_KLEN), T_INVALID),
                   ref);
}

/* Its members moved while a template of it grew (5.10.136): what is no register tells. */
static void dynset_layout(struct linux_nft *n, uint64_t priv)
{
    const uint64_t key = nft_get(n, priv, NFT_DYN_KEY);

    if (!n->old || (key >= 4 && key < NFT_REGS))
        return;
    n->slots[NFT_DYN_OP].off = 0x14;
    n->slots[NFT_DYN_KEY].off = 0x15;
    n->slots[NFT_DYN_VALUE].off = 0x16;
    n->slots[NFT_DYN_INV].off = 0x17;
    n->slots[NFT_DYN_TIMEOUT].off = 0x18;
    n->slots[NFT_DYN_EXPRS].off = 0x20;
}

static void dynset(struct nft_rule_state *s, uint64_t priv)
{
    static const char *const ops[] = { "add", "update", "delete" };
    struct linux_nft *n = s->n;
    const uint64_t set = nft_get(n, priv, NFT_DYN_SET);
    uint64_t op, timeout, count, value, each, ops_at;

    dynset_layout(n, priv);
    op = nft_get(n, priv, NFT_DYN_OP);
    timeout = nft_get(n, priv, NFT_DYN_TIMEOUT);
    value = nft_get(n, priv, NFT_DYN_VALUE);
    linux_text_add(&s->text, "%s %s { %s", op < countof(ops) ? ops[op] : "?", nft_set_ref(n, set),
                   nft_reg_text(s, nft_get(n, priv, NFT_DYN_KEY),
                                (unsigned)nft_get(n, set, NFT_SET_KLEN), T_INVALID));
    if (timeout) {
        linux_text_add(&s->text, " timeout ");
        nft_duration(&s->text, n->jiffy ? timeout * (uint64_t)n->jiffy / 1000000 : timeout);
    }
    count = nft_has(n, NFT_DYN_NEXPRS) ? nft_get(n, priv, NFT_DYN_NEXPRS) : 1;
    for (uint64_t i = 0; i < EG_MIN(count, 2u); i++) {
        const char *name;

        if (!nft_pointer(n, nft_at(n, priv, NFT_DYN_EXPRS) + 8 * i, &each) || !each)
            continue;
        name = nft_expr_name(n, each, &ops_at, NULL);
        if (!name)
            continue;
        linux_text_add(&s->text, " %s ", !strcmp(name, "connlimit") ? "ct count" : name);
        nft_expr_stateful(n, &s->text, name, nft_variant(n, ops_at),
                          nft_at(n, each, NFT_EXPR_DATA));
    }
    if (value)
        linux_text_add(&s->text, " : %s",
                       nft_reg_text(s, value, (unsigned)nft_get(n, set, NFT_SET_DLEN),
                                    (uint32_t)nft_get(n, set, NFT_SET_DTYPE) & 63));
    linux_text_add(&s->text, " }");
}

static void device(struct nft_rule_state *s, const char *before, uint64_t number)
{
    if (nft_reg(s, number))
        linux_text_add(&s->text, "%s%s", before, nft_reg_text(s, number, 1, T_IFINDEX));
}

bool nft_expr_statement(struct nft_rule_state *s, const char *name, uint64_t ops, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const char *variant = nft_variant(n, ops);
    uint8_t info[4];

    if (!strcmp(name, "counter") || !strcmp(name, "limit") || !strcmp(name, "quota") ||
        !strcmp(name, "last") || !strcmp(name, "connlimit")) {
        linux_text_add(&s->text, "%s ", !strcmp(name, "connlimit") ? "ct count" : name);
        nft_expr_stateful(n, &s->text, name, variant, priv);
    } else if (!strcmp(name, "log")) {
        log_(s, priv);
    } else if (!strcmp(name, "reject")) {
        reject(s, priv);
    } else if (!strcmp(name, "nat")) {
        nat(s, priv);
    } else if (!strcmp(name, "masq")) {
        to_port(s, "masquerade", nft_get(n, priv, NFT_MASQ_MIN), nft_get(n, priv, NFT_MASQ_MAX),
                nft_get(n, priv, NFT_MASQ_FLAGS));
    } else if (!strcmp(name, "redir")) {
        to_port(s, "redirect", nft_get(n, priv, NFT_REDIR_MIN), nft_get(n, priv, NFT_REDIR_MAX),
                nft_get(n, priv, NFT_REDIR_FLAGS));
    } else if (!strcmp(name, "queue")) {
        queue(s, priv);
    } else if (!strcmp(name, "payload")) {
        payload_set(s, priv);
    } else if (!strcmp(name, "meta") || !strcmp(name, "ct")) {
        set_key(s, name, priv);
    } else if (!strcmp(name, "objref")) {
        objref(s, variant, priv);
    } else if (!strcmp(name, "dynset")) {
        dynset(s, priv);
    } else if (!strcmp(name, "notrack")) {
        linux_text_add(&s->text, "notrack");
    } else if (!strcmp(name, "tproxy")) {
        linux_text_add(&s->text, "tproxy %sto ",
                       s->family != 1                              ? ""
                       : nft_get(n, priv, NFT_TPROXY_FAMILY) == 10 ? "ip6 "
                                                                   : "ip ");
        where(s, nft_get(n, priv, NFT_TPROXY_FAMILY) == 10 ? T_IP6ADDR : T_IPADDR,
              nft_get(n, priv, NFT_TPROXY_ADDR), 0, nft_get(n, priv, NFT_TPROXY_PORT), 0);
    } else if (!strcmp(name, "exthdr")) {
        const bool strip = strstr(variant, "strip");

        linux_text_add(&s->text, "%stcp option %s", strip ? "reset " : "", nft_tcp_option(n, priv));
        if (!strip)
            linux_text_add(&s->text, " set %s",
                           nft_reg_text(s, nft_get(n, priv, NFT_EXT_SREG), 1, T_INTEGER));
    } else if (!strcmp(name, "dup") || !strcmp(name, "fwd")) {
        uint8_t regs[2] = { 0 };

        // ip: address, device; netdev: the device alone, or for fwd with an address behind it
        nft_read(n, priv, regs, sizeof regs);
        linux_text_add(&s->text, "%s to ", name);
        if (s->family == 5 || s->family == 7) {
            device(s, "", regs[0]);
        } else {
            linux_text_add(&s->text, "%s",
                           nft_reg_text(s, regs[0], 1, s->family == 10 ? T_IP6ADDR : T_IPADDR));
            device(s, " device ", regs[1]);
        }
    } else if (!strcmp(name, "flow_offload")) {
        const char *ft = nft_string(n, nft_get(n, priv, NFT_FLOW_TABLE), NFT_FT_NAME);

        linux_text_add(&s->text, "flow add @%s", ft ? ft : "?");
    } else if (!strcmp(name, "synproxy") && nft_bytes(n, priv, NFT_SYN_INFO, info, sizeof info)) {
        linux_text_add(&s->text, "synproxy");
        if (info[0] & 1)
            linux_text_add(&s->text, " mss %u", (unsigned)eg_load_(info + 2, 2, false));
        if (info[0] & 2)
            linux_text_add(&s->text, " wscale %u", info[1]);
        linux_text_add(&s->text, "%s%s", info[0] & 8 ? " timestamp" : "",
                       info[0] & 4 ? " sack-perm" : "");
    } else {
        return false;
    }
    nft_emit(s);
    return true;
}
