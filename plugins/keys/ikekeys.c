/* ikekeys.c - keys of IKEv2 in the memory of strongSwan's daemon, or of another one.
 *
 *  A daemon keeps the last message that it sent, to send it again; others are left in memory that
 * it has freed. What opens one is its key: AES schedules, and what a pointer with a length beside
 * it leads to (strongSwan's chunk_t). Only of a process that has a message are keys looked for. */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "aes.h"
#include "ike.h"
#include "vault.h"
#include <stdio.h>

#define KIND "IKE"

enum {
    MESSAGES_MAX = 128,
    KEYS_MAX = 1 << 11, // of each sort
    SAS_MAX = 64,
    SPIS_MAX = 32, // that freed messages are tried with
    MAYBE_MAX = 64,
    EMPTY_MAX = 3, // empty messages that prove a key: each is opened by one other of 256
    TAIL = 4,      // bytes of a responder's SPI that are left of some
    KEY_MAX = 64,
    TRIES = 1 << 19,
    INITIATOR = 0,
    RESPONDER = 1,
};

enum sort { CBC, GCM, MAC, SORTS };
struct candidate {
    uint8_t key[KEY_MAX], salt[IKE_SALT];
    uint8_t len;
    uint64_t at;
};
struct message {
    uint8_t *bytes;
    size_t len;
    bool opened;
};
struct direction {
    const struct candidate *cipher, *mac;
    size_t mac_len; // bytes of a checksum
    bool gcm;
    size_t proof; // bytes of the message that the cipher's key opened
    struct {
        const struct candidate *key;
        uint32_t id[EMPTY_MAX];
        size_t n;
    } maybe[MAYBE_MAX]; // what opens an empty message, which proves little
    size_t n_maybe;
};
struct sa {
    uint8_t spis[IKE_SPIS];
    struct direction of[2];
};
struct ike {
    struct eg_vault *v;
    const struct eg_key_process *p;
    struct message messages[MESSAGES_MAX];
    size_t n_messages;
    struct candidate keys[SORTS][KEYS_MAX];
    size_t n[SORTS];
    struct eg_map *seen[SORTS];
    struct eg_map *subkeys; // first half of a GCM's subkey → its key, of CBC's
    struct sa sas[SAS_MAX];
    size_t n_sas;
    uint8_t spis[SPIS_MAX][IKE_SPIS];
    size_t n_spis;
    struct eg_map *tails; // of the responders' SPIs of all messages
    uint32_t tries;
    bool full; // something was left out
};

static void look(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out)
{
    (void)v;
    for (size_t i = 0; i + IKE_HEAD <= piece->len; i += 4)
        if (piece->bytes[i + 17] == 0x20 && eg_ike_message(piece->bytes + i, piece->len - i))
            linux_addresses_add(p->user, out, piece->at + i);
}

/* ---- what may be keys ---- */

static void add(struct ike *k, enum sort sort, const uint8_t *key, size_t len, const uint8_t *salt,
                uint64_t at)
{
    struct candidate *c = &k->keys[sort][k->n[sort]];
    // One begins like another only if it is the same.
    const uint64_t name = eg_le64(key) ^ (uint64_t)len << 40 ^ (salt ? (uint64_t)eg_le32(salt) : 0);
    uint64_t known;

    if (eg_map_get(k->seen[sort], name, &known))
        return;
    if (k->n[sort] == KEYS_MAX) {
        k->full = true;
        return;
    }
    if (eg_map_add(k->seen[sort], name, 0) < 0)
        eg_run_leave(k->v->r);
    memcpy(c->key, key, len);
    if (salt)
        memcpy(c->salt, salt, IKE_SALT);
    c->len = (uint8_t)len;
    c->at = at;
    k->n[sort]++;
}

struct at_piece {
    struct ike *k;
    const struct linux_user_piece *piece;
};

static void schedule(void *context, size_t at, const struct eg_aes_schedule *s)
{
    const struct at_piece *a = context;
    uint8_t key[AES_KEY_MAX];

    if (s->layout == AES_ENCRYPT && eg_aes_is_schedule(a->piece->bytes + at, s, key))
        add(a->k, CBC, key, (size_t)4 * s->words, NULL, a->piece->at + at);
}

static bool is_key(const uint8_t *p, size_t len)
{
    unsigned zeros = 0;

    for (size_t i = 0; i < len; i++)
        zeros += !p[i];
    return zeros <= len / 8;
}

/* A pointer and a length; behind those of an AEAD is the salt. */
static void chunk(struct ike *k, uint64_t at)
{
    const struct linux_user *u = k->p->user;
    uint8_t words[4 * 8], key[KEY_MAX];
    uint64_t to, len, tail;

    if (!eg_read(eg_view_of(u->run), u->space, at, words, (size_t)4 * u->ptr))
        return;
    to = linux_user_load(u, words);
    len = linux_user_load(u, words + u->ptr);
    if (len > KEY_MAX || !eg_read(eg_view_of(u->run), u->space, to, key, (size_t)len) ||
        !is_key(key, (size_t)len))
        return;
    tail = linux_user_load(u, words + (size_t)3 * u->ptr);
    if ((len == 16 || len == 32) && (tail == 4 || tail == 16))
        add(k, GCM, key, (size_t)len, words + (size_t)2 * u->ptr, to);
    if (len == 16 || len == 24 || len == 32)
        add(k, CBC, key, (size_t)len, NULL, to);
    if (len == 20 || len == 32 || len == 48 || len == 64)
        add(k, MAC, key, (size_t)len, NULL, to);
}

/* A key of HMAC as it is XORed into a block (RFC 2104), zeros behind it. */
static void pad(struct ike *k, const uint8_t *p, size_t room, uint64_t at)
{
    static const uint8_t blocks[] = { 64, 64, 128, 128 }, lens[] = { 20, 32, 48, 64 };
    uint8_t key[KEY_MAX];

    for (size_t i = 0; i < countof(lens); i++) {
        size_t n = 0;

        while (n < blocks[i] && n < room && (n < lens[i] ? true : p[n] == 0x36))
            n++;
        if (n < blocks[i] || p[lens[i] - 1] == 0x36)
            continue;
        for (n = 0; n < lens[i]; n++)
            key[n] = p[n] ^ 0x36;
        if (is_key(key, lens[i]))
            add(k, MAC, key, lens[i], NULL, at);
    }
}

/* In a GCM's own structure the salt is before what AES makes of zeros with the key, which some
 * have with its bytes in reverse. */
static void salts(struct ike *k, const struct linux_user_piece *piece)
{
    enum { BEFORE = 64 };

    for (size_t i = 0; i + 16 <= piece->len; i += 4) {
        uint64_t nth;
        const struct candidate *c;

        if (!eg_map_get(k->subkeys, eg_le64(piece->bytes + i), &nth))
            continue;
        c = &k->keys[CBC][nth];
        for (size_t n = IKE_SALT; n <= BEFORE && n <= i; n += IKE_SALT)
            add(k, GCM, c->key, c->len, piece->bytes + i - n, c->at);
    }
}

static void find_subkeys(struct ike *k)
{
    uint8_t block[16], back[16];

    for (size_t i = 0; i < k->n[CBC]; i++) {
        const struct candidate *c = &k->keys[CBC][i];

        if (!eg_ike_subkey(c->key, c->len, block))
            continue;
        for (unsigned n = 0; n < sizeof block; n++)
            back[n] = block[sizeof block - 1 - n];
        if (eg_map_add(k->subkeys, eg_le64(block), i) < 0 ||
            eg_map_add(k->subkeys, eg_le64(back), i) < 0)
            eg_run_leave(k->v->r);
    }
}

/* Both SPIs beside each other, the second of which ends like that of a message. */
static void spis(struct ike *k, const struct linux_user_piece *piece)
{
    uint64_t known;

    for (size_t i = 0; i + IKE_SPIS <= piece->len && k->n_spis < SPIS_MAX; i += 4) {
        const uint8_t *p = piece->bytes + i;
        size_t n = 0;

        if (!eg_map_get(k->tails, eg_le32(p + IKE_SPIS - TAIL), &known) || !is_key(p, IKE_SPIS))
            continue;
        while (n < k->n_spis && memcmp(k->spis[n], p, IKE_SPIS) != 0)
            n++;
        if (n == k->n_spis)
            memcpy(k->spis[k->n_spis++], p, IKE_SPIS);
    }
}

static void find_keys(struct ike *k)
{
    const struct linux_user *u = k->p->user;
    struct linux_user_piece piece = { 0 };
    struct linux_addresses chunks = { 0 };

    while (linux_user_next(k->p->user, false, &piece)) {
        struct at_piece a = { k, &piece };

        eg_aes_find(piece.bytes, piece.len, schedule, &a);
        for (size_t i = 0; i + u->ptr <= piece.len; i += u->ptr) {
            const uint64_t w = linux_user_load(u, piece.bytes + i);

            if (i && w >= 16 && w <= 64 && w % 4 == 0 &&
                linux_user_range(u, linux_user_load(u, piece.bytes + i - u->ptr)))
                linux_addresses_add(k->p->user, &chunks, piece.at + i - u->ptr);
            if ((uint32_t)w == 0x36363636 && i >= 32 && piece.bytes[i - 1] != 0x36)
                for (size_t before = 20; before <= 64 && before <= i; before += 4)
                    pad(k, piece.bytes + i - before, piece.len - (i - before),
                        piece.at + i - before);
        }
    }
    for (size_t i = 0; i < chunks.n && !eg_stopped(k->v->r); i++)
        chunk(k, chunks.at[i]);
    find_subkeys(k);
    piece = (struct linux_user_piece){ 0 };
    while (linux_user_next(k->p->user, false, &piece)) {
        salts(k, &piece);
        spis(k, &piece);
    }
}

/* ---- which of them open a message ---- */

static struct sa *sa_of(struct ike *k, const uint8_t *spis)
{
    for (size_t i = 0; i < k->n_sas; i++)
        if (!memcmp(k->sas[i].spis, spis, IKE_SPIS))
            return &k->sas[i];
    if (k->n_sas == SAS_MAX) {
        k->full = true;
        return NULL;
    }
    memcpy(k->sas[k->n_sas].spis, spis, IKE_SPIS);
    return &k->sas[k->n_sas++];
}

static bool spend(struct ike *k)
{
    k->tries -= k->tries > 0;
    return k->tries > 0 && !eg_stopped(k->v->r);
}

/* One more empty message, with another number, that a key opens. @return they are enough. */
static bool one_more(struct direction *d, const struct candidate *c, uint32_t id)
{
    size_t i = 0;

    while (i < d->n_maybe && d->maybe[i].key != c)
        i++;
    if (i == MAYBE_MAX)
        return false;
    if (i == d->n_maybe) {
        d->n_maybe++;
        d->maybe[i].key = c;
    }
    for (size_t n = 0; n < d->maybe[i].n; n++)
        if (d->maybe[i].id[n] == id)
            return false;
    d->maybe[i].id[d->maybe[i].n++] = id;
    return d->maybe[i].n == EMPTY_MAX;
}

static void open_cbc(struct ike *k, const struct message *m, size_t mac, struct direction *d)
{
    for (size_t i = 0; i < k->n[CBC] && spend(k); i++) {
        const struct candidate *c = &k->keys[CBC][i];
        const int n = eg_ike_cbc(m->bytes, m->len, mac, c->key, c->len);

        if (n > 0 || (n == 0 && one_more(d, c, eg_le32(m->bytes + 20)))) {
            d->cipher = c;
            d->gcm = false;
            d->proof = m->len;
            return;
        }
    }
}

static bool open_with(struct ike *k, const struct message *m)
{
    const unsigned way = eg_ike_is_initiators(m->bytes) ? INITIATOR : RESPONDER;
    struct sa *sa = NULL;
    bool opened = false;

    for (size_t i = 0; i < k->n[GCM] && spend(k); i++) {
        const struct candidate *c = &k->keys[GCM][i];

        if (!eg_ike_gcm(m->bytes, m->len, c->key, c->len, c->salt))
            continue;
        if ((sa = sa_of(k, m->bytes)))
            sa->of[way] = (struct direction){ .cipher = c, .gcm = true, .proof = m->len };
        return true;
    }
    for (size_t i = 0; i < k->n[MAC] && spend(k) && !opened; i++) {
        const struct candidate *c = &k->keys[MAC][i];
        const size_t mac = eg_ike_mac(m->bytes, m->len, c->key, c->len);

        if (!mac)
            continue;
        opened = true;
        if (!(sa = sa_of(k, m->bytes)))
            continue;
        sa->of[way].mac = c;
        sa->of[way].mac_len = mac;
        if (!sa->of[way].cipher)
            open_cbc(k, m, mac, &sa->of[way]);
    }
    return opened;
}

/* An allocator writes over the first bytes of what is freed: over the SPIs, which others have. */
static bool open_freed(struct ike *k, struct message *m)
{
    uint8_t own[IKE_SPIS];

    memcpy(own, m->bytes, IKE_SPIS);
    for (size_t i = 0; i < k->n_spis && k->tries; i++) {
        memcpy(m->bytes, k->spis[i], IKE_SPIS);
        if (open_with(k, m))
            return true;
    }
    memcpy(m->bytes, own, IKE_SPIS);
    return false;
}

/* What opens an empty message of a direction, and another one that has payloads. That one need not
 * be whole: its SPIs are not encrypted. */
static void confirm(struct ike *k, struct direction *d, unsigned way)
{
    for (size_t i = 0; i < k->n_messages && !d->cipher; i++) {
        const struct message *m = &k->messages[i];

        if ((eg_ike_is_initiators(m->bytes) ? INITIATOR : RESPONDER) != way)
            continue;
        for (size_t n = 0; n < d->n_maybe && spend(k); n++) {
            const struct candidate *c = d->maybe[n].key;

            if (eg_ike_cbc(m->bytes, m->len, d->mac_len, c->key, c->len) <= 0)
                continue;
            d->cipher = c;
            d->proof = m->len;
            break;
        }
    }
}

/* ---- rows ---- */

static const char *hex(struct eg_run *r, const void *bytes, size_t n)
{
    char *out = eg_tmp(r, 2 * n + 1);

    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
    return out;
}

static const char *secret(struct eg_run *r, const struct candidate *c, bool salt)
{
    return eg_strf(r, "%s%s", hex(r, c->key, c->len), salt ? hex(r, c->salt, IKE_SALT) : "");
}

static void add_row(struct ike *k, const struct sa *sa, const struct eg_vault_key *given,
                    const struct candidate *c, bool salt)
{
    struct eg_run *r = k->v->r;
    struct eg_vault_key key = *given;
    uint8_t bytes[KEY_MAX + IKE_SALT];

    memcpy(bytes, c->key, c->len);
    memcpy(bytes + c->len, c->salt, IKE_SALT);
    key.kind = KIND;
    key.name = eg_strf(r, "%s_i %s_r", hex(r, sa->spis, 8), hex(r, sa->spis + 8, 8));
    key.at = c->at;
    key.process = k->p;
    key.secret = bytes;
    key.len = c->len + (size_t)(salt ? IKE_SALT : 0);
    key.hints = salt ? "its last 4 bytes are the salt" : NULL;
    eg_vault_add(k->v, &key);
}

static const char *mac_name(const struct candidate *c)
{
    return c->len == 20   ? "HMAC_SHA1_96 [RFC2404]"
           : c->len == 32 ? "HMAC_SHA2_256_128 [RFC4868]"
           : c->len == 48 ? "HMAC_SHA2_384_192 [RFC4868]"
                          : "HMAC_SHA2_512_256 [RFC4868]";
}

/* A key of the direction, or zeros in its place: then only the other one is decrypted. */
static const char *cell(struct ike *k, const struct candidate *c, const struct candidate *like,
                        bool salt)
{
    static const struct candidate none;
    struct candidate zeros = none;

    if (!like)
        return "";
    zeros.len = like->len;
    return secret(k->v->r, c && c->len == like->len ? c : &zeros, salt);
}

/* @known: a direction whose cipher is. */
static void export(struct ike *k, const struct sa *sa, const struct direction *known)
{
    struct eg_run *r = k->v->r;
    const struct direction *a = &sa->of[INITIATOR], *b = &sa->of[RESPONDER];
    const struct candidate *cipher = known->cipher, *mac = known->gcm ? NULL : known->mac;

    eg_vault_text(
        k->v, "ike/ikev2_decryption_table",
        eg_strf(
            r, "%s,%s,%s,%s,\"%s\",%s,%s,\"%s\"\n", hex(r, sa->spis, 8), hex(r, sa->spis + 8, 8),
            cell(k, a->cipher, cipher, known->gcm), cell(k, b->cipher, cipher, known->gcm),
            eg_strf(r,
                    known->gcm ? "AES-GCM-%d with 16 octet ICV [RFC5282]" : "AES-CBC-%d [RFC3602]",
                    8 * cipher->len),
            cell(k, a->mac, mac, false), cell(k, b->mac, mac, false),
            mac ? mac_name(mac) : "NONE [RFC4306]"),
        "keys of IKEv2, for Wireshark, as its configuration folder (~/.config/wireshark) has them "
        "under this name; zeros where a direction's was not found");
}

static void tell(struct ike *k, const struct sa *sa)
{
    static const char *const cipher_of[] = { "SK_ei", "SK_er" }, *const mac_of[] = { "SK_ai",
                                                                                     "SK_ar" };
    struct eg_run *r = k->v->r;
    const struct direction *a = &sa->of[INITIATOR], *b = &sa->of[RESPONDER];

    for (unsigned way = 0; way < 2; way++) {
        const struct direction *d = &sa->of[way];

        if (d->cipher)
            add_row(k, sa,
                    &(struct eg_vault_key){
                        .purpose = cipher_of[way],
                        .algorithm =
                            eg_strf(r, "AES-%s-%d", d->gcm ? "GCM" : "CBC", 8 * d->cipher->len),
                        .proof = eg_strf(r, "opens a message of %zu bytes", d->proof) },
                    d->cipher, d->gcm);
        if (d->mac)
            add_row(k, sa,
                    &(struct eg_vault_key){ .purpose = mac_of[way],
                                            .algorithm = mac_name(d->mac),
                                            .proof = "authenticates a message" },
                    d->mac, false);
    }
    if (k->v->exports && (a->cipher || b->cipher))
        export(k, sa, a->cipher ? a : b);
}

static void prove_all(struct eg_vault *v, const struct eg_key_process *p,
                      const struct linux_addresses *places)
{
    struct ike *k = eg_tmp(v->r, sizeof *k);

    k->v = v;
    k->p = p;
    k->tries = TRIES;
    k->subkeys = eg_run_map(v->r);
    k->tails = eg_run_map(v->r);
    for (int i = 0; i < SORTS; i++)
        k->seen[i] = eg_run_map(v->r);
    for (size_t i = 0; i < places->n && !k->full; i++) {
        struct message *m = &k->messages[k->n_messages];
        uint8_t head[IKE_HEAD];

        if (k->n_messages == MESSAGES_MAX) {
            k->full = true;
            break;
        }
        if (!eg_read(eg_view_of(v->r), p->user->space, places->at[i], head, sizeof head) ||
            !(m->len = eg_ike_message(head, sizeof head)))
            continue;
        m->bytes = eg_tmp(v->r, m->len);
        if (!eg_read(eg_view_of(v->r), p->user->space, places->at[i], m->bytes, m->len))
            continue;
        k->n_messages++;
        if (eg_map_add(k->tails, eg_le32(m->bytes + IKE_SPIS - TAIL), 0) < 0)
            eg_run_leave(v->r);
    }
    if (!k->n_messages)
        return;
    find_keys(k);
    for (size_t i = 0; i < k->n_messages; i++)
        k->messages[i].opened = open_with(k, &k->messages[i]);
    for (size_t i = 0; i < k->n_messages; i++)
        if (!k->messages[i].opened)
            open_freed(k, &k->messages[i]);
    for (size_t i = 0; i < k->n_sas; i++) {
        confirm(k, &k->sas[i].of[INITIATOR], INITIATOR);
        confirm(k, &k->sas[i].of[RESPONDER], RESPONDER);
        tell(k, &k->sas[i]);
    }
    if (k->full || !k->tries)
        eg_note(v->r,
                "process %lld: more of its memory looks like messages and keys of IKE than is "
                "examined",
                (long long)p->pid);
}

EG_KEY_SOURCE(ike) = { .look = look, .prove_all = prove_all };
