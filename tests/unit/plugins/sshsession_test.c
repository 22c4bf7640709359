/* sshsession_test.c - a session of OpenSSH, word by word: its keys, the ciphers that prove them,
 * and what is close to a session and is none. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/hmac.h"
#include "check.h"
#include "mkuser.h"
#include <stdio.h>
#include <stdlib.h>

enum { IN, OUT, WAYS };

struct world {
    struct mk_user u;
    uint64_t state, newkeys_at;            // struct session_state, and its member
    uint64_t newkeys[WAYS], context[WAYS]; // struct newkeys, sshcipher_ctx
    uint64_t cipher, cipher_name;
    uint64_t evp[WAYS], hmac[WAYS]; // what they work with
    uint64_t key_at[WAYS];
    uint8_t key[WAYS][64], mac[WAYS][32];
    uint32_t key_len, iv_len, block;
};
enum { CIPHER_AT = 80, BEFORE_KEYS = 40 }; // in struct sshcipher_ctx; words between

static uint64_t bytes_of(struct mk_user *u, const void *bytes, size_t len)
{
    uint64_t at = mk_user_room(u, len);

    mk_guest_write(&u->g, u->mm, at, bytes, len);
    return at;
}

/** An EVP_CIPHER_CTX or EVP_MD_CTX whose fifth word leads to @bytes, behind 64 others. */
static uint64_t evp(struct mk_user *u, const void *bytes, size_t len)
{
    uint8_t state[64 + AES_SCHEDULE_MAX] = { 0 };

    memcpy(state + 64, bytes, len);
    return MK_WORDS(u, 0, 1, 2, 3, bytes_of(u, state, sizeof state));
}

static void numbers(struct mk_user *u, uint64_t at, const uint32_t *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mk_user_int(u, at + 4 * i, 4, n[i]);
}
#define NUMBERS(u, at, ...)                                                                        \
    numbers((u), (at), (const uint32_t[]){ __VA_ARGS__ },                                          \
            sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void packet_state(struct mk_user *u, uint64_t at, uint32_t seqnr, uint32_t packets,
                         uint64_t blocks, uint64_t bytes)
{
    NUMBERS(u, at, seqnr, packets);
    mk_user_int(u, at + 8, 8, blocks);
    mk_user_int(u, at + 16, 8, bytes);
}

static void newkeys(struct world *w, unsigned way, const char *name, const char *mac)
{
    struct mk_user *u = &w->u;
    const uint64_t at = w->newkeys[way] = mk_user_room(u, 160), word = u->ptr;
    const uint64_t mac_at = at + 4 * word + 16;

    for (unsigned i = 0; i < 160; i += 4)
        mk_user_int(u, at + i, 4, 0);
    for (unsigned i = 0; i < sizeof w->key[0]; i++)
        w->key[way][i] = (uint8_t)(i * 37 + way * 11 + 5);
    mk_user_word(u, at, 0, mk_user_text(u, name));
    mk_user_word(u, at, 1, w->cipher);
    NUMBERS(u, at + 2 * word, 1, w->key_len, w->iv_len, w->block);
    w->key_at[way] = bytes_of(u, w->key[way], w->key_len);
    mk_user_word(u, at + 16, 2, w->key_at[way]);
    mk_user_word(u, at + 16, 3, w->iv_len ? bytes_of(u, "an IV of 16 byte", 16) : 0);
    if (!mac)
        return;
    for (unsigned i = 0; i < sizeof w->mac[0]; i++)
        w->mac[way][i] = (uint8_t)(i * 41 + way * 13 + 9);
    mk_user_word(u, mac_at, 0, mk_user_text(u, mac));
    NUMBERS(u, mac_at + word, 1, 32);
    mk_user_word(u, mac_at + 8, 1, bytes_of(u, w->mac[way], 32));
    NUMBERS(u, mac_at + 2 * word + 8, 32, 1, 1);
    mk_user_word(u, mac_at + (word == 8 ? 40 : 28), 0, w->hmac[way]);
}

static void contexts(struct world *w)
{
    struct mk_user *u = &w->u;

    for (unsigned way = IN; way < WAYS; way++) {
        w->context[way] = mk_user_room(u, CIPHER_AT + u->ptr);
        for (unsigned i = 0; i < CIPHER_AT; i += 4)
            mk_user_int(u, w->context[way] + i, 4, 0);
        NUMBERS(u, w->context[way], 0, way);
        mk_user_word(u, w->context[way] + CIPHER_AT, 0, w->cipher);
    }
}

/* What a cipher works with is set by a test. */
static struct world world(const struct mk_machine *m, unsigned ptr, const char *name,
                          uint32_t key_len, uint32_t iv_len, uint32_t block, const char *mac)
{
    struct world w = { .u = mk_user(m, ptr), .key_len = key_len, .iv_len = iv_len, .block = block };
    struct mk_user *u = &w.u;
    const uint64_t numbers_size = u->ptr == 8 ? 16 : 12;

    w.cipher_name = mk_user_text(u, name);
    w.cipher = u->data + 128; // of the program
    mk_user_word(u, w.cipher, 0, w.cipher_name);
    NUMBERS(u, w.cipher + u->ptr, block, key_len, iv_len, 0);
    for (unsigned way = IN; way < WAYS; way++) { // before the rest: words that are not zero
        w.hmac[way] = mk_user_room(u, 64);
        newkeys(&w, way, name, mac);
    }
    contexts(&w);
    w.state = mk_user_room(u, 800);
    NUMBERS(u, w.state, 3, 3, 0, 0);
    mk_user_word(u, w.state + numbers_size, 0, w.context[IN]);
    mk_user_word(u, w.state + numbers_size, 1, w.context[OUT]);
    for (unsigned i = 2; i < BEFORE_KEYS; i++)
        mk_user_word(u, w.state + numbers_size, i, 0);
    w.newkeys_at = w.state + numbers_size + BEFORE_KEYS * u->ptr;
    mk_user_word(u, w.newkeys_at, 0, w.newkeys[IN]);
    mk_user_word(u, w.newkeys_at, 1, w.newkeys[OUT]);
    packet_state(u, w.newkeys_at + 2 * u->ptr, 30, 26, 100, 4096);
    packet_state(u, w.newkeys_at + 2 * u->ptr + 24, 8, 8, 40, 2048);
    return w;
}

static struct world aes(const struct mk_machine *m, unsigned ptr)
{
    struct world w = world(m, ptr, "aes128-ctr", 16, 16, 16, "hmac-sha2-256-etm@openssh.com");
    uint8_t schedule[AES_SCHEDULE_MAX];

    for (unsigned way = IN; way < WAYS; way++) {
        eg_aes_expand(w.key[way], 4, schedule);
        w.evp[way] = evp(&w.u, schedule, eg_aes_size(4));
        mk_user_word(&w.u, w.context[way] + 8, 0, w.evp[way]);
    }
    return w;
}

/** Of sessions: the search of memory finds schedules too. */
static const char *rows(struct world *w, int from, int to)
{
    static char kept[8192];
    const char *line = mk_guest_rows(&w->u.g, "keys", NULL);
    char *out = kept;

    for (const char *end; *line; line = end + (*end != 0)) {
        end = strchrnul(line, '\n');
        if (!strncmp(line, "ssh session", 11) && end - line + 2 < kept + sizeof kept - out)
            out += sprintf(out, "%s%.*s", out > kept ? "\n" : "", (int)(end - line), line);
    }
    *out = 0;
    return mk_columns(kept, from, to);
}

#define AES_PROOF "the cipher at work has its AES schedule"

static void of_aes(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct world w = aes(m, p);
        const char *said = rows(&w, 2, 4);

        assert_string_equal(said, "cipher key, received|aes128-ctr|128\n"
                                  "cipher key, sent|aes128-ctr|128\n"
                                  "MAC key, received|hmac-sha2-256-etm@openssh.com|256\n"
                                  "MAC key, sent|hmac-sha2-256-etm@openssh.com|256");
        said = rows(&w, 9, 9);
        assert_string_equal(said, AES_PROOF "\n" AES_PROOF "\n\n");
        said = rows(&w, 12, 12);
        assert_string_equal(said, "26 packets with it\n8 packets with it\n"
                                  "belongs to a cipher key that is proven\n"
                                  "belongs to a cipher key that is proven");
        mk_free(w.u.g.k);
    }
}

/* A schedule of another key, and one that has nothing to do with the cipher at work. */
static void unproven(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct world w = aes(m, p);

        mk_user_int(&w.u, w.key_at[OUT], 1, (uint64_t)w.key[OUT][0] ^ 1);
        assert_string_equal(rows(&w, 9, 9), AES_PROOF "\n\n\n");
        mk_user_int(&w.u, w.key_at[OUT], 1, w.key[OUT][0]);
        mk_user_int(&w.u, w.context[OUT] + 4, 4, 0); // it does not encrypt: neither is found
        assert_string_equal(rows(&w, 9, 9), "\n\n\n");
        mk_user_int(&w.u, w.context[OUT] + 4, 4, 1);
        mk_user_word(&w.u, w.context[OUT] + CIPHER_AT, 0, w.cipher + 32);
        assert_string_equal(rows(&w, 9, 9), "\n\n\n");
        mk_free(w.u.g.k);
    }
}

/* libcrypto's contexts, and OpenSSH's own state. The key where it is kept does not count. */
static void of_chacha(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct world w = world(m, p, "chacha20-poly1305@openssh.com", 64, 0, 8, NULL);
        struct mk_user *u = &w.u;
        uint8_t own[128] = { 0 };

        mk_user_word(u, w.context[IN] + 8, 1,
                     MK_WORDS(u, MK_WORDS(u, w.key_at[IN]), MK_WORDS(u, w.key_at[IN])));
        assert_string_equal(rows(&w, 9, 9), "\n");
        mk_user_word(u, w.context[IN] + 8, 1,
                     MK_WORDS(u, evp(u, w.key[IN], 32), evp(u, w.key[IN] + 32, 32)));
        memcpy(own + 16, w.key[OUT], 32);
        memcpy(own + 80, w.key[OUT] + 32, 32);
        mk_user_word(u, w.context[OUT] + 8, 1, bytes_of(u, own, sizeof own));
        assert_string_equal(rows(&w, 9, 9), "the cipher at work has it in its state\n"
                                            "the cipher at work has it in its state");
        // both halves in turn
        mk_user_word(u, w.context[IN] + 8, 1,
                     MK_WORDS(u, evp(u, w.key[IN] + 32, 32), evp(u, w.key[IN], 32)));
        mk_user_word(u, w.context[OUT] + 8, 1, u->data);
        assert_string_equal(rows(&w, 9, 9), "\n");
        mk_free(u->g.k);
    }
}

static void of_hmac(void **state)
{
    struct eg_hmac_states s;

    (void)state;
    mk_each_user(m, p)
    {
        struct world w = aes(m, p);
        struct mk_user *u = &w.u;

        for (unsigned way = IN; way < WAYS; way++) {
            assert_true(eg_hmac_states("sha256", w.mac[way], 32, mk_model(u->g.k)->big_endian, &s));
            mk_user_word(u, w.hmac[way], 0, 2);
            mk_user_word(u, w.hmac[way], 1, MK_WORDS(u, 2, evp(u, s.inner, s.n)));
            mk_user_word(u, w.hmac[way], 2, 0);
        }
        assert_string_equal(rows(&w, 9, 9), AES_PROOF "\nthe HMAC at work has its state\n" AES_PROOF
                                                      "\nthe HMAC at work has its state");
        mk_free(u->g.k);
    }
}

/* A line for each direction, with what the packets need. */
static void exported(void **state)
{
    char top[] = "/tmp/engram-keys-XXXXXX", args[64], path[100], text[4096], command[64], *line;
    size_t n, n_worlds = 0;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(top));
    mk_each_user(m, p)
    {
        struct world w = aes(m, p);

        snprintf(args, sizeof args, "export=%s/%zu", top, n_worlds);
        mk_guest_rows(&w.u.g, "keys", args);
        snprintf(path, sizeof path, "%s/%zu/keys/ssh/sessions.jsonl", top, n_worlds++);
        f = fopen(path, "r");
        assert_non_null(f);
        n = fread(text, 1, sizeof text - 1, f);
        text[n] = 0;
        fclose(f);
        snprintf(args, sizeof args, "\"sshenc_addr\":%llu,", (unsigned long long)w.newkeys[IN]);
        assert_non_null(strstr(text, args));
        line = strchr(text, '\n') + 1;
        assert_non_null(strstr(line, "\"cipher_name\":\"aes128-ctr\",\"key\":\"10355a7fa4c9ee13"));
        assert_non_null(strstr(line, "\"iv\":\"616e204956206f662031362062797465\""));
        assert_non_null(strstr(line, "\"direction\":\"out\","));
        assert_non_null(strstr(line, "\"mac_key\":\"163f68"));
        assert_non_null(strstr(line, "\"mac_bytes\":32,\"encrypt_then_mac\":true,"));
        assert_non_null(strstr(line, "\"iv_sequence\":0,\"next_sequence\":8,\"blocks\":40,"));
        *line = 0;
        assert_non_null(strstr(text, "\"iv_sequence\":4,\"next_sequence\":30,"));
        mk_free(w.u.g.k);
    }
    snprintf(command, sizeof command, "rm -rf %s", top);
    assert_int_equal(system(command), 0);
}

/* Words that may begin a session, and lead to none. */
static void none(void **state)
{
    (void)state;
    mk_each_user(m, p) for (unsigned i = 0; i < 14; i++)
    {
        struct world w = aes(m, p);
        struct mk_user *u = &w.u;
        const uint64_t packets = w.newkeys_at + 2 * u->ptr, enc = w.newkeys[OUT];

        switch (i) {
        case 0: // no packet was read
            packet_state(u, packets, 0, 0, 0, 0);
            break;
        case 1: // more blocks than bytes
            packet_state(u, packets, 30, 26, 1000, 4096);
            break;
        case 2: // more packets than bytes
            packet_state(u, packets + 24, 30, 4097, 10, 4096);
            break;
        case 3: // both directions have the same keys
            mk_user_word(u, w.newkeys_at, 1, w.newkeys[IN]);
            break;
        case 4: // keys outside of the process's own memory
            mk_user_word(u, w.newkeys_at, 1, u->heap + 4096 * u->g.page);
            break;
        case 5: // no name
            mk_user_word(u, enc, 0, 0);
            break;
        case 6: // a name that no cipher has
            mk_user_word(u, enc, 0, mk_user_text(u, "aes129-ctr"));
            break;
        case 7: // another cipher's name
            mk_user_word(u, enc, 0, mk_user_text(u, "aes128-cbc"));
            break;
        case 8: // a length of key that it has not
            mk_user_int(u, enc + 2 * u->ptr + 4, 4, 32);
            break;
        case 9: // the same, of a block
            mk_user_int(u, enc + 2 * u->ptr + 12, 4, 8);
            break;
        case 10: // the cipher says so too, but not of itself
            mk_user_int(u, w.cipher + u->ptr + 4, 4, 32);
            break;
        case 11: // the key is elsewhere
            mk_user_word(u, enc + 16, 2, u->heap + 4096 * u->g.page);
            break;
        case 13: // all say so, and it is not that cipher's
            mk_user_int(u, w.cipher + u->ptr + 4, 4, 32);
            mk_user_int(u, w.newkeys[IN] + 2 * u->ptr + 4, 4, 32);
            mk_user_int(u, enc + 2 * u->ptr + 4, 4, 32);
            break;
        case 12: // and the IV
            mk_user_word(u, enc + 16, 3, 4097);
            break;
        }
        if (*rows(&w, 0, 9))
            fail_msg("change %u: %s", i, rows(&w, 0, 9));
        mk_free(u->g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_aes),  cmocka_unit_test(unproven), cmocka_unit_test(of_chacha),
        cmocka_unit_test(of_hmac), cmocka_unit_test(none),     cmocka_unit_test(exported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
