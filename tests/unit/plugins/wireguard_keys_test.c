/* wireguard_keys_test.c - WireGuard's keys in the vault, with types and without; what is close to
 * one, and damaged. */
#include "../../../plugins/keys/crypto.h"
#include "check.h"
#include "mknet.h"
#include "mkvault.h"

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
    NULL,
};

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

    mk_fill(w->k, pair, "noise_keypair.sending.key", send, 32);
    mk_fill(w->k, pair, "noise_keypair.receiving.key", receive, 32);
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
        const char *proof = eg_crypto_works() ? "shared secret of the peer computed" : "";
        uint64_t wg, peer, other;
        char want[600];

        wg = wg_device(&w, 2, "wg0", alice, alice_public);
        peer = wg_peer(&w, wg, bob_public);
        snprintf(want, sizeof want, "wg0|private key|X25519|%s|77076d0a\n",
                 eg_crypto_works() ? "public key computed" : "");
        assert_string_equal(mk_told(&w.g, "wireguard"), want); // neither preshared key nor session
        mk_fill(w.k, peer, "wg_peer.handshake.preshared_key", 'P', 32);
        mk_fill(w.k, peer, "wg_peer.handshake.ephemeral_private", 'E', 32);
        mk_write(w.k, mk_at(w.k, wg, "wg_device.static_identity.static_private"), bob, 32);
        if (eg_crypto_works()) { // not that of the public key: nor does the peer prove anything
            assert_string_equal(mk_told(&w.g, "wireguard"), "");
            assert_int_equal(mk_row_notes("is not that of its private key"), 1);
        }
        mk_write(w.k, mk_at(w.k, wg, "wg_device.static_identity.static_private"), alice, 32);
        snprintf(want, sizeof want,
                 "wg0 peer " BOB "|preshared key||%s|50505050\n"
                 "wg0 peer " BOB "|ephemeral private key|X25519|%s|45454545\n",
                 proof, proof);
        assert_non_null(strstr(mk_told(&w.g, "wireguard"), want));
        mk_fill(w.k, peer, "wg_peer.handshake.precomputed_static_static", 1, 32);
        assert_non_null(strstr(mk_told(&w.g, "wireguard"), "|preshared key|||50505050\n"));
        mk_write(w.k, mk_at(w.k, peer, "wg_peer.handshake.precomputed_static_static"), shared, 32);
        // Sessions: alone, and where the other end is here too.
        wg_session(&w, peer, "wg_peer.keypairs.previous_keypair", 'S', 'R', 0x11, 0x22);
        snprintf(want, sizeof want,
                 "wg0 peer " BOB "|previous session 7, send key|ChaCha20-Poly1305|%s|53535353\n"
                 "wg0 peer " BOB "|previous session 7, receive key|ChaCha20-Poly1305|%s|52525252\n",
                 proof, proof);
        assert_non_null(strstr(mk_told(&w.g, "wireguard"), want));
        other = wg_peer(&w, wg_device(&w, 3, "wg1", bob, bob_public), alice_public);
        wg_session(&w, other, "wg_peer.keypairs.current_keypair", 'R', 'S', 0x22, 0x33);
        mk_told(&w.g, "wireguard"); // one of both directions has the index of the other
        assert_non_null(strstr(mk_told(&w.g, "wireguard"),
                               "session 7, send key|ChaCha20-Poly1305|"
                               "the other end of the session has it|53535353\n"));
        assert_null(strstr(mk_told(&w.g, "wireguard"), "it|52525252\n"));
        mk_put(w.k, peer, "wg_peer.keypairs.previous_keypair", 0x100); // no memory is there
        assert_null(strstr(mk_told(&w.g, "wireguard"), "previous"));
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
    mk_each_machine(m) if (eg_crypto_works())
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
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_public"), alice_public, 32);
        assert_string_equal(mk_told(&w.g, "wireguard"), ""); // the kernel keeps what was clamped
        key[0] &= 0xf8;
        key[31] = (key[31] & 0x7f) | 0x40;
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_private"), key, 32);
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_public"), bob_public, 32);
        assert_string_equal(mk_told(&w.g, "wireguard"), ""); // another's public key
        mk_write(k, mk_at(k, wg, "untold_device.static_identity.static_public"), alice_public, 32);
        head_of(&w, wg, "untold_device.peer_list");
        snprintf(clamped, sizeof clamped, "%.*s70076d0a\n", (int)sizeof device - 10, device);
        assert_string_equal(mk_told(&w.g, "wireguard"), clamped);
        assert_int_equal(mk_row_notes("types of its module are not known"), 1);
        mk_alloc(k, 4096); // there is memory before it
        peer = mk_object(k, "untold_peer");
        mk_alloc(k, 4096);
        mk_write(k, mk_at(k, peer, "untold_peer.handshake.remote_static"), bob_public, 32);
        mk_write(k, mk_at(k, peer, "untold_peer.handshake.precomputed_static_static"), shared, 31);
        mk_fill(k, peer, "untold_peer.handshake.preshared_key", 'P', 32);
        mk_list_append(k, mk_at(k, wg, "untold_device.peer_list"),
                       mk_at(k, peer, "untold_peer.peer_list"));
        assert_string_equal(mk_told(&w.g, "wireguard"), clamped); // one byte is missing
        mk_write(k, mk_at(k, peer, "untold_peer.handshake.precomputed_static_static"), shared, 32);
        assert_non_null(strstr(mk_told(&w.g, "wireguard"),
                               "wg0 peer " BOB
                               "|preshared key||shared secret of the peer computed|50505050\n"));
        mk_write_ptr(k, mk_at(k, peer, "untold_peer.peer_list") + w.ptr, peer); // damaged
        assert_string_equal(mk_told(&w.g, "wireguard"), clamped);
        mk_free(k);
    }
}

/** What `wg setconf` takes; a device of the same name in another namespace; Wireshark's file. */
static void wireguard_files(void **state)
{
    struct world w = make_world_of(&mk_machines[0], false, more_types);
    struct mk *k = w.k;
    uint64_t wg = wg_device(&w, 2, "wg0", alice, alice_public), peer = wg_peer(&w, wg, bob_public);
    uint64_t end = mk_at(k, peer, "wg_peer.endpoint.addr6");

    (void)state;
    mk_put(k, wg, "wg_device.incoming_port", 51820);
    mk_put(k, wg, "wg_device.fwmark", 0x1ab);
    mk_fill(k, peer, "wg_peer.handshake.preshared_key", 'P', 32);
    mk_put(k, peer, "wg_peer.persistent_keepalive_interval", 25);
    mk_put(k, peer, "wg_peer.endpoint.addr6.sin6_family", 10);
    mk_write(k, end + 2, "\x12\x67", 2);
    mk_write(k, mk_at(k, end, "sockaddr_in6.sin6_addr"), "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
             16);
    wg_session(&w, peer, "wg_peer.keypairs.current_keypair", 'S', 'R', 0x11, 0x22);
    assert_string_equal(mk_exported(&w.g, "wireguard/wg0.conf"),
                        "[Interface]\nListenPort = 51820\nFwMark = 0x1ab\n"
                        "PrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n\n"
                        "[Peer]\nPublicKey = " BOB "\n"
                        "PresharedKey = UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA=\n"
                        "Endpoint = [fe80::1]:4711\nPersistentKeepalive = 25\n");
    assert_string_equal(mk_exported(&w.g, "wireguard/keylog.txt"),
                        "LOCAL_STATIC_PRIVATE_KEY = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n"
                        "REMOTE_STATIC_PUBLIC_KEY = " BOB "\n"
                        "PRESHARED_KEY = UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA=\n");
    assert_string_equal(mk_exported(&w.g, "wireguard/wg0.sessions"),
                        BOB "\tsend\t0x00000022\tvalid\t0\t"
                            "5353535353535353535353535353535353535353535353535353535353535353\n" BOB
                            "\treceive\t0x00000011\tended\t0\t"
                            "5252525252525252525252525252525252525252525252525252525252525252\n");
    assert_null(mk_exported(&w.g, "wireguard/wg0-12.conf"));
    w.net = make_net(&w, 12);
    wg_device(&w, 2, "wg0", bob, bob_public);
    assert_string_equal(mk_exported(&w.g, "wireguard/wg0-12.conf"),
                        "[Interface]\nPrivateKey = XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=\n");
    mk_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wireguard),
        cmocka_unit_test(wireguard_blindly),
        cmocka_unit_test(wireguard_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
