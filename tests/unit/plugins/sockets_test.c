/* sockets_test.c - tables of sockets: every bucket, end marks, small sockets, damage. */
#include "check.h"
#include "mksock.h"
#include <stdio.h>

enum { UNIX = 1, INET = 2, INET6 = 10, NETLINK = 16, PACKET = 17, TIPC = 30, ALG = 38, XDP = 44 };
enum { STREAM = 1, DGRAM = 2, RAW = 3 };
enum { TCP = 6, UDP = 17 };
#define HINTS(s) mk_columns(mk_guest_rows(&(s).g, "sockets", NULL), 37, 37)
enum { ESTABLISHED = 1, TIME_WAIT = 6, CLOSE = 7, LISTEN = 10, NEW_SYN_RECV = 12 };
#define LOCAL 0x7f000001u
#define FAR   0xc0000201u

static uint64_t in_ehash(struct mk_sockets *s, uint64_t bucket, uint64_t sk)
{
    mk_chain(s, s->ehash + bucket * s->ptr, mk_at(s->k, sk, "sock.__sk_common.skc_node"));
    return sk;
}

static uint64_t connection(struct mk_sockets *s, uint64_t bucket, unsigned port)
{
    const uint64_t sk = mk_sock(s, "tcp_sock", INET, STREAM, TCP, ESTABLISHED);

    mk_ends(s, sk, LOCAL, port, FAR, 4711);
    return in_ehash(s, bucket, sk);
}

/* FAMILY TYPE PROTO SOURCE_ADDR SOURCE_PORT DESTINATION_ADDR DESTINATION_PORT STATE */
static const char *ends(struct mk_sockets *s, const char *args)
{
    return mk_columns(mk_guest_rows(&s->g, "sockets", args), 5, 12);
}

static void tcp(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t task = mk_guest_task(&s.g, 5, "server", 0);
        uint64_t sk, file, bucket, second;

        connection(&s, 0, 1000);
        connection(&s, 5, 1005);
        sk = connection(&s, 5, 1006);     // two in one bucket
        connection(&s, MK_EHASH - 1, 22); // stands below what listens there
        file = mk_sock_file(&s, sk);
        mk_open(&s, task, 3, file);
        mk_open(&s, task, 4, file);
        mk_put(s.k, sk, "tcp_sock.rcv_nxt", 1500);
        mk_put(s.k, sk, "tcp_sock.copied_seq", 1000);
        mk_put(s.k, sk, "tcp_sock.write_seq", 3); // numbers go round
        mk_put(s.k, sk, "tcp_sock.snd_una", UINT32_MAX);
        // Small ones, whose memory behind sock_common is something else.
        sk = in_ehash(&s, 7, mk_sock(&s, "inet_timewait_sock", INET, 0, 0, TIME_WAIT));
        mk_ends(&s, sk, LOCAL, 0, FAR, 80);
        mk_put16(s.k, mk_at(s.k, sk, "inet_timewait_sock.tw_sport"), 1007, true);
        mk_put(s.k, sk, "sock.__sk_common.skc_num", 1007);
        mk_put(s.k, sk, "inet_timewait_sock.tw_substate", 6);
        sk = in_ehash(&s, 9, mk_sock(&s, "request_sock", INET, 0, 0, NEW_SYN_RECV));
        mk_ends(&s, sk, LOCAL, 1009, FAR, 81);
        // One that listens, and one that is only bound.
        sk = mk_sock(&s, "tcp_sock", INET, STREAM, TCP, LISTEN);
        mk_ends(&s, sk, 0, 22, 0, 0);
        mk_put(s.k, sk, "sock.sk_max_ack_backlog", 16);
        mk_chain(&s, mk_at(s.k, s.listen + 3 * 2 * s.ptr, "inet_listen_hashbucket.nulls_head"),
                 mk_at(s.k, sk, "sock.__sk_common.skc_node"));
        sk = mk_sock(&s, "tcp_sock", INET, STREAM, TCP, CLOSE);
        mk_ends(&s, sk, 0, 23, 0, 0);
        bucket = mk_object(s.k, "inet_bind_bucket");
        second = mk_object(s.k, "inet_bind2_bucket");
        mk_chain(&s, mk_at(s.k, s.bind + 2 * 2 * s.ptr, "inet_bind_hashbucket.chain"),
                 mk_at(s.k, bucket, "inet_bind_bucket.node"));
        mk_chain(&s, mk_at(s.k, bucket, "inet_bind_bucket.bhash2"),
                 mk_at(s.k, second, "inet_bind2_bucket.bhash_node"));
        mk_chain(&s, mk_at(s.k, second, "inet_bind2_bucket.owners"),
                 mk_at(s.k, sk, "sock.__sk_common.skc_bind_node"));

        assert_string_equal(ends(&s, NULL),
                            "AF_INET|STREAM|TCP|0.0.0.0|22|0.0.0.0|0|LISTEN\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|22|192.0.2.1|4711|ESTABLISHED\n"
                            "AF_INET|STREAM|TCP|0.0.0.0|23|0.0.0.0|0|CLOSE\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|1000|192.0.2.1|4711|ESTABLISHED\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|1005|192.0.2.1|4711|ESTABLISHED\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|1006|192.0.2.1|4711|ESTABLISHED\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|1006|192.0.2.1|4711|ESTABLISHED\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|1007|192.0.2.1|80|TIME_WAIT\n"
                            "AF_INET|STREAM|TCP|127.0.0.1|1009|192.0.2.1|81|SYN_RECV");
        assert_int_equal(mk_row_notes(NULL), 0);
        // One row for each descriptor; RECEIVE_QUEUE SEND_QUEUE INODE.
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "pid=5"), 2, 4),
                            "5|server|3\n5|server|4");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "pid=5"), 13, 15),
                            "500|4|101\n500|4|101");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 17, 17),
                            "unaccepted\nunaccepted\nunaccepted\nunaccepted\nunaccepted\nfd\nfd\n"
                            "timewait\nrequest");
        // One that is connected, and only the table of ports has it.
        assert_string_equal(HINTS(s), "\n\n\n\n\n\n\n\n");
        mk_put(s.k, sk, "sock.__sk_common.skc_state", ESTABLISHED);
        assert_string_equal(HINTS(s), "\n\nnot in the table by which the kernel finds it, and ss "
                                      "and /proc/net list it\n\n\n\n\n\n");
        mk_put(s.k, sk, "sock.__sk_common.skc_state", CLOSE);
        assert_string_equal(ends(&s, "family=nosuch"), "");
        assert_int_equal(mk_row_notes("--family nosuch: no socket is of such a family"), 1);
        assert_string_equal(ends(&s, "listening"),
                            "AF_INET|STREAM|TCP|0.0.0.0|22|0.0.0.0|0|LISTEN");
        assert_string_equal(ends(&s, "family=unix"), "");
        assert_string_equal(ends(&s, "udp"), "");
        assert_string_equal(ends(&s, "ns=1"), "");
        mk_free(s.k);
    }
}

/* A namespace with a table of connections of its own, as net.ipv4.tcp_child_ehash_entries makes. */
static void namespaces(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t net = mk_object(s.k, "net"), own = mk_object(s.k, "inet_hashinfo");
        const uint64_t shared = mk_object(s.k, "net"), ehash = mk_alloc(s.k, s.ptr);
        uint64_t sk;

        mk_put(s.k, net, "net.ns.inum", 4026532000);
        mk_list_append(s.k, s.list, mk_at(s.k, net, "net.list"));
        mk_put(s.k, net, "net.ipv4.tcp_death_row.hashinfo", own);
        mk_write_ptr(s.k, ehash, 1);
        mk_put(s.k, own, "inet_hashinfo.ehash", ehash); // of one bucket
        mk_put(s.k, shared, "net.ns.inum", 4026532001);
        mk_list_append(s.k, s.list, mk_at(s.k, shared, "net.list"));
        mk_put(s.k, shared, "net.ipv4.tcp_death_row.hashinfo", s.hashinfo);
        connection(&s, 0, 9); // the machine's own stand first, whatever their port
        sk = mk_sock(&s, "tcp_sock", INET, STREAM, TCP, ESTABLISHED);
        mk_ends(&s, sk, LOCAL, 2, FAR, 4711);
        mk_put(s.k, sk, "sock.__sk_common.skc_net.net", net);
        mk_chain(&s, ehash, mk_at(s.k, sk, "sock.__sk_common.skc_node"));
        sk = connection(&s, 1, 3);
        mk_put(s.k, sk, "sock.__sk_common.skc_net.net", shared);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 1, 1),
                            "4026531840\n4026532000\n4026532001");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "ns=4026532000"), 9, 9), "2");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(s.k);
    }
}

static void damage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t a = connection(&s, 2, 1), b = connection(&s, 2, 2), c = connection(&s, 3, 3);
        const uint64_t node = mk_at(s.k, a, "sock.__sk_common.skc_node");
        uint64_t strange;

        // The last of a chain leads back to the first: each is told once, and it ends.
        mk_write_ptr(s.k, node, mk_at(s.k, b, "sock.__sk_common.skc_node"));
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 9, 9), "1\n2\n3");
        assert_int_equal(mk_row_notes("1 chains are broken"), 1);
        mk_free(s.k);

        // A wild pointer; memory that is no socket; a socket of no known namespace.
        s = mk_sockets(m);
        connection(&s, 2, 1);
        strange = connection(&s, 3, 2);
        mk_put(s.k, strange, "sock.__sk_common.skc_family", 0);
        strange = connection(&s, 4, 3);
        mk_put(s.k, strange, "sock.__sk_common.skc_net.net", s.list);
        mk_write_ptr(s.k, s.ehash, 0x10);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 9, 9), "1");
        assert_int_equal(mk_row_notes("2 links lead to no socket"), 1);
        assert_int_equal(mk_row_notes("1 chains are broken"), 1);
        mk_free(s.k);

        // A bucket that is a ring: what points back to its head is followed once.
        s = mk_sockets(m);
        connection(&s, 2, 1);
        mk_write_ptr(s.k, s.ehash + 6 * s.ptr, s.ehash + 6 * s.ptr);
        mk_write_ptr(s.k, s.ehash + 7 * s.ptr, s.ehash + 6 * s.ptr);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 9, 9), "1");
        assert_int_equal(mk_row_notes("2 chains are broken"), 1);
        assert_int_equal(mk_row_notes("links lead to no socket"), 0);
        mk_free(s.k);

        // A mask that cannot be, which costs neither time nor the other tables.
        s = mk_sockets(m);
        connection(&s, 2, 1);
        mk_put(s.k, s.hashinfo, "inet_hashinfo.ehash_mask", UINT32_MAX);
        mk_put(s.k, s.udp_table, "udp_table.mask", (1 << 24) - 1);
        for (unsigned i = 0; i < 6; i++) { // each could be alone, and not all together
            const uint64_t net = mk_object(s.k, "net"), own = mk_object(s.k, "inet_hashinfo");

            mk_list_append(s.k, s.list, mk_at(s.k, net, "net.list"));
            mk_put(s.k, net, "net.ipv4.tcp_death_row.hashinfo", own);
            mk_put(s.k, own, "inet_hashinfo.ehash", 0x1000);
            mk_put(s.k, own, "inet_hashinfo.ehash_mask", (1 << 24) - 1);
        }
        assert_string_equal(ends(&s, NULL), "");
        assert_int_equal(mk_row_notes("table of TCP: with it tables have more than"), 1);
        assert_int_equal(mk_row_notes("4294967296 buckets cannot be"), 1);
        mk_free(s.k);
        (void)c;
    }
}

static void udp(void **state)
{
    static const char *const nodes[] = { "sock.__sk_common.skc_node",
                                         "sock.__sk_common.skc_bind_node",
                                         "udp_sock.udp_lrpa_node" };
    static const char *const heads[] = { "udp_hslot.head", "udp_hslot_main.hslot.head",
                                         "udp_hslot.head" };

    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t sizes[] = { 2 * s.ptr, 3 * s.ptr, 2 * s.ptr }; // with a count, and another
        uint64_t sk;

        // One in each table only, as if the others had lost it; the first also connected.
        for (unsigned i = 0; i < 3; i++) {
            sk = mk_sock(&s, "udp_sock", INET, DGRAM, UDP, i ? CLOSE : ESTABLISHED);
            mk_ends(&s, sk, LOCAL, 50 + i, i ? 0 : FAR, i ? 0 : 53);
            if (i == 2)
                mk_write_ptr(s.k, s.udp[i] + 7 * sizes[i], 15); // hash4 is of hlist_nulls
            mk_chain(&s, mk_at(s.k, s.udp[i] + 7 * sizes[i], heads[i]), mk_at(s.k, sk, nodes[i]));
        }
        assert_string_equal(ends(&s, "udp"),
                            "AF_INET|DGRAM|UDP|127.0.0.1|50|192.0.2.1|53|ESTABLISHED\n"
                            "AF_INET|DGRAM|UDP|127.0.0.1|51|0.0.0.0|0|UNCONNECTED\n"
                            "AF_INET|DGRAM|UDP|127.0.0.1|52|0.0.0.0|0|UNCONNECTED");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 33, 33),
                            "udp\nudp2\nudp4");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(s.k);
    }
}

/* A name in a unix_address: @len bytes behind the family. */
static void name(struct mk_sockets *s, uint64_t sk, const char *bytes, size_t len)
{
    const uint64_t address = mk_alloc(s->k, 128);

    mk_put(s->k, address, "unix_address.len", len + 2);
    mk_write(s->k, mk_at(s->k, address, "unix_address.name") + 2, bytes, len);
    mk_put(s->k, sk, "unix_sock.addr", address);
}

static uint64_t unix_socket(struct mk_sockets *s, uint64_t bucket, unsigned type, unsigned state)
{
    const uint64_t sk = mk_sock(s, "unix_sock", UNIX, type, 0, state);
    const uint64_t queue = mk_at(s->k, sk, "sock.sk_receive_queue");

    mk_write_ptr(s->k, queue, queue); // an empty ring
    mk_write_ptr(s->k, queue + s->ptr, queue);
    mk_chain(s, s->unix_ + bucket * s->ptr, mk_at(s->k, sk, "sock.__sk_common.skc_node"));
    return sk;
}

static uint64_t buffer(struct mk_sockets *s, uint64_t sk, uint32_t len)
{
    const uint64_t skb = mk_object(s->k, "sk_buff"),
                   queue = mk_at(s->k, sk, "sock.sk_receive_queue");

    mk_list_append(s->k, queue, skb); // next and prev come first in both
    mk_put(s->k, skb, "sk_buff.len", len);
    mk_put(s->k, sk, "sock.sk_receive_queue.qlen",
           1); // only that of a listening socket is looked at, and it has one
    return skb;
}

static void unix_sockets(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t listener = unix_socket(&s, 0, STREAM, LISTEN);
        const uint64_t waiting = unix_socket(&s, 100, STREAM, ESTABLISHED);
        const uint64_t client = unix_socket(&s, 300, STREAM, ESTABLISHED);
        const uint64_t abstract = unix_socket(&s, MK_UNIX_BUCKETS - 1, DGRAM, CLOSE);
        uint64_t skb, list = mk_object(s.k, "scm_fp_list");

        mk_sock_file(&s, listener);
        mk_sock_file(&s, client);
        mk_sock_file(&s, abstract);
        name(&s, listener, "/run/x", 7);
        name(&s, waiting, "/run/x", 7);
        name(&s, abstract, "\0a\0b", 4); // a null byte in it, and none behind
        mk_put(s.k, waiting, "unix_sock.peer", client);
        mk_put(s.k, client, "unix_sock.peer", waiting);
        // A connection that waits, with five bytes and two files that were sent over it already.
        mk_put(s.k, buffer(&s, listener, 0), "sk_buff.sk", waiting);
        skb = buffer(&s, waiting, 7);
        mk_put(s.k, mk_at(s.k, skb, "sk_buff.cb"), "unix_skb_parms.consumed", 2);
        mk_put(s.k, mk_at(s.k, skb, "sk_buff.cb"), "unix_skb_parms.fp", list);
        mk_put(s.k, list, "scm_fp_list.count", 2);
        for (unsigned i = 0; i < 2; i++)
            mk_write_ptr(s.k, mk_at(s.k, list, "scm_fp_list.fp") + i * s.ptr,
                         mk_object(s.k, "file"));
        assert_string_equal(ends(&s, NULL), "AF_UNIX|STREAM||/run/x|101|||LISTEN\n"
                                            "AF_UNIX|STREAM||/run/x|0||102|ESTABLISHED\n"
                                            "AF_UNIX|STREAM|||102|/run/x|0|ESTABLISHED\n"
                                            "AF_UNIX|DGRAM||@a@b|103|||UNCONNECTED");
        // RECEIVE_QUEUE; PASSED_FILES: of the listener those of the connection.
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 13, 13), "1\n5\n0\n0");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 29, 29), "2\n2\n0\n0");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 17, 17),
                            "nobody\nunaccepted\nnobody\nnobody");
        assert_int_equal(mk_row_notes(NULL), 0);

        // A count that cannot be, a queue that leads back into itself, a name that is too long.
        mk_put(s.k, list, "scm_fp_list.count", 254);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 29, 29), "0\n0\n0\n0");
        assert_int_equal(mk_row_notes("254 files in one message"), 2);
        mk_put(s.k, skb, "sk_buff.next", skb);
        mk_put(s.k, mk_of(&s.g, abstract, "unix_sock.addr"), "unix_address.len", 1000);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "family=unix"), 8, 8),
                            "/run/x\n/run/x\n\n-");
        assert_int_equal(mk_row_notes("queue of packets"), 1);
        mk_free(s.k);
    }
}

static uint64_t netlink_socket(struct mk_sockets *s, uint64_t table, unsigned bucket, unsigned port)
{
    const uint64_t sk = mk_sock(s, "netlink_sock", NETLINK, RAW, 16, CLOSE);
    const uint64_t head = mk_at(s->k, table, "bucket_table.buckets") + bucket * s->ptr;
    const uint64_t first = mk_read_ptr(s->k, head) & ~UINT64_C(1);

    mk_put(s->k, sk, "netlink_sock.portid", port);
    // The last entry's next is an end mark; bit 0 of a bucket is its lock.
    mk_put(s->k, sk, "netlink_sock.node.next", first ? first : bucket << 1 | 1);
    mk_write_ptr(s->k, head, mk_at(s->k, sk, "netlink_sock.node") | 1);
    return sk;
}

static void netlink(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t later = mk_object(s.k, "bucket_table");
        const uint64_t bits = mk_alloc(s.k, 16);
        uint64_t sk, first;

        first = netlink_socket(&s, s.netlink, 0, 0); // the kernel's own
        mk_put(s.k, first, "sock.sk_kern_sock", 1);
        netlink_socket(&s, s.netlink, 3, 7);
        sk = netlink_socket(&s, s.netlink, 3, 8);
        mk_put(s.k, sk, "netlink_sock.ngroups", 64);
        mk_put(s.k, sk, "netlink_sock.groups", bits);
        mk_write_u32(s.k, bits, 1 | 1u << 4);
        // While a table grows, what was moved is in the new one.
        mk_put(s.k, s.netlink, "bucket_table.future_tbl", later);
        mk_put(s.k, later, "bucket_table.size", 4);
        netlink_socket(&s, later, 1, 9);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 7, 9),
                            "NETLINK_GENERIC||0\nNETLINK_GENERIC||8\nNETLINK_GENERIC||7\n"
                            "NETLINK_GENERIC||9");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 17, 17),
                            "kernel\nunaccepted\nunaccepted\nunaccepted");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 28, 28), "\n1,5\n\n");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(s.k);

        // A chain that leads back, and a size that cannot be.
        s = mk_sockets(m);
        first = netlink_socket(&s, s.netlink, 0, 0);
        netlink_socket(&s, s.netlink, 3, 7);
        mk_put(s.k, first, "netlink_sock.node.next", mk_at(s.k, first, "netlink_sock.node"));
        sk = mk_object(s.k, "bucket_table");
        mk_put(s.k, s.netlink, "bucket_table.future_tbl", sk);
        mk_put(s.k, sk, "bucket_table.size", 3);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 9, 9), "0\n7");
        assert_int_equal(mk_row_notes("is damaged"), 1);
        mk_free(s.k);
    }
}

static void packet(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t sk = mk_sock(&s, "packet_sock", PACKET, RAW, 0, CLOSE);
        const uint64_t member = mk_object(s.k, "packet_mclist");
        const bool big = mk_model(s.k)->big_endian;
        const char *options;

        mk_chain(&s, mk_at(s.k, s.net, "net.packet.sklist"),
                 mk_at(s.k, sk, "sock.__sk_common.skc_node"));
        mk_put16(s.k, mk_at(s.k, sk, "packet_sock.num"), 0x88cc, true);
        mk_put(s.k, sk, "packet_sock.mclist", member);
        mk_put16(s.k, mk_at(s.k, member, "packet_mclist.type"), 1, big);
        assert_string_equal(ends(&s, NULL), "AF_PACKET|RAW|LLDP|||||UNCONNECTED");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 26, 26), "promisc");
        mk_put16(s.k, mk_at(s.k, sk, "packet_sock.num"), 0x1234, true);
        assert_string_equal(ends(&s, NULL), "AF_PACKET|RAW|0x1234|||||UNCONNECTED");
        // A list that leads back into itself.
        mk_put(s.k, member, "packet_mclist.next", member);
        options = mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 26, 26);
        assert_int_equal(strlen(options), 64 * strlen("promisc,") - 1);
        mk_free(s.k);
    }
}

static void descriptors(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t task = mk_guest_task(&s.g, 5, "keeper", 0);
        const uint64_t other = mk_guest_task(&s.g, 6, "other", 0);
        const uint64_t sk = mk_sock(&s, "sock", ALG, 5, 0, CLOSE);
        const uint64_t no = mk_sock(&s, "sock", ALG, 5, 0, CLOSE), file = mk_sock_file(&s, no);

        mk_open(&s, task, 2, mk_sock_file(&s, sk)); // in no table
        mk_open(&s, other, 2, file);
        // A file whose private data is no socket of its inode.
        mk_put(s.k, file, "file.private_data", mk_object(s.k, "socket"));
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 2, 7),
                            "5|keeper|2|AF_ALG|SEQPACKET|");
        assert_string_equal(mk_guest_rows(&s.g, "sockets", "pid=6"), "");
        mk_free(s.k);
    }
}

static void families(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t task = mk_guest_task(&s.g, 5, "keeper", 0);
        const uint64_t bound = mk_sock(&s, "alg_sock", ALG, 5, 0, CLOSE);
        const uint64_t works = mk_sock(&s, "alg_sock", ALG, 5, 0, CLOSE);
        const uint64_t xdp = mk_sock(&s, "xdp_sock", XDP, RAW, 0, CLOSE);
        const uint64_t idle = mk_sock(&s, "xdp_sock", XDP, RAW, 0, CLOSE);
        const uint64_t type = mk_object(s.k, "af_alg_type"), alg = mk_object(s.k, "crypto_alg");
        const uint64_t cipher = mk_object(s.k, "crypto_skcipher");
        const uint64_t all[] = { bound, works, xdp, idle };

        for (unsigned i = 0; i < 4; i++)
            mk_open(&s, task, i, mk_sock_file(&s, all[i]));
        mk_puts(s.k, type, "af_alg_type.name", "skcipher");
        mk_puts(s.k, alg, "crypto_alg.cra_name", "cbc(aes)");
        mk_put(s.k, cipher, "crypto_skcipher.base.__crt_alg", alg);
        mk_put(s.k, bound, "alg_sock.type", type);
        mk_put(s.k, bound, "alg_sock.private", cipher);
        mk_put(s.k, works, "alg_sock.type", type);
        mk_put(s.k, works, "alg_sock.parent", bound);
        mk_put(s.k, works, "alg_sock.private", s.list);
        mk_put(s.k, xdp, "xdp_sock.state", 1);
        mk_put(s.k, xdp, "xdp_sock.queue_id", 3);
        assert_string_equal(ends(&s, NULL), "AF_ALG|SEQPACKET|skcipher|cbc(aes)||||UNCONNECTED\n"
                                            "AF_ALG|SEQPACKET|skcipher|cbc(aes)||||UNCONNECTED\n"
                                            "AF_XDP|RAW|||3|||BOUND\n"
                                            "AF_XDP|RAW||||||UNCONNECTED");
        mk_puts(s.k, alg, "crypto_alg.cra_name", "\x01");
        assert_string_equal(ends(&s, "family=alg"), "AF_ALG|SEQPACKET|skcipher|||||UNCONNECTED\n"
                                                    "AF_ALG|SEQPACKET|skcipher|||||UNCONNECTED");
        mk_free(s.k);
    }
}

/* Names of TIPC, and the peer in the header for its messages, in network order. */
static void tipc(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t task = mk_guest_task(&s.g, 5, "keeper", 0);
        const uint64_t bound = mk_sock(&s, "tipc_sock", TIPC, 4, 0, CLOSE);
        const uint64_t connected = mk_sock(&s, "tipc_sock", TIPC, STREAM, 0, ESTABLISHED);
        const uint64_t names[] = { mk_object(s.k, "publication"), mk_object(s.k, "publication") };
        const uint8_t port[] = { 0x01, 0, 0, 5 }, node[] = { 0xab, 0xcd, 0, 1 };
        const uint64_t header = mk_at(s.k, connected, "tipc_sock.phdr.hdr");

        for (unsigned i = 0; i < 2; i++) {
            const uint64_t list = mk_at(s.k, i ? connected : bound, "tipc_sock.publications");

            mk_open(&s, task, i, mk_sock_file(&s, i ? connected : bound));
            mk_list(s.k, list, NULL, 0);
            mk_put(s.k, names[i], "publication.sr.type", 18888);
            mk_put(s.k, names[i], "publication.sr.lower", 1);
            mk_put(s.k, names[i], "publication.sr.upper", i ? 9 : 1);
        }
        for (unsigned i = 0; i < 2; i++)
            mk_list_append(s.k, mk_at(s.k, bound, "tipc_sock.publications"),
                           mk_at(s.k, names[i], "publication.binding_sock"));
        mk_put(s.k, bound, "tipc_sock.portid", 7);
        mk_put(s.k, connected, "tipc_sock.portid", 8);
        mk_write(s.k, header + 20, port, 4);
        mk_write(s.k, header + 28, node, 4);
        assert_string_equal(ends(&s, NULL), "AF_TIPC|RDM||18888:1,18888:1-9|7|||UNCONNECTED\n"
                                            "AF_TIPC|STREAM|||8|abcd0001|16777221|ESTABLISHED");
        mk_free(s.k);
    }
}

/* Programs that choose a socket of a group, and multicast groups of IPv6. */
static void programs(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t sk = mk_sock(&s, "packet_sock", PACKET, RAW, 0, CLOSE);
        const uint64_t udp = mk_sock(&s, "inet_sock", INET6, DGRAM, UDP, CLOSE);
        const uint64_t task = mk_guest_task(&s.g, 5, "keeper", 0);
        const uint64_t program = mk_object(s.k, "bpf_prog"), aux = mk_object(s.k, "bpf_prog_aux");
        const uint64_t fanout = mk_object(s.k, "packet_fanout");
        const uint64_t group = mk_object(s.k, "sock_reuseport");
        const uint64_t own = mk_object(s.k, "ipv6_pinfo");
        const uint64_t member = mk_object(s.k, "ipv6_mc_socklist");
        const uint8_t address[16] = { 0xff, 2, [15] = 0xfb };

        mk_open(&s, task, 3, mk_sock_file(&s, sk));
        mk_open(&s, task, 4, mk_sock_file(&s, udp));
        mk_put(s.k, program, "bpf_prog.aux", aux);
        mk_put(s.k, aux, "bpf_prog_aux.id", 33);
        mk_puts(s.k, aux, "bpf_prog_aux.name", "choose");
        mk_put(s.k, sk, "packet_sock.fanout", fanout);
        mk_put(s.k, fanout, "packet_fanout.bpf_prog", program); // a counter, by its type
        mk_put(s.k, group, "sock_reuseport.prog", program);
        mk_put(s.k, udp, "inet_sock.pinet6", own);
        mk_put(s.k, own, "ipv6_pinfo.ipv6_mc_list", member);
        mk_write(s.k, mk_at(s.k, member, "ipv6_mc_socklist.addr"), address, 16);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 26, 26),
                            "fanout:0\ngroup:ff02::fb");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 36, 36), "\n");
        mk_put(s.k, fanout, "packet_fanout.type", 7);
        mk_put(s.k, udp, "sock.sk_reuseport_cb", group);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 36, 36),
                            "fanout: eBPF 33 choose\nreuseport: eBPF 33 choose");
        mk_put(s.k, aux, "bpf_prog_aux.id", 0);
        mk_put(s.k, fanout, "packet_fanout.bpf_prog", 0x10);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 36, 36),
                            "fanout: cannot be read\nreuseport: cBPF, not kept");
        mk_free(s.k);
    }
}

/* What nothing leads to, in memory that no slab has. */
static void scan(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets(m);
        const uint64_t other = mk_object(s.k, "proto");
        uint64_t sk;

        connection(&s, 1, 1); // known
        mk_ends(&s, mk_sock(&s, "tcp_sock", INET, STREAM, TCP, CLOSE), LOCAL, 2, FAR, 80);
        // Of a protocol that only the list of them tells of.
        mk_put(s.k, other, "proto.obj_size", 700);
        mk_puts(s.k, other, "proto.name", "UDP");
        mk_list_append(s.k, s.protos, mk_at(s.k, other, "proto.node"));
        sk = mk_sock(&s, "udp_sock", INET, DGRAM, UDP, CLOSE);
        mk_ends(&s, sk, LOCAL, 3, 0, 0);
        mk_put(s.k, sk, "sock.__sk_common.skc_prot", other);
        // Close, and no socket: of no namespace, of no family, in no state, of no protocol.
        mk_put(s.k, mk_sock(&s, "tcp_sock", INET, STREAM, TCP, CLOSE),
               "sock.__sk_common.skc_net.net", s.list);
        mk_sock(&s, "tcp_sock", 0, STREAM, TCP, CLOSE);
        mk_sock(&s, "tcp_sock", INET, STREAM, TCP, 77);
        mk_put(s.k, mk_sock(&s, "tcp_sock", INET, STREAM, TCP, CLOSE), "sock.__sk_common.skc_prot",
               s.list);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", NULL), 9, 9), "1");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "scan"), 9, 9), "1\n2\n3");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "scan"), 34, 34),
                            "living\nleftover\nleftover");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "sockets", "scan udp"), 9, 9), "3");
        mk_free(s.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp),         cmocka_unit_test(damage),       cmocka_unit_test(namespaces),
        cmocka_unit_test(udp),         cmocka_unit_test(unix_sockets), cmocka_unit_test(netlink),
        cmocka_unit_test(descriptors), cmocka_unit_test(packet),       cmocka_unit_test(scan),
        cmocka_unit_test(tipc),        cmocka_unit_test(programs),     cmocka_unit_test(families),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
