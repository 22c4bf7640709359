/* iptables - the rules of iptables, ip6tables and arptables, as iptables-save prints them. */
#include "../linux/net/net.h"
#include "../linux/net/nft.h"
#include "../linux/net/xt_table.h"
#include <inttypes.h>

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(FAMILY, TEXT, "\"ip\", \"ip6\", \"arp\"", EG_ASKED)                                          \
    C(TABLE, TEXT, "\"filter\", \"nat\"", EG_ASKED)                                                \
    C(CHAIN, TEXT, "the chain, or whose rule it is", EG_ASKED)                                     \
    C(KIND, TEXT, "\"chain\", \"rule\"", EG_ASKED)                                                 \
    C(PACKETS, INT, "that it matched; of a chain, its policy", EG_ASKED)                           \
    C(PACKET_BYTES, INT, "and their bytes", EG_MINOR | EG_ASKED)                                   \
    C(TEXT, TEXT, "the rule as iptables-save prints it; of a chain its policy", EG_ASKED)          \
    C(LINE, TEXT, "with --save: a line of the text that iptables-save -c prints",                  \
      EG_ASKED | EG_LINES)                                                                         \
    C(OFFSET, ADDR, "address of the rule; of a chain, its table", EG_MINOR | EG_ASKED)
EG_COLUMNS(COLUMNS);

struct place {
    struct eg_run *r;
    struct eg_obj net;
    const struct linux_xt_table *table;
    const char *family;
    bool save;
};

static void line(const struct place *p, const char *text)
{
    eg_row(p->r, .NS = eg_val(p->net, net_inum), .FAMILY = eg_text(p->family),
           .LINE = eg_text(text));
}

static const char *counters(const struct place *p, bool counted, uint64_t packets, uint64_t bytes)
{
    return counted ? eg_strf(p->r, "[%" PRIu64 ":%" PRIu64 "]", packets, bytes) : "[?:?]";
}

static struct eg_cell counter(bool counted, uint64_t value, uint64_t at)
{
    return counted ? eg_uint(value) : eg_missing(EG_UNREADABLE, at);
}

static void chain(const struct place *p, const struct linux_xt_chain *c)
{
    if (p->save)
        line(p, eg_strf(p->r, ":%s %s %s", c->name, c->policy,
                        counters(p, c->counted, c->packets, c->bytes)));
    else
        eg_row(p->r, .NS = eg_val(p->net, net_inum), .FAMILY = eg_text(p->family),
               .TABLE = eg_text(p->table->name), .CHAIN = eg_text(c->name),
               .KIND = eg_text("chain"), .PACKETS = counter(c->counted, c->packets, p->table->at),
               .PACKET_BYTES = counter(c->counted, c->bytes, p->table->at),
               .TEXT = eg_text(c->policy), .OFFSET = eg_uint(p->table->at));
}

static void rules(const struct place *p, const struct linux_xt_chain *c)
{
    struct linux_xt_rule rule = { .offset = c->first };

    while (linux_xt_next_rule(p->r, p->table, c, &rule) && !eg_stopped(p->r)) {
        if (p->save)
            line(p,
                 eg_strf(p->r, "%s -A %s%s%s", counters(p, rule.counted, rule.packets, rule.bytes),
                         c->name, *rule.text ? " " : "", rule.text));
        else
            eg_row(p->r, .NS = eg_val(p->net, net_inum), .FAMILY = eg_text(p->family),
                   .TABLE = eg_text(p->table->name), .CHAIN = eg_text(c->name),
                   .KIND = eg_text("rule"), .PACKETS = counter(rule.counted, rule.packets, rule.at),
                   .PACKET_BYTES = counter(rule.counted, rule.bytes, rule.at),
                   .TEXT = eg_text(rule.text), .OFFSET = eg_uint(rule.at));
    }
}

static void table(struct place *p)
{
    const struct linux_xt_table *t = p->table;

    p->family = linux_nf_family(t->family);
    if (p->save)
        line(p, eg_strf(p->r, "*%s", t->name));
    for (size_t i = 0; i < t->n_chains; i++) {
        chain(p, &t->chains[i]);
        if (!p->save)
            rules(p, &t->chains[i]);
    }
    for (size_t i = 0; p->save && i < t->n_chains; i++)
        rules(p, &t->chains[i]);
    if (p->save)
        line(p, "COMMIT");
    if (t->lost)
        eg_note(p->r, "table %s of %s: cannot be read: %s", t->name, p->family, t->lost);
}

static int run(struct eg_run *r)
{
    struct place p = { .r = r, .save = eg_arg_flag(r, "save") };
    struct linux_xt_table t;
    struct linux_xt_walk w;

    if (!linux_xt_open(r, &w)) {
        eg_note(r, "this kernel has no tables of iptables, or their modules are not loaded");
        return 0;
    }
    linux_each_net(r, p.net)
    {
        linux_xt_enter(&w, p.net);
        p.table = &t;
        while (linux_xt_next(&w, &t))
            table(&p);
    }
    return 0;
}

EG_PLUGIN(iptables) = {
    .os = "linux",
    .help = "List the rules of iptables, ip6tables and arptables as iptables-save prints them",
    .manual = "Rules of iptables-legacy, of every network namespace: chains with their policies, "
              "and rules with their counters over all CPUs. What iptables-nft made is in nftables. "
              "--save prints the text of iptables-save -c (FAMILY ip), ip6tables-save (ip6) and "
              "arptables-save (arp); of one namespace and family: --save --filter 'NS = N and "
              "FAMILY = ip' --columns LINE. Matches and targets that are not known have their data "
              "in hex. Not shown: tables of ebtables, and the elements of an ipset that a rule "
              "names.",
    .aliases = EG_NAMES("linux.iptables.Iptables", "iptables-save", "ip6tables", "ip6tables-save"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(save, FLAG, "the text of iptables-save -c, line by line")),
    .uses = EG_NAMES("nets"),
    .run = run,
    .key = EG_NAMES("NS", "FAMILY", "TABLE", "CHAIN", "KIND", "TEXT", "OFFSET"),
    .moves = EG_NAMES("PACKETS", "PACKET_BYTES"),
};
