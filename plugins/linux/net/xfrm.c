/* xfrm.c - IPsec's states, as `ip xfrm state` has them. */
#include "xfrm.h"
#include "../../../core/base.h"
#include "../text.h"
#include "ip.h"
#include "sock.h"
#include <string.h>

EG_FIELDS(xfrm_state, aalg, aead, calg, data, ealg, encap, if_id, lft, mark, replay_esn, sel);
EG_FIELD_AS(xfrm_destination, xfrm_state, "id.daddr");
EG_FIELD_AS(xfrm_spi, xfrm_state, "id.spi");
EG_FIELD_AS(xfrm_proto, xfrm_state, "id.proto");
EG_FIELD_AS(xfrm_source, xfrm_state, "props.saddr");
EG_FIELD_AS(xfrm_family, xfrm_state, "props.family");
EG_FIELD_AS(xfrm_mode, xfrm_state, "props.mode");
EG_FIELD_AS(xfrm_reqid, xfrm_state, "props.reqid");
EG_FIELD_AS(xfrm_window, xfrm_state, "props.replay_window");
EG_FIELD_AS(xfrm_flags, xfrm_state, "props.flags");
EG_FIELD_AS(xfrm_more_flags, xfrm_state, "props.extra_flags");
EG_FIELD_AS(xfrm_life, xfrm_state, "km.state");
EG_FIELD_AS(xfrm_mark_value, xfrm_state, "mark.v");
EG_FIELD_AS(xfrm_mark_mask, xfrm_state, "mark.m");
EG_FIELDS(xfrm_replay_state_esn, replay_window);
EG_FIELDS(xfrm_algo, alg_key, alg_key_len, alg_name);
EG_FIELDS(xfrm_algo_auth, alg_key, alg_key_len, alg_name, alg_trunc_len);
EG_FIELDS(xfrm_algo_aead, alg_icv_len, alg_key, alg_key_len, alg_name);
EG_FIELDS(xfrm_encap_tmpl, encap_dport, encap_sport, encap_type);
EG_FIELDS(xfrm_selector, daddr, dport, dport_mask, family, ifindex, prefixlen_d, prefixlen_s, proto,
          saddr, sport, sport_mask);
EG_FIELDS(xfrm_lifetime_cfg, hard_add_expires_seconds, hard_byte_limit, hard_packet_limit,
          hard_use_expires_seconds, soft_add_expires_seconds, soft_byte_limit, soft_packet_limit,
          soft_use_expires_seconds);

enum { DEAD = 5, ALG_NAME = 64 }; // XFRM_STATE_DEAD; of alg_name

/* Names get into a line of a shell. */
static bool is_plain(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "(),-_.";

    return s && *s && !s[strspn(s, plain)];
}

static const char *address(struct eg_run *r, struct eg_obj o, unsigned family)
{
    uint8_t ip[16];
    const size_t len = family == LINUX_AF_INET6 ? 16 : 4;

    return !o.why && eg_read(o.view, o.space, o.addr, ip, len) ? linux_ip_text(r, ip, len) : NULL;
}

static void read_alg(struct eg_run *r, struct linux_xfrm *x, int what, struct eg_obj pointer,
                     struct eg_obj name, struct eg_obj len, struct eg_obj key, uint32_t icv)
{
    struct linux_xfrm_alg *a = &x->alg[x->n];
    uint64_t at = 0, bits = 0;

    if (!eg_value(pointer, &at) || !at)
        return;
    a->what = what;
    a->name = eg_string(r, name, ALG_NAME);
    a->icv = icv;
    if (!is_plain(a->name) || !eg_value(len, &bits) || bits % 8 || bits > 8 * LINUX_XFRM_KEY ||
        key.why || !eg_read(key.view, key.space, key.addr, a->key, (size_t)bits / 8)) {
        eg_note(r, "an algorithm of the IPsec state 0x%08x at %#llx cannot be read", x->spi,
                (unsigned long long)x->state.addr);
        return;
    }
    a->at = key.addr;
    a->len = (uint32_t)bits / 8;
    x->n++;
}

bool linux_xfrm_read(struct eg_run *r, struct eg_obj state, struct linux_xfrm *x)
{
    struct eg_obj aead = eg_at(state, xfrm_state.aead), enc = eg_at(state, xfrm_state.ealg),
                  auth = eg_at(state, xfrm_state.aalg);
    uint32_t life, icv = 0;

    *x = (struct linux_xfrm){ .state = state };
    if (!eg_get(&life, state, xfrm_life) || life == DEAD ||
        !eg_get(&x->family, state, xfrm_family) ||
        (x->family != LINUX_AF_INET && x->family != LINUX_AF_INET6) ||
        !eg_get(&x->proto, state, xfrm_proto) || !linux_be(eg_at(state, xfrm_spi), &x->spi))
        return false;
    x->source = address(r, eg_at(state, xfrm_source), x->family);
    x->destination = address(r, eg_at(state, xfrm_destination), x->family);
    if (!x->source || !x->destination)
        return false;
    eg_get(&x->data, state, xfrm_state.data);
    eg_get(&icv, aead, xfrm_algo_aead.alg_icv_len);
    read_alg(r, x, LINUX_XFRM_AEAD, aead, eg_at(aead, xfrm_algo_aead.alg_name),
             eg_at(aead, xfrm_algo_aead.alg_key_len), eg_at(aead, xfrm_algo_aead.alg_key), icv);
    read_alg(r, x, LINUX_XFRM_ENC, enc, eg_at(enc, xfrm_algo.alg_name),
             eg_at(enc, xfrm_algo.alg_key_len), eg_at(enc, xfrm_algo.alg_key), 0);
    icv = 0;
    eg_get(&icv, auth, xfrm_algo_auth.alg_trunc_len);
    read_alg(r, x, LINUX_XFRM_AUTH, auth, eg_at(auth, xfrm_algo_auth.alg_name),
             eg_at(auth, xfrm_algo_auth.alg_key_len), eg_at(auth, xfrm_algo_auth.alg_key), icv);
    return true;
}

/* ---- as a command ---- */

static void add_selector(struct linux_text *t, struct eg_obj net, struct eg_obj sel)
{
    const struct eg_obj ends[] = { eg_at(sel, xfrm_selector.saddr),
                                   eg_at(sel, xfrm_selector.daddr) };
    uint32_t family = 0, bits[2] = { 0 }, proto = 0, masks[2] = { 0 }, ports[2] = { 0 };
    int64_t device = 0;
    const char *name;

    eg_get(&family, sel, xfrm_selector.family);
    eg_get(&bits[0], sel, xfrm_selector.prefixlen_s);
    eg_get(&bits[1], sel, xfrm_selector.prefixlen_d);
    eg_get(&proto, sel, xfrm_selector.proto);
    eg_get(&masks[0], sel, xfrm_selector.sport_mask);
    eg_get(&masks[1], sel, xfrm_selector.dport_mask);
    linux_be(eg_at(sel, xfrm_selector.sport), &ports[0]);
    linux_be(eg_at(sel, xfrm_selector.dport), &ports[1]);
    eg_get(&device, sel, xfrm_selector.ifindex);
    if ((family != LINUX_AF_INET && family != LINUX_AF_INET6) ||
        (!bits[0] && !bits[1] && !proto && !device))
        return;
    linux_text_add(t, " sel");
    for (int i = 0; i < 2; i++) {
        const char *ip = address(t->r, ends[i], family);

        if (ip)
            linux_text_add(t, " %s %s/%u", i ? "dst" : "src", ip, bits[i]);
    }
    if (proto)
        linux_text_add(t, " proto %u", proto);
    for (int i = 0; i < 2; i++)
        if (masks[i])
            linux_text_add(t, " %s %u", i ? "dport" : "sport", ports[i]);
    name = device ? linux_ifname(t->r, net, device) : NULL;
    if (is_plain(name))
        linux_text_add(t, " dev %s", name);
}

static void add_limits(struct linux_text *t, struct eg_obj lft)
{
    const struct {
        const char *name;
        struct eg_obj at;
    } all[] = {
        { "time-soft", eg_at(lft, xfrm_lifetime_cfg.soft_add_expires_seconds) },
        { "time-hard", eg_at(lft, xfrm_lifetime_cfg.hard_add_expires_seconds) },
        { "time-use-soft", eg_at(lft, xfrm_lifetime_cfg.soft_use_expires_seconds) },
        { "time-use-hard", eg_at(lft, xfrm_lifetime_cfg.hard_use_expires_seconds) },
        { "byte-soft", eg_at(lft, xfrm_lifetime_cfg.soft_byte_limit) },
        { "byte-hard", eg_at(lft, xfrm_lifetime_cfg.hard_byte_limit) },
        { "packet-soft", eg_at(lft, xfrm_lifetime_cfg.soft_packet_limit) },
        { "packet-hard", eg_at(lft, xfrm_lifetime_cfg.hard_packet_limit) },
    };
    uint64_t value;

    for (size_t i = 0; i < countof(all); i++)
        if (eg_value(all[i].at, &value) && value && value != UINT64_MAX) // XFRM_INF
            linux_text_add(t, " limit %s %llu", all[i].name, (unsigned long long)value);
}

static void add_names(struct linux_text *t, const char *word, uint64_t bits,
                      const char *const *names, size_t n)
{
    bool first = true;

    for (size_t i = 0; i < n; i++)
        if (bits >> i & 1) {
            linux_text_add(t, "%s%s", first ? word : " ", names[i]);
            first = false;
        }
}

static void add_settings(struct linux_text *t, struct eg_obj net, struct eg_obj s)
{
    // include/uapi/linux/xfrm.h: XFRM_MODE_…, XFRM_STATE_…, XFRM_SA_XFLAG_…
    static const char *const modes[] = {
        "transport", "tunnel", "ro", "in_trigger", "beet", "iptfs"
    };
    static const char *const flags[] = { "noecn", "decap-dscp", "nopmtudisc", "wildrecv",
                                         "icmp",  "af-unspec",  "align4",     "esn" };
    static const char *const more[] = { "dont-encap-dscp", "oseq-may-wrap" };
    static const char *const encaps[] = { [1] = "espinudp-nonike", "espinudp", [7] = "espintcp" };
    struct eg_obj encap = eg_deref(eg_at(s, xfrm_state.encap));
    uint64_t value, mask = 0, kind;
    uint32_t from = 0, to = 0;

    if (eg_get(&value, s, xfrm_reqid) && value)
        linux_text_add(t, " reqid %llu", (unsigned long long)value);
    if (eg_get(&value, s, xfrm_mode) && value < countof(modes))
        linux_text_add(t, " mode %s", modes[value]);
    if ((eg_get(&value, s, xfrm_state.replay_esn, xfrm_replay_state_esn.replay_window) && value) ||
        (eg_get(&value, s, xfrm_window) && value))
        linux_text_add(t, " replay-window %llu", (unsigned long long)value);
    if (eg_get(&value, s, xfrm_flags))
        add_names(t, " flag ", value, flags, countof(flags));
    if (eg_get(&value, s, xfrm_more_flags))
        add_names(t, " extra-flag ", value, more, countof(more));
    if (eg_get(&value, s, xfrm_mark_value) && eg_get(&mask, s, xfrm_mark_mask) && (value || mask))
        linux_text_add(t, " mark 0x%llx mask 0x%llx", (unsigned long long)value,
                       (unsigned long long)mask);
    if (eg_get(&value, s, xfrm_state.if_id) && value)
        linux_text_add(t, " if_id 0x%llx", (unsigned long long)value);
    if (eg_get(&kind, encap, xfrm_encap_tmpl.encap_type) && kind < countof(encaps) &&
        encaps[kind] && linux_be(eg_at(encap, xfrm_encap_tmpl.encap_sport), &from) &&
        linux_be(eg_at(encap, xfrm_encap_tmpl.encap_dport), &to))
        linux_text_add(t, " encap %s %u %u 0.0.0.0", encaps[kind], from, to);
    add_selector(t, net, eg_at(s, xfrm_state.sel));
    add_limits(t, eg_at(s, xfrm_state.lft));
}

const char *linux_xfrm_command(struct eg_run *r, struct eg_obj net, const struct linux_xfrm *x)
{
    static const char *const words[] = { "aead", "enc", "auth" };
    struct linux_text t = { .r = r };

    linux_text_add(&t, "xfrm state add src %s dst %s proto ", x->source, x->destination);
    if (x->proto == LINUX_XFRM_ESP || x->proto == LINUX_XFRM_AH)
        linux_text_add(&t, "%s", x->proto == LINUX_XFRM_ESP ? "esp" : "ah");
    else
        linux_text_add(&t, "%u", x->proto);
    linux_text_add(&t, " spi 0x%08x", x->spi);
    for (size_t i = 0; i < x->n; i++) {
        const struct linux_xfrm_alg *a = &x->alg[i];

        linux_text_add(&t, " %s%s '%s' ", words[a->what],
                       a->what == LINUX_XFRM_AUTH && a->icv ? "-trunc" : "", a->name);
        linux_text_add(&t, a->len ? "0x" : "''");
        for (uint32_t k = 0; k < a->len; k++)
            linux_text_add(&t, "%02x", a->key[k]);
        if (a->what == LINUX_XFRM_AEAD || a->icv)
            linux_text_add(&t, " %u", a->icv);
    }
    add_settings(&t, net, x->state);
    return linux_text_of(&t);
}
