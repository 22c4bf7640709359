/* gpg.c - private keys of GnuPG's agent, in its memory and in the page cache, and the passphrases
 * that it keeps. */
#include "../../core/run.h"
#include "../../core/scan.h"
#include "../../core/space.h"
#include "../linux/text.h"
#include "aes.h"
#include "config.h"
#include "fingerprint.h"
#include "gpgkey.h"
#include "lanes.h"
#include "vault.h"
#include <stdio.h>

/* ---- keys: a search of all memory ---- */

/* Four bytes that each form has, and how far behind its beginning they are. */
static const uint8_t behind[] = { 6, 9, 16, 19 };
enum { BEHIND_MAX = 19 };

static void try_at(const struct eg_window *w, size_t at, struct eg_hits *out, uint32_t id)
{
    struct eg_gpg_key key;

    for (size_t i = 0; i < countof(behind); i++) {
        const size_t from = at - behind[i];

        if (behind[i] <= at && eg_gpg_begins(w->bytes + from, w->len - from) > behind[i] &&
            eg_gpg_read(w->bytes + from, w->len - from, &key))
            eg_hit_add(out, w->addr + from, (uint32_t)key.size, id);
    }
}

LANES_WIDE static void may_be_form(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++)
        m[i] = (p[i] == 't') & (p[i + 1] == 'e') & (p[i + 2] == '-') & (p[i + 3] == 'k');
}

static void search_gpg(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const size_t end = EG_MIN(w->len, w->to + BEHIND_MAX + 1);
    size_t at = w->from, i;
    uint8_t m[LANES];

    for (; at < end && at + LANES + 3 <= w->len; at += LANES) {
        may_be_form(w->bytes + at, m);
        lanes_each(i, m) try_at(w, at + i, out, id);
    }
    for (; at < end; at++) // all that a key begins with is checked again
        try_at(w, at, out, id);
}

/* As the agent's folder private-keys-v1.d has it: an expression in canonical form alone, or text
 * with a name before it. */
static void export(struct eg_vault *v, const struct eg_gpg_key *key, const uint8_t *bytes,
                   const char *name)
{
    const bool text = bytes[1] == 'p';
    const char *path = eg_strf(v->r, "gpg/%s.key", name);

    if (text)
        eg_vault_text(v, path, "Key: ", NULL);
    eg_vault_file(v, path, bytes, key->size,
                  key->protected ? "private key of GnuPG, with a passphrase: for private-keys-v1.d"
                                 : "private key of GnuPG: for ~/.gnupg/private-keys-v1.d");
    if (text)
        eg_vault_text(v, path, "\n", NULL);
}

/* Keys that the library has in itself (cipher/rsa.c), wherever its file is in memory. */
static const char *known_as(const char *grip)
{
    return !strcmp(grip, "E008989BB644A29A833747DD6955DB3AAC896E40")
               ? "libgcrypt tests itself with it: nobody's"
               : NULL;
}

static void hit(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    uint8_t bytes[KEY_MAX];
    struct eg_gpg_key key;
    struct eg_privkey read;
    char grip[EG_KEYGRIP];
    const char *known;
    bool named, good;
    uint64_t at = 0;

    (void)tag;
    if (h->len > sizeof bytes ||
        !eg_read(eg_view_of(v->r), region->space, h->addr, bytes, h->len) ||
        !eg_gpg_read(bytes, h->len, &key))
        return;
    named = eg_gpg_grip(&key, grip);
    known = named ? known_as(grip) : NULL;
    if (key.protected) {
        if (named && !eg_vault_has_file(v, eg_strf(v->r, "gpg/%s.key", grip)))
            export(v, &key, bytes, grip);
        return;
    }
    if (!eg_vault_may(v, EG_WORK_GPG))
        return;
    good = eg_gpg_prove(&key, &read);
    eg_vault_worked(v, EG_WORK_GPG, read.work);
    if (!good || eg_vault_knows(v, read.der, read.der_len))
        return;
    eg_translate(eg_view_of(v->r), region->space, h->addr, eg_physical(v->r), &at);
    if (eg_vault_add(v,
                     &(struct eg_vault_key){
                         .kind = "gpg key",
                         .purpose = named ? eg_strf(v->r, "keygrip %s", grip) : NULL,
                         .algorithm = read.algorithm,
                         .physical = at,
                         .secret = read.der,
                         .len = read.der_len,
                         .proof = read.proof,
                         .hints = linux_hints(v->r, known, eg_vault_owner(v, region, h)),
                     }) &&
        !known)
        export(v, &key, bytes, named ? grip : eg_key_fingerprint(v->r, read.der, read.der_len));
}

/* ---- passphrases: agent/cache.c ---- */

/* struct cache_item_s of a 64-bit agent, in words: next, created, accessed, ttl, pw; the numbers
 * cache_mode and restricted; in 2.5 a timer of two words; and the key's name. */
enum { NEXT, CREATED, ACCESSED, TTL, PW, NUMBERS, WORDS };
enum {
    MODE_MAX = 7,
    TIME_MIN = 1 << 30, // 2004
    WRAPPED_MAX = 512,  // bytes of a passphrase, padded
    BLOCK = 32,         // to such
    AES_KEYS = 64,
    ITEMS_MAX = 256,
    PART = 1 << 16,
    NAME_MAX = 256,
    AES_WORDS = 4, // AES-128
};

static bool is_pointer(uint64_t w)
{
    return w >= 4096 && w % 8 == 0 && w >> 56 == 0;
}

static bool is_time(uint64_t w)
{
    return w >= TIME_MIN && w >> 33 == 0;
}

static bool fits(unsigned word, uint64_t w)
{
    switch (word) {
    case NEXT:
        return !w || is_pointer(w);
    case CREATED:
    case ACCESSED:
        return is_time(w);
    case TTL:
        return (uint32_t)w == UINT32_MAX || (uint32_t)w >> 31 == 0;
    case PW:
        return is_pointer(w);
    default:
        return (uint32_t)w <= MODE_MAX;
    }
}

static bool may_be(const struct linux_user *u, const uint8_t *p, size_t n)
{
    // a time is what the least words are
    if (n > CREATED && !is_time(linux_user_load(u, p + 8 * CREATED)))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!fits(i, linux_user_load(u, p + 8 * i)))
            return false;
    return true;
}

static void look(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out)
{
    struct linux_user *u = p->user;

    (void)v;
    for (size_t i = 0; u->ptr == 8 && i + 8 <= piece->len; i += 8)
        if (may_be(u, piece->bytes + i, EG_MIN((piece->len - i) / 8, (size_t)WORDS)))
            linux_addresses_add(u, out, piece->at + i);
}

struct notes {
    uint8_t aes[AES_KEYS][16]; // keys that the process has expanded
    size_t n_aes, items;
};

struct expanding {
    struct notes *notes;
    const uint8_t *bytes;
};

static void keep_aes(void *context, size_t at, const struct eg_aes_schedule *s)
{
    struct expanding *e = context;
    uint8_t key[AES_KEY_MAX];

    if (s->words != AES_WORDS || e->notes->n_aes == AES_KEYS ||
        !eg_aes_is_schedule(e->bytes + at, s, key))
        return;
    for (size_t i = 0; i < e->notes->n_aes; i++)
        if (!memcmp(e->notes->aes[i], key, 16))
            return;
    memcpy(e->notes->aes[e->notes->n_aes++], key, 16);
}

/* All of the process is searched once, when the first item is found. */
static struct notes *take_notes(struct eg_vault *v, const struct eg_key_process *p)
{
    struct notes *n = *p->notes;
    struct linux_user_piece piece = { 0 };
    uint8_t *bytes;

    if (n)
        return n;
    *p->notes = n = eg_tmp(v->r, sizeof *n);
    bytes = eg_tmp(v->r, PART + AES_SCHEDULE_MAX);
    while (linux_user_next(p->user, false, &piece))
        for (size_t at = 0; at < piece.len; at += PART) {
            const size_t len = EG_MIN(piece.len - at, (size_t)PART) + AES_SCHEDULE_MAX;
            struct expanding e = { n, bytes };

            if (eg_read_some(eg_view_of(v->r), p->user->space, piece.at + at, bytes, len, NULL))
                eg_aes_find(bytes, len, keep_aes, &e);
        }
    return n;
}

static const char *name_at(struct eg_vault *v, const struct linux_user *u, uint64_t at)
{
    static const uint8_t places[] = { 48, 64 };

    for (size_t i = 0; i < countof(places); i++) {
        const char *s = eg_cstr(v->r, u->space, at + places[i], NAME_MAX);
        size_t n = 0;

        while (s && s[n] > ' ' && s[n] <= '~')
            n++;
        if (s && n >= 4 && !s[n])
            return s;
    }
    return NULL;
}

#ifdef HAVE_SHA256
#include <openssl/err.h>
#include <openssl/evp.h>

/* RFC 3394: what is unwrapped proves itself by 8 bytes that are always the same. */
static bool unwrap(const uint8_t key[16], const uint8_t *wrapped, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int done = 0;
    bool good;

    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    good = c && EVP_DecryptInit_ex(c, EVP_aes_128_wrap(), NULL, key, NULL) &&
           EVP_DecryptUpdate(c, out, &done, wrapped, (int)len) > 0 && (size_t)done == len - 8;
    EVP_CIPHER_CTX_free(c);
    ERR_clear_error();
    return good;
}
#else
static bool unwrap(const uint8_t key[16], const uint8_t *wrapped, size_t len, uint8_t *out)
{
    (void)key, (void)wrapped, (void)len, (void)out;
    return false;
}
#endif

static void add_passphrase(struct eg_vault *v, const struct eg_key_process *p, uint64_t at,
                           const char *name, const uint8_t *text)
{
    const size_t len = strnlen((const char *)text, WRAPPED_MAX - 8);

    if (eg_vault_add(
            v,
            &(struct eg_vault_key){
                .kind = "gpg passphrase",
                .name = name,
                .purpose = strlen(name) == EG_KEYGRIP - 1 ? "of the key with this keygrip" : NULL,
                .at = at,
                .process = p,
                .secret = text,
                .len = len,
                .proof = "AES key wrap opened",
            }))
        eg_vault_text(v, "gpg/passphrases.txt",
                      eg_strf(v->r, "%s %.*s\n", name, (int)len, (const char *)text),
                      "keygrips and passphrases that gpg-agent keeps: gpg --pinentry-mode loopback "
                      "--passphrase …");
}

static void prove(struct eg_vault *v, const struct eg_key_process *p, uint64_t at)
{
    struct linux_user *u = p->user;
    uint8_t words[8 * WORDS], wrapped[WRAPPED_MAX], text[WRAPPED_MAX];
    uint64_t pw;
    uint32_t len;
    struct notes *n;
    const char *name;

    if (!eg_read(eg_view_of(v->r), u->space, at, words, sizeof words) || !may_be(u, words, WORDS))
        return;
    pw = linux_user_load(u, words + 8 * PW);
    if (!linux_user_range(u, pw) || !linux_user_u32(u, pw, &len) || !len || len % BLOCK ||
        len > WRAPPED_MAX || !eg_read(eg_view_of(v->r), u->space, pw + 4, wrapped, len))
        return;
    n = take_notes(v, p);
    if (++n->items == ITEMS_MAX + 1)
        eg_note(v->r, "process %lld: more than %d passphrases: the others are left out",
                (long long)p->pid, ITEMS_MAX);
    if (n->items > ITEMS_MAX || !(name = name_at(v, u, at)))
        return;
    for (size_t i = 0; i < n->n_aes; i++)
        if (unwrap(n->aes[i], wrapped, len, text)) {
            text[len - 8] = 0;
            add_passphrase(v, p, pw + 4, name, text);
            return;
        }
}

EG_KEY_SOURCE(gpg) = { .look = look, .prove = prove, .search = search_gpg, .hit = hit };
