/* gsskeys_test.c - keys of NFS with Kerberos, of NVMe over fabrics and of OpenVPN in the kernel;
 * each with what is close to it, and damaged. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/krb5_derive.h"
#include "check.h"
#include "mknet.h"
#include "mkvault.h"

#define CRYPTO                                                                                     \
    "struct crypto_alg { u32 cra_ctxsize, cra_alignmask; char cra_driver_name[128]; };"            \
    "struct crypto_tfm { u32 crt_flags; struct crypto_alg *__crt_alg; u8 __crt_ctx[1200]; };"      \
    "struct crypto_skcipher { u32 reqsize; struct crypto_tfm base; };"                             \
    "struct crypto_aead { u32 authsize, reqsize; struct crypto_tfm base; };"
#define RPC                                                                                        \
    "struct net_generic { void *ptr[0]; };"                                                        \
    "struct xdr_netobj { unsigned int len; u8 *data; };"                                           \
    "struct cache_head { struct hlist_node cache_list; };"                                         \
    "struct cache_detail { int hash_size; struct hlist_head *hash_table; char *name; };"           \
    "struct rpc_authops { u32 au_flavor; };"                                                       \
    "struct rpc_cred_cache { struct hlist_head *hashtable; unsigned int hashbits; };"              \
    "struct rpc_auth { struct rpc_authops *au_ops; struct rpc_cred_cache *au_credcache; };"        \
    "struct rpc_xprt { char *servername; };"                                                       \
    "struct rpc_clnt { struct list_head cl_clients; struct rpc_xprt *cl_xprt;"                     \
    "  struct rpc_auth *cl_auth; };"                                                               \
    "struct sunrpc_net { struct cache_detail *rsc_cache; struct list_head all_clients; };"         \
    "struct rpc_cred { struct hlist_node cr_hash; struct cred *cr_cred; };"                        \
    "struct gss_api_mech { char *gm_name; };"                                                      \
    "struct gss_ctx { struct gss_api_mech *mech_type; void *internal_ctx_id; };"                   \
    "struct gss_cl_ctx { struct gss_ctx *gc_gss_ctx; struct xdr_netobj gc_acceptor; };"            \
    "struct gss_cred { struct rpc_cred gc_base; struct gss_cl_ctx *gc_ctx; };"                     \
    "struct svc_cred { kuid_t cr_uid; char *cr_principal; };"                                      \
    "struct rsc { struct cache_head h; struct svc_cred cred; struct gss_ctx *mechctx; };"
#define NVME                                                                                       \
    "struct nvme_dhchap_key { unsigned long len; u8 hash; u8 key[0]; };"                           \
    "struct nvmf_host { char nqn[64]; };"                                                          \
    "struct nvmf_ctrl_options { char *subsysnqn; struct nvmf_host *host;"                          \
    "  char *dhchap_secret, *dhchap_ctrl_secret; };"                                               \
    "struct nvme_ctrl { int instance; struct list_head subsys_entry;"                              \
    "  struct nvmf_ctrl_options *opts; struct nvme_dhchap_key *host_key, *ctrl_key; };"            \
    "struct nvme_subsystem { struct list_head entry, ctrls; };"                                    \
    "struct config_item { char *ci_name; struct list_head ci_entry; };"                            \
    "struct config_group { struct config_item cg_item; struct list_head cg_children; };"           \
    "struct nvmet_host { struct config_group group; u8 *dhchap_secret, *dhchap_ctrl_secret; };"
#define OVPN                                                                                       \
    "struct ovpn_crypto_key_slot { u8 key_id; struct crypto_aead *encrypt, *decrypt;"              \
    "  u8 nonce_tail_xmit[8], nonce_tail_recv[8]; };"                                              \
    "struct ovpn_crypto_state { struct ovpn_crypto_key_slot *slots[2]; };"                         \
    "struct ovpn_bind { struct sockaddr_in6 remote; };"                                            \
    "struct ovpn_peer { u32 id; struct ovpn_crypto_state crypto; struct ovpn_bind *bind;"          \
    "  struct hlist_node hash_entry_id; };"                                                        \
    "struct ovpn_peer_collection { struct hlist_head by_id[4]; };"                                 \
    "struct ovpn_priv { struct net_device *dev; struct ovpn_peer_collection *peers;"               \
    "  struct ovpn_peer *peer; };"
#define TIPC                                                                                       \
    "struct aes_gcm_key { u8 schedule[240], hash[64]; };"                                          \
    "struct tipc_aead_key { char alg_name[32]; unsigned int keylen; char key[0]; };"               \
    "struct tipc_tfm { struct crypto_aead *tfm; };"                                                \
    "struct tipc_aead { struct aes_gcm_key gcm_key; struct tipc_crypto *crypto;"                   \
    "  struct tipc_aead_key *key; };"                                                              \
    "struct tipc_crypto { struct net *net; struct tipc_aead *aead[4]; char name[48]; };"           \
    "struct tipc_node { struct list_head list; struct tipc_crypto *crypto_rx; };"                  \
    "struct tipc_net { struct list_head node_list; struct tipc_crypto *crypto_tx; };"
#define FIRST "struct netns_xfrm { struct list_head state_all"
#define LAST  "struct netns_nexthop nexthop; struct netns_xfrm xfrm; };"

/* @ctx: how this kernel's struct krb5_ctx is. */
static struct world world(const struct mk_machine *m, const char *ctx)
{
    char all[8192];
    const char *const edits[] = { FIRST, all, LAST,
                                  "struct netns_nexthop nexthop; struct netns_xfrm xfrm;"
                                  "  struct net_generic *gen; };",
                                  NULL };

    snprintf(all, sizeof all, "%s%s", CRYPTO RPC NVME OVPN TIPC, ctx);
    strncat(all, FIRST, sizeof all - strlen(all) - 1);
    return make_world_of(m, false, edits);
}

static const char with_bytes[] =
    "struct krb5_ctx { int initiate; u32 enctype; u8 Ksess[32]; struct crypto_skcipher"
    "  *acceptor_enc, *initiator_enc; u8 initiator_seal[32], acceptor_seal[32]; };";
static const char with_ciphers[] =
    "struct krb5_ctx { int initiate; u32 enctype; u8 Ksess[32]; struct crypto_skcipher"
    "  *acceptor_enc, *initiator_enc; };";
static const char with_aeads[] =
    "struct krb5_ctx { int initiate; u32 enctype; struct crypto_aead *initiator_enc_aead,"
    "  *acceptor_enc_aead; u8 Ksess[32]; };";

/* ---- transforms ---- */

static uint64_t transform(struct mk *k, const char *type, const char *base, const char *driver,
                          const uint8_t *key, unsigned words)
{
    uint64_t tfm = mk_object(k, type), alg = mk_object(k, "crypto_alg");
    uint8_t bytes[AES_SCHEDULE_MAX];

    mk_puts(k, alg, "crypto_alg.cra_driver_name", driver);
    mk_put(k, alg, "crypto_alg.cra_ctxsize", 500);
    mk_put(k, mk_at(k, tfm, base), "crypto_tfm.__crt_alg", alg);
    eg_aes_expand(key, words, bytes);
    mk_write(k, mk_at(k, mk_at(k, tfm, base), "crypto_tfm.__crt_ctx"), bytes, eg_aes_size(words));
    return tfm;
}

/* ---- derived keys ---- */

static void derives(uint32_t type, const char *key, uint32_t usage, enum eg_krb5_for what,
                    const char *expected)
{
    uint8_t bytes[32], out[EG_KRB5_DERIVED_MAX];
    const size_t len = strlen(key) / 2;
    char hex[2 * sizeof out + 1] = "";

    for (size_t i = 0; i < len; i++) {
        unsigned v = 0;

        sscanf(key + 2 * i, "%2x", &v);
        bytes[i] = (uint8_t)v;
    }
    eg_hex(hex, out, eg_krb5_derive(type, bytes, len, usage, what, out));
    assert_string_equal(hex, expected);
}

#define K16 "4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b"
/** Those of RFC 8009, A; and those of AES with SHA-1, computed by another program. */
static void derived(void **state)
{
    static const char short_key[] = "3705d96080c17728a0e800eab6e0d23c";
    static const char long_key[] =
        "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52";

    (void)state;
    if (!eg_krb5_derives(18))
        skip();
    derives(19, short_key, 2, KRB5_SUM, "b31a018a48f54776f403e9a396325dc3");
    derives(19, short_key, 2, KRB5_CIPHER, "9b197dd1e8c5609d6e67c3e37c62c72e");
    derives(19, short_key, 2, KRB5_INTEGRITY, "9fda0e56ab2d85e1569a688696c26a6c");
    derives(20, long_key, 2, KRB5_SUM, "ef5718be86cc84963d8bbb5031e9f5c4ba41f28faf69e73d");
    derives(20, long_key, 2, KRB5_CIPHER,
            "56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49");
    derives(17, K16, 24, KRB5_CIPHER, "e3bc0f5d692923f29d547acf420a23e9");
    derives(18, K16 K16, 22, KRB5_CIPHER,
            "655e38395cf66d58dbfce91d451bd68f64fce0c9b3505240d6b0afd7f3aee285");
    derives(18, K16, 22, KRB5_CIPHER, ""); // of another length
    derives(23, K16, 22, KRB5_CIPHER, ""); // of another type
}

/* ---- NFS ---- */

struct rpc {
    struct world w;
    uint64_t data, clients, auth, users, contexts, ops;
};

static struct rpc rpc(const struct mk_machine *m, const char *ctx)
{
    struct rpc r = { .w = world(m, ctx) };
    struct mk *k = r.w.k;
    const uint64_t gen = mk_alloc(k, 8 * r.w.ptr), cache = mk_object(k, "cache_detail");
    const uint64_t clnt = mk_object(k, "rpc_clnt"), xprt = mk_object(k, "rpc_xprt");
    const uint64_t creds = mk_object(k, "rpc_cred_cache");

    r.data = mk_object(k, "sunrpc_net");
    mk_put(k, r.w.net, "net.gen", gen);
    mk_write_ptr(k, gen + 5 * r.w.ptr, r.data);
    r.contexts = mk_alloc(k, 4 * r.w.ptr);
    mk_put(k, r.data, "sunrpc_net.rsc_cache", cache);
    mk_put(k, cache, "cache_detail.name", mk_text(k, "auth.rpcsec.context"));
    mk_put(k, cache, "cache_detail.hash_size", 4);
    mk_put(k, cache, "cache_detail.hash_table", r.contexts);
    r.clients = head_of(&r.w, r.data, "sunrpc_net.all_clients");
    mk_list_append(k, r.clients, mk_at(k, clnt, "rpc_clnt.cl_clients"));
    mk_put(k, clnt, "rpc_clnt.cl_xprt", xprt);
    mk_put(k, xprt, "rpc_xprt.servername", mk_text(k, "nas"));
    r.auth = mk_object(k, "rpc_auth");
    mk_put(k, clnt, "rpc_clnt.cl_auth", r.auth);
    r.ops = mk_object(k, "rpc_authops");
    mk_put(k, r.ops, "rpc_authops.au_flavor", 6);
    mk_put(k, r.auth, "rpc_auth.au_ops", r.ops);
    mk_put(k, r.auth, "rpc_auth.au_credcache", creds);
    r.users = mk_alloc(k, 2 * r.w.ptr);
    mk_put(k, creds, "rpc_cred_cache.hashtable", r.users);
    mk_put(k, creds, "rpc_cred_cache.hashbits", 1);
    return r;
}

/* A struct gss_ctx whose session key is @c again and again; *@own: its struct krb5_ctx. */
static uint64_t context(struct mk *k, uint32_t type, int c, uint64_t *own)
{
    const uint64_t gss = mk_object(k, "gss_ctx"), mech = mk_object(k, "gss_api_mech");

    *own = mk_object(k, "krb5_ctx");
    mk_put(k, mech, "gss_api_mech.gm_name", mk_text(k, "krb5"));
    mk_put(k, gss, "gss_ctx.mech_type", mech);
    mk_put(k, gss, "gss_ctx.internal_ctx_id", *own);
    mk_put(k, *own, "krb5_ctx.enctype", type);
    mk_fill(k, *own, "krb5_ctx.Ksess", c, 32);
    return gss;
}

static void user(struct rpc *r, uint64_t gss, uint32_t uid, const char *acceptor)
{
    struct mk *k = r->w.k;
    const uint64_t c = mk_object(k, "gss_cred"), cl = mk_object(k, "gss_cl_ctx");
    const uint64_t cred = mk_object(k, "cred");

    mk_put(k, cred, "cred.uid.val", uid);
    mk_put(k, c, "gss_cred.gc_base.cr_cred", cred);
    mk_put(k, c, "gss_cred.gc_ctx", cl);
    mk_put(k, cl, "gss_cl_ctx.gc_gss_ctx", gss);
    if (acceptor) {
        mk_put(k, cl, "gss_cl_ctx.gc_acceptor.data", mk_text(k, acceptor));
        mk_put(k, cl, "gss_cl_ctx.gc_acceptor.len", strlen(acceptor));
    }
    push_hlist(&r->w, r->users + r->w.ptr, mk_at(k, c, "gss_cred.gc_base.cr_hash"));
}

static void derived_key(uint32_t type, int c, uint32_t usage, uint8_t out[32])
{
    uint8_t key[32];

    memset(key, c, sizeof key);
    assert_int_equal(
        eg_krb5_derive(type, key, type == 17 || type == 19 ? 16 : 32, usage, KRB5_CIPHER, out),
        type == 17 || type == 19 ? 16 : 32);
}

static void nfs_bytes(void **state)
{
    (void)state;
    if (!eg_krb5_derives(18))
        skip();
    mk_each_machine(m)
    {
        struct rpc r = rpc(m, with_bytes);
        struct mk *k = r.w.k;
        uint64_t own, gss = context(k, 18, 'A', &own), mech;
        uint8_t out[32];

        user(&r, gss, 1001, "nfs@nas.example");
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), ""); // nothing is derived of it
        derived_key(18, 'A', 24, out);
        mk_write(k, mk_at(k, own, "krb5_ctx.acceptor_seal"), out, 32);
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), ""); // in the place of the other
        mk_write(k, mk_at(k, own, "krb5_ctx.initiator_seal"), out, 32);
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"),
                            "uid 1001 at nfs@nas.example|session key|aes256-cts-hmac-sha1-96"
                            "|derived key|41414141\n");
        mk_put(k, own, "krb5_ctx.enctype", 17);
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), "");
        mk_put(k, own, "krb5_ctx.enctype", 18 | 1u << 16);
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), "");
        mk_put(k, own, "krb5_ctx.enctype", 26); // what nothing is derived of is not proven
        assert_string_equal(
            mk_told(&r.w.g, "NFS krb5"),
            "uid 1001 at nfs@nas.example|session key|camellia256-cts-cmac||41414141\n");
        mk_put(k, own, "krb5_ctx.enctype", 18);
        mk_put(k, r.ops, "rpc_authops.au_flavor", 1);
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), "");
        mk_put(k, r.ops, "rpc_authops.au_flavor", 6);
        mk_put(k, mk_of(&r.w.g, r.auth, "rpc_auth.au_credcache"), "rpc_cred_cache.hashbits", 60);
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), "");
        mk_put(k, mk_of(&r.w.g, r.auth, "rpc_auth.au_credcache"), "rpc_cred_cache.hashbits", 1);
        mech = mk_of(&r.w.g, gss, "gss_ctx.mech_type");
        mk_put(k, mech, "gss_api_mech.gm_name", mk_text(k, "spkm3"));
        assert_string_equal(mk_told(&r.w.g, "NFS krb5"), "");
        mk_free(k);
    }
}

static void nfs_ciphers(void **state)
{
    static const struct {
        const char *types, *out, *in, *cipher, *base;
    } kernels[] = {
        { with_ciphers, "krb5_ctx.initiator_enc", "krb5_ctx.acceptor_enc", "crypto_skcipher",
          "crypto_skcipher.base" },
        { with_aeads, "krb5_ctx.initiator_enc_aead", "krb5_ctx.acceptor_enc_aead", "crypto_aead",
          "crypto_aead.base" },
    };

    (void)state;
    if (!eg_krb5_derives(18))
        skip();
    mk_each_machine(m)
    {
        for (size_t i = 0; i < 2; i++) {
            struct rpc r = rpc(m, kernels[i].types);
            struct mk *k = r.w.k;
            uint64_t own, gss = context(k, 19, 'C', &own), served;
            uint8_t out[32];

            user(&r, gss, 0, NULL);
            derived_key(19, 'C', 22, out);
            mk_put(k, own, kernels[i].out,
                   transform(k, kernels[i].cipher, kernels[i].base, "cts-cbc-aes-aesni", out, 4));
            assert_string_equal(mk_told(&r.w.g, "NFS krb5"), ""); // of the other direction
            mk_put(k, own, kernels[i].in,
                   transform(k, kernels[i].cipher, kernels[i].base, "cts-cbc-aes-aesni", out, 4));
            assert_string_equal(mk_told(&r.w.g, "NFS krb5"),
                                "uid 0 at nas|session key|aes128-cts-hmac-sha256-128"
                                "|derived key's schedule|43434343\n");
            // The server's, of the same key.
            gss = context(k, 20, 'S', &own);
            derived_key(20, 'S', 24, out);
            mk_put(k, own, kernels[i].out,
                   transform(k, kernels[i].cipher, kernels[i].base, "cts-cbc-aes-aesni", out, 8));
            served = mk_object(k, "rsc");
            mk_put(k, served, "rsc.mechctx", gss);
            mk_put(k, served, "rsc.cred.cr_uid.val", 1002);
            mk_put(k, served, "rsc.cred.cr_principal", mk_text(k, "bob@LAB"));
            push_hlist(&r.w, r.contexts + 3 * r.w.ptr, mk_at(k, served, "rsc.h.cache_list"));
            assert_string_equal(mk_told(&r.w.g, "NFS krb5"),
                                "uid 0 at nas|session key|aes128-cts-hmac-sha256-128"
                                "|derived key's schedule|43434343\n"
                                "client bob@LAB, uid 1002|session key|aes256-cts-hmac-sha384-192"
                                "|derived key's schedule|53535353\n");
            // A table that is larger than any leads nowhere.
            mk_put(k, mk_of(&r.w.g, r.data, "sunrpc_net.rsc_cache"), "cache_detail.hash_size",
                   1u << 30);
            assert_string_equal(mk_told(&r.w.g, "NFS krb5"),
                                "uid 0 at nas|session key|aes128-cts-hmac-sha256-128"
                                "|derived key's schedule|43434343\n");
            assert_non_null(mk_exported(&r.w.g, "kerberos/rpcsec_gss.keytab"));
            mk_put(k, mk_of(&r.w.g, r.data, "sunrpc_net.rsc_cache"), "cache_detail.hash_size", 4);
            // Without the session key those that are left are listed, if they have their length.
            mk_fill(k, own, "krb5_ctx.Ksess", 0, 32);
            memset(out, 'Z', sizeof out);
            mk_put(k, own, kernels[i].in,
                   transform(k, kernels[i].cipher, kernels[i].base, "cts-cbc-aes-aesni", out, 4));
            mk_put(k, own, kernels[i].out,
                   transform(k, kernels[i].cipher, kernels[i].base, "cts-cbc-aes-aesni", out, 8));
            assert_string_equal(mk_told(&r.w.g, "NFS krb5"),
                                "uid 0 at nas|session key|aes128-cts-hmac-sha256-128"
                                "|derived key's schedule|43434343\n"
                                "client bob@LAB, uid 1002|initiator's data"
                                "|aes256-cts-hmac-sha384-192|schedule|5a5a5a5a\n");
            mk_free(k);
        }
    }
}

/* ---- NVMe ---- */

// 32 times 'H', and its CRC-32
#define HOST_SECRET "DHHC-1:00:SEhISEhISEhISEhISEhISEhISEhISEhISEhISEhISEj1+ja5:"
#define CTRL_SECRET "DHHC-1:01:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0Pc+0Zb:"

static void nvme(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = world(m, with_aeads);
        struct mk *k = w.k;
        const uint64_t list = mk_alloc(k, 2 * w.ptr), sub = mk_object(k, "nvme_subsystem");
        const uint64_t ctrl = mk_object(k, "nvme_ctrl"), opts = mk_object(k, "nvmf_ctrl_options");
        const uint64_t key = mk_alloc(k, 128), hosts = mk_object(k, "config_group");
        const uint64_t host = mk_object(k, "nvmet_host"), nqn = mk_object(k, "nvmf_host");
        uint8_t bytes[32];

        mk_symbol(k, "nvme_subsystems", list);
        mk_list_append(k, list, mk_at(k, sub, "nvme_subsystem.entry"));
        mk_list_append(k, mk_at(k, sub, "nvme_subsystem.ctrls"),
                       mk_at(k, ctrl, "nvme_ctrl.subsys_entry"));
        mk_symbol(k, "nvmet_hosts_group", hosts);
        head_of(&w, hosts, "config_group.cg_children");
        mk_put(k, ctrl, "nvme_ctrl.instance", 4);
        mk_put(k, opts, "nvmf_ctrl_options.subsysnqn", mk_text(k, "nqn.disk"));
        mk_puts(k, nqn, "nvmf_host.nqn", "nqn.host");
        mk_put(k, opts, "nvmf_ctrl_options.host", nqn);
        assert_string_equal(mk_told(&w.g, "NVMe"), ""); // one of PCI Express
        mk_put(k, ctrl, "nvme_ctrl.opts", opts);
        assert_string_equal(mk_told(&w.g, "NVMe"), ""); // without a secret
        mk_put(k, opts, "nvmf_ctrl_options.dhchap_secret", mk_text(k, HOST_SECRET));
        mk_put(k, opts, "nvmf_ctrl_options.dhchap_ctrl_secret", mk_text(k, CTRL_SECRET));
        mk_put(k, key, "nvme_dhchap_key.len", 32);
        memset(bytes, 'H', sizeof bytes);
        mk_write(k, mk_at(k, key, "nvme_dhchap_key.key"), bytes, sizeof bytes);
        mk_put(k, ctrl, "nvme_ctrl.host_key", key);
        assert_string_equal(
            mk_told(&w.g, "NVMe"),
            "nvme4 nqn.disk|host secret|DH-HMAC-CHAP|CRC-32, key in use|48484848\n"
            "nvme4 nqn.disk|controller secret|DH-HMAC-CHAP SHA-256|CRC-32|43434343\n");
        assert_string_equal(mk_exported(&w.g, "nvme/connect"),
                            "nvme connect -n nqn.disk -q nqn.host --dhchap-secret " HOST_SECRET
                            " --dhchap-ctrl-secret " CTRL_SECRET "\n");
        mk_put(k, key, "nvme_dhchap_key.len", 1 << 20);
        mk_put(k, opts, "nvmf_ctrl_options.dhchap_ctrl_secret", 0x123456);
        assert_string_equal(mk_told(&w.g, "NVMe"),
                            "nvme4 nqn.disk|host secret|DH-HMAC-CHAP|CRC-32|48484848\n");
        mk_put(k, opts, "nvmf_ctrl_options.dhchap_secret", 0);
        // The target's.
        mk_list_append(k, mk_at(k, hosts, "config_group.cg_children"),
                       mk_at(k, host, "nvmet_host.group.cg_item.ci_entry"));
        mk_put(k, host, "nvmet_host.group.cg_item.ci_name", mk_text(k, "nqn.host"));
        mk_put(k, host, "nvmet_host.dhchap_secret", mk_text(k, CTRL_SECRET "\n"));
        assert_string_equal(
            mk_told(&w.g, "NVMe"),
            "target of nqn.host|host secret|DH-HMAC-CHAP SHA-256|CRC-32|43434343\n");
        // Of another sort, with another sum, of no length that keys have, and without an end.
        static const char *const wrong[] = {
            "DHHC-1:04:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0Pc+0Zb:",
            "DHHC-2:01:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0Pc+0Zb:",
            "DHHC-1:01:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0Pc+0Ab:",
            "DHHC-1:01:QUJD:",
            "DHHC-1:01:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0Pc+0Zb",
            "DHHC-1:0"
        };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            mk_put(k, host, "nvmet_host.dhchap_secret", mk_text(k, wrong[i]));
            assert_string_equal(mk_told(&w.g, "NVMe"), "");
        }
        mk_free(k);
    }
}

/* ---- OpenVPN ---- */

static void ovpn(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = world(m, with_aeads);
        struct mk *k = w.k;
        const uint64_t dev = make_dev(&w, w.net, 2, "tun0", "ovpn"), own = priv(&w, dev);
        const uint64_t peer = mk_object(k, "ovpn_peer"),
                       slot = mk_object(k, "ovpn_crypto_key_slot");
        const uint64_t all = mk_object(k, "ovpn_peer_collection"), bind = mk_object(k, "ovpn_bind");
        uint8_t key[32];

        add_dev(&w, w.net, dev, 2);
        mk_put(k, own, "ovpn_priv.dev", dev);
        mk_put(k, own, "ovpn_priv.peer", peer);
        mk_put(k, peer, "ovpn_peer.id", 7);
        mk_put(k, peer, "ovpn_peer.bind", bind);
        mk_put(k, bind, "ovpn_bind.remote.sin6_family", 2);
        mk_write(k, mk_at(k, bind, "ovpn_bind.remote") + 2, "\x04\xaa\xc0\0\2\1", 6);
        assert_string_equal(mk_told(&w.g, "ovpn"), "");
        mk_write_ptr(k, mk_at(k, peer, "ovpn_peer.crypto.slots") + w.ptr, slot);
        mk_put(k, slot, "ovpn_crypto_key_slot.key_id", 3);
        memset(key, 'E', sizeof key);
        mk_put(k, slot, "ovpn_crypto_key_slot.encrypt",
               transform(k, "crypto_aead", "crypto_aead.base", "gcm-aesni", key, 8));
        mk_put(k, slot, "ovpn_crypto_key_slot.decrypt", 0x123456); // nowhere
        assert_string_equal(mk_told(&w.g, "ovpn"), "tun0 peer 7 at 192.0.2.1 port 1194|send key 3"
                                                   "|AES-GCM|schedule|45454545\n");
        memset(key, 'D', sizeof key);
        mk_put(k, slot, "ovpn_crypto_key_slot.decrypt",
               transform(k, "crypto_aead", "crypto_aead.base", "gcm-aesni", key, 4));
        mk_put(k, own, "ovpn_priv.peer", 0); // one of many
        mk_put(k, own, "ovpn_priv.peers", all);
        push_hlist(&w, mk_at(k, all, "ovpn_peer_collection.by_id") + 3 * w.ptr,
                   mk_at(k, peer, "ovpn_peer.hash_entry_id"));
        assert_string_equal(mk_told(&w.g, "ovpn"),
                            "tun0 peer 7 at 192.0.2.1 port 1194|send key 3"
                            "|AES-GCM|schedule|45454545\n"
                            "tun0 peer 7 at 192.0.2.1 port 1194|receive key 3"
                            "|AES-GCM|schedule|44444444\n");
        mk_put(k, own, "ovpn_priv.dev", own); // another driver's data
        assert_string_equal(mk_told(&w.g, "ovpn"), "");
        mk_free(k);
    }
}

/* ---- TIPC ---- */

static uint64_t tipc_key(struct mk *k, uint64_t crypto, unsigned number, int c, uint32_t len)
{
    const uint64_t aead = mk_object(k, "tipc_aead"), own = mk_alloc(k, 128);
    uint8_t key[AES_KEY_MAX], bytes[AES_SCHEDULE_MAX];

    memset(key, c, sizeof key);
    eg_aes_expand(key, 4, bytes);
    mk_write(k, mk_at(k, aead, "tipc_aead.gcm_key"), bytes, eg_aes_size(4));
    mk_puts(k, own, "tipc_aead_key.alg_name", "gcm(aes)");
    mk_put(k, own, "tipc_aead_key.keylen", len);
    mk_fill(k, own, "tipc_aead_key.key", c, 36);
    mk_put(k, aead, "tipc_aead.crypto", crypto);
    mk_put(k, aead, "tipc_aead.key", own);
    mk_write_ptr(k, mk_at(k, crypto, "tipc_crypto.aead") + number * mk_model(k)->ptr_size, aead);
    return aead;
}

static void tipc(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = world(m, with_aeads);
        struct mk *k = w.k;
        const uint64_t gen = mk_alloc(k, 8 * w.ptr), own = mk_object(k, "tipc_net");
        const uint64_t tx = mk_object(k, "tipc_crypto"), rx = mk_object(k, "tipc_crypto");
        const uint64_t node = mk_object(k, "tipc_node");
        uint64_t key;

        mk_put(k, w.net, "net.gen", gen);
        mk_write_ptr(k, gen + 4 * w.ptr, own);
        mk_put(k, own, "tipc_net.crypto_tx", tx);
        mk_puts(k, tx, "tipc_crypto.name", "TX(lab)");
        mk_puts(k, rx, "tipc_crypto.name", "RX(peer)");
        mk_put(k, tx, "tipc_crypto.net", w.net);
        mk_put(k, rx, "tipc_crypto.net", w.net);
        mk_list_append(k, mk_at(k, own, "tipc_net.node_list"), mk_at(k, node, "tipc_node.list"));
        mk_put(k, node, "tipc_node.crypto_rx", rx);
        assert_string_equal(mk_told(&w.g, "TIPC"), "");
        tipc_key(k, tx, 0, 'M', 20);
        key = tipc_key(k, rx, 2, 'R', 20);
        assert_string_equal(mk_told(&w.g, "TIPC"),
                            "TX(lab)|master key|gcm(aes)|schedule|4d4d4d4d\n"
                            "RX(peer)|session key 2|gcm(aes)|schedule|52525252\n");
        mk_put(k, key, "tipc_aead.crypto", tx); // another's
        tipc_key(k, tx, 1, 'L', 36);            // not the key of that schedule
        tipc_key(k, tx, 2, 'H', 1u << 30);
        assert_string_equal(mk_told(&w.g, "TIPC"),
                            "TX(lab)|master key|gcm(aes)|schedule|4d4d4d4d\n");
        mk_put(k, tx, "tipc_crypto.net", own);
        assert_string_equal(mk_told(&w.g, "TIPC"), "");
        mk_free(k);
    }
}

/* What a module has without its types is a note. */
static void untyped(void **state)
{
    static const struct {
        const char *symbol, *note;
    } modules[] = {
        { "gss_wrap_kerberos", "Kerberos for NFS is there" },
        { "tipc_crypto_start", "TIPC is there" },
        { "ksmbd_conn_alloc", "SMB server is there" },
        { "nvme_auth_init_ctrl", NULL }, // disks have that too
        { "nvmf_register_transport", "NVMe over fabrics is there" },
    };

    (void)state;
    mk_each_machine(m) for (size_t known = 0; known <= countof(modules); known++)
    {
        struct world w = make_world_of(m, false, NULL);

        for (size_t i = 0; i < known; i++)
            mk_symbol(w.k, modules[i].symbol, 0x1000);
        mk_guest_rows(&w.g, "keys", "show");
        for (size_t i = 0; i < countof(modules); i++)
            if (modules[i].note)
                assert_int_equal(mk_row_notes(modules[i].note), i < known);
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derived), cmocka_unit_test(nfs_bytes), cmocka_unit_test(nfs_ciphers),
        cmocka_unit_test(nvme),    cmocka_unit_test(ovpn),      cmocka_unit_test(tipc),
        cmocka_unit_test(untyped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
