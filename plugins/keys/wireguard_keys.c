/* wireguard_keys.c - a source of the vault: private, preshared and session keys of WireGuard. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../linux/net/wg.h"
#include "../linux/text.h"
#include "vault.h"
#include "wireguard_search.h"
#include <stdlib.h>

EG_FIELD_AS_OF("wireguard", wg_private, wg_device, "static_identity.static_private");
EG_FIELD_AS_OF("wireguard", wg_identity, wg_device, "static_identity.has_identity");
EG_FIELD_AS_OF("wireguard", wg_scope, wg_peer, "endpoint.addr6.sin6_scope_id");
EG_FIELD_AS_OF("wireguard", wg_preshared, wg_peer, "handshake.preshared_key");
EG_FIELD_AS_OF("wireguard", wg_ephemeral, wg_peer, "handshake.ephemeral_private");
EG_FIELD_AS_OF("wireguard", wg_static_static, wg_peer, "handshake.precomputed_static_static");
EG_FIELD_AS_OF("wireguard", wg_current, wg_peer, "keypairs.current_keypair");
EG_FIELD_AS_OF("wireguard", wg_previous, wg_peer, "keypairs.previous_keypair");
EG_FIELD_AS_OF("wireguard", wg_next, wg_peer, "keypairs.next_keypair");
EG_FIELD_AS_OF("wireguard", wg_index, noise_keypair, "entry.index");
EG_FIELD_AS_OF("wireguard", wg_remote_index, noise_keypair, "remote_index");
EG_FIELD_AS_OF("wireguard", wg_session, noise_keypair, "internal_id");
EG_FIELD_AS_OF("wireguard", wg_initiator, noise_keypair, "i_am_the_initiator");
EG_FIELD_AS_OF("wireguard", wg_sending, noise_keypair, "sending.key");
EG_FIELD_AS_OF("wireguard", wg_sending_valid, noise_keypair, "sending.is_valid");
EG_FIELD_AS_OF("wireguard", wg_receiving, noise_keypair, "receiving.key");
EG_FIELD_AS_OF("wireguard", wg_receiving_valid, noise_keypair, "receiving.is_valid");
// The counters are within the keys' structs before 5.11.
EG_FIELD_AS_OF("wireguard", wg_sent_counter, noise_keypair,
               "sending_counter.counter|sending.counter.counter.counter");
EG_FIELD_AS_OF("wireguard", wg_received_counter, noise_keypair,
               "receiving_counter.counter|receiving.counter.receive.counter");

enum { DEVICES_MAX = 1 << 12, PEERS_MAX = 1 << 14, SESSIONS_MAX = 3 * PEERS_MAX };

static const uint8_t zeros[LINUX_WG_KEY];
static const char by_peer[] = "shared secret of the peer computed";

/* One direction of a session. */
struct session {
    struct eg_vault_key key;
    uint8_t secret[LINUX_WG_KEY];
    uint32_t receiver; // that its packets name
    bool sends, matched;
};
struct wg {
    struct eg_vault *v;
    struct eg_run *r;
    const char *device; // its name
    uint8_t private[LINUX_WG_KEY], public[LINUX_WG_KEY];
    bool has_private;
    struct session *sessions;
    size_t n, cap, n_peers;
    struct eg_map *names;              // of devices that have a file
    struct linux_text conf, list, log; // of the device that is looked at
};

static bool read_key(struct eg_obj o, uint8_t *out)
{
    return !o.why && eg_read(o.view, o.space, o.addr, out, LINUX_WG_KEY) &&
           memcmp(out, zeros, LINUX_WG_KEY) != 0;
}

/* ---- a device ---- */

static void add_private(struct wg *w, uint64_t at)
{
    eg_vault_add(w->v, &(struct eg_vault_key){
                           .kind = "wireguard",
                           .name = w->device,
                           .purpose = "private key",
                           .algorithm = "X25519",
                           .at = at,
                           .secret = w->private,
                           .len = LINUX_WG_KEY,
                           .proof = eg_crypto_works() ? "public key computed" : NULL,
                           .hints = eg_strf(w->r, "public key %s", linux_wg_key(w->r, w->public)),
                       });
}

static bool read_device(struct wg *w, struct eg_obj wg)
{
    uint8_t made[CRYPTO_PUBLIC_MAX];

    w->has_private =
        read_key(eg_at(wg, wg_private), w->private) && read_key(eg_at(wg, wg_own_key), w->public);
    if (!w->has_private)
        return true;
    if (eg_crypto_works() && (!eg_crypto_public("X25519", w->private, LINUX_WG_KEY, made) ||
                              memcmp(made, w->public, LINUX_WG_KEY) != 0)) {
        eg_note(w->r,
                "%s: the public key of this WireGuard interface is not that of its private key",
                w->device);
        return w->has_private = false;
    }
    add_private(w, eg_at(wg, wg_private).addr);
    return true;
}

static void write_device(struct wg *w, struct eg_obj wg)
{
    uint32_t port = 0, mark = 0;

    linux_text_add(&w->conf, "[Interface]\n");
    if (eg_get(&port, wg, wg_device.incoming_port) && port)
        linux_text_add(&w->conf, "ListenPort = %u\n", port);
    if (eg_get(&mark, wg, wg_device.fwmark) && mark)
        linux_text_add(&w->conf, "FwMark = 0x%x\n", mark);
    if (w->has_private)
        linux_text_add(&w->conf, "PrivateKey = %s\n", linux_wg_key(w->r, w->private));
}

/* ---- sessions ---- */

/* A text of what the image says cannot break the line: all of it are numbers. */
static void add_session(struct wg *w, const char *peer, const char *name, const char *which,
                        struct eg_obj pair, bool sends, const char *proof)
{
    struct eg_run *r = w->r;
    struct eg_obj at = sends ? eg_at(pair, wg_sending) : eg_at(pair, wg_receiving);
    struct session s = { .sends = sends };
    uint64_t id = 0, counter = 0;
    bool valid = false, first = false, has_index;

    if (!read_key(at, s.secret) || w->n >= 2 * SESSIONS_MAX)
        return;
    has_index =
        sends ? eg_get(&s.receiver, pair, wg_remote_index) : eg_get(&s.receiver, pair, wg_index);
    sends ? eg_get(&valid, pair, wg_sending_valid) : eg_get(&valid, pair, wg_receiving_valid);
    sends ? eg_get(&counter, pair, wg_sent_counter) : eg_get(&counter, pair, wg_received_counter);
    eg_get(&id, pair, wg_session);
    eg_get(&first, pair, wg_initiator);
    s.key = (struct eg_vault_key){
        .kind = "wireguard",
        .name = name,
        .purpose = eg_strf(r, "%s session %llu, %s key", which, (unsigned long long)id,
                           sends ? "send" : "receive"),
        .algorithm = "ChaCha20-Poly1305",
        .at = at.addr,
        .len = LINUX_WG_KEY,
        .proof = proof,
        .hints = eg_strf(r, "packets for receiver 0x%08x, counter %llu%s%s", s.receiver,
                         (unsigned long long)counter, valid ? "" : "; not valid",
                         first ? "; this end began it" : ""),
    };
    w->sessions = eg_grow(r, w->sessions, w->n, &w->cap, sizeof *w->sessions);
    w->sessions[w->n++] = s;
    if (has_index)
        linux_text_add(&w->list, "%s\t%s\t0x%08x\t%s\t%llu\t", peer, sends ? "send" : "receive",
                       s.receiver, valid ? "valid" : "ended", (unsigned long long)counter);
    for (size_t i = 0; has_index && i < LINUX_WG_KEY; i++)
        linux_text_add(&w->list, "%02x", s.secret[i]);
    if (has_index)
        linux_text_add(&w->list, "\n");
}

static void sessions_of(struct wg *w, struct eg_obj peer, const char *public, const char *name,
                        const char *proof)
{
    const struct {
        const char *which;
        struct eg_obj at;
    } all[] = {
        { "current", eg_at(peer, wg_current) },
        { "previous", eg_at(peer, wg_previous) },
        { "next", eg_at(peer, wg_next) },
    };

    for (size_t i = 0; i < countof(all); i++) {
        struct eg_obj pair = eg_deref(all[i].at);

        if (pair.why)
            continue;
        add_session(w, public, name, all[i].which, pair, true, proof);
        add_session(w, public, name, all[i].which, pair, false, proof);
    }
}

/* ---- a peer ---- */

/* The secret that both static keys make is in the peer: the struct is what it is thought to be. */
static const char *prove_peer(const struct wg *w, struct eg_obj peer, const uint8_t *public)
{
    uint8_t made[LINUX_WG_KEY], kept[LINUX_WG_KEY];

    return w->has_private && read_key(eg_at(peer, wg_static_static), kept) &&
                   eg_crypto_shared(w->private, public, made) && !memcmp(made, kept, LINUX_WG_KEY)
               ? by_peer
               : NULL;
}

static void write_peer(struct wg *w, struct eg_obj peer, const char *public,
                       const uint8_t *preshared)
{
    struct eg_run *r = w->r;
    const char *networks = linux_wg_allowed(r, peer, ", "), *ip;
    uint64_t every = 0, scope = 0;
    uint16_t port = 0;

    linux_text_add(&w->conf, "\n[Peer]\nPublicKey = %s\n", public);
    if (preshared)
        linux_text_add(&w->conf, "PresharedKey = %s\n", linux_wg_key(r, preshared));
    if (networks)
        linux_text_add(&w->conf, "AllowedIPs = %s\n", networks);
    ip = linux_sockaddr_ip(r, eg_at(peer, wg_peer.endpoint), &port);
    if (ip && !strchr(ip, ':'))
        linux_text_add(&w->conf, "Endpoint = %s:%u\n", ip, port);
    else if (ip && eg_get(&scope, peer, wg_scope) && scope)
        linux_text_add(&w->conf, "Endpoint = [%s%%%llu]:%u\n", ip, (unsigned long long)scope, port);
    else if (ip)
        linux_text_add(&w->conf, "Endpoint = [%s]:%u\n", ip, port);
    if (eg_get(&every, peer, wg_peer.persistent_keepalive_interval) && every)
        linux_text_add(&w->conf, "PersistentKeepalive = %llu\n", (unsigned long long)every);
}

/* What a session of both ends is computed from, for who has recorded its handshake. */
static void write_log(struct wg *w, const char *public, const uint8_t *preshared,
                      const uint8_t *ephemeral)
{
    struct eg_run *r = w->r;

    if (!w->has_private)
        return;
    linux_text_add(&w->log, "LOCAL_STATIC_PRIVATE_KEY = %s\nREMOTE_STATIC_PUBLIC_KEY = %s\n",
                   linux_wg_key(r, w->private), public);
    if (ephemeral)
        linux_text_add(&w->log, "LOCAL_EPHEMERAL_PRIVATE_KEY = %s\n", linux_wg_key(r, ephemeral));
    if (preshared)
        linux_text_add(&w->log, "PRESHARED_KEY = %s\n", linux_wg_key(r, preshared));
}

static void add_preshared(struct wg *w, const char *name, uint64_t at, const uint8_t *key,
                          const char *proof)
{
    eg_vault_add(w->v, &(struct eg_vault_key){ .kind = "wireguard",
                                               .name = name,
                                               .purpose = "preshared key",
                                               .at = at,
                                               .secret = key,
                                               .len = LINUX_WG_KEY,
                                               .proof = proof });
}

static void add_peer(struct wg *w, struct eg_obj peer)
{
    struct eg_run *r = w->r;
    uint8_t key[LINUX_WG_KEY], preshared[LINUX_WG_KEY], ephemeral[LINUX_WG_KEY];
    const bool has_preshared = read_key(eg_at(peer, wg_preshared), preshared);
    const bool has_ephemeral = read_key(eg_at(peer, wg_ephemeral), ephemeral);
    const char *public, *name, *proof;

    if (!read_key(eg_at(peer, wg_peer_key), key)) {
        eg_note(r, "%s: the public key of a peer at %#llx cannot be read", w->device,
                (unsigned long long)peer.addr);
        return;
    }
    proof = prove_peer(w, peer, key);
    public = linux_wg_key(r, key);
    name = eg_strf(r, "%s peer %s", w->device, public);
    if (has_preshared)
        add_preshared(w, name, eg_at(peer, wg_preshared).addr, preshared, proof);
    if (has_ephemeral)
        eg_vault_add(w->v, &(struct eg_vault_key){
                               .kind = "wireguard",
                               .name = name,
                               .purpose = "ephemeral private key",
                               .algorithm = "X25519",
                               .at = eg_at(peer, wg_ephemeral).addr,
                               .secret = ephemeral,
                               .len = LINUX_WG_KEY,
                               .proof = proof,
                               .hints = "of a handshake that has not ended: wiped after it",
                           });
    write_peer(w, peer, public, has_preshared ? preshared : NULL);
    write_log(w, public, has_preshared ? preshared : NULL, has_ephemeral ? ephemeral : NULL);
    sessions_of(w, peer, public, name, proof);
}

/* ---- all of them ---- */

static int by_secret(const void *a, const void *b)
{
    const struct session *x = a, *y = b;
    const int c = memcmp(x->secret, y->secret, LINUX_WG_KEY);

    return c ? c : (x->key.at > y->key.at) - (x->key.at < y->key.at);
}

static int by_place(const void *a, const void *b)
{
    const struct session *x = a, *y = b;

    return (x->key.at > y->key.at) - (x->key.at < y->key.at);
}

/* Where both ends are in this machine, one sends with what the other receives with. */
static void add_sessions(struct wg *w)
{
    if (w->n)
        qsort(w->sessions, w->n, sizeof *w->sessions, by_secret);
    for (size_t i = 1; i < w->n; i++) {
        struct session *a = &w->sessions[i - 1], *b = &w->sessions[i];

        if (!memcmp(a->secret, b->secret, LINUX_WG_KEY) && a->sends != b->sends &&
            a->receiver == b->receiver)
            a->matched = b->matched = true;
    }
    if (w->n)
        qsort(w->sessions, w->n, sizeof *w->sessions, by_place);
    for (size_t i = 0; i < w->n; i++) {
        struct session *s = &w->sessions[i];

        s->key.secret = s->secret;
        if (s->matched)
            s->key.proof = "the other end of the session has it";
        eg_vault_add(w->v, &s->key);
    }
}

/* Namespaces may have devices of the same name. */
static const char *path_of(struct wg *w, struct eg_obj net)
{
    const uint64_t hash = eg_map_hash(w->device, strlen(w->device));
    uint64_t inum = 0;

    eg_get(&inum, net, net_inum);
    if (eg_map_get(w->names, hash, &(uint64_t){ 0 }))
        return eg_strf(w->r, "wireguard/%s-%llu", w->device, (unsigned long long)inum);
    if (eg_map_add(w->names, hash, inum) < 0)
        eg_run_leave(w->r);
    return eg_strf(w->r, "wireguard/%s", w->device);
}

static void write_files(struct wg *w, struct eg_obj net)
{
    const char *base = path_of(w, net);

    eg_vault_text(w->v, eg_strf(w->r, "%s.conf", base), linux_text_of(&w->conf),
                  "a WireGuard interface with its keys: `wg setconf INTERFACE FILE`");
    if (w->list.n)
        eg_vault_text(
            w->v, eg_strf(w->r, "%s.sessions", base), linux_text_of(&w->list),
            "session keys of WireGuard: peer, direction, receiver that packets name, state, "
            "counter, key; a packet of type 4 is ChaCha20-Poly1305 with 4 zero bytes and its "
            "counter as nonce and without other data");
    if (w->log.n)
        eg_vault_text(w->v, "wireguard/keylog.txt", linux_text_of(&w->log),
                      "static keys of WireGuard, as Wireshark's key log file: tshark -o "
                      "wg.keylog_file:FILE decrypts handshakes");
}

/* Without types: what proves itself is found. */
static void look_blindly(struct wg *w, struct eg_obj net, struct eg_obj dev)
{
    struct eg_run *r = w->r;
    struct eg_wg_pair pair;
    struct eg_wg_peer *peers;
    uint64_t priv;
    size_t n;

    if (!linux_netdev_priv(r, dev, &priv) || !eg_wg_search_device(r, priv, &pair))
        return;
    memcpy(w->private, pair.private, LINUX_WG_KEY);
    memcpy(w->public, pair.public, LINUX_WG_KEY);
    w->has_private = true;
    add_private(w, pair.at);
    linux_text_add(&w->conf, "[Interface]\nPrivateKey = %s\n", linux_wg_key(r, w->private));
    n = eg_wg_search_peers(r, priv, w->private, &peers);
    for (size_t i = 0; i < n; i++) {
        const char *public = linux_wg_key(r, peers[i].public);
        const uint8_t *preshared =
            memcmp(peers[i].preshared, zeros, LINUX_WG_KEY) != 0 ? peers[i].preshared : NULL;

        linux_text_add(&w->conf, "\n[Peer]\nPublicKey = %s\n", public);
        if (preshared) {
            linux_text_add(&w->conf, "PresharedKey = %s\n", linux_wg_key(r, preshared));
            add_preshared(w, eg_strf(r, "%s peer %s", w->device, public), peers[i].at, preshared,
                          by_peer);
        }
        write_log(w, public, preshared, NULL);
    }
    write_files(w, net);
}

static void look(struct wg *w, struct eg_obj net, struct eg_obj dev)
{
    struct eg_run *r = w->r;
    struct eg_obj wg = linux_netdev_priv_as(r, dev, wg_device), peer;

    if (!read_device(w, wg))
        return;
    write_device(w, wg);
    eg_each_list(peer, eg_at(wg, wg_device.peer_list), wg_peer.peer_list) {
        if (w->n_peers++ == PEERS_MAX) {
            eg_note(r, "more than %d peers of WireGuard: the others are left out", PEERS_MAX);
            break;
        }
        add_peer(w, peer);
    }
    write_files(w, net);
}

static void find(struct eg_vault *v)
{
    struct wg *w = eg_tmp(v->r, sizeof *w);
    struct eg_obj net, dev;
    size_t n = 0;

    w->v = v;
    w->r = v->r;
    w->names = eg_run_map(v->r);
    linux_each_wg(v->r, net, dev)
    {
        const char *name = eg_string(v->r, eg_at(dev, net_device.name), 16);

        if (n++ == DEVICES_MAX) {
            eg_note(v->r, "more than %d interfaces of WireGuard: the others are left out",
                    DEVICES_MAX);
            break;
        }
        w->device = name && *name ? name : "?";
        w->conf = w->list = w->log = (struct linux_text){ .r = v->r };
        if (eg_has(v->r, wg_private) && eg_has(v->r, wg_preshared)) {
            look(w, net, dev);
            continue;
        }
        eg_note(v->r, "there is a WireGuard interface, but the types of its module are not known "
                      "(kernels have them in memory since 5.11): of its keys those are found that "
                      "prove themselves, private and preshared ones");
        look_blindly(w, net, dev);
    }
    add_sessions(w);
}

EG_KEY_SOURCE(wireguard) = { .find = find };
