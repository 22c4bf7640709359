/* openvpn_data.c - keys of OpenVPN's data channel that follow from secrets of TLS, if they are in
 * the process: one pass over its memory looks for all of them. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "aes.h"
#include "hmac.h"
#include "ovpn.h"
#include "ovpn_own.h"

enum {
    NEEDLE = 16,
    IV = 8,
    NONCE = 12, // of an AEAD
    EPOCHS = 8, // the current one, those before it, four that the peer may begin
    FILTER_BITS = 16,
    ORDERS = 2, // of a key's bytes
    COST = 100, // secrets that are computed of one connection
};

struct exported {
    uint8_t keys[OVPN_KEYS];
    bool epochs[2]; // keys of epochs of this direction were found
    bool cbc;       // one of its keys is there for decryption block by block
};
struct needle {
    uint8_t key[AES_KEY_MAX]; // the first NEEDLE bytes are looked for
    uint8_t iv[NONCE];        // of which the last IV are
    uint32_t of;              // which of struct exported
    uint8_t way, epoch;       // 0: no epoch
    uint8_t len;              // of the key; 0: what is found says it
    // found
    uint8_t found; // bytes of the key; 0: it was not
    bool state, has_iv;
    uint64_t at;
};
/* The key of an HMAC: as many bytes as its digest has. */
static const struct {
    const char *name, *algorithm;
    size_t len;
} digests[] = {
    { "sha1", "HMAC-SHA1", 20 },
    { "sha256", "HMAC-SHA256", 32 },
    { "sha512", "HMAC-SHA512", 64 },
};
struct mac {
    uint8_t state[HMAC_STATE_MAX];
    size_t len; // of the state
    uint32_t of;
    uint8_t way, digest;
    uint64_t at; // 0: it was not found
};
struct search {
    struct eg_tls *t;
    struct exported *of;
    size_t n, cap;
    struct needle *needles;
    size_t n_needles, cap_needles;
    struct mac *macs;
    size_t n_macs, cap_macs;
    struct eg_map *by_key;         // first 8 bytes → number, doubled; 1: swapped
    struct eg_map *by_iv, *by_mac; // → number
    uint8_t filter[1 << (FILTER_BITS - 3)];
};

static uint32_t filter_bit(const uint8_t *p)
{
    uint32_t w;

    memcpy(&w, p, 4);
    return w * UINT32_C(2654435761) >> (32 - FILTER_BITS);
}

/* Of two that begin alike the second is a copy of the connection. */
static void put(struct search *s, struct eg_map *map, const uint8_t *bytes, uint64_t number)
{
    const uint32_t bit = filter_bit(bytes);
    uint64_t other;

    if (eg_map_get(map, eg_le64(bytes), &other))
        return;
    if (eg_map_add(map, eg_le64(bytes), number) < 0)
        eg_run_leave(s->t->v->r);
    s->filter[bit / 8] |= (uint8_t)(1u << bit % 8);
}

static void add_needle(struct search *s, const struct needle *n)
{
    uint8_t bytes[NEEDLE];

    s->needles = eg_grow(s->t->v->r, s->needles, s->n_needles, &s->cap_needles, sizeof *s->needles);
    s->needles[s->n_needles] = *n;
    for (unsigned order = 0; order < ORDERS; order++) {
        // A program without AES instructions reads a key as big-endian words.
        for (unsigned i = 0; i < NEEDLE; i++)
            bytes[i] = n->key[order ? i ^ 3 : i];
        put(s, s->by_key, bytes, ORDERS * s->n_needles + order);
    }
    if (n->len != 16 && n->len != 24) // once for the three lengths of a key
        put(s, s->by_iv, n->iv + NONCE - IV, s->n_needles);
    s->n_needles++;
}

static void add_macs(struct search *s, uint32_t which, uint8_t way)
{
    const uint8_t *key = s->of[which].keys + OVPN_KEY * way + OVPN_CIPHER;

    for (uint8_t i = 0; i < countof(digests); i++) {
        struct mac m = { .of = which, .way = way, .digest = i };
        struct eg_hmac_states states;

        if (!eg_hmac_states(digests[i].name, key, digests[i].len, false, &states))
            continue;
        m.len = states.n;
        memcpy(m.state, states.inner, m.len);
        s->macs = eg_grow(s->t->v->r, s->macs, s->n_macs, &s->cap_macs, sizeof *s->macs);
        s->macs[s->n_macs] = m;
        put(s, s->by_mac, m.state, s->n_macs++);
    }
}

static void keys_of(struct search *s, uint32_t which)
{
    const uint8_t *keys = s->of[which].keys;

    for (uint8_t way = 0; way < 2; way++) {
        struct needle n = { .of = which, .way = way };
        uint8_t epoch[OVPN_EPOCH], next[OVPN_EPOCH];

        memcpy(n.key, keys + OVPN_KEY * way, sizeof n.key);
        memcpy(n.iv + NONCE - IV, keys + OVPN_KEY * way + OVPN_CIPHER, IV);
        add_needle(s, &n);
        add_macs(s, which, way);
        memcpy(epoch, n.key, sizeof epoch);
        for (n.epoch = 1; n.epoch <= EPOCHS; n.epoch++) {
            if (!eg_ovpn_epoch(epoch, "data_iv", n.iv, sizeof n.iv))
                return;
            for (n.len = 16; n.len <= 32; n.len = (uint8_t)(n.len + 8))
                if (eg_ovpn_epoch(epoch, "data_key", n.key, n.len))
                    add_needle(s, &n);
            if (!eg_ovpn_epoch(epoch, "datakey upd", next, sizeof next))
                return;
            memcpy(epoch, next, sizeof epoch);
        }
    }
}

/* ---- what is there ---- */

static bool is_schedule(struct search *s, const struct needle *n, uint64_t at, bool swapped,
                        unsigned words, uint8_t layout)
{
    const struct eg_aes_schedule schedule = { (uint8_t)words, layout, swapped };
    const size_t size = eg_aes_size(words);
    uint8_t bytes[AES_SCHEDULE_MAX], key[AES_KEY_MAX];

    if (layout != AES_ENCRYPT) {
        if (at < size - NEEDLE) // the first round's key is the last one
            return false;
        at -= size - NEEDLE;
    }
    return eg_read(eg_view_of(s->t->v->r), s->t->p->user->space, at, bytes, size) &&
           eg_aes_is_schedule(bytes, &schedule, key) && !memcmp(key, n->key, (size_t)4 * words);
}

/* libcrypto's ChaCha20 has its nonce behind the key and a counter of 4 bytes. */
static bool is_chacha(const struct needle *n, const uint8_t *p)
{
    return !memcmp(p, n->key, AES_KEY_MAX) &&
           !memcmp(p + AES_KEY_MAX + 4 + NONCE - 4, n->iv + NONCE - 4, 4);
}

/* @at: where the first bytes of a key are. */
static void key_at(struct search *s, struct needle *n, uint64_t at, bool swapped)
{
    static const uint8_t layouts[] = { AES_ENCRYPT, AES_DECRYPT, AES_REVERSED };
    uint8_t bytes[AES_KEY_MAX + 4 + NONCE];

    if (n->found)
        return;
    for (unsigned words = 8; words >= 4; words -= 2)
        for (size_t i = 0; i < countof(layouts); i++) {
            if ((n->len && n->len != 4 * words) ||
                !is_schedule(s, n, at, swapped, words, layouts[i]))
                continue;
            n->found = (uint8_t)(4 * words);
            s->of[n->of].cbc |= layouts[i] != AES_ENCRYPT;
            n->at = at;
            return;
        }
    if (!swapped && (!n->len || n->len == AES_KEY_MAX) &&
        eg_read(eg_view_of(s->t->v->r), s->t->p->user->space, at, bytes, sizeof bytes) &&
        is_chacha(n, bytes)) {
        n->found = AES_KEY_MAX;
        n->state = true;
        n->at = at;
    }
}

/* The key of an HMAC begins like the IV of an AEAD, and goes on. */
static bool is_hmac(const struct search *s, const struct needle *n, const uint8_t *p)
{
    return !memcmp(p + IV, s->of[n->of].keys + OVPN_KEY * n->way + OVPN_CIPHER + IV, IV);
}

static void mac_at(struct search *s, struct mac *m, uint64_t at)
{
    uint8_t bytes[HMAC_STATE_MAX];

    if (eg_read(eg_view_of(s->t->v->r), s->t->p->user->space, at, bytes, m->len) &&
        !memcmp(bytes, m->state, m->len))
        m->at = at;
}

/* @p: NEEDLE bytes. */
static void look_at(struct search *s, const uint8_t *p, uint64_t at)
{
    struct needle *n;
    uint64_t i;

    if (eg_map_get(s->by_key, eg_le64(p), &i))
        key_at(s, &s->needles[i / ORDERS], at, i % ORDERS != 0);
    if (eg_map_get(s->by_mac, eg_le64(p), &i))
        mac_at(s, &s->macs[i], at);
    if (eg_map_get(s->by_iv, eg_le64(p), &i)) {
        n = &s->needles[i];
        if (!n->epoch && is_hmac(s, n, p))
            return;
        n->has_iv = true;
        // The same nonces are of keys of each length, which were added one behind the other.
        for (unsigned k = 1; n->epoch && k < 3; k++)
            n[-(int)k].has_iv = true;
    }
}

/* Bytes that a read for a match replaces are not looked at again: matches are kept. */
static void search_memory(struct search *s)
{
    struct eg_run *r = s->t->v->r;
    struct linux_user_piece piece = { 0 };
    struct linux_addresses places = { 0 };
    uint8_t bytes[NEEDLE];

    while (linux_user_next(s->t->p->user, false, &piece))
        for (size_t i = 0; i + IV <= piece.len; i += 4) {
            const uint32_t bit = filter_bit(piece.bytes + i);
            uint64_t found;

            if ((s->filter[bit / 8] >> bit % 8 & 1) &&
                (eg_map_get(s->by_key, eg_le64(piece.bytes + i), &found) ||
                 eg_map_get(s->by_iv, eg_le64(piece.bytes + i), &found) ||
                 eg_map_get(s->by_mac, eg_le64(piece.bytes + i), &found)))
                linux_addresses_add(s->t->p->user, &places, piece.at + i);
        }
    for (size_t i = 0; i < places.n && !eg_stopped(r); i++)
        if (eg_read(eg_view_of(r), s->t->p->user->space, places.at[i], bytes, sizeof bytes))
            look_at(s, bytes, places.at[i]);
}

/* ---- rows ---- */

static const char *const ways[] = { "client to server", "server to client" };

static const char *algorithm(struct search *s, const struct needle *n)
{
    const char *mode = s->of[n->of].cbc ? "-CBC" : n->has_iv ? "-GCM" : "";

    return n->state ? "ChaCha20-Poly1305" : eg_strf(s->t->v->r, "AES-%d%s", 8 * n->found, mode);
}

static void tell(struct search *s, const struct needle *n, const char *name)
{
    struct eg_vault *v = s->t->v;
    struct eg_run *r = v->r;
    const uint8_t *keys = s->of[n->of].keys + OVPN_KEY * n->way;
    const bool aead = n->state || (n->has_iv && !s->of[n->of].cbc);
    const size_t iv_len = n->epoch ? NONCE : IV;
    struct eg_openvpn_key key = {
        .process = s->t->p,
        .name = name,
        .at = n->at,
        .purpose = n->epoch ? eg_strf(r, "data channel, epoch %d, %s", n->epoch, ways[n->way])
                            : eg_strf(r, "data channel, %s", ways[n->way]),
        .algorithm = algorithm(s, n),
        .key = n->key,
        .len = n->found,
        .iv = n->iv + NONCE - iv_len,
        .iv_len = aead ? iv_len : 0,
        .proof = n->state ? "follows from the exporter secret; the cipher at work has it"
                          : "follows from the exporter secret; its AES schedule is there",
    };

    if (n->epoch && !s->of[n->of].epochs[n->way]) {
        s->of[n->of].epochs[n->way] = true;
        eg_openvpn_add(v, &(struct eg_openvpn_key){
                              .process = s->t->p,
                              .name = name,
                              .purpose = eg_strf(r, "data channel, secret of the first epoch, %s",
                                                 ways[n->way]),
                              .algorithm = "HKDF-SHA256",
                              .key = keys,
                              .len = OVPN_EPOCH,
                              .proof = "follows from the exporter secret; a key that is in use "
                                       "from it",
                          });
    }
    eg_openvpn_add(v, &key);
}

static void tell_mac(struct search *s, const struct mac *m, const char *name)
{
    struct eg_vault *v = s->t->v;

    eg_openvpn_add(v, &(struct eg_openvpn_key){
                          .process = s->t->p,
                          .name = name,
                          .purpose = eg_strf(v->r, "data channel, MAC key, %s", ways[m->way]),
                          .algorithm = digests[m->digest].algorithm,
                          .key = s->of[m->of].keys + OVPN_KEY * m->way + OVPN_CIPHER,
                          .len = digests[m->digest].len,
                          .proof = "follows from the exporter secret; the HMAC at work has its "
                                   "state",
                      });
}

static bool export(const struct eg_tls_connection *c, uint8_t out[OVPN_KEYS])
{
    const struct eg_tls_pair *p;

    if (c->sort == TLS_13)
        return eg_ovpn_export13(c->hash, c->of.secret[TLS_EXPORTER], out);
    if (c->sort != TLS_12 || c->pair < 0)
        return false;
    p = &c->pairs[c->pair];
    return eg_ovpn_export12(c->hash, c->master, p->random[c->client], p->random[!c->client], out);
}

void eg_openvpn_derived(struct eg_tls *t)
{
    struct eg_run *r = t->v->r;
    struct search *s = eg_tmp(r, sizeof *s);
    const char *name = NULL;
    bool any = false;

    s->t = t;
    s->by_key = eg_run_map(r);
    s->by_iv = eg_run_map(r);
    s->by_mac = eg_run_map(r);
    for (size_t i = 0; i < t->n && t->budget > COST && !eg_stopped(r); i++) {
        struct exported e = { 0 };

        if (!export(t->of[i], e.keys))
            continue;
        t->budget -= COST;
        s->of = eg_grow(r, s->of, s->n, &s->cap, sizeof *s->of);
        s->of[s->n] = e;
        keys_of(s, (uint32_t)s->n++);
    }
    if (s->n)
        search_memory(s);
    for (size_t i = 0; i < s->n_needles; i++) {
        if (!s->needles[i].found)
            continue;
        if (!any)
            name = eg_openvpn_name(t->v, t->p);
        any = true;
        tell(s, &s->needles[i], name);
    }
    for (size_t i = 0; any && i < s->n_macs; i++)
        if (s->macs[i].at)
            tell_mac(s, &s->macs[i], name);
}
