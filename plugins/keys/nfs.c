/* nfs.c - a source of the vault: session keys of Kerberos that NFS works with, and others that use
 * RPC with RPCSEC_GSS: the contexts of the client's users (net/sunrpc/auth_gss/auth_gss.c) and
 * those that the server has for its clients (svcauth_gss.c). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/system.h"
#include "../linux/net/net.h"
#include "../linux/net/pernet.h"
#include "krb5.h"
#include "krb5_derive.h"
#include "tfm.h"
#include "vault.h"

EG_FIELDS_OF("sunrpc", sunrpc_net, all_clients, rsc_cache);
EG_FIELDS_OF("sunrpc", rpc_clnt, cl_auth, cl_clients, cl_xprt);
EG_FIELDS_OF("sunrpc", rpc_xprt, servername);
EG_FIELDS_OF("sunrpc", rpc_auth, au_credcache, au_ops);
EG_FIELDS_OF("sunrpc", rpc_authops, au_flavor);
EG_FIELDS_OF("sunrpc", rpc_cred_cache, hashbits, hashtable);
EG_FIELDS_OF("sunrpc", cache_detail, hash_size, hash_table, name);
EG_FIELDS_OF("auth_rpcgss", gss_cred, gc_ctx);
EG_FIELD_AS_OF("auth_rpcgss", gss_cred_link, gss_cred, "gc_base.cr_hash");
EG_FIELD_AS_OF("auth_rpcgss", gss_cred_of, gss_cred, "gc_base.cr_cred");
EG_FIELD_AS(nfs_uid, cred, "uid.val|uid");
EG_FIELDS_OF("auth_rpcgss", gss_cl_ctx, gc_gss_ctx);
EG_FIELD_AS_OF("auth_rpcgss", gss_acceptor, gss_cl_ctx, "gc_acceptor.data");
EG_FIELD_AS_OF("auth_rpcgss", gss_acceptor_len, gss_cl_ctx, "gc_acceptor.len");
EG_FIELDS_OF("auth_rpcgss", gss_ctx, internal_ctx_id, mech_type);
EG_FIELDS_OF("auth_rpcgss", gss_api_mech, gm_name);
EG_FIELDS_OF("auth_rpcgss", rsc, mechctx);
EG_FIELD_AS_OF("auth_rpcgss", rsc_link, rsc, "h.cache_list");
EG_FIELD_AS_OF("auth_rpcgss", rsc_uid, rsc, "cred.cr_uid.val|cred.cr_uid");
EG_FIELD_AS_OF("auth_rpcgss", rsc_principal, rsc, "cred.cr_principal|client_name");
// The derived keys themselves, or only ciphers that have them; then the session key is wiped.
EG_FIELDS_OF("rpcsec_gss_krb5", krb5_ctx, Ksess, enctype);
EG_FIELD_AS_OF("rpcsec_gss_krb5", krb5_out, krb5_ctx, "initiator_enc_aead|initiator_enc");
EG_FIELD_AS_OF("rpcsec_gss_krb5", krb5_in, krb5_ctx, "acceptor_enc_aead|acceptor_enc");
EG_FIELD_AS_OF("rpcsec_gss_krb5", krb5_out_key, krb5_ctx, "initiator_seal");
EG_FIELD_AS_OF("rpcsec_gss_krb5", krb5_in_key, krb5_ctx, "acceptor_seal");
EG_TYPE(hlist_head);

enum {
    GSS_FLAVOR = 6,     // RPC_AUTH_GSS
    FROM_ACCEPTOR = 22, // key usages of RFC 4121, 2
    FROM_INITIATOR = 24,
    NAME = 256,
    HASH_BITS_MAX = 16,
    CONTEXTS_MAX = 1 << 16,
    HEADS_MAX = 1 << 20,
};
#define CACHE "auth.rpcsec.context"

struct doing {
    struct eg_vault *v;
    struct eg_run *r;
    struct eg_map *seen; // of struct rpc_auth
    unsigned n, heads;   // contexts, and lists of hash tables, that were looked at
};

/* Hash tables whose heads all lead to one list end here too. */
static bool has_room(const struct doing *d)
{
    return d->n <= CONTEXTS_MAX && !eg_stopped(d->r);
}

/* Does the context work with a key that is derived of this one? NULL: no. */
static const char *proof_of(const struct doing *d, struct eg_obj ctx, uint32_t type,
                            const uint8_t *key, size_t len)
{
    static const uint32_t usages[] = { FROM_INITIATOR, FROM_ACCEPTOR };
    uint8_t derived[EG_KRB5_DERIVED_MAX], has[EG_KRB5_DERIVED_MAX];
    const char *proof;

    for (size_t i = 0; i < countof(usages); i++) {
        const size_t n = eg_krb5_derive(type, key, len, usages[i], KRB5_CIPHER, derived);
        struct eg_obj raw = i ? eg_at(ctx, krb5_in_key) : eg_at(ctx, krb5_out_key);
        uint64_t tfm = 0;

        if (n && !raw.why && raw.size >= n && eg_read(raw.view, raw.space, raw.addr, has, n) &&
            !memcmp(has, derived, n))
            return "derived key";
        if (i)
            eg_get(&tfm, ctx, krb5_in);
        else
            eg_get(&tfm, ctx, krb5_out);
        proof = n && tfm ? eg_tfm_proof(d->r, tfm, derived, n) : NULL;
        if (proof)
            return !strcmp(proof, "schedule") ? "derived key's schedule"
                                              : "derived key in the context of the cipher";
    }
    return NULL;
}

static size_t put(uint8_t *out, size_t at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[at + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return at + bytes;
}

/* An entry of a keytab (0x0502): Kerberos' session keys have no owner there, so the name tells. */
static void export_key(const struct doing *d, const char *name, uint32_t type, const uint8_t *key,
                       size_t len)
{
    static const char path[] = "kerberos/rpcsec_gss.keytab", realm[] = "RPCSEC_GSS";
    uint8_t out[2 * NAME + 128];
    size_t at = 4, name_len = strnlen(name, NAME);

    if (!d->v->exports)
        return;
    if (!eg_vault_has_file(d->v, path))
        eg_vault_file(d->v, path, "\5\2", 2,
                      "session keys of RPC with Kerberos: klist -k -K FILE; Wireshark: "
                      "kerberos.decrypt, with this as kerberos.file");
    at = put(out, at, 1, 2); // names
    at = put(out, at, sizeof realm - 1, 2);
    memcpy(out + at, realm, sizeof realm - 1);
    at = put(out, at + sizeof realm - 1, name_len, 2);
    memcpy(out + at, name, name_len);
    at = put(out, at + name_len, 1, 4); // sort of name: a principal
    at = put(out, at, 0, 4);            // time
    at = put(out, at, 1, 1);            // version
    at = put(out, at, type, 2);
    at = put(out, at, len, 2);
    memcpy(out + at, key, len);
    at += len;
    put(out, 0, at - 4, 4);
    eg_vault_file(d->v, path, out, at, NULL);
}

/* What the ciphers of a context have whose session key is gone: of the data, one each way. */
static void add_ciphers(const struct doing *d, struct eg_obj ctx, const char *name,
                        const char *algorithm, size_t len)
{
    for (unsigned i = 0; i < 2; i++) {
        struct eg_tfm_keys keys = { .n = 0 };
        uint64_t tfm = 0;

        if (i)
            eg_get(&tfm, ctx, krb5_in);
        else
            eg_get(&tfm, ctx, krb5_out);
        if (tfm)
            eg_tfm_keys(d->r, tfm, &keys);
        // The nearest: what lies behind a context may lead to others.
        for (size_t k = 0; k < keys.n; k++) {
            if (keys.at[k].size != len)
                continue;
            eg_vault_add(d->v, &(struct eg_vault_key){
                                   .kind = "NFS krb5",
                                   .name = name,
                                   .purpose = i ? "acceptor's data" : "initiator's data",
                                   .algorithm = algorithm,
                                   .at = tfm,
                                   .secret = keys.at[k].key,
                                   .len = len,
                                   .proof = "schedule",
                               });
            break;
        }
    }
}

/* @gss: a struct gss_ctx. */
static void add(struct doing *d, struct eg_obj gss, const char *name)
{
    static const uint8_t wiped[EG_KRB5_DERIVED_MAX];
    struct eg_obj mech = eg_at(gss, gss_ctx.mech_type, gss_api_mech.gm_name), ctx, at;
    const char *mech_name = eg_string(d->r, mech, 8), *algorithm, *proof;
    uint8_t key[EG_KRB5_DERIVED_MAX];
    uint64_t own = 0;
    uint32_t type;
    size_t len;

    if (d->n == CONTEXTS_MAX)
        eg_note(d->r, "more than %d contexts of RPCSEC_GSS: the others are left out", CONTEXTS_MAX);
    if (d->n++ >= CONTEXTS_MAX || !mech_name || strcmp(mech_name, "krb5") != 0 ||
        !eg_get(&own, gss, gss_ctx.internal_ctx_id) || !own)
        return;
    ctx = eg_object(d->r, krb5_ctx, own);
    at = eg_at(ctx, krb5_ctx.Ksess);
    if (!eg_get(&type, ctx, krb5_ctx.enctype) || type > UINT16_MAX ||
        !(algorithm = eg_krb5_type((uint16_t)type, &len)) || at.why || len > at.size ||
        len > sizeof key || !eg_read(at.view, at.space, at.addr, key, len))
        return;
    if (!memcmp(key, wiped, len)) {
        add_ciphers(d, ctx, name, algorithm, len);
        return;
    }
    proof = proof_of(d, ctx, type, key, len);
    if (!proof && eg_krb5_derives(type))
        return;
    if (eg_vault_add(d->v, &(struct eg_vault_key){
                               .kind = "NFS krb5",
                               .name = name,
                               .purpose = "session key",
                               .algorithm = algorithm,
                               .at = at.addr,
                               .secret = key,
                               .len = len,
                               .proof = proof,
                           }))
        export_key(d, name, type, key, len);
}

static const char *acceptor(const struct doing *d, struct eg_obj context)
{
    struct eg_obj at = eg_deref(eg_at(context, gss_acceptor));
    char name[NAME];
    uint32_t len;

    if (!eg_get(&len, context, gss_acceptor_len) || !len || len >= sizeof name || at.why ||
        !eg_read(at.view, at.space, at.addr, name, len))
        return NULL;
    name[len] = 0;
    return eg_strf(d->r, "%s", name);
}

/* The users of one mount, or of what else has a client of its own. */
static void client(struct doing *d, struct eg_obj clnt)
{
    struct eg_obj auth = eg_deref(eg_at(clnt, rpc_clnt.cl_auth)), cache, cred;
    const char *server = eg_string(d->r, eg_at(clnt, rpc_clnt.cl_xprt, rpc_xprt.servername), NAME);
    uint64_t heads, uid;
    uint32_t flavor, bits;

    if (!eg_get(&flavor, auth, rpc_auth.au_ops, rpc_authops.au_flavor) || flavor != GSS_FLAVOR ||
        !eg_run_map_add(d->r, d->seen, auth.addr, 0))
        return;
    cache = eg_deref(eg_at(auth, rpc_auth.au_credcache));
    if (!eg_get(&heads, cache, rpc_cred_cache.hashtable) ||
        !eg_get(&bits, cache, rpc_cred_cache.hashbits) || bits > HASH_BITS_MAX)
        return;
    for (uint64_t i = 0; i < UINT64_C(1) << bits && d->heads++ < HEADS_MAX && has_room(d); i++) {
        eg_each_hlist(cred, eg_object(d->r, hlist_head, heads + i * eg_size(d->r, hlist_head)),
                      gss_cred_link) {
            struct eg_obj context = eg_deref(eg_at(cred, gss_cred.gc_ctx));
            const char *name = acceptor(d, context);

            if (!has_room(d))
                break;
            if (!name)
                name = server;
            add(d, eg_deref(eg_at(context, gss_cl_ctx.gc_gss_ctx)),
                eg_get(&uid, cred, gss_cred_of, nfs_uid)
                    ? eg_strf(d->r, "uid %llu at %s", (unsigned long long)uid, name ? name : "?")
                    : eg_strf(d->r, "a user at %s", name ? name : "?"));
        }
    }
}

/* What the server has of its clients. */
static void server(struct doing *d, struct eg_obj cache)
{
    struct eg_obj context;
    uint64_t heads, uid;
    uint32_t size;

    if (!eg_get(&heads, cache, cache_detail.hash_table) ||
        !eg_get(&size, cache, cache_detail.hash_size) || size > 1u << HASH_BITS_MAX)
        return;
    for (uint64_t i = 0; i < size && d->heads++ < HEADS_MAX && has_room(d); i++) {
        eg_each_hlist(context, eg_object(d->r, hlist_head, heads + i * eg_size(d->r, hlist_head)),
                      rsc_link) {
            const char *who = eg_string(d->r, eg_at(context, rsc_principal), NAME);

            if (!has_room(d))
                break;
            add(d, eg_deref(eg_at(context, rsc.mechctx)),
                eg_get(&uid, context, rsc_uid)
                    ? eg_strf(d->r, "client %s, uid %llu", who ? who : "?", (unsigned long long)uid)
                    : eg_strf(d->r, "client %s", who ? who : "?"));
        }
    }
}

static bool is_rpc(void *context, uint64_t at)
{
    struct eg_run *r = context;
    struct eg_obj cache = eg_deref(eg_at(eg_object(r, sunrpc_net, at), sunrpc_net.rsc_cache));
    const char *name = eg_string(r, eg_at(cache, cache_detail.name), sizeof CACHE + 1);

    return name && !strcmp(name, CACHE);
}

static void find(struct eg_vault *v)
{
    struct doing d = { .v = v, .r = v->r, .seen = eg_run_map(v->r) };
    struct linux_pernet p = { .symbol = "sunrpc_net_id", .is = is_rpc, .context = v->r };
    struct eg_obj net, rpc, clnt;
    uint64_t at;

    if (!eg_has(v->r, sunrpc_net.all_clients) || !eg_has(v->r, krb5_ctx.Ksess)) {
        if (eg_system_symbol(eg_system_of(v->r), "gss_wrap_kerberos", &at))
            eg_note(v->r, "Kerberos for NFS is there, but the types of its modules are not known "
                          "(kernels have them in memory since 5.11): its keys are not found");
        return;
    }
    linux_each_net(v->r, net)
    {
        at = linux_pernet_at(v->r, &p, net);
        if (!at || eg_stopped(v->r))
            continue;
        rpc = eg_object(v->r, sunrpc_net, at);
        eg_each_list(clnt, eg_at(rpc, sunrpc_net.all_clients), rpc_clnt.cl_clients) {
            client(&d, clnt);
        }
        if (is_rpc(v->r, at))
            server(&d, eg_deref(eg_at(rpc, sunrpc_net.rsc_cache)));
    }
}

EG_KEY_SOURCE(nfs) = { .find = find };
