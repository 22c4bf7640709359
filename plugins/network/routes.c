/* routes - the routes of every table of every network namespace, as `ip route show table all`. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../linux/kernel/time.h"
#include "../linux/net/device.h"
#include "../linux/net/ip.h"
#include "../linux/net/net.h"
#include "../linux/net/route.h"

EG_FIELD_AS(net_fib4, net, "ipv4.fib_table_hash");
EG_FIELD_AS(net_fib4_rules, net, "ipv4.rules_ops"); // with CONFIG_IP_MULTIPLE_TABLES
EG_FIELD_AS(net_fib6, net, "ipv6.fib_table_hash");
EG_FIELD_AS(net_fib6_rules, net, "ipv6.fib6_rules_ops"); // with CONFIG_IPV6_MULTIPLE_TABLES
EG_FIELD_AS(net_fib6_null, net, "ipv6.fib6_null_entry");
EG_FIELD_AS(net_nexthops, net, "nexthop.rb_root");
EG_TYPE(hlist_head);
EG_FIELDS(fib_table, tb_hlist, tb_id, tb_data);
EG_FIELDS(trie, kv);
EG_FIELDS(key_vector, key, pos, bits, leaf, tnode);
EG_FIELDS(fib_alias, fa_list, fa_info, fa_slen, fa_type, tb_id);
EG_FIELD_AS(fa_tos, fib_alias, "fa_dscp|fa_tos"); // renamed in 5.18
EG_FIELDS(fib_info, fib_protocol, fib_scope, fib_prefsrc, fib_priority, fib_nhs, nh, fib_nh);
EG_TYPE(fib_nh);
EG_FIELDS(fib_nh_common, nhc_dev, nhc_oif, nhc_gw_family, nhc_flags, nhc_weight);
EG_FIELD_AS(nhc_gw4, fib_nh_common, "nhc_gw.ipv4");
EG_FIELD_AS(nhc_gw6, fib_nh_common, "nhc_gw.ipv6");
EG_FIELDS(nexthop, rb_node, id, protocol, is_group, nh_info, nh_grp);
EG_FIELDS(nh_info, fib_nhc, reject_nh);
EG_FIELDS(nh_group, num_nh, nh_entries);
EG_FIELDS(nh_grp_entry, nh, weight);
EG_FIELDS(fib6_table, tb6_hlist, tb6_id, tb6_root);
EG_FIELDS(fib6_node, parent, left, right, subtree, leaf);
EG_FIELDS(fib6_info, fib6_table, fib6_next, fib6_flags, fib6_metric, fib6_protocol, fib6_type,
          fib6_nsiblings, expires, nh, fib6_nh);
EG_FIELD_AS(fib6_dst, fib6_info, "fib6_dst.addr");
EG_FIELD_AS(fib6_dst_len, fib6_info, "fib6_dst.plen");
EG_FIELD_AS(fib6_src, fib6_info, "fib6_src.addr");
EG_FIELD_AS(fib6_src_len, fib6_info, "fib6_src.plen");
EG_FIELD_AS(fib6_prefsrc, fib6_info, "fib6_prefsrc.addr");
EG_FIELD_AS(fib6_prefsrc_len, fib6_info, "fib6_prefsrc.plen");

enum {
    TABLES = 256,  // FIB_TABLE_HASHSZ, FIB6_TABLE_HASHSZ
    KEY_BITS = 32, // KEYLENGTH (net/ipv4/fib_trie.c)
    SLOTS_MAX =
        1 << 24,     // places in the nodes of one trie: a full table of the Internet has 3 million
    HOPS_MAX = 1024, // next hops of one route
    NODES6_MAX = 1 << 22,
    RTF_EXPIRES = 0x00400000, // include/uapi/linux/ipv6_route.h
};

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "address of the fib_alias, fib6_info or nexthop", EG_MINOR)                    \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(FAMILY, TEXT, "AF_INET, AF_INET6")                                                           \
    C(ROUTE_TABLE, TEXT, "main, local, default or a number")                                       \
    C(TYPE, TEXT, "unicast, local, broadcast, multicast, blackhole, unreachable, prohibit, throw") \
    C(NETWORK, TEXT, "where it leads: default, an address, or a network with its prefix",          \
      EG_WHOLE)                                                                                    \
    C(FROM, TEXT, "only for packets from this network (IPv6)", EG_ASKED)                           \
    C(GATEWAY, TEXT, "the machine that packets are sent to; empty: directly", EG_WHOLE)            \
    C(INTERFACE, TEXT, "by which interface")                                                       \
    C(IFINDEX, INT, "its number", EG_MINOR)                                                        \
    C(PREFERRED_SOURCE, TEXT, "the address of this machine that packets have", EG_MINOR)           \
    C(METRIC, INT, "of several routes the one with the lowest is taken")                           \
    C(TOS, INT, "only for packets with this type of service (IPv4)", EG_ASKED)                     \
    C(SCOPE_TYPE, TEXT, "how far away: global, link, host (IPv4)", EG_MINOR)                       \
    C(ORIGIN, TEXT, "who made it: kernel, boot, static, ra, dhcp, bgp", EG_MINOR)                  \
    C(HOP_WEIGHT, INT, "share of this next hop, where a route has several", EG_MINOR)              \
    C(NEXTHOP_ID, INT, "number of the next hop object", EG_MINOR)                                  \
    C(EXPIRES, TIME, "when it ends, if it does", EG_MINOR)                                         \
    C(ROUTE_FLAGS, FLAGS, "dead, onlink, linkdown, offload: of the next hop", EG_MINOR)
EG_COLUMNS(COLUMNS);

/** What all next hops of a route share. */
struct route {
    struct eg_obj net;
    struct row row;
    bool many; /**< several next hops: each has a weight */
};

static const struct eg_constant hop_flags[] = {
    // RTNH_F_… (include/uapi/linux/rtnetlink.h)
    { "dead", 1 },      { "pervasive", 2 },   { "onlink", 4 }, { "offload", 8 },
    { "linkdown", 16 }, { "unresolved", 32 }, { "trap", 64 },  { NULL, 0 },
};

static bool family_asked(struct eg_run *r, int family)
{
    const bool four = eg_arg_flag(r, "ipv4"), six = eg_arg_flag(r, "ipv6");

    return four == six || (family == 4 ? four : six);
}

static struct eg_cell gateway(struct eg_run *r, struct eg_obj hop)
{
    uint8_t family;

    if (!eg_get(&family, hop, fib_nh_common.nhc_gw_family))
        return eg_val(hop, fib_nh_common.nhc_gw_family);
    if (!family)
        return (struct eg_cell){ 0 };
    return linux_ip(r, family == 2 ? eg_at(hop, nhc_gw4) : eg_at(hop, nhc_gw6));
}

/** A row of one next hop (a cursor on a fib_nh_common; bad: it has none). */
static void emit(struct eg_run *r, const struct route *route, struct eg_obj hop, uint64_t weight)
{
    struct row row = route->row;
    int64_t index;
    uint64_t flags;

    if (!hop.why) {
        row.GATEWAY = gateway(r, hop);
        row.INTERFACE = eg_val(hop, fib_nh_common.nhc_dev, net_device.name);
        if (row.INTERFACE.obj.why == EG_NULL) // a blackhole needs none
            row.INTERFACE = (struct eg_cell){ 0 };
        if (eg_get(&index, hop, fib_nh_common.nhc_oif) && index)
            row.IFINDEX = eg_int(index);
        if (eg_get(&flags, hop, fib_nh_common.nhc_flags) && flags)
            row.ROUTE_FLAGS = eg_text(eg_bits_text(r, hop_flags, flags, ","));
        if (route->many)
            row.HOP_WEIGHT = eg_uint(weight);
    } else {
        row.GATEWAY = row.INTERFACE = eg_cell_of(hop);
    }
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
}

/** The next hops of a nexthop object: one, or those of a group (net/ipv4/nexthop.c, since 5.3). */
static void emit_object(struct eg_run *r, struct route *route, struct eg_obj nexthop)
{
    struct eg_obj group, entries;
    uint64_t n;

    route->row.NEXTHOP_ID = eg_val(nexthop, nexthop.id);
    if (!eg_get_or(0, nexthop, nexthop.is_group) &&
        eg_get_or(0, nexthop, nexthop.nh_info, nh_info.reject_nh)) {
        route->row.TYPE = eg_text("blackhole"); // it names lo, where nothing goes
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&route->row,
                 sizeof route->row / sizeof(struct eg_cell));
        return;
    }
    if (!eg_get_or(0, nexthop, nexthop.is_group)) {
        emit(r, route, eg_at(nexthop, nexthop.nh_info, nh_info.fib_nhc), 1);
        return;
    }
    group = eg_deref(eg_at(nexthop, nexthop.nh_grp));
    entries = eg_at(group, nh_group.nh_entries);
    if (!eg_get(&n, group, nh_group.num_nh) || n > HOPS_MAX) {
        eg_note(r, "the group of next hops at %#llx cannot be read",
                (unsigned long long)nexthop.addr);
        emit(r, route, group.why ? group : eg_bad(group, EG_BAD_VALUE, group.addr), 1);
        return;
    }
    route->many = true;
    for (uint64_t i = 0; i < n; i++) {
        struct eg_obj e = eg_object(r, nh_grp_entry, entries.addr + i * eg_size(r, nh_grp_entry));

        emit(r, route, eg_at(e, nh_grp_entry.nh, nexthop.nh_info, nh_info.fib_nhc),
             eg_get_or((uint64_t)0, e, nh_grp_entry.weight));
    }
}

static const char *network(struct eg_run *r, const uint8_t *bytes, size_t len, uint64_t prefix)
{
    if (!prefix)
        return "default";
    return prefix == 8 * len ? linux_ip_text(r, bytes, len)
                             : eg_strf(r, "%s/%u", linux_ip_text(r, bytes, len), (unsigned)prefix);
}

/* ---- IPv4: a trie of keys (net/ipv4/fib_trie.c) ---- */

static void emit4(struct eg_run *r, struct eg_obj net, struct eg_obj alias, uint32_t key,
                  uint32_t table)
{
    const uint8_t bytes[4] = { (uint8_t)(key >> 24), (uint8_t)(key >> 16), (uint8_t)(key >> 8),
                               (uint8_t)key };
    struct eg_obj info = eg_deref(eg_at(alias, fib_alias.fa_info)), nh, hops;
    uint64_t zeros = 0, n, metric, tos;
    uint32_t source, scope, origin, type;
    struct route route = { .net = net };

    const bool known = eg_get(&zeros, alias, fib_alias.fa_slen) && zeros <= KEY_BITS;

    route.row.OFFSET = eg_addr(alias);
    route.row.NS = eg_val(net, net_inum);
    route.row.FAMILY = eg_text("AF_INET");
    route.row.ROUTE_TABLE = eg_text(linux_route_table(r, table));
    route.row.TYPE = eg_get(&type, alias, fib_alias.fa_type) ? eg_text(linux_route_type(r, type))
                                                             : eg_val(alias, fib_alias.fa_type);
    route.row.NETWORK = known ? eg_text(network(r, bytes, sizeof bytes, KEY_BITS - zeros))
                              : eg_missing(EG_BAD_VALUE, alias.addr);
    route.row.METRIC = eg_get(&metric, info, fib_info.fib_priority)
                           ? eg_uint(metric)
                           : eg_val(info, fib_info.fib_priority);
    if (eg_get(&scope, info, fib_info.fib_scope))
        route.row.SCOPE_TYPE = eg_text(linux_route_scope(r, scope));
    if (eg_get(&origin, info, fib_info.fib_protocol))
        route.row.ORIGIN = eg_text(linux_route_origin(r, origin));
    if (eg_get(&tos, alias, fa_tos) && tos)
        route.row.TOS = eg_uint(tos);
    if (eg_get(&source, info, fib_info.fib_prefsrc) && source)
        route.row.PREFERRED_SOURCE = linux_ip(r, eg_at(info, fib_info.fib_prefsrc));
    nh = eg_deref(eg_at(info, fib_info.nh));
    if (!nh.why) {
        emit_object(r, &route, nh);
        return;
    }
    hops = eg_at(info, fib_info.fib_nh);
    if (!eg_get(&n, info, fib_info.fib_nhs) || !n || n > HOPS_MAX) {
        emit(r, &route, eg_bad(info, info.why ? info.why : EG_BAD_VALUE, info.addr), 1);
        return;
    }
    route.many = n > 1;
    for (uint64_t i = 0; i < n; i++) { // struct fib_nh begins with its fib_nh_common
        struct eg_obj hop = eg_object(r, fib_nh_common, hops.addr + i * eg_size(r, fib_nh));

        emit(r, &route, hop, eg_get_or((uint64_t)1, hop, fib_nh_common.nhc_weight));
    }
}

/** A node on the way down: its children's places that are still to be looked at. */
struct level {
    uint64_t children, next, n;
    uint32_t key, pos;
    bool root;
};

struct node {
    uint32_t key, pos, bits;
};
static bool read_node(struct eg_obj kv, struct node *n)
{
    return eg_get(&n->key, kv, key_vector.key) && eg_get(&n->pos, kv, key_vector.pos) &&
           eg_get(&n->bits, kv, key_vector.bits);
}

/** Does a child at place @i belong to its parent? The bits of its key above its own position choose
 * the place, and it decides about lower bits than its parent: so no trie has a circle. */
static bool belongs(const struct level *up, uint64_t i, const struct node *n)
{
    if (n->bits ? n->pos + n->bits > up->pos : n->pos != 0)
        return false;
    return up->root || (uint64_t)((n->key ^ up->key) >> up->pos) == i;
}

static void walk_trie(struct eg_run *r, struct eg_obj net, struct eg_obj table)
{
    const unsigned word = eg_binding_of(r)->model.ptr_size;
    struct level at[KEY_BITS + 2] = { 0 };
    struct eg_obj trie = eg_cast(eg_at(table, fib_table.tb_data), trie);
    uint64_t slots = 0, lost = 0;
    uint32_t id, own;
    int depth = 0;

    if (trie.kind == EG_K_PTR)
        trie = eg_deref(trie);
    if (trie.why || !eg_get(&id, table, fib_table.tb_id)) {
        eg_note(r, "the table of routes at %#llx cannot be read", (unsigned long long)table.addr);
        return;
    }
    // The root is a node without bits and with one child.
    at[0] = (struct level){
        eg_at(trie, trie.kv).addr + eg_offset(r, key_vector.tnode), 0, 1, 0, KEY_BITS, true
    };
    while (depth >= 0 && !eg_stopped(r) && slots++ < SLOTS_MAX) {
        struct level *up = &at[depth];
        const uint64_t i = up->next++;
        struct eg_obj kv, alias;
        struct node n;
        uint64_t child;

        if (i >= up->n) {
            depth--;
            continue;
        }
        if (!eg_pointer_at(r, up->children + i * word, &child)) {
            lost++;
            continue;
        }
        if (!child)
            continue;
        kv = eg_object(r, key_vector, child);
        if (!read_node(kv, &n) || !belongs(up, i, &n)) {
            lost++;
            continue;
        }
        if (n.bits) { // pos falls with each level, so 32 levels are enough
            at[++depth] = (struct level){ child + eg_offset(r, key_vector.tnode),
                                          0,
                                          UINT64_C(1) << n.bits,
                                          n.key,
                                          n.pos,
                                          false };
            continue;
        }
        // The tables main and local share a trie until rules are made.
        eg_each_hlist(alias, eg_at(kv, key_vector.leaf), fib_alias.fa_list)
            if (eg_get_or(id, alias, fib_alias.tb_id) == id)
                emit4(r, net, alias, n.key, id);
    }
    own = id;
    if (slots >= SLOTS_MAX || lost)
        eg_note(r, "table %s of the namespace at %#llx: %llu places of its trie are damaged%s",
                linux_route_table(r, own), (unsigned long long)net.addr, (unsigned long long)lost,
                slots >= SLOTS_MAX ? ", and it is too large" : "");
}

/** The head of list @i of an array of hlist_heads that a pointer leads to. */
static struct eg_obj head_at(struct eg_run *r, struct eg_obj heads, uint64_t i)
{
    uint64_t at;

    if (!eg_load(&at, heads) || !at)
        return eg_bad(heads, heads.why ? heads.why : EG_NULL, heads.addr);
    return eg_object(r, hlist_head, at + i * eg_size(r, hlist_head));
}

static void list4(struct eg_run *r, struct eg_obj net)
{
    const unsigned n = eg_has(r, net_fib4_rules) ? TABLES : 2;
    struct eg_obj table;

    for (unsigned i = 0; i < n; i++)
        eg_each_hlist(table, head_at(r, eg_at(net, net_fib4), i), fib_table.tb_hlist)
            walk_trie(r, net, table);
}

/* ---- IPv6: a binary tree (net/ipv6/ip6_fib.c) ---- */

static void emit6(struct eg_run *r, struct eg_obj net, struct eg_obj info, uint32_t table)
{
    struct eg_obj dst = eg_at(info, fib6_dst), src = eg_at(info, fib6_src), nh, hop;
    uint8_t bytes[16] = { 0 };
    struct route route = { .net = net };
    uint64_t len, flags, metric;
    uint32_t type, origin;

    route.row.OFFSET = eg_addr(info);
    route.row.NS = eg_val(net, net_inum);
    route.row.FAMILY = eg_text("AF_INET6");
    route.row.ROUTE_TABLE = eg_text(linux_route_table(r, table));
    route.row.TYPE = eg_get(&type, info, fib6_info.fib6_type) ? eg_text(linux_route_type(r, type))
                                                              : eg_val(info, fib6_info.fib6_type);
    if (dst.why || !eg_read(dst.view, dst.space, dst.addr, bytes, sizeof bytes))
        route.row.NETWORK = eg_missing(EG_UNREADABLE, info.addr);
    else if (!eg_get(&len, info, fib6_dst_len) || len > 128)
        route.row.NETWORK = eg_missing(EG_BAD_VALUE, info.addr);
    else
        route.row.NETWORK = eg_text(network(r, bytes, sizeof bytes, len));
    if (eg_get(&len, info, fib6_src_len) && len && len <= 128 &&
        eg_read(src.view, src.space, src.addr, bytes, sizeof bytes))
        route.row.FROM = eg_text(network(r, bytes, sizeof bytes, len));
    if (eg_get(&len, info, fib6_prefsrc_len) && len)
        route.row.PREFERRED_SOURCE = linux_ip(r, eg_at(info, fib6_prefsrc));
    route.row.METRIC = eg_get(&metric, info, fib6_info.fib6_metric)
                           ? eg_uint(metric)
                           : eg_val(info, fib6_info.fib6_metric);
    if (eg_get(&origin, info, fib6_info.fib6_protocol))
        route.row.ORIGIN = eg_text(linux_route_origin(r, origin));
    if (eg_get(&flags, info, fib6_info.fib6_flags) && flags & RTF_EXPIRES)
        route.row.EXPIRES = linux_wall_of(r, LINUX_JIFFIES, eg_at(info, fib6_info.expires));
    nh = eg_deref(eg_at(info, fib6_info.nh));
    hop = eg_object(r, fib_nh_common, eg_at(info, fib6_info.fib6_nh).addr);
    route.many = eg_get_or(0, info, fib6_info.fib6_nsiblings) != 0;
    if (!nh.why)
        emit_object(r, &route, nh);
    else // struct fib6_nh begins with its fib_nh_common; of several each is a fib6_info
        emit(r, &route, hop, eg_get_or((uint64_t)1, hop, fib_nh_common.nhc_weight));
}

static void walk6(struct eg_run *r, struct eg_obj net, struct eg_obj table)
{
    struct eg_map *seen = eg_run_map(r);
    uint64_t *stack = NULL, null_entry = 0, at, child, lost = 0;
    size_t n = 0, cap = 0, nodes = 0;
    uint32_t id;

    if (!eg_get(&id, table, fib6_table.tb6_id))
        return;
    eg_get(&null_entry, net, net_fib6_null);
    stack = eg_grow(r, stack, n, &cap, sizeof *stack);
    stack[n++] = eg_at(table, fib6_table.tb6_root).addr;
    while (n && nodes++ < NODES6_MAX && !eg_stopped(r)) {
        struct eg_obj node = eg_object(r, fib6_node, stack[--n]), info;
        uint64_t right = 0, left = 0, down = 0;

        if (!eg_get(&at, node, fib6_node.leaf)) {
            lost++;
            continue;
        }
        // The entry that stands for "no route" is in no list of `ip`.
        for (; at && at != null_entry && eg_run_map_add(r, seen, at, 0); at = child) {
            info = eg_object(r, fib6_info, at);
            // A node without a route of its own borrows that of another below (fib6_find_prefix).
            if (!eg_get(&child, info, fib6_info.fib6_table) || child != table.addr ||
                !eg_get(&child, info, fib6_info.fib6_next)) {
                lost++;
                break;
            }
            emit6(r, net, info, id);
        }
        eg_get(&right, node, fib6_node.right);
        eg_get(&left, node, fib6_node.left);
        eg_get(&down, node, fib6_node.subtree);
        for (int i = 0; i < 3; i++) {
            child = i == 0 ? right : i == 1 ? left : down;
            if (!child || !eg_run_map_add(r, seen, child, 0))
                continue;
            // Each child names its parent.
            if (!eg_get(&at, eg_object(r, fib6_node, child), fib6_node.parent) || at != node.addr) {
                lost++;
                continue;
            }
            stack = eg_grow(r, stack, n, &cap, sizeof *stack);
            stack[n++] = child;
        }
    }
    if (lost || n)
        eg_note(r, "table %s of IPv6 of the namespace at %#llx: %llu nodes or routes are damaged",
                linux_route_table(r, id), (unsigned long long)net.addr, (unsigned long long)lost);
}

static void list6(struct eg_run *r, struct eg_obj net)
{
    const unsigned n = eg_has(r, net_fib6_rules) ? TABLES : 1;
    struct eg_obj table;

    for (unsigned i = 0; i < n; i++)
        eg_each_hlist(table, head_at(r, eg_at(net, net_fib6), i), fib6_table.tb6_hlist)
            walk6(r, net, table);
}

static void list_nexthops(struct eg_run *r, struct eg_obj net)
{
    struct eg_obj nexthop;
    uint32_t origin;

    eg_each_rb(nexthop, eg_at(net, net_nexthops), nexthop.rb_node) {
        struct route route = { .net = net };

        route.row.OFFSET = eg_addr(nexthop);
        route.row.NS = eg_val(net, net_inum);
        route.row.TYPE =
            eg_text(eg_get_or(0, nexthop, nexthop.is_group) ? "next hop group" : "next hop");
        if (eg_get(&origin, nexthop, nexthop.protocol))
            route.row.ORIGIN = eg_text(linux_route_origin(r, origin));
        emit_object(r, &route, nexthop);
    }
}

static int run(struct eg_run *r)
{
    struct eg_obj net;
    int64_t inum;

    linux_each_net(r, net)
    {
        if (eg_get(&inum, net, net_inum) && !eg_arg_match(r, "ns", inum))
            continue;
        if (eg_arg_flag(r, "nexthops")) {
            list_nexthops(r, net);
            continue;
        }
        if (family_asked(r, 4))
            list4(r, net);
        if (family_asked(r, 6) && eg_has(r, net_fib6))
            list6(r, net);
    }
    return 0;
}

EG_PLUGIN(routes) = {
    .os = "linux",
    .help = "List the routes of every table and network namespace",
    .manual = "As `ip route show table all`, for IPv4 and IPv6, of each namespace, also one that "
              "no process is in. A route with several next hops has a row for each. Which table is "
              "asked for which packet: see rules. Routes of IPv6 that were learned for one "
              "destination (a smaller MTU, a redirect) are not shown.",
    .aliases = EG_NAMES("linux_route_cache", "route", "fib"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(ns, INT, "only these network namespaces"),
                    EG_ARG(ipv4, FLAG, "only IPv4"), EG_ARG(ipv6, FLAG, "only IPv6"),
                    EG_ARG(nexthops, FLAG, "the objects of `ip nexthop` instead of routes")),
    .needs = EG_NEEDS(net_fib4, fib_table.tb_data, key_vector.tnode, fib_alias.fa_info,
                      fib_nh_common.nhc_dev),
    .uses = EG_NAMES("nets"),
    .run = run,
    .key = EG_NAMES("NS", "FAMILY", "ROUTE_TABLE", "TYPE", "NETWORK", "FROM", "METRIC", "TOS",
                    "IFINDEX", "GATEWAY"),
    .moves = EG_NAMES("EXPIRES"),
};
