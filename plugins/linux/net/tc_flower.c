/* tc_flower.c - the filter flower (net/sched/cls_flower.c): a key is asked for where its mask has
 * bits; names as tc has them. */
#include "device.h"
#include "ip.h"
#include "tc_own.h"
#include <inttypes.h>
#include <stdio.h>

EG_TYPE_("cls_flower", cls_fl_head);
EG_TYPE_("cls_flower", cls_fl_filter);
EG_FIELD_AS_OF("cls_flower", flower_idr, cls_fl_head, "handle_idr");

enum { BYTES_MAX = 64 };

/* Both sides of a key. @return false: this kernel has it not, or nothing of it is asked for. */
static bool pair(struct eg_obj rule, const char *path, uint8_t *key, uint8_t *mask, size_t *len)
{
    char name[64];
    struct eg_obj k, m;

    snprintf(name, sizeof name, "key.%s", path);
    k = eg_path(rule, name);
    snprintf(name, sizeof name, "mask.key.%s", path);
    m = eg_path(rule, name);
    if (k.why || m.why)
        return false;
    *len = EG_MIN((size_t)k.size, (size_t)BYTES_MAX);
    return eg_read(k.view, k.space, k.addr, key, *len) &&
           eg_read(m.view, m.space, m.addr, mask, *len) && !eg_all_zero(mask, *len);
}

static bool whole(const uint8_t *mask, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (mask[i] != 0xff)
            return false;
    return true;
}

static unsigned prefix(const uint8_t *mask, size_t len)
{
    unsigned bits = 0;

    while (bits < len * 8 && mask[bits / 8] >> (7 - bits % 8) & 1)
        bits++;
    for (unsigned i = bits; i < len * 8; i++)
        if (mask[i / 8] >> (7 - i % 8) & 1)
            return UINT32_MAX;
    return bits;
}

static void hex(struct linux_text *t, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        linux_text_add(t, "%02x", bytes[i]);
}

enum form { MAC, IP, PORT, BYTE, HEX, NUMBER, PROTOCOL };

static void value(struct linux_text *t, enum form form, const uint8_t *key, const uint8_t *mask,
                  size_t len, bool big)
{
    static const struct {
        uint8_t number;
        const char *name;
    } protocols[] = {
        { 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 58, "icmpv6" }, { 132, "sctp" }
    };
    const char *text;
    unsigned bits;

    switch (form) {
    case MAC:
        linux_text_add(t, "%s", linux_mac_text(t->r, key, len));
        if (!whole(mask, len))
            linux_text_add(t, "/%s", linux_mac_text(t->r, mask, len));
        return;
    case IP:
        text = linux_ip_text(t->r, key, len);
        linux_text_add(t, "%s", text ? text : "?");
        bits = prefix(mask, len);
        if (bits == UINT32_MAX)
            linux_text_add(t, "/%s", linux_ip_text(t->r, mask, len));
        else if (bits < len * 8)
            linux_text_add(t, "/%u", bits);
        return;
    case PORT:
    case BYTE:
    case NUMBER: // in the computer's byte order
        linux_text_add(t, "%" PRIu64, eg_load_(key, (unsigned)len, form == NUMBER ? big : true));
        if (!whole(mask, len))
            linux_text_add(t, "/%#" PRIx64,
                           eg_load_(mask, (unsigned)len, form == NUMBER ? big : true));
        return;
    case PROTOCOL:
        for (size_t i = 0; i < countof(protocols); i++)
            if (protocols[i].number == *key) {
                linux_text_add(t, "%s", protocols[i].name);
                return;
            }
        linux_text_add(t, "%u", *key);
        return;
    case HEX:
        hex(t, key, len);
        linux_text_add(t, "/");
        hex(t, mask, len);
        return;
    }
}

static void ports(struct linux_text *t, struct eg_obj rule, const char *from, const char *to,
                  const char *name)
{
    uint8_t low[BYTES_MAX], high[BYTES_MAX], mask[BYTES_MAX];
    size_t len;

    if (pair(rule, from, low, mask, &len) && len == 2 && pair(rule, to, high, mask, &len))
        linux_text_add(t, "%s%s %u-%u", t->n ? " " : "", name, (unsigned)eg_load_(low, 2, true),
                       (unsigned)eg_load_(high, 2, true));
}

static void keys(struct linux_text *t, struct eg_obj rule)
{
    static const struct {
        const char *path, *name;
        uint8_t form;
    } known[] = {
        { "meta.ingress_ifindex", "indev", NUMBER },
        { "eth.dst", "dst_mac", MAC },
        { "eth.src", "src_mac", MAC },
        { "vlan", "vlan", HEX },
        { "basic.ip_proto", "ip_proto", PROTOCOL },
        { "ip.tos", "ip_tos", BYTE },
        { "ip.ttl", "ip_ttl", BYTE },
        { "ipv4.dst", "dst_ip", IP },
        { "ipv4.src", "src_ip", IP },
        { "ipv6.dst", "dst_ip", IP },
        { "ipv6.src", "src_ip", IP },
        { "tp.dst", "dst_port", PORT },
        { "tp.src", "src_port", PORT },
        { "tcp.flags", "tcp_flags", HEX },
        { "icmp.type", "type", BYTE },
        { "icmp.code", "code", BYTE },
        { "enc_key_id.keyid", "enc_key_id", PORT },
        { "enc_ipv4.dst", "enc_dst_ip", IP },
        { "enc_ipv4.src", "enc_src_ip", IP },
        { "enc_ipv6.dst", "enc_dst_ip", IP },
        { "enc_ipv6.src", "enc_src_ip", IP },
        { "enc_tp.dst", "enc_dst_port", PORT },
        { "enc_tp.src", "enc_src_port", PORT },
        // What is not taken apart stands there as it is.
        { "control.flags", "ip_flags", HEX },
        { "cvlan", "cvlan", HEX },
        { "arp", "arp", HEX },
        { "mpls", "mpls", HEX },
        { "enc_ip", "enc_ip", HEX },
        { "enc_opts", "enc_opts", HEX },
        { "ct", "ct", HEX },
        { "hash", "hash", HEX },
        { "num_of_vlans", "num_of_vlans", HEX },
        { "pppoe", "pppoe", HEX },
        { "l2tpv3", "l2tpv3", HEX },
        { "ipsec", "ipsec", HEX },
        { "cfm", "cfm", HEX },
    };
    const bool big = rule.bind->model.big_endian;

    for (size_t i = 0; i < countof(known); i++) {
        uint8_t key[BYTES_MAX], mask[BYTES_MAX];
        size_t len;

        if (!pair(rule, known[i].path, key, mask, &len))
            continue;
        if (known[i].form != HEX && known[i].form != MAC && known[i].form != IP && len > 8)
            continue;
        linux_text_add(t, "%s%s ", t->n ? " " : "", known[i].name);
        value(t, (enum form)known[i].form, key, mask, len, big);
    }
    ports(t, rule, "tp_range.tp_min.dst", "tp_range.tp_max.dst", "dst_port");
    ports(t, rule, "tp_range.tp_min.src", "tp_range.tp_max.src", "src_port");
}

bool tc_flower(const struct tc_rules *w)
{
    struct eg_obj head = eg_object(w->r, cls_fl_head, w->root);
    struct eg_entry entry;
    unsigned n = 0;

    if (!eg_has(w->r, flower_idr) || !eg_has_type(w->r, cls_fl_filter))
        return false;
    eg_each_xa(entry, eg_at(head, flower_idr)) {
        struct eg_obj rule = eg_object(w->r, cls_fl_filter, entry.value);
        struct linux_text t = { .r = w->r };

        if (n++ > TC_RULES_MAX)
            break;
        tc_class(&t, rule, "classid");
        if (eg_path(rule, "mask.key").why)
            linux_text_add(&t, "%s?", t.n ? " " : "");
        keys(&t, rule);
        if (!tc_rule(w, rule, tc_hex_handle(w->r, rule, "handle"), &t))
            break;
    }
    return true;
}
