/* openvpn_test.c - keys of OpenVPN: what follows from TLS's secrets (numbers that Python's hmac
 * computed), files of static keys, and a process with a connection, whose data channel's keys are
 * at work in several ways. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/hmac.h"
#include "../../../plugins/keys/ovpn.h"
#include "../../../plugins/keys/tls_find.h"
#include "check.h"
#include "mkuser.h"
#include "mkvault.h"

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

static void equal_hex(const uint8_t *have, const char *want)
{
    uint8_t bytes[64];
    const size_t n = unhex(want, bytes);

    assert_memory_equal(have, bytes, n);
}

static void derivation(void **state)
{
    uint8_t count[64], out[OVPN_KEYS];

    (void)state;
    for (unsigned i = 0; i < sizeof count; i++)
        count[i] = (uint8_t)i;
    assert_true(eg_ovpn_export13(32, count, out));
    equal_hex(out, "52136bc4eb6ceec2083fb937ae96a5fd");
    equal_hex(out + 240, "124010198b91fc282b6fbdc3d4a0e80b");
    assert_true(eg_ovpn_export13(48, count, out));
    equal_hex(out, "ebaa5fad01fe3dfeacc8d0338b19c365");
    equal_hex(out + 240, "c3bdf6921e113273c20b85139ddafeec");
    assert_true(eg_ovpn_export12(32, count, count, count + 32, out));
    equal_hex(out, "bf3bca407a8e2865e71661fa6b7bd8b3");
    equal_hex(out + 240, "58b5b21433f04ac938dfb0ea509068f3");
    assert_true(eg_ovpn_export12(48, count, count, count + 32, out));
    equal_hex(out, "37128b598cacc026002cea433bad1d56");
    assert_false(eg_ovpn_export13(20, count, out));
    assert_true(eg_ovpn_epoch(count, "data_key", out, 32));
    equal_hex(out, "ebbbf838a8658beb56f2324d691351bd4c8c230fb271ada8f67de830b7ee3192");
    assert_true(eg_ovpn_epoch(count, "data_key", out, 16));
    equal_hex(out, "c0b015350de890ee8e1849d2c29a1b94");
    assert_true(eg_ovpn_epoch(count, "data_iv", out, 12));
    equal_hex(out, "568de14f8f744bfb0b721f66");
    assert_true(eg_ovpn_epoch(count, "datakey upd", out, 32));
    equal_hex(out, "e35bffa31e2723bf09e8d394fa9171ca4e534553bffa1d3482de4c9b3bc639d7");
    assert_false(eg_ovpn_epoch(count, "data_key", out, 33));
    assert_false(eg_ovpn_epoch(count, "a label of more than 32 characters", out, 32));
}

/* ---- files ---- */

static char text[8192];
static struct eg_ovpn_file file;

static bool reads(const char *name, const char *body, const char *end)
{
    const int n =
        snprintf(text, sizeof text, "-----BEGIN %s-----\n%s-----END %s-----", name, body, end);

    assert_true(n > 0 && (size_t)n < sizeof text);
    strcpy(text + n, " and more");
    return eg_ovpn_file((const uint8_t *)text, strlen(text), &file) && file.text == (size_t)n;
}

/* @n bytes from 7 on, as lines of hex. */
static const char *hex_lines(size_t n)
{
    static char out[4000];
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        at +=
            (size_t)sprintf(out + at, i % 16 == 15 ? "%02x\r\n" : "%02X", (unsigned)(i + 7) & 255);
    return out;
}

static const char *base64_lines(const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char out[4000];
    size_t at = 0;

    for (size_t i = 0; i < n; i += 3) {
        const uint32_t w = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                           (i + 2 < n ? p[i + 2] : 0);

        for (unsigned k = 0; k < 4; k++)
            out[at++] = i + k > n ? '=' : digits[w >> (18 - 6 * k) & 63];
        if (i % 48 == 45)
            out[at++] = '\n';
    }
    out[at] = 0;
    return out;
}

#define STATIC "OpenVPN Static key V1"
#define SERVER "OpenVPN tls-crypt-v2 server key"
#define CLIENT "OpenVPN tls-crypt-v2 client key"

static void files(void **state)
{
    static uint8_t bytes[1600];

    (void)state;
    assert_true(reads(STATIC, hex_lines(256), STATIC));
    assert_int_equal(file.sort, OVPN_STATIC);
    assert_int_equal(file.len, 256);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(file.key[i], (uint8_t)(i + 7));
    assert_false(reads(STATIC, hex_lines(255), STATIC));
    assert_false(reads(STATIC, hex_lines(257), STATIC));
    assert_false(reads(STATIC, hex_lines(1600), STATIC));
    assert_false(reads(STATIC, "", STATIC));
    assert_false(reads(STATIC, hex_lines(256), SERVER));
    assert_false(reads("OpenVPN Static key V2", hex_lines(256), "OpenVPN Static key V2"));
    reads(STATIC, hex_lines(256), STATIC);
    text[100] = 'g';
    assert_false(eg_ovpn_file((const uint8_t *)text, strlen(text), &file));
    reads(STATIC, hex_lines(256), STATIC); // cut off
    assert_false(eg_ovpn_file((const uint8_t *)text, file.text - 1, &file));
    assert_false(eg_ovpn_file((const uint8_t *)text, 10, &file));
    assert_false(eg_ovpn_file((const uint8_t *)text, 0, &file));

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 3);
    assert_true(reads(SERVER, base64_lines(bytes, 128), SERVER));
    assert_int_equal(file.sort, OVPN_V2_SERVER);
    assert_memory_equal(file.key, bytes, 128);
    assert_false(reads(SERVER, base64_lines(bytes, 127), SERVER));
    assert_false(reads(SERVER, base64_lines(bytes, 1600), SERVER));
    bytes[598] = 300 >> 8, bytes[599] = 300 & 255;
    assert_false(reads(CLIENT, base64_lines(bytes, 600), CLIENT));
    bytes[598] = 344 >> 8, bytes[599] = 344 & 255;
    assert_true(reads(CLIENT, base64_lines(bytes, 600), CLIENT));
    assert_int_equal(file.sort, OVPN_V2_CLIENT);
    assert_int_equal(file.len, 600);
    bytes[257] = 2;
    assert_false(reads(CLIENT, base64_lines(bytes, 258), CLIENT));
}

/* ---- a process ---- */

enum { SLOTS = 12 };

static void invent(uint8_t *out, size_t n, unsigned seed)
{
    uint8_t secret[48] = { 1, (uint8_t)seed };

    for (size_t i = 0; i < n; i += 32) {
        uint8_t part[32];

        secret[2] = (uint8_t)(i / 32);
        assert_true(eg_tls_expand(48, secret, "test", NULL, 0, part, 32));
        memcpy(out + i, part, EG_MIN(n - i, (size_t)32));
    }
}

/** A connection as OpenSSL keeps it, in the first page; @keys: what is exported from it. */
static void connection(struct mk_user *u, uint8_t keys[OVPN_KEYS])
{
    static const char *const labels[] = { "c ap traffic", "s ap traffic", "exp master" };
    uint8_t slots[SLOTS * TLS_SLOT] = { 0 };

    for (unsigned i = 0; i < 8; i++)
        invent(slots + i * TLS_SLOT, 32, i);
    for (unsigned i = 0; i < 3; i++)
        eg_tls_expand(32, slots + 2 * TLS_SLOT, labels[i], slots + 6 * TLS_SLOT, 32,
                      slots + (8 + i) * TLS_SLOT, 32);
    assert_true(eg_ovpn_export13(32, slots + 10 * TLS_SLOT, keys));
    mk_guest_write(&u->g, u->mm, u->heap + 0x404, slots, sizeof slots);
    u->at = u->heap + u->g.page;
}

static uint64_t schedule_of(struct mk_user *u, const uint8_t *key, unsigned words)
{
    uint8_t schedule[AES_SCHEDULE_MAX];
    const uint64_t at = mk_user_room(u, sizeof schedule);

    eg_aes_expand(key, words, schedule);
    mk_guest_write(&u->g, u->mm, at, schedule, eg_aes_size(words));
    return at;
}

static uint64_t bytes_of(struct mk_user *u, const void *bytes, size_t n)
{
    const uint64_t at = mk_user_room(u, n);

    mk_guest_write(&u->g, u->mm, at, bytes, n);
    return at;
}

#define each_process(u)                                                                            \
    mk_each_machine(m_) for (struct mk_user u = mk_user(m_, 0); u.g.k; mk_free(u.g.k), u.g.k = NULL)

/* What is told of the keys, with the first bytes of each. */
static const char *told(struct mk_user *u)
{
    return mk_told(&u->g, "OpenVPN");
}

static const char *row(const char *purpose, const char *algorithm, const char *proof,
                       const uint8_t *key)
{
    static char out[4][300];
    static unsigned n;
    char *p = out[n++ % 4];

    snprintf(p, sizeof out[0], "|%s|%s|%s|%02x%02x%02x%02x\n", purpose, algorithm, proof, key[0],
             key[1], key[2], key[3]);
    return p;
}

static const char *both(const char *a, const char *b)
{
    static char out[700];

    snprintf(out, sizeof out, "%s%s", a, b);
    return out;
}

#define UP       "data channel, client to server"
#define DOWN     "data channel, server to client"
#define SCHEDULE "follows from the exporter secret; its AES schedule is there"
#define STATE    "follows from the exporter secret; the cipher at work has it"
#define MAC      "follows from the exporter secret; the HMAC at work has its state"

static void aead(void **state)
{
    uint8_t keys[OVPN_KEYS];

    (void)state;
    each_process(u)
    {
        uint64_t at, iv_at;

        if (mk_model(u.g.k)->big_endian)
            continue;
        connection(&u, keys);
        assert_string_equal(told(&u), "");
        bytes_of(&u, keys, 32); // a copy is no key at work
        assert_string_equal(told(&u), "");
        at = schedule_of(&u, keys, 8);
        assert_string_equal(told(&u), row(UP, "AES-256", SCHEDULE, keys));
        iv_at = bytes_of(&u, keys + 64, 8);
        bytes_of(&u, "behind it", 9);
        assert_string_equal(told(&u), row(UP, "AES-256-GCM", SCHEDULE, keys));
        schedule_of(&u, keys + OVPN_KEY, 4); // of 16 bytes, the other way
        assert_string_equal(told(&u), both(row(UP, "AES-256-GCM", SCHEDULE, keys),
                                           row(DOWN, "AES-128", SCHEDULE, keys + OVPN_KEY)));
        mk_guest_write(&u.g, u.mm, iv_at, keys + 64, 16); // the key of an HMAC
        assert_string_equal(told(&u), both(row(UP, "AES-256", SCHEDULE, keys),
                                           row(DOWN, "AES-128", SCHEDULE, keys + OVPN_KEY)));
        mk_user_int(&u, at + 40, 1, 0xff);
        mk_user_int(&u, at + 41, 1, 0xff);
        assert_string_equal(told(&u), row(DOWN, "AES-128", SCHEDULE, keys + OVPN_KEY));
    }
}

static void chacha(void **state)
{
    uint8_t keys[OVPN_KEYS], cipher[32 + 16] = { 0 };

    (void)state;
    each_process(u)
    {
        uint64_t at;

        if (mk_model(u.g.k)->big_endian)
            continue;
        connection(&u, keys);
        memcpy(cipher, keys + OVPN_KEY, 32);
        cipher[32] = 1; // a block's number, a packet's, the implicit IV
        cipher[39] = 9;
        memcpy(cipher + 40, keys + OVPN_KEY + 64, 8);
        at = bytes_of(&u, cipher, sizeof cipher);
        assert_string_equal(told(&u), row(DOWN, "ChaCha20-Poly1305", STATE, keys + OVPN_KEY));
        mk_user_int(&u, at + 47, 1, cipher[47] ^ 1); // another nonce
        assert_string_equal(told(&u), "");
        mk_user_int(&u, at + 47, 1, cipher[47]);
        mk_user_int(&u, at + 31, 1, cipher[31] ^ 1); // another key
        assert_string_equal(told(&u), "");
    }
}

/* What is decrypted is by a schedule that begins with its last round. */
static void cbc(void **state)
{
    uint8_t keys[OVPN_KEYS], schedule[AES_SCHEDULE_MAX], back[AES_SCHEDULE_MAX];
    struct eg_hmac_states mac;

    (void)state;
    each_process(u)
    {
        size_t n;

        if (mk_model(u.g.k)->big_endian)
            continue;
        connection(&u, keys);
        eg_aes_expand(keys + OVPN_KEY, 6, schedule);
        n = eg_aes_size(6);
        for (size_t i = 0; i < n; i += 16)
            memcpy(back + n - 16 - i, schedule + i, 16);
        bytes_of(&u, back, n);
        schedule_of(&u, keys, 6);
        assert_string_equal(told(&u), both(row(UP, "AES-192-CBC", SCHEDULE, keys),
                                           row(DOWN, "AES-192-CBC", SCHEDULE, keys + OVPN_KEY)));
        assert_true(eg_hmac_states("sha1", keys + OVPN_KEY + 64, 20, false, &mac));
        assert_int_equal(mac.n, 20);
        bytes_of(&u, mac.inner, mac.n);
        assert_non_null(strstr(told(&u), row("data channel, MAC key, server to client", "HMAC-SHA1",
                                             MAC, keys + OVPN_KEY + 64)));
    }
}

static void epochs(void **state)
{
    uint8_t keys[OVPN_KEYS], secret[32], key[32], iv[12];

    (void)state;
    each_process(u)
    {
        if (mk_model(u.g.k)->big_endian)
            continue;
        connection(&u, keys);
        bytes_of(&u, keys, 32); // the secret is kept
        assert_string_equal(told(&u), "");
        eg_ovpn_epoch(keys, "datakey upd", secret, 32);
        eg_ovpn_epoch(secret, "data_key", key, 32);
        eg_ovpn_epoch(secret, "data_iv", iv, 12);
        schedule_of(&u, key, 8);
        bytes_of(&u, iv + 4, 8);
        assert_string_equal(
            told(&u),
            both(row("data channel, secret of the first epoch, client to server", "HKDF-SHA256",
                     "follows from the exporter secret; a key that is in use from "
                     "it",
                     keys),
                 row("data channel, epoch 2, client to server", "AES-256-GCM", SCHEDULE, key)));
    }
}

/* TLS 1.2: the master secret, and both randoms in the order of the library. */
static void tls12(void **state)
{
    uint8_t master[48], pair[64], seed[64], block[160], keys[OVPN_KEYS];

    (void)state;
    each_process(u)
    {
        const uint64_t session = u.heap + 0x200, s = u.heap + u.g.page + 0x100;

        if (mk_model(u.g.k)->big_endian)
            continue;
        invent(master, 48, 5);
        invent(pair, 64, 8);
        mk_user_word(&u, session, 0, 0x303);
        mk_user_word(&u, session, 1, 48);
        mk_guest_write(&u.g, u.mm, session + 0x50, master, 48);
        mk_guest_write(&u.g, u.mm, s, pair, 64);
        mk_user_word(&u, s + 0x600, 0, session);
        memcpy(seed, pair, 64); // the server's random is the first
        eg_tls_prf(32, master, "key expansion", seed, 64, block, sizeof block);
        u.at = u.heap + 3 * u.g.page;
        bytes_of(&u, block, 16);
        eg_ovpn_export12(32, master, pair + 32, pair, keys);
        schedule_of(&u, keys, 8);
        assert_string_equal(told(&u), row(UP, "AES-256", SCHEDULE, keys));
        eg_ovpn_export12(32, master, pair, pair + 32, keys);
        mk_user_int(&u, u.heap + 3 * u.g.page + 32, 1, 0);
        schedule_of(&u, keys, 8);
        assert_null(strstr(told(&u), row(UP, "AES-256", SCHEDULE, keys)));
    }
}

/* ---- ciphers at work, of which no secret is left ---- */

/** A struct key_ctx. @newer: OpenVPN 2.7's, with two numbers of 8 bytes and one of 2 more.
 * @return where the next one is. */
static uint64_t evp_of[2];
static uint64_t context(struct mk_user *u, uint64_t at, unsigned number, bool newer)
{
    uint8_t key[32], iv[16] = { 0 };
    uint64_t evp, state;

    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 37 + number * 11 + 5);
    for (unsigned i = 0; i < 8; i++)
        iv[i + (newer ? 4 : 0)] = (uint8_t)(i * 3 + number + 1);
    state = mk_user_room(u, 64);
    schedule_of(u, key, 8);
    evp_of[number] = evp = MK_WORDS(u, 0, 1, state, 3);
    mk_user_word(u, at, 0, evp);
    mk_user_word(u, at, 1, 0);
    mk_guest_write(&u->g, u->mm, at + (uint64_t)2 * u->ptr, iv, sizeof iv);
    mk_user_word(u, at + 16, 2, newer ? 12 : 8);
    return at + (uint64_t)3 * u->ptr + 16 + (!newer ? 0 : u->ptr == 4 ? 20 : 24);
}

#define AT_WORK "the cipher at work has its AES schedule"

static void contexts(void **state)
{
    static const uint8_t sent[] = { 5, 42, 79, 116 }, received[] = { 16, 53, 90, 127 };

    (void)state;
    mk_each_user(m, p) for (unsigned newer = 0; newer < 2; newer++)
    {
        struct mk_user u = mk_user(m, p);
        const uint64_t at = mk_user_room(&u, 256);
        const uint64_t next = context(&u, at, 0, newer);
        const uint64_t iv = at + (uint64_t)2 * u.ptr + (newer ? 4 : 0);

        assert_string_equal(told(&u), ""); // alone
        context(&u, next, 1, newer);
        assert_string_equal(told(&u),
                            both(row("data channel, sent", "AES-256-GCM", AT_WORK, sent),
                                 row("data channel, received", "AES-256-GCM", AT_WORK, received)));
        mk_user_word(&u, next, 0, evp_of[0]); // one cipher of both
        assert_string_equal(told(&u), "");
        mk_user_word(&u, next, 0, evp_of[1]);
        mk_user_word(&u, at, 1, at); // an HMAC
        assert_string_equal(told(&u), "");
        mk_user_word(&u, at, 1, 0);
        mk_user_int(&u, iv + 8, 1, 1); // of more than its length
        assert_string_equal(told(&u), "");
        mk_user_int(&u, iv + 8, 1, 0);
        mk_user_word(&u, at + 16, 2, 9);
        assert_string_equal(told(&u), "");
        mk_user_word(&u, at + 16, 2, newer ? 12 : 8);
        mk_user_int(&u, iv, 4, 0);
        assert_string_equal(told(&u), "");
        mk_user_int(&u, iv, 4, 0x01020304);
        mk_user_word(&u, at, 0, 0x7000); // leads nowhere
        assert_string_equal(told(&u), "");
        mk_free(u.g.k);
    }
}

/* The file of a key in memory, told once; what --export writes is that file. */
static void static_key(void **state)
{
    static const uint8_t first[] = { 7, 8, 9, 10 };

    (void)state;
    each_process(u)
    {
        const char *out;
        char name[100];
        uint8_t key[256];

        assert_true(reads(STATIC, hex_lines(256), STATIC));
        memcpy(key, file.key, sizeof key);
        mk_user_text(&u, text);
        mk_user_text(&u, text);
        assert_string_equal(told(&u), row("static key", "", "form", first));
        snprintf(name, sizeof name, "openvpn/%s.key", "dd6ffa2e9eca842e");
        out = mk_exported(&u.g, name);
        assert_non_null(out);
        assert_int_equal(strlen(out), file.text + 1);
        assert_memory_equal(out, text, file.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivation), cmocka_unit_test(files),    cmocka_unit_test(aead),
        cmocka_unit_test(chacha),     cmocka_unit_test(cbc),      cmocka_unit_test(epochs),
        cmocka_unit_test(tls12),      cmocka_unit_test(contexts), cmocka_unit_test(static_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
