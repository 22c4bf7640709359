/* nft_expr.c - what the expressions of a rule compute and compare: registers become the text that
 * was typed, and the matches that nft adds by itself disappear again, as in its list
 * (src/netlink_delinearize.c of nftables; net/netfilter/nft_*.c). */
#include "nft_own.h"

enum { REG_FIRST = 4 }; // a verdict has the first four

struct nft_reg *nft_reg(struct nft_rule_state *s, uint64_t number)
{
    if (number < REG_FIRST || number >= NFT_REGS || s->regs[number].kind == REG_NONE)
        return NULL;
    return &s->regs[number];
}

struct nft_reg *nft_set_reg(struct nft_rule_state *s, uint64_t number, unsigned len)
{
    struct nft_reg *v = number >= REG_FIRST && number < NFT_REGS ? &s->regs[number] : NULL;

    if (!v) {
        s->lost = "a register that there is not";
        return NULL;
    }
    for (uint64_t i = number; i < NFT_REGS && i < number + EG_MAX(1u, (len + 3) / 4); i++)
        s->regs[i].kind = REG_NONE;
    *v = (struct nft_reg){
        .kind = REG_EXPR, .len = (uint8_t)EG_MIN(len, NFT_KEY_MAX), .dependency = -1, .text = "?"
    };
    return v;
}

void nft_emit(struct nft_rule_state *s)
{
    if (s->n_stmts < NFT_STMTS_MAX)
        s->stmts[s->n_stmts++].text = linux_text_of(&s->text);
    else
        s->lost = "statements past the most that are shown";
    s->text = (struct linux_text){ .r = s->n->r };
}

/* ---- fields of packets ---- */

/* What a payload expression's bytes are. */
struct field {
    const struct nft_field *field; /**< NULL: no field that is known */
    const char *text;
    uint32_t type;
    uint8_t shift;
    bool part;      /**< the mask chose a field of bits */
    bool beginning; /**< of an address */
};

static uint8_t proto_of(const struct nft_rule_state *s, const struct nft_reg *v)
{
    if (v->base == BASE_LL)
        return v->offset >= 14 && s->proto[BASE_LL] == P_VLAN ? P_VLAN : P_ETHER;
    return v->base < BASES ? s->proto[v->base] : (uint8_t)P_NONE;
}

/* The bits that a mask selects, where they follow each other: the first one's number from the
 * left, how many. */
static bool mask_bits(const uint8_t *mask, unsigned len, unsigned *first, unsigned *count)
{
    unsigned i = 0, end;

    while (i < len * 8 && !(mask[i / 8] >> (7 - i % 8) & 1))
        i++;
    for (end = i; end < len * 8 && (mask[end / 8] >> (7 - end % 8) & 1);)
        end++;
    for (unsigned k = end; k < len * 8; k++)
        if (mask[k / 8] >> (7 - k % 8) & 1)
            return false;
    *first = i;
    *count = end - i;
    return end > i;
}

static struct field field_of(struct nft_rule_state *s, const struct nft_reg *v, unsigned len,
                             const uint8_t *mask)
{
    static const char *const bases[] = { "ll", "nh", "th", "ih" };
    const unsigned bit = v->offset * 8u;
    struct field f = { .type = T_INTEGER };
    const enum nft_proto p = (enum nft_proto)proto_of(s, v);
    unsigned first, count;

    f.field = nft_field_at(p, bit, len * 8);
    if (!f.field && mask && mask_bits(mask, len, &first, &count)) {
        f.field = nft_field_at(p, bit + first, count);
        if (f.field) {
            f.part = true;
            f.shift = (uint8_t)(len * 8 - first - count);
        }
    }
    if (!f.field && !mask && (f.field = nft_field_around(p, bit, len * 8)))
        f.beginning = true;
    if (!f.field && v->base == BASE_TH && p == P_NONE)
        f.field = nft_field_at(P_TH, bit, len * 8);
    if (f.field) {
        f.type = f.field->type;
        f.text = f.field->name;
    } else {
        f.type = T_INVALID;
        f.text =
            eg_strf(s->n->r, "@%s,%u,%u", v->base < BASES ? bases[v->base] : "?", bit, len * 8);
    }
    return f;
}

/* A field of a protocol says which: the match that chose the protocol is implied. */
static void imply(struct nft_rule_state *s, const struct nft_reg *v, const struct field *f)
{
    const enum nft_proto p = f->field ? (enum nft_proto)f->field->proto : P_NONE;

    if (!f->field || p == P_TH || v->base >= BASES)
        return;
    if (s->dependency[v->base] >= 0) {
        s->stmts[s->dependency[v->base]].gone = true;
        s->dependency[v->base] = -1;
    }
    // icmp is of IPv4 only, icmpv6 of IPv6.
    if (v->base == BASE_TH && s->dependency[BASE_NH] >= 0 &&
        ((p == P_ICMP && s->proto[BASE_NH] == P_IP) ||
         (p == P_ICMP6 && s->proto[BASE_NH] == P_IP6))) {
        s->stmts[s->dependency[BASE_NH]].gone = true;
        s->dependency[BASE_NH] = -1;
    }
}

/* ---- registers as text ---- */

/* (value & mask) ^ xor as &, ^ and |: what was or-ed is cleared by the mask first. */
static const char *masked_text(struct nft_rule_state *s, const struct nft_reg *v, const char *of,
                               uint32_t type, unsigned len)
{
    struct linux_text t = { .r = s->n->r };
    uint8_t m[NFT_KEY_MAX], x[NFT_KEY_MAX], o[NFT_KEY_MAX];
    bool full = true, has_x = false, has_o = false;

    len = EG_MIN(len, NFT_KEY_MAX);
    for (unsigned i = 0; i < len; i++) {
        o[i] = v->xor [i] & (uint8_t)~v->mask[i];
        x[i] = v->xor [i] & v -> mask[i];
        m[i] = v->mask[i] | o[i];
        full = full && m[i] == 0xff;
        has_x = has_x || x[i];
        has_o = has_o || o[i];
    }
    linux_text_add(&t, "%s", of);
    if (!full) {
        linux_text_add(&t, " & ");
        nft_value(s->n, &t, type, m, len, v->big);
    }
    if (has_x) {
        linux_text_add(&t, " ^ ");
        nft_value(s->n, &t, type, x, len, v->big);
    }
    if (has_o) {
        linux_text_add(&t, " | ");
        nft_value(s->n, &t, type, o, len, v->big);
    }
    return linux_text_of(&t);
}

static const char *one_text(struct nft_rule_state *s, const struct nft_reg *v, uint32_t type)
{
    struct linux_text t = { .r = s->n->r };
    struct field f;

    switch (v->kind) {
    case REG_CONST:
        if (type == T_INVALID)
            type = v->type;
        nft_value(s->n, &t, type, v->bytes,
                  nft_type_size(type) && nft_type_size(type) < v->len ? nft_type_size(type)
                                                                      : v->len,
                  v->big);
        return linux_text_of(&t);
    case REG_PAYLOAD:
        f = field_of(s, v, v->len, v->masked ? v->mask : NULL);
        imply(s, v, &f);
        return v->masked && !f.part ? masked_text(s, v, f.text, f.type, v->len) : f.text;
    case REG_EXPR:
        return v->masked ? masked_text(s, v, v->text, v->type, v->len) : v->text;
    case REG_NONE:
        break;
    }
    return "?";
}

const char *nft_reg_text(struct nft_rule_state *s, uint64_t number, unsigned len, uint32_t type)
{
    struct linux_text t = { .r = s->n->r };
    const struct nft_reg *v;
    unsigned done = 0;

    while (done < EG_MAX(len, 1u)) {
        v = nft_reg(s, number);
        if (!v) {
            s->lost = "a register that nothing was loaded into";
            linux_text_add(&t, "%s[register %" PRIu64 "]", done ? " . " : "", number);
            break;
        }
        linux_text_add(&t, "%s%s", done ? " . " : "", one_text(s, v, done ? T_INVALID : type));
        done += EG_MAX(4u, (v->len + 3u) & ~3u);
        number += EG_MAX(1u, (v->len + 3u) / 4);
    }
    return linux_text_of(&t);
}

/* ---- comparisons ---- */

enum { EQ, NEQ, LT, LTE, GT, GTE }; // enum nft_cmp_ops

/* A comparison that says which protocol the next header has. */
static void learn(struct nft_rule_state *s, const struct nft_reg *v, const struct nft_field *f,
                  const uint8_t *data, unsigned len)
{
    const uint16_t be = len >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
    const int here = (int)s->n_stmts;
    enum { PROTOCOL = 1, IIFTYPE = 8, NFPROTO = 15, L4PROTO = 16 };

    if (v->masked || s->n_stmts == NFT_STMTS_MAX) // it will not be among the statements
        return;
    if ((v->key == NFPROTO + 1 && len) || v->key == PROTOCOL + 1 ||
        (f && f->type == T_ETHERTYPE && f->proto != P_ARP)) {
        const enum nft_proto p = v->key == NFPROTO + 1 ? (data[0] == 2    ? P_IP
                                                          : data[0] == 10 ? P_IP6
                                                                          : P_NONE)
                                                       : nft_proto_by_ethertype(be);
        const unsigned base = p == P_VLAN ? BASE_LL : BASE_NH;

        s->proto[base] = (uint8_t)p;
        s->dependency[base] = here;
    } else if ((v->key == L4PROTO + 1 || (f && f->type == T_INET_PROTOCOL)) && len) {
        s->proto[BASE_TH] = (uint8_t)nft_proto_by_number(data[0]);
        // Of families with several protocols nft prints what a header says, which was asked for.
        s->dependency[BASE_TH] =
            s->proto[BASE_TH] && (!f || s->family == 2 || s->family == 10) ? here : -1;
    } else if (v->key == IIFTYPE + 1 && len >= 2 && data[0] == 1 && !data[1]) {
        s->proto[BASE_LL] = P_ETHER;
        s->dependency[BASE_LL] = here;
    }
}

static void shifted(uint8_t *out, const uint8_t *data, unsigned len, unsigned shift)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < len && i < 8; i++)
        v = v << 8 | data[i];
    v >>= shift;
    for (unsigned i = EG_MIN(len, 8u); i-- > 0; v >>= 8)
        out[i] = (uint8_t)v;
}

static void compare_one(struct nft_rule_state *s, const struct nft_reg *v, const uint8_t *data,
                        unsigned len, unsigned op)
{
    static const char *const ops[] = { "", "!= ", "< ", "<= ", "> ", ">= " };
    struct field f = { .type = v->type, .text = v->text };
    uint8_t value[NFT_KEY_MAX] = { 0 };
    const bool zero = eg_all_zero(data, len);
    const bool plain = !v->masked || eg_all_zero(v->xor, len);
    const char *lhs;
    unsigned bits;

    if (v->kind == REG_PAYLOAD) {
        f = field_of(s, v, len, v->masked ? v->mask : NULL);
        imply(s, v, &f);
    }
    lhs = f.text;
    memcpy(value, data, len);
    if (op == EQ)
        learn(s, v, f.beginning ? NULL : f.field, data, len);
    if (f.part) {
        shifted(value, data, len, f.shift);
    } else if (v->masked && nft_type_is_bits(f.type) && plain && zero && (op == EQ || op == NEQ)) {
        linux_text_add(&s->text, "%s %s", lhs, op == EQ ? "! " : "");
        nft_value(s->n, &s->text, f.type, v->mask, len, v->big);
        return;
    } else if (v->masked && f.type == T_TCP_FLAG && plain && op <= NEQ) {
        linux_text_add(&s->text, "%s %s", lhs, ops[op]);
        nft_value(s->n, &s->text, f.type, data, len, v->big);
        linux_text_add(&s->text, " / ");
        nft_value(s->n, &s->text, f.type, v->mask, len, v->big);
        return;
    } else if (v->masked && plain && (f.type == T_IPADDR || f.type == T_IP6ADDR) && op <= NEQ &&
               nft_prefix(v->mask, len, &bits)) {
        linux_text_add(&s->text, "%s %s", lhs, ops[op]);
        nft_value(s->n, &s->text, f.type, data, len, v->big);
        linux_text_add(&s->text, "/%u", bits);
        return;
    } else if (v->masked) {
        linux_text_add(&s->text, "%s %s", masked_text(s, v, lhs, f.type, len),
                       op == EQ ? "== " : ops[op < countof(ops) ? op : 0]);
        nft_value(s->n, &s->text, f.type, data, len, v->big);
        return;
    }
    linux_text_add(&s->text, "%s %s", lhs,
                   op == EQ && nft_type_is_bits(f.type) ? "== " : ops[op < countof(ops) ? op : 0]);
    if (v->exists) {
        linux_text_add(&s->text, "%s", zero ? "missing" : "exists");
    } else if (f.beginning) {
        nft_value(s->n, &s->text, f.type, value, nft_type_size(f.type), true);
        linux_text_add(&s->text, "/%u", len * 8);
    } else {
        nft_value(s->n, &s->text, f.type, value, len, v->big || v->kind == REG_PAYLOAD);
    }
}

/* A value of several registers: "ip saddr . tcp dport 192.0.2.1 . 22". */
static void compare_several(struct nft_rule_state *s, uint64_t number, const uint8_t *data,
                            unsigned len, unsigned op)
{
    const char *lhs = nft_reg_text(s, number, len, T_INVALID);
    unsigned at = 0;

    linux_text_add(&s->text, "%s%s ", lhs, op == NEQ ? " !=" : "");
    while (at < len) {
        const struct nft_reg *v = nft_reg(s, number);
        unsigned size = v ? EG_MIN(v->len, len - at) : len - at;
        uint32_t type = v ? v->type : T_INVALID;

        if (v && v->kind == REG_PAYLOAD)
            type = field_of(s, v, v->len, NULL).type;
        linux_text_add(&s->text, "%s", at ? " . " : "");
        nft_value(s->n, &s->text, type, data + at, size, true);
        at += EG_MAX(4u, (size + 3) & ~3u);
        number += EG_MAX(1u, (size + 3) / 4);
    }
}

static void compare(struct nft_rule_state *s, uint64_t number, const uint8_t *data, unsigned len,
                    unsigned op)
{
    const struct nft_reg *v = nft_reg(s, number);
    const int before = s->open_stmt;

    s->open_stmt = -1;
    if (!v) {
        s->lost = "a register that nothing was loaded into";
        linux_text_add(&s->text, "[register %" PRIu64 "] %s", number, op == NEQ ? "!= " : "");
        nft_value(s->n, &s->text, T_INVALID, data, len, true);
    } else if (op == LTE && before >= 0 && before == (int)s->n_stmts - 1 && s->open_reg == number &&
               s->open_value.len == len) {
        struct field f = { .type = v->type, .text = v->text };

        if (v->kind == REG_PAYLOAD)
            f = field_of(s, v, len, NULL);
        s->n_stmts--;
        linux_text_add(&s->text, "%s ",
                       v->masked ? masked_text(s, v, f.text, f.type, len) : f.text);
        nft_range(s->n, &s->text, f.type, s->open_value.bytes, data, len,
                  v->big || v->kind == REG_PAYLOAD);
    } else if (len > ((v->len + 3u) & ~3u)) {
        compare_several(s, number, data, len, op);
    } else {
        compare_one(s, v, data, len, op);
        if (op == GTE) {
            s->open_stmt = (int)s->n_stmts;
            s->open_reg = (uint8_t)number;
            s->open_value = (struct nft_reg){ .len = (uint8_t)len };
            memcpy(s->open_value.bytes, data, len);
        }
    }
    nft_emit(s);
}

static void cmp(struct nft_rule_state *s, const char *variant, uint64_t priv)
{
    struct linux_nft *n = s->n;
    uint8_t data[16];
    const bool fast = strstr(variant, "cmp_fast"), wide = strstr(variant, "cmp16");
    uint64_t len = nft_get(n, priv, fast ? NFT_FAST_LEN : wide ? NFT_CMP16_LEN : NFT_CMP_LEN);
    uint64_t op = fast   ? nft_get(n, priv, NFT_FAST_INV)
                  : wide ? nft_get(n, priv, NFT_CMP16_INV)
                         : nft_get(n, priv, NFT_CMP_OP);

    // The fast kind has the length in bits (net/netfilter/nft_cmp.c).
    if (fast)
        len /= 8;
    if (!len || len > sizeof data ||
        !nft_bytes(n, priv,
                   fast   ? NFT_FAST_DATA
                   : wide ? NFT_CMP16_DATA
                          : NFT_CMP_DATA,
                   data, sizeof data)) {
        s->lost = "a comparison";
        return;
    }
    compare(s,
            nft_get(n, priv,
                    fast   ? NFT_FAST_SREG
                    : wide ? NFT_CMP16_SREG
                           : NFT_CMP_SREG),
            data, (unsigned)len, (unsigned)op);
}

uint32_t nft_place_type(struct nft_rule_state *s, const struct nft_reg *place, unsigned len)
{
    return field_of(s, place, len, NULL).type;
}

const char *nft_place_text(struct nft_rule_state *s, const struct nft_reg *place, unsigned len,
                           const uint8_t *value)
{
    struct field f = field_of(s, place, len, place->masked ? place->mask : NULL);
    struct linux_text t = { .r = s->n->r };
    uint8_t bytes[NFT_KEY_MAX] = { 0 };

    imply(s, place, &f);
    if (!value)
        return f.text;
    memcpy(bytes, value, len);
    if (f.part)
        shifted(bytes, value, len, f.shift);
    linux_text_add(&t, "%s set ", f.text);
    nft_value(s->n, &t, f.type, bytes, len, true);
    return linux_text_of(&t);
}

static void range(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t number = nft_get(n, priv, NFT_RANGE_SREG);
    const unsigned len = (unsigned)nft_get(n, priv, NFT_RANGE_LEN);
    const struct nft_reg *v = nft_reg(s, number);
    struct field f = { .type = T_INVALID, .text = "[register]" };
    uint8_t from[16], to[16];

    if (!len || len > sizeof from || !nft_bytes(n, priv, NFT_RANGE_FROM, from, sizeof from) ||
        !nft_bytes(n, priv, NFT_RANGE_TO, to, sizeof to)) {
        s->lost = "a range";
        return;
    }
    if (v && v->kind == REG_PAYLOAD) {
        f = field_of(s, v, len, NULL);
        imply(s, v, &f);
    } else if (v) {
        f.type = v->type;
        f.text = v->text;
    }
    linux_text_add(&s->text, "%s %s", f.text, nft_get(n, priv, NFT_RANGE_OP) ? "!= " : "");
    nft_range(n, &s->text, f.type, from, to, len, true);
    nft_emit(s);
}

/* ---- what changes registers ---- */

static void bitwise(struct nft_rule_state *s, const char *variant, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const bool fast = strstr(variant, "fast");
    const uint64_t from = nft_get(n, priv, fast ? NFT_BITF_SREG : NFT_BIT_SREG);
    const uint64_t to = nft_get(n, priv, fast ? NFT_BITF_DREG : NFT_BIT_DREG);
    const uint64_t op = fast ? 0 : nft_get(n, priv, NFT_BIT_OP);
    const uint64_t len = fast ? 4 : nft_get(n, priv, NFT_BIT_LEN);
    const struct nft_reg *v = nft_reg(s, from);
    static const char *const names[] = { "", "<<", ">>", "&", "|", "^" };
    struct nft_reg was, *out;
    uint8_t data[16];

    if (!v || !len || len > sizeof data || op >= countof(names)) {
        s->lost = "a bitwise expression";
        return;
    }
    was = *v;
    if (op) {
        uint64_t shift;

        nft_bytes(n, priv, NFT_BIT_DATA, data, sizeof data);
        shift = eg_load_(data, 4, false);
        out = nft_set_reg(s, to, was.len);
        if (!out)
            return;
        out->type = was.type;
        out->big = was.big;
        if (op <= 2)
            out->text =
                eg_strf(n->r, "%s %s %" PRIu64, one_text(s, &was, T_INVALID), names[op], shift);
        else
            out->text =
                eg_strf(n->r, "%s %s %s", one_text(s, &was, T_INVALID), names[op],
                        nft_reg_text(s, nft_get(n, priv, NFT_BIT_SREG2), (unsigned)len, was.type));
        return;
    }
    out = nft_set_reg(s, to, was.len);
    if (!out)
        return;
    *out = was;
    out->masked = true;
    nft_bytes(n, priv, fast ? NFT_BITF_MASK : NFT_BIT_MASK, out->mask, 16);
    nft_bytes(n, priv, fast ? NFT_BITF_XOR : NFT_BIT_XOR, out->xor, 16);
    if (fast) // one word for all
        for (unsigned i = 4; i < NFT_KEY_MAX; i++)
            out->mask[i] = out->xor [i] = 0;
}

static void payload(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t len = nft_get(n, priv, NFT_PAYLOAD_LEN);
    struct nft_reg *v = nft_set_reg(s, nft_get(n, priv, NFT_PAYLOAD_DREG), (unsigned)len);

    if (!v || len > NFT_KEY_MAX) {
        s->lost = "a payload expression";
        return;
    }
    v->kind = REG_PAYLOAD;
    v->base = (uint8_t)nft_get(n, priv, NFT_PAYLOAD_BASE);
    v->offset = (uint16_t)nft_get(n, priv, NFT_PAYLOAD_OFFSET);
    v->big = true;
}

static void lookup(struct nft_rule_state *s, uint64_t priv)
{
    struct linux_nft *n = s->n;
    const uint64_t set = nft_get(n, priv, NFT_LOOKUP_SET);
    const uint64_t sreg = nft_get(n, priv, NFT_LOOKUP_SREG),
                   dreg = nft_get(n, priv, NFT_LOOKUP_DREG);
    const bool map = nft_get(n, set, NFT_SET_FLAGS) & SET_MAP;
    const uint32_t dtype = (uint32_t)nft_get(n, set, NFT_SET_DTYPE);
    const unsigned klen = (unsigned)nft_get(n, set, NFT_SET_KLEN);
    const char *lhs = nft_reg_text(s, sreg, klen, T_INVALID), *ref = nft_set_ref(n, set);
    struct nft_reg *v;

    if (map && dreg) {
        v = nft_set_reg(s, dreg, (unsigned)nft_get(n, set, NFT_SET_DLEN));
        if (!v)
            return;
        v->type = dtype & 63;
        v->text = eg_strf(n->r, "%s map %s", lhs, ref);
        return;
    }
    linux_text_add(&s->text, "%s %s%s", lhs,
                   map                                ? "vmap "
                   : nft_get(n, priv, NFT_LOOKUP_INV) ? "!= "
                                                      : "",
                   ref);
    nft_emit(s);
}

bool nft_expr_value(struct nft_rule_state *s, const char *name, uint64_t ops, uint64_t priv)
{
    const char *variant = nft_variant(s->n, ops);

    if (!strcmp(name, "cmp"))
        cmp(s, variant, priv);
    else if (!strcmp(name, "range"))
        range(s, priv);
    else if (!strcmp(name, "bitwise"))
        bitwise(s, variant, priv);
    else if (!strcmp(name, "payload") && !strstr(variant, "set"))
        payload(s, priv);
    else if (!strcmp(name, "lookup"))
        lookup(s, priv);
    else
        return nft_expr_load(s, name, variant, priv);
    return true;
}
