/* tls_test.c - secrets of TLS: what follows from what (RFC 8448, and numbers that Python's hmac
 * computed), where memory may have them, and a process that keeps connections as OpenSSL and as
 * GnuTLS do. */
#include "../../../plugins/keys/crypto.h"
#include "../../../plugins/keys/tls_find.h"
#include "check.h"
#include "mktls.h"
#include <stdio.h>
#include <stdlib.h>

enum { HANDSHAKE = 1, MASTER, HASH = 7, HELLOS = 8 }; // slots of OpenSSL's

static void derivation(void **state)
{
    static const struct {
        size_t hash;
        const char *secret, *label, *context, *want;
    } expands[] = {
        { 32, "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919", "c ap traffic",
          "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13",
          "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5" },
        { 32, "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", "key", "",
          "9f02283b6c9c07efc26bb9f2ac92e356" },
        { 32, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "key", "",
          "36d52c5d9d2045ca0294d31e9753e01cd9a392ec4fbec6504296c8aafd6a948fc19b9a5e7495c5543e51ef32"
          "e10470a0ac50d3bfa261e6350aca0d5fd28e2eb2dfb55293b44c42fee49ab9aaae640662" },
        { 48,
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
          "2c2d2e2f",
          "exp master",
          "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b"
          "5c5d5e5f",
          "559f2b3fe0a895de3d3d7322e2fd5bb639fb2c106f8fb935367261a08faf4551a8bf1d04fa0bc1616eb9a0d1"
          "aec3b1d3" },
    };
    static const char *const prf[] = {
        [0] = "4ac38c4d46e5ff44538c63cd6644009fd1aa1b19a81b76452615cb3f94ce61ea9f2477bd23b09dfa855a"
              "5d720e91e4b20588e7d3c8a7ea09ee756866999714e82ec648155182727f19c882dbc6845bd4b682147c"
              "403e2560e81a33443f6cc12a75afcd5b",
        [1] = "724152abe2fd4f3af374fb9420892f7f596f6d7ca573a31a50fb435dfd0c431ed62e5d92aa135958dbf9"
              "035cf97c343bcdf6f744378ff8bd58030551645fe8cabcfa300b6c3ba5e6cbe2718d56ee796eb18a5cd8"
              "9c1f9873e2fc2eacf024b93dc650ed91",
    };
    uint8_t secret[64], context[64], want[128], out[128], count[64];

    (void)state;
    assert_true(eg_crypto_works());
    for (size_t i = 0; i < countof(expands); i++) {
        const size_t n = from_hex(expands[i].want, want), c = from_hex(expands[i].context, context);

        from_hex(expands[i].secret, secret);
        assert_true(eg_tls_expand(expands[i].hash, secret, expands[i].label, context, c, out, n));
        assert_memory_equal(out, want, n);
    }
    from_hex("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac", secret);
    from_hex("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919", want);
    assert_true(eg_tls_next(32, secret, out));
    assert_memory_equal(out, want, 32);
    for (unsigned i = 0; i < sizeof count; i++)
        count[i] = (uint8_t)i;
    from_hex(
        "c6a3af77a92d208a3a092d220a0729f5365e1ef32b209b472e47c1108a424ca73241621c83a0203b95efed2b"
        "059a63a7",
        want);
    assert_true(eg_tls_next(48, count, out));
    assert_memory_equal(out, want, 48);
    for (unsigned i = 0; i < 2; i++) {
        const size_t n = from_hex(prf[i], want);

        assert_true(eg_tls_prf(i ? 48 : 32, count, "key expansion", count, 64, out, n));
        assert_memory_equal(out, want, n);
    }
    assert_false(eg_tls_expand(20, secret, "key", NULL, 0, out, 16));
    assert_false(eg_tls_expand(32, secret, "key", NULL, 0, out, TLS_EXPAND_MAX + 1));
    assert_false(eg_tls_expand(32, secret, "key", context, TLS_HASH_MAX + 1, out, 16));
    assert_false(
        eg_tls_expand(32, secret, "a label that is longer than 32 bytes", NULL, 0, out, 9));
    assert_false(eg_tls_prf(16, secret, "key", context, 8, out, 16));
    assert_false(eg_tls_prf(32, secret, "key", context, 65, out, 16));
}

/* ---- slots ---- */

/* The slots of a connection of OpenSSL: 12, of which the last is empty. @return bytes. */
static size_t openssl_slots(uint8_t *out, size_t hash)
{
    uint8_t secret[48];

    memset(out, 0, 12 * TLS_SLOT);
    invent(out, hash, 1);
    invent(out + HANDSHAKE * TLS_SLOT, hash, 2);
    eg_tls_next(hash, out + HANDSHAKE * TLS_SLOT, out + MASTER * TLS_SLOT);
    invent(out + 3 * TLS_SLOT, hash, 3);
    invent(out + 6 * TLS_SLOT, hash, 4); // of the server's Finished message
    invent(out + 7 * TLS_SLOT, hash, 5); // of the Hello messages
    for (unsigned i = 0; i < 2; i++) {
        eg_tls_expand(hash, out + HANDSHAKE * TLS_SLOT, i ? "s hs traffic" : "c hs traffic",
                      out + 7 * TLS_SLOT, hash, secret, hash);
        eg_tls_expand(hash, secret, "finished", NULL, 0, out + (4 + i) * TLS_SLOT, hash);
    }
    for (unsigned i = 0; i < 3; i++)
        eg_tls_expand(hash, out + MASTER * TLS_SLOT,
                      i == 0   ? "c ap traffic"
                      : i == 1 ? "s ap traffic"
                               : "exp master",
                      out + 6 * TLS_SLOT, hash, out + (8 + i) * TLS_SLOT, hash);
    return 12 * TLS_SLOT;
}

struct places {
    size_t n[4], first[4];
};

static void count_place(void *context, size_t at, enum eg_tls_sort sort)
{
    struct places *p = context;

    if (!p->n[sort]++)
        p->first[sort] = at;
}

static void slots(void **state)
{
    static uint8_t bytes[4096];

    (void)state;
    for (size_t hash = 32; hash <= 48; hash += 16)
        for (size_t at = 0; at < 2 * TLS_SLOT; at += 4) {
            struct places p = { 0 };
            struct eg_tls_slots s;
            struct eg_tls13 of;
            uint32_t budget = 10000;
            const size_t from = 1024 + at;

            memset(bytes, 0, sizeof bytes);
            openssl_slots(bytes + from, hash);
            eg_tls_look(bytes, sizeof bytes, 8, count_place, &p);
            assert_int_equal(p.n[TLS_SLOTS], 1);
            assert_int_equal(p.n[TLS_SESSION] + p.n[TLS_DENSE], 0);
            assert_true(eg_tls_slots(bytes, sizeof bytes, p.first[TLS_SLOTS], &s));
            assert_int_equal(s.at, from);
            assert_int_equal(s.n, 11);
            assert_int_equal(s.hash, hash);
            assert_true(eg_tls13_prove(bytes + s.at, s.n, s.hash, &budget, &of));
            assert_int_equal(of.master, MASTER);
            assert_true(of.has_handshake);
            assert_int_equal(of.slot[TLS_CLIENT], 8);
            assert_int_equal(of.slot[TLS_SERVER], 9);
            assert_int_equal(of.slot[TLS_EXPORTER], 10);
            assert_int_equal(of.slot[TLS_CLIENT_HANDSHAKE], -1);
            assert_memory_equal(of.hellos, bytes + from + 7 * TLS_SLOT, hash);
        }
}

/* Fewer slots than those of a connection are looked at only where a piece cuts them. */
static void cut_slots(void **state)
{
    static uint8_t bytes[2048];
    static const struct {
        size_t from, len, n;
    } cases[] = {
        { 0, 2048, 0 }, { 1024, 1024, 1 }, { 960, 1088, 0 }, { 0, 1216, 1 },
        { 0, 1280, 0 }, { 1088, 960, 1 },  { 1152, 896, 0 },
    };

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        invent(bytes + 1024 + 64 * i, 32, i);
    for (size_t i = 0; i < countof(cases); i++) {
        struct places p = { 0 };

        eg_tls_look(bytes + cases[i].from, cases[i].len, 8, count_place, &p);
        assert_int_equal(p.n[TLS_SLOTS], cases[i].n);
    }
}

/* One bit of what a proof rests on, and it is none; of what it does not need, it stays. */
static void broken_slots(void **state)
{
    static uint8_t bytes[12 * TLS_SLOT];
    static const struct {
        int slot;
        bool app, handshake;
    } cases[] = {
        { 0, true, true },  { HANDSHAKE, true, false }, { MASTER, false, false },
        { 3, true, true },  { 4, true, true },          { 6, false, false },
        { 7, true, false }, { 8, true, true },          { 10, true, true },
    };
    uint8_t client[48];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_tls13 of;
        uint32_t budget = 10000;

        openssl_slots(bytes, 48);
        memcpy(client, bytes + 8 * TLS_SLOT, 48);
        bytes[cases[i].slot * TLS_SLOT + 5] ^= 4;
        assert_int_equal(eg_tls13_prove(bytes, 11, 48, &budget, &of), cases[i].app);
        if (!cases[i].app)
            continue;
        assert_int_equal(of.has_handshake, cases[i].handshake);
        // A key update has changed it: what it was is computed.
        assert_memory_equal(of.secret[TLS_CLIENT], client, 48);
        assert_int_equal(of.slot[TLS_CLIENT], cases[i].slot == 8 ? -1 : 8);
        budget = 3;
        assert_false(eg_tls13_prove(bytes, 11, 48, &budget, &of));
        assert_int_equal(budget, 0);
    }
}

static void near_misses(void **state)
{
    static uint8_t bytes[4096];
    struct places p;
    uint64_t words[8];

    (void)state;
    // Structures of 64 bytes with pointers, numbers and texts
    memset(bytes, 0, sizeof bytes);
    for (unsigned i = 0; i < 32; i++) {
        const uint64_t with_pointers[8] = { 0x00005574436a5000 + i * 0x318, 7, 0x7f3344556677, i };

        memcpy(bytes + 64 * i, with_pointers, 64);
    }
    p = (struct places){ 0 };
    eg_tls_look(bytes, sizeof bytes, 8, count_place, &p);
    assert_int_equal(p.n[1] + p.n[2] + p.n[3], 0);
    // random bytes without gaps, and of a length that is none
    for (size_t n = 100; n < 160; n += 4) {
        memset(bytes, 0, sizeof bytes);
        invent(bytes + 256, n, (unsigned)n);
        p = (struct places){ 0 };
        eg_tls_look(bytes, sizeof bytes, 8, count_place, &p);
        assert_int_equal(p.n[TLS_DENSE], n == 112 || n == 144);
        assert_int_equal(p.n[TLS_SLOTS], 0);
        if (p.n[TLS_DENSE])
            assert_int_equal(p.first[TLS_DENSE], 256);
    }
    // a session: version and length of both word sizes
    for (unsigned ptr = 4; ptr <= 8; ptr += 4)
        for (unsigned version = 0x302; version <= 0x304; version++)
            for (unsigned len = 47; len <= 49; len++)
                for (unsigned at = 0; at < 64; at += ptr) {
                    memset(bytes, 0, sizeof bytes);
                    bytes[512] = 1;
                    memcpy(bytes + 512 + at, &version, 4);
                    memcpy(bytes + 512 + at + ptr, &len, 4);
                    p = (struct places){ 0 };
                    eg_tls_look(bytes, sizeof bytes, ptr, count_place, &p);
                    assert_int_equal(p.n[TLS_SESSION], version == 0x303 && len == 48);
                    if (p.n[TLS_SESSION])
                        assert_int_equal(p.first[TLS_SESSION], 512 + at + ptr);
                }
    memset(words, 0xff, sizeof words);
    memcpy(bytes, words, 64);
    assert_false(eg_tls_is_master(bytes, 64));
    invent(bytes, 48, 9);
    memset(bytes + 48, 0, 64);
    assert_true(eg_tls_is_master(bytes, 64));
    assert_false(eg_tls_is_master(bytes, 47));
    bytes[48] = bytes[49] = bytes[50] = 1;
    assert_false(eg_tls_is_master(bytes, 64));
}

static void randoms(void **state)
{
    static uint8_t bytes[1024];

    (void)state;
    for (size_t n = 32; n <= 160; n += 4)
        for (size_t at = 4; at < 24; at += 4) {
            size_t found = 0;

            memset(bytes, 0, sizeof bytes);
            invent(bytes + at, n, (unsigned)n);
            assert_int_equal(eg_tls_randoms(bytes, sizeof bytes, false, &found),
                             n == 64 || n == 96);
            if (n == 64 || n == 96)
                assert_int_equal(found, at);
            found = 0;
            assert_int_equal(eg_tls_randoms(bytes, sizeof bytes, true, &found),
                             n == 112 || n == 144);
            // up to the end of what can be read
            found = 0;
            assert_int_equal(eg_tls_randoms(bytes, at + n, false, &found), n == 64 || n == 96);
        }
}

/* ---- a process ---- */

#define each_process(u)                                                                            \
    mk_each_machine(m_) for (struct mk_user u = mk_user(m_, 0); u.g.k; mk_free(u.g.k), u.g.k = NULL)

static void openssl13(void **state)
{
    uint8_t bytes[12 * TLS_SLOT], pair[64], key[32], hello[40] = { 1, 0, 0, 36, 3, 3 };

    (void)state;
    each_process(u)
    {
        const bool little = !mk_model(u.g.k)->big_endian;
        // Over the border of a page, and not at a multiple of 8
        const uint64_t at = u.heap + u.g.page - 5 * TLS_SLOT + 4;
        const char *all;
        char want[200];

        openssl_slots(bytes, 48);
        invent(pair, 64, 77);
        put(&u, at, bytes, sizeof bytes);
        put(&u, at - 996, pair, 64);
        all = rows(&u);
        assert_int_equal(count(all, "TLS 1.3"), little ? 5 : 0);
        if (!little)
            continue;
        assert_int_equal(count(all, "follows from"), 5);
        assert_int_equal(count(all, "in use"), 0);
        assert_non_null(strstr(all, in_hex(bytes + 10 * TLS_SLOT, 48)));
        snprintf(want, sizeof want, "client random %s, by its place", in_hex(pair + 32, 32));
        assert_int_equal(count(all, want), 5);
        // the key of a slot is elsewhere
        eg_tls_expand(48, bytes + 9 * TLS_SLOT, "key", NULL, 0, key, 32);
        put(&u, u.heap + 3 * u.g.page, key, 16);
        assert_int_equal(count(rows(&u), "in use"), 1);
        assert_int_equal(count(rows(&u), "AES-256"), 1);
        // a message of the client has the other random
        hello[0] = 1;
        memcpy(hello + 6, pair, 32);
        put(&u, u.heap + 3 * u.g.page + 77, hello, 38);
        snprintf(want, sizeof want, "client random %s, of a Hello message", in_hex(pair, 32));
        assert_int_equal(count(rows(&u), want), 5);
        // one of the server's: that is the other one
        hello[0] = 2;
        put(&u, u.heap + 3 * u.g.page + 77, hello, 38);
        snprintf(want, sizeof want, "client random %s, of a Hello message", in_hex(pair + 32, 32));
        assert_int_equal(count(rows(&u), want), 5);
        // nothing that follows: no row
        bytes[6 * TLS_SLOT] ^= 1;
        put(&u, at, bytes, sizeof bytes);
        assert_int_equal(count(rows(&u), "TLS 1.3"), 0);
    }
}

/* The randoms are in a structure of their own, as OpenSSL 1.1.1 has them; and none. */
static void pointed(void **state)
{
    uint8_t bytes[12 * TLS_SLOT], pair[64];
    char want[200];

    (void)state;
    each_process(u)
    {
        const uint64_t at = u.heap + 0x404, s3 = u.heap + 2 * u.g.page + 0x100;

        if (mk_model(u.g.k)->big_endian)
            continue;
        openssl_slots(bytes, 32);
        put(&u, at, bytes, sizeof bytes);
        assert_int_equal(count(rows(&u), "its client random was not found"), 5);
        invent(pair, 64, 3);
        put(&u, s3 + 0xb8, pair, 64);
        mk_user_word(&u, at - 0x94, 0, s3);
        snprintf(want, sizeof want, "client random %s, by its place", in_hex(pair + 32, 32));
        assert_int_equal(count(rows(&u), want), 5);
    }
}

/* Both Hello messages are in memory, and their digest is that of the slots. */
static void hellos(void **state)
{
    uint8_t bytes[12 * TLS_SLOT], pair[64],
        hello[2][60] = { { 1, 0, 0, 50, 3, 3 }, { 2, 0, 0, 40, 3, 3 } }, both[54 + 44];

    (void)state;
    each_process(u)
    {
        if (mk_model(u.g.k)->big_endian)
            continue;
        invent(pair, 64, 3);
        memcpy(hello[0] + 6, pair + 32, 32);
        memcpy(hello[1] + 6, pair, 32);
        openssl_slots(bytes, 32);
        memcpy(both, hello[0], 54);
        memcpy(both + 54, hello[1], 44);
        eg_tls_digest(32, both, sizeof both, bytes + 7 * TLS_SLOT);
        for (unsigned i = 0; i < 2; i++) { // what follows from that
            uint8_t secret[32];

            eg_tls_expand(32, bytes + TLS_SLOT, i ? "s hs traffic" : "c hs traffic",
                          bytes + 7 * TLS_SLOT, 32, secret, 32);
            eg_tls_expand(32, secret, "finished", NULL, 0, bytes + (4 + i) * TLS_SLOT, 32);
        }
        put(&u, u.heap + 0x400, bytes, sizeof bytes);
        put(&u, u.heap + 0x100, pair, 64);
        put(&u, u.heap + 2 * u.g.page + 5, hello[0], 60);
        put(&u, u.heap + 3 * u.g.page + 9, hello[1], 60);
        assert_int_equal(count(rows(&u), "from whose digest the secrets follow"), 5);
        hello[1][43] ^= 2;
        put(&u, u.heap + 3 * u.g.page + 9, hello[1], 60);
        assert_int_equal(count(rows(&u), "from whose digest the secrets follow"), 0);
        assert_int_equal(count(rows(&u), "of a Hello message in"), 5);
    }
}

/* A session of TLS 1.2, to which a structure points that has the randoms. */
static void openssl12(void **state)
{
    uint8_t master[48], pair[64], seed[64], block[160];

    (void)state;
    each_process(u) for (unsigned hash = 32; hash <= 48; hash += 16)
    {
        const bool little = !mk_model(u.g.k)->big_endian;
        const uint64_t session = u.heap + 0x200, s = u.heap + u.g.page + 0x100;
        const uint64_t keys = u.heap + 3 * u.g.page;
        char want[200];

        invent(master, 48, hash);
        invent(pair, 64, 8);
        memset(block, 0, sizeof block);
        put(&u, keys, block, 64);
        mk_user_word(&u, session, 0, 0x303);
        mk_user_word(&u, session, 1, 48);
        put(&u, session + 0x50, master, 48);
        put(&u, s, pair, 64);
        mk_user_word(&u, s + 0x600, 0, session);
        assert_int_equal(count(rows(&u), "TLS 1.2"), 0); // no key
        memcpy(seed, pair, 64);                          // the server's random is the first
        eg_tls_prf(hash, master, "key expansion", seed, 64, block, sizeof block);
        put(&u, keys + 4, block + 32, 16); // the server's key of 32 bytes
        assert_int_equal(count(rows(&u), "TLS 1.2"), little);
        if (!little)
            continue;
        snprintf(want, sizeof want, "client random %s, the key block", in_hex(pair + 32, 32));
        assert_int_equal(count(rows(&u), want), 1);
        put(&u, keys + 64, block, 32);
        assert_int_equal(count(rows(&u), hash == 32 ? "ChaCha20" : "AES-256, SHA-384"), 1);
        // AES-128 with a MAC of SHA-1, whose keys are kept too
        memset(block + 144, 0, 16);
        put(&u, keys + 4, block + 144, 16);
        put(&u, keys + 64, block + 144, 16);
        put(&u, keys + 80, block + 144, 16);
        put(&u, keys, block, 16);
        put(&u, keys + 32, block + 40, 16);
        put(&u, keys + 96, block + 56, 16);
        put(&u, keys + 128, block + 72, 16); // an initialization vector
        assert_int_equal(count(rows(&u), "AES-128-CBC"), 1);
        // nobody points to the session any more
        mk_user_word(&u, s + 0x600, 0, session + 8);
        assert_int_equal(count(rows(&u), "TLS 1.2"), 0);
    }
}

/* GnuTLS: the client's random is the first; its slots have no digest. */
static void gnutls(void **state)
{
    uint8_t all[112], block[160], seed[64], secrets[6][64] = { 0 }, key[32];

    (void)state;
    each_process(u)
    {
        const uint64_t keys = u.heap + 3 * u.g.page, at = u.heap + 0x1404;
        char want[200];

        if (mk_model(u.g.k)->big_endian)
            continue;
        invent(all, sizeof all, 12);
        put(&u, u.heap + 0x100, all, sizeof all);
        assert_int_equal(count(rows(&u), "TLS 1"), 0);
        memcpy(seed, all + 80, 32);
        memcpy(seed + 32, all + 48, 32);
        eg_tls_prf(48, all, "key expansion", seed, 64, block, sizeof block);
        put(&u, keys, block, 16);
        assert_int_equal(count(rows(&u), "TLS 1.2"), 1);
        snprintf(want, sizeof want, "client random %s, the key block", in_hex(all + 48, 32));
        assert_int_equal(count(rows(&u), want), 1);

        memset(all, 0, 48); // TLS 1.3 has no such master secret
        put(&u, u.heap + 0x100, all, 48);
        for (unsigned i = 0; i < 6; i++)
            invent(secrets[i], 32, 40 + i);
        put(&u, at, secrets[0], sizeof secrets);
        assert_int_equal(count(rows(&u), "TLS 1"), 0);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(count(rows(&u), "TLS 1"), 0);
            eg_tls_expand(32, secrets[2 + i], "key", NULL, 0, key, 16);
            for (unsigned k = 0; k < 16; k += 4) // as words of a big-endian program
                for (unsigned j = 0; j < 4; j++)
                    put(&u, keys + 64 + 16 * i + k + j, &key[k + 3 - j], 1);
        }
        snprintf(want, sizeof want, "client random %s, by its place", in_hex(all + 48, 32));
        assert_int_equal(count(rows(&u), want), 5);
        assert_int_equal(count(rows(&u), "its write key is in use"), 2);
        assert_int_equal(count(rows(&u), "AES-128, SHA-256"), 5);
        snprintf(want, sizeof want, "|%s|", in_hex(secrets[0], 32));
        assert_non_null(strstr(rows(&u), want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivation),   cmocka_unit_test(slots),       cmocka_unit_test(cut_slots),
        cmocka_unit_test(broken_slots), cmocka_unit_test(near_misses), cmocka_unit_test(randoms),
        cmocka_unit_test(openssl13),    cmocka_unit_test(pointed),     cmocka_unit_test(hellos),
        cmocka_unit_test(openssl12),    cmocka_unit_test(gnutls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
