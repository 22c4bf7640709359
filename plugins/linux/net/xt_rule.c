/* xt_rule.c - one rule of iptables as text (iptables/iptables.c, ip6tables.c, arptables). */
#include "xt_rule.h"
#include "../../../core/base.h"
#include "ip.h"
#include "xt.h"
#include <ctype.h>

/* struct ipt_entry, ip6t_entry, arpt_entry. */
static const struct form {
    uint16_t head;   /**< bytes before the matches */
    uint16_t target; /**< of target_offset; next_offset is behind */
    uint16_t counters;
    uint16_t src, dst, smask, dmask; /**< addresses */
    uint16_t in, out, in_mask, out_mask;
    uint16_t proto, flags, invert;
    uint8_t address; /**< bytes of one */
} ip4 = { 112, 88, 96, 0, 4, 8, 12, 16, 32, 48, 64, 80, 82, 83, 4 },
  ip6 = { 168, 140, 152, 0, 16, 32, 48, 64, 80, 96, 112, 128, 131, 132, 16 },
  arp = { 192, 164, 176, 0, 4, 8, 12, 94, 110, 126, 142, 0, 158, 160, 4 };

static const struct form *form_of(uint8_t family)
{
    return family == 10 ? &ip6 : family == 3 ? &arp : &ip4;
}

static uint16_t u16(const uint8_t *p)
{
    return (uint16_t)eg_load_(p, 2, false);
}

bool linux_xt_entry(struct eg_run *r, const struct linux_xt_table *t, uint32_t offset,
                    struct xt_entry *out)
{
    const uint32_t target = 32; // struct xt_entry_target
    const struct form *f = form_of(t->family);
    struct linux_xt x = { .family = t->family };
    uint64_t ext;
    uint8_t verdict[30];
    const uint8_t *p;

    *out = (struct xt_entry){ .offset = offset, .at = t->entries + offset };
    if (!eg_within(offset, f->head, t->size) ||
        !eg_read(eg_view_of(r), eg_kernel(r), out->at, out->head, f->head))
        return false;
    out->target = u16(out->head + f->target);
    out->size = u16(out->head + f->target + 2);
    if (out->target < f->head || out->size < out->target + target ||
        !eg_within(offset, out->size, t->size))
        return false;
    out->counted = linux_xt_counters(r, out->at + f->counters, &out->packets, &out->bytes);
    p = eg_bytes(eg_view_of(r), eg_kernel(r), out->at + out->target + 8, 8);
    ext = p ? eg_load_(p, 8, false) : 0;
    // The standard target has an empty name.
    if (!linux_xt_name(r, ext, &x)) {
        out->standard = ext && !*x.name;
        if (out->standard &&
            eg_read(eg_view_of(r), eg_kernel(r), out->at + out->target + target, verdict, 4))
            out->verdict = (int32_t)eg_load_(verdict, 4, false);
    } else if (!strcmp(x.name, "ERROR")) {
        out->error = eg_cstr(r, eg_kernel(r), out->at + out->target + target, 30);
        for (const char *c = out->error; c && *c; c++)
            if (!isprint((unsigned char)*c))
                return false;
        if (!out->error)
            return false;
    }
    return true;
}

/* ---- the head ---- */

static void address(struct linux_text *t, const struct form *f, const uint8_t *at,
                    const uint8_t *mask, const char *option, bool invert)
{
    const char *text;
    unsigned bits = 0, rest;

    if (eg_all_zero(at, f->address) && eg_all_zero(mask, f->address) && !invert)
        return;
    while (bits < f->address * 8u && mask[bits / 8] >> (7 - bits % 8) & 1)
        bits++;
    for (rest = bits; rest < f->address * 8u && !(mask[rest / 8] >> (7 - rest % 8) & 1);)
        rest++;
    text = linux_ip_text(t->r, at, f->address);
    linux_text_add(t, "%s%s%s %s", t->n ? " " : "", invert ? "! " : "", option, text ? text : "?");
    if (rest == f->address * 8u) {
        linux_text_add(t, "/%u", bits);
    } else {
        text = linux_ip_text(t->r, mask, f->address);
        linux_text_add(t, "/%s", text ? text : "?");
    }
}

static void interface(struct linux_text *t, const uint8_t *name, const uint8_t *mask,
                      const char *option, bool invert)
{
    size_t len = 0;

    if (eg_all_zero(mask, 16))
        return;
    linux_text_add(t, "%s%s%s ", t->n ? " " : "", invert ? "! " : "", option);
    // The mask of a whole name has its end too; of the beginning of one, what is compared.
    while (len < 16 && mask[len] && name[len])
        len++;
    linux_text_bytes(t, name, len);
    if (len < 16 && !mask[len])
        linux_text_add(t, "+");
}

static void protocol(struct linux_text *t, uint16_t proto, bool invert)
{
    static const struct {
        uint16_t number;
        const char *name;
    } names[] = { { 1, "icmp" },       { 2, "igmp" },  { 6, "tcp" },    { 17, "udp" },
                  { 33, "dccp" },      { 47, "gre" },  { 50, "esp" },   { 51, "ah" },
                  { 58, "ipv6-icmp" }, { 89, "ospf" }, { 132, "sctp" }, { 136, "udplite" } };

    if (!proto)
        return;
    linux_text_add(t, "%s%s-p ", t->n ? " " : "", invert ? "! " : "");
    for (size_t i = 0; i < countof(names); i++)
        if (names[i].number == proto) {
            linux_text_add(t, "%s", names[i].name);
            return;
        }
    linux_text_add(t, "%u", proto);
}

static void head(struct linux_text *t, const struct linux_xt_table *table, const struct xt_entry *e)
{
    const struct form *f = form_of(table->family);
    const uint8_t *h = e->head;
    // of ARP: source, target, interfaces have bits of their own (netfilter_arp/arp_tables.h)
    const uint16_t inv = table->family == 3 ? u16(h + f->invert) : h[f->invert];
    const bool is_arp = table->family == 3;

    address(t, f, h + f->src, h + f->smask, "-s", inv & (is_arp ? 4 : 8));
    address(t, f, h + f->dst, h + f->dmask, "-d", inv & (is_arp ? 8 : 16));
    interface(t, h + f->in, h + f->in_mask, "-i", inv & 1);
    interface(t, h + f->out, h + f->out_mask, "-o", inv & 2);
    if (is_arp) {
        if (u16(h + 84))
            linux_text_add(t, "%s%s--opcode %u", t->n ? " " : "", inv & 0x80 ? "! " : "",
                           (unsigned)eg_load_(h + 82, 2, true));
        return;
    }
    protocol(t, u16(h + f->proto), inv & 0x40);
    if (table->family == 2 && h[f->flags] & 1)
        linux_text_add(t, "%s%s-f", t->n ? " " : "", inv & 0x20 ? "! " : "");
}

/* ---- matches and the target ---- */

static void extension(struct eg_run *r, struct linux_text *t, const struct linux_xt_table *table,
                      uint64_t at, uint32_t size, bool match)
{
    enum { HEAD = 32 };
    struct linux_xt x = { .family = table->family, .match = match };
    const uint8_t *p = eg_bytes(eg_view_of(r), eg_kernel(r), at + 8, 8);
    const uint64_t ext = p ? eg_load_(p, 8, false) : 0;

    if (!linux_xt_name(r, ext, &x)) {
        linux_text_add(t, "%s%s ?", t->n ? " " : "", match ? "-m" : "-j");
        return;
    }
    x.size = EG_MIN(size - HEAD, sizeof x.data);
    if (!eg_read(eg_view_of(r), eg_kernel(r), at + HEAD, x.data, x.size))
        x.size = 0;
    linux_text_add(t, "%s%s %s", t->n ? " " : "", match ? "-m" : "-j", linux_xt_shown(&x));
    linux_xt_options(t, &x);
}

static void standard(struct linux_text *t, const struct linux_xt_table *table,
                     const struct xt_entry *e)
{
    const struct form *f = form_of(table->family);
    const bool go = e->head[f->flags] & (table->family == 10 ? 4 : 2);
    const char *name = NULL;

    switch (e->verdict) {
    case -1:
        name = "DROP";
        break;
    case -2:
        name = "ACCEPT";
        break;
    case -4:
        name = "QUEUE";
        break;
    case -5:
        name = "RETURN";
        break;
    default:
        break;
    }
    if (!name && e->verdict >= 0) {
        // To the next rule: it has no target.
        if ((uint32_t)e->verdict == e->offset + e->size)
            return;
        for (size_t i = 0; i < table->n_chains; i++)
            if (table->chains[i].first == (uint32_t)e->verdict)
                name = table->chains[i].name;
    }
    linux_text_add(t, "%s%s %s", t->n ? " " : "", go && e->verdict >= 0 ? "-g" : "-j",
                   name ? name : "?");
}

const char *linux_xt_rule_text(struct eg_run *r, const struct linux_xt_table *t,
                               const struct xt_entry *e)
{
    const struct form *f = form_of(t->family);
    struct linux_text text = { .r = r };
    uint32_t at = f->head;
    uint8_t size[2];

    head(&text, t, e);
    while (at < e->target) {
        uint32_t len;

        if (!eg_read(eg_view_of(r), eg_kernel(r), e->at + at, size, 2) || (len = u16(size)) < 32 ||
            len > e->target - at) {
            linux_text_add(&text, "%s-m ?", text.n ? " " : "");
            break;
        }
        extension(r, &text, t, e->at + at, len, true);
        at += len;
    }
    if (e->standard)
        standard(&text, t, e);
    else if (!e->error)
        extension(r, &text, t, e->at + e->target, e->size - e->target, false);
    return linux_text_of(&text);
}
