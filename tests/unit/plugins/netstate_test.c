/* netstate_test.c - the state of the network: interfaces, neighbours, forwarding, WireGuard, IPsec;
 * each with what is close to it, and damaged. */
#include "check.h"
#include "mknet.h"

/* ---- interfaces ---- */

enum { LO = 0x8, UP = 1, PROMISC = 0x100 };

static uint64_t add_ipv4(struct world *w, uint64_t dev, const uint8_t ip[4], unsigned prefix)
{
    uint64_t ifa = mk_object(w->k, "in_ifaddr"), in = mk_of(&w->g, dev, "net_device.ip_ptr");

    if (!in) {
        in = mk_object(w->k, "in_device");
        mk_put(w->k, dev, "net_device.ip_ptr", in);
    }
    mk_write(w->k, mk_at(w->k, ifa, "in_ifaddr.ifa_local"), ip, 4);
    mk_write(w->k, mk_at(w->k, ifa, "in_ifaddr.ifa_address"), ip, 4);
    mk_put(w->k, ifa, "in_ifaddr.ifa_prefixlen", prefix);
    mk_put(w->k, ifa, "in_ifaddr.ifa_flags", 0x80);
    mk_put(w->k, ifa, "in_ifaddr.ifa_next", mk_of(&w->g, in, "in_device.ifa_list"));
    mk_put(w->k, in, "in_device.ifa_list", ifa);
    return ifa;
}

/** Tables that are not there (the interface has no IPv4, no IPv6), one address, two, IPv6, a list
 * that is a circle, a table that cannot be read. */
static void addresses(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t dev = make_dev(&w, w.net, 2, "eth0", NULL), ifa, six, in6;
        const uint8_t address[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
        uint64_t bytes = mk_alloc(w.k, 8);

        add_dev(&w, w.net, dev, 2);
        mk_write(w.k, bytes, address, 6);
        mk_put(w.k, dev, "net_device.dev_addr", bytes);
        mk_put(w.k, dev, "net_device.addr_len", 6);
        mk_put(w.k, dev, "net_device.mtu", 1500);
        mk_put(w.k, dev, "net_device.flags", 0x2 | UP);
        mk_put(w.k, dev, "net_device.state", 1);
        mk_put(w.k, dev, "net_device.operstate", 6);
        assert_string_equal(columns(&w, "interfaces", NULL, 1, 10),
                            "11|2|eth0||52:54:00:12:34:56|UP||||");
        ifa = add_ipv4(&w, dev, (const uint8_t[]){ 192, 0, 2, 1 }, 24);
        assert_string_equal(columns(&w, "interfaces", NULL, 7, 10),
                            "192.0.2.1|24|global|permanent");
        add_ipv4(&w, dev, (const uint8_t[]){ 10, 0, 0, 1 }, 8);
        assert_string_equal(columns(&w, "interfaces", NULL, 7, 8), "10.0.0.1|8\n192.0.2.1|24");
        mk_put(w.k, ifa, "in_ifaddr.ifa_next", ifa); // a circle
        assert_string_equal(columns(&w, "interfaces", NULL, 7, 8), "10.0.0.1|8\n192.0.2.1|24");
        assert_int_equal(mk_row_notes("in a circle"), 1);
        mk_put(w.k, ifa, "in_ifaddr.ifa_next", 0);
        mk_write(w.k, mk_at(w.k, ifa, "in_ifaddr.ifa_address"), (const uint8_t[]){ 192, 0, 2, 9 },
                 4);
        in6 = mk_object(w.k, "inet6_dev");
        six = mk_object(w.k, "inet6_ifaddr");
        mk_put(w.k, dev, "net_device.ip6_ptr", in6);
        head_of(&w, in6, "inet6_dev.addr_list");
        mk_write(w.k, mk_at(w.k, six, "inet6_ifaddr.addr"), "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
                 16);
        mk_put(w.k, six, "inet6_ifaddr.prefix_len", 64);
        mk_put(w.k, six, "inet6_ifaddr.scope", 0x20);
        mk_put(w.k, six, "inet6_ifaddr.flags", 0x40);
        mk_list_append(w.k, mk_at(w.k, in6, "inet6_dev.addr_list"),
                       mk_at(w.k, six, "inet6_ifaddr.if_list"));
        assert_string_equal(columns(&w, "interfaces", NULL, 7, 11),
                            "10.0.0.1|8|global|permanent|\n"
                            "192.0.2.1|24|global|permanent|192.0.2.9\n"
                            "fe80::1|64|link|tentative|");
        mk_put(w.k, dev, "net_device.ip6_ptr", 0);
        mk_put(w.k, dev, "net_device.ip_ptr", 0x100); // no memory is there
        assert_string_equal(columns(&w, "interfaces", NULL, 7, 8), "-|");
        mk_free(w.k);
    }
}

/** The count of who wants all packets, and the flag that programs are shown. */
static void promiscuity(void **state)
{
    static const struct {
        unsigned count, flags, gflags;
        bool running, carrier;
        const char *want; // FLAGS, PROMISCUITY
        const char *hint;
    } cases[] = {
        { 0, UP, 0, true, true, "UP,LOWER_UP|0", "" },
        { 0, UP, 0, true, false, "NO-CARRIER,UP|0", "" },
        { 0, 0, 0, false, true, "|0", "" },
        { 1, UP | PROMISC, 0, true, true, "UP,LOWER_UP|1", "" }, // a packet socket
        { 1, UP | PROMISC, PROMISC, true, true, "PROMISC,UP,LOWER_UP|1", "" },
        { 1, UP, 0, true, true, "UP,LOWER_UP|1", "promiscuous by count, without the flag" },
        { 0, UP | PROMISC, 0, true, true, "UP,LOWER_UP|0",
          "promiscuous by flag, with a count of 0" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make_world(m, false);
        uint64_t dev = make_dev(&w, w.net, 2, "eth0", NULL);

        add_dev(&w, w.net, dev, 2);
        mk_put(w.k, dev, "net_device.promiscuity", cases[i].count);
        mk_put(w.k, dev, "net_device.flags", cases[i].flags);
        mk_put(w.k, dev, "net_device.gflags", cases[i].gflags);
        mk_put(w.k, dev, "net_device.state",
               (unsigned)cases[i].running | (cases[i].carrier ? 0u : 4u));
        mk_put(w.k, dev, "net_device.operstate", cases[i].carrier ? 6 : 2);
        assert_string_equal(columns(&w, "interfaces", NULL, 15, 16), cases[i].want);
        assert_string_equal(columns(&w, "interfaces", NULL, 21, 21), cases[i].hint);
        mk_free(w.k);
    }
}

/** One off the list, one off the table by number; a namespace that no task is in. */
static void hidden_interfaces(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t other = make_net(&w, 22), dev = make_dev(&w, other, 2, "eth0", NULL);
        uint64_t off = make_dev(&w, other, 3, "off", NULL);

        add_dev(&w, other, dev, 2);
        assert_string_equal(columns(&w, "interfaces", NULL, 1, 3), "22|2|eth0");
        assert_string_equal(columns(&w, "interfaces", NULL, 21, 21), "");
        push_hlist(&w, mk_of(&w.g, other, "net.dev_index_head") + 3ull * w.ptr,
                   mk_at(w.k, off, "net_device.index_hlist"));
        assert_string_equal(columns(&w, "interfaces", "interface=off", 21, 21),
                            "not on the list of interfaces");
        mk_write_ptr(w.k, mk_of(&w.g, other, "net.dev_index_head") + 2ull * w.ptr, 0);
        assert_string_equal(columns(&w, "interfaces", "interface=eth0", 21, 21),
                            "not in the table by number");
        assert_string_equal(columns(&w, "interfaces", "ns=11", 1, 3), "");
        mk_free(w.k);
    }
}

/** What stands behind an interface: the ends of a veth name each other; a VLAN's number. */
static void kinds(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t other = make_net(&w, 22), a = make_dev(&w, w.net, 2, "veth0", "veth");
        uint64_t b = make_dev(&w, other, 2, "veth1", "veth"), adjacent;
        uint64_t vlan = make_dev(&w, w.net, 3, "veth0.7", "vlan");

        add_dev(&w, w.net, a, 2);
        add_dev(&w, other, b, 2);
        mk_write_ptr(w.k, priv(&w, a), b);
        assert_string_equal(columns(&w, "interfaces", "ns=11", 18, 19), "|"); // b does not name a
        mk_write_ptr(w.k, priv(&w, b), a);
        assert_string_equal(columns(&w, "interfaces", NULL, 18, 19), "veth1|22\nveth0|11");
        add_dev(&w, w.net, vlan, 3);
        mk_put(w.k, priv(&w, vlan), "vlan_dev_priv.vlan_id", 7);
        mk_write(w.k, mk_at(w.k, priv(&w, vlan), "vlan_dev_priv.vlan_proto"), "\x81\0", 2);
        adjacent = mk_object(w.k, "netdev_adjacent");
        mk_put(w.k, adjacent, "netdev_adjacent.dev", a);
        mk_list_append(w.k, mk_at(w.k, vlan, "net_device.adj_list.lower"),
                       mk_at(w.k, adjacent, "netdev_adjacent.list"));
        assert_string_equal(columns(&w, "interfaces", "interface=veth0.7", 17, 20),
                            "|veth0|11|id 7 802.1Q");
        adjacent = mk_object(w.k, "netdev_adjacent");
        mk_put(w.k, adjacent, "netdev_adjacent.dev", b);
        mk_put(w.k, adjacent, "netdev_adjacent.master", 1);
        mk_list_append(w.k, mk_at(w.k, vlan, "net_device.adj_list.upper"),
                       mk_at(w.k, adjacent, "netdev_adjacent.list"));
        assert_string_equal(columns(&w, "interfaces", "interface=veth0.7", 17, 18), "veth1|veth0");
        mk_free(w.k);
    }
}

/* ---- neighbours, forwarding ---- */

static uint64_t make_neighbour(struct world *w, uint64_t table, uint64_t dev, unsigned last,
                               unsigned state)
{
    uint64_t n = mk_object(w->k, "neighbour");

    mk_put(w->k, n, "neighbour.tbl", table);
    mk_put(w->k, n, "neighbour.dev", dev);
    mk_put(w->k, n, "neighbour.nud_state", state);
    mk_write(w->k, mk_at(w->k, n, "neighbour.ha"), "\x52\x54\0\0\0\1", 6);
    mk_write(w->k, mk_at(w->k, n, "neighbour.primary_key"),
             (const uint8_t[]){ 192, 0, 2, (uint8_t)last }, 4);
    return n;
}

/** Both layouts; an address that is not known yet; a chain that is a circle; an entry of another
 * table; a size that cannot be. */
static void neighbours(void **state)
{
    (void)state;
    mk_each_machine(m) for (int lists = 0; lists < 2; lists++)
    {
        struct world w = make_world(m, lists != 0);
        uint64_t dev = make_dev(&w, w.net, 2, "eth0", NULL), table = mk_object(w.k, "neigh_table");
        uint64_t hash = mk_object(w.k, "neigh_hash_table"), buckets = mk_alloc(w.k, 8ull * w.ptr);
        uint64_t a = make_neighbour(&w, table, dev, 1, 2), b = make_neighbour(&w, table, dev, 2, 1);
        uint64_t proxy = mk_object(w.k, "pneigh_entry"), proxies = mk_alloc(w.k, 16ull * w.ptr);
        const char *const all = "AF_INET|eth0|2|192.0.2.1|52:54:00:00:00:01|REACHABLE|\n"
                                "AF_INET|eth0|2|192.0.2.2||INCOMPLETE|";

        mk_put(w.k, dev, "net_device.addr_len", 6);
        mk_symbol(w.k, "arp_tbl", table);
        mk_put(w.k, table, "neigh_table.family", 2);
        mk_put(w.k, table, "neigh_table.key_len", 4);
        mk_put(w.k, table, "neigh_table.nht", hash);
        mk_put(w.k, hash, "neigh_hash_table.hash_shift", 3);
        mk_put(w.k, hash, lists ? "neigh_hash_table.hash_heads" : "neigh_hash_table.hash_buckets",
               buckets);
        if (lists) {
            push_hlist(&w, buckets + 5ull * w.ptr, mk_at(w.k, b, "neighbour.hash"));
            push_hlist(&w, buckets + 5ull * w.ptr, mk_at(w.k, a, "neighbour.hash"));
        } else {
            mk_write_ptr(w.k, buckets + 5ull * w.ptr, a);
            mk_put(w.k, a, "neighbour.next", b);
        }
        assert_string_equal(columns(&w, "neighbours", NULL, 2, 8), all);
        if (!lists)
            mk_put(w.k, b, "neighbour.next", a);
        assert_string_equal(columns(&w, "neighbours", NULL, 2, 8), all);
        mk_put(w.k, b, "neighbour.tbl", hash);
        assert_string_equal(columns(&w, "neighbours", NULL, 5, 5), "192.0.2.1");
        assert_int_equal(mk_row_notes("not of the table"), 1);
        mk_put(w.k, table, "neigh_table.phash_buckets", proxies);
        mk_write_ptr(w.k, proxies + 3ull * w.ptr, proxy);
        mk_put(w.k, proxy, "pneigh_entry.net.net", w.net);
        mk_put(w.k, proxy, "pneigh_entry.dev", dev);
        mk_write(w.k, mk_at(w.k, proxy, "pneigh_entry.key"), (const uint8_t[]){ 192, 0, 2, 79 }, 4);
        assert_string_equal(columns(&w, "neighbours", NULL, 5, 8),
                            "192.0.2.1|52:54:00:00:00:01|REACHABLE|\n192.0.2.79|||proxy");
        mk_put(w.k, hash, "neigh_hash_table.hash_shift", 60);
        assert_string_equal(columns(&w, "neighbours", NULL, 5, 5), "192.0.2.79");
        assert_int_equal(mk_row_notes("cannot be read"), 1);
        mk_free(w.k);
    }
}

static void forwarding(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t br = make_dev(&w, w.net, 2, "br0", "bridge"),
                 eth = make_dev(&w, w.net, 3, "eth0", 0);
        uint64_t entry = mk_object(w.k, "net_bridge_fdb_entry");
        uint64_t port = mk_object(w.k, "net_bridge_port"), own = mk_object(w.k, "netdev_hw_addr");

        add_dev(&w, w.net, br, 2);
        add_dev(&w, w.net, eth, 3);
        mk_put(w.k, port, "net_bridge_port.dev", eth);
        mk_write(w.k, mk_at(w.k, entry, "net_bridge_fdb_entry.key.addr"), "\x52\x54\0\0\0\1", 6);
        push_hlist(&w, mk_at(w.k, priv(&w, br), "net_bridge.fdb_list"),
                   mk_at(w.k, entry, "net_bridge_fdb_entry.fdb_node"));
        mk_put(w.k, entry, "net_bridge_fdb_entry.flags", 1);
        assert_string_equal(columns(&w, "fdb", NULL, 2, 7), // the bridge's own
                            "br0|52:54:00:00:00:01||br0|permanent|");
        mk_put(w.k, entry, "net_bridge_fdb_entry.dst", port);
        mk_put(w.k, entry, "net_bridge_fdb_entry.key.vlan_id", 7);
        mk_put(w.k, entry, "net_bridge_fdb_entry.flags", 2 | 4);
        assert_string_equal(columns(&w, "fdb", NULL, 2, 7),
                            "eth0|52:54:00:00:00:01|7|br0|static|sticky");
        mk_put(w.k, entry, "net_bridge_fdb_entry.flags", 0);
        assert_string_equal(columns(&w, "fdb", NULL, 6, 7), "learned|");
        mk_write(w.k, mk_at(w.k, own, "netdev_hw_addr.addr"), "\x33\x33\0\0\0\1", 6);
        mk_list_append(w.k, mk_at(w.k, eth, "net_device.mc.list"),
                       mk_at(w.k, own, "netdev_hw_addr.list"));
        assert_string_equal(columns(&w, "fdb", NULL, 2, 3),
                            "eth0|52:54:00:00:00:01"); // no Ethernet
        mk_put(w.k, eth, "net_device.type", 1);
        assert_string_equal(columns(&w, "fdb", NULL, 2, 7),
                            "eth0|52:54:00:00:00:01|7|br0|learned|\n"
                            "eth0|33:33:00:00:00:01|||permanent|self");
        mk_free(w.k);
    }
}

/* ---- WireGuard, IPsec ---- */

static void add_allowed(struct world *w, uint64_t peer, const uint8_t *ip, unsigned bits,
                        unsigned cidr)
{
    const bool big = mk_model(w->k)->big_endian;
    uint64_t node = mk_object(w->k, "allowedips_node");
    const unsigned width = bits == 32 ? 4 : 8;
    uint8_t raw[16];

    for (unsigned i = 0; i < bits / 8; i++) // integers in the order of the processor
        raw[i] = ip[big ? i : i / width * width + (width - 1 - i % width)];
    mk_put(w->k, node, "allowedips_node.peer", peer);
    mk_put(w->k, node, "allowedips_node.bitlen", bits);
    mk_put(w->k, node, "allowedips_node.cidr", cidr);
    mk_write(w->k, mk_at(w->k, node, "allowedips_node.bits"), raw, bits / 8);
    mk_list_append(w->k, mk_at(w->k, peer, "wg_peer.allowedips_list"),
                   mk_at(w->k, node, "allowedips_node.peer_list"));
}

static void wireguard(void **state)
{
    static const char key_a[] = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="; // 32 times 'A'
    static const char key_p[] = "UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA=";
    static const uint8_t six[16] = { 0xfd, 0x99, [15] = 2 };
    char keys[33], want[200];

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t dev = make_dev(&w, w.net, 2, "wg0", "wireguard"), wg = priv(&w, dev);
        uint64_t peer = mk_object(w.k, "wg_peer"), end;

        add_dev(&w, w.net, dev, 2);
        memset(keys, 'A', sizeof keys);
        mk_write(w.k, mk_at(w.k, wg, "wg_device.static_identity.static_public"), keys, 32);
        mk_put(w.k, wg, "wg_device.incoming_port", 51820);
        mk_put(w.k, wg, "wg_device.creating_net", w.net);
        head_of(&w, wg, "wg_device.peer_list");
        snprintf(want, sizeof want, "11|11|wg0|51820|%s||||", key_a);
        assert_string_equal(columns(&w, "wireguard", NULL, 1, 9), want); // without peers
        mk_put(w.k, wg, "wg_device.num_peers", 2);
        mk_list_append(w.k, mk_at(w.k, wg, "wg_device.peer_list"),
                       mk_at(w.k, peer, "wg_peer.peer_list"));
        head_of(&w, peer, "wg_peer.allowedips_list");
        memset(keys, 'P', sizeof keys);
        mk_write(w.k, mk_at(w.k, peer, "wg_peer.handshake.remote_static"), keys, 32);
        end = mk_at(w.k, peer, "wg_peer.endpoint.addr6");
        mk_put(w.k, peer, "wg_peer.endpoint.addr6.sin6_family", 2);
        mk_write(w.k, end + 2, (const uint8_t[]){ 0xca, 0x6d, 127, 0, 0, 1 }, 6);
        mk_put(w.k, peer, "wg_peer.rx_bytes", 600);
        mk_put(w.k, peer, "wg_peer.walltime_last_handshake.tv_sec", 1773480716);
        add_allowed(&w, peer, (const uint8_t[]){ 10, 99, 0, 2 }, 32, 32);
        add_allowed(&w, peer, six, 128, 64);
        snprintf(want, sizeof want, "%s|127.0.0.1|51821|10.99.0.2/32,fd99::2/64", key_p);
        assert_string_equal(columns(&w, "wireguard", NULL, 6, 9), want);
        assert_string_equal(columns(&w, "wireguard", NULL, 11, 14), "600|0||");
        assert_int_equal(mk_row_notes("counts 2 peers, its list has 1"), 1);
        add_allowed(&w, peer, six, 128, 200); // more bits than an address has
        assert_string_equal(columns(&w, "wireguard", NULL, 6, 9), want);
        assert_int_equal(mk_row_notes("allowed network"), 1);
        mk_free(w.k);
    }
}

static void ipsec(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world(m, false);
        uint64_t p = mk_object(w.k, "xfrm_policy"), x = mk_object(w.k, "xfrm_state");
        uint64_t mark = mk_object(w.k, "xfrm_policy"), alg = mk_object(w.k, "xfrm_algo");
        const char *rows;

        mk_put(w.k, p, "xfrm_policy.index", 9); // out
        mk_put(w.k, p, "xfrm_policy.priority", 171);
        mk_put(w.k, p, "xfrm_policy.selector.family", 2);
        mk_write(w.k, mk_at(w.k, p, "xfrm_policy.selector.saddr"),
                 (const uint8_t[]){ 10, 71, 0, 0 }, 4);
        mk_put(w.k, p, "xfrm_policy.selector.prefixlen_s", 16);
        mk_put(w.k, p, "xfrm_policy.selector.proto", 6);
        mk_put(w.k, p, "xfrm_policy.selector.dport_mask", 0xffff);
        mk_write(w.k, mk_at(w.k, p, "xfrm_policy.selector.dport"), "\x1c\x03", 2);
        mk_put(w.k, p, "xfrm_policy.xfrm_nr", 1);
        mk_put(w.k, mk_at(w.k, p, "xfrm_policy.xfrm_vec"), "xfrm_tmpl.id.proto", 50);
        mk_put(w.k, mk_at(w.k, p, "xfrm_policy.xfrm_vec"), "xfrm_tmpl.reqid", 17);
        mk_list_append(w.k, mk_at(w.k, w.net, "net.xfrm.policy_all"),
                       mk_at(w.k, p, "xfrm_policy.walk.all"));
        mk_put(w.k, mark, "xfrm_policy.walk.dead", 1); // of a program that lists them
        mk_list_append(w.k, mk_at(w.k, w.net, "net.xfrm.policy_all"),
                       mk_at(w.k, mark, "xfrm_policy.walk.all"));
        assert_string_equal(columns(&w, "xfrm", NULL, 2, 7),
                            "policy|out|10.71.0.0/16 -> any tcp dport 7171|allow|171|"
                            "esp transport reqid 17");
        mk_put(w.k, p, "xfrm_policy.xfrm_nr", 200); // of six
        mk_put(w.k, p, "xfrm_policy.action", 1);
        rows = columns(&w, "xfrm", NULL, 5, 5);
        assert_string_equal(rows, "block");
        mk_put(w.k, x, "xfrm_state.props.family", 2);
        mk_put(w.k, x, "xfrm_state.km.state", 2);
        mk_put(w.k, x, "xfrm_state.props.mode", 1);
        mk_put(w.k, x, "xfrm_state.id.proto", 50);
        mk_write(w.k, mk_at(w.k, x, "xfrm_state.id.spi"), "\x1a\xb0\0\1", 4);
        mk_write(w.k, mk_at(w.k, x, "xfrm_state.id.daddr"), (const uint8_t[]){ 192, 0, 2, 55 }, 4);
        mk_puts(w.k, alg, "xfrm_algo.alg_name", "cbc(aes)");
        mk_put(w.k, alg, "xfrm_algo.alg_key_len", 256);
        mk_write(w.k, mk_at(w.k, alg, "xfrm_algo.alg_key"), "a secret of the machine", 23);
        mk_put(w.k, x, "xfrm_state.ealg", alg);
        mk_put(w.k, x, "xfrm_state.lft.hard_byte_limit", 1000);
        mk_put(w.k, x, "xfrm_state.lft.soft_byte_limit", UINT64_MAX);
        mk_list_append(w.k, mk_at(w.k, w.net, "net.xfrm.state_all"),
                       mk_at(w.k, x, "xfrm_state.km.all"));
        mk_list(w.k, mk_at(w.k, w.net, "net.xfrm.policy_all"), NULL, 0);
        assert_string_equal(columns(&w, "xfrm", NULL, 8, 15),
                            "0.0.0.0|192.0.2.55|ESP|0x1ab00001|tunnel|VALID||"
                            "cbc(aes) (256 bits)");
        rows = mk_guest_rows(&w.g, "xfrm", NULL);
        assert_non_null(strstr(rows, "hard bytes 1000"));
        assert_null(strstr(rows, "soft"));
        assert_null(strstr(rows, "secret"));
        mk_put(w.k, x, "xfrm_state.km.state", 5);
        assert_string_equal(columns(&w, "xfrm", NULL, 2, 2), "");
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),         cmocka_unit_test(promiscuity),
        cmocka_unit_test(hidden_interfaces), cmocka_unit_test(kinds),
        cmocka_unit_test(neighbours),        cmocka_unit_test(forwarding),
        cmocka_unit_test(wireguard),         cmocka_unit_test(ipsec),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
