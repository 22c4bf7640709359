/* routes_test.c - routes and rules: tries and trees, next hops, objects; and damaged ones. */
#include "check.h"
#include "mknet.h"

struct table {
    struct world *w;
    uint64_t table, trie;
};

static struct table make_table(struct world *w, unsigned id, uint64_t trie)
{
    struct table t = { w, mk_object(w->k, "fib_table"), trie };

    if (!trie)
        t.trie = mk_object(w->k, "trie");
    mk_put(w->k, t.table, "fib_table.tb_id", id);
    mk_put(w->k, t.table, "fib_table.tb_data", t.trie);
    push_hlist(w, mk_of(&w->g, w->net, "net.ipv4.fib_table_hash") + (uint64_t)id * w->ptr,
               mk_at(w->k, t.table, "fib_table.tb_hlist"));
    return t;
}

/** A node of a trie with 2^@bits children: @bits 0 is a leaf. */
static uint64_t make_node(struct world *w, uint32_t key, unsigned pos, unsigned bits)
{
    uint64_t node = mk_alloc(w->k, 64 + ((uint64_t)w->ptr << bits));

    mk_put(w->k, node, "key_vector.key", key);
    mk_put(w->k, node, "key_vector.pos", pos);
    mk_put(w->k, node, "key_vector.bits", bits);
    return node;
}

static void set_child(struct world *w, uint64_t node, unsigned i, uint64_t child)
{
    mk_write_ptr(w->k, mk_at(w->k, node, "key_vector.tnode") + (uint64_t)i * w->ptr, child);
}

static uint64_t make_info(struct world *w, uint64_t dev, unsigned hops)
{
    uint64_t info = mk_object(w->k, "fib_info");

    mk_put(w->k, info, "fib_info.fib_nhs", hops);
    mk_put(w->k, info, "fib_info.fib_protocol", 4);
    mk_put(w->k, info, "fib_info.fib_priority", 5);
    mk_put(w->k, info, "fib_info.fib_nh.nh_common.nhc_dev", dev);
    mk_put(w->k, info, "fib_info.second.nh_common.nhc_dev", dev);
    mk_put(w->k, info, "fib_info.fib_nh.nh_common.nhc_weight", 2);
    mk_put(w->k, info, "fib_info.second.nh_common.nhc_weight", 1);
    mk_put(w->k, info, "fib_info.second.nh_common.nhc_gw_family", 2);
    mk_write(w->k, mk_at(w->k, info, "fib_info.second.nh_common.nhc_gw.ipv4"),
             (const uint8_t[]){ 192, 0, 2, 254 }, 4);
    return info;
}

static uint64_t add_alias(struct world *w, uint64_t leaf, uint64_t info, unsigned zeros,
                          unsigned type, unsigned table)
{
    uint64_t alias = mk_object(w->k, "fib_alias");

    mk_put(w->k, alias, "fib_alias.fa_info", info);
    mk_put(w->k, alias, "fib_alias.fa_slen", zeros);
    mk_put(w->k, alias, "fib_alias.fa_type", type);
    mk_put(w->k, alias, "fib_alias.tb_id", table);
    push_hlist(w, mk_at(w->k, leaf, "key_vector.leaf"), mk_at(w->k, alias, "fib_alias.fa_list"));
    return alias;
}

/** Two tables that share a trie, a node between, two prefixes of one leaf, several next hops, a
 * blackhole; then damage: a child that is its own parent, one at a wrong place, a huge node. */
static void routes_ipv4(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t dev = make_dev(&w, w.net, 2, "eth0", NULL), node, a, b;
        struct table main = make_table(&w, 254, 0);

        add_dev(&w, w.net, dev, 2);
        make_table(&w, 255, main.trie);
        assert_string_equal(columns(&w, "routes", "ipv4", 3, 7), ""); // an empty trie
        node = make_node(&w, 0xc0000200, 7, 1);
        a = make_node(&w, 0xc0000200, 0, 0);
        b = make_node(&w, 0xc0000280, 0, 0);
        set_child(&w, mk_at(w.k, main.trie, "trie.kv"), 0, node);
        set_child(&w, node, 0, a);
        set_child(&w, node, 1, b);
        add_alias(&w, a, make_info(&w, dev, 1), 8, 1, 254);
        add_alias(&w, a, make_info(&w, dev, 1), 0, 2, 255);
        add_alias(&w, b, make_info(&w, dev, 2), 7, 1, 254);
        assert_string_equal(columns(&w, "routes", "ipv4", 3, 8),
                            "main|unicast|192.0.2.0/24|||eth0\n"
                            "main|unicast|192.0.2.128/25|||eth0\n"
                            "main|unicast|192.0.2.128/25||192.0.2.254|eth0\n"
                            "local|local|192.0.2.0|||eth0");
        assert_string_equal(columns(&w, "routes", "ipv4", 11, 15),
                            "5||global|static|\n5||global|static|2\n5||global|static|1\n"
                            "5||global|static|");
        add_alias(&w, a, make_info(&w, 0, 1), 32, 6, 254); // a blackhole has no interface
        assert_string_equal(columns(&w, "routes", "ipv4 ns=11", 3, 8),
                            "main|blackhole|default|||\n"
                            "main|unicast|192.0.2.0/24|||eth0\n"
                            "main|unicast|192.0.2.128/25|||eth0\n"
                            "main|unicast|192.0.2.128/25||192.0.2.254|eth0\n"
                            "local|local|192.0.2.0|||eth0");
        set_child(&w, node, 0, node);
        assert_string_equal(columns(&w, "routes", "ipv4", 3, 5),
                            "main|unicast|192.0.2.128/25\nmain|unicast|192.0.2.128/25");
        assert_int_equal(mk_row_notes("1 places of its trie are damaged"), 2);
        set_child(&w, node, 0, b); // its key does not lead there
        assert_string_equal(columns(&w, "routes", "ipv4", 3, 3), "main\nmain");
        mk_put(w.k, node, "key_vector.bits", 200);
        assert_string_equal(columns(&w, "routes", "ipv4", 3, 3), "");
        if (m == mk_machines) { // 2^25 places, most of which are not there: once is enough
            mk_put(w.k, node, "key_vector.bits", 25);
            mk_put(w.k, node, "key_vector.pos", 7);
            columns(&w, "routes", "ipv4", 3, 3);
            assert_true(mk_row_notes("too large") > 0);
        }
        mk_free(w.k);
    }
}

/** Next hop objects: one, a group; a group that claims thousands. */
static void routes_by_object(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t dev = make_dev(&w, w.net, 2, "eth0", NULL), hop = mk_object(w.k, "nh_info");
        uint64_t one = mk_object(w.k, "nexthop"), group = mk_object(w.k, "nexthop");
        uint64_t members = mk_object(w.k, "nh_group"), info = make_info(&w, dev, 0);
        uint64_t leaf = make_node(&w, 0x0a000000, 0, 0);
        struct table main = make_table(&w, 254, 0);

        set_child(&w, mk_at(w.k, main.trie, "trie.kv"), 0, leaf);
        add_alias(&w, leaf, info, 24, 1, 254);
        assert_string_equal(columns(&w, "routes", "ipv4", 5, 8), "10.0.0.0/8||-|-"); // no next hop
        mk_put(w.k, one, "nexthop.id", 7);
        mk_put(w.k, one, "nexthop.nh_info", hop);
        mk_put(w.k, hop, "nh_info.fib_nhc.nhc_dev", dev);
        mk_put(w.k, info, "fib_info.nh", one);
        assert_string_equal(columns(&w, "routes", "ipv4", 5, 8), "10.0.0.0/8|||eth0");
        assert_string_equal(columns(&w, "routes", "ipv4", 15, 16), "|7");
        mk_put(w.k, hop, "nh_info.reject_nh", 1);
        assert_string_equal(columns(&w, "routes", "ipv4", 4, 8), "blackhole|10.0.0.0/8|||");
        mk_put(w.k, hop, "nh_info.reject_nh", 0);
        mk_put(w.k, group, "nexthop.id", 9);
        mk_put(w.k, group, "nexthop.is_group", 1);
        mk_put(w.k, group, "nexthop.nh_grp", members);
        mk_put(w.k, members, "nh_group.num_nh", 2);
        mk_put(w.k, members, "nh_group.nh_entries.nh", one);
        mk_put(w.k, members, "nh_group.nh_entries.weight", 3);
        mk_put(w.k, members, "nh_group.other.nh", one);
        mk_put(w.k, members, "nh_group.other.weight", 1);
        mk_put(w.k, info, "fib_info.nh", group);
        assert_string_equal(columns(&w, "routes", "ipv4", 15, 16), "3|9\n1|9");
        mk_put(w.k, members, "nh_group.num_nh", 60000);
        assert_string_equal(columns(&w, "routes", "ipv4", 15, 16), "|9");
        assert_int_equal(mk_row_notes("group of next hops"), 1);
        mk_free(w.k);
    }
}

static uint64_t make_route6(struct world *w, uint64_t table, uint64_t dev, unsigned last,
                            unsigned prefix)
{
    uint64_t info = mk_object(w->k, "fib6_info");

    mk_put(w->k, info, "fib6_info.fib6_table", table);
    mk_write(w->k, mk_at(w->k, info, "fib6_info.fib6_dst.addr"),
             (const uint8_t[16]){ 0xfd, [15] = (uint8_t)last }, 16);
    mk_put(w->k, info, "fib6_info.fib6_dst.plen", prefix);
    mk_put(w->k, info, "fib6_info.fib6_type", 1);
    mk_put(w->k, info, "fib6_info.fib6_metric", 1024);
    mk_put(w->k, info, "fib6_info.fib6_nh.nh_common.nhc_dev", dev);
    return info;
}

/** The root's entry that stands for no route; a node without a route of its own, which borrows; a
 * child that names another parent; a circle. */
static void routes_ipv6(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t dev = make_dev(&w, w.net, 2, "eth0", NULL), table = mk_object(w.k, "fib6_table");
        uint64_t root = mk_at(w.k, table, "fib6_table.tb6_root"), none, a, b, left, right;

        mk_put(w.k, table, "fib6_table.tb6_id", 254);
        push_hlist(&w, mk_of(&w.g, w.net, "net.ipv6.fib_table_hash") + 254ull * w.ptr,
                   mk_at(w.k, table, "fib6_table.tb6_hlist"));
        none = make_route6(&w, table, dev, 0, 0);
        mk_put(w.k, w.net, "net.ipv6.fib6_null_entry", none);
        mk_put(w.k, root, "fib6_node.leaf", none);
        left = mk_object(w.k, "fib6_node");
        right = mk_object(w.k, "fib6_node");
        mk_put(w.k, root, "fib6_node.left", left);
        mk_put(w.k, root, "fib6_node.right", right);
        mk_put(w.k, left, "fib6_node.parent", root);
        mk_put(w.k, right, "fib6_node.parent", root);
        a = make_route6(&w, table, dev, 1, 128);
        b = make_route6(&w, table, dev, 0, 64);
        mk_put(w.k, left, "fib6_node.leaf", a);
        mk_put(w.k, a, "fib6_info.fib6_next", b);
        mk_put(w.k, right, "fib6_node.leaf", a); // borrowed
        assert_string_equal(columns(&w, "routes", "ipv6", 2, 8),
                            "AF_INET6|main|unicast|fd00::1|||eth0\n"
                            "AF_INET6|main|unicast|fd00::/64|||eth0");
        mk_put(w.k, b, "fib6_info.fib6_next", a); // a circle
        mk_put(w.k, right, "fib6_node.parent", left);
        assert_string_equal(columns(&w, "routes", "ipv6", 5, 5), "fd00::1\nfd00::/64");
        assert_int_equal(mk_row_notes("1 nodes or routes are damaged"), 1);
        mk_put(w.k, b, "fib6_info.fib6_table", root);
        mk_put(w.k, a, "fib6_info.fib6_dst.plen", 129);
        assert_string_equal(columns(&w, "routes", "ipv6", 5, 5), "-");
        mk_free(w.k);
    }
}

static void rules(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t ops = mk_object(w.k, "fib_rules_ops"), rule = mk_object(w.k, "fib4_rule");
        uint64_t list;

        mk_put(w.k, ops, "fib_rules_ops.family", 2);
        mk_list_append(w.k, mk_at(w.k, w.net, "net.rules_ops"),
                       mk_at(w.k, ops, "fib_rules_ops.list"));
        list = head_of(&w, ops, "fib_rules_ops.rules_list");
        mk_put(w.k, rule, "fib4_rule.common.pref", 1710);
        mk_put(w.k, rule, "fib4_rule.common.action", 1);
        mk_put(w.k, rule, "fib4_rule.common.table", 171);
        mk_put(w.k, rule, "fib4_rule.common.suppress_prefixlen", 0xffffffff);
        mk_put(w.k, rule, "fib4_rule.common.suppress_ifgroup", 0xffffffff);
        mk_list_append(w.k, list, mk_at(w.k, rule, "fib4_rule.common.list"));
        assert_string_equal(columns(&w, "rules", NULL, 2, 9), "AF_INET|1710|all|all||lookup|171|");
        mk_write(w.k, mk_at(w.k, rule, "fib4_rule.src"), (const uint8_t[]){ 192, 0, 2, 0 }, 4);
        mk_put(w.k, rule, "fib4_rule.src_len", 25);
        mk_put(w.k, rule, "fib4_rule.common.mark", 0x1ab);
        mk_put(w.k, rule, "fib4_rule.common.mark_mask", 0xfff);
        mk_put(w.k, rule, "fib4_rule.common.flags", 2);
        mk_puts(w.k, rule, "fib4_rule.common.iifname", "lo");
        mk_put(w.k, rule, "fib4_rule.common.suppress_prefixlen", 0);
        assert_string_equal(columns(&w, "rules", NULL, 4, 9),
                            "192.0.2.0/25|all|not iif lo fwmark 0x1ab/0xfff|lookup|171|"
                            "prefixlength 0");
        mk_put(w.k, rule, "fib4_rule.common.action", 6);
        mk_put(w.k, rule, "fib4_rule.src_len", 32);
        assert_string_equal(columns(&w, "rules", NULL, 4, 4), "192.0.2.0");
        assert_string_equal(columns(&w, "rules", NULL, 7, 8), "blackhole|");
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_ipv4),
        cmocka_unit_test(routes_by_object),
        cmocka_unit_test(routes_ipv6),
        cmocka_unit_test(rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
