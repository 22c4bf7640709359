/* packet_fuzz.c - any lengths and any bytes as a packet of the kernel's: what is read stays within
 * its room, and what its headers say is text.
 *
 *  The input: len, data_len (32 bits each), data, tail, end, mac_header, network_header (16 bits
 * each), the number of pieces (8 bits), the length of each (32 bits); then the head's bytes. */
#include "../../plugins/linux/net/packet.h"
#include "mklinux.h"
#include "mkpacket.h"
#include <stdlib.h>
#include <string.h>

EG_TYPE(sk_buff);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t take(const uint8_t **at, size_t *left, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n && *left; i++, (*left)--)
        v = v << 8 | *(*at)++;
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct linux_packet_reader reader = { 0 };
    struct linux_packet_ends ends;
    struct linux_packet p;
    const struct mk_machine *m = &mk_machines[size & 1 ? 0 : 1];
    struct mk *k = mk_new(m, 2 << 20, MK_PACKET_TYPES MK_PACKET_BIO);
    uint64_t skb = mk_packet(k, "", 0, 4096), head, shared, frags;
    struct eg_run *r;

    head = mk_read_ptr(k, mk_at(k, skb, "sk_buff.head"));
    mk_put(k, skb, "sk_buff.len", take(&data, &size, 4));
    mk_put(k, skb, "sk_buff.data_len", take(&data, &size, 4));
    mk_put(k, skb, "sk_buff.data", head + take(&data, &size, 2));
    mk_put(k, skb, "sk_buff.tail", take(&data, &size, 2));
    mk_put(k, skb, "sk_buff.end", take(&data, &size, 2));
    mk_put(k, skb, "sk_buff.mac_header", take(&data, &size, 2));
    mk_put(k, skb, "sk_buff.network_header", take(&data, &size, 2));
    shared = head + 4096;
    mk_put(k, shared, "skb_shared_info.nr_frags", take(&data, &size, 1));
    frags = take(&data, &size, 4);
    for (unsigned i = 0; i < 17; i++)
        mk_put(k,
               mk_at(k, shared, "skb_shared_info.frags") +
                   i * (mk_at(k, 0, "bio_vec.bv_offset") + 4),
               "bio_vec.bv_len", frags);
    mk_put(k, shared, "skb_shared_info.frag_list", skb); // a circle
    mk_write(k, head, data, size < 4096 ? size : 4096);
    mk_user_map(k, m, mk_user_root(k, m), 64 * mk_page_size(k),
                mk_alloc_aligned(k, mk_page_size(k), mk_page_size(k))); // makes the state
    r = mk_run(k);
    if (linux_packet_read(r, &reader, eg_object(r, sk_buff, skb), &p)) {
        if (p.len > LINUX_PACKET_MAX || p.missing > p.len || p.payload > p.len)
            abort();
        if (linux_packet_ends(r, &p, &ends) && !ends.protocol)
            abort();
        if (ends.protocol && strlen(ends.protocol) > 16)
            abort();
    }
    mk_free(k);
    return 0;
}
