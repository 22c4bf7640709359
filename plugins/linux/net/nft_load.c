/* nft_load.c - expressions that load a register: meta, ct, rt, fib, socket, numgen, hash, exthdr
 * (net/netfilter/nft_meta.c and the like; enum nft_*_keys of uapi/linux/netfilter/nf_tables.h). */
#include "nft_own.h"

struct key {
    const char *name;
    uint8_t type, len;
    bool big;
};

/* ORDER enum nft_meta_keys. nft prints interfaces without the word "meta". */
static const struct key metas[] = {
    { "meta length", T_INTEGER, 4, false },
    { "meta protocol", T_ETHERTYPE, 2, true },
    { "meta priority", T_CLASSID, 4, false },
    { "meta mark", T_MARK, 4, false },
    { "iif", T_IFINDEX, 4, false },
    { "oif", T_IFINDEX, 4, false },
    { "iifname", T_IFNAME, 16, false },
    { "oifname", T_IFNAME, 16, false },
    { "meta iiftype", T_ARPHRD, 2, false },
    { "meta oiftype", T_ARPHRD, 2, false },
    { "meta skuid", T_UID, 4, false },
    { "meta skgid", T_GID, 4, false },
    { "meta nftrace", T_INTEGER, 1, false },
    { "meta rtclassid", T_REALM, 4, false },
    { "meta secmark", T_INTEGER, 4, false },
    { "meta nfproto", T_NFPROTO, 1, false },
    { "meta l4proto", T_INET_PROTOCOL, 1, false },
    { "meta ibrname", T_IFNAME, 16, false },
    { "meta obrname", T_IFNAME, 16, false },
    { "meta pkttype", T_PKTTYPE, 1, false },
    { "meta cpu", T_INTEGER, 4, false },
    { "iifgroup", T_DEVGROUP, 4, false },
    { "oifgroup", T_DEVGROUP, 4, false },
    { "meta cgroup", T_INTEGER, 4, false },
    { "meta random", T_INTEGER, 4, false },
    { "meta ipsec", T_BOOLEAN, 1, false },
    { "meta iifkind", T_IFNAME, 16, false },
    { "meta oifkind", T_IFNAME, 16, false },
    { "meta ibrpvid", T_INTEGER, 2, false },
    { "meta ibrvproto", T_ETHERTYPE, 2, true },
    { "meta time", T_TIME_DATE, 8, false },
    { "meta day", T_TIME_DAY, 1, false },
    { "meta hour", T_TIME_HOUR, 4, false },
    { "meta sdif", T_IFINDEX, 4, false },
    { "meta sdifname", T_IFNAME, 16, false },
    { "meta broute", T_INTEGER, 1, false },
    { "meta ibrhwaddr", T_ETHERADDR, 6, true },
};

uint32_t nft_meta_key(struct linux_text *t, uint64_t key, unsigned *len)
{
    if (key >= countof(metas)) {
        linux_text_add(t, "meta %" PRIu64, key);
        *len = 4;
        return T_INVALID;
    }
    linux_text_add(t, "%s", metas[key].name);
    *len = metas[key].len;
    return metas[key].type;
}

/* ORDER enum nft_ct_keys */
static const struct key cts[] = {
    { "state", T_CT_STATE, 4, false },         { "direction", T_CT_DIR, 1, false },
    { "status", T_CT_STATUS, 4, false },       { "mark", T_MARK, 4, false },
    { "secmark", T_INTEGER, 4, false },        { "expiration", T_TIME, 4, false },
    { "helper", T_STRING, 16, false },         { "l3proto", T_NFPROTO, 1, false },
    { "saddr", T_INVALID, 16, true },          { "daddr", T_INVALID, 16, true },
    { "protocol", T_INET_PROTOCOL, 1, false }, { "proto-src", T_INET_SERVICE, 2, true },
    { "proto-dst", T_INET_SERVICE, 2, true },  { "label", T_CT_LABEL, 16, false },
    { "packets", T_INTEGER, 8, false },        { "bytes", T_INTEGER, 8, false },
    { "avgpkt", T_INTEGER, 8, false },         { "zone", T_INTEGER, 2, false },
    { "event", T_CT_EVENTBIT, 4, false },      { "ip saddr", T_IPADDR, 4, true },
    { "ip daddr", T_IPADDR, 4, true },         { "ip6 saddr", T_IP6ADDR, 16, true },
    { "ip6 daddr", T_IP6ADDR, 16, true },      { "id", T_INTEGER, 4, true },
};

uint32_t nft_ct_key(struct linux_text *t, uint64_t key, uint64_t dir, unsigned *len)
{
    const char *way = dir == 0 ? "original " : dir == 1 ? "reply " : "";

    if (key >= countof(cts)) {
        linux_text_add(t, "ct %s%" PRIu64, way, key);
        *len = 4;
        return T_INVALID;
    }
    linux_text_add(t, "ct %s%s", way, cts[key].name);
    *len = cts[key].len;
    return cts[key].type;
}

static void load(struct nft_rule_state *s, uint64_t dreg, unsigned len, uint32_t type, bool big,
                 const char *text)
{
    struct nft_reg *v = nft_set_reg(s, dreg, len);

    if (!v)
        return;
    v->type = type == T_INTEGER && !big ? T_HOST_INTEGER : type;
    v->big = big;
    v->text = text;
}

static void meta(struct nft_rule_state *s, uint64_t priv)
{
    const uint64_t key = nft_get(s->n, priv, NFT_META_KEY);
    const uint64_t dreg = nft_get(s->n, priv, NFT_META_REG);
    struct linux_text t = { .r = s->n->r };
    unsigned len;
    uint32_t type = nft_meta_key(&t, key, &len);

    load(s, dreg, len, type, key < countof(metas) && metas[key].big, linux_text_of(&t));
    if (nft_reg(s, dreg)) {
        nft_reg(s, dreg)->key = (uint8_t)(key + 1);
        nft_reg(s, dreg)->exists = type == T_BOOLEAN;
    }
}

static void ct(struct nft_rule_state *s, uint64_t priv)
{
    const uint64_t key = nft_get(s->n, priv, NFT_CT_KEY);
    struct linux_text t = { .r = s->n->r };
    unsigned len;
    uint32_t type = nft_ct_key(&t, key, nft_get(s->n, priv, NFT_CT_DIR), &len);

    load(s, nft_get(s->n, priv, NFT_CT_REG), len, type, key < countof(cts) && cts[key].big,
         linux_text_of(&t));
}

static void rt(struct nft_rule_state *s, uint64_t priv)
{
    static const struct key keys[] = {
        { "rt classid", T_REALM, 4, false },       { "rt ip nexthop", T_IPADDR, 4, true },
        { "rt ip6 nexthop", T_IP6ADDR, 16, true }, { "rt mtu", T_INTEGER, 2, false },
        { "rt ipsec", T_BOOLEAN, 1, false },
    };
    const uint64_t key = nft_get(s->n, priv, NFT_RT_KEY);
    const struct key *k = &keys[key < countof(keys) ? key : 0];

    load(s, nft_get(s->n, priv, NFT_RT_DREG), k->len, k->type, k->big,
         key < countof(keys) ? k->name : "rt ?");
}

static void fib(struct nft_rule_state *s, uint64_t priv)
{
    static const char *const flags[] = { "saddr", "daddr", "mark", "iif", "oif" };
    static const struct key results[] = {
        { "?", T_INVALID, 4, false },
        { "oif", T_IFINDEX, 4, false },
        { "oifname", T_IFNAME, 16, false },
        { "type", T_FIB_ADDR, 4, false },
    };
    const uint64_t bits = nft_get(s->n, priv, NFT_FIB_FLAGS);
    const uint64_t result = nft_get(s->n, priv, NFT_FIB_RESULT);
    const uint64_t dreg = nft_get(s->n, priv, NFT_FIB_DREG);
    const struct key *k = &results[result < countof(results) ? result : 0];
    struct linux_text t = { .r = s->n->r };
    bool any = false;

    linux_text_add(&t, "fib ");
    for (unsigned i = 0; i < countof(flags); i++)
        if (bits >> i & 1) {
            linux_text_add(&t, "%s%s", any ? " . " : "", flags[i]);
            any = true;
        }
    linux_text_add(&t, " %s", k->name);
    load(s, dreg, k->len, k->type, false, linux_text_of(&t));
    if (bits & 32 && nft_reg(s, dreg)) // NFTA_FIB_F_PRESENT
        nft_reg(s, dreg)->exists = true;
}

static void socket_(struct nft_rule_state *s, uint64_t priv)
{
    const uint64_t key = nft_get(s->n, priv, NFT_SOCK_KEY);
    const uint64_t dreg = nft_get(s->n, priv, NFT_SOCK_DREG);

    switch (key) {
    case 0:
        load(s, dreg, 1, T_INTEGER, false, "socket transparent");
        break;
    case 1:
        load(s, dreg, 4, T_MARK, false, "socket mark");
        break;
    case 2:
        load(s, dreg, 1, T_INTEGER, false, "socket wildcard");
        break;
    case 3:
        load(s, dreg, 8, T_CGROUPV2, false,
             eg_strf(s->n->r, "socket cgroupv2 level %" PRIu64,
                     nft_get(s->n, priv, NFT_SOCK_LEVEL)));
        break;
    default:
        load(s, dreg, 4, T_INVALID, false, "socket ?");
    }
}

static void numgen(struct nft_rule_state *s, const char *variant, uint64_t priv)
{
    const bool random = strstr(variant, "random");
    const uint64_t modulus = nft_get(s->n, priv, random ? NFT_NGR_MOD : NFT_NGI_MOD);
    const uint64_t offset = nft_get(s->n, priv, random ? NFT_NGR_OFFSET : NFT_NGI_OFFSET);
    struct linux_text t = { .r = s->n->r };

    linux_text_add(&t, "numgen %s mod %" PRIu64, random ? "random" : "inc", modulus);
    if (offset)
        linux_text_add(&t, " offset %" PRIu64, offset);
    load(s, nft_get(s->n, priv, random ? NFT_NGR_DREG : NFT_NGI_DREG), 4, T_INTEGER, false,
         linux_text_of(&t));
}

static void hash(struct nft_rule_state *s, const char *variant, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const bool sym = strstr(variant, "sym");
    struct linux_text t = { .r = n->r };
    uint64_t v;

    if (sym)
        linux_text_add(&t, "symhash mod %" PRIu64, nft_get(n, priv, NFT_SH_MOD));
    else
        linux_text_add(&t, "jhash %s mod %" PRIu64,
                       nft_reg_text(s, nft_get(n, priv, NFT_JH_SREG),
                                    (unsigned)nft_get(n, priv, NFT_JH_LEN), T_INVALID),
                       nft_get(n, priv, NFT_JH_MOD));
    if (!sym && !(nft_get(n, priv, NFT_JH_AUTO) & 1) && (v = nft_get(n, priv, NFT_JH_SEED)))
        linux_text_add(&t, " seed 0x%" PRIx64, v);
    if ((v = nft_get(n, priv, sym ? NFT_SH_OFFSET : NFT_JH_OFFSET)))
        linux_text_add(&t, " offset %" PRIu64, v);
    load(s, nft_get(n, priv, sym ? NFT_SH_DREG : NFT_JH_DREG), 4, T_INTEGER, false,
         linux_text_of(&t));
}

/* ---- headers behind the first ones, and options (src/exthdr.c, src/tcpopt.c) ---- */

struct part {
    uint8_t type, offset, len;
    const char *text;
};
static const struct part tcp_options[] = {
    { 2, 1, 1, "maxseg length" },    { 2, 2, 2, "maxseg size" },
    { 3, 1, 1, "window length" },    { 3, 2, 1, "window count" },
    { 4, 1, 1, "sack-perm length" }, { 5, 1, 1, "sack length" },
    { 5, 2, 4, "sack left" },        { 5, 6, 4, "sack right" },
    { 8, 1, 1, "timestamp length" }, { 8, 2, 4, "timestamp tsval" },
    { 8, 6, 4, "timestamp tsecr" },
};
static const struct part ip6_headers[] = {
    { 0, 0, 1, "hbh nexthdr" },    { 0, 1, 1, "hbh hdrlength" }, { 43, 0, 1, "rt nexthdr" },
    { 43, 1, 1, "rt hdrlength" },  { 43, 2, 1, "rt type" },      { 43, 3, 1, "rt seg-left" },
    { 44, 0, 1, "frag nexthdr" },  { 44, 4, 4, "frag id" },      { 60, 0, 1, "dst nexthdr" },
    { 60, 1, 1, "dst hdrlength" }, { 135, 2, 1, "mh type" },
};
static const struct part names[] = {
    // by type alone
    { 0, 1, 0, "eol" },       { 1, 1, 0, "nop" },  { 2, 1, 0, "maxseg" },    { 3, 1, 0, "window" },
    { 4, 1, 0, "sack-perm" }, { 5, 1, 0, "sack" }, { 8, 1, 0, "timestamp" }, { 30, 1, 0, "mptcp" },
    { 0, 0, 0, "hbh" },       { 43, 0, 0, "rt" },  { 44, 0, 0, "frag" },     { 60, 0, 0, "dst" },
    { 135, 0, 0, "mh" },
};

static const char *part_text(struct linux_nft *n, const struct part *list, size_t count,
                             uint64_t priv, bool tcp, bool whole)
{
    const uint64_t type = nft_get(n, priv, NFT_EXT_TYPE), offset = nft_get(n, priv, NFT_EXT_OFF);
    const uint64_t len = nft_get(n, priv, NFT_EXT_LEN);
    const char *name = NULL;

    for (size_t i = 0; !whole && i < count; i++)
        if (list[i].type == type && list[i].offset == offset && list[i].len == len)
            return list[i].text;
    for (size_t i = 0; i < countof(names); i++)
        if (names[i].type == type && names[i].offset == tcp)
            name = names[i].text;
    if (!name)
        name = eg_strf(n->r, "%" PRIu64, type);
    return whole ? name : eg_strf(n->r, "@%s,%" PRIu64 ",%" PRIu64, name, offset * 8, len * 8);
}

const char *nft_tcp_option(struct linux_nft *n, uint64_t priv)
{
    return part_text(n, tcp_options, countof(tcp_options), priv, true,
                     !nft_get(n, priv, NFT_EXT_LEN));
}

static void exthdr(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t op = nft_get(n, priv, NFT_EXT_OP), dreg = nft_get(n, priv, NFT_EXT_DREG);
    const bool exists = nft_get(n, priv, NFT_EXT_FLAGS) & 1; // NFT_EXTHDR_F_PRESENT
    const unsigned len = exists ? 1 : (unsigned)nft_get(n, priv, NFT_EXT_LEN);
    const char *text;

    switch (op) {
    case 0:
        // A header of IPv6, which needs not be said before.
        if (s->dependency[BASE_NH] >= 0 && s->proto[BASE_NH] == P_IP6) {
            s->stmts[s->dependency[BASE_NH]].gone = true;
            s->dependency[BASE_NH] = -1;
        }
        text = eg_strf(n->r, exists ? "exthdr %s" : "%s",
                       part_text(n, ip6_headers, countof(ip6_headers), priv, false, exists));
        break;
    case 1:
        text = eg_strf(n->r, "tcp option %s",
                       part_text(n, tcp_options, countof(tcp_options), priv, true, exists));
        break;
    default:
        text = eg_strf(n->r, "%s %" PRIu64,
                       op == 2   ? "ip option"
                       : op == 3 ? "sctp chunk"
                                 : "dccp option",
                       nft_get(n, priv, NFT_EXT_TYPE));
    }
    load(s, dreg, len, T_INTEGER, true, text);
    if (exists && nft_reg(s, dreg))
        nft_reg(s, dreg)->exists = true;
}

/* ---- constants, byte order ---- */

static void immediate(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t dreg = nft_get(n, priv, NFT_IMM_DREG), len = nft_get(n, priv, NFT_IMM_LEN);
    uint8_t data[16];
    struct nft_reg *v;
    uint64_t chain = 0;

    if (!nft_bytes(n, priv, NFT_IMM_DATA, data, sizeof data)) {
        s->lost = "a constant";
        return;
    }
    if (!dreg) {
        memcpy(&chain, data + 8, 8);
        nft_verdict(n, &s->text, (uint32_t)eg_load_(data, 4, false), chain);
        nft_emit(s);
        return;
    }
    v = nft_set_reg(s, dreg, (unsigned)len);
    if (!v)
        return;
    v->kind = REG_CONST;
    v->len = (uint8_t)EG_MIN(len, sizeof data);
    v->type = T_INTEGER;
    memcpy(v->bytes, data, sizeof data);
}

static void byteorder(struct nft_rule_state *s, uint64_t priv)
{
    const struct nft_reg *v = nft_reg(s, nft_get(s->n, priv, NFT_ORDER_SREG));
    struct nft_reg was, *out;

    if (!v) {
        s->lost = "a change of byte order";
        return;
    }
    was = *v;
    out = nft_set_reg(s, nft_get(s->n, priv, NFT_ORDER_DREG), was.len);
    if (!out)
        return;
    *out = was;
    if (out->kind != REG_PAYLOAD)
        out->big = !was.big;
}

bool nft_expr_load(struct nft_rule_state *s, const char *name, const char *variant, uint64_t priv)
{
    const bool sets = strstr(variant, "set_init") || strstr(variant, "set_zone") ||
                      strstr(variant, "set_ops") || strstr(variant, "strip");

    if (sets)
        return false;
    if (!strcmp(name, "immediate"))
        immediate(s, priv);
    else if (!strcmp(name, "byteorder"))
        byteorder(s, priv);
    else if (!strcmp(name, "meta"))
        meta(s, priv);
    else if (!strcmp(name, "ct"))
        ct(s, priv);
    else if (!strcmp(name, "rt"))
        rt(s, priv);
    else if (!strcmp(name, "fib"))
        fib(s, priv);
    else if (!strcmp(name, "socket"))
        socket_(s, priv);
    else if (!strcmp(name, "numgen"))
        numgen(s, variant, priv);
    else if (!strcmp(name, "hash"))
        hash(s, variant, priv);
    else if (!strcmp(name, "exthdr"))
        exthdr(s, priv);
    else
        return false;
    return true;
}
