/* nft_fuzz.c - any bytes as the expressions of a rule of nf_tables, extensions of iptables among
 * them, and as an element of the set that it looks into. */
#include "mkguest.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {
    "struct net { struct ns_common ns; };",
    "struct net_device { char name[16]; int ifindex; struct list_head dev_list; };"
    "struct netns_nftables { u8 gencursor; };"
    "struct net_generic { void *ptr[0]; };"
    "struct net { struct ns_common ns; struct list_head list, dev_base_head;"
    "  struct netns_nftables nft; struct net_generic *gen; };",
    NULL,
};
static const struct {
    const char *type, *init; /**< of a match or target its name */
    unsigned size;
} exprs[] = {
    { "meta", "nft_meta_get_init", 16 },
    { "meta", "nft_meta_set_init", 16 },
    { "cmp", "nft_cmp_init", 32 },
    { "cmp", "nft_cmp_fast_init", 24 },
    { "cmp", "nft_cmp16_fast_init", 48 },
    { "payload", "nft_payload_init", 16 },
    { "payload", "nft_payload_set_init", 16 },
    { "bitwise", "nft_bitwise_init", 64 },
    { "bitwise", "nft_bitwise_fast_init", 24 },
    { "immediate", "nft_immediate_init", 32 },
    { "lookup", "nft_lookup_init", 56 },
    { "ct", "nft_ct_get_init", 16 },
    { "ct", "nft_ct_set_init", 16 },
    { "range", "nft_range_init", 48 },
    { "byteorder", "nft_byteorder_init", 16 },
    { "dynset", "nft_dynset_init", 96 },
    { "limit", "nft_limit_pkts_init", 72 },
    { "log", "nft_log_init", 32 },
    { "nat", "nft_nat_init", 16 },
    { "masq", "nft_masq_init", 16 },
    { "redir", "nft_redir_init", 16 },
    { "reject", "nft_reject_init", 16 },
    { "queue", "nft_queue_init", 16 },
    { "fib", "nft_fib_init", 16 },
    { "numgen", "nft_ng_inc_init", 24 },
    { "hash", "nft_jhash_init", 24 },
    { "exthdr", "nft_exthdr_init", 16 },
    { "rt", "nft_rt_init", 16 },
    { "socket", "nft_socket_init", 16 },
    { "quota", "nft_quota_init", 32 },
    { "objref", "nft_objref_init", 16 },
    { "tproxy", "nft_tproxy_init", 16 },
    { "match", "tcp", 40 },
    { "match", "conntrack", 184 },
    { "match", "multiport", 64 },
    { "match", "string", 176 },
    { "match", "recent", 248 },
    { "target", "LOG", 48 },
    { "target", "DNAT", 64 },
    { "target", "NFLOG", 96 },
};
enum { EXPRS = sizeof exprs / sizeof *exprs, RULE_MAX = 4080 };

static struct machine {
    struct mk_guest g;
    uint64_t rule, set, elem, ops[EXPRS];
} s;

static void symbol(const char *name, uint64_t at)
{
    mk_symbol_sized(s.g.k, name, at, 16);
}

static void make_ops(struct mk *k)
{
    for (unsigned i = 0; i < EXPRS; i++) {
        const uint64_t type = mk_alloc(k, 0x48), ext = mk_alloc(k, 0x80), init = mk_alloc(k, 16);

        s.ops[i] = mk_alloc(k, 0x80);
        mk_write_u32(k, s.ops[i] + 0x10, exprs[i].size);
        mk_write_ptr(k, s.ops[i] + 0x18, init);
        mk_write_ptr(k, s.ops[i] + 0x68, type);
        mk_write_ptr(k, type + 0x28, mk_text(k, exprs[i].type));
        mk_write_ptr(k, s.ops[i] + 0x70, ext);
        mk_write(k, ext + 16, exprs[i].init, strlen(exprs[i].init));
        symbol(exprs[i].init, init);
    }
}

static void make(void)
{
    const uint64_t net = (s.g = mk_guest(&mk_machines[0], types), mk_object(s.g.k, "net"));
    struct mk *k = s.g.k;
    const uint64_t list = mk_object(k, "list_head"), gen = mk_alloc(k, 128), id = mk_alloc(k, 4);
    const uint64_t pernet = mk_alloc(k, 0xa0), table = mk_alloc(k, 0x110);
    const uint64_t chain = mk_alloc(k, 0x78), ops = mk_alloc(k, 0xa0), lookup = mk_alloc(k, 16);

    mk_list_append(k, list, mk_at(k, net, "net.list"));
    mk_list(k, mk_at(k, net, "net.dev_base_head"), NULL, 0);
    symbol("net_namespace_list", list);
    mk_write_u32(k, id, 5);
    symbol("nf_tables_net_id", id);
    mk_put(k, net, "net.gen", gen);
    mk_write_ptr(k, gen + 5 * 8, pernet);
    mk_list_append(k, pernet, table);
    for (unsigned at = 0x98; at <= 0xc8; at += 0x10)
        mk_list(k, table + at, NULL, 0);
    mk_write_ptr(k, table + 0xf0, mk_text(k, "fuzz"));
    mk_write_u32(k, table + 0xec, 1);
    mk_list_append(k, table + 0x98, chain + 0x20);
    mk_write_ptr(k, chain + 0x40, table);
    mk_write_ptr(k, chain + 0x58, mk_text(k, "in"));
    s.rule = mk_alloc(k, 0x18 + 0x1100);
    mk_list_append(k, chain + 0x10, s.rule);
    s.set = mk_alloc(k, 0x100);
    mk_list_append(k, table + 0xa8, s.set);
    mk_write_ptr(k, s.set + 0x38, mk_text(k, "set"));
    mk_write_ptr(k, s.set + 0xc0, ops);
    symbol("nft_bitmap_lookup", lookup);
    mk_write_ptr(k, ops, lookup);
    mk_write_u32(k, ops + 0x88, 0x10);
    s.elem = mk_alloc(k, 0x200);
    mk_list_append(k, s.set + 0xd0, s.elem);
    make_ops(k);
}

/* Sixteen bytes of the set's types, flags and lengths, sixty-four of its element, and then for each
 * expression a byte that says which, and its own bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[0x1100];
    uint64_t used = 0;

    if (!s.g.k)
        make();
    if (size < 80)
        return 0;
    mk_write(s.g.k, s.set + 0x48, data, 12);
    mk_write(s.g.k, s.set + 0xc8, data + 12, 4);
    mk_write(s.g.k, s.elem + 0x10, data + 16, 64);
    mk_write(s.g.k, s.rule + 0x18, zeros, sizeof zeros);
    data += 80, size -= 80;
    while (size) {
        const unsigned i = *data % EXPRS;
        const size_t len = exprs[i].size - 8 < size - 1 ? exprs[i].size - 8 : size - 1;
        const uint64_t at = s.rule + 0x18 + used;

        if (used + exprs[i].size > RULE_MAX)
            break;
        mk_write_ptr(s.g.k, at, s.ops[i]);
        mk_write(s.g.k, at + 8, data + 1, len);
        // What a lookup looks into is a set, or anything else.
        if (!strcmp(exprs[i].type, "lookup") || !strcmp(exprs[i].type, "dynset"))
            if (len >= 9 && data[9] & 1)
                mk_write_ptr(s.g.k, at + 8, s.set);
        used += exprs[i].size;
        data += len + 1, size -= len + 1;
    }
    mk_write_ptr(s.g.k, s.rule + 0x10, used << 44 | 1);
    mk_rows(s.g.k, "nftables", NULL);
    return 0;
}
