/* unread_sock.c - what came into a socket and was not read yet: buffers of packets
 * (include/linux/skbuff.h), and what each protocol has taken from them already. */
#include "../../../core/base.h"
#include "../net/sock.h"
#include "unread.h"

EG_FIELD_AS(buffer_paged, sk_buff, "data_len");
EG_FIELD_AS(shared_n, skb_shared_info, "nr_frags");
EG_FIELD_AS(shared_frags, skb_shared_info, "frags");
EG_FIELD_AS(shared_list, skb_shared_info, "frag_list");
EG_FIELD_AS(frag_old_page, bio_vec, "bv_page");
EG_FIELD_AS(frag_old_len, bio_vec, "bv_len");
EG_FIELD_AS(frag_old_offset, bio_vec, "bv_offset");
EG_FIELD_AS(frag_page, skb_frag, "netmem|bv_page");
EG_FIELD_AS(frag_len, skb_frag, "len|bv_len");
EG_FIELD_AS(frag_offset, skb_frag, "offset|bv_offset");
EG_TYPE(skb_shared_info);
EG_FIELD_AS(unix_consumed, unix_skb_parms, "consumed"); // of a stream: read already
EG_TYPE(unix_skb_parms);
EG_FIELD_AS(segment_first, tcp_skb_cb, "seq");
EG_FIELD_AS(segment_flags, tcp_skb_cb, "tcp_flags");
EG_TYPE(tcp_skb_cb);
EG_FIELD_AS(tcp_read, tcp_sock, "copied_seq");
EG_TYPE(tcp_sock);
EG_FIELD_AS(mptcp_offset, mptcp_skb_cb, "offset");
EG_TYPE(mptcp_skb_cb);
EG_FIELD_AS(udp_second_queue, udp_sock, "reader_queue"); // since 4.12
EG_TYPE(udp_sock);

enum { PIECE_MAX = 1 << 30, BUFFERS_MAX = 1024, SYN = 2 };

/** Who gets the pieces of one buffer: @skip bytes of it were read, @left may follow. */
struct giving {
    struct eg_run *r;
    void (*take)(void *context, const struct linux_piece *piece);
    void *context;
    uint32_t skip, left;
};

static void give(struct giving *g, struct linux_piece piece)
{
    const uint32_t skip = EG_MIN(g->skip, piece.len);

    g->skip -= skip;
    piece.addr += skip;
    piece.len = EG_MIN(piece.len - skip, g->left);
    g->left -= piece.len;
    if (piece.len)
        g->take(g->context, &piece);
}

/** What is in pages. @info: a skb_shared_info. */
static void give_pages(struct giving *g, struct eg_obj info)
{
    const bool old = eg_has(g->r, frag_old_page) && !eg_has(g->r, frag_len); // from 5.4 to 6.8
    struct eg_obj frags = eg_at(info, shared_frags);
    uint8_t n = 0;

    eg_get(&n, info, shared_n);
    for (unsigned i = 0; i < n && i < eg_count(frags) && g->left; i++) {
        struct eg_obj frag = eg_index(frags, i);
        struct linux_piece piece = { 0 };
        uint64_t page = 0;
        uint32_t offset = 0;

        if (old) {
            eg_get(&piece.len, frag, frag_old_len);
            eg_get(&page, frag, frag_old_page);
            eg_get(&offset, frag, frag_old_offset);
        } else {
            eg_get(&piece.len, frag, frag_len);
            eg_get(&page, frag, frag_page);
            eg_get(&offset, frag, frag_offset);
        }
        // Bit 0 of a netmem: memory of a device, which no struct page stands for (6.10).
        if (piece.len <= PIECE_MAX && !(page & 1))
            linux_piece_in_page(g->r, page, offset, &piece);
        give(g, piece);
    }
}

/** One buffer without those that hang on it: what is at its beginning, then its pages. @info: its
 * skb_shared_info. @return false: its lengths cannot be. */
static bool give_buffer(struct giving *g, struct eg_obj buffer, struct eg_obj *info)
{
    uint64_t data, head, end;
    uint32_t len, paged;

    *info = eg_bad(buffer, EG_NULL, 0);
    if (!eg_get(&len, buffer, sk_buff.len) || !eg_get(&paged, buffer, buffer_paged) ||
        !eg_get(&data, buffer, sk_buff.data) || paged > len || len > PIECE_MAX)
        return false;
    give(g, (struct linux_piece){ eg_kernel(g->r), data, len - paged });
    if (!paged || !eg_get(&head, buffer, sk_buff.head) || !eg_get(&end, buffer, sk_buff.end))
        return true;
    // The end is an offset from the head on 64-bit machines, a pointer on others.
    *info = eg_object(g->r, skb_shared_info,
                      eg_at(buffer, sk_buff.end).kind == EG_K_PTR ? end : head + end);
    give_pages(g, *info);
    return true;
}

/** The pieces of a buffer and of those that hang on it (frag_list). */
static void give_all(struct giving *g, struct eg_obj buffer)
{
    struct eg_obj info, inner;
    uint64_t next = 0;

    if (!give_buffer(g, buffer, &info) || info.why || !g->left)
        return;
    eg_get(&next, info, shared_list);
    for (unsigned n = 0; next && n < BUFFERS_MAX && g->left; n++) {
        struct eg_obj one = eg_object(g->r, sk_buff, next);

        next = 0;
        if (!give_buffer(g, one, &inner))
            break;
        eg_get(&next, one, sk_buff.next);
    }
}

/** A walk of the buffers of a socket. */
struct buffers {
    struct eg_run *r;
    struct eg_obj sock;
    uint32_t family, protocol, type;
    struct linux_skb_walk first, second;
    uint32_t read; /**< of TCP: the number of the next byte that was not read */
};

static bool begin(struct eg_run *r, struct eg_obj sock, struct buffers *b)
{
    uint32_t state;

    *b = (struct buffers){ .r = r, .sock = sock };
    if (!eg_get(&b->family, sock, sock_family) || !eg_get(&state, sock, sock_state) ||
        !eg_get(&b->type, sock, sock.sk_type) || !eg_get(&b->protocol, sock, sock.sk_protocol))
        return false;
    switch (b->family) {
    case LINUX_AF_INET:
    case LINUX_AF_INET6:
    case LINUX_AF_UNIX:
        // Of a listening one connections wait there; not of SCTP's that have many peers.
        if (state == LINUX_TCP_LISTEN && b->type != LINUX_SOCK_DGRAM && b->type != LINUX_SOCK_RAW &&
            (b->type == LINUX_SOCK_STREAM || b->family == LINUX_AF_UNIX))
            return false;
        break;
    case LINUX_AF_NETLINK:
    case LINUX_AF_PACKET:
        break;
    default: // of other families packets wait elsewhere, or are more than data
        return false;
    }
    if (b->family != LINUX_AF_UNIX && b->protocol == LINUX_IPPROTO_TCP &&
        b->type == LINUX_SOCK_STREAM && !eg_get(&b->read, eg_cast(sock, tcp_sock), tcp_read))
        return false;
    // What a reader of UDP took over as a whole is older.
    b->second.queue = eg_at(sock, sock.sk_receive_queue);
    b->first.queue = b->second.queue;
    if (b->family != LINUX_AF_UNIX && b->type == LINUX_SOCK_DGRAM &&
        (b->protocol == LINUX_IPPROTO_UDP || b->protocol == LINUX_IPPROTO_UDPLITE) &&
        eg_has(r, udp_second_queue))
        b->first.queue = eg_at(eg_cast(sock, udp_sock), udp_second_queue);
    else
        b->second.queue = eg_bad(sock, EG_NULL, 0);
    return true;
}

/** The next buffer: @skip bytes of it were read, @len are in it. */
static bool next(struct buffers *b, struct eg_obj *buffer, uint32_t *skip, uint32_t *len)
{
    struct eg_obj notes;
    uint32_t seq, flags = 0, consumed = 0;

    if (!linux_next_skb(b->r, &b->first, buffer) && !linux_next_skb(b->r, &b->second, buffer))
        return false;
    *skip = 0;
    *len = 0;
    notes = eg_at(*buffer, sk_buff.cb);
    eg_get(len, *buffer, sk_buff.len);
    if (notes.why)
        return true;
    if (b->family == LINUX_AF_UNIX) {
        eg_get(&consumed, eg_object(b->r, unix_skb_parms, notes.addr), unix_consumed);
    } else if (b->type == LINUX_SOCK_STREAM && b->protocol == LINUX_IPPROTO_MPTCP) {
        eg_get(&consumed, eg_object(b->r, mptcp_skb_cb, notes.addr), mptcp_offset);
    } else if (b->type == LINUX_SOCK_STREAM && b->protocol == LINUX_IPPROTO_TCP) {
        notes = eg_object(b->r, tcp_skb_cb, notes.addr);
        if (!eg_get(&seq, notes, segment_first))
            return true;
        eg_get(&flags, notes, segment_flags);
        if (flags & SYN)
            seq++; // a SYN has a number, and no byte (net/ipv4/tcp.c, tcp_recvmsg_locked)
        if ((int32_t)(b->read - seq) > 0)
            consumed = b->read - seq;
        if (consumed < *len)
            b->read = seq + *len;
    }
    *skip = EG_MIN(consumed, *len);
    return true;
}

bool linux_sock_unread(struct eg_run *r, struct eg_obj sock, uint64_t *bytes)
{
    struct eg_obj buffer;
    struct buffers b;
    uint32_t skip, len;

    *bytes = 0;
    if (!begin(r, sock, &b))
        return false;
    while (next(&b, &buffer, &skip, &len))
        *bytes += len - skip;
    return true;
}

void linux_sock_pieces(struct eg_run *r, struct eg_obj sock,
                       void (*take)(void *context, const struct linux_piece *piece), void *context)
{
    struct eg_obj buffer;
    struct buffers b;
    uint32_t skip, len;

    if (!begin(r, sock, &b))
        return;
    while (next(&b, &buffer, &skip, &len)) {
        struct giving g = { r, take, context, skip, len - skip };

        give_all(&g, buffer);
    }
}
