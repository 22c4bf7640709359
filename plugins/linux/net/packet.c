/* packet.c - the bytes of a packet. */
#include "packet.h"
#include "../../../core/base.h"
#include "../mm/page.h"
#include "device.h"
#include "ip.h"
#include "skb.h"
#include <string.h>

EG_FIELD_AS(skb_paged, sk_buff, "data_len");
EG_FIELD_AS(skb_tail, sk_buff, "tail");
EG_FIELD_AS(skb_mac, sk_buff, "mac_header");
EG_FIELD_AS(skb_network, sk_buff, "network_header");
EG_FIELDS(skb_shared_info, nr_frags, frag_list, frags);
// struct bio_vec until 6.9 (a typedef of it), then struct skb_frag.
EG_FIELDS(skb_frag, netmem, len, offset);
EG_FIELD_AS(frag_page, bio_vec, "bv_page");
EG_FIELD_AS(frag_len, bio_vec, "bv_len");
EG_FIELD_AS(frag_offset, bio_vec, "bv_offset");
EG_TYPE(bio_vec);

enum { HEAD_MAX = 1 << 20, BUFFERS_MAX = 64, NO_HEADER = 0xffff };

/** What has been put together so far. */
struct build {
    struct eg_run *r;
    struct linux_packet *out;
    size_t wanted;
};

static void take(struct build *b, struct eg_space *as, uint64_t at, uint64_t n)
{
    struct linux_packet *out = b->out;
    size_t got, len;

    if (n > LINUX_PACKET_MAX - out->len) {
        n = LINUX_PACKET_MAX - out->len;
        out->cut = true;
    }
    len = (size_t)n;
    got = eg_read_some(eg_view_of(b->r), as, at, out->bytes + out->len, len, NULL);
    out->missing += len - got;
    out->len += len;
}

/** One piece in pages: the bytes of a compound page follow each other in physical memory. */
static void take_page(struct build *b, uint64_t page, uint64_t offset, uint64_t n)
{
    const struct linux_memmap *m = linux_memmap(b->r);
    struct eg_obj head;
    uint64_t pfn, head_pfn, at;

    // Bit 0 of a netmem: memory of a device, which no struct page stands for (6.10).
    if (page & 1 || !m || !m->found || !linux_page_head(b->r, m, page, &pfn, &head, &head_pfn) ||
        !eg_add(pfn << m->shift, offset, &at)) {
        if (n > LINUX_PACKET_MAX - b->out->len)
            n = LINUX_PACKET_MAX - b->out->len;
        memset(b->out->bytes + b->out->len, 0, (size_t)n);
        b->out->len += (size_t)n;
        b->out->missing += (size_t)n;
        return;
    }
    take(b, eg_physical(b->r), at, n);
}

static void take_frags(struct build *b, struct eg_obj shared)
{
    struct eg_run *r = b->r;
    struct eg_obj frags = eg_at(shared, skb_shared_info.frags);
    const bool own = eg_has(r, skb_frag.netmem);
    const uint64_t most = eg_count(frags);
    uint64_t n = 0;

    if (!eg_get(&n, shared, skb_shared_info.nr_frags))
        return;
    if (n > (most ? most : 17)) { // MAX_SKB_FRAGS
        b->out->cut = true;
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t size = own ? eg_size(r, skb_frag) : eg_size(r, bio_vec);
        struct eg_obj f = own ? eg_object(r, skb_frag, frags.addr + i * size)
                              : eg_object(r, bio_vec, frags.addr + i * size);
        uint64_t page, len, offset;

        if (own ? !eg_get(&page, f, skb_frag.netmem) || !eg_get(&len, f, skb_frag.len) ||
                      !eg_get(&offset, f, skb_frag.offset)
                : !eg_get(&page, f, frag_page) || !eg_get(&len, f, frag_len) ||
                      !eg_get(&offset, f, frag_offset)) {
            b->out->cut = true;
            return;
        }
        if (len > LINUX_PACKET_MAX || offset > LINUX_PACKET_MAX) {
            b->out->cut = true;
            return;
        }
        take_page(b, page, offset, len);
    }
}

/** Lengths and places of a buffer, checked: head <= data <= tail <= end, and a head of a size that
 * one can have. tail and end are offsets from head where pointers have 8 bytes
 * (NET_SKBUFF_DATA_USES_OFFSET). */
struct buffer {
    uint64_t head, data, tail, end, linear, paged;
};
static bool read_buffer(struct eg_obj skb, struct buffer *b)
{
    uint64_t len, base;

    if (!eg_get(&b->head, skb, sk_buff.head) || !eg_get(&b->data, skb, sk_buff.data) ||
        !eg_get(&b->tail, skb, skb_tail) || !eg_get(&b->end, skb, sk_buff.end) ||
        !eg_get(&len, skb, sk_buff.len) || !eg_get(&b->paged, skb, skb_paged))
        return false;
    base = eg_at(skb, skb_tail).kind == EG_K_PTR ? 0 : b->head;
    if (!b->head || !eg_add(b->tail, base, &b->tail) || !eg_add(b->end, base, &b->end))
        return false;
    if (b->data < b->head || b->tail < b->data || b->end < b->tail || b->end - b->head > HEAD_MAX ||
        b->paged > len)
        return false;
    b->linear = len - b->paged;
    return b->linear == b->tail - b->data;
}

/** Where the packet's headers begin, which its queue may have taken off: the bytes are there. */
static uint64_t start_of(struct eg_run *r, struct eg_obj skb, const struct buffer *b,
                         struct linux_packet *out)
{
    enum { ETHERNET = 14 };
    uint64_t mac = NO_HEADER, net = NO_HEADER, at;
    uint8_t first;

    eg_get(&mac, skb, skb_mac);
    eg_get(&net, skb, skb_network);
    out->starts = LINUX_PACKET_PAYLOAD;
    if (net == NO_HEADER || !net || net >= b->tail - b->head)
        return b->data;
    at = b->head + net;
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, &first, 1))
        return b->data;
    if (mac != NO_HEADER && mac < net && net - mac >= ETHERNET && net - mac <= ETHERNET + 8 &&
        b->head + mac <= b->data) {
        out->starts = LINUX_PACKET_ETHERNET;
        return b->head + mac;
    }
    if (at > b->data + 128 || (first >> 4 != 4 && first >> 4 != 6))
        return b->data;
    out->starts = LINUX_PACKET_IP;
    return at < b->data ? at : b->data;
}

bool linux_packet_read(struct eg_run *r, struct linux_packet_reader *reader, struct eg_obj skb,
                       struct linux_packet *out)
{
    struct build build = { .r = r, .out = out };
    struct buffer b;
    uint64_t at, next;
    struct eg_obj shared;

    if (skb.kind == EG_K_PTR)
        skb = eg_deref(skb);
    if (skb.why || !read_buffer(skb, &b))
        return false;
    if (!reader->room)
        reader->room = eg_tmp(r, LINUX_PACKET_MAX);
    *out = (struct linux_packet){ .bytes = reader->room };
    at = start_of(r, skb, &b, out);
    out->payload = b.data - at;
    build.wanted = (size_t)(b.tail - at + b.paged);
    take(&build, eg_kernel(r), at, b.tail - at);
    if (!b.paged)
        return true;
    shared = eg_object(r, skb_shared_info, b.end);
    take_frags(&build, shared);
    if (eg_get(&next, shared, skb_shared_info.frag_list))
        for (unsigned i = 0; next && i < BUFFERS_MAX && out->len < build.wanted; i++) {
            struct eg_obj one = eg_object(r, sk_buff, next);
            struct buffer piece;

            if (!read_buffer(one, &piece))
                break;
            take(&build, eg_kernel(r), piece.data, piece.linear);
            if (piece.paged)
                take_frags(&build, eg_object(r, skb_shared_info, piece.end));
            if (!eg_get(&next, one, sk_buff.next))
                break;
        }
    if (out->len != build.wanted)
        out->cut = true;
    if (out->len > build.wanted)
        out->len = build.wanted;
    if (out->missing > out->len) // what was missing was behind the end
        out->missing = out->len;
    return true;
}

static unsigned word(const uint8_t *p)
{
    return (unsigned)(p[0] << 8 | p[1]);
}

static const char *protocol_name(struct eg_run *r, unsigned number)
{
    static const struct eg_constant names[] = {
        { "ICMP", 1 },    { "IGMP", 2 },   { "IPIP", 4 },      { "TCP", 6 },  { "UDP", 17 },
        { "DCCP", 33 },   { "IPv6", 41 },  { "GRE", 47 },      { "ESP", 50 }, { "AH", 51 },
        { "ICMPv6", 58 }, { "SCTP", 132 }, { "UDPLITE", 136 }, { NULL, 0 },
    };
    const char *name = eg_constant_name(names, number);

    return name ? name : eg_strf(r, "%u", number);
}

/** Behind the headers of IPv6 that may stand before what it carries. */
static size_t skip_extensions(const uint8_t *p, size_t n, size_t at, unsigned *next)
{
    for (unsigned i = 0; i < 8; i++) {
        if (*next != 0 && *next != 43 && *next != 60 && *next != 44)
            return at;
        if (n < 8 || at > n - 8)
            return n;
        const size_t len = *next == 44 ? 8 : 8 * ((size_t)p[at + 1] + 1);

        if (*next == 44 && word(p + at + 2) >> 3) // not the first fragment
            return n;
        *next = p[at];
        at += len;
    }
    return at;
}

bool linux_packet_ends(struct eg_run *r, const struct linux_packet *p,
                       struct linux_packet_ends *out)
{
    enum { IP4 = 0x800, IP6 = 0x86dd, ARP = 0x806, VLAN = 0x8100, QINQ = 0x88a8 };
    const uint8_t *b = p->bytes;
    size_t n = p->len, at = 0, header;
    unsigned type, next;

    *out = (struct linux_packet_ends){ .source_port = -1, .destination_port = -1 };
    if (p->starts == LINUX_PACKET_PAYLOAD || n < 20)
        return false;
    if (p->starts == LINUX_PACKET_ETHERNET) {
        type = word(b + 12);
        at = 14;
        for (int i = 0; i < 2 && (type == VLAN || type == QINQ) && n >= at + 4; i++, at += 4)
            type = word(b + at + 2);
    } else {
        type = b[0] >> 4 == 4 ? IP4 : IP6;
    }
    if (type == ARP) {
        out->protocol = "ARP";
        if (n >= at + 28) {
            out->source = linux_ip_text(r, b + at + 14, 4);
            out->destination = linux_ip_text(r, b + at + 24, 4);
        }
        return true;
    }
    if (type == IP4 && n >= at + 20 && b[at] >> 4 == 4 && (b[at] & 15) >= 5) {
        next = b[at + 9];
        out->source = linux_ip_text(r, b + at + 12, 4);
        out->destination = linux_ip_text(r, b + at + 16, 4);
        header = word(b + at + 6) & 0x1fff ? n : at + 4 * (size_t)(b[at] & 15);
    } else if (type == IP6 && n >= at + 40 && b[at] >> 4 == 6) {
        next = b[at + 6];
        out->source = linux_ip_text(r, b + at + 8, 16);
        out->destination = linux_ip_text(r, b + at + 24, 16);
        header = skip_extensions(b, n, at + 40, &next);
    } else {
        if (p->starts == LINUX_PACKET_ETHERNET)
            out->protocol = eg_strf(r, "0x%04x", type);
        return false;
    }
    out->protocol = protocol_name(r, next);
    if ((next == 6 || next == 17 || next == 33 || next == 132 || next == 136) && n >= 4 &&
        header <= n - 4) {
        out->source_port = (int)word(b + header);
        out->destination_port = (int)word(b + header + 2);
    }
    return true;
}
