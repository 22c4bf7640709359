/* wg.c - devices of WireGuard and their peers. */
#include "wg.h"
#include "../text.h"
#include "ip.h"
#include <string.h>

EG_FIELD_AS_OF("wireguard", wg_networks, wg_peer, "allowedips_list");
EG_FIELDS_OF("wireguard", allowedips_node, bitlen, bits, cidr, peer, peer_list);

enum { ALLOWED_MAX = 4096 };

bool linux_next_wg(struct eg_run *r, struct linux_wg_walk *w, struct eg_obj *net,
                   struct eg_obj *dev)
{
    for (;;) {
        while (w->inside && eg_list_next_(&w->devices, dev)) {
            const char *kind = linux_netdev_kind(r, *dev);

            if (kind && !strcmp(kind, "wireguard")) {
                *net = w->net;
                return true;
            }
        }
        if (!linux_next_net(r, &w->nets, &w->net))
            return false;
        w->devices = eg_list_begin_(eg_at(w->net, net.dev_base_head), eg_f_net_device.dev_list.id);
        w->inside = true;
    }
}

const char *linux_wg_key(struct eg_run *r, const uint8_t *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t k[LINUX_WG_KEY + 1] = { 0 };
    char *out = eg_tmp(r, 45);

    memcpy(k, key, LINUX_WG_KEY);
    for (size_t i = 0; i < 11; i++) { // the last group has two bytes, and the zero above
        const uint32_t three =
            (uint32_t)k[3 * i] << 16 | (uint32_t)k[3 * i + 1] << 8 | k[3 * i + 2];

        for (unsigned j = 0; j < 4; j++)
            out[4 * i + j] = digits[three >> (18 - 6 * j) & 63];
    }
    out[43] = '=';
    return out;
}

/* The bits of IPv4 are one integer, those of IPv6 two, in the order of the processor (swap_endian
 * of drivers/net/wireguard/allowedips.c). */
const char *linux_wg_allowed(struct eg_run *r, struct eg_obj peer, const char *gap)
{
    const bool big = eg_binding_of(r)->model.big_endian;
    struct linux_text text = { .r = r };
    struct eg_obj node;
    unsigned n = 0;

    eg_each_list(node, eg_at(peer, wg_networks), allowedips_node.peer_list) {
        struct eg_obj bits = eg_at(node, allowedips_node.bits);
        uint8_t raw[16], ip[16];
        uint64_t len, cidr, owner;
        size_t width;

        if (!eg_get(&owner, node, allowedips_node.peer) || owner != peer.addr ||
            !eg_get(&len, node, allowedips_node.bitlen) || (len != 32 && len != 128) ||
            !eg_get(&cidr, node, allowedips_node.cidr) || cidr > len || bits.why ||
            !eg_read(bits.view, bits.space, bits.addr, raw, len / 8)) {
            eg_note(r, "an allowed network at %#llx cannot be read", (unsigned long long)node.addr);
            continue;
        }
        if (n++ == ALLOWED_MAX) {
            eg_note(r, "a peer has more than %u allowed networks: the others are left out",
                    ALLOWED_MAX);
            break;
        }
        width = len == 32 ? 4 : 8;
        for (size_t i = 0; i < len / 8; i++)
            ip[i] = raw[big ? i : i / width * width + (width - 1 - i % width)];
        linux_text_add(&text, "%s%s/%u", text.n ? gap : "", linux_ip_text(r, ip, len / 8),
                       (unsigned)cidr);
    }
    return text.n ? linux_text_of(&text) : NULL;
}
