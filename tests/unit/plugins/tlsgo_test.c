/* tlsgo_test.c - connections of TLS as Go's crypto/tls keeps them, in a process; near misses. */
#include "mktls.h"
#include <stdlib.h>

/* What Go keeps of a connection of TLS 1.3: the connection, whose handshake is a function bound to
 * it, and two directions that have a cipher and a secret. */
struct go13 {
    uint64_t conn, half[2]; // addresses: of the connection, of the slices
    uint64_t bound, cipher[2];
    uint8_t secret[2][48]; // the client's, the server's
};

static struct go13 put_connection(struct mk_user *u, uint64_t at, size_t hash, bool client,
                                  uint8_t secret[2][48])
{
    const unsigned halves[2] = { 40, 58 };
    struct go13 g = { .conn = at, .bound = at + 0x800 };
    uint8_t iv[12], flag = client;

    put(u, at + 2 * u->ptr, &flag, 1);
    mk_user_word(u, at, 3, g.bound);
    mk_user_word(u, g.bound, 1, at);
    for (unsigned i = 0; i < 2; i++) { // what it reads, what it writes
        const unsigned whose = client ? !i : i;
        const uint64_t bytes = at + 0x840 + 64 * i;

        g.half[i] = at + halves[i] * u->ptr;
        g.cipher[i] = at + 0x900 + 64 * i;
        memcpy(g.secret[whose], secret[whose], hash);
        put(u, bytes, g.secret[whose], hash);
        mk_user_word(u, g.half[i], 0, bytes);
        mk_user_word(u, g.half[i], 1, hash);
        mk_user_word(u, g.half[i], 2, hash);
        mk_user_word(u, g.half[i] - 11 * u->ptr, 0, g.cipher[i]);
        eg_tls_expand(hash, g.secret[whose], "iv", NULL, 0, iv, sizeof iv);
        put(u, g.cipher[i], iv, sizeof iv);
    }
    return g;
}

static struct go13 put_go13(struct mk_user *u, uint64_t at, size_t hash, bool client, unsigned seed)
{
    uint8_t secret[2][48];

    invent(secret[0], hash, seed);
    invent(secret[1], hash, seed + 1);
    return put_connection(u, at, hash, client, secret);
}

static void go13(void **state)
{
    static const uint64_t level[] = { 0, 3, 4 };
    uint8_t hello[100] = { 1, 0, 0, 96, 3, 3 }, key[32];
    char want[200];

    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const bool client = p || m != mk_machines, little = !mk_model(u.g.k)->big_endian;
        const struct go13 g = put_go13(&u, u.heap + 0x100, client ? 48 : 32, client, 30);
        const size_t hash = client ? 48 : 32;
        const char *all;

        assert_int_equal(count(rows(&u), "TLS 1.3"), little ? 2 : 0);
        if (!little) {
            mk_free(u.g.k);
            continue;
        }
        assert_int_equal(count(rows(&u), "its client random was not found"), 2);
        assert_int_equal(count(rows(&u), "its initialization vector is in use"), 2);
        all = rows(&u); // the client's before the server's
        assert_true(strstr(all, in_hex(g.secret[0], hash)) > strstr(all, "CLIENT_TRAFFIC"));
        assert_true(strstr(all, in_hex(g.secret[0], hash)) < strstr(all, "SERVER_TRAFFIC"));
        if (m != mk_machines) { // once is enough of the rest
            mk_free(u.g.k);
            continue;
        }
        for (unsigned i = 0; i < countof(level); i++) {
            mk_user_word(&u, g.half[0] - u.ptr, 0, level[i]);
            assert_int_equal(count(rows(&u), "TLS 1.3"), level[i] < 4 ? 2 : 0);
        }
        mk_user_word(&u, g.half[0] - u.ptr, 0, 0);
        mk_user_word(&u, g.half[0] - 2 * u.ptr, 0, 1); // a cipher that comes next
        assert_int_equal(count(rows(&u), "TLS 1.3"), 0);
        mk_user_word(&u, g.half[0] - 2 * u.ptr, 0, 0);
        mk_user_word(&u, g.half[1], 2, hash + 8);
        assert_int_equal(count(rows(&u), "TLS 1.3"), 0);
        mk_user_word(&u, g.half[1], 2, hash);
        mk_user_word(&u, g.bound, 1, g.conn + 8); // bound to something else
        assert_int_equal(count(rows(&u), "TLS 1.3"), 0);
        mk_user_word(&u, g.bound, 1, g.conn);
        mk_user_word(&u, g.cipher[1], 0, 1); // not what follows from the secret
        assert_int_equal(count(rows(&u), "TLS 1.3"), 0);
        eg_tls_expand(hash, g.secret[client ? 0 : 1], "iv", NULL, 0, key, 12);
        put(&u, g.cipher[1], key, 12);
        eg_tls_expand(hash, g.secret[1], "key", NULL, 0, key, 32);
        put(&u, u.heap + 3 * u.g.page, key, 32);
        assert_int_equal(count(rows(&u), "its write key"), 1);

        hello[38] = 32;
        hello[72] = 4;
        invent(hello + 6, 32, 90);
        put(&u, u.heap + 2 * u.g.page + 7, hello, sizeof hello);
        snprintf(want, sizeof want, "client random %s, of the only", in_hex(hello + 6, 32));
        assert_int_equal(count(rows(&u), want), 2);
        hello[72] = 3; // no list of ciphers
        put(&u, u.heap + 2 * u.g.page + 7, hello, sizeof hello);
        assert_int_equal(count(rows(&u), "of the only"), 0);
        hello[72] = 4;
        put(&u, u.heap + 2 * u.g.page + 7, hello, sizeof hello);
        put(&u, u.heap + 2 * u.g.page + 507, hello, sizeof hello); // the same again
        assert_int_equal(count(rows(&u), want), 2);
        invent(hello + 6, 32, 91);
        put(&u, u.heap + 2 * u.g.page + 507, hello, sizeof hello);
        assert_int_equal(count(rows(&u), "of the only"), 0);
        // two connections and one message
        put(&u, u.heap + 2 * u.g.page + 7, hello, sizeof hello);
        put_go13(&u, u.heap + 4 * u.g.page, hash, client, 50);
        assert_int_equal(count(rows(&u), "TLS 1.3"), 4);
        assert_int_equal(count(rows(&u), "of the only"), 0);
        mk_free(u.g.k);
    }
}

/* Whose connection the secrets are of, a capture says: one that OpenSSL made. */
static void captured(void **state)
{
    static const char *const secrets[2] = {
        "15e8d1b617f5fb7915901889ecc8842f026c6859fed7a54e0b22933ba95a93b9",
        "0c591fdebd313caa8a15ac5e96f762e1a3e5f8979c136383316e1072be16acb9"
    };
    static const char *const loose[2] = {
        "7482ce38e4ec138a3b712ce35257f853cb982bd4300d8049ad36ee5e7d571c94",
        "58eb6d9a48e5ad999a48161c2c94c57d8eeed5469b52ade62c4ec3dc82f2e354"
    };
    static const char want[] =
        "client random c6d0674f201aa249b255e42d28b8929d21bd88d1e69c3f47fa6ce5355a020950, of the "
        "connection of the capture";
    char args[600];

    (void)state;
    for (unsigned client = 0; client < 2; client++) {
        struct mk_user u = mk_user(mk_machines, 0);
        uint8_t secret[2][48];

        for (unsigned i = 0; i < 2; i++)
            from_hex(secrets[i], secret[i]);
        put_connection(&u, u.heap + 0x100, 32, client, secret);
        snprintf(args, sizeof args, "show pcap=%s/tests/fuzz/corpus/tlscapture/tls13-aes128.pcap",
                 getenv("SOURCE_ROOT"));
        assert_int_equal(count(mk_guest_rows(&u.g, "keys", args), want), 2);
        assert_int_equal(count(mk_guest_rows(&u.g, "keys", args), "decrypts a record"), 2);
        // what the handshake used is left, and nobody points to it
        for (unsigned i = 0; i < 2; i++) {
            from_hex(loose[i], secret[i]);
            put(&u, u.heap + u.g.page + 0x110 + 0x60 * i, secret[i], 32);
        }
        assert_int_equal(count(mk_guest_rows(&u.g, "keys", args), want), 4);
        assert_int_equal(count(mk_guest_rows(&u.g, "keys", args), "HANDSHAKE"), 2);
        assert_int_equal(count(rows(&u), "HANDSHAKE"), 0);
        mk_free(u.g.k);
    }
}

/* TLS 1.2: a function that exports keys has slices, of the randoms too; the digests that the key
 * block was made of, and itself, are left. */
static void go12(void **state)
{
    enum { RANDOMS = 0x100, MASTER_AT = 0x180, FUNCTION = 0x200, PARTS_AT = 0x400 };
    uint8_t master[48], pair[64], seed[64], block[164];
    char want[200];

    (void)state;
    mk_each_user(m, p)
    {
        struct mk_user u = mk_user(m, p);
        const bool little = !mk_model(u.g.k)->big_endian;
        const uint64_t f = u.heap + FUNCTION, keys = u.heap + 3 * u.g.page;

        invent(master, 48, 61);
        invent(pair, 64, 62);
        put(&u, u.heap + RANDOMS, pair, 32); // the server's
        put(&u, u.heap + RANDOMS + 64, pair + 32, 32);
        put(&u, u.heap + MASTER_AT, master, 48);
        for (unsigned i = 0; i < 2; i++) {
            mk_user_word(&u, f, 1 + 3 * i, u.heap + RANDOMS + 64 * i);
            mk_user_word(&u, f, 2 + 3 * i, 32);
            mk_user_word(&u, f, 3 + 3 * i, i ? 0x9a : 32);
        }
        mk_user_word(&u, f, 7, 0x303);
        mk_user_word(&u, f, 9, u.heap + MASTER_AT);
        mk_user_word(&u, f, 10, 48);
        mk_user_word(&u, f, 11, 48);
        assert_int_equal(count(rows(&u), "TLS 1.2"), 0); // no key
        memcpy(seed, pair, 64);
        eg_tls_prf(32, master, "key expansion", seed, 64, block, sizeof block);
        put(&u, keys, block, 104); // the whole block, which says nothing of the cipher
        assert_int_equal(count(rows(&u), "TLS 1.2"), little);
        assert_int_equal(count(rows(&u), "AES"), 0);
        if (!little) {
            mk_free(u.g.k);
            continue;
        }
        snprintf(want, sizeof want, "client random %s, the key block", in_hex(pair + 32, 32));
        assert_int_equal(count(rows(&u), want), 1);
        for (unsigned i = 0; i < 4; i++) // digests
            put(&u, keys + PARTS_AT + 64 * i, block + 32 * i, 32);
        put(&u, keys + 2 * PARTS_AT, block + 40, 16); // AES-128 with a MAC of SHA-1
        put(&u, keys + 2 * PARTS_AT + 64, block + 56, 16);
        assert_int_equal(count(rows(&u), "AES-128-CBC"), 1);
        mk_user_word(&u, f, 5, 33); // no random
        assert_int_equal(count(rows(&u), "TLS 1.2"), 0);
        mk_user_word(&u, f, 5, 32);
        mk_user_word(&u, f, 11, 47);
        assert_int_equal(count(rows(&u), "TLS 1.2"), 0);
        mk_free(u.g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(go13), cmocka_unit_test(captured),
                                        cmocka_unit_test(go12) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
