/* netkeys_test.c - keys of the kernel's network in the vault: IPsec, MACsec, TLS; each with what is
 * close to it, and damaged. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/crypto.h"
#include "../../../plugins/keys/hmac.h"
#include "check.h"
#include "mknet.h"
#include "mksock.h"
#include "mkvault.h"

static const char *const more_types[] = {
    "struct xfrm_algo { char alg_name[64]; unsigned int alg_key_len; u8 alg_key[32]; };",
    "struct xfrm_algo { char alg_name[64]; unsigned int alg_key_len; u8 alg_key[96]; };"
    "struct xfrm_algo_auth { char alg_name[64]; unsigned int alg_key_len, alg_trunc_len;"
    "  u8 alg_key[96]; };"
    "struct xfrm_algo_aead { char alg_name[64]; unsigned int alg_key_len, alg_icv_len;"
    "  u8 alg_key[96]; };"
    "struct crypto_alg { u32 cra_ctxsize, cra_alignmask; char cra_driver_name[128]; };"
    "struct crypto_tfm { u32 crt_flags; struct crypto_alg *__crt_alg; u8 __crt_ctx[1200]; };"
    "struct crypto_skcipher { u32 reqsize; struct crypto_tfm base; };"
    "struct crypto_aead { u32 authsize, reqsize; struct crypto_tfm base; };"
    "struct crypto_ahash { void *init, *update, *final; struct crypto_tfm base; };"
    "struct crypto_shash { u32 descsize; struct crypto_tfm base; };"
    "struct ah_data { int icv_full_len, icv_trunc_len; struct crypto_ahash *ahash; };",
    "struct xfrm_algo *aalg,  *ealg, *calg, *aead; struct xfrm_encap_tmpl *encap; };",
    "struct xfrm_algo_auth *aalg; struct xfrm_algo *ealg, *calg; struct xfrm_algo_aead *aead;"
    "  struct xfrm_encap_tmpl *encap; void *data; };"
    "struct macsec_key { u8 id[16]; struct crypto_aead *tfm; u8 salt[12]; };"
    "struct macsec_tx_sa { struct macsec_key key; u32 ssci; u64 next_pn; u8 active; };"
    "struct macsec_rx_sa { struct macsec_key key; u32 ssci; u64 next_pn; u8 active; };"
    "struct macsec_rx_sc { struct macsec_rx_sc *next; u64 sci; u8 active;"
    "  struct macsec_rx_sa *sa[4]; };"
    "struct macsec_tx_sc { u8 active, encoding_sa, encrypt; struct macsec_tx_sa *sa[4]; };"
    "struct macsec_secy { u64 sci; u16 key_len, icv_len; u8 xpn; struct macsec_tx_sc tx_sc;"
    "  struct macsec_rx_sc *rx_sc; };"
    "struct macsec_dev { struct macsec_secy secy; struct net_device *real_dev; };",
    NULL,
};

/* ---- transforms ---- */

static uint64_t transform(struct mk *k, const char *type, const char *base, const char *driver,
                          uint32_t context)
{
    uint64_t tfm = mk_object(k, type), alg = mk_object(k, "crypto_alg");

    mk_puts(k, alg, "crypto_alg.cra_driver_name", driver);
    mk_put(k, alg, "crypto_alg.cra_ctxsize", context);
    mk_put(k, mk_at(k, tfm, base), "crypto_tfm.__crt_alg", alg);
    return tfm;
}

static uint64_t context_of(struct mk *k, uint64_t tfm, const char *base)
{
    return mk_at(k, mk_at(k, tfm, base), "crypto_tfm.__crt_ctx");
}

static void schedule(struct mk *k, uint64_t at, int byte, unsigned words)
{
    uint8_t bytes[AES_SCHEDULE_MAX], key[AES_KEY_MAX];

    memset(key, byte, sizeof key);
    eg_aes_expand(key, words, bytes);
    mk_write(k, at, bytes, eg_aes_size(words));
}

/* Words of states, computed by another program; a key that is longer than a block. */
static void hmac(void **state)
{
    static const struct {
        size_t len;
        uint32_t inner, outer;
    } cases[] = { { 32, 0x4e72c3e0, 0xac2821d4 }, { 100, 0xd81971a3, 0x6946e841 } };
    static const struct {
        const char *name;
        size_t n;
        uint32_t inner;
    } hashes[] = { { "md5", 16, 0x57b82047 },
                   { "sha1", 20, 0x9723f870 },
                   { "sha384", 64, 0xb448e11c },
                   { "sha512", 64, 0x5c811187 } };
    struct eg_hmac_states s;
    uint8_t key[100];

    (void)state;
    memset(key, '2', sizeof key);
    for (size_t i = 0; eg_crypto_works() && i < sizeof cases / sizeof *cases; i++)
        for (int big = 0; big < 2; big++) {
            assert_true(eg_hmac_states("sha256", key, cases[i].len, big, &s));
            assert_int_equal(s.n, 32);
            assert_int_equal(eg_load_(s.inner, 4, big), cases[i].inner);
            assert_int_equal(eg_load_(s.outer, 4, big), cases[i].outer);
        }
    for (size_t i = 0; eg_crypto_works() && i < countof(hashes); i++) {
        assert_true(eg_hmac_states(hashes[i].name, key, 32, true, &s));
        assert_int_equal(s.n, hashes[i].n);
        assert_int_equal(eg_be32(s.inner), hashes[i].inner);
    }
    assert_false(eg_hmac_states("sha3-256", key, 32, false, &s));
    assert_false(eg_hmac_states("", key, 32, false, &s));
}

/* ---- IPsec ---- */

static uint64_t algorithm(struct mk *k, const char *type, const char *name, int byte, unsigned bits,
                          const char *more, unsigned more_value)
{
    const uint64_t a = mk_object(k, type);
    char member[64];

    snprintf(member, sizeof member, "%s.alg_name", type);
    mk_puts(k, a, member, name);
    snprintf(member, sizeof member, "%s.alg_key_len", type);
    mk_put(k, a, member, bits);
    snprintf(member, sizeof member, "%s.alg_key", type);
    mk_fill(k, a, member, byte, 96);
    if (more)
        mk_put(k, a, more, more_value);
    return a;
}

static uint64_t ipsec_state(struct world *w, unsigned proto)
{
    struct mk *k = w->k;
    const uint64_t x = mk_object(k, "xfrm_state");

    mk_put(k, x, "xfrm_state.props.family", 2);
    mk_put(k, x, "xfrm_state.km.state", 2);
    mk_put(k, x, "xfrm_state.props.mode", 1);
    mk_put(k, x, "xfrm_state.id.proto", proto);
    mk_write(k, mk_at(k, x, "xfrm_state.id.spi"), "\x1a\xb0\0\1", 4);
    mk_write(k, mk_at(k, x, "xfrm_state.props.saddr"), (const uint8_t[]){ 192, 0, 2, 1 }, 4);
    mk_write(k, mk_at(k, x, "xfrm_state.id.daddr"), (const uint8_t[]){ 192, 0, 2, 55 }, 4);
    mk_list_append(k, mk_at(k, w->net, "net.xfrm.state_all"), mk_at(k, x, "xfrm_state.km.all"));
    return x;
}

#define ESP "ESP 192.0.2.1 -> 192.0.2.55 SPI 0x1ab00001"

static void ipsec(void **state)
{
    static const char plain[] =
        ESP "|encryption|cbc(aes)||31313131\n" ESP "|authentication|hmac(sha256)||32323232\n";

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world_of(m, false, more_types);
        struct mk *k = w.k;
        const uint64_t x = ipsec_state(&w, 50);
        uint64_t enc, auth, tfm, cipher, hash, ah;
        struct eg_hmac_states s;
        uint8_t key[32];

        enc = algorithm(k, "xfrm_algo", "cbc(aes)", '1', 128, NULL, 0);
        auth = algorithm(k, "xfrm_algo_auth", "hmac(sha256)", '2', 256,
                         "xfrm_algo_auth.alg_trunc_len", 128);
        mk_put(k, x, "xfrm_state.ealg", enc);
        mk_put(k, x, "xfrm_state.aalg", auth);
        assert_string_equal(mk_told(&w.g, "ipsec"), plain);
        // It works with another key; then with these.
        tfm = transform(k, "crypto_aead", "crypto_aead.base", "echainiv(authenc(…", 64);
        mk_puts(k, mk_of(&w.g, mk_at(k, tfm, "crypto_aead.base"), "crypto_tfm.__crt_alg"),
                "crypto_alg.cra_driver_name", "authenc(hmac(sha256-lib),cbc-aes)");
        cipher = transform(k, "crypto_skcipher", "crypto_skcipher.base", "cbc-aes", 300);
        hash = transform(k, "crypto_ahash", "crypto_ahash.base", "hmac(sha256-lib)", 300);
        mk_write_ptr(k, context_of(k, tfm, "crypto_aead.base") + 16, hash);
        mk_write_ptr(k, context_of(k, tfm, "crypto_aead.base") + 24, cipher);
        mk_put(k, x, "xfrm_state.data", tfm);
        schedule(k, context_of(k, cipher, "crypto_skcipher.base") + 16, '3', 4);
        assert_string_equal(mk_told(&w.g, "ipsec"), plain);
        schedule(k, context_of(k, cipher, "crypto_skcipher.base") + 16, '1', 4);
        assert_non_null(strstr(mk_told(&w.g, "ipsec"), "|cbc(aes)|schedule|31313131\n"));
        memset(key, '2', sizeof key);
        if (eg_hmac_states("sha256", key, 32, mk_model(k)->big_endian, &s)) {
            mk_write(k, context_of(k, hash, "crypto_ahash.base") + 8, s.inner, s.n);
            assert_non_null(strstr(mk_told(&w.g, "ipsec"), "|hmac(sha256)||32323232\n"));
            mk_write(k, context_of(k, hash, "crypto_ahash.base") + 80, s.outer, s.n);
            assert_non_null(
                strstr(mk_told(&w.g, "ipsec"), "|hmac(sha256)|states of HMAC computed|32323232\n"));
        }
        // AH has its hash elsewhere.
        ah = mk_object(k, "ah_data");
        mk_put(k, ah, "ah_data.ahash", hash);
        mk_put(k, x, "xfrm_state.data", ah);
        mk_put(k, x, "xfrm_state.id.proto", 51);
        mk_put(k, x, "xfrm_state.ealg", 0);
        assert_string_equal(mk_told(&w.g, "ipsec"),
                            eg_crypto_works()
                                ? "AH 192.0.2.1 -> 192.0.2.55 SPI 0x1ab00001|authentication|"
                                  "hmac(sha256)|states of HMAC computed|32323232\n"
                                : "AH 192.0.2.1 -> 192.0.2.55 SPI 0x1ab00001|authentication|"
                                  "hmac(sha256)||32323232\n");
        mk_put(k, auth, "xfrm_algo_auth.alg_key_len", 1u << 31);
        assert_string_equal(mk_told(&w.g, "ipsec"), "");
        assert_int_equal(mk_row_notes("algorithm of the IPsec state 0x1ab00001"), 1);
        mk_put(k, auth, "xfrm_algo_auth.alg_key_len", 256);
        mk_puts(k, auth, "xfrm_algo_auth.alg_name", "x' ; reboot #"); // it would get into a shell
        assert_string_equal(mk_told(&w.g, "ipsec"), "");
        mk_puts(k, auth, "xfrm_algo_auth.alg_name", "hmac(sha256)");
        mk_put(k, x, "xfrm_state.km.state", 5); // dead
        assert_string_equal(mk_told(&w.g, "ipsec"), "");
        mk_free(k);
    }
}

/** Keys with a salt, of what is no AES; the files. */
static void ipsec_files(void **state)
{
    struct world w = make_world_of(&mk_machines[0], false, more_types);
    struct mk *k = w.k;
    const uint64_t x = ipsec_state(&w, 50);
    static const char *const files[] = { "ipsec/states.sh", "ipsec/esp_sa" };
    static const char *const want[] = {
        "ip xfrm state add src 192.0.2.1 dst 192.0.2.55 proto esp spi 0x1ab00001 aead "
        "'rfc4106(gcm(aes))' 0x3131313131313131313131313131313131313131 128 reqid 9 mode tunnel "
        "sel src 10.0.0.0/8 dst 0.0.0.0/0 proto 6 dport 443 limit byte-hard 1000\n",
        "\"IPv4\",\"192.0.2.1\",\"192.0.2.55\",\"0x1ab00001\",\"AES-GCM with 16 octet ICV "
        "[RFC4106]\","
        "\"0x3131313131313131313131313131313131313131\",\"NULL\",\"\"\n",
    };
    uint64_t aead, tfm;

    (void)state;
    aead = algorithm(k, "xfrm_algo_aead", "rfc4106(gcm(aes))", '1', 160,
                     "xfrm_algo_aead.alg_icv_len", 128);
    tfm = transform(k, "crypto_aead", "crypto_aead.base", "gcm-aes", 300);
    schedule(k, context_of(k, tfm, "crypto_aead.base"), '1', 4);
    mk_put(k, x, "xfrm_state.aead", aead);
    mk_put(k, x, "xfrm_state.data", tfm);
    mk_put(k, x, "xfrm_state.props.reqid", 9);
    mk_put(k, x, "xfrm_state.lft.hard_byte_limit", 1000);
    mk_put(k, x, "xfrm_state.lft.soft_byte_limit", UINT64_MAX);
    mk_put(k, x, "xfrm_state.sel.family", 2);
    mk_put(k, x, "xfrm_state.sel.prefixlen_s", 8);
    mk_write(k, mk_at(k, x, "xfrm_state.sel.saddr"), (const uint8_t[]){ 10 }, 1);
    mk_put(k, x, "xfrm_state.sel.proto", 6);
    mk_put(k, x, "xfrm_state.sel.dport_mask", 0xffff);
    mk_write(k, mk_at(k, x, "xfrm_state.sel.dport"), "\x01\xbb", 2);
    assert_string_equal(mk_told(&w.g, "ipsec"),
                        ESP "|encryption and authentication|rfc4106(gcm(aes))|"
                            "schedule|31313131\n");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_string_equal(mk_exported(&w.g, files[i]), want[i]);
    mk_puts(k, aead, "xfrm_algo_aead.alg_name", "rfc7539esp(chacha20,poly1305)");
    mk_put(k, aead, "xfrm_algo_aead.alg_key_len", 288);
    assert_string_equal(mk_told(&w.g, "ipsec"), ESP "|encryption and authentication|"
                                                    "rfc7539esp(chacha20,poly1305)||31313131\n");
    mk_fill(k, context_of(k, tfm, "crypto_aead.base"), "crypto_alg.cra_ctxsize", '1', 32);
    assert_string_equal(mk_told(&w.g, "ipsec"), ESP "|encryption and authentication|"
                                                    "rfc7539esp(chacha20,poly1305)|context of the "
                                                    "cipher|31313131\n");
    mk_free(k);
}

/* ---- MACsec ---- */

static void macsec(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world_of(m, false, more_types);
        struct mk *k = w.k;
        uint64_t dev = make_dev(&w, w.net, 2, "ms0", "macsec"), secy = priv(&w, dev), tfm, sc,
                 sa[2];

        add_dev(&w, w.net, dev, 2);
        mk_write(k, mk_at(k, secy, "macsec_secy.sci"), "\x52\x54\0\x1a\xc0\1\0\7", 8);
        mk_put(k, secy, "macsec_secy.key_len", 16);
        assert_string_equal(mk_told(&w.g, "macsec"), "");
        sc = mk_object(k, "macsec_rx_sc");
        mk_write(k, mk_at(k, sc, "macsec_rx_sc.sci"), "\0\0\0\0\0\0\0\1", 8);
        sa[0] = mk_object(k, "macsec_tx_sa");
        sa[1] = mk_object(k, "macsec_rx_sa");
        mk_write_ptr(k, mk_at(k, secy, "macsec_secy.tx_sc.sa") + 3 * w.ptr, sa[0]);
        mk_write_ptr(k, mk_at(k, sc, "macsec_rx_sc.sa"), sa[1]);
        mk_put(k, secy, "macsec_secy.rx_sc", sc);
        mk_put(k, sc, "macsec_rx_sc.next", sc); // a circle
        for (int i = 0; i < 2; i++) {
            tfm = transform(k, "crypto_aead", "crypto_aead.base", "gcm-aes", 300);
            mk_put(k, sa[i], i ? "macsec_rx_sa.key.tfm" : "macsec_tx_sa.key.tfm", tfm);
            assert_string_equal(mk_told(&w.g, "macsec"),
                                i ? "ms0|sends, channel 5254001ac0010007, association "
                                    "3|AES-128-GCM|schedule|30303030\n"
                                  : "");
            schedule(k, context_of(k, tfm, "crypto_aead.base"), '0' + i, 4);
        }
        assert_string_equal(mk_told(&w.g, "macsec"),
                            "ms0|sends, channel 5254001ac0010007, association "
                            "3|AES-128-GCM|schedule|30303030\n"
                            "ms0|receives, channel 0000000000000001, association "
                            "0|AES-128-GCM|schedule|31313131\n");
        assert_int_equal(mk_row_notes("more than 1024 channels"), 1);
        mk_put(k, sc, "macsec_rx_sc.next", 0);
        mk_put(k, secy, "macsec_secy.xpn", 1);
        mk_put(k, secy, "macsec_dev.real_dev", make_dev(&w, w.net, 3, "eth0", NULL));
        mk_put(k, sa[0], "macsec_tx_sa.active", 1);
        mk_put(k, sa[0], "macsec_tx_sa.next_pn", 9);
        mk_write(k, mk_at(k, sa[0], "macsec_tx_sa.ssci"), "\0\0\1\2", 4);
        mk_fill(k, sa[0], "macsec_tx_sa.key.salt", 0x53, 12);
        assert_string_equal(
            mk_exported(&w.g, "macsec/11.sh"),
            "ip link add link eth0 ms0 type macsec sci 5254001ac0010007 cipher gcm-aes-xpn-128 "
            "encrypt off encodingsa 0\n"
            "ip macsec add ms0 tx sa 3 xpn 9 salt 535353535353535353535353 ssci 258 on key "
            "00000000000000000000000000000000 30303030303030303030303030303030\n"
            "ip macsec add ms0 rx sci 0000000000000001 off\n"
            "ip macsec add ms0 rx sci 0000000000000001 sa 0 xpn 0 salt 000000000000000000000000 "
            "ssci 0 off key 00000000000000000000000000000000 "
            "31313131313131313131313131313131\n");
        mk_put(k, secy, "macsec_secy.key_len", 32); // its keys are shorter
        assert_string_equal(mk_told(&w.g, "macsec"), "");
        mk_put(k, secy, "macsec_secy.key_len", 65535);
        assert_string_equal(mk_told(&w.g, "macsec"), "");
        assert_int_equal(mk_row_notes("MACsec keeps of this interface cannot be read"), 1);
        mk_free(k);
    }
}

/** Without the types of its module: the key is that of the cipher, or there is none. */
static void macsec_blindly(void **state)
{
    enum { ALL = sizeof more_types / sizeof *more_types };
    const char *types[ALL];

    (void)state;
    memcpy(types, more_types, sizeof types);
    types[ALL - 2] = "struct xfrm_algo_auth *aalg; void *data; };";
    mk_each_machine(m)
    {
        struct world w = make_world_of(m, false, types);
        struct mk *k = w.k;
        uint64_t dev = make_dev(&w, w.net, 2, "ms0", "macsec"), secy = priv(&w, dev), tfm;
        uint64_t sa = mk_alloc(k, 128);

        add_dev(&w, w.net, dev, 2);
        mk_write(k, secy + 0x10, "\x52\x54\0\x1a\xc0\1\0\7", 8);
        mk_put16(k, secy + 0x18, 16, mk_model(k)->big_endian);
        tfm = transform(k, "crypto_aead", "crypto_aead.base", "gcm-aes", 300);
        mk_write_ptr(k, secy + 0x30 + 2 * w.ptr, sa);
        mk_write_ptr(k, sa + 16, tfm);
        assert_string_equal(mk_told(&w.g, "macsec"), "");
        schedule(k, context_of(k, tfm, "crypto_aead.base"), '0', 4);
        assert_string_equal(mk_told(&w.g, "macsec"),
                            w.ptr == 8 ? "ms0|sends, channel 5254001ac0010007, association "
                                         "2|AES-128-GCM|schedule|30303030\n"
                                       : "");
        assert_int_equal(mk_row_notes("types of its module are not known"), w.ptr != 8);
        mk_free(k);
    }
}

/* ---- TLS in the kernel ---- */

static void ktls(void **state)
{
    static const char *const more[] = {
        "struct crypto_alg { char cra_name[128]; };",
        "struct crypto_alg { u32 cra_ctxsize, cra_alignmask; char cra_driver_name[128],"
        "  cra_name[128]; };",
        "struct crypto_tfm { struct crypto_alg *__crt_alg; };",
        "struct crypto_tfm { u32 crt_flags; struct crypto_alg *__crt_alg; u8 __crt_ctx[1200]; };"
        "struct crypto_aead { u32 authsize, reqsize; struct crypto_tfm base; };"
        "struct tcp_ulp_ops { char name[16]; };"
        "struct cipher_context { char iv[20]; char rec_seq[8]; };"
        "struct tls_context { void *priv_ctx_tx, *priv_ctx_rx; struct cipher_context tx, rx;"
        "  struct sock *sk; u8 crypto_send[56], crypto_recv[56]; };",
        "struct tcp_sock { struct sock sk;",
        "struct inet_connection_sock { struct sock sk; struct tcp_ulp_ops *icsk_ulp_ops;"
        "  void *icsk_ulp_data; };"
        "struct tcp_sock { struct inet_connection_sock icsk;",
        NULL,
    };
    enum { SOCKS = sizeof mk_sock_types / sizeof *mk_sock_types - 1 };
    const char *types[SOCKS + sizeof more / sizeof *more];

    (void)state;
    memcpy(types, mk_sock_types, SOCKS * sizeof *types);
    memcpy(types + SOCKS, more, sizeof more);
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets_of(m, types);
        struct mk *k = s.k;
        uint64_t sk = mk_sock(&s, "tcp_sock", 2, 1, 6, 1), ctx = mk_object(k, "tls_context");
        uint64_t ops = mk_object(k, "tcp_ulp_ops"), tfm, sw, info;
        const char *rows;
        uint8_t bytes[56];

        mk_open(&s, mk_guest_task(&s.g, 5, "tlsd", 0), 3, mk_sock_file(&s, sk));
        mk_ends(&s, sk, 0x7f000001, 443, 0x7f000002, 5000);
        mk_chain(&s, s.ehash + 3 * s.ptr, mk_at(k, sk, "sock.__sk_common.skc_node"));
        mk_puts(k, ops, "tcp_ulp_ops.name", "tls");
        mk_put(k, sk, "inet_connection_sock.icsk_ulp_ops", ops);
        mk_put(k, sk, "inet_connection_sock.icsk_ulp_data", ctx);
        mk_put(k, ctx, "tls_context.sk", sk);
        assert_string_equal(mk_told(&s.g, "kernel TLS"), ""); // no key yet
        info = mk_at(k, ctx, "tls_context.crypto_recv");
        memset(bytes, 'K', sizeof bytes);
        mk_write(k, info, bytes, sizeof bytes);
        mk_put16(k, info, 0x304, mk_model(k)->big_endian);
        mk_put16(k, info + 2, 51, mk_model(k)->big_endian);
        rows = mk_told(&s.g, "kernel TLS");
        assert_non_null(strstr(rows, "TCP 127.0.0.1:443->127.0.0.2:5000 ESTABLISHED tlsd (5)|"));
        assert_non_null(strstr(rows, "|TLS 1.3, what it receives|AES-128-GCM||4b4b4b4b\n"));
        sw = mk_alloc(k, 64);
        tfm = transform(k, "crypto_aead", "crypto_aead.base", "gcm-aes", 300);
        mk_write_ptr(k, sw, tfm);
        mk_put(k, ctx, "tls_context.priv_ctx_rx", sw);
        schedule(k, context_of(k, tfm, "crypto_aead.base"), 'L', 4); // another key's
        assert_string_equal(mk_told(&s.g, "kernel TLS"), "");
        assert_int_equal(mk_row_notes("not encrypted with the key"), 1);
        schedule(k, context_of(k, tfm, "crypto_aead.base"), 'K', 4);
        assert_non_null(strstr(mk_told(&s.g, "kernel TLS"), "|AES-128-GCM|schedule|4b4b4b4b\n"));
        mk_put16(k, info + 2, 99, mk_model(k)->big_endian); // no cipher
        assert_string_equal(mk_told(&s.g, "kernel TLS"), "");
        mk_put16(k, info + 2, 51, mk_model(k)->big_endian);
        mk_put(k, ctx, "tls_context.sk", sk + 8); // of another socket
        assert_string_equal(mk_told(&s.g, "kernel TLS"), "");
        assert_int_equal(mk_row_notes("not its own"), 1);
        mk_put(k, ctx, "tls_context.sk", sk);
        mk_puts(k, ops, "tcp_ulp_ops.name", "mptcp");
        assert_string_equal(mk_told(&s.g, "kernel TLS"), "");
        mk_free(k);
    }
}

static void ktls_untyped(void **state)
{
    static const char *const more[] = {
        "struct tcp_sock { struct sock sk;",
        "struct tcp_ulp_ops { char name[16]; };"
        "struct inet_connection_sock { struct sock sk; struct tcp_ulp_ops *icsk_ulp_ops;"
        "  void *icsk_ulp_data; };"
        "struct tcp_sock { struct inet_connection_sock icsk;",
        NULL,
    };
    enum { SOCKS = sizeof mk_sock_types / sizeof *mk_sock_types - 1 };
    const char *types[SOCKS + sizeof more / sizeof *more];

    (void)state;
    memcpy(types, mk_sock_types, SOCKS * sizeof *types);
    memcpy(types + SOCKS, more, sizeof more);
    mk_each_machine(m)
    {
        struct mk_sockets s = mk_sockets_of(m, types);
        uint64_t sk = mk_sock(&s, "tcp_sock", 2, 1, 6, 1), ops = mk_object(s.k, "tcp_ulp_ops");

        mk_chain(&s, s.ehash + 3 * s.ptr, mk_at(s.k, sk, "sock.__sk_common.skc_node"));
        mk_put(s.k, sk, "inet_connection_sock.icsk_ulp_ops", ops);
        mk_put(s.k, sk, "inet_connection_sock.icsk_ulp_data", sk);
        for (int tls = 0; tls < 2; tls++) {
            mk_puts(s.k, ops, "tcp_ulp_ops.name", tls ? "tls" : "mptcp");
            assert_string_equal(mk_told(&s.g, "kernel TLS"), "");
            assert_int_equal(mk_row_notes("encrypts connections of TLS, but the types"), tls);
        }
        mk_free(s.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac),           cmocka_unit_test(ipsec),
        cmocka_unit_test(ipsec_files),    cmocka_unit_test(macsec),
        cmocka_unit_test(macsec_blindly), cmocka_unit_test(ktls),
        cmocka_unit_test(ktls_untyped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
