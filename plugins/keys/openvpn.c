/* openvpn.c - keys of OpenVPN: of the data channel, and static ones.
 *
 *  Those of the data channel are computed from the secrets of TLS that tls.c has found, and looked
 * for in the process: as AES schedules, or where libcrypto's ChaCha20 has its key. Older versions
 * agree on keys in another way and wipe what they are made of; of these the structure that leads to
 * a cipher at work tells the key of an AEAD. Static keys are found as the texts of their files. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/fs/fdtable.h"
#include "../linux/net/sock.h"
#include "aes.h"
#include "fingerprint.h"
#include "lanes.h"
#include "ovpn.h"
#include "ovpn_own.h"
#include "vault.h"
#include <stdio.h>
#include <stdlib.h>

#define KIND "OpenVPN"

enum {
    IMPLICIT = 16,  // bytes of key_ctx.implicit_iv
    EVP_SIZE = 320, // of libcrypto's EVP_CIPHER_CTX
    STATE = 1024,   // of what it points to, in which a cipher's expanded key begins
    CONTEXTS_MAX = 1 << 12,
};

/* ---- rows ---- */

const char *eg_openvpn_name(struct eg_vault *v, const struct eg_key_process *p)
{
    struct eg_run *r = v->r;
    const char *name = NULL;
    struct eg_obj file;
    uint64_t fd;

    linux_each_fd(r, p->task, fd, file)
    {
        const struct eg_obj sock = linux_file_sock(r, file);
        struct linux_sock s;
        const char *text;

        if (sock.why || !linux_sock_read(r, sock, &s) || s.size != LINUX_SOCK_FULL ||
            (s.family_number != LINUX_AF_INET && s.family_number != LINUX_AF_INET6) ||
            s.state_number == LINUX_TCP_LISTEN)
            continue;
        text = linux_sock_text(r, sock);
        if (name)
            return NULL; // which one it is is not known
        name = text;
    }
    return name;
}

static const char *hex(struct eg_run *r, const void *bytes, size_t n)
{
    char *out = eg_tmp(r, 2 * n + 1);

    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
    return out;
}

void eg_openvpn_add(struct eg_vault *v, const struct eg_openvpn_key *k)
{
    struct eg_run *r = v->r;
    const struct eg_vault_key key = {
        .kind = KIND,
        .name = k->name,
        .purpose = k->purpose,
        .algorithm = k->algorithm,
        .at = k->at,
        .process = k->process,
        .secret = k->key,
        .len = k->len,
        .proof = k->proof,
        .hints = k->iv_len ? eg_strf(r, "implicit IV %s", hex(r, k->iv, k->iv_len)) : NULL,
    };

    if (eg_vault_add(v, &key) && v->exports)
        eg_vault_text(
            v, eg_strf(r, "openvpn/%lld.txt", (long long)k->process->pid),
            eg_strf(r, "%s\t%s\t%s\t%s\n", k->purpose, k->algorithm ? k->algorithm : "-",
                    hex(r, k->key, k->len), k->iv_len ? hex(r, k->iv, k->iv_len) : "-"),
            "keys of OpenVPN's data channel, for scripts: what it is for, algorithm, key, implicit "
            "IV of an AEAD (8 bytes: the nonce is the packet's number and it; 12: both XORed), tab "
            "between, - for none. No program is known that takes it");
}

/* ---- struct key_ctx ---- */

/* Two pointers, the implicit IV and how much of it there is: 8 bytes, or since 2.7 8 behind 4 that
 * are zero. An AEAD has no HMAC. @return the bytes of the IV; 0: it is none. */
static size_t is_context(const struct linux_user *u, const uint8_t *p)
{
    static const uint8_t zeros[IMPLICIT];
    const uint8_t *iv = p + (size_t)2 * u->ptr;
    const uint64_t len = linux_user_load(u, iv + IMPLICIT);
    const size_t skip = len == 12 ? 4 : 0;

    if ((len != 8 && len != 12) || linux_user_load(u, p + u->ptr) != 0 ||
        memcmp(iv, zeros, skip) != 0 || memcmp(iv + len, zeros, (size_t)(IMPLICIT - len)) != 0)
        return 0;
    // Half of it is zero once in 2^31.
    return memcmp(iv + skip, zeros, 4) != 0 && memcmp(iv + skip + 4, zeros, 4) != 0 ? (size_t)len
                                                                                    : 0;
}

static size_t context_size(const struct linux_user *u)
{
    return (size_t)3 * u->ptr + IMPLICIT;
}

static void look(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out)
{
    const unsigned ptr = p->user->ptr;
    const size_t last = context_size(p->user) - ptr;

    (void)v;
    for (size_t i = 0; i + last + ptr <= piece->len; i += ptr) {
        // the length's low byte is at one of its ends
        const uint8_t *len = piece->bytes + i + last + (p->user->big ? ptr - 1 : 0);

        if ((*len == 8 || *len == 12) && is_context(p->user, piece->bytes + i))
            linux_addresses_add(p->user, out, piece->at + i);
    }
}

/* It is there, and leads to something. */
static size_t context_at(const struct linux_user *u, uint64_t at, uint64_t *cipher, uint8_t *iv)
{
    uint8_t bytes[3 * 8 + IMPLICIT];
    size_t len;

    if (!eg_read(eg_view_of(u->run), u->space, at, bytes, context_size(u)))
        return 0;
    len = is_context(u, bytes);
    *cipher = linux_user_load(u, bytes);
    if (iv)
        memcpy(iv, bytes + (size_t)2 * u->ptr, IMPLICIT);
    return linux_user_range(u, *cipher) && *cipher % u->ptr == 0 ? len : 0;
}

/* ---- the cipher at work ---- */

struct schedule {
    const uint8_t *bytes;
    size_t at; // of the first one; SIZE_MAX: there is none
    size_t len;
    uint8_t key[AES_KEY_MAX];
};

static void first(void *context, size_t at, const struct eg_aes_schedule *s)
{
    struct schedule *f = context;

    if (at >= f->at || at > STATE || s->layout != AES_ENCRYPT)
        return;
    f->at = at;
    f->len = (size_t)4 * s->words;
    eg_aes_is_schedule(f->bytes + at, s, f->key);
}

/* EVP_CIPHER_CTX leads to the cipher's own state. */
static bool cipher_key(const struct linux_user *u, uint64_t evp, struct schedule *f, uint64_t *at)
{
    uint8_t words[EVP_SIZE], state[STATE + AES_SCHEDULE_MAX];

    if (!eg_read_some(eg_view_of(u->run), u->space, evp, words, sizeof words, NULL))
        return false;
    for (size_t i = 0; i < sizeof words; i += u->ptr) {
        const uint64_t to = linux_user_load(u, words + i);

        if (to % u->ptr || !linux_user_range(u, to) ||
            !eg_read_some(eg_view_of(u->run), u->space, to, state, sizeof state, NULL))
            continue;
        *f = (struct schedule){ .bytes = state, .at = SIZE_MAX };
        eg_aes_find(state, sizeof state, first, f);
        *at = to + f->at;
        if (f->at != SIZE_MAX)
            return true;
    }
    return false;
}

/* Of struct key_ctx_bi the first one is that of what is sent. @return the second's distance. */
static uint64_t second(const struct linux_user *u, uint64_t at, uint64_t first_cipher)
{
    const uint64_t size = context_size(u), padded = (size + 7) & ~UINT64_C(7);
    const uint64_t sizes[] = { size, padded + 8, padded + 16, padded + 24 };
    uint64_t cipher;

    for (size_t i = 0; i < countof(sizes); i++)
        if (context_at(u, at + sizes[i], &cipher, NULL) && cipher != first_cipher)
            return sizes[i];
    return 0;
}

static void add_context(struct eg_vault *v, const struct eg_key_process *p, uint64_t at, bool sent)
{
    const struct linux_user *u = p->user;
    struct schedule f;
    uint8_t iv[IMPLICIT];
    uint64_t cipher, place;
    const size_t n = context_at(u, at, &cipher, iv);
    const size_t skip = n == 12 ? 4 : 0;

    if (!n || !cipher_key(u, cipher, &f, &place) || eg_vault_knows(v, f.key, f.len))
        return;
    eg_openvpn_add(v, &(struct eg_openvpn_key){
                          .process = p,
                          .name = eg_openvpn_name(v, p),
                          .purpose = sent ? "data channel, sent" : "data channel, received",
                          .algorithm = eg_strf(v->r, "AES-%zu-GCM", 8 * f.len),
                          .at = place,
                          .key = f.key,
                          .len = f.len,
                          .iv = iv + skip,
                          .iv_len = n - skip,
                          .proof = "the cipher at work has its AES schedule",
                      });
}

static void prove(struct eg_vault *v, const struct eg_key_process *p, uint64_t at)
{
    size_t *n = *p->notes;
    uint64_t cipher, next;

    if (!context_at(p->user, at, &cipher, NULL) || !(next = second(p->user, at, cipher)))
        return;
    if (!n)
        *p->notes = n = eg_tmp(v->r, sizeof *n);
    if (*n == CONTEXTS_MAX)
        eg_note(v->r,
                "process %lld: more than %d pairs of OpenVPN's ciphers: the others are left "
                "out",
                (long long)p->pid, CONTEXTS_MAX);
    if ((*n)++ >= CONTEXTS_MAX)
        return;
    add_context(v, p, at, true);
    add_context(v, p, at + next, false);
}

/* ---- static keys ---- */

enum { BEHIND_BEGIN = 11 }; // of "-----BEGIN "

LANES_WIDE static void may_be_title(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++)
        m[i] = (p[i] == 'O') & (p[i + 1] == 'p') & (p[i + 2] == 'e') & (p[i + 3] == 'n');
}

static void try_title(const struct eg_window *w, size_t at, struct eg_hits *out, uint32_t id)
{
    const size_t begin = at - BEHIND_BEGIN;
    struct eg_ovpn_file f;

    if (at >= w->from + BEHIND_BEGIN && begin < w->to &&
        eg_ovpn_file(w->bytes + begin, w->len - begin, &f))
        eg_hit_add(out, w->addr + begin, (uint32_t)f.text, id);
}

static void search(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const size_t end = EG_MIN(w->to + BEHIND_BEGIN, w->len);
    size_t at = w->from, i;
    uint8_t m[LANES];

    for (; at < end && at + LANES + 3 <= w->len; at += LANES) {
        may_be_title(w->bytes + at, m);
        lanes_each(i, m) try_title(w, at + i, out, id);
    }
    for (; at + 3 < w->len && at < end; at++) // all that a file begins with is checked again
        try_title(w, at, out, id);
}

static void hit(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    static const struct {
        const char *purpose, *algorithm, *what;
    } sorts[] = {
        [OVPN_STATIC] = { "static key", NULL,
                          "static key of OpenVPN, by its configuration: openvpn --tls-crypt FILE; "
                          "--tls-auth FILE; --secret FILE" },
        [OVPN_V2_SERVER] = { "tls-crypt-v2 server key", "AES-256-CTR, HMAC-SHA256",
                             "openvpn --tls-crypt-v2 FILE, at the server" },
        [OVPN_V2_CLIENT] = { "tls-crypt-v2 client key", "AES-256-CTR, HMAC-SHA256",
                             "openvpn --tls-crypt-v2 FILE, at the client" },
    };
    struct eg_run *r = v->r;
    uint8_t bytes[OVPN_FILE_MAX + 1];
    struct eg_ovpn_file f;
    struct eg_vault_key key = { .kind = KIND, .proof = "form" };

    (void)tag;
    if (h->len > OVPN_FILE_MAX || !eg_read(eg_view_of(r), region->space, h->addr, bytes, h->len) ||
        !eg_ovpn_file(bytes, h->len, &f) || eg_vault_knows(v, f.key, f.len))
        return;
    key.purpose = sorts[f.sort].purpose;
    key.algorithm = sorts[f.sort].algorithm;
    key.secret = f.key;
    key.len = f.len;
    key.hints = eg_vault_owner(v, region, h);
    eg_translate(eg_view_of(r), region->space, h->addr, eg_physical(r), &key.physical);
    if (!eg_vault_add(v, &key))
        return;
    bytes[f.text] = '\n';
    eg_vault_file(v, eg_strf(r, "openvpn/%s.key", eg_key_fingerprint(r, f.key, f.len)), bytes,
                  f.text + 1, sorts[f.sort].what);
}

// Behind "tls", in the order of names: what follows from its secrets is not told twice.
EG_KEY_SOURCE(vpn) = { .look = look, .prove = prove, .search = search, .hit = hit };
