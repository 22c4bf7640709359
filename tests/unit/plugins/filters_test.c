/* filters_test.c - packet filters: hooks and whose code they are, XDP, tracked connections;
 * damage. */
#include "check.h"
#include "mkfilter.h"

/* ---- hooks ---- */

/* A hook of one function; @own: what its nf_hook_ops says. */
static uint64_t hook(struct guest *s, uint64_t function, uint64_t own, unsigned num, int priority)
{
    const uint64_t size = 2u * s->ptr, at = mk_alloc(s->k, s->ptr + size + s->ptr);
    const uint64_t ops = mk_object(s->k, "nf_hook_ops");

    mk_put(s->k, at, "nf_hook_entries.num_hook_entries", 1);
    mk_write_ptr(s->k, at + s->ptr, function);
    mk_write_ptr(s->k, at + s->ptr + size, ops);
    mk_put(s->k, ops, "nf_hook_ops.hook", own);
    mk_put(s->k, ops, "nf_hook_ops.pf", 2);
    mk_put(s->k, ops, "nf_hook_ops.hooknum", num);
    mk_put(s->k, ops, "nf_hook_ops.priority", (uint64_t)(int64_t)priority);
    return at;
}

static void hooks(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct guest s = guest(m);
        const uint64_t good = code(&s, "good_hook"), dev = mk_object(s.k, "net_device");
        const uint64_t nf = mk_at(s.k, s.net, "net.nf");
        uint64_t many = mk_alloc(s.k, 64);

        mk_symbol(s.k, "_stext", good - 4);
        mk_symbol(s.k, "_etext", good + 16);
        mk_symbol(s.k, "bpf_kallsyms", mk_object(s.k, "list_head")); // no code of BPF
        mk_write_ptr(s.k, nf, hook(&s, good, good, 0, -200));
        mk_write_ptr(s.k, nf + s.ptr, hook(&s, good + 8, good + 8, 1, 5)); // inside a function
        mk_write_ptr(s.k, nf + 2 * s.ptr, hook(&s, good + 4096, good + 4096, 2, 0)); // of nobody
        mk_write_ptr(s.k, nf + 3 * s.ptr, hook(&s, good, good + 8, 3, 1)); // put there by hand
        mk_write_ptr(s.k, nf + 4 * s.ptr, hook(&s, good, good, 2, 1));     // of another hook
        mk_puts(s.k, dev, "net_device.name", "eth0");
        mk_list_append(s.k, mk_at(s.k, s.net, "net.dev_base_head"),
                       mk_at(s.k, dev, "net_device.dev_list"));
        mk_put(s.k, dev, "net_device.nf_hooks_ingress", hook(&s, good, good, 0, 9));
        // FAMILY HOOK INTERFACE PRIORITY; SYMBOL MODULE; HINTS
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "netfilter", NULL), 1, 4),
                            "ip|prerouting||-200\nip|input||5\nip|forward||0\nip|output||1\n"
                            "ip|postrouting||1\nnetdev|ingress|eth0|9");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "netfilter", NULL), 6, 7),
                            "good_hook|kernel\ngood_hook+0x8|kernel\n|\ngood_hook|kernel\n"
                            "good_hook|kernel\ngood_hook|kernel");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "netfilter", NULL), 10, 10),
                            "\ninside a function\n"
                            "code of no module that is listed, nor of the kernel\n"
                            "its nf_hook_ops has another function\n"
                            "its nf_hook_ops is of another hook\n");
        // More than there can be.
        mk_put(s.k, many, "nf_hook_entries.num_hook_entries", 60000);
        mk_write_ptr(s.k, nf, many);
        mk_guest_rows(&s.g, "netfilter", NULL);
        assert_int_equal(mk_row_notes("more than the kernel allows"), 1);
        mk_free(s.k);
    }
}

/* ---- XDP ---- */

static uint64_t program(struct guest *s, unsigned id, const char *name)
{
    const uint64_t prog = mk_object(s->k, "bpf_prog"), aux = mk_object(s->k, "bpf_prog_aux");

    mk_put(s->k, prog, "bpf_prog.aux", aux);
    mk_put(s->k, aux, "bpf_prog_aux.id", id);
    mk_puts(s->k, aux, "bpf_prog_aux.name", name);
    return prog;
}

static void xdp(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct guest s = guest(m);
        const uint64_t a = program(&s, 5, "one"), b = program(&s, 6, "two");
        const uint64_t link = mk_object(s.k, "bpf_xdp_link");
        uint64_t dev[4];

        mk_put(s.k, link, "bpf_xdp_link.link.id", 77);
        mk_put(s.k, link, "bpf_xdp_link.link.prog", b);
        for (int i = 0; i < 4; i++) {
            dev[i] = mk_object(s.k, "net_device");
            mk_puts(s.k, dev[i], "net_device.name",
                    i ? i == 1   ? "e1"
                        : i == 2 ? "e2"
                                 : "e3"
                      : "e0");
            mk_list_append(s.k, mk_at(s.k, s.net, "net.dev_base_head"),
                           mk_at(s.k, dev[i], "net_device.dev_list"));
        }
        // Generic: set and called; of a link in the driver; called without being set; another one.
        mk_write_ptr(s.k, mk_at(s.k, dev[0], "net_device.xdp_state"), a);
        mk_put(s.k, dev[0], "net_device.xdp_prog", a);
        mk_write_ptr(s.k, mk_at(s.k, dev[1], "net_device.xdp_state") + 3 * s.ptr, link);
        mk_put(s.k, dev[2], "net_device.xdp_prog", b);
        mk_write_ptr(s.k, mk_at(s.k, dev[3], "net_device.xdp_state"), a);
        mk_put(s.k, dev[3], "net_device.xdp_prog", b);
        // INTERFACE IFINDEX KIND BPF_ID BPF_NAME; LINK_ID … HINTS
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "xdp", NULL), 1, 5),
                            "e0|0|generic|5|one\ne1|0|driver|6|two\ne2|0|generic|6|two\n"
                            "e3|0|generic|6|two");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "xdp", NULL), 7, 7), "\n77\n\n");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "xdp", NULL), 9, 9),
                            "\n\na program is called that was not set\n"
                            "another program is called than the one that is set");
        mk_free(s.k);
    }
}

/* ---- connections ---- */

static void put16(struct guest *s, uint64_t at, unsigned v)
{
    const uint8_t b[] = { (uint8_t)(v >> 8), (uint8_t)v };

    mk_write(s->k, at, b, 2);
}

static void tuple(struct guest *s, uint64_t conn, int dir, const uint8_t *src, unsigned sport,
                  const uint8_t *dst, unsigned dport)
{
    const uint64_t size = mk_at(s->k, 0, "nf_conn.status") - mk_at(s->k, 0, "nf_conn.tuplehash");
    const uint64_t at = mk_at(s->k, conn, "nf_conn.tuplehash") + (uint64_t)dir * (size / 2) +
                        mk_at(s->k, 0, "nf_conntrack_tuple_hash.tuple");

    mk_write(s->k, mk_at(s->k, at, "nf_conntrack_tuple.src.u3"), src, 4);
    mk_write(s->k, mk_at(s->k, at, "nf_conntrack_tuple.dst.u3"), dst, 4);
    put16(s, mk_at(s->k, at, "nf_conntrack_tuple.src.u.all"), sport);
    put16(s, mk_at(s->k, at, "nf_conntrack_tuple.dst.u.all"), dport);
    mk_put(s->k, at, "nf_conntrack_tuple.src.l3num", 2);
    mk_put(s->k, at, "nf_conntrack_tuple.dst.protonum", 6);
    mk_put(s->k, at, "nf_conntrack_tuple.dst.dir", (uint64_t)dir);
}

/* Put one direction in front of a chain. */
static void chain(struct guest *s, uint64_t head, uint64_t conn, int dir)
{
    const uint64_t size = mk_at(s->k, 0, "nf_conn.status") - mk_at(s->k, 0, "nf_conn.tuplehash");
    const uint64_t node = mk_at(s->k, conn, "nf_conn.tuplehash") + (uint64_t)dir * (size / 2);
    const uint64_t first = mk_read_ptr(s->k, head);

    mk_write_ptr(s->k, node, first);
    mk_write_ptr(s->k, node + s->ptr, head);
    if (!(first & 1))
        mk_write_ptr(s->k, first + s->ptr, node);
    mk_write_ptr(s->k, head, node);
}

static void connections(void **state)
{
    static const uint8_t a[] = { 192, 0, 2, 1 }, b[] = { 198, 51, 100, 7 },
                         c[] = { 203, 0, 113, 9 };
    (void)state;
    mk_each_machine(m)
    {
        enum { BUCKETS = 4 };
        struct guest s = guest(m);
        const uint64_t table = mk_alloc(s.k, BUCKETS * s.ptr), at = mk_alloc(s.k, s.ptr);
        const uint64_t size = mk_alloc(s.k, 4);
        uint64_t conn[3];

        for (unsigned i = 0; i < BUCKETS; i++) // each chain ends with an odd number
            mk_write_ptr(s.k, table + i * s.ptr, i << 1 | 1);
        mk_write_ptr(s.k, at, table);
        mk_write_u32(s.k, size, BUCKETS);
        mk_symbol(s.k, "nf_conntrack_hash", at);
        mk_symbol(s.k, "nf_conntrack_htable_size", size);
        for (int i = 0; i < 3; i++) {
            conn[i] = mk_object(s.k, "nf_conn");
            mk_put(s.k, conn[i], "nf_conn.ct_net.net", s.net);
            mk_put(s.k, conn[i], "nf_conn.status", i == 1 ? 0x1e : 8);
            mk_put(s.k, conn[i], "nf_conn.mark", (uint64_t)i);
            mk_put(s.k, conn[i], "nf_conn.proto.tcp.state", (uint64_t)i + 1);
            tuple(&s, conn[i], 0, a, 1000 + (unsigned)i, b, 80);
            tuple(&s, conn[i], 1, b, 80, i == 1 ? c : a, 1000 + (unsigned)i);
        }
        // In the first chain, in the last, both directions in one.
        chain(&s, table, conn[0], 0);
        chain(&s, table + 3 * s.ptr, conn[0], 1);
        chain(&s, table + 3 * s.ptr, conn[1], 0);
        chain(&s, table + 3 * s.ptr, conn[1], 1);
        chain(&s, table + 1 * s.ptr, conn[2], 0);
        chain(&s, table + 1 * s.ptr, conn[2], 1);
        // STATE … REPLY_DESTINATION_PORT; NAT STATUS
        assert_string_equal(
            mk_columns(mk_guest_rows(&s.g, "conntrack", NULL), 4, 12),
            "SYN_SENT|192.0.2.1|1000|198.51.100.7|80|198.51.100.7|80|192.0.2.1|1000\n"
            "ESTABLISHED|192.0.2.1|1002|198.51.100.7|80|198.51.100.7|80|192.0.2.1|1002\n"
            "SYN_RECV|192.0.2.1|1001|198.51.100.7|80|198.51.100.7|80|203.0.113.9|1001");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "conntrack", NULL), 13, 14),
                            "|CONFIRMED\n|CONFIRMED\nSNAT|SEEN_REPLY,ASSURED,CONFIRMED,SRC_NAT");
        assert_int_equal(mk_row_notes("damaged"), 0);
        // A node that does not point back is of no chain; a state that there is not.
        mk_write_ptr(s.k, mk_at(s.k, conn[0], "nf_conn.tuplehash") + s.ptr, 0x1234);
        mk_put(s.k, conn[2], "nf_conn.proto.tcp.state", 99);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "conntrack", NULL), 4, 6),
                            "-|192.0.2.1|1002\nSYN_RECV|192.0.2.1|1001");
        assert_int_equal(mk_row_notes("1 chains are damaged"), 1);
        // A chain that leads back to its head, where the next head is what points there.
        mk_write_ptr(s.k, mk_at(s.k, conn[2], "nf_conn.tuplehash"), table + s.ptr);
        mk_write_ptr(s.k, table + 2 * s.ptr, mk_at(s.k, conn[2], "nf_conn.tuplehash"));
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "conntrack", NULL), 4, 6),
                            "-|192.0.2.1|1002\nSYN_RECV|192.0.2.1|1001");
        assert_int_equal(mk_row_notes("3 chains are damaged"), 1);
        // A count that cannot be: the walk ends.
        mk_write_u32(s.k, size, UINT32_MAX);
        mk_guest_rows(&s.g, "conntrack", NULL);
        assert_int_equal(mk_row_notes("too many"), 1);
        mk_free(s.k);
    }
}

/* What a connection's extensions say; those that end; those that are expected. */
static void related(void **state)
{
    static const uint8_t a[] = { 192, 0, 2, 1 }, b[] = { 198, 51, 100, 7 };
    (void)state;
    mk_each_machine(m)
    {
        struct guest s = guest(m);
        const uint64_t table = mk_alloc(s.k, s.ptr), at = mk_alloc(s.k, s.ptr);
        const uint64_t one = mk_alloc(s.k, 4), gen = mk_alloc(s.k, 8 * s.ptr);
        const uint64_t hash = mk_alloc(s.k, s.ptr), hash_at = mk_alloc(s.k, s.ptr);
        const uint64_t id = mk_alloc(s.k, 4), own = mk_object(s.k, "nf_conntrack_net");
        const uint64_t list = mk_at(s.k, own, "nf_conntrack_net.ecache.dying_list");
        const uint64_t ext = mk_alloc(s.k, 128), ftp = mk_object(s.k, "nf_conntrack_helper");
        const uint64_t expect = mk_object(s.k, "nf_conntrack_expect");
        const uint64_t node = mk_at(s.k, expect, "nf_conntrack_expect.hnode");
        const uint64_t wanted = mk_at(s.k, expect, "nf_conntrack_expect.tuple");
        uint64_t conn[2];

        mk_write_ptr(s.k, table, 1), mk_write_ptr(s.k, at, table), mk_write_u32(s.k, one, 1);
        mk_symbol(s.k, "nf_conntrack_hash", at);
        mk_symbol(s.k, "nf_conntrack_htable_size", one);
        mk_write_ptr(s.k, hash_at, hash);
        mk_symbol(s.k, "nf_ct_expect_hash", hash_at);
        mk_symbol(s.k, "nf_ct_expect_hsize", one);
        mk_write_u32(s.k, id, 3);
        mk_symbol(s.k, "nf_conntrack_net_id", id);
        mk_put(s.k, s.net, "net.gen", gen);
        mk_write_ptr(s.k, gen + 3 * s.ptr, own);
        mk_write_ptr(s.k, list, 1);
        for (unsigned i = 0; i < 2; i++) {
            conn[i] = mk_object(s.k, "nf_conn");
            mk_put(s.k, conn[i], "nf_conn.ct_net.net", s.net);
            mk_put(s.k, conn[i], "nf_conn.status", i ? 0x208 : 8);
            tuple(&s, conn[i], 0, a, 1000 + i, b, 21);
            tuple(&s, conn[i], 1, b, 21, a, 1000 + i);
        }
        chain(&s, table, conn[0], 0);
        chain(&s, list, conn[1], 0);
        mk_puts(s.k, ftp, "nf_conntrack_helper.name", "ftp");
        mk_put(s.k, conn[0], "nf_conn.ext", ext);
        mk_write(s.k, ext, "\x10\0\x20", 3);
        mk_write_ptr(s.k, ext + 0x10, ftp);
        for (unsigned i = 0; i < 4; i++) // 64 bits each, on every machine
            mk_write(s.k, ext + 0x20 + 8 * i, (const uint8_t[8]){ 0, 0, 0, 0, 0, 0, 0, 0 }, 8);
        mk_write_u32(s.k, ext + 0x20 + (mk_model(s.k)->big_endian ? 4 : 0), 5);
        mk_write_u32(s.k, ext + 0x28 + (mk_model(s.k)->big_endian ? 4 : 0), 600);
        mk_write(s.k, mk_at(s.k, wanted, "nf_conntrack_tuple.src.u3"), b, 4);
        mk_write(s.k, mk_at(s.k, wanted, "nf_conntrack_tuple.dst.u3"), a, 4);
        put16(&s, mk_at(s.k, wanted, "nf_conntrack_tuple.dst.u.all"), 40000);
        mk_put(s.k, wanted, "nf_conntrack_tuple.src.l3num", 2);
        mk_put(s.k, wanted, "nf_conntrack_tuple.dst.protonum", 6);
        mk_put(s.k, expect, "nf_conntrack_expect.net.net", s.net);
        mk_put(s.k, expect, "nf_conntrack_expect.master", conn[0]);
        mk_put(s.k, expect, "nf_conntrack_expect.helper", ftp);
        mk_write_ptr(s.k, hash, node);
        mk_write_ptr(s.k, node + s.ptr, hash);
        // KIND … DESTINATION_PORT
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "conntrack", NULL), 1, 8),
                            "connection|AF_INET|TCP|NONE|192.0.2.1|1000|198.51.100.7|21\n"
                            "dying|AF_INET|TCP|NONE|192.0.2.1|1001|198.51.100.7|21\n"
                            "expected|AF_INET|TCP||198.51.100.7|0|192.0.2.1|40000");
        // ORIGINAL_PACKETS ORIGINAL_BYTES REPLY_PACKETS REPLY_BYTES STARTED HELPER
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "conntrack", NULL), 19, 24),
                            "5|600|0|0||ftp\n|||||\n|||||ftp");
        // A list that leads to itself, an extension that is nowhere, an expectation as well.
        mk_write_ptr(s.k, mk_at(s.k, conn[1], "nf_conn.tuplehash"),
                     mk_at(s.k, conn[1], "nf_conn.tuplehash"));
        mk_put(s.k, conn[0], "nf_conn.ext", 0x10);
        mk_write_ptr(s.k, node, 0x10);
        mk_guest_rows(&s.g, "conntrack", NULL);
        assert_int_equal(mk_row_notes("lists of dying connections: 1 are damaged"), 1);
        mk_free(s.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks),
        cmocka_unit_test(xdp),
        cmocka_unit_test(connections),
        cmocka_unit_test(related),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
