/* netfilter - the hooks by which code sees each packet, and whose code it is. */
#include "../../core/run.h"
#include "../linux/kernel/codeof.h"
#include "../linux/net/bpfprog.h"
#include "../linux/net/net.h"
#include "../linux/net/nft.h"
#include "../linux/net/xt.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(hooks_ip, net, "nf.hooks_ipv4");
EG_FIELD_AS(hooks_ip6, net, "nf.hooks_ipv6");
EG_FIELD_AS(hooks_arp, net, "nf.hooks_arp");
EG_FIELD_AS(hooks_bridge, net, "nf.hooks_bridge");
EG_FIELD_AS(hooks_decnet, net, "nf.hooks_decnet"); // until 6.0
EG_FIELD_AS(dev_ingress, net_device, "nf_hooks_ingress");
EG_FIELD_AS(dev_egress, net_device, "nf_hooks_egress"); // since 5.16
EG_FIELDS(nf_hook_entries, num_hook_entries, hooks);
EG_FIELD_AS(entry_hook, nf_hook_entry, "hook");
EG_FIELD_AS(entry_priv, nf_hook_entry, "priv");
EG_FIELD_AS(ops_hook, nf_hook_ops, "hook");
EG_FIELD_AS(ops_pf, nf_hook_ops, "pf");
EG_FIELD_AS(ops_hooknum, nf_hook_ops, "hooknum");
EG_FIELD_AS(ops_priority, nf_hook_ops, "priority");
EG_FIELD_AS(ops_priv, nf_hook_ops, "priv");
EG_TYPE(nf_hook_entry);
EG_TYPE(nf_hook_ops);

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(FAMILY, TEXT, "\"ip\", \"ip6\", \"arp\", \"bridge\", \"netdev\"")                            \
    C(HOOK, TEXT, "where on its way a packet is seen: \"prerouting\", \"ingress\"")                \
    C(INTERFACE, TEXT, "of hooks of an interface")                                                 \
    C(PRIORITY, INT, "the lowest is called first")                                                 \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is: \"kernel\", or a module that is listed")                    \
    C(DETAIL, TEXT, "the chain of nf_tables, table of iptables or BPF program that it runs")       \
    C(OFFSET, ADDR, "address of the nf_hook_ops", EG_MINOR)                                        \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { ENTRIES_MAX = 1024, DEVICES_MAX = 1 << 16 }; // MAX_HOOK_COUNT (net/netfilter/core.c)
enum { IP = 2, ARP = 3, NETDEV = 5, BRIDGE = 7, IP6 = 10, DECNET = 12 };

struct walk {
    struct eg_run *r;
    struct linux_nft *nft;
    struct eg_obj net;
    const char *interface;
    uint8_t family;
    uint32_t hook;
};

/* What the hook's own data is, by the function that gets it. */
static const char *detail(const struct walk *w, const char *symbol, uint64_t priv)
{
    struct linux_bpfprog program;
    const char *text;

    if (!symbol || !priv)
        return NULL;
    if (!strncmp(symbol, "nft_do_chain", 12) || !strncmp(symbol, "nft_nat_do_chain", 16))
        return w->nft ? linux_nft_chain_text(w->nft, priv) : NULL;
    if (!strcmp(symbol, "nf_hook_run_bpf")) {
        linux_bpfprog(w->r, priv, &program);
        return program.text;
    }
    if (!strncmp(symbol, "ipt_do_table", 12) || !strncmp(symbol, "ip6t_do_table", 13) ||
        !strncmp(symbol, "arpt_do_table", 13) || !strncmp(symbol, "iptable_", 8) ||
        !strncmp(symbol, "ip6table_", 9)) {
        text = linux_xt_table_name(w->r, priv);
        return text ? eg_strf(w->r, "table %s", text) : NULL;
    }
    return NULL;
}

static void entry(const struct walk *w, struct eg_obj e, struct eg_obj ops)
{
    struct eg_cell function = eg_val(e, entry_hook);
    struct linux_codeof code = { 0 };
    uint64_t hook = 0, same = 0, priv = 0, was = 0;
    uint32_t num = w->hook;
    uint8_t pf = w->family;
    const char *hints;

    eg_get(&hook, e, entry_hook);
    eg_get(&priv, e, entry_priv);
    if (hook)
        linux_codeof(w->r, hook, &code);
    hints = code.hint;
    if (eg_get(&same, ops, ops_hook) && hook && same != hook)
        hints = linux_hints(w->r, hints, "its nf_hook_ops has another function");
    if (eg_get(&was, ops, ops_priv) && same == hook && was != priv)
        hints = linux_hints(w->r, hints, "its nf_hook_ops has other data");
    // A hook of the family inet at ingress is the interface's.
    if (same == hook && eg_get(&pf, ops, ops_pf) && eg_get(&num, ops, ops_hooknum) &&
        (num != w->hook || pf != w->family) && !(pf == 1 || w->family == NETDEV))
        hints = linux_hints(w->r, hints, "its nf_hook_ops is of another hook");
    eg_row(w->r, .NS = eg_val(w->net, net_inum), .FAMILY = eg_text(linux_nf_family(w->family)),
           .HOOK = eg_text(linux_nf_hook(w->family, w->hook)), .INTERFACE = eg_text(w->interface),
           .PRIORITY = eg_val(ops, ops_priority), .FUNCTION = function,
           .SYMBOL = eg_text(code.symbol), .MODULE = eg_text(code.module),
           .DETAIL = eg_text(detail(w, code.symbol, priv)), .OFFSET = eg_addr(ops),
           .HINTS = eg_text(hints));
}

/* The functions stand in a row, and behind them pointers to the nf_hook_ops that they came from
 * (nf_hook_entries_get_hook_ops, include/linux/netfilter.h). */
static void entries(const struct walk *w, struct eg_obj pointer)
{
    struct eg_obj all = eg_deref(pointer), first;
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;
    uint64_t ops;
    uint16_t n;

    if (all.why == EG_NULL)
        return;
    first = eg_at(all, nf_hook_entries.hooks);
    if (!eg_get(&n, all, nf_hook_entries.num_hook_entries) || first.why) {
        eg_note(w->r, "hooks at %#" PRIx64 " cannot be read", all.addr);
        return;
    }
    if (n > ENTRIES_MAX) {
        eg_note(w->r, "hooks at %#" PRIx64 ": %u are more than the kernel allows: not shown",
                all.addr, n);
        return;
    }
    for (unsigned i = 0; i < n && !eg_stopped(w->r); i++) {
        const uint64_t size = eg_size(w->r, nf_hook_entry);
        struct eg_obj e = eg_object(w->r, nf_hook_entry, first.addr + i * size);
        struct eg_obj own;

        if (!eg_pointer_at(w->r, first.addr + n * size + i * word, &ops))
            ops = 0;
        own = eg_object(w->r, nf_hook_ops, ops);
        entry(w, e, own);
    }
}

static void array(struct walk *w, struct eg_obj hooks, uint8_t family)
{
    if (hooks.why)
        return;
    w->family = family;
    w->interface = NULL;
    for (uint64_t i = 0; i < eg_count(hooks); i++) {
        w->hook = (uint32_t)i;
        entries(w, eg_index(hooks, i));
    }
}

static void devices(struct walk *w)
{
    struct eg_obj dev;
    unsigned n = 0;

    w->family = NETDEV;
    eg_each_list(dev, eg_at(w->net, net.dev_base_head), net_device.dev_list) {
        if (n++ > DEVICES_MAX)
            return;
        w->interface = eg_string(w->r, eg_at(dev, net_device.name), 16);
        w->hook = 0;
        if (eg_has(w->r, dev_ingress))
            entries(w, eg_at(dev, dev_ingress));
        w->hook = 1;
        if (eg_has(w->r, dev_egress))
            entries(w, eg_at(dev, dev_egress));
    }
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r, .nft = linux_nft_open(r) };

    linux_each_net(r, w.net)
    {
        if (w.nft)
            linux_nft_enter(w.nft, w.net);
        array(&w, eg_at(w.net, hooks_ip), IP);
        array(&w, eg_at(w.net, hooks_ip6), IP6);
        array(&w, eg_at(w.net, hooks_arp), ARP);
        array(&w, eg_at(w.net, hooks_bridge), BRIDGE);
        array(&w, eg_at(w.net, hooks_decnet), DECNET);
        devices(&w);
    }
    return 0;
}

EG_PLUGIN(netfilter) = {
    .os = "linux",
    .help =
        "List the netfilter hooks of network namespaces and interfaces, with whose code each is",
    .manual = "Each row is called for packets: by MODULE one sees whose code that is. Most are of "
              "the kernel's\n"
              "own modules, which is no sign of anything; Volatility 3 says \"Is Hooked\" of "
              "those. HINTS has\n"
              "something where the code is of no module that is listed, begins inside a function, "
              "is of a\n"
              "module that did not come with the kernel, or where the two records of a hook "
              "disagree. What\n"
              "rules do is in nftables and iptables; programs of tc and XDP see packets before "
              "these hooks.",
    .aliases = EG_NAMES("linux.netfilter.Netfilter", "linux.malware.netfilter.Netfilter",
                        "linux_netfilter"),
    .looks_for = EG_NAMES("hooks in the network"),
    .columns = columns,
    .needs = EG_NEEDS(nf_hook_entries.hooks, hooks_ip),
    .uses = EG_NAMES("nets"),
    .run = run,
    .key = EG_NAMES("NS", "FAMILY", "HOOK", "INTERFACE", "PRIORITY", "FUNCTION"),
};
