/* netkeys_test.c - keys of the kernel's network in the vault: WireGuard, IPsec, MACsec, TLS; each
 * with what is close to it, and damaged. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/hmac_state.h"
#include "../../../plugins/keys/x25519.h"
#include "check.h"
#include "mknet.h"
#include "mksock.h"
#include <unistd.h>

/* Two key pairs of RFC 7748, 6.1, and the secret that they share. */
static const uint8_t alice[] = { 0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a };
static const uint8_t alice_public[] = { 0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54,
                                        0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
                                        0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
                                        0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a };
static const uint8_t bob[] = { 0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f,
                               0x8b, 0x83, 0x80, 0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18,
                               0xb6, 0xfd, 0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb };
static const uint8_t bob_public[] = { 0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4,
                                      0xd3, 0x5b, 0x61, 0xc2, 0xec, 0xe4, 0x35, 0x37,
                                      0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78, 0x67, 0x4d,
                                      0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f };
static const uint8_t shared[] = { 0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
                                  0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
                                  0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42 };

static const char *const more_types[] = {
    "struct noise_static_identity { u8 static_public[32]; };",
    "struct noise_static_identity { u8 static_public[32], static_private[32]; u8 has_identity; };",
    "struct noise_handshake { u8 remote_static[32]; };",
    "struct noise_handshake { u8 ephemeral_private[32], remote_static[32], remote_ephemeral[32],"
    "  precomputed_static_static[32], preshared_key[32]; };"
    "struct noise_symmetric_key { u8 key[32]; u64 birthdate; u8 is_valid; };"
    "struct index_hashtable_entry { u32 index; };"
    "struct noise_replay_counter { u64 counter; };"
    "struct wg_counter { u64 counter; };"
    "struct noise_keypair { struct index_hashtable_entry entry;"
    "  struct noise_symmetric_key sending; struct wg_counter sending_counter;"
    "  struct noise_symmetric_key receiving; struct noise_replay_counter receiving_counter;"
    "  u32 remote_index; u8 i_am_the_initiator; u64 internal_id; };"
    "struct noise_keypairs { struct noise_keypair *current_keypair, *previous_keypair,"
    "  *next_keypair; };",
    "struct noise_handshake handshake; u64 rx_bytes",
    "struct noise_handshake handshake; struct noise_keypairs keypairs; u64 rx_bytes",
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

/** NAME|PURPOSE|ALGORITHM|VERIFIED|the first four bytes of SECRET, of this KIND. */
static const char *told(struct mk_guest *g, const char *kind)
{
    static char out[4096];
    size_t n = 0;

    for (const char *line = mk_guest_rows(g, "keys", "show"), *end; *line;
         line = end + (*end != 0)) {
        const char *cells[14] = { line };

        end = line + strcspn(line, "\n");
        for (size_t i = 1; i < 14 && cells[i - 1] < end; i++)
            cells[i] = cells[i - 1] + strcspn(cells[i - 1], "|\n") + 1;
        if (strncmp(line, kind, strlen(kind)) != 0 || line[strlen(kind)] != '|')
            continue;
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s|%.*s|%.8s\n",
                              (int)(cells[4] - 1 - cells[1]), cells[1],
                              (int)(cells[10] - 1 - cells[9]), cells[9], cells[11]);
        assert_true(n < sizeof out);
    }
    out[n] = 0;
    return out;
}

static void fill(struct mk *k, uint64_t object, const char *member, int byte, size_t n)
{
    uint8_t bytes[128];

    memset(bytes, byte, sizeof bytes);
    mk_write(k, mk_at(k, object, member), bytes, n);
}

/* ---- WireGuard ---- */

static uint64_t wg_device(struct world *w, unsigned index, const char *name, const uint8_t *private,
                          const uint8_t *public)
{
    uint64_t dev = make_dev(w, w->net, index, name, "wireguard"), wg = priv(w, dev);

    add_dev(w, w->net, dev, index);
    mk_write(w->k, mk_at(w->k, wg, "wg_device.static_identity.static_private"), private, 32);
    mk_write(w->k, mk_at(w->k, wg, "wg_device.static_identity.static_public"), public, 32);
    head_of(w, wg, "wg_device.peer_list");
    return wg;
}

static uint64_t wg_peer(struct world *w, uint64_t wg, const uint8_t *public)
{
    uint64_t peer = mk_object(w->k, "wg_peer");

    mk_write(w->k, mk_at(w->k, peer, "wg_peer.handshake.remote_static"), public, 32);
    mk_write(w->k, mk_at(w->k, peer, "wg_peer.handshake.precomputed_static_static"), shared, 32);
    head_of(w, peer, "wg_peer.allowedips_list");
    mk_list_append(w->k, mk_at(w->k, wg, "wg_device.peer_list"),
                   mk_at(w->k, peer, "wg_peer.peer_list"));
    return peer;
}

static uint64_t wg_session(struct world *w, uint64_t peer, const char *which, int send, int receive,
                           uint32_t own, uint32_t other)
{
    uint64_t pair = mk_object(w->k, "noise_keypair");

    fill(w->k, pair, "noise_keypair.sending.key", send, 32);
    fill(w->k, pair, "noise_keypair.receiving.key", receive, 32);
    mk_put(w->k, pair, "noise_keypair.sending.is_valid", 1);
    mk_put(w->k, pair, "noise_keypair.entry.index", own);
    mk_put(w->k, pair, "noise_keypair.remote_index", other);
    mk_put(w->k, pair, "noise_keypair.internal_id", 7);
    mk_put(w->k, peer, which, pair);
    return pair;
}

#define BOB "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="

static void wireguard(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_world_of(m, false, more_types);
        const char *proof = eg_x25519_works() ? "shared secret of the peer computed" : "";
        uint64_t wg, peer, other;
        char want[600];

        wg = wg_device(&w, 2, "wg0", alice, alice_public);
        peer = wg_peer(&w, wg, bob_public);
        snprintf(want, sizeof want, "wg0|private key|X25519|%s|77076d0a\n",
                 eg_x25519_works() ? "public key computed" : "");
        assert_string_equal(told(&w.g, "wireguard"), want); // neither preshared key nor session
        fill(w.k, peer, "wg_peer.handshake.preshared_key", 'P', 32);
        fill(w.k, peer, "wg_peer.handshake.ephemeral_private", 'E', 32);
        mk_write(w.k, mk_at(w.k, wg, "wg_device.static_identity.static_private"), bob, 32);
        if (eg_x25519_works()) { // not that of the public key: nor does the peer prove anything
            assert_string_equal(told(&w.g, "wireguard"), "");
            assert_int_equal(mk_row_notes("is not that of its private key"), 1);
        }
        mk_write(w.k, mk_at(w.k, wg, "wg_device.static_identity.static_private"), alice, 32);
        snprintf(want, sizeof want,
                 "wg0 peer " BOB "|preshared key||%s|50505050\n"
                 "wg0 peer " BOB "|ephemeral private key|X25519|%s|45454545\n",
                 proof, proof);
        assert_non_null(strstr(told(&w.g, "wireguard"), want));
        fill(w.k, peer, "wg_peer.handshake.precomputed_static_static", 1, 32);
        assert_non_null(strstr(told(&w.g, "wireguard"), "|preshared key|||50505050\n"));
        mk_write(w.k, mk_at(w.k, peer, "wg_peer.handshake.precomputed_static_static"), shared, 32);
        // Sessions: alone, and where the other end is here too.
        wg_session(&w, peer, "wg_peer.keypairs.previous_keypair", 'S', 'R', 0x11, 0x22);
        snprintf(want, sizeof want,
                 "wg0 peer " BOB "|previous session 7, send key|ChaCha20-Poly1305|%s|53535353\n"
                 "wg0 peer " BOB "|previous session 7, receive key|ChaCha20-Poly1305|%s|52525252\n",
                 proof, proof);
        assert_non_null(strstr(told(&w.g, "wireguard"), want));
        other = wg_peer(&w, wg_device(&w, 3, "wg1", bob, bob_public), alice_public);
        wg_session(&w, other, "wg_peer.keypairs.current_keypair", 'R', 'S', 0x22, 0x33);
        told(&w.g, "wireguard"); // one of both directions has the index of the other
        assert_non_null(strstr(told(&w.g, "wireguard"),
                               "session 7, send key|ChaCha20-Poly1305|"
                               "the other end of the session has it|53535353\n"));
        assert_null(strstr(told(&w.g, "wireguard"), "it|52525252\n"));
        mk_put(w.k, peer, "wg_peer.keypairs.previous_keypair", 0x100); // no memory is there
        assert_null(strstr(told(&w.g, "wireguard"), "previous"));
        mk_free(w.k);
    }
}

/** Before 5.11: nobody knows what the structs look like. */
static void wireguard_blindly(void **state)
{
    enum { FIRST = 4 }; // edits that make the types of WireGuard
    const char *types[FIRST + 8] = { 0 };

    (void)state;
    memcpy(types, more_types, FIRST * sizeof *types);
    types[FIRST] = "struct wg_device {";
    types[FIRST + 1] = "struct untold_device {";
    types[FIRST + 2] = "struct wg_peer {";
    types[FIRST + 3] = "struct untold_peer {";
    mk_each_machine(m) if (eg_x25519_works())
    {
        struct world w = make_world_of(m, false, types);
        struct mk *k = w.k;
        uint64_t dev = make_dev(&w, w.net, 2, "wg0", "wireguard"), wg = priv(&w, dev), peer;
        static const char device[] = "wg0|private key|X25519|public key computed|77076d0a\n";
        char clamped[120];
        uint8_t key[32];

        add_dev(&w, w.net, dev, 2);
        memcpy(key, alice, sizeof key);
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_private"), key, 32);
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_public"), bob_public, 32);
        assert_string_equal(told(&w.g, "wireguard"), ""); // another's public key
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_public"), alice_public, 32);
        assert_string_equal(told(&w.g, "wireguard"), ""); // the kernel keeps what was clamped
        key[0] &= 0xf8;
        key[31] = (key[31] & 0x7f) | 0x40;
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_private"), key, 32);
        head_of(&w, wg, "untold_device.peer_list");
        snprintf(clamped, sizeof clamped, "%.*s70076d0a\n", (int)sizeof device - 10, device);
        assert_string_equal(told(&w.g, "wireguard"), clamped);
        assert_int_equal(mk_row_notes("types of its module are not known"), 1);
        mk_alloc(k, 4096); // there is memory before it
        peer = mk_object(k, "untold_peer");
        mk_alloc(k, 4096);
        mk_write(k, mk_at(k, peer, "untold_peer.handshake.remote_static"), bob_public, 32);
        mk_write(k, mk_at(k, peer, "untold_peer.handshake.precomputed_static_static"), shared, 31);
        fill(k, peer, "untold_peer.handshake.preshared_key", 'P', 32);
        mk_list_append(k, mk_at(k, wg, "untold_device.peer_list"),
                       mk_at(k, peer, "untold_peer.peer_list"));
        assert_string_equal(told(&w.g, "wireguard"), clamped); // one byte is missing
        mk_write(k, mk_at(k, peer, "untold_peer.handshake.precomputed_static_static"), shared, 32);
        assert_non_null(strstr(told(&w.g, "wireguard"),
                               "wg0 peer " BOB
                               "|preshared key||shared secret of the peer computed|50505050\n"));
        mk_write_ptr(k, mk_at(k, peer, "untold_peer.peer_list") + w.ptr, peer); // damaged
        assert_string_equal(told(&w.g, "wireguard"), clamped);
        mk_free(k);
    }
}

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

/** Words of SHA-256's states, computed by another program; a key that is longer than a block. */
static void hmac(void **state)
{
    static const struct {
        size_t len;
        uint32_t inner, outer;
    } cases[] = { { 32, 0x4e72c3e0, 0xac2821d4 }, { 100, 0xd81971a3, 0x6946e841 } };
    struct eg_hmac_states s;
    uint8_t key[100];

    (void)state;
    memset(key, '2', sizeof key);
    for (size_t i = 0; eg_x25519_works() && i < sizeof cases / sizeof *cases; i++)
        for (int big = 0; big < 2; big++) {
            assert_true(eg_hmac_states("sha256", key, cases[i].len, big, &s));
            assert_int_equal(s.n, 32);
            assert_int_equal(eg_load_(s.inner, 4, big), cases[i].inner);
            assert_int_equal(eg_load_(s.outer, 4, big), cases[i].outer);
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
    fill(k, a, member, byte, 96);
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
        assert_string_equal(told(&w.g, "ipsec"), plain);
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
        assert_string_equal(told(&w.g, "ipsec"), plain);
        schedule(k, context_of(k, cipher, "crypto_skcipher.base") + 16, '1', 4);
        assert_non_null(strstr(told(&w.g, "ipsec"), "|cbc(aes)|schedule|31313131\n"));
        memset(key, '2', sizeof key);
        if (eg_hmac_states("sha256", key, 32, mk_model(k)->big_endian, &s)) {
            mk_write(k, context_of(k, hash, "crypto_ahash.base") + 8, s.inner, s.n);
            assert_non_null(strstr(told(&w.g, "ipsec"), "|hmac(sha256)||32323232\n"));
            mk_write(k, context_of(k, hash, "crypto_ahash.base") + 80, s.outer, s.n);
            assert_non_null(
                strstr(told(&w.g, "ipsec"), "|hmac(sha256)|states of HMAC computed|32323232\n"));
        }
        // AH has its hash elsewhere.
        ah = mk_object(k, "ah_data");
        mk_put(k, ah, "ah_data.ahash", hash);
        mk_put(k, x, "xfrm_state.data", ah);
        mk_put(k, x, "xfrm_state.id.proto", 51);
        mk_put(k, x, "xfrm_state.ealg", 0);
        assert_string_equal(told(&w.g, "ipsec"),
                            eg_x25519_works()
                                ? "AH 192.0.2.1 -> 192.0.2.55 SPI 0x1ab00001|authentication|"
                                  "hmac(sha256)|states of HMAC computed|32323232\n"
                                : "AH 192.0.2.1 -> 192.0.2.55 SPI 0x1ab00001|authentication|"
                                  "hmac(sha256)||32323232\n");
        mk_put(k, auth, "xfrm_algo_auth.alg_key_len", 1u << 31);
        assert_string_equal(told(&w.g, "ipsec"), "");
        assert_int_equal(mk_row_notes("algorithm of the IPsec state 0x1ab00001"), 1);
        mk_put(k, auth, "xfrm_algo_auth.alg_key_len", 256);
        mk_puts(k, auth, "xfrm_algo_auth.alg_name", "x' ; reboot #"); // it would get into a shell
        assert_string_equal(told(&w.g, "ipsec"), "");
        mk_puts(k, auth, "xfrm_algo_auth.alg_name", "hmac(sha256)");
        mk_put(k, x, "xfrm_state.km.state", 5); // dead
        assert_string_equal(told(&w.g, "ipsec"), "");
        mk_free(k);
    }
}

/** Keys with a salt, of what is no AES; the files. */
static void ipsec_files(void **state)
{
    struct world w = make_world_of(&mk_machines[0], false, more_types);
    struct mk *k = w.k;
    const uint64_t x = ipsec_state(&w, 50);
    char folder[] = "/tmp/engram-netkeys-XXXXXX", path[80], arg[80], text[1000];
    static const char *const files[] = { "keys/ipsec/states.sh", "keys/ipsec/esp_sa" };
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
    assert_string_equal(told(&w.g, "ipsec"), ESP "|encryption and authentication|rfc4106(gcm(aes))|"
                                                 "schedule|31313131\n");
    assert_non_null(mkdtemp(folder));
    snprintf(arg, sizeof arg, "export=%s/out", folder);
    mk_guest_rows(&w.g, "keys", arg);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *f;
        size_t n;

        snprintf(path, sizeof path, "%s/out/%s", folder, files[i]);
        f = fopen(path, "r");
        assert_non_null(f);
        n = fread(text, 1, sizeof text - 1, f);
        text[n] = 0;
        fclose(f);
        unlink(path);
        assert_string_equal(text, want[i]);
    }
    mk_puts(k, aead, "xfrm_algo_aead.alg_name", "rfc7539esp(chacha20,poly1305)");
    mk_put(k, aead, "xfrm_algo_aead.alg_key_len", 288);
    assert_string_equal(told(&w.g, "ipsec"), ESP "|encryption and authentication|"
                                                 "rfc7539esp(chacha20,poly1305)||31313131\n");
    fill(k, context_of(k, tfm, "crypto_aead.base"), "crypto_alg.cra_ctxsize", '1', 32);
    assert_string_equal(told(&w.g, "ipsec"), ESP "|encryption and authentication|"
                                                 "rfc7539esp(chacha20,poly1305)|context of the "
                                                 "cipher|31313131\n");
    snprintf(path, sizeof path, "%s/out/manifest.jsonl", folder);
    unlink(path);
    for (const char *const *d =
             (const char *const[]){ "/out/keys/ipsec", "/out/keys", "/out", "", NULL };
         *d; d++) {
        snprintf(path, sizeof path, "%s%s", folder, *d);
        rmdir(path);
    }
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
        assert_string_equal(told(&w.g, "macsec"), "");
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
            assert_string_equal(told(&w.g, "macsec"),
                                i ? "ms0|sends, channel 5254001ac0010007, association "
                                    "3|AES-128-GCM|schedule|30303030\n"
                                  : "");
            schedule(k, context_of(k, tfm, "crypto_aead.base"), '0' + i, 4);
        }
        assert_string_equal(told(&w.g, "macsec"),
                            "ms0|sends, channel 5254001ac0010007, association "
                            "3|AES-128-GCM|schedule|30303030\n"
                            "ms0|receives, channel 0000000000000001, association "
                            "0|AES-128-GCM|schedule|31313131\n");
        assert_int_equal(mk_row_notes("more than 1024 channels"), 1);
        mk_put(k, secy, "macsec_secy.key_len", 32); // its keys are shorter
        assert_string_equal(told(&w.g, "macsec"), "");
        mk_put(k, secy, "macsec_secy.key_len", 65535);
        assert_string_equal(told(&w.g, "macsec"), "");
        assert_int_equal(mk_row_notes("cannot be read"), 1);
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
        assert_string_equal(told(&s.g, "kernel TLS"), ""); // no key yet
        info = mk_at(k, ctx, "tls_context.crypto_recv");
        memset(bytes, 'K', sizeof bytes);
        mk_write(k, info, bytes, sizeof bytes);
        mk_put16(k, info, 0x304, mk_model(k)->big_endian);
        mk_put16(k, info + 2, 51, mk_model(k)->big_endian);
        rows = told(&s.g, "kernel TLS");
        assert_non_null(strstr(rows, "TCP 127.0.0.1:443->127.0.0.2:5000 ESTABLISHED tlsd (5)|"));
        assert_non_null(strstr(rows, "|TLS 1.3, what it receives|AES-128-GCM||4b4b4b4b\n"));
        sw = mk_alloc(k, 64);
        tfm = transform(k, "crypto_aead", "crypto_aead.base", "gcm-aes", 300);
        mk_write_ptr(k, sw, tfm);
        mk_put(k, ctx, "tls_context.priv_ctx_rx", sw);
        schedule(k, context_of(k, tfm, "crypto_aead.base"), 'L', 4); // another key's
        assert_string_equal(told(&s.g, "kernel TLS"), "");
        assert_int_equal(mk_row_notes("not encrypted with the key"), 1);
        schedule(k, context_of(k, tfm, "crypto_aead.base"), 'K', 4);
        assert_non_null(strstr(told(&s.g, "kernel TLS"), "|AES-128-GCM|schedule|4b4b4b4b\n"));
        mk_put16(k, info + 2, 99, mk_model(k)->big_endian); // no cipher
        assert_string_equal(told(&s.g, "kernel TLS"), "");
        mk_put16(k, info + 2, 51, mk_model(k)->big_endian);
        mk_put(k, ctx, "tls_context.sk", sk + 8); // of another socket
        assert_string_equal(told(&s.g, "kernel TLS"), "");
        assert_int_equal(mk_row_notes("not its own"), 1);
        mk_put(k, ctx, "tls_context.sk", sk);
        mk_puts(k, ops, "tcp_ulp_ops.name", "mptcp");
        assert_string_equal(told(&s.g, "kernel TLS"), "");
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wireguard), cmocka_unit_test(wireguard_blindly), cmocka_unit_test(hmac),
        cmocka_unit_test(ipsec),     cmocka_unit_test(ipsec_files),       cmocka_unit_test(macsec),
        cmocka_unit_test(ktls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
