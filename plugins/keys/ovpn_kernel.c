/* ovpn_kernel.c - a source of the vault: keys of OpenVPN tunnels whose packets the kernel encrypts,
 * which it has only in their ciphers (drivers/net/ovpn). */
#include "../../core/base.h"
#include "../linux/net/kind.h"
#include "tfm.h"
#include "vault.h"

EG_FIELDS_OF("ovpn", ovpn_priv, dev, peer, peers);
EG_FIELDS_OF("ovpn", ovpn_peer_collection, by_id);
EG_FIELDS_OF("ovpn", ovpn_peer, bind, hash_entry_id, id);
EG_FIELD_AS_OF("ovpn", ovpn_slots, ovpn_peer, "crypto.slots");
EG_FIELD_AS_OF("ovpn", ovpn_remote, ovpn_bind, "remote");
EG_FIELDS_OF("ovpn", ovpn_crypto_key_slot, decrypt, encrypt, key_id, nonce_tail_recv,
             nonce_tail_xmit);
EG_TYPE(hlist_head);

enum { SLOTS = 2, TAIL = 8, PEERS_MAX = 1 << 16, HEADS_MAX = 1 << 22 };

struct doing {
    struct eg_vault *v;
    struct eg_run *r;
    unsigned n, heads; // peers, and lists of hash tables, that were looked at
};

/* @tail: the eight bytes of the nonce that do not change. */
static void add(const struct doing *d, const char *name, unsigned id, bool sends, uint64_t tfm,
                struct eg_obj tail)
{
    struct eg_tfm_keys keys = { .n = 0 };
    char hex[2 * TAIL + 1] = "";
    uint8_t bytes[TAIL];

    if (!tfm)
        return;
    if (!tail.why && tail.size == TAIL && eg_read(tail.view, tail.space, tail.addr, bytes, TAIL))
        eg_hex(hex, bytes, TAIL);
    eg_tfm_keys(d->r, tfm, &keys);
    for (size_t i = 0; i < keys.n; i++) {
        const bool is_stream = keys.at[i].role == TFM_STREAM;

        eg_vault_add(d->v,
                     &(struct eg_vault_key){
                         .kind = "ovpn",
                         .name = name,
                         .purpose = eg_strf(d->r, "%s key %u", sends ? "send" : "receive", id),
                         .algorithm = is_stream ? "ChaCha20-Poly1305" : "AES-GCM",
                         .at = tfm,
                         .secret = keys.at[i].key,
                         .len = keys.at[i].size,
                         .proof = is_stream ? "context of the cipher" : "schedule",
                         .hints = *hex ? eg_strf(d->r, "nonce tail %s", hex) : NULL,
                     });
    }
}

static void peer(struct doing *d, struct eg_obj dev, struct eg_obj peer)
{
    struct eg_obj slots = eg_at(peer, ovpn_slots);
    struct eg_obj remote = eg_at(eg_deref(eg_at(peer, ovpn_peer.bind)), ovpn_remote);
    const char *device = eg_string(d->r, eg_at(dev, net_device.name), 16), *ip, *name;
    uint16_t port = 0;
    uint32_t id;

    if (d->n++ >= PEERS_MAX || !eg_get(&id, peer, ovpn_peer.id))
        return;
    ip = linux_sockaddr_ip(d->r, remote, &port);
    name = ip ? eg_strf(d->r, "%s peer %u at %s port %u", device ? device : "?", id, ip, port)
              : eg_strf(d->r, "%s peer %u", device ? device : "?", id);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct eg_obj slot = eg_deref(eg_index(slots, i));
        uint64_t sends = 0, receives = 0;
        unsigned key_id = 0;

        if (!eg_get(&key_id, slot, ovpn_crypto_key_slot.key_id))
            continue;
        eg_get(&sends, slot, ovpn_crypto_key_slot.encrypt);
        eg_get(&receives, slot, ovpn_crypto_key_slot.decrypt);
        add(d, name, key_id, true, sends, eg_at(slot, ovpn_crypto_key_slot.nonce_tail_xmit));
        add(d, name, key_id, false, receives, eg_at(slot, ovpn_crypto_key_slot.nonce_tail_recv));
    }
}

static void device(struct doing *d, struct eg_obj dev)
{
    struct eg_obj own = linux_netdev_priv_as(d->r, dev, ovpn_priv), heads, each;
    uint64_t back, one = 0;

    if (!eg_get(&back, own, ovpn_priv.dev) || back != dev.addr)
        return;
    if (eg_get(&one, own, ovpn_priv.peer) && one)
        peer(d, dev, eg_deref(eg_at(own, ovpn_priv.peer)));
    heads = eg_at(eg_deref(eg_at(own, ovpn_priv.peers)), ovpn_peer_collection.by_id);
    for (uint64_t i = 0;
         !heads.why && (i + 1) * eg_size(d->r, hlist_head) <= heads.size && d->heads++ < HEADS_MAX;
         i++) {
        eg_each_hlist(each, eg_object(d->r, hlist_head, heads.addr + i * eg_size(d->r, hlist_head)),
                      ovpn_peer.hash_entry_id) {
            if (d->n >= PEERS_MAX) {
                eg_note(d->r, "more than %d peers of OpenVPN: the others are left out", PEERS_MAX);
                return;
            }
            peer(d, dev, each);
        }
    }
}

static void find(struct eg_vault *v)
{
    struct doing d = { .v = v, .r = v->r };
    struct eg_obj net, dev;

    linux_each_net(v->r, net)
    {
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            const char *kind = linux_netdev_kind(v->r, dev);

            if (!kind || strcmp(kind, "ovpn") != 0)
                continue;
            if (!eg_has(v->r, ovpn_crypto_key_slot.encrypt)) {
                eg_note(v->r, "there is an interface of OpenVPN, but the types of its module are "
                              "not known: its keys are not found");
                return;
            }
            device(&d, dev);
        }
    }
}

EG_KEY_SOURCE(ovpn) = { .find = find };
