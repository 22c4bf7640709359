/** net/packet.h - the bytes of a packet (struct sk_buff, include/linux/skbuff.h): its head, its
 * pages, and buffers that hang on it. Every length comes from the image and is checked. */
#ifndef EG_LINUX_PACKET_H
#define EG_LINUX_PACKET_H

#include "../../../core/engram.h"

enum { LINUX_PACKET_MAX = 1 << 20 }; /**< more than a packet can have: 512 KiB with BIG TCP */

struct linux_packet {
    /** What the bytes begin with: an Ethernet header, one of IP, or what is behind the headers,
     * which are not there any more or not yet. */
    enum { LINUX_PACKET_ETHERNET, LINUX_PACKET_IP, LINUX_PACKET_PAYLOAD } starts;
    uint8_t *bytes; /**< valid until the next packet is read */
    size_t len;
    size_t missing;   /**< bytes of it that memory does not hold: zeros stand there */
    bool cut;         /**< it claims more bytes than a packet can have, or than were found */
    uint64_t payload; /**< where in @bytes that begins what its queue still holds */
};
struct linux_packet_reader {
    uint8_t *room; /**< LINUX_PACKET_MAX bytes; NULL at first */
};
/** @return false: its head cannot be read, or its lengths contradict each other: no packet. */
EG_API bool linux_packet_read(struct eg_run *r, struct linux_packet_reader *reader,
                              struct eg_obj skb, struct linux_packet *out);

/** Addresses and ports of IPv4 or IPv6, and what is above. */
struct linux_packet_ends {
    const char *protocol; /**< "TCP", "UDP", "ICMP", "ARP", or a number; NULL: not known */
    const char *source, *destination;
    int source_port, destination_port; /**< -1: it has none */
};
EG_API bool linux_packet_ends(struct eg_run *r, const struct linux_packet *p,
                              struct linux_packet_ends *out);

#endif
