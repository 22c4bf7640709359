/* linux_unread_test.c - what came into sockets and was not read: what each protocol has taken of a
 * buffer already, buffers that hang on others, and damage. */
#include "../../../core/run.h"
#include "../../../plugins/linux/own/unread.h"
#include "check.h"
#include "mkimage.h"
#include <stdio.h>
#include <string.h>

EG_TYPE(sock);

#define TYPES                                                                                      \
    "struct list_head { struct list_head *next, *prev; };"                                         \
    "struct sk_buff { struct sk_buff *next, *prev; unsigned int len, data_len; char cb[48];"       \
    "  unsigned int tail, end; u8 *head, *data; };"                                                \
    "struct skb_frag { unsigned long netmem; unsigned int len, offset; };"                         \
    "struct skb_shared_info { u8 nr_frags; struct sk_buff *frag_list; struct skb_frag frags[17]; " \
    "};"                                                                                           \
    "struct sk_buff_head { struct sk_buff *next, *prev; u32 qlen; };"                              \
    "struct sock_common { u16 skc_family; u8 skc_state; };"                                        \
    "struct sock { struct sock_common __sk_common; u16 sk_type, sk_protocol;"                      \
    "  struct sk_buff_head sk_receive_queue; };"                                                   \
    "struct tcp_sock { struct sock sk; u32 copied_seq; };"                                         \
    "struct udp_sock { struct sock sk; struct sk_buff_head reader_queue; };"                       \
    "struct unix_skb_parms { void *pid; u32 consumed; };"                                          \
    "struct tcp_skb_cb { u32 seq, end_seq; u8 tcp_flags; };"                                       \
    "struct mptcp_skb_cb { u64 map_seq, end_seq; u32 offset; };"

enum { UNIX = 1, INET = 2, NETLINK = 16, VSOCK = 40 };
enum { STREAM = 1, DGRAM = 2, SEQPACKET = 5 };
enum { TCP = 6, UDP = 17, SCTP = 132, MPTCP = 262, ESTABLISHED = 1, CLOSE = 7, LISTEN = 10 };

static void make_queue(struct mk *k, uint64_t queue)
{
    mk_write_ptr(k, queue, queue);
    mk_write_ptr(k, queue + mk_model(k)->ptr_size, queue);
}

static uint64_t make_sock(struct mk *k, const char *type, int family, int kind, int protocol,
                          int state)
{
    uint64_t s = mk_object(k, type);

    mk_put(k, s, "sock.__sk_common.skc_family", (uint64_t)family);
    mk_put(k, s, "sock.__sk_common.skc_state", (uint64_t)state);
    mk_put(k, s, "sock.sk_type", (uint64_t)kind);
    mk_put(k, s, "sock.sk_protocol", (uint64_t)protocol);
    make_queue(k, mk_at(k, s, "sock.sk_receive_queue"));
    return s;
}

static uint64_t make_buffer(struct mk *k, uint64_t queue, const char *text)
{
    const unsigned ptr = mk_model(k)->ptr_size;
    uint64_t b = mk_object(k, "sk_buff"), head = mk_alloc(k, 1024), last;

    mk_put(k, b, "sk_buff.len", strlen(text));
    mk_put(k, b, "sk_buff.head", head);
    mk_put(k, b, "sk_buff.data", head + 8);
    mk_put(k, b, "sk_buff.end", 64);
    mk_write(k, head + 8, text, strlen(text));
    if (!queue)
        return b;
    last = mk_read_ptr(k, queue + ptr);
    mk_write_ptr(k, b, queue);
    mk_write_ptr(k, b + ptr, last);
    mk_write_ptr(k, last, b);
    mk_write_ptr(k, queue + ptr, b);
    return b;
}

struct text {
    struct eg_run *r;
    char at[256];
    size_t n;
};

static void add_piece(void *context, const struct linux_piece *piece)
{
    struct text *t = context;

    assert_true(t->n + piece->len < sizeof t->at);
    if (!piece->space ||
        !eg_read(eg_view_of(t->r), piece->space, piece->addr, t->at + t->n, piece->len))
        memset(t->at + t->n, '?', piece->len);
    t->n += piece->len;
}

/** "5 words": how many, and which; "none": it has no such queue. */
static const char *unread(struct mk *k, uint64_t sock)
{
    static char out[300];
    struct eg_run *r = mk_run(k);
    struct text t = { .r = r };
    uint64_t n;

    if (!linux_sock_unread(r, eg_object(r, sock, sock), &n)) {
        linux_sock_pieces(r, eg_object(r, sock, sock), add_piece, &t);
        assert_int_equal(t.n, 0);
        return "none";
    }
    linux_sock_pieces(r, eg_object(r, sock, sock), add_piece, &t);
    snprintf(out, sizeof out, "%u %.*s", (unsigned)n, (int)t.n, t.at);
    return out;
}

static void segment(struct mk *k, uint64_t sock, uint32_t seq, unsigned flags, const char *text)
{
    uint64_t b = make_buffer(k, mk_at(k, sock, "sock.sk_receive_queue"), text);
    uint64_t cb = mk_at(k, b, "sk_buff.cb");

    mk_put(k, cb, "tcp_skb_cb.seq", seq);
    mk_put(k, cb, "tcp_skb_cb.tcp_flags", flags);
}

/** Numbers turn over; a SYN has one and no byte; what came twice counts once. */
static void tcp(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, 4 << 20, TYPES);
        uint64_t s = make_sock(k, "tcp_sock", INET, STREAM, TCP, ESTABLISHED), listens;

        mk_put(k, s, "tcp_sock.copied_seq", UINT32_MAX - 1);
        segment(k, s, UINT32_MAX - 8, 0, "old");    // read whole
        segment(k, s, UINT32_MAX - 4, 2, "abcdef"); // behind a SYN: c is next
        segment(k, s, 0, 0, "efg");                 // two bytes of it are in the one before
        assert_string_equal(unread(k, s), "5 cdefg");
        listens = make_sock(k, "tcp_sock", INET, STREAM, TCP, LISTEN);
        make_buffer(k, mk_at(k, listens, "sock.sk_receive_queue"), "no data");
        assert_string_equal(unread(k, listens), "none");
        mk_free(k);
    }
}

static void protocols(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, 4 << 20, TYPES);
        uint64_t s = make_sock(k, "udp_sock", INET, DGRAM, UDP, CLOSE), b;

        make_queue(k, mk_at(k, s, "udp_sock.reader_queue"));
        make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "new");
        make_buffer(k, mk_at(k, s, "udp_sock.reader_queue"), "old ");
        assert_string_equal(unread(k, s), "7 old new");
        s = make_sock(k, "tcp_sock", INET, STREAM, MPTCP, ESTABLISHED);
        b = make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "was read");
        mk_put(k, mk_at(k, b, "sk_buff.cb"), "mptcp_skb_cb.offset", 4);
        assert_string_equal(unread(k, s), "4 read");
        s = make_sock(k, "sock", UNIX, STREAM, 0, ESTABLISHED);
        b = make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "stream");
        mk_put(k, mk_at(k, b, "sk_buff.cb"), "unix_skb_parms.consumed", 3);
        assert_string_equal(unread(k, s), "3 eam");
        mk_put(k, mk_at(k, b, "sk_buff.cb"), "unix_skb_parms.consumed", 900); // more than there is
        assert_string_equal(unread(k, s), "0 ");
        s = make_sock(k, "sock", INET, SEQPACKET, SCTP, LISTEN); // has data, though it listens
        make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "message");
        assert_string_equal(unread(k, s), "7 message");
        s = make_sock(k, "sock", UNIX, SEQPACKET, 0, LISTEN);
        make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "connection");
        assert_string_equal(unread(k, s), "none");
        s = make_sock(k, "sock", NETLINK, 3, 0, CLOSE);
        make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "answer");
        assert_string_equal(unread(k, s), "6 answer");
        assert_string_equal(unread(k, make_sock(k, "sock", VSOCK, STREAM, 0, ESTABLISHED)), "none");
        mk_free(k);
    }
}

/** Buffers that hang on another, a page that is none, and lengths that cannot be. */
static void buffers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, 4 << 20, TYPES);
        uint64_t s = make_sock(k, "udp_sock", INET, DGRAM, UDP, CLOSE), info, frag;
        uint64_t b = make_buffer(k, mk_at(k, s, "sock.sk_receive_queue"), "one ");
        uint64_t two = make_buffer(k, 0, "two "), three = make_buffer(k, 0, "three");

        make_queue(k, mk_at(k, s, "udp_sock.reader_queue"));
        info = mk_read_ptr(k, mk_at(k, b, "sk_buff.head")) + 64;
        mk_put(k, info, "skb_shared_info.frag_list", two);
        mk_put(k, two, "sk_buff.next", three);
        mk_put(k, b, "sk_buff.len", 13);
        mk_put(k, b, "sk_buff.data_len", 9);
        assert_string_equal(unread(k, s), "13 one two three");
        mk_put(k, b, "sk_buff.len", 10); // it has less than what hangs on it
        mk_put(k, b, "sk_buff.data_len", 6);
        assert_string_equal(unread(k, s), "10 one two th");
        mk_put(k, three, "sk_buff.next", two); // in a circle
        mk_put(k, two, "sk_buff.len", 0);
        mk_put(k, three, "sk_buff.len", 0);
        assert_string_equal(unread(k, s), "10 one ");
        frag = mk_at(k, info, "skb_shared_info.frags");
        mk_put(k, info, "skb_shared_info.nr_frags", 1);
        mk_put(k, frag, "skb_frag.netmem", 0x1001); // a device's memory
        mk_put(k, frag, "skb_frag.len", 6);
        assert_string_equal(unread(k, s), "10 one ??????");
        mk_put(k, info, "skb_shared_info.nr_frags", 255);
        assert_string_equal(unread(k, s), "10 one ??????");
        mk_put(k, b, "sk_buff.data_len", 11); // more than all of it
        assert_string_equal(unread(k, s), "10 ");
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tcp), cmocka_unit_test(protocols),
                                        cmocka_unit_test(buffers) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
