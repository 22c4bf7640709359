/* nftables - the rules of nf_tables, as `nft -a list ruleset` prints them. */
#include "../linux/net/net.h"
#include "../linux/net/nft.h"
#include <inttypes.h>
#include <string.h>

#define INDENT "        " // a tab would be escaped

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(OFFSET, ADDR, "address of the nft_table, nft_chain, nft_rule, nft_set or nft_object",        \
      EG_MINOR | EG_ASKED)                                                                         \
    C(FAMILY, TEXT, "family of the table: \"ip\", \"inet\"", EG_ASKED)                             \
    C(TABLE, TEXT, "name of the table", EG_ASKED)                                                  \
    C(CHAIN, TEXT, "of a rule: the chain that it is in", EG_ASKED)                                 \
    C(KIND, TEXT,                                                                                  \
      "\"table\", \"chain\", \"rule\", \"set\", \"map\", \"counter\" and other objects", EG_ASKED) \
    C(NAME, TEXT, "of what has one", EG_ASKED)                                                     \
    C(HANDLE, INT, "number by which nft deletes it", EG_MINOR | EG_ASKED)                          \
    C(TEXT, TEXT, "as nft prints it, in one line", EG_ASKED)                                       \
    C(LINE, TEXT, "with --ruleset: a line of the text that nft prints", EG_ASKED | EG_LINES)       \
    C(REASON, TEXT, "what of a rule could not be read", EG_ASKED)
EG_COLUMNS(COLUMNS);

struct place {
    struct eg_run *r;
    struct linux_nft *n;
    struct eg_obj net;
    const struct linux_nft_table *table;
    const char *family;
    bool ruleset;
    unsigned blocks; /**< of the table, that were printed */
};

static void line(const struct place *p, const char *text)
{
    eg_row(p->r, .NS = eg_val(p->net, net_inum), .LINE = eg_text(text));
}

/* An empty line between two blocks of a table. */
static void gap(struct place *p)
{
    if (p->blocks++)
        line(p, "");
}

static const char *joined(struct eg_run *r, const char *const *lines)
{
    struct linux_text t = { .r = r };

    for (; *lines; lines++)
        linux_text_add(&t, "%s%s", t.n ? "; " : "", *lines);
    return linux_text_of(&t);
}

/* A set, map, object or flow table. */
static void block(struct place *p, uint64_t at, const char *kind, const char *name, uint64_t handle,
                  const char *const *lines)
{
    if (p->ruleset) {
        gap(p);
        line(p, eg_strf(p->r, INDENT "%s %s { # handle %" PRIu64, kind, name, handle));
        for (; *lines; lines++)
            line(p, eg_strf(p->r, INDENT INDENT "%s", *lines));
        line(p, INDENT "}");
        return;
    }
    eg_row(p->r, .NS = eg_val(p->net, net_inum), .OFFSET = eg_uint(at),
           .FAMILY = eg_text(p->family), .TABLE = eg_text(p->table->name), .KIND = eg_text(kind),
           .NAME = eg_text(name), .HANDLE = eg_uint(handle), .TEXT = eg_text(joined(p->r, lines)));
}

static const char *chain_text(struct eg_run *r, const struct linux_nft_chain *c)
{
    if (!c->base)
        return "";
    return eg_strf(r, "type %s hook %s%s%s priority %s; policy %s;", c->type ? c->type : "?",
                   c->hook ? c->hook : "?", c->devices ? " " : "", c->devices ? c->devices : "",
                   c->priority ? c->priority : "?", c->policy ? c->policy : "?");
}

static void chain(struct place *p, const struct linux_nft_chain *c)
{
    const char *text = chain_text(p->r, c);

    if (p->ruleset) {
        gap(p);
        line(p, eg_strf(p->r, INDENT "chain %s { # handle %" PRIu64, c->name, c->handle));
        if (c->comment)
            line(p, eg_strf(p->r, INDENT INDENT "comment \"%s\"", c->comment));
        if (*text)
            line(p, eg_strf(p->r, INDENT INDENT "%s", text));
        return;
    }
    if (c->comment)
        text = eg_strf(p->r, "%s%scomment \"%s\"", text, *text ? " " : "", c->comment);
    eg_row(p->r, .NS = eg_val(p->net, net_inum), .OFFSET = eg_uint(c->at),
           .FAMILY = eg_text(p->family), .TABLE = eg_text(p->table->name), .KIND = eg_text("chain"),
           .NAME = eg_text(c->name), .HANDLE = eg_uint(c->handle), .TEXT = eg_text(text));
}

static void rules(const struct place *p, const struct linux_nft_chain *c)
{
    struct linux_nft_walk w = { 0 };
    struct linux_nft_rule rule;

    while (linux_nft_next_rule(p->n, &w, p->table, c, &rule)) {
        if (p->ruleset)
            line(p, eg_strf(p->r, INDENT INDENT "%s # handle %" PRIu64, rule.text, rule.handle));
        else
            eg_row(p->r, .NS = eg_val(p->net, net_inum), .OFFSET = eg_uint(rule.at),
                   .FAMILY = eg_text(p->family), .TABLE = eg_text(p->table->name),
                   .CHAIN = eg_text(c->name), .KIND = eg_text("rule"),
                   .HANDLE = eg_uint(rule.handle), .TEXT = eg_text(rule.text),
                   .REASON = eg_text(rule.lost));
        if (p->ruleset && rule.lost)
            eg_note(p->r, "table %s, rule %" PRIu64 ": cannot be read: %s", p->table->name,
                    rule.handle, rule.lost);
    }
    if (p->ruleset)
        line(p, INDENT "}");
}

static void head(const struct place *p, const struct linux_nft_table *t)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } flags[] = { { 1, "dormant" }, { 2, "owner" }, { 4, "persist" } };
    struct linux_text f = { .r = p->r };

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (t->flags & flags[i].bit)
            linux_text_add(&f, "%s%s", f.n ? "," : "flags ", flags[i].name);
    if (p->ruleset) {
        line(p, eg_strf(p->r, "table %s %s { # handle %" PRIu64, p->family, t->name, t->handle));
        if (t->comment)
            line(p, eg_strf(p->r, INDENT "comment \"%s\"", t->comment));
        if (f.n)
            line(p, eg_strf(p->r, INDENT "%s", linux_text_of(&f)));
        return;
    }
    if (t->comment)
        linux_text_add(&f, "%scomment \"%s\"", f.n ? "; " : "", t->comment);
    eg_row(p->r, .NS = eg_val(p->net, net_inum), .OFFSET = eg_uint(t->at),
           .FAMILY = eg_text(p->family), .TABLE = eg_text(t->name), .KIND = eg_text("table"),
           .NAME = eg_text(t->name), .HANDLE = eg_uint(t->handle),
           .TEXT = eg_text(linux_text_of(&f)));
}

/* In nft's order. */
static void table(struct place *p)
{
    struct linux_nft_walk objects = { 0 }, sets = { 0 }, flows = { 0 }, chains = { 0 };
    struct linux_nft_object o;
    struct linux_nft_set s;
    struct linux_nft_chain c;

    p->blocks = 0;
    head(p, p->table);
    while (linux_nft_next_object(p->n, &objects, p->table, &o))
        block(p, o.at, o.kind, o.name, o.handle, o.lines);
    while (linux_nft_next_set(p->n, &sets, p->table, &s))
        block(p, s.at, s.kind, s.name, s.handle, s.lines);
    while (linux_nft_next_flowtable(p->n, &flows, p->table, &o))
        block(p, o.at, o.kind, o.name, o.handle, o.lines);
    while (linux_nft_next_chain(p->n, &chains, p->table, &c)) {
        chain(p, &c);
        rules(p, &c);
    }
    if (p->ruleset)
        line(p, "}");
}

static int run(struct eg_run *r)
{
    struct place p = { .r = r, .ruleset = eg_arg_flag(r, "ruleset") };
    struct linux_nft_table t;

    p.n = linux_nft_open(r);
    if (!p.n) {
        eg_note(r, "this kernel has no nf_tables, or its module is not loaded: no rules");
        return 0;
    }
    linux_each_net(r, p.net)
    {
        struct linux_nft_walk w = { 0 };

        if (!linux_nft_enter(p.n, p.net)) {
            eg_note(r, "network namespace at %#" PRIx64 ": its tables cannot be found", p.net.addr);
            continue;
        }
        while (linux_nft_next_table(p.n, &w, &t)) {
            p.table = &t;
            p.family = linux_nf_family(t.family);
            table(&p);
        }
    }
    return 0;
}

EG_PLUGIN(nftables) = {
    .os = "linux",
    .help = "List the tables, chains, rules, sets and maps of nf_tables as nft prints them",
    .manual =
        "Rules of every network namespace, also those that iptables-nft made: their matches and\n"
        "targets are shown as \"xt match\". Rules of iptables-legacy are in iptables. With "
        "--ruleset\n"
        "the text of `nft -a list ruleset`, a line in each row; as nft reads it, of one namespace: "
        "--ruleset --filter 'NS = N' --columns LINE. Expressions that are not known "
        "are\n"
        "shown by name with their bytes. Anonymous sets stand in their rules. The kernel keeps\n"
        "numbers only: names of users, services and labels are not in it. Modules of kernels "
        "before\n"
        "5.11 have no types: the layouts of Linux 5.10 are used.",
    .aliases = EG_NAMES("nft"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(ruleset, FLAG, "the text of nft -a list ruleset, line by line")),
    .uses = EG_NAMES("nets"),
    .run = run,
};
