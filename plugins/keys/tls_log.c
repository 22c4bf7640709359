/* tls_log.c - tells the secrets of connections: rows, and the lines of a key log. */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/fs/fdtable.h"
#include "../linux/net/sock.h"
#include "tls_capture.h"
#include "tls_own.h"
#include <stdio.h>

#define LOG "tls/keylog.txt"
#define LOG_IS                                                                                     \
    "secrets of TLS connections, as SSLKEYLOGFILE has them; for Wireshark: tshark -r CAPTURE -o "  \
    "tls.keylog_file:FILE"

enum { MESSAGE_MAX = 1 << 12, ESTABLISHED = 1 };

struct told {
    struct eg_tls *t;
    const char *name;     // of the only connection of the process
    unsigned connections; // that its sockets are
    // of the connection that is told
    const uint8_t *random;          // the client's; NULL: there is none
    const char *how;                // what says so
    const struct eg_tls_flow *flow; // in the capture
};

static const char *hex(struct eg_run *r, const uint8_t *p, size_t n)
{
    char *out = eg_tmp(r, 2 * n + 1);

    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    return out;
}

/* Which connection a secret is of can be told only where the process has no other. */
static void find_name(struct told *told)
{
    struct eg_run *r = told->t->v->r;
    struct eg_obj file;
    uint64_t fd;

    linux_each_fd(r, told->t->p->task, fd, file)
    {
        const struct eg_obj sock = linux_file_sock(r, file);
        struct linux_sock s;
        const char *text;
        size_t len;

        if (sock.why || !linux_sock_read(r, sock, &s) || s.size != LINUX_SOCK_FULL ||
            (s.family_number != LINUX_AF_INET && s.family_number != LINUX_AF_INET6) ||
            s.protocol_number != LINUX_IPPROTO_TCP || s.state_number == LINUX_TCP_LISTEN ||
            s.state_number == LINUX_TCP_CLOSE)
            continue;
        text = linux_sock_text(r, sock);
        if (!text || told->connections++)
            continue;
        if (!strncmp(text, "TCP ", 4))
            text += 4;
        len = strcspn(text, " ");
        told->name = eg_strf(r, "%.*s", (int)EG_MIN(len, (size_t)200), text);
    }
    if (told->connections != 1)
        told->name = NULL;
}

static const char *algorithm(struct eg_run *r, const struct eg_tls_used *used, size_t hash)
{
    const char *digest = hash == 48 ? "SHA-384" : "SHA-256";

    if (used->key_len < 16)
        return digest;
    if (used->key_len == 32 && hash == 32 && !used->cbc)
        return eg_strf(r, "ChaCha20-Poly1305, %s", digest);
    return eg_strf(r, "AES-%d%s, %s", 8 * used->key_len, used->cbc ? "-CBC" : "", digest);
}

/* Do the Hello messages that are in memory have the digest that the secrets follow from? */
static bool hellos_match(struct told *told, const struct eg_tls_connection *c,
                         const struct eg_tls_pair *p)
{
    struct eg_run *r = told->t->v->r;
    uint8_t *messages, digest[TLS_HASH_MAX];
    size_t n = 0;

    if (c->sort != TLS_13 || !c->of.has_handshake)
        return false;
    messages = eg_tmp(r, 2 * MESSAGE_MAX);
    for (unsigned i = 0; i < 2; i++) {
        if (!p->hello[i] || p->hello_len[i] > MESSAGE_MAX)
            return false;
        eg_tls_read(told->t, p->hello[i], messages + n, p->hello_len[i]);
        n += p->hello_len[i];
    }
    return eg_tls_digest(c->hash, messages, n, digest) && !memcmp(digest, c->of.hellos, c->hash);
}

/* Does the secret decrypt a record of the connection? */
static bool opens(struct told *told, enum eg_tls_label label, size_t hash, const uint8_t *secret)
{
    enum { COST = 256 }; // as many secrets as are computed in that time
    uint32_t *budget = &told->t->budget;

    if (told->flow)
        *budget -= EG_MIN(*budget, (uint32_t)COST);
    return told->flow && *budget && label != TLS_EXPORTER &&
           eg_tls_flow_opens(told->flow, label == TLS_SERVER || label == TLS_SERVER_HANDSHAKE, hash,
                             secret);
}

static bool opens_any(struct told *told, const struct eg_tls_connection *c)
{
    if (c->sort == TLS_13) {
        for (int i = c->of.has_handshake ? 0 : TLS_CLIENT; i < TLS_EXPORTER; i++)
            if (opens(told, (enum eg_tls_label)i, c->hash, c->of.secret[i]))
                return true;
        return false;
    }
    if (c->sort == TLS_13_GO)
        return opens(told, TLS_CLIENT, c->hash, c->slots[0]) ||
               opens(told, TLS_SERVER, c->hash, c->slots[1]);
    for (size_t i = 0; i < c->n; i++)
        if (opens(told, TLS_CLIENT, c->hash, c->slots[i]) ||
            opens(told, TLS_SERVER, c->hash, c->slots[i]))
            return true;
    return false;
}

/* The connection in the capture whose randoms are these; @client: which one is the client's. */
static const struct eg_tls_flow *captured(struct told *told, const struct eg_tls_pair *p,
                                          int *client)
{
    const struct eg_tls_flow *f = NULL;

    for (int i = 0; told->t->v->capture && i < 2 && !f; i++) {
        *client = i;
        f = eg_tls_capture_find(told->t->v->capture, p->random[i], p->random[!i]);
    }
    return f;
}

/* The random of the only ClientHello that is left when those of other connections are not. */
static const uint8_t *only_hello(struct told *told)
{
    struct eg_tls *t = told->t;
    const uint8_t *only = NULL;

    if (t->n_go != 1 || t->n_hellos > TLS_HELLOS_MAX)
        return NULL;
    for (unsigned i = 0; i < t->n_hellos; i++) {
        bool other = false;

        for (size_t k = 0; k < t->n && !other; k++) {
            const struct eg_tls_connection *c = t->of[k];

            other = c->sort == TLS_12 && c->pair >= 0 &&
                    !memcmp(c->pairs[c->pair].random[c->client], t->hello[i], TLS_RANDOM);
        }
        if (!other && only)
            return NULL;
        if (!other)
            only = t->hello[i];
    }
    return only;
}

/* Where no random is known: a connection of the capture that a secret opens. */
static bool find_flow(struct told *told, const struct eg_tls_connection *c)
{
    const struct eg_tls_capture *all = told->t->v->capture;

    for (size_t i = 0; all && told->t->budget && i < eg_tls_capture_flows(all); i++) {
        told->flow = eg_tls_capture_flow(all, i);
        if (told->flow && opens_any(told, c)) {
            told->random = eg_tls_flow_random(told->flow);
            told->how = "of the connection of the capture that it decrypts";
            return true;
        }
    }
    told->flow = NULL;
    return false;
}

static void find_random(struct told *told, const struct eg_tls_connection *c)
{
    const struct eg_tls_pair *p = NULL;
    int client;

    told->random = NULL;
    told->flow = NULL;
    for (size_t i = 0; i < c->n_pairs; i++) {
        told->flow = captured(told, &c->pairs[i], &client);
        // Of several, another connection's may be near too.
        if (told->flow && (c->sort == TLS_12 ? c->pair == (int)i : opens_any(told, c))) {
            told->how = "as the capture has it";
            told->random = c->pairs[i].random[client];
            return;
        }
        told->flow = NULL;
    }
    if (c->sort == TLS_12) {
        told->how = "the key block follows from it";
        told->random = c->pairs[c->pair].random[c->client];
        return;
    }
    if (find_flow(told, c))
        return;
    if (c->sort == TLS_13_GO) {
        told->how = "of the only ClientHello in memory that no other connection has";
        told->random = only_hello(told);
        return;
    }
    for (size_t i = 0; i < c->n_pairs; i++) {
        const struct eg_tls_pair *each = &c->pairs[i];

        if (hellos_match(told, c, each)) {
            told->how = "of the Hello messages from whose digest the secrets follow";
            told->random = each->random[each->client];
            return;
        }
        if (!p && each->client >= 0)
            p = each;
    }
    if (p) {
        told->how = "of a Hello message in the process's memory";
        told->random = p->random[p->client];
    } else if (c->n_pairs) {
        told->how = c->n_pairs > 1 ? "by its place, one of several" : "by its place";
        told->random = c->pairs[0].random[c->client_first ? 0 : 1];
    }
}

struct line {
    enum eg_tls_label of;
    const struct eg_tls_connection *c;
    const char *kind, *label, *proof;
    const uint8_t *secret;
    size_t len;
    uint64_t at;
    const struct eg_tls_used *used;
};

static void tell(struct told *told, const struct line *l)
{
    struct eg_run *r = told->t->v->r;
    const char *proof = l->proof;
    const uint8_t *random = told->random;
    const char *several = told->connections > 1
                              ? eg_strf(r, "; the process has %u connections", told->connections)
                              : "";
    struct eg_vault_key key = {
        .kind = l->kind,
        .name = told->name,
        .purpose = l->label,
        .algorithm = algorithm(r, l->used, l->c->hash),
        .at = l->at,
        .process = told->t->p,
        .secret = l->secret,
        .len = l->len,
        .proof = proof,
        .hints = random ? eg_strf(r, "client random %s, %s%s", hex(r, random, TLS_RANDOM),
                                  told->how, several)
                        : eg_strf(r, "its client random was not found: no line of the key log%s",
                                  several),
    };

    if (l->c->sort == TLS_12 ? told->flow && eg_tls_flow_opens_12(told->flow, l->c->hash, l->secret)
                             : opens(told, l->of, l->len, l->secret))
        key.proof = proof ? eg_strf(r, "%s; it decrypts a record of the capture", proof)
                          : "decrypts a record of the capture";
    if (eg_vault_add(told->t->v, &key) && random && told->t->v->exports)
        eg_vault_text(told->t->v, LOG,
                      eg_strf(r, "%s %s %s\n", l->label, hex(r, random, TLS_RANDOM),
                              hex(r, l->secret, l->len)),
                      LOG_IS);
}

static void tell_13(struct told *told, const struct eg_tls_connection *c)
{
    static const struct eg_tls_used none;

    for (int i = c->of.has_handshake ? 0 : TLS_CLIENT; i < TLS_LABELS; i++) {
        const int slot = c->of.slot[i];
        const int app = c->of.slot[i == TLS_SERVER ? TLS_SERVER : TLS_CLIENT];
        const bool used =
            (i == TLS_CLIENT || i == TLS_SERVER) && slot >= 0 && c->used[slot].key_len;
        const struct line l = {
            (enum eg_tls_label)i,
            c,
            "TLS 1.3",
            eg_tls_label_names[i],
            i < TLS_CLIENT ? "follows from the handshake secret, as a secret that is there does"
            : used         ? "follows from the master secret; its write key is in use"
                           : "follows from the master secret",
            c->of.secret[i],
            c->hash,
            slot < 0 ? 0 : c->at + TLS_SLOT * (uint64_t)slot,
            app >= 0 ? &c->used[app] : &none,
        };

        tell(told, &l);
    }
}

/* Where no digest is kept, two slots whose write keys are in use are the traffic secrets, the
 * client's first; those of the handshake are before them, the exporter's behind (GnuTLS). */
static void tell_slots(struct told *told, const struct eg_tls_connection *c)
{
    for (size_t i = 0; i + 1 < c->n; i++) {
        if (!c->used[i].key_len || !c->used[i + 1].key_len)
            continue;
        for (int k = 0; k < TLS_LABELS; k++) {
            const size_t slot = i + (size_t)k - TLS_CLIENT;
            const struct line l = {
                (enum eg_tls_label)k,
                c,
                "TLS 1.3",
                eg_tls_label_names[k],
                slot == i || slot == i + 1 ? "its write key is in use" : NULL,
                slot < c->n ? c->slots[slot] : NULL,
                c->hash,
                c->at + TLS_SLOT * (uint64_t)slot,
                &c->used[i],
            };

            if (slot < c->n)
                tell(told, &l);
        }
        return;
    }
}

/* Secrets of the handshake that are left in memory: only a record of the capture proves one. */
static void tell_loose(struct told *told, const struct eg_tls_connection *c)
{
    struct eg_tls *t = told->t;
    bool have[TLS_CLIENT] = { 0 };

    for (size_t i = 0; told->flow && i < t->loose.n && t->budget; i++) {
        uint8_t secret[TLS_HASH_MAX];

        eg_tls_read(t, t->loose.at[i], secret, c->hash);
        if (!eg_tls_is_random(secret + c->hash - TLS_RANDOM))
            continue;
        for (int k = 0; k < TLS_CLIENT; k++) {
            const struct line l = { (enum eg_tls_label)k,
                                    c,
                                    "TLS 1.3",
                                    eg_tls_label_names[k],
                                    NULL,
                                    secret,
                                    c->hash,
                                    t->loose.at[i],
                                    &c->used[k] };

            if (have[k] || !opens(told, l.of, c->hash, secret))
                continue;
            have[k] = memcmp(secret, c->slots[k], c->hash) != 0;
            if (have[k])
                tell(told, &l);
        }
        if (have[0] && have[1])
            return;
    }
}

static void tell_go(struct told *told, const struct eg_tls_connection *c)
{
    tell_loose(told, c);
    for (int i = TLS_CLIENT; i <= TLS_SERVER; i++) {
        const int k = i - TLS_CLIENT;
        const struct line l = {
            (enum eg_tls_label)i,
            c,
            "TLS 1.3",
            eg_tls_label_names[i],
            c->used[k].key_len ? "its initialization vector and its write key are in use"
                               : "its initialization vector is in use",
            c->slots[k],
            c->hash,
            c->secret[k],
            &c->used[k],
        };

        tell(told, &l);
    }
}

void eg_tls_tell(struct eg_tls *t)
{
    struct told told = { .t = t };
    bool any = false;

    for (size_t i = 0; i < t->n && !eg_stopped(t->v->r); i++) {
        const struct eg_tls_connection *c = t->of[i];
        const struct line l = {
            TLS_LABELS, c,          "TLS 1.2", "CLIENT_RANDOM", "its write keys are in use",
            c->master,  TLS_MASTER, c->at,     &c->used[0]
        };

        if (!any)
            find_name(&told);
        any = true;
        if (c->sort != TLS_12 || c->pair >= 0)
            find_random(&told, c);
        if (c->sort == TLS_13)
            tell_13(&told, c);
        else if (c->sort == TLS_13_SLOTS)
            tell_slots(&told, c);
        else if (c->sort == TLS_13_GO)
            tell_go(&told, c);
        else if (c->pair >= 0)
            tell(&told, &l);
    }
}
