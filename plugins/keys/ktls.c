/* ktls.c - a source of the vault: keys of connections whose TLS records the kernel makes
 * (net/tls). */
#include "../../core/base.h"
#include "../linux/net/sock.h"
#include "../linux/net/tables.h"
#include "../linux/own/holders.h"
#include "../linux/text.h"
#include "tfm.h"
#include "vault.h"

EG_TYPE(inet_connection_sock);
EG_FIELD_AS(ulp_ops, inet_connection_sock, "icsk_ulp_ops");
EG_FIELD_AS(ulp_data, inet_connection_sock, "icsk_ulp_data");
EG_FIELD_AS(ulp_of_tls, tcp_ulp_ops, "name");
EG_FIELD_AS(task_name, task_struct, "comm");
EG_TYPE(task_struct);
EG_FIELDS_OF("tls", tls_context, crypto_recv, crypto_send, priv_ctx_rx, priv_ctx_tx, sk);
EG_FIELD_AS_OF("tls", tls_next_sent, tls_context, "tx.rec_seq");
EG_FIELD_AS_OF("tls", tls_next_received, tls_context, "rx.rec_seq");

enum { RECORD = 8, INFO = 4, IV_MAX = 12, SECRET_MAX = 32, SALT_MAX = 4 };

/* Of include/uapi/linux/tls.h, whose structs do not change: version and cipher, then iv, key, salt
 * and number of a record, without gaps. */
static const struct cipher {
    unsigned number;
    const char *name;
    uint8_t iv, key, salt;
} ciphers[] = {
    { 51, "AES-128-GCM", 8, 16, 4 },  { 52, "AES-256-GCM", 8, 32, 4 },
    { 53, "AES-128-CCM", 8, 16, 4 },  { 54, "ChaCha20-Poly1305", 12, 32, 0 },
    { 55, "SM4-GCM", 8, 16, 4 },      { 56, "SM4-CCM", 8, 16, 4 },
    { 57, "ARIA-128-GCM", 8, 16, 4 }, { 58, "ARIA-256-GCM", 8, 32, 4 },
};

struct way {
    const char *what;
    struct eg_obj info, state, next;
};
struct ktls {
    struct eg_vault *v;
    struct eg_run *r;
    const char *connection;
    bool untyped; // there is a connection, but the module's types are not known
};

static uint64_t pointer_at(struct eg_run *r, uint64_t at)
{
    const struct eg_model *model = &eg_binding_of(r)->model;
    const uint8_t *p = at ? eg_bytes(eg_view_of(r), eg_kernel(r), at, model->ptr_size) : NULL;

    return p ? eg_load_(p, model->ptr_size, model->big_endian) : 0;
}

static const char *hex(struct eg_run *r, const uint8_t *bytes, size_t n)
{
    char *text = eg_tmp(r, 2 * n + 1);

    eg_hex(text, bytes, n);
    return text;
}

/* The number of the next record, as TLS has it: until 6.6 a pointer leads there. */
static bool next_record(struct eg_obj o, uint8_t *out)
{
    if (o.kind == EG_K_PTR)
        o = eg_deref(o);
    return !o.why && eg_read(o.view, o.space, o.addr, out, RECORD);
}

static const char *version_text(unsigned version)
{
    return version == 0x304 ? "TLS 1.3" : version == 0x303 ? "TLS 1.2" : NULL;
}

static void add_way(struct ktls *k, const struct way *w)
{
    struct eg_run *r = k->r;
    const struct cipher *c = NULL;
    uint8_t info[INFO + IV_MAX + SECRET_MAX + SALT_MAX + RECORD], next[RECORD];
    const bool big = eg_binding_of(r)->model.big_endian;
    const uint8_t *iv = info + INFO, *key, *salt;
    const char *version, *proof;
    struct eg_tfm_keys made = { .n = 0 };
    uint64_t at = 0, tfm;
    size_t n;

    if (w->info.why || !eg_read(w->info.view, w->info.space, w->info.addr, info, INFO))
        return;
    version = version_text((unsigned)eg_load_(info, 2, big));
    for (size_t i = 0; i < countof(ciphers); i++)
        if (ciphers[i].number == eg_load_(info + 2, 2, big))
            c = &ciphers[i];
    if (!version || !c)
        return; // this direction has no key yet
    n = INFO + c->iv + c->key + c->salt + RECORD;
    if (!eg_read(w->info.view, w->info.space, w->info.addr, info, n)) {
        eg_note(r, "%s: the key for what it %s cannot be read", k->connection, w->what);
        return;
    }
    key = iv + c->iv;
    salt = key + c->key;
    // Of all that can be there, struct tls_sw_context_tx, …_rx and tls_offload_context_tx, the
    // transform is the first member.
    tfm = eg_value(w->state, &at) ? pointer_at(r, at) : 0;
    proof = tfm ? eg_tfm_proof(r, tfm, key, c->key) : NULL;
    if (tfm && !proof)
        eg_tfm_keys(r, tfm, &made);
    if (made.n) {
        eg_note(r, "%s: what it %s is not encrypted with the key that is kept", k->connection,
                w->what);
        return;
    }
    if (!next_record(w->next, next))
        memcpy(next, salt + c->salt, RECORD);
    eg_vault_add(k->v,
                 &(struct eg_vault_key){
                     .kind = "kernel TLS",
                     .name = k->connection,
                     .purpose = eg_strf(r, "%s, what it %s", version, w->what),
                     .algorithm = c->name,
                     .at = w->info.addr + INFO + c->iv,
                     .secret = key,
                     .len = c->key,
                     .proof = proof,
                     .hints = eg_strf(r, "salt %s, iv %s, next record %s", hex(r, salt, c->salt),
                                      hex(r, iv, c->iv), hex(r, next, RECORD)),
                 });
    eg_vault_text(k->v, "ktls/keys.txt",
                  eg_strf(r, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k->connection, w->what, version,
                          c->name, hex(r, key, c->key), hex(r, salt, c->salt), hex(r, iv, c->iv),
                          hex(r, next, RECORD)),
                  "keys of TLS in the kernel: connection, direction, version, cipher, key, salt, "
                  "iv, number of the next record; a record's nonce is salt and iv, of TLS 1.3 and "
                  "ChaCha20 XOR its number, of the others with the iv that it begins with");
}

/* ---- sockets ---- */

static const char *owner(struct eg_run *r, const struct linux_sock *s)
{
    const struct linux_holders *all = s->inode_address ? linux_holders(r) : NULL;
    const struct linux_holder *h;
    const char *comm;
    size_t n = 0;

    if (!all)
        return NULL;
    h = linux_holders_of(all, s->inode_address, &n);
    for (size_t i = 0; h && i < n; i++) {
        if (!h[i].task || h[i].how != LINUX_HOLD_FD)
            continue;
        comm = eg_string(r, eg_at(eg_object(r, task_struct, h[i].task), task_name), 16);
        return eg_strf(r, "%s (%lld)", comm ? comm : "?", (long long)h[i].pid);
    }
    return NULL;
}

static void look(struct ktls *k, uint64_t sock)
{
    struct eg_run *r = k->r;
    struct eg_obj icsk = eg_object(r, inet_connection_sock, sock), ctx;
    const char *ulp = eg_string(r, eg_at(icsk, ulp_ops, ulp_of_tls), 16), *who;
    struct linux_sock s;
    uint64_t at = 0, back = 0;

    if (!ulp || strcmp(ulp, "tls") != 0 || !eg_get(&at, icsk, ulp_data) || !at)
        return;
    if (!eg_has(r, tls_context.crypto_send)) {
        k->untyped = true;
        return;
    }
    ctx = eg_object(r, tls_context, at);
    if (eg_has(r, tls_context.sk) && (!eg_get(&back, ctx, tls_context.sk) || back != sock)) {
        eg_note(r, "the socket at %#llx has a context of TLS that is not its own",
                (unsigned long long)sock);
        return;
    }
    if (!linux_sock_read(r, eg_object(r, sock, sock), &s) || s.size != LINUX_SOCK_FULL ||
        s.protocol_number != LINUX_IPPROTO_TCP)
        return;
    k->connection = linux_sock_text(r, s.sock);
    who = owner(r, &s);
    k->connection =
        eg_strf(r, "%s%s%s", k->connection ? k->connection : "?", who ? " " : "", who ? who : "");
    add_way(k, &(struct way){ "sends", eg_at(ctx, tls_context.crypto_send),
                              eg_at(ctx, tls_context.priv_ctx_tx), eg_at(ctx, tls_next_sent) });
    add_way(k, &(struct way){ "receives", eg_at(ctx, tls_context.crypto_recv),
                              eg_at(ctx, tls_context.priv_ctx_rx), eg_at(ctx, tls_next_received) });
}

static void find(struct eg_vault *v)
{
    struct ktls k = { .v = v, .r = v->r };
    const struct linux_table_socks *all;

    if (!eg_has(v->r, ulp_data))
        return;
    all = linux_table_socks(v->r);
    for (size_t i = 0; all && i < all->n && !eg_stopped(v->r); i++) {
        unsigned state;

        // The two small kinds of sockets end before what is looked at.
        if (all->at[i].tables & LINUX_TABLE_EHASH &&
            eg_get(&state, eg_object(v->r, sock, all->at[i].sock), sock_state) &&
            state != LINUX_TCP_TIME_WAIT && state != LINUX_TCP_NEW_SYN_RECV)
            look(&k, all->at[i].sock);
    }
    if (k.untyped)
        eg_note(v->r, "the kernel encrypts connections of TLS, but the types of its module are not "
                      "known (kernels have them in memory since 5.11): their keys are not found");
}

EG_KEY_SOURCE(ktls) = { .find = find };
