/* linux_packet_test.c - the bytes of packets, and what their headers say. */
#include "../../../plugins/linux/net/packet.h"
#include "check.h"
#include "mklinux.h"
#include "mkpacket.h"
#include <stdio.h>
#include <string.h>

EG_TYPE(sk_buff);

static const uint8_t frame[] = {
    0x52, 0x54, 0, 0,  0, 1,  0x52, 0x54, 0,   0,   0,   2,   8,   0, // Ethernet
    0x45, 0,    0, 33, 0, 0,  0x40, 0,    64,  17,  0,   0,   192, 0, 2, 1, 192, 0, 2, 2, // IPv4
    0x1c, 0x20, 0, 53, 0, 13, 0,    0,    'w', 'o', 'r', 'd', 's',                        // UDP
};
enum { ETHERNET = 14, IPV4 = 20 };

static struct eg_obj cursor(struct eg_run *r, uint64_t skb)
{
    return eg_object(r, sk_buff, skb);
}

/** Where the headers are: still before the data, taken off, never there. */
static void headers(void **state)
{
    static const struct {
        unsigned mac, network, pulled;
        int starts;
        size_t len, payload;
    } cases[] = {
        { 16, 16 + ETHERNET, 0, LINUX_PACKET_ETHERNET, sizeof frame, 0 },
        { 16, 16 + ETHERNET, ETHERNET + IPV4 + 8, LINUX_PACKET_ETHERNET, sizeof frame,
          ETHERNET + IPV4 + 8 },
        { 0xffff, 16 + ETHERNET, ETHERNET, LINUX_PACKET_IP, sizeof frame - ETHERNET, 0 },
        { 0xffff, 16 + ETHERNET, ETHERNET + IPV4, LINUX_PACKET_IP, sizeof frame - ETHERNET, IPV4 },
        { 0xffff, 0, 0, LINUX_PACKET_PAYLOAD, sizeof frame, 0 },
        { 0xffff, 0xffff, 0, LINUX_PACKET_PAYLOAD, sizeof frame, 0 },
        { 16, 17, ETHERNET, LINUX_PACKET_PAYLOAD, sizeof frame - ETHERNET, 0 }, // no header fits
        { 0xffff, 9000, ETHERNET, LINUX_PACKET_PAYLOAD, sizeof frame - ETHERNET, 0 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk *k = mk_new(m, 4 << 20, MK_PACKET_TYPES MK_PACKET_BIO);
        uint64_t skb = mk_packet(k, frame, sizeof frame, 256);
        struct linux_packet_reader reader = { 0 };
        struct linux_packet p;
        struct linux_packet_ends ends;
        struct eg_run *r;

        mk_put(k, skb, "sk_buff.mac_header", cases[i].mac);
        mk_put(k, skb, "sk_buff.network_header", cases[i].network);
        mk_put(k, skb, "sk_buff.data",
               mk_read_ptr(k, mk_at(k, skb, "sk_buff.data")) + cases[i].pulled);
        mk_put(k, skb, "sk_buff.len", sizeof frame - cases[i].pulled);
        r = mk_run(k);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.starts, cases[i].starts);
        assert_int_equal(p.len, cases[i].len);
        assert_int_equal(p.payload, cases[i].payload);
        assert_int_equal(p.missing, 0);
        assert_memory_equal(p.bytes + p.len - 5, "words", 5);
        assert_int_equal(linux_packet_ends(r, &p, &ends), p.starts != LINUX_PACKET_PAYLOAD);
        if (p.starts != LINUX_PACKET_PAYLOAD) {
            assert_string_equal(ends.protocol, "UDP");
            assert_string_equal(ends.source, "192.0.2.1");
            assert_string_equal(ends.destination, "192.0.2.2");
            assert_int_equal(ends.source_port, 7200);
            assert_int_equal(ends.destination_port, 53);
        }
        mk_free(k);
    }
}

/** Lengths that contradict each other are no packet. */
static void lengths(void **state)
{
    static const struct {
        const char *member;
        uint64_t value;
        bool ok;
    } cases[] = {
        { "sk_buff.len", sizeof frame, true }, { "sk_buff.len", sizeof frame + 1, false },
        { "sk_buff.len", UINT32_MAX, false },  { "sk_buff.data_len", sizeof frame + 1, false },
        { "sk_buff.tail", 15, false },                                       // before the data
        { "sk_buff.tail", 300, false },        { "sk_buff.end", 16, false }, // before the tail
        { "sk_buff.end", 1 << 30, false },     { "sk_buff.head", 0, false },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk *k = mk_new(m, 4 << 20, MK_PACKET_TYPES MK_PACKET_BIO);
        uint64_t skb = mk_packet(k, frame, sizeof frame, 256);
        struct linux_packet_reader reader = { 0 };
        struct linux_packet p;
        struct eg_run *r;

        mk_put(k, skb, cases[i].member, cases[i].value);
        r = mk_run(k);
        assert_int_equal(linux_packet_read(r, &reader, cursor(r, skb), &p), cases[i].ok);
        mk_free(k);
    }
}

/** Pieces in pages, by both layouts: what memory does not hold is zeros that are counted; more
 * pieces than fit, and a piece of 2 GiB, are not followed. */
static void pieces(void **state)
{
    static const char *const types[] = { MK_PACKET_TYPES MK_PACKET_BIO,
                                         MK_PACKET_TYPES MK_PACKET_NETMEM };

    (void)state;
    mk_each_machine(m) for (int i = 0; i < 2; i++)
    {
        struct mk *k = mk_new(m, 4 << 20, types[i]);
        const char *const piece = i ? "skb_frag." : "bio_vec.bv_";
        uint64_t skb = mk_packet(k, "head", 4, 256), shared, frag;
        struct linux_packet_reader reader = { 0 };
        struct linux_packet p;
        struct eg_run *r;
        char member[32];

        shared = mk_read_ptr(k, mk_at(k, skb, "sk_buff.head")) + 256;
        frag = mk_at(k, shared, "skb_shared_info.frags");
        mk_put(k, shared, "skb_shared_info.nr_frags", 1);
        snprintf(member, sizeof member, "%slen", piece);
        mk_put(k, frag, member, 1000);
        mk_put(k, frag, i ? "skb_frag.netmem" : "bio_vec.bv_page", 0x1001); // no page
        mk_put(k, skb, "sk_buff.len", 1004);
        mk_put(k, skb, "sk_buff.data_len", 1000);
        mk_user_map(k, m, mk_user_root(k, m), 64 * mk_page_size(k),
                    mk_alloc_aligned(k, mk_page_size(k), mk_page_size(k))); // makes the state
        r = mk_run(k);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.len, 1004);
        assert_int_equal(p.missing, 1000);
        assert_false(p.cut);
        mk_put(k, skb, "sk_buff.len", 504); // less than the piece has
        mk_put(k, skb, "sk_buff.data_len", 500);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.len, 504);
        assert_int_equal(p.missing, 504);
        assert_true(p.cut);
        mk_put(k, skb, "sk_buff.len", 1004);
        mk_put(k, skb, "sk_buff.data_len", 1000);
        mk_put(k, shared, "skb_shared_info.nr_frags", 200);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.len, 4);
        assert_true(p.cut);
        mk_put(k, shared, "skb_shared_info.nr_frags", 1);
        mk_put(k, frag, member, 0x7fffffff);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.len, 4);
        assert_true(p.cut);
        mk_free(k);
    }
}

/** Buffers that hang on the first: a chain that is a circle ends with what the length says. */
static void chained(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, 4 << 20, MK_PACKET_TYPES MK_PACKET_BIO);
        uint64_t skb = mk_packet(k, "one ", 4, 256), more = mk_packet(k, "two ", 4, 256);
        uint64_t shared = mk_read_ptr(k, mk_at(k, skb, "sk_buff.head")) + 256;
        struct linux_packet_reader reader = { 0 };
        struct linux_packet p;
        struct eg_run *r;

        mk_put(k, shared, "skb_shared_info.frag_list", more);
        mk_put(k, more, "sk_buff.next", more);
        mk_put(k, skb, "sk_buff.len", 10);
        mk_put(k, skb, "sk_buff.data_len", 6);
        r = mk_run(k);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.len, 10);
        assert_memory_equal(p.bytes, "one two tw", 10);
        mk_put(k, skb, "sk_buff.len", 4 + (1u << 19));
        mk_put(k, skb, "sk_buff.data_len", 1u << 19);
        assert_true(linux_packet_read(r, &reader, cursor(r, skb), &p));
        assert_int_equal(p.len, 4 + 64 * 4);
        assert_true(p.cut);
        mk_free(k);
    }
}

/** What headers say, whole and cut short. */
static void protocols(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int starts;
        bool ok;
        const char *protocol, *source;
        int port;
    } cases[] = {
        { "\x60\0\0\0\0\10\x3a\xff\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
          "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x87\0\0\0",
          44, LINUX_PACKET_IP, true, "ICMPv6", "fe80::1", -1 },
        // hop-by-hop options before UDP
        { "\x60\0\0\0\0\20\0\x01\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
          "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x11\0\5\2\0\0\1\0\x1c\x20\0\x35\0\10\0\0",
          56, LINUX_PACKET_IP, true, "UDP", "fe80::1", 7200 },
        // the same, cut within the options
        { "\x60\0\0\0\0\20\0\x01\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
          "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x11\0\5\2",
          44, LINUX_PACKET_IP, true, "0", "fe80::1", -1 },
        // a later fragment has no ports
        { "\x45\0\0\x20\0\1\x20\x02\x40\6\0\0\xc0\0\2\1\xc0\0\2\2\0\x16\0\x17", 24, LINUX_PACKET_IP,
          true, "TCP", "192.0.2.1", -1 },
        { "\x44\0\0\x20\0\1\0\0\x40\6\0\0\xc0\0\2\1\xc0\0\2\2\0\x16\0\x17", 24, LINUX_PACKET_IP,
          false, NULL, NULL, -1 }, // a header of 16 bytes
        { "\x4f\0\0\x20\0\1\0\0\x40\6\0\0\xc0\0\2\1\xc0\0\2\2\0\x16\0\x17", 24, LINUX_PACKET_IP,
          true, "TCP", "192.0.2.1", -1 }, // one of 60
        { "\377\377\377\377\377\377\1\2\3\4\5\6\x81\0\0\7\10\6\0\1\10\0\6\4\0\1\1\2\3\4\5\6\xc0\0"
          "\2\1\0\0\0\0\0\0\xc0\0\2\2",
          46, LINUX_PACKET_ETHERNET, true, "ARP", "192.0.2.1", -1 }, // within a VLAN
        { "\377\377\377\377\377\377\1\2\3\4\5\6\x88\xcc\0\0\0\0\0\0", 20, LINUX_PACKET_ETHERNET,
          false, "0x88cc", NULL, -1 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk *k = mk_new(m, 1 << 20, MK_PACKET_TYPES MK_PACKET_BIO);
        struct eg_run *r = mk_run(k);
        uint8_t bytes[64];
        struct linux_packet p = { .starts = cases[i].starts, .bytes = bytes, .len = cases[i].len };
        struct linux_packet_ends ends;

        memcpy(bytes, cases[i].bytes, cases[i].len);
        assert_int_equal(linux_packet_ends(r, &p, &ends), cases[i].ok);
        if (cases[i].protocol)
            assert_string_equal(ends.protocol, cases[i].protocol);
        if (cases[i].source)
            assert_string_equal(ends.source, cases[i].source);
        assert_int_equal(ends.source_port, cases[i].port);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers), cmocka_unit_test(lengths),   cmocka_unit_test(pieces),
        cmocka_unit_test(chained), cmocka_unit_test(protocols),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
