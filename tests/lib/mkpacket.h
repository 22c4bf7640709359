/** mkpacket.h - a packet on a synthetic machine. */
#ifndef MK_PACKET_H
#define MK_PACKET_H

#include "mkimage.h"

#define MK_PACKET_TYPES                                                                            \
    "struct list_head { struct list_head *next, *prev; };"                                         \
    "struct page { unsigned long flags, compound_head, pad[6]; };"                                 \
    "struct sk_buff { struct sk_buff *next, *prev; unsigned int len, data_len;"                    \
    "  u16 mac_header, network_header; unsigned int tail, end; u8 *head, *data; };"
/** Pieces in pages until 6.9, and since. */
#define MK_PACKET_BIO                                                                              \
    "struct bio_vec { struct page *bv_page; unsigned int bv_len, bv_offset; };"                    \
    "struct skb_shared_info { u8 nr_frags; struct sk_buff *frag_list; struct bio_vec frags[17]; "  \
    "};"
#define MK_PACKET_NETMEM                                                                           \
    "struct skb_frag { unsigned long netmem; unsigned int len, offset; };"                         \
    "struct skb_shared_info { u8 nr_frags; struct sk_buff *frag_list; struct skb_frag frags[17]; " \
    "};"

/** One whose head has @room bytes, of which @n are the packet, behind 16. */
static inline uint64_t mk_packet(struct mk *k, const void *bytes, unsigned n, unsigned room)
{
    uint64_t skb = mk_object(k, "sk_buff"), head = mk_alloc(k, room + 1024);

    mk_put(k, skb, "sk_buff.head", head);
    mk_put(k, skb, "sk_buff.data", head + 16);
    mk_put(k, skb, "sk_buff.tail", 16 + n);
    mk_put(k, skb, "sk_buff.end", room);
    mk_put(k, skb, "sk_buff.len", n);
    mk_put(k, skb, "sk_buff.mac_header", 0xffff);
    mk_write(k, head + 16, bytes, n);
    return skb;
}

#endif
