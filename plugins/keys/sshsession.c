/* sshsession.c - keys of live SSH sessions, in the memory of OpenSSH's ssh and sshd. The structures
 * are those of packet.c, kex.h, mac.h and cipher.c; they have been the same since 6.8 (2015). */
#include "../../core/json.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/fs/fdtable.h"
#include "../linux/net/sock.h"
#include "aes.h"
#include "hmac.h"
#include "vault.h"
#include <stdio.h>
#include <stdlib.h>

enum { IN, OUT, WAYS }; // enum kex_modes
enum {
    NAME_MAX = 64,       // bytes of the name of a cipher or a MAC, with its 0
    SECRET_MAX = 64,     // of a key
    CONTEXT_BEFORE = 96, // words of struct session_state before its member newkeys, at most
    CONTEXT_SIZE = 512,  // bytes of struct sshcipher_ctx, at most
    EVP_SIZE = 320,      // of libcrypto's EVP_CIPHER_CTX
    STATE_SIZE = 4096,   // of what it points to, in which a cipher has its expanded key
    SESSIONS_MAX = 256,  // of one process
};

static const struct {
    const char *name;
    uint32_t key_len, iv_len, block;
} ciphers[] = {
    { "chacha20-poly1305@openssh.com", 64, 0, 8 },
    { "aes128-gcm@openssh.com", 16, 12, 16 },
    { "aes256-gcm@openssh.com", 32, 12, 16 },
    { "aes128-ctr", 16, 16, 16 },
    { "aes192-ctr", 24, 16, 16 },
    { "aes256-ctr", 32, 16, 16 },
    { "aes128-cbc", 16, 16, 16 },
    { "aes192-cbc", 24, 16, 16 },
    { "aes256-cbc", 32, 16, 16 },
    { "3des-cbc", 24, 8, 8 },
};

/* struct newkeys of one direction, and the numbers of packet_state. */
struct way {
    uint64_t at, cipher; // addresses of the sshenc and of its sshcipher
    char name[NAME_MAX], mac_name[NAME_MAX];
    uint64_t key_at, mac_key_at, hmac_at; // hmac_at: of a pointer
    uint32_t key_len, iv_len, block, mac_key_len, mac_len, etm, compression;
    uint8_t key[SECRET_MAX], iv[16], mac_key[SECRET_MAX];
    uint32_t seqnr, packets;
    uint64_t blocks, bytes;
    const char *proof;
};
struct session {
    const struct eg_key_process *p;
    uint64_t at; // of session_state.newkeys
    struct way of[WAYS];
    uint64_t context[WAYS]; // the ciphers at work, struct sshcipher_ctx; 0: not found
    uint64_t fd;            // UINT64_MAX: not known
};

/* ---- reading ---- */

static bool bytes_at(const struct linux_user *u, uint64_t at, void *out, size_t len)
{
    return eg_read(eg_view_of(u->run), u->space, at, out, len);
}

/* A text of printable characters without blanks. */
static bool name_at(const struct linux_user *u, uint64_t at, char out[NAME_MAX])
{
    const char *end;

    // behind what can be read are zeros
    if (!at || !eg_read_some(eg_view_of(u->run), u->space, at, out, NAME_MAX, NULL) ||
        !(end = memchr(out, 0, NAME_MAX)) || end == out)
        return false;
    for (const char *c = out; c < end; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

static bool pointer_to(const struct linux_user *u, uint64_t at, uint64_t *out)
{
    return linux_user_word(u, at, out) && linux_user_range(u, *out);
}

/* ---- struct packet_state, which follows the two pointers ---- */

enum { PACKET_STATE = 24 };

static uint64_t number(const struct linux_user *u, const uint8_t *p, unsigned size)
{
    return eg_load_(p, size, u->big);
}

/* Packets have been read and written: KEXINIT at least. Bytes are counted on when keys change,
 * packets and blocks begin again; a block has 8 bytes or more. */
static bool is_packet_state(const struct linux_user *u, const uint8_t *p)
{
    const uint64_t blocks = number(u, p + 8, 8), bytes = number(u, p + 16, 8);

    return bytes >= 8 && bytes >> 56 == 0 && blocks <= bytes / 8 &&
           number(u, p + 4, 4) <= bytes / 8;
}

static bool is_pointer(const struct linux_user *u, uint64_t w)
{
    return w >= 4096 && w % u->ptr == 0 && (u->ptr == 4 || w >> 56 == 0);
}

static size_t state_size(const struct linux_user *u)
{
    return 2 * u->ptr + 2 * PACKET_STATE;
}

static bool may_be(const struct linux_user *u, const uint8_t *p)
{
    return is_packet_state(u, p + 2 * u->ptr) &&
           is_packet_state(u, p + 2 * u->ptr + PACKET_STATE) &&
           is_pointer(u, linux_user_load(u, p)) && is_pointer(u, linux_user_load(u, p + u->ptr)) &&
           linux_user_load(u, p) != linux_user_load(u, p + u->ptr);
}

static void look(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out)
{
    struct linux_user *u = p->user;
    const size_t size = state_size(u);
    size_t i = 0;

    (void)v;
    for (; i + size <= piece->len; i += u->ptr)
        if (may_be(u, piece->bytes + i))
            linux_addresses_add(u, out, piece->at + i);
    for (; i + u->ptr <= piece->len; i += u->ptr) // the rest is in another piece
        if (is_pointer(u, linux_user_load(u, piece->bytes + i)))
            linux_addresses_add(u, out, piece->at + i);
}

/* ---- struct newkeys ---- */

static bool is_known(const struct way *w)
{
    for (size_t i = 0; i < countof(ciphers); i++)
        if (!strcmp(ciphers[i].name, w->name))
            return w->key_len == ciphers[i].key_len && w->iv_len == ciphers[i].iv_len &&
                   w->block == ciphers[i].block;
    return false;
}

/* Does the cipher that the keys are for say the same of itself? It is of the program's own data. */
static bool is_cipher(const struct linux_user *u, const struct way *w)
{
    char name[NAME_MAX];
    uint32_t block, key_len;
    uint64_t text;

    return linux_user_word(u, w->cipher, &text) && name_at(u, text, name) &&
           !strcmp(name, w->name) && linux_user_u32(u, w->cipher + u->ptr, &block) &&
           linux_user_u32(u, w->cipher + u->ptr + 4, &key_len) && block == w->block &&
           key_len == w->key_len;
}

static bool read_enc(const struct linux_user *u, uint64_t at, struct way *w)
{
    const uint64_t numbers = at + 2 * u->ptr, pointers = numbers + 16;
    uint64_t text, iv;

    w->at = at;
    return pointer_to(u, at, &text) && linux_user_word(u, at + u->ptr, &w->cipher) &&
           linux_user_u32(u, numbers + 4, &w->key_len) &&
           linux_user_u32(u, numbers + 8, &w->iv_len) &&
           linux_user_u32(u, numbers + 12, &w->block) && w->key_len <= SECRET_MAX &&
           w->iv_len <= sizeof w->iv && name_at(u, text, w->name) && is_known(w) &&
           is_cipher(u, w) && pointer_to(u, pointers, &w->key_at) &&
           bytes_at(u, w->key_at, w->key, w->key_len) &&
           (!w->iv_len ||
            (pointer_to(u, pointers + u->ptr, &iv) && bytes_at(u, iv, w->iv, w->iv_len)));
}

/* Ciphers that authenticate have none. */
static void read_mac(const struct linux_user *u, uint64_t at, struct way *w)
{
    uint64_t text;

    w->hmac_at = at + (u->ptr == 8 ? 40 : 28);
    if (linux_user_word(u, at, &text) && text && name_at(u, text, w->mac_name) &&
        linux_user_u32(u, at + u->ptr + 4, &w->mac_len) &&
        pointer_to(u, at + u->ptr + 8, &w->mac_key_at) &&
        linux_user_u32(u, at + 2 * u->ptr + 8, &w->mac_key_len) && w->mac_key_len >= 8 &&
        w->mac_key_len <= SECRET_MAX && w->mac_len >= 8 && w->mac_len <= SECRET_MAX &&
        linux_user_u32(u, at + 2 * u->ptr + 16, &w->etm) &&
        bytes_at(u, w->mac_key_at, w->mac_key, w->mac_key_len))
        return;
    w->mac_name[0] = 0;
    w->mac_key_len = 0;
}

static bool read_newkeys(const struct linux_user *u, uint64_t at, struct way *w)
{
    const uint64_t mac = at + 4 * u->ptr + 16;
    const uint64_t comp = mac + (u->ptr == 8 ? 56 : 36);

    if (!read_enc(u, at, w))
        return false;
    read_mac(u, mac, w);
    linux_user_u32(u, comp, &w->compression);
    return true;
}

/* ---- the ciphers at work ---- */

/* struct sshcipher_ctx begins with: plaintext, encrypt, EVP_CIPHER_CTX *, chachapoly_ctx *; where
 * in it the sshcipher is depends on how it was built. */
static bool is_context(const struct linux_user *u, uint64_t at, unsigned way, uint64_t cipher)
{
    uint8_t bytes[CONTEXT_SIZE];

    if (!eg_read_some(eg_view_of(u->run), u->space, at, bytes, sizeof bytes, NULL) ||
        number(u, bytes, 4) != 0 || number(u, bytes + 4, 4) != way)
        return false;
    for (size_t i = 8; i + u->ptr <= sizeof bytes; i += u->ptr)
        if (linux_user_load(u, bytes + i) == cipher)
            return true;
    return false;
}

/* session_state begins with three numbers, of which the first is a descriptor; receive_context,
 * send_context. */
static void find_contexts(struct session *s)
{
    const struct linux_user *u = s->p->user;
    const uint64_t numbers = u->ptr == 8 ? 16 : 12;
    uint64_t receive, send;
    uint32_t fd;

    s->fd = UINT64_MAX;
    for (uint64_t n = 2; n < CONTEXT_BEFORE && s->at > (n + 8) * u->ptr; n++) {
        const uint64_t at = s->at - n * u->ptr;

        if (pointer_to(u, at, &receive) && pointer_to(u, at + u->ptr, &send) &&
            is_context(u, receive, IN, s->of[IN].cipher) &&
            is_context(u, send, OUT, s->of[OUT].cipher)) {
            s->context[IN] = receive;
            s->context[OUT] = send;
            if (linux_user_u32(u, at - numbers, &fd))
                s->fd = fd;
            return;
        }
    }
}

struct wanted {
    const struct linux_user *u;
    const struct way *w;
    const uint8_t *bytes;
    bool found;
};

static void is_wanted(void *context, size_t at, const struct eg_aes_schedule *schedule)
{
    struct wanted *want = context;
    uint8_t key[AES_KEY_MAX];

    want->found |= 4 * (uint32_t)schedule->words == want->w->key_len &&
                   eg_aes_is_schedule(want->bytes + at, schedule, key) &&
                   !memcmp(key, want->w->key, want->w->key_len);
}

/* The bytes at @at, in which the key itself does not count where it is kept. */
static bool state_has(const struct linux_user *u, const struct way *w, uint64_t at,
                      const uint8_t *key, size_t len)
{
    uint8_t bytes[STATE_SIZE];
    struct wanted want = { u, w, bytes, false };
    const uint8_t *p = bytes;

    if (!eg_read_some(eg_view_of(u->run), u->space, at, bytes, sizeof bytes, NULL))
        return false;
    if (!key) {
        eg_aes_find(bytes, sizeof bytes, is_wanted, &want);
        return want.found;
    }
    while ((p = memmem(p, (size_t)(bytes + sizeof bytes - p), key, len))) {
        const uint64_t place = at + (uint64_t)(p - bytes);

        if (place < w->key_at || place >= w->key_at + w->key_len)
            return true;
        p++;
    }
    return false;
}

/* Does an EVP_CIPHER_CTX or an EVP_MD_CTX lead to a state with the key? @key NULL: with the AES
 * schedule of it. */
static bool evp_has(const struct linux_user *u, const struct way *w, uint64_t at,
                    const uint8_t *key, size_t len)
{
    uint64_t to;

    for (uint64_t i = 0; i < EVP_SIZE; i += u->ptr)
        if (pointer_to(u, at + i, &to) && state_has(u, w, to, key, len))
            return true;
    return false;
}

static const char *prove_way(const struct session *s, unsigned way)
{
    const struct linux_user *u = s->p->user;
    const struct way *w = &s->of[way];
    const uint64_t evp_at = s->context[way] + 8, poly_at = evp_at + u->ptr;
    uint64_t evp, poly, main, header;

    if (!s->context[way])
        return NULL;
    if (!strncmp(w->name, "aes", 3))
        return pointer_to(u, evp_at, &evp) && evp_has(u, w, evp, NULL, 0)
                   ? "the cipher at work has its AES schedule"
                   : NULL;
    if (strncmp(w->name, "chacha20", 8) != 0 || !pointer_to(u, poly_at, &poly))
        return NULL;
    // struct chachapoly_ctx: two of libcrypto, or the two states themselves
    if ((pointer_to(u, poly, &main) && pointer_to(u, poly + u->ptr, &header) &&
         evp_has(u, w, main, w->key, 32) && evp_has(u, w, header, w->key + 32, 32)) ||
        (state_has(u, w, poly, w->key, 32) && state_has(u, w, poly, w->key + 32, 32)))
        return "the cipher at work has it in its state";
    return NULL;
}

/* The hash that a MAC's name says, whatever follows: how much of it is sent, and when. */
static const char *hash_of(const char *mac)
{
    static const struct {
        const char *begin, *hash;
    } names[] = { { "hmac-md5", "md5" },
                  { "hmac-sha1", "sha1" },
                  { "hmac-sha2-256", "sha256" },
                  { "hmac-sha2-512", "sha512" } };

    for (size_t i = 0; i < countof(names); i++)
        if (!strncmp(mac, names[i].begin, strlen(names[i].begin)))
            return names[i].hash;
    return "";
}

/* struct ssh_hmac_ctx: a number, ictx; struct ssh_digest_ctx: a number, EVP_MD_CTX. */
static const char *prove_mac(const struct session *s, unsigned way)
{
    const struct linux_user *u = s->p->user;
    const struct way *w = &s->of[way];
    struct eg_hmac_states state;
    uint64_t hmac, inner, md;

    return eg_hmac_states(hash_of(w->mac_name), w->mac_key, w->mac_key_len, u->big, &state) &&
                   pointer_to(u, w->hmac_at, &hmac) && pointer_to(u, hmac + u->ptr, &inner) &&
                   pointer_to(u, inner + u->ptr, &md) && evp_has(u, w, md, state.inner, state.n)
               ? "the HMAC at work has its state"
               : NULL;
}

/* ---- the session ---- */

static const char *name_of(struct eg_vault *v, const struct session *s)
{
    struct eg_obj file, sock;
    uint64_t fd;

    if (s->fd == UINT64_MAX)
        return NULL;
    linux_each_fd(v->r, s->p->task, fd, file)
    {
        if (fd != s->fd)
            continue;
        sock = linux_file_sock(v->r, file);
        return sock.why ? NULL : linux_sock_text(v->r, sock);
    }
    return NULL;
}

static void put_hex(FILE *f, const char *name, const uint8_t *bytes, size_t len)
{
    fprintf(f, ",\"%s\":\"", name);
    for (size_t i = 0; i < len; i++)
        fprintf(f, "%02x", bytes[i]);
    fputc('"', f);
}

/* The first five members are those that fox-it's OpenSSH-Network-Parser reads. The IV is that of
 * the packet with iv_sequence: the first with these keys; in the server the first behind the
 * authentication, when a process hands them to another one. */
static void export(struct eg_vault *v, const struct session *s, unsigned way, const char *name)
{
    const struct way *w = &s->of[way];
    char *text = NULL;
    size_t size = 0;
    FILE *f = v->exports ? open_memstream(&text, &size) : NULL;

    if (!f)
        return;
    fputs("{\"task_name\":", f);
    eg_json_string(f, s->p->comm);
    fprintf(f, ",\"sshenc_addr\":%llu,\"cipher_name\":\"%s\"", (unsigned long long)w->at, w->name);
    put_hex(f, "key", w->key, w->key_len);
    put_hex(f, "iv", w->iv, w->iv_len);
    fprintf(f, ",\"task_pid\":%lld,\"socket\":", (long long)s->p->pid);
    eg_json_string(f, name);
    fprintf(f, ",\"direction\":\"%s\",\"mac_name\":", way == IN ? "in" : "out");
    eg_json_string(f, *w->mac_name ? w->mac_name : NULL);
    put_hex(f, "mac_key", w->mac_key, w->mac_key_len);
    fprintf(f,
            ",\"mac_bytes\":%u,\"encrypt_then_mac\":%s,\"compression\":%u,\"iv_sequence\":%u,"
            "\"next_sequence\":%u,\"blocks\":%llu,\"bytes\":%llu}\n",
            w->mac_key_len ? w->mac_len : 0, w->mac_key_len && w->etm ? "true" : "false",
            w->compression, w->seqnr - w->packets, w->seqnr, (unsigned long long)w->blocks,
            (unsigned long long)w->bytes);
    if (!fclose(f))
        eg_vault_file(v, "ssh/sessions.jsonl", text, size,
                      "keys of SSH sessions, a line for each direction; iv is that of the packet "
                      "number iv_sequence: network-parser --proto ssh --popt keyfile=FILE "
                      "-p CAPTURE");
    free(text);
}

static void add(struct eg_vault *v, const struct session *s, unsigned way, const char *name)
{
    const struct way *w = &s->of[way];
    struct eg_vault_key key = {
        .kind = "ssh session",
        .name = name,
        .purpose = way == IN ? "cipher key, received" : "cipher key, sent",
        .algorithm = w->name,
        .at = w->key_at,
        .process = s->p,
        .secret = w->key,
        .len = w->key_len,
        .proof = w->proof,
        .hints = eg_strf(v->r, "%u packets with it", w->packets),
    };

    if (eg_vault_add(v, &key))
        export(v, s, way, name);
    if (!w->mac_key_len)
        return;
    key.purpose = way == IN ? "MAC key, received" : "MAC key, sent";
    key.algorithm = w->mac_name;
    key.at = w->mac_key_at;
    key.secret = w->mac_key;
    key.len = w->mac_key_len;
    key.proof = prove_mac(s, way);
    key.hints = w->proof && !key.proof ? "belongs to a cipher key that is proven" : NULL;
    eg_vault_add(v, &key);
}

static void read_state(const struct linux_user *u, const uint8_t *p, struct way *w)
{
    w->seqnr = (uint32_t)number(u, p, 4);
    w->packets = (uint32_t)number(u, p + 4, 4);
    w->blocks = number(u, p + 8, 8);
    w->bytes = number(u, p + 16, 8);
}

static bool read_session(struct session *s)
{
    const struct linux_user *u = s->p->user;
    uint8_t bytes[2 * 8 + 2 * PACKET_STATE];
    uint64_t to[WAYS];

    if (!bytes_at(u, s->at, bytes, state_size(u)) || !may_be(u, bytes))
        return false;
    for (unsigned way = IN; way < WAYS; way++) {
        to[way] = linux_user_load(u, bytes + way * u->ptr);
        read_state(u, bytes + 2 * u->ptr + way * PACKET_STATE, &s->of[way]);
        if (!linux_user_range(u, to[way]) || !read_newkeys(u, to[way], &s->of[way]))
            return false;
    }
    return true;
}

static void prove(struct eg_vault *v, const struct eg_key_process *p, uint64_t at)
{
    struct session s = { .p = p, .at = at };
    size_t *n = *p->notes;
    const char *name;

    if (!read_session(&s))
        return;
    if (!n)
        *p->notes = n = eg_tmp(v->r, sizeof *n);
    if (*n == SESSIONS_MAX)
        eg_note(v->r, "process %lld: more than %d SSH sessions: the others are left out",
                (long long)p->pid, SESSIONS_MAX);
    if ((*n)++ >= SESSIONS_MAX)
        return;
    find_contexts(&s);
    name = name_of(v, &s);
    for (unsigned way = IN; way < WAYS; way++) {
        s.of[way].proof = prove_way(&s, way);
        add(v, &s, way, name);
    }
}

EG_KEY_SOURCE(sshsession) = { .look = look, .prove = prove };
